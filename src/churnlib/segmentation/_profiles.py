"""What the customers of each segment are like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_names, named_rows
from churnlib._frames import column_names
from churnlib._typing import ArrayLike, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, SchemaError, message
from churnlib.numerics import wilson_interval
from churnlib.segmentation._labels import Labels, read_labels
from churnlib.segmentation._matrix import Matrix, read_frame, refuse_missing

__all__ = ["segment_profiles"]


def segment_profiles(
    segments: ArrayLike | pd.Series,
    data: Any = None,
    *,
    columns: str | Sequence[str] | None = None,
    spend: str | None = None,
    churn: ArrayLike | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Describe each segment: how many, how they behave, what they spend, how many leave.

    Parameters
    ----------
    segments : Series or array-like of shape (n_rows,)
        The segment of each customer. Of a categorical all categories are shown in their order, those
        without customers too (as from `RFMSegmenter.table`, best first); an ordered one from
        its best class to its worst; others are sorted.
    data : DataFrame of shape (n_rows, n_columns), default=None
        Columns to describe, one row per customer, such as `rfm_table` makes; any frame. If
        it and `segments` are of pandas, they must have the same labels in the same order.
    columns : str, sequence of str or None, default=None
        Which columns of `data`. None is every one that holds numbers.
    spend : str or None, default=None
        The column of `data` whose total is shared out. None is ``spend_total`` where
        `data` has it.
    churn : Series or array-like of shape (n_rows,), default=None
        1 = churned, 0 = stayed, NaN = not known yet; rows that are not known are counted out of the rate.
    confidence : float, default=0.95
        The share of samples whose interval shall hold the true churn rate.

    Returns
    -------
    DataFrame
        Indexed by ``segment``: ``customers``; ``share`` of all customers; for each column
        ``<column>_median`` and ``<column>_mean`` (NaN where nobody is); ``spend_share`` of all
        spend; with an outcome ``known`` (customers whose outcome is known), ``churners``,
        ``churn_rate`` (NaN where nobody is known) and Wilson's interval ``churn_low`` to
        ``churn_high``, both between 0 and 1. The same bytes for any order of the rows.

    Raises
    ------
    DataError
        If a value is missing or infinite, lengths or labels differ, an outcome is neither 0 nor 1,
        or all spend sums to nothing.
    SchemaError
        If a column is absent, or does not hold numbers.
    ParameterError
        If `columns` or `spend` is given without `data`, or `confidence` is no share.

    Examples
    --------
    >>> data = pd.DataFrame({"n_orders": [9, 7, 1, 1, 2], "spend_total": [500, 300, 50, 100, 50]})
    >>> segment_profiles(["top", "top", "rest", "rest", "rest"], data, churn=[0, 0, 1, 0, 1]).T.round(2)
    segment               rest     top
    customers             3.00    2.00
    share                 0.60    0.40
    n_orders_median       1.00    8.00
    n_orders_mean         1.33    8.00
    spend_total_median   50.00  400.00
    spend_total_mean     66.67  400.00
    spend_share           0.20    0.80
    known                 3.00    2.00
    churners              2.00    0.00
    churn_rate            0.67    0.00
    churn_low             0.21    0.00
    churn_high            0.94    0.66
    """
    labels = read_labels(segments, name="segments")
    n_rows, n_segments = labels.codes.size, len(labels.names)
    customers = np.bincount(labels.codes, minlength=n_segments)
    found: dict[str, Any] = {"customers": customers, "share": customers / n_rows}
    if data is None:
        _refuse_without_data(columns, spend)
    else:
        _refuse_other_rows(segments, data, what="data")
        wanted = _columns(data, columns)
        table = _read(data, wanted, n_rows)
        for name in wanted:
            found[f"{name}_median"], found[f"{name}_mean"], _ = _summary(labels, table.column(name))
        paid = spend or ("spend_total" if "spend_total" in column_names(data) else None)
        if paid is not None:
            found["spend_share"] = _shares(labels, _read(data, [paid], n_rows, role="spend").column(paid), paid)
    if churn is not None:
        _refuse_other_rows(segments, churn, what="churn")
        found |= _churn(labels, churn, confidence)
    return pd.DataFrame(found, index=pd.Index(labels.names, name="segment"))


