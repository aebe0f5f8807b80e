"""What sBG and BdW share: durations in, survival out."""

from __future__ import annotations

import pickle
import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.base import clone

from churnlib.clv import BetaDiscreteWeibull, ShiftedBetaGeometric
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError

MODELS = [ShiftedBetaGeometric, BetaDiscreteWeibull]
TRUTH = {
    ShiftedBetaGeometric: {"alpha": 0.7, "beta": 1.2},
    BetaDiscreteWeibull: {"alpha": 0.5, "beta": 1.0, "c": 1.3},
}
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]  # Fader and Hardie (2007)


def customers(model, n=2000, *, periods=10, seed=0) -> pd.DataFrame:
    return model.from_params(TRUTH[model]).simulate(periods, n_customers=n, random_state=seed)


def tenures(*durations: int) -> pd.DataFrame:
    return pd.DataFrame({"duration": durations})


shape = st.floats(0.05, 30)


@st.composite
def fitted_models(draw):
    model = draw(st.sampled_from(MODELS))
    params = {"alpha": draw(shape), "beta": draw(shape)}
    if model is BetaDiscreteWeibull:
        params["c"] = draw(st.floats(0.2, 4))
    return model.from_params(params)


# ------------------------------------------------------------------ one likelihood, three ways to give the data


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("covariance", ["hessian", "sandwich"])
def test_a_table_of_survivors_is_its_rows_and_their_weights(model, covariance):
    ages = np.arange(1, 8)
    frame = pd.DataFrame({"duration": [*ages, 7], "event": [True] * 7 + [False]})
    weight = np.array([*-np.diff(REGULAR), REGULAR[-1]])
    table = model(covariance=covariance).fit_survivors(REGULAR)
    weighted = model(covariance=covariance).fit(frame, sample_weight=weight)
    rows = model(covariance=covariance).fit(frame.loc[frame.index.repeat(weight)].sample(frac=1, random_state=0))
    share = model(covariance=covariance).fit_survivors(np.array(REGULAR) / 10, n=1000)
    for other in (weighted, rows, share):
        assert_allclose(list(other.params_.values()), list(table.params_.values()), rtol=1e-9)
        assert_allclose(other.loglik_, table.loglik_, rtol=1e-12)
        assert_allclose(other.covariance_, table.covariance_, rtol=1e-7)
        assert_allclose(other.n_customers_, 1000)


