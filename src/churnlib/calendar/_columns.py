"""Time columns: any spelling of many points in time, to microseconds of UTC."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from churnlib._checks import named_rows
from churnlib._frames import Column, to_numpy, type_counts
from churnlib.calendar._instants import EARLIEST_US, LATEST_US, localize, wall_clock
from churnlib.calendar._texts import DistinctTexts, offsets, read_texts
from churnlib.exceptions import SchemaError, TimeError, message, some

__all__ = ["TimeColumn", "read_times"]

_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """A time column in microseconds of UTC, with what reading it changed.

    Parameters
    ----------
    us : ndarray of int64
        Microseconds of UTC; 0 where missing.
    missing : ndarray of bool or None
        Which rows have no time; None when all do.
    floored : int, default=0
        How many times were finer than a microsecond and were cut down to it.
    naive : bool, default=False
        Whether the times had no zone of their own.

    Examples
    --------
    >>> read_times(pa.chunked_array([["1970-01-01T00:00:01"]]), "UTC", name="ts").us
    array([1000000])
    """

    us: NDArray[np.int64]
    missing: NDArray[np.bool_] | None
    floored: int = 0
    naive: bool = False


def read_times(column: Column, tz: str, *, name: str, form: str | None = None) -> TimeColumn:
    """Read a column of times.

    Parameters
    ----------
    column : pyarrow.ChunkedArray or ndarray of object
        Timestamps of any unit, dates, ISO 8601 texts, or Python time objects.
    tz : str
        The zone of naive times; a date is its midnight there.
    name : str
        The column's name, for messages.
    form : str or None, default=None
        A strptime format for texts that are not ISO 8601, or for whole numbers
        such as 20250301.

    Returns
    -------
    TimeColumn
        The instants. Times finer than a microsecond are cut down to it, which
        keeps "before a cutoff" true for every cutoff in microseconds.

    Raises
    ------
    SchemaError
        When the column does not hold times.
    TimeError
        When a time cannot be read, is out of the years 1 to 9999, is ambiguous
        or nonexistent on the local clock, or when zones are mixed.

    Examples
    --------
    >>> column = pa.chunked_array([pa.array(["2025-03-01", None])])
    >>> times = read_times(column, "UTC", name="ts")
    >>> times.us.tolist(), times.missing
    ([1740787200000000, 0], array([False,  True]))
    """
    if isinstance(column, np.ndarray):
        return _from_objects(column, tz, name)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_null(kind):
        return TimeColumn(np.zeros(len(column), dtype=np.int64), np.ones(len(column), dtype=bool))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_view(kind):
        return _from_texts(column.cast(pa.large_string()), tz, name, form)
    if form is not None and pa.types.is_integer(kind):  # 20250301 with time_format="%Y%m%d"
        return _from_texts(column.cast(pa.large_string()), tz, name, form)
    missing = column.is_null().to_numpy() if column.null_count else None
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("ms" if pa.types.is_date64(kind) else "s"))
        kind = column.type
    if not pa.types.is_timestamp(kind):
        raise SchemaError(_wrong_type(name, str(kind)))
    raw = column.cast(pa.int64())
    counts = to_numpy(raw if missing is None else pc.fill_null(raw, 0))
    us, floored = _scaled(counts, kind.unit, name)
    if kind.tz is not None:
        return TimeColumn(us, missing, floored)
    return TimeColumn(_local(us, missing, tz, name), missing, floored, naive=True)


def _is_view(kind: pa.DataType) -> bool:
    check = getattr(pa.types, "is_string_view", None)
    return bool(check is not None and check(kind))


def _scaled(counts: NDArray[np.int64], unit: str, name: str) -> tuple[NDArray[np.int64], int]:
    """Bring counts of a unit to microseconds, and say how many had to be floored."""
    per_second = _PER_SECOND[unit]
    if unit == "ns":
        us = counts // 1_000
        return us, int(np.count_nonzero(us * 1_000 != counts))
    low, high = EARLIEST_US // 1_000_000 * per_second, LATEST_US * per_second // 1_000_000
    if len(counts) and (int(counts.min()) < low or int(counts.max()) > high):
        outside = (counts < low) | (counts > high)
        raise TimeError(
            message(
                f"{int(outside.sum())} times in column {name!r} lie outside the years 1 to 9999 "
                f"({named_rows(outside)})",
                "a calendar date was expected; often the unit of a number was mistaken",
                f"pandas.to_datetime(frame[{name!r}].astype('int64'), unit='s')",
            )
        )
    return (counts if unit == "us" else counts * (1_000_000 // per_second)), 0


def _local(wall: NDArray[np.int64], missing: NDArray[np.bool_] | None, tz: str, name: str) -> NDArray[np.int64]:
    """Put naive times on the clock of a zone; doubtful hours are an error."""
    us, ambiguous, nonexistent = localize(wall, tz)
    if missing is not None:
        ambiguous, nonexistent = ambiguous & ~missing, nonexistent & ~missing
    doubtful = ambiguous | nonexistent
    if doubtful.any():
        raise TimeError(
            message(
                f"{int(doubtful.sum())} times in column {name!r} are no single instant on the clock of {tz}: "
                f"{int(ambiguous.sum())} occur twice, {int(nonexistent.sum())} never occur ({named_rows(doubtful)})",
                "the hour in which clocks change needs an offset",
                f"pandas.to_datetime(frame[{name!r}])"
                f".dt.tz_localize({tz!r}, ambiguous=True, nonexistent='shift_forward')",
            )
        )
    return us


def _from_texts(column: pa.ChunkedArray, tz: str, name: str, form: str | None) -> TimeColumn:
    texts = DistinctTexts.of(column)
    if not len(texts.texts):
        return TimeColumn(np.zeros(len(column), dtype=np.int64), texts.missing)
    read = read_texts(texts.texts, form)
    unreadable = texts.rows(read.unreadable | (read.us < EARLIEST_US) | (read.us > LATEST_US))
    if unreadable.any():
        examples = column.filter(pa.array(unreadable)).slice(0, 3).to_pylist()
        raise TimeError(
            message(
                f"{int(unreadable.sum())} times in column {name!r} cannot be read ({named_rows(unreadable)}: "
                f"{some([repr(text) for text in examples])})",
                f"the format {form!r} was expected" if form else "ISO 8601 texts were expected",
                "correct these rows, or pass time_format='%d/%m/%Y %H:%M' for another spelling",
            )
        )
    aware = texts.rows(read.aware)
    if aware.any():
        _check_awareness(aware, texts.rows(~read.aware), name)
        if form is None:
            _check_offsets(offsets(texts.texts), read.us, texts.codes, tz, name)
    us = read.us[texts.codes]
    if texts.missing is not None:
        us = np.where(texts.missing, 0, us)
    floored = int(np.count_nonzero(texts.rows(read.floored)))
    if aware.any():
        return TimeColumn(us, texts.missing, floored)
    return TimeColumn(_local(us, texts.missing, tz, name), texts.missing, floored, naive=True)


def _check_awareness(aware: NDArray[np.bool_], naive: NDArray[np.bool_], name: str) -> None:
    """Refuse times of which only some carry a zone."""
    if not (aware.any() and naive.any()):
        return
    rarer = aware if aware.sum() < naive.sum() else naive
    raise TimeError(
        message(
            f"column {name!r} mixes {int(aware.sum())} times with a zone and {int(naive.sum())} without "
            f"(the rarer in {named_rows(rarer)})",
            "all of them, or none, carry a zone",
            f"pandas.to_datetime(frame[{name!r}], utc=True) if those without are UTC",
        )
    )


def _check_offsets(minutes: NDArray[np.int64], us: NDArray[np.int64], codes: NDArray[Any], tz: str, name: str) -> None:
    """Refuse several offsets, unless they are those the zone of the log has at these times."""
    distinct, ranks = np.unique(minutes, return_inverse=True)
    if len(distinct) < 2 or np.array_equal((wall_clock(us, tz) - us) // 60_000_000, minutes):
        return
    counts = np.bincount(ranks[codes])
    listed = [f"{count} at UTC{offset / 60:+g}" for offset, count in zip(distinct, counts, strict=True)]
    rarest = ranks[codes] == int(np.argmin(counts))
    raise TimeError(
        message(
            f"column {name!r} mixes {len(distinct)} zones: {some(listed)} hours (the rarest in {named_rows(rarest)})",
            f"one offset was expected, or those of {tz}",
            f"pandas.to_datetime(frame[{name!r}], utc=True)",
        )
    )


def _from_objects(values: NDArray[np.object_], tz: str, name: str) -> TimeColumn:
    """Read Python time objects one by one: they may carry any zone each."""
    missing = np.asarray(pd.isna(values))
    strays = [value for value in values[~missing] if not isinstance(value, (dt.date, np.datetime64))]
    if strays:
        raise SchemaError(_wrong_type(name, f"mixed objects: {type_counts(values)}"))
    stamps = [pd.Timestamp(value) for value in values[~missing]]
    rows = np.flatnonzero(~missing)
    aware = np.zeros(len(values), dtype=bool)
    aware[rows] = [stamp.tzinfo is not None for stamp in stamps]
    _check_awareness(aware, ~aware & ~missing, name)
    us = np.zeros(len(values), dtype=np.int64)
    wall = [stamp.tz_localize(None).floor("us").as_unit("us").asm8 for stamp in stamps]
    us[rows] = np.array(wall, dtype="M8[us]").astype(np.int64)
    absent = missing if missing.any() else None
    floored = sum(stamp.nanosecond > 0 for stamp in stamps)
    if not aware.any():
        return TimeColumn(_local(us, absent, tz, name), absent, floored, naive=True)
    ahead = [stamp.utcoffset() // dt.timedelta(microseconds=1) for stamp in stamps]  # type: ignore[operator]
    us[rows] -= np.array(ahead, dtype=np.int64)
    minutes = np.zeros(len(values), dtype=np.int64)
    minutes[rows] = np.array(ahead, dtype=np.int64) // 60_000_000
    _check_offsets(minutes[rows], us[rows], np.arange(len(rows)), tz, name)
    return TimeColumn(us, absent, floored)


def _wrong_type(name: str, found: str) -> str:
    return message(
        f"column {name!r} holds {found}, not times",
        "timestamps, dates or ISO 8601 texts were expected",
        f"pandas.to_datetime(frame[{name!r}], unit='s') if it counts seconds",
    )
