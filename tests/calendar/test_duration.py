from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.calendar import DAY_US, Duration, duration, to_us
from churnlib.exceptions import ParameterError, ParameterTypeError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("60d", "60d"), ("8w", "56d"), ("24h", "1d"), ("36h", "36h"), ("90min", "90min"), ("60 days", "60d"),
        ("1 Month", "1mo"), ("12mo", "1y"), ("18mo", "18mo"), ("2y", "2y"), ("1500ms", "1500ms"), ("7us", "7us"),
        ("0mo", "0d"), (dt.timedelta(hours=1), "1h"), (np.timedelta64(3, "D"), "3d"), (pd.Timedelta(days=2), "2d"),
        (Duration(DAY_US), "1d"),
    ],
)  # fmt: skip
def test_every_spelling_has_one_canonical_text(value, text):
    assert str(Duration.parse(value)) == text
    assert Duration.parse(text) == Duration.parse(value)
    assert hash(Duration.parse(text)) == hash(Duration.parse(value))


@pytest.mark.parametrize("text", ["", "d", "60", "5M", "1.5d", "sixty days", "3 fortnights"])
def test_unreadable_texts_are_refused_with_the_units(text):
    with pytest.raises(ParameterError, match=r"horizon: .*is not a length of time; a whole number and a unit"):
        duration(text, name="horizon")


def test_a_number_says_no_unit():
    with pytest.raises(ParameterTypeError, match=r"horizon: 60 is a int and says no unit.*\nFix: '60d'"):
        duration(60, name="horizon")


@pytest.mark.parametrize("value", [None, 1.5, True, [1]])
def test_other_objects_are_refused(value):
    with pytest.raises(ParameterTypeError, match=r"a text such as '60d'"):
        duration(value, name="lead")


def test_a_window_of_length_zero_is_refused_unless_allowed():
    with pytest.raises(ParameterError, match=r"window='0d' has a length of zero; a half-open window"):
        duration("0d", name="window")
    assert duration("0d", name="lead", allow_zero=True).is_zero


@pytest.mark.parametrize(("text", "fix"), [("-3d", "3d"), ("-1mo", "1mo"), (dt.timedelta(days=-2), "2d")])
def test_a_negative_length_is_refused(text, fix):
    with pytest.raises(ParameterError, match=rf"lead='-{fix}' is negative.*\nFix: lead='{fix}'"):
        duration(text, name="lead", allow_zero=True)


def test_an_absurd_length_is_refused():
    with pytest.raises(ParameterError, match=r"longer than 3,000 years"):
        duration("9999999d", name="horizon")
    with pytest.raises(ParameterError, match=r"longer than 3,000 years"):
        duration("3001y", name="horizon")


def test_a_missing_or_too_fine_time_difference_is_refused():
    with pytest.raises(ParameterError, match=r"the length of time is missing"):
        duration(np.timedelta64("NaT"), name="horizon")
    with pytest.raises(ParameterError, match=r"is finer than a microsecond"):
        duration(pd.Timedelta(1, "ns"), name="horizon")


def test_days_are_24_hours_of_utc_and_months_follow_the_clock():
    spring = to_us("2025-03-30", "Europe/Berlin")  # the day has 23 hours
    assert Duration.parse("1d").after(spring, "Europe/Berlin") == to_us("2025-03-31 01:00", "Europe/Berlin")
    assert Duration.parse("1mo").after(spring, "Europe/Berlin") == to_us("2025-04-30", "Europe/Berlin")


@pytest.mark.parametrize(
    ("start", "length", "end"),
    [("2024-01-31", "1mo", "2024-02-29"), ("2023-01-31", "1mo", "2023-02-28"), ("2024-02-29", "1y", "2025-02-28")],
)
def test_a_month_ends_where_the_calendar_says(start, length, end):
    assert Duration.parse(length).after(to_us(start), "UTC") == to_us(end)


def test_a_skipped_hour_moves_to_the_first_instant_after_it():
    before = to_us("2025-02-28 02:30", "Europe/Berlin")
    moved = Duration.parse("1mo").after(to_us("2025-02-28 02:30", "Europe/Berlin"), "Europe/Berlin")
    assert moved == to_us("2025-03-28 02:30", "Europe/Berlin")
    january = to_us("2025-01-30 02:30", "Europe/Berlin")
    assert Duration.parse("2mo").after(january, "Europe/Berlin") == to_us("2025-03-30 03:00", "Europe/Berlin")
    assert before < moved


@given(st.integers(-(10**15), 10**15), st.integers(1, 40_000))
def test_before_undoes_after_for_fixed_lengths(instant, days):
    length = Duration.parse(f"{days}d")
    assert length.before(length.after(instant)) == instant


@given(st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2100, 1, 1)), st.integers(-240, 240))
def test_months_agree_with_pandas(when, months):
    stamp = pd.Timestamp(when).as_unit("us")
    expected = (stamp + pd.DateOffset(months=months)).as_unit("us").asm8.astype(np.int64)
    sign = Duration(None, abs(months))
    us = int(stamp.asm8.astype(np.int64))
    moved = sign.after(us) if months >= 0 else sign.before(us)
    assert moved == expected or months == 0


def test_arrays_move_like_single_instants():
    times = np.array([to_us("2025-01-31"), to_us("2025-02-28")])
    length = Duration.parse("1mo")
    assert length.after(times, "UTC").tolist() == [length.after(int(at), "UTC") for at in times]


@pytest.mark.parametrize("value", [np.timedelta64(3, "M"), np.timedelta64(1, "Y"), np.timedelta64(10**18, "s")])
def test_time_differences_without_a_fixed_length_are_refused(value):
    with pytest.raises(ParameterError, match=r"horizon: .* is no fixed length of time .*\nFix: '1mo'"):
        duration(value, name="horizon")
