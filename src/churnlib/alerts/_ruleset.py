"""Rules that belong together: read, checked against each other and against columns, and evaluated as one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from churnlib._fields import check_label, entries_of, span_of
from churnlib._plain_text import MAX_ENTRIES, from_json_text, from_toml_text, json_text, toml_text, too_many
from churnlib._typing import Instant, IntoFrame, Span
from churnlib._version import __version__
from churnlib.alerts._alert_step import AlertStep
from churnlib.alerts._bound import BoundRules, types_of
from churnlib.alerts._conditions import conditions_of
from churnlib.alerts._online._alerts import OnlineAlerts
from churnlib.alerts._rule import Rule
from churnlib.alerts._season import Days, Pause, calendar_of, pauses_of
from churnlib.alerts._silence import Silence
from churnlib.alerts._state import AlertState
from churnlib.calendar import Duration, to_us, zone_name
from churnlib.exceptions import (
    ChurnlibError,
    DuplicateError,
    ParameterError,
    ParameterTypeError,
    VersionError,
    message,
    nearest,
    some,
)

if TYPE_CHECKING:
    import numpy as np

    from churnlib.alerts._backtest._backtest import Backtest
    from churnlib.alerts._fit._fit import RuleFit
    from churnlib.snapshots import Dataset

__all__ = ["RuleSet"]

_SCHEMA_VERSION = 1
_ENTRIES = ("schema_version", "churnlib", "digest", "timezone", "units", "sources", "calendar", "rule")


@dataclass(frozen=True, slots=True, init=False, repr=False)
class RuleSet:
    """Rules that belong together, in the order of their ids.

    A rule set is a value: frozen, equal to another with the same rules however they were ordered or
    written, and stored as TOML or JSON with a digest, so that the state of one set is never taken
    for that of another.

    Parameters
    ----------
    rules : sequence of Rule
        With distinct ids, at most 1,000.
    units : mapping of str to str, default=None
        Units of columns, such as ``{"recency_days": "days"}``, for conditions with lengths of time.
        Columns of a `FeatureSpec` have theirs, see `bind`.
    sources : mapping of str to str or timedelta, default=None
        Feeds, and how old the last event of each may be before it is stale: ``{"visits": "2d"}``.
    calendar : mapping of str to list, default=None
        Days that do not count, by name: each a day or ``(first day, first day after)``.
    timezone : str, default="UTC"
        The zone of days and of instants that say none.

    Attributes
    ----------
    rules : tuple of Rule
        In the order of their ids.
    units, sources, calendar : tuple of pairs
        As given, in order.
    timezone : str
        As given.

    Raises
    ------
    ParameterTypeError
        When an entry is no rule, or an argument of a wrong type.
    DuplicateError
        When two rules have one id.
    ParameterError
        When a rule is inhibited by one that is not there or by itself through others, names a calendar
        or source that is not there, or there are too many rules or none.

    Examples
    --------
    >>> import pandas as pd
    >>> from churnlib.alerts import Rule, RuleSet
    >>> rules = RuleSet(
    ...     [
    ...         Rule("no-visit", 1, "recency >= 30d", clear="recency < 7d", inhibited_by="refund-close"),
    ...         Rule("cancels", 2, "cancels >= 2", weight=2.0),
    ...         Rule("refund-close", 3, "refunds > 0 and closed", is_loss=True),
    ...     ],
    ...     units={"recency": "days"},
    ... )
    >>> RuleSet.from_toml(rules.to_toml()) == RuleSet.from_json(rules.to_json()) == rules
    True
    >>> today = pd.DataFrame(
    ...     {"recency": [45, 50, 2], "cancels": [2, 0, 0], "refunds": [0, 1, 0], "closed": [False, True, False]},
    ...     index=["ann", "bob", "eve"],
    ... )
    >>> step = rules.step(today, now="2026-03-02")
    >>> step.alerts[["customer_id", "rule", "level", "score", "suppressed_by"]]
      customer_id          rule  level  score              suppressed_by
    0         ann       cancels      2    3.0
    1         ann      no-visit      1    3.0
    2         bob      no-visit      1    0.0  inhibited by refund-close
    3         bob  refund-close      3    0.0
    """

    rules: tuple[Rule, ...]
    units: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, Duration], ...]
    calendar: tuple[tuple[str, Days], ...]
    timezone: str

    def __init__(
        self,
        rules: Iterable[Rule],
        *,
        units: Mapping[str, str] | None = None,
        sources: Mapping[str, Any] | None = None,
        calendar: Mapping[str, Any] | None = None,
        timezone: str = "UTC",
    ) -> None:
        listed = _listed(rules)
        fields = {
            "rules": listed,
            "units": _units(units, listed),
            "sources": _sources(sources),
            "calendar": calendar_of(calendar),
            "timezone": zone_name(timezone),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        _check_names(self)
        _check_circles(listed)
        pauses_of(self.calendar, self.timezone)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def __getitem__(self, id: str) -> Rule:  # noqa: A002
        for rule in self.rules:
            if rule.id == id:
                return rule
        raise ParameterError(message(f"there is no rule {id!r}", nearest(id, self.ids), "rules.ids"))

    def __repr__(self) -> str:
        return f"RuleSet({len(self)} rule{'s' * (len(self) != 1)}: {some(self.ids)})"

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the rules, in order.

        Examples
        --------
        >>> RuleSet([Rule("b", 1, "x > 1"), Rule("a", 1, "x > 2")]).ids
        ('a', 'b')
        """
        return tuple(rule.id for rule in self.rules)

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that the rules need, each once, in order of their names.

        Examples
        --------
        >>> RuleSet([Rule("b", 1, "x > 1", because="{y}")]).read
        ('x', 'y')
        """
        return tuple(sorted({name for rule in self.rules for name in (*rule.read, *rule.named)}))

    @property
    def digest(self) -> str:
        """SHA-256 of the rules and their settings, as 64 hexadecimal digits.

        Examples
        --------
        >>> one, two = Rule("a", 1, "x>1"), Rule("b", 1, "x>2")
        >>> RuleSet([one, two]).digest == RuleSet([two, one]).digest
        True
        """
        text = json.dumps(self._body(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def pauses(self) -> dict[str, Pause]:
        """Return the days of the calendar as instants.

        Examples
        --------
        >>> RuleSet([Rule("a", 1, "x > 1")], calendar={"holiday_days": ["1970-01-01"]}).pauses()["holiday_days"].ends
        (86400000000,)
        """
        return pauses_of(self.calendar, self.timezone)

    # -- evaluation --------------------------------------------------------------------------

    def bind(self, columns: Any, *, scores: str | Sequence[str] = ()) -> BoundRules:
        """Check every name, type and unit against columns, before any customer is evaluated.

        Parameters
        ----------
        columns : FeatureSpec, mapping of str to ColumnType, or dataframe
            What the columns are. A `FeatureSpec` also says their units.
        scores : str or sequence of str, default=()
            Columns that come beside them, with a number for each customer, such as the probability
            of a model: rules may say ``churn_probability >= 0.4``.

        Returns
        -------
        BoundRules
            The rules with the units; it evaluates them.

        Raises
        ------
        SchemaError
            When a rule names no column (the nearest is suggested), or a column cannot serve where it stands.
        ParameterError
            When the units stated here and there differ, or a score has the name of a column.

        Examples
        --------
        >>> from churnlib.features import FeatureSpec
        >>> RuleSet([Rule("no-visit", 1, "any.recncy >= 30d")]).bind(FeatureSpec.standard())
        Traceback (most recent call last):
            ...
        churnlib.exceptions.SchemaError: rule 'no-visit': when: at character 1: 'any.recncy' is no column (did you mean
        'any.recency'?)...
        """
        types, units = types_of(columns, dict(self.units), scores)
        conditions_of(self.rules, types, self.pauses())
        return BoundRules(self, tuple(sorted(units.items())))

    def step(
        self,
        X: IntoFrame,
        *,
        now: Instant,
        state: AlertState | None = None,
        customer: str | None = None,
        sources: Mapping[str, Any] | None = None,
        opted_out: Collection[Any] = (),
        silences: Iterable[Silence] = (),
    ) -> AlertStep:
        """Evaluate all rules for all rows at one instant; see `Rule` for the semantics.

        Parameters
        ----------
        X : dataframe
            One row per customer, with the columns the rules read, as of `now`. Customers of the state
            who have no row are not evaluated, and stay as they are.
        now : str, date or datetime
            The instant; without a zone on the clock of the rule set.
        state : AlertState, default=None
            The state after the step before; None to begin.
        customer : str, default=None
            The column that names the customer; None for "customer_id", or else the index.
        sources : mapping of str to instant, default=None
            The last event of each feed that a rule names. A feed is stale from the last event plus its
            age on; None for one that never delivered.
        opted_out : collection of ids, default=()
            Customers who want no contact.
        silences : sequence of Silence, default=()
            Spans of time in which alerts are held back.

        Returns
        -------
        AlertStep
            The new state, what changed, and tables that are made when they are asked for.

        Raises
        ------
        SchemaError
            When a column is missing or cannot serve, or nothing names the customers.
        DuplicateError
            When a customer has two rows.
        DataError
            When a rule with ``on_missing="error"`` meets a missing value.
        TimeError
            When a customer was evaluated later than `now` before.
        VersionError
            When the state is of other rules.

        Examples
        --------
        >>> import pandas as pd
        >>> rules = RuleSet([Rule("no-visit", 1, "days >= 30", for_="2d")])
        >>> X = pd.DataFrame({"days": [41]}, index=["ann"])
        >>> first = rules.step(X, now="2026-03-02")
        >>> rules.step(X, now="2026-03-04", state=first.state).transitions
          customer_id      rule     from      to                        at
        0         ann  no-visit  pending  firing 2026-03-04 00:00:00+00:00
        """
        return BoundRules(self, self.units).step(
            X, now=now, state=state, customer=customer, sources=sources, opted_out=opted_out, silences=silences
        )

    def online(self, state: AlertState | None = None) -> OnlineAlerts:
        """Return what evaluates the rules for one customer at a time, with the same results.

        Parameters
        ----------
        state : AlertState, default=None
            Where to go on from; None to begin.

        Returns
        -------
        OnlineAlerts
            With a state of its own.

        Examples
        --------
        >>> online = RuleSet([Rule("no-visit", 1, "days >= 30")]).online()
        >>> online.step("ann", {"days": 41}, now="2026-03-02").level
        1
        """
        return BoundRules(self, self.units).online(state)

    # -- history -----------------------------------------------------------------------------

    def fit(
        self,
        data: Dataset,
        *,
        method: Literal["logistic", "hazard"] = "logistic",
        budget: float | None = None,
        since: Instant | None = None,
        sources: Mapping[str, str | Sequence[str] | None] | None = None,
        opted_out: Collection[Any] = (),
        silences: Iterable[Silence] = (),
        scores: Mapping[str, Any] | None = None,
        ridge: float = 1.0,
    ) -> RuleFit:
        r"""Weigh the rules by history: how much each adds to the risk of a loss, beside the others.

        The rules are replayed as of every cutoff of a dataset, their state carried from cutoff to cutoff,
        and a model says from the rules that fire and are not inhibited which customers are lost within the
        horizon. Its coefficients are the weights. Only rows with a label are learned from, at or
        after `since`. Rules that are the loss, and rules that are never evaluated (not valid yet, suspended, or
        unknown throughout), keep the weight they have.

        Freeze what is found on earlier cutoffs, and try it on later ones.

        Parameters
        ----------
        data : Dataset
            From `build_dataset`, the training part of its `split` say, with the columns the rules read.
        method : {"logistic", "hazard"}, default="logistic"
            "logistic" for the odds of a loss within the horizon; "hazard" for Cox's model of the days
            from the cutoff to the loss, which also learns from how soon it comes. Every row with a label is
            followed to the end of its horizon, so that no other time has to be chosen.
        budget : float, default=None
            Announced customers a week, over all warnings, within which thresholds are tuned; None to
            leave them. See the notes.
        since : str, date or datetime, default=None
            The first cutoff that counts, naive in the log's zone; earlier ones warm the state up.
        sources : mapping of str to str or None, default=None
            The kind of event of each feed that a rule names, None for any.
        opted_out : collection of ids, default=()
            Customers who want no contact.
        silences : sequence of Silence, default=()
            Spans of time in which alerts are held back.
        scores : mapping of str to model or values, default=None
            More columns that rules may read: a fitted classifier with ``predict_proba``, a Series by
            (customer_id, cutoff), or one value per row that is replayed. Fit it on other, earlier rows: a model
            is too sure of the rows it learned from.
        ridge : float, default=1.0
            Strength of the penalty ``ridge Σ β² / 2`` on the coefficients, at least 1e-6: as if each had a
            normal prior of variance ``1 / ridge``.

        Returns
        -------
        RuleFit
            The rules with the weights, and what is known of each.

        Raises
        ------
        DataError
            When no row has a label, all or none were lost, no rule can be weighed, or a score is missing.
        ParameterError
            When even the strictest thresholds do not keep within the budget, or an argument makes no sense.
        ParameterTypeError
            When `data` is no dataset, or an argument of a wrong type.
        SchemaError
            When a rule reads a column that is not there.

        Notes
        -----
        *Weights.* With :math:`x` the rules that fire, not inhibited, and :math:`\beta \ge 0`,

        .. math::
            P(\text{loss in the horizon} \mid x) = \frac{1}{1 + e^{-(a + x'\beta)}}
            \quad\text{or}\quad 1 - \exp(-H_0 e^{x'\beta}),

        so that a warning never lowers a score; Efron's rule for ties. Where a bound binds, the rule adds nothing
        beside the others. Errors are by customer, since the rows of a customer are alike (sandwich).

        *Thresholds.* Each comparison of a column with a number in `when` may move to values of the column
        at 15 shares of the rows (1 % to 99 %), and the threshold of the same column in `clear` moves by as
        much; what cannot move is named with its reason in `thresholds`. Alerts are counted as
        customers announced by any warning, once at each cutoff, and churners once for each customer with an
        alert that was followed by the loss within the horizon. From the given thresholds, and from the strictest
        ones, one at a time is moved: first the one that costs fewest churners for each alert saved, until the
        budget holds; then the one that catches most churners for each alert more, within the budget; and back
        towards the given value where that only warns earlier. At the end no threshold moved alone catches
        more. On the rows it was tuned on the budget is never exceeded; on later ones it is as good as the
        past is like them. The search takes seconds with thirty rules; its time grows with the square of their number.

        Examples
        --------
        >>> import churnlib as cl
        >>> log = cl.datasets.make_shop(n_customers=300, random_state=0).log
        >>> spec = cl.FeatureSpec([cl.features.Recency()])
        >>> weeks = cl.weekly("2025-01-06", "2025-06-30")
        >>> data = cl.build_dataset(log, cutoffs=weeks, horizon="30d", churn=cl.Inactivity("60d"), features=spec)
        >>> rules = RuleSet([Rule("silent", 1, "any.recency >= 30d")])
        >>> found = rules.fit(data, budget=8)
        >>> found.rules["silent"].weight > 0, found.alerts_per_week[1] <= 8
        (True, True)
        """
        from churnlib.alerts._fit._fit import fit_rules

        return fit_rules(
            self,
            data,
            method=method,
            ridge=ridge,
            budget=budget,
            since=since,
            sources=sources,
            opted_out=opted_out,
            silences=silences,
            scores=scores,
        )

    # -- on the past -------------------------------------------------------------------------

    def backtest(
        self,
        data: Dataset,
        *,
        since: Instant | None = None,
        capacity: int | None = None,
        silence: Span | Duration | None = "30d",
        recency: str = "any.recency",
        sources: Mapping[str, str | Sequence[str] | None] | None = None,
        opted_out: Collection[Any] = (),
        silences: Iterable[Silence] = (),
        scores: Mapping[str, Any] | None = None,
        confidence: float = 0.95,
        n_boot: int = 500,
        random_state: int | np.random.Generator = 0,
        progress: bool = False,
    ) -> Backtest:
        """Try the rules on the past: how many warnings a week, how often right, how early, how many of the lost.

        The rules are stepped from cutoff to cutoff, each time with what was known then, as they would have
        been evaluated: take cutoffs as often as that will be, for what rises and falls between two of them
        is not seen. Choose rules and weights on earlier cutoffs than those that count.

        Parameters
        ----------
        data : Dataset
            From `build_dataset`, with the columns that the rules read.
        since : str, date or datetime, default=None
            The first cutoff that counts, naive in the log's zone; earlier ones only warm the state up. None
            for all; then what has fired for long is told at the first.
        capacity : int, default=None
            How many customers can be seen to at each cutoff, the highest scores first; tied customers share
            the places left in expectation, with no draw. Who finds none is not told again later. For "silent
            N days", the longest silences come first. None for everyone.
        silence : str or timedelta, default="30d"
            N of the rule to compare with, which warns when a customer has become silent for so long; None
            to leave it out.
        recency : str, default="any.recency"
            The column with the days since the last activity; missing for never seen, the longest silence.
        sources : mapping of str to str, sequence of str or None, default=None
            The kind of event of each feed that a rule names, or several, None for any: how fresh a feed was
            at each cutoff is read from the log. `RulePack.feeds` is one.
        opted_out : collection of ids, default=()
            Customers who want no contact.
        silences : sequence of Silence, default=()
            Spans of time in which alerts are held back.
        scores : mapping of str to model or values, default=None
            More columns that rules may read: a fitted classifier with ``predict_proba``, asked for each row
            as of its cutoff, a Series by (customer_id, cutoff), or one value per row. A model must be fitted
            on cutoffs whose label windows were over before the first that counts.
        confidence : float, default=0.95
            Of the intervals.
        n_boot : int, default=500
            Draws of customers behind them.
        random_state : int or Generator, default=0
            The seed of the draws.
        progress : bool, default=False
            Whether to show a progress bar over the cutoffs.

        Returns
        -------
        Backtest
            A table, a count per cutoff, and the comparison with silence.

        Raises
        ------
        SchemaError
            When a rule reads a column that is not there, or nothing says how long customers are silent.
        ParameterError
            When no row that counts has a label, or an argument makes no sense.
        ParameterTypeError
            When an argument is of a wrong type.
        DataError
            When a score is missing for a row.

        Examples
        --------
        >>> import churnlib as cl
        >>> log = cl.datasets.make_shop(n_customers=300, random_state=0).log
        >>> spec = cl.FeatureSpec([cl.features.Recency(), cl.features.GapRatio()])
        >>> data = cl.build_dataset(
        ...     log,
        ...     cutoffs=cl.weekly("2025-03-03", "2025-06-30"),
        ...     horizon="30d",
        ...     churn=cl.Inactivity("60d"),
        ...     features=spec,
        ... )
        >>> rules = RuleSet([Rule("slower", 1, "any.gap_ratio >= 2", for_="7d", cooldown="30d")])
        >>> found = rules.backtest(data, since="2025-04-01", capacity=5)
        >>> bool((found.weekly["warnings"] <= 5).all())
        True
        """
        from churnlib.alerts._backtest._backtest import backtest

        return backtest(
            self,
            data,
            since=since,
            capacity=capacity,
            silence=silence,
            recency=recency,
            sources=sources,
            opted_out=opted_out,
            silences=silences,
            scores=scores,
            confidence=confidence,
            n_boot=n_boot,
            random_state=random_state,
            progress=progress,
        )

    # -- files -------------------------------------------------------------------------------

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"schema_version": _SCHEMA_VERSION}
        if self.timezone != "UTC":
            body["timezone"] = self.timezone
        settings = {
            "units": dict(self.units),
            "sources": {name: str(age) for name, age in self.sources},
            "calendar": {name: [list(span) for span in days] for name, days in self.calendar},
        }
        body |= {name: value for name, value in settings.items() if value}
        return body | {"rule": [rule.to_dict() for rule in self.rules]}

    def to_dict(self) -> dict[str, Any]:
        """Return the rule set as plain values.

        Returns
        -------
        dict
            With schema_version, the version of churnlib and a digest.

        Examples
        --------
        >>> RuleSet([Rule("a", 1, "x > 1")]).to_dict()["rule"]
        [{'id': 'a', 'level': 1, 'when': 'x > 1'}]
        """
        body = self._body()
        head = {"schema_version": body.pop("schema_version"), "churnlib": __version__, "digest": self.digest}
        return head | body

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RuleSet:
        """Make a rule set from plain values.

        Parameters
        ----------
        values : mapping
            "rule", a list of mappings, and the settings there are.

        Returns
        -------
        RuleSet
            Equal to the one that was written.

        Raises
        ------
        ParameterError
            When an entry is unknown or makes no sense.
        VersionError
            When another schema wrote it, or it states a digest that is not its own: whoever edits
            rules by hand takes the digest out.

        Examples
        --------
        >>> RuleSet.from_dict({"rule": [{"id": "a", "level": 1, "when": "x > 1"}]})
        RuleSet(1 rule: a)
        """
        entries = entries_of(values, ("rule",), _ENTRIES[:-1], what="the rule set", fix="rules.to_dict()")
        version = entries.get("schema_version", _SCHEMA_VERSION)
        if version != _SCHEMA_VERSION:
            raise VersionError(
                message(
                    f"the rules have schema version {version!r}",
                    f"rules of schema version {_SCHEMA_VERSION} were expected",
                    "read them with the release of churnlib that wrote them",
                )
            )
        listed = entries["rule"]
        if not isinstance(listed, list | tuple):
            raise ParameterTypeError(message(f"rule is {str(listed)[:40]!r}", "a list of rules", "[[rule]]"))
        if len(listed) > MAX_ENTRIES:
            raise too_many(len(listed), "rules")
        settings = {name: entries[name] for name in ("units", "sources", "calendar", "timezone") if name in entries}
        rules = cls([Rule.from_dict(entry) for entry in listed], **settings)
        _check_digest(rules, entries.get("digest"))
        return rules

    def to_json(self) -> str:
        """Return the rule set as JSON text.

        Returns
        -------
        str
            `from_json` reads it back.

        Examples
        --------
        >>> rules = RuleSet([Rule("a", 1, "x > 1")])
        >>> RuleSet.from_json(rules.to_json()) == rules
        True
        """
        return json_text(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> RuleSet:
        """Read a rule set from JSON text.

        Parameters
        ----------
        text : str
            At most 2 million characters.

        Returns
        -------
        RuleSet
            What it says.

        Raises
        ------
        ParameterError
            When it is too long, too deep, no JSON, or makes no sense as rules.
        VersionError
            When another schema wrote it, or its digest is another's.

        Examples
        --------
        >>> RuleSet.from_json('{"rule": [{"id": "a", "level": 1, "when": "x > 1"}]}').ids
        ('a',)
        """
        return cls.from_dict(from_json_text(text))

    def to_toml(self) -> str:
        """Return the rule set as TOML text.

        Returns
        -------
        str
            `from_toml` reads it back.

        Examples
        --------
        >>> print(RuleSet([Rule("a", 1, "x > 1", for_="3d")]).to_toml())
        schema_version = 1
        ...
        [[rule]]
        id = "a"
        level = 1
        when = "x > 1"
        for = "3d"
        <BLANKLINE>
        """
        return toml_text(self.to_dict())

    @classmethod
    def from_toml(cls, text: str) -> RuleSet:
        r"""Read a rule set from TOML text.

        Parameters
        ----------
        text : str
            At most 2 million characters.

        Returns
        -------
        RuleSet
            What it says.

        Raises
        ------
        ParameterError
            When it is too long, too deep, no TOML, or makes no sense as rules.
        VersionError
            When another schema wrote it, or its digest is another's.

        Examples
        --------
        >>> RuleSet.from_toml('[[rule]]\nid = "a"\nlevel = 1\nwhen = "x > 1"').ids
        ('a',)
        """
        return cls.from_dict(from_toml_text(text))


def _listed(rules: Any) -> tuple[Rule, ...]:
    if isinstance(rules, Rule | str | Mapping) or not hasattr(rules, "__iter__"):
        raise ParameterTypeError(message(f"the rules are {str(rules)[:40]!r}", "a list of Rule", "RuleSet([rule])"))
    listed = list(rules)
    if len(listed) > MAX_ENTRIES:
        raise too_many(len(listed), "rules")
    wrong = [repr(rule)[:40] for rule in listed if not isinstance(rule, Rule)]
    if wrong:
        raise ParameterTypeError(
            message(
                f"{len(wrong)} of {len(listed)} entries are no rules ({some(wrong)})",
                "each is a Rule with an id, a level and a condition",
                "RuleSet([Rule('no-visit', 1, 'any.recency >= 30')])",
            )
        )
    if not listed:
        raise ParameterError(message("there is no rule", "at least one was expected", "RuleSet([rule])"))
    ids = [rule.id for rule in listed]
    twice = sorted({name for name in ids if ids.count(name) > 1}) if len(set(ids)) < len(ids) else []
    if twice:
        raise DuplicateError(
            message(f"{some(twice)} names more than one rule", "ids are distinct", "rename one of them")
        )
    return tuple(sorted(listed, key=lambda rule: rule.id))


def _units(given: Any, rules: tuple[Rule, ...]) -> tuple[tuple[str, str], ...]:
    pairs = dict(given or {}) if given is None or isinstance(given, Mapping) else None
    if pairs is None or not all(isinstance(entry, str) for pair in pairs.items() for entry in pair):
        raise ParameterTypeError(
            message(f"units is {given!r}", "columns with units were expected", "units={'recency_days': 'days'}")
        )
    read = sorted({name for rule in rules for name in (*rule.read, *rule.named)})
    unread = sorted(set(pairs) - set(read))
    if unread:
        raise ParameterError(
            message(
                f"units names {unread[0]!r}, which no rule reads", nearest(unread[0], read), "units of columns read"
            )
        )
    return tuple(sorted(pairs.items()))


def _sources(given: Any) -> tuple[tuple[str, Duration], ...]:
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise ParameterTypeError(
            message(f"sources is {given!r}", "feeds with the age of a stale one", "sources={'visits': '2d'}")
        )
    named = {check_label(name, "a source"): age for name, age in given.items()}
    return tuple((name, span_of(named[name], f"sources[{name!r}]", allow_zero=False)) for name in sorted(named))


def _check_names(rules: RuleSet) -> None:
    """Refuse rules that name another rule, a calendar or a source that is not there."""
    known = {
        "inhibited_by": (list(rules.ids), "rule"),
        "sources": ([name for name, _ in rules.sources], "source"),
        "season": ([name for name, _ in rules.calendar], "calendar"),
    }
    for rule in rules:
        named = {"inhibited_by": rule.inhibited_by, "sources": rule.sources, "season": tuple(c for _, c in rule.season)}
        for argument, names in named.items():
            there, what = known[argument]
            strange = [name for name in names if name not in there]
            if strange:
                hint = nearest(strange[0], there) if there else "none is stated"
                raise ParameterError(
                    message(
                        f"rule {rule.id!r}: {argument} names {strange[0]!r}, which is no {what} of the set ({hint})",
                        f"a {what} is stated before rules name it",
                        _STATED[what],
                    )
                )
        try:
            ends = [to_us(end, rules.timezone) for end in rule.valid if end is not None]
        except ChurnlibError as error:
            raise type(error)(f"rule {rule.id!r}: valid: {error}") from None
        assert len(ends) < 3


_STATED = {
    "rule": "RuleSet([..., Rule('refund-close', 3, 'refunds > 0')])",
    "source": "RuleSet(..., sources={'visits': '2d'})",
    "calendar": "RuleSet(..., calendar={'holiday_days': ['2026-05-01']})",
}


def _check_circles(rules: tuple[Rule, ...]) -> None:
    """Refuse rules that inhibit each other in a circle: each would hide the reason of the other."""
    left = {rule.id: set(rule.inhibited_by) for rule in rules}
    while True:
        free = [name for name, by in left.items() if not by]
        if not free:
            break
        for name in free:
            del left[name]
        for by in left.values():
            by.difference_update(free)
    if not left:
        return
    path = [min(left)]
    while path[-1] not in path[:-1]:
        path.append(min(left[path[-1]]))
    circle = path[path.index(path[-1]) :]
    raise ParameterError(
        message(
            f"rules inhibit each other in a circle ({' by '.join(circle)})",
            "an alert is inhibited by a graver one, never the other way round",
            f"take {circle[1]!r} out of inhibited_by of {circle[0]!r}",
        )
    )


def _check_digest(rules: RuleSet, digest: Any) -> None:
    if digest is not None and digest != rules.digest:
        raise VersionError(
            message(
                f"the digest of the rules is {rules.digest[:12]}… and the text says {str(digest)[:12]}…",
                "the text was changed after it was written",
                "take the line with the digest out if the change is meant",
            )
        )
