"""Trees of other makers, gathered node by node and put into one form."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Gatherer", "Node"]


@dataclass(frozen=True, slots=True)
class Node:
    """A node as its maker tells it.

    Parameters
    ----------
    value : float
        What it adds, if it is a leaf.
    cover : float
        Weight of the training rows that came by.
    column : int
        Which column is tested; −1 for a leaf.
    test : float or frozenset of int
        For a number, the smallest value that goes right; for a category, the codes that go right.
    missing_right : bool
        Whether a missing value goes right.
    left, right : int
        The maker's names of the children.
    """

    value: float
    cover: float
    column: int = -1
    test: float | frozenset[int] = 0.0
    missing_right: bool = False
    left: int = -1
    right: int = -1


@dataclass(slots=True)
class Gatherer:
    """Collect the nodes of many trees, each level by level from its root.

    Parameters
    ----------
    n_columns : int
        How many columns a record has.
    nodes : list of Node
        All nodes so far.
    children : list of int
        For each its left child; the right one is the next node.
    roots : list of int
        First node of each tree.
    """

    n_columns: int
    nodes: list[Node] = field(default_factory=list)
    children: list[int] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)

    def add(self, node_of: Callable[[int], Node]) -> None:
        """Add a tree.

        Parameters
        ----------
        node_of : callable
            Returns the node of a name; the root is 0.
        """
        self.roots.append(len(self.nodes))
        waiting = deque([0])
        reached = len(self.nodes) + 1
        while waiting:
            node = node_of(waiting.popleft())
            self.nodes.append(node)
            if node.column < 0:
                self.children.append(len(self.nodes) - 1)
            else:
                waiting.extend((node.left, node.right))
                self.children.append(reached)
                reached += 2

    def plain(self) -> tuple[dict[str, Any], list[list[float]]]:
        """Return the trees as lists, and the thresholds of each column.

        Returns
        -------
        trees : dict
            What ``Trees.from_plain`` reads.
        cuts : list of list of float
            All thresholds of each column, ascending.
        """
        found: list[set[Any]] = [set() for _ in range(self.n_columns)]
        for node in self.nodes:
            if node.column >= 0:
                found[node.column].add(node.test)
        tests = [sorted(column, key=_order) for column in found]
        position = [{test: k for k, test in enumerate(column)} for column in tests]
        inner = [node.column >= 0 for node in self.nodes]
        trees = {
            "roots": self.roots,
            "column": [node.column for node in self.nodes],
            "test": [position[node.column][node.test] if node.column >= 0 else 0 for node in self.nodes],
            "missing_right": [int(node.missing_right) for node in self.nodes],
            "left": self.children,
            "value": [0.0 if is_inner else node.value for node, is_inner in zip(self.nodes, inner, strict=True)],
            "cover": [node.cover for node in self.nodes],
            "sets": [[sorted(test) for test in column if isinstance(test, frozenset)] for column in tests],
        }
        return trees, [[test for test in column if not isinstance(test, frozenset)] for column in tests]


def _order(test: float | frozenset[int]) -> list[float]:
    return sorted(test) if isinstance(test, frozenset) else [test]
