"""The quality report: what came in, what was kept, what was refused, and what was changed."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd

__all__ = ["QualityReport"]

_MONTH_COLUMNS = ("month", "rows", "amount")


@dataclass(frozen=True, repr=False)
class QualityReport:
    """What reading a table into an `EventLog` counted, refused and changed.

    Every row of the input is either kept or refused, and the money adds up the
    same way: ``input_rows == kept + refused`` and ``input_amount ==
    kept_amount + refused_amount``, exactly.

    Parameters
    ----------
    input_rows : int
        Rows of the input.
    kept : int
        Rows that became events.
    reasons : mapping of str to int
        Rows refused, by reason; a row counts under its first reason.
    notes : mapping of str to int
        Rows of the input that were remarkable or changed, by what was noticed;
        identical rows are counted among the kept ones.
    null_customers : int, default=0
        Rows without a customer id, whether refused or not.
    customers : int, default=0
        Customers with at least one event.
    first, last : Timestamp or None, default=None
        Times of the first and the last event kept.
    complete_until : Timestamp or None, default=None
        The instant up to which the log is complete.
    kept_amount, refused_amount : Decimal or None, default=None
        Money of the kept and of the refused rows; None without amounts.
    currency : str or None, default=None
        The currency, where it is known.
    month_source : callable or None, default=None
        What computes `months` when it is first looked at.

    Examples
    --------
    >>> from churnlib.events import EventLog
    >>> frame = pd.DataFrame({"id": [1, 1, None], "ts": ["2025-01-05"] * 3, "total": [9.5, 9.5, 1.0]})
    >>> log = EventLog.from_frame(frame, customer="id", time="ts", amount="total", missing_customer="drop")
    >>> log.report.input_rows, log.report.kept, log.report.refused
    (3, 2, 1)
    >>> log.report.input_amount, log.report.refused_amount, log.report.notes["identical rows"]
    (Decimal('20.0'), Decimal('1.0'), 1)
    """

    input_rows: int
    kept: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)
    null_customers: int = 0
    customers: int = 0
    first: pd.Timestamp | None = None
    last: pd.Timestamp | None = None
    complete_until: pd.Timestamp | None = None
    kept_amount: Decimal | None = None
    refused_amount: Decimal | None = None
    currency: str | None = None
    month_source: Callable[[], pd.DataFrame] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        # A count of nothing is no news; what is listed did happen.
        for name in ("reasons", "notes"):
            counts = {key: int(count) for key, count in getattr(self, name).items() if count}
            object.__setattr__(self, name, counts)
        assert self.input_rows == self.kept + self.refused, (self.input_rows, self.kept, self.refused)

    @property
    def refused(self) -> int:
        """How many rows were refused, for all reasons together.

        Examples
        --------
        >>> QualityReport(5, 3, {"no customer id": 2}).refused
        2
        """
        return sum(self.reasons.values())

    @property
    def input_amount(self) -> Decimal | None:
        """Money of the whole input; None without amounts.

        Examples
        --------
        >>> QualityReport(2, 2, kept_amount=Decimal("3.50"), refused_amount=Decimal(0)).input_amount
        Decimal('3.50')
        """
        if self.kept_amount is None or self.refused_amount is None:
            return None
        return self.kept_amount + self.refused_amount

    @property
    def freshness(self) -> pd.Timedelta | None:
        """How long before `complete_until` the last event happened.

        A long silence at the end of a log looks like churn; more often a feed
        is late.

        Examples
        --------
        >>> day = pd.Timestamp("2025-01-01", tz="UTC")
        >>> QualityReport(1, 1, last=day, complete_until=day + pd.Timedelta(days=2)).freshness
        Timedelta('2 days 00:00:00')
        """
        if self.last is None or self.complete_until is None:
            return None
        return self.complete_until - self.last

    @cached_property
    def months(self) -> pd.DataFrame:
        """Kept rows, and their money, by calendar month of the log's zone.

        Examples
        --------
        >>> from churnlib.events import EventLog
        >>> frame = pd.DataFrame({"id": [1, 1, 2], "ts": ["2025-01-05", "2025-02-05", "2025-02-06"]})
        >>> EventLog.from_frame(frame, customer="id", time="ts").report.months["rows"].tolist()
        [1, 2]
        """
        if self.month_source is None:
            return pd.DataFrame({name: [] for name in _MONTH_COLUMNS})
        return self.month_source()

    def to_frame(self) -> pd.DataFrame:
        """Return the report as a table of what was counted.

        Returns
        -------
        pandas.DataFrame
            Columns ``what``, ``rows`` and ``amount`` (Decimal, or None where
            money is not added up).

        Examples
        --------
        >>> QualityReport(5, 3, {"no customer id": 2}).to_frame()[["what", "rows"]].values.tolist()
        [['input', 5], ['kept', 3], ['refused', 2], ['refused: no customer id', 2]]
        """
        lines: list[tuple[str, int, Decimal | None]] = [
            ("input", self.input_rows, self.input_amount),
            ("kept", self.kept, self.kept_amount),
            ("refused", self.refused, self.refused_amount),
        ]
        lines += [(f"refused: {reason}", count, None) for reason, count in self.reasons.items()]
        if self.null_customers:
            lines.append(("without customer id", self.null_customers, None))
        lines += [(f"noted: {note}", count, None) for note, count in self.notes.items()]
        what, rows, amount = zip(*lines, strict=True)
        return pd.DataFrame({"what": what, "rows": rows, "amount": pd.Series(amount, dtype=object)})

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values that JSON can hold; money is text.

        Returns
        -------
        dict
            Everything but the months.

        Examples
        --------
        >>> QualityReport(5, 3, {"no customer id": 2}).to_dict()["refused"]
        2
        """
        return {
            "input_rows": self.input_rows,
            "kept": self.kept,
            "refused": self.refused,
            "reasons": dict(self.reasons),
            "notes": dict(self.notes),
            "null_customers": self.null_customers,
            "customers": self.customers,
            "first": _text(self.first),
            "last": _text(self.last),
            "complete_until": _text(self.complete_until),
            "input_amount": _text(self.input_amount),
            "kept_amount": _text(self.kept_amount),
            "refused_amount": _text(self.refused_amount),
            "currency": self.currency,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> QualityReport:
        """Rebuild a report from what `to_dict` returned.

        Parameters
        ----------
        values : mapping
            The plain values.

        Returns
        -------
        QualityReport
            An equal report, without the months.

        Examples
        --------
        >>> report = QualityReport(5, 3, {"no customer id": 2})
        >>> QualityReport.from_dict(report.to_dict()) == report
        True
        """
        return cls(
            input_rows=values["input_rows"],
            kept=values["kept"],
            reasons=values["reasons"],
            notes=values["notes"],
            null_customers=values["null_customers"],
            customers=values["customers"],
            first=_stamp(values["first"]),
            last=_stamp(values["last"]),
            complete_until=_stamp(values["complete_until"]),
            kept_amount=_decimal(values["kept_amount"]),
            refused_amount=_decimal(values["refused_amount"]),
            currency=values["currency"],
        )

    def merged(self, other: QualityReport, **facts: Any) -> QualityReport:
        """Add the counts of another report to this one.

        Parameters
        ----------
        other : QualityReport
            The report of the rows added.
        **facts : Any
            Fields that are no sums, such as `customers` and `last`.

        Returns
        -------
        QualityReport
            The report of both inputs together.

        Examples
        --------
        >>> both = QualityReport(5, 3, {"no customer id": 2}).merged(QualityReport(1, 1))
        >>> both.input_rows, both.kept, both.refused
        (6, 4, 2)
        """
        return replace(
            self,
            input_rows=self.input_rows + other.input_rows,
            kept=self.kept + other.kept,
            reasons=_added(self.reasons, other.reasons),
            notes=_added(self.notes, other.notes),
            null_customers=self.null_customers + other.null_customers,
            kept_amount=_sum(self.kept_amount, other.kept_amount),
            refused_amount=_sum(self.refused_amount, other.refused_amount),
            **facts,
        )

    def __repr__(self) -> str:
        lines = [f"QualityReport: {self.input_rows:,} rows in = {self.kept:,} kept + {self.refused:,} refused"]
        if self.kept_amount is not None:
            unit = f" {self.currency}" if self.currency else ""
            lines.append(
                f"  money{unit}: {self.input_amount:,} in = {self.kept_amount:,} kept + {self.refused_amount:,} refused"
            )
        if self.first is not None:
            lines.append(
                f"  {self.customers:,} customers, {self.first} to {self.last},\n  complete until {self.complete_until}"
            )
        lines += [f"  refused: {count:,} {reason}" for reason, count in self.reasons.items()]
        if self.null_customers:
            lines.append(f"  {self.null_customers:,} rows without customer id")
        lines += [f"  noted: {count:,} {note}" for note, count in self.notes.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(what)}</td><td style='text-align:right'>{rows:,}</td>"
            f"<td style='text-align:right'>{'' if amount is None else format(amount, ',')}</td></tr>"
            for what, rows, amount in self.to_frame().itertuples(index=False)
        )
        unit = html.escape(self.currency or "amount")
        head = f"<tr><th>quality report</th><th>rows</th><th>{unit}</th></tr>"
        return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _text(value: object) -> str | None:
    return None if value is None else value.isoformat() if isinstance(value, pd.Timestamp) else str(value)


def _stamp(value: str | None) -> pd.Timestamp | None:
    return None if value is None else pd.Timestamp(value)


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _added(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    return {key: left.get(key, 0) + right.get(key, 0) for key in dict.fromkeys([*left, *right])}


def _sum(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    if left is None or right is None:
        return left if right is None else right
    return left + right
