"""One budget: the steps of the choice hulls, best value for money first, until the money is spent.

At a price of money each row takes the option that is worth most after paying for it, and
a row whose option is the same at two prices keeps it at every price between them: what it
takes costs less and less as the price rises. So with a million rows a bracket around the
price that spends the budget settles nearly all of them in one pass, and the exact steps
are walked on the rest. The bracket is guessed from a sample and widened when the budget
lies outside, so that the sample decides how long it takes and never what comes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from churnlib._typing import FloatArray, IntArray
from churnlib.numerics import ChoiceHull, choice_hull
from churnlib.policy._solve._core import improved
from churnlib.policy._solve._priced import problem_of
from churnlib.policy._solve._program import ROUNDING
from churnlib.policy._solve._solution import Solution

__all__ = ["within_budget"]

ArmArray = npt.NDArray[np.int16]

_SMALL = 40_000
"""Rows up to which walking all steps is faster than a bracket."""

_EXACT = 300
"""Rows up to which the best allocation of whole customers is looked for."""

_SAMPLE = 20_000
_WIDTHS = (3.0, 12.0, np.inf)
"""Half-widths of the bracket tried in turn, in standard errors of the sample's spending."""

_CHUNK = 1 << 14
"""Rows priced at once: their columns stay in the processor's cache."""


def within_budget(worth: FloatArray, price: FloatArray, budget: float) -> Solution:
    """Solve for a budget and no other limit; `worth` is -inf where an arm is not allowed."""
    n = worth.shape[0]
    arm, bound, lam = (_steps if n <= _SMALL else _bracketed)(worth, price, budget)
    value, cost = _totals(worth, price, arm)
    if n <= _EXACT and lam > 0.0:
        better = improved(problem_of(worth, price, budget, []), np.array([lam]), arm, bound - value)
        arm = arm if better is None else better
        value, cost = _totals(worth, price, arm)
    upper = max(bound, value)
    return Solution(arm, value, cost, upper, upper - value, lam, {}, {}, {"budget": cost})


def _totals(worth: FloatArray, price: FloatArray, arm: ArmArray) -> tuple[float, float]:
    rows = np.flatnonzero(arm >= 0)
    given = arm[rows]
    return float(worth[rows, given].sum()), float(price[rows, given].sum())


def _steps(worth: FloatArray, price: FloatArray, budget: float) -> tuple[ArmArray, float, float]:
    """Walk the steps of all rows; return the arms, the value of the relaxation, and the price of the budget."""
    hull = choice_hull(worth, price, np.isfinite(worth))
    arm = np.full(worth.shape[0], -1, dtype=np.int16)
    walk = _Walk(arm, budget * (1.0 + ROUNDING))
    value, lam = walk.take(hull, budget)
    walk.fill(hull, np.arange(walk.taken, len(hull)))
    return arm, value, lam


@dataclass(slots=True)
class _Walk:
    """The arms so far, the money left, and the steps taken at once.

    A step that does not fit ends its row, and the next ones are tried. At the first step on
    which two budgets differ the larger one takes it and gains more than the smaller one can
    with all that it has left, so the value never falls when the budget grows.
    """

    arm: ArmArray
    left: float
    taken: int = 0

    def take(self, hull: ChoiceHull, budget: float) -> tuple[float, float]:
        """Take steps until one does not fit; return the value of the relaxation and the price."""
        spent = np.cumsum(hull.cost)
        self.taken = fits = int(np.searchsorted(spent, self.left, side="right"))
        self._write(hull, np.arange(fits))
        used = float(spent[fits - 1]) if fits else 0.0
        self.left = max(self.left - used, 0.0)
        lam = float(hull.slope[fits]) if fits < len(hull) else 0.0
        value = float(hull.value[:fits].sum())
        return value + lam * max(budget - used, 0.0) if lam else value, lam

    def fill(self, hull: ChoiceHull, steps: IntArray) -> None:
        """Go on with the steps that still fit, in order."""
        over_from = np.full(self.arm.size, len(hull), dtype=np.int64)
        while steps.size:
            fits = hull.cost[steps] <= self.left
            over = steps[~fits][::-1]
            over_from[hull.row[over]] = over  # reversed, so that the first of a row is written last
            steps = steps[fits]
            steps = steps[steps < over_from[hull.row[steps]]]
            spent = np.cumsum(hull.cost[steps])
            count = int(np.searchsorted(spent, self.left, side="right"))
            if count:
                self._write(hull, steps[:count])
                self.left -= float(spent[count - 1])
            steps = steps[count:]

    def _write(self, hull: ChoiceHull, steps: IntArray) -> None:
        # A row's steps stand in order, so the last one written is its dearest.
        self.arm[hull.row[steps]] = hull.arm[steps]


