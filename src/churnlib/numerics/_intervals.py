"""Intervals with a closed form."""

from __future__ import annotations

import numpy as np

from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import DataError, ParameterError, message

__all__ = ["normal_quantile", "wilson_interval"]


def wilson_interval(successes: ArrayLike, n: ArrayLike, *, confidence: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Wilson's score interval for a rate.

    It assumes independent trials: for a customer who appears at several cutoffs
    use `customer_bootstrap`. Unlike the textbook interval ``p ± z·se`` it stays
    inside 0 and 1, and is honest when the rate is near them or n is small.

    Parameters
    ----------
    successes : array-like
        How many of the trials came out true; expected counts (fractions) are allowed.
    n : array-like
        How many trials there were, of a shape that broadcasts with `successes`.
    confidence : float, default=0.95
        The share of samples whose interval shall hold the true rate, between 0 and 1.

    Returns
    -------
    low, high : arrays
        Bounds of the rate, between 0 and 1. Without any trial nothing is known:
        0 and 1.

    Raises
    ------
    DataError
        If a count is negative, not finite, or successes exceed trials.
    ParameterError
        If the confidence is not between 0 and 1.

    Notes
    -----
    With p the observed rate and z the normal quantile, the bounds solve
    ``(p - r)² = z² r (1 - r) / n`` for r (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212).

    Examples
    --------
    >>> low, high = wilson_interval(458, 500)
    >>> f"{low:.1%} to {high:.1%}"
    '88.8% to 93.7%'
    """
    z = normal_quantile(confidence)
    hits, trials = np.broadcast_arrays(np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64))
    wrong = ~(np.isfinite(trials) & (hits >= 0) & (hits <= trials))
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum())} of {wrong.size} pairs of successes and trials are impossible "
                f"(first: {hits[wrong][0]:g} of {trials[wrong][0]:g})",
                "0 <= successes <= n is needed",
            )
        )
    counted = np.where(trials > 0, trials, 1.0)
    rate = hits / counted
    spread = z * np.sqrt(rate * (1 - rate) / counted + (z / (2 * counted)) ** 2)
    scale = 1 + z**2 / counted
    centre = rate + z**2 / (2 * counted)
    with np.errstate(invalid="ignore"):
        low = np.where(trials > 0, np.clip((centre - spread) / scale, 0.0, rate), 0.0)
        high = np.where(trials > 0, np.clip((centre + spread) / scale, rate, 1.0), 1.0)
    return low[()], high[()]


def normal_quantile(confidence: float) -> float:
    """Return z such that a normal error lies within ± z standard errors with this probability.

    Parameters
    ----------
    confidence : float
        The probability, between 0 and 1.

    Returns
    -------
    float
        The quantile, > 0.

    Raises
    ------
    ParameterError
        If the confidence is not between 0 and 1.

    Examples
    --------
    >>> round(normal_quantile(0.95), 3)
    1.96
    """
    from scipy.special import ndtri

    return float(ndtri(0.5 + checked_confidence(confidence) / 2))


def checked_confidence(confidence: float) -> float:
    """Return the confidence if it lies between 0 and 1."""
    if not 0 < confidence < 1:
        raise ParameterError(
            message(f"confidence is {confidence!r}", "a share between 0 and 1 is needed", "confidence=0.95")
        )
    return float(confidence)
