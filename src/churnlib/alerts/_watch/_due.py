"""Whom a tick of the clock concerns: everybody for whom time alone may have changed something, and few besides."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from churnlib._typing import BoolArray
from churnlib.alerts._season import Pause
from churnlib.alerts._step import _CLEARING, COOLING, FIRING, PENDING, TOLD, code_of
from churnlib.calendar import DAY_US, Duration, to_us
from churnlib.expressions._nodes import Between, Compare, Length, Minus, Missing, Name, Node, Number, leaves, walk
from churnlib.features import Feature, Recency, Tenure
from churnlib.features._attributes import Stated
from churnlib.features._counts import DistinctItems, EventCount
from churnlib.features._gaps import GapSeconds, SquaredGaps
from churnlib.features._money import MoneySum
from churnlib.features._online_bulk import _joined, aged_customers
from churnlib.features._raw import EventRaw
from churnlib.features._runs import Run
from churnlib.features._trend import MoneyTrend, WeekTrend

if TYPE_CHECKING:
    from churnlib.alerts._online._alerts import OnlineAlerts
    from churnlib.alerts._rule import Rule
    from churnlib.alerts._ruleset import RuleSet
    from churnlib.features import OnlineFeatures

__all__ = ["Clockwork", "waiting"]

_STEPPED = (DistinctItems, EventCount, GapSeconds, MoneySum, MoneyTrend, Run, SquaredGaps, Stated, WeekTrend)
"""Raw columns that stay as they are until an event comes in, or passes an edge of their windows."""

_ORDERED = frozenset({"<", "<=", ">", ">="})
_ROUNDING = 2
"""Microseconds by which a threshold in days may round away from the instant at which it is passed."""


class Clockwork:
    """What time alone can change under rules, worked out once from their conditions.

    A condition over counts and sums changes when an event leaves a window, one over a silence or a
    tenure when an event has become as old as its threshold. Both are ranges of times of events
    between two ticks, so that one pass over the events names the customers. A condition that is
    none of these, such as a ratio of a silence to a mean gap, concerns everybody at every tick.

    Parameters
    ----------
    rules : RuleSet
        The rules.
    features : OnlineFeatures
        Where their columns come from.

    Attributes
    ----------
    everybody : tuple of str
        The rules that have to be asked of everybody at every tick.
    to_come : list of (time, customer)
        A heap of events that are known and have not happened yet.
    """

    def __init__(self, rules: RuleSet, features: OnlineFeatures) -> None:
        self._features = features
        self._zone = features._schema.timezone
        self._pauses = rules.pauses()
        self._by_name = {feature.name: feature for feature in features.spec}
        self._edges: dict[Duration, None] = {}
        self._ages: dict[tuple[int, str | None], None] = {}
        self.everybody = tuple(rule.id for rule in rules if not self._follow(rule))
        ends = {end for rule in rules for end in rule.valid if end is not None}
        self._turns = sorted(to_us(end, rules.timezone) for end in ends)
        self.to_come: list[tuple[int, Any]] = []

    # -- what the conditions read ------------------------------------------------------------

    def _follow(self, rule: Rule) -> bool:
        """Note what makes the conditions of a rule change; False where that cannot be said."""
        trees = [rule.when.tree, *([] if rule.clear is None else [rule.clear.tree])]
        season = dict(rule.season)
        followed = [self._follow_leaf(leaf, season) for tree in trees for leaf in leaves(tree)]  # each of them
        return all(followed)

    def _follow_leaf(self, leaf: Node, season: dict[str, str]) -> bool:
        names = {node.name for node in walk(leaf) if isinstance(node, Name)}
        found = [self._by_name[name] for name in names]
        if all(_is_stepped(feature) for feature in found) and not names & set(season):
            for feature in found:
                self._note_edges(feature)
            return True
        if isinstance(leaf, Missing):  # an age is missing until there is an event, whatever the clock says
            return isinstance(leaf.operand, Name) and _is_age(self._by_name[leaf.operand.name])
        return self._follow_age(leaf, season)

    def _note_edges(self, feature: Feature) -> None:
        for raw in feature.raws():
            if isinstance(raw, EventRaw):
                self._edges |= dict.fromkeys(raw.edges())

    def _follow_age(self, leaf: Node, season: dict[str, str]) -> bool:
        """Note the thresholds of an age: it grows as the clock does, and passes each of them once."""
        match leaf:
            case Compare(operator, Name(name), threshold) | Compare(operator, threshold, Name(name)):
                thresholds = [threshold]
            case Between(Name(name), low, high):
                operator, thresholds = "<=", [low, high]
            case _:
                return False
        lengths = [_length(threshold) for threshold in thresholds]
        if operator not in _ORDERED or not _is_age(self._by_name[name]) or None in lengths:
            return False
        self._ages |= {(length, season.get(name)): None for length in lengths if length is not None}
        return True

    # -- who is concerned --------------------------------------------------------------------

    def look_ahead(self, after: int) -> None:
        """Find the events that are known and have not happened yet."""
        store = self._features._store
        customers = list(store.states)
        words, offsets = _joined(store, customers)
        times = words[:, 0] >> store.layout.bits
        rows = np.flatnonzero(times >= after)
        who = np.searchsorted(offsets, rows, side="right") - 1
        self.to_come = [(int(times[row]), customers[code]) for row, code in zip(rows, who, strict=True)]
        heapq.heapify(self.to_come)

    def note(self, time: int, customer: Any) -> None:
        """Remember an event that is known before it happens: it takes effect when the clock is there."""
        heapq.heappush(self.to_come, (time, customer))

    def turned(self, since: int, now: int) -> bool:
        """Whether a rule began or ceased to apply meanwhile."""
        return bisect_right(self._turns, since) < bisect_right(self._turns, now)

    def aged(self, since: int, now: int) -> Iterable[Any]:
        """Return customers of whom an event passed an edge or a threshold between two ticks."""
        found: set[Any] = set()
        while self.to_come and self.to_come[0][0] < now:
            found.add(heapq.heappop(self.to_come)[1])
        ranges = list(self._ranges(since, now))
        if ranges:
            store = self._features._store
            found.update(aged_customers(store, ranges).tolist())
            if store.pasts and min(first for first, _ in ranges) < now - self._features._line_us:
                found.update(store.pasts)  # folded events have no times any more
        return found

    def _ranges(self, since: int, now: int) -> Iterator[tuple[int, int]]:
        for edge in self._edges:
            yield edge.before(since, self._zone), edge.before(now, self._zone)
        for length, calendar in self._ages:
            pause = None if calendar is None else self._pauses[calendar]
            first, last = (at - (0 if pause is None else pause.until_one(at)) - length for at in (since, now))
            first, last = first - _ROUNDING, last + _ROUNDING
            yield (first, last) if pause is None else (_earliest(pause, first), _latest(pause, last))


def _earliest(pause: Pause, worked: int) -> int:
    """Return the first instant before which so much time lies, that of the calendar left out."""
    k = _pauses_before(pause, worked, strictly=True)
    return worked + _paused(pause, k)


def _latest(pause: Pause, worked: int) -> int:
    """Return the last instant before which so much time lies, that of the calendar left out."""
    k = _pauses_before(pause, worked, strictly=False)
    return worked + _paused(pause, k)


def _pauses_before(pause: Pause, worked: int, *, strictly: bool) -> int:
    begins = [start - before for start, before in zip(pause.starts, pause.before, strict=True)]
    return (bisect_left if strictly else bisect_right)(begins, worked)


def _paused(pause: Pause, k: int) -> int:
    """Return how long the first k pauses are together."""
    return 0 if k == 0 else pause.before[k - 1] + pause.ends[k - 1] - pause.starts[k - 1]


def _is_stepped(feature: Feature) -> bool:
    ours = type(feature).__module__.startswith("churnlib.features.")
    return ours and all(type(raw) in _STEPPED for raw in feature.raws())


def _is_age(feature: Feature) -> bool:
    return type(feature) in {Recency, Tenure}


def _length(node: Node) -> int | None:
    """Return a threshold in microseconds; None where it is no constant."""
    match node:
        case Length(us):
            return us
        case Number(days) if math.isfinite(days) and abs(days) < 1e6:
            return round(days * DAY_US)
        case Minus(operand):
            found = _length(operand)
            return None if found is None else -found
    return None


def waiting(alerts: OnlineAlerts, now: int) -> list[Any]:
    """Return the customers with an alert that time moves on, whatever their columns say.

    Those are alerts that wait (`for_`, `keep_firing`, a cool-down, an escalation) once the wait is
    over; histories of "k of n" that are neither empty nor full, since each evaluation adds to them;
    and alerts that fire and were held back, since what holds them may have ended.

    Parameters
    ----------
    alerts : OnlineAlerts
        The states.
    now : int
        The instant, in microseconds.
    """
    states = alerts._states
    mask = np.zeros(len(states.seen), bool)
    for k, rule in enumerate(alerts.rules):
        mask |= _waits(states.columns, k, rule.pace, now)
    return [customer for customer, slot in states.slots.items() if mask[slot]] if mask.any() else []


def _waits(columns: dict[str, Any], k: int, pace: Any, now: int) -> BoolArray:
    status, since, notified = (columns[name][:, k] for name in ("status", "since", "notified"))
    code, told = code_of(status), (status & TOLD) != 0
    firing = code == FIRING
    found = firing & ~told
    found |= (code == PENDING) & (now - since >= pace.for_us)
    found |= (code == COOLING) & (now - notified >= pace.cool_us)
    if pace.keep_us:
        found |= firing & ((status & _CLEARING) != 0) & (now - columns["quiet"][:, k] >= pace.keep_us)
    if pace.afters:
        afters = np.array(pace.afters)
        reached, before = (np.searchsorted(afters, at - since, side="right") for at in (now, notified))
        found |= firing & (reached > before)
    if pace.n > 1:
        bits = columns["bits"][:, k]
        found |= (bits != 0) & (bits != (1 << pace.n) - 1)
    return np.asarray(found)
