"""Exact contributions of columns to the value of trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.classification._record import Column
from churnlib.classification._tree_nodes import Trees, frozen

__all__ = ["LeafPaths", "PathReasons", "leaf_shapley"]


def leaf_shapley(satisfied: BoolArray, share: FloatArray, value: FloatArray) -> FloatArray:
    r"""Return what each column of a leaf's path contributes to the value of its tree.

    Let a leaf of value v be reached through tests of m distinct columns. For column i,
    :math:`o_i` is 1 if the row passes all its tests on the path and 0 if not, and
    :math:`z_i` is the share of the training rows that pass them, the product of the
    cover ratios. A tree that knows only the columns S puts the leaf's weight at
    :math:`\prod_{i \in S} o_i \prod_{i \notin S} z_i`, and the Shapley value of that game is

    .. math::
        \phi_i = v\,(o_i - z_i) \sum_{S \not\ni i} \frac{|S|!\,(m - 1 - |S|)!}{m!}
                 \prod_{j \in S} o_j \prod_{j \notin S,\, j \ne i} z_j
               = v\,(o_i - z_i) \int_0^1 \prod_{j \ne i} \bigl(t\,o_j + (1 - t)\,z_j\bigr)\,dt,

    because :math:`\int_0^1 t^s (1 - t)^{m - 1 - s} dt = s!\,(m - 1 - s)!/m!`. The integrand is a
    polynomial of degree m − 1, which Gauss–Legendre quadrature of ⌈m/2⌉ points integrates
    exactly. Columns that are not on the path have o = z = 1 and contribute nothing.

    Parameters
    ----------
    satisfied : ndarray of shape (m, ...)
        The o of each column.
    share : ndarray of shape (m, ...)
        The z of each column.
    value : ndarray of shape (...)
        Value of each leaf.

    Returns
    -------
    ndarray of shape (m, ...)
        Contributions; over columns they sum to :math:`v(\prod o_i - \prod z_i)`.

    References
    ----------
    Lundberg et al. (2020), From local explanations to global understanding with
    explainable AI for trees, Nature Machine Intelligence 2, algorithm 1 (the game) and 2.

    Examples
    --------
    >>> leaf_shapley(np.array([True, False]), np.array([0.5, 0.25]), np.array(8.0)).tolist()
    [0.5, -1.5]
    """
    point, weight = np.polynomial.legendre.leggauss(-(-len(share) // 2))
    inner = np.zeros(np.broadcast_shapes(satisfied.shape, share.shape))
    for t, w in zip((point + 1.0) / 2.0, weight / 2.0, strict=True):
        inner += w * _product_of_others(np.where(satisfied, t, 0.0) + (1.0 - t) * share)
    moved: FloatArray = value * (satisfied - share) * inner
    return moved


def _product_of_others(factor: FloatArray) -> FloatArray:
    """Multiply all but the own factor along the first axis, without dividing."""
    result = np.ones_like(factor)
    for place in range(1, len(factor)):
        result[place] = result[place - 1] * factor[place - 1]
    after = np.ones_like(factor[0])
    for place in range(len(factor) - 2, -1, -1):
        after = after * factor[place + 1]
        result[place] *= after
    return result


@dataclass(frozen=True, slots=True, eq=False)
class LeafPaths:
    """The way to each leaf, tests of the same column taken together.

    Parameters
    ----------
    tree : ndarray of shape (n_leaves,)
        Tree of the leaf.
    value : ndarray of shape (n_leaves,)
        What the leaf adds.
    column : ndarray of shape (length, n_leaves)
        The distinct columns, each at its first place; −1 where a place is not used.
    share : ndarray of shape (length, n_leaves)
        Share of the training rows that pass the column's tests; 1 where a place is not used.
    node, right : ndarray of shape (length, n_leaves)
        The tests from the leaf upwards, and the side that leads to it.
    place : ndarray of shape (length, n_leaves)
        Where the column of each test stands in `column`; −1 beyond the root.
    """

    tree: IntArray
    value: FloatArray
    column: IntArray
    share: FloatArray
    node: IntArray
    right: BoolArray
    place: IntArray

    @classmethod
    def of(cls, trees: Trees) -> LeafPaths:
        """Climb from every leaf to its root.

        Parameters
        ----------
        trees : Trees
            The trees.

        Returns
        -------
        LeafPaths
            Read-only arrays.
        """
        inner = np.flatnonzero(~trees.is_leaf)
        parent = np.full(len(trees.column), -1)
        parent[trees.left[inner]] = parent[trees.left[inner] + 1] = inner
        leaf = np.flatnonzero(trees.is_leaf)
        length = max(trees.depth, 1)
        node = np.full((length, len(leaf)), -1)
        right = np.zeros((length, len(leaf)), dtype=bool)
        share = np.ones((length, len(leaf)))
        below = leaf
        for step in range(length):
            above = np.where(below >= 0, parent[below], -1)
            node[step] = above
            right[step] = (above >= 0) & (below != trees.left[above])
            whole = np.where(above >= 0, trees.cover[above], 1.0)
            part = np.where(above >= 0, trees.cover[below], 1.0)
            # nobody came by: both sides share alike nothing
            share[step] = np.divide(part, whole, out=np.zeros(len(leaf)), where=whole > 0)
            below = above
        tested = np.where(node >= 0, trees.column[node], -1)
        first = (tested[:, None, :] == tested[None, :, :]).argmax(axis=1)
        place = np.where(node >= 0, first, -1)
        column = np.where(place == np.arange(length)[:, None], tested, -1)
        joined = np.ones_like(share)
        for step in range(length):
            joined[first[step], np.arange(len(leaf))] *= np.where(node[step] >= 0, share[step], 1.0)
        arrays = (trees.tree[leaf], trees.value[leaf], column, joined, node, right, place)
        return cls(*(frozen(array) for array in arrays))

    def satisfied(self, outcome: BoolArray) -> BoolArray:
        """Return which columns of each leaf a row passes.

        Parameters
        ----------
        outcome : ndarray of shape (n_nodes, ...)
            Whether each test sends the row right.

        Returns
        -------
        ndarray of shape (length, n_leaves, ...)
            True where all tests of the column lead towards the leaf, and where there is no test.
        """
        length, leaves = self.node.shape
        result = np.ones((length, leaves, *outcome.shape[1:]), dtype=bool)
        for step in range(length):
            used = np.flatnonzero(self.place[step] >= 0)
            right = self.right[step, used].reshape(-1, *[1] * (outcome.ndim - 1))
            result[self.place[step, used], used] &= outcome[self.node[step, used]] == right
        return result


class PathReasons:
    """Contributions of trees that are too large for tables: every leaf is worked out for every row.

    Parameters
    ----------
    trees : Trees
        The trees.
    columns : sequence of Column
        What their tests look at.
    """

    __slots__ = ("_columns", "_paths", "_slot")

    def __init__(self, trees: Trees, columns: Sequence[Column]) -> None:
        self._columns = len(columns)
        self._paths = LeafPaths.of(trees)
        self._slot = frozen(np.where(self._paths.column < 0, self._columns, self._paths.column).ravel())

    def contributions(self, outcome: BoolArray) -> FloatArray:
        """Return what each column adds to the total, as exact tree Shapley values.

        Parameters
        ----------
        outcome : ndarray of shape (n_nodes,)
            Whether each test sends the row right.

        Returns
        -------
        ndarray of shape (n_columns,)
            They and the trees' own expectation add up to the total.
        """
        moved = leaf_shapley(self._paths.satisfied(outcome), self._paths.share, self._paths.value)
        summed: Any = np.bincount(self._slot, weights=moved.ravel(), minlength=self._columns + 1)[:-1]
        return np.asarray(summed, dtype=np.float64)
