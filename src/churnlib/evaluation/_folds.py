"""Which rows train and which are tested, and whether that is an honest question."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import IntArray
from churnlib.evaluation._rows import JudgedRows, cutoffs_of
from churnlib.exceptions import (
    AssumptionWarning,
    DataError,
    DuplicateError,
    LeakageError,
    ParameterTypeError,
    message,
    some,
)
from churnlib.model_selection import splits_of

__all__ = ["Folds", "in_time_order", "is_forward", "refuse_no_folds", "refuse_open_labels", "refuse_repeats"]

Fold = tuple[IntArray, IntArray]

_PURGED = "cv=PurgedGroupTimeSplit(3, horizon=data.horizon, lead=data.lead)"


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """Folds whose test says something: what is tested has not been trained on.

    Parameters
    ----------
    parts : tuple of (train, test)
        Positions of rows, in order of time where there is one.
    forward : bool
        Whether every fold trains only on cutoffs before those it is tested on.
    """

    parts: tuple[Fold, ...]
    forward: bool

    @classmethod
    def of(cls, cv: Any, rows: JudgedRows, data: Any, *, seed: int) -> Folds:
        """Split rows, and refuse folds that train on what they test.

        Parameters
        ----------
        cv : int, splitter or iterable of (train, test)
            A number keeps customers whole and shares churners evenly.
        rows : JudgedRows
            To be split.
        data : object
            Where they come from; a Dataset knows how far its labels look ahead.
        seed : int
            Of the folds, where `cv` is a number.

        Returns
        -------
        Folds
            Each row is tested at most once.

        Raises
        ------
        LeakageError
            If a fold trains on rows it tests, on labels that reach into its test, or on other months of
            customers it tests.
        DataError
            If there are no folds, or one lacks churners or stayers.
        DuplicateError
            If folds test the same rows.
        ParameterTypeError
            If `cv` does not split.

        Warns
        -----
        AssumptionWarning
            If folds mix times, or rows that name no cutoff tear customers apart.
        """
        if cv is None:
            raise ParameterTypeError(message("cv is None", "folds to compare on", f"{_PURGED}, or cv=5"))
        parts = splits_of(cv, rows.X, rows.y, rows.customer, seed=seed)
        refuse_no_folds(parts)
        refuse_repeats(parts, len(rows.y))
        _refuse_shared_rows(parts)
        forward = is_forward(rows.X, parts)
        if forward:
            refuse_open_labels(rows.X, parts, data)
            parts = in_time_order(rows.X, parts)
        else:
            _look_at_customers(rows, parts)
        _refuse_one_class(parts, rows.y)
        return cls(tuple(parts), forward)


def refuse_no_folds(parts: list[Fold]) -> None:
    """Refuse a cv that gives nothing to train on or to test.

    Raises
    ------
    DataError
        If there is no fold, or one has an empty part.
    """
    if not parts:
        raise DataError(
            message(
                "cv gives no folds",
                "at least one training and test period, or two customers of each class",
                "more cutoffs, or more customers",
            )
        )
    empty = [number for number, (train, test) in enumerate(parts) if not (len(train) and len(test))]
    if empty:
        raise DataError(
            message(
                f"{len(empty):,} of {len(parts):,} folds have no rows to train on or none to test ({some(empty)})",
                "both parts of a fold hold rows",
                "cv=[(train, test) for train, test in cv if len(train) and len(test)]",
            )
        )


def refuse_repeats(parts: list[Fold], n_rows: int) -> None:
    """Refuse folds that test a row twice.

    Raises
    ------
    DuplicateError
        If some do.
    """
    tested = np.bincount(np.concatenate([test for _, test in parts]), minlength=n_rows)
    if (tested > 1).any():
        raise DuplicateError(
            message(
                f"{int((tested > 1).sum()):,} rows are tested by several folds",
                "each row is predicted once",
                "a cv whose test periods do not overlap",
            )
        )


def is_forward(X: pd.DataFrame, parts: list[Fold]) -> bool:
    """Return whether the rows name cutoffs, and every fold trains only on cutoffs before its test.

    Examples
    --------
    >>> is_forward(pd.DataFrame({"a": [1, 2]}), [(np.array([0]), np.array([1]))])
    False
    """
    cutoff = cutoffs_of(X)
    return cutoff is not None and all(cutoff[train].max() < cutoff[test].min() for train, test in parts)


def in_time_order(X: pd.DataFrame, parts: list[Fold]) -> list[Fold]:
    """Order folds, and the rows of each, by cutoff.

    Examples
    --------
    >>> in_time_order(pd.DataFrame({"a": [1, 2]}), [])
    []
    """
    cutoff = cutoffs_of(X)
    if cutoff is None:
        return parts
    ordered = sorted(parts, key=lambda fold: cutoff[fold[1]].min())
    return [(train, test[np.argsort(cutoff[test], kind="stable")]) for train, test in ordered]


def refuse_open_labels(X: pd.DataFrame, parts: list[Fold], data: Any) -> None:
    """Refuse folds that train on labels which reach past the first cutoff tested.

    Only a Dataset says how far its labels look ahead; of a frame it cannot be told.

    Raises
    ------
    LeakageError
        If some do.
    """
    window = getattr(getattr(data, "origin", None), "window", None)
    if window is None:
        return
    cutoff = pd.DatetimeIndex(X.index.get_level_values("cutoff")).as_unit("us").asi8
    known = window.closes_at(cutoff)
    open_labels = sum(int((known[train] > cutoff[test].min()).sum()) for train, test in parts)
    if open_labels:
        raise LeakageError(
            message(
                f"the labels of {open_labels:,} training rows of {len(parts):,} folds are not known yet at the first "
                f"cutoff they are tested on: they look ahead by {window.lead} + {window.horizon}",
                "a label may train once its window is over",
                _PURGED,
            )
        )


def _refuse_shared_rows(parts: list[Fold]) -> None:
    shared = sum(len(np.intersect1d(train, test)) for train, test in parts)
    if shared:
        raise LeakageError(
            message(
                f"{shared:,} rows of {len(parts):,} folds are trained on and tested in the same fold",
                "a row tested is a row not seen",
                "cv=5, or a splitter",
            )
        )


def _refuse_one_class(parts: list[Fold], y: IntArray) -> None:
    for number, fold in enumerate(parts):
        for what, rows in zip(("training", "test"), fold, strict=True):
            churned = int(y[rows].sum())
            if churned in (0, len(rows)):
                raise DataError(
                    message(
                        f"of the {len(rows):,} {what} rows of fold {number} {churned:,} churned",
                        "every fold needs churners and stayers",
                        "fewer folds, or longer test parts (test_size=2)",
                    )
                )


def _look_at_customers(rows: JudgedRows, parts: list[Fold]) -> None:
    """Refuse folds that know the tested customers from other months; say so where only the times are mixed."""
    torn = sum(int(rows.customer[test].isin(rows.customer[train]).sum()) for train, test in parts)
    tested = sum(len(test) for _, test in parts)
    cutoff = cutoffs_of(rows.X)
    if cutoff is not None and torn:
        raise LeakageError(
            message(
                f"{torn:,} of {tested:,} test rows belong to customers who also train in their fold, "
                "at other cutoffs, the same or later ones among them",
                "such folds reward a model that remembers customers: rows are split by time, or customers kept whole",
                f"{_PURGED}, or cv=5, which keeps customers whole",
            )
        )
    if torn:
        _warn(
            f"{torn:,} of {tested:,} test rows belong to customers who also train in their fold",
            "without cutoffs nobody can say which of them came first; a model that remembers customers looks better",
            "cv=5, which keeps customers whole, or an index (customer_id, cutoff) and a split in time",
        )
    elif cutoff is not None and len(cutoff.unique()) > 1:
        _warn(
            "the folds keep customers whole but mix times: models are tested on months they have trained on",
            "this says how well they rank customers they have not met, not how well they predict the next month",
            _PURGED,
        )


def _warn(wrong: str, expected: str, fix: str) -> None:
    # up through this file and `compare` to its caller
    warnings.warn(message(wrong, expected, fix), AssumptionWarning, stacklevel=5)
