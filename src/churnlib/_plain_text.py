"""Plain values as JSON and TOML, and back, with limits on what is read: what rules and actions are written as."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from churnlib.exceptions import ChurnlibError, ParameterError, ParameterTypeError, message

__all__ = ["MAX_CHARACTERS", "MAX_ENTRIES", "from_json_text", "from_toml_text", "json_text", "toml_text", "too_many"]

MAX_CHARACTERS = 2_000_000
"""The longest text that is read."""

MAX_ENTRIES = 1_000
"""How many rules, or actions, one text may hold."""

_DEEPEST = 20
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_QUOTED = re.compile(r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_QUOTE = re.compile("[\"']")
_MARKS = re.compile(r"[=,{}\[\]\n]")


def from_json_text(text: Any, what: str = "rules") -> dict[str, Any]:
    """Read JSON of an object.

    Parameters
    ----------
    text : str
        At most 2 million characters.
    what : str, default="rules"
        What it holds, for messages.

    Returns
    -------
    dict
        Plain values.

    Raises
    ------
    ParameterTypeError
        When it is no text.
    ParameterError
        When it is too long or too deep, or no JSON of an object.

    Examples
    --------
    >>> from_json_text('{"rule": []}')
    {'rule': []}
    """
    _check_size(text, "JSON", what)
    _check_depth(text, "JSON", what)
    try:
        body = json.loads(text, parse_constant=_no_number, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        if isinstance(error, ChurnlibError):
            raise
        raise _unreadable("JSON", what, error) from None
    return _table(body, "JSON", what)


def from_toml_text(text: Any, what: str = "rules") -> dict[str, Any]:
    r"""Read TOML.

    Parameters
    ----------
    text : str
        At most 2 million characters.
    what : str, default="rules"
        What it holds, for messages.

    Returns
    -------
    dict
        Plain values.

    Raises
    ------
    ParameterTypeError
        When it is no text.
    ParameterError
        When it is too long or too deep, or no TOML.

    Examples
    --------
    >>> from_toml_text('[[rule]]\nid = "no-visit"')
    {'rule': [{'id': 'no-visit'}]}
    """
    _check_size(text, "TOML", what)
    _check_depth(text, "TOML", what)
    if text.count("[[") > 2 * MAX_ENTRIES:
        raise too_many(text.count("[["), what)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable("TOML", what, error) from None


def json_text(body: Mapping[str, Any]) -> str:
    """Write plain values as JSON for people.

    Parameters
    ----------
    body : mapping
        Plain values.

    Returns
    -------
    str
        With one line for each value.

    Examples
    --------
    >>> print(json_text({"a": 1}))
    {
     "a": 1
    }
    """
    return json.dumps(body, ensure_ascii=False, indent=1)


def toml_text(body: Mapping[str, Any]) -> str:
    """Write plain values as TOML: values, then tables, then lists of tables.

    Parameters
    ----------
    body : mapping
        Texts, numbers, truth values, lists and mappings.

    Returns
    -------
    str
        TOML that reads back to equal values.

    Examples
    --------
    >>> print(toml_text({"schema_version": 1, "units": {"any.recency": "days"}, "rule": [{"id": "a", "of": [2, 3]}]}))
    schema_version = 1
    <BLANKLINE>
    [units]
    "any.recency" = "days"
    <BLANKLINE>
    [[rule]]
    id = "a"
    of = [2, 3]
    <BLANKLINE>
    """
    tables = [name for name, value in body.items() if isinstance(value, Mapping)]
    lists = [name for name, value in body.items() if _is_list_of_tables(value)]
    plain = [name for name in body if name not in tables and name not in lists]
    blocks = ["\n".join(f"{_key(name)} = {_value(body[name])}" for name in plain)]
    blocks += [f"[{_key(name)}]\n{_lines(body[name])}" for name in tables]
    blocks += [f"[[{_key(name)}]]\n{_lines(entry)}" for name in lists for entry in body[name]]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(entry, Mapping) for entry in value)


def _lines(table: Mapping[str, Any]) -> str:
    return "\n".join(f"{_key(name)} = {_value(value)}" for name, value in table.items())


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _text(name)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case Mapping():
            return "{ " + ", ".join(f"{_key(name)} = {_value(entry)}" for name, entry in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(_value(entry) for entry in value) + "]"
    return _text(value)


def _text(value: str) -> str:
    # JSON's escapes are TOML's, but TOML takes no bare DEL
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _check_size(text: Any, form: str, what: str) -> None:
    if not isinstance(text, str):
        raise ParameterTypeError(
            message(f"the {what} are a {type(text).__name__}", f"{form} as a text was expected", "path.read_text()")
        )
    if len(text) > MAX_CHARACTERS:
        raise ParameterError(
            message(
                f"the {what} have {len(text):,} characters", f"at most {MAX_CHARACTERS:,} are read", "several texts"
            )
        )


def _check_depth(text: str, form: str, what: str) -> None:
    """Refuse brackets inside brackets, and dotted keys, that nothing here needs: parsers climb them one by one."""
    bare = _outside_quotes(text)
    depth = deepest = 0
    for mark in re.findall(r"[\[\]{}]", bare):
        depth = depth + 1 if mark in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    dotted = form == "TOML" and any(piece.count(".") > _DEEPEST for piece in _MARKS.split(bare))
    if deepest > _DEEPEST or dotted:
        level = f"{deepest:,} levels of brackets" if deepest > _DEEPEST else f"a name of more than {_DEEPEST} parts"
        raise ParameterError(
            message(f"the {form} has {level}", f"{what} need no more than {_DEEPEST}", "look at what wrote it")
        )


def _outside_quotes(text: str) -> str:
    """Return a text without what stands in quotes, where any number of brackets and dots may stand."""
    parts, here = [], 0
    while (quote := _QUOTE.search(text, here)) is not None:
        parts.append(text[here : quote.start()])
        closed = _QUOTED.match(text, quote.start())
        if closed is None:  # no parser reads on from here, and to look for further quotes would take the square of it
            return "".join(parts)
        here = closed.end()
    return "".join([*parts, text[here:]])


def _table(body: Any, form: str, what: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ParameterError(
            message(
                f"the {form} holds a {type(body).__name__}",
                f"an object with {what} was expected",
                "look at what wrote it",
            )
        )
    return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ParameterError(
            message(f"the JSON names {twice!r} twice in one object", "names are distinct", "rename one")
        )
    return found


def _no_number(text: str) -> Any:
    raise ParameterError(message(f"the JSON holds {text}, which is no number", "finite numbers", "1.0"))


def _unreadable(form: str, what: str, error: Exception) -> ParameterError:
    said = "too deep" if isinstance(error, RecursionError) else str(error)[:80]
    return ParameterError(
        message(f"the text is no {form} ({said})", f"{what} as text were expected", "look at the place")
    )


def too_many(count: int, what: str) -> ParameterError:
    """Return the error of a text with more entries than anyone can own."""
    return ParameterError(
        message(f"there are {count:,} {what}", f"a set holds at most {MAX_ENTRIES:,}", "several sets")
    )
