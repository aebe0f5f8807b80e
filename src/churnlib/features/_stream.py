"""A stream: some of the events of a run of customers, such as its orders.

Everything a measure can ask is about rows *before* an edge in time, so a measure cannot
look at the cutoff or beyond it: there is no function to do so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from churnlib.calendar import DAY_US, Duration, timestamps
from churnlib.events._tiles import gather, running
from churnlib.features._raw import NOW
from churnlib.features._run import Run

__all__ = ["Stream"]

Array = npt.NDArray[Any]
Index = npt.NDArray[np.intp]
Ints = npt.NDArray[np.int64]
Made = TypeVar("Made")
Scalar = TypeVar("Scalar", bound=np.generic)


class Stream:
    """Some events of a run of customers: rows by customer, then time.

    Row numbers count the events of this stream. `before` answers the one question every
    measure is made of; results have a row per cutoff and a column per customer.
    """

    def __init__(self, run: Run, parent: Stream | None = None, keep: npt.NDArray[np.bool_] | None = None) -> None:
        self.run = run
        self._parent = parent
        self._before: dict[Duration | None, Index] = {}
        self._shared: dict[tuple[object, ...], Any] = {}
        if parent is None or keep is None:
            self.start = run.start
        else:
            self._rank: Index = running(keep).astype(np.intp, copy=False)
            self._keep = keep
            self.start = self._rank[parent.start]

    # -- the rows ------------------------------------------------------------------------

    def pick(self, column: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """Return the part of a column of the history that belongs to the rows of this stream."""
        return self._narrow(column[self.run.rows])

    def _narrow(self, column: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        return column if self._parent is None else self._parent._narrow(column)[self._rows]

    @cached_property
    def _rows(self) -> Index:
        """Rows of the parent that are kept; counting alone never asks for them."""
        return np.flatnonzero(self._keep)

    @cached_property
    def time(self) -> Ints:
        """Instant of each row."""
        return self.pick(self.run.history.time)

    @cached_property
    def owner(self) -> Index:
        """Customer of each row, numbered within the run."""
        return self._narrow(self.run.owner)

    @cached_property
    def tile(self) -> Index:
        """Tile of each row."""
        return self._narrow(self.run.tile)

    def where(self, keep: npt.NDArray[np.bool_]) -> Stream:
        """Return the stream of the rows that are kept."""
        return Stream(self.run, self, keep)

    def once_per(self, per: str) -> Stream:
        """Return the stream of the first row of each instant or local day."""
        clock = self.time if per == "occasion" else local_days(self.time, self.run.history.timezone)
        keep = np.ones(len(clock), bool)
        keep[1:] = (clock[1:] != clock[:-1]) | (self.owner[1:] != self.owner[:-1])
        return self.where(keep)

    def shared(self, what: str, make: Callable[[], Made], column: Array | None = None, *of: object) -> Made:
        """Return what several measures share, such as the running sum of a column; made once."""
        key = (what, id(column), *of)  # columns belong to the history, which outlives the stream
        if key not in self._shared:
            self._shared[key] = make()
        made: Made = self._shared[key]
        return made

    # -- the one question ----------------------------------------------------------------

    def before(self, back: Duration | None = NOW) -> Index:
        """Return how many rows lie before the instant `back` before each cutoff.

        Parameters
        ----------
        back : Duration or None
            How far before the cutoff; None for the beginning of time.

        Returns
        -------
        ndarray of shape (n_cutoffs, n_customers)
            Number of the first row that does not; shape (1, n_customers) for None.
        """
        if back is None:
            return self.start[None, :]
        if back not in self._before:
            self._before[back] = self._positions(back)
        return self._before[back]

    def _positions(self, back: Duration) -> Index:
        if self._parent is not None:
            return self._rank.take(self._parent.before(back))
        return self.run.plane[self.run.plan.rows_of[back]]

    # -- what several measures are made of -----------------------------------------------

    def sum_before(self, column: npt.NDArray[np.int64], back: Duration | None = NOW) -> Ints:
        """Sum a column of the history over the rows before the instant `back` before each cutoff.

        The sum begins at the first row of the run, so only differences mean something.
        """
        sums = self.shared("running sum", lambda: running(self.pick(column)), column)
        return self.shared("sum before", lambda: gather(sums, self.before(back)), column, back)

    def all_before(self, backs: Iterable[Duration]) -> Index:
        """Add up `before` over many instants, without keeping each of them."""
        total = np.zeros_like(self.before())
        for back in backs:
            if self._parent is not None:
                total += self._rank.take(self._parent.before(back))
                continue
            for row, edge in zip(total, self.run.plan.rows_of[back], strict=True):
                np.add(row, self.run.plane[edge], out=row)
        return total


def local_days(time: Ints, timezone: str) -> Ints:
    """Return the number of the local calendar day of each instant."""
    if timezone != "UTC":
        time = timestamps(time, timezone).tz_localize(None).as_unit("us").asi8
    return np.floor_divide(time, DAY_US)
