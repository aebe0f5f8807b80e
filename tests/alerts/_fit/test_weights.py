"""Weights: the optimum by its conditions, peers where no bound binds, errors by customer, worlds with known odds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from churnlib.alerts._fit._weights import cells_of, find_weights
from churnlib.survival import CoxModel
from churnlib.targets import survival_target

METHODS = ("logistic", "hazard")
HORIZON = 30.0


def drawn(beta, n=4000, *, seed=0, base=-2.5, per_customer=4, spread=0.0, fires=0.25):
    """Rules that fire by themselves, customers with a frailty of their own, and a loss within the horizon."""
    rng = np.random.default_rng(seed)
    firing = rng.random((n, len(beta))) < fires
    customer = np.arange(n) // per_customer
    own = spread * rng.standard_normal(customer[-1] + 1)[customer]
    linear = base + firing @ np.asarray(beta, dtype=float) + own
    lost = rng.random(n) < expit(linear)
    return firing, lost, customer


def drawn_times(beta, n=4000, *, seed=0, base=-6.0, per_customer=4, spread=0.0, step=0.0):
    rng = np.random.default_rng(seed)
    firing = rng.random((n, len(beta))) < 0.25
    customer = np.arange(n) // per_customer
    own = spread * rng.standard_normal(customer[-1] + 1)[customer]
    days = rng.exponential(size=n) / np.exp(base + firing @ np.asarray(beta, dtype=float) + own)
    if step:
        days = np.ceil(days / step) * step
    return firing, np.where(days < HORIZON, days, np.nan), customer


def found_of(method, beta, *, ridge=1.0, **options):
    if method == "logistic":
        firing, lost, customer = drawn(beta, **options)
        return firing, find_weights(cells_of(firing, lost), customer, method=method, ridge=ridge)
    firing, days, customer = drawn_times(beta, **options)
    return firing, find_weights(cells_of(firing, ~np.isnan(days), days), customer, method=method, ridge=ridge)


@pytest.mark.parametrize("ridge", [0.1, 1.0, 50.0])
def test_it_is_logistic_regression_where_no_bound_binds(ridge):
    firing, lost, customer = drawn([1.0, 0.4, 2.0])
    found = find_weights(cells_of(firing, lost), customer, method="logistic", ridge=ridge)
    peer = LogisticRegression(C=1 / ridge, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    peer.fit(firing.astype(float), lost)
    np.testing.assert_allclose(found.coef, peer.coef_[0], rtol=1e-9)
    assert found.intercept == pytest.approx(peer.intercept_[0], rel=1e-9)


@pytest.mark.parametrize("step", [0.0, 7.0])
def test_it_is_cox_regression_where_no_bound_binds(step):
    firing, days, customer = drawn_times([1.0, 0.4, 2.0], step=step)
    lost = ~np.isnan(days)
    found = find_weights(cells_of(firing, lost, days), customer, method="hazard", ridge=1e-9)
    target = survival_target(lost, np.where(lost, days, HORIZON + 1))
    peer = CoxModel(covariance="cluster").fit(firing.astype(float), target, groups=customer)
    np.testing.assert_allclose(found.coef, peer.coef_, rtol=1e-7)
    n = customer[-1] + 1
    np.testing.assert_allclose(found.standard_error, peer.standard_errors_ * np.sqrt(n / (n - 1)), rtol=1e-6)
    # the curve of a customer for whom nothing fires
    expected = peer.predict_churn_probability(np.zeros((1, 3)), horizon=HORIZON)
    assert -np.expm1(-np.exp(found.intercept)) == pytest.approx(float(expected[0]), rel=1e-6)


@given(st.integers(0, 2**32 - 1), st.sampled_from(METHODS), st.sampled_from([0.01, 1.0, 100.0]))
def test_the_conditions_of_an_optimum_hold(seed, method, ridge):
    rng = np.random.default_rng(seed)
    beta = rng.normal(0, 1, rng.integers(1, 6))
    firing, found = found_of(method, beta, ridge=ridge, n=400, seed=seed)
    assert (found.coef >= 0).all()
    free = found.coef > 0
    assert np.abs(found.slope[free]).max(initial=0) < 1e-6
    assert found.slope[~free].max(initial=-1) < 1e-6
    assert np.isnan(found.standard_error[~free]).all()
    assert (found.standard_error[free] > 0).all()
    assert firing.shape[1] == len(found.coef)


@pytest.mark.parametrize("method", METHODS)
def test_a_warning_never_lowers_the_score(method):
    _, found = found_of(method, [-1.5, 1.0])
    assert found.coef[0] == 0
    assert found.slope[0] < -1
    _, alone = found_of(method, [-1.5, 1.0], seed=0)
    assert alone.coef[1] > 0.5


@pytest.mark.parametrize("method", METHODS)
def test_a_rule_that_never_fires_has_no_weight_and_one_that_tells_all_a_finite_one(method):
    rng = np.random.default_rng(0)
    lost = rng.random(500) < 0.2
    firing = np.column_stack([lost, np.zeros(500, dtype=bool), rng.random(500) < 0.5])
    days = np.where(lost, rng.uniform(1, 30, 500), np.nan)
    cells = cells_of(firing, lost, None if method == "logistic" else days)
    found = find_weights(cells, np.arange(500), method=method, ridge=1.0)
    assert found.coef[1] == 0
    assert 3 < found.coef[0] < 20
    assert np.isfinite(found.intercept)
    weaker = find_weights(cells, np.arange(500), method=method, ridge=10.0)
    assert weaker.coef[0] < found.coef[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ridge", [1e-6, 1.0])
def test_a_rule_that_always_fires_is_held_at_zero_and_not_near_it(method, ridge):
    firing, lost, customer = drawn([1.2])
    when = None if method == "logistic" else np.where(lost, 5.0 + customer % 20, np.nan)
    always = np.column_stack([np.ones(len(lost), dtype=bool), firing])
    alone = find_weights(cells_of(firing, lost, when), customer, method=method, ridge=ridge)
    found = find_weights(cells_of(always, lost, when), customer, method=method, ridge=ridge)
    assert found.coef[0] == 0
    assert np.isnan(found.standard_error[0])
    assert found.coef[1] == pytest.approx(alone.coef[0], rel=1e-8)
    assert found.standard_error[1] == pytest.approx(alone.standard_error[0], rel=1e-6)


def test_one_customer_tells_nothing_of_the_error():
    lost = np.arange(8) < 3
    found = find_weights(cells_of(lost[:, None], lost), np.zeros(8, dtype=np.int64), method="logistic", ridge=1.0)
    assert found.coef[0] > 0
    assert np.isnan(found.standard_error[0])


@pytest.mark.parametrize("method", METHODS)
def test_two_rules_that_are_one_share_its_weight(method):
    firing, lost, customer = drawn([1.2])
    days = np.where(lost, 5.0 + customer % 20, np.nan)
    both = np.column_stack([firing, firing])
    when = None if method == "logistic" else days
    one = find_weights(cells_of(firing, lost, when), customer, method=method, ridge=0.5)
    two = find_weights(cells_of(both, lost, when), customer, method=method, ridge=1.0)
    assert two.coef[0] == pytest.approx(two.coef[1], rel=1e-9)
    assert two.coef.sum() == pytest.approx(one.coef[0], rel=1e-8)


@given(st.integers(0, 2**32 - 1), st.sampled_from(METHODS))
def test_the_order_of_rows_changes_no_bit(seed, method):
    rng = np.random.default_rng(seed)
    firing, days, customer = drawn_times(rng.normal(0.5, 1, 3), n=120, seed=seed, step=float(rng.choice([0.0, 3.0])))
    lost = ~np.isnan(days)
    if not lost.any() or lost.all():
        return
    order = rng.permutation(len(lost))

    def fit(rows):
        cells = cells_of(firing[rows], lost[rows], None if method == "logistic" else days[rows])
        return find_weights(cells, customer[rows], method=method, ridge=1.0)

    one, two = fit(np.arange(len(lost))), fit(order)
    assert one.coef.tobytes() == two.coef.tobytes()
    assert one.standard_error.tobytes() == two.standard_error.tobytes()
    assert one.intercept == two.intercept


def test_errors_are_by_customer():
    """Each row four times: the coefficients stay (with the penalty four times as strong), and so do the errors."""
    firing, lost, customer = drawn([1.0, 0.5], per_customer=1, n=2000)
    one = find_weights(cells_of(firing, lost), customer, method="logistic", ridge=1.0)
    four = [np.repeat(part, 4, axis=0) for part in (firing, lost, customer)]
    again = find_weights(cells_of(four[0], four[1]), four[2], method="logistic", ridge=4.0)
    np.testing.assert_allclose(again.coef, one.coef, rtol=1e-9)
    np.testing.assert_allclose(again.standard_error, one.standard_error, rtol=1e-6)
    apart = find_weights(cells_of(four[0], four[1]), np.arange(len(four[2])), method="logistic", ridge=4.0)
    np.testing.assert_allclose(apart.standard_error, one.standard_error / 2, rtol=1e-3)


def test_cells_stand_for_their_rows():
    firing, days, _ = drawn_times([1.0, 0.5], n=500, step=5.0)
    lost = ~np.isnan(days)
    cells = cells_of(firing, lost, days)
    assert len(cells.count) < 60
    assert cells.count.sum() == 500
    assert (cells.firing[cells.of_row] == firing).all()
    assert (cells.lost[cells.of_row] == lost).all()
    np.testing.assert_array_equal(cells.days[cells.of_row], days)


# -- worlds with known odds -----------------------------------------------------------------------

TRUTH = np.array([1.5, 0.8, 0.3, 0.0])


def _coverage(method: str, n_worlds: int) -> tuple[np.ndarray, np.ndarray]:
    """Share of worlds in which 1.96 standard errors around the coefficient hold the truth, and the mean coefficient."""
    held, mean = [], []
    for seed in range(n_worlds):
        _, found = found_of(method, TRUTH[:3], n=3000, seed=seed, ridge=1e-6)
        held.append(np.abs(found.coef - TRUTH[:3]) <= 1.959964 * found.standard_error)
        mean.append(found.coef)
    return np.mean(held, axis=0), np.mean(mean, axis=0)


@pytest.mark.parametrize("method", METHODS)
def test_known_weights_are_found(method):
    _, found = found_of(method, TRUTH, n=60_000, ridge=1.0)
    np.testing.assert_allclose(found.coef[:3], TRUTH[:3], atol=0.12)
    assert found.coef[3] < 0.1
    base = {"logistic": -2.5, "hazard": -6.0 + np.log(HORIZON)}[method]
    assert found.intercept == pytest.approx(base, abs=0.1)


@pytest.mark.parametrize("method", METHODS)
def test_errors_hold_the_truth(method):
    held, _ = _coverage(method, 40)
    assert (held > 0.85).all()


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_errors_hold_the_truth_in_full(method, record_property):
    held, mean = _coverage(method, 500)
    record_property("coverage", held)
    record_property("mean coefficient", mean)
    np.testing.assert_allclose(held, 0.95, atol=0.03)
    np.testing.assert_allclose(mean, TRUTH[:3], atol=0.03)


def test_errors_by_customer_hold_where_rows_of_a_customer_are_alike():
    """The same rule fires in all rows of a customer, who is lost in all or none: errors by row are half of it."""
    held, narrow = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        fires = rng.random(800) < 0.4
        lost = rng.random(800) < expit(-1.0 + fires)
        firing, gone = np.repeat(fires, 4)[:, None], np.repeat(lost, 4)
        cells = cells_of(firing, gone)
        for who, into in ((np.repeat(np.arange(800), 4), held), (np.arange(3200), narrow)):
            found = find_weights(cells, who, method="logistic", ridge=1e-6)
            into.append(abs(found.coef[0] - 1.0) <= 1.959964 * found.standard_error[0])
    assert np.mean(held) > 0.87
    assert np.mean(narrow) < 0.8
