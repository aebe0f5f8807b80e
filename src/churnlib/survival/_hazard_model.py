"""Base of the models of time to churn: one protocol, one rule for what lies beyond the data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, Self

import numpy as np

from churnlib._sklearn import BaseEstimator, StrOptions, Tags, check_is_fitted, fit_context, validate_data
from churnlib._typing import Array, ArrayLike, BoolArray, FloatArray
from churnlib.exceptions import DataError, HistoryError, ParameterError, message, nearest, some
from churnlib.metrics import concordance_score
from churnlib.metrics._arrays import weights
from churnlib.metrics._grid import on_grid
from churnlib.numerics import StepFunction, censoring_survival
from churnlib.survival._ask import read_given, read_horizon, read_times, within_support
from churnlib.survival._tail import Tail
from churnlib.targets import SurvivalRows, read_survival_target

__all__ = ["HazardModel"]

_CELLS = 1 << 20
"""Cells of a matrix of rows and times that are worked on at once: 8 MiB, which stays near the processor."""


def _nodes() -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights on [0, 1]: Gauss and Legendre, on pieces that double up to 1/16, then 1/32 each.

    A smooth law changes over lengths of its own, far shorter than `until` where that is far; a piece that is as long as
    its distance from 0 is short beside either. The even pieces follow laws that are smooth only between many knots.
    """
    near = np.concatenate([[0.0], 2.0 ** np.arange(-30, -3)])
    places, shares = [], []
    for edges, n in ((near, 8), (np.arange(2, 33) / 32, 6)):
        nodes, weight = np.polynomial.legendre.leggauss(n)
        half = np.diff(edges) / 2
        places.append((edges[:-1, None] + half[:, None] * (nodes + 1)).ravel())
        shares.append((half[:, None] * weight).ravel())
    return np.concatenate(places), np.concatenate(shares)


_PLACES, _SHARES = _nodes()


