"""A function that stands still between jumps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._typing import ArrayLike, FloatArray

__all__ = ["StepFunction"]


@dataclass(frozen=True, slots=True, eq=False)
class StepFunction:
    """A right-continuous step function: at a jump it already has the new value.

    Survival curves, cumulative hazards and incidences are of this kind. After the last
    jump the last value holds on; whether that may be believed is for the caller to say.

    Parameters
    ----------
    times : ndarray of shape (n_times,)
        Where it may jump, strictly ascending.
    values : ndarray of shape (n_times,)
        Its value from each of these times on.
    before : float
        Its value before the first.

    Examples
    --------
    >>> S = StepFunction(np.array([2.0, 5.0]), np.array([0.8, 0.4]), 1.0)
    >>> S([1, 2, 4.9, 100]), S.left([2])
    (array([1. , 0.8, 0.8, 0.4]), array([1.]))
    """

    times: FloatArray
    values: FloatArray
    before: float

    def __call__(self, t: ArrayLike) -> FloatArray:
        """Return the value at each t.

        Parameters
        ----------
        t : array-like of any shape
            Where, in the unit of `times`; no NaN.

        Returns
        -------
        ndarray of the shape of `t`
            The values; a scalar for a number.

        Examples
        --------
        >>> StepFunction(np.array([2.0]), np.array([0.8]), 1.0)([[1, 2]])
        array([[1. , 0.8]])
        """
        return self._value(np.searchsorted(self.times, t, side="right"))

    def left(self, t: ArrayLike) -> FloatArray:
        """Return the limit from the left: the value just before each t.

        Parameters
        ----------
        t : array-like of any shape
            Where, in the unit of `times`; no NaN.

        Returns
        -------
        ndarray of the shape of `t`
            The values; a scalar for a number.

        Examples
        --------
        >>> StepFunction(np.array([2.0]), np.array([0.8]), 1.0).left([2.0, 2.1])
        array([1. , 0.8])
        """
        return self._value(np.searchsorted(self.times, t, side="left"))

    def _value(self, reached: Any) -> FloatArray:
        """Return the value after so many jumps."""
        found: FloatArray = np.concatenate([[self.before], self.values])[reached]
        return found
