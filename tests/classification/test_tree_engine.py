"""Tables and walks do the same: they put a row into the leaf that a person would put it into."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnlib.classification import _tree_engine, _tree_table
from churnlib.classification._tree_engine import TreeEngine
from churnlib.classification._tree_table import PatternTable
from churnlib.classification._tree_walk import TreeWalk
from tests.classification.random_trees import COLUMNS, leaf_of, random_places, random_trees


def by_hand(trees, places, base):
    total = np.float32(base)
    for root in trees.roots:
        total = np.float32(total + np.float32(trees.value[leaf_of(trees, root, places)]))
    return float(total)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_tables_and_walks_add_the_same_leaves_in_the_same_order(seed):
    trees = random_trees(seed, n_trees=30)
    options = {"dtype": np.float32, "base": -0.3}
    table = PatternTable(trees, COLUMNS, shapley=True, **options)
    walk = TreeWalk(trees, COLUMNS, **options)
    rows = random_places(seed, 12)
    slow = [by_hand(trees, places, -0.3) for places in rows]
    assert [table.total(places) for places in rows] == slow
    assert [walk.total(places) for places in rows] == slow
    assert walk.totals(np.array(rows)).tolist() == slow


@pytest.mark.parametrize("seed", range(5))
def test_both_ways_explain_alike(seed, monkeypatch):
    trees = random_trees(seed, n_trees=6)
    options = {"dtype": np.float32, "base": 0.1, "shapley": True}
    small = TreeEngine(trees, COLUMNS, **options)
    assert small._table is not None
    monkeypatch.setattr(_tree_table, "_MOST_TESTS", 0)
    large = TreeEngine(trees, COLUMNS, **options)
    assert large._table is None
    for places in random_places(seed, 30):
        np.testing.assert_allclose(small.contributions(places), large.contributions(places), atol=1e-12)
        assert small.total(places) == large.total(places)


def test_several_rows_are_as_one_row_each(monkeypatch):
    trees = random_trees(1, n_trees=6, most_tests=20)
    engine = TreeEngine(trees, COLUMNS, dtype=np.float64, base=0.0, shapley=False)
    assert engine._walk is not None
    monkeypatch.setattr(_tree_engine, "_BLOCK", 7)
    rows = random_places(1, 30)
    assert engine.totals(rows).tolist() == [engine.total(row) for row in rows]
    assert engine.totals([]).tolist() == []


def test_leaves_alone():
    trees = random_trees(0, n_trees=3, most_tests=0)
    engine = TreeEngine(trees, COLUMNS, dtype=np.float64, base=1.0, shapley=True)
    assert engine.total([0, 0, 0, 0]) == pytest.approx(1.0 + trees.value.sum())
    assert engine.contributions([0, 0, 0, 0]).tolist() == [0.0] * 4
