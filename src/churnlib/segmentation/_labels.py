"""Segments by customer, as they come from `RFMSegmenter`, `Tiers` or any other source of names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import named_rows
from churnlib._typing import IntArray
from churnlib.exceptions import DataError, message

__all__ = ["Labels", "in_order", "read_labels"]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """A name for each row, as a position in a list of names.

    Parameters
    ----------
    names : tuple of str
        The segments: of a categorical all its categories in their order, else those that occur, sorted.
    codes : array of shape (n_rows,)
        Positions in `names`.

    Examples
    --------
    >>> read_labels(["b", "a", "b"], name="segments").names
    ('a', 'b')
    """

    names: tuple[Any, ...]
    codes: IntArray


def read_labels(segments: Any, *, name: str) -> Labels:
    """Look at the segments of rows.

    Parameters
    ----------
    segments : Series, Categorical or array-like of shape (n_rows,)
        A name for each row.
    name : str
        The argument's name, for the message.

    Returns
    -------
    Labels
        Categories without rows are kept, in the order of the categorical from best to
        worst where it is ordered, as `Tiers.assign` makes it.

    Raises
    ------
    DataError
        If there are no rows, or some have no segment.

    Examples
    --------
    >>> read_labels(pd.Series(["x", "x"], dtype="category"), name="segments").codes
    array([0, 0])
    """
    if isinstance(segments, pd.Series | pd.Categorical):
        column = pd.Series(segments)
    else:
        flat = np.asarray(segments, dtype=object)
        if flat.ndim != 1:
            raise DataError(message(f"{name} has shape {flat.shape}", "one segment for each row", "frame['segment']"))
        column = pd.Series(flat)
    if not len(column):
        raise DataError(message(f"{name} has no rows", "at least one customer is needed"))
    missing = column.isna().to_numpy()
    if missing.any():
        raise DataError(
            message(
                f"{name} has no segment for {int(missing.sum()):,} of {len(column):,} rows ({named_rows(missing)})",
                "every customer belongs to one segment",
                f"{name}.fillna('unknown'), if these are a segment of their own",
            )
        )
    if isinstance(column.dtype, pd.CategoricalDtype):
        names, codes = list(column.cat.categories), column.cat.codes.to_numpy().astype(np.int64)
        if column.cat.ordered:
            names, codes = names[::-1], len(names) - 1 - codes
        return Labels(tuple(names), codes)
    codes, found = pd.factorize(column)
    occurring = found.tolist()
    names = in_order(occurring)
    place = {name: k for k, name in enumerate(names)}
    return Labels(tuple(names), np.array([place[name] for name in occurring], dtype=np.int64)[codes])


def in_order(names: Iterable[Any]) -> list[Any]:
    """Sort names, also those that have no order among themselves.

    Parameters
    ----------
    names : iterable
        Texts, numbers, or both.

    Returns
    -------
    list
        Ascending; what cannot be compared is sorted by its type, then by its text.

    Examples
    --------
    >>> in_order(["b", "a"]), in_order(["x", 2, 10])
    (['a', 'b'], [10, 2, 'x'])
    """
    try:
        return sorted(names)
    except TypeError:
        return sorted(names, key=lambda name: (type(name).__name__, str(name)))
