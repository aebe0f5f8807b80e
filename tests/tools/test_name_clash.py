"""A function named like a module is found."""

from __future__ import annotations

from pathlib import Path

from tests.tools.package import write_package
from tools import name_clash


def test_the_package_has_no_clash() -> None:
    assert name_clash.problems() == []


def test_a_clash_is_said_with_its_line(tmp_path: Path) -> None:
    package = write_package(
        tmp_path, {"evaluate/__init__.py": "", "_runs.py": "\ndef evaluate(): ...\ndef _evaluate(): ..."}
    )
    assert name_clash.problems(package) == ["_runs.py:2: evaluate is also the module churnlib.evaluate"]


def test_a_private_file_may_be_named_after_its_function(tmp_path: Path) -> None:
    package = write_package(tmp_path, {"_evaluate.py": "def evaluate(): ..."})
    assert name_clash.problems(package) == []
