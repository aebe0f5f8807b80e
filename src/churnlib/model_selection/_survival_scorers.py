"""Scorers of hazard models, for ``scoring=`` of whatever scikit-learn validates with."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from churnlib._through import final_step
from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import AssumptionWarning, HistoryError, ParameterError, message
from churnlib.metrics import (
    concordance_score,
    dynamic_auc,
    integrated_brier_loss,
    survival_brier_loss,
    survival_log_loss,
    uno_concordance_score,
)
from churnlib.metrics._censoring import Censoring, read_censoring
from churnlib.metrics._survival_inputs import Watched, read_horizon, read_tau, read_times, read_watched

__all__ = [
    "SurvivalScorer",
    "auc_scorer",
    "brier_scorer",
    "concordance_scorer",
    "integrated_brier_scorer",
    "survival_log_scorer",
    "uno_scorer",
]

_ROUNDING = 1e-9
"""Entry and time are added in floating point; 11.9 + 0.1 is not past a support that ends at 12."""


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """One fold to be scored: the model, its rows, their target and weights."""

    model: Any
    X: Any
    y: Any
    watched: Watched
    weight: ArrayLike | None

    @classmethod
    def read(cls, estimator: Any, X: Any, y: Any, weight: ArrayLike | None) -> _Task:
        model, rows = final_step(estimator, X)
        return cls(model, rows, y, read_watched(y, weight), weight)

    @property
    def train(self) -> Any:
        """Censoring as seen in training, else None, which takes it from the rows scored."""
        known = getattr(self.model, "censoring_", None)
        if known is None:
            _warn(
                f"{type(self.model).__name__} has no censoring_: censoring is estimated from the rows scored",
                "churnlib's models keep that of the rows they were fitted to",
            )
        return known

    def within_support(self, times: FloatArray) -> tuple[_Task, FloatArray]:
        """Leave out times that nobody was watched at in training, then rows for which some time is one."""
        low, high = getattr(self.model, "support_", (0.0, np.inf))
        entry = self.watched.rows.start
        slack = _ROUNDING * max(high, 1.0) if np.isfinite(high) else 0.0
        can_start = entry >= low - slack
        if not can_start.any():
            raise HistoryError(
                message(
                    f"all {entry.size} rows entered before {low:g}, before which nobody was watched in training",
                    "rows of a tenure that the model has seen",
                    "train on rows of the same entries",
                )
            )
        kept = times[times <= high - entry[can_start].min() + slack]
        _report_times(times, kept, f"training ends at a tenure of {high:g}")
        rows = np.flatnonzero(can_start & (entry + kept[-1] <= high + slack))
        if rows.size == entry.size:
            return self, kept
        _warn(
            f"{entry.size - rows.size} of {entry.size} rows are not scored: at {kept[-1]:g} after their entry they "
            f"leave the tenures seen in training, {low:g} to {high:g}",
            "which rows are left out depends on their entry alone, so that scores are not tilted",
        )
        return self._take(rows), kept

    def _take(self, rows: Any) -> _Task:
        from sklearn.utils import _safe_indexing

        y = np.asarray(self.y)[rows]
        weight = None if self.weight is None else np.asarray(self.weight)[rows]
        return _Task(self.model, _safe_indexing(self.X, rows), y, read_watched(y, weight), weight)

    def survival(self, times: FloatArray) -> FloatArray:
        """Predict survival at times counted from the entry of each row."""
        entry = self.watched.rows.entry
        given = {} if entry is None else {"given": entry}
        return np.asarray(self.model.predict_survival_function(self.X, times, **given), dtype=np.float64)


@dataclass(frozen=True, repr=False)
class SurvivalScorer:
    """A scorer: ``scorer(estimator, X, y, sample_weight=None)``, greater is better.

    Made by `concordance_scorer`, `uno_scorer`, `brier_scorer`, `integrated_brier_scorer`, `auc_scorer` and
    `survival_log_scorer`. It can be pickled, and compared; several may be used at once, as
    ``scoring={"name": scorer, ...}``.

    Parameters
    ----------
    name : str
        What it returns; ``"neg_"`` begins that of a loss with its sign turned.
    options : tuple of (str, value) pairs
        The times, horizon or tau asked for.
    weight_request : bool, str or None
        What was set by `set_score_request`.

    Examples
    --------
    >>> brier_scorer("90d")
    neg_survival_brier_loss(horizon=90.0)
    """

    name: str
    options: tuple[tuple[str, Any], ...] = ()
    weight_request: bool | str | None = None

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : fitted estimator
            A hazard model, or a pipeline or search that ends in one.
        X : array or frame of shape (n_rows, n_features)
            The rows to score.
        y : structured array of shape (n_rows,)
            Their survival target; entries are the tenures that predictions start from.
        sample_weight : array-like of shape (n_rows,), default=None
            The weight of each row.

        Returns
        -------
        float
            Greater is better.

        Raises
        ------
        HistoryError
            If no time can be scored at all.
        DataError
            If y is no survival target, or nothing in it can be scored.
        """
        return _SCORES[self.name](_Task.read(estimator, X, y, sample_weight), **dict(self.options))

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.options)})"

    def set_score_request(self, *, sample_weight: bool | str | None = None) -> Self:
        """Say whether scikit-learn's metadata routing shall hand weights to this scorer.

        Parameters
        ----------
        sample_weight : bool, str or None, default=None
            True hands them over, False does not, text names another key; None refuses weights that are passed.

        Returns
        -------
        SurvivalScorer
            A scorer with that request.

        Examples
        --------
        >>> concordance_scorer().set_score_request(sample_weight=True)
        concordance_score()
        """
        return dataclasses.replace(self, weight_request=sample_weight)

    def get_metadata_routing(self) -> Any:
        """Return the request in scikit-learn's form.

        Returns
        -------
        MetadataRequest
            With ``sample_weight`` of `score`.
        """
        from sklearn.utils.metadata_routing import MetadataRequest

        request = MetadataRequest(owner=self)
        request.score.add_request(param="sample_weight", alias=self.weight_request)
        return request

    def _accept_sample_weight(self) -> bool:
        """Asked by scikit-learn where routing is off."""
        return True


