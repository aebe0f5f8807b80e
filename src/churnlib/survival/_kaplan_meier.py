"""Kaplan and Meier's curve: the share still here, without any assumption about its shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from churnlib._checks import check_number
from churnlib._sklearn import StrOptions, check_is_fitted
from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import ParameterError, message
from churnlib.numerics import StepFunction, greenwood, normal_quantile, product_limit
from churnlib.numerics._product_limit import greenwood_terms
from churnlib.survival._bounds import INTERVALS, share_bounds
from churnlib.survival._curve_model import Curve, CurveModel
from churnlib.survival._stretch import Stretch

__all__ = ["KaplanMeier"]


@dataclass(frozen=True, slots=True, eq=False)
class _SurvivalCurve(Curve):
    """A Kaplan–Meier curve with Greenwood's sums."""

    greenwood: StepFunction

    def bounds(self, begin: FloatArray, end: FloatArray, *, kind: str, confidence: float) -> FloatArray:
        """Return low and high of ``S(end | begin)``, stacked on axis 1: shape (m, 2, T)."""
        survival, variance = self.shares(), np.concatenate([[0.0], self.greenwood.values])
        dead = len(survival) - int((survival == 0).sum())  # the first position at which nobody is left
        first, last = np.broadcast_arrays(self.passed(begin), self.passed(end))
        # Where the curve is 0 the bound from before holds on: later survival is not higher.
        at = np.minimum(last, dead - 1)
        known = first < dead
        first = np.where(known, first, at)
        share = survival[at] / survival[first]
        at_risk = np.ones(share.shape)
        whole = share >= 1
        at_risk[whole] = self.fewest(first[whole], at[whole])
        low, high = share_bounds(share, variance[at] - variance[first], at_risk, kind=kind, confidence=confidence)
        low = np.where(last >= dead, 0.0, low)
        return np.where(known[:, None, :], np.stack([low, high], axis=1), np.nan)

    def mean(self, begin: float, end: float) -> tuple[float, float, float]:
        """Return mean and standard deviation of the time stayed in a span, and the standard error of that mean."""
        since, until = np.array([begin]), np.array([end])
        mean = float(self.area(since, until)[0])
        inside = self.table.between(begin, end)
        terms = greenwood_terms(inside)
        rest = mean - self.area(since, inside.times)
        finite = np.isfinite(terms)  # once nobody is left, nothing is added to the area
        # The mean of the square is twice the area under u S(u), with u counted from `begin`.
        knots = np.concatenate([since, inside.times, until]) - begin
        shares = self.shares()[np.concatenate([self.passed(since), self.passed(inside.times)])]
        square = float((np.diff(knots**2) * shares).sum()) / shares[0]
        spread = np.sqrt(max(square - mean**2, 0.0))
        return mean, float(spread), float(np.sqrt((rest[finite] ** 2 * terms[finite]).sum()))


