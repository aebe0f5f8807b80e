"""Days that come again each year, against the calendar of Python."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.policy._actions._dates import local_day, next_days, start_of_day

DATES = st.one_of(
    st.dates(dt.date(1940, 1, 1), dt.date(2030, 12, 31)),
    st.sampled_from([dt.date(2000, 2, 29), dt.date(1996, 2, 29), dt.date(1999, 12, 31), dt.date(2000, 1, 1)]),
)
TODAYS = st.one_of(
    st.dates(dt.date(2024, 1, 1), dt.date(2030, 12, 31)),
    st.sampled_from(
        [dt.date(year, month, day) for year in (2027, 2028) for month, day in ((2, 27), (2, 28), (3, 1), (12, 30))]
    ),
)
EPOCH = dt.date(1970, 1, 1)


def plainly_next(first: dt.date, today: dt.date, leap_day: str) -> dt.date:
    """Look at one day after another."""
    for ahead in range(732):
        day = today + dt.timedelta(days=ahead)
        leaps = dt.date(day.year, 12, 31).timetuple().tm_yday == 366
        kept = (first.month, first.day)
        if kept == (2, 29) and not leaps:
            kept = (2, 28) if leap_day == "28 February" else (3, 1)
        if (day.month, day.day) == kept:
            return day
    raise AssertionError


@given(DATES, TODAYS, st.sampled_from(["28 February", "1 March"]))
def test_it_equals_going_through_the_calendar(first, today, leap_day) -> None:
    days, again = next_days(np.array([(first - EPOCH).days]), (today - EPOCH).days, leap_day=leap_day)
    assert EPOCH + dt.timedelta(days=int(days[0])) == plainly_next(first, today, leap_day)
    assert bool(again[0]) == (first < today)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Beirut", "Africa/Cairo"])
def test_days_begin_where_the_local_clock_says(zone) -> None:
    days = np.arange(19_700, 20_800)
    starts = start_of_day(days, zone)
    assert (local_day(starts, zone) == days).all()
    assert (local_day(starts - 1, zone) == days - 1).all()
