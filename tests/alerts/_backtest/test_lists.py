"""Places that ties share, quantiles of weighted values, and totals of resampled customers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.alerts._backtest._lists import customer_sums, interval_of, quantiles, resampled, shares


@given(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, math.inf]), min_size=1, max_size=6),
    st.integers(0, 7),
)
def test_a_share_is_the_mean_over_all_orders_of_the_tied(values, places):
    n = len(values)
    orders = list(itertools.permutations(range(n)))
    kept = np.zeros(n)
    for order in orders:
        first = sorted(order, key=lambda row: -values[row])[:places]  # stable: the order decides between equals
        kept[first] += 1
    found = shares(np.array(values), np.zeros(n, int), np.array([float(places)]))
    np.testing.assert_allclose(found, kept / len(orders), rtol=1e-12)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=20), st.randoms(use_true_random=False))
def test_shares_of_a_group_do_not_depend_on_order_or_on_other_groups(rows, rng):
    group = np.array([row[0] for row in rows], dtype=int)
    value = np.array([float(row[1]) for row in rows])
    places = np.array([0.0, 1.0, 2.0, 30.0])
    found = shares(value, group, places)
    mixed = np.array(rng.sample(range(len(rows)), len(rows)), dtype=int)
    assert np.array_equal(shares(value[mixed], group[mixed], places), found[mixed])
    for one in range(4):
        alone = group == one
        assert found[alone].sum() == pytest.approx(min(places[one], alone.sum()))
        assert np.array_equal(shares(value[alone], np.zeros(alone.sum(), int), places[[one]]), found[alone])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=12))
def test_whole_weights_are_repeated_values(pairs):
    value = np.array([float(pair[0]) for pair in pairs])
    weight = np.array([float(pair[1]) for pair in pairs])
    repeated = np.repeat(value, weight.astype(int))
    found = quantiles(value, weight, (0.25, 0.5, 0.75))
    if not len(repeated):
        assert np.isnan(found).all()
        return
    want = np.quantile(repeated, [0.25, 0.5, 0.75], method="averaged_inverted_cdf")
    np.testing.assert_allclose(found, want)
    assert found[1] == np.median(repeated)


def test_draws_are_those_of_all_customers_in_distribution():
    rng = np.random.default_rng(0)
    sums = np.zeros((40, 2))
    sums[:9] = rng.integers(0, 4, (9, 2))
    draws = resampled(sums, n_boot=20_000, random_state=1)
    np.testing.assert_allclose(draws.mean(axis=0), sums.sum(axis=0), rtol=0.02)
    np.testing.assert_allclose(np.cov(draws.T), 40 * np.cov(sums.T, bias=True), rtol=0.06, atol=0.3)
    assert np.array_equal(draws, resampled(sums, n_boot=20_000, random_state=1))
    assert not resampled(np.zeros((3, 1)), n_boot=2, random_state=0).any()


def test_sums_by_customer():
    found = customer_sums(np.array([2, 0, 2]), 3, [np.array([1.0, 2.0, 3.0]), np.ones(3)])
    assert found.tolist() == [[2.0, 1.0], [0.0, 0.0], [4.0, 2.0]]


def test_no_interval_where_most_draws_have_no_value():
    nothing = interval_of(np.array([1.0, np.nan, np.nan]), 0.95)
    assert np.isnan(nothing).all()
    assert interval_of(np.array([1.0, 2.0, 3.0, np.nan]), 0.5) == (1.5, 2.5)
