"""Who is at risk at a cutoff, and when each of them will churn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnlib._typing import Array, BoolArray, CodeArray, IntArray
from churnlib.calendar import Duration, duration
from churnlib.outcomes._labels import Labels
from churnlib.outcomes._spells import NEVER

if TYPE_CHECKING:
    from churnlib.outcomes._outcomes import Outcomes

__all__ = ["OutcomeState", "revised"]


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeState:
    """The risk set of one cutoff: who was with us, as could be known then, and their true outcome.

    A customer is at risk at c iff a spell has ``start < c <= end``. Rows are ordered by customer.

    Attributes
    ----------
    cutoff_us : int
        The cutoff c.
    customers : Index
        Ids of all customers.
    customer : ndarray of int32, shape (n_rows,)
        Position in `customers`.
    spell : ndarray of int32, shape (n_rows,)
        1 for the first time the customer is with us, 2 after the first return, …
    start : ndarray of int64, shape (n_rows,)
        The customer's *first* start: tenure counts from here.
    churn : ndarray of int64, shape (n_rows,)
        First churn at or after the cutoff in the full data, or `NEVER`. Earlier than the cutoff
        only where events known later show that the customer had left already.
    cause : ndarray of int16, shape (n_rows,)
        1, 2, … into `causes` for that churn; 0 without one.
    causes : tuple of str
        Words for the causes.
    known : int
        Customers who had started before the cutoff.
    complete_until_us : int
        Until when the full data are complete.
    timezone : str
        Zone of the log.

    Examples
    --------
    >>> import churnlib as cl, pandas as pd
    >>> orders = pd.DataFrame({"id": ["a", "b"], "at": ["2025-01-01", "2025-03-20"]})
    >>> log = cl.EventLog.from_frame(orders, customer="id", time="at", complete_until="2025-06-01")
    >>> state = cl.Inactivity("30d").state_at(log, cl.calendar.to_us("2025-04-01"))
    >>> state.known, state.gone, state.at_risk
    (2, 1, 1)
    >>> state.customers.take(state.customer).tolist(), cl.calendar.timestamp(state.churn[0]).date().isoformat()
    (['b'], '2025-04-19')
    """

    cutoff_us: int
    customers: pd.Index
    customer: CodeArray
    spell: CodeArray
    start: IntArray
    churn: IntArray
    cause: CodeArray
    causes: tuple[str, ...]
    known: int
    complete_until_us: int
    timezone: str = "UTC"

    @property
    def at_risk(self) -> int:
        """How many customers are at risk."""
        return len(self.customer)

    @property
    def gone(self) -> int:
        """How many had started before the cutoff and are not at risk at it."""
        return self.known - self.at_risk

    def __len__(self) -> int:
        return len(self.customer)

    def __repr__(self) -> str:
        at = np.datetime64(self.cutoff_us, "us")
        return f"OutcomeState({at} UTC: {self.known} known, {self.gone} gone, {self.at_risk} at risk)"

    def label(self, *, horizon: str | Duration, lead: str | Duration = "0d") -> Labels:
        """Split the customers at risk by what came of them.

        Parameters
        ----------
        horizon : str or Duration
            Length of the label window.
        lead : str or Duration, default="0d"
            Blind gap between the cutoff and the window.

        Returns
        -------
        Labels
            One mask per part; every row is in exactly one. All rows are immature unless
            ``complete_until >= c + lead + horizon``.

        Raises
        ------
        ParameterError
            If the horizon is zero, or a length is negative or unreadable.

        Examples
        --------
        >>> import churnlib as cl, pandas as pd
        >>> orders = pd.DataFrame({"id": ["a", "a", "b"], "at": ["2025-01-01", "2025-02-20", "2025-01-20"]})
        >>> log = cl.EventLog.from_frame(orders, customer="id", time="at", complete_until="2025-04-01")
        >>> state = cl.Inactivity("30d").outcomes(log).state_at(cl.calendar.to_us("2025-01-25"))
        >>> state.label(lead="7d", horizon="30d").counts["churned"]
        1
        """
        gap = duration(lead, name="lead", allow_zero=True)
        opens = gap.after(self.cutoff_us, self.timezone)
        closes = duration(horizon, name="horizon").after(opens, self.timezone)
        mature = self.complete_until_us >= closes
        churn = self.churn
        return Labels(
            opens_us=opens,
            closes_us=closes,
            mature=mature,
            churned_before=(churn < self.cutoff_us) & mature,
            churned_in_lead=(churn >= self.cutoff_us) & (churn < opens) & mature,
            churned=(churn >= opens) & (churn < closes) & mature,
            retained=(churn >= closes) & mature,
            immature=np.full(len(churn), not mature),
        )


def revised(truth: Outcomes, known: Outcomes, affected: BoolArray, cutoff_us: int) -> OutcomeState:
    """Take the risk set of some customers from what was known at the cutoff, their outcome from the truth.

    Parameters
    ----------
    truth : Outcomes
        From the full data.
    known : Outcomes
        From the rows of the affected customers that were known before the cutoff.
    affected : ndarray of bool, shape (n_customers of truth,)
        Customers with a row that had happened before the cutoff and was not known.
    cutoff_us : int
        The cutoff.

    Returns
    -------
    OutcomeState
        Rows ordered by customer.
    """
    full, seen = truth.state_at(cutoff_us), known.state_at(cutoff_us)
    code = _translated(known.customers, truth.customers)
    keep = ~affected[full.customer]
    fate = _Fate.read(truth, code[seen.customer], cutoff_us)
    customer = np.concatenate([full.customer[keep], code[seen.customer].astype(np.int32)])
    order = np.argsort(customer, kind="stable")

    def joined(own: Array, other: Array) -> Array:
        return np.concatenate([own[keep], other])[order]

    started = truth.first_start < cutoff_us
    return OutcomeState(
        cutoff_us=cutoff_us,
        customers=truth.customers,
        customer=customer[order],
        spell=joined(full.spell, seen.spell),
        start=joined(full.start, seen.start),
        churn=joined(full.churn, fate.churn),
        cause=joined(full.cause, fate.cause),
        causes=truth.causes,
        known=int((started & ~affected).sum()) + seen.known,
        complete_until_us=truth.complete_until_us,
        timezone=truth.timezone,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Fate:
    """The true outcome of customers who, as known at a cutoff, are at risk at it."""

    churn: IntArray
    cause: CodeArray

    @classmethod
    def read(cls, truth: Outcomes, customer: IntArray, cutoff_us: int) -> _Fate:
        """Take the last spell begun before the cutoff, else the first one.

        That spell covers the cutoff, or ended before it (the customer had left, which was not
        known yet). Before every spell there is no churn to report but the first one to come.
        """
        offsets = truth.offsets
        low, high = offsets[customer], offsets[customer + 1]
        empty = low == high
        begun = truth.starts_before(customer, cutoff_us)
        at = np.where(empty, 0, np.maximum(begun - 1, low))
        if not len(truth):
            return cls(np.full(len(customer), NEVER), np.zeros(len(customer), dtype=np.int16))
        churn = np.where(empty, NEVER, truth.end[at])
        cause = np.where(empty, 0, truth.cause[at]).astype(np.int16)
        return cls(churn, cause)


def _translated(source: pd.Index, target: pd.Index) -> IntArray:
    if source is target:
        return np.arange(len(source), dtype=np.int64)
    return target.get_indexer(source).astype(np.int64)
