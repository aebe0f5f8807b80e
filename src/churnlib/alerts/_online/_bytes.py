"""What is remembered of one customer as bytes, for the state store of a stream processor."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from churnlib.alerts._online._store import OnlineStates
from churnlib.alerts._step import BLANK, Cells
from churnlib.exceptions import DataError, VersionError, message
from churnlib.features._online_files import bytes_of

__all__ = ["customer_from_bytes", "customer_to_bytes"]

_MAGIC = b"churnlib.alerts"
_SCHEMA_VERSION = 1
_HASH = 16
_WHOLE, _TEXT = 0, 1
_ALL_FLAGS = 32
_HEAD = struct.Struct("<qBH")
"""When the customer was evaluated last, the kind of the id and its length."""

_CELL = struct.Struct("<HBqHqq")
"""Position of the rule, and the five numbers of `Cells`; blank cells are left out."""


def customer_to_bytes(states: OnlineStates, digest: str, customer: Any) -> bytes:
    """Return what is remembered of a customer, behind a version, the digest of the rules and a checksum."""
    slot = states.slots.get(customer) if isinstance(customer, str | int | np.integer) else None
    if slot is None:
        raise DataError(
            message(
                f"customer {customer!r} is not known",
                f"one of {len(states):,} customers who were evaluated was expected",
                "if customer in online: ...",
            )
        )
    kind = _TEXT if isinstance(customer, str) else _WHOLE
    name = str(customer).encode("utf-8", "surrogatepass")
    if len(name) >= 1 << 16:
        raise DataError(message(f"an id has {len(name):,} bytes", "at most 65,535 were expected", "shorter ids"))
    cells = [(k, Cells(*cell)) for k, cell in enumerate(zip(*states.row(slot), strict=True))]
    body = b"".join(
        (_HEAD.pack(int(states.seen[slot]), kind, len(name)), name)
        + tuple(_CELL.pack(k, *cell) for k, cell in cells if cell != BLANK)
    )
    return b"".join((_MAGIC, bytes([_SCHEMA_VERSION]), bytes.fromhex(digest), _checksum(body), body))


def customer_from_bytes(states: OnlineStates, digest: str, lengths: Sequence[int], data: bytes) -> Any:
    """Put a customer in place of what is known of them, and return the id.

    Parameters
    ----------
    states : OnlineStates
        What is remembered.
    digest : str
        The digest of the rules.
    lengths : sequence of int
        How many evaluations each rule remembers.
    data : bytes
        What `customer_to_bytes` returned.
    """
    body = _checked(bytes_of(data), digest)
    try:
        customer, seen, cells = _parsed(body, lengths)
    except (struct.error, ValueError):
        raise VersionError(
            message(
                f"{len(body)} bytes of a customer's alerts cannot be read",
                "bytes written by OnlineAlerts.to_bytes were expected",
                "online.to_bytes(customer)",
            )
        ) from None
    slot = states.add(customer)
    states.kept.pop(customer, None)
    states.blank(slot)
    states.seen[slot] = seen
    for k, cell in cells.items():
        states.put(slot, k, cell)
    return customer


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_HASH).digest()


def _checked(data: bytes, digest: str) -> bytes:
    """Return the body, if the bytes are whole and of these rules."""
    head = len(_MAGIC) + 1
    start = head + len(digest) // 2 + _HASH
    if not data.startswith(_MAGIC) or len(data) < start:
        raise VersionError(
            message(
                f"{len(data)} bytes are no alerts of a customer",
                "bytes written by OnlineAlerts.to_bytes were expected",
                "online.to_bytes(customer)",
            )
        )
    if data[head - 1] != _SCHEMA_VERSION:
        raise VersionError(
            message(
                f"the alerts of a customer were written with schema version {data[head - 1]}",
                f"this release reads schema version {_SCHEMA_VERSION}",
                "pip install --upgrade churnlib",
            )
        )
    rules, checksum, body = data[head : start - _HASH], data[start - _HASH : start], data[start:]
    if checksum != _checksum(body):
        raise VersionError(
            message(
                "the alerts of a customer are not as they were written",
                f"their checksum is {checksum.hex()[:12]}, their content has {_checksum(body).hex()[:12]}",
                "restore the bytes, or forget the customer",
            )
        )
    if rules.hex() != digest:
        raise VersionError(
            message(
                f"the alerts belong to rules with the digest {rules.hex()[:12]}… and these have {digest[:12]}…",
                "state goes on with the rules that made it",
                "online.state().migrate(rules) where the old rules are at hand",
            )
        )
    return body


def _parsed(body: bytes, lengths: Sequence[int]) -> tuple[Any, int, dict[int, Cells]]:
    seen, kind, length = _HEAD.unpack_from(body)
    text = body[_HEAD.size : _HEAD.size + length].decode("utf-8", "surrogatepass")
    if kind not in {_WHOLE, _TEXT} or len(body) < _HEAD.size + length:
        raise ValueError
    customer: Any = text if kind == _TEXT else int(text)
    if kind == _WHOLE and not -(2**63) <= customer < 2**63:
        raise ValueError
    cells: dict[int, Cells] = {}
    for k, *cell in _CELL.iter_unpack(body[_HEAD.size + length :]):
        found = Cells(*cell)
        if not max(cells, default=-1) < k < len(lengths):
            raise ValueError
        if found.status >= _ALL_FLAGS or found.bits >> (lengths[k] if lengths[k] > 1 else 0):
            raise ValueError
        cells[k] = found
    return customer, seen, cells
