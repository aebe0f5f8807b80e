"""Which list earns most where each row has a gain of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from churnlib._typing import Array, FloatArray, IntArray
from churnlib.numerics import TiedOrder

__all__ = ["best_list", "best_weighted_list"]

_BINS = 1 << 14
_FEW = 1 << 14
"""Rows below which ranking all of them costs nothing."""


def best_list(scores: Array, gain: FloatArray, order: Callable[[], TiedOrder]) -> tuple[float, float, float]:
    """Return profit per row of the list that earns most, its share of the rows, and its lowest score.

    Nobody is listed, up to a score of +inf, where no list earns anything. Gains are on a grid, so that
    sums are exact, and neither the order of the rows nor the way to the result changes a bit.
    Only rows among which the list may end are ranked: scores are cut into bins, and the list cannot end in a
    bin where even all positive gains would not bring it up to the best of the ends of bins.
    """
    n_rows = gain.size
    bin_of = _bins(scores) if n_rows > _FEW else None
    if bin_of is None:
        return best_weighted_list(order(), gain, np.ones(n_rows))
    sums: FloatArray = np.bincount(bin_of, weights=gain, minlength=_BINS).astype(np.float64)
    positive = np.bincount(bin_of, weights=np.maximum(gain, 0.0), minlength=_BINS)
    earned = np.cumsum(sums)
    before: FloatArray = earned - sums
    open_ = before + positive >= max(0.0, float(earned.max()))
    rows: IntArray = np.flatnonzero(open_[bin_of])
    if rows.size > n_rows // 4:
        return best_weighted_list(order(), gain, np.ones(n_rows))
    inner = TiedOrder(scores[rows])
    return _best_inside(inner, rows, bin_of, gain, before)


def _best_inside(
    inner: TiedOrder, rows: IntArray, bin_of: Array, gain: FloatArray, before: FloatArray
) -> tuple[float, float, float]:
    block_gain = inner.block_sums(gain[rows])
    block_bin = bin_of[rows[inner.order[inner.starts]]]
    within = np.cumsum(block_gain)
    # what was earned inside the open bins before a block's own bin is already in `before`
    first = np.searchsorted(block_bin, block_bin)
    earned = before[block_bin] + within - (within[first] - block_gain[first])
    best = int(np.argmax(earned)) if earned.size else 0
    if not earned.size or not earned[best] > 0:
        return 0.0, 0.0, np.inf
    listed = np.bincount(bin_of, minlength=_BINS)[: block_bin[best]].sum()
    ends = np.append(inner.starts, inner.n_rows)
    listed += ends[best + 1] - ends[first[best]]
    return float(earned[best]) / gain.size, float(listed) / gain.size, float(inner.scores[best])


def best_weighted_list(order: TiedOrder, gain: FloatArray, weight: FloatArray) -> tuple[float, float, float]:
    """Return the same by ranking every row; gains have been multiplied by the weights."""
    total = float(weight.sum())
    earned = np.cumsum(order.block_sums(gain))
    best = int(np.argmax(earned))  # the first of equals: the shortest list
    if not earned[best] > 0:
        return 0.0, 0.0, np.inf
    listed = order.block_sums(weight)[: best + 1].sum()
    return float(earned[best]) / total, float(listed) / total, float(order.scores[best])


def _bins(scores: Array) -> Array | None:
    """Cut the range of the scores into bins of equal width, highest first; None where it is not finite."""
    high, low = float(scores.max()), float(scores.min())
    width = high - low
    if not 0 < width < np.inf:
        return None
    scale = (_BINS - 1) / width
    if not np.isfinite(scale):
        return None
    # Subtraction and multiplication never turn an order round, so no score is put above a higher one.
    return ((high - scores.astype(np.float64, copy=False)) * scale).astype(np.int32)
