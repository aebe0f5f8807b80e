"""Intervals for shares that are estimated with a known variance of their logarithm."""

from __future__ import annotations

import numpy as np

from churnlib._typing import FloatArray
from churnlib.numerics import normal_quantile

__all__ = ["INTERVALS", "share_bounds"]

INTERVALS = ("log-log", "log", "plain")


def share_bounds(
    share: FloatArray, log_variance: FloatArray, at_risk: FloatArray, *, kind: str, confidence: float
) -> tuple[FloatArray, FloatArray]:
    """Return bounds of shares of which something, but not all, is left.

    Parameters
    ----------
    share : ndarray
        The estimates, in (0, 1].
    log_variance : ndarray
        Variance of the logarithm of each; 0 where nothing has happened yet.
    at_risk : ndarray
        How many were watched all the while; only looked at where the share is 1.
    kind : {"log-log", "log", "plain"}
        On which scale the error is taken as normal: ``log(-log share)``, ``log share``, or the share.
    confidence : float
        The share of samples whose interval shall hold the truth.

    Returns
    -------
    low, high : ndarrays
        In [0, 1], with ``low <= share <= high``.

    Notes
    -----
    With ``v`` the log variance and z the normal quantile, "log-log" is ``share ** exp(± z √v / |log share|)``
    (Kalbfleisch and Prentice 1980, section 1.3), "log" is ``share · exp(± z √v)`` and "plain" is
    ``share (1 ± z √v)``. A share of 1 has no estimated error, but is not known without error:
    that none of n customers left has a probability of at least α/2 as long as the
    true share is at least ``(α/2)^(1/n)``, the bound of Clopper and Pearson.

    Examples
    --------
    >>> low, high = share_bounds(np.array([0.5]), np.array([0.02]), np.array([25.0]), kind="log-log", confidence=0.95)
    >>> low.round(3), high.round(3)
    (array([0.356]), array([0.628]))
    """
    z = normal_quantile(confidence)
    error = z * np.sqrt(log_variance)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if kind == "log-log":
            spread = np.exp(error / np.abs(np.log(share)))
            low, high = share**spread, share ** (1 / spread)
        elif kind == "log":
            low, high = share * np.exp(-error), share * np.exp(error)
        else:
            low, high = share * (1 - error), share * (1 + error)
        whole = share >= 1
        untouched = ((1 - confidence) / 2) ** (1 / at_risk)
    low = np.where(whole, untouched, low)
    high = np.where(whole, 1.0, high)
    return np.clip(low, 0.0, share), np.clip(high, share, 1.0)
