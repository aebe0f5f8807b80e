import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from churnlib.classification._calibration import (
    SigmoidCalibrator,
    choose_calibration,
    fit_isotonic,
    fit_sigmoid,
    row_log_loss,
)


def draw(n, *, slope, intercept, seed=0):
    """Stated probabilities, and outcomes drawn from expit(intercept + slope · logit(stated))."""
    rng = np.random.default_rng(seed)
    stated = expit(rng.normal(-1, 1.5, n))
    return stated, (rng.random(n) < expit(intercept + slope * logit(stated))).astype(np.int64)


def test_sigmoid_finds_the_truth():
    stated, y = draw(50_000, slope=0.5, intercept=-0.7)
    fitted = fit_sigmoid(stated, y, np.ones(len(y)))
    assert fitted.slope == pytest.approx(0.5, abs=0.03)
    assert fitted.intercept == pytest.approx(-0.7, abs=0.03)


def test_sigmoid_equals_a_general_optimiser():
    stated, y = draw(300, slope=2.0, intercept=0.3)
    weight = np.random.default_rng(1).uniform(0.1, 3, 300)
    weight /= weight.mean()
    positive, negative = weight[y == 1].sum(), weight[y == 0].sum()
    aim = np.where(y == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))
    margin = logit(stated)

    def loss(beta):
        fitted = beta[0] * margin + beta[1]
        return weight @ (np.logaddexp(0, fitted) - aim * fitted)

    best = minimize(loss, [1.0, 0.0], method="BFGS", options={"gtol": 1e-10}).x
    fitted = fit_sigmoid(stated, y, weight)
    assert [fitted.slope, fitted.intercept] == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("fit", [fit_sigmoid, fit_isotonic])
def test_maps_read_only_the_proportions_of_weights(fit, factor):
    stated, y = draw(300, slope=2.0, intercept=0.3)
    weight = np.random.default_rng(1).uniform(0.1, 3, 300)
    scaled, plain = fit(stated, y, factor * weight)(stated), fit(stated, y, weight)(stated)
    np.testing.assert_allclose(scaled, plain, atol=1e-7)
    absent = np.append(weight, np.zeros(100))
    more = fit(np.append(stated, stated[:100]), np.append(y, 1 - y[:100]), absent)(stated)
    if fit is fit_sigmoid:
        np.testing.assert_allclose(more, plain, atol=1e-7)


def test_sigmoid_stays_finite_on_separable_scores():
    fitted = fit_sigmoid(np.array([0.0, 0.01, 0.99, 1.0]), np.array([0, 0, 1, 1]), np.ones(4))
    assert np.isfinite([fitted.slope, fitted.intercept]).all()


def test_sigmoid_never_turns_the_ranking_around():
    stated, y = draw(500, slope=-1.0, intercept=0.0)
    fitted = fit_sigmoid(stated, y, np.ones(500))
    assert fitted.slope == 0.0
    assert fitted(stated) == pytest.approx(y.mean(), abs=0.01)


def test_isotonic_is_scikit_learns_but_for_the_ends():
    stated, y = draw(400, slope=1.0, intercept=0.5)
    mine = fit_isotonic(stated, y, np.ones(400))(stated)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(stated, y).predict(stated)
    np.testing.assert_allclose(mine, np.clip(theirs, 1 / 402, 401 / 402), atol=1e-12)


@given(st.integers(0, 30), st.sampled_from(["sigmoid", "isotonic"]))
def test_maps_rise_and_give_probabilities(seed, method):
    stated, y = draw(60, slope=1.0, intercept=0.0, seed=seed)
    fit = fit_sigmoid if method == "sigmoid" else fit_isotonic
    grid = np.linspace(0, 1, 101)
    calibrated = fit(stated, y, np.ones(60))(grid)
    assert (np.diff(calibrated) >= 0).all()
    assert (calibrated > 0).all()
    assert (calibrated < 1).all()


def chosen(report):
    return report.index[report["chosen"]].item()


def test_a_calibrated_model_is_left_alone():
    stated, y = draw(4000, slope=1.0, intercept=0.0)
    report = choose_calibration(stated, y, np.ones(4000), None, seed=0)
    assert chosen(report) == "none"
    assert report.loc["none", "log_loss"] == pytest.approx(row_log_loss(y, stated).mean())


def test_an_overconfident_model_is_calibrated_by_the_sigmoid():
    stated, y = draw(4000, slope=0.4, intercept=0.0)
    report = choose_calibration(stated, y, np.ones(4000), None, seed=0)
    assert chosen(report) == "sigmoid"
    assert report.loc["sigmoid", "improvement"] > report.loc["sigmoid", "standard_error"] > 0


def test_a_bent_model_is_calibrated_by_isotonic():
    rng = np.random.default_rng(0)
    stated = rng.uniform(0.01, 0.99, 6000)
    y = (rng.random(6000) < np.where(stated > 0.5, 0.9, 0.1)).astype(np.int64)
    assert chosen(choose_calibration(stated, y, np.ones(6000), None, seed=0)) == "isotonic"


def test_rows_of_a_customer_are_one_draw():
    stated, y = draw(500, slope=0.8, intercept=0.0)
    once = choose_calibration(stated, y, np.ones(500), None, seed=0)
    repeated = choose_calibration(np.tile(stated, 9), np.tile(y, 9), np.ones(4500), np.tile(np.arange(500), 9), seed=0)
    # nine copies of a customer bring no more evidence than one
    ratio = repeated["standard_error"] / once["standard_error"]
    assert ratio["sigmoid"] == pytest.approx(1.0, abs=0.15)
    rows = choose_calibration(np.tile(stated, 9), np.tile(y, 9), np.ones(4500), None, seed=0)
    assert rows.loc["sigmoid", "standard_error"] < 0.5 * repeated.loc["sigmoid", "standard_error"]


def test_report_has_one_choice():
    stated, y = draw(100, slope=0.4, intercept=0.0)
    report = choose_calibration(stated, y, np.ones(100), None, seed=0)
    assert report.index.tolist() == ["none", "sigmoid", "isotonic"]
    assert report["chosen"].sum() == 1
    assert isinstance(report, pd.DataFrame)


def test_identity_leaves_probabilities_alone():
    p = np.array([0.0, 0.2, 1.0])
    assert SigmoidCalibrator(1.0, 0.0)(p) == pytest.approx(p, abs=2e-7)
