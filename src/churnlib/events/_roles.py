"""Each role of a table's columns, read by its own rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from churnlib._checks import named_rows
from churnlib._frames import Column, to_numpy
from churnlib.calendar import read_times
from churnlib.events._codes import Coded, encode
from churnlib.events._counts import Counts
from churnlib.events._money import Amounts, multiply, read_amounts
from churnlib.events._rows import narrow
from churnlib.events._schema import Schema
from churnlib.exceptions import DataError, MoneyError, TimeError, message, some

__all__ = [
    "read_attribute",
    "read_currency",
    "read_customers",
    "read_event_ids",
    "read_instants",
    "read_kinds",
    "read_known",
    "read_money",
]


def read_customers(column: Column, schema: Schema, counts: Counts) -> Coded:
    who = encode(column, name=schema.customer)
    counts.note("customer ids were whole floats, now integers", who.integral)
    if who.missing is None:
        return who
    counts.null_customers = int(who.missing.sum())
    if schema.missing_customer == "error":
        raise DataError(
            message(
                f"{counts.null_customers} rows have no customer id in column {schema.customer!r} "
                f"({named_rows(who.missing)})",
                "every event belongs to a customer",
                "missing_customer='drop' refuses these rows and counts them",
            )
        )
    return who


def read_instants(column: Column, name: str, role: str, schema: Schema, counts: Counts) -> NDArray[np.int64]:
    times = read_times(column, schema.timezone, name=name, form=schema.time_format)
    if times.missing is not None and times.missing.any():
        raise TimeError(
            message(
                f"{int(times.missing.sum())} rows have no {role} in column {name!r} ({named_rows(times.missing)})",
                f"every event has a {role}",
                f"frame.dropna(subset=[{name!r}])",
            )
        )
    counts.note(f"values of {role} cut down to a microsecond", times.floored)
    counts.note(f"values of {role} without a zone, taken as {schema.timezone}", len(times.us) if times.naive else 0)
    return times.us


def read_known(
    columns: dict[str, Column], time: NDArray[np.int64], schema: Schema, counts: Counts
) -> NDArray[np.int64] | None:
    if schema.known_at is None:
        return None
    known = read_instants(columns["known_at"], schema.known_at, "known_at", schema, counts)
    counts.note("known before it happened, taken as known at its time", int(np.count_nonzero(known < time)))
    counts.note("known later than it happened", int(np.count_nonzero(known > time)))
    return np.maximum(known, time)


def read_kinds(column: Column | None, schema: Schema, n: int) -> tuple[NDArray[Any], tuple[str, ...]]:
    if column is None or schema.kind is None:
        return np.zeros(n, dtype=np.int8), ("event",)
    coded = encode(column, name=schema.kind)
    if coded.missing is not None:
        raise DataError(
            message(
                f"{int(coded.missing.sum())} rows have no kind in column {schema.kind!r} ({named_rows(coded.missing)})",
                "every event has a kind",
                f"frame[{schema.kind!r}].fillna('other')",
            )
        )
    # Numbers sort otherwise as texts: rank the texts.
    texts = np.array([str(value) for value in coded.values], dtype=object)
    order = np.argsort(texts)
    ranks = np.empty(len(texts), dtype=np.int32)
    ranks[order] = np.arange(len(texts), dtype=np.int32)
    codes = coded.codes if np.array_equal(ranks, np.arange(len(texts))) else ranks[coded.codes]
    return narrow(codes, len(texts)), tuple(texts[order])


def read_money(columns: dict[str, Column], schema: Schema, counts: Counts) -> Amounts | None:
    if not schema.has_money:
        return None
    if schema.amount is not None:
        name, money = schema.amount, read_amounts(columns["amount"], name=schema.amount)
    else:
        quantity = read_amounts(columns["quantity"], name=str(schema.quantity))
        price = read_amounts(columns["price"], name=str(schema.price))
        name = f"{schema.quantity} × {schema.price}"
        money = multiply(quantity, price, name=name)
    if money.missing is not None:
        missing = int(money.missing.sum())
        if schema.missing_amount == "error":
            raise MoneyError(
                message(
                    f"{missing} amounts are missing or NaN in {name!r} ({named_rows(money.missing)})",
                    "every event has an amount once the column is named",
                    "missing_amount='zero' if these events moved no money",
                )
            )
        counts.note("without amount, taken as zero", missing)
    negative = int(np.count_nonzero(money.minor < 0))
    if negative and schema.negative == "error":
        raise MoneyError(
            message(
                f"{negative} amounts in {name!r} are negative ({named_rows(money.minor < 0)})",
                "positive amounts were expected",
                "negative='refund' keeps them as refunds, with their sign",
            )
        )
    counts.note("negative amounts, kept as refunds", negative)
    return money


def read_attribute(column: Column, name: str) -> tuple[NDArray[Any], pd.Index[Any] | None]:
    """Read a dated attribute: numbers stay numbers, everything else is a category."""
    if isinstance(column, pa.ChunkedArray):
        kind = column.type
        if pa.types.is_boolean(kind):
            flags = encode(column.cast(pa.int8()), name=name)
            return flags.codes, pd.Index(flags.values.astype(bool))
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            numbers = column.cast(pa.float64(), safe=False)
            values = np.array(to_numpy(numbers.fill_null(np.nan)), dtype=np.float64)
            _check_attribute(values, column, name)
            values += 0.0  # -0.0 and 0.0 are one value
            values[np.isnan(values)] = np.nan
            return values, None
    coded = encode(column, name=name)
    return coded.codes, coded.values


def _check_attribute(values: NDArray[np.float64], column: pa.ChunkedArray, name: str) -> None:
    infinite = np.isinf(values)
    if infinite.any():
        raise DataError(
            message(
                f"{int(infinite.sum())} values of attribute {name!r} are infinite ({named_rows(infinite)})",
                "finite numbers were expected, or missing ones where nothing is stated",
                f"frame[{name!r}].replace([numpy.inf, -numpy.inf], numpy.nan)",
            )
        )
    large = np.abs(values) > 2.0**53
    if pa.types.is_integer(column.type) and large.any():
        raise DataError(
            message(
                f"{int(large.sum())} values of attribute {name!r} are integers beyond 2⁵³ ({named_rows(large)})",
                "a number that is an attribute is a 64-bit float; such integers are ids",
                f"frame[{name!r}].astype('string') makes categories of them",
            )
        )


def read_event_ids(column: Column, name: str) -> Coded:
    coded = encode(column, name=name)
    if coded.missing is not None:
        raise DataError(
            message(
                f"{int(coded.missing.sum())} rows have no event id in column {name!r} ({named_rows(coded.missing)})",
                "every event has an id once the column is named",
                "leave out event_id=",
            )
        )
    return coded


def read_currency(column: Column | None, schema: Schema) -> str | None:
    if column is None:
        return schema.currency
    name = str(schema.currency)
    coded = encode(column, name=name)
    if coded.missing is not None:
        raise MoneyError(
            message(
                f"{int(coded.missing.sum())} rows have no currency in column {name!r} ({named_rows(coded.missing)})",
                "every row has the currency of its amount",
                f"frame[{name!r}].fillna('EUR')",
            )
        )
    if len(coded.values) > 1:
        counts = np.bincount(coded.codes)
        listed = [f"{count:,} × {value}" for value, count in zip(coded.values, counts, strict=True)]
        rarest = coded.codes == int(np.argmin(counts))
        raise MoneyError(
            message(
                f"column {name!r} holds {len(coded.values)} currencies: {some(listed)} "
                f"(the rarest in {named_rows(rarest)})",
                "a log has one currency",
                f"convert the amounts, or read frame[frame[{name!r}] == {coded.values[int(np.argmax(counts))]!r}]",
            )
        )
    return str(coded.values[0])
