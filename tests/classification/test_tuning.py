"""How the model is chosen before it is fitted: budgets, candidates, folds, and what it costs."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from churnlib.classification import ChurnClassifier, Tuning, default_estimator
from churnlib.classification import _crossfit as crossfit
from churnlib.classification._choice import choose_model, staged_out_of_fold
from churnlib.classification._crossfit import Sample
from churnlib.classification._default import DEEP, SPACE, with_leaves_for
from churnlib.classification._encoder import TableEncoder
from churnlib.classification._tuning import Candidate, candidates_of, read_tune
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError
from churnlib.model_selection import PurgedGroupTimeSplit
from tests.classification.worlds import world

SHALLOW = {**{name: default_estimator().get_params()[name] for name in DEEP}, "n_estimators": 300}


def tangled(n=600, *, seed=0):
    """Almost certain rules that hold only under conditions: small steps of shallow trees are not done with them."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({f"x{place}": rng.random(n) for place in range(4)})
    young = (X["x1"] > 0.6) & (X["x2"] > 0.4)
    leaves = np.where(X["x0"] > 0.6, young, np.where(X["x3"] > 0.5, X["x1"] < 0.3, X["x2"] < 0.2))
    return X, pd.Series((rng.random(n) < np.where(leaves, 0.99, 0.01)).astype("int8"), name="churn")


def sample_of(X, y, *, weight=None, cv=3, customer=None):
    made = Sample(X, np.asarray(y).astype(np.int64), weight, TableEncoder.learn(X), customer, [])
    return made.split(cv, seed=0)


@pytest.fixture(scope="module")
def deep():
    X, y = tangled()
    return ChurnClassifier(random_state=0, cv=3).fit(X, y), X, y


def stopped(curve, patience):
    """How many rounds are done when none of the last ones was the best so far."""
    idle = np.arange(len(curve)) - np.array([np.argmin(curve[: k + 1]) for k in range(len(curve))])
    return int(np.argmax(idle >= patience)) + 1 if (idle >= patience).any() else len(curve)


@pytest.fixture
def fits(monkeypatch):
    """How many rows each fit learned from."""
    counted = []

    def counting(estimator, X, *args, **options):
        counted.append(len(X))
        return fit_rows(estimator, X, *args, **options)

    fit_rows = crossfit.fit_rows
    monkeypatch.setattr(crossfit, "fit_rows", counting)
    return counted


# -- the adaptive default ----------------------------------------------------------------


def test_the_shallow_default_stays_where_depth_brings_nothing():
    X, y = world(600)
    model = ChurnClassifier(random_state=0, cv=3).fit(X, y)
    assert model.tuning_report_.index.tolist() == ["shallow", "deep"]
    assert model.tuning_report_["chosen"].tolist() == [True, False]
    assert model.estimator_.get_params() == default_estimator().get_params()


def test_the_deep_one_is_taken_where_it_is_better_by_more_than_its_error(deep):
    model, X, y = deep
    report = model.tuning_report_
    assert report["chosen"].tolist() == [False, True]
    assert report.loc["deep", "improvement"] > report.loc["deep", "standard_error"]
    assert report.loc["deep", "improvement"] == pytest.approx(-report["log_loss"].diff().iloc[1])
    unseen, truth = tangled(3000, seed=1)
    fixed = ChurnClassifier(tune=None, calibration=None, random_state=0).fit(X, y)
    adaptive = model.estimator_.predict_proba(unseen).astype(float)
    assert log_loss(truth, adaptive[:, 1]) < log_loss(truth, fixed.predict_proba(unseen)[:, 1]) - 0.01


