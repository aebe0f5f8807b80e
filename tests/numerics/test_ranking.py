"""One sort and its tied blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError
from churnlib.numerics import TiedOrder

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
