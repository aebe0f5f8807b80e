"""Early warning on a stream, end to end on one core: a line of JSON in, features, rules with state, JSON out."""

from __future__ import annotations

import gc
import io
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.bench_online import CUSTOMERS, DAY, FOURTEEN, START, make, make_events
from benchmarks.side_by_side import machine, table, write_section
from churnlib.alerts import OnlineAlerts, OnlineStep, Rule, RuleSet
from churnlib.features import OnlineFeatures

EVENTS = 500_000
BEGIN = START + 365 * DAY
SPAN = 30 * DAY
"""The events of the stream happen in a month, after a year of which the service knows already."""

CONDITIONS = {
    "no_visit": ("any.recency >= 30", 1, 1.0),
    "no_order": ("order.count.90d == 0 and any.count.90d >= 2", 2, 1.5),
    "refund_close": ("any.sum.30d < 0 and any.count.30d <= 1", 3, 4.0),
    "downhill": ("any.slope.12w < -0.02 and any.count.180d >= 4", 2, 1.5),
    "half": ("any.sum.90d <= 0.25 * any.sum.180d and any.sum.180d > 50", 2, 1.5),
    "gap": ("any.recency * any.count >= 3 * any.tenure", 1, 1.0),
    "faded": ("any.count.30d == 0 and any.count.365d >= 8", 1, 0.5),
    **{f"x{k}": (f"any.recency >= {7 * k} and any.count.365d > {k}", 1, 0.1) for k in range(2, 15)},
}


def rules() -> RuleSet:
    """Twenty rules with tolerance: cooldown for all, and time, history and inhibition for some."""
    special: dict[str, dict[str, Any]] = {
        "gap": {"for_": "1d"},
        "faded": {"of": (2, 3)},
        "no_visit": {"inhibited_by": "refund_close", "escalate": [("14d", 2)]},
        "half": {"keep_firing": "2d"},
    }
    return RuleSet(
        [
            Rule(name, level, when, weight=weight, cooldown="7d", **special.get(name, {}))
            for name, (when, level, weight) in CONDITIONS.items()
        ],
        units={"any.recency": "days", "any.tenure": "days"},
    )


def lines_of(n: int, n_customers: int, *, late: float = 0.02) -> list[str]:
    """Draw the stream in order of arrival; some events happened up to a week before."""
    rng = np.random.default_rng(1)
    at = np.sort(BEGIN + rng.integers(0, SPAN, n)) - np.where(rng.random(n) < late, rng.integers(0, 7 * DAY, n), 0)
    columns = {
        "who": rng.integers(0, n_customers, n),
        "at": at,
        "kind": np.array(["order", "visit"], dtype=object)[rng.integers(0, 2, n)],
        "total": rng.integers(-1_000, 10_000, n) / 100,
        "what": rng.integers(0, 500, n),
    }
    listed = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [json.dumps(dict(zip(columns, values, strict=True))) for values in listed]


def service(n_customers: int) -> tuple[OnlineFeatures, OnlineAlerts]:
    """What a service has that has run for a year: ten events of each customer, and the states of all rules."""
    history = pd.DataFrame(make_events(n_customers))
    history["at"] = pd.to_datetime(history["at"], unit="us", utc=True)
    features = make(FOURTEEN)
    features.update_batch(history)
    features.tick(BEGIN)
    alerts = rules().bind(FOURTEEN).online()
    alerts.step_batch(features.columns(), BEGIN)
    return features, alerts


def told(steps: Sequence[OnlineStep], out: io.StringIO) -> int:
    """Write notifications as lines of JSON, as a sink would."""
    count = 0
    for step in steps:
        for alert, reason in step.notifications:
            notice = {
                "customer": alert.customer,
                "rule": alert.rule,
                "reason": reason,
                "level": alert.level,
                "since": alert.since.isoformat(),
                "score": step.score,
            }
            out.write(json.dumps(notice) + "\n")
            count += 1
    return count


@dataclass
class Run:
    """Processor seconds of each batch, and how many events were in it."""

    seconds: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    notices: int = 0
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return sum(self.sizes) / sum(self.seconds)

    def percentile(self, q: float) -> float:
        return 1e3 * float(np.percentile(self.seconds, q))


def one_by_one(lines: Sequence[str], n_customers: int) -> Run:
    """Take every event in and evaluate its customer before the next one."""
    (features, alerts), out, run = service(n_customers), io.StringIO(), Run()
    now = BEGIN
    freeze()
    for line in lines:
        began = time.process_time()
        event = json.loads(line)
        features.update(event)
        now = max(now, event["at"] + 1)
        who = event["who"]
        step = alerts.step(who, features.features(who, now), now)
        if step.notifications:
            run.notices += told([step], out)
        run.seconds.append(time.process_time() - began)
        run.sizes.append(1)
    return run


