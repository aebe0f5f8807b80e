"""The rules of contact: what each refuses, to whom, and until when."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pandas as pd

from churnlib._checks import as_names, check_choice, check_flag, check_integer, named_rows
from churnlib._fields import check_label
from churnlib._frames import check_columns
from churnlib._ids import ids_given, ids_of
from churnlib._typing import BoolArray, IntArray, Span
from churnlib.calendar import Duration, duration
from churnlib.calendar._instants import localize, wall_clock
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, message, nearest, some
from churnlib.expressions import Columns
from churnlib.policy._contact._history import FOREVER, FREE, NEVER, UNKNOWN, Past, ends_of

__all__ = [
    "ContactRule", "Cooldown", "Exclusive", "FrequencyCap", "OptOut", "QuietAfter", "QuietHours", "Refusal", "Scene",
]  # fmt: skip

_PER = ("contact", "channel", "action")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Scene:
    """What rules look at when a decision is made.

    Attributes
    ----------
    customers : Index
        Who is decided upon.
    actions, channels : tuple
        The actions, and the channel of each; None where it has none.
    contacts : Past
        Past contacts.
    events : Past or None
        Past events; None where none were given.
    frame : dataframe or None
        The customers' columns, in the order of `customers`.
    on : int
        The instant of the decision.
    tz : str
        The zone of clocks and calendars.
    """

    customers: pd.Index[Any]
    actions: tuple[str, ...]
    channels: tuple[str | None, ...]
    contacts: Past
    events: Past | None
    frame: Any
    on: int
    tz: str

    def columns(self, *, channel: str | None = None, action: str | None = None) -> IntArray:
        """Return the positions of the actions of a channel, or of one action."""
        pairs = zip(self.actions, self.channels, strict=True)
        return np.array(
            [
                place
                for place, (name, by) in enumerate(pairs)
                if (channel is None or by == channel) and (action is None or name == action)
            ],
            dtype=np.int64,
        )

    def check_channel(self, channel: str | None, rule: ContactRule) -> None:
        """Refuse a channel that no action has."""
        known = sorted({name for name in self.channels if name is not None})
        if channel is None or channel in known:
            return
        if not known:
            wrong, hint = f"{rule} names the channel {channel!r}, and no action has a channel", ""
        else:
            wrong, hint = f"{rule} names the channel {channel!r}, which no action has", f" ({nearest(channel, known)})"
        raise ParameterError(
            message(
                wrong + hint,
                f"the channels are {some(known, 12)}" if known else "channels stand in the actions",
                "ContactPolicy(...).apply(..., actions=[Action('call', channel='phone')])",
            )
        )

    def check_action(self, action: str | None, rule: ContactRule) -> None:
        """Refuse an action that is not decided upon."""
        if action is not None and action not in self.actions:
            raise ParameterError(
                message(
                    f"{rule} names the action {action!r}, which is none of them ({nearest(action, self.actions)})",
                    f"the actions are {some(self.actions, 12)}",
                    "a name among them",
                )
            )


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a rule refuses: some actions, to each customer until an instant.

    Attributes
    ----------
    rule : str
        The rule in words.
    actions : ndarray of int64
        Positions of the actions.
    until : ndarray of int64, of shape (n_customers,)
        `FREE` for those it refuses nothing, `FOREVER` where no time will change it.
    """

    rule: str
    actions: IntArray
    until: IntArray


class ContactRule(ABC):
    """A rule of contact; a subclass says what it refuses."""

    __slots__ = ()

    @abstractmethod
    def check(self, scene: Scene) -> None:
        """Refuse names that the scene does not know."""

    @abstractmethod
    def refusals(self, scene: Scene) -> Iterator[Refusal]:
        """Return what it refuses."""

    def reach(self, on: int, tz: str) -> int:  # noqa: ARG002 - of rules that look at no contact
        """Return an instant before which no contact matters to it."""
        return on


