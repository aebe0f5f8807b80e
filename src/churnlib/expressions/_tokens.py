"""Text into tokens, each with its position; what is no part of the language is refused here."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from churnlib.exceptions import ParameterError, ParameterTypeError, message, nearest

__all__ = ["KEYWORDS", "MAX_CHARACTERS", "UNITS_US", "Token", "is_plain_name", "pointed", "quoted", "tokens"]

MAX_CHARACTERS = 2_000
"""The longest text that is read. A longer rule is several rules."""

KEYWORDS = frozenset({"and", "between", "false", "in", "is", "missing", "not", "or", "true"})

UNITS_US = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
"""Fixed lengths of time in microseconds. Months and years are none: they depend on the calendar."""

_PLAIN_NAME = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*"
# The alternatives begin with different characters, and none holds a repetition inside a repetition of the
# same characters: the time to read a text grows with its length and no faster.
_TOKEN = re.compile(
    rf"""(?P<space>[ \t\r\n]+)
    |(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)(?P<unit>[A-Za-z_][A-Za-z0-9_]*)?
    |(?P<name>{_PLAIN_NAME})
    |(?P<quote>["'`])
    |(?P<mark><=|>=|==|!=|[<>+\-*/(),])
    """,
    re.VERBOSE | re.ASCII,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "`": "`"}
_WRITTEN = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\"}
_CODE_POINT = re.compile(r"\{([0-9a-fA-F]{1,6})\}")
# What people, word processors and keyboards for Chinese put where an operator is meant.
_MEANT = {
    "=": "==", "&": "and", "&&": "and", "|": "or", "||": "or", "!": "not", "<>": "!=", "≤": "<=", "≥": ">=",
    "≠": "!=", "×": "*", "÷": "/", "−": "-", "–": "-", "“": '"', "”": '"', "\u2018": "'", "’": "'", "（": "(",
    "）": ")", "\uff0c": ",", "\uff1c": "<", "\uff1e": ">", "＝": "==", "=>": ">=", "=<": "<=",
}  # fmt: skip
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LOOK_ALIKE = ("ARMENIAN", "CHEROKEE", "CYRILLIC", "FULLWIDTH LATIN", "GREEK", "MATHEMATICAL")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text.

    Attributes
    ----------
    kind : {"number", "duration", "name", "text", "keyword", "mark", "end"}
        What it is. A quoted name is a name, whatever it holds.
    value : str, float or int
        The word or mark; the number; microseconds of a duration.
    at : int
        Position of its first character.
    end : int
        Position behind its last character.
    """

    kind: str
    value: str | float | int
    at: int
    end: int

    def is_(self, *words: str) -> bool:
        """Whether this is one of these marks or keywords."""
        return self.kind in {"mark", "keyword"} and self.value in words


def tokens(text: str) -> list[Token]:
    """Cut a text into tokens.

    Parameters
    ----------
    text : str
        At most 2,000 characters.

    Returns
    -------
    list of Token
        Without the spaces; an "end" token last.

    Raises
    ------
    ParameterTypeError
        When it is not a text.
    ParameterError
        When it is too long, or holds what is no part of the language.

    Examples
    --------
    >>> [token.value for token in tokens("order.n_30d >= 2")]
    ['order.n_30d', '>=', 2.0, '']
    """
    if not isinstance(text, str):
        raise ParameterTypeError(
            message(f"the expression is a {type(text).__name__}", "a text was expected", "'recency_days >= 30'")
        )
    if len(text) > MAX_CHARACTERS:
        raise ParameterError(
            message(
                f"the expression has {len(text):,} characters",
                f"at most {MAX_CHARACTERS:,} are read",
                "split it into several expressions, or compute a column for it first",
            )
        )
    found = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise pointed(text, at, *_unknown(text, at))
        token = _token(text, match)
        if token is not None:
            found.append(token)
        at = token.end if token is not None else match.end()
    return [*found, Token("end", "", len(text), len(text))]


def _token(text: str, match: re.Match[str]) -> Token | None:
    at, end = match.span()
    if match["number"] is not None:
        return _number(text, match)
    if match["name"] is not None:
        word = match["name"]
        if word.startswith("__") or ".__" in word:
            raise pointed(
                text, at, f"the name {_short(word)} begins with two underscores",
                "such names belong to Python, and a column seldom has one", f"`{_short(word)}` if it is a column",
            )  # fmt: skip
        return Token("keyword" if word in KEYWORDS else "name", word, at, end)
    if match["quote"] is not None:
        return _quoted(text, at)
    if match["mark"] is not None:
        return Token("mark", match["mark"], at, end)
    return None


def _number(text: str, match: re.Match[str]) -> Token:
    digits, unit = match["number"], match["unit"]
    at, end = match.span()
    if unit is None:
        value = float(digits)
        if value == float("inf") or (digits.isdecimal() and int(digits) > 2**53):
            raise pointed(
                text, at, f"{_short(digits)} has more digits than a number keeps",
                "whole numbers up to 2**53 are exact", "an id is a text: write it in quotes",
            )  # fmt: skip
        return Token("number", value, at, end)
    if unit not in UNITS_US:
        raise pointed(text, match.start("unit"), *_no_unit(digits, unit))
    if not digits.isdecimal() or len(digits) > 12:
        raise pointed(
            text, at, f"{_short(digits)}{unit} is no whole number of {unit}",
            "a length of time is a whole number, of at most 12 digits, and a unit", "36h for a day and a half",
        )  # fmt: skip
    return Token("duration", int(digits) * UNITS_US[unit], at, end)


def _no_unit(digits: str, unit: str) -> tuple[str, str, str]:
    if unit in {"mo", "y", "M", "m", "month", "months", "year", "years"}:
        return (
            f"{digits}{_short(unit)} is no fixed length of time",
            "a calendar month or year has no fixed number of days",
            f"{digits}d for days, {digits}w for weeks, {digits}min for minutes",
        )
    return (
        f"{_short(unit)!r} behind the number {_short(digits)} is no unit ({nearest(unit, list(UNITS_US))})",
        "a length of time is a whole number and a unit, and a name does not begin with a digit",
        "30d for days, or `30x` in backticks for a column of that name",
    )


def _quoted(text: str, at: int) -> Token:
    """Read a text in quotes, or a name in backticks, up to its closing quote."""
    quote, here = text[at], at + 1
    read: list[str] = []
    typed: list[tuple[str, int]] = []  # as it stands in the text: a space for what is written by its number
    while here < len(text) and text[here] != quote:
        if text[here] == "\\":
            character, following = _escape(text, here)
            typed.append((" ", here))
        else:
            character, following = text[here], here + 1
            typed.append((character, here))
            if unicodedata.category(character) in _INVISIBLE:
                raise pointed(text, here, *_invisible(character, rf"\u{{{ord(character):x}}} if it is meant"))
        read.append(character)
        here = following
    if here >= len(text):
        closed = "`plan name`" if quote == "`" else f"{quote}basic{quote}"
        raise pointed(text, at, f"the quote {quote} is never closed", "what a quote opens, the same one ends", closed)
    value, mixed = "".join(read), _mixed_at("".join(character for character, _ in typed))
    if mixed >= 0:
        raise pointed(text, typed[mixed][1], *_confusable(value[mixed]))
    if quote == "`" and not value:
        raise pointed(text, at, "the name in backticks is empty", "the name of a column was expected", "`plan name`")
    return Token("name" if quote == "`" else "text", value, at, here + 1)


def _escape(text: str, at: int) -> tuple[str, int]:
    letter = text[at + 1 : at + 2]
    if letter in _ESCAPES:
        return _ESCAPES[letter], at + 2
    match = _CODE_POINT.match(text, at + 2) if letter == "u" else None
    code = int(match[1], 16) if match else -1
    if match is None or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise pointed(
            text, at, f"the backslash stands before {letter!r}",
            r"\\, \", \', \`, \n, \t, \r and \u{20ac} are what a backslash begins", r"\\ for a backslash",
        )  # fmt: skip
    return chr(code), match.end()


def _mixed_at(value: str) -> int:
    """Return where a word mixes Latin letters with Cyrillic or Greek ones that look like them; -1 if none does."""
    if value.isascii():
        return -1
    for word in re.finditer(r"[^\W\d_]+", value):
        names = [unicodedata.name(letter, "") for letter in word[0]]
        if any(name.startswith("LATIN") for name in names):
            for place, name in enumerate(names):
                if name.startswith(_LOOK_ALIKE):
                    return word.start() + place
    return -1


def _unknown(text: str, at: int) -> tuple[str, str, str]:
    character = text[at]
    pair = text[at : at + 2]
    meant = _MEANT.get(pair if pair in _MEANT else character) or unicodedata.normalize("NFKC", character)
    if unicodedata.category(character) in _INVISIBLE:
        return _invisible(character, "take it out")
    shown = f"{character!r} ({_called(character)})" if not character.isascii() else repr(character)
    if character == "[" and re.search(r"\bin\s*$", text[:at]):
        fix = "a in ('b', 'c')"
    elif meant == character or not meant.isascii():
        fix = "`name` in backticks for a column, 'text' in quotes for a text"
    else:
        fix = f"write {meant}"
    return f"{shown} is no part of the language", "names, numbers, quoted texts and operators are", fix


def _invisible(character: str, fix: str) -> tuple[str, str, str]:
    called = f"U+{ord(character):04X} ({_called(character)})"
    return f"{called} cannot be seen", "every character of an expression is visible", fix


def _confusable(character: str) -> tuple[str, str, str]:
    return (
        f"{character!r} ({_called(character)}) stands among Latin letters and looks like one",
        "the letters of a word are of one script",
        rf"type the word again, or write \u{{{ord(character):x}}} if it is meant",
    )


def _called(character: str) -> str:
    return unicodedata.name(character, f"U+{ord(character):04X}").lower()


def is_plain_name(name: str) -> bool:
    """Whether a name needs no backticks.

    Parameters
    ----------
    name : str
        The name of a column.

    Returns
    -------
    bool
        True for ASCII letters, digits, underscores and dots, in that order of a name, and no keyword.

    Examples
    --------
    >>> is_plain_name("order.n_30d"), is_plain_name("plan name"), is_plain_name("missing")
    (True, False, False)
    """
    dunder = name.startswith("__") or ".__" in name
    return re.fullmatch(_PLAIN_NAME, name, re.ASCII) is not None and name not in KEYWORDS and not dunder


def quoted(value: str, quote: str) -> str:
    r"""Return a value in quotes, so that `tokens` reads the same value back.

    Parameters
    ----------
    value : str
        Any text that is valid Unicode.
    quote : str
        The quote to put around it.

    Returns
    -------
    str
        What cannot be seen, or could be taken for another letter, is written by its number.

    Examples
    --------
    >>> print(quoted('5" screen', '"'))
    "5\" screen"
    """
    mixed = _mixed_at(value) >= 0
    return quote + "".join(_written(character, quote, mixed=mixed) for character in value) + quote


def _written(character: str, quote: str, *, mixed: bool) -> str:
    if character in _WRITTEN:
        return _WRITTEN[character]
    if character == quote:
        return f"\\{quote}"
    hidden = unicodedata.category(character) in _INVISIBLE
    if hidden or (mixed and unicodedata.name(character, "").startswith(_LOOK_ALIKE)):
        return f"\\u{{{ord(character):x}}}"
    return character


def pointed(text: str, at: int, wrong: str, expected: str, fix: str = "") -> ParameterError:
    """Return an error whose message ends with the text and a caret under a position.

    Parameters
    ----------
    text : str
        The whole expression.
    at : int
        The position meant.
    wrong, expected, fix : str
        The three parts of a message.

    Returns
    -------
    ParameterError
        To be raised.

    Examples
    --------
    >>> print(pointed("a = 1", 2, "'=' is no part of the language", "", "write =="))
    at character 3: '=' is no part of the language.
    Fix: write ==
        a = 1
          ^
    """
    return ParameterError(f"{message(f'at character {at + 1}: {wrong}', expected, fix)}\n{excerpt(text, at)}")


def excerpt(text: str, at: int) -> str:
    """Return the neighbourhood of a position on one line, and a caret under the position on the next."""
    start, end = max(0, at - 50), min(len(text), at + 30)
    shown = ["…" if start else "", *(_plain(letter) for letter in text[start:end]), "…" if end < len(text) else ""]
    before = "".join(shown[: at - start + 1])
    return f"    {''.join(shown)}\n    {' ' * sum(map(_width, before))}^"


def _plain(letter: str) -> str:
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(letter) in _INVISIBLE - {"Cc"} else (
        " " if unicodedata.category(letter) == "Cc" else letter
    )  # fmt: skip


def _width(letter: str) -> int:
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1 - bool(unicodedata.combining(letter))


def _short(digits: str) -> str:
    return digits if len(digits) <= 24 else f"{digits[:20]}…"
