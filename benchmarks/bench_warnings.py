"""How good warnings by rules are on five public logs, out of time, beside "silent for 30 days".

Needs the real data: CHURNLIB_DATA names the folder. Rewrites the section "warnings" of RESULTS.md and the tables of
the page that explains them.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import machine, table, write_section
from benchmarks.warning_logs import LOGS, WarningLog
from churnlib.alerts import AgainstSilence, Backtest, Rule, RuleFit, RuleSet
from churnlib.snapshots import Dataset

DATA = Path(os.environ.get("CHURNLIB_DATA", "data"))
PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "warning-on-real-logs.md"
FEW = 20
"""Of fewer judged warnings no share is shown."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of the rules of one log: learned on the training window, tried on the test window."""

    log: WarningLog
    train: Dataset
    test: Dataset
    fit: RuleFit
    alerts: Backtest
    desk: Backtest
    line: AgainstSilence
    desk_line: AgainstSilence


def judged(log: WarningLog, folder: Path = DATA, *, lead: str | None = None) -> Judged:
    """Read, split by time, weigh the rules on the first part, try them on the last: once."""
    data, seen = log.datasets(folder) if lead is None else log.datasets(folder, lead=lead)
    train, test = data.split(test_cutoffs=log.test_cutoffs)
    fit = log.rules.fit(train)
    since = test.cutoff.min()
    alerts = fit.rules.backtest(seen, since=since, recency=log.silence)
    desk = fit.rules.backtest(seen, since=since, recency=log.silence, capacity=log.capacity)
    return Judged(log, train, test, fit, alerts, desk, alerts.against_silence(), alerts.against_silence(log.capacity))


# -- the tables of the page -----------------------------------------------------------------------


def protocol(logs: Iterable[Judged]) -> str:
    """Lay out what was decided beforehand."""
    headings = ["log", "a loss is", "in", "training cutoffs", "rows", "lost", "test cutoffs", "rows", "lost"]
    rows = []
    for one in logs:
        parts = [cell for part in (one.train, one.test) for cell in _window(part)]
        rows.append([one.log.name, one.log.loss, one.log.horizon, *parts])
    return table(headings, rows)


def line(logs: Iterable[Judged]) -> str:
    """Lay out the comparison with silence at the volume of silence."""
    headings = [
        "log",
        "silent 30 days, a week",
        "base rate",
        "score",
        "silent 30 days",
        "difference",
        "95 %",
        "verdict",
    ]
    return table(headings, [_compared(one, one.line) for one in logs])


def capacity(logs: Iterable[Judged]) -> str:
    """Lay out the comparison with the longest silences at the volume of a desk.

    Who is lost within the lead has no label. Where that is most of a list, the rest of it says nothing.
    """
    headings = ["log", "places a week", "base rate", "score", "too late", "silence", "too late", "difference", "95 %"]
    rows = []
    for one in logs:
        name, places, base, score, silent, difference, interval, _ = _compared(one, one.desk_line)
        all_places = one.desk_line.per_list * one.desk_line.n_cutoffs
        late = [f"{1 - known / all_places:.0%}" for known in (one.desk_line.judged, one.desk_line.judged_silent)]
        rows.append([name, places, base, score, late[0], silent, late[1], difference, interval])
    return table(headings, rows)


def desk(logs: Iterable[Judged]) -> str:
    """Lay out the alerts that a desk of that capacity would have had."""
    headings = [
        "log",
        "warned by",
        "alerts a week",
        "right",
        "95 %",
        "base rate",
        "days ahead (quartiles)",
        "lost caught",
    ]
    rows = []
    for one in logs:
        listed = one.desk.table
        for part in ("combined", "silence"):
            row = listed[listed["part"] == part].iloc[0]
            name = "rules" if part == "combined" else "silent 30 days"
            days = _text(row["lead_days"], ".0f")
            if math.isfinite(row["lead_days"]):
                days += f" ({row['lead_low']:.0f}–{row['lead_high']:.0f})"
            caught = f"{row['share_caught']:.1%} of {one.desk.n_lost:,}"
            enough = row["judged"] >= FEW
            interval = _interval(row["low"], row["high"], ".1%") if enough else "–"
            right = _text(row["precision"], ".1%") if enough else f"{row['right']:.0f} of {row['judged']:.0f}"
            base = f"{row['base_rate']:.1%}"
            rows.append([one.log.name, name, f"{row['per_week']:.1f}", right, interval, base, days, caught])
    return table(headings, rows)


def variants(one: Judged, folder: Path = DATA) -> dict[str, AgainstSilence]:
    """Compare otherwise than the protocol says: another lead, model of the weights, or length of silence."""
    since, data = one.test.cutoff.min(), one.alerts.replay.data
    quiet: dict[str, Any] = {"since": since, "recency": one.log.silence, "n_boot": 2}  # its intervals are not read
    hazard = one.log.rules.fit(one.train, method="hazard").rules
    return {
        "as above": one.line,
        "no lead": judged(one.log, folder, lead="0d").line,
        "weights by hazards": hazard.backtest(data, **quiet).against_silence(),
        **{
            f"silent {days} days": one.fit.rules.backtest(data, silence=f"{days}d", **quiet).against_silence()
            for days in (14, 45)
        },
        "a model instead of rules": by_model(one),
    }


