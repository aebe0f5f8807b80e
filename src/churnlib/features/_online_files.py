"""Online features on disk and in a stream processor's own store: Arrow and JSON, versioned, with digests."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from churnlib._frames import to_numpy
from churnlib._version import __version__
from churnlib.events import Schema
from churnlib.events._codes import as_index
from churnlib.events._digest import content_digest
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, VersionError, message
from churnlib.features._online_plan import Past
from churnlib.features._online_setup import Setup
from churnlib.features._spec import FeatureSpec

if TYPE_CHECKING:
    from churnlib.events import Contracts
    from churnlib.features._online import OnlineFeatures
    from churnlib.features._online_store import OnlineStore

__all__ = ["SCHEMA_VERSION", "bytes_of", "customer_from_bytes", "customer_to_bytes", "load_online", "save_online"]

SCHEMA_VERSION = 1
_FORMAT = "churnlib.OnlineFeatures"
_KEY = b"churnlib"
_MAGIC = b"churnlib-online"
_HASH = 16
_SUFFIXES = (".arrow", ".feather")


# -- all customers in a file ---------------------------------------------------------------


def save_online(online: OnlineFeatures, path: str | os.PathLike[str]) -> None:
    """Write the state to a file, whole or not at all: a writer that is killed leaves the old file."""
    target = _checked_path(path)
    table = _table_of(online)
    draft = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with pa.OSFile(str(draft), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def load_online(
    cls: type[OnlineFeatures], path: str | os.PathLike[str], spec: FeatureSpec | None, contracts: Contracts | None
) -> OnlineFeatures:
    """Read a state that `save_online` wrote, and check that it is whole and the one expected."""
    table = _read(_checked_path(path))
    head = _header(table)
    saved = FeatureSpec.from_json(head["spec"])
    _check_spec(spec, saved)
    if head["byteorder"] != sys.byteorder:
        raise VersionError(
            message(
                f"the state was saved on a {head['byteorder']}-endian machine and this one is {sys.byteorder}-endian",
                "packed events are in the order of the machine",
                "make the state again with OnlineFeatures.from_log",
            )
        )
    online = cls.__new__(cls)
    schema = Schema.from_dict(head["schema"])
    options = (head["lateness"], head["ahead"], contracts, head["categories"])
    online._settle(Setup(saved, schema, head["scale"], None, *options))
    online._now, online.taken, online.refused = head["now"], head["taken"], head["refused"]
    online._reader.numeric.update(head["numeric"])
    _fill(online, table, head)
    return online


def _table_of(online: OnlineFeatures) -> pa.Table:
    store = online._store
    customers = list(store.states)
    columns = {
        "customer_id": pa.array(customers, pa.int64() if online._reader.id_type is int else pa.large_string()),
        "events": pa.array([bytes(state) for state in store.states.values()], pa.large_binary()),
        "past": pa.array([_past_text(store.pasts.get(who)) for who in customers], pa.large_string()),
        "more": pa.array([_more_text(store, who) for who in customers], pa.large_string()),
    }
    used = store.used_items()
    head = {
        "format": _FORMAT,
        "schema_version": SCHEMA_VERSION,
        "churnlib": __version__,
        "byteorder": sys.byteorder,
        "spec": online.spec.to_json(),
        "spec_digest": online.spec.digest,
        "schema": online._schema.to_dict(),
        "scale": online._scale,
        "lateness": str(online._lateness),
        "ahead": None if online._ahead is None else str(online._ahead),
        "categories": {name: list(values) for name, values in online._categories.items()},
        "numeric": online._reader.numeric,
        "now": online._now,
        "taken": online.taken,
        "refused": online.refused,
        "items": [[item, code] for item, code in store.items.items() if code in used],
        "next_item": store.next_item,
    }
    table = pa.table(columns)
    head["digest"] = _digest(head, table)
    return table.replace_schema_metadata({_KEY: json.dumps(head, sort_keys=True).encode()})


def _digest(head: Mapping[str, Any], table: pa.Table) -> str:
    """Return the fingerprint of everything in a table and its header."""
    events = table["events"].to_pylist()
    parts: list[Any] = [
        np.array([len(state) for state in events], np.int64),
        np.frombuffer(b"".join(events), np.uint8),
        *(pd.Index(table[name].to_pylist(), dtype=object) for name in ("past", "more")),
        _customers(table["customer_id"]),
    ]
    return content_digest({name: value for name, value in head.items() if name != "digest"}, parts)


def _customers(column: pa.ChunkedArray) -> pd.Index[Any]:
    return as_index(to_numpy(column) if pa.types.is_integer(column.type) else np.array(column.to_pylist(), object))


def _past_text(past: Past | None) -> str | None:
    if past is None:
        return None
    items = [sorted(codes) for codes in past.items]
    return json.dumps({"streams": past.streams, "runs": past.runs, "items": items}, separators=(",", ":"))


def _past_of(text: str | None) -> Past | None:
    if text is None:
        return None
    body = json.loads(text)
    return Past(tuple(body["streams"]), tuple(body["runs"]), tuple(map(frozenset, body["items"])))


def _more_of(store: OnlineStore, customer: Any) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if customer in store.ids:
        more["ids"] = list(store.ids[customer].items())
    if customer in store.stated:
        more["stated"] = store.stated[customer]
    return more


def _more_text(store: OnlineStore, customer: Any) -> str | None:
    more = _more_of(store, customer)
    return json.dumps(more, separators=(",", ":")) if more else None


def _add_more(store: OnlineStore, customer: Any, more: Mapping[str, Any]) -> None:
    if more.get("ids"):
        store.ids[customer] = dict(more["ids"])
        store.seen.update(store.ids[customer])
    if more.get("stated"):
        store.stated[customer] = {
            name: [(tuple(key), value) for key, value in entries] for name, entries in more["stated"].items()
        }


def _fill(online: OnlineFeatures, table: pa.Table, head: Mapping[str, Any]) -> None:
    store = online._store
    customers = table["customer_id"].to_pylist()
    store.states = dict(zip(customers, table["events"].to_pylist(), strict=True))
    for customer, past, more in zip(customers, table["past"].to_pylist(), table["more"].to_pylist(), strict=True):
        if past is not None:
            found = _past_of(past)
            assert found is not None
            store.pasts[customer] = found
        if more is not None:
            _add_more(store, customer, json.loads(more))
    store.items = dict(head["items"])
    store.next_item = head["next_item"]
    if customers:
        online._reader.id_type = type(customers[0])


def _checked_path(path: str | os.PathLike[str]) -> Path:
    target = Path(path)
    if target.suffix not in _SUFFIXES:
        raise ParameterError(
            message(
                f"{target.name!r} ends with {target.suffix!r}",
                "a state is saved as .arrow or .feather",
                "online.save('online.arrow')",
            )
        )
    return target


def _read(source: Path) -> pa.Table:
    if not source.is_file():
        raise ParameterError(
            message(f"there is no file {str(source)!r}", "a saved state was expected", "online.save(path)")
        )
    try:
        with pa.OSFile(str(source), "rb") as file:
            return pa.ipc.open_file(file).read_all()
    except (pa.ArrowInvalid, OSError):
        raise VersionError(_no_state(f"{str(source)!r} is no whole Arrow file")) from None


def _header(table: pa.Table) -> dict[str, Any]:
    try:
        head = json.loads((table.schema.metadata or {})[_KEY])
    except (KeyError, ValueError):
        head = {}
    if not isinstance(head, dict) or head.get("format") != _FORMAT:
        raise VersionError(_no_state("the file has no header of saved online features"))
    _check_version(head["schema_version"], head["churnlib"])
    digest = _digest(head, table)
    if digest != head["digest"]:
        raise VersionError(
            message(
                f"the content has the digest {digest[:12]} and the header says {str(head['digest'])[:12]}",
                "a state is read as it was written",
                "restore the file, or make the state again with OnlineFeatures.from_log",
            )
        )
    return head


def _no_state(wrong: str) -> str:
    return message(wrong, "a state written by OnlineFeatures.save was expected", "OnlineFeatures.from_log(log, spec)")


def _check_version(version: object, release: object) -> None:
    if version != SCHEMA_VERSION:
        raise VersionError(
            message(
                f"the state was saved by churnlib {release} with schema version {version}",
                f"churnlib {__version__} reads version {SCHEMA_VERSION}",
                "the release that wrote it, or OnlineFeatures.from_log(log, spec)",
            )
        )


def _check_spec(spec: FeatureSpec | None, saved: FeatureSpec) -> None:
    """Compare the features and not the digest of an adaptive spec, which says less than what it became."""
    if spec is None or spec.digest == saved.digest:
        return
    if spec.adaptive and [f for f in spec if f.name not in saved.left_out] == list(saved):
        return
    raise VersionError(
        message(
            f"the state was saved with another spec, of digest {saved.digest[:12]} and not {spec.digest[:12]}",
            f"{len(saved)} features were expected, {saved.names[0]!r} the first of them",
            "OnlineFeatures.load(path) takes the spec from the file",
        )
    )


# -- one customer as bytes -----------------------------------------------------------------


def config_digest(online: OnlineFeatures) -> bytes:
    """Return a fingerprint of all that two states must share for a customer to move from one to the other."""
    shared = {
        "spec": online.spec.digest,
        "schema": online._schema.to_dict(),
        "scale": online._scale,
        "lateness": str(online._lateness),
        "byteorder": sys.byteorder,
    }
    return hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).digest()[:_HASH]


def customer_to_bytes(online: OnlineFeatures, customer: Any) -> bytes:
    """Return all that is kept of one customer, items by name: codes mean something in one process only."""
    store = online._store
    if not isinstance(customer, str | int | np.integer) or customer not in store.states:
        raise DataError(
            message(
                f"customer {customer!r} is not known",
                f"one of {len(online)} customers who have had events was expected",
                "if customer in online: ...",
            )
        )
    names = {code: item for item, code in store.items.items()} if store.layout.has_item else {}
    events, items = _with_names(online, store.states[customer], names)
    past = store.pasts.get(customer)
    body = {
        "churnlib": __version__,
        "customer": customer.item() if isinstance(customer, np.generic) else customer,
        "now": online._now,
        "events": base64.b64encode(events).decode(),
        "items": items,
        "past": None
        if past is None
        else [past.streams, past.runs, [[names[c] for c in codes] for codes in past.items]],
        **_more_of(store, customer),
    }
    text = json.dumps(body, separators=(",", ":")).encode()
    return b"".join((_MAGIC, bytes([SCHEMA_VERSION]), config_digest(online), _checksum(text), text))


def _with_names(online: OnlineFeatures, state: bytes | bytearray, names: Mapping[int, Any]) -> tuple[bytes, list[Any]]:
    layout = online._store.layout
    if not layout.has_item:
        return bytes(state), []
    words: npt.NDArray[np.int64] = np.frombuffer(bytes(state), np.int64).reshape(-1, layout.width).copy()
    codes = words[:, -1]
    used = sorted(set(codes[codes >= 0].tolist()))
    local = {code: place for place, code in enumerate(used)}
    words[:, -1] = [local.get(code, -1) for code in codes.tolist()]
    return words.tobytes(), [names[code] for code in used]


def customer_from_bytes(online: OnlineFeatures, data: bytes) -> Any:
    """Put a customer in place of what is known of them, and return the id."""
    text = _text_of(online, bytes_of(data))
    try:
        body, state = _parsed(text, online._store.layout.size)
    except (KeyError, TypeError, ValueError, RecursionError):  # not written by us, whatever its checksum says
        raise VersionError(_no_customer(f"{len(text)} bytes of a customer's state cannot be read")) from None
    store, customer = online._store, online._reader.customer(body["customer"])
    if customer in store.states:
        store.seen.difference_update(store.ids.pop(customer, ()))
        store.stated.pop(customer, None)
        store.pasts.pop(customer, None)
    layout = store.layout
    if layout.has_item and state:
        words = np.frombuffer(state, np.int64).reshape(-1, layout.width).copy()
        codes = [store.item_code(item) for item in body["items"]]
        words[:, -1] = [codes[place] if place >= 0 else -1 for place in words[:, -1].tolist()]
        state = words.tobytes()
    store.states[customer] = state
    if body["past"] is not None:
        streams, runs, items = body["past"]
        coded = tuple(frozenset(store.item_code(item) for item in names) for names in items)
        store.pasts[customer] = Past(tuple(streams), tuple(runs), coded)
    _add_more(store, customer, body)
    for name in body.get("stated", {}):
        value = body["stated"][name][0][1]
        online._reader.numeric.setdefault(name, isinstance(value, float))
    # What was known of this customer was known at that time: the clock cannot stand earlier.
    online._now = max(online._now, body["now"])
    return customer


def bytes_of(data: Any) -> bytes:
    """Return bytes; refuse what is none, of which a number would be as many zeros."""
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise ParameterTypeError(
        message(f"data is a {type(data).__name__}", "what to_bytes returned was expected", "online.to_bytes(customer)")
    )


def _checksum(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=_HASH).digest()


def _no_customer(wrong: str) -> str:
    return message(wrong, "bytes written by OnlineFeatures.to_bytes were expected", "online.to_bytes(customer)")


def _parsed(text: bytes, size: int) -> tuple[dict[str, Any], bytes]:
    """Return what is kept of a customer and the packed events; nothing has been changed by then."""
    body: dict[str, Any] = json.loads(text)
    state = base64.b64decode(body["events"], validate=True)
    if not {"customer", "items", "past"} <= set(body) or len(state) % size or type(body["now"]) is not int:
        raise ValueError
    if body["past"] is not None:
        _, _, items = body["past"]
        dict.fromkeys(item for names in items for item in names)
    dict.fromkeys(body["items"])
    dict(body.get("ids", ()))
    for entries in body.get("stated", {}).values():
        (tuple(entries[0][0]), *(value for _, value in entries))
    return body, state


def _text_of(online: OnlineFeatures, data: bytes) -> bytes:
    """Return the JSON, if the bytes are whole and of these features."""
    head = len(_MAGIC) + 1
    if not data.startswith(_MAGIC) or len(data) < head + 2 * _HASH:
        raise VersionError(_no_customer(f"{len(data)} bytes are no state of a customer"))
    _check_version(data[head - 1], "of another release")
    config, checksum, text = data[head : head + _HASH], data[head + _HASH : head + 2 * _HASH], data[head + 2 * _HASH :]
    if checksum != _checksum(text):
        raise VersionError(
            message(
                "the state of a customer is not as it was written",
                f"its checksum is {checksum.hex()[:12]}, its content has {_checksum(text).hex()[:12]}",
                "restore the bytes, or take the customer's events in again",
            )
        )
    if config != config_digest(online):
        raise VersionError(
            message(
                f"the customer was written with other features or roles, of digest {config.hex()[:12]}",
                f"those here have {config_digest(online).hex()[:12]}",
                "the same spec, keys, scale, timezone and lateness on both sides",
            )
        )
    return text
