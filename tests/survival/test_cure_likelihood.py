"""Derivatives are those of the value; the value is that of the definition."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from churnlib.survival._cure_likelihood import CureLikelihood
from churnlib.survival._log_time import SHAPES
from churnlib.targets import SurvivalRows

OF_SCIPY = {
    "weibull": lambda location, scale: stats.weibull_min(1 / scale, scale=np.exp(location)),
    "lognormal": lambda location, scale: stats.lognorm(scale, scale=np.exp(location)),
    "loglogistic": lambda location, scale: stats.fisk(1 / scale, scale=np.exp(location)),
}


def rows(n: int = 40):
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, 2))])
    time = rng.exponential(3, n) + 0.5
    entry = np.where(rng.random(n) < 0.5, 0.3 * time, 0.0)
    return X, SurvivalRows((rng.random(n) < 0.6).astype(int), time, entry), rng.random(n) + 0.5


@pytest.mark.parametrize("latency", sorted(SHAPES))
def test_value_is_that_of_the_definition(latency):
    X, data, weight = rows()
    point = np.array([0.3, -0.2, 0.5, 1.1, 0.2, -0.4, -0.3])
    leaves = expit(X @ point[:3])
    times = OF_SCIPY[latency](X @ point[3:6], np.exp(point[6]))
    here = np.log(1 - leaves + leaves * times.sf(data.time))
    terms = np.where(data.observed, np.log(leaves) + times.logpdf(data.time), here)
    terms -= np.log(1 - leaves + leaves * times.sf(data.entry))
    assert CureLikelihood(X, data, weight, latency, 0.0)(point)[0] == pytest.approx(-weight @ terms, rel=1e-12)


@pytest.mark.parametrize("latency", sorted(SHAPES))
def test_derivatives_by_differences(latency):
    X, data, weight = rows()
    likelihood = CureLikelihood(X, data, weight, latency, 0.3)
    point = np.random.default_rng(1).normal(size=7) * 0.4
    _, gradient, hessian = likelihood(point)
    steps = 1e-6 * np.eye(7)
    slopes = [(likelihood(point + step)[0] - likelihood(point - step)[0]) / 2e-6 for step in steps]
    bends = [(likelihood(point + step)[1] - likelihood(point - step)[1]) / 2e-6 for step in steps]
    np.testing.assert_allclose(gradient, slopes, atol=1e-6)
    np.testing.assert_allclose(hessian, bends, atol=1e-6)
    np.testing.assert_array_equal(hessian, hessian.T)


def test_an_impossible_point_is_infinite():
    X, data, weight = rows()
    assert CureLikelihood(X, data, weight, "weibull", 0.0)(np.array([0, 0, 0, -800, 0, 0, -10.0]))[0] == np.inf
