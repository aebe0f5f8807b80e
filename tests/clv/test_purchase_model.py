"""What all models of purchases without a contract share: what they refuse, and how they take odd but possible data."""

from __future__ import annotations

import pickle
import zlib
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose

from churnlib.clv import BGBB, BGNBD, MBGNBD, ParetoNBD
from churnlib.exceptions import DataError, ParameterTypeError, SchemaError

COINS = {"r": 0.8, "alpha": 6.0, "a": 1.2, "b": 3.0}
TRUTH = {
    BGNBD: COINS,
    MBGNBD: COINS,
    ParetoNBD: {"r": 0.8, "alpha": 6.0, "s": 0.9, "beta": 12.0},
    BGBB: {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.8},
}
MODELS = list(TRUTH)
TIMED = [BGNBD, MBGNBD, ParetoNBD]


def histories(model, n=600, *, T=None, seed=0) -> pd.DataFrame:
    T = (10 if model is BGBB else 52.0) if T is None else T
    return model.from_params(TRUTH[model]).simulate(T=T, n_customers=n, random_state=seed)


# ------------------------------------------------------------------ what is refused

GOOD = pd.DataFrame({"frequency": [0, 2, 1], "recency": [0, 5, 3], "T": [9, 8, 7]}, index=["ann", "bob", "cy"])


def changed(**columns) -> pd.DataFrame:
    frame = GOOD.astype(float)
    for name, value in columns.items():
        frame.loc["bob", name] = value
    return frame


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("frame", "error", "match"),
    [
        (changed(recency=9), DataError, r"'recency' is larger than 'T' in 1 of 3 rows \(first: row 1, label 'bob'\)"),
        (changed(frequency=1.5), DataError, r"'frequency' is not a whole number in 1 of 3 rows \(first: row 1"),
        (changed(frequency=-1), DataError, r"column 'frequency' is below 0 in 1 of 3 rows \(first: row 1"),
        (
            changed(T=np.nan),
            DataError,
            r"column 'T' is missing or infinite \(NaN or inf\) in 1 of 3 rows \(first: row 1",
        ),
        (
            changed(recency=np.inf),
            DataError,
            r"column 'recency' is missing or infinite .* in 1 of 3 rows \(first: row 1",
        ),
        (changed(frequency=0), DataError, r"'recency' is 0 but 'frequency' is not.* in 1 of 3 rows \(first: row 1"),
        (changed(frequency=0, recency=0, T=0), DataError, r"column 'T' is 0 in 1 of 3 rows \(first: row 1"),
        (GOOD.assign(frequency=0, recency=0), DataError, r"'frequency' is 0 in all 3 rows that count \(first: row 0\)"),
        (GOOD.iloc[:1], DataError, r"n_samples = 1: 1 sample tells nothing"),
        (GOOD.drop(columns="recency"), SchemaError, r"'recency'"),
        (GOOD.assign(T="long"), ParameterTypeError, r"column 'T' holds .*; numbers were expected"),
        (GOOD.astype({"T": "Int64"}).replace({"T": {8: pd.NA}}), DataError, r"column 'T' is missing or infinite"),
    ],
)
def test_bad_histories(model, frame, error, match):
    with pytest.raises(error, match=match):
        model().fit(frame)


@pytest.mark.parametrize("model", MODELS)
def test_customers_of_no_weight_do_not_count(model):
    frame = histories(model)
    repeats = frame["frequency"].to_numpy() > 0
    with pytest.raises(DataError, match=r"'frequency' is 0 in all \d+ rows that count \(first: row \d+\)"):
        model().fit(frame, sample_weight=(~repeats).astype(float))
    with pytest.raises(DataError, match=r"n_samples = 1"):
        model().fit(frame, sample_weight=np.arange(len(frame)) == np.argmax(repeats))
    # As little as if they were not there, be they as odd as can be.
    odd = pd.DataFrame({"frequency": [0, 900], "recency": [0, 900], "T": [1, 90_000]})
    both = pd.concat([frame, odd], ignore_index=True)
    weight = np.append(np.ones(len(frame)), [0, 0])
    alone, beside = model().fit(frame), model().fit(both, sample_weight=weight)
    assert_allclose(list(beside.params_.values()), list(alone.params_.values()), rtol=1e-7)
    assert_allclose(beside.loglik_, alone.loglik_, rtol=1e-11)


