"""The likelihood of single rows, with static covariates on the logarithms of the parameters.

Covariates enter as in Fader and Hardie (2007), "Incorporating time-invariant
covariates into the Pareto/NBD and BG/NBD models": ``alpha = alpha_0 exp(-γ'z)``
for a scale, ``a = a_0 exp(γ'z)`` for a shape. So the logarithm of each parameter is
linear, η_j = D_j θ_j, and gradient and Hessian follow from those by η:
``D_j' g_j`` and ``D_j' diag(h_jk) D_k``.

The search goes over coefficients of covariates from which their mean is taken and which are
divided by their largest distance from it. Years such as 2020 to 2025 would else be nearly a
constant, and the parameter at year 0 as far away as no search goes.
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
        centres: list[float] = []
        names: list[str] = []
        units: list[float] = []
        begin: list[float] = []
        for term, first in zip(terms, start, strict=True):
            design, centre, scale = _design(term, weight)
            self._designs.append(design)
            names += [term.name, *(f"{term.name}[{column}]" for column in term.covariates)]
            units += [term.unit, *(1 / scale).tolist()]
            centres += [0.0, *(term.sign * centre / scale).tolist()]
            begin += [float(first), *([0.0] * len(term.covariates))]
        self.names = tuple(names)
        self.unit = np.array(units)
        self.start = np.array(begin)
        self.logarithmic: Array = np.array(["[" not in name for name in names])
        self.basis = np.eye(len(names))
        for position in np.flatnonzero(~self.logarithmic):
            own = np.flatnonzero(self.logarithmic[:position])[-1]
            self.basis[own, position] = -centres[position]

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


def _design(term: Term, weight: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the columns 1, ±(z - centre) / scale, and those two; a covariate that does not vary becomes 0."""
    if term.values is None or not len(term.covariates):
        return np.ones((len(weight), 1)), np.zeros(0), np.ones(0)
    centre = weight @ term.values / weight.sum()
    apart = term.values - centre
    scale = np.abs(apart[weight > 0]).max(axis=0)
    varies = scale > 1e-12 * np.abs(centre)
    centre, scale = np.where(varies, centre, 0.0), np.where(varies, scale, 1.0)
    return np.column_stack([np.ones(len(weight)), term.sign * np.where(varies, apart, 0.0) / scale]), centre, scale
