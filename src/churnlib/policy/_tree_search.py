"""The best shallow tree of actions, by cumulative sums over binned features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churnlib._typing import FloatArray, IntArray

__all__ = ["Bins", "Node", "bins_of", "grow"]

_BETTER = 1e-10
"""Share of the largest reward by which a split has to gain; less is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Features cut into bins of about equally many rows.

    Parameters
    ----------
    codes : ndarray of shape (n_features, n_rows)
        Bin of each value; 0 for a missing one.
    edges : list of ndarray
        For each feature, the edge above each bin: minus infinity above that of missing values.
    """

    codes: npt.NDArray[np.int16]
    edges: list[FloatArray]

    @property
    def most(self) -> int:
        """Bins of the feature that has the most."""
        return max((edge.size + 1 for edge in self.edges), default=1)


@dataclass(frozen=True, slots=True)
class Node:
    """A leaf with its action, or a split: values up to the threshold, and missing ones, go left.

    Parameters
    ----------
    action : int
        Best action of the node's rows, 0 for none.
    n : int
        Rows.
    reward : float
        Mean reward of that action over them.
    feature, threshold, left, right
        The split; feature -1 and no children in a leaf.
    """

    action: int
    n: int
    reward: float
    feature: int = -1
    threshold: float = np.nan
    left: Node | None = None
    right: Node | None = None


@dataclass(frozen=True, slots=True)
class _Split:
    total: float
    feature: int = -1
    bin: int = -1


def bins_of(X: FloatArray, max_bins: int) -> Bins:
    """Cut each feature; with no more than `max_bins` distinct values between all of them."""
    codes = np.zeros(X.T.shape, dtype=np.int16)
    edges = []
    for feature, column in enumerate(X.T):
        known = column[~np.isnan(column)]
        distinct = np.unique(known)
        if distinct.size > max_bins:
            ranks = np.linspace(0, known.size - 1, max_bins + 1)[1:-1].astype(np.int64)
            low = np.unique(np.partition(known, ranks)[ranks])
            place = np.searchsorted(distinct, low)
            place = place[place < distinct.size - 1]
        else:
            place = np.arange(max(distinct.size - 1, 0))
        # Halfway to the next value: new customers fall between the old ones.
        cuts = 0.5 * distinct[place] + 0.5 * distinct[place + 1] if place.size else np.zeros(0)
        edge = (
            np.concatenate([[-np.inf], np.minimum(cuts, np.nextafter(distinct[place + 1], -np.inf))])
            if (place.size)
            else np.array([-np.inf])
        )
        codes[feature] = np.where(np.isnan(column), 0, np.searchsorted(edge, column, side="left"))
        edges.append(edge)
    return Bins(codes, edges)


def grow(bins: Bins, reward: FloatArray, rows: IntArray, *, depth: int, min_leaf: int) -> Node:
    """Grow a tree: of depth 1 and 2 the best there is on these bins, deeper ones by looking two splits ahead."""
    totals = reward[rows].sum(axis=0)
    action = int(totals.argmax())
    leaf = Node(action, rows.size, float(totals[action]) / max(rows.size, 1))
    if depth == 0 or rows.size < 2 * min_leaf:
        return leaf
    codes, gains = bins.codes[:, rows], reward[rows]
    found = _one(codes, gains, bins.most, min_leaf) if depth == 1 else _two(codes, gains, bins.most, min_leaf)
    if found.feature < 0 or found.total <= totals[action] + _BETTER * float(np.abs(gains).max()) * rows.size:
        return leaf
    left = codes[found.feature] <= found.bin
    return Node(
        leaf.action,
        leaf.n,
        leaf.reward,
        found.feature,
        float(bins.edges[found.feature][found.bin]),
        grow(bins, reward, rows[left], depth=depth - 1, min_leaf=min_leaf),
        grow(bins, reward, rows[~left], depth=depth - 1, min_leaf=min_leaf),
    )


def _one(codes: npt.NDArray[np.int16], reward: FloatArray, size: int, min_leaf: int) -> _Split:
    """Return the best single split."""
    sums = np.stack([_sums(column.astype(np.int64), reward, size) for column in codes])
    split, total = _best_of(sums[None], min_leaf)
    return _Split(float(total[0]), *divmod(int(split[0]), size)) if split[0] >= 0 else _Split(-np.inf)


def _two(codes: npt.NDArray[np.int16], reward: FloatArray, size: int, min_leaf: int) -> _Split:
    """Return the first split of the best tree with two levels of splits."""
    best = _Split(-np.inf)
    for feature, column in enumerate(codes):
        cell = column.astype(np.int64) * size
        # (bins of this feature, features, bins, sums): all trees whose first split is on this feature.
        joint = np.stack([_sums(cell + other, reward, size * size).reshape(size, size, -1) for other in codes], axis=1)
        left = np.cumsum(joint, axis=0)[:-1]
        right = joint.sum(axis=0)[None] - left
        total = _side(left, min_leaf) + _side(right, min_leaf)
        if total.size and total.max() > best.total:
            best = _Split(float(total.max()), feature, int(total.argmax()))
    return best


def _sums(cell: IntArray, reward: FloatArray, size: int) -> FloatArray:
    """Return count and sum of the reward of each action by cell."""
    columns: list[FloatArray] = [np.bincount(cell, minlength=size).astype(np.float64)]
    columns.extend(np.asarray(np.bincount(cell, gain, size), dtype=np.float64) for gain in reward.T)
    return np.stack(columns, axis=-1)


def _side(sums: FloatArray, min_leaf: int) -> FloatArray:
    """Return what a side of a first split earns, split once more or not; minus infinity when it is too small."""
    whole = sums[:, 0].sum(axis=1)
    alone = np.where(whole[:, 0] >= min_leaf, whole[:, 1:].max(axis=1), -np.inf)
    return np.maximum(alone, _best_of(sums, min_leaf)[1])


def _best_of(sums: FloatArray, min_leaf: int) -> tuple[IntArray, FloatArray]:
    """Return for each of many nodes the best split (feature × bins + bin, -1 for none) and what it earns."""
    left = np.cumsum(sums, axis=2)[:, :, :-1]
    right = sums.sum(axis=2)[:, :, None] - left
    fits = (left[..., 0] >= min_leaf) & (right[..., 0] >= min_leaf)
    total = np.where(fits, left[..., 1:].max(axis=-1) + right[..., 1:].max(axis=-1), -np.inf)
    nodes, _, bins = total.shape
    flat = total.reshape(nodes, -1)
    if not flat.shape[1]:
        return np.full(nodes, -1), np.full(nodes, -np.inf)
    place = flat.argmax(axis=1)
    best = flat[np.arange(nodes), place]
    return np.where(np.isfinite(best), place // bins * (bins + 1) + place % bins, -1), best