@dataclass(frozen=True, slots=True)
class _Spaced(ContactRule):
    """A rule about how dense contacts may be, for all of them, a channel, an action, or each by itself."""

    length: Span | Duration
    channel: str | None = field(default=None, kw_only=True)
    action: str | None = field(default=None, kw_only=True)
    per: str = field(default="contact", kw_only=True)

    def _settle(self) -> None:
        object.__setattr__(self, "length", duration(self.length, name="length"))
        check_choice(self.per, _PER, name="per")
        for name in ("channel", "action"):
            if getattr(self, name) is not None:
                check_label(getattr(self, name), name)
        stated = [name for name in ("channel", "action") if getattr(self, name) is not None]
        if len(stated) == 2 or (stated and self.per != "contact"):
            listed = " and ".join(stated + ["per"] * (self.per != "contact"))
            raise ParameterError(
                message(
                    f"{listed} are given together", "one of channel, action and per says what counts", "channel='email'"
                )
            )

    @property
    def span(self) -> Duration:
        """The length of time."""
        return cast("Duration", self.length)

    def reach(self, on: int, tz: str) -> int:
        """Return an instant before which no contact matters to it."""
        return self.span.before(on, tz)

    def check(self, scene: Scene) -> None:
        """Refuse names that the scene does not know, and contacts that may or may not count."""
        scene.check_channel(self.channel, self)
        scene.check_action(self.action, self)
        unknown = scene.contacts.channel == UNKNOWN
        if (self.channel is not None or self.per == "channel") and unknown.any():
            labels = np.unique(scene.contacts.label[unknown])
            raise DataError(
                message(
                    f"{self}: {int(unknown.sum()):,} of {len(unknown):,} contacts have no channel, and their actions "
                    f"({some(scene.contacts.labels[code] for code in labels.tolist())}) are not in the catalogue",
                    "a rule by channel must know the channel of every contact",
                    "history.assign(channel=history['action'].map({'newsletter': 'email'}))",
                )
            )

    def _scopes(self, scene: Scene) -> Iterator[tuple[str, IntArray, BoolArray | None]]:
        """Return what counts together: a name, the actions, and the past contacts."""
        past = scene.contacts
        if self.channel is not None or self.per == "channel":
            named = {name for name in scene.channels if name is not None}
            for channel in sorted(named) if self.channel is None else [self.channel]:
                yield f" by {channel}", scene.columns(channel=channel), past.reached_by(channel)
        elif self.action is not None or self.per == "action":
            for action in scene.actions if self.action is None else [self.action]:
                yield f" of {action}", scene.columns(action=action), past.labelled(action)
        else:
            yield "", scene.columns(), None

    def _scope_text(self) -> str:
        if self.channel is not None:
            return f" by {self.channel}"
        if self.action is not None:
            return f" of {self.action}"
        return "" if self.per == "contact" else f" per {self.per}"


@dataclass(frozen=True, slots=True)
class Cooldown(_Spaced):
    """The least time from one contact to the next.

    Parameters
    ----------
    length : str or timedelta
        Such as "30d". A contact exactly that long ago no longer counts; months follow the calendar.
    channel : str, default=None
        Count contacts by this channel, and refuse actions of it.
    action : str, default=None
        Count this action, and refuse it.
    per : {"contact", "channel", "action"}, default="contact"
        Whether all contacts count together, or those of each channel or action by themselves.

    Raises
    ------
    ParameterError
        When more than one of channel, action and per is given.

    Examples
    --------
    >>> str(Cooldown("30d")), str(Cooldown("7d", channel="email"))
    ('cool-down 30d', 'cool-down 7d by email')
    """

    def __post_init__(self) -> None:
        self._settle()

    def refusals(self, scene: Scene) -> Iterator[Refusal]:
        """Return what it refuses."""
        for name, actions, rows in self._scopes(scene):
            until = ends_of(scene.contacts.latest(rows), self.span, scene.on, scene.tz)
            yield Refusal(f"cool-down {self.span}{name}", actions, until)

    def __str__(self) -> str:
        return f"cool-down {self.span}{self._scope_text()}"


