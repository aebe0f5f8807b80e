"""Days that do not count: exactly the part of a silence that lies in them, for a column as for one value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.alerts._season import Pause, calendar_of, pauses_of
from churnlib.calendar import DAY_US, to_us

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda s: (s[0], s[0] + s[1])), max_size=6)


@given(SPANS, st.lists(st.integers(0, 80), min_size=1, max_size=5), st.integers(0, 80))
def test_what_is_left_is_what_lies_outside(spans: list[tuple[int, int]], silences: list[int], now: int) -> None:
    pause = Pause.of(spans)
    outside = [
        sum(not any(start <= instant < end for start, end in spans) for instant in range(now - silence, now))
        for silence in silences
    ]
    assert pause.left(np.array(silences, dtype=float), 1, now).tolist() == outside
    assert [pause.left_one(float(silence), 1, now) for silence in silences] == outside


@given(SPANS, st.lists(st.floats() | st.floats(0, 100), min_size=1, max_size=5), st.sampled_from([1, 1_000, DAY_US]))
def test_one_value_is_treated_as_a_column_is(spans: list[tuple[int, int]], silences: list[float], unit_us: int) -> None:
    pause = Pause.of([(start * DAY_US, end * DAY_US) for start, end in spans])
    now = 30 * DAY_US + 1
    with np.errstate(all="ignore"):
        column = pause.left(np.array(silences), unit_us, now)
    for one, value in zip(silences, column.tolist(), strict=True):
        np.testing.assert_equal(pause.left_one(one, unit_us, now), value)


def test_days_are_those_of_the_zone() -> None:
    calendar = calendar_of({"h": ["2026-03-29"]})  # 23 hours long in Berlin
    pause = pauses_of(calendar, "Europe/Berlin")["h"]
    assert pause.ends[0] - pause.starts[0] == 23 * DAY_US // 24
    assert pause.starts == (to_us("2026-03-28 23:00"),)


@pytest.mark.parametrize(
    ("silence", "left"), [(3.0, 2.0), (1.5, 1.0), (1.0, 1.0), (0.0, 0.0), (-1.0, -1.0), (2.0, 1.0)]
)
def test_the_ends_of_a_day(silence: float, left: float) -> None:
    pause = Pause.of([(8 * DAY_US, 9 * DAY_US)])
    assert pause.left_one(silence, DAY_US, 10 * DAY_US) == left


def test_what_is_left_of_thirty_days_is_thirty_days() -> None:
    odd = (46 * DAY_US + 19 * DAY_US // 24) / DAY_US
    pause = Pause.of([(20 * DAY_US, 36 * DAY_US + 19 * DAY_US // 24)])
    assert odd - (16 * DAY_US + 19 * DAY_US // 24) / DAY_US < 30.0  # as floats would have it
    assert pause.left_one(odd, DAY_US, 60 * DAY_US) == 30.0
    assert pause.left(np.array([odd]), DAY_US, 60 * DAY_US).tolist() == [30.0]
