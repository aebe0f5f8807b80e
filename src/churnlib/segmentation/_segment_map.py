"""A name for every combination of scores, checked to be one and only one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from churnlib._typing import Array, BoolArray, FloatArray, IntArray
from churnlib.exceptions import ParameterError, ParameterTypeError, message, some

__all__ = ["STANDARD_GRID", "Axes", "SegmentMap", "map_from_cells", "map_of_standard_grid", "score_label"]

Axes: TypeAlias = tuple[tuple[str, ...], ...]
"""The columns of each axis: one, or several of which the rounded mean counts."""

MOST_CELLS = 100_000
"""More combinations than anybody can have named on purpose."""

_ROWS = {
    5: ("New Customers", "Potential Loyalist", "Potential Loyalist", "Champions", "Champions"),
    4: ("Promising", "Potential Loyalist", "Potential Loyalist", "Loyal", "Loyal"),
    3: ("About to Sleep", "About to Sleep", "Needs Attention", "Loyal", "Loyal"),
    2: ("Hibernating", "Hibernating", "At Risk", "At Risk", "Can't Lose Them"),
    1: ("Lost", "Lost", "At Risk", "At Risk", "Can't Lose Them"),
}

STANDARD_GRID: Mapping[tuple[int, int], str] = MappingProxyType(
    {(r, f): name for r, names in _ROWS.items() for f, name in enumerate(names, start=1)}
)
"""Eleven names for the 5 × 5 scores of recency and frequency."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentMap:
    """Every combination of scores with its segment.

    Parameters
    ----------
    axes : tuple of tuple of str
        The columns of each axis.
    shape : tuple of int
        The number of scores of each axis.
    names : tuple of str
        The segments, best first (see `map_of_names`).
    cells : array of shape `shape`
        Position in `names` for each combination, the worst scores first.

    Examples
    --------
    >>> segments = map_of_standard_grid((("recency_days",), ("n_orders",)), (5, 5))
    >>> len(segments.names), segments.names[segments.cells[4, 4]]
    (11, 'Champions')
    """

    axes: Axes
    shape: tuple[int, ...]
    names: tuple[str, ...]
    cells: IntArray

    def find(self, scores: Mapping[str, IntArray]) -> IntArray:
        """Return the position in `names` for each row.

        Parameters
        ----------
        scores : mapping of str to array of shape (n_rows,)
            The score of each row, from 1, by column.

        Returns
        -------
        array of shape (n_rows,)
            Positions in `names`.
        """
        where = tuple(_axis_score(columns, scores) - 1 for columns in self.axes)
        found: IntArray = self.cells[where]
        return found

    def frame(self) -> pd.DataFrame:
        """Return the map as a table.

        Returns
        -------
        DataFrame
            Of two axes: the first down, best first, and the second across. Otherwise a row for each
            combination, best first, with a score for each axis and ``segment``.
        """
        titles = ["+".join(columns) for columns in self.axes]
        named = np.array(self.names, dtype=object)[self.cells]
        if len(self.shape) == 2:
            down = pd.Index(range(self.shape[0], 0, -1), name=titles[0])
            return pd.DataFrame(named[::-1], index=down, columns=pd.RangeIndex(1, self.shape[1] + 1, name=titles[1]))
        scores = np.indices(self.shape).reshape(len(self.shape), -1) + 1
        table = pd.DataFrame(dict(zip(titles, scores, strict=True)) | {"segment": named.ravel()})
        return table.iloc[::-1].reset_index(drop=True)


