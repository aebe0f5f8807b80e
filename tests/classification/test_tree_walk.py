import numpy as np
import pytest

from churnlib.classification._tree_walk import TreeWalk
from tests.classification.random_trees import COLUMNS, leaf_of, random_places, random_trees, right_of


@pytest.mark.parametrize("seed", range(4))
def test_every_test_sends_a_row_where_it_says(seed):
    trees = random_trees(seed, most_tests=20)
    walk = TreeWalk(trees, COLUMNS, dtype=np.float64, base=0.0)
    for places in random_places(seed, 20):
        outcome = walk.outcome(np.array(places))
        for node in range(len(trees.column)):
            assert outcome[node] == (trees.column[node] >= 0 and right_of(trees, node, places))


@pytest.mark.parametrize("seed", range(4))
def test_every_row_ends_in_its_leaf(seed):
    trees = random_trees(seed, n_trees=1, most_tests=40)
    walk = TreeWalk(trees, COLUMNS, dtype=np.float64, base=0.0)
    for places in random_places(seed, 30):
        assert walk.total(places) == trees.value[leaf_of(trees, 0, places)]
