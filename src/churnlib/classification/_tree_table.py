"""Small trees as tables: where all tests of a tree end is looked up, and nothing is walked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import getitem, or_
from typing import Any

import numpy as np
import numpy.typing as npt

from churnlib._typing import FloatArray, IntArray
from churnlib.classification._record import Column
from churnlib.classification._tree_nodes import Trees, frozen
from churnlib.classification._tree_reasons import LeafPaths, leaf_shapley

__all__ = ["PatternTable"]

# the complete tree of depth 3; the pattern of a tree's tests must fit into one byte
_MOST_TESTS = 7
_MOST_BYTES = 2**24


class PatternTable:
    """Score and explain trees of at most seven tests by looking patterns up.

    Each bin of each column knows the outcome of every test that looks at it, as one
    long integer of a byte a tree. The or of these integers over the columns is the
    pattern of all tests of all trees. Tables made once say, for each tree and
    pattern, the leaf's value and the contribution of each of the tree's columns.

    Parameters
    ----------
    trees : Trees
        See `fits`.
    columns : sequence of Column
        What the tests look at.
    dtype : dtype
        In which leaves are summed, tree after tree: float32 as xgboost does it, float64 as scikit-learn.
    base : float
        Where the sum begins.
    shapley : bool
        Whether tables of contributions are wanted.

    Examples
    --------
    >>> columns = (Column("orders", None, (2.0,)),)
    >>> lists = {"roots": [0], "column": [0, -1, -1], "test": [0, 0, 0], "missing_right": [0, 0, 0]}
    >>> more = {"left": [1, 1, 2], "value": [0.0, -0.5, 0.5], "cover": [10.0, 6.0, 4.0], "sets": [[]]}
    >>> table = PatternTable(Trees.from_plain(lists | more, columns), columns, dtype=np.float64, base=0.0, shapley=True)
    >>> table.total([1]), table.contributions([1]).round(2).tolist()
    (0.5, [0.6])
    """

    __slots__ = ("_columns", "_masks", "_shapley", "_slot", "_start", "_value", "_width")

    def __init__(
        self, trees: Trees, columns: Sequence[Column], *, dtype: npt.DTypeLike, base: float, shapley: bool
    ) -> None:
        bit = _bits(trees)
        patterns = 2 ** int(bit.max(initial=0) + 1)
        self._columns = len(columns)
        self._width = trees.n_trees
        self._start = frozen(np.arange(trees.n_trees) * patterns)
        self._masks = tuple(_masks(trees, bit, place, column.size) for place, column in enumerate(columns))
        value = _values(trees, bit, patterns).astype(dtype)
        # the engine adds tree after tree to the base: the first sum is made here
        value[0] += value.dtype.type(base)
        self._value = frozen(value.ravel())
        self._shapley: FloatArray | None = None
        self._slot: IntArray | None = None
        if shapley:
            self._shapley, self._slot = _contributions(trees, bit, patterns, len(columns))

    @staticmethod
    def fits(trees: Trees, columns: Sequence[Column]) -> bool:
        """Say whether the trees are small enough for tables, and the tables for the memory.

        Parameters
        ----------
        trees : Trees
            The trees.
        columns : sequence of Column
            What they test.

        Returns
        -------
        bool
            True if no tree has more than seven tests and the tables stay below 16 MB each.
        """
        tests = np.bincount(trees.tree[~trees.is_leaf], minlength=trees.n_trees)
        most = int(tests.max(initial=0))
        if most > _MOST_TESTS:
            return False
        masks = trees.n_trees * sum(column.size + 1 for column in columns)
        return bool(max(masks, trees.n_trees * 2**most * most * 8) <= _MOST_BYTES)

    def _patterns(self, places: list[int]) -> Any:
        whole = reduce(or_, map(getitem, self._masks, places))
        # little-endian: the byte of tree 0 comes first
        return np.add(np.frombuffer(whole.to_bytes(self._width, "little"), dtype=np.uint8), self._start)

    def total(self, places: list[int]) -> float:
        """Return the base plus the leaf of each tree, added one after another.

        Parameters
        ----------
        places : list of int
            Bins and codes of one record.

        Returns
        -------
        float
            The sum, rounded after each addition as the engine rounds it.
        """
        # accumulate adds in order, which sum() does not promise
        return float(np.add.accumulate(self._value.take(self._patterns(places)))[-1])

    def contributions(self, places: list[int]) -> FloatArray:
        """Return what each column adds to the total, as exact tree Shapley values.

        Parameters
        ----------
        places : list of int
            Bins and codes of one record.

        Returns
        -------
        ndarray of shape (n_columns,)
            They and the trees' own expectation add up to the total.
        """
        assert self._shapley is not None
        assert self._slot is not None
        moved = self._shapley.take(self._patterns(places), axis=0)
        summed: Any = np.bincount(self._slot, weights=moved.ravel(), minlength=self._columns + 1)[:-1]
        return np.asarray(summed, dtype=np.float64)


def _bits(trees: Trees) -> IntArray:
    """Return which bit of its tree's byte tells the outcome of each test; −1 at leaves."""
    inner = ~trees.is_leaf
    before: IntArray = np.cumsum(inner) - inner
    return np.where(inner, before - before[trees.roots][trees.tree], -1)


