"""Bounds of shares on three scales, and where nothing has happened yet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, norm

from churnlib.exceptions import ParameterError
from churnlib.survival._bounds import INTERVALS, share_bounds

Z = norm.ppf(0.975)


def bounds(share, variance, n=10.0, kind="log-log", confidence=0.95):
    low, high = share_bounds(np.array([share]), np.array([variance]), np.array([n]), kind=kind, confidence=confidence)
    return float(low[0]), float(high[0])


@given(st.floats(0.01, 0.99), st.floats(1e-6, 1.0), st.sampled_from(INTERVALS), st.floats(0.5, 0.99))
def test_bounds_hold_the_share(share, variance, kind, confidence):
    low, high = bounds(share, variance, kind=kind, confidence=confidence)
    assert 0 <= low <= share <= high <= 1


def test_each_scale():
    share, error = 0.6, 0.2
    low, high = bounds(share, error**2, kind="log")
    assert (np.log(share) - np.log(low), high) == (pytest.approx(Z * error), pytest.approx(share * np.exp(Z * error)))
    low, high = bounds(share, error**2, kind="plain")
    assert (share - low, high - share) == (pytest.approx(Z * error * share),) * 2
    low, high = (np.log(-np.log(bound)) for bound in bounds(share, error**2))
    middle = np.log(-np.log(share))
    assert (low - middle, middle - high) == (pytest.approx(Z * error / -np.log(share)),) * 2


@pytest.mark.parametrize("n", [1, 7, 200])
@pytest.mark.parametrize("kind", INTERVALS)
def test_nobody_has_left(n, kind):
    low, high = bounds(1.0, 0.0, n, kind)
    assert low == pytest.approx(beta.ppf(0.025, n, 1))  # Clopper and Pearson 1934, none of n
    assert high == 1


def test_a_confidence_is_a_share():
    with pytest.raises(ParameterError, match="confidence is 95"):
        bounds(0.5, 0.1, confidence=95)
