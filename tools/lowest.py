"""Print the lowest versions that pyproject.toml promises, as constraints for pip.

    python3 tools/lowest.py > lowest.txt && pip install . --constraint lowest.txt

``>=1.26`` becomes ``==1.26.*``, the last repair of that release, and ``>=2.1.4``
becomes ``==2.1.4``. The optional packages are held down as well. Only the standard
library is used, because this runs before anything is installed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

_LOWER_BOUND = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?\s*>=\s*([0-9.]+)")


def pins(requirements: Iterable[str]) -> list[str]:
    """Turn each lower bound into a pin; a requirement without one is left out."""
    found = {}
    for requirement in requirements:
        if bound := _LOWER_BOUND.match(requirement):
            name, version = bound.groups()
            found[name] = f"{name}=={version}" if version.count(".") > 1 else f"{name}=={version}.*"
    return [found[name] for name in sorted(found)]


def requirements(pyproject: Path) -> list[str]:
    """Return everything that the package requires, always or as an extra."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    optional = project.get("optional-dependencies", {}).values()
    return [*project["dependencies"], *(one for group in optional for one in group)]


if __name__ == "__main__":
    sys.stdout.write("\n".join(pins(requirements(Path(__file__).resolve().parents[1] / "pyproject.toml"))) + "\n")
