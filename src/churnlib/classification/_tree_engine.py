"""Trees of any size, by tables where they are small and by walking where they are not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from churnlib._typing import FloatArray
from churnlib.classification._record import Column
from churnlib.classification._tree_nodes import Trees
from churnlib.classification._tree_reasons import PathReasons
from churnlib.classification._tree_table import PatternTable
from churnlib.classification._tree_walk import TreeWalk

__all__ = ["TreeEngine"]

# rows walked at once: a block of some megabytes for a thousand trees
_BLOCK = 256


class TreeEngine:
    """Sum the leaves of trees for records whose values have been put into bins.

    Trees of at most seven tests each, which is depth 3, the default among them, are looked up in tables,
    some microseconds a row. Larger ones are walked level by level; their contributions are
    worked out leaf by leaf, exact too, in some ten milliseconds for a thousand trees of depth 6.

    Parameters
    ----------
    trees : Trees
        The trees.
    columns : sequence of Column
        What their tests look at.
    dtype : dtype
        In which leaves are summed, tree after tree.
    base : float
        Where the sum begins.
    shapley : bool
        Whether contributions are wanted.
    """

    __slots__ = ("_reasons", "_table", "_walk")

    def __init__(
        self, trees: Trees, columns: Sequence[Column], *, dtype: npt.DTypeLike, base: float, shapley: bool
    ) -> None:
        self._table: PatternTable | None = None
        self._reasons: PathReasons | None = None
        self._walk: TreeWalk | None = None
        if PatternTable.fits(trees, columns):
            self._table = PatternTable(trees, columns, dtype=dtype, base=base, shapley=shapley)
            return
        self._walk = TreeWalk(trees, columns, dtype=dtype, base=base)
        if shapley:
            self._reasons = PathReasons(trees, columns)

    def total(self, places: list[int]) -> float:
        """Return the base plus the leaf of each tree for one row.

        Parameters
        ----------
        places : list of int
            Bins and codes; −1 is a missing value.

        Returns
        -------
        float
            The sum, rounded after each addition.
        """
        if self._table is not None:
            return self._table.total(places)
        assert self._walk is not None
        return self._walk.total(places)

    def totals(self, places: Sequence[list[int]]) -> FloatArray:
        """Return the base plus the leaf of each tree for several rows.

        Parameters
        ----------
        places : sequence of list of int
            Bins and codes of each row.

        Returns
        -------
        ndarray of shape (n_rows,)
            The sums.
        """
        if self._table is not None:
            return np.array([self._table.total(row) for row in places], dtype=np.float64)
        assert self._walk is not None
        rows = np.array(places, dtype=np.int64)
        parts = [self._walk.totals(rows[first : first + _BLOCK]) for first in range(0, len(rows), _BLOCK)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def contributions(self, places: list[int]) -> FloatArray:
        """Return what each column adds to the total of one row, as exact tree Shapley values.

        Parameters
        ----------
        places : list of int
            Bins and codes.

        Returns
        -------
        ndarray of shape (n_columns,)
            They and the trees' own expectation add up to the total.
        """
        if self._table is not None:
            return self._table.contributions(places)
        assert self._walk is not None
        assert self._reasons is not None
        return self._reasons.contributions(self._walk.outcome(np.array(places, dtype=np.int64)))
