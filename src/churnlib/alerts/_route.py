"""To whom an alert goes, and to whom when nobody reacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from churnlib._checks import check_integer
from churnlib._fields import check_text, entries_of, span_of
from churnlib.calendar import Duration
from churnlib.exceptions import ParameterTypeError, message

__all__ = ["Escalation", "Route", "escalations_of", "route_of"]


@dataclass(frozen=True, slots=True)
class Route:
    """To whom an alert goes, and how.

    Parameters
    ----------
    channel : str, default=""
        Such as "email", "phone" or "ticket".
    owner : str, default=""
        Who acts on it.

    Raises
    ------
    ParameterTypeError
        When an argument is no text.

    Examples
    --------
    >>> Route(channel="email", owner="crm")
    Route(channel='email', owner='crm')
    """

    channel: str = ""
    owner: str = ""

    def __post_init__(self) -> None:
        check_text(self.channel, "channel")
        check_text(self.owner, "owner")


@dataclass(frozen=True, slots=True)
class Escalation:
    """From which age a firing alert is of another level, and whose it is then.

    Parameters
    ----------
    after : Duration, str or timedelta
        How long it has fired, such as "7d".
    level : int
        Its level from then on, 1 to 9.
    owner : str, default=""
        Who acts on it from then on; empty for the owner it has.

    Raises
    ------
    ParameterError
        When `after` is no fixed length of time above zero, or the level is out of range.
    ParameterTypeError
        When an argument is of a wrong type.

    Examples
    --------
    >>> Escalation("7d", 2, "csm")
    Escalation(after=Duration('7d'), level=2, owner='csm')
    """

    after: Duration
    level: int
    owner: str = ""

    def __init__(self, after: Any, level: int, owner: str = "") -> None:
        object.__setattr__(self, "after", span_of(after, "after", allow_zero=False))
        object.__setattr__(self, "level", check_integer(level, name="level", low=1, high=9))
        check_text(owner, "owner")
        object.__setattr__(self, "owner", owner)


def route_of(given: Any) -> Route:
    """Read a route: a Route, a mapping with channel and owner, or None."""
    if given is None or isinstance(given, Route):
        return given or Route()
    return Route(**entries_of(given, (), ("channel", "owner"), what="route", fix="route={'channel': 'email'}"))


def escalations_of(given: Any) -> tuple[Escalation, ...]:
    """Read escalations, each an Escalation, a mapping, or (after, level, owner); in order of their ages."""
    if isinstance(given, str | Mapping) or not hasattr(given, "__iter__"):
        raise ParameterTypeError(message(f"escalate is {given!r}", "a list was expected", _EXAMPLE))
    return tuple(sorted((_escalation(entry) for entry in given), key=lambda entry: entry.after.fixed_us or 0))


_EXAMPLE = "escalate=[('7d', 2, 'csm')]"


def _escalation(entry: Any) -> Escalation:
    if isinstance(entry, Escalation):
        return entry
    if isinstance(entry, Mapping):
        return Escalation(**entries_of(entry, ("after", "level"), ("owner",), what="an escalation", fix=_EXAMPLE))
    if not isinstance(entry, list | tuple) or not 2 <= len(entry) <= 3:
        raise ParameterTypeError(
            message(f"an escalation is {entry!r}", "(after, level) or (after, level, owner) was expected", _EXAMPLE)
        )
    return Escalation(*entry)
