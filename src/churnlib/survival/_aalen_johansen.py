"""Aalen and Johansen's estimate: who has left by which cause, where the causes compete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from churnlib._sklearn import StrOptions
from churnlib._typing import ArrayLike, FloatArray
from churnlib.numerics import RiskTable, StepFunction, product_limit
from churnlib.survival._bounds import INTERVALS, share_bounds
from churnlib.survival._curve_model import Curve, CurveModel
from churnlib.survival._stretch import Stretch

__all__ = ["AalenJohansen"]


@dataclass(frozen=True, slots=True, eq=False)
class _IncidenceCurve(Curve):
    """Survival, and the incidence of each cause: shape (n_causes, 1 + n_times), from before the first time on."""

    incidence: FloatArray

    def ahead(self, begin: FloatArray, end: FloatArray) -> FloatArray:
        """Return the incidence from `begin` to `end` among those still here at `begin`: shape (m, K, T)."""
        first, last = self.passed(begin), self.passed(end)
        rise = self.incidence[:, last] - self.incidence[:, first]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.moveaxis(np.clip(rise / self.shares()[first], 0.0, 1.0), 0, 1)

    def variance_ahead(self, begin: FloatArray, end: FloatArray, *, kind: str) -> FloatArray:
        """Return the variance of what `ahead` returns.

        It is a sum over the times ``t_j`` up to ``t = end`` of
        ``(F(t) - F(t_j))² a_j + S(t_j-)² b_j - 2 (F(t) - F(t_j)) S(t_j-) c_j``. Multiplied out, each
        part is F(t) or its square times a running sum, so that any begin and end cost two look-ups.
        """
        first, last = np.broadcast_arrays(self.passed(begin), self.passed(end))
        shares = self.shares()
        a, b, c = _TERMS[kind](self.table)
        F, before = self.incidence[:, 1:], shares[:-1]
        parts = (np.broadcast_to(a, F.shape), F * a, F**2 * a + before**2 * b, before * c, F * before * c)
        sums = (np.concatenate([np.zeros((len(F), 1)), np.cumsum(part, axis=1)], axis=1) for part in parts)
        a0, a1, rest, c0, c1 = (total[:, last] - total[:, first] for total in sums)
        reached = self.incidence[:, last]
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = (reached**2 * a0 - 2 * reached * a1 + rest - 2 * (reached * c0 - c1)) / shares[first] ** 2
        return np.moveaxis(np.maximum(variance, 0.0), 0, 1)

    def bounds(self, begin: FloatArray, end: FloatArray, *, kind: str, confidence: float, variance: str) -> FloatArray:
        """Return the bounds of what `ahead` returns, low and high of each cause in turn: shape (m, 2 K, T)."""
        incidence = self.ahead(begin, end)
        error = self.variance_ahead(begin, end, kind=variance)
        first, last = np.broadcast_arrays(self.passed(begin), self.passed(end))
        inside = (incidence > 0) & (incidence < 1)
        share = np.where(inside, incidence, 1.0)
        relative = np.where(inside, error / share**2, 0.0)
        ends = ~inside.all(axis=1) & (first <= last)
        at_risk = np.ones(first.shape)
        at_risk[ends] = self.fewest(first[ends], last[ends])
        low, high = share_bounds(share, relative, at_risk[:, None, :], kind=kind, confidence=confidence)
        # Where nobody has left by the cause its bound is what that of a survival of 1 leaves.
        low, high = np.where(incidence > 0, low, 0.0), np.where(incidence > 0, high, 1 - low)
        both = np.stack([low, high], axis=2).reshape(len(low), -1, low.shape[2])
        return np.where(np.isnan(incidence).any(axis=1, keepdims=True), np.nan, both)


def _delta_terms(table: RiskTable) -> tuple[FloatArray, FloatArray, FloatArray]:
    n, d, by_cause = table.at_risk, table.left, table.events
    return _over(d, n * (n - d)), _over(by_cause * (n - by_cause), n**3), _over(by_cause, n**2)


def _aalen_terms(table: RiskTable) -> tuple[FloatArray, FloatArray, FloatArray]:
    n, d, by_cause = table.at_risk, table.left, table.events
    return (
        _over(d, (n - 1) * (n - d)),
        _over(by_cause * (n - by_cause), n**2 * (n - 1)),
        _over(by_cause * (n - by_cause), n * (n - d) * (n - 1)),
    )


def _over(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Divide, leaving out the terms that divide by nothing: after them the incidence no longer changes."""
    share = np.zeros(part.shape)
    np.divide(part, whole, out=share, where=np.broadcast_to(whole > 0, part.shape))
    return share


_TERMS = {"delta": _delta_terms, "aalen": _aalen_terms}


