"""The search for the coefficients of Cox's model, penalised or not, and where they run away to infinity.

Not `churnlib.numerics.minimise`: here a step is a linear predictor, found by one reading of the
features, so that halving it costs no further reading; its length is judged by what it does to the
rows, not by the units of the columns; and an absolute penalty has a corner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.exceptions import DataError, message, some
from churnlib.survival._cox_kernel import PartialLikelihood, Point

__all__ = ["CoxOptimum", "Penalty", "constant_columns", "maximise"]

_ARMIJO = 1e-4
_ROUNDING = 1e-12
"""Of the log-likelihood: sums over a million events are not known better."""
_SETTLED = 1e-14
"""A decrement so small leaves the information as it is to eight digits."""
_RUNNING = 0.05
"""A step that still moves a row's log hazard by more, though the likelihood gains nothing, is no last step."""
_LASTING = 0.5
"""Of the step before it."""
_NOTHING = 1e-13
"""Of the information at the start: rounding."""
_LITTLE = 1e-7
"""Gain in log-likelihood so small that long steps lead to no maximum."""
_ABSURD = 60.0
"""Difference of two log hazards that no search ends at: e^60 is 10^26."""
_PART = 0.1
"""A column takes part in a direction if it reaches so far, beside the one that reaches farthest."""
_DEPENDENT = 1e-9
"""Of the information about a column: what is left of it beside the others."""
_STILL = 1e-12
"""Of the information that a column would give if it varied within risk sets as it does over all rows."""


@dataclass(frozen=True, slots=True)
class Penalty:
    """What is taken off the log-likelihood: ``ridge |β|² / 2 + lasso |β|₁``."""

    ridge: float = 0.0
    lasso: float = 0.0

    def __call__(self, beta: FloatArray) -> float:
        return self.ridge * float(beta @ beta) / 2 + self.lasso * float(np.abs(beta).sum())


@dataclass(frozen=True, slots=True, eq=False)
class CoxOptimum:
    """Where the search ended, and why.

    Parameters
    ----------
    beta : ndarray of shape (n_features,)
        The coefficients.
    eta : ndarray of shape (n_rows,)
        The linear predictor of the columns as they were passed.
    point : Point
        The partial likelihood there.
    information : ndarray of shape (n_features, n_features)
        Minus its second derivative, without the penalty.
    decrement : float
        How much higher the quadratic model says the objective could still get.
    n_iter : int
        Newton steps tried.
    converged : bool
        Whether that is within the tolerance, and no coefficient runs away.
    runaway : ndarray of bool of shape (n_features,)
        Coefficients that have no finite value at the maximum.
    reason : str
        Why it ended, in words.
    """

    beta: FloatArray
    eta: FloatArray
    point: Point
    information: FloatArray
    decrement: float
    n_iter: int
    converged: bool
    runaway: BoolArray
    reason: str


def maximise(
    likelihood: PartialLikelihood,
    *,
    penalty: Penalty,
    tol: float,
    max_iter: int,
    start: FloatArray | None = None,
    names: Sequence[str] = (),
) -> CoxOptimum:
    """Find the coefficients by Newton's method with halved steps.

    Parameters
    ----------
    likelihood : PartialLikelihood
        What to maximise.
    penalty : Penalty
        What is taken off it.
    tol : float
        Converged when the decrement is at most this, in units of the log-likelihood.
    max_iter : int
        How many steps to try at most.
    start : ndarray of shape (n_features,), default=None
        Where to begin; None means at 0.
    names : sequence of str, default=()
        Names of the columns, for the messages.

    Returns
    -------
    CoxOptimum
        Where it ended. Ending early is no error.

    Raises
    ------
    DataError
        Without a penalty: if columns depend on each other.
    """
    X = likelihood.X
    beta = np.zeros(X.shape[1]) if start is None else start.copy()
    eta = X @ beta
    point = likelihood.at(eta)
    gradient, information = likelihood.gradient(point), likelihood.information(point)
    free = penalty.ridge == 0 and penalty.lasso == 0
    watch = _Runaways(information, X) if free else None
    if free:
        _refuse_dependent(information, likelihood, names)
    reason = "the limit of iterations was reached"
    runaway = np.zeros(len(beta), dtype=bool)
    step, decrement = _step(beta, gradient, information, penalty)
    n_iter = 0
    while n_iter < max_iter and not decrement <= tol:
        n_iter += 1
        moved = _uphill(likelihood, (beta, eta, point), step, decrement, penalty)
        if moved is None:
            reason = "no step along Newton's direction raises the likelihood"
            break
        beta, eta, point = moved
        gradient, information = likelihood.gradient(point), likelihood.information(point)
        before, (step, decrement) = step, _step(beta, gradient, information, penalty)
        if watch is not None and not decrement > _LITTLE:
            runaway = watch.seen(information, before, step)
            if runaway.any():
                break
    change = X @ step
    converged = not runaway.any() and decrement <= tol
    if converged:
        # The step is known, and it squares what error is left.
        beta, eta, n_iter = beta + step, eta + change, n_iter + 1
        point = likelihood.at(eta)
        if decrement > _SETTLED:
            information = likelihood.information(point)
        reason = "the decrement is within the tolerance"
    elif watch is not None and not runaway.any() and np.ptp(eta) > _ABSURD:
        runaway = watch.far_reaching(beta)
    if runaway.any():
        reason = "coefficients run away: the likelihood has no maximum"
    return CoxOptimum(beta, eta, point, information, decrement, n_iter, converged, runaway, reason)


