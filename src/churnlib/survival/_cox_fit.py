"""From rows to coefficients: the start, the search, the errors, and a word where they mean little."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from churnlib._typing import FloatArray, IntArray
from churnlib.exceptions import AssumptionWarning, DataError, message, some
from churnlib.numerics import StepFunction
from churnlib.survival._cox_baseline import Baseline, baselines
from churnlib.survival._cox_inference import invert, sandwich
from churnlib.survival._cox_kernel import PartialLikelihood, Ties, centred
from churnlib.survival._cox_newton import CoxOptimum, Penalty, constant_columns, maximise
from churnlib.survival._cox_risk_sets import risk_sets
from churnlib.targets import SurvivalRows

__all__ = ["Covariance", "CoxFit", "CoxRows", "CoxSettings", "fit_cox"]

Covariance: TypeAlias = Literal["model", "robust", "cluster"]

_MANY = 200_000
"""From so many rows on the search begins where it ended on a sixteenth of them."""
_PART = 16
_MANY_NUMBERS = 1 << 18


@dataclass(frozen=True, slots=True)
class CoxSettings:
    """What is asked of a fit; see `CoxModel`."""

    ties: Ties
    alpha: float
    l1_ratio: float
    baseline: Baseline
    covariance: Covariance
    tol: float
    max_iter: int

    def penalty(self, likelihood: PartialLikelihood) -> Penalty:
        """Return the penalty for the events of one likelihood.

        Parameters
        ----------
        likelihood : PartialLikelihood
            Whose events it is measured by.

        Returns
        -------
        Penalty
            What is taken off it.
        """
        strength = self.alpha * float(likelihood.event_weight.sum())
        return Penalty(strength * (1 - self.l1_ratio), strength * self.l1_ratio)


@dataclass(frozen=True, slots=True, eq=False)
class CoxRows:
    """The rows of a fit; weights are None where every row counts once."""

    X: FloatArray
    rows: SurvivalRows
    weight: FloatArray | None
    stratum: IntArray | None

    def likelihood(self, ties: Ties) -> PartialLikelihood:
        """Return the partial likelihood of the rows.

        Parameters
        ----------
        ties : {"efron", "breslow"}
            How events of one time share it.

        Returns
        -------
        PartialLikelihood
            Ready to be evaluated.
        """
        event = self.rows.observed
        if self.weight is not None:
            event &= self.weight > 0
        sets = risk_sets(self.rows.time, event, entry=self.rows.entry, stratum=self.stratum)
        return PartialLikelihood(self.X, sets, weight=self.weight, ties=ties)

    def take(self, rows: IntArray) -> CoxRows:
        """Return some of the rows.

        Parameters
        ----------
        rows : ndarray of int
            Positions.

        Returns
        -------
        CoxRows
            In the order asked for.
        """
        weight = None if self.weight is None else self.weight[rows]
        stratum = None if self.stratum is None else self.stratum[rows]
        return CoxRows(self.X[rows], self.rows.take(rows), weight, stratum)


@dataclass(frozen=True, slots=True, eq=False)
class CoxFit:
    """What was found; see the attributes of `CoxModel`."""

    found: CoxOptimum
    means: FloatArray
    loglik_null: float
    covariance: FloatArray
    baselines: list[StepFunction]
    times: FloatArray
    n_events: int


def fit_cox(data: CoxRows, settings: CoxSettings, *, names: Sequence[str], customer: IntArray | None) -> CoxFit:
    """Fit Cox's model.

    Parameters
    ----------
    data : CoxRows
        The rows, their columns as the caller gave them.
    settings : CoxSettings
        What is asked.
    names : sequence of str
        Names of the columns, for the messages.
    customer : ndarray of int of shape (n_rows,), or None
        Codes of the customers, for errors by customer.

    Returns
    -------
    CoxFit
        Coefficients, errors, and baselines.

    Raises
    ------
    DataError
        Without a penalty: if a column holds one value, or depends on others.
    """
    with _blas_threads(data.X):
        X, means = centred(data.X, data.weight)
        _check_columns(X, means, names, settings)
        data = CoxRows(X, data.rows, data.weight, data.stratum)
        likelihood = data.likelihood(settings.ties)
        found = _search(likelihood, _first_guess(data, settings, names), settings, names)
        return CoxFit(
            found=found,
            means=means,
            loglik_null=likelihood.at(np.zeros(len(X))).loglik,
            covariance=_covariance(likelihood, found, settings, customer),
            baselines=baselines(likelihood, found.point, settings.baseline),
            times=likelihood.sets.times if data.stratum is None else np.unique(likelihood.sets.times),
            n_events=len(likelihood.sets.dead),
        )


def _check_columns(X: FloatArray, means: FloatArray, names: Sequence[str], settings: CoxSettings) -> None:
    constant = constant_columns(X, means)
    if not len(constant):
        return
    named = [names[j] for j in constant]
    text = message(
        f"{len(named)} of {X.shape[1]} columns hold one value: {some(map(repr, named))}",
        "a coefficient is what a difference makes",
        f"X.drop(columns={named[:5]})",
    )
    if settings.alpha == 0:
        raise DataError(text)
    _warn(text)


def _first_guess(data: CoxRows, settings: CoxSettings, names: Sequence[str]) -> FloatArray | None:
    """Return the coefficients of a sixteenth of many rows: from there two or three steps lead to those of all."""
    n, p = data.X.shape
    if n < max(_MANY, 100 * _PART * p):
        return None
    part = data.take(np.random.default_rng(0).integers(0, n, n // _PART))
    if not part.rows.observed.any():
        return None
    likelihood = part.likelihood(settings.ties)
    try:
        found = maximise(likelihood, penalty=settings.penalty(likelihood), tol=1e-3, max_iter=20, names=names)
    except DataError:
        return None
    return found.beta if found.converged else None


def _search(
    likelihood: PartialLikelihood, start: FloatArray | None, settings: CoxSettings, names: Sequence[str]
) -> CoxOptimum:
    penalty, tol, max_iter = settings.penalty(likelihood), settings.tol, settings.max_iter
    found = maximise(likelihood, penalty=penalty, tol=tol, max_iter=max_iter, names=names, start=start)
    if start is not None and not found.converged:
        found = maximise(likelihood, penalty=penalty, tol=tol, max_iter=max_iter, names=names)
    n_events = len(likelihood.sets.dead)
    if found.runaway.any():
        away = np.flatnonzero(found.runaway).tolist()
        to = [f"{names[j]!r} to {'+' if found.beta[j] > 0 else '-'}infinity" for j in away]
        _warn(
            message(
                f"the likelihood is monotone: coefficients run away, {some(to)}",
                f"{n_events} events in which those who left had not always the most, or the least, of it",
                "CoxModel(alpha=0.01), or leave the column out; the values shown are where the search stopped",
            )
        )
    elif not found.converged:
        X = likelihood.X
        far = np.max(np.abs(X), axis=0) / np.maximum(X.std(axis=0), 1e-300)
        _warn(
            message(
                f"the search did not converge: {found.reason} (decrement {found.decrement:.2g}); column "
                f"{names[int(np.argmax(far))]!r} reaches {far.max():.0f} standard deviations from its mean",
                "coefficients at which the likelihood has its maximum",
                f"clip or transform outliers, or CoxModel(max_iter={2 * max_iter})",
            )
        )
    if n_events < (max(2, len(names)) if settings.alpha == 0 else 2):
        _warn(
            message(
                f"{n_events} observed churns for {len(names)} coefficients",
                "some ten for each, or a penalty: estimates and errors from so few mean little",
                "CoxModel(alpha=0.1), or fewer columns",
            )
        )
    return found


def _covariance(
    likelihood: PartialLikelihood, found: CoxOptimum, settings: CoxSettings, customer: IntArray | None
) -> FloatArray:
    p = len(found.beta)
    penalty = settings.penalty(likelihood)
    if penalty.lasso > 0:
        return np.full((p, p), np.nan)
    covariance = invert(found.information + penalty.ridge * np.eye(p))
    if settings.covariance != "model":
        covariance = sandwich(likelihood, found.point, covariance, customer)
    covariance[found.runaway] = np.nan
    covariance[:, found.runaway] = np.nan
    return covariance


def _warn(text: str) -> None:
    warnings.warn(text, AssumptionWarning, stacklevel=2)


def _blas_threads(matrix: FloatArray) -> AbstractContextManager[Any]:
    """Multiply blocks on one processor: on a busy machine several mostly wait for each other."""
    if matrix.size < _MANY_NUMBERS:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    context: AbstractContextManager[Any] = threadpool_limits(limits=1, user_api="blas")
    return context
