"""Intervals of ranking and profit metrics, and of the difference between two models on the same customers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from churnlib._typing import ArrayLike, BoolArray, FloatArray, IntArray
from churnlib.economics import RetentionOffer
from churnlib.exceptions import DataError, message
from churnlib.metrics import _arrays
from churnlib.metrics._grid import on_grid
from churnlib.metrics._profit_terms import Terms, row_gain, values_of
from churnlib.metrics._ranked import RankedOutcomes, both_classes
from churnlib.numerics import customer_bootstrap, normal_quantile

__all__ = ["MetricInterval", "auc_interval", "metric_interval", "profit_interval"]

Measure: TypeAlias = Callable[[RankedOutcomes, IntArray], float]
Customers: TypeAlias = "ArrayLike | pd.Index[Any] | pd.Series[Any] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricInterval:
    """A metric, or the difference of two models' metrics, with its interval.

    Attributes
    ----------
    value : float
        The metric on all rows; for a difference, that of the scores minus that of those they are compared with.
    low, high : float
        Bounds that hold the true value in the given share of samples.
    standard_error : float
        Of the value.
    confidence : float
        That share.
    n_customers : int
        How many independent customers stand behind it.

    Examples
    --------
    >>> interval = MetricInterval(
    ...     value=0.02, low=0.004, high=0.036, standard_error=0.008, confidence=0.95, n_customers=900
    ... )
    >>> interval.excludes_zero
    True
    """

    value: float
    low: float
    high: float
    standard_error: float
    confidence: float
    n_customers: int

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside the bounds: for a difference, whether one model is clearly better."""
        return self.low > 0 or self.high < 0


def metric_interval(
    measure: Measure,
    y: ArrayLike,
    s: ArrayLike,
    *,
    versus: ArrayLike | None = None,
    customer: Customers = None,
    confidence: float = 0.95,
    n_boot: int = 500,
    random_state: int | np.random.Generator = 0,
) -> MetricInterval:
    """Bootstrap interval of any metric of `RankedOutcomes`, or of a paired difference.

    Customers are drawn with all their rows. Rows are ranked once; a draw changes their weights. Both models see the
    same draws, so that what they share cancels in the difference. A metric that picks its best list on the rows it is
    judged on (EMPC, KS) is lifted by that choice, and by each draw once more: with few hundred rows its
    interval lies too high, and `profit_interval` serves better.

    Parameters
    ----------
    measure : callable
        Takes ranked outcomes and the weight of each row, returns a number:
        ``lambda ranked, weight: ranked.top(0.1, sample_weight=weight).lift``.
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means riskier.
    versus : array-like of shape (n_rows,), default=None
        Scores of another model on the same rows; the interval is then that of the difference.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row. None reads them from the index of y or s where it names
        ``customer_id``, and else takes each row for a customer of its own.
    confidence : float, default=0.95
        The nominal coverage, between 0 and 1.
    n_boot : int, default=500
        How many draws.
    random_state : int or numpy.random.Generator, default=0
        The seed of the draws.

    Returns
    -------
    MetricInterval
        Percentile bounds.

    Raises
    ------
    DataError
        If there are fewer than two customers, or the metric is not defined on most draws.
    ParameterError
        If the confidence is not between 0 and 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> risk = rng.random(500)
    >>> y = rng.random(500) < 0.6 * risk
    >>> lift = metric_interval(lambda ranked, w: ranked.top(0.1, sample_weight=w).lift, y, risk, n_boot=100)
    >>> bool(1 < lift.low < lift.value < lift.high)
    True
    """
    owner = _owners(customer, y, s)
    models = [RankedOutcomes(y, s)] if versus is None else [RankedOutcomes(y, s), RankedOutcomes(y, versus)]
    drawn = customer_bootstrap(
        lambda weight: np.array([measure(model, weight) for model in models]),
        owner,
        n_boot=n_boot,
        random_state=random_state,
    ).map(lambda values: values[0] - values[1] if versus is not None else values[0])
    low, high = drawn.interval(confidence)
    return MetricInterval(
        value=float(drawn.estimate),
        low=float(low),
        high=float(high),
        standard_error=float(drawn.standard_error),
        confidence=confidence,
        n_customers=drawn.n_customers,
    )


