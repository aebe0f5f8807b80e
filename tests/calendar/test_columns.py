from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib._frames import read_columns
from churnlib.calendar import read_times, to_us
from churnlib.exceptions import ParameterError, SchemaError, TimeError

BERLIN = "Europe/Berlin"


def read(values, tz="UTC", **options):
    frame = pd.DataFrame({"ts": values})
    return read_times(read_columns(frame, {"time": "ts"})["time"], tz, name="ts", **options)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_every_unit_gives_the_same_microseconds(unit):
    column = pa.chunked_array(
        [pa.array([0, 1_740_787_200], pa.int64()).cast(pa.timestamp("s")).cast(pa.timestamp(unit))]
    )
    assert read_times(column, "UTC", name="ts").us.tolist() == [0, 1_740_787_200_000_000]


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=20))
def test_nanoseconds_are_floored_as_python_floors_them_and_counted(counts):
    column = pa.chunked_array([pa.array(counts, pa.int64()).cast(pa.timestamp("ns"))])
    times = read_times(column, "UTC", name="ts")
    assert times.us.tolist() == [count // 1000 for count in counts]
    assert times.floored == sum(count % 1000 != 0 for count in counts)


@pytest.mark.parametrize(
    "values",
    [
        ["2025-03-01", "2025-03-02T12:00:00.5"],
        ["2025-03-01 00:00", "2025-03-02 12:00:00.500000"],
        [dt.datetime(2025, 3, 1), dt.datetime(2025, 3, 2, 12, 0, 0, 500_000)],
        pd.to_datetime(["2025-03-01 00:00:00.0", "2025-03-02 12:00:00.5"]),
        pd.Categorical(["2025-03-01", "2025-03-02T12:00:00.5"]),
    ],
)
@pytest.mark.parametrize("tz", ["UTC", BERLIN, "America/St_Johns"])
def test_naive_times_are_on_the_clock_of_the_log(values, tz):
    times = read(values, tz)
    assert times.us.tolist() == [to_us("2025-03-01", tz), to_us("2025-03-02 12:00:00.5", tz)]
    assert times.naive


@pytest.mark.parametrize(
    "values",
    [
        ["2025-03-01T01:00+01:00", "2025-07-01T02:00:00+01:00"],
        ["2025-03-01T00:00Z", "2025-07-01T01:00:00.000000Z"],
        pd.to_datetime(["2025-03-01T00:00Z", "2025-07-01T01:00Z"]).tz_convert(BERLIN),
        [dt.datetime(2025, 3, 1, tzinfo=dt.UTC), dt.datetime(2025, 7, 1, 1, tzinfo=dt.UTC)],
    ],
)
def test_aware_times_are_instants_whatever_the_zone_of_the_log(values):
    times = read(values, "Asia/Tokyo")
    assert times.us.tolist() == [to_us("2025-03-01"), to_us("2025-07-01 01:00")]
    assert not times.naive


def test_dates_are_midnights_of_the_zone():
    column = pa.chunked_array([pa.array([dt.date(2025, 3, 1), None])])
    times = read_times(column, BERLIN, name="ts")
    assert times.us[0] == to_us("2025-03-01", BERLIN)
    assert times.missing.tolist() == [False, True]
    objects = read([dt.date(2025, 3, 1), dt.date(2025, 3, 2)], BERLIN)
    assert objects.us[0] == to_us("2025-03-01", BERLIN)


def test_missing_times_are_marked_in_every_form():
    for values in (["2025-03-01", None], [pd.Timestamp("2025-03-01"), pd.NaT], [dt.datetime(2025, 3, 1), None]):
        assert read(values).missing.tolist() == [False, True]
    assert read([None, None]).missing.all()
    mixed = pd.Series(
        [pd.Timestamp("2025-03-01", tz=BERLIN), None, pd.Timestamp("2025-07-01", tz=BERLIN)], dtype=object
    )
    assert read(mixed, BERLIN).missing.tolist() == [False, True, False]


def test_a_format_reads_other_spellings():
    times = read(["12/01/2010 8:26", "01/02/2011 10:00"], form="%m/%d/%Y %H:%M")
    assert times.us.tolist() == [to_us("2010-12-01 08:26"), to_us("2011-01-02 10:00")]


def test_three_bad_rows_of_a_million_are_named():
    times = np.datetime_as_string(np.arange(1_000_000).astype("M8[s]"))
    values = times.astype(object)
    values[[17, 400_000, 999_999]] = ["soon", "31/12/2024", "2024-02-30"]
    with pytest.raises(
        TimeError, match=r"3 times in column 'ts' cannot be read \(rows 17, 400000, 999999: 'soon', '31/12/2024'"
    ):
        read(values)


def test_a_bad_format_is_named():
    with pytest.raises(TimeError, match=r"1 times .*\(row 1: '2025-03-01'\); the format '%d/%m/%Y' was expected"):
        read(["01/03/2025", "2025-03-01"], form="%d/%m/%Y")


def test_zones_are_not_mixed_with_none():
    with pytest.raises(TimeError, match=r"mixes 1 times with a zone and 2 without \(the rarer in row 1\)"):
        read(["2025-03-01 10:00", "2025-03-01T10:00Z", "2025-03-01"])
    objects = pd.Series([pd.Timestamp("2025-03-01"), pd.Timestamp("2025-03-01", tz=BERLIN)], dtype=object)
    with pytest.raises(TimeError, match=r"mixes 1 times with a zone and 1 without"):
        read(objects)


def test_several_offsets_are_refused_with_their_counts():
    with pytest.raises(
        TimeError,
        match=r"column 'ts' mixes 2 zones: 1 at UTC-5, 2 at UTC\+1 hours \(the rarest in row 2\).*\nFix: pandas",
    ):
        read(["2025-03-01T10:00+01:00", "2025-03-02T10:00+01:00", "2025-03-01T10:00-05:00"])
    objects = pd.Series(
        [pd.Timestamp("2025-03-01", tz="Asia/Tokyo"), pd.Timestamp("2025-03-01", tz=BERLIN)], dtype=object
    )
    with pytest.raises(TimeError, match=r"mixes 2 zones: 1 at UTC\+1, 1 at UTC\+9 hours"):
        read(objects)


def test_the_two_offsets_of_the_zone_of_the_log_are_no_mixture():
    values = ["2025-03-01T10:00+01:00", "2025-07-01T10:00+02:00"]
    assert read(values, BERLIN).us.tolist() == [to_us("2025-03-01 09:00"), to_us("2025-07-01 08:00")]
    with pytest.raises(TimeError, match=r"mixes 2 zones"):
        read(values, "UTC")


def test_doubtful_hours_are_counted_by_what_is_wrong_with_them():
    values = ["2025-03-30 02:30", "2025-10-26 02:30", "2025-10-26 02:45", "2025-06-01 12:00"]
    with pytest.raises(
        TimeError,
        match=r"3 times .* on the clock of Europe/Berlin: 2 occur twice, 1 never occur \(rows 0, 1, 2\)",
    ):
        read(values, BERLIN)
    assert len(read(values, "UTC").us) == 4


def test_the_fix_for_doubtful_hours_works():
    values = pd.Series(pd.to_datetime(["2025-03-30 02:30", "2025-10-26 02:30"]))
    fixed = values.dt.tz_localize(BERLIN, ambiguous=True, nonexistent="shift_forward")
    assert read(fixed, BERLIN).us.tolist() == [to_us("2025-03-30 01:00"), to_us("2025-10-26 00:30")]


@pytest.mark.parametrize(
    ("values", "found"),
    [([1, 2], "int64"), ([1.5, 2.5], "double"), ([True, False], "bool"), ([Decimal(1), Decimal(2)], "decimal")],
)
def test_a_column_of_another_type_is_named(values, found):
    with pytest.raises(SchemaError, match=rf"column 'ts' holds {found}.*, not times"):
        read(values)


def test_texts_among_times_are_named():
    mixed = pd.Series([pd.Timestamp("2025-03-01"), "2025-03-02", 7], dtype=object)
    with pytest.raises(SchemaError, match=r"mixed objects: 1 × Timestamp, 1 × int, 1 × str"):
        read(mixed)


def test_times_out_of_the_calendar_are_named():
    column = pa.chunked_array([pa.array([0, 10**12], pa.int64()).cast(pa.timestamp("s"))])
    with pytest.raises(TimeError, match=r"1 times in column 'ts' lie outside the years 1 to 9999 \(row 1\)"):
        read_times(column, "UTC", name="ts")


@pytest.mark.parametrize("values", [["2018-11-04", "2018-11-05"], [dt.date(2018, 11, 4), dt.date(2018, 11, 5)]])
def test_a_date_is_the_first_instant_of_its_day_even_where_clocks_skip_midnight(values):
    times = read(values, "America/Sao_Paulo")
    assert times.us.tolist() == [to_us("2018-11-04T01:00-02:00"), to_us("2018-11-05T00:00-02:00")]


@pytest.mark.parametrize("word", ["now", "today", " Today ", "-0001-01-01"])
@pytest.mark.parametrize("form", [None, "%d/%m/%Y"])
def test_the_moment_of_reading_is_no_time(word, form):
    good = "2025-03-01" if form is None else "01/03/2025"
    with pytest.raises(TimeError, match=rf"1 times in column 'ts' cannot be read \(row 1: '{word}'\)"):
        read([good, word], form=form)


def test_a_zone_named_by_the_format_is_heeded_in_any_zone_of_the_log():
    texts = ["01/03/2025 10:00 UTC", "02/03/2025 10:00 UTC"]
    for tz in ("UTC", BERLIN):
        times = read(texts, tz, form="%d/%m/%Y %H:%M %Z")
        assert times.us.tolist() == [to_us("2025-03-01T10:00Z"), to_us("2025-03-02T10:00Z")]
        assert not times.naive


def test_a_format_that_is_none_is_an_error_of_the_argument():
    with pytest.raises(ParameterError, match=r"time_format='%q' is no format of times .*\nFix: time_format="):
        read(["5"], form="%q")


def test_a_format_reads_whole_numbers():
    assert read([20250301, 20250302], form="%Y%m%d").us.tolist() == [to_us("2025-03-01"), to_us("2025-03-02")]


@pytest.mark.parametrize("make", [list, pd.to_datetime])
def test_the_fix_for_doubtful_hours_works_for_texts_too(make):
    frame = pd.DataFrame({"ts": make(["2025-03-30 02:30", "2025-10-26 02:30"])})
    with pytest.raises(TimeError, match="1 occur twice, 1 never occur") as caught:
        read(frame["ts"], BERLIN)
    fixed = eval(str(caught.value).partition("Fix: ")[2], {"pandas": pd, "frame": frame})
    assert read(fixed, BERLIN).us.tolist() == [to_us("2025-03-30T01:00Z"), to_us("2025-10-26T00:30Z")]
