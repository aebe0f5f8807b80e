"""The tile kernel: the row of its customer's history at which each instant falls.

A question such as "how many orders in the 90 days before 1 June?" has two edges in
time. Take the edges of every window of every cutoff, sort them, and call the gap
between two neighbours a *tile*. One pass over the events notes the last row of every
(tile, customer); a running maximum over the tiles turns that into *positions*: the row
of the first event at or after each edge. From there every measure is a gather:

- events in ``[a, c)`` are ``position(c) - position(a)``;
- money in ``[a, c)`` is a difference of a running sum, read at two positions;
- the last event before ``c`` is the row before ``position(c)``.

The cost is one pass over the events, however many windows overlap, and everything is
counted in integers. Rows are sorted by customer, then time. The functions here know
arrays only: no log, no feature.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Tiling", "after_last", "covered", "gather", "positions", "repeats", "running", "runs_of"]

Index = npt.NDArray[np.intp]
Ints = npt.NDArray[np.int64]

_LARGEST_TABLE = 1 << 16
"""A lookup table beyond 64 k entries falls out of the cache, and bisection is as fast."""


class Tiling:
    """Sorted edges in time, and the tile each instant falls into.

    Tile ``k`` holds the instants with exactly ``k`` edges at or before them, so an
    event lies before ``edges[e]`` if and only if its tile is ``<= e``.

    Parameters
    ----------
    edges : ndarray of shape (n_edges,)
        Instants in microseconds, ascending and unique.

    Examples
    --------
    >>> import numpy as np
    >>> day = 86_400_000_000
    >>> Tiling(np.array([2, 5]) * day).tile(np.array([1, 2, 5]) * day - np.array([0, 1, 0]))
    array([0, 0, 2])
    """

    __slots__ = ("_floor", "_table", "_unit", "edges")

    def __init__(self, edges: Ints) -> None:
        self.edges = edges
        self._table: Index | None = None
        self._floor, self._unit = 0, 1
        if len(edges) > 1:
            self._build_table()

    def _build_table(self) -> None:
        # All edges are multiples of `unit` after the first one, so flooring an instant to
        # units keeps its order against every edge: t < e  <=>  floor(t) < e.
        steps = self.edges - self.edges[0]
        self._floor, self._unit = int(self.edges[0]), int(np.gcd.reduce(steps))
        n_cells = int(steps[-1]) // self._unit + 1
        if n_cells < _LARGEST_TABLE:
            cells = np.arange(n_cells, dtype=np.int64)
            inside = np.searchsorted(steps // self._unit, cells, side="right")
            self._table = np.concatenate([[0], inside]).astype(np.intp)

    def tile(self, time: Ints) -> Index:
        """Return the number of edges at or before each instant.

        Parameters
        ----------
        time : ndarray of shape (n,)
            Instants in microseconds, in any order.

        Returns
        -------
        ndarray of shape (n,)
            Tiles from 0 to ``len(edges)``.
        """
        if self._table is None:
            return np.searchsorted(self.edges, time, side="right")
        # Clip before subtracting: an instant near the end of int64 must not wrap around.
        cell = np.clip(time, self._floor - 1, int(self.edges[-1]))
        cell -= self._floor
        np.floor_divide(cell, self._unit, out=cell)
        cell += 1
        return self._table.take(cell)


def positions(tile: Index, customer: Index, start: Index, n_edges: int) -> Index:
    """Return the first row at or after each edge, for every customer.

    Parameters
    ----------
    tile : ndarray of shape (n_rows,)
        Tile of each event, see `Tiling`.
    customer : ndarray of shape (n_rows,)
        Code of each event's customer, from 0 and ascending.
    start : ndarray of shape (n_customers,)
        First row of each customer.
    n_edges : int
        Number of edges of the tiling.

    Returns
    -------
    ndarray of shape (n_edges, n_customers)
        Row numbers. They are of the platform's index type, because numpy converts any
        other type before each gather.

    Examples
    --------
    Two customers with events in tiles 0, 1, 1 and 2; edge 0 ends tile 0, edge 1 ends tile 1:

    >>> import numpy as np
    >>> positions(np.array([0, 1, 1, 2]), np.array([0, 0, 0, 1]), np.array([0, 3]), 2)
    array([[1, 3],
           [3, 3]])
    """
    n = len(start)
    cell = tile * n
    cell += customer
    # Every event writes the row after it into its cell; rows ascend, and of several rows in
    # one cell numpy leaves the last. A running maximum then fills the cells without events.
    plane = np.zeros((n_edges + 1, n), np.intp)
    plane.reshape(-1)[cell] = np.arange(1, len(cell) + 1)
    np.maximum(plane[0], start, out=plane[0])
    for edge in range(1, n_edges):  # contiguous rows: three times faster than along axis 0
        np.maximum(plane[edge - 1], plane[edge], out=plane[edge])
    return plane[:n_edges]


def running(values: npt.NDArray[Any]) -> Ints:
    """Return the running sum before each row, and after the last.

    The sum is taken modulo 2**64, so a difference of two entries is exact whenever the
    true sum between them fits into int64, whatever the sums before it were.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Integers or booleans.

    Returns
    -------
    ndarray of shape (n + 1,)
        ``result[j] - result[i]`` is the sum of ``values[i:j]``.

    Examples
    --------
    >>> import numpy as np
    >>> running(np.array([5, -2, 4])).tolist()
    [0, 5, 3, 7]
    """
    out = np.empty(len(values) + 1, np.int64)
    out[0] = 0
    np.cumsum(values, out=out[1:])
    return out


def gather(values: npt.NDArray[Any], index: Index) -> npt.NDArray[Any]:
    """Read values at row numbers; a row number outside gives some value, never an error.

    A caller asks first and decides later which answers had a row behind them.

    Parameters
    ----------
    values : ndarray of shape (n,)
        What to read; may be empty.
    index : ndarray of any shape
        Row numbers.

    Returns
    -------
    ndarray of the shape of index
        Values at those rows, clipped to the nearest row; zeros when there are no rows.

    Examples
    --------
    >>> import numpy as np
    >>> gather(np.array([10, 20]), np.array([[-1, 0], [1, 2]])).tolist()
    [[10, 10], [20, 20]]
    """
    if len(values) == 0:
        return np.zeros(index.shape, values.dtype)
    return values.take(index, mode="clip")


def after_last(flags: npt.NDArray[np.bool_]) -> Index:
    """Return, before each row and after the last, the row that follows the latest set flag.

    Parameters
    ----------
    flags : ndarray of shape (n,)
        One flag per row.

    Returns
    -------
    ndarray of shape (n + 1,)
        ``result[j]`` is one more than the largest ``i < j`` with ``flags[i]``; 0 without
        one. A flag of an earlier customer gives a row not after the customer's first, so a
        maximum with that first row is all the separation customers need.

    Examples
    --------
    >>> import numpy as np
    >>> after_last(np.array([False, True, False, True])).tolist()
    [0, 0, 2, 2, 4]
    """
    out = np.zeros(len(flags) + 1, np.intp)
    np.multiply(np.arange(1, len(flags) + 1, dtype=np.intp), flags, out=out[1:])
    return np.maximum.accumulate(out)


def repeats(customer: Index, key: npt.NDArray[np.integer[Any]], tile: Index) -> tuple[Index, Index, Index]:
    """Return the rows whose key their customer has had before: whose, and in which two tiles.

    The number of different keys among the rows of a window is the number of those rows
    less the repeats that lie in it with both their rows. Repeats are few, so that little
    is left to do for each window.

    Parameters
    ----------
    customer : ndarray of shape (n,)
        Code of each row's customer.
    key : ndarray of shape (n,)
        Codes, not negative.
    tile : ndarray of shape (n,)
        Tile of each row.

    Returns
    -------
    customer, earlier, later : ndarray of shape (n_repeats,)
        Customer, the tile of the last row with the same key before, and the row's own tile.

    Examples
    --------
    >>> import numpy as np
    >>> owner, key, tile = np.array([0, 0, 0, 1, 1]), np.array([7, 3, 7, 7, 3]), np.array([1, 2, 5, 3, 4])
    >>> [column.tolist() for column in repeats(owner, key, tile)]
    [[0], [1], [5]]
    """
    # All three packed into one integer sort at once, and what is asked for can be read off
    # the sorted integers. 32 bits, where they suffice, sort twice as fast.
    tile_bits, key_bits = int(tile.max(initial=0)).bit_length(), int(key.max(initial=0)).bit_length()
    above = tile_bits + key_bits
    narrow = above + int(customer.max(initial=0)).bit_length() <= 32
    dtype: type[np.unsignedinteger[Any]] = np.uint32 if narrow else np.uint64
    packed: npt.NDArray[np.unsignedinteger[Any]] = customer.astype(dtype)
    packed <<= key_bits
    packed |= key.astype(dtype)
    packed <<= tile_bits
    packed |= tile.astype(dtype)
    packed.sort()
    same = np.flatnonzero((packed[1:] ^ packed[:-1]) < (1 << tile_bits))
    earlier, later = (packed[at].astype(np.intp) for at in (same, same + 1))
    mask = (1 << tile_bits) - 1
    return later >> above, earlier & mask, later & mask


def runs_of(offsets: npt.NDArray[np.integer[Any]], *, rows: int, customers: int) -> Index:
    """Cut customers into runs that fit the processor's cache.

    Parameters
    ----------
    offsets : ndarray of shape (n_customers + 1,)
        Events of customer ``i`` are the rows ``offsets[i]:offsets[i + 1]``.
    rows : int
        Most events of a run; one customer with more is a run of its own.
    customers : int
        Most customers of a run.

    Returns
    -------
    ndarray
        Ascending customer codes, from 0 to ``n_customers``: the borders of the runs.

    Examples
    --------
    >>> import numpy as np
    >>> runs_of(np.array([0, 2, 4, 99, 100]), rows=5, customers=3).tolist()
    [0, 2, 3, 4]
    """
    last = len(offsets) - 1
    borders = [0]
    while borders[-1] < last:
        here = borders[-1]
        fits = int(np.searchsorted(offsets, int(offsets[here]) + rows, side="right")) - 1
        borders.append(min(max(fits, here + 1), here + customers, last))
    return np.array(borders, np.intp)


def covered(first: Index, stop: Index, customer: Index, n_answers: int, n_customers: int) -> Ints:
    """Count, for each answer and customer, the rows whose range of answers covers it.

    Where answers are ordered, as cutoffs are, a row often counts in a contiguous range of
    them. Its range is entered at both ends and a running sum fills the middle, so that a
    row is looked at once and not once per answer.

    Parameters
    ----------
    first, stop : ndarray of shape (n_rows,)
        The answers ``first <= k < stop`` count the row; none where ``first >= stop``.
    customer : ndarray of shape (n_rows,)
        Code of each row's customer, from 0.
    n_answers, n_customers : int
        Size of the result.

    Returns
    -------
    ndarray of shape (n_answers, n_customers)
        Counts.

    Examples
    --------
    >>> import numpy as np
    >>> row = np.array
    >>> covered(row([0, 1, 2]), row([2, 3, 1]), row([0, 0, 0]), 3, 1).ravel().tolist()
    [1, 2, 1]
    """
    counts = np.zeros((n_answers + 1, n_customers), np.int64)
    size = counts.size
    stop = np.maximum(first, stop)  # an empty range enters and leaves at the same place
    counts += np.bincount(first * n_customers + customer, minlength=size).reshape(counts.shape)
    counts -= np.bincount(stop * n_customers + customer, minlength=size).reshape(counts.shape)
    return np.cumsum(counts[:n_answers], axis=0)
