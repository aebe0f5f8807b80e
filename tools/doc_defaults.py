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
from collections.abc import Iterator
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


def actual(node: _Documented) -> dict[str, ast.expr | None]:
    """Return each parameter with its default; None where it has none."""
    if not isinstance(node, ast.ClassDef):
        return _of_function(node)
    init = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)
    return _of_function(init) if init else _of_fields(node)


def _of_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, ast.expr | None]:
    args = node.args
    positional = [*args.posonlyargs, *args.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
    found = dict(zip((arg.arg for arg in positional), [*missing, *args.defaults], strict=True))
    found.update(zip((arg.arg for arg in args.kwonlyargs), args.kw_defaults, strict=True))
    return found


def _of_fields(node: ast.ClassDef) -> dict[str, ast.expr | None]:
    return {
        item.target.id: _field_default(item.value)
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }


def _field_default(value: ast.expr | None) -> ast.expr | None:
    if isinstance(value, ast.Call) and getattr(value.func, "id", getattr(value.func, "attr", "")) == "field":
        return next((keyword.value for keyword in value.keywords if keyword.arg == "default"), None)
    return value


def _same(text: str, default: ast.expr, constants: dict[str, ast.expr]) -> bool:
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


def _wrong(node: _Documented, constants: dict[str, ast.expr]) -> Iterator[str]:
    parameters = actual(node)
    for name, text in stated(ast.get_docstring(node) or ""):
        if name not in parameters:
            yield f"{node.name}: documents a default of {name!r}, which is no parameter of it"
        elif (default := parameters[name]) is None:
            yield f"{node.name}: says {name} has the default {text}, but it has none"
        elif not _same(text, default, constants):
            yield f"{node.name}: says {name} has the default {text}, but it is {ast.unparse(default)}"


def problems(package: Path = SOURCE) -> list[str]:
    """Say each documented default that differs from the signature."""
    found = []
    for path in modules(package).values():
        tree = parse(path)
        constants = _constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, _Documented):
                found += [f"{path.relative_to(package)}:{node.lineno}: {text}" for text in _wrong(node, constants)]
    return found


if __name__ == "__main__":
    sys.exit(report("doc_defaults", problems(), "Correct the docstring, or leave the default out of it."))
