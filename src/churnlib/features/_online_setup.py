"""What is settled when online features are made: which features, which roles, how late is too late."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from churnlib.calendar import DAY_US, Duration, duration
from churnlib.events import Contracts, EventLog, Schema
from churnlib.exceptions import ParameterError, ParameterTypeError, message, some
from churnlib.features._attributes import Stated
from churnlib.features._counts import DistinctItems
from churnlib.features._feature import Feature
from churnlib.features._online_layout import KindCodes, Layout
from churnlib.features._online_plan import ELSEWHERE, READ_FROM_EVENTS, OnlinePlan
from churnlib.features._raw import EventRaw, Raw
from churnlib.features._source import kind_names
from churnlib.features._spec import FeatureSpec

__all__ = ["Setup", "checked_lateness", "looked_back", "reach_us", "resolved", "settled_plan"]

_SHORTEST = "30d"
"""How late an event may be where no feature has a window."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a caller, a log or a file says about online features; none of it is checked yet.

    Attributes
    ----------
    spec : FeatureSpec
        The features.
    schema : Schema
        Keys by role.
    scale : int
        Decimals of money.
    kinds : tuple of str or None
        Kinds there are; None trusts the spec.
    lateness, ahead : Any
        How late an event may be, and how far past the clock it may arrive.
    contracts : Contracts or None
        Contracts.
    categories : dict of str to list
        Values of attributes that are known already.
    """

    spec: FeatureSpec
    schema: Schema
    scale: int
    kinds: tuple[str, ...] | None
    lateness: object
    ahead: object
    contracts: Contracts | None
    categories: dict[str, list[Any]]


def resolved(setup: Setup) -> FeatureSpec:
    """Return the spec that the roles can serve, as `FeatureSpec.for_log` does for a log.

    Raises
    ------
    ParameterTypeError
        When it is no spec.
    SchemaError
        When a feature needs a role that was not named.
    ParameterError
        When a feature names an unknown kind, or cannot be had event by event.
    """
    spec, schema = setup.spec, setup.schema
    if not isinstance(spec, FeatureSpec):
        raise ParameterTypeError(
            message(f"spec is a {type(spec).__name__}", "a FeatureSpec was expected", "FeatureSpec.standard()")
        )
    known = _kinds_of(spec) if setup.kinds is None else tuple(sorted({*setup.kinds, *schema.facts}))
    # The spec asks a log for no more than which roles it has.
    roles = SimpleNamespace(
        amount=True if schema.has_money else None,
        item=schema.item,
        attributes=dict.fromkeys(schema.attributes),
        kinds=("event",) if schema.kind is None else known,
    )
    concrete = spec.for_log(cast("EventLog", roles), contracts=setup.contracts)
    _check_readable(concrete)
    return concrete


def _kinds_of(spec: FeatureSpec) -> tuple[str, ...]:
    return tuple(sorted({name for feature in spec for name in named_kinds(feature)}))


def named_kinds(feature: Feature) -> tuple[str, ...]:
    """Return the kinds that a feature names."""
    return (*kind_names(getattr(feature, "kind", None)), *kind_names(getattr(feature, "over", None)))


def _check_readable(spec: FeatureSpec) -> None:
    strange = {
        feature.name: raw
        for feature in spec
        for raw in feature.raws()
        if type(raw) not in READ_FROM_EVENTS and not isinstance(raw, ELSEWHERE)
    }
    if strange:
        name, raw = next(iter(strange.items()))
        raise ParameterError(
            message(
                f"{len(strange)} of {len(spec)} features cannot be had event by event ({some(list(strange))}): "
                f"{name} is made of {type(raw).__name__}, which reads whole columns of a log",
                "features made of the raw columns of churnlib.features were expected",
                f"FeatureSpec([f for f in spec if f.name not in {sorted(strange)}])",
            )
        )


def settled_plan(spec: FeatureSpec, schema: Schema) -> OnlinePlan:
    """Return the plan of a concrete spec."""
    raws = list(dict.fromkeys(raw for feature in spec for raw in feature.raws()))
    layout = Layout(
        KindCodes(_kinds_of(spec), schema.facts),
        has_amount=any(isinstance(raw, EventRaw) and raw.money_weight > 0 for raw in raws),
        has_item=any(isinstance(raw, DistinctItems) for raw in raws),
    )
    return OnlinePlan(raws, layout, schema.timezone)


def reach_us(length: Duration) -> int:
    """Return a bound on a length of time in microseconds; no month has more than 31 days.

    A calendar window opens in another order than the instants it looks back from (31 and 29
    March both look back to February), so what is kept goes by a bound and not by the calendar.
    Two more days are for zones that once left one out.
    """
    return length.fixed_us if length.fixed_us is not None else (31 * length.months + 2) * DAY_US


def looked_back(raws: Iterable[Raw]) -> dict[str, int]:
    """Return the attributes that are asked for, and how long before now, in microseconds."""
    found: dict[str, int] = {}
    for raw in raws:
        if isinstance(raw, Stated):
            found[raw.attribute] = max(found.get(raw.attribute, 0), reach_us(raw.back))
    return found


def checked_lateness(lateness: object, spec: FeatureSpec) -> Duration:
    """Return how late an event may be: at least as long as the longest window.

    Raises
    ------
    ParameterError
        When it is shorter: an event could be refused that a window still has to count.
    """
    reaches = {
        feature.name: back
        for feature in spec
        for raw in feature.raws()
        if isinstance(raw, EventRaw)
        for back in raw.edges()
    }
    longest = max(reaches, key=lambda name: reach_us(reaches[name]), default=None)
    if lateness is None:
        return Duration.parse(_SHORTEST) if longest is None else reaches[longest]
    length = duration(lateness, name="lateness")
    if longest is None or reach_us(length) >= reach_us(reaches[longest]):
        return length
    over = [name for name, back in reaches.items() if reach_us(back) > reach_us(length)]
    raise ParameterError(
        message(
            f"lateness={str(length)!r} is shorter than the longest window, {reaches[longest]} of {longest}",
            "an event that a window still counts must not be refused for being late",
            f"lateness={str(reaches[longest])!r}, or leave out {some(over)}",
        )
    )