@dataclass(frozen=True, slots=True, init=False)
class FrequencyCap(_Spaced):
    """The most contacts in any span of time.

    With it, no half-open span ``[s, s + length)`` holds more than so many contacts, wherever it begins.

    Parameters
    ----------
    at_most : int
        How many, at least 1.
    length : str or timedelta
        Such as "90d"; months follow the calendar.
    channel : str, default=None
        Count contacts by this channel, and refuse actions of it.
    action : str, default=None
        Count this action, and refuse it.
    per : {"contact", "channel", "action"}, default="contact"
        Whether all contacts count together, or those of each channel or action by themselves.

    Raises
    ------
    ParameterError
        When the count is below 1, or more than one of channel, action and per is given.

    Examples
    --------
    >>> str(FrequencyCap(3, "90d", channel="email"))
    'at most 3 in 90d by email'
    """

    at_most: int

    def __init__(
        self,
        at_most: int,
        length: Span | Duration,
        *,
        channel: str | None = None,
        action: str | None = None,
        per: str = "contact",
    ) -> None:
        given = {"at_most": at_most, "length": length, "channel": channel, "action": action, "per": per}
        for name, value in given.items():
            object.__setattr__(self, name, value)
        check_integer(at_most, name="at_most", low=1)
        self._settle()

    def refusals(self, scene: Scene) -> Iterator[Refusal]:
        """Return what it refuses."""
        for name, actions, rows in self._scopes(scene):
            # the at_most-th latest contact must have left the span that a contact now would end
            since = scene.contacts.latest(rows, nth=self.at_most)
            until = ends_of(since, self.span, scene.on, scene.tz)
            yield Refusal(f"at most {self.at_most} in {self.span}{name}", actions, until)

    def __str__(self) -> str:
        return f"at most {self.at_most} in {self.span}{self._scope_text()}"


@dataclass(frozen=True, slots=True)
class Exclusive(ContactRule):
    """Actions of which a customer gets one, not both.

    Who has had one of them gets none of the others. Within one plan a customer gets one action anyway.

    Parameters
    ----------
    *actions : str
        Two or more; those that are offered no longer may be among them.
    length : str or timedelta, default=None
        For how long; None for ever.

    Raises
    ------
    ParameterError
        When there are fewer than two.

    Examples
    --------
    >>> str(Exclusive("discount", "upgrade", length="90d"))
    'discount or upgrade, not both within 90d'
    """

    actions: tuple[str, ...]
    length: Duration | None

    def __init__(self, *actions: str, length: Span | Duration | None = None) -> None:
        names = as_names(list(actions), name="actions")
        if len(names) < 2:
            raise ParameterError(
                message(
                    f"Exclusive names {some(names) or 'no action'}", "two or more", "Exclusive('discount', 'upgrade')"
                )
            )
        object.__setattr__(self, "actions", names)
        object.__setattr__(self, "length", None if length is None else duration(length, name="length"))

    def check(self, scene: Scene) -> None:
        """Refuse names that the scene does not know."""
        if not set(self.actions) & set(scene.actions):
            scene.check_action(self.actions[0], self)

    def reach(self, on: int, tz: str) -> int:
        """Return an instant before which no contact matters to it."""
        return NEVER if self.length is None else self.length.before(on, tz)

    def refusals(self, scene: Scene) -> Iterator[Refusal]:
        """Return what it refuses."""
        for action in self.actions:
            if action in scene.actions:
                others = [name for name in self.actions if name != action]
                since = scene.contacts.latest(scene.contacts.labelled(*others))
                until = ends_of(since, self.length, scene.on, scene.tz)
                yield Refusal(str(self), scene.columns(action=action), until)

    def __str__(self) -> str:
        return f"{' or '.join(self.actions)}, not both" + ("" if self.length is None else f" within {self.length}")


