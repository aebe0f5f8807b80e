"""The front door: every name opens, none is forgotten, and a misspelt one is told the right one."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import churnlib as cl
from churnlib import exceptions

SOURCE = Path(inspect.getfile(cl))


def type_checking_names() -> set[str]:
    """Return the names that a type checker is told."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    block = next(
        node for node in tree.body if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
    )
    return {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}


@pytest.mark.parametrize("name", cl.__all__)
def test_every_name_opens(name: str) -> None:
    first = getattr(cl, name)
    assert getattr(cl, name) is first
    assert name in dir(cl)


@pytest.mark.parametrize("name", sorted(cl._HOME))
def test_a_name_is_public_where_it_lives(name: str) -> None:
    home = getattr(cl, cl._HOME[name]) if cl._HOME[name] in cl._ROOMS else sys.modules[f"churnlib.{cl._HOME[name]}"]
    assert name in home.__all__
    assert getattr(home, name) is getattr(cl, name)


def test_the_three_lists_agree() -> None:
    assert set(cl.__all__) == set(cl._HOME) | cl._ROOMS | {"__version__"}
    assert type_checking_names() == set(cl.__all__) - {"__version__"}


def test_every_room_has_its_door() -> None:
    on_disk = {info.name for info in pkgutil.iter_modules(cl.__path__) if not info.name.startswith("_")}
    assert on_disk == set(cl._ROOMS)


def test_star_import_takes_every_name() -> None:
    taken: dict[str, object] = {}
    exec("from churnlib import *", taken)
    assert set(cl.__all__) <= set(taken)


def test_a_misspelt_name_is_told_the_nearest() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'EventLgo'; did you mean 'EventLog'"):
        _ = cl.EventLgo
    with pytest.raises(ImportError, match="cannot import name 'EventLgo'"):
        exec("from churnlib import EventLgo")


def test_the_door_alone_is_light() -> None:
    code = "import sys, churnlib; print(sorted({'numpy', 'pandas', 'sklearn', 'xgboost'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_error_is_churnlibs_own_and_a_built_in_one() -> None:
    errors = [getattr(exceptions, name) for name in exceptions.__all__ if name.endswith("Error")]
    for error in errors:
        assert issubclass(error, exceptions.ChurnlibError)
        assert error is exceptions.ChurnlibError or issubclass(error, ValueError | TypeError | ImportError)


def test_show_versions_says_what_is_installed() -> None:
    frame = cl.show_versions()
    assert frame.loc["churnlib", "version"] == cl.__version__
    assert set(frame["role"]) == {"system", "required", "optional"}
    required = frame[frame["role"] == "required"]
    assert not (required["version"] == "not installed").any()


def test_show_versions_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from churnlib import _show_versions

    monkeypatch.setattr(_show_versions, "_OPTIONAL", ("surely-not-a-package",))
    assert cl.show_versions().loc["surely-not-a-package", "version"] == "not installed"
