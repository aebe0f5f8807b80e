import pickle
import zlib

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtri
from scipy.stats import gamma
from sklearn.base import clone

from churnlib.clv import GammaGamma
from churnlib.clv._gammagamma import _Problem, _Spends
from churnlib.exceptions import AssumptionWarning, DataError, ParameterError, ParameterTypeError, SchemaError

TRUTH = {"p": 6.25, "q": 3.74, "v": 15.44}


@pytest.fixture(scope="module")
def cdnow(data_dir) -> pd.DataFrame:
    table = pd.read_csv(data_dir / "cdnow_summary_gammagamma.csv.gz")
    return table.rename(columns={"x": "frequency", "zbar": "monetary_value"})


def spends(n: int = 2000, *, seed: int = 0, **params: float) -> pd.DataFrame:
    frequency = np.random.default_rng(seed).geometric(0.4, n) - 1
    return GammaGamma.from_params(TRUTH | params).simulate(frequency, random_state=seed)


# ---------------------------------------------------------------------- published numbers


def test_cdnow_from_the_rounded_table(cdnow):
    # reference values of the rounded table; 6.25, 3.74, 15.44 in Fader and Hardie (2013)
    model = GammaGamma().fit(cdnow)
    assert [model.p_, model.q_, model.v_] == pytest.approx([6.248802, 3.744588, 15.447748], rel=1e-6)
    assert model.loglik_ == pytest.approx(-4055.92324, abs=5e-6)
    assert model.predict_new() == pytest.approx(35.1710, abs=5e-5)
    assert model.correlation_ == pytest.approx(0.1139, abs=5e-5)
    assert model.correlation_interval_[0] < 0.1139 < model.correlation_interval_[1]
    assert (model.n_customers_, model.n_left_out_) == (946, 2357 - 946)
    assert model.converged_
    expected = [24.66, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert model.predict(cdnow)[:10].round(2).tolist() == expected


def test_cdnow_from_the_raw_log(data_dir):
    from churnlib.clv import rfm_summary

    orders = pd.read_csv(data_dir / "cdnow_sample_transactions.csv.gz")
    summary = rfm_summary(orders, customer="sample_id", time="date", amount="spend", cutoff="1997-10-01")
    model = GammaGamma().fit(summary)
    assert [model.p_, model.q_, model.v_] == pytest.approx([6.249571, 3.744225, 15.443523], rel=2e-6)
    assert model.loglik_ == pytest.approx(-4055.91769, abs=1e-4)  # CLVTools: -4055.9177
    # Hardie's note 25
    expected = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert model.predict(summary)[:10].round(2).tolist() == expected


def test_lifetimes_finds_the_same_maximum(cdnow):
    lifetimes = pytest.importorskip("lifetimes")
    repeats = cdnow[cdnow["frequency"] > 0]
    other = lifetimes.GammaGammaFitter().fit(repeats["frequency"], repeats["monetary_value"])
    assert GammaGamma().fit(cdnow).params_ == pytest.approx(dict(other.params_), rel=1e-4)


# ---------------------------------------------------------------------- the likelihood


def test_the_likelihood_is_the_integral_over_the_customers_rates():
    model = GammaGamma.from_params(TRUTH)
    X = pd.DataFrame({"frequency": [1, 2, 7], "monetary_value": [12.0, 80.0, 35.5]})
    for row, found in zip(X.itertuples(), model.log_likelihood(X), strict=True):
        x, m = row.frequency, row.monetary_value

        def density(rate, x=x, m=m):
            return gamma.pdf(m, model.p_ * x, scale=1 / (x * rate)) * gamma.pdf(rate, model.q_, scale=1 / model.v_)

        assert found == pytest.approx(np.log(quad(density, 0, np.inf, epsabs=0)[0]), rel=1e-7)


def test_the_expectation_is_the_mean_of_the_posterior():
    model = GammaGamma.from_params(TRUTH)
    x, m = 3, 80.0

    def weight(rate):
        return gamma.pdf(m, model.p_ * x, scale=1 / (x * rate)) * gamma.pdf(rate, model.q_, scale=1 / model.v_)

    mean = quad(lambda rate: model.p_ / rate * weight(rate), 0, np.inf)[0] / quad(weight, 0, np.inf)[0]
    assert model.predict([[x, m]])[0] == pytest.approx(mean, rel=1e-8)


@pytest.mark.parametrize("floor", [0.0, 1.0])
def test_gradient_and_hessian_are_derivatives(floor):
    X = spends(300)
    X = X[X["frequency"] > 0]
    weight = np.random.default_rng(1).random(len(X))
    problem = _Problem(_Spends.of(X["frequency"].to_numpy(float), X["monetary_value"].to_numpy(), weight), floor=floor)
    theta = np.array([1.3, 0.8, -0.6])
    _, gradient, hessian = problem.evaluate(theta)
    step = np.eye(3) * 1e-5
    slopes = [(problem.evaluate(theta + h)[0] - problem.evaluate(theta - h)[0]) / 2e-5 for h in step]
    bends = [(problem.evaluate(theta + h)[1] - problem.evaluate(theta - h)[1]) / 2e-5 for h in step]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(hessian, bends, rtol=1e-6, atol=1e-5)
    rows, weights = problem.scores(theta)
    np.testing.assert_allclose(rows @ weights, gradient, rtol=1e-9, atol=1e-9)


def test_the_log_likelihood_of_the_fit_is_that_of_the_rows():
    X = spends()
    model = GammaGamma().fit(X)
    assert model.log_likelihood(X).sum() == pytest.approx(model.loglik_, rel=1e-12)
    assert model.score(X) == pytest.approx(model.loglik_ / model.n_customers_, rel=1e-12)


# ---------------------------------------------------------------------- invariances


def test_money_in_cents_changes_v_only():
    X = spends()
    model, cents = GammaGamma().fit(X), GammaGamma().fit(X.assign(monetary_value=X["monetary_value"] * 100))
    assert [cents.p_, cents.q_, cents.v_ / 100] == pytest.approx([model.p_, model.q_, model.v_], rel=1e-9)
    assert cents.loglik_ == pytest.approx(model.loglik_ - model.n_customers_ * np.log(100), rel=1e-12)
    assert cents.correlation_ == pytest.approx(model.correlation_, rel=1e-9)


@pytest.mark.parametrize("covariance", ["hessian", "sandwich"])
def test_weights_are_repeated_rows(covariance):
    X = spends(500)
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    weighted = GammaGamma(covariance=covariance).fit(X, sample_weight=weight)
    repeated = GammaGamma(covariance=covariance).fit(X.loc[X.index.repeat(weight)])
    assert weighted.params_ == pytest.approx(repeated.params_, rel=1e-10)
    np.testing.assert_allclose(weighted.covariance_, repeated.covariance_, rtol=1e-8)
    assert weighted.loglik_ == pytest.approx(repeated.loglik_, rel=1e-12)
    assert weighted.correlation_ == pytest.approx(repeated.correlation_, rel=1e-10)
    assert (weighted.n_customers_, weighted.n_left_out_) == (repeated.n_customers_, repeated.n_left_out_)
    assert weighted.score(X, sample_weight=weight) == pytest.approx(repeated.score(X.loc[X.index.repeat(weight)]))


def test_the_order_of_rows_does_not_matter():
    X = spends(50_000)  # enough to begin at the maximum of a part of them
    shuffled = X.sample(frac=1, random_state=0)
    assert GammaGamma().fit(shuffled).params_ == pytest.approx(GammaGamma().fit(X).params_, rel=1e-9)


def test_frames_and_arrays_say_the_same():
    X = spends(200)
    model = GammaGamma().fit(X)
    for other in (X.to_numpy(), pl.from_pandas(X), X.assign(T=3.0)[["T", "monetary_value", "frequency"]]):
        again = GammaGamma().fit(other)
        assert again.params_ == pytest.approx(model.params_, rel=1e-12)
        np.testing.assert_allclose(again.predict(other), model.predict(X))


def test_rows_without_a_repeat_tell_nothing_whatever_they_hold():
    X = spends(500)
    model = GammaGamma().fit(X)
    none = X["frequency"] == 0
    for filler in (np.nan, -1.0, 1e9):
        strange = X.assign(monetary_value=X["monetary_value"].mask(none, filler))
        assert GammaGamma().fit(strange).params_ == model.params_
        assert model.predict(strange)[none].tolist() == [model.predict_new()] * int(none.sum())
        assert not model.log_likelihood(strange)[none].any()


@given(st.integers(1, 200), st.floats(0.01, 1e5))
def test_a_mean_is_shrunk_towards_that_of_all(x, m):
    model = GammaGamma.from_params(TRUTH)
    all_of_them = model.predict_new()
    found = model.predict([[x, m]])[0]
    assert min(m, all_of_them) - 1e-9 <= found <= max(m, all_of_them) + 1e-9
    assert abs(model.predict([[x + 1, m]])[0] - m) <= abs(found - m) + 1e-9


# ---------------------------------------------------------------------- estimates and their errors


def test_parameters_are_recovered():
    model = GammaGamma().fit(spends(20_000, seed=3))
    for name, value in TRUTH.items():
        assert abs(model.params_[name] - value) < 4 * model.standard_errors_[name]


def test_the_sandwich_agrees_where_the_model_is_true():
    X = spends(20_000)
    errors = GammaGamma().fit(X).standard_errors_
    assert GammaGamma(covariance="sandwich").fit(X).standard_errors_ == pytest.approx(errors, rel=0.1)


def cover(n_simulations: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit simulated customers; return who is covered and how wide the intervals are.

    Columns: the mean of all, that of a customer with two purchases, and the parameters.
    """
    truth = GammaGamma.from_params(TRUTH)
    who = pd.DataFrame({"frequency": [0, 2], "monetary_value": [0.0, 60.0]})
    target = np.append(truth.predict(who), list(TRUTH.values()))
    frequency = np.arange(4800) % 6
    generator = np.random.RandomState(seed)
    hits, widths = [], []
    for _ in range(n_simulations):
        model = GammaGamma().fit(truth.simulate(frequency, random_state=generator))
        ends = np.vstack([model.predict_interval(who), model.summary()[["lower", "upper"]]])
        hits.append((ends[:, 0] <= target) & (target <= ends[:, 1]))
        widths.append(ends[:, 1] - ends[:, 0])
    return np.mean(hits, axis=0), np.mean(widths, axis=0)


def test_intervals_cover(record_property):
    covered, width = cover(400, zlib.crc32(b"test_intervals_cover"))
    record_property("coverage", covered.tolist())
    record_property("mean_width", width.tolist())
    assert np.all((covered >= 0.91) & (covered <= 0.9825)), covered


@pytest.mark.slow
def test_intervals_cover_in_full(record_property):
    covered, width = cover(2000, zlib.crc32(b"test_intervals_cover_in_full"))
    record_property("coverage", covered.tolist())
    record_property("mean_width", width.tolist())
    assert np.all((covered >= 0.9335) & (covered <= 0.9655)), covered


def test_the_interval_is_the_delta_method():
    X = spends(500)
    model = GammaGamma().fit(X)
    by_differences = model._delta_error(
        lambda params: np.log(model._mean(X["frequency"].to_numpy(), X["monetary_value"].to_numpy(), params))
    )
    ends = np.log(model.predict_interval(X, confidence=0.8))
    np.testing.assert_allclose((ends[:, 1] - ends[:, 0]) / 2, ndtri(0.9) * by_differences, rtol=1e-5)
    assert np.isnan(GammaGamma(covariance=None).fit(X).predict_interval(X)).all()


# ---------------------------------------------------------------------- infinite means, and assumptions


def test_an_infinite_mean_is_infinite_and_said():
    with pytest.warns(AssumptionWarning, match="q = .* is not above 1, so the mean spend over all"):
        model = GammaGamma().fit(spends(4000, q=0.8, seed=2))
    assert model.q_ < 1
    assert model.predict_new() == np.inf
    X = pd.DataFrame({"frequency": [0, 1, 0], "monetary_value": [0.0, 10.0, 0.0]})
    with pytest.warns(AssumptionWarning, match="expected spend of 2 of 3 customers is infinite"):
        mean = model.predict(X)
    assert mean[0] == np.inf
    assert 0 < mean[1] < np.inf
    assert np.isnan(model.predict_interval(X)[0]).all()


def test_q_can_be_kept_above_1():
    X = spends(4000, q=1.3, seed=2)
    free, kept = GammaGamma().fit(X), GammaGamma(finite_mean=True).fit(X)
    assert kept.params_ == pytest.approx(free.params_, rel=1e-7)  # the maximum is the same where q > 1
    assert kept.standard_errors_ == pytest.approx(free.standard_errors_, rel=1e-4)
    assert (kept.summary().loc["q", "lower"] > 1) > (free.summary().loc["q", "lower"] > 2)
    heavy = GammaGamma(finite_mean=True).fit(spends(4000, q=0.8, seed=2))
    assert heavy.q_ >= 1
    assert heavy.predict_new() > 0
    assert not heavy.converged_
    assert "q runs to 1" in heavy.reason_


def test_a_correlation_of_spend_and_frequency_is_said():
    X = spends(500)
    X["monetary_value"] = X["monetary_value"] * (1 + X["frequency"]) ** 1.5
    with pytest.warns(AssumptionWarning, match=r"correlate by 0\.\d\d \(95 % interval 0\.\d\d to 0\.\d\d\)"):
        model = GammaGamma().fit(X)
    known = X[X["frequency"] > 0]
    r = np.corrcoef(known["frequency"], known["monetary_value"])[0, 1]
    assert model.correlation_ == pytest.approx(r, rel=1e-12)
    half = ndtri(0.975) / np.sqrt(len(known) - 3)
    assert model.correlation_interval_ == pytest.approx((np.tanh(np.arctanh(r) - half), np.tanh(np.arctanh(r) + half)))


def test_the_interval_of_the_correlation_covers(record_property):
    """Under the model frequency and spend have nothing to do with each other: the truth is 0."""
    generator, truth = np.random.RandomState(zlib.crc32(b"correlation")), GammaGamma.from_params(TRUTH)
    ends = []
    for _ in range(400):
        frequency = 1 + generator.poisson(generator.gamma(1.0, 2.0, 400))
        ends.append(GammaGamma(covariance=None).fit(truth.simulate(frequency, random_state=generator)))
    low, high = np.array([model.correlation_interval_ for model in ends]).T
    covered = float(np.mean((low <= 0) & (high >= 0)))
    record_property("coverage", covered)
    record_property("mean_width", float(np.mean(high - low)))
    assert 0.91 <= covered <= 0.9825


def test_customers_of_no_weight_do_not_count():
    X = spends(300)
    few = np.flatnonzero(X["frequency"] > 0)[:1]
    weight = np.isin(np.arange(300), few).astype(float)
    with pytest.raises(DataError, match=r"n_samples = 1"):
        GammaGamma().fit(X, sample_weight=weight)
    with pytest.raises(DataError, match=r"'frequency' is 0 in all 300 rows that count"):
        GammaGamma().fit(X, sample_weight=(X["frequency"] == 0).astype(float))


def test_a_correlation_needs_variation():
    model = GammaGamma().fit(spends(200).assign(frequency=2, monetary_value=lambda X: X["monetary_value"] + 0.1))
    assert np.isnan(model.correlation_)
    assert np.isnan(model.correlation_interval_).all()


def test_equal_spends_have_their_maximum_at_the_boundary():
    model = GammaGamma().fit(pd.DataFrame({"frequency": [1, 2, 3, 4], "monetary_value": 20.0}))
    assert not model.converged_
    assert "boundary" in model.reason_ or "flat" in model.reason_
    X = pd.DataFrame({"frequency": [0, 3], "monetary_value": [0.0, 20.0]})
    assert model.predict(X) == pytest.approx([20.0, 20.0], rel=1e-3)


# ---------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("monetary_value", -3.0, r"Negative values in data: column 'monetary_value' is below 0 in 1 of 4 .*row 2"),
        ("monetary_value", 0.0, r"column 'monetary_value' is 0 where 'frequency' is not in 1 of 4 rows .*row 2"),
        ("monetary_value", np.nan, r"column 'monetary_value' is missing or infinite .* in 1 of 4 rows .*row 2"),
        ("monetary_value", np.inf, r"column 'monetary_value' is missing or infinite .* in 1 of 4 rows .*row 2"),
        ("frequency", 1.5, r"column 'frequency' is not a whole number in 1 of 4 rows .*row 2, who 'c'"),
        ("frequency", -1.0, r"column 'frequency' is below 0 in 1 of 4 rows"),
        ("frequency", np.nan, r"column 'frequency' is missing or infinite .* in 1 of 4 rows"),
    ],
)
def test_what_cannot_be_is_refused(column, value, words):
    X = pd.DataFrame(
        {"frequency": [1.0, 2.0, 3.0, 0.0], "monetary_value": [5.0, 7.0, 9.0, 0.0]},
        index=pd.Index(list("abcd"), name="who"),
    )
    model = GammaGamma().fit(spends(200))
    X.loc["c", column] = value
    for call in (GammaGamma().fit, model.predict):
        with pytest.raises(DataError, match=words):
            call(X)


def test_too_little_is_refused():
    with pytest.raises(DataError, match="'frequency' is 0 in all 3 rows"):
        GammaGamma().fit([[0, 0], [0, 0], [0, 0]])
    with pytest.raises(DataError, match=r"n_samples = 1: 1 sample \(row 1\) of 2 has a repeat purchase"):
        GammaGamma().fit([[0, 0], [2, 10.0]])
    with pytest.raises(DataError, match="'frequency' is 0 in all 2 rows"):
        GammaGamma.from_params(TRUTH).score([[0, 0], [0, 0]])
    with pytest.raises(SchemaError, match="monetary_valu"):
        GammaGamma().fit(pd.DataFrame({"frequency": [1], "monetary_valu": [3]}))
    with pytest.raises(DataError, match=r"X has 3 feature\(s\)"):
        GammaGamma().fit(np.ones((4, 3)))
    with pytest.raises(ParameterTypeError, match="column 'monetary_value' holds"):
        GammaGamma().fit(pd.DataFrame({"frequency": [1, 2], "monetary_value": ["a", "b"]}))


def test_parameters_given_must_have_a_finite_mean_where_asked():
    with pytest.raises(ParameterError, match=r"q=0\.9 is out of range"):
        GammaGamma.from_params(TRUTH | {"q": 0.9}, finite_mean=True)


# ---------------------------------------------------------------------- simulation, copies


def test_simulated_spends_have_the_moments_of_the_model():
    model = GammaGamma.from_params(TRUTH)
    X = model.simulate(4, n_customers=200_000, random_state=0)
    assert X["monetary_value"].mean() == pytest.approx(model.predict_new(), rel=0.01)
    pd.testing.assert_frame_equal(X, model.simulate(4, n_customers=200_000, random_state=0))
    none = model.simulate([0, 3], random_state=0)
    assert none["monetary_value"].iloc[0] == 0 < none["monetary_value"].iloc[1]
    with pytest.raises(ParameterError, match="n_customers is 3"):
        model.simulate([1, 2], n_customers=3)
    with pytest.raises(DataError, match="'frequency' is not a whole number"):
        model.simulate([1.5, 2])


def test_copies_say_the_same_and_hold_no_data():
    X = spends(100_000)
    model = GammaGamma(finite_mean=True).fit(X)
    stored = pickle.dumps(model)
    assert len(stored) < 4096
    np.testing.assert_array_equal(pickle.loads(stored).predict(X), model.predict(X))
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "params_")
    again = GammaGamma.from_params(model.params_, finite_mean=True)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
