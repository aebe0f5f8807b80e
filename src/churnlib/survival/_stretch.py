"""From where to where a curve can be drawn: delayed entry may leave moments at which nobody was watched."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from churnlib._typing import FloatArray, IntArray
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
    spans = _spans(table, entry)
    first, last, since = max(spans, key=lambda span: table.left[span[0] : span[1] + 1].sum())
    start = _start(table, entry, weight, since, float(table.times[last]), at_least, who)
    kept = table.after(start)
    kept = RiskTable(*(values[..., : last + 1 - first + (first - (len(table.times) - len(kept.times)))] for values in (kept.times, kept.at_risk, kept.events, kept.censored)))
    return Stretch(start, float(table.times[last]), kept)
