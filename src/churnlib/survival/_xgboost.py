"""The survival objectives of xgboost, completed into models that state probabilities."""

from __future__ import annotations

import numbers
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from churnlib._checks import named_rows
from churnlib._sklearn import HasMethods, Interval, StrOptions, Tags, fit_context, validate_data
from churnlib._typing import ArrayLike, FloatArray, IntArray
from churnlib.exceptions import DataError, message
from churnlib.numerics import StepFunction, minimise
from churnlib.survival._cox_baseline import baselines
from churnlib.survival._cox_kernel import PartialLikelihood
from churnlib.survival._cox_risk_sets import risk_sets
from churnlib.survival._folds import survival_folds
from churnlib.survival._hazard_model import HazardModel
from churnlib.survival._log_time import location_and_scale, log_survival_at
from churnlib.targets import SurvivalRows

__all__ = ["XGBAFTModel", "XGBCoxModel"]

_Folds = list[tuple[IntArray, IntArray]] | None
_Objective = Callable[[FloatArray, Any], tuple[FloatArray, FloatArray]]

_SMALLEST = 1e-12
_SHAPE_OF = {"extreme": "weibull", "normal": "lognormal", "logistic": "loglogistic"}
_DEFAULTS = {
    "n_estimators": 200,
    "max_depth": 3,
    "learning_rate": 0.05,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "min_child_weight": 5,
    "reg_lambda": 5,
    "tree_method": "hist",
    "random_state": 0,
}


