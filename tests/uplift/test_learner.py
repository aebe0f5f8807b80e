"""What every learner does: both ways in, arms, signs, refusals, and the models inside."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor

from churnlib.exceptions import (
    ChurnlibError,
    DataError,
    HistoryError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
)
from churnlib.model_selection import UpliftScorer
from churnlib.targets import survival_target, uplift_target
from churnlib.uplift import (
    DRLearner,
    RLearner,
    SLearner,
    TLearner,
    TransformedOutcomeLearner,
    XLearner,
    dr_scores,
)


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch):
    monkeypatch.setattr("churnlib.uplift._trees._SIZES", {"boosted": 30, "forest": 30})


LEARNERS = [SLearner, TLearner, XLearner, RLearner, DRLearner, TransformedOutcomeLearner]
WEIGHING = [XLearner, RLearner, DRLearner, TransformedOutcomeLearner]


def linear(cls, **options):
    """A learner with linear models inside; an S-learner, to which they show one effect for all, with trees."""
    names = cls._get_param_names()
    models = {name: Ridge(alpha=1e-3) for name in ("outcome_model", "effect_model") if name in names}
    if cls is SLearner:
        models = {}
    return cls(**models, **options)


def campaign(n=1200, *, seed=0, noise=1.0):
    """A value whose effect is +2 for half of the customers, and -2 for the others: sleeping dogs."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=["tenure", "orders", "noise"])
    treated = (rng.random(n) < 0.5).astype(int)
    dog = (X["tenure"] < 0).to_numpy()
    effect = np.where(dog, -2.0, 2.0)
    value = 5 + X["orders"].to_numpy() + treated * effect + noise * rng.normal(size=n)
    return X, value, treated, dog


