"""The partial likelihood of Cox's model: value, gradient and information, for rows in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.sparse import csc_array

from churnlib._typing import Array, FloatArray
from churnlib.survival._cox_risk_sets import RiskSets

__all__ = ["PartialLikelihood", "Point", "Ties", "centred"]

Ties: TypeAlias = Literal["efron", "breslow"]

_FAR = 300.0
"""On the logarithmic scale: what lies farther off is held here where strata are centred."""
_BLOCK = 4096
"""Rows worked on at once: with twenty columns 640 KiB, which stays near the processor."""


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """The partial likelihood at one linear predictor, and the sums that its derivatives are made of.

    Parameters
    ----------
    loglik : float
        The log partial likelihood; minus infinity or NaN where it cannot be computed.
    theta : ndarray of shape (n_rows,)
        Weight times relative hazard of each row, up to a factor for each stratum.
    at_risk : ndarray of shape (n_times,)
        Sum of `theta` over the risk set of each event time.
    f : tuple of two ndarrays of shape (n_times,)
        Hazard at each event time: of those who stay, and how much less of it those have
        who leave then (Efron's correction; zeros without ties).
    q : tuple of three ndarrays of shape (n_times,)
        What weights the products of means in the information: means of `at_risk`, whatever the ties.
    shift : ndarray of shape (n_strata,)
        What was taken off the linear predictor in each stratum: ``theta = weight * exp(eta - shift)``.
    """

    loglik: float
    theta: FloatArray
    at_risk: FloatArray
    f: tuple[FloatArray, FloatArray]
    q: tuple[FloatArray, FloatArray, FloatArray]
    shift: FloatArray


class PartialLikelihood:
    """The partial likelihood of one set of rows.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        The features, C-contiguous. What is subtracted from a column changes nothing but the rounding:
        pass `centred` columns.
    sets : RiskSets
        Who is at risk when.
    weight : ndarray of shape (n_rows,), default=None
        How many customers a row stands for; above 0 where there is an event.
    ties : {"efron", "breslow"}, default="efron"
        How events of one time share it.

    Notes
    -----
    With relative hazards ``r_i = exp(x_i'β)``, weights w, the sum S of ``w r`` over the risk set of
    event time k, the sum D over its d events, and their mean weight ``w̄``::

        l(β) = Σ_events w_i x_i'β − Σ_k w̄_k Σ_(l<d) log(S_k − (l/d) D_k)        Efron (1977)

    and without ``(l/d) D_k`` Breslow's (1974). The derivative needs no sum of x over a risk
    set: it is ``Σ x_i (w_i e_i − w_i r_i A_i)``, where A_i is the hazard row i was exposed to.
    The information is ``X' diag(w r A) X`` less products of the sums of ``w r x`` over the risk sets, which
    one sparse product finds in one reading of X. Nothing has more than n × p or
    K × p numbers, and no row is moved.
    """

    def __init__(
        self, X: FloatArray, sets: RiskSets, *, weight: FloatArray | None = None, ties: Ties = "efron"
    ) -> None:
        self.X = X
        self.sets = sets
        self.weight = weight
        self.efron = ties == "efron" and sets.tied
        self.leaving = np.ones(len(sets.dead)) if weight is None else weight[sets.dead]
        self.event_weight = self.by_time(self.leaving)
        self._last, self._first = sets.last_cell, sets.first_cell
        self._sums: csc_array | None = None

    # ------------------------------------------------------------------ value

    def at(self, eta: FloatArray) -> Point:
        """Evaluate at a linear predictor.

        Parameters
        ----------
        eta : ndarray of shape (n_rows,)
            ``X β``.

        Returns
        -------
        Point
            The value, and what `gradient` and `information` go on from.
        """
        sets = self.sets
        shift = self._shift(eta)
        with np.errstate(all="ignore"):  # an impossible step is seen by its value, which is not finite
            theta = eta - (shift[0] if sets.stratum is None else shift[sets.stratum])
            loglik = float(self.leaving @ theta[sets.dead])
            np.exp(theta, out=theta)
            if self.weight is not None:
                theta *= self.weight
            at_risk = sets.tails(self._cells(theta))
            if not self.efron:
                phi = 1.0 / at_risk
                loglik += float(self.event_weight @ np.log(phi))
                f0 = self.event_weight * phi
                none = np.zeros(0)
                return Point(loglik, theta, at_risk, (f0, none), (self.event_weight, none, none), shift)
            mean_weight = self.event_weight / sets.count
            share = sets.share
            phi = 1.0 / (at_risk[sets.turn] - share * self.by_time(theta[sets.dead])[sets.turn])
            loglik += float(mean_weight @ sets.over_turns(np.log(phi)))
            f0, f1 = (mean_weight * sets.over_turns(v) for v in (phi, share * phi))
            phi *= at_risk[sets.turn]  # 1 at the first turn; a square of the sums themselves could leave the range
            phi *= phi
            q0, q1, q2 = (mean_weight * sets.over_turns(v) for v in (phi, share * phi, share * share * phi))
        return Point(loglik, theta, at_risk, (f0, f1), (q0, q1, q2), shift)

    # ------------------------------------------------------------------ derivatives

    def residuals(self, point: Point) -> FloatArray:
        """Return the weighted martingale residuals: events less the hazard that each row was exposed to.

        Parameters
        ----------
        point : Point
            Where.

        Returns
        -------
        ndarray of shape (n_rows,)
            Their sum is 0.
        """
        expected = self.exposure(point)
        expected *= -point.theta
        expected[self.sets.dead] += self.leaving
        return expected

    def exposure(self, point: Point, scale: FloatArray | None = None) -> FloatArray:
        """Return the hazard that each row was exposed to, for a relative hazard of 1.

        Parameters
        ----------
        point : Point
            Where.
        scale : ndarray of shape (n_times,), default=None
            What to multiply the hazard of each event time by.

        Returns
        -------
        ndarray of shape (n_rows,)
            At least 0.
        """
        f0, f1 = point.f
        exposed = self.sets.between(f0 if scale is None else f0 * scale)
        if self.efron:
            exposed[self.sets.dead] -= (f1 if scale is None else f1 * scale)[self.sets.group]
        return exposed

    def gradient(self, point: Point) -> FloatArray:
        """Return the derivative of the log-likelihood by the coefficients.

        Parameters
        ----------
        point : Point
            Where.

        Returns
        -------
        ndarray of shape (n_features,)
            The score.
        """
        return np.asarray(self.residuals(point) @ self.X)

    def information(self, point: Point, scale: FloatArray | None = None) -> FloatArray:
        """Return minus the second derivative.

        Parameters
        ----------
        point : Point
            Where.
        scale : ndarray of shape (n_times,), default=None
            What to multiply the part of each event time by, at least 0.

        Returns
        -------
        ndarray of shape (n_features, n_features)
            Symmetric, not negative definite.
        """
        exposed = self.exposure(point, scale)
        exposed *= point.theta
        root = np.sqrt(np.maximum(exposed, 0.0, out=exposed), out=exposed)
        n, p = self.X.shape
        total = np.zeros((p, p))
        buffer = np.empty((min(_BLOCK, n), p))
        for low in range(0, n, _BLOCK):
            rows = self.X[low : low + _BLOCK]
            part = np.multiply(rows, root[low : low + _BLOCK, None], out=buffer[: len(rows)])
            total += part.T @ part
        at_risk, leaving = self.sums(point)
        q0, q1, q2 = point.q if scale is None else (q * scale if len(q) else q for q in point.q)
        for low in range(0, len(at_risk), _BLOCK):
            here = slice(low, low + _BLOCK)
            mean = at_risk[here] / point.at_risk[here, None]
            total -= mean.T @ (mean * q0[here, None])
            if leaving is not None:
                part = leaving[here] / point.at_risk[here, None]
                mixed = mean.T @ (part * q1[here, None])
                total += mixed + mixed.T - part.T @ (part * q2[here, None])
        return (total + total.T) / 2

    def sums(self, point: Point) -> tuple[FloatArray, FloatArray | None]:
        """Return the sums of ``theta x`` over the risk set, and over the events, of each event time.

        Parameters
        ----------
        point : Point
            Where.

        Returns
        -------
        at_risk : ndarray of shape (n_times, n_features)
            Over the risk sets.
        leaving : ndarray of shape (n_times, n_features), or None
            Over the events; None where nothing depends on it.
        """
        table = self._summed(point.theta)
        k = self.sets.n_times
        if not self.efron:
            return self.sets.tails(table[:k]), None
        leaving = table[k + 1 :]
        cells = table[:k]
        cells += leaving
        return self.sets.tails(cells), leaving

    def means(self, point: Point) -> FloatArray:
        """Return the mean features of the risk set at each event time, as the score subtracts them.

        Parameters
        ----------
        point : Point
            Where.

        Returns
        -------
        ndarray of shape (n_times, n_features)
            With Efron's correction the mean over the turns of the events.
        """
        at_risk, leaving = self.sums(point)
        f0, f1 = point.f
        mean = at_risk * (f0 / self.event_weight)[:, None]
        if leaving is not None:
            mean -= leaving * (f1 / self.event_weight)[:, None]
        return mean

    # ------------------------------------------------------------------ sums

    def by_time(self, values: FloatArray) -> FloatArray:
        """Return the sum of one value for each event, by event time.

        Parameters
        ----------
        values : ndarray of shape (n_events,)
            In the order of ``sets.dead``.

        Returns
        -------
        ndarray of shape (n_times,)
            The sums.
        """
        return _sums(self.sets.group, values, self.sets.n_times)

    def _shift(self, eta: FloatArray) -> FloatArray:
        """Return what to subtract so that relative hazards stay near 1: a number for each stratum changes nothing."""
        seen = eta[self.sets.dead[:: max(1, len(self.sets.dead) // 1000)]]
        centre = float(np.sort(seen)[len(seen) // 2])  # a mean would follow one row that lies far off
        stratum = self.sets.stratum
        if stratum is None:
            return np.array([centre])
        count = np.bincount(stratum, minlength=self.sets.n_strata)
        about = np.clip(eta - centre, -_FAR, _FAR)
        return centre + _sums(stratum, about, self.sets.n_strata) / np.maximum(count, 1)

    def _cells(self, theta: FloatArray) -> FloatArray:
        k = self.sets.n_times
        cells = _sums(self._last, theta, k + 1)[:k]
        if self._first is not None:
            cells -= _sums(self._first, theta, k + 1)[:k]
        return cells

    def _summed(self, theta: FloatArray) -> FloatArray:
        """Return a table of the sums of ``theta x``: by last event time, less those by first; below it the events."""
        if self._sums is None:
            self._sums = self._pattern()
        if self._first is None:
            self._sums.data = theta
        else:
            self._sums.data = np.stack([theta, -theta], axis=1).ravel()
        return np.asarray(self._sums @ self.X)

    def _pattern(self) -> csc_array:
        k, n = self.sets.n_times, len(self.X)
        place = self._last
        if self.efron:
            place = place.copy()
            place[self.sets.dead] = self.sets.group + (k + 1)
        height = 2 * k + 1 if self.efron else k + 1
        if self._first is not None:
            place = np.stack([place, self._first], axis=1).ravel()
        per_row = 1 if self._first is None else 2
        pointers = np.arange(0, per_row * n + 1, per_row, dtype=place.dtype)
        return csc_array((np.ones(len(place)), place, pointers), shape=(height, n))


def _sums(place: Array, values: FloatArray, size: int) -> FloatArray:
    return np.asarray(np.bincount(place, weights=values, minlength=size), dtype=np.float64)


def centred(X: FloatArray, weight: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
    """Return a C-contiguous copy of X whose columns have mean 0, and the means.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        The features.
    weight : ndarray of shape (n_rows,), default=None
        How many customers a row stands for.

    Returns
    -------
    copy : ndarray of shape (n_rows, n_features)
        X less its means.
    mean : ndarray of shape (n_features,)
        The means.
    """
    mean = X.mean(axis=0) if weight is None else (weight @ X) / weight.sum()
    copy = np.empty(X.shape)
    for low in range(0, len(X), _BLOCK):
        np.subtract(X[low : low + _BLOCK], mean, out=copy[low : low + _BLOCK])
    return copy, mean
