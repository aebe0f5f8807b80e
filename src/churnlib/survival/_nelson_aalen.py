"""Nelson and Aalen's estimate: the hazard summed up, without any assumption about its shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from churnlib._sklearn import StrOptions
from churnlib._typing import ArrayLike, FloatArray
from churnlib.numerics import StepFunction, nelson_aalen, normal_quantile
from churnlib.survival._curve_model import Curve, CurveModel
from churnlib.survival._stretch import Stretch

__all__ = ["NelsonAalen"]


@dataclass(frozen=True, slots=True, eq=False)
class _HazardCurve(Curve):
    """A cumulative hazard with the sums of its variance."""

    variance: StepFunction

    def bounds(self, begin: FloatArray, end: FloatArray, *, kind: str, confidence: float) -> FloatArray:
        """Return low and high of ``H(end) - H(begin)``, stacked on axis 1: shape (m, 2, T)."""
        hazard = np.concatenate([[0.0], -self.log_survival.values])
        variance = np.concatenate([[0.0], self.variance.values])
        first, last = np.broadcast_arrays(self.passed(begin), self.passed(end))
        rise = hazard[last] - hazard[first]
        error = normal_quantile(confidence) * np.sqrt(np.maximum(variance[last] - variance[first], 0.0))
        none = rise <= 0
        at_risk = np.ones(rise.shape)
        at_risk[none] = self.fewest(first[none], last[none])
        with np.errstate(divide="ignore", invalid="ignore"):
            if kind == "log":
                low, high = rise * np.exp(-error / rise), rise * np.exp(error / rise)
            else:
                low, high = np.maximum(rise - error, 0.0), rise + error
            # What the bound of Clopper and Pearson says of a share of 1, said of its hazard.
            untouched = -np.log((1 - confidence) / 2) / at_risk
        return np.stack([np.where(none, 0.0, low), np.where(none, untouched, high)], axis=1)


class NelsonAalen(CurveModel):
    """Estimate the cumulative hazard at each tenure, for everybody or for each stratum.

    The slope of the curve is the hazard: where it is steep, many of those still here leave. It
    assumes only that those lost from sight, and those watched from a later tenure on, leave like
    those who are watched. Several causes of leaving count as one.

    Parameters
    ----------
    strata : str, sequence of str or None, default=None
        Columns of X by which customers are told apart, each combination of their values with a curve of
        its own. None: one curve for everybody; then nothing of X is looked at but
        its number of rows, and ``fit(None, y)`` will do.
    min_at_risk : int, default=1
        With delayed entry, how many customers must be at risk where a curve starts. It is then
        the curve of those who have reached that tenure, ``support_[0]``, and a warning says so.
    interval : {"log", "plain"}, default="log"
        On which scale the error of H is taken as normal.
    beyond : {"raise", "nan", "hold", "extrapolate"}, default="raise"
        What to say of tenures at which nobody of the stratum was watched: an error, NaN, the last value, or
        (``"extrapolate"``) the mean hazard of the last tenth of the tenures that were watched goes on. Such a
        tail has no interval.

    Attributes
    ----------
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
    KaplanMeier : the share still here.

    Notes
    -----
    ``H(t) = Σ d_j / n_j`` over the times up to t, with d leaving and n at risk, and its variance is ``Σ d_j / n_j²``
    (Aalen 1978, Ann. Stat. 6, 701-726). The survival function that goes with it is ``exp(-H)``
    (Breslow, Fleming and Harrington), which lies above Kaplan and Meier's and never reaches 0. Weights count
    as so many customers.

    Examples
    --------
    >>> import churnlib as cl
    >>> y = cl.survival_target([1, 0, 1, 1, 0, 0], [2, 3, 4, 4, 6, 8])
    >>> model = NelsonAalen().fit(None, y)
    >>> model.predict_cumulative_hazard(None, [2, 4]).round(3)
    array([[0.167, 0.667]])
    """

    _causes: ClassVar[Any] = "pooled"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CurveModel._parameter_constraints,
        "interval": [StrOptions({"log", "plain"})],
    }

    def __init__(
        self,
        *,
        strata: str | Sequence[str] | None = None,
        min_at_risk: int = 1,
        interval: str = "log",
        beyond: str = "raise",
    ) -> None:
        self.strata = strata
        self.min_at_risk = min_at_risk
        self.interval = interval
        self.beyond = beyond

    def _curve(self, stretch: Stretch) -> _HazardCurve:
        table, hazard = stretch.table, nelson_aalen(stretch.table)
        terms = np.divide(table.left, table.at_risk**2, out=np.zeros(len(table.times)), where=table.left > 0)
        variance = StepFunction(table.times, np.cumsum(terms), 0.0)
        survival = StepFunction(table.times, np.exp(-hazard.values), 1.0)
        log_survival = StepFunction(table.times, -hazard.values, 0.0)
        return _HazardCurve(stretch.start, stretch.end, table, survival, log_survival, variance)

    @property
    def table_(self) -> pd.DataFrame:
        """The curves with their 95 % intervals, see `curve_table`."""
        return self.curve_table()

    def curve_table(self, *, confidence: float = 0.95) -> pd.DataFrame:
        """Tabulate the curve of each stratum.

        Parameters
        ----------
        confidence : float, default=0.95
            The share of samples whose interval shall hold the true H at a time fixed beforehand.

        Returns
        -------
        DataFrame
            A row for each stratum and time at which observation of somebody ended: ``stratum`` ("all", its value,
            or a tuple of its values), ``time``, ``at_risk``, ``events``, ``censored``,
            ``cumulative_hazard``, ``standard_error``, ``low``, ``high``.

        Examples
        --------
        >>> import churnlib as cl
        >>> y = cl.survival_target([1, 0, 1], [2, 3, 4])
        >>> NelsonAalen().fit(None, y).curve_table()[["time", "cumulative_hazard", "standard_error"]].round(3)
           time  cumulative_hazard  standard_error
        0   2.0              0.333           0.333
        1   3.0              0.333           0.333
        2   4.0              1.333           1.054
        """

        def tabulate(curve: _HazardCurve) -> dict[str, FloatArray]:
            table = curve.table
            window = np.array([[curve.start]]), table.times[None, :]
            bounds = curve.bounds(*window, kind=self.interval, confidence=confidence)
            return {
                "time": table.times,
                "at_risk": table.at_risk,
                "events": table.left,
                "censored": table.censored,
                "cumulative_hazard": -curve.log_survival.values,
                "standard_error": np.sqrt(curve.variance.values),
                "low": bounds[0, 0],
                "high": bounds[0, 1],
            }

        return self._tabulated(tabulate)

    def predict_cumulative_hazard_interval(
        self,
        X: Any,
        times: ArrayLike | None = None,
        *,
        given: ArrayLike | str | None = None,
        confidence: float = 0.95,
    ) -> tuple[FloatArray, FloatArray]:
        """Return an interval for the cumulative hazard at each time.

        Parameters
        ----------
        X : frame, array or None
            A row for each customer; the columns of the strata, if there are any.
        times : array-like of shape (n_times,), default=None
            As in `predict_survival_function`.
        given : float, array-like of shape (n_rows,), or str, default=None
            As in `predict_survival_function`.
        confidence : float, default=0.95
            The share of samples whose interval shall hold the truth, at each time by itself.

        Returns
        -------
        lower, upper : ndarrays of shape (n_rows, n_times)
            Bounds of the hazard summed up from `given` to ``given + t``, at least 0.

        Raises
        ------
        HistoryError
            If a time lies beyond ``support_`` and ``beyond="raise"``.
        ParameterError
            If the confidence is not between 0 and 1, or times and `given` cannot be read.

        Examples
        --------
        >>> import churnlib as cl
        >>> y = cl.survival_target([1, 0, 1, 1, 0, 0], [2, 3, 4, 4, 6, 8])
        >>> lower, upper = NelsonAalen().fit(None, y).predict_cumulative_hazard_interval(None, [4])
        >>> lower.round(3), upper.round(3)
        (array([[0.211]]), array([[2.104]]))
        """
        data, ahead, start = self._asked(X, times, given)

        def bounds(curve: _HazardCurve, begin: FloatArray, end: FloatArray) -> FloatArray:
            return curve.bounds(begin, end, kind=self.interval, confidence=confidence)

        both = self._answered_in_blocks(data, ahead, start, bounds, 2)
        return both[:, 0], both[:, 1]
