"""Time columns: any spelling of many points in time, to microseconds of UTC."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from churnlib._checks import named_rows
from churnlib._frames import Column, to_numpy, type_counts
from churnlib.calendar._instants import EARLIEST_US, LATEST_US, localize, wall_clock
from churnlib.exceptions import SchemaError, TimeError, message, some

__all__ = ["TimeColumn", "read_times"]

_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
# A clock time followed by Z or an offset; a bare date never matches.
_AWARE = r"\d[Tt ]\d{2}.*([Zz]|[+-]\d{2}(:?\d{2})?)\s*$"
_OFFSET = r"(?P<offset>[Zz]|[+-]\d{2}(?::?\d{2})?)\s*$"


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
        A strptime format for texts that are not ISO 8601.

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
    >>> times.us[0] == 1740787200000000, times.missing
    (np.True_, array([False,  True]))
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
                f"{int(outside.sum())} times in column {name!r} lie outside the years 1 to 9999 ({named_rows(outside)})",
                "a calendar date was expected; often the unit of a number was mistaken",
                f"pandas.to_datetime(frame[{name!r}].astype('int64'), unit='s')",
            )
        )
    return (counts if unit == "us" else counts * (1_000_000 // per_second)), 0


def _local(
    wall: NDArray[np.int64], missing: NDArray[np.bool_] | None, tz: str, name: str
) -> NDArray[np.int64]:
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
                f"frame[{name!r}].dt.tz_localize({tz!r}, ambiguous=True, nonexistent='shift_forward')",
            )
        )
    return us


def _from_texts(column: pa.ChunkedArray, tz: str, name: str, form: str | None) -> TimeColumn:
    """Read each distinct text once."""
    missing = column.is_null().to_numpy() if column.null_count else None
    # Dates and hours repeat a thousandfold; exact seconds hardly ever do, and then the codes cost little.
    encoded = column.combine_chunks().dictionary_encode() if not isinstance(column, pa.ChunkedArray) else None
    encoded = encoded or _one_chunk(column).dictionary_encode()
    texts = encoded.dictionary
    codes = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
    if not len(texts):
        return TimeColumn(np.zeros(len(column), dtype=np.int64), missing)
    read, floored, aware, bad = _parse_texts(texts, form)
    in_rows = bad[codes] if missing is None else bad[codes] & ~missing
    if in_rows.any():
        examples = some([repr(text) for text in column.filter(pa.array(in_rows)).slice(0, 3).to_pylist()], 3)
        raise TimeError(
            message(
                f"{int(in_rows.sum())} times in column {name!r} cannot be read ({named_rows(in_rows)}: {examples})",
                f"the format {form!r} was expected" if form else "ISO 8601 texts were expected",
                "correct these rows, or pass time_format='%d/%m/%Y %H:%M' for another spelling",
            )
        )
    row_aware = aware[codes] if missing is None else aware[codes] | missing
    if aware.any() and not row_aware.all():
        raise TimeError(_mixed_awareness(name, aware[codes], ~row_aware))
    us = read[codes]
    lost = int(np.count_nonzero(floored[codes] if missing is None else floored[codes] & ~missing))
    if not aware.any():
        return TimeColumn(_local(us, missing, tz, name), missing, lost, naive=True)
    _check_offsets(_offsets(texts), read, codes, tz, name)
    return TimeColumn(us, missing, lost)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined


def _parse_texts(
    texts: pa.Array, form: str | None
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return microseconds, and which texts were floored, aware and unreadable."""
    aware = pc.match_substring_regex(texts, _AWARE).to_numpy(zero_copy_only=False)
    none = np.zeros(len(texts), dtype=bool)
    if form is None and not aware.any():
        try:
            return texts.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy(), none, aware, none
        except pa.ArrowInvalid:  # another ISO spelling, or an unreadable text: the slow path tells which
            pass
    listed = pd.Series(texts.to_pylist(), dtype=object).str.strip()
    parsed = pd.DatetimeIndex(
        pd.to_datetime(listed, format=form or "ISO8601", errors="coerce", utc=True)
    ).tz_localize(None)
    bad = np.asarray(parsed.isna())
    counts = np.where(bad, 0, parsed.asi8)
    if parsed.unit != "ns":
        return np.where(bad, 0, parsed.as_unit("us").asi8), none, aware, bad
    us = counts // 1_000
    return us, us * 1_000 != counts, aware, bad


