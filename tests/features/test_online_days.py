import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.calendar import to_us
from churnlib.features._online_days import LocalDays, midnight_by
from churnlib.features._stream import local_days

# St. John's set its clocks back at one minute past midnight until 2011; Apia left out a day.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Pacific/Apia",
    "Asia/Kolkata",
    "Africa/Casablanca",
]
DAY = 86_400_000_000
CHANGES = [to_us(day) for day in ("2010-11-07", "2011-12-30", "2025-03-30", "2025-10-26", "1890-04-01", "2080-06-01")]
instants = st.one_of(
    st.builds(lambda day, shift: day + shift, st.sampled_from(CHANGES), st.integers(-DAY, DAY)),
    st.integers(to_us("1880-01-01"), to_us("2090-01-01")),
)


@given(st.sampled_from(ZONES), st.lists(instants, max_size=8), st.sampled_from([0, 3]))
def test_days_are_those_of_the_batch(zone, times, bits):
    times = sorted(times)
    words = [time << bits | (1 << bits) - 1 for time in times]
    assert LocalDays(zone, bits).of(words) == local_days(np.array(times, np.int64), zone).tolist()


@given(st.sampled_from(ZONES), instants)
def test_a_midnight_parts_the_days(zone, us):
    midnight = midnight_by(us, zone)
    assert us - 4 * DAY < midnight <= us
    around = midnight + np.arange(-60, 61) * 60_000_000
    days = local_days(np.append(around, midnight - 1), zone)
    assert days[-1] < days[60:-1].min()
    assert days[:60].max() < days[60:-1].min()


@pytest.mark.parametrize("zone", ZONES)
def test_years_of_hours(zone):
    times = np.arange(to_us("2009-01-01"), to_us("2012-06-01"), DAY // 24) + 59_000_001
    assert LocalDays(zone, 0).of(times.tolist()) == local_days(times, zone).tolist()
