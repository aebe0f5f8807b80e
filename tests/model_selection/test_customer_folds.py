import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, KFold

from churnlib.exceptions import ParameterError, ParameterTypeError
from churnlib.model_selection import grouped_folds, splits_of

rows = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1)), min_size=1, max_size=60)


@given(rows, st.integers(2, 5))
def test_a_customer_is_never_torn_apart(pairs, n_folds):
    groups, target = np.array(pairs).T
    folds = grouped_folds(target, groups, n_folds=n_folds, seed=0)
    assert all(len(np.unique(folds[groups == group])) == 1 for group in np.unique(groups))


@given(rows, st.integers(0, 3))
def test_folds_do_not_depend_on_row_order(pairs, seed):
    groups, target = np.array(pairs).T
    folds = grouped_folds(target, groups, n_folds=3, seed=seed)
    order = np.random.default_rng(seed).permutation(len(pairs))
    np.testing.assert_array_equal(grouped_folds(target[order], groups[order], n_folds=3, seed=seed), folds[order])


@given(st.integers(20, 200), st.floats(0.1, 0.9), st.integers(0, 5))
def test_churners_are_shared_out_evenly(n, rate, seed):
    target = (np.random.default_rng(seed).random(n) < rate).astype(int)
    folds = grouped_folds(target, None, n_folds=5, seed=seed)
    churners = np.bincount(folds, weights=target, minlength=5)
    assert churners.max() - churners.min() <= 1
    assert np.ptp(np.bincount(folds, minlength=5)) <= 1


def test_seed_shuffles():
    target = np.tile([0, 1], 50)
    assert (grouped_folds(target, None, n_folds=5, seed=0) != grouped_folds(target, None, n_folds=5, seed=1)).any()


X = pd.DataFrame({"a": range(12)})
TARGET = np.array([0, 1] * 6)
CUSTOMER = pd.Index(np.repeat(range(6), 2))


def test_a_number_means_as_many_folds_of_whole_customers():
    parts = splits_of(3, X, TARGET, CUSTOMER, seed=0)
    assert sorted(np.concatenate([test for _, test in parts])) == list(range(12))
    assert all(not set(CUSTOMER[train]) & set(CUSTOMER[test]) for train, test in parts)
    assert len(splits_of(None, X, TARGET, CUSTOMER, seed=0)) == 5
    assert len(splits_of(50, X, TARGET, CUSTOMER, seed=0)) == 6


def test_too_few_customers_of_a_class_give_no_folds():
    assert splits_of(3, X, (np.arange(12) == 0).astype(int), CUSTOMER, seed=0) == []


def test_a_splitter_gets_the_customers_if_it_reads_them():
    for train, test in splits_of(GroupKFold(2), X, TARGET, CUSTOMER, seed=0):
        assert not set(CUSTOMER[train]) & set(CUSTOMER[test])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # scikit-learn's other splitters warn of groups they do not read
        assert len(splits_of(KFold(3), X, TARGET, CUSTOMER, seed=0)) == 3
    given = [(range(6), range(6, 12))]
    assert splits_of(given, X, TARGET, CUSTOMER, seed=0)[0][1].tolist() == [6, 7, 8, 9, 10, 11]


def test_folds_given_as_masks_are_positions():
    X, mask = pd.DataFrame({"a": range(4)}), np.array([True, True, False, False])
    [(train, test)] = splits_of([(mask, ~mask)], X, np.array([0, 1, 0, 1]), None, seed=0)
    assert (train.tolist(), test.tolist()) == ([0, 1], [2, 3])


@pytest.mark.parametrize(
    ("cv", "error", "said"),
    [
        ([np.arange(4), np.arange(4)], ParameterTypeError, r"a fold of cv is a ndarray; a pair: (?s:.*)cv=\[\(train"),
        ([([0, 1], [2, 4])], ParameterError, "1 of 2 rows of a fold are outside 0 to 3(?s:.*)get_indexer"),
        ([([0, 1], [-1])], ParameterError, "1 of 1 rows of a fold are outside 0 to 3"),
        ([([0, 1], ["c2"])], ParameterTypeError, r"the rows of a fold are <U2 of shape \(1,\)(?s:.*)flatnonzero"),
        ([([0, 1], [True, False])], ParameterTypeError, r"the rows of a fold are bool of shape \(2,\)"),
        (KFold, ParameterTypeError, "cv=<class 'sklearn.*KFold'> is no way to split"),
    ],
)
def test_folds_that_name_no_rows(cv, error, said):
    with pytest.raises(error, match=said):
        splits_of(cv, pd.DataFrame({"a": range(4)}), np.array([0, 1, 0, 1]), None, seed=0)


def test_what_is_no_way_to_split():
    with pytest.raises(ParameterTypeError, match=r"cv='month' is no way to split(?s:.*)cv=PurgedGroupTimeSplit"):
        splits_of("month", X, TARGET, CUSTOMER, seed=0)
    with pytest.raises(ParameterError, match="cv=1 leaves nothing to test on; at least 2 folds"):
        splits_of(1, X, TARGET, CUSTOMER, seed=0)
