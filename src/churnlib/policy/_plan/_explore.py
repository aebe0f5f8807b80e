"""Who is left alone and who is tried at random: draws by salted hash, and what they may use at most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.numerics import salted_uniform, spread_within

__all__ = ["Draw", "Strata", "draw", "option_counts", "propensities", "strata_of"]

# A share of whole numbers such as 0.07 * 100 is 7.000000000000001: this much is rounding, and no customer.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Strata:
    """Customers with the same eligible actions and the same tier, within which explorers are drawn evenly.

    Attributes
    ----------
    codes : ndarray of int
        The stratum of each customer.
    size : ndarray of int
        Customers by stratum.
    allowed : ndarray of bool
        The actions by stratum.
    first : ndarray of int
        A customer of each stratum.
    """

    codes: IntArray
    size: IntArray
    allowed: BoolArray
    first: IntArray

    def cell(self, share: float) -> IntArray:
        """Return how many explorers of a stratum get one given option, at most."""
        return _ceiling(self.size * share / (1 + self.allowed.sum(axis=1)))

    def contacted(self, share: float) -> IntArray:
        """Return how many explorers of a stratum get any action, at most: their options are neighbours on the line."""
        arms = self.allowed.sum(axis=1)
        return _ceiling(self.size * share * arms / (1 + arms))

    def most_used(self, share: float, cost: FloatArray | None, rows: BoolArray | None, arms: tuple[int, ...]) -> float:
        """Return the most that explorers can use of a limit, whatever the draw gives.

        Within a stratum an interval of length L of the unit line holds at most ⌈n L⌉ of its n evenly spread
        customers; the dearest of them are counted.

        Parameters
        ----------
        share : float
            The share of explorers.
        cost : ndarray of shape (n_customers, n_actions) or None
            What each action costs; None counts customers.
        rows : ndarray of bool or None
            The customers the limit is about: whole strata. None for all.
        arms : tuple of int
            The actions it is about.

        Returns
        -------
        float
            Customers, or money.
        """
        some_of = self.allowed[:, list(arms)]
        each, together = self.cell(share), self.contacted(share)
        if cost is None:
            used = np.minimum(some_of.sum(axis=1) * each, together).astype(np.float64)
        else:
            apart = np.zeros(len(self.size))
            for place, arm in enumerate(arms):
                apart += self._dearest(cost[:, arm], np.where(some_of[:, place], each, 0))
            dearest = np.where(some_of[self.codes], cost[:, list(arms)], 0.0).max(axis=1)
            used = np.minimum(apart, self._dearest(dearest, together))
        return float(used.sum() if rows is None else used[rows[self.first]].sum())

    def _dearest(self, cost: FloatArray, count: IntArray) -> FloatArray:
        """Return the sum of the `count` highest costs of each stratum."""
        if len(cost) and cost.min() == cost.max():
            return np.asarray(count * float(cost[0]), dtype=np.float64)
        order = np.lexsort((-cost, self.codes))
        ordered = self.codes[order]
        begin = np.concatenate([[0], np.cumsum(self.size)[:-1]])
        rank = np.arange(len(ordered)) - begin[ordered]
        taken = rank < count[ordered]
        sums = np.bincount(ordered[taken], weights=cost[order][taken], minlength=len(self.size))
        return sums.astype(np.float64, copy=False)  # of no customer at all numpy makes integers


@dataclass(frozen=True, slots=True)
class Draw:
    """What chance decided.

    Attributes
    ----------
    held : ndarray of bool
        Who is in the holdout.
    explored : ndarray of bool
        Whose action was drawn; never somebody held out.
    arm : ndarray of int16
        The action of those explored, -1 for none.
    """

    held: BoolArray
    explored: BoolArray
    arm: np.ndarray[tuple[int, ...], np.dtype[np.int16]]


def strata_of(allowed: BoolArray, tier: IntArray | None) -> Strata:
    """Put customers together who have the same eligible actions and the same tier."""
    codes = np.zeros(len(allowed), dtype=np.int64) if tier is None else pd.factorize(tier)[0].astype(np.int64)
    for column in allowed.T:
        codes = pd.factorize(codes * 2 + column)[0].astype(np.int64)
    size = np.bincount(codes)
    first = np.empty(len(size), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return Strata(codes, size, allowed[first], first)


def draw(
    customers: pd.Index,
    strata: Strata | None,
    *,
    holdout: float,
    holdout_salt: str,
    explore: float,
    salt: str,
) -> Draw:
    """Draw the holdout, and the explorers with their actions.

    The holdout is that of `experiments.assign` with the same salt. Explorers are the first `explore` of the unit
    line on which the customers of each stratum are spread evenly in the order of their hash; that stretch is cut
    into one equal piece for each eligible action and one for none.

    Parameters
    ----------
    customers : Index
        The ids.
    strata : Strata or None
        Needed where `explore` is above 0.
    holdout, explore : float
        The shares.
    holdout_salt, salt : str
        What the two are drawn with.

    Returns
    -------
    Draw
        The same for any order of the customers.
    """
    n = len(customers)
    held, explored = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    arm = np.full(n, -1, dtype=np.int16)
    if holdout:
        held = salted_uniform(customers, holdout_salt) < holdout
    if explore and strata is not None:
        place = spread_within(salted_uniform(customers, salt), strata.codes, customers)
        explored = place < explore
        rows = np.flatnonzero(explored)
        allowed = strata.allowed[strata.codes[rows]]
        options = 1 + allowed.sum(axis=1)
        piece = np.minimum((place[rows] * options / explore).astype(np.int64), options - 1)
        # piece 0 is no action, piece j the j-th action that is allowed
        reached = np.cumsum(allowed, axis=1) >= piece[:, None]
        arm[rows] = np.where(piece > 0, reached.argmax(axis=1), -1)
    return Draw(held, explored & ~held, np.where(held, -1, arm).astype(np.int16))


def option_counts(allowed: BoolArray | None, n: int, n_actions: int) -> IntArray:
    """Return how many options each customer has, doing nothing included."""
    if allowed is None:
        return np.full(n, 1 + n_actions, dtype=np.int64)
    return np.asarray(1 + allowed.sum(axis=1, dtype=np.int64))


def propensities(
    allocated: np.ndarray[tuple[int, ...], np.dtype[np.int16]],
    allowed: BoolArray | None,
    n_actions: int,
    *,
    holdout: float,
    explore: float,
) -> FloatArray:
    """Return the probability of each option: none first, then the actions.

    With h the holdout, ε the explored share, m the number of options of the customer::

        P(a) = h 1[a = none] + (1 - h) (ε 1[a allowed] / m + (1 - ε) 1[a = allocated])
    """
    n = len(allocated)
    found = np.zeros((n, 1 + n_actions))
    if explore:
        each = (1 - holdout) * explore / option_counts(allowed, n, n_actions)
        found[:, 0] = each
        found[:, 1:] = each[:, None] if allowed is None else np.where(allowed, each[:, None], 0.0)
    found[np.arange(n), 1 + allocated.astype(np.int64)] += (1 - holdout) * (1 - explore)
    found[:, 0] += holdout
    return found


def _ceiling(number: FloatArray) -> IntArray:
    return np.ceil(number - _ROUNDING * (1 + number)).astype(np.int64)
