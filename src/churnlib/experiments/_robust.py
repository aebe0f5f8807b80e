"""The covariance of adjusted means that few, large or unequal clusters do not make too small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._typing import FloatArray, IntArray

MANY = 1000
"""Clusters from which the correction of each cluster's residuals by its own leverage changes nothing that matters."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Coefficients of a regression, the covariance of the first two, and degrees of freedom of their difference."""

    coefficients: FloatArray
    covariance: FloatArray
    df: float


def fit(design: FloatArray, y: FloatArray, cluster: IntArray | None) -> Fit:
    """Least squares with the bias-reduced covariance (CR2; HC2 without clusters).

    Bell and McCaffrey 2002, Survey Methodology 28; Pustejovsky and Tipton 2018, J. Bus. Econ. Stat. 36.
    Residuals of cluster g are multiplied by ``(I - H_gg)^(-1/2)``. Its n_g by n_g matrices are never made:
    with ``D_g = QR`` they differ from the identity only in the columns of Q.
    """
    bread: FloatArray = np.asarray(np.linalg.pinv(design.T @ design, hermitian=True), dtype=np.float64)
    coefficients = bread @ (design.T @ y)
    residual = y - design @ coefficients
    pull = design @ (bread[:, 1] - bread[:, 0])  # D M c for the contrast of the first two coefficients
    if cluster is None:
        scores, squares, reach = _by_row(design, residual, pull, bread)
    elif cluster.max() < MANY:
        scores, squares, reach = _by_cluster(design, residual, pull, bread, cluster)
    else:
        scores, squares, reach = _by_many(design, residual, pull, cluster)
    covariance = (bread @ (scores.T @ scores) @ bread)[:2, :2]
    return Fit(coefficients, covariance, _degrees(squares, reach, bread))


def _by_row(
    design: FloatArray, residual: FloatArray, pull: FloatArray, bread: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    leverage = ((design @ bread) * design).sum(axis=1)
    factor = _inverse_root(1 - leverage)
    return design * (residual * factor)[:, None], (pull * factor) ** 2, design * (pull * factor)[:, None]


def _by_cluster(
    design: FloatArray, residual: FloatArray, pull: FloatArray, bread: FloatArray, cluster: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    order = np.argsort(cluster, kind="stable")
    blocks = np.split(order, np.flatnonzero(np.diff(cluster[order])) + 1)
    scores, squares, reach = [], [], []
    for rows in blocks:
        block = design[rows]
        Q, R = np.linalg.qr(block)
        share, V = np.linalg.eigh(R @ bread @ R.T)
        basis = Q @ V
        factor = _inverse_root(1 - share) - 1
        corrected = residual[rows] + basis @ (factor * (basis.T @ residual[rows]))
        pulled = pull[rows] + basis @ (factor * (basis.T @ pull[rows]))
        scores.append(block.T @ corrected)
        squares.append(pulled @ pulled)
        reach.append(block.T @ pulled)
    return np.array(scores), np.array(squares), np.array(reach)


def _by_many(
    design: FloatArray, residual: FloatArray, pull: FloatArray, cluster: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    n = int(cluster.max()) + 1

    def summed(columns: FloatArray) -> FloatArray:
        return np.stack([np.bincount(cluster, column, n) for column in columns.T], axis=1)

    factor = np.sqrt(n / (n - 1))
    squares = np.asarray(np.bincount(cluster, pull**2, n), dtype=np.float64)
    return summed(design * residual[:, None]) * factor, squares, summed(design * pull[:, None])


def _inverse_root(values: FloatArray) -> FloatArray:
    """1/√v; where a row or cluster alone decides a coefficient (v = 0) its residual is 0, and stays so."""
    return np.where(values > 1e-10, 1 / np.sqrt(np.maximum(values, 1e-10)), 0.0)


def _degrees(squares: FloatArray, reach: FloatArray, bread: FloatArray) -> float:
    """Satterthwaite's degrees of freedom for equal variances: (tr B)² / tr B², ``B = diag(squares) - W M W'``."""
    own = ((reach @ bread) * reach).sum(axis=1)
    inner = bread @ (reach.T @ reach)
    trace = squares.sum() - own.sum()
    second = (squares**2).sum() - 2 * (squares * own).sum() + np.trace(inner @ inner)
    return float(trace**2 / second) if second > 0 else 1.0
