"""BdW: regression values, sBG as the case c = 1, and the edges."""

from __future__ import annotations

import mpmath
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from churnlib.clv import BetaDiscreteWeibull, ShiftedBetaGeometric

# Fader and Hardie (2007): 1000 customers each, years 0 to 7.
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]


@pytest.mark.parametrize(
    ("survivors", "params", "loglik", "forecast"),
    [
        # Computed by an independent search, not taken from the paper.
        (REGULAR, [0.455614, 0.779326, 1.283451], -1679.6028, [22.3, 20.9, 19.7, 18.6, 17.7]),
        (HIGH_END, [0.214253, 1.426575, 1.723565], -1605.3142, [46.8, 44.8, 43.2, 41.7, 40.4]),
    ],
)
def test_the_cohorts_of_the_paper(survivors, params, loglik, forecast):
    fitted = BetaDiscreteWeibull().fit_survivors(survivors)
    assert_allclose(list(fitted.params_.values()), params, atol=5e-6)
    assert_allclose(fitted.loglik_, loglik, atol=5e-5)
    assert_allclose(100 * fitted.predict_survival_function(range(8, 13)), forecast, atol=0.05)
    assert fitted.converged_


def test_the_held_out_years_are_forecast_better_than_by_the_simpler_model():
    later = [468, 445, 427, 409, 394]  # the high end cohort, years 8 to 12
    errors = [
        np.abs(1000 * model().fit_survivors(HIGH_END).predict_survival_function(range(8, 13)) - later).max()
        for model in (BetaDiscreteWeibull, ShiftedBetaGeometric)
    ]
    assert errors[0] < 11
    assert errors[1] > 15


def test_with_c_equal_to_one_it_is_the_simpler_model():
    plain = {"alpha": 0.7, "beta": 1.2}
    bdw, sbg = BetaDiscreteWeibull.from_params(plain | {"c": 1.0}), ShiftedBetaGeometric.from_params(plain)
    X = pd.DataFrame({"duration": [1, 2, 9, 40], "event": [True, False, True, False]})
    there = X[["duration"]]
    times = np.arange(1, 30)
    assert_allclose(bdw.log_likelihood(X), sbg.log_likelihood(X), rtol=1e-12)
    assert_allclose(bdw.predict_survival_function(times), sbg.predict_survival_function(times), rtol=1e-12)
    assert_allclose(bdw.predict_retention_rate(times), sbg.predict_retention_rate(times), rtol=1e-12)
    assert_allclose(bdw.predict_churn_probability(there, 6), sbg.predict_churn_probability(there, 6), rtol=1e-12)
    assert_allclose(bdw.predict_lifetime(there, until=50), sbg.predict_lifetime(there, until=50), rtol=1e-10)


@pytest.mark.parametrize("rate", [1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-6])
def test_discounting_so_slow_that_the_sum_never_seems_to_end(rate):
    """With c = 1 the simpler model's quadrature says what the sum and its integral must give."""
    plain = {"alpha": 0.7, "beta": 1.2}
    bdw, sbg = BetaDiscreteWeibull.from_params(plain | {"c": 1.0}), ShiftedBetaGeometric.from_params(plain)
    X = pd.DataFrame({"duration": [0, 9, 400]})
    assert_allclose(
        bdw.predict_discounted(X, discount_rate=rate), sbg.predict_discounted(X, discount_rate=rate), rtol=1e-8
    )


@pytest.mark.parametrize(("alpha", "beta", "c"), [(30.0, 500.0, 4.0), (0.7, 1.2, 4.0), (0.01, 500.0, 0.1)])
@pytest.mark.parametrize("duration", [0, 40])
def test_discounting_where_time_to_the_power_c_is_huge(alpha, beta, c, duration):
    """10,000 to the power of 4 leaves the logarithms of Gammas without a digit; the sum is of products of shares."""
    model = BetaDiscreteWeibull.from_params({"alpha": alpha, "beta": beta, "c": c})
    with mpmath.workdps(40):

        def stays(t):
            return mpmath.beta(alpha, beta + mpmath.mpf(t) ** c) / mpmath.beta(alpha, beta)

        summed = sum(stays(duration + j) * mpmath.exp(-2.0 * (j - 1)) for j in range(1, 40)) / stays(duration)
    X = pd.DataFrame({"duration": [duration]})
    assert_allclose(model.predict_discounted(X, discount_rate=2.0), float(summed), rtol=1e-9)
    for rate in (0.003, 0.1):
        assert 0 <= model.predict_discounted(X, discount_rate=rate)[0] <= 1 / -np.expm1(-rate)
    late = model.log_likelihood(pd.DataFrame({"duration": [10_000], "event": [True]}))
    assert np.isfinite(late).all()


def test_the_gradient_at_c_equal_to_one_is_that_of_the_simpler_model():
    frame = ShiftedBetaGeometric.from_params({"alpha": 0.7, "beta": 1.2}).simulate(9, n_customers=300, random_state=0)
    point = np.log([0.8, 1.1, 1.0])
    found = []
    for model in (BetaDiscreteWeibull, ShiftedBetaGeometric):
        data, _ = model()._read(frame, reset=True)
        k = 3 if model is BetaDiscreteWeibull else 2
        value, gradient, hessian = model()._problem(data, np.ones(len(data))).evaluate(point[:k])
        found.append((value, gradient[:2], hessian[:2, :2]))
    for one, other in zip(*found, strict=True):
        assert_allclose(one, other, rtol=1e-9)


def test_a_retention_rate_may_fall_and_then_rise():
    rates = BetaDiscreteWeibull().fit_survivors(HIGH_END).predict_retention_rate(range(1, 8))
    assert rates[1] < rates[0]
    assert np.all(np.diff(rates[1:]) > 0)
    assert np.all(np.diff(ShiftedBetaGeometric().fit_survivors(HIGH_END).predict_retention_rate(range(1, 8))) > 0)


# ------------------------------------------------------------------ edges of the parameter space


@pytest.mark.parametrize(
    ("survivors", "reason"),
    [
        ([1000, 900, 700, 400, 100, 10], r"alpha runs to infinity; beta runs to infinity; customers hardly differ"),
        ([1000, 500, 500, 500], r"c runs to 0; nobody cancels any more after the first renewal"),
        ([1000, 1000, 1000, 500, 500, 500], r"beta runs to infinity"),
        ([1000, 500], r"do not determine alpha, beta, c: the likelihood is flat"),
    ],
)
def test_the_boundary_is_named(survivors, reason):
    fitted = BetaDiscreteWeibull().fit_survivors(survivors)
    assert not fitted.converged_
    assert pd.Series([fitted.reason_]).str.contains(reason).all(), fitted.reason_
    assert fitted.predict_survival_function([1])[0] == pytest.approx(survivors[1] / 1000, abs=0.06)
