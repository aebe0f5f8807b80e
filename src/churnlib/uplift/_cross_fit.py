"""Cross-fitting: what a model that has not seen a row expects of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from churnlib._checks import check_one_order
from churnlib._typing import Array, ArrayLike, BoolArray, FloatArray, IntArray
from churnlib.exceptions import DataError, HistoryError, ParameterError, message
from churnlib.metrics._arrays import weights
from churnlib.model_selection import grouped_folds, splits_of
from churnlib.targets._uplift_target import outcome_numbers
from churnlib.uplift._models import FittedModel, fit_mean, n_rows_of, rows_of

__all__ = ["Fold", "cross_fit", "customers_of", "folds_of", "over_folds"]

Fold = tuple[Array, Array]
_Fitted = TypeVar("_Fitted")


def cross_fit(
    model: Any,
    X: Any,
    y: ArrayLike,
    *,
    cv: Any = 5,
    among: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    random_state: int = 0,
) -> FloatArray:
    """Predict each row with a model that has not seen it.

    The rows are dealt into folds, customers of the index level ``customer_id`` never into two; for each fold a clone
    is fitted to the others. Whoever takes the residual of a model from the very rows it was fitted to finds it too
    small, and effects made of such residuals are off.

    Parameters
    ----------
    model : regressor or classifier
        Cloned for each fold. A classifier learns outcomes of 0 and 1, and its probability of 1 is returned.
    X : array or frame of shape (n_rows, n_features)
        What was known before the treatment.
    y : array-like of shape (n_rows,)
        The outcome.
    cv : int, splitter or iterable of (train, test), default=5
        The folds; each row has to be tested exactly once.
    among : array-like of bool of shape (n_rows,), default=None
        Rows the model may learn from, such as those of one arm. All rows are predicted.
    sample_weight : array-like of shape (n_rows,), default=None
        How many customers each row stands for.
    random_state : int, default=0
        Seed of the folds.

    Returns
    -------
    ndarray of shape (n_rows,)
        In units of the outcome.

    Raises
    ------
    ParameterError
        If the folds do not test each row exactly once, or there are fewer than two.
    DataError
        If an outcome is missing, lengths differ, or labels are in different orders.
    HistoryError
        If there are fewer customers than folds, or no row to learn from outside a fold.
    ParameterTypeError
        If the model is a classifier and y is not 0 and 1, or rows weigh differently and it takes no weights.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> X = np.arange(6.0)[:, None]
    >>> cross_fit(LinearRegression(), X, 2 * X[:, 0], cv=3).round(6)
    array([ 0.,  2.,  4.,  6.,  8., 10.])
    """
    check_one_order({"X": X, "y": y, "among": among, "sample_weight": sample_weight})
    outcome = outcome_numbers(y, "y")
    weight = None if sample_weight is None else weights(sample_weight, len(outcome))[0]
    learned: BoolArray = np.ones(len(outcome), bool) if among is None else np.asarray(among, bool)
    if not len(outcome) == len(learned) == n_rows_of(X):
        raise DataError(
            message(
                f"X has {n_rows_of(X)} rows, y {len(outcome)} and among {len(learned)}",
                "one of each for every row",
                "y=y.loc[X.index]",
            )
        )
    binary = np.isin(outcome, (0.0, 1.0)).all()
    kind = outcome.astype(np.int64) if binary else np.zeros(len(outcome), np.int64)
    folds = folds_of(cv, X, 2 * learned + kind, seed=random_state)
    fitted = over_folds(lambda rows: fit_rows(model, X, outcome, rows, weight), folds, learned)
    return predict_folds(fitted, X, folds)


def fit_rows(
    model: Any, X: Any, y: FloatArray, rows: Array, weight: FloatArray | None, name: str = "model"
) -> FittedModel:
    """Fit a clone to some rows."""
    return fit_mean(model, rows_of(X, rows), y[rows], None if weight is None else weight[rows], name=name)


def over_folds(fit: Callable[[Array], _Fitted], folds: list[Fold], among: BoolArray) -> list[_Fitted]:
    """Fit one model to the training rows of each fold that are among those to learn from."""
    fitted = []
    for number, (train, _) in enumerate(folds):
        rows = train[among[train]]
        if not len(rows):
            raise HistoryError(
                message(
                    f"no row to learn from is in the training part of fold {number}",
                    "every arm in the training part of every fold",
                    "fewer folds, or more customers in the smallest arm",
                )
            )
        fitted.append(fit(rows))
    return fitted


def predict_folds(fitted: list[FittedModel], X: Any, folds: list[Fold]) -> FloatArray:
    """Return what the model of each fold expects of the rows it has not seen."""
    expected = np.empty(sum(len(test) for _, test in folds))
    for model, (_, test) in zip(fitted, folds, strict=True):
        expected[test] = model.predict(rows_of(X, test))
    return expected


def folds_of(cv: Any, X: Any, kind: IntArray, *, seed: int) -> list[Fold]:
    """Deal rows into folds with the same share of each kind, customers whole; each row is tested once."""
    groups = customers_of(X)
    n_rows = len(kind)
    if cv is None or (isinstance(cv, int | np.integer) and not isinstance(cv, bool)):
        n_folds = 5 if cv is None else int(cv)
        n_customers = n_rows if groups is None else groups.nunique()
        if n_folds < 2:
            raise ParameterError(message(f"cv={n_folds} leaves nothing to learn from", "at least 2 folds", "cv=5"))
        if n_customers < n_folds:
            raise HistoryError(
                message(f"{n_customers} customers for {n_folds} folds", "at least one for each", "cv=2, or more rows")
            )
        fold = grouped_folds(kind, groups, n_folds=n_folds, seed=seed)
        return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame({"row": np.arange(n_rows)})
    folds = splits_of(cv, frame, kind, groups, seed=seed)
    tested = np.bincount(np.concatenate([test for _, test in folds]), minlength=n_rows) if folds else np.zeros(n_rows)
    if (tested != 1).any():
        raise ParameterError(
            message(
                f"the folds of cv test {int((tested == 0).sum())} of {n_rows} rows never and "
                f"{int((tested > 1).sum())} more than once",
                "each row is predicted once, by a model that has not seen it",
                "cv=5, or GroupKFold(5)",
            )
        )
    _customers_whole(folds, groups)
    return folds


def _customers_whole(folds: list[Fold], groups: pd.Index[Any] | None) -> None:
    if groups is None:
        return
    codes = pd.factorize(groups)[0]
    split = max(len(np.intersect1d(codes[train], codes[test])) for train, test in folds)
    if split:
        raise DataError(
            message(
                f"a fold of cv trains on {split} of the customers it tests",
                "the rows of a customer resemble each other: they stay in one fold",
                "cv=5, which deals whole customers, or GroupKFold(5)",
            )
        )


def customers_of(X: Any) -> pd.Index[Any] | None:
    """Return the customer of each row, where the index of X names it."""
    index = getattr(X, "index", None)
    if isinstance(index, pd.Index) and "customer_id" in index.names:
        return index.get_level_values("customer_id")
    return None
