"""What a sink is given: one alert to be told, with a key by which a receiver knows it again."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from churnlib.alerts._because import Place, shown
from churnlib.alerts._explain import _text
from churnlib.calendar import DAY_US, to_us
from churnlib.exceptions import ParameterTypeError, SchemaError, message, some
from churnlib.expressions._columns import _CONVERTED, _kind_of_value

if TYPE_CHECKING:
    from churnlib.alerts._alert_step import AlertStep
    from churnlib.alerts._online._alerts import Alert, OnlineStep
    from churnlib.alerts._rule import Rule
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["Notice", "Wording", "notices"]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert that is to be told now.

    The same alert told for the same reason has the same key, however often it is computed and
    sent: a receiver that stores what it got by key takes every notice once.

    Attributes
    ----------
    key : str
        SHA-256 over the digest of the rules, the customer, the rule, since when it fires, the reason,
        the level, and how often it was escalated; 64 hexadecimal digits.
    customer : int or str
        Whose alert.
    rule : str
        Under which rule.
    level : int
        After escalation.
    reason : {"fired", "released", "escalated"}
        Why it is told.
    since : datetime
        Since when it fires, in UTC.
    at : datetime
        When it was evaluated, in UTC.
    score : float
        Of the customer, over all rules.
    owner, channel : str
        Whose it is, and how it is told.
    text : str
        The reason in words.

    Examples
    --------
    >>> import pandas as pd
    >>> from churnlib.alerts import Rule, RuleSet
    >>> rules = RuleSet([Rule("no-visit", 1, "days >= 30", because="no visit for {days:.0f} days")])
    >>> step = rules.step(pd.DataFrame({"days": [41, 3]}, index=["ann", "bob"]), now="2026-03-02")
    >>> [notice] = notices(step)
    >>> notice.customer, notice.reason, notice.text, len(notice.key)
    ('ann', 'fired', 'no visit for 41 days', 64)
    >>> Notice.from_json(notice.to_json()) == notice
    True
    """

    key: str
    customer: int | str
    rule: str
    level: int
    reason: str
    since: dt.datetime
    at: dt.datetime
    score: float
    owner: str
    channel: str
    text: str

    @classmethod
    def of(cls, alert: Alert, reason: str, rules: RuleSet, *, at: dt.datetime, score: float, text: str) -> Notice:
        """Make the notice of an alert.

        Parameters
        ----------
        alert : Alert
            The alert.
        reason : {"fired", "released", "escalated"}
            Why it is told.
        rules : RuleSet
            The rules; their digest is part of the key.
        at : datetime
            When it was evaluated, with a zone.
        score : float
            Of the customer.
        text : str
            The reason in words.

        Returns
        -------
        Notice
            With its key.

        Examples
        --------
        >>> import datetime as dt
        >>> from churnlib.alerts import Rule, RuleSet
        >>> rules, now = RuleSet([Rule("a", 1, "x > 1")]), dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
        >>> step = rules.online().step("ann", {"x": 2}, now=now)
        >>> Notice.of(*step.notifications[0], rules, at=now, score=step.score, text="x is 2").rule
        'a'
        """
        return cls._of(alert, reason, rules[alert.rule], rules.digest, at=at, score=score, text=text)

    @classmethod
    def _of(
        cls, alert: Alert, reason: str, rule: Rule, digest: str, *, at: dt.datetime, score: float, text: str
    ) -> Notice:
        stage = bisect_right(rule.pace.afters, (at - alert.since) // _MICROSECOND)
        customer = int(alert.customer) if isinstance(alert.customer, np.integer) else alert.customer
        level = int(alert.level)
        parts = [digest, customer, alert.rule, (alert.since - _EPOCH) // _MICROSECOND, reason, level, stage]
        key = hashlib.sha256(json.dumps(parts, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()
        return cls(
            key, customer, alert.rule, level, reason, alert.since, at, float(score), alert.owner, alert.channel, text
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the notice as values that JSON has; instants as ISO 8601 texts.

        Examples
        --------
        >>> import pandas as pd
        >>> from churnlib.alerts import Rule, RuleSet
        >>> step = RuleSet([Rule("a", 1, "x > 1")]).step(pd.DataFrame({"x": [2]}, index=[7]), now="2026-03-02")
        >>> notices(step)[0].to_dict()["since"]
        '2026-03-02T00:00:00+00:00'
        """
        found = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return found | {"since": self.since.isoformat(), "at": self.at.isoformat()}

    def to_json(self) -> str:
        """Return the notice as one line of JSON.

        Examples
        --------
        >>> import pandas as pd
        >>> from churnlib.alerts import Rule, RuleSet
        >>> step = RuleSet([Rule("a", 1, "x > 1")]).step(pd.DataFrame({"x": [2]}, index=[7]), now="2026-03-02")
        >>> notices(step)[0].to_json().startswith('{"key":')
        True
        """
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Notice:
        """Read what `to_dict` returned.

        Parameters
        ----------
        values : mapping
            With all attributes; other entries are not looked at.

        Returns
        -------
        Notice
            Equal to the one written.

        Raises
        ------
        SchemaError
            When an attribute is missing or an instant cannot be read.

        Examples
        --------
        >>> Notice.from_dict({"key": "abc"})
        Traceback (most recent call last):
            ...
        churnlib.exceptions.SchemaError: a notice has no customer, rule, level, reason, since...
        """
        if not isinstance(values, Mapping):
            raise SchemaError(message(f"the notice is a {type(values).__name__}", "an object", "notice.to_dict()"))
        lacking = [entry.name for entry in fields(cls) if entry.name not in values]
        if lacking:
            raise SchemaError(
                message(f"a notice has no {some(lacking)}", "every attribute was expected", "notice.to_dict()")
            )
        found = {entry.name: values[entry.name] for entry in fields(cls)}
        for name in ("since", "at"):
            found[name] = _instant(found[name], name)
        return cls(**found)

    @classmethod
    def from_json(cls, text: str) -> Notice:
        """Read what `to_json` returned.

        Parameters
        ----------
        text : str
            One line.

        Returns
        -------
        Notice
            Equal to the one written.

        Raises
        ------
        SchemaError
            When it is no JSON of a notice.

        Examples
        --------
        >>> Notice.from_json("[]")
        Traceback (most recent call last):
            ...
        churnlib.exceptions.SchemaError: the text is no JSON of a notice...
        """
        try:
            values = json.loads(text)
        except (TypeError, ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise SchemaError(message("the text is no JSON of a notice", "an object", "notice.to_json()"))
        return cls.from_dict(values)


def _instant(value: Any, name: str) -> dt.datetime:
    """Read an instant as `to_dict` writes it: without a zone it would be one on the clock of this machine."""
    try:
        instant = dt.datetime.fromisoformat(value)
        if instant.tzinfo is not None:
            return instant.astimezone(dt.UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    wrong = f"{name} of a notice is {str(value)[:40]!r}"
    raise SchemaError(message(wrong, "an ISO 8601 text with a zone", "notice.to_dict()"))


class Wording:
    """Rules and their texts in one language, for one row at a time; the same words as `AlertStep.because`.

    Parameters
    ----------
    rules : RuleSet
        The rules.
    language : str or None
        Which of the texts; None where each rule has one.

    Raises
    ------
    ParameterError
        When a rule has no text in the language.
    """

    __slots__ = ("_parts", "_rules", "digest")

    def __init__(self, rules: RuleSet, language: str | None) -> None:
        self.digest = rules.digest
        self._rules = {rule.id: rule for rule in rules}
        self._parts = {
            rule.id: [(part, shown(part)) if isinstance(part, Place) else part for part in _text(rule, language)]
            for rule in rules
        }

    def of(self, rule: str, row: Mapping[str, Any]) -> str:
        """Return the text of a rule with the values of a row."""
        words = [part if isinstance(part, str) else part[1](_plain(row[part[0].name])) for part in self._parts[rule]]
        return "".join(words)

    def notices(self, step: OnlineStep, row: Mapping[str, Any], at: dt.datetime) -> list[Notice]:
        """Return the notices of a step for one customer."""
        return [
            Notice._of(
                alert,
                reason,
                self._rules[alert.rule],
                self.digest,
                at=at,
                score=step.score,
                text=self.of(alert.rule, row),
            )
            for alert, reason in step.notifications
        ]


def _plain(value: Any) -> Any:
    """Return a value as a float, a text or a truth value, a length in days; None where it is missing."""
    kind = _kind_of_value(value)
    if kind == "unknown":
        return None
    if kind == "boolean":
        return bool(value)
    found: Any = _CONVERTED[kind](value, "") if kind in _CONVERTED else str(value)
    return found / DAY_US if kind == "length" else found


def notices(step: AlertStep, *, language: str | None = None) -> list[Notice]:
    """Return what a step over a table has to tell, for a sink.

    Parameters
    ----------
    step : AlertStep
        What `RuleSet.step` gave.
    language : str, default=None
        The language of the texts; None where each rule has one.

    Returns
    -------
    list of Notice
        One for each row of `step.notifications`, in its order.

    Raises
    ------
    ParameterError
        When a rule has no text in the language.

    Examples
    --------
    >>> import pandas as pd
    >>> from churnlib.alerts import Rule, RuleSet
    >>> rules = RuleSet([Rule("a", 1, "x > 1", route={"owner": "crm"})])
    >>> step = rules.step(pd.DataFrame({"x": [2, 9]}, index=[7, 8]), now="2026-03-02", opted_out=[8])
    >>> [(notice.customer, notice.owner, notice.text) for notice in notices(step)]
    [(7, 'crm', 'x > 1')]
    """
    from churnlib.alerts._alert_step import AlertStep

    if not isinstance(step, AlertStep):
        raise ParameterTypeError(
            message(f"step is a {type(step).__name__}", "a step over a table was expected", "notices(rules.step(X))")
        )
    told = step.notifications
    if told.empty:
        return []
    from churnlib.alerts._online._alerts import Alert

    who = list(dict.fromkeys(told["customer_id"].tolist()))
    texts = step.because(who, language=language)
    words = dict(
        zip(zip(texts["customer_id"].tolist(), texts["rule"].astype(str), strict=True), texts["text"], strict=True)
    )
    firing = step.alerts
    since = dict(
        zip(zip(firing["customer_id"].tolist(), firing["rule"].astype(str), strict=True), firing["since"], strict=True)
    )
    scores = step.customers["score"]
    at = _EPOCH + to_us(step.now) * _MICROSECOND
    found, digest = [], step._rules.digest
    for customer, rule, level, owner, channel, reason in told[
        ["customer_id", "rule", "level", "owner", "channel", "reason"]
    ].itertuples(index=False, name=None):
        began = _EPOCH + to_us(since[customer, rule]) * _MICROSECOND
        alert = Alert(customer, rule, level, began, owner, channel, "")
        text, score = words[customer, rule], scores.loc[customer]
        found.append(Notice._of(alert, reason, step._rules[rule], digest, at=at, score=score, text=text))
    return found
