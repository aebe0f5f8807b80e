"""Folds that keep a customer whole and share the churners out evenly, and the rows of any other folds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.exceptions import ParameterError, ParameterTypeError, message

__all__ = ["grouped_folds", "splits_of"]

Split = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


def grouped_folds(
    target: npt.NDArray[np.int64],
    groups: pd.Index | npt.NDArray[Any] | None,
    *,
    n_folds: int,
    seed: int,
) -> npt.NDArray[np.int64]:
    """Assign every row to a fold, all rows of a customer to the same one.

    Customers are shuffled, ordered by how many of their rows are churn and then by
    their number of rows, and dealt out in turn. So every fold gets nearly the same
    number of churners and of rows, and one sort does it, where
    `sklearn.model_selection.StratifiedGroupKFold` walks through the groups in Python.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        1 = churn, 0 = not.
    groups : array-like of shape (n_rows,) or None
        The customer of each row; None makes each row its own.
    n_folds : int
        Number of folds.
    seed : int
        Seed of the shuffle.

    Returns
    -------
    ndarray of shape (n_rows,)
        Fold of each row, 0 to ``n_folds - 1``.

    Examples
    --------
    >>> import numpy as np
    >>> target = np.array([1, 0, 1, 0])
    >>> folds = grouped_folds(target, np.array(["a", "a", "b", "b"]), n_folds=2, seed=0)
    >>> folds[0] == folds[1], folds[1] != folds[2]
    (np.True_, np.True_)
    """
    codes = np.arange(len(target)) if groups is None else pd.factorize(groups, sort=True)[0]
    size = np.bincount(codes)
    churned = np.bincount(codes, weights=target)
    shuffled = np.random.default_rng(seed).permutation(len(size))
    order = np.lexsort((shuffled, size, churned))
    fold = np.empty(len(size), dtype=np.int64)
    fold[order] = np.arange(len(size)) % n_folds
    return fold[codes]


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
        If `cv` is a number below 2, or a fold names rows that there are not.
    ParameterTypeError
        If `cv` is none of the kinds, or does not give pairs.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> X = pd.DataFrame({"a": range(6)})
    >>> len(splits_of(3, X, np.array([0, 1] * 3), None, seed=0))
    3
    """
    if cv is None or (isinstance(cv, int | np.integer) and not isinstance(cv, bool)):
        return _grouped(5 if cv is None else int(cv), target, groups, seed=seed)
    if hasattr(cv, "split") and not isinstance(cv, str | type):
        parts = cv.split(X, target, groups) if _reads_groups(cv) else cv.split(X, target)
        return [_pair(fold, len(target)) for fold in parts]
    if isinstance(cv, Iterable) and not isinstance(cv, str):
        return [_pair(fold, len(target)) for fold in cv]
    raise ParameterTypeError(
        message(
            f"cv={cv!r} is no way to split",
            "None, a number of folds, or a splitter",
            "cv=5, or cv=PurgedGroupTimeSplit(...)",
        )
    )


def _pair(fold: Any, n_rows: int) -> Split:
    if not isinstance(fold, tuple | list) or len(fold) != 2:
        raise ParameterTypeError(
            message(
                f"a fold of cv is a {type(fold).__name__}",
                "a pair: the rows that train, and the rows that are tested",
                "cv=[(train, test)]",
            )
        )
    return _positions(fold[0], n_rows), _positions(fold[1], n_rows)


def _positions(rows: Any, n_rows: int) -> npt.NDArray[np.intp]:
    found = np.asarray(rows)
    if found.dtype == bool and found.shape == (n_rows,):
        return np.flatnonzero(found)
    if not found.size:
        return np.zeros(0, dtype=np.intp)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise ParameterTypeError(
            message(
                f"the rows of a fold are {found.dtype} of shape {found.shape}",
                "positions of rows, or a mask over them",
                "cv=[(np.flatnonzero(train), np.flatnonzero(test))]",
            )
        )
    outside = int(((found < 0) | (found >= n_rows)).sum())
    if outside:
        raise ParameterError(
            message(
                f"{outside:,} of {len(found):,} rows of a fold are outside 0 to {n_rows - 1:,}",
                "positions of the rows of X, not their labels",
                "X.index.get_indexer(labels)",
            )
        )
    return found.astype(np.intp, copy=False)


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
