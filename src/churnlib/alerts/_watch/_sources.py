"""Where events come from: the contract of a source, and how a line of JSON is read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, NoReturn, Protocol, TypeAlias, runtime_checkable

from churnlib._checks import check_number
from churnlib.exceptions import DataError, ParameterError, message

__all__ = ["BadLine", "OnBad", "Source", "Taken", "check_on_bad", "check_timeout", "event_of"]

MAX_LINE = 1 << 20
"""The longest line that is read, in bytes: no event is a megabyte."""

_DEEPEST = 100
"""How many objects and lists may lie within one another: each step of reading and writing one takes room of its own."""


class Taken(NamedTuple):
    """An event and where to go on after it.

    Attributes
    ----------
    event : dict
        Values by key.
    offset : int
        What `offset=` wants to go on behind this event.

    Examples
    --------
    >>> Taken({"customer_id": 7}, 19).offset
    19
    """

    event: dict[str, Any]
    offset: int


class BadLine(NamedTuple):
    """A line that is no event.

    Attributes
    ----------
    number : int
        Which line it is, counted from 1.
    text : str
        The line, at most 1,000 characters of it.
    reason : str
        What is wrong with it.

    Examples
    --------
    >>> BadLine(3, "{", "no JSON").number
    3
    """

    number: int
    text: str
    reason: str


OnBad: TypeAlias = str | Callable[[BadLine], object]
"""What to do with a line that is no event: "error", or a function that is given it."""


@runtime_checkable
class Source(Protocol):
    """Whatever gives events, each with the offset to go on from after it.

    `poll` gives those that are there, and waits at most so long for the first one; to iterate is
    to poll until the source has ended. An offset that was stored with the effect of its event makes
    a restart go on behind it.

    Attributes
    ----------
    offset : int
        Behind the last event given.
    ended : bool
        Whether no more will come.

    Examples
    --------
    >>> class Listed:
    ...     offset, ended = 0, False
    ...
    ...     def poll(self, timeout=0.0):
    ...         self.offset, self.ended = 1, True
    ...         return [Taken({"customer_id": 7}, 1)]
    ...
    ...     def __iter__(self):
    ...         yield from self.poll()
    >>> isinstance(Listed(), Source)
    True
    """

    offset: int
    ended: bool

    def poll(self, timeout: float = 0.0) -> list[Taken]:
        """Return the events that are there, or that come within so many seconds."""

    def __iter__(self) -> Iterator[Taken]:
        """Yield events until the source has ended."""


def check_on_bad(on_bad: Any) -> OnBad:
    """Return what to do with bad lines, once it is known to be something that can be done."""
    if on_bad == "error" or callable(on_bad):
        found: OnBad = on_bad
        return found
    raise ParameterError(
        message(f"on_bad is {str(on_bad)[:40]!r}", "'error' or a function was expected", "on_bad=bad.append")
    )


def check_timeout(timeout: Any) -> float:
    """Return the seconds to wait, once it is known that they end."""
    return check_number(timeout, name="timeout", low=0.0)


def event_of(line: bytes) -> dict[str, Any] | str:
    """Read a line: an event, or what is wrong with it.

    Parameters
    ----------
    line : bytes
        Without its end.

    Returns
    -------
    dict or str
        The event, or the reason why it is none.

    Examples
    --------
    >>> event_of(b'{"customer_id": 7}'), event_of(b"[7]")
    ({'customer_id': 7}, 'a list and no object')
    """
    if len(line) > MAX_LINE:
        return f"longer than {MAX_LINE:,} bytes"
    try:
        found = json.loads(line.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_finite)
        if line.count(b"[") + line.count(b"{") > _DEEPEST and _is_deep(found):
            return "nested too deeply"
        if b"\\u" in line:  # a half of a pair is no character: no file and no receiver would take it
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeError:
        return "no UTF-8"
    except RecursionError:
        return "nested too deeply"
    except ValueError as error:
        return f"no JSON ({error})"
    return found if isinstance(found, dict) else f"a {type(found).__name__} and no object"


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is larger than any number")
    return number


def _is_deep(found: Any) -> bool:
    """Whether more values lie within one another than can be written again whatever stands around them."""
    level = [found]
    for _ in range(_DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    return bool(level)


def report(on_bad: OnBad, line: bytes, number: int, reason: str, where: str) -> None:
    """Raise for a line that is no event, or give it to the function that wants to know."""
    bad = BadLine(number, line[:1000].decode("utf-8", "replace"), reason)
    if callable(on_bad):
        on_bad(bad)
        return
    raise DataError(
        message(
            f"line {number:,} of {where} is {reason} ({bad.text[:60]!r})",
            "one event in each line, an object of JSON, was expected",
            "on_bad=bad.append keeps such lines apart and goes on",
        )
    )
