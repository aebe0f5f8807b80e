"""How surprised a model is by what happened: minus the log-likelihood of the intervals in which rows ended."""

from __future__ import annotations

from typing import Any

import numpy as np

from churnlib._checks import named_rows
from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import DataError, message
from churnlib.metrics._exact_sums import ExactSums
from churnlib.metrics._survival_inputs import (
    blocks,
    check_survival,
    reached,
    read_survival,
    read_times,
    read_watched,
)

__all__ = ["survival_log_loss"]

_LEAST = float(np.finfo(np.float64).eps)
_SLACK = 1e-9


def survival_log_loss(
    y: Any, survival: ArrayLike, times: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """Minus the mean log-probability of what was seen, on a grid of times.

    A row that left between two times scores the probability that it was given for this
    interval. A row lost from sight scores that of being still here at the last time it is known
    to have passed. It needs no weights for censoring and assumes only that censoring tells nothing about leaving.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        The survival target. With delayed entry times count from each row's entry. Several
        causes count as one churn.
    survival : array-like of shape (n_rows, n_times)
        ``P(T > entry + time | T > entry)``, not rising along the times:
        ``predict_survival_function(X, times, given=entry)``.
    times : array-like of shape (n_times,)
        Ascending times above 0, counted from the entry. What happens after the last is not scored. Compare
        models on the same times: finer intervals are harder to foretell.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.

    Returns
    -------
    float
        In nats, at least 0, lower is better. A probability of 0 for what happened counts as 2.2e-16, as in
        scikit-learn's ``log_loss``: 36 nats.

    Raises
    ------
    DataError
        If y is no survival target, or survival has another shape, values outside 0 and 1, or rises.
    ParameterError
        If times do not ascend.

    Notes
    -----
    With ``t_0 = 0`` and S(0) = 1: ``−log[S(t_(k-1)) − S(t_k)]`` for one who left in ``(t_(k-1), t_k]``,
    ``−log S(t_k)`` for one last seen in ``[t_k, t_(k+1))`` or watched beyond the last time. It is the log-likelihood
    of grouped survival times (Kalbfleisch and Prentice 2002, section 2.4), a proper score.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1, 0], [5, 20])
    >>> survival = [[0.7, 0.5], [0.9, 0.6]]  # at times 10 and 30
    >>> round(survival_log_loss(y, survival, [10, 30]), 4)  # −(log 0.3 + log 0.9) / 2
    0.6547
    """
    watched = read_watched(y, sample_weight)
    ahead = read_times(times)
    predicted = read_survival(survival, len(watched), ahead.size)
    seen = watched.observed & (watched.time <= ahead[-1])
    ended = reached(ahead, watched.time)
    passed = np.where(seen, ended, np.searchsorted(ahead, watched.time, side="right"))
    largest = float(watched.weight.max()) * -np.log(_LEAST)
    sums = ExactSums(1, len(watched), largest * 1.01)
    for rows in blocks(*predicted.shape):
        part = check_survival(predicted[rows], rows.start)
        _check_falling(part, rows.start)
        index = np.arange(len(part))
        before = np.where(passed[rows] > 0, part[index, np.maximum(passed[rows] - 1, 0)], 1.0)
        after = np.where(seen[rows], part[index, np.minimum(ended[rows], ahead.size - 1)], 0.0)
        loss = -np.log(np.clip(before - after, _LEAST, 1.0))
        sums.add((loss * watched.weight[rows])[:, None])
    total = np.sort(watched.weight).sum()
    return float(sums.total()[0] / total)


def _check_falling(survival: FloatArray, first_row: int) -> None:
    rising = (np.diff(survival, axis=1) > _SLACK).any(axis=1)
    if rising.any():
        raise DataError(
            message(
                f"survival rises along the times in {int(rising.sum())} rows "
                f"({named_rows(np.flatnonzero(rising) + first_row)})",
                "the chance to be still here never rises",
                "give the columns in the order of times",
            )
        )
