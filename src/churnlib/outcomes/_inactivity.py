"""Churn by silence: nothing heard from the customer for a length of time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from churnlib._checks import check_flag
from churnlib._typing import Kinds
from churnlib.calendar import Duration, duration
from churnlib.events import Contracts, EventLog
from churnlib.outcomes._activity import activity, is_activity, read_kinds
from churnlib.outcomes._causes import UNKNOWN, read_cause
from churnlib.outcomes._definition import ChurnDefinition, needed_log
from churnlib.outcomes._segments import segment_starts
from churnlib.outcomes._spells import Spells

__all__ = ["Inactivity"]


@dataclass(frozen=True, slots=True, repr=False)
class Inactivity(ChurnDefinition):
    """Lost is who has been silent for a length of time.

    A spell runs from an activity to the first instant at which `duration` has passed without
    another one. Churn is stamped there, at **last activity + duration**, when it becomes
    knowable; never at the last activity, which would tell the future to every feature. The next
    activity starts a new spell.

    The boundary: with last activity t and d = t + duration, the silence is complete at d, judged
    by what happened strictly between t and d. An activity one microsecond before d keeps the spell
    alive; one exactly at d comes too late: the churn stands and a new spell starts at d. A
    customer is at risk at every cutoff up to and including d, since an event at d is not yet seen
    at cutoff d. A churn at d is known if the data are complete until d.

    Parameters
    ----------
    duration : str, timedelta or Duration
        Length of the silence. "60d" is 60 × 24 hours; "2mo" ends at the same day and time of day
        two months later on the clock of the log's zone.
    kinds : str or sequence of str, default=None
        Kinds of events that count as activity; None counts all of them.
    refunds : bool, default=False
        Whether an event with a negative amount counts as activity. Goods sent back are the end
        of an old order, not a new one.
    cause : str, default="unknown"
        The cause given to these churns; see `churnlib.outcomes.CAUSES`.

    Raises
    ------
    ParameterError
        If the duration is zero, negative or unreadable; in `outcomes`, if a kind is unknown.

    Examples
    --------
    Orders on 1 January and 11 January, then one on 20 March.

    >>> import churnlib as cl, pandas as pd
    >>> orders = pd.DataFrame({"id": "a", "at": ["2025-01-01", "2025-01-11", "2025-03-20"]})
    >>> log = cl.EventLog.from_frame(orders, customer="id", time="at", complete_until="2025-04-01")
    >>> frame = cl.Inactivity("30d").outcomes(log).frame
    >>> frame[["spell", "start", "churned_at"]]
       spell                     start                churned_at
    0      1 2025-01-01 00:00:00+00:00 2025-02-10 00:00:00+00:00
    1      2 2025-03-20 00:00:00+00:00                       NaT
    """

    duration: str | Duration
    kinds: Kinds = field(default=None, kw_only=True)
    refunds: bool = field(default=False, kw_only=True)
    cause: str = field(default=UNKNOWN, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "duration", str(duration(self.duration, name="duration")))
        object.__setattr__(self, "kinds", read_kinds(self.kinds))
        check_flag(self.refunds, name="refunds")
        read_cause(self.cause)

    def spells(self, log: EventLog | None, contracts: Contracts | None = None) -> Spells:  # noqa: ARG002
        """Cut the activity of each customer wherever the silence lasted.

        Parameters
        ----------
        log : EventLog
            What customers did.
        contracts : Contracts, optional
            Not read.

        Returns
        -------
        Spells
            One for each run of activity without such a silence.
        """
        log = needed_log(log, self)
        alive = activity(log, is_activity(log, read_kinds(self.kinds), refunds=self.refunds))
        deadline = duration(self.duration, name="duration").after(alive.time, log.timezone)
        first = segment_starts(alive.customer)
        # The last activity of a spell: the customer's last of all, or one whose successor came too late.
        last = np.ones(len(alive.time), dtype=np.bool_)
        last[:-1] = first[1:] | (alive.time[1:] >= deadline[:-1])
        opening = first.copy()
        opening[1:] |= last[:-1]
        return Spells(
            customers=log.customers,
            customer=alive.customer[opening],
            start=alive.time[opening],
            end=deadline[last],
            complete_until_us=log.complete_until_us,
            causes=(self.cause,),
            last_activity=alive.time[last],
            timezone=log.timezone,
        )
