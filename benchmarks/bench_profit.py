"""Profit metrics and lift beside empulse, deciles beside a sort of numpy: one process, in turns, the same arrays."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import interleaved, machine, table, write_section
from churnlib.economics import RetentionOffer
from churnlib.metrics import empb_score, empc_score, lift_score, lift_table

PAPER = RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)
B2B = RetentionOffer(accept_rate=(6, 14), clv=0, offer_fraction=0.05, contact_cost=15)


def customers(n: int, rate: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, score in [0, 1) and value; the score tells something about the outcome."""
    rng = np.random.default_rng(0)
    s = rng.random(n) ** 2
    return (rng.random(n) < np.minimum(1.0, 3 * rate * s)).astype(np.int64), s, rng.lognormal(5, 1, n)


def pairs(n: int, rate: float) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """Ours and the peer's, on the same arrays."""
    from empulse import metrics as peer

    y, s, clv = customers(n, rate)
    kinds = {"": s, ", 1,001 scores": s.round(3), ", decision function": np.log(s + 1e-9)}
    found: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        f"EMPC{kind}": (lambda s=s: empc_score(y, s, offer=PAPER), lambda s=s: peer.empc_score(y, s))
        for kind, s in kinds.items()
    }
    if rate < 0.5:
        for kind, scores in list(kinds.items())[:2]:
            found[f"EMPB{kind}"] = (
                lambda s=scores: empb_score(y, s, offer=B2B, clv=clv),
                lambda s=scores: peer.empb_score(y, s, clv=clv),
            )
        found["lift of the first tenth"] = (
            lambda: lift_score(y, s),
            lambda: peer.lift_score(y, s, fraction=0.1),
        )
    return found


def against_the_peer() -> list[list[str]]:
    rows = []
    for n in (1_000, 100_000, 1_000_000, 5_000_000):
        for rate in (0.11, 0.5):
            for name, (ours, theirs) in pairs(n, rate).items():
                timings, results = interleaved({"churnlib": ours, "empulse": theirs}, rounds=7 if n < 5e6 else 4)
                mine, peer = timings["churnlib"].best, timings["empulse"].best
                apart = abs(results["churnlib"] / results["empulse"] - 1)
                rows.append([name, f"{n:,}", f"{rate:.0%}", f"{1e3 * mine:.2f}", f"{1e3 * peer:.2f}",
                             f"{peer / mine:.1f} ×", f"{apart:.0e}"])  # fmt: skip
    return rows


def deciles() -> list[str]:
    rng = np.random.default_rng(0)
    s = rng.random(10_000_000, dtype=np.float32)
    y = (rng.random(s.size) < 0.2 * s).astype(np.int8)
    timings, _ = interleaved({"lift_table": lambda: lift_table(y, s), "np.argsort": lambda: np.argsort(s)}, rounds=5)
    mine, sort = timings["lift_table"].best, timings["np.argsort"].best
    return ["decile table, float32, beside np.argsort", "10,000,000", "10%", f"{1e3 * mine:.0f}", f"{1e3 * sort:.0f}",
            f"{mine / sort:.2f} of it", ""]  # fmt: skip


def seconds_to_import(name: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {name}"], check=True)
    return time.perf_counter() - began


def imports() -> list[str]:
    names = ("churnlib.metrics", "empulse.metrics")
    best = dict.fromkeys(names, float("inf"))
    for _ in range(7):
        for name in names:
            best[name] = min(best[name], seconds_to_import(name))
    mine, peer = best.values()
    return ["import of the metrics, with Python's own start", "", "", f"{1e3 * mine:.0f}", f"{1e3 * peer:.0f}",
            f"{mine / peer:.2f} of it", ""]  # fmt: skip


def main() -> None:
    """Time, compare the values, write the section."""
    rows = [*against_the_peer(), deciles(), imports()]
    text = "\n".join(
        [
            "## Profit and lift",
            "",
            "From arrays of outcomes (int64) and scores (float64) to one number; best of 7 rounds (4 at five",
            "million), in turns in one process. `apart` is the relative difference of the values; empulse's lift",
            "depends on the order of rows with equal scores, churnlib's does not.",
            machine("numpy", "scipy", "pandas", "empulse"),
            "",
            table(["metric", "rows", "churn", "churnlib, ms", "empulse, ms", "ratio", "apart"], rows),
        ]
    )
    write_section("profit", text)
    print(text)


if __name__ == "__main__":
    main()