def test_the_report_gives_the_parameters_that_were_fitted(deep):
    model, X, y = deep
    shown = model.tuning_report_["parameters"]
    assert shown["shallow"] == SHALLOW
    assert {**shown["deep"], "n_estimators": 1000} == DEEP
    assert 1 <= shown["deep"]["n_estimators"] < 1000
    fitted = model.estimator_.get_params()
    assert {name: fitted[name] for name in DEEP} == shown["deep"]
    assert model.estimator_.get_booster().num_boosted_rounds() == shown["deep"]["n_estimators"]
    again = ChurnClassifier(default_estimator().set_params(**shown["deep"]), calibration=None).fit(X, y)
    np.testing.assert_array_equal(model.estimator_.predict_proba(X), again.estimator_.predict_proba(X))


def test_calibration_is_judged_at_the_number_of_trees_that_is_fitted(deep):
    model, _, _ = deep
    stated = model.calibration_report_.loc["none", "log_loss"]
    assert stated == pytest.approx(model.tuning_report_.loc["deep", "log_loss"], rel=1e-12)


def test_the_scores_of_the_choice_serve_the_calibration_and_nothing_is_fitted_twice(fits):
    X, y = world(300)
    ChurnClassifier(random_state=0, cv=3).fit(X, y)
    assert fits == [200] * 6 + [300]
    del fits[:]
    ChurnClassifier(random_state=0, cv=3, tune=None).fit(X, y)
    assert sorted(fits) == [200] * 3 + [300]
    del fits[:]
    ChurnClassifier(random_state=0, cv=3, calibration=None).fit(X, y)
    assert fits == [200] * 6 + [300]
    del fits[:]
    ChurnClassifier(random_state=0, tune=None, calibration=None).fit(X, y)
    assert fits == [300]


def test_an_estimator_of_ones_own_is_left_alone(fits):
    X, y = world(200)
    model = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, y)
    assert model.tuning_report_ is None
    assert fits == [200]


def test_too_few_customers_for_folds_leave_the_shallow_one_and_the_report_says_so():
    X = pd.DataFrame({"a": range(8)})
    for tune in ("auto", 3):
        report = ChurnClassifier(tune=tune).fit(X, [0] * 7 + [1]).tuning_report_
        assert report["chosen"].tolist()[:2] == [True, False]
        assert report["log_loss"].isna().all()


def test_folds_are_those_of_the_calibration_and_may_be_purged():
    X, y = world(600, cutoffs=6)
    cv = PurgedGroupTimeSplit(2, lead="0d", horizon="30d")
    model = ChurnClassifier(random_state=0, cv=cv).fit(X, y)
    judged = np.concatenate([test for _, test in cv.split(X, y)])
    scored = staged_out_of_fold(default_estimator().set_params(**DEEP), sample_of(X, y, cv=cv), n_jobs=1)[1]
    np.testing.assert_array_equal(scored.row, judged)
    assert model.tuning_report_.loc["deep", "log_loss"] == pytest.approx(log_loss(y.iloc[judged], scored.probability))


# -- how candidates are judged -----------------------------------------------------------


def test_one_number_of_trees_for_all_folds_is_the_minimum_of_their_mean_curve():
    X, y = world(600)
    sample = sample_of(X, y)
    estimator = default_estimator().set_params(n_estimators=120, learning_rate=0.1)
    n_trees, scored = staged_out_of_fold(estimator, sample, n_jobs=1)
    curves = []
    for train, test in sample.splits:
        model = sample.fit(estimator, train)
        rows = model.rows(X.iloc[test])
        at = [model.estimator.predict_proba(rows, iteration_range=(0, k))[:, 1] for k in range(1, 121)]
        curves.append(np.array([log_loss(y.iloc[test], p.astype(float)) for p in at]))
        np.testing.assert_array_equal(scored.probability[np.isin(scored.row, test)], at[n_trees - 1])
    # a fold ends when the best of it lies 50 rounds back
    reached = min(stopped(curve, 50) for curve in curves)
    assert n_trees == np.argmin(np.mean([curve[:reached] for curve in curves], axis=0)) + 1


