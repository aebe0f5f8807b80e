"""Bins of equal mass along the predicted probability, and the distances in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from churnlib._typing import FloatArray, IntArray
from churnlib.exceptions import ParameterError, message
from churnlib.numerics import TiedOrder

Norm: TypeAlias = Literal["l1", "l2"]


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Weight, mean prediction, observed rate and sampling variance of each bin, riskiest first."""

    weight: FloatArray
    predicted: FloatArray
    observed: FloatArray
    variance: FloatArray
    high: FloatArray
    low: FloatArray

    @property
    def gap(self) -> FloatArray:
        """Observed minus predicted."""
        return self.observed - self.predicted

    def error(self, norm: Norm, *, debiased: bool) -> float:
        """Weighted distance over the bins."""
        share = self.weight / self.weight.sum()
        if norm == "l2":
            squares = self.gap**2 - (self.variance if debiased else 0.0)
            return float(np.sqrt(max(0.0, (share * squares).sum())))
        if norm != "l1":
            raise ParameterError(message(f"norm {norm!r} is unknown", "'l1' or 'l2' is needed", "norm='l1'"))
        distance = np.abs(self.gap)
        if debiased:
            # The expected distance if the gap seen were the true one exceeds it by the bias; take that bias off.
            distance = 2 * distance - _folded_mean(distance, np.sqrt(self.variance))
        return float(min(1.0, max(0.0, (share * distance).sum())))


def bin_of_block(block_weight: FloatArray, n_bins: int) -> IntArray:
    """Give each tied block, whole, to the bin in which its middle falls."""
    middle: FloatArray = np.cumsum(block_weight) - block_weight / 2
    bin_of: IntArray = (middle * n_bins / block_weight.sum()).astype(np.int64)
    return np.minimum(bin_of, n_bins - 1)


def binned(order: TiedOrder, y: FloatArray, p: FloatArray, weight: FloatArray, n_bins: int, *, whole: bool) -> Bins:
    """Cut the ranked rows into bins of equal mass, tied probabilities staying together."""
    block_weight = order.block_sums(weight)
    bin_of = bin_of_block(block_weight, n_bins)
    used = block_weight > 0

    def per_bin(values: FloatArray) -> FloatArray:
        sums: FloatArray = np.bincount(bin_of, weights=values, minlength=n_bins).astype(np.float64)
        return sums

    mass = per_bin(block_weight)
    kept = mass > 0
    mass = mass[kept]
    predicted = per_bin(block_weight * order.scores)[kept] / mass
    observed = per_bin(order.block_sums(weight * y))[kept] / mass
    residual = y - p
    gap = observed - predicted
    spread = np.maximum(per_bin(order.block_sums(weight * residual**2))[kept] / mass - gap**2, 0.0)
    # Whole-number weights are repeated rows; for others, Kish's effective number of rows.
    rows = mass if whole else mass**2 / per_bin(order.block_sums(weight**2))[kept]
    known = rows > 1
    variance = np.where(known, spread / np.where(known, rows - 1, 1.0), predicted * (1 - predicted))
    first = np.searchsorted(bin_of[used], np.flatnonzero(kept), side="left")
    last = np.searchsorted(bin_of[used], np.flatnonzero(kept), side="right") - 1
    scores = order.scores[used]
    return Bins(mass, predicted, observed, variance, scores[first], scores[last])


def _folded_mean(mean: FloatArray, sd: FloatArray) -> FloatArray:
    """Return E|Z| for Z normal with the given mean (>= 0) and standard deviation."""
    from scipy.special import ndtr

    z = np.divide(mean, sd, out=np.full_like(mean, np.inf), where=sd > 0)
    folded: FloatArray = sd * np.sqrt(2 / np.pi) * np.exp(-(z**2) / 2) + mean * (1 - 2 * ndtr(-z))
    return folded
