"""When each customer came, left and returned: computed once, read as labels or as durations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnlib._typing import Array, CodeArray, IntArray
from churnlib.calendar import DAY_US, Duration, timestamp, timestamps, to_us
from churnlib.events import EventLog
from churnlib.exceptions import DataError, HistoryError, message, some
from churnlib.outcomes._labels import Labels
from churnlib.outcomes._segments import first_at_least, first_beyond, offsets_of, segment_starts
from churnlib.outcomes._spells import NEVER, Spells
from churnlib.outcomes._state import OutcomeState

__all__ = ["Outcomes", "settle"]

_NAT = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """The spells of every customer: start, churn instant, cause.

    A spell runs from `start` to `end`, the instant at which the churn becomes knowable, and the
    customer is at risk at every cutoff c with ``start < c <= end``. A spell whose churn would
    become knowable after `complete_until` is censored: its end is `NEVER` and its cause 0.
    Rows are ordered by customer, then spell; the same data give the same bytes in any row order.

    Attributes
    ----------
    customers : Index
        Ids of all customers, sorted.
    customer : ndarray of int32, shape (n_spells,)
        Position in `customers`.
    spell : ndarray of int32, shape (n_spells,)
        1, 2, … inside each customer.
    start, end : ndarray of int64, shape (n_spells,)
        Microseconds since 1970, UTC.
    cause : ndarray of int16, shape (n_spells,)
        0 = censored, 1 = ``causes[0]``, …
    last_activity : ndarray of int64, shape (n_spells,)
        Last sign of life in the spell, at or before its end.
    causes : tuple of str
        Words for the causes.
    complete_until_us : int
        Until when the data are complete, in microseconds.
    timezone : str
        Zone of the log.

    Examples
    --------
    >>> import churnlib as cl, pandas as pd
    >>> orders = pd.DataFrame({"id": ["a", "a", "b"], "at": ["2025-01-01", "2025-03-01", "2025-03-20"]})
    >>> log = cl.EventLog.from_frame(orders, customer="id", time="at", complete_until="2025-04-01")
    >>> outcomes = cl.Inactivity("30d").outcomes(log)
    >>> outcomes
    Outcomes(3 spells of 2 customers: 2 churned, 1 came back, 1 censored at 2025-04-01 00:00:00+00:00)
    >>> outcomes.frame[["customer_id", "spell", "churned_at", "event", "time"]]
      customer_id  spell                churned_at  event  time
    0           a      1 2025-01-31 00:00:00+00:00   True  30.0
    1           a      2 2025-03-31 00:00:00+00:00   True  30.0
    2           b      1                       NaT  False  12.0
    """

    customers: pd.Index
    customer: CodeArray
    spell: CodeArray
    start: IntArray
    end: IntArray
    cause: CodeArray
    last_activity: IntArray
    causes: tuple[str, ...]
    complete_until_us: int
    timezone: str = "UTC"

    def __len__(self) -> int:
        return len(self.customer)

    def __repr__(self) -> str:
        churned = int((self.cause > 0).sum())
        returned = int((self.spell > 1).sum())
        return (
            f"Outcomes({len(self)} spells of {int((self.spell == 1).sum())} customers: {churned} churned, "
            f"{returned} came back, {len(self) - churned} censored at {self.complete_until})"
        )

    @property
    def complete_until(self) -> pd.Timestamp:
        """Until when the data are complete."""
        return timestamp(self.complete_until_us, self.timezone)

    @property
    def offsets(self) -> IntArray:
        """Where the spells of each customer begin; shape (n_customers + 1,)."""
        return offsets_of(self.customer, len(self.customers))

    @property
    def first_start(self) -> IntArray:
        """The first start of each customer, `NEVER` for one without a spell; shape (n_customers,)."""
        first = self.spell == 1
        starts = np.full(len(self.customers), NEVER, dtype=np.int64)
        starts[self.customer[first]] = self.start[first]
        return starts

    @property
    def frame(self) -> pd.DataFrame:
        """One row per spell, for reading and for models of time to churn.

        Columns: `customer_id`; `spell`; `start`; `churned_at` (NaT while with us); `cause` (missing
        while with us); `event` (whether the churn was observed); `time` (days from the start to the
        churn or, for a censored spell, to `complete_until`); `last_activity`.
        """
        event = self.cause > 0
        stop = np.where(event, self.end, self.complete_until_us)
        words = pd.Categorical.from_codes(
            (self.cause - 1).astype(np.int64), categories=pd.Index(self.causes, dtype=object)
        )
        return pd.DataFrame(
            {
                "customer_id": self.customers.take(self.customer),
                "spell": self.spell,
                "start": timestamps(self.start),
                "churned_at": timestamps(np.where(event, self.end, _NAT)),
                "cause": words,
                "event": event,
                "time": (stop - self.start) / DAY_US,
                "last_activity": timestamps(self.last_activity),
            }
        )

    def starts_before(self, customer: IntArray, instant_us: int) -> IntArray:
        """Return, for customers by code, the position after their last spell begun before an instant.

        Parameters
        ----------
        customer : ndarray of int64, shape (q,)
            Codes of customers.
        instant_us : int
            The instant.

        Returns
        -------
        ndarray of int64, shape (q,)
            Position in the arrays of spells.
        """
        offsets = self.offsets
        bound = np.full(len(customer), instant_us, dtype=np.int64)
        return first_at_least(self.start, offsets[customer], offsets[customer + 1], bound)

    def state_at(self, cutoff_us: int) -> OutcomeState:
        """Return who is at risk at a cutoff, going by event times alone.

        A log with times of knowledge (`known_at`) needs `ChurnDefinition.state_at`, which takes
        the risk set from what was known at the cutoff.

        Parameters
        ----------
        cutoff_us : int
            The cutoff in microseconds since 1970, UTC.

        Returns
        -------
        OutcomeState
            The customers with ``start < c <= end``, and when each will churn.

        Raises
        ------
        HistoryError
            If the cutoff lies beyond the end of the data.

        Examples
        --------
        >>> import churnlib as cl, pandas as pd
        >>> orders = pd.DataFrame({"id": ["a", "b"], "at": ["2025-01-01", "2025-03-20"]})
        >>> log = cl.EventLog.from_frame(orders, customer="id", time="at", complete_until="2025-04-01")
        >>> cl.Inactivity("30d").outcomes(log).state_at(cl.calendar.to_us("2025-03-21"))
        OutcomeState(2025-03-21T00:00:00.000000 UTC: 2 known, 1 gone, 1 at risk)
        """
        if cutoff_us > self.complete_until_us:
            raise HistoryError(
                message(
                    f"the cutoff {timestamp(int(cutoff_us))} lies beyond the end of the data, {self.complete_until}",
                    "who is at risk is known only up to there",
                    "choose an earlier cutoff, or set complete_until=... if the data are complete beyond it",
                )
            )
        chosen = np.flatnonzero((self.start < cutoff_us) & (self.end >= cutoff_us))
        customer = self.customer[chosen]
        first = self.first_start
        return OutcomeState(
            cutoff_us=int(cutoff_us),
            customers=self.customers,
            customer=customer,
            spell=self.spell[chosen],
            start=first[customer],
            churn=self.end[chosen],
            cause=self.cause[chosen],
            causes=self.causes,
            known=int((first < cutoff_us).sum()),
            complete_until_us=self.complete_until_us,
            timezone=self.timezone,
        )

    def label(self, cutoff: object, *, horizon: str | Duration, lead: str | Duration = "0d") -> Labels:
        """Split the customers at risk at a cutoff by what came of them.

        Parameters
        ----------
        cutoff : str, datetime or int
            The cutoff; naive times are in the log's zone, an int is in microseconds of UTC.
        horizon : str or Duration
            Length of the label window.
        lead : str or Duration, default="0d"
            Blind gap between the cutoff and the window.

        Returns
        -------
        Labels
            One mask over the rows of ``state_at(cutoff)`` per part.

        Examples
        --------
        >>> import churnlib as cl, pandas as pd
        >>> orders = pd.DataFrame({"id": ["a", "b"], "at": ["2025-01-01", "2025-01-20"]})
        >>> log = cl.EventLog.from_frame(orders, customer="id", time="at", complete_until="2025-03-01")
        >>> outcomes = cl.Inactivity("30d").outcomes(log)
        >>> split = outcomes.label("2025-01-25", lead="7d", horizon="21d")
        >>> {name: n for name, n in split.counts.items() if n}
        {'churned_in_lead': 1, 'churned': 1}
        >>> outcomes.label("2025-01-25", lead="7d", horizon="60d").counts["immature"]
        2
        """
        at = int(cutoff) if isinstance(cutoff, (int, np.integer)) else to_us(cutoff, self.timezone)
        return self.state_at(at).label(lead=lead, horizon=horizon)


def settle(spells: Spells, log: EventLog | None) -> Outcomes:
    """Sort, check, number and censor what a definition found.

    Parameters
    ----------
    spells : Spells
        In any order.
    log : EventLog or None
        Where to look for the last sign of life when the definition names none.

    Returns
    -------
    Outcomes
        Ordered by customer, then spell.

    Raises
    ------
    DataError
        If spells are empty, overlap, or name customers that do not exist.
    """
    order = np.lexsort((spells.start, spells.customer))
    # A spell that begins at or after the end of the data has not begun for anyone who looks.
    order = order[spells.start[order] < spells.complete_until_us]
    customer = spells.customer[order].astype(np.int32)
    start, end = spells.start[order], spells.end[order]
    _check(spells.customers, customer, start, end)
    censored = end > spells.complete_until_us
    cause = np.ones(len(order), dtype=np.int16) if spells.cause is None else spells.cause[order].astype(np.int16)
    end, cause = np.where(censored, NEVER, end), np.where(censored, 0, cause).astype(np.int16)
    if spells.last_activity is None:
        last = _last_event(log, spells.customers, customer, start, np.minimum(end, spells.complete_until_us))
    else:
        last = spells.last_activity[order]
    spell = _numbered(customer)
    for column in (customer, spell, start, end, cause, last):
        column.setflags(write=False)
    return Outcomes(
        customers=spells.customers,
        customer=customer,
        spell=spell,
        start=start,
        end=end,
        cause=cause,
        last_activity=last,
        causes=spells.causes,
        complete_until_us=int(spells.complete_until_us),
        timezone=spells.timezone,
    )


def _numbered(customer: Array) -> CodeArray:
    """Number the entries of each customer 1, 2, …."""
    first = np.flatnonzero(segment_starts(customer))
    sizes = np.diff(np.append(first, len(customer)))
    return (np.arange(1, len(customer) + 1) - np.repeat(first, sizes)).astype(np.int32)


def _check(customers: pd.Index, customer: Array, start: IntArray, end: IntArray) -> None:
    strange = (customer < 0) | (customer >= len(customers))
    if strange.any():
        raise DataError(
            message(
                f"{int(strange.sum())} spells belong to no customer (codes {some(customer[strange])})",
                f"codes from 0 to {len(customers) - 1} were expected",
                "Spells(customer=positions in customers, ...)",
            )
        )
    empty = end <= start
    clash = np.zeros(len(start), dtype=np.bool_)
    clash[1:] = ~segment_starts(customer)[1:] & (start[1:] < end[:-1])
    for wrong, what in ((empty, "end at or before their start"), (clash, "begin before the spell before them ended")):
        if wrong.any():
            raise DataError(
                message(
                    f"{int(wrong.sum())} spells {what} (customers {some(customers.take(customer[wrong]))})",
                    "start < end, and one spell at a time for each customer, were expected",
                    "let ChurnDefinition.spells return disjoint spells",
                )
            )


def _last_event(
    log: EventLog | None, customers: pd.Index, customer: Array, start: IntArray, until: IntArray
) -> IntArray:
    """Return the time of the last event in [start, until]; the start where there is none."""
    if log is None:
        return start.copy()
    code = customer.astype(np.int64)
    if customers is not log.customers:
        code = log.customers.get_indexer(customers).astype(np.int64)[customer]
    known = code >= 0
    low = np.where(known, log.offsets[code], 0)
    high = np.where(known, log.offsets[code + 1], 0)
    after = first_beyond(log.time, low, high, until)
    found = np.where(after > low, after - 1, 0)
    last = log.time[found] if len(log.time) else start
    return np.where(after > low, np.maximum(last, start), start)
