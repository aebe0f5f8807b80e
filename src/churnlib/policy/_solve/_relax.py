"""Prices of several limits at once: programs on samples of ever nearer rows, the last one on all that are near.

At the right prices nearly every row has one option that is best by a margin, and only rows
of small margin can differ from it in the relaxation. The prices of a sample tell which
rows those are, roughly; a sample of these gives better prices, and so on, until the near
rows are few enough for one exact program. Pricing all rows at its prices gives an upper
bound that holds whatever the samples were, and shows whether a settled row was wrong; if
one was, it joins and the program is solved again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churnlib._typing import FloatArray, IntArray
from churnlib.policy._solve._priced import Problem
from churnlib.policy._solve._program import Options, Relaxation, options_of, relaxed

__all__ = ["Relaxed", "Rows", "classes_of", "relax"]

_EXACT = 4_000
"""Classes of rows that go into one exact program."""

_SAMPLE = 4000
_JOIN = 2_500
"""Rows that join at once: prices that move many rows are wrong themselves."""

_NEAR = 6.0
"""Rows kept as near, in standard errors of a sample's use."""

_LEVELS = 12
_ROUNDS = 12
_SHUT = -7.3e11
"""Stands for an arm that is not allowed where rows are told apart; minus infinity cannot be added up."""

_SAME = 1e-8
"""Bound and program agree when they differ by less than this share."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows gathered into classes of equal ones.

    Parameters
    ----------
    rows : ndarray of shape (n_rows,)
        The rows, class by class and ascending in each.
    start : ndarray of shape (n_classes + 1,)
        Where each class starts.
    """

    rows: IntArray
    start: IntArray

    @property
    def first(self) -> IntArray:
        """The first row of each class, which stands for all of it."""
        return self.rows[self.start[:-1]]

    @property
    def count(self) -> FloatArray:
        """How many rows each class has."""
        return np.diff(self.start).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Relaxed:
    """The relaxation of a whole problem.

    Parameters
    ----------
    prices : ndarray of shape (n_limits,)
        Price of `most` less price of `least`.
    most, least : ndarray of shape (n_limits,)
        The two prices.
    upper : float
        The bound.
    under : ndarray of shape (n_limits,)
        By how much each `least` is missed; zero when the limits can be kept.
    settled : ndarray of shape (n_rows,)
        The arm of rows that are settled; of the others what is best at the prices.
    near : Rows
        Rows that are not settled.
    options : Options
        Their options.
    amount : ndarray
        How often each is given.
    """

    prices: FloatArray
    most: FloatArray
    least: FloatArray
    upper: float
    under: FloatArray
    settled: npt.NDArray[np.int16]
    near: Rows
    options: Options
    amount: FloatArray


def relax(problem: Problem, *, penalty: float) -> Relaxed:
    """Solve the linear relaxation; a bound may be missed at a penalty (see `relaxed`)."""
    n = problem.worth.shape[0]
    rows, bounds = np.arange(n), problem.bounds
    settled, turn = np.full(n, -1, dtype=np.int16), np.full(n, -np.inf)
    for level in range(_LEVELS):
        if rows.size <= _EXACT:
            break
        sampled = rows[np.random.default_rng(rows.size).integers(0, rows.size, _SAMPLE)]
        part = problem.part(sampled, bounds.times(_SAMPLE / rows.size))
        classes = classes_of(part, np.arange(_SAMPLE))
        if classes.count.size < _SAMPLE // 2 and classes_of(problem, rows).count.size <= _EXACT:
            break  # so many equal rows that all of them fit
        options, found = _program(part, classes, None, penalty)
        seen = problem.part(rows, bounds).priced(found.most - found.least, _spread(options, found))
        keep = max(int(rows.size * _NEAR / np.sqrt(_SAMPLE)), _EXACT - 1)
        edge = np.partition(seen.margin, keep)[keep]
        far = seen.margin > edge
        settled[rows[far]] = seen.arm[far]
        # Should the near rows not do, those settled last and by the smallest margin come first.
        turn[rows[far]] = 1.0 - edge / seen.margin[far] - level
        rows = rows[~far]
        bounds = problem.bounds.less(problem.used(settled))
    return _exactly(problem, rows, settled, turn, penalty)


def _spread(options: Options, found: Relaxation) -> FloatArray:
    """Return by how much the prices of a sample may be off, up to a factor common to all limits.

    A price found from k customers is off by a share of about 1/sqrt(k) of itself; one that is
    0 may be a little above in truth.
    """
    taken = found.amount > 0.0
    gained = float(options.value[taken] @ found.amount[taken])
    customers = (options.weight[:, taken] > 0.0) @ found.amount[taken]
    mean_weight = np.maximum(options.used(found.amount), 1e-300) / np.maximum(customers, 1.0)
    typical = abs(gained) / max(float(found.amount.sum()), 1.0) / np.maximum(mean_weight, 1e-3 * mean_weight.max())
    spread: FloatArray = (np.maximum(found.most, found.least) + 0.05 * typical) / np.sqrt(customers + 1.0)
    return spread


def _exactly(
    problem: Problem, rows: IntArray, settled: npt.NDArray[np.int16], turn: FloatArray, penalty: float
) -> Relaxed:
    """Solve for the near rows, price all rows, and let those join that would rather have another arm."""
    left = _ROUNDS
    while True:
        left -= 1
        near = classes_of(problem, rows)
        held = settled.copy()
        held[rows] = -1
        options, found = _program(problem, near, held, penalty)
        last = rows.size == settled.size or not left
        if not last and (found.over.any() or found.under.any()):
            keep = min(2 * rows.size, turn.size) - 1
            rows = np.flatnonzero(turn <= np.partition(turn, keep)[keep])
            continue
        seen = problem.priced(found.most - found.least)
        upper = seen.total + _charge(problem, found)
        reached = problem.value(held) + float(options.value @ found.amount)
        if last or upper - reached <= _SAME * max(abs(upper), 1e-300):
            prices = found.most - found.least
            return Relaxed(prices, found.most, found.least, upper, found.under, held, near, options, found.amount)
        other = np.flatnonzero((seen.arm != held) & (turn > -np.inf))
        rows = np.union1d(rows, other[np.argsort(turn[other], kind="stable")[:_JOIN]])


def _charge(problem: Problem, found: Relaxation) -> float:
    """Return what the bounds themselves are worth at their prices."""
    paid = found.most > 0.0
    return float(found.most[paid] @ problem.bounds.most[paid] - found.least @ problem.bounds.least)


def _program(
    problem: Problem, near: Rows, held: npt.NDArray[np.int16] | None, penalty: float
) -> tuple[Options, Relaxation]:
    first = near.first
    worth = problem.worth[first]
    options = options_of(worth, problem.weights(first), np.isfinite(worth), near.count)
    bounds = problem.bounds if held is None else problem.bounds.less(problem.used(held))
    return options, relaxed(options, bounds, penalty=penalty)


def classes_of(problem: Problem, rows: IntArray) -> Rows:
    """Gather equal rows: same values, same costs, same limits."""
    table = np.column_stack([problem.group[rows].astype(np.float64), problem.worth[rows], problem.price[rows]])
    table[np.isneginf(table)] = _SHUT
    # Equal rows have equal keys and meet in one sort; unequal ones that do too only split a class.
    order = np.argsort(table @ np.random.default_rng(0).random(table.shape[1]), kind="stable")
    ordered = table[order]
    new = np.ones(rows.size, dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return Rows(rows[order], np.append(np.flatnonzero(new), rows.size))
