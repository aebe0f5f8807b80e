"""A log of decisions on disk: an Arrow table with a header that says what it is and whether it is whole."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from churnlib._version import __version__
from churnlib.exceptions import ParameterError, VersionError, message

__all__ = ["SCHEMA_VERSION", "read_log", "write_log"]

SCHEMA_VERSION = 1
_FORMAT = "churnlib.PlanLog"
_KEY = b"churnlib"
_SUFFIXES = (".parquet", ".arrow", ".feather")


def write_log(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write the frame of a log; the file is replaced as a whole.

    Parameters
    ----------
    frame : DataFrame
        The log's.
    path : str or path
        Ends with .parquet, .arrow or .feather.

    Raises
    ------
    ParameterError
        When the suffix is another.
    """
    target = _suffixed(path)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    header = {
        "format": _FORMAT,
        "schema_version": SCHEMA_VERSION,
        "churnlib": __version__,
        "digest": digest_of(frame),
    }
    table = table.replace_schema_metadata({_KEY: json.dumps(header, sort_keys=True).encode()})
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if target.suffix == ".parquet":
            pq.write_table(table, beside)
        else:
            with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def read_log(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the frame of a log, as it was written.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    DataFrame
        The log's.

    Raises
    ------
    ParameterError
        When there is no such file, or the suffix is another.
    VersionError
        When it holds no log, is of another schema version, or was changed.
    """
    source = _suffixed(path)
    if not source.is_file():
        raise ParameterError(message(f"there is no file {str(source)!r}", "a saved log", "log.save(path)"))
    try:
        if source.suffix == ".parquet":
            table = pq.read_table(source)
        else:
            with pa.OSFile(str(source), "rb") as file:
                table = pa.ipc.open_file(file).read_all()
    except pa.ArrowInvalid:
        raise _no_log(f"{str(source)!r} is no Arrow file") from None
    header = _header(table)
    frame: pd.DataFrame = table.replace_schema_metadata(None).to_pandas()
    if digest_of(frame) != header.get("digest"):
        raise VersionError(
            message(
                f"the content of {source.name} is not what its header says",
                "a log is read as it was written",
                "restore the file",
            )
        )
    return frame


def digest_of(frame: pd.DataFrame) -> str:
    """Return a digest of the columns' names and values, whatever types pandas keeps them in."""
    found = hashlib.sha256()
    for name in frame.columns:
        column = frame[name]
        found.update(f"{name}\0{len(column)}\0".encode())
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            found.update(column.to_numpy().astype("M8[us]").astype("<i8").tobytes())
        elif pd.api.types.is_numeric_dtype(column.dtype):
            kind = "<i8" if column.dtype.kind in "iub" else "<f8"
            found.update(column.to_numpy().astype(kind).tobytes())
        else:
            codes, texts = pd.factorize(column.astype(object), use_na_sentinel=True)
            found.update(np.asarray(codes).astype("<i8").tobytes())
            found.update("\0".join(map(str, texts)).encode())
    return found.hexdigest()


def _suffixed(path: str | os.PathLike[str]) -> Path:
    target = Path(path)
    if target.suffix not in _SUFFIXES:
        raise ParameterError(
            message(
                f"{target.name!r} ends with {target.suffix!r}",
                f"a log is kept as one of {', '.join(_SUFFIXES)}",
                f"{target.with_suffix('.parquet').name!r}",
            )
        )
    return target


def _header(table: pa.Table) -> dict[str, Any]:
    try:
        header = json.loads((table.schema.metadata or {})[_KEY])
    except (KeyError, ValueError):
        header = {}
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise _no_log("the file has no header of a log of decisions")
    if header.get("schema_version") != SCHEMA_VERSION:
        raise VersionError(
            message(
                f"the log was saved by churnlib {header.get('churnlib')} with schema version "
                f"{header.get('schema_version')}",
                f"churnlib {__version__} reads schema version {SCHEMA_VERSION}",
                "pip install --upgrade churnlib",
            )
        )
    return header


def _no_log(wrong: str) -> VersionError:
    return VersionError(message(wrong, "a log written by PlanLog.save was expected", "log.save(path)"))
