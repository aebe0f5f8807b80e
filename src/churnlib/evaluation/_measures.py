"""What is measured: functions of the weight of each row, so that a resample costs a few sums.

A measure takes how often the customer of each row was drawn, and returns its metrics by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from churnlib._typing import FloatArray, IntArray
from churnlib.metrics import RankedOutcomes
from churnlib.numerics import TiedOrder

__all__ = [
    "LOWER_IS_BETTER",
    "Measure",
    "calibration",
    "log_loss",
    "over_folds",
    "profit",
    "profit_of_longest",
    "ranking",
    "together",
]

Measure: TypeAlias = Callable[[IntArray], dict[str, float]]

LOWER_IS_BETTER = frozenset({"log_loss", "ece"})

# a probability of float32 may be exactly 0 or 1
_TINY = 1e-7


def ranking(y: IntArray, score: FloatArray, fraction: float) -> Measure:
    """AUC, and precision and lift of the list that holds this share of the rows."""
    ranked = RankedOutcomes(y, score)

    def measure(weight: IntArray) -> dict[str, float]:
        top = ranked.top(fraction, sample_weight=weight)
        return {"auc": ranked.auc(weight), "precision": top.precision, "lift": top.lift}

    return measure


def log_loss(y: IntArray, probability: FloatArray) -> Measure:
    """Mean of minus the log of the probability stated for what came."""
    clipped = np.clip(probability, _TINY, 1.0 - _TINY)
    loss = -np.log(np.where(y == 1, clipped, 1.0 - clipped))
    return lambda weight: {"log_loss": float(np.average(loss, weights=weight))}


def calibration(y: IntArray, probability: FloatArray) -> Measure:
    """ECE in up to ten bins of equal mass."""
    ranked, bins = RankedOutcomes(y, probability), min(10, len(y))
    return lambda weight: {"ece": ranked.calibration_error(bins=bins, sample_weight=weight)}


def profit(contacted: FloatArray, gain: FloatArray) -> Measure:
    """What the rows contacted brought, per row."""
    earned = contacted * gain
    return lambda weight: {"profit": float(weight @ earned) / float(weight.sum())}


def profit_of_longest(silence: FloatArray, contacted: FloatArray, gain: FloatArray) -> Measure:
    """What as many rows would have brought, had the longest silent been contacted instead."""
    order = TiedOrder(silence)

    def measure(weight: IntArray) -> dict[str, float]:
        size = float(weight @ contacted)
        # customers equally long silent are on the list with equal chance: their sum grows linearly
        listed = np.concatenate(([0.0], np.cumsum(order.block_sums(weight.astype(np.float64)))))
        earned = np.concatenate(([0.0], np.cumsum(order.block_sums(weight * gain))))
        return {"profit": float(np.interp(size, listed, earned)) / float(weight.sum())}

    return measure


def together(*measures: Measure) -> Measure:
    """Several measures as one."""
    return lambda weight: {name: value for measure in measures for name, value in measure(weight).items()}


def over_folds(measures: Sequence[Measure], rows: Sequence[IntArray]) -> Measure:
    """Mean over folds of a measure taken within each, weighed by the rows (drawn) of the fold."""

    def measure(weight: IntArray) -> dict[str, float]:
        parts = [weight[own] for own in rows]
        size = [float(part.sum()) for part in parts]
        # a fold of whose customers none was drawn says nothing in this resample
        found = [(n, one(part)) for n, one, part in zip(size, measures, parts, strict=True) if n]
        total = sum(n for n, _ in found)
        return {name: sum(n * values[name] for n, values in found) / total for name in found[0][1]}

    return measure
