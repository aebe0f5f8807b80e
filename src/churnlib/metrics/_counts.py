"""Rows and churners along a ranking: from two sorts of numbers, or from weighted blocks of one order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._typing import Array, ArrayLike, BoolArray, FloatArray, IntArray
from churnlib.metrics import _arrays
from churnlib.metrics._grid import on_grid
from churnlib.metrics._hull import upper_hull
from churnlib.numerics import TiedOrder

__all__ = ["BlockCounts", "Counts", "Cuts", "SortedCounts", "sums_within"]

_STRIDES = (256, 16)
"""Rows from one list to the next while looking for the best ones."""

_MANY = 1 << 14
"""Churners up to which every one of them is looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """Lists among which the best one is, for any worth of a churner and cost of a stayer; the last holds all rows.

    They include every vertex of the upper hull of (rows, churners). Attributes are cumulative, shortest list
    first: rows and churners on the list, and the lowest score on it.
    """

    rows: FloatArray
    churners: FloatArray
    score: FloatArray


class SortedCounts:
    """Counts of unweighted rows.

    A sort of the scores alone, without the positions of the rows, is several times as fast as a
    ranking, and two of them, one of all rows and one of the churners, say how many rows and how many
    churners lie above any score.
    """

    __slots__ = ("_churners", "_rows")

    whole = True

    def __init__(self, y: BoolArray, scores: Array) -> None:
        self._rows: Array = np.sort(scores)
        self._churners: Array = np.sort(scores.compress(y))

    @property
    def n_rows(self) -> float:
        """How many rows."""
        return float(self._rows.size)

    @property
    def n_churners(self) -> float:
        """How many churners."""
        return float(self._churners.size)

    def churners_within(self, sizes: FloatArray) -> FloatArray:
        """Churners on lists of these sizes; a block of equal scores that straddles the end counts by its share."""
        n = self._rows.size
        place: IntArray = np.clip(np.ceil(sizes), 1, n).astype(np.int64)
        last = self._rows[n - place]
        rows, rows_above = _at_least(self._rows, last), _above(self._rows, last)
        caught, caught_above = _at_least(self._churners, last), _above(self._churners, last)
        return (caught - caught_above) / (rows - rows_above) * (sizes - rows_above) + caught_above

    def scores_between(self, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Highest and lowest score of each bin of the ranking."""
        n, at = self._rows.size, edges.astype(np.int64)
        return self._rows[n - 1 - at[:-1]].astype(np.float64), self._rows[n - at[1:]].astype(np.float64)

    def cuts(self) -> Cuts:
        """The lists that can be best, found by looking ever closer where a better one may lie."""
        n, n_churners = self._rows.size, self._churners.size
        found = self._cuts_at(self._rows[:1])
        for stride in _STRIDES if n_churners > _MANY else ():
            between = _every(stride, *_open_gaps(found, found.rows))
            found = self._cuts_at(np.concatenate((found.score, self._rows[n - between])))
        first, last = _open_gaps(found, found.churners)
        between = _every(1, first, last + 1)
        return self._cuts_at(np.concatenate((found.score, self._churners[n_churners - between])))

    def _cuts_at(self, scores: Array) -> Cuts:
        """The lists that end at these scores, with all rows that tie there; equal lists once."""
        score = np.sort(scores)[::-1]
        new = np.ones(score.size, dtype=bool)
        np.not_equal(score[1:], score[:-1], out=new[1:])
        score = score[new]
        return Cuts(_at_least(self._rows, score), _at_least(self._churners, score), score)

    def outranked(self) -> float:
        """Pairs in which the churner stands above the stayer, ties counting half."""
        first, score = self._blocks()
        churners = -np.diff(first, prepend=self._churners.size).astype(np.float64)
        above, at_least = _above(self._rows, score), _at_least(self._rows, score)
        tied = at_least - above - churners
        below = self._rows.size - at_least - first
        return float((churners * (below + tied / 2)).sum())

    def _blocks(self) -> tuple[IntArray, Array]:
        """Where each distinct score of churners starts in their sort, and the score; highest first."""
        churners = self._churners
        new = np.ones(churners.size, dtype=bool)
        np.not_equal(churners[1:], churners[:-1], out=new[1:])
        first = np.flatnonzero(new)[::-1]
        return first, churners[first]


class BlockCounts:
    """Counts of weighted rows, from an order that is kept from one weighting to the next."""

    __slots__ = ("_block_churners", "_block_rows", "_churners", "_rows", "_scores", "whole")

    def __init__(self, order: TiedOrder, y: BoolArray, sample_weight: ArrayLike) -> None:
        weight, self.whole = _arrays.weights(sample_weight, order.n_rows)
        if not self.whole:
            weight = on_grid(weight)
        self._scores = order.scores
        self._block_rows: FloatArray = order.block_sums(weight)
        self._block_churners: FloatArray = order.block_sums(weight * y)
        self._rows: FloatArray = np.cumsum(self._block_rows)
        self._churners: FloatArray = np.cumsum(self._block_churners)

    @property
    def n_rows(self) -> float:
        """The weight of all rows."""
        return float(self._rows[-1])

    @property
    def n_churners(self) -> float:
        """The weight of all churners."""
        return float(self._churners[-1])

    def churners_within(self, sizes: FloatArray) -> FloatArray:
        """Churners on lists of these sizes; a block of equal scores that straddles the end counts by its share."""
        return sums_within(sizes, self._rows, self._churners)

    def scores_between(self, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Highest and lowest score of each bin of the ranking."""
        last = self._rows.size - 1
        high = np.minimum(np.searchsorted(self._rows, edges[:-1], side="right"), last)
        low = np.minimum(np.searchsorted(self._rows, edges[1:], side="left"), last)
        return self._scores[high], self._scores[low]

    def cuts(self) -> Cuts:
        """The lists that can be best."""
        kept = self._block_churners > 0
        kept[np.flatnonzero(self._block_rows > 0)[-1]] = True
        return Cuts(self._rows[kept], self._churners[kept], self._scores[kept])

    def outranked(self) -> float:
        """Pairs in which the churner stands above the stayer, ties counting half."""
        stayers = self._block_rows - self._block_churners
        below = stayers.sum() - np.cumsum(stayers) + stayers / 2
        # A sum, not a dot product: BLAS would start threads, and add in an order of its own.
        return float((self._block_churners * below).sum())


Counts = SortedCounts | BlockCounts


def _open_gaps(cuts: Cuts, counts: FloatArray) -> tuple[IntArray, IntArray]:
    """Return the counts at both ends of each gap between neighbouring cuts that may hide a vertex of the hull."""
    rows, churners = np.append(0.0, cuts.rows), np.append(0.0, cuts.churners)
    hull = upper_hull(rows, churners)
    # Nothing in a gap lies above the corner that comes of taking all its churners first.
    corner = rows[:-1] + np.diff(churners)
    edge = np.minimum(np.searchsorted(rows[hull], corner, side="right") - 1, hull.size - 2)
    start, end = hull[edge], hull[edge + 1]
    rise, run = churners[end] - churners[start], rows[end] - rows[start]
    # Products of whole numbers: "above" is exact.
    above = (churners[1:] - churners[start]) * run > rise * (corner - rows[start])
    first = np.append(0.0, counts[:-1])
    return first[above].astype(np.int64), counts[above].astype(np.int64)


def _every(stride: int, first: IntArray, last: IntArray) -> IntArray:
    """Return every so many whole numbers after each `first`, and before its `last`."""
    length = (last - first - 1) // stride
    of = np.repeat(np.arange(first.size), length)
    step = np.arange(of.size) - (np.cumsum(length) - length)[of] + 1
    counts: IntArray = first[of] + stride * step
    return counts


def sums_within(sizes: FloatArray, rows: FloatArray, sums: FloatArray) -> FloatArray:
    """Sum up to each list size, a block that straddles the end counting by its share.

    `rows` and `sums` are cumulative over tied blocks. Inside a block every order is
    equally likely, so the expected sum grows linearly: exactly `np.interp`.
    """
    return np.interp(sizes, np.concatenate(([0.0], rows)), np.concatenate(([0.0], sums)))


def _at_least(ascending: Array, score: Array) -> FloatArray:
    counts: FloatArray = (ascending.size - np.searchsorted(ascending, score, side="left")).astype(np.float64)
    return counts


def _above(ascending: Array, score: Array) -> FloatArray:
    counts: FloatArray = (ascending.size - np.searchsorted(ascending, score, side="right")).astype(np.float64)
    return counts
