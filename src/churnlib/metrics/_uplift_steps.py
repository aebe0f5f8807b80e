"""What spending more and more brings: the steps of a budget, valued by row effects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from churnlib._typing import FloatArray, IntArray
from churnlib.metrics._grid import on_grid
from churnlib.numerics import ChoiceHull, choice_hull

__all__ = ["BudgetPoint", "BudgetSteps"]


@dataclass(frozen=True, slots=True, eq=False)
class BudgetPoint:
    """One budget: what it gains and was said to gain, the price of money there, and what each row adds to the error."""

    gain: float
    predicted: float
    treated: float
    price: float
    influence: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class BudgetSteps:
    """Steps from nobody treated to all that pays, in blocks of equal slope, the best value for money first.

    `starts` says where blocks start; `cost`, `gain`, `predicted` and `treated` are cumulative over blocks, per row of
    all, with a 0 before the first.
    """

    hull: ChoiceHull
    effect: FloatArray
    paid: FloatArray
    weight: FloatArray
    starts: IntArray
    cost: FloatArray
    gain: FloatArray
    predicted: FloatArray
    treated: FloatArray

    @classmethod
    def of(cls, effect: FloatArray, score: FloatArray, cost: FloatArray, weight: FloatArray) -> BudgetSteps:
        """Take the steps of the predicted effects, and value each by the row's effect."""
        hull = choice_hull(score, cost)
        left = np.where(hull.before >= 0, effect[hull.row, hull.before], 0.0)
        gained = effect[hull.row, hull.arm] - left
        new = np.ones(len(hull), dtype=bool)
        np.not_equal(hull.slope[1:], hull.slope[:-1], out=new[1:])
        starts = np.flatnonzero(new)
        share = weight / weight.sum()
        each = share[hull.row]

        def upto(values: FloatArray) -> FloatArray:
            sums = np.add.reduceat(on_grid(values), starts) if starts.size else values
            return np.concatenate([[0.0], np.cumsum(sums)])

        first = np.where(hull.before < 0, each, 0.0)
        sums = [upto(values) for values in (hull.cost * each, gained * each, hull.value * each, first)]
        return cls(hull, gained, hull.cost, share, starts, *sums)

    @property
    def whole(self) -> float:
        """The budget, per row of all, beyond which nothing pays."""
        return float(self.cost[-1])

    def at(self, budgets: FloatArray) -> Iterator[BudgetPoint]:
        """Walk along ascending budgets."""
        n_rows = self.weight.size
        gain, cost = np.zeros(n_rows), np.zeros(n_rows)
        done = 0
        for budget in budgets:
            block, part = self._reached(float(budget))
            start = self._step(block)
            np.add.at(gain, self.hull.row[done:start], self.effect[done:start])
            np.add.at(cost, self.hull.row[done:start], self.paid[done:start])
            done = start
            own_gain, own_cost = gain, cost
            if part > 0:
                inside = slice(start, self._step(block + 1))
                own_gain, own_cost = gain.copy(), cost.copy()
                np.add.at(own_gain, self.hull.row[inside], part * self.effect[inside])
                np.add.at(own_cost, self.hull.row[inside], part * self.paid[inside])
            value, predicted, treated = (
                float(curve[block] + part * (curve[block + 1] - curve[block]) if part > 0 else curve[block])
                for curve in (self.gain, self.predicted, self.treated)
            )
            influence = own_gain - value
            if budget < self.whole:
                # money that one row takes is money that rows at the end of the list do not get
                influence -= self._rate(float(budget)) * (own_cost - budget)
            price = float(self.hull.slope[start]) if start < len(self.hull) and budget < self.whole else 0.0
            yield BudgetPoint(value, predicted, treated, price, influence * self.weight)

    def _step(self, block: int) -> int:
        return int(self.starts[block]) if block < self.starts.size else len(self.hull)

    def _reached(self, budget: float) -> tuple[int, float]:
        """Return how many blocks are bought whole, and what share of the next one."""
        block = int(np.searchsorted(self.cost, budget * (1 + 1e-12), side="right")) - 1
        if block >= self.starts.size:
            return block, 0.0
        return block, max(0.0, (budget - self.cost[block]) / (self.cost[block + 1] - self.cost[block]))

    def _rate(self, budget: float) -> float:
        """Return what a unit of money brings around this budget: among rows near it, or in the block that holds it."""
        block, _ = self._reached(budget)
        reach = self.whole * np.count_nonzero(self.weight) ** (-1 / 3) / 2
        low, high = max(budget - reach, 0.0), min(budget + reach, self.whole)
        if self.cost[block] <= low and self.cost[block + 1] >= high:
            low, high = float(self.cost[block]), float(self.cost[block + 1])
        begin, end = np.interp([low, high], self.cost, self.gain)
        return float((end - begin) / (high - low))
