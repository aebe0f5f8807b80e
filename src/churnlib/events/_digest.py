"""The fingerprint of a log: equal for equal content, whatever frame it was read from."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from churnlib.events._log import EventLog

__all__ = ["log_digest"]


def log_digest(log: EventLog) -> str:
    """Compute the SHA-256 of a log's content.

    The names of the columns it was read from, and its report, are not content.

    Parameters
    ----------
    log : EventLog
        The log.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> from churnlib.events import EventLog
    >>> frame = pd.DataFrame({"id": [1, 2], "ts": ["2025-01-05", "2025-01-06"]})
    >>> turned = EventLog.from_frame(frame[::-1], customer="id", time="ts")
    >>> log_digest(turned) == EventLog.from_frame(frame, customer="id", time="ts").digest
    True
    """
    state = hashlib.sha256()
    head = {
        "kinds": log.kinds,
        "scale": log.scale,
        "currency": log.currency,
        "timezone": log.timezone,
        "complete_until": log.complete_until_us,
        "attributes": list(log.attributes),
    }
    state.update(json.dumps(head, sort_keys=True).encode())
    _add_index(state, log.customers)
    for array in (log.offsets, log.time, log.known, log.kind, log.amount, log.item):
        _add_array(state, array)
    _add_index(state, log.items)
    for attribute in log.attributes.values():
        _add_array(state, attribute.values)
        _add_index(state, attribute.categories)
    _add_index(state, log.event_id)
    return state.hexdigest()


def _add_array(state: Any, array: np.ndarray[Any, Any] | None) -> None:
    if array is None:
        state.update(b"none")
        return
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    state.update(f"{little.dtype.str}{len(little)}:".encode())
    state.update(little.data)


def _add_index(state: Any, index: pd.Index[Any] | None) -> None:
    """Add an index: integers and flags by their bytes, texts with their lengths."""
    if index is None or index.dtype.kind in "iub":
        _add_array(state, None if index is None else index.to_numpy())
        return
    texts = [str(value).encode() for value in index]
    _add_array(state, np.array([len(text) for text in texts], dtype=np.int64))
    state.update(b"".join(texts))
