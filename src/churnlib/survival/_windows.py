"""Survival, incidence and expected time over the next periods of each customer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._typing import FloatArray, IntArray

__all__ = ["Windows"]


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Hazards of the periods that lie ahead of each row, and the moments asked about.

    Parameters
    ----------
    hazards : ndarray of shape (n_rows, n_causes, width)
        Chance to leave in each period by each cause, of those still here.
    late : ndarray of shape (n_rows,)
        Share of the first of these periods that lies behind the row already.
    steps : ndarray of shape (n_rows, n_times)
        Periods that have ended by the moments asked about.
    rest : ndarray of shape (n_rows, n_times)
        Share of the next one that has passed by then.
    length : float
        Length of a period.
    whole : bool
        Whether customers leave at the ends of periods; else hazard is constant within one.

    Examples
    --------
    >>> hazards = np.array([[[0.1, 0.5]]])
    >>> asked = {"late": np.zeros(1), "steps": np.array([[0, 1, 2]]), "rest": np.array([[0.5, 0.0, 0.0]])}
    >>> for whole in (True, False):
    ...     print(np.exp(Windows(hazards, **asked, length=1.0, whole=whole).log_survival()).round(4))
    [[1.   0.9  0.45]]
    [[0.9487 0.9    0.45  ]]
    """

    hazards: FloatArray
    late: FloatArray
    steps: IntArray
    rest: FloatArray
    length: float
    whole: bool

    def log_survival(self) -> FloatArray:
        """Return the log-chance to be still here, given that one is here now.

        Returns
        -------
        ndarray of shape (n_rows, n_times)
            At most 0.
        """
        staying, total = self._staying()
        return np.minimum(self._at(total, staying) - self._now(staying)[:, None], 0.0)

    def incidence(self) -> FloatArray:
        """Return the chance to have left by each cause, given that one is here now.

        Returns
        -------
        ndarray of shape (n_rows, n_causes, n_times)
            In [0, 1].
        """
        staying, total = self._staying()
        n, causes, width = self.hazards.shape
        by_end = np.zeros((n, causes, width + 1))
        np.cumsum(self.hazards * np.exp(total[:, None, :-1]), axis=2, out=by_end[:, :, 1:])
        rows = np.arange(n)[:, None]
        here = np.minimum(self.steps, width - 1)
        out = by_end[rows, :, self.steps].transpose(0, 2, 1)
        if self.whole:
            return np.asarray(out)
        # Within a period the causes keep their shares.
        everything = self.hazards.sum(axis=1, keepdims=True)
        share = np.divide(self.hazards, everything, out=np.zeros_like(self.hazards), where=everything > 0)
        gone = np.exp(total[rows, self.steps]) - np.exp(self._at(total, staying))
        out = out + share[rows, :, here].transpose(0, 2, 1) * gone[:, None, :]
        now = np.exp(self._now(staying))
        already = share[:, :, 0] * (1 - now)[:, None]
        return np.asarray(np.clip((out - already[:, :, None]) / now[:, None, None], 0.0, 1.0))

    def area(self) -> FloatArray:
        """Return the expected time here until the (one) moment asked about, given that one is here now.

        Returns
        -------
        ndarray of shape (n_rows,)
            In the unit of the target.
        """
        staying, total = self._staying()
        places = np.arange(self.hazards.shape[2])
        begin = np.maximum(places, self.late[:, None])
        lasting = np.clip(np.minimum(places + 1, self.steps + self.rest) - begin, 0.0, None)
        if self.whole:
            return np.asarray((lasting * np.exp(total[:, :-1])).sum(axis=1) * self.length)
        with np.errstate(invalid="ignore", divide="ignore"):
            # ∫ e^(s t) dt over the time within the period, where s = log(1 - hazard)
            mean = np.where(staying < 0, np.expm1(staying * lasting) / staying, lasting)
            mean = np.where(np.isneginf(staying) | (lasting <= 0), 0.0, mean)
            passed = np.where(begin > places, (begin - places) * staying, 0.0)
        log_begin = total[:, :-1] + passed - self._now(staying)[:, None]
        return np.asarray((np.exp(log_begin) * mean).sum(axis=1) * self.length)

    def _staying(self) -> tuple[FloatArray, FloatArray]:
        """Return log(1 - hazard) of each period, and its sum by the beginning of each."""
        n, _, width = self.hazards.shape
        with np.errstate(divide="ignore"):
            staying = np.log1p(-np.minimum(self.hazards.sum(axis=1), 1.0))
        total = np.zeros((n, width + 1))
        np.cumsum(staying, axis=1, out=total[:, 1:])
        return staying, total

    def _now(self, staying: FloatArray) -> FloatArray:
        if self.whole:
            return np.zeros(len(staying))
        return self._part(self.late, staying[:, 0])

    def _at(self, total: FloatArray, staying: FloatArray) -> FloatArray:
        rows = np.arange(len(total))[:, None]
        ended = total[rows, self.steps]
        if self.whole:
            return np.asarray(ended)
        return np.asarray(ended + self._part(self.rest, staying[rows, np.minimum(self.steps, staying.shape[1] - 1)]))

    @staticmethod
    def _part(share: FloatArray, staying: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore"):  # none of an infinite hazard
            return np.where(share > 0, share * staying, 0.0)