def _columns(data: Any, columns: str | Sequence[str] | None) -> list[str]:
    if columns is not None:
        return list(as_names(columns, name="columns"))
    found = []
    for name in column_names(data):
        try:
            read_frame(data, [name])
        except SchemaError:
            continue
        found.append(name)
    return found


def _refuse_without_data(columns: object, spend: object) -> None:
    for name, value in (("columns", columns), ("spend", spend)):
        if value is not None:
            raise ParameterError(
                message(
                    f"{name}={value!r} without data",
                    "columns are taken from a frame of customers",
                    f"segment_profiles(segments, data, {name}={value!r})",
                )
            )


def _read(data: Any, wanted: Sequence[str], n_rows: int, *, role: str = "columns") -> Matrix:
    table = refuse_missing(read_frame(data, wanted, role=role))
    if wanted and len(table.values) != n_rows:
        raise DataError(
            message(
                f"data has {len(table.values):,} rows for {n_rows:,} segments",
                "one row for each customer",
                "segment_profiles(segmenter.predict(data), data)",
            )
        )
    return table


def _summary(labels: Labels, values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return median, mean and sum of each segment; sorted first, so that the order of the rows leaves no trace."""
    order = np.lexsort((values, labels.codes))
    ranked = values[order]
    size: IntArray = np.bincount(labels.codes, minlength=len(labels.names))
    held = size > 0
    start = np.cumsum(size) - size
    total = np.zeros(size.size)
    total[held] = np.add.reduceat(ranked, start[held])
    middle = np.full((2, size.size), np.nan)
    middle[:, held] = ranked[[(start + (size - 1) // 2)[held], (start + size // 2)[held]]]
    mean = np.full(size.size, np.nan)
    np.divide(total, size, out=mean, where=held)
    return middle[0] + (middle[1] - middle[0]) / 2, mean, total


def _shares(labels: Labels, values: FloatArray, name: str) -> FloatArray:
    total = _summary(labels, values)[2]
    whole = float(total.sum())
    if not whole > 0:
        raise DataError(
            message(
                f"column {name!r} sums to {whole:g} over {values.size:,} customers",
                "a share of spend needs spend",
                "data without this column, or spend= another one",
            )
        )
    return total / whole


def _churn(labels: Labels, churn: Any, confidence: float) -> dict[str, Any]:
    outcome = _outcomes(churn, labels.codes.size)
    n_segments = len(labels.names)
    known = np.bincount(labels.codes[~np.isnan(outcome)], minlength=n_segments)
    churners = np.bincount(labels.codes[outcome == 1], minlength=n_segments)
    rate = np.full(n_segments, np.nan)
    np.divide(churners, known, out=rate, where=known > 0)
    low, high = wilson_interval(churners, known, confidence=confidence)
    return {"known": known, "churners": churners, "churn_rate": rate, "churn_low": low, "churn_high": high}


def _outcomes(churn: Any, n_rows: int) -> FloatArray:
    read = churn if isinstance(churn, pd.Series) else pd.Series(np.asarray(churn))
    try:
        outcome = read.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(
            message(f"churn cannot be read as numbers ({error})", "1 = churned, 0 = stayed", "label == 'churned'")
        ) from error
    if outcome.shape != (n_rows,):
        raise DataError(
            message(f"churn has {outcome.size:,} rows for {n_rows:,} segments", "one outcome for each customer")
        )
    wrong = ~(np.isnan(outcome) | (outcome == 0) | (outcome == 1))
    if wrong.any():
        raise DataError(
            message(
                f"churn is neither 0 nor 1 in {int(wrong.sum()):,} rows ({named_rows(wrong)})",
                "1 = churned, 0 = stayed, NaN = not known yet",
                "churn=(label == 'churned').astype('int8')",
            )
        )
    return outcome


def _refuse_other_rows(segments: Any, other: Any, *, what: str) -> None:
    """Refuse rows of pandas whose labels differ from those of the segments: they are matched by position."""
    if not isinstance(segments, pd.Series) or not isinstance(other, pd.Series | pd.DataFrame):
        return
    if len(segments) == len(other) and not segments.index.equals(other.index):
        moved = int((segments.index != other.index).sum())
        raise DataError(
            message(
                f"segments and {what} have different labels in {moved:,} of {len(other):,} rows",
                "they are matched row by row",
                f"{what}.loc[segments.index]",
            )
        )
