"""One sort and its tied blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError
from churnlib.numerics import TiedOrder
from churnlib.numerics._ranking import descending_order

scores = st.lists(st.sampled_from([-np.inf, -2.0, -0.0, 0.0, 0.1, 0.5, 3.0, np.inf]), min_size=1, max_size=25)


@given(scores, st.randoms(use_true_random=False))
def test_blocks_are_the_distinct_scores_from_high_to_low(values: list[float], random: object) -> None:
    weight = np.arange(1, len(values) + 1)
    ranked = TiedOrder(values)
    distinct = sorted(set(values), reverse=True)
    assert ranked.scores.tolist() == distinct
    expected = [sum(w for w, value in zip(weight, values, strict=True) if value == score) for score in distinct]
    assert ranked.block_sums(weight).tolist() == expected
    assert (ranked.n_rows, ranked.n_blocks) == (len(values), len(distinct))


def test_minus_zero_ties_with_zero() -> None:
    assert TiedOrder([0.0, -0.0, 1.0]).n_blocks == 2


def test_nan_is_counted_and_named() -> None:
    with pytest.raises(DataError, match=r"2 of 3 scores are NaN \(rows 0, 2\)"):
        TiedOrder([np.nan, 1.0, np.nan])


def test_shape_is_named() -> None:
    with pytest.raises(DataError, match=r"scores have shape \(1, 2\)"):
        TiedOrder([[1.0, 2.0]])


close = st.integers(0, 40).map(lambda bits: 1.0 + bits * 2.0**-52)


@given(st.lists(st.floats(allow_nan=False) | close, min_size=1, max_size=80))
def test_the_packed_order_is_that_of_a_stable_sort(values: list[float]) -> None:
    given_ = np.array(values)
    assert descending_order(given_).tolist() == np.argsort(-given_, kind="stable").tolist()


@pytest.mark.parametrize("near", [3, 300, 5000])
def test_values_that_differ_in_their_last_bits_are_put_right(near: int) -> None:
    rng = np.random.default_rng(near)
    values = rng.normal(size=20_000)
    values[rng.choice(20_000, near, replace=False)] = 1.0 + rng.integers(0, 500, near) * 2.0**-52
    assert np.array_equal(descending_order(values), np.argsort(-values, kind="stable"))
