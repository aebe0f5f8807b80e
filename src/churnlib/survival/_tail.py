"""How survival goes on beyond the data, where a model has no formula that says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from churnlib._typing import FloatArray

__all__ = ["Tail"]

_LAST_PART = 0.1
"""The share of the support whose mean hazard goes on: long enough to hold events, near enough to the end."""

Ahead = Callable[[Any, FloatArray, FloatArray], FloatArray]
"""From rows, times ahead and tenures reached to log-survival, or incidences by cause."""


@dataclass(frozen=True, slots=True)
class Tail:
    """A constant hazard behind the end of the data: the mean hazard of the last tenth before it.

    Parameters
    ----------
    X : array or frame of m rows
        The rows.
    since : ndarray of shape (m,)
        Where the last tenth of the tenures that were watched begins.
    length : ndarray of shape (m,)
        How long it is.
    hazard : ndarray of shape (m,)
        The mean hazard over it; infinite where nobody is left at its end.
    past : ndarray of shape (m, T)
        How much of each time ahead lies behind the end.
    """

    X: Any
    since: FloatArray
    length: FloatArray
    hazard: FloatArray
    past: FloatArray

    @classmethod
    def of(cls, X: Any, low: FloatArray, end: FloatArray, past: FloatArray, log_ahead: Ahead) -> Self:
        """Measure the hazard of the last tenth.

        Parameters
        ----------
        X : array or frame of m rows
            The rows.
        low, end : ndarray of shape (m,)
            The first and the last tenure that was watched, for each row.
        past : ndarray of shape (m, T)
            How much of each time ahead lies behind the end.
        log_ahead : callable
            Log-survival ahead of a tenure.

        Returns
        -------
        Tail
            The rows' tail.
        """
        length = _LAST_PART * (end - low)
        fell = -log_ahead(X, length[:, None], end - length)[:, 0]
        hazard = np.where(np.isnan(fell), np.inf, fell) / length  # NaN: nobody was left before the last tenth
        return cls(X, end - length, length, hazard, past)

    @property
    def cumulative_hazard(self) -> FloatArray:
        """The hazard summed over the time behind the end, of shape (m, T)."""
        with np.errstate(invalid="ignore"):  # infinite over no time at all
            return np.where(self.past > 0, self.hazard[:, None] * self.past, 0.0)

    def shares(self, incidence_ahead: Ahead) -> FloatArray:
        """Return which share of those who leave does so by each cause, as in the last tenth.

        Parameters
        ----------
        incidence_ahead : callable
            Incidences by cause ahead of a tenure.

        Returns
        -------
        ndarray of shape (m, K)
            Shares that sum to 1; equal ones where nobody left in the last tenth (then nobody leaves behind it).
        """
        left = incidence_ahead(self.X, self.length[:, None], self.since)[:, :, 0]
        left = np.where(np.isnan(left), 0.0, left)
        total = left.sum(axis=1, keepdims=True)
        return np.where(total > 0, left / np.where(total > 0, total, 1.0), 1.0 / left.shape[1])

    def time_stayed(self, rest: FloatArray) -> FloatArray:
        """Return the expected time of somebody who reaches the end, within `rest` behind it.

        Parameters
        ----------
        rest : ndarray of shape (m,)
            How far to look behind the end.

        Returns
        -------
        ndarray of shape (m,)
            ``(1 - exp(-h rest)) / h``, between 0 and `rest`.
        """
        h = np.where(self.hazard > 0, self.hazard, 1.0)
        return np.where(self.hazard > 0, -np.expm1(-h * np.maximum(rest, 0.0)) / h, rest)
