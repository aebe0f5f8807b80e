"""Models inside a learner: weights, constants and the default trees."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from churnlib.exceptions import ParameterTypeError
from churnlib.uplift._models import fit_classes, fit_mean
from churnlib.uplift._trees import BoostedOutcome, BoostedPropensity, EffectForest


def test_weights_of_the_fit_count_rows():
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(40, 2)), rng.integers(0, 3, 40).astype(float)
    y = X[:, 0] + rng.normal(size=40)
    weighted = fit_mean(LinearRegression(), X, y, weight, name="model").predict(X)
    rows = np.repeat(np.arange(40), weight.astype(int))
    np.testing.assert_allclose(weighted, LinearRegression().fit(X[rows], y[rows]).predict(X))


def test_equal_weights_need_no_model_that_takes_them():
    X = np.arange(10.0)[:, None]
    search = GridSearchCV(LinearRegression(), {"fit_intercept": [True]}, cv=2)
    assert fit_mean(search, X, X[:, 0], np.full(10, 2.0), name="model").predict(X) == pytest.approx(X[:, 0])
    with pytest.raises(ParameterTypeError, match="model is a GridSearchCV, whose fit takes no sample_weight"):
        fit_mean(search, X, X[:, 0], np.arange(1.0, 11.0), name="model")


def test_a_pipeline_that_ends_in_nothing_takes_no_weights():
    X = np.arange(10.0)[:, None]
    with pytest.raises(ParameterTypeError, match="model is a Pipeline, whose fit takes no"):
        fit_mean(make_pipeline("passthrough"), X, X[:, 0], np.arange(1.0, 11.0), name="model")


def test_arms_have_the_chances_that_a_classifier_states():
    X = np.r_[np.zeros(30), np.ones(30)][:, None]
    codes = np.r_[np.zeros(20, int), np.ones(40, int)]
    model = fit_classes(LogisticRegression(C=1e6), X, codes, None, name="propensity_model")
    np.testing.assert_allclose(model.predict_proba([[0.0]])[0], [2 / 3, 1 / 3], atol=0.01)


@pytest.mark.parametrize("cls", [BoostedOutcome, EffectForest])
def test_predictions_stay_within_what_was_seen(cls):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = (rng.random(400) < 0.02).astype(float)
    found = cls().fit(X, y).predict(X * 3)
    assert found.min() >= 0
    assert found.max() <= 1


@pytest.mark.parametrize("cls", [BoostedOutcome, EffectForest, BoostedPropensity])
def test_categories_are_those_of_the_fit(cls):
    plan = np.array(["a", "b", "c", None] * 100, dtype=object)
    y = (plan == "b").astype(int)
    for column in (pd.Series(plan), pd.Series(plan).astype("category"), pd.Series(plan, dtype="string")):
        frame = pd.DataFrame({"plan": column, "x": np.arange(400.0)})
        model = cls().fit(frame, y)
        ask = model.predict_proba if cls is BoostedPropensity else model.predict
        whole, part = ask(frame), ask(frame.iloc[1:2].reset_index(drop=True))
        np.testing.assert_array_equal(part[0], whole[1])
        assert np.isfinite(ask(frame.assign(plan="unheard of"))).all()


def test_names_of_columns_need_not_be_texts():
    frame = pd.DataFrame({0: ["a", "b"] * 50, 1: np.arange(100.0)})
    y = np.array([0.0, 1.0] * 50)
    assert np.corrcoef(BoostedOutcome().fit(frame, y).predict(frame), y)[0, 1] > 0.9


def test_the_likeliest_arm():
    X = np.arange(100.0)[:, None]
    arm = (X[:, 0] > 30).astype(int)
    assert (BoostedPropensity().fit(X, arm).predict(X) == arm).all()
