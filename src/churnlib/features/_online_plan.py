"""What a spec asks of one customer's packed events, worked out once: streams, edges and readings."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import Any, TypeAlias

from churnlib.calendar import Duration
from churnlib.features._age import SinceFirst, SinceLast
from churnlib.features._attributes import Stated
from churnlib.features._contracts import ContractEnd
from churnlib.features._counts import DistinctItems, EventCount
from churnlib.features._gaps import GapSeconds, SquaredGaps
from churnlib.features._money import MoneySum
from churnlib.features._online_days import LocalDays
from churnlib.features._online_layout import Layout
from churnlib.features._raw import MISSING, Raw, span
from churnlib.features._runs import Run
from churnlib.features._source import Source, kind_names
from churnlib.features._trend import MoneyTrend, WeekTrend, weekly

__all__ = ["ELSEWHERE", "FOLDED", "READ_FROM_EVENTS", "Moment", "OnlinePlan", "Past", "Reading", "Seen", "StreamPlan"]

FOLDED = ("count", "first", "last", "squares", "money")
"""What is kept of the events of a stream that were folded: one word each."""

_NOTHING = (0, 0, 0, 0, 0)
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Past:
    """What is left of the events of a customer that were folded.

    Attributes
    ----------
    streams : tuple of int
        `FOLDED` of each stream that needs it, one after the other.
    runs : tuple of int
        Length of each run at the last folded event.
    items : tuple of frozenset
        Codes of the items, for each stream whose items are counted since the beginning.
    """

    streams: tuple[int, ...]
    runs: tuple[int, ...] = ()
    items: tuple[frozenset[int], ...] = ()


class Seen:
    """What one stream shows of a customer at an instant.

    Attributes
    ----------
    words : list of int
        Packed times of its events before the instant.
    n : int
        Their number.
    before : list of int
        How many of them lie before each edge.
    past : tuple of int
        `FOLDED` of the events before them.
    """

    __slots__ = ("_money", "_rows", "before", "moment", "n", "past", "words")

    def __init__(
        self, moment: Moment, words: list[int], edges: list[int], past: tuple[int, ...], rows: list[int] | None = None
    ) -> None:
        self.moment, self.words, self.past, self._rows = moment, words, past, rows
        self.n = len(words)
        self.before = [bisect_left(words, edge) for edge in edges]
        self._money: list[int] | None = None

    def money(self) -> list[int]:
        """Return running sums of the amounts, from 0; Python's integers have no end."""
        if self._money is None:
            self._money = list(accumulate(self._picked(1), initial=0))
        return self._money

    def items(self) -> list[int]:
        """Return the codes of the items; -1 for none."""
        return self._picked(-1)

    def _picked(self, place: int) -> list[int]:
        values = self.moment.column(place)
        return values if self._rows is None else [values[row] for row in self._rows]


class Moment:
    """One customer at one instant.

    Attributes
    ----------
    at : int
        The instant, in microseconds since 1970, UTC.
    seen : list of Seen
        What each stream shows.
    past : Past or None
        What is left of folded events.
    """

    __slots__ = ("_state", "_width", "at", "past", "seen")

    def __init__(self, at: int, state: bytes | bytearray, width: int, past: Past | None) -> None:
        self.at, self.past = at, past
        self._state, self._width = state, width
        self.seen: list[Seen] = []

    def column(self, place: int) -> list[int]:
        """Return a column of all events, those at or after the instant among them; -1 is the last."""
        if not self._state:
            return []
        found: list[int] = memoryview(self._state).cast("q")[place % self._width :: self._width].tolist()
        return found


Reading: TypeAlias = Callable[[Moment], int]
"""How a raw column is read."""


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """A stream: whose child it is, what it keeps, where it is cut, where its fold stands.

    Attributes
    ----------
    source : Source
        Kinds, and what counts once.
    parent : int
        Number of the stream of single events it is thinned from; -1 for none.
    kept : tuple of bool, or None
        Whether a code of a kind is kept; None keeps all.
    backs : tuple of Duration
        Edges, as lengths before the instant.
    fold : int
        Where its words stand in `Past.streams`; -1 where it needs none.
    """

    source: Source
    parent: int
    kept: tuple[bool, ...] | None
    backs: tuple[Duration, ...]
    fold: int


