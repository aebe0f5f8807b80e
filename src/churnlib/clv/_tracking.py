"""Repeat purchases over calendar time, as they came and as a model expected them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from churnlib._checks import check_integer
from churnlib._typing import FloatArray, IntArray
from churnlib.calendar import PeriodGrid, timestamps
from churnlib.events import PurchaseRows, Purchases, read_purchases
from churnlib.exceptions import DataError, HistoryError, ParameterTypeError, message, some

__all__ = ["tracking_table"]

_FIXED_US = {"s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}


def tracking_table(
    model: Any,
    data: Any,
    *,
    cutoff: object = None,
    end: object = None,
    customer: str | None = None,
    time: str | None = None,
    amount: str | None = None,
    kind: str | None = None,
    kinds: str | Sequence[str] | None = None,
    period: str = "D",
    time_unit: str | None = None,
    step: int = 7,
    timezone: str | None = None,
    time_format: str | None = None,
    negative: Literal["error", "refund", "purchase"] = "error",
    covariates: pd.DataFrame | None = None,
) -> pd.DataFrame:
    r"""Hold the repeat purchases of each week against those a fitted model expected.

    The model is not told how any customer behaved, only when each came: what it expects is
    the sum over customers of E[X(time since the first purchase)]. A model that tracks well
    in the calibration and departs afterwards has not learned how customers leave, or the
    season is to blame, which these models do not know.

    Parameters
    ----------
    model : fitted model of purchases
        Such as `BGNBD`, fitted on `rfm_summary` or `calibration_holdout` with the same
        `period` and `time_unit`; what is asked of it is ``predict_new``.
    data : EventLog or dataframe
        One row per purchase, of the calibration and of the time after it.
    cutoff : str, date, datetime or None, default=None
        The end of the calibration. Customers who came later are then left out, and a row ends
        there. None tracks everybody.
    end : str, date, datetime or None, default=None
        The end of the tracking, which it does not include. None takes the instant a log is
        complete until; for a frame, the end of the period of its last event.
    customer, time, amount : str or None, default=None
        For a frame: its columns, as in `rfm_summary`. The amount only tells refunds.
    kind : str or None, default=None
        For a frame: the column of what happened.
    kinds : str, sequence of str or None, default=None
        Which kinds of events are purchases; None takes the only one there is.
    period : {"s", "min", "h", "D", "W", "M", "Y"}, default="D"
        The grid on which several purchases become one.
    time_unit : str or None, default=None
        The unit of time of the model; None is the period.
    step : int, default=7
        How many periods make a row: 7 days are a week.
    timezone : str or None, default=None
        For a frame: the zone of naive times and of the calendar, UTC unless said.
    time_format : str or None, default=None
        For a frame: a strptime format for times that are texts but not ISO 8601.
    negative : {"error", "refund", "purchase"}, default="error"
        What a negative amount is, as in `rfm_summary`.
    covariates : DataFrame or None, default=None
        The covariates of each customer, indexed by customer, where the model has any.

    Returns
    -------
    DataFrame
        Indexed by ``until``, the instant at which a row ends and which it does not include,
        in the zone of the data. ``periods``: how many the row spans, `step` or, before the
        cutoff and at the end, what is left; ``customers`` who had come by then; ``actual``
        (int64) and ``expected`` repeat purchases in the row; ``actual_cumulative`` and
        ``expected_cumulative`` since the beginning; with a cutoff ``holdout``, whether the row
        lies after it. The last ``actual_cumulative`` is the sum of the frequencies of
        ``rfm_summary(cutoff=end)``.

    Raises
    ------
    HistoryError
        When nothing was bought before the cutoff, or no period lies between it and the end.
    DataError
        When a customer has no covariates, or as in `rfm_summary`.
    ParameterError, ParameterTypeError
        When an argument cannot work.

    See Also
    --------
    holdout_table : By how often customers had bought before.
    churnlib.plotting.plot_tracking : The picture of it.

    Notes
    -----
    With :math:`d_i` the period of the first purchase of customer i, at the end of period
    :math:`l` the model expects :math:`\sum_{i: d_i \le l} E[X(l - d_i)]`; at the end of the
    calibration :math:`l - d_i` is the T of the fit (P. S. Fader, B. G. S. Hardie and K. L. Lee,
    "A Note on Implementing the Pareto/NBD Model in MATLAB", 2005).

    Examples
    --------
    >>> from churnlib.clv import BGNBD
    >>> orders = pd.DataFrame(
    ...     {"id": ["ann", "bob", "ann", "bob", "ann"], "ts": [f"2025-01-{day:02}" for day in (1, 3, 9, 16, 20)]}
    ... )
    >>> model = BGNBD.from_params({"r": 0.8, "alpha": 9.0, "a": 0.4, "b": 2.0})
    >>> table = tracking_table(model, orders, customer="id", time="ts", cutoff="2025-01-15", end="2025-01-22")
    >>> table[["customers", "actual", "expected", "holdout"]].round(2)
                               customers  actual  expected  holdout
    until
    2025-01-08 00:00:00+00:00          2       0      0.83    False
    2025-01-15 00:00:00+00:00          2       1      1.01    False
    2025-01-22 00:00:00+00:00          2       2      0.90     True
    """
    width = check_integer(step, name="step", low=1)
    rows = read_purchases(
        data, customer=customer, time=time, amount=amount, kind=kind, kinds=kinds, timezone=timezone,
        time_format=time_format, negative=negative,
    )  # fmt: skip
    whole = rows.before(end, period=period)
    known = whole if cutoff is None else rows.before(cutoff, period=period)
    if cutoff is not None and known.end >= whole.end:
        raise HistoryError(_nothing_after(known, whole))
    tracked = whole.customers.isin(known.customers)
    births, customers = whole.first[tracked], whole.customers[tracked]
    ends = _row_ends(int(births.min()), known.end, whole.end, width)
    came = np.searchsorted(np.sort(births), ends, side="right")
    bought = np.searchsorted(np.sort(_purchase_periods(rows, whole, customers)), ends, side="right")
    facts = None if covariates is None else _of_customers(covariates, customers)
    actual = (bought - came).astype(np.int64)
    expected = _expected(model, births, ends, whole.grid, time_unit, facts)
    table = pd.DataFrame(
        {
            "periods": np.diff(ends, prepend=births.min() - 1),
            "customers": came,
            "actual": np.diff(actual, prepend=0),
            "expected": np.diff(expected, prepend=0.0),
            "actual_cumulative": actual,
            "expected_cumulative": expected,
        },
        index=_starts(ends + 1, whole.grid).rename("until"),
    )
    return table if cutoff is None else table.assign(holdout=ends > known.end)


def _row_ends(first: int, calibrated: int, last: int, step: int) -> IntArray:
    """Return the last period of each row; a row ends with the calibration, and one with the data."""
    before = np.arange(first + step - 1, calibrated, step)
    after = np.arange(calibrated + step, last, step)
    return np.unique(np.concatenate([before, [calibrated], after, [last]])).astype(np.int64)


def _purchase_periods(rows: PurchaseRows, whole: Purchases, customers: pd.Index) -> IntArray:
    """Return the period of every distinct pair of customer and period with a purchase."""
    seen = (rows.us if rows.known is None else rows.known) < whole.cutoff_us
    if rows.refund is not None:
        seen &= ~rows.refund
    tracked = np.zeros(len(rows.customers), dtype=bool)
    tracked[rows.customers.get_indexer(customers)] = True
    seen &= tracked[rows.codes]
    number = whole.grid.number(rows.us[seen])
    low = int(number.min())
    # 2**63 holds a million customers for as many seconds as there are in 290,000 years
    key = rows.codes[seen].astype(np.int64) * (int(number.max()) - low + 1) + (number - low)
    key.sort()  # many times as fast as the hash table of numpy.unique
    new = np.ones(len(key), dtype=bool)
    new[1:] = key[1:] != key[:-1]
    return key[new] % (int(number.max()) - low + 1) + low


def _expected(
    model: Any,
    births: IntArray,
    ends: IntArray,
    grid: PeriodGrid,
    time_unit: str | None,
    covariates: pd.DataFrame | None,
) -> FloatArray:
    """Sum E[X(age)] over the customers born by the end of each row."""
    day, count = (births, np.ones(len(births))) if covariates is not None else np.unique(births, return_counts=True)
    total = np.zeros(len(ends))
    for place, end in enumerate(ends):
        born = day <= end
        ages = grid.in_unit(end - day[born], time_unit)
        facts = {} if covariates is None else {"covariates": covariates[born]}
        total[place] = (model.predict_new(ages, **facts) * count[born]).sum()
    return total


def _starts(numbers: IntArray, grid: PeriodGrid) -> pd.DatetimeIndex:
    """Return the instant at which each period begins."""
    if grid.period in _FIXED_US:
        return timestamps(numbers * _FIXED_US[grid.period], grid.timezone)
    days = numbers * 7 - 3 if grid.period == "W" else numbers  # 1970-01-01 was a Thursday, weeks begin on Monday
    unit = "D" if grid.period == "W" else grid.period
    wall = pd.DatetimeIndex(days.astype(f"M8[{unit}]").astype("M8[us]"))
    # where the clocks change at midnight, a day begins with its first instant
    return wall.tz_localize(grid.timezone, ambiguous=np.ones(len(wall), dtype=bool), nonexistent="shift_forward")


def _of_customers(covariates: Any, customers: pd.Index) -> pd.DataFrame:
    if not isinstance(covariates, pd.DataFrame):
        raise ParameterTypeError(
            message(
                f"covariates is a {type(covariates).__name__}",
                "a pandas frame indexed by customer was expected",
                "covariates=frame.set_index('customer_id')",
            )
        )
    places = covariates.index.get_indexer(customers) if covariates.index.is_unique else np.full(len(customers), -1)
    lacking = places < 0
    if lacking.any():
        raise DataError(
            message(
                f"covariates has no row, or several, for {int(lacking.sum())} of {len(customers)} customers "
                f"({some(customers[lacking].tolist())})",
                "one row for each customer, indexed by customer",
                "covariates=frame.set_index('customer_id')",
            )
        )
    return covariates.iloc[places]


def _nothing_after(known: Purchases, whole: Purchases) -> str:
    cutoff, end = (pd.Timestamp(at.cutoff_us, unit="us") for at in (known, whole))
    return message(
        f"no period lies between the cutoff {cutoff} and the end {end} (UTC)",
        "the tracking goes on after the calibration",
        "an earlier cutoff=, or cutoff=None to track everybody to the end",
    )
