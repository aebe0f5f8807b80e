"""Intervals of a difference and of a ratio: of two shares, and of two means."""

from __future__ import annotations

import numpy as np

from churnlib._typing import FloatArray
from churnlib.numerics import wilson_interval

Bounds = tuple[float, float]


def share_difference(kept: tuple[int, int], size: tuple[int, int], confidence: float) -> Bounds:
    """Newcombe's hybrid score interval of the second share minus the first.

    Newcombe 1998, Stat. Med. 17, 873-890, method 10: each side goes as far as the two Wilson bounds that make it.
    """
    p, low, high = _wilson(kept, size, confidence)
    down = np.sqrt((p[1] - low[1]) ** 2 + (high[0] - p[0]) ** 2)
    up = np.sqrt((high[1] - p[1]) ** 2 + (p[0] - low[0]) ** 2)
    return float(p[1] - p[0] - down), float(p[1] - p[0] + up)


def share_ratio(kept: tuple[int, int], size: tuple[int, int], confidence: float) -> Bounds:
    """The second share over the first, minus 1, from the same Wilson bounds.

    Donner and Zou 2012, Stat. Methods Med. Res. 21, 347-359, equation 8. Without any success in the first arm
    there is no upper bound.
    """
    p, low, high = _wilson(kept, size, confidence)
    product = p[0] * p[1]
    down = product**2 - low[1] * high[0] * (2 * p[1] - low[1]) * (2 * p[0] - high[0])
    up = product**2 - high[1] * low[0] * (2 * p[1] - high[1]) * (2 * p[0] - low[0])
    # the equation's quotient expanded by the other root, because its own denominator may be 0
    lower = low[1] * (2 * p[1] - low[1]) / (product + np.sqrt(max(down, 0.0))) if low[1] > 0 else 0.0
    upper = (product + np.sqrt(max(up, 0.0))) / (low[0] * (2 * p[0] - low[0])) if low[0] > 0 else np.inf
    return float(lower - 1), float(upper - 1)


def mean_ratio(control: float, treated: float, covariance: FloatArray, critical: float) -> Bounds:
    """Fieller's interval of treated / control, minus 1; unbounded where the control's mean may be 0.

    The ratios r for which ``|treated - r control|`` is within `critical` of its own standard errors.
    """
    square = critical**2
    a = control**2 - square * covariance[0, 0]
    b = control * treated - square * covariance[0, 1]
    c = treated**2 - square * covariance[1, 1]
    if a <= 0:
        return -np.inf, np.inf
    root = np.sqrt(max(b**2 - a * c, 0.0))
    return float((b - root) / a - 1), float((b + root) / a - 1)


def _wilson(kept: tuple[int, int], size: tuple[int, int], confidence: float) -> tuple[FloatArray, ...]:
    low, high = wilson_interval(kept, size, confidence=confidence)
    return np.array(kept) / np.array(size), low, high
