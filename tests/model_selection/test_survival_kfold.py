from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import cross_val_score

from churnlib.exceptions import DataError, HistoryError, ParameterError, ParameterTypeError, SchemaError
from churnlib.model_selection import SurvivalKFold
from churnlib.targets import survival_target


def target(event) -> np.ndarray:
    return survival_target(event, np.arange(1.0, len(event) + 1), causes=["price", "moved"])


def folds(cv: SurvivalKFold, X, y, groups=None) -> list[list[int]]:
    return [test.tolist() for _, test in cv.split(X, y, groups)]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 8)), min_size=8, max_size=60),
    st.integers(2, 4),
    st.booleans(),
)
def test_customers_are_in_one_fold_and_causes_in_equal_shares(rows, n_splits, shuffle):
    event, customer = np.array(rows).T
    cause = pd.Series(event).groupby(customer).max()
    if (cause > 0).sum() < n_splits:
        with pytest.raises(HistoryError, match=r"customers, of whom \d+ were seen to leave, for \d folds"):
            folds(SurvivalKFold(n_splits), event, target(event), customer)
        return
    cv = SurvivalKFold(n_splits, shuffle=shuffle, random_state=0 if shuffle else None)
    fold = np.full(len(event), -1)
    for number, (train, test) in enumerate(cv.split(np.zeros((len(event), 1)), target(event), customer)):
        assert (fold[test] == -1).all()
        fold[test] = number
        assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(len(event)))
    assert (fold >= 0).all()
    of_customer = pd.Series(fold).groupby(customer).agg(["min", "max"])
    assert (of_customer["min"] == of_customer["max"]).all()
    counts = pd.crosstab(of_customer["min"], cause).reindex(range(n_splits), fill_value=0)
    assert (counts.max() - counts.min() <= 1).all()
    assert np.ptp(counts.sum(axis=1)) <= 1


def test_customers_come_from_groups_else_from_the_index_else_each_row_is_one():
    y = target([1, 0, 1, 0, 2, 0])
    ids = ["ann", "ann", "bob", "bob", "cy", "dan"]
    cutoffs = pd.date_range("2025-01-01", periods=6, tz="UTC")
    index = pd.MultiIndex.from_arrays([ids, cutoffs], names=["customer_id", "cutoff"])
    X = pd.DataFrame({"x": range(6)}, index=index)
    cv = SurvivalKFold(2)
    expected = folds(cv, X, y)
    assert expected == folds(cv, X.to_numpy(), y, ids) == folds(cv, X.to_numpy(), y, index)
    assert all((0 in test) == (1 in test) and (2 in test) == (3 in test) for test in expected)
    # Rows of nobody are dealt in turn: row 4, who left by cause 2, then rows 0 and 2, then those still here.
    assert folds(cv, X.reset_index(drop=True), y) == [[2, 3, 4], [0, 1, 5]]
    assert folds(cv, X, y, range(6)) != expected


def test_known_customers_are_dealt_alike_whatever_the_order_of_the_rows():
    rng = np.random.default_rng(0)
    event, customer, order = rng.integers(0, 3, 50), rng.integers(0, 30, 50), rng.permutation(50)

    def parts(event, customer):
        found = folds(SurvivalKFold(3), event, target(event), customer)
        return [sorted(set(customer[test])) for test in found]

    assert parts(event, customer) == parts(event[order], customer[order])


def test_a_shuffle_is_repeated_by_its_seed_only():
    y = target([1, 0] * 30)
    seeded = SurvivalKFold(3, shuffle=True, random_state=7)
    assert folds(seeded, y, y) == folds(clone_of(seeded), y, y) != folds(SurvivalKFold(3), y, y)
    free = SurvivalKFold(3, shuffle=True)
    assert folds(free, y, y) != folds(free, y, y)
    assert repr(seeded) == "SurvivalKFold(n_splits=3, random_state=7, shuffle=True)"


def clone_of(cv: SurvivalKFold) -> SurvivalKFold:
    import pickle

    return pickle.loads(pickle.dumps(clone(cv, safe=False)))


class Counts(BaseEstimator):
    def fit(self, X, y):
        return self

    def score(self, X, y):
        return float(y["event"].sum())


def test_scikit_learn_takes_it_with_and_without_metadata_routing():
    y = survival_target([1, 0] * 20, range(1, 41))
    X, groups = np.zeros((40, 1)), np.repeat(range(20), 2)
    assert cross_val_score(Counts(), X, y, cv=SurvivalKFold(4)).tolist() == [5.0] * 4
    with config_context(enable_metadata_routing=True):
        routed = cross_val_score(Counts(), X, y, cv=SurvivalKFold(4), params={"groups": groups})
    assert routed.tolist() == [5.0] * 4


def test_bad_input_is_named():
    y = target([1, 2, 0, 0])
    X = np.zeros((4, 1))
    with pytest.raises(ParameterError, match="n_splits=1 is out of range"):
        SurvivalKFold(1)
    with pytest.raises(ParameterTypeError, match="shuffle is 1"):
        SurvivalKFold(shuffle=1)
    with pytest.raises(ParameterError, match="random_state=0 without shuffle"):
        SurvivalKFold(random_state=0)
    with pytest.raises(DataError, match="y is missing; folds are made by who left"):
        next(SurvivalKFold(2).split(X))
    with pytest.raises(DataError, match="X has 3 rows and y 4"):
        next(SurvivalKFold(2).split(X[:3], y))
    with pytest.raises(SchemaError, match="groups has 3 entries for 4 rows"):
        next(SurvivalKFold(2).split(X, y, ["a", "b", "c"]))
    with pytest.raises(SchemaError, match=r"1 of 4 rows have no customer \(row 3\)"):
        next(SurvivalKFold(2).split(X, y, ["a", "b", "c", None]))
    with pytest.raises(HistoryError, match=r"4 customers, of whom 2 were seen to leave, for 3 folds.*\n.*n_splits=2"):
        next(SurvivalKFold(3).split(X, y))
