"""Events in, notices out: features and rules kept up together, the same however events are grouped on their way."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from churnlib._checks import as_names
from churnlib._fields import span_of
from churnlib._ids import ids_given, opted_out_of
from churnlib._typing import Instant, Span
from churnlib.alerts._bound import BoundRules
from churnlib.alerts._online._alerts import instant_of
from churnlib.alerts._ruleset import RuleSet
from churnlib.alerts._silence import Silence, silences_of
from churnlib.alerts._state import AlertState
from churnlib.alerts._watch._due import Clockwork, waiting
from churnlib.alerts._watch._notice import Notice, Wording
from churnlib.calendar import timestamp, to_us
from churnlib.exceptions import (
    ChurnlibError,
    MoneyError,
    ParameterError,
    ParameterTypeError,
    TimeError,
    message,
    nearest,
    some,
)
from churnlib.features import OnlineFeatures, Refusal

if TYPE_CHECKING:
    from churnlib.events import Contracts
    from churnlib.features import FeatureSpec

__all__ = ["OnBadEvent", "Watch"]

OnBadEvent: TypeAlias = str | Callable[[Mapping[str, Any], ChurnlibError], object]
"""What to do with an event that cannot be read: "error", or a function of it and the error."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_FEW = 8
"""Customers up to which one after the other is faster than all at once."""

MAX_TICKS = 200_000
"""The most ticks between two events: a year of ticks of 5 minutes is half of it."""


