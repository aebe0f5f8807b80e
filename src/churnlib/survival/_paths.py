"""Rows of one customer that follow one another in time: start-stop data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import named_rows
from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.exceptions import DataError, message

__all__ = ["Paths", "customer_codes", "find_paths"]

_TOUCH = 1e-9
"""Of the time: an end and the next beginning that differ by less are one moment."""


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """The rows in the order of customers and their time.

    Parameters
    ----------
    order : ndarray of shape (n_rows,)
        Rows by customer, then by when they begin.
    same : ndarray of bool of shape (n_rows,)
        Whether a row of `order` has the customer of the row before it.
    gap : ndarray of shape (n_rows,)
        Time from the end of the row before it to its beginning: 0 where they touch, below 0
        where they overlap; NaN for a customer's first row.
    """

    order: IntArray
    same: BoolArray
    gap: FloatArray

    @property
    def later(self) -> BoolArray:
        """Whether a row begins when, or after, the row before it ended."""
        return np.asarray(self.same & (self.gap >= 0))

    @property
    def touching(self) -> BoolArray:
        """Whether a row begins when the row before it ended."""
        return np.asarray(self.same & (self.gap == 0))

    @property
    def overlapping(self) -> BoolArray:
        """Whether a row begins before the row before it has ended."""
        return np.asarray(self.same & (self.gap < 0))


def find_paths(customer: IntArray, entry: FloatArray, time: FloatArray) -> Paths:
    """Put rows in the order of customers and their time.

    Parameters
    ----------
    customer : ndarray of int of shape (n_rows,)
        Codes of the customers.
    entry, time : ndarray of shape (n_rows,)
        When each row begins and ends.

    Returns
    -------
    Paths
        The order, and how each row follows the one before it.

    Examples
    --------
    >>> paths = find_paths(np.array([0, 1, 0]), np.array([3.0, 0.0, 0.0]), np.array([9.0, 4.0, 3.0]))
    >>> paths.order, paths.touching
    (array([2, 0, 1]), array([False,  True, False]))
    """
    step = np.diff(customer)
    if ((step > 0) | ((step == 0) & (np.diff(entry) > 0))).all():
        order = np.arange(len(customer))  # as rows mostly come
    else:
        order = np.lexsort((time, entry, customer))
    gap = np.full(len(order), np.nan)
    gap[1:] = entry[order][1:] - time[order][:-1]
    with np.errstate(invalid="ignore"):
        gap[np.abs(gap) <= _TOUCH * time.max(initial=0.0)] = 0.0
    same = np.concatenate([[False], np.diff(customer[order]) == 0])
    gap[~same] = np.nan
    return Paths(order, same, gap)


def customer_codes(groups: Any, n_rows: int) -> tuple[IntArray, pd.Index[Any]]:
    """Return the customer of each row as codes, and the customers.

    Parameters
    ----------
    groups : array-like of shape (n_rows,)
        The customer of each row.
    n_rows : int
        Number of rows.

    Returns
    -------
    codes : ndarray of shape (n_rows,)
        Positions in `customers`.
    customers : Index
        In the order in which they first appear.

    Raises
    ------
    DataError
        If a customer is missing, or there is not one for each row.
    """
    column = pd.Series(groups.array if isinstance(groups, (pd.Series, pd.Index)) else np.asarray(groups))
    if len(column) != n_rows:
        raise DataError(message(f"groups has {len(column)} values, X {n_rows} rows", "the customer of each row"))
    missing = column.isna().to_numpy(dtype=bool)
    if missing.any():
        raise DataError(
            message(f"{int(missing.sum())} of {n_rows} groups are missing ({named_rows(missing)})", "a customer each")
        )
    codes, customers = pd.factorize(column)
    return codes.astype(np.int64), pd.Index(customers)
