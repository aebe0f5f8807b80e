"""R's survival package as a live oracle: one program, whose numbers come back by name."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

_PRELUDE = """
options(digits = 17, warn = 1)
library(survival)
show <- function(name, values) cat("@", name, sprintf("%.17g", as.numeric(values)), "\\n")
tight <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 60)
"""


def run_r(program: str, folder: Path, **frames: pd.DataFrame) -> dict[str, np.ndarray]:
    """Run a program that calls ``show(name, values)``; frames are read from CSV under their names."""
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed")
    reads = ""
    for name, frame in frames.items():
        path = folder / f"{name}.csv"
        frame.to_csv(path, index=False, float_format="%.17g")
        reads += f"{name} <- read.csv({str(path)!r})\n"
    script = folder / "program.R"
    script.write_text(_PRELUDE + reads + program, encoding="utf-8")
    run = subprocess.run(["Rscript", "--vanilla", str(script)], capture_output=True, text=True, check=False)
    if "no package called" in run.stderr:
        pytest.skip("R's package survival is not installed")
    assert run.returncode == 0, run.stderr
    found = {}
    for line in run.stdout.splitlines():
        if line.startswith("@ "):
            _, name, *values = line.split()
            found[name] = np.array([float(value) for value in values])
    return found
