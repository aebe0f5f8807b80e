from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.events._tiles import Tiling, after_last, covered, gather, positions, repeats, running, runs_of

DAY = 86_400_000_000
LOW, HIGH = np.iinfo(np.int64).min, np.iinfo(np.int64).max

edge_days = st.lists(st.integers(-400, 4000), min_size=1, max_size=30, unique=True).map(sorted)


@given(edge_days, st.sampled_from([1, 3_600_000_000, DAY]), st.lists(st.integers(-(10**15), 10**15), max_size=20))
def test_a_tile_counts_the_edges_at_or_before_an_instant(days, unit, anywhere):
    edges = np.array(days, np.int64) * unit + 17
    around = [e + shift for e in edges.tolist() for shift in (-1, 0, 1)]
    time = np.array([*around, *anywhere, LOW, HIGH], np.int64)
    expected = [sum(edge <= t for edge in edges.tolist()) for t in time.tolist()]
    assert Tiling(edges).tile(time).tolist() == expected


def test_edges_without_a_common_unit_are_bisected():
    edges = np.array([0, 1, 10**14 + 7])
    assert Tiling(edges)._table is None
    assert Tiling(edges).tile(np.array([-1, 0, 1, 10**14 + 6, 10**14 + 7])).tolist() == [0, 1, 2, 2, 3]


@given(
    st.lists(st.lists(st.integers(0, 60), max_size=12).map(sorted), min_size=1, max_size=6),
    st.lists(st.integers(0, 60), min_size=1, max_size=8, unique=True).map(sorted),
)
def test_positions_are_the_rows_before_each_edge(histories, edges):
    time = np.array([t for history in histories for t in history], np.int64)
    start = np.concatenate([[0], np.cumsum([len(h) for h in histories])])
    owner = np.repeat(np.arange(len(histories)), np.diff(start))
    plane = positions(Tiling(np.array(edges)).tile(time), owner, start[:-1].astype(np.intp), len(edges))
    for e, edge in enumerate(edges):
        for c, history in enumerate(histories):
            assert plane[e, c] == start[c] + sum(t < edge for t in history)


def test_a_running_sum_may_wrap_around_where_no_difference_does():
    values = np.array([HIGH, HIGH, HIGH, -5, 2**53 + 1])
    sums = running(values)
    assert np.diff(sums[[3, 5]]) == 2**53 + 1 - 5
    assert np.diff(sums[:2]) == HIGH


def test_a_running_sum_counts_flags():
    assert running(np.array([True, False, True])).tolist() == [0, 1, 1, 2]


def test_gather_from_nothing_gives_zeros():
    assert gather(np.array([], np.int64), np.array([[-1, 0, 5]])).tolist() == [[0, 0, 0]]


@given(st.lists(st.booleans(), max_size=30))
def test_after_last_is_one_more_than_the_last_flag(flags):
    rows = [max((i + 1 for i in range(j) if flags[i]), default=0) for j in range(len(flags) + 1)]
    assert after_last(np.array(flags, bool)).tolist() == rows


@pytest.mark.parametrize("largest", [5, 2**31 - 1])
@given(data=st.data())
def test_a_repeat_is_a_key_its_customer_has_had_before(largest, data):
    one = st.tuples(st.integers(0, 2), st.integers(0, 9), st.sampled_from([0, 1, largest]))
    drawn = sorted(data.draw(st.lists(one, max_size=30)))
    expected = []
    for j, (customer, tile, key) in enumerate(drawn):
        before = [t for c, t, k in drawn[:j] if (c, k) == (customer, key)]
        if before:
            expected.append((customer, before[-1], tile))
    customer, tile, key = (np.array([row[k] for row in drawn], np.intp) for k in range(3))
    found = repeats(customer, key.astype(np.int32), tile)
    assert sorted(zip(*(column.tolist() for column in found), strict=True)) == sorted(expected)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 2)), max_size=20))
def test_covered_counts_the_ranges_that_hold_an_answer(ranges):
    first, stop, owner = (np.array([r[k] for r in ranges], np.intp) for k in range(3))
    expected = [[sum(a <= k < b and o == c for a, b, o in ranges) for c in range(3)] for k in range(4)]
    assert covered(first, stop, owner, 4, 3).tolist() == expected


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 12), st.integers(1, 5))
def test_runs_hold_whole_customers_and_few_rows(lengths, rows, customers):
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    borders = runs_of(offsets, rows=rows, customers=customers)
    assert borders[0] == 0
    assert borders[-1] == len(lengths)
    for a, z in itertools.pairwise(borders):
        assert 1 <= z - a <= customers
        assert z - a == 1 or offsets[z] - offsets[a] <= rows
