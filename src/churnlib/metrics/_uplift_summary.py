"""All numbers that judge a ranking by uplift, with intervals, from one sort."""

from __future__ import annotations

import pandas as pd

from churnlib._typing import ArrayLike
from churnlib.metrics._metric_interval import Customers
from churnlib.metrics._uplift_effects import ranked_effects, warn_if_constant
from churnlib.metrics._uplift_inputs import Propensity, checked_share

__all__ = ["uplift_summary"]


def uplift_summary(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike | None = None,
    propensity: Propensity = None,
    k: float = 0.1,
    customer: Customers = None,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Mean effect, Qini, AUUC, AUTOC and the effect on the best share k, each with its interval.

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
    k : float, default=0.1
        The share of rows on the list of ``uplift_at_k``, above 0 and up to 1.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, as in `qini_interval`.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row. However much a row weighs, it is one observation.
    confidence : float, default=0.95
        The nominal coverage of each interval by itself, between 0 and 1.

    Returns
    -------
    DataFrame
        Indexed by ``metric`` (``ate``, ``qini``, ``auuc``, ``autoc``, ``uplift_at_k``): ``value``, in units of the
        outcome and larger is better, ``standard_error``, ``low`` and ``high``.

    Raises
    ------
    DataError
        If all rows are treated or none is, a number is missing, lengths differ, a propensity is not between 0 and 1, or
        there are fewer than two customers.
    ParameterError
        If treatment or propensity is missing, or given twice, k is not above 0 and up to 1, or the one propensity or
        the confidence is not between 0 and 1.

    Warns
    -----
    AssumptionWarning
        If all scores are equal.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> uplift, treated = rng.normal(size=4000), rng.random(4000) < 0.5
    >>> retained = rng.random(4000) < 0.6 + 0.1 * uplift * treated
    >>> uplift_summary(retained - retained.mean(), uplift, treatment=treated, propensity=0.5, k=0.2).round(3)
                 value  standard_error    low   high
    metric
    ate          0.013           0.016 -0.018  0.043
    qini         0.024           0.004  0.015  0.032
    auuc         0.030           0.009  0.013  0.047
    autoc        0.080           0.015  0.051  0.109
    uplift_at_k  0.143           0.033  0.077  0.209
    """
    share = checked_share(k)
    ranked, _ = ranked_effects(outcome, score, treatment=treatment, propensity=propensity, sample_weight=sample_weight)
    warn_if_constant(ranked, "qini and autoc are 0")
    return ranked.summary(k=share, customer=customer, sample_weight=sample_weight, confidence=confidence)
