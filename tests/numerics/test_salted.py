"""Numbers that belong to an id and a salt."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from churnlib.numerics import salted_uniform, spread_within

IDS = pd.Index(np.arange(20_000))


def test_they_are_uniform_and_salts_are_independent() -> None:
    first, second = salted_uniform(IDS, "a"), salted_uniform(IDS, "b")
    assert kstest(first, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02
    assert first.min() >= 0
    assert first.max() < 1


def test_an_id_keeps_its_number_whoever_stands_beside_it() -> None:
    assert np.array_equal(salted_uniform(IDS[5:9], "a"), salted_uniform(IDS, "a")[5:9])
    assert np.array_equal(salted_uniform(pd.Index(["7"]), "a"), salted_uniform(pd.Index([7]), "a"))


def test_spread_numbers_are_even_within_groups_and_uniform_for_each() -> None:
    codes = np.repeat([0, 1, 2], [1, 7, 92])
    ids = pd.Index(np.arange(100))
    spread = [spread_within(salted_uniform(ids, f"salt {i}"), codes, ids) for i in range(400)]
    for group in range(3):
        inside = np.array([(one[codes == group] < 0.3).sum() for one in spread])
        expected = 0.3 * (codes == group).sum()
        assert np.abs(inside - expected).max() < 1
        assert inside.mean() == pytest.approx(expected, abs=0.1)
    assert kstest([one[3] for one in spread], "uniform").pvalue > 0.01


def test_the_order_of_rows_does_not_matter() -> None:
    order = np.random.default_rng(0).permutation(500)
    ids, codes = pd.Index(np.arange(500)), np.arange(500) % 7
    whole = spread_within(salted_uniform(ids, "a"), codes, ids)
    assert np.array_equal(spread_within(salted_uniform(ids[order], "a"), codes[order], ids[order]), whole[order])
