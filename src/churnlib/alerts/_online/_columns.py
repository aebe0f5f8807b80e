"""Rows of a micro-batch as columns: arrays are read as they are, and everything else by the readers of frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnlib._ids import customer_ids, ids_of
from churnlib._typing import BoolArray
from churnlib.exceptions import DataError, DuplicateError, ParameterTypeError, SchemaError, message, nearest, some
from churnlib.expressions import Columns, ColumnType
from churnlib.expressions._columns import _EXACT, _is_column

__all__ = ["Arrays", "check_lengths", "columns_of", "customers_of"]

_MICROSECOND = np.timedelta64(1, "us")
_KINDS = {"f": "number", "i": "number", "u": "number", "b": "boolean", "m": "length"}
_TEXTS = frozenset({str, type(None)})


class Arrays(Mapping[str, ColumnType]):
    """Columns as an expression reads them, without a frame around them.

    To make a frame of a few arrays takes as long as twenty rules for a thousand rows. What is no
    plain array (or an array of texts and None) is read as a frame of its own.

    Parameters
    ----------
    data : mapping of str to array
        The columns.
    names : sequence of str
        Those that are read.

    Examples
    --------
    >>> columns = Arrays({"n": np.array([1, 2]), "plan": np.array(["a", None], dtype=object)}, ["n", "plan"])
    >>> columns["n"].kind, columns.read("n", "number").tolist(), columns.missing("plan").tolist()
    ('number', [1.0, 2.0], [False, True])
    """

    def __init__(self, data: Mapping[str, Any], names: Sequence[str]) -> None:
        self._arrays: dict[str, Any] = {}
        self._frames: dict[str, Columns] = {}
        self._kinds: dict[str, str] = {}
        self._values: dict[tuple[str, str], Any] = {}
        for name in names:
            self._put(name, data[name])

    def _put(self, name: str, column: Any) -> None:
        if isinstance(column, pd.Series) and isinstance(column.dtype, np.dtype):
            column = column.to_numpy()
        if isinstance(column, np.ndarray) and column.ndim > 1:
            raise SchemaError(
                message(
                    f"column {name!r} is an array of {column.ndim} dimensions",
                    "a value for each customer",
                    "array[:, 0]",
                )
            )
        if isinstance(column, np.ndarray):
            kind = _KINDS.get(column.dtype.kind) or ("text" if _is_text(column) else None)
            if kind is not None:
                self._arrays[name], self._kinds[name] = column, kind
                return
        self._frames[name] = Columns({name: column})
        self._kinds[name] = self._frames[name][name].kind

    def __getitem__(self, name: str) -> ColumnType:
        return ColumnType(self._kinds[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def lengths(self) -> dict[str, int]:
        """Return how many rows each column has."""
        return {name: len(column) for name, column in self._arrays.items()} | {
            name: frame.n_rows for name, frame in self._frames.items()
        }

    def read(self, name: str, kind: str) -> Any:
        """Return a column as the kind of value it holds."""
        if (name, kind) not in self._values:
            frame = self._frames.get(name)
            self._values[name, kind] = self._of_array(name) if frame is None else frame.read(name, kind)
        return self._values[name, kind]

    def missing(self, name: str) -> BoolArray:
        """Return where a column of any kind is missing."""
        frame = self._frames.get(name)
        return np.asarray(pd.isna(self._arrays[name])) if frame is None else frame.missing(name)

    def _of_array(self, name: str) -> Any:
        column, kind = self._arrays[name], self._kinds[name]
        if kind == "boolean":
            return column, ~column
        if kind == "length":
            return np.where(np.isnat(column), np.nan, column / _MICROSECOND)
        if kind == "number":
            if column.dtype.kind != "f":
                _check_exact(column, name)
            return column.astype(np.float64, copy=False)
        return column


def _is_text(column: Any) -> bool:
    return column.dtype == object and _TEXTS.issuperset(map(type, column)) and any(map(_is_some, column))


def _is_some(value: object) -> bool:
    return value is not None


def _check_exact(column: Any, name: str) -> None:
    if len(column) and (int(column.max()) > _EXACT or int(column.min()) < -_EXACT):
        Columns({name: column}).read(name, "number")  # which says what is wrong, and where


def columns_of(rows: Any, names: Sequence[str]) -> Arrays | Columns:
    """Return the columns that rules read.

    Parameters
    ----------
    rows : dataframe, or mapping of str to array
        The rows.
    names : sequence of str
        What the rules read.

    Returns
    -------
    Arrays or Columns
        What they are read from.

    Raises
    ------
    SchemaError
        When a column is not there.
    DataError
        When a column is a single value.

    Examples
    --------
    >>> columns_of({"n": np.array([1, 2])}, ["n"]).read("n", "number").tolist()
    [1.0, 2.0]
    """
    found: Any = rows if isinstance(rows, Mapping | pd.DataFrame) else Columns(rows)
    there = found.columns if isinstance(found, pd.DataFrame) else found
    lacking = [name for name in names if name not in there]
    if lacking:
        raise SchemaError(
            message(
                f"the rows have no column {some(lacking)} ({nearest(lacking[0], [str(name) for name in there])})",
                "every column that a rule reads is among them",
                "rules.read",
            )
        )
    if isinstance(found, Columns):
        return found
    if isinstance(found, pd.DataFrame) and not found.columns.is_unique:
        return Columns(found)
    single = [name for name in names if not _is_column(found[name])]
    if single:
        raise DataError(
            message(
                f"{len(single)} of {len(names)} columns are single values ({some(single)})",
                "a column has a value for each customer",
                "step(customer, row, now) for one customer",
            )
        )
    return Arrays(found, names)


def check_lengths(columns: Arrays | Columns, n: int) -> None:
    """Refuse columns that have not a value for each customer.

    Raises
    ------
    DataError
        When one is shorter or longer.

    Examples
    --------
    >>> check_lengths(columns_of({"n": np.array([1, 2])}, ["n"]), 2)
    """
    lengths = columns.lengths() if isinstance(columns, Arrays) else {"rows": columns.n_rows}
    other = [f"{name}: {found:,}" for name, found in lengths.items() if found != n]
    if other:
        raise DataError(
            message(
                f"{len(other)} of {len(lengths)} columns have another length than the {n:,} customers ({some(other)})",
                "a column has a value for each customer",
                "online.step_batch(rows, now, customers=[...]) with an id for each row",
            )
        )


def customers_of(rows: Any, customers: Any) -> list[Any]:
    """Return who the rows are about: each once.

    Parameters
    ----------
    rows : dataframe, or mapping of str to array
        The rows.
    customers : sequence of ids, str or None
        The ids, or the column that has them. None for the `customers` of what `OnlineFeatures.columns`
        returned, the column or index "customer_id", or else the index.

    Returns
    -------
    list
        Whole numbers or texts.

    Raises
    ------
    SchemaError, DataError, DuplicateError
        When nothing names them, one is missing, or one comes twice.

    Examples
    --------
    >>> customers_of({"n": [1, 2]}, ["ann", "bob"])
    ['ann', 'bob']
    """
    if isinstance(rows, Mapping):
        if customers is None:
            customers = getattr(rows, "customers", None)
        if customers is None or isinstance(customers, str):
            customers = _named(rows, customers or "customer_id")
    elif customers is None or isinstance(customers, str):
        return customer_ids(rows, customers).tolist()
    # Almost always it is a list of whole numbers, or of texts, and nothing has to be made of it.
    ids = customers if type(customers) is list else None
    if ids is None or not (kinds := set(map(type, ids))) or len(kinds) > 1 or not kinds <= {int, str}:
        if isinstance(customers, str | set | frozenset | Mapping) or not hasattr(customers, "__len__"):  # no order
            raise ParameterTypeError(
                message(f"customers is a {type(customers).__name__}", "a list of ids was expected", "customers=[7, 8]")
            )
        ids = ids_of(customers).tolist()
    if len(set(ids)) < len(ids):
        twice = [who for who, count in Counter(ids).items() if count > 1]
        raise DuplicateError(
            message(
                f"{len(twice):,} of {len(set(ids)):,} customers have more than one row ({some(twice)})",
                "a customer is evaluated once at an instant",
                "the last row of each",
            )
        )
    return ids


def _named(rows: Mapping[str, Any], name: str) -> Any:
    try:
        return rows[name]
    except KeyError:
        raise SchemaError(
            message(
                f"nothing names the customers of the rows: there is no column {name!r} ({some(list(rows), 12)})",
                "state is kept by customer",
                "online.step_batch(rows, now, customers=[...])",
            )
        ) from None
