"""Expectations over a life that ends each period with a probability θ of its own, θ ~ Beta(a, b).

Given θ everything is a geometric series. The expectation of a sum over θ is done by
quadrature, so that none of the poles of the closed forms (at a = 1) appears.
"""

from __future__ import annotations

import numpy as np

from churnlib._typing import FloatArray
from churnlib.clv._rising import log_beta_ratio
from churnlib.numerics import beta_expectation

__all__ = ["discounted_periods", "expected_periods", "hazard", "survives"]

_BELOW_ONE = 1 - 2.0**-53


def survives(a: FloatArray, b: FloatArray, t: FloatArray) -> FloatArray:
    """Return the probability to survive t more periods, E[(1 - θ)^t] = B(a, b + t) / B(a, b).

    Parameters
    ----------
    a, b : ndarray of shape (n,)
        The shapes of θ.
    t : ndarray of shape (n,)
        Whole numbers ≥ 0.

    Returns
    -------
    ndarray of shape (n,)
        Between 0 and 1.

    Examples
    --------
    >>> survives(np.array([1.0]), np.array([1.0]), np.array([3.0]))  # 1 / (1 + t) for a uniform θ
    array([0.25])
    """
    return np.asarray(np.exp(log_beta_ratio(a, b, t)))


def expected_periods(a: FloatArray, b: FloatArray, t: FloatArray) -> FloatArray:
    """Return how many of the next t periods are survived on average, E[(1 - θ)(1 - (1 - θ)^t) / θ].

    Parameters
    ----------
    a, b : ndarray of shape (n,)
        The shapes of θ.
    t : ndarray of shape (n,)
        Whole numbers ≥ 0.

    Returns
    -------
    ndarray of shape (n,)
        From 0 to t.

    Examples
    --------
    >>> one = np.array([1.0])
    >>> expected_periods(one, one, 3 * one)  # 1/2 + 1/3 + 1/4
    array([1.08333333])
    """

    def of(theta: FloatArray, rows: slice) -> FloatArray:
        theta = np.minimum(theta, _BELOW_ONE)
        return np.asarray(-np.expm1(t[rows, None] * np.log1p(-theta)) * (1 - theta) / theta)

    return beta_expectation(of, a, b, at_zero=t, at_one=np.zeros_like(t), steepness=1 + t)


def discounted_periods(a: FloatArray, b: FloatArray, rate: FloatArray) -> FloatArray:
    """Return the periods survived in all the future, the j-th discounted by (1 + rate)^-j: E[(1 - θ) / (rate + θ)].

    Parameters
    ----------
    a, b : ndarray of shape (n,)
        The shapes of θ.
    rate : ndarray of shape (n,)
        Discount per period, > 0.

    Returns
    -------
    ndarray of shape (n,)
        From 0 to 1 / rate.

    Examples
    --------
    >>> one = np.array([1.0])
    >>> discounted_periods(one, one, 0.1 * one), float(1.1 * np.log(11) - 1)
    (array([1.6376848]), 1.63768480...)
    """
    return beta_expectation(
        lambda theta, rows: (1 - theta) / (rate[rows, None] + theta),
        a,
        b,
        at_zero=1 / rate,
        at_one=np.zeros_like(rate),
        steepness=1 / rate,
    )


def hazard(theta: FloatArray) -> FloatArray:
    """Return -log(1 - θ), kept off 0: an exponential number over it, rounded down, counts the periods survived.

    Parameters
    ----------
    theta : ndarray
        Probabilities to end.

    Returns
    -------
    ndarray
        Positive, infinite at θ = 1.

    Examples
    --------
    >>> hazard(np.array([0.5]))
    array([0.69314718])
    """
    with np.errstate(divide="ignore"):
        return np.maximum(-np.log1p(-theta), 1e-300)
