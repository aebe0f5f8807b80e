"""Ask R, where it is installed: columns go in as a frame called `d`, and a frame comes back."""

from __future__ import annotations

import io
import shutil
import subprocess
from typing import Any

import pandas as pd
import pytest

_ABSENT = 3


def in_r(program: str, **columns: Any) -> pd.DataFrame:
    """Run an R program whose last value is a frame; `survival` is loaded. Skips, saying so, where R is not there."""
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed")
    load = f"if (!suppressMessages(require(survival, quietly = TRUE))) quit(status = {_ABSENT})\n"
    read = 'd <- read.csv(file("stdin"))\n' if columns else ""
    digits = "out[] <- lapply(out, function(x) if (is.double(x)) format(x, digits = 17, trim = TRUE) else x)"
    write = f"out <- {{\n{program}\n}}\n{digits}\nwrite.csv(out, row.names = FALSE, quote = FALSE)\n"
    run = subprocess.run(
        ["Rscript", "-e", load + read + write],
        input=pd.DataFrame(columns).to_csv(index=False),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode == _ABSENT:
        pytest.skip("R has no package survival")
    assert run.returncode == 0, run.stderr
    return pd.read_csv(io.StringIO(run.stdout))
