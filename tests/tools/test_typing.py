"""A type checker on the user's side accepts good code and refuses a misspelt name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy", reason="mypy is installed by `make test`")

ROOT = Path(__file__).parents[2]


def mypy(script: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--follow-imports=silent", script],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert not done.stderr, done.stderr
    return done.stdout.splitlines()


def test_good_code_is_accepted() -> None:
    assert mypy("typing_tests/accepted.py") == []


def test_every_misspelt_name_is_refused() -> None:
    lines = [line for line in mypy("typing_tests/refused.py") if "error:" in line]
    wrong = ["EventLgo", "lift_scroe", "acceptrate", "metrix"]
    assert len(lines) == len(wrong), lines
    for name, line in zip(wrong, lines, strict=True):
        assert name in line
