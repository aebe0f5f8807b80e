"""Errors of Cox's coefficients that hold where customers have several rows, or the model is wrong."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from churnlib._typing import FloatArray, IntArray
from churnlib.survival._cox_kernel import PartialLikelihood, Point

__all__ = ["invert", "sandwich", "score_residuals"]

_BLOCK = 8192


def score_residuals(likelihood: PartialLikelihood, point: Point, rows: slice = slice(None)) -> FloatArray:
    """Return what each row adds to the score, if the risk sets are taken as they are.

    Parameters
    ----------
    likelihood : PartialLikelihood
        The rows.
    point : Point
        Where; the residuals sum to the score there.
    rows : slice
        Of which rows.

    Returns
    -------
    ndarray of shape (n_rows, n_features)
        Times the weight of the row.

    Notes
    -----
    ``w_i ∫ (x_i − x̄(t)) dM_i(t)`` with the martingale residual M_i (Therneau, Grambsch and Fleming 1990,
    Biometrika 77, 147-160); with ties each event of a time takes each turn of
    Efron's in equal parts.
    """
    return _ScoreResiduals(likelihood, point)(rows)


class _ScoreResiduals:
    """Sums over event times, from which the residuals of any rows follow."""

    def __init__(self, likelihood: PartialLikelihood, point: Point) -> None:
        sets = likelihood.sets
        at_risk, leaving = likelihood.sums(point)
        at_risk /= point.at_risk[:, None]
        f0, f1 = point.f
        q0, q1, q2 = (q / point.at_risk if len(q) else q for q in point.q)
        drift = q0[:, None] * at_risk
        mean = (f0 * point.at_risk / likelihood.event_weight)[:, None] * at_risk
        self.own = None
        if leaving is not None:
            mean -= (f1 / likelihood.event_weight)[:, None] * leaving
            leaving /= point.at_risk[:, None]
            self.own = q1[:, None] * at_risk - q2[:, None] * leaving
            drift -= q1[:, None] * leaving
        self.mean = mean
        self.drift = np.concatenate([np.zeros((1, drift.shape[1])), np.cumsum(drift, axis=0)])
        self.exposure = likelihood.exposure(point)
        self.theta, self.X, self.sets = point.theta, likelihood.X, sets
        self.leaving = np.zeros(len(likelihood.X))
        self.leaving[sets.dead] = likelihood.leaving
        self.first = sets.first

    def __call__(self, rows: slice) -> FloatArray:
        X, stop = self.X[rows], self.sets.stop[rows]
        seen = self.drift[stop] - self.drift[self.first[rows]]
        left = np.flatnonzero(self.leaving[rows])
        group = stop[left] - 1
        if self.own is not None:
            seen[left] -= self.own[group]
        residual = self.theta[rows, None] * (seen - X * self.exposure[rows, None])
        residual[left] += self.leaving[rows][left, None] * (X[left] - self.mean[group])
        return np.asarray(residual)


def sandwich(
    likelihood: PartialLikelihood, point: Point, inverse: FloatArray, groups: IntArray | None = None
) -> FloatArray:
    """Return the covariance of the coefficients by Lin and Wei.

    Parameters
    ----------
    likelihood : PartialLikelihood
        The rows.
    point : Point
        The optimum.
    inverse : ndarray of shape (n_features, n_features)
        Inverse of the information, with the penalty.
    groups : ndarray of int of shape (n_rows,), default=None
        Codes 0, 1, … of those who are independent of each other; None: rows are.

    Returns
    -------
    ndarray of shape (n_features, n_features)
        ``I⁻¹ (Σ_g U_g U_g') I⁻¹``, U_g the sum of the score residuals of a group.

    Notes
    -----
    Lin and Wei 1989, J. Am. Stat. Assoc. 84, 1074-1078.
    """
    n, p = likelihood.X.shape
    residuals = _ScoreResiduals(likelihood, point)
    products = np.zeros((p, p))
    blocks = [slice(low, min(low + _BLOCK, n)) for low in range(0, n, _BLOCK)]
    if groups is None:
        for rows in blocks:
            part = residuals(rows)
            products += part.T @ part
    else:
        sums = np.zeros((int(groups.max()) + 1, p))
        for rows in blocks:
            part = residuals(rows)
            here, place = np.unique(groups[rows], return_inverse=True)
            adds = csr_array((np.ones(len(part)), (place.ravel(), np.arange(len(part)))), shape=(len(here), len(part)))
            sums[here] += np.asarray(adds @ part)
        products = sums.T @ sums
    covariance = inverse @ products @ inverse
    return np.asarray((covariance + covariance.T) / 2)


def invert(information: FloatArray) -> FloatArray:
    """Return the inverse of the information, worked out in units in which each column has information 1.

    Parameters
    ----------
    information : ndarray of shape (n_features, n_features)
        Positive definite.

    Returns
    -------
    ndarray of shape (n_features, n_features)
        The covariance of the coefficients.
    """
    unit = 1.0 / np.sqrt(np.diagonal(information))
    inverse = np.linalg.pinv(information * unit[:, None] * unit, rcond=1e-14, hermitian=True)
    return np.asarray(inverse * unit[:, None] * unit)
