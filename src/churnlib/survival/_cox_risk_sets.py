"""Who is at risk when: every row as a run of event times, from the first it saw to the last."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from churnlib._typing import Array, BoolArray, FloatArray, IntArray

__all__ = ["RiskSets", "risk_sets"]


@dataclass(frozen=True, eq=False)
class RiskSets:
    """The distinct event times of each stratum, numbered through, and what each row saw of them.

    A row is at risk at the numbers ``start, …, stop - 1``: at those event times of its
    stratum with ``entry < t ≤ time``. All sums over risk sets are then differences of running
    sums, whatever the order of the rows, and pieces of one customer's time add up to the whole.

    Parameters
    ----------
    times : ndarray of shape (n_times,)
        The event times, ascending within each stratum.
    edges : ndarray of shape (n_strata + 1,)
        Those of stratum s are numbered ``edges[s]`` to ``edges[s + 1] - 1``.
    stop : ndarray of int32 of shape (n_rows,)
        One past the last number of each row.
    start : ndarray of int32 of shape (n_rows,), or None
        The first number of each row; None where every row saw its stratum from the beginning.
    stratum : ndarray of shape (n_rows,), or None
        The stratum of each row; None where there is one.
    dead : ndarray of shape (n_events,)
        The rows with an event.
    """

    times: FloatArray
    edges: IntArray
    stop: Array
    start: Array | None
    stratum: IntArray | None
    dead: IntArray

    @cached_property
    def group(self) -> IntArray:
        """The number of the event time of each row of `dead`."""
        return self.stop[self.dead].astype(np.int64) - 1

    @cached_property
    def count(self) -> IntArray:
        """Events at each time."""
        return np.bincount(self.group, minlength=self.n_times)

    @cached_property
    def turn(self) -> IntArray:
        """The event time of each turn: where d events share a time, they take d turns."""
        return np.repeat(np.arange(self.n_times), self.count)

    @cached_property
    def share(self) -> FloatArray:
        """Which share of the events of its time has gone before each turn: 0, 1/d, …, (d − 1)/d."""
        begin = np.cumsum(self.count) - self.count
        gone: FloatArray = (np.arange(len(self.turn)) - begin[self.turn]) / self.count[self.turn]
        return gone

    def over_turns(self, values: FloatArray) -> FloatArray:
        """Return the sum over the turns of each event time.

        Parameters
        ----------
        values : ndarray of shape (n_events,)
            One value for each turn.

        Returns
        -------
        ndarray of shape (n_times,)
            The sums.
        """
        # Every event time has a turn, so the boundaries strictly ascend, as reduceat needs.
        return np.add.reduceat(values, np.cumsum(self.count) - self.count)

    @property
    def n_times(self) -> int:
        """How many distinct event times there are, over all strata."""
        return len(self.times)

    @property
    def n_strata(self) -> int:
        """How many strata there are."""
        return len(self.edges) - 1

    @property
    def tied(self) -> bool:
        """Whether any two events of a stratum share a time."""
        return len(self.dead) > self.n_times

    @cached_property
    def ends(self) -> IntArray:
        """For each event time, one past the last number of its stratum."""
        return np.repeat(self.edges[1:], np.diff(self.edges))

    @property
    def first(self) -> Array:
        """The first number of each row."""
        if self.start is not None:
            return self.start
        if self.stratum is None:
            return np.zeros(len(self.stop), dtype=np.int32)
        return self.edges[self.stratum].astype(np.int32)

    @property
    def last_cell(self) -> Array:
        """Where a row is added to a table of running sums: its last number, or `n_times` if it saw none."""
        low = 0 if self.stratum is None else self.edges[self.stratum]
        return np.where(self.stop > low, self.stop - 1, self.n_times).astype(np.int32)

    @property
    def first_cell(self) -> Array | None:
        """Where a row is taken out again: before its first number; `n_times` if it was there from the beginning."""
        if self.start is None:
            return None
        low = 0 if self.stratum is None else self.edges[self.stratum]
        return np.where(self.start > low, self.start - 1, self.n_times).astype(np.int32)

    def tails(self, cells: FloatArray) -> FloatArray:
        """Return, for each event time, the sum of its cell and the later cells of its stratum.

        Parameters
        ----------
        cells : ndarray of shape (n_times, ...)
            What ends, less what begins, at each event time; overwritten where it is a table.

        Returns
        -------
        ndarray of the same shape
            The sums over the risk sets.
        """
        if cells.ndim == 1:
            # What has come and gone cancels here: the longer mantissa keeps the last, small risk sets exact.
            total = np.cumsum(cells[::-1].astype(np.longdouble))[::-1]
            if self.n_strata > 1:
                total = total - np.concatenate([total, [np.longdouble(0)]])[self.ends]
            return np.asarray(total, dtype=np.float64)
        _running_tails(cells)
        if self.n_strata > 1:
            behind = np.concatenate([cells, np.zeros((1, cells.shape[1]))])[self.edges[1:]]
            for s, (low, high) in enumerate(zip(self.edges[:-1], self.edges[1:], strict=True)):
                cells[low:high] -= behind[s]
        return cells

    def between(self, heads: FloatArray) -> FloatArray:
        """Return, for each row, the sum over the event times that it saw.

        Parameters
        ----------
        heads : ndarray of shape (n_times, ...)
            One value, or one row, for each event time.

        Returns
        -------
        ndarray of shape (n_rows, ...)
            Sums from the first number of each row to its last.
        """
        running = np.concatenate([np.zeros((1, *heads.shape[1:])), np.cumsum(heads, axis=0)])
        total: FloatArray = running[self.stop]
        if self.start is not None or self.stratum is not None:
            total -= running[self.first]
        return total


def risk_sets(
    time: FloatArray, event: BoolArray, *, entry: FloatArray | None = None, stratum: IntArray | None = None
) -> RiskSets:
    """Number the event times, and find what each row saw of them.

    Parameters
    ----------
    time : ndarray of shape (n_rows,)
        When each row ended.
    event : ndarray of bool of shape (n_rows,)
        Whether it ended with an event.
    entry : ndarray of shape (n_rows,), default=None
        When each row began; a row is at risk at t iff ``entry < t <= time``.
    stratum : ndarray of int of shape (n_rows,), default=None
        Codes 0, 1, …; each stratum has its own risk sets.

    Returns
    -------
    RiskSets
        The event times and the runs of the rows.

    Examples
    --------
    >>> sets = risk_sets(np.array([3.0, 1.0, 2.0]), np.array([True, True, False]))
    >>> sets.times, sets.stop
    (array([1., 3.]), array([2, 1, 1], dtype=int32))
    """
    dead = np.flatnonzero(event)
    moments = np.unique(time[dead])
    stop = _count_until(moments, time)
    start = None if entry is None else _count_until(moments, entry)
    if stratum is None:
        edges = np.array([0, len(moments)], dtype=np.int64)
        return RiskSets(moments, edges, stop.astype(np.int32), _as_int32(start), None, dead)
    # Of the pairs (stratum, event time) that exist, a row with the key s (m + 1) + c has seen all
    # of lower strata and those of its own up to the c-th event time.
    base = stratum * (len(moments) + 1)
    pairs = np.unique(base[dead] + stop[dead])
    edges = np.searchsorted(pairs, np.arange(int(stratum.max()) + 2) * (len(moments) + 1), side="right")
    stop = np.searchsorted(pairs, base + stop, side="right")
    if start is not None:
        start = np.searchsorted(pairs, base + start, side="right")
    times = moments[pairs % (len(moments) + 1) - 1]
    return RiskSets(times, edges.astype(np.int64), stop.astype(np.int32), _as_int32(start), stratum, dead)


def _count_until(moments: FloatArray, values: FloatArray) -> IntArray:
    """Return how many of the ascending moments are at or before each value."""
    order = np.argsort(values)  # a sorted search stays near the processor: four times faster in a million rows
    count = np.empty(len(values), dtype=np.int64)
    count[order] = np.searchsorted(moments, values[order], side="right")
    return count


def _as_int32(values: IntArray | None) -> Array | None:
    return None if values is None else values.astype(np.int32)


_BLOCK = 2048


def _running_tails(table: FloatArray) -> None:
    """Replace each row of a table by the sum of itself and all later rows, a block at a time."""
    carry = np.zeros(table.shape[1])
    for low in range(((len(table) - 1) // _BLOCK) * _BLOCK, -1, -_BLOCK):
        block = table[low : low + _BLOCK]
        block[-1] += carry
        block[:] = np.cumsum(block[::-1], axis=0)[::-1]
        carry = block[0].copy()
