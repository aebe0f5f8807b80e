"""The steps of a ranking: where each block of tied rows stands, and the effects it holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._typing import FloatArray, IntArray
from churnlib.metrics._counts import sums_within

__all__ = ["Ladder"]


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """Blocks of equal score, highest first.

    A block holds the places above `lower` and up to `upper`, counted in weight; `sums` are its effects times weights.
    Weights that are whole numbers are repeated rows. Others say only how rows compare: `rows` is then how
    many rows there are, so that a place can be counted in rows.
    """

    lower: FloatArray
    upper: FloatArray
    sums: FloatArray
    rows: float

    @classmethod
    def of(
        cls, starts: IntArray, effect: FloatArray, weight: FloatArray | None = None, *, whole: bool = True
    ) -> Ladder:
        """Lay out blocks that start at these rows; `effect` (times weight) and `weight` are ranked and on a grid."""
        untied = starts.size == effect.size
        sums = effect if untied else np.add.reduceat(effect, starts)
        if weight is None:
            lower = starts.astype(np.float64)
            return cls(lower, np.append(lower[1:], float(effect.size)), sums, float(effect.size))
        upper = np.cumsum(weight if untied else np.add.reduceat(weight, starts))
        rows = float(upper[-1]) if whole else float(np.count_nonzero(weight))
        return cls(np.concatenate([[0.0], upper[:-1]]), upper, sums, rows)

    @property
    def total(self) -> float:
        """The weight of all rows."""
        return float(self.upper[-1])

    def summed(self, places: FloatArray) -> FloatArray:
        """Sum the effects of the rows up to each place; a block that straddles a place gives its share."""
        return sums_within(places, self.upper, np.cumsum(self.sums))