def test_weights_count_where_trees_stop_and_where_candidates_are_judged():
    X, y = tangled(400)
    # rows without a weight say the opposite of all others
    turned = pd.concat([X, X.iloc[:200]], ignore_index=True)
    labels = np.append(y.to_numpy(), 1 - y.to_numpy()[:200])
    weight = np.append(np.ones(400), np.zeros(200))
    weighted = ChurnClassifier(random_state=0, calibration=None, cv=3).fit(turned, labels, sample_weight=weight)
    assert weighted.tuning_report_.loc["deep", "chosen"]
    deep = weighted.tuning_report_.loc["deep"]
    scored = staged_out_of_fold(
        default_estimator().set_params(**DEEP), sample_of(turned, labels, weight=weight), n_jobs=1
    )
    assert scored[0] == deep["parameters"]["n_estimators"]
    row, p = scored[1].row, scored[1].probability
    assert deep["log_loss"] == pytest.approx(log_loss(labels[row], p, sample_weight=weight[row]))


def test_trees_are_counted_by_the_weights_of_the_rows_they_are_judged_on():
    # half the rows say the opposite, and hardly count: without regard to weights one tree would be too many
    X, y = tangled(400)
    turned = pd.concat([X, X], ignore_index=True)
    labels = np.append(y.to_numpy(), 1 - y.to_numpy())
    weight = np.append(np.ones(400), np.full(400, 0.02))
    sample = sample_of(turned, labels, weight=weight)
    estimator = default_estimator().set_params(n_estimators=40, learning_rate=0.3)
    by_trees = []
    for trees in range(1, 41):
        loss = 0.0
        for train, test in sample.splits:
            model = sample.fit(estimator, train)
            rows = model.rows(turned.iloc[test])
            p = model.estimator.predict_proba(rows, iteration_range=(0, trees))[:, 1].astype(float)
            loss += weight[test].sum() * log_loss(labels[test], p, sample_weight=weight[test])
        by_trees.append(loss)
    assert int(np.argmin(by_trees)) > 0
    assert staged_out_of_fold(estimator, sample, n_jobs=1)[0] == int(np.argmin(by_trees)) + 1


def test_folds_without_weight_are_left_out():
    X, y = world(300)
    weight = np.ones(300)
    weight[:100] = 0
    sample = sample_of(X, y, weight=weight, cv=KFold(3))
    assert [test[0] for _, test in sample.splits] == [100, 200]


@pytest.mark.parametrize("cv", [3, None])
def test_rows_without_weight_do_not_change_the_folds_of_the_others(cv):
    X, y = world(300)
    doubled = pd.concat([X, X])
    weight = np.append(np.ones(300), np.zeros(300))
    alone = sample_of(X, y, cv=cv, customer=pd.Index(np.arange(300))).splits
    customer = pd.Index(np.append(np.arange(300), np.arange(900, 1200)))
    among = sample_of(doubled, np.append(y, 1 - y), weight=weight, cv=cv, customer=customer).splits
    for one, other in zip(alone, among, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_churners_without_weight_make_no_fold():
    X, y = world(60)
    weight = np.ones(60)
    weight[np.flatnonzero(y)[1:]] = 0  # one churner counts: there is nothing to learn from without it
    model = ChurnClassifier(LogisticRegression(), cv=3).fit(X, y, sample_weight=weight)
    assert model.calibration_report_ is None
    purged = [(np.arange(0, 60, 2), np.arange(1, 60, 2)), (np.arange(1, 60, 2), np.arange(0, 60, 2))]
    with pytest.raises(DataError, match=r"training rows of fold \d of cv hold one class only"):
        ChurnClassifier(LogisticRegression(), cv=purged).fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("factor", [2.0**-20, 2.0**30])
def test_a_constant_in_the_weights_changes_neither_choice_nor_model(factor):
    X, y = tangled(400)
    weight = np.random.default_rng(0).uniform(0.5, 2, 400)
    models = [ChurnClassifier(cv=3).fit(X, y, sample_weight=by * weight) for by in (1.0, factor)]
    pd.testing.assert_frame_equal(models[1].tuning_report_, models[0].tuning_report_)
    np.testing.assert_array_equal(models[1].predict_proba(X), models[0].predict_proba(X))


def test_equal_weights_are_no_weights():
    X, y = world(300)
    weighted = ChurnClassifier(cv=2).fit(X, y, sample_weight=np.full(300, 1e-7))
    np.testing.assert_array_equal(weighted.predict_proba(X), ChurnClassifier(cv=2).fit(X, y).predict_proba(X))


class Says(LogisticRegression):
    """States what it is told to."""

    def __init__(self, column="a"):
        super().__init__()
        self.column = column

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X):
        p = np.asarray(X[self.column], dtype=float)
        return np.column_stack([1 - p, p])


