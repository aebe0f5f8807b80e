"""Expectations over a Beta distribution, against mpmath with 40 digits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import betaln

from churnlib.numerics import beta_expectation

SHAPES = [(1, 1), (0.8, 2.4), (0.05, 0.02), (0.5, 1000), (1000, 1000), (2, 0.01), (0.3, 3), (50, 0.5), (5000, 3)]


def power(shape: float, tau: float):
    """E[(1 + pτ)^-R], of which mpmath knows the closed form."""
    return lambda p, rows: np.exp(-shape * np.log1p(p * tau))


@pytest.mark.parametrize(("a", "b"), SHAPES)
@pytest.mark.parametrize("shape", [0.01, 2.2, 300.0])
@pytest.mark.parametrize("tau", [1e-3, 0.9, 100.0, 1e4])
def test_powers_against_mpmath(a, b, shape, tau):
    with mpmath.workdps(40):
        expected = float(mpmath.hyp2f1(shape, a, mpmath.mpf(a) + b, -mpmath.mpf(tau)))
    one = np.ones(1)
    result = beta_expectation(
        power(shape, tau), a * one, b * one, at_zero=one, at_one=(1 + tau) ** -shape * one, steepness=shape * tau * one
    )
    assert_allclose(result, expected, rtol=1e-11, atol=3e-15)


@given(a=st.floats(0.02, 1e4), b=st.floats(0.02, 1e4))
def test_moments(a, b):
    one = np.ones(1)
    mean = beta_expectation(lambda p, rows: p, a * one, b * one, at_zero=0 * one, at_one=one, steepness=one)
    assert_allclose(mean, a / (a + b), rtol=1e-11)
    square = beta_expectation(lambda p, rows: p * p, a * one, b * one, at_zero=0 * one, at_one=one, steepness=one)
    assert_allclose(square, np.exp(betaln(a + 2, b) - betaln(a, b)), rtol=1e-9)


def test_many_rows_in_blocks_equal_single_rows():
    n = 30_000
    a, b, tau = np.linspace(0.1, 5, n), np.linspace(3, 0.2, n), np.linspace(0.1, 50, n)

    def staying(p, rows):
        return 1 / (1 + p * tau[rows, None])

    whole = beta_expectation(staying, a, b, at_zero=np.ones(n), at_one=1 / (1 + tau), steepness=tau)
    some = np.arange(0, n, 1234)
    alone = beta_expectation(
        lambda p, rows: 1 / (1 + p * tau[some][rows, None]),
        a[some], b[some], at_zero=np.ones(len(some)), at_one=1 / (1 + tau[some]), steepness=tau[some],
    )  # fmt: skip
    assert_allclose(whole[some], alone, rtol=1e-13)
