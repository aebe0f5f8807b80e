"""A log on disk: an Arrow table with a header that says what it is and whether it is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from churnlib._frames import to_numpy
from churnlib._typing import Array, IntArray
from churnlib._version import __version__
from churnlib.events._codes import Coded, as_index, encode
from churnlib.events._files import PathLike
from churnlib.events._money import low_words
from churnlib.events._report import QualityReport
from churnlib.events._rows import Attribute, narrow
from churnlib.events._schema import Schema
from churnlib.exceptions import ParameterError, VersionError, message

if TYPE_CHECKING:
    from churnlib.events._log import EventLog

__all__ = ["SCHEMA_VERSION", "fields_of", "read_log", "to_table", "write_log"]

SCHEMA_VERSION = 1
_FORMAT = "churnlib.EventLog"
_KEY = b"churnlib"
_ATTRIBUTE = "attribute:"
_SUFFIXES = (".parquet", ".arrow", ".feather")


def to_table(log: EventLog) -> pa.Table:
    """Return a log as an Arrow table that any reader of Arrow understands.

    Parameters
    ----------
    log : EventLog
        The log; each of its customers has an event.

    Returns
    -------
    pyarrow.Table
        One row per event in canonical order, money as decimals, and a header of
        JSON in the schema's metadata.
    """
    columns: dict[str, Any] = {
        "customer_id": _dictionary(log.customer_codes, log.customers),
        "time": _times(log.time),
        "kind": _dictionary(log.kind, pd.Index(log.kinds)),
    }
    if log.known is not None:
        columns["known_at"] = _times(log.known)
    if log.amount is not None:
        columns["amount"] = _decimals(log.amount, log.scale)
    if log.item is not None and log.items is not None:
        columns["item"] = _dictionary(log.item, log.items)
    for name, attribute in log.attributes.items():
        categories = attribute.categories
        values = pa.array(attribute.values) if categories is None else _dictionary(attribute.values, categories)
        columns[_ATTRIBUTE + name] = values
    if log.event_id is not None:
        columns["event_id"] = pa.array(log.event_id)
    header = {
        "format": _FORMAT,
        "schema_version": SCHEMA_VERSION,
        "churnlib": __version__,
        "digest": log.digest,
        "kinds": list(log.kinds),
        "scale": log.scale,
        "currency": log.currency,
        "timezone": log.timezone,
        "complete_until_us": log.complete_until_us,
        "schema": log.schema.to_dict(),
        "report": log.report.to_dict(),
    }
    return pa.table(columns).replace_schema_metadata({_KEY: json.dumps(header, sort_keys=True).encode()})


def fields_of(table: pa.Table) -> tuple[dict[str, Any], str]:
    """Return the fields of the log in a table, and the digest it was written with.

    Parameters
    ----------
    table : pyarrow.Table
        What `to_table` returned.

    Returns
    -------
    fields : dict
        What `EventLog` is made of.
    digest : str
        The digest in the header.

    Raises
    ------
    VersionError
        When the table is no log, or of a later schema version.
    """
    header = _header(table)
    who = encode(table["customer_id"], name="customer_id")
    counts = np.bincount(who.codes, minlength=len(who.values))
    names = set(table.column_names)
    item = encode(table["item"], name="item") if "item" in names else None
    fields = {
        "customers": who.values,
        "offsets": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        "time": _instants(table["time"]),
        "kind": _kind(table["kind"], header["kinds"]),
        "kinds": tuple(header["kinds"]),
        "complete_until_us": header["complete_until_us"],
        "timezone": header["timezone"],
        "known": _instants(table["known_at"]) if "known_at" in names else None,
        "amount": _minor(table["amount"]) if "amount" in names else None,
        "scale": header["scale"],
        "currency": header["currency"],
        "item": None if item is None else item.codes,
        "items": None if item is None else item.values,
        "attributes": {
            name.removeprefix(_ATTRIBUTE): _attribute(table[name])
            for name in table.column_names
            if name.startswith(_ATTRIBUTE)
        },
        "event_id": _index(table["event_id"]) if "event_id" in names else None,
        "report": QualityReport.from_dict(header["report"]),
        "schema": Schema.from_dict(header["schema"]),
    }
    return fields, header["digest"]


def write_log(table: pa.Table, path: PathLike) -> None:
    """Write the table of a log as Parquet or Arrow, as the suffix says.

    Raises
    ------
    ParameterError
        When the suffix is neither.
    """
    target = Path(path)
    if target.suffix == ".parquet":
        pq.write_table(table, target, compression="zstd")
    elif target.suffix in _SUFFIXES:
        with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    else:
        raise ParameterError(_bad_suffix(target))


def read_log(path: PathLike) -> pa.Table:
    """Read the table of a log from Parquet or Arrow, as the suffix says.

    Raises
    ------
    ParameterError
        When the suffix is neither, or there is no such file.
    VersionError
        When the file is of another kind.
    """
    source = Path(path)
    if source.suffix not in _SUFFIXES:
        raise ParameterError(_bad_suffix(source))
    if not source.is_file():
        raise ParameterError(message(f"there is no file {str(source)!r}", "a saved log was expected", "log.save(path)"))
    try:
        if source.suffix == ".parquet":
            return pq.read_table(source)
        with pa.OSFile(str(source), "rb") as file:
            return pa.ipc.open_file(file).read_all()
    except pa.ArrowInvalid:
        raise VersionError(_not_a_log(f"{str(source)!r} is no {source.suffix[1:]} file")) from None


def _header(table: pa.Table) -> Mapping[str, Any]:
    try:
        header = json.loads((table.schema.metadata or {})[_KEY])
    except (KeyError, ValueError):
        header = {}
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise VersionError(_not_a_log("the table has no header of a saved EventLog"))
    if header["schema_version"] > SCHEMA_VERSION:
        raise VersionError(
            message(
                f"the log was saved by churnlib {header['churnlib']} with schema version {header['schema_version']}",
                f"churnlib {__version__} reads versions up to {SCHEMA_VERSION}",
                "pip install --upgrade churnlib",
            )
        )
    return header


def _not_a_log(wrong: str) -> str:
    return message(
        wrong, "a log written by EventLog.save was expected", "EventLog.from_parquet(path, customer=..., time=...)"
    )


def _bad_suffix(path: Path) -> str:
    return message(
        f"{path.name!r} ends with {path.suffix!r}",
        "a log is saved as .parquet, .arrow or .feather",
        "log.save('log.parquet')",
    )


def _dictionary(codes: Array, values: pd.Index[Any]) -> pa.Array:
    indices = pa.array(codes, mask=codes < 0) if len(codes) and int(codes.min()) < 0 else pa.array(codes)
    return pa.DictionaryArray.from_arrays(indices, pa.array(values))


def _times(us: IntArray) -> pa.Array:
    return pa.array(us).cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))


def _decimals(minor: IntArray, scale: int) -> pa.Array:
    """Widen 64-bit integers to the 128 bits of Arrow's decimals: the high half repeats the sign."""
    words = np.empty((len(minor), 2), dtype="<i8")
    words[:, 0] = minor
    words[:, 1] = minor >> 63
    return pa.Array.from_buffers(pa.decimal128(19, scale), len(minor), [None, pa.py_buffer(words.tobytes())])


