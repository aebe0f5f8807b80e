"""Small logs for the feature tests, and a slow, plain-Python reading of every raw column."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from churnlib.calendar import Duration, to_us
from churnlib.events import Attribute, EventLog

DAY = 86_400_000_000
KINDS = ("cancel", "order", "visit")
CUTOFFS = [to_us(day, "UTC") for day in ("2025-03-01", "2025-03-31", "2025-06-01")]
BACK = (0, 7, 14, 84, 90, 180, 365)
EDGES = [c - days * DAY + shift for c in CUTOFFS for days in BACK for shift in (-1, 0, 1)]
EDGES += [Duration(None, m).before(c, "UTC") + shift for c in CUTOFFS for m in (1, 2) for shift in (-1, 0, 1)]


@dataclass(frozen=True)
class Event:
    customer: int
    time: int
    kind: int = 0
    amount: int = 0
    item: int = 0
    plan: int = -1
    known: int | None = None

    @property
    def seen(self) -> int:
        return self.time if self.known is None else max(self.time, self.known)


times = st.one_of(st.sampled_from(EDGES), st.integers(CUTOFFS[0] - 500 * DAY, CUTOFFS[-1] + 40 * DAY))


def events(*, late: bool = False, max_size: int = 40) -> st.SearchStrategy[list[Event]]:
    """Draw events of up to five customers whose times crowd the edges of windows."""
    known = st.one_of(st.none(), times) if late else st.none()
    amount = st.integers(-(10**6), 10**6)
    one = st.builds(
        Event, st.integers(0, 4), times, st.integers(0, 2), amount, st.integers(-1, 4), st.integers(-1, 2), known
    )
    return st.lists(one, min_size=1, max_size=max_size)


def make_log(drawn: list[Event], *, timezone: str = "UTC", scale: int = 2) -> EventLog:
    """Make a log of events in any order; customers are those who have one."""
    ids = sorted({e.customer for e in drawn})

    def column(name: str, dtype: type) -> np.ndarray:
        return np.array([getattr(e, name) for e in drawn], dtype)

    late = any(e.known is not None for e in drawn)
    return EventLog._from_arrays(
        customers=pd.Index(ids),
        codes=np.searchsorted(ids, column("customer", np.int64)).astype(np.int32),
        time=column("time", np.int64),
        kind=column("kind", np.int8),
        kinds=KINDS,
        known=column("seen", np.int64) if late else None,
        amount=column("amount", np.int64),
        scale=scale,
        item=column("item", np.int32),
        items=pd.RangeIndex(5),
        attributes={"plan": Attribute(column("plan", np.int32), pd.Index(["basic", "gold", "plus"]))},
        timezone=timezone,
    )


class Oracle:
    """What one customer's visible events say at one cutoff, without arrays."""

    def __init__(self, drawn: list[Event], customer: int, cutoff: int) -> None:
        self.cutoff = cutoff
        self.all = sorted(
            (e for e in drawn if e.customer == customer and e.time < cutoff and e.seen < cutoff),
            key=lambda e: (e.time, e.kind, e.item, e.amount, e.seen, e.plan),
        )

    def events(self, *, kind: str | None = None, per: str = "event", window: str | None = None) -> list[Event]:
        chosen = [e for e in self.all if kind is None or KINDS[e.kind] == kind]
        if per != "event":
            clock = {"occasion": lambda e: e.time, "day": lambda e: e.time // DAY}[per]
            chosen = [next(group) for _, group in itertools.groupby(chosen, clock)]
        opening = None if window is None else Duration.parse(window).before(self.cutoff, "UTC")
        return [e for e in chosen if opening is None or e.time >= opening]

    def count(self, **of: str | None) -> int:
        return len(self.events(**of))

    def total(self, **of: str | None) -> int:
        return sum(e.amount for e in self.events(**of))

    def distinct(self, **of: str | None) -> int:
        return len({e.item for e in self.events(**of)} - {-1})

    def since_last(self, **of: str | None) -> int:
        return min((self.cutoff - e.time for e in self.events(**of)), default=-1)

    def since_first(self, **of: str | None) -> int:
        return max((self.cutoff - e.time for e in self.events(**of)), default=-1)

    def gaps(self, **of: str | None) -> list[int]:
        seconds = [e.time // 1_000_000 for e in self.events(**of)]
        return [b - a for a, b in itertools.pairwise(seconds)]

    def gap_variance(self, **of: str | None) -> Fraction | None:
        gaps = self.gaps(**of)
        if len(gaps) < 2:
            return None
        mean = Fraction(sum(gaps), len(gaps))
        return sum(((g - mean) ** 2 for g in gaps), Fraction(0)) / (len(gaps) - 1)

    def trend(self, weeks: int, value: str = "count", **of: str | None) -> int:
        total = 0
        for e in self.events(**of):
            week = (self.cutoff - e.time - 1) // (7 * DAY)
            if week < weeks:
                total += (weeks - 1 - 2 * week) * (1 if value == "count" else e.amount)
        return total

    def run(self, kind: str, over: tuple[str, ...] = KINDS) -> int:
        looked_at = [KINDS[e.kind] for e in self.all if KINDS[e.kind] in over]
        return sum(1 for _ in itertools.takewhile(lambda k: k == kind, reversed(looked_at)))

    def plan(self) -> int:
        return next((e.plan for e in reversed(self.all) if e.plan >= 0), -1)


def pairs(drawn: list[Event], cutoffs: list[int] = CUTOFFS) -> list[tuple[int, int]]:
    """The rows a block has: customers known by the cutoff, by customer, then cutoff."""
    ids = sorted({e.customer for e in drawn})
    return [
        (code, cutoff) for code, customer in enumerate(ids) for cutoff in cutoffs if Oracle(drawn, customer, cutoff).all
    ]


def oracles(drawn: list[Event], cutoffs: list[int] = CUTOFFS) -> list[Oracle]:
    ids = sorted({e.customer for e in drawn})
    return [Oracle(drawn, ids[code], cutoff) for code, cutoff in pairs(drawn, cutoffs)]
