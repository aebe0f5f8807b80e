"""A default that a docstring states is the default in the signature.

    python -m tools.doc_defaults

Read from numpydoc type lines, ``name : type, default=VALUE``, for functions,
methods, and classes (whose parameters are those of ``__init__``, or the fields
of a dataclass). A docstring need not state a default; a stated one must be true.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.source import SOURCE, modules, parse, report

_SECTION = re.compile(
    r"^(?:Parameters|Other Parameters|Attributes)\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", re.DOTALL | re.MULTILINE
)
_STATED = re.compile(r"^(\*{0,2}\w[\w, *]*?) : .*?default ?[=:] ?(.+?)\s*$", re.MULTILINE)

_Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def stated(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield each parameter with the default that its type line states."""
    for section in _SECTION.finditer(docstring):
        for names, value in _STATED.findall(section.group(1)):
            for name in names.split(","):
                yield name.strip(" *"), value


@dataclass(frozen=True, slots=True)
class _File:
    """A parsed file, with the classes and constants that its code can name."""

    classes: Mapping[str, ast.ClassDef]
    constants: Mapping[str, ast.expr]


def actual(node: _Documented, file: _File) -> dict[str, ast.expr | None]:
    """Return each parameter with its default; None where it has none."""
    if not isinstance(node, ast.ClassDef):
        return _of_function(node)
    init = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)
    return _of_function(init) if init else _of_fields(node, file)


def _of_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, ast.expr | None]:
    args = node.args
    positional = [*args.posonlyargs, *args.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
    found = dict(zip((arg.arg for arg in positional), [*missing, *args.defaults], strict=True))
    found.update(zip((arg.arg for arg in args.kwonlyargs), args.kw_defaults, strict=True))
    return found


def _of_fields(node: ast.ClassDef, file: _File) -> dict[str, ast.expr | None]:
    found: dict[str, ast.expr | None] = {}
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in file.classes:
            found.update(actual(file.classes[base.id], file))
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            found[item.target.id] = _field_default(item.value)
    return found


_FACTORIES = {"dict": "{}", "list": "[]", "tuple": "()"}


def _field_default(value: ast.expr | None) -> ast.expr | None:
    if not isinstance(value, ast.Call) or getattr(value.func, "id", getattr(value.func, "attr", "")) != "field":
        return value
    given = {keyword.arg: keyword.value for keyword in value.keywords}
    factory = getattr(given.get("default_factory"), "id", None)
    if factory in _FACTORIES:
        return ast.parse(_FACTORIES[factory], mode="eval").body
    return given.get("default", given.get("default_factory"))


def _same(text: str, default: ast.expr, constants: Mapping[str, ast.expr]) -> bool:
    text = text.strip("`").replace("``", "")
    if isinstance(default, ast.Name) and default.id in constants:
        default = constants[default.id]
    try:
        return bool(ast.literal_eval(text) == ast.literal_eval(default))
    except (ValueError, SyntaxError):
        return text == ast.unparse(default)


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            found[node.target.id] = node.value
    return found


def _read(package: Path) -> dict[str, tuple[Path, ast.Module, _File]]:
    """Parse every module, and let it see the constants and classes that it imports from the others."""
    trees = {name: (path, parse(path)) for name, path in modules(package).items()}
    own = {name: (_constants(tree), _classes(tree)) for name, (_, tree) in trees.items()}
    # A base may have bases that its heirs' modules do not import; a module's own names come first.
    everywhere = {name: node for _, found in own.values() for name, node in found.items()}
    files = {}
    for name, (path, tree) in trees.items():
        constants, classes = dict(own[name][0]), everywhere | own[name][1]
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module in own:
                for alias in node.names:
                    _borrow(alias, own[node.module], constants, classes)
        files[name] = (path, tree, _File(classes, constants))
    return files


def _classes(tree: ast.Module) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _borrow(
    alias: ast.alias,
    lender: tuple[dict[str, ast.expr], dict[str, ast.ClassDef]],
    constants: dict[str, ast.expr],
    classes: dict[str, ast.ClassDef],
) -> None:
    if alias.name in lender[0]:
        constants[alias.asname or alias.name] = lender[0][alias.name]
    if alias.name in lender[1]:
        classes[alias.asname or alias.name] = lender[1][alias.name]


def _wrong(node: _Documented, file: _File) -> Iterator[str]:
    parameters = actual(node, file)
    for name, text in stated(ast.get_docstring(node) or ""):
        if name not in parameters:
            yield f"{node.name}: documents a default of {name!r}, which is no parameter of it"
        elif (default := parameters[name]) is None:
            yield f"{node.name}: says {name} has the default {text}, but it has none"
        elif not _same(text, default, file.constants):
            yield f"{node.name}: says {name} has the default {text}, but it is {ast.unparse(default)}"


def problems(package: Path = SOURCE) -> list[str]:
    """Say each documented default that differs from the signature."""
    return [
        f"{path.relative_to(package)}:{node.lineno}: {text}"
        for path, tree, file in _read(package).values()
        for node in ast.walk(tree)
        if isinstance(node, _Documented)
        for text in _wrong(node, file)
    ]


if __name__ == "__main__":
    sys.exit(report("doc_defaults", problems(), "Correct the docstring, or leave the default out of it."))
