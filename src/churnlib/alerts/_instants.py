"""Instants as texts, for files that people read and write."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Any

from churnlib.calendar import to_us
from churnlib.calendar._instants import read_stamp

__all__ = ["instant_text", "next_day", "us_of"]


@lru_cache(maxsize=1024)
def us_of(text: str, tz: str) -> int:
    """Return what `to_us` does of a text, which is read once however often it is asked for.

    Parameters
    ----------
    text : str
        What `instant_text` returned.
    tz : str
        The zone where the text says none.

    Returns
    -------
    int
        Microseconds since 1970 in UTC.

    Examples
    --------
    >>> us_of("1970-01-02", "UTC")
    86400000000
    """
    return to_us(text, tz)


def instant_text(value: Any) -> str:
    """Return an instant as an ISO 8601 text: a date where it is the start of a day without a zone.

    Parameters
    ----------
    value : str, date, datetime or Timestamp
        The instant.

    Returns
    -------
    str
        It reads back to the same instant; without a zone it is on the clock of the rule set.

    Raises
    ------
    ParameterTypeError, TimeError
        When it is no instant.

    Examples
    --------
    >>> import datetime
    >>> instant_text(datetime.date(2026, 1, 1)), instant_text("2026-01-01 12:30+01:00")
    ('2026-01-01', '2026-01-01T12:30:00+01:00')
    """
    stamp = read_stamp(value)
    to_us(value)
    if stamp.tzinfo is None and stamp == stamp.normalize():
        return stamp.strftime("%Y-%m-%d")
    return stamp.isoformat()


def next_day(text: str) -> str | None:
    """Return the day after a date, and None for what is no date.

    Parameters
    ----------
    text : str
        What `instant_text` returned.

    Returns
    -------
    str or None
        The next date.

    Examples
    --------
    >>> next_day("2026-12-31"), next_day("2026-12-31T12:00:00")
    ('2027-01-01', None)
    """
    if len(text) != len("2026-01-01"):
        return None
    return (dt.date.fromisoformat(text) + dt.timedelta(days=1)).isoformat()
