"""What every model fitted by maximum likelihood shares: the search, the errors, the summary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd

from churnlib._checks import as_names, check_number
from churnlib._sklearn import BaseEstimator, Interval, StrOptions, check_is_fitted
from churnlib._typing import Array, FloatArray
from churnlib.clv._histories import read_features
from churnlib.exceptions import ParameterError, message
from churnlib.numerics import Optimum, minimise, normal_quantile

__all__ = ["LikelihoodModel", "Parameters", "Problem"]

Parameters = dict[str, FloatArray]
"""Parameters by name; each a number, or one value per row where covariates shift it."""

_FARTHEST = 14.0
"""e^14 is a million times: a parameter that far from the scale of the data has left for 0 or infinity."""
_FLAT = 1e-9


class Problem(Protocol):
    """A likelihood to be maximised: in logarithms of parameters, and in units that suit the numbers."""

    names: tuple[str, ...]
    """What each coordinate is called; a coefficient reads ``alpha[channel]``."""
    logarithmic: Array
    """Which coordinates are logarithms."""
    unit: FloatArray
    """What one unit of each parameter is in the caller's units."""
    basis: FloatArray
    """From the coordinates, in which covariates are centred, to those in which they are not; shape (k, k)."""
    start: FloatArray
    total_weight: float
    offset: float
    """What to add to the log-likelihood to have it in the caller's units."""

    def evaluate(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Return log-likelihood, gradient and Hessian, each summed over the customers."""
        ...

    def scores(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the gradient of each distinct row, of shape (k, n), and the weights of the rows."""
        ...


@dataclass(frozen=True, slots=True)
class _Ridge:
    """The mean negative log-likelihood, with a ridge on the coordinates."""

    problem: Problem
    l2: float

    def __call__(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        value, gradient, hessian = self.problem.evaluate(theta)
        n = self.problem.total_weight
        return (
            -value / n + self.l2 * float(theta @ theta) / 2,
            -gradient / n + self.l2 * theta,
            -hessian / n + self.l2 * np.eye(len(theta)),
        )


class LikelihoodModel(BaseEstimator):
    """Base of the models whose few parameters are found by maximum likelihood.

    A subclass reads its data into a `Problem` and calls `_maximise`; it finds
    the fitted parameters in ``params_``. Nothing of the data is kept.
    """

    l2: float
    tol: float
    max_iter: int
    covariance: str | None

    params_: dict[str, float]
    loglik_: float
    aic_: float
    bic_: float
    n_customers_: float
    n_iter_: int
    converged_: bool
    reason_: str
    decrement_: float
    covariance_: FloatArray | None
    standard_errors_: dict[str, float]

    _theta_covariance: FloatArray | None
    """Of the coordinates of the search."""
    _theta_basis: FloatArray
    """How each of them moves the logarithms of the parameters, and the coefficients."""

    _parameter_names: ClassVar[tuple[str, ...]]
    """The parameters, all of them positive; coefficients of covariates are named ``alpha[channel]``."""
    _scale_parameters: ClassVar[Sequence[str]] = ()
    """Parameters measured in the unit of time."""
    _shift: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Which parameters the covariates of each constructor argument shift."""
    _boundary_advice: ClassVar[Mapping[str, str]] = {}
    """What it means when a parameter leaves: by its name, or by name and end ("a 0", "b infinity")."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "l2": [Interval(Real, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "covariance": [StrOptions({"hessian", "sandwich"}), None],
    }

    @classmethod
    def from_params(cls, params: Mapping[str, float], **options: Any) -> Self:
        """Make a fitted model from parameters that are known: published ones, or those a service stored as JSON.

        Parameters
        ----------
        params : mapping of str to float
            Every parameter by name, each > 0, and the coefficients of covariates,
            named ``alpha[channel]``, where the options name any.
        **options
            Arguments of the constructor.

        Returns
        -------
        model
            It predicts like the fitted one, without standard errors.

        Raises
        ------
        ParameterError
            If a parameter is missing, unknown or not positive.
        """
        model = cls(**options)
        names = model._all_names()
        wrong = sorted(set(names) ^ set(params))
        if wrong:
            raise ParameterError(
                message(
                    f"the parameters given and those of {cls.__name__} differ in {', '.join(wrong)}",
                    f"exactly these were expected: {', '.join(names)}",
                    f"{cls.__name__}.from_params({{{', '.join(f'{name!r}: 1.0' for name in names)}}})",
                )
            )
        model._names = names
        model._logarithmic = np.array(["[" not in name for name in names])
        low = {name: None if "[" in name else max(1e-300, float(np.nextafter(model._floor(name), 2))) for name in names}
        model._set_params({name: check_number(params[name], name=name, low=low[name]) for name in names})
        model.converged_, model.reason_ = True, "the parameters were given"
        model.covariance_, model._theta_covariance = None, None
        model.standard_errors_ = dict.fromkeys(names, float("nan"))
        return model

    def _floor(self, name: str) -> float:  # noqa: ARG002
        """Return what a parameter stays above; the search runs over the logarithm of what it has beyond that."""
        return 0.0

    @property
    def _floors(self) -> FloatArray:
        return np.array([self._floor(name) for name in self._names])

    def _set_params(self, params: dict[str, float]) -> None:
        self.params_ = params
        for name, value in params.items():
            if name.isidentifier():
                setattr(self, f"{name}_", value)

    def _maximise(self, problem: Problem) -> None:
        """Search, then set every fitted attribute that the models share."""
        n = problem.total_weight
        found = minimise(
            _Ridge(problem, self.l2), problem.start, tol=self.tol / n, max_iter=self.max_iter, bound=_FARTHEST
        )
        theta = problem.basis @ found.point
        with np.errstate(over="ignore"):
            values = np.where(problem.logarithmic, np.exp(np.where(problem.logarithmic, theta, 0)), theta)
        self._names = problem.names
        self._logarithmic = np.asarray(problem.logarithmic, dtype=bool)
        self._set_params(dict(zip(problem.names, (values * problem.unit + self._floors).tolist(), strict=True)))
        self.n_customers_ = n
        penalty = self.l2 * float(found.point @ found.point) / 2
        self.loglik_ = -n * (found.value - penalty) + problem.offset
        self.aic_ = 2 * len(values) - 2 * self.loglik_
        self.bic_ = len(values) * float(np.log(n)) - 2 * self.loglik_
        self.n_iter_, self.decrement_ = found.n_iter, n * found.decrement
        self.converged_, self.reason_ = self._verdict(found)
        self.covariance_, self._theta_covariance = None, None
        self.standard_errors_ = dict.fromkeys(self._names, float("nan"))
        if self.converged_ and self.covariance is not None:
            self._set_covariance(problem, found)

    def _verdict(self, found: Optimum) -> tuple[bool, str]:
        names = np.array(self._names, dtype=object)
        far = self._logarithmic & (np.abs(found.point) > _FARTHEST / 1.2)
        if far.any():
            ends = [
                f"{name} runs to {'infinity' if point > 0 else format(self._floor(name), 'g')}"
                for name, point in zip(names[far], found.point[far], strict=True)
            ]
            where = [
                (name, f"{name} {'infinity' if point > 0 else 0}")
                for name, point in zip(names[far], found.point[far], strict=True)
            ]
            advice = [self._boundary_advice[key] for pair in where for key in pair if key in self._boundary_advice]
            return False, "the maximum lies at the boundary: " + "; ".join([*ends, *dict.fromkeys(advice)])
        eigenvalues, vectors = np.linalg.eigh(found.hessian)
        flat = eigenvalues <= _FLAT * max(float(np.abs(eigenvalues).max()), 1e-300)
        if flat.any():
            loaded = np.max(np.abs(vectors[:, flat]), axis=1) > 0.1
            return False, f"the data do not determine {', '.join(names[loaded])}: the likelihood is flat along them"
        values = np.array(list(self.params_.values()))
        beyond = self._logarithmic & ~(np.isfinite(values) & (values > 0))
        if beyond.any():
            shifted = sorted({column for name in names[beyond] for column in self._covariates_of(name)})
            return False, (
                f"{', '.join(names[beyond])} is that of a customer whose covariates are 0, which is so far from any "
                f"of these that no float holds it: subtract a typical value from {', '.join(shifted)}"
            )
        return found.converged, found.reason

    def _set_covariance(self, problem: Problem, found: Optimum) -> None:
        try:
            inverse = np.linalg.inv(found.hessian * problem.total_weight)
        except np.linalg.LinAlgError:
            return
        if self.covariance == "sandwich":
            gradients, weight = problem.scores(found.point)
            inverse = inverse @ ((gradients * weight) @ gradients.T) @ inverse
        if not (np.all(np.isfinite(inverse)) and np.all(np.diag(inverse) > 0)):
            return
        # Delta method: d exp(θ) = exp(θ) dθ; a unit multiplies a coefficient and leaves a logarithm's error alone.
        values = np.array(list(self.params_.values())) - self._floors
        slopes = np.where(self._logarithmic, values, problem.unit)[:, None] * problem.basis
        self.covariance_ = np.asarray(slopes @ inverse @ slopes.T, dtype=np.float64)
        self._theta_covariance = np.asarray(inverse, dtype=np.float64)
        self._theta_basis = np.where(self._logarithmic, 1.0, problem.unit)[:, None] * problem.basis
        errors = np.sqrt(np.diag(self.covariance_))
        self.standard_errors_ = dict(zip(self._names, errors.tolist(), strict=True))

    def summary(self, *, confidence: float = 0.95) -> pd.DataFrame:
        """Show the parameters with their errors.

        Intervals of positive parameters are made on the logarithmic scale, where
        their estimates are closer to normal, and so never reach below zero.

        Parameters
        ----------
        confidence : float, default=0.95
            The coverage that the intervals aim at, between 0 and 1.

        Returns
        -------
        DataFrame
            One row per parameter: ``estimate``, ``standard_error``, ``lower`` and
            ``upper``. Errors are NaN where the model was fitted with
            ``covariance=None``, or where the maximum is no interior one.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            If the confidence is not between 0 and 1.
        """
        check_is_fitted(self, "params_")
        half = normal_quantile(confidence)
        estimate = np.array(list(self.params_.values()))
        floor = self._floors
        error = np.array([self.standard_errors_[name] for name in self._names])
        with np.errstate(over="ignore"):  # what the data hardly determine may be anything up to infinity
            stretch = np.exp(
                half * np.divide(error, estimate - floor, out=np.zeros_like(error), where=self._logarithmic)
            )
        return pd.DataFrame(
            {
                "estimate": estimate,
                "standard_error": error,
                "lower": np.where(self._logarithmic, floor + (estimate - floor) / stretch, estimate - half * error),
                "upper": np.where(self._logarithmic, floor + (estimate - floor) * stretch, estimate + half * error),
            },
            index=pd.Index(self._names, name="parameter"),
        )

    def _read_columns(self, X: Any, names: Sequence[str], *, reset: bool) -> tuple[list[FloatArray], pd.Index | None]:
        """Take columns by name out of a frame or by position out of an array, and remember or compare them."""
        return read_features(self, X, names, reset=reset)

    def _covariates(self) -> tuple[str, ...]:
        wanted: dict[str, None] = {}
        for argument in self._shift:
            wanted.update(dict.fromkeys(as_names(getattr(self, argument), name=argument)))
        return tuple(wanted)

    def _covariates_of(self, parameter: str) -> tuple[str, ...]:
        for argument, parameters in self._shift.items():
            if parameter in parameters:
                return as_names(getattr(self, argument), name=argument)
        return ()

    def _all_names(self) -> tuple[str, ...]:
        return tuple(
            name
            for parameter in self._parameter_names
            for name in (parameter, *(f"{parameter}[{column}]" for column in self._covariates_of(parameter)))
        )

    def _columns_of(self, parameter: str, covariates: FloatArray) -> FloatArray:
        every = self._covariates()
        return covariates[:, [every.index(name) for name in self._covariates_of(parameter)]]

    def _parameters(self, covariates: FloatArray, params: dict[str, float] | None = None) -> Parameters:
        """Return each parameter: a number, or one per row where covariates shift it."""
        params = self.params_ if params is None else params
        result: Parameters = {}
        for name in params:
            if "[" in name:
                continue
            chosen = self._covariates_of(name)
            coefficients = np.array([params[f"{name}[{column}]"] for column in chosen])
            sign = -1 if name in self._scale_parameters else 1
            shift = np.exp(sign * (self._columns_of(name, covariates) @ coefficients)) if chosen else 1.0
            result[name] = np.asarray(params[name] * shift)
        return result

    def _natural(self, theta: FloatArray) -> dict[str, float]:
        """Return parameters by name from their logarithms (and coefficients as they are)."""
        values = np.where(self._logarithmic, np.exp(np.where(self._logarithmic, theta, 0)), theta)
        return dict(zip(self._names, (values + self._floors).tolist(), strict=True))

    def _theta(self) -> FloatArray:
        values = np.array([self.params_[name] for name in self._names]) - self._floors
        return np.where(self._logarithmic, np.log(np.where(self._logarithmic, values, 1)), values)

    def _delta_error(self, of: Callable[[dict[str, float]], FloatArray]) -> FloatArray:
        """Return the standard error of something computed from the parameters, by central differences."""
        theta = self._theta()
        if self._theta_covariance is None:
            return np.full_like(of(self.params_), np.nan)
        gradient = np.array(
            [
                (of(self._natural(theta + step)) - of(self._natural(theta - step))) / 2e-5
                for step in 1e-5 * self._theta_basis.T
            ]
        )
        return np.asarray(np.sqrt(np.einsum("jn,jk,kn->n", gradient, self._theta_covariance, gradient)))
