import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from churnlib.classification._folds import grouped_folds

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
