"""Expectations over a Beta distribution, to machine accuracy for every shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from churnlib._typing import FloatArray

__all__ = ["beta_expectation"]

OfProbability: TypeAlias = Callable[[FloatArray, slice], FloatArray]

_STEP = 0.25
"""The integrand stays tame up to ± π/2 off the line, so the error is below exp(-π² / 0.25) < 1e-17."""
_FEWEST = 96
_DROP = 37.0
"""How far the logarithm of the integrand may fall before it is left out: e^-37 < 1e-16."""
_BLOCK = 2**21


def beta_expectation(
    function: OfProbability,
    a: FloatArray,
    b: FloatArray,
    *,
    at_zero: FloatArray,
    at_one: FloatArray,
    steepness: FloatArray,
) -> FloatArray:
    """Return E[g(p)] for p ~ Beta(a, b), row by row.

    With y = logit(p) the integral runs over the whole line and its integrand is
    analytic there, so equal steps (the trapezoidal rule) converge exponentially
    (Trefethen and Weideman, SIAM Review 56, 2014). Where a < 1 or b < 1 mass
    piles up at an end of [0, 1] and the integrand fades slowly in y; the values
    of g at the ends are then taken out by hand, E[g] = g(0) E[1-p] + g(1) E[p]
    + E[rest], and the rest fades fast.

    Parameters
    ----------
    function : callable
        From p of shape (m, nodes) and the slice of rows they belong to, to g(p).
        It must be smooth on [0, 1], with no singularity but on the negative
        real axis.
    a, b : ndarray of shape (n,)
        The shapes of the Beta distributions, > 0.
    at_zero, at_one : ndarray of shape (n,)
        g(0) and g(1).
    steepness : ndarray of shape (n,)
        How fast g changes near p = 0: it is nearly g(0) while p ≪ 1 / steepness.

    Returns
    -------
    ndarray of shape (n,)
        The expectations, to about 1e-15 of the largest ``|g|``.

    Examples
    --------
    >>> one = np.ones(1)
    >>> beta_expectation(  # E[1 / (1 + 3p)] for a uniform p is log(4) / 3
    ...     lambda p, rows: 1 / (1 + 3 * p), one, one, at_zero=one, at_one=one / 4, steepness=3 * one
    ... )
    array([0.46209812])
    >>> float(np.log(4) / 3)
    0.46209812037329684
    """
    from scipy.special import betaln

    a, b, at_zero, at_one, steepness = np.broadcast_arrays(a, b, at_zero, at_one, steepness)
    lower, upper = a < 1, b < 1
    low, high = _range(a + lower, b + upper)
    # g(p) - g(0) fades only where g has become g(0).
    low = np.where(lower, np.minimum(low, -np.log1p(steepness) - _DROP / (a + lower)), low)
    mean = a / (a + b)
    result = np.empty(len(a))
    nodes = max(_FEWEST, 1 + int(np.max(high - low, initial=0) / _STEP))
    for begin in range(0, len(a), max(1, _BLOCK // nodes)):
        rows = slice(begin, begin + max(1, _BLOCK // nodes))
        step = (high[rows] - low[rows]) / (nodes - 1)
        y = low[rows, None] + step[:, None] * np.arange(nodes)
        log_p, log_q = -np.logaddexp(0, -y), -np.logaddexp(0, y)
        density = np.exp(a[rows, None] * log_p + b[rows, None] * log_q - betaln(a[rows], b[rows])[:, None])
        p, q = np.exp(log_p), np.exp(log_q)
        # log B(a, b) of large shapes has lost digits. What is left of E[1] is known unless both ends were
        # taken out (and then both shapes are small), so the quadrature can be held to it.
        left = 1 - lower[rows] * (1 - mean[rows]) - upper[rows] * mean[rows]
        summed = np.sum(density * (1 - lower[rows, None] * q - upper[rows, None] * p), axis=1)
        one_end = ~(lower & upper)[rows]
        weight = np.divide(left, summed, out=np.array(np.broadcast_to(step, left.shape)), where=one_end)
        ends = (at_zero * lower)[rows, None] * q + (at_one * upper)[rows, None] * p
        result[rows] = weight * np.sum(density * (function(p, rows) - ends), axis=1)
    return result + lower * at_zero * (1 - mean) + upper * at_one * mean


def _range(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Find the stretch of y = logit(p) outside of which p^a (1-p)^b is below e^-37 of its maximum."""
    mode = np.log(a / b)
    top = -a * np.logaddexp(0, -mode) - b * np.logaddexp(0, mode)

    def edge(direction: float) -> FloatArray:
        near, far = mode.copy(), mode + direction * (_DROP + 1) * (1 + 1 / np.minimum(a, b))
        for _ in range(30):
            middle = (near + far) / 2
            fallen = top + a * np.logaddexp(0, -middle) + b * np.logaddexp(0, middle) > _DROP
            far = np.where(fallen, middle, far)
            near = np.where(fallen, near, middle)
        return far

    return edge(-1.0), edge(1.0)
