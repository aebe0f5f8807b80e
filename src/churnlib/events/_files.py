"""Event tables from files: only the columns that play a role, in the types that keep them exact."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import csv

from churnlib._frames import check_columns
from churnlib.events._schema import Schema
from churnlib.exceptions import DataError, ParameterError, SchemaError, message

__all__ = ["PathLike", "read_csv", "read_parquet"]

PathLike: TypeAlias = "str | os.PathLike[str]"

# Roles whose texts repeat: codes stand for them from the first byte read.
_NAMES = frozenset({"customer", "kind", "item", "currency"})
_NULLS = ["", "NULL", "null", "NaN", "nan"]
_LEADING_ZERO = r"^[+-]?0\d|^\+|^\s|\s$"
# An id is a number only where its text says nothing else: "12e4" is not 120000, nor "1.50" the item 1.5.
_WHOLE = r"^(0|-?[1-9]\d*)$"
_WHOLE_FLOAT = r"^(0|-?[1-9]\d{0,14})(\.0+)?$"
_DELIMITERS = (";", "\t", "|", ",")


def read_parquet(path: PathLike, roles: Schema) -> pa.Table:
    """Read some columns of a Parquet file, or of a folder of them.

    Parameters
    ----------
    path : str or path
        The file or the folder.
    roles : Schema
        Which column plays which role.

    Returns
    -------
    pyarrow.Table
        The columns that play one.

    Raises
    ------
    ParameterError
        When there is no such file.
    SchemaError
        When a column is missing.
    DataError
        When it is not Parquet.
    """
    source = _existing(path)
    try:
        schema = ds.dataset(source, format="parquet").schema if source.is_dir() else pq.read_schema(source)
    except pa.ArrowInvalid:
        raise DataError(_unreadable(source, "Parquet")) from None
    wanted = roles.wanted(schema.names)
    check_columns(schema.names, wanted)
    names = list(dict.fromkeys(wanted.values()))
    texts = [name for role, name in wanted.items() if _repeats(role) and _is_text(schema.field(name).type)]
    return pq.read_table(source, columns=names, read_dictionary=texts)


def read_csv(path: PathLike, roles: Schema, *, delimiter: str) -> pa.Table:
    """Read some columns of a CSV file, packed or not.

    Ids and names are read as texts, so that "00042" stays itself; where all of
    a column are plain numbers it becomes numbers.

    Parameters
    ----------
    path : str or path
        The file; ``.gz``, ``.bz2`` and ``.zst`` are unpacked.
    roles : Schema
        Which column plays which role.
    delimiter : str
        What stands between the columns.

    Returns
    -------
    pyarrow.Table
        The columns that play one.

    Raises
    ------
    ParameterError
        When there is no such file.
    SchemaError
        When a column is missing.
    DataError
        When it is not CSV.
    """
    source = _existing(path)
    parse = csv.ParseOptions(delimiter=delimiter)
    try:
        with csv.open_csv(source, parse_options=parse) as start:
            available = start.schema.names
        _check_delimiter(available, roles, delimiter)
        wanted = roles.wanted(available)
        check_columns(available, wanted)
        as_text = {name for role, name in wanted.items() if _repeats(role) or role == "event_id"}
        if roles.time_format is not None:
            as_text |= {name for role, name in wanted.items() if role in {"time", "known_at"}}
        convert = csv.ConvertOptions(
            include_columns=list(dict.fromkeys(wanted.values())),
            column_types={name: pa.string() for name in as_text},
            null_values=_NULLS,
            strings_can_be_null=True,
        )
        table = csv.read_csv(source, parse_options=parse, convert_options=convert)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise DataError(_unreadable(source, "CSV", str(error))) from None
    for role, name in wanted.items():
        if role in {"customer", "item", "event_id"}:
            table = table.set_column(table.column_names.index(name), name, _whole_numbers(table[name]))
        elif role.startswith("attributes["):
            table = table.set_column(table.column_names.index(name), name, _plain_numbers(table[name]))
    return table


def _check_delimiter(available: list[str], roles: Schema, delimiter: str) -> None:
    """Say it when the header was not cut, rather than that a column is missing."""
    inside = [mark for mark in _DELIMITERS if mark != delimiter and mark in available[0]]
    if len(available) == 1 and inside and roles.customer not in available:
        raise SchemaError(
            message(
                f"the file has the one column {available[0]!r}",
                f"several columns with {delimiter!r} between them were expected",
                f"delimiter={inside[0]!r}",
            )
        )


def _repeats(role: str) -> bool:
    """Whether the values of a role repeat, so that codes stand for them."""
    return role in _NAMES or role.startswith("attributes[")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _existing(path: PathLike) -> Path:
    source = Path(path)
    if not source.exists():
        near = sorted(entry.name for entry in source.parent.iterdir())[:5] if source.parent.is_dir() else []
        raise ParameterError(
            message(
                f"there is no file {str(source)!r}",
                f"its folder holds {', '.join(near)}" if near else "its folder does not exist either",
                "check the path",
            )
        )
    return source


def _whole_numbers(column: pa.ChunkedArray) -> Any:
    """Turn the texts of ids to integers when all of them are plainly written ones, or whole floats as pandas writes."""
    for pattern, kind in ((_WHOLE, pa.int64()), (_WHOLE_FLOAT, pa.float64())):
        if pc.all(pc.match_substring_regex(column, pattern)).as_py():
            try:
                return column.cast(kind)
            except pa.ArrowInvalid:  # more than 64 bits: the texts are exact
                return column
    return column


def _plain_numbers(column: pa.ChunkedArray) -> Any:
    """Turn texts to numbers when all of them are plain numbers: no leading zero, sign or space to lose."""
    if column.null_count == len(column) or pc.any(pc.match_substring_regex(column, _LEADING_ZERO)).as_py():
        return column
    for kind in (pa.int64(), pa.float64()):
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    return column


def _unreadable(path: Path, kind: str, reason: str = "") -> str:
    other = {"Parquet": "csv", "CSV": "parquet"}[kind]
    if "utf8" in reason.lower().replace("-", ""):
        return message(
            f"the file {path.name!r} is not in UTF-8",
            "CSV is read as UTF-8",
            f"EventLog.from_frame(pandas.read_csv({path.name!r}, encoding='latin-1'), ...), or its own encoding",
        )
    why = f" ({reason.splitlines()[0][:120]})" if reason else ""
    return message(
        f"the file {path.name!r} cannot be read as {kind}{why}",
        "Parquet and CSV files are read directly",
        f"EventLog.from_{other}({path.name!r}, ...), or EventLog.from_frame(pandas.read_excel({path.name!r}), ...)",
    )
