"""Columns are found by name, and what cannot be is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from churnlib.exceptions import DataError, ParameterTypeError, SchemaError
from churnlib.segmentation._stage_columns import as_pandas, check_column, find_columns, read_columns_of, refuse


def test_the_plainest_name_of_a_role_goes_first():
    found = find_columns(["n_orders", "T", "n_order_days"], needed=["tenure"], optional=["orders", "gap"])
    assert found == {"tenure": "T", "orders": "n_order_days"}


def test_a_needed_role_without_a_column_keeps_its_first_name():
    assert find_columns([], needed=["tenure"], optional=["gap"]) == {"tenure": "tenure_days"}


@pytest.mark.parametrize("frame", [pl.DataFrame({"a": [1]}), pl.LazyFrame({"a": [1]}), pa.table({"a": [1]})])
def test_any_frame_becomes_one_of_pandas(frame):
    pd.testing.assert_frame_equal(as_pandas(frame), pd.DataFrame({"a": [1]}))


def test_a_frame_of_pandas_is_itself():
    frame = pd.DataFrame({"a": [1]})
    assert as_pandas(frame) is frame


def test_an_array_is_no_frame():
    with pytest.raises(ParameterTypeError, match="X is a list, whose columns have no names"):
        as_pandas([[1]])
    with pytest.raises(ParameterTypeError, match="with the columns who and when was expected"):
        as_pandas([[1]], needed=["who", "when"])


def test_a_column_stands_there_once():
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(SchemaError, match="X has 2 columns 'a'"):
        check_column(frame, "a", reader="me")
    with pytest.raises(SchemaError, match=r"X has no column 'b' \(available: a, a\); me reads it"):
        check_column(frame, "b", reader="me")


def test_missing_numbers_of_any_dtype_are_seen():
    frame = pd.DataFrame({"T": pd.array([5, None], dtype="Int64")})
    with pytest.raises(DataError, match=r"1 of 2 values of 'T' are missing or infinite \(row 1"):
        read_columns_of(frame, {"tenure": "T"})


def test_what_may_be_unknown_may_be_missing():
    frame = pd.DataFrame({"g": pd.array([5, None], dtype="Int64")})
    np.testing.assert_array_equal(read_columns_of(frame, {"last_gap": "g"}).get("last_gap"), [5, np.nan])


def test_a_role_nobody_plays_is_unknown():
    assert np.isnan(read_columns_of(pd.DataFrame({"T": [1, 2]}), {"tenure": "T"}).get("gap")).tolist() == [True, True]


@pytest.mark.parametrize("values", [["a"], [1 + 2j], [pd.Timestamp("2025-01-01")]])
def test_other_things_than_numbers(values):
    with pytest.raises(SchemaError, match=r"column 'T' holds .* values; numbers were expected"):
        read_columns_of(pd.DataFrame({"T": values}), {"tenure": "T"})


def test_a_refusal_names_count_and_first_row():
    with pytest.raises(DataError, match=r"2 of 3 values of 'x' are odd \(rows 0, 2; the first is 1\)"):
        refuse(np.array([True, False, True]), np.array([1.0, 2, 3]), "x", "are odd", "fix")


def test_numbers_among_objects_are_numbers_as_in_a_score():
    frame = pd.DataFrame({"T": pd.Series([5, 7], dtype=object)})
    assert read_columns_of(frame, {"tenure": "T"}).get("tenure").tolist() == [5, 7]


def test_where_a_missing_column_comes_from_can_be_said():
    with pytest.raises(SchemaError, match=r"no column 'x'(?s:.*)Fix: lifecycle_frame\(log, cutoff"):
        check_column(pd.DataFrame({"T": [1]}), "x", reader="Reader")
    with pytest.raises(SchemaError, match=r"no column 'x'(?s:.*)Fix: elsewhere"):
        check_column(pd.DataFrame({"T": [1]}), "x", reader="Reader", fix="elsewhere")
