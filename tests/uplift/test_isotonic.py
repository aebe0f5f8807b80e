"""Recalibrated effects: the right size, the ranking kept, arms, fitted learners, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError
from churnlib.uplift import DRLearner, IsotonicUplift, TLearner, dr_scores
from churnlib.uplift._learner import UpliftLearner
from tests.uplift.effect_worlds import Line, small_campaign, twenty_features


class Known(UpliftLearner):
    """A learner whose prediction is a function of one feature, whatever the data."""

    def __init__(self, *, by=None, propensity=None, control=None, horizon=None, random_state=0) -> None:
        self.by = by
        self.propensity, self.control, self.horizon, self.random_state = propensity, control, horizon, random_state

    def _fit(self, rows) -> None:
        self.n_seen_ = len(rows)

    def _effects(self, X) -> np.ndarray:
        return np.column_stack([self.by(np.asarray(X)[:, 0])] * (len(self.arms_) - 1))


def wide(x: np.ndarray) -> np.ndarray:
    return 3 * x + 2


def linear_world(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X, treated = rng.normal(size=(n, 2)), rng.integers(0, 2, n)
    return X, treated * X[:, 0] * 0.5 + X[:, 1] + rng.normal(size=n), treated


def test_effects_get_their_size_and_keep_their_ranking() -> None:
    X, outcome, treated = linear_world(20_000)
    learner = IsotonicUplift(Known(by=wide), propensity=0.5, outcome_model=Line(), cv=3)
    found = learner.fit(X, outcome, treatment=treated).predict(X)
    inside = np.abs(X[:, 0]) < 2
    assert np.sqrt(np.mean((found - 0.5 * X[:, 0])[inside] ** 2)) < 0.08
    assert (np.diff(found[np.argsort(X[:, 0])]) >= 0).all()
    assert learner.learner_.n_seen_ == 20_000


def test_its_mean_is_that_of_the_scores() -> None:
    X, outcome, treated = linear_world(3000)
    learner = IsotonicUplift(Known(by=wide), propensity=0.5, outcome_model=Line(), cv=3, random_state=4)
    learner.fit(X, outcome, treatment=treated)
    scores = dr_scores(X, outcome, treatment=treated, propensity=0.5, outcome_model=Line(), cv=3, random_state=4)
    assert learner.predict(X).mean() == pytest.approx(scores.values.mean(), abs=1e-6)


def test_the_wrong_way_round_becomes_the_mean() -> None:
    """A curve that never falls cannot turn a ranking; it says that there is none."""
    X, outcome, treated = linear_world(5000)
    learner = IsotonicUplift(Known(by=lambda x: -x), propensity=0.5, outcome_model=Line())
    found = learner.fit(X, outcome, treatment=treated).predict(X)
    assert found.std() < 0.1


def test_it_brings_a_wide_learner_nearer_to_the_truth() -> None:
    rows, new = twenty_features(6000, by_lot=True), twenty_features(6000, seed=1, by_lot=True)
    inner = TLearner()
    raw = clone(inner).fit(rows.X, rows.outcome, treatment=rows.treated).predict(new.X)
    even = IsotonicUplift(inner, propensity=0.5).fit(rows.X, rows.outcome, treatment=rows.treated).predict(new.X)
    assert np.mean((even - new.effect) ** 2) < 0.5 * np.mean((raw - new.effect) ** 2)


def test_a_fitted_learner_is_taken_as_it_is() -> None:
    X, outcome, treated = linear_world(4000)
    learner = DRLearner(outcome_model=Line(), effect_model=Line(), propensity=0.5)
    learner.fit(X[:2000], outcome[:2000], treatment=treated[:2000])
    before = learner.predict(X)
    even = IsotonicUplift(learner, cv="prefit", propensity=0.5, outcome_model=Line())
    even.fit(X[2000:], outcome[2000:], treatment=treated[2000:])
    assert even.learner_ is learner
    assert (learner.predict(X) == before).all()
    assert np.corrcoef(even.predict(X), before)[0, 1] > 0.9
    with pytest.raises(DataError, match=r"the rows are in the arms 0, 1, 2.*the fitted learner knows 0, 1"):
        even.set_params(propensity={0: 0.5, 1: 0.25, 2: 0.25}).fit(
            X, outcome, treatment=np.where(treated == 1, 1 + np.arange(4000) % 2, 0)
        )
    with pytest.raises(NotFittedError):
        IsotonicUplift(DRLearner(), cv="prefit", propensity=0.5).fit(X, outcome, treatment=treated)


def test_several_arms_have_a_curve_each() -> None:
    rng = np.random.default_rng(0)
    X, arm = rng.normal(size=(9000, 2)), rng.choice(["A", "B", "none"], 9000)
    outcome = np.select([arm == "A", arm == "B"], [X[:, 0], 1.0], 0.0) + rng.normal(size=9000)
    shares = {"none": 1 / 3, "A": 1 / 3, "B": 1 / 3}
    learner = IsotonicUplift(DRLearner(outcome_model=Line(), effect_model=Line()), control="none", outcome_model=Line())
    learner.fit(X, outcome, treatment=arm, propensity=pd.DataFrame(shares, index=range(9000)))
    effects = learner.predict(X)
    assert learner.arms_.tolist() == ["none", "A", "B"]
    assert np.corrcoef(effects[:, 0], X[:, 0])[0, 1] > 0.95
    assert effects[:, 1] == pytest.approx(1.0, abs=0.25)


def test_rows_of_a_customer_stay_in_one_fold_and_an_estimate_is_shared() -> None:
    rows = small_campaign(np.random.default_rng(0), 400, repeated=True)
    learner = IsotonicUplift(DRLearner(outcome_model=Line(), effect_model=Line()), outcome_model=Line(), cv=2)
    learner.fit(rows.X, rows.outcome, treatment=rows.treated, propensity="estimate")
    assert learner.predict_propensity(rows.X).shape == (len(rows.X), 2)


def test_without_a_propensity_it_says_so() -> None:
    X, outcome, treated = linear_world(200)
    with pytest.raises(ParameterError, match=r"IsotonicUplift needs the propensity"):
        IsotonicUplift(TLearner()).fit(X, outcome, treatment=treated)


def test_ends_are_not_single_rows() -> None:
    X, outcome, treated = linear_world(2000)
    outcome[np.argmax(X[:, 0])] += 1000.0 * (2 * treated[np.argmax(X[:, 0])] - 1)
    fits = [
        IsotonicUplift(Known(by=wide), propensity=0.5, outcome_model=LinearRegression(), ends=ends)
        .fit(X, outcome, treatment=treated)
        .predict(X)
        .max()
        for ends in (0.0, 0.05)
    ]
    assert fits[0] > 1000
    assert fits[1] < 60


@pytest.mark.parametrize("learner", [LinearRegression(), make_pipeline(StandardScaler(), DRLearner())])
def test_what_takes_no_treatment_is_no_learner(learner) -> None:
    x, spent, treated = linear_world(200)
    with pytest.raises(ParameterTypeError, match="whose fit takes no treatment"):
        IsotonicUplift(learner, propensity=0.5, outcome_model=Line()).fit(x, spent, treatment=treated)
