"""BG/NBD and MBG/NBD: the published numbers, the known traps, and what must always hold."""

from __future__ import annotations

import pickle
import zlib
from itertools import pairwise

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import churnlib as cl
from churnlib.clv import BGNBD, MBGNBD
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError

PAPER = {"r": 0.242593, "alpha": 4.413532, "a": 0.792886, "b": 2.425752}
MODELS = [BGNBD, MBGNBD]


def histories(model, n=1500, *, T=52.0, seed=0) -> pd.DataFrame:
    return model.from_params(PAPER).simulate(T=T, n_customers=n, random_state=seed)


# ------------------------------------------------------------------ published numbers


@pytest.mark.parametrize(
    ("model", "expected", "loglik"),
    [
        # Fader, Hardie and Lee (2005): .243, 4.414, .793, 2.426, LL -9582.4; more digits from the rounded table.
        (BGNBD, [0.242593, 4.413532, 0.792886, 2.425752], -9582.42556),
        # .525, 6.183, .891, 1.614 in the tests of other packages.
        (MBGNBD, [0.524838, 6.182988, 0.891356, 1.614000], -9582.13268),
    ],
)
def test_cdnow_from_the_rounded_table(cdnow_table, model, expected, loglik):
    fitted = model().fit(cdnow_table)
    assert_allclose(list(fitted.params_.values()), expected, atol=1e-4)
    assert_allclose(fitted.loglik_, loglik, rtol=1e-6)
    assert fitted.converged_
    assert fitted.reason_ == "Newton's decrement is within the tolerance"


@pytest.mark.parametrize(
    ("model", "expected", "loglik"),
    [
        (BGNBD, [0.242595, 4.413602, 0.792922, 2.425907], -9582.42921),
        (MBGNBD, [0.524843, 6.183084, 0.891360, 1.614003], -9582.135716),
    ],
)
def test_cdnow_from_the_purchases(cdnow_log, model, expected, loglik):
    assert (len(cdnow_log), cdnow_log["frequency"].sum()) == (2357, 2457)
    fitted = model().fit(cdnow_log)
    assert_allclose(list(fitted.params_.values()), expected, atol=1e-4)
    assert_allclose(fitted.loglik_, loglik, rtol=1e-6)


CUSTOMER = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})


def test_what_the_papers_say_of_one_customer(cdnow_table):
    fitted = BGNBD().fit(cdnow_table)
    assert_allclose(fitted.predict(CUSTOMER, 39), 1.2259, atol=5e-5)
    assert_allclose(fitted.predict_alive_probability(CUSTOMER), 0.7266, atol=5e-5)
    assert_allclose(fitted.predict_discounted(CUSTOMER, discount_rate=0.0027), 5.156, atol=5e-4)
    modified = MBGNBD().fit(cdnow_table)
    assert_allclose(modified.predict(CUSTOMER, 39), 1.2627, atol=5e-5)
    assert_allclose(modified.predict_alive_probability(CUSTOMER), 0.7061, atol=5e-5)
    once = pd.DataFrame({"frequency": [0], "recency": [0], "T": [38.86]})
    assert_allclose(modified.predict_alive_probability(once), 0.3897, atol=5e-5)


def test_purchases_of_newcomers_as_in_the_spreadsheet(cdnow_table):
    fitted = BGNBD().fit(cdnow_table)
    times = [0.1429, 1, 3, 31.8571, 32, 78]
    assert_allclose(fitted.predict_new(times), [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8580], atol=5e-5)


# ------------------------------------------------------------------ formulas against other ways to compute them


def closed_form(x, T, t, params, extra):
    """Return the expected purchases of a living customer by the papers' hypergeometric function, 40 digits."""
    with mpmath.workdps(40):
        r, alpha, a, b, t, T = (mpmath.mpf(v) for v in (*params.values(), t, T))
        shape, coins = r + x, b + x + extra
        c = a + coins - 1
        tail = ((alpha + T) / (alpha + T + t)) ** shape * mpmath.hyp2f1(shape, coins, c, t / (alpha + T + t))
        return c / (a - 1) * (1 - tail)


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("a", [0.05, 0.7929, 0.999, 1 - 1e-9, 1 + 1e-13, 1.001, 3.0, 40.0])
@pytest.mark.parametrize("t", [0.01, 39.0, 2000.0])
def test_expected_purchases_have_no_pole(a, t, extra):
    model = MODELS[extra].from_params(PAPER | {"a": a})
    x = np.array([0, 2, 30])
    frame = pd.DataFrame({"frequency": x, "recency": np.where(x > 0, 30.0, 0), "T": 38.86})
    expected = [float(closed_form(int(count), 38.86, t, model.params_, extra)) for count in x]
    assert_allclose(model.predict(frame, t), expected * model.predict_alive_probability(frame), rtol=1e-10)


