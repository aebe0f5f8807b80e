"""Customers who never leave: the share comes back, its intervals cover, and short follow-up is told."""

import pickle
import warnings
import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import clone

from churnlib.exceptions import AssumptionWarning, DataError, HistoryError, ParameterError
from churnlib.survival import CureModel, KaplanMeier
from churnlib.survival._log_time import log_survival_at
from churnlib.targets import survival_target

STAY = -0.72  # with a slope of .8 on a standard normal feature, 35 % never leave


def world(n: int, seed: int, *, follow: float = 60.0, shape: float = 1.5, delayed: bool = False):
    """35 % never leave, those with a high x0 more often; the others by a Weibull, later with a high x1."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    stays = rng.random(n) < expit(STAY + 0.8 * X[:, 0])
    left = np.where(stays, np.inf, 10 * np.exp(0.3 * X[:, 1]) * rng.weibull(shape, n))
    seen = rng.uniform(0.5 * follow, follow, n)
    time, event = np.minimum(left, seen), left <= seen
    if not delayed:
        return X, survival_target(event, time), stays
    entry = rng.uniform(0, 25, n) * (rng.random(n) < 0.7)
    kept = entry < time
    return X[kept], survival_target(event[kept], time[kept], entry=entry[kept]), stays[kept]


@pytest.fixture(scope="module")
def fitted():
    X, y, stays = world(8_000, 0)
    return CureModel().fit(X, y), X, y, stays


def test_a_third_that_never_leaves_comes_back(fitted):
    model, X, y, stays = fitted
    assert model.cure_fraction_ == pytest.approx(0.35, abs=0.02)
    assert model.cure_fraction_ == pytest.approx(stays.mean(), abs=0.01)
    np.testing.assert_allclose([model.intercept_, *model.coef_], [STAY, 0.8, 0.0], atol=0.08)
    np.testing.assert_allclose(model.latency_coef_, [0.0, 0.3], atol=0.03)
    assert 1 / model.scale_ == pytest.approx(1.5, abs=0.05)
    assert model.follow_up_.sufficient
    assert model.converged_
    # Everybody leaves in the end, says a Weibull without the share: at twice the time it is off by more than .1.
    rate = _plain_weibull(y)
    assert np.exp(log_survival_at("weibull", np.array([120.0]), *rate))[0] < 0.25
    held = CureModel(beyond="extrapolate").fit(X, y).predict_survival_function(X, [120]).mean()
    assert held == pytest.approx(0.35, abs=0.02)


def _plain_weibull(y):
    """Fit log time by location and scale to everybody, on a grid."""
    from churnlib.survival._log_time import location_and_scale

    places = [(m, s) for m in np.linspace(2, 5, 61) for s in np.linspace(-0.5, 1.5, 41)]
    one = np.ones(len(y))
    fit = [location_and_scale("weibull", y["time"], y["event"], m * one, s)[0].sum() for m, s in places]
    location, log_scale = places[int(np.argmax(fit))]
    return np.array([location]), float(np.exp(log_scale))


@pytest.mark.parametrize("latency", ["lognormal", "loglogistic"])
def test_other_shapes_say_less_of_weibull_times(fitted, latency):
    model, X, y, _ = fitted
    other = CureModel(latency=latency).fit(X, y)
    assert other.aic_ > model.aic_ + 100
    assert other.cure_fraction_ == pytest.approx(0.35, abs=0.05)


def test_survival_follows_the_product_limit_curve(fitted):
    model, X, y, _ = fitted
    times = [2, 5, 10, 20, 40]
    curve = KaplanMeier().fit(None, y).predict_survival_function(X[:1], times)[0]
    np.testing.assert_allclose(model.predict_survival_function(X, times).mean(axis=0), curve, atol=0.01)


def test_delayed_entry_is_accounted_for():
    X, y, _ = world(20_000, 1, delayed=True)
    model = CureModel().fit(X, y)
    truth = expit(STAY + 0.8 * np.random.default_rng(9).normal(size=100_000)).mean()
    population = expit(model.intercept_ + model.coef_[0] * np.random.default_rng(9).normal(size=100_000)).mean()
    assert population == pytest.approx(truth, abs=0.02)
    ignored = CureModel().fit(X, survival_target(y["event"], y["time"]))
    naive = expit(ignored.intercept_ + ignored.coef_[0] * np.random.default_rng(9).normal(size=100_000)).mean()
    assert naive > truth + 0.05


def test_who_has_stayed_for_long_more_likely_never_leaves(fitted):
    model, X, _, _ = fitted
    fresh = model.predict_cure_probability(X)
    np.testing.assert_allclose(model.predict_cure_probability(X, given=0.0), fresh, atol=1e-15)
    later = model.predict_cure_probability(X, given=30.0)
    assert (later > fresh).all()
    assert (later <= 1).all()
    np.testing.assert_allclose(later, fresh / model.predict_survival_function(X, [30])[:, 0], atol=1e-12)
    with pytest.raises(HistoryError, match="nobody was watched beyond"):
        model.predict_cure_probability(X, given=200.0)


def test_weights_are_repeated_rows():
    X, y, _ = world(400, 2)
    weight = np.random.default_rng(3).integers(0, 3, 400)
    counted, repeated = (
        CureModel().fit(X, y, sample_weight=weight),
        CureModel().fit(np.repeat(X, weight, axis=0), np.repeat(y, weight)),
    )
    pd.testing.assert_frame_equal(counted.summary(), repeated.summary(), rtol=1e-8)
    assert counted.cure_fraction_ == pytest.approx(repeated.cure_fraction_)
    assert counted.loglik_ == pytest.approx(repeated.loglik_)


@given(scale=st.floats(0.1, 50), shift=st.floats(-5, 5), unit=st.floats(0.01, 100))
def test_units_change_nothing_but_the_numbers(scale, shift, unit):
    X, y, _ = world(300, 4)
    model = CureModel().fit(X, y)
    moved = CureModel().fit(X * scale + shift, survival_target(y["event"], y["time"] * unit))
    np.testing.assert_allclose(moved.coef_ * scale, model.coef_, atol=1e-5)
    np.testing.assert_allclose(moved.scale_, model.scale_, rtol=1e-6)
    np.testing.assert_allclose(moved.cure_fraction_, model.cure_fraction_, atol=1e-7)
    np.testing.assert_allclose(
        moved.predict_survival_function(X[:5] * scale + shift, np.array([3, 9]) * unit),
        model.predict_survival_function(X[:5], [3, 9]),
        atol=1e-6,
    )


def test_survival_falls_from_one_to_the_plateau(fitted):
    model, X, _, _ = fitted
    survival = model.predict_survival_function(X[:50], np.linspace(0, 59, 40))
    assert (survival[:, 0] == 1).all()
    assert (np.diff(survival, axis=1) <= 0).all()
    assert (survival >= model.predict_cure_probability(X[:50])[:, None]).all()
    later = model.predict_survival_function(X[:50], [10.0], given=15.0)
    both = model.predict_survival_function(X[:50], [15.0, 25.0])
    np.testing.assert_allclose(later[:, 0] * both[:, 0], both[:, 1], atol=1e-12)


def _coverage(runs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return coverage and mean width for the coefficients, the scale and the mean share, with 500 customers."""
    seeds = np.random.default_rng(seed).integers(0, 2**32, runs)
    truth = np.array([STAY, 0.8, 0.0, np.log(10), 0.0, 0.3, 1 / 1.5])
    held, width = np.zeros((runs, 8)), np.zeros((runs, 8))
    for run, one in enumerate(seeds):
        X, y, _ = world(500, int(one))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AssumptionWarning)
            model = CureModel().fit(X, y)
        table = model.summary()
        low, high = model.cure_fraction_interval()
        share = expit(STAY + 0.8 * X[:, 0]).mean()
        held[run] = np.append((table["lower"] <= truth) & (truth <= table["upper"]), low <= share <= high)
        width[run] = np.append(table["upper"] - table["lower"], high - low)
    return held.mean(axis=0), width.mean(axis=0)