def _masks(trees: Trees, bit: IntArray, place: int, size: int) -> tuple[int, ...]:
    """Return, for each bin and last for the missing value, the outcomes of all tests of the column."""
    nodes, right = trees.goes_right(place, size)
    tree = trees.tree[nodes]
    masks = np.zeros((size + 1, trees.n_trees), dtype=np.uint8)
    for position in range(_MOST_TESTS):
        here = bit[nodes] == position
        # a test has its own byte and bit, so that no two write to the same one
        masks[:, tree[here]] |= right[:, here].astype(np.uint8) << position
    return tuple(int.from_bytes(row.tobytes(), "little") for row in masks)


def _values(trees: Trees, bit: IntArray, patterns: int) -> FloatArray:
    """Return the value of the leaf that each pattern of each tree ends in."""
    node = np.repeat(trees.roots[:, None], patterns, axis=1)
    pattern = np.arange(patterns)
    for _ in range(trees.depth):
        right = (pattern >> np.maximum(bit[node], 0)) & 1
        node = trees.left[node] + np.where(trees.is_leaf[node], 0, right)
    value: FloatArray = trees.value[node]
    return value


def _contributions(trees: Trees, bit: IntArray, patterns: int, n_columns: int) -> tuple[FloatArray, IntArray]:
    """Return the contributions of each pattern of each tree, and to which columns they belong."""
    paths = LeafPaths.of(trees)
    length = len(paths.share)
    # all ways to satisfy the columns of a leaf, and what each column then contributes
    ways = (np.arange(2**length) >> np.arange(length)[:, None]) & 1 == 1
    table = leaf_shapley(ways[:, None], paths.share[:, :, None], paths.value[:, None])
    outcome = (np.arange(patterns) >> np.maximum(bit, 0)[:, None]) & 1 == 1
    way = np.tensordot(1 << np.arange(length), paths.satisfied(outcome), axes=1)
    moved = np.take_along_axis(table, way[None], axis=2)
    # the distinct columns of a tree, numbered, and summed over its leaves
    tree = np.tile(paths.tree, length)
    key, number = np.unique(np.stack([tree, paths.column.ravel()]), axis=1, return_inverse=True)
    rank = np.arange(key.shape[1]) - np.searchsorted(key[0], key[0])
    slots = int(rank.max(initial=0)) + 1
    target = (paths.tree[:, None] * patterns + np.arange(patterns)) * slots
    target = target + rank[number.ravel()].reshape(length, -1, 1)
    size = trees.n_trees * patterns * slots
    summed = np.bincount(target.ravel(), weights=moved.ravel(), minlength=size).reshape(-1, slots)
    slot = np.full((trees.n_trees, slots), n_columns, dtype=np.int64)
    slot[key[0], rank] = np.where(key[1] < 0, n_columns, key[1])
    return frozen(summed), frozen(slot.ravel())
