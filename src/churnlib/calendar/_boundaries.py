"""Regular cutoffs on the boundaries of the calendar."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from churnlib._checks import check_choice, check_integer
from churnlib.calendar._cutoffs import Cutoffs
from churnlib.calendar._duration import DAY_US
from churnlib.calendar._instants import read_stamp, to_us, zone_name
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
    # Months and days are counted from 1970, as numpy counts them.
    months = np.arange(_count(first, "M"), _count(last, "M") + 1)
    days = months.astype("M8[M]").astype("M8[D]").astype(np.int64) + (day - 1)
    return _within(days, first, last, tz, "month")


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
    wanted = _WEEKDAYS.index(check_choice(str(weekday).lower(), _WEEKDAYS, name="weekday"))
    first, last = _span(start, end, tz)
    days = np.arange(_count(first, "D"), _count(last, "D") + 1)
    # 1970-01-01 was a Thursday, which is weekday 3 when Monday is 0.
    chosen = days[(days + 3) % 7 == wanted]
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
    """Return what the wall clock of the calendar shows at an end of the span."""
    stamp = read_stamp(value)
    if stamp.tzinfo is not None:
        if tz is None:
            raise ParameterError(
                message(
                    f"{value!r} has a zone but the calendar has none",
                    "the zone of the calendar was expected beside it",
                    f"tz={zone_name(stamp.tzinfo)!r}",
                )
            )
        stamp = stamp.tz_convert(zone_name(tz)).tz_localize(None)
    return to_us(stamp)


def _count(wall: int, unit: str) -> int:
    return int(np.array([wall], dtype="M8[us]").astype(f"M8[{unit}]").astype(np.int64)[0])


def _within(days: NDArray[np.int64], first: int, last: int, tz: str | None, unit: str) -> Cutoffs:
    wall = days * DAY_US
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
