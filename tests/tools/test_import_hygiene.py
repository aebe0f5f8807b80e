"""What importing must not do is noticed, and churnlib does none of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.package import write_package
from tools import import_hygiene


def test_churnlib_is_clean() -> None:
    assert import_hygiene.problems() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import polars", "importing the rooms loads polars"),
        ("open('left.txt', 'w').close()", "importing the rooms writes left.txt"),
        ("import os\nos.makedirs('cache', exist_ok=True)", "importing the rooms writes os.mkdir 'cache'"),
        ("import os\nos.environ['THREADS'] = '1'", "importing the rooms changes os.environ"),
        ("import warnings\nwarnings.simplefilter('ignore')", "importing the rooms changes warnings.filters"),
        ("import logging\nlogging.basicConfig()", "importing the rooms changes the root logger"),
        ("import numpy\nnumpy.random.seed(0)", "importing the rooms changes numpy's random state"),
        ("raise ValueError('no')", "import careless fails: ValueError: no"),
    ],
)
def test_each_carelessness_is_said(tmp_path: Path, text: str, said: str) -> None:
    write_package(tmp_path, {"_room.py": text}, name="careless")
    assert said in import_hygiene.problems(str(tmp_path), "careless", "import numpy")


def test_the_door_itself_loads_no_library(tmp_path: Path) -> None:
    write_package(tmp_path, {"__init__.py": "import numpy"}, name="careless")
    assert import_hygiene.problems(str(tmp_path), "careless", "import numpy") == ["`import careless` alone loads numpy"]
