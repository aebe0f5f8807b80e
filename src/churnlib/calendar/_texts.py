"""Times written as texts: each distinct spelling is read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from churnlib.exceptions import ParameterError, message

__all__ = ["MOVING", "DistinctTexts", "ReadTexts", "offsets", "read_texts"]

# Pandas reads these as the moment of reading: data that change from run to run are no data.
MOVING = frozenset({"now", "today"})

# A clock time followed by Z or an offset from UTC; a bare date never matches.
_AWARE = r"\d[Tt ]\d{2}.*([Zz]|[+-]\d{2}(:?\d{2})?)\s*$"
_OFFSET = r"(?P<offset>[Zz]|[+-]\d{2}(?::?\d{2})?)\s*$"


@dataclass(frozen=True, slots=True)
class DistinctTexts:
    """The distinct texts of a column, and which row holds which.

    Dates and hours repeat a thousandfold; exact seconds hardly ever do, and
    then the codes cost little beside the reading.

    Parameters
    ----------
    texts : pyarrow.Array
        The distinct texts.
    codes : ndarray of int32
        Row to text; 0 where the row has none.
    missing : ndarray of bool or None
        Which rows have none; None when all do.

    Examples
    --------
    >>> DistinctTexts.of(pa.chunked_array([["a", "b", "a"]])).codes
    array([0, 1, 0], dtype=int32)
    """

    texts: pa.Array
    codes: NDArray[np.int32]
    missing: NDArray[np.bool_] | None

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> DistinctTexts:
        """Find the distinct texts of a column."""
        missing = column.is_null().to_numpy() if column.null_count else None
        whole = column.combine_chunks()
        if isinstance(whole, pa.ChunkedArray):  # pyarrow returns a column without rows as it is
            whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], column.type)
        encoded = whole.dictionary_encode()
        codes = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
        return cls(encoded.dictionary, codes, missing)

    def rows(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Turn a mask over the texts into one over the rows; rows without a text are never in it."""
        chosen = mask[self.codes]
        return chosen if self.missing is None else chosen & ~self.missing


@dataclass(frozen=True, slots=True)
class ReadTexts:
    """What texts mean: instants of UTC where they say an offset, else the wall clock.

    Parameters
    ----------
    us : ndarray of int64
        Microseconds since 1970; 0 where unreadable.
    floored, aware, unreadable : ndarray of bool
        Which texts were finer than a microsecond, say an offset, or are no time.

    Examples
    --------
    >>> read_texts(pa.array(["1970-01-01T01:00+01:00"])).us
    array([0])
    """

    us: NDArray[np.int64]
    floored: NDArray[np.bool_]
    aware: NDArray[np.bool_]
    unreadable: NDArray[np.bool_]


def read_texts(texts: pa.Array, form: str | None = None) -> ReadTexts:
    """Read texts by ISO 8601, or by a format.

    Parameters
    ----------
    texts : pyarrow.Array
        Texts, none missing.
    form : str or None, default=None
        A strptime format.

    Returns
    -------
    ReadTexts
        What each means.

    Raises
    ------
    ParameterError
        When the format is none.

    Examples
    --------
    >>> read_texts(pa.array(["02/01/1970", "soon"]), "%d/%m/%Y").unreadable
    array([False,  True])
    """
    none = np.zeros(len(texts), dtype=bool)
    if form is None:
        aware = pc.match_substring_regex(texts, _AWARE).to_numpy(zero_copy_only=False)
    else:
        aware = np.full(len(texts), "%z" in form.lower())
    if form is None and not aware.any():
        try:
            us = texts.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
            return ReadTexts(us, none, aware, none)
        except pa.ArrowInvalid:  # another ISO spelling, or an unreadable text: what follows tells which
            pass
    listed = pd.Series(texts.to_pylist(), dtype=object).str.strip()
    parsed = _parsed(listed.mask(listed.str.lower().isin(MOVING)), form)
    stamps = pd.DatetimeIndex(parsed).tz_localize(None)
    unreadable = np.asarray(stamps.isna())
    counts = np.where(unreadable, 0, stamps.asi8)
    if stamps.unit == "ns":
        us = counts // 1_000
        return ReadTexts(us, us * 1_000 != counts, aware, unreadable)
    return ReadTexts(np.where(unreadable, 0, stamps.as_unit("us").asi8), none, aware, unreadable)


def _parsed(listed: pd.Series[Any], form: str | None) -> pd.Series[Any]:
    try:
        return pd.to_datetime(listed, format=form or "ISO8601", errors="coerce", utc=True)
    except ValueError as error:
        raise ParameterError(
            message(
                f"time_format={form!r} is no format of times ({error})",
                "a format as of datetime.strptime was expected",
                "time_format='%d/%m/%Y %H:%M'",
            )
        ) from None


def offsets(texts: pa.Array) -> NDArray[np.int64]:
    """Read the offsets from UTC that texts end with.

    Parameters
    ----------
    texts : pyarrow.Array
        Texts that say an offset.

    Returns
    -------
    ndarray of int64
        Minutes ahead of UTC.

    Examples
    --------
    >>> offsets(pa.array(["2025-01-01T00:00Z", "2025-01-01T00:00-0330"]))
    array([   0, -210])
    """
    ends: list[Any] = pc.struct_field(pc.extract_regex(texts, _OFFSET), "offset").to_pylist()
    return np.array([_minutes(end) for end in ends], dtype=np.int64)


def _minutes(offset: str) -> int:
    if offset in {"Z", "z"}:
        return 0
    digits = offset[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return -minutes if offset[0] == "-" else minutes