def _minor(column: pa.ChunkedArray) -> IntArray:
    return np.concatenate([low_words(chunk) for chunk in column.chunks])


def _instants(column: pa.ChunkedArray) -> IntArray:
    return np.asarray(to_numpy(column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())))


def _kind(column: pa.ChunkedArray, kinds: list[str]) -> Array:
    """Code kinds by the header's list, which also names those that no event has."""
    coded: Coded = encode(column, name="kind")
    ranks = pd.Index(kinds).get_indexer(coded.values).astype(np.int32)
    return narrow(ranks[coded.codes], len(kinds))


def _attribute(column: pa.ChunkedArray) -> Attribute:
    if pa.types.is_floating(column.type):
        return Attribute(np.array(to_numpy(column)), None)
    if pa.types.is_dictionary(column.type) and pa.types.is_boolean(column.type.value_type):
        column = column.cast(pa.bool_())
    if pa.types.is_boolean(column.type):
        flags = encode(column.cast(pa.int8()), name="attribute")
        return Attribute(flags.codes, pd.Index(flags.values.astype(bool)))
    coded = encode(column, name="attribute")
    return Attribute(coded.codes, coded.values)


def _index(column: pa.ChunkedArray) -> pd.Index[Any]:
    return as_index(to_numpy(column) if pa.types.is_integer(column.type) else column.to_pylist())
