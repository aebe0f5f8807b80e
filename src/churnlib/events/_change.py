"""Logs from logs: what was known at an instant, and a log without some customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._typing import Array, BoolArray
from churnlib.calendar import timestamp
from churnlib.events._codes import compact
from churnlib.events._money import exact_sum
from churnlib.events._months import month_table
from churnlib.events._report import QualityReport
from churnlib.events._rows import Attribute
from churnlib.exceptions import DataError, HistoryError, ParameterTypeError, message, some

if TYPE_CHECKING:
    from churnlib.events._log import EventLog

__all__ = ["as_of", "described", "forgotten", "picked", "restricted"]


def picked(log: EventLog, places: Array, **facts: Any) -> EventLog:
    """Return a log with the events at ascending places; the other fields come in `facts`."""

    def pick(column: Array | None) -> Any:
        return None if column is None else column.take(places)

    return replace(
        log,
        time=pick(log.time),
        kind=pick(log.kind),
        known=pick(log.known),
        amount=pick(log.amount),
        item=pick(log.item),
        attributes={
            name: Attribute(pick(attribute.values), attribute.categories) for name, attribute in log.attributes.items()
        },
        event_id=None if log.event_id is None else log.event_id.take(places),
        **facts,
    )


def restricted(log: EventLog, keep: BoolArray, **facts: Any) -> EventLog:
    """Return the log of some of its events: other customers, items and categories leave no trace.

    Kinds stay: they are the vocabulary in which questions are asked.
    """
    codes, customers = compact(log.customer_codes[keep], log.customers)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(customers)))]).astype(np.int64)
    chosen = picked(log, np.flatnonzero(keep), customers=customers, offsets=offsets, **facts)
    item, items = chosen.item, chosen.items
    if item is not None and items is not None:
        item, items = compact(item, items)
    attributes = {
        name: attribute if attribute.categories is None else Attribute(*compact(attribute.values, attribute.categories))
        for name, attribute in chosen.attributes.items()
    }
    return replace(chosen, item=item, items=items, attributes=attributes)


def described(log: EventLog, report: QualityReport) -> EventLog:
    """Give a log a report whose facts are its own; the counts stay as given."""
    facts = replace(
        report,
        customers=log.n_customers,
        first=timestamp(int(log.time.min()), log.timezone),
        last=timestamp(int(log.time.max()), log.timezone),
        complete_until=log.complete_until,
        kept_amount=None if log.amount is None else exact_sum(log.amount, log.scale),
        month_source=partial(month_table, log.time, log.amount, log.scale, log.timezone),
    )
    return replace(log, report=facts)


def as_of(log: EventLog, cutoff: int, knowledge: int) -> EventLog:
    """Return the log as it stood at a cutoff, by what was known at another instant."""
    happened = log.time < cutoff
    known = happened if log.known is None else happened & (log.known < knowledge)
    if log.known is None and knowledge < cutoff:
        known = log.time < knowledge  # events are known as they happen
    if not known.any():
        first = timestamp(int(log.time.min()), log.timezone)
        raise HistoryError(
            message(
                f"no event had happened and was known before {timestamp(cutoff, log.timezone)}",
                f"the first of {len(log):,} events happened at {first}",
                "as_of(...) with a later cutoff",
            )
        )
    until = min(log.complete_until_us, cutoff, knowledge)
    view = restricted(log, known, complete_until_us=until)
    refused = None if log.amount is None else exact_sum(log.amount[~known], log.scale)
    reasons = {
        "at or after the cutoff": int(np.count_nonzero(~happened)),
        "not known by then": int(np.count_nonzero(happened & ~known)),
    }
    report = QualityReport(len(log), len(view), reasons, refused_amount=refused, currency=log.currency)
    return described(view, report)


def forgotten(log: EventLog, ids: Any, *, missing_ok: bool) -> EventLog:
    """Return the log without some customers, as if they had never been in it."""
    wanted = _listed(ids)
    places = log.customers.get_indexer(pd.Index(wanted))
    unknown = [identity for identity, place in zip(wanted, places, strict=True) if place < 0]
    if unknown and not missing_ok:
        raise DataError(
            message(
                f"{len(unknown)} of {len(wanted)} customers are not in the log: "
                f"{some([repr(identity) for identity in unknown])}",
                f"its ids are {log.customers.dtype}, such as {log.customers[:1].tolist()[0]!r}",
                "missing_ok=True if some were never customers",
            )
        )
    gone = np.zeros(log.n_customers, dtype=bool)
    gone[places[places >= 0]] = True
    if not gone.any():
        return log
    if gone.all():
        raise DataError(
            message(
                f"all {log.n_customers} customers of the log are to be forgotten",
                "a log has at least one event",
                "delete the log itself",
            )
        )
    keep = ~gone[log.customer_codes]
    rest = restricted(log, keep)
    removed = len(log) - len(rest)
    # Their rows leave the counts of the input too: a report must not tell what it forgot.
    report = replace(log.report, input_rows=log.report.input_rows - removed, kept=log.report.kept - removed)
    return described(
        rest, replace(report, notes={**report.notes, "forgotten": removed + report.notes.get("forgotten", 0)})
    )


def _listed(ids: Any) -> list[Any]:
    if isinstance(ids, (str, int, np.integer)):
        return [ids]
    if isinstance(ids, (np.ndarray, pd.Index, pd.Series)):
        return list(dict.fromkeys(ids.tolist()))
    if isinstance(ids, (Sequence, set, frozenset)):
        return list(dict.fromkeys(ids))
    raise ParameterTypeError(
        message(f"ids is a {type(ids).__name__}", "a customer id, or a list of them, was expected", "forget([17841])")
    )
