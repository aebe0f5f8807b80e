"""One budget: against HiGHS, against itself, and what must hold whatever the data."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError
from churnlib.numerics import choice_hull
from churnlib.policy import Limit, solve
from churnlib.policy._solve import _budget as inside


@st.composite
def problems(draw, *, largest=200):
    """Values, costs, a mask, and a budget that is tight, loose or nothing."""
    n, k = draw(st.integers(1, largest)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    value, cost = rng.normal(1, 2, (n, k)), rng.uniform(0.5, 5, (n, k))
    if draw(st.booleans()):  # few distinct amounts: ties everywhere
        value, cost = np.round(value), np.round(cost)
    allowed = rng.random((n, k)) < draw(st.sampled_from([0.5, 1.0]))
    budget = draw(st.sampled_from([0.0, 0.05, 0.3, 0.8, 3.0])) * n + draw(st.sampled_from([0.0, 0.37]))
    return value, cost, allowed, budget


def program(value, cost, allowed, budget):
    n = len(value)
    place, arm = np.nonzero(allowed)
    choice = sparse.csr_matrix((np.ones(place.size), (place, np.arange(place.size))), shape=(n, place.size))
    matrix = sparse.vstack([choice, sparse.csr_matrix(cost[place, arm][None])])
    return -value[place, arm], matrix, np.append(np.ones(n), budget)


@settings(max_examples=60)
@given(problem=problems())
def test_equals_the_integer_optimum_and_the_linear_bound_of_highs(problem):
    value, cost, allowed, budget = problem
    assume(allowed.any())
    c, matrix, high = program(*problem)
    best = milp(
        c,
        integrality=np.ones(c.size),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, -np.inf, high),
        options={"mip_rel_gap": 0.0},
    )
    line = linprog(c, A_ub=matrix, b_ub=high, bounds=(0, 1), method="highs")
    found = solve(value, cost, allowed=allowed, budget=budget)
    assert_allclose(found.value, -best.fun, atol=2e-5)
    assert_allclose(found.upper_bound, -line.fun, atol=1e-6 * max(1.0, -line.fun))


@given(problem=problems())
def test_keeps_the_budget_the_mask_and_its_word(problem):
    value, cost, allowed, budget = problem
    found = solve(value, cost, allowed=allowed, budget=budget)
    rows = np.flatnonzero(found.arm >= 0)
    arms = found.arm[rows]
    assert allowed[rows, arms].all()
    assert np.all(value[rows, arms] > 0)
    assert found.cost <= budget * (1 + 1e-10)
    assert_allclose([value[rows, arms].sum(), cost[rows, arms].sum()], [found.value, found.cost], atol=1e-9)
    assert found.used == {"budget": found.cost}
    assert found.budget_price >= 0
    assert found.gap >= 0
    assert found.gap == found.upper_bound - found.value
    steps = choice_hull(value, cost, allowed).value
    assert found.gap <= steps.max(initial=0.0) + 1e-9


@given(problem=problems(largest=60), more=st.floats(0, 20))
def test_more_budget_is_never_worth_less(problem, more):
    value, cost, allowed, budget = problem
    less = solve(value, cost, allowed=allowed, budget=budget)
    larger = solve(value, cost, allowed=allowed, budget=budget + more)
    assert larger.value >= less.value - 1e-5
    assert larger.upper_bound >= less.upper_bound - 1e-9
    assert larger.budget_price <= less.budget_price + 1e-9


@given(problem=problems(largest=60), more=st.floats(0, 20))
def test_steps_alone_are_monotone_too(problem, more):
    value, cost, allowed, budget = problem
    worth = np.where(allowed, value, -np.inf)
    gained = []
    for money in (budget, budget + more):
        arm = inside._steps(worth, cost, money)[0]
        gained.append(inside._totals(worth, cost, arm)[0])
    assert gained[1] >= gained[0] - 1e-9


@given(problem=problems())
def test_the_price_is_what_a_little_more_budget_adds(problem):
    value, cost, allowed, budget = problem
    found = solve(value, cost, allowed=allowed, budget=budget)
    more = 1e-7
    larger = solve(value, cost, allowed=allowed, budget=budget + more)
    assert_allclose((larger.upper_bound - found.upper_bound) / more, found.budget_price, atol=1e-4)


@given(problem=problems(largest=60), seed=st.integers(0, 1000))
def test_the_order_of_rows_changes_nothing(problem, seed):
    value, cost, allowed, budget = problem
    ids = np.random.default_rng(seed + 1).permutation(len(value))
    shuffle = np.random.default_rng(seed).permutation(len(value))
    one = solve(value, cost, allowed=allowed, budget=budget, order=ids)
    two = solve(value[shuffle], cost[shuffle], allowed=allowed[shuffle], budget=budget, order=ids[shuffle])
    assert np.array_equal(one.arm[shuffle], two.arm)
    assert (one.value, one.cost, one.upper_bound, one.budget_price) == (
        two.value,
        two.cost,
        two.upper_bound,
        two.budget_price,
    )


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.0, 1e-4, 0.01, 0.2, 0.7, 2.0, 10.0]),
    kind=st.sampled_from(["smooth", "ties", "heavy", "free"]),
    sample=st.sampled_from([20, 300]),
)
def test_a_bracket_finds_what_walking_all_steps_finds(seed, share, kind, sample):
    rng = np.random.default_rng(seed)
    n = 2_000
    value, cost = rng.normal(1, 2, (n, 3)), rng.uniform(0.5, 5, (n, 3))
    if kind == "ties":
        value, cost = np.round(value), np.round(cost)
    elif kind == "heavy":
        cost = rng.pareto(1.1, (n, 3)) + 0.1
    elif kind == "free":
        cost[:, 0] = 0.0
    worth = np.where(rng.random((n, 3)) < 0.9, value, -np.inf)
    arm, bound, price = inside._steps(worth, cost, share * n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inside, "_SAMPLE", sample)
        patch.setattr(inside, "_CHUNK", 300)
        fast, fast_bound, fast_price = inside._bracketed(worth, cost, share * n)
    assert_allclose(fast_bound, bound, rtol=1e-11)
    assert_allclose(fast_price, price, rtol=1e-9)
    if kind == "ties":  # which of two equal customers is open
        assert_allclose(inside._totals(worth, cost, fast), inside._totals(worth, cost, arm), atol=4)
    else:
        assert np.array_equal(fast, arm)


@pytest.mark.parametrize("seed", range(8))
def test_a_bracket_that_misses_the_budget_is_widened(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    worth, cost = rng.normal(1, 2, (3_000, 3)), rng.uniform(0.5, 5, (3_000, 3))
    monkeypatch.setattr(inside, "_SAMPLE", 50)
    monkeypatch.setattr(inside, "_WIDTHS", (0.0, 0.1, np.inf))
    arm, bound, price = inside._steps(worth, cost, 900.0)
    fast, fast_bound, fast_price = inside._bracketed(worth, cost, 900.0)
    assert np.array_equal(fast, arm)
    assert_allclose([fast_bound, fast_price], [bound, price], rtol=1e-9)


def test_no_budget_gives_each_the_best_arm():
    value = np.array([[1.0, 3.0], [-1.0, -2.0], [2.0, 0.5]])
    for budget in (None, np.inf, 1e12):
        found = solve(value, 1.0, budget=budget)
        assert found.arm.tolist() == [1, -1, 0]
        assert (found.gap, found.budget_price) == (0.0, 0.0)


def test_no_budget_at_all_gives_what_is_free():
    found = solve([[3.0, 5.0], [2.0, 4.0]], [[0.0, 1.0], [1.0, 1.0]], budget=0)
    assert found.arm.tolist() == [0, -1]
    assert (found.value, found.budget_price) == (3.0, 4.0)


def test_a_small_budget_passes_over_what_it_cannot_pay():
    found = solve([[100.0], [3.0], [2.0]], [[50.0], [2.0], [2.0]], budget=4.5)
    assert found.arm.tolist() == [-1, 0, 0]


def test_three_times_ten_cents_fit_into_thirty():
    assert solve(np.ones((3, 1)), 0.1, budget=0.3).arm.tolist() == [0, 0, 0]


def test_nobody_and_nothing_allowed():
    assert solve(np.zeros((0, 2)), 1.0, budget=3).arm.size == 0
    assert solve([[1.0]], 1.0, allowed=[[False]], budget=3).arm.tolist() == [-1]
    assert solve(np.zeros((0, 2)), 1.0, limits=[Limit("a", at_most=1)]).used == {"budget": 0.0, "a": 0.0}


def test_equal_customers_are_served_by_order():
    assert solve(np.ones((4, 1)), 1.0, budget=2, order=[9, 3, 5, 1]).arm.tolist() == [-1, 0, -1, 0]
    assert Counter(solve(np.ones((4, 1)), 1.0, budget=2).arm.tolist()) == {0: 2, -1: 2}


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"budget": -1}, ParameterError, "budget=-1; a budget is at least 0"),
        ({"budget": float("nan")}, ParameterError, "budget=nan; a budget is at least 0"),
        ({"budget": "all"}, ParameterTypeError, "budget is 'all'; an amount of money"),
        ({"cost": [[1.0], [-3.0]]}, DataError, "cost is negative or not finite in row 1"),
        ({"limits": ["phone"]}, ParameterTypeError, "limits holds 'phone'; Limit objects"),
        ({"limits": [Limit("a"), Limit("a")]}, ParameterError, "limit a is given twice"),
        ({"limits": [Limit("budget")]}, ParameterError, "a limit is called 'budget'"),
        ({"limits": [Limit("a", arms=(3,))]}, ParameterError, "limit 'a' names arm 3"),
        ({"limits": [Limit("a", rows=[True])]}, ParameterError, "limit 'a' names 1 rows, there are 2"),
        ({"order": [1, 1]}, ParameterError, r"order holds 1 distinct entries in shape \(2,\), there are 2 rows"),
    ],
)
def test_errors(options, error, text):
    with pytest.raises(error, match=text):
        solve(**({"value": [[1.0], [2.0]], "cost": 1.0} | options))


def test_an_order_of_mixed_kinds_is_refused():
    with pytest.raises(ParameterTypeError, match="order holds entries that cannot be put in order"):
        solve([[1.0], [2.0]], [[1.0], [1.0]], order=["a", None])


def test_a_row_whose_step_did_not_fit_takes_none_of_its_later_steps():
    """From 0 to 10 does not fit into 5; from 10 to 11 would, and the whole would cost 11."""
    arm = np.array([-1], dtype=np.int16)
    worth, price = np.array([[20.0, 20.5, 1.0]]), np.array([[10.0, 11.0, 2.0]])
    inside._fill_below(worth, price, inside._Walk(arm, 5.0), 1.0)
    assert arm.tolist() == [-1]
