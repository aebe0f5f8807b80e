"""One descending sort with its tied blocks, shared by every metric that ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from churnlib._typing import ArrayLike, FloatArray, IntArray
from churnlib.exceptions import DataError, message, some

__all__ = ["TiedOrder", "descending_order"]

_MOST_REPAIRED = 0.1
"""The share of rows up to which a packed order is repaired; beyond it, sorting anew is faster."""


@dataclass(frozen=True, slots=True, eq=False, init=False)
class TiedOrder:
    """Rows from the highest score to the lowest, with equal scores held together.

    A sort puts equal scores in some order, and a metric that reads that order
    changes when the rows are shuffled. Sums over whole tied blocks do not: rank
    once, then ask for `block_sums` of as many weightings as you like.

    Parameters
    ----------
    scores : array-like of shape (n_rows,)
        Any numbers, infinities included; -0.0 equals 0.0.

    Attributes
    ----------
    order : array of shape (n_rows,)
        Row positions, highest score first.
    starts : array of shape (n_blocks,)
        Where each tied block starts in `order`.
    scores : array of shape (n_blocks,)
        The score of each block, strictly descending.

    Raises
    ------
    DataError
        If the scores are not one-dimensional, or one of them is NaN.

    Examples
    --------
    >>> ranked = TiedOrder([0.2, 0.9, 0.2])
    >>> ranked.scores, ranked.block_sums(np.array([10, 1, 5]))
    (array([0.9, 0.2]), array([ 1, 15]))
    """

    order: IntArray
    starts: IntArray
    scores: FloatArray

    def __init__(self, scores: ArrayLike) -> None:
        values = np.asarray(scores, dtype=np.float64)
        if values.ndim != 1:
            raise DataError(message(f"scores have shape {values.shape}", "one number for each row"))
        missing = np.flatnonzero(np.isnan(values))
        if missing.size:
            raise DataError(
                message(
                    f"{missing.size} of {values.size} scores are NaN (rows {some(missing)})",
                    "every row needs a score to be ranked",
                    "score every row, or leave these rows out on purpose and say so",
                )
            )
        order = descending_order(values)
        ranked = values[order]
        new_block = np.ones(ranked.size, dtype=bool)
        new_block[1:] = ranked[1:] != ranked[:-1]
        starts = np.flatnonzero(new_block)
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "starts", starts)
        object.__setattr__(self, "scores", ranked[starts])

    @property
    def n_rows(self) -> int:
        """How many rows were ranked."""
        return int(self.order.size)

    @property
    def n_blocks(self) -> int:
        """How many different scores there are."""
        return int(self.starts.size)

    def block_sums(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Sum one number per row over each tied block.

        Parameters
        ----------
        values : array of shape (n_rows,)
            In the order of the rows, not of the ranks.

        Returns
        -------
        array of shape (n_blocks,)
            Highest score first. Whole numbers are summed exactly, whatever the
            order of the rows.

        Examples
        --------
        >>> TiedOrder([1.0, 1.0, 0.5]).block_sums(np.array([1.0, 0.0, 1.0]))
        array([1., 1.])
        """
        ranked = values[self.order]
        if self.n_blocks == self.n_rows:
            return ranked
        return np.add.reduceat(ranked, self.starts)


def descending_order(values: FloatArray) -> IntArray:
    """Return row positions from the highest value to the lowest, equal values in the order of the rows.

    It is ``np.argsort(-values, kind="stable")``, several times as fast: a sort of plain whole
    numbers runs in vector registers, a sort of positions does not.

    Parameters
    ----------
    values : array of shape (n_rows,)
        Any numbers but NaN; -0.0 equals 0.0.

    Returns
    -------
    array of shape (n_rows,)
        Positions, as int64.

    Notes
    -----
    The bits of a float order like a whole number, once those of negative floats are turned round.
    The lowest of them make room for the position of the row. Values that differ in those
    bits only (one part in 2³² for a million rows) may come out in the order of the rows; they are
    found by a look at the sorted values, and put right.

    Examples
    --------
    >>> descending_order(np.array([0.2, 0.9, -1.0, 0.9]))
    array([1, 3, 0, 2])
    """
    for_position = max(1, (values.size - 1).bit_length())
    mask = np.int64((1 << for_position) - 1)
    key = (values + 0.0).view(np.int64)  # -0.0 + 0.0 is 0.0
    key ^= (key >> 63) & np.int64(np.iinfo(np.int64).max)
    np.invert(key, out=key)
    key &= ~mask
    key |= np.arange(values.size, dtype=np.int64)
    key.sort()
    order: IntArray = key & mask
    ranked = values[order]
    rising = np.flatnonzero(ranked[1:] > ranked[:-1])
    if not rising.size:
        return order
    # Rows that share the bits kept stand together: the first and the last of each such run.
    runs = np.unique(key[rising] & ~mask)
    first, end = np.searchsorted(key, runs), np.searchsorted(key, runs | mask, side="right")
    length = end - first
    if length.sum() > _MOST_REPAIRED * values.size:
        return np.argsort(-values, kind="stable")
    run_of = np.repeat(np.arange(runs.size), length)
    rows = np.arange(run_of.size) + (first - np.cumsum(length) + length)[run_of]
    place = order[rows]
    order[rows] = place[np.lexsort((place, -values[place], run_of))]
    return order