@pytest.mark.parametrize("model", MODELS)
def test_weights_may_be_fractions(model):
    frame = histories(model)
    weight = np.random.default_rng(0).uniform(0, 2, len(frame))
    one, more = model().fit(frame, sample_weight=weight), model().fit(frame, sample_weight=1000 * weight)
    assert_allclose(list(more.params_.values()), list(one.params_.values()), rtol=1e-6)
    assert_allclose(more.loglik_, 1000 * one.loglik_, rtol=1e-9)
    assert_allclose(
        list(more.standard_errors_.values()), np.array(list(one.standard_errors_.values())) / np.sqrt(1000), rtol=1e-5
    )
    assert_allclose(one.loglik_, weight @ one.log_likelihood(frame), rtol=1e-11)


# ------------------------------------------------------------------ published numbers

CDNOW = {
    BGNBD: ({"r": 0.242593, "alpha": 4.413532, "a": 0.792886, "b": 2.425752}, 0.7266, 1.2259),
    MBGNBD: ({"r": 0.524838, "alpha": 6.182988, "a": 0.891356, "b": 1.614000}, 0.7061, 1.2627),
    ParetoNBD: ({"r": 0.553276, "alpha": 10.577612, "s": 0.606214, "beta": 11.667911}, 0.8691, 1.4551),
}


@pytest.mark.parametrize("model", TIMED)
def test_the_customer_of_the_papers(model):
    params, alive, expected = CDNOW[model]
    customer = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    fitted = model.from_params(params)
    assert_allclose(fitted.predict_alive_probability(customer), alive, atol=5e-5)
    assert_allclose(fitted.predict(customer, 39), expected, atol=5e-5)
    # The same purchases, the last of them longer ago.
    assert fitted.predict_alive_probability(customer.assign(recency=20.0))[0] < alive - 0.05


# ------------------------------------------------------------------ odd but possible


@pytest.mark.parametrize("model", MODELS)
def test_nobody_asked_about(model):
    fitted, nobody = model.from_params(TRUTH[model]), histories(model).iloc[:0]
    assert fitted.predict(nobody, 3).shape == (0,)
    assert fitted.predict_alive_probability(nobody).shape == (0,)
    assert fitted.predict_purchase_distribution(nobody, 3, largest=4).shape == (0, 5)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("dtype", ["Int64", "Float64", "float32", "int64[pyarrow]", "decimal128(25, 2)[pyarrow]"])
def test_columns_of_any_numeric_kind(model, dtype):
    kind = pd.ArrowDtype(pa.decimal128(25, 2)) if "decimal" in dtype else dtype
    frame = histories(model, 300)
    odd = frame.assign(frequency=frame["frequency"].astype(kind))
    assert model().fit(odd).params_ == model().fit(frame).params_


@pytest.mark.parametrize("model", TIMED)
@pytest.mark.parametrize("unit", [1e-9, 1e12])
def test_times_of_any_size(model, unit):
    weeks = histories(model)
    other = weeks.assign(recency=weeks["recency"] * unit, T=weeks["T"] * unit)
    one, scaled = model().fit(weeks), model().fit(other)
    assert scaled.converged_
    assert_allclose(scaled.alpha_, unit * one.alpha_, rtol=1e-8)
    assert_allclose(scaled.predict(other.head(9), 26 * unit), one.predict(weeks.head(9), 26), rtol=1e-7)


