"""From purchases to the columns that models of lifetime value read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from churnlib.events import Purchases, read_purchases

__all__ = ["calibration_holdout", "rfm_summary"]


def rfm_summary(
    data: Any,
    *,
    customer: str | None = None,
    time: str | None = None,
    amount: str | None = None,
    kind: str | None = None,
    kinds: str | Sequence[str] | None = None,
    cutoff: object = None,
    period: str = "D",
    time_unit: str | None = None,
    timezone: str | None = None,
    time_format: str | None = None,
    negative: Literal["error", "refund", "purchase"] = "error",
) -> pd.DataFrame:
    r"""Sum up purchases as BG/NBD and its kin read them: frequency, recency, T, mean spend.

    Purchases in one period of the grid are one purchase, whose spend is their sum.
    The first one makes a customer and is not repeated, so it counts neither in
    `frequency` nor in `monetary_value`. Time is half-open: what happened before
    `cutoff` counts, and in a log only what was known before it.

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
        The end of the observation. None takes the instant a log is complete until; for a
        frame, the end of the period of its last event.
    period : {"s", "min", "h", "D", "W", "M", "Y"}, default="D"
        The grid on which several purchases become one. Days, weeks (from Monday), months
        and years are those of the local calendar.
    time_unit : str or None, default=None
        The unit of `recency` and `T`, such as "W" for days / 7; None takes the period.
    timezone : str or None, default=None
        For a frame: the zone of naive times and of the calendar, UTC unless said.
    time_format : str or None, default=None
        For a frame: a strptime format for times that are texts but not ISO 8601.
    negative : {"error", "refund", "purchase"}, default="error"
        What a negative amount is. "refund" lowers the spend of its period and is no
        purchase: who has nothing else is no customer. "purchase" counts it like any
        other event. A purchase of no money always counts.

    Returns
    -------
    DataFrame
        Indexed by `customer_id`, ascending; only customers who bought before the cutoff.
        ``frequency`` (int64, 0 or more): periods with a purchase after the first one.
        ``recency`` (0 to T): from the first period to the last one with a purchase.
        ``T`` (0 or more): from the first period to the last one observed, that is the
        one just before the cutoff. ``monetary_value``, where there are amounts: money
        outside the first period over `frequency`; 0 where `frequency` is 0, which
        Gamma-Gamma skips.

    Raises
    ------
    HistoryError
        When nothing was bought before the cutoff, or it lies beyond the end of a log.
    DataError
        When rows lack a customer, a time or an amount, or an amount is negative without
        a rule; the message says how many, in which column, and where the first one is.
    ParameterError, ParameterTypeError
        When an argument cannot work.

    See Also
    --------
    calibration_holdout : The same, with what was bought afterwards.
    churnlib.segmentation.rfm_table : The recency, frequency and money of RFM scores, which mean other things.

    Notes
    -----
    With :math:`d_1 < \dots < d_n` the distinct periods in which a customer bought, and
    :math:`c` the last period observed: :math:`x = n - 1`, :math:`t_x = d_n - d_1`,
    :math:`T = c - d_1` (P. S. Fader, B. G. S. Hardie and K. L. Lee, Marketing Science 24,
    2005, section 3). Differences are taken between periods, never between instants, so a
    day in which the clocks change is a day.

    Examples
    --------
    >>> orders = pd.DataFrame(
    ...     {
    ...         "id": ["ann", "ann", "ann", "bob"],
    ...         "ts": ["2025-01-01 09:00", "2025-01-08 10:00", "2025-01-08 18:00", "2025-01-10 12:00"],
    ...         "total": [20, 30, 5.5, 12],
    ...     }
    ... )
    >>> rfm_summary(orders, customer="id", time="ts", amount="total", cutoff="2025-01-16", time_unit="W")
                 frequency  recency         T  monetary_value
    customer_id
    ann                  1      1.0  2.000000            35.5
    bob                  0      0.0  0.714286             0.0
    """
    rows = read_purchases(
        data, customer=customer, time=time, amount=amount, kind=kind, kinds=kinds, timezone=timezone,
        time_format=time_format, negative=negative,
    )  # fmt: skip
    return _summary(rows.before(cutoff, period=period), time_unit)


def calibration_holdout(
    data: Any,
    *,
    cutoff: object,
    holdout_end: object = None,
    customer: str | None = None,
    time: str | None = None,
    amount: str | None = None,
    kind: str | None = None,
    kinds: str | Sequence[str] | None = None,
    period: str = "D",
    time_unit: str | None = None,
    timezone: str | None = None,
    time_format: str | None = None,
    negative: Literal["error", "refund", "purchase"] = "error",
) -> pd.DataFrame:
    """Sum up purchases before a cutoff, and what the same customers bought after it.

    Fit a model on the columns of `rfm_summary`, predict the purchases of the next
    ``T_holdout``, and compare with ``frequency_holdout``. Customers who bought nothing
    afterwards are kept, with 0: without them every prediction looks too low. Those
    who came only after the cutoff are left out: no model could have known them.

    Parameters
    ----------
    data : EventLog or dataframe
        As in `rfm_summary`, of both times.
    cutoff : str, date or datetime
        The end of the calibration and the beginning of the holdout.
    holdout_end : str, date, datetime or None, default=None
        The end of the holdout, which it does not include. None takes the instant a log
        is complete until; for a frame, the end of the period of its last event.
    customer, time, amount : str or None, default=None
        For a frame: its columns, as in `rfm_summary`.
    kind : str or None, default=None
        For a frame: the column of what happened.
    kinds : str, sequence of str or None, default=None
        Which kinds of events are purchases; None takes the only one there is.
    period : {"s", "min", "h", "D", "W", "M", "Y"}, default="D"
        The grid on which several purchases become one.
    time_unit : str or None, default=None
        The unit of all times; None takes the period.
    timezone : str or None, default=None
        For a frame: the zone of naive times and of the calendar, UTC unless said.
    time_format : str or None, default=None
        For a frame: a strptime format for times that are texts but not ISO 8601.
    negative : {"error", "refund", "purchase"}, default="error"
        What a negative amount is, as in `rfm_summary`.

    Returns
    -------
    DataFrame
        The columns of `rfm_summary` at the cutoff; ``frequency_holdout`` (int64):
        periods with a purchase in the holdout, so that both frequencies add up to that of
        ``rfm_summary(..., cutoff=holdout_end)``, unless events of a log became known only after
        the cutoff or the end before which they happened (the holdout counts what happened,
        whenever it became known); ``T_holdout``: its length, equal for all.
        With amounts also ``monetary_value_holdout``, the mean spend of these periods (0
        without any), and ``spend_holdout``, their sum.

    Raises
    ------
    HistoryError
        When nothing was bought before the cutoff, no period lies in the holdout, or it
        ends beyond a log.
    DataError, ParameterError, ParameterTypeError
        As in `rfm_summary`.

    Examples
    --------
    >>> orders = pd.DataFrame(
    ...     {"id": ["ann", "bob", "ann", "ann", "new"], "ts": [f"2025-01-0{day}" for day in (1, 2, 4, 8, 9)]}
    ... )
    >>> calibration_holdout(orders, customer="id", time="ts", cutoff="2025-01-06", holdout_end="2025-01-11")
                 frequency  recency    T  frequency_holdout  T_holdout
    customer_id
    ann                  1      3.0  4.0                  1        5.0
    bob                  0      0.0  3.0                  0        5.0
    """
    rows = read_purchases(
        data, customer=customer, time=time, amount=amount, kind=kind, kinds=kinds, timezone=timezone,
        time_format=time_format, negative=negative,
    )  # fmt: skip
    bought = rows.before(cutoff, period=period)
    held = rows.holdout(bought, holdout_end)
    table = _summary(bought, time_unit)
    table["frequency_holdout"] = held.n_periods
    table["T_holdout"] = bought.grid.in_unit(np.array([held.end - bought.end], dtype=np.int64), time_unit)[0]
    if held.spend is not None:
        table["monetary_value_holdout"] = bought.money(held.spend, held.n_periods)
        table["spend_holdout"] = bought.money(held.spend)
    return table


def _summary(bought: Purchases, time_unit: str | None) -> pd.DataFrame:
    grid, repeats = bought.grid, bought.n_periods - 1
    columns: dict[str, Any] = {
        "frequency": repeats,
        "recency": grid.in_unit(bought.last - bought.first, time_unit),
        "T": grid.in_unit(bought.end - bought.first, time_unit),
    }
    if bought.spend_later is not None:
        columns["monetary_value"] = bought.money(bought.spend_later, repeats)
    return pd.DataFrame(columns, index=bought.customers.rename("customer_id"))