@dataclass(frozen=True, slots=True)
class QuietAfter(ContactRule):
    """No contact for some time after an event, such as a complaint.

    Parameters
    ----------
    kinds : str or sequence of str
        The kinds of events, as they stand in `events` or among the kinds of the history.
    length : str, timedelta or None
        How long from the latest of them; None for ever, as after an unsubscription.
    channel : str, default=None
        Refuse the actions of this channel alone.
    but : str or sequence of str, default=()
        Actions that are allowed all the same, such as the call that settles the complaint.

    Examples
    --------
    >>> str(QuietAfter("complaint", "90d")), str(QuietAfter("unsubscribe", None, channel="email"))
    ('quiet for 90d after complaint', 'quiet after unsubscribe by email')
    """

    kinds: str | Sequence[str]
    length: Span | Duration | None
    channel: str | None = field(default=None, kw_only=True)
    but: str | Sequence[str] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        kinds = as_names(self.kinds, name="kinds")
        if not kinds:
            raise ParameterError(message("kinds names no event", "at least one kind", "QuietAfter('complaint', '90d')"))
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "but", as_names(self.but, name="but"))
        if self.length is not None:
            object.__setattr__(self, "length", duration(self.length, name="length"))
        if self.channel is not None:
            check_label(self.channel, "channel")

    def check(self, scene: Scene) -> None:
        """Refuse names that the scene does not know."""
        scene.check_channel(self.channel, self)
        for action in self.but:
            scene.check_action(action, self)
        if scene.events is None:
            raise ParameterError(
                message(
                    f"{self}: there are no events to look at",
                    "events=, or a history with a column kind, was expected",
                    "policy.apply(allowed, history, on=now, events=log)",
                )
            )

    def refusals(self, scene: Scene) -> Iterator[Refusal]:
        """Return what it refuses."""
        assert scene.events is not None
        since = scene.events.latest(scene.events.labelled(*self.kinds))
        until = ends_of(since, cast("Duration | None", self.length), scene.on, scene.tz)
        places = scene.columns(channel=self.channel)
        kept = [place for place in places.tolist() if scene.actions[place] not in self.but]
        yield Refusal(str(self), np.array(kept, dtype=np.int64), until)

    def __str__(self) -> str:
        spell = "" if self.length is None else f" for {self.length}"
        return f"quiet{spell} after {' or '.join(self.kinds)}" + ("" if self.channel is None else f" by {self.channel}")


@dataclass(frozen=True, slots=True)
class OptOut(ContactRule):
    """No contact with those who want none.

    Parameters
    ----------
    who : str or collection of ids
        A column of truth values of the customers, or the customers who opted out.
    channel : str, default=None
        The channel they want no contact by; None for any contact at all.
    consent : bool, default=False
        Whether `who` lists those who *agreed* instead: all others are left alone, and so is everybody
        whose answer is missing.

    Raises
    ------
    ParameterTypeError
        When it is neither a column nor ids.

    Examples
    --------
    >>> str(OptOut("no_email", channel="email")), str(OptOut("agreed_to_calls", channel="phone", consent=True))
    ('opted out of email', 'no consent to phone')
    """

    who: Any
    channel: str | None = field(default=None, kw_only=True)
    consent: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        check_flag(self.consent, name="consent")
        if self.channel is not None:
            check_label(self.channel, "channel")
        if isinstance(self.who, str):
            check_label(self.who, "who")
        elif isinstance(self.who, pd.DataFrame | pd.Series | dict | bytes):
            raise ParameterTypeError(
                message(
                    f"who is a {type(self.who).__name__}",
                    "a column of the customers, or ids of customers",
                    "OptOut(frame.index[frame['no_email']], channel='email')",
                )
            )
        else:
            object.__setattr__(self, "who", frozenset(ids_given(self.who, "who")))

    def check(self, scene: Scene) -> None:
        """Refuse names that the scene does not know."""
        scene.check_channel(self.channel, self)
        if not isinstance(self.who, str):
            return
        if scene.frame is None:
            raise ParameterError(
                message(
                    f"{self}: the column {self.who!r} is read from the customers, and they are not given",
                    "customers= was expected",
                    "policy.apply(allowed, history, on=now, customers=frame)",
                )
            )

    def refusals(self, scene: Scene) -> Iterator[Refusal]:
        """Return what it refuses."""
        until = np.where(self._refused(scene), FOREVER, FREE)
        yield Refusal(str(self), scene.columns(channel=self.channel), until)

    def _refused(self, scene: Scene) -> BoolArray:
        if not isinstance(self.who, str):
            listed = ids_of(sorted(self.who, key=repr))
            return np.asarray(np.asarray(scene.customers.isin(listed)) != self.consent)
        columns = Columns(scene.frame)
        check_columns(columns.names, {"who": self.who})
        true, false = columns.read(self.who, "boolean")
        if self.consent:
            return np.asarray(~true)
        unknown = ~(true | false)
        if unknown.any():
            raise DataError(
                message(
                    f"{self}: {self.who!r} is missing for {int(unknown.sum()):,} of {len(unknown):,} customers "
                    f"({named_rows(unknown)})",
                    "silence is no opt-out and no consent: say which",
                    f"customers[{self.who!r}].fillna(True), or consent=True with the column of those who agreed",
                )
            )
        return np.asarray(true)

    def __str__(self) -> str:
        what = "any contact" if self.channel is None else self.channel
        return f"no consent to {what}" if self.consent else f"opted out of {what}"


