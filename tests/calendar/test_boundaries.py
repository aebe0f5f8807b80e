from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.calendar import monthly, to_us, weekly
from churnlib.exceptions import ParameterError, ParameterTypeError


def test_both_ends_are_included_where_they_are_boundaries():
    at = monthly("2011-03", "2011-09")
    assert len(at) == 7
    assert at.us[0] == to_us("2011-03-01")
    assert at.us[-1] == to_us("2011-09-01")
    assert len(monthly("2011-03-02", "2011-09-01")) == 6
    assert len(monthly("2011-03-01", "2011-08-31")) == 6


def test_a_month_stands_for_all_of_its_days():
    assert monthly("2025-01", "2025-02", day=28).us.tolist() == [to_us("2025-01-28"), to_us("2025-02-28")]
    assert len(weekly("2025-01", "2025-01")) == 4


def test_boundaries_are_midnights_of_the_zone_across_a_clock_change():
    at = monthly("2025-03", "2025-04", tz="Europe/Berlin")
    assert at.us.tolist() == [to_us("2025-02-28 23:00"), to_us("2025-03-31 22:00")]


def test_a_midnight_the_clock_skips_is_the_first_instant_of_the_day():
    # Clocks in São Paulo went from 23:59:59 to 01:00 on 4 November 2018.
    at = weekly("2018-11-04", "2018-11-04", weekday="sunday", tz="America/Sao_Paulo")
    assert at[0].hour == 1


@given(st.dates(dt.date(1950, 1, 1), dt.date(2200, 1, 1)), st.integers(0, 2000), st.integers(1, 28))
def test_months_agree_with_a_count_of_days(start, length, day):
    end = start + dt.timedelta(days=length)
    expected = [d for d in (start + dt.timedelta(days=i) for i in range(length + 1)) if d.day == day]
    if expected:
        assert [stamp.date() for stamp in monthly(start, end, day=day)] == expected
    else:
        with pytest.raises(ParameterError, match="no month begins between"):
            monthly(start, end, day=day)


@given(
    st.dates(dt.date(1950, 1, 1), dt.date(2200, 1, 1)),
    st.integers(7, 400),
    st.sampled_from(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]),
)
def test_weeks_agree_with_a_count_of_days(start, length, weekday):
    end = start + dt.timedelta(days=length)
    days = [start + dt.timedelta(days=i) for i in range(length + 1)]
    expected = [day for day in days if day.strftime("%A").lower() == weekday]
    assert [stamp.date() for stamp in weekly(start, end, weekday=weekday)] == expected


def test_a_weekday_is_spelt_out_in_any_case():
    assert weekly("2025-03-01", "2025-03-31", weekday="Friday")[0].day_name() == "Friday"
    with pytest.raises(ParameterError, match=r"weekday='frday' is not a choice \(did you mean 'friday'\?\)"):
        weekly("2025-03-01", "2025-03-31", weekday="frday")


def test_spans_that_hold_nothing_are_refused():
    with pytest.raises(ParameterError, match=r"the end '2025-01' comes before the start '2025-03'"):
        monthly("2025-03", "2025-01")
    with pytest.raises(ParameterError, match=r"no month begins between"):
        monthly("2025-03-02", "2025-03-20")
    with pytest.raises(ParameterError, match=r"no week begins between"):
        weekly("2025-03-04", "2025-03-05")


def test_days_that_some_months_lack_are_refused():
    with pytest.raises(ParameterError, match=r"day=31 is out of range; a value from 1 to 28"):
        monthly("2025-01", "2025-03", day=31)
    with pytest.raises(ParameterTypeError, match=r"day is '1', a str"):
        monthly("2025-01", "2025-03", day="1")


def test_a_zone_on_the_ends_needs_one_on_the_calendar():
    with pytest.raises(ParameterError, match=r"has a zone but the calendar has none.*\nFix: tz='Europe/Berlin'"):
        monthly(pd.Timestamp("2025-01-01", tz="Europe/Berlin"), "2025-03")
