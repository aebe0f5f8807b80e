"""Pareto/NBD: the published numbers, the known traps, and what must always hold."""

from __future__ import annotations

import pickle
import zlib
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.base import clone

from churnlib.clv import ParetoNBD
from churnlib.clv._design import RowProblem
from churnlib.clv._pareto_table import TableProblem
from churnlib.exceptions import DataError, ParameterError

PAPER = {"r": 0.553276, "alpha": 10.577612, "s": 0.606214, "beta": 11.667911}
CUSTOMER = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})


def histories(n=1500, *, T=52.0, seed=0, params=PAPER) -> pd.DataFrame:
    return ParetoNBD.from_params(params).simulate(T=T, n_customers=n, random_state=seed)


def on_days(n=1500, *, seed=0) -> pd.DataFrame:
    """Histories in whole days, as a table of orders gives them."""
    T = np.random.default_rng(seed).integers(182, 366, n).astype(float)
    frame = histories(None, T=T, seed=seed, params=PAPER | {"alpha": 74.0, "beta": 82.0})
    return frame.assign(recency=np.ceil(frame["recency"]))


# ------------------------------------------------------------------ published numbers


def test_cdnow_from_the_rounded_table(cdnow_table):
    fitted = ParetoNBD().fit(cdnow_table)
    # Fader, Hardie and Lee (2005): .553, 10.578, .606, 11.669, LL -9595.0; more digits by another implementation.
    assert_allclose(list(fitted.params_.values()), [0.553276, 10.577612, 0.606214, 11.667911], atol=1e-4)
    assert_allclose(fitted.loglik_, -9594.97393, rtol=1e-6)
    assert fitted.converged_
    assert fitted.reason_ == "Newton's decrement is within the tolerance"


def test_cdnow_from_the_purchases(cdnow_log):
    assert (len(cdnow_log), cdnow_log["frequency"].sum()) == (2357, 2457)
    fitted = ParetoNBD().fit(cdnow_log)
    assert_allclose(list(fitted.params_.values()), [0.553277, 10.577683, 0.606240, 11.668735], atol=1e-4)
    assert_allclose(fitted.loglik_, -9594.97618, rtol=1e-6)
    # Standard errors that another package publishes for these data, from a numerical Hessian.
    errors = [fitted.standard_errors_[name] for name in ("r", "alpha", "s", "beta")]
    assert_allclose(errors, [0.0476264, 0.8427222, 0.1872594, 6.2105448], rtol=2e-4)


def test_what_the_papers_say_of_one_customer(cdnow_table):
    fitted = ParetoNBD().fit(cdnow_table)
    assert_allclose(fitted.predict(CUSTOMER, 39), 1.4551, atol=5e-5)
    assert_allclose(fitted.predict_alive_probability(CUSTOMER), 0.8691, atol=5e-5)
    given_params = ParetoNBD.from_params(PAPER)
    assert_allclose(given_params.predict_discounted(CUSTOMER, discount_rate=0.0027), 6.482246, atol=1e-6)


def test_likelihood_and_expectation_of_lifetimes(cdnow_table):
    lifetimes = pytest.importorskip("lifetimes", reason="the older package is not installed")
    columns = [cdnow_table[name] for name in ("frequency", "recency", "T")]
    peer = lifetimes.ParetoNBDFitter()
    peer.params_ = pd.Series(PAPER)
    ours = ParetoNBD.from_params(PAPER)
    theirs = peer._conditional_log_likelihood(list(PAPER.values()), *(column.to_numpy() for column in columns))
    assert_allclose(ours.log_likelihood(cdnow_table), theirs, rtol=1e-9)
    expected = peer.conditional_expected_number_of_purchases_up_to_time(39, *columns)
    assert_allclose(ours.predict(cdnow_table, 39), expected, rtol=1e-8)
    assert_allclose(
        ours.predict_alive_probability(cdnow_table), peer.conditional_probability_alive(*columns), rtol=1e-8
    )
    assert_allclose(ours.predict_new(39.0), peer.expected_number_of_purchases_up_to_time(39.0), rtol=1e-10)
    for n in (0, 1, 5):
        theirs = peer.conditional_probability_of_n_purchases_up_to_time(n, 13, 2, 30.43, 38.86)
        assert_allclose(ours.predict_purchase_distribution(CUSTOMER, 13)[0, n], theirs, rtol=1e-6)


# ------------------------------------------------------------------ formulas against other ways to compute them