def says(column):
    return Candidate(column, make_pipeline("passthrough", Says(column)), {"column": column})


def test_a_customer_at_many_cutoffs_is_one_draw():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    plain = np.full(200, 0.5)
    better = np.clip(0.5 + 0.1 * (2 * y - 1) + 0.3 * rng.normal(size=200), 0.05, 0.95)
    X = pd.DataFrame({"a": plain, "b": better})
    once = choose_model(None, [says("a"), says("b")], sample_of(X, y, cv=2), cautious=True).report
    many = pd.concat([X] * 9, ignore_index=True)
    customer = pd.Index(np.tile(np.arange(200), 9))
    repeated = choose_model(
        None, [says("a"), says("b")], sample_of(many, np.tile(y, 9), cv=2, customer=customer), cautious=True
    ).report
    pd.testing.assert_frame_equal(repeated, once)
    apart = choose_model(None, [says("a"), says("b")], sample_of(many, np.tile(y, 9), cv=2), cautious=True).report
    assert apart.loc["b", "standard_error"] < 0.4 * once.loc["b", "standard_error"]


def test_caution_asks_for_more_than_the_error():
    y = np.tile([0, 1], 50)
    right = np.where(y == 1, 0.6, 0.4)
    # right about 57 of 100 rows: a gain, and one that chance could give
    X = pd.DataFrame({"first": 0.5, "lucky": np.where(np.arange(100) < 57, right, 1 - right), "good": right})
    sample = sample_of(X, y, cv=2)
    report = choose_model(None, [says("first"), says("lucky")], sample, cautious=True).report
    assert 0 < report.loc["lucky", "improvement"] < report.loc["lucky", "standard_error"]
    assert report["chosen"].tolist() == [True, False]
    assert choose_model(None, [says("first"), says("lucky")], sample, cautious=False).report["chosen"].tolist() == [
        False,
        True,
    ]
    both = choose_model(None, [says("first"), says("lucky"), says("good")], sample, cautious=True).report
    assert both.index[both["chosen"]].tolist() == ["good"], "every row is better: there is no error"


def test_a_budget_takes_the_best_mean_and_the_first_of_equals():
    y = np.tile([0, 1], 50)
    X = pd.DataFrame({name: np.where(y == 1, p, 1 - p) for name, p in [("a", 0.6), ("b", 0.8), ("c", 0.8), ("d", 0.7)]})
    report = choose_model(None, [says(name) for name in "abcd"], sample_of(X, y, cv=2), cautious=False).report
    assert report.index[report["chosen"]].tolist() == ["b"]
    assert report["log_loss"].tolist() == pytest.approx([-np.log(p) for p in (0.6, 0.8, 0.8, 0.7)])


class Margin(LinearSVC):
    """Orders rows as it is told to."""

    def __init__(self, column="a"):
        super().__init__()
        self.column = column

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.array([0, 1])
        return self

    def decision_function(self, X):
        return 20.0 * (np.asarray(X[self.column], dtype=float) - 0.5)


