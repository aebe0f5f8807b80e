"""Whether those who have left by a time had a higher risk than those still here."""

from __future__ import annotations

from typing import Any

import numpy as np

from churnlib._typing import Array, ArrayLike, FloatArray, IntArray
from churnlib.exceptions import DataError, message
from churnlib.metrics._censoring import Convention, read_censoring
from churnlib.metrics._survival_inputs import Watched, reached, read_risk, read_times, read_watched
from churnlib.numerics import product_limit, risk_table

__all__ = ["dynamic_auc", "dynamic_auc_score"]


def dynamic_auc(
    y: Any,
    risk: ArrayLike,
    times: ArrayLike,
    *,
    train: Any = None,
    sample_weight: ArrayLike | None = None,
    convention: Convention = "churnlib",
) -> FloatArray:
    """AUC at each time: those who have left by then against those still here.

    Cumulative cases, dynamic controls. Rows lost from sight before a time are neither;
    cases are weighted up for them by one over the chance to be still watched. It assumes that being
    lost from sight does not depend on the features.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        The survival target. With delayed entry times count from each row's entry. Several
        causes count as one churn.
    risk : array-like of shape (n_rows,) or (n_rows, n_times)
        Higher leaves sooner: one risk for each row, or one for each row and time. With delayed entry
        the chance to leave in that time, given the entry, is what should rank:
        ``1 - predict_survival_function(X, times, given=entry)``.
    times : array-like of shape (n_times,)
        Ascending times above 0, counted from the entry, in the unit of y.
    train : structured array or StepFunction, default=None
        What censoring is estimated from: the target of the training rows, or `censoring_` of
        a fitted model. None takes the rows of y themselves.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; a pair weighs the product of its two.
    convention : {"churnlib", "sksurv", "riskRegression"}, default="churnlib"
        With G(t) the share not yet lost from sight, "churnlib" and "riskRegression" weigh one who left at T
        by 1/G(T−), "sksurv" by 1/G(T). Only "churnlib" knows delayed entry.

    Returns
    -------
    array of shape (n_times,)
        Between 0 and 1, higher is better; a coin reaches 0.5.

    Raises
    ------
    DataError
        If y is no survival target, a risk is missing, or at some time nobody has left or nobody is here.
    HistoryError
        If at some time nobody is still watched, so that no weight exists.
    ParameterError
        If times do not ascend, or a convention is asked for what it does not know.

    Notes
    -----
    ``AUC(t) = Σ_i Σ_j w_i 1(T_i ≤ t, left) 1(T_j > t) [1(r_i > r_j) + 1(r_i = r_j)/2]``, divided by the same without
    the risks, with ``w_i = 1/G(T_i−)`` (Hung and Chiang 2010, Can. J. Stat. 38, 8-26; Uno, Cai, Tian and Wei 2007,
    J. Am. Stat. Assoc. 102, 527-537). Without censoring it is scikit-learn's ``roc_auc_score``.
    scikit-survival takes risks within 1e-8 of one another for equal. A risk for each row is sorted
    once for all times, and nothing of the size of rows × times is built.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1, 0, 1, 0, 1], [2, 3, 5, 9, 10])
    >>> dynamic_auc(y, [0.9, 0.2, 0.1, 0.4, 0.3], [2.0, 6.0]).round(3)
    array([1.   , 0.429])
    """
    watched = read_watched(y, sample_weight)
    ahead = read_times(times)
    risks = read_risk(risk, len(watched), n_times=ahead.size)
    censoring = read_censoring(watched, train, convention)
    censoring.of_survivors(ahead)  # refuses times that cannot be scored
    case = censoring.of_events_by(watched, np.nextafter(ahead[-1], np.inf)) * watched.weight
    column = reached(ahead, watched.time)
    if risks.ndim == 1:
        ranked = _ranked(risks, column, case, watched)
        return np.array([_auc(ranked, k, ahead) for k in range(ahead.size)])
    return np.array([_auc(_ranked(risks[:, k], column, case, watched), k, ahead) for k in range(ahead.size)])


