"""The same rules for one customer at a time, as events arrive and as time passes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from churnlib._typing import Instant
from churnlib.alerts._conditions import Conditions, RowValues, conditions_of, judged, refuse_unknown, truth_of
from churnlib.alerts._customers import ids_of
from churnlib.alerts._hold import is_valid, stale_sources
from churnlib.alerts._rule import Rule
from churnlib.alerts._silence import Silence, active_silences
from churnlib.alerts._state import AlertState
from churnlib.alerts._step import (
    BLANK,
    FIRING,
    STATUSES,
    Cells,
    Pace,
    Truth,
    advance_one,
    announce_one,
    code_of,
    empty_cells,
)
from churnlib.calendar import timestamp, to_us
from churnlib.exceptions import ParameterError, SchemaError, TimeError, message, nearest
from churnlib.expressions import ColumnType
from churnlib.expressions._columns import _CONVERTED, _kind_of_value

if TYPE_CHECKING:
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["Alert", "OnlineAlerts", "OnlineStep"]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_UNKNOWN = Truth(hit=False, miss=False, clear=False, stay=False)


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert of one customer that fires.

    Attributes
    ----------
    customer, rule : id, str
        Whose, and under which rule.
    level : int
        After escalation.
    since : datetime
        Since when it fires, in UTC.
    owner, channel : str
        Whose it is, and how it is told.
    suppressed_by : str
        What holds it back, with the name of the source; empty for nothing.

    Examples
    --------
    >>> from churnlib.alerts import Rule, RuleSet
    >>> RuleSet([Rule("a", 1, "x > 1")]).online().step("ann", {"x": 2}, now="2026-03-02").alerts[0].rule
    'a'
    """

    customer: Any
    rule: str
    level: int
    since: dt.datetime
    owner: str
    channel: str
    suppressed_by: str


@dataclass(frozen=True, slots=True)
class OnlineStep:
    """What a step gives for one customer.

    Attributes
    ----------
    customer : id
        Who.
    score : float
        Sum of the weights of the rules that fire and are neither inhibited nor a loss.
    level : int
        The highest level among them, 0 for none.
    alerts : tuple of Alert
        Those that fire, in order of rules.
    transitions : tuple of (rule, from, to)
        What changed.
    notifications : tuple of (Alert, reason)
        What is to be told now: "fired", "released" or "escalated".

    Examples
    --------
    >>> from churnlib.alerts import Rule, RuleSet
    >>> step = RuleSet([Rule("a", 1, "x > 1")]).online().step("ann", {"x": 2}, now="2026-03-02")
    >>> step.score, step.transitions, [(alert.rule, reason) for alert, reason in step.notifications]
    (1.0, (('a', 'inactive', 'firing'),), [('a', 'fired')])
    """

    customer: Any
    score: float
    level: int
    alerts: tuple[Alert, ...]
    transitions: tuple[tuple[str, str, str], ...]
    notifications: tuple[tuple[Alert, str], ...]


@dataclass(slots=True)
class _Known:
    """What is remembered of one customer: cells that are not blank, by position of the rule."""

    seen: int
    cells: dict[int, Cells] = field(default_factory=dict)
    row: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Settings:
    """What a rule needs at every step, looked up once."""

    rule: Rule
    pace: Pace
    inhibited_by: tuple[int, ...]


