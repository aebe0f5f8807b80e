"""Uplift metrics with intervals beside scikit-uplift and causalml: one process, in turns, the same arrays.

The peers pin old packages and want an environment of their own: ``pip install scikit-uplift causalml``, and churnlib.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import Timing, interleaved, machine, table, write_section
from churnlib.metrics import (
    RankedEffects,
    cost_curve,
    ipw_scores,
    qini_interval,
    qini_score,
    uplift_summary,
    uplift_table,
)

ROWS = 1_000_000
EVERY = "five metrics and deciles, fifteen intervals"
DRAWS = 1000
"""Repetitions of a bootstrap, of which only a few are timed."""


def trial(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, score and treatment; the score tells something about the effect."""
    rng = np.random.default_rng(0)
    score = rng.normal(size=n)
    treated = (rng.random(n) < 0.5).astype(np.int8)
    return (rng.random(n) < 0.5 + 0.05 * np.tanh(score) * treated).astype(np.int8), score, treated


def resampled(
    y: np.ndarray, s: np.ndarray, t: np.ndarray, metric: Callable[..., Any], *, times: int = 2
) -> Callable[[], list[Any]]:
    """Draw rows anew and call the peer, as its users do for want of an interval."""
    rng = np.random.default_rng(1)

    def run() -> list[Any]:
        found = []
        for _ in range(times):
            rows = rng.integers(0, y.size, y.size)
            found.append(metric(y[rows], s[rows], t[rows]))
        return found

    return run


def candidates(y: np.ndarray, s: np.ndarray, t: np.ndarray) -> dict[str, Callable[[], Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        causalml, sklift = import_module("causalml.metrics"), import_module("sklift.metrics")

    arms: dict[str, Any] = {"treatment": t, "propensity": 0.5}

    def rate(y: np.ndarray, s: np.ndarray, t: np.ndarray) -> Any:
        return causalml.rate_score(pd.DataFrame({"y": y, "w": t, "score": s}))

    def everything() -> Any:
        ranked = RankedEffects(ipw_scores(y, **arms), s)
        return ranked.summary(), ranked.table()

    return {
        EVERY: everything,
        "five metrics, five intervals": lambda: uplift_summary(y, s, **arms),
        "decile table, ten intervals": lambda: uplift_table(y, s, **arms),
        "one Qini with its interval": lambda: qini_interval(y, s, **arms),
        "one Qini": lambda: qini_score(y, s, **arms),
        "Qini as sklift defines it": lambda: qini_score(y, s, treatment=t, method="sklift"),
        "cost curve, 50 budgets, 3 treatments": _cost_curve(y.size),
        "scikit-uplift, one qini_auc_score": lambda: sklift.qini_auc_score(y, s, t),
        "scikit-uplift, two draws of a bootstrap": resampled(y, s, t, sklift.qini_auc_score),
        "causalml, one rate_score": lambda: rate(y, s, t),
        "causalml, two draws of a bootstrap": resampled(y, s, t, rate),
    }


def _cost_curve(n: int) -> Callable[[], Any]:
    rng = np.random.default_rng(2)
    score = rng.normal(0.5, 1, (n, 3))
    effect = score + rng.normal(0, 2, (n, 3))
    return lambda: cost_curve(effect, score, cost=[1.0, 2.0, 4.0])


def rows_of(timings: dict[str, Timing]) -> list[list[str]]:
    return [[name, f"{1e3 * timing.best:.0f}", f"{1e3 * timing.median:.0f}"] for name, timing in timings.items()]


def ratios(timings: dict[str, Timing]) -> list[list[str]]:
    ours = timings["five metrics, five intervals"].best
    every = timings[EVERY].best
    found: list[tuple[str, float, str]] = [
        ("one qini_auc_score of scikit-uplift", timings["scikit-uplift, one qini_auc_score"].best, "no interval"),
    ]
    for peer in ("scikit-uplift", "causalml"):
        draw = timings[f"{peer}, two draws of a bootstrap"].best / 2
        found.append((f"a bootstrap of {peer}, {DRAWS:,} draws", DRAWS * draw, "two draws timed, the rest multiplied"))
    return [
        [name, f"{seconds:,.2f} s", f"{seconds / ours:,.1f} ×", f"{seconds / every:,.1f} ×", note]
        for name, seconds, note in found
    ]


def main() -> None:
    """Time, compare the values, write the section."""
    y, s, t = trial(ROWS)
    timings, results = interleaved(candidates(y, s, t), rounds=5, once=[])
    apart = abs(results["Qini as sklift defines it"] / results["scikit-uplift, one qini_auc_score"] - 1)
    text = "\n".join(
        [
            "## Uplift metrics",
            "",
            f"{ROWS:,} rows, 0 or 1 outcomes, continuous scores; best and median of 5 rounds, in turns in one process.",
            "The five metrics are the mean effect, Qini, AUUC, AUTOC and the effect on the best tenth, each with its",
            f"interval. The Qini as scikit-uplift defines it differs from the peer's by {apart:.0e}.",
            machine("numpy", "pandas", "scikit-uplift", "causalml"),
            "",
            table(["what", "best, ms", "median, ms"], rows_of(timings)),
            "",
            table(
                ["the peer's", "takes", "five metrics with intervals: faster by", "... and deciles", ""],
                ratios(timings),
            ),
        ]
    )
    write_section("uplift metrics", text)
    print(text)


if __name__ == "__main__":
    main()
