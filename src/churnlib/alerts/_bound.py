"""Rules with the units of their columns: what evaluates them."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from churnlib._checks import as_names
from churnlib._frames import column_names
from churnlib._typing import Instant, IntoFrame
from churnlib.alerts._alert_step import AlertStep
from churnlib.alerts._batch import batch_step
from churnlib.alerts._online._alerts import OnlineAlerts
from churnlib.alerts._silence import Silence
from churnlib.alerts._state import AlertState
from churnlib.exceptions import ParameterError, message
from churnlib.expressions import Columns, ColumnType
from churnlib.features import AttributeValue, FeatureSpec

if TYPE_CHECKING:
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["BoundRules", "types_of"]


@dataclass(frozen=True, slots=True)
class BoundRules:
    """A rule set that was checked against columns, with their units; `RuleSet.bind` makes it.

    Parameters
    ----------
    rules : RuleSet
        The rules.
    units : tuple of (column, unit)
        The units of columns.

    Examples
    --------
    >>> from churnlib.alerts import Rule, RuleSet
    >>> from churnlib.features import FeatureSpec
    >>> bound = RuleSet([Rule("no-visit", 1, "any.recency >= 4w")]).bind(FeatureSpec.standard())
    >>> bound.online().step("ann", {"any.recency": 28.0}, now="2026-03-02").level
    1
    """

    rules: RuleSet
    units: tuple[tuple[str, str], ...] = ()

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
        """Evaluate all rules for all rows at one instant; see `RuleSet.step`.

        Parameters
        ----------
        X : dataframe
            One row per customer, as of `now`.
        now : str, date or datetime
            The instant.
        state : AlertState, default=None
            The state after the step before.
        customer : str, default=None
            The column that names the customer.
        sources : mapping of str to instant, default=None
            The last event of each feed.
        opted_out : collection of ids, default=()
            Customers who want no contact.
        silences : sequence of Silence, default=()
            Spans of time in which alerts are held back.

        Returns
        -------
        AlertStep
            The new state, and what changed.

        Examples
        --------
        >>> import pandas as pd
        >>> from churnlib.alerts import Rule, RuleSet
        >>> X = pd.DataFrame({"n": [3]}, index=["ann"])
        >>> RuleSet([Rule("a", 1, "n > 2")]).bind(X).step(X, now="2026-03-02")
        AlertStep(2026-03-02 00:00:00+00:00: 1 customer, 1 alert firing, 1 transition, 1 notification)
        """
        return batch_step(
            self.rules,
            dict(self.units),
            X,
            now=now,
            state=state,
            customer=customer,
            sources=sources or {},
            opted_out=opted_out,
            silences=tuple(silences),
        )

    def online(self, state: AlertState | None = None) -> OnlineAlerts:
        """Return what evaluates the rules for one customer at a time; see `RuleSet.online`.

        Parameters
        ----------
        state : AlertState, default=None
            Where to go on from.

        Returns
        -------
        OnlineAlerts
            With a state of its own.

        Examples
        --------
        >>> import pandas as pd
        >>> from churnlib.alerts import Rule, RuleSet
        >>> RuleSet([Rule("a", 1, "n > 2")]).bind(pd.DataFrame({"n": [1]})).online()
        OnlineAlerts(1 rule, 0 customers)
        """
        return OnlineAlerts(self.rules, units=dict(self.units), state=state)


def types_of(
    columns: Any, units: dict[str, str], scores: str | Sequence[str] = ()
) -> tuple[Mapping[str, ColumnType], dict[str, str]]:
    """Return what columns hold, and their units with those stated.

    Parameters
    ----------
    columns : FeatureSpec, mapping of str to ColumnType, or dataframe
        The columns.
    units : dict of str to str
        Units stated with the rules.
    scores : str or sequence of str, default=()
        Numbers that come beside the columns.

    Returns
    -------
    types : mapping of str to ColumnType
        By name.
    units : dict of str to str
        Of all columns that have one.

    Raises
    ------
    ParameterError
        When a unit is stated twice, differently, or a score is a column already.

    Examples
    --------
    >>> types, units = types_of(FeatureSpec.standard(), {})
    >>> types["any.recency"], units["any.recency"]
    (ColumnType(kind='number', unit='days'), 'days')
    """
    beside = {name: ColumnType("number", units.get(name)) for name in as_names(scores, name="scores")}
    if isinstance(columns, FeatureSpec):
        types = {feature.name: _of_feature(feature) for feature in columns}
    elif isinstance(columns, Mapping) and columns and all(isinstance(one, ColumnType) for one in columns.values()):
        types = dict(columns)
    else:
        there = columns if isinstance(columns, Mapping) else column_names(columns)
        found = Columns(columns, units={name: unit for name, unit in units.items() if name in there})
        _check_beside(beside, found)
        return (ChainMap(beside, found) if beside else found), units  # type: ignore[arg-type]
    _check_beside(beside, types)
    types |= beside
    for name, unit in units.items():
        known = types[name].unit if name in types else None
        if known is not None and known != unit:
            raise ParameterError(
                message(
                    f"units says that {name!r} is in {unit}, and the columns say {known}",
                    "one unit was expected",
                    f"units without {name!r}",
                )
            )
        if name in types:
            types[name] = ColumnType(types[name].kind, unit)
    return types, {name: found.unit for name, found in types.items() if found.unit is not None}


def _check_beside(scores: Mapping[str, ColumnType], columns: Collection[str]) -> None:
    twice = [name for name in scores if name in columns]
    if twice:
        raise ParameterError(
            message(f"scores names {twice[0]!r}, which is a column already", "a new name", "scores=['probability']")
        )


def _of_feature(feature: Any) -> ColumnType:
    if isinstance(feature, AttributeValue):  # a number, a text or a truth value: seen when rows come
        return ColumnType("unknown")
    return ColumnType("number", feature.unit)
