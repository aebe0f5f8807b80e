"""Customers told apart by the values of some columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from churnlib._checks import named_rows
from churnlib._frames import Column, read_columns
from churnlib._typing import IntArray
from churnlib.exceptions import DataError, message, some

__all__ = ["EVERYBODY", "Strata", "n_rows_of"]

EVERYBODY = "all"
"""The name of the only stratum where nobody is told apart."""


@dataclass(frozen=True, slots=True)
class Strata:
    """The combinations of values that were seen.

    Parameters
    ----------
    columns : tuple of str
        By which columns customers are told apart; empty where they are not.
    keys : tuple of tuple
        The distinct combinations of their values, ascending.

    Examples
    --------
    >>> frame = pd.DataFrame({"plan": ["b", "a", "b"]})
    >>> Strata.of(frame, ("plan",)).labels
    ('a', 'b')
    """

    columns: tuple[str, ...]
    keys: tuple[tuple[Any, ...], ...]

    @classmethod
    def of(cls, X: Any, columns: Sequence[str]) -> Strata:
        """Find the combinations in a frame.

        Parameters
        ----------
        X : dataframe
            One that holds the columns.
        columns : sequence of str
            Their names.

        Returns
        -------
        Strata
            The combinations.

        Examples
        --------
        >>> Strata.of(pd.DataFrame({"plan": [2, 1], "paid": ["y", "n"]}), ("plan", "paid")).labels
        ((1, 'n'), (2, 'y'))
        """
        if not columns:
            return cls((), ((),))
        _, keys = _combinations(X, columns)
        try:
            ordered = sorted(keys)
        except TypeError:  # numbers among texts have no order of their own
            ordered = sorted(keys, key=repr)
        return cls(tuple(columns), tuple(ordered))

    @property
    def labels(self) -> tuple[Any, ...]:
        """What each combination is called: its value, or its values where there are several columns."""
        if not self.columns:
            return (EVERYBODY,)
        return tuple(key[0] for key in self.keys) if len(self.columns) == 1 else self.keys

    def codes(self, X: Any) -> IntArray:
        """Return the position in `keys` of each row's combination.

        Parameters
        ----------
        X : dataframe, or anything with rows where nobody is told apart
            The rows.

        Returns
        -------
        ndarray of shape (n_rows,)
            Positions.

        Raises
        ------
        DataError
            If a value is missing, or a combination was not seen before.

        Examples
        --------
        >>> frame = pd.DataFrame({"plan": ["b", "a", "b"]})
        >>> Strata.of(frame, ("plan",)).codes(frame)
        array([1, 0, 1])
        """
        if not self.columns:
            return np.zeros(n_rows_of(X), dtype=np.int64)
        found, keys = _combinations(X, self.columns)
        position = {key: k for k, key in enumerate(self.keys)}
        lookup = np.array([position.get(key, -1) for key in keys], dtype=np.int64)
        codes: IntArray = lookup[found]
        new = codes < 0
        if new.any():
            unseen = [self._named(key) for key in keys if key not in position]
            raise DataError(
                message(
                    f"{int(new.sum())} of {len(new)} rows are of strata not seen in fit: {some(unseen, 5)} "
                    f"({named_rows(new)})",
                    f"the strata are {some(map(self._named, self.keys), 12)}",
                    "leave these rows out and count them, or fit on rows of every stratum",
                )
            )
        return codes

    def _named(self, key: tuple[Any, ...]) -> str:
        return ", ".join(f"{column}={value!r}" for column, value in zip(self.columns, key, strict=True))

    def name(self, code: int) -> str:
        """Return the columns and values of one stratum, for a message.

        Parameters
        ----------
        code : int
            Its position in `keys`.

        Returns
        -------
        str
            Such as ``"plan='a'"``.

        Examples
        --------
        >>> Strata(("plan",), (("a",), ("b",))).name(1)
        "plan='b'"
        """
        return self._named(self.keys[code]) if self.columns else EVERYBODY


def n_rows_of(X: Any) -> int:
    """Return the number of rows of any frame, array or list; None is one row.

    Parameters
    ----------
    X : object
        What has rows.

    Returns
    -------
    int
        How many.

    Examples
    --------
    >>> n_rows_of(pd.DataFrame(index=range(3))), n_rows_of(None)
    (3, 1)
    """
    if X is None:
        return 1
    shape = getattr(X, "shape", None)
    if isinstance(shape, tuple) and len(shape):
        return int(shape[0])
    if hasattr(X, "__len__"):
        return len(X)
    lazy = nw.from_native(X, pass_through=True)
    if isinstance(lazy, nw.LazyFrame):
        return int(lazy.select(nw.len()).collect().item())
    if hasattr(X, "__array__"):
        return len(np.asarray(X))
    raise DataError(message(f"X is a {type(X).__name__}, which has no rows", "a frame or an array with a row for each"))


def _combinations(X: Any, columns: Sequence[str]) -> tuple[IntArray, list[tuple[Any, ...]]]:
    """Return for each row which of the distinct combinations it has, and these."""
    read = read_columns(X, {f"strata[{name!r}]": name for name in columns})
    coded = [_coded(column, name) for name, column in zip(columns, read.values(), strict=True)]
    sizes = [max(len(values), 1) for _, values in coded]
    key = np.zeros(len(coded[0][0]), dtype=np.int64)
    for (codes, _), size in zip(coded, sizes, strict=True):
        key = key * size + codes
    found, distinct = pd.factorize(key)
    parts: list[list[Any]] = []
    rest = np.asarray(distinct, dtype=np.int64)
    for (_, values), size in zip(reversed(coded), reversed(sizes), strict=True):
        rest, part = np.divmod(rest, size)
        parts.append([values[k] for k in part])
    return found.astype(np.int64), list(zip(*reversed(parts), strict=True))


def _coded(column: Column, name: str) -> tuple[IntArray, list[Any]]:
    if isinstance(column, np.ndarray):
        codes, values = pd.factorize(column)
        listed = list(values)
    else:
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        whole = encoded.unify_dictionaries().combine_chunks()
        codes = whole.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        listed = whole.dictionary.to_pylist()
    missing = codes < 0
    if missing.any():
        raise DataError(
            message(
                f"{name!r} is missing in {int(missing.sum())} of {len(missing)} rows ({named_rows(missing)})",
                "every row belongs to a stratum",
                f"X[{name!r}].fillna('not stated')",
            )
        )
    return codes.astype(np.int64), listed