def _uphill(
    likelihood: PartialLikelihood,
    here: tuple[FloatArray, FloatArray, Point],
    step: FloatArray,
    decrement: float,
    penalty: Penalty,
) -> tuple[FloatArray, FloatArray, Point] | None:
    """Return coefficients, linear predictor and likelihood after the step, halved until the objective rises."""
    beta, eta, point = here
    change = likelihood.X @ step
    share = 1.0
    value = point.loglik - penalty(beta)
    slack = _ROUNDING * abs(value)
    while share > 1e-10:
        there = likelihood.at(eta + share * change)
        gain = there.loglik - penalty(beta + share * step) - value
        possible = np.isfinite(gain) and np.isfinite(there.q[0]).all()
        if possible and gain >= 2 * _ARMIJO * share * decrement - slack:
            return beta + share * step, eta + share * change, there
        share /= 2
    return None


class _Runaways:
    """Sees coefficients that have no finite best value.

    Along such a direction the likelihood rises for ever, ever more slowly: Newton's steps stay as long as they were,
    though they gain next to nothing. On the way to a maximum each step is much shorter than the last.
    """

    def __init__(self, known: FloatArray, X: FloatArray) -> None:
        self.known = known
        """The information at the start."""
        self.X = X

    def seen(self, information: FloatArray, before: FloatArray, step: FloatArray) -> BoolArray:
        """Return the columns that run away, from two steps that follow one another."""
        lasting = step @ self.known @ step > _LASTING**2 * (before @ self.known @ before)
        if lasting and float(np.max(np.abs(self.X @ step), initial=0.0)) > _RUNNING:
            return self.far_reaching(step)
        shares, directions = eigh(information, self.known)
        if shares[0] > _NOTHING:
            return np.zeros(len(step), dtype=bool)
        return self.far_reaching(directions[:, 0])

    def far_reaching(self, direction: FloatArray) -> BoolArray:
        """Return the columns that make most of the difference between rows along a direction."""
        reach = np.abs(direction) * np.ptp(self.X, axis=0)
        return np.asarray(reach > _PART * reach.max())


# ------------------------------------------------------------------ one step


def _step(
    beta: FloatArray, gradient: FloatArray, information: FloatArray, penalty: Penalty
) -> tuple[FloatArray, float]:
    """Return the step to the maximum of the quadratic model, and how much the objective gains there."""
    if penalty.lasso == 0:
        slope = gradient - penalty.ridge * beta
        step = _solve(information + penalty.ridge * np.eye(len(beta)), slope)
        return step, float(slope @ step) / 2
    target = _coordinate_descent(beta, gradient, information, penalty)
    step = target - beta
    gain = float(gradient @ step) - penalty(target) + penalty(beta)
    return step, gain / 2


def _solve(matrix: FloatArray, slope: FloatArray) -> FloatArray:
    """Solve in units in which every column has information 1; a flat direction is not walked along."""
    diagonal = np.diagonal(matrix)
    unit = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = matrix * unit[:, None] * unit
    values, vectors = np.linalg.eigh(scaled)
    slopes = vectors.T @ (slope * unit)
    flat = values <= 1e-14 * max(float(values[-1]), 1e-300)
    return np.asarray(unit * (vectors @ np.where(flat, 0.0, slopes / np.where(flat, 1.0, values))))


