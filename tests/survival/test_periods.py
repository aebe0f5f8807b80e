"""Rows placed in periods, and expanded into person-periods."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import ParameterError
from churnlib.survival._periods import Periods, periods_of, whole_part
from churnlib.targets import read_survival_target, survival_target


def placed(event, time, entry=None, *, length=1.0) -> Periods:
    return periods_of(read_survival_target(survival_target(event, time, entry=entry)), length)


@st.composite
def spans(draw, *, whole: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Events, times and entries of a few rows, in whole periods or in quarters."""
    n = draw(st.integers(1, 12))
    unit = 1 if whole else 4
    entry = np.array(draw(st.lists(st.integers(0, 6 * unit), min_size=n, max_size=n)))
    length = np.array(draw(st.lists(st.integers(1, 6 * unit), min_size=n, max_size=n)))
    event = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    return event, np.maximum(entry + length, unit) / unit, entry / unit


def cells_one_by_one(event, time, entry, length) -> list[tuple[int, int, int, float]]:
    """Row, period, outcome and weight of each person-period, by their definition."""
    cells = []
    for row, (left, end, begin) in enumerate(zip(event, time, entry, strict=True)):
        for period in range(1, 100):
            low, high = (period - 1) * length, period * length
            watched = (min(end, high) - max(begin, low)) / length
            if watched > 1e-12:
                leaves = bool(left) and low < end <= high
                cells.append((row, period, int(leaves), 1.0 if leaves else watched))
    return cells


@given(spans(), st.sampled_from([1.0, 0.25, 2.0]))
def test_person_periods_are_what_was_watched(rows, length):
    event, time, entry = rows
    length = min(length, float(time.max()))
    cells = placed(event, time, entry, length=length).expand(slice(0, len(event)))
    found = list(zip(cells.row.tolist(), cells.period.tolist(), cells.outcome.tolist(), cells.weight, strict=True))
    assert found == [pytest.approx(cell) for cell in cells_one_by_one(event, time, entry, length)]


@given(spans(whole=False))
def test_counts_are_sums_of_person_periods(rows):
    event, time, entry = rows
    periods = placed(event, time, entry)
    weight = np.arange(1.0, len(event) + 1)
    cells = periods.expand(slice(0, len(event)))
    stayed, left = periods.counts(weight, 1)
    place, size = cells.period - 1, weight[cells.row] * cells.weight
    np.testing.assert_allclose(left[0], np.bincount(place, size * (cells.outcome == 1), periods.n_periods), atol=1e-12)
    np.testing.assert_allclose(stayed, np.bincount(place, size * (cells.outcome == 0), periods.n_periods), atol=1e-9)
    assert periods.n_cells == len(cells.row)


@given(spans(), st.integers(1, 20))
def test_blocks_together_are_the_whole(rows, n_cells):
    event, time, entry = rows
    periods = placed(event, time, entry)
    blocks = list(periods.blocks(n_cells))
    joined = [periods.expand(block) for block in blocks]
    whole = periods.expand(slice(0, len(event)))
    for field in ("row", "period", "outcome", "weight"):
        np.testing.assert_array_equal(np.concatenate([getattr(part, field) for part in joined]), getattr(whole, field))
    assert all(
        len(part.row) <= n_cells or block.stop == block.start + 1 for part, block in zip(joined, blocks, strict=True)
    )


def test_a_row_still_here_at_the_end_of_a_period_survived_it():
    periods = placed([1, 0, 1, 0], [3.0, 3.0, 2.5, 2.5])
    assert periods.last.tolist() == [3, 3, 3, 3]
    assert periods.last_share.tolist() == [1.0, 1.0, 1.0, 0.5]
    assert not periods.whole


def test_entry_in_the_middle_of_a_period_counts_the_rest_of_it():
    periods = placed([0, 0], [3.0, 1.75], [1.25, 1.25])
    assert periods.first.tolist() == [2, 2]
    np.testing.assert_allclose(periods.first_share, [0.75, 0.5])


@pytest.mark.parametrize("length", [0.1, 1 / 3, 7.0, 30.4375])
def test_rounding_moves_nobody_into_another_period(length):
    ends = np.arange(1, 500) * length
    whole, rest = whole_part(ends, length)
    assert whole.tolist() == list(range(1, 500))
    assert not rest.any()
    assert placed(np.ones(499, dtype=bool), ends, length=length).last.tolist() == list(range(1, 500))


def test_periods_that_cannot_be_are_refused():
    with pytest.raises(ParameterError, match="period=13 is longer than anybody was watched"):
        placed([1, 0], [12.0, 5.0], length=13.0)
    with pytest.raises(ParameterError, match="into 1,200,000 periods"):
        placed([1, 0], [12.0, 5.0], length=1e-5)
