"""From a table to events: read each role, refuse or note what breaks a rule, order the rest."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from churnlib._checks import named_rows
from churnlib._frames import Column, column_names, read_columns, to_numpy
from churnlib.calendar import TimeColumn, read_times, timestamp
from churnlib.events._codes import Coded, compact, encode
from churnlib.events._money import Amounts, coarsest, exact_sum, multiply, read_amounts
from churnlib.events._rows import Rows, narrow
from churnlib.events._schema import Schema
from churnlib.exceptions import DataError, DuplicateError, MoneyError, SchemaError, TimeError, message, some

__all__ = ["Parts", "read_events"]


@dataclass(frozen=True, slots=True)
class Parts:
    """What reading a table found, ready to become a log.

    Parameters
    ----------
    rows : Rows
        The kept events in canonical order.
    offsets : ndarray of int64
        Where each customer's events begin.
    customers, items, event_ids : pandas.Index or None
        The values behind the codes.
    kinds : tuple of str
        The kinds, ascending.
    categories : dict of str to Index or None
        The categories of each attribute.
    scale : int
        Decimals of the money.
    currency : str or None
        The one currency.
    complete_until : int
        Microseconds of UTC.
    counts : Counts
        What was counted on the way.
    """

    rows: Rows
    offsets: NDArray[np.int64]
    customers: pd.Index[Any]
    items: pd.Index[Any] | None
    event_ids: pd.Index[Any] | None
    kinds: tuple[str, ...]
    categories: dict[str, pd.Index[Any] | None]
    scale: int
    currency: str | None
    complete_until: int
    counts: Counts


@dataclass(slots=True)
class Counts:
    """What reading a table counted, refused and changed."""

    input_rows: int
    null_customers: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    refused_amount: Decimal = Decimal(0)

    def note(self, what: str, count: int) -> None:
        """Add to the count of something noticed."""
        if count:
            self.notes[what] = self.notes.get(what, 0) + int(count)


def read_events(frame: Any, schema: Schema, complete_until: int | None) -> Parts:
    """Read a table by its schema.

    Parameters
    ----------
    frame : dataframe
        Any frame narwhals knows.
    schema : Schema
        The roles and rules.
    complete_until : int or None
        Microseconds of UTC; None takes the instant after the last event.

    Returns
    -------
    Parts
        Events in canonical order, their vocabularies and what was counted.
    """
    columns = read_columns(frame, schema.wanted(column_names(frame)))
    n = len(columns["customer"])
    if n == 0:
        raise DataError(
            message("the table has no rows: the log is empty", "at least one event was expected", "check the filter that made the table")
        )
    counts = Counts(n)
    who = _customers(columns["customer"], schema, counts)
    time = _times(columns["time"], schema.time, "time", schema, counts)
    known = _known(columns, time, schema, counts)
    kind, kinds = _kinds(columns.get("kind"), schema, n)
    money = _money(columns, schema, counts)
    item = None if schema.item is None else encode(columns["item"], name=schema.item)
    attributes = {name: _attribute(columns[f"attributes[{name}]"], name) for name in schema.attributes}
    ids = None if schema.event_id is None else _event_ids(columns["event_id"], schema.event_id)
    currency = _currency(columns.get("currency"), schema)
    columns.clear()
    rows = Rows(
        codes=who.codes,
        time=time,
        kind=kind,
        known=known,
        amount=None if money is None else money.minor,
        item=None if item is None else item.codes,
        attributes={name: values for name, (values, _) in attributes.items()},
        ids=None if ids is None else ids.codes,
    )
    limit = _just_after(rows) if complete_until is None else complete_until
    scale = 0 if money is None else money.scale
    keep = _refuse(rows, schema, limit, counts)
    if keep is not None:
        counts.refused_amount = Decimal(0) if money is None else exact_sum(money.minor[~keep], scale)
        rows = rows.keep(keep)
        if not len(rows.time):
            raise DataError(
                message(f"all {n} rows were refused: {counts.reasons}", "at least one event was expected", "look at these reasons")
            )
    codes, customers = compact(rows.codes, who.values)
    rows, offsets, identical = replace(rows, codes=codes).ordered(len(customers))
    counts.note("identical rows", identical)
    if complete_until is None:
        limit = _just_after(rows)
    vocabulary = {name: categories for name, (_, categories) in attributes.items()}
    return _settled(
        Parts(
            rows=rows,
            offsets=offsets,
            customers=customers,
            items=None if item is None else item.values,
            event_ids=None if ids is None else ids.values,
            kinds=kinds,
            categories=vocabulary,
            scale=scale,
            currency=currency,
            complete_until=limit,
            counts=counts,
        ),
        refused=keep is not None,
    )


def _settled(parts: Parts, *, refused: bool) -> Parts:
    """Leave out of the vocabularies and of the scale what only refused rows used."""
    if not refused:
        return parts
    rows, scale = parts.rows, parts.scale
    kind, kinds = compact(rows.kind, pd.Index(parts.kinds))
    item, items, amount = rows.item, parts.items, rows.amount
    if item is not None and items is not None:
        item, items = compact(item, items)
    if amount is not None:
        amount, scale = coarsest(amount, scale)
    values, categories = dict(rows.attributes or {}), dict(parts.categories)
    for name, known in parts.categories.items():
        if known is not None:
            values[name], categories[name] = compact(values[name], known)
    return replace(
        parts,
        rows=replace(rows, kind=kind, item=item, amount=amount, attributes=values),
        kinds=tuple(kinds),
        items=items,
        categories=categories,
        scale=scale,
    )


def _customers(column: Column, schema: Schema, counts: Counts) -> Coded:
    who = encode(column, name=schema.customer)
    counts.note("customer ids were whole floats, now integers", who.integral)
    if who.missing is None:
        return who
    counts.null_customers = int(who.missing.sum())
    if schema.missing_customer == "error":
        raise DataError(
            message(
                f"{counts.null_customers} rows have no customer id in column {schema.customer!r} ({named_rows(who.missing)})",
                "every event belongs to a customer",
                "missing_customer='drop' refuses these rows and counts them",
            )
        )
    return who


def _times(column: Column, name: str, role: str, schema: Schema, counts: Counts) -> NDArray[np.int64]:
    times: TimeColumn = read_times(column, schema.timezone, name=name, form=schema.time_format)
    if times.missing is not None and times.missing.any():
        raise TimeError(
            message(
                f"{int(times.missing.sum())} rows have no {role} in column {name!r} ({named_rows(times.missing)})",
                f"every event has a {role}",
                f"frame.dropna(subset=[{name!r}])",
            )
        )
    counts.note(f"{role} cut down to a microsecond", times.floored)
    return times.us


def _known(
    columns: dict[str, Column], time: NDArray[np.int64], schema: Schema, counts: Counts
) -> NDArray[np.int64] | None:
    if schema.known_at is None:
        return None
    known = _times(columns["known_at"], schema.known_at, "known_at", schema, counts)
    counts.note("known before it happened, taken as known at its time", int(np.count_nonzero(known < time)))
    counts.note("known later than it happened", int(np.count_nonzero(known > time)))
    return np.maximum(known, time)


def _kinds(column: Column | None, schema: Schema, n: int) -> tuple[NDArray[Any], tuple[str, ...]]:
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


def _money(columns: dict[str, Column], schema: Schema, counts: Counts) -> Amounts | None:
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


def _attribute(column: Column, name: str) -> tuple[NDArray[Any], pd.Index[Any] | None]:
    """Read a dated attribute: numbers stay numbers, everything else is a category."""
    if isinstance(column, pa.ChunkedArray):
        kind = column.type
        if pa.types.is_boolean(kind):
            flags = encode(column.cast(pa.int8()), name=name)
            return flags.codes, pd.Index(flags.values.astype(bool))
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            numbers = column.cast(pa.float64())
            values = np.array(to_numpy(numbers.fill_null(np.nan)), dtype=np.float64)
            values += 0.0  # -0.0 and 0.0 are one value
            values[np.isnan(values)] = np.nan
            return values, None
    coded = encode(column, name=name)
    return coded.codes, coded.values


def _event_ids(column: Column, name: str) -> Coded:
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


def _currency(column: Column | None, schema: Schema) -> str | None:
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
                f"column {name!r} holds {len(coded.values)} currencies: {some(listed)} (the rarest in {named_rows(rarest)})",
                "a log has one currency",
                f"convert the amounts, or read frame[frame[{name!r}] == {coded.values[int(np.argmax(counts))]!r}]",
            )
        )
    return str(coded.values[0])


def _just_after(rows: Rows) -> int:
    """Return the instant just after the last event became known: the least the log is complete until."""
    latest = rows.time if rows.known is None else rows.known
    return int(latest.max()) + 1


def _refuse(rows: Rows, schema: Schema, limit: int, counts: Counts) -> NDArray[np.bool_] | None:
    """Say which rows are kept; None when all are. A row is refused for its first reason."""
    keep: NDArray[np.bool_] | None = None
    checks = {
        "no customer id": lambda kept: _nobody(rows),
        "repeated event id": lambda kept: _repeated(rows, kept, schema),
        "at or after complete_until": lambda kept: _future(rows, kept, schema, limit),
    }
    for reason, check in checks.items():
        refused = check(keep)
        if refused is not None and refused.any():
            counts.reasons[reason] = int(refused.sum())
            keep = ~refused if keep is None else keep & ~refused
    return keep


def _nobody(rows: Rows) -> NDArray[np.bool_] | None:
    return rows.codes < 0 if int(rows.codes.min()) < 0 else None


def _repeated(rows: Rows, keep: NDArray[np.bool_] | None, schema: Schema) -> NDArray[np.bool_] | None:
    """Find rows whose event id stood before; of several the canonically first is kept."""
    if rows.ids is None or schema.duplicates == "keep":
        return None
    ids = rows.ids if keep is None else rows.ids[keep]
    times = np.bincount(ids, minlength=int(rows.ids.max()) + 1)
    if not (times > 1).any():
        return None
    again = times[rows.ids] > 1
    if keep is not None:
        again &= keep
    places = np.flatnonzero(again)
    chosen = [column[places] for column in (rows.ids, rows.time, rows.codes, *rows.ties())]
    order = np.lexsort(tuple(reversed(chosen)))
    ranked = chosen[0][order]
    later = np.zeros(len(order), dtype=bool)
    later[1:] = ranked[1:] == ranked[:-1]
    refused = np.zeros(len(again), dtype=bool)
    refused[places[order[later]]] = True
    if schema.duplicates == "error":
        raise DuplicateError(
            message(
                f"{int((times > 1).sum())} event ids in column {schema.event_id!r} are repeated, "
                f"in {len(places)} rows ({named_rows(places)})",
                "an event id names one event",
                "duplicates='drop' keeps the first of each and counts the rest",
            )
        )
    return refused


def _future(
    rows: Rows, keep: NDArray[np.bool_] | None, schema: Schema, limit: int
) -> NDArray[np.bool_] | None:
    future = (rows.time if rows.known is None else rows.known) >= limit
    if keep is not None:
        future &= keep
    if future.any() and schema.future == "error":
        raise DataError(
            message(
                f"{int(future.sum())} events happen or become known at or after complete_until, "
                f"{timestamp(limit, schema.timezone)} ({named_rows(future)})",
                "the log is complete until that instant, so nothing lies after it",
                "future='drop' refuses them and counts them, or give a later complete_until",
            )
        )
    return future
