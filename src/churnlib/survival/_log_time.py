"""Distributions of log time by a location and a scale: Weibull, lognormal, log-logistic."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from scipy.special import expit, log_ndtr

from churnlib._typing import BoolArray, FloatArray

__all__ = ["SHAPES", "location_and_scale", "log_survival_at"]

_Three: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]
"""A function with its first and second derivative."""


def _gumbel(z: FloatArray) -> tuple[_Three, _Three]:
    hazard = np.exp(z)
    return (-hazard, -hazard, -hazard), (z - hazard, 1 - hazard, -hazard)


def _normal(z: FloatArray) -> tuple[_Three, _Three]:
    log_survival = log_ndtr(-z)
    log_density = -z * z / 2 - np.log(2 * np.pi) / 2
    mills = np.exp(log_density - log_survival)
    return (log_survival, -mills, -mills * (mills - z)), (log_density, -z, -np.ones_like(z))


def _logistic(z: FloatArray) -> tuple[_Three, _Three]:
    left = expit(z)
    log_survival = -np.logaddexp(0.0, z)
    bend = left * (1 - left)
    return (log_survival, -left, -bend), (z + 2 * log_survival, 1 - 2 * left, -2 * bend)


SHAPES: dict[str, Callable[[FloatArray], tuple[_Three, _Three]]] = {
    "weibull": _gumbel,
    "lognormal": _normal,
    "loglogistic": _logistic,
}
"""Of ``(log T − location) / scale``: the log survival function and the log density, each with two derivatives."""


def log_survival_at(shape: str, times: FloatArray, location: FloatArray, scale: float) -> FloatArray:
    """Return log S of a distribution of log time; 0 at time 0.

    Parameters
    ----------
    shape : str
        One of `SHAPES`.
    times : ndarray
        Times at least 0.
    location : ndarray
        Location of log time.
    scale : float
        Scale of log time, above 0.

    Returns
    -------
    ndarray
        At most 0; the shape of `times` and `location` together.

    Examples
    --------
    >>> log_survival_at("weibull", np.array([0.0, 2.0]), np.array([0.0]), 1.0)
    array([-0., -2.])
    """
    with np.errstate(divide="ignore"):
        z = np.clip((np.log(times) - location) / scale, -800.0, 700.0)
    return SHAPES[shape](z)[0][0]


def location_and_scale(shape: str, time: FloatArray, left: BoolArray, location: FloatArray, log_scale: float) -> _Three:
    """Return the log-likelihood of each row, and its derivatives by location and log scale.

    Parameters
    ----------
    shape : str
        One of `SHAPES`.
    time : ndarray of shape (n_rows,)
        When observation ended.
    left : ndarray of bool of shape (n_rows,)
        Whether it ended because the customer left.
    location : ndarray of shape (n_rows,)
        Location of log time.
    log_scale : float
        Logarithm of its scale.

    Returns
    -------
    value : ndarray of shape (n_rows,)
        ``log f(t)`` of those who left, ``log S(t)`` of the others.
    slopes : ndarray of shape (2, n_rows)
        By location and log scale.
    bends : ndarray of shape (3, n_rows)
        By location twice, both, log scale twice.

    Examples
    --------
    >>> at = np.array([2.0]), np.array([True]), np.array([0.0]), 0.0
    >>> float(location_and_scale("weibull", *at)[0][0])  # the exponential density exp(-t)
    -2.0
    """
    rate = float(np.exp(-log_scale))
    log_time = np.log(time)
    z = (log_time - location) * rate
    survival, density = SHAPES[shape](z)
    f, f1, f2 = (np.where(left, at_left, at_here) for at_left, at_here in zip(density, survival, strict=True))
    value = f - np.where(left, log_scale + log_time, 0.0)
    slopes = np.stack([-rate * f1, -z * f1 - left])
    bends = np.stack([rate * rate * f2, rate * (z * f2 + f1), z * (z * f2 + f1)])
    return value, slopes, bends
