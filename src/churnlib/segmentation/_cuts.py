"""Where the scores of one column change, frozen once they are learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from churnlib._typing import BoolArray, FloatArray, IntArray

__all__ = ["Cuts", "number_text", "quantile_cuts", "threshold_cuts"]


@dataclass(frozen=True, slots=True)
class Cuts:
    """The edges between the scores of one column.

    A score is the number of edges passed, plus one; where less is better it is counted
    from the other end. Equal values therefore always have equal scores.

    Parameters
    ----------
    edges : tuple of float
        In the unit of the column, ascending; two equal edges leave the score between them empty.
    beyond : tuple of bool
        False: the edge itself has passed. True: only greater values have.
    lower_is_better : bool
        Whether small values have the high scores.

    Examples
    --------
    >>> recency = Cuts((30.0, 90.0), (True, True), lower_is_better=True)
    >>> recency.score(np.array([30.0, 31.0, 365.0]))
    array([3, 2, 1])
    >>> recency.interval(2)
    '(30, 90]'
    """

    edges: tuple[float, ...]
    beyond: tuple[bool, ...]
    lower_is_better: bool

    @property
    def n_scores(self) -> int:
        """How many scores there are: one more than edges."""
        return len(self.edges) + 1

    def score(self, values: FloatArray) -> IntArray:
        """Return the score of each value, from 1 (worst) to `n_scores`.

        Parameters
        ----------
        values : array of shape (n_rows,)
            Without NaN, in the unit of the column.

        Returns
        -------
        array of int64, shape (n_rows,)
            Never lower for a better value.
        """
        edges = np.array(self.edges, dtype=np.float64)
        # v > e is v >= the next number after e, so that one comparison serves both kinds of edge
        passed_at = np.where(self.beyond, np.nextafter(edges, np.inf), edges)
        passed: IntArray = np.searchsorted(passed_at, values, side="right").astype(np.int64, copy=False)
        return self.n_scores - passed if self.lower_is_better else passed + 1

    def interval(self, score: int) -> str:
        """Write down the values that have a score.

        Parameters
        ----------
        score : int
            From 1 to `n_scores`.

        Returns
        -------
        str
            Such as ``"[2, 5)"``: 2 belongs to it, 5 does not. ``"none"`` where two edges fall together.
        """
        k = self.n_scores - score if self.lower_is_better else score - 1
        low = (self.edges[k - 1], self.beyond[k - 1]) if k else (-np.inf, True)
        high = (self.edges[k], self.beyond[k]) if k < len(self.edges) else (np.inf, False)
        if low == high:
            return "none"
        left, right = "(" if low[1] else "[", "]" if high[1] else ")"
        return f"{left}{number_text(low[0])}, {number_text(high[0])}{right}"


def quantile_cuts(values: FloatArray, n_bins: int, *, lower_is_better: bool, weight: FloatArray | None = None) -> Cuts:
    """Learn edges that split rows by their mid-rank percentile.

    With p = (rows below + ½ rows equal) / rows, the score of a row is
    ``1 + floor(n_bins · p)``. Equal values share one p, whatever the order of the
    rows, and a block of ties takes one score in its middle instead of filling
    several. A value that no row had has p = rows below / rows, and the best of all
    p = 1 the top score.

    Parameters
    ----------
    values : array of shape (n_rows,)
        Finite, at least one.
    n_bins : int
        Number of scores, 2 or more.
    lower_is_better : bool
        Whether small values have the high scores.
    weight : array of shape (n_rows,), default=None
        Not negative and not all zero; whole numbers stand for repeated rows.

    Returns
    -------
    Cuts
        With exactly ``n_bins - 1`` edges, each of them a value of some row.

    Examples
    --------
    Seven of ten customers bought once. Their p is 0.35 and their score 2, all of them:

    >>> orders = np.array([1, 1, 1, 1, 1, 1, 1, 2, 3, 9], dtype=float)
    >>> cuts = quantile_cuts(orders, 5, lower_is_better=False)
    >>> cuts.score(orders)
    array([2, 2, 2, 2, 2, 2, 2, 4, 5, 5])
    >>> [cuts.interval(score) for score in (1, 2, 3, 4, 5)]
    ['(-∞, 1)', '[1, 1]', 'none', '(1, 2]', '(2, ∞)']
    """
    distinct, mass = _distinct(-values if lower_is_better else values, weight)
    upto = np.cumsum(mass)
    total = upto[-1]
    middle = upto + upto - mass  # twice the mid-rank, so that whole numbers stay whole
    wanted = np.arange(1, n_bins) * total
    at = np.searchsorted(n_bins * upto, wanted, side="left")
    # Past `at` the share below is enough; `at` itself passes only if its mid-rank already is.
    beyond: BoolArray = n_bins * middle[at] < 2 * wanted
    edges = distinct[at]
    if lower_is_better:
        # Turned around, "at most e passes" reads "above e has left": the kind of each edge flips.
        edges, beyond = -edges[::-1], ~beyond[::-1]
    return Cuts(tuple((edges + 0.0).tolist()), tuple(beyond.tolist()), lower_is_better)


def threshold_cuts(edges: Sequence[float], *, right_closed: bool, lower_is_better: bool) -> Cuts:
    """Return cuts at edges that a person has chosen.

    Parameters
    ----------
    edges : sequence of float
        Strictly ascending, in the unit of the column.
    right_closed : bool
        True: an edge belongs to the interval below it, as in (30, 90]. False: to the one above, as in [30, 90).
    lower_is_better : bool
        Whether small values have the high scores.

    Returns
    -------
    Cuts
        With these edges.

    Examples
    --------
    >>> threshold_cuts([100, 500], right_closed=False, lower_is_better=False).score(np.array([99.0, 100.0]))
    array([1, 2])
    """
    return Cuts(tuple(float(edge) for edge in edges), (right_closed,) * len(edges), lower_is_better)


def _distinct(values: FloatArray, weight: FloatArray | None) -> tuple[FloatArray, FloatArray | IntArray]:
    """Return the distinct values, ascending, and how many rows (or how much weight) each has."""
    if weight is None:
        distinct, counts = np.unique(values, return_counts=True)
        return distinct, counts.astype(np.int64, copy=False)
    counted = weight > 0
    values, weight = values[counted], weight[counted]
    # sorted by weight too, so that rounding in the sums does not depend on the order of the rows
    order = np.lexsort((weight, values))
    ranked = values[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    return ranked[starts], np.add.reduceat(weight[order], starts)


def number_text(value: float) -> str:
    """Write a bound without losing a digit: whole numbers without a point, and ∞.

    Parameters
    ----------
    value : float
        Not NaN.

    Returns
    -------
    str
        Shortest text that reads back as the same number.

    Examples
    --------
    >>> number_text(30.0), number_text(0.1), number_text(-np.inf)
    ('30', '0.1', '-∞')
    """
    if np.isinf(value):
        return "∞" if value > 0 else "-∞"
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
