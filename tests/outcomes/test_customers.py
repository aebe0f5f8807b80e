from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnlib.exceptions import SchemaError
from churnlib.outcomes._customers import codes_in, joined_customers


def test_a_list_that_holds_all_is_kept_as_it_is():
    first, second = pd.Index([1, 2, 3]), pd.Index([1, 3])
    assert joined_customers(first, second) is first
    assert joined_customers(first, pd.Index([], dtype="int64")) is first
    assert joined_customers(pd.Index([], dtype="int64"), second) is second


def test_codes_follow_their_ids_into_the_joined_list():
    first, second = pd.Index(["a", "d"]), pd.Index(["b", "d"])
    joined = joined_customers(first, second)
    assert joined.tolist() == ["a", "b", "d"]
    assert joined.take(codes_in(joined, second, np.array([0, 1, 1]))).tolist() == ["b", "d", "d"]


def test_refuses_ids_of_two_types():
    with pytest.raises(SchemaError, match=r"by integer .1, 2. and by string .1, 2."):
        joined_customers(pd.Index([1, 2]), pd.Index(["1", "2"]))