@dataclass(frozen=True, slots=True, eq=False)
class _AtPrice:
    """What every row takes at a price of money, and what that costs and is worth."""

    price: float
    arm: npt.NDArray[np.signedinteger[Any]]
    cost: float
    value: float


def _bracketed(worth: FloatArray, price: FloatArray, budget: float) -> tuple[ArmArray, float, float]:
    """Settle the rows whose arm is the same at both ends of a bracket, and walk the steps of the others."""
    low, high = _bracket(worth, price, budget)
    if low.price == 0.0 and low.cost <= budget * (1.0 + ROUNDING):
        return low.arm.astype(np.int16), low.value, 0.0
    arm = high.arm.astype(np.int16)
    rows = np.flatnonzero(low.arm != high.arm)
    there = np.flatnonzero(arm[rows] >= 0)
    given = (rows[there], arm[rows[there]])
    cost, value = high.cost - float(price[given].sum()), high.value - float(worth[given].sum())
    hull = choice_hull(worth[rows], price[rows], np.isfinite(worth[rows]))
    part = np.full(rows.size, -1, dtype=np.int16)
    walk = _Walk(part, budget * (1.0 + ROUNDING) - cost)
    gained, lam = walk.take(hull, budget - cost)
    # The steps below the bracket come later, in one order with those of the settled rows.
    walk.fill(hull, np.arange(walk.taken, np.searchsorted(-hull.slope, -low.price, side="left")))
    arm[rows] = part
    _fill_below(worth, price, _Walk(arm, walk.left), low.price)
    return arm, value + gained, lam


def _fill_below(worth: FloatArray, price: FloatArray, walk: _Walk, below: float) -> None:
    """Go on with the steps of slope `below` and less, of all rows that have one for the money left."""
    if below <= 0.0 or walk.left <= 0.0:
        return
    rows = _affordable(worth, price, walk)
    hull = choice_hull(worth[rows], price[rows], np.isfinite(worth[rows]))
    part = _Walk(walk.arm[rows], walk.left)
    steps = np.arange(np.searchsorted(-hull.slope, -below, side="left"), len(hull))
    # The steps of a row lead on from where it stands, but for one that a step did not fit, or that
    # stands off its hull by rounding: those are done.
    first = np.full(rows.size, -2, dtype=np.int16)
    first[hull.row[steps[::-1]]] = hull.before[steps[::-1]]
    part.fill(hull, steps[first[hull.row[steps]] == part.arm[hull.row[steps]]])
    walk.arm[rows] = part.arm


def _affordable(worth: FloatArray, price: FloatArray, walk: _Walk) -> IntArray:
    """Return the rows with an option that is worth more and costs at most the money left more."""
    found = []
    for start in range(0, walk.arm.size, _CHUNK):
        v, c = _columns(worth, price, start)
        arm = walk.arm[start : start + _CHUNK]
        places = np.arange(arm.size)
        given = arm >= 0
        here_v, here_c = np.where(given, v[arm, places], 0.0), np.where(given, c[arm, places], 0.0)
        some = np.zeros(arm.size, dtype=bool)
        for column in range(v.shape[0]):
            some |= (v[column] > here_v) & (c[column] - here_c <= walk.left)
        found.append(np.flatnonzero(some) + start)
    return np.concatenate(found)


