"""The logarithm of a rising factorial, Γ(z + k) / Γ(z), to full accuracy for every size of z."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln, zeta

from churnlib._typing import Array, FloatArray

__all__ = ["log_beta_ratio", "log_rising"]

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


def log_beta_ratio(a: FloatArray | float, b: FloatArray | float, k: FloatArray | float) -> FloatArray:
    """Return log B(a, b + k) - log B(a, b): the chance to survive k coins, their bias drawn from Beta(a, b).

    It is the rising factorial of b by k over that of a + b by k, and equally that of b by
    a over that of b + k by a. Of the two the one that rises less is taken: where k is
    10^16, as with the powers of time of `BetaDiscreteWeibull`, the other has no digit left.

    Parameters
    ----------
    a, b : ndarray or float
        The shapes, > 0.
    k : ndarray or float
        Whole or not, ≥ 0; all three are broadcast.

    Returns
    -------
    ndarray
        At most 0.

    Examples
    --------
    >>> np.exp(log_beta_ratio(1.0, 1.0, np.array([0, 1, 3])))  # 1 / (1 + k) for a uniform bias
    array([1.  , 0.5 , 0.25])
    """
    a, b, k = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in (a, b, k)))
    less, more = np.minimum(a, k), np.maximum(a, k)
    return np.asarray(_value(b, less) - _value(b + more, less))


def _value(z: FloatArray, k: FloatArray) -> FloatArray:
    """Return the value alone: the derivatives take ten times as long."""
    result = np.empty(z.shape)
    large = z >= _LARGE
    low, high, rise = z[~large], z[large], k[large]
    result[~large] = gammaln(low + k[~large]) - gammaln(low)
    result[large] = _stirling_value(high, rise)
    return result


def _stirling_value(z: FloatArray, k: FloatArray) -> FloatArray:
    end = z + k
    return np.asarray((z - 0.5) * np.log1p(k / z) + k * np.log(end) - k + _series_value(end) - _series_value(z))


def _series_value(z: FloatArray) -> FloatArray:
    w = 1 / z**2
    return np.asarray((1 / 12 - w * (1 / 360 - w * (1 / 1260 - w / 1680))) / z)


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
    main = np.array([grown + k / (2 * z * end), -k / (z * end)])
    main[1] += (1 / end**2 - 1 / z**2) / 2
    return np.concatenate([_stirling_value(z, k)[None], main + _slopes(end) - _slopes(z)])


def _slopes(z: FloatArray) -> FloatArray:
    """Return the derivatives of `_series_value`, what Stirling's series adds to (z - 1/2) log z - z."""
    w = 1 / z**2
    return np.array(
        [
            -w * (1 / 12 - w * (1 / 120 - w * (1 / 252 - w / 240))),
            w * (1 / 6 - w * (1 / 30 - w * (1 / 42 - w / 30))) / z,
        ]
    )
