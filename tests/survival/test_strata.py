"""Strata of any frame."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from churnlib.exceptions import DataError, ParameterTypeError, SchemaError
from churnlib.survival._strata import Strata, n_rows_of

CONNECTION = duckdb.connect()  # a relation lives no longer than its connection
FRAME = pd.DataFrame({"plan": ["b", "a", "b", "c"], "year": [2, 1, 1, 2], "paid": [True, False, True, True]})


def in_duckdb(frame: pd.DataFrame) -> duckdb.DuckDBPyRelation:
    return CONNECTION.from_df(frame)


ENGINES = {
    "pandas": lambda frame: frame,
    "categorical": lambda frame: frame.astype({"plan": "category"}),
    "polars": pl.from_pandas,
    "polars lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "pyarrow": pa.Table.from_pandas,
    "duckdb": in_duckdb,
}


@pytest.mark.parametrize("engine", ENGINES)
def test_any_frame(engine):
    frame = ENGINES[engine](FRAME)
    strata = Strata.of(frame, ("plan", "year"))
    assert strata.labels == (("a", 1), ("b", 1), ("b", 2), ("c", 2))
    assert strata.codes(frame).tolist() == [2, 0, 1, 3]
    assert Strata.of(FRAME, ("plan", "year")) == strata
    assert n_rows_of(frame) == 4


def test_one_column_is_called_by_its_values():
    strata = Strata.of(FRAME, ("paid",))
    assert strata.labels == (False, True)
    assert strata.name(1) == "paid=True"
    assert strata.codes(FRAME).tolist() == [1, 0, 1, 1]


def test_equal_numbers_of_other_types_are_the_same():
    assert Strata.of(FRAME, ("year",)).codes(pd.DataFrame({"year": [2.0, 1.0]})).tolist() == [1, 0]


def test_an_unused_category_is_no_stratum():
    frame = pd.DataFrame({"plan": pd.Categorical(["b", "a"], categories=["z", "b", "a"])})
    assert Strata.of(frame, ("plan",)).labels == ("a", "b")


def test_numbers_among_texts():
    mixed = pd.DataFrame({"plan": np.array(["a", 1, "a"], dtype=object)})
    strata = Strata.of(mixed, ("plan",))
    assert set(strata.labels) == {"a", 1}
    assert len(set(strata.codes(mixed)[[0, 2]])) == 1


def test_nobody_told_apart():
    strata = Strata.of(object(), ())
    assert (strata.labels, strata.name(0), strata.codes([[1], [2]]).tolist()) == (("all",), "all", [0, 0])


def test_rows_not_seen_before_are_named():
    strata = Strata.of(FRAME.iloc[:2], ("plan", "year"))
    match = r"2 of 4 rows are of strata not seen in fit: plan='b', year=1, plan='c', year=2 \(rows 2, 3\)"
    with pytest.raises(DataError, match=match):
        strata.codes(FRAME)


@pytest.mark.parametrize("values", [["a", None, "b"], [1.0, np.nan, 2.0], pd.Categorical(["a", None, "b"])])
def test_a_missing_value_is_no_stratum(values):
    with pytest.raises(DataError, match=r"'plan' is missing in 1 of 3 rows \(row 1\).*\nFix: .*fillna"):
        Strata.of(pd.DataFrame({"plan": values}), ("plan",))


def test_missing_among_objects():
    with pytest.raises(DataError, match="'plan' is missing in 1 of 3"):
        Strata.of(pd.DataFrame({"plan": np.array(["a", None, 1], dtype=object)}), ("plan",))


def test_columns_must_exist():
    with pytest.raises(SchemaError, match=r"no column 'pla', named by strata= \(did you mean 'plan'"):
        Strata.of(FRAME, ("pla",))
    with pytest.raises(ParameterTypeError, match="ndarray, which is no dataframe"):
        Strata.of(np.zeros((2, 2)), ("plan",))


@pytest.mark.parametrize("X", [FRAME, FRAME.to_numpy(), [[1]] * 4, pd.DataFrame(index=range(4)), range(4)])
def test_rows_are_counted(X):
    assert n_rows_of(X) == 4


def test_what_has_no_rows():
    assert n_rows_of(None) == 1
    with pytest.raises(DataError, match="X is a float, which has no rows"):
        n_rows_of(3.0)
