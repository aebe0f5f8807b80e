"""The allocation as a linear or integer program, for HiGHS: small problems whole, large ones as a core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._typing import FloatArray, IntArray

__all__ = ["ROUNDING", "Bounds", "Options", "Relaxation", "options_of", "relaxed", "whole"]

ROUNDING = 1e-11
"""A bound is kept to within this share of itself: the rounding of a sum of a million floats."""


_NUDGE = 1e-6
"""Room given to every bound of the relaxation, in units of the largest weight."""


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """Some options of some classes of equal rows, one entry each: the columns of the program.

    Parameters
    ----------
    place : ndarray of shape (n_options,)
        Class of each option, ascending.
    arm : ndarray of shape (n_options,)
        Its arm.
    value : ndarray of shape (n_options,)
        What it is worth, for one row.
    weight : ndarray of shape (n_limits, n_options)
        What it adds to each limit, for one row.
    count : ndarray of shape (n_classes,)
        Rows of each class.
    """

    place: IntArray
    arm: IntArray
    value: FloatArray
    weight: FloatArray
    count: FloatArray

    def used(self, amount: FloatArray) -> FloatArray:
        """Return what is used of each limit when each option is given so many times."""
        found: FloatArray = self.weight @ amount
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """The least and the most of each limit.

    Parameters
    ----------
    least, most : ndarray of shape (n_limits,)
        Bounds, `least` finite, `most` perhaps infinite.
    """

    least: FloatArray
    most: FloatArray

    def kept(self, used: FloatArray) -> bool:
        """Return whether a use keeps all bounds, up to rounding."""
        return bool(np.all(used <= self.most * (1.0 + ROUNDING)) and np.all(used >= self.least * (1.0 - ROUNDING)))

    def less(self, used: FloatArray) -> Bounds:
        """Return what is left of the bounds after a use that is settled, negative where it is too much already."""
        return Bounds(np.maximum(self.least - used, 0.0), self.most - used)

    def times(self, share: float) -> Bounds:
        """Return the bounds of a sample that holds this share of the rows."""
        return Bounds(self.least * share, self.most * share)


@dataclass(frozen=True, slots=True, eq=False)
class Relaxation:
    """What a linear relaxation gives.

    Parameters
    ----------
    amount : ndarray of shape (n_options,)
        How often each option is given.
    most, least : ndarray of shape (n_limits,)
        Prices of the two bounds, at least 0.
    over, under : ndarray of shape (n_limits,)
        By how much each bound is missed; where anything is, no allocation keeps all of them.
    """

    amount: FloatArray
    most: FloatArray
    least: FloatArray
    over: FloatArray
    under: FloatArray


def options_of(worth: FloatArray, weights: FloatArray, chosen: Any, count: FloatArray | None = None) -> Options:
    """Gather the options marked in `chosen` (n_rows, n_arms); weights have shape (n_limits, n_rows, n_arms)."""
    place, arm = np.nonzero(chosen)
    counts = np.ones(worth.shape[0]) if count is None else count
    return Options(place, arm, worth[place, arm], weights[:, place, arm], counts)


def relaxed(options: Options, bounds: Bounds, *, penalty: float) -> Relaxation:
    """Solve the linear relaxation, in which a bound may be missed at a penalty.

    The penalty counts in the largest value for one unit of the largest weight.
    """
    from scipy import sparse
    from scipy.optimize import linprog

    scale, units = _scales(options)
    matrix, high, sides = _inequalities(options, bounds, units)
    lines, n = matrix.shape
    # At a bound that whole customers fill exactly prices are not unique. A little more room picks
    # what the next unit allowed adds, and what the last unit demanded costs.
    high[lines - len(sides) :] += _NUDGE
    # Giving nothing keeps every `most` that is not overdrawn already, so those need no way out.
    loose = [place for place, (limit, is_most) in enumerate(sides) if not is_most or bounds.most[limit] < 0.0]
    if n + len(loose) == 0:
        nothing = np.zeros(units.size)
        return Relaxation(np.zeros(0), nothing, nothing, nothing, nothing)
    rows = lines - len(sides) + np.array(loose, dtype=np.int64)
    ways = (np.full(len(loose), -1.0), (rows, np.arange(len(loose))))
    ceiling = np.concatenate([options.count[options.place], np.full(len(loose), np.inf)])
    found = linprog(  # type: ignore[call-overload]  # its types know no sparse matrix
        np.concatenate([-options.value / scale, np.full(len(loose), penalty)]),
        A_ub=sparse.hstack([matrix, sparse.csr_matrix(ways, shape=(lines, len(loose)))]).tocsr(),
        b_ub=high,
        bounds=np.column_stack([np.zeros(ceiling.size), ceiling]),
        method="highs",
    )
    price = np.maximum(-np.asarray(found.ineqlin.marginals)[lines - len(sides) :], 0.0) * scale
    filed = {key: np.zeros(units.size) for key in ("most", "least", "over", "under")}
    for amount, (limit, is_most) in zip(price, sides, strict=True):
        filed["most" if is_most else "least"][limit] = amount / units[limit]
    for missed, place in zip(found.x[n:], loose, strict=True):
        limit, is_most = sides[place]
        filed["over" if is_most else "under"][limit] = missed * units[limit]
    return Relaxation(amount=np.asarray(found.x[:n]), **filed)


def whole(
    options: Options, bounds: Bounds, *, nodes: int, apart: float = 0.0, start: float = -np.inf
) -> FloatArray | None:
    """Solve the program with customers kept whole; None when nothing better than `start` was found.

    HiGHS keeps a bound to within a millionth; where that breaks the bound it is drawn
    in by as much and the program solved again. The search ends after so many `nodes`:
    a count, because time would not repeat; or when it is `apart` by no more than a share.

    Every row states both of its sides, though one follows from the others: of a program with
    one-sided rows HiGHS repairs some solutions, and prints that it does, past every option.
    """
    from scipy.optimize import Bounds as Box
    from scipy.optimize import LinearConstraint, milp

    if not options.place.size:
        return np.zeros(0) if bounds.kept(np.zeros(bounds.most.size)) and start < 0.0 else None
    scale, units = _scales(options)
    ceiling = options.count[options.place]
    slack = np.zeros(units.size)
    for _ in range(4):
        matrix, high, _ = _inequalities(options, Bounds(bounds.least + slack, bounds.most - slack), units)
        found = milp(
            -options.value / scale,
            integrality=np.ones(options.place.size, dtype=np.int64),
            bounds=Box(0.0, ceiling),
            constraints=[LinearConstraint(matrix, matrix.minimum(0) @ ceiling, high)],
            options={"mip_rel_gap": apart, "node_limit": nodes},
        )
        if found.x is None:
            return None
        amount = np.rint(found.x)
        used = options.used(amount)
        if bounds.kept(used):
            return amount if float(options.value @ amount) > start else None
        over = np.maximum(used - bounds.most, bounds.least - used)
        slack = slack + 2.0 * np.maximum(over, 0.0)
    return None


def _scales(options: Options) -> tuple[float, FloatArray]:
    """Return the largest value and the largest weight of each limit: the program counts in these."""
    scale = float(np.abs(options.value).max(initial=0.0)) or 1.0
    units = options.weight.max(axis=1, initial=0.0)
    return scale, np.where(units > 0.0, units, 1.0)


def _inequalities(
    options: Options, bounds: Bounds, units: FloatArray
) -> tuple[Any, FloatArray, list[tuple[int, bool]]]:
    """Return the rows of the program: one per class, then the finite bounds; and which bound each of these is."""
    from scipy import sparse

    n = options.place.size
    classes = options.count.size
    blocks = [sparse.csr_matrix((np.ones(n), (options.place, np.arange(n))), shape=(classes, n))]
    high = [options.count]
    sides: list[tuple[int, bool]] = []
    for limit, unit in enumerate(units):
        weight = sparse.csr_matrix(options.weight[limit : limit + 1] / unit)
        if np.isfinite(bounds.most[limit]):
            blocks.append(weight)
            high.append(np.array([bounds.most[limit] / unit]))
            sides.append((limit, True))
        if bounds.least[limit] > 0.0:
            blocks.append(-weight)
            high.append(np.array([-bounds.least[limit] / unit]))
            sides.append((limit, False))
    return sparse.vstack(blocks).tocsr(), np.concatenate(high), sides
