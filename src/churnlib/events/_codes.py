"""Values to codes: every distinct value of a column gets its rank as a small integer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from churnlib._checks import named_rows
from churnlib._frames import Column, to_numpy, type_counts
from churnlib.events._order import take
from churnlib.exceptions import SchemaError, message

__all__ = ["Coded", "as_index", "compact", "encode"]

# Largest table of one byte per possible id; beyond it a hash table is used.
_TABLE_LIMIT = 1 << 28


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as codes into its sorted distinct values.

    Parameters
    ----------
    codes : ndarray of int32
        Rank of each row's value; -1 where the value is missing.
    values : pandas.Index
        The distinct values, ascending.
    missing : ndarray of bool or None
        Which rows have no value; None when all do.
    integral : int, default=0
        How many rows held a whole number as a float, now an integer.

    Examples
    --------
    >>> coded = encode(pa.chunked_array([["b", "a", "b"]]), name="kind")
    >>> coded.codes, list(coded.values)
    (array([1, 0, 1], dtype=int32), ['a', 'b'])
    """

    codes: NDArray[np.int32]
    values: pd.Index[Any]
    missing: NDArray[np.bool_] | None
    integral: int = 0


def encode(column: Column, *, name: str) -> Coded:
    """Code a column of ids or names by the rank of their values.

    Integers stay integers (64 bits wide), texts stay texts; whole numbers
    stored as floats become integers and are counted. An empty text is missing.

    Parameters
    ----------
    column : pyarrow.ChunkedArray or ndarray of object
        Texts, integers, whole floats or decimals, or categories of these.
    name : str
        The column's name, for messages.

    Returns
    -------
    Coded
        Codes and their values.

    Raises
    ------
    SchemaError
        When the column mixes types, holds fractions, or is of a type that
        identifies nothing.

    Examples
    --------
    >>> encode(pa.chunked_array([[7.0, None, 3.0]]), name="id").codes
    array([ 1, -1,  0], dtype=int32)
    """
    if isinstance(column, np.ndarray):
        found = type_counts(column)
        raise SchemaError(
            message(
                f"column {name!r} {'mixes types' if ',' in found else 'holds objects'}: {found}",
                "a column is all texts or all integers of 64 bits",
                _as_texts(name),
            )
        )
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _from_categories(column, name)
    if pa.types.is_null(kind):
        return Coded(np.full(len(column), -1, dtype=np.int32), pd.Index([]), np.ones(len(column), dtype=bool))
    if pa.types.is_integer(kind):
        return _from_integers(column)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _from_numbers(column, name)
    if _is_text(kind):
        return _from_categories(column.cast(pa.large_string()).dictionary_encode(), name)
    raise SchemaError(message(f"column {name!r} holds {kind}", "texts or integers were expected", _as_texts(name)))


