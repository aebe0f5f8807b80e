"""The house has floors: a file imports from lower floors or from its own room, and never in a circle.

    python -m tools.floors

Imports under ``if TYPE_CHECKING:`` may look up to a higher floor, because they do
not run. For the same reason they may close a circle inside one room, where the file
of a class and the files of its methods name each other; between rooms they may not.
Imports inside functions are held to the floors too, but cannot close a circle.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.source import SOURCE, modules, parse, report

FLOORS: dict[str, int] = {
    "_version": 0,
    "exceptions": 0,
    "_typing": 0,
    "_sklearn": 0,
    "_show_versions": 1,
    "_checks": 1,
    "_frames": 1,
    "_ids": 1,
    "_plain_text": 1,
    "_through": 1,
    "calendar": 2,
    "numerics": 2,
    "expressions": 2,
    "events": 3,
    "targets": 3,
    "economics": 3,
    "_fields": 3,
    "outcomes": 4,
    "features": 4,
    "snapshots": 5,
    "metrics": 5,
    "datasets": 5,
    "model_selection": 6,
    "segmentation": 7,
    "clv": 7,
    "survival": 7,
    "classification": 7,
    "reasons": 7,
    "uplift": 7,
    "alerts": 8,
    "experiments": 8,
    "evaluation": 8,
    "policy": 9,
    "monitoring": 10,
    "engines": 10,
    "plotting": 10,
    "reporting": 11,
    "testing": 11,
}
"""The floor of each room; DESIGN calls them so. A new room gets its floor here first."""

FRONT_DOOR = 12
SINGLE_FILES = 1
"""Up to this floor there are no rooms, only files; they may use each other, but not in a circle."""


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement that reaches into the package."""

    source: str
    target: str
    line: int
    type_only: bool
    inside_function: bool


class _Reader(ast.NodeVisitor):
    """Collects the imports of one module that stay inside the package."""

    def __init__(self, name: str, *, is_package: bool, known: dict[str, Path]) -> None:
        self.name = name
        self.known = known
        self.root = name.partition(".")[0]
        self.parent = name if is_package else name.rpartition(".")[0]
        self.found: list[Import] = []
        self._type_only = False
        self._depth = 0

    def visit_If(self, node: ast.If) -> None:
        before = self._type_only
        self._type_only = before or "TYPE_CHECKING" in {getattr(node.test, "id", ""), getattr(node.test, "attr", "")}
        for child in node.body:
            self.visit(child)
        self._type_only = before
        for child in node.orelse:
            self.visit(child)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = self._absolute(node)
        for alias in node.names:
            below = f"{base}.{alias.name}"
            self._add(below if below in self.known else base, node.lineno)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.parent.split(".")
        kept = parts[: len(parts) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])

    def _add(self, target: str, line: int) -> None:
        if target.partition(".")[0] == self.root and target != self.name:
            self.found.append(Import(self.name, target, line, self._type_only, self._depth > 0))


def imports(package: Path = SOURCE) -> list[Import]:
    """Every import from one module of the package to another."""
    known = modules(package)
    found: list[Import] = []
    for name, path in known.items():
        reader = _Reader(name, is_package=path.name == "__init__.py", known=known)
        reader.visit(parse(path))
        found.extend(reader.found)
    return found


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _floor(module: str) -> int | None:
    room = _room(module)
    return FLOORS.get(room) if room else FRONT_DOOR


def _wrong_way(edge: Import) -> str | None:
    here, there = _floor(edge.source), _floor(edge.target)
    if here is None or there is None:
        room = _room(edge.source if here is None else edge.target)
        return f"{edge.source}:{edge.line}: the room {room!r} has no floor yet; give it one in tools/floors.py"
    if edge.type_only or _room(edge.source) == _room(edge.target) or there < here:
        return None
    if here == there <= SINGLE_FILES:
        return None
    where = "a room of the same floor" if here == there else "a higher floor"
    return f"{edge.source}:{edge.line}: floor {here} imports {edge.target} (floor {there}), {where}"


def circles(edges: list[Import]) -> Iterator[list[str]]:
    """Yield each circle of module-level imports once, as the modules along it."""
    graph: dict[str, set[str]] = {}
    for edge in edges:
        inside_room = _room(edge.source) == _room(edge.target)
        if not edge.inside_function and not (edge.type_only and inside_room):
            graph.setdefault(edge.source, set()).add(edge.target)
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> Iterator[list[str]]:
        if module in path:
            yield path[path.index(module) :] + [module]
            return
        if module in done:
            return
        for following in sorted(graph.get(module, ())):
            yield from walk(following, [*path, module])
        done.add(module)

    for module in sorted(graph):
        yield from walk(module, [])


def problems(package: Path = SOURCE) -> list[str]:
    """Say each import that goes the wrong way, and each circle."""
    edges = imports(package)
    wrong = [text for text in map(_wrong_way, edges) if text]
    return wrong + [f"a circle: {' -> '.join(circle)}" for circle in circles(edges)]


if __name__ == "__main__":
    sys.exit(
        report(
            "floors",
            problems(),
            "Move what is shared to a lower floor, or pass the fitted object in as an argument; "
            "inside a room import from the file (`room._file`), not from the room.",
        )
    )
