"""Columns of any dtype into numbers and categories that are frozen at fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.classification._category_text import category_text
from churnlib.exceptions import DataError, SchemaError, message, some

__all__ = ["TableEncoder", "refuse_repeated_columns"]

_NUMBERS = frozenset({"integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty"})


@dataclasses.dataclass(frozen=True, slots=True)
class TableEncoder:
    """Turn each column into float64, or into a pandas categorical with categories frozen at fit.

    Categories are compared *by their text*, so that object, string, Arrow and
    category columns of the same values are the same column, and they are sorted, so
    that the order of the rows at fit does not matter. A category not seen at fit
    is a missing value. Categories are handed on as the integers 0, 1, …, which
    every library that takes pandas categoricals understands.

    Parameters
    ----------
    columns : tuple
        Names of the columns, in the order of the fit.
    categories : dict
        For each column that is not a number: its categories as text, sorted.
    monotone : dict
        Columns in which the probability to churn may only rise (+1) or fall (-1).

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"plan": ["b", "a", None], "orders": [1, 2, 3]})
    >>> encoder = TableEncoder.learn(X)
    >>> encoder.categories
    {'plan': ('a', 'b')}
    >>> encoder.encode(pd.DataFrame({"plan": ["z", "b"], "orders": [1, 2]}))["plan"].tolist()
    [nan, 1]
    """

    columns: tuple[Hashable, ...]
    categories: dict[Hashable, tuple[str, ...]]
    monotone: dict[Hashable, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def learn(cls, X: pd.DataFrame) -> TableEncoder:
        """Look at the columns once and remember the role of each.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            The rows of the fit.

        Returns
        -------
        TableEncoder
            The roles and categories.

        Raises
        ------
        SchemaError
            If a column holds dates, or values that are neither numbers nor text.
        DataError
            If two columns share a name.

        Examples
        --------
        >>> import pandas as pd
        >>> TableEncoder.learn(pd.DataFrame({"a": [1.5]})).categories
        {}
        """
        refuse_repeated_columns(X)
        _refuse_dates(X)
        categories: dict[Hashable, tuple[str, ...]] = {
            name: tuple(sorted({text for text in _texts(X[name])[1] if text is not None}))
            for name in X.columns
            if not _is_numeric(X[name])
        }
        return cls(tuple(X.columns), categories)

    def encode(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the rows as numbers and frozen categoricals.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Rows with the columns of the fit, in its order.

        Returns
        -------
        DataFrame of shape (n_rows, n_features)
            A new frame; float64 columns, and categoricals of integers.

        Raises
        ------
        SchemaError
            If a column that was numbers at fit now holds text, with the count.
        DataError
            If values are infinite, with the count.

        Examples
        --------
        >>> import pandas as pd
        >>> encoder = TableEncoder.learn(pd.DataFrame({"a": [1, 2]}))
        >>> encoder.encode(pd.DataFrame({"a": [True, False]}))["a"].tolist()
        [1.0, 0.0]
        """
        data = {name: self.column(X, name) for name in self.columns}
        encoded = pd.DataFrame(data, index=X.index, columns=pd.Index(self.columns, dtype=X.columns.dtype))
        _refuse_infinite(encoded, [name for name in self.columns if name not in self.categories])
        return encoded

    def column(self, X: pd.DataFrame, name: Hashable) -> Any:
        """Return one column as numbers, which may be infinite here, or as a frozen categorical.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Rows with that column.
        name : hashable
            Its name.

        Returns
        -------
        ndarray of float64, or Categorical of integers
            In the order of the rows.

        Examples
        --------
        >>> X = pd.DataFrame({"plan": ["b", "a", None]})
        >>> TableEncoder.learn(X).column(X, "plan").codes.tolist()
        [1, 0, -1]
        """
        if name in self.categories:
            return self._codes(X[name], self.categories[name])
        return _floats(X[name])

    @staticmethod
    def _codes(column: pd.Series[Any], categories: tuple[str, ...]) -> Any:
        position = {text: code for code, text in enumerate(categories)}
        codes, texts = _texts(column)
        known = np.array([position.get(text, -1) if text is not None else -1 for text in texts] + [-1], dtype=np.int64)
        # factorize marks a missing value with -1, which here reads the -1 appended last
        return pd.Categorical.from_codes(known[codes], categories=pd.RangeIndex(len(categories)))