def several_arms(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    chances = np.array([0.5, 0.2, 0.3])
    arm = np.array(["control", "call", "email"])[rng.choice(3, n, p=chances)]
    effect = np.stack([1.0 + X[:, 0], -1.0 + X[:, 1]], axis=1)
    value = X[:, 0] + np.where(arm == "call", effect[:, 0], np.where(arm == "email", effect[:, 1], 0.0))
    return X, value + 0.5 * rng.normal(size=n), arm, effect


@pytest.mark.parametrize("cls", LEARNERS)
class TestEveryLearner:
    def test_both_ways_in_are_one(self, cls):
        X, value, treated, _ = campaign()
        by_argument = linear(cls).fit(X, value, treatment=treated, propensity=0.5)
        by_target = linear(cls).fit(X, uplift_target(value=value, treatment=treated, propensity=0.5))
        by_constructor = linear(cls, propensity=0.5).fit(X, uplift_target(value=value, treatment=treated))
        np.testing.assert_array_equal(by_argument.predict(X), by_target.predict(X))
        np.testing.assert_array_equal(by_argument.predict(X), by_constructor.predict(X))
        assert by_argument.predict(X).shape == (len(X),)

    def test_sleeping_dogs_come_out_negative_by_every_name_of_the_outcome(self, cls):
        X, value, treated, dog = campaign(2000)
        kept = (value > 5).astype(int)
        time = np.clip(30 + 10 * (value - 5), 1, 60)
        stayed = survival_target(time < 60, time)
        for outcome in ({"value": value}, {"retained": kept}, {"churned": 1 - kept}, {"survival": stayed}):
            learner = cls(horizon=50, random_state=3)
            y = uplift_target(**outcome, treatment=treated, propensity=0.5)
            effect = learner.fit(X, y).predict(X)
            assert effect[dog].mean() < 0 < effect[~dog].mean(), outcome.keys()
            assert (effect[dog] < 0).mean() > 0.9, outcome.keys()

    def test_several_arms_have_a_column_each(self, cls):
        X, value, arm, effect = several_arms()
        shares = {"call": 0.2, "control": 0.5, "email": 0.3}
        learner = linear(cls).fit(X, value, treatment=arm, propensity=shares)
        assert learner.arms_.tolist() == ["control", "call", "email"]
        found = learner.predict(X)
        assert found.shape == (len(X), 2)
        for column in range(2):
            assert np.corrcoef(found[:, column], effect[:, column])[0, 1] > 0.85
        assert learner.score(X, value, treatment=arm, propensity=shares) > 0

    def test_which_arm_is_the_control_can_be_said(self, cls):
        X, value, treated, _ = campaign()
        named = np.where(treated == 1, "a call", "nothing")
        usual = linear(cls, propensity=0.5).fit(X, value, treatment=treated)
        said = linear(cls, propensity=0.5, control="nothing").fit(X, value, treatment=named)
        assert said.arms_.tolist() == ["nothing", "a call"]
        np.testing.assert_array_equal(usual.predict(X), said.predict(X))
        turned = linear(cls, propensity=0.5, control="a call").fit(X, value, treatment=named)
        np.testing.assert_allclose(turned.predict(X), -said.predict(X), atol=0.6)
        with pytest.raises(ParameterError, match=r"which of the arms 'a call', 'nothing' is the control is not said"):
            linear(cls, propensity=0.5).fit(X, value, treatment=named)
        with pytest.raises(DataError, match="no row is in the control, 'none'"):
            linear(cls, propensity=0.5, control="none").fit(X, value, treatment=named)

    def test_treatment_missing_is_an_error_with_the_fix(self, cls):
        X, value, _, _ = campaign(100)
        with pytest.raises(ParameterError, match=r"treatment is not given(.|\n)*enable_metadata_routing=True"):
            linear(cls).fit(X, value)

    def test_through_pipelines_and_searches_by_the_target(self, cls):
        X, value, treated, _ = campaign(600)
        y = uplift_target(value=value, treatment=treated, propensity=0.5)
        pipeline = make_pipeline(StandardScaler(), linear(cls)).fit(X, y)
        assert pipeline.score(X, y) > 0
        grid = {f"{cls.__name__.lower()}__random_state": [0, 1]}
        found = GridSearchCV(pipeline, grid, cv=KFold(2)).fit(X, y)
        assert found.best_score_ > 0
        assert found.score(X, y) > 0
        scores = cross_val_score(pipeline, X, y, cv=KFold(2))
        assert scores.shape == (2,)
        np.testing.assert_allclose(scores.mean(), found.best_score_, atol=0.2)

    def test_through_pipelines_and_searches_by_metadata(self, cls):
        X, value, treated, _ = campaign(600)
        chance = np.full(len(X), 0.5)
        y = uplift_target(value=value, treatment=treated, propensity=0.5)
        pipeline = make_pipeline(StandardScaler(), linear(cls))
        by_target = cross_val_score(pipeline, X, y, cv=KFold(2))
        # named, because scikit-learn 1.6 hands no metadata to the score of a pipeline by itself
        named = {"cv": KFold(2), "scoring": UpliftScorer()}
        grid = GridSearchCV(pipeline, {f"{cls.__name__.lower()}__random_state": [0]}, **named)
        with sklearn.config_context(enable_metadata_routing=True):
            given = {"treatment": treated, "propensity": chance}
            fitted = pipeline.fit(X, value, **given)
            assert fitted.score(X, value, **given) > 0
            routed = cross_validate(pipeline, X, value, **named, params=given)["test_score"]
            found = grid.fit(X, value, **given)
        np.testing.assert_array_equal(routed, by_target)
        np.testing.assert_allclose(found.best_score_, by_target.mean())

    @pytest.mark.parametrize(
        ("change", "error", "match"),
        [
            ({"treatment": np.ones(50, int)}, DataError, "all 50 rows are in arm 1"),
            ({"treatment": np.zeros(50, int)}, DataError, "all 50 rows are in arm 0"),
            (
                {"treatment": np.r_[np.zeros(25), np.ones(24)]},
                DataError,
                r"treatment has shape \(49,\) and the outcome 50",
            ),
            ({"y": np.ones(49)}, DataError, r"treatment has shape \(50,\) and the outcome 49 rows"),
            ({"y": np.r_[np.nan, np.ones(49)]}, DataError, "1 of 50 values of y are missing or infinite"),
            ({"y": pd.Series(np.ones(50), name="churn")}, DataError, "y is a Series named 'churn', where 1 is bad"),
            ({"propensity": 1.0}, DataError, "50 of 50 propensities are not between 0 and 1"),
            ({"propensity": np.r_[0.0, np.full(49, 0.5)]}, DataError, r"1 of 50 propensities are not .*row 0"),
            ({"propensity": "guess"}, ParameterError, "propensity='guess' is no chance"),
            ({"propensity": np.full((50, 3), 1 / 3)}, DataError, "propensity has 3 arms, and rows are in 2 "),
            ({"sample_weight": np.full(50, -1.0)}, DataError, "weights are negative"),
            ({"X": np.zeros((49, 2))}, DataError, "X has 49 rows and y 50"),
        ],
    )
    def test_bad_input_is_a_clear_error(self, cls, change, error, match):
        given = {
            "X": np.random.default_rng(0).normal(size=(50, 2)),
            "y": np.r_[np.zeros(10), np.ones(40)],
            "treatment": np.r_[np.zeros(25, int), np.ones(25, int)],
            "propensity": 0.5,
        } | change
        with pytest.raises(error, match=match):
            linear(cls).fit(given.pop("X"), given.pop("y"), **given)

    def test_y_is_required(self, cls):
        with pytest.raises(ParameterError, match="requires y to be passed"):
            linear(cls).fit(np.zeros((2, 1)), None, treatment=[0, 1])

    def test_nothing_may_be_given_twice(self, cls):
        X, value, treated, _ = campaign(50)
        y = uplift_target(value=value, treatment=treated, propensity=0.5)
        with pytest.raises(ParameterError, match="treatment is given twice"):
            linear(cls).fit(X, y, treatment=treated)
        with pytest.raises(ParameterError, match="propensity is given twice"):
            linear(cls).fit(X, y, propensity=0.5)

    def test_rows_in_another_order_are_refused(self, cls):
        X, value, treated, _ = campaign(50)
        with pytest.raises(DataError, match="X and treatment hold the same 50 labels in different orders"):
            linear(cls).fit(X, value, treatment=pd.Series(treated, index=X.index[::-1]), propensity=0.5)

    def test_feature_names_are_compared(self, cls):
        X, value, treated, _ = campaign(100)
        fitted = linear(cls, propensity=0.5).fit(X, value, treatment=treated)
        assert fitted.feature_names_in_.tolist() == list(X.columns)
        with pytest.raises(ValueError, match="feature names should match"):
            fitted.predict(X.rename(columns={"tenure": "age"}))

    def test_missing_values_and_texts_go_through_to_the_default_models(self, cls):
        X, value, treated, dog = campaign(1500)
        X = X.assign(plan=np.where(dog, "basic", "gold"), tenure=np.nan)
        fitted = cls(propensity=0.5).fit(X, value, treatment=treated)
        effect = fitted.predict(X)
        assert (effect[dog] < 0).mean() > 0.95
        alone = fitted.predict(X.iloc[[int(np.flatnonzero(dog)[0])]])  # of the categories only one is there
        assert alone[0] == effect[np.flatnonzero(dog)[0]]
        unseen = fitted.predict(X.assign(plan="silver"))
        assert np.isfinite(unseen).all()

    def test_weight_zero_is_no_row(self, cls):
        X, value, treated, _ = campaign(400)
        kept = np.arange(400) < 300
        cv = [(np.arange(400) % 2 == k, np.arange(400) % 2 != k) for k in (0, 1)]
        few = [(train[:300], test[:300]) for train, test in cv]
        extra = {"cv": few} if cls in WEIGHING else {}
        whole = {"cv": cv} if cls in WEIGHING else {}
        once = linear(cls, propensity=0.5, **extra).fit(X[kept], value[kept], treatment=treated[kept])
        weighted = linear(cls, propensity=0.5, **whole).fit(
            X, value, treatment=treated, sample_weight=kept.astype(float)
        )
        np.testing.assert_allclose(weighted.predict(X), once.predict(X), rtol=1e-8)

    def test_clone_and_pickle(self, cls):
        X, value, treated, _ = campaign(300)
        fitted = clone(linear(cls, propensity=0.5)).fit(X, value, treatment=treated)
        thawed = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(thawed.predict(X), fitted.predict(X))
        assert len(pickle.dumps(linear(cls, propensity=0.5).fit(X, value, treatment=treated))) < 400_000

    def test_frames_of_other_libraries(self, cls):
        pl = pytest.importorskip("polars")
        X, value, treated, _ = campaign(200)
        fitted = linear(cls, propensity=0.5).fit(X, value, treatment=treated)
        np.testing.assert_allclose(fitted.predict(pl.from_pandas(X)), fitted.predict(X))

    def test_infinite_features_are_named(self, cls):
        X, value, treated, _ = campaign(50)
        with pytest.raises(DataError, match=r"1 values of 'orders' are infinite \(row 3\)"):
            linear(cls).fit(X.mask((X.index == 3)[:, None] & (X.columns == "orders"), np.inf), value, treatment=treated)

    def test_score_needs_a_propensity(self, cls):
        X, value, treated, _ = campaign(200)
        fitted = linear(cls).fit(X, value, treatment=treated, propensity=0.5)
        with pytest.raises(ParameterError, match="the score needs the propensity"):
            fitted.score(X, value, treatment=treated)
        with pytest.raises(ParameterError, match="was fitted without estimating it"):
            fitted.score(X, value, treatment=treated, propensity="estimate")

    def test_a_learner_that_estimated_the_propensity_is_judged_by_it(self, cls):
        X, value, treated, _ = campaign(600)
        fitted = linear(cls, propensity="estimate").fit(X, value, treatment=treated)
        chances = fitted.predict_propensity(X)
        np.testing.assert_allclose(chances.sum(axis=1), 1.0)
        by_hand = fitted.score(X, value, treatment=treated, propensity=chances)
        assert fitted.score(X, value, treatment=treated) == by_hand
        told = linear(cls).fit(X, value, treatment=treated, propensity=0.5)
        with pytest.raises(AttributeError, match="was given the propensity, and has not estimated it"):
            told.predict_propensity(X)

    def test_a_fold_without_an_arm_cannot_be_scored(self, cls):
        X, value, arm, _ = several_arms(300)
        shares = {"call": 0.2, "control": 0.5, "email": 0.3}
        fitted = linear(cls).fit(X, value, treatment=arm, propensity=shares)
        two = arm != "call"
        with pytest.raises(DataError, match="rows to be scored are in the arms control, email"):
            fitted.score(X[two], value[two], treatment=arm[two], propensity=0.4)


@pytest.mark.parametrize("cls", WEIGHING)
class TestLearnersThatWeigh:
    def test_no_propensity_is_ever_estimated_unasked(self, cls):
        X, value, treated, _ = campaign(100)
        with pytest.raises(ParameterError, match=rf"{cls.__name__} needs the propensity"):
            linear(cls).fit(X, value, treatment=treated)

    def test_overlap_is_reported(self, cls):
        X, value, treated, _ = campaign(600)
        known = linear(cls).fit(X, value, treatment=treated, propensity=0.5).overlap_
        assert known.arms["ess_share"].tolist() == pytest.approx([1.0, 1.0])
        assert not known.estimated
        asked = linear(cls, propensity="estimate", clip=0.4).fit(X, value, treatment=treated).overlap_
        assert asked.estimated
        assert 0 < asked.clipped < 1
        assert asked.arms["lowest"].min() >= 0.4
        assert "estimated" in repr(asked)

    def test_trimmed_rows_are_left_out_and_counted(self, cls):
        X, value, treated, _ = campaign(800)
        chance = np.where(np.arange(800) < 80, 0.02, 0.5)
        value = np.where((np.arange(800) < 80) & (treated == 1), 1e6, value)
        trimmed = linear(cls, trim=0.05).fit(X, value, treatment=treated, propensity=chance)
        assert trimmed.overlap_.trimmed == pytest.approx(0.1)
        assert "10.0% trimmed" in repr(trimmed.overlap_)
        if cls is TransformedOutcomeLearner:  # no model of the outcome that has seen these rows
            return
        assert linear(cls).fit(X, value, treatment=treated, propensity=chance).overlap_.trimmed == 0

    def test_any_classifier_estimates_the_propensity(self, cls):
        rng = np.random.default_rng(1)
        X = rng.normal(size=(3000, 2))
        chance = 1 / (1 + np.exp(-X[:, 0]))
        treated = (rng.random(3000) < chance).astype(int)
        value = 3 * X[:, 0] + treated * 1.0 + rng.normal(size=3000)
        learner = linear(cls, propensity="estimate", propensity_model=LogisticRegression())
        effect = learner.fit(X, value, treatment=treated).predict(X)
        naive = value[treated == 1].mean() - value[treated == 0].mean()
        assert naive > 3
        assert effect.mean() == pytest.approx(1.0, abs=0.25)
        np.testing.assert_allclose(learner.predict_propensity(X)[:, 1], chance, atol=0.05)
        after = learner.overlap_.balance
        assert after["after"].abs().max() < 0.1 < after["before"].abs().max()

    def test_a_model_that_states_no_chances_is_refused(self, cls):
        X, value, treated, _ = campaign(100)
        with pytest.raises(ParameterTypeError, match="propensity_model is a LinearSVC, which states no probabilities"):
            linear(cls, propensity="estimate", propensity_model=LinearSVC()).fit(X, value, treatment=treated)

    def test_clip_leaves_room_for_every_arm(self, cls):
        X, value, arm, _ = several_arms(300)
        with pytest.raises(ParameterError, match=r"clip=0.4 for 3 arms; from 0 to below 0.333333"):
            linear(cls, propensity="estimate", clip=0.4).fit(X, value, treatment=arm)


@pytest.mark.parametrize("cls", [SLearner, TLearner, XLearner, RLearner, DRLearner])
class TestModelsOfTheOutcome:
    def test_of_a_classifier_the_probability_is_used(self, cls):
        rng = np.random.default_rng(2)
        X = rng.normal(size=(4000, 2))
        treated = rng.integers(0, 2, 4000)
        effect = 0.3 * (X[:, 0] > 0)
        kept = (rng.random(4000) < 0.4 + treated * effect).astype(int)
        by_class = CalibratedClassifierCV(LogisticRegression(), cv=2) if cls is not SLearner else None
        learner = cls(outcome_model=by_class, propensity=0.5).fit(X, kept, treatment=treated)
        found = learner.predict(X)
        assert np.abs(found).max() <= 1.3
        assert found[X[:, 0] > 0].mean() == pytest.approx(0.3, abs=0.08)
        assert found[X[:, 0] < 0].mean() == pytest.approx(0.0, abs=0.12)

    def test_a_classifier_cannot_learn_amounts(self, cls):
        X, value, treated, _ = campaign(100)
        with pytest.raises(ParameterTypeError, match="outcome_model is a LogisticRegression, a classifier, and"):
            cls(outcome_model=LogisticRegression(), propensity=0.5).fit(X, value, treatment=treated)

    def test_a_classifier_without_probabilities_is_refused(self, cls):
        X, value, treated, _ = campaign(100)
        with pytest.raises(ParameterTypeError, match="outcome_model is a LinearSVC, which states no probabilities"):
            cls(outcome_model=LinearSVC(), propensity=0.5).fit(X, value > 5, treatment=treated)

    def test_weights_that_a_model_cannot_take_are_an_error(self, cls):
        X, value, treated, _ = campaign(100)
        weight = np.arange(1, 101)
        with pytest.raises(ParameterTypeError, match=r"outcome_model is a KNeighborsRegressor, whose fit takes no"):
            cls(outcome_model=KNeighborsRegressor(), propensity=0.5).fit(
                X, value, treatment=treated, sample_weight=weight
            )

    def test_weights_reach_the_last_step_of_a_pipeline_inside(self, cls):
        X, value, treated, _ = campaign(300)
        inner = make_pipeline("passthrough", Ridge(alpha=1e-3))
        weight = np.random.default_rng(0).integers(1, 4, 300)
        for routing in (False, True):
            with sklearn.config_context(enable_metadata_routing=routing):
                piped = cls(outcome_model=inner, propensity=0.5)
                plain = cls(outcome_model=Ridge(alpha=1e-3), propensity=0.5)
                found = [
                    learner.fit(X, value, treatment=treated, sample_weight=weight).predict(X)
                    for learner in (piped, plain)
                ]
            np.testing.assert_allclose(*found, rtol=1e-10)


def test_formulas_of_linear_learners_by_hand():
    X, value, treated, _ = campaign(500)
    x, t = X.to_numpy(), treated == 1
    arms = [LinearRegression().fit(x[side], value[side]) for side in (~t, t)]
    by_hand = arms[1].predict(x) - arms[0].predict(x)
    found = TLearner(LinearRegression()).fit(X.to_numpy(), value, treatment=treated)
    np.testing.assert_allclose(found.predict(x), by_hand)
    np.testing.assert_allclose(found.predict_outcomes(x)[:, 0], arms[0].predict(x))

    # with linear effects those of both arms are the same line, whatever their weights; trees differ
    trees = DecisionTreeRegressor(max_depth=2, random_state=0)
    learner = XLearner(outcome_model=LinearRegression(), effect_model=trees, propensity=0.3)
    of_treated = clone(trees).fit(x[t], value[t] - arms[0].predict(x[t]))
    of_control = clone(trees).fit(x[~t], arms[1].predict(x[~t]) - value[~t])
    by_hand = 0.3 * of_control.predict(x) + 0.7 * of_treated.predict(x)
    np.testing.assert_allclose(learner.fit(x, value, treatment=treated).predict(x), by_hand)

    transformed = (value - value.mean()) * (t / 0.3 - ~t / 0.7)
    by_hand = LinearRegression().fit(x, transformed).predict(x)
    found = TransformedOutcomeLearner(LinearRegression(), propensity=0.3).fit(x, value, treatment=treated)
    np.testing.assert_allclose(found.predict(x), by_hand)


def test_formulas_of_r_and_dr_by_hand():
    X, value, treated, _ = campaign(500)
    x, t = X.to_numpy(), treated == 1
    halves = [(np.arange(500) % 2 == k, np.arange(500) % 2 != k) for k in (0, 1)]
    m, m0, m1 = np.empty(500), np.empty(500), np.empty(500)
    for train, test in halves:
        m[test] = LinearRegression().fit(x[train], value[train]).predict(x[test])
        for held, side in ((m0, ~t), (m1, t)):
            held[test] = LinearRegression().fit(x[train & side], value[train & side]).predict(x[test])
    models = {"outcome_model": LinearRegression(), "effect_model": LinearRegression()}
    left = t - 0.3
    by_hand = LinearRegression().fit(x, (value - m) / left, left**2).predict(x)
    found = RLearner(**models, propensity=0.3, cv=halves).fit(x, value, treatment=treated)
    np.testing.assert_allclose(found.predict(x), by_hand)

    scores = m1 - m0 + t / 0.3 * (value - m1) - ~t / 0.7 * (value - m0)
    by_hand = LinearRegression().fit(x, scores).predict(x)
    found = DRLearner(**models, propensity=0.3, cv=halves).fit(x, value, treatment=treated)
    np.testing.assert_allclose(found.predict(x), by_hand)
    both = dr_scores(x, value, treatment=treated, propensity=0.3, outcome_model=LinearRegression(), cv=halves)
    np.testing.assert_allclose(both.values, scores)
    np.testing.assert_allclose(both.outcomes, np.stack([m0, m1], axis=1))
    np.testing.assert_allclose(both.observed[:, 1] - both.observed[:, 0], scores)


def test_x_learner_learns_the_weights_of_new_rows_where_chances_differ():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 2))
    chance = np.where(X[:, 0] > 0, 0.9, 0.1)
    treated = (rng.random(3000) < chance).astype(int)
    value = treated * X[:, 1] + rng.normal(size=3000)
    learner = linear(XLearner).fit(X, value, treatment=treated, propensity=chance)
    weight = learner._weights[0].predict(np.array([[1.0, 0.0], [-1.0, 0.0]]))
    np.testing.assert_allclose(weight, [0.9, 0.1], atol=0.02)


