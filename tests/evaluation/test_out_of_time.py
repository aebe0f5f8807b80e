import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, TimeSeriesSplit

from churnlib.classification import ChurnClassifier
from churnlib.evaluation import out_of_time_predict
from churnlib.exceptions import DataError, DuplicateError, LeakageError, ParameterTypeError
from churnlib.model_selection import PurgedGroupTimeSplit
from tests.classification.worlds import world

CV = PurgedGroupTimeSplit(2, horizon="30d")


def test_each_period_is_predicted_from_the_past():
    X, y = world(800, cutoffs=8)
    model = ChurnClassifier(LogisticRegression(), calibration=None)
    frame = out_of_time_predict(model, X, y, cv=CV)
    assert frame.columns.tolist() == ["fold", "churn", "churn_probability"]
    cutoff = frame.index.get_level_values("cutoff")
    assert cutoff.is_monotonic_increasing
    assert frame["fold"].is_monotonic_increasing
    assert not hasattr(model, "classes_")
    pd.testing.assert_series_equal(frame["churn"], y.loc[frame.index].rename("churn"), check_dtype=False)
    for fold, (train, test) in enumerate(CV.split(X, y)):
        expected = model.fit(X.iloc[train], y.iloc[train]).predict_proba(X.iloc[test])[:, 1]
        got = frame[frame["fold"] == fold].loc[X.index[test], "churn_probability"]
        np.testing.assert_array_equal(got, expected)


def test_random_folds_are_refused():
    X, y = world(100, cutoffs=4)
    with pytest.raises(LeakageError, match=r"(?s)\d+ training rows of 3 folds lie at or after.*PurgedGroupTimeSplit"):
        out_of_time_predict(ChurnClassifier(), X, y, cv=KFold(3, shuffle=True, random_state=0))


def test_rows_tested_twice_are_refused():
    X, y = world(40)
    X = X.reset_index(drop=True)
    twice = TimeSeriesSplit(2)
    twice.split = lambda X, y: [(np.arange(10), np.arange(20, 30)), (np.arange(15), np.arange(25, 35))]
    with pytest.raises(DuplicateError, match="5 rows are tested by several folds"):
        out_of_time_predict(ChurnClassifier(LogisticRegression(), calibration=None), X, y, cv=twice)


def test_cv_must_split():
    X, y = world(40)
    with pytest.raises(ParameterTypeError, match="cv=5 does not split"):
        out_of_time_predict(ChurnClassifier(), X, y, cv=5)


def test_cv_without_folds():
    X, y = world(40)
    empty = TimeSeriesSplit(2)
    empty.split = lambda X, y: []
    with pytest.raises(DataError, match="cv gives no folds"):
        out_of_time_predict(ChurnClassifier(), X, y, cv=empty)
