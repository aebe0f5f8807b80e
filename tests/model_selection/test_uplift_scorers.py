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

from churnlib.exceptions import AssumptionWarning, DataError, ParameterError, ParameterTypeError
from churnlib.metrics import RankedEffects, autoc_score, auuc_score, qini_score
from churnlib.model_selection import UpliftScorer
from churnlib.targets import survival_target, uplift_target
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


class First(DummyRegressor):
    """Predicts its first features."""

    def __init__(self, columns=1):
        super().__init__()
        self.columns = columns

    def predict(self, X):
        return np.asarray(X)[:, 0] if self.columns == 1 else np.asarray(X)[:, : self.columns]


def test_arms_may_have_names_for_models_that_are_no_learners():
    X, spent, treated = campaign()
    y = uplift_target(value=spent, treatment=treated, propensity=0.5)
    named = uplift_target(value=spent, treatment=np.where(treated == 1, "call", "control"), propensity=0.5)
    model = First().fit(X, spent)
    assert UpliftScorer().score(model, X, named) == UpliftScorer().score(model, X, y)


def test_several_treatments_of_models_that_are_no_learners():
    X, spent, _ = campaign()
    arm = np.arange(len(X)) % 3
    y = uplift_target(value=spent, treatment=arm, propensity=np.full((len(X), 3), 1 / 3))
    each = []
    for one in (1, 2):
        effect = (spent - spent.mean()) * ((arm == one) * 3.0 - (arm == 0) * 3.0)
        each.append(RankedEffects(effect, X[:, one - 1]).qini())
    assert UpliftScorer().score(First(2).fit(X, spent), X, y) == pytest.approx(np.mean(each))
    with pytest.raises(DataError, match=r"shape \(900,\), and there are 900 rows and 2 treatments"):
        UpliftScorer().score(First().fit(X, spent), X, y)


def test_nothing_may_be_given_twice():
    X, spent, treated = campaign()
    y = uplift_target(value=spent, treatment=treated, propensity=0.5)
    with pytest.raises(ParameterError, match="propensity is given twice"):
        UpliftScorer().score(First().fit(X, spent), X, y, propensity=0.9)


def test_survival_is_scored_by_the_horizon_of_the_learner():
    X, _, treated = campaign()
    left = np.random.default_rng(1).exponential(30 + 60 * treated * (X[:, 0] > 0))
    y = uplift_target(survival=survival_target(np.ones(len(X)), left), treatment=treated, propensity=0.5)
    as_value = uplift_target(value=np.minimum(left, 60), treatment=treated, propensity=0.5)
    learner = TLearner(LinearRegression(), horizon=60).fit(X, y)
    assert UpliftScorer().score(learner, X, y) == pytest.approx(UpliftScorer().score(learner, X, as_value))
    with pytest.raises(DataError, match="the outcome of the target is survival"):
        UpliftScorer().score(First().fit(X, left), X, y)