@pytest.mark.parametrize("cls", [RLearner, DRLearner])
def test_too_few_rows_for_the_folds_say_so(cls):
    X = np.arange(6.0)[:, None]
    with pytest.raises(HistoryError, match="6 customers for 7 folds"):
        linear(cls, propensity=0.5, cv=7).fit(X, X[:, 0], treatment=[0, 1] * 3)


def test_an_arm_of_one_row_cannot_be_learned_outside_its_fold():
    X = np.arange(6.0)[:, None]
    with pytest.raises(HistoryError, match="no row to learn from is in the training part of fold"):
        linear(DRLearner, propensity=0.5, cv=2).fit(X, X[:, 0], treatment=[0, 0, 0, 0, 0, 1])


def test_an_outcome_that_is_the_same_for_an_arm_is_a_constant():
    X, _, treated, _ = campaign(200)
    kept = np.where(treated == 1, 1, np.arange(200) % 2)
    learner = TLearner(LogisticRegression()).fit(X, kept, treatment=treated)
    assert (learner.predict_outcomes(X)[:, 1] == 1.0).all()


def test_same_rows_same_bytes():
    X, value, treated, _ = campaign(200)
    for cls in LEARNERS:
        twice = [cls(propensity="estimate").fit(X, value, treatment=treated).predict(X) for _ in range(2)]
        np.testing.assert_array_equal(*twice)


