"""The Pareto/NBD likelihood summed over many customers, from one table of purchases by times.

Write Q(x, t) for the chance that a customer with x purchases, alive and last seen buying
at t, leaves at some later time before the end of the grid, having bought nothing more. On
a grid of times it obeys

    Q(x, tᵢ) = q(x, tᵢ) + e(x, tᵢ) Q(x, tᵢ₊₁),

q being the chance of leaving between tᵢ and tᵢ₊₁, and e that of being there, alive and
silent, at tᵢ₊₁. So one walk back along the grid gives Q for every x and t, and a row needs
Q(x, t_x) - e(x, t_x…T) Q(x, T): no quadrature of its own.

First derivatives are needed for each row (their squares enter the Hessian): they are means
over the time of leaving and obey the same recurrence. What enters as a sum over rows only
goes the other way: the rows' weights are put on the grid and walked forward, and tell how
much each node of the quadrature counts in total.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from churnlib._typing import FloatArray, IntArray
from churnlib.clv._design import RowProblem, Term
from churnlib.clv._histories import UniqueHistories
from churnlib.clv._pareto_rows import PurchaseTerms, RowLikelihood, time_terms

__all__ = ["TableProblem"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2
_WIDEST = 0.75
"""Panels at most that wide in log(c + t), and so steep that they fall by e at most: 6 nodes then reach rounding."""
_RUN = 8192
_CELLS_PER_ROW = 4
_CELLS_ALWAYS = 10_000


@dataclass(frozen=True, slots=True)
class _Grid:
    """Times, and the nodes of a panel from each time to the next.

    Parameters
    ----------
    times : ndarray of shape (k,)
        The times of the data and those put between them.
    place : ndarray of int
        Where the times of the data stand among them.
    """

    times: FloatArray
    place: IntArray


class TableProblem(RowProblem):
    """The likelihood of customers without covariates.

    Parameters
    ----------
    terms : sequence of Term
        r, alpha, s and beta.
    data : UniqueHistories
        The histories.
    scale : float
        What their times are multiplied by.
    start : ndarray of shape (4,)
        Logarithms to begin at.
    offset : float
        What to add to have the log-likelihood in the caller's units.
    """

    def __init__(
        self, terms: Sequence[Term], data: UniqueHistories, scale: float, *, start: FloatArray, offset: float
    ) -> None:
        rows = RowLikelihood(data, scale)
        super().__init__(terms, rows, data.weight, start=start, offset=offset)
        used_x, self._ix = _occurring(data.i_x)
        used_t, both = _occurring(np.concatenate([data.i_tx, data.i_T]))
        self._itx, self._iT = np.split(both, 2)
        self._x, self._t = data.purchases[used_x], data.times[used_t] * scale
        self._n_x = np.bincount(self._ix, data.weight)
        self._longest = max(_CELLS_ALWAYS, _CELLS_PER_ROW * len(self._ix)) / len(self._x)
        # The most purchases of any customer whose silence covers the panel from one time to the next: what
        # a panel must be fine enough for.
        most = np.zeros(len(self._t))
        np.maximum.at(most, self._itx, self._x[self._ix])
        self._most = np.maximum.accumulate(most)[:-1]

    def evaluate(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Return log-likelihood, gradient and Hessian, each summed over the customers.

        Where a table would have more cells than some times the rows, as with
        times to the microsecond, each row has a quadrature of its own.
        """
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            grid = self._grid(*np.exp(theta))
            if grid is None:
                return super().evaluate(theta)
            return self._summed(grid, *np.exp(theta))

    def _grid(self, r: float, alpha: float, s: float, beta: float) -> _Grid | None:
        """Return the grid on which these parameters need no finer one; None where it would be too large."""
        if len(self._t) > self._longest:
            return None
        near, end = min(alpha, beta), self._t[1:]
        width = np.log1p(np.diff(self._t) / (near + self._t[:-1]))
        steepest = (near + end) * ((r + self._most) / (alpha + end) + (s + 1) / (beta + end))
        needed = np.ceil(width * np.maximum(steepest, 1 / _WIDEST))
        if not needed.sum() < self._longest:
            return None
        count = np.maximum(needed, 1).astype(np.int64)
        place = np.concatenate([[0], np.cumsum(count)])
        inside = np.arange(place[-1]) - np.repeat(place[:-1], count)
        step = np.repeat(width / count, count) * inside
        between = np.repeat(self._t[:-1], count)
        times = np.append(between + (near + between) * np.expm1(step), self._t[-1])
        return _Grid(times, place)

    def _summed(
        self, grid: _Grid, r: float, alpha: float, s: float, beta: float
    ) -> tuple[float, FloatArray, FloatArray]:
        p, t = r + self._x, self._t
        nodes = _Nodes.of(grid.times, p, alpha, s, beta)
        table = nodes.chances()
        times = np.stack(time_terms(t, alpha, beta))
        begin, end = grid.place[self._itx] * len(p) + self._ix, grid.place[self._iT] * len(p) + self._ix
        terms = PurchaseTerms.of(r, self._x)
        value = self._n_x @ (terms.value - self._x * np.log(alpha))
        gradient, hessian = np.zeros(4), np.zeros((4, 4))
        counts_begin, counts_T = np.empty(len(begin)), np.empty(len(begin))
        for rows in _runs(len(begin)):
            w = self._weight[rows]
            each = _Rows(p[self._ix[rows]], times[::2, self._itx[rows]], times[:, self._iT[rows]])
            alive, total, slopes = each.mixture(table, begin[rows], end[rows], r, s)
            value += w @ (np.log(total) + each.before(s))
            gradient += slopes @ w
            hessian -= (slopes * w) @ slopes.T
            counts_begin[rows], counts_T[rows] = w / total, w / total * alive
        # What enters the Hessian as a sum only: of who left, by nodes; of who stayed, by T.
        counts = _on_grid(begin, counts_begin, len(table), len(p)) - _on_grid(end, counts_T, len(table), len(p))
        hessian += nodes.second_moments(counts, r, p, s)
        stayed = _on_grid(self._iT * len(p) + self._ix, counts_T, len(t), len(p))
        hessian += _second_moments(np.stack([stayed @ p**k for k in range(3)]), times, r, s, 0.0)
        gradient[0] += self._n_x @ terms.first
        gradient[1] -= self._n_x @ self._x
        hessian[0, 0] += self._n_x @ terms.second
        return float(value), gradient, hessian


