"""Uniform numbers that belong to an id and a salt, the same on every machine and in every process."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib._typing import FloatArray

__all__ = ["salted_uniform", "spread_within"]


def salted_uniform(ids: pd.Index[Any], salt: str) -> FloatArray:
    """Return a number of [0, 1) for each id, that depends on nothing but the id's text and the salt.

    The upper 53 bits of the hash are taken: a float holds no more, and 64 could round up to 1.

    Parameters
    ----------
    ids : Index of shape (n,)
        Read as texts: 7 and "7" get the same number.
    salt : str
        Other salts give other numbers, independent of these.

    Returns
    -------
    ndarray of shape (n,)
        Uniform over ids.

    Examples
    --------
    >>> salted_uniform(pd.Index(["ann", "bob", 7]), "spring").round(4).tolist()
    [0.3, 0.9122, 0.3438]
    """
    return (_hashed(ids, salt) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def spread_within(position: FloatArray, codes: npt.NDArray[np.int64], ids: pd.Index[Any]) -> FloatArray:
    """Spread the members of each group evenly over [0, 1), in the order of their numbers.

    A member's new number is (r + v) / n, where n is the size of the group, r the rank in it and v the
    group's offset, taken from the numbers of all its members, which makes it independent of the row order.
    r is uniform on 0..n-1 for each member, so that its new number is uniform again; but any interval of length s now
    holds n s members of the group, to less than one.

    Parameters
    ----------
    position : ndarray of shape (n,)
        Of `salted_uniform`.
    codes : ndarray of shape (n,)
        The group of each.
    ids : Index of shape (n,)
        Breaks ties.

    Returns
    -------
    ndarray of shape (n,)
        Numbers of [0, 1).

    Examples
    --------
    >>> group = np.zeros(4, dtype=np.int64)
    >>> spread_within(np.array([0.8, 0.5, 0.6, 0.4]), group, pd.Index(["a", "b", "c", "d"])).round(3).tolist()
    [0.825, 0.325, 0.575, 0.075]
    """
    order = np.lexsort((np.asarray(ids.astype(str)), position, codes))
    ordered = codes[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.empty(0, dtype=np.int64)
    size = np.diff(np.r_[first, len(ordered)])
    offset = np.add.reduceat(position[order], first) % 1.0 if len(first) else first.astype(np.float64)
    rank = np.arange(len(ordered)) - np.repeat(first, size)
    spread = np.empty(len(ordered))
    spread[order] = (rank + np.repeat(offset, size)) / np.repeat(size, size)
    return spread


def _hashed(ids: pd.Index[Any], salt: str) -> npt.NDArray[np.uint64]:
    """Return 64 bits for each id.

    The key of BLAKE2 (RFC 7693) is a digest of the salt, so that no pair of salt and id runs
    into another, as ("a1", "2") and ("a", "12") would when put together.
    """
    keyed = hashlib.blake2b(digest_size=8, key=hashlib.blake2b(salt.encode(), digest_size=32).digest())
    words = bytearray()
    for customer in ids.tolist():
        one = keyed.copy()
        one.update(str(customer).encode())
        words += one.digest()
    return np.frombuffer(bytes(words), dtype=">u8").astype(np.uint64)
