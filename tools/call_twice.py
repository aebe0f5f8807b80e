"""With every submodule imported, each name of the front door still works, twice.

    python -m tools.call_twice

A submodule that shadows a function of the same name, or an example that leaves
something behind, shows only on the second use in one process. So every submodule
is imported first; then each name is looked up, and its example run, twice.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import sys
from types import ModuleType

import churnlib
from tools.source import report

_OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def problems(package: ModuleType = churnlib) -> list[str]:
    """Say each name that resolves differently, is never called, or whose example fails."""
    before = {name: getattr(package, name) for name in package.__all__}
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(info.name)
    found = []
    for name, value in before.items():
        if getattr(package, name) is not value:
            found.append(f"{name}: is another object once every submodule is imported")
        elif inspect.isroutine(value) or inspect.isclass(value):
            found += [f"{name}: {text}" for text in twice(name, value)]
    return found


def twice(name: str, value: object) -> list[str]:
    """Run the examples of one name two times in this process, and say what failed."""
    text = inspect.getdoc(value) or ""
    examples = doctest.DocTestParser().get_examples(text)
    if not any(f"{name}(" in example.source or inspect.isclass(value) for example in examples):
        return ["no example calls it"]
    for turn in ("first", "second"):
        said: list[str] = []
        # Like any docstring's, the examples see the names of the module they stand in.
        names = dict(vars(sys.modules[value.__module__]))
        test = doctest.DocTestParser().get_doctest(text, names, name, None, None)
        result = doctest.DocTestRunner(optionflags=_OPTIONS, verbose=False).run(test, out=said.append)
        if result.failed:
            return [f"its example fails the {turn} time\n{''.join(said)}"]
    return []


if __name__ == "__main__":
    sys.exit(report("call_twice", problems(), "Rename the module that shadows the name, or have the example clean up."))
