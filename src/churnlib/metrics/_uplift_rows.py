"""What each row adds to the error of a metric of uplift."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._typing import FloatArray, IntArray
from churnlib.exceptions import DataError, message
from churnlib.metrics._counts import sums_within
from churnlib.metrics._uplift_areas import AreaName, places
from churnlib.metrics._uplift_ladder import Ladder

__all__ = ["EstimatedShare", "Lists", "RankedRows"]

_ROWS_AT_ONCE = 32_768


@dataclass(frozen=True, slots=True, eq=False)
class EstimatedShare:
    """How each effect moves with a propensity that was estimated, and what each row did to that estimate."""

    slope: FloatArray
    residual: FloatArray

    def taken(self, order: IntArray) -> EstimatedShare:
        """Return the same for rows in another order."""
        return EstimatedShare(self.slope[order], self.residual[order])

    def again(self, weight: FloatArray) -> FloatArray:
        """Return what each effect is multiplied by when the share is estimated with other weights."""
        treated = self.residual > 0
        share = treated - self.residual
        anew = float(weight[treated].sum() / weight.sum())
        if anew in {0.0, 1.0}:
            raise DataError(message("all rows drawn are of one arm", "both arms", "more customers"))
        factor: FloatArray = np.where(treated, share / anew, (1.0 - share) / (1.0 - anew))
        return factor


@dataclass(frozen=True, slots=True, eq=False)
class RankedRows:
    """Rows from the highest score to the lowest: their effects and weights, and the ladder they stand on.

    A metric is a mean over rows, of effects by what the row's place counts. Its error comes from the effect of
    each row, from the places it takes from others, and from a propensity that was estimated. The sum of these
    three, the influence of the row, has mean 0; the variance of their sum is that of the metric.
    """

    ladder: Ladder
    effect: FloatArray
    weight: FloatArray | None
    block: IntArray | None
    starts: IntArray
    estimated: EstimatedShare | None

    def area(self, name: AreaName) -> tuple[float, FloatArray]:
        """Return the area, and the weighted influence of each row on it."""
        place = places(name, self.ladder)
        value = float((self.ladder.sums * place.counts).sum() / self.ladder.total)
        counts = self._per_row(place.counts)
        influence = counts * self.effect
        influence += self._per_row(place.moved(self.ladder))
        if self.estimated is not None:
            moved = float(self.weighted(counts * self.estimated.slope).sum() / self.ladder.total)
            influence += moved * self.estimated.residual
        influence -= float(self.weighted(influence).sum() / self.ladder.total)
        return value, self.weighted(influence) / self.ladder.total

    def list_influence(self, share: float) -> tuple[float, FloatArray]:
        """Return the mean effect on one list, and the weighted influence of each row on it."""
        lists = Lists.of(self, np.array([share]))
        block, at_end = int(lists.block[0]), float(lists.at_end[0])
        first = int(self.starts[block])
        last = int(self.starts[block + 1]) if block + 1 < self.starts.size else self.effect.size
        influence = np.full(self.effect.size, -float(lists.mean[0]))
        influence[:first] += self.effect[:first] - at_end
        influence[first:last] += float(lists.part[0]) * (self.effect[first:last] - at_end)
        if self.estimated is not None:
            influence += float(lists.moved[0]) * self.estimated.residual
        return float(lists.gain[0] / share), self.weighted(influence) / (self.ladder.total * share)

    def weighted(self, values: FloatArray) -> FloatArray:
        """Return values times the weight of each row."""
        return values if self.weight is None else values * self.weight

    def _per_row(self, of_blocks: FloatArray) -> FloatArray:
        return of_blocks if self.block is None else of_blocks[self.block]


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """Lists of the best rows: where they end, what they gain, the mean effect at the end, and what moves them.

    A row more on a list puts another one off it, whose effect is that of rows near the end. It is taken from
    the tied block that straddles the end, or from the rows around it.
    """

    block: IntArray
    part: FloatArray
    ends: FloatArray
    gain: FloatArray
    at_end: FloatArray
    moved: FloatArray
    mean: FloatArray

    @classmethod
    def of(cls, rows: RankedRows, shares: FloatArray) -> Lists:
        """Find the ends of lists that hold these shares of the rows, highest scores first."""
        ladder = rows.ladder
        ends = shares * ladder.total
        reach = ladder.total * ladder.rows ** (-1 / 3) / 2
        block = np.minimum(np.searchsorted(ladder.upper, ends * (1 - 1e-12)), ladder.upper.size - 1)
        part = np.clip((ends - ladder.lower[block]) / (ladder.upper[block] - ladder.lower[block]), 0.0, 1.0)
        low, high = np.maximum(ends - reach, 0.0), np.minimum(ends + reach, ladder.total)
        inside = (ladder.lower[block] <= low) & (ladder.upper[block] >= high)
        low, high = (np.where(inside, edge[block], near) for edge, near in ((ladder.lower, low), (ladder.upper, high)))
        upto, upto_low, upto_high = ladder.summed(np.concatenate([ends, low, high])).reshape(3, -1)
        gain, at_end = upto / ladder.total, (upto_high - upto_low) / (high - low)
        moved = np.zeros_like(ends)
        if rows.estimated is not None:
            slope = np.add.reduceat(rows.weighted(rows.estimated.slope), rows.starts)
            moved = sums_within(ends, ladder.upper, np.cumsum(slope)) / ladder.total
        return cls(block, part, ends, gain, at_end, moved, gain - at_end * ends / ladder.total)

    def covariance(self, rows: RankedRows, codes: IntArray | None, n_customers: int) -> FloatArray:
        """Return the covariance of the gains, of rows or of customers who have several."""
        if codes is None:
            covariance = self._of_single_rows(rows) / rows.ladder.total**2
        else:
            covariance = np.zeros((self.ends.size, self.ends.size))
            order = np.argsort(codes, kind="stable")
            starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
            with _one_thread(codes.size):
                for piece, groups in _chunks(codes.size, starts):
                    summed = self._of_customers(rows, order[piece], groups)
                    covariance += summed.T @ summed
        found: FloatArray = covariance * (n_customers / (n_customers - 1.0))
        return found

    def _of_customers(self, rows: RankedRows, chosen: IntArray, starts: IntArray) -> FloatArray:
        """Add up the influences of each customer: on the lists that hold a row whole it counts alike."""
        n, shape = self.ends.size, (starts.size, self.ends.size)
        customer = np.repeat(np.arange(starts.size), np.diff(np.append(starts, chosen.size)))
        block = chosen if rows.block is None else rows.block[chosen]
        weight = np.ones(chosen.size) if rows.weight is None else rows.weight[chosen]
        effect = rows.effect[chosen] * weight
        straddling, whole = (np.searchsorted(self.block, block, side=side) for side in ("left", "right"))
        cell = customer * (n + 1) + whole  # the first list that holds the row whole, or the column behind the last

        def upto(values: FloatArray) -> FloatArray:
            held = np.bincount(cell, weights=values, minlength=shape[0] * (n + 1)).reshape(-1, n + 1)[:, :n]
            return np.cumsum(held, axis=1)

        summed, counted = upto(effect), upto(weight)
        at = np.flatnonzero(whole > straddling)
        for first in np.unique(straddling[at]):
            tied = at[straddling[at] == first]
            ends = slice(first, whole[tied[0]])
            for sums, values in ((summed, effect), (counted, weight)):
                of_block = np.bincount(customer[tied], weights=values[tied], minlength=starts.size)
                sums[:, ends] += np.outer(of_block, self.part[ends])
        counted *= self.at_end
        summed -= counted
        summed -= np.add.reduceat(weight, starts)[:, None] * self.mean
        if rows.estimated is not None:
            summed += np.add.reduceat(weight * rows.estimated.residual[chosen], starts)[:, None] * self.moved
        summed /= rows.ladder.total
        return summed

    def _of_single_rows(self, rows: RankedRows) -> FloatArray:
        """Multiply out the influences: of rows above an end nothing is needed but the sums of a few products."""
        square = None if rows.weight is None else rows.weight**2
        shorter = np.minimum.outer(np.arange(self.ends.size), np.arange(self.ends.size))
        longer = np.maximum.outer(np.arange(self.ends.size), np.arange(self.ends.size))
        # what the longer list takes of the block at the end of the shorter one, times what that takes itself
        shared = np.where(self.block[shorter] == self.block[longer], self.part[longer], 1.0) * self.part[shorter]

        def sums(values: FloatArray) -> tuple[FloatArray, FloatArray, float]:
            weighted = values if square is None else values * square
            above, within, total = self._sums(rows, weighted)
            return above + self.part * within, above[shorter] + shared * within[shorter], total

        effect = rows.effect
        count, count_2, total = sums(np.ones_like(effect))
        first, first_2, _ = sums(effect)
        _, second_2, _ = sums(effect**2)
        g, mean = self.at_end, self.mean
        alone = first - g * count
        covariance = second_2 - np.add.outer(g, g) * first_2 + np.outer(g, g) * count_2
        covariance -= np.outer(alone, mean) + np.outer(mean, alone)
        covariance += np.outer(mean, mean) * total
        if rows.estimated is not None:
            residual, moved = rows.estimated.residual, self.moved
            with_residual = sums(effect * residual)[0]
            of_residual, _, all_residual = sums(residual)
            squares = sums(residual**2)[2]
            cross = with_residual - g * of_residual - mean * all_residual
            covariance += np.outer(cross, moved) + np.outer(moved, cross) + np.outer(moved, moved) * squares
        found: FloatArray = covariance
        return found

    def summed(self, rows: RankedRows, values: FloatArray) -> FloatArray:
        """Sum values of ranked rows up to the end of each list."""
        above, within, _ = self._sums(rows, values)
        upto: FloatArray = above + self.part * within
        return upto

    def _sums(self, rows: RankedRows, values: FloatArray) -> tuple[FloatArray, FloatArray, float]:
        """Return the sums above the block at each end, of that block, and of all rows."""
        starts = np.append(rows.starts, values.size)
        edges = np.unique(np.concatenate([[0], starts[self.block], starts[self.block + 1]]))
        pieces = np.add.reduceat(values, edges[edges < values.size])
        upto = np.concatenate([[0.0], np.cumsum(pieces)])
        low = np.searchsorted(edges, starts[self.block])
        high = np.searchsorted(edges, starts[self.block + 1])
        return upto[low], upto[high] - upto[low], float(upto[-1])


def _one_thread(n_rows: int) -> AbstractContextManager[Any]:
    """Keep BLAS to one thread: for products this narrow, threads wait for each other longer than they work."""
    if n_rows <= _ROWS_AT_ONCE:  # a single product, which is done before the threads could be counted
        return nullcontext()
    from threadpoolctl import threadpool_limits

    context: AbstractContextManager[Any] = threadpool_limits(limits=1, user_api="blas")
    return context


def _chunks(n_rows: int, starts: IntArray) -> Iterator[tuple[slice, IntArray]]:
    """Cut rows into pieces that keep customers whole, with where each customer starts in the piece."""
    first = 0
    while first < starts.size:
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + _ROWS_AT_ONCE)))
        end = int(starts[last]) if last < starts.size else n_rows
        yield slice(int(starts[first]), end), starts[first:last] - starts[first]
        first = last