def test_parameters_are_checked():
    X, value, treated, _ = campaign(50)
    with pytest.raises(ValueError, match="'clip' parameter"):
        DRLearner(clip=0.7, propensity=0.5).fit(X, value, treatment=treated)
    y = uplift_target(survival=survival_target(value > 5, np.abs(value) + 1), treatment=treated, propensity=0.5)
    with pytest.raises(ChurnlibError, match="horizon is None and the outcome is survival"):
        DRLearner().fit(X, y)


class TestAnotherControl:
    """A target knows no control but "control"; a learner that is told of another takes the chances of that one."""

    def test_the_chances_follow_the_arms(self):
        X, value, treated, _ = campaign(300)
        arm = np.where(treated == 1, np.where(np.arange(300) % 2, "call", "email"), "control")
        y = uplift_target(value=value, treatment=arm, propensity={"control": 0.5, "call": 0.2, "email": 0.3})
        found = TransformedOutcomeLearner(LinearRegression(), control="email").fit(X, y).overlap_.arms["lowest"]
        assert found.to_dict() == {"email": 0.3, "call": 0.2, "control": 0.5}

    def test_of_two_arms_the_other_is_treated(self):
        X, value, treated, _ = campaign(300)
        y = uplift_target(
            value=value, treatment=np.where(treated == 1, "call", "control"), propensity={"control": 0.7, "call": 0.3}
        )
        found = TransformedOutcomeLearner(LinearRegression(), control="call").fit(X, y)
        assert found.overlap_.arms["lowest"].round(9).to_dict() == {"call": 0.3, "control": 0.7}
        usual = TransformedOutcomeLearner(LinearRegression()).fit(X, y)
        np.testing.assert_allclose(found.predict(X), -usual.predict(X))


