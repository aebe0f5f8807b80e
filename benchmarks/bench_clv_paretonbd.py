"""Pareto/NBD beside lifetimes: one process, in turns, the same customers, the same optimum or a better one.

lifetimes needs half a minute for 100,000 customers on an idle machine, so it has one round there, and none
at a million.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import interleaved, machine, table, write_section
from churnlib.clv import ParetoNBD

TRUTH = {"r": 0.55, "alpha": 74.0, "s": 0.6, "beta": 82.0}
OURS, PEER = "churnlib Pareto/NBD", "lifetimes Pareto/NBD"


def customers(n: int) -> pd.DataFrame:
    """Draw histories with whole days, observed for half a year to a year; parameters near CDNOW's."""
    T = np.random.default_rng(0).integers(182, 366, n).astype(float)
    drawn = ParetoNBD.from_params(TRUTH).simulate(T=T, random_state=0)
    return drawn.assign(recency=np.ceil(drawn["recency"]))


def row(n: int, *, with_peer: bool) -> list[str]:
    """Time both, and compare the likelihoods they end at."""
    frame = customers(n)
    candidates: dict[str, Any] = {OURS: lambda: ParetoNBD().fit(frame)}
    if with_peer:
        import lifetimes

        columns = [frame[column] for column in ("frequency", "recency", "T")]
        candidates[PEER] = lambda: lifetimes.ParetoNBDFitter().fit(*columns)
    timings, results = interleaved(candidates, rounds=5, once=[PEER])
    mine = timings[OURS]
    cells = [f"{n:,}", f"{mine.best:.3f}", f"{mine.median:.3f}"]
    if not with_peer:
        return [*cells, "", "", ""]
    theirs = ParetoNBD.from_params({name: float(results[PEER].params_[name]) for name in TRUTH})
    gained = results[OURS].score(frame) - theirs.score(frame)
    assert gained > -1e-9, f"lifetimes reached a higher likelihood, by {-gained} per customer"
    return [*cells, f"{timings[PEER].best:.1f}", f"{timings[PEER].best / mine.best:.0f} ×", f"{gained:.0e}"]


def main() -> None:
    """Time, compare the optima, write the section."""
    warnings.simplefilter("ignore")  # lifetimes warns of its own search
    rows = [row(100_000, with_peer=True), row(1_000_000, with_peer=False)]
    text = "\n".join(
        [
            "## Pareto/NBD",
            "",
            "From a pandas frame of (frequency, recency, T) in whole days to parameters, standard errors and",
            "log-likelihood; lifetimes to parameters. Best of 5 rounds (lifetimes 1), in turns in one process.",
            "`gained` is by how much our log-likelihood per customer is higher.",
            machine("numpy", "scipy", "pandas", "lifetimes"),
            "",
            table(["customers", "churnlib, s", "median, s", "lifetimes, s", "ratio", "gained"], rows),
        ]
    )
    write_section("clv-paretonbd", text)
    print(text)


if __name__ == "__main__":
    main()
