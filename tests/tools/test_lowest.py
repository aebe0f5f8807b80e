"""Lower bounds become pins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools import lowest

ROOT = Path(__file__).parents[2]


def test_a_bound_becomes_a_pin() -> None:
    given = ["numpy>=1.26", "xgboost>=2.1.4", "tzdata>=2024.1; sys_platform == 'win32'", "pandas<3", "x[y] >= 3.1"]
    assert lowest.pins(given) == ["numpy==1.26.*", "tzdata==2024.1.*", "x==3.1.*", "xgboost==2.1.4"]


def test_the_promises_of_this_package() -> None:
    done = subprocess.run([sys.executable, "tools/lowest.py"], capture_output=True, text=True, check=True, cwd=ROOT)
    pins = done.stdout.splitlines()
    assert {"numpy==1.26.*", "scipy==1.11.*", "pandas==2.2.*", "scikit-learn==1.6.*", "duckdb==1.1.*"} <= set(pins)
