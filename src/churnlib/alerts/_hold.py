"""What holds alerts back, and when a rule applies at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from churnlib._typing import BoolArray
from churnlib.alerts._instants import us_of
from churnlib.alerts._rule import Rule
from churnlib.calendar import timestamp, to_us
from churnlib.exceptions import ChurnlibError, ParameterError, ParameterTypeError, message, nearest, some

if TYPE_CHECKING:
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["Hold", "is_valid", "stale_sources"]


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason for which alerts of a rule are not told to anyone.

    Attributes
    ----------
    kind : {"inhibited", "opted out", "silenced", "suspended"}
        What it is.
    text : str
        The reason with the name of its source.
    rows : ndarray of bool
        Whose alerts.
    """

    kind: str
    text: str
    rows: BoolArray


def is_valid(rule: Rule, now: int, tz: str) -> bool:
    """Whether a rule applies at an instant.

    Parameters
    ----------
    rule : Rule
        The rule.
    now : int
        The instant.
    tz : str
        The zone of instants that say none.

    Returns
    -------
    bool
        From its first instant until before its last.

    Examples
    --------
    >>> is_valid(Rule("a", 1, "x > 1", valid=("1970-01-01", "1970-01-02")), 86_400_000_000, "UTC")
    False
    """
    start, until = rule.valid
    return (start is None or us_of(start, tz) <= now) and (until is None or now < us_of(until, tz))


def stale_sources(rules: RuleSet, last: Mapping[str, Any], now: int) -> dict[str, str]:
    """Return the feeds from which nothing has come for too long.

    Parameters
    ----------
    rules : RuleSet
        The rules, with the age from which on a feed is stale.
    last : mapping of str to instant
        The last event of each feed; None for one that never delivered.
    now : int
        The instant.

    Returns
    -------
    dict of str to str
        For each stale feed what is to be said of it.

    Raises
    ------
    ParameterTypeError
        When it is no mapping.
    ParameterError
        When it names a feed that is not stated, or leaves one out that a rule depends on.

    Examples
    --------
    >>> from churnlib.alerts import RuleSet
    >>> rules = RuleSet([Rule("a", 1, "x > 1", sources="visits")], sources={"visits": "2d"})
    >>> stale_sources(rules, {"visits": "1970-01-01"}, 2 * 86_400_000_000)
    {'visits': 'visits silent since 1970-01-01 00:00:00+00:00'}
    """
    ages = dict(rules.sources)
    if not isinstance(last, Mapping):
        raise ParameterTypeError(message(f"sources is {last!r}", "feeds with their last event", _EXAMPLE))
    strange = [name for name in last if name not in ages]
    if strange:
        hint = nearest(strange[0], list(ages)) if ages else "none is stated"
        raise ParameterError(
            message(f"sources names {strange[0]!r}, which is no source of the rules ({hint})", "", _EXAMPLE)
        )
    needed = sorted({name for rule in rules for name in rule.sources})
    lacking = [name for name in needed if name not in last]
    if lacking:
        raise ParameterError(
            message(
                f"nothing says when the last event of {some(lacking)} came",
                "the silence of a feed looks like the silence of its customers",
                _EXAMPLE,
            )
        )
    found = {}
    for name in needed:
        instant = _instant(last[name], name, rules.timezone)
        if instant is None:
            found[name] = f"{name} never delivered"
        elif now >= instant + (ages[name].fixed_us or 0):
            found[name] = f"{name} silent since {timestamp(instant, rules.timezone)}"
    return found


_EXAMPLE = "sources={'visits': log.complete_until}"


def _instant(value: Any, name: str, tz: str) -> int | None:
    if value is None or value is pd.NaT:
        return None
    try:
        return to_us(value, tz)
    except ChurnlibError as error:
        raise type(error)(f"sources[{name!r}]: {error}") from None
