"""Which period an instant falls into, against the calendar of Python's own datetime."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.calendar import PeriodGrid, to_us
from churnlib.exceptions import ParameterError

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MONDAY = dt.date(1969, 12, 29).toordinal()  # the week of 1 January 1970 begins on it
ZONES = ["UTC", "America/New_York", "Asia/Kolkata", "America/St_Johns"]


def plain_number(us, period, zone):
    local = (EPOCH + dt.timedelta(microseconds=us)).astimezone(ZoneInfo(zone))
    seconds = us // 1_000_000
    days = local.date().toordinal()
    return {
        "s": seconds, "min": seconds // 60, "h": seconds // 3600, "D": days - EPOCH.date().toordinal(),
        "W": (days - MONDAY) // 7, "M": (local.year - 1970) * 12 + local.month - 1, "Y": local.year - 1970,
    }[period]  # fmt: skip


@given(
    us=st.lists(st.integers(to_us("1950-01-01"), to_us("2050-01-01")), min_size=1, max_size=10),
    period=st.sampled_from(["s", "min", "h", "D", "W", "M", "Y"]),
    zone=st.sampled_from(ZONES),
)
def test_numbers_are_those_of_the_calendar(us, period, zone):
    found = PeriodGrid(period, zone).number(np.array(us))
    assert found.tolist() == [plain_number(at, period, zone) for at in us]


@pytest.mark.parametrize(("day", "hours"), [("2025-03-09", 23), ("2025-11-02", 25), ("2025-06-01", 24)])
def test_a_day_is_one_period_however_many_hours_it_has(day, hours):
    start, grid = to_us(day, "America/New_York"), PeriodGrid("D", "America/New_York")
    clock = start + np.array([-1, 0, hours * 3_600_000_000 - 1, hours * 3_600_000_000])
    assert np.diff(grid.number(clock)).tolist() == [1, 0, 1]


def test_weeks_begin_on_monday():
    days = np.array([to_us(f"2025-06-0{day}") for day in (1, 2, 8)])  # a Sunday, a Monday, a Sunday
    assert np.diff(PeriodGrid("W").number(days)).tolist() == [1, 0]


def test_lengths_are_rounded_once():
    days = np.array([1, 3, 272])
    assert PeriodGrid("D").in_unit(days, "W").tolist() == [1 / 7, 3 / 7, 272 / 7]
    assert PeriodGrid("W").in_unit(days, "D").tolist() == [7.0, 21.0, 1904.0]
    assert PeriodGrid("h").in_unit(days, "D").tolist() == [1 / 24, 3 / 24, 272 / 24]
    assert PeriodGrid("M").in_unit(days, "Y").tolist() == [1 / 12, 3 / 12, 272 / 12]
    assert PeriodGrid("D").in_unit(days, None).tolist() == [1.0, 3.0, 272.0]


def test_months_have_no_number_of_days():
    with pytest.raises(ParameterError, match=r"period='M' cannot be expressed in time_unit='D'; .* 'M', 'Y' fit"):
        PeriodGrid("M").in_unit(np.array([1]), "D")
    with pytest.raises(ParameterError, match=r"period='D' cannot be expressed in time_unit='M'"):
        PeriodGrid("D").in_unit(np.array([1]), "M")


def test_unknown_names_are_refused():
    with pytest.raises(ParameterError, match=r"period='day' is not a choice"):
        PeriodGrid("day")
    with pytest.raises(ParameterError, match=r"time_unit='weeks' is not a choice"):
        PeriodGrid("D").in_unit(np.array([1]), "weeks")
    with pytest.raises(ParameterError, match=r"no time zone 'Europe/Berlinn'"):
        PeriodGrid("D", "Europe/Berlinn")