@pytest.mark.parametrize("model", MODELS)
def test_continuous_through_a_equal_to_one(model):
    at = [model.from_params(PAPER | {"a": a}).predict(CUSTOMER, 39)[0] for a in (1 - 1e-10, 1.0, 1 + 1e-13, 1 + 1e-10)]
    assert np.all(np.isfinite(at))
    assert_allclose(at, at[1], rtol=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_discounted_purchases_against_the_integral(model):
    fitted = model.from_params(PAPER)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    ends = np.concatenate([[0], np.geomspace(0.5, 40 / 0.01, 12)])
    total = 0.0
    for low, high in pairwise(ends):
        u = low + (high - low) * (nodes + 1) / 2
        expected = np.array([fitted.predict(CUSTOMER, t)[0] for t in u])
        total += (high - low) / 2 * weights @ (0.01 * np.exp(-0.01 * u) * expected)
    assert_allclose(fitted.predict_discounted(CUSTOMER, discount_rate=0.01), total, rtol=1e-8)


@pytest.mark.parametrize("model", MODELS)
def test_gradient_and_hessian_against_differences(model):
    data, _ = model()._read(histories(model, 300).assign(z=lambda f: np.arange(len(f)) % 3), reset=True)
    problem = model()._problem(data.unique(None), 10 / 52)
    theta, step = np.array([-0.4, 0.3, 0.2, 0.9]), 1e-5
    _, gradient, hessian = problem.evaluate(theta)
    for j in range(4):
        up, down = (problem.evaluate(theta + sign * step * np.eye(4)[j]) for sign in (1, -1))
        assert_allclose(gradient[j], (up[0] - down[0]) / (2 * step), rtol=1e-6, atol=1e-6)
        assert_allclose(hessian[j], (up[1] - down[1]) / (2 * step), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("model", MODELS)
def test_tables_equal_rows(model):
    """The fast sums and the row-by-row derivatives are two derivations of one likelihood."""
    data, _ = model()._read(histories(model, 400), reset=True)
    problem = model()._problem(data.unique(None), 10 / 52)
    theta = np.array([-0.4, 0.3, 0.2, 0.9])
    for fast, slow in zip(problem.evaluate(theta), super(type(problem), problem).evaluate(theta), strict=True):
        assert_allclose(fast, slow, rtol=1e-9, atol=1e-9)
    gradients, weight = problem.scores(theta)
    assert_allclose(gradients @ weight, problem.evaluate(theta)[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_log_likelihood_adds_up(model):
    frame = histories(model)
    fitted = model().fit(frame)
    assert_allclose(fitted.log_likelihood(frame).sum(), fitted.loglik_, rtol=1e-12)
    assert_allclose(fitted.score(frame) * len(frame), fitted.loglik_, rtol=1e-12)
    assert_allclose(fitted.aic_, 8 - 2 * fitted.loglik_)
    assert_allclose(fitted.bic_, 4 * np.log(len(frame)) - 2 * fitted.loglik_)


def test_likelihood_and_expectation_of_lifetimes(cdnow_table):
    lifetimes = pytest.importorskip("lifetimes", reason="the older package is not installed")
    peer = lifetimes.BetaGeoFitter().fit(cdnow_table["frequency"], cdnow_table["recency"], cdnow_table["T"])
    ours = BGNBD.from_params(dict(peer.params_))
    theirs = peer.conditional_expected_number_of_purchases_up_to_time(
        39, cdnow_table["frequency"], cdnow_table["recency"], cdnow_table["T"]
    )
    assert_allclose(ours.predict(cdnow_table, 39), theirs, rtol=1e-8)
    alive = peer.conditional_probability_alive(cdnow_table["frequency"], cdnow_table["recency"], cdnow_table["T"])
    assert_allclose(ours.predict_alive_probability(cdnow_table), alive, rtol=1e-8)


# ------------------------------------------------------------------ what must always hold

params = st.fixed_dictionaries(
    {
        "r": st.floats(0.05, 20),
        "alpha": st.floats(0.1, 200),
        "a": st.floats(0.05, 30),
        "b": st.floats(0.05, 30),
    }
)


@st.composite
def customers(draw):
    T = draw(st.floats(0.5, 500))
    x = draw(st.integers(0, 40))
    tx = 0.0 if x == 0 else max(T * draw(st.floats(0.001, 1)), 1e-3)
    return pd.DataFrame({"frequency": [x], "recency": [min(tx, T)], "T": [T]})


@pytest.mark.parametrize("model", MODELS)
@given(given_params=params, X=customers(), t=st.floats(0.01, 1000))
def test_distributions_agree_with_each_other(model, given_params, X, t):
    fitted = model.from_params(given_params)
    expected = fitted.predict(X, t)[0]
    alive, later = fitted.predict_alive_probability(X)[0], fitted.predict_alive_probability(X, t)[0]
    silent = fitted.predict_no_purchase_probability(X, t)[0]
    assert 0 <= later <= alive + 1e-12 <= 1 + 2e-12
    assert 1 - alive - 1e-12 <= silent <= 1
    assert fitted.predict_no_purchase_probability(X, 2 * t)[0] <= silent + 1e-12
    pmf = fitted.predict_purchase_distribution(X, t, largest=300)[0]
    assert np.all(pmf >= -1e-15)
    assert pmf.sum() <= 1 + 1e-10
    assert_allclose(pmf[0], silent, rtol=1e-9)
    beyond = 1 - pmf.sum()
    assert pmf @ np.arange(301) <= expected * (1 + 1e-9) + 1e-12
    if beyond < 1e-13 * 300:
        assert_allclose(pmf.sum(), 1, rtol=1e-9)
        assert_allclose(pmf @ np.arange(301), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_silence_is_the_ratio_of_two_likelihoods(model):
    fitted, X = model.from_params(PAPER), histories(model, 50)
    longer = X.assign(T=X["T"] + 13)
    ratio = np.exp(fitted.log_likelihood(longer) - fitted.log_likelihood(X))
    assert_allclose(fitted.predict_no_purchase_probability(X, 13), ratio, rtol=1e-10)


@pytest.mark.parametrize("model", MODELS)
def test_simulation_agrees_with_the_formulas(model):
    fitted = model.from_params(PAPER)
    drawn = fitted.simulate(T=52, n_customers=200_000, random_state=3)
    shares = np.bincount(np.minimum(drawn["frequency"], 11), minlength=12)[:11] / len(drawn)
    expected = fitted.predict_new_distribution(52.0)[0]
    assert np.all(np.abs(shares - expected) < 4.5 * np.sqrt(expected / len(drawn)))
    error = drawn["frequency"].std() / np.sqrt(len(drawn))
    assert abs(drawn["frequency"].mean() - fitted.predict_new(52.0)[0]) < 4 * error


@pytest.mark.parametrize("model", MODELS)
def test_parameters_come_back(model):
    fitted = model().fit(histories(model, 60_000, T=np.random.default_rng(1).uniform(20, 80, 60_000), seed=5))
    for name, value in PAPER.items():
        assert abs(fitted.params_[name] - value) < 4 * fitted.standard_errors_[name], name


# ------------------------------------------------------------------ invariances


@pytest.mark.parametrize("model", MODELS)
def test_days_or_weeks(model):
    weeks = histories(model)
    days = weeks.assign(recency=weeks["recency"] * 7, T=weeks["T"] * 7)
    by_week, by_day = model().fit(weeks), model().fit(days)
    for name in ("r", "a", "b"):
        assert_allclose(by_day.params_[name], by_week.params_[name], rtol=1e-8)
    assert_allclose(by_day.alpha_, 7 * by_week.alpha_, rtol=1e-8)
    assert_allclose(by_day.loglik_, by_week.loglik_ - weeks["frequency"].sum() * np.log(7), rtol=1e-10)
    assert_allclose(by_day.predict(days, 70), by_week.predict(weeks, 10), rtol=1e-7)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("covariance", ["hessian", "sandwich"])
def test_weights_are_repeated_rows(model, covariance):
    frame = histories(model, 400)
    weight = np.random.default_rng(0).integers(0, 4, len(frame))
    weighted = model(covariance=covariance).fit(frame, sample_weight=weight)
    repeated = model(covariance=covariance).fit(frame.loc[frame.index.repeat(weight)])
    assert_allclose(list(weighted.params_.values()), list(repeated.params_.values()), rtol=1e-9)
    assert_allclose(weighted.loglik_, repeated.loglik_, rtol=1e-12)
    assert_allclose(weighted.covariance_, repeated.covariance_, rtol=1e-7)
    assert weighted.n_customers_ == weight.sum()


@pytest.mark.parametrize("model", MODELS)
def test_the_order_of_rows_does_not_matter(model):
    frame = histories(model)
    mixed = frame.sample(frac=1, random_state=2)
    assert model().fit(mixed).params_ == model().fit(frame).params_
    assert_allclose(model.from_params(PAPER).predict(mixed, 9), model.from_params(PAPER).predict(frame, 9)[mixed.index])


def test_frames_of_any_kind_and_arrays():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = histories(BGNBD, 300)
    expected = BGNBD().fit(frame).params_
    assert BGNBD().fit(frame.to_numpy()).params_ == expected
    assert (
        BGNBD().fit(polars.from_pandas(frame.assign(note="text")[["T", "note", "recency", "frequency"]])).params_
        == expected
    )


def test_sandwich_agrees_with_the_hessian_where_the_model_is_true():
    frame = histories(BGNBD, 60_000)
    one = BGNBD().fit(frame).standard_errors_
    other = BGNBD(covariance="sandwich").fit(frame).standard_errors_
    assert_allclose(list(other.values()), list(one.values()), rtol=0.1)


# ------------------------------------------------------------------ intervals


def _coverage(model, runs: int, seed: int) -> tuple[pd.Series, pd.Series]:
    """Return the share of intervals that hold the truth, and their mean width, per parameter and prediction."""
    truth = {"r": 0.8, "alpha": 6.0, "a": 1.2, "b": 3.0}
    true_model = model.from_params(truth)
    asked = pd.DataFrame({"frequency": [3], "recency": [20.0], "T": [30.0]})
    expected = true_model.predict(asked, 26)[0]
    held, width = [], []
    for run in range(runs):
        fitted = model().fit(true_model.simulate(T=52, n_customers=1500, random_state=seed + run))
        table = fitted.summary()
        low, high = fitted.predict_interval(asked, 26)[0]
        inside = (table["lower"] <= pd.Series(truth)) & (pd.Series(truth) <= table["upper"])
        held.append([*inside, low <= expected <= high])
        width.append([*(table["upper"] - table["lower"]), high - low])
    names = [*truth, "expected purchases"]
    return pd.Series(np.mean(held, axis=0), names), pd.Series(np.mean(width, axis=0), names)


@pytest.mark.parametrize("model", MODELS)
def test_intervals_cover(model, record_property):
    held, width = _coverage(model, 400, zlib.crc32(b"test_intervals_cover"))
    record_property("mean_width", width.to_dict())
    assert held.between(0.91, 0.9825).all(), held


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_intervals_cover_in_full(model, record_property):
    held, width = _coverage(model, 2000, zlib.crc32(b"test_intervals_cover_in_full"))
    record_property("mean_width", width.to_dict())
    assert held.between(0.9335, 0.9655).all(), held


# ------------------------------------------------------------------ covariates


@pytest.mark.parametrize("model", MODELS)
def test_covariates_come_back(model):
    generator = np.random.default_rng(0)
    n = 40_000
    z = pd.DataFrame({"young": generator.integers(0, 2, n), "score": generator.normal(size=n).round(1)})
    truth = {
        "r": 0.9, "alpha": 6.0, "alpha[young]": 0.5, "alpha[score]": -0.3,
        "a": 1.0, "a[young]": 0.4, "b": 3.0, "b[young]": -0.2,
    }  # fmt: skip
    groups = []
    for (young, score), rows in z.groupby(["young", "score"]):
        plain = {
            "r": truth["r"],
            "alpha": truth["alpha"] * np.exp(-0.5 * young + 0.3 * score),
            "a": truth["a"] * np.exp(0.4 * young),
            "b": truth["b"] * np.exp(-0.2 * young),
        }
        drawn = model.from_params(plain).simulate(T=52, n_customers=len(rows), random_state=int(rows.index[0]))
        groups.append(drawn.set_index(rows.index).join(rows))
    frame = pd.concat(groups)
    fitted = model(purchase_covariates=["young", "score"], dropout_covariates="young").fit(frame)
    assert fitted.converged_
    for name, value in truth.items():
        assert abs(fitted.params_[name] - value) < 4 * fitted.standard_errors_[name], name
    # A row predicts like a model without covariates that has its parameters.
    last = frame.iloc[[-1]]
    young, score = last["young"].item(), last["score"].item()
    p = fitted.params_
    alone = model.from_params(
        {
            "r": p["r"],
            "alpha": p["alpha"] * np.exp(-p["alpha[young]"] * young - p["alpha[score]"] * score),
            "a": p["a"] * np.exp(p["a[young]"] * young),
            "b": p["b"] * np.exp(p["b[young]"] * young),
        }
    )
    assert_allclose(fitted.predict(last, 10), alone.predict(last, 10), rtol=1e-10)
    assert_allclose(fitted.predict_new(10.0, covariates=last), alone.predict_new(10.0), rtol=1e-10)
    with pytest.raises(ParameterError, match=r"fitted with the covariates young, score"):
        fitted.predict_new(10.0)


def test_a_covariate_that_does_not_vary_tells_nothing():
    frame = histories(BGNBD, 500).assign(one=1.0)
    fitted = BGNBD(purchase_covariates="one").fit(frame)
    assert not fitted.converged_
    assert "the data do not determine alpha[one]: " in fitted.reason_


# ------------------------------------------------------------------ edges of the parameter space


def test_nobody_leaves():
    generator = np.random.default_rng(0)
    T = np.full(500, 50.0)
    x = generator.poisson(generator.gamma(2, 1, 500) * 10) + 1
    fitted = BGNBD().fit(pd.DataFrame({"frequency": x, "recency": T, "T": T}))
    assert not fitted.converged_
    assert "the maximum lies at the boundary" in fitted.reason_
    assert "a runs to 0" in fitted.reason_ or "b runs to infinity" in fitted.reason_


def test_a_limit_of_iterations_is_named():
    fitted = BGNBD(max_iter=1).fit(histories(BGNBD, 300))
    assert not fitted.converged_
    assert fitted.reason_ == "the limit of iterations was reached"


def test_a_ridge_pulls_towards_one():
    frame = histories(BGNBD, 300)
    free, held = BGNBD().fit(frame), BGNBD(l2=10.0).fit(frame)
    assert abs(np.log(held.a_)) < abs(np.log(free.a_))
    assert held.loglik_ < free.loglik_


# ------------------------------------------------------------------ what is refused

GOOD = pd.DataFrame(
    {"frequency": [0, 2, 1], "recency": [0.0, 5.0, 3.0], "T": [9.0, 8.0, 7.0]}, index=["ann", "bob", "cy"]
)


def changed(**columns) -> pd.DataFrame:
    frame = GOOD.astype(float)
    for name, value in columns.items():
        frame.loc["bob", name] = value
    return frame


@pytest.mark.parametrize(
    ("frame", "error", "match"),
    [
        (changed(recency=8.5), DataError, r"'recency' is larger than 'T' in 1 of 3 rows \(first: row 1, label 'bob'\)"),
        (changed(frequency=1.5), DataError, r"'frequency' is not a whole number in 1 of 3 rows \(first: row 1"),
        (changed(frequency=-1), DataError, r"Negative values in data: column 'frequency' is below 0 in 1 of 3"),
        (changed(T=np.nan), DataError, r"column 'T' is missing or infinite \(NaN or inf\) in 1 of 3 rows"),
        (changed(frequency=0), DataError, r"'recency' is 0 but 'frequency' is not.* in 1 of 3 rows"),
        (changed(frequency=0, recency=0, T=0), DataError, r"column 'T' is 0 in 1 of 3 rows \(first: row 1"),
        (GOOD.assign(frequency=0, recency=0.0), DataError, r"'frequency' is 0 in all 3 rows"),
        (GOOD.iloc[:1], DataError, r"1 sample tells nothing"),
        (GOOD.drop(columns="recency"), SchemaError, r"'recency'"),
        (GOOD.assign(T="long"), ParameterTypeError, r"column 'T' holds .*; numbers were expected"),
    ],
)
def test_bad_histories(frame, error, match):
    with pytest.raises(error, match=match):
        BGNBD().fit(frame)


def test_bad_arrays_and_weights():
    with pytest.raises(
        DataError, match=r"2 feature\(s\); an array holds 3 columns in this order: frequency, recency, T"
    ):
        BGNBD().fit(GOOD[["frequency", "T"]].to_numpy())
    with pytest.raises(DataError, match=r"sample_weight has the shape \(2,\); one weight for each of the 3 rows"):
        BGNBD().fit(GOOD, sample_weight=[1, 2])
    with pytest.raises(DataError, match=r"sample_weight is negative or not finite in 1 of 3 rows"):
        BGNBD().fit(GOOD, sample_weight=[1, -2, 1])
    with pytest.raises(DataError, match=r"sample_weight is zero in every row"):
        BGNBD().fit(GOOD, sample_weight=[0, 0, 0])


def test_bad_questions():
    model = BGNBD.from_params(PAPER)
    with pytest.raises(ParameterError, match=r"neither t nor the horizon of BGNBD is given"):
        model.predict(GOOD)
    with pytest.raises(ParameterError, match=r"t has the shape \(2,\); one number, or one for each of the 3 rows"):
        model.predict(GOOD, [1, 2])
    with pytest.raises(ParameterTypeError, match=r"t is '90d'; a number in the unit of T"):
        model.predict(GOOD, "90d")
    with pytest.raises(DataError, match=r"X is a list of 2 values; one row per customer with frequency, recency, T"):
        model.predict([12, 13], 9)
    with pytest.raises(ParameterTypeError, match=r"X is an EventLog; one row per customer with frequency, recency, T"):
        model.fit(cl.datasets.make_shop(n_customers=3, random_state=0).log)
    with pytest.raises(
        SchemaError, match=r"of the columns of X 'frequency', 'recency', 'T' are missing; .*\n.*rfm_summary"
    ):
        model.fit(pd.DataFrame({"recency_days": [1], "n_orders": [2], "spend_total": [3.0]}))
    with pytest.raises(SchemaError, match=r"of the columns of X 'T' stand twice"):
        model.fit(pd.concat([GOOD, GOOD[["T"]]], axis=1))
    with pytest.raises(ParameterError, match=r"t is negative or not finite"):
        model.predict(GOOD, -1)
    with pytest.raises(ParameterError, match=r"discount_rate=0.0 does not discount"):
        model.predict_discounted(GOOD, discount_rate=0)
    with pytest.raises(ParameterError, match=r"differ in beta, r; exactly these were expected: r, alpha, a, b"):
        BGNBD.from_params({"beta": 1, "alpha": 1, "a": 1, "b": 1})
    with pytest.raises(ParameterError, match=r"T has the shape \(2,\) and n_customers is 3"):
        model.simulate(T=[1, 2], n_customers=3)
    with pytest.raises(ParameterError, match=r"T is not positive and finite"):
        model.simulate(T=0)


def test_today_s_customer_is_a_newcomer():
    model = MBGNBD.from_params(PAPER)
    today = pd.DataFrame({"frequency": [0], "recency": [0], "T": [0]})
    assert_allclose(model.predict(today, 30), model.predict_new(30))
    assert model.set_params(horizon=30).predict(today) == model.predict(today, 30)


def test_one_time_buyers_are_the_less_alive_the_longer_they_are_silent():
    model = MBGNBD.from_params(PAPER)
    ages = np.array([0.0, 5.0, 38.86, 400.0])
    alive = model.predict_alive_probability(pd.DataFrame({"frequency": 0, "recency": 0, "T": ages}))
    r, alpha, a, b = PAPER.values()
    assert_allclose(alive, 1 / (1 + a / b * ((alpha + ages) / alpha) ** r), rtol=1e-12)
    assert alive[0] == pytest.approx(b / (a + b))


@pytest.mark.parametrize("model", MODELS)
def test_a_fitted_model_is_small(model):
    fitted = model().fit(histories(model, 5000))
    stored = pickle.dumps(fitted)
    assert len(stored) < 4096
    frame = histories(model, 5, seed=1)
    assert np.array_equal(pickle.loads(stored).predict(frame, 5), fitted.predict(frame, 5))
