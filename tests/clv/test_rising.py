"""Rising factorials: digits where the difference of two log-Gammas has none."""

from __future__ import annotations

from fractions import Fraction
from math import fsum, log

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import digamma, gammaln, zeta

from churnlib.clv._rising import log_beta_ratio, log_rising


@given(z=st.floats(1e-6, 1e9), k=st.integers(0, 60))
def test_products_by_hand(z, k):
    factors = [z + j for j in range(k)]
    value, first, second = log_rising(z, np.array([k]))[:, 0]
    assert_allclose(value, fsum(map(log, factors)), rtol=1e-13, atol=1e-13)
    assert_allclose(first, fsum(1 / f for f in factors), rtol=1e-10, atol=1e-14)
    assert_allclose(second, -fsum(1 / f**2 for f in factors), rtol=1e-10, atol=1e-18)


def test_a_ratio_of_two_large_ones_keeps_its_digits():
    """S(5) of customers who hardly differ: the product of (β + j) / (α + β + j), in exact fractions."""
    alpha, beta = 3_000_000, 7_000_000
    exact = Fraction(1)
    for j in range(5):
        exact *= Fraction(beta + j, alpha + beta + j)
    survival = np.exp(log_rising(float(beta), np.array([5]))[0] - log_rising(float(alpha + beta), np.array([5]))[0])
    assert_allclose(survival, float(exact), rtol=1e-13)


@pytest.mark.parametrize("k", [0.3, 2.5, 1e4, 1e9])
def test_steps_that_are_not_whole(k):
    z = np.array([0.2, 3.0, 15.99, 16.01, 50.0])
    assert_allclose(log_rising(z, k)[0], gammaln(z + k) - gammaln(z), rtol=1e-12)
    assert_allclose(log_rising(z, k)[1:], [digamma(z + k) - digamma(z), zeta(2, z + k) - zeta(2, z)], rtol=1e-12)


def test_both_series_meet():
    below, above = (log_rising(z, np.array([3.7]))[:, 0] for z in (16 - 1e-13, 16.0))
    assert_allclose(below, above, rtol=1e-12)


@pytest.mark.parametrize("a", [0.01, 0.7, 30.0, 1e6])
@pytest.mark.parametrize("b", [0.01, 1.2, 500.0])
@pytest.mark.parametrize("k", [0.0, 1.0, 3.5, 400.0, 1e8, 1e16])
def test_a_ratio_of_betas_keeps_its_digits(a, b, k):
    """A power of time is as large as it likes: at k = 10^16 the difference of two logarithms of Gammas is noise."""
    with mpmath.workdps(60):
        exact = mpmath.log(mpmath.beta(a, mpmath.mpf(b) + mpmath.mpf(k)) / mpmath.beta(a, b))
    assert_allclose(log_beta_ratio(a, b, k), float(exact), rtol=1e-11, atol=1e-14)
