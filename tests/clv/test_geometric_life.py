"""A life that ends with a Beta-distributed chance: sums over periods against their closed forms and term by term."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import hyp2f1

from churnlib.clv._geometric_life import discounted_periods, expected_periods, hazard, survives

shape = st.floats(0.02, 300)


@given(a=shape, b=shape, t=st.integers(0, 200))
def test_expected_periods_are_the_sum_of_survivals(a, b, t):
    steps = np.arange(1.0, t + 1)
    summed = survives(np.full(t, a), np.full(t, b), steps).sum()
    one = np.ones(1)
    assert_allclose(expected_periods(a * one, b * one, t * one), summed, rtol=1e-9, atol=1e-14)


@given(a=shape, b=shape, t=st.integers(1, 200))
def test_survival_is_a_product_of_renewals(a, b, t):
    j = np.arange(t)
    assert_allclose(
        survives(np.array([a]), np.array([b]), np.array([float(t)])), np.prod((b + j) / (a + b + j)), rtol=1e-10
    )


@pytest.mark.parametrize("a", [0.3, 1.0, 1 + 1e-12, 5.0])
@pytest.mark.parametrize("b", [0.4, 9.0])
@pytest.mark.parametrize("rate", [0.02, 0.1, 2.0])
def test_discounted_periods_in_closed_form(a, b, rate):
    closed = b / (a + b) / (1 + rate) * hyp2f1(1, b + 1, a + b + 1, 1 / (1 + rate))
    assert_allclose(discounted_periods(*(np.array([v]) for v in (a, b, rate))), closed, rtol=1e-10)


def test_hazard_at_the_ends():
    assert hazard(np.array([0.0, 1.0])).tolist() == [1e-300, np.inf]