@pytest.mark.parametrize("s", [1e-3, 0.6062, 0.999, 1 - 1e-9, 1.0, 1 + 1e-13, 1.001, 3.0, 40.0])
@pytest.mark.parametrize("t", [0.01, 39.0, 2000.0])
def test_expected_purchases_have_no_pole(s, t):
    mpmath = pytest.importorskip("mpmath", reason="mpmath, for 40 digits, is not installed")
    model = ParetoNBD.from_params(PAPER | {"s": s})
    x = np.array([0, 2, 1000])
    frame = pd.DataFrame({"frequency": x, "recency": np.where(x > 0, 38.0, 0), "T": 38.86})
    with mpmath.workdps(50):
        r, alpha, shape, beta, T = (mpmath.mpf(value) for value in (*model.params_.values(), 38.86))
        b = beta + T
        time = b * mpmath.log1p(t / b) if s == 1 else b / (shape - 1) * (1 - (b / (b + t)) ** (shape - 1))
        expected = np.array([float((r + int(count)) / (alpha + T) * time) for count in x])
    assert_allclose(model.predict(frame, t), expected * model.predict_alive_probability(frame), rtol=1e-12)


def test_continuous_through_s_equal_to_one():
    shapes = (1 - 1e-10, 1.0, 1 + 1e-13, 1 + 1e-10)
    at = [ParetoNBD.from_params(PAPER | {"s": s}).predict(CUSTOMER, 39)[0] for s in shapes]
    assert_allclose(at, at[1], rtol=1e-9)


@pytest.mark.parametrize("rate", [1e-4, 0.0027, 0.1, 5.0])
def test_discounted_purchases_against_the_sum(rate):
    """Discounted purchases are ∫ δ e^(-δt) E[purchases by t] dt, by parts."""
    model = ParetoNBD.from_params(PAPER)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    ends = np.concatenate([[0], np.geomspace(1e-3, 40, 30)])
    total = 0.0
    for low, high in pairwise(ends):
        z = low + (high - low) * (nodes + 1) / 2
        expected = model.predict(pd.concat([CUSTOMER] * len(z)), z / rate)
        total += (high - low) / 2 * weights @ (np.exp(-z) * expected)
    assert_allclose(model.predict_discounted(CUSTOMER, discount_rate=rate), total, rtol=1e-10)


@pytest.mark.parametrize("covariates", [False, True])
@pytest.mark.parametrize("theta", [[-0.4, 0.3, 0.2, 0.9], [0.5, 2.0, -1.0, -2.0], [1.0, -1.5, 0.0, 3.0]])
def test_gradient_and_hessian_against_differences(theta, covariates):
    frame = on_days(300).assign(z=lambda f: np.arange(len(f)) % 3, y=lambda f: np.arange(len(f)) % 5 - 2.0)
    model = ParetoNBD(purchase_covariates=["z", "y"], dropout_covariates="y") if covariates else ParetoNBD()
    data, _ = model._read(frame, reset=True)
    problem = model._problem(data.unique(None), 10 / 365)
    assert isinstance(problem, TableProblem) is not covariates
    r, alpha, s, beta = theta
    point = np.array([r, alpha, 0.3, -0.2, s, beta, 0.4] if covariates else theta)
    _, gradient, hessian = problem.evaluate(point)
    step = 1e-5
    for j in range(len(point)):
        up, down = (problem.evaluate(point + sign * step * np.eye(len(point))[j]) for sign in (1, -1))
        scale = np.abs(np.diag(hessian)).max()
        assert_allclose(gradient[j], (up[0] - down[0]) / (2 * step), rtol=1e-6, atol=1e-7 * scale)
        assert_allclose(hessian[j], (up[1] - down[1]) / (2 * step), rtol=1e-6, atol=1e-7 * scale)


