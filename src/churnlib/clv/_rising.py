"""The logarithm of a rising factorial, Γ(z + k) / Γ(z), to full accuracy for every size of z."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln, zeta

from churnlib._typing import Array, FloatArray

__all__ = ["log_rising"]

_LARGE = 16.0
"""From here on four terms of Stirling's series are exact to rounding."""


def log_rising(z: FloatArray | float, k: Array) -> FloatArray:
    """Return log Γ(z + k) - log Γ(z) and its first two derivatives by z.

    Every likelihood of choices with a Beta prior is made of these: B(a + x, b + y) /
    B(a, b) is the rising factorial of a by x times that of b by y, over that of
    a + b by x + y. Where z is large, as it is when customers hardly differ, the
    difference of two logarithms of Gamma functions has lost its digits; the
    difference of their Stirling series keeps them.

    Parameters
    ----------
    z : ndarray or float
        Where to begin, > 0.
    k : ndarray
        How far to rise, ≥ 0, whole or not; `z` and `k` are broadcast.

    Returns
    -------
    ndarray of shape (3, ...)
        The value, the first and the second derivative by z.

    Examples
    --------
    >>> log_rising(2.0, np.array([3.0]))[0].round(6), float(np.log(2 * 3 * 4).round(6))
    (array([3.178054]), 3.178054)
    """
    z, k = np.broadcast_arrays(np.asarray(z, dtype=float), np.asarray(k, dtype=float))
    result = np.empty((3, *z.shape))
    large = z >= _LARGE
    for rows, of in ((large, _by_stirling), (~large, _by_gamma)):
        if rows.any():
            result[:, rows] = of(z[rows], k[rows])
    return result


def _by_gamma(z: FloatArray, k: FloatArray) -> FloatArray:
    return np.array(
        [
            gammaln(z + k) - gammaln(z),
            digamma(z + k) - digamma(z),
            zeta(2.0, z + k) - zeta(2.0, z),
        ]
    )


def _by_stirling(z: FloatArray, k: FloatArray) -> FloatArray:
    end = z + k
    grown = np.log1p(k / z)
    main = np.array([(z - 0.5) * grown + k * np.log(end) - k, grown + k / (2 * z * end), -k / (z * end)])
    main[2] += (1 / end**2 - 1 / z**2) / 2
    return main + _series(end) - _series(z)


def _series(z: FloatArray) -> FloatArray:
    """Return what Stirling's series adds to (z - 1/2) log z - z, with two derivatives; log z and 1/z² stand apart."""
    w = 1 / z**2
    return np.array(
        [
            (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w / 1680))) / z,
            -w * (1 / 12 - w * (1 / 120 - w * (1 / 252 - w / 240))),
            w * (1 / 6 - w * (1 / 30 - w * (1 / 42 - w / 30))) / z,
        ]
    )