def concordance_scorer() -> SurvivalScorer:
    """Score by Harrell's concordance of `predict`, with delayed entry.

    Returns
    -------
    SurvivalScorer
        For ``scoring=``; between 0 and 1.

    See Also
    --------
    churnlib.metrics.concordance_score : What it computes.

    Examples
    --------
    >>> concordance_scorer()
    concordance_score()
    """
    return SurvivalScorer("concordance_score")


def uno_scorer(tau: float | None = None) -> SurvivalScorer:
    """Score by Uno's concordance of `predict`, censoring taken from the training rows.

    Parameters
    ----------
    tau : float, default=None
        Only those who left before it, counted from the entry, are the first of a pair. It is lowered,
        with a warning, to where in training somebody was still watched. None: as late as that.

    Returns
    -------
    SurvivalScorer
        For ``scoring=``; between 0 and 1.

    See Also
    --------
    churnlib.metrics.uno_concordance_score : What it computes.

    Examples
    --------
    >>> uno_scorer(tau=365)
    uno_concordance_score(tau=365.0)
    """
    return SurvivalScorer("uno_concordance_score", (("tau", None if tau is None else read_tau(tau)),))


def brier_scorer(horizon: float | str) -> SurvivalScorer:
    """Score by minus the Brier loss at a horizon, censoring taken from the training rows.

    Parameters
    ----------
    horizon : float or str
        How far ahead of the entry, above 0, in the unit of y; text such as ``"90d"`` means days. It is lowered,
        with a warning, to where in training somebody was still watched.

    Returns
    -------
    SurvivalScorer
        For ``scoring=``; at most 0.

    See Also
    --------
    churnlib.metrics.survival_brier_loss : What it computes.

    Examples
    --------
    >>> brier_scorer(12)
    neg_survival_brier_loss(horizon=12.0)
    """
    return SurvivalScorer("neg_survival_brier_loss", (("horizon", read_horizon(horizon)),))