class KaplanMeier(CurveModel):
    """Estimate the share still here at each tenure, for everybody or for each stratum.

    It assumes only that those lost from sight, and those watched from a later tenure on, leave like
    those who are watched. Several causes of leaving count as one: of one cause alone
    ``1 - S`` would overstate who leaves by it, which is what `AalenJohansen` is for.

    Parameters
    ----------
    strata : str, sequence of str or None, default=None
        Columns of X by which customers are told apart, each combination of their values with a curve of
        its own. None: one curve for everybody; then nothing of X is looked at but
        its number of rows, and ``fit(None, y)`` will do.
    min_at_risk : int, default=1
        With delayed entry, how many customers must be at risk where a curve starts. It is then
        the curve of those who have reached that tenure, ``support_[0]``, and a warning says so.
    interval : {"log-log", "log", "plain"}, default="log-log"
        On which scale the error of S is taken as normal.
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
    NelsonAalen : the hazard summed up.
    AalenJohansen : incidence by cause.

    Notes
    -----
    ``S(t) = Π (1 - d_j / n_j)`` over the times up to t, with d leaving and n at risk; those censored
    at a time of departures are at risk there. Its variance is Greenwood's. Weights
    count as so many customers. Given a tenure s, ``S(s + t | s) = S(s + t) / S(s)``, and only the error made
    after s counts. Where nobody has left yet the lower bound is that of Clopper and
    Pearson, and where nobody is left the upper bound is that from before; other packages give no bound there.

    Examples
    --------
    >>> import churnlib as cl
    >>> y = cl.survival_target([1, 0, 1, 1, 0, 0], [2, 3, 4, 4, 6, 8])
    >>> model = KaplanMeier().fit(None, y)
    >>> model.table_[["time", "at_risk", "events", "survival"]].round(3)
       time  at_risk  events  survival
    0   2.0      6.0     1.0     0.833
    1   3.0      5.0     0.0     0.833
    2   4.0      4.0     2.0     0.417
    3   6.0      2.0     0.0     0.417
    4   8.0      1.0     0.0     0.417
    >>> model.predict_survival_function(None, [3, 8]).round(3)
    array([[0.833, 0.417]])

    Of a customer who has been here for 2, within the next 3:

    >>> model.predict_churn_probability(None, 3, given=2)
    array([0.5])
    """

    _causes: ClassVar[Any] = "pooled"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CurveModel._parameter_constraints,
        "interval": [StrOptions(set(INTERVALS))],
    }

    def __init__(
        self,
        *,
        strata: str | Sequence[str] | None = None,
        min_at_risk: int = 1,
        interval: str = "log-log",
        beyond: str = "raise",
    ) -> None:
        self.strata = strata
        self.min_at_risk = min_at_risk
        self.interval = interval
        self.beyond = beyond

    def _curve(self, stretch: Stretch) -> _SurvivalCurve:
        survival, sums = product_limit(stretch.table), greenwood(stretch.table)
        with np.errstate(divide="ignore"):
            log_survival = StepFunction(survival.times, np.log(survival.values), 0.0)
        return _SurvivalCurve(stretch.start, stretch.end, stretch.table, survival, log_survival, sums)

    @property
    def table_(self) -> pd.DataFrame:
        """The curves with their 95 % intervals, see `curve_table`."""
        return self.curve_table()

    def curve_table(self, *, confidence: float = 0.95) -> pd.DataFrame:
        """Tabulate the curve of each stratum.

        Parameters
        ----------
        confidence : float, default=0.95
            The share of samples whose interval shall hold the true S at a time fixed beforehand.

        Returns
        -------
        DataFrame
            A row for each stratum and time at which observation of somebody ended: ``stratum`` ("all", its value,
            or a tuple of its values), ``time``, ``at_risk``, ``events``, ``censored``,
            ``survival``, ``standard_error`` (NaN where nobody is left), ``low``, ``high``.

        Examples
        --------
        >>> import churnlib as cl
        >>> plan = pd.DataFrame({"plan": ["a", "a", "b", "b"]})
        >>> model = KaplanMeier(strata="plan").fit(plan, cl.survival_target([1, 0, 1, 1], [1, 2, 2, 3]))
        >>> model.curve_table()[["stratum", "time", "survival"]]
          stratum  time  survival
        0       a   1.0       0.5
        1       a   2.0       0.5
        2       b   2.0       0.5
        3       b   3.0       0.0
        """

        def tabulate(curve: _SurvivalCurve) -> dict[str, FloatArray]:
            table, survival = curve.table, curve.survival.values
            bounds = curve.bounds(
                np.array([[curve.start]]), table.times[None, :], kind=self.interval, confidence=confidence
            )
            with np.errstate(invalid="ignore"):  # 0 times infinity: nobody is left
                error = survival * np.sqrt(curve.greenwood.values)
            return {
                "time": table.times,
                "at_risk": table.at_risk,
                "events": table.left,
                "censored": table.censored,
                "survival": survival,
                "standard_error": error,
                "low": bounds[0, 0],
                "high": bounds[0, 1],
            }

        return self._tabulated(tabulate)

    def predict_survival_interval(
        self,
        X: Any,
        times: ArrayLike | None = None,
        *,
        given: ArrayLike | str | None = None,
        confidence: float = 0.95,
    ) -> tuple[FloatArray, FloatArray]:
        """Return an interval for the chance to be still here at each time.

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
            Bounds of ``P(T > given + t | T > given)``, in [0, 1]. They speak of the share of
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
        >>> y = cl.survival_target([1, 0, 1, 1, 0, 0], [2, 3, 4, 4, 6, 8])
        >>> lower, upper = KaplanMeier().fit(None, y).predict_survival_interval(None, [4])
        >>> lower.round(3), upper.round(3)
        (array([[0.056]]), array([[0.767]]))
        """
        data, ahead, start = self._asked(X, times, given)

        def bounds(curve: _SurvivalCurve, begin: FloatArray, end: FloatArray) -> FloatArray:
            return curve.bounds(begin, end, kind=self.interval, confidence=confidence)

        both = self._answered_in_blocks(data, ahead, start, bounds, 2)
        return both[:, 0], both[:, 1]

    def restricted_mean_table(
        self, until: float | None = None, *, given: float | None = None, confidence: float = 0.95
    ) -> pd.DataFrame:
        """Tabulate how long customers of each stratum stay on average, within a limit.

        Parameters
        ----------
        until : float, default=None
            How far to look, counted from `given`, above 0. None: as far as all curves go.
        given : float, default=None
            The tenure they have reached. None: where their curve starts, which is 0 unless entries are delayed.
        confidence : float, default=0.95
            The share of samples whose interval shall hold the true mean.

        Returns
        -------
        DataFrame
            A row for each stratum: ``stratum``, ``given``, ``until``, ``mean``, ``standard_error``, ``low``,
            ``high``, and ``standard_deviation``, which is that of the customers' times (restricted to `until`)
            and no error of their mean.

        Raises
        ------
        HistoryError
            If a curve does not go so far.
        ParameterError
            If `until` is not above 0.

        Notes
        -----
        The mean is the area under S. Its variance is ``Σ A_j² d_j / (n_j (n_j - d_j))``, where A_j is the area
        under S from t_j to the limit (Klein and Moeschberger 2003, Survival Analysis, 2nd ed., section 4.5).

        Examples
        --------
        >>> import churnlib as cl
        >>> y = cl.survival_target([1, 0, 1, 1, 0, 0], [2, 3, 4, 4, 6, 8])
        >>> KaplanMeier().fit(None, y).restricted_mean_table(6)[["until", "mean", "standard_error"]].round(3)
           until  mean  standard_error
        0    6.0   4.5           0.618
        """
        z = normal_quantile(confidence)
        check_is_fitted(self)
        if until is None:
            until = min(curve.end - (curve.start if given is None else given) for curve in self.curves_)
        if not check_number(until, name="until", low=0) > 0:
            raise ParameterError(message("until is 0", "how far to look, above 0", "until=365"))

        def tabulate(curve: _SurvivalCurve) -> dict[str, list[float]]:
            since = self._since(curve, given, until)
            mean, spread, error = curve.mean(since, since + until)
            low, high = max(mean - z * error, 0.0), min(mean + z * error, until)
            if error == 0:  # nobody has left, so the area is at least that under the curve's lower bound at the end
                window = np.array([[since]]), np.array([[since + until]])
                low = until * float(curve.bounds(*window, kind=self.interval, confidence=confidence)[0, 0, 0])
            values = {"given": since, "until": until, "mean": mean, "standard_error": error, "low": low, "high": high}
            return {name: [float(value)] for name, value in (values | {"standard_deviation": spread}).items()}

        return self._tabulated(tabulate)

    def quantile_table(
        self, shares: ArrayLike = (0.25, 0.5, 0.75), *, given: float | None = None, confidence: float = 0.95
    ) -> pd.DataFrame:
        """Tabulate after which time a share of the customers of each stratum has left; half of them gives the median.

        Parameters
        ----------
        shares : array-like of float, default=(0.25, 0.5, 0.75)
            Which shares, between 0 and 1.
        given : float, default=None
            The tenure they have reached. None: where their curve starts, which is 0 unless entries are delayed.
        confidence : float, default=0.95
            The share of samples whose interval shall hold the true quantile.

        Returns
        -------
        DataFrame
            A row for each stratum and share: ``stratum``, ``share``, ``time``, ``low``, ``high``, counted from `given`;
            infinite where the curve, or its bound, does not come down so far.

        Raises
        ------
        HistoryError
            If `given` lies outside a curve.
        ParameterError
            If a share is not between 0 and 1.

        Notes
        -----
        The bounds are the times at which the bounds of S come down to ``1 - share`` (Brookmeyer and Crowley 1982,
        Biometrics 38, 29-41).

        Examples
        --------
        >>> import churnlib as cl
        >>> y = cl.survival_target([1, 0, 1, 1, 0, 0], [2, 3, 4, 4, 6, 8])
        >>> KaplanMeier().fit(None, y).quantile_table([0.5])
          stratum  share  time  low  high
        0     all    0.5   4.0  2.0   inf
        """
        wanted = [check_number(float(share), name="shares", low=0, high=1) for share in np.atleast_1d(shares)]

        def tabulate(curve: _SurvivalCurve) -> dict[str, Any]:
            since = self._since(curve, given)
            times = curve.table.times[curve.passed(since) :]
            bounds = curve.bounds(np.array([[since]]), times[None, :], kind=self.interval, confidence=confidence)
            later = np.append(times - since, np.inf)
            found: dict[str, Any] = {"share": wanted}
            found["time"] = [float(curve.quantile(np.array(since), share)) for share in wanted]
            for name, bound in zip(("low", "high"), bounds[0], strict=True):
                below = [np.append(bound <= (1 - share) * (1 + 1e-12), True) for share in wanted]
                found[name] = [float(later[np.argmax(reached)]) for reached in below]
            return found

        return self._tabulated(tabulate)
