"""Single instants: any spelling of a point in time, to and from microseconds of UTC."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnlib.calendar._texts import MOVING
from churnlib.exceptions import ParameterError, ParameterTypeError, TimeError, message, nearest

__all__ = ["localize", "read_stamp", "shift_months", "timestamp", "timestamps", "to_us", "wall_clock", "zone_name"]

# The years 1 to 9999: outside of them Python's own datetime cannot name the instant.
EARLIEST_US = -62_135_596_800_000_000
LATEST_US = 253_402_300_799_999_999


def zone_name(zone: object) -> str:
    """Check a time zone and return its IANA name.

    Parameters
    ----------
    zone : str or tzinfo
        A name such as ``"Europe/Berlin"``, or an object that carries one.

    Returns
    -------
    str
        The name; every spelling of UTC gives ``"UTC"``.

    Raises
    ------
    ParameterError
        When no such zone exists.

    Examples
    --------
    >>> import datetime
    >>> zone_name("Europe/Berlin"), zone_name(datetime.timezone.utc)
    ('Europe/Berlin', 'UTC')
    """
    name = zone if isinstance(zone, str) else str(getattr(zone, "key", None) or getattr(zone, "zone", None) or zone)
    if name.upper() in {"UTC", "Z", "ETC/UTC", "GMT", "UTC+00:00"}:
        return "UTC"
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = sorted(zoneinfo.available_timezones())
        raise ParameterError(
            message(
                f"there is no time zone {name!r} ({nearest(name, known)})",
                "an IANA name was expected",
                "timezone='Europe/Berlin'",
            )
        ) from None
    return name


def timestamp(us: int, tz: str = "UTC") -> pd.Timestamp:
    """Name an instant as a pandas Timestamp in a zone.

    Parameters
    ----------
    us : int
        Microseconds since 1970-01-01 UTC.
    tz : str, default="UTC"
        The zone to show it in.

    Returns
    -------
    pandas.Timestamp
        Aware, exact to the microsecond.

    Examples
    --------
    >>> timestamp(0, "Europe/Berlin")
    Timestamp('1970-01-01 01:00:00+0100', tz='Europe/Berlin')
    """
    return timestamps(np.array([us], dtype=np.int64), tz)[0]


def timestamps(us: NDArray[np.int64], tz: str = "UTC") -> pd.DatetimeIndex:
    """Name many instants as a DatetimeIndex in a zone.

    Parameters
    ----------
    us : ndarray of int64
        Microseconds since 1970-01-01 UTC.
    tz : str, default="UTC"
        The zone to show them in.

    Returns
    -------
    pandas.DatetimeIndex
        Aware, in microseconds.

    Examples
    --------
    >>> timestamps(np.array([0]))
    DatetimeIndex(['1970-01-01 00:00:00+00:00'], dtype='datetime64[us, UTC]', freq=None)
    """
    index = pd.DatetimeIndex(np.asarray(us, dtype=np.int64).view("M8[us]")).tz_localize("UTC")
    return index if tz == "UTC" else index.tz_convert(tz)


def wall_clock(us: NDArray[np.int64], tz: str) -> NDArray[np.int64]:
    """Return the local wall clock of instants, as microseconds since the local 1970-01-01.

    Parameters
    ----------
    us : ndarray of int64
        Instants in microseconds of UTC.
    tz : str
        The zone whose clock is read.

    Returns
    -------
    ndarray of int64
        What the clock on the wall shows.

    Examples
    --------
    >>> wall_clock(np.array([0]), "Europe/Berlin")
    array([3600000000])
    """
    if tz == "UTC":
        return np.asarray(us, dtype=np.int64)
    return cast("NDArray[np.int64]", timestamps(us, tz).tz_localize(None).as_unit("us").asi8)


def localize(
    wall: NDArray[np.int64], tz: str, *, doubtful: Literal["mark", "earlier"] = "mark"
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Find the instants at which a local clock shows the given times.

    Once a year the clock shows an hour twice (ambiguous) and skips another
    (nonexistent). A midnight stands for the first instant of its day, and is
    never in doubt: where clocks change at midnight, dates must stay readable.

    Parameters
    ----------
    wall : ndarray of int64
        Wall clock in microseconds since the local 1970-01-01.
    tz : str
        The zone of the clock.
    doubtful : {"mark", "earlier"}, default="mark"
        "mark" reports ambiguous and nonexistent times in the masks; "earlier"
        takes the first of two, and the first instant after a skipped one.

    Returns
    -------
    us : ndarray of int64
        Instants in microseconds of UTC (the "earlier" rule where a mask is set).
    ambiguous, nonexistent : ndarray of bool
        Which wall times occur twice, and which never do.

    Examples
    --------
    >>> spring = np.array([np.datetime64("2025-03-30T02:30:00", "us").astype(np.int64)])
    >>> us, ambiguous, nonexistent = localize(spring, "Europe/Berlin")
    >>> timestamp(int(us[0]), "Europe/Berlin").hour, bool(ambiguous[0]), bool(nonexistent[0])
    (3, False, True)
    """
    wall = np.asarray(wall, dtype=np.int64)
    none = np.zeros(len(wall), dtype=bool)
    if tz == "UTC":
        return wall, none, none
    naive = pd.DatetimeIndex(wall.view("M8[us]"))
    settled = naive.tz_localize(tz, ambiguous=np.ones(len(wall), dtype=bool), nonexistent="shift_forward")
    us = cast("NDArray[np.int64]", settled.as_unit("us").asi8)
    if doubtful == "earlier":
        return us, none, none
    unsure = np.asarray(naive.tz_localize(tz, ambiguous="NaT", nonexistent="NaT").isna())
    unsure &= wall % 86_400_000_000 != 0
    skipped = unsure & (wall_clock(us, tz) != wall)
    return us, unsure & ~skipped, skipped


