"""What an expression reads: the columns of any frame, or one row, as numbers, texts and truth values.

Both give the same answers to the same questions, so that one evaluation serves both: a
number is a float with NaN for missing, a text is a str with None for missing, and a truth
value is a pair "is true, is false", of which neither holds where it is unknown.
"""

from __future__ import annotations

import datetime as dt
import decimal
import numbers
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churnlib._checks import named_rows
from churnlib._frames import Column, column_names, read_columns, to_numpy, type_counts
from churnlib._typing import Array, BoolArray
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError, message, nearest, some

__all__ = ["ColumnType", "Columns", "Row", "Source", "Truth", "source_of"]

Truth: TypeAlias = "tuple[bool | BoolArray, bool | BoolArray]"
"""Whether it is true, and whether it is false; neither where it is unknown."""

KINDS = ("number", "text", "boolean", "length", "unknown")

_EXACT = 2**53
_MICROSECOND = np.timedelta64(1, "us")


@dataclass(frozen=True, slots=True)
class ColumnType:
    """What a column holds, as far as an expression must know.

    Parameters
    ----------
    kind : {"number", "text", "boolean", "length", "unknown"}
        "length" is a length of time (a timedelta); "unknown" is a column without any value, which
        may stand wherever a missing value may. Any other word, such as "timestamp", names something
        that can only be tested for being missing.
    unit : str, default=None
        Unit of a number, such as "days", "money" or "count"; None where it is not stated.

    Examples
    --------
    >>> ColumnType("number", unit="days")
    ColumnType(kind='number', unit='days')
    """

    kind: str
    unit: str | None = None


