"""What the other tools share: where the sources lie, and which public names they declare."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "churnlib"


def modules(package: Path = SOURCE) -> dict[str, Path]:
    """Every module of a package by its dotted name; a package is known by its own name."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = [package.name, *path.relative_to(package).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def rooms() -> Iterator[ModuleType]:
    """Import and yield the public modules and packages right below the front door."""
    for info in pkgutil.iter_modules([str(SOURCE)]):
        if not info.name.startswith("_"):
            yield importlib.import_module(f"churnlib.{info.name}")


def public_names(room: ModuleType) -> list[tuple[str, object]]:
    """Return the names a room declares in ``__all__``, with what they stand for."""
    return [(name, getattr(room, name)) for name in getattr(room, "__all__", ())]


def report(tool: str, problems: Iterable[str], lesson: str) -> int:
    """Print each problem and then what to do about it; the exit code is 1 when there is any."""
    listed = list(problems)
    for problem in listed:
        print(problem)
    if listed:
        print(f"\n{tool}: {len(listed)} to mend. {lesson}", file=sys.stderr)
    return 1 if listed else 0
