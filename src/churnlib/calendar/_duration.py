"""Lengths of time: fixed ones in UTC, and calendar months and years."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnlib.calendar._instants import shift_months
from churnlib.exceptions import ParameterError, ParameterTypeError, message

__all__ = ["DAY_US", "Duration", "duration"]

DAY_US = 86_400_000_000

_UNITS_US = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": DAY_US,
    "w": 7 * DAY_US,
}
_UNITS_MONTHS = {"mo": 1, "y": 12}
_LONG_NAMES = {
    "second": "s",
    "minute": "min",
    "hour": "h",
    "day": "d",
    "week": "w",
    "month": "mo",
    "year": "y",
}
_TEXT = re.compile(r"\s*(-?\d+)\s*([a-zA-Z]+)\s*")
# Three thousand years: a longer window reaches past every date that has a name.
_LIMIT_US = 3_000 * 366 * DAY_US


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: whole microseconds of UTC, or whole calendar months.

    "60d" is 60 × 24 hours of UTC, whatever the clocks do meanwhile; "1mo" and
    "1y" move along the calendar of a zone. Two durations are equal when they
    are the same length: ``"1w"`` equals ``"7d"``, but ``"1mo"`` equals no
    number of days.

    Parameters
    ----------
    fixed_us : int or None
        Length in microseconds; None for a calendar duration.
    months : int, default=0
        Length in calendar months; 0 for a fixed duration.

    Examples
    --------
    >>> Duration.parse("8w")
    Duration('56d')
    >>> Duration.parse("1y").months
    12
    >>> Duration.parse("90d").before(90 * DAY_US, "UTC")
    0
    """

    fixed_us: int | None
    months: int = 0

    @classmethod
    def parse(cls, value: object) -> Duration:
        """Read a duration from text or from a time difference.

        Parameters
        ----------
        value : str, timedelta, numpy.timedelta64 or Duration
            A text is a whole number and a unit: us, ms, s, min, h, d, w, mo, y.

        Returns
        -------
        Duration
            The length; it may be zero or negative, which `duration` checks.

        Raises
        ------
        ParameterTypeError
            For a number, which has no unit, and any other object.
        ParameterError
            For a text that is no duration.

        Examples
        --------
        >>> import datetime
        >>> Duration.parse(datetime.timedelta(hours=36))
        Duration('36h')
        """
        if isinstance(value, Duration):
            return value
        if isinstance(value, str):
            return _from_text(value)
        if isinstance(value, (dt.timedelta, np.timedelta64)):
            return cls(_from_timedelta(value))
        unit = f"'{value}d'" if isinstance(value, int) and not isinstance(value, bool) else "'60d'"
        raise ParameterTypeError(
            message(
                f"{value!r} is a {type(value).__name__} and says no unit of time",
                "a text such as '60d', or a timedelta, was expected",
                unit,
            )
        )

    @property
    def is_zero(self) -> bool:
        """Whether the duration has no length at all.

        Examples
        --------
        >>> Duration.parse("0d").is_zero
        True
        """
        return not self.fixed_us and not self.months

    @overload
    def before(self, instant: int, tz: str = ...) -> int: ...
    @overload
    def before(self, instant: NDArray[np.int64], tz: str = ...) -> NDArray[np.int64]: ...
    def before(self, instant: int | NDArray[np.int64], tz: str = "UTC") -> int | NDArray[np.int64]:
        """Return the instant that lies this long before another.

        Parameters
        ----------
        instant : int or ndarray of int64
            Microseconds of UTC.
        tz : str, default="UTC"
            The zone of the calendar; only months and years look at it.

        Returns
        -------
        int or ndarray of int64
            Microseconds of UTC, like `instant`.

        Examples
        --------
        >>> Duration.parse("1d").before(DAY_US)
        0
        """
        return self._moved(instant, tz, -1)

    @overload
    def after(self, instant: int, tz: str = ...) -> int: ...
    @overload
    def after(self, instant: NDArray[np.int64], tz: str = ...) -> NDArray[np.int64]: ...
    def after(self, instant: int | NDArray[np.int64], tz: str = "UTC") -> int | NDArray[np.int64]:
        """Return the instant that lies this long after another.

        Parameters
        ----------
        instant : int or ndarray of int64
            Microseconds of UTC.
        tz : str, default="UTC"
            The zone of the calendar; only months and years look at it.

        Returns
        -------
        int or ndarray of int64
            Microseconds of UTC, like `instant`.

        Examples
        --------
        >>> Duration.parse("1mo").after(0) // DAY_US
        31
        """
        return self._moved(instant, tz, 1)

    def _moved(self, instant: int | NDArray[np.int64], tz: str, sign: int) -> int | NDArray[np.int64]:
        if self.fixed_us is not None:
            return instant + sign * self.fixed_us
        if isinstance(instant, np.ndarray):
            return shift_months(instant, sign * self.months, tz)
        return int(shift_months(np.array([instant], dtype=np.int64), sign * self.months, tz)[0])

    def __str__(self) -> str:
        if self.fixed_us is None:
            return f"{self.months // 12}y" if self.months % 12 == 0 else f"{self.months}mo"
        for unit in ("d", "h", "min", "s", "ms"):
            if self.fixed_us % _UNITS_US[unit] == 0:
                return f"{self.fixed_us // _UNITS_US[unit]}{unit}"
        return f"{self.fixed_us}us"

    def __repr__(self) -> str:
        return f"Duration({str(self)!r})"