def _on_grid(cell: IntArray, weight: FloatArray, n_times: int, n_purchases: int) -> FloatArray:
    """Sum weights by cell, of shape (n_times, n_purchases)."""
    summed = np.bincount(cell, weight, minlength=n_times * n_purchases)
    return np.asarray(summed, dtype=float).reshape(n_times, n_purchases)


def _runs(n: int) -> Iterator[slice]:
    """Cut the rows into runs that stay in the cache, and short enough for BLAS to use one thread."""
    for begin in range(0, n, _RUN):
        yield slice(begin, begin + _RUN)


@dataclass(frozen=True, slots=True)
class _Rows:
    """A run of rows: what depends on their own purchases and times.

    Parameters
    ----------
    p : ndarray of shape (n,)
        r + x.
    at_tx : ndarray of shape (2, n)
        log(1+t/α) and log(1+t/β) at t_x.
    at_end : ndarray of shape (4, n)
        The terms of `time_terms` at T.
    """

    p: FloatArray
    at_tx: FloatArray
    at_end: FloatArray

    def before(self, s: float) -> FloatArray:
        """Return the logarithm of what they did up to t_x, but for what depends on x alone."""
        return np.asarray(-self.p * self.at_tx[0] - s * self.at_tx[1])

    def mixture(
        self, table: FloatArray, begin: IntArray, end: IntArray, r: float, s: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return P(alive and silent), P(silent), and the gradient of the logarithm of the latter."""
        flat = table.reshape(-1, table.shape[2])
        alive = np.exp(self.p * (self.at_tx[0] - self.at_end[0]) + s * (self.at_tx[1] - self.at_end[2]))
        sums = flat.take(begin, axis=0)
        sums -= alive[:, None] * flat.take(end, axis=0)
        total = alive + sums[:, 0]
        stayed, left = alive / total, sums[:, 0] / total
        a, at, b, bt = np.ascontiguousarray(sums.T[1:]) / total + stayed * self.at_end
        slopes = np.array([-r * a, self.p * at, left - s * b, (s + 1) * bt - left - stayed * self.at_end[3]])
        return alive, total, slopes


def _occurring(codes: IntArray) -> tuple[IntArray, IntArray]:
    """Return which codes occur, and for each row the position of its code among them."""
    seen = np.bincount(codes) > 0
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[codes]


@dataclass(frozen=True, slots=True)
class _Nodes:
    """The quadrature on a grid of k times for m numbers of purchases.

    Parameters
    ----------
    chance : ndarray of shape (k - 1, m, nodes)
        P(leaving at the node's time, silent until then) of who is alive at the panel's begin.
    passing : ndarray of shape (k - 1, m)
        P(alive and silent at the panel's end) of the same.
    terms : ndarray of shape (4, k - 1, nodes)
        log(1+t/α), t/(α+t), log(1+t/β) and t/(β+t) of each node.
    """

    chance: FloatArray
    passing: FloatArray
    terms: FloatArray

    @classmethod
    def of(cls, times: FloatArray, p: FloatArray, alpha: float, s: float, beta: float) -> _Nodes:
        """Put the nodes into each panel, equally on the axis log(c + t) with c = min(α, β)."""
        near, begin, gap = min(alpha, beta), times[:-1, None], np.diff(times)[:, None]
        width = np.log1p(gap / (near + begin))
        tau = (near + begin) * np.expm1(width * _NODES)
        log_a, log_b = np.log1p(tau / (alpha + begin)), np.log1p(tau / (beta + begin))
        # s/(β+begin) dτ/du (1+τ/a)^-p (1+τ/b)^-(s+1), with dτ/du = c + begin + τ.
        common = np.log(s * width * _WEIGHTS * (near + begin + tau) / (beta + begin)) - (s + 1) * log_b
        chance = np.exp(common[:, None, :] - p[None, :, None] * log_a[:, None, :])
        passing = np.exp(-np.log1p(gap / (alpha + begin)) * p - s * np.log1p(gap / (beta + begin)))
        return cls(chance, passing, np.stack(time_terms(begin + tau, alpha, beta)))

    def chances(self) -> FloatArray:
        """Return Q, and the sums of the four terms over the time of leaving, of shape (k, m, 5)."""
        columns = np.concatenate([np.ones_like(self.terms[:1]), self.terms])
        panels = self.chance @ np.moveaxis(columns, 0, -1)
        table = np.zeros((len(panels) + 1, *panels.shape[1:]))
        passing = self.passing[:, :, None]
        for k in range(len(panels) - 1, -1, -1):
            np.multiply(table[k + 1], passing[k], out=table[k])
            table[k] += panels[k]
        return table

    def second_moments(self, counts: FloatArray, r: float, p: FloatArray, s: float) -> FloatArray:
        """Return what the nodes add to the Hessian, rows counting as much as `counts` of shape (k, m) says."""
        walked = counts[:-1].copy()
        for k in range(1, len(walked)):
            walked[k] += walked[k - 1] * self.passing[k - 1]
        powers = np.stack([walked, walked * p, walked * p**2], axis=1) @ self.chance
        return _second_moments(np.moveaxis(powers, 1, 0).reshape(3, -1), self.terms.reshape(4, -1), r, s, 1.0)


def _second_moments(powers: FloatArray, terms: FloatArray, r: float, s: float, dead: float) -> FloatArray:
    """Return the sum of f f' and of the second derivatives over nodes, those of `RowLikelihood` written out.

    Parameters
    ----------
    powers : ndarray of shape (3, n)
        The nodes' weights, times 1, p and p².
    terms : ndarray of shape (4, n)
        The nodes' log(1+t/α), t/(α+t), log(1+t/β) and t/(β+t).
    r, s : float
        Parameters.
    dead : float
        1 where the customer left, 0 where not.
    """
    one, by_p, by_p2 = powers
    a, at, b, bt = terms
    by_s, by_beta = dead - s * b, (s + dead) * bt - dead
    hessian = np.zeros((4, 4))
    hessian[0, 0] = r**2 * (one @ a**2) - r * (one @ a)
    hessian[0, 1] = r * (one @ at - by_p @ (a * at))
    hessian[0, 2] = -r * (one @ (a * by_s))
    hessian[0, 3] = -r * (one @ (a * by_beta))
    hessian[1, 1] = by_p2 @ at**2 - by_p @ (at * (1 - at))
    hessian[1, 2] = by_p @ (at * by_s)
    hessian[1, 3] = by_p @ (at * by_beta)
    hessian[2, 2] = one @ by_s**2 - s * (one @ b)
    hessian[2, 3] = one @ (by_s * by_beta) + s * (one @ bt)
    hessian[3, 3] = one @ by_beta**2 - (s + dead) * (one @ (bt * (1 - bt)))
    return hessian + np.triu(hessian, 1).T
