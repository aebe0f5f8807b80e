"""Whom one may contact now, by which action, and if not, until when and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._checks import named_rows
from churnlib._fields import entries_of
from churnlib._ids import customer_ids, ids_given, ids_of
from churnlib._plain_text import from_toml_text, toml_text
from churnlib._typing import BoolArray, Instant, IntArray
from churnlib.calendar import timestamp, timestamps, to_us, zone_name
from churnlib.exceptions import (
    DataError,
    DuplicateError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    VersionError,
    message,
    some,
)
from churnlib.policy._actions._action import Action
from churnlib.policy._actions._catalogue import check_actions
from churnlib.policy._contact._history import FOREVER, FREE, read_contacts, read_events
from churnlib.policy._contact._rules import ContactRule, Cooldown, Refusal, Scene
from churnlib.policy._contact._written import entries_of_rule, rule_of

if TYPE_CHECKING:
    from churnlib.policy._actions._candidates import Candidates

__all__ = ["ContactCheck", "ContactPolicy"]

SCHEMA_VERSION = 1


class ContactCheck:
    """What a contact policy lets through; `ContactPolicy.apply` makes it.

    Attributes
    ----------
    allowed : DataFrame of bool, customers by actions
        What came in, less what a rule refuses.
    ignored : dict of str to int
        Rows of the history that do not count, by reason.

    Examples
    --------
    >>> from churnlib.policy import Cooldown
    >>> allowed = pd.DataFrame({"call": [True, True]}, index=pd.Index(["ann", "bob"], name="customer_id"))
    >>> history = pd.DataFrame({"customer_id": ["bob"], "action": ["call"], "at": ["2026-02-20"]})
    >>> check = ContactPolicy([Cooldown("30d")]).apply(allowed, history, on="2026-03-02")
    >>> check
    ContactCheck(2026-03-02 00:00:00+00:00: 1 of 2 pairs of customer and action allowed)
    >>> check.refused
      customer_id action         reason                     until
    0         bob   call  cool-down 30d 2026-03-22 00:00:00+00:00
    """

    def __init__(
        self, scene: Scene, asked: BoolArray, refusals: tuple[Refusal, ...], ignored: Mapping[str, int]
    ) -> None:
        self.ignored = dict(ignored)
        self._customers, self._actions = scene.customers, scene.actions
        self._on, self._tz = scene.on, scene.tz
        self._asked = asked
        self._refusals = refusals
        free = asked.copy(order="F")
        for refusal in refusals:
            held = refusal.until != FREE
            for place in refusal.actions.tolist():
                free[:, place] &= ~held
        self._free = free
        self.allowed = pd.DataFrame(free, index=self._customers, columns=pd.Index(self._actions, name="action"))

    @property
    def on(self) -> pd.Timestamp:
        """The instant of the decision."""
        return timestamp(self._on, self._tz)

    def __repr__(self) -> str:
        counts = f"{int(self._free.sum()):,} of {int(self._asked.sum()):,} pairs of customer and action allowed"
        return f"ContactCheck({self.on}: {counts})"

    @cached_property
    def refused(self) -> pd.DataFrame:
        """Every customer and action that was asked for and refused, in order.

        customer_id, action, reason : the rule that refuses it longest, the first of several; until : the
        first instant at which none of today's refusals holds, NaT where time alone ends none of them.

        Examples
        --------
        >>> from churnlib.policy import Cooldown, OptOut
        >>> allowed = pd.DataFrame({"call": [True]}, index=pd.Index([7], name="customer_id"))
        >>> policy = ContactPolicy([OptOut([7], channel="phone")])
        >>> check = policy.apply(allowed, None, on="2026-03-02", actions=[Action("call", channel="phone")])
        >>> check.refused[["reason", "until"]].values.tolist()
        [['opted out of phone', NaT]]
        """
        rows, places, codes, ends = [], [], [], []
        for place in range(len(self._actions)):
            until, code = self._longest(place)
            found = np.flatnonzero(self._asked[:, place] & (until != FREE))
            rows.append(found)
            places.append(np.full(len(found), place))
            codes.append(code[found])
            ends.append(until[found])
        return self._table(*(np.concatenate(part) for part in (rows, places, codes, ends)))

    @cached_property
    def counts(self) -> pd.Series[int]:
        """How many pairs each rule refuses, other rules or not.

        Examples
        --------
        >>> from churnlib.policy import Cooldown, OptOut
        >>> allowed = pd.DataFrame({"call": [True]}, index=pd.Index([7], name="customer_id"))
        >>> ContactPolicy([Cooldown("7d"), OptOut([7])]).apply(allowed, None, on="2026-03-02").counts.to_dict()
        {'cool-down 7d': 0, 'opted out of any contact': 1}
        """
        found: dict[str, int] = {}
        for refusal in self._refusals:
            held = refusal.until != FREE
            n = sum(int((self._asked[:, place] & held).sum()) for place in refusal.actions.tolist())
            found[refusal.rule] = found.get(refusal.rule, 0) + n
        return pd.Series(found, dtype=np.int64, name="refused").rename_axis("reason")

    def explain(self, customer: Any) -> pd.DataFrame:
        """List every rule that refuses a customer something, with its end.

        Parameters
        ----------
        customer : id
            Whom to explain.

        Returns
        -------
        DataFrame
            A row for each action and rule: customer_id, action, reason, until; empty where all is allowed.

        Raises
        ------
        ParameterError
            When the customer was not asked about.

        Examples
        --------
        >>> from churnlib.policy import Cooldown, OptOut
        >>> allowed = pd.DataFrame({"call": [True]}, index=pd.Index([7], name="customer_id"))
        >>> check = ContactPolicy([Cooldown("7d"), OptOut([7])]).apply(allowed, None, on="2026-03-02")
        >>> check.explain(7)["reason"].tolist()
        ['opted out of any contact']
        """
        row = self._customers.get_indexer(ids_of(ids_given(customer, "customer")))[0]
        if row < 0:
            raise ParameterError(
                message(
                    f"customer {customer!r} was not asked about",
                    "one of the customers of the decision",
                    "check.allowed.index",
                )
            )
        found = [
            (row, place, code, int(refusal.until[row]))
            for place in range(len(self._actions))
            for code, refusal in enumerate(self._refusals)
            if place in refusal.actions and self._asked[row, place] and refusal.until[row] != FREE
        ]
        return self._table(*np.array(found, dtype=np.int64).reshape(-1, 4).T)

    def _longest(self, place: int) -> tuple[IntArray, IntArray]:
        """Return until when an action is refused, and by which rule."""
        until = np.full(len(self._customers), FREE, dtype=np.int64)
        code = np.zeros(len(until), dtype=np.int64)
        for which, refusal in enumerate(self._refusals):
            if place in refusal.actions:
                longer = refusal.until > until
                until = np.where(longer, refusal.until, until)
                code[longer] = which
        return until, code

    def _table(self, rows: IntArray, places: IntArray, codes: IntArray, ends: IntArray) -> pd.DataFrame:
        texts = list(dict.fromkeys(refusal.rule for refusal in self._refusals))
        of_rule = np.array([texts.index(refusal.rule) for refusal in self._refusals], dtype=np.int64)
        order = np.argsort(rows, kind="stable")
        rows, places, codes, ends = rows[order], places[order], codes[order], ends[order]
        until = timestamps(np.where(ends == FOREVER, 0, ends), self._tz)
        return pd.DataFrame(
            {
                "customer_id": self._customers[rows],
                "action": pd.Categorical.from_codes(places, pd.Index(self._actions, dtype=object)),
                "reason": pd.Categorical.from_codes(
                    of_rule[codes] if len(codes) else codes, pd.Index(texts, dtype=object)
                ),
                "until": until.where(ends != FOREVER),
            }
        )


@dataclass(frozen=True, slots=True, init=False)
class ContactPolicy:
    """How often, by which channel and for what customers may be contacted.

    A policy refuses; it never chooses. A rule refuses an action to a customer until an instant, and a
    pair of customer and action is allowed where no rule refuses it. Time is half-open: a contact on or
    after the instant of the decision does not count, and one that is exactly as long ago as a rule looks
    back does not count any more. A row of the history that stands there twice counts twice.

    Parameters
    ----------
    rules : sequence of rules, default=()
        `Cooldown`, `FrequencyCap`, `OptOut`, `Exclusive`, `QuietAfter`, `QuietHours`.

    Raises
    ------
    ParameterTypeError
        When one of them is no rule.
    ParameterError
        When a rule stands there twice.

    See Also
    --------
    Action : its `minimum_gap` is kept, too.

    Examples
    --------
    >>> from churnlib.policy import Cooldown, FrequencyCap
    >>> mail, call = Action("mail", channel="email"), Action("call", channel="phone")
    >>> policy = ContactPolicy([Cooldown("7d"), FrequencyCap(1, "30d", channel="email")])
    >>> history = pd.DataFrame({"customer_id": [7, 8], "action": "mail", "at": ["2026-02-10", "2026-02-27"]})
    >>> allowed = pd.DataFrame(True, index=pd.Index([7, 8, 9], name="customer_id"), columns=["mail", "call"])
    >>> check = policy.apply(allowed, history, on="2026-03-02", actions=[mail, call])
    >>> check.allowed
    action        mail   call
    customer_id
    7            False   True
    8            False  False
    9             True   True
    >>> check.refused[["customer_id", "action", "reason"]]
       customer_id action                     reason
    0            7   mail  at most 1 in 30d by email
    1            8   mail  at most 1 in 30d by email
    2            8   call               cool-down 7d
    """

    rules: tuple[ContactRule, ...]

    def __init__(self, rules: ContactRule | Iterable[ContactRule] = ()) -> None:
        example = "ContactPolicy([Cooldown('30d'), FrequencyCap(3, '90d', channel='email')])"
        listed: Any = (rules,) if isinstance(rules, ContactRule) else rules
        if isinstance(listed, str | Mapping) or not isinstance(listed, Iterable):
            raise ParameterTypeError(message(f"rules is {rules!r}", "a list of rules was expected", example))
        found = tuple(listed)
        strange = [rule for rule in found if not isinstance(rule, ContactRule)]
        if strange:
            raise ParameterTypeError(message(f"{strange[0]!r} is no rule of contact", "rules were expected", example))
        twice = [str(rule) for place, rule in enumerate(found) if rule in found[:place]]
        if twice:
            raise ParameterError(message(f"a rule stands there twice: {some(twice)}", "each once", "leave one out"))
        object.__setattr__(self, "rules", found)

    def apply(
        self,
        candidates: Candidates | pd.DataFrame,
        history: Any,
        *,
        on: Instant | None = None,
        actions: Any = None,
        customers: Any = None,
        events: Any = None,
        timezone: str | None = None,
    ) -> ContactCheck:
        """Say which actions may be done now for which customers.

        Parameters
        ----------
        candidates : Candidates or DataFrame of bool
            What `candidates` returned, or customers (index) by actions (columns).
        history : dataframe or None
            Past contacts, in any order: customer_id (or index); when, as at, on or time; action, channel,
            or both. Rows whose action is "none" are no contacts. With a column kind, rows of another kind
            than "contact" are events. None for no contact ever.
        on : str, date or datetime, default=None
            The instant of the decision; None for that of the candidates.
        actions : sequence of Action, default=None
            The actions, for their channels and minimum gaps; None for those of the candidates.
        customers : dataframe, default=None
            Columns of the customers, for rules that read one; None for those of the candidates.
        events : EventLog or dataframe, default=None
            Events of customers, as customer_id, kind and time, for `QuietAfter`. What a log learned later does not
            count. None for those of the history.
        timezone : str, default=None
            The zone of times without one, of months and of hours of the day; None for that of the
            candidates, or else UTC.

        Returns
        -------
        ContactCheck
            What is allowed, and each refusal with its rule and its end.

        Raises
        ------
        ParameterError
            When a rule names a channel or an action that is not there, or needs what is not given.
        SchemaError
            When a column is missing, or names customers by another kind of id.
        DataError
            When a customer or an instant of the history is missing.
        DuplicateError
            When a customer is asked about twice.

        Examples
        --------
        >>> from churnlib.policy import QuietAfter
        >>> allowed = pd.DataFrame({"mail": [True]}, index=pd.Index([7], name="customer_id"))
        >>> events = pd.DataFrame({"customer_id": [7], "kind": ["complaint"], "time": ["2026-02-01"]})
        >>> policy = ContactPolicy([QuietAfter("complaint", "90d")])
        >>> policy.apply(allowed, None, on="2026-03-02", events=events).refused["until"][0]
        Timestamp('2026-05-02 00:00:00+0000', tz='UTC')
        """
        asked, given = _asked(candidates, actions)
        if on is None:
            on = getattr(candidates, "on", None)
        if on is None:
            raise ParameterError(message("on is not given", "the instant of the decision", "on='2026-03-02'"))
        tz = zone_name(timezone or getattr(candidates, "timezone", "UTC"))
        now = to_us(on, tz)
        ids = ids_of(asked.index)
        channel_of = {action.name: action.channel for action in given}
        rules = (*self.rules, *self._gaps(given, tuple(asked.columns)))
        since = min((rule.reach(now, tz) for rule in rules), default=now)
        contacts, own_events = read_contacts(history, ids, on=now, tz=tz, channel_of=channel_of, since=since)
        found = own_events if events is None else read_events(events, ids, on=now, tz=tz)
        names = tuple(asked.columns)
        frame = customers if customers is not None else getattr(candidates, "customers", None)
        channels = tuple(channel_of.get(name) for name in names)
        scene = Scene(ids, names, channels, contacts, found, _in_order(frame, ids), now, tz)
        refusals: list[Refusal] = []
        for rule in rules:
            rule.check(scene)
            refusals += rule.refusals(scene)
        return ContactCheck(scene, asked.to_numpy(dtype=bool), tuple(refusals), contacts.ignored)

    def to_toml(self) -> str:
        """Write the policy as TOML.

        Returns
        -------
        str
            It reads back to an equal policy.

        Raises
        ------
        ParameterError
            When a rule is of a class of one's own.

        Examples
        --------
        >>> from churnlib.policy import Cooldown
        >>> print(ContactPolicy([Cooldown("7d", channel="email")]).to_toml())
        schema_version = 1
        <BLANKLINE>
        [[rule]]
        kind = "cooldown"
        length = "7d"
        channel = "email"
        <BLANKLINE>
        """
        return toml_text({"schema_version": SCHEMA_VERSION, "rule": [entries_of_rule(rule) for rule in self.rules]})

    @classmethod
    def from_toml(cls, text: str) -> ContactPolicy:
        r"""Read a policy from TOML.

        Parameters
        ----------
        text : str
            A table ``[[rule]]`` for each rule, with its kind ("cooldown", "frequency cap", "opt-out", "exclusive",
            "quiet after", "quiet hours") and the arguments of that rule.

        Returns
        -------
        ContactPolicy
            With the rules in the order of the text.

        Raises
        ------
        ParameterTypeError
            When it is no text, or an entry is of a wrong type.
        ParameterError
            When it is no TOML, or an entry is missing, unknown or makes no sense.
        VersionError
            When it is of another version.

        Examples
        --------
        >>> ContactPolicy.from_toml('[[rule]]\nkind = "frequency cap"\nat_most = 3\nlength = "90d"')
        ContactPolicy(at most 3 in 90d)
        """
        fix = '[[rule]]\nkind = "cooldown"\nlength = "30d"'
        body = from_toml_text(text, "contact rules")
        entries = entries_of(body, (), ("rule", "schema_version"), what="the policy", fix=fix)
        version = entries.get("schema_version", SCHEMA_VERSION)
        if version != SCHEMA_VERSION:
            raise VersionError(
                message(
                    f"the policy has schema_version {version!r}",
                    f"this release reads {SCHEMA_VERSION}",
                    "write it again with to_toml",
                )
            )
        listed = entries.get("rule", [])
        if not isinstance(listed, list):
            raise ParameterTypeError(message(f"rule is a {type(listed).__name__}", "a list of rules was expected", fix))
        return cls([rule_of(values) for values in listed])

    def _gaps(self, actions: Iterable[Action], names: tuple[str, ...]) -> list[ContactRule]:
        gaps = [
            Cooldown(action.minimum_gap, action=action.name)
            for action in actions
            if action.minimum_gap is not None and action.name in names
        ]
        return [gap for gap in gaps if gap not in self.rules]

    def __repr__(self) -> str:
        return f"ContactPolicy({some([str(rule) for rule in self.rules], 12) or 'no rules'})"


def _asked(candidates: Any, actions: Any) -> tuple[pd.DataFrame, tuple[Action, ...]]:
    """Return who is asked about as a frame of truth values, and the actions there are."""
    given = actions if actions is not None else getattr(candidates, "actions", None)
    allowed = getattr(candidates, "allowed", candidates)
    if not isinstance(allowed, pd.DataFrame):
        raise ParameterTypeError(
            message(
                f"the candidates are a {type(candidates).__name__}",
                "what candidates() returned, or a pandas frame of truth values, customers by actions",
                "candidates(customers, actions, on=now)",
            )
        )
    _check_asked(allowed)
    known = () if given is None else check_actions(given)
    absent = [name for name in allowed.columns if name not in {action.name for action in known}]
    if known and absent:
        raise SchemaError(
            message(f"the columns {some(absent)} are no actions", "a column for each action", "actions=catalogue")
        )
    return allowed, known


def _check_asked(allowed: pd.DataFrame) -> None:
    strange = [name for name, kind in zip(allowed.columns, allowed.dtypes, strict=True) if kind != np.dtype(bool)]
    if strange:
        raise SchemaError(
            message(
                f"{len(strange)} of {allowed.shape[1]} actions are not all True or False ({some(strange)})",
                "truth values without a missing one",
                "allowed.fillna(False).astype(bool)",
            )
        )
    labels: list[Any] = allowed.columns.tolist()
    names = [name for name in labels if not isinstance(name, str)]
    twice = allowed.columns[allowed.columns.duplicated()].tolist()
    if names or twice or not allowed.shape[1]:
        what = f"columns {some(names or twice)} are no names" if names else f"{some(twice) or 'no'} actions stand twice"
        raise SchemaError(
            message(what if names or twice else "there is no action", "a column for each action", "allowed[['call']]")
        )
    again = allowed.index.duplicated()
    if again.any():
        raise DuplicateError(
            message(
                f"{int(again.sum()):,} customers are asked about twice ({some(allowed.index[again].unique())})",
                "one row per customer",
                "allowed[~allowed.index.duplicated()]",
            )
        )


def _in_order(frame: Any, ids: pd.Index[Any]) -> Any:
    """Return the customers' columns in the order of the decision."""
    if frame is None:
        return None
    known = customer_ids(frame, None)
    place = known.get_indexer(ids)
    if (place < 0).any():
        raise DataError(
            message(
                f"{int((place < 0).sum()):,} of {len(ids):,} customers have no row in customers= "
                f"({named_rows(place < 0)})",
                "a row for each customer of the decision",
                "customers.reindex(allowed.index)",
            )
        )
    if isinstance(frame, pd.DataFrame):
        return frame if np.array_equal(place, np.arange(len(frame))) else frame.iloc[place]
    import narwhals as nw  # only where a frame of another library comes in

    return nw.from_native(frame, eager_only=True)[place.tolist()].to_native()