def map_of_standard_grid(axes: Axes, shape: tuple[int, ...]) -> SegmentMap:
    """Return the eleven standard segments.

    Parameters
    ----------
    axes : tuple of tuple of str
        The columns of each axis.
    shape : tuple of int
        The number of scores of each axis.

    Returns
    -------
    SegmentMap
        Of `STANDARD_GRID`.

    Raises
    ------
    ParameterError
        If the scores are not 5 × 5.

    Examples
    --------
    >>> map_of_standard_grid((("a",), ("b",)), (5, 5)).frame().loc[1, 5]
    "Can't Lose Them"
    """
    if shape != (5, 5):
        raise ParameterError(
            message(
                f"the scores make {_times(shape)} cells ({', '.join('+'.join(columns) for columns in axes)})",
                "the standard segments need two axes of five scores",
                "RFMScorer(n_bins=5) with four edges for each threshold, or segments={(1, 1): '...', ...} of your own",
            )
        )
    return map_from_cells(STANDARD_GRID, axes, shape)


def map_from_cells(cells: Mapping[Any, Any], axes: Axes, shape: tuple[int, ...]) -> SegmentMap:
    """Return a map in which each combination of scores is named.

    Parameters
    ----------
    cells : mapping of tuple of int to str
        For each combination, a score for each axis, its segment.
    axes : tuple of tuple of str
        The columns of each axis.
    shape : tuple of int
        The number of scores of each axis.

    Returns
    -------
    SegmentMap
        Total: every combination has a segment.

    Raises
    ------
    ParameterTypeError
        If a key is no combination of scores, or a name no text.
    ParameterError
        If combinations are left out, or do not exist.

    Examples
    --------
    >>> halves = {(1, 1): "out", (1, 2): "out", (2, 1): "in", (2, 2): "in"}
    >>> map_from_cells(halves, (("a",), ("b",)), (2, 2)).names
    ('in', 'out')
    """
    check_size(shape)
    named = np.full(shape, None, dtype=object)
    strange = []
    for key, name in cells.items():
        where = _checked_key(key, len(shape))
        if all(1 <= score <= n for score, n in zip(where, shape, strict=True)):
            named[tuple(score - 1 for score in where)] = checked_name(name)
        else:
            strange.append(key)
    if strange:
        raise ParameterError(
            message(
                f"segments names {len(strange)} combinations that no customer can have ({some(strange)})",
                f"scores run from 1 to {_times(shape)}",
                "leave these out, or change n_bins or axes",
            )
        )
    refuse_holes(named)
    return map_of_names(named, axes)


def refuse_holes(named: Array, hint: str = "") -> None:
    """Refuse a map in which combinations have no segment, best first.

    Parameters
    ----------
    named : array of object
        The name of each combination, None where there is none.
    hint : str, default=""
        What else the message should say.

    Raises
    ------
    ParameterError
        With the number of holes and the best of them.

    Examples
    --------
    >>> refuse_holes(np.array([["a", "b"]], dtype=object))
    """
    holes = np.argwhere(unnamed(named))[::-1] + 1
    if len(holes):
        shown = some([score_label(hole.tolist(), named.shape) for hole in holes], 12)
        raise ParameterError(
            message(
                f"segments leaves {len(holes)} of {named.size} combinations of scores without a name ({shown}){hint}",
                "every customer belongs to one segment",
                "name them; as a last rule, ('Others', {}) takes whatever is left",
            )
        )


def unnamed(named: Array) -> BoolArray:
    """Tell the combinations without a name.

    Parameters
    ----------
    named : array of object
        The name of each combination, None where there is none.

    Returns
    -------
    array of bool
        Of the same shape.

    Examples
    --------
    >>> unnamed(np.array(["a", None], dtype=object))
    array([False,  True])
    """
    free: BoolArray = named == None  # noqa: E711 - element by element
    return free


