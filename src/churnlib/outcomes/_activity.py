"""Which rows of a log count as a sign of life."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._checks import as_names
from churnlib._typing import BoolArray, CodeArray, IntArray
from churnlib.events import EventLog
from churnlib.outcomes._segments import offsets_of

__all__ = ["Activity", "activity", "is_activity", "read_kinds"]


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """Chosen rows of a log, by customer and time.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        Positions in the log.
    customer : ndarray of int, shape (n,)
        Code of the customer of each row.
    offsets : ndarray of int64, shape (n_customers + 1,)
        Where each customer begins.
    time : ndarray of int64, shape (n,)
        Microseconds since 1970, ascending inside each customer.
    """

    rows: IntArray
    customer: CodeArray
    offsets: IntArray
    time: IntArray

    @property
    def first(self) -> IntArray:
        """The first time of each customer, the greatest int64 for one without rows."""
        size = np.diff(self.offsets)
        first = np.full(len(size), np.iinfo(np.int64).max, dtype=np.int64)
        first[size > 0] = self.time[self.offsets[:-1][size > 0]]
        return first


def read_kinds(value: object) -> tuple[str, ...] | None:
    """Return the kinds named by an argument as a tuple; None stands for all kinds.

    Parameters
    ----------
    value : str, sequence of str or None
        What the caller passed.

    Returns
    -------
    tuple of str, or None
        Distinct names.

    Examples
    --------
    >>> read_kinds("order"), read_kinds(None)
    (('order',), None)
    """
    return None if value is None else as_names(value, name="kinds")


def is_activity(log: EventLog, kinds: tuple[str, ...] | None, *, refunds: bool) -> BoolArray:
    """Mark the rows that count as activity.

    Parameters
    ----------
    log : EventLog
        The events.
    kinds : tuple of str or None
        Kinds that count; None counts all but facts, and the first row of each customer.
    refunds : bool
        Whether an event with a negative amount counts. A refund settles an old order: it is the
        firm's bookkeeping, not the customer coming back.

    Returns
    -------
    ndarray of bool, shape (n_events,)
        True where a row counts.

    Raises
    ------
    ParameterError
        If the log has no such kind.

    Examples
    --------
    >>> import churnlib as cl, pandas as pd
    >>> orders = pd.DataFrame({"id": ["a", "a"], "at": ["2025-01-01", "2025-01-02"], "total": [5, -5]})
    >>> log = cl.EventLog.from_frame(orders, customer="id", time="at", amount="total")
    >>> is_activity(log, None, refunds=False).tolist(), is_activity(log, None, refunds=True).tolist()
    ([True, False], [True, True])
    """
    chosen: BoolArray = log.codes_of(kinds)[log.kind]
    if kinds is None and log.facts:
        # Becoming a customer is a sign of life, also where it is only a fact on record.
        chosen[log.offsets[:-1][np.diff(log.offsets) > 0]] = True
    if not refunds and log.amount is not None:
        chosen = chosen & (log.amount >= 0)
    return chosen


def activity(log: EventLog, chosen: BoolArray) -> Activity:
    """Gather the chosen rows of a log.

    Parameters
    ----------
    log : EventLog
        The events.
    chosen : ndarray of bool, shape (n_events,)
        Which rows.

    Returns
    -------
    Activity
        The rows, by customer and time.
    """
    if chosen.all():
        rows = np.arange(len(log), dtype=np.int64)
        return Activity(rows, log.customer_codes, log.offsets, log.time)
    rows = np.flatnonzero(chosen)
    customer = log.customer_codes[rows]
    return Activity(rows, customer, offsets_of(customer, log.n_customers), log.time[rows])
