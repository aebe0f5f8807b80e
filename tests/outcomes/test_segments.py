from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from churnlib.outcomes._segments import Ranges, first_at_least, first_beyond, offsets_of, segment_starts

values = st.lists(st.integers(-5, 5), max_size=40)


@st.composite
def queries(draw):
    array = draw(values)
    edges = st.integers(0, len(array))
    pairs = draw(st.lists(st.tuples(edges, edges, st.integers(-6, 6)), max_size=12))
    rows = np.array([(min(a, b), max(a, b), v) for a, b, v in pairs], dtype=np.int64).reshape(-1, 3)
    return np.array(array, dtype=np.int64), rows[:, 0], rows[:, 1], rows[:, 2]


def scan(array, low, high, test):
    return [
        next((i for i in range(a, b) if test(array[i], q)), b) for q, (a, b) in enumerate(zip(low, high, strict=True))
    ]


@given(queries())
def test_bisections_find_what_a_scan_finds(drawn):
    array, low, high, bound = drawn
    array = np.sort(array)
    assert first_at_least(array, low, high, bound).tolist() == scan(array, low, high, lambda v, q: v >= bound[q])
    assert first_beyond(array, low, high, bound).tolist() == scan(array, low, high, lambda v, q: v > bound[q])


@given(queries())
def test_ranges_find_what_a_scan_finds(drawn):
    array, low, high, value = drawn
    table = Ranges(array, int((high - low).max(initial=0)))
    assert table.first_reaching(low, high, value).tolist() == scan(array, low, high, lambda v, q: v >= value[q])
    full = low < high
    assert table.maximum(low[full], high[full]).tolist() == [
        max(array[a:b]) for a, b in zip(low[full], high[full], strict=True)
    ]


@given(st.lists(st.integers(0, 6), max_size=30))
def test_segments_are_cut_where_the_customer_changes(drawn):
    segment = np.array(sorted(drawn), dtype=np.int64)
    offsets = offsets_of(segment, 7)
    assert [int(segment[a]) for a, b in pairwise(offsets) if a < b] == sorted(set(drawn))
    assert np.flatnonzero(segment_starts(segment)).tolist() == [a for a, b in pairwise(offsets) if a < b]