@dataclass(frozen=True, slots=True)
class QuietHours(ContactRule):
    """Hours and days in which nobody is contacted.

    The instant of the decision is taken for that of the contact. The hours are those of the local clock, and
    hours across midnight belong to the day they begin in.

    Parameters
    ----------
    start : str, default="00:00"
        The first quiet time of day.
    until : str, default="24:00"
        The first time of day after it; from "21:00" until "08:00" crosses midnight.
    weekdays : str or sequence of str, default=None
        Days on which they hold: mon, tue, wed, thu, fri, sat, sun; None for all.
    channel : str, default=None
        Refuse the actions of this channel alone.

    Raises
    ------
    ParameterError
        When a time or day cannot be read, or it would be quiet for ever.

    Examples
    --------
    >>> str(QuietHours("21:00", "08:00", channel="phone")), str(QuietHours(weekdays=["sat", "sun"]))
    ('quiet hours 21:00-08:00 by phone', 'quiet on sat, sun')
    """

    start: str = "00:00"
    until: str = "24:00"
    weekdays: str | Sequence[str] | None = field(default=None, kw_only=True)
    channel: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        days = as_names(self.weekdays, name="weekdays")
        for day in days:
            check_choice(day, _WEEKDAYS, name="weekdays")
        object.__setattr__(self, "weekdays", days)
        if self.channel is not None:
            check_label(self.channel, "channel")
        start, end = _minutes(self.start, "start"), _minutes(self.until, "until")
        if start == end or (end - start == 24 * 60 and len(days or _WEEKDAYS) == 7):
            raise ParameterError(
                message(
                    f"quiet from {self.start} until {self.until}"
                    + (" every day" if start != end else "")
                    + ", which is "
                    + ("never" if start == end else "always"),
                    "hours of a day, or whole days of a week",
                    "QuietHours('21:00', '08:00')",
                )
            )

    def check(self, scene: Scene) -> None:
        """Refuse names that the scene does not know."""
        scene.check_channel(self.channel, self)

    def refusals(self, scene: Scene) -> Iterator[Refusal]:
        """Return what it refuses."""
        end = self._end(scene.on, scene.tz)
        until = np.full(len(scene.customers), end, dtype=np.int64)
        yield Refusal(str(self), scene.columns(channel=self.channel), until)

    def _end(self, on: int, tz: str) -> int:
        """Return the first instant that is not quiet, from one that may be."""
        now = on
        while (end := self._spell(now, tz)) is not None:
            now = end
        return FREE if now == on else now

    def _spell(self, now: int, tz: str) -> int | None:
        """Return the end of the quiet hours that hold an instant."""
        today = int(wall_clock(np.array([now]), tz)[0]) // _DAY
        start, until = (_minutes(text, "") * 60_000_000 for text in (self.start, self.until))
        for day in (today - 1, today):
            if self.weekdays and _WEEKDAYS[(day + 3) % 7] not in self.weekdays:  # 1970-01-01 was a Thursday
                continue
            walls = np.array([day * _DAY + start, day * _DAY + until + (_DAY if until <= start else 0)], dtype=np.int64)
            begin, end = localize(walls, tz, doubtful="earlier")[0].tolist()
            if begin <= now < end:
                return int(end)
        return None

    def __str__(self) -> str:
        whole = (self.start, self.until) == ("00:00", "24:00")
        hours = "" if whole else f" hours {self.start}-{self.until}"
        days = f" on {', '.join(self.weekdays)}" if self.weekdays else ""
        return f"quiet{hours}{days}" + ("" if self.channel is None else f" by {self.channel}")


def _minutes(text: Any, name: str) -> int:
    if text == "24:00":
        return 24 * 60
    try:
        clock = dt.time.fromisoformat(text)
    except (TypeError, ValueError):
        clock = None
    if clock is None or clock.second or clock.microsecond or clock.tzinfo is not None:
        raise ParameterError(message(f"{name}={text!r} is no time of day", "hours and minutes", f"{name}='21:00'"))
    return clock.hour * 60 + clock.minute
