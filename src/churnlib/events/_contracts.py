"""Contracts: from when to when each customer was bound, and by which plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from churnlib._checks import check_choice, named_rows
from churnlib._frames import Column, read_columns
from churnlib._typing import Array, BoolArray, CodeArray, IntArray, TimeArray
from churnlib.calendar import read_times, timestamp, timestamps, to_us, zone_name
from churnlib.events._codes import Coded, compact, encode
from churnlib.events._digest import content_digest
from churnlib.events._order import canonical_order
from churnlib.events._report import QualityReport
from churnlib.exceptions import DataError, TimeError, message

__all__ = ["OPEN_END", "Contracts"]

OPEN_END = int(np.iinfo(np.int64).max)
"""Stands for the end of a contract that has none, and for a renewal that is not due."""


@dataclass(frozen=True, eq=False, repr=False)
class Contracts:
    """From when to when customers were bound by contract: immutable and canonically ordered.

    A contract covers ``[start, end)``. One without an end is open. Contracts of
    a customer may follow each other, leave gaps or overlap; what that means is
    for the definition of churn to say.

    Parameters
    ----------
    customers : pandas.Index
        Distinct customer ids, ascending.
    offsets : ndarray of int64, shape (n_customers + 1,)
        Contracts of customer code i are rows ``offsets[i]:offsets[i + 1]``,
        ordered by start, then end.
    start, end : ndarray of int64, shape (n_contracts,)
        Microseconds of UTC; `OPEN_END` where there is no end.
    complete_until_us : int
        What happened to contracts before this instant is in the table.
    timezone : str, default="UTC"
        The zone of naive times.
    known : ndarray of int64 or None, default=None
        When each row became known; None when contracts are known from their start.
    plan : ndarray of int32 or None, default=None
        Codes into `plans`; -1 where not stated.
    plans : pandas.Index or None, default=None
        Distinct plans, ascending.
    cause : ndarray of int32 or None, default=None
        Why the contract ended: codes into `causes`; -1 where not stated.
    causes : pandas.Index or None, default=None
        Distinct causes, ascending.
    renewal : ndarray of int64 or None, default=None
        When the contract comes up for renewal; `OPEN_END` where not stated.
    report : QualityReport
        What reading the table counted.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {
    ...         "account": ["b", "a", "a"],
    ...         "from": ["2025-03-01", "2025-02-01", "2025-01-01"],
    ...         "to": [None, "2025-03-01", "2025-02-01"],
    ...         "tariff": ["gold", "gold", "basic"],
    ...     }
    ... )
    >>> contracts = Contracts.from_frame(table, customer="account", start="from", end="to", plan="tariff")
    >>> contracts
    Contracts: 3 contracts of 2 customers, 1 of them open, 2025-01-01 00:00:00 to 2025-03-01 00:00:00 UTC
    >>> contracts.plans[contracts.plan].tolist()
    ['basic', 'gold', 'gold']
    """

    customers: pd.Index[Any]
    offsets: IntArray
    start: TimeArray
    end: TimeArray
    complete_until_us: int
    timezone: str = "UTC"
    known: TimeArray | None = None
    plan: CodeArray | None = None
    plans: pd.Index[Any] | None = None
    cause: CodeArray | None = None
    causes: pd.Index[Any] | None = None
    renewal: TimeArray | None = None
    report: QualityReport = field(default_factory=lambda: QualityReport(0, 0))

    def __post_init__(self) -> None:
        for array in (self.offsets, self.start, self.end, self.known, self.plan, self.cause, self.renewal):
            if array is not None:
                array.setflags(write=False)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        customer: str,
        start: str,
        end: str,
        plan: str | None = None,
        cause: str | None = None,
        renewal: str | None = None,
        known_at: str | None = None,
        complete_until: object = None,
        timezone: str = "UTC",
        missing_customer: Literal["error", "drop"] = "error",
    ) -> Contracts:
        """Read a table with one row per contract.

        Parameters
        ----------
        frame : dataframe
            pandas, polars, a pyarrow Table or a DuckDB relation; it is not modified.
        customer, start, end : str
            Columns of the customer id and of the first and the first-no-more
            instant. A missing end leaves the contract open. An end that is written
            only when the customer leaves tells the future to features of the term,
            `MonthsToContractEnd`: give the agreed date as `renewal` beside it.
        plan, cause : str or None, default=None
            Columns of the plan, and of the reason the contract ended.
        renewal : str or None, default=None
            Column of the instant the contract comes up for renewal.
        known_at : str or None, default=None
            Column of the instant the row became known.
        complete_until : str, datetime or None, default=None
            What happened before this instant is in the table. None takes the
            instant after the last start, or after the last row became known.
        timezone : str, default="UTC"
            The zone of naive times.
        missing_customer : {"error", "drop"}, default="error"
            What to do with a row that names no customer.

        Returns
        -------
        Contracts
            The contracts in canonical order.

        Raises
        ------
        SchemaError
            When a column is missing or of the wrong type.
        TimeError
            When a time cannot be read or a start is missing.
        DataError
            When the table is empty, a contract does not end after it starts,
            starts or becomes known at or after `complete_until`, or names no customer.

        Examples
        --------
        >>> table = pd.DataFrame({"id": [1], "from": ["2025-01-01"], "to": ["2026-01-01"]})
        >>> contracts = Contracts.from_frame(table, customer="id", start="from", end="to")
        >>> contracts.end.tolist() == [to_us("2026-01-01")]
        True
        """
        check_choice(missing_customer, ("error", "drop"), name="missing_customer")
        zone = zone_name(timezone)
        roles = {"customer": customer, "start": start, "end": end, "plan": plan, "cause": cause}
        roles |= {"renewal": renewal, "known_at": known_at}
        names = {role: name for role, name in roles.items() if name is not None}
        table = _Table(read_columns(frame, names), names, zone)
        until = None if complete_until is None else to_us(complete_until, zone)
        return cls(**_read(table, until, missing_customer))

    @property
    def n_customers(self) -> int:
        """How many customers have a contract.

        Examples
        --------
        >>> table = pd.DataFrame({"id": [1, 1], "from": ["2025-01-01", "2025-06-01"], "to": [None, None]})
        >>> Contracts.from_frame(table, customer="id", start="from", end="to").n_customers
        1
        """
        return len(self.customers)

    def __len__(self) -> int:
        return len(self.start)

    @property
    def complete_until(self) -> pd.Timestamp:
        """The instant before which all changes are in the table, in its zone.

        Examples
        --------
        >>> table = pd.DataFrame({"id": [1], "from": ["2025-01-01"], "to": [None]})
        >>> Contracts.from_frame(
        ...     table, customer="id", start="from", end="to", complete_until="2025-07-01"
        ... ).complete_until
        Timestamp('2025-07-01 00:00:00+0000', tz='UTC')
        """
        return timestamp(self.complete_until_us, self.timezone)

    @cached_property
    def customer_codes(self) -> CodeArray:
        """The customer code of each contract (read-only).

        Examples
        --------
        >>> table = pd.DataFrame({"id": [5, 4], "from": ["2025-01-01"] * 2, "to": [None, None]})
        >>> Contracts.from_frame(table, customer="id", start="from", end="to").customer_codes
        array([0, 1], dtype=int32)
        """
        codes = np.repeat(np.arange(self.n_customers, dtype=np.int32), np.diff(self.offsets))
        codes.setflags(write=False)
        return codes

    @cached_property
    def digest(self) -> str:
        """A fingerprint of everything the contracts say: 64 hexadecimal digits.

        Examples
        --------
        >>> table = pd.DataFrame({"id": [5, 4], "from": ["2025-01-01"] * 2, "to": [None, None]})
        >>> one = Contracts.from_frame(table, customer="id", start="from", end="to")
        >>> one.digest == Contracts.from_frame(table[::-1], customer="id", start="from", end="to").digest
        True
        """
        head = {"timezone": self.timezone, "complete_until": self.complete_until_us}
        arrays = [self.offsets, self.start, self.end, self.known, self.plan, self.cause, self.renewal]
        return content_digest(head, [*arrays, self.customers, self.plans, self.causes])

    def to_frame(self) -> pd.DataFrame:
        """Return the contracts as a pandas frame in canonical order.

        Returns
        -------
        pandas.DataFrame
            Columns ``customer_id``, ``start``, ``end`` (NaT while open), and
            ``plan``, ``cause``, ``renewal`` and ``known_at`` where there are any.

        Examples
        --------
        >>> table = pd.DataFrame({"id": [1], "from": ["2025-01-01"], "to": [None]})
        >>> Contracts.from_frame(table, customer="id", start="from", end="to").to_frame()
           customer_id                     start end
        0            1 2025-01-01 00:00:00+00:00 NaT
        """
        columns: dict[str, Any] = {
            "customer_id": self.customers.take(self.customer_codes),
            "start": timestamps(self.start, self.timezone),
            "end": _open_times(self.end, self.timezone),
        }
        for name, codes, values in (("plan", self.plan, self.plans), ("cause", self.cause, self.causes)):
            if codes is not None and values is not None:
                columns[name] = pd.Categorical.from_codes(codes, values)
        if self.renewal is not None:
            columns["renewal"] = _open_times(self.renewal, self.timezone)
        if self.known is not None:
            columns["known_at"] = timestamps(self.known, self.timezone)
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        first, last = (
            timestamp(int(at), self.timezone).tz_localize(None) for at in (self.start.min(), self.start.max())
        )
        return (
            f"Contracts: {len(self):,} contracts of {self.n_customers:,} customers, "
            f"{int((self.end == OPEN_END).sum()):,} of them open, {first} to {last} {self.timezone}"
        )


@dataclass(frozen=True, slots=True)
class _Table:
    """The columns of a table of contracts, by role."""

    columns: dict[str, Column]
    names: dict[str, str]
    timezone: str

    def times(self, role: str, *, open_end: bool) -> TimeArray | None:
        """Read a column of times; a missing one is an open end, or an error."""
        if role not in self.columns:
            return None
        times = read_times(self.columns[role], self.timezone, name=self.names[role])
        if times.missing is None or not times.missing.any():
            return times.us
        if open_end:
            return np.where(times.missing, OPEN_END, times.us)
        raise TimeError(
            message(
                f"{int(times.missing.sum())} contracts have no {role} in column {self.names[role]!r} "
                f"({named_rows(times.missing)})",
                f"every contract has a {role}",
                f"frame.dropna(subset=[{self.names[role]!r}])",
            )
        )

    def codes(self, role: str) -> Coded | None:
        """Read a column of names."""
        return encode(self.columns[role], name=self.names[role]) if role in self.columns else None


def _read(table: _Table, until: int | None, missing_customer: str) -> dict[str, Any]:
    """Read the columns, check the rows and order them: the fields of `Contracts`."""
    who = encode(table.columns["customer"], name=table.names["customer"])
    n = len(who.codes)
    if not n:
        raise DataError(message("the table has no rows", "at least one contract was expected", "leave out contracts="))
    start, end = table.times("start", open_end=False), table.times("end", open_end=True)
    assert start is not None
    assert end is not None
    known, renewal = table.times("known_at", open_end=False), table.times("renewal", open_end=True)
    plan, cause = table.codes("plan"), table.codes("cause")
    _check_spans(start, end, table)
    seen = start if known is None else np.maximum(start, known)
    limit = int(seen.max()) + 1 if until is None else until
    _check_future(seen >= limit, limit, table)
    nobody = who.codes < 0
    if nobody.any() and missing_customer == "error":
        raise DataError(
            message(
                f"{int(nobody.sum())} contracts have no customer id in column {table.names['customer']!r} "
                f"({named_rows(nobody)})",
                "every contract belongs to a customer",
                "missing_customer='drop' refuses these rows and counts them",
            )
        )
    kept = np.flatnonzero(~nobody)
    codes, customers = compact(who.codes[kept], who.values)
    ties = [column for column in (end, _codes_of(plan), _codes_of(cause), renewal, seen) if column is not None]
    order, offsets, identical = canonical_order(codes, len(customers), start[kept], [column[kept] for column in ties])
    rows = kept[order]
    plan_codes, plans = _picked(plan, rows)
    cause_codes, causes = _picked(cause, rows)
    return {
        "customers": customers,
        "offsets": offsets,
        "start": start[rows],
        "end": end[rows],
        "complete_until_us": limit,
        "timezone": table.timezone,
        "known": None if known is None else seen[rows],
        "plan": plan_codes,
        "plans": plans,
        "cause": cause_codes,
        "causes": causes,
        "renewal": None if renewal is None else renewal[rows],
        "report": QualityReport(
            input_rows=n,
            kept=len(rows),
            reasons={"no customer id": int(nobody.sum())},
            notes={
                "customer ids were whole floats, now integers": who.integral,
                "identical rows": identical,
                "without an end": int((end[rows] == OPEN_END).sum()),
            },
            null_customers=int(nobody.sum()),
            customers=len(customers),
            first=timestamp(int(start[rows].min()), table.timezone),
            last=timestamp(int(start[rows].max()), table.timezone),
            complete_until=timestamp(limit, table.timezone),
        ),
    }


def _check_spans(start: TimeArray, end: TimeArray, table: _Table) -> None:
    backwards = end <= start
    if backwards.any():
        raise DataError(
            message(
                f"{int(backwards.sum())} contracts do not end after they start ({named_rows(backwards)})",
                f"{table.names['end']!r} is later than {table.names['start']!r}, or missing",
                f"frame[frame[{table.names['end']!r}] > frame[{table.names['start']!r}]]",
            )
        )


def _check_future(future: BoolArray, limit: int, table: _Table) -> None:
    if future.any():
        raise DataError(
            message(
                f"{int(future.sum())} contracts start or become known at or after complete_until, "
                f"{timestamp(limit, table.timezone)} ({named_rows(future)})",
                "the table is complete until that instant, so nothing begins after it",
                "give a later complete_until",
            )
        )


def _codes_of(coded: Coded | None) -> CodeArray | None:
    return None if coded is None else coded.codes


def _picked(coded: Coded | None, rows: Array) -> tuple[CodeArray | None, pd.Index[Any] | None]:
    return (None, None) if coded is None else compact(coded.codes[rows], coded.values)


def _open_times(us: TimeArray, timezone: str) -> pd.Series[Any]:
    """Name instants, and leave an open end blank."""
    closed = us != OPEN_END
    return pd.Series(timestamps(np.where(closed, us, 0), timezone)).where(closed)
