"""Predictions for each period by a model that knew only what came before."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib._sklearn import clone
from churnlib.evaluation._folds import in_time_order, refuse_no_folds, refuse_repeats
from churnlib.evaluation._rows import churn_probability, cutoffs_of, features_and_labels
from churnlib.exceptions import LeakageError, ParameterTypeError, message

__all__ = ["out_of_time_predict"]


def out_of_time_predict(model: Any, X: Any, y: Any = None, *, cv: Any) -> pd.DataFrame:
    """Fit on the past and predict the next period, fold by fold.

    `sklearn.model_selection.cross_val_predict` refuses splits in time, because they
    are no partition: the earliest rows are never tested. Here they are simply left out.

    Parameters
    ----------
    model : classifier
        Cloned and fitted for each fold; not changed.
    X : Dataset or DataFrame of shape (n_rows, n_features)
        Rows, indexed by (customer_id, cutoff).
    y : array-like of shape (n_rows,), default=None
        1 = churn, 0 = not; a Dataset brings its own.
    cv : splitter
        `PurgedGroupTimeSplit`, or anything with ``split(X, y)`` whose training rows lie
        before its test rows.

    Returns
    -------
    DataFrame
        Indexed like `X`, in order of time, a row for each row tested: ``fold`` (from
        0, the earliest), ``churn`` (its label) and ``churn_probability``.

    Raises
    ------
    LeakageError
        If a fold trains on cutoffs that are not before its test cutoffs.
    DuplicateError
        If folds test the same rows.
    DataError
        If `cv` gives no folds.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.model_selection import TimeSeriesSplit
    >>> X = pd.DataFrame({"orders": range(6)})
    >>> out_of_time_predict(DummyClassifier(), X, [0, 1, 0, 1, 1, 1], cv=TimeSeriesSplit(2))
       fold  churn  churn_probability
    2     0      0                0.5
    3     0      1                0.5
    4     1      1                0.5
    5     1      1                0.5
    """
    rows, labels = features_and_labels(X, y)
    if not hasattr(cv, "split"):
        raise ParameterTypeError(
            message(f"cv={cv!r} does not split", "a splitter in time", "cv=PurgedGroupTimeSplit(3, horizon='60d')")
        )
    values = np.asarray(labels)
    folds = [(np.asarray(train), np.asarray(test)) for train, test in cv.split(rows, values)]
    refuse_no_folds(folds)
    _refuse_late_training(rows, folds)
    refuse_repeats(folds, len(rows))
    folds = in_time_order(rows, folds)
    parts = []
    for number, (train, test) in enumerate(folds):
        fitted = clone(model).fit(rows.iloc[train], values[train])
        parts.append(
            pd.DataFrame(
                {
                    "fold": number,
                    "churn": values[test],
                    "churn_probability": churn_probability(fitted, rows.iloc[test], name=type(fitted).__name__),
                },
                index=rows.index[test],
            )
        )
    return pd.concat(parts)


def _refuse_late_training(X: pd.DataFrame, folds: list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]) -> None:
    cutoff = cutoffs_of(X)
    if cutoff is None:
        return
    late = sum(int((cutoff[train] >= cutoff[test].min()).sum()) for train, test in folds)
    if late:
        raise LeakageError(
            message(
                f"{late:,} training rows of {len(folds):,} folds lie at or after the first cutoff they are tested on",
                "training rows come before test rows",
                "cv=PurgedGroupTimeSplit(3, horizon=data.horizon, lead=data.lead)",
            )
        )
