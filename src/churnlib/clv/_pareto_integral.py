"""The integral that defines the Pareto/NBD model, by quadrature: no hypergeometric function, no pole.

Everything the model says of a customer is an integral over the time τ at which the
customer leaves,

    ∫ (τ/(a+τ))^n (1+τ/a)^-p (1+τ/b)^-q e^(-δτ) dτ        from 0 to a length,

with n = 0 and δ = 0 in the likelihood, n > 0 in the distribution of purchases and
δ > 0 in discounting. With c = min(a, b) and τ = c (e^u - 1) the logarithm of the
integrand, du included, is concave in u: each of its terms is. So it has one top, it
falls ever faster on both sides of it, and Newton's method, begun beyond, cannot
overshoot the point where the integrand has become too small to count. What lies
between is cut into panels, and each gets the nodes of Gauss and Legendre.

Taking the smaller of a and b as c keeps the singularities in u at a distance of π from
the real axis; with the larger one they come as near as b/a.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from churnlib._typing import BoolArray, FloatArray, IntArray

__all__ = ["Integrand", "Panel", "blocks", "log_integral"]

_FALL = 38.0
"""How far the logarithm may fall below its top before the rest is left out: e^-38 is a fifth of a rounding."""
_WIDEST = 4.0
"""Panels at most that wide: 24 nodes then reach rounding beside singularities at a distance of π."""
_STEEP = 3
"""Panels at least, on each side of the top, where powers of τ make the integrand fall on both."""
_BLOCK = 1024
_MIDDLES = 45
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2


def blocks(n: int) -> Iterator[slice]:
    """Cut n rows into runs whose nodes fit into the processor's cache.

    Parameters
    ----------
    n : int
        How many rows.

    Yields
    ------
    slice
        The next run.

    Examples
    --------
    >>> list(blocks(1500))
    [slice(0, 1024, None), slice(1024, 2048, None)]
    """
    for begin in range(0, n, _BLOCK):
        yield slice(begin, begin + _BLOCK)


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel of each of some rows.

    Parameters
    ----------
    rows : slice or ndarray of int
        The rows.
    tau : ndarray of shape (m, nodes)
        Times of the nodes.
    log_near, log_far : ndarray of shape (m, nodes)
        log(1 + τ/c) and log(1 + τ/max(a, b)).
    weight : ndarray of shape (m, nodes)
        Integrand times quadrature weight, both as a share of ``exp(level) c``.
    """

    rows: slice | IntArray
    tau: FloatArray
    log_near: FloatArray
    log_far: FloatArray
    weight: FloatArray


