"""How far predicted survival is from what happened: Brier's squared distance at each time, and integrated."""

from __future__ import annotations

from typing import Any

import numpy as np

from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import ParameterError, message
from churnlib.metrics._censoring import Censoring, Convention, read_censoring
from churnlib.metrics._exact_sums import ExactSums
from churnlib.metrics._survival_inputs import (
    Watched,
    blocks,
    check_survival,
    reached,
    read_survival,
    read_times,
    read_watched,
)

__all__ = ["integrated_brier_loss", "mean_over_times", "survival_brier_loss"]


def survival_brier_loss(
    y: Any,
    survival: ArrayLike,
    times: ArrayLike,
    *,
    train: Any = None,
    sample_weight: ArrayLike | None = None,
    convention: Convention = "churnlib",
) -> FloatArray:
    """Mean squared distance between predicted survival and being still here, at each time.

    Rows lost from sight before a time have no outcome there. Those that have one are
    weighted up to stand for them as well, by one over the chance to be still watched.
    It assumes that being lost from sight tells nothing about leaving, nor depends on the features.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        The survival target. With delayed entry times count from each row's entry. Several
        causes count as one churn.
    survival : array-like of shape (n_rows, n_times)
        ``P(T > entry + time | T > entry)``: ``predict_survival_function(X, times, given=entry)``. For
        a single time also of shape (n_rows,).
    times : array-like of shape (n_times,)
        Ascending times above 0, counted from the entry, in the unit of y.
    train : structured array or StepFunction, default=None
        What censoring is estimated from: the target of the training rows, or `censoring_` of
        a fitted model. None takes the rows of y themselves.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.
    convention : {"churnlib", "sksurv", "riskRegression"}, default="churnlib"
        With G(t) the share not yet lost from sight, one who left at T weighs 1/G(T−), and one
        still here at t 1/G(t); "riskRegression" says the same where nobody enters late. "sksurv" weighs one
        who left by 1/G(T). Only "churnlib" knows delayed entry.

    Returns
    -------
    array of shape (n_times,)
        At least 0, lower is better; 0.25 is reached by always saying one half.

    Raises
    ------
    DataError
        If y is no survival target, or survival has another shape or values outside 0 and 1.
    HistoryError
        If at some time nobody is still watched, so that no weight exists.
    ParameterError
        If times do not ascend, or a convention is asked for what it does not know.

    See Also
    --------
    integrated_brier_loss : One number for all times.

    Notes
    -----
    ``BS(t) = 1/n Σ_i [S_i(t)² 1(T_i ≤ t, left) / G(T_i−) + (1 − S_i(t))² 1(T_i > t) / G(t)]`` (Graf, Schmoor,
    Sauerbrei and Schumacher 1999, Stat. Med. 18, 2529-2545). G is Kaplan–Meier's curve of censoring,
    in which events come before censorings of the same time. Without censoring it is the Brier score of
    scikit-learn. The result is the same to the last bit for any order of the rows.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1, 0, 1, 0], [2, 3, 5, 9])
    >>> survival_brier_loss(y, [[0.2], [0.8], [0.6], [0.9]], [4.0]).round(4)
    array([0.0738])
    """
    watched = read_watched(y, sample_weight)
    ahead = read_times(times)
    predicted = read_survival(survival, len(watched), ahead.size)
    censoring = read_censoring(watched, train, convention)
    return _brier(watched, predicted, ahead, censoring)


def integrated_brier_loss(
    y: Any,
    survival: ArrayLike,
    times: ArrayLike,
    *,
    train: Any = None,
    sample_weight: ArrayLike | None = None,
    convention: Convention = "churnlib",
) -> float:
    """Brier loss averaged over the stretch from the first time to the last.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        As in `survival_brier_loss`.
    survival : array-like of shape (n_rows, n_times)
        As in `survival_brier_loss`.
    times : array-like of shape (n_times,)
        At least two ascending times above 0, counted from the entry.
    train : structured array or StepFunction, default=None
        As in `survival_brier_loss`.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row.
    convention : {"churnlib", "sksurv", "riskRegression"}, default="churnlib"
        As in `survival_brier_loss`.

    Returns
    -------
    float
        At least 0, lower is better. Compare it with that of Kaplan–Meier, which knows no features.

    Raises
    ------
    DataError, HistoryError, ParameterError
        As in `survival_brier_loss`; ParameterError also for a single time.

    Notes
    -----
    ``∫ BS(t) dt / (t_last − t_first)`` by the trapezoidal rule between the given times, as scikit-survival
    has it: it depends on the times chosen.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1, 0, 1, 0], [2, 3, 5, 9])
    >>> survival = [[0.5, 0.2], [0.9, 0.8], [0.8, 0.6], [0.9, 0.9]]
    >>> round(integrated_brier_loss(y, survival, [1.0, 4.0]), 4)
    0.0756
    """
    losses = survival_brier_loss(y, survival, times, train=train, sample_weight=sample_weight, convention=convention)
    return mean_over_times(losses, read_times(times))


def mean_over_times(values: FloatArray, times: FloatArray) -> float:
    """Return the mean of a curve over the stretch of its times, by the trapezoidal rule."""
    if times.size < 2:
        raise ParameterError(
            message(f"times holds {times.size} time", "an integral has two ends", "survival_brier_loss for one time")
        )
    areas = (values[1:] + values[:-1]) / 2 * np.diff(times)
    return float(areas.sum() / (times[-1] - times[0]))


def _brier(watched: Watched, survival: FloatArray, times: FloatArray, censoring: Censoring) -> FloatArray:
    here = censoring.of_survivors(times)
    seen = watched.observed & (watched.time <= times[-1])
    left = np.zeros(len(watched))
    left[seen] = censoring.of_events(watched.time[seen])
    column = reached(times, watched.time)
    weight = watched.weight if watched.weighted else None
    largest = max(float(here.max()), float(left.max())) * (1.0 if weight is None else float(weight.max()))
    sums = ExactSums(times.size, len(watched), largest * 1.01)
    columns = np.arange(times.size)
    for rows in blocks(*survival.shape):
        part = check_survival(survival[rows], rows.start)
        alive = columns < column[rows, None]
        distance = np.subtract(alive, part)
        distance *= distance
        distance *= np.where(alive, here, left[rows, None])
        if weight is not None:
            distance *= weight[rows, None]
        sums.add(distance)
    return sums.total() / _total(watched)


def _total(watched: Watched) -> float:
    """Return the sum of the weights, whatever the order of the rows."""
    return float(np.sort(watched.weight).sum()) if watched.weighted else float(len(watched))
