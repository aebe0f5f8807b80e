"""Cox's model beside lifelines: from the same frame to coefficients, errors and baseline, in turns in one process.

lifelines is there in the environment that ``make test-lifelines`` builds; from another one the benchmark
goes there by itself. Rewrites the section "survival cox" of RESULTS.md.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import interleaved, machine, table, write_section
from churnlib.survival import CoxModel
from churnlib.targets import survival_target

ELSEWHERE = Path(__file__).resolve().parents[1] / ".venv-lifelines" / "bin" / "python"
P = 20


def customers(n: int, *, whole_days: bool, seed: int = 0) -> pd.DataFrame:
    """Return n customers with twenty features, about half of them seen to leave."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, P))
    life = rng.exponential(300 * np.exp(-X @ np.linspace(-0.3, 0.3, P)))
    lost = rng.exponential(300, n)
    time = np.minimum(life, lost) + 1e-3
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(P)])
    return frame.assign(time=np.ceil(time) if whole_days else time, event=(life <= lost).astype(int))


def stretches(n_customers: int, *, most: int = 12, seed: int = 0) -> pd.DataFrame:
    """Return customers in stretches of a month, with features drawn anew in each; they leave at its end."""
    rng = np.random.default_rng(seed)
    watched = rng.integers(8, most + 1, n_customers)
    customer = np.repeat(np.arange(n_customers), watched)
    month = np.arange(len(customer)) - np.repeat(np.cumsum(watched) - watched, watched)
    X = rng.normal(size=(len(customer), P))
    left = rng.random(len(customer)) < 0.02 * np.exp(X @ np.linspace(-0.3, 0.3, P))
    gone_before = np.concatenate([[0], np.cumsum(left)[:-1]])
    kept = gone_before == np.repeat(gone_before[np.flatnonzero(month == 0)], watched)
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(P)])
    frame = frame.assign(id=customer, start=month.astype(float), stop=month + 1.0, event=left.astype(int))
    return frame[kept].reset_index(drop=True)


def plain(n: int, *, whole_days: bool, rounds: int) -> list[str]:
    """Time one row per customer."""
    from lifelines import CoxPHFitter

    frame = customers(n, whole_days=whole_days)
    X, y = frame.iloc[:, :P].copy(), survival_target("event", "time", data=frame)
    ties = "whole days" if whole_days else "continuous time"
    return compared(
        f"{n:,} × {P}, {ties}",
        lambda: CoxModel().fit(X, y),
        lambda: CoxPHFitter().fit(frame, "time", "event"),
        rounds=rounds,
    )


def start_stop(n_customers: int, *, rounds: int) -> list[str]:
    """Time stretches of each customer."""
    from lifelines import CoxTimeVaryingFitter

    frame = stretches(n_customers)
    X = frame.iloc[:, :P].copy()
    y = survival_target("event", "stop", entry="start", data=frame)
    groups = frame["id"].to_numpy()
    return compared(
        f"{len(frame):,} × {P}, start-stop, {n_customers:,} customers",
        lambda: CoxModel().fit(X, y, groups=groups),
        lambda: CoxTimeVaryingFitter().fit(frame, id_col="id", start_col="start", stop_col="stop", event_col="event"),
        rounds=rounds,
    )


def compared(what: str, ours: Callable[[], Any], theirs: Callable[[], Any], *, rounds: int) -> list[str]:
    """Time both in turns; return a line with the ratio of medians, the memory of each, and how far they differ."""
    timings, results = interleaved({f"{what}: churnlib": ours, f"{what}: lifelines": theirs}, rounds=rounds)
    mine, other = (timing.median for timing in timings.values())
    model, peer = results.values()
    apart = float(np.max(np.abs(model.coef_ - peer.params_.to_numpy())))
    memory = f"{extra_mib(ours):.0f} / {extra_mib(theirs):.0f}"
    return [what, f"{mine:.3g} s", f"{other:.3g} s", f"**{other / mine:.1f} ×**", memory, f"{apart:.0e}"]


def extra_mib(run: Callable[[], Any]) -> float:
    """Return the most memory that a call holds beyond its input, in MiB."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def main() -> None:
    """Run the comparison, here or where lifelines is."""
    if importlib.util.find_spec("lifelines") is None:
        if Path(sys.prefix) == ELSEWHERE.parents[1] or not ELSEWHERE.exists():
            print("lifelines is not installed: Cox's model is not compared")
            return
        subprocess.run([str(ELSEWHERE), str(Path(__file__).resolve())], check=True)
        return
    warnings.simplefilter("ignore")  # the peer warns of pandas
    lines = [
        plain(1_000_000, whole_days=True, rounds=3),
        plain(100_000, whole_days=False, rounds=3),
        plain(100_000, whole_days=True, rounds=3),
        start_stop(115_000, rounds=3),
    ]
    headings = ["what", "churnlib", "lifelines", "ratio", "extra MiB (churnlib / lifelines)", "largest difference"]
    text = "\n".join(
        [
            "## Cox's model",
            "",
            "From a pandas frame to coefficients, errors and baseline. Medians of calls in turns in one process;",
            f"memory is what a call holds at most beyond its input. {machine('numpy', 'pandas', 'lifelines')}",
            "",
            table(headings, lines),
        ]
    )
    write_section("survival cox", text)
    print(text)


if __name__ == "__main__":
    main()
