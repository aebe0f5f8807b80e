from __future__ import annotations

import datetime as dt
import zoneinfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.calendar import timestamp, timestamps, to_us, zone_name
from churnlib.calendar._instants import localize, wall_clock
from churnlib.exceptions import ParameterError, ParameterTypeError, TimeError

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    "value",
    [
        "2025-03-01", "2025-03", "2025-03-01T00:00:00Z", "2025-03-01 01:00:00+01:00", dt.date(2025, 3, 1),
        dt.datetime(2025, 3, 1), dt.datetime(2025, 3, 1, tzinfo=dt.UTC), pd.Timestamp("2025-03-01"),
        pd.Timestamp("2025-03-01 01:00", tz=BERLIN), np.datetime64("2025-03-01"),
    ],
)  # fmt: skip
def test_every_spelling_of_an_instant(value):
    assert to_us(value) == 1_740_787_200_000_000


def test_naive_times_are_on_the_clock_of_the_zone():
    assert to_us("2025-03-01", BERLIN) == to_us("2025-03-01") - 3_600_000_000
    assert to_us("2025-07-01", BERLIN) == to_us("2025-07-01") - 7_200_000_000
    assert to_us("2025-03-01T00:00Z", BERLIN) == to_us("2025-03-01")


@pytest.mark.parametrize("value", [1_740_787_200, 1.5, True, None, ["2025-03-01"]])
def test_numbers_and_other_objects_are_refused(value):
    with pytest.raises(ParameterTypeError, match=r"not a point in time; a date text"):
        to_us(value)


@pytest.mark.parametrize("value", ["soon", "2025-13-01", "", np.datetime64("NaT")])
def test_what_is_no_date_is_refused(value):
    with pytest.raises(TimeError, match=r"is not a point in time; an ISO 8601"):
        to_us(value)


def test_nanoseconds_are_refused():
    with pytest.raises(TimeError, match=r"finer than a microsecond"):
        to_us(pd.Timestamp("2025-03-01 00:00:00.000000001"))


@pytest.mark.parametrize(
    ("value", "what"), [("2025-03-30 02:30", "never occurs"), ("2025-10-26 02:30", "occurs twice")]
)
def test_the_hour_in_which_clocks_change_needs_an_offset(value, what):
    with pytest.raises(TimeError, match=rf"{what} on the clock of Europe/Berlin.*\nFix: '2025-"):
        to_us(value, BERLIN)
    assert to_us(value) > 0


def test_zone_names_are_checked():
    assert zone_name(zoneinfo.ZoneInfo(BERLIN)) == BERLIN
    assert zone_name("utc") == zone_name(dt.UTC) == "UTC"
    with pytest.raises(
        ParameterError, match=r"there is no time zone 'Europe/Berlim' \(did you mean 'Europe/Berlin'\?\)"
    ):
        zone_name("Europe/Berlim")


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_an_instant_survives_its_name(us):
    assert to_us(timestamp(us)) == us
    if abs(us) < 9_000_000_000_000_000:  # pandas 2 reads texts of the years 1678 to 2262
        assert to_us(timestamp(us).isoformat()) == us


@given(st.lists(st.integers(0, 4 * 10**15), min_size=1, max_size=5))
def test_the_wall_clock_leads_back_but_for_the_hour_shown_twice(us):
    times = np.array(us)
    back, ambiguous, nonexistent = localize(wall_clock(times, BERLIN), BERLIN)
    assert not nonexistent.any()
    assert (back[~ambiguous] == times[~ambiguous]).all()
    assert np.isin(times - back, [0, 3_600_000_000]).all()


def test_instants_are_shown_in_their_zone():
    assert str(timestamps(np.array([0]), BERLIN).tz) == BERLIN
    assert timestamp(0, BERLIN).hour == 1


@pytest.mark.parametrize(
    "value", ["now", " Today ", "-0001-01-01", np.datetime64("300000-01-01"), np.datetime64("10000-01-01")]
)
def test_the_moment_of_reading_and_years_without_a_calendar_are_refused(value):
    with pytest.raises(TimeError, match="is not a point in time"):
        to_us(value)
