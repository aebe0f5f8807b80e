"""BG/NBD and MBG/NBD beside lifetimes: one process, in turns, the same customers, the same optimum."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import interleaved, machine, table, write_section
from churnlib.clv import BGNBD, MBGNBD

PAPER = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}


def customers(n: int, model: type = BGNBD) -> pd.DataFrame:
    """Draw histories with whole days, observed for half a year to a year; parameters of CDNOW."""
    generator = np.random.default_rng(0)
    weeks = model.from_params(PAPER).simulate(T=generator.integers(182, 366, n) / 7, random_state=0)
    T = (weeks["T"] * 7).round()
    recency = np.where(weeks["frequency"] > 0, np.maximum(np.floor(weeks["recency"] * 7), 1), 0)
    return pd.DataFrame({"frequency": weeks["frequency"], "recency": recency, "T": T})


def fits(name: str, frame: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    """Return our fit and the peer's."""
    import lifetimes

    ours, peer = {
        "BG/NBD": (BGNBD, lifetimes.BetaGeoFitter),
        "MBG/NBD": (MBGNBD, lifetimes.ModifiedBetaGeoFitter),
    }[name]
    columns = [frame[column] for column in ("frequency", "recency", "T")]
    return {
        f"churnlib {name}": lambda: ours().fit(frame).params_,
        f"lifetimes {name}": lambda: dict(peer().fit(*columns).params_),
    }


def main() -> None:
    """Time, compare the optima, write the section."""
    warnings.simplefilter("ignore")  # lifetimes warns of its own line search
    rows = []
    for n in (100_000, 1_000_000):
        for name in ("BG/NBD", "MBG/NBD"):
            frame = customers(n)
            candidates = fits(name, frame)
            timings, results = interleaved(candidates, rounds=5 if n < 1_000_000 else 3)
            (ours, mine), (peer, theirs) = timings.items()
            apart = max(abs(results[ours][key] / results[peer][key] - 1) for key in PAPER)
            ratio = f"{theirs.best / mine.best:.0f} ×"
            rows.append([name, f"{n:,}", f"{mine.best:.4f}", f"{theirs.best:.3f}", ratio, f"{apart:.0e}"])
    text = "\n".join(
        [
            "## BG/NBD and MBG/NBD",
            "",
            "From a pandas frame of (frequency, recency, T) in whole days to parameters, standard errors and",
            "log-likelihood; lifetimes to parameters. Best of 5 rounds (3 at a million), in turns in one process.",
            "`apart` is the largest relative difference between the parameters.",
            machine("numpy", "scipy", "pandas", "lifetimes"),
            "",
            table(["model", "customers", "churnlib, s", "lifetimes, s", "ratio", "apart"], rows),
        ]
    )
    write_section("clv", text)
    print(text)


if __name__ == "__main__":
    main()
