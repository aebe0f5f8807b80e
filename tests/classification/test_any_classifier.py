"""Every kind of classifier inside ChurnClassifier: with text, gaps, calibration, reasons, copies."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from churnlib.classification import ChurnClassifier, Tuning
from churnlib.economics import RetentionOffer
from churnlib.exceptions import DataError, ParameterError
from tests.classification.worlds import truth, world

KINDS = {
    "logistic": LogisticRegression(),
    "tree": DecisionTreeClassifier(max_depth=4),
    "forest": RandomForestClassifier(30, min_samples_leaf=5),
    "k-NN": KNeighborsClassifier(15),
    "MLP": MLPClassifier((4,), solver="lbfgs", alpha=1.0, max_iter=60),
    "HistGB": HistGradientBoostingClassifier(max_iter=20),
    "xgboost": XGBClassifier(n_estimators=30, max_depth=3, n_jobs=1),
    "SVM": SVC(),
    "linear SVM": LinearSVC(),
    "ridge": RidgeClassifier(),
}
MARGINS = ("SVM", "linear SVM", "ridge")
OFFER = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_any_kind_of_classifier(kind):
    X, y = world(500)  # numbers with gaps, counts, text, booleans
    X.loc[X.index[::17], "plan"] = None
    model = ChurnClassifier(KINDS[kind], random_state=0).fit(X, y)
    today, y_today = world(1500, seed=5)
    probability = model.predict_proba(today)
    known = truth(today.fillna({"silence": 30.0}))

    # probabilities, and better ones than the base rate
    assert probability.shape == (1500, 2)
    assert ((probability >= 0) & (probability <= 1)).all()
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    assert roc_auc_score(y_today, probability[:, 1]) > roc_auc_score(y_today, known) - 0.1
    assert log_loss(y_today, probability) < log_loss(y_today, np.full(1500, y_today.mean())) - 0.02
    assert abs(probability[:, 1].mean() - known.mean()) < 0.06

    # the calibration is the one with the least log-loss that is worth its error
    report = model.calibration_report_
    worth = report["improvement"].where(report["improvement"] > report["standard_error"], 0.0)
    assert model.calibration_ == worth.idxmax()
    assert ("none" in report.index) == (kind not in MARGINS), "a margin is no probability"
    assert (model.calibrator_ is None) == (model.calibration_ == "none")
    assert model.tuning_report_ is None

    # reasons, decisions
    reasons = model.reasons(today.iloc[:40])
    assert set(reasons["feature"]) <= set(X.columns)
    assert len(reasons) > 0
    gain = model.expected_gain(today, OFFER)
    np.testing.assert_array_equal(model.contact(today, OFFER), gain > 0)

    # copies, and the same again
    np.testing.assert_array_equal(model.predict_proba(today), probability)
    np.testing.assert_array_equal(clone(model).fit(X, y).predict_proba(today), probability)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(today), probability)
    np.testing.assert_array_equal(model.predict(today), (probability[:, 1] > 0.5).astype(int))


# -- classifiers that state margins ------------------------------------------------------


@pytest.mark.parametrize("kind", MARGINS)
def test_margins_must_be_calibrated(kind):
    X, y = world(200)
    name = type(KINDS[kind]).__name__
    said = rf"(?s){name} states no probabilities, only margins.*ChurnClassifier\({name}\(\), calibration='sigmoid'\)"
    with pytest.raises(ParameterError, match=said):
        ChurnClassifier(KINDS[kind], calibration=None).fit(X, y)


def test_margins_in_a_pipeline_must_be_calibrated_too():
    X, y = world(200)
    with pytest.raises(ParameterError, match="Pipeline states no probabilities, only margins"):
        ChurnClassifier(make_pipeline("passthrough", LinearSVC()), calibration=None).fit(X[["orders"]], y)
    model = ChurnClassifier(make_pipeline("passthrough", LinearSVC()), calibration="sigmoid").fit(X[["orders"]], y)
    assert model.calibration_ == "sigmoid"


def test_sigmoid_of_a_margin_is_platt_s():
    X, y = world(800)
    model = ChurnClassifier(LinearSVC(), calibration="sigmoid", random_state=0).fit(X, y)
    margin = model.estimator_.decision_function(model._model.rows(X))
    odds = np.log(model.predict_proba(X)[:, 1] / model.predict_proba(X)[:, 0])
    np.testing.assert_allclose(odds, model.calibrator_.intercept + model.calibrator_.slope * margin)
    raw = 1 / (1 + np.exp(-margin))
    assert log_loss(y, model.predict_proba(X)) < log_loss(y, raw)


def test_margins_are_not_handed_out_for_want_of_customers():
    X = pd.DataFrame({"a": range(8)})
    with pytest.raises(DataError, match=r"too few customers of a class to calibrate out of fold \(1 churn rows of 8"):
        ChurnClassifier(LinearSVC()).fit(X, [0] * 7 + [1])


def test_margins_are_tuned_by_the_log_loss_of_their_sigmoid():
    X, y = world(300)
    model = ChurnClassifier(LinearSVC(), tune=Tuning(3, {"C": [1e-5, 1.0]}), cv=3, random_state=0).fit(X, y)
    assert len(model.tuning_report_) == 3


@pytest.mark.parametrize("empty", [np.nan, None])
def test_histogram_boosting_takes_a_column_without_a_value(empty):
    X, y = world(200)
    with_it = X.assign(later=empty)
    boosting = HistGradientBoostingClassifier(max_iter=5, random_state=0)
    model = ChurnClassifier(boosting, cv=2).fit(with_it, y)
    expected = ChurnClassifier(boosting, cv=2).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(with_it), expected)
    np.testing.assert_array_equal(model.predict_proba(X.assign(later=1.0)), expected)
    # known of the rows of one fold only
    once = X.assign(later=np.where(np.arange(200) == 3, 1.0, np.nan))
    assert np.isfinite(ChurnClassifier(boosting, cv=2).fit(once, y).predict_proba(once)).all()
