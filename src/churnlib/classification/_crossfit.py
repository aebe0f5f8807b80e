"""Scores for rows that the model has not seen, to compare models and to calibrate on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.classification._encoder import TableEncoder
from churnlib.classification._model import RowModel, fit_rows
from churnlib.exceptions import DataError, ParameterError, message
from churnlib.model_selection import splits_of

__all__ = ["OutOfFold", "Sample", "out_of_fold"]

FloatArray = npt.NDArray[np.float64]
Split = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
_Result = TypeVar("_Result")


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
    probability: FloatArray


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The rows of a fit, and the folds that it is judged on.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_features)
        The rows.
    target : ndarray of shape (n_rows,)
        1 = churn, 0 = not.
    weight : ndarray of shape (n_rows,) or None
        Weight of each row.
    encoder : TableEncoder
        Roles and categories of all rows; it knows no labels.
    customer : Index of shape (n_rows,) or None
        Customer of each row; None makes each row its own.
    splits : list of (train, test)
        The folds; empty where nothing is judged out of fold.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> X = pd.DataFrame({"a": range(4)})
    >>> sample = Sample(X, np.array([0, 1, 0, 1]), None, TableEncoder.learn(X), None, [])
    >>> sample.weight_of(np.array([2, 3])).tolist()
    [1.0, 1.0]
    """

    X: pd.DataFrame
    target: npt.NDArray[np.int64]
    weight: FloatArray | None
    encoder: TableEncoder
    customer: pd.Index | None
    splits: list[Split]

    def fit(
        self,
        estimator: Any,
        rows: npt.NDArray[np.intp] | slice = slice(None),
        watched: npt.NDArray[np.intp] | None = None,
    ) -> RowModel:
        """Fit a copy of a classifier on some of the rows.

        Parameters
        ----------
        estimator : classifier
            Cloned.
        rows : ndarray or slice
            Positions of the rows to learn from.
        watched : ndarray, default=None
            Positions of the rows whose log-loss a boosting watches in order to stop.

        Returns
        -------
        RowModel
            The fitted copy.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> from sklearn.dummy import DummyClassifier
        >>> X = pd.DataFrame({"a": range(4)})
        >>> sample = Sample(X, np.array([0, 1, 1, 1]), None, TableEncoder.learn(X), None, [])
        >>> sample.fit(DummyClassifier()).probability(X)[:1].tolist()
        [0.75]
        """
        seen = None if watched is None else (self.X.iloc[watched], self.target[watched], self.weight_of(watched))
        weight = None if self.weight is None else self.weight[rows]
        return fit_rows(estimator, self.X.iloc[rows], self.target[rows], weight, self.encoder, watched=seen)

    def weight_of(self, rows: npt.NDArray[np.intp]) -> FloatArray:
        """Return the weights of some rows, 1 where none were given.

        Parameters
        ----------
        rows : ndarray of shape (n,)
            Their positions.

        Returns
        -------
        ndarray of shape (n,)
            Not negative.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> X = pd.DataFrame({"a": [1]})
        >>> sample = Sample(X, np.array([1]), np.array([0.5]), TableEncoder.learn(X), None, [])
        >>> sample.weight_of(np.array([0])).tolist()
        [0.5]
        """
        return np.ones(len(rows)) if self.weight is None else self.weight[rows]

    def customer_of(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[Any] | pd.Index:
        """Return whose the rows are.

        Parameters
        ----------
        rows : ndarray of shape (n,)
            Their positions.

        Returns
        -------
        array-like of shape (n,)
            The customer, or the row itself where no customers are known.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> X = pd.DataFrame({"a": [1, 2]})
        >>> sample = Sample(X, np.array([0, 1]), None, TableEncoder.learn(X), pd.Index(["ann", "bo"]), [])
        >>> sample.customer_of(np.array([1])).tolist()
        ['bo']
        """
        return rows if self.customer is None else self.customer[rows]

    def split(self, cv: Any, *, seed: int) -> Sample:
        """Return the same rows with the folds that a `cv` makes of them.

        Parameters
        ----------
        cv : int, splitter, iterable of (train, test) or None
            None and a number mean folds that keep customers whole.
        seed : int
            Seed of the folds.

        Returns
        -------
        Sample
            Without folds if there are too few customers of a class for two.

        Raises
        ------
        ParameterError
            If `cv` is a number below 2, or gives no fold that tests a row with a weight.
        DataError
            If a `cv` of the user's own tests one class or one customer only.
        ParameterTypeError
            If `cv` is none of the kinds.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> X = pd.DataFrame({"a": range(4)})
        >>> len(Sample(X, np.array([0, 1, 0, 1]), None, TableEncoder.learn(X), None, []).split(2, seed=0).splits)
        2
        """
        counted = self.weight_of(np.arange(len(self.target))) > 0
        if cv is None or isinstance(cv, int | np.integer):
            # dealt as if rows without weight were not there
            rows = np.flatnonzero(counted)
            customer = None if self.customer is None else self.customer[rows]
            dealt = splits_of(cv, self.X.iloc[rows], self.target[rows], customer, seed=seed)
            return dataclasses.replace(self, splits=[(rows[train], rows[test]) for train, test in dealt])
        splits = splits_of(cv, self.X, self.target, self.customer, seed=seed)
        # a fold whose test rows weigh nothing says nothing
        weighing = [(train[counted[train]], test[counted[test]]) for train, test in splits]
        judging = [(train, test) for train, test in weighing if len(test)]
        if not judging:
            raise ParameterError(
                message(
                    f"cv gives {len(splits):,} folds, and none of them tests a row with a weight",
                    "at least one fold; a generator of folds is used up by one fit",
                    "cv=list(folds), or cv=5",
                )
            )
        tested = np.concatenate([test for _, test in judging])
        churners, customers = int(self.target[tested].sum()), len(pd.unique(self.customer_of(tested)))
        if churners in {0, len(tested)} or customers < 2:
            raise DataError(
                message(
                    f"the {len(tested):,} rows that cv tests hold {churners:,} churners, of {customers:,} customers",
                    "churners and stayers, of two customers at least, to compare and to calibrate on",
                    "folds that test more cutoffs, or calibration=None and tune=None",
                )
            )
        return dataclasses.replace(self, splits=judging)

    def over_folds(
        self, one: Callable[[npt.NDArray[np.intp], npt.NDArray[np.intp]], _Result], *, n_jobs: int | None
    ) -> list[_Result]:
        """Do the same on every fold.

        Parameters
        ----------
        one : callable
            Takes the positions of a fold's training and test rows.
        n_jobs : int or None
            How many folds at once; the result does not depend on it.

        Returns
        -------
        list
            What it returned for each fold, in their order.

        Raises
        ------
        DataError
            If a fold's training rows hold one class only.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> X = pd.DataFrame({"a": range(3)})
        >>> halves = [(np.array([0, 1]), np.array([2])), (np.array([1, 2]), np.array([0]))]
        >>> sample = Sample(X, np.array([0, 1, 0]), None, TableEncoder.learn(X), None, halves)
        >>> sample.over_folds(lambda train, test: (len(train), len(test)), n_jobs=1)
        [(2, 1), (2, 1)]
        """
        from sklearn.utils.parallel import Parallel, delayed

        for number, (train, _) in enumerate(self.splits):
            if len(np.unique(self.target[train])) < 2:
                raise DataError(
                    message(
                        f"the {len(train):,} training rows of fold {number} of cv hold one class only",
                        "every fold needs churners and stayers to learn from",
                        "fewer folds, or calibration=None and tune=None",
                    )
                )
        # threads: the boosting engines release the interpreter while they work, and nothing is copied
        results: list[_Result] = Parallel(n_jobs=n_jobs, prefer="threads")(
            delayed(one)(train, test) for train, test in self.splits
        )
        return results

    def gather(self, probabilities: list[FloatArray]) -> OutOfFold:
        """Join the scores of the folds' test rows.

        Parameters
        ----------
        probabilities : list of ndarray
            One array for each fold.

        Returns
        -------
        OutOfFold
            Test rows of all folds, in the order of the folds.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> X = pd.DataFrame({"a": range(3)})
        >>> sample = Sample(X, np.array([0, 1, 0]), None, TableEncoder.learn(X), None, [(np.arange(2), np.array([2]))])
        >>> sample.gather([np.array([0.25])]).row.tolist()
        [2]
        """
        return OutOfFold(np.concatenate([test for _, test in self.splits]), np.concatenate(probabilities))


def out_of_fold(estimator: Any, sample: Sample, *, n_jobs: int | None) -> OutOfFold:
    """Score each test row by a model fitted on that fold's training rows.

    Parameters
    ----------
    estimator : classifier
        Cloned for each fold.
    sample : Sample
        Rows and folds.
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
    >>> out_of_fold(DummyClassifier(), Sample(X, y, None, TableEncoder.learn(X), None, halves), n_jobs=1).row.tolist()
    [2, 3, 0, 1]
    """

    def scores(train: npt.NDArray[np.intp], test: npt.NDArray[np.intp]) -> FloatArray:
        return sample.fit(estimator, train).probability(sample.X.iloc[test])

    return sample.gather(sample.over_folds(scores, n_jobs=n_jobs))