@pytest.mark.parametrize(
    "theta",
    [
        [-0.4, 0.3, 0.2, 0.9],
        [-0.5, 0.5, -0.5, 0.5],
        [0.0, 7.0, 0.0, -7.0],
        [0.0, -7.0, 0.0, 7.0],
        [-5.0, 3.0, -7.0, 3.0],
        [4.0, 4.0, 4.0, 5.0],
        [-2.0, -13.0, -2.0, 0.0],
        [1.0, 1.0, 1.0, 1.0],
    ],
)
def test_the_table_equals_the_rows(theta):
    """The walk along the grid and the quadrature of each row are two ways to one likelihood."""
    frame = on_days(3000)
    frame.loc[:1, ["frequency", "recency", "T"]] = [[1000, 300.0, 301.0], [200, 9.0, 360.0]]
    data, _ = ParetoNBD()._read(frame, reset=True)
    problem = ParetoNBD()._problem(data.unique(None), 10 / 365)
    point = np.array(theta)
    r, alpha, s, beta = np.exp(point)
    problem_grid = _grid_of_any_size(problem, r, alpha, s, beta)
    table = problem._summed(problem_grid, r, alpha, s, beta)
    rows = RowProblem.evaluate(problem, point)
    assert_allclose(table[0], rows[0], rtol=1e-11)
    scale = np.abs(np.diag(rows[2])).max()
    assert_allclose(table[1], rows[1], rtol=1e-9, atol=1e-11 * scale)
    assert_allclose(table[2], rows[2], rtol=1e-9, atol=1e-11 * scale)
    gradients, weight = problem.scores(point)
    assert_allclose(gradients @ weight, rows[1], rtol=1e-9, atol=1e-11 * scale)


def _grid_of_any_size(problem, *parameters):
    problem._longest = np.inf
    return problem._grid(*parameters)


def test_times_without_a_grid_go_row_by_row():
    """Where a table would be larger than the rows are many, each row is integrated by itself."""
    frame = histories(4000)
    data, _ = ParetoNBD()._read(frame, reset=True)
    problem = ParetoNBD()._problem(data.unique(None), 10 / 52)
    assert problem._grid(0.5, 2.0, 0.6, 2.0) is None
    whole = on_days(4000)
    data, _ = ParetoNBD()._read(whole, reset=True)
    problem = ParetoNBD()._problem(data.unique(None), 10 / 365)
    assert problem._grid(0.5, 2.0, 0.6, 2.0) is not None
    assert problem._grid(0.5, 1e-6, 0.6, 1e6) is None or len(problem._grid(0.5, 1e-6, 0.6, 1e6).times) > 366


def test_log_likelihood_adds_up():
    frame = on_days()
    fitted = ParetoNBD().fit(frame)
    assert_allclose(fitted.log_likelihood(frame).sum(), fitted.loglik_, rtol=1e-12)
    assert_allclose(fitted.score(frame) * len(frame), fitted.loglik_, rtol=1e-12)
    assert_allclose(fitted.aic_, 8 - 2 * fitted.loglik_)
    assert_allclose(fitted.bic_, 4 * np.log(len(frame)) - 2 * fitted.loglik_)


# ------------------------------------------------------------------ what must always hold

params = st.fixed_dictionaries(
    {
        "r": st.floats(0.05, 20),
        "alpha": st.floats(0.1, 200),
        "s": st.one_of(st.floats(0.05, 20), st.just(1.0)),
        "beta": st.floats(0.1, 200),
    }
)


@st.composite
def customers(draw):
    T = draw(st.floats(0.5, 500))
    x = draw(st.integers(0, 40))
    tx = 0.0 if x == 0 else max(T * draw(st.floats(0.001, 1)), 1e-3)
    return pd.DataFrame({"frequency": [x], "recency": [min(tx, T)], "T": [T]})


@given(given_params=params, X=customers(), t=st.floats(0.01, 1000))
def test_distributions_agree_with_each_other(given_params, X, t):
    fitted = ParetoNBD.from_params(given_params)
    expected = fitted.predict(X, t)[0]
    alive, later = fitted.predict_alive_probability(X)[0], fitted.predict_alive_probability(X, t)[0]
    silent = fitted.predict_no_purchase_probability(X, t)[0]
    assert 0 <= later <= alive + 1e-12 <= 1 + 2e-12
    assert 1 - alive - 1e-12 <= silent <= 1 + 1e-12
    assert fitted.predict_no_purchase_probability(X, 2 * t)[0] <= silent + 1e-12
    pmf = fitted.predict_purchase_distribution(X, t, largest=300)[0]
    assert np.all(pmf >= 0)
    assert pmf.sum() <= 1 + 1e-10
    assert_allclose(pmf[0], silent, rtol=1e-12)
    assert pmf @ np.arange(301) <= expected * (1 + 1e-9) + 1e-12
    if 1 - pmf.sum() < 1e-11:
        assert_allclose(pmf @ np.arange(301), expected, rtol=1e-6, atol=1e-8)