@pytest.mark.parametrize("model", MODELS)
def test_huge_counts_are_computed(model):
    x, ages = (1000, 3000) if model is BGBB else (100_000, 100_000)
    X = pd.DataFrame({"frequency": [x, x], "recency": [ages, ages // 2], "T": ages})
    fitted = model.from_params(TRUTH[model])
    assert np.all(np.isfinite(fitted.log_likelihood(X)))
    assert np.all(fitted.predict(X, 5) >= 0)
    alive = fitted.predict_alive_probability(X)
    assert alive[0] > 0.5
    assert alive[1] < 1e-9


@pytest.mark.parametrize("model", MODELS)
def test_silence_is_at_least_the_share_who_left(model):
    """The churn label: who left is silent, and who stays may be."""
    X, fitted = histories(model, 200), model.from_params(TRUTH[model])
    gone = 1 - fitted.predict_alive_probability(X)
    silent = [fitted.predict_no_purchase_probability(X, t) for t in (0, 1, 4, 30)]
    assert_allclose(silent[0], 1, rtol=1e-12)
    for sooner, later in pairwise(silent):
        assert np.all(later <= sooner + 1e-12)
        assert np.all(later >= gone - 1e-12)
    assert_allclose(silent[2], fitted.predict_purchase_distribution(X, 4, largest=1)[:, 0], rtol=1e-10)


@pytest.mark.parametrize("model", MODELS)
def test_many_customers_are_computed_some_at_a_time(model, monkeypatch):
    X, fitted = histories(model, 200).sample(frac=1, random_state=1), model.from_params(TRUTH[model])
    whole = fitted.predict_purchase_distribution(X, 4, largest=3), fitted.predict(X, 4)
    monkeypatch.setattr("churnlib.clv._purchase_model._ROWS_AT_ONCE", 7)
    parts = fitted.predict_purchase_distribution(X, 4, largest=3), fitted.predict(X, 4)
    for one, other in zip(whole, parts, strict=True):
        assert_allclose(other, one, rtol=1e-12)


# ------------------------------------------------------------------ how a fit ends


def only_one_came_back(model) -> pd.DataFrame:
    T = 10 if model is BGBB else 30.0
    return pd.DataFrame({"frequency": [1] + [0] * 30, "recency": [5] + [0] * 30, "T": T})


@pytest.mark.parametrize("model", MODELS)
def test_where_there_is_no_interior_maximum_there_are_no_errors(model):
    fitted = model().fit(only_one_came_back(model))
    assert not fitted.converged_
    assert "boundary" in fitted.reason_ or "do not determine" in fitted.reason_
    assert fitted.covariance_ is None
    assert np.isnan(fitted.summary()[["standard_error", "lower", "upper"]]).all(axis=None)
    assert np.isnan(fitted.predict_interval(histories(model, 5), 4)).all()


@pytest.mark.parametrize("model", MODELS)
def test_what_converged_is_a_maximum(model):
    """Ten customers or many: the slope is none, and every direction leads down."""
    ended = 0
    for seed in range(12):
        frame = histories(model, 10 if seed < 6 else 300, seed=seed)
        if not frame["frequency"].any():
            continue
        fitted = model().fit(frame)
        if not fitted.converged_:
            continue
        ended += 1
        for name, value in fitted.params_.items():
            for factor in (0.99, 1.01):
                moved = model.from_params(fitted.params_ | {name: value * factor})
                assert moved.log_likelihood(frame).sum() < fitted.loglik_ + 1e-9, (seed, name)
    assert ended >= 6


# ------------------------------------------------------------------ covariates


@pytest.mark.parametrize("model", TIMED)
def test_covariates_far_from_zero(model):
    """Years are nearly a constant, and nobody is known of the year 0; the predictions do not care."""
    frame = histories(model, 1500, seed=3).assign(since=np.random.default_rng(1).integers(0, 6, 1500))
    years = frame.assign(since=frame["since"] + 2020)
    options = {"purchase_covariates": "since", "dropout_covariates": "since"}
    one, other = model(**options).fit(frame), model(**options).fit(years)
    assert one.converged_
    assert other.converged_, other.reason_
    assert_allclose(other.loglik_, one.loglik_, rtol=1e-11)
    assert_allclose(other.params_["alpha[since]"], one.params_["alpha[since]"], rtol=1e-6, atol=1e-9)
    assert_allclose(other.standard_errors_["alpha[since]"], one.standard_errors_["alpha[since]"], rtol=1e-6)
    for method in ("predict", "predict_interval"):
        assert_allclose(getattr(other, method)(years.head(20), 26), getattr(one, method)(frame.head(20), 26), rtol=1e-6)
    assert len(pickle.dumps(other)) < 4096


@pytest.mark.parametrize("model", TIMED)
def test_the_unit_of_a_covariate_does_not_matter(model):
    frame = histories(model, 800, seed=3).assign(spend=np.random.default_rng(1).gamma(2, 20, 800).round(1))
    cents = frame.assign(spend=frame["spend"] * 1e8)
    one, other = (model(purchase_covariates="spend").fit(data) for data in (frame, cents))
    assert other.converged_
    assert_allclose(other.params_["alpha[spend]"] * 1e8, one.params_["alpha[spend]"], rtol=1e-6, atol=1e-10)
    assert_allclose(other.standard_errors_["alpha[spend]"] * 1e8, one.standard_errors_["alpha[spend]"], rtol=1e-6)


@pytest.mark.parametrize("model", TIMED)
def test_covariates_that_say_the_same_are_named(model):
    z = np.random.default_rng(1).normal(size=600)
    fitted = model(purchase_covariates=["kg", "pounds"]).fit(histories(model).assign(kg=z, pounds=2.2 * z))
    assert not fitted.converged_
    assert "the data do not determine alpha[kg], alpha[pounds]" in fitted.reason_
    assert np.isnan(list(fitted.standard_errors_.values())).all()


def test_a_parameter_that_no_float_holds_is_named():
    frame = histories(BGNBD, 1500).assign(day=lambda f: 20_000 + np.arange(len(f)) % 2)
    frame.loc[frame["day"] % 2 == 1, ["recency", "T"]] /= 3  # they buy three times as fast
    fitted = BGNBD(purchase_covariates="day").fit(frame)
    assert not fitted.converged_
    assert "alpha is that of a customer whose covariates are 0" in fitted.reason_
    assert "subtract a typical value from day" in fitted.reason_


@pytest.mark.parametrize("model", TIMED)
@pytest.mark.parametrize("covariance", ["hessian", "sandwich"])
def test_weights_are_repeated_rows_with_covariates(model, covariance):
    frame = histories(model, 400).assign(z=np.random.default_rng(1).integers(5, 9, 400))
    weight = np.random.default_rng(0).integers(0, 4, 400)
    frame.loc[np.flatnonzero(weight == 0)[0], "z"] = 1e6
    options = {"purchase_covariates": "z", "covariance": covariance, "l2": 0.01}
    weighted = model(**options).fit(frame, sample_weight=weight)
    repeated = model(**options).fit(frame.loc[frame.index.repeat(weight)])
    assert_allclose(list(weighted.params_.values()), list(repeated.params_.values()), rtol=1e-7)
    assert_allclose(weighted.covariance_, repeated.covariance_, rtol=1e-5, atol=1e-12)


# ------------------------------------------------------------------ errors


@pytest.mark.parametrize("model", [BGNBD, ParetoNBD])
def test_the_sandwich_is_what_a_bootstrap_finds_where_the_model_is_wrong(model):
    other = ParetoNBD if model is BGNBD else BGNBD
    few, many = TRUTH[other] | {"r": 0.5, "alpha": 10.0}, TRUTH[other] | {"r": 5.0, "alpha": 3.0}
    frame = pd.concat(
        [
            other.from_params(few).simulate(T=np.full(1500, 52.0), random_state=1),
            other.from_params(many).simulate(T=np.full(500, 30.0), random_state=2),
        ],
        ignore_index=True,
    )
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(150):
        weight = np.bincount(generator.integers(0, len(frame), len(frame)), minlength=len(frame))
        drawn.append(np.log(list(model(covariance=None).fit(frame, sample_weight=weight).params_.values())))
    fitted = model(covariance="sandwich").fit(frame)
    errors = np.array(list(fitted.standard_errors_.values())) / list(fitted.params_.values())
    assert_allclose(errors, np.std(drawn, axis=0), rtol=0.25)


@pytest.mark.parametrize("model", TIMED)
def test_intervals_of_coefficients_cover(model, record_property):
    options = {"purchase_covariates": "z"}
    truth = TRUTH[model] | {"alpha": TRUTH[model]["alpha"] * np.exp(0.4 * 11), "alpha[z]": 0.4}
    seed, runs, n = zlib.crc32(b"test_intervals_of_coefficients_cover"), 300, 800
    z = pd.DataFrame({"z": np.arange(n) % 3 + 10.0})
    known = model.from_params(truth, **options)
    asked = pd.DataFrame({"frequency": [3], "recency": [20.0], "T": [30.0], "z": [12.0]})
    expected = known.predict(asked, 26)[0]
    held, width = [], []
    for run in range(runs):
        frame = known.simulate(np.full(n, 52.0), covariates=z, random_state=(seed + run) % 2**32).join(z)
        fitted = model(**options).fit(frame)
        low, high = fitted.summary().loc["alpha[z]", ["lower", "upper"]]
        bottom, top = fitted.predict_interval(asked, 26)[0]
        held.append([low <= 0.4 <= high, bottom <= expected <= top])
        width.append([high - low, top - bottom])
    covered = np.mean(held, axis=0)
    record_property("coverage", covered.tolist())
    record_property("mean_width", np.mean(width, axis=0).tolist())
    assert np.all((covered >= 0.90) & (covered <= 0.9875)), covered
