"""Profit metrics where the value differs by customer."""

from __future__ import annotations

import numpy as np

from churnlib._typing import ArrayLike, FloatArray, IntArray
from churnlib.economics import RetentionOffer
from churnlib.exceptions import DataError, ParameterError, message
from churnlib.metrics import _arrays
from churnlib.metrics._counts import sums_within
from churnlib.metrics._grid import on_grid
from churnlib.metrics._profit_terms import row_gain, values_of
from churnlib.metrics._ranked import RankedOutcomes
from churnlib.numerics import TiedOrder

__all__ = ["auepc_score", "empb_score"]


def empb_score(
    y: ArrayLike,
    s: ArrayLike,
    *,
    offer: RetentionOffer,
    clv: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Expected maximum profit where values differ by customer (EMPB): what the best list brings, per customer.

    As `mpc_score`, but each customer counts by their own value. A ranking by risk times value can
    beat one by risk.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means to be contacted first. Customers with equal scores are contacted together.
    offer : RetentionOffer
        What a contact earns and costs. An uncertain accept rate counts by its mean. Where `clv` is a Series,
        the index of y or of s names the customers.
    clv : array-like of shape (n_rows,) or float, default=None
        The value of each row's customer, in the order of the rows, instead of the offer's own.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.

    Returns
    -------
    float
        Money per row, never below 0; higher is better.

    Raises
    ------
    DataError
        If a number is missing, an outcome is neither 0 nor 1, or values do not match the rows.
    SchemaError
        If values go by customer and the rows do not name theirs.
    ParameterTypeError
        If `offer` is no RetentionOffer, or its values are a column.

    Warns
    -----
    AssumptionWarning
        If the offer can never pay; the score is then 0.

    Notes
    -----
    ``max over lists of Σ v_i / n`` with ``v_i = g (clv_i - d_i) - f`` for a churner and ``-(d_i + f)`` for a
    stayer, who is taken to accept always. In the paper d_i is a share of the value:
    ``RetentionOffer(accept_rate=(6, 14), clv=..., offer_fraction=0.05, contact_cost=15)``. Janssens,
    Bogaert, Bagué and Van den Poel 2022, B2Boost, Annals of Operations Research.

    Examples
    --------
    >>> offer = RetentionOffer(accept_rate=0.3, clv=0, offer_fraction=0.05, contact_cost=1)
    >>> round(empb_score([1, 0, 1], [0.9, 0.5, 0.1], offer=offer, clv=[200, 100, 10]), 4)
    18.6667
    """
    return RankedOutcomes(y, s).empb(offer, clv=clv, sample_weight=sample_weight)


def auepc_score(
    y: ArrayLike,
    s: ArrayLike,
    *,
    offer: RetentionOffer,
    clv: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Area under the expected profit curve: the profit of a list over that of the best list of its length, averaged.

    For the record only: its first ratios divide by the profit of very short lists, and one
    unlucky row at the top may turn the whole area negative. `empb_score` over the
    oracle's profit (`ProfitSummary.captured`) says the same without that.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means to be contacted first.
    offer : RetentionOffer
        What a contact earns and costs, as in `empb_score`.
    clv : array-like of shape (n_rows,) or float, default=None
        The value of each row's customer, instead of the offer's own.
    sample_weight : array-like of shape (n_rows,), default=None
        Whole numbers, which stand for repeated rows; the area is taken row by row.

    Returns
    -------
    float
        1 for the perfect ranking; no lower bound.

    Raises
    ------
    DataError
        If no contact would bring anything, or as in `empb_score`.
    ParameterError
        If weights are no whole numbers.

    Notes
    -----
    The trapezoid of the ratios of cumulative profits at lists of 1..m rows, divided by ``m - 1``; the oracle ranks by
    what each contact brings, and m is the last length before its cumulative profit falls to 0 or
    below. Inside a block of equal scores the expected profit counts.

    Examples
    --------
    >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
    >>> round(auepc_score([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], offer=offer), 4)
    0.8006
    """
    churned, scores = _arrays.outcomes_and_ranks(y, s)
    value = values_of(offer, churned.size, _arrays.labels_of(y, s), clv)
    gain = row_gain(offer, churned, value)
    if sample_weight is not None:
        repeats = _repeats(sample_weight, churned.size)
        gain, scores = np.repeat(gain, repeats), np.repeat(scores, repeats)
    gain = on_grid(gain)
    length = np.arange(1.0, gain.size + 1.0)
    oracle = np.cumsum(np.sort(gain)[::-1])
    paying = np.flatnonzero(oracle <= 0)
    m = int(paying[0]) if paying.size else gain.size
    if m == 0:
        raise DataError(
            message("no contact would bring anything", "the area divides by the best profit", "empb_score, which is 0")
        )
    order = TiedOrder(scores)
    ends = np.append(order.starts[1:], order.n_rows).astype(np.float64)
    earned = sums_within(length[:m], ends, np.cumsum(order.block_sums(gain)))
    ratio: FloatArray = earned / oracle[:m]
    return float(ratio[0]) if m == 1 else float((ratio[1:] + ratio[:-1]).sum() / 2 / (m - 1))


def _repeats(sample_weight: ArrayLike, n_rows: int) -> IntArray:
    weight, whole = _arrays.weights(sample_weight, n_rows)
    if not whole:
        raise ParameterError(
            message(
                "sample_weight holds fractions",
                "the area is taken row by row, and weights say how often a row is repeated",
                "sample_weight=np.rint(weight), or empb_score",
            )
        )
    return weight.astype(np.int64)