def integrated_brier_scorer(times: ArrayLike) -> SurvivalScorer:
    """Score by minus the integrated Brier loss, censoring taken from the training rows.

    Parameters
    ----------
    times : array-like of shape (n_times,)
        At least two ascending times above 0, counted from the entry. Those past which in training nobody
        was still watched are left out, with a warning.

    Returns
    -------
    SurvivalScorer
        For ``scoring=``; at most 0.

    See Also
    --------
    churnlib.metrics.integrated_brier_loss : What it computes.

    Examples
    --------
    >>> integrated_brier_scorer(range(1, 4))
    neg_integrated_brier_loss(times=(1.0, 2.0, 3.0))
    """
    grid = _as_tuple(times)
    if len(grid) < 2:
        raise ParameterError(message("times holds 1 time", "an integral has two ends", f"brier_scorer({grid[0]:g})"))
    return SurvivalScorer("neg_integrated_brier_loss", (("times", grid),))


def auc_scorer(horizon: float | str) -> SurvivalScorer:
    """Score by the AUC at a horizon of the chance to leave within it, censoring taken from the training rows.

    Parameters
    ----------
    horizon : float or str
        As in `brier_scorer`.

    Returns
    -------
    SurvivalScorer
        For ``scoring=``; between 0 and 1.

    See Also
    --------
    churnlib.metrics.dynamic_auc : What it computes.

    Examples
    --------
    >>> auc_scorer("30d")
    dynamic_auc_score(horizon=30.0)
    """
    return SurvivalScorer("dynamic_auc_score", (("horizon", read_horizon(horizon)),))


def survival_log_scorer(times: ArrayLike | None = None) -> SurvivalScorer:
    """Score by minus the log-loss of the intervals in which rows ended.

    Parameters
    ----------
    times : array-like of shape (n_times,), default=None
        Ascending times above 0, counted from the entry. None: the deciles of the times at which
        rows of the fold were seen to leave, the same for all models scored on it.

    Returns
    -------
    SurvivalScorer
        For ``scoring=``; at most 0.

    See Also
    --------
    churnlib.metrics.survival_log_loss : What it computes.

    Examples
    --------
    >>> survival_log_scorer()
    neg_survival_log_loss(times=None)
    """
    return SurvivalScorer("neg_survival_log_loss", (("times", None if times is None else _as_tuple(times)),))


def _concordance(task: _Task) -> float:
    return concordance_score(task.y, task.model.predict(task.X), sample_weight=task.weight)


def _uno(task: _Task, tau: float | None) -> float:
    train = task.train
    watched = task.watched
    limit = read_censoring(watched, train, "churnlib").limit
    beyond = watched.observed & (watched.time > limit) & (watched.time < (np.inf if tau is None else tau))
    if beyond.any():
        _warn(
            f"Uno's concordance is taken up to {limit:g}, not {'the end' if tau is None else f'{tau:g}'}: "
            f"in training nobody was watched beyond ({int(beyond.sum())} of {beyond.size} rows left there)",
            f"tau={limit:g} or less",
        )
        tau = float(np.nextafter(limit, np.inf))
    risk = task.model.predict(task.X)
    return uno_concordance_score(task.y, risk, train=train, tau=tau, sample_weight=task.weight)


