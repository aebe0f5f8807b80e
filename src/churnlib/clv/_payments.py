"""When future purchases are paid for, and what each payment is worth now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.polynomial.legendre import leggauss

from churnlib._typing import FloatArray

__all__ = ["Payments"]

_NOTHING = 45.0
"""e^-45 is below what a float can tell from 0 beside 1."""


@dataclass(frozen=True, slots=True)
class Payments:
    """The discounted number of purchases as a weighted sum of expected numbers up to certain times.

    With Y(u) the expected purchases within u and δ the continuous rate, the purchases
    up to h are worth ``∫ e^-δu dY(u)``. By parts that is
    ``e^-δh Y(h) + δ ∫ e^-δu Y(u) du``, which needs no derivative of Y and, as a sum
    with positive weights, loses no digits. Payments at the ends of months are a sum of
    the same kind.

    Parameters
    ----------
    horizon : float
        How far to look, in the unit of the model's time; inf for ever.
    rate : float
        The continuous rate per unit of time, ≥ 0.
    timing : {"continuous", "monthly"}, default="continuous"
        Whether each purchase is paid for at once, or at the end of its month.
    month : float, default=1.0
        The length of a month in units of time.

    Examples
    --------
    Two purchases per unit of time, at a rate of 5 % and up to 10: 2 (1 - e^-.5) / .05.

    >>> times, weights = Payments(10.0, 0.05).nodes(1.0)
    >>> round(float(weights @ (2 * times)), 8), round(float(2 * (1 - np.exp(-0.5)) / 0.05), 8)
    (15.73877361, 15.73877361)
    """

    horizon: float
    rate: float
    timing: Literal["continuous", "monthly"] = "continuous"
    month: float = 1.0

    def nodes(self, scale: float) -> tuple[FloatArray, FloatArray]:
        """Return times and the weights of the expected purchases up to them.

        Parameters
        ----------
        scale : float
            The time within which the rate of purchases begins to change, > 0: expected
            numbers are smooth functions of log(scale + u), such as powers of α + T + u
            with α + T ≥ scale. There are as many nodes as ten digits of those need.

        Returns
        -------
        times, weights : ndarray of shape (n,)
            Both positive.

        Examples
        --------
        >>> Payments(2.5, np.log(2), timing="monthly").nodes(1.0)
        (array([1. , 2. , 2.5]), array([0.25     , 0.0732233, 0.1767767]))
        """
        if self.rate == 0:
            return np.array([self.horizon]), np.ones(1)
        return self._monthly() if self.timing == "monthly" else self._continuous(scale)

    def _monthly(self) -> tuple[FloatArray, FloatArray]:
        # Σ f_i (Y_i - Y_{i-1}) = Σ (f_i - f_{i+1}) Y_i, with the last, perhaps shorter month paid at its own end.
        whole = int(np.ceil(self.horizon / self.month * (1 - 1e-12)))
        ends = np.append(self.month * np.arange(1, whole), self.horizon)
        factor = np.exp(-self.rate * ends)
        return ends, np.append(factor[:-1] - factor[1:], factor[-1])

    def _continuous(self, scale: float) -> tuple[FloatArray, FloatArray]:
        # Nodes stand densely at first, u = c (e^(zL) - 1): a power of (scale + u) is nearly exponential in z.
        # Their number was found by trial over powers from .3 to 30 and horizons up to 10^5 scales.
        end = min(self.horizon, _NOTHING / self.rate)
        z, w = leggauss(int(np.ceil(10 + 2.5 * np.log1p(end / scale) + min(12.0, end * self.rate))))
        z, w = (z + 1) / 2, w / 2
        c = 0.3 * scale
        stretch = np.log1p(end / c)
        times = c * np.expm1(z * stretch)
        weights = w * c * stretch * np.exp(z * stretch) * self.rate * np.exp(-self.rate * times)
        return np.append(times, end), np.append(weights, np.exp(-self.rate * end))
