from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from churnlib._through import final_step
from churnlib.exceptions import ParameterTypeError

X = np.array([[1.0], [3.0], [5.0], [7.0]])
Y = np.array([0, 1, 0, 1])


class Hazard(BaseEstimator):
    """Stands for a hazard model; it keeps an estimator of its own, at which nobody shall arrive."""

    def __init__(self, by=1):
        self.by = by

    def fit(self, X, y=None):
        self.estimator_ = LogisticRegression()
        return self

    def score(self, X, y=None):
        return 0.0

    def predict_survival_function(self, X, times=None):
        return np.ones((len(X), 1))


class Wrapper(MetaEstimatorMixin, BaseEstimator):
    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y=None):
        self.estimator_ = self.estimator.fit(X, y)
        return self


def test_a_model_is_its_own_end():
    model = Hazard().fit(X)
    assert final_step(model, X) == (model, X)


def test_through_pipelines_searches_wrappers_and_frozen_models():
    search = GridSearchCV(make_pipeline(StandardScaler(), "passthrough", Hazard()), {"hazard__by": [2]}, cv=2)
    outer = Pipeline([("nothing", None), ("twice", StandardScaler()), ("search", Wrapper(search))]).fit(X, Y)
    model, seen = final_step(FrozenEstimator(outer), X)
    assert isinstance(model, Hazard)
    assert model.by == 2
    assert seen == pytest.approx((X - 4) / X.std())


def test_a_pipeline_that_another_package_has_patched_is_still_walked_through(monkeypatch):
    monkeypatch.setattr(Pipeline, "predict_survival_function", lambda self, X: None, raising=False)
    model, _ = final_step(make_pipeline(StandardScaler(), Hazard()).fit(X), X)
    assert isinstance(model, Hazard)


def test_scikit_learns_pipeline_is_not_patched():
    assert not hasattr(Pipeline, "predict_churn_probability")
    assert "churnlib" not in str(getattr(Pipeline, "predict_survival_function", ""))


def test_what_holds_no_hazard_model_is_named():
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    with pytest.raises(ParameterTypeError, match="Pipeline > LogisticRegression predicts no survival"):
        final_step(fitted, X)
    unfitted = GridSearchCV(Hazard(), {"by": [1, 2]}, refit=False, cv=2).fit(X, Y)
    for search in (unfitted, Wrapper(Hazard())):
        with pytest.raises(ParameterTypeError, match=r"holds no fitted estimator.*\n.*refit=True"):
            final_step(search, X)
