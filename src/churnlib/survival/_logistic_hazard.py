"""A logistic model of the hazard in each period, fitted by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.survival._clocks import Clock
from churnlib.survival._logistic_likelihood import NEVER, HazardLikelihood, Link, Sums, one_thread

__all__ = ["LogisticFit", "LogisticHazards", "clock_effects", "fit_logistic_hazard"]

_FLAT = 1e-11
_SEPARATED = 1e4
"""How much wider than at the start an estimate may become before it is taken to be infinite."""
_ARMIJO = 1e-4
_SHORTEST = 1e-8
_SURELY = NEVER / 2
"""Log-odds that no data can give: of a period in which everybody left."""


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """Where the likelihood is highest.

    Parameters
    ----------
    coef : ndarray of shape (n_causes, n_features)
        Effects of the features, in their own units.
    clock : ndarray of shape (n_causes, n_columns)
        Effects of the clock's columns, for a customer whose features are `center`.
    period : ndarray of shape (n_causes, n_periods)
        Effect of each period, tenure clock included, for a customer whose features are
        `center`; minus infinity where nobody leaves.
    center : ndarray of shape (n_features,)
        Means of the features over the person-periods.
    covariance : ndarray of shape (n_causes * (n_features + n_columns),) * 2
        Inverse of the information, features first, cause by cause; NaN for what is not
        estimated.
    loglik : float
        Log-likelihood, without the penalty.
    n_iter : int
        Steps taken.
    converged : bool
        Whether Newton's decrement is within the tolerance.
    dependent, separated : tuple of int
        Columns, counted as in `covariance`, that the others determine; and those whose effect
        has no finite estimate.
    """

    coef: FloatArray
    clock: FloatArray
    period: FloatArray
    center: FloatArray
    covariance: FloatArray
    loglik: float
    n_iter: int
    converged: bool
    dependent: tuple[int, ...]
    separated: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class LogisticHazards:
    """The hazards of a fitted logistic model.

    Parameters
    ----------
    fit : LogisticFit
        The maximum.
    clock : Clock
        Features of time.
    kept : ndarray of shape (n_features,)
        Which features were not constant.
    seen : ndarray of shape (n_causes,)
        Which causes were seen.
    link : {"logit", "cloglog"}
        From the linear predictor to the hazard.
    """

    fit: LogisticFit
    clock: Clock
    kept: BoolArray
    seen: BoolArray
    link: Link

    @property
    def all_gone_after(self) -> float:
        """The first period in which everybody leaves; infinite where there is none."""
        certain = np.flatnonzero((self.fit.period > _SURELY).any(axis=0))
        return float(certain[0]) + 1 if len(certain) else np.inf

    def linear(self, X: FloatArray) -> FloatArray:
        """Return what the features add to the log-odds of a customer with average features.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Features.

        Returns
        -------
        ndarray of shape (n_rows, n_seen_causes)
            The linear predictor without its clock.
        """
        used = X if self.kept.all() else X[:, self.kept]
        return np.asarray((used - self.fit.center) @ self.fit.coef.T)

    def hazards(self, X: FloatArray, contract: FloatArray | None, begin: IntArray, width: int) -> FloatArray:
        """Return the hazard by cause of the next periods of each row.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Features, without the column of the contract.
        contract : ndarray of shape (n_rows,) or None
            The column of the contract.
        begin : ndarray of shape (n_rows,)
            Periods that lie behind each row.
        width : int
            How many periods.

        Returns
        -------
        ndarray of shape (n_rows, n_causes, width)
            In [0, 1].
        """
        if (begin == begin[0]).all():
            begin = begin[:1]  # one row of intercepts for all
        periods = np.minimum(begin[:, None] + np.arange(1, width + 1), self.clock.n_periods)
        eta = clock_effects(self.fit, self.clock, contract, periods).transpose(1, 0, 2) + self.linear(X)[:, :, None]
        out = np.zeros((len(X), len(self.seen), width))
        out[:, self.seen] = self._inverse_link(eta)
        return out

    def _inverse_link(self, eta: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            if self.link == "cloglog":
                return np.asarray(-np.expm1(-np.exp(eta)))
            if eta.shape[1] == 1:
                return np.asarray(1.0 / (1.0 + np.exp(-eta)))
        highest = np.maximum(eta.max(axis=1, keepdims=True), 0.0)
        odds = np.exp(eta - highest)
        return np.asarray(odds / (np.exp(-highest) + odds.sum(axis=1, keepdims=True)))


def clock_effects(fit: LogisticFit, clock: Clock, contract: FloatArray | None, periods: IntArray) -> FloatArray:
    """Return the linear predictor of a customer with average features.

    Parameters
    ----------
    fit : LogisticFit
        The maximum.
    clock : Clock
        Features of time.
    contract : ndarray of shape (n_rows,) or None
        The column of the contract.
    periods : ndarray of shape (n_rows, n) or (1, n)
        Numbers of periods.

    Returns
    -------
    ndarray of shape (n_causes, n_rows, n)
        Log-odds (or log of the cumulative hazard, by the link).
    """
    eta = fit.period[:, periods - 1]
    if contract is None:
        return np.asarray(eta)
    effects = fit.clock[:, -len(clock.contract_names) :] @ clock.contract_table.T
    return np.asarray(eta + effects[:, clock.contract_codes(contract, periods)])


def fit_logistic_hazard(likelihood: HazardLikelihood, *, tol: float = 1e-7, max_iter: int = 50) -> LogisticFit:
    """Find the maximum by Newton's method.

    Parameters
    ----------
    likelihood : HazardLikelihood
        What to maximise.
    tol : float, default=1e-7
        Converged when the quadratic model says that at most this is left to gain.
    max_iter : int, default=50
        How many steps to try at most.

    Returns
    -------
    LogisticFit
        The maximum, or where the search ended.
    """
    with one_thread(likelihood.periods.n_cells * (likelihood.n_columns + 1)):
        return _newton(likelihood, tol, max_iter)


def _newton(likelihood: HazardLikelihood, tol: float, max_iter: int) -> LogisticFit:
    theta, alpha = likelihood.start()
    now = likelihood.evaluate(theta, alpha)
    step = _step(now, likelihood.free)
    first = step.variance
    converged = False
    n_iter = 0
    while n_iter < max_iter and not converged:
        n_iter += 1
        converged = step.decrement <= tol
        moved = _move(likelihood, (theta, alpha), now, step, sure=converged)
        if moved is None:
            break
        theta, alpha, now = moved
        step = _step(now, likelihood.free)
    last = step
    converged = converged or last.decrement <= tol
    return _result(likelihood, (theta, alpha), now, (first, last), (n_iter, converged))


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    theta: FloatArray
    alpha: FloatArray
    decrement: float
    slope: float
    variance: FloatArray
    covariance: FloatArray
    dependent: tuple[int, ...]


def _step(sums: Sums, free: BoolArray) -> _Step:
    """Solve for Newton's step: for the columns by Schur's complement, then for the intercepts of the periods."""
    C, q = sums.gradient.shape
    gradient, hessian = sums.gradient.ravel(), sums.hessian.reshape(C * q, C * q)
    if not free.any():
        inverse, dependent = _inverse(hessian)
        step = -inverse @ gradient
        slope = float(gradient @ step)
        shape = np.zeros_like(sums.by_period)
        return _Step(step.reshape(C, q), shape, -slope / 2, slope, np.diag(inverse), inverse, dependent)
    kept = free.T  # (K, C)
    block = np.where(kept[:, :, None] & kept[:, None, :], sums.diagonal, 0.0)
    block[:, np.arange(C), np.arange(C)] += ~kept
    by_period = np.where(kept, sums.by_period.T, 0.0)
    n = free.size
    shaped = sums.cross.reshape(C * q, C, free.shape[1]).transpose(2, 1, 0)  # (K, C, Cq)
    cross = np.where(kept[:, :, None], shaped, 0.0)
    solved = np.linalg.solve(block, np.concatenate([cross, by_period[:, :, None]], axis=2))
    across, own = solved[:, :, :-1], solved[:, :, -1]
    schur = hessian - cross.reshape(n, C * q).T @ across.reshape(n, C * q)
    inverse, dependent = _inverse(schur)
    step = -inverse @ (gradient - own.ravel() @ cross.reshape(n, C * q))
    alpha = -own - across @ step
    slope = float(gradient @ step + np.sum(by_period * alpha))
    return _Step(step.reshape(C, q), alpha.T, -slope / 2, slope, np.diag(inverse), inverse, dependent)


def _inverse(matrix: FloatArray) -> tuple[FloatArray, tuple[int, ...]]:
    """Invert a positive semi-definite matrix but for directions in which it is flat, whose columns are named."""
    if not len(matrix):
        return matrix, ()
    if not np.isfinite(matrix).all():
        return np.full_like(matrix, np.nan), ()
    root = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    scale = np.where(root > 0, root, 1.0)
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    flat = values <= _FLAT * max(float(values[-1]), 1e-300)
    with np.errstate(divide="ignore"):
        kept = np.where(flat, 0.0, 1.0 / np.where(flat, 1.0, values))
    inverse = (vectors * kept) @ vectors.T / np.outer(scale, scale)
    columns = np.flatnonzero((np.abs(vectors[:, flat]) > 1e-3).any(axis=1))
    return inverse, tuple(int(column) for column in columns)


def _move(
    likelihood: HazardLikelihood, at: tuple[FloatArray, FloatArray], now: Sums, step: _Step, *, sure: bool
) -> tuple[FloatArray, FloatArray, Sums] | None:
    """Go along the step, or a part of it that lowers the value; None where none does."""
    share = 1.0
    while share > _SHORTEST and np.isfinite(step.slope):
        theta, alpha = at[0] + share * step.theta, at[1] + share * step.alpha
        there = likelihood.evaluate(theta, alpha)
        bound = now.value + _ARMIJO * share * step.slope + 1e-13 * abs(now.value)
        if np.isfinite(there.value) and (sure or there.value <= bound):
            return theta, alpha, there
        share /= 2
    return None


def _result(
    likelihood: HazardLikelihood,
    at: tuple[FloatArray, FloatArray],
    now: Sums,
    steps: tuple[FloatArray, _Step],
    ended: tuple[int, bool],
) -> LogisticFit:
    (theta, alpha), (first, last) = at, steps
    p = likelihood.X.shape[1]
    scale = np.tile(np.concatenate([likelihood.scale, np.ones(likelihood.n_columns - p)]), likelihood.n_causes)
    tenure = likelihood.clock.basis
    period = alpha + theta[:, p : p + tenure.shape[1]] @ tenure.T
    never = ~likelihood.free & (likelihood.clock.kind == "dummy")
    period = np.where(never & (alpha <= -NEVER / 2), -np.inf, period)
    if likelihood.n_causes == 1:
        period = np.where(never & (alpha >= NEVER / 2), np.inf, period)
    with np.errstate(invalid="ignore", divide="ignore"):
        wide = np.asarray(last.variance / first > _SEPARATED)
    penalty = float(np.sum(likelihood.penalty * theta[:, :p] ** 2)) / 2
    return LogisticFit(
        coef=theta[:, :p] / likelihood.scale,
        clock=theta[:, p:],
        period=period,
        center=likelihood.center,
        covariance=last.covariance / np.outer(scale, scale),
        loglik=penalty - now.value,
        n_iter=ended[0],
        converged=ended[1],
        dependent=last.dependent,
        separated=tuple(int(column) for column in np.flatnonzero(wide) if column not in last.dependent),
    )
