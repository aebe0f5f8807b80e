"""Weights of rules from what became of those for whom they fired: non-negative, shrunken, with errors by customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from scipy.special import expit

from churnlib._typing import BoolArray, FloatArray, IntArray

__all__ = ["Cells", "Method", "Weights", "cells_of", "find_weights"]

Method: TypeAlias = Literal["logistic", "hazard"]

_CLOSE = 1e-10
"""How far from zero a slope may be, per loss, for the optimum to count as found."""
_STEPS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Log odds, or log hazard ratios, of rules.

    Attributes
    ----------
    coef : ndarray of shape (n_rules,)
        What a firing rule adds, at least 0.
    standard_error : ndarray of shape (n_rules,)
        By customer (sandwich); NaN where the coefficient is held at 0, and for a single customer.
    intercept : float
        Log odds without any alert; for hazards the log of the cumulative hazard over the horizon.
    slope : ndarray of shape (n_rules,)
        Derivative of the penalised log-likelihood by each coefficient: zero where it is free, not
        above zero where it is held at 0.
    """

    coef: FloatArray
    standard_error: FloatArray
    intercept: float
    slope: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Rows that are alike, counted once: with some rules there are few of them, however many rows.

    Attributes
    ----------
    firing : ndarray of shape (n_cells, n_rules)
        1.0 where a rule fires.
    count : ndarray of shape (n_cells,)
        How many rows it stands for.
    lost : ndarray of bool of shape (n_cells,)
        Whether they were lost within the horizon.
    days : ndarray of shape (n_cells,)
        When, NaN where not; one and the same for all where times do not matter.
    of_row : ndarray of shape (n_rows,)
        The cell of each row.
    """

    firing: FloatArray
    count: FloatArray
    lost: BoolArray
    days: FloatArray
    of_row: IntArray


def cells_of(firing: BoolArray, lost: BoolArray, days: FloatArray | None = None) -> Cells:
    """Count rows that are alike.

    Parameters
    ----------
    firing : ndarray of bool of shape (n_rows, n_rules)
        Which rules fire.
    lost : ndarray of bool of shape (n_rows,)
        Whether the customer was lost within the horizon.
    days : ndarray of shape (n_rows,), default=None
        When; None where it does not matter.

    Returns
    -------
    Cells
        In an order that does not depend on that of the rows.

    Examples
    --------
    >>> cells = cells_of(np.array([[True], [False], [True]]), np.array([False, False, False]))
    >>> cells.firing.ravel().tolist(), cells.count.tolist(), cells.of_row.tolist()
    ([0.0, 1.0], [1.0, 2.0], [1, 0, 1])
    """
    packed = np.packbits(firing, axis=1)
    moment = np.where(lost, 1.0 if days is None else days, -1.0)
    moments, when = np.unique(moment, return_inverse=True)
    keys = np.column_stack([when.reshape(-1).astype(">u4").view(np.uint8).reshape(-1, 4), packed])
    whole = np.ascontiguousarray(keys).view(np.dtype((np.void, keys.shape[1]))).reshape(-1)
    _, first, of_row, count = np.unique(whole, return_index=True, return_inverse=True, return_counts=True)
    at = moments[when.reshape(-1)[first]]
    return Cells(
        firing=firing[first].astype(np.float64),
        count=count.astype(np.float64),
        lost=lost[first],
        days=np.where(lost[first], at, np.nan),
        of_row=of_row.reshape(-1).astype(np.int64),
    )


class _Likelihood(Protocol):
    """A log-likelihood over cells, of parameters of which the last are the coefficients of the rules."""

    n_free: int
    """How many parameters before the coefficients are neither bounded nor shrunken."""

    def at(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the log-likelihood and its gradient."""
        ...

    def information(self, theta: FloatArray) -> FloatArray:
        """Return minus its second derivative."""
        ...

    def scores(self, theta: FloatArray) -> FloatArray:
        """Return the gradient of one row of each cell."""
        ...

    def start(self) -> FloatArray:
        """Return where the search begins."""
        ...

    def intercept(self, theta: FloatArray) -> float:
        """Return the intercept."""
        ...