class OnlineAlerts:
    """Rules for one customer at a time; `RuleSet.online` makes it.

    The results are those of `RuleSet.step` with the same rows at the same instants: both are one
    step function. What holds for all customers (stale feeds, opt-outs, silences) is set by `set`.

    Parameters
    ----------
    rules : RuleSet
        The rules.
    units : mapping of str to str, default=None
        Units of columns; None for those of the rule set.
    state : AlertState, default=None
        Where to go on from; None to begin.

    Attributes
    ----------
    rules : RuleSet
        The rules.

    Examples
    --------
    >>> from churnlib.alerts import Rule, RuleSet
    >>> online = RuleSet([Rule("no-visit", 1, "days >= 30", for_="2d")]).online()
    >>> online.step("ann", {"days": 31}, now="2026-03-02").transitions
    (('no-visit', 'inactive', 'pending'),)
    >>> [step.transitions for step in online.tick("2026-03-04")]
    [(('no-visit', 'pending', 'firing'),)]
    """

    def __init__(
        self, rules: RuleSet, *, units: Mapping[str, str] | None = None, state: AlertState | None = None
    ) -> None:
        self.rules = rules
        self._units = dict(rules.units) if units is None else dict(units)
        self._read = rules.read
        self._pauses = rules.pauses()
        self._ids = rules.ids
        place = {name: k for k, name in enumerate(self._ids)}
        self._settings = [
            _Settings(rule, rule.pace, tuple(place[other] for other in rule.inhibited_by)) for rule in rules
        ]
        self._dated = [k for k, rule in enumerate(rules) if rule.valid != (None, None)]
        self._all_valid = [True] * len(rules)
        self._none_suspended = [False] * len(rules)
        self._bound: dict[tuple[str, ...], tuple[Conditions, ...]] = {}
        self._known: dict[Any, _Known] = {}
        self._sources: Mapping[str, Any] = {}
        self._opted_out: frozenset[Any] = frozenset()
        self._silences: tuple[Silence, ...] = ()
        if state is not None:
            state.check(rules)
            self._known = _known_of(state)

    def __repr__(self) -> str:
        words = f"{len(self.rules)} rule{'s' * (len(self.rules) != 1)}"
        return f"OnlineAlerts({words}, {len(self._known):,} customer{'s' * (len(self._known) != 1)})"

    def __len__(self) -> int:
        return len(self._known)

    def set(
        self,
        *,
        sources: Mapping[str, Any] | None = None,
        opted_out: Collection[Any] | None = None,
        silences: Iterable[Silence] | None = None,
    ) -> None:
        """Set what holds for all customers from now on.

        Parameters
        ----------
        sources : mapping of str to instant, default=None
            The last event of each feed; None leaves them as they are.
        opted_out : collection of ids, default=None
            Customers who want no contact; None leaves them as they are.
        silences : sequence of Silence, default=None
            Spans of time in which alerts are held back; None leaves them as they are.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> online = RuleSet([Rule("a", 1, "x > 1")]).online()
        >>> online.set(opted_out=["ann"])
        >>> online.step("ann", {"x": 2}, now="2026-03-02").alerts[0].suppressed_by
        'opted out'
        """
        if sources is not None:
            self._sources = dict(self._sources) | dict(sources)
        if opted_out is not None:
            self._opted_out = frozenset(opted_out)
        if silences is not None:
            self._silences = tuple(silences)

    def step(self, customer: Any, row: Mapping[str, Any], now: Instant | int) -> OnlineStep:
        """Evaluate all rules for one customer at one instant.

        Parameters
        ----------
        customer : id
            A whole number or a text.
        row : mapping of str to value
            The columns the rules read, as of `now`, None where a value is missing. It is kept for
            `tick`, and not to be changed afterwards.
        now : str, date, datetime or int
            The instant; without a zone on the clock of the rule set. A whole number is microseconds
            since 1970 in UTC, and the fastest.

        Returns
        -------
        OnlineStep
            Score, alerts and what changed.

        Raises
        ------
        SchemaError
            When a value is not in the row, or cannot serve where it stands.
        DataError
            When a rule with ``on_missing="error"`` meets a missing value.
        TimeError
            When the customer was evaluated later than `now` before.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> online = RuleSet([Rule("a", 1, "x > 1", clear="x < 0")]).online()
        >>> [online.step("ann", {"x": x}, now=f"2026-03-0{day}").level for day, x in enumerate([2, 1, None, -1], 1)]
        [1, 1, 1, 0]
        """
        return self._step(customer, row, self._context(now))

    def tick(self, now: Instant | int, rows: Callable[[Any, int], Mapping[str, Any]] | None = None) -> list[OnlineStep]:
        """Let time pass: evaluate every customer anew, and return what is new.

        Absence shows by the clock and not by an event, so a service calls this every few minutes.

        Parameters
        ----------
        now : str, date, datetime or int
            The instant, as in `step`.
        rows : callable, default=None
            From a customer and the instant in microseconds to the row as of then, such as a read of
            online features. None for the row of the customer's last step, as if nothing in it had
            changed; customers without one, since the state was read from a file, are passed over.

        Returns
        -------
        list of OnlineStep
            Steps with a transition or a notification, in order of customers.

        Raises
        ------
        TimeError
            When a customer was evaluated later than `now` before.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> online = RuleSet([Rule("no-visit", 1, "days >= 30")]).online()
        >>> online.step("ann", {"days": 29}, now="2026-03-02").level
        0
        >>> [step.customer for step in online.tick("2026-03-03", lambda customer, now: {"days": 30})]
        ['ann']
        """
        context = self._context(now)
        steps = []
        for customer in sorted(self._known):
            row = self._known[customer].row if rows is None else rows(customer, context.now)
            if row is not None:
                step = self._step(customer, row, context)
                if step.transitions or step.notifications:
                    steps.append(step)
        return steps

    def state(self) -> AlertState:
        """Return what is remembered, to be saved or to go on from in a batch.

        Returns
        -------
        AlertState
            Of all customers seen.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> online = RuleSet([Rule("a", 1, "x > 1")]).online()
        >>> _ = online.step("ann", {"x": 2}, now="2026-03-02")
        >>> online.state()
        AlertState(1 customer, 1 rule: 1 firing)
        """
        customers = ids_of(sorted(self._known))
        cells = {rule.id: empty_cells(len(customers)) for rule in self.rules}
        columns = list(cells.values())
        for row, customer in enumerate(customers.tolist()):
            for k, cell in self._known[customer].cells.items():
                for column, value in zip(columns[k], cell, strict=True):
                    column[row] = value
        seen = np.array([self._known[customer].seen for customer in customers.tolist()], dtype=np.int64)
        return AlertState(self.rules.digest, customers, seen, cells)

    def forget(self, customers: Iterable[Any]) -> None:
        """Forget customers: nothing of them is left.

        Parameters
        ----------
        customers : collection of ids
            Whom; those who are not known are passed over.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> online = RuleSet([Rule("a", 1, "x > 1")]).online()
        >>> _ = online.step("ann", {"x": 2}, now="2026-03-02")
        >>> online.forget(["ann"])
        >>> len(online)
        0
        """
        for customer in customers:
            self._known.pop(customer, None)

    # -- one step ----------------------------------------------------------------------------

    def _context(self, now: Instant | int) -> _Context:
        instant = _instant(now, self.rules.timezone)
        stale = stale_sources(self.rules, self._sources, instant) if self.rules.sources or self._sources else {}
        silences = active_silences(self._silences, instant, self.rules.timezone, self._ids) if self._silences else []
        valid, suspended = self._all_valid, self._none_suspended
        if self._dated:
            valid = [is_valid(one.rule, instant, self.rules.timezone) for one in self._settings]
        if stale:
            suspended = [any(source in stale for source in one.rule.sources) for one in self._settings]
        return _Context(instant, stale, silences, valid, suspended)

    def _step(self, customer: Any, row: Mapping[str, Any], context: _Context) -> OnlineStep:
        known = self._known.get(customer)
        if known is not None and known.seen > context.now:
            raise TimeError(
                message(
                    f"customer {customer!r} was evaluated at {timestamp(known.seen)} before, and now is "
                    f"{timestamp(context.now)}",
                    "time goes forward from step to step",
                    f"now='{timestamp(known.seen)}' or later",
                )
            )
        values, bound = self._values(row)
        again = known is not None and known.seen == context.now
        before = {} if known is None else known.cells
        moved = self._moved(before, values, bound, context, again=again, customer=customer)
        if known is None:
            self._check_id(customer)
            known = self._known[customer] = _Known(context.now)
        firing = [code_of(cell.status) == FIRING for cell in moved]
        holds = [self._holds(k, customer, firing, context) if firing[k] else [] for k in range(len(moved))]
        told = [
            announce_one(cell, not held, one.pace, context.now)
            for cell, held, one in zip(moved, holds, self._settings, strict=True)
        ]
        known.seen, known.row = context.now, row
        known.cells = {k: cell for k, (cell, _) in enumerate(told) if cell != BLANK}
        return self._told(customer, before, told, holds, context)

    def _values(self, row: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Conditions, ...]]:
        """Return the values that are read, as expressions want them, and the conditions bound to their kinds."""
        values: dict[str, Any] = {}
        kinds = []
        for name in self._read:
            try:
                value = row[name]
            except KeyError:
                raise SchemaError(
                    message(
                        f"the row has no value {name!r} ({nearest(name, list(row))})",
                        "every column that a rule reads is in the row, as None where the value is missing",
                        f"row | {{{name!r}: None}}",
                    )
                ) from None
            kind = "number" if type(value) is float and value == value else _kind_of_value(value)  # noqa: PLR0124
            kinds.append(kind)
            convert = _CONVERTED.get(kind)
            values[name] = None if kind == "unknown" else value if convert is None else convert(value, name)
        bound = self._bound.get(tuple(kinds))
        if bound is None:
            types = {
                name: ColumnType(kind, self._units.get(name)) for name, kind in zip(self._read, kinds, strict=True)
            }
            bound = self._bound[tuple(kinds)] = conditions_of(self.rules.rules, types, self._pauses)
        return values, bound

    def _moved(
        self,
        before: Mapping[int, Cells],
        values: Mapping[str, Any],
        bound: Sequence[Conditions],
        context: _Context,
        *,
        again: bool,
        customer: Any,
    ) -> list[Cells]:
        plain = RowValues(values, {}, context.now)
        moved = []
        for k, (one, settings) in enumerate(zip(bound, self._settings, strict=True)):
            if not context.valid[k]:
                moved.append(BLANK)
                continue
            truth = _UNKNOWN
            if not context.suspended[k]:
                source = RowValues(values, one.pauses, context.now) if one.pauses else plain
                truth = _truth(one, source, customer)
            moved.append(advance_one(before.get(k, BLANK), truth, settings.pace, context.now, again))
        return moved

    def _holds(self, k: int, customer: Any, firing: Sequence[bool], context: _Context) -> list[tuple[str, str]]:
        """Return what holds back the alert of one rule: its kind, and the text with the name of its source."""
        settings = self._settings[k]
        rule = settings.rule
        holds = [("inhibited", f"inhibited by {self._ids[k]}") for k in settings.inhibited_by if firing[k]]
        if rule.respect_opt_out and customer in self._opted_out:
            holds.append(("opted out", "opted out"))
        for silence in context.silences:
            of_rule = not silence.rules or rule.id in silence.rules
            if of_rule and (silence.customers is None or customer in silence.customers):
                holds.append(("silenced", f"silenced: {silence.name}"))
        holds += [("suspended", f"suspended: {context.stale[name]}") for name in rule.sources if name in context.stale]
        return holds

    def _told(
        self,
        customer: Any,
        before: Mapping[int, Cells],
        told: Sequence[tuple[Cells, str]],
        holds: Sequence[Sequence[tuple[str, str]]],
        context: _Context,
    ) -> OnlineStep:
        alerts, transitions, notifications = [], [], []
        score, level = 0.0, 0
        for k, (cell, reason) in enumerate(told):
            rule = self._settings[k].rule
            was, code = code_of(before[k].status) if k in before else 0, code_of(cell.status)
            if was != code:
                transitions.append((rule.id, STATUSES[was], STATUSES[code]))
            if code != FIRING:
                continue
            alert = _alert(customer, self._settings[k], cell, holds[k], context.now)
            alerts.append(alert)
            if reason:
                notifications.append((alert, reason))
            if not rule.is_loss and not any(kind == "inhibited" for kind, _ in holds[k]):
                score, level = score + rule.weight, max(level, alert.level)
        return OnlineStep(customer, score, level, tuple(alerts), tuple(transitions), tuple(notifications))

    def _check_id(self, customer: Any) -> None:
        """Refuse an id that the state could not keep beside the others."""
        if isinstance(customer, bool) or not isinstance(customer, int | np.integer | str):
            raise ParameterError(
                message(
                    f"the customer is {customer!r}, a {type(customer).__name__}",
                    "ids are whole numbers or texts",
                    f"str({customer!r})",
                )
            )
        other = next(iter(self._known), customer)
        if isinstance(other, str) != isinstance(customer, str):
            raise ParameterError(
                message(
                    f"the customer is {customer!r}, and others are known by ids such as {other!r}",
                    "ids of one kind were expected",
                    f"the id of this customer as {'a text' if isinstance(other, str) else 'a whole number'}",
                )
            )


