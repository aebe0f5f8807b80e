"""From purchases to the three columns that RFM scores are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd

from churnlib.events import read_purchases

__all__ = ["rfm_table"]


def rfm_table(
    data: Any,
    *,
    customer: str | None = None,
    time: str | None = None,
    amount: str | None = None,
    kind: str | None = None,
    kinds: str | Sequence[str] | None = None,
    cutoff: object = None,
    period: str | None = None,
    timezone: str | None = None,
    time_format: str | None = None,
    negative: Literal["error", "refund", "purchase"] = "error",
) -> pd.DataFrame:
    """Say how long ago each customer last bought, how often, and for how much in all.

    These are the recency, frequency and money of RFM scores. The models of lifetime
    value use the same words for other things (see `churnlib.clv.rfm_summary`), so the
    columns have other names here. Time is half-open: what happened before `cutoff`
    counts, and in a log only what was known before it.

    Parameters
    ----------
    data : EventLog or dataframe
        One row per purchase. A frame is pandas, polars, a pyarrow Table or a DuckDB
        relation; it is not modified, and the order of its rows does not matter.
    customer, time, amount : str or None, default=None
        For a frame: columns of the customer id, of when it was bought, and of the money.
        An EventLog knows its own.
    kind : str or None, default=None
        For a frame: the column of what happened.
    kinds : str, sequence of str or None, default=None
        Which kinds of events are purchases; None takes the only one there is.
    cutoff : str, date, datetime or None, default=None
        The day the table is made for. None takes the instant a log is complete until, or
        the one just after a frame's last event.
    period : {"s", "min", "h", "D", "W", "M", "Y"} or None, default=None
        Purchases in one period are one order: "s" joins the lines of one invoice, "D" the
        orders of one day. None takes each row for an order.
    timezone : str or None, default=None
        For a frame: the zone of naive times and of the calendar, UTC unless said.
    time_format : str or None, default=None
        For a frame: a strptime format for times that are texts but not ISO 8601.
    negative : {"error", "refund", "purchase"}, default="error"
        What a negative amount is. "refund" lowers `spend_total` and is no order: who has
        nothing else is no customer. "purchase" counts it like any other event. A purchase
        of no money always counts.

    Returns
    -------
    DataFrame
        Indexed by `customer_id`, ascending; only customers who bought before the cutoff.
        ``recency_days`` (int64): whole local days from the day of the last purchase to
        the last day observed, the one just before the cutoff; 0 on that day.
        ``n_orders`` (int64, 1 or more). ``spend_total``, where there are amounts: the
        float nearest to the exact sum, negative where more was given back than paid.

    Raises
    ------
    HistoryError
        When nothing was bought before the cutoff, or it lies beyond the end of a log.
    DataError
        When rows lack a customer, a time or an amount, or an amount is negative without
        a rule; the message says how many, in which column, and where the first one is.
    ParameterError, ParameterTypeError
        When an argument cannot work.

    Examples
    --------
    >>> orders = pd.DataFrame(
    ...     {
    ...         "id": ["ann", "ann", "ann", "bob"],
    ...         "ts": ["2025-01-01 09:00", "2025-01-08 10:00", "2025-01-08 18:00", "2025-01-10 12:00"],
    ...         "total": [20, 30, 5.5, 12],
    ...     }
    ... )
    >>> rfm_table(orders, customer="id", time="ts", amount="total", cutoff="2025-02-01")
                 recency_days  n_orders  spend_total
    customer_id
    ann                    23         3         55.5
    bob                    21         1         12.0
    >>> rfm_table(orders, customer="id", time="ts", cutoff="2025-02-01", period="D")["n_orders"].to_dict()
    {'ann': 2, 'bob': 1}
    """
    rows = read_purchases(
        data, customer=customer, time=time, amount=amount, kind=kind, kinds=kinds, timezone=timezone,
        time_format=time_format, negative=negative,
    )  # fmt: skip
    bought = rows.before(cutoff, period="D")
    columns: dict[str, Any] = {
        "recency_days": bought.end - bought.last,
        "n_orders": bought.n_orders if period is None else rows.before(cutoff, period=period).n_periods,
    }
    if bought.spend is not None:
        columns["spend_total"] = bought.money(bought.spend)
    return pd.DataFrame(columns, index=bought.customers.rename("customer_id"))
