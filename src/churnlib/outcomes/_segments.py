"""Searches inside the segments of one long array: one segment per customer, no loop over customers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from churnlib._typing import Array, BoolArray, IntArray

__all__ = ["Ranges", "first_at_least", "first_beyond", "offsets_of", "segment_starts"]


def offsets_of(segment: Array, n_segments: int) -> IntArray:
    """Return where each segment begins in an array sorted by segment, with the end at last.

    Parameters
    ----------
    segment : ndarray of int, shape (n,)
        Segment of each entry, ascending.
    n_segments : int
        How many there are, empty ones included.

    Returns
    -------
    ndarray of int64, shape (n_segments + 1,)
        Entries of segment s are ``offsets[s]:offsets[s + 1]``.

    Examples
    --------
    >>> offsets_of(np.array([0, 0, 2]), 3).tolist()
    [0, 2, 2, 3]
    """
    return np.concatenate([[0], np.cumsum(np.bincount(segment, minlength=n_segments))]).astype(np.int64)


def segment_starts(segment: Array) -> BoolArray:
    """Mark the first entry of each segment in an array sorted by segment.

    Parameters
    ----------
    segment : ndarray of int, shape (n,)
        Segment of each entry, ascending.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where a segment begins.

    Examples
    --------
    >>> segment_starts(np.array([0, 0, 2])).tolist()
    [True, False, True]
    """
    marks = np.ones(len(segment), dtype=np.bool_)
    np.not_equal(segment[1:], segment[:-1], out=marks[1:])
    return marks


def first_at_least(values: Array, low: IntArray, high: IntArray, bound: IntArray) -> IntArray:
    """Find, for many queries, the first entry in [low, high) that is no less than a bound.

    Parameters
    ----------
    values : ndarray of int64, shape (n,)
        Ascending inside each queried range.
    low, high : ndarray of int64, shape (q,)
        The range of each query.
    bound : ndarray of int64, shape (q,)
        What to reach.

    Returns
    -------
    ndarray of int64, shape (q,)
        Position in `values`; `high` where no entry reaches the bound.

    Examples
    --------
    >>> first_at_least(np.array([1, 5, 5, 9]), np.array([0, 0]), np.array([4, 4]), np.array([5, 10])).tolist()
    [1, 4]
    """
    return _bisect(values, low, high, bound, strictly=False)


def first_beyond(values: Array, low: IntArray, high: IntArray, bound: IntArray) -> IntArray:
    """Find, for many queries, the first entry in [low, high) that is greater than a bound.

    Parameters
    ----------
    values : ndarray of int64, shape (n,)
        Ascending inside each queried range.
    low, high : ndarray of int64, shape (q,)
        The range of each query.
    bound : ndarray of int64, shape (q,)
        What to exceed.

    Returns
    -------
    ndarray of int64, shape (q,)
        Position in `values`; `high` where no entry exceeds the bound.

    Examples
    --------
    >>> first_beyond(np.array([1, 5, 5, 9]), np.array([0]), np.array([4]), np.array([5])).tolist()
    [3]
    """
    return _bisect(values, low, high, bound, strictly=True)


def _bisect(values: Array, low: IntArray, high: IntArray, bound: IntArray, *, strictly: bool) -> IntArray:
    """Bisect all ranges together: as many steps as the widest range has bits."""
    low, high = low.astype(np.int64), high.astype(np.int64)
    open_ = np.flatnonzero(low < high)
    while len(open_):
        middle = (low[open_] + high[open_]) >> 1
        found, wanted = values[middle], bound[open_]
        passed = found > wanted if strictly else found >= wanted
        high[open_[passed]] = middle[passed]
        low[open_[~passed]] = middle[~passed] + 1
        open_ = open_[low[open_] < high[open_]]
    return low


class Ranges:
    """Maxima over any range of an array, and the first entry that reaches a value.

    Level l holds the maximum of the 2**l entries from each position on, so a range is covered by
    two overlapping entries of one level, and a search descends the levels like the bits of the
    distance.

    Parameters
    ----------
    values : ndarray of int64, shape (n,)
        What to search.
    widest : int
        The longest range that will be asked for, in entries.

    Examples
    --------
    >>> table = Ranges(np.array([3, 1, 4, 1, 5]), 5)
    >>> table.maximum(np.array([0, 3]), np.array([2, 5])).tolist()
    [3, 5]
    >>> table.first_reaching(np.array([0, 3]), np.array([5, 4]), np.array([4, 4])).tolist()
    [2, 4]
    """

    __slots__ = ("_levels",)

    def __init__(self, values: NDArray[np.int64], widest: int) -> None:
        self._levels = [values]
        step = 1
        while 2 * step <= widest and len(values):
            below = self._levels[-1]
            level = below.copy()
            np.maximum(below[:-step], below[step:], out=level[:-step])
            self._levels.append(level)
            step *= 2

    def maximum(self, low: IntArray, high: IntArray) -> IntArray:
        """Return the maximum over each range [low, high), none of them empty.

        Parameters
        ----------
        low, high : ndarray of int64, shape (q,)
            The ranges.

        Returns
        -------
        ndarray of int64, shape (q,)
            The maxima.

        Examples
        --------
        >>> Ranges(np.array([2, 7, 1]), 3).maximum(np.array([0]), np.array([3])).tolist()
        [7]
        """
        width = high - low
        # frexp is exact on whole numbers: width = m * 2**e with m in [.5, 1), so e - 1 = floor(log2).
        level = np.frexp(width.astype(np.float64))[1] - 1
        result = np.empty(len(low), dtype=np.int64)
        for at, table in enumerate(self._levels):
            chosen = np.flatnonzero(level == at)
            left, right = low[chosen], high[chosen] - (1 << at)
            result[chosen] = np.maximum(table[left], table[right])
        return result

    def first_reaching(self, low: IntArray, high: IntArray, value: IntArray) -> IntArray:
        """Return the first position in [low, high) whose entry is no less than a value.

        Parameters
        ----------
        low, high : ndarray of int64, shape (q,)
            The ranges.
        value : ndarray of int64, shape (q,)
            What to reach.

        Returns
        -------
        ndarray of int64, shape (q,)
            The position; `high` where no entry of the range reaches the value.

        Examples
        --------
        >>> Ranges(np.array([2, 7, 1]), 3).first_reaching(np.array([0]), np.array([3]), np.array([5])).tolist()
        [1]
        """
        at = low.astype(np.int64)
        last = len(self._levels[0]) - 1
        for level in range(len(self._levels) - 1, -1, -1):
            inside = at < high
            short = inside & (self._levels[level][np.minimum(at, last)] < value) if last >= 0 else inside
            at[short] += 1 << level
        return np.minimum(at, high)
