"""Frames in, arrays out: any dataframe narwhals knows becomes Arrow columns, chosen by role.

Nothing here imports a dataframe library other than pandas and pyarrow; polars,
DuckDB and Spark frames are recognised without loading their packages.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from churnlib.exceptions import (
    MissingDependencyError,
    ParameterTypeError,
    SchemaError,
    message,
    nearest,
    some,
)

__all__ = [
    "Column",
    "check_columns",
    "column_names",
    "optional_import",
    "read_columns",
    "read_frame",
    "to_numpy",
    "type_counts",
]

# A column is Arrow wherever Arrow can hold it. Python objects that it cannot hold without
# guessing (datetimes of several zones, numbers among texts) stay objects, to be judged by role.
Column: TypeAlias = "pa.ChunkedArray | NDArray[np.object_]"

_PLAIN_OBJECTS = frozenset({"string", "integer", "floating", "decimal", "boolean", "date", "empty", "bytes"})


def optional_import(name: str, *, extra: str, purpose: str) -> ModuleType:
    """Import a package that churnlib does not require.

    Parameters
    ----------
    name : str
        The module to import.
    extra : str
        The extra of churnlib that installs it.
    purpose : str
        What it is needed for, as the subject of a sentence.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingDependencyError
        When it is not installed; the message holds the install line.

    Examples
    --------
    >>> optional_import("json", extra="none", purpose="reading JSON").__name__
    'json'
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingDependencyError(
            message(
                f"{purpose} needs the package {name!r}, which is not installed",
                "it is an optional dependency",
                f'pip install "churnlib[{extra}]"',
            )
        ) from None


def column_names(frame: Any) -> list[str]:
    """List the columns of any dataframe.

    Parameters
    ----------
    frame : dataframe
        pandas, polars (eager or lazy), a pyarrow Table, a DuckDB relation, or
        any other frame narwhals knows.

    Returns
    -------
    list of str
        Their names in order.

    Raises
    ------
    ParameterTypeError
        When the object is not a dataframe.

    Examples
    --------
    >>> column_names(pd.DataFrame({"customer_id": [1], "total": [2.5]}))
    ['customer_id', 'total']
    """
    if isinstance(frame, pd.DataFrame):
        return [str(name) for name in frame.columns]
    return list(_narwhals(frame).collect_schema().names())


def check_columns(available: Sequence[str], wanted: Mapping[str, str], *, index: Sequence[str] = ()) -> None:
    """Check that each column named by role exists, once.

    Parameters
    ----------
    available : sequence of str
        The columns of the table.
    wanted : mapping of str to str
        Role (the argument the caller used) to column name.
    index : sequence of str, default=()
        Names of a pandas index, which are no columns.

    Raises
    ------
    ParameterTypeError
        When a column is not named by a text.
    SchemaError
        When a column is missing or its name stands twice; the nearest name is
        suggested.

    Examples
    --------
    >>> check_columns(["id", "ts"], {"customer": "id"})
    """
    for role, name in wanted.items():
        if not isinstance(name, str):
            raise ParameterTypeError(
                message(
                    f"{role}={name!r} is a {type(name).__name__}", "the name of a column was expected", f"{role}='name'"
                )
            )
        if available.count(name) != 1:
            raise SchemaError(_missing(role, name, list(available), index))


def read_columns(frame: Any, wanted: Mapping[str, str]) -> dict[str, Column]:
    """Take the columns named by role out of any dataframe.

    The frame is not modified, and only the columns asked for are read.

    Parameters
    ----------
    frame : dataframe
        pandas, polars (eager or lazy), a pyarrow Table, a DuckDB relation, or
        any other frame narwhals knows.
    wanted : mapping of str to str
        Role (the argument the caller used) to column name.

    Returns
    -------
    dict of str to Column
        Role to column: Arrow, or an array of Python objects where Arrow cannot
        hold them without guessing.

    Raises
    ------
    ParameterTypeError
        When the object is not a dataframe, or a column is not named by a text.
    SchemaError
        When a column is missing or its name stands twice; the nearest name is
        suggested.

    Examples
    --------
    >>> columns = read_columns(pd.DataFrame({"id": [1, 2]}), {"customer": "id"})
    >>> columns["customer"].to_pylist()
    [1, 2]
    """
    available = column_names(frame)
    index = [str(level) for level in frame.index.names] if isinstance(frame, pd.DataFrame) else []
    check_columns(available, wanted, index=index)
    if isinstance(frame, pd.DataFrame):
        return {role: _from_series(frame.iloc[:, available.index(name)]) for role, name in wanted.items()}
    table = frame if isinstance(frame, pa.Table) else _to_arrow(frame, list(dict.fromkeys(wanted.values())))
    return {role: table[name] for role, name in wanted.items()}