class AalenJohansen(CurveModel):
    """Estimate the share that has left by each cause at each tenure, for everybody or for each stratum.

    Who has left by one cause can no longer leave by another. Taking the other causes for
    censoring, as a Kaplan–Meier curve of one cause does, says how many would leave by it if nobody left
    otherwise: always more than do. Ties are counted as they are, in whatever number and mixture of causes.

    Parameters
    ----------
    causes : sequence of str, default=None
        Names of the causes, in the order of their codes 1, 2, … in the target. None: the codes.
    strata : str, sequence of str or None, default=None
        Columns of X by which customers are told apart, each combination of their values with curves of
        its own. None: the same curves for everybody; then nothing of X is looked at but
        its number of rows, and ``fit(None, y)`` will do.
    min_at_risk : int, default=1
        With delayed entry, how many customers must be at risk where a curve starts. It is then
        the curve of those who have reached that tenure, ``support_[0]``, and a warning says so.
    interval : {"log-log", "log", "plain"}, default="log-log"
        On which scale the error of an incidence is taken as normal.
    variance : {"delta", "aalen"}, default="delta"
        How the error is estimated; see the notes.
    beyond : {"raise", "nan", "hold", "extrapolate"}, default="raise"
        What to say of tenures at which nobody of the stratum was watched: an error, NaN, the last value, or
        (``"extrapolate"``) the mean hazard of the last tenth of the tenures that were watched goes on. Such a
        tail has no interval.

    Attributes
    ----------
    causes_ : tuple
        The names or codes of the causes.
    table_ : DataFrame
        The curves, see `curve_table`.
    times_ : ndarray
        Tenures at which somebody left, as far as the curves of all strata are known.
    support_ : tuple of float
        The first and the last tenure of which a curve speaks.
    strata_ : Strata
        The combinations that were seen, with their ``labels``.

    See Also
    --------
    KaplanMeier : the share still here, all causes counting as one.

    Notes
    -----
    ``F_k(t) = Σ S(t_j-) d_kj / n_j`` over the times up to t (Aalen and Johansen 1978, Scand. J. Stat. 5, 141-150), with
    S the Kaplan–Meier curve of all causes; so the incidences and S make 1. With
    ``a = d / (n (n - d))``, ``b = d_k (n - d_k) / n³`` and ``c = d_k / n²`` the variance of F_k(t) is
    ``Σ (F_k(t) - F_k(t_j))² a_j + S(t_j-)² b_j - 2 (F_k(t) - F_k(t_j)) S(t_j-) c_j``
    under "delta" (Dinse and Larson 1986, Biometrika 73, 379-386); under "aalen"
    ``a = d / ((n - 1) (n - d))``, ``b = d_k (n - d_k) / (n² (n - 1))`` and ``c = d_k (n - d_k) / (n (n - d) (n - 1))``
    (Choudhury 2002, Stat. Med. 21, 1129-1144), which is greater where few are at risk.
    Weights count as so many customers.

    Examples
    --------
    >>> import churnlib as cl
    >>> why = ["price", None, "moved", "price", None, None]
    >>> y = cl.survival_target(why, [2, 3, 4, 4, 6, 8], causes=["price", "moved"])
    >>> model = AalenJohansen(causes=["price", "moved"]).fit(None, y)
    >>> model.predict_cumulative_incidence(None, [2, 4]).round(3)
    array([[[0.167, 0.375],
            [0.   , 0.208]]])

    Of a customer who has been here for 2, by price within the next 3:

    >>> model.predict_churn_probability(None, 3, given=2, cause="price")
    array([0.25])
    """

    _causes: ClassVar[Any] = "each"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CurveModel._parameter_constraints,
        "causes": ["array-like", None],
        "interval": [StrOptions(set(INTERVALS))],
        "variance": [StrOptions(set(_TERMS))],
    }

    def __init__(
        self,
        *,
        causes: Sequence[str] | None = None,
        strata: str | Sequence[str] | None = None,
        min_at_risk: int = 1,
        interval: str = "log-log",
        variance: str = "delta",
        beyond: str = "raise",
    ) -> None:
        self.causes = causes
        self.strata = strata
        self.min_at_risk = min_at_risk
        self.interval = interval
        self.variance = variance
        self.beyond = beyond

    def _curve(self, stretch: Stretch) -> _IncidenceCurve:
        table, survival = stretch.table, product_limit(stretch.table)
        with np.errstate(divide="ignore"):
            log_survival = StepFunction(survival.times, np.log(survival.values), 0.0)
        before = np.concatenate([[1.0], survival.values[:-1]])
        jumps = before * _over(table.events, table.at_risk)
        incidence = np.concatenate([np.zeros((len(jumps), 1)), np.cumsum(jumps, axis=1)], axis=1)
        return _IncidenceCurve(stretch.start, stretch.end, table, survival, log_survival, incidence)

    def _incidence_ahead(self, X: Any, ahead: FloatArray, start: FloatArray | None) -> FloatArray:
        return self._answered(X, ahead, start, lambda curve, begin, end: curve.ahead(begin, end), len(self.causes_))

    @property
    def table_(self) -> pd.DataFrame:
        """The curves with their 95 % intervals, see `curve_table`."""
        return self.curve_table()

    def curve_table(self, *, confidence: float = 0.95) -> pd.DataFrame:
        """Tabulate the incidence of each cause in each stratum.

        Parameters
        ----------
        confidence : float, default=0.95
            The share of samples whose interval shall hold the true incidence at a time fixed beforehand.

        Returns
        -------
        DataFrame
            A row for each stratum, cause and time at which observation of somebody ended: ``stratum`` ("all",
            its value, or a tuple of its values), ``cause``, ``time``, ``at_risk``, ``events`` (of this cause),
            ``censored``, ``survival`` (of all causes), ``incidence``, ``standard_error``, ``low``, ``high``.

        Examples
        --------
        >>> import churnlib as cl
        >>> y = cl.survival_target([1, 0, 2, 1], [2, 3, 4, 4], causes=["price", "moved"])
        >>> AalenJohansen().fit(None, y).curve_table()[["cause", "time", "survival", "incidence"]]
           cause  time  survival  incidence
        0      1   2.0      0.75      0.250
        1      1   3.0      0.75      0.250
        2      1   4.0      0.00      0.625
        3      2   2.0      0.75      0.000
        4      2   3.0      0.75      0.000
        5      2   4.0      0.00      0.375
        """

        def tabulate(curve: _IncidenceCurve) -> dict[str, Any]:
            table, n_causes = curve.table, len(self.causes_)
            window = np.array([[curve.start]]), table.times[None, :]
            bounds = curve.bounds(*window, kind=self.interval, confidence=confidence, variance=self.variance)[0]
            error = np.sqrt(curve.variance_ahead(*window, kind=self.variance))[0]
            shared = {"time": table.times, "at_risk": table.at_risk}
            of_all = {"censored": table.censored, "survival": curve.survival.values}
            return {
                "cause": pd.Series(self.causes_).repeat(len(table.times)).to_numpy(),
                **{name: np.tile(values, n_causes) for name, values in shared.items()},
                "events": table.events.ravel(),
                **{name: np.tile(values, n_causes) for name, values in of_all.items()},
                "incidence": curve.incidence[:, 1:].ravel(),
                "standard_error": error.ravel(),
                "low": bounds[::2].ravel(),
                "high": bounds[1::2].ravel(),
            }

        return self._tabulated(tabulate)

    def predict_incidence_interval(
        self,
        X: Any,
        times: ArrayLike | None = None,
        *,
        given: ArrayLike | str | None = None,
        confidence: float = 0.95,
    ) -> tuple[FloatArray, FloatArray]:
        """Return an interval for the chance to have left by each time, by cause.

        Parameters
        ----------
        X : frame, array or None
            A row for each customer; the columns of the strata, if there are any.
        times : array-like of shape (n_times,), default=None
            As in `predict_survival_function`.
        given : float, array-like of shape (n_rows,), or str, default=None
            As in `predict_survival_function`.
        confidence : float, default=0.95
            The share of samples whose interval shall hold the truth, at each time and for each cause by itself.

        Returns
        -------
        lower, upper : ndarrays of shape (n_rows, n_causes, n_times)
            In [0, 1], causes in the order of ``causes_``. They speak of the share of
            customers like these, and not of the fate of one of them.

        Raises
        ------
        HistoryError
            If a time lies beyond ``support_`` and ``beyond="raise"``.
        ParameterError
            If the confidence is not between 0 and 1, or times and `given` cannot be read.

        Examples
        --------
        >>> import churnlib as cl
        >>> y = cl.survival_target([1, 0, 2, 1, 0, 0], [2, 3, 4, 4, 6, 8], causes=["price", "moved"])
        >>> lower, upper = AalenJohansen().fit(None, y).predict_incidence_interval(None, [4])
        >>> lower.round(3), upper.round(3)
        (array([[[0.047],
            [0.009]]]), array([[[0.73 ],
            [0.595]]]))
        """
        data, ahead, start = self._asked(X, times, given)

        def bounds(curve: _IncidenceCurve, begin: FloatArray, end: FloatArray) -> FloatArray:
            return curve.bounds(begin, end, kind=self.interval, confidence=confidence, variance=self.variance)

        both = self._answered_in_blocks(data, ahead, start, bounds, 2 * len(self.causes_))
        return both[:, ::2], both[:, 1::2]
