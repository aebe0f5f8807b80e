"""A hazard model as a classifier: the same probabilities, where classifiers go."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import get_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from churnlib.exceptions import DataError, HistoryError, ParameterError
from churnlib.metrics import lift_score
from churnlib.model_selection import SurvivalKFold, auc_scorer
from churnlib.survival import CompetingHazards, CoxModel, HorizonClassifier, KaplanMeier, binary_labels
from churnlib.targets import survival_target


def world(n: int = 1_500, seed: int = 0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"])
    left = rng.exponential(60 * np.exp(-X["a"]))
    seen = rng.uniform(10, 120, n)
    return X, survival_target(left <= seen, np.minimum(left, seen)), left


@pytest.fixture(scope="module")
def data():
    return world()


def test_probabilities_are_those_of_the_hazard_model(data):
    X, y, _ = data
    model = HorizonClassifier(CoxModel(), horizon="30d").fit(X, y)
    churn = CoxModel().fit(X, y).predict_churn_probability(X, 30)
    np.testing.assert_array_equal(model.predict_proba(X)[:, 1], churn)
    np.testing.assert_array_equal(model.predict_proba(X).sum(axis=1), 1.0)
    np.testing.assert_array_equal(model.predict(X), churn >= 0.5)
    assert model.classes_.tolist() == [0, 1]
    assert is_classifier(model)
    assert model.feature_names_in_.tolist() == ["a", "b"]


def test_tenure_comes_from_a_column(data):
    X, y, _ = data
    tenure = np.random.default_rng(1).uniform(0, 0.9, len(X)) * y["time"]
    X = X.assign(tenure=tenure)
    late = survival_target(y["event"], y["time"], entry=tenure)
    inner = make_pipeline(StandardScaler(), CoxModel(beyond="hold"))
    model = HorizonClassifier(inner, horizon=20, given="tenure").fit(X, late)
    cox = CoxModel(beyond="hold").fit(StandardScaler().fit_transform(X), late)
    expected = cox.predict_churn_probability(StandardScaler().fit_transform(X), 20, given=tenure)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], expected, atol=1e-12)
    assert 0.5 < model.score(X, late) < 1


def test_one_cause(data):
    X, y, _ = data
    event = np.where(y["event"], 1 + (np.arange(len(y)) % 2), 0)
    several = survival_target(event, y["time"], causes=["price", "moved"])
    hazard = CompetingHazards(CoxModel(), causes=["price", "moved"])
    model = HorizonClassifier(hazard, horizon=30, cause="moved").fit(X, several)
    expected = model.hazard_.predict_churn_probability(X, 30, cause="moved")
    np.testing.assert_array_equal(model.predict_proba(X)[:, 1], expected)
    labels = binary_labels(several, 30, cause=2)
    known = labels.known
    auc = roc_auc_score(labels.label[known], expected[known], sample_weight=labels.weight[known])
    assert model.score(X, several) == pytest.approx(auc)


def test_a_fitted_model_predicts_without_fit(data):
    X, y, _ = data
    cox = CoxModel().fit(X, y)
    for hazard in (cox, make_pipeline("passthrough", CoxModel()).fit(X, y), FrozenEstimator(cox)):
        model = HorizonClassifier(hazard, horizon=30)
        np.testing.assert_array_equal(model.predict_proba(X)[:, 1], cox.predict_churn_probability(X, 30))
    frozen = HorizonClassifier(FrozenEstimator(cox), horizon=30).fit(X[:50], y[:50])
    np.testing.assert_array_equal(frozen.predict_proba(X)[:, 1], cox.predict_churn_probability(X, 30))


def test_where_classifiers_go(data):
    X, y, _ = data
    model = HorizonClassifier(CoxModel(), horizon=30).fit(X, y)
    labels = binary_labels(y, 30)
    known = labels.known
    label, rows = labels.label[known], X[known]
    assert get_scorer("roc_auc")(model, rows, label) > 0.7
    assert lift_score(label, model.predict_proba(rows)[:, 1]) > 1.3
    share, mean = calibration_curve(label, model.predict_proba(rows)[:, 1], n_bins=5, strategy="quantile")
    assert (np.diff(share) > 0).all()
    assert len(mean) == 5
    calibrated = CalibratedClassifierCV(FrozenEstimator(model)).fit(rows, label)
    assert calibrated.predict_proba(rows).shape == (known.sum(), 2)
    assert model.score(rows, label) == pytest.approx(roc_auc_score(label, model.predict_proba(rows)[:, 1]))


def test_mean_probability_is_the_share_who_leave(data):
    _, _, left = data
    X, y, _ = data
    model = HorizonClassifier(CoxModel(), horizon=30).fit(X, y)
    assert model.predict_proba(X)[:, 1].mean() == pytest.approx((left <= 30).mean(), abs=0.03)


def test_cross_validation_and_search_over_survival_folds(data):
    X, y, _ = data
    model = HorizonClassifier(make_pipeline(StandardScaler(), CoxModel()), horizon=30)
    own = cross_val_score(model, X, y, cv=SurvivalKFold(3))
    scored = cross_val_score(model, X, y, cv=SurvivalKFold(3), scoring=auc_scorer(30))
    np.testing.assert_allclose(own, scored, atol=0.02)  # censoring of the test rows, and of the training rows
    search = GridSearchCV(model, {"hazard__coxmodel__alpha": [0.0, 0.1]}, cv=SurvivalKFold(3)).fit(X, y)
    assert search.best_score_ == pytest.approx(own.mean(), abs=0.02)
    assert search.predict_proba(X).shape == (len(X), 2)


def test_recalibration_out_of_fold():
    X, y, _ = world(3_000)

    class TooSure(CoxModel):
        """A model whose odds are squared, and shifted."""

        def predict_churn_probability(self, X, horizon, *, given=None, cause=None):
            chance = super().predict_churn_probability(X, horizon, given=given, cause=cause)
            odds = np.log(chance / (1 - chance))
            return 1 / (1 + np.exp(-(0.7 + 2 * odds)))

    model = HorizonClassifier(TooSure(), horizon=30, cv=4).fit(X, y)
    assert model.calibration_[1] == pytest.approx(0.5, abs=0.06)
    assert model.calibration_[0] == pytest.approx(-0.35, abs=0.12)
    plain = CoxModel().fit(X, y).predict_churn_probability(X, 30)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], plain, atol=0.05)
    weight = np.ones(len(y))
    weighted = HorizonClassifier(TooSure(), horizon=30, cv=4).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(weighted.calibration_, model.calibration_, atol=1e-6)


def test_pickle_and_clone(data):
    X, y, _ = data
    model = HorizonClassifier(CoxModel(), horizon=30, cv=3).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(clone(model).fit(X, y).predict_proba(X), model.predict_proba(X))


def test_the_default_is_a_cox_model(data):
    X, y, _ = data
    assert isinstance(HorizonClassifier().fit(X, y).hazard_, CoxModel)
    weighted = HorizonClassifier(make_pipeline("passthrough", CoxModel())).fit(X, y, sample_weight=np.ones(len(y)))
    assert weighted.predict_proba(X).shape == (len(X), 2)


def test_not_fitted(data):
    X, *_ = data
    for model in (HorizonClassifier(), HorizonClassifier(CoxModel())):
        with pytest.raises(NotFittedError):
            model.predict_proba(X)


def test_labels_are_no_survival_target(data):
    X, y, _ = data
    with pytest.raises(DataError, match=r"(?s)y holds labels, no survival target.*data\.survival"):
        HorizonClassifier().fit(X, y["event"])


def test_stratified_folds_are_refused_by_name(data):
    X, y, _ = data
    with pytest.raises(ParameterError, match=r"(?s)StratifiedKFold stratifies by label.*cv=SurvivalKFold\(5\)"):
        HorizonClassifier(cv=StratifiedKFold(3)).fit(X, y)


def test_delayed_entry_needs_the_tenure(data):
    X, y, _ = data
    late = survival_target(y["event"], y["time"], entry=y["time"] / 2)
    with pytest.raises(ParameterError, match="have a delayed entry, and given is None"):
        HorizonClassifier(cv=3).fit(X, late)
    with pytest.raises(ParameterError, match='given="tenure"'):
        HorizonClassifier().fit(X, late).score(X, late)


def test_one_label_only_and_a_horizon_beyond_the_data(data):
    X, y, _ = data
    model = HorizonClassifier(KaplanMeier(), horizon=30).fit(X, y)
    with pytest.raises(DataError, match="rows whose label is known have the same"):
        model.score(X[:3], np.ones(3))
    with pytest.raises(HistoryError, match="nobody was watched beyond"):
        HorizonClassifier(horizon=500).fit(X, y).predict_proba(X)


def test_recalibration_of_tenures_that_one_fold_does_not_know():
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"a": rng.normal(size=900), "tenure": rng.uniform(0, 40, 900)})
    left = X["tenure"] + rng.exponential(30 * np.exp(-X["a"]))
    y = survival_target(left < 60, np.minimum(left, 60), entry=X["tenure"])
    model = HorizonClassifier(CoxModel(), horizon=15, given="tenure", cv=3).fit(X, y)
    assert model.calibration_[1] == pytest.approx(1, abs=0.25)
    held = HorizonClassifier(CoxModel(beyond="hold"), horizon=15, given="tenure", cv=3).fit(X, y)
    np.testing.assert_allclose(model.calibration_, held.calibration_, atol=0.05)
    short = survival_target(left < 60, np.minimum(left, X["tenure"] + 1), entry=X["tenure"])
    with pytest.raises(DataError, match=r"0 of the 0 rows that probabilities can be recalibrated on(?s:.*)cv=None"):
        HorizonClassifier(CoxModel(), horizon=90, given="tenure", cv=3).fit(X, short)
    with pytest.raises(DataError, match=r"0 of the \d+ rows that probabilities can be recalibrated on"):
        HorizonClassifier(CoxModel(), horizon=1e-6, given="tenure", cv=3).fit(X, y)
