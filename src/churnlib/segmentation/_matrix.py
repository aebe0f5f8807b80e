"""The columns of any frame, or of an array, as numbers that have been looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from churnlib._checks import as_names, named_rows
from churnlib._frames import Column, column_names, read_columns, to_numpy
from churnlib._sklearn import BaseEstimator, validate_data
from churnlib._typing import FloatArray
from churnlib.events import EventLog
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError, message

__all__ = [
    "RFM_COLUMNS",
    "Matrix",
    "is_frame",
    "read_frame",
    "read_rows",
    "refuse_log",
    "refuse_missing",
    "wanted_columns",
]

RFM_COLUMNS = ("recency_days", "n_orders", "spend_total")
"""What `rfm_table` makes, in the order of the letters R, F and M."""

_HISTORY_COLUMNS = ("frequency", "recency", "T")
"""What `churnlib.clv.rfm_summary` makes: other things, by nearly the same names."""


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """Columns of one length, as float64.

    Parameters
    ----------
    names : tuple of str
        One for each column.
    values : array of shape (n_rows, n_columns)
        The numbers, column after column in memory.
    index : pandas.Index or None
        The labels of the rows, if they came as a frame; None for an array.

    Examples
    --------
    >>> read_frame(pd.DataFrame({"n_orders": [1, 3]}), ["n_orders"]).values
    array([[1.],
           [3.]])
    """

    names: tuple[str, ...]
    values: FloatArray
    index: pd.Index | None

    def column(self, name: str) -> FloatArray:
        """Return one column by its name.

        Parameters
        ----------
        name : str
            One of `names`.

        Returns
        -------
        array of shape (n_rows,)
            A view.
        """
        column: FloatArray = self.values[:, self.names.index(name)]
        return column


def is_frame(X: Any) -> bool:
    """Tell a frame of any library from an array.

    Parameters
    ----------
    X : object
        Whatever the caller passed.

    Returns
    -------
    bool
        True for what narwhals knows as a frame, eager or lazy.

    Examples
    --------
    >>> is_frame(pd.DataFrame({"a": [1]})), is_frame([[1.0]])
    (True, False)
    """
    # one of pandas may have a column name twice, which is for whoever reads that column to refuse
    return isinstance(X, pd.DataFrame) or isinstance(nw.from_native(X, pass_through=True), nw.DataFrame | nw.LazyFrame)


def read_frame(frame: Any, names: Sequence[str], *, role: str = "columns") -> Matrix:
    """Take columns of numbers out of any frame.

    Parameters
    ----------
    frame : dataframe
        pandas, polars (eager or lazy), a pyarrow Table or a DuckDB relation; it is not modified.
    names : sequence of str
        Which columns, in which order.
    role : str, default="columns"
        The argument that named them, for the message.

    Returns
    -------
    Matrix
        With NaN where a value is missing, and the frame's own index if it is one of pandas.

    Raises
    ------
    SchemaError
        If a column is absent, or holds anything but numbers.

    Examples
    --------
    >>> read_frame(pd.DataFrame({"a": [1, 2], "b": [True, False]}), ["b"]).column("b")
    array([1., 0.])
    """
    several = len(names) > 1 or role == "columns"
    columns = read_columns(frame, {f"{role}[{name!r}]" if several else role: name for name in names})
    numbers = [_floats(column, name) for name, column in zip(names, columns.values(), strict=True)]
    n_rows = len(numbers[0]) if numbers else 0
    values = np.empty((n_rows, len(numbers)), dtype=np.float64, order="F")
    for k, column in enumerate(numbers):
        values[:, k] = column
    index = frame.index if isinstance(frame, pd.DataFrame) else pd.RangeIndex(n_rows)
    return Matrix(tuple(names), values, index)


def refuse_missing(table: Matrix) -> Matrix:
    """Return the table if every number is finite.

    Parameters
    ----------
    table : Matrix
        The numbers.

    Returns
    -------
    Matrix
        The same.

    Raises
    ------
    DataError
        Naming the first column that is not, with the count and the first row.

    Examples
    --------
    >>> refuse_missing(read_frame(pd.DataFrame({"a": [1.0]}), ["a"])).names
    ('a',)
    """
    for name in table.names:
        column = table.column(name)
        for wrong, what in ((np.isnan(column), "missing (NaN)"), (np.isinf(column), "infinite (inf)")):
            if wrong.any():
                raise DataError(
                    message(
                        f"column {name!r} is {what} in {int(wrong.sum()):,} of {len(column):,} rows "
                        f"({named_rows(wrong)})",
                        "every customer has a finite number in every column that is read",
                        f"X[{name!r}].fillna(...) if you know what belongs there, or leave these rows out and count "
                        "them",
                    )
                )
    return table


def wanted_columns(X: Any, columns: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Decide which columns an estimator takes by name.

    Parameters
    ----------
    X : DataFrame or array-like
        The rows of a fit.
    columns : str, sequence of str or None
        What the user named.

    Returns
    -------
    tuple of str or None
        These; or `RFM_COLUMNS` of a frame that has all of them; or None: every column, in order.

    Raises
    ------
    ParameterError
        If none is named, or one is named twice.
    SchemaError
        If none is named, and the frame is a summary for the models of lifetime value, whose
        ``frequency``, ``recency`` and ``T`` are not what is scored.

    Examples
    --------
    >>> wanted_columns(pd.DataFrame({"note": ["x"], "spend_total": 1, "n_orders": 1, "recency_days": 1}), None)
    ('recency_days', 'n_orders', 'spend_total')
    """
    if columns is not None:
        wanted = as_names(columns, name="columns")
        if not wanted:
            raise ParameterError(message("columns is empty", "at least one column is needed", "columns=None"))
        return wanted
    held = set(column_names(X)) if is_frame(X) else set()
    if set(RFM_COLUMNS) <= held:
        return RFM_COLUMNS
    if set(_HISTORY_COLUMNS) <= held:
        raise SchemaError(
            message(
                "X has the columns 'frequency', 'recency' and 'T', which are made for the models of lifetime value "
                "(repeat purchases, age at the last purchase, age)",
                f"{', '.join(RFM_COLUMNS)} were expected, or columns= names what is meant",
                "rfm_table(log, cutoff=...)",
            )
        )
    return None


