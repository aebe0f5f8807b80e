"""The likelihood of single rows, with static covariates on the logarithms of the parameters.

Covariates enter as in Fader and Hardie (2007), "Incorporating time-invariant
covariates into the Pareto/NBD and BG/NBD models": ``alpha = alpha_0 exp(-γ'z)``
for a scale, ``a = a_0 exp(γ'z)`` for a shape. So the logarithm of each parameter is
linear, η_j = D_j θ_j, and gradient and Hessian follow from those by η:
``D_j' g_j`` and ``D_j' diag(h_jk) D_k``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from churnlib._typing import Array, FloatArray

__all__ = ["Derivatives", "RowDerivatives", "RowProblem", "Term"]


@dataclass(frozen=True, slots=True)
class Derivatives:
    """The log-likelihood of each row with its derivatives by the parameters themselves.

    Parameters
    ----------
    value : ndarray of shape (n,)
        The log-likelihoods.
    gradient : ndarray of shape (k, n)
        First derivatives by the parameters (not their logarithms).
    hessian : mapping of (int, int) to ndarray of shape (n,), or None
        Second derivatives for j ≤ k, those that are not zero everywhere; None
        where only the gradient was asked for.
    """

    value: FloatArray
    gradient: FloatArray
    hessian: Mapping[tuple[int, int], FloatArray] | None


RowDerivatives: TypeAlias = Callable[..., Derivatives]
"""From ``(parameters, hessian=bool)``, one array per parameter, to the derivatives of every row."""


@dataclass(frozen=True, slots=True)
class Term:
    """One parameter, and the covariates that shift its logarithm.

    Parameters
    ----------
    name : str
        The parameter.
    unit : float
        What one unit of the scaled parameter is in the caller's units.
    sign : int
        -1 for a scale such as alpha (a positive coefficient makes it smaller), 1
        for a shape.
    covariates : sequence of str
        Names of the columns that enter.
    values : ndarray of shape (n, m)
        Their values.
    """

    name: str
    unit: float = 1.0
    sign: int = 1
    covariates: Sequence[str] = ()
    values: FloatArray | None = None


class RowProblem:
    """A likelihood evaluated row by row, with any covariates.

    Parameters
    ----------
    terms : sequence of Term
        The parameters in order.
    derivatives : callable
        From one array per parameter to the derivatives of the rows.
    weight : ndarray of shape (n,)
        The weight of each row.
    start : ndarray of shape (k,)
        Logarithms of the scaled parameters to begin at; coefficients begin at 0.
    offset : float
        What to add to have the log-likelihood in the caller's units.
    """

    def __init__(
        self,
        terms: Sequence[Term],
        derivatives: RowDerivatives,
        weight: FloatArray,
        *,
        start: FloatArray,
        offset: float,
    ) -> None:
        self._derivatives = derivatives
        self._weight = weight
        self.total_weight = float(weight.sum())
        self.offset = offset
        self._designs: list[FloatArray] = []
        names: list[str] = []
        units: list[float] = []
        begin: list[float] = []
        for term, first in zip(terms, start, strict=True):
            design, scale = _design(term, len(weight))
            self._designs.append(design)
            names += [term.name, *(f"{term.name}[{column}]" for column in term.covariates)]
            units += [term.unit, *(1 / scale).tolist()]
            begin += [float(first), *([0.0] * len(term.covariates))]
        self.names = tuple(names)
        self.unit = np.array(units)
        self.start = np.array(begin)
        self.logarithmic: Array = np.array(["[" not in name for name in names])

    def _parameters(self, theta: FloatArray) -> list[FloatArray]:
        ends = np.cumsum([design.shape[1] for design in self._designs])
        parts = np.split(theta, ends[:-1])
        return [np.exp(design @ part) for design, part in zip(self._designs, parts, strict=True)]

    def evaluate(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Return log-likelihood, gradient and Hessian, each summed over the customers."""
        parameters = self._parameters(theta)
        with np.errstate(over="ignore", invalid="ignore"):
            rows = self._derivatives(parameters, hessian=True)
        assert rows.hessian is not None
        by_log = [parameter * slope for parameter, slope in zip(parameters, rows.gradient, strict=True)]
        gradient = [design.T @ (self._weight * slope) for design, slope in zip(self._designs, by_log, strict=True)]
        blocks: list[list[FloatArray]] = [[np.zeros((0, 0))] * len(parameters) for _ in parameters]
        for j, left in enumerate(self._designs):
            for k in range(j, len(parameters)):
                bend = rows.hessian.get((j, k), 0.0) * parameters[j] * parameters[k]
                # d²/dη² of f(exp η) is θ² f'' + θ f'.
                bend = np.broadcast_to(bend + by_log[j] if j == k else bend, self._weight.shape)
                block = left.T @ (self._designs[k] * (self._weight * bend)[:, None])
                blocks[j][k], blocks[k][j] = block, block.T
        return float(self._weight @ rows.value), np.concatenate(gradient), np.block(blocks)

    def scores(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the gradient of each distinct row, of shape (k, n), and the weights of the rows."""
        parameters = self._parameters(theta)
        rows = self._derivatives(parameters, hessian=False)
        pieces = [
            design.T * (parameter * slope)
            for design, parameter, slope in zip(self._designs, parameters, rows.gradient, strict=True)
        ]
        return np.concatenate(pieces), self._weight


def _design(term: Term, n: int) -> tuple[FloatArray, FloatArray]:
    """Return the columns 1, ±z / scale, and the scales; scaling keeps Newton's steps in one range."""
    if term.values is None or not len(term.covariates):
        return np.ones((n, 1)), np.ones(0)
    scale = np.abs(term.values).max(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    return np.column_stack([np.ones(n), term.sign * term.values / scale]), scale
