from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_backend
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from churnlib.exceptions import AssumptionWarning, HistoryError, ParameterError, ParameterTypeError
from churnlib.metrics import (
    concordance_score,
    dynamic_auc,
    integrated_brier_loss,
    survival_brier_loss,
    survival_log_loss,
    uno_concordance_score,
)
from churnlib.model_selection import (
    SurvivalKFold,
    auc_scorer,
    brier_scorer,
    concordance_scorer,
    integrated_brier_scorer,
    survival_log_scorer,
    uno_scorer,
)
from churnlib.numerics import censoring_survival
from churnlib.survival import CoxModel
from churnlib.targets import survival_target

MONTHS = range(1, 13)
ALL = {
    "c": concordance_scorer(),
    "uno": uno_scorer(tau=12),
    "brier": brier_scorer(6),
    "ibs": integrated_brier_scorer(MONTHS),
    "auc": auc_scorer(6),
    "log": survival_log_scorer(),
}


class Weibull(BaseEstimator):
    """A hazard model in few lines: a hazard that rises with tenure, moved by the first feature."""

    def __init__(self, slope=1.0):
        self.slope = slope

    def fit(self, X, y, sample_weight=None):
        start = y["entry"] if "entry" in y.dtype.names else np.zeros(len(y))
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        effect = np.exp(self.slope * np.asarray(X)[:, 0])
        self.rate_ = (weight * y["event"]).sum() / (weight * (y["time"] ** 1.5 - start**1.5) * effect).sum()
        self.support_ = (start.min(), y["time"].max())
        self.censoring_ = censoring_survival(y["time"] - start, y["event"], weight=weight)
        return self

    def predict(self, X):
        return self.slope * np.asarray(X)[:, 0]

    def predict_survival_function(self, X, times, *, given=None):
        start = np.zeros((len(X), 1)) if given is None else np.asarray(given)[:, None]
        tenure = start + np.asarray(times)
        assert tenure.max() <= self.support_[1] + 1e-9, "a scorer asks beyond the support"
        return np.exp(-self.rate_ * np.exp(self.predict(X))[:, None] * (tenure**1.5 - start**1.5))