def refuse_repeated_columns(X: pd.DataFrame) -> None:
    """Refuse columns that share a name.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_features)
        The rows.

    Raises
    ------
    DataError
        If two columns share a name.

    Examples
    --------
    >>> refuse_repeated_columns(pd.DataFrame({"a": [1], "b": [2]}))
    """
    repeated = X.columns[X.columns.duplicated()]
    if len(repeated):
        raise DataError(
            message(
                f"{len(repeated):,} column names are repeated ({some(repeated.unique())})",
                "every feature needs its own name",
                "X = X.loc[:, ~X.columns.duplicated()]",
            )
        )


def _is_numeric(column: pd.Series[Any]) -> bool:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return False
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
        return True
    if dtype == np.dtype(object):
        return pd.api.types.infer_dtype(column, skipna=True) in _NUMBERS
    return False


def _refuse_dates(X: pd.DataFrame) -> None:
    dated = [
        name
        for name in X.columns
        if pd.api.types.is_datetime64_any_dtype(X[name].dtype)
        or pd.api.types.is_timedelta64_dtype(X[name].dtype)
        or (X[name].dtype == object and pd.api.types.infer_dtype(X[name], skipna=True) in _DATES)
    ]
    if dated:
        raise SchemaError(
            message(
                f"{len(dated):,} columns hold dates or durations ({some(dated)})",
                "features are numbers or categories",
                f"(X.index.get_level_values('cutoff') - X[{dated[0]!r}]).dt.days, or leave the column out",
            )
        )


_DATES = frozenset({"datetime", "datetime64", "date", "timedelta", "timedelta64"})


def _texts(column: pd.Series[Any]) -> tuple[npt.NDArray[np.int64], list[str | None]]:
    """Return a code per row (-1 = missing) and the text behind each code."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy()
        seen = np.zeros(len(column.cat.categories), dtype=bool)
        seen[codes[codes >= 0]] = True
        named = zip(column.cat.categories, seen, strict=True)
        # a declared category without rows is not learned: the dtype must not matter
        return codes.astype(np.int64), [category_text(value) if present else None for value, present in named]
    try:
        codes, values = pd.factorize(_told_apart(column), use_na_sentinel=True)
    except TypeError:
        raise SchemaError(
            message(
                f"column {column.name!r} holds values such as {_first_odd(column)}",
                "features are numbers or text",
                f"X.drop(columns={column.name!r}), or one column per part",
            )
        ) from None
    return codes.astype(np.int64), [category_text(value) for value in values]


def _told_apart(column: pd.Series[Any]) -> npt.NDArray[np.object_]:
    """Return the values, with truths as text where they are mixed with others: to Python, 1 is True."""
    values: npt.NDArray[np.object_] = column.to_numpy(dtype=object)
    truth = [isinstance(value, bool | np.bool_) for value in values] if column.dtype == object else []
    if not any(truth):
        return values
    return np.array(
        [category_text(value) if told else value for value, told in zip(values, truth, strict=True)] + [None],
        dtype=object,
    )[:-1]


def _first_odd(column: Iterable[object]) -> str:
    # a list, a dict, a set: what Python itself marks as not hashable
    odd = next((value for value in column if type(value).__hash__ is None), None)
    return f"{str(odd)[:40]} ({type(odd).__name__})"


def _floats(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    if not _is_numeric(column):
        codes, texts = _texts(column)
        if any(text is not None for text in texts):
            raise SchemaError(
                message(
                    f"column {column.name!r} held numbers at fit and holds {int((codes >= 0).sum()):,} texts now "
                    f"({some([text for text in texts if text is not None], 3)})",
                    "the same kind of values as at fit",
                    f"X[{column.name!r}] = pd.to_numeric(X[{column.name!r}])",
                )
            )
        return np.full(len(column), np.nan)
    if column.dtype == object:
        return np.array([np.nan if pd.isna(value) else float(value) for value in column], dtype=np.float64)
    if pd.api.types.is_complex_dtype(column.dtype):
        raise SchemaError(
            message(f"column {column.name!r}: Complex data not supported", "real numbers", "X[...].abs()")
        )
    values: npt.NDArray[np.float64] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _refuse_infinite(encoded: pd.DataFrame, numeric: list[Hashable]) -> None:
    counts = {}
    for name in numeric:
        infinite = int(np.isinf(encoded[name].to_numpy()).sum())
        if infinite:
            counts[name] = infinite
    if counts:
        listed = some([f"{name}: {count:,}" for name, count in counts.items()])
        raise DataError(
            message(
                f"{sum(counts.values()):,} values are infinite ({listed})",
                "finite numbers, or missing values",
                "X.replace([np.inf, -np.inf], np.nan)",
            )
        )
