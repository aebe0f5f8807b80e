"""From where to where a curve can be drawn: delayed entry may leave moments at which nobody was watched."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from churnlib._typing import FloatArray
from churnlib.exceptions import AssumptionWarning, HistoryError, message
from churnlib.numerics import RiskTable

__all__ = ["Stretch", "watched_stretch"]


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """A span of tenures without a hole, and what is known of it.

    Parameters
    ----------
    start : float
        The curve is that of customers who have reached this tenure.
    end : float
        The last tenure of which it speaks.
    table : RiskTable
        Who is at risk and who leaves in ``(start, end]``.

    Examples
    --------
    >>> from churnlib.numerics import risk_table
    >>> watched_stretch(risk_table([2.0, 5.0], [1, 0]), None, None).end
    5.0
    """

    start: float
    end: float
    table: RiskTable


def watched_stretch(
    table: RiskTable,
    entry: FloatArray | None,
    weight: FloatArray | None,
    *,
    at_least: int = 1,
    who: str = "",
) -> Stretch:
    """Find the span of tenures for which a curve can be drawn, and warn of what lies outside.

    Where everybody is watched from the start that is all of them. With delayed entry few
    are watched early: the span begins where at least so many are at risk. A risk set that
    empties before others enter (all at risk leave, or nobody is watched for a while) ends one span; after it the
    curve would be 0 for good, or unknown. Of several spans the one with the most
    departures is taken.

    Parameters
    ----------
    table : RiskTable
        Of all rows.
    entry : ndarray of shape (n_rows,), or None
        When the observation of each row began.
    weight : ndarray of shape (n_rows,), or None
        How many customers each row stands for.
    at_least : int, default=1
        How many customers must be at risk where the span begins.
    who : str, default=""
        Of whom the table speaks, for messages.

    Returns
    -------
    Stretch
        The span and its part of the table.

    Raises
    ------
    HistoryError
        If there are never so many at risk at once.

    Warns
    -----
    AssumptionWarning
        If a part of what was watched lies outside.

    Examples
    --------
    The first customer leaves before the others enter:

    >>> import warnings
    >>> from churnlib.numerics import risk_table
    >>> time, event, entry = np.array([3.0, 9.0, 9.0]), [1, 1, 0], np.array([0.0, 5.0, 6.0])
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     stretch = watched_stretch(risk_table(time, event, entry=entry), entry, None)
    >>> stretch.start, stretch.end, len(told)
    (5.0, 9.0, 1)
    """
    if entry is None:
        if at_least > 1 and table.at_risk[0] < at_least:
            raise _too_few(at_least, float(table.at_risk[0]), who)
        return Stretch(0.0, float(table.times[-1]), table)
    if weight is not None:
        entry, weight = entry[weight > 0], weight[weight > 0]
    span = max(_spans(table, entry), key=lambda span: table.left[span.first : span.last + 1].sum())
    end = float(table.times[span.last])
    start = _start(table, entry, weight, since=span.since, end=end, at_least=at_least, who=who)
    inside = table.between(start, end)
    if start > entry.min() or end < table.times[-1]:
        _warn(table, inside, start, end, at_least, who)
    return Stretch(start, end, inside)


@dataclass(frozen=True, slots=True)
class _Span:
    """Columns `first` to `last` of a table, between which the risk set never empties; it began after `since`."""

    since: float
    first: int
    last: int


def _spans(table: RiskTable, entry: FloatArray) -> list[_Span]:
    all_left = table.left == table.at_risk
    nobody = table.at_risk == table.left + table.censored
    # Who enters just when the last one is lost from sight takes over: that is no hole.
    hole = all_left | (nobody & ~np.isin(table.times, entry))
    spans, first, since = [], 0, -np.inf
    for cut in np.flatnonzero(hole[:-1]):
        last = int(cut) - bool(all_left[cut])  # that all have left would be said of those who enter later too
        if last >= first:
            spans.append(_Span(since, first, last))
        first, since = int(cut) + 1, float(table.times[cut])
    return [*spans, _Span(since, first, len(table.times) - 1)]


def _start(
    table: RiskTable, entry: FloatArray, weight: FloatArray | None, *, since: float, end: float, at_least: int, who: str
) -> float:
    """Return the first entry after which enough are at risk."""
    if at_least == 1:
        return float(entry[entry >= since].min())
    order = np.argsort(entry, kind="stable")
    entered = np.arange(1.0, len(entry) + 1) if weight is None else np.cumsum(weight[order])
    moments, first = np.unique(entry[order], return_index=True)
    through = np.append(first[1:], len(entry)) - 1
    ended = np.concatenate([[0.0], np.cumsum(table.left + table.censored)])
    watched = entered[through] - ended[np.searchsorted(table.times, moments, side="right")]
    watched = np.where((moments >= since) & (moments < end), watched, 0.0)
    enough = np.flatnonzero(watched >= at_least * (1 - 1e-12))
    if not len(enough):
        raise _too_few(at_least, float(watched.max()), who)
    return float(moments[enough[0]])


def _too_few(at_least: int, most: float, who: str) -> HistoryError:
    return HistoryError(
        message(
            f"at most {most:g} customers{who} are at risk at once",
            f"at least {at_least} (min_at_risk) are needed where the curve starts",
            f"min_at_risk={max(int(most), 1)} or less",
        )
    )


def _warn(table: RiskTable, inside: RiskTable, start: float, end: float, at_least: int, who: str) -> None:
    lost, total = table.left.sum() - inside.left.sum(), table.left.sum()
    few = "nobody is" if at_least == 1 else f"fewer than {at_least} are"
    warnings.warn(
        message(
            f"the curve{who} runs from tenure {start:g} to {end:g}, and {lost:g} of {total:g} departures lie outside",
            f"with delayed entry, outside these tenures {few} at risk, or the last of them leave before others enter",
            f"read it as the curve of customers who have reached {start:g}; min_at_risk= says how many it starts with",
        ),
        AssumptionWarning,
        stacklevel=2,
    )
