"""Equal rows counted once, against numpy's own table of unique rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from churnlib.numerics import levels, unique_rows

columns = st.integers(1, 40).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 5), min_size=n, max_size=n), min_size=1, max_size=4)
)


@given(columns=columns, weighted=st.booleans(), inverse=st.booleans(), factor=st.sampled_from([1, 1_000, 2**40]))
def test_rows_against_numpy(columns, weighted, inverse, factor):
    codes = [np.array(column) * factor for column in columns]
    table, back = np.unique(np.column_stack(codes), axis=0, return_inverse=True)
    weight = np.linspace(0.5, 2, len(codes[0])) if weighted else None
    rows = unique_rows(codes, weight=weight, inverse=inverse)
    assert np.array_equal(np.column_stack(rows.codes), table)
    assert_allclose(rows.weight, np.bincount(back.reshape(-1), weights=weight))
    if inverse:
        assert np.array_equal(rows.inverse, back.reshape(-1))


@given(values=st.lists(st.floats(-100, 100, allow_nan=False), min_size=1, max_size=30))
def test_levels_give_the_column_back(values):
    column = np.array(values)
    coded = levels(column)
    assert np.array_equal(coded.values[coded.codes], column)
    assert np.all(np.diff(coded.values) > 0)


@pytest.mark.parametrize(
    ("column", "table"), [([0, 3, 1], [0, 1, 2, 3]), ([0, 10**9], [0, 10**9]), ([0.5, 2], [0.5, 2])]
)
def test_small_whole_numbers_code_themselves(column, table):
    assert levels(np.array(column)).values.tolist() == table
