"""A public name without docstring, example or place in the reference is found."""

from __future__ import annotations

from pathlib import Path

from tools import docs_complete


class Complete:
    """Teach.

    Examples
    --------
    >>> 1
    1
    """

    def fit(self) -> None:
        """Say what."""


class Follows(Complete):
    """Teach.

    Examples
    --------
    >>> 1
    1
    """

    def fit(self) -> None: ...


class Bare:
    def fit(self) -> None: ...

    @property
    def size(self) -> int:
        return 1


class OwnError(ValueError):
    """No example is asked of an error."""


def promises() -> None:
    """Teach.

    Examples
    --------
    As everyone knows.
    """


def test_what_is_complete_passes() -> None:
    for value in (Complete, Follows, OwnError, 1.0, ("a",)):
        assert list(docs_complete.lacking(value)) == []


def test_what_is_lacking_is_said() -> None:
    assert list(docs_complete.lacking(Bare)) == [
        "has no docstring",
        "its method or property fit has no docstring",
        "its method or property size has no docstring",
    ]
    assert list(docs_complete.lacking(promises)) == ["has no section Examples with a line that runs (>>>)"]


def test_a_page_lists_what_exists(tmp_path: Path) -> None:
    assert list(docs_complete.listing("churnlib.events", ["EventLog"], tmp_path)) == [
        "churnlib.events: docs/reference/events.rst is missing"
    ]
    (tmp_path / "events.rst").write_text(
        ".. autosummary::\n   :toctree: generated\n\n   EventLog\n   Gone\n", encoding="utf-8"
    )
    assert list(docs_complete.listing("churnlib.events", ["EventLog", "Contracts"], tmp_path)) == [
        "churnlib.events.Contracts: is not listed in docs/reference/events.rst",
        "docs/reference/events.rst: lists Gone, which churnlib.events does not have",
    ]


def test_the_reference_is_complete() -> None:
    assert docs_complete.problems() == []
