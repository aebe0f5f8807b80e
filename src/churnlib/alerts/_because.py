"""Texts with places for values: ``no visit for {any.recency:.0f} days``. Nothing but columns can stand there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from churnlib.exceptions import ParameterError, ParameterTypeError, message

__all__ = ["Place", "because_of", "parts_of", "shown"]

_LONGEST = 2_000
_SPEC = re.compile(r"(?P<width>[<>^]?\d{1,2})?(?P<comma>,)?(?P<digits>\.\d)?(?P<kind>[fgd%])?", re.ASCII)
_EXAMPLE = '"no visit for {any.recency:.0f} days"'
_UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Place:
    """A place for the value of a column.

    Attributes
    ----------
    name : str
        The column.
    spec : str
        How a number is written, such as ".0f"; empty for as few digits as it needs.
    """

    name: str
    spec: str


def because_of(given: Any) -> tuple[tuple[str, str], ...]:
    """Read a text, or texts by language, and check each.

    Parameters
    ----------
    given : str, mapping of str to str, tuple of (language, text), or None
        One text for every language, or one for each.

    Returns
    -------
    tuple of (language, text)
        In order of languages; "" stands for every other language.

    Raises
    ------
    ParameterTypeError
        When it is neither.
    ParameterError
        When a text cannot be read.

    Examples
    --------
    >>> because_of({"en": "{n} visits", "de": "{n} Besuche"})
    (('de', '{n} Besuche'), ('en', '{n} visits'))
    """
    if given is None:
        return ()
    texts = {"": given} if isinstance(given, str) else dict(given) if isinstance(given, tuple) else given
    if not isinstance(texts, Mapping) or not all(isinstance(entry, str) for pair in texts.items() for entry in pair):
        raise ParameterTypeError(
            message(f"because is {given!r}", "a text, or texts by language, was expected", f"because={_EXAMPLE}")
        )
    for text in texts.values():
        parts_of(text)
    return tuple(sorted(texts.items()))


def parts_of(text: str) -> tuple[str | Place, ...]:
    """Cut a text into what stands there and places for values.

    Parameters
    ----------
    text : str
        The text. ``{{`` and ``}}`` are braces.

    Returns
    -------
    tuple of str or Place
        In order.

    Raises
    ------
    ParameterError
        When a brace stands alone, a place names nothing, or its format is none of those known.

    Examples
    --------
    >>> parts_of("silent for {any.recency:.0f} days")
    ('silent for ', Place(name='any.recency', spec='.0f'), ' days')
    """
    if len(text) > _LONGEST or not _is_unicode(text):
        what = f"has {len(text):,} characters" if len(text) > _LONGEST else "is no valid Unicode"
        raise ParameterError(message(f"the text because {what}", f"at most {_LONGEST:,} are read", _EXAMPLE))
    parts: list[str | Place] = []
    here, literal = 0, ""
    while here < len(text):
        two, one = text[here : here + 2], text[here]
        if two in {"{{", "}}"}:
            literal, here = literal + one, here + 2
        elif one == "}":
            raise _wrong("a brace } closes nothing", text, here)
        elif one == "{":
            end = text.find("}", here)
            if end < 0:
                raise _wrong("a brace { is never closed", text, here)
            parts += [literal] * bool(literal)
            parts.append(_place(text, here, end))
            literal, here = "", end + 1
        else:
            literal, here = literal + one, here + 1
    return (*parts, *([literal] * bool(literal)))


def _place(text: str, start: int, end: int) -> Place:
    name, _, spec = text[start + 1 : end].partition(":")
    if not name.strip() or "{" in name + spec:
        raise _wrong("a place names no column", text, start)
    if name != name.strip() or "!" in name:
        raise _wrong(f"a place holds {name!r}, which is no name of a column", text, start)
    if _SPEC.fullmatch(spec) is None:
        raise _wrong(f"a place is written in the format {spec!r}", text, start)
    return Place(name, spec)


def _wrong(what: str, text: str, at: int) -> ParameterError:
    return ParameterError(
        message(
            f"at character {at + 1} of because, {what} ({text[at : at + 40]!r})",
            "a place is {column} or {column:format}, the format such as .0f, .1f, ,.2f, d or .0%; {{ is a brace",
            _EXAMPLE,
        )
    )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(place: Place) -> Callable[[Any], str]:
    """Return what writes the value of a place.

    Parameters
    ----------
    place : Place
        The place.

    Returns
    -------
    callable
        From a float, a text, a truth value, or None where it is missing, to a text.

    Examples
    --------
    >>> shown(Place("x", ".1f"))(2.25), shown(Place("x", ""))(30.0), shown(Place("x", ".0%"))(0.125)
    ('2.2', '30', '12%')
    """
    match = _SPEC.fullmatch(place.spec)
    assert match is not None
    whole = match["kind"] == "d"
    spec = place.spec[:-1] if whole else place.spec or "g"
    spec = spec if whole or match["kind"] or not place.spec else f"{spec}g" if not match["digits"] else f"{spec}f"

    def write(value: Any) -> str:
        if value is None or value != value:  # noqa: PLR0124 - NaN
            return _UNKNOWN
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return value
        if whole:
            return format(round(value), f"{spec}d")
        return format(value, ".15g" if not place.spec else spec)

    return write
