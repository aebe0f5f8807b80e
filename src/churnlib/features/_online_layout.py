"""How the events of one customer are packed: a few words of 64 bits each, in one object of bytes.

An event is one word of time and kind, one of money where the spec reads money, one of the
item where it counts items. Ten events are 240 bytes beside the 33 of the object; Python's own
integers in lists would be 1,000, and one array for each column 400.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Any

from churnlib.calendar import timestamp
from churnlib.exceptions import MoneyError, ParameterError, TimeError, message
from churnlib.features._source import Kind, kind_names

__all__ = ["LARGE", "KindCodes", "Layout"]

LARGE = 4096
"""Bytes from which a customer's events grow in place: below it, copying them costs less than room to grow."""

_MOST_KINDS = 255
"""With more, the years that a word of 64 bits can name beside the kind would end too soon."""


_REMEMBERED = 10_000
"""Kinds whose codes are looked up rather than searched for; a stream with more makes them up."""


class KindCodes:
    """Codes of kinds that keep the order of their names, known or not.

    Kinds that the spec names have odd codes, and all kinds whose name falls between two of
    those share the even code between them. So a kind nobody has thought of needs no table,
    and events of one instant stand in the order in which the batch has them, as far as any
    feature can tell.

    Parameters
    ----------
    named : iterable of str
        Kinds that features name, and kinds that state facts.
    facts : iterable of str
        Kinds that are nothing customers did.

    Examples
    --------
    >>> kinds = KindCodes(["order", "cancel"])
    >>> [kinds.code(name) for name in ("call", "cancel", "login", "order", "visit")]
    [0, 1, 2, 3, 4]
    """

    __slots__ = ("_facts", "known", "names")

    def __init__(self, named: Iterable[str], facts: Iterable[str] = ()) -> None:
        self._facts = tuple(facts)
        self.names = tuple(sorted({*named, *self._facts}))
        if len(self.names) > _MOST_KINDS:
            raise ParameterError(
                message(
                    f"the features name {len(self.names)} kinds",
                    f"at most {_MOST_KINDS} can be told apart event by event",
                    "fewer kinds in the spec, or kinds joined before they come in",
                )
            )
        self.known = {name: 2 * place + 1 for place, name in enumerate(self.names)}

    def __len__(self) -> int:
        return 2 * len(self.names) + 1

    def code(self, name: str) -> int:
        """Return the code of a kind."""
        code = self.known.get(name)
        if code is None:
            code = 2 * bisect_left(self.names, name)
            if len(self.known) < _REMEMBERED:
                self.known[name] = code
        return code

    def codes(self, names: Iterable[str]) -> tuple[int, ...]:
        """Return the codes of named kinds."""
        return tuple(self.known[name] for name in names)

    def kept(self, kind: Kind) -> tuple[bool, ...] | None:
        """Say which codes a choice of kinds keeps; None for all."""
        if kind is not None:
            chosen = set(self.codes(kind_names(kind)))
            return tuple(code in chosen for code in range(len(self)))
        if not self._facts:
            return None
        facts = set(self.codes(self._facts))
        return tuple(code not in facts for code in range(len(self)))

    def labels(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return a name for each code, and the names that are facts, for the kernel of the batch."""
        between = [f"\x00{place}" for place in range(len(self.names) + 1)]
        named = [name for pair in zip(between, self.names, strict=False) for name in pair]
        return (*named, between[-1]), self._facts


class Layout:
    """Words of an event, and how they are put together.

    Parameters
    ----------
    kinds : KindCodes
        Codes of the kinds.
    has_amount, has_item : bool
        Whether a word of money and one of the item are kept.

    Attributes
    ----------
    bits : int
        Bits of a word that hold the kind; the time stands above them, so that words in order
        are events in order, and one search finds an instant.
    low : int
        Mask of those bits.
    width, size : int
        Words and bytes of an event.

    Examples
    --------
    >>> layout = Layout(KindCodes(["order"]), has_amount=True, has_item=False)
    >>> state = layout.added(
    ...     layout.added(b"", layout.record(layout.word(7, 1), 250)), layout.record(layout.word(5, 1), -50)
    ... )
    >>> [(word >> layout.bits, amount) for word, amount in layout.events(state)]
    [(5, -50), (7, 250)]
    """

    __slots__ = ("_events", "_pack", "bits", "has_amount", "has_item", "kinds", "known", "last", "low", "size", "width")

    def __init__(self, kinds: KindCodes, *, has_amount: bool, has_item: bool) -> None:
        self.kinds, self.has_amount, self.has_item = kinds, has_amount, has_item
        self.known = kinds.known
        self.bits = (len(kinds) - 1).bit_length()
        self.low = (1 << self.bits) - 1
        self.width = 1 + has_amount + has_item
        self.size = 8 * self.width
        form = struct.Struct(f"={self.width}q")
        self._pack, self._events = form.pack, form.iter_unpack
        self.last = struct.Struct("=q").unpack_from

    def word(self, time: int, code: int) -> int:
        """Put a time and the code of a kind together."""
        return time << self.bits | code

    def record(self, word: int, amount: int = 0, item: int = -1) -> bytes:
        """Pack one event; `word` is its time and kind.

        Raises
        ------
        TimeError
            When the time does not fit beside the kind.
        MoneyError
            When the amount leaves 64 bits.
        """
        try:
            if self.has_amount:
                return self._pack(word, amount, item) if self.has_item else self._pack(word, amount)
            return self._pack(word, item) if self.has_item else self._pack(word)
        except struct.error:
            raise self._unfit(word >> self.bits, amount) from None

    def _unfit(self, time: int, amount: int) -> Exception:
        edge = 1 << (63 - self.bits)
        if -edge <= time < edge:
            return MoneyError(
                message(
                    f"an amount is {amount} minor units, which leaves 64 bits",
                    "amounts below 9.2 trillion units were expected",
                    "a coarser unit, or a smaller scale=",
                )
            )
        return TimeError(
            message(
                f"a time lies {time} microseconds from 1970",
                f"times up to the year {timestamp(min(edge, 2**57)).year} fit beside {len(self.kinds.names)} kinds",
                "integers are microseconds since 1970 in UTC",
            )
        )

    def added(self, state: bytes | bytearray, record: bytes) -> bytes | bytearray:
        """Put a packed event in its place; a large state grows where it is.

        Events come almost in order, so the last one is looked at first; one that is late by k
        events costs the search and a move of k records, which is a copy of memory.
        """
        size, length = self.size, len(state)
        if length >= LARGE and type(state) is bytes:
            state = bytearray(state)
        if not length or self.last(state, length - size)[0] <= self.last(record, 0)[0]:
            state += record
            return state
        words = memoryview(state).cast("q")[:: self.width]
        at = bisect_right(words, self.last(record, 0)[0]) * size
        words.release()
        if isinstance(state, bytearray):
            state[at:at] = record
            return state
        return b"".join((state[:at], record, state[at:]))

    def first(self, state: bytes | bytearray) -> int:
        """Return the time of the first event of a state that has one."""
        word: int = self.last(state, 0)[0]
        return word >> self.bits

    def count_before(self, state: bytes | bytearray, us: int) -> int:
        """Return how many events lie before an instant."""
        if not state:
            return 0
        words = memoryview(state).cast("q")[:: self.width]
        return bisect_left(words, us << self.bits)

    def events(self, state: bytes | bytearray) -> Iterator[tuple[Any, ...]]:
        """Return the words of each event."""
        return self._events(state)