def _offsets(texts: pa.Array) -> NDArray[np.int64]:
    """Read the offsets from UTC, in minutes, that texts end with."""
    found = pc.extract_regex(texts, _OFFSET).field("offset").to_pylist()
    return np.array([_minutes(offset) for offset in found], dtype=np.int64)


def _minutes(offset: str) -> int:
    if offset in {"Z", "z"}:
        return 0
    digits = offset[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return -minutes if offset[0] == "-" else minutes


def _check_offsets(
    minutes: NDArray[np.int64], us: NDArray[np.int64], codes: NDArray[Any], tz: str, name: str
) -> None:
    """Refuse several offsets, unless they are those the zone of the log has at these times."""
    distinct = np.unique(minutes)
    if len(distinct) < 2 or np.array_equal((wall_clock(us, tz) - us) // 60_000_000, minutes):
        return
    counts = np.bincount(np.searchsorted(distinct, minutes[codes]), minlength=len(distinct))
    listed = [f"{count} at UTC{offset / 60:+g}" for offset, count in zip(distinct, counts, strict=True)]
    rare = minutes[codes] == distinct[int(np.argmin(counts))]
    raise TimeError(
        message(
            f"column {name!r} mixes {len(distinct)} time zones: {some(listed)} hours (the rarest in {named_rows(rare)})",
            f"one offset was expected, or those of {tz}",
            f"pandas.to_datetime(frame[{name!r}], utc=True)",
        )
    )


def _mixed_awareness(name: str, aware: NDArray[np.bool_], naive: NDArray[np.bool_]) -> str:
    rarer = aware if aware.sum() < naive.sum() else naive
    return message(
        f"column {name!r} mixes {int(aware.sum())} times with a zone and {int(naive.sum())} without "
        f"(the rarer in {named_rows(rarer)})",
        "all of them, or none, carry a zone",
        f"pandas.to_datetime(frame[{name!r}], utc=True) if those without are UTC",
    )


def _from_objects(values: NDArray[np.object_], tz: str, name: str) -> TimeColumn:
    """Read Python time objects one by one: they may carry any zone each."""
    missing = np.asarray(pd.isna(values))
    present = values[~missing]
    strays = [value for value in present if not isinstance(value, (dt.date, np.datetime64))]
    if strays:
        raise SchemaError(_wrong_type(name, f"mixed objects: {type_counts(values)}"))
    stamps = [pd.Timestamp(value) for value in present]
    aware = np.zeros(len(values), dtype=bool)
    aware[~missing] = [stamp.tzinfo is not None for stamp in stamps]
    if aware.any() and (~aware & ~missing).any():
        raise TimeError(_mixed_awareness(name, aware, ~aware & ~missing))
    us = np.zeros(len(values), dtype=np.int64)
    wall = [stamp.tz_localize(None).as_unit("us").asm8 for stamp in stamps]
    us[~missing] = np.array(wall, dtype="M8[us]").astype(np.int64)
    # as_unit rounds the nanoseconds away from 1677 on only upwards or to nearest: put the floor back.
    rest = np.array([stamp.nanosecond for stamp in stamps], dtype=np.int64)
    floors = [stamp.tz_localize(None).floor("us").as_unit("us").asm8 for stamp in stamps] if rest.any() else wall
    us[~missing] = np.array(floors, dtype="M8[us]").astype(np.int64)
    masked = missing if missing.any() else None
    if not aware.any():
        return TimeColumn(_local(us, masked, tz, name), masked, int(np.count_nonzero(rest)), naive=True)
    offsets = [cast("dt.timedelta", stamp.utcoffset()) for stamp in stamps]
    minutes = np.array([int(offset.total_seconds() // 60) for offset in offsets], dtype=np.int64)
    seconds = np.array([int(offset.total_seconds()) for offset in offsets], dtype=np.int64)
    us[~missing] -= seconds * 1_000_000
    rows = np.flatnonzero(~missing)
    full = np.full(len(values), minutes[0], dtype=np.int64)
    full[rows] = minutes
    _check_offsets(full[rows], us[rows], np.arange(len(rows)), tz, name)
    return TimeColumn(us, masked, int(np.count_nonzero(rest)))


def _wrong_type(name: str, found: str) -> str:
    return message(
        f"column {name!r} holds {found}, not times",
        "timestamps, dates or ISO 8601 texts were expected",
        f"pandas.to_datetime(frame[{name!r}], unit='s') if it counts seconds",
    )
