"""Pairs counted without looking at each: how many that come later rank lower."""

from __future__ import annotations

from typing import Any

import numpy as np

from churnlib._typing import Array, FloatArray, IntArray

__all__ = ["dense_ranks", "lower_later"]


def dense_ranks(values: FloatArray) -> tuple[IntArray, int]:
    """Number the distinct values from the lowest, 0, and return how many there are.

    Parameters
    ----------
    values : array of shape (n,)
        Any numbers but NaN; -0.0 equals 0.0.

    Returns
    -------
    ranks : array of int64
        The number of each value.
    n_ranks : int
        How many distinct values there are.

    Examples
    --------
    >>> dense_ranks(np.array([0.5, 7.0, 0.5]))
    (array([0, 1, 0]), 2)
    """
    order = np.argsort(values)
    ranked = values[order]
    rank = np.zeros(len(values), dtype=np.int64)
    np.cumsum(ranked[1:] != ranked[:-1], out=rank[1:])
    ranks = np.empty_like(rank)
    ranks[order] = rank
    return ranks, int(rank[-1]) + 1 if len(rank) else 0


def lower_later(by_rank: IntArray, query: Array, point: Array | None = None) -> Any:
    """Sum ``query[i] * point[j]`` over all pairs of which j comes later than i and ranks lower.

    Parameters
    ----------
    by_rank : array of shape (n,)
        The places 0 to n - 1, the lowest in rank first.
    query : array of shape (n,)
        What each place counts as the earlier of a pair: int64, or float64.
    point : array of shape (n,), default=None
        What each place counts as the later of a pair; None counts each as one.

    Returns
    -------
    number
        The sum; exact where the arrays hold whole numbers.

    Notes
    -----
    Merge sort run backwards: the places are split by their highest binary digit, then each half by
    the next, the order by rank kept inside. A pair of places differs first in one digit;
    when that one is split off, j has it and i has not, and i finds all lower j before it.
    With places 0 to n - 1 every part but the last is full, so that no running sum is needed to
    count them, and all levels are plain passes over n numbers: O(n log n).

    Examples
    --------
    Four places in order of time; the second ranks highest, the last lowest:

    >>> lower_later(np.array([3, 0, 2, 1]), np.array([1, 1, 0, 0]))
    3
    """
    n = len(by_rank)
    places: Any = by_rank.astype(np.int32 if n < 2**30 else np.int64)
    total: Any = query.dtype.type(0) if point is None else np.result_type(query, point).type(0)
    for digit in range(int(n - 1).bit_length() - 1, -1, -1):
        later = (places >> digit) & 1 != 0
        index = np.flatnonzero(~later)
        early, late = places[index], places[later]
        total += np.einsum("i,i->", _lower(places, later, index, early, digit, point), query[early])
        places = _side_by_side(early, late, n, digit)
    return total.item()


def _lower(places: Array, later: Array, index: Array, early: Array, digit: int, point: Array | None) -> Array:
    """For each early place: what lies later and lower within its part."""
    if point is None:
        # All before it in its part are early or late; whole parts before it hold as many of each.
        before = np.arange(len(early))
        return index - before - ((before >> digit) << digit)
    sums = np.concatenate([[point.dtype.type(0)], np.cumsum(np.where(later, point[places], 0))])
    part: Array = np.left_shift(np.right_shift(early, digit + 1), digit + 1)
    lower: Array = sums[index] - sums[part]
    return lower


def _side_by_side(early: Array, late: Array, n: int, digit: int) -> Array:
    """Lay the early half of each part before its late half."""
    half = 1 << digit
    n_full = n >> (digit + 1)
    places = np.empty(n, dtype=early.dtype)
    parts = places[: n_full * 2 * half].reshape(n_full, 2, half)
    parts[:, 0], parts[:, 1] = early[: n_full * half].reshape(n_full, half), late[: n_full * half].reshape(n_full, half)
    rest = places[n_full * 2 * half :]
    n_early = len(early) - n_full * half
    rest[:n_early], rest[n_early:] = early[n_full * half :], late[n_full * half :]
    return places
