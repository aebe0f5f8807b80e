"""Cutoffs: the instants at which customers are looked at."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnlib.calendar._instants import localize, timestamps, to_us, zone_name
from churnlib.exceptions import ParameterError, ParameterTypeError, message, some

__all__ = ["Cutoffs", "cutoffs"]


class Cutoffs(Sequence[pd.Timestamp]):
    """Instants at which customers are looked at, in time order and in one zone.

    Everything that happened before a cutoff may be used at it; what happened
    exactly at it may not. Boundaries made without a zone (``monthly("2025-01",
    "2025-06")``) are *floating*: they stand for UTC until `resolve` puts them on
    the clock of a log.

    Parameters
    ----------
    us : array-like of int
        Instants in microseconds of UTC, ascending and distinct. For floating
        cutoffs the wall clock, counted the same way.
    tz : str or None, default=None
        The zone they are shown in; None makes them floating.

    Raises
    ------
    ParameterError
        When there is none, when one is repeated, or when they are not sorted.

    Examples
    --------
    >>> at = cutoffs(["2025-01-01", "2025-02-01"], "Europe/Berlin")
    >>> at
    Cutoffs(2: 2025-01-01 … 2025-02-01, Europe/Berlin)
    >>> at[0]
    Timestamp('2025-01-01 00:00:00+0100', tz='Europe/Berlin')
    """

    __slots__ = ("_tz", "_us")

    def __init__(self, us: Sequence[int] | NDArray[np.int64], tz: str | None = None) -> None:
        instants = np.array(us, dtype=np.int64)
        if not len(instants):
            raise ParameterError(message("there is no cutoff", "at least one was expected", "cutoffs=['2025-03-01']"))
        self._tz = None if tz is None else zone_name(tz)
        step = np.diff(instants)
        if (step <= 0).any():
            at = int(np.flatnonzero(step <= 0)[0]) + 1
            what = "is repeated" if step[at - 1] == 0 else "is earlier than the one before it"
            raise ParameterError(
                message(
                    f"cutoff {at} ({timestamps(instants, self.tz)[at]}) {what}, and so are "
                    f"{int((step <= 0).sum()) - 1} more of {len(instants)}",
                    "cutoffs are ascending and distinct",
                    "cutoffs=sorted(set(cutoffs))",
                )
            )
        instants.setflags(write=False)
        self._us = instants

    @property
    def us(self) -> NDArray[np.int64]:
        """The instants in microseconds of UTC, ascending (read-only).

        Examples
        --------
        >>> cutoffs("1970-01-02").us
        array([86400000000])
        """
        return self._us

    @property
    def tz(self) -> str:
        """The zone the cutoffs are shown in ("UTC" while they are floating).

        Examples
        --------
        >>> cutoffs("2025-03-01").tz
        'UTC'
        """
        return self._tz or "UTC"

    @property
    def floating(self) -> bool:
        """Whether the cutoffs still wait for the zone of a log.

        Examples
        --------
        >>> from churnlib.calendar import monthly
        >>> monthly("2025-01", "2025-02").floating
        True
        """
        return self._tz is None

    @property
    def timestamps(self) -> pd.DatetimeIndex:
        """The cutoffs as an aware DatetimeIndex.

        Examples
        --------
        >>> len(cutoffs(["2025-03-01", "2025-04-01"]).timestamps)
        2
        """
        return timestamps(self._us, self.tz)

    def resolve(self, tz: str) -> Cutoffs:
        """Put floating cutoffs on the clock of a zone; others are returned as they are.

        A boundary that the clock skips moves to the first instant after it; one
        that it shows twice is the earlier of the two.

        Parameters
        ----------
        tz : str
            The zone of the log.

        Returns
        -------
        Cutoffs
            Cutoffs that are no longer floating.

        Examples
        --------
        >>> from churnlib.calendar import monthly
        >>> monthly("2025-01", "2025-02").resolve("Europe/Berlin")[0]
        Timestamp('2025-01-01 00:00:00+0100', tz='Europe/Berlin')
        """
        if not self.floating:
            return self
        return Cutoffs(localize(self._us, zone_name(tz), doubtful="earlier")[0], tz)

    @overload
    def __getitem__(self, at: int) -> pd.Timestamp: ...
    @overload
    def __getitem__(self, at: slice) -> Cutoffs: ...
    def __getitem__(self, at: int | slice) -> pd.Timestamp | Cutoffs:
        if isinstance(at, slice):
            return Cutoffs(self._us[at], self._tz)
        return self.timestamps[at]

    def __len__(self) -> int:
        return len(self._us)

    def __iter__(self) -> Iterator[pd.Timestamp]:
        return iter(self.timestamps)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cutoffs):
            return NotImplemented
        return self._tz == other._tz and np.array_equal(self._us, other._us)

    def __hash__(self) -> int:
        return hash((self._tz, self._us.tobytes()))

    def __repr__(self) -> str:
        clock = self.timestamps.tz_localize(None)
        midnight = bool((clock == clock.normalize()).all())
        form = "%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M:%S"
        ends = clock[0].strftime(form)
        if len(self) > 1:
            ends += f" … {clock[-1].strftime(form)}"
        zone = "UTC, or the zone of the log" if self.floating else self.tz
        return f"Cutoffs({len(self)}: {ends}, {zone})"


def cutoffs(value: object, tz: str = "UTC") -> Cutoffs:
    """Read one cutoff or several, in whatever form they come.

    Parameters
    ----------
    value : Cutoffs, str, datetime, date, Timestamp or sequence of these
        Naive ones are on the clock of `tz`.
    tz : str, default="UTC"
        The zone of naive and of floating cutoffs.

    Returns
    -------
    Cutoffs
        Ascending and distinct.

    Raises
    ------
    ParameterTypeError
        When the value is no time and no sequence of times.
    TimeError
        When a time cannot be read, or is ambiguous on the local clock.
    ParameterError
        When there is none, one is repeated, or they are not sorted.

    Examples
    --------
    >>> cutoffs(["2025-03-01", "2025-04-01"])
    Cutoffs(2: 2025-03-01 … 2025-04-01, UTC)
    """
    zone = zone_name(tz)
    if isinstance(value, Cutoffs):
        return value.resolve(zone)
    if isinstance(value, (str, dt.date, np.datetime64)):
        return Cutoffs([to_us(value, zone)], zone)
    if isinstance(value, (Sequence, np.ndarray, pd.Index, pd.Series)):
        return Cutoffs([to_us(entry, zone) for entry in value], zone)
    raise ParameterTypeError(
        message(
            f"cutoffs is a {type(value).__name__} ({some([repr(value)])})",
            "times, or a list of times, were expected",
            "cutoffs=monthly('2025-01', '2025-06')",
        )
    )
