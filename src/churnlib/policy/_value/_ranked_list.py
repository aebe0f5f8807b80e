"""Whom a ranking treats within a share or a budget; equal scores share their places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.numerics import TiedOrder

__all__ = ["RankedList", "ranked_list"]


@dataclass(frozen=True, slots=True, eq=False)
class RankedList:
    """The probability of each row to be on a list, and which rows stand near its end, if it ends at a limit."""

    probability: FloatArray
    spend: FloatArray
    near_end: BoolArray | None

    def end_moves(self, effect: FloatArray) -> FloatArray:
        """How each row moves the value of the list by filling it: who comes on puts others off, of those at the end.

        `effect` is what each row would add to the value if it were on the list.
        """
        if self.near_end is None:
            return np.zeros(len(effect))
        spent = self.spend * self.probability
        at_end = float(effect[self.near_end].sum() / self.spend[self.near_end].sum())
        return np.asarray(-at_end * (spent - spent.mean()), dtype=np.float64)


def ranked_list(score: FloatArray, spend: FloatArray, limit: float, *, eligible: BoolArray | None = None) -> RankedList:
    """Fill a list from the highest score until the limit is spent; the last of equals get what is left by lot.

    Rows that are not eligible stay off the list. A list that ends before the limit has no end that could move.
    """
    n = len(score)
    probability = np.zeros(n)
    rows: IntArray = np.arange(n) if eligible is None else np.flatnonzero(eligible)
    if not rows.size:
        return RankedList(probability, spend, None)
    groups = TiedOrder(score[rows])
    order = rows[groups.order]
    upto = np.cumsum(spend[order])
    starts = np.asarray(groups.starts)
    ends = np.append(starts[1:], order.size) - 1
    high = upto[ends]
    low = np.append(0.0, high[:-1])
    room = np.where(high > low, (limit - low) / np.where(high > low, high - low, 1.0), 1.0)
    part = np.where(low > limit, 0.0, np.clip(room, 0.0, 1.0))
    sizes = np.diff(np.append(starts, order.size))
    probability[order] = np.repeat(part, sizes)
    if high[-1] <= limit * (1 + 1e-12):
        return RankedList(probability, spend, None)
    return RankedList(probability, spend, _near(order, upto, high, low, limit, n))


def _near(order: IntArray, upto: FloatArray, high: FloatArray, low: FloatArray, limit: float, n: int) -> BoolArray:
    """Mark the tied rows that straddle the end, or, where these are few, the rows about it."""
    reach = float(upto[-1]) * len(order) ** (-1 / 3) / 2
    last = int(np.searchsorted(high, limit * (1 - 1e-12)))
    least, most = max(limit - reach, 0.0), min(limit + reach, float(upto[-1]))
    if low[last] <= least and high[last] >= most:
        least, most = float(low[last]), float(high[last])
    near = np.zeros(n, dtype=bool)
    near[order[(upto > least) & (np.append(0.0, upto[:-1]) < most)]] = True
    return near
