"""Each way of breaking the floors is found, and the house itself breaks none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.package import write_package
from tools import floors

TYPE_ONLY = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "


def test_the_house_stands() -> None:
    assert floors.problems() == []


def test_every_room_of_the_house_has_a_floor() -> None:
    rooms = {module.split(".")[1] for module in floors.modules() if "." in module}
    assert rooms <= set(floors.FLOORS)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            "events/_log.py",
            "from churnlib.snapshots import x",
            "floor 3 imports churnlib.snapshots (floor 5), a higher floor",
        ),
        (
            "metrics/_lift.py",
            "import churnlib.snapshots",
            "floor 5 imports churnlib.snapshots (floor 5), a room of the same floor",
        ),
        ("events/_log.py", "def f():\n    from churnlib.snapshots import x", "a higher floor"),
        ("events/_log.py", "from ..snapshots import x", "floor 3 imports churnlib.snapshots (floor 5)"),
        ("events/_log.py", "import churnlib", "imports churnlib (floor 12)"),
        ("attic/_box.py", "from churnlib.snapshots import x", "the room 'attic' has no floor yet"),
    ],
)
def test_a_wrong_way_is_said(tmp_path: Path, file: str, text: str, said: str) -> None:
    package = write_package(tmp_path, {"snapshots/__init__.py": "x = 1", file: text})
    found = floors.problems(package)
    assert len(found) == 1
    assert said in found[0]


def test_what_is_allowed(tmp_path: Path) -> None:
    files = {
        "_typing.py": "",
        "_sklearn.py": "from churnlib._typing import Array",
        "events/_log.py": "from churnlib.events._money import x\nfrom churnlib.calendar import y",
        "events/_money.py": "import numpy",
        "calendar/__init__.py": "",
        "outcomes/_spells.py": TYPE_ONLY + "from churnlib.snapshots import Dataset",
        "snapshots/__init__.py": "",
    }
    assert floors.problems(write_package(tmp_path, files)) == []


def test_a_circle_is_said_along_its_way(tmp_path: Path) -> None:
    files = {"events/_a.py": "from churnlib.events._b import x", "events/_b.py": "from churnlib.events._a import x"}
    assert floors.problems(write_package(tmp_path, files)) == [
        "a circle: churnlib.events._a -> churnlib.events._b -> churnlib.events._a"
    ]


def test_types_may_close_a_circle_in_a_room_but_not_between_rooms(tmp_path: Path) -> None:
    files = {
        "events/_a.py": "from churnlib.events._b import x",
        "events/_b.py": TYPE_ONLY + "from churnlib.events._a import x",
        "outcomes/_spells.py": TYPE_ONLY + "from churnlib.snapshots._rows import x",
        "snapshots/_rows.py": "from churnlib.outcomes._spells import x",
    }
    assert floors.problems(write_package(tmp_path, files)) == [
        "a circle: churnlib.outcomes._spells -> churnlib.snapshots._rows -> churnlib.outcomes._spells"
    ]


def test_an_import_in_a_function_closes_no_circle(tmp_path: Path) -> None:
    files = {
        "events/_a.py": "from churnlib.events._b import x",
        "events/_b.py": "def f():\n    from churnlib.events._a import x",
    }
    assert floors.problems(write_package(tmp_path, files)) == []


def test_the_script_exits_with_zero_on_the_house() -> None:
    done = subprocess.run([sys.executable, "-m", "tools.floors"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
