"""Folds for what a model of time to churn fits to its own predictions out of fold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from churnlib._typing import IntArray
from churnlib.exceptions import ParameterError, ParameterTypeError, message
from churnlib.model_selection import SurvivalKFold

__all__ = ["survival_folds"]

_FIX = "cv=SurvivalKFold(5)"


def survival_folds(cv: Any, X: Any, y: Any) -> list[tuple[IntArray, IntArray]]:
    """Return folds in which every row is predicted once.

    Parameters
    ----------
    cv : int, splitter, or iterable of (train, test)
        A number means as many folds of `SurvivalKFold`.
    X : array or frame of shape (n_rows, n_features)
        The rows; a level ``customer_id`` of its index says whose they are.
    y : structured array of shape (n_rows,)
        The survival target.

    Returns
    -------
    list of (train, test)
        Positions of rows.

    Raises
    ------
    ParameterTypeError
        If `cv` is nothing that splits.
    ParameterError
        If it stratifies by label, or leaves out rows or predicts them twice.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1, 0, 1, 0], [1, 2, 3, 4])
    >>> [test.tolist() for _, test in survival_folds(2, np.zeros((4, 1)), y)]
    [[0, 1], [2, 3]]
    """
    splits = [(np.asarray(train), np.asarray(test)) for train, test in _splits(cv, X, y)]
    times = np.bincount(np.concatenate([test for _, test in splits]), minlength=len(y)) if splits else np.zeros(len(y))
    if (times != 1).any():
        raise ParameterError(
            message(
                f"the folds of cv predict {int((times == 0).sum())} of {len(y)} rows not at all and "
                f"{int((times > 1).sum())} more than once",
                "each row is predicted once, by a model that has not seen it; splits by time are no such folds",
                _FIX,
            )
        )
    return splits


def _splits(cv: Any, X: Any, y: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(cv, int) and not isinstance(cv, bool):
        return SurvivalKFold(cv).split(X, y)
    if "Stratified" in type(cv).__name__:
        raise ParameterError(
            message(
                f"cv={type(cv).__name__} stratifies by label, and a survival target has none: each pair of event and "
                "time would be a class of its own",
                "SurvivalKFold shares out those who left, by cause, and keeps a customer's rows together",
                _FIX,
            )
        )
    if not isinstance(cv, str):
        if hasattr(cv, "split"):
            found: Iterable[tuple[Any, Any]] = cv.split(X, y)
            return found
        if isinstance(cv, Iterable):
            return cv
    raise ParameterTypeError(message(f"cv is {cv!r}", "a number of folds, a splitter, or None", _FIX))
