"""What a limit is, and what it refuses to be."""

from __future__ import annotations

import numpy as np
import pytest

from churnlib.exceptions import ParameterError, ParameterTypeError
from churnlib.policy import Limit


def test_weights_count_customers_or_cost_of_the_rows_and_arms_named():
    cost = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert Limit("a", arms=(1,)).weights(cost).tolist() == [[0, 1], [0, 1]]
    assert Limit("a", rows=[False, True], counts="cost").weights(cost).tolist() == [[0, 0], [3, 4]]


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (Limit("a"), "Limit('a': any number of customers)"),
        (Limit("a", at_least=2), "Limit('a': at least 2 customers)"),
        (Limit("a", at_most=2, rows=[True, True]), "Limit('a': at most 2 customers, 2 rows)"),
    ],
)
def test_repr(limit, text):
    assert repr(limit) == text


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"name": ""}, ParameterTypeError, "the limit's name is ''"),
        ({"counts": "money"}, ParameterError, "counts='money' is not a choice"),
        ({"at_most": -1}, ParameterError, "at_most of limit 'a' is -1; a bound is at least 0"),
        ({"at_least": float("nan")}, ParameterError, "at_least of limit 'a' is nan"),
        ({"at_most": "many"}, ParameterTypeError, "at_most of limit 'a' is 'many'; a number"),
        ({"at_most": 1, "at_least": 2}, ParameterError, "asks for at least 2 and at most 1"),
        ({"at_least": np.inf}, ParameterError, "at_least is finite"),
        ({"rows": [1, 0]}, ParameterTypeError, "rows of limit 'a' hold int64 in 1 dimensions"),
    ],
)
def test_errors(options, error, text):
    with pytest.raises(error, match=text):
        Limit(**({"name": "a"} | options))


def test_rows_and_arms_must_exist():
    with pytest.raises(ParameterError, match="limit 'a' names 1 rows, there are 2"):
        Limit("a", rows=[True]).mask(2)
    with pytest.raises(ParameterError, match="limit 'a' names arm 5; columns 0 to 1"):
        Limit("a", arms=(0, 5)).columns(2)
