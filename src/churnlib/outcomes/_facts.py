"""Dated facts about customers, in the order in which they became known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._typing import Array, BoolArray, IntArray
from churnlib.events import Attribute, EventLog
from churnlib.exceptions import SchemaError, message, nearest
from churnlib.outcomes._segments import segment_starts
from churnlib.outcomes._spells import NEVER

__all__ = ["Facts", "categories_of", "effective_facts", "first_known", "first_time", "numbers_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What was believed of each customer from which instant on.

    Attributes
    ----------
    customer : ndarray of int, shape (n,)
        Code of the customer, ascending.
    at : ndarray of int64, shape (n,)
        When the fact became known, strictly ascending inside each customer.
    row : ndarray of int64, shape (n,)
        The row of the log that states it.
    """

    customer: Array
    at: IntArray
    row: IntArray

    @property
    def first(self) -> BoolArray:
        """Which facts are the first of their customer."""
        return segment_starts(self.customer)


def effective_facts(log: EventLog, stated: BoolArray) -> Facts:
    """Return the facts that changed what was believed, at the instants at which they became known.

    A fact about an earlier time that arrives after one about a later time corrects the past and
    leaves the present as it is. Of facts that became known at the same instant the one about the
    latest time counts, and of those about the same time the last in the log's order.

    Parameters
    ----------
    log : EventLog
        The events.
    stated : ndarray of bool, shape (n_events,)
        Rows that state the fact.

    Returns
    -------
    Facts
        Ordered by customer and instant.

    Examples
    --------
    >>> import churnlib as cl, pandas as pd
    >>> rows = pd.DataFrame({"id": "a", "at": ["2025-01-01", "2025-01-05"], "keyed": ["2025-01-09", "2025-01-06"]})
    >>> log = cl.EventLog.from_frame(rows, customer="id", time="at", known_at="keyed")
    >>> effective_facts(log, np.array([True, True])).row.tolist()
    [1]
    """
    row = np.flatnonzero(stated)
    customer, time = log.customer_codes[row], log.time[row]
    if log.known is None:
        last = np.ones(len(row), dtype=np.bool_)
        last[:-1] = segment_starts(customer)[1:] | (time[1:] != time[:-1])
        return Facts(customer[last], time[last], row[last])
    known = log.known[row]
    order = np.lexsort((row, time, known, customer))
    customer, known, row = customer[order], known[order], row[order]
    # Rows of the log ascend by (customer, time), so a running maximum of rows is one of times; of
    # equal times the later row wins. A customer's rows lie above those of the customer before.
    current = row == np.maximum.accumulate(row)
    customer, known, row = customer[current], known[current], row[current]
    last = np.ones(len(row), dtype=np.bool_)
    last[:-1] = segment_starts(customer)[1:] | (known[1:] != known[:-1])
    return Facts(customer[last], known[last], row[last])


def first_time(log: EventLog) -> IntArray:
    """Return the time of each customer's first event, `NEVER` for one without events.

    Parameters
    ----------
    log : EventLog
        The events.

    Returns
    -------
    ndarray of int64, shape (n_customers,)
        Microseconds.
    """
    return _first(log, log.time)


def first_known(log: EventLog) -> IntArray:
    """Return when each customer became known at all, `NEVER` for one without events.

    Parameters
    ----------
    log : EventLog
        The events.

    Returns
    -------
    ndarray of int64, shape (n_customers,)
        Microseconds.
    """
    return _first(log, log.time if log.known is None else log.known)


def _first(log: EventLog, values: IntArray) -> IntArray:
    result = np.full(log.n_customers, NEVER, dtype=np.int64)
    some = np.flatnonzero(np.diff(log.offsets))
    if len(some):
        result[some] = np.minimum.reduceat(values, log.offsets[:-1][some])
    return result


def categories_of(log: EventLog, attribute: str) -> tuple[Array, list[str]]:
    """Return the codes and words of a dated attribute that holds words.

    Parameters
    ----------
    log : EventLog
        The events.
    attribute : str
        Name of the attribute.

    Returns
    -------
    codes : ndarray of int32, shape (n_events,)
        -1 where the row does not state it.
    words : list of str
        What the codes stand for.

    Raises
    ------
    SchemaError
        If there is no such attribute, or it holds numbers.
    """
    found = _attribute(log, attribute)
    if found.categories is None:
        raise SchemaError(
            message(
                f"the attribute {attribute!r} holds numbers",
                "an attribute that holds words was expected",
                f"turn it into words: frame[{attribute!r}] = frame[{attribute!r}].astype('string')",
            )
        )
    return found.values, [str(word) for word in found.categories]


def numbers_of(log: EventLog, attribute: str) -> Array:
    """Return the values of a dated attribute that holds numbers.

    Parameters
    ----------
    log : EventLog
        The events.
    attribute : str
        Name of the attribute.

    Returns
    -------
    ndarray of float64, shape (n_events,)
        NaN where the row does not state it.

    Raises
    ------
    SchemaError
        If there is no such attribute, or it holds words.
    """
    found = _attribute(log, attribute)
    if found.categories is not None:
        raise SchemaError(
            message(
                f"the attribute {attribute!r} holds words",
                "an attribute that holds numbers was expected",
                f"turn it into numbers: frame[{attribute!r}] = pandas.to_numeric(frame[{attribute!r}])",
            )
        )
    return found.values


def _attribute(log: EventLog, name: str) -> Attribute:
    if name not in log.attributes:
        hint = nearest(name, sorted(log.attributes)) if log.attributes else "it has none"
        raise SchemaError(
            message(
                f"the log has no attribute {name!r} ({hint})",
                "a dated attribute was expected",
                f"EventLog.from_frame(..., attributes=[{name!r}])",
            )
        )
    return log.attributes[name]