def test_intervals_cover(record_property):
    held, width = _coverage(400, zlib.crc32(b"test_intervals_cover"))
    record_property("coverage", held.tolist())
    record_property("mean_width", width.tolist())
    assert ((held >= 0.91) & (held <= 0.9825)).all(), held


@pytest.mark.slow
def test_intervals_cover_in_full(record_property):
    held, width = _coverage(2000, zlib.crc32(b"test_intervals_cover_in_full"))
    record_property("coverage", held.tolist())
    record_property("mean_width", width.tolist())
    assert ((held >= 0.9335) & (held <= 0.9655)).all(), held


def test_short_follow_up_is_told():
    X, y, _ = world(2_000, 5, follow=12.0)
    with pytest.warns(AssumptionWarning, match="follow-up looks too short to tell who never leaves"):
        model = CureModel().fit(X, y)
    assert not model.follow_up_.sufficient


def test_where_nobody_stays_for_good():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(500, 1))
    left = 10 * rng.weibull(1.5, 500)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = CureModel().fit(X, survival_target(left < 100, np.minimum(left, 100)))
    assert any("the likelihood is highest where nobody stays for good" in str(one.message) for one in told)
    assert model.cure_fraction_ < 1e-4
    assert not model.converged_
    assert np.isnan(model.cure_fraction_interval()).all()


