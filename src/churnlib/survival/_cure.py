"""Some never leave: who they are likely to be, and when the others leave."""

from __future__ import annotations

import numbers
import warnings
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from churnlib._sklearn import Interval, StrOptions, check_is_fitted
from churnlib._typing import ArrayLike, BoolArray, FloatArray
from churnlib.exceptions import AssumptionWarning, DataError, message, some
from churnlib.numerics import Optimum, minimise, normal_quantile
from churnlib.survival._ask import read_given
from churnlib.survival._cure_likelihood import CureLikelihood, log_staying
from churnlib.survival._follow_up import FollowUp, followup_of
from churnlib.survival._hazard_model import HazardModel, len_of
from churnlib.survival._log_time import SHAPES, log_survival_at
from churnlib.targets import SurvivalRows

__all__ = ["CureModel"]

_FARTHEST = 30.0
"""Log-odds of ± 30 are shares of 1e-13: a maximum there lies at infinity."""
_NOBODY = 1e-4
_FLATTEST = 1e-11
_PARTS = ("never leaves", "time to leave")


class CureModel(HazardModel):
    """Mixture of customers who never leave and customers who leave at some time.

    Survival curves of customers often end in a plateau: a share of them stays for as long as
    anybody looked. The chance to be one who *never leaves* is logistic in the features;
    the time at which the others leave has a logarithm that is linear in the features, with errors of a
    chosen shape. A model without such a share lets everybody leave in the end, and is wrong about the
    plateau, and then about all that is added up to it.

    Nothing in the data tells a customer who never leaves from one who leaves later than anybody was
    watched. The share stands on the plateau, so the model checks whether the plateau
    is long enough to be one, and warns where it is not.

    Parameters
    ----------
    latency : {"weibull", "lognormal", "loglogistic"}, default="weibull"
        The shape of the time to leave. Compare ``aic_`` of several.
    l2 : float, default=0.0
        Weight of half the sum of squared slopes, of standardised features; intercepts and scale go
        free. Intervals then are those of a penalised fit, too narrow by what is shrunk away.
    tol : float, default=1e-9
        Converged when Newton's decrement is at most this, in units of the log-likelihood.
    max_iter : int, default=100
        Steps of Newton at most.
    beyond : {"raise", "nan", "hold", "extrapolate"}, default="raise"
        What to do about times that nobody was watched at. ``"extrapolate"`` trusts the plateau
        and the shape.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Change of the log-odds to *never leave*; positive stays.
    intercept_ : float
        Their log-odds where all features are 0.
    latency_coef_ : ndarray of shape (n_features,)
        Change of log time to leave, of those who do; positive leaves later.
    latency_intercept_ : float
        Location of log time where all features are 0.
    scale_ : float
        Scale of log time; with "weibull" the shape of the distribution is ``1 / scale_``.
    cure_fraction_ : float
        Mean chance to never leave, over the rows of the fit.
    follow_up_ : FollowUp
        How long customers were watched after the last churn; see `followup_check`.
    loglik_, aic_ : float
        Log-likelihood, in the unit of the target, and Akaike's criterion.
    covariance_ : ndarray of shape (2 n_features + 3, 2 n_features + 3)
        Inverse of the observed information, of ``[intercept_, coef_, latency_intercept_, latency_coef_, log scale_]``;
        NaN where there is no interior maximum.
    converged_ : bool
        Whether the maximum was found.
    times_ : ndarray
        Tenures at which somebody left; the default times of predictions.

    Notes
    -----
    ``S(t | x) = p(x) + (1 − p(x)) S_u(t | x)`` with ``log p / (1 − p) = γ0 + γ'x`` and
    ``S_u(t | x) = S_0((log t − β0 − β'x) / σ)`` (Boag 1949, J. R. Stat. Soc. B 11, 15-53; Farewell 1982,
    Biometrics 38, 1041-1046). Delayed entry divides by ``S(entry | x)``. The likelihood is
    maximised by Newton's method with exact derivatives; the fixed point of the EM algorithm
    is the same.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(4_000, 1))
    >>> stays = rng.random(4_000) < expit(X[:, 0])
    >>> left = np.where(stays, np.inf, 12 * rng.weibull(1.5, 4_000))
    >>> y = survival_target(left < 60, np.minimum(left, 60))
    >>> model = CureModel().fit(X, y)
    >>> float(stays.mean().round(2)), round(model.cure_fraction_, 2), model.coef_.round(1)
    (0.5, 0.5, array([1.]))
    >>> model.follow_up_.sufficient
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "latency": [StrOptions(set(SHAPES))],
        "l2": [Interval(numbers.Real, 0, None, closed="left")],
        "tol": [Interval(numbers.Real, 0, None, closed="neither")],
        "max_iter": [Interval(numbers.Integral, 1, None, closed="left")],
    }
    _steps = False
    _own_tail = True

    coef_: FloatArray
    intercept_: float
    latency_coef_: FloatArray
    latency_intercept_: float
    scale_: float
    cure_fraction_: float
    cure_fraction_error_: float
    follow_up_: FollowUp
    loglik_: float
    aic_: float
    covariance_: FloatArray
    converged_: bool
    reason_: str
    n_iter_: int

    def __init__(
        self,
        *,
        latency: str = "weibull",
        l2: float = 0.0,
        tol: float = 1e-9,
        max_iter: int = 100,
        beyond: str = "raise",
    ) -> None:
        self.latency = latency
        self.l2 = l2
        self.tol = tol
        self.max_iter = max_iter
        self.beyond = beyond

    # ------------------------------------------------------------------ fit

    def _fit(self, X: FloatArray, rows: SurvivalRows, weight: FloatArray) -> None:
        counted = weight > 0
        X, rows, weight = X[counted], rows.take(counted), weight[counted]
        self.times_ = np.unique(rows.time[rows.observed])
        _check_spread(self.times_)
        self.follow_up_ = followup_of(rows, weight)
        centre, spread = _standard(X, weight)
        constant = spread == 0
        design = np.column_stack([np.ones(len(X)), (X - centre)[:, ~constant] / spread[~constant]])
        likelihood = CureLikelihood(design, rows, weight, self.latency, self.l2)
        start = _start(rows, weight, self.follow_up_.plateau, design.shape[1])
        found = minimise(likelihood, start, tol=self.tol, max_iter=self.max_iter, bound=_FARTHEST + np.abs(start).max())
        self._keep(found, centre, spread, X, weight)
        self._warn(found, constant)

    def _keep(self, found: Optimum, centre: FloatArray, spread: FloatArray, X: FloatArray, weight: FloatArray) -> None:
        """Turn what was found of standardised features into the coefficients of the features themselves."""
        turn = _back(centre, spread)
        point, n = turn @ found.point, len(centre)
        self.intercept_, self.coef_ = float(point[0]), point[1 : n + 1]
        self.latency_intercept_, self.latency_coef_ = float(point[n + 1]), point[n + 2 : -1]
        self.scale_ = float(np.exp(point[-1]))
        chance = np.asarray(expit(self.intercept_ + X @ self.coef_))
        self.cure_fraction_ = float(np.average(chance, weights=weight))
        bends = np.linalg.eigvalsh(found.hessian)
        determined = bool(bends[0] > _FLATTEST * bends[-1])
        self.converged_ = found.converged and determined and self.cure_fraction_ >= _NOBODY
        self.reason_ = "the features say the same twice" if found.converged and not determined else found.reason
        self.n_iter_ = found.n_iter
        slopes = found.point[1 : len(found.point) // 2] @ found.point[1 : len(found.point) // 2]
        slopes += found.point[len(found.point) // 2 + 1 : -1] @ found.point[len(found.point) // 2 + 1 : -1]
        self.loglik_ = -found.value + self.l2 * float(slopes) / 2
        self.aic_ = 2 * (len(found.point) - self.loglik_)
        self.covariance_ = np.full((len(point), len(point)), np.nan)
        if self.converged_:
            self.covariance_ = turn @ np.linalg.inv(found.hessian) @ turn.T
        bend = weight * chance * (1 - chance) / weight.sum()
        slope = np.concatenate([[bend.sum()], bend @ X])
        variance = slope @ self.covariance_[: len(slope), : len(slope)] @ slope
        self.cure_fraction_error_ = float(np.sqrt(variance))

    def _warn(self, found: Optimum, constant: BoolArray) -> None:
        if constant.any():
            names = some(np.array(self._names())[constant], 8)
            _tell(
                f"{int(constant.sum())} of {len(constant)} features are constant ({names})",
                "they tell no customer from another, and their coefficients are 0",
                "leave them out",
            )
        if not self.follow_up_.sufficient:
            _tell(
                f"the last churn was at {self.follow_up_.last_churn:g} and observation ended at "
                f"{self.follow_up_.last_seen:g} (α = {self.follow_up_.alpha:.2g})",
                "follow-up looks too short to tell who never leaves from who leaves later, so the share that never "
                "leaves rests on the assumed shape",
                "a longer history, or DiscreteTimeHazard, which says nothing about never",
            )
        if self.converged_:
            return
        if self.cure_fraction_ < _NOBODY:
            _tell(
                "the likelihood is highest where nobody stays for good",
                "a share that never leaves shows as a plateau of the Kaplan–Meier curve",
                'LifelinesModel("weibull"), or CoxModel',
            )
            return
        _tell(
            f"the likelihood has no maximum ({self.reason_}); farthest away is {self._farthest(found, constant)}",
            "a feature that parts leavers from stayers without exception has no finite coefficient, and no error",
            "l2=1.0, or leave the feature out",
        )

    def _farthest(self, found: Optimum, constant: BoolArray) -> str:
        """Name the coefficient that went farthest from 0."""
        kept = ["intercept", *(name for name, same in zip(self._names(), constant, strict=True) if not same)]
        names = [f"{name} ({part})" for part in _PARTS for name in kept]
        distance = np.abs(found.point[:-1])
        if len(kept) > 1:
            distance[[0, len(kept)]] = 0.0
        return names[int(np.argmax(distance))]

    # ------------------------------------------------------------------ predictions

    def _log_survival(self, X: FloatArray, times: FloatArray) -> FloatArray:
        odds = -(self.intercept_ + X @ self.coef_)[:, None]
        location = (self.latency_intercept_ + X @ self.latency_coef_)[:, None]
        return log_staying(odds, log_survival_at(self.latency, times, location, self.scale_))

    def predict_cure_probability(self, X: Any, *, given: ArrayLike | str | None = None) -> FloatArray:
        """Return the chance that each customer never leaves.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.
        given : float, array-like of shape (n_rows,), or str, default=None
            The tenure each customer has reached; text names a column of X. Who has stayed for
            long is the more likely never to leave. None: nothing but X is known.

        Returns
        -------
        ndarray of shape (n_rows,)
            ``p(x) / S(given | x)``, in [0, 1].

        Raises
        ------
        HistoryError
            If a tenure lies beyond ``support_`` and ``beyond="raise"``.
        ParameterError
            If `given` does not fit X.
        """
        check_is_fitted(self)
        data = self._read(X, reset=False)
        odds = self.intercept_ + data @ self.coef_
        start = read_given(given, X, len_of(data))
        if start is None:
            return np.asarray(expit(odds))
        chance = np.empty(len(odds))
        for block in self._blocks(len(odds), 1):
            reached = self._still_here(data[block], start[block, None])[:, 0]
            chance[block] = np.exp(np.minimum(-np.logaddexp(0.0, -odds[block]) - reached, 0.0))
        return chance

    def cure_fraction_interval(self, *, confidence: float = 0.95) -> tuple[float, float]:
        """Return an interval of the mean chance to never leave, over the rows of the fit.

        Parameters
        ----------
        confidence : float, default=0.95
            The coverage that the interval aims at.

        Returns
        -------
        low, high : float
            In (0, 1), made on the scale of log-odds; NaN where the fit has no errors.

        Raises
        ------
        ParameterError
            If the confidence is not between 0 and 1.
        """
        check_is_fitted(self)
        share = self.cure_fraction_
        half = normal_quantile(confidence) * self.cure_fraction_error_ / max(share * (1 - share), 1e-300)
        low, high = expit(logit(share) + np.array([-half, half]))
        return float(low), float(high)

    def summary(self, *, confidence: float = 0.95) -> pd.DataFrame:
        """Show the coefficients with their errors, from the observed information.

        Parameters
        ----------
        confidence : float, default=0.95
            The coverage that the intervals aim at.

        Returns
        -------
        DataFrame
            One row per coefficient, indexed by ``part`` ("never leaves": change of log-odds; "time to leave": change of
            log time; "scale") and ``feature``, with columns ``estimate``, ``standard_error``, ``lower`` and
            ``upper``. The interval of the scale is made on the logarithmic scale.

        Raises
        ------
        ParameterError
            If the confidence is not between 0 and 1.
        """
        check_is_fitted(self)
        half = normal_quantile(confidence)
        names = ["intercept", *self._names()]
        index = pd.MultiIndex.from_tuples(
            [(part, name) for part in _PARTS for name in names] + [("scale", "")],
            names=["part", "feature"],
        )
        estimate = np.concatenate(
            [[self.intercept_], self.coef_, [self.latency_intercept_], self.latency_coef_, [np.log(self.scale_)]]
        )
        error = np.sqrt(np.diag(self.covariance_))
        lower, upper = estimate - half * error, estimate + half * error
        for values in (estimate, lower, upper):
            values[-1] = np.exp(values[-1])
        error[-1] *= self.scale_
        return pd.DataFrame(
            {"estimate": estimate, "standard_error": error, "lower": lower, "upper": upper}, index=index
        )

    def _names(self) -> list[str]:
        given = getattr(self, "feature_names_in_", None)
        return [f"x{i}" for i in range(len(self.coef_))] if given is None else [str(name) for name in given]


def _check_spread(times: FloatArray) -> None:
    if len(times) < 2:
        raise DataError(
            message(
                f"everybody who left did so at tenure {times[0]:g}",
                "two different tenures at least: of one no distribution of the time to leave can be learned",
                "a finer unit of time, or KaplanMeier",
            )
        )


def _standard(X: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation of each feature; a deviation of 0 where it is constant."""
    total = weight.sum()
    centre = weight @ X / total
    spread = np.sqrt(weight @ (X - centre) ** 2 / total)
    spread[np.ptp(X, axis=0) == 0] = 0.0
    return centre, spread


