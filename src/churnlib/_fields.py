"""Checks of what stands in the fields of rules and actions: names, spans of time, entries of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churnlib._checks import as_names
from churnlib.calendar import Duration, duration
from churnlib.exceptions import ParameterError, ParameterTypeError, message, nearest, some

__all__ = ["check_label", "check_text", "entries_of", "labels_of", "span_of"]

_LONGEST = 200


def check_text(value: object, name: str) -> None:
    """Refuse what is no text, or cannot be written to a file.

    Parameters
    ----------
    value : object
        What was given.
    name : str
        The argument, for the message.

    Raises
    ------
    ParameterTypeError
        When it is no text.
    ParameterError
        When it is longer than 200 characters, or one of them cannot be seen.

    Examples
    --------
    >>> check_text("crm", "owner")
    """
    if not isinstance(value, str):
        raise ParameterTypeError(
            message(f"{name} is {value!r}, a {type(value).__name__}", "a text was expected", f"{name}='...'")
        )
    if len(value) > _LONGEST or not value.isprintable():
        what = f"{len(value):,} characters" if len(value) > _LONGEST else "a character that cannot be seen"
        raise ParameterError(
            message(f"{name} has {what}", f"a text of at most {_LONGEST} visible characters", f"{name}='...'")
        )


def check_label(value: object, name: str) -> str:
    """Return a text that names something: not empty, without spaces around it.

    Parameters
    ----------
    value : object
        What was given.
    name : str
        The argument, for the message.

    Returns
    -------
    str
        The same text.

    Raises
    ------
    ParameterTypeError
        When it is no text.
    ParameterError
        When it is empty or has spaces around it.

    Examples
    --------
    >>> check_label("no-visit", "id")
    'no-visit'
    """
    check_text(value, name)
    assert isinstance(value, str)
    if not value or value != value.strip():
        raise ParameterError(
            message(f"{name} is {value!r}", "a text without spaces around it was expected", f"{name}='no-visit'")
        )
    return value


def labels_of(value: Any, name: str) -> tuple[str, ...]:
    """Return one name or several as a tuple in order, each a label.

    Parameters
    ----------
    value : str, sequence of str or None
        What was given.
    name : str
        The argument, for the message.

    Returns
    -------
    tuple of str
        The names, sorted: their order means nothing.

    Examples
    --------
    >>> labels_of(["b", "a"], "inhibited_by")
    ('a', 'b')
    """
    return tuple(sorted(check_label(label, name) for label in as_names(value, name=name)))


def span_of(value: Any, name: str, *, allow_zero: bool = True) -> Duration:
    """Return a fixed length of time.

    Parameters
    ----------
    value : str, timedelta or Duration
        Such as "3d".
    name : str
        The argument, for the message.
    allow_zero : bool, default=True
        Whether it may be zero.

    Returns
    -------
    Duration
        The length.

    Raises
    ------
    ParameterTypeError, ParameterError
        When it is no length of time, is negative, or depends on the calendar.

    Examples
    --------
    >>> span_of("72h", "cooldown")
    Duration('3d')
    """
    length = duration(value, name=name, allow_zero=allow_zero)
    if length.fixed_us is None:
        raise ParameterError(
            message(
                f"{name}={str(length)!r} has no fixed length",
                "it is measured in weeks, days or shorter units",
                f"{name}='30d'",
            )
        )
    return length


def entries_of(
    values: Any, needed: tuple[str, ...], allowed: tuple[str, ...], *, what: str, fix: str
) -> dict[str, Any]:
    """Return the entries of a mapping, once their names are known to be right.

    Parameters
    ----------
    values : mapping
        What was given.
    needed, allowed : tuple of str
        Names that must be there, and further ones that may.
    what : str
        What it is, for the message.
    fix : str
        The line that shows how it is written.

    Returns
    -------
    dict
        A copy.

    Raises
    ------
    ParameterTypeError
        When it is no mapping.
    ParameterError
        When a name is missing or unknown; the nearest one is suggested.

    Examples
    --------
    >>> entries_of({"after": "7d"}, ("after",), ("owner",), what="an escalation", fix="")
    {'after': '7d'}
    """
    if not isinstance(values, Mapping):
        raise ParameterTypeError(message(f"{what} is {values!r}", "names with values were expected", fix))
    names = (*needed, *allowed)
    lacking = [name for name in needed if name not in values]
    strange = [name for name in values if name not in names]
    if lacking or strange:
        wrong = f"{what} has no {some(lacking)}" if lacking else f"{what} has an entry {strange[0]!r}"
        hint = "" if lacking else f" ({nearest(strange[0], names)})"
        raise ParameterError(message(f"{wrong}{hint}", f"{what} has {some(names, 20)}", fix))
    return dict(values)
