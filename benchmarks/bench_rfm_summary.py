"""Summaries of purchases side by side: churnlib, lifetimes, and polars group-by.

``python benchmarks/bench_rfm_summary.py`` draws the purchases, runs every candidate in one
process, round after round, so that all of them meet the same weather, keeps the best of the
rounds, asserts that results are equal, and rewrites the section "Summaries of purchases" of
RESULTS.md (``--dry`` prints it only).
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

ROOT = Path(__file__).resolve().parent.parent
if __package__ in (None, ""):
    sys.path.insert(0, str(ROOT))

from benchmarks.bench_features import RESULTS, machine  # noqa: E402
from churnlib.clv import rfm_summary  # noqa: E402
from churnlib.events import EventLog  # noqa: E402

BEGIN, END = "<!-- rfm_summary: begin -->", "<!-- rfm_summary: end -->"
COLUMNS = {"customer": "customer_id", "time": "ts", "amount": "total"}
DAYS, CENTS = 730, 100
PROMISES = (
    ("{ids}, pandas frame vs lifetimes", "{ids}/lifetimes", "{ids}/churnlib, pandas frame", "≥ 4 ×"),
    ("{ids}, ready log vs lifetimes", "{ids}/lifetimes", "{ids}/churnlib, ready log", "≥ 15 ×"),
)
PEERS = (
    ("{ids}, polars frame: time against polars", "{ids}/churnlib, polars frame", "polars frame", "≤ 1.5 ×"),
    ("{ids}, pandas frame: time against polars", "{ids}/churnlib, pandas frame", "pandas frame", ""),
)


def purchases(n_rows: int, n_customers: int, *, seed: int = 42) -> pd.DataFrame:
    """Draw two years of purchases in time order; a few customers are busy and many are not."""
    rng = np.random.default_rng(seed)
    seconds = np.sort(rng.integers(0, DAYS * 86_400, n_rows))
    return pd.DataFrame(
        {
            "customer_id": np.floor(rng.random(n_rows) ** 1.6 * n_customers).astype(np.int64),
            "ts": np.datetime64("2024-01-01", "us") + seconds.astype("m8[s]"),
            "total": rng.integers(1, 100_000, n_rows) / CENTS,
        }
    )


def with_lifetimes(frame: pd.DataFrame) -> pd.DataFrame:
    """Take the peer that the columns are named after."""
    from lifetimes.utils import summary_data_from_transaction_data

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return summary_data_from_transaction_data(frame, "customer_id", "ts", "total")


def _with_polars(frame: Any, grouped: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.DataFrame:
    lazy = (frame if isinstance(frame, pl.DataFrame) else pl.from_pandas(frame)).lazy()
    rows = lazy.select(
        "customer_id",
        (pl.col("ts").dt.epoch("us") // 86_400_000_000).cast(pl.Int32).alias("day"),
        (pl.col("total") * CENTS).round().cast(pl.Int64),
    )
    end = rows.select(pl.col("day").max().alias("end"))
    repeats = pl.col("n") - 1
    return (
        grouped(rows)
        .join(end, how="cross")
        .select(
            "customer_id",
            repeats.cast(pl.Int64).alias("frequency"),
            (pl.col("last") - pl.col("first")).cast(pl.Float64).alias("recency"),
            (pl.col("end") - pl.col("first")).cast(pl.Float64).alias("T"),
            pl.when(repeats > 0).then(pl.col("later") / (repeats * CENTS)).otherwise(0.0).alias("monetary_value"),
        )
        .sort("customer_id")
        .collect()
    )


def with_polars_by_day(frame: Any) -> pl.DataFrame:
    """Group by customer and day, then by customer."""
    day, total = pl.col("day"), pl.col("total")

    def grouped(rows: pl.LazyFrame) -> pl.LazyFrame:
        days = rows.group_by("customer_id", "day").agg(total.sum())
        first = total.get(day.arg_min())
        return days.group_by("customer_id").agg(
            pl.len().cast(pl.Int64).alias("n"), day.min().alias("first"), day.max().alias("last"),
            (total.sum() - first).alias("later"),
        )  # fmt: skip

    return _with_polars(frame, grouped)


def with_polars_at_once(frame: Any) -> pl.DataFrame:
    """Group by customer only, counting distinct days inside."""
    day, total = pl.col("day"), pl.col("total")

    def grouped(rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.group_by("customer_id").agg(
            day.n_unique().cast(pl.Int64).alias("n"), day.min().alias("first"), day.max().alias("last"),
            total.filter(day != day.min()).sum().alias("later"),
        )  # fmt: skip

    return _with_polars(frame, grouped)


@dataclass
class Measure:
    """What the rounds of one candidate gave."""

    call: Callable[[], Any]
    seconds: list[float] = field(default_factory=list)
    result: Any = None

    def run(self, name: str) -> None:
        self.result = None
        before = time.perf_counter()
        self.result = self.call()
        self.seconds.append(time.perf_counter() - before)
        print(f"{name:48} {self.seconds[-1]:8.4f} s", flush=True)

    @property
    def best(self) -> float:
        """Seconds of the fastest round."""
        return min(self.seconds)


def plan(frame: pd.DataFrame, ids: str) -> dict[str, Measure]:
    """Return every candidate; all of them must agree."""
    native, log = pl.from_pandas(frame), EventLog.from_frame(frame, **COLUMNS)
    calls: dict[str, Callable[[], Any]] = {
        "lifetimes": lambda: with_lifetimes(frame),
        "polars by day, polars frame": lambda: with_polars_by_day(native),
        "polars at once, polars frame": lambda: with_polars_at_once(native),
        "polars by day, pandas frame": lambda: with_polars_by_day(frame),
        "polars at once, pandas frame": lambda: with_polars_at_once(frame),
        "churnlib, pandas frame": lambda: rfm_summary(frame, **COLUMNS),
        "churnlib, polars frame": lambda: rfm_summary(native, **COLUMNS),
        "churnlib, ready log": lambda: rfm_summary(log),
    }
    return {f"{ids}/{name}": Measure(call) for name, call in calls.items()}


def check(measures: dict[str, Measure], ids: str) -> None:
    """Assert that all candidates say the same of every customer.

    churnlib and polars add integers and agree to the bit; lifetimes adds floats.
    """
    results = {name: m.result for name, m in measures.items() if name.startswith(f"{ids}/")}
    reference = results[f"{ids}/churnlib, ready log"]
    for name, result in results.items():
        table = result.to_pandas().set_index("customer_id") if isinstance(result, pl.DataFrame) else result
        assert table.index.tolist() == reference.index.tolist(), name
        for column in ("frequency", "recency", "T"):
            assert np.array_equal(table[column], reference[column]), (name, column)
        exact = "lifetimes" not in name
        tolerance = 0 if exact else 1e-12
        np.testing.assert_allclose(table["monetary_value"], reference["monetary_value"], rtol=tolerance, err_msg=name)


def ratios(measures: dict[str, Measure]) -> list[tuple[str, str, str]]:
    """Return (what, measured, asked) for each promise."""
    best = {name: measure.best for name, measure in measures.items()}
    rows = []
    for ids in dict.fromkeys(name.split("/")[0] for name in measures):
        for what, peer, own, asked in PROMISES:
            ratio = best[peer.format(ids=ids)] / best[own.format(ids=ids)]
            rows.append((what.format(ids=ids), f"{ratio:.1f} ×", asked))
        for what, own, source, asked in PEERS:
            peer_best = min(best[f"{ids}/polars {form}, {source}"] for form in ("by day", "at once"))
            rows.append((what.format(ids=ids), f"{best[own.format(ids=ids)] / peer_best:.2f} ×", asked))
    return rows


def report(measures: dict[str, Measure], *, n_rows: int, n_customers: int) -> str:
    """Return the section of RESULTS.md."""
    rounds = max(len(m.seconds) for m in measures.values())
    packages = ", ".join(f"{name} {version(name)}" for name in ("lifetimes", "polars"))
    lines = [
        "## Summaries of purchases",
        "",
        f"{n_rows:,} purchases of {n_customers:,} customers in {DAYS} days to frequency, recency, T and mean spend.",
        f"Best of {rounds} rounds in one process, all candidates in every round; {packages}.",
        machine(pl.thread_pool_size()),
        "",
        "Polars counts with the faster of its two spellings and uses all cores; churnlib and lifetimes use one.",
        "churnlib and polars agree to the bit, lifetimes adds floats and agrees to 1e-12.",
        "",
        "| promise | measured | asked |",
        "|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in ratios(measures)),
        "",
        "| ids | candidate | best, s | median, s |",
        "|---|---|---|---|",
    ]
    for name, m in measures.items():
        ids, candidate = name.split("/")
        lines.append(f"| {ids} | {candidate} | {m.best:.4f} | {sorted(m.seconds)[len(m.seconds) // 2]:.4f} |")
    return "\n".join(lines)


def write_section(text: str) -> None:
    """Put the section between its marks in RESULTS.md, or at its end."""
    page = RESULTS.read_text() if RESULTS.exists() else "# Benchmarks\n"
    if BEGIN not in page:
        page = f"{page.rstrip()}\n\n{BEGIN}\n{END}\n"
    head, rest = page.split(BEGIN)
    RESULTS.write_text(f"{head}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the purchases, run the rounds, check, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--dry", action="store_true", help="print the section, and write nothing")
    chosen = parser.parse_args(arguments)
    frame = purchases(chosen.rows, chosen.customers)
    texts = frame.assign(customer_id=frame["customer_id"].map("C{:08}".format))
    measures = plan(frame, "integers") | plan(texts, "texts")
    for _ in range(chosen.rounds):
        for name, measure in measures.items():
            measure.run(name)
    for ids in ("integers", "texts"):
        check(measures, ids)
    text = report(measures, n_rows=chosen.rows, n_customers=chosen.customers)
    if not chosen.dry:
        write_section(text)
    print(text)


if __name__ == "__main__":
    main()