class Forgetful(Weibull):
    """One that keeps no censoring."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        del self.censoring_
        return self


def world(n=600, *, seed=0, entries=False, end=40.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    entry = np.floor(rng.uniform(0, 10, n)) if entries else np.zeros(n)
    life = (entry**1.5 + 30 * rng.exponential(1 / np.exp(X[:, 0]))) ** (2 / 3)
    lost = np.minimum(entry + rng.exponential(30, n), end)
    y = survival_target(life <= lost, np.minimum(life, lost), entry=entry if entries else None)
    return X, y


# ------------------------------------------------------------------ what they compute


@pytest.mark.parametrize("entries", [False, True])
def test_each_scorer_is_its_metric_with_censoring_from_training(entries):
    X, y = world(entries=entries)
    X_test, y_test = world(200, seed=1, entries=entries, end=28.0)
    model = Weibull().fit(X, y)
    weight = np.random.default_rng(2).random(200)
    given = y_test["entry"] if entries else None

    def stay(times):
        return model.predict_survival_function(X_test, times, given=given)

    since = y_test["time"] - (y_test["entry"] if entries else 0)
    left = since[y_test["event"]]
    tenths = np.unique(np.quantile(left, np.arange(1, 10) / 10, method="inverted_cdf"))
    kept = {"train": model.censoring_, "sample_weight": weight}
    months, six = np.array(MONTHS, dtype=float), np.array([6.0])
    expected = {
        "c": concordance_score(y_test, X_test[:, 0], sample_weight=weight),
        "uno": uno_concordance_score(y_test, X_test[:, 0], tau=12, **kept),
        "brier": -survival_brier_loss(y_test, stay(six), six, **kept)[0],
        "ibs": -integrated_brier_loss(y_test, stay(months), months, **kept),
        "auc": dynamic_auc(y_test, 1 - stay(six), six, **kept)[0],
        "log": -survival_log_loss(y_test, stay(tenths), tenths, sample_weight=weight),
    }
    found = {name: scorer(model, X_test, y_test, sample_weight=weight) for name, scorer in ALL.items()}
    assert found == expected


def test_the_right_slope_wins_by_every_scorer():
    X, y = world(1500, entries=True)
    X_test, y_test = world(1500, seed=1, entries=True, end=28.0)
    right, weak, wrong = (Weibull(slope).fit(X, y) for slope in (1.0, 0.3, -1.0))
    for name, scorer in ALL.items():
        assert scorer(right, X_test, y_test) > scorer(wrong, X_test, y_test)
        if name in ("brier", "ibs", "log"):
            assert scorer(right, X_test, y_test) > scorer(weak, X_test, y_test)


# ------------------------------------------------------------------ with scikit-learn


def test_several_at_once_in_a_search_over_a_pipeline():
    X, y = world()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Weibull()),
        {"weibull__slope": [-1.0, 0.3, 1.0]},
        scoring=ALL,
        refit="ibs",
        cv=SurvivalKFold(5),
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_ == {"weibull__slope": 1.0}
    assert not np.isnan(pd.DataFrame(search.cv_results_).filter(like="mean_test").to_numpy()).any()
    assert ALL["ibs"](search, X, y) == ALL["ibs"](search.best_estimator_, X, y)


def test_a_cox_model_in_a_pipeline_is_searched_with_late_entries():
    X, y = world(300, entries=True)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), CoxModel()),
        {"coxmodel__alpha": [0.0, 1e4]},
        scoring={"ibs": integrated_brier_scorer(MONTHS), "c": concordance_scorer(), "auc": auc_scorer(6)},
        refit="ibs",
        cv=SurvivalKFold(3),
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_ == {"coxmodel__alpha": 0.0}
    assert concordance_scorer()(search, X, y) == search.best_estimator_.score(X, y)


def test_two_jobs_give_what_one_gives():
    X, y = world(200)
    options = {"cv": SurvivalKFold(2), "scoring": ALL}
    one = cross_validate(Weibull(), X, y, **options)
    with parallel_backend("threading"):  # processes would be sent the scorers pickled, which is shown below
        two = cross_validate(Weibull(), X, y, n_jobs=2, **options)
    for name in ALL:
        assert one[f"test_{name}"].tolist() == two[f"test_{name}"].tolist()


def test_weights_are_routed_where_they_are_requested():
    X, y = world(200)
    weight = np.random.default_rng(0).integers(0, 3, 200).astype(float)
    with config_context(enable_metadata_routing=True):
        model = Weibull().set_fit_request(sample_weight=True)
        asking = concordance_scorer().set_score_request(sample_weight=True)
        silent = concordance_scorer().set_score_request(sample_weight=False)
        other = brier_scorer(6).set_score_request(sample_weight="importance")
        found = cross_validate(
            model,
            X,
            y,
            cv=SurvivalKFold(2),
            scoring={"asking": asking, "silent": silent, "other": other},
            params={"sample_weight": weight, "importance": weight},
        )
        single = cross_val_score(model, X, y, cv=SurvivalKFold(2), scoring=asking, params={"sample_weight": weight})
        with pytest.raises(ValueError, match=r"sample_weight.*not explicitly set as requested"):
            cross_val_score(
                model, X, y, cv=SurvivalKFold(2), scoring=concordance_scorer(), params={"sample_weight": weight}
            )
    for k, (train, test) in enumerate(SurvivalKFold(2).split(X, y)):
        fitted = Weibull().fit(X[train], y[train], weight[train])
        weighted = concordance_scorer()(fitted, X[test], y[test], weight[test])
        assert found["test_asking"][k] == single[k] == weighted != found["test_silent"][k]
        assert found["test_other"][k] == brier_scorer(6)(fitted, X[test], y[test], weight[test])


def test_scorers_are_values():
    for scorer in ALL.values():
        assert pickle.loads(pickle.dumps(scorer)) == scorer
    assert brier_scorer("90d") == brier_scorer(90) != brier_scorer(91)
    assert repr(integrated_brier_scorer([1, 2])) == "neg_integrated_brier_loss(times=(1.0, 2.0))"
    assert {repr(scorer)[:4] == "neg_" for name, scorer in ALL.items() if name in ("brier", "ibs", "log")} == {True}


# ------------------------------------------------------------------ what cannot be scored


def test_times_past_training_are_left_out_with_one_warning():
    X, y = world(end=9.5)  # everybody is lost from sight at 9.5 at the latest
    model = Weibull().fit(X, y)
    with pytest.warns(AssumptionWarning, match="3 of 12 times are not scored.*the last one scored is 9;") as caught:
        found = integrated_brier_scorer(MONTHS)(model, X, y)
    assert len(caught) == 1
    assert found == integrated_brier_scorer(range(1, 10))(model, X, y)
    with pytest.raises(HistoryError, match=r"none of 2 times can be scored \(first: 10\)"):
        integrated_brier_scorer([10, 11])(model, X, y)
    lowered = max(y["time"][y["time"] < 9.5])
    for scorer in (brier_scorer, auc_scorer):
        with pytest.warns(AssumptionWarning, match=r"scored at 9\.4\d+, not at 12: in training nobody was still"):
            found = scorer(12)(model, X, y)
        assert found == scorer(lowered)(model, X, y)


def test_uno_is_taken_up_to_where_training_reaches():
    X, y = world(end=9.5)
    X_test, y_test = world(seed=1)
    model = Weibull().fit(X, y)
    for scorer in (uno_scorer(), uno_scorer(tau=20)):
        with pytest.warns(AssumptionWarning, match=r"Uno's concordance is taken up to 9\.5, not (the end|20)"):
            found = scorer(model, X_test, y_test)
        assert found == uno_scorer(tau=9.5)(model, X_test, y_test)


def test_rows_that_leave_the_support_are_left_out_by_their_entry_alone():
    X, y = world(entries=True, end=22.0)  # entries up to 10, tenures up to 22
    model = Weibull().fit(X, y)
    model.support_ = (1.0, 18.0)
    inside = (y["entry"] >= 1.0) & (y["entry"] <= 6.0)
    left_out = int((~inside).sum())
    for scorer in (integrated_brier_scorer(MONTHS), brier_scorer(12), auc_scorer(12), survival_log_scorer(MONTHS)):
        with pytest.warns(AssumptionWarning, match=f"{left_out} of 600 rows are not scored: at 12 after their entry"):
            found = scorer(model, X, y, np.ones(600))
        assert found == scorer(model, X[inside], y[inside], np.ones(inside.sum()))
    model.support_ = (11.0, 30.0)
    with pytest.raises(HistoryError, match="all 600 rows entered before 11"):
        integrated_brier_scorer(MONTHS)(model, X, y)


def test_censoring_of_the_scored_rows_is_used_with_a_warning_where_a_model_keeps_none():
    X, y = world()
    model = Forgetful().fit(X, y)
    with pytest.warns(AssumptionWarning, match="Forgetful has no censoring_: censoring is estimated from the rows"):
        found = integrated_brier_scorer(MONTHS)(model, X, y)
    assert found == integrated_brier_scorer(MONTHS)(Weibull().fit(X, y), X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        concordance_scorer()(model, X, y)  # needs none


def test_bad_arguments_are_refused_in_the_making():
    with pytest.raises(ParameterError, match="times do not ascend"):
        integrated_brier_scorer([3, 2])
    with pytest.raises(ParameterError, match="0 or less"):
        brier_scorer(-1)
    with pytest.raises(ParameterError, match="horizon='1mo' is a length of the calendar"):
        auc_scorer("1mo")
    with pytest.raises(ParameterError, match=r"tau=-2\.0 is out of range"):
        uno_scorer(-2)
    with pytest.raises(ParameterError, match="tau is 0"):
        uno_scorer(0)
    with pytest.raises(ParameterError, match="times holds 1 time; an integral has two ends"):
        integrated_brier_scorer([3])
    with pytest.raises(ParameterError, match="horizon holds 2 numbers"):
        brier_scorer([3, 4])


def test_what_predicts_no_survival_or_was_not_seen_to_leave_is_named():
    X, y = world(50)
    with pytest.raises(ParameterTypeError, match="LogisticRegression predicts no survival"):
        concordance_scorer()(LogisticRegression(), X, y)
    model = Weibull().fit(X, y)
    with pytest.raises(HistoryError, match="none of 3 rows was seen to leave at a tenure up to"):
        survival_log_scorer()(model, X[:3], survival_target([0, 0, 0], [1, 2, 3]))
