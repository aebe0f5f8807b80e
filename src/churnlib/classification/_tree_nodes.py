"""Decision trees of any maker as arrays of nodes, in one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.classification._record import Column
from churnlib.exceptions import DataError, message

__all__ = ["Trees", "frozen"]

_WHOLE = ("roots", "column", "test", "left")
_REAL = ("value", "cover")


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Nodes of many trees, level by level, so that the right child stands next to the left one.

    A test looks at one column of the record. For a number it is a position k in the
    column's thresholds and asks whether the value is at or above ``cuts[k]``; for a
    category it is a position in the column's `sets` and asks whether the code is in
    the set. Yes goes right, no goes left, and a missing value goes where the node says.

    Parameters
    ----------
    roots : ndarray of shape (n_trees,)
        First node of each tree; nodes of a tree are adjacent, and parents come before children.
    column : ndarray of shape (n_nodes,)
        Which column is tested; −1 marks a leaf.
    test : ndarray of shape (n_nodes,)
        Position of the threshold or of the set; 0 at leaves.
    missing_right : ndarray of shape (n_nodes,)
        Whether a missing value goes right.
    left : ndarray of shape (n_nodes,)
        The left child; the right one is the next node. A leaf is its own.
    value : ndarray of shape (n_nodes,)
        What a leaf adds; 0 elsewhere.
    cover : ndarray of shape (n_nodes,)
        Weight of the training rows that came by.
    sets : tuple
        For each column, the sets of codes that go right.

    Examples
    --------
    A stump: at or above the first threshold 0.5, below it −0.5.

    >>> stump = Trees.from_plain(
    ...     {
    ...         "roots": [0],
    ...         "column": [0, -1, -1],
    ...         "test": [0, 0, 0],
    ...         "missing_right": [0, 0, 0],
    ...         "left": [1, 1, 2],
    ...         "value": [0.0, -0.5, 0.5],
    ...         "cover": [10.0, 6.0, 4.0],
    ...         "sets": [[]],
    ...     },
    ...     (Column("orders", None, (2.0,)),),
    ... )
    >>> stump.n_trees, stump.depth
    (1, 1)
    """

    roots: IntArray
    column: IntArray
    test: IntArray
    missing_right: BoolArray
    left: IntArray
    value: FloatArray
    cover: FloatArray
    sets: tuple[tuple[tuple[int, ...], ...], ...]

    @property
    def n_trees(self) -> int:
        """How many trees there are."""
        return len(self.roots)

    @property
    def is_leaf(self) -> BoolArray:
        """Which nodes are leaves."""
        return self.column < 0

    @property
    def tree(self) -> IntArray:
        """The tree of each node."""
        return np.repeat(np.arange(self.n_trees), np.diff(np.append(self.roots, len(self.column))))

    @property
    def depth(self) -> int:
        """Number of tests on the longest way."""
        level = np.zeros(len(self.column), dtype=np.int64)
        inner = np.flatnonzero(~self.is_leaf)
        # parents come first, so that one pass over the nodes is enough
        for node, child in zip(inner.tolist(), self.left[inner].tolist(), strict=True):
            level[child] = level[child + 1] = level[node] + 1
        return int(level.max(initial=0))

    def goes_right(self, place: int, size: int) -> tuple[IntArray, BoolArray]:
        """Return where each test of a column sends each of its values.

        Parameters
        ----------
        place : int
            Position of the column.
        size : int
            Number of bins or categories.

        Returns
        -------
        nodes : ndarray of shape (k,)
            The nodes that test the column.
        right : ndarray of shape (size + 1, k)
            True = right; the last row is the missing value, so that −1 finds it.
        """
        nodes = np.flatnonzero(self.column == place)
        test = self.test[nodes]
        right = np.zeros((size + 1, len(nodes)), dtype=bool)
        if self.sets[place]:
            member = np.zeros((size, len(self.sets[place])), dtype=bool)
            for position, codes in enumerate(self.sets[place]):
                member[list(codes), position] = True
            right[:size] = member[:, test]
        else:
            right[:size] = np.arange(size)[:, None] > test
        right[size] = self.missing_right[nodes]
        return nodes, right

    def to_plain(self) -> dict[str, Any]:
        """Return the nodes as lists, for JSON.

        Returns
        -------
        dict
            What `from_plain` reads.
        """
        plain = {name: getattr(self, name).tolist() for name in (*_WHOLE, *_REAL)}
        plain["missing_right"] = self.missing_right.astype(int).tolist()
        plain["sets"] = [[list(codes) for codes in sets] for sets in self.sets]
        return plain

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], columns: Sequence[Column]) -> Trees:
        """Read what `to_plain` returned.

        Parameters
        ----------
        plain : mapping
            Lists by name.
        columns : sequence of Column
            What the tests look at.

        Returns
        -------
        Trees
            Checked, with read-only arrays.

        Raises
        ------
        DataError
            If a node points to a child, a column or a test that does not exist.
        """
        lists: dict[str, Any] = {name: np.array(plain[name], dtype=np.int64) for name in _WHOLE}
        lists |= {name: np.array(plain[name], dtype=np.float64) for name in _REAL}
        lists["missing_right"] = np.array(plain["missing_right"], dtype=bool)
        sets = tuple(tuple(tuple(int(code) for code in codes) for codes in sets) for sets in plain["sets"])
        trees = cls(sets=sets, **{name: frozen(array) for name, array in lists.items()})
        trees._check(columns)
        return trees

    def _check(self, columns: Sequence[Column]) -> None:
        node = np.arange(len(self.column))
        inner = ~self.is_leaf
        many = len({len(getattr(self, name)) for name in ("column", "test", "left", "value", "cover", "missing_right")})
        starts = np.append(self.roots, len(node))
        if many > 1 or not len(self.roots) or starts[0] != 0 or (np.diff(starts) < 1).any():
            raise _broken("its lists differ in length, or a tree has no node")
        last = starts[1:][self.tree] - 1
        if (self.left[inner] <= node[inner]).any() or (self.left[inner] >= last[inner]).any():
            raise _broken("a node names a child that is not below it")
        tests = np.array(
            [len(self.sets[place]) or len(column.cuts) for place, column in enumerate(columns)], dtype=np.int64
        )
        if (self.column >= len(columns)).any() or (self.test[inner] >= tests[self.column[inner]]).any():
            raise _broken("a node names a column or a threshold that is not there")
        if not (np.isfinite(self.value).all() and np.isfinite(self.cover).all()):
            raise _broken("a leaf has no value, or a node no cover")
        if (self.column < -1).any() or (self.test < 0).any() or (self.left[~inner] != node[~inner]).any():
            raise _broken("a leaf has a test or a child")
        for column, sets in zip(columns, self.sets, strict=True):
            if any(not 0 <= code < column.size for codes in sets for code in codes):
                raise _broken(f"a set of {column.name!r} names a category that is not there")


def frozen(array: Any) -> Any:
    """Return an array that nobody can write to: threads share it.

    Parameters
    ----------
    array : ndarray
        Any array; it is marked itself, and not copied.

    Returns
    -------
    ndarray
        The same.

    Examples
    --------
    >>> frozen(np.zeros(2)).flags.writeable
    False
    """
    array.setflags(write=False)
    return array


def _broken(how: str) -> DataError:
    return DataError(
        message(f"the trees cannot be read: {how}", "trees as to_json() writes them", "compile and write them again")
    )