def dynamic_auc_score(
    y: Any,
    risk: ArrayLike,
    times: ArrayLike,
    *,
    train: Any = None,
    sample_weight: ArrayLike | None = None,
    convention: Convention = "churnlib",
) -> float:
    """AUC averaged over times, each weighted by how many left since the time before.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        As in `dynamic_auc`.
    risk : array-like of shape (n_rows,) or (n_rows, n_times)
        As in `dynamic_auc`.
    times : array-like of shape (n_times,)
        As in `dynamic_auc`.
    train : structured array or StepFunction, default=None
        As in `dynamic_auc`.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row.
    convention : {"churnlib", "sksurv", "riskRegression"}, default="churnlib"
        As in `dynamic_auc`.

    Returns
    -------
    float
        Between 0 and 1, higher is better; a coin reaches 0.5.

    Raises
    ------
    DataError, HistoryError, ParameterError
        As in `dynamic_auc`.

    Notes
    -----
    ``Σ AUC(t_k) [S(t_(k-1)) − S(t_k)] / (1 − S(t_last))`` with S the Kaplan–Meier curve of the rows scored and
    ``S(t_0) = 1``, as in scikit-survival.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1, 0, 1, 0, 1], [2, 3, 5, 9, 10])
    >>> round(dynamic_auc_score(y, [0.9, 0.2, 0.1, 0.4, 0.3], [2.0, 6.0]), 3)
    0.673
    """
    found = dynamic_auc(y, risk, times, train=train, sample_weight=sample_weight, convention=convention)
    watched = read_watched(y, sample_weight)
    table = risk_table(watched.time, watched.observed, weight=watched.weight if watched.weighted else None)
    left = -np.diff(product_limit(table)(read_times(times)), prepend=1.0)
    return float((found * left).sum() / left.sum())


class _Ranked:
    """Rows in the order of risk, lowest first, with where each tied block begins and ends."""

    __slots__ = ("case", "column", "end", "start", "weight")

    def __init__(
        self, risk: FloatArray, column: Array, case: FloatArray, weight: FloatArray | None, order: IntArray
    ) -> None:
        ranked = risk[order]
        self.column, self.case = column[order], case[order]
        self.weight = None if weight is None else weight[order]
        new = np.concatenate([[True], ranked[1:] != ranked[:-1]])
        starts = np.flatnonzero(new)
        self.start: IntArray | None = None
        self.end: IntArray | None = None
        if starts.size < ranked.size:
            block = np.cumsum(new) - 1
            self.start, self.end = starts[block], np.append(starts[1:], ranked.size)[block]


def _ranked(risk: FloatArray, column: IntArray, case: FloatArray, watched: Watched) -> _Ranked:
    weight = watched.weight if watched.weighted else None
    keys = (case, column, risk) if weight is None else (weight, case, column, risk)
    order = np.lexsort(keys)  # by all that counts, so that sums do not depend on the order of the rows
    return _Ranked(risk, column.astype(np.int32), case, weight, order)


def _auc(ranked: _Ranked, k: int, times: FloatArray) -> float:
    here = ranked.column > k
    case = np.where(here, 0.0, ranked.case)
    control = here.astype(np.int64) if ranked.weight is None else np.where(here, ranked.weight, 0.0)
    up_to = np.cumsum(control)
    n_cases, n_controls = float(case.sum()), float(up_to[-1])
    if not (n_cases > 0 and n_controls > 0):
        raise DataError(
            message(
                f"at time {times[k]:g} nobody {'has left' if n_controls > 0 else 'is still here'}",
                "an AUC compares those who have left by then with those still here",
                "leave this time out of times=",
            )
        )
    if ranked.start is None or ranked.end is None:
        return float((case * up_to).sum()) / (n_cases * n_controls)
    below = np.concatenate([[control.dtype.type(0)], up_to])
    return float((case * (below[ranked.start] + below[ranked.end])).sum()) / (2 * n_cases * n_controls)