def test_the_distribution_sums_to_one_and_has_the_mean():
    model = ParetoNBD.from_params(PAPER)
    X = pd.DataFrame({"frequency": [0, 2, 25], "recency": [0.0, 30.43, 38.0], "T": 38.86})
    pmf = model.predict_purchase_distribution(X, 39.0, largest=400)
    assert_allclose(pmf.sum(axis=1), 1, rtol=1e-12)
    assert_allclose(pmf @ np.arange(401), model.predict(X, 39.0), rtol=1e-10)
    new = model.predict_new_distribution([1.0, 39.0], largest=400)
    assert_allclose(new.sum(axis=1), 1, rtol=1e-12)
    assert_allclose(new @ np.arange(401), model.predict_new([1.0, 39.0]), rtol=1e-10)


def test_silence_is_the_ratio_of_two_likelihoods():
    fitted, X = ParetoNBD.from_params(PAPER), histories(50)
    longer = X.assign(T=X["T"] + 13)
    ratio = np.exp(fitted.log_likelihood(longer) - fitted.log_likelihood(X))
    assert_allclose(fitted.predict_no_purchase_probability(X, 13), ratio, rtol=1e-11)


def test_nothing_happens_in_no_time():
    model = ParetoNBD.from_params(PAPER)
    assert model.predict(CUSTOMER, 0)[0] == 0
    assert_allclose(model.predict_alive_probability(CUSTOMER, 0), model.predict_alive_probability(CUSTOMER))
    assert_allclose(model.predict_purchase_distribution(CUSTOMER, 0, largest=2), [[1, 0, 0]], atol=1e-15)


def test_a_customer_without_repeat_purchases_may_have_left():
    once = pd.DataFrame({"frequency": [0, 0], "recency": [0.0, 0.0], "T": [4.0, 38.86]})
    soon, late = ParetoNBD.from_params(PAPER).predict_alive_probability(once)
    assert 0.29 < late < 0.3 < soon < 1


def test_simulation_agrees_with_the_formulas():
    fitted = ParetoNBD.from_params(PAPER)
    drawn = fitted.simulate(T=52, n_customers=200_000, random_state=3)
    assert ((drawn["frequency"] == 0) == (drawn["recency"] == 0)).all()
    assert (drawn["recency"] <= drawn["T"]).all()
    shares = np.bincount(np.minimum(drawn["frequency"], 11), minlength=12)[:11] / len(drawn)
    expected = fitted.predict_new_distribution(52.0)[0]
    assert np.all(np.abs(shares - expected) < 4.5 * np.sqrt(expected / len(drawn)))
    error = drawn["frequency"].std() / np.sqrt(len(drawn))
    assert abs(drawn["frequency"].mean() - fitted.predict_new(52.0)[0]) < 4 * error
    again = fitted.simulate(T=52, n_customers=200_000, random_state=3)
    assert drawn.equals(again)


@pytest.mark.parametrize("grid", [False, True])
def test_parameters_come_back(grid):
    T = np.random.default_rng(1).uniform(20, 80, 60_000)
    frame = histories(None, T=T, seed=5)
    if grid:
        # A twentieth of a week is coarse enough for the table, and fine enough not to change the model.
        frame = frame.assign(recency=np.ceil(frame["recency"] * 20) / 20, T=np.ceil(frame["T"] * 20) / 20)
    fitted = ParetoNBD().fit(frame)
    for name, value in PAPER.items():
        assert abs(fitted.params_[name] - value) < 4 * fitted.standard_errors_[name], name


# ------------------------------------------------------------------ invariances


@pytest.mark.parametrize("frame", [histories(), on_days()], ids=["any times", "days"])
def test_days_or_weeks(frame):
    days = frame.assign(recency=frame["recency"] * 7, T=frame["T"] * 7)
    one, other = ParetoNBD().fit(frame), ParetoNBD().fit(days)
    assert_allclose([other.r_, other.s_], [one.r_, one.s_], rtol=1e-8)
    assert_allclose([other.alpha_, other.beta_], [7 * one.alpha_, 7 * one.beta_], rtol=1e-8)
    assert_allclose(other.loglik_, one.loglik_ - frame["frequency"].sum() * np.log(7), rtol=1e-10)
    assert_allclose(other.predict(days, 70), one.predict(frame, 10), rtol=1e-7)


