"""Purchases summed up: one line per customer, counted and added in integers.

Everything a summary of purchases asks (how often, first and last, for how much) comes
from the distinct pairs of customer and period. The rows of a log have them in order;
those of any other table get them by one sort of packed integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib._typing import Array, BoolArray, CodeArray, FloatArray, IntArray
from churnlib.calendar import PeriodGrid
from churnlib.exceptions import MoneyError, message

__all__ = ["Holdout", "Purchases", "Totals", "totals"]

_EXACT_FLOAT = 1 << 53
_INT64_MAX = int(np.iinfo(np.int64).max)
_KEY_LIMIT = 1 << 63
_LIMB_BITS = 21

Places: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Purchases:
    """What each customer had bought before a cutoff, one entry per customer.

    Only customers with a purchase before the cutoff are here. Several purchases in one
    period of the grid are one period; money is counted in whole units of the last decimal.

    Parameters
    ----------
    customers : pandas.Index
        Ids, ascending.
    cutoff_us : int
        What happened before this instant is counted, in microseconds of UTC.
    grid : PeriodGrid
        The periods, and the zone of their calendar.
    end : int
        Number of the last period observed: the one just before the cutoff.
    first, last : ndarray of int64
        Number of the period of the first and of the last purchase, up to `end`.
    last_us : ndarray of int64
        The instant of the last purchase.
    n_orders : ndarray of int64
        How many purchases, at least 1.
    n_periods : ndarray of int64
        In how many different periods, at least 1.
    spend : ndarray of int64 or None, default=None
        Money of all periods: ``spend / 10**scale``; None when no amounts were given.
    spend_later : ndarray of int64 or None, default=None
        Money outside of the period of the first purchase.
    scale : int, default=0
        Decimals of the money.
    n_free, n_refunds : int, default=0
        How many of the events counted here cost nothing, and how many gave money back.

    Examples
    --------
    >>> from churnlib.events import read_purchases
    >>> orders = pd.DataFrame({"id": [7, 3, 7], "ts": ["2025-01-09", "2025-01-05", "2025-01-02"], "total": [2, 5, 7.5]})
    >>> bought = read_purchases(orders, customer="id", time="ts", amount="total").before("2025-02-01")
    >>> bought.customers.tolist(), bought.n_orders, bought.last - bought.first, bought.end - bought.first
    ([3, 7], array([1, 2]), array([0, 7]), array([26, 29]))
    >>> bought.money(bought.spend), bought.money(bought.spend_later)
    (array([5. , 9.5]), array([0., 2.]))
    """

    customers: pd.Index[Any]
    cutoff_us: int
    grid: PeriodGrid
    end: int
    first: IntArray
    last: IntArray
    last_us: IntArray
    n_orders: IntArray
    n_periods: IntArray
    spend: IntArray | None = None
    spend_later: IntArray | None = None
    scale: int = 0
    n_free: int = 0
    n_refunds: int = 0

    def __post_init__(self) -> None:
        for name in ("first", "last", "last_us", "n_orders", "n_periods", "spend", "spend_later"):
            values = getattr(self, name)
            if values is not None:
                values.setflags(write=False)

    def __len__(self) -> int:
        return len(self.customers)

    def money(self, minor: IntArray, count: IntArray | int = 1) -> FloatArray:
        """Return exact amounts, or their means, as the nearest floats.

        Parameters
        ----------
        minor : ndarray of int64
            Such as `spend`.
        count : ndarray of int64 or int, default=1
            What to divide by; an amount over a count of 0 is 0.

        Returns
        -------
        ndarray of float64
            ``minor / 10**scale / count``, rounded once (for amounts below 2⁵³ minor units).

        Examples
        --------
        >>> from churnlib.events import read_purchases
        >>> orders = pd.DataFrame({"id": [7, 7], "ts": ["2025-01-09", "2025-01-05"], "total": [0.1, 0.2]})
        >>> bought = read_purchases(orders, customer="id", time="ts", amount="total").before()
        >>> bought.money(bought.spend), bought.money(bought.spend, bought.n_orders)
        (array([0.3]), array([0.15]))
        """
        parts = np.asarray(count, dtype=np.int64) * 10**self.scale
        amounts = np.zeros(len(minor), dtype=np.float64)
        np.divide(minor, parts, out=amounts, where=parts != 0)
        return amounts


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Holdout:
    """What the customers of a calibration bought after its cutoff, one entry per customer.

    Parameters
    ----------
    end : int
        Number of the last period of the holdout.
    n_periods : ndarray of int64
        Periods with a purchase. A period the calibration counted already, because the
        cutoff lies inside of it, is not counted again.
    spend : ndarray of int64 or None, default=None
        Money at the scale of the calibration; None when no amounts were given.

    Examples
    --------
    >>> from churnlib.events import read_purchases
    >>> orders = pd.DataFrame({"id": [7, 3, 7], "ts": ["2025-01-01", "2025-01-02", "2025-01-08"], "total": [1, 2, 3]})
    >>> rows = read_purchases(orders, customer="id", time="ts", amount="total")
    >>> past = rows.before("2025-01-05")
    >>> held = rows.holdout(past, "2025-01-11")
    >>> held.end - past.end, held.n_periods, held.spend
    (6, array([0, 1]), array([0, 3]))
    """

    end: int
    n_periods: IntArray
    spend: IntArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """Totals by customer code; where `n_orders` is 0 the periods and the instant mean nothing.

    Parameters
    ----------
    n_orders, n_periods, first, last, last_us : ndarray of int64
        As in `Purchases`.
    spend, spend_later : ndarray of int64 or None
        As in `Purchases`.
    """

    n_orders: IntArray
    n_periods: IntArray
    first: IntArray
    last: IntArray
    last_us: IntArray
    spend: IntArray | None
    spend_later: IntArray | None


def totals(
    codes: CodeArray,
    number: IntArray,
    us: IntArray,
    minor: IntArray | None,
    refund: BoolArray | None,
    *,
    n_customers: int,
    ordered: bool,
) -> Totals:
    """Sum up rows by customer.

    Parameters
    ----------
    codes : ndarray of int
        Customer code of each row, from 0.
    number : ndarray of int64
        Number of the period of each row.
    us : ndarray of int64
        Instant of each row.
    minor : ndarray of int64 or None
        Money of each row.
    refund : ndarray of bool or None
        Rows that are money but no purchase.
    n_customers : int
        How many codes there are.
    ordered : bool
        Whether rows ascend by customer, then time.

    Returns
    -------
    Totals
        The same for any order of the rows.
    """
    places = codes.astype(np.intp)  # once, instead of inside each of the calls below
    whose, when, at = (places, number, us) if refund is None else (places[~refund], number[~refund], us[~refund])
    owner, period = _pairs(whose, when, n_customers, ordered=ordered)
    n_periods = np.bincount(owner, minlength=n_customers).astype(np.int64, copy=False)
    stop = np.cumsum(n_periods)
    bought = n_periods > 0
    first, last = np.zeros(n_customers, dtype=np.int64), np.zeros(n_customers, dtype=np.int64)
    first[bought] = period[(stop - n_periods)[bought]]
    last[bought] = period[stop[bought] - 1]
    latest = np.full(n_customers, np.iinfo(np.int64).min)
    np.maximum.at(latest, whose, at)
    spend = later = None
    if minor is not None:
        spend = _sums(places, minor, n_customers)
        later = _sums(places, np.where(number == first.take(places), 0, minor), n_customers)
    n_orders = np.bincount(whose, minlength=n_customers).astype(np.int64, copy=False)
    return Totals(n_orders, n_periods, first, last, latest, spend, later)


def _pairs(codes: Places, number: IntArray, n_customers: int, *, ordered: bool) -> tuple[Places, IntArray]:
    """Return the distinct pairs of customer and period, ascending."""
    if not len(codes):
        return codes, number
    if ordered:
        same = codes[1:] == codes[:-1]
        step = number[1:] - number[:-1]
        # Where clocks are set back across midnight a day comes again, after the next one had begun.
        if not np.any(same & (step < 0)):
            new = np.concatenate([[True], ~same | (step != 0)])
            return codes[new], number[new]
    return _sorted_pairs(codes, number, n_customers)


def _sorted_pairs(codes: Places, number: IntArray, n_customers: int) -> tuple[Places, IntArray]:
    """Find the pairs by one sort of integers that hold both."""
    low = int(number.min())
    span = int(number.max()) - low + 1
    if n_customers * span > _KEY_LIMIT:  # more periods than rows: number only those in use
        used, ranks = np.unique(number, return_inverse=True)
        owner, rank = _sorted_pairs(codes, ranks.reshape(-1).astype(np.int64), n_customers)
        return owner, used[rank]
    # 32 bits, where they suffice, sort twice as fast.
    dtype: type[np.uint32 | np.int64] = np.uint32 if n_customers * span < 1 << 32 else np.int64
    key: Array = codes.astype(dtype)
    key *= dtype(span)
    key += (number - low).astype(dtype)
    key.sort()
    new = np.concatenate([[True], key[1:] != key[:-1]])
    key = key[new]
    owner, period = np.divmod(key, dtype(span))
    return owner.astype(np.intp), period.astype(np.int64) + low


def _sums(codes: Places, minor: IntArray, n_customers: int) -> IntArray:
    """Add integers up by customer, exactly.

    bincount adds in floats, which is exact while every partial sum stays below 2⁵³. Beyond
    that amounts are split into limbs of 21 bits, which leave room for 2³² rows.
    """
    largest = max(abs(int(minor.min())), abs(int(minor.max()))) if len(minor) else 0
    if largest * len(minor) < _EXACT_FLOAT:
        return _float_sums(codes, minor, n_customers).astype(np.int64)
    mask = (1 << _LIMB_BITS) - 1
    limbs = (minor & mask, (minor >> _LIMB_BITS) & mask, minor >> (2 * _LIMB_BITS))
    low, middle, high = (_float_sums(codes, limb, n_customers) for limb in limbs)
    # int64 arithmetic wraps around, so that the result is exact wherever the true sum fits.
    sums = low.astype(np.int64)
    sums += middle.astype(np.int64) << _LIMB_BITS
    sums += high.astype(np.int64) << (2 * _LIMB_BITS)
    wide = np.abs(high * 2.0 ** (2 * _LIMB_BITS) + middle * 2.0**_LIMB_BITS + low - sums) > 2.0**62
    if wide.any():
        raise MoneyError(
            message(
                f"the spend of {int(wide.sum())} customers does not fit 64 bits at the scale of the amounts",
                f"totals stay below {_INT64_MAX:,} units of the last decimal",
                "give the amounts in a larger unit",
            )
        )
    return sums


def _float_sums(codes: Places, values: IntArray, n_customers: int) -> FloatArray:
    return np.bincount(codes, weights=values, minlength=n_customers).astype(np.float64, copy=False)
