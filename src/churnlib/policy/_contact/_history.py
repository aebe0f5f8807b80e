"""Past contacts and events of customers, sorted once, so that rules can ask for the latest of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from churnlib._checks import named_rows
from churnlib._frames import column_names, read_columns
from churnlib._ids import check_same_kind, ids_of
from churnlib._typing import BoolArray, CodeArray, IntArray
from churnlib.calendar import Duration, read_times, timestamps
from churnlib.events import EventLog
from churnlib.events._codes import Coded, encode
from churnlib.exceptions import DataError, SchemaError, message, some

__all__ = ["FOREVER", "FREE", "NEVER", "UNKNOWN", "Past", "ends_of", "events_frame", "read_contacts", "read_events"]

NEVER = np.iinfo(np.int64).min
"""Stands for an instant that never was."""

FREE = NEVER
"""The end of a refusal that is none."""

FOREVER = np.iinfo(np.int64).max
"""The end of a refusal without an end."""

UNKNOWN = -1
"""The code of a channel that nobody knows; that of an action without a channel is lower."""

_NO_CHANNEL = -2
CONTACT = "contact"
_TIMES = ("at", "on", "time")
_SKIPPED = frozenset({"none", ""})


@dataclass(frozen=True, slots=True)
class Past:
    """What happened to known customers before an instant, by customer and then by time.

    Attributes
    ----------
    n_customers : int
        How many customers there are.
    customer : ndarray of int64
        Positions of the customers.
    at : ndarray of int64
        Microseconds of UTC.
    label, labels : ndarray of int, tuple of str
        The action or kind of each row, as a code into names; -1 where it has none.
    channel, channels : ndarray of int, tuple of str
        The channel of each row, likewise; `UNKNOWN` where nobody knows it, lower where there is none.
    ignored : mapping of str to int
        How many rows were left out, by reason.
    """

    n_customers: int
    customer: IntArray
    at: IntArray
    label: CodeArray
    labels: tuple[str, ...]
    channel: CodeArray
    channels: tuple[str, ...]
    ignored: Mapping[str, int]

    def labelled(self, *names: str) -> BoolArray:
        """Return the rows with one of these labels."""
        wanted = [code for code, name in enumerate(self.labels) if name in names]
        return np.asarray(np.isin(self.label, wanted))

    def reached_by(self, channel: str) -> BoolArray:
        """Return the rows of a channel."""
        code = self.channels.index(channel) if channel in self.channels else len(self.channels)
        return np.asarray(self.channel == code)

    def latest(self, rows: BoolArray | None = None, *, nth: int = 1) -> IntArray:
        """Return when the n-th latest of these rows was, for each customer.

        Parameters
        ----------
        rows : ndarray of bool, default=None
            Which rows count; None for all.
        nth : int, default=1
            1 for the latest.

        Returns
        -------
        ndarray of int64
            Microseconds, `NEVER` where there are not so many.
        """
        customer, at = (self.customer, self.at) if rows is None else (self.customer[rows], self.at[rows])
        found = np.full(self.n_customers, NEVER, dtype=np.int64)
        if not len(customer):
            return found
        last = np.flatnonzero(np.append(customer[1:] != customer[:-1], True))
        before = last - (nth - 1)
        enough = (before >= 0) & (customer[np.maximum(before, 0)] == customer[last])
        found[customer[last[enough]]] = at[before[enough]]
        return found


def ends_of(since: IntArray, length: Duration | None, on: int, tz: str) -> IntArray:
    """Return until when a refusal lasts that began at these instants; `FREE` where it is over by now.

    Parameters
    ----------
    since : ndarray of int64
        When each began, `NEVER` where none did.
    length : Duration or None
        How long it lasts; None for ever.
    on : int
        The instant of the decision. What ends at it is over.
    tz : str
        The zone of months and years.

    Returns
    -------
    ndarray of int64
        `FREE`, an instant after `on`, or `FOREVER`.
    """
    began = since != NEVER
    if length is None:
        return np.where(began, FOREVER, FREE)
    ends = np.full(len(since), FREE, dtype=np.int64)
    ends[began] = length.after(since[began], tz)
    return np.where(ends > on, ends, FREE)


def read_contacts(
    history: Any,
    customers: pd.Index[Any],
    *,
    on: int,
    tz: str,
    channel_of: Mapping[str, str | None],
    since: int = NEVER,
) -> tuple[Past, Past | None]:
    """Read past contacts.

    Parameters
    ----------
    history : dataframe or None
        One row per contact: customer_id; at, on or time; action, channel, or both; kind, where rows
        that are no "contact" are events.
    customers : Index
        The customers of the decision.
    on : int
        Its instant; what happened at it or later is left out.
    tz : str
        The zone of times without one.
    channel_of : mapping of str to (str or None)
        The channel of each action of the catalogue, for rows that name none.
    since : int
        Contacts before it are left out: no rule looks back so far.

    Returns
    -------
    contacts : Past
        The contacts.
    events : Past or None
        The rows of other kinds; None where the history has no kinds.

    Raises
    ------
    SchemaError
        When a column is missing or cannot serve.
    DataError
        When a customer or an instant is missing.
    """
    if history is None:
        return _past(customers, _empty(), on, {}), None
    frame = _with_id(history)
    names = column_names(frame)
    roles = {"customer": "customer_id", "time": _time_column(names, "history")}
    roles |= {role: role for role in ("action", "channel", "kind") if role in names}
    if "action" not in roles and "channel" not in roles:
        raise SchemaError(
            message(
                f"the history has neither actions nor channels (its columns are {some(names, 12)})",
                "each contact has an action, a channel, or both",
                "history.rename(columns={'campaign': 'action'})",
            )
        )
    rows = _read(frame, roles, customers, tz, "history")
    is_event, other = np.zeros(len(rows.at), dtype=bool), None
    if rows.kind is not None:
        contact = [code for code, name in enumerate(rows.kinds) if name == CONTACT]
        is_event = (rows.kind >= 0) & ~np.isin(rows.kind, contact)
        other = _past(customers, rows.only(is_event).named_by_kind(), on, {})
    doing_nothing = np.isin(rows.label, [code for code, name in enumerate(rows.labels) if name in _SKIPPED])
    doing_nothing |= (rows.label < 0) & (rows.channel < 0)
    left_out = {"without an action": int((doing_nothing & ~is_event).sum())}
    kept = rows.only(~is_event & ~doing_nothing).with_channels(channel_of)
    return _past(customers, kept, on, left_out, since), other


def read_events(events: Any, customers: pd.Index[Any], *, on: int, tz: str) -> Past:
    """Read past events, such as complaints.

    Parameters
    ----------
    events : EventLog or dataframe
        customer_id, kind and time (or at).
    customers : Index
        The customers of the decision.
    on : int
        Its instant; what happened at it or later, or was not known before it, is left out.
    tz : str
        The zone of times without one.

    Returns
    -------
    Past
        The events.

    Raises
    ------
    SchemaError
        When a column is missing or cannot serve.
    DataError
        When a customer or an instant is missing.
    """
    frame = _with_id(events_frame(events, on))
    roles = {"customer": "customer_id", "time": _time_column(column_names(frame), "events"), "kind": "kind"}
    return _past(customers, _read(frame, roles, customers, tz, "events").named_by_kind(), on, {})


def events_frame(events: Any, on: int) -> Any:
    """Return a frame of what was known before an instant."""
    if not isinstance(events, EventLog):
        return events
    known = events.subset(np.flatnonzero(~events.hidden(on)))
    columns: dict[str, Any] = {
        "customer_id": known.customers.take(known.customer_codes),
        "time": timestamps(known.time, known.timezone),
        "kind": pd.Categorical.from_codes(known.kind, pd.Index(known.kinds)),
    }
    for name, attribute in known.attributes.items():
        codes = attribute.categories
        columns[name] = attribute.values if codes is None else pd.Categorical.from_codes(attribute.values, codes)
    return pd.DataFrame(columns)


# -- reading ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows as they came; customers by their positions, -1 for others."""

    customer: IntArray
    at: IntArray
    label: CodeArray
    labels: tuple[str, ...]
    channel: CodeArray
    channels: tuple[str, ...]
    kind: CodeArray | None
    kinds: tuple[str, ...]

    def only(self, rows: BoolArray) -> _Rows:
        if rows.all():
            return self
        kind = None if self.kind is None else self.kind[rows]
        taken = (self.customer[rows], self.at[rows], self.label[rows], self.labels)
        return _Rows(*taken, self.channel[rows], self.channels, kind, self.kinds)

    def named_by_kind(self) -> _Rows:
        assert self.kind is not None
        taken = (self.customer, self.at, self.kind, self.kinds, self.channel, self.channels)
        return _Rows(*taken, self.kind, self.kinds)

    def with_channels(self, channel_of: Mapping[str, str | None]) -> _Rows:
        """Give rows without a channel that of their action."""
        channels = tuple(dict.fromkeys([*self.channels, *(name for name in channel_of.values() if name is not None)]))
        codes = np.full(len(self.labels) + 1, UNKNOWN, dtype=np.int32)  # the last for the code -1
        for code, label in enumerate(self.labels):
            if label in channel_of:
                name = channel_of[label]
                codes[code] = _NO_CHANNEL if name is None else channels.index(name)
        channel = np.where(self.channel >= 0, self.channel, codes[self.label])
        taken = (self.customer, self.at, self.label, self.labels)
        return _Rows(*taken, channel, channels, self.kind, self.kinds)


