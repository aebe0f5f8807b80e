"""What the tools share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.package import write_package
from tools import source


def test_modules_are_named_as_they_are_imported(tmp_path: Path) -> None:
    package = write_package(tmp_path, {"events/_log.py": ""})
    assert set(source.modules(package)) == {"churnlib", "churnlib.events", "churnlib.events._log"}


def test_a_report_teaches_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert source.report("floors", ["a wrong b"], "Do it so.") == 1
    said = capsys.readouterr()
    assert said.out == "a wrong b\n"
    assert "floors: 1 to mend. Do it so." in said.err


def test_nothing_to_report_is_a_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert source.report("floors", [], "Do it so.") == 0
    assert capsys.readouterr() == ("", "")
