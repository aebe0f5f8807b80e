"""A name that a submodule shadows, or that works only once, is found; churnlib has none."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.package import write_package
from tools import call_twice

DOOR = """
import importlib

__all__ = ["look"]

def __getattr__(name):
    if name == "look":
        return getattr(importlib.import_module("shadow._home"), name)
    raise AttributeError(name)
"""

HOME = '''
seen = []

def look():
    """Look.

    Examples
    --------
    >>> from shadow._home import look
    >>> {call}
    """
    seen.append(1)
    return len(seen)
'''


@pytest.fixture
def shadow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "shadow"]:
        del sys.modules[name]


def problems(folder: Path, files: dict[str, str]) -> list[str]:
    write_package(folder, {"__init__.py": DOOR, **files}, name="shadow")
    return call_twice.problems(importlib.import_module("shadow"))


def test_a_shadowed_name_is_said(shadow: Path) -> None:
    files = {"_home.py": HOME.format(call="look() > 0\n    True"), "look.py": ""}
    assert problems(shadow, files) == ["look: is another object once every submodule is imported"]


def test_an_example_that_works_once_is_said(shadow: Path) -> None:
    (said,) = problems(shadow, {"_home.py": HOME.format(call="look()\n    1")})
    assert said.startswith("look: its example fails the second time")


def test_an_example_that_calls_something_else_is_said(shadow: Path) -> None:
    assert problems(shadow, {"_home.py": HOME.format(call="1\n    1")}) == ["look: no example calls it"]


def test_a_good_name_passes(shadow: Path) -> None:
    assert problems(shadow, {"_home.py": HOME.format(call="look() > 0\n    True")}) == []


def test_churnlib_answers_twice() -> None:
    assert call_twice.problems() == []
