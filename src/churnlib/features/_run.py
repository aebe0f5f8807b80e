"""A run of customers: few enough that all about them fits into the processor's cache."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from churnlib.events._tiles import positions
from churnlib.features._history import History
from churnlib.features._plan import Plan

__all__ = ["Run"]

Index = npt.NDArray[np.intp]


class Run:
    """Events of a run of customers, and the row at which each edge in time falls.

    Parameters
    ----------
    history : History
        Events of all customers.
    plan : Plan
        Cutoffs and the edges the measures need.
    first, stop : int
        The run: customers ``first <= code < stop``.

    Attributes
    ----------
    rows : slice
        Rows of the history that belong to the run.
    start : ndarray of shape (n_customers,)
        First row of each customer, counted within the run.
    owner, tile : ndarray of shape (n_rows,)
        Customer of each row, numbered within the run, and the tile it falls into.
    plane : ndarray of shape (n_edges, n_customers)
        First row at or after each edge.
    """

    __slots__ = ("history", "n_customers", "owner", "plan", "plane", "rows", "start", "tile")

    def __init__(self, history: History, plan: Plan, first: int, stop: int) -> None:
        self.history, self.plan = history, plan
        self.n_customers = stop - first
        self.rows = slice(int(history.offsets[first]), int(history.offsets[stop]))
        self.start: Index = (history.offsets[first:stop] - self.rows.start).astype(np.intp)
        length = np.diff(history.offsets[first : stop + 1])
        self.owner: Index = np.repeat(np.arange(self.n_customers, dtype=np.intp), length)
        self.tile: Index = plan.tiling.tile(history.time[self.rows])
        self.plane: Index = positions(self.tile, self.owner, self.start, len(plan.tiling.edges))
