"""Features of time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.survival._clocks import Clock, knots_by_events


def test_a_spline_is_natural_and_takes_its_values_at_the_knots():
    clock = Clock("spline", 1.0, 12, knots=(3, 5, 9))
    basis = clock.basis
    np.testing.assert_allclose(basis[[2, 4, 8]], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(basis.sum(axis=1), 1.0)
    line = basis @ [3.0, 5.0, 9.0]
    np.testing.assert_allclose(line, np.arange(1, 13))
    np.testing.assert_allclose(np.diff(basis[8:], 2, axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.diff(basis[:3], 2, axis=0), 0.0, atol=1e-12)


def test_spikes_have_columns_of_their_own_but_at_a_free_clock():
    spikes = ((12.0, 12), (24.0, 24))
    linear = Clock("linear", 1.0, 24, spikes=spikes)
    assert linear.names == ("clock.intercept", "clock.tenure", "clock.spike_12", "clock.spike_24")
    np.testing.assert_array_equal(np.flatnonzero(linear.basis[:, 2]), [11])
    assert Clock("dummy", 1.0, 24, spikes=spikes).names == ()


@pytest.mark.parametrize("length", [1.0, 0.5, 7.0])
@given(st.integers(1, 15), st.integers(1, 40))
def test_a_renewing_contract_ends_again_and_again(length, term, period):
    clock = Clock("linear", length, 40, contract="term")
    left = clock.left(np.array([term * length]), np.array([[period]]))[0, 0]
    assert left == (-period) % term
    bits = clock.contract_table[clock.contract_codes(np.array([term * length]), np.array([[period]]))[0, 0]]
    assert bits.tolist() == [left >= 1, left == 0, left == 1, period > term and (period - 1) % term == 0]


def test_a_contract_that_ends_once_leaves_nobody_bound():
    clock = Clock("linear", 1.0, 6, contract="end")
    np.testing.assert_array_equal(clock.left(np.array([3.0]), np.arange(1, 7)[None, :]), [[2, 1, 0, *[np.nan] * 3]])
    bits = clock.contract_table[clock.contract_codes(np.array([3.0]), np.arange(1, 7)[None, :])[0]]
    assert bits.tolist() == [[1, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("kind", ["term", "end"])
def test_without_a_contract_there_is_no_clock(kind):
    clock = Clock("linear", 1.0, 6, contract=kind)
    nothing = clock.contract_codes(np.array([0.0, np.nan, -1.0]), np.arange(1, 7)[None, :])
    assert not nothing.any()
    assert np.isnan(clock.left(np.array([0.0, np.nan]), np.arange(1, 7)[None, :])).all()


def test_a_contract_counts_in_days_and_ends_in_the_period_that_holds_its_end():
    clock = Clock("linear", 30.0, 14, contract="term")
    left = clock.left(np.array([365.0]), np.arange(1, 15)[None, :])[0]
    assert left.tolist() == [*range(12, -1, -1), 11]


def test_knots_stand_where_the_hazard_bends():
    stayed, left = np.full(36, 1e5), np.full(36, 1000.0)
    left[11] = 8000
    knots = knots_by_events(left, stayed)
    assert {11, 12, 13} <= set(knots)
    assert not {20, 25, 30} & set(knots)


def test_knots_leave_out_spikes_and_periods_without_both_outcomes():
    left, stayed = np.array([50.0, 60, 0, 70, 55, 80]), np.array([900.0, 900, 900, 900, 900, 0])
    knots = knots_by_events(left, stayed, taken=(2,))
    assert set(knots) <= {1, 4, 5}
    assert knots_by_events(np.array([0.0, 5.0]), np.array([9.0, 0.0])) == (2,)


def test_few_events_ask_for_few_knots():
    assert len(knots_by_events(np.ones(30), np.full(30, 100.0))) <= 3


@pytest.mark.parametrize("kind", ["spline", "dummy", "linear"])
def test_columns_for_a_classifier_hold_the_tenure_and_all_that_the_logistic_model_sees(kind):
    clock = Clock(kind, 30.0, 5, knots=(1, 3, 5), spikes=((60.0, 2),), contract="term")
    columns = clock.columns(np.array([1, 2, 5]), np.array([90.0, 90.0, 0.0]))
    assert columns["clock.tenure"].tolist() == [30.0, 60.0, 150.0]
    assert columns["clock.contract_left"].tolist() == [2.0, 1.0, 0.0]
    assert columns["clock.contract_bound"].tolist() == [1.0, 1.0, 0.0]
    assert ("clock.spike_60" in columns) == (kind != "dummy")
    assert ("clock.is_30" in columns) == (kind == "dummy")
    assert ("clock.90" in columns) == (kind == "spline")
    assert len({len(column) for column in columns.values()}) == 1
