"""Whether those who left sooner were given the higher risk: Harrell's concordance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._typing import Array, ArrayLike, FloatArray, IntArray
from churnlib.exceptions import DataError, message
from churnlib.metrics._lower_later import dense_ranks, lower_later
from churnlib.metrics._survival_inputs import Watched, read_risk, read_watched

__all__ = ["ConcordanceCounts", "concordance_counts", "concordance_score", "count_pairs"]


@dataclass(frozen=True, slots=True)
class ConcordanceCounts:
    """Pairs of rows, of which one was seen to leave while the other was still here.

    Whole numbers, or with weights the sums of the products of two weights.

    Parameters
    ----------
    concordant : float
        Pairs of which the one who left first had the higher risk.
    discordant : float
        Pairs of which the one who left first had the lower risk.
    tied_risk : float
        Pairs of equal risk; each is half right.
    tied_time : float
        Pairs who were both seen to leave at the same time: no order, not compared.

    Examples
    --------
    >>> counts = ConcordanceCounts(concordant=6, discordant=3, tied_risk=1, tied_time=0)
    >>> counts.comparable, counts.score
    (10, 0.65)
    """

    concordant: float
    discordant: float
    tied_risk: float
    tied_time: float

    @property
    def comparable(self) -> float:
        """How many pairs have an order in time."""
        return self.concordant + self.discordant + self.tied_risk

    @property
    def score(self) -> float:
        """The share of comparable pairs in the right order, ties counted half."""
        return (self.concordant + self.tied_risk / 2) / self.comparable


def concordance_score(y: Any, risk: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Harrell's concordance: the share of comparable pairs that the risk puts in the right order.

    Two rows can be compared if one of them was seen to leave at a time at which the
    other was under observation and still here: ``entry_j < t_i <= time_j``. It is read on the clock
    of tenure. Heavy censoring tilts it towards early churns; `uno_concordance_score`
    does not tilt.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        The survival target, with or without delayed entry. Several causes count as one churn.
    risk : array-like of shape (n_rows,)
        Higher leaves sooner, as `predict` of every hazard model has it. For a predicted
        lifetime pass its negative.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; a pair weighs the product of its two.

    Returns
    -------
    float
        Between 0 and 1, higher is better; a coin reaches 0.5.

    Raises
    ------
    DataError
        If y is no survival target, a risk is missing, or no two rows can be compared.

    See Also
    --------
    concordance_counts : The pairs behind it.

    Notes
    -----
    ``C = (concordant + tied risk / 2) / comparable`` (Harrell, Lee and Mark 1996, Stat. Med. 15, 361-387).
    One who left at t and one last seen at t are compared (censorings come after events of the
    same time); two who left at the same time are not. lifelines, scikit-survival and R's ``concordance`` do
    likewise; scikit-survival counts those pairs of a churn and a censoring of one time as ``tied_time`` too, and
    takes risks within 1e-8 of one another for equal.

    It takes O(n log n) time, and is the same for any order of the rows.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1, 1, 0, 1], [2, 5, 7, 9])
    >>> concordance_score(y, [0.9, 0.2, 0.4, 0.1])
    0.8
    """
    return concordance_counts(y, risk, sample_weight=sample_weight).score


def concordance_counts(y: Any, risk: ArrayLike, *, sample_weight: ArrayLike | None = None) -> ConcordanceCounts:
    """Count the pairs that Harrell's concordance is made of.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        The survival target, with or without delayed entry.
    risk : array-like of shape (n_rows,)
        Higher leaves sooner.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; a pair weighs the product of its two.

    Returns
    -------
    ConcordanceCounts
        Concordant, discordant and tied pairs, and the score.

    Raises
    ------
    DataError
        If y is no survival target, a risk is missing, or no two rows can be compared.

    Examples
    --------
    Delayed entry: the third customer came under observation after the first had left,
    so these two are not compared.

    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1, 1, 0], [2, 5, 7], entry=[0, 0, 3])
    >>> concordance_counts(y, [0.9, 0.2, 0.4])
    ConcordanceCounts(concordant=1, discordant=1, tied_risk=0, tied_time=0)
    """
    watched = read_watched(y, sample_weight)
    risks = read_risk(risk, len(watched))
    query = watched.weight * watched.observed if watched.weighted else watched.observed.astype(np.int64)
    counts = count_pairs(watched, risks, query, time=watched.rows.time, entry=watched.rows.entry)
    if not counts.comparable > 0:
        n_events = int(watched.observed.sum())
        raise DataError(
            message(
                f"no two of {len(watched)} rows can be compared ({n_events} were seen to leave)",
                "one must be seen to leave while another is still here",
                "score more rows: with SurvivalKFold every fold has its share of those who left",
            )
        )
    return counts