def _empty() -> _Rows:
    none, nowhen = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64)
    return _Rows(nowhen, nowhen, none, (), none, (), None, ())


def _with_id(frame: Any) -> Any:
    if isinstance(frame, pd.DataFrame) and "customer_id" not in frame.columns and "customer_id" in frame.index.names:
        return frame.reset_index("customer_id")
    return frame


def _time_column(names: list[str], what: str) -> str:
    found = [name for name in _TIMES if name in names]
    if found:
        return found[0]
    raise SchemaError(
        message(
            f"the {what} says not when (its columns are {some(names, 12)})",
            "a column at, on or time was expected",
            f"{what}.rename(columns={{'sent': 'at'}})",
        )
    )


def _read(frame: Any, roles: dict[str, str], customers: pd.Index[Any], tz: str, what: str) -> _Rows:
    columns = read_columns(frame, roles)
    times = read_times(columns["time"], tz, name=roles["time"])
    _refuse_missing(times.missing, roles["time"], "instant", what)
    position = _positions(columns["customer"], customers, what)
    n = len(times.us)
    label, labels = _coded(columns.get("action"), "action", n)
    channel, channels = _coded(columns.get("channel"), "channel", n)
    kind, kinds = _coded(columns.get("kind"), "kind", n)
    return _Rows(position, times.us, label, labels, channel, channels, kind if "kind" in columns else None, kinds)


