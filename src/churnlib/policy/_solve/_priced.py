"""What every row takes at given prices of all limits, reading the data once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.policy._solve._limit import Limit
from churnlib.policy._solve._program import Bounds

__all__ = ["Priced", "Problem", "problem_of"]

_CHUNK = 1 << 14
"""Rows priced at once: their columns stay in the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """The best option of every row at given prices.

    Parameters
    ----------
    arm : ndarray of shape (n_rows,)
        The best option, -1 for none.
    margin : ndarray of shape (n_rows,)
        By how much it beats the second best, doing nothing included; in units of what the
        difference of the two moves by when the prices move by `spread`, if that is given.
    total : float
        Sum of the best options at these prices.
    used : ndarray of shape (n_limits,)
        What the best options use.
    value : float
        What they are worth before the prices are taken off.
    """

    arm: npt.NDArray[np.int16]
    margin: FloatArray
    total: float
    used: FloatArray
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Values, costs and limits, the limits as small tables over groups of rows that share all memberships.

    Parameters
    ----------
    worth, price : ndarray of shape (n_rows, n_arms)
        Value (-inf where not allowed) and cost of each option.
    group : ndarray of shape (n_rows,)
        Rows of one group are concerned by the same limits.
    concerns : ndarray of bool of shape (n_limits, n_groups, n_arms)
        Whether a limit concerns an arm of a group.
    counts_cost : ndarray of bool of shape (n_limits,)
        Whether a limit adds up cost, or customers.
    bounds : Bounds
        Least and most of each limit.
    """

    worth: FloatArray
    price: FloatArray
    group: IntArray
    concerns: BoolArray
    counts_cost: BoolArray
    bounds: Bounds

    def part(self, rows: IntArray, bounds: Bounds) -> Problem:
        """Return the problem of some rows under bounds of their own."""
        return Problem(self.worth[rows], self.price[rows], self.group[rows], self.concerns, self.counts_cost, bounds)

    def weights(self, rows: IntArray) -> FloatArray:
        """Return what the options of some rows add to each limit, of shape (n_limits, n_rows, n_arms)."""
        concerned = self.concerns[:, self.group[rows], :]
        return np.where(self.counts_cost[:, None, None], self.price[rows][None], 1.0) * concerned

    def net(self, prices: FloatArray, rows: IntArray) -> FloatArray:
        """Return what the options of some rows are worth after paying the prices of all limits."""
        money, each = self._tables(prices)
        group = self.group[rows]
        with np.errstate(invalid="ignore"):
            found: FloatArray = self.worth[rows] - money[group] * self.price[rows] - each[group]
        return found

    def priced(self, prices: FloatArray, spread: FloatArray | None = None) -> Priced:
        """Return the best option of every row after paying the prices of all limits."""
        n, n_arms = self.worth.shape
        groups = self.concerns.shape[1]
        arm, margin = np.empty(n, dtype=np.int16), np.empty(n)
        counts, costs = np.zeros((groups, n_arms + 1)), np.zeros((groups, n_arms + 1))
        total = value = 0.0
        for start in range(0, n, _CHUNK):
            rows = np.arange(start, min(start + _CHUNK, n))
            net = self.net(prices, rows)
            best_arm = net.argmax(axis=1)
            places = np.arange(rows.size)
            best = net[places, best_arm]
            net[places, best_arm] = -np.inf
            second_arm = net.argmax(axis=1)
            second = net[places, second_arm]
            given = best > 0.0
            arm[rows] = np.where(given, best_arm, -1)
            margin[rows] = np.where(given, best - np.maximum(second, 0.0), -best)
            if spread is not None:
                moved = self._moved(spread, rows, best_arm)
                moved += np.where(given & (second > 0.0), self._moved(spread, rows, second_arm), 0.0)
                margin[rows] /= np.maximum(moved, 1e-300)
            total += float(best[given].sum())
            taken = (rows[given], best_arm[given])
            value += float(self.worth[taken].sum())
            cell = self.group[taken[0]] * (n_arms + 1) + taken[1]
            counts += np.bincount(cell, minlength=counts.size).reshape(counts.shape)
            costs += np.bincount(cell, weights=self.price[taken], minlength=counts.size).reshape(counts.shape)
        summed = np.where(self.counts_cost[:, None, None], costs[None, :, :n_arms], counts[None, :, :n_arms])
        return Priced(arm, margin, total, (summed * self.concerns).sum(axis=(1, 2)), value)

    def _moved(self, spread: FloatArray, rows: IntArray, arm: IntArray) -> FloatArray:
        """Return by how much the net value of an option moves with the prices."""
        money, each = self._tables(spread)
        group = self.group[rows]
        found: FloatArray = money[group, arm] * self.price[rows, arm] + each[group, arm]
        return found

    def used(self, arm: npt.NDArray[np.int16]) -> FloatArray:
        """Return what an allocation uses of each limit."""
        rows = np.flatnonzero(arm >= 0)
        given = arm[rows].astype(np.int64)
        concerned = self.concerns[:, self.group[rows], given]
        each = np.where(self.counts_cost[:, None], self.price[rows, given][None], 1.0)
        return np.asarray((each * concerned).sum(axis=1), dtype=np.float64)

    def value(self, arm: npt.NDArray[np.int16]) -> float:
        """Return what an allocation is worth."""
        rows = np.flatnonzero(arm >= 0)
        return float(self.worth[rows, arm[rows]].sum())

    def _tables(self, prices: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the price of money and the price of a contact by group and arm."""
        money = np.tensordot(np.where(self.counts_cost, prices, 0.0), self.concerns, axes=1)
        each = np.tensordot(np.where(self.counts_cost, 0.0, prices), self.concerns, axes=1)
        return money, each


def problem_of(worth: FloatArray, price: FloatArray, budget: float, limits: list[Limit]) -> Problem:
    """Put values, costs and limits together; the budget is the first limit."""
    n, n_arms = worth.shape
    group = np.zeros(n, dtype=np.int64)
    for limit in limits:
        if limit.rows is not None:
            # Numbered anew after each mask: the groups stay as few as the memberships that occur.
            group = np.unique(group * 2 + limit.mask(n), return_inverse=True)[1].reshape(-1)
    _, first = np.unique(group, return_index=True)
    groups = max(first.size, 1)
    concerns = np.zeros((len(limits) + 1, groups, n_arms), dtype=bool)
    concerns[0] = True
    for place, limit in enumerate(limits, start=1):
        member = limit.mask(n)[first] if n else np.ones(groups, dtype=bool)
        concerns[place] = member[:, None] & np.isin(np.arange(n_arms), limit.columns(n_arms))[None, :]
    return Problem(
        worth,
        price,
        group,
        concerns,
        np.array([True, *(limit.counts == "cost" for limit in limits)]),
        Bounds(
            np.array([0.0, *(limit.at_least for limit in limits)]),
            np.array([budget, *(limit.at_most for limit in limits)]),
        ),
    )
