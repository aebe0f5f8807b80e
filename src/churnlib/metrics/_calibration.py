"""Whether 20 % churn of those who were told 20 %."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnlib._typing import ArrayLike
from churnlib.metrics import _arrays
from churnlib.metrics._bins import Norm, binned
from churnlib.numerics import TiedOrder, wilson_interval

__all__ = ["calibration_error", "reliability_table"]


def calibration_error(
    y: ArrayLike,
    p: ArrayLike,
    *,
    bins: int = 10,
    norm: Norm = "l1",
    debiased: bool = False,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Expected calibration error (ECE): how far stated and observed churn lie apart, over bins of equal mass.

    Rows are ranked by probability and cut into bins of equal mass; equal
    probabilities stay in one bin, the one in which their middle falls. In each bin the
    mean probability is compared with the observed churn rate.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    p : array-like of shape (n_rows,)
        The stated probability to churn, between 0 and 1.
    bins : int, default=10
        How many bins; fewer remain where ties fill several.
    norm : {"l1", "l2"}, default="l1"
        "l1" is the mean absolute distance, the usual ECE; "l2" the root of the mean square.
    debiased : bool, default=False
        Chance alone moves a bin's rate, so that even a perfect model has an
        error above 0, the larger the fewer the rows. True takes the estimated share
        of chance off: exactly in expectation for the square of "l2", in part for
        "l1" (about two fifths of it at perfect calibration, all of it where the
        distance is large beside the noise).
        `calibration_band` says what chance alone would give.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.

    Returns
    -------
    float
        Between 0 and 1; lower is better.

    Raises
    ------
    DataError
        If a number is missing, an outcome is neither 0 nor 1, or a probability lies outside 0 and 1.
    ParameterError
        If there are more bins than rows, or the norm is unknown.

    Notes
    -----
    ``ECE = Σ_b w_b |ȳ_b - p̄_b|``, w_b the share of bin b. Debiased "l2" is
    √max(0, Σ_b w_b ((ȳ_b - p̄_b)² - s²_b)) with s²_b the sampling variance of ȳ_b - p̄_b (Kumar, Liang and Ma 2019,
    Verified Uncertainty Calibration). Debiased "l1" takes off E|N(d, s_b)| - d at the distance d seen.

    Examples
    --------
    >>> y = [0, 0, 0, 1, 1, 1, 1, 0]
    >>> p = [0.1, 0.1, 0.1, 0.1, 0.6, 0.6, 0.6, 0.6]
    >>> round(calibration_error(y, p, bins=2), 3)
    0.15
    """
    outcomes, stated = _arrays.outcomes_and_scores(y, p)
    _arrays.probabilities(stated)
    weight, whole = _arrays.weights(sample_weight, outcomes.size)
    n_bins = _arrays.checked_bins(bins, outcomes.size)
    cut = binned(TiedOrder(stated), outcomes, stated, weight, n_bins, whole=whole)
    return cut.error(norm, debiased=debiased)


def reliability_table(
    y: ArrayLike,
    p: ArrayLike,
    *,
    bins: int = 10,
    confidence: float = 0.95,
    sample_weight: ArrayLike | None = None,
) -> pd.DataFrame:
    """Stated probability and observed churn, bin by bin.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    p : array-like of shape (n_rows,)
        The stated probability to churn, between 0 and 1.
    bins : int, default=10
        How many bins of equal mass; equal probabilities share a bin.
    confidence : float, default=0.95
        Coverage of the bounds of the observed rate.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.

    Returns
    -------
    DataFrame
        Riskiest bin first: ``rows``, ``predicted`` (mean probability), ``observed`` (churn rate), ``gap``
        (observed minus predicted: positive = risk was understated), ``low`` and ``high`` (Wilson bounds of
        the observed rate, for independent rows), ``p_low`` and ``p_high`` (range of the bin).

    Raises
    ------
    DataError
        If a number is missing, an outcome is neither 0 nor 1, or a probability lies outside 0 and 1.
    ParameterError
        If there are more bins than rows, or the confidence is not between 0 and 1.

    Examples
    --------
    >>> y = [0, 0, 0, 1, 1, 1, 1, 0]
    >>> p = [0.1, 0.1, 0.1, 0.1, 0.6, 0.6, 0.6, 0.6]
    >>> reliability_table(y, p, bins=2)[["rows", "predicted", "observed"]]
         rows  predicted  observed
    bin
    1       4        0.6      0.75
    2       4        0.1      0.25
    """
    outcomes, stated = _arrays.outcomes_and_scores(y, p)
    _arrays.probabilities(stated)
    weight, whole = _arrays.weights(sample_weight, outcomes.size)
    n_bins = _arrays.checked_bins(bins, outcomes.size)
    cut = binned(TiedOrder(stated), outcomes, stated, weight, n_bins, whole=whole)
    low, high = wilson_interval(np.minimum(cut.observed, 1.0) * cut.weight, cut.weight, confidence=confidence)
    return pd.DataFrame(
        {
            "rows": np.rint(cut.weight).astype(np.int64) if whole else cut.weight,
            "predicted": cut.predicted,
            "observed": cut.observed,
            "gap": cut.gap,
            "low": low,
            "high": high,
            "p_low": cut.low,
            "p_high": cut.high,
        },
        index=pd.RangeIndex(1, cut.weight.size + 1, name="bin"),
    )