def auc_interval(
    y: ArrayLike,
    s: ArrayLike,
    *,
    versus: ArrayLike | None = None,
    customer: Customers = None,
    confidence: float = 0.95,
) -> MetricInterval:
    """Interval of the AUC, or of the difference of two, without resampling.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means riskier.
    versus : array-like of shape (n_rows,), default=None
        Scores of another model on the same rows; the interval is then that of the difference.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, as in `metric_interval`.
    confidence : float, default=0.95
        The nominal coverage, between 0 and 1.

    Returns
    -------
    MetricInterval
        Normal bounds; those of one AUC are taken on the log-odds, and so stay between 0 and 1.

    Raises
    ------
    DataError
        If there are fewer than two churners or two stayers, or fewer than two customers of either.
    ParameterError
        If the confidence is not between 0 and 1.

    Notes
    -----
    A churner's placement is the share of stayers below, ties counting half, a stayer's that of churners above; their
    variance is that of the AUC (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44, 837-845). Rows
    of one customer are summed first (Obuchowski 1997, Biometrics 53, 567-578).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> risk = rng.random(500)
    >>> y = rng.random(500) < 0.6 * risk
    >>> found = auc_interval(y, risk)
    >>> f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"
    '0.76 (0.72 to 0.80)'
    """
    churned, scores = _arrays.outcomes_and_ranks(y, s)
    codes, n_customers = _codes(_owners(customer, y, s))
    placed = _placements(churned, scores)
    value = placed[0]
    at_churners, at_stayers = placed[1], placed[2]
    if versus is not None:
        other = _placements(*_arrays.outcomes_and_ranks(y, versus))
        value, at_churners, at_stayers = value - other[0], at_churners - other[1], at_stayers - other[2]
    error = _obuchowski(churned, codes, at_churners - value, at_stayers - value)
    z = normal_quantile(confidence)
    low, high = value - z * error, value + z * error
    if versus is None and 0 < value < 1:
        centre, spread = np.log(value / (1 - value)), z * error / (value * (1 - value))
        low, high = 1 / (1 + np.exp(spread - centre)), 1 / (1 + np.exp(-spread - centre))
    return MetricInterval(
        value=float(value),
        low=float(low),
        high=float(high),
        standard_error=error,
        confidence=confidence,
        n_customers=n_customers,
    )


def profit_interval(
    y: ArrayLike,
    s: ArrayLike,
    *,
    offer: RetentionOffer,
    clv: ArrayLike | None = None,
    versus: ArrayLike | None = None,
    customer: Customers = None,
    confidence: float = 0.95,
) -> MetricInterval:
    """Interval of EMPC, or of EMPB where values differ by customer, or of a difference, without resampling.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means riskier.
    offer : RetentionOffer
        What a contact earns and costs. With one value for all and an uncertain accept rate the metric is EMPC, else
        the profit at the mean accept rate (MPC, EMPB).
    clv : array-like of shape (n_rows,) or float, default=None
        The value of each row's customer, instead of the offer's own.
    versus : array-like of shape (n_rows,), default=None
        Scores of another model on the same rows; the interval is then that of the difference.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, as in `metric_interval`.
    confidence : float, default=0.95
        The nominal coverage, between 0 and 1.

    Returns
    -------
    MetricInterval
        Normal bounds, in money per row. They hold the profit of the best list as it is in the population, as long
        as some list clearly earns something; near 0, where the metric cannot fall below, they are not to be trusted.

    Raises
    ------
    DataError
        If there are fewer than two customers, or as in `empb_score`.
    ParameterError
        If the confidence is not between 0 and 1.

    Warns
    -----
    AssumptionWarning
        If the offer can never pay.

    Notes
    -----
    At the best list a slightly longer one earns no more, so that to first order its choice adds nothing to the
    variance: the metric behaves like the mean over the rows of what each brings, averaged over the accept rates at
    which it is listed. Rows of one customer are summed first.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> risk = rng.random(2000)
    >>> y = rng.random(2000) < 0.5 * risk
    >>> offer = RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)
    >>> found = profit_interval(y, risk, offer=offer)
    >>> f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"
    '7.61 (6.51 to 8.71)'
    """
    labels = _arrays.labels_of(y, s)
    codes, n_customers = _codes(_owners(customer, y, s))
    models = [s] if versus is None else [s, versus]
    parts = [_brought(RankedOutcomes(y, scores), offer, labels, clv) for scores in models]
    brought = parts[0] if versus is None else parts[0] - parts[1]
    n_rows = brought.size
    value = float(on_grid(brought).sum()) / n_rows
    by_customer = np.bincount(codes, weights=on_grid(brought - value))
    error = float(np.sqrt((by_customer**2).sum() * n_customers / (n_customers - 1.0))) / n_rows
    z = normal_quantile(confidence)
    return MetricInterval(
        value=value,
        low=value - z * error,
        high=value + z * error,
        standard_error=error,
        confidence=confidence,
        n_customers=n_customers,
    )