class _Draft:
    """Streams and their edges, while the raw columns ask for them one by one."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.streams: dict[Source, int] = {}
        self.backs: list[dict[Duration, int]] = []
        self.parents: list[int] = []
        self.folds: dict[int, int] = {}
        self.runs: list[tuple[int, frozenset[int]]] = []
        self.item_sets: list[int] = []

    def stream(self, source: Source, *, fold: bool = False) -> int:
        if source not in self.streams:
            parent = -1 if source.per == "event" else self.stream(Source(source.kind))
            self.streams[source] = len(self.backs)
            self.backs.append({})
            self.parents.append(parent)
        number = self.streams[source]
        if fold:
            self.folds.setdefault(number, len(FOLDED) * len(self.folds))
        return number

    def edge(self, stream: int, back: Duration) -> int:
        return self.backs[stream].setdefault(back, len(self.backs[stream]))

    def cut(self, source: Source, window: Duration | None) -> tuple[int, int]:
        """Return the stream and its edge; -1 for a window that is open, whose events are folded."""
        number = self.stream(source, fold=window is None)
        return number, -1 if window is None else self.edge(number, window)

    def plans(self) -> tuple[StreamPlan, ...]:
        return tuple(
            StreamPlan(
                source,
                self.parents[number],
                self.layout.kinds.kept(source.kind),
                tuple(self.backs[number]),
                self.folds.get(number, -1),
            )
            for source, number in self.streams.items()
        )


class OnlinePlan:
    """How the raw columns of a spec are read from packed events.

    Parameters
    ----------
    raws : iterable of Raw
        Raw columns; those that are read from events get a reading.
    layout : Layout
        How events are packed.
    zone : str
        Zone whose days count.

    Attributes
    ----------
    readings : dict of Raw to callable
        How each column is read.
    streams : tuple of StreamPlan
        Streams, parents before their children.
    """

    def __init__(self, raws: Iterable[Raw], layout: Layout, zone: str) -> None:
        draft, listed = _Draft(layout), list(dict.fromkeys(raws))
        self.readings: dict[Raw, Reading] = {
            raw: _MAKERS[type(raw)](raw, draft) for raw in listed if type(raw) in _MAKERS
        }
        self._lookups = [back for raw in listed if isinstance(raw, Stated) for back in raw.edges()]
        self.layout, self.zone = layout, zone
        self.streams = draft.plans()
        self.runs = tuple(draft.runs)
        self.item_sets = tuple(draft.item_sets)
        self._days = LocalDays(zone, layout.bits)
        # Fixed lengths are differences of words; only calendar ones have to be looked up.
        self._shifts = [
            None
            if any(back.fixed_us is None for back in stream.backs)
            else [(back.fixed_us or 0) << layout.bits for back in stream.backs]
            for stream in self.streams
        ]
        self._at: int | None = None
        self._edges: list[list[int]] = []

    @property
    def longest(self) -> tuple[Duration, ...]:
        """Every length that a window reaches back, or a value is looked up before the instant."""
        backs = chain.from_iterable(stream.backs for stream in self.streams)
        return tuple(dict.fromkeys(chain(backs, self._lookups)))

    def look(self, state: bytes | bytearray, past: Past | None, at: int) -> Moment:
        """Cut a customer's events at an instant, and at all edges before it.

        Parameters
        ----------
        state : bytes-like
            Packed events.
        past : Past or None
            What is left of folded ones.
        at : int
            Microseconds since 1970, UTC.
        """
        if at != self._at:  # many customers are asked at one instant
            now = at << self.layout.bits
            self._edges = [
                self._cut(stream, at) if shifts is None else [now - shift for shift in shifts]
                for stream, shifts in zip(self.streams, self._shifts, strict=True)
            ]
            self._at = at
        bits = self.layout.bits
        moment = Moment(at, state, self.layout.width, past)
        words = moment.column(0)
        if words and words[-1] >= at << bits:
            del words[bisect_left(words, at << bits) :]
        seen = moment.seen
        for stream, edges in zip(self.streams, self._edges, strict=True):
            fold = (
                _NOTHING if past is None or stream.fold < 0 else past.streams[stream.fold : stream.fold + len(FOLDED)]
            )
            if stream.parent >= 0:
                seen.append(Seen(moment, self._thinned(stream, seen[stream.parent].words), edges, fold))
            elif stream.kept is None:
                seen.append(Seen(moment, words, edges, fold))
            else:
                kept, low = stream.kept, self.layout.low
                rows = [row for row, word in enumerate(words) if kept[word & low]]
                seen.append(Seen(moment, [words[row] for row in rows], edges, fold, rows))
        return moment

    def _cut(self, stream: StreamPlan, at: int) -> list[int]:
        bits = self.layout.bits
        return [back.before(at, self.zone) << bits for back in stream.backs]

    def _thinned(self, stream: StreamPlan, words: list[int]) -> list[int]:
        """Return the first event of each instant or local day."""
        bits = self.layout.bits
        clock = self._days.of(words) if stream.source.per == "day" else [word >> bits for word in words]
        return [word for word, now, before in zip(words, clock, chain((None,), clock), strict=False) if now != before]

    def folded(self, moment: Moment) -> Past:
        """Say what is to be kept of all events before the moment."""
        words: list[int] = []
        for number, stream in enumerate(self.streams):
            if stream.fold >= 0:
                amounts = self.layout.has_amount and stream.source.per == "event"
                words += self._fold(moment.seen[number], amounts=amounts)
        low = self.layout.low
        runs = tuple(_run(moment, number, chosen, place, low) for place, (number, chosen) in enumerate(self.runs))
        items = tuple(_items_ever(moment, number, place) for place, number in enumerate(self.item_sets))
        return Past(tuple(words), runs, items)

    def _fold(self, seen: Seen, *, amounts: bool) -> tuple[int, ...]:
        if not seen.n:
            return seen.past
        bits, (count, first, last, squares, money) = self.layout.bits, seen.past
        last = seen.words[-1] >> bits
        first = first if count else seen.words[0] >> bits
        squares = _squares_ever(seen, bits)
        if amounts:
            money += seen.money()[seen.n]
        return count + seen.n, first, last, squares, money


# -- readings: each follows the `read` of the raw column it stands for -------------------------


def _count(raw: EventCount, draft: _Draft) -> Reading:
    number, edge = draft.cut(raw.source, span(raw.window))
    if edge < 0:

        def ever(moment: Moment) -> int:
            seen = moment.seen[number]
            return seen.n + seen.past[0]

        return ever

    def read(moment: Moment) -> int:
        seen = moment.seen[number]
        return seen.n - seen.before[edge]

    return read


def _money(raw: MoneySum, draft: _Draft) -> Reading:
    number, edge = draft.cut(raw.source, span(raw.window))
    if edge < 0:

        def ever(moment: Moment) -> int:
            seen = moment.seen[number]
            return seen.money()[seen.n] + seen.past[4]

        return ever

    def read(moment: Moment) -> int:
        seen = moment.seen[number]
        money = seen.money()
        return money[seen.n] - money[seen.before[edge]]

    return read


def _last(raw: SinceLast, draft: _Draft) -> Reading:
    number, bits = draft.stream(raw.source, fold=True), draft.layout.bits

    def read(moment: Moment) -> int:
        seen = moment.seen[number]
        if seen.n:
            return moment.at - (seen.words[-1] >> bits)
        return moment.at - seen.past[2] if seen.past[0] else MISSING

    return read


def _first(raw: SinceFirst, draft: _Draft) -> Reading:
    number, edge = draft.cut(raw.source, span(raw.window))
    bits = draft.layout.bits

    def ever(moment: Moment) -> int:
        seen = moment.seen[number]
        if seen.past[0]:
            return moment.at - seen.past[1]
        return moment.at - (seen.words[0] >> bits) if seen.n else MISSING

    def read(moment: Moment) -> int:
        seen = moment.seen[number]
        opening = seen.before[edge]
        return MISSING if opening == seen.n else moment.at - (seen.words[opening] >> bits)

    return ever if edge < 0 else read


def _gap_seconds(raw: GapSeconds, draft: _Draft) -> Reading:
    number, edge = draft.cut(raw.source, span(raw.window))
    bits = draft.layout.bits

    def read(moment: Moment) -> int:
        seen = moment.seen[number]
        opening, past = (0, seen.past) if edge < 0 else (seen.before[edge], _NOTHING)
        if opening == seen.n:
            return past[2] // _SECOND - past[1] // _SECOND
        first = past[1] if past[0] else seen.words[opening] >> bits
        return (seen.words[-1] >> bits) // _SECOND - first // _SECOND

    return read


def _squared_gaps(raw: SquaredGaps, draft: _Draft) -> Reading:
    number, edge = draft.cut(raw.source, span(raw.window))
    bits = draft.layout.bits

    def ever(moment: Moment) -> int:
        return _squares_ever(moment.seen[number], bits)

    def read(moment: Moment) -> int:
        seen = moment.seen[number]
        return _squares([(word >> bits) // _SECOND for word in seen.words[seen.before[edge] :]])

    return ever if edge < 0 else read


def _squares(seconds: list[int]) -> int:
    return sum((later - earlier) * (later - earlier) for earlier, later in pairwise(seconds))


def _squares_ever(seen: Seen, bits: int) -> int:
    """Sum squared gaps since the beginning, that from the last folded event to the next one among them."""
    seconds = [(word >> bits) // _SECOND for word in seen.words]
    if seen.past[0]:
        seconds.insert(0, seen.past[2] // _SECOND)
    return seen.past[3] + _squares(seconds)


def _week_trend(raw: WeekTrend, draft: _Draft) -> Reading:
    number = draft.stream(raw.source)
    *inner, earliest = (draft.edge(number, back) for back in weekly(raw.weeks))
    weight = raw.weeks - 1

    def read(moment: Moment) -> int:
        before = moment.seen[number].before
        return weight * (moment.seen[number].n + before[earliest]) - 2 * sum([before[edge] for edge in inner])

    return read


def _money_trend(raw: MoneyTrend, draft: _Draft) -> Reading:
    number = draft.stream(raw.source)
    *inner, earliest = (draft.edge(number, back) for back in weekly(raw.weeks))
    weight = raw.weeks - 1

    def read(moment: Moment) -> int:
        seen = moment.seen[number]
        before, money = seen.before, seen.money()
        ends = money[seen.n] + money[before[earliest]]
        return weight * ends - 2 * sum([money[before[edge]] for edge in inner])

    return read


def _distinct(raw: DistinctItems, draft: _Draft) -> Reading:
    window = span(raw.window)
    number = draft.stream(raw.source)
    if window is None:
        place = len(draft.item_sets)
        draft.item_sets.append(number)
        return lambda moment: len(_items_ever(moment, number, place))
    edge = draft.edge(number, window)

    def read(moment: Moment) -> int:
        seen = moment.seen[number]
        return len({item for item in seen.items()[seen.before[edge] : seen.n] if item >= 0})

    return read


def _items_ever(moment: Moment, number: int, place: int) -> frozenset[int]:
    seen = moment.seen[number]
    items = frozenset(item for item in seen.items()[: seen.n] if item >= 0)
    return items if moment.past is None else items | moment.past.items[place]


def _length_of_run(raw: Run, draft: _Draft) -> Reading:
    number, place, low = draft.stream(raw.source), len(draft.runs), draft.layout.low
    chosen = frozenset(draft.layout.kinds.codes(kind_names(raw.kind)))
    draft.runs.append((number, chosen))
    return lambda moment: _run(moment, number, chosen, place, low)


def _run(moment: Moment, number: int, chosen: frozenset[int], place: int, low: int) -> int:
    words = moment.seen[number].words
    length = 0
    for word in reversed(words):
        if word & low not in chosen:
            return length
        length += 1
    return length if moment.past is None else length + moment.past.runs[place]


_MAKERS: dict[type[Raw], Callable[[Any, _Draft], Reading]] = {
    EventCount: _count,
    DistinctItems: _distinct,
    GapSeconds: _gap_seconds,
    MoneySum: _money,
    MoneyTrend: _money_trend,
    Run: _length_of_run,
    SinceFirst: _first,
    SinceLast: _last,
    SquaredGaps: _squared_gaps,
    WeekTrend: _week_trend,
}

ELSEWHERE = (Stated, ContractEnd)
"""Raw columns that are not read from packed events, but from what was stated and from contracts."""

READ_FROM_EVENTS = frozenset(_MAKERS)
"""Raw columns that can be read from packed events."""
