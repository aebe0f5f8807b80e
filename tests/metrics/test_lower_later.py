from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.metrics._lower_later import dense_ranks, lower_later


def by_definition(by_rank, query, point) -> float:
    rank = np.empty(len(by_rank), dtype=int)
    rank[by_rank] = np.arange(len(by_rank))
    return sum(query[i] * point[i + 1 :][rank[i + 1 :] < rank[i]].sum() for i in range(len(rank)))


@given(st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_all_pairs_are_found_whatever_the_size(n, seed):
    rng = np.random.default_rng(seed)
    by_rank, query = rng.permutation(n), rng.integers(0, 3, n)
    assert lower_later(by_rank, query) == by_definition(by_rank, query, np.ones(n, dtype=int))
    point = rng.integers(-2, 3, n)
    assert lower_later(by_rank, query, point) == by_definition(by_rank, query, point)
    weights = rng.random((2, n))
    assert lower_later(by_rank, *weights) == pytest.approx(by_definition(by_rank, *weights), abs=1e-12)


def test_whole_numbers_stay_exact():
    n = 3000
    descending = np.arange(n)[::-1].copy()  # the latest ranks lowest: every pair counts
    big = np.full(n, 1_000_003)
    assert lower_later(descending, big, big) == 1_000_003**2 * n * (n - 1) // 2


def test_ranks_are_dense_and_zero_has_no_sign():
    ranks, n = dense_ranks(np.array([3.0, -0.0, np.inf, 0.0, -np.inf, 3.0]))
    assert (ranks.tolist(), n) == ([2, 1, 3, 1, 0, 2], 4)
    assert dense_ranks(np.array([]))[1] == 0
