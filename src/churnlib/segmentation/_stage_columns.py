"""The columns a lifecycle stage is decided on: found by name, read as numbers, and looked at."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from churnlib._checks import named_rows
from churnlib._typing import BoolArray, FloatArray
from churnlib.exceptions import DataError, ParameterTypeError, SchemaError, message, nearest, some
from churnlib.segmentation._matrix import read_frame, refuse_log

__all__ = ["StageColumns", "as_pandas", "check_column", "find_columns", "read_columns_of", "refuse"]

# What a stage is decided on, and the columns that may say it, best first.
_ROLES = {
    "tenure": ("tenure_days", "T"),
    "recency": ("recency_days",),
    "orders": ("n_order_days", "n_orders"),
    "gap": ("median_gap_days",),
    "last_gap": ("last_gap_days",),
    "earlier_gap": ("earlier_gap_days",),
    "spend_recent": ("spend_recent",),
    "spend_before": ("spend_before",),
}
_MAY_BE_UNKNOWN = ("gap", "last_gap", "earlier_gap", "spend_recent", "spend_before")
_MAY_BE_NEGATIVE = ("spend_recent", "spend_before")
_MUST_BE_POSITIVE = ("orders", "gap", "last_gap", "earlier_gap")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class StageColumns:
    """The columns of some customers by role, as floats.

    Parameters
    ----------
    table : DataFrame
        The rows they come from.
    values : mapping of str to ndarray
        Role to values; a role that no column plays is not there.

    Examples
    --------
    >>> columns = StageColumns(pd.DataFrame({"T": [5]}), {"tenure": np.array([5.0])})
    >>> columns.get("tenure"), columns.get("last_gap")
    (array([5.]), array([nan]))
    """

    table: pd.DataFrame
    values: Mapping[str, FloatArray]

    def get(self, role: str) -> FloatArray:
        """Return the values of a role, all unknown where no column plays it.

        Parameters
        ----------
        role : str
            Such as "tenure".

        Returns
        -------
        ndarray of shape (n_customers,)
            Floats, NaN where not known.
        """
        found = self.values.get(role)
        return np.full(len(self.table), np.nan) if found is None else found


def find_columns(available: Sequence[Hashable], *, needed: Sequence[str], optional: Sequence[str]) -> dict[str, str]:
    """Say which column plays which role.

    Parameters
    ----------
    available : sequence
        The columns of X.
    needed : sequence of str
        Roles that must be played.
    optional : sequence of str
        Roles that are played where a column is there.

    Returns
    -------
    dict of str to str
        Role to column. A needed role without a column has its first name, for the message.

    Examples
    --------
    >>> find_columns(["T", "recency_days"], needed=["tenure", "recency"], optional=["last_gap"])
    {'tenure': 'T', 'recency': 'recency_days'}
    """
    found = {}
    for role, names in _ROLES.items():
        present = [name for name in names if name in available]
        if role in needed or (role in optional and present):
            found[role] = present[0] if present else names[0]
    return found


def as_pandas(
    X: Any, *, needed: Sequence[str] = ("tenure_days", "recency_days"), maker: str = "lifecycle_frame(log)"
) -> pd.DataFrame:
    """Return a frame of any library as one of pandas.

    Parameters
    ----------
    X : dataframe
        pandas, polars (eager or lazy), a pyarrow Table or a DuckDB relation.
    needed : sequence of str
        What its columns are, for the message.
    maker : str, default="lifecycle_frame(log)"
        What makes it out of a log, for the message.

    Returns
    -------
    DataFrame
        The same frame if it is one of pandas already.

    Raises
    ------
    ParameterTypeError
        If it is no frame, or an EventLog.

    Examples
    --------
    >>> import polars as pl
    >>> as_pandas(pl.DataFrame({"a": [1]})).columns.tolist()
    ['a']
    """
    if isinstance(X, pd.DataFrame):
        return X
    refuse_log(X, maker)
    frame = nw.from_native(X, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, nw.DataFrame):
        return frame.to_pandas()
    raise ParameterTypeError(
        message(
            f"X is a {type(X).__name__}, whose columns have no names",
            f"a frame with the columns {' and '.join(needed)} was expected",
            f"pd.DataFrame(X, columns={list(needed)})",
        )
    )


def check_column(
    table: pd.DataFrame,
    name: Hashable,
    *,
    reader: str,
    fix: str = "lifecycle_frame(log, cutoff=...) gives the columns of a lifecycle stage",
) -> None:
    """Check that a column stands in a frame, once.

    Parameters
    ----------
    table : DataFrame
        The rows.
    name : str
        The column.
    reader : str
        Who reads it, for the message.
    fix : str
        Where such a column comes from.

    Raises
    ------
    SchemaError
        If it does not, with the nearest name.

    Examples
    --------
    >>> check_column(pd.DataFrame({"T": [1]}), "T", reader="LifecycleStage")
    """
    times = int((table.columns == name).sum())
    if times == 1:
        return
    held = f"{reader} reads it; the {table.shape[1]} columns of X are {some(table.columns, 12)}"
    if times:
        raise SchemaError(message(f"X has {times} columns {name!r}", held, "X.loc[:, ~X.columns.duplicated()]"))
    raise SchemaError(
        message(
            f"X has no column {name!r} ({nearest(name, list(table.columns))})",
            held,
            fix,
        )
    )


def read_columns_of(table: pd.DataFrame, columns: Mapping[str, str]) -> StageColumns:
    """Read the columns of the roles, and refuse what cannot be.

    Parameters
    ----------
    table : DataFrame
        One row per customer.
    columns : mapping of str to str
        Role to column; each is there.

    Returns
    -------
    StageColumns
        The numbers. What may be unknown, such as the gap before a first order, is NaN there.

    Raises
    ------
    SchemaError
        If a column holds no numbers.
    DataError
        If values are missing, negative or contradict each other, with count and first row.

    Examples
    --------
    >>> read_columns_of(pd.DataFrame({"T": [5]}), {"tenure": "T"}).get("tenure")
    array([5.])
    """
    matrix = read_frame(table, list(columns.values()))
    values = {role: matrix.column(name) for role, name in columns.items()}
    for role, column in values.items():
        name = columns[role]
        wrong = np.isinf(column) if role in _MAY_BE_UNKNOWN else ~np.isfinite(column)
        refuse(wrong, column, name, "are missing or infinite", f"X.dropna(subset=[{name!r}]), and count them")
        if role in _MUST_BE_POSITIVE:
            refuse(column <= 0, column, name, "are not above 0", f"X[{name!r}].mask(X[{name!r}] <= 0) if unknown")
        elif role not in _MAY_BE_NEGATIVE:
            refuse(column < 0, column, name, "are negative", f"look at X[X[{name!r}] < 0]: is its cutoff the same?")
    if {"recency", "tenure"} <= set(values):
        late = values["recency"] > values["tenure"]
        what = f"exceed {columns['tenure']!r}"
        refuse(late, values["recency"], columns["recency"], what, "count both in days, to the same cutoff")
    return StageColumns(table, values)


def refuse(wrong: BoolArray, values: FloatArray, name: str, what: str, fix: str) -> None:
    """Refuse values, where some are wrong.

    Parameters
    ----------
    wrong : ndarray of bool
        Which are.
    values : ndarray
        The values.
    name : str
        Their column.
    what : str
        What is wrong with them, as the end of a sentence.
    fix : str
        What to do about it.

    Raises
    ------
    DataError
        With the count and the first row.

    Examples
    --------
    >>> refuse(np.array([False]), np.array([1.0]), "T", "are negative", "")
    """
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum()):,} of {len(values):,} values of {name!r} {what} "
                f"({named_rows(wrong)}; the first is {values[wrong][0]:g})",
                "one usable number per customer was expected",
                fix,
            )
        )
