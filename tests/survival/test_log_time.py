"""Distributions of log time against those of scipy."""

import numpy as np
import pytest
from scipy import stats

from churnlib.survival._log_time import SHAPES, location_and_scale, log_survival_at
from tests.survival.test_cure_likelihood import OF_SCIPY


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_survival_is_that_of_scipy(shape):
    times = np.array([0.001, 0.5, 3.0, 40.0])
    found = log_survival_at(shape, times, np.array([1.2]), 0.7)
    np.testing.assert_allclose(found, OF_SCIPY[shape](1.2, 0.7).logsf(times), rtol=1e-10)
    assert log_survival_at(shape, np.array([0.0]), np.array([1.2]), 0.7)[0] == 0
    assert (log_survival_at(shape, np.array([1e300]), np.array([0.0]), 1e-3) <= -700).all()


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_likelihood_and_its_derivatives(shape):
    time, left = np.array([0.5, 3.0, 9.0]), np.array([True, False, True])
    location, log_scale = np.array([1.0, 0.5, 2.0]), -0.3
    value, slopes, bends = location_and_scale(shape, time, left, location, log_scale)
    truth = OF_SCIPY[shape](location, np.exp(log_scale))
    np.testing.assert_allclose(value, np.where(left, truth.logpdf(time), truth.logsf(time)), rtol=1e-10)
    h = 1e-6
    by_location = [location_and_scale(shape, time, left, location + s, log_scale) for s in (h, -h)]
    by_scale = [location_and_scale(shape, time, left, location, log_scale + s) for s in (h, -h)]
    for i, (up, down) in enumerate((by_location, by_scale)):
        np.testing.assert_allclose(slopes[i], (up[0] - down[0]) / (2 * h), atol=1e-7)
    np.testing.assert_allclose(bends[0], (by_location[0][1][0] - by_location[1][1][0]) / (2 * h), atol=1e-6)
    np.testing.assert_allclose(bends[1], (by_scale[0][1][0] - by_scale[1][1][0]) / (2 * h), atol=1e-6)
    np.testing.assert_allclose(bends[2], (by_scale[0][1][1] - by_scale[1][1][1]) / (2 * h), atol=1e-6)


def test_a_normal_tail_far_out():
    assert log_survival_at("lognormal", np.array([np.exp(30.0)]), np.array([0.0]), 1.0)[0] == pytest.approx(
        stats.norm.logsf(30.0), rel=1e-12
    )