def _positions(column: Any, customers: pd.Index[Any], what: str) -> IntArray:
    """Return the place of each row's customer among the customers, -1 where there is none."""
    if isinstance(column, pa.ChunkedArray):
        _refuse_missing(np.asarray(column.is_null().to_numpy()), "customer_id", "customer", what)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if len(customers) and customers.inferred_type == "string" and _is_text(column.type):
            # Arrow's table of texts: a fraction of the time that one of Python's takes
            known = pa.array(customers, from_pandas=True).cast(pa.large_string())
            found = pc.index_in(column.cast(pa.large_string()), value_set=known)
            return np.asarray(found.fill_null(-1).to_numpy(), dtype=np.int64)
    ids = ids_of(column)
    check_same_kind(customers, ids)
    return customers.get_indexer(ids).astype(np.int64)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _refuse_missing(missing: BoolArray | None, column: str, name: str, what: str) -> None:
    if missing is not None and missing.any():
        raise DataError(
            message(
                f"{int(missing.sum()):,} of {len(missing):,} rows of the {what} have no {name} ({named_rows(missing)})",
                "nobody can say whether they count",
                f"{what}.dropna(subset=[{column!r}]), and count them",
            )
        )


def _coded(column: Any, name: str, n: int) -> tuple[CodeArray, tuple[str, ...]]:
    if column is None:
        return np.full(n, -1, dtype=np.int32), ()
    found: Coded = encode(column, name=name)
    return found.codes, tuple(str(value) for value in found.values)


def _past(customers: pd.Index[Any], rows: _Rows, on: int, left_out: Mapping[str, int], since: int = NEVER) -> Past:
    later, stranger = rows.at >= on, rows.customer < 0
    ignored = dict(left_out) | {"at the decision or later": int(later.sum())}
    ignored["of other customers"] = int((stranger & ~later).sum())
    kept = np.flatnonzero(~(later | stranger) & (rows.at >= since))
    kept = kept[_order(rows.customer[kept], np.take(rows.at, kept), len(customers))]
    return Past(
        len(customers), rows.customer[kept], np.take(rows.at, kept),
        rows.label[kept], rows.labels, rows.channel[kept], rows.channels, ignored,
    )  # fmt: skip


def _order(position: IntArray, at: IntArray, n_customers: int) -> IntArray:
    """Sort by customer, then time: by time first, and the customers are then counted out, which is no sort at all."""
    by_time = np.arange(len(at)) if bool((at[1:] >= at[:-1]).all()) else np.argsort(at)
    row = sparse.csr_matrix((by_time, position[by_time], np.array([0, len(at)])), shape=(1, n_customers))
    return np.asarray(row.tocsc().data, dtype=np.int64)
