"""Purchases as they stand in a log or in any other table, ready to be summed up at any cutoff."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from churnlib._checks import as_names, check_choice, named_rows
from churnlib._frames import Column, read_columns
from churnlib._typing import BoolArray, CodeArray, IntArray
from churnlib.calendar import PeriodGrid, timestamp, to_us, zone_name
from churnlib.events._codes import encode
from churnlib.events._counts import Counts
from churnlib.events._log import EventLog
from churnlib.events._money import read_amounts
from churnlib.events._purchases import Holdout, Purchases, Totals, totals
from churnlib.events._roles import read_instants, read_kinds
from churnlib.events._schema import Schema
from churnlib.exceptions import (
    DataError,
    HistoryError,
    MoneyError,
    ParameterError,
    ParameterTypeError,
    message,
    nearest,
    some,
)

__all__ = ["Negative", "PurchaseRows", "read_purchases"]

Negative = Literal["error", "refund", "purchase"]

_USUAL = ("order", "purchase", "transaction")
"""What purchases are called, the likeliest word first."""


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class PurchaseRows:
    """The purchases of a table: who, when, and for how much. Make it with `read_purchases`.

    Parameters
    ----------
    customers : pandas.Index
        Ids, ascending.
    codes : ndarray of int32
        Whose each purchase is.
    us : ndarray of int64
        When it happened, in microseconds of UTC.
    known : ndarray of int64 or None, default=None
        When it became known; None when at once.
    minor : ndarray of int64 or None, default=None
        Its money: ``minor / 10**scale``.
    scale : int, default=0
        Decimals of the money.
    refund : ndarray of bool or None, default=None
        Rows that give money back and are no purchase.
    timezone : str, default="UTC"
        The zone of the calendar, and of naive cutoffs.
    seen_until_us : int
        The instant just after the last event of the table, or the one a log is complete until.
    complete : bool
        Whether nothing can be said beyond that instant: so it is for a log.
    ordered : bool
        Whether rows ascend by customer, then time.

    Examples
    --------
    >>> orders = pd.DataFrame({"id": [7, 3, 7], "ts": ["2025-01-09", "2025-01-05", "2025-01-02"]})
    >>> rows = read_purchases(orders, customer="id", time="ts")
    >>> rows.before("2025-01-06").n_orders, rows.before().n_orders
    (array([1, 1]), array([1, 2]))
    """

    customers: pd.Index[Any]
    codes: CodeArray
    us: IntArray
    known: IntArray | None = None
    minor: IntArray | None = None
    scale: int = 0
    refund: BoolArray | None = None
    timezone: str = "UTC"
    seen_until_us: int = 0
    complete: bool = False
    ordered: bool = False
    _memo: dict[str, IntArray] = field(default_factory=dict, init=False)

    def before(self, cutoff: object = None, *, period: str = "D") -> Purchases:
        """Sum up what had happened, and was known, before a cutoff.

        Parameters
        ----------
        cutoff : str, date, datetime or None, default=None
            Half-open: an event at the cutoff itself does not count. None takes the
            instant a log is complete until, or the one just after a table's last event.
        period : {"s", "min", "h", "D", "W", "M", "Y"}, default="D"
            Several purchases in one period are one (see `PeriodGrid`).

        Returns
        -------
        Purchases
            One entry per customer with a purchase before the cutoff, ascending by id.

        Raises
        ------
        HistoryError
            When nothing was bought before the cutoff, or it lies beyond the end of a log.

        Examples
        --------
        >>> orders = pd.DataFrame({"id": [7, 7, 7], "ts": ["2025-01-01", "2025-01-05", "2025-01-08"]})
        >>> rows = read_purchases(orders, customer="id", time="ts")
        >>> rows.before(period="D").n_periods, rows.before(period="W").n_periods
        (array([3]), array([2]))
        """
        grid = PeriodGrid(period, self.timezone)
        at = self._instant(cutoff, "cutoff")
        keep = self._known_before(at)
        found = self._totals(grid, keep)
        bought = np.flatnonzero(found.n_orders)
        if not len(bought):
            raise HistoryError(_nothing_before(self, at))
        last = found.last[bought]
        counted = None if self.minor is None else self.minor if keep is None else self.minor[keep]
        return Purchases(
            customers=self.customers if len(bought) == len(self.customers) else self.customers.take(bought),
            cutoff_us=at,
            grid=grid,
            end=_last_period(grid, at, last),
            first=found.first[bought],
            last=last,
            last_us=found.last_us[bought],
            n_orders=found.n_orders[bought],
            n_periods=found.n_periods[bought],
            spend=None if found.spend is None else found.spend[bought],
            spend_later=None if found.spend_later is None else found.spend_later[bought],
            scale=self.scale,
            n_free=0 if counted is None else int(np.count_nonzero(counted == 0)),
            n_refunds=0 if counted is None else int(np.count_nonzero(counted < 0)),
        )

    def holdout(self, calibration: Purchases, end: object = None) -> Holdout:
        """Sum up what the customers of a calibration bought from its cutoff on.

        Parameters
        ----------
        calibration : Purchases
            What `before` returned for the cutoff.
        end : str, date, datetime or None, default=None
            Half-open. None takes the instant a log is complete until, or the one just
            after a table's last event.

        Returns
        -------
        Holdout
            One entry per customer of the calibration, in its order; zeros for those who
            bought nothing. What was bought between the cutoff and the end counts whenever it
            became known: it is what happened. So `n_periods` of both add up to that of
            ``before(end)`` unless events became known only after the cutoff, or the end, before
            which they happened.

        Raises
        ------
        HistoryError
            When no whole period lies between the cutoff and the end, or the end lies
            beyond that of a log.

        Examples
        --------
        >>> orders = pd.DataFrame({"id": [7, 3, 7], "ts": ["2025-01-01", "2025-01-02", "2025-01-08"]})
        >>> rows = read_purchases(orders, customer="id", time="ts")
        >>> rows.holdout(rows.before("2025-01-05")).n_periods
        array([0, 1])
        """
        grid, cutoff = calibration.grid, calibration.cutoff_us
        at = self._instant(end, "holdout_end")
        early = self._known_before(cutoff)
        both = None if early is None else early | ((self.us >= cutoff) & (self.us < at))
        whole = self._totals(grid, both)
        last = _last_period(grid, at, whole.last[whole.n_periods > 0])
        if last <= calibration.end:
            raise HistoryError(_no_holdout(self, cutoff, at, grid))
        past = self._totals(grid, early)
        places = self.customers.get_indexer(calibration.customers)
        spend = None if whole.spend is None or past.spend is None else (whole.spend - past.spend)[places]
        return Holdout(end=last, n_periods=(whole.n_periods - past.n_periods)[places], spend=spend)

    def _totals(self, grid: PeriodGrid, keep: BoolArray | None) -> Totals:
        """Sum up the rows to keep; None keeps all."""
        columns = (self.codes, self._numbers(grid), self.us, self.minor, self.refund)
        chosen: Any = columns
        if keep is not None:
            places = np.flatnonzero(keep)
            chosen = [None if column is None else column.take(places) for column in columns]
        return totals(*chosen, n_customers=len(self.customers), ordered=self.ordered)

    def _numbers(self, grid: PeriodGrid) -> IntArray:
        """Number the periods of all rows once; several cutoffs ask for the same."""
        if grid.period not in self._memo:
            self._memo.clear()
            self._memo[grid.period] = grid.number(self.us)
        return self._memo[grid.period]

    def _known_before(self, at: int) -> BoolArray | None:
        """Say which rows had happened and were known; None when all had and were."""
        latest = self.us if self.known is None else self.known  # never before it happened
        return None if not len(latest) or int(latest.max()) < at else latest < at

    def _instant(self, value: object, name: str) -> int:
        if value is None:
            return self.seen_until_us
        at = to_us(value, self.timezone)
        if self.complete and at > self.seen_until_us:
            raise HistoryError(
                message(
                    f"{name}={timestamp(at, self.timezone)} lies beyond the end of the log, "
                    f"{timestamp(self.seen_until_us, self.timezone)}",
                    "whether somebody bought is known only up to there",
                    f"an earlier {name}, or EventLog.from_frame(..., complete_until=...) if the data reach further",
                )
            )
        return at


def read_purchases(
    data: Any,
    *,
    customer: str | None = None,
    time: str | None = None,
    amount: str | None = None,
    kind: str | None = None,
    kinds: str | Sequence[str] | None = None,
    timezone: str | None = None,
    time_format: str | None = None,
    negative: Negative = "error",
) -> PurchaseRows:
    """Take the purchases out of a log, or out of any table.

    An event of no money is a purchase like any other. A table with doubtful rows
    (without customer, without amount, repeated) is read by `EventLog.from_frame`, which
    has a rule for each and counts what it did.

    Parameters
    ----------
    data : EventLog or dataframe
        pandas, polars, a pyarrow Table or a DuckDB relation; one row per purchase. It is
        not modified.
    customer, time : str or None, default=None
        For a table: the columns of the customer id and of when it happened.
    amount : str or None, default=None
        For a table: the column of money, of at most six decimals.
    kind : str or None, default=None
        For a table: the column of what happened.
    kinds : str, sequence of str or None, default=None
        Which kinds of events are purchases. None takes them all, and is an error where
        there are several, because a visit is no purchase.
    timezone : str or None, default=None
        For a table: the zone of naive times and of the calendar, UTC unless said. A log
        has its own.
    time_format : str or None, default=None
        For a table: a strptime format for times that are texts but not ISO 8601.
    negative : {"error", "refund", "purchase"}, default="error"
        What a negative amount is. "refund" takes it off the spend and counts no
        purchase, so that a customer with nothing else has bought nothing; "purchase"
        counts it like any other event, with its sign.

    Returns
    -------
    PurchaseRows
        The rows, to be summed up with `before`.

    Raises
    ------
    SchemaError
        When a column is missing or of the wrong type.
    TimeError
        When times cannot be read or are missing.
    MoneyError
        When amounts are missing, too fine, or negative without a rule.
    DataError
        When the table is empty, or a customer or kind is missing.
    ParameterError, ParameterTypeError
        When an argument cannot work.

    Examples
    --------
    >>> shop = pd.DataFrame(
    ...     {"id": [1, 1, 1], "ts": ["2025-01-05", "2025-01-06", "2025-01-09"], "total": [10, -10, 0.5]}
    ... )
    >>> columns = {"customer": "id", "time": "ts", "amount": "total"}
    >>> for negative in ("refund", "purchase"):
    ...     bought = read_purchases(shop, negative=negative, **columns).before()
    ...     print(bought.n_orders, bought.money(bought.spend))
    [2] [0.5]
    [3] [0.5]
    """
    choices: tuple[Negative, ...] = ("error", "refund", "purchase")
    rule = check_choice(negative, choices, name="negative")
    columns = {"customer": customer, "time": time, "amount": amount, "kind": kind}
    named = {role: name for role, name in columns.items() if name is not None}
    if isinstance(data, EventLog):
        given = named | {name: value for name, value in (("timezone", timezone), ("time_format", time_format)) if value}
        return _from_log(data, kinds, rule, given)
    return _from_table(data, named, kinds, rule, zone=timezone or "UTC", time_format=time_format)


def _from_log(log: EventLog, kinds: str | Sequence[str] | None, rule: Negative, given: dict[str, str]) -> PurchaseRows:
    if given:
        raise ParameterError(
            message(
                f"{some([f'{name}={value!r}' for name, value in given.items()])} beside an EventLog",
                "a log knows its columns and its zone",
                "leave them out",
            )
        )
    wanted = _wanted(log.kinds, log.facts, kinds, lambda: _paid(log.kinds, log.kind, log.amount))
    places = None if wanted.all() else np.flatnonzero(wanted[log.kind])

    def pick(column: Any) -> Any:
        return column if column is None or places is None else column.take(places)

    us, codes, minor = pick(log.time), pick(log.customer_codes), pick(log.amount)
    negative = _negative(minor)
    if negative is not None and rule == "error":
        at = int(np.argmax(negative))
        amount = log.schema.amount or "quantity × price"
        who = log.customers[codes[at] : codes[at] + 1].tolist()[0]
        first = f"the first of customer {who!r} at {timestamp(int(us[at]), log.timezone)}"
        raise MoneyError(_refunds(int(negative.sum()), amount, first))
    return PurchaseRows(
        customers=log.customers,
        codes=codes,
        us=us,
        known=pick(log.known),
        minor=minor,
        scale=log.scale,
        refund=negative if rule == "refund" else None,
        timezone=log.timezone,
        seen_until_us=log.complete_until_us,
        complete=True,
        ordered=True,
    )


def _from_table(
    frame: Any,
    named: dict[str, str],
    kinds: str | Sequence[str] | None,
    rule: Negative,
    *,
    zone: str,
    time_format: str | None,
) -> PurchaseRows:
    lacking = [role for role in ("customer", "time") if role not in named]
    if lacking:
        raise ParameterTypeError(
            message(
                f"{' and '.join(f'{role}=' for role in lacking)} not given, and the data are a {type(frame).__name__}",
                "a table needs the columns of customer and time; an EventLog knows its own",
                "customer='customer_id', time='ordered_at'",
            )
        )
    if kinds is not None and "kind" not in named:
        raise ParameterError(
            message(f"kinds={kinds!r} without a column of kinds", "kinds are looked up in a column", "kind='column'")
        )
    zone = zone_name(zone)
    columns = read_columns(frame, named)
    if not len(columns["customer"]):
        raise DataError(
            message("the table has no rows", "at least one purchase was expected", "check the filter that made it")
        )
    schema = Schema(
        customer=named["customer"], time=named["time"], kind=named.get("kind"), timezone=zone, time_format=time_format
    )
    codes, customers = _read_customers(columns["customer"], named["customer"])
    us = read_instants(columns["time"], named["time"], "time", schema, Counts(len(codes)))
    kind, vocabulary = read_kinds(columns.get("kind"), schema, len(codes))
    minor, scale = _read_money(columns["amount"], named["amount"]) if "amount" in named else (None, 0)
    wanted = _wanted(vocabulary, (), kinds, lambda: _paid(vocabulary, kind, minor))
    chosen = None if wanted.all() else wanted[kind]
    negative = _negative(minor, chosen)
    if negative is not None and rule == "error":
        raise MoneyError(_refunds(int(negative.sum()), named["amount"], named_rows(negative)))
    places = None if chosen is None else np.flatnonzero(chosen)

    def pick(column: Any) -> Any:
        return column if column is None or places is None else column.take(places)

    return PurchaseRows(
        customers=customers,
        codes=pick(codes),
        us=pick(us),
        minor=pick(minor),
        scale=scale,
        refund=pick(negative) if rule == "refund" else None,
        timezone=zone,
        seen_until_us=int(us.max()) + 1,
    )


def _read_customers(column: Column, name: str) -> tuple[CodeArray, pd.Index[Any]]:
    who = encode(column, name=name)
    if who.missing is not None:
        raise DataError(
            message(
                f"{int(who.missing.sum())} rows have no customer id in column {name!r} ({named_rows(who.missing)})",
                "every purchase belongs to a customer",
                f"frame.dropna(subset=[{name!r}]), or EventLog.from_frame(..., missing_customer='drop') to have them "
                "counted",
            )
        )
    return who.codes, who.values


def _read_money(column: Column, name: str) -> tuple[IntArray, int]:
    money = read_amounts(column, name=name)
    if money.missing is not None:
        raise MoneyError(
            message(
                f"{int(money.missing.sum())} amounts are missing or NaN in {name!r} ({named_rows(money.missing)})",
                "every purchase has an amount once the column is named",
                f"frame.fillna({{{name!r}: 0}}) if they moved no money",
            )
        )
    return money.minor, money.scale


def _wanted(
    available: Sequence[str],
    facts: Sequence[str],
    kinds: str | Sequence[str] | None,
    paid: Callable[[], Sequence[str]],
) -> BoolArray:
    """Say which kinds are purchases; `paid` finds those that carry amounts, where one is to be proposed."""
    deeds = [kind for kind in available if kind not in facts] or list(available)
    if kinds is None:
        if len(deeds) > 1:
            raise ParameterError(
                message(
                    f"the events are of {len(deeds)} kinds ({some(deeds, 12)})",
                    "which of them are purchases is for you to say",
                    f"kinds={_likely(deeds, paid())!r}",
                )
            )
        return np.array([kind in deeds for kind in available], dtype=bool)
    names = as_names(kinds, name="kinds")
    unknown = [name for name in names if name not in available]
    if not names:
        raise ParameterError(
            message("kinds is empty", "at least one kind is a purchase", f"kinds={_likely(deeds, paid())!r}")
        )
    if unknown:
        raise ParameterError(
            message(
                f"{len(unknown)} of {len(names)} kinds are not among the events: "
                f"{some([repr(name) for name in unknown])} ({nearest(unknown[0], available)})",
                f"their {len(available)} kinds are {some(available, 12)}",
                f"kinds={_likely(deeds, paid(), unknown[0])!r}",
            )
        )
    return np.array([kind in names for kind in available], dtype=bool)


def _likely(kinds: Sequence[str], paid: Sequence[str], asked: str = "") -> str:
    """Propose the kind that was meant: the nearest name, a usual word for a purchase, or what carries amounts."""
    close = difflib.get_close_matches(asked, kinds, n=1, cutoff=0.6)
    usual = [kind for word in _USUAL for kind in kinds if kind.lower() in (word, f"{word}s")]
    return [*close, *usual, *(kind for kind in kinds if kind in paid), *kinds][0]


def _paid(available: Sequence[str], kind: CodeArray, minor: IntArray | None) -> list[str]:
    """Name the kinds with amounts that are not all zero."""
    if minor is None:
        return []
    with_money = np.bincount(kind[minor != 0], minlength=len(available))
    return [name for name, count in zip(available, with_money, strict=True) if count]


def _negative(minor: IntArray | None, chosen: BoolArray | None = None) -> BoolArray | None:
    """Say which of the chosen rows give money back; None when none does."""
    if minor is None or not len(minor) or int(minor.min()) >= 0:
        return None
    negative = minor < 0 if chosen is None else (minor < 0) & chosen
    return negative if negative.any() else None


def _last_period(grid: PeriodGrid, at: int, last: IntArray) -> int:
    """Number the period just before an instant.

    Where clocks are set back across midnight, a purchase from just before that midnight's
    second coming lies in a later day than the instant: the later day is the last observed.
    """
    number = int(grid.number(np.array([at - 1], dtype=np.int64))[0])
    return max(number, int(last.max(initial=number)))


def _refunds(count: int, name: str, first: str) -> str:
    return message(
        f"{count} amounts in {name!r} are negative ({first})",
        "whether money given back is a purchase is for you to say",
        "negative='refund' takes it off the spend and counts no purchase; negative='purchase' counts it like any other",
    )


def _nothing_before(rows: PurchaseRows, at: int) -> str:
    when = timestamp(at, rows.timezone)
    if not len(rows.us):
        return message(
            f"no event before {when} is of the kinds asked for", "at least one purchase was expected", "other kinds="
        )
    if int(rows.us.min()) >= at:
        first = timestamp(int(rows.us.min()), rows.timezone)
        return message(
            f"nothing was bought before the cutoff {when}",
            f"the first of {len(rows.us):,} events happened at {first}",
            "a later cutoff",
        )
    return message(
        f"no purchase is known before the cutoff {when}: what happened by then became known later, or gave money back",
        "at least one purchase was expected",
        "a later cutoff",
    )


def _no_holdout(rows: PurchaseRows, cutoff: int, at: int, grid: PeriodGrid) -> str:
    return message(
        f"the holdout from {timestamp(cutoff, rows.timezone)} to {timestamp(at, rows.timezone)} has no period "
        f"of its own (period={grid.period!r})",
        "at least one period after that of the cutoff was expected",
        "an earlier cutoff=, or a later holdout_end=",
    )
