"""Metrics of survival beside lifelines and scikit-survival: the same numbers, timed in turns in one process.

Both peers are there in the environment that ``make test-lifelines`` builds; from another one the benchmark
goes there by itself. Rewrites the section "survival metrics" of RESULTS.md.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import interleaved, machine, table, write_section
from churnlib.metrics import concordance_score, dynamic_auc, integrated_brier_loss
from churnlib.targets import survival_target

ELSEWHERE = Path(__file__).resolve().parents[1] / ".venv-lifelines" / "bin" / "python"


def lives(n: int, *, whole_days: bool = False, entries: bool = False, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return n customers, half of them seen to leave, and their risks."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n)
    life, lost = rng.exponential(300 / np.exp(0.5 * risk)), rng.exponential(300, n)
    time = np.minimum(life, lost) + 0.01
    if whole_days:
        time = np.ceil(time)
    entry = np.floor(time * 0.9 * rng.random(n)) if entries else None
    return survival_target(life <= lost, time, entry=entry), risk


def concordance(n: int = 1_000_000) -> list[list[str]]:
    """Harrell's concordance of a million customers, in days and in continuous time."""
    from lifelines.utils import concordance_index

    lines = []
    for name, whole in (("days", True), ("continuous time", False)):
        y, risk = lives(n, whole_days=whole)
        lines.append(
            compared(
                f"concordance, {n:,} rows, {name}",
                "lifelines",
                lambda y=y, risk=risk: concordance_score(y, risk),
                lambda y=y, risk=risk: concordance_index(y["time"], -risk, y["event"]),
                rounds=3,
            )
        )
    y, risk = lives(n, whole_days=True, entries=True)
    timing, _ = interleaved({"concordance with delayed entry": lambda: concordance_score(y, risk)}, rounds=3)
    seconds = timing["concordance with delayed entry"].median
    lines.append([f"concordance, {n:,} rows, delayed entry", "none has it", f"{seconds:.2f} s", "–", "–", "–", "–"])
    return lines


def against_scikit_survival(n: int = 100_000, n_times: int = 100) -> list[list[str]]:
    """Integrated Brier loss and dynamic AUC at a hundred times."""
    from sksurv import metrics

    y, risk = lives(n)
    times = np.linspace(5, 500, n_times)
    survival = np.exp(-np.outer(np.exp(0.5 * risk) / 300, times))
    options: dict[str, Any] = {"convention": "sksurv"}
    small, small_risk = lives(20_000)
    return [
        compared(
            f"integrated Brier loss, {n:,} rows × {n_times} times",
            "scikit-survival",
            lambda: integrated_brier_loss(y, survival, times, **options),
            lambda: metrics.integrated_brier_score(y, y, survival, times),
        ),
        compared(
            f"dynamic AUC, {n:,} rows × {n_times} times",
            "scikit-survival",
            lambda: dynamic_auc(y, risk, times, **options),
            lambda: metrics.cumulative_dynamic_auc(y, y, risk, times)[0],
        ),
        compared(
            "concordance, 20,000 rows",
            "scikit-survival",
            lambda: concordance_score(small, small_risk),
            lambda: metrics.concordance_index_censored(small["event"], small["time"], small_risk)[0],
            rounds=3,
        ),
    ]


def compared(what: str, peer: str, ours: Callable[[], Any], theirs: Callable[[], Any], *, rounds: int = 5) -> list[str]:
    """Time both in turns; return a line with the ratio of medians, the memory of each, and how far they differ."""
    timings, results = interleaved({f"{what}: churnlib": ours, f"{what}: {peer}": theirs}, rounds=rounds)
    mine, other = (timing.median for timing in timings.values())
    difference = float(np.max(np.abs(np.subtract(*results.values()))))
    return [
        what,
        peer,
        f"{mine:.3g} s",
        f"{other:.3g} s",
        f"**{other / mine:.1f} ×**",
        f"{extra_mib(ours):.1f} / {extra_mib(theirs):.1f}",
        f"{difference:.0e}",
    ]


def extra_mib(run: Callable[[], Any]) -> float:
    """Return the most memory that a call holds beyond its input, in MiB."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def main() -> None:
    """Run both comparisons, here or where both peers are."""
    missing = [name for name in ("lifelines", "sksurv") if importlib.util.find_spec(name) is None]
    if missing:
        if Path(sys.prefix) == ELSEWHERE.parents[1] or not ELSEWHERE.exists():
            print(f"{' and '.join(missing)} not installed: the metrics of survival are not compared")
            return
        subprocess.run([str(ELSEWHERE), str(Path(__file__).resolve())], check=True)
        return
    lines = concordance() + against_scikit_survival()
    headings = ["what", "peer", "churnlib", "peer's time", "ratio", "extra MiB (churnlib / peer)", "difference"]
    where = machine("numpy", "pandas", "lifelines", "scikit-survival")
    text = (
        "## Metrics of survival\n\nMedians of calls in turns in one process; memory is what a call holds at most "
        f"beyond its input. {where}\n\n" + table(headings, lines)
    )
    write_section("survival metrics", text)
    print(text)


if __name__ == "__main__":
    main()