class _Logistic:
    """P(loss within the horizon) is ``1 / (1 + exp(−(a + x'β)))``."""

    n_free = 1

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.design = np.column_stack([np.ones(len(cells.count)), cells.firing])
        self.sign = np.where(cells.lost, 1.0, -1.0)

    def start(self) -> FloatArray:
        lost = float(self.cells.count[self.cells.lost].sum())
        theta = np.zeros(self.design.shape[1])
        theta[0] = np.log(lost / (self.cells.count.sum() - lost))
        return theta

    def at(self, theta: FloatArray) -> tuple[float, FloatArray]:
        away = self.sign * (self.design @ theta)
        value = -float(self.cells.count @ np.logaddexp(0.0, -away))
        return value, np.asarray((self.cells.count * self.sign * expit(-away)) @ self.design)

    def information(self, theta: FloatArray) -> FloatArray:
        p = expit(self.design @ theta)
        return np.asarray((self.design * (self.cells.count * p * (1 - p))[:, None]).T @ self.design)

    def scores(self, theta: FloatArray) -> FloatArray:
        away = self.sign * (self.design @ theta)
        return np.asarray((self.sign * expit(-away))[:, None] * self.design)

    def intercept(self, theta: FloatArray) -> float:
        return float(theta[0])


class _Hazard:
    """Cox's partial likelihood of the time from the cutoff to the loss; nobody is censored before the horizon ends."""

    n_free = 0

    def __init__(self, cells: Cells) -> None:
        from churnlib.survival._cox_kernel import PartialLikelihood
        from churnlib.survival._cox_risk_sets import risk_sets

        # Losses of one time share it by Efron's rule one by one, so that each is a row of its own.
        times = np.where(cells.lost, cells.count, 1.0).astype(np.int64)
        self.cell = np.repeat(np.arange(len(cells.count)), times)
        self.first = np.cumsum(times) - times
        lost = cells.lost[self.cell]
        weight = np.where(lost, 1.0, cells.count[self.cell])
        end = float(np.nanmax(cells.days)) + 1.0
        time = np.where(lost, cells.days[self.cell], end)
        self.rows = cells.firing[self.cell]
        self.weight = weight
        self.survivor = int(np.flatnonzero(~lost)[0])
        self.likelihood = PartialLikelihood(self.rows, risk_sets(time, lost), weight=weight)

    def start(self) -> FloatArray:
        return np.zeros(self.rows.shape[1])

    def at(self, theta: FloatArray) -> tuple[float, FloatArray]:
        point = self.likelihood.at(self.rows @ theta)
        return point.loglik, self.likelihood.gradient(point)

    def information(self, theta: FloatArray) -> FloatArray:
        return self.likelihood.information(self.likelihood.at(self.rows @ theta))

    def scores(self, theta: FloatArray) -> FloatArray:
        from churnlib.survival._cox_inference import score_residuals

        residuals = score_residuals(self.likelihood, self.likelihood.at(self.rows @ theta))
        return np.asarray((residuals / self.weight[:, None])[self.first])

    def intercept(self, theta: FloatArray) -> float:
        point = self.likelihood.at(self.rows @ theta)
        exposed = self.likelihood.exposure(point)[self.survivor]
        return float(np.log(exposed) - point.shift[0])


_LIKELIHOODS: dict[str, Any] = {"logistic": _Logistic, "hazard": _Hazard}


