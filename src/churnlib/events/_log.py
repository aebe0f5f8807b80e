"""The event log: what customers did, in canonical order, with what was known when."""

from __future__ import annotations

import difflib
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, partial
from typing import Any, Literal, Required, TypedDict, Unpack

import numpy as np
import pandas as pd
import pyarrow as pa

from churnlib._checks import as_names, check_flag
from churnlib._typing import Array, BoolArray, CodeArray, IntArray
from churnlib.calendar import timestamp, timestamps, to_us, zone_name
from churnlib.events._append import appended
from churnlib.events._change import as_of, described, forgotten, picked, restricted
from churnlib.events._codes import as_index
from churnlib.events._counts import Counts
from churnlib.events._digest import content_digest
from churnlib.events._files import PathLike, read_csv, read_parquet
from churnlib.events._money import exact_sum
from churnlib.events._months import month_table
from churnlib.events._read import Parts, read_events
from churnlib.events._report import QualityReport
from churnlib.events._rows import Attribute, Rows, narrow
from churnlib.events._schema import Schema
from churnlib.events._storage import fields_of, read_log, to_table, write_log
from churnlib.exceptions import ParameterError, VersionError, message, nearest, some

__all__ = ["EventLog"]


class Roles(TypedDict, total=False):
    """What `EventLog.from_frame` takes beside the frame; its docstring explains each."""

    customer: Required[str]
    time: Required[str]
    kind: str | None
    amount: str | None
    quantity: str | None
    price: str | None
    item: str | None
    known_at: str | None
    event_id: str | None
    currency: str | None
    attributes: str | Iterable[str]
    facts: str | Iterable[str]
    timezone: str
    time_format: str | None
    complete_until: object
    duplicates: Literal["error", "drop", "keep"]
    missing_customer: Literal["error", "drop"]
    missing_amount: Literal["error", "zero"]
    negative: Literal["refund", "error"]
    future: Literal["error", "drop"]


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
    attributes : mapping of str to Attribute
        Dated attributes, by name.
    event_id : pandas.Index or None, default=None
        The id of each event.
    report : QualityReport
        What reading the input counted, refused and changed.
    schema : Schema
        The roles of the columns it was read from.

    Examples
    --------
    >>> orders = pd.DataFrame(
    ...     {
    ...         "customer_id": [7, 3, 7],
    ...         "ordered_at": ["2025-01-09 10:00", "2025-01-05 08:30", "2025-01-02 12:00"],
    ...         "total": [19.99, 5.0, 7.5],
    ...     }
    ... )
    >>> log = EventLog.from_frame(orders, customer="customer_id", time="ordered_at", amount="total")
    >>> log
    EventLog: 3 events of 2 customers, 2025-01-02 12:00:00 to 2025-01-09 10:00:00 UTC
      complete until 2025-01-09 10:00:00.000001 UTC; amounts with 2 decimals
    >>> log.customers.tolist(), log.offsets.tolist(), log.amount.tolist()
    ([3, 7], [0, 1, 3], [500, 750, 1999])
    """

    customers: pd.Index[Any]
    offsets: IntArray
    time: IntArray
    kind: Array
    kinds: tuple[str, ...]
    complete_until_us: int
    timezone: str = "UTC"
    known: IntArray | None = None
    amount: IntArray | None = None
    scale: int = 0
    currency: str | None = None
    item: CodeArray | None = None
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
        facts: str | Iterable[str] = (),
        timezone: str = "UTC",
        time_format: str | None = None,
        complete_until: object = None,
        duplicates: Literal["error", "drop", "keep"] = "error",
        missing_customer: Literal["error", "drop"] = "error",
        missing_amount: Literal["error", "zero"] = "error",
        negative: Literal["refund", "error"] = "refund",
        future: Literal["error", "drop"] = "error",
    ) -> EventLog:
        """Read a table of events.

        The frame is not modified, and only the columns named are read.

        Parameters
        ----------
        frame : dataframe
            pandas, polars (eager or lazy), a pyarrow Table or a DuckDB relation.
        customer : str
            Column of the customer id: texts, or whole numbers (floats without a
            fraction become integers, which the report notes). An empty text is
            missing.
        time : str
            Column of when the event happened: timestamps, dates or ISO 8601
            texts. What is finer than a microsecond is cut down to it, which the
            report notes.
        kind : str or None, default=None
            Column of what happened, such as "order" or "visit".
        amount : str or None, default=None
            Column of money: integers, floats or decimals of at most six decimals.
        quantity, price : str or None, default=None
            Instead of `amount`: columns whose exact product is the amount.
        item : str or None, default=None
            Column of what was bought, seen or used; it may be missing in a row.
        known_at : str or None, default=None
            Column of when the event became known. Nothing uses it before that.
        event_id : str or None, default=None
            Column of an id that names each event once.
        currency : str or None, default=None
            Column of the currency, or one code such as ``"EUR"``.
        attributes : str or iterable of str, default=()
            Columns that say something about the customer at the time of the
            event, such as the plan. Numbers stay numbers, all else is a
            category; missing means "not stated in this event".
        facts : str or iterable of str, default=()
            Kinds that state something about the customer and are nothing they did,
            such as "plan_changed_by_us". Attributes are read from them; "all kinds"
            of features and of definitions of churn leaves them out.
        timezone : str, default="UTC"
            The zone of naive times, and of the log's calendar.
        time_format : str or None, default=None
            A strptime format for times that are texts but not ISO 8601.
        complete_until : str, datetime or None, default=None
            Everything before this instant is in the table. None takes the
            instant just after the last event (or after it became known); give it
            where the data reach further than the last event.
        duplicates : {"error", "drop", "keep"}, default="error"
            What to do with a repeated event id. "drop" keeps the earliest, by
            canonical order. Identical rows without ids are legal: they are kept
            and counted.
        missing_customer : {"error", "drop"}, default="error"
            What to do with a row that names no customer. "drop" refuses it and
            counts it.
        missing_amount : {"error", "zero"}, default="error"
            What to do with a row without an amount.
        negative : {"refund", "error"}, default="refund"
            What to do with a negative amount. "refund" keeps it, with its sign.
        future : {"error", "drop"}, default="error"
            What to do with events that happen or become known at or after
            `complete_until`.

        Returns
        -------
        EventLog
            The events in canonical order; `report` counts what was refused or
            changed.

        Raises
        ------
        SchemaError
            When a column is missing or of the wrong type.
        TimeError
            When times cannot be read, are missing, mix zones, or fall into the
            hour in which clocks change.
        MoneyError
            When amounts are missing or too fine, or there are two currencies.
        DuplicateError
            When an event id is repeated.
        DataError
            When the table is empty, a customer or kind is missing, or events lie
            beyond `complete_until`.
        ParameterError, ParameterTypeError
            When an argument cannot work.

        Examples
        --------
        >>> lines = pd.DataFrame(
        ...     {
        ...         "CustomerID": [17850.0, 13047.0, None],
        ...         "InvoiceDate": ["2010-12-01 08:26", "2010-12-01 08:34", "2010-12-01 08:35"],
        ...         "Quantity": [6, -1, 2],
        ...         "UnitPrice": [2.55, 3.39, 1.0],
        ...     }
        ... )
        >>> log = EventLog.from_frame(
        ...     lines,
        ...     customer="CustomerID",
        ...     time="InvoiceDate",
        ...     quantity="Quantity",
        ...     price="UnitPrice",
        ...     missing_customer="drop",
        ... )
        >>> log.customers.tolist(), log.amount.tolist(), log.scale
        ([13047, 17850], [-339, 1530], 2)
        >>> log.report
        QualityReport: 3 rows in = 2 kept + 1 refused
          money: 13.91 in = 11.91 kept + 2.00 refused
          2 customers, 2010-12-01 08:26:00+00:00 to 2010-12-01 08:34:00+00:00,
          complete until 2010-12-01 08:34:00.000001+00:00
          refused: 1 no customer id
          1 rows without customer id
          noted: 2 customer ids were whole floats, now integers
          noted: 3 values of time without a zone, taken as UTC
          noted: 1 negative amounts, kept as refunds
        """
        roles = Roles(
            customer=customer, time=time, kind=kind, amount=amount, quantity=quantity, price=price, item=item,
            known_at=known_at, event_id=event_id, currency=currency, attributes=attributes, facts=facts,
            timezone=timezone, time_format=time_format, complete_until=complete_until, duplicates=duplicates,
            missing_customer=missing_customer, missing_amount=missing_amount, negative=negative, future=future,
        )  # fmt: skip
        schema, until = _checked(roles)
        log = cls._from_parts(read_events(frame, schema, until), schema)
        log.codes_of(schema.facts or None)  # a misspelt kind is an error
        return log

    @classmethod
    def from_parquet(cls, path: PathLike, **roles: Unpack[Roles]) -> EventLog:
        """Read a Parquet file of events, or a folder of them.

        Only the columns named are read.

        Parameters
        ----------
        path : str or path
            The file or the folder.
        **roles : Any
            Everything `from_frame` takes: `customer`, `time`, and so on.

        Returns
        -------
        EventLog
            The events in canonical order.

        Raises
        ------
        ParameterError
            When there is no such file.
        DataError
            When it is not Parquet, and everything `from_frame` raises.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> orders = pd.DataFrame({"id": ["b", "a"], "ts": ["2025-01-05", "2025-01-06"], "note": ["x", "y"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "orders.parquet"
        ...     orders.to_parquet(path)
        ...     log = EventLog.from_parquet(path, customer="id", time="ts")
        >>> log.n_customers
        2
        """
        schema, until = _checked(roles)
        return cls._from_parts(read_events(read_parquet(path, schema), schema, until), schema)

    @classmethod
    def from_csv(cls, path: PathLike, *, delimiter: str = ",", **roles: Unpack[Roles]) -> EventLog:
        r"""Read a CSV file of events, packed (.gz, .bz2, .zst) or not.

        CSV knows no types: ids are read as texts, so that "00042" stays itself,
        and become integers where all of the column are plain integers.

        Parameters
        ----------
        path : str or path
            The file, in UTF-8, with a header.
        delimiter : str, default=","
            What stands between the columns.
        **roles : Any
            Everything `from_frame` takes: `customer`, `time`, and so on.

        Returns
        -------
        EventLog
            The events in canonical order.

        Raises
        ------
        ParameterError
            When there is no such file.
        DataError
            When it is not CSV, and everything `from_frame` raises.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "orders.csv"
        ...     _ = path.write_text("id,ts,total\n00042,2025-01-05,9.90\n00007,2025-01-06,5\n")
        ...     log = EventLog.from_csv(path, customer="id", time="ts", amount="total")
        >>> log.customers.tolist(), log.amount.tolist()
        (['00007', '00042'], [50, 99])
        """
        schema, until = _checked(roles)
        return cls._from_parts(read_events(read_csv(path, schema, delimiter=delimiter), schema, until), schema)

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
        time: IntArray,
        codes: CodeArray | None = None,
        offsets: IntArray | None = None,
        kind: Array | None = None,
        kinds: Sequence[str] = ("event",),
        known: IntArray | None = None,
        amount: IntArray | None = None,
        scale: int = 0,
        currency: str | None = None,
        item: CodeArray | None = None,
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
            raise ParameterError(
                message("neither codes nor offsets were given", "one of them says whose events they are", "codes=")
            )
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
        """How many customers the log names.

        Examples
        --------
        >>> frame = pd.DataFrame({"id": [1, 1], "ts": ["2025-01-05", "2025-01-06"]})
        >>> EventLog.from_frame(frame, customer="id", time="ts").n_customers
        1
        """
        return len(self.customers)

    @property
    def n_events(self) -> int:
        """How many events the log holds; ``len(log)`` says the same.

        Examples
        --------
        >>> frame = pd.DataFrame({"id": [1, 1], "ts": ["2025-01-05", "2025-01-06"]})
        >>> EventLog.from_frame(frame, customer="id", time="ts").n_events
        2
        """
        return len(self.time)

    def __len__(self) -> int:
        return len(self.time)

    @property
    def complete_until(self) -> pd.Timestamp:
        """The instant before which everything is in the log, in the log's zone.

        Examples
        --------
        >>> frame = pd.DataFrame({"id": [1], "ts": ["2025-01-05"]})
        >>> EventLog.from_frame(frame, customer="id", time="ts", complete_until="2025-02-01").complete_until
        Timestamp('2025-02-01 00:00:00+0000', tz='UTC')
        """
        return timestamp(self.complete_until_us, self.timezone)

    @cached_property
    def customer_codes(self) -> CodeArray:
        """The customer code of each event, int32 (read-only).

        Examples
        --------
        >>> frame = pd.DataFrame({"id": [9, 4], "ts": ["2025-01-05", "2025-01-06"]})
        >>> EventLog.from_frame(frame, customer="id", time="ts").customer_codes
        array([0, 1], dtype=int32)
        """
        codes = np.repeat(np.arange(self.n_customers, dtype=np.int32), np.diff(self.offsets))
        codes.setflags(write=False)
        return codes

    @property
    def facts(self) -> tuple[str, ...]:
        """Kinds that state something about customers, and are nothing they did."""
        return self.schema.facts

    @cached_property
    def digest(self) -> str:
        """A fingerprint of everything the log says: 64 hexadecimal digits.

        Logs of equal content have equal digests, whatever frame, engine or row
        order they were read from. Column names and the report are not content.

        Examples
        --------
        >>> frame = pd.DataFrame({"id": [1, 2], "ts": ["2025-01-05", "2025-01-06"]})
        >>> turned = EventLog.from_frame(frame[::-1], customer="id", time="ts")
        >>> turned.digest == EventLog.from_frame(frame, customer="id", time="ts").digest
        True
        """
        head = {
            "kinds": self.kinds,
            "scale": self.scale,
            "currency": self.currency,
            "timezone": self.timezone,
            "complete_until": self.complete_until_us,
            "attributes": list(self.attributes),
            "facts": list(self.facts),
        }
        parts: list[Array | pd.Index[Any] | None] = [self.offsets, self.time, self.known, self.kind, self.amount]
        parts += [self.item, self.customers, self.items, self.event_id]
        for attribute in self.attributes.values():
            parts += [attribute.values, attribute.categories]
        return content_digest(head, parts)

    def codes_of(self, kinds: str | Sequence[str] | None) -> BoolArray:
        """Say which of the log's kinds are meant by a name, or by several.

        Parameters
        ----------
        kinds : str, sequence of str or None
            Names of kinds; None means all of them but those that state facts.

        Returns
        -------
        ndarray of bool, shape (len(kinds),)
            A mask over `kinds`: ``mask[log.kind]`` selects the events.

        Raises
        ------
        ParameterError
            When a kind is not in the log; the nearest one is suggested.

        Examples
        --------
        >>> frame = pd.DataFrame({"id": [1, 1], "ts": ["2025-01-05", "2025-01-06"], "what": ["visit", "order"]})
        >>> log = EventLog.from_frame(frame, customer="id", time="ts", kind="what")
        >>> log.kinds, log.codes_of("order")
        (('order', 'visit'), array([ True, False]))
        """
        if kinds is None:
            return np.array([kind not in self.facts for kind in self.kinds], dtype=bool)
        names = as_names(kinds, name="kinds")
        unknown = [name for name in names if name not in self.kinds]
        if unknown:
            close = difflib.get_close_matches(unknown[0], self.kinds, n=1, cutoff=0.6)
            raise ParameterError(
                message(
                    f"{len(unknown)} of {len(names)} kinds are not in the log: "
                    f"{some([repr(name) for name in unknown])} ({nearest(unknown[0], self.kinds)})",
                    f"its {len(self.kinds)} kinds are {some(self.kinds, 12)}",
                    f"kinds=[{(close or self.kinds)[0]!r}]",
                )
            )
        return np.array([name in names for name in self.kinds], dtype=bool)

    def hidden(self, cutoff_us: int) -> BoolArray:
        """Say which events had happened before an instant, but were not known by then.

        Parameters
        ----------
        cutoff_us : int
            Microseconds of UTC.

        Returns
        -------
        ndarray of bool, shape (n_events,)
            Where ``time < cutoff_us <= known``.

        Examples
        --------
        >>> frame = pd.DataFrame({"id": [1], "ts": ["2025-01-05"], "loaded": ["2025-01-08"]})
        >>> log = EventLog.from_frame(frame, customer="id", time="ts", known_at="loaded")
        >>> log.hidden(to_us("2025-01-06")), log.hidden(to_us("2025-01-09"))
        (array([ True]), array([False]))
        """
        if self.known is None:
            return np.zeros(len(self), dtype=bool)
        return (self.time < cutoff_us) & (self.known >= cutoff_us)

    def subset(self, rows: Array) -> EventLog:
        """Keep some events, and all customers: some may be left without any.

        Codes keep their meaning, which is what a computation wants that leaves
        events out for a while; for a log to keep, see `as_of` and `forget`.

        Parameters
        ----------
        rows : array-like of bool or int
            A mask over the events, or their positions, ascending.

        Returns
        -------
        EventLog
            The same customers, kinds, items and report with fewer events.

        Examples
        --------
        >>> frame = pd.DataFrame({"id": [1, 2], "ts": ["2025-01-05", "2025-01-06"]})
        >>> log = EventLog.from_frame(frame, customer="id", time="ts")
        >>> log.subset(log.time < to_us("2025-01-06")).offsets
        array([0, 1, 1])
        """
        chosen = np.asarray(rows)
        places = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.intp)
        counts = np.bincount(self.customer_codes[places], minlength=self.n_customers)
        return picked(self, places, offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))

    def as_of(self, cutoff: object, *, knowledge: object = None) -> EventLog:
        """Return the log as it stood at an instant.

        Parameters
        ----------
        cutoff : str, date or datetime
            Only what happened before it is kept. Naive: in the log's zone.
        knowledge : str, date, datetime or None, default=None
            Only what was known before it is kept; None takes the cutoff. A
            later one includes what became known afterwards.

        Returns
        -------
        EventLog
            Complete until the cutoff at most. Customers, items and categories
            that appear only later leave no trace; `kinds` stay. Its report
            counts what was left out.

        Raises
        ------
        HistoryError
            When nothing had happened and was known by then.

        Examples
        --------
        >>> frame = pd.DataFrame({"id": [1, 2], "ts": ["2025-01-05", "2025-01-06"]})
        >>> log = EventLog.from_frame(frame, customer="id", time="ts")
        >>> log.as_of("2025-01-06").customers.tolist()
        [1]
        """
        at = to_us(cutoff, self.timezone)
        return as_of(self, at, at if knowledge is None else to_us(knowledge, self.timezone))

    def append(self, frame: Any, *, complete_until: object = None) -> EventLog:
        """Return a log with more events, read by the same schema.

        Parameters
        ----------
        frame : dataframe
            Has the columns this log was read from.
        complete_until : str, datetime or None, default=None
            Everything before this instant is in the log now. None takes the
            instant just after the last event, or that of this log if it is later.

        Returns
        -------
        EventLog
            What reading both tables at once gives. Events before the instant
            this log was complete until are kept, and noted in the report.

        Raises
        ------
        DuplicateError
            When an event id is in the log already (with ``duplicates="error"``).
        ParameterError
            When `complete_until` is earlier than that of this log.
        MoneyError
            When the currency is another, or an amount leaves 64 bits at the
            common scale.

        Examples
        --------
        >>> monday = pd.DataFrame({"id": [1], "ts": ["2025-01-06"], "total": [5]})
        >>> tuesday = pd.DataFrame({"id": [2], "ts": ["2025-01-07"], "total": [0.25]})
        >>> log = EventLog.from_frame(monday, customer="id", time="ts", amount="total").append(tuesday)
        >>> log.amount.tolist(), log.scale
        ([500, 25], 2)
        """
        until = None if complete_until is None else to_us(complete_until, self.timezone)
        if until is not None and until < self.complete_until_us:
            raise ParameterError(
                message(
                    f"complete_until={timestamp(until, self.timezone)} is earlier than {self.complete_until}, "
                    "until when the log is complete already",
                    "an appended log is complete until at least that instant",
                    "leave out complete_until=",
                )
            )
        return appended(self, type(self)._from_parts(read_events(frame, self.schema, until), self.schema))

    def forget(self, ids: Any, *, missing_ok: bool = False) -> EventLog:
        """Return the log without some customers, as if they had never been in it.

        Their items and attribute values go too, where nobody else has them, and
        the report no longer counts their rows and money.

        Parameters
        ----------
        ids : id or sequence of ids
            Whom to forget.
        missing_ok : bool, default=False
            Whether ids that are not in the log are passed over.

        Returns
        -------
        EventLog
            A new log; files written before are not changed.

        Raises
        ------
        DataError
            When an id is not in the log, or nobody is left.

        Examples
        --------
        >>> frame = pd.DataFrame({"id": [1, 2], "ts": ["2025-01-05", "2025-01-06"]})
        >>> EventLog.from_frame(frame, customer="id", time="ts").forget([2]).customers.tolist()
        [1]
        """
        return forgotten(self, ids, missing_ok=check_flag(missing_ok, name="missing_ok"))

    def snapshot(self) -> pa.Table:
        """Return the log as an Arrow table, as `save` writes it.

        Returns
        -------
        pyarrow.Table
            One row per event in canonical order, money as decimals, times in
            UTC. A header in the schema's metadata holds the version, the digest
            and the report. Nothing but the columns the log was read from is in it.

        Examples
        --------
        >>> frame = pd.DataFrame({"id": [1, 2], "ts": ["2025-01-05", "2025-01-06"]})
        >>> EventLog.from_frame(frame, customer="id", time="ts").snapshot().column_names
        ['customer_id', 'time', 'kind']
        """
        return to_table(self if bool(np.diff(self.offsets).all()) else restricted(self, np.ones(len(self), dtype=bool)))

    @classmethod
    def from_snapshot(cls, table: pa.Table) -> EventLog:
        """Rebuild a log from the table `snapshot` returned.

        Parameters
        ----------
        table : pyarrow.Table
            The table, with its header.

        Returns
        -------
        EventLog
            An equal log.

        Raises
        ------
        VersionError
            When the table is no snapshot, of a later version, or was changed.

        Examples
        --------
        >>> frame = pd.DataFrame({"id": [1, 2], "ts": ["2025-01-05", "2025-01-06"]})
        >>> log = EventLog.from_frame(frame, customer="id", time="ts")
        >>> EventLog.from_snapshot(log.snapshot()).digest == log.digest
        True
        """
        fields, digest = fields_of(table)
        log = cls(**fields)
        if log.digest != digest:
            raise VersionError(
                message(
                    f"the snapshot's content has the digest {log.digest[:12]}… and its header says {digest[:12]}…",
                    "a snapshot is read as it was written",
                    "restore the file, or read the events again with EventLog.from_frame",
                )
            )
        return described(log, log.report)

    def save(self, path: PathLike) -> None:
        """Write the log to a file that `load` reads back, and any Arrow reader can read.

        Parameters
        ----------
        path : str or path
            Ends with ``.parquet``, ``.arrow`` or ``.feather``.

        Raises
        ------
        ParameterError
            When the suffix is another.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> frame = pd.DataFrame({"id": [1, 2], "ts": ["2025-01-05", "2025-01-06"]})
        >>> log = EventLog.from_frame(frame, customer="id", time="ts")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     log.save(pathlib.Path(folder) / "log.parquet")
        ...     again = EventLog.load(pathlib.Path(folder) / "log.parquet")
        >>> again.digest == log.digest
        True
        """
        write_log(self.snapshot(), path)

    @classmethod
    def load(cls, path: PathLike) -> EventLog:
        """Read a log that `save` wrote, and check that it is whole.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        EventLog
            An equal log.

        Raises
        ------
        ParameterError
            When there is no such file.
        VersionError
            When it is no saved log, of a later version, or was changed.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> frame = pd.DataFrame({"id": [1, 2], "ts": ["2025-01-05", "2025-01-06"]})
        >>> log = EventLog.from_frame(frame, customer="id", time="ts")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     log.save(pathlib.Path(folder) / "log.arrow")
        ...     EventLog.load(pathlib.Path(folder) / "log.arrow").n_events
        2
        """
        return cls.from_snapshot(read_log(path))

    def to_frame(self) -> pd.DataFrame:
        """Return the events as a pandas frame in canonical order.

        Returns
        -------
        pandas.DataFrame
            Columns ``customer_id``, ``time`` (in the log's zone), ``kind``, and
            ``known_at``, ``amount`` (Decimal), ``item``, the attributes and
            ``event_id`` where the log has them.

        Examples
        --------
        >>> frame = pd.DataFrame({"id": [2, 1], "ts": ["2025-01-05", "2025-01-06"], "total": [2.5, 1]})
        >>> EventLog.from_frame(frame, customer="id", time="ts", amount="total").to_frame()
           customer_id                      time   kind amount
        0            1 2025-01-06 00:00:00+00:00  event    1.0
        1            2 2025-01-05 00:00:00+00:00  event    2.5
        """
        columns: dict[str, Any] = {
            "customer_id": self.customers.take(self.customer_codes),
            "time": timestamps(self.time, self.timezone),
        }
        if self.known is not None:
            columns["known_at"] = timestamps(self.known, self.timezone)
        columns["kind"] = pd.Categorical.from_codes(self.kind, pd.Index(self.kinds))
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
        return _text(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(_text(self))}</pre>"


def _checked(roles: Roles) -> tuple[Schema, int | None]:
    """Split the arguments into the schema and the instant the table is complete until."""
    apart = {"complete_until", "timezone", "attributes", "facts"}
    rest = {name: value for name, value in roles.items() if name not in apart}
    schema = Schema.checked(
        attributes=roles.get("attributes", ()),
        facts=roles.get("facts", ()),
        timezone=roles.get("timezone", "UTC"),
        **rest,
    )
    until = roles.get("complete_until")
    return schema, None if until is None else to_us(until, schema.timezone)


def _text(log: EventLog) -> str:
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
