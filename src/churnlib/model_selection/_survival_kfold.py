"""Folds with equal shares of those who left, each customer in one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from churnlib._checks import check_flag, check_integer, named_rows
from churnlib._typing import IntArray
from churnlib.exceptions import DataError, HistoryError, ParameterError, SchemaError, message
from churnlib.model_selection._sklearn_splitter import Splitter
from churnlib.targets import read_survival_target

__all__ = ["SurvivalKFold"]


class SurvivalKFold(Splitter):
    """K folds for survival targets: equal shares of each cause, no customer in two folds.

    scikit-learn's stratified folds cannot read a survival target. Here customers are dealt
    into folds so that numbers of customers by cause (and still here) differ by one at
    most. It assumes that rows are exchangeable in calendar time; to learn from the past and test on
    what came later, use `PurgedGroupTimeSplit`.

    Parameters
    ----------
    n_splits : int, default=5
        How many folds, at least 2.
    shuffle : bool, default=False
        Whether customers are dealt at random. False deals known customers by a hash of their id,
        which no row order changes, and rows without a customer in turn.
    random_state : int, default=None
        Seeds the shuffle. None: another shuffle at every split.

    Raises
    ------
    ParameterError
        If n_splits is below 2, or a random_state is given without shuffle.
    ParameterTypeError
        If an argument has the wrong type.

    Notes
    -----
    The customer of a row comes from `groups`, else from the level ``customer_id`` of the index of X; where
    there is neither, every row is a customer of its own. A customer with several rows counts as the cause by
    which any of them ended.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1, 1, 0, 0, 0, 0, 1, 0], range(1, 9))
    >>> for train, test in SurvivalKFold(2).split(np.zeros((8, 1)), y):
    ...     print(test, y["event"][test].sum())
    [0 3 5 6] 2
    [1 2 4 7] 1
    """

    # Read by scikit-learn: with metadata routing on, groups are handed to `split` when they are passed.
    __metadata_request__split: ClassVar[dict[str, bool]] = {"groups": True}

    def __init__(self, n_splits: int = 5, *, shuffle: bool = False, random_state: int | None = None) -> None:
        self.n_splits = check_integer(n_splits, name="n_splits", low=2)
        self.shuffle = check_flag(shuffle, name="shuffle")
        self.random_state = random_state
        if random_state is not None and not shuffle:
            raise ParameterError(
                message(
                    f"random_state={random_state!r} without shuffle", "nothing is random without it", "shuffle=True"
                )
            )

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: ARG002 - scikit-learn's signature
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object, default=None
            Not looked at; scikit-learn passes them.

        Returns
        -------
        int
            ``n_splits``.

        Examples
        --------
        >>> SurvivalKFold(3).get_n_splits()
        3
        """
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield the rows of each training and test part.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            The features; of a frame indexed by ``customer_id`` the customers are read.
        y : structured array of shape (n_rows,)
            The survival target.
        groups : array-like of shape (n_rows,), default=None
            The customer of each row, or an index that has them. None: from the index of X.

        Yields
        ------
        train, test : arrays of int64
            Positions of rows, ascending. Every row is in one test part.

        Raises
        ------
        DataError
            If y is no survival target, or not of the length of X.
        HistoryError
            If there are fewer customers, or fewer who left, than folds.
        SchemaError
            If customers are missing or not one for each row.

        Examples
        --------
        >>> from churnlib.targets import survival_target
        >>> y = survival_target([1, 1, 0, 0, 1], range(1, 6))
        >>> cv = SurvivalKFold(2)
        >>> [test.tolist() for _, test in cv.split(np.zeros((5, 1)), y, groups=["ann", "ann", "bob", "cy", "dan"])]
        [[0, 1, 3], [2, 4]]
        """
        fold = self._fold_of_rows(X, y, groups)
        for number in range(self.n_splits):
            yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)

    def _fold_of_rows(self, X: Any, y: Any, groups: Any) -> IntArray:
        event = _events(X, y)
        codes, ids = _customers(X, groups, len(event))
        n_customers = int(codes.max()) + 1
        cause = np.zeros(n_customers, dtype=np.int64)
        np.maximum.at(cause, codes, event)
        self._check(cause)
        # Customers of one cause lie together, those with the most rows first, and are dealt in turn.
        order = np.lexsort((self._shuffled(ids, n_customers), -np.bincount(codes), -cause))
        fold = np.empty(n_customers, dtype=np.int64)
        fold[order] = np.arange(n_customers) % self.n_splits
        return fold[codes]

    def _shuffled(self, ids: pd.Index[Any] | None, n_customers: int) -> Any:
        """Return what customers of one cause and size are ordered by."""
        if self.shuffle:
            return np.random.default_rng(self.random_state).permutation(n_customers)
        return np.arange(n_customers) if ids is None else pd.util.hash_pandas_object(ids, index=False).to_numpy()

    def _check(self, cause: IntArray) -> None:
        n_left = int((cause > 0).sum())
        if cause.size < self.n_splits or n_left < self.n_splits:
            raise HistoryError(
                message(
                    f"{cause.size} customers, of whom {n_left} were seen to leave, for {self.n_splits} folds",
                    "each fold tests on some who left",
                    f"n_splits={max(n_left, 2)} or less, or more rows",
                )
            )


def _events(X: Any, y: Any) -> IntArray:
    if y is None:
        raise DataError(
            message(
                "y is missing", "folds are made by who left", "cv.split(X, y) with y=cl.survival_target(event, time)"
            )
        )
    event = read_survival_target(y).event
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    if len(event) != n_rows:
        raise DataError(
            message(
                f"X has {n_rows} rows and y {len(event)}", "one target for each row of X", "y of the same rows as X"
            )
        )
    return event


def _customers(X: Any, groups: Any, n_rows: int) -> tuple[IntArray, pd.Index[Any] | None]:
    """Number the customers; without any each row is one."""
    keys = groups if groups is not None else getattr(X, "index", None)
    if isinstance(keys, pd.Index) and "customer_id" in keys.names:
        keys = keys.get_level_values("customer_id")
    elif groups is None:
        return np.arange(n_rows), None
    found: Any = keys if isinstance(keys, (pd.Index, pd.Series)) else pd.Index(np.asarray(keys))
    if len(found) != n_rows:
        raise SchemaError(
            message(
                f"groups has {len(found)} entries for {n_rows} rows",
                "one for each row",
                "groups=X.index.get_level_values('customer_id')",
            )
        )
    codes, ids = pd.factorize(pd.Index(found), sort=True)
    missing = codes < 0
    if missing.any():
        raise SchemaError(
            message(
                f"{int(missing.sum())} of {n_rows} rows have no customer ({named_rows(missing)})",
                "every row belongs to a customer",
                "drop the rows without a customer, and count them",
            )
        )
    return codes.astype(np.int64), ids
