"""Gamma-Gamma beside lifetimes: one process, in turns, the same customers, the same optimum."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import interleaved, machine, table, write_section
from churnlib.clv import GammaGamma

PAPER = {"p": 6.25, "q": 3.74, "v": 15.44}


def customers(n: int) -> pd.DataFrame:
    """Draw mean spends of customers with a repeat purchase; parameters of CDNOW, on average five purchases."""
    frequency = np.random.default_rng(0).geometric(0.2, n)
    return GammaGamma.from_params(PAPER).simulate(frequency, random_state=0)


def compare(n: int, *, rounds: int) -> list[str]:
    """Time both fits, and return a row of the table."""
    import lifetimes

    frame = customers(n)
    columns = frame["frequency"], frame["monetary_value"]
    candidates = {
        f"churnlib Gamma-Gamma {n:,}": lambda: GammaGamma().fit(frame).params_,
        f"lifetimes Gamma-Gamma {n:,}": lambda: dict(lifetimes.GammaGammaFitter().fit(*columns).params_),
    }
    timings, results = interleaved(candidates, rounds=rounds)
    (ours, mine), (peer, theirs) = timings.items()
    apart = max(abs(results[ours][name] / results[peer][name] - 1) for name in PAPER)
    return [
        f"{n:,}",
        f"{mine.best:.4f}",
        f"{mine.median:.4f}",
        f"{theirs.best:.3f}",
        f"{theirs.median:.3f}",
        f"{theirs.best / mine.best:.0f} ×",
        f"{apart:.0e}",
    ]


def main() -> None:
    """Time, compare the optima, write the section."""
    warnings.simplefilter("ignore")  # lifetimes warns of its own line search
    rows = [compare(n, rounds=5) for n in (100_000, 1_000_000)]
    headings = ["customers", "churnlib, s", "median", "lifetimes, s", "median", "ratio", "apart"]
    text = "\n".join(
        [
            "## Gamma-Gamma",
            "",
            "From a pandas frame of (frequency, monetary_value) to parameters, standard errors, log-likelihood and the",
            "correlation; lifetimes to parameters. Best of 5 rounds, in turns in one process. `apart` is the largest",
            "relative difference between the parameters.",
            machine("numpy", "scipy", "pandas", "lifetimes"),
            "",
            table(headings, rows),
        ]
    )
    if "--dry" in sys.argv[1:]:  # print only
        print(text)
        return
    write_section("clv-gammagamma", text)
    print(text)


if __name__ == "__main__":
    main()
