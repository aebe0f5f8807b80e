"""Kaplan–Meier beside lifelines: 10 million whole tenures, from arrays in memory to the curve with its intervals.

lifelines is there in the environment that ``make test-lifelines`` builds; from another one the benchmark
goes there by itself. Rewrites the section "survival-kaplan-meier" of RESULTS.md.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import interleaved, machine, table, write_section
from churnlib.numerics import greenwood, product_limit, risk_table
from churnlib.survival import KaplanMeier

ELSEWHERE = Path(__file__).resolve().parents[1] / ".venv-lifelines" / "bin" / "python"
N = 10_000_000
PROCESSES = 3


def tenures(n: int) -> dict[str, np.ndarray]:
    """Draw tenures in months, as floats, half of them censored; the target holds the same."""
    rng = np.random.default_rng(0)
    life, lost = rng.geometric(0.02, n), rng.integers(1, 73, n)
    target = np.empty(n, dtype=[("event", "?"), ("time", "<f8")])
    target["event"], target["time"] = life <= lost, np.minimum(life, lost)
    return {"event": target["event"].copy(), "time": target["time"].copy(), "target": target}


def from_target(data: dict[str, np.ndarray]) -> Any:
    """Fit the estimator to a target, checks and censoring curve included, and tabulate it with its intervals."""
    return KaplanMeier().fit(None, data["target"]).table_["survival"].to_numpy()


def from_arrays(data: dict[str, np.ndarray]) -> Any:
    """Compute curve and Greenwood's sums."""
    counted = risk_table(data["time"], data["event"])
    greenwood(counted)
    return product_limit(counted).values


def lifelines(data: dict[str, np.ndarray]) -> Any:
    """Fit the peer, which tabulates the curve with its intervals."""
    from lifelines import KaplanMeierFitter

    return KaplanMeierFitter().fit(data["time"], data["event"]).survival_function_["KM_estimate"].to_numpy()[1:]


CANDIDATES: dict[str, Callable[[dict[str, np.ndarray]], Any]] = {
    "churnlib, estimator": from_target,
    "churnlib, functions": from_arrays,
    "lifelines": lifelines,
}


def alone(name: str) -> None:
    """Fit once in this process, after a small fit that pays for the imports; print the seconds."""
    data = tenures(N)
    CANDIDATES[name](tenures(1000))
    began = time.perf_counter()
    CANDIDATES[name](data)
    print(time.perf_counter() - began)


def first_fit(name: str) -> float:
    """Fit in fresh processes; return the median time."""
    command = [sys.executable, str(Path(__file__).resolve()), name]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(PROCESSES)]
    return median(float(run.stdout.split()[-1]) for run in runs)


def extra_mib(run: Callable[[], Any]) -> float:
    """Return what a call holds at most beyond its input."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def main() -> None:
    """Time first and repeated fits, compare the curves, write the section; here or where lifelines is."""
    if importlib.util.find_spec("lifelines") is None:
        if Path(sys.prefix) == ELSEWHERE.parents[1] or not ELSEWHERE.exists():
            print("lifelines is not installed: Kaplan-Meier is not compared")
        else:
            subprocess.run([str(ELSEWHERE), str(Path(__file__).resolve())], check=True)
        return
    first = {name: first_fit(name) for name in CANDIDATES}
    data = tenures(N)
    runs = {name: lambda run=run: run(data) for name, run in CANDIDATES.items()}
    timings, curves = interleaved(runs, rounds=7)
    apart = max(float(np.abs(curves[name] - curves["lifelines"]).max()) for name in CANDIDATES)
    rows = [
        [
            name,
            f"{first[name]:.3f}",
            f"{first['lifelines'] / first[name]:.0f} ×",
            f"{timings[name].best:.3f}",
            f"{timings['lifelines'].best / timings[name].best:.1f} ×",
            f"{extra_mib(run):.1f}",
        ]
        for name, run in runs.items()
    ]
    headings = ["candidate", "first fit, s", "lifelines / it", "repeated, s", "lifelines / it", "extra MiB"]
    text = "\n".join(
        [
            "## Kaplan–Meier",
            "",
            f"{N:,} whole tenures (72 distinct) in memory: the estimator takes a survival target, checks it, and makes",
            "the curve of censoring too; the functions and lifelines take two arrays of float64 and bool. First fit:",
            f"median of {PROCESSES} processes that have fitted 1,000 rows before; repeated: best of 7 rounds, in turns",
            "in one process. Memory is what a call holds at most beyond its input.",
            f"The curves are at most {apart:.0e} apart.",
            machine("numpy", "pandas", "lifelines"),
            "",
            table(headings, rows),
        ]
    )
    write_section("survival-kaplan-meier", text)
    print(text)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        alone(sys.argv[1])
    else:
        main()
