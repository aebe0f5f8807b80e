"""Every small example runs as it stands, without a warning; the quickstart has a test of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import churnlib

# The package under test, whether it is installed or found beside this folder.
HERE = os.environ | {"PYTHONPATH": str(Path(churnlib.__file__).parents[1])}
FOLDER = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if path.name != "quickstart.py")


def test_there_are_examples():
    assert len(SCRIPTS) >= 2


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_it_runs(script, tmp_path):
    command = [sys.executable, "-W", "error", str(script)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path, encoding="utf-8", env=HERE
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout
    assert list(tmp_path.iterdir()) == []
