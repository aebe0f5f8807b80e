"""Any frame and any row give the same values, and what they cannot give exactly is refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError
from churnlib.expressions import Columns, ColumnType, Expression
from churnlib.expressions._columns import Row, source_of

DATA = {"n": [1, None, 3], "plan": ["a", None, "b"], "active": [True, None, False], "nothing": [None, None, None]}
FRAMES = {
    "pandas": pd.DataFrame(DATA),
    "pandas nullable": pd.DataFrame(DATA).convert_dtypes(),
    "pandas object": pd.DataFrame(DATA, dtype=object),
    "pandas categorical": pd.DataFrame(DATA).assign(plan=lambda frame: frame["plan"].astype("category")),
    "polars": pl.DataFrame(DATA),
    "polars lazy": pl.DataFrame(DATA).lazy(),
    "pyarrow": pa.table(DATA),
    "lists": DATA,
    "arrays": {"n": np.array([1, np.nan, 3]), "plan": pd.Series(["a", None, "b"], index=[7, 8, 9])}
    | {name: DATA[name] for name in ("active", "nothing")},
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
def test_every_frame_gives_the_same_values(frame) -> None:
    columns = Columns(frame, units={"n": "count"})
    assert dict(columns) == {
        "n": ColumnType("number", "count"),
        "plan": ColumnType("text"),
        "active": ColumnType("boolean"),
        "nothing": ColumnType("unknown"),
    }
    np.testing.assert_array_equal(columns.read("n", "number"), [1.0, np.nan, 3.0])
    assert columns.read("plan", "text").tolist() == ["a", None, "b"]
    assert [part.tolist() for part in columns.read("active", "boolean")] == [[True, False, False], [False, False, True]]
    assert all(columns.missing(name).tolist() == [False, True, False] for name in ("n", "plan", "active"))
    assert columns.missing("nothing").all()
    assert columns.n_rows == 3
    assert len(columns) == 4
    assert Expression("n > 2 or active").evaluate(frame).tolist() == [True, pd.NA, True]


@pytest.mark.parametrize("kind", ["number", "length", "text", "boolean"])
def test_a_column_without_values_is_missing_of_every_kind(kind: str) -> None:
    frame = pd.DataFrame({"x": [None, None]})
    value, one = Columns(frame).read("x", kind), Row({"x": pd.NA}).read("x", kind)
    if kind == "boolean":
        assert [part.tolist() for part in value] == [[False, False], [False, False]]
        assert one == (False, False)
    else:
        assert pd.isna(value).tolist() == [True, True]
        assert pd.isna(one)


ROW_VALUES = [
    (3, "number", 3.0), (np.int64(3), "number", 3.0), (np.float32(0.5), "number", 0.5), (Decimal("0.5"), "number", 0.5),
    ("a", "text", "a"), (np.str_("a"), "text", "a"), (True, "boolean", (True, False)),
    (np.False_, "boolean", (False, True)), (dt.timedelta(days=1), "length", 86_400e6),
    (pd.Timedelta(1, "h"), "length", 3_600e6), (np.timedelta64(1, "s"), "length", 1e6),
]  # fmt: skip


@pytest.mark.parametrize(("value", "kind", "read"), ROW_VALUES)
def test_a_row_and_a_column_of_one_row_agree(value, kind: str, read) -> None:
    row, columns = Row({"x": value}), Columns(pd.DataFrame({"x": [value]}))
    assert row["x"].kind == columns["x"].kind == kind
    assert row.read("x", kind) == read
    found = columns.read("x", kind)
    assert (tuple(part[0] for part in found) if kind == "boolean" else found[0]) == read
    assert not row.missing("x")
    assert not columns.missing("x")[0]


@pytest.mark.parametrize("value", [None, float("nan"), pd.NA, pd.NaT, np.float64("nan")])
def test_what_is_missing_in_a_row_has_no_kind(value) -> None:
    assert Row({"x": value})["x"].kind == "unknown"
    assert Row({"x": value}).missing("x")


def test_whole_numbers_beyond_2_to_the_53_are_refused() -> None:
    frame = pd.DataFrame({"id": [1, 2**53, 2**53 + 1, -(2**60)]})
    match = r"2 values of column 'id' are whole numbers beyond 2\*\*53 \(rows 2, 3\).*an id is a text"
    with pytest.raises(DataError, match=match):
        Expression("id == 1").evaluate(frame)
    with pytest.raises(DataError, match=r"'id' is 9007199254740993, a whole number beyond 2\*\*53"):
        Expression("id == 1").evaluate({"id": 2**53 + 1})
    assert Expression("id == 9007199254740992").evaluate({"id": 2**53})


def test_a_frame_and_a_row_are_told_apart() -> None:
    assert isinstance(source_of({"n": 1, "m": None}), Row)
    assert isinstance(source_of({}), Row)
    assert isinstance(source_of({"n": range(3), "m": pa.array([1, 2, 3])}), Columns)
    assert isinstance(source_of({"n": np.float64(3), "m": np.array(3)}), Row)
    source = source_of({"n": [1]})
    assert source_of(source) is source
    with pytest.raises(DataError, match=r"1 of 2 columns are single values \(m\)"):
        source_of({"n": [1], "m": 2})
    with pytest.raises(DataError, match=r"the columns differ in length \(n: 2, m: 3\)"):
        source_of({"n": [1, 2], "m": [1, 2, 3]})
    with pytest.raises(ParameterTypeError, match=r"the data are a int, which is no dataframe"):
        source_of(3)


def test_units_name_columns() -> None:
    with pytest.raises(ParameterError, match=r"units= names 'recncy', which is no column; did you mean 'recency'"):
        Columns({"recency": [1]}, units={"recncy": "days"})
    with pytest.raises(ParameterTypeError, match=r"the unit of 'n' is 3; a text was expected"):
        Row({"n": 1}, units={"n": 3})  # type: ignore[dict-item]


def test_a_bound_expression_refuses_another_kind_later() -> None:
    late = Expression("n > 2").bind({"n": ColumnType("number")})
    with pytest.raises(SchemaError, match=r"'n' is 'x', a str; a number was expected"):
        late({"n": "x"})
    with pytest.raises(SchemaError, match=r"column 'n' holds a text; a number was expected"):
        late({"n": ["3", "4"]})
    with pytest.raises(SchemaError, match=r"the row has no value 'n' \(did you mean 'nn'|the row has no value 'n'"):
        late({"nn": 3})
    assert late({"n": None}) is None
    assert late({"n": [None, None]}).isna().all()


def test_dates_and_mixtures_can_only_be_missing() -> None:
    frame = pd.DataFrame({"at": pd.to_datetime(["2025-01-01", None]), "mix": pd.Series([1, "a"], dtype=object)})
    assert Expression("at is missing").evaluate(frame).tolist() == [False, True]
    assert Expression("mix is missing").evaluate(frame).tolist() == [False, False]
    assert Expression("at is missing").evaluate({"at": pd.Timestamp("2025-01-01")}) is False
    with pytest.raises(SchemaError, match=r"at holds a timestamp.* and stands where a number was expected"):
        Expression("at > 3").evaluate(frame)
    with pytest.raises(SchemaError, match=r"mix holds a mix of 1 × int, 1 × str and stands"):
        Expression("mix > 3").evaluate(frame)


def test_no_input_is_modified_and_results_are_the_callers_own() -> None:
    frame = pd.DataFrame({"active": [True, False]})
    columns = Columns(frame)
    bound = Expression("active").bind(columns)
    found = bound(columns)
    found.iloc[:] = pd.NA
    assert bound(columns).tolist() == [True, False]
    assert frame["active"].tolist() == [True, False]
