"""Days that come again each year: birthdays and anniversaries, on the local calendar."""

from __future__ import annotations

import numpy as np

from churnlib._typing import BoolArray, IntArray
from churnlib.calendar._instants import localize, wall_clock

__all__ = ["DAY_US", "local_day", "next_days", "start_of_day"]

DAY_US = 86_400_000_000


def local_day(us: IntArray, tz: str) -> IntArray:
    """Return the local days of instants, counted from 1970-01-01.

    Parameters
    ----------
    us : ndarray of int64
        Microseconds of UTC.
    tz : str
        The zone of the calendar.

    Returns
    -------
    ndarray of int64
        Whole days.

    Examples
    --------
    >>> local_day(np.array([0, -1]), "UTC"), local_day(np.array([0]), "America/New_York")
    (array([ 0, -1]), array([-1]))
    """
    return np.asarray(wall_clock(us, tz) // DAY_US, dtype=np.int64)


def start_of_day(days: IntArray, tz: str) -> IntArray:
    """Return the first instants of local days.

    Parameters
    ----------
    days : ndarray of int64
        Days since 1970-01-01.
    tz : str
        The zone of the calendar.

    Returns
    -------
    ndarray of int64
        Microseconds of UTC.

    Examples
    --------
    >>> start_of_day(np.array([0]), "Europe/Berlin")
    array([-3600000000])
    """
    return localize(days * DAY_US, tz, doubtful="earlier")[0]


def next_days(first: IntArray, today: int, *, leap_day: str) -> tuple[IntArray, BoolArray]:
    """Return on which day each date comes again, today included, and whether it came before.

    Parameters
    ----------
    first : ndarray of int64
        The dates, such as birthdays, as days since 1970-01-01.
    today : int
        The day from which one looks.
    leap_day : {"28 February", "1 March"}
        When 29 February is kept in years that have none.

    Returns
    -------
    days : ndarray of int64
        The first return of each date on or after today; the date itself is no return.
    again : ndarray of bool
        False where the date lies today or later, and has not returned yet.

    Examples
    --------
    >>> born, today = np.datetime64("2024-02-29").astype(int), np.datetime64("2026-02-27").astype(int)
    >>> next_days(np.array([born]), int(today), leap_day="1 March")[0].astype("M8[D]")
    array(['2026-03-01'], dtype='datetime64[D]')
    """
    year = int(np.datetime64(today, "D").astype("M8[Y]").astype(np.int64))
    this, next_year = (_in_year(first, each, leap_day) for each in (year, year + 1))
    return np.where(this >= today, this, next_year), first < today


def _in_year(first: IntArray, year: int, leap_day: str) -> IntArray:
    date = first.astype("M8[D]")
    month = date.astype("M8[M]")
    of_year = month.astype(np.int64) % 12
    start = (year * 12 + of_year).astype("M8[M]")
    day = (date - month.astype("M8[D]")).astype(np.int64)
    there = start.astype("M8[D]").astype(np.int64) + day
    over = (start + 1).astype("M8[D]").astype(np.int64)  # only 29 February runs over its month
    return np.where(there < over, there, over - (leap_day == "28 February"))
