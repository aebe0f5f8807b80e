"""Large trees, walked all at once, level by level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.classification._record import Column
from churnlib.classification._tree_nodes import Trees, frozen

__all__ = ["TreeWalk"]


class TreeWalk:
    """Score trees of any size: each level of all trees is one step.

    A test is a strip of outcomes, one for each bin or category of its column with the
    missing value in front, so that numbers and categories are walked alike. All
    thresholds share one strip, each from its own start.

    Parameters
    ----------
    trees : Trees
        The trees.
    columns : sequence of Column
        What their tests look at.
    dtype : dtype
        In which leaves are summed, tree after tree: float32 as xgboost does it, float64 as scikit-learn.
    base : float
        Where the sum begins.

    Examples
    --------
    >>> columns = (Column("orders", None, (2.0,)),)
    >>> lists = {"roots": [0], "column": [0, -1, -1], "test": [0, 0, 0], "missing_right": [1, 0, 0]}
    >>> more = {"left": [1, 1, 2], "value": [0.0, -0.5, 0.5], "cover": [10.0, 6.0, 4.0], "sets": [[]]}
    >>> walk = TreeWalk(Trees.from_plain(lists | more, columns), columns, dtype=np.float64, base=0.0)
    >>> walk.totals(np.array([[0], [1], [-1]])).tolist()
    [-0.5, 0.5, 0.5]
    """

    __slots__ = ("_above", "_base", "_depth", "_left", "_roots", "_slot", "_start", "_strip", "_value")

    def __init__(self, trees: Trees, columns: Sequence[Column], *, dtype: npt.DTypeLike, base: float) -> None:
        self._depth = trees.depth
        self._left = frozen(trees.left.copy())
        self._roots = frozen(trees.roots.copy())
        self._value = frozen(trees.value.astype(dtype))
        self._base = self._value.dtype.type(base)
        # the bin that stands for "missing, and goes right": above every threshold
        self._above = max((column.size for column in columns), default=1) + 1
        strips = [np.repeat(np.array([0, 1], dtype=np.int64), self._above + 2)]
        begin = len(strips[0])
        # twice as many slots as columns: a missing value is below, or above, all thresholds
        slot = np.where(trees.is_leaf, 0, 2 * trees.column + trees.missing_right)
        # of numbers, bin b of test k reads position start + b: 1 iff b > k
        # a leaf, which is its own left child, reads a 0 whatever the bin, and stays where it is
        start = np.where(trees.is_leaf, 1, self._above + 1 - trees.test)
        for place, column in enumerate(columns):
            if not trees.sets[place]:
                continue
            nodes, right = trees.goes_right(place, column.size)
            unique, strip = np.unique(right, axis=1, return_inverse=True)
            # −1 is the missing value: it reads the place before the first category
            strips.append(np.concatenate([unique[-1:], unique[:-1]]).T.astype(np.int64).ravel())
            start[nodes] = begin + 1 + strip.ravel() * (column.size + 1)
            slot[nodes] = 2 * place
            begin += len(strips[-1])
        self._strip = frozen(np.concatenate(strips))
        self._slot = frozen(slot)
        self._start = frozen(start)

    def _bins(self, places: IntArray) -> IntArray:
        """Return the bins of each row twice: a missing value is −1, and above every threshold."""
        bins = np.repeat(places, 2, axis=1)
        bins[:, 1::2][places < 0] = self._above
        return bins

    def total(self, places: list[int]) -> float:
        """Return the base plus the leaf of each tree for one row.

        Parameters
        ----------
        places : list of int
            Bins and codes; −1 is a missing value.

        Returns
        -------
        float
            As `totals`, with fewer steps a level.
        """
        bins = self._bins(np.array([places]))[0]
        node: Any = self._roots
        for _ in range(self._depth):
            bin_ = bins.take(self._slot.take(node))
            node = self._left.take(node) + self._strip.take(self._start.take(node) + bin_)
        return float(self._summed(self._value.take(node)[None])[0])

    def _summed(self, leaves: Any) -> Any:
        leaves[:, 0] += self._base
        # accumulate adds in order, which sum() does not promise
        return np.add.accumulate(leaves, axis=1)[:, -1].astype(np.float64)

    def totals(self, places: IntArray) -> FloatArray:
        """Return the base plus the leaf of each tree, for each row.

        Parameters
        ----------
        places : ndarray of shape (n_rows, n_columns)
            Bins and codes; −1 is a missing value.

        Returns
        -------
        ndarray of shape (n_rows,)
            The sums, rounded after each addition as the engine rounds them.
        """
        bins = self._bins(places)
        flat = bins.ravel()
        first = (np.arange(len(bins)) * bins.shape[1])[:, None]
        node = np.repeat(self._roots[None], len(bins), axis=0)
        for _ in range(self._depth):
            bin_ = flat.take(self._slot.take(node) + first)
            node = self._left.take(node) + self._strip.take(self._start.take(node) + bin_)
        summed: FloatArray = self._summed(self._value.take(node))
        return summed

    def outcome(self, places: IntArray) -> BoolArray:
        """Return where every test sends one row.

        Parameters
        ----------
        places : ndarray of shape (n_columns,)
            Bins and codes; −1 is a missing value.

        Returns
        -------
        ndarray of shape (n_nodes,)
            True = right; leaves are False.
        """
        bins = self._bins(places[None])[0]
        right: BoolArray = self._strip.take(self._start + bins.take(self._slot)).astype(bool)
        return right
