"""Intervals of Qini, AUUC and AUTOC, and of the difference of two scores."""

from __future__ import annotations

import numpy as np

from churnlib._checks import check_one_order
from churnlib._typing import ArrayLike
from churnlib.metrics._metric_interval import Customers, MetricInterval
from churnlib.metrics._uplift_effects import ranked_effects, warn_if_constant
from churnlib.metrics._uplift_inputs import Propensity
from churnlib.metrics._uplift_ranked import RankedEffects

__all__ = ["autoc_interval", "auuc_interval", "interval_of", "qini_interval"]


def qini_interval(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike | None = None,
    propensity: Propensity = None,
    versus: ArrayLike | None = None,
    customer: Customers = None,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
    n_boot: int | None = None,
    random_state: int | np.random.Generator = 0,
) -> MetricInterval:
    """Interval of the Qini, or of the difference of two.

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
    versus : array-like of shape (n_rows,), default=None
        Another score of the same rows; the interval is then that of the difference.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, or whatever else was drawn into treatment as one (a household, a branch). None reads
        it from the index of outcome or score where it names ``customer_id``, and else takes each row for
        a customer of its own.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row. However much a row weighs, it is one observation.
    confidence : float, default=0.95
        The nominal coverage, between 0 and 1.
    n_boot : int, default=None
        How many draws of customers to take percentiles of; None takes the error from a formula, at once. With a share
        that is estimated, 600 customers and 150 draws nominal 95 % bounds held the truth in 93.1 % of simulations.
    random_state : int or numpy.random.Generator, default=0
        The seed of the draws.

    Returns
    -------
    MetricInterval
        Normal bounds (or percentiles of the draws), in units of the outcome, per customer.

    Raises
    ------
    DataError
        If all rows are treated or none is, a number is missing, lengths differ, a propensity is not between 0 and 1, or
        there are fewer than two customers.
    ParameterError
        If treatment or propensity is missing, or given twice, or the one propensity or the confidence is not between
        0 and 1.

    Warns
    -----
    AssumptionWarning
        If all scores are equal.

    Notes
    -----
    A row moves the Qini by its effect times what its place counts, and by pushing the rows below it down one place;
    the variance of the sum of both over rows is that of the Qini (its influence function). Rows of one
    customer are added first. Taking a constant off the outcome leaves what is estimated as it is and can make the
    interval much narrower: with most customers retained, use ``outcome - outcome.mean()``.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> uplift, treated = rng.normal(size=4000), rng.random(4000) < 0.5
    >>> retained = rng.random(4000) < 0.6 + 0.1 * uplift * treated
    >>> found = qini_interval(retained, uplift, treatment=treated, propensity=0.5)
    >>> f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
    '0.023 (0.010 to 0.037)'
    """
    return interval_of(
        "qini",
        outcome,
        score,
        treatment=treatment,
        propensity=propensity,
        versus=versus,
        customer=customer,
        sample_weight=sample_weight,
        confidence=confidence,
        n_boot=n_boot,
        random_state=random_state,
    )


def auuc_interval(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike | None = None,
    propensity: Propensity = None,
    versus: ArrayLike | None = None,
    customer: Customers = None,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
    n_boot: int | None = None,
    random_state: int | np.random.Generator = 0,
) -> MetricInterval:
    """Interval of the area under the gain curve, or of the difference of two.

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
    versus : array-like of shape (n_rows,), default=None
        Another score of the same rows; the interval is then that of the difference.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, or whatever else was drawn into treatment as one (a household, a branch). None reads
        it from the index of outcome or score where it names ``customer_id``, and else takes each row for
        a customer of its own.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row. However much a row weighs, it is one observation.
    confidence : float, default=0.95
        The nominal coverage, between 0 and 1.
    n_boot : int, default=None
        How many draws of customers to take percentiles of; None takes the error from a formula, at once. With a share
        that is estimated, 600 customers and 150 draws nominal 95 % bounds held the truth in 93.1 % of simulations.
    random_state : int or numpy.random.Generator, default=0
        The seed of the draws.

    Returns
    -------
    MetricInterval
        Normal bounds (or percentiles of the draws), in units of the outcome, per customer.

    Raises
    ------
    DataError
        If all rows are treated or none is, a number is missing, lengths differ, a propensity is not between 0 and 1, or
        there are fewer than two customers.
    ParameterError
        If treatment or propensity is missing, or given twice, or the one propensity or the confidence is not between
        0 and 1.

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
    >>> found = auuc_interval(retained, uplift, treatment=treated, propensity="estimate")
    >>> f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
    '0.030 (0.009 to 0.051)'
    """
    return interval_of(
        "auuc",
        outcome,
        score,
        treatment=treatment,
        propensity=propensity,
        versus=versus,
        customer=customer,
        sample_weight=sample_weight,
        confidence=confidence,
        n_boot=n_boot,
        random_state=random_state,
    )


