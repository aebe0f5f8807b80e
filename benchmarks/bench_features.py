"""Features side by side: churnlib, hand-written SQL in DuckDB, and pandas group-by.

``python benchmarks/bench_features.py`` (or ``make bench``) writes the log, runs every candidate in
a process of its own, round after round, so that all of them meet the same weather, keeps
the best of the rounds, asserts that results are equal to the bit, and rewrites the section
"Features" of RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if __package__ in (None, ""):
    sys.path.insert(0, str(ROOT))

from benchmarks.event_file import write_events  # noqa: E402
from benchmarks.features_sql import CUTOFFS  # noqa: E402

RESULTS = Path(__file__).with_name("RESULTS.md")
BEGIN, END = "<!-- features: begin -->", "<!-- features: end -->"
TWELVE = tuple(f"2025-{month:02}-01" for month in range(1, 13))


@dataclass
class Measure:
    """What the rounds of one candidate gave."""

    candidate: str
    distinct: bool
    cutoffs: tuple[str, ...] = CUTOFFS
    path: str = ""
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    mib: float = 0.0
    rows: int = 0
    digests: set[str] = field(default_factory=set)

    @property
    def best(self) -> float:
        """Seconds of the fastest round."""
        return min(self.seconds)

    def run(self, *, threads: int, warm_path: str) -> None:
        """Run one round in a process of its own."""
        job = {
            "candidate": self.candidate, "distinct": self.distinct, "cutoffs": self.cutoffs, "path": self.path,
            "threads": threads, "warm_path": warm_path,
        }  # fmt: skip
        path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.child", json.dumps(job)],
            check=True, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        got = json.loads(done.stdout.splitlines()[-1])
        self.seconds.append(got["seconds"])
        self.cpu.append(got["cpu"])
        self.mib, self.rows = max(self.mib, got["mib"]), got["rows"]
        self.digests.add(got["digest"])
        label = f"{self.candidate}{', distinct' * self.distinct}, {len(self.cutoffs)} cutoffs"
        print(f"{label:48} {got['seconds']:8.3f} s {got['cpu']:8.3f} s CPU {got['mib']:7.0f} MiB", flush=True)


def plan(big: str, small: str) -> dict[str, Measure]:
    """Return every measure; those that share a prefix before the slash must agree."""
    measures = {}
    for distinct, mark in ((False, "plain"), (True, "distinct")):
        for candidate in ("sql", "sql, one scan", "from Parquet", "from a ready log"):
            measures[f"{mark}/{candidate}"] = Measure(candidate, distinct, path=big)
    measures["plain/finished frame"] = Measure("finished frame", distinct=False, path=big)
    measures["twelve/from Parquet"] = Measure("from Parquet", distinct=False, cutoffs=TWELVE, path=big)
    measures["twelve/from a ready log"] = Measure("from a ready log", distinct=False, cutoffs=TWELVE, path=big)
    for candidate in ("pandas", "from a ready log", "from Parquet"):
        measures[f"small/{candidate}"] = Measure(candidate, distinct=True, path=small)
    return measures


def check(measures: dict[str, Measure]) -> None:
    """Assert that candidates of one group gave the same bytes in every round."""
    for group in sorted({name.split("/")[0] for name in measures}):
        digests = set().union(*(m.digests for name, m in measures.items() if name.startswith(f"{group}/")))
        assert len(digests) == 1, f"{group}: candidates disagree ({digests})"


def ratios(measures: dict[str, Measure]) -> list[tuple[str, str, str, str]]:
    """Return (what, measured, asked, goal) for each promise."""
    best = {name: measure.best for name, measure in measures.items()}
    rows = []
    for mark, words, asked, goal in (("plain", "", "2.0", "2.5"), ("distinct", " with distinct", "2.7", "3")):
        by_sql = min(best[f"{mark}/sql"], best[f"{mark}/sql, one scan"])
        rows.append(
            (
                f"from Parquet{words} vs SQL",
                f"{by_sql / best[f'{mark}/from Parquet']:.2f} ×",
                f"≥ {asked} ×",
                f"{goal} ×",
            )
        )
        rows.append((f"ready log{words} vs SQL", f"{by_sql / best[f'{mark}/from a ready log']:.2f} ×", "≥ 5 ×", "6 ×"))
    peak = max(
        m.mib for name, m in measures.items() if name.split("/")[0] in {"plain", "distinct"} and "sql" not in name
    )
    rows.append(("peak memory, 4 cutoffs", f"{peak / 1024:.2f} GiB", "≤ 2.5 GiB", ""))
    growth = best["twelve/from Parquet"] / best["plain/from Parquet"]
    rows.append(("from 4 to 12 cutoffs, from Parquet", f"{growth:.2f} ×", "< 1.3 ×", ""))
    growth = best["twelve/from a ready log"] / best["plain/from a ready log"]
    rows.append(("from 4 to 12 cutoffs, ready log (3 × the output)", f"{growth:.2f} ×", "", ""))
    rows.append(
        ("ready log vs pandas group-by", f"{best['small/pandas'] / best['small/from a ready log']:.1f} ×", "≥ 20 ×", "")
    )
    rows.append(
        ("from Parquet vs pandas group-by", f"{best['small/pandas'] / best['small/from Parquet']:.1f} ×", "", "")
    )
    return rows


def machine(threads: int) -> str:
    """Name the machine and the versions."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pandas", "pyarrow", "duckdb"))
    load = f", load average {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores ({_processor()}), {threads} threads for each candidate{load}; "
        f"Python {platform.python_version()}, {packages}."
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def report(measures: dict[str, Measure], *, n_events: int, n_small: int, threads: int) -> str:
    """Return the section of RESULTS.md."""
    rounds = max(len(m.seconds) for m in measures.values())
    lines = [
        "## Features",
        "",
        f"{n_events:,} events, 4 cutoffs, 13 integer features (14 with distinct products).",
        f"Pandas on {n_small:,} events. Best of {rounds} rounds, a process for each candidate, all in every round.",
        machine(threads),
        "",
        "What is timed: SQL from the Parquet file to an Arrow table; churnlib from the Parquet file, or from",
        "an EventLog in memory, to the integer columns of `features.compute(...).raw` (the frame of floats is",
        "made from them on demand: see `finished frame`). SQL counts with the faster of its two spellings. A",
        "round times two executions in one process and keeps the faster. Every value of every row is hashed,",
        "and the candidates of a group must agree to the bit.",
        "",
        "| promise | measured | asked | goal |",
        "|---|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in ratios(measures)),
        "",
        "| group | candidate | best, s | median, s | CPU, s | peak, MiB | rows |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, m in measures.items():
        middle = sorted(m.seconds)[len(m.seconds) // 2]
        group, candidate = name.split("/")
        lines.append(
            f"| {group} | {candidate} | {m.best:.3f} | {middle:.3f} | {min(m.cpu):.3f} | {m.mib:.0f} | {m.rows:,} |"
        )
    return "\n".join(lines)


def write_section(text: str) -> None:
    """Put the section between its marks in RESULTS.md."""
    page = RESULTS.read_text() if RESULTS.exists() else f"# Benchmarks\n\n{BEGIN}\n{END}\n"
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    RESULTS.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the log, run the rounds, check, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--small", type=int, default=1_000_000, help="events of the comparison with pandas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="run the measures whose name contains this, and write nothing")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        big, small, warm = (str(Path(folder) / f"{name}.parquet") for name in ("big", "small", "warm"))
        for path, n in ((big, chosen.events), (small, chosen.small), (warm, 1000)):
            write_events(Path(path), n, max(n // 10, 1))
        measures = {name: m for name, m in plan(big, small).items() if chosen.only in name}
        for _ in range(chosen.rounds):
            for measure in measures.values():
                measure.run(threads=chosen.threads, warm_path=warm)
    check(measures)
    if not chosen.only:
        text = report(measures, n_events=chosen.events, n_small=chosen.small, threads=chosen.threads)
        write_section(text)
        print(text)


if __name__ == "__main__":
    main()
