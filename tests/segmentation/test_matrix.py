"""Columns of any frame as numbers."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from churnlib._sklearn import BaseEstimator
from churnlib.events import EventLog
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError
from churnlib.segmentation._matrix import (
    RFM_COLUMNS,
    is_frame,
    read_frame,
    read_rows,
    refuse_log,
    refuse_missing,
    wanted_columns,
)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.table])
def test_any_frame_is_read_by_name(make):
    frame = make({"b": [1, 2, 3], "a": [0.5, None, 2.5], "note": ["x", "y", "z"]})
    assert is_frame(frame)
    table = read_frame(frame, ["a", "b"])
    np.testing.assert_array_equal(table.values, [[0.5, 1], [np.nan, 2], [2.5, 3]])
    assert table.column("b").tolist() == [1, 2, 3]


@pytest.mark.parametrize("data", [[[1.0]], np.ones((1, 1)), pd.Series([1.0]), None])
def test_what_is_no_frame_is_told_apart(data):
    assert not is_frame(data)


@pytest.mark.parametrize(
    "column",
    [
        pd.array([1, 2], dtype="Int64"),
        pd.array([1.0, 2.0], dtype="Float64"),
        np.array([1, 2], dtype="int8"),
        np.array([1, 2], dtype=object),
        [Decimal("1.0"), Decimal("2.0")],
        pd.Series([1, 2], dtype="int64[pyarrow]"),
    ],
)
def test_numbers_of_any_dtype_are_numbers(column):
    assert read_frame(pd.DataFrame({"a": column}), ["a"]).column("a").tolist() == [1.0, 2.0]


def test_flags_and_empty_columns_are_numbers_too():
    frame = pd.DataFrame({"flag": pd.array([True, None], dtype="boolean"), "empty": [None, None]})
    np.testing.assert_array_equal(read_frame(frame, ["flag", "empty"]).values, [[1, np.nan], [np.nan, np.nan]])


def test_the_index_of_pandas_is_kept_and_the_frame_is_not_touched():
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="customer_id"))
    before = frame.copy(deep=True)
    assert read_frame(frame, ["a"]).index.equals(frame.index)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("values", "held"),
    [
        (["1", "2"], "string"),
        (pd.to_datetime(["2025-01-01", "2025-01-02"]), "timestamp"),
        (pd.to_timedelta([1, 2], unit="D"), "duration"),
        ([[1], [2]], "object"),
    ],
)
def test_what_is_no_number_is_named_with_its_type(values, held):
    with pytest.raises(SchemaError, match=rf"column 'a' holds (large_)?{held}.* values; numbers were expected"):
        read_frame(pd.DataFrame({"a": values}), ["a"])


def test_an_absent_column_is_named_with_the_nearest():
    with pytest.raises(SchemaError, match=r"no column 'n_order'.*did you mean 'n_orders'"):
        read_frame(pd.DataFrame({"n_orders": [1]}), ["n_order"])


@pytest.mark.parametrize(
    ("values", "what"), [([1, np.nan, np.nan], r"missing \(NaN\)"), ([1, np.inf, -np.inf], r"infinite \(inf\)")]
)
def test_missing_values_are_counted_and_the_first_row_named(values, what):
    table = read_frame(pd.DataFrame({"ok": [1, 2, 3], "a": values}), ["ok", "a"])
    with pytest.raises(DataError, match=rf"column 'a' is {what} in 2 of 3 rows \(rows 1, 2\)"):
        refuse_missing(table)


def test_which_columns_are_taken_by_name():
    usual = pd.DataFrame({name: [1] for name in reversed(RFM_COLUMNS)}).assign(note="x")
    assert wanted_columns(usual, None) == RFM_COLUMNS
    assert wanted_columns(usual, ["n_orders"]) == ("n_orders",)
    assert wanted_columns(usual.drop(columns="n_orders"), None) is None
    assert wanted_columns(usual.iloc[:, :3].to_numpy(), None) is None
    with pytest.raises(ParameterError, match="columns is empty"):
        wanted_columns(usual, [])


def test_rows_are_read_by_name_from_frames_and_by_position_from_arrays():
    frame = pd.DataFrame({"b": [3, 4], "note": ["x", "y"], "a": [1, 2]}, index=[7, 8])
    seen = BaseEstimator()
    table = read_rows(seen, frame, ("a", "b"), fitting=True)
    assert seen.feature_names_in_.tolist() == ["a", "b"]
    assert table.index.tolist() == [7, 8]
    np.testing.assert_array_equal(table.values, [[1, 3], [2, 4]])
    np.testing.assert_array_equal(read_rows(seen, frame[["b", "a"]], ("a", "b"), fitting=False).values, table.values)
    # fitted on an array, the estimator has no names to compare with, and the frame none to be warned about
    unnamed = BaseEstimator()
    assert read_rows(unnamed, [[1, 3]], ("a", "b"), fitting=True).index is None
    np.testing.assert_array_equal(read_rows(unnamed, frame, ("a", "b"), fitting=False).values, table.values)


def test_without_names_every_column_is_read_in_the_order_of_the_fit():
    frame = pd.DataFrame({"a": [1], "b": [2]})
    seen = BaseEstimator()
    assert read_rows(seen, frame, None, fitting=True).names == ("a", "b")
    with pytest.raises(ValueError, match="must be in the same order"):
        read_rows(seen, frame[["b", "a"]], None, fitting=False)
    assert read_rows(BaseEstimator(), [[1, 2]], None, fitting=True).names == ("x0", "x1")


def test_names_for_another_number_of_columns():
    with pytest.raises(SchemaError, match="columns names 1 columns and the array has 2"):
        read_rows(BaseEstimator(), [[1, 2]], ("a",), fitting=True)


def test_a_column_twice_is_refused_where_it_is_read_and_nowhere_else():
    twice = pd.DataFrame([[1, 2, 3]], columns=["a", "b", "b"])
    assert is_frame(twice)
    assert read_frame(twice, ["a"]).column("a").tolist() == [1]
    with pytest.raises(SchemaError, match=r"'b' .*stands 2 times"):
        read_frame(twice, ["b"])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (pd.Categorical([1, 2]), r"holds categorical \(int64\) values(?s:.*)astype\('float64'\)"),
        (pd.to_timedelta(["1D", "2D"]), r"holds duration.* values(?s:.*)\.dt\.days"),
    ],
)
def test_what_is_nearly_a_number_is_said_to_become_one(values, text):
    with pytest.raises(SchemaError, match=text):
        read_frame(pd.DataFrame({"a": values}), ["a"])


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_summary_for_lifetime_value_is_not_taken_for_rfm(make):
    summary = {"frequency": [1], "recency": [2.0], "T": [3.0], "monetary_value": [4.0]}
    match = r"'frequency', 'recency' and 'T', which are made for the models .*\nFix: rfm_table\(log, cutoff=\.\.\.\)"
    with pytest.raises(SchemaError, match=match):
        wanted_columns(make(summary), None)
    assert wanted_columns(make(summary), ["frequency", "T"]) == ("frequency", "T")
    assert wanted_columns(make(summary | {name: [1] for name in RFM_COLUMNS}), None) == RFM_COLUMNS
    assert wanted_columns(make({"frequency": [1], "recency": [2.0]}), None) is None


def test_a_log_is_no_table_of_customers():
    log = EventLog.from_frame(pd.DataFrame({"id": [1, 1], "ts": "2025-01-05"}), customer="id", time="ts")
    with pytest.raises(ParameterTypeError, match=r"an EventLog was given, of 2 events.*\nFix: rfm_table\(log\)"):
        refuse_log(log, "rfm_table(log)")
    with pytest.raises(ParameterTypeError, match="an EventLog was given"):
        read_rows(BaseEstimator(), log, None, fitting=True)
