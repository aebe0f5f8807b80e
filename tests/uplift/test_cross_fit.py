"""Cross-fitting: no model predicts a row it has seen, and customers stay whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, TimeSeriesSplit

from churnlib.exceptions import DataError, HistoryError, ParameterError
from churnlib.uplift import cross_fit
from churnlib.uplift._cross_fit import folds_of


class Remembers(RegressorMixin, BaseEstimator):
    """Predicts 1 for rows it has seen."""

    def fit(self, X, y, sample_weight=None):
        self.seen_ = set(np.asarray(X)[:, 0].tolist())
        return self

    def predict(self, X):
        return np.array([float(value in self.seen_) for value in np.asarray(X)[:, 0].tolist()])


@given(st.lists(st.integers(0, 20), min_size=12, max_size=60), st.integers(2, 5))
def test_no_model_has_seen_the_row_or_the_customer_it_predicts(customers: list[int], cv: int) -> None:
    if len(set(customers)) < cv:
        return
    # the only feature is the customer, so a model remembers all rows of those it has seen
    index = pd.Index(customers, name="customer_id")
    X = pd.DataFrame({"who": customers}, index=index)
    y = np.arange(len(customers)) + 0.5
    assert (cross_fit(Remembers(), X, y, cv=cv) != 1).all()


def test_among_says_whom_to_learn_from() -> None:
    X = np.arange(40.0)[:, None]
    y = np.where(np.arange(40) % 2, 5.0 * X[:, 0], -X[:, 0])
    odd = np.arange(40) % 2 == 1
    np.testing.assert_allclose(cross_fit(LinearRegression(), X, y, among=odd), 5.0 * X[:, 0], atol=1e-8)


def test_folds_have_equal_shares_of_every_kind() -> None:
    kind = np.repeat([0, 1, 2], [500, 50, 5])
    for _, test in folds_of(5, np.zeros((555, 1)), kind, seed=0):
        assert np.bincount(kind[test]).tolist() == [100, 10, 1]


@pytest.mark.parametrize(
    ("cv", "error", "match"),
    [
        (1, ParameterError, "cv=1 leaves nothing to learn from"),
        (30, HistoryError, "12 customers for 30 folds"),
        (TimeSeriesSplit(3), ParameterError, "the folds of cv test 3 of 12 rows never and 0 more than once"),
        (ShuffleSplit(3, random_state=0), ParameterError, "of 12 rows never and .* more than once"),
        ([], ParameterError, "the folds of cv test 12 of 12 rows never"),
    ],
)
def test_folds_that_do_not_test_each_row_once_are_refused(cv, error, match) -> None:
    X = np.arange(12.0)[:, None]
    with pytest.raises(error, match=match):
        cross_fit(LinearRegression(), X, X[:, 0], cv=cv)


def test_folds_of_ones_own_must_keep_customers_whole() -> None:
    X = pd.DataFrame({"a": np.arange(12.0)}, index=pd.Index([1, 2, 3] * 4, name="customer_id"))
    with pytest.raises(DataError, match="a fold of cv trains on 3 of the customers it tests"):
        cross_fit(LinearRegression(), X, X["a"], cv=KFold(2))
    np.testing.assert_allclose(cross_fit(LinearRegression(), X, X["a"], cv=GroupKFold(3)), X["a"])


def test_weights_count_rows() -> None:
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(60, 2)), rng.integers(1, 4, 60)
    y = X[:, 0] + rng.normal(size=60)
    halves = [(np.arange(60) % 2 == k, np.arange(60) % 2 != k) for k in (0, 1)]
    weighted = cross_fit(LinearRegression(), X, y, cv=halves, sample_weight=weight)
    by_hand = np.empty(60)
    for train, test in halves:
        repeated = np.repeat(np.flatnonzero(train), weight[train])
        by_hand[test] = LinearRegression().fit(X[repeated], y[repeated]).predict(X[test])
    np.testing.assert_allclose(weighted, by_hand)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"y": [1.0, np.nan, 0.0, 1.0]}, "1 of 4 values of y are missing"),
        ({"y": [1.0, 0.0, 1.0]}, "X has 4 rows, y 3 and among 3"),
        ({"among": [True, False]}, "X has 4 rows, y 4 and among 2"),
        ({"y": pd.Series([1.0, 0.0, 1.0, 1.0], index=list("dcba"))}, "X and y hold the same 4 labels in different"),
        ({"sample_weight": [1.0, -1.0, 1.0, 1.0]}, "1 of 4 weights are negative"),
    ],
)
def test_bad_rows_are_a_clear_error(change, match) -> None:
    X = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]}, index=list("abcd"))
    with pytest.raises(DataError, match=match):
        cross_fit(LinearRegression(), X, **({"y": [1.0, 0.0, 0.0, 1.0], "cv": 2} | change))