def _bracket(worth: FloatArray, price: FloatArray, budget: float) -> tuple[_AtPrice, _AtPrice]:
    """Return what is taken at two prices, the dearer within the budget, the cheaper beyond it (or free)."""
    n = worth.shape[0]
    rows = np.random.default_rng(0).integers(0, n, _SAMPLE)
    hull = choice_hull(worth[rows], price[rows], np.isfinite(worth[rows]))
    share = budget * _SAMPLE / n
    spent, error = np.cumsum(hull.cost), np.sqrt(np.cumsum(np.square(hull.cost)))
    at = min(int(np.searchsorted(spent, share, side="right")), len(hull) - 1)
    step = float(error[at]) if len(hull) else 0.0
    lows = [_slope(hull, spent, share + width * step, end=0.0) for width in _WIDTHS]
    highs = [_slope(hull, spent, share - width * step, end=np.inf) for width in _WIDTHS]
    # Off the slopes themselves, so that a tie falls inside the bracket.
    low, high = _priced(worth, price, [lows[0] * (1.0 - 1e-9), highs[0] * (1.0 + 1e-9)])
    for wider in lows[1:]:
        if low.price > 0.0 and low.cost < budget:
            high, low = low, _priced(worth, price, [wider * (1.0 - 1e-9)])[0]
    for wider in highs[1:]:
        if high.cost > budget:
            low, high = high, _priced(worth, price, [wider * (1.0 + 1e-9)])[0]
    return low, high


def _slope(hull: ChoiceHull, spent: FloatArray, money: float, *, end: float) -> float:
    """Return the slope of the step on which the sample's money runs out; `end` outside of the steps."""
    if end == 0.0 and not (len(hull) and money < spent[-1]):
        return 0.0
    if end == np.inf and not (len(hull) and money > 0.0):
        return np.inf
    return float(hull.slope[min(int(np.searchsorted(spent, money, side="right")), len(hull) - 1)])


def _columns(worth: FloatArray, price: FloatArray, start: int) -> tuple[FloatArray, FloatArray]:
    rows = slice(start, start + _CHUNK)
    return np.ascontiguousarray(worth[rows].T), np.ascontiguousarray(price[rows].T)


def _priced(worth: FloatArray, price: FloatArray, prices: list[float]) -> list[_AtPrice]:
    """Return what every row takes at each of several prices of money, reading the data once."""
    n, n_arms = worth.shape
    kind: type[np.int8 | np.int16] = np.int8 if n_arms < 127 else np.int16
    arms = [np.empty(n, dtype=kind) for _ in prices]
    cost, value = np.zeros(len(prices)), np.zeros(len(prices))
    for start in range(0, n, _CHUNK):
        v, c = _columns(worth, price, start)
        size = v.shape[1]
        for place, lam in enumerate(prices):
            arm = arms[place][start : start + size]
            arm.fill(-1)
            best, paid = np.zeros(size), np.zeros(size)
            for column in range(n_arms):
                net = v[column] - lam * c[column] if np.isfinite(lam) else np.where(c[column] == 0.0, v[column], -1.0)
                better = net > best
                if lam == 0.0:  # nothing else tells apart options of one value and different costs
                    better |= (net == best) & (arm >= 0) & (c[column] < paid)
                np.copyto(best, net, where=better)
                np.copyto(paid, c[column], where=better)
                np.copyto(arm, kind(column), where=better)
            total = float(paid.sum())
            cost[place] += total
            value[place] += float(best.sum()) + (lam * total if total else 0.0)
    return [
        _AtPrice(lam, arm, *sums) for lam, arm, *sums in zip(prices, arms, cost.tolist(), value.tolist(), strict=True)
    ]
