"""Several ways to leave: one hazard model for each cause, and incidences that add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from churnlib._sklearn import HasMethods, Tags
from churnlib._typing import FloatArray
from churnlib.exceptions import DataError, message, some
from churnlib.survival._ask import within_support
from churnlib.survival._cox import CoxModel
from churnlib.survival._hazard_model import HazardModel
from churnlib.survival._inside import fitted_clone, look_at, with_tags_of
from churnlib.survival._through import hazard_model
from churnlib.targets import SurvivalRows

__all__ = ["CompetingHazards"]

_PIECES = 256
"""Into how many pieces smooth hazards are cut between 0 and the last time asked for."""


class CompetingHazards(HazardModel):
    """Cause-specific hazards of any hazard model, combined into incidences and one survival function.

    Those who cancel, those whose payment fails and those who move away leave by different hazards.
    A clone of `estimator` is fitted to each cause, with departures by the other causes as
    censored; that says nothing about a world without the other causes, and needs no assumption
    that causes are independent: it estimates the hazard of each cause among those still here.
    The hazards together then say who is left to leave: the chance to leave by one cause is never
    computed as if the others did not exist, which overstates it.

    Parameters
    ----------
    estimator : estimator, default=None
        Any hazard model of one cause, or a Pipeline that ends in one. None: `CoxModel`.
    causes : sequence of str, default=None
        Names of the causes, in the order of their numbers in y. None: the numbers.
    beyond : {"raise", "nan", "hold", "extrapolate"}, default="raise"
        What to do about times that nobody was watched at: refuse, NaN, hold the last value, or (``"extrapolate"``)
        go on with the mean hazard of the last tenth of the data.

    Attributes
    ----------
    estimators_ : list of estimators
        The fitted clones, in the order of ``causes_``.
    causes_ : tuple
        The causes, which are the second axis of `predict_cumulative_incidence`.
    times_ : ndarray of shape (n_times,)
        The times of the clones, ascending, each once.
    support_ : tuple of float
        The tenures for which every cause's model speaks.

    Notes
    -----
    Models whose survival falls at certain times only: let ``h_k = 1 − S_k(t) / S_k(t−)`` be the hazard of cause
    k at time t. Then ``S(t) = Π (1 − Σ_k h_k)``, and the incidence of cause k grows by ``S(t−) h_k``. With
    Kaplan–Meier as the model that is the estimator of Aalen and Johansen (1978), ties of
    several causes included; where no two causes share a time, ``S = Π_k S_k = exp(−Σ_k H_k)``. Hazards of one customer
    that add up to more than 1 are scaled down to 1.

    Models that are smooth in between: ``S = exp(−Σ_k H_k)``, and what falls off it between one point of a
    fine grid and the next belongs to the causes in proportion to the growth of their H.

    In both cases incidences and survival sum to one by construction (Prentice et al. 1978, Biometrics
    34, 541-554).

    Examples
    --------
    >>> from churnlib.survival import KaplanMeier
    >>> from churnlib.targets import survival_target
    >>> y = survival_target(["price", "moved", "price", None], [3, 3, 4, 5], causes=["price", "moved"])
    >>> X = np.zeros((4, 1))
    >>> model = CompetingHazards(KaplanMeier(), causes=["price", "moved"]).fit(X, y)
    >>> model.predict_cumulative_incidence(X[:1], [3, 4])
    array([[[0.25, 0.5 ],
            [0.25, 0.25]]])
    >>> model.predict_churn_probability(X[:1], 4, cause="price")
    array([0.5])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **HazardModel._parameter_constraints,
        "estimator": [HasMethods("fit"), None],
        "causes": ["array-like", None],
    }
    _causes = "each"

    estimators_: list[Any]

    def __init__(self, estimator: Any = None, *, causes: Sequence[str] | None = None, beyond: str = "raise") -> None:
        self.estimator = estimator
        self.causes = causes
        self.beyond = beyond

    def _fit(self, X: Any, rows: SurvivalRows, weight: FloatArray) -> None:
        self._check_every_cause(rows, weight)
        counted = None if (weight == 1).all() else weight
        template = CoxModel() if self.estimator is None else self.estimator
        self.estimators_ = []
        for number in range(1, len(self.causes_) + 1):
            self.estimators_.append(fitted_clone(template, X, _target_of(rows, number), counted))
        models = [hazard_model(fitted, X[:1])[0] for fitted in self.estimators_]
        self.times_ = np.unique(np.concatenate([model.times_ for model in models]))
        self._steps = all(model._steps for model in models)
        low, high = max(model.support_[0] for model in models), min(model.support_[1] for model in models)
        self.support_ = (low, high)

    def _check_every_cause(self, rows: SurvivalRows, weight: FloatArray) -> None:
        seen = np.bincount(rows.event[weight > 0], minlength=len(self.causes_) + 1)[1:]
        missing = [repr(cause) for cause, count in zip(self.causes_, seen, strict=True) if not count]
        if missing:
            raise DataError(
                message(
                    f"nobody of {len(rows)} rows left by cause {some(missing)}",
                    "at least one observed churn of each cause: of the others no hazard can be learned",
                    "a longer history, or survival_target(causes=...) with rare causes put together; "
                    "in cross-validation, folds that keep the causes (cv=SurvivalKFold(5))",
                )
            )

    def _read(self, X: Any, *, reset: bool) -> Any:
        return look_at(self, X, reset=reset)

    def _cells_per_row(self, n_times: int) -> int:
        return n_times + 4 * max(len(self.times_), _PIECES)

    # ------------------------------------------------------------------ what the base asks for

    def _log_survival(self, X: Any, times: FloatArray) -> FloatArray:
        if not self._steps:
            return np.asarray(sum(self._of_each(X, times)))
        grid = self.times_[self.times_ <= times.max()]
        leaving = np.minimum(self._hazards(X, grid[None, :]).sum(axis=1), 1.0)
        with np.errstate(divide="ignore"):
            path = np.cumsum(np.log1p(-leaving), axis=1)
        return _at(grid, path, times)

    def _incidence(self, X: Any, times: FloatArray) -> FloatArray:
        if not self._steps:
            return self._smooth_incidence(X, times)
        grid = self.times_[self.times_ <= times.max()]
        hazards = self._hazards(X, grid[None, :])
        total = hazards.sum(axis=1)
        with np.errstate(divide="ignore"):
            after = np.exp(np.cumsum(np.log1p(-np.minimum(total, 1.0)), axis=1))
        before = np.concatenate([np.ones((len(after), 1)), after[:, :-1]], axis=1)
        hazards *= (before / np.maximum(total, 1.0))[:, None, :]
        paths = np.cumsum(hazards, axis=2, out=hazards)
        return np.stack([_at(grid, paths[:, k], times) for k in range(paths.shape[1])], axis=1)

    def _hazards(self, X: Any, grid: FloatArray) -> FloatArray:
        """Return the chance to leave at each time of the grid by each cause, of those still here: (m, K, G)."""
        return np.stack([np.abs(np.expm1(_fall(log_survival))) for log_survival in self._of_each(X, grid)], axis=1)

    def _of_each(self, X: Any, times: FloatArray) -> list[FloatArray]:
        """Return log S of each cause's model."""
        found = []
        for fitted in self.estimators_:
            model, rows = hazard_model(fitted, X)
            found.append(model._log_ahead(model._read(rows, reset=False), times, None))
        return found

    def _incidence_ahead(self, X: Any, ahead: FloatArray, start: FloatArray | None) -> FloatArray:
        if self._steps or start is None:
            return super()._incidence_ahead(X, ahead, start)
        # From the tenure on, on one grid: a difference of two incidences would have the errors of two grids.
        since, times = start[:, None], start[:, None] + ahead
        inside, outside = within_support(times, self._known, self._rule)
        incidence = self._smooth_incidence(X, inside, self._inside(since))
        unknown = np.isnan(self._still_here(X, since))
        unknown = unknown if outside is None else unknown | outside
        return np.where(unknown[:, None, :], np.nan, incidence)

    def _smooth_incidence(self, X: Any, times: FloatArray, since: FloatArray | float = 0.0) -> FloatArray:
        """Share what falls off S between the points of a grid, made for each row, among the causes."""
        order = np.argsort(times, axis=1)
        ascending = np.take_along_axis(times, order, axis=1)
        m, n_times = times.shape
        pieces = 2 * max(4, _PIECES // n_times // 2)
        places = np.arange(1, pieces + 1) / pieces
        begin = np.concatenate([np.broadcast_to(since, (m, 1)), ascending[:, :-1]], axis=1)
        shares = places**3  # hazards bend most near the start, and where they are steep few outlast it
        grid = begin[:, :, None] + (ascending - begin)[:, :, None] * shares
        logs = np.stack(self._of_each(X, np.concatenate([begin[:, :1], grid.reshape(m, -1)], axis=1)), axis=1)
        steps = _shared(logs).reshape(*logs.shape[:2], -1, 2).sum(axis=3)
        wide = _shared(logs[:, :, ::2])
        # Errors go with the square of the step: those of two steps and of one of twice the length cancel.
        better = (4 * steps - wide) / 3
        paths = np.cumsum(np.where((better < 0).any(axis=1, keepdims=True), steps, better), axis=2)
        paths = paths[:, :, pieces // 2 - 1 :: pieces // 2]
        rows = len(logs)
        out = np.empty((rows, len(self.estimators_), n_times))
        np.put_along_axis(out, np.broadcast_to(order[:, None, :], out.shape), paths, axis=2)
        return out

    def __sklearn_tags__(self) -> Tags:
        return with_tags_of(CoxModel() if self.estimator is None else self.estimator, super().__sklearn_tags__())


def _target_of(rows: SurvivalRows, number: int) -> Any:
    """Return the target of one cause, with the others as censored."""
    fields: list[tuple[str, Any]] = [("event", rows.event == number), ("time", rows.time)]
    if rows.entry is not None:
        fields.append(("entry", rows.entry))
    target = np.empty(len(rows), dtype=[(name, values.dtype) for name, values in fields])
    for name, values in fields:
        target[name] = values
    return target


def _shared(logs: FloatArray) -> FloatArray:
    """Return by how much S falls by each cause from one place to the next, given that one is there at the first.

    `logs` holds log S of each cause's model at the places, (m, K, G + 1); the result is (m, K, G).
    """
    growth = -_fall(logs)[:, :, 1:]
    whole = growth.sum(axis=1, keepdims=True)
    share = np.divide(growth, whole, out=np.zeros_like(growth), where=whole > 0)
    with np.errstate(invalid="ignore"):  # nobody is left at the first place
        here = np.exp(logs.sum(axis=1) - logs[:, :, :1].sum(axis=1))
    return np.asarray(share * -np.diff(here, axis=1)[:, None, :])


def _fall(log_survival: FloatArray) -> FloatArray:
    """Return how log S falls from one time to the next, along the last axis; nothing where nobody is left."""
    with np.errstate(invalid="ignore"):
        steps = np.diff(log_survival, axis=-1, prepend=0.0)
    return np.where(np.isnan(steps), 0.0, np.minimum(steps, 0.0))


def _at(grid: FloatArray, path: FloatArray, times: FloatArray) -> FloatArray:
    """Return the value of a step path, 0 before the first time of the grid, at times of shape (1, T) or (m, T)."""
    reached = np.searchsorted(grid, times, side="right")
    padded = np.concatenate([np.zeros((len(path), 1)), path], axis=1)
    return np.take_along_axis(padded, np.broadcast_to(reached, (len(path), times.shape[1])), axis=1)