def _at_horizon(task: _Task, horizon: float) -> tuple[_Task, Any, FloatArray]:
    """Return the task, censoring and the horizon, lowered to what training can speak of."""
    train = task.train
    censoring = read_censoring(task.watched, train, "churnlib")
    low, high = getattr(task.model, "support_", (0.0, np.inf))
    entry = task.watched.rows.start
    starting = entry[entry >= low]
    longest = high - float(starting.min()) if starting.size else np.inf
    times = np.array([horizon])
    if horizon > longest or not censoring.scorable(times)[0]:
        times = np.array([min(horizon, longest, _last_scorable(censoring))])
        _warn(
            f"scored at {times[0]:g}, not at {horizon:g}: in training nobody was still watched then",
            f"horizon={times[0]:g} or less",
        )
    scored, kept = task.within_support(times)
    return scored, train, kept


def _brier(task: _Task, horizon: float) -> float:
    task, train, times = _at_horizon(task, horizon)
    return -float(survival_brier_loss(task.y, task.survival(times), times, train=train, sample_weight=task.weight)[0])


def _auc(task: _Task, horizon: float) -> float:
    task, train, times = _at_horizon(task, horizon)
    leaving = 1.0 - task.survival(times)
    return float(dynamic_auc(task.y, leaving, times, train=train, sample_weight=task.weight)[0])


def _integrated_brier(task: _Task, times: tuple[float, ...]) -> float:
    train = task.train
    asked = np.array(times)
    kept = asked[read_censoring(task.watched, train, "churnlib").scorable(asked)]
    _report_times(asked, kept, "in training nobody was still watched then")
    task, kept = task.within_support(kept)
    return -integrated_brier_loss(task.y, task.survival(kept), kept, train=train, sample_weight=task.weight)


def _log(task: _Task, times: tuple[float, ...] | None) -> float:
    grid = np.array(times) if times is not None else _deciles(task)
    task, kept = task.within_support(grid)
    return -survival_log_loss(task.y, task.survival(kept), kept, sample_weight=task.weight)


_SCORES: dict[str, Callable[..., float]] = {
    "concordance_score": _concordance,
    "uno_concordance_score": _uno,
    "neg_survival_brier_loss": _brier,
    "neg_integrated_brier_loss": _integrated_brier,
    "dynamic_auc_score": _auc,
    "neg_survival_log_loss": _log,
}


def _as_tuple(times: ArrayLike) -> tuple[float, ...]:
    return tuple(read_times(np.asarray(times)).tolist())


def _deciles(task: _Task) -> FloatArray:
    """Return the deciles of the times at which rows left, of rows that end within the support."""
    high = getattr(task.model, "support_", (0.0, np.inf))[1]
    ended = task.watched.time[task.watched.observed & (task.watched.rows.time <= high)]
    if not ended.size:
        raise HistoryError(
            message(
                f"none of {len(task.watched)} rows was seen to leave at a tenure up to {high:g}, so that there are "
                "no times to score at",
                "deciles of the times at which rows left",
                "survival_log_scorer(times=[30, 60, 90])",
            )
        )
    return np.unique(np.quantile(ended, np.arange(1, 10) / 10, method="inverted_cdf"))


def _last_scorable(censoring: Censoring) -> float:
    """Return the last time at which somebody was still watched in training, by the steps of G."""
    known = censoring.G.times[censoring.scorable(censoring.G.times)]
    return float(known[-1]) if known.size else float(censoring.G.times[0]) / 2


def _report_times(asked: FloatArray, kept: FloatArray, reason: str) -> None:
    if kept.size == asked.size:
        return
    if not kept.size:
        raise HistoryError(
            message(f"none of {asked.size} times can be scored (first: {asked[0]:g}): {reason}", "earlier times")
        )
    _warn(
        f"{asked.size - kept.size} of {asked.size} times are not scored: {reason}; the last one scored is {kept[-1]:g}",
        f"times up to {kept[-1]:g}",
    )


def _warn(wrong: str, expected: str) -> None:
    warnings.warn(message(wrong, expected), AssumptionWarning, stacklevel=2)
