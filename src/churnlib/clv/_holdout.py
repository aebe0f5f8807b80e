"""Predictions held against what customers bought afterwards: by past purchases, by decile, in total."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from churnlib._checks import check_integer
from churnlib._frames import column_names
from churnlib._typing import ArrayLike, FloatArray, IntArray
from churnlib.clv._histories import check_finite, is_frame, read_numbers, refuse
from churnlib.exceptions import DataError, ParameterTypeError, SchemaError, message, nearest
from churnlib.numerics import TiedOrder, normal_quantile

__all__ = ["holdout_calibration", "holdout_errors", "holdout_table"]

_COLUMNS = ("frequency", "T", "frequency_holdout", "T_holdout")


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """One entry per customer."""

    frequency: FloatArray
    actual: FloatArray
    predicted: FloatArray
    baseline: FloatArray


def holdout_table(
    model: Any, summary: Any, *, largest: int = 7, baseline: ArrayLike | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Hold predicted against actual purchases of the holdout, by purchases in the calibration.

    The figure of the papers: customers are grouped by how often they had bought again before
    the cutoff, and for each group the mean of what they bought afterwards is set beside the
    mean of what the model, which had not seen it, expected.

    Parameters
    ----------
    model : fitted model of purchases
        Such as `BGNBD`, fitted on the calibration only: on the same frame, whose holdout it
        does not read.
    summary : dataframe of shape (n_customers, n_columns)
        As `calibration_holdout` makes it: ``frequency``, ``recency``, ``T``,
        ``frequency_holdout`` and ``T_holdout``, and the covariates of the model.
    largest : int, default=7
        Customers with so many repeat purchases or more are one group.
    baseline : array-like of shape (n_customers,) or None, default=None
        What a simpler rule predicts, such as the purchases of the last quarter. None takes
        the rate so far: who bought x times again in T buys x / T · T_holdout times.
    confidence : float, default=0.95
        The share of samples whose interval shall hold the true mean.

    Returns
    -------
    DataFrame
        Indexed by ``frequency``, the texts "0", "1", … "7+": ``customers``; means per customer of
        ``actual``, ``predicted`` and ``baseline`` purchases (>= 0, NaN in a group of nobody),
        with the interval ``low`` to ``high`` of the actual mean; and the sums ``actual_total``,
        ``predicted_total`` and ``baseline_total``.

    Raises
    ------
    SchemaError
        If a column is missing.
    DataError
        If a number is missing or negative.
    ParameterError, ParameterTypeError
        If an argument cannot work.

    See Also
    --------
    holdout_calibration : By the height of the prediction.
    holdout_errors : The errors in total.
    churnlib.plotting.plot_holdout : The picture of it.

    Notes
    -----
    The interval takes the customers of a group as independent draws of a count whose variance
    is φ times its mean μ, φ being their ratio in the group but at least the 1 of a Poisson
    count, and solves (mean − μ)² = z² φ μ / n for μ (Wilson's idea, for counts): it
    never falls below 0, and has a length even where nobody bought.

    Examples
    --------
    >>> from churnlib.clv import BGNBD
    >>> model = BGNBD.from_params({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    >>> summary = pd.DataFrame(
    ...     {
    ...         "frequency": [0, 0, 1, 8],
    ...         "recency": [0.0, 0.0, 20.0, 38.0],
    ...         "T": [39.0, 39.0, 39.0, 39.0],
    ...         "frequency_holdout": [1, 0, 0, 6],
    ...         "T_holdout": [39.0, 39.0, 39.0, 39.0],
    ...     }
    ... )
    >>> holdout_table(model, summary, largest=2)[["customers", "actual", "predicted", "baseline"]].round(2)
               customers  actual  predicted  baseline
    frequency
    0                  2     0.5       0.19       0.0
    1                  1     0.0       0.57       1.0
    2+                 1     6.0       5.33       8.0
    """
    most = check_integer(largest, name="largest", low=1)
    data = _read(model, summary, baseline)
    group = np.minimum(data.frequency, most).astype(np.int64)
    index = pd.Index([*(str(k) for k in range(most)), f"{most}+"], name="frequency")
    return pd.DataFrame(_by_group(data, group, most + 1, confidence), index=index)