def test_margins_and_probabilities_are_compared_through_the_same_map():
    y = np.tile([0, 1], 100)
    shuffled = np.random.default_rng(0).permutation(y)
    # much too sure, and of the same order: calibrated alike they are alike
    X = pd.DataFrame({"a": np.where(np.arange(200) < 140, y, shuffled) * 0.98 + 0.01})
    margin = Candidate("margin", make_pipeline("passthrough", Margin("a")), {})
    for pair in ([says("a"), margin], [margin, says("a")]):
        report = choose_model(None, pair, sample_of(X, y, cv=2), cautious=False).report
        assert report["log_loss"].iloc[1] == pytest.approx(report["log_loss"].iloc[0], abs=1e-3)


# -- a budget of trials ------------------------------------------------------------------


def test_a_budget_begins_with_the_presets_and_goes_on_at_random():
    names = [[one.name for one in candidates_of(default_estimator(), n, own=False, seed=0)] for n in (1, 2, 4)]
    assert names == [["shallow"], ["shallow", "deep"], ["shallow", "deep", "random 1", "random 2"]]


def test_draws_follow_the_seed_and_a_larger_budget_begins_with_the_smaller_one():
    def drawn(n, seed):
        return [one.parameters for one in candidates_of(default_estimator(), n, own=False, seed=seed)]

    space = {"learning_rate": loguniform(0.01, 0.1), "max_depth": [2, 3]}
    assert drawn(12, 0) == drawn(12, 0)
    assert drawn(12, 0) != drawn(12, 1)
    continued = [drawn(Tuning(n, space), 3) for n in (5, 9)]
    assert continued[1][:5] == continued[0]
    assert all(0.01 <= one["learning_rate"] <= 0.1 for one in continued[1][2:])


def test_a_budget_with_the_default_estimator():
    X, y = world(400)
    models = [ChurnClassifier(tune=5, random_state=0, cv=2, n_jobs=n).fit(X, y) for n in (1, 2)]
    pd.testing.assert_frame_equal(models[0].tuning_report_, models[1].tuning_report_)
    np.testing.assert_array_equal(models[0].predict_proba(X), models[1].predict_proba(X))
    report = models[0].tuning_report_
    assert len(report) == 5
    assert report["chosen"].sum() == 1
    assert report.index[report["chosen"]][0] == report["log_loss"].idxmin()
    best = report["parameters"][report["chosen"]].iloc[0]
    fitted = models[0].estimator_.get_params()
    assert {name: fitted[name] for name in best} == best


def test_a_space_that_names_the_number_of_trees_fixes_it():
    X, y = world(300)
    tune = Tuning(4, {"n_estimators": [7, 11]})
    report = ChurnClassifier(tune=tune, random_state=0, cv=2, calibration=None).fit(X, y).tuning_report_
    assert sorted(one["n_estimators"] for one in report["parameters"][2:]) == [7, 11]


@pytest.mark.parametrize("booster", ["dart", "gblinear"])
@pytest.mark.filterwarnings("ignore:.*Parameters:UserWarning")
def test_boosters_whose_first_rounds_are_no_model_of_so_many_are_not_staged(booster):
    drawn = candidates_of(default_estimator(), Tuning(3, {"booster": [booster]}), own=False, seed=0)[2]
    assert not drawn.staged
    assert drawn.estimator.n_estimators == 300


def test_an_estimator_of_ones_own_with_a_space():
    X, y = world(400)
    tune = Tuning(trials=9, space={"C": np.array([1e-6, 1.0])})
    model = ChurnClassifier(LogisticRegression(C=1e-5), tune=tune, random_state=0).fit(X, y)
    assert model.tuning_report_.index.tolist() == ["given", "random 1", "random 2"], "no combination is tried twice"
    assert model.tuning_report_["parameters"].iloc[0] == {"C": 1e-5}
    assert type(model.tuning_report_["parameters"].iloc[1]["C"]) is float
    assert model.estimator_.C == 1.0