def _coordinate_descent(
    beta: FloatArray, gradient: FloatArray, information: FloatArray, penalty: Penalty
) -> FloatArray:
    """Maximise the quadratic model less the penalty, one coefficient at a time, then exactly on those left."""
    target = beta.copy()
    slope = gradient.copy()  # of the quadratic model at the target
    curvature = np.diagonal(information) + penalty.ridge
    ordinary = np.flatnonzero(curvature > 0)
    for _ in range(10_000):
        largest = 0.0
        for j in ordinary:
            old = target[j]
            free = slope[j] + information[j, j] * old
            new = np.sign(free) * max(abs(free) - penalty.lasso, 0.0) / curvature[j]
            if new != old:
                slope -= information[:, j] * (new - old)
                target[j] = new
                largest = max(largest, abs(new - old) * np.sqrt(curvature[j]))
        if largest <= 1e-9:
            break
    kept = np.flatnonzero(target)
    if len(kept):
        # With the signs known the rest is linear; the solution stands if it keeps them.
        inner = information[np.ix_(kept, kept)]
        wanted = gradient[kept] + information[np.ix_(kept, np.arange(len(beta)))] @ beta
        exact = _solve(inner + penalty.ridge * np.eye(len(kept)), wanted - penalty.lasso * np.sign(target[kept]))
        if (np.sign(exact) == np.sign(target[kept])).all():
            target[kept] = exact
    return target


# ------------------------------------------------------------------ columns that cannot have a coefficient


def constant_columns(X: FloatArray, mean: FloatArray) -> IntArray:
    """Return the columns that hold one value.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Centred columns.
    mean : ndarray of shape (n_features,)
        What was subtracted.

    Returns
    -------
    ndarray of int
        Positions of the columns; empty where all vary.
    """
    variance = np.einsum("ij,ij->j", X, X) / len(X)
    suspects = np.flatnonzero(variance <= (1e-6 * mean) ** 2)  # few or none, so their exact look costs nothing
    spread = np.array([np.ptp(X[:, j]) for j in suspects])
    return suspects[spread <= 1e-13 * np.abs(mean[suspects])]


def _refuse_dependent(information: FloatArray, likelihood: PartialLikelihood, names: Sequence[str]) -> None:
    """Refuse columns whose coefficients cannot be told apart: pivoted Cholesky of the information."""
    X = likelihood.X
    n_rows, p = X.shape
    diagonal = np.diagonal(information)
    events = float(likelihood.event_weight.sum())
    still = diagonal <= _STILL * events / n_rows * np.einsum("ij,ij->j", X, X)
    unit = 1.0 / np.sqrt(np.where(still, 1.0, diagonal))
    left = information * unit[:, None] * unit
    left[still] = left[:, still] = 0.0
    whole = left.copy()
    order: list[int] = []
    for _ in range(p):
        remaining = np.diagonal(left).copy()
        remaining[order] = -np.inf
        pivot = int(np.argmax(remaining))
        if remaining[pivot] <= _DEPENDENT:
            break
        order.append(pivot)
        left = left - np.outer(left[:, pivot], left[pivot]) / left[pivot, pivot]
    if len(order) == p:
        return
    column = min(set(range(p)) - set(order))
    share = np.linalg.solve(whole[np.ix_(order, order)], whole[order, column]) if order else np.zeros(0)
    parents = [names[j] for j, value in zip(order, share, strict=True) if abs(value) > 1e-6]
    fix = f"X.drop(columns={names[column]!r}), or CoxModel(alpha=0.01)"
    if p >= n_rows:
        wrong = f"X has {p} columns and {n_rows} rows, and the likelihood has no single maximum"
        fix = "CoxModel(alpha=0.01), or fewer columns"
    elif parents:
        wrong = f"column {names[column]!r} is a linear combination of {some(sorted(parents), 12)} at every event"
    else:
        wrong = f"column {names[column]!r} does not vary among those at risk when anybody leaves"
    raise DataError(message(wrong, "columns that can be told apart, or a penalty", fix))
