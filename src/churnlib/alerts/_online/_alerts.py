"""The same rules for one customer at a time, or for a few at once, as events arrive and as time passes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from churnlib._ids import ids_given, opted_out_of
from churnlib._typing import Instant
from churnlib.alerts._hold import is_valid, stale_sources
from churnlib.alerts._online._bytes import customer_from_bytes, customer_to_bytes
from churnlib.alerts._online._columns import check_lengths, columns_of, customers_of
from churnlib.alerts._online._many import step_many
from churnlib.alerts._online._one import step_one
from churnlib.alerts._online._reader import RuleReader
from churnlib.alerts._online._step import Alert, Context, OnlineStep, settings_of
from churnlib.alerts._online._store import OnlineStates
from churnlib.alerts._silence import Silence, active_silences, silences_of
from churnlib.alerts._state import AlertState
from churnlib.calendar import to_us
from churnlib.exceptions import ParameterTypeError, TimeError, message

if TYPE_CHECKING:
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["Alert", "OnlineAlerts", "OnlineStep"]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_FIRST, _LAST = ((dt.datetime(year, 1, 1, tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND for year in (1, 9999))


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
        self._digest = rules.digest
        self._reader = RuleReader(rules, dict(rules.units) if units is None else units)
        self._settings = settings_of(rules.rules)
        self._states = OnlineStates([one.pace for one in self._settings])
        self._is_dated = any(rule.valid != (None, None) for rule in rules)
        self._all_valid = (True,) * len(rules)
        self._none_suspended = (False,) * len(rules)
        self._sources: Mapping[str, Any] = {}
        self._opted_out: frozenset[Any] = frozenset()
        self._silences: tuple[Silence, ...] = ()
        if state is not None:
            state.check(rules)
            self._states.load(state, rules.ids)

    def __repr__(self) -> str:
        words = f"{len(self.rules)} rule{'s' * (len(self.rules) != 1)}"
        return f"OnlineAlerts({words}, {len(self):,} customer{'s' * (len(self) != 1)})"

    def __len__(self) -> int:
        return len(self._states)

    def __contains__(self, customer: object) -> bool:
        return customer in self._states.slots

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
            if not isinstance(sources, Mapping):
                raise ParameterTypeError(
                    message(
                        f"sources is {sources!r}", "feeds with their last event", "sources={'visits': '2026-03-02'}"
                    )
                )
            self._sources = dict(self._sources) | dict(sources)
        if opted_out is not None:
            self._opted_out = opted_out_of(opted_out)
        if silences is not None:
            self._silences = silences_of(silences, self.rules.timezone, self.rules.ids)

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
            When the customer was evaluated later than `now` before, or `now` lies in no year from 1 to 9999.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> online = RuleSet([Rule("a", 1, "x > 1", clear="x < 0")]).online()
        >>> [online.step("ann", {"x": x}, now=f"2026-03-0{day}").level for day, x in enumerate([2, 1, None, -1], 1)]
        [1, 1, 1, 0]
        """
        return step_one(self._states, self._reader, customer, row, self._context(now))

    def step_batch(self, rows: Any, now: Instant | int, *, customers: Any = None) -> list[OnlineStep]:
        """Evaluate all rules for some customers at one instant, and return what is new.

        The same as `step` for each of them, in a fraction of the time: conditions are evaluated over
        columns. A service that gathers events for some milliseconds evaluates the customers whom they
        touched at once, and on a clock tick those whom the clock alone has changed.

        Parameters
        ----------
        rows : dataframe, or mapping of str to array
            The columns the rules read, as of `now`, a row for each customer: any frame, arrays by
            name, or what `OnlineFeatures.columns` returns, which is the fastest. Arrays of whole
            numbers, floats (NaN is missing), truth values, timedeltas, and texts or None.
        now : str, date, datetime or int
            The instant, as in `step`.
        customers : sequence of ids, or str, default=None
            Whom the rows are about, each once, or the column that says so. None for those that
            `rows` names: the customers of what `OnlineFeatures.columns` returns, a column
            "customer_id", or the index of a pandas frame.

        Returns
        -------
        list of OnlineStep
            Steps with a transition or a notification, in order of customers.

        Raises
        ------
        SchemaError
            When a column is not there or cannot serve where it stands, or nothing names the customers.
        DataError
            When a rule with ``on_missing="error"`` meets a missing value, an id is missing, or columns
            differ in length. Nothing has changed then.
        DuplicateError
            When a customer comes twice.
        TimeError
            When a customer was evaluated later than `now` before. Nothing has changed then.

        Notes
        -----
        The rows are not kept: a `tick` without `rows` passes these customers over.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> online = RuleSet([Rule("no-visit", 1, "days >= 30")]).online()
        >>> steps = online.step_batch({"days": [31, 3]}, "2026-03-02", customers=["ann", "bob"])
        >>> [(step.customer, step.transitions) for step in steps]
        [('ann', (('no-visit', 'inactive', 'firing'),))]
        """
        ids = customers_of(rows, customers)
        columns = columns_of(rows, self._reader.names)
        check_lengths(columns, len(ids))
        plan = self._reader.plan([columns[name].kind for name in self._reader.names])
        return step_many(self._states, plan, columns, ids, self._context(now))

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
        if rows is not None and not callable(rows):
            raise ParameterTypeError(
                message(f"rows is a {type(rows).__name__}", "a function of a customer and an instant", "rows=None")
            )
        context = self._context(now)
        steps = []
        for customer in sorted(self._states.slots):
            row = self._states.kept.get(customer) if rows is None else rows(customer, context.now)
            if row is not None:
                step = step_one(self._states, self._reader, customer, row, context)
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
        return self._states.state(self._digest, self.rules.ids)

    def forget(self, customers: Iterable[Any]) -> None:
        """Forget customers: nothing of them is left.

        Parameters
        ----------
        customers : id or collection of ids
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
        for customer in ids_given(customers, "customers"):
            self._states.drop(customer)

    def to_bytes(self, customer: Any) -> bytes:
        """Return what is remembered of one customer, for the state store of a stream processor.

        Parameters
        ----------
        customer : id
            Who.

        Returns
        -------
        bytes
            Cells that are not blank, behind a schema version, the digest of the rules and a checksum.
            The values of the last row are not in it.

        Raises
        ------
        DataError
            When the customer was never evaluated.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> rules = RuleSet([Rule("a", 1, "x > 1", for_="1d")])
        >>> here, there = rules.online(), rules.online()
        >>> _ = here.step("ann", {"x": 2}, now="2026-03-02")
        >>> there.from_bytes(here.to_bytes("ann")), there.state() == here.state()
        ('ann', True)
        """
        return customer_to_bytes(self._states, self._digest, customer)

    def from_bytes(self, data: bytes) -> Any:
        """Take a customer over from `to_bytes`, in place of what is known of them here.

        Parameters
        ----------
        data : bytes
            What `to_bytes` returned, here or in another process.

        Returns
        -------
        int or str
            The customer's id.

        Raises
        ------
        VersionError
            When the bytes are of another version or other rules, or were changed.
        ParameterError
            When the id is a text and the others are whole numbers, or the other way round.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> RuleSet([Rule("a", 1, "x > 1")]).online().from_bytes(b"nothing")
        Traceback (most recent call last):
            ...
        churnlib.exceptions.VersionError: 7 bytes are no alerts of a customer; ...
        """
        lengths = [one.pace.n for one in self._settings]
        return customer_from_bytes(self._states, self._digest, lengths, data)

    def _context(self, now: Instant | int) -> Context:
        rules, settings = self.rules, self._settings
        instant = instant_of(now, rules.timezone)
        stale = stale_sources(rules, self._sources, instant) if rules.sources or self._sources else {}
        silences = active_silences(self._silences, instant, rules.timezone, rules.ids) if self._silences else []
        valid, suspended = self._all_valid, self._none_suspended
        if self._is_dated:
            valid = tuple(is_valid(one.rule, instant, rules.timezone) for one in settings)
        if stale:
            suspended = tuple(any(source in stale for source in one.rule.sources) for one in settings)
        return Context(instant, settings, valid, suspended, stale, self._opted_out, silences)


def instant_of(now: Instant | int, tz: str) -> int:
    """Return an instant in microseconds; the fastest for a whole number, which is one already."""
    if type(now) is int:
        if not _FIRST <= now <= _LAST:
            raise TimeError(
                message(
                    f"now is {now if abs(now) < 10**40 else 'a number of more than 40 digits'}, which as microseconds "
                    "since 1970 lies in no year from 1 to 9999",
                    "whole numbers are microseconds since 1970 in UTC",
                    "now='2026-03-02'",
                )
            )
        return now
    if type(now) is dt.datetime and now.tzinfo is not None:  # as to_us reads it, without its detour
        return (now - _EPOCH) // _MICROSECOND
    return to_us(now, tz)
