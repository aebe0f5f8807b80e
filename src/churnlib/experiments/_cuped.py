"""CUPED: what was known before, taken out of the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import FloatArray
from churnlib.exceptions import DataError, message
from churnlib.experiments._trial import covariates_of, numbers_of, refuse_churn

__all__ = ["Cuped", "cuped"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Cuped:
    """An outcome without what the covariates foretold.

    Attributes
    ----------
    adjusted : Series or ndarray
        The outcome minus ``(x - mean of x) · slopes``: of the same mean and unit; a Series if the outcome is one.
    slopes : ndarray of shape (k,)
        Outcome per unit of each covariate.
    variance_ratio : float
        Variance of the adjusted outcome over that of the outcome, from 0 to 1: the share of the customers that a
        test still needs.

    Examples
    --------
    >>> cuped([1.0, 2.0, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0])
    Cuped(slope 1.4; variance falls to 2%)
    """

    adjusted: Any
    slopes: FloatArray
    variance_ratio: float

    @property
    def correlation(self) -> float:
        """Correlation of the outcome with what the covariates foretold, from 0 to 1; `sample_size` takes it."""
        return float(np.sqrt(1 - self.variance_ratio))

    def __repr__(self) -> str:
        word = "slope" if len(self.slopes) == 1 else "slopes"
        listed = ", ".join(f"{slope:.4g}" for slope in self.slopes)
        return f"Cuped({word} {listed}; variance falls to {self.variance_ratio:.0%})"


def cuped(outcome: Any, covariate: Any, *, treatment: Any = None) -> Cuped:
    """Take out of an outcome what could be known before the experiment.

    The difference of the arms' means of ``adjusted`` has the same expectation as that of the outcome and a smaller
    variance. It assumes that the covariate was measured before the treatment. For the effect and its interval give
    the covariate to `effect`; use this to see what a covariate is worth, or to hand adjusted outcomes to other tools.

    Parameters
    ----------
    outcome : array-like of shape (n,)
        Larger is better.
    covariate : array-like of shape (n,) or (n, k)
        Numbers known before, most often the same quantity in the weeks before.
    treatment : array-like of shape (n,), default=None
        The arm of each customer. With it slopes are those within arms, which the effect itself does not disturb.

    Returns
    -------
    Cuped
        The adjusted outcome, the slopes and the variance that is left.

    Raises
    ------
    DataError
        If a value is missing, lengths or indexes differ, or the outcome is named "churn" or constant.

    Notes
    -----
    ``theta = cov(y, x) / var(x)``, with several covariates least squares (Deng, Xu, Kohavi and Walker 2013, WSDM).
    Constant covariates get the slope 0.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> before = rng.normal(100, 20, 1000)
    >>> after = 0.9 * before + rng.normal(0, 10, 1000)
    >>> found = cuped(after, before)
    >>> found
    Cuped(slope 0.9308; variance falls to 24%)
    >>> bool(np.isclose(found.adjusted.mean(), after.mean()))
    True
    """
    y = numbers_of(outcome, "outcome")
    refuse_churn(outcome)
    x = covariates_of(covariate, len(y), outcome)
    groups = np.zeros(len(y), dtype=np.int64) if treatment is None else _groups(treatment, len(y))
    inner_y, inner_x = _within(y[:, None], groups)[:, 0], _within(x, groups)
    if not np.any(inner_y):
        raise DataError(
            message(
                f"all {len(y):,} outcomes are equal" + (" within their arm" if treatment is not None else ""),
                "an outcome that varies is needed",
                "check the join that made the outcome",
            )
        )
    spread = np.sqrt((inner_x**2).mean(axis=0))
    unit = np.where(spread > 1e-12 * np.abs(x).max(axis=0, initial=1e-300), spread, np.inf)
    slopes = np.linalg.lstsq(inner_x / unit, inner_y, rcond=1e-10)[0] / unit
    left = inner_y - inner_x @ slopes
    adjusted = y - (x - x.mean(axis=0)) @ slopes
    if isinstance(outcome, pd.Series):
        adjusted = pd.Series(adjusted, index=outcome.index, name=outcome.name)
    return Cuped(adjusted, slopes, min(1.0, float((left @ left) / (inner_y @ inner_y))))


def _groups(treatment: Any, n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    codes = pd.factorize(np.asarray(treatment))[0]
    if len(codes) != n or (codes < 0).any():
        raise DataError(
            message(
                f"treatment has {len(codes):,} rows, {int((codes < 0).sum()):,} of them missing, and outcome has {n:,}",
                "the arm of each row is needed",
                "treatment=treatment.loc[outcome.index]",
            )
        )
    return codes.astype(np.int64)


def _within(columns: FloatArray, groups: np.ndarray[Any, Any]) -> FloatArray:
    size = np.bincount(groups)[:, None]
    means = np.stack([np.bincount(groups, column) for column in columns.T], axis=1) / size
    within: FloatArray = columns - means[groups]
    return within
