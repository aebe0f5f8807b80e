"""What treating the best share brings, for shares from nobody to everybody, with a band."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnlib._checks import check_integer
from churnlib._typing import ArrayLike, FloatArray
from churnlib.metrics._metric_interval import Customers
from churnlib.metrics._uplift_effects import ranked_effects
from churnlib.metrics._uplift_inputs import Propensity
from churnlib.metrics._uplift_rows import Lists
from churnlib.numerics import normal_quantile

__all__ = ["uplift_curve"]

_DRAWS = 4000


def uplift_curve(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike | None = None,
    propensity: Propensity = None,
    points: int = 50,
    customer: Customers = None,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
    random_state: int | np.random.Generator = 0,
) -> pd.DataFrame:
    """Gain of treating the best share first, with an interval at each share and a band for the whole curve.

    Parameters
    ----------
    outcome : array-like of shape (n_rows,)
        1 for retained and 0 for lost, or an amount kept; larger is better. Or what `uplift_target` made.
    score : array-like of shape (n_rows,)
        Predicted uplift; higher is treated first. Equal scores share their places.
    treatment : array-like of shape (n_rows,), default=None
        1 for treated, 0 for the control; None where an uplift target holds it.
    propensity : float, array-like of shape (n_rows,) or "estimate", default=None
        The chance of each row to be treated, as in `ipw_scores`; the error of an estimated one is counted.
    points : int, default=50
        How many steps of equal length from nobody to everybody.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, as in `qini_interval`.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row. However much a row weighs, it is one observation.
    confidence : float, default=0.95
        The nominal coverage, between 0 and 1, of the interval at each share and of the band as a whole.
    random_state : int or numpy.random.Generator, default=0
        The seed of the draws from which the width of the band is taken.

    Returns
    -------
    DataFrame
        Shortest list first: ``treated`` (share of the rows, from 0 to 1), ``gain`` (what treating them brings, in
        units of the outcome per row of all; larger is better) with ``standard_error``, ``low`` and ``high``,
        ``band_low`` and ``band_high`` (bounds that hold the whole curve at once), ``at_random`` (the gain of
        as many drawn by lot), and ``toc`` (mean effect on the list less that on all; NaN for nobody, 0 for everybody).

    Raises
    ------
    DataError
        If all rows are treated or none is, a number is missing, lengths differ, a propensity is not between 0 and 1, or
        there are fewer than two customers.
    ParameterError
        If there is less than one step, treatment or propensity is None, or the one propensity or the confidence is
        not between 0 and 1.

    Notes
    -----
    Errors at the points are jointly normal, with the covariance of the rows' influences. The band is as
    many standard errors wide as the largest of them stays within in the given share of draws. The area between
    ``gain`` and ``at_random`` is `qini_score`, the mean of ``toc`` is `autoc_score`, up to the steps.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> score, treated = rng.normal(size=9000), rng.random(9000) < 0.5
    >>> kept = 10 * score * treated + rng.normal(size=9000)
    >>> curve = uplift_curve(kept, score, treatment=treated, propensity=0.5, points=4)
    >>> curve[["treated", "gain", "at_random", "toc"]].round(2)
       treated  gain  at_random    toc
    0     0.00  0.00       0.00    NaN
    1     0.25  3.24       0.04  12.82
    2     0.50  4.06       0.07   7.98
    3     0.75  3.24       0.11   4.18
    4     1.00  0.14       0.14   0.00
    """
    n_points = check_integer(points, name="points", low=1)
    ranked, _ = ranked_effects(outcome, score, treatment=treatment, propensity=propensity, sample_weight=sample_weight)
    z = normal_quantile(confidence)
    share = np.arange(1, n_points + 1) / n_points
    rows = ranked._rows(sample_weight)
    lists = Lists.of(rows, share)
    gain, covariance = lists.gain, ranked._covariance(lists, rows, customer)
    toc = np.append(np.nan, gain / share - gain[-1])
    share, gain = np.append(0.0, share), np.append(0.0, gain)
    error = np.append(0.0, np.sqrt(np.maximum(np.diag(covariance), 0.0)))
    width = _band(covariance, confidence, random_state)
    return pd.DataFrame(
        {
            "treated": share,
            "gain": gain,
            "standard_error": error,
            "low": gain - z * error,
            "high": gain + z * error,
            "band_low": gain - width * error,
            "band_high": gain + width * error,
            "at_random": share * gain[-1],
            "toc": toc,
        }
    )


def _band(covariance: FloatArray, confidence: float, random_state: int | np.random.Generator) -> float:
    """Return how many standard errors the largest of jointly normal errors stays within."""
    error = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    known = error > 0
    if not known.any():
        return normal_quantile(confidence)
    correlation = covariance[np.ix_(known, known)] / np.outer(error[known], error[known])
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn = np.random.default_rng(random_state).standard_normal((_DRAWS, len(root))) @ root.T
    return max(normal_quantile(confidence), float(np.quantile(np.abs(drawn).max(axis=1), confidence)))
