"""Rows and money by calendar month."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnlib.calendar import monthly, timestamp

__all__ = ["month_table"]

_LIMB_BITS = 21


def month_table(time: NDArray[np.int64], amount: NDArray[np.int64] | None, scale: int, timezone: str) -> pd.DataFrame:
    """Count events and add up their money by calendar month.

    Parameters
    ----------
    time : ndarray of int64
        Microseconds of UTC.
    amount : ndarray of int64 or None
        Money at `scale`.
    scale : int
        Decimals of the money.
    timezone : str
        The zone of the calendar.

    Returns
    -------
    pandas.DataFrame
        Columns ``month`` ("2025-01"), ``rows`` and, with money, ``amount``
        (Decimal). Months without events are listed with 0.

    Examples
    --------
    >>> from churnlib.calendar import to_us
    >>> time = np.array([to_us("2025-01-05"), to_us("2025-02-01")])
    >>> month_table(time, np.array([150, 50]), 2, "UTC")
         month  rows amount
    0  2025-01     1   1.50
    1  2025-02     1   0.50
    """
    first, last = (timestamp(int(at), timezone).tz_localize(None) for at in (time.min(), time.max()))
    starts = monthly(first.strftime("%Y-%m"), last.strftime("%Y-%m"), tz=timezone)
    place = np.searchsorted(starts.us, time, side="right") - 1
    table = pd.DataFrame(
        {"month": starts.timestamps.strftime("%Y-%m"), "rows": np.bincount(place, minlength=len(starts))}
    )
    if amount is not None:
        totals = _sums(place, amount, len(starts))
        table["amount"] = pd.Series([Decimal(total).scaleb(-scale) for total in totals], dtype=object)
    return table


def _sums(place: NDArray[np.intp], amount: NDArray[np.int64], size: int) -> list[int]:
    """Add integers up by group exactly.

    bincount adds in floats, exact below 2⁵³: limbs of 21 bits leave room for
    2³¹ rows.
    """
    mask = (1 << _LIMB_BITS) - 1
    limbs = (amount & mask, (amount >> _LIMB_BITS) & mask, amount >> (2 * _LIMB_BITS))
    sums = [np.bincount(place, weights=limb, minlength=size).astype(np.int64) for limb in limbs]
    return [sum(int(limb[group]) << (_LIMB_BITS * at) for at, limb in enumerate(sums)) for group in range(size)]
