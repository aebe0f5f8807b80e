"""Doubly robust scores: unbiased if either model is right, and what is reported of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics import ipw_scores
from churnlib.targets import uplift_target
from churnlib.uplift import average_effect, dr_scores
from churnlib.uplift._propensity import PropensityModel


class Zero(DummyRegressor):
    """Expects 0 of everybody."""

    def __init__(self):
        super().__init__(strategy="constant", constant=0.0)


def confounded(n=6000, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    chance = 1 / (1 + np.exp(-X[:, 0]))
    treated = (rng.random(n) < chance).astype(int)
    value = 2 * X[:, 0] + treated * (1 + X[:, 1]) + rng.normal(size=n)
    return X, value, treated, chance


def test_without_a_model_of_the_outcome_they_are_inverse_propensity_scores():
    X, value, treated, chance = confounded(200)
    scores = dr_scores(X, value, treatment=treated, propensity=chance, outcome_model=Zero())
    np.testing.assert_allclose(scores.values, ipw_scores(value, treatment=treated, propensity=chance))


@pytest.mark.parametrize(
    "given_as",
    [
        {"propensity": None, "outcome_model": Zero()},  # the right chances, a wrong model of the outcome
        {"propensity": 0.5, "outcome_model": LinearRegression()},  # wrong chances, the right model
        {"propensity": "estimate", "outcome_model": LinearRegression(), "propensity_model": LogisticRegression()},
    ],
)
def test_either_model_is_enough(given_as):
    X, value, treated, chance = confounded()
    given_as = given_as | ({"propensity": chance} if given_as["propensity"] is None else {})
    scores = dr_scores(X, value, treatment=treated, **given_as)
    assert value[treated == 1].mean() - value[treated == 0].mean() > 2
    assert average_effect(scores).value == pytest.approx(1.0, abs=0.15)


def test_several_arms_and_the_mean_of_each():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6000, 1))
    arm = np.array(["control", "call", "email"])[rng.choice(3, 6000, p=[0.5, 0.2, 0.3])]
    value = X[:, 0] + np.select([arm == "call", arm == "email"], [2.0, -1.0]) + rng.normal(size=6000)
    shares = {"call": 0.2, "control": 0.5, "email": 0.3}
    scores = dr_scores(X, value, treatment=arm, propensity=shares, outcome_model=LinearRegression())
    assert scores.values.shape == (6000, 2)
    assert scores.outcomes.shape == scores.propensity.shape == scores.observed.shape == (6000, 3)
    assert scores.arms.tolist() == ["control", "call", "email"]
    np.testing.assert_allclose(scores.values.mean(axis=0), [2.0, -1.0], atol=0.15)
    np.testing.assert_allclose(scores.observed[:, 1:] - scores.observed[:, :1], scores.values)
    assert "'call' against 'control': " in repr(scores)
    assert len(scores) == 6000
    frame = pd.DataFrame(np.tile([0.3, 0.2, 0.5], (6000, 1)), columns=["email", "call", "control"])
    by_frame = dr_scores(X, value, treatment=arm, propensity=frame, outcome_model=LinearRegression())
    np.testing.assert_array_equal(by_frame.values, scores.values)
    target = uplift_target(value=value, treatment=arm, propensity=shares)
    np.testing.assert_array_equal(dr_scores(X, target, outcome_model=LinearRegression()).values, scores.values)


def test_the_index_is_kept_and_customers_stay_whole():
    X, value, treated, _ = confounded(400)
    index = pd.Index(np.arange(400) // 4, name="customer_id")
    scores = dr_scores(pd.DataFrame(X, index=index), value, treatment=treated, propensity=0.5)
    assert scores.index.equals(index)
    assert average_effect(scores).n_customers == 100


def test_overlap_by_hand():
    X, value, treated, chance = confounded(500)
    X = np.column_stack([X, np.where(np.arange(500) % 7, X[:, 1], np.nan), np.full(500, np.nan), np.ones(500)])
    scores = dr_scores(X, value, treatment=treated, propensity=chance, outcome_model=Zero())
    arms = scores.overlap.arms
    for arm, share in ((0, 1 - chance), (1, chance)):
        weight = 1 / share[treated == arm]
        assert arms.loc[arm, "ess"] == pytest.approx(weight.sum() ** 2 / (weight**2).sum())
        assert arms.loc[arm, "n_rows"] == (treated == arm).sum()
        assert arms.loc[arm, "lowest"] == share.min()
        assert arms.loc[arm, "highest"] == share.max()
    balance = scores.overlap.balance
    first, t = X[:, 0], treated == 1
    spread = np.sqrt((first[t].var() + first[~t].var()) / 2)
    assert balance.loc[(0, 1), "before"] == pytest.approx((first[t].mean() - first[~t].mean()) / spread)
    after = np.average(first[t], weights=1 / chance[t]) - np.average(first[~t], weights=1 / (1 - chance[~t]))
    assert balance.loc[(0, 1), "after"] == pytest.approx(after / spread)
    assert (balance.loc[[3, 4]] == 0).all(axis=None)
    assert "largest difference after weighting" in repr(scores.overlap)


def test_a_frame_names_its_features_in_the_balance():
    X, value, treated, _ = confounded(300)
    frame = pd.DataFrame(X, columns=["silence", "orders"]).assign(plan="gold")
    scores = dr_scores(frame, value, treatment=treated, propensity=0.5)
    assert scores.overlap.balance.index.tolist() == [("silence", 1), ("orders", 1)]


@given(st.integers(2, 5), st.floats(0.001, 0.15), st.integers(0, 2**32 - 1))
def test_chances_kept_inside_still_add_up(n_arms: int, clip: float, seed: int) -> None:
    chances = np.random.default_rng(seed).dirichlet(np.full(n_arms, 0.2), size=20)
    kept = PropensityModel((), n_arms, clip).kept_inside(chances)
    np.testing.assert_allclose(kept.sum(axis=1), 1.0)
    assert kept.min() >= clip * (1 - 1e-9)
    inside = (chances >= clip).all(axis=1)
    np.testing.assert_array_equal(kept[inside], chances[inside])


def test_never_estimated_unasked():
    X, value, treated, _ = confounded(100)
    with pytest.raises(ParameterError, match="dr_scores needs the propensity"):
        dr_scores(X, value, treatment=treated)
    with pytest.raises(DataError, match="all 100 rows are in arm 1"):
        dr_scores(X, value, treatment=np.ones(100), propensity=0.5)
