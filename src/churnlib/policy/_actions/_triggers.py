"""What makes an action come up for a customer: an alert, a reason, a tier, a stage, a date, a clock, a cadence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pandas as pd

from churnlib._checks import as_names, check_choice, check_flag, check_integer
from churnlib._fields import check_label
from churnlib._frames import check_columns, column_names, read_columns
from churnlib._ids import check_same_kind, ids_of
from churnlib._typing import IntArray, Span
from churnlib.calendar import Duration, duration, read_times, timestamp, to_us
from churnlib.exceptions import (
    ChurnlibError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    TimeError,
    message,
    nearest,
    some,
)
from churnlib.expressions import Columns, Expression
from churnlib.policy._actions._clocks import Clock, Happenings, runs_of
from churnlib.policy._actions._dates import local_day, next_days, start_of_day
from churnlib.policy._contact._history import NEVER, Past

__all__ = [
    "Hits", "OnAlert", "OnCadence", "OnClock", "OnCondition", "OnDate", "OnReason", "OnStage", "OnTier", "Situation",
    "Trigger",
]  # fmt: skip

_REASON_COLUMNS = ("reason", "theme", "label", "code", "feature")


@dataclass(frozen=True, slots=True)
class Situation:
    """What triggers look at.

    Attributes
    ----------
    customers : Index
        Who they are.
    frame : dataframe
        Their columns, and those of `dates`.
    on : int
        The instant of the decision.
    tz : str
        The zone of the calendar.
    units : mapping or None
        Units of columns of numbers.
    given : mapping of str to data
        alerts, reasons, tiers, stages, events, history; None for what was not given.
    """

    customers: pd.Index[Any]
    frame: Any
    on: int
    tz: str
    units: Any
    given: dict[str, Any]

    def need(self, name: str, trigger: Trigger) -> Any:
        """Return what was given under a name, or say that it is needed."""
        found = self.given[name]
        if found is None:
            raise ParameterError(
                message(
                    f"{trigger} looks at {name}, which are not given"
                    if name != "history"
                    else f"{trigger} looks at the history, which is not given",
                    f"{name}= was expected",
                    f"candidates(customers, actions, on=now, {name}={name})",
                )
            )
        return found

    def places(self, ids: pd.Index[Any]) -> IntArray:
        """Return where customers stand, -1 for strangers."""
        check_same_kind(self.customers, ids)
        return np.asarray(self.customers.get_indexer(ids), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Hits:
    """For whom something came up.

    Attributes
    ----------
    rows : ndarray of int64
        Positions of customers, some perhaps several times.
    due : ndarray of int64
        Until when it is to be done; `NEVER` where nothing says so.
    code, texts : ndarray of int64, tuple of str
        Why, as a code into texts.
    since : ndarray of int64
        From when a span of time until it is due would count.
    """

    rows: IntArray
    due: IntArray
    code: IntArray
    texts: tuple[str, ...]
    since: IntArray


def _hits(rows: IntArray, text: str, on: int, due: IntArray | None = None) -> Hits:
    n = len(rows)
    never = np.full(n, NEVER, dtype=np.int64)
    return Hits(rows, never if due is None else due, np.zeros(n, dtype=np.int64), (text,), np.full(n, on))


@dataclass(frozen=True, slots=True)
class Trigger(ABC):
    """Makes actions come up; a subclass says for whom.

    Parameters
    ----------
    actions : str or sequence of str
        The actions.
    """

    actions: str | Sequence[str]

    def _settle(self) -> None:
        names = as_names(self.actions, name="actions")
        if not names:
            raise ParameterError(message(f"{type(self).__name__} names no action", "at least one", "'call'"))
        object.__setattr__(self, "actions", names)

    @property
    def names(self) -> tuple[str, ...]:
        """The actions."""
        return cast("tuple[str, ...]", self.actions)

    @abstractmethod
    def hits(self, situation: Situation) -> Hits:
        """Return for whom the actions come up."""

    def __str__(self) -> str:
        return f"{type(self).__name__}({some(self.names)})"


@dataclass(frozen=True, slots=True)
class OnAlert(Trigger):
    """An action comes up while an alert fires that nothing holds back.

    Parameters
    ----------
    actions : str or sequence of str
        What comes up.
    rules : str or sequence of str, default=()
        The alerts, by the ids of their rules; none named stands for all.
    level : int, default=1
        The least level.

    Examples
    --------
    >>> OnAlert("call", "no-visit", level=2).rules
    ('no-visit',)
    """

    rules: str | Sequence[str] = ()
    level: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        self._settle()
        object.__setattr__(self, "rules", as_names(self.rules, name="rules"))
        check_integer(self.level, name="level", low=1, high=9)

    def hits(self, situation: Situation) -> Hits:
        """Return for whom the actions come up."""
        given = situation.need("alerts", self)
        later = getattr(given, "now", None)
        if later is not None and to_us(later) > situation.on:
            raise TimeError(
                message(
                    f"the alerts are those of {later}, after the instant of the decision, "
                    f"{timestamp(situation.on, situation.tz)}",
                    "a decision knows nothing of later alerts",
                    "candidates(..., on=step.now)",
                )
            )
        alerts = getattr(given, "alerts", given)
        columns = read_columns(alerts, {name: name for name in ("customer_id", "rule", "level")})
        rule = pd.Categorical(_strings(columns["rule"]))
        taken = np.asarray(pd.Series(_plain(columns["level"])).to_numpy() >= self.level)
        if self.rules:
            self._check_rules(given)
            taken &= np.asarray(rule.isin(list(self.rules)))
        names = column_names(alerts)
        if "suppressed_by" in names:
            taken &= _strings(read_columns(alerts, {"held": "suppressed_by"})["held"]) == ""
        place = situation.places(ids_of(columns["customer_id"]))
        taken &= place >= 0
        since = np.full(len(place), situation.on)
        if "since" in names:
            since = read_times(read_columns(alerts, {"since": "since"})["since"], situation.tz, name="since").us
        texts = tuple(f"alert {name}" for name in rule.categories)
        rows = np.flatnonzero(taken)
        never = np.full(len(rows), NEVER, dtype=np.int64)
        return Hits(place[rows], never, rule.codes[rows].astype(np.int64), texts, since[rows])

    def _check_rules(self, given: Any) -> None:
        # what a step was made by is known, however few of its rules fire today
        known = tuple(given._rules.ids) if hasattr(given, "_rules") else None
        absent = [] if known is None else [name for name in self.rules if name not in known]
        if absent:
            raise ParameterError(
                message(
                    f"{self} names the rule {absent[0]!r} ({nearest(absent[0], known or ())})",
                    "ids of rules",
                    "rules.ids",
                )
            )


@dataclass(frozen=True, slots=True)
class OnReason(Trigger):
    """An action comes up where a reason to leave was found, such as the price.

    Parameters
    ----------
    actions : str or sequence of str
        What comes up.
    reasons : str or sequence of str
        The reasons, labels or columns that bring it up.
    top : int, default=1
        How far down the ranks of a customer's reasons one looks, where they have ranks.

    Examples
    --------
    >>> OnReason("discount", "price").reasons
    ('price',)
    """

    reasons: str | Sequence[str] = ()
    top: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        self._settle()
        object.__setattr__(self, "reasons", as_names(self.reasons, name="reasons"))
        check_integer(self.top, name="top", low=1)
        if not self.reasons:
            raise ParameterError(message("reasons names none", "at least one", "OnReason('discount', 'price')"))

    def hits(self, situation: Situation) -> Hits:
        """Return for whom the actions come up."""
        ids, label, rank = _reasons(situation.need("reasons", self))
        code = _codes(label, self.reasons)
        place = situation.places(ids)
        rows = np.flatnonzero((code >= 0) & (place >= 0) & (rank <= self.top))
        never, since = np.full(len(rows), NEVER, dtype=np.int64), np.full(len(rows), situation.on)
        texts = tuple(f"reason {name}" for name in self.reasons)
        return Hits(place[rows], never, code[rows], texts, since)


@dataclass(frozen=True, slots=True)
class _OnGroup(Trigger):
    """An action comes up for the customers of some groups."""

    groups: str | Sequence[str] = ()

    def __post_init__(self) -> None:
        self._settle()
        object.__setattr__(self, "groups", as_names(self.groups, name="groups"))
        if not self.groups:
            raise ParameterError(message(f"{self} names no group", "at least one", "OnTier('call', ['A', 'B'])"))

    def _of(self, situation: Situation, name: str, word: str) -> Hits:
        found = groups_of(situation, situation.need(name, self), name)
        code = _codes(found, self.groups)
        rows = np.flatnonzero(code >= 0)
        never, since = np.full(len(rows), NEVER, dtype=np.int64), np.full(len(rows), situation.on)
        return Hits(rows, never, code[rows], tuple(f"{word} {group}" for group in self.groups), since)


@dataclass(frozen=True, slots=True)
class OnTier(_OnGroup):
    """An action comes up for the customers of some tiers or segments.

    Parameters
    ----------
    actions : str or sequence of str
        What comes up.
    groups : str or sequence of str
        The tiers.

    Examples
    --------
    >>> OnTier("adviser", ["A", "B"]).groups
    ('A', 'B')
    """

    def hits(self, situation: Situation) -> Hits:
        """Return for whom the actions come up."""
        return self._of(situation, "tiers", "tier")


@dataclass(frozen=True, slots=True)
class OnStage(_OnGroup):
    """An action comes up for the customers in some stages of their life as customers.

    Parameters
    ----------
    actions : str or sequence of str
        What comes up.
    groups : str or sequence of str
        The stages, such as "at_risk".

    Examples
    --------
    >>> OnStage("guide", "new").groups
    ('new',)
    """

    def hits(self, situation: Situation) -> Hits:
        """Return for whom the actions come up."""
        return self._of(situation, "stages", "stage")


@dataclass(frozen=True, slots=True)
class OnCondition(Trigger):
    """An action comes up where a condition on the customers' columns is true.

    Parameters
    ----------
    actions : str or sequence of str
        What comes up.
    when : str or Expression
        The condition. Where it is unknown nothing comes up.
    because : str, default=None
        Why, in words; None for the condition itself.

    Examples
    --------
    >>> OnCondition("coupon", "silent_days >= 3 and tier == 'D'").when
    Expression('silent_days >= 3 and tier == "D"')
    """

    when: str | Expression = "true"
    because: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        self._settle()
        if not isinstance(self.when, Expression):
            object.__setattr__(self, "when", Expression(self.when))

    def hits(self, situation: Situation) -> Hits:
        """Return for whom the actions come up."""
        columns = Columns(situation.frame, units=situation.units)
        condition = cast("Expression", self.when)
        try:
            true, _ = condition.bind(columns).truth(columns)
        except ChurnlibError as error:
            raise type(error)(f"{self}: {error}") from None
        return _hits(np.flatnonzero(true), self.because or condition.text, situation.on)


@dataclass(frozen=True, slots=True)
class OnDate(Trigger):
    """An action comes up some days before a date, and on the day: a birthday, the anniversary of a first order.

    It is due when the day is over. Days are those of the local calendar.

    Parameters
    ----------
    actions : str or sequence of str
        What comes up.
    column : str
        The column of dates, among the customers' or those of `dates`. Where it is missing nothing comes up.
    ahead : int, default=3
        From how many days before.
    yearly : bool, default=True
        Whether the date comes again each year, from the year after it on; else it comes once.
    leap_day : {"28 February", "1 March"}, default="28 February"
        When 29 February is kept in years that have none.

    Examples
    --------
    >>> str(OnDate("greeting", "birthday"))
    'OnDate(greeting)'
    """

    column: str = ""
    ahead: int = field(default=3, kw_only=True)
    yearly: bool = field(default=True, kw_only=True)
    leap_day: str = field(default="28 February", kw_only=True)

    def __post_init__(self) -> None:
        self._settle()
        check_label(self.column, "column")
        check_integer(self.ahead, name="ahead", low=0, high=365)
        check_flag(self.yearly, name="yearly")
        check_choice(self.leap_day, ("28 February", "1 March"), name="leap_day")

    def hits(self, situation: Situation) -> Hits:
        """Return for whom the actions come up."""
        source = situation.frame
        if situation.given["dates"] is not None and self.column in column_names(situation.given["dates"]):
            source = situation.given["dates"]
        check_columns(column_names(source), {"column": self.column})
        times = read_times(read_columns(source, {"at": self.column})["at"], situation.tz, name=self.column)
        day = local_day(times.us, situation.tz)
        today = int(local_day(np.array([situation.on]), situation.tz)[0])
        comes, again = next_days(day, today, leap_day=self.leap_day) if self.yearly else (day, day >= today)
        up = again & (comes - today <= self.ahead) & (comes >= today)
        if times.missing is not None:
            up &= ~times.missing
        rows = np.flatnonzero(up)
        due = start_of_day(comes[rows] + 1, situation.tz)
        ahead = comes[rows] - today
        texts = tuple(
            f"{self.column} " + ("today" if not n else f"in {n} day{'s' * (n != 1)}") for n in range(self.ahead + 1)
        )
        return Hits(rows, due, ahead, texts, np.full(len(rows), situation.on))


@dataclass(frozen=True, slots=True)
class OnClock(Trigger):
    """An action comes up while a clock runs: a complaint waits for its call.

    Parameters
    ----------
    actions : str or sequence of str
        What comes up.
    clock : Clock
        The promise. It is due when the clock says so, and stays up when it is overdue.

    Examples
    --------
    >>> OnClock("call", Clock("grave", "complaint", "1h", done="call", where="grade == 'grave'")).clock.name
    'grave'
    """

    clock: Clock | None = None

    def __post_init__(self) -> None:
        self._settle()
        if not isinstance(self.clock, Clock):
            raise ParameterTypeError(
                message(f"clock is {self.clock!r}", "a Clock was expected", "Clock('contact', 'complaint', '5min')")
            )

    def hits(self, situation: Situation) -> Hits:
        """Return for whom the actions come up."""
        assert self.clock is not None
        found: Happenings = situation.need("events", self)
        runs = runs_of(self.clock, found)
        place = situation.places(found.ids[runs.rows])
        up = (place >= 0) & (runs.opens <= situation.on) & (runs.stopped == NEVER)
        if self.clock.lapses is not None:
            up &= situation.on < runs.due + (cast("Duration", self.clock.lapses).fixed_us or 0)
        rows = np.flatnonzero(up)
        late = (runs.due[rows] <= situation.on).astype(np.int64)
        return Hits(
            place[rows], runs.due[rows], late, (self.clock.name, f"{self.clock.name}, overdue"), runs.opens[rows]
        )


@dataclass(frozen=True, slots=True)
class OnCadence(Trigger):
    """An action comes up again and again: when the last one is so long ago, or there was none.

    Parameters
    ----------
    actions : str or sequence of str
        What comes up; each by itself.
    every : str or timedelta
        From one to the next; months follow the calendar.
    tiers : str or sequence of str, default=()
        For which tiers; none named stands for all customers.

    Examples
    --------
    >>> OnCadence("adviser", "1mo", tiers="A").every
    Duration('1mo')
    """

    every: Span | Duration = ""
    tiers: str | Sequence[str] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        self._settle()
        if len(self.names) != 1:
            raise ParameterError(
                message(f"{self} names several actions", "a cadence for each", "OnCadence('call', '1mo')")
            )
        object.__setattr__(self, "every", duration(self.every, name="every"))
        object.__setattr__(self, "tiers", as_names(self.tiers, name="tiers"))

    def hits(self, situation: Situation) -> Hits:
        """Return for whom the actions come up."""
        past: Past = situation.need("history", self)
        last = past.latest(past.labelled(*self.names))
        had = last != NEVER
        due = np.full(len(last), situation.on, dtype=np.int64)
        due[had] = cast("Duration", self.every).after(last[had], situation.tz)
        up = due <= situation.on
        if self.tiers:
            found = groups_of(situation, situation.need("tiers", self), "tiers")
            up &= _codes(found, self.tiers) >= 0
        rows = np.flatnonzero(up)
        never = np.full(len(rows), NEVER, dtype=np.int64)
        texts = (f"every {self.every}: the first", f"every {self.every}")
        return Hits(rows, never, had[rows].astype(np.int64), texts, due[rows])


def groups_of(situation: Situation, given: Any, name: str) -> np.ndarray[Any, Any]:
    """Return the tier or stage of each customer as text; None where nobody knows.

    Parameters
    ----------
    situation : Situation
        The customers.
    given : str, Series or array
        A column of the customers, a Series by customer, or one value per row.
    name : str
        The argument, for messages.

    Returns
    -------
    ndarray of object
        In the order of the customers.
    """
    if isinstance(given, str):
        check_columns(column_names(situation.frame), {name: given})
        return _strings(read_columns(situation.frame, {name: given})[name])
    if isinstance(given, pd.Series):
        found = ids_of(given.index)
        check_same_kind(found, situation.customers)
        if found.has_duplicates:
            raise SchemaError(
                message(f"{name} has customers twice", "one value per customer", f"{name}[~{name}.index.duplicated()]")
            )
        return _strings(pd.Series(_strings(given.reset_index(drop=True)), index=found).reindex(situation.customers))
    values = np.asarray(given, dtype=object)
    if values.shape != (len(situation.customers),):
        raise SchemaError(
            message(
                f"{name} has shape {values.shape} for {len(situation.customers):,} customers",
                "a column, a Series by customer, or one value per row",
                f"{name}='tier'",
            )
        )
    return values


def _reasons(given: Any) -> tuple[pd.Index[Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return customers, labels and ranks of reasons."""
    if isinstance(given, pd.Series):
        return ids_of(given.index), _strings(given), np.ones(len(given))
    if isinstance(given, pd.DataFrame) and "customer_id" not in given.columns:
        given = given.set_axis(_level(given), axis=0).rename_axis("customer_id").reset_index()
    names = column_names(given)
    column = next((name for name in _REASON_COLUMNS if name in names), None)
    if column is None:
        raise SchemaError(
            message(
                f"the reasons have none of the columns {some(_REASON_COLUMNS)} (they have {some(names, 12)})",
                "a reason for each row",
                "reasons.rename(columns={'why': 'reason'})",
            )
        )
    columns = read_columns(given, {"customer": "customer_id", "reason": column})
    ids, label = ids_of(columns["customer"]), _strings(columns["reason"])
    rank = _plain(read_columns(given, {"rank": "rank"})["rank"]) if "rank" in names else np.ones(len(label))
    return ids, label, np.asarray(rank)


def _level(frame: pd.DataFrame) -> pd.Index[Any]:
    return frame.index.get_level_values("customer_id") if isinstance(frame.index, pd.MultiIndex) else frame.index


def _plain(column: Any) -> np.ndarray[Any, Any]:
    return column.to_numpy() if hasattr(column, "to_numpy") else np.asarray(column)


def _strings(column: Any) -> np.ndarray[Any, Any]:
    """Return values as an array of texts, None where one is missing."""
    series = (
        column
        if isinstance(column, pd.Series)
        else pd.Series(column.to_pandas() if hasattr(column, "to_pandas") else column)
    )
    missing = series.isna().to_numpy()
    found = series.astype(object).to_numpy(copy=True)
    found[missing] = None
    return found


def _codes(values: Any, names: Sequence[str]) -> IntArray:
    """Return which of some names each value is, -1 for none."""
    return np.asarray(pd.Index(list(names), dtype=object).get_indexer(pd.Index(values, dtype=object)), dtype=np.int64)
