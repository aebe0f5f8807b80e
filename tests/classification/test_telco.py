"""The default classifier on IBM's Telco data: paired folds against default xgboost, the fixed default and a tuned one.

The bars are the project's; the reference run of the same parameters gave AUC .8483,
log-loss .4126, ECE .0230 and top-decile lift 2.885, default xgboost on native
categories .8210, .4730, .0675 and 2.699, a logistic regression .4176; a boosting tuned by
15 random trials was .0019 better (14 of 25 folds, standard error .0007).
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold
from xgboost import XGBClassifier

from churnlib.classification import ChurnClassifier
from churnlib.metrics import calibration_error, lift_score
from tests.classification.public_files import logistic


@pytest.fixture(scope="module")
def telco(data_dir):
    X = pd.read_csv(data_dir / "telco_ibm.csv.gz").drop(columns="customerID")
    assert len(X) == 7043
    X["TotalCharges"] = pd.to_numeric(X["TotalCharges"], errors="coerce")
    assert X["TotalCharges"].isna().sum() == 11
    y = (X.pop("Churn") == "Yes").astype("int8")
    assert y.sum() == 1869
    return X, y


def scores(y, p):
    return {
        "auc": roc_auc_score(y, p),
        "log_loss": log_loss(y, p),
        "ece": calibration_error(y, p, bins=10),
        "lift": lift_score(y, p, fraction=0.1),
    }


def meets_the_bars(telco, n_repeats, record_property, *, lift, **options):
    X, y = telco
    text = X.columns[[not pd.api.types.is_numeric_dtype(dtype) for dtype in X.dtypes]]
    native = X.astype(dict.fromkeys(text, "category"))
    ours, over_plain, over_logistic, over_fixed, deep = [], [], [], [], 0
    for train, test in RepeatedStratifiedKFold(n_splits=5, n_repeats=n_repeats, random_state=0).split(X, y):
        model = ChurnClassifier(random_state=0, **options).fit(X.iloc[train], y.iloc[train])
        ours.append(scores(y.iloc[test], model.predict_proba(X.iloc[test])[:, 1]))
        plain = XGBClassifier(enable_categorical=True, n_jobs=1).fit(native.iloc[train], y.iloc[train])
        theirs = plain.predict_proba(native.iloc[test])[:, 1].astype(np.float64)
        over_plain.append(log_loss(y.iloc[test], theirs) - ours[-1]["log_loss"])
        linear = logistic().fit(native.iloc[train], y.iloc[train]).predict_proba(native.iloc[test])
        over_logistic.append(log_loss(y.iloc[test], linear) - ours[-1]["log_loss"])
        over_fixed.append(0.0)
        if model.tuning_report_.loc["deep", "chosen"]:
            deep += 1
            fixed = ChurnClassifier(tune=None, random_state=0).fit(X.iloc[train], y.iloc[train])
            over_fixed[-1] = log_loss(y.iloc[test], fixed.predict_proba(X.iloc[test])) - ours[-1]["log_loss"]
    mean = pd.DataFrame(ours).mean()
    record_property("telco_default", mean.round(4).to_dict())
    record_property("telco_over", np.round([np.mean(over_plain), np.mean(over_logistic), np.mean(over_fixed)], 4))
    record_property("telco_deep_folds", deep)
    assert mean["auc"] >= 0.846
    assert mean["log_loss"] <= 0.415
    assert mean["ece"] <= 0.030
    assert mean["lift"] >= lift
    assert np.mean(over_plain) >= 0.05
    assert np.min(over_plain) > 0, "it is better on every single fold"
    assert np.mean(over_logistic) >= 0.003
    assert np.mean(over_fixed) >= -0.001, "choosing between shallow and deep does not cost"


def test_default_classifier_meets_the_bars_on_telco(telco, record_property):
    # the lift of five folds has a standard error of .04
    meets_the_bars(telco, 1, record_property, lift=2.8, cv=3)


@pytest.mark.slow
def test_default_classifier_meets_the_bars_on_telco_five_times(telco, record_property):
    meets_the_bars(telco, 5, record_property, lift=2.85)


def tuned_less_fixed(telco, splits, **options):
    """Log-loss of the tuned model less that of the fixed one: by fold, and by customer over all repeats."""
    X, y = telco
    by_fold, by_customer = [], np.zeros(len(X))
    for train, test in splits:
        losses = []
        for given in (options, {"tune": None}):
            model = ChurnClassifier(random_state=0, calibration=None, **given).fit(X.iloc[train], y.iloc[train])
            stated = model.predict_proba(X.iloc[test])[np.arange(len(test)), y.iloc[test]]
            losses.append(-np.log(stated))
        by_fold.append(np.mean(losses[0] - losses[1]))
        by_customer[test] += losses[0] - losses[1]
    return np.array(by_fold), by_customer / (len(by_fold) * len(test) / len(X))


def test_a_small_budget_beats_the_fixed_default_on_telco(telco, record_property):
    X, y = telco
    splits = StratifiedKFold(3, shuffle=True, random_state=0).split(X, y)
    by_fold, _ = tuned_less_fixed(telco, splits, tune=5, cv=3)
    record_property("telco_tuned_3_folds", np.round(by_fold, 4))
    assert np.mean(by_fold) < 0


@pytest.mark.slow
def test_a_budget_beats_the_fixed_default_on_telco(telco, record_property):
    X, y = telco
    splits = RepeatedStratifiedKFold(n_splits=5, n_repeats=5, random_state=0).split(X, y)
    by_fold, by_customer = tuned_less_fixed(telco, splits, tune=20)
    error = np.std(by_fold, ddof=1) / np.sqrt(len(by_fold))
    low, high = np.mean(by_fold) + np.array([-1.96, 1.96]) * error
    record_property("telco_tuned", np.round([np.mean(by_fold), error, low, high, np.mean(by_fold < 0)], 5))
    # folds of five repeats share their customers, so the error by folds, in which the bar is stated, is
    # too small; with customers as draws it was .0008 where the difference was -.0013
    record_property("telco_tuned_error_by_customer", np.std(by_customer, ddof=1) / np.sqrt(len(by_customer)))
    assert np.mean(by_fold) <= -0.0008
    assert high < 0