def count_pairs(
    watched: Watched, risk: FloatArray, query: Array, *, time: FloatArray, entry: FloatArray | None
) -> ConcordanceCounts:
    """Count comparable pairs; `query` is what each row counts as the one who left.

    Notes
    -----
    j is comparable to the event i iff it comes later on a line on which, at each time, events stand
    before censorings, and unless it had not entered: ``entry_j >= t_i``. Who had not
    entered has not left either. So entries stand on the line too, behind the events
    of their time and with negative weight, and take off what the ends count too much.
    """
    whole = not watched.weighted and query.dtype.kind in "iub"
    line = _line(watched, risk, query, time, entry)
    order = _order(line, weighted=watched.weighted)
    code, risk_code = line.code[order], line.risk[order]
    earlier, later = line.query[order], line.point[order]
    n = len(order)
    by_rank = np.argsort(risk_code * n + np.arange(n))
    any_tied = line.n_risks < len(watched)
    unweighted = not watched.weighted and entry is None
    concordant = lower_later(by_rank, earlier, None if unweighted else later)
    comparable = _later_in_time(code, earlier, later)
    tied = _later_in_time(*(values[by_rank] for values in (code, earlier, later, risk_code))) if any_tied else 0
    tied_time = _both_left(time, watched)
    if whole:
        return ConcordanceCounts(concordant, comparable - concordant - tied, tied, tied_time)
    return ConcordanceCounts(concordant, max(comparable - concordant - tied, 0.0), max(tied, 0.0), tied_time)


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """Ends (and entries) on one line: place, risk, what it counts as the earlier and as the later of a pair."""

    code: IntArray
    risk: IntArray
    n_risks: int
    query: Array
    point: Array


def _line(watched: Watched, risk: FloatArray, query: FloatArray, time: FloatArray, entry: FloatArray | None) -> _Line:
    kind = watched.weight.dtype if watched.weighted else np.dtype(np.int64)
    point = watched.weight.astype(kind)
    risk_code, n_risks = dense_ranks(risk)
    behind = ~watched.observed
    if entry is None:
        ranks, _ = dense_ranks(time)
        return _Line(2 * ranks + behind, risk_code, n_risks, query, point)
    late = np.flatnonzero(entry > 0)
    ranks, _ = dense_ranks(np.concatenate([time, entry[late]]))
    code = 2 * ranks + np.concatenate([behind, np.ones(len(late), dtype=bool)])
    return _Line(
        code,
        np.concatenate([risk_code, risk_code[late]]),
        n_risks,
        np.concatenate([query, np.zeros(len(late), dtype=query.dtype)]),
        np.concatenate([point, -point[late]]),
    )


def _order(line: _Line, *, weighted: bool) -> IntArray:
    """Order the line; those at one place by rising risk, so that none of them finds a lower one behind it."""
    key = line.code * line.n_risks + line.risk
    if weighted or line.query.dtype.kind == "f":
        return np.lexsort((line.point, line.query, key))  # sums must not depend on the order of the rows
    return np.argsort(key)


def _later_in_time(code: IntArray, query: Array, point: Array, group: IntArray | None = None) -> Any:
    """Sum query_i * point_j over pairs of which j stands later, within each group; codes ascend in a group."""
    n = len(code)
    new_group = np.zeros(n, dtype=bool) if group is None else np.concatenate([[True], group[1:] != group[:-1]])
    new_place = np.concatenate([[True], code[1:] != code[:-1]]) | new_group
    sums = np.concatenate([[point.dtype.type(0)], np.cumsum(point)])
    starts = np.flatnonzero(new_place)
    place_end = np.append(starts[1:], n)
    group_end = np.append(np.flatnonzero(new_group)[1:], n) if group is not None else np.array([n])
    which = np.cumsum(new_group[starts]) - 1 if group is not None else np.zeros(len(starts), dtype=np.int64)
    later = sums[group_end[which]] - sums[place_end]
    return np.einsum("i,i->", np.add.reduceat(query, starts), later).item()


def _both_left(time: FloatArray, watched: Watched) -> Any:
    if not watched.observed.any():
        return 0
    ranks, n_ranks = dense_ranks(time[watched.observed])
    if not watched.weighted:
        count = np.bincount(ranks, minlength=n_ranks)
        return int((count * (count - 1) // 2).sum())
    weight = watched.weight[watched.observed]
    order = np.lexsort((weight, ranks))
    starts = np.flatnonzero(np.concatenate([[True], np.diff(ranks[order]) > 0]))
    sums, squares = (np.add.reduceat(values[order], starts) for values in (weight, weight**2))
    return max(float((sums**2 - squares).sum() / 2), 0.0)
