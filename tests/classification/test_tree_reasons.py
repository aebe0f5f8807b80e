from itertools import permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.classification._tree_reasons import LeafPaths, PathReasons, leaf_shapley
from churnlib.classification._tree_walk import TreeWalk
from tests.classification.random_trees import COLUMNS, expected, random_places, random_trees

SIZE = 3  # columns that are tested


def by_permutations(trees, places):
    """Shapley's own definition: the mean marginal contribution over all orders of the columns."""
    total = np.zeros(len(COLUMNS))
    for root in trees.roots:
        for order in permutations(range(SIZE)):
            known = set()
            before = expected(trees, int(root), places, known)
            for column in order:
                known.add(column)
                after = expected(trees, int(root), places, known)
                total[column] += (after - before) / factorial(SIZE)
                before = after
    return total


@given(
    st.integers(1, 9).flatmap(
        lambda m: st.tuples(
            st.lists(st.booleans(), min_size=m, max_size=m), st.lists(st.floats(0, 1), min_size=m, max_size=m)
        )
    ),
    st.floats(-5, 5),
)
def test_the_contributions_of_a_leaf_are_shapleys(path, value):
    satisfied, share = np.array(path[0]), np.array(path[1])
    m = len(share)
    found = leaf_shapley(satisfied, share, np.array(value))

    def worth(known):
        return value * np.prod([satisfied[j] if j in known else share[j] for j in range(m)])

    if m <= 5:
        slow = np.zeros(m)
        for order in permutations(range(m)):
            for position, column in enumerate(order):
                slow[column] += (worth(order[: position + 1]) - worth(order[:position])) / factorial(m)
        np.testing.assert_allclose(found, slow, atol=1e-12)
    assert found.sum() == pytest.approx(value * (satisfied.prod() - share.prod()), abs=1e-12)


def test_a_column_without_a_test_contributes_nothing():
    with_it = leaf_shapley(np.array([True, True, False]), np.array([0.5, 1.0, 0.25]), np.array(8.0))
    assert with_it.tolist() == pytest.approx([0.5, 0.0, -1.5])


@pytest.mark.parametrize("seed", range(6))
def test_trees_that_test_a_column_again_have_shapley_contributions(seed):
    trees = random_trees(seed, n_trees=3, most_tests=12)
    walk, reasons = TreeWalk(trees, COLUMNS, dtype=np.float64, base=0.0), PathReasons(trees, COLUMNS)
    for places in random_places(seed, 15):
        found = reasons.contributions(walk.outcome(np.array(places)))
        np.testing.assert_allclose(found, by_permutations(trees, places), atol=1e-12)


def test_contributions_and_the_expectation_add_up():
    trees = random_trees(1, n_trees=4, most_tests=12)
    walk, reasons = TreeWalk(trees, COLUMNS, dtype=np.float64, base=0.0), PathReasons(trees, COLUMNS)
    base = sum(expected(trees, int(root), [], set()) for root in trees.roots)
    for places in random_places(2, 20):
        found = reasons.contributions(walk.outcome(np.array(places)))
        assert base + found.sum() == pytest.approx(walk.total(places), abs=1e-12)


def test_paths_climb_from_each_leaf_to_its_root():
    trees = random_trees(3, most_tests=12)
    paths = LeafPaths.of(trees)
    assert len(paths.tree) == int(trees.is_leaf.sum())
    # shares of all leaves of a tree sum to one: somebody arrives somewhere
    np.testing.assert_allclose(np.bincount(paths.tree, weights=paths.share.prod(axis=0)), 1.0)
