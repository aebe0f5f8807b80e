"""Money: any column of amounts to exact integers at one decimal scale."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from churnlib._checks import named_rows
from churnlib._frames import Column, to_numpy, type_counts
from churnlib.exceptions import MoneyError, SchemaError, message, some

__all__ = ["MAX_SCALE", "Amounts", "coarsest", "exact_sum", "low_words", "multiply", "read_amounts", "rescale"]

MAX_SCALE = 6
_INT64_MAX = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Amounts as integers: the value of row i is ``minor[i] / 10**scale``.

    Parameters
    ----------
    minor : ndarray of int64
        Whole units of the last decimal; 0 where missing.
    scale : int
        Number of decimals, 0 to 6.
    missing : ndarray of bool or None
        Which rows have no amount; None when all do.

    Examples
    --------
    >>> read_amounts(pa.chunked_array([[1.5, 2.25]]), name="total")
    Amounts(minor=array([150, 225]), scale=2, missing=None)
    """

    minor: NDArray[np.int64]
    scale: int
    missing: NDArray[np.bool_] | None


def read_amounts(column: Column, *, name: str) -> Amounts:
    """Read a column of amounts exactly, at the coarsest scale that holds every row.

    A float stands for the shortest decimal number it is the nearest float of:
    with m = round(x · 10ᵏ), x has k decimals iff m / 10ᵏ is x again. That holds
    while neighbouring floats lie no further apart than 10⁻ᵏ, that is for m up to
    about 2⁵³ (2²⁴ for 32-bit floats); larger ones are refused.

    Parameters
    ----------
    column : pyarrow.ChunkedArray or ndarray of object
        Integers, floats, decimals, or Python numbers of these kinds.
    name : str
        The column's name, for messages.

    Returns
    -------
    Amounts
        Exact integers at one scale.

    Raises
    ------
    SchemaError
        When the column does not hold numbers.
    MoneyError
        When a number is infinite, has more than six decimals, or is too large
        to be exact.

    Examples
    --------
    >>> read_amounts(pa.chunked_array([[Decimal("0.10"), None]]), name="total")
    Amounts(minor=array([1, 0]), scale=1, missing=array([False,  True]))
    """
    if isinstance(column, np.ndarray):
        return _from_objects(column, name)
    kind = column.type
    if pa.types.is_dictionary(kind):
        return read_amounts(column.cast(kind.value_type), name=name)
    if pa.types.is_null(kind):
        return Amounts(np.zeros(len(column), dtype=np.int64), 0, np.ones(len(column), dtype=bool))
    if pa.types.is_floating(kind):
        return _from_floats(column, name)
    missing = column.is_null().to_numpy() if column.null_count else None
    if pa.types.is_integer(kind):
        filled = column if missing is None else column.fill_null(0)
        return Amounts(_as_int64(to_numpy(filled), name), 0, missing)
    if pa.types.is_decimal(kind):
        minor, scale = _from_decimals(column, name)
        return Amounts(minor, scale, missing)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        raise SchemaError(_not_numbers(column, name))
    raise SchemaError(_wrong_type(name, str(kind)))


def multiply(quantity: Amounts, price: Amounts, *, name: str) -> Amounts:
    """Multiply quantities by prices in integers.

    Parameters
    ----------
    quantity, price : Amounts
        Of equal length.
    name : str
        How messages call the product.

    Returns
    -------
    Amounts
        The exact products at the coarsest scale that holds them; missing where
        either is.

    Raises
    ------
    MoneyError
        When a product has more than six decimals or leaves 64 bits.

    Examples
    --------
    >>> two = read_amounts(pa.chunked_array([[2, -1]]), name="quantity")
    >>> price = read_amounts(pa.chunked_array([[0.75, 3.0]]), name="price")
    >>> multiply(two, price, name="amount")
    Amounts(minor=array([ 15, -30]), scale=1, missing=None)
    """
    largest = _largest(quantity.minor) * _largest(price.minor)
    if largest > _INT64_MAX:
        products = quantity.minor.astype(object) * price.minor.astype(object)
        wide = np.array([abs(product) > _INT64_MAX for product in products])
        if wide.any():
            raise MoneyError(_too_large(name, wide))
    minor, scale = coarsest(quantity.minor * price.minor, quantity.scale + price.scale)
    if scale > MAX_SCALE:
        raise MoneyError(_too_fine(name, minor % 10 ** (scale - MAX_SCALE) != 0))
    missing = quantity.missing if price.missing is None else price.missing
    if quantity.missing is not None and price.missing is not None:
        missing = quantity.missing | price.missing
    if missing is not None:
        minor = np.where(missing, 0, minor)
    return Amounts(minor, scale, missing)


def coarsest(minor: NDArray[np.int64], scale: int) -> tuple[NDArray[np.int64], int]:
    """Drop the decimals that no amount uses.

    Parameters
    ----------
    minor : ndarray of int64
        Amounts at `scale`.
    scale : int
        Number of decimals.

    Returns
    -------
    minor : ndarray of int64
        The same amounts at the scale returned.
    scale : int
        The smallest that holds every amount.

    Examples
    --------
    >>> coarsest(np.array([1500, 20]), 3)
    (array([150,   2]), 2)
    """
    while scale and not (minor[:1024] % 10).any() and not (minor % 10).any():
        minor, scale = minor // 10, scale - 1
    return minor, scale


