"""What a lifecycle stage is decided on: one row per customer, as known at a cutoff."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from churnlib._typing import BoolArray, CodeArray, FloatArray, IntArray, Kinds, Span
from churnlib.calendar import PeriodGrid, duration, timestamp, to_us
from churnlib.events import EventLog, read_purchases
from churnlib.exceptions import HistoryError, message, some

__all__ = ["lifecycle_frame"]


def lifecycle_frame(
    log: EventLog,
    *,
    cutoff: object = None,
    kinds: Kinds = None,
    window: Span = "90d",
    period: str | None = None,
    negative: Literal["error", "refund", "purchase"] = "error",
) -> pd.DataFrame:
    """Say how long customers have been with us, how long silent, in what rhythm, and how their spend moves.

    Only events that happened *and* were known before the cutoff count, so that later
    ones change nothing. Days are whole calendar days on the log's clock, counted to the
    day of the last instant before the cutoff, and gaps lie between *different* days with
    an order: a basket of ten lines is no rhythm.

    Parameters
    ----------
    log : EventLog
        What customers did.
    cutoff : str, date or datetime, default=None
        The instant at which customers are looked at; naive: in the log's zone. None is the
        end of the log.
    kinds : str, sequence of str or None, default=None
        Kinds of events that are orders; None takes the only one there is.
    window : str or timedelta, default="90d"
        Length of the two windows of spend that are compared.
    period : {"s", "min", "h", "D", "W", "M", "Y"} or None, default=None
        What `n_orders` counts, as in `rfm_table`: purchases in one period are one order. "s" joins
        the lines of one invoice, "D" the orders of one day. None takes each event for an
        order: in a log of invoice lines, each line. Nothing else depends on it.
    negative : {"error", "refund", "purchase"}, default="error"
        What a negative amount is, as in `rfm_table`: "refund" lowers the spend and is no order,
        "purchase" counts like any other event. An order of no money always counts.

    Returns
    -------
    DataFrame
        Indexed by customer_id, one row for each customer with an order by then, with

        - `tenure_days`, `recency_days`: days since the first and since the latest order;
        - `n_orders`: orders, as `period` says; `n_order_days`: days with an order;
        - `median_gap_days`: median days from one order day to the next, NaN with one order day;
        - `last_gap_days`: the gap that the latest order day ended, NaN with one order day;
        - `earlier_gap_days`: median of the gaps before that one, NaN with two order days or fewer;
        - `cohort`: month of the first order, such as "2025-03";
        - `spend_recent`, `spend_before`: money in the last window and in the one before it, where
          the log has amounts; both NaN for customers who started inside them, of whom no
          full windows exist to compare.

    Raises
    ------
    HistoryError
        If nothing was ordered by the cutoff, or the log is not complete until it.
    MoneyError
        If an amount is negative, and nothing says what that means.
    ParameterError
        If a kind is not in the log or none of several is named, the window has no length, or there
        is no such period.

    See Also
    --------
    LifecycleStage : Turns these rows into stages.

    Examples
    --------
    >>> import churnlib as cl, pandas as pd
    >>> orders = pd.DataFrame(
    ...     {
    ...         "id": ["ann", "ann", "ann", "ann", "bob"],
    ...         "at": ["2025-01-01", "2025-01-11", "2025-01-21", "2025-06-20", "2025-06-01"],
    ...         "total": [10, 10, 10, 40, 5],
    ...     }
    ... )
    >>> log = cl.EventLog.from_frame(orders, customer="id", time="at", amount="total", complete_until="2025-07-01")
    >>> lifecycle_frame(log).T
    customer_id           ann      bob
    tenure_days           180       29
    recency_days           10       29
    n_orders                4        1
    n_order_days            4        1
    median_gap_days      10.0      NaN
    last_gap_days       150.0      NaN
    earlier_gap_days     10.0      NaN
    cohort            2025-01  2025-06
    spend_recent         40.0      NaN
    spend_before         20.0      NaN
    >>> lifecycle_frame(log, period="M")["n_orders"].to_dict()
    {'ann': 2, 'bob': 1}
    """
    length = duration(window, name="window")
    grid = None if period is None else PeriodGrid(period, log.timezone)
    at = log.complete_until_us if cutoff is None else to_us(cutoff, log.timezone)
    _check_known(log, at)
    bought = read_purchases(log.as_of(timestamp(at, log.timezone)), kinds=kinds, negative=negative)
    ordered = np.ones(len(bought.us), dtype=bool) if bought.refund is None else ~bought.refund
    if not ordered.any():
        raise HistoryError(_nothing_ordered(log, at, kinds))
    codes, start = np.unique(bought.codes[ordered], return_index=True)
    n_orders: IntArray = np.diff(np.append(start, np.count_nonzero(ordered))).astype(np.int64)
    owner = np.repeat(np.arange(len(codes)), n_orders)
    time = bought.us[ordered]
    days = PeriodGrid("D", log.timezone)
    day = _ascending(owner, days.number(time))
    first, last = day[start], day[start + n_orders - 1]
    # an order from just before a midnight that came twice lies in a later day than the cutoff
    today = max(int(days.number(np.array([at - 1]))[0]), int(last.max()))
    columns: dict[str, Any] = {
        "tenure_days": today - first,
        "recency_days": today - last,
        "n_orders": n_orders if grid is None else _n_periods(owner, grid.number(time), len(codes)),
    } | _rhythm(owner, day, len(codes))
    columns["cohort"] = first.astype("M8[D]").astype("M8[M]").astype(str)
    if bought.minor is not None:
        edges = [length.before(length.before(at, log.timezone), log.timezone), length.before(at, log.timezone), at]
        lived = time[start] <= edges[0]
        for name, low, high in (("spend_recent", edges[1], edges[2]), ("spend_before", edges[0], edges[1])):
            inside = (bought.us >= low) & (bought.us < high)
            spent = _sums(bought.minor, inside, bought.codes, len(bought.customers))[codes]
            columns[name] = np.where(lived, spent / 10**bought.scale, np.nan)
    return pd.DataFrame(columns, index=bought.customers.take(codes).rename("customer_id"))


def _check_known(log: EventLog, at: int) -> None:
    if at > log.complete_until_us:
        raise HistoryError(
            message(
                f"the cutoff {timestamp(at, log.timezone)} lies after {log.complete_until}, until when the log is "
                "complete",
                "who is silent can be known only as far as the log reaches",
                "a cutoff up to log.complete_until, or EventLog.from_frame(..., complete_until=...)",
            )
        )


def _nothing_ordered(log: EventLog, at: int, kinds: Kinds) -> str:
    return message(
        f"none of the events before {timestamp(at, log.timezone)} is an order (kinds={kinds!r})",
        f"at least one was expected; the log's kinds are {some(log.kinds, 12)}",
        "a later cutoff, or other kinds",
    )


def _ascending(owner: IntArray, day: IntArray) -> IntArray:
    """Order the days of each customer: a clock turned back across midnight shows yesterday again."""
    base = int(day.min())
    span = int(day.max()) - base + 1
    ordered: IntArray = np.sort(owner * span + (day - base), kind="stable")
    return ordered - owner * span + base


def _fresh(owner: IntArray, number: IntArray) -> BoolArray:
    """Mark the first row of each customer and period, where the periods of a customer ascend."""
    fresh = np.ones(len(number), dtype=bool)
    fresh[1:] = (owner[1:] != owner[:-1]) | (number[1:] != number[:-1])
    return fresh


def _n_periods(owner: IntArray, number: IntArray, n: int) -> IntArray:
    """Count the different periods of each customer."""
    counts: IntArray = np.bincount(owner[_fresh(owner, _ascending(owner, number))], minlength=n).astype(np.int64)
    return counts


def _rhythm(owner: IntArray, day: IntArray, n: int) -> dict[str, Any]:
    """Return the days with an order, and the median, last and earlier gaps between them."""
    fresh = _fresh(owner, day)
    whose, when = owner[fresh], day[fresh]
    inner = whose[1:] == whose[:-1]
    gap, of = np.diff(when)[inner], whose[1:][inner]
    final = np.ones(len(gap), dtype=bool)
    final[:-1] = of[1:] != of[:-1]
    last = np.full(n, np.nan)
    last[of[final]] = gap[final]
    return {
        "n_order_days": np.bincount(whose, minlength=n),
        "median_gap_days": _medians(gap, of, n),
        "last_gap_days": last,
        "earlier_gap_days": _medians(gap[~final], of[~final], n),
    }


def _medians(gap: IntArray, of: IntArray, n: int) -> FloatArray:
    """Return the median gap of each customer; NaN without one."""
    result = np.full(n, np.nan)
    if not len(gap):
        return result
    span = int(gap.max()) + 1
    ordered = np.sort(of * span + gap) % span
    count = np.bincount(of, minlength=n)
    known = count > 0
    begin = (np.cumsum(count) - count)[known]
    size = count[known]
    result[known] = (ordered[begin + (size - 1) // 2] + ordered[begin + size // 2]) / 2
    return result


def _sums(minor: IntArray, inside: BoolArray, codes: CodeArray, n: int) -> IntArray:
    """Sum the minor units of each customer's chosen rows, in integers; rows ascend by customer."""
    total: IntArray = np.concatenate([[0], np.cumsum(np.where(inside, minor, 0), dtype=np.int64)])
    sums: IntArray = np.diff(total[np.searchsorted(codes, np.arange(n + 1))])
    return sums
