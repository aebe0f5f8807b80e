"""Folds that train on what they test; the order of time."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from churnlib.evaluation._folds import in_time_order, is_forward


def rows(months):
    index = pd.MultiIndex.from_arrays(
        [np.arange(len(months)), pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(months, unit="D")],
        names=["customer_id", "cutoff"],
    )
    return pd.DataFrame({"a": 0}, index=index)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=12), st.data())
def test_forward_is_that_no_training_row_is_as_late_as_a_tested_one(months, data):
    train = data.draw(st.lists(st.integers(0, len(months) - 1), min_size=1, unique=True))
    test = data.draw(st.lists(st.integers(0, len(months) - 1), min_size=1, unique=True))
    expected = all(months[a] < months[b] for a in train for b in test)
    assert is_forward(rows(months), [(np.array(train), np.array(test))]) == expected


def test_folds_and_their_rows_come_in_order_of_time():
    X = rows([5, 3, 0, 1])
    parts = [(np.array([2, 3]), np.array([0, 1])), (np.array([2]), np.array([3]))]
    ordered = in_time_order(X, parts)
    assert [test.tolist() for _, test in ordered] == [[3], [1, 0]]