def duration(value: object, *, name: str, allow_zero: bool = False) -> Duration:
    """Read a duration given as an argument, and refuse a negative or empty one.

    Parameters
    ----------
    value : str, timedelta, numpy.timedelta64 or Duration
        Such as ``"60d"``, ``"12h"`` or ``"1mo"``.
    name : str
        The argument's name, for the message.
    allow_zero : bool, default=False
        Whether a length of zero makes sense for this argument.

    Returns
    -------
    Duration
        The checked length.

    Raises
    ------
    ParameterTypeError
        When it is no text and no time difference.
    ParameterError
        When it cannot be read, is negative, is zero where it may not be, or is
        longer than 3,000 years.

    Examples
    --------
    >>> duration("60d", name="horizon")
    Duration('60d')
    """
    try:
        length = Duration.parse(value)
    except (ParameterError, ParameterTypeError) as error:
        raise type(error)(f"{name}: {error}") from None
    size = length.fixed_us if length.fixed_us is not None else length.months
    if size < 0:
        raise ParameterError(
            message(
                f"{name}={str(length)!r} is negative", "a length of time is positive", f"{name}={str(length)[1:]!r}"
            )
        )
    if size == 0 and not allow_zero:
        raise ParameterError(
            message(
                f"{name}={str(length)!r} has a length of zero",
                "a half-open window of that length holds nothing",
                f"{name}='1d'",
            )
        )
    if (length.fixed_us or 0) > _LIMIT_US or length.months > 36_000:
        raise ParameterError(
            message(f"{name}={str(length)!r} is longer than 3,000 years", "a shorter one was expected", f"{name}='10y'")
        )
    return length


def _from_text(text: str) -> Duration:
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ParameterError(_unreadable(text))
    count, unit = int(match[1]), match[2]
    # "5M" is minutes to some and months to others: only the two clear spellings are read.
    short = unit if unit == "M" else _LONG_NAMES.get(unit.lower().removesuffix("s"), unit.lower())
    if short in _UNITS_MONTHS:
        return Duration(None, count * _UNITS_MONTHS[short]) if count else Duration(0)
    if short in _UNITS_US:
        return Duration(count * _UNITS_US[short])
    raise ParameterError(_unreadable(text))


def _unreadable(text: str) -> str:
    return message(
        f"{text!r} is not a length of time",
        "a whole number and a unit (us, ms, s, min, h, d, w, mo, y) were expected",
        "'60d' for days, '1mo' for a calendar month, '30min' for minutes",
    )


def _from_timedelta(value: dt.timedelta | np.timedelta64) -> int:
    try:
        delta = pd.Timedelta(value)
        count = delta // pd.Timedelta(microseconds=1)
    except ValueError as error:  # numpy's months and years, and lengths beyond pandas' own
        raise ParameterError(
            message(
                f"{value!r} is no fixed length of time ({error})",
                "days and shorter units are fixed, months and years follow the calendar",
                "'1mo' for a calendar month, '1y' for a year",
            )
        ) from None
    if pd.isna(delta):
        raise ParameterError(message("the length of time is missing (NaT)", "a length was expected", "'60d'"))
    if delta.nanoseconds:
        raise ParameterError(
            message(f"{value!r} is finer than a microsecond", "whole microseconds were expected", "'1us'")
        )
    return count
