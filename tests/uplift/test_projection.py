"""The best linear description of effects: against least squares and a sandwich written out, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from churnlib.exceptions import DataError, ParameterError
from churnlib.uplift import DRLearner, average_effect, project_effects
from tests.uplift.effect_worlds import Line, small_campaign

RNG = np.random.default_rng(0)
X = pd.DataFrame({"tenure": RNG.gamma(2, 1, 400), "orders": RNG.poisson(3, 400)})
SCORES = (0.2 - 0.3 * X["tenure"] + RNG.normal(size=400) * X["tenure"]).to_numpy()


def test_least_squares_with_a_sandwich() -> None:
    found = project_effects(SCORES, X)
    Z = np.column_stack([np.ones(400), X])
    bread = np.linalg.inv(Z.T @ Z)
    expected = bread @ Z.T @ SCORES
    residual = (SCORES - Z @ expected) / np.sqrt(1 - np.diag(Z @ bread @ Z.T))
    meat = (Z * residual[:, None]).T @ (Z * residual[:, None])
    assert found.coefficients == pytest.approx(expected)
    assert found.covariance == pytest.approx(bread @ meat @ bread)
    assert found.table().index.tolist() == ["intercept", "tenure", "orders"]
    assert found.standard_error(X[:1])[0] == pytest.approx(np.sqrt(Z[0] @ found.covariance @ Z[0]))


def test_weights_repeat_rows_in_the_coefficients() -> None:
    weight = 1 + np.arange(400) % 3
    repeated = np.repeat(np.arange(400), weight)
    weighted = project_effects(SCORES, X, sample_weight=weight)
    again = project_effects(SCORES[repeated], X.iloc[repeated], customer=repeated)
    assert weighted.coefficients == pytest.approx(again.coefficients)
    assert weighted.covariance == pytest.approx(again.covariance, rel=0.1)


def test_repeated_rows_are_no_more_customers() -> None:
    once = project_effects(SCORES, X)
    index = pd.Index(np.tile(np.arange(400), 2), name="customer_id")
    twice = project_effects(np.tile(SCORES, 2), pd.concat([X, X]).set_index(index))
    assert twice.n_customers == 400
    assert twice.coefficients == pytest.approx(once.coefficients)
    assert twice.covariance == pytest.approx(once.covariance, rel=0.05)


def test_without_features_it_is_the_average_effect() -> None:
    found = project_effects(SCORES, np.empty((400, 0)))
    average = average_effect(SCORES)
    assert found.table().iloc[0].tolist() == pytest.approx(
        [average.value, average.low, average.high, average.standard_error]
    )


def test_its_mean_is_the_average_effect() -> None:
    assert project_effects(SCORES, X).predict(X).mean() == pytest.approx(SCORES.mean())


def test_units_of_features_do_not_matter() -> None:
    scaled = X * np.array([1e6, 1e-6])
    low, high = project_effects(SCORES, X).interval(X)
    again = project_effects(SCORES, scaled).interval(scaled)
    assert again[0] == pytest.approx(low)
    assert again[1] == pytest.approx(high)
    narrow = project_effects(SCORES, X).interval(X, confidence=0.5)
    assert (narrow[0] > low).all()


def test_what_is_refused() -> None:
    found = project_effects(SCORES, X)
    with pytest.raises(DataError, match=r"X has 1 columns.*the 2 of the projection: tenure, orders"):
        found.predict(X[["tenure"]])
    with pytest.raises(DataError, match=r"X has 10 rows and scores 400"):
        project_effects(SCORES, X[:10])
    with pytest.raises(DataError, match=r"1 of 400 rows of X have a missing or infinite value \(row 0\)"):
        project_effects(SCORES, X.astype(float).where(X.index.to_series() > 0))
    with pytest.raises(DataError, match=r"X cannot be read as numbers"):
        project_effects(SCORES, X.assign(tier="A"))
    with pytest.raises(DataError, match=r"X has shape \(400,\)"):
        project_effects(SCORES, X["tenure"])
    with pytest.raises(DataError, match=r"not independent of each other and of the intercept"):
        project_effects(SCORES, X.assign(twice=2 * X["tenure"] + 1))
    with pytest.raises(DataError, match=r"there are 3 customers for 3 coefficients"):
        project_effects(SCORES[:3], X[:3])
    with pytest.raises(ParameterError, match=r"confidence is 2"):
        found.interval(X, confidence=2)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_linear_learner_has_intervals(weighted: bool) -> None:
    rows = small_campaign(np.random.default_rng(0), 400, repeated=True)
    weight = 1 + np.arange(len(rows.X)) % 2 if weighted else None
    learner = DRLearner(outcome_model=LinearRegression(), effect_model=LinearRegression())
    learner.fit(rows.X, rows.outcome, treatment=rows.treated, propensity=0.5, sample_weight=weight)
    low, high = learner.predict_interval(rows.X)
    assert learner.predict(rows.X) == pytest.approx((low + high) / 2)
    assert learner.projections_[0].n_customers == 400
    narrow = learner.predict_interval(rows.X, confidence=0.5)
    assert (narrow[0] > low).all()


def test_a_linear_learner_of_several_arms_has_them_too() -> None:
    rng = np.random.default_rng(1)
    features, arm = rng.normal(size=(3000, 2)), rng.choice(["control", "a", "b"], 3000)
    outcome = np.select([arm == "a", arm == "b"], [features[:, 0], 2.0]) + rng.normal(size=3000)
    learner = DRLearner(outcome_model=Line(), effect_model=LinearRegression())
    learner.fit(features, outcome, treatment=arm, propensity={"control": 1 / 3, "a": 1 / 3, "b": 1 / 3})
    low, high = learner.predict_interval([[1.0, 0.0]])
    assert low.shape == (1, 2)
    assert (low[0] < [1.0, 2.0]).all()
    assert (high[0] > [1.0, 2.0]).all()


def test_other_learners_have_none() -> None:
    rows = small_campaign(np.random.default_rng(2), 300)
    learner = DRLearner(propensity=0.5, outcome_model=Line()).fit(rows.X, rows.outcome, treatment=rows.treated)
    with pytest.raises(ParameterError, match=r"effects of this EffectForest have no interval for one customer"):
        learner.predict_interval(rows.X)
    twice = rows.X.assign(again=rows.X["need"])
    learner = DRLearner(propensity=0.5, outcome_model=Line(), effect_model=LinearRegression())
    learner.fit(twice, rows.outcome, treatment=rows.treated)
    with pytest.raises(ParameterError, match=r"effects of this LinearRegression have no interval"):
        learner.predict_interval(twice)


def test_rows_in_another_order_are_refused() -> None:
    scores = pd.Series([1.0, 2.0, 3.0, 5.0], index=list("abcd"))
    X = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]}, index=list("dcba"))
    with pytest.raises(DataError, match="scores and X hold the same 4 labels in different orders"):
        project_effects(scores, X)
