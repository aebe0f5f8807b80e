"""The scorer of uplift learners, on both ways in, and what happens without treatment."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from churnlib.exceptions import AssumptionWarning, ParameterError, ParameterTypeError
from churnlib.metrics import autoc_score, auuc_score, qini_score
from churnlib.model_selection import UpliftScorer
from churnlib.targets import uplift_target
from churnlib.uplift import TLearner

METRICS = {"qini": qini_score, "auuc": auuc_score, "autoc": autoc_score}


def campaign(n=900, seed=0):
    rng = np.random.default_rng(seed)
    X, treated = rng.normal(size=(n, 2)), rng.integers(0, 2, n)
    return X, 10 + treated * X[:, 0] + rng.normal(size=n), treated


@pytest.mark.parametrize("metric", METRICS)
def test_it_is_the_metric_of_the_centred_outcome(metric):
    X, value, treated = campaign()
    weight = np.random.default_rng(1).integers(1, 3, len(X))
    learner = make_pipeline(StandardScaler(), TLearner(LinearRegression()))
    y = uplift_target(value=value, treatment=treated, propensity=0.4)
    learner.fit(X, y)
    for given in (None, weight):
        centred = value - np.average(value, weights=given)
        expected = METRICS[metric](centred, learner.predict(X), treatment=treated, propensity=0.4, sample_weight=given)
        assert UpliftScorer(metric)(learner, X, y, sample_weight=given) == pytest.approx(expected)
        found = UpliftScorer(metric)(learner, X, value, treatment=treated, propensity=0.4, sample_weight=given)
        assert found == pytest.approx(expected)


def test_any_model_that_predicts_effects_is_scored():
    X, value, treated = campaign()
    model = LinearRegression().fit(X, X[:, 0])
    y = uplift_target(value=value, treatment=treated, propensity=0.5)
    expected = qini_score(value - value.mean(), X[:, 0], treatment=treated, propensity=0.5)
    assert UpliftScorer()(model, X, y) == pytest.approx(expected)
    assert UpliftScorer()(model, X, value, treatment=treated, propensity=0.5) == pytest.approx(expected)


def test_searches_choose_the_same_on_both_ways():
    X, value, treated = campaign()
    chance = np.full(len(X), 0.5)
    y = uplift_target(value=value, treatment=treated, propensity=0.5)
    pipeline = make_pipeline(StandardScaler(), TLearner(Ridge()))
    grid = {"tlearner__outcome_model__alpha": [0.1, 1e6]}
    search = GridSearchCV(pipeline, grid, scoring=UpliftScorer("autoc"), cv=KFold(3))
    packed = clone(search).fit(X, y)
    scoring = {"autoc": UpliftScorer("autoc"), "qini": UpliftScorer()}
    several = cross_validate(pipeline, X, y, scoring=scoring, cv=KFold(3))
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clone(search).fit(X, value, treatment=treated, propensity=chance)
        given = {"treatment": treated, "propensity": chance}
        both = cross_validate(pipeline, X, value, scoring=scoring, cv=KFold(3), params=given)
    np.testing.assert_array_equal(packed.cv_results_["mean_test_score"], routed.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(several["test_autoc"], both["test_autoc"])
    np.testing.assert_array_equal(several["test_qini"], both["test_qini"])
    assert UpliftScorer("autoc")(packed, X, y) > 0
    weight = np.ones(len(X))
    np.testing.assert_array_equal(
        clone(search).fit(X, y, tlearner__sample_weight=weight).cv_results_["mean_test_score"],
        packed.cv_results_["mean_test_score"],
    )


def test_without_treatment_it_is_an_error():
    X, value, treated = campaign(60)
    fitted = TLearner(LinearRegression(), propensity=0.5).fit(X, value, treatment=treated)
    for score in (lambda: fitted.score(X, value), lambda: UpliftScorer()(fitted, X, value)):
        with (
            pytest.warns(AssumptionWarning, match="the scorer is given no treatment"),
            pytest.raises(ParameterError, match=r"the scorer is given no treatment(.|\n)*uplift_target"),
        ):
            score()


@pytest.mark.parametrize("scoring", [None, UpliftScorer("autoc")])
def test_a_search_that_loses_the_treatment_says_so(scoring):
    X, value, treated = campaign(60)
    search = GridSearchCV(
        TLearner(Ridge(), propensity=0.5), {"outcome_model__alpha": [1.0]}, scoring=scoring, cv=KFold(2)
    )
    with (
        pytest.warns(AssumptionWarning, match="enable_metadata_routing=True"),
        pytest.warns(UserWarning, match="Scoring failed|non-finite"),
    ):
        search.fit(X, value, treatment=treated)
    assert np.isnan(search.best_score_)
    strict = clone(search).set_params(error_score="raise")
    with (
        pytest.warns(AssumptionWarning, match="the scorer is given no treatment"),
        pytest.raises(ParameterError, match="the scorer is given no treatment"),
    ):
        strict.fit(X, value, treatment=treated)


def test_refusals():
    X, value, treated = campaign(60)
    y = uplift_target(value=value, treatment=treated, propensity=0.5)
    with pytest.raises(ParameterError, match=r"metric='gini' is not a choice \(did you mean 'qini'"):
        UpliftScorer("gini")(DummyRegressor().fit(X, value), X, y)
    with pytest.raises(ParameterTypeError, match="a StandardScaler predicts nothing"):
        UpliftScorer()(StandardScaler().fit(X), X, y)