def _start(rows: SurvivalRows, weight: FloatArray, plateau: float, k: int) -> FloatArray:
    left = rows.observed
    logs = np.log(rows.time[left])
    mean = np.average(logs, weights=weight[left])
    spread = np.sqrt(np.average((logs - mean) ** 2, weights=weight[left]))
    start = np.zeros(2 * k + 1)
    start[0] = -logit(np.clip(plateau, 0.05, 0.95))
    start[k], start[-1] = mean, np.log(max(spread, 1e-3))
    return start


def _back(centre: FloatArray, spread: FloatArray) -> FloatArray:
    """Return the linear map from the point of the search to ``[γ0, γ, β0, β, log σ]`` of the features as they came.

    The search has log-odds to leave, and no coefficient for constant features; the result has log-odds to never leave.
    """
    n = len(centre)
    kept = np.flatnonzero(spread > 0)
    one = np.zeros((n + 1, len(kept) + 1))
    one[0, 0] = 1.0
    one[0, 1:] = -centre[kept] / spread[kept]
    one[kept + 1, np.arange(len(kept)) + 1] = 1 / spread[kept]
    size = one.shape
    turn = np.zeros((2 * size[0] + 1, 2 * size[1] + 1))
    turn[: size[0], : size[1]] = -one
    turn[size[0] : -1, size[1] : -1] = one
    turn[-1, -1] = 1.0
    return turn


def _tell(wrong: str, expected: str, fix: str) -> None:
    warnings.warn(message(wrong, expected, fix), AssumptionWarning, stacklevel=6)
