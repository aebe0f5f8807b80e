import numpy as np
import pytest

from churnlib.classification._compiled_forest import CompiledForest
from churnlib.classification._record import RecordReader
from tests.classification.random_trees import COLUMNS, leaf_of, random_places, random_trees


def forest():
    trees = random_trees(3, n_trees=4, most_tests=12)
    plain = {"trees": trees.to_plain(), "typical": [2, 1, 0, 0]}
    # shares of churners lie between 0 and 1
    plain["trees"]["value"] = [abs(np.tanh(value)) for value in plain["trees"]["value"]]
    return CompiledForest(plain, COLUMNS, RecordReader(COLUMNS)), trees


def test_the_mean_of_the_leaves():
    compiled, trees = forest()
    for places in random_places(1, 20):
        leaves = [abs(np.tanh(trees.value[leaf_of(trees, root, places)])) for root in trees.roots]
        assert compiled.probability(places) == pytest.approx(np.mean(leaves))
        assert compiled.probabilities([places]) == [compiled.probability(places)]


def test_contributions_swap_one_column_at_a_time():
    compiled, _ = forest()
    for places in random_places(2, 20):
        p = compiled.probability(places)
        for column, typical in enumerate([2, 1, 0, 0]):
            q = compiled.probability([typical if k == column else place for k, place in enumerate(places)])
            change = np.log(p / (1 - p)) - np.log(q / (1 - q))
            assert compiled.contributions(places)[column] == pytest.approx(change, abs=1e-12)