class HazardModel(BaseEstimator, ABC):
    """Base of the models of time to churn.

    A subclass gives `_fit` and `_log_survival`, and `_incidence` if it tells
    causes apart; everything that is asked of a model is answered here from them.

    Times of a target are tenures: they count from the customer's start. `times` and `horizon` of
    a question count from `given`, the tenure a customer has reached (from the start where it
    is not given): the chance to leave within 90 days of a customer who is 400 days with us
    is ``predict_churn_probability(X, 90, given=400)``.

    Examples
    --------
    A law of one number: everybody leaves at the rate at which all of them did.

    >>> from churnlib.targets import survival_target
    >>> class Constant(HazardModel):
    ...     _steps, _own_tail = False, True  # smooth, and known beyond the data
    ...
    ...     def __init__(self, *, beyond="raise"):
    ...         self.beyond = beyond
    ...
    ...     def _fit(self, X, rows, weight):
    ...         self.times_ = np.unique(rows.time)
    ...         self.rate_ = (weight * rows.observed).sum() / (weight * rows.duration).sum()
    ...
    ...     def _log_survival(self, X, times):
    ...         return np.repeat(-self.rate_ * times, len(X), axis=0) if len(times) == 1 else -self.rate_ * times
    >>> model = Constant().fit([[0.0], [0.0]], survival_target([1, 0], [40, 60]))
    >>> model.predict_churn_probability([[0.0]], "30d", given=20).round(3)
    array([0.259])
    """

    beyond: str
    """What to say of tenures that nobody was watched at: refuse, NaN, the last value, or a tail."""

    times_: FloatArray
    support_: tuple[float, float]
    causes_: tuple[int | str, ...]
    censoring_: StepFunction

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "beyond": [StrOptions({"raise", "nan", "hold", "extrapolate"})],
    }
    _causes: ClassVar[Literal["one", "pooled", "each"]] = "one"
    """What several causes are to the model: refused, all of them churn, or told apart."""
    _steps: bool = True
    """Whether survival falls at `times_` only; else it is smooth in between."""
    _own_tail: bool = False
    """Whether the model itself says how survival goes on beyond the data, as a formula does."""

    # ------------------------------------------------------------------ what a model gives

    @abstractmethod
    def _fit(self, X: Any, rows: SurvivalRows, weight: FloatArray) -> None:
        """Learn; must set `times_`, and may move `support_`."""

    @abstractmethod
    def _log_survival(self, X: Any, times: FloatArray) -> FloatArray:
        """Return log S at tenures inside the support: `times` has shape (1, T) or (m, T), the result (m, T)."""

    def _incidence(self, X: Any, times: FloatArray) -> FloatArray:
        """Return the cumulative incidence by cause, of shape (m, K, T)."""
        return np.asarray(-np.expm1(self._log_survival(X, times)))[:, None, :]

    def _risk(self, X: Any) -> FloatArray:
        """Return the risk of each row: minus the lifetime expected within the support."""
        return self._minus_lifetime(X, self.support_[1])

    def _minus_lifetime(self, X: Any, until: float) -> FloatArray:
        """Return minus the lifetime expected from the first tenure watched to `until`, in blocks of rows."""
        low = self.support_[0]
        out = np.empty(len_of(X))
        for block in self._blocks(len(out), self._cells_per_life()):
            part = part_of(X, block)
            n = len_of(part)
            out[block] = -self._lifetime(part, np.full(n, low), np.full(n, until - low))
        return out

    def _read(self, X: Any, *, reset: bool) -> Any:
        """Check X, and return what can be sliced by rows."""
        return validate_data(self, X, reset=reset, dtype=np.float64)

    @property
    def _known(self) -> tuple[float, float]:
        """The tenures that survival is known at: a smooth law speaks of those before the first that was watched too."""
        low, high = self.support_
        return (low if self._steps else 0.0), high

    def _watched(self, X: Any) -> tuple[FloatArray, FloatArray]:
        """Return the first and the last tenure that each row's survival is known at."""
        low, high = self._known
        return np.full(len_of(X), low), np.full(len_of(X), high)

    def _cells_per_row(self, n_times: int) -> int:
        """How many numbers a row needs while it is worked on."""
        return n_times

    def _cells_per_life(self) -> int:
        """How many numbers a row needs while the area under its whole curve is taken."""
        return self._cells_per_row(len(self.times_) + 2 if self._steps else len(_PLACES))

    # ------------------------------------------------------------------ fit

    @fit_context(nested=False)
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Learn when customers leave.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.
        y : structured array of shape (n_rows,)
            The survival target, from `survival_target` or ``data.survival``.
        sample_weight : array-like of shape (n_rows,), default=None
            How many customers each row stands for.

        Returns
        -------
        estimator
            Itself, fitted.

        Raises
        ------
        DataError
            If y is no survival target or does not fit X, or nobody was seen to leave.
        """
        self._fit(*self._begin(X, y, sample_weight))
        return self

    def _begin(self, X: Any, y: Any, sample_weight: ArrayLike | None) -> tuple[Any, SurvivalRows, FloatArray]:
        rows = read_survival_target(y)
        data = self._read(X, reset=True)
        if len_of(data) != len(rows):
            raise DataError(message(f"X has {len_of(data)} rows and y {len(rows)}", "one target for each row of X"))
        weight, _ = weights(sample_weight, len(rows))
        self._check_causes(rows)
        if not (rows.observed & (weight > 0)).any():
            raise DataError(
                message(
                    f"all {len(rows)} rows are censored",
                    "at least one observed churn: nothing can be learned of when customers leave from those who stay",
                    "take a longer history, or another definition of churn",
                )
            )
        counted = weight > 0
        self.support_ = (float(rows.start[counted].min()), float(rows.time[counted].max()))
        # On a grid weights add up to the same in any order of the rows.
        self.censoring_ = censoring_survival(rows.duration, rows.event, weight=on_grid(weight))
        return data, rows, weight

    def _check_causes(self, rows: SurvivalRows) -> None:
        names = getattr(self, "causes", None)
        n_causes = rows.n_causes
        if self._causes == "each":
            if names is not None and n_causes > len(names):
                raise DataError(
                    message(
                        f"y holds cause {n_causes}, and causes names {len(names)}: {some(names, 12)}",
                        "a name for each cause, in the order of their numbers",
                    )
                )
            self.causes_ = tuple(range(1, n_causes + 1)) if names is None else tuple(names)
            if len(set(self.causes_)) < len(self.causes_):
                raise ParameterError(
                    message(
                        f"causes are {some(self.causes_, 12)}",
                        "names that are told apart",
                        "causes=data.causes",
                    )
                )
            return
        if self._causes == "one" and n_causes > 1:
            raise DataError(
                message(
                    f"y holds {n_causes} causes, and {type(self).__name__} models one way to leave",
                    "a target of one cause",
                    f"cl.CompetingHazards({type(self).__name__}()), or survival_target(event > 0, ...) for any cause",
                )
            )
        self.causes_ = (1,)

    # ------------------------------------------------------------------ predictions

    def predict(self, X: Any) -> FloatArray:
        """Return the risk of each row: higher leaves sooner.

        Only the order means something; it is what concordance looks at.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.

        Returns
        -------
        ndarray of shape (n_rows,)
            Any real number; higher is sooner.
        """
        check_is_fitted(self)
        data = self._read(X, reset=False)
        risk = np.empty(len_of(data))
        for block in self._blocks(len(risk), self._cells_per_row(1)):
            risk[block] = self._risk(part_of(data, block))
        return risk

    def predict_survival_function(
        self, X: Any, times: ArrayLike | None = None, *, given: ArrayLike | str | None = None
    ) -> FloatArray:
        """Return the chance to be still here at each time.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.
        times : array-like of shape (n_times,), default=None
            Times at least 0, counted from `given`, in the unit of the target. None: ``times_``.
        given : float, array-like of shape (n_rows,), or str, default=None
            The tenure each customer has reached; text names a column of X. None: times count from the
            start of life. With delayed entry the answer is then that of customers who have reached
            ``support_[0]``, before which nobody was watched, unless the model is a smooth law.

        Returns
        -------
        ndarray of shape (n_rows, n_times)
            ``P(T > given + t | T > given)``, in [0, 1], not increasing along the times.

        Raises
        ------
        HistoryError
            If a time lies beyond ``support_`` and ``beyond="raise"``.
        ParameterError
            If times are not numbers at least 0, or `given` does not fit X.
        """
        data, ahead, start = self._asked(X, times, given)
        return np.exp(self._conditional(data, ahead, start))

    def predict_cumulative_hazard(
        self, X: Any, times: ArrayLike | None = None, *, given: ArrayLike | str | None = None
    ) -> FloatArray:
        """Return the cumulative hazard, ``-log S``, at each time.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.
        times : array-like of shape (n_times,), default=None
            As in `predict_survival_function`.
        given : float, array-like of shape (n_rows,), or str, default=None
            As in `predict_survival_function`.

        Returns
        -------
        ndarray of shape (n_rows, n_times)
            At least 0, not decreasing along the times; infinite where nobody stays.

        Raises
        ------
        HistoryError
            If a time lies beyond ``support_`` and ``beyond="raise"``.
        """
        data, ahead, start = self._asked(X, times, given)
        return np.abs(self._conditional(data, ahead, start))

    def predict_hazard(
        self, X: Any, times: ArrayLike | None = None, *, given: ArrayLike | str | None = None
    ) -> FloatArray:
        """Return the chance to leave between one time and the next, of those still here.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.
        times : array-like of shape (n_times,), default=None
            Ascending ends of the intervals, the first of which begins at `given`;
            else as in `predict_survival_function`.
        given : float, array-like of shape (n_rows,), or str, default=None
            As in `predict_survival_function`.

        Returns
        -------
        ndarray of shape (n_rows, n_times)
            ``P(T ≤ t_j | T > t_(j-1))``, in [0, 1]; the product of ``1 - hazard`` is the survival
            function. NaN where nobody is left to leave.

        Raises
        ------
        HistoryError
            If a time lies beyond ``support_`` and ``beyond="raise"``.
        ParameterError
            If times do not ascend.
        """
        data, ahead, start = self._asked(X, times, given)
        if (np.diff(ahead[0]) <= 0).any():
            raise ParameterError(
                message("times do not ascend", "ends of intervals, each after the last", "np.unique(times)")
            )
        log_survival = self._conditional(data, ahead, start)
        with np.errstate(invalid="ignore"):  # -inf less -inf: nobody is left
            steps = np.diff(log_survival, axis=1, prepend=0.0)
        return np.abs(np.expm1(steps))

    def predict_cumulative_incidence(
        self, X: Any, times: ArrayLike | None = None, *, given: ArrayLike | str | None = None
    ) -> FloatArray:
        """Return the chance to have left by each time, by cause.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.
        times : array-like of shape (n_times,), default=None
            As in `predict_survival_function`.
        given : float, array-like of shape (n_rows,), or str, default=None
            As in `predict_survival_function`.

        Returns
        -------
        ndarray of shape (n_rows, n_causes, n_times)
            In [0, 1], causes in the order of ``causes_``; their sum and the survival function make 1.

        Raises
        ------
        HistoryError
            If a time lies beyond ``support_`` and ``beyond="raise"``.
        """
        data, ahead, start = self._asked(X, times, given)
        out = np.empty((len_of(data), len(self.causes_), ahead.shape[1]))
        for block in self._blocks(len(out), self._cells_per_row(ahead.shape[1]) * len(self.causes_)):
            out[block] = self._incidence_of(part_of(data, block), *_part(block, ahead, start))
        return out

    def predict_churn_probability(
        self,
        X: Any,
        horizon: float | str | ArrayLike,
        *,
        given: ArrayLike | str | None = None,
        cause: int | str | None = None,
    ) -> FloatArray:
        """Return the chance that each customer leaves within the horizon.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.
        horizon : float, str, or array-like of shape (n_rows,)
            How far to look, above 0, in the unit of the target; text such as ``"90d"`` means days.
        given : float, array-like of shape (n_rows,), or str, default=None
            As in `predict_survival_function`.
        cause : int or str, default=None
            One of ``causes_``. None: by whatever cause.

        Returns
        -------
        ndarray of shape (n_rows,)
            ``P(T ≤ given + horizon | T > given)``, in [0, 1].

        Raises
        ------
        HistoryError
            If the horizon ends beyond ``support_``, or without `given` before it, and ``beyond="raise"``.
        ParameterError
            If `horizon`, `given` or `cause` cannot be read.
        """
        check_is_fitted(self)
        data = self._read(X, reset=False)
        start = read_given(given, X, len_of(data))
        ahead = read_horizon(horizon, len_of(data), X)
        early = self._too_early(ahead) if start is None else None
        which = None if cause is None else self._cause(cause)
        out = np.empty(len_of(data))
        for block in self._blocks(len(out), self._cells_per_row(1) * len(self.causes_)):
            part, (times, since) = part_of(data, block), _part(block, ahead, start)
            if which is None:
                out[block] = -np.expm1(self._log_of(part, times, since))[:, 0]
            else:
                out[block] = self._incidence_of(part, times, since)[:, which, 0]
        return np.abs(out) if early is None else np.where(early, np.nan, np.abs(out))

    def _too_early(self, horizon: FloatArray) -> BoolArray | None:
        """Say which horizons end before anybody was watched, or refuse them: a chance of 0 would mean nothing."""
        low = self._known[0]
        early = horizon[:, 0] <= low
        if low <= 0 or self._rule in ("hold", "extrapolate") or not early.any():
            return None
        if self._rule == "raise":
            raise HistoryError(
                message(
                    f"without given= a horizon counts from the start of life, and nobody was watched before {low:g} "
                    f"(horizons from {float(horizon.min()):g})",
                    "the tenure each customer has reached",
                    "given=tenure, or a horizon that ends later",
                )
            )
        return early

    def predict_expected_lifetime(
        self, X: Any, *, given: ArrayLike | str | None = None, until: float | str | ArrayLike | None = None
    ) -> FloatArray:
        """Return the time that each customer is expected to stay, within `until`.

        The restricted mean: the area under the survival function from `given` on. How long
        those stay who outlast the data is not known; so a mean without a limit exists only
        where nobody does.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.
        given : float, array-like of shape (n_rows,), or str, default=None
            As in `predict_survival_function`.
        until : float, str, or array-like of shape (n_rows,), default=None
            How far to look, counted from `given`; where that is None and entry is delayed, from
            ``support_[0]``. None: as long as anybody stays.

        Returns
        -------
        ndarray of shape (n_rows,)
            Between 0 and `until`, in the unit of the target.

        Raises
        ------
        HistoryError
            If `until` ends beyond ``support_`` and ``beyond="raise"``.
        ParameterError
            If `until` is None and some of the customers outlast the data.
        """
        check_is_fitted(self)
        data = self._read(X, reset=False)
        n = len_of(data)
        low, high = self._known
        start = read_given(given, X, n)
        begin = np.full(n, low) if start is None else start
        ahead = high - begin if until is None else np.broadcast_to(read_horizon(until, n, X)[:, 0], n)
        if until is None:
            self._check_nobody_stays(data)
        out = np.empty(n)
        for block in self._blocks(n, self._cells_per_life()):
            out[block] = self._lifetime_of(part_of(data, block), begin[block], ahead[block])
        return out

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return Harrell's concordance of the risk: the share of comparable pairs in the right order.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.
        y : structured array of shape (n_rows,)
            The survival target; delayed entry counts.
        sample_weight : array-like of shape (n_rows,), default=None
            How many customers each row stands for.

        Returns
        -------
        float
            In [0, 1]; a coin reaches .5.
        """
        return concordance_score(y, self.predict(X), sample_weight=sample_weight)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    # ------------------------------------------------------------------ the routine behind them

    def _asked(
        self, X: Any, times: ArrayLike | None, given: ArrayLike | str | None
    ) -> tuple[Any, FloatArray, FloatArray | None]:
        check_is_fitted(self)
        if times is None and given is not None:
            raise ParameterError(message("times= is missing", "with given=, times count from it", "times=[30, 60, 90]"))
        data = self._read(X, reset=False)
        ahead = self.times_[None, :] if times is None else read_times(times)[None, :]
        return data, ahead, read_given(given, X, len_of(data))

    def _conditional(self, data: Any, ahead: FloatArray, start: FloatArray | None) -> FloatArray:
        out = np.empty((len_of(data), ahead.shape[1]))
        for block in self._blocks(len(out), self._cells_per_row(ahead.shape[1])):
            out[block] = self._log_of(part_of(data, block), *_part(block, ahead, start))
        return out

    @property
    def _rule(self) -> str:
        """What is done at the end of the data; a tail without a formula is put behind a curve that is held."""
        return "hold" if self.beyond == "extrapolate" and not self._own_tail else self.beyond

    def _log_of(self, X: Any, ahead: FloatArray, start: FloatArray | None) -> FloatArray:
        log_survival = self._log_ahead(X, ahead, start)
        tail = self._tail(X, ahead, start)
        return log_survival if tail is None else np.asarray(log_survival - tail.cumulative_hazard)

    def _incidence_of(self, X: Any, ahead: FloatArray, start: FloatArray | None) -> FloatArray:
        incidence = self._incidence_ahead(X, ahead, start)
        tail = self._tail(X, ahead, start)
        if tail is None:
            return incidence
        leaving = np.exp(self._log_ahead(X, ahead, start)) * -np.expm1(-tail.cumulative_hazard)
        return np.asarray(incidence + tail.shares(self._incidence_ahead)[:, :, None] * leaving[:, None, :])

    def _lifetime_of(self, X: Any, begin: FloatArray, ahead: FloatArray) -> FloatArray:
        if self._rule != "hold":
            return self._lifetime(X, begin, ahead)
        low, end = self._watched(X)
        early = np.clip(low - begin, 0.0, ahead)  # held at both ends: before the data nobody leaves
        begin, ahead = begin + early, ahead - early
        inside = np.minimum(begin + ahead, end) - np.minimum(begin, end)
        area = early + self._lifetime(X, begin, inside)
        rest = ahead - inside
        if not (rest > 0).any():
            return area
        reached = np.exp(self._log_ahead(X, inside[:, None], begin))[:, 0]
        tail = self._tail(X, ahead[:, None], begin)
        return np.asarray(area + reached * (rest if tail is None else tail.time_stayed(rest)))

    def _tail(self, X: Any, ahead: FloatArray, start: FloatArray | None) -> Tail | None:
        """Return how survival goes on beyond the data, if that is asked for."""
        if self.beyond != "extrapolate" or self._own_tail:
            return None
        low, end = self._watched(X)
        begin = np.zeros(1) if start is None else start
        past = np.maximum(begin[:, None] + ahead - np.maximum(begin, end)[:, None], 0.0)
        return Tail.of(X, low, end, past, self._log_ahead) if (past > 0).any() else None

    def _log_ahead(self, X: Any, ahead: FloatArray, start: FloatArray | None) -> FloatArray:
        """Return log S(start + ahead | start); NaN where `beyond` says so."""
        since, times = self._tenures(ahead, start)
        later = self._at(X, times)
        if since is None:
            return later
        reached = self._still_here(X, since)
        with np.errstate(invalid="ignore"):
            return np.minimum(later - reached, 0.0)

    def _incidence_ahead(self, X: Any, ahead: FloatArray, start: FloatArray | None) -> FloatArray:
        """Return the incidence by cause of the time ahead, of shape (m, K, T)."""
        if len(self.causes_) == 1:  # a difference of incidences would lose digits where few are left
            return np.asarray(-np.expm1(self._log_ahead(X, ahead, start)))[:, None, :]
        since, times = self._tenures(ahead, start)
        inside, outside = within_support(times, self._known, self._rule)
        incidence = self._incidence(X, inside)
        if since is not None:
            reached = np.exp(self._still_here(X, since))[:, None, :]
            with np.errstate(invalid="ignore"):
                incidence = np.clip((incidence - self._incidence(X, self._inside(since))) / reached, 0.0, 1.0)
        return incidence if outside is None else np.where(outside[:, None, :], np.nan, incidence)

    def _tenures(self, ahead: FloatArray, start: FloatArray | None) -> tuple[FloatArray | None, FloatArray]:
        """Return the tenure to condition on (None: the start of life) and the tenures asked for."""
        low = self._known[0]
        if start is None:
            return (np.array([[low]]) if low > 0 else None), np.maximum(ahead, low)
        return start[:, None], start[:, None] + ahead

    def _at(self, X: Any, times: FloatArray) -> FloatArray:
        inside, outside = within_support(times, self._known, self._rule)
        log_survival = self._log_survival(X, inside)
        return log_survival if outside is None else np.where(outside, np.nan, log_survival)

    def _inside(self, times: FloatArray) -> FloatArray:
        return within_support(times, self._known, self._rule)[0]

    def _still_here(self, X: Any, since: FloatArray) -> FloatArray:
        """Return log S at the tenures reached, which must be tenures that were watched, and where somebody is left."""
        inside, outside = within_support(since, self._known, self._rule, from_low=True)
        reached = self._log_survival(X, inside)
        gone = np.isneginf(reached[:, 0])
        if gone.any() and self._rule == "raise":
            raise HistoryError(
                message(
                    f"{int(gone.sum())} of {len(gone)} customers have a tenure at which, by the model, nobody is left",
                    "given= is the tenure of customers who are still here",
                    "look whether tenure and target have the same unit",
                )
            )
        return reached if outside is None else np.where(outside, np.nan, reached)

    def _lifetime(self, X: Any, begin: FloatArray, ahead: FloatArray) -> FloatArray:
        """Return the area under S(. | begin) over the next `ahead`."""
        _, outside = within_support((begin + ahead)[:, None], self._known, self._rule)
        if not self._steps:
            survival = np.exp(self._log_ahead(X, ahead[:, None] * _PLACES, begin))
            return np.asarray(survival @ _SHARES) * ahead
        low, high = self.support_
        knots = np.unique(np.concatenate([[low], self.times_[(self.times_ > low) & (self.times_ <= high)]]))
        survival = np.exp(self._log_survival(X, knots[None, :]))
        until = np.clip(np.concatenate([(begin + ahead)[None, :], begin[None, :]]), low, None)
        to_end, to_begin = (_area(knots, survival, at) for at in until)
        since = np.exp(self._still_here(X, begin[:, None]))[:, 0]
        area = np.clip((to_end - to_begin) / np.where(since > 0, since, np.nan), 0.0, ahead)
        return area if outside is None else np.where(outside[:, 0], np.nan, area)

    def _check_nobody_stays(self, data: Any) -> None:
        last = np.array([[self.support_[1]]])
        staying = 0.0
        for block in self._blocks(len_of(data), self._cells_per_row(1)):
            staying = max(staying, float(np.exp(self._log_survival(part_of(data, block), last)).max()))
        if staying > 1e-9:
            raise ParameterError(
                message(
                    f"up to {staying:.0%} are still here at {self.support_[1]:g}, the end of the data",
                    "how long they stay is not known, so only the time within a limit can be expected",
                    "until=365",
                )
            )

    def _cause(self, cause: int | str) -> int:
        if cause not in self.causes_:
            hint = f" ({nearest(cause, self.causes_)})" if isinstance(cause, str) else ""
            raise ParameterError(
                message(
                    f"cause={cause!r} is not known{hint}",
                    f"causes are {some(map(repr, self.causes_), 12)}",
                    f"cause={self.causes_[0]!r}, or cause=None for whichever",
                )
            )
        return self.causes_.index(cause)

    @staticmethod
    def _blocks(n_rows: int, cells: int) -> Iterator[slice]:
        step = max(1, _CELLS // max(cells, 1))
        for first in range(0, n_rows, step):
            yield slice(first, min(first + step, n_rows))


def len_of(X: Any) -> int:
    """Return the number of rows of what `_read` returned."""
    return int(X.shape[0])


def part_of(X: Any, rows: slice | Array) -> Any:
    """Return some rows of what `_read` returned."""
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def _part(block: slice, ahead: FloatArray, start: FloatArray | None) -> tuple[FloatArray, FloatArray | None]:
    return ahead if len(ahead) == 1 else ahead[block], None if start is None else start[block]


def _area(knots: FloatArray, survival: FloatArray, at: FloatArray) -> FloatArray:
    """Return the area under a step function that changes at the knots, from the first knot to `at`, for each row."""
    filled = np.zeros_like(survival)
    np.cumsum(survival[:, :-1] * np.diff(knots), axis=1, out=filled[:, 1:])
    here = np.searchsorted(knots, at, side="right") - 1
    rows = np.arange(len(survival))
    return np.asarray(filled[rows, here] + survival[rows, here] * (at - knots[here]))
