"""How much better than chance a list of the riskiest customers is."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnlib._typing import Array, ArrayLike, BoolArray
from churnlib.metrics import _arrays
from churnlib.metrics._ranked import RankedOutcomes, Top, list_size

__all__ = ["lift_score", "lift_table", "precision_at", "recall_at"]


def lift_score(
    y: ArrayLike,
    s: ArrayLike,
    *,
    fraction: float = 0.1,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Churn rate among the riskiest, divided by the churn rate of everybody.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means riskier.
    fraction : float, default=0.1
        The share of rows on the list, above 0 and up to 1. The list has
        ``max(1, round(fraction * n))`` rows; Python's `round` takes halves to the
        even number, so a tenth of 25 rows is 2, and of 35 rows 4.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row. Whole numbers stand for repeated rows; with other
        weights the list takes the exact share of the total, unrounded.

    Returns
    -------
    float
        1 is chance, higher is better, at most one over the churn rate. Where
        equal scores straddle the end of the list, their *expected* number of churners is
        counted, so that the result does not depend on the order of the rows.

    Raises
    ------
    DataError
        If nobody churned, a number is missing, or an outcome is neither 0 nor 1.
    ParameterError
        If the fraction is not above 0 and up to 1.

    Examples
    --------
    Ten customers, two churners; one of them leads the list, and the other ties
    with a stayer at its end:

    >>> y = [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    >>> s = [0.9, 0.5, 0.5, 0.3, 0.3, 0.2, 0.2, 0.1, 0.1, 0.1]
    >>> lift_score(y, s), lift_score(y, s, fraction=0.2)
    (5.0, 3.75)
    """
    return _top(y, s, fraction, sample_weight).lift


def precision_at(
    y: ArrayLike,
    s: ArrayLike,
    *,
    fraction: float = 0.1,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Share of churners among the riskiest.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means riskier.
    fraction : float, default=0.1
        The share of rows on the list; its size is rounded as in `lift_score`.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row, as in `lift_score`.

    Returns
    -------
    float
        Between 0 and 1, higher is better; the base rate is chance.

    Raises
    ------
    DataError
        If a number is missing, or an outcome is neither 0 nor 1.
    ParameterError
        If the fraction is not above 0 and up to 1.

    Examples
    --------
    >>> precision_at([1, 0, 1, 0], [0.9, 0.8, 0.3, 0.1], fraction=0.5)
    0.5
    """
    return _top(y, s, fraction, sample_weight).precision


def recall_at(
    y: ArrayLike,
    s: ArrayLike,
    *,
    fraction: float = 0.1,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Share of all churners who are among the riskiest.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means riskier.
    fraction : float, default=0.1
        The share of rows on the list; its size is rounded as in `lift_score`.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row, as in `lift_score`.

    Returns
    -------
    float
        Between 0 and 1, higher is better; the fraction itself is chance.

    Raises
    ------
    DataError
        If nobody churned, a number is missing, or an outcome is neither 0 nor 1.
    ParameterError
        If the fraction is not above 0 and up to 1.

    Examples
    --------
    >>> recall_at([1, 0, 1, 0], [0.9, 0.8, 0.3, 0.1], fraction=0.25)
    0.5
    """
    return _top(y, s, fraction, sample_weight).recall


def lift_table(
    y: ArrayLike,
    s: ArrayLike,
    *,
    bins: int = 10,
    value: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> pd.DataFrame:
    """Churn and lift along the ranking, in bins of equal size.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means riskier.
    bins : int, default=10
        How many bins; ten make deciles. Bin k ends at row ``round(k * n / bins)``.
    value : array-like of shape (n_rows,), default=None
        What each row is worth, in money; adds ``value`` and ``value_at_risk``.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.

    Returns
    -------
    DataFrame
        Indexed by ``bin``, 1 = riskiest: ``rows``, ``churners``, ``churn_rate``, ``lift`` (1 is chance), ``captured``
        (share of all churners in this bin and those above), ``cumulative_lift``, ``score_high`` and ``score_low``;
        with a value also its sum over the bin and over the bin's churners. Equal
        scores that straddle two bins are shared between them: churners are then expected
        numbers, and no row order can change them.

    Raises
    ------
    DataError
        If nobody churned, a number is missing, or an outcome is neither 0 nor 1.
    ParameterError
        If there are more bins than rows.

    Examples
    --------
    >>> table = lift_table([1, 1, 0, 1, 0, 0], [6, 5, 4, 3, 2, 1], bins=3)
    >>> table[["rows", "churners", "lift", "captured"]].round(2)
         rows  churners  lift  captured
    bin
    1       2       2.0   2.0      0.67
    2       2       1.0   1.0      1.00
    3       2       0.0   0.0      1.00
    """
    return RankedOutcomes(y, s).table(bins=bins, value=value, sample_weight=sample_weight)


def _top(y: ArrayLike, s: ArrayLike, fraction: float, sample_weight: ArrayLike | None) -> Top:
    if sample_weight is not None:
        return RankedOutcomes(y, s).top(fraction, sample_weight=sample_weight)
    outcomes, scores = _arrays.outcomes_and_ranks(y, s)
    return _top_by_partition(outcomes, scores, fraction)


def _top_by_partition(y: BoolArray, s: Array, fraction: float) -> Top:
    """One list needs no sort: find the score at its end, then count above it and share the tie."""
    n_rows = s.size
    size = list_size(float(n_rows), fraction=fraction, size=None, whole=True)
    position = n_rows - int(size)
    last = np.partition(s, position)[position]
    above, tied = s > last, s == last
    n_above, n_tied = np.count_nonzero(above), np.count_nonzero(tied)
    caught, share = np.count_nonzero(above & y), np.count_nonzero(tied & y) / n_tied
    return Top(size, float(share * (size - n_above) + caught), float(n_rows), float(np.count_nonzero(y)))
