"""sBG: the cohorts of the paper, the closed forms, covariates, and the edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import hyp2f1

from churnlib.clv import ShiftedBetaGeometric
from churnlib.exceptions import DataError, ParameterError

# Fader and Hardie (2007): 1000 customers each, years 0 to 7 used, 8 to 12 held out.
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]


@pytest.mark.parametrize(
    ("survivors", "alpha", "beta", "loglik", "forecast"),
    [
        # The paper: .704, 1.182 and .668, 3.806.
        (REGULAR, 0.704077, 1.182043, -1680.2652, [22.0, 20.4, 19.1, 18.0, 17.0]),
        (HIGH_END, 0.668088, 3.806095, -1611.1581, [46.0, 43.6, 41.4, 39.5, 37.8]),
    ],
)
def test_the_cohorts_of_the_paper(survivors, alpha, beta, loglik, forecast):
    fitted = ShiftedBetaGeometric().fit_survivors(survivors)
    assert_allclose([fitted.alpha_, fitted.beta_], [alpha, beta], atol=5e-6)
    assert_allclose(fitted.loglik_, loglik, atol=5e-5)
    assert_allclose(100 * fitted.predict_survival_function(range(8, 13)), forecast, atol=0.05)
    assert fitted.converged_


def test_another_package_s_reference_value_is_no_maximum():
    """Its tests hold alpha = .688 for the regular cohort, let through by a tolerance of a tenth."""
    ages = np.arange(1, 8)
    frame = pd.DataFrame({"duration": [*ages, 7], "event": [True] * 7 + [False]})
    weight = np.array([*-np.diff(REGULAR), REGULAR[-1]])

    def loglik(alpha: float, beta: float) -> float:
        return float(ShiftedBetaGeometric.from_params({"alpha": alpha, "beta": beta}).log_likelihood(frame) @ weight)

    assert_allclose(loglik(0.704077, 1.182043), -1680.2652, atol=5e-5)
    assert_allclose(loglik(0.688, 1.182), -1680.4108, atol=5e-5)
    # Even with the best beta beside it the likelihood is lower.
    best = max(loglik(0.688, beta) for beta in np.linspace(1.05, 1.25, 401))
    assert_allclose(best, -1680.2962, atol=5e-5)


def test_survival_and_retention_in_closed_form():
    alpha, beta = 0.668, 3.806
    model = ShiftedBetaGeometric.from_params({"alpha": alpha, "beta": beta})
    t = np.arange(1, 13)
    assert_allclose(model.predict_retention_rate(t), (beta + t - 1) / (alpha + beta + t - 1), rtol=1e-13)
    assert_allclose(model.predict_survival_function(t), np.cumprod((beta + t - 1) / (alpha + beta + t - 1)), rtol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 6])
@pytest.mark.parametrize("d", [0.1, 0.5])
def test_discounted_lifetime_of_the_paper(n, d):
    """Fader and Hardie (2010) count from 1: in period n a customer has renewed n - 1 times."""
    alpha, beta = 3.8, 15.2
    paper = (beta + n - 1) / (alpha + beta + n - 1) * hyp2f1(1, beta + n, alpha + beta + n, 1 / (1 + d))
    model = ShiftedBetaGeometric.from_params({"alpha": alpha, "beta": beta})
    X = pd.DataFrame({"duration": [n - 1]})
    assert_allclose(model.predict_discounted(X, discount_rate=np.log1p(d)), paper, rtol=1e-10)
    assert_allclose(model.predict_discounted(X, discount_rate=np.log1p(d), due_in=1), paper / (1 + d), rtol=1e-10)


@pytest.mark.parametrize("alpha", [1 - 1e-12, 1.0, 1 + 1e-12])
def test_lifetime_has_no_pole(alpha):
    model = ShiftedBetaGeometric.from_params({"alpha": alpha, "beta": 2.0})
    X = pd.DataFrame({"duration": [3]})
    # With alpha = 1, S(3 + j) / S(3) = (2 + 3) / (2 + 3 + j).
    assert_allclose(model.predict_lifetime(X, until=500), (5 / (5 + np.arange(1, 501))).sum(), rtol=1e-9)


# ------------------------------------------------------------------ covariates


def cohorts(n: int = 60_000) -> tuple[dict[str, float], pd.DataFrame]:
    """Draw customers whose plan makes them cancel sooner, and whose seats make them differ."""
    truth = {
        "alpha": 0.8,
        "alpha[monthly]": 0.6,
        "alpha[seats]": -0.1,
        "beta": 2.5,
        "beta[monthly]": -0.3,
        "beta[seats]": 0.2,
    }
    generator = np.random.default_rng(0)
    z = pd.DataFrame({"monthly": generator.integers(0, 2, n), "seats": generator.integers(0, 4, n)})
    model = ShiftedBetaGeometric.from_params(truth, covariates=["monthly", "seats"])
    return truth, model.simulate(12, covariates=z, random_state=1)


def test_covariates_come_back():
    truth, frame = cohorts()
    fitted = ShiftedBetaGeometric(covariates=["monthly", "seats"]).fit(frame)
    assert fitted.converged_
    assert set(fitted.params_) == set(truth)
    for name, value in truth.items():
        assert abs(fitted.params_[name] - value) < 4 * fitted.standard_errors_[name], name


def test_the_signs_of_coefficients():
    base = {"alpha": 0.8, "beta": 2.5, "alpha[z]": 0.0, "beta[z]": 0.0}
    X = pd.DataFrame({"duration": [2, 2], "z": [0.0, 1.0]})

    def churn(**changed: float) -> np.ndarray:
        model = ShiftedBetaGeometric.from_params(base | {f"{k}[z]": v for k, v in changed.items()}, covariates="z")
        return model.predict_churn_probability(X, 3)

    assert churn()[0] == churn()[1]
    assert churn(alpha=0.5)[1] > churn(alpha=0.5)[0]
    assert churn(beta=0.5)[1] < churn(beta=0.5)[0]


def test_a_row_is_a_model_of_its_own():
    truth, _ = cohorts(10)
    model = ShiftedBetaGeometric.from_params(truth, covariates=["monthly", "seats"])
    X = pd.DataFrame({"duration": [4, 0], "event": [False, False], "monthly": [1, 0], "seats": [3, 1]})
    for row, (monthly, seats) in enumerate(zip(X["monthly"], X["seats"], strict=True)):
        plain = ShiftedBetaGeometric.from_params(
            {
                "alpha": truth["alpha"] * np.exp(0.6 * monthly - 0.1 * seats),
                "beta": truth["beta"] * np.exp(-0.3 * monthly + 0.2 * seats),
            }
        )
        one = X.iloc[[row]]
        assert_allclose(
            model.predict_churn_probability(X, 5)[row], plain.predict_churn_probability(one, 5)[0], rtol=1e-12
        )
        assert_allclose(model.predict_lifetime(X, until=9)[row], plain.predict_lifetime(one, until=9)[0], rtol=1e-12)
        assert_allclose(
            model.predict_discounted(X, discount_rate=0.1)[row],
            plain.predict_discounted(one, discount_rate=0.1)[0],
            rtol=1e-12,
        )
        assert_allclose(model.log_likelihood(X)[row], plain.log_likelihood(one)[0], rtol=1e-12)
        assert_allclose(
            model.predict_survival_function([1, 7], covariates=X)[row],
            plain.predict_survival_function([1, 7]),
            rtol=1e-12,
        )
        assert_allclose(
            model.predict_retention_rate([1, 7], covariates=X)[row], plain.predict_retention_rate([1, 7]), rtol=1e-12
        )


def test_intervals_with_covariates():
    _, frame = cohorts(4000)
    fitted = ShiftedBetaGeometric(covariates=["monthly", "seats"]).fit(frame)
    kinds = pd.DataFrame({"monthly": [0, 1], "seats": [0, 2]})
    ends = fitted.predict_survival_interval([0, 1, 6], covariates=kinds)
    assert ends.shape == (2, 3, 2)
    survival = fitted.predict_survival_function([0, 1, 6], covariates=kinds)
    assert np.all((ends[..., 0] <= survival) & (survival <= ends[..., 1]))
    assert np.all(ends[:, 0] == 1)


def test_gradient_and_hessian_with_covariates():
    _, frame = cohorts(300)
    model = ShiftedBetaGeometric(covariates=["monthly", "seats"])
    data, _ = model._read(frame, reset=True)
    problem = model._problem(data, np.ones(len(data)))
    point, step = np.array([-0.2, 0.3, -0.1, 0.8, 0.2, -0.4]), 1e-5
    _, gradient, hessian = problem.evaluate(point)
    for j in range(6):
        up, down = (problem.evaluate(point + sign * step * np.eye(6)[j]) for sign in (1, -1))
        assert_allclose(gradient[j], (up[0] - down[0]) / (2 * step), rtol=1e-6, atol=1e-6)
        assert_allclose(hessian[j], (up[1] - down[1]) / (2 * step), rtol=1e-6, atol=1e-5)


def test_covariates_that_are_not_there():
    truth, frame = cohorts(10)
    model = ShiftedBetaGeometric.from_params(truth, covariates=["monthly", "seats"])
    with pytest.raises(ParameterError, match=r"fitted with the covariates monthly, seats; it needs them here too"):
        model.predict_survival_function([1])
    with pytest.raises(ParameterError, match=r"the model has the covariates seats; a table of survivors says nothing"):
        ShiftedBetaGeometric(covariates="seats").fit_survivors(REGULAR)
    with pytest.raises(DataError, match=r"column 'seats' is missing or infinite"):
        ShiftedBetaGeometric(covariates="seats").fit(frame.assign(seats=np.nan))


def test_a_covariate_that_does_not_vary_tells_nothing():
    _, frame = cohorts(500)
    fitted = ShiftedBetaGeometric(covariates="one").fit(frame.assign(one=1.0))
    assert not fitted.converged_
    assert "the data do not determine" in fitted.reason_


# ------------------------------------------------------------------ edges of the parameter space


@pytest.mark.parametrize(
    ("survivors", "reason"),
    [
        ([1000, 900, 700, 400, 100, 10], r"alpha runs to infinity; beta runs to infinity; customers hardly differ"),
        ([1000, 500, 500, 500], r"alpha runs to 0; beta runs to 0; some customers never cancel; some .* certain to"),
        ([1000, 999, 999, 999], r"alpha runs to 0; some customers never cancel"),
        ([1000, 0], r"alpha runs to infinity|beta runs to 0.*certain to cancel at the first renewal"),
        ([1000, 500], r"do not determine alpha, beta: the likelihood is flat"),
    ],
)
def test_the_boundary_is_named(survivors, reason):
    fitted = ShiftedBetaGeometric().fit_survivors(survivors)
    assert not fitted.converged_
    assert pd.Series([fitted.reason_]).str.contains(reason).all(), fitted.reason_
    last = fitted.predict_survival_function([len(survivors) - 1])[0]
    if survivors[1] != 900:  # a rising chance to cancel is beyond this model
        assert_allclose(last, survivors[-1] / 1000, atol=1e-3)
