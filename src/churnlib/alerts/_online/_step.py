"""What a step says of one customer: the alerts that fire, what changed, and what is to be told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from churnlib.alerts._rule import Rule
from churnlib.alerts._silence import Silence
from churnlib.alerts._step import Pace

__all__ = ["Alert", "Context", "OnlineStep", "Settings", "held_back", "is_free", "said", "settings_of"]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
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
    # Most steps change nothing, and nobody asks for their alerts: they are made when they are asked for.
    _alerts: tuple[Alert, ...] | Callable[[], tuple[Alert, ...]]
    transitions: tuple[tuple[str, str, str], ...]
    notifications: tuple[tuple[Alert, str], ...]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Those that fire, in order of rules.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> RuleSet([Rule("a", 1, "x > 1")]).online().step("ann", {"x": 0}, now="2026-03-02").alerts
        ()
        """
        if callable(self._alerts):
            object.__setattr__(self, "_alerts", self._alerts())
        assert isinstance(self._alerts, tuple)
        return self._alerts

    def _values(self) -> tuple[Any, ...]:
        return self.customer, self.score, self.level, self.alerts, self.transitions, self.notifications

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, OnlineStep) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        names = ("customer", "score", "level", "alerts", "transitions", "notifications")
        listed = (f"{name}={value!r}" for name, value in zip(names, self._values(), strict=True))
        return f"OnlineStep({', '.join(listed)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return OnlineStep, self._values()


@dataclass(frozen=True, slots=True)
class Settings:
    """What a rule needs at every step, looked up once.

    Attributes
    ----------
    rule, pace : Rule, Pace
        The rule and its lengths of time.
    inhibited_by : frozenset of int
        The rules that hold it back, by position.
    named : tuple of (int, str)
        The same with what is said of each, in the order of the rule.
    id, weight, level, is_loss : str, float, int, bool
        Of the rule.
    is_plain : bool
        Whether it has no history and meets missing values without an error, so that a cell that
        stays as it is need not be looked at.
    fires_unknown : bool
        Whether what is unknown is taken for true.
    """

    rule: Rule
    pace: Pace
    inhibited_by: frozenset[int]
    named: tuple[tuple[int, str], ...]
    id: str
    weight: float
    level: int
    is_loss: bool
    is_plain: bool
    fires_unknown: bool


def settings_of(rules: Sequence[Rule]) -> tuple[Settings, ...]:
    """Look up what every rule of a set needs at every step."""
    place = {rule.id: k for k, rule in enumerate(rules)}
    return tuple(
        Settings(
            rule,
            rule.pace,
            frozenset(place[other] for other in rule.inhibited_by),
            tuple((place[other], f"inhibited by {other}") for other in rule.inhibited_by),
            rule.id,
            rule.weight,
            rule.level,
            rule.is_loss,
            rule.pace.n == 1 and rule.on_missing != "error",
            rule.on_missing == "fire",
        )
        for rule in rules
    )


@dataclass(frozen=True, slots=True)
class Context:
    """What holds for all customers at one instant.

    Attributes
    ----------
    now : int
        The instant, in microseconds.
    settings : tuple of Settings
        Of each rule.
    valid, suspended : sequence of bool
        Whether each rule applies, and whether a source of it is stale.
    stale : mapping of str to str
        The stale sources, with what is said of them.
    opted_out : frozenset
        Customers who want no contact.
    silences : sequence of Silence
        Those that hold now.
    """

    now: int
    settings: tuple[Settings, ...]
    valid: Sequence[bool]
    suspended: Sequence[bool]
    stale: Mapping[str, str]
    opted_out: frozenset[Any]
    silences: Sequence[Silence]


def is_free(one: Settings, customer: Any, fires: Any, context: Context, *, suspended: bool) -> bool:
    """Whether nothing holds back the alert of a rule; `fires` are the positions of the rules that fire."""
    if suspended or (one.inhibited_by and not one.inhibited_by.isdisjoint(fires)):
        return False
    if customer in context.opted_out and one.rule.respect_opt_out:
        return False
    return not any(_silences(silence, one.rule, customer) for silence in context.silences)


def _silences(silence: Silence, rule: Rule, customer: Any) -> bool:
    of_rule = not silence.rules or rule.id in silence.rules
    return of_rule and (silence.customers is None or customer in silence.customers)


def held_back(one: Settings, customer: Any, fires: Any, context: Context) -> str:
    """Return what holds back the alert of a rule, with the names of the sources; empty for nothing."""
    rule = one.rule
    texts = [text for k, text in one.named if k in fires]
    if rule.respect_opt_out and customer in context.opted_out:
        texts.append("opted out")
    texts += [f"silenced: {silence.name}" for silence in context.silences if _silences(silence, rule, customer)]
    texts += [f"suspended: {context.stale[name]}" for name in rule.sources if name in context.stale]
    return "; ".join(texts)


def said(
    customer: Any,
    firing: Mapping[int, int],
    transitions: Sequence[tuple[str, str, str]],
    reasons: Mapping[int, str],
    context: Context,
) -> OnlineStep:
    """Put together what a step says of a customer.

    Parameters
    ----------
    customer : id
        Who.
    firing : mapping of int to int
        The rules that fire, by position and in order, with since when.
    transitions : sequence of (rule, from, to)
        What changed.
    reasons : mapping of int to str
        What is told of a rule, by position and in order.
    context : Context
        What holds for all customers.
    """
    settings, score, level = context.settings, 0.0, 0
    for k, since in firing.items():
        one = settings[k]
        if one.is_loss or (one.inhibited_by and not one.inhibited_by.isdisjoint(firing)):
            continue
        score += one.weight
        reached = one.level if not one.pace.afters else _stage(one, context.now - since)[0]
        level = max(level, reached)
    told = tuple([(_alert(customer, k, firing, context), reason) for k, reason in reasons.items()])

    def alerts() -> tuple[Alert, ...]:
        return tuple([_alert(customer, k, firing, context) for k in firing])

    return OnlineStep(customer, score, level, alerts if firing else (), tuple(transitions), told)


def _stage(one: Settings, age: int) -> tuple[int, str]:
    """Return level and owner of an alert of an age."""
    level, owner = one.level, one.rule.route.owner
    for entry, after in zip(one.rule.escalate, one.pace.afters, strict=True):
        if age >= after:
            level, owner = entry.level, entry.owner or owner
    return level, owner


def _alert(customer: Any, k: int, firing: Mapping[int, int], context: Context) -> Alert:
    one, since = context.settings[k], firing[k]
    level, owner = _stage(one, context.now - since)
    at = _EPOCH + dt.timedelta(microseconds=since)
    text = held_back(one, customer, firing, context)
    return Alert(customer, one.id, level, at, owner, one.rule.route.channel, text)