def test_parameters_of_a_step_of_a_pipeline():
    X, y = world(300)
    pipeline = make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["plan"])), LogisticRegression()
    )
    tune = Tuning(3, {"logisticregression__C": loguniform(1e-4, 10)})
    model = ChurnClassifier(pipeline, tune=tune, random_state=0).fit(X, y)
    assert len(model.tuning_report_) == 3
    assert pipeline["logisticregression"].C == 1.0, "the one given is not changed"


def test_the_seed_reaches_a_step_that_the_space_brings():
    X, y = world(200)
    given = RandomForestClassifier(5, max_depth=3)
    tune = Tuning(2, {"classifier": [given]})
    pipeline = Pipeline([("scale", StandardScaler()), ("classifier", DummyClassifier())])
    models = [ChurnClassifier(pipeline, tune=tune, cv=2, random_state=0).fit(X[["orders"]], y) for _ in range(2)]
    pd.testing.assert_series_equal(models[0].tuning_report_["log_loss"], models[1].tuning_report_["log_loss"])
    assert given.random_state is None, "the one given is not changed"


def test_it_clones_and_pickles():
    model = ChurnClassifier(tune=Tuning(3, {"max_depth": [2], "gamma": loguniform(0.1, 1)}))
    assert clone(model).tune.trials == 3
    X, y = world(200)
    model = ChurnClassifier(tune=3, cv=2, random_state=0).fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    pd.testing.assert_frame_equal(loaded.tuning_report_, model.tuning_report_)


def test_a_bar_is_shown_only_where_it_is_asked_for(capsys):
    X, y = world(200)
    ChurnClassifier(cv=2, random_state=0).fit(X, y)
    assert capsys.readouterr().err == ""
    ChurnClassifier(cv=2, random_state=0, progress=True).fit(X, y)
    assert "comparing models" in capsys.readouterr().err


# -- what is refused ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tune", "said"),
    [
        (0, r"(?s)tune=0 compares no model at all.*tune=20, or tune=None"),
        (-3, "tune=-3 compares no model at all"),
        ("autom", r"(?s)tune='autom' is not a choice \(did you mean 'auto'\?\).*Fix: tune='auto'"),
    ],
)
def test_budgets_that_are_none(tune, said):
    X, y = world(50)
    with pytest.raises(ParameterError, match=said):
        ChurnClassifier(tune=tune).fit(X, y)


@pytest.mark.parametrize("tune", [True, 2.5, {"max_depth": [2]}, [3]])
def test_a_tune_of_another_kind(tune):
    X, y = world(50)
    with pytest.raises(ParameterTypeError, match=r"(?s)tune is .*tune=Tuning\(trials=20, space="):
        ChurnClassifier(tune=tune).fit(X, y)


@pytest.mark.parametrize("tune", [10, Tuning(10)])
def test_an_own_estimator_needs_a_space(tune):
    X, y = world(50)
    with pytest.raises(
        ParameterError, match=r"(?s)10 trials does not say what may vary in LogisticReg.*Tuning\(trials=10"
    ):
        ChurnClassifier(LogisticRegression(), tune=tune).fit(X, y)


def test_a_parameter_that_the_estimator_does_not_have():
    X, y = world(50)
    with pytest.raises(ParameterError, match=r"space names 'max_dept', and XGBClassifier has no .*'max_depth'"):
        ChurnClassifier(tune=Tuning(5, {"max_dept": [2]})).fit(X, y)
    with pytest.raises(
        ParameterError, match=r"(?s)space names 'c', and LogisticRegression.*sorted\(LogisticRegression\(\)"
    ):
        ChurnClassifier(LogisticRegression(), tune=Tuning(5, {"c": [2]})).fit(X, y)


@pytest.mark.parametrize("trials", [0, -1])
def test_a_tuning_without_trials(trials):
    with pytest.raises(ParameterError, match=f"trials is {trials}|trials={trials}"):
        Tuning(trials)