class Watch:
    """Keep watch over customers: take events in, evaluate rules, and say what is to be told.

    When which customer is evaluated depends on the instants at which events arrive, and on nothing
    else. Time is cut into *beats*: all events that arrive in one beat are taken in, and every
    customer they touched is evaluated once, at its end. Absence has no events, so there are *ticks*
    as well: at each, the rules are evaluated for everybody for whom time alone may have changed
    something. The result is that of evaluating all customers at every tick. So a log gives the same
    notices in one piece, in batches or event by event, today or replayed after a crash.

    An event arrives at its `known_at`, or else when it happened; one stamped before the latest
    arrival, when that was.

    Parameters
    ----------
    features : OnlineFeatures
        The features, with the history there is. The watch takes it over: events go through the watch.
    rules : RuleSet or BoundRules
        The rules; their columns are features.
    beat : str or timedelta, default="10ms"
        The length of a beat: how long an event waits for others at most.
    tick : str or timedelta, default="5min"
        The time between two ticks, a multiple of the beat.
    sources : mapping of str to str, sequence of str or None, default=None
        For each feed that a rule depends on, the kinds of events it delivers; None for any kind. The
        feed is as fresh as the latest of its events.
    last : mapping of str to instant, default=None
        The last event of each feed before the watch began. A feed that is not named has never
        delivered, and rules that depend on it are suspended until it does.
    opted_out : collection of ids, default=()
        Customers who want no contact.
    silences : sequence of Silence, default=()
        Spans of time in which alerts are held back.
    language : str, default=None
        The language of the texts; None where each rule has one.
    on_bad : "error" or callable, default="error"
        What to do with an event that cannot be read, or whose id is repeated where that is an error:
        raise, or call a function with the event and the error and go on. Neither changes anything.

    Attributes
    ----------
    features : OnlineFeatures
        The features.
    rules : RuleSet
        The rules.
    alerts : OnlineAlerts
        The states of all customers.
    refusals : tuple of Refusal
        The events that the last `take` refused: too late, repeated, or ahead of the clock.
    refused : dict of str to int
        Events refused so far, by reason; bad ones that `on_bad` was given are under "cannot be read".
    stale : tuple of str
        The feeds that were stale at the last tick.

    Raises
    ------
    SchemaError
        When a rule reads what is no feature.
    ParameterError
        When a length of time makes no sense, or a feed is missing or unknown.

    Examples
    --------
    >>> from churnlib.alerts import Rule, RuleSet
    >>> from churnlib.features import Count, FeatureSpec, OnlineFeatures, Recency
    >>> rules = RuleSet(
    ...     [
    ...         Rule("complains", 2, "complaint.count.30d >= 2", because="{complaint.count.30d} complaints"),
    ...         Rule("no-visit", 1, "any.recency >= 30d"),
    ...     ]
    ... )
    >>> spec = FeatureSpec([Count("30d", "complaint"), Recency()])
    >>> watch = Watch(OnlineFeatures(spec, customer="who", time="at", kind="what"), rules)
    >>> watch.take(
    ...     [
    ...         {"who": "ann", "at": "2026-03-02 10:00:00", "what": "complaint"},
    ...         {"who": "ann", "at": "2026-03-02 10:00:05", "what": "complaint"},
    ...     ]
    ... )
    []
    >>> for notice in watch.advance("2026-04-02"):
    ...     print(notice.at, notice.rule, notice.text)
    2026-03-02 10:00:05.010000+00:00 complains 2 complaints
    2026-04-01 10:05:00+00:00 no-visit any.recency >= 30d
    """

    def __init__(
        self,
        features: OnlineFeatures,
        rules: RuleSet | BoundRules,
        *,
        beat: Span = "10ms",
        tick: Span = "5min",
        sources: Mapping[str, Any] | None = None,
        last: Mapping[str, Any] | None = None,
        opted_out: Collection[Any] = (),
        silences: Iterable[Silence] = (),
        language: str | None = None,
        on_bad: OnBadEvent = "error",
    ) -> None:
        if not isinstance(features, OnlineFeatures):
            raise ParameterTypeError(
                message(
                    f"features is a {type(features).__name__}",
                    "OnlineFeatures were expected",
                    "OnlineFeatures.from_log(log, spec)",
                )
            )
        self._beat, self._tick = _grid(beat, tick)
        self._begin(features, rules, None, language, on_bad)
        self._feeds = _feeds(sources, self.rules)
        self._fresh = _fresh(last, self._feeds, self.rules)
        self._opted_out = opted_out_of(opted_out)
        self._silences = silences_of(silences, self.rules.timezone, self.rules.ids)
        started = None if features.now is None else features._now
        self._clock = self._last_tick = None if started is None else started
        if started is not None:
            self._start(started)
            self._clockwork.look_ahead(started)
        self._beat_ends = 0
        self._touched: set[Any] = set()
        self._unsure: set[Any] = set()
        self._ask_all = True
        self.stale: tuple[str, ...] = ()
        self._ready: list[Notice] = []
        self.refused: dict[str, int] = {}
        self._settle()

    def _begin(
        self,
        features: OnlineFeatures,
        rules: RuleSet | BoundRules,
        state: AlertState | None,
        language: str | None,
        on_bad: OnBadEvent,
    ) -> None:
        """Put together what a new watch and one from a file have in common."""
        if on_bad != "error" and not callable(on_bad):
            raise ParameterError(
                message(f"on_bad is {str(on_bad)[:40]!r}", "'error' or a function was expected", "on_bad='error'")
            )
        self.features, self.rules = features, _rule_set(rules)
        self.alerts = self.rules.bind(features.spec).online(state)
        self._clockwork = Clockwork(self.rules, features)
        self._language, self._wording = language, Wording(self.rules, language)
        self._on_bad = on_bad
        self.refusals: tuple[Refusal, ...] = ()

    def _start(self, clock: int) -> None:
        """Put the clock where it begins: a tick at that very instant is still to come."""
        self._clock = clock
        self._last_tick = -(-clock // self._tick) * self._tick - self._tick

    def _settle(self) -> None:
        """Tell the other parts what stands here."""
        self.alerts.set(sources=self._freshness(), opted_out=self._opted_out, silences=self._silences)
        self._of_kind = {kind: [name for name, kinds in self._feeds.items() if kinds and kind in kinds]
                         for kinds in self._feeds.values() for kind in kinds or ()}  # fmt: skip
        self._of_any = [name for name, kinds in self._feeds.items() if kinds is None]
        self._fresh_changed = False
        self._ages = {name: age.fixed_us or 0 for name, age in self.rules.sources}

    def __repr__(self) -> str:
        ticks = f", {len(self._clockwork.everybody)} asked of everybody" if self._clockwork.everybody else ""
        now = "the clock has not started" if self.now is None else f"now {self.now:%Y-%m-%d %H:%M:%S.%f %Z}"
        rules = f"{len(self.rules)} rule{'s' * (len(self.rules) != 1)}"
        return f"Watch({rules}{ticks}, {len(self.features):,} customers, {now})"

    # -- the clock -----------------------------------------------------------------------------

    @property
    def now(self) -> pd.Timestamp | None:
        """Where the clock stands: at the latest arrival, or where `advance` moved it; None before both.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> from churnlib.features import FeatureSpec, OnlineFeatures, Recency
        >>> rules = RuleSet([Rule("no-visit", 1, "any.recency >= 30d")])
        >>> watch = Watch(OnlineFeatures(FeatureSpec([Recency()])), rules)
        >>> watch.advance("2026-03-02")
        []
        >>> watch.now
        Timestamp('2026-03-02 00:00:00+0000', tz='UTC')
        """
        return None if self._clock is None else timestamp(self._clock, self.rules.timezone)

    @property
    def next_due(self) -> pd.Timestamp | None:
        """When `advance` has something to do next: the end of a beat with events, or the next tick.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> from churnlib.features import FeatureSpec, OnlineFeatures, Recency
        >>> rules = RuleSet([Rule("no-visit", 1, "any.recency >= 30d")])
        >>> watch = Watch(OnlineFeatures(FeatureSpec([Recency()]), customer="who", time="at"), rules)
        >>> watch.take([{"who": 7, "at": "2026-03-02 10:00:01"}])
        []
        >>> watch.next_due
        Timestamp('2026-03-02 10:00:01.010000+0000', tz='UTC')
        """
        if self._last_tick is None:
            return None
        return timestamp(self._next(), self.rules.timezone)

    @property
    def asks_everybody(self) -> tuple[str, ...]:
        """The rules whose conditions the clock can change at any time, so that every tick asks all customers.

        Counts, sums and runs, and a silence or tenure compared with a length, are looked up instead.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> from churnlib.features import FeatureSpec, GapRatio, OnlineFeatures, Recency
        >>> rules = RuleSet([Rule("no-visit", 1, "any.recency >= 30d"), Rule("slower", 1, "any.gap_ratio >= 2")])
        >>> Watch(OnlineFeatures(FeatureSpec([GapRatio(), Recency()])), rules).asks_everybody
        ('slower',)
        """
        return self._clockwork.everybody

    def _next(self) -> int:
        assert self._last_tick is not None
        tick = self._last_tick + self._tick
        return min(tick, self._beat_ends) if self._touched else tick

    def advance(self, now: Instant | int) -> list[Notice]:
        """Let the clock go on without events.

        Parameters
        ----------
        now : str, datetime or int
            The instant; without a zone on the clock of the rule set. A whole number is microseconds
            since 1970 in UTC. A clock that already stands later stays where it is.

        Returns
        -------
        list of Notice
            From beats that ended and ticks that came, up to and with `now`.

        Raises
        ------
        TimeError
            When more than 200,000 ticks lie before it.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> from churnlib.features import FeatureSpec, OnlineFeatures, Recency
        >>> rules = RuleSet([Rule("no-visit", 1, "any.recency >= 30d")])
        >>> watch = Watch(OnlineFeatures(FeatureSpec([Recency()]), customer="who", time="at"), rules, tick="1d")
        >>> watch.take([{"who": 7, "at": "2026-03-02 10:00:01"}])
        []
        >>> [notice.rule for notice in watch.advance("2026-04-02")]
        ['no-visit']
        """
        instant = instant_of(now, self.rules.timezone)
        if self._last_tick is None:
            self._start(instant)
        self._check_jump(instant)
        self._run(instant)
        self._clock = instant if self._clock is None else max(self._clock, instant)
        return self._given()

    def _check_jump(self, until: int) -> None:
        """Refuse an instant so far away that a wrong year is likelier than that many ticks."""
        if self._last_tick is not None and until - self._last_tick > MAX_TICKS * self._tick:
            raise TimeError(
                message(
                    f"{timestamp(until)} lies {(until - self._last_tick) // self._tick:,} ticks after the clock, "
                    f"{timestamp(self._last_tick)}",
                    f"at most {MAX_TICKS:,} at once were expected: is the year right?",
                    "OnlineFeatures(..., ahead='1d') refuses such events; advance(...) to instants between, if that "
                    "much time has passed indeed",
                )
            )

    def _run(self, until: int) -> None:
        """Evaluate at all ends of beats and all ticks up to an instant."""
        assert self._last_tick is not None
        while (at := self._next()) <= until:
            ends, ticks = at == self._beat_ends, at == self._last_tick + self._tick
            chosen = set(self._touched) if ends else set()
            if ticks:
                chosen |= self._due(at)
            try:
                self._evaluate(sorted(chosen), at)
            except BaseException:
                self._ask_all = True  # whoever was due at this tick is still due when it comes again
                raise
            if ends:
                self._touched = set()
            if ticks:
                self._last_tick = at

    def _due(self, at: int) -> set[Any]:
        """Return the customers a tick concerns."""
        since = self._last_tick
        assert since is not None
        stale = self._stale_at(at)
        everybody = self._ask_all or self._clockwork.turned(since, at)
        found = {*self._clockwork.aged(since, at), *self._unsure}
        self._ask_all, self.stale, self._unsure = False, stale, set()
        if everybody or self._clockwork.everybody:
            return set(self.features._store.states)
        return found.union(waiting(self.alerts, at))

    def _stale_at(self, at: int) -> tuple[str, ...]:
        """Return the feeds that are stale at an instant, by the rule of `stale_sources`."""
        stale = []
        for name, seen in self._fresh.items():
            if seen is None or at >= seen + self._ages[name]:
                stale.append(name)
        return tuple(stale)

    # -- events --------------------------------------------------------------------------------

    def take(self, events: Iterable[Mapping[str, Any]]) -> list[Notice]:
        """Take events in, in the order of their arrival.

        Parameters
        ----------
        events : iterable of mappings
            With the keys of the features. How many come at once makes no difference.

        Returns
        -------
        list of Notice
            From beats that ended and ticks that came before the latest of the events. The beat in
            which it arrived goes on: later events, or `advance`, end it.

        Raises
        ------
        SchemaError, TimeError, MoneyError, DataError, DuplicateError
            When an event cannot be taken, with ``on_bad="error"``. Those before it have been, and their
            notices come with the next call; it and those behind it have not.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> from churnlib.features import FeatureSpec, OnlineFeatures, Sum
        >>> features = OnlineFeatures(FeatureSpec([Sum("30d")]), customer="who", time="at", amount="paid")
        >>> watch = Watch(features, RuleSet([Rule("refund", 3, "any.sum.30d < 0")]))
        >>> watch.take([{"who": 7, "at": "2026-03-02", "paid": -5}, {"who": 8, "at": "2026-03-03", "paid": 3}])[
        ...     0
        ... ].customer
        7
        >>> watch.take([{"who": 7, "at": "2026-01-02", "paid": -5}]), watch.refusals[0].reason
        ([], 'older than the lateness line')
        """
        check_listed(events)
        refusals: list[Refusal] = []
        self.refusals = ()
        read, take = self.features._reader.read, self.features._take
        for event in events:
            try:
                found = read(event)
                refusal = self._ahead_of(found)
                arrived = found[2] if self._clock is None or found[2] > self._clock else self._clock
                if refusal is None:
                    self._check_jump(arrived)
            except ChurnlibError as error:
                self._bad(event, error, refusals)
                continue
            if refusal is None:
                if self._last_tick is None:
                    self._start(arrived)
                if arrived >= self._next():
                    self._run(arrived)
                try:
                    refusal = take(found)
                except ChurnlibError as error:
                    self._bad(event, error, refusals)
                    continue
                self._clock = arrived
            if refusal is not None:
                refusals.append(refusal)
                self.refused[refusal.reason] = self.refused.get(refusal.reason, 0) + 1
                continue
            self._touch(found[0], found[1], found[3], arrived)
        self.refusals = tuple(refusals)
        return self._given()

    def _bad(self, event: Mapping[str, Any], error: ChurnlibError, refusals: list[Refusal]) -> None:
        """Raise for an event that cannot be taken, or give it to the function that wants to know."""
        if not callable(self._on_bad):
            self.refusals = tuple(refusals)
            raise error
        self.refused[UNREADABLE] = self.refused.get(UNREADABLE, 0) + 1
        self._on_bad(event, error)

    def _ahead_of(self, found: Any) -> Refusal | None:
        """Refuse what is stamped too far ahead, before it could move the clock."""
        features = self.features
        if features._ahead_us is None or self._clock is None:
            return None
        features._now = max(features._now, self._clock)
        return features._take(found) if found[2] >= features._now + features._ahead_us else None

    def _touch(self, customer: Any, time: int, kind: str, arrived: int) -> None:
        """Note whom an event touched, until when its beat lasts, and which feed it shows to be alive."""
        if not self._touched:
            self._beat_ends = (arrived // self._beat + 1) * self._beat
        self._touched.add(customer)
        if time >= self._beat_ends:
            self._clockwork.note(time, customer)
        if self._feeds:
            for name in (*self._of_any, *self._of_kind.get(kind, ())):
                seen = min(time, arrived)
                before = self._fresh[name]
                if before is None or seen > before:
                    self._fresh[name] = seen
                    self._fresh_changed = True

    # -- evaluation ----------------------------------------------------------------------------

    def _evaluate(self, customers: list[Any], at: int) -> None:
        if not customers:
            return
        if self._fresh_changed:
            self.alerts.set(sources=self._freshness())
            self._fresh_changed = False
        if self._feeds and self._stale_at(at):  # what they would say without it is asked again at the next tick
            self._unsure.update(customers)
        when = _EPOCH + at * _MICROSECOND
        try:
            columns = None if len(customers) <= _FEW else self.features.columns(customers, at)
        except MoneyError:  # sums beyond 64 bits: one after the other they are numbers without end
            columns = None
        if columns is None:
            for customer in customers:
                row = self.features.features(customer, at)
                step = self.alerts.step(customer, row, at)
                self.alerts._states.kept.pop(customer, None)  # features are read anew at every tick
                if step.notifications:
                    self._ready += self._wording.notices(step, row, when)
            return
        steps = [step for step in self.alerts.step_batch(columns, at) if step.notifications]
        if steps:
            place = {customer: row for row, customer in enumerate(customers)}
            for step in steps:
                row = columns.row(place[step.customer])
                self._ready += self._wording.notices(step, row, when)

    def _freshness(self) -> dict[str, Any]:
        return {name: None if us is None else timestamp(us) for name, us in self._fresh.items()}

    def _given(self) -> list[Notice]:
        found, self._ready = self._ready, []
        return found

    # -- what holds for all --------------------------------------------------------------------

    def set(self, *, opted_out: Collection[Any] | None = None, silences: Iterable[Silence] | None = None) -> None:
        """Set who wants no contact, and when alerts are held back, from now on.

        Parameters
        ----------
        opted_out : collection of ids, default=None
            Customers who want no contact; None leaves them as they are.
        silences : sequence of Silence, default=None
            Spans of time in which alerts are held back; None leaves them as they are.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet, Silence
        >>> from churnlib.features import FeatureSpec, OnlineFeatures, Recency
        >>> rules = RuleSet([Rule("no-visit", 1, "any.recency >= 30d")])
        >>> watch = Watch(OnlineFeatures(FeatureSpec([Recency()])), rules)
        >>> watch.set(opted_out=["ann"], silences=[Silence("move", until="2026-03-09")])
        """
        self.alerts.set(opted_out=opted_out, silences=silences)
        if opted_out is not None:
            self._opted_out = self.alerts._opted_out
        if silences is not None:
            self._silences = self.alerts._silences

    def forget(self, customers: Iterable[Any]) -> None:
        """Forget customers: their events, their alerts, and what was to be told of them.

        Parameters
        ----------
        customers : id or collection of ids
            Whom; those who are not known are passed over. Notices that were sent are the receiver's.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> from churnlib.features import FeatureSpec, OnlineFeatures, Recency
        >>> rules = RuleSet([Rule("no-visit", 1, "any.recency >= 30d")])
        >>> watch = Watch(OnlineFeatures(FeatureSpec([Recency()]), customer="who", time="at"), rules)
        >>> _ = watch.take([{"who": 7, "at": "2026-03-02"}])
        >>> watch.forget([7])
        >>> len(watch.features)
        0
        """
        gone = ids_given(customers, "customers")
        self.features.forget(gone, missing_ok=True)
        self.alerts.forget(gone)
        self._touched.difference_update(gone)
        self._unsure.difference_update(gone)
        self._ready = [notice for notice in self._ready if notice.customer not in set(gone)]
        self._clockwork.to_come = sorted(entry for entry in self._clockwork.to_come if entry[1] not in set(gone))

    def migrate(self, rules: RuleSet | BoundRules, *, sources: Mapping[str, Any] | None = None) -> Watch:
        """Return a watch with other rules that goes on from here; this one is not to be used any more.

        A rule that keeps its id keeps its states, see `AlertState.migrate`: what was told is not told
        again. At the next tick everybody is evaluated.

        Parameters
        ----------
        rules : RuleSet or BoundRules
            The new rules.
        sources : mapping of str to str, sequence of str or None, default=None
            The kinds of events that feeds deliver; None for those named before.

        Returns
        -------
        Watch
            With the same features, at the same instant.

        Raises
        ------
        SchemaError, ParameterError
            As for the class.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> from churnlib.features import FeatureSpec, OnlineFeatures, Recency
        >>> features = OnlineFeatures(FeatureSpec([Recency()]), customer="who", time="at")
        >>> watch = Watch(features, RuleSet([Rule("silent", 1, "any.recency >= 30d")]))
        >>> _ = watch.take([{"who": 7, "at": "2026-03-02"}])
        >>> watch = watch.migrate(RuleSet([Rule("silent", 1, "any.recency >= 20d")]))
        >>> [notice.rule for notice in watch.advance("2026-03-23")]
        ['silent']
        """
        new = _rule_set(rules)
        other = type(self).__new__(type(self))
        other._begin(self.features, new, self.alerts.state().migrate(new), self._language, self._on_bad)
        stated = [name for name, _ in new.sources]
        kept = {name: kinds for name, kinds in self._feeds.items() if name in stated}
        other._beat, other._tick = self._beat, self._tick
        other._feeds = _feeds(kept if sources is None else sources, new)
        other._fresh = {name: self._fresh.get(name) for name in other._feeds}
        other._opted_out, other._silences = self._opted_out, self._silences
        other._clock, other._last_tick, other._beat_ends = self._clock, self._last_tick, self._beat_ends
        other._touched, other._unsure, other._ask_all = set(self._touched), set(), True
        other.stale, other._ready, other.refused = (), list(self._ready), dict(self.refused)
        other._settle()
        other._clockwork.to_come = list(self._clockwork.to_come)
        return other

    # -- keeping it ----------------------------------------------------------------------------

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write everything to a folder, whole or not at all.

        Whoever is killed while writing leaves what was there before. The folder holds the features,
        the states of alerts, the rules, and where the clock stands, each with a digest.

        Parameters
        ----------
        folder : str or path
            Made if it is not there. Older content is replaced at the end.

        Examples
        --------
        >>> import tempfile
        >>> from churnlib.alerts import Rule, RuleSet
        >>> from churnlib.features import FeatureSpec, OnlineFeatures, Recency
        >>> rules = RuleSet([Rule("no-visit", 1, "any.recency >= 30d")])
        >>> watch = Watch(OnlineFeatures(FeatureSpec([Recency()]), customer="who", time="at"), rules)
        >>> _ = watch.take([{"who": 7, "at": "2026-03-02"}])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     watch.save(folder)
        ...     again = Watch.load(folder, rules=rules)
        >>> again.advance("2026-04-02") == watch.advance("2026-04-02")
        True
        """
        from churnlib.alerts._watch._files import save_watch

        save_watch(self, folder)

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        rules: RuleSet | BoundRules | None = None,
        spec: FeatureSpec | None = None,
        contracts: Contracts | None = None,
        on_bad: OnBadEvent = "error",
    ) -> Watch:
        """Read what `save` wrote, and go on from there as if nothing had happened.

        Parameters
        ----------
        folder : str or path
            The folder.
        rules : RuleSet or BoundRules, default=None
            The rules that are expected; None takes those that were saved.
        spec : FeatureSpec, default=None
            The features that are expected; None takes those that were saved.
        contracts : Contracts, default=None
            Contracts, for features that read them.
        on_bad : "error" or callable, default="error"
            As for the class.

        Returns
        -------
        Watch
            Equal to the one saved.

        Raises
        ------
        ParameterError
            When there is nothing saved in it.
        VersionError
            When it was changed since, or is of other rules or features, or another version.

        Examples
        --------
        >>> Watch.load("nowhere")
        Traceback (most recent call last):
            ...
        churnlib.exceptions.ParameterError: nothing is saved in 'nowhere'...
        """
        from churnlib.alerts._watch._files import load_watch

        return load_watch(cls, folder, rules, spec, contracts, on_bad)


UNREADABLE = "cannot be read"


def check_listed(events: Any) -> None:
    """Refuse one event where a list of them belongs."""
    if isinstance(events, Mapping | str | bytes) or not isinstance(events, Iterable):
        what = "one mapping" if isinstance(events, Mapping) else f"a {type(events).__name__}"
        raise ParameterTypeError(message(f"events is {what}", "a list of events was expected", "take([event])"))


def _rule_set(rules: Any) -> RuleSet:
    """Return the rules; their columns are bound to the features anew."""
    if isinstance(rules, BoundRules):
        return rules.rules
    if isinstance(rules, RuleSet):
        return rules
    raise ParameterTypeError(message(f"rules is a {type(rules).__name__}", "a RuleSet was expected", "RuleSet([rule])"))


def _grid(beat: Any, tick: Any) -> tuple[int, int]:
    lengths = [span_of(value, name, allow_zero=False) for name, value in (("beat", beat), ("tick", tick))]
    one, other = (length.fixed_us or 0 for length in lengths)
    if other % one:
        raise ParameterError(
            message(
                f"tick={str(lengths[1])!r} is no multiple of beat={str(lengths[0])!r}",
                "a tick comes at the end of a beat",
                "beat='10ms', tick='5min'",
            )
        )
    return one, other


def _feeds(sources: Any, rules: RuleSet) -> dict[str, tuple[str, ...] | None]:
    """Return the kinds that each feed delivers; every feed that a rule depends on has to be named."""
    if sources is not None and not isinstance(sources, Mapping):
        raise ParameterTypeError(
            message(f"sources is {sources!r}", "feeds with the kinds they deliver", "sources={'orders': 'order'}")
        )
    stated, given = [name for name, _ in rules.sources], dict(sources or {})
    strange = [name for name in given if name not in stated]
    if strange:
        hint = nearest(str(strange[0]), stated) if stated else "none is stated"
        raise ParameterError(
            message(
                f"sources names {strange[0]!r}, which is no source of the rules ({hint})",
                "feeds of the rule set were expected",
                f"RuleSet(..., sources={{{strange[0]!r}: '2d'}})",
            )
        )
    needed = sorted({name for rule in rules for name in rule.sources})
    lacking = [name for name in needed if name not in given]
    if lacking:
        raise ParameterError(
            message(
                f"nothing says which events come from {some(lacking)}",
                "a feed that rules depend on is kept fresh by its events",
                f"sources={{{lacking[0]!r}: 'order'}}, or None for events of any kind",
            )
        )
    return {
        name: None if kinds is None else as_names(kinds, name=f"sources[{name!r}]")
        for name, kinds in sorted(given.items())
    }


def _fresh(last: Any, feeds: Mapping[str, Any], rules: RuleSet) -> dict[str, int | None]:
    if last is not None and not isinstance(last, Mapping):
        raise ParameterTypeError(
            message(f"last is {last!r}", "feeds with their last event", "last={'orders': log.complete_until}")
        )
    strange = [name for name in last or {} if name not in feeds]
    if strange:
        raise ParameterError(
            message(
                f"last names {strange[0]!r}, which is not among sources ({some(feeds) or 'none'})",
                "feeds whose events were named",
                f"sources={{{strange[0]!r}: None}}",
            )
        )
    given = {name: value for name, value in (last or {}).items() if value is not None}
    return {name: to_us(given[name], rules.timezone) if name in given else None for name in feeds}