@dataclass(frozen=True, slots=True)
class _Context:
    """What holds for all customers at one instant."""

    now: int
    stale: Mapping[str, str]
    silences: Sequence[Silence]
    valid: Sequence[bool]
    suspended: Sequence[bool]


def _instant(now: Instant | int, tz: str) -> int:
    if type(now) is int:
        return now
    if type(now) is dt.datetime and now.tzinfo is not None:  # as to_us reads it, without its detour
        return (now - _EPOCH) // _MICROSECOND
    return to_us(now, tz)


def _truth(one: Conditions, source: RowValues, customer: Any) -> Truth:
    found = truth_of(one, source)
    if one.rule.on_missing == "error" and not ((found.hit or found.miss) and (found.clear or found.stay)):
        raise refuse_unknown(one.rule, 1, 1, repr(customer))
    return judged(found, one.rule.on_missing)


def _alert(customer: Any, settings: _Settings, cell: Cells, holds: Sequence[tuple[str, str]], now: int) -> Alert:
    rule = settings.rule
    level, owner = rule.level, rule.route.owner
    for entry, after in zip(rule.escalate, settings.pace.afters, strict=True):
        if now - cell.since >= after:
            level, owner = entry.level, entry.owner or owner
    since = _EPOCH + dt.timedelta(microseconds=cell.since)
    return Alert(customer, rule.id, level, since, owner, rule.route.channel, "; ".join(text for _, text in holds))


def _known_of(state: AlertState) -> dict[Any, _Known]:
    known = {
        customer: _Known(seen) for customer, seen in zip(state.customers.tolist(), state.seen.tolist(), strict=True)
    }
    entries = list(known.values())
    for k, cells in enumerate(state.cells.values()):
        rows = np.flatnonzero((cells.status != 0) | (cells.bits != 0))
        for row, *cell in zip(rows.tolist(), *(column[rows].tolist() for column in cells), strict=True):
            entries[row].cells[k] = Cells(*cell)
    return known
