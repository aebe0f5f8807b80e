"""How rows of a customer follow one another."""

import numpy as np
import pandas as pd
import pytest

from churnlib.exceptions import DataError
from churnlib.survival._paths import customer_codes, find_paths


def test_rows_touch_leave_gaps_or_overlap():
    customer = np.array([1, 0, 0, 1, 0, 1])
    entry = np.array([0.0, 5, 0, 2, 2, 9])
    time = np.array([3.0, 8, 2, 6, 5, 12])
    paths = find_paths(customer, entry, time)
    assert paths.order.tolist() == [2, 4, 1, 0, 3, 5]
    assert paths.same.tolist() == [False, True, True, False, True, True]
    assert paths.touching.tolist() == [False, True, True, False, False, False]
    assert paths.overlapping.tolist() == [False, False, False, False, True, False]
    assert paths.later.tolist() == [False, True, True, False, False, True]


def test_rounding_makes_no_gap():
    paths = find_paths(np.array([0, 0]), np.array([0.0, 0.1 + 0.2]), np.array([0.3, 1.0]))
    assert paths.touching.tolist() == [False, True]


def test_customers_may_have_any_names():
    codes, names = customer_codes(pd.Series(["b", "a", "b"], index=[7, 8, 9]), 3)
    assert codes.tolist() == [0, 1, 0]
    assert names.tolist() == ["b", "a"]
    with pytest.raises(DataError, match="groups has 3 values, X 4 rows"):
        customer_codes([1, 2, 3], 4)
    with pytest.raises(DataError, match=r"1 of 3 groups are missing \(row 1\)"):
        customer_codes(["a", None, "b"], 3)