def in_batches(batches: Iterator[Sequence[str]], n_customers: int) -> Run:
    """Take the events of a batch in, and evaluate whom they touched, each once."""
    (features, alerts), out, run = service(n_customers), io.StringIO(), Run()
    update, clock, loads = features.update, time.process_time, json.loads
    parts = dict.fromkeys(("JSON in and events taken", "features read", "rules stepped", "JSON out"), 0.0)
    freeze()
    for lines in batches:
        began = clock()
        touched: dict[int, None] = {}
        for line in lines:
            event = loads(line)
            update(event)
            touched[event["who"]] = None
        taken = clock()
        columns = features.columns(list(touched))
        read = clock()
        steps = alerts.step_batch(columns, columns.at)
        stepped = clock()
        run.notices += told(steps, out)
        ended = clock()
        run.seconds.append(ended - began)
        run.sizes.append(len(lines))
        for name, spent in zip(parts, (taken - began, read - taken, stepped - read, ended - stepped), strict=True):
            parts[name] += spent
    run.parts = parts
    return run


def freeze() -> None:
    """Leave what was made before to itself: no service holds the lines of its future."""
    gc.collect()
    gc.freeze()


def sized(lines: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (lines[begin : begin + size] for begin in range(0, len(lines), size))


def timed(lines: Sequence[str], rate: float, ms: float) -> tuple[list[Sequence[str]], list[np.ndarray]]:
    """Cut lines that arrive at random, at a rate, into batches of some milliseconds; return when they arrived, too."""
    arrival = np.cumsum(np.random.default_rng(2).exponential(1 / rate, len(lines)))
    border = np.searchsorted(arrival, np.arange(ms / 1e3, arrival[-1] + ms / 1e3, ms / 1e3))
    borders = [0, *border.tolist(), len(lines)]
    pairs = [(begin, end) for begin, end in pairwise(borders) if end > begin]
    return [lines[begin:end] for begin, end in pairs], [arrival[begin:end] for begin, end in pairs]


def latencies(run: Run, arrivals: Sequence[np.ndarray], ms: float) -> np.ndarray:
    """Milliseconds from the arrival of each event to the end of its batch, which waits for the one before it."""
    free, found = 0.0, []
    for times, seconds in zip(arrivals, run.seconds, strict=True):
        closes = (np.floor(times[-1] / (ms / 1e3)) + 1) * ms / 1e3
        free = max(free, closes) + seconds
        found.append(1e3 * (free - times))
    return np.concatenate(found)


def by_size(lines: Sequence[str], n_customers: int) -> list[list[str]]:
    rows = []
    for size in (1, 100, 1_000):
        if size == 1:
            run = one_by_one(lines[: len(lines) // 10], n_customers)
        else:
            run = in_batches(sized(lines, size), n_customers)
        rows.append(
            [f"{size:,}", f"{run.rate:,.0f}", f"{1e6 / run.rate:.1f}", f"{run.percentile(50):.3f}",
             f"{run.percentile(99):.3f}", f"{1e3 * run.notices / sum(run.sizes):.0f}"]
        )  # fmt: skip
        print(rows[-1], {name: f"{1e6 * spent / sum(run.sizes):.2f}" for name, spent in run.parts.items()}, flush=True)
    return rows


def by_time(lines: Sequence[str], n_customers: int) -> tuple[list[list[str]], dict[str, float]]:
    rows, parts = [], {}
    for rate, ms in ((50_000, 10), (50_000, 20), (25_000, 10)):
        batches, arrivals = timed(lines, rate, ms)
        run = in_batches(iter(batches), n_customers)
        late = latencies(run, arrivals, ms)
        busy = 100 * sum(run.seconds) * rate / len(lines)
        rows.append(
            [f"{rate:,}", f"{ms} ms", f"{np.mean(run.sizes):.0f}", f"{run.rate:,.0f}", f"{busy:.0f} %",
             *(f"{np.percentile(late, q):.1f}" for q in (50, 99))]
        )  # fmt: skip
        parts = parts or {name: 1e6 * spent / len(lines) for name, spent in run.parts.items()}
        print(rows[-1], flush=True)
    return rows, parts


def main(n: int = EVENTS, n_customers: int = CUSTOMERS) -> None:
    """Time, write the section."""
    lines = lines_of(n, n_customers)
    sizes = by_size(lines, n_customers)
    times, parts = by_time(lines, n_customers)
    spent = ", ".join(f"{name} {us:.1f}" for name, us in parts.items())
    text = "\n".join(
        [
            "## Early warning on a stream",
            "",
            f"{n:,} events of {n_customers:,} customers as lines of JSON in order of arrival, 2 % of them up to a week",
            "late, after a year with ten events of each; for every batch the events are parsed and taken in, the 14",
            "features of the touched customers read, the 20 rules stepped with their state (cooldown for all, time,",
            "history, inhibition, escalation for some), and notifications written as lines of JSON. One core;",
            f"processor time, so that others at work on the machine do not count. {machine('numpy', 'pandas')}",
            "",
            table(
                ["events a batch", "events a second", "µs an event", "batch p50, ms", "batch p99, ms",
                 "notifications per 1,000 events"],
                sizes,
            ),
            "",
            "Batches of a length of time, with events that arrive at random: latency is from the arrival of an event",
            "to the end of its batch, which waits until its time is over and the batch before it is done.",
            "",
            table(
                ["events arriving a second", "batches of", "events each", "events a second it can take", "core busy",
                 "latency p50, ms", "latency p99, ms"],
                times,
            ),
            "",
            f"Of the first of these, in µs an event: {spent}.",
        ]
    )  # fmt: skip
    write_section("stream", text)
    print(text)


if __name__ == "__main__":
    main()
