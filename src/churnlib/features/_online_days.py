"""Local calendar days of single instants, without asking the zone for each of them."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from churnlib.calendar import DAY_US, to_us
from churnlib.calendar._instants import wall_clock
from churnlib.features._stream import local_days

__all__ = ["LocalDays", "midnight_by"]

Ints = npt.NDArray[np.int64]

_STEP = DAY_US // 4
"""Clocks are looked at every six hours: no zone has changed its own twice in that time since 1970."""

_FIRST, _LAST = "1970-01-01", "2071-01-01"


@lru_cache(maxsize=16)
def _changes(zone: str) -> tuple[list[int], list[int]]:
    """Return the instants from which a zone's clock differs from UTC by a new offset, and the offsets."""
    samples = np.arange(to_us(_FIRST), to_us(_LAST), _STEP, dtype=np.int64)
    offset = _offset(samples, zone)
    at = np.flatnonzero(np.diff(offset))
    low, high = samples[at], samples[at + 1]
    while (high - low > 1).any():  # halve all intervals at once, down to the microsecond of the change
        middle = (low + high) // 2
        old = _offset(middle, zone) == offset[at]
        low, high = np.where(old, middle, low), np.where(old, high, middle)
    return [int(samples[0]), *high.tolist()], [int(offset[0]), *offset[at + 1].tolist()]


def _offset(us: Ints, zone: str) -> Ints:
    return wall_clock(us, zone) - us


class LocalDays:
    """Numbers of local days of packed times, as the batch counts them.

    A table of the zone's changes is made once; a day is then one search and one division,
    where asking the zone takes a hundred times as long.

    Parameters
    ----------
    zone : str
        Zone whose days count.
    bits : int
        By how many bits the times are shifted to the left.

    Examples
    --------
    >>> LocalDays("Asia/Tokyo", 0).of([0, 15 * 3_600_000_000])
    [0, 1]
    """

    __slots__ = ("_bits", "_first", "_last", "_offsets", "_starts", "_unit", "_zone")

    def __init__(self, zone: str, bits: int) -> None:
        self._zone, self._bits, self._unit = zone, bits, DAY_US << bits
        if zone != "UTC":
            self._starts, self._offsets = _changes(zone)
            self._first, self._last = self._starts[0] << bits, to_us(_LAST) - _STEP << bits

    def of(self, words: list[int]) -> list[int]:
        """Return the local day of each of some ascending packed times."""
        unit = self._unit
        if self._zone == "UTC":
            return [word // unit for word in words]
        if not words:
            return []
        if words[0] < self._first or words[-1] >= self._last:
            times = np.array([word >> self._bits for word in words], np.int64)
            return [int(day) for day in local_days(times, self._zone)]
        bits, starts, offsets = self._bits, self._starts, self._offsets
        first = bisect_right(starts, words[0] >> bits)
        last = bisect_right(starts, words[-1] >> bits)
        if first == last:  # most customers stay on one side of a change
            shift = offsets[first - 1] << bits
            return [(word + shift) // unit for word in words]
        return [(word + (offsets[bisect_right(starts, word >> bits) - 1] << bits)) // unit for word in words]


def midnight_by(us: int, zone: str) -> int:
    """Return a local midnight at or before an instant, with all earlier days before it and all later ones after.

    Where clocks went back over midnight a day comes again; such a midnight parts nothing, and
    the one before it is taken.

    Parameters
    ----------
    us : int
        Microseconds since 1970, UTC.
    zone : str
        Zone whose days count.

    Returns
    -------
    int
        Microseconds since 1970, UTC.

    Examples
    --------
    >>> midnight_by(86_400_000_000 + 5, "UTC")
    86400000000
    """
    if zone == "UTC":
        return us // DAY_US * DAY_US
    quarter = DAY_US // 96
    ticks = np.arange(us // quarter - 3 * 96, us // quarter + 13, dtype=np.int64) * quarter
    day = local_days(ticks, zone)
    past, ahead = np.maximum.accumulate(day), np.minimum.accumulate(day[::-1])[::-1]
    parts = [int(k) for k in range(1, len(day)) if past[k - 1] < ahead[k] and ticks[k] <= us]
    low, high = (int(tick) for tick in ticks[parts[-1] - 1 : parts[-1] + 1])
    while high - low > 1:  # offsets of long ago are no multiples of a quarter
        middle = (low + high) // 2
        late = local_days(np.array([middle], np.int64), zone)[0] >= ahead[parts[-1]]
        low, high = (low, middle) if late else (middle, high)
    return high
