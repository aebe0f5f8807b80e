"""Spells from two lists of instants: those at which a customer may be lost, and those at which one may return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._typing import Array, IntArray
from churnlib.outcomes._segments import Ranges, first_at_least, first_beyond, offsets_of, segment_starts
from churnlib.outcomes._spells import NEVER

__all__ = ["Intervals", "Losses", "Returns", "alternate", "toggle"]


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
    or after* that loss whose level is no less than the loss asks for. All customers take each step
    together, so the number of steps is the largest number of spells, not the number of customers.

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

    >>> spells = alternate(np.array([0]), Losses(np.array([0]), np.array([5]), np.array([2])),
    ...                    Returns(np.array([0, 0]), np.array([6, 7]), np.array([1, 2])))
    >>> spells.start.tolist(), spells.end.tolist() == [5, NEVER]
    ([0, 7], True)
    """
    n = len(start)
    loss_at, return_at = offsets_of(losses.customer, n), offsets_of(returns.customer, n)
    table = Ranges(returns.level, int(np.diff(return_at).max(initial=0)))
    customer = np.flatnonzero(start < NEVER)
    since = start[customer]
    found: list[tuple[IntArray, IntArray, IntArray, IntArray]] = []
    while len(customer):
        high = loss_at[customer + 1]
        loss = first_beyond(losses.at, loss_at[customer], high, since)
        lost = loss < high
        end = np.full(len(customer), NEVER, dtype=np.int64)
        end[lost] = losses.at[loss[lost]]
        found.append((customer, since, end, np.where(lost, loss, -1)))
        customer, end, loss = customer[lost], end[lost], loss[lost]
        high = return_at[customer + 1]
        back = first_at_least(returns.at, return_at[customer], high, end)
        back = table.first_reaching(back, high, losses.need[loss])
        returned = back < high
        customer, since = customer[returned], returns.at[back[returned]]
    columns = zip(*found, strict=True) if found else [(np.empty(0, dtype=np.int64),)] * 4
    return Intervals(*(np.concatenate(column) for column in columns))


def toggle(start: IntArray, losses: Losses, returns: Returns) -> Intervals:
    """Do what `alternate` does when every return is good enough, in one pass whatever the number of spells.

    Losses and returns are merged into one list, a loss before a return at the same instant; only
    changes of sign matter. `need` and `level` are not read. A customer whose start is `NEVER` is lost
    from the beginning and begins at the first return.

    Parameters
    ----------
    start : ndarray of int64, shape (n_customers,)
        When each customer begins; `NEVER` for one who begins with the first return.
    losses : Losses
        Candidates for an end; those at or before the customer's start are passed over.
    returns : Returns
        Candidates for a new start.

    Returns
    -------
    Intervals
        The spells, in no particular order.

    Examples
    --------
    >>> none = np.zeros(2, dtype=np.int64)
    >>> spells = toggle(np.array([0]), Losses(none, np.array([5, 6]), none), Returns(none, np.array([2, 8]), none))
    >>> spells.start.tolist(), spells.end.tolist() == [5, NEVER]
    ([0, 8], True)
    """
    born = start < NEVER
    after = losses.at > np.where(born, start, np.iinfo(np.int64).min)[losses.customer]
    kept = np.flatnonzero(after)
    customer = np.concatenate([np.flatnonzero(born), losses.customer[kept], returns.customer])
    at = np.concatenate([start[born], losses.at[kept], returns.at])
    rank = np.repeat([0, 1, 2], [int(born.sum()), len(kept), len(returns.at)])
    loss = np.concatenate([np.full(int(born.sum()), -1), kept, np.full(len(returns.at), -1)])
    order = np.lexsort((rank, at, customer))
    order = order[at[order] >= np.where(born, start, np.iinfo(np.int64).min)[customer[order]]]
    customer, at, inside, loss = customer[order], at[order], rank[order] != 1, loss[order]
    first = segment_starts(customer)
    # The sign before an entry: lost, at the customer's first; a change of it opens or closes a spell.
    before = np.zeros(len(customer), dtype=np.bool_)
    before[1:] = inside[:-1] & ~first[1:]
    opens, closes = np.flatnonzero(inside & ~before), np.flatnonzero(~inside & before)
    end = np.full(len(opens), NEVER, dtype=np.int64)
    ended_by = np.full(len(opens), -1, dtype=np.int64)
    # Signs alternate inside a customer, so the spell a change closes is the last one opened before it.
    which = np.searchsorted(opens, closes) - 1
    end[which], ended_by[which] = at[closes], loss[closes]
    return Intervals(customer[opens], at[opens], end, ended_by)