def as_index(values: Any) -> pd.Index[Any]:
    """Make the Index of sorted values: integers 64 bits wide, texts in pandas' own type.

    Parameters
    ----------
    values : array-like
        Distinct values in ascending order.

    Returns
    -------
    pandas.Index
        The index.

    Examples
    --------
    >>> as_index(np.array([1, 5], dtype=np.int8)).dtype
    dtype('int64')
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu":
        wide = np.uint64 if len(values) and int(values.max()) > np.iinfo(np.int64).max else np.int64
        return pd.Index(values.astype(wide))
    index: pd.Index[Any] = pd.Index(values)
    return index


def compact(codes: NDArray[Any], values: pd.Index[Any]) -> tuple[NDArray[Any], pd.Index[Any]]:
    """Drop the values no code points to.

    Parameters
    ----------
    codes : ndarray of int
        Codes into `values`; -1 points to nothing and stays.
    values : pandas.Index
        The values, ascending.

    Returns
    -------
    codes : ndarray of int
        The codes into what is left, of the same width.
    values : pandas.Index
        The values in use.

    Examples
    --------
    >>> compact(np.array([2, -1, 2]), pd.Index(["a", "b", "c"]))[0]
    array([ 0, -1,  0])
    """
    used = np.zeros(len(values) + 1, dtype=bool)
    used[codes] = True  # code -1 marks the spare last place
    if used[:-1].all():
        return codes, values
    ranks = np.cumsum(used[:-1]) - 1
    table = np.append(ranks, -1).astype(codes.dtype)
    return table[codes], values[used[:-1]]


def _as_texts(name: str) -> str:
    # astype(str) would make a customer called "nan" of the rows that name none.
    return f"frame[{name!r}].astype('string')"


def _is_text(kind: pa.DataType) -> bool:
    view = getattr(pa.types, "is_string_view", None)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or (view is not None and view(kind)))


def _from_integers(column: pa.ChunkedArray) -> Coded:
    missing = column.is_null().to_numpy() if column.null_count else None
    if missing is None:
        codes, values = _rank(to_numpy(column))
        return Coded(codes, values, None)
    present, values = _rank(to_numpy(column.drop_null()))
    codes = np.full(len(column), -1, dtype=np.int32)
    codes[~missing] = present
    return Coded(codes, values, missing)


def _rank(numbers: NDArray[Any]) -> tuple[NDArray[np.int32], pd.Index[Any]]:
    """Rank integers: by a table of presence where the range allows, which needs no hashing and no sort."""
    if not len(numbers):
        return np.empty(0, dtype=np.int32), as_index(numbers)
    low, high = int(numbers.min()), int(numbers.max())
    span = high - low + 1
    if span <= min(_TABLE_LIMIT, 16 * len(numbers) + 65_536):
        shifted = _from_zero(numbers, low)
        seen = np.zeros(span, dtype=bool)
        seen[shifted] = True
        ranks = np.cumsum(seen, dtype=np.int32)
        ranks -= 1
        present = np.flatnonzero(seen)
        values = present.astype(np.uint64) + np.uint64(low) if numbers.dtype == np.uint64 else present + low
        return take(ranks, shifted), as_index(values)
    codes, distinct = pd.factorize(numbers)
    order = np.argsort(distinct)
    ranks = np.empty(len(order), dtype=np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    return ranks[codes], as_index(distinct[order])


def _from_zero(numbers: NDArray[Any], low: int) -> NDArray[Any]:
    """Shift integers to start at 0; ten million that do already are not copied."""
    if low == 0:
        return numbers
    if numbers.dtype == np.uint64:
        return (numbers - np.uint64(low)).astype(np.int64)
    return numbers.astype(np.int64, copy=False) - low


def _from_numbers(column: pa.ChunkedArray, name: str) -> Coded:
    """Take whole numbers that were stored as floats or decimals for the integers they are."""
    floats = np.asarray(column.cast(pa.float64()).to_numpy())
    missing = np.isnan(floats)
    fraction = ~missing & ((np.trunc(floats) != floats) | (np.abs(floats) > 2.0**53))
    if fraction.any():
        raise SchemaError(
            message(
                f"{int(fraction.sum())} values of column {name!r}, {column.type}, are not whole numbers below 2⁵³ "
                f"({named_rows(fraction)})",
                "ids are texts or whole numbers",
                _as_texts(name),
            )
        )
    whole = pa.chunked_array([pa.array(np.where(missing, 0, floats).astype(np.int64), mask=missing)])
    coded = _from_integers(whole)
    return Coded(coded.codes, coded.values, coded.missing, integral=int(np.count_nonzero(~missing)))


def _from_categories(column: pa.ChunkedArray, name: str) -> Coded:
    """Rank the dictionary, which is small, and look the rows up in it."""
    unified = column.unify_dictionaries()
    if not unified.num_chunks:
        return Coded(np.empty(0, dtype=np.int32), pd.Index([]), None)
    dictionary = unified.chunk(0).dictionary
    indices = pa.chunked_array([chunk.indices for chunk in unified.chunks])
    missing = indices.is_null().to_numpy() if indices.null_count else None
    raw = to_numpy(pc.fill_null(indices, 0) if missing is not None else indices)
    if _is_text(dictionary.type):
        ranks, values = _rank_texts(dictionary)
    else:
        inner = encode(pa.chunked_array([dictionary]), name=name)
        ranks, values = inner.codes, inner.values
    codes = take(ranks, raw) if len(ranks) else np.full(len(raw), -1, dtype=np.int32)
    if missing is not None:
        codes = np.where(missing, np.int32(-1), codes)
    if missing is not None or (len(ranks) and int(ranks.min()) < 0):
        missing = codes < 0
    codes, values = compact(codes, values)
    return Coded(codes, values, missing if missing is not None and missing.any() else None)


def _rank_texts(dictionary: pa.Array) -> tuple[NDArray[np.int32], pd.Index[Any]]:
    """Rank texts by code point, the one order all engines share; empty ones get -1."""
    present = dictionary.filter(pc.fill_null(pc.not_equal(pc.utf8_length(dictionary), 0), fill_value=False))
    distinct = pc.unique(present)
    ordered = distinct.take(pc.sort_indices(distinct))
    ranks = pc.fill_null(pc.index_in(dictionary, value_set=ordered), -1).to_numpy(zero_copy_only=False)
    return ranks.astype(np.int32), pd.Index(ordered.to_pylist())