def refuse_log(X: Any, fix: str) -> None:
    """Refuse events where a row for each customer is read.

    Parameters
    ----------
    X : object
        Whatever the caller passed.
    fix : str
        What makes the rows out of a log.

    Raises
    ------
    ParameterTypeError
        If it is an EventLog.

    Examples
    --------
    >>> refuse_log(pd.DataFrame({"n_orders": [1]}), "rfm_table(log)")
    """
    if isinstance(X, EventLog):
        what = f"an EventLog was given, of {len(X):,} events"
        raise ParameterTypeError(message(what, "one row for each customer was expected", fix))


def read_rows(
    estimator: BaseEstimator, X: Any, wanted: tuple[str, ...] | None, *, fitting: bool, **options: Any
) -> Matrix:
    """Read the rows of `fit`, `transform` or `predict` as scikit-learn does, but columns by name.

    Parameters
    ----------
    estimator : estimator
        Where `n_features_in_` and `feature_names_in_` are kept.
    X : DataFrame or array-like of shape (n_rows, n_features)
        Any frame, or an array.
    wanted : tuple of str or None
        The columns to take from a frame, of whose others nothing is asked; the names of the
        columns of an array. None is every column, in the order of the fit.
    fitting : bool
        True in `fit`: remember the columns. False afterwards: compare with them.
    **options
        What scikit-learn's `check_array` takes.

    Returns
    -------
    Matrix
        Finite numbers; columns without a name are ``x0``, ``x1``, …

    Raises
    ------
    ParameterTypeError
        If X is an EventLog.
    DataError
        If a value is missing or infinite, with column, count and first row.
    SchemaError
        If a column is absent, or does not hold numbers.

    Examples
    --------
    >>> read_rows(BaseEstimator(), [[1, 2]], ("a", "b"), fitting=True).column("b")
    array([2.])
    """
    refuse_log(X, "rfm_table(log)")
    names, index = wanted, None
    if is_frame(X):
        if names is None and _has_names(X):
            names = tuple(column_names(X))
        if names is None:
            index = X.index
        else:
            table = read_frame(X, names)
            index = table.index
            # an estimator fitted on an array knows no names to compare with
            labelled = fitting or wanted is None or hasattr(estimator, "feature_names_in_")
            X = pd.DataFrame(table.values, columns=pd.Index(names), copy=False) if labelled else table.values
    values = validate_data(estimator, X, reset=fitting, dtype=np.float64, ensure_all_finite=False, **options)
    if names is None:
        names = tuple(f"x{k}" for k in range(values.shape[1]))
    if len(names) != values.shape[1]:
        raise SchemaError(
            message(
                f"columns names {len(names)} columns and the array has {values.shape[1]}",
                "the columns of an array are named in their order",
                "X as a frame, of which columns are taken by name",
            )
        )
    return refuse_missing(Matrix(names, values, index))


def _has_names(frame: Any) -> bool:
    """Say whether the columns of a frame are named by text, as all but those of pandas are."""
    return not isinstance(frame, pd.DataFrame) or all(isinstance(name, str) for name in frame.columns)


def _floats(column: Column, name: str) -> FloatArray:
    if not isinstance(column, pa.ChunkedArray) or not _is_numeric(column.type):
        held, fix = _held(column, name)
        raise SchemaError(message(f"column {name!r} holds {held} values", "numbers were expected", fix))
    if pa.types.is_decimal(column.type) or pa.types.is_boolean(column.type) or pa.types.is_null(column.type):
        column = column.cast(pa.float64())
    values = column.to_numpy() if column.null_count else to_numpy(column)
    return np.asarray(values, dtype=np.float64)


def _held(column: Column, name: str) -> tuple[str, str]:
    """Say what a column holds that is no number, and how it becomes one."""
    held = column.type if isinstance(column, pa.ChunkedArray) else None
    if held is None:
        return "object", f"pd.to_numeric(X[{name!r}]), or no {name!r} among the columns"
    if pa.types.is_dictionary(held):
        return f"categorical ({held.value_type})", f"X[{name!r}].astype('float64') if the categories are numbers"
    if pa.types.is_duration(held):
        return str(held), f"X[{name!r}].dt.days, or another number of a unit that you choose"
    return str(held), f"numbers in {name!r}, or no {name!r} among the columns"


def _is_numeric(held: pa.DataType) -> bool:
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_null)
    return any(kind(held) for kind in kinds)
