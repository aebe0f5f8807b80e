"""Write small packages for the tools to find fault with."""

from __future__ import annotations

import textwrap
from pathlib import Path


def write_package(folder: Path, files: dict[str, str], name: str = "churnlib") -> Path:
    """Write a package with the given files, and an empty __init__.py wherever one is missing."""
    package = folder / name
    for relative, text in {"__init__.py": "", **files}.items():
        path = package / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in {package, path.parent}:
            if not (parent / "__init__.py").exists():
                (parent / "__init__.py").write_text("", encoding="utf-8")
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return package