def shift_months(us: NDArray[np.int64], months: int, tz: str) -> NDArray[np.int64]:
    """Move instants by calendar months on the local clock.

    The day is clamped to the length of the month (31 January + 1 month is the
    last of February); a time the clock skips moves to the first one after it.

    Parameters
    ----------
    us : ndarray of int64
        Instants in microseconds of UTC.
    months : int
        How many months, negative for the past.
    tz : str
        The zone of the calendar.

    Returns
    -------
    ndarray of int64
        The moved instants in microseconds of UTC.

    Examples
    --------
    >>> shift_months(np.array([to_us("2024-01-31")]), 1, "UTC") == to_us("2024-02-29")
    array([ True])
    """
    wall = wall_clock(us, tz).view("M8[us]")
    month = wall.astype("M8[M]")
    day = wall.astype("M8[D]") - month.astype("M8[D]")
    clock = wall - wall.astype("M8[D]")
    target = month + np.timedelta64(months, "M")
    last = (target + np.timedelta64(1, "M")).astype("M8[D]") - np.timedelta64(1, "D") - target.astype("M8[D]")
    moved = target.astype("M8[D]") + np.minimum(day, last) + clock
    return localize(moved.astype("M8[us]").view(np.int64), tz, doubtful="earlier")[0]


def to_us(value: object, tz: str = "UTC") -> int:
    """Turn one point in time into microseconds since 1970-01-01 UTC.

    Parameters
    ----------
    value : str, datetime, date, Timestamp or datetime64
        An ISO 8601 text or a time object. A naive one is on the clock of `tz`;
        a date is the first instant of the day.
    tz : str, default="UTC"
        The zone of naive values.

    Returns
    -------
    int
        Microseconds of UTC.

    Raises
    ------
    ParameterTypeError
        When the value is a number or any other object.
    TimeError
        When it cannot be read, is missing, is finer than a microsecond, or is
        ambiguous or nonexistent on the local clock.

    Examples
    --------
    >>> to_us("1970-01-02")
    86400000000
    >>> to_us("1970-01-01", "Europe/Berlin")
    -3600000000
    """
    stamp = read_stamp(value)
    if stamp.nanosecond:
        raise TimeError(
            message(
                f"{value!r} is finer than a microsecond",
                "instants are exact to one microsecond",
                f"'{stamp.floor('us')}'",
            )
        )
    if stamp.tzinfo is not None:
        return int(stamp.tz_convert("UTC").tz_localize(None).as_unit("us").asm8.view(np.int64))
    wall = np.array([stamp.as_unit("us").asm8.view(np.int64)], dtype=np.int64)
    us, ambiguous, nonexistent = localize(wall, tz)
    if ambiguous[0] or nonexistent[0]:
        what = "occurs twice" if ambiguous[0] else "never occurs"
        raise TimeError(
            message(
                f"{value!r} {what} on the clock of {tz}",
                "one instant was expected; say its offset from UTC",
                f"'{timestamp(int(us[0]), tz).isoformat()}'",
            )
        )
    return int(us[0])


def read_stamp(value: object) -> pd.Timestamp:
    """Read one point in time, naive or aware as it came.

    Parameters
    ----------
    value : str, datetime, date, Timestamp or datetime64
        An ISO 8601 text or a time object.

    Returns
    -------
    pandas.Timestamp
        The same point in time.

    Raises
    ------
    ParameterTypeError
        When the value is a number or any other object.
    TimeError
        When it cannot be read or is missing.

    Examples
    --------
    >>> read_stamp("2025-03")
    Timestamp('2025-03-01 00:00:00')
    """
    if not isinstance(value, (str, dt.date, np.datetime64)):
        raise ParameterTypeError(
            message(
                f"{value!r} is a {type(value).__name__}, not a point in time",
                "a date text, a date or a datetime was expected",
                "'2025-03-01'",
            )
        )
    try:
        stamp = _from_text(value) if isinstance(value, str) else pd.Timestamp(value)
    except (ValueError, OverflowError):
        stamp = None
    if stamp is None or not 1 <= stamp.year <= 9999:  # the year of NaT is NaN, which lies nowhere
        raise TimeError(
            message(f"{value!r} is not a point in time", "an ISO 8601 date or datetime was expected", "'2025-03-01'")
        )
    return stamp


def _from_text(text: str) -> pd.Timestamp:
    stripped = text.strip()
    if stripped.lower() in MOVING:
        raise ValueError(text)
    if len(stripped) == 7:  # a month: pandas' ISO reader wants the day
        stripped += "-01"
    return pd.to_datetime(stripped, format="ISO8601")