def by_model(one: Judged) -> AgainstSilence:
    """Rank by a boosted model of the same columns: its probability, cut at shares of the training rows."""
    model = HistGradientBoostingClassifier(max_iter=100, learning_rate=0.05, max_leaf_nodes=8, random_state=0)
    model.fit(one.train.X, one.train.y)
    edges = np.quantile(model.predict_proba(one.train.X)[:, 1], [*np.arange(0.05, 0.95, 0.05), 0.95, 0.97, 0.98, 0.99])
    graded = RuleSet([Rule(f"risk {edge}", 1, f"risk >= {edge:.9f}") for edge in np.unique(edges)])
    data, since = one.alerts.replay.data, one.test.cutoff.min()
    tried = graded.backtest(data, since=since, recency=one.log.silence, scores={"risk": model}, n_boot=2)
    return tried.against_silence()


def afterwards(logs: Iterable[Judged], folder: Path = DATA) -> str:
    """Lay out the comparisons that are not part of the protocol."""
    found = {one.log.name: variants(one, folder) for one in logs}
    found = {name: row for name, row in found.items() if math.isfinite(row["as above"].low)}
    names = list(next(iter(found.values())))
    cells = {
        name: [f"{100 * one.difference:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f})" for one in row.values()]
        for name, row in found.items()
    }
    return table(["log", *names], [[name, *row] for name, row in cells.items()])


def rules(one: Judged) -> str:
    """Lay out the rules of a log: what they say, what history gave them, and what they were worth later."""
    headings = [
        "rule",
        "when",
        "weight (± standard error)",
        "alerts a week",
        "right",
        "95 %",
        "days ahead",
        "lost caught",
    ]
    found = one.alerts.table
    found = found[found["part"] == "rule"].set_index("name")
    rows = []
    for name, when in one.log.conditions.items():
        row, weighed = found.loc[name], one.fit.report.loc[name]
        weight = f"{weighed['weight']:.2f}"
        if math.isfinite(weighed["standard_error"]):
            weight += f" ± {weighed['standard_error']:.2f}"
        rows.append(
            [
                name,
                f"`` {when} ``" if "`" in when else f"`{when}`",
                weight,
                _text(row["per_week"], ",.1f"),
                _text(row["precision"], ".1%"),
                _interval(row["low"], row["high"], ".1%"),
                _text(row["lead_days"], ".0f"),
                _text(row["share_caught"], ".1%"),
            ]
        )
    return table(headings, rows)


def _window(part: Dataset) -> list[str]:
    cutoffs = np.unique(part.cutoff)
    first, last = (f"{pd.Timestamp(cutoffs[k]):%Y-%m-%d}" for k in (0, -1))
    return [f"{len(cutoffs)}: {first} to {last}", f"{len(part):,}", f"{part.y.mean():.1%}"]


def _compared(one: Judged, found: AgainstSilence) -> list[str]:
    enough = min(found.judged, found.judged_silent) >= FEW
    return [
        one.log.name,
        f"{found.per_list:,.1f}",
        f"{one.alerts.base_rate:.1%}",
        f"{found.precision:.1%}" if found.judged >= FEW else "–",
        f"{found.precision_silent:.1%}" if found.judged_silent >= FEW else "–",
        f"{100 * found.difference:+.1f} points" if enough else "–",
        f"{100 * found.low:+.1f} to {100 * found.high:+.1f}" if enough else "–",
        found.verdict if enough else "hardly anybody is silent",
    ]


def _text(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else "–"


def _interval(low: float, high: float, form: str) -> str:
    return f"{low:{form}}–{high:{form}}" if math.isfinite(low) else "–"


def main() -> None:
    """Judge all five; write the sections into RESULTS.md and into the page."""
    found = []
    for log in LOGS:
        began = time.perf_counter()
        found.append(judged(log))
        print(f"{log.name:20} {time.perf_counter() - began:6.1f} s", flush=True)
    parts = {"protocol": protocol(found), "line": line(found), "desk": desk(found), "capacity": capacity(found)}
    parts["afterwards"] = afterwards(found)
    parts |= {f"rules of {one.log.name}": rules(one) for one in found}
    for name, text in parts.items():
        write_section(name, text, path=PAGE)
        print(text, end="\n\n")
    shown = (
        f"## Warnings on five real logs\n\n{machine('numpy', 'pandas', 'scipy')}\n\n{parts['line']}\n\n{parts['desk']}"
    )
    write_section("warnings", shown)


if __name__ == "__main__":
    main()
