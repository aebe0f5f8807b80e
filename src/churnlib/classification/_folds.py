"""Folds that keep a customer whole and share the churners out evenly."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["grouped_folds"]


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
