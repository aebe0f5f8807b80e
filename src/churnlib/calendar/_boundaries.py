"""Regular cutoffs on the boundaries of the calendar."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
from numpy.typing import NDArray

from churnlib._checks import check_choice, check_integer
from churnlib.calendar._cutoffs import Cutoffs
from churnlib.calendar._instants import to_us, wall_clock, zone_name
from churnlib.exceptions import ParameterError, message

__all__ = ["monthly", "weekly"]

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH = re.compile(r"\s*\d{4}-\d{2}\s*")


def monthly(start: object, end: object, *, day: int = 1, tz: str | None = None) -> Cutoffs:
    """Make one cutoff a month, at midnight of the given day.

    Parameters
    ----------
    start, end : str, date or datetime
        Both ends are included where they fall on a boundary. A month
        (``"2025-03"``) stands for all of its days.
    day : int, default=1
        Day of the month, 1 to 28, so that every month has it.
    tz : str or None, default=None
        The zone of the calendar; None leaves it to the log the cutoffs are used
        with, and to UTC before that.

    Returns
    -------
    Cutoffs
        The boundaries from `start` to `end`.

    Raises
    ------
    ParameterError
        When `end` comes before `start`, or no boundary lies between them.

    Examples
    --------
    >>> monthly("2011-03", "2011-09")
    Cutoffs(7: 2011-03-01 … 2011-09-01, UTC, or the zone of the log)
    >>> monthly("2025-01", "2025-03", day=15, tz="Europe/Berlin")
    Cutoffs(3: 2025-01-15 … 2025-03-15, Europe/Berlin)
    """
    day = check_integer(day, name="day", low=1, high=28)
    first, last = _span(start, end, tz)
    months = np.arange(_date(first).astype("M8[M]"), _date(last).astype("M8[M]") + 1)
    return _within(months.astype("M8[D]") + np.timedelta64(day - 1, "D"), first, last, tz, "month")


def weekly(start: object, end: object, *, weekday: str = "monday", tz: str | None = None) -> Cutoffs:
    """Make one cutoff a week, at midnight of the given weekday.

    Parameters
    ----------
    start, end : str, date or datetime
        Both ends are included where they fall on a boundary. A month
        (``"2025-03"``) stands for all of its days.
    weekday : str, default="monday"
        The English name of the day.
    tz : str or None, default=None
        The zone of the calendar; None leaves it to the log the cutoffs are used
        with, and to UTC before that.

    Returns
    -------
    Cutoffs
        The boundaries from `start` to `end`.

    Raises
    ------
    ParameterError
        When `end` comes before `start`, no boundary lies between them, or the
        weekday has no such name.

    Examples
    --------
    >>> weekly("2025-03-03", "2025-03-31")
    Cutoffs(5: 2025-03-03 … 2025-03-31, UTC, or the zone of the log)
    """
    lowered = weekday.lower() if isinstance(weekday, str) else weekday
    wanted = _WEEKDAYS.index(check_choice(lowered, _WEEKDAYS, name="weekday"))
    first, last = _span(start, end, tz)
    days = np.arange(_date(first), _date(last) + 1)
    # 1970-01-01 was a Thursday, which is weekday 3 when Monday is 0.
    chosen = days[(days.astype(np.int64) + 3) % 7 == wanted]
    return _within(chosen, first, last, tz, "week")


def _span(start: object, end: object, tz: str | None) -> tuple[int, int]:
    """Return both ends on the wall clock."""
    first, last = _wall(start, tz), _wall(end, tz)
    if isinstance(end, str) and _MONTH.fullmatch(end):
        following = np.datetime64(end.strip(), "M") + 1
        last = int(following.astype("M8[us]").astype(np.int64)) - 1
    if last < first:
        raise ParameterError(
            message(f"the end {end!r} comes before the start {start!r}", "a span of time was expected", "swap them")
        )
    return first, last


def _wall(value: object, tz: str | None) -> int:
    if isinstance(value, dt.datetime) and value.tzinfo is not None and tz is None:
        raise ParameterError(
            message(
                f"{value!r} has a zone but the calendar has none",
                "the zone of the calendar was expected beside it",
                f"tz={zone_name(value.tzinfo)!r}",
            )
        )
    zone = "UTC" if tz is None else zone_name(tz)
    return int(wall_clock(np.array([to_us(value, zone)], dtype=np.int64), zone)[0])


def _date(wall: int) -> np.datetime64:
    return np.datetime64(wall, "us").astype("M8[D]")


def _within(days: NDArray[np.datetime64], first: int, last: int, tz: str | None, unit: str) -> Cutoffs:
    wall = days.astype("M8[us]").astype(np.int64)
    wall = wall[(wall >= first) & (wall <= last)]
    if not len(wall):
        raise ParameterError(
            message(
                f"no {unit} begins between {np.datetime64(first, 'us')} and {np.datetime64(last, 'us')}",
                "at least one boundary was expected",
                f"move the end by one {unit}",
            )
        )
    floating = Cutoffs(wall)
    return floating if tz is None else floating.resolve(tz)