class Integrand:
    """The integrand of many rows, each with its own parameters.

    Parameters
    ----------
    p, q : ndarray of shape (m,), or float
        Exponents of 1 + τ/a and 1 + τ/b, ≥ 0.
    a, b : ndarray of shape (m,), or float
        Scales of time, > 0.
    length : ndarray of shape (m,), or float
        Where the integral ends, ≥ 0.
    n : ndarray of shape (m,), or float, default=0.0
        Exponent of τ/(a+τ), whole and ≥ 0.
    rate : ndarray of shape (m,), or float, default=0.0
        δ, ≥ 0.

    Examples
    --------
    >>> integrand = Integrand(p=2.0, q=0.0, a=1.0, b=1.0, length=3.0)
    >>> log_integral(integrand), float(np.log(3 / 4))  # ∫ (1+τ)^-2 dτ = 1 - 1/4
    (array([-0.28768207]), -0.28768207...)
    """

    __slots__ = ("_a", "_far", "_n", "_near_power", "_power", "_rate", "a_is_near", "near", "width")

    a_is_near: BoolArray
    near: FloatArray
    width: FloatArray

    def __init__(
        self,
        *,
        p: FloatArray | float,
        q: FloatArray | float,
        a: FloatArray | float,
        b: FloatArray | float,
        length: FloatArray | float,
        n: FloatArray | float = 0.0,
        rate: FloatArray | float = 0.0,
    ) -> None:
        columns = np.broadcast_arrays(*(np.atleast_1d(column) for column in (p, q, a, b, length, n, rate)))
        p, q, a, b, length, n, rate = (np.asarray(column, dtype=float)[:, None] for column in columns)
        # Columns of shape (m, 1), so that they meet nodes of shape (m, k) without further ado.
        self.a_is_near = a <= b
        self.near, self._far = np.minimum(a, b), np.maximum(a, b)
        self._near_power, self._power = np.where(self.a_is_near, p, q), np.where(self.a_is_near, q, p)
        self.width = np.log1p(length / self.near)
        self._a = a
        self._n = n if n.any() else None
        self._rate = rate if rate.any() else None

    def __len__(self) -> int:
        return len(self.near)

    def part(self, rows: slice | IntArray) -> Integrand:
        """Return the integrand of some of the rows."""
        chosen = object.__new__(Integrand)
        for name in self.__slots__:
            column = getattr(self, name)
            setattr(chosen, name, None if column is None else column[rows])
        return chosen

    def at(self, u: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the logarithm of integrand × dτ/du / c, τ, and log(1 + τ/max(a, b))."""
        tau = self.near * np.expm1(u)
        log_far = np.log1p(tau / self._far)
        value = u * (1 - self._near_power) - self._power * log_far
        if self._n is not None:
            value = value + xlogy(self._n, tau / (self._a + tau))
        if self._rate is not None:
            value = value - self._rate * tau
        return value, tau, log_far

    def slope(self, u: FloatArray) -> FloatArray:
        """Return the derivative by u of the logarithm."""
        tau, growth = self.near * np.expm1(u), self.near * np.exp(u)
        slope = 1 - self._near_power - self._power * growth / (self._far + tau)
        if self._n is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                slope = slope + np.where(self._n > 0, self._n * growth * (1 / tau - 1 / (self._a + tau)), 0.0)
        if self._rate is not None:
            slope = slope - self._rate * growth
        return slope

    def panels(self) -> tuple[FloatArray, Iterator[Panel]]:
        """Return the logarithm at the top of each row, of shape (m, 1), and the panels around it."""
        top = self._top()
        level = np.where(self.width > 0, self.at(top)[0], 0.0)
        low, high = self._low(top, level), self._high(top, level)
        return level, self._cut(((low, top), (top, high)), level)

    def _cut(self, sides: tuple[tuple[FloatArray, FloatArray], ...], level: FloatArray) -> Iterator[Panel]:
        for begin, end in sides:
            span = (end - begin)[:, 0]
            count = np.ceil(span / _WIDEST).astype(np.int64)
            if self._n is not None:
                count = np.where((self._n[:, 0] > 0) & (span > 0), np.maximum(count, _STEEP), count)
            for number in range(int(count.max(initial=0))):
                active = count > number
                rows: slice | IntArray = slice(None) if active.all() else np.flatnonzero(active)
                size = (span[rows] / count[rows])[:, None]
                u = begin[rows] + size * (number + _NODES)
                value, tau, log_far = self.part(rows).at(u)
                yield Panel(rows, tau, u, log_far, size * _WEIGHTS * np.exp(value - level[rows]))

    def _top(self) -> FloatArray:
        """Find where the integrand is largest; from the left end on it falls unless it rises there."""
        top = np.zeros_like(self.width)
        rising = np.flatnonzero((self.slope(top) > 0) & (self.width > 0))
        if len(rising):
            part, near, far = self.part(rising), top[rising], self.width[rising]
            for _ in range(_MIDDLES):
                middle = (near + far) / 2
                up = part.slope(middle) > 0
                near, far = np.where(up, middle, near), np.where(up, far, middle)
            top[rising] = far
        return top

    def _high(self, top: FloatArray, level: FloatArray) -> FloatArray:
        """Find where the integrand has fallen on the right.

        The tangent of a concave function lies above it, so each of Newton's points
        is beyond the place sought, and nothing that counts is ever left out.
        """
        slope = self.slope(top)
        with np.errstate(divide="ignore", invalid="ignore"):
            high = np.where(slope < 0, np.minimum(self.width, top - _FALL / slope), self.width)
        rows = np.flatnonzero(self.width > 0)
        for _ in range(100):
            part = self.part(rows)
            excess = level[rows] - _FALL - part.at(high[rows])[0]
            beyond = excess[:, 0] > 0.5
            if not beyond.any():
                break
            rows, excess = rows[beyond], excess[beyond]
            high[rows] += excess / part.part(np.flatnonzero(beyond)).slope(high[rows])
        return high

    def _low(self, top: FloatArray, level: FloatArray) -> FloatArray:
        """Find where the integrand begins to count on the left, if purchases make it begin at 0."""
        low = np.zeros_like(top)
        if self._n is None:
            return low
        rows = np.flatnonzero((self._n > 0) & (top > 0))
        part, near, far, floor = self.part(rows), low[rows], top[rows], level[rows] - _FALL
        for _ in range(_MIDDLES):
            middle = (near + far) / 2
            under = part.at(middle)[0] < floor
            near, far = np.where(under, middle, near), np.where(under, far, middle)
        low[rows] = near
        return low


def log_integral(integrand: Integrand) -> FloatArray:
    """Return the logarithm of the integral of each row, accurate to some 1e-13 of the integral.

    Parameters
    ----------
    integrand : Integrand
        The rows.

    Returns
    -------
    ndarray of shape (m,)
        The logarithms; -inf where the length is 0.

    Examples
    --------
    >>> log_integral(Integrand(p=0.0, q=2.0, a=1.0, b=1.0, length=np.array([0.0, 1.0])))
    array([       -inf, -0.69314718])
    """
    result = np.empty(len(integrand))
    for rows in blocks(len(integrand)):
        part = integrand.part(rows)
        level, panels = part.panels()
        total = np.zeros(len(part))
        for panel in panels:
            total[panel.rows] += panel.weight.sum(axis=1)
        with np.errstate(divide="ignore"):
            result[rows] = np.log(total) + (level + np.log(part.near))[:, 0]
    return result
