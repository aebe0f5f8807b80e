"""Two ways to do one thing, timed in turns in one process; and the section of RESULTS.md that says so."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["RESULTS", "Timing", "interleaved", "machine", "table", "write_section"]

RESULTS = Path(__file__).with_name("RESULTS.md")


@dataclass(frozen=True)
class Timing:
    """Seconds of each round."""

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return median(self.seconds)


def interleaved(
    candidates: Mapping[str, Callable[[], Any]], *, rounds: int = 5, once: Sequence[str] = ()
) -> tuple[dict[str, Timing], dict[str, Any]]:
    """Run every candidate in every round, so that all meet the same weather; return timings and last results.

    Names in `once` are slow peers, run in the first round only.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    results: dict[str, Any] = {}
    for turn in range(rounds):
        for name, run in candidates.items():
            if turn and name in once:
                continue
            began = time.perf_counter()
            results[name] = run()
            seconds[name].append(time.perf_counter() - began)
            print(f"{name:48} {seconds[name][-1]:9.4f} s", flush=True)
    return {name: Timing(tuple(values)) for name, values in seconds.items()}, results


def machine(*packages: str) -> str:
    """Say what ran: processor, cores, load, versions."""
    try:
        model = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
        processor = model.partition(":")[2].strip()
    except (OSError, StopIteration):
        processor = platform.processor()
    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    python = platform.python_version()
    return f"{platform.machine()}, {os.cpu_count()} cores ({processor}){load}; Python {python}, {versions}."


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out a table in Markdown."""
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def write_section(name: str, text: str, *, path: Path = RESULTS) -> None:
    """Replace one section of RESULTS.md, or of another page, or add it at the end."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n{text.strip()}\n{end}"
    whole = path.read_text(encoding="utf-8")
    if begin in whole:
        before, _, rest = whole.partition(begin)
        whole = before + section + rest.partition(end)[2]
    else:
        whole = f"{whole.rstrip()}\n\n{section}\n"
    path.write_text(whole, encoding="utf-8")
