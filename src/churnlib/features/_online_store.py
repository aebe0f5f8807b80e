"""What is kept of each customer: packed events, folded ones, what was stated, and ids."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from churnlib.features._online_columns import EventTable
from churnlib.features._online_layout import LARGE
from churnlib.features._online_plan import OnlinePlan, Past
from churnlib.features._online_reader import ReadEvent

__all__ = ["OnlineStore"]

Statement = tuple[tuple[Any, ...], Any]
"""Where a statement stands among others, and what it says."""


class OnlineStore:
    """The state of all customers, without a clock and without opinions.

    Parameters
    ----------
    plan : OnlinePlan
        How events are packed and read.
    attributes : tuple of str
        Names of the attributes, in the order of the log.
    wanted : mapping of str to int
        Those that features read, and how long before now, in microseconds, one may ask for them.
    numeric : dict of str to bool
        Whether an attribute is a number; grows as attributes are first stated.
    counted : bool
        Whether event ids are kept, so that a repeated one is recognised.

    Attributes
    ----------
    states : dict of customer to bytes-like
        Packed events, ascending.
    pasts : dict of customer to Past
        What is left of folded events.
    stated : dict of customer to dict of str to list
        Statements about each attribute, by where they stand.
    ids : dict of customer to dict
        Time of each event id.
    seen : set
        All event ids: one names one event, whosever it is.
    items : dict of item to int
        Codes of items, in order of arrival: only whether two are equal matters.
    """

    __slots__ = (
        "attributes", "counted", "ids", "items", "layout", "next_item", "numeric", "pasts", "plan", "seen", "stated",
        "states", "wanted",
    )  # fmt: skip

    def __init__(
        self,
        plan: OnlinePlan,
        attributes: tuple[str, ...],
        wanted: Mapping[str, int],
        numeric: dict[str, bool],
        *,
        counted: bool,
    ) -> None:
        self.plan, self.attributes, self.counted, self.numeric = plan, attributes, counted, numeric
        self.wanted = dict(wanted)
        self.layout = plan.layout
        self.states: dict[Any, bytes | bytearray] = {}
        self.pasts: dict[Any, Past] = {}
        self.stated: dict[Any, dict[str, list[Statement]]] = {}
        self.ids: dict[Any, dict[Any, int]] = {}
        self.seen: set[Any] = set()
        self.items: dict[Any, int] = {}
        self.next_item = 0

    def item_code(self, item: Any) -> int:
        """Return the code of an item, a new one for a new item; -1 for none."""
        if item is None:
            return -1
        code = self.items.get(item)
        if code is None:
            # Codes are never used twice: forgetting an item must not make two of them one.
            code = self.items[item] = self.next_item
            self.next_item += 1
        return code

    def add(self, event: ReadEvent, now: int) -> None:
        """Put an event in its place.

        Raises
        ------
        TimeError, MoneyError
            When the event does not fit into words; nothing is changed then.
        """
        customer, time, _, kind, amount, item, _, event_id = event
        layout = self.layout
        # Almost all events take the short way through the next lines, in which a call of a
        # function would cost as much as what it does.
        code = layout.known.get(kind)
        word = time << layout.bits | (layout.kinds.code(kind) if code is None else code)
        record = layout.record(word, amount, self.item_code(item) if layout.has_item else -1)
        state = self.states.get(customer)
        if state is None:
            self.states[customer] = record
        elif len(state) < LARGE and state and layout.last(state, len(state) - layout.size)[0] <= word:
            self.states[customer] = state + record
        else:
            self.states[customer] = layout.added(state, record)
        if self.counted:
            self.seen.add(event_id)
            self.ids.setdefault(customer, {})[event_id] = time
        if self.wanted:
            self._add_stated(event, now)

    def add_table(self, table: EventTable) -> None:
        """Put the events of a table in their places, if nothing but what is packed is kept of them: as `add` does.

        Words are made for all of them at once; what is left for each is to put them behind the others.
        """
        layout, states = self.layout, self.states
        codes = np.array([layout.kinds.code(kind) for kind in table.kinds], np.int64)
        events = np.empty((len(table), layout.width), np.int64)
        events[:, 0] = (table.time << layout.bits) | codes[table.kind]
        if layout.has_amount:
            events[:, 1] = 0 if table.amount is None else table.amount
        if layout.has_item:
            events[:, -1] = [self.item_code(item) for item in table.items]
        packed, size, last = events.tobytes(), layout.size, layout.last
        places = range(0, len(packed), size)
        for customer, word, place in zip(table.customers, events[:, 0].tolist(), places, strict=True):
            record = packed[place : place + size]
            state = states.get(customer)
            if state is None:
                states[customer] = record
            elif len(state) < LARGE and state and last(state, len(state) - size)[0] <= word:
                states[customer] = state + record
            else:
                states[customer] = layout.added(state, record)

    def _add_stated(self, event: ReadEvent, now: int) -> None:
        """Keep what an event states, where it stands in canonical order.

        Only the last statement before an instant counts, and nobody asks about an instant before
        the one that features look back to from `now`: a statement that another one from before that
        follows will never be read again.
        """
        customer, time, known, kind, amount, item, stated, event_id = event
        key = (time, kind, item, amount, max(time, known), *stated, event_id)
        for name, value in zip(self.attributes, stated, strict=True):
            if value is None or name not in self.wanted:
                continue
            kept = self.stated.setdefault(customer, {}).setdefault(name, [])
            insort(kept, (key, value), key=self._place)
            asked = now - self.wanted[name]
            while len(kept) > 1 and kept[1][0][0] < asked:
                del kept[0]

    def _place(self, statement: Statement) -> tuple[Any, ...]:
        """Order statements as the log orders events: a missing code is the smallest, NaN the largest."""
        time, kind, item, amount, known, *stated, event_id = statement[0]
        ranks = [
            (0, value) if value is not None else (1 if self.numeric.get(name) else -1,)
            for name, value in zip(self.attributes, stated, strict=True)
        ]
        return time, kind, _rank(item), amount, known, *ranks, _rank(event_id)

    def stated_by(self, customer: Any, name: str, at: int) -> Any:
        """Return what was last stated of an attribute before an instant; None for nothing."""
        found = None
        for key, value in self.stated.get(customer, {}).get(name, ()):
            if key[0] >= at:
                break
            found = value
        return found

    def fold(self, line: int) -> int:
        """Turn all events before an instant into what features since the beginning need of them."""
        layout, plan, folded = self.layout, self.plan, 0
        for customer, state in self.states.items():
            if not state or layout.first(state) >= line:
                continue
            moment = plan.look(state, self.pasts.get(customer), line)
            count = layout.count_before(state, line)
            self.pasts[customer] = plan.folded(moment)
            # Assigning to a key that is there does not disturb the loop over the dictionary.
            self.states[customer] = bytes(state[count * layout.size :])
            folded += count
        for customer, times in list(self.ids.items()):
            gone = [event_id for event_id, time in times.items() if time < line]
            self.seen.difference_update(gone)
            for event_id in gone:
                del times[event_id]
            if not times:
                del self.ids[customer]
        return folded

    def drop(self, customers: Iterable[Any]) -> None:
        """Remove customers, and the items that nobody else has."""
        for customer in customers:
            self.states.pop(customer, None)
            self.pasts.pop(customer, None)
            self.stated.pop(customer, None)
            self.seen.difference_update(self.ids.pop(customer, ()))
        used = self.used_items()
        self.items = {item: code for item, code in self.items.items() if code in used}

    def used_items(self) -> set[int]:
        """Return the codes of the items that some customer has."""
        layout, used = self.layout, set()
        if layout.has_item:
            for state in self.states.values():
                if state:
                    used.update(memoryview(state).cast("q")[layout.width - 1 :: layout.width].tolist())
        for past in self.pasts.values():
            used.update(*past.items)
        return used


def _rank(value: Any) -> tuple[Any, ...]:
    return () if value is None else (value,)