def map_of_names(named: Array, axes: Axes) -> SegmentMap:
    """Return the map of an array that holds a name for each combination.

    Segments are put in order from the best to the worst: by the mean place of their combinations
    between the worst score and the best, over all axes; where that is equal by the first axis,
    then the next ones, then by name.

    Parameters
    ----------
    named : array of object
        Without holes.
    axes : tuple of tuple of str
        The columns of each axis.

    Returns
    -------
    SegmentMap
        The same names as positions in a list, best first.

    Examples
    --------
    >>> map_of_names(np.array([["a", "b"], ["b", "b"]], dtype=object), (("x",), ("y",))).names
    ('b', 'a')
    """
    distinct, code = np.unique(named.ravel(), return_inverse=True)
    code = code.reshape(-1)
    size = np.bincount(code)
    # rounded, so that equal means are equal whatever they were summed from
    places: list[FloatArray] = [
        np.round(np.bincount(code, axis.ravel() / max(n - 1, 1)) / size, 12)
        for axis, n in zip(np.indices(named.shape), named.shape, strict=True)
    ]
    mean: FloatArray = np.round(sum(places, np.zeros(len(size))) / len(places), 12)
    order = np.lexsort([-place for place in (*places[::-1], mean)])
    cells: IntArray = np.argsort(order)[code].reshape(named.shape)
    return SegmentMap(axes, named.shape, tuple(distinct[order].tolist()), cells)


def checked_name(name: object) -> str:
    """Return the name of a segment if it is a text.

    Parameters
    ----------
    name : object
        What the caller passed.

    Returns
    -------
    str
        The same, not empty.

    Raises
    ------
    ParameterTypeError
        Otherwise.

    Examples
    --------
    >>> checked_name("Loyal")
    'Loyal'
    """
    if isinstance(name, str) and name:
        return name
    raise ParameterTypeError(
        message(f"segments names a segment {name!r}", "the name of a segment is a text", "{(1, 1): 'Lost'}")
    )


def check_size(shape: Sequence[int]) -> None:
    """Refuse more combinations than can have been meant.

    Parameters
    ----------
    shape : sequence of int
        The number of scores of each axis.

    Raises
    ------
    ParameterError
        If there are more than a hundred thousand.

    Examples
    --------
    >>> check_size((5, 5))
    """
    if np.prod([float(n) for n in shape]) > MOST_CELLS:
        raise ParameterError(
            message(
                f"the scores make {_times(shape)} combinations",
                f"at most {MOST_CELLS:,} are named one by one",
                "fewer axes, or a smaller n_bins",
            )
        )


def score_label(scores: Sequence[int], shape: Sequence[int]) -> str:
    """Write a combination of scores as one label, as `RFMScorer.rfm_code` does.

    Parameters
    ----------
    scores : sequence of int
        A score for each axis.
    shape : sequence of int
        The number of scores of each axis.

    Returns
    -------
    str
        Digits, joined by "-" where an axis has more than nine scores.

    Examples
    --------
    >>> score_label([5, 4], (5, 5)), score_label([5, 4], (10, 10))
    ('54', '5-4')
    """
    return ("" if max(shape) <= 9 else "-").join(str(score) for score in scores)


def _axis_score(columns: tuple[str, ...], scores: Mapping[str, IntArray]) -> IntArray:
    """Return the mean score of an axis, halves rounded up: Python's own rounding takes 2.5 to 2 and 3.5 to 4."""
    if len(columns) == 1:
        return scores[columns[0]]
    n = len(columns)
    total = np.sum([scores[name] for name in columns], axis=0)
    rounded: IntArray = (2 * total + n) // (2 * n)
    return rounded


def _checked_key(key: object, n_axes: int) -> tuple[int, ...]:
    whole = isinstance(key, tuple) and all(
        isinstance(score, int | np.integer) and not isinstance(score, bool) for score in key
    )
    if whole and len(key) == n_axes:  # type: ignore[arg-type]
        return tuple(int(score) for score in key)  # type: ignore[attr-defined]
    raise ParameterTypeError(
        message(
            f"segments has the key {key!r}",
            f"a key is a tuple of {n_axes} scores, one for each axis",
            f"{{{(1,) * n_axes}: 'Lost', ...}}, or axes=[...] for more of them",
        )
    )


def _times(shape: Sequence[int]) -> str:
    return " × ".join(str(n) for n in shape)
