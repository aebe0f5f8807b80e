"""The event log: what customers did, in canonical order, with what was known when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnlib._checks import as_names
from churnlib.calendar import timestamp, timestamps, to_us, zone_name
from churnlib.events._codes import as_index
from churnlib.events._digest import log_digest
from churnlib.events._money import exact_sum
from churnlib.events._months import month_table
from churnlib.events._read import Counts, Parts, read_events
from churnlib.events._report import QualityReport
from churnlib.events._rows import Attribute, Rows, narrow
from churnlib.events._schema import Schema
from churnlib.exceptions import ParameterError, message, nearest, some

__all__ = ["EventLog"]


@dataclass(frozen=True, eq=False, repr=False)
class EventLog:
    """What customers did: an immutable, canonically ordered log of events.

    Make one with `from_frame`, `from_parquet` or `from_csv`. Events are ordered
    by customer, time and content, so any row order of the input gives the same
    bytes. Times are whole microseconds of UTC; money is exact integers at one
    decimal `scale`. The fields below are what the rest of churnlib computes on;
    arrays are read-only.

    Parameters
    ----------
    customers : pandas.Index
        Distinct customer ids, ascending, of the type they came in.
    offsets : ndarray of int64, shape (n_customers + 1,)
        Events of customer code i are rows ``offsets[i]:offsets[i + 1]``.
    time : ndarray of int64, shape (n_events,)
        Microseconds of UTC, ascending within a customer.
    kind : ndarray of int8, int16 or int32, shape (n_events,)
        Codes into `kinds`.
    kinds : tuple of str
        The kinds of events, ascending; ``("event",)`` when none were named.
    complete_until_us : int
        Everything that happened before this instant is in the log.
    timezone : str, default="UTC"
        The zone of the log's calendar.
    known : ndarray of int64 or None, default=None
        When each event became known, never before `time`; None when events are
        known as they happen.
    amount : ndarray of int64 or None, default=None
        Money: the amount of event i is ``amount[i] / 10**scale``.
    scale : int, default=0
        Decimals of the money.
    currency : str or None, default=None
        The one currency, where it was said.
    item : ndarray of int32 or None, default=None
        Codes into `items`; -1 where an event has no item.
    items : pandas.Index or None, default=None
        Distinct items, ascending.
    attributes : mapping of str to Attribute, default={}
        Dated attributes, by name.
    event_id : pandas.Index or None, default=None
        The id of each event.
    report : QualityReport or None, default=None
        What reading the input counted, refused and changed.
    schema : Schema or None, default=None
        The roles of the columns it was read from.

    Examples
    --------
    >>> orders = pd.DataFrame({
    ...     "customer_id": [7, 3, 7],
    ...     "ordered_at": ["2025-01-09 10:00", "2025-01-05 08:30", "2025-01-02 12:00"],
    ...     "total": [19.99, 5.0, 7.5],
    ... })
    >>> log = EventLog.from_frame(orders, customer="customer_id", time="ordered_at", amount="total")
    >>> log
    EventLog: 3 events of 2 customers, 2025-01-02 12:00:00 to 2025-01-09 10:00:00 UTC
      complete until 2025-01-09 10:00:00.000001 UTC; amounts with 2 decimals
    >>> log.customers.tolist(), log.offsets.tolist(), log.amount.tolist()
    ([3, 7], [0, 1, 3], [500, 750, 1999])
    """

    customers: pd.Index[Any]
    offsets: NDArray[np.int64]
    time: NDArray[np.int64]
    kind: NDArray[Any]
    kinds: tuple[str, ...]
    complete_until_us: int
    timezone: str = "UTC"
    known: NDArray[np.int64] | None = None
    amount: NDArray[np.int64] | None = None
    scale: int = 0
    currency: str | None = None
    item: NDArray[np.int32] | None = None
    items: pd.Index[Any] | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    event_id: pd.Index[Any] | None = None
    report: QualityReport = field(default_factory=lambda: QualityReport(0, 0))
    schema: Schema = field(default_factory=lambda: Schema(customer="customer_id", time="time"))

    def __post_init__(self) -> None:
        arrays = [self.offsets, self.time, self.kind, self.known, self.amount, self.item]
        for array in [*arrays, *(attribute.values for attribute in self.attributes.values())]:
            if array is not None:
                array.setflags(write=False)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        customer: str,
        time: str,
        kind: str | None = None,
        amount: str | None = None,
        quantity: str | None = None,
        price: str | None = None,
        item: str | None = None,
        known_at: str | None = None,
        event_id: str | None = None,
        currency: str | None = None,
        attributes: str | Iterable[str] = (),
        timezone: str = "UTC",
        time_format: str | None = None,
        complete_until: object = None,
        duplicates: Literal["error", "drop", "keep"] = "error",
        missing_customer: Literal["error", "drop"] = "error",
        missing_amount: Literal["error", "zero"] = "error",
        negative: Literal["refund", "error"] = "refund",
        future: Literal["error", "drop"] = "error",
    ) -> EventLog:
        """Read a table of events."""
        schema = Schema.checked(
            customer=customer, time=time, kind=kind, amount=amount, quantity=quantity, price=price, item=item,
            known_at=known_at, event_id=event_id, currency=currency, attributes=attributes, timezone=timezone,
            time_format=time_format, duplicates=duplicates, missing_customer=missing_customer,
            missing_amount=missing_amount, negative=negative, future=future,
        )  # fmt: skip
        until = None if complete_until is None else to_us(complete_until, schema.timezone)
        return cls._from_parts(read_events(frame, schema, until), schema)

    @classmethod
    def _from_parts(cls, parts: Parts, schema: Schema) -> EventLog:
        rows = parts.rows
        attributes = {
            name: Attribute(values, parts.categories[name]) for name, values in (rows.attributes or {}).items()
        }
        return cls(
            customers=parts.customers,
            offsets=parts.offsets,
            time=rows.time,
            kind=rows.kind,
            kinds=parts.kinds,
            complete_until_us=parts.complete_until,
            timezone=schema.timezone,
            known=rows.known,
            amount=rows.amount,
            scale=parts.scale,
            currency=parts.currency,
            item=rows.item,
            items=parts.items,
            attributes=attributes,
            event_id=None if parts.event_ids is None or rows.ids is None else parts.event_ids.take(rows.ids),
            report=_report(parts, schema.timezone),
            schema=schema,
        )

    @classmethod
    def _from_arrays(
        cls,
        *,
        customers: Any,
        time: NDArray[np.int64],
        codes: NDArray[np.int32] | None = None,
        offsets: NDArray[np.int64] | None = None,
        kind: NDArray[Any] | None = None,
        kinds: Sequence[str] = ("event",),
        known: NDArray[np.int64] | None = None,
        amount: NDArray[np.int64] | None = None,
        scale: int = 0,
        currency: str | None = None,
        item: NDArray[np.int32] | None = None,
        items: Any = None,
        attributes: Mapping[str, Attribute] | None = None,
        complete_until: int | None = None,
        timezone: str = "UTC",
    ) -> EventLog:
        """Make a log of arrays that keep the rules already.

        `customers`, `kinds`, `items` and categories are ascending and distinct,
        every customer has an event, and `known` is never before `time`. With
        `codes` the events come in any order; with `offsets` they are in
        canonical order.
        """
        if offsets is not None:
            codes = np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))
        if codes is None:
            raise ParameterError(message("neither codes nor offsets were given", "one of them says whose events they are", "codes="))
        named = dict(attributes or {})
        rows = Rows(
            codes=codes.astype(np.int32, copy=False),
            time=time.astype(np.int64, copy=False),
            kind=np.zeros(len(time), dtype=np.int8) if kind is None else narrow(kind, len(kinds)),
            known=known,
            amount=amount,
            item=None if item is None else item.astype(np.int32, copy=False),
            attributes={name: attribute.values for name, attribute in named.items()},
        )
        counts = Counts(len(time))
        if offsets is None:
            rows, offsets, identical = rows.ordered(len(customers))
            counts.note("identical rows", identical)
        last = int((rows.time if rows.known is None else rows.known).max())
        parts = Parts(
            rows=rows,
            offsets=offsets.astype(np.int64, copy=False),
            customers=as_index(customers),
            items=None if items is None else as_index(items),
            event_ids=None,
            kinds=tuple(kinds),
            categories={name: attribute.categories for name, attribute in named.items()},
            scale=scale,
            currency=currency,
            complete_until=last + 1 if complete_until is None else complete_until,
            counts=counts,
        )
        schema = Schema(
            customer="customer_id",
            time="time",
            kind=None if kind is None else "kind",
            amount=None if amount is None else "amount",
            item=None if item is None else "item",
            known_at=None if known is None else "known_at",
            attributes=tuple(named),
            timezone=zone_name(timezone),
        )
        return cls._from_parts(parts, schema)

    @property
    def n_customers(self) -> int:
        """How many customers the log names."""
        return len(self.customers)

    @property
    def n_events(self) -> int:
        """How many events the log holds."""
        return len(self.time)

    def __len__(self) -> int:
        return len(self.time)

    @property
    def complete_until(self) -> pd.Timestamp:
        """The instant until which the log is complete, in the log's zone."""
        return timestamp(self.complete_until_us, self.timezone)

    @cached_property
    def customer_codes(self) -> NDArray[np.int32]:
        """The customer code of each event (read-only)."""
        codes = np.repeat(np.arange(self.n_customers, dtype=np.int32), np.diff(self.offsets))
        codes.setflags(write=False)
        return codes

    @cached_property
    def digest(self) -> str:
        """A fingerprint of everything the log says: 64 hexadecimal digits."""
        return log_digest(self)

    def codes_of(self, kinds: str | Sequence[str] | None) -> NDArray[np.bool_]:
        """Say which of the log's kinds are meant by a name or several."""
        if kinds is None:
            return np.ones(len(self.kinds), dtype=bool)
        names = as_names(kinds, name="kinds")
        unknown = [name for name in names if name not in self.kinds]
        if unknown:
            raise ParameterError(
                message(
                    f"{len(unknown)} of {len(names)} kinds are not in the log: {some([repr(name) for name in unknown])} "
                    f"({nearest(unknown[0], self.kinds)})",
                    f"its {len(self.kinds)} kinds are {some(self.kinds, 12)}",
                    f"kinds=[{self.kinds[0]!r}]",
                )
            )
        return np.array([name in names for name in self.kinds], dtype=bool)

    def hidden(self, cutoff_us: int) -> NDArray[np.bool_]:
        """Say which events had happened before an instant but were not known by then."""
        if self.known is None:
            return np.zeros(len(self), dtype=bool)
        return (self.time < cutoff_us) & (self.known >= cutoff_us)

    def subset(self, rows: NDArray[Any]) -> EventLog:
        """Keep some events, and all customers: some may be left with none."""
        chosen = np.flatnonzero(rows) if rows.dtype == bool else np.asarray(rows)
        counts = np.bincount(self.customer_codes[chosen], minlength=self.n_customers)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return self._chosen(chosen, self.customers, offsets)

    def _chosen(self, chosen: NDArray[Any], customers: pd.Index[Any], offsets: NDArray[np.int64], **facts: Any) -> EventLog:
        from dataclasses import replace

        def pick(column: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if column is None else column.take(chosen)

        return replace(
            self,
            customers=customers,
            offsets=offsets,
            time=self.time.take(chosen),
            kind=self.kind.take(chosen),
            known=pick(self.known),
            amount=pick(self.amount),
            item=pick(self.item),
            attributes={
                name: Attribute(attribute.values.take(chosen), attribute.categories)
                for name, attribute in self.attributes.items()
            },
            event_id=None if self.event_id is None else self.event_id.take(chosen),
            **facts,
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the events as a pandas frame in canonical order."""
        columns: dict[str, Any] = {
            "customer_id": self.customers.take(self.customer_codes),
            "time": timestamps(self.time, self.timezone),
        }
        if self.known is not None:
            columns["known_at"] = timestamps(self.known, self.timezone)
        columns["kind"] = pd.Categorical.from_codes(self.kind, list(self.kinds))
        if self.amount is not None:
            columns["amount"] = [Decimal(int(minor)).scaleb(-self.scale) for minor in self.amount]
        if self.item is not None and self.items is not None:
            columns["item"] = pd.Categorical.from_codes(self.item, self.items)
        for name, attribute in self.attributes.items():
            columns[name] = (
                attribute.values
                if attribute.categories is None
                else pd.Categorical.from_codes(attribute.values, attribute.categories)
            )
        if self.event_id is not None:
            columns["event_id"] = self.event_id
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        return log_text(self)


def log_text(log: EventLog) -> str:
    """Describe a log in two lines."""
    if not len(log):
        return f"EventLog: 0 events of {log.n_customers:,} customers"
    first, last = (timestamp(int(at), log.timezone).tz_localize(None) for at in (log.time.min(), log.time.max()))
    extras = [f"complete until {log.complete_until.tz_localize(None)} {log.timezone}"]
    if log.kinds != ("event",):
        extras.append(f"kinds {some(log.kinds, 8)}")
    if log.amount is not None:
        extras.append(f"amounts{' in ' + log.currency if log.currency else ''} with {log.scale} decimals")
    if log.items is not None:
        extras.append(f"{len(log.items):,} items")
    if log.attributes:
        extras.append(f"attributes {some(log.attributes, 8)}")
    head = f"EventLog: {len(log):,} events of {log.n_customers:,} customers, {first} to {last} {log.timezone}"
    return f"{head}\n  {'; '.join(extras)}"


def _report(parts: Parts, timezone: str) -> QualityReport:
    rows, counts = parts.rows, parts.counts
    money = rows.amount is not None
    return QualityReport(
        input_rows=counts.input_rows,
        kept=len(rows.time),
        reasons=counts.reasons,
        notes=counts.notes,
        null_customers=counts.null_customers,
        customers=len(parts.customers),
        first=timestamp(int(rows.time.min()), timezone),
        last=timestamp(int(rows.time.max()), timezone),
        complete_until=timestamp(parts.complete_until, timezone),
        kept_amount=exact_sum(rows.amount, parts.scale) if rows.amount is not None else None,
        refused_amount=counts.refused_amount if money else None,
        currency=parts.currency,
        month_source=partial(month_table, rows.time, rows.amount, parts.scale, timezone),
    )
