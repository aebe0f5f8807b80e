"""Columns of any spread on one footing, frozen at fit and read backwards again."""

from __future__ import annotations

import dataclasses

import numpy as np

from churnlib._typing import FloatArray

__all__ = ["Scale", "learn_scale"]

_KNOTS = 1_000


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """A rising map of one column, then its mean taken off and its spread divided out.

    Parameters
    ----------
    kind : {"log", "rank", "none"}
        "log" is sign(x)·log(1 + |x|), which refunds do not break; "rank" is the mid-rank
        percentile among the rows of the fit, read between at most 1,000 knots; "none" is x itself.
    mean, spread : float
        Of the mapped values at fit.
    knots, ranks : ndarray
        For "rank": values of the fit, ascending, with their percentiles.

    Examples
    --------
    >>> scale = learn_scale(np.array([0.0, 9.0, 99.0]), "log")
    >>> scale.inverse(scale.forward(np.array([-9.0, 9.0]))).round(6)
    array([-9.,  9.])
    """

    kind: str
    mean: float
    spread: float
    knots: FloatArray
    ranks: FloatArray

    def forward(self, values: FloatArray) -> FloatArray:
        """Return values on the footing of the fit.

        Parameters
        ----------
        values : ndarray of shape (n,)
            In the units of the column.

        Returns
        -------
        ndarray of shape (n,)
            Mean 0 and standard deviation 1 over the rows of the fit.
        """
        scaled: FloatArray = (_mapped(values, self.kind, self.knots, self.ranks) - self.mean) / self.spread
        return scaled

    def inverse(self, scaled: FloatArray) -> FloatArray:
        """Return values in the units of the column.

        Parameters
        ----------
        scaled : ndarray of shape (n,)
            On the footing of the fit.

        Returns
        -------
        ndarray of shape (n,)
            What `forward` takes there.
        """
        mapped = scaled * self.spread + self.mean
        if self.kind == "log":
            return np.sign(mapped) * np.expm1(np.abs(mapped))
        return np.interp(mapped, self.ranks, self.knots) if self.kind == "rank" else mapped


def learn_scale(values: FloatArray, kind: str) -> Scale:
    """Learn the footing of one column.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite numbers.
    kind : {"log", "rank", "none"}
        The map; see `Scale`.

    Returns
    -------
    Scale
        A column without spread keeps a spread of 1.

    Examples
    --------
    >>> learn_scale(np.array([1.0, 1.0, 5.0]), "rank").forward(np.array([1.0, 5.0])).round(3)
    array([-0.707,  1.414])
    """
    knots = ranks = np.empty(0)
    if kind == "rank":
        ordered = np.sort(values)
        knots = np.unique(ordered)
        if len(knots) > _KNOTS:
            knots = knots[np.unique(np.linspace(0, len(knots) - 1, _KNOTS).astype(np.intp))]
        below, upto = (np.searchsorted(ordered, knots, side=side) for side in ("left", "right"))
        ranks = (below + upto) / (2 * len(ordered))
    mapped = _mapped(values, kind, knots, ranks)
    spread = float(mapped.std())
    # the rounding of a mean leaves a constant column a spread of its last digits
    flat = spread <= 1e-12 * float(np.abs(mapped).max(initial=1.0))
    return Scale(kind, float(mapped.mean()), 1.0 if flat else spread, knots, ranks)


def _mapped(values: FloatArray, kind: str, knots: FloatArray, ranks: FloatArray) -> FloatArray:
    if kind == "log":
        return np.sign(values) * np.log1p(np.abs(values))
    return np.interp(values, knots, ranks) if kind == "rank" else values
