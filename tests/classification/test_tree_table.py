import numpy as np
import pytest

from churnlib.classification import _tree_table
from churnlib.classification._tree_table import PatternTable
from tests.classification.random_trees import COLUMNS, expected, random_places, random_trees


def test_tables_are_for_small_trees_and_small_memory(monkeypatch):
    small = random_trees(1)
    assert PatternTable.fits(small, COLUMNS)
    assert not PatternTable.fits(random_trees(1, most_tests=20), COLUMNS)
    monkeypatch.setattr(_tree_table, "_MOST_BYTES", 100)
    assert not PatternTable.fits(small, COLUMNS)


@pytest.mark.parametrize("seed", range(4))
def test_contributions_and_the_expectation_add_up_to_the_total(seed):
    trees = random_trees(seed, n_trees=8)
    table = PatternTable(trees, COLUMNS, dtype=np.float64, base=0.5, shapley=True)
    base = 0.5 + sum(expected(trees, int(root), [], set()) for root in trees.roots)
    for places in random_places(seed, 20):
        assert base + table.contributions(places).sum() == pytest.approx(table.total(places), abs=1e-12)


def test_more_columns_than_are_tested():
    table = PatternTable(random_trees(0), COLUMNS, dtype=np.float64, base=0.0, shapley=True)
    assert table.contributions([0, 0, 0, 0]).shape == (4,)
    assert table.contributions([3, 1, 2, 0])[3] == 0.0