def autoc_interval(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike | None = None,
    propensity: Propensity = None,
    versus: ArrayLike | None = None,
    customer: Customers = None,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
    n_boot: int | None = None,
    random_state: int | np.random.Generator = 0,
) -> MetricInterval:
    """Interval of AUTOC, or of the difference of two.

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
    versus : array-like of shape (n_rows,), default=None
        Another score of the same rows; the interval is then that of the difference.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, or whatever else was drawn into treatment as one (a household, a branch). None reads
        it from the index of outcome or score where it names ``customer_id``, and else takes each row for
        a customer of its own.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row. However much a row weighs, it is one observation.
    confidence : float, default=0.95
        The nominal coverage, between 0 and 1.
    n_boot : int, default=None
        How many draws of customers to take percentiles of; None takes the error from a formula, at once. With a share
        that is estimated, 600 customers and 150 draws nominal 95 % bounds held the truth in 93.1 % of simulations.
    random_state : int or numpy.random.Generator, default=0
        The seed of the draws.

    Returns
    -------
    MetricInterval
        Normal bounds (or percentiles of the draws), in units of the outcome, per customer treated.

    Raises
    ------
    DataError
        If all rows are treated or none is, a number is missing, lengths differ, a propensity is not between 0 and 1, or
        there are fewer than two customers.
    ParameterError
        If treatment or propensity is missing, or given twice, or the one propensity or the confidence is not between
        0 and 1.

    Warns
    -----
    AssumptionWarning
        If all scores are equal.

    Notes
    -----
    Short lists count most, and with them the few rows at the top that were treated, or not, against the odds. With
    propensities from 0.1 to 0.9 and 1,000 customers nominal 95 % bounds held the truth in 92 % of simulations, with
    3,000 customers in 94 %. `qini_interval` is steadier.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> uplift, treated = rng.normal(size=4000), rng.random(4000) < 0.5
    >>> retained = rng.random(4000) < 0.6 + 0.1 * uplift * treated
    >>> for outcome in (retained, retained - retained.mean()):
    ...     found = autoc_interval(outcome, uplift, treatment=treated, propensity=0.5)
    ...     print(f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})")
    0.082 (0.033 to 0.132)
    0.080 (0.051 to 0.109)
    """
    return interval_of(
        "autoc",
        outcome,
        score,
        treatment=treatment,
        propensity=propensity,
        versus=versus,
        customer=customer,
        sample_weight=sample_weight,
        confidence=confidence,
        n_boot=n_boot,
        random_state=random_state,
    )


def interval_of(
    metric: str,
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike | None,
    propensity: Propensity,
    k: float | None = None,
    versus: ArrayLike | None,
    customer: Customers,
    sample_weight: ArrayLike | None,
    confidence: float,
    n_boot: int | None,
    random_state: int | np.random.Generator,
) -> MetricInterval:
    """Return the interval of any metric of `RankedEffects`."""
    ranked, _ = ranked_effects(outcome, score, treatment=treatment, propensity=propensity, sample_weight=sample_weight)
    warn_if_constant(ranked, f"its {metric} says nothing of the score", stacklevel=4)
    other = None
    if versus is not None:
        check_one_order({"outcome": outcome, "versus": versus})
        other = RankedEffects(ranked._effect, versus)
        other._share = ranked._share
    return ranked.interval(
        metric,
        k=k,
        versus=other,
        customer=customer,
        sample_weight=sample_weight,
        confidence=confidence,
        n_boot=n_boot,
        random_state=random_state,
    )