class _BoostedTrees(HazardModel):
    """What both models share: trees of xgboost that give each row a score, and folds that calibrate it."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **HazardModel._parameter_constraints,
        "estimator": [HasMethods("get_xgb_params"), None],
        "cv": ["cv_object", None],
    }

    estimator: Any
    cv: Any
    booster_: Any

    @fit_context(nested=False)
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Learn when customers leave; see `HazardModel.fit`."""
        data, rows, weight = self._begin(X, y, sample_weight)
        keyed = X if hasattr(X, "index") else data  # the index says whose the rows are
        self._fit(data, rows, weight, None if self.cv is None else survival_folds(self.cv, keyed, y))
        return self

    def _fit(self, X: FloatArray, rows: SurvivalRows, weight: FloatArray, folds: _Folds = None) -> None:
        counted = weight > 0
        if not counted.all():
            X, rows, weight = X[counted], rows.take(counted), weight[counted]
            folds = None if folds is None else _among(folds, counted)
        self.times_ = np.unique(rows.time[rows.observed])
        self._learn(X, rows, weight, folds)

    @abstractmethod
    def _learn(self, X: FloatArray, rows: SurvivalRows, weight: FloatArray, folds: _Folds) -> None:
        """Grow the trees, and make probabilities of their scores."""

    @abstractmethod
    def _boost(self, X: FloatArray, rows: SurvivalRows, weight: FloatArray) -> Any:
        """Return a fitted booster."""

    def _scores(self, X: FloatArray, rows: SurvivalRows, weight: FloatArray, folds: _Folds) -> FloatArray:
        """Return the score of each row of the fit: out of fold, or of the booster that has seen it."""
        if folds is None:
            return _margin(self.booster_, X)
        scores = np.empty(len(X))
        for train, test in folds:
            booster = self._boost(X[train], rows.take(train), weight[train])
            scores[test] = _margin(booster, X[test])
        return scores

    def _train(
        self, X: FloatArray, params: dict[str, Any], fields: dict[str, Any], objective: _Objective | None = None
    ) -> Any:
        from xgboost import DMatrix, train

        estimator = _estimator(self.estimator)
        given = estimator.get_xgb_params()
        given.pop("objective", None)
        # One thread unless the caller asks for more: sums of several threads differ in their last bits.
        given["n_jobs"] = given.get("n_jobs") or 1
        rounds = estimator.get_num_boosting_rounds()
        table = DMatrix(X, missing=np.nan, nthread=given["n_jobs"], **fields)
        return train({**given, **params}, table, rounds, obj=objective)

    def _read(self, X: Any, *, reset: bool) -> Any:
        return validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class XGBCoxModel(_BoostedTrees):
    """Proportional hazards by boosted trees, with a baseline and delayed entry.

    xgboost's own Cox objective gives scores without a baseline, so no probabilities, and knows no
    delayed entry: rows of snapshots would count as at risk long before they were watched. Here
    trees follow the exact gradient of the partial likelihood, over risk sets
    ``entry < t ≤ time``, with weights and Efron's ties. It assumes that features multiply the hazard by
    the same factor at every tenure; where they do not, `SurvivalBooster` follows.

    Trees spread the scores of the rows they have seen too far, and a baseline made of
    these is off. So scores are made out of fold, and on them the partial likelihood
    decides by what factor the booster's scores are to be stretched, and what the baseline is.

    Parameters
    ----------
    estimator : xgboost.XGBRegressor, default=None
        Whose settings to use (trees, depth, rate, seed, ``n_jobs``); its objective is not. None: 200 trees of
        depth 3, with a rate of .05.
    ties : {"efron", "breslow"}, default="efron"
        How customers who leave at the same time share the risk.
    baseline : {"efron", "breslow", "kalbfleisch-prentice"}, default="efron"
        The estimator of the baseline. The last suits times on a coarse grid.
    cv : int, splitter, iterable or None, default=5
        Folds for the factor and the baseline: a number of folds of `SurvivalKFold`, or a splitter that predicts each
        row once. None: no folds, a factor of 1, and a baseline of the rows of the fit.
    beyond : {"raise", "nan", "hold", "extrapolate"}, default="raise"
        What to do about times that nobody was watched at: refuse, NaN, hold the last value, or (``"extrapolate"``)
        go on with the mean hazard of the last tenth of the data.

    Attributes
    ----------
    booster_ : xgboost.Booster
        The trees. Its margin is the log of the relative hazard, before it is stretched.
    slope_ : float
        The factor; below 1 where the trees follow noise.
    baseline_ : StepFunction
        Cumulative hazard of a row whose stretched score is 0.
    times_ : ndarray
        Tenures at which somebody left.

    Notes
    -----
    Numbers only; NaN is a value of its own to the trees. The gradient of row i is
    ``w_i (r_i A_i − e_i)`` with the hazard ``A_i`` it was exposed to. Its second derivative is at most
    ``w_i r_i A_i``, which is what the trees get: their ``min_child_weight`` counts expected departures.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2))
    >>> left = rng.exponential(20 * np.exp(-X[:, 0]))
    >>> y = survival_target(left < 30, np.minimum(left, 30))
    >>> model = XGBCoxModel().fit(X, y)
    >>> low, high = model.predict_churn_probability([[-1.0, 0.0], [1.0, 0.0]], 10)
    >>> bool(low < high)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **_BoostedTrees._parameter_constraints,
        "ties": [StrOptions({"efron", "breslow"})],
        "baseline": [StrOptions({"efron", "breslow", "kalbfleisch-prentice"})],
    }

    slope_: float
    baseline_: StepFunction

    def __init__(
        self,
        estimator: Any = None,
        *,
        ties: str = "efron",
        baseline: str = "efron",
        cv: Any = 5,
        beyond: str = "raise",
    ) -> None:
        self.estimator = estimator
        self.ties = ties
        self.baseline = baseline
        self.cv = cv
        self.beyond = beyond

    def _learn(self, X: FloatArray, rows: SurvivalRows, weight: FloatArray, folds: _Folds) -> None:
        self.booster_ = self._boost(X, rows, weight)
        scores = self._scores(X, rows, weight, folds)
        self._centre = float(scores.mean())
        scores = scores - self._centre
        likelihood = self._likelihood(scores[:, None], rows, weight)
        self.slope_ = 1.0 if folds is None else _slope(likelihood)
        kind: Any = self.baseline
        self.baseline_ = baselines(likelihood, likelihood.at(self.slope_ * scores), kind)[0]

    def _likelihood(self, X: FloatArray, rows: SurvivalRows, weight: FloatArray) -> PartialLikelihood:
        sets = risk_sets(rows.time, rows.observed, entry=rows.entry)
        ties: Any = self.ties
        return PartialLikelihood(X, sets, weight=None if (weight == 1).all() else weight, ties=ties)

    def _boost(self, X: FloatArray, rows: SurvivalRows, weight: FloatArray) -> Any:
        likelihood = self._likelihood(np.empty((len(X), 0)), rows, weight)

        def objective(margin: FloatArray, _: Any) -> tuple[FloatArray, FloatArray]:
            point = likelihood.at(np.asarray(margin, dtype=np.float64))
            expected = point.theta * likelihood.exposure(point)
            return -likelihood.residuals(point), np.maximum(expected, _SMALLEST)

        return self._train(X, {"base_score": 0.0, "disable_default_eval_metric": 1}, {}, objective)

    def _risk(self, X: FloatArray) -> FloatArray:
        return self.slope_ * (_margin(self.booster_, X) - self._centre)

    def _log_survival(self, X: FloatArray, times: FloatArray) -> FloatArray:
        return -self.baseline_(times) * np.exp(self._risk(X))[:, None]


class XGBAFTModel(_BoostedTrees):
    """Accelerated failure time by boosted trees: log time is a sum of trees, plus an error of one shape and scale.

    xgboost's objective takes no delayed entry, and neither does this model: rows of
    snapshots that were watched from a tenure on are refused, because without their entry customers seem to
    stay far longer than they do. `XGBCoxModel` and `SurvivalBooster` take them.

    The trees are grown with a scale that is not theirs to learn; what comes out is calibrated on scores out of
    fold: location, slope and scale by maximum likelihood. The errors have one shape for everybody, so peaks
    of the hazard at certain tenures cannot be followed.

    Parameters
    ----------
    estimator : xgboost.XGBRegressor, default=None
        Whose settings to use (trees, depth, rate, seed, ``n_jobs``); its objective is not. None: 200 trees of
        depth 3, with a rate of .05.
    distribution : {"normal", "logistic", "extreme"}, default="extreme"
        Of the error of log time, in the words of xgboost: lognormal, log-logistic and Weibull times.
    scale : float or None, default=None
        With which the trees are grown. None: that of log time without any feature.
    cv : int, splitter, iterable or None, default=5
        Folds for location, slope and scale: a number of folds of `SurvivalKFold`, or a splitter that predicts each row
        once. None: no folds; the scale is that of the rows of the fit, which is too small.
    beyond : {"raise", "nan", "hold", "extrapolate"}, default="raise"
        What to do about times that nobody was watched at. ``"extrapolate"`` trusts the shape.

    Attributes
    ----------
    booster_ : xgboost.Booster
        The trees. Its margin is a log time.
    intercept_, slope_ : float
        Location of log time: ``intercept_ + slope_ * margin``; a slope of 0 where the trees follow noise.
    scale_ : float
        Scale of log time about it.
    times_ : ndarray
        Tenures at which somebody left; the default times of predictions.

    Notes
    -----
    Numbers only; NaN is a value of its own to the trees. Censored rows are handed to xgboost as an interval
    without an upper end (Barnwal, Cho and Hocking 2022, J. Comput. Graph. Stat. 31, 1292-1302).

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2))
    >>> left = rng.exponential(20 * np.exp(-X[:, 0]))
    >>> y = survival_target(left < 30, np.minimum(left, 30))
    >>> model = XGBAFTModel().fit(X, y)
    >>> low, high = model.predict_churn_probability([[-1.0, 0.0], [1.0, 0.0]], 10)
    >>> bool(low < high)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **_BoostedTrees._parameter_constraints,
        "distribution": [StrOptions(set(_SHAPE_OF))],
        "scale": [Interval(numbers.Real, 0, None, closed="neither"), None],
    }
    _steps = False
    _own_tail = True

    intercept_: float
    slope_: float
    scale_: float

    def __init__(
        self,
        estimator: Any = None,
        *,
        distribution: str = "extreme",
        scale: float | None = None,
        cv: Any = 5,
        beyond: str = "raise",
    ) -> None:
        self.estimator = estimator
        self.distribution = distribution
        self.scale = scale
        self.cv = cv
        self.beyond = beyond

    def _learn(self, X: FloatArray, rows: SurvivalRows, weight: FloatArray, folds: _Folds) -> None:
        if rows.entry is not None:
            late = rows.entry > 0
            raise DataError(
                message(
                    f"{int(late.sum())} of {len(rows)} rows have a delayed entry ({named_rows(late)})",
                    "the objective of xgboost counts every row as watched from its start, so customers would seem to "
                    "stay far longer than they do",
                    "XGBCoxModel or SurvivalBooster, which take delayed entry",
                )
            )
        plain = self._calibrated(np.empty((len(X), 0)), rows, weight)
        self._grown_with = float(np.exp(plain[-1])) if self.scale is None else float(self.scale)
        self._middle = float(plain[0])
        self.booster_ = self._boost(X, rows, weight)
        scores = self._scores(X, rows, weight, folds)
        if folds is None:
            self.intercept_, self.slope_ = 0.0, 1.0
            self.scale_ = self._own_scale(scores, rows, weight)
            return
        spread = float(scores.std()) or 1.0
        centre = float(scores.mean())
        found = self._calibrated((scores - centre)[:, None] / spread, rows, weight)
        if found[1] < 0:  # scores that say nothing, or worse: by the rows that the trees have not seen
            found = np.array([plain[0], 0.0, plain[-1]])
        self.slope_, self.scale_ = float(found[1] / spread), float(np.exp(found[-1]))
        self.intercept_ = float(found[0] - self.slope_ * centre)

    def _boost(self, X: FloatArray, rows: SurvivalRows, weight: FloatArray) -> Any:
        fields = {
            "label_lower_bound": rows.time,
            "label_upper_bound": np.where(rows.observed, rows.time, np.inf),
            "weight": weight,
        }
        params = {
            "objective": "survival:aft",
            # Where the trees start: else small steps would have to lead there, and the unit of time would matter.
            "base_score": float(np.exp(self._middle)),
            "aft_loss_distribution": self.distribution,
            "aft_loss_distribution_scale": self._grown_with,
        }
        return self._train(X, params, fields)

    def _calibrated(self, X: FloatArray, rows: SurvivalRows, weight: FloatArray) -> FloatArray:
        """Return intercept, slopes and log scale of highest likelihood."""
        design = np.column_stack([np.ones(len(X)), X])
        k = design.shape[1]
        shape, left = _SHAPE_OF[self.distribution], rows.observed

        def evaluate(point: FloatArray) -> tuple[float, FloatArray, FloatArray]:
            with np.errstate(all="ignore"):  # an impossible step is seen by its value, which is not finite
                value, slopes, bends = location_and_scale(shape, rows.time, left, design @ point[:k], float(point[k]))
            slopes, bends = slopes * weight, bends * weight
            hessian = np.empty((k + 1, k + 1))
            hessian[:k, :k] = design.T @ (design * bends[0][:, None])
            hessian[:k, k] = hessian[k, :k] = design.T @ bends[1]
            hessian[k, k] = bends[2].sum()
            total = -float(weight @ value)
            return (
                total if np.isfinite(hessian).all() else np.inf,
                -np.append(design.T @ slopes[0], slopes[1].sum()),
                -hessian,
            )

        start = np.zeros(k + 1)
        start[0] = np.average(np.log(rows.time), weights=weight)
        return minimise(evaluate, start, tol=1e-9, max_iter=100, bound=1e3).point

    def _own_scale(self, scores: FloatArray, rows: SurvivalRows, weight: FloatArray) -> float:
        """Return the scale of highest likelihood about scores that stand."""
        shape, left = _SHAPE_OF[self.distribution], rows.observed

        def evaluate(point: FloatArray) -> tuple[float, FloatArray, FloatArray]:
            with np.errstate(all="ignore"):
                value, slopes, bends = location_and_scale(shape, rows.time, left, scores, float(point[0]))
            return -float(weight @ value), -np.array([weight @ slopes[1]]), -np.array([[weight @ bends[2]]])

        return float(np.exp(minimise(evaluate, np.array([np.log(self._grown_with)]), max_iter=100).point[0]))

    def _log_survival(self, X: FloatArray, times: FloatArray) -> FloatArray:
        location = self.intercept_ + self.slope_ * _margin(self.booster_, X)
        return log_survival_at(_SHAPE_OF[self.distribution], times, location[:, None], self.scale_)

    def _risk(self, X: FloatArray) -> FloatArray:
        return -self.slope_ * _margin(self.booster_, X)


def _estimator(given: Any) -> Any:
    if given is not None:
        return given
    from xgboost import XGBRegressor

    return XGBRegressor(**_DEFAULTS)


def _margin(booster: Any, X: FloatArray) -> FloatArray:
    from xgboost import DMatrix

    # Without a number of threads each table of few rows would wake them all.
    table = DMatrix(X, missing=np.nan, nthread=1)
    return np.asarray(booster.predict(table, output_margin=True), dtype=np.float64)


def _slope(likelihood: PartialLikelihood) -> float:
    """Return the coefficient of the only column; 1 where it says nothing."""
    if not likelihood.X.any():
        return 1.0

    def evaluate(point: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        at = likelihood.at(likelihood.X @ point)
        return -at.loglik, -likelihood.gradient(at), likelihood.information(at)

    return max(float(minimise(evaluate, np.ones(1), max_iter=50).point[0]), 0.0)


def _among(folds: list[tuple[IntArray, IntArray]], counted: Any) -> list[tuple[IntArray, IntArray]]:
    """Return the folds as positions among the rows that count."""
    position = np.cumsum(counted) - 1
    return [(position[train[counted[train]]], position[test[counted[test]]]) for train, test in folds]
