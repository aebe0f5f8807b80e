"""Any fitter of lifelines as an estimator: parametric shapes above all."""

from __future__ import annotations

import copy
import importlib
import inspect
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from churnlib._checks import named_rows
from churnlib._sklearn import Tags, validate_data
from churnlib._typing import BoolArray, FloatArray
from churnlib.exceptions import (
    DataError,
    MissingDependencyError,
    ParameterError,
    ParameterTypeError,
    message,
    nearest,
    some,
)
from churnlib.survival._hazard_model import HazardModel, len_of
from churnlib.targets import SurvivalRows

__all__ = ["LifelinesModel"]

_BY_NAME = {
    "weibull": "WeibullAFTFitter",
    "lognormal": "LogNormalAFTFitter",
    "loglogistic": "LogLogisticAFTFitter",
}
_REFUSED = {
    "AalenJohansenFitter": "it breaks ties of different causes at random: AalenJohansen does not",
    "CoxTimeVaryingFitter": "it states no survival: CoxModel takes rows with entry and time, and does",
}
_ROWS = 256
"""Rows for which times of their own are asked at once: each of them is then computed for all of these rows."""
_EARLIEST = 1e-100


class LifelinesModel(HazardModel):
    """A fitter of lifelines as a scikit-learn estimator with the questions of every hazard model.

    Parametric models of the time to churn (accelerated failure time: Weibull, lognormal,
    log-logistic, generalised gamma, splines) are smooth, few numbers say all about them, and they go on
    beyond the data. They cannot follow hazards with peaks, such as the end of a contract:
    use them to compare, or where there are few customers.

    Parameters
    ----------
    fitter : {"weibull", "lognormal", "loglogistic"} or lifelines fitter, default="weibull"
        The accelerated failure time model of that name, or any fitter with its own settings, such as
        ``lifelines.WeibullAFTFitter(penalizer=0.01)``; a copy of it is fitted. Fitters without features
        (``lifelines.WeibullFitter()``, ``KaplanMeierFitter()``, ``MixtureCureFitter(...)``) look at y only.
    fit_options : dict, default=None
        What else to hand to the fitter's ``fit``, such as ``{"formula": "plan + tenure", "ancillary": True}``.
    beyond : {"raise", "nan", "hold", "extrapolate"}, default="raise"
        What to do about times that nobody was watched at. ``"extrapolate"`` trusts the shape of a parametric fitter,
        and goes on with the mean hazard of the last tenth of the data where there is none.

    Attributes
    ----------
    fitter_ : lifelines fitter
        The fitted copy, with everything lifelines offers: ``fitter_.summary``, ``fitter_.print_summary()``. It
        holds its training data.
    parametric_ : bool
        Whether it is smooth and goes on beyond the data.
    times_ : ndarray
        Tenures at which somebody left; the default times of predictions.

    Notes
    -----
    lifelines is optional, and asks for pandas below 3: ``pip install "churnlib[lifelines]"`` installs both. Delayed
    entry and weights are handed to the fitter. Predictions are those of lifelines, to rounding;
    its Cox model draws straight lines between the jumps of its cumulative hazard, and here up to the first.

    Examples
    --------
    >>> model = LifelinesModel("lognormal", beyond="extrapolate")
    >>> model.fit(X, y).predict_churn_probability(X, "90d", given=400)  # doctest: +SKIP
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "fitter": [object],
        "fit_options": [dict, None],
    }

    fitter_: Any
    parametric_: bool

    def __init__(
        self, fitter: Any = "weibull", *, fit_options: dict[str, Any] | None = None, beyond: str = "raise"
    ) -> None:
        self.fitter = fitter
        self.fit_options = fit_options
        self.beyond = beyond

    # ------------------------------------------------------------------ fit

    def _fit(self, X: pd.DataFrame, rows: SurvivalRows, weight: FloatArray) -> None:
        lifelines = _lifelines()
        fitter = _fitter(self.fitter, lifelines)
        self._univariate = isinstance(fitter, lifelines.fitters.UnivariateFitter)
        self.parametric_ = isinstance(
            fitter, lifelines.fitters.ParametricUnivariateFitter | lifelines.fitters.ParametricRegressionFitter
        )
        self._own_tail = self.parametric_
        counted = weight > 0
        rows, weight, X = rows.take(counted), weight[counted], X[counted]
        if len(rows) < 2:
            raise DataError(message("there is 1 row", "lifelines learns from two at least"))
        try:
            self.fitter_ = self._fitted(fitter, X, rows, weight)
        except lifelines.exceptions.ConvergenceError as error:
            raise DataError(
                message(
                    f"{type(fitter).__name__} did not converge ({_first_line(error)})",
                    "features that part leavers from stayers, or say the same twice, have no finite coefficients",
                    f"LifelinesModel({type(fitter).__name__}(penalizer=0.01)), or fewer features",
                )
            ) from error
        # lifelines draws the hazard of its Cox models, which say so once fitted, between their jumps, and that of
        # those without features not.
        self._steps = not self.parametric_ and (self._univariate or not _takes_times(self.fitter_))
        self.times_ = np.unique(rows.time[rows.observed])

    def _fitted(self, fitter: Any, X: pd.DataFrame, rows: SurvivalRows, weight: FloatArray) -> Any:
        weighted = not (weight == 1).all()
        options = dict(self.fit_options or {})
        if self._univariate:
            arrays = {"entry": rows.entry, "weights": weight if weighted else None}
            given = {name: values for name, values in arrays.items() if values is not None}
            return fitter.fit(rows.time, rows.observed, **given, **options)
        columns = {"duration_col": rows.time, "event_col": rows.observed}
        if rows.entry is not None:
            _check_takes_entry(fitter, rows.entry)
            columns["entry_col"] = rows.entry
        if weighted:
            columns["weights_col"] = weight
        frame = X.reset_index(drop=True)
        for role, values in columns.items():
            name = _unused(role, frame)
            frame[name] = values
            options[role] = name
        return fitter.fit(frame, **options)

    def _read(self, X: Any, *, reset: bool) -> pd.DataFrame:
        if not hasattr(X, "columns"):
            values = validate_data(self, X, reset=reset, dtype=np.float64)
            return pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])
        validate_data(self, X, reset=reset, skip_check_array=True)
        frame = X if isinstance(X, pd.DataFrame) else X.to_pandas()
        missing: BoolArray = np.asarray(frame.isna())
        if missing.any():
            names = some(frame.columns[np.flatnonzero(missing.any(axis=0))], 8)
            raise DataError(
                message(
                    f"X holds missing values (NaN) in {names} ({named_rows(np.flatnonzero(missing.any(axis=1)))})",
                    "lifelines takes none",
                    "make_pipeline(SimpleImputer(), LifelinesModel())",
                )
            )
        frame = frame.reset_index(drop=True)
        return frame.set_axis([str(name) for name in frame.columns], axis=1)

    # ------------------------------------------------------------------ predictions

    def _log_survival(self, X: pd.DataFrame, times: FloatArray) -> FloatArray:
        n = len_of(X)
        if self._univariate:
            moments, place = np.unique(times, return_inverse=True)
            return np.broadcast_to(_curve(self.fitter_, moments)[place.reshape(times.shape)], (n, times.shape[1]))
        X = X.reset_index(drop=True)
        if self.parametric_ and _by_formula(self.fitter_):
            return -self._smooth(X, np.broadcast_to(times, (n, times.shape[1])))
        if len(times) == 1:
            return -self._between(X, times[0])
        parts = [self._own_times(X[low : low + _ROWS], times[low : low + _ROWS]) for low in range(0, n, _ROWS)]
        return -np.concatenate(parts)

    def _smooth(self, X: pd.DataFrame, times: FloatArray) -> FloatArray:
        """Return the cumulative hazard by the formula of a parametric fitter; each row may have times of its own."""
        utils = importlib.import_module("lifelines.utils")
        fitter = self.fitter_
        design = utils.DataframeSlicer(fitter.regressors.transform_df(X))
        names = fitter._fitted_parameter_names
        parameters = {name: fitter.params_.loc[name].to_numpy() for name in names}
        hazard = fitter._cumulative_hazard(parameters, np.maximum(times.T, _EARLIEST), design)
        return np.asarray(hazard, dtype=np.float64).T

    def _between(self, X: pd.DataFrame, times: FloatArray) -> FloatArray:
        """Return the cumulative hazard at times that all rows share."""
        moments, place = np.unique(times, return_inverse=True)
        if _takes_times(self.fitter_):
            table = self.fitter_.predict_cumulative_hazard(X, times=moments)
            return np.asarray((table[X.index].to_numpy().T * self._begun(moments))[:, place])
        table = self.fitter_.predict_cumulative_hazard(X)
        reached = np.searchsorted(table.index.to_numpy(), moments, side="right")
        # Sums of estimated additive hazards may fall; what has been lost by then is not won back.
        path = np.maximum.accumulate(np.concatenate([np.zeros((1, len(X))), table.to_numpy()]), axis=0)
        return np.asarray(path[reached].T[:, place])

    def _begun(self, times: FloatArray) -> FloatArray:
        """Return 1, but for Cox before its first jump: lifelines has all of that at time 0, here a line leads up."""
        if getattr(self.fitter_, "baseline_estimation_method", None) != "breslow":
            return np.ones(len(times))
        low, first = self.support_[0], float(self.fitter_.baseline_cumulative_hazard_.index[0])
        return np.clip((times - low) / (first - low), 0.0, 1.0) if first > low else np.ones(len(times))

    def _own_times(self, X: pd.DataFrame, times: FloatArray) -> FloatArray:
        moments, place = np.unique(times, return_inverse=True)
        shared = self._between(X.reset_index(drop=True), moments)
        return np.take_along_axis(shared, place.reshape(times.shape), axis=1)

    def _risk(self, X: pd.DataFrame) -> FloatArray:
        if hasattr(self.fitter_, "predict_log_partial_hazard"):
            return np.asarray(self.fitter_.predict_log_partial_hazard(X), dtype=np.float64)
        return super()._risk(X)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def _lifelines() -> ModuleType:
    try:
        package = importlib.import_module("lifelines")
        importlib.import_module("lifelines.fitters")
        importlib.import_module("lifelines.exceptions")
    except ImportError:
        raise MissingDependencyError(
            message(
                "LifelinesModel needs the package 'lifelines', which is not installed",
                f"it is an optional dependency, and asks for pandas below 3 (here is pandas {pd.__version__})",
                'pip install "churnlib[lifelines]" in an environment of its own, which installs pandas 2',
            )
        ) from None
    return package


def _fitter(fitter: Any, lifelines: ModuleType) -> Any:
    if isinstance(fitter, str):
        if fitter not in _BY_NAME:
            raise ParameterError(
                message(
                    f"fitter={fitter!r} is not known ({nearest(fitter, list(_BY_NAME))})",
                    f"one of {some(_BY_NAME)}, or a fitter",
                )
            )
        return getattr(lifelines, _BY_NAME[fitter])()
    if not isinstance(fitter, lifelines.fitters.BaseFitter):
        raise ParameterTypeError(
            message(
                f"fitter is a {type(fitter).__name__}",
                f"a fitter of lifelines, or one of {some(_BY_NAME)}",
                "LifelinesModel(lifelines.WeibullAFTFitter(penalizer=0.01))",
            )
        )
    name = type(fitter).__name__
    if name in _REFUSED:
        raise ParameterError(message(f"LifelinesModel does not take {name}", _REFUSED[name]))
    return copy.deepcopy(fitter)


def _check_takes_entry(fitter: Any, entry: FloatArray) -> None:
    if "entry_col" in inspect.signature(fitter.fit).parameters:
        return
    late = entry > 0
    raise DataError(
        message(
            f"{int(late.sum())} of {len(late)} rows have a delayed entry, and {type(fitter).__name__} takes none",
            "a fitter that knows since when each row was watched",
            "LifelinesModel('weibull'), or CoxModel()",
        )
    )


def _takes_times(fitter: Any) -> bool:
    ask = getattr(fitter, "predict_cumulative_hazard", None)
    return ask is not None and "times" in inspect.signature(ask).parameters


def _by_formula(fitter: Any) -> bool:
    """Return whether its cumulative hazard takes a table of times: where lifelines' own prediction hands it one."""
    return bool(type(fitter).predict_cumulative_hazard.__module__ == "lifelines.fitters")


def _curve(fitter: Any, times: FloatArray) -> FloatArray:
    """Return log S of a fitter without features."""
    with np.errstate(divide="ignore"):
        if type(fitter).__name__ == "NelsonAalenFitter":
            return -_filled(fitter.cumulative_hazard_at_times(times), times, 0.0)
        return np.log(_filled(fitter.survival_function_at_times(np.maximum(times, _EARLIEST)), times, 1.0))


def _filled(values: Any, times: FloatArray, before: float) -> FloatArray:
    found = np.atleast_1d(np.asarray(values, dtype=np.float64)).reshape(len(times))
    return np.where(np.isnan(found), before, found)


def _unused(role: str, frame: pd.DataFrame) -> str:
    name = role
    while name in frame.columns:
        name += "_"
    return name


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
