"""In the closed loop the policy knows nothing of the world's truth, and the world nothing of policies.

    python -m tools.closed_loop_apart

A simulated policy is judged by a truth that it must not see. Two things could spoil that, and nobody would notice: a
policy that reads the truth, and a value function that both sides share, so that the world confirms what the policy
believes.
Hence two rules, both read from the source:

- Everything that the policy uses, from the class or function named in ``POLICIES`` on through all that it uses in its
  file, names no world, imports nothing of ``churnlib.datasets`` but ``RetentionView``, and touches no private name and
  no attribute in ``HIDDEN``.
- No file of the world imports from a room in ``APART``, nor does anything that it imports.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.floors import imports
from tools.source import ROOT, SOURCE, parse, report

POLICIES: dict[str, tuple[str, ...]] = {"examples/closed_loop.py": ("RetentionTeam",)}
"""Where policies of the closed loop are written, and what they are called there."""

WORLD = "datasets._retention_world"
APART = ("uplift", "policy", "economics", "experiments", "classification", "clv", "survival", "metrics", "evaluation")
SEEN = frozenset({"RetentionView"})
"""What a policy may know of the room in which the world is: the type of what it is shown."""

HIDDEN = frozenset({"truth", "oracle", "profit", "again", "parameters", "step"})
"""Attributes that belong to the judge, and reach what a firm cannot know or do."""

_DYNAMIC = frozenset({"getattr", "vars", "globals", "locals", "eval", "exec", "__import__", "import_module"})


def problems(policies: dict[str, tuple[str, ...]] = POLICIES, root: Path = ROOT, package: Path = SOURCE) -> list[str]:
    """Say each place where the policy or the world reaches over to the other side."""
    found = [text for file, names in policies.items() for text in _policy_problems(root / file, file, names)]
    return found + list(_world_problems(package))


def _policy_problems(path: Path, file: str, names: tuple[str, ...]) -> Iterator[str]:
    tree = parse(path)
    known = _definitions(tree)
    for name in names:
        if name not in known:
            yield f"{file}: there is no policy {name!r} in it"
    imported = _imported(tree)
    for name in _reached(known, [name for name in names if name in known]):
        for node in ast.walk(known[name]):
            for wrong in _wrong(node, imported):
                yield f"{file}:{getattr(node, 'lineno', 0)}: {name} {wrong}"


def _definitions(tree: ast.Module) -> dict[str, ast.stmt]:
    """Every name that is bound in a file by a definition or an assignment, with the statement."""
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            bound = (part for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
            found |= {part.id: node for part in bound}
    return found


def _imported(tree: ast.Module) -> dict[str, str]:
    """Every imported name with where it comes from."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.asname or alias.name.partition(".")[0]: alias.name for alias in node.names}
    return found


def _reached(known: dict[str, ast.stmt], names: list[str]) -> list[str]:
    """Return the names given and all that they use in the same file, each once."""
    reached, waiting = [], list(names)
    while waiting:
        name = waiting.pop(0)
        if name in reached:
            continue
        reached.append(name)
        waiting += sorted(_used(known[name]) & known.keys())
    return reached


def _used(node: ast.stmt) -> set[str]:
    """Return the names that a statement takes from the file, without those that its functions bind themselves."""
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {part.id for part in names}
    used: set[str] = set()
    functions = [part for part in ast.walk(node) if isinstance(part, ast.FunctionDef)]
    inside = {id(part) for function in functions for part in ast.walk(function)}
    used |= {part.id for part in names if id(part) not in inside}
    for function in functions:
        parts = list(ast.walk(function))
        bound = {part.arg for part in parts if isinstance(part, ast.arg)}
        bound |= {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
        bound -= {name for part in parts if isinstance(part, ast.Global) for name in part.names}
        used |= {part.id for part in parts if isinstance(part, ast.Name)} - bound
    return used


def _wrong(node: ast.AST, imported: dict[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        yield from _wrong_attribute(node)
    elif isinstance(node, ast.Name):
        source = imported.get(node.id, "")
        if node.id in _DYNAMIC:
            yield f"uses {node.id}, by which anything could be reached"
        elif source.startswith("churnlib.datasets") and node.id not in SEEN:
            yield f"names {node.id} of the world's room"
        elif any(part.startswith("_") for part in source.split(".")[1:]):
            yield f"names {node.id} from the private module {source}"
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield "imports inside, where it cannot be followed"


def _wrong_attribute(node: ast.Attribute) -> Iterator[str]:
    private = node.attr.startswith("_") and not node.attr.startswith("__")
    own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
    if node.attr in HIDDEN:
        yield f"touches .{node.attr}, which a firm does not see"
    elif (private and not own) or node.attr in {"__dict__", "__getattribute__", "__globals__", "__subclasses__"}:
        yield f"touches the private .{node.attr}"
    elif node.attr == "datasets":
        yield "touches .datasets, the world's room"


def _world_problems(package: Path) -> Iterator[str]:
    edges: dict[str, list[tuple[str, int]]] = {}
    for edge in imports(package):
        if not edge.type_only:
            edges.setdefault(edge.source, []).append((edge.target, edge.line))
    root = package.name
    apart = tuple(f"{root}.{room}" for room in APART)
    waiting = sorted(name for name in edges if name.startswith(f"{root}.{WORLD}"))
    seen = set(waiting)
    while waiting:
        module = waiting.pop(0)
        for target, line in edges.get(module, ()):
            if target in apart or target.startswith(tuple(f"{room}." for room in apart)):
                yield f"{module}:{line}: imports {target}, and the world must not know what policies are made of"
            elif target not in seen:
                seen.add(target)
                waiting.append(target)


if __name__ == "__main__":
    sys.exit(
        report(
            "closed_loop_apart",
            problems(),
            "A policy gets world.observed() and nothing else; the judge plays, and compares with truth and profit.",
        )
    )
