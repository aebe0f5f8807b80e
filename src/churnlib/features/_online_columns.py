"""A table of events, row by row, read by the rules and readers of `EventLog.from_frame`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from churnlib._checks import named_rows
from churnlib._frames import Column, column_names, read_columns, to_numpy
from churnlib.events import EventLog, Schema
from churnlib.events._codes import Coded, encode
from churnlib.events._counts import Counts
from churnlib.events._money import rescale
from churnlib.events._roles import (
    read_attribute,
    read_currency,
    read_customers,
    read_event_ids,
    read_instants,
    read_kinds,
    read_money,
)
from churnlib.exceptions import MoneyError, SchemaError, message
from churnlib.features._online_reader import ReadEvent

__all__ = ["EventTable", "read_frame", "rows_of_log"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EventTable:
    """The rows of a table, read: a column for each place of a `ReadEvent`.

    Attributes
    ----------
    customers : list
        Ids, None where there is none.
    time, known : ndarray of int64
        When each event happened, and when it arrived.
    kind : ndarray of int
        Codes into `kinds`.
    kinds : tuple of str
        Names of kinds.
    amount : ndarray of int64 or None
        Minor units.
    items, stated, ids : list
        Items, what is stated of each attribute, event ids.
    """

    customers: list[Any]
    time: Ints
    known: Ints
    kind: npt.NDArray[Any]
    kinds: tuple[str, ...]
    amount: Ints | None
    items: list[Any]
    stated: list[tuple[Any, ...]]
    ids: list[Any]

    def __len__(self) -> int:
        return len(self.customers)

    def rows(self) -> list[ReadEvent]:
        """Return the events one by one."""
        times = self.time.tolist()
        columns: tuple[list[Any], ...] = (
            self.customers,
            times,
            times if self.known is self.time else self.known.tolist(),
            np.array(self.kinds, dtype=object)[self.kind].tolist(),
            [0] * len(times) if self.amount is None else self.amount.tolist(),
            self.items,
            self.stated,
            self.ids,
        )
        return list(zip(*columns, strict=True))


def read_frame(frame: Any, schema: Schema, scale: int, numeric: dict[str, bool]) -> EventTable | None:
    """Read every row of a table, in its order; what is wrong raises before anything is taken.

    Parameters
    ----------
    frame : dataframe
        Any frame narwhals knows.
    schema : Schema
        Columns by role.
    scale : int
        Decimals of money.
    numeric : dict of str to bool
        Whether an attribute is a number, for those already stated.

    Returns
    -------
    EventTable or None
        None where there is no row.
    """
    columns = read_columns(frame, schema.wanted(column_names(frame)))
    n = len(columns["customer"])
    if not n:
        return None
    counts = Counts(n)
    who = _plain_ids(columns["customer"])
    if who is None:
        who = _values(read_customers(columns["customer"], schema, counts))
    time = read_instants(columns["time"], schema.time, "time", schema, counts)
    known = time
    if schema.known_at is not None:
        known = read_instants(columns["known_at"], schema.known_at, "known_at", schema, counts)
    kind, kinds = _plain_kinds(columns.get("kind")) or read_kinds(columns.get("kind"), schema, n)
    read_currency(columns.get("currency"), schema)
    nothing: list[Any] = [None] * n
    return EventTable(
        who,
        time,
        known,
        kind,
        kinds,
        _amounts(columns, schema, scale, counts),
        nothing if schema.item is None else _names(columns["item"], schema.item),
        _stated(columns, schema, numeric, n),
        nothing if schema.event_id is None else _values(read_event_ids(columns["event_id"], schema.event_id)),
    )


def _plain_ids(column: Column) -> list[Any] | None:
    """Return whole numbers as they are: to rank them, as the batch must, takes longer than to take them in."""
    if isinstance(column, pa.ChunkedArray) and pa.types.is_integer(column.type) and not column.null_count:
        found: list[Any] = to_numpy(column).tolist()
        return found
    return None


def _plain_kinds(column: Column | None) -> tuple[npt.NDArray[Any], tuple[str, ...]] | None:
    """Return texts as codes, in any order, and nothing where one is missing or empty."""
    if not isinstance(column, pa.ChunkedArray) or column.null_count or column.type not in _TEXTS:
        return None
    coded = column.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    kinds = tuple(coded.dictionary.to_pylist())
    return None if "" in kinds else (coded.indices.to_numpy(zero_copy_only=False), kinds)


_TEXTS = (pa.string(), pa.large_string())


def _names(column: Column, name: str) -> list[Any]:
    found = _plain_ids(column)
    return _values(encode(column, name=name)) if found is None else found


def _values(coded: Coded) -> list[Any]:
    table = np.array([*coded.values.tolist(), None], dtype=object)  # code -1 reads the last place
    values: list[Any] = table[coded.codes].tolist()
    return values


def _amounts(columns: dict[str, Column], schema: Schema, scale: int, counts: Counts) -> Ints | None:
    money = read_money(columns, schema, counts)
    if money is None:
        return None
    if money.scale > scale:
        fine = money.minor % 10 ** (money.scale - scale) != 0
        raise MoneyError(
            message(
                f"{int(fine.sum())} of {len(fine)} amounts have more decimals than the scale of {scale} "
                f"({named_rows(fine)})",
                "amounts are whole units of the scale",
                f"scale={money.scale} when the state is made, or frame.round({{{schema.amount!r}: {scale}}})",
            )
        )
    return rescale(money.minor, money.scale, scale)


def _stated(columns: dict[str, Column], schema: Schema, numeric: dict[str, bool], n: int) -> list[tuple[Any, ...]]:
    if not schema.attributes:
        return [()] * n
    found = [_attribute(columns[f"attributes[{name}]"], name, numeric) for name in schema.attributes]
    return list(zip(*found, strict=True))


def _attribute(column: Column, name: str, numeric: dict[str, bool]) -> list[Any]:
    return _statements(*read_attribute(column, name), name, numeric)


def _statements(values: Any, categories: pd.Index[Any] | None, name: str, numeric: dict[str, bool]) -> list[Any]:
    """Return what each event states of an attribute; None for nothing."""
    stated = ~np.isnan(values) if categories is None else values >= 0
    if stated.any() and numeric.setdefault(name, categories is None) != (categories is None):
        words = ("categories", "numbers")
        raise SchemaError(
            message(
                f"attribute {name!r} holds {words[categories is None]} here, and its values so far are "
                f"{words[categories is not None]}",
                "an attribute is of one type",
                f"frame[{name!r}].astype({'str' if categories is None else 'float'!r})",
            )
        )
    if categories is None:
        return [number if number == number else None for number in values.tolist()]  # noqa: PLR0124 - NaN
    return _values(Coded(values, categories, None))


def rows_of_log(log: EventLog, numeric: dict[str, bool]) -> Iterator[ReadEvent]:
    """Return the events of a log, in its order."""
    n = len(log)
    nothing: list[Any] = [None] * n
    items = nothing if log.item is None or log.items is None else _values(Coded(log.item, log.items, None))
    stated = [_statements(a.values, a.categories, name, numeric) for name, a in log.attributes.items()]
    time = log.time.tolist()
    return zip(
        np.array(log.customers.tolist(), dtype=object)[log.customer_codes].tolist(),
        time,
        time if log.known is None else log.known.tolist(),
        np.array(log.kinds, dtype=object)[log.kind].tolist(),
        [0] * n if log.amount is None else log.amount.tolist(),
        items,
        list(zip(*stated, strict=True)) if stated else [()] * n,
        nothing if log.event_id is None else log.event_id.tolist(),
        strict=True,
    )
