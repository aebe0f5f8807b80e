"""Reading a survival target back: whose arrays are taken, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError
from churnlib.targets import read_survival_target, survival_target


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.floats(0.1, 1e4), st.floats(0, 0.99)),
        min_size=1,
        max_size=30,
    )
)
def test_what_was_packed_is_read_back(drawn):
    event, time, share = (np.array(column) for column in zip(*drawn, strict=True))
    rows = read_survival_target(survival_target(event, time, entry=time * share, causes=["a", "b", "c"]))
    np.testing.assert_array_equal(rows.event, event)
    np.testing.assert_array_equal(rows.time, time)
    np.testing.assert_array_equal(rows.start, time * share)
    np.testing.assert_array_equal(rows.observed, event > 0)
    np.testing.assert_allclose(rows.duration, time - time * share)
    assert rows.n_causes == max(event.max(), 1)
    assert rows.several_causes
    assert len(rows.take(rows.observed)) == rows.observed.sum()


def test_arrays_of_scikit_survival_are_taken_whatever_their_fields_are_called():
    y = np.array([(True, 3.0), (False, 4.0)], dtype=[("cens", "?"), ("days", "f8")])
    rows = read_survival_target(y)
    assert rows.event.tolist() == [1, 0]
    assert rows.entry is None
    assert rows.start.tolist() == [0, 0]
    assert not rows.several_causes


def test_entries_of_zero_are_no_delayed_entry():
    assert read_survival_target(survival_target([1, 0], [3, 4], entry=[0, 0])).entry is None
    assert read_survival_target(survival_target([1, 0], [3, 4], entry=[0, 1])).entry is not None


def _target(event, time, entry=None):
    columns = {"event": np.asarray(event), "time": np.asarray(time)} | (
        {} if entry is None else {"entry": np.asarray(entry)}
    )
    y = np.empty(len(columns["time"]), dtype=[(name, values.dtype) for name, values in columns.items()])
    for name, values in columns.items():
        y[name] = values
    return y


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.array([0, 1]), "y is a ndarray of int64 and shape .*no survival target"),
        (pd.Series([0.0, 1.0]), "y is a Series of float64"),
        (_target([True], [1.0]).reshape(1, 1), "no survival target"),
        (_target([True], [1.0])[:0], "y has no rows"),
        (np.zeros(2, dtype=[("a", "f8"), ("b", "f8")]), "y has the fields a, b"),
        (np.zeros(2, dtype=[("event", "f8"), ("time", "f8")]), "events of y are float64"),
        (np.zeros(2, dtype=[("event", "?"), ("time", "U3")]), "times <U3"),
        (_target([-1, 1], [1.0, 2.0]), "1 of 2 events are below 0"),
        (_target([True, True], [np.nan, 2.0]), "1 of 2 times are missing"),
        (_target([True, True], [2.0, 0.0]), "1 of 2 times are 0 or less .row 1; first: 0"),
        (np.zeros(2, dtype=[("event", "?"), ("time", "f8"), ("entry", "U3")]), "entries of y are <U3"),
        (_target([True], [2.0])[0], "y is a void of 0 axes"),
        (_target([True], [2.0], [np.nan]), "1 of 1 entries are missing"),
        (_target([True], [2.0], [-1.0]), "1 of 1 entries are below 0"),
        (_target([True, True], [2.0, 3.0], [1.0, 3.0]), "1 of 2 entries are not before their time .row 1"),
    ],
)
def test_anything_else_is_refused(y, words):
    with pytest.raises(DataError, match=words):
        read_survival_target(y)