def test_a_tuning_with_half_a_trial():
    with pytest.raises(ParameterTypeError, match=r"trials is 2\.5, a float"):
        Tuning(2.5)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (["max_depth"], "space is a list; a mapping from a parameter"),
        ({"max_depth": 3}, r"(?s)space\['max_depth'\] is 3, a int.*Fix: space=\{'max_depth': \[3\]\}"),
        ({"booster": "dart"}, r"space\['booster'\] is 'dart', a str"),
        ({"max_depth": {2, 3}}, r"(?s)space\['max_depth'\] is a set;.*Fix: space=\{'max_depth': list\(values\)\}"),
        ({"max_depth": pd.Series([2])}, r"(?s)space\['max_depth'\] is a Series;.*list\(values\)"),
    ],
)
def test_spaces_of_another_kind(space, said):
    with pytest.raises(ParameterTypeError, match=said):
        Tuning(3, space)


@pytest.mark.parametrize(("space", "said"), [({}, "space is empty"), ({"a": []}, r"space\['a'\] is empty")])
def test_spaces_without_values(space, said):
    with pytest.raises(ParameterError, match=said):
        Tuning(3, space)


def test_progress_must_be_a_flag():
    X, y = world(50)
    with pytest.raises(ParameterTypeError, match="progress is 'yes'"):
        ChurnClassifier(progress="yes").fit(X, y)


def early(**options):
    return default_estimator().set_params(early_stopping_rounds=7, **options)


@pytest.mark.parametrize(
    "model",
    [
        ChurnClassifier(early(), tune=None, calibration=None),
        ChurnClassifier(early()),
        ChurnClassifier(make_pipeline("passthrough", early())),
        ChurnClassifier(tune=Tuning(4, {"early_stopping_rounds": [7, 8]}), cv=2),
    ],
)
def test_an_xgboost_that_stops_early_has_nothing_to_stop_on(model):
    X, y = world(100)
    said = r"(?s)XGBClassifier\(early_stopping_rounds=[78]\) stops on rows that.*Fix: XGBClassifier\(early_stopping_ro"
    with pytest.raises(ParameterError, match=said):
        model.fit(X[["orders"]], y)


def test_candidates_are_held_to_what_the_first_is_held_to():
    X, y = world(100)
    margins = Tuning(3, {"classifier": [LogisticRegression(), LinearSVC()]})
    pipeline = Pipeline([("scale", StandardScaler()), ("classifier", LogisticRegression())])
    with pytest.raises(ParameterError, match="states no probabilities, only margins"):
        ChurnClassifier(pipeline, tune=margins, calibration=None).fit(X[["orders"]], y)
    linear = Tuning(3, {"booster": ["gblinear"]})
    with pytest.raises(ParameterError, match=r"XGBClassifier\(booster='gblinear'\) fits straight lines"):
        ChurnClassifier(tune=linear, monotone={"orders": 1}).fit(X[["orders"]], y)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (ChurnClassifier(LogisticRegression(), tune=Tuning(2, {"C": [-1.0]})), r"'random 1' with {'C': -1\.0}.*C.* mu"),
        (ChurnClassifier(tune=Tuning(3, {"max_depth": [-2]}), cv=2), r"'random 1' with {.*'max_depth': -2,.*value -2 "),
    ],
)
def test_a_value_that_the_estimator_does_not_take_names_the_trial(model, said):
    X, y = world(100)
    with pytest.raises(ParameterError, match=rf"(?s)trial {said}.*Fix: leave the value out of the space"):
        model.fit(X, y)


def test_a_first_model_that_fails_fails_as_it_would_alone():
    X, y = world(100)
    with pytest.raises(ValueError, match="The 'C' parameter") as alone:
        ChurnClassifier(LogisticRegression(C=-1.0), tune=Tuning(2, {"C": [1.0]})).fit(X, y)
    assert not isinstance(alone.value, ParameterError)


