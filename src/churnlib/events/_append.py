"""Two logs of one schema made one, as if they had been read together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._typing import Array, CodeArray
from churnlib.events._change import described, restricted
from churnlib.events._money import exact_sum, rescale
from churnlib.events._report import QualityReport
from churnlib.events._rows import Attribute, Rows, narrow
from churnlib.exceptions import DuplicateError, MoneyError, SchemaError, message, some

if TYPE_CHECKING:
    from churnlib.events._log import EventLog

__all__ = ["appended", "merged"]

_LATE = "appended although the log was complete past them"
_REPEATED = "repeated event id"


def appended(log: EventLog, new: EventLog) -> EventLog:
    """Return the events of both logs in canonical order.

    Parameters
    ----------
    log : EventLog
        The log to add to.
    new : EventLog
        What is added, read by the same schema.

    Returns
    -------
    EventLog
        The log that reading both tables at once gives, complete until the later
        of both instants; the reports are added up.
    """
    _check_currency(log, new)
    report, extra = log.report.merged(new.report), _unrepeated(log, new)
    dropped = len(new) - (0 if extra is None else len(extra))
    if dropped:
        report = _with_refused(report, dropped, _money(new) - _money(extra))
    until = max(log.complete_until_us, new.complete_until_us)
    if extra is None:
        return described(replace(log, complete_until_us=until), report)
    moment = extra.time if extra.known is None else extra.known
    late = int(np.count_nonzero(moment < log.complete_until_us)) + report.notes.get(_LATE, 0)
    whole, identical = merged(log, extra)
    notes = {**report.notes, _LATE: late, "identical rows": identical}
    return described(replace(whole, complete_until_us=until), replace(report, notes=notes))


def _check_currency(log: EventLog, new: EventLog) -> None:
    if log.currency != new.currency:
        raise MoneyError(
            message(
                f"the log is in {log.currency} and the {len(new):,} events to append are in {new.currency}",
                "a log has one currency",
                f"convert the amounts to {log.currency} first",
            )
        )


def _unrepeated(log: EventLog, new: EventLog) -> EventLog | None:
    """Return the new events whose ids the log does not hold yet; None when there is none."""
    if log.event_id is None or new.event_id is None or log.schema.duplicates == "keep":
        return new
    known = new.event_id.isin(log.event_id)
    if not known.any():
        return new
    if log.schema.duplicates == "error":
        names = some([repr(name) for name in new.event_id[known].unique().sort_values().tolist()])
        raise DuplicateError(
            message(
                f"{int(known.sum())} of the {len(new):,} events to append are in the log already: {names}",
                "an event id names one event",
                "read the log with duplicates='drop', which refuses and counts them",
            )
        )
    return None if known.all() else restricted(new, ~known)


def _with_refused(report: QualityReport, rows: int, amount: Decimal) -> QualityReport:
    reasons = {**report.reasons, _REPEATED: report.reasons.get(_REPEATED, 0) + rows}
    money = None if report.refused_amount is None else report.refused_amount + amount
    return replace(report, kept=report.kept - rows, reasons=reasons, refused_amount=money)


def _money(log: EventLog | None) -> Decimal:
    return Decimal(0) if log is None or log.amount is None else exact_sum(log.amount, log.scale)


def merged(log: EventLog, new: EventLog) -> tuple[EventLog, int]:
    """Bring both logs to common codes and one scale, and order their events."""
    pair = _Pair(log, new)
    customers, codes = pair.coded(lambda one: (one.customer_codes, one.customers), "customer ids")
    kinds, kind = pair.coded(lambda one: (one.kind, pd.Index(one.kinds)), "kinds")
    items, item = pair.coded(lambda one: (one.item, one.items), "items")
    ids, id_codes = pair.coded(_id_codes, "event ids")
    scale = max(log.scale, new.scale)
    attributes = {name: pair.attribute(name) for name in log.attributes}
    rows = Rows(
        codes=codes,
        time=np.concatenate([log.time, new.time]),
        kind=narrow(kind, len(kinds)),
        known=pair.joined(lambda one: one.known),
        amount=pair.joined(lambda one: None if one.amount is None else rescale(one.amount, one.scale, scale)),
        item=item,
        attributes={name: attribute.values for name, attribute in attributes.items()},
        ids=id_codes,
    )
    rows, offsets, identical = rows.ordered(len(customers))
    whole = replace(
        log,
        customers=customers,
        offsets=offsets,
        time=rows.time,
        kind=rows.kind,
        kinds=tuple(kinds),
        known=rows.known,
        amount=rows.amount,
        scale=scale,
        item=rows.item,
        items=items,
        attributes={
            name: Attribute(values, attributes[name].categories) for name, values in (rows.attributes or {}).items()
        },
        event_id=None if rows.ids is None else ids.take(rows.ids),
    )
    return whole, identical


def _id_codes(log: EventLog) -> tuple[CodeArray | None, pd.Index[Any] | None]:
    if log.event_id is None:
        return None, None
    codes, distinct = pd.factorize(log.event_id)
    return codes.astype(np.int32), pd.Index(distinct)


class _Pair:
    """Two logs whose columns are joined, the second below the first."""

    def __init__(self, log: EventLog, new: EventLog) -> None:
        self.logs = (log, new)

    def joined(self, column: Callable[[EventLog], Array | None]) -> Any:
        """Join a column of values; None where the logs have none."""
        parts = [column(log) for log in self.logs]
        return None if parts[0] is None or parts[1] is None else np.concatenate([parts[0], parts[1]])

    def coded(self, column: Callable[[EventLog], tuple[Array | None, pd.Index[Any] | None]], what: str) -> Any:
        """Join a column of codes: the values of both, ascending, and the codes into them."""
        (left, left_values), (right, right_values) = (column(log) for log in self.logs)
        if left is None or right is None or left_values is None or right_values is None:
            return None, None
        _check_types(left_values, right_values, what)
        values = pd.Index(left_values.append(right_values).unique().sort_values())
        tables = [values.get_indexer(index).astype(np.int32) for index in (left_values, right_values)]
        # Code -1, "not stated", reads the spare last place of its table.
        parts = [np.append(table, np.int32(-1))[codes] for table, codes in zip(tables, (left, right), strict=True)]
        return values, np.concatenate(parts)

    def attribute(self, name: str) -> Attribute:
        """Join a dated attribute."""
        log, new = self.logs
        kinds = [one.attributes[name].is_numeric for one in (log, new)]
        if kinds[0] != kinds[1]:
            words = ["numbers" if numeric else "categories" for numeric in kinds]
            raise SchemaError(
                message(
                    f"attribute {name!r} holds {words[0]} in the log and {words[1]} in the events to append",
                    "an attribute is of one type",
                    f"frame[{name!r}].astype({'float' if kinds[0] else 'str'!r})",
                )
            )
        if kinds[0]:
            return Attribute(self.joined(lambda one: one.attributes[name].values), None)
        values, codes = self.coded(lambda one: (one.attributes[name].values, one.attributes[name].categories), name)
        return Attribute(codes, values)


def _check_types(left: pd.Index[Any], right: pd.Index[Any], what: str) -> None:
    words = [
        "integers" if index.dtype.kind in "iu" else "flags" if index.dtype.kind == "b" else "texts"
        for index in (left, right)
    ]
    if len(left) and len(right) and words[0] != words[1]:
        raise SchemaError(
            message(
                f"{what} are {words[0]} in the log and {words[1]} in the events to append",
                "they are of one type in all parts of a log",
                "frame.astype({'customer_id': 'int64'}), or the type the log has",
            )
        )
