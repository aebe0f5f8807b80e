"""Spells from two lists of instants: those at which a customer may be lost, and those at which one may return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._typing import Array, BoolArray, IntArray
from churnlib.outcomes._segments import Ranges, first_at_least, first_beyond, offsets_of
from churnlib.outcomes._spells import NEVER

__all__ = ["Intervals", "Losses", "Returns", "alternate"]


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Spells as bare arrays: customer, start and end, and which loss ended each.

    Attributes
    ----------
    customer : ndarray of int, shape (n_spells,)
        Codes of customers.
    start, end : ndarray of int64, shape (n_spells,)
        Microseconds; `end` is `NEVER` where nothing ended the spell.
    loss : ndarray of int64, shape (n_spells,)
        Position in the losses, -1 where nothing ended the spell.
    """

    customer: Array
    start: IntArray
    end: IntArray
    loss: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """Instants at which a customer who is with us is lost, ordered by customer and instant.

    Attributes
    ----------
    customer : ndarray of int, shape (n,)
        Codes of customers.
    at : ndarray of int64, shape (n,)
        Instants.
    need : ndarray of int64, shape (n,)
        The level a customer lost here must reach again to be back.
    """

    customer: Array
    at: IntArray
    need: IntArray

    @classmethod
    def ordered(cls, customer: Array, at: IntArray, need: IntArray) -> Losses:
        """Put losses in order; of several at one instant the highest level to reach again stands first."""
        order = np.lexsort((-need, at, customer))
        return cls(customer[order], at[order], need[order])


@dataclass(frozen=True, slots=True, eq=False)
class Returns:
    """Instants at which a lost customer may be back, ordered by customer and instant.

    Attributes
    ----------
    customer : ndarray of int, shape (n,)
        Codes of customers.
    at : ndarray of int64, shape (n,)
        Instants.
    level : ndarray of int64, shape (n,)
        The level reached there.
    """

    customer: Array
    at: IntArray
    level: IntArray


def alternate(start: IntArray, losses: Losses, returns: Returns) -> Intervals:
    """Follow every customer from loss to return to loss.

    A customer with us since s is lost at the first loss *after* s, and back at the first return *at
    or after* that loss whose level is no less than the loss asks for. Which loss would follow on each
    loss is found for all losses at once; those that really happen are the ones reached from the
    customers' starts, marked by pointer doubling. So neither the number of customers nor the number
    of spells of one customer makes a loop longer.

    Parameters
    ----------
    start : ndarray of int64, shape (n_customers,)
        When each customer begins; `NEVER` for one who does not.
    losses : Losses
        Candidates for an end.
    returns : Returns
        Candidates for a new start.

    Returns
    -------
    Intervals
        The spells, in no particular order.

    Examples
    --------
    Lost at 5 and asked to reach level 2; level 1 at 6 is too little, level 2 at 7 will do.

    >>> spells = alternate(
    ...     np.array([0]),
    ...     Losses(np.array([0]), np.array([5]), np.array([2])),
    ...     Returns(np.array([0, 0]), np.array([6, 7]), np.array([1, 2])),
    ... )
    >>> spells.start.tolist(), spells.end.tolist() == [5, NEVER]
    ([0, 7], True)
    """
    n, none = len(start), len(losses.at)
    loss_at, return_at = offsets_of(losses.customer, n), offsets_of(returns.customer, n)

    def next_loss(customer: Array, since: IntArray) -> IntArray:
        high = loss_at[customer + 1]
        found = first_beyond(losses.at, loss_at[customer], high, since)
        return np.where(found < high, found, none)

    born = np.flatnonzero(start < NEVER)
    first = next_loss(born, start[born])
    lost = losses.customer.astype(np.int64)
    high = return_at[lost + 1]
    back = first_at_least(returns.at, return_at[lost], high, losses.at)
    table = Ranges(returns.level, int(np.diff(return_at).max(initial=0)))
    back = table.first_reaching(back, high, losses.need)
    returned = np.flatnonzero(back < high)
    again = returns.at[back[returned]]
    following = np.full(none + 1, none, dtype=np.int64)
    following[returned] = next_loss(lost[returned], again)
    happened = _reached(first, following)[returned]
    ended_by = np.concatenate([first, following[returned[happened]]])
    ends = np.append(losses.at, NEVER)
    return Intervals(
        customer=np.concatenate([born, lost[returned[happened]]]),
        start=np.concatenate([start[born], again[happened]]),
        end=ends[ended_by],
        loss=np.where(ended_by < none, ended_by, -1),
    )


def _reached(first: IntArray, following: IntArray) -> BoolArray:
    """Mark the nodes on the paths that begin at `first`; the last node stands for the end of all paths.

    After k steps the marks reach 2**k nodes down every path, and `jump` leads 2**k nodes on.
    """
    marks = np.zeros(len(following), dtype=np.bool_)
    marks[first] = True
    jump = following
    while True:
        marked = np.flatnonzero(marks[:-1])
        ahead = jump[marked]
        if (ahead == len(following) - 1).all():
            return marks
        marks[ahead] = True
        jump = jump[jump]
