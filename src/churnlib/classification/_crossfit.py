"""Scores for rows that the model has not seen, to calibrate on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.classification._encoder import TableEncoder
from churnlib.classification._folds import grouped_folds
from churnlib.classification._model import fit_rows
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, message

__all__ = ["OutOfFold", "out_of_fold", "splits_of"]

Split = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class OutOfFold:
    """Rows with the score of a model that has not seen their customer.

    Parameters
    ----------
    row : ndarray of shape (n,)
        Position of the row in X.
    probability : ndarray of shape (n,)
        What the model of the other folds states.
    """

    row: npt.NDArray[np.intp]
    probability: npt.NDArray[np.float64]


def splits_of(
    cv: Any,
    X: pd.DataFrame,
    target: npt.NDArray[np.int64],
    groups: pd.Index | None,
    *,
    seed: int,
) -> list[Split]:
    """Return the train and test rows of each fold.

    Parameters
    ----------
    cv : int, splitter, iterable of (train, test) or None
        None and a number mean folds that keep customers whole.
    X : DataFrame of shape (n_rows, n_features)
        The rows, with their index.
    target : ndarray of shape (n_rows,)
        1 = churn, 0 = not.
    groups : Index of shape (n_rows,) or None
        Customer of each row.
    seed : int
        Seed of the folds.

    Returns
    -------
    list of (train, test)
        Empty if there are too few customers of a class for two folds.

    Raises
    ------
    ParameterError
        If `cv` is a number below 2.
    ParameterTypeError
        If `cv` is none of the kinds.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> X = pd.DataFrame({"a": range(6)})
    >>> len(splits_of(3, X, np.array([0, 1] * 3), None, seed=0))
    3
    """
    if cv is None or (isinstance(cv, int | np.integer) and not isinstance(cv, bool)):
        return _grouped(5 if cv is None else int(cv), target, groups, seed=seed)
    if hasattr(cv, "split") and not isinstance(cv, str):
        parts = cv.split(X, target, groups) if _reads_groups(cv) else cv.split(X, target)
        return [(np.asarray(train), np.asarray(test)) for train, test in parts]
    if isinstance(cv, Iterable) and not isinstance(cv, str):
        return [(np.asarray(train), np.asarray(test)) for train, test in cv]
    raise ParameterTypeError(
        message(
            f"cv={cv!r} is no way to split",
            "None, a number of folds, or a splitter",
            "cv=5, or cv=PurgedGroupTimeSplit(...)",
        )
    )


def _reads_groups(cv: Any) -> bool:
    """Say whether a splitter uses groups; scikit-learn's others warn when they are given some."""
    routing = getattr(cv, "get_metadata_routing", None)
    return routing is None or routing().split.requests.get("groups") is True


def _grouped(n_folds: int, target: npt.NDArray[np.int64], groups: pd.Index | None, *, seed: int) -> list[Split]:
    if n_folds < 2:
        raise ParameterError(message(f"cv={n_folds} leaves nothing to test on", "at least 2 folds", "cv=5"))
    codes = np.arange(len(target)) if groups is None else pd.factorize(groups)[0]
    smallest = min(len(np.unique(codes[target == label])) for label in (0, 1))
    n_folds = min(n_folds, smallest)
    if n_folds < 2:
        return []
    fold = grouped_folds(target, groups, n_folds=n_folds, seed=seed)
    parts = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]
    # a few customers with many rows each can leave a fold's training part without one class
    return parts if all(len(np.unique(target[train])) == 2 for train, _ in parts) else []


def out_of_fold(
    estimator: Any,
    X: pd.DataFrame,
    target: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64] | None,
    encoder: TableEncoder,
    splits: list[Split],
    *,
    n_jobs: int | None,
) -> OutOfFold:
    """Score each test row by a model fitted on that fold's training rows.

    Parameters
    ----------
    estimator : classifier
        Cloned for each fold.
    X : DataFrame of shape (n_rows, n_features)
        The rows.
    target : ndarray of shape (n_rows,)
        1 = churn, 0 = not.
    weight : ndarray of shape (n_rows,) or None
        Weight of each row.
    encoder : TableEncoder
        Roles and categories of all rows; it knows no labels.
    splits : list of (train, test)
        The folds.
    n_jobs : int or None
        How many folds are fitted at once; the result does not depend on it.

    Returns
    -------
    OutOfFold
        Test rows of all folds, in the order of the folds.

    Raises
    ------
    DataError
        If a fold's training rows hold one class only.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from sklearn.dummy import DummyClassifier
    >>> X, y = pd.DataFrame({"a": range(4)}), np.array([0, 1, 0, 1])
    >>> halves = [(np.array([0, 1]), np.array([2, 3])), (np.array([2, 3]), np.array([0, 1]))]
    >>> out_of_fold(DummyClassifier(), X, y, None, TableEncoder.learn(X), halves, n_jobs=1).row.tolist()
    [2, 3, 0, 1]
    """
    from sklearn.utils.parallel import Parallel, delayed

    for number, (train, _) in enumerate(splits):
        if len(np.unique(target[train])) < 2:
            raise DataError(
                message(
                    f"the {len(train):,} training rows of fold {number} of cv hold one class only",
                    "every fold needs churners and stayers to learn from",
                    "fewer folds, or calibration=None",
                )
            )

    def scores(train: npt.NDArray[np.intp], test: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        part = None if weight is None else weight[train]
        return fit_rows(estimator, X.iloc[train], target[train], part, encoder).probability(X.iloc[test])

    # threads: the boosting engines release the interpreter while they work, and nothing is copied
    parts = Parallel(n_jobs=n_jobs, prefer="threads")(delayed(scores)(train, test) for train, test in splits)
    return OutOfFold(np.concatenate([test for _, test in splits]), np.concatenate(list(parts)))