def find_weights(cells: Cells, customer: IntArray, *, method: Method, ridge: float) -> Weights:
    r"""Maximise a penalised likelihood over coefficients that are not negative.

    Parameters
    ----------
    cells : Cells
        The rows; some were lost and some were not.
    customer : ndarray of int of shape (n_rows,)
        The customer of each row, numbered in an order of their own.
    method : {"logistic", "hazard"}
        Which likelihood.
    ridge : float
        Strength of the penalty, above 0.

    Returns
    -------
    Weights
        The maximum, which is the only one: the penalty makes the objective strictly concave.

    Notes
    -----
    ``l(β) − ridge Σ β² / 2`` subject to ``β ≥ 0``: found by L-BFGS-B (Byrd, Lu, Nocedal and Zhu 1995, SIAM
    J. Sci. Comput. 16, 1190-1208), then by Newton steps among the coefficients that are free, until the
    conditions of Karush, Kuhn and Tucker hold to rounding. Errors are ``A⁻¹ B A⁻¹`` with A the
    penalised information and B the sum over customers of the squares of their scores, times
    ``C / (C − 1)``; coefficients held at 0 count as known there.

    Examples
    --------
    >>> firing = np.repeat([[True], [False]], [100, 300], axis=0)
    >>> lost = np.concatenate([np.arange(100) < 40, np.arange(300) < 30])
    >>> found = find_weights(cells_of(firing, lost), np.arange(400), method="logistic", ridge=1e-6)
    >>> found.coef.round(3), bool(abs(found.coef[0] - np.log(40 / 60 * 270 / 30)) < 1e-6)
    (array([1.792]), True)
    """
    from scipy.optimize import minimize

    likelihood: _Likelihood = _LIKELIHOODS[method](cells)
    free = likelihood.n_free
    start = likelihood.start()
    penalty = np.concatenate([np.zeros(free), np.full(len(start) - free, ridge)])
    # Where a rule fires in every row or in none, the penalty alone speaks: at 0, and not near it.
    fixed = np.concatenate([np.zeros(free, dtype=bool), (cells.firing == cells.firing[0]).all(axis=0)])
    scale = 1.0 / float(cells.count[cells.lost].sum())

    def objective(theta: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = likelihood.at(theta)
        return -scale * (value - float(penalty @ (theta * theta)) / 2), -scale * (gradient - penalty * theta)

    bounds: list[tuple[float | None, float | None]] = [(None, None)] * free
    bounds += [(0.0, 0.0 if still else None) for still in fixed[free:]]
    options: Any = {"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-9}
    theta = np.asarray(minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x)
    theta = _polished(theta, objective, lambda at: scale * (likelihood.information(at) + np.diag(penalty)), free, fixed)
    held = np.concatenate([np.zeros(free, dtype=bool), theta[free:] <= 0])
    slope = likelihood.at(theta)[1] - penalty * theta
    errors = np.full(len(theta), np.nan)
    bread = (likelihood.information(theta) + np.diag(penalty))[np.ix_(~held, ~held)]
    if (~held).any():
        meat = _by_customer(likelihood.scores(theta)[:, ~held], cells.of_row, customer)
        half = np.linalg.solve(bread, meat)
        errors[~held] = np.sqrt(np.diagonal(np.linalg.solve(bread, half.T)))
    return Weights(theta[free:] + 0.0, errors[free:], likelihood.intercept(theta), slope[free:])


def _polished(theta: FloatArray, objective: Any, curvature: Any, free: int, fixed: BoolArray) -> FloatArray:
    """Take Newton steps among the parameters that are not held at zero, until slopes vanish to rounding."""
    bounded = np.arange(len(theta)) >= free
    value, slope = objective(theta)
    for _ in range(_STEPS):
        held = fixed | (bounded & (theta <= 0) & (slope >= 0))
        if not len(theta) or float(np.max(np.abs(np.where(held, 0.0, slope)))) <= _CLOSE:
            break
        step = np.zeros(len(theta))
        step[~held] = np.linalg.solve(curvature(theta)[np.ix_(~held, ~held)], -slope[~held])
        size, there, found, new = 1.0, theta, value, slope
        while size > 1e-8:
            there = np.where(bounded, np.maximum(theta + size * step, 0.0), theta + size * step)
            found, new = objective(there)
            if found <= value + 1e-14 * abs(value):
                break
            size /= 2
        if size <= 1e-8 or (there == theta).all():
            break
        theta, value, slope = there, found, new
    return theta


def _by_customer(scores: FloatArray, of_row: IntArray, customer: IntArray) -> FloatArray:
    """Return the sum over customers of the squares of their scores, in an order that is not that of the rows."""
    order = np.lexsort((of_row, customer))
    begins = np.flatnonzero(np.diff(customer[order], prepend=-1))
    sums = np.add.reduceat(scores[of_row[order]], begins, axis=0)
    n = len(begins)
    return np.asarray(sums.T @ sums * (n / (n - 1) if n > 1 else np.nan))
