"""Risk sets: against the definition, by either way of counting, and what must not matter."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError
from churnlib.numerics import RiskTable, risk_table
from churnlib.numerics._risk_table import _by_sorting, counted_table
from tests.strategies import WatchedRows, watched_rows


def by_definition(rows: WatchedRows, n_causes: int) -> RiskTable:
    """Look at every row for every time."""
    n = len(rows.time)
    entry = np.zeros(n) - 1 if rows.entry is None else rows.entry
    weight = np.ones(n) if rows.weight is None else rows.weight
    times = sorted(set(rows.time[weight > 0]))

    def total(chosen):
        return sum(w for w, here in zip(weight, chosen, strict=True) if here)

    return RiskTable(
        np.array(times),
        np.array([total((entry < t) & (t <= rows.time)) for t in times]),
        np.array([[total((rows.time == t) & (rows.event == k)) for t in times] for k in range(1, n_causes + 1)]),
        np.array([total((rows.time == t) & (rows.event == 0)) for t in times]),
    )


def assert_same(found: RiskTable, expected: RiskTable, *, exact: bool = False) -> None:
    for name in ("times", "at_risk", "events", "censored"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=0 if exact else 1e-12, atol=0 if exact else 1e-12)


def table_of(rows: WatchedRows, n_causes: int = 1) -> RiskTable:
    return risk_table(rows.time, rows.event, n_causes=n_causes, **rows.options)


@given(watched_rows(n_causes=2))
def test_it_is_what_the_definition_says(rows):
    assert_same(table_of(rows, 2), by_definition(rows, 2), exact=rows.weight is None)


@given(watched_rows(n_causes=2, whole=True))
def test_counting_and_sorting_agree(rows):
    if rows.weight is not None:
        rows = rows.take(rows.weight > 0)
    parts = (rows.time, rows.event, rows.entry, rows.weight, 2)
    counted = counted_table(*parts)
    assert counted is not None
    assert_same(counted, _by_sorting(*parts), exact=rows.weight is None)


@given(watched_rows(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, random):
    order = np.array(random.sample(range(len(rows.time)), len(rows.time)))
    assert_same(table_of(rows.take(order)), table_of(rows), exact=rows.weight is None)


@given(watched_rows(weight=False), st.data())
def test_a_row_written_twice_is_one_of_weight_two(rows, data):
    copies = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(rows.time), max_size=len(rows.time))))
    if copies.any():
        counted = replace(rows, weight=copies.astype(float))
        assert_same(table_of(counted), table_of(rows.take(np.repeat(np.arange(len(copies)), copies))), exact=True)


@given(watched_rows(), st.data())
def test_cutting_a_row_in_two_adds_nothing_but_a_moment_of_nothing(rows, data):
    entry = np.zeros(len(rows.time)) if rows.entry is None else rows.entry
    cut = data.draw(st.integers(0, len(entry) - 1))
    middle = (entry[cut] + rows.time[cut]) / 2
    weight = None if rows.weight is None else np.append(rows.weight, rows.weight[cut])
    pieces = WatchedRows(
        np.append(np.where(np.arange(len(entry)) == cut, middle, rows.time), rows.time[cut]),
        np.append(np.where(np.arange(len(entry)) == cut, 0, rows.event), rows.event[cut]),
        np.append(entry, middle),
        weight,
    )
    whole, cut_up = table_of(replace(rows, entry=entry)), table_of(pieces)
    kept = np.isin(cut_up.times, whole.times)
    np.testing.assert_allclose(cut_up.at_risk[kept], whole.at_risk, rtol=1e-12)
    np.testing.assert_allclose(cut_up.events[:, kept], whole.events, rtol=1e-12)
    assert not cut_up.left[~kept].any()


@given(watched_rows(entry=True, weight=True))
def test_the_weight_at_risk_is_never_less_than_what_ends_and_equal_where_all_end(rows):
    table = table_of(rows)
    ended = table.left + table.censored
    assert (table.at_risk >= ended).all()
    count = by_definition(replace(rows, weight=(rows.weight > 0).astype(float)), 1)
    alone = count.at_risk == count.events.sum(axis=0) + count.censored
    np.testing.assert_array_equal(table.at_risk[alone], ended[alone])


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64, np.float32])
@pytest.mark.parametrize("kind", [bool, np.int16, np.uint8, float])
def test_any_type_of_number_will_do(dtype, kind):
    table = risk_table(np.array([3, 1, 3], dtype=dtype), np.array([1, 0, 1]).astype(kind))
    assert (table.times.tolist(), table.at_risk.tolist()) == ([1, 3], [3, 2])
    assert (table.events.tolist(), table.censored.tolist()) == ([[0, 2]], [1, 0])


def test_fields_of_a_structured_array_are_read_where_they_lie():
    y = np.array([(True, 2.0), (False, 5.0)], dtype=[("event", "?"), ("time", "<f8")])
    assert risk_table(y["time"], y["event"]).at_risk.tolist() == [2, 1]


@pytest.mark.parametrize(
    "time", [[1.0, 2.5], [1.0, 1e9], [-3.0, 2.0], [1.0, 2.0**60], [1.0, np.inf], [0.0, 2.0**63]], ids=str
)
def test_what_cannot_be_counted_is_sorted(time):
    assert counted_table(np.array(time), np.array([True, False]), None, None, 1) is None
    table = risk_table(time, [True, False])
    assert (table.times.tolist(), table.at_risk.tolist()) == (time, [2, 1])


def test_entries_between_whole_times_are_sorted_too():
    table = risk_table([1, 2, 3], [1, 1, 1], entry=[0, 1.5, 2.5])
    assert table.at_risk.tolist() == [1, 1, 1]


def test_blocks_add_up():
    rng = np.random.default_rng(0)
    time, event, weight = rng.integers(1, 40, 200_000), rng.integers(0, 3, 200_000), rng.random(200_000)
    table = risk_table(time, event, weight=weight, n_causes=2)
    for cause in (1, 2):
        here = event == cause
        expected = np.bincount(time[here], weights=weight[here], minlength=40)[1:]
        np.testing.assert_allclose(table.events[cause - 1], expected)
    assert risk_table(time, event, n_causes=2).at_risk[0] == 200_000


def test_a_later_block_that_is_not_whole_is_noticed():
    time = np.ones(100_000)
    time[-1] = 1.5
    assert risk_table(time, time > 1).times.tolist() == [1.0, 1.5]


def test_no_rows_make_an_empty_table():
    table = risk_table([], [])
    assert (len(table.times), table.events.shape, table.n_causes) == (0, (1, 0), 1)


@pytest.mark.parametrize("time", [[1, 2], [1.5, 2.5]])
@pytest.mark.parametrize(("event", "said"), [([0, 3], "from 0 to 3"), ([-1, 1], "from -1 to 1")])
def test_events_are_causes_that_exist(time, event, said):
    with pytest.raises(DataError, match=rf"events run {said}; 0 to 2 \(n_causes\) were expected"):
        risk_table(time, event, n_causes=2)


def test_events_are_whole():
    with pytest.raises(DataError, match=r"1 of 2 events are not whole \(row 1\)"):
        risk_table([1, 2], [1.0, 0.5])


def test_part_of_a_table_lies_after_low_and_up_to_high():
    table = risk_table([1, 2, 3, 4], [1, 2, 0, 1], n_causes=2)
    part = table.between(1, 3)
    assert (part.times.tolist(), part.at_risk.tolist(), part.censored.tolist()) == ([2, 3], [3, 2], [0, 1])
    assert part.events.tolist() == [[0, 0], [1, 0]]
    assert table.between(2).times.tolist() == [3, 4]


def _extra_memory(time, event, **options) -> int:
    risk_table(time[:10], event[:10])
    tracemalloc.start()
    try:
        risk_table(time, event, **options)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_counting_needs_no_memory_to_speak_of_and_sorting_a_few_columns():
    rng = np.random.default_rng(0)
    n = 1_000_000
    time, event = rng.integers(1, 1500, n).astype(float), rng.random(n) < 0.5
    assert _extra_memory(time, event) < 3 * 2**20
    assert _extra_memory(time, event, entry=np.zeros(n)) < 3 * 2**20
    assert _extra_memory(time + rng.random(n), event) < 100 * n  # a dozen columns; distinct times are as many as rows
