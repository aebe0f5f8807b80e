"""Who was at risk, who left and who was lost from sight, at each distinct time: the table under every curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._checks import named_rows
from churnlib._typing import Array, ArrayLike, FloatArray, IntArray
from churnlib.exceptions import DataError, message

__all__ = ["RiskTable", "risk_table"]

_BLOCK = 1 << 15  # rows whose codes stay in the processor's cache while they are counted
_SPARSEST = 4
_LARGEST_WHOLE = 2.0**53  # above it a float no longer tells one whole number from the next


@dataclass(frozen=True, slots=True, eq=False)
class RiskTable:
    """Counts, or weights, at the distinct times at which something ended.

    Parameters
    ----------
    times : ndarray of shape (n_times,)
        The distinct times of events and of censorings, ascending.
    at_risk : ndarray of shape (n_times,)
        How much is under observation just before each time, those whose observation
        ends there included: ``entry < t <= time``.
    events : ndarray of shape (n_causes, n_times)
        How much of it leaves at this time, by cause.
    censored : ndarray of shape (n_times,)
        How much of it was last seen, still here, at this time.

    Examples
    --------
    >>> table = risk_table([2.0, 2.0, 5.0], [True, False, True])
    >>> table.at_risk, table.left
    (array([3., 1.]), array([1., 1.]))
    """

    times: FloatArray
    at_risk: FloatArray
    events: FloatArray
    censored: FloatArray

    @property
    def left(self) -> FloatArray:
        """How much leaves at each time, of whatever cause: shape (n_times,)."""
        total: FloatArray = self.events[0] if len(self.events) == 1 else self.events.sum(axis=0)
        return total

    @property
    def n_causes(self) -> int:
        """How many causes are told apart."""
        return len(self.events)

    def between(self, low: float, high: float = np.inf) -> RiskTable:
        """Return the part of the table in a span of time.

        Parameters
        ----------
        low, high : float
            Columns with ``low < time <= high`` are kept.

        Returns
        -------
        RiskTable
            These columns; the numbers at risk are what they were.

        Examples
        --------
        >>> risk_table([2.0, 5.0, 7.0], [True, True, True]).between(2.0, 5.0).times
        array([5.])
        """
        first, end = np.searchsorted(self.times, [low, high], side="right")
        kept = slice(int(first), int(end))
        return RiskTable(self.times[kept], self.at_risk[kept], self.events[:, kept], self.censored[kept])


def risk_table(
    time: ArrayLike,
    event: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    n_causes: int = 1,
) -> RiskTable:
    """Count who is at risk, leaves and is censored at each distinct time.

    Whole times that are not sparse (tenures in days, weeks, months) are counted in
    one pass without sorting; other times are sorted once. With delayed entry a row is
    at risk after its entry only, which takes a second count, of the entries. Nothing
    larger than the rows or the distinct times is ever built.

    Parameters
    ----------
    time : array-like of shape (n_rows,)
        When observation ended, in any unit; finite.
    event : array-like of shape (n_rows,)
        0 or False for a row that was still here, 1 to `n_causes` for the cause of
        what ended it.
    entry : array-like of shape (n_rows,), default=None
        When observation began, below `time`; None puts everyone at risk from the start.
    weight : array-like of shape (n_rows,), default=None
        How many customers a row stands for, 0 or more; None counts each as one. A row
        of weight 0 is as if it were not there.
    n_causes : int, default=1
        How many causes there are.

    Returns
    -------
    RiskTable
        One column for each distinct time.

    Raises
    ------
    DataError
        If an event is not whole, above `n_causes` or below 0.

    Notes
    -----
    Observation is over ``(entry, time]``: who enters at t is not at risk at t, so that
    a row cut into (entry, u] and (u, time] counts as the uncut one. Without weights all
    numbers are exact, and the same for any order of the rows.

    Examples
    --------
    >>> table = risk_table([1, 2, 2, 3], [1, 0, 2, 1], entry=[0, 0, 1, 2], n_causes=2)
    >>> table.times, table.at_risk
    (array([1., 2., 3.]), array([2., 2., 1.]))
    >>> table.events
    array([[1., 0., 1.],
           [0., 1., 0.]])
    """
    times, events = np.asarray(time), _codes(np.asarray(event))
    entries = None if entry is None else np.asarray(entry)
    weights = None if weight is None else np.asarray(weight, dtype=np.float64)
    if weights is not None and not weights.all():
        kept = weights > 0
        times, events, weights = times[kept], events[kept], weights[kept]
        entries = None if entries is None else entries[kept]
    table = counted_table(times, events, entries, weights, n_causes)
    if table is None:
        table = _by_sorting(times, events, entries, weights, n_causes)
    if entries is None or weights is None:
        return table
    return _exact_at_the_edge(table, risk_table(times, events, entry=entries, n_causes=n_causes))


def _exact_at_the_edge(table: RiskTable, rows: RiskTable) -> RiskTable:
    """Let the weight at risk be the weight that ends wherever nobody else is there, which sums only nearly say."""
    ended, all_end = table.left + table.censored, rows.at_risk == rows.left + rows.censored
    at_risk = np.where(all_end, ended, np.maximum(table.at_risk, ended))
    return RiskTable(table.times, at_risk, table.events, table.censored)


def _assembled(times: FloatArray, ended: FloatArray, entered: FloatArray | None) -> RiskTable:
    """Make the table of what ended, shape (1 + n_causes, n_times), and of what had entered before each time."""
    total = ended.sum(axis=0)
    # Summed from the end, what is at risk last is what ends there to the last bit.
    at_risk = np.cumsum(total[::-1])[::-1] if entered is None else entered - (np.cumsum(total) - total)
    return RiskTable(times, np.ascontiguousarray(at_risk), ended[1:], ended[0])


# -- whole times


def counted_table(
    time: Array, event: Array, entry: Array | None, weight: FloatArray | None, n_causes: int
) -> RiskTable | None:
    """Count by the times themselves, or return None where they are not whole, below 0, not finite or too sparse."""
    counts = _counts(time, weight, event, n_causes)
    if counts is None:
        return None
    ended = counts.reshape(-1, n_causes + 1).T
    entered = None
    if entry is not None:
        entering = _counts(entry, weight)
        if entering is None:
            return None
        entering = _lengthened(entering, ended.shape[1])
        entered = np.cumsum(entering) - entering  # those who enter at t are not yet at risk at t
    seen = np.flatnonzero(ended.sum(axis=0))
    before = None if entered is None else entered[seen].astype(np.float64)
    return _assembled(seen.astype(np.float64), ended[:, seen].astype(np.float64), before)


def _counts(values: Array, weight: FloatArray | None, event: Array | None = None, n_causes: int = 0) -> Array | None:
    """Sum the weight by value and event, a block of rows at a time; None at the first value that cannot be counted."""
    width, limit = n_causes + 1, min(_SPARSEST * len(values) + 1000, _LARGEST_WHOLE)
    total = np.zeros(0, dtype=np.int64 if weight is None else np.float64)
    first = 0
    while first < len(values):
        rows = slice(first, first + max(_BLOCK, 4 * len(total)))
        first = rows.stop
        key = _whole(values[rows], limit)
        if key is None:
            return None
        if event is not None:
            _refuse_codes(event[rows], n_causes)
            key *= width
            key += event[rows]
        counts = np.bincount(key, weights=None if weight is None else weight[rows])
        total = _lengthened(total, -(-len(counts) // width) * width)
        total[: len(counts)] += counts
    return total


def _whole(values: Array, limit: float) -> IntArray | None:
    """Return the values as integers, if they are whole and from 0 to `limit`."""
    with np.errstate(invalid="ignore"):  # what is not finite becomes a number below 0, or one that differs
        key = values.astype(np.intp)
    if key.min() < 0 or key.max() > limit or (values.dtype.kind == "f" and not np.array_equal(key, values)):
        return None
    return key


def _lengthened(values: Array, size: int) -> Array:
    return values if len(values) >= size else np.concatenate([values, np.zeros(size - len(values), values.dtype)])


def _codes(event: Array) -> Array:
    """Return events as booleans or signed integers of whatever size."""
    if event.dtype.kind in "bi":
        return event
    codes = event.astype(np.int64)
    if not np.array_equal(codes, event):
        wrong = codes != event
        raise DataError(message(f"{int(wrong.sum())} of {len(event)} events are not whole ({named_rows(wrong)})"))
    return codes


def _refuse_codes(event: Array, n_causes: int) -> None:
    if event.dtype != np.bool_ and len(event) and (event.max() > n_causes or event.min() < 0):
        raise DataError(
            message(f"events run from {event.min()} to {event.max()}", f"0 to {n_causes} (n_causes) were expected")
        )


# -- any times


def _by_sorting(time: Array, event: Array, entry: Array | None, weight: FloatArray | None, n_causes: int) -> RiskTable:
    _refuse_codes(event, n_causes)
    # Rows of one time are added up in the order in which they came; without weights no order can be told.
    order = np.argsort(time, kind=None if weight is None else "stable")
    ranked, events = time[order].astype(np.float64), event[order]
    new = np.ones(len(ranked), dtype=bool)
    new[1:] = ranked[1:] != ranked[:-1]
    starts = np.flatnonzero(new)
    weights = None if weight is None else weight[order]
    ended = np.empty((n_causes + 1, len(starts)))
    for code in range(n_causes + 1):
        matches = events == code
        here = matches.astype(np.float64) if weights is None else np.where(matches, weights, 0.0)
        ended[code] = np.add.reduceat(here, starts) if len(starts) else 0.0
    times = ranked[starts]
    return _assembled(times, ended, None if entry is None else _entered_before(times, entry, weight))


def _entered_before(times: FloatArray, entry: Array, weight: FloatArray | None) -> FloatArray:
    """Sum the weight of the rows whose entry lies before each time."""
    if weight is None:
        return np.searchsorted(np.sort(entry), times, side="left").astype(np.float64)
    order = np.argsort(entry, kind="stable")
    running = np.concatenate([[0.0], np.cumsum(weight[order])])
    before: FloatArray = running[np.searchsorted(entry[order], times, side="left")]
    return before