def test_folds_that_are_used_up_are_told():
    X, y = world(100)
    halves = [(np.arange(50), np.arange(50, 100)), (np.arange(50, 100), np.arange(50))]
    model = ChurnClassifier(LogisticRegression(), cv=iter(halves)).fit(X, y)
    assert model.calibration_report_ is not None
    with pytest.raises(ParameterError, match=r"(?s)cv gives 0 folds.*used up by one fit.*Fix: cv=list\(folds\)"):
        model.fit(X, y)
    with pytest.raises(ParameterError, match="cv gives 1 folds, and none of them tests a row with a weight"):
        ChurnClassifier(LogisticRegression(), cv=[(np.arange(100), [])]).fit(X, y)


def test_folds_that_test_one_class_judge_nothing():
    X, y = world(600, cutoffs=6)
    quiet = y.where(y.index.get_level_values("cutoff") < "2025-05-01", 0)
    cv = PurgedGroupTimeSplit(2, lead="0d", horizon="30d")
    for model in (ChurnClassifier(cv=cv), ChurnClassifier(tune=None, cv=cv, calibration="isotonic")):
        with pytest.raises(DataError, match=r"(?s)the 200 rows that cv tests hold 0 churners, of 100 cust.*Fix: folds"):
            model.fit(X, quiet)
    ChurnClassifier(tune=None, cv=cv, calibration=None).fit(X, quiet)
    with pytest.raises(DataError, match="the 6 rows that cv tests hold 4 churners, of 1 customers"):
        ChurnClassifier(cv=[(np.arange(6, 600), np.arange(6))]).fit(X, np.append([0, 0, 1, 1, 1, 1], y[6:]))


@pytest.mark.parametrize("n_jobs", ["two", 1.5, True])
def test_n_jobs_is_a_whole_number(n_jobs):
    X, y = world(50)
    with pytest.raises(ParameterTypeError, match="n_jobs is "):
        ChurnClassifier(n_jobs=n_jobs).fit(X, y)


def test_no_jobs_do_nothing():
    X, y = world(50)
    with pytest.raises(ParameterError, match=r"(?s)n_jobs=0 fits no fold.*Fix: n_jobs=1"):
        ChurnClassifier(n_jobs=0).fit(X, y)


def test_a_fold_of_one_class_is_named():
    X, y = world(100)
    order = np.argsort(y.to_numpy(), kind="stable")
    with pytest.raises(DataError, match=r"(?s)training rows of fold 1 of cv hold one class.*tune=None"):
        ChurnClassifier(cv=[(order, order), (order[:20], order[20:])]).fit(X, y)


def test_words_and_budgets_are_read():
    assert read_tune(None, None) is None
    assert read_tune(np.int64(3), None) == Tuning(3)
    assert read_tune(Tuning(3, {"C": [1]}), LogisticRegression()).trials == 3


# -- rare losses -------------------------------------------------------------------------


def test_what_foretells_a_rare_loss_fits_into_a_leaf():
    # 1 % of the customers had a payment fail, and half of those are lost; of the others one in a thousand is
    rng = np.random.default_rng(0)
    failed = rng.random(12_000) < 0.01
    X = pd.DataFrame({"failed": failed.astype(float), "logins": rng.poisson(4.0, 12_000)})
    y = (rng.random(12_000) < np.where(failed, 0.5, 0.001)).astype(int)
    model = ChurnClassifier(cv=2, random_state=0).fit(X, y)
    report = model.tuning_report_
    assert report.index[report["chosen"]].tolist() == ["deep"]
    assert report.loc["deep", "parameters"]["min_child_weight"] < 0.2
    lost, kept = model.predict_proba(pd.DataFrame({"failed": [1.0, 0.0], "logins": [4, 4]}))[:, 1]
    assert 0.3 < lost < 0.7
    assert kept < 0.01


def test_leaves_are_as_they_were_measured_where_churn_is_not_rare():
    for rate in (0.117, 0.141, 0.265, 0.5):
        assert with_leaves_for(rate, DEEP) == dict(DEEP)
    assert with_leaves_for(0.01, SPACE)["min_child_weight"] == [0.099, 0.297, 0.99, 2.97]
