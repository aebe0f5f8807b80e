"""What came of each decision: sums of a log in a window after it, or a column by customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import named_churn, named_rows
from churnlib._frames import read_columns
from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.calendar import Duration, duration
from churnlib.calendar._columns import read_times
from churnlib.calendar._instants import timestamp
from churnlib.events import EventLog
from churnlib.exceptions import DataError, HistoryError, ParameterError, SchemaError, message, nearest, some
from churnlib.policy._campaign._rows import CampaignRows
from churnlib.policy._value._log import as_pandas, numbers_of
from churnlib.policy._value._matching import CUSTOMER, DAYS, places

__all__ = ["Outcomes", "by_customer", "outcomes_of"]

_SUMS = ("margin", "amount")
_ACTIVE = "active"


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """The outcome of each row, whether the customer bought, the same before, and what it is in words."""

    value: FloatArray
    bought: BoolArray
    before: FloatArray | None
    words: str
    money: bool


def outcomes_of(
    log: Any, rows: CampaignRows, *, value: str, window: Any, margin: float, bought: Any, before: bool
) -> Outcomes:
    """Read outcomes from an EventLog or from a frame."""
    if isinstance(log, EventLog):
        return _from_events(log, rows, value, duration(window, name="window"), margin, before=before)
    if before:
        raise ParameterError(
            message(
                "covariate='before' needs an EventLog",
                "of a frame nobody knows what it held in the weeks before",
                "covariate='column with the same sum before'",
            )
        )
    alone = isinstance(log, pd.Series)
    frame = None if alone else as_pandas(log, "log")
    column = log if frame is None else _column(frame, value, "value")
    value = str(column.name) if alone and column.name is not None else value
    numbers = _finite(column, rows, value, once=True) * margin
    if named_churn(column) is not None:
        raise DataError(
            message(
                f"the outcome is named {value!r}, where 1 is bad",
                "a campaign earns where the outcome is larger",
                f"log['retained'] = 1 - log[{value!r}], and value='retained'",
            )
        )
    if bought is None:
        came = numbers > 0
    else:
        given = _column(frame, bought, "bought") if isinstance(bought, str) and frame is not None else bought
        came = _finite(given, rows, "bought", once=True) > 0
    shares = bool(np.isin(numbers, (0.0, 1.0)).all())
    return Outcomes(numbers, came, None, value + (f", at {margin:,.4g} each" if margin != 1 else ""), not shares)


def by_customer(values: Any, rows: CampaignRows, name: str) -> Any:
    """Return values in the order of the plan, matched by customer (and day, where the index holds it)."""
    if not isinstance(values, (pd.Series, pd.DataFrame)):
        array = np.asarray(values)
        if len(array) != len(rows.customer):
            raise DataError(
                message(
                    f"{name} has {len(array):,} rows and the plan {len(rows.customer):,}",
                    "one entry for each row of the plan, or a Series by customer",
                    f"{name}=pd.Series(..., index=customer_id)",
                )
            )
        return array
    days = rows.on if values.index.nlevels > 1 else None
    found = places(_with_names(values.index), rows.frame.index, rows.customer, days)
    if found is not None:
        return values.to_numpy()[found]
    twice = values.index.duplicated()
    if twice.any():
        raise DataError(
            message(
                f"{name} has {int(twice.sum()):,} customers more than once ({some(values.index[twice])})",
                "one row for each customer is needed, or for each customer and day",
                "frame.groupby('customer_id').sum()",
            )
        )
    known: pd.Index[Any] = _with_names(values.index)
    known = known.get_level_values(CUSTOMER) if CUSTOMER in known.names else known
    absent = np.asarray(~rows.customer.isin(known))
    if not absent.any():
        raise DataError(
            message(
                f"{name} holds other days than the plan",
                "one value for each customer and day (index customer_id and on)",
                f"{name}.index.get_level_values(1).unique() and plan.frame['on'].unique() show both",
            )
        )
    raise DataError(
        message(
            f"{name} lacks {int(absent.sum()):,} of {len(absent):,} decisions of the plan "
            f"({some(rows.customer[absent])})",
            "everybody who was drawn counts, those too who were not reached or bought nothing",
            f"{name} = {name}.reindex(plan.customers, fill_value=0), if silence means nothing was bought",
        )
    )


def _with_names(index: pd.Index[Any]) -> pd.Index[Any]:
    """Two levels without names are customers and days."""
    return index.set_names([CUSTOMER, "on"]) if list(index.names) == [None, None] else index


def _column(frame: pd.DataFrame, name: str, role: str) -> pd.Series[Any]:
    if name not in frame.columns:
        raise SchemaError(
            message(
                f"the frame of outcomes has no column {name!r} ({nearest(name, [str(c) for c in frame.columns])})",
                f"{role}= names what came of each customer",
                f"{role}={str(frame.columns[-1]) if len(frame.columns) else '...'!r}",
            )
        )
    if CUSTOMER in frame.columns:
        keys = [CUSTOMER, *[day for day in DAYS if day in frame.columns and frame[day].notna().all()][:1]]
        return frame.set_index(keys if len(keys) > 1 else CUSTOMER)[name]
    return frame[name]


def _finite(values: Any, rows: CampaignRows, name: str, *, once: bool = False) -> FloatArray:
    found = by_customer(values, rows, name)
    if once and rows.customer.has_duplicates and len(values) < len(rows.customer):
        raise DataError(
            message(
                f"{name} has {len(values):,} values for {len(rows.customer):,} decisions",
                "what came of a customer would count once for each day on which something was planned",
                f"{name} by customer_id and on, one for each decision",
            )
        )
    numbers = numbers_of(found, name)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum()):,} of {len(numbers):,} values of {name} are missing or infinite "
                f"({named_rows(wrong)})",
                "everybody who was drawn counts",
                f"{name}.fillna(0), if nothing known means nothing bought",
            )
        )
    return numbers


def _from_events(
    log: EventLog, rows: CampaignRows, value: str, window: Duration, margin: float, *, before: bool
) -> Outcomes:
    named = log.schema.amount or "amount"
    if value not in (*_SUMS, named, _ACTIVE):
        raise ParameterError(
            message(
                f"value={value!r} is nothing the log holds ({nearest(value, [*_SUMS, named, _ACTIVE])})",
                f"of an EventLog {named!r} is summed, as amount or as margin, or customers are counted who were active",
                "value='margin', margin=0.3",
            )
        )
    if value != _ACTIVE and log.amount is None:
        raise DataError(
            message(
                "the log holds no amounts", "money is summed in the window", "value='active', or amount= in the log"
            )
        )
    if rows.on is None:
        raise ParameterError(
            message(
                "the plan does not say on which day it was carried out",
                "the window begins there",
                "on='2026-03-02', or a column 'on' in the plan",
            )
        )
    start = _instants(rows, log.timezone)
    end = np.asarray(window.after(start, log.timezone), dtype=np.int64)
    _refuse_immature(log, rows, end, window)
    place = log.customers.get_indexer(rows.customer)
    if (place < 0).all():
        raise DataError(
            message(
                f"none of the {len(place):,} customers of the plan is in the log "
                f"({some(rows.customer, 3)} against {some(log.customers, 3)})",
                "both name customers alike",
                "plan.index = plan.index.astype(log.customers.dtype)",
            )
        )
    counted = log.codes_of(None)[log.kind]
    sums = _Sums.of(log, np.stack([start, end, np.asarray(window.before(start, log.timezone))]), place)
    if value == _ACTIVE:
        found = (sums.between(0, 1, counted.astype(np.int64)) > 0).astype(np.float64)
        earlier = (sums.between(2, 0, counted.astype(np.int64)) > 0).astype(np.float64) if before else None
        words = f"customers active within {window}" + (f", at {margin:,.4g} each" if margin != 1 else "")
        return Outcomes(found * margin, found > 0, earlier, words, money=margin != 1)
    assert log.amount is not None
    minor = np.where(counted, log.amount, 0)
    found = sums.between(0, 1, minor) / 10**log.scale * margin
    earlier = sums.between(2, 0, minor) / 10**log.scale * margin if before else None
    bought = sums.between(0, 1, (counted & (log.amount > 0)).astype(np.int64)) > 0
    words = f"{value} within {window}"
    if value == "margin" and named != "margin":
        words += f", {named!r} taken as margin" if margin == 1 else f", {margin:.4g} of {named!r}"
    return Outcomes(found, bought, earlier, words, money=True)


def _instants(rows: CampaignRows, timezone: str) -> IntArray:
    assert rows.on is not None
    column = read_columns(pd.DataFrame({"on": rows.on.to_numpy()}), {"on": "on"})["on"]
    times = read_times(column, timezone, name="on")
    if times.missing is not None and times.missing.any():
        raise DataError(
            message(
                f"{int(times.missing.sum()):,} rows of the plan have no day ({named_rows(times.missing)})",
                "the window of each begins on its day",
                "plan['on'] = ...",
            )
        )
    return np.asarray(times.us, dtype=np.int64)


def _refuse_immature(log: EventLog, rows: CampaignRows, end: IntArray, window: Duration) -> None:
    late = (end > log.complete_until_us) & (rows.treated | rows.control)
    if late.any():
        raise HistoryError(
            message(
                f"for {int(late.sum()):,} of {int((rows.treated | rows.control).sum()):,} decisions the {window} are "
                f"not over: the last ends {timestamp(int(end[late].max()), log.timezone):%Y-%m-%d %H:%M}, and the log "
                f"is complete until {log.complete_until:%Y-%m-%d %H:%M}",
                "who has had less time has bought less",
                "wait until then, or window= a shorter one decided beforehand",
            )
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Where given instants fall among the events of given customers; -1 for customers without events."""

    at: IntArray
    known: BoolArray

    @classmethod
    def of(cls, log: EventLog, instants: IntArray, place: IntArray) -> _Sums:
        """Number all instants in one order, so that customer and time fit into one integer and one search."""
        ticks = np.unique(np.concatenate([log.time, instants.ravel()]))
        step = np.int64(len(ticks) + 1)
        events = log.customer_codes.astype(np.int64) * step + np.searchsorted(ticks, log.time)
        known = place >= 0
        wanted = np.where(known, place, 0) * step + np.searchsorted(ticks, instants)
        return cls(np.searchsorted(events, wanted), known)

    def between(self, first: int, last: int, what: IntArray) -> IntArray:
        """Return the sum of `what` over events from one instant to just before another."""
        upto = np.concatenate([[0], np.cumsum(what)])
        found: IntArray = np.where(self.known, upto[self.at[last]] - upto[self.at[first]], 0)
        return found