def test_shares_of_more_customers_are_known_better():
    few, many = (ShiftedBetaGeometric().fit_survivors(REGULAR, n=n) for n in (1000, 100_000))
    assert_allclose(many.alpha_, few.alpha_, rtol=1e-9)
    assert_allclose(many.loglik_, 100 * few.loglik_, rtol=1e-9)
    assert_allclose(many.standard_errors_["alpha"], few.standard_errors_["alpha"] / 10, rtol=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_log_likelihood_adds_up(model):
    frame = customers(model)
    fitted = model().fit(frame)
    k = len(fitted.params_)
    assert_allclose(fitted.log_likelihood(frame).sum(), fitted.loglik_, rtol=1e-12)
    assert_allclose(fitted.score(frame) * len(frame), fitted.loglik_, rtol=1e-12)
    assert_allclose(fitted.score(frame, sample_weight=np.full(len(frame), 2.0)) * len(frame), fitted.loglik_)
    assert_allclose(fitted.aic_, 2 * k - 2 * fitted.loglik_)
    assert_allclose(fitted.bic_, k * np.log(len(frame)) - 2 * fitted.loglik_)


@given(model=fitted_models(), last=st.integers(1, 40))
def test_chances_to_cancel_and_to_stay_add_up_to_one(model, last):
    ages = np.arange(1, last + 1)
    ends = model.log_likelihood(pd.DataFrame({"duration": ages, "event": True}))
    stays = model.log_likelihood(pd.DataFrame({"duration": ages, "event": False}))
    assert_allclose(np.exp(ends).sum() + np.exp(stays[-1]), 1, rtol=1e-9)
    assert_allclose(np.exp(stays), model.predict_survival_function(ages), rtol=1e-10)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("theta", [[0.2, -0.4, 0.3], [3.4, 4.1, 0.8], [-2.0, -1.0, -0.9]])
def test_gradient_and_hessian_against_differences(model, theta):
    data, _ = model()._read(customers(model, 300), reset=True)
    problem = model()._problem(data, np.ones(len(data)))
    point, step = np.array(theta[: len(TRUTH[model])]), 1e-5
    _, gradient, hessian = problem.evaluate(point)
    for j in range(len(point)):
        up, down = (problem.evaluate(point + sign * step * np.eye(len(point))[j]) for sign in (1, -1))
        assert_allclose(gradient[j], (up[0] - down[0]) / (2 * step), rtol=1e-6, atol=1e-5)
        assert_allclose(hessian[j], (up[1] - down[1]) / (2 * step), rtol=1e-6, atol=1e-5)
    scores, weight = problem.scores(point)
    assert_allclose(scores @ weight, gradient, rtol=1e-10, atol=1e-10)


# ------------------------------------------------------------------ what must always hold of predictions


@given(model=fitted_models(), duration=st.integers(0, 60), ahead=st.integers(0, 60))
def test_predictions_are_those_of_the_survival_function(model, duration, ahead):
    times = np.arange(duration + ahead + 1)
    survival = model.predict_survival_function(times)
    assert survival[0] == 1
    assert np.all(np.diff(survival) <= 0)
    # Divide through in logarithms: far out S is small.
    stays = 1 - model.predict_churn_probability(tenures(duration), ahead)[0]
    assert_allclose(stays * survival[duration], survival[-1], rtol=1e-7, atol=1e-12)
    if len(times) > 1:
        retained = model.predict_retention_rate(times[1:])
        assert np.all((retained > 0) & (retained <= 1))
        assert_allclose(np.cumprod(retained), survival[1:], rtol=1e-8)
    lifetime = model.predict_lifetime(tenures(duration), until=ahead)[0]
    assert_allclose(lifetime * survival[duration], survival[duration + 1 :].sum(), rtol=1e-7, atol=1e-12)
    churns = model.predict_churn_probability(tenures(*[duration] * 5), np.arange(5) * 7)
    assert np.all(np.diff(churns) >= 0)
    assert churns[0] == 0


@given(model=fitted_models(), duration=st.integers(0, 30), rate=st.floats(0.05, 2), due_in=st.floats(0, 3))
def test_discounted_lifetime_term_by_term(model, duration, rate, due_in):
    steps = np.arange(1, 900)
    stays = 1 - model.predict_churn_probability(tenures(*[duration] * len(steps)), steps)
    summed = stays @ np.exp(-rate * (due_in + steps - 1))
    given_value = model.predict_discounted(tenures(duration), discount_rate=rate, due_in=due_in)
    assert_allclose(given_value, summed, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_many_customers_are_each_computed_alone(model):
    fitted = model.from_params(TRUTH[model])
    X = tenures(5, 0, 3, 5)
    ahead = np.array([1, 2, 3, 12])
    for ask in (
        fitted.predict_churn_probability,
        lambda X, t: fitted.predict_lifetime(X, until=t),
    ):
        alone = [ask(X.iloc[[row]], int(ahead[row]))[0] for row in range(4)]
        assert_allclose(ask(X, ahead), alone, rtol=1e-12)
    assert_allclose(
        model.from_params(TRUTH[model], horizon=4).predict_churn_probability(X), fitted.predict_churn_probability(X, 4)
    )


@pytest.mark.parametrize("model", MODELS)
def test_those_who_stayed_are_more_loyal(model):
    """Nobody changes (or all get worse), yet a long-standing customer is the safer one: the others have gone."""
    churn = model.from_params(TRUTH[model]).predict_churn_probability(tenures(0, 3, 20), 1)
    assert np.all(np.diff(churn) < 0)


# ------------------------------------------------------------------ simulation


@pytest.mark.parametrize("model", MODELS)
def test_simulation_agrees_with_the_survival_function(model):
    drawn = customers(model, 200_000, periods=6, seed=3)
    fitted = model.from_params(TRUTH[model])
    assert drawn["duration"].between(1, 6).all()
    assert drawn["event"].dtype == bool
    assert (drawn.loc[~drawn["event"], "duration"] == 6).all()
    shares = [(~drawn["event"] | (drawn["duration"] > t)).mean() for t in range(6)]
    expected = fitted.predict_survival_function(range(6))
    assert np.all(np.abs(shares - expected) <= 4.5 * np.sqrt(expected * (1 - expected) / len(drawn)))


@pytest.mark.parametrize("model", MODELS)
def test_simulation_takes_a_seed_and_a_length_for_each(model):
    fitted = model.from_params(TRUTH[model])
    periods = [1, 5, 30]
    one, other = (fitted.simulate(periods, random_state=8) for _ in range(2))
    assert one.equals(other)
    assert (one["duration"] <= periods).all()


@pytest.mark.parametrize("model", MODELS)
def test_parameters_come_back(model):
    n = 100_000
    periods = np.random.default_rng(1).integers(6, 20, n)
    frame = model.from_params(TRUTH[model]).simulate(periods, random_state=5)
    fitted = model().fit(frame)
    assert fitted.converged_
    for name, value in TRUTH[model].items():
        assert abs(fitted.params_[name] - value) < 4 * fitted.standard_errors_[name], name


# ------------------------------------------------------------------ invariances


@pytest.mark.parametrize("model", MODELS)
def test_frames_arrays_and_orders(model):
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = customers(model, 400)
    expected = model().fit(frame).params_
    assert model().fit(frame.to_numpy(dtype=float)).params_ == expected
    assert model().fit(frame.sample(frac=1, random_state=1)).params_ == expected
    assert model().fit(polars.from_pandas(frame.assign(note="text")[["note", "event", "duration"]])).params_ == expected


@pytest.mark.parametrize("model", MODELS)
def test_arrays_to_predict_from_hold_the_columns_of_fit(model):
    fitted = model().fit(customers(model, 400).to_numpy(dtype=float))
    array = np.array([[0.0, 0.0], [3.0, 0.0]])
    assert_allclose(fitted.predict_churn_probability(array, 2), fitted.predict_churn_probability(tenures(0, 3), 2))
    with pytest.raises(ValueError, match="2 features"):
        fitted.predict_churn_probability(array[:, :1], 2)
    with pytest.raises(
        DataError, match=r"X has 3 feature\(s\); an array holds 2 columns in this order: duration, event"
    ):
        model().fit(np.ones((4, 3)))


@pytest.mark.parametrize("model", MODELS)
def test_clones_and_small_pickles(model):
    fitted = model(horizon=3).fit(customers(model))
    stored = pickle.dumps(fitted)
    assert len(stored) < 4096
    X = tenures(0, 7)
    assert_allclose(pickle.loads(stored).predict_churn_probability(X), fitted.predict_churn_probability(X, 3))
    assert clone(fitted).get_params() == fitted.get_params()


@pytest.mark.parametrize("model", MODELS)
def test_sandwich_agrees_with_the_hessian_where_the_model_is_true(model):
    frame = customers(model, 50_000)
    one, other = (model(covariance=kind).fit(frame).standard_errors_ for kind in ("hessian", "sandwich"))
    assert_allclose(list(other.values()), list(one.values()), rtol=0.1)


# ------------------------------------------------------------------ intervals

_TIMES = [1, 4, 8, 24]  # the last of them far beyond what was seen


def _coverage(model, runs: int, seed: int) -> tuple[pd.Series, pd.Series]:
    """Return the share of intervals that hold the truth, and their mean width, per parameter and point of the curve."""
    truth = model.from_params(TRUTH[model])
    curve = truth.predict_survival_function(_TIMES)
    true = np.array([*TRUTH[model].values(), *curve])
    held, width = [], []
    for run in range(runs):
        fitted = model().fit(truth.simulate(12, n_customers=4000, random_state=(seed + run) % 2**32))
        ends = np.vstack([fitted.summary()[["lower", "upper"]], fitted.predict_survival_interval(_TIMES)])
        held.append((ends[:, 0] <= true) & (true <= ends[:, 1]))
        width.append(ends[:, 1] - ends[:, 0])
    names = [*TRUTH[model], *(f"S({t})" for t in _TIMES)]
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


@pytest.mark.parametrize("model", MODELS)
def test_intervals_of_the_curve(model):
    fitted = model().fit(customers(model))
    times = np.array([0, 1, 5, 40])
    ends = fitted.predict_survival_interval(times)
    assert ends.shape == (4, 2)
    assert ends[0].tolist() == [1, 1]
    survival = fitted.predict_survival_function(times)
    assert np.all((ends[1:, 0] < survival[1:]) & (survival[1:] < ends[1:, 1]))
    wide = fitted.predict_survival_interval(times, confidence=0.99)
    assert np.all((wide[1:, 0] < ends[1:, 0]) & (ends[1:, 1] < wide[1:, 1]))
    bare = model(covariance=None).fit(customers(model)).predict_survival_interval([1])
    assert np.isnan(bare).all()


# ------------------------------------------------------------------ bad input


GOOD = pd.DataFrame({"duration": [1, 3, 2], "event": [True, False, True]})


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("column", "values", "text"),
    [
        ("duration", [1, 0, 2], r"column 'duration' is 0 in 1 of 3 rows \(first: row 1.*first renewal"),
        ("duration", [1, -3, 2], r"column 'duration' is below 0 in 1 of 3 rows \(first: row 1"),
        ("duration", [1, 2.5, 2], r"column 'duration' is not a whole number in 1 of 3 rows \(first: row 1"),
        ("duration", [1, np.nan, 2], r"column 'duration' is missing or infinite \(NaN or inf\) in 1 of 3 rows"),
        ("event", [1, np.nan, 0], r"column 'event' is missing or infinite"),
        ("event", [1, 2, 0], r"column 'event' is neither true nor false in 1 of 3 rows \(first: row 1"),
        ("event", [False] * 3, r"column 'event' is False in all 3 rows"),
    ],
)
def test_durations_that_cannot_be(model, column, values, text):
    with pytest.raises(DataError, match=f"(?s){text}"):
        model().fit(GOOD.assign(**{column: values}))


@pytest.mark.parametrize("model", MODELS)
def test_columns_that_are_missing_or_texts(model):
    with pytest.raises(SchemaError, match=r"of the columns of X 'event' are missing"):
        model().fit(GOOD[["duration"]])
    with pytest.raises(SchemaError, match=r"of the columns of X 'duration' are missing"):
        model.from_params(TRUTH[model]).predict_churn_probability(pd.DataFrame({"tenure": [1]}), 1)
    with pytest.raises(ParameterTypeError, match=r"column 'duration' holds"):
        model().fit(GOOD.assign(duration=["a", "b", "c"]))


@pytest.mark.parametrize("model", MODELS)
def test_too_few_to_learn_from(model):
    with pytest.raises(DataError, match=r"n_samples = 1"):
        model().fit(GOOD.iloc[[0]])
    with pytest.raises(DataError, match=r"n_samples = 1"):
        model().fit(GOOD, sample_weight=[0, 1, 0])
    with pytest.raises(DataError, match=r"column 'event' is False in all 1 rows that count \(first: row 1\)"):
        model().fit(GOOD, sample_weight=[0, 2, 0])
    with pytest.raises(DataError, match=r"sample_weight is negative"):
        model().fit(GOOD, sample_weight=[1, -1, 1])


@pytest.mark.parametrize("model", MODELS)
def test_times_that_cannot_be(model):
    fitted = model.from_params(TRUTH[model])
    for times in ([0.5], [-1], [[1, 2]], [np.nan]):
        with pytest.raises(ParameterError, match=r"times are not all whole numbers ≥ 0"):
            fitted.predict_survival_function(times)
    with pytest.raises(ParameterError, match=r"times are not all whole numbers ≥ 1"):
        fitted.predict_retention_rate([0])
    with pytest.raises(ParameterError, match=r"neither horizon nor the horizon of"):
        fitted.predict_churn_probability(tenures(1))
    for horizon in (-1, 1.5, [1, 2]):
        with pytest.raises(ParameterError, match=r"horizon is not a whole number ≥ 0"):
            fitted.predict_churn_probability(tenures(1), horizon)
    with pytest.raises(ParameterError, match=r"until is not a whole number ≥ 0"):
        fitted.predict_lifetime(tenures(1), until=np.inf)
    with pytest.raises(ParameterError, match=r"discount_rate=0.0 does not discount"):
        fitted.predict_discounted(tenures(1), discount_rate=0)
    with pytest.raises(ParameterError, match=r"due_in=-1.0 is out of range"):
        fitted.predict_discounted(tenures(1), discount_rate=0.1, due_in=-1)
    with pytest.raises(ParameterError, match=r"periods is not whole"):
        fitted.simulate(2.5)


@pytest.mark.parametrize("model", MODELS)
def test_who_has_cancelled_has_no_future(model):
    fitted = model.from_params(TRUTH[model])
    with pytest.raises(DataError, match=r"column 'event' is true in 2 of 3 rows \(first: row 0"):
        fitted.predict_churn_probability(GOOD, 1)
    with pytest.raises(DataError, match=r"column 'duration' is 0 in 1 of 1 rows.*period 1 or later"):
        fitted.log_likelihood(pd.DataFrame({"duration": [0], "event": [True]}))
    with pytest.raises(ParameterError, match=r"covariates are given; the model was fitted without any"):
        fitted.predict_survival_function([1], covariates=GOOD)
