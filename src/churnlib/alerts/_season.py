"""Days that do not count: holidays and campaigns inside a silence, taken out before it is compared."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from churnlib._typing import FloatArray, IntArray
from churnlib.alerts._instants import instant_text, next_day
from churnlib.calendar import to_us
from churnlib.exceptions import ChurnlibError, ParameterError, ParameterTypeError, message

__all__ = ["Days", "Pause", "calendar_of", "pauses_of"]

Days: TypeAlias = tuple[tuple[str, str], ...]
"""Spans of time, each from its first instant to the first one after it, as texts."""

# Beyond this many microseconds a silence is older than every calendar.
_LONGEST = 2.0**56


@dataclass(frozen=True, slots=True)
class Pause:
    """Spans of time in order, apart from each other, and how much of them lies before each.

    Attributes
    ----------
    starts, ends : tuple of int
        Microseconds.
    before : tuple of int
        The total length of the spans before each one.
    """

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    before: tuple[int, ...]

    @classmethod
    def of(cls, spans: Iterable[tuple[int, int]]) -> Pause:
        """Join spans that touch or overlap.

        Examples
        --------
        >>> Pause.of([(10, 20), (15, 30), (40, 50)])
        Pause(starts=(10, 40), ends=(30, 50), before=(0, 20))
        """
        joined: list[list[int]] = []
        for start, end in sorted(spans):
            if joined and start <= joined[-1][1]:
                joined[-1][1] = max(joined[-1][1], end)
            else:
                joined.append([start, end])
        lengths = np.array([end - start for start, end in joined], dtype=np.int64)
        before = (np.cumsum(lengths) - lengths).tolist()
        return cls(tuple(start for start, _ in joined), tuple(end for _, end in joined), tuple(before))

    def until_one(self, instant: int) -> int:
        """Return how much of the spans lies before an instant."""
        k = bisect_right(self.starts, instant) - 1
        return 0 if k < 0 else self.before[k] + min(instant, self.ends[k]) - self.starts[k]

    def until(self, instants: IntArray) -> IntArray:
        """Return how much of the spans lies before each instant."""
        if not self.starts:
            return np.zeros(len(instants), dtype=np.int64)
        starts, ends, before = (np.array(part) for part in (self.starts, self.ends, self.before))
        k = np.searchsorted(starts, instants, side="right") - 1
        inside = before[k] + np.minimum(instants, ends[k]) - starts[k]
        return np.where(k < 0, 0, inside)

    def left(self, silence: FloatArray, unit_us: int, now: int) -> FloatArray:
        """Take the spans inside silences that end now out of them.

        Parameters
        ----------
        silence : ndarray of float
            How long nothing happened, NaN where that is missing.
        unit_us : int
            Its unit in microseconds.
        now : int
            The instant at which the silences end.

        Returns
        -------
        ndarray of float
            What is left of them, in the same unit.

        Examples
        --------
        >>> Pause.of([(90, 95)]).left(np.array([20.0, 8.0, 2.0]), 1, 100)
        array([15., 5., 2.])
        """
        length = np.rint(np.clip(np.nan_to_num(silence * unit_us, nan=0.0), 0.0, _LONGEST)).astype(np.int64)
        inside = self.until_one(now) - self.until(now - length)
        # Whole microseconds are taken from whole ones, so that what is left of exactly 30 days is 30 days.
        exact = (inside > 0) & (length < _LONGEST)
        return np.where(exact, (length - inside) / unit_us, silence - inside / unit_us)

    def left_one(self, silence: float, unit_us: int, now: int) -> float:
        """Take the spans inside one silence that ends now out of it; the same as `left` for one row."""
        if silence != silence:  # noqa: PLR0124 - NaN
            return silence
        length = round(min(max(silence * unit_us, 0.0), _LONGEST))
        inside = self.until_one(now) - self.until_one(now - length)
        exact = inside > 0 and length < _LONGEST
        return (length - inside) / unit_us if exact else silence - inside / unit_us


def calendar_of(given: Mapping[str, Any] | None) -> tuple[tuple[str, Days], ...]:
    """Read named spans of time, as texts in canonical form.

    Parameters
    ----------
    given : mapping of str to list, or None
        For each name its days, and its spans as (first day, first day after).

    Returns
    -------
    tuple of (name, spans)
        In order of names and spans.

    Raises
    ------
    ParameterTypeError
        When it is no such mapping.
    ParameterError
        When a span ends before it begins, or what stands alone is no whole day.

    Examples
    --------
    >>> calendar_of({"holiday_days": ["2026-05-01", ("2025-12-24", "2026-01-02")]})
    (('holiday_days', (('2025-12-24', '2026-01-02'), ('2026-05-01', '2026-05-02'))),)
    """
    if given is None:
        return ()
    pairs: Any = given
    if not isinstance(pairs, Mapping) or not all(isinstance(name, str) for name in pairs):
        raise ParameterTypeError(message(f"calendar is {given!r}", "names with lists of days were expected", _EXAMPLE))
    return tuple((name, _days(pairs[name], name)) for name in sorted(pairs))


_EXAMPLE = "calendar={'holiday_days': ['2026-05-01', ('2025-12-24', '2026-01-02')]}"


def _days(listed: Any, name: str) -> Days:
    if not isinstance(listed, list | tuple | set | frozenset):
        raise ParameterTypeError(message(f"the days of {name!r} are {listed!r}", "a list was expected", _EXAMPLE))
    return tuple(sorted(_span(entry, name) for entry in listed))


def _span(entry: Any, name: str) -> tuple[str, str]:
    try:
        if isinstance(entry, list | tuple):
            start, end = entry
            return instant_text(start), instant_text(end)
        text = instant_text(entry)
    except ChurnlibError as error:
        raise type(error)(f"calendar {name!r}: {error}") from None
    except ValueError:
        raise ParameterError(
            message(f"calendar {name!r} has a span {entry!r}", "a span has a first day and a first day after", _EXAMPLE)
        ) from None
    after = next_day(text)
    if after is None:
        raise ParameterError(
            message(f"calendar {name!r} has {entry!r}, which is no whole day", "a day, or a span from one", _EXAMPLE)
        )
    return text, after


def pauses_of(calendar: tuple[tuple[str, Days], ...], tz: str) -> dict[str, Pause]:
    """Put named spans on the clock of a zone.

    Parameters
    ----------
    calendar : tuple of (name, spans)
        What `calendar_of` returned.
    tz : str
        The zone of spans that say none.

    Returns
    -------
    dict of str to Pause
        By name.

    Raises
    ------
    ParameterError
        When a span is empty or ends before it begins.
    TimeError
        When an end is no instant on that clock.

    Examples
    --------
    >>> pauses_of((("x", (("1970-01-01", "1970-01-02"),)),), "UTC")["x"].ends
    (86400000000,)
    """
    found = {}
    for name, days in calendar:
        spans = [(to_us(start, tz), to_us(end, tz)) for start, end in days]
        empty = [f"{a} to {b}" for (a, b), (start, end) in zip(days, spans, strict=True) if end <= start]
        if empty:
            raise ParameterError(
                message(
                    f"calendar {name!r} has a span of no length ({empty[0]})",
                    "the end is the first day after the span",
                    _EXAMPLE,
                )
            )
        found[name] = Pause.of(spans)
    return found
