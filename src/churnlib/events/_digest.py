"""The fingerprint of a log: equal for equal content, whatever frame it was read from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import Array

__all__ = ["content_digest"]


def content_digest(head: Mapping[str, Any], parts: Iterable[Array | pd.Index[Any] | None]) -> str:
    """Compute the SHA-256 of plain values and arrays.

    Parameters
    ----------
    head : mapping
        What JSON can hold.
    parts : iterable of ndarray, pandas.Index or None
        Arrays by their type and bytes, texts by their lengths and bytes.

    Returns
    -------
    str
        64 hexadecimal digits, the same on every machine.

    Examples
    --------
    >>> content_digest({"scale": 2}, [np.array([1, 2])])[:12]
    '22104fbff074'
    """
    state = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for part in parts:
        if isinstance(part, pd.Index) and part.dtype.kind not in "iub":
            _add_texts(state, part)
        else:
            _add_array(state, None if part is None else np.asarray(part))
    return state.hexdigest()


def _add_array(state: Any, array: Array | None) -> None:
    if array is None:
        state.update(b"none")
        return
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    state.update(f"{little.dtype.str}{len(little)}:".encode())
    state.update(little.data)


def _add_texts(state: Any, index: pd.Index[Any]) -> None:
    """Add texts: their lengths first, so that no two lists of texts read alike."""
    texts = [str(value).encode() for value in index]
    _add_array(state, np.array([len(text) for text in texts], dtype=np.int64))
    state.update(b"".join(texts))
