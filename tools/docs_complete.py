"""Every public name has a docstring with an example, and stands in the reference.

    python -m tools.docs_complete

Public is what a room declares in ``__all__``, and every method and property of
such a class. An error class needs no example of its own: what raises it has one.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.source import ROOT, public_names, report, rooms

REFERENCE = ROOT / "docs" / "reference"


def problems() -> list[str]:
    """Say each public name that lacks a docstring, an example or a place in the reference."""
    found = []
    for room in rooms():
        if not hasattr(room, "__all__"):
            found.append(f"{room.__name__}: declares no __all__, so nobody can tell what is public")
        for name, value in public_names(room):
            found += [f"{room.__name__}.{name}: {text}" for text in lacking(value)]
        found += listing(room.__name__, [name for name, _ in public_names(room)])
    return found


def lacking(value: object) -> Iterator[str]:
    """Say what the docstring of one public name lacks."""
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return
    text = inspect.getdoc(value) or ""
    if not text:
        yield "has no docstring"
    elif not _is_error(value) and ">>>" not in text.partition("Examples\n---")[2]:
        yield "has no section Examples with a line that runs (>>>)"
    if inspect.isclass(value):
        for method in _undocumented(value):
            yield f"its method or property {method} has no docstring"


def _is_error(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, BaseException)


def _undocumented(cls: type) -> Iterator[str]:
    for name, member in vars(cls).items():
        plain = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if name.startswith("_") or not (inspect.isfunction(plain) or isinstance(plain, property)):
            continue
        # An override may leave the words to the class it follows.
        if not inspect.getdoc(getattr(cls, name)):
            yield name


def listing(room: str, names: list[str], folder: Path = REFERENCE) -> Iterator[str]:
    """Say what the reference page of one room leaves out, and what it lists that is gone."""
    page = folder / f"{room.rpartition('.')[2]}.rst"
    if not page.exists():
        yield f"{room}: docs/reference/{page.name} is missing"
        return
    listed = set(re.findall(r"^ {3}(\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE))
    for name in sorted(set(names) - listed):
        yield f"{room}.{name}: is not listed in docs/reference/{page.name}"
    for name in sorted(listed - set(names)):
        yield f"docs/reference/{page.name}: lists {name}, which {room} does not have"


if __name__ == "__main__":
    sys.exit(
        report(
            "docs_complete",
            problems(),
            "Write the docstring so that it teaches (what it assumes, units, sign), with an example that runs; "
            "then name it in its room's page.",
        )
    )
