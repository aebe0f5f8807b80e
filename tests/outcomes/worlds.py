"""Small worlds for the tests of outcomes, and slow definitions of churn that share no code with the package.

Times are whole microseconds counted from 1970, so that a test can look at *every* instant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd
from hypothesis import strategies as st

import churnlib as cl
from churnlib.outcomes import NEVER, Outcomes

STEP = 10  # boundaries lie at multiples of this many microseconds
END = 130

Spell = tuple[int, int]


def stamp(us: int) -> pd.Timestamp:
    """Name a microsecond."""
    return pd.Timestamp(us, unit="us", tz="UTC")


def instants(high: int = 100) -> st.SearchStrategy[int]:
    """Draw instants, most of them at a boundary or one microsecond off it."""
    near = st.builds(lambda k, off: max(0, min(high, k * STEP + off)), st.integers(0, high // STEP), st.integers(-1, 1))
    return near | st.integers(0, high)


def make_log(rows: Sequence[dict[str, Any]], *, until: int = END, attributes: Sequence[str] = ()) -> cl.EventLog:
    """Make a log of rows with the keys id, t and maybe known, kind, amount and attributes."""
    frame = pd.DataFrame(list(rows))
    frame["t"] = [stamp(t) for t in frame["t"]]
    roles = {role: role for role in ("kind", "amount") if role in frame}
    if "known" in frame:
        frame["known"] = [stamp(t) for t in frame["known"]]
        roles["known_at"] = "known"
    return cl.EventLog.from_frame(
        frame, customer="id", time="t", complete_until=stamp(until), attributes=list(attributes), **roles
    )


def rows_of(
    columns: dict[str, st.SearchStrategy[Any]], *, late: bool = False, max_size: int = 14
) -> st.SearchStrategy[Any]:
    """Draw rows of up to three customers; `late` rows become known some time after they happen."""
    fields = {"id": st.sampled_from("abc"), "t": instants(), **columns}
    if not late:
        return st.lists(st.fixed_dictionaries(fields), min_size=1, max_size=max_size)
    delays = st.sampled_from([0, 0, 0, 1, 9, 10, 11, 30])

    def known(row: dict[str, Any]) -> dict[str, Any]:
        return {**{k: v for k, v in row.items() if k != "delay"}, "known": row["t"] + row["delay"]}

    return st.lists(st.fixed_dictionaries({**fields, "delay": delays}).map(known), min_size=1, max_size=max_size)


def events_of(log: cl.EventLog, code: int) -> list[dict[str, Any]]:
    """Return the events of a customer in the log's order, as plain Python values."""
    events = []
    for i in range(int(log.offsets[code]), int(log.offsets[code + 1])):
        event: dict[str, Any] = {"t": int(log.time[i]), "kind": log.kinds[log.kind[i]]}
        event["known"] = event["t"] if log.known is None else int(log.known[i])
        event["amount"] = None if log.amount is None else int(log.amount[i])
        for name, attribute in log.attributes.items():
            value = attribute.values[i]
            if attribute.categories is None:
                event[name] = None if pd.isna(value) else float(value)
            else:
                event[name] = None if value < 0 else str(attribute.categories[value])
        events.append(event)
    return events


def follow(
    start: int | None,
    lost_after: Callable[[int], tuple[int, Any] | None],
    back_at: Callable[[int, Any], int | None],
) -> list[Spell]:
    """Follow one customer: lost at an instant after the start, back at an instant at or after the loss."""
    spells: list[Spell] = []
    while start is not None:
        loss = lost_after(start)
        if loss is None:
            return [*spells, (start, NEVER)]
        spells.append((start, loss[0]))
        start = back_at(*loss)
    return spells


def censored(spells: Iterable[Spell], until: int) -> list[Spell]:
    """Leave undecided what could not be known by the end of the data."""
    return [(s, e if e <= until else NEVER) for s, e in spells if s < until]


def spells_of(outcomes: Outcomes) -> dict[Any, list[Spell]]:
    """Return the spells of each customer as plain Python values."""
    found: dict[Any, list[Spell]] = {customer: [] for customer in outcomes.customers}
    for code, start, end in zip(outcomes.customer, outcomes.start, outcomes.end, strict=True):
        found[outcomes.customers[code]].append((int(start), int(end)))
    return found


def expected(log: cl.EventLog, slow: Callable[[list[dict[str, Any]]], list[Spell]]) -> dict[Any, list[Spell]]:
    """Apply a slow definition to every customer."""
    return {
        customer: censored(slow(events_of(log, code)), log.complete_until_us)
        for code, customer in enumerate(log.customers)
    }


def first_true(candidates: Iterable[int], holds: Callable[[int], bool]) -> int | None:
    """Return the first candidate, in time order, that holds."""
    return next((x for x in sorted(set(candidates)) if holds(x)), None)


def timeline(events: list[dict[str, Any]], name: str) -> list[tuple[int, Any]]:
    """Return what was believed from which instant on: at each, the known fact about the latest time."""
    stated = [(e["known"], e["t"], i, e[name]) for i, e in enumerate(events) if e[name] is not None]
    believed: list[tuple[int, Any]] = []
    held: tuple[int, int] | None = None
    for instant in sorted({known for known, *_ in stated}):
        best = max((fact for fact in stated if fact[0] <= instant), key=lambda fact: (fact[1], fact[2]))
        if held != best[1:3]:
            believed.append((instant, best[3]))
            held = best[1:3]
    return believed