def test_a_feature_that_tells_leavers_without_exception():
    rng = np.random.default_rng(7)
    stays = rng.random(400) < 0.4
    left = np.where(stays, np.inf, 10 * rng.weibull(1.5, 400))
    X = pd.DataFrame({"plan": stays * 1.0, "age": rng.normal(size=400)})
    y = survival_target(left < 60, np.minimum(left, 60))
    with pytest.warns(AssumptionWarning, match=r"farthest away is plan \(never leaves\)"):
        model = CureModel().fit(X, y)
    assert model.summary()["standard_error"].isna().all()
    ridge = CureModel(l2=1.0).fit(X, y)
    assert ridge.converged_
    assert ridge.coef_[0] > 1


def test_constant_features_are_named():
    X, y, _ = world(300, 8)
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(same=3.0)
    with pytest.warns(AssumptionWarning, match=r"1 of 3 features are constant \(same\)"):
        model = CureModel().fit(frame, y)
    assert model.coef_[2] == 0
    plain = CureModel().fit(frame[["a", "b"]], y)
    np.testing.assert_allclose(model.coef_[:2], plain.coef_, atol=1e-12)


def test_features_that_say_the_same_twice():
    X, y, _ = world(300, 8)
    with pytest.warns(AssumptionWarning, match="the features say the same twice"):
        CureModel().fit(np.column_stack([X, X[:, 0]]), y)


def test_one_time_of_leaving_is_no_distribution():
    with pytest.raises(DataError, match="everybody who left did so at tenure 3"):
        CureModel().fit(np.zeros((4, 1)), survival_target([1, 1, 0, 0], [3, 3, 5, 6]))


def test_summary_names_parts_and_features(fitted):
    model, *_ = fitted
    table = model.summary(confidence=0.9)
    assert table.index.tolist() == [
        (part, name) for part in ("never leaves", "time to leave") for name in ("intercept", "x0", "x1")
    ] + [("scale", "")]
    assert ((table["lower"] < table["estimate"]) & (table["estimate"] < table["upper"])).all()
    with pytest.raises(ParameterError, match="confidence"):
        model.summary(confidence=95)
    with pytest.raises(ParameterError, match="confidence"):
        model.cure_fraction_interval(confidence=0)


def test_pickle_and_clone(fitted):
    model, X, y, _ = fitted
    dumped = pickle.dumps(model)
    assert len(dumped) < 100_000 + 8 * len(model.times_) + 16 * len(model.censoring_.times)  # no training data
    np.testing.assert_array_equal(pickle.loads(dumped).predict(X[:9]), model.predict(X[:9]))
    assert repr(clone(model).fit(X, y).summary()) == repr(model.summary())


def test_several_causes_are_refused():
    with pytest.raises(DataError, match="models one way to leave"):
        CureModel().fit(np.zeros((3, 1)), survival_target([1, 2, 0], [1, 2, 3], causes=["a", "b"]))


def test_without_features_it_is_lifelines_mixture_cure():
    lifelines = pytest.importorskip("lifelines", reason="lifelines is not installed: it asks for pandas below 3")
    _, y, _ = world(3_000, 11)
    with pytest.warns(AssumptionWarning, match="1 of 1 features are constant"):
        model = CureModel().fit(np.zeros((len(y), 1)), y)
    theirs = lifelines.MixtureCureFitter(lifelines.WeibullFitter()).fit(y["time"], y["event"])
    assert model.cure_fraction_ == pytest.approx(theirs.cured_fraction_, abs=1e-4)
    assert model.loglik_ >= theirs.log_likelihood_ - 1e-6
    assert model.loglik_ == pytest.approx(theirs.log_likelihood_, abs=1e-3)
    error = np.sqrt(theirs.variance_matrix_.loc["cured_fraction_", "cured_fraction_"])
    assert model.cure_fraction_error_ == pytest.approx(error, rel=0.02)
