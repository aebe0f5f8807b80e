"""No public function or class shares its name with a module.

    python -m tools.name_clash

Importing a submodule sets an attribute of that name on its package. A function
of the same name would be replaced by the module, or not, depending on which was
imported last: the kind of error that only some users ever see.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from tools.source import SOURCE, modules, parse, report


def problems(package: Path = SOURCE) -> list[str]:
    """Say each public function or class that has the name of a module."""
    known = modules(package)
    stems = {name.rpartition(".")[2]: name for name in known}
    return [
        f"{path.relative_to(package)}:{node.lineno}: {node.name} is also the module {stems[node.name]}"
        for path in known.values()
        for node in parse(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and node.name in stems
    ]


if __name__ == "__main__":
    sys.exit(report("name_clash", problems(), "Rename the module: an implementation file is `_name.py`."))
