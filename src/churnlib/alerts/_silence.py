"""Silences: spans of time in which some alerts are not told to anyone, for a stated reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from churnlib._fields import check_label, labels_of
from churnlib._typing import Instant
from churnlib.alerts._instants import instant_text, us_of
from churnlib.calendar import to_us
from churnlib.exceptions import ParameterError, ParameterTypeError, message, nearest, some

__all__ = ["Silence", "active_silences", "silences_of"]


@dataclass(frozen=True, slots=True, init=False)
class Silence:
    """A span of time in which alerts are held back, such as during a move of the shop.

    Alerts fire and end as ever and are listed with the name of the silence; those that still fire
    when it is over are announced then.

    Parameters
    ----------
    name : str
        What the alerts name as the reason.
    until : str, date or datetime
        The first instant after it; without a zone on the clock of the rule set.
    start : str, date or datetime, default=None
        Its first instant; None for always.
    rules : str or sequence of str, default=()
        The rules it holds back; none named stands for all.
    customers : collection of ids, default=None
        The customers; None for all.

    Raises
    ------
    ParameterError
        When it ends before it begins.
    ParameterTypeError
        When an argument is of a wrong type.

    Examples
    --------
    >>> Silence("shop moves", until="2026-03-09", start="2026-03-02", rules=["no-visit"]).rules
    ('no-visit',)
    """

    name: str
    until: str
    start: str | None
    rules: tuple[str, ...]
    customers: tuple[Any, ...] | None

    def __init__(
        self,
        name: str,
        until: Instant,
        *,
        start: Instant | None = None,
        rules: str | Iterable[str] = (),
        customers: Iterable[Any] | None = None,
    ) -> None:
        check_label(name, "name")
        end, begin = instant_text(until), None if start is None else instant_text(start)
        if begin is not None and to_us(end) <= to_us(begin):
            raise ParameterError(
                message(f"the silence {name!r} is from {begin} until before {end}", "start comes first", "swap them")
            )
        if isinstance(customers, str):
            raise ParameterTypeError(message(f"customers is {customers!r}", "a list of ids", f"[{customers!r}]"))
        named = rules if isinstance(rules, str) else list(rules)
        found = {
            "name": name, "until": end, "start": begin, "rules": labels_of(named, "rules"),
            "customers": None if customers is None else tuple(customers),
        }  # fmt: skip
        for field, value in found.items():
            object.__setattr__(self, field, value)


def active_silences(silences: Iterable[Silence], now: int, tz: str, ids: Iterable[str]) -> list[Silence]:
    """Return the silences that hold at an instant.

    Parameters
    ----------
    silences : iterable of Silence
        All of them.
    now : int
        The instant.
    tz : str
        The zone of those that say none.
    ids : iterable of str
        The rules there are.

    Returns
    -------
    list of Silence
        In order of their names.

    Raises
    ------
    ParameterTypeError
        When one is no silence.
    ParameterError
        When one names a rule that is not there, or two have one name.

    Examples
    --------
    >>> active_silences([Silence("move", until="1970-01-02")], 86_400_000_000, "UTC", [])
    []
    """
    listed, known = list(silences), set(ids)
    for silence in listed:
        if not isinstance(silence, Silence):
            raise ParameterTypeError(
                message(
                    f"{silence!r} is no silence", "silences are made by Silence", "Silence('move', until='2026-03-09')"
                )
            )
        strange = [rule for rule in silence.rules if rule not in known]
        if strange:
            raise ParameterError(
                message(
                    f"the silence {silence.name!r} names {strange[0]!r} ({nearest(strange[0], sorted(known))})",
                    "it names rules of the set",
                    "Silence(..., rules=()) for all",
                )
            )
    names = [silence.name for silence in listed]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(message(f"two silences are called {some(twice)}", "names are distinct", "rename one"))
    holding = [
        silence
        for silence in listed
        if (silence.start is None or us_of(silence.start, tz) <= now) and now < us_of(silence.until, tz)
    ]
    return sorted(holding, key=lambda silence: silence.name)


def silences_of(silences: Any, tz: str, ids: Iterable[str]) -> tuple[Silence, ...]:
    """Return silences, once it is known that they are some, and of these rules.

    Parameters
    ----------
    silences : iterable of Silence
        All of them.
    tz : str
        The zone of those that say none.
    ids : iterable of str
        The rules there are.

    Returns
    -------
    tuple of Silence
        As given.

    Raises
    ------
    ParameterTypeError
        When there are not several, or one is no silence.
    ParameterError
        As `active_silences`.

    Examples
    --------
    >>> [silence.name for silence in silences_of([Silence("move", until="2026-03-09")], "UTC", [])]
    ['move']
    """
    if isinstance(silences, str | Silence) or not isinstance(silences, Iterable):
        raise ParameterTypeError(
            message(
                f"silences is a {type(silences).__name__}",
                "a list of silences was expected",
                "silences=[Silence('move', until='2026-03-09')]",
            )
        )
    listed = tuple(silences)
    active_silences(listed, 0, tz, ids)
    return listed
