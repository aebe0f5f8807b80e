"""Churn by a falling balance: the money leaves before the customer does."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from churnlib._typing import Array, IntArray
from churnlib.calendar import Duration, duration
from churnlib.events import Contracts, EventLog
from churnlib.outcomes._alternate import Losses, Returns, alternate
from churnlib.outcomes._causes import UNKNOWN, read_cause
from churnlib.outcomes._definition import ChurnDefinition, needed_log
from churnlib.outcomes._facts import Facts, effective_facts, first_time, numbers_of
from churnlib.outcomes._segments import Ranges, first_beyond, offsets_of
from churnlib.outcomes._shares import exact_share, read_share
from churnlib.outcomes._spells import Spells

__all__ = ["BalanceDrop"]


@dataclass(frozen=True, slots=True, repr=False)
class BalanceDrop(ChurnDefinition):
    """Lost is whose balance fell by a share within a window. More often a warning than a loss.

    The balance is a dated attribute of the log. Each time a balance becomes **known**, at x, it is
    held against the highest balance in force at any moment of ``[x - window, x)``: the one carried
    into the window and those stated inside it. Churn is stamped at x iff
    ``balance < (1 - by) * highest`` and ``highest > 0``. The customer is back when a balance of at
    least ``(1 - by)`` of that highest one becomes known. Late facts are read as `StatusChange` reads
    them. Comparisons go by the digits of the numbers as they are printed: 70.07 is not below 70 % of 100.1.

    Parameters
    ----------
    attribute : str
        Name of the dated attribute.
    by : float, Fraction or str, default=0.5
        Share of the balance that must be gone, above 0 and below 1.
    window : str, timedelta or Duration, default="30d"
        How quickly it must fall; months are counted on the clock of the log's zone.
    cause : str, default="unknown"
        The cause given to these churns; see `churnlib.outcomes.CAUSES`.

    Raises
    ------
    ParameterError
        If `by` is not between 0 and 1, or the window is zero, negative or unreadable.
    SchemaError
        In `outcomes`, if the log has no such attribute, or it holds words.

    Examples
    --------
    >>> import churnlib as cl, pandas as pd
    >>> rows = pd.DataFrame(
    ...     {"id": "a", "at": ["2025-01-01", "2025-01-11", "2025-02-01"], "saved": [1000.0, 400.0, 600.0]}
    ... )
    >>> log = cl.EventLog.from_frame(rows, customer="id", time="at", attributes=["saved"])
    >>> drop = cl.BalanceDrop(attribute="saved", by=0.5, window="30d")
    >>> frame = drop.outcomes(log).frame
    >>> frame[["start", "churned_at"]]
                          start                churned_at
    0 2025-01-01 00:00:00+00:00 2025-01-11 00:00:00+00:00
    1 2025-02-01 00:00:00+00:00                       NaT
    """

    attribute: str = field(kw_only=True)
    by: float | Fraction | str = field(default=0.5, kw_only=True)
    window: str | Duration = field(default="30d", kw_only=True)
    cause: str = field(default=UNKNOWN, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", read_share(self.by))
        object.__setattr__(self, "window", str(duration(self.window, name="window")))
        read_cause(self.cause)

    def spells(self, log: EventLog | None, contracts: Contracts | None = None) -> Spells:  # noqa: ARG002
        """Hold each balance against the highest one of the window before it.

        Parameters
        ----------
        log : EventLog
            Events that state the balance.
        contracts : Contracts, optional
            Not read.

        Returns
        -------
        Spells
            One for each stay without such a fall.
        """
        log = needed_log(log, self)
        values = numbers_of(log, self.attribute)
        facts = effective_facts(log, ~np.isnan(values))
        distinct, now = np.unique(values[facts.row], return_inverse=True)
        now = now.reshape(-1).astype(np.int64)
        judged = np.flatnonzero(~facts.first)
        highest = self._highest(facts, now, judged, log)
        need = _least_ranks(distinct, 1 - exact_share(self.by))[highest]
        fell = (now[judged] < need) & (distinct[highest] > 0)
        chosen = judged[fell]
        losses = Losses(facts.customer[chosen], facts.at[chosen], need[fell])
        found = alternate(first_time(log), losses, Returns(facts.customer, facts.at, now))
        return Spells(
            customers=log.customers,
            customer=found.customer,
            start=found.start,
            end=found.end,
            complete_until_us=log.complete_until_us,
            causes=(self.cause,),
            timezone=log.timezone,
        )

    def _highest(self, facts: Facts, now: IntArray, judged: IntArray, log: EventLog) -> IntArray:
        """Return the rank of the highest balance in force in the window before each fact judged."""
        offsets = offsets_of(facts.customer, log.n_customers)
        customer = facts.customer[judged]
        begin = duration(self.window, name="window").before(facts.at[judged], log.timezone)
        inside = first_beyond(facts.at, offsets[customer], judged, begin)
        # The fact before the first one inside the window is in force when the window opens.
        low = np.minimum(np.maximum(inside - 1, offsets[customer]), judged - 1)
        table = Ranges(now, int(np.diff(offsets).max(initial=0)))
        return table.maximum(low, judged)


def _least_ranks(distinct: Array, ratio: Fraction) -> IntArray:
    """Return, for each distinct value, the rank of the least value that is no less than `ratio` times it.

    From here on ranks stand for values, so all comparisons are between integers. Floats find the
    place to within rounding; the neighbours decide by exact fractions of the printed digits.
    """
    goal = distinct * float(ratio)
    rank = np.searchsorted(distinct, goal, side="left").astype(np.int64)
    slack = 1e-12 * np.abs(goal)
    below = distinct[np.maximum(rank - 1, 0)]
    above = distinct[np.minimum(rank, max(len(distinct) - 1, 0))]
    close = ((rank > 0) & (goal - below <= slack)) | ((rank < len(distinct)) & (above - goal <= slack))
    for at in np.flatnonzero(close):
        exact = ratio * _digits(distinct[at])
        place = int(rank[at])
        while place > 0 and _digits(distinct[place - 1]) >= exact:
            place -= 1
        while place < len(distinct) and _digits(distinct[place]) < exact:
            place += 1
        rank[at] = place
    return rank


def _digits(value: float) -> Fraction:
    return Fraction(repr(float(value)))