@pytest.mark.parametrize("covariance", ["hessian", "sandwich"])
@pytest.mark.parametrize("simulated", [histories, on_days])
def test_weights_are_repeated_rows(simulated, covariance):
    frame = simulated(600)
    weight = np.random.default_rng(0).integers(0, 4, len(frame))
    weighted = ParetoNBD(covariance=covariance).fit(frame, sample_weight=weight)
    repeated = ParetoNBD(covariance=covariance).fit(frame.loc[frame.index.repeat(weight)])
    assert_allclose(list(weighted.params_.values()), list(repeated.params_.values()), rtol=1e-8)
    assert_allclose(weighted.loglik_, repeated.loglik_, rtol=1e-12)
    assert_allclose(weighted.covariance_, repeated.covariance_, rtol=1e-6)
    assert weighted.n_customers_ == weight.sum()


def test_the_order_of_rows_does_not_matter():
    frame = on_days()
    mixed = frame.sample(frac=1, random_state=2)
    assert ParetoNBD().fit(mixed).params_ == ParetoNBD().fit(frame).params_
    model = ParetoNBD.from_params(PAPER)
    assert_allclose(model.predict(mixed, 9), model.predict(frame, 9)[mixed.index], rtol=1e-13)


def test_frames_and_arrays():
    frame = on_days(300)
    expected = ParetoNBD().fit(frame).params_
    assert ParetoNBD().fit(frame.to_numpy()).params_ == expected
    assert ParetoNBD().fit(frame.assign(note="text")[["T", "note", "recency", "frequency"]]).params_ == expected


def test_sandwich_agrees_with_the_hessian_where_the_model_is_true():
    frame = histories(40_000)
    one = ParetoNBD().fit(frame).standard_errors_
    other = ParetoNBD(covariance="sandwich").fit(frame).standard_errors_
    assert_allclose(list(other.values()), list(one.values()), rtol=0.1)


# ------------------------------------------------------------------ intervals


def _coverage(runs: int, seed: int) -> tuple[pd.Series, pd.Series]:
    """Return the share of intervals that hold the truth, and their mean width, per parameter and prediction."""
    truth = {"r": 1.5, "alpha": 6.0, "s": 1.2, "beta": 15.0}
    true_model = ParetoNBD.from_params(truth)
    asked = pd.DataFrame({"frequency": [3], "recency": [20.0], "T": [30.0]})
    expected = true_model.predict(asked, 26)[0]
    held, width = [], []
    for run in range(runs):
        fitted = ParetoNBD().fit(true_model.simulate(T=52, n_customers=1000, random_state=(seed + run) % 2**32))
        table = fitted.summary()
        low, high = fitted.predict_interval(asked, 26)[0]
        inside = (table["lower"] <= pd.Series(truth)) & (pd.Series(truth) <= table["upper"])
        held.append([*inside, low <= expected <= high])
        width.append([*(table["upper"] - table["lower"]), high - low])
    names = [*truth, "expected purchases"]
    return pd.Series(np.mean(held, axis=0), names), pd.Series(np.mean(width, axis=0), names)


def test_intervals_cover(record_property):
    held, width = _coverage(400, zlib.crc32(b"test_intervals_cover"))
    record_property("coverage", held.to_dict())
    record_property("mean_width", width.to_dict())
    assert held.between(0.91, 0.9825).all(), held


@pytest.mark.slow
def test_intervals_cover_in_full(record_property):
    held, width = _coverage(2000, zlib.crc32(b"test_intervals_cover_in_full"))
    record_property("coverage", held.to_dict())
    record_property("mean_width", width.to_dict())
    assert held.between(0.9335, 0.9655).all(), held


# ------------------------------------------------------------------ covariates


def test_covariates_come_back():
    generator = np.random.default_rng(0)
    n = 40_000
    z = pd.DataFrame({"young": generator.integers(0, 2, n), "score": generator.normal(size=n).round(1)})
    truth = {
        "r": 0.9, "alpha": 6.0, "alpha[young]": 0.5, "alpha[score]": -0.3,
        "s": 1.0, "beta": 12.0, "beta[young]": 0.4,
    }  # fmt: skip
    options = {"purchase_covariates": ["young", "score"], "dropout_covariates": "young"}
    model = ParetoNBD.from_params(truth, **options)
    frame = model.simulate(np.full(n, 52.0), random_state=1, covariates=z).join(z)
    fitted = ParetoNBD(**options).fit(frame)
    assert fitted.converged_
    for name, value in truth.items():
        assert abs(fitted.params_[name] - value) < 4 * fitted.standard_errors_[name], name
    assert_allclose(fitted.log_likelihood(frame).sum(), fitted.loglik_, rtol=1e-11)
    # A row predicts like a model without covariates that has its parameters.
    last, p = frame.iloc[[-1]], fitted.params_
    young, score = last["young"].item(), last["score"].item()
    alone = ParetoNBD.from_params(
        {
            "r": p["r"],
            "alpha": p["alpha"] * np.exp(-p["alpha[young]"] * young - p["alpha[score]"] * score),
            "s": p["s"],
            "beta": p["beta"] * np.exp(-p["beta[young]"] * young),
        }
    )
    for method in ("predict", "predict_alive_probability", "predict_no_purchase_probability"):
        assert_allclose(getattr(fitted, method)(last, 10), getattr(alone, method)(last, 10), rtol=1e-10)
    assert_allclose(fitted.predict_new(10.0, covariates=last), alone.predict_new(10.0), rtol=1e-10)
    with pytest.raises(ParameterError, match=r"fitted with the covariates young, score"):
        fitted.simulate(52.0, n_customers=3)


