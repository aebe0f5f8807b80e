import copy

import numpy as np
import pytest

from churnlib.classification._record import Column
from churnlib.classification._tree_nodes import Trees
from churnlib.exceptions import DataError

COLUMNS = (Column("orders", None, (2.0, 5.0)), Column("plan", ("a", "b", "c")))
# orders >= 5 ? leaf .5 : (plan in {a, c} ? -1 : 2); then a tree that is one leaf
PLAIN = {
    "roots": [0, 5],
    "column": [0, 1, -1, -1, -1, -1],
    "test": [1, 0, 0, 0, 0, 0],
    "missing_right": [1, 0, 0, 0, 0, 0],
    "left": [1, 3, 2, 3, 4, 5],
    "value": [0.0, 0.0, 0.5, 2.0, -1.0, 0.25],
    "cover": [10.0, 6.0, 4.0, 2.0, 4.0, 10.0],
    "sets": [[], [[0, 2]]],
}


def test_what_is_read_is_what_is_written():
    trees = Trees.from_plain(PLAIN, COLUMNS)
    assert trees.to_plain() == PLAIN
    assert (trees.n_trees, trees.depth, trees.tree.tolist()) == (2, 2, [0, 0, 0, 0, 0, 1])


def test_arrays_are_read_only():
    trees = Trees.from_plain(PLAIN, COLUMNS)
    with pytest.raises(ValueError, match="read-only"):
        trees.value[0] = 1.0


def test_outcomes_of_numbers_and_categories():
    trees = Trees.from_plain(PLAIN, COLUMNS)
    nodes, right = trees.goes_right(0, 3)
    assert (nodes.tolist(), right[:, 0].tolist()) == ([0], [False, False, True, True])
    nodes, right = trees.goes_right(1, 3)
    assert (nodes.tolist(), right[:, 0].tolist()) == ([1], [True, False, True, False])


@pytest.mark.parametrize(
    ("name", "position", "value", "match"),
    [
        ("left", 0, 0, "a child that is not below it"),
        ("left", 1, 4, "a child that is not below it"),
        ("left", 0, 9, "a child that is not below it"),
        ("column", 0, 2, "a column or a threshold that is not there"),
        ("test", 0, 2, "a column or a threshold that is not there"),
        ("test", 1, 1, "a column or a threshold that is not there"),
        ("test", 1, -1, "a leaf has a test or a child"),
        ("left", 2, 3, "a leaf has a test or a child"),
        ("column", 2, -2, "a leaf has a test or a child"),
        ("value", 2, None, "a leaf has no value"),
        ("cover", 0, float("inf"), "a leaf has no value, or a node no cover"),
        ("roots", 1, 0, "or a tree has no node"),
        ("roots", 0, 1, "or a tree has no node"),
    ],
)
def test_broken_trees_are_refused(name, position, value, match):
    plain = copy.deepcopy(PLAIN)
    plain[name][position] = value
    with pytest.raises(DataError, match=match):
        Trees.from_plain(plain, COLUMNS)


def test_lists_of_other_lengths_and_unknown_categories_are_refused():
    with pytest.raises(DataError, match="its lists differ in length"):
        Trees.from_plain(PLAIN | {"value": [0.0]}, COLUMNS)
    with pytest.raises(DataError, match="a set of 'plan' names a category that is not there"):
        Trees.from_plain(PLAIN | {"sets": [[], [[0, 3]]]}, COLUMNS)


def test_depth_of_leaves_alone():
    leaf = {name: [0] for name in ("roots", "test", "missing_right", "left")}
    leaf |= {"column": [-1], "value": [0.5], "cover": [1.0], "sets": [[], []]}
    assert Trees.from_plain(leaf, COLUMNS).depth == 0
    assert np.array_equal(Trees.from_plain(leaf, COLUMNS).is_leaf, [True])