def rescale(minor: NDArray[np.int64], scale: int, to: int, *, name: str = "amount") -> NDArray[np.int64]:
    """Express amounts with more decimals.

    Parameters
    ----------
    minor : ndarray of int64
        Amounts at `scale`.
    scale, to : int
        The decimals they have, and those they shall have.
    name : str, default="amount"
        How messages call them.

    Returns
    -------
    ndarray of int64
        The same amounts at the finer scale.

    Raises
    ------
    MoneyError
        When an amount leaves 64 bits at that scale.

    Examples
    --------
    >>> rescale(np.array([15]), 1, 3)
    array([1500])
    """
    factor = 10 ** (to - scale)
    if _largest(minor) * factor > _INT64_MAX:
        raise MoneyError(_too_large(name, np.abs(minor) > _INT64_MAX // factor))
    return minor * factor if factor > 1 else minor


def exact_sum(minor: NDArray[np.int64], scale: int) -> Decimal:
    """Add amounts up without rounding or overflow.

    Parameters
    ----------
    minor : ndarray of int64
        Amounts at `scale`.
    scale : int
        Number of decimals.

    Returns
    -------
    Decimal
        Their sum.

    Examples
    --------
    >>> exact_sum(np.array([2**62, 2**62, 2**62]), 1)
    Decimal('1383505805528216371.2')
    """
    if _largest(minor) * len(minor) <= _INT64_MAX:
        total = int(minor.sum())
    else:  # two halves of 32 bits each: neither sum can leave 64 bits
        total = (int((minor >> 32).sum()) << 32) + int((minor & 0xFFFF_FFFF).sum())
    return Decimal(total).scaleb(-scale)


def _largest(minor: NDArray[np.int64]) -> int:
    return max(abs(int(minor.min())), abs(int(minor.max()))) if len(minor) else 0


def _as_int64(values: NDArray[Any], name: str) -> NDArray[np.int64]:
    if values.dtype == np.uint64 and len(values) and int(values.max()) > _INT64_MAX:
        raise MoneyError(_too_large(name, values > np.uint64(_INT64_MAX)))
    return values.astype(np.int64, copy=False)


def _from_floats(column: pa.ChunkedArray, name: str) -> Amounts:
    values = np.asarray(column.to_numpy())
    missing = np.isnan(values)
    values = np.where(missing, values.dtype.type(0), values) if missing.any() else values
    infinite = np.isinf(values)
    if infinite.any():
        raise MoneyError(
            message(
                f"{int(infinite.sum())} amounts in column {name!r} are infinite ({named_rows(infinite)})",
                "finite amounts were expected",
                f"frame[{name!r}].replace([np.inf, -np.inf], np.nan) and missing_amount='zero'",
            )
        )
    scale, unmet = 0, np.arange(len(values))
    left = values
    while True:
        unmet, left = _without_decimals(left, unmet, scale)
        if not len(unmet):
            break
        scale += 1
        if scale > MAX_SCALE:
            raise MoneyError(_too_fine(name, unmet, left))
    # Where neighbouring floats lie further apart than the last decimal, several amounts share one float.
    coarse = np.spacing(np.abs(values)).astype(np.float64) * 10.0**scale > 1
    if coarse.any():
        raise MoneyError(_beyond_float(name, coarse, scale))
    minor = _rounded(values, scale).astype(np.int64)
    return Amounts(minor, scale, missing if missing.any() else None)


def _rounded(values: NDArray[Any], scale: int) -> NDArray[np.float64]:
    return cast("NDArray[np.float64]", np.rint(values.astype(np.float64, copy=False) * 10.0**scale))


def _without_decimals(values: NDArray[Any], rows: NDArray[Any], scale: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Keep the rows whose value needs more than `scale` decimals."""
    back = (_rounded(values, scale) / 10.0**scale).astype(values.dtype, copy=False)
    finer = back != values
    return rows[finer], values[finer]


def _from_decimals(column: pa.ChunkedArray, name: str) -> tuple[NDArray[np.int64], int]:
    kind = column.type
    if kind.precision <= 18 and kind.scale >= 0 and pa.types.is_decimal128(kind):
        minor = np.concatenate([low_words(chunk) for chunk in column.chunks] or [np.empty(0, dtype=np.int64)])
        scale = kind.scale
        minor, scale = coarsest(minor, scale)
        if scale > MAX_SCALE:
            raise MoneyError(_too_fine(name, minor % 10 ** (scale - MAX_SCALE) != 0))
        return minor, scale
    return _from_python(cast("list[Decimal | None]", column.to_pylist()), name)


def low_words(chunk: pa.Array) -> NDArray[np.int64]:
    """Read the low 64 bits of 128-bit decimals: with up to 18 digits they are the whole number."""
    words = np.frombuffer(chunk.buffers()[1], dtype=np.int64)
    low = words[2 * chunk.offset : 2 * (chunk.offset + len(chunk)) : 2]
    if chunk.null_count:
        return np.where(chunk.is_null().to_numpy(zero_copy_only=False), 0, low)
    return low.copy()


def _from_objects(values: NDArray[np.object_], name: str) -> Amounts:
    missing = np.asarray(pd.isna(values))
    numbers = (int, float, Decimal, np.integer, np.floating)
    strays = [value for value in values[~missing] if isinstance(value, bool) or not isinstance(value, numbers)]
    if strays:
        raise SchemaError(_wrong_type(name, f"mixed objects: {type_counts(values)}"))
    # repr of a float is the shortest decimal number that reads back as it.
    listed = [
        None
        if gone
        else value
        if isinstance(value, Decimal)
        else Decimal(repr(float(value)))
        if isinstance(value, (float, np.floating))
        else Decimal(int(value))
        for value, gone in zip(values, missing, strict=True)
    ]
    minor, scale = _from_python(listed, name)
    return Amounts(minor, scale, missing if missing.any() else None)


def _from_python(values: list[Decimal | None], name: str) -> tuple[NDArray[np.int64], int]:
    """Convert decimals one by one: for those wider than 64 bits, and for loose objects."""
    infinite = np.array([value is not None and not value.is_finite() for value in values], dtype=bool)
    if infinite.any():
        raise MoneyError(
            message(
                f"{int(infinite.sum())} amounts in column {name!r} are not finite ({named_rows(infinite)})",
                "finite amounts were expected",
                f"frame[{name!r}].mask(...) and missing_amount='zero'",
            )
        )
    decimals = [0 if value is None else _decimals(value) for value in values]
    scale = max(decimals, default=0)
    if scale > MAX_SCALE:
        raise MoneyError(_too_fine(name, np.array(decimals) > MAX_SCALE))
    minor = [0 if value is None else int(value.scaleb(scale)) for value in values]
    wide = np.array([abs(number) > _INT64_MAX for number in minor], dtype=bool)
    if wide.any():
        raise MoneyError(_too_large(name, wide))
    return np.array(minor, dtype=np.int64), scale


def _decimals(value: Decimal) -> int:
    """Count the decimals a number needs, without trailing zeros."""
    _, digits, exponent = value.as_tuple()
    trailing = 0
    for digit in reversed(digits):
        if digit:
            break
        trailing += 1
    return 0 if not value else max(0, -(cast("int", exponent) + trailing))


def _wrong_type(name: str, found: str) -> str:
    return message(
        f"column {name!r} holds {found}, not numbers",
        "integers, decimals or floats were expected",
        f"pandas.to_numeric(frame[{name!r}])",
    )


def _not_numbers(column: pa.ChunkedArray, name: str) -> str:
    """Name the texts that are no numbers, where they are few among many that are."""
    texts = pd.Series(column.to_pylist(), dtype=object)
    strays = pd.to_numeric(texts, errors="coerce").isna().to_numpy() & texts.notna().to_numpy()
    if strays.all() and any("," in text for text in texts[strays]):
        shown = some([repr(text) for text in texts[strays][:3]])
        return message(
            f"column {name!r} holds texts with commas, not numbers ({shown})",
            "integers, decimals or floats were expected",
            f"pandas.to_numeric(frame[{name!r}].str.replace(',', '.')) where the comma is the decimal mark",
        )
    if not strays.any() or strays.all():
        return _wrong_type(name, "texts")
    return message(
        f"column {name!r} holds texts, and {int(strays.sum())} of {len(texts):,} are no numbers "
        f"({named_rows(strays)}: {some([repr(text) for text in texts[strays][:3]])})",
        "integers, decimals or floats were expected",
        f"correct these rows, then pandas.to_numeric(frame[{name!r}])",
    )


def _too_fine(name: str, rows: NDArray[Any], values: NDArray[Any] | None = None) -> str:
    count = int(rows.sum()) if rows.dtype == bool else len(rows)
    shown = "" if values is None else f": {some(values[:3].tolist(), 3)}"
    return message(
        f"{count} amounts in {name!r} have more than {MAX_SCALE} decimals ({named_rows(rows)}{shown})",
        "money is an exact number of decimals",
        f"frame[{name!r}].round(2), or pass quantity= and price= instead of their product",
    )


def _too_large(name: str, rows: NDArray[Any]) -> str:
    return message(
        f"{int(rows.sum())} amounts in {name!r} do not fit 64 bits at the scale of the column ({named_rows(rows)})",
        f"amounts stay below {_INT64_MAX:,} units of the last decimal",
        f"give {name!r} in a larger unit",
    )


def _beyond_float(name: str, rows: NDArray[Any], scale: int) -> str:
    return message(
        f"{int(rows.sum())} amounts in {name!r} are floats too large to be exact at {scale} decimals "
        f"({named_rows(rows)})",
        "a float holds about 15 digits",
        f"pass decimal.Decimal values or integers of the smallest unit in {name!r}",
    )