def test_a_covariate_that_does_not_vary_tells_nothing():
    fitted = ParetoNBD(dropout_covariates="one").fit(on_days(500).assign(one=1.0))
    assert not fitted.converged_
    assert "the data do not determine beta[one]: " in fitted.reason_


# ------------------------------------------------------------------ edges of the parameter space


def test_nobody_leaves():
    generator = np.random.default_rng(0)
    T = np.full(500, 50.0)
    x = generator.poisson(generator.gamma(2, 1, 500) * 10) + 1
    fitted = ParetoNBD().fit(pd.DataFrame({"frequency": x, "recency": T, "T": T}))
    assert not fitted.converged_
    assert "the maximum lies at the boundary" in fitted.reason_
    assert "s runs to 0" in fitted.reason_ or "beta runs to infinity" in fitted.reason_
    assert "nobody seems to leave" in fitted.reason_


def test_all_buy_and_leave_alike():
    """Without heterogeneity r and alpha, s and beta run off together; the search says so and returns."""
    generator = np.random.default_rng(0)
    T = np.full(2000, 50.0)
    end = np.minimum(T, generator.exponential(25, 2000))
    x = generator.poisson(0.5 * end)
    last = np.where(x > 0, end * generator.uniform(size=2000) ** (1 / np.maximum(x, 1)), 0)
    fitted = ParetoNBD().fit(pd.DataFrame({"frequency": x, "recency": last, "T": T}))
    assert np.isfinite(fitted.loglik_)
    assert all(np.isfinite(value) and value > 0 for value in fitted.params_.values())
    assert fitted.converged_ or fitted.reason_


def test_a_limit_of_iterations_is_named():
    fitted = ParetoNBD(max_iter=1).fit(on_days(300))
    assert not fitted.converged_
    assert fitted.reason_ == "the limit of iterations was reached"


def test_a_ridge_pulls_towards_one():
    frame = on_days(300)
    free, held = ParetoNBD().fit(frame), ParetoNBD(l2=10.0).fit(frame)
    assert abs(np.log(held.s_)) < abs(np.log(free.s_)) + 1e-9
    assert held.loglik_ < free.loglik_


# ------------------------------------------------------------------ what is refused, and the frame around it


def test_bad_histories_and_questions():
    model = ParetoNBD.from_params(PAPER)
    with pytest.raises(DataError, match=r"'recency' is larger than 'T' in 1 of 3 rows \(first: row 2"):
        ParetoNBD().fit(pd.DataFrame({"frequency": [0, 1, 2], "recency": [0.0, 2.0, 9.0], "T": [3.0, 4.0, 5.0]}))
    with pytest.raises(ParameterError, match=r"neither t nor the horizon of ParetoNBD is given"):
        model.predict(CUSTOMER)
    with pytest.raises(ParameterError, match=r"discount_rate=0.0 does not discount"):
        model.predict_discounted(CUSTOMER, discount_rate=0)
    with pytest.raises(ParameterError, match=r"T has the shape \(2,\) and n_customers is 3"):
        model.simulate(T=[1, 2], n_customers=3)
    with pytest.raises(ParameterError, match=r"differ in a, s; exactly these were expected: r, alpha, s, beta"):
        ParetoNBD.from_params({"r": 1, "alpha": 1, "a": 1, "beta": 1})


def test_a_fitted_model_is_small():
    fitted = ParetoNBD(horizon=5).fit(on_days(5000))
    stored = pickle.dumps(fitted)
    assert len(stored) < 4096
    frame = on_days(5, seed=1)
    assert np.array_equal(pickle.loads(stored).predict(frame), fitted.predict(frame, 5))
    assert clone(fitted).get_params() == fitted.get_params()
