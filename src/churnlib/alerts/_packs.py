"""Rule packs: the rules of an industry, ready to be put into the names of a log."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_names, check_choice
from churnlib.alerts._packs_read import HOLIDAYS, Need, Texts, as_mapping, built, named_roles, pack_text
from churnlib.alerts._packs_words import tolerance_of
from churnlib.alerts._rule import Rule
from churnlib.alerts._ruleset import RuleSet
from churnlib.calendar import DAY_US, Duration
from churnlib.events import EventLog
from churnlib.exceptions import ParameterError, ParameterTypeError, message, nearest, some
from churnlib.features import AttributeValue, FeatureSpec, RunLength
from churnlib.features._feature import Feature
from churnlib.features._online_setup import named_kinds

__all__ = ["Need", "RulePack", "pack"]

_LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a rule of a pack is for.

    Attributes
    ----------
    rule : str
        Its id.
    says : tuple of (language, text)
        Its condition in words; empty once it is another than that of the pack.
    ahead : Duration or None
        How long before the loss it is meant to warn; None where it is no warning.
    """

    rule: str
    says: Texts
    ahead: Duration | None


@dataclass(frozen=True, slots=True, repr=False)
class RulePack:
    """The rules of an industry in the names of a log, with the features they read; `pack` makes it.

    A pack is a value. Its rules are rules like any others, and its features a `FeatureSpec` like any
    other: ``pack.rules.bind(pack.features)`` evaluates them.

    Attributes
    ----------
    name : str
        The industry.
    rules : RuleSet
        The rules, with feeds, the calendar "holidays", and a zone.
    features : FeatureSpec
        One column for each name that a rule reads.
    needs : tuple of Need
        The events and attributes that the features are made of, and what each of them is.
    left_out : tuple of (str, str)
        The rules that are not in it, and what of the log each of them lacked.
    purposes : tuple of Purpose
        What each rule says in words, and how long before the loss it is meant to warn.

    Examples
    --------
    >>> import churnlib as cl
    >>> from churnlib import alerts
    >>> log = cl.datasets.make_shop(n_customers=50, random_state=1).log
    >>> shop = alerts.pack("retail").for_log(log)
    >>> shop
    RulePack('retail': 5 rules: complaints-repeated, no-second-order, refunded, silent-30-days, slower-than-usual; 11
    left out)
    >>> dict(shop.left_out)["mails-unopened"]
    'event email'
    """

    name: str
    rules: RuleSet
    features: FeatureSpec
    needs: tuple[Need, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    purposes: tuple[Purpose, ...] = ()

    def __repr__(self) -> str:
        left = f"; {len(self.left_out)} left out" if self.left_out else ""
        words = f"{len(self.rules)} rule{'s' * (len(self.rules) != 1)}"
        return f"RulePack({self.name!r}: {words}: {some(self.rules.ids)}{left})"

    @property
    def feeds(self) -> dict[str, str | tuple[str, ...]]:
        """The kinds of events that each feed of the rules delivers.

        Examples
        --------
        >>> pack("telecom").feeds
        {'activity': 'usage', 'open': 'email_open', 'payment': 'payment'}
        """
        names = {need.role: need.names for need in self.needs}
        return {
            feed: names[feed][0] if len(names[feed]) == 1 else names[feed]
            for feed, _ in self.rules.sources
            if feed in names
        }

    def for_log(self, log: EventLog) -> RulePack:
        """Return the pack without the rules that a log cannot serve.

        Parameters
        ----------
        log : EventLog
            The events.

        Returns
        -------
        RulePack
            Its `left_out` names each rule that is gone, and the events or attributes it lacked.

        Raises
        ------
        ParameterError
            When no rule is left.
        ParameterTypeError
            When `log` is no event log.

        Examples
        --------
        >>> import churnlib as cl
        >>> log = cl.datasets.make_subscriptions(n_customers=50, random_state=1).log
        >>> [rule for rule, lacks in pack("saas").for_log(log).left_out if lacks == "attribute seats"]
        ['seats-removed']
        """
        if not isinstance(log, EventLog):
            raise ParameterTypeError(
                message(
                    f"log is a {type(log).__name__}",
                    "an event log, whose kinds and attributes are read",
                    f"pack({self.name!r}).for_log(EventLog.from_frame(frame, customer=..., time=..., kind=...))",
                )
            )
        lacks = {rule.id: found for rule in self.rules if (found := self._lacking(rule, log))}
        if len(lacks) == len(self.rules):
            needed = sorted(set(lacks.values()))
            raise ParameterError(
                message(
                    f"the log serves none of the {len(self.rules)} rules of the pack {self.name!r} "
                    f"(it lacks {some(needed)})",
                    f"its kinds of events are {some(log.kinds)}",
                    f"pack({self.name!r}, events={{{self.needs[0].role!r}: {log.kinds[0]!r}}})",
                )
            )
        return self._without(lacks)

    def without(self, rules: str | Sequence[str]) -> RulePack:
        """Return the pack without some rules.

        Parameters
        ----------
        rules : str or sequence of str
            Their ids.

        Returns
        -------
        RulePack
            With the features and feeds that the others read.

        Raises
        ------
        ParameterError
            When there is no such rule, or none would be left.

        Examples
        --------
        >>> len(pack("retail").rules), len(pack("retail").without(["no-guide", "no-adviser"]).rules)
        (16, 14)
        """
        gone = as_names(rules, name="rules")
        for name in gone:
            self.rules[name]
        if len(gone) == len(self.rules):
            raise ParameterError(
                message(
                    f"no rule of the pack {self.name!r} is left", "at least one was expected", "without('no-guide')"
                )
            )
        return self._without(dict.fromkeys(gone, "by choice"))

    def change(self, rule: str, **fields: Any) -> RulePack:
        """Return the pack with a rule changed.

        Parameters
        ----------
        rule : str
            Its id.
        **fields
            Arguments of `Rule` with their new values, such as ``when="visit.recency >= 45d"``. A new
            ``id`` is also what the rules name that it holds back.

        Returns
        -------
        RulePack
            With the changed rule.

        Raises
        ------
        ParameterError
            When there is no such rule or argument, or a value makes no sense.
        SchemaError
            When a condition reads a column that the features of the pack do not have.

        Examples
        --------
        >>> later = pack("retail").change("silent-30-days", when="visit.recency >= 45d")
        >>> later.rules["silent-30-days"].when.text, later.describe().loc["silent-30-days", "says"]
        ('visit.recency >= 45d', 'visit.recency >= 45d')
        """
        known = [field.name for field in dataclasses.fields(Rule)]
        strange = [name for name in fields if name not in known]
        if strange:
            raise ParameterError(
                message(
                    f"a rule has no {strange[0]!r} ({nearest(strange[0], known)})",
                    f"it has {some(known, 30)}",
                    "change('silent-30-days', cooldown='14d')",
                )
            )
        new = dataclasses.replace(self.rules[rule], **fields)
        changed = _with_rules(
            self.rules, [new if old.id == rule else _renamed(old, rule, new.id) for old in self.rules]
        )
        changed.bind(self.features)
        if new.id != rule or "when" not in fields:
            purposes = tuple(dataclasses.replace(p, rule=new.id) if p.rule == rule else p for p in self.purposes)
        else:
            purposes = tuple(Purpose(rule, (), p.ahead) if p.rule == rule else p for p in self.purposes)
        return dataclasses.replace(self, rules=changed, purposes=purposes)

    def describe(self, language: str = "en") -> pd.DataFrame:
        """Return a table of the rules for those who have to approve of them.

        Parameters
        ----------
        language : {"en", "zh"}, default="en"
            The language of what is said in words.

        Returns
        -------
        DataFrame of shape (n_rules, 9)
            Indexed by rule: its level; its condition in words (``says``) and in the language of rules
            (``when``); its tolerance; owner and channel; how many days ahead of the loss it is meant to
            warn, NaN for a duty of the house and for the loss itself; is_loss; and the events and
            attributes it needs.

        Examples
        --------
        >>> table = pack("telecom").describe()
        >>> table.loc["port-code-asked", ["says", "owner", "channel"]].tolist()
        ['the code to take the number elsewhere was asked for within 30 days', 'retention', 'phone']
        >>> float(table.loc["port-code-asked", "days_ahead"])
        3.0
        >>> table.loc["usage-falling", "tolerance"]
        'ends when usage.change.28d > -0.25; 2 of 3 times; not again for 30d; suspended while activity is late; held
        back by number-ported'
        >>> pack("telecom").describe("zh").loc["number-ported", "says"]
        '已携号转出或销号且未重新开通'
        """
        check_choice(language, _LANGUAGES, name="language")
        purposes = {purpose.rule: purpose for purpose in self.purposes}
        rows = [self._described(rule, purposes[rule.id], language) for rule in self.rules]
        return pd.DataFrame(rows).set_index("rule")

    def _described(self, rule: Rule, purpose: Purpose, language: str) -> dict[str, Any]:
        ahead = purpose.ahead
        return {
            "rule": rule.id,
            "level": rule.level,
            "says": dict(purpose.says).get(language, rule.when.text),
            "when": rule.when.text,
            "tolerance": tolerance_of(rule, language, waits=self._waits(rule)),
            "owner": rule.route.owner,
            "channel": rule.route.channel,
            "days_ahead": np.nan if rule.is_loss or ahead is None else (ahead.fixed_us or 0) / DAY_US,
            "is_loss": rule.is_loss,
            "needs": ", ".join(sorted({name for _, name in self._needed(rule)})),
        }

    # -- what rules need -----------------------------------------------------------------------

    def _needed(self, rule: Rule) -> list[tuple[str, str]]:
        read = {*rule.read, *rule.named}
        features = [feature for feature in self.features if feature.name in read]
        return list(dict.fromkeys(need for feature in features for need in _needs_of(feature)))

    def _waits(self, rule: Rule) -> list[str]:
        read = [feature for feature in self.features if feature.name in rule.read]
        return sorted({str(feature.mature) for feature in read if isinstance(feature, RunLength) and feature.mature})

    def _lacking(self, rule: Rule, log: EventLog) -> str:
        there = {"event": log.kinds, "attribute": tuple(log.attributes)}
        return ", ".join(f"{sort} {name}" for sort, name in self._needed(rule) if name not in there[sort])

    def _without(self, gone: Mapping[str, str]) -> RulePack:
        kept = [
            dataclasses.replace(rule, inhibited_by=tuple(name for name in rule.inhibited_by if name not in gone))
            for rule in self.rules
            if rule.id not in gone
        ]
        rules = _with_rules(self.rules, kept)
        features = [feature for feature in self.features if feature.name in rules.read]
        named = {need for feature in features for need in _needs_of(feature)}
        feeds = {feed for feed, _ in rules.sources}
        needs = [
            need for need in self.needs if need.role in feeds or any((need.sort, name) in named for name in need.names)
        ]
        return dataclasses.replace(
            self,
            rules=rules,
            features=FeatureSpec(features),
            needs=tuple(needs),
            left_out=(*self.left_out, *gone.items()),
            purposes=tuple(purpose for purpose in self.purposes if purpose.rule not in gone),
        )


def _needs_of(feature: Feature) -> list[tuple[str, str]]:
    attributes = [feature.attribute] if isinstance(feature, AttributeValue) else []
    return [("event", kind) for kind in named_kinds(feature)] + [("attribute", name) for name in attributes]


def _renamed(rule: Rule, old: str, new: str) -> Rule:
    """Return a rule that is held back by the same rule under its new id."""
    if old == new or old not in rule.inhibited_by:
        return rule
    return dataclasses.replace(rule, inhibited_by=tuple(new if name == old else name for name in rule.inhibited_by))


def _with_rules(old: RuleSet, rules: Iterable[Rule]) -> RuleSet:
    listed = list(rules)
    needed = {source for rule in listed for source in rule.sources}
    read = {name for rule in listed for name in (*rule.read, *rule.named)}
    return RuleSet(
        listed,
        units={name: unit for name, unit in old.units if name in read},
        sources={feed: age for feed, age in old.sources if feed in needed},
        calendar={name: list(days) for name, days in old.calendar},
        timezone=old.timezone,
    )


def pack(
    name: str,
    *,
    events: Mapping[str, str | Sequence[str]] | None = None,
    attributes: Mapping[str, str] | None = None,
    calendar: Mapping[str, Any] | None = None,
    sources: Mapping[str, Any] | None = None,
    timezone: str = "UTC",
    language: str | None = None,
) -> RulePack:
    """Return the rules of an industry, with the features they read.

    =========  ==========================================================================================
    all        30 days of silence; silence against the customer's own rhythm; mails that nobody opens;
               complaints and their clocks; new customers without guide or adviser
    retail     two cancelled orders in a row; no second order; silent customers of tier D; refund and
               closing of the account, which are the loss itself
    telecom    usage falling; a cheaper plan; the code to take the number elsewhere; unpaid bills
    banking    the balance halved in 90 days; no salary any more; products closed
    saas       logins falling; seats removed; the key feature unused; failed payments; many tickets
    =========  ==========================================================================================

    Thresholds are what the trade begins with, and no more: look at them with `RulePack.describe`, change
    them with `RulePack.change`, and judge them on your own past before anybody is called.

    Parameters
    ----------
    name : {"retail", "telecom", "banking", "saas"}
        The industry.
    events : mapping of str to str or sequence of str, default=None
        The kinds of events in your log that play the roles of the pack, where they have other names:
        ``{"order": "purchase", "activity": ["visit", "app"]}``. `RulePack.needs` lists the roles.
    attributes : mapping of str to str, default=None
        The attributes of your log likewise: ``{"balance": "assets"}``.
    calendar : mapping of str to list, default=None
        Days that do not count: ``{"holidays": ["2026-05-01", ("2025-12-24", "2026-01-02")]}``. They are
        taken out of silences.
    sources : mapping of str to str or timedelta, default=None
        How old the last event of a feed may be, where it is not the age of the pack: ``{"activity": "6h"}``.
    timezone : str, default="UTC"
        The zone of days and of instants that say none.
    language : {"en", "zh"} or None, default=None
        The one language of which reasons are kept, so that `because` asks for none; None keeps both.

    Returns
    -------
    RulePack
        All rules; `RulePack.for_log` leaves out those that a log cannot serve.

    Raises
    ------
    ParameterError
        When there is no such pack, role, feed or language, two roles that a rule tells apart are one
        kind, or `calendar` does not say which days are holidays.
    ParameterTypeError
        When an argument is of a wrong type.

    Examples
    --------
    >>> from churnlib import alerts
    >>> bank = alerts.pack("banking", attributes={"balance": "assets"})
    >>> bank.rules["balance-halved"].when.text
    'assets.value <= 0.5 * assets.value.ago.90d and assets.value.ago.90d >= 1000'
    >>> bound = bank.rules.bind(bank.features)
    """
    text = pack_text(name)
    roles = named_roles(text, events, attributes)
    made = built(text, roles)
    ages = dict(made.feeds)
    own = as_mapping(sources, name="sources", holds="ages by feed", fix="sources={'activity': '2d'}")
    strange = [feed for feed in own if feed not in ages]
    if strange:
        raise ParameterError(
            message(
                f"sources names {strange[0]!r}, which is no feed of the pack ({nearest(strange[0], list(ages))})",
                f"its feeds are {some(list(ages))}",
                "sources={'activity': '2d'}",
            )
        )
    rules = RuleSet(
        made.rules if language is None else [_in(rule, language) for rule in made.rules],
        sources=ages | own,
        calendar=_calendar(calendar),
        timezone=timezone,
    )
    purposes = tuple(
        Purpose(rule.id, said, None if ahead is None else Duration.parse(ahead))
        for rule in rules
        for said, ahead in [made.says[rule.id]]
    )
    return RulePack(name, rules, FeatureSpec(made.features), tuple(roles.values()), (), purposes)


def _calendar(given: Any) -> dict[str, Any]:
    """Return the calendars, "holidays" among them: under another name the days of it would be no holidays."""
    calendar = as_mapping(
        given, name="calendar", holds="lists of days by name", fix="calendar={'holidays': ['2026-05-01']}"
    )
    if calendar and HOLIDAYS not in calendar:
        raise ParameterError(
            message(
                f"calendar names {some(list(calendar))}, and no {HOLIDAYS!r}",
                f"the rules of a pack take the days of {HOLIDAYS!r} out of silences",
                f"calendar={{{HOLIDAYS!r}: ['2026-05-01']}}, an empty list for none",
            )
        )
    return {HOLIDAYS: []} | calendar


def _in(rule: Rule, language: str) -> Rule:
    check_choice(language, _LANGUAGES, name="language")
    return dataclasses.replace(rule, because=((language, dict(rule.because)[language]),))
