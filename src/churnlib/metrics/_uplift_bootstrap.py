"""Intervals of uplift metrics from customers drawn anew."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from churnlib._typing import ArrayLike, FloatArray, IntArray
from churnlib.metrics import _arrays
from churnlib.metrics._metric_interval import MetricInterval
from churnlib.numerics import customer_bootstrap

__all__ = ["interval_by_draws"]


def interval_by_draws(
    measure: Callable[[FloatArray], list[float]],
    owner: IntArray,
    sample_weight: ArrayLike | None,
    *,
    confidence: float,
    n_boot: int,
    random_state: int | np.random.Generator,
) -> MetricInterval:
    """Return percentile bounds of one metric, or of the first less the second, on draws of customers."""
    given, _ = _arrays.weights(sample_weight, owner.size)
    drawn = customer_bootstrap(
        lambda often: np.array(measure(often * given)), owner, n_boot=n_boot, random_state=random_state
    ).map(lambda values: values[0] - values[1] if len(values) > 1 else values[0])
    low, high = drawn.interval(confidence)
    return MetricInterval(
        value=float(drawn.estimate),
        low=float(low),
        high=float(high),
        standard_error=float(drawn.standard_error),
        confidence=confidence,
        n_customers=drawn.n_customers,
    )