class Columns(Mapping[str, ColumnType]):
    """The columns of a frame, each read once, when it is first asked for.

    Parameters
    ----------
    data : dataframe, or mapping of str to array
        pandas, polars, a pyarrow Table, or arrays of equal length by name.
    units : mapping of str to str, optional
        Units of columns of numbers.

    Examples
    --------
    >>> columns = Columns(pd.DataFrame({"n": [1, None], "plan": ["a", "b"]}), units={"n": "count"})
    >>> columns["n"], columns.read("n", "number").tolist()
    (ColumnType(kind='number', unit='count'), [1.0, nan])
    """

    def __init__(self, data: Any, *, units: Mapping[str, str] | None = None) -> None:
        self.frame = _frame(data)
        self.names = column_names(self.frame)
        self.units = _known(units, self.names)
        self.index = self.frame.index if isinstance(self.frame, pd.DataFrame) else None
        self._columns: dict[str, Column] = {}
        self._values: dict[tuple[str, str], Any] = {}

    def __getitem__(self, name: str) -> ColumnType:
        if name not in self.names:
            raise KeyError(name)
        return ColumnType(_kind(self._column(name)), self.units.get(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def n_rows(self) -> int:
        """How many rows the frame has."""
        if hasattr(self.frame, "__len__"):
            return len(self.frame)
        return len(next(iter(self._columns.values()), ())) if self._columns else len(self._column(self.names[0]))

    def read(self, name: str, kind: str) -> Any:
        """Return a column as the kind of value it holds."""
        if (name, kind) not in self._values:
            found = self[name].kind
            if found not in {kind, "unknown"}:
                raise SchemaError(
                    message(
                        f"column {name!r} holds a {found}",
                        f"a {kind} was expected, as in the columns that the expression was bound to",
                        "bind the expression again",
                    )
                )
            self._values[name, kind] = _READERS[kind](self._column(name), name)
        return self._values[name, kind]

    def missing(self, name: str) -> BoolArray:
        """Return where a column of any kind is missing."""
        column = self._column(name)
        if isinstance(column, np.ndarray):
            return np.asarray(pd.isna(column))
        return np.asarray(to_numpy(pc.is_null(column, nan_is_null=True)), dtype=bool)

    def _column(self, name: str) -> Column:
        if name not in self._columns:
            self._columns[name] = read_columns(self.frame, {name: name})[name]
        return self._columns[name]


class Row(Mapping[str, ColumnType]):
    """One row: values by name.

    Parameters
    ----------
    data : mapping of str to value
        Numbers, texts, truth values, timedeltas; None, NaN, NaT or pandas.NA where a value is missing.
    units : mapping of str to str, optional
        Units of the numbers.

    Examples
    --------
    >>> row = Row({"n": 2, "plan": None})
    >>> row["n"], row["plan"].kind, row.read("n", "number")
    (ColumnType(kind='number', unit=None), 'unknown', 2.0)
    """

    def __init__(self, data: Mapping[str, Any], *, units: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.units = _known(units, data)

    def __getitem__(self, name: str) -> ColumnType:
        return ColumnType(_kind_of_value(self.data[name]), self.units.get(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def read(self, name: str, kind: str) -> Any:
        """Return a value as the kind that the expression was bound to."""
        value = self._value(name)
        if type(value) is float and kind == "number":
            return value
        found = _kind_of_value(value)
        if found not in {kind, "unknown"}:
            raise SchemaError(
                message(
                    f"{name!r} is {str(value)[:30]!r}, a {type(value).__name__}",
                    f"a {kind} was expected, as in the columns that the expression was bound to",
                    f"{name}=None where the value is missing",
                )
            )
        return _MISSING[kind] if found == "unknown" else _CONVERTED[kind](value, name)

    def missing(self, name: str) -> bool:
        """Return whether a value of any kind is missing."""
        return _kind_of_value(self._value(name)) == "unknown"

    def _value(self, name: str) -> Any:
        try:
            return self.data[name]
        except KeyError:
            raise SchemaError(
                message(
                    f"the row has no value {name!r} ({nearest(name, list(self.data))})",
                    "every name of the expression is in the row, as None where the value is missing",
                    f"row | {{{name!r}: None}}",
                )
            ) from None


Source: TypeAlias = Columns | Row


def source_of(data: Any, *, units: Mapping[str, str] | None = None) -> Source:
    """Return what an expression can read from.

    Parameters
    ----------
    data : dataframe, mapping of str to array, or mapping of str to value
        A frame, columns by name, or one row.
    units : mapping of str to str, optional
        Units of columns of numbers.

    Returns
    -------
    Columns or Row
        The data themselves where they are one already.

    Raises
    ------
    ParameterTypeError
        When it is neither.
    DataError
        When a mapping mixes arrays with single values, or its arrays differ in length.

    Examples
    --------
    >>> type(source_of({"n": 1})).__name__, type(source_of({"n": [1, 2]})).__name__
    ('Row', 'Columns')
    """
    if isinstance(data, Columns | Row):
        return data
    if isinstance(data, Mapping) and not any(map(_is_column, data.values())):
        return Row(data, units=units)
    return Columns(data, units=units)


def _is_column(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, list | tuple | pd.Series | pd.Index | pa.Array | pa.ChunkedArray | range) or (
        hasattr(value, "__array__") and hasattr(value, "__len__")
    )


def _frame(data: Any) -> Any:
    if not isinstance(data, Mapping):
        return data
    single = [str(name) for name, value in data.items() if not _is_column(value)]
    if single:
        raise DataError(
            message(
                f"{len(single)} of {len(data)} columns are single values ({some(single)})",
                "either all of them are columns or all are values of one row",
                "{'n': [1, 2], 'plan': ['a', 'b']}",
            )
        )
    lengths = {str(name): len(value) for name, value in data.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(
            message(
                f"the columns differ in length ({some([f'{name}: {n}' for name, n in lengths.items()])})",
                "each has one value per row",
                "pandas.DataFrame(data) shows where rows are lost",
            )
        )
    # .array leaves a Series' labels behind: columns in a mapping are by position
    return pd.DataFrame({name: value.array if isinstance(value, pd.Series) else value for name, value in data.items()})


def _known(units: Mapping[str, str] | None, names: Any) -> dict[str, str]:
    given = dict(units or {})
    for name, unit in given.items():
        if not isinstance(unit, str):
            raise ParameterTypeError(
                message(f"the unit of {name!r} is {unit!r}", "a text was expected", "units={'recency': 'days'}")
            )
        if name not in names:
            raise ParameterError(
                message(
                    f"units= names {name!r}, which is no column",
                    nearest(name, list(names)),
                    f"units= without {name!r}",
                )
            )
    return given


# -- columns ------------------------------------------------------------------------------------


def _kind(column: Column) -> str:
    if isinstance(column, np.ndarray):
        return f"mix of {type_counts(column)}"
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    for name, matches in _ARROW_KINDS.items():
        if any(match(kind) for match in matches):
            return name
    return str(kind)


_ARROW_KINDS = {
    "number": (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal),
    "text": (pa.types.is_string, pa.types.is_large_string, lambda kind: str(kind) == "string_view"),
    "boolean": (pa.types.is_boolean,),
    "length": (pa.types.is_duration,),
    "unknown": (pa.types.is_null,),
}


def _decoded(column: Column) -> pa.ChunkedArray:
    assert isinstance(column, pa.ChunkedArray)
    return pc.cast(column, column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _numbers(column: Column, name: str) -> Array:
    values = _decoded(column)
    if pa.types.is_null(values.type):
        return np.full(len(values), np.nan)
    if pa.types.is_decimal(values.type):
        return np.array([np.nan if value is None else float(value) for value in values.to_pylist()], dtype=np.float64)
    if pa.types.is_integer(values.type):
        _check_exact(values, name)
    return to_numpy(values).astype(np.float64, copy=False)


def _check_exact(values: pa.ChunkedArray, name: str) -> None:
    bounds = pc.min_max(values).as_py()
    if bounds["max"] is None or max(bounds["max"], -bounds["min"]) <= _EXACT:
        return
    beyond = np.array([value is not None and abs(value) > _EXACT for value in values.to_pylist()])
    raise DataError(
        message(
            f"{int(beyond.sum()):,} values of column {name!r} are whole numbers beyond 2**53 ({named_rows(beyond)})",
            "a number of an expression keeps 53 bits; an id is a text",
            f"frame[{name!r}].astype(str)",
        )
    )


def _lengths(column: Column, name: str) -> Array:  # noqa: ARG001
    values = _decoded(column)
    if pa.types.is_null(values.type):
        return np.full(len(values), np.nan)
    return np.asarray(to_numpy(values) / _MICROSECOND, dtype=np.float64)


def _texts(column: Column, name: str) -> Array:  # noqa: ARG001
    return np.asarray(_decoded(column).to_pylist() if len(column) else [], dtype=object)


def _truths(column: Column, name: str) -> Truth:  # noqa: ARG001
    values = _decoded(column)
    if pa.types.is_null(values.type):
        return np.zeros(len(values), dtype=bool), np.zeros(len(values), dtype=bool)
    return to_numpy(pc.fill_null(values, False)), to_numpy(pc.fill_null(pc.invert(values), False))  # noqa: FBT003


_READERS = {"number": _numbers, "length": _lengths, "text": _texts, "boolean": _truths}


# -- one row ------------------------------------------------------------------------------------


def _kind_of_value(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_):
        return "boolean"
    if value is None or value is pd.NA or value is pd.NaT or value != value:  # noqa: PLR0124 - NaN and NaT
        return "unknown"
    if isinstance(value, dt.timedelta | np.timedelta64):  # numpy's is an Integral too
        return "length"
    if isinstance(value, numbers.Real | decimal.Decimal):
        return "number"
    return type(value).__name__


def _to_number(value: Any, name: str) -> float:
    if isinstance(value, numbers.Integral) and abs(int(value)) > _EXACT:
        raise DataError(
            message(
                f"{name!r} is {str(value)[:30]}, a whole number beyond 2**53",
                "a number of an expression keeps 53 bits; an id is a text",
                f"str({name})",
            )
        )
    return float(value)


def _to_length(value: Any, name: str) -> float:  # noqa: ARG001
    return float(pd.Timedelta(value).to_timedelta64() / _MICROSECOND)


_CONVERTED: dict[str, Any] = {
    "number": _to_number,
    "length": _to_length,
    "text": lambda value, _: str(value),
    "boolean": lambda value, _: (bool(value), not value),
}
_MISSING: dict[str, Any] = {
    "number": float("nan"),
    "length": float("nan"),
    "text": None,
    "boolean": (False, False),
}
