"""Hull steps against the best option at every price, found by looking at all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from churnlib.exceptions import DataError, ParameterError
from churnlib.numerics import choice_hull

amounts = st.integers(0, 12) | st.floats(0, 10)


@st.composite
def options(draw):
    n, k = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    cell = st.lists(st.lists(amounts, min_size=k, max_size=k), min_size=n, max_size=n)
    value = np.array(draw(cell), dtype=float) - draw(st.sampled_from([0.0, 3.0]))
    allowed = np.array(draw(st.lists(st.lists(st.booleans(), min_size=k, max_size=k), min_size=n, max_size=n)))
    return value, np.array(draw(cell), dtype=float), allowed


@given(problem=options(), price=st.floats(0, 20))
def test_steps_steeper_than_a_price_lead_to_the_best_option_at_it(problem, price):
    value, cost, allowed = problem
    hull = choice_hull(value, cost, allowed)
    best = np.maximum(np.where(allowed, value - price * cost, 0.0).max(axis=1), 0.0)
    taken = hull.slope > price
    reached = np.bincount(hull.row[taken], (hull.value - price * hull.cost)[taken], minlength=len(value))
    assert_allclose(reached, best, atol=1e-9)


@given(problem=options())
def test_steps_are_in_order_rise_and_lead_from_arm_to_arm(problem):
    value, cost, allowed = problem
    hull = choice_hull(value, cost, allowed)
    # Infinite slopes have no difference.
    assert np.all(hull.slope[1:] <= hull.slope[:-1])
    assert np.all(hull.value > 0)
    assert np.all(hull.cost >= 0)
    for row in range(len(value)):
        mine = hull.row == row
        assert hull.before[mine].tolist() == [-1, *hull.arm[mine][:-1].tolist()][: mine.sum()]
        arms = hull.arm[mine]
        assert allowed[row, arms].all()
        assert_allclose(np.cumsum(hull.value[mine]), value[row, arms], atol=1e-9)
        assert_allclose(np.cumsum(hull.cost[mine]), cost[row, arms], atol=1e-9)


def test_ties_go_by_level_and_then_by_row_across_chunks(monkeypatch):
    value, cost = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 0.0]]), np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 1.0]])
    monkeypatch.setattr("churnlib.numerics._choice_hull._CHUNK", 1)
    hull = choice_hull(value, cost)
    assert hull.row.tolist() == [0, 1, 2, 0, 1]
    assert hull.arm.tolist() == [0, 0, 0, 1, 1]
    assert repr(hull) == "ChoiceHull(5 steps of 3 rows)"


def test_a_free_gain_comes_first_and_the_larger_of_two():
    hull = choice_hull([[1.0, 5.0, 6.0]], [[0.0, 0.0, 2.0]])
    assert hull.slope.tolist() == [np.inf, 0.5]
    assert hull.arm.tolist() == [1, 2]


def test_nothing_to_gain_gives_no_steps():
    assert len(choice_hull([[-1.0, 0.0]], [1.0, 1.0])) == 0
    assert len(choice_hull(np.zeros((0, 2)), [1.0, 1.0])) == 0


@pytest.mark.parametrize(
    ("value", "cost", "allowed", "error", "text"),
    [
        ([1.0, 2.0], 1.0, None, ParameterError, r"value has shape \(2,\); one row per customer"),
        ([[1.0]], [[1.0], [2.0]], None, ParameterError, r"cost has shape \(2, 1\), value has \(1, 1\)"),
        ([[1.0]], 1.0, [[1]], ParameterError, "allowed holds int64; True or False"),
        ([[1.0], [np.nan]], 1.0, None, DataError, "value is not finite in row 1"),
        (
            [[1.0], [2.0]],
            [[1.0], [-2.0]],
            None,
            DataError,
            r"negative or not finite in row 1 \(1 entries, the first -2",
        ),
        ([[1.0]], np.inf, None, DataError, "cost is negative or not finite in row 0"),
    ],
)
def test_errors(value, cost, allowed, error, text):
    with pytest.raises(error, match=text):
        choice_hull(value, cost, allowed)


def test_what_is_not_allowed_is_not_looked_at():
    hull = choice_hull([[np.nan, 1.0]], [[-1.0, 1.0]], [[False, True]])
    assert hull.arm.tolist() == [1]
