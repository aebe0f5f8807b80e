"""What can have happened to a customer: kinds of events, items, and changes of dated facts, as streams of instants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from churnlib._checks import as_names
from churnlib._typing import Array, BoolArray, IntArray
from churnlib.events import EventLog
from churnlib.exceptions import ParameterError, SchemaError, message, nearest
from churnlib.outcomes._facts import effective_facts
from churnlib.outcomes._segments import first_at_least, offsets_of

__all__ = ["NEVER_BEFORE", "Stream", "known_times", "streams"]

NEVER_BEFORE = np.iinfo(np.int64).min
"""The last occurrence of what never occurred."""

_MOST_ITEMS = 50
_MOST_PAIRS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """When something happened to which customers.

    Attributes
    ----------
    name : str
        What happened, such as "ticket" or "plan: pro → basic".
    offsets : ndarray of int64, shape (n_customers + 1,)
        Where the instants of each customer of the log begin.
    at : ndarray of int64
        Microseconds, ascending inside a customer: when it became known.
    """

    name: str
    offsets: IntArray
    at: IntArray

    @classmethod
    def of(cls, name: str, customer: Array, at: IntArray, n_customers: int) -> Stream:
        """Sort instants by customer and time."""
        order = np.lexsort((at, customer))
        return cls(name, offsets_of(customer[order], n_customers), at[order])

    def last_before(self, customer: IntArray, instant: IntArray) -> IntArray:
        """Return the last occurrence strictly before an instant.

        Parameters
        ----------
        customer : ndarray of int64, shape (q,)
            Codes of the log; -1 for a customer without events.
        instant : ndarray of int64, shape (q,)
            Microseconds.

        Returns
        -------
        ndarray of int64, shape (q,)
            Microseconds; `NEVER_BEFORE` where there is none.

        Examples
        --------
        >>> visits = Stream.of("visit", np.array([0, 0]), np.array([5, 9]), 1)
        >>> visits.last_before(np.array([0, 0]), np.array([9, 10])).tolist()
        [5, 9]
        """
        known = customer >= 0
        low = np.where(known, self.offsets[customer], 0)
        high = np.where(known, self.offsets[customer + 1], 0)
        found = first_at_least(self.at, low, high, instant)
        if not len(self.at):
            return np.full(len(customer), NEVER_BEFORE)
        return np.where(found > low, self.at[np.maximum(found - 1, 0)], NEVER_BEFORE)


def known_times(log: EventLog) -> IntArray:
    """Return when each event became known: nothing counts before that.

    Parameters
    ----------
    log : EventLog
        The events.

    Returns
    -------
    ndarray of int64, shape (n_events,)
        Microseconds.
    """
    return log.time if log.known is None else log.known


def streams(log: EventLog, *, items: str | Sequence[str] | None, changes: Sequence[str] | None) -> list[Stream]:
    """List all that can have happened, in a fixed order: kinds, items, changes.

    Parameters
    ----------
    log : EventLog
        The events.
    items : str, sequence of str or None
        Kinds whose items are happenings of their own, such as features that are used.
    changes : sequence of str or None
        Dated attributes whose changes are happenings; None is all of them.

    Returns
    -------
    list of Stream
        Each occurs at least once.

    Raises
    ------
    ParameterError
        When a kind or an attribute is unknown.
    SchemaError
        When items are asked for and the log has none.

    Examples
    --------
    >>> import churnlib as cl, pandas as pd
    >>> rows = pd.DataFrame({"id": "a", "at": ["2025-01-01", "2025-02-01"], "plan": ["pro", "basic"]})
    >>> log = cl.EventLog.from_frame(rows, customer="id", time="at", attributes=["plan"])
    >>> [stream.name for stream in streams(log, items=None, changes=None)]
    ['event', 'plan changed', 'plan: pro → basic']
    """
    at, customer, n = known_times(log), log.customer_codes, log.n_customers
    found = [_picked(kind, log.kind == code, customer, at, n) for code, kind in enumerate(log.kinds)]
    found += [_picked(name, rows, customer, at, n) for name, rows in _items(log, items)]
    for attribute in _attributes(log, changes):
        found += _changes(log, attribute)
    return [stream for stream in found if len(stream.at)]


def _picked(name: str, rows: BoolArray, customer: Array, at: IntArray, n: int) -> Stream:
    return Stream.of(name, customer[rows], at[rows], n)


def _items(log: EventLog, kinds: str | Sequence[str] | None) -> Iterator[tuple[str, BoolArray]]:
    names = as_names(kinds, name="items")
    if not names:
        return
    log.codes_of(names)  # a misspelt kind is an error
    if log.item is None or log.items is None:
        raise SchemaError(
            message("the log has no items", f"items of {names[0]!r} were asked for", "from_frame(..., item='...')")
        )
    for kind in names:
        of_kind = (log.kind == log.kinds.index(kind)) & (log.item >= 0)
        # how many customers, not how many events: a feature is known by its users
        pairs = np.unique(np.column_stack([log.item[of_kind], log.customer_codes[of_kind]]), axis=0)
        users = np.bincount(pairs[:, 0], minlength=len(log.items))
        most = np.argsort(-users, kind="stable")[:_MOST_ITEMS]
        for code in most[users[most] > 0]:
            yield f"{kind}: {log.items[code]}", of_kind & (log.item == code)


def _attributes(log: EventLog, changes: Sequence[str] | None) -> tuple[str, ...]:
    if changes is None:
        return tuple(log.attributes)
    names = as_names(changes, name="changes")
    strange = [name for name in names if name not in log.attributes]
    if strange:
        raise ParameterError(
            message(
                f"the log has no attribute {strange[0]!r}",
                nearest(strange[0], list(log.attributes)) if log.attributes else "it has none",
                f"EventLog.from_frame(..., attributes=[{strange[0]!r}])",
            )
        )
    return names


def _changes(log: EventLog, attribute: str) -> list[Stream]:
    """Derive changes from what was believed before and after each dated fact."""
    values = log.attributes[attribute].values
    categories = log.attributes[attribute].categories
    stated = ~np.isnan(values) if categories is None else values >= 0
    facts = effective_facts(log, stated)
    now = values[facts.row]
    before = np.concatenate([now[:1], now[:-1]])
    changed = ~facts.first & (now != before)
    n, made = log.n_customers, []

    def add(name: str, which: BoolArray) -> None:
        made.append(Stream.of(name, facts.customer[which], facts.at[which], n))

    add(f"{attribute} changed", changed)
    if categories is None:
        add(f"{attribute} rose", changed & (now > before))
        add(f"{attribute} fell", changed & (now < before))
        return made
    pairs, count = np.unique(np.column_stack([before[changed], now[changed]]), axis=0, return_counts=True)
    for place in np.argsort(-count, kind="stable")[:_MOST_PAIRS]:
        old, new = pairs[place]
        add(f"{attribute}: {categories[old]} → {categories[new]}", changed & (before == old) & (now == new))
    return made