def holdout_calibration(
    model: Any, summary: Any, *, bins: int = 10, baseline: ArrayLike | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Hold predicted against actual purchases of the holdout, by decile of the prediction.

    Where the model is right, the actual mean of each decile is close to the predicted one,
    and falls from decile to decile. Where the interval of the actual mean misses the
    prediction, chance alone is a poor explanation of the gap (one in twenty does so by chance).

    Parameters
    ----------
    model : fitted model of purchases
        Such as `BGNBD`, fitted on the calibration only.
    summary : dataframe of shape (n_customers, n_columns)
        As `calibration_holdout` makes it, with the covariates of the model.
    bins : int, default=10
        How many groups of equal size, as far as customers with equal predictions, who stay
        together, allow.
    baseline : array-like of shape (n_customers,) or None, default=None
        What a simpler rule predicts, as in `holdout_table`.
    confidence : float, default=0.95
        The share of samples whose interval shall hold the true mean.

    Returns
    -------
    DataFrame
        Indexed by ``bin``, 1 = the customers with the highest predictions; bins that ties left
        empty are not there. ``customers``; means per customer of ``actual``, ``predicted`` and
        ``baseline`` purchases, with the interval ``low`` to ``high`` of the actual mean, as in
        `holdout_table`; the sums ``actual_total``, ``predicted_total`` and ``baseline_total``.

    Raises
    ------
    SchemaError
        If a column is missing.
    DataError
        If a number is missing or negative.
    ParameterError, ParameterTypeError
        If an argument cannot work.

    See Also
    --------
    holdout_table : By what customers had bought before.
    churnlib.plotting.plot_holdout_calibration : The picture of it.

    Examples
    --------
    >>> from churnlib.clv import BGNBD
    >>> model = BGNBD.from_params({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    >>> summary = pd.DataFrame(
    ...     {
    ...         "frequency": [0, 0, 1, 8],
    ...         "recency": [0.0, 0.0, 20.0, 38.0],
    ...         "T": [39.0, 39.0, 39.0, 39.0],
    ...         "frequency_holdout": [1, 0, 0, 6],
    ...         "T_holdout": [39.0, 39.0, 39.0, 39.0],
    ...     }
    ... )
    >>> holdout_calibration(model, summary, bins=2)[["customers", "actual", "low", "high", "predicted"]].round(2)
         customers  actual   low   high  predicted
    bin
    1            2     3.0  0.53  16.99       2.95
    2            2     0.5  0.09   2.83       0.19
    """
    n_bins = check_integer(bins, name="bins", low=1)
    data = _read(model, summary, baseline)
    ranked = TiedOrder(data.predicted)
    size = ranked.block_sums(np.ones(len(data.actual)))
    # a block of equal predictions goes, whole, where its middle falls
    place = np.minimum((np.cumsum(size) - size / 2) * n_bins / size.sum(), n_bins - 1).astype(np.int64)
    group = np.empty(len(data.actual), dtype=np.int64)
    group[ranked.order] = np.repeat(place, size.astype(np.int64))
    table = pd.DataFrame(_by_group(data, group, n_bins, confidence), index=pd.RangeIndex(1, n_bins + 1, name="bin"))
    return table[table["customers"] > 0]


def holdout_errors(
    model: Any, summary: Any, *, baseline: ArrayLike | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """State how far predictions and a baseline are from the purchases of the holdout.

    Parameters
    ----------
    model : fitted model of purchases
        Such as `BGNBD`, fitted on the calibration only.
    summary : dataframe of shape (n_customers, n_columns)
        As `calibration_holdout` makes it, with the covariates of the model.
    baseline : array-like of shape (n_customers,) or None, default=None
        What a simpler rule predicts, as in `holdout_table`.
    confidence : float, default=0.95
        The share of samples whose interval shall hold the true error of the total.

    Returns
    -------
    DataFrame
        A row for the ``model`` and one for the ``baseline``: ``customers``; ``actual_total`` and
        ``predicted_total``; ``total_error`` = predicted / actual − 1, positive where too much was
        predicted, with its interval ``low`` to ``high`` (NaN where nobody bought); per customer
        ``mean_absolute_error``, ``root_mean_squared_error`` and ``rank_correlation``
        (Spearman, −1 to 1; NaN where all are equal).

    Raises
    ------
    SchemaError
        If a column is missing.
    DataError
        If a number is missing or negative.
    ParameterError, ParameterTypeError
        If an argument cannot work.

    Notes
    -----
    The interval is that of a ratio of two sums over independent customers, linearised and on
    the logarithm: with q = Σp / Σa, se(log q) = √(n/(n−1) · Σ(pᵢ − q aᵢ)²) / Σp. It says what
    other customers would have shown, not what another season would.

    Examples
    --------
    >>> from churnlib.clv import BGNBD
    >>> model = BGNBD.from_params({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    >>> summary = pd.DataFrame(
    ...     {
    ...         "frequency": [0, 0, 1, 8],
    ...         "recency": [0.0, 0.0, 20.0, 38.0],
    ...         "T": [39.0, 39.0, 39.0, 39.0],
    ...         "frequency_holdout": [1, 0, 0, 6],
    ...         "T_holdout": [39.0, 39.0, 39.0, 39.0],
    ...     }
    ... )
    >>> holdout_errors(model, summary)[["actual_total", "predicted_total", "total_error", "rank_correlation"]].round(2)
                actual_total  predicted_total  total_error  rank_correlation
    prediction
    model                7.0              6.3        -0.10               0.5
    baseline             7.0              9.0         0.29               0.5
    """
    z = _normal_quantile(confidence)
    data = _read(model, summary, baseline)
    rows = [_errors(data.actual, stated, z) for stated in (data.predicted, data.baseline)]
    return pd.DataFrame(rows, index=pd.Index(["model", "baseline"], name="prediction"))


def _read(model: Any, summary: Any, baseline: ArrayLike | None) -> _Compared:
    if not is_frame(summary):
        raise ParameterTypeError(
            message(
                f"summary is a {type(summary).__name__}",
                "a frame with the purchases before and after the cutoff was expected",
                "summary = calibration_holdout(orders, cutoff=...)",
            )
        )
    names = column_names(summary)
    for name in _COLUMNS:
        if name not in names:
            raise SchemaError(
                message(
                    f"column {name!r} is missing",
                    f"the summary has {len(names)} columns; {nearest(name, names)}",
                    "summary = calibration_holdout(orders, cutoff=...)",
                )
            )
    columns, index = read_numbers(summary, _COLUMNS)
    check_finite(columns, _COLUMNS, index)
    for column, name in zip(columns, _COLUMNS, strict=True):
        refuse(column < 0, index, f"column {name!r} is negative", "it counts from 0", f"X = X[X[{name!r}] >= 0]")
    frequency, T, actual, ahead = columns
    if not len(actual):
        raise DataError(message("the summary has no rows", "at least one customer was expected"))
    predicted = np.asarray(model.predict(summary, t=ahead), dtype=np.float64)
    if baseline is None:
        simple = np.divide(frequency * ahead, T, out=np.zeros_like(T), where=T > 0)
    else:
        simple = np.asarray(baseline, dtype=np.float64)
        if simple.shape != actual.shape:
            raise DataError(
                message(f"baseline has the shape {simple.shape}", f"one number for each of the {len(actual)} rows")
            )
        check_finite([simple], ["baseline"], index)
    return _Compared(frequency, actual, predicted, simple)


def _by_group(data: _Compared, group: IntArray, n_groups: int, confidence: float) -> dict[str, Any]:
    z = _normal_quantile(confidence)
    n = np.bincount(group, minlength=n_groups)
    sums = {
        name: np.bincount(group, getattr(data, name), minlength=n_groups)
        for name in ("actual", "predicted", "baseline")
    }
    mean = {name: np.divide(total, n, out=np.full(n_groups, np.nan), where=n > 0) for name, total in sums.items()}
    spread = np.bincount(group, (data.actual - mean["actual"][group]) ** 2, minlength=n_groups)
    low, high = _count_interval(mean["actual"], spread / np.maximum(n - 1, 1), n, z)
    return {
        "customers": n,
        "actual": mean["actual"],
        "low": low,
        "high": high,
        "predicted": mean["predicted"],
        "baseline": mean["baseline"],
        **{f"{name}_total": total for name, total in sums.items()},
    }


def _count_interval(mean: FloatArray, variance: FloatArray, n: IntArray, z: float) -> tuple[FloatArray, FloatArray]:
    """Solve (mean − μ)² = z² φ μ / n for μ."""
    ratio = np.divide(variance, mean, out=np.ones_like(mean), where=mean > 0)
    half = z**2 * np.maximum(ratio, 1.0) / np.maximum(n, 1) / 2
    width = np.sqrt(half * (2 * mean + half))
    return np.maximum(mean + half - width, 0.0), mean + half + width


def _errors(actual: FloatArray, stated: FloatArray, z: float) -> dict[str, float]:
    n, total, said = len(actual), float(actual.sum()), float(stated.sum())
    error = low = high = np.nan
    if total > 0:
        error = said / total - 1
        spread = float(((stated - said / total * actual) ** 2).sum())
        if n > 1 and said > 0:
            half = z * np.sqrt(n / (n - 1) * spread) / said
            low, high = said / total * np.exp(-half) - 1, said / total * np.exp(half) - 1
    return {
        "customers": n,
        "actual_total": total,
        "predicted_total": said,
        "total_error": error,
        "low": low,
        "high": high,
        "mean_absolute_error": float(np.abs(stated - actual).mean()),
        "root_mean_squared_error": float(np.sqrt(((stated - actual) ** 2).mean())),
        "rank_correlation": _spearman(actual, stated),
    }


def _spearman(actual: FloatArray, stated: FloatArray) -> float:
    first, second = (rank - rank.mean() for rank in (rankdata(actual), rankdata(stated)))
    length = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / length if length > 0 else float("nan")


def _normal_quantile(confidence: float) -> float:
    return normal_quantile(confidence)