@pytest.mark.parametrize("cls", [DRLearner, RLearner, TransformedOutcomeLearner, XLearner])
def test_trimming_leaves_rows_of_every_arm(cls):
    X, value, treated, _ = campaign(300)
    with pytest.raises(DataError, match=r"trim=0\.4 leaves 0 of 300 rows, and none of 0, 1"):
        linear(cls, trim=0.4).fit(X, value, treatment=treated, propensity=0.3)


class TestColumns:
    def test_a_column_named_like_an_arm(self):
        X, value, treated, _ = campaign(300)
        expected = SLearner(LinearRegression()).fit(X, value, treatment=treated).predict(X)
        X = X.rename(columns={X.columns[0]: "arm_1"})
        np.testing.assert_array_equal(
            SLearner(LinearRegression()).fit(X, value, treatment=treated).predict(X), expected
        )

    def test_columns_that_are_numbers(self):
        X, value, treated, _ = campaign(300)
        expected = SLearner(LinearRegression()).fit(X, value, treatment=treated).predict(X)
        X = X.set_axis(range(X.shape[1]), axis=1)
        np.testing.assert_array_equal(
            SLearner(LinearRegression()).fit(X, value, treatment=treated).predict(X), expected
        )

    def test_numbers_that_pandas_holds_as_objects(self):
        X, value, treated, _ = campaign(300)
        expected = TLearner().fit(X, value, treatment=treated).predict(X)
        X = X.astype(object)
        np.testing.assert_array_equal(TLearner().fit(X, value, treatment=treated).predict(X), expected)

    def test_the_same_name_twice(self):
        X, value, treated, _ = campaign(300)
        with pytest.raises(SchemaError, match="X has several columns"):
            TLearner().fit(pd.concat([X, X], axis=1), value, treatment=treated)

    def test_dates_are_no_categories(self):
        X, value, treated, _ = campaign(300)
        with pytest.raises(DataError, match="column 'since' holds datetime64"):
            TLearner().fit(X.assign(since=pd.Timestamp("2026-01-01")), value, treatment=treated)
