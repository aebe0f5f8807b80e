"""BG/BB beside lifetimes: one process, in turns, the same customers, the same optimum."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import interleaved, machine, table, write_section
from churnlib.clv import BGBB

DONORS = {"alpha": 1.2035, "beta": 0.7497, "gamma": 0.6567, "delta": 2.7834}


def customers(n: int) -> pd.DataFrame:
    """Draw donors of several cohorts, 4 to 12 opportunities each; parameters of the donations."""
    T = np.random.default_rng(0).integers(4, 13, n)
    return BGBB.from_params(DONORS).simulate(T=T, random_state=0)


def lifetimes_of_rows(frame: pd.DataFrame) -> dict[str, float]:
    """Fit the peer to the rows as they come."""
    import lifetimes

    return dict(lifetimes.BetaGeoBetaBinomFitter().fit(frame["frequency"], frame["recency"], frame["T"]).params_)


def lifetimes_of_counts(frame: pd.DataFrame) -> dict[str, float]:
    """Count equal histories first, as the peer's manual advises."""
    import lifetimes

    counted = frame.groupby(["frequency", "recency", "T"]).size().rename("weights").reset_index()
    columns = [counted[name] for name in ("frequency", "recency", "T")]
    return dict(lifetimes.BetaGeoBetaBinomFitter().fit(*columns, weights=counted["weights"]).params_)


def measure(n: int, rounds: int, peers: Sequence[Callable[[pd.DataFrame], dict[str, float]]]) -> list[list[str]]:
    """Time the fits on n customers and compare the optima."""
    frame = customers(n)
    candidates = {"churnlib": lambda: BGBB().fit(frame).params_}
    candidates |= {peer.__name__: lambda peer=peer: peer(frame) for peer in peers}
    timings, results = interleaved(candidates, rounds=rounds, once=["lifetimes_of_rows"])
    ours = timings["churnlib"].best
    rows = []
    for peer in peers:
        theirs = timings[peer.__name__].best
        apart = max(abs(results["churnlib"][key] / results[peer.__name__][key] - 1) for key in DONORS)
        name = "as rows" if peer is lifetimes_of_rows else "counted first"
        rows.append([f"{n:,}", name, f"{ours:.4f}", f"{theirs:.3f}", f"{theirs / ours:.0f} ×", f"{apart:.0e}"])
    return rows


def main() -> None:
    """Time, compare the optima, write the section."""
    warnings.simplefilter("ignore")  # lifetimes warns of its own line search
    rows = [
        *measure(100_000, 5, [lifetimes_of_rows, lifetimes_of_counts]),
        *measure(1_000_000, 5, [lifetimes_of_counts]),
    ]
    text = "\n".join(
        [
            "## BG/BB",
            "",
            "From a pandas frame of (frequency, recency, T), a row for each customer, to parameters, standard errors",
            "and log-likelihood; lifetimes to parameters, from the same rows, or after a group-by that counts equal",
            "ones (its time included). Best of 5 rounds (1 for the rows in lifetimes), in turns in one process.",
            "`apart` is the largest relative difference between the parameters.",
            machine("numpy", "scipy", "pandas", "lifetimes"),
            "",
            table(["customers", "lifetimes takes them", "churnlib, s", "lifetimes, s", "ratio", "apart"], rows),
        ]
    )
    write_section("clv-discrete", text)
    print(text)


if __name__ == "__main__":
    main()
