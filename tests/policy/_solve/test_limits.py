"""Several limits: against HiGHS, always kept, prices by finite difference, and quotas that cannot be met."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from churnlib.exceptions import InfeasibleError
from churnlib.policy import Limit, solve
from churnlib.policy._solve import _relax as inside


@st.composite
def problems(draw, *, largest=60, quotas=True):
    n, k = draw(st.integers(2, largest)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    value, cost = rng.normal(1, 2, (n, k)), rng.uniform(0.5, 5, (n, k))
    if draw(st.booleans()):
        value, cost = np.round(value), np.round(cost)
    allowed = rng.random((n, k)) < draw(st.sampled_from([0.6, 1.0]))
    tier = rng.integers(0, 2, n)
    limits = [
        Limit("phone", arms=(0,), at_most=draw(st.integers(0, n))),
        Limit("A", rows=tier == 0, counts="cost", at_most=draw(st.sampled_from([0.2, 1.0, 5.0])) * n),
    ]
    if quotas and draw(st.booleans()):
        limits.append(Limit("B", rows=tier == 1, at_least=draw(st.integers(0, n // 2)), at_most=n))
    budget = draw(st.sampled_from([None, 0.3 * n, 1.0 * n]))
    return value, cost, allowed, budget, limits


def program(value, cost, allowed, budget, limits):
    """All options as columns; rows, lower and upper bounds."""
    n = len(value)
    place, arm = np.nonzero(allowed)
    lines = [sparse.csr_matrix((np.ones(place.size), (place, np.arange(place.size))), shape=(n, place.size))]
    low, high = [np.zeros(n)], [np.ones(n)]
    for limit in [Limit("money", counts="cost", at_most=np.inf if budget is None else budget), *limits]:
        lines.append(sparse.csr_matrix(limit.weights(cost)[place, arm][None]))
        low.append(np.array([limit.at_least]))
        high.append(np.array([limit.at_most]))
    return -value[place, arm], sparse.vstack(lines).tocsr(), np.concatenate(low), np.concatenate(high)


def optimum(problem):
    c, matrix, low, high = program(*problem)
    if not c.size:
        return 0.0 if np.all(low <= 0) else None
    found = milp(
        c,
        integrality=np.ones(c.size, dtype=int),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, low, high),
        options={"mip_rel_gap": 0.0},
    )
    return None if found.x is None else -found.fun


def relaxation(problem):
    c, matrix, low, high = program(*problem)
    both = sparse.vstack([matrix, -matrix]).tocsr()
    bounded = np.isfinite(np.concatenate([high, low]))
    edge = np.concatenate([high, -low])
    return -linprog(c, A_ub=both[bounded], b_ub=edge[bounded], bounds=(0, 1), method="highs").fun


@settings(max_examples=60, deadline=None)
@given(problem=problems())
def test_equals_the_integer_optimum_of_highs_or_says_why_not(problem):
    value, cost, allowed, budget, limits = problem
    best = optimum(problem)
    if best is None:
        with pytest.raises(InfeasibleError, match="B"):
            solve(value, cost, allowed=allowed, budget=budget, limits=limits)
        return
    found = solve(value, cost, allowed=allowed, budget=budget, limits=limits)
    assert_allclose(found.value, best, atol=2e-5)
    if allowed.any():
        assert_allclose(found.upper_bound, relaxation(problem), atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(problem=problems())
def test_every_limit_is_kept_and_every_price_at_least_zero(problem):
    value, cost, allowed, budget, limits = problem
    try:
        found = solve(value, cost, allowed=allowed, budget=budget, limits=limits)
    except InfeasibleError:
        assert len(limits) == 3
        return
    rows = np.flatnonzero(found.arm >= 0)
    arms = found.arm[rows]
    assert allowed[rows, arms].all()
    for limit in limits:
        used = limit.weights(cost)[rows, arms].sum()
        assert limit.at_least * (1 - 1e-10) <= used <= limit.at_most * (1 + 1e-10)
        assert_allclose(found.used[limit.name], used)
    assert found.cost <= (np.inf if budget is None else budget * (1 + 1e-10))
    assert min(found.budget_price, *found.prices.values(), *found.quota_prices.values()) >= 0
    assert found.gap >= 0
    if len(limits) == 2:
        assert np.all(value[rows, arms] > 0)


@settings(max_examples=40, deadline=None)
@given(problem=problems(largest=40, quotas=False), seed=st.integers(0, 99))
def test_the_order_of_rows_changes_nothing(problem, seed):
    value, cost, allowed, budget, limits = problem
    ids = np.random.default_rng(seed + 1).permutation(len(value))
    shuffle = np.random.default_rng(seed).permutation(len(value))
    moved = [
        Limit(each.name, None if each.rows is None else each.rows[shuffle], each.arms, each.counts, each.at_most)
        for each in limits
    ]
    one = solve(value, cost, allowed=allowed, budget=budget, limits=limits, order=ids)
    two = solve(
        value[shuffle], cost[shuffle], allowed=allowed[shuffle], budget=budget, limits=moved, order=ids[shuffle]
    )
    assert np.array_equal(one.arm[shuffle], two.arm)
    assert (one.value, one.upper_bound, one.prices, one.used) == (two.value, two.upper_bound, two.prices, two.used)


def drawn(n, seed=0):
    """Customers with an expensive call and two cheaper arms, in three tiers."""
    rng = np.random.default_rng(seed)
    value, cost = rng.normal(0.5, 2, (n, 3)), rng.uniform(0.5, 5, (n, 3))
    return value, cost, rng.integers(0, 3, n)


def limits_of(tier, **more):
    n = tier.size
    sizes = {"phone": 0.04 * n, "A": 0.1 * n, "B": 0.2 * n} | more
    return [
        Limit("phone", arms=(0,), at_most=sizes["phone"]),
        Limit("A", rows=tier == 0, counts="cost", at_most=sizes["A"]),
        Limit("B", rows=tier == 1, at_least=sizes["B"]),
    ]


def test_prices_are_finite_differences_of_the_bound():
    value, cost, tier = drawn(120)

    def solved(budget=40.0, phone=2.3, A=1.5, B=18.0):
        return solve(value, cost, budget=budget, limits=limits_of(tier, phone=phone, A=A, B=B))

    base, h = solved(), 1e-4
    more = {"phone": solved(phone=2.3 + h), "A": solved(A=1.5 + h)}
    for name, other in more.items():
        assert base.prices[name] > 0
        assert_allclose((other.upper_bound - base.upper_bound) / h, base.prices[name], rtol=1e-4)
    assert base.budget_price > 0
    assert_allclose((solved(budget=40.0 + h).upper_bound - base.upper_bound) / h, base.budget_price, rtol=1e-4)
    assert base.quota_prices["B"] > 0
    assert_allclose((solved(B=18.0 - h).upper_bound - base.upper_bound) / h, base.quota_prices["B"], rtol=1e-4)


@pytest.mark.parametrize("kind", ["smooth", "ties"])
def test_many_rows_by_samples_reach_the_bound_of_one_program(kind, monkeypatch):
    value, cost, tier = drawn(3_000)
    if kind == "ties":
        value, cost = np.round(value), np.round(cost)
    limits = limits_of(tier)
    whole = solve(value, cost, budget=2_000, limits=limits)
    monkeypatch.setattr(inside, "_EXACT", 300)
    monkeypatch.setattr(inside, "_SAMPLE", 200)
    monkeypatch.setattr(inside, "_JOIN", 100)
    found = solve(value, cost, budget=2_000, limits=limits)
    assert_allclose(found.upper_bound, whole.upper_bound, rtol=1e-7)
    assert found.gap <= 1e-3 * found.value
    for limit in limits:
        assert limit.at_least <= found.used[limit.name] <= limit.at_most * (1 + 1e-10)


def test_one_tier_by_customers_serves_the_best_of_it():
    value, cost = np.array([[5.0], [4.0], [3.0], [9.0]]), np.ones((4, 1))
    found = solve(value, cost, limits=[Limit("A", rows=[True, True, True, False], at_most=2)])
    assert found.arm.tolist() == [0, 0, -1, 0]
    assert found.prices == {"A": 3.0}


def test_a_quota_takes_the_least_harmful_of_those_that_do_not_pay():
    found = solve([[-1.0], [-3.0], [2.0]], 1.0, limits=[Limit("reach", at_least=2)])
    assert found.arm.tolist() == [0, -1, 0]
    assert found.value == 1.0
    assert found.quota_prices["reach"] == 1.0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"limits": [Limit("A", rows=[True, True, False], at_least=3)]},
            "'A' asks for 3 and misses 1 even with all that is allowed",
        ),
        ({"limits": [Limit("A", at_least=3)], "budget": 2}, "'A' asks for 3 and misses 1 within the other limits"),
        (
            {"limits": [Limit("A", counts="cost", at_least=3), Limit("cap", at_most=1)]},
            r"'A' asks for 3 and misses 2 within the other limits(.|\n)*Limit\('A', at_least=1, ...\)",
        ),
        (
            {"limits": [Limit("A", counts="cost", at_least=1.5, at_most=1.6)]},
            r"kept by splitting customers only; asked for: 'A' \(1.5 to 1.6\)",
        ),
    ],
)
def test_what_cannot_be_met_is_named_with_the_shortfall(options, text):
    with pytest.raises(InfeasibleError, match=text):
        solve(np.ones((3, 1)), 1.0, **options)


def test_a_quota_beyond_reach_is_refused_among_many_rows(monkeypatch):
    monkeypatch.setattr(inside, "_EXACT", 300)
    monkeypatch.setattr(inside, "_SAMPLE", 200)
    value, cost, tier = drawn(2_000)
    with pytest.raises(InfeasibleError, match="'B' asks for 600 and misses"):
        solve(value, cost, budget=300, limits=limits_of(tier, B=600))
