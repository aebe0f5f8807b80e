"""How much the place of a row in the ranking counts: Qini, AUUC and AUTOC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from churnlib._typing import FloatArray
from churnlib.metrics._uplift_ladder import Ladder

__all__ = ["AreaName", "Places", "places"]

_BLOCKS_AT_ONCE = 16_384

AreaName: TypeAlias = Literal["qini", "auuc", "autoc"]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """What a place counts, per block, and how that changes when more rows come before or into the block.

    The metric is the mean over all rows of `counts` times the effect. `before` is the derivative of `counts` by the
    share of rows ranked before the block, `within` that by the share of rows in the block.
    """

    counts: FloatArray
    before: FloatArray | float
    within: FloatArray | float

    def moved(self, ladder: Ladder) -> FloatArray:
        """Return by how much one more row in each block moves the metric through the places of all others.

        A row pushes the blocks below its own one place down, and widens its own.
        """
        mean = ladder.sums / ladder.total
        pushed = mean * self.before
        below = pushed.sum() - np.cumsum(pushed)
        moved: FloatArray = below + mean * self.within
        return moved


def places(area: AreaName, ladder: Ladder) -> Places:
    """Return what each place counts for one of the three areas."""
    if area == "autoc":
        return _autoc(ladder)
    middle = (ladder.lower + ladder.upper) / (2 * ladder.total)
    highest = 0.5 if area == "qini" else 1.0
    return Places(highest - middle, -1.0, -0.5)


def _autoc(ladder: Ladder) -> Places:
    """Fill in the places of AUTOC, so many blocks at once as a processor keeps at hand."""
    scale, n_blocks = ladder.rows / ladder.total, ladder.upper.size
    last = float(ladder.upper[-1] * scale)
    counts, before, within = np.empty((3, n_blocks))
    for first in range(0, n_blocks, _BLOCKS_AT_ONCE):
        piece = slice(first, first + _BLOCKS_AT_ONCE)
        found = _autoc_between(ladder.lower[piece] * scale, ladder.upper[piece] * scale, ladder.rows, last)
        counts[piece], before[piece], within[piece] = found.counts, found.before, found.within
    return Places(counts, before, within)


def _autoc_between(low: FloatArray, high: FloatArray, n_rows: float, last: float) -> Places:
    """Average ``H_n - H_(j-1) - 1`` over the ranks j of a block; x H_x, summed by parts, is its integral.

    Derivatives are those of ``-log u``, which the harmonic numbers follow.
    """
    used = high > low
    size = np.where(used, high - low, 1.0)
    steps, left = _harmonic_steps(np.append(low[:1], high), last)
    counts = np.where(used, left - low / size * steps, 0.0)
    # nothing stands before the first block, and what more rows there would do is never asked
    part = np.where(used & (low > 0), size / np.where(used, high, 1.0), 0.0)
    before = np.log1p(-part) * (n_rows / size)
    within = np.where(used, -_widened(np.where(low > 0, part, 1.0)) * n_rows / np.where(used, high, 1.0), 0.0)
    return Places(counts, before, within)


def _widened(part: FloatArray) -> FloatArray:
    """Return ``(d + (1 - d) log(1 - d)) / d²``, from 1/2 for a thin block to 1 for one that starts at the top."""
    found: FloatArray = 0.5 + part / 6 + part**2 / 12
    thick = np.flatnonzero(part >= 1e-4)
    d = part[thick]
    kept = 1.0 - d
    found[thick] = (d + kept * np.log(kept, out=np.zeros_like(d), where=kept > 0)) / d**2
    return found


def _harmonic_steps(edges: FloatArray, last: float) -> tuple[FloatArray, FloatArray]:
    """Return ``H_b - H_a`` for each two edges that follow one another, and ``H_n - H_b``, n being the last of all.

    From 32 on by the series of digamma at z + 1/2, whose next term is below 1e-17: as exact as the steps are small.
    """
    from scipy.special import digamma

    middle = np.append(edges, last) + 0.5
    inverse = 1.0 / (middle * middle)
    series = inverse * (1 / 24 - inverse * (7 / 960 - inverse * (31 / 8064 - inverse * (127 / 30720))))
    steps = np.log1p(np.diff(edges) / middle[:-2]) + np.diff(series[:-1])
    left = np.log(middle[-1] / middle[1:-1]) + (series[-1] - series[1:-1])
    near = int(np.searchsorted(edges, 32.0))
    by_digamma = digamma(edges[: near + 1] + 1.0)
    steps[:near] = np.diff(by_digamma)
    left[:near] = digamma(last + 1.0) - by_digamma[1:]
    return steps, left
