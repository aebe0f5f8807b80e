"""The Pareto/NBD likelihood row by row, with exact first and second derivatives.

With p = r + x the likelihood of (x, t_x, T) is a mixture over the time t at which the
customer left, from t_x on, or has not left by T:

    Γ(p)/Γ(r) α^-x { (1+T/α)^-p (1+T/β)^-s + s/β ∫ (1+t/α)^-p (1+t/β)^-(s+1) dt }.

Each term, and each node of the quadrature, is an exponential of something simple; so
the gradient is the mean of the terms' gradients, and the Hessian the mean of f f' and of
the terms' own second derivatives, less the square of the mean. Derivatives by the
logarithms of the parameters need a = log(1+t/α), b = log(1+t/β), A = t/(α+t) and
B = t/(β+t) only, and δ, which is 1 for who left and 0 for who stayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln, zeta

from churnlib._typing import FloatArray, IntArray
from churnlib.clv._design import Derivatives
from churnlib.clv._histories import UniqueHistories
from churnlib.clv._pareto_integral import Integrand, Panel, blocks

__all__ = ["PAIRS", "PurchaseTerms", "RowLikelihood", "dead_and_alive", "time_terms"]

PAIRS = tuple((j, k) for j in range(4) for k in range(j, 4))
"""Positions of r, alpha, s and beta in the upper half of a Hessian."""


def dead_and_alive(
    p: FloatArray, s: FloatArray, a: FloatArray, b: FloatArray, length: FloatArray
) -> tuple[Integrand, FloatArray, FloatArray]:
    """Return what silence over some time says of a customer who was alive when it began.

    Parameters
    ----------
    p, s : ndarray of shape (m,)
        Shapes of the customer's rates of buying and of leaving, when it began.
    a, b : ndarray of shape (m,)
        Their rate parameters: the posterior is λ ~ Gamma(p, a), μ ~ Gamma(s, b).
    length : ndarray of shape (m,)
        How long the silence lasted.

    Returns
    -------
    integrand : Integrand
        P(left, and silent until then) is the integral times s/b.
    scale : ndarray of shape (m,)
        log(s/b).
    alive : ndarray of shape (m,)
        log P(alive and silent).

    Examples
    --------
    >>> one = np.ones(1)
    >>> dead_and_alive(one, one, one, one, one)[2]  # (1/2)(1/2)
    array([-1.38629436])
    """
    alive = -p * np.log1p(length / a) - s * np.log1p(length / b)
    return Integrand(p=p, q=s + 1, a=a, b=b, length=length), np.log(s) - np.log(b), alive


@dataclass(frozen=True, slots=True)
class PurchaseTerms:
    """log Γ(r+x) - log Γ(r) and its derivatives by log r, once for each number of purchases.

    Parameters
    ----------
    value, first, second : ndarray of shape (n_purchases,)
        The function and its derivatives.

    Examples
    --------
    >>> PurchaseTerms.of(1.0, np.array([0.0, 1.0, 2.0])).value.round(6)  # log x!
    array([0.      , 0.      , 0.693147])
    """

    value: FloatArray
    first: FloatArray
    second: FloatArray

    @classmethod
    def of(cls, r: float, purchases: FloatArray) -> PurchaseTerms:
        """Evaluate them."""
        p = r + purchases
        first = r * (digamma(p) - digamma(r))
        # zeta(2, z) is the trigamma function, and a third faster than polygamma(1, z).
        second = first + r**2 * (zeta(2.0, p) - zeta(2.0, r))
        return cls(gammaln(p) - gammaln(r), first, second)


class RowLikelihood:
    """The log-likelihood of distinct histories as a function of r, alpha, s and beta.

    Parameters
    ----------
    data : UniqueHistories
        The histories.
    scale : float
        What their times are multiplied by.
    """

    def __init__(self, data: UniqueHistories, scale: float) -> None:
        self._purchases, self._i_x = data.purchases, data.i_x
        self._x, self._tx, self._T = data.x, data.tx * scale, data.T * scale

    def __call__(self, parameters: Sequence[FloatArray], *, hessian: bool) -> Derivatives:
        """Differentiate by the parameters; each an array of one value, or of one per row."""
        n = len(self._x)
        r, alpha, s, beta = (np.broadcast_to(parameter, (n,)) for parameter in parameters)
        value, gradient = np.empty(n), np.empty((4, n))
        second = np.empty((len(PAIRS), n)) if hessian else None
        for rows in blocks(n):
            part = _Mixture(self._x[rows], self._tx[rows], self._T[rows], r[rows], alpha[rows], s[rows], beta[rows])
            value[rows], gradient[:, rows], bend = part.derivatives(hessian=hessian)
            if second is not None:
                second[:, rows] = bend
        # No covariate shifts r, so it is one number.
        terms = PurchaseTerms.of(float(r[0]), self._purchases)
        value += terms.value[self._i_x] - self._x * np.log(alpha)
        gradient[0] += terms.first[self._i_x]
        gradient[1] -= self._x
        theta = np.array([r, alpha, s, beta])
        if second is None:
            return Derivatives(value, gradient / theta, None)
        second[0] += terms.second[self._i_x]
        return _natural(value, gradient, second, theta)


def time_terms(t: FloatArray, alpha: FloatArray | float, beta: FloatArray | float) -> tuple[FloatArray, ...]:
    """Return log(1+t/α), t/(α+t), log(1+t/β) and t/(β+t): all that the derivatives need of a time.

    Parameters
    ----------
    t : ndarray
        Times, ≥ 0.
    alpha, beta : ndarray or float
        The scales.

    Returns
    -------
    tuple of ndarray
        The four, each of the shape of `t`.

    Examples
    --------
    >>> [float(term.round(3)) for term in time_terms(np.array(1.0), 1.0, 3.0)]
    [0.693, 0.5, 0.288, 0.25]
    """
    return np.log1p(t / alpha), t / (alpha + t), np.log1p(t / beta), t / (beta + t)


def _natural(value: FloatArray, gradient: FloatArray, second: FloatArray, theta: FloatArray) -> Derivatives:
    """Turn derivatives by logarithms into derivatives by the parameters themselves."""
    hessian = {
        (j, k): (bend - gradient[j] if j == k else bend) / (theta[j] * theta[k])
        for (j, k), bend in zip(PAIRS, second, strict=True)
    }
    return Derivatives(value, gradient / theta, hessian)


class _Mixture:
    """The sum over the ways in which a history may have come about, for a block of rows."""

    def __init__(self, x: FloatArray, tx: FloatArray, T: FloatArray, *parameters: FloatArray) -> None:
        self._tx, self._T, self._parameters = tx, T, parameters
        r, alpha, s, beta = parameters
        self._p = r + x
        self._before = -self._p * np.log1p(tx / alpha) - s * np.log1p(tx / beta)
        integrand, scale, self._alive = dead_and_alive(self._p, s, alpha + tx, beta + tx, T - tx)
        self._level, panels = integrand.panels()
        self._scale = (scale[:, None] + np.log(integrand.near))[:, 0] + self._level[:, 0]
        self._panels = list(panels)
        self._a_is_near = integrand.a_is_near

    def derivatives(self, *, hessian: bool) -> tuple[FloatArray, FloatArray, FloatArray | None]:
        """Return value, gradient of shape (4, n) and Hessian of shape (10, n), by the logarithms."""
        dead = np.zeros(len(self._T))
        for panel in self._panels:
            dead[panel.rows] += panel.weight.sum(axis=1)
        with np.errstate(divide="ignore"):
            total = np.logaddexp(self._alive, self._scale + np.log(dead))
        gradient = np.zeros((4, len(dead)))
        second = np.zeros((len(PAIRS), len(dead))) if hessian else None
        share = np.exp(self._scale - total)[:, None]
        for panel in self._panels:
            rows, weight = panel.rows, panel.weight * share[panel.rows]
            first, own = self._terms(rows, self._times(panel), dead=1.0)
            _add(rows, weight, first, own, gradient, second)
        _, alpha, _, beta = (parameter[:, None] for parameter in self._parameters)
        first, own = self._terms(slice(None), time_terms(self._T[:, None], alpha, beta), dead=0.0)
        _add(slice(None), np.exp(self._alive - total)[:, None], first, own, gradient, second)
        if second is not None:
            for position, (j, k) in enumerate(PAIRS):
                second[position] -= gradient[j] * gradient[k]
        return self._before + total, gradient, second

    def _times(self, panel: Panel) -> tuple[FloatArray, ...]:
        """Return what `time_terms` does, for the nodes of a panel, without taking the logarithms again."""
        rows = panel.rows
        _, alpha, _, beta = (parameter[rows, None] for parameter in self._parameters)
        tx, near = self._tx[rows, None], self._a_is_near[rows]
        t = tx + panel.tau
        a = np.log1p(tx / alpha) + np.where(near, panel.log_near, panel.log_far)
        b = np.log1p(tx / beta) + np.where(near, panel.log_far, panel.log_near)
        return a, t / (alpha + t), b, t / (beta + t)

    def _terms(
        self, rows: slice | IntArray, times: Sequence[FloatArray], *, dead: float
    ) -> tuple[list[FloatArray], dict[tuple[int, int], FloatArray]]:
        """Return the derivatives of the logarithm of single terms, by the logarithms of the parameters."""
        a, at, b, bt = times
        r, _, s, _ = (parameter[rows, None] for parameter in self._parameters)
        p = self._p[rows, None]
        first = [-r * a, p * at, dead - s * b, (s + dead) * bt - dead]
        own = {
            (0, 0): first[0],
            (0, 1): r * at,
            (1, 1): p * at * (at - 1),
            (2, 2): -s * b,
            (2, 3): s * bt,
            (3, 3): (s + dead) * bt * (bt - 1),
        }
        return first, own


def _add(
    rows: slice | IntArray,
    weight: FloatArray,
    first: list[FloatArray],
    own: dict[tuple[int, int], FloatArray],
    gradient: FloatArray,
    second: FloatArray | None,
) -> None:
    """Add the weighted terms of some nodes to the sums."""
    weighted = [weight * slope for slope in first]
    for j, slope in enumerate(weighted):
        gradient[j, rows] += slope.sum(axis=1)
    if second is None:
        return
    for position, (j, k) in enumerate(PAIRS):
        second[position, rows] += np.einsum("nk,nk->n", weighted[j], first[k])
    for pair, bend in own.items():
        second[PAIRS.index(pair), rows] += np.einsum("nk,nk->n", weight, bend)
