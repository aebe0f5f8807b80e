from __future__ import annotations

import os
import subprocess
import sys

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from churnlib._frames import column_names, optional_import, read_columns, read_frame, to_numpy
from churnlib.exceptions import MissingDependencyError, ParameterTypeError, SchemaError

CONNECTION = duckdb.connect()  # a relation lives no longer than its connection
FRAME = pd.DataFrame({"id": [2, 1], "name": ["b", None], "extra": [0.5, 1.5]})


def engines():
    return {
        "pandas": FRAME,
        "polars": pl.from_pandas(FRAME),
        "polars lazy": pl.from_pandas(FRAME).lazy(),
        "pyarrow": pa.Table.from_pandas(FRAME),
        "duckdb": CONNECTION.from_df(FRAME),
    }


@pytest.mark.parametrize("engine", ["pandas", "polars", "polars lazy", "pyarrow", "duckdb"])
def test_columns_come_out_of_any_frame_by_role(engine):
    frame = engines()[engine]
    assert column_names(frame) == ["id", "name", "extra"]
    columns = read_columns(frame, {"customer": "id", "kind": "name"})
    assert columns["customer"].to_pylist() == [2, 1]
    assert columns["kind"].to_pylist() == ["b", None]


def test_one_column_may_play_two_roles():
    columns = read_columns(engines()["duckdb"], {"customer": "id", "item": "id"})
    assert columns["item"].to_pylist() == [2, 1]


def test_the_frame_is_not_modified():
    before = FRAME.copy(deep=True)
    read_columns(FRAME, {"customer": "id"})
    pd.testing.assert_frame_equal(FRAME, before)


def test_a_missing_column_is_named_with_the_nearest_and_the_role():
    with pytest.raises(
        SchemaError, match=r"no column 'nmae', named by kind= \(did you mean 'name'\?\).*\nFix: kind='name'"
    ):
        read_columns(FRAME, {"kind": "nmae"})


def test_an_index_is_no_column():
    with pytest.raises(SchemaError, match=r"'id', named by customer=, is the index.*\nFix: frame.reset_index\(\)"):
        read_columns(FRAME.set_index("id"), {"customer": "id"})


def test_a_column_name_that_stands_twice_is_refused():
    twice = pd.concat([FRAME, FRAME[["id"]]], axis=1)
    with pytest.raises(SchemaError, match=r"'id' named by customer= stands 2 times"):
        read_columns(twice, {"customer": "id"})


def test_a_role_is_named_by_a_text():
    with pytest.raises(ParameterTypeError, match=r"customer=3 is a int; the name of a column"):
        read_columns(FRAME, {"customer": 3})


@pytest.mark.parametrize("thing", [{"id": [1]}, [1, 2], "orders.parquet", None])
def test_what_is_no_frame_is_refused(thing):
    with pytest.raises(ParameterTypeError, match=r"the data are a \w+, which is no dataframe"):
        read_columns(thing, {"customer": "id"})


def test_objects_that_arrow_would_guess_at_stay_objects():
    mixed = pd.DataFrame({"id": pd.Series([1, "a"], dtype=object)})
    assert isinstance(read_columns(mixed, {"customer": "id"})["customer"], np.ndarray)


def test_a_column_in_pieces_becomes_one_array():
    assert to_numpy(pa.chunked_array([[1], [2, 3]])).tolist() == [1, 2, 3]


def test_a_missing_package_is_named_with_the_line_that_installs_it():
    with pytest.raises(
        MissingDependencyError, match=r'reading X needs the package \'no_such\'.*\nFix: pip install "churnlib\[spark\]"'
    ):
        optional_import("no_such", extra="spark", purpose="reading X")


def test_no_dataframe_package_is_loaded_beside_pandas_and_pyarrow():
    code = "import churnlib.events, sys; print([m for m in ('polars', 'duckdb', 'pyspark') if m in sys.modules])"
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=paths)
    assert done.stdout.strip() == "[]"


def test_any_frame_becomes_one_of_pandas():
    expected = pd.DataFrame({"x": [1, 2]})
    assert read_frame(expected) is expected
    for frame in (pl.DataFrame({"x": [1, 2]}), pl.LazyFrame({"x": [1, 2]}), pa.table({"x": [1, 2]})):
        pd.testing.assert_frame_equal(read_frame(frame), expected)
    with pytest.raises(ParameterTypeError, match="which is no dataframe"):
        read_frame({"x": [1]})
