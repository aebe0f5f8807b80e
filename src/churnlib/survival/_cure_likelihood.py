"""The likelihood of a mixture: some customers never leave, and the others by a distribution of log time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.special import expit

from churnlib._typing import FloatArray
from churnlib.survival._log_time import SHAPES, location_and_scale
from churnlib.targets import SurvivalRows

__all__ = ["CureLikelihood", "log_staying"]

_Three: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]
"""The log-likelihood of each row, and its first and second derivatives."""


def log_staying(odds: FloatArray, log_survival: FloatArray) -> FloatArray:
    """Return ``log(1 − π + π S)``, with the log-odds of π, the chance to be one who leaves.

    Parameters
    ----------
    odds : ndarray
        ``log(π / (1 − π))``.
    log_survival : ndarray
        log S of those who leave.

    Returns
    -------
    ndarray
        At most 0.
    """
    return np.asarray(np.logaddexp(0.0, odds + log_survival) - np.logaddexp(0.0, odds))


@dataclass(frozen=True, slots=True, eq=False)
class CureLikelihood:
    """Minus the log-likelihood of logistic incidence and a location and scale of log time.

    The point is (γ, β, log σ): ``γ'x`` is the log-odds to *leave* at some time, ``β'x`` the location of log time,
    σ its scale. With a ridge on slopes, which are those of all but the first column.

    Parameters
    ----------
    X : ndarray of shape (n_rows, k)
        Features with a first column of ones.
    rows : SurvivalRows
        The target.
    weight : ndarray of shape (n_rows,)
        How many customers each row stands for.
    latency : str
        One of `SHAPES`.
    l2 : float
        Weight of half the sum of squared slopes.

    Notes
    -----
    A row that left at t adds ``log π + log f(t)``, one still here at t ``log(1 − π + π S(t))``, and one that is watched
    from e on takes ``log(1 − π + π S(e))`` away. The algorithm of expectation and maximisation reaches the maximum of
    this likelihood too; Newton's method gets there in few steps, and its last Hessian is the observed information.
    """

    X: FloatArray
    rows: SurvivalRows
    weight: FloatArray
    latency: str
    l2: float

    def __call__(self, point: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Return value, gradient and Hessian of minus the log-likelihood.

        Parameters
        ----------
        point : ndarray of shape (2 k + 1,)
            γ, β and log σ.

        Returns
        -------
        value : float
            Not finite where it cannot be computed.
        gradient : ndarray of shape (2 k + 1,)
            The derivative.
        hessian : ndarray of shape (2 k + 1, 2 k + 1)
            The second derivative.
        """
        with np.errstate(all="ignore"):  # an impossible step is seen by its value, which is not finite
            return self._at(point)

    def _at(self, point: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        k = self.X.shape[1]
        value, slopes, bends = self._by_row(self.X @ point[:k], self.X @ point[k : 2 * k], float(point[-1]))
        value, slopes, bends = value * self.weight, slopes * self.weight, bends * self.weight
        gradient = np.concatenate([self.X.T @ slopes[0], self.X.T @ slopes[1], [slopes[2].sum()]])
        hessian = np.empty((2 * k + 1, 2 * k + 1))
        hessian[:k, :k] = self._product(bends[0])
        hessian[:k, k : 2 * k] = self._product(bends[1])
        hessian[k : 2 * k, k : 2 * k] = self._product(bends[3])
        hessian[:k, -1] = self.X.T @ bends[2]
        hessian[k : 2 * k, -1] = self.X.T @ bends[4]
        hessian[-1, -1] = bends[5].sum()
        lower = np.tril_indices(2 * k + 1, -1)
        hessian[lower] = hessian.T[lower]
        ridge = np.full(2 * k + 1, self.l2)
        ridge[[0, k, -1]] = 0.0
        total = -float(value.sum()) + float(ridge @ point**2) / 2
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            return np.inf, gradient, hessian
        return total, -gradient + ridge * point, -hessian + np.diag(ridge)

    def _product(self, diagonal: FloatArray) -> FloatArray:
        return np.asarray(self.X.T @ (self.X * diagonal[:, None]))

    def _by_row(self, odds: FloatArray, location: FloatArray, log_scale: float) -> _Three:
        """Return the log-likelihood of each row, and its derivatives by (odds, location, log scale).

        The second are in the order aa, am, as, mm, ms, ss.
        """
        rows, left = self.rows, self.rows.observed
        value, slopes, bends = self._staying(rows.time, odds, location, log_scale)
        at_left, slopes_left, bends_left = self._leaving(rows.time[left], odds[left], location[left], log_scale)
        value[left], slopes[:, left], bends[:, left] = at_left, slopes_left, bends_left
        if rows.entry is not None:
            late = rows.entry > 0
            before = self._staying(rows.entry[late], odds[late], location[late], log_scale)
            value[late] -= before[0]
            slopes[:, late] -= before[1]
            bends[:, late] -= before[2]
        return value, slopes, bends

    def _staying(self, time: FloatArray, odds: FloatArray, location: FloatArray, log_scale: float) -> _Three:
        rate = float(np.exp(-log_scale))
        z = (np.log(time) - location) * rate
        (g, g1, g2), _ = SHAPES[self.latency](z)
        would, is_one = (
            expit(odds + g),
            expit(odds),
        )  # to be one who leaves, given still here; and before anything is known
        spread = would * (1 - would)
        by_z, by_zz = would * g1, spread * g1 * g1 + would * g2
        value = log_staying(odds, g)
        slopes = np.stack([would - is_one, -rate * by_z, -z * by_z])
        bends = np.stack(
            [
                spread - is_one * (1 - is_one),
                -rate * spread * g1,
                -z * spread * g1,
                rate * rate * by_zz,
                rate * (z * by_zz + by_z),
                z * (z * by_zz + by_z),
            ]
        )
        return value, slopes, bends

    def _leaving(self, time: FloatArray, odds: FloatArray, location: FloatArray, log_scale: float) -> _Three:
        value, slopes, bends = location_and_scale(
            self.latency, time, np.ones(len(time), dtype=bool), location, log_scale
        )
        is_one, none = expit(odds), np.zeros((2, len(time)))
        return (
            value - np.logaddexp(0.0, -odds),
            np.concatenate([[1 - is_one], slopes]),
            np.concatenate([[-is_one * (1 - is_one)], none, bends]),
        )