def _brought(
    ranked: RankedOutcomes, offer: RetentionOffer, labels: pd.Index[Any] | None, clv: ArrayLike | None
) -> FloatArray:
    """Return what each row adds to the metric: the mean over the rows is the metric."""
    value = values_of(offer, ranked.n_rows, labels, clv)
    gain = row_gain(offer, ranked._y, value)
    if clv is not None or isinstance(offer.clv, pd.Series) or not isinstance(offer.accept_rate, tuple):
        threshold = ranked._best_list(gain, None)[2]
        return np.where(ranked._scores >= threshold, gain, 0.0)
    terms = Terms.of(offer)
    hull = ranked._hull(None)
    if terms.worth <= 0:
        return np.zeros(ranked.n_rows)
    # A row is listed from the accept rate on at which the first vertex that holds it becomes the best.
    below = np.searchsorted(hull.score[::-1], ranked._scores, side="right")
    vertex = np.maximum(hull.score.size - below, 1)
    upto, mean_upto = terms.accepted_upto(np.append(hull.pays_from(terms), 1.0))
    chance, moment = upto[-1] - upto, mean_upto[-1] - mean_upto
    churner = terms.worth * moment - terms.contact_cost * chance
    brought: FloatArray = np.where(ranked._y, churner[vertex], -terms.wasted * chance[vertex])
    return brought


def _owners(customer: Customers, y: ArrayLike, s: ArrayLike) -> Any:
    if customer is not None:
        return customer
    labels = _arrays.labels_of(y, s)
    if labels is not None and "customer_id" in labels.names:
        return labels.get_level_values("customer_id")
    return np.arange(np.shape(y)[0])


def _codes(owner: Any) -> tuple[IntArray, int]:
    codes, found = pd.factorize(pd.Index(owner), sort=True)
    if len(found) < 2:
        raise DataError(
            message(
                f"there are {len(found)} customers",
                "an interval needs at least two",
                "leave customer out to take each row for a customer of its own, or use more customers",
            )
        )
    return codes.astype(np.int64), len(found)


def _placements(churned: BoolArray, scores: Any) -> tuple[float, FloatArray, FloatArray]:
    """Return AUC, for each churner the share of stayers below, and for each stayer that of churners above."""
    both_classes(RankedOutcomes(churned, scores)._counts(None), "AUC")
    stayers, churners = np.sort(scores[~churned]), np.sort(scores[churned])

    def rank(among: FloatArray, of: FloatArray) -> FloatArray:
        below = np.searchsorted(among, of, side="left") + np.searchsorted(among, of, side="right")
        share: FloatArray = below / (2 * among.size)
        return share

    at_churners = rank(stayers, scores[churned])
    return float(on_grid(at_churners).sum()) / churners.size, at_churners, 1.0 - rank(churners, scores[~churned])


def _obuchowski(churned: BoolArray, codes: IntArray, at_churners: FloatArray, at_stayers: FloatArray) -> float:
    """Standard error of a mean of placements of rows that come in customers."""
    n, n_churners, n_stayers = int(codes.max()) + 1, at_churners.size, at_stayers.size
    of_churners = np.bincount(codes[churned], weights=on_grid(at_churners), minlength=n)
    of_stayers = np.bincount(codes[~churned], weights=on_grid(at_stayers), minlength=n)
    with_churner, with_stayer = (np.unique(codes[rows]).size for rows in (churned, ~churned))
    if min(with_churner, with_stayer) < 2:
        raise DataError(
            message(
                f"{with_churner} customers left and {with_stayer} stayed",
                "a standard error needs two of each",
                "use more rows, or a longer horizon",
            )
        )
    variance = (
        (of_churners**2).sum() * with_churner / (with_churner - 1.0) / n_churners**2
        + (of_stayers**2).sum() * with_stayer / (with_stayer - 1.0) / n_stayers**2
        + 2 * (of_churners * of_stayers).sum() * n / (n - 1.0) / (n_churners * n_stayers)
    )
    return float(np.sqrt(max(0.0, variance)))