def to_numpy(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return a column without nulls as one numpy array, without a copy where possible.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Numbers, with no null among them.

    Returns
    -------
    ndarray
        Possibly read-only.

    Examples
    --------
    >>> to_numpy(pa.chunked_array([[1, 2], [3]]))
    array([1, 2, 3])
    """
    if column.num_chunks == 1:
        return np.asarray(column.chunk(0).to_numpy(zero_copy_only=False))
    return np.asarray(column.to_numpy())


def type_counts(values: NDArray[np.object_]) -> str:
    """Say which Python types an array of objects mixes, and how often.

    Parameters
    ----------
    values : ndarray of object
        The values; missing ones are not counted.

    Returns
    -------
    str
        Such as ``"2 × int, 1 × str"``, most frequent first.

    Examples
    --------
    >>> type_counts(np.array([1, 2, "a", None], dtype=object))
    '2 × int, 1 × str'
    """
    counts: dict[str, int] = {}
    for value in values[~pd.isna(values)]:
        name = type(value).__name__
        counts[name] = counts.get(name, 0) + 1
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{count} × {name}" for name, count in ordered)


def read_frame(frame: Any) -> pd.DataFrame:
    """Return a dataframe of any library as one of pandas; one of pandas as it is.

    Parameters
    ----------
    frame : pandas, polars or any dataframe narwhals supports
        What was passed.

    Returns
    -------
    DataFrame
        The same columns.

    Raises
    ------
    ParameterTypeError
        When `frame` is no dataframe.

    Examples
    --------
    >>> import pyarrow as pa
    >>> read_frame(pa.table({"x": [1]})).columns.tolist()
    ['x']
    """
    if isinstance(frame, pd.DataFrame):
        return frame
    import narwhals as nw

    read = _narwhals(frame)
    found: pd.DataFrame = (read.collect() if isinstance(read, nw.LazyFrame) else read).to_pandas()
    return found


def _narwhals(frame: Any) -> Any:
    import narwhals as nw  # only where a frame of another library comes in

    try:
        return nw.from_native(frame)
    except TypeError:
        raise ParameterTypeError(
            message(
                f"the data are a {type(frame).__name__}, which is no dataframe",
                "pandas, polars, a pyarrow Table or a DuckDB relation was expected",
                "pandas.DataFrame(data)",
            )
        ) from None


def _to_arrow(frame: Any, names: list[str]) -> pa.Table:
    import narwhals as nw

    chosen = _narwhals(frame).select(names)
    if isinstance(chosen, nw.LazyFrame):
        return chosen.collect(backend="pyarrow").to_native()
    return chosen.to_arrow()


def _from_series(series: pd.Series[Any]) -> Column:
    if series.dtype == object:
        values = series.to_numpy()
        if pd.api.types.infer_dtype(values, skipna=True) not in _PLAIN_OBJECTS:
            return values
        try:
            return pa.chunked_array([pa.array(values, from_pandas=True)])
        except UnicodeEncodeError:
            raise _no_text(series) from None
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError):  # such as Decimal("Infinity")
            return values
    try:
        array = pa.array(series, from_pandas=True)
    except UnicodeEncodeError:
        raise _no_text(series) from None
    except pa.ArrowNotImplementedError:  # complex numbers, and other types no role reads
        return series.astype(object).to_numpy()
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _no_text(series: pd.Series[Any]) -> SchemaError:
    broken = np.array([isinstance(value, str) and not _is_unicode(value) for value in series], dtype=bool)
    return SchemaError(
        message(
            f"{int(broken.sum())} texts of column {str(series.name)!r} are no valid Unicode "
            f"(rows {some(np.flatnonzero(broken).tolist(), 5)})",
            "lone surrogates come of reading a file in a wrong encoding",
            f"frame[{str(series.name)!r}].str.encode('utf-8', 'backslashreplace').str.decode('utf-8')",
        )
    )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _missing(role: str, name: str, available: list[str], index: Sequence[str]) -> str:
    if name in available:
        return message(
            f"the column {name!r} named by {role}= stands {available.count(name)} times in the frame",
            "column names are distinct",
            "frame.loc[:, ~frame.columns.duplicated()]",
        )
    if name in index:
        return message(
            f"{name!r}, named by {role}=, is the index of the frame and not a column",
            "every role is a column",
            "frame.reset_index()",
        )
    close = difflib.get_close_matches(name, available, n=1, cutoff=0.6)
    argument, _, several = role.partition("[")
    found = repr(close[0]) if close else "<column>"
    return message(
        f"the frame has no column {name!r}, named by {argument}= ({nearest(name, available)})",
        f"its {len(available)} columns are {some(available, 12)}",
        f"{argument}=[{found}]" if several else f"{argument}={found}",
    )
