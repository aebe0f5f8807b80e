"""From a table to events: read each role, refuse or note what breaks a rule, order the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pandas as pd

from churnlib._frames import column_names, read_columns
from churnlib._typing import IntArray
from churnlib.events._codes import compact, encode
from churnlib.events._counts import Counts
from churnlib.events._money import coarsest, exact_sum
from churnlib.events._refusals import kept_rows
from churnlib.events._roles import (
    read_attribute,
    read_currency,
    read_customers,
    read_event_ids,
    read_instants,
    read_kinds,
    read_known,
    read_money,
)
from churnlib.events._rows import Rows
from churnlib.events._schema import Schema
from churnlib.exceptions import DataError, message, some

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
    offsets: IntArray
    customers: pd.Index[Any]
    items: pd.Index[Any] | None
    event_ids: pd.Index[Any] | None
    kinds: tuple[str, ...]
    categories: dict[str, pd.Index[Any] | None]
    scale: int
    currency: str | None
    complete_until: int
    counts: Counts


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
            message(
                "the table has no rows: the log is empty",
                "at least one event was expected",
                "check the filter that made the table",
            )
        )
    counts = Counts(n)
    who = read_customers(columns["customer"], schema, counts)
    time = read_instants(columns["time"], schema.time, "time", schema, counts)
    known = read_known(columns, time, schema, counts)
    kind, kinds = read_kinds(columns.get("kind"), schema, n)
    money = read_money(columns, schema, counts)
    item = None if schema.item is None else encode(columns["item"], name=schema.item)
    attributes = {name: read_attribute(columns[f"attributes[{name}]"], name) for name in schema.attributes}
    ids = None if schema.event_id is None else read_event_ids(columns["event_id"], schema.event_id)
    currency = read_currency(columns.get("currency"), schema)
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
    keep = kept_rows(rows, schema, limit, counts)
    if keep is not None:
        counts.refused_amount = Decimal(0) if money is None else exact_sum(money.minor[~keep], scale)
        rows = rows.keep(keep)
        if not len(rows.time):
            raise DataError(
                message(
                    f"all {n} rows were refused: "
                    f"{some([f'{count} × {reason}' for reason, count in counts.reasons.items()])}",
                    "at least one event was expected",
                    "check the column named by customer=, and complete_until=",
                )
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


def _just_after(rows: Rows) -> int:
    """Return the instant just after the last event became known: the least the log is complete until."""
    latest = rows.time if rows.known is None else rows.known
    return int(latest.max()) + 1
