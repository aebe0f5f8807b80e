"""Hypothesis strategies shared by the tests: logs, cutoffs, and a time frame to label them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

import churnlib as cl
from churnlib.expressions import _nodes as nodes
from churnlib.testing import event_frames

CUTOFFS = ["2025-06-01", "2025-07-01", "2025-08-01"]
LEAD, HORIZON, SILENCE = "7d", "30d", "20d"
COMPLETE_UNTIL = "2025-09-01"
DAY = pd.Timedelta("1D")


def _boundaries() -> list[pd.Timestamp]:
    """Instants where an off-by-one shows: cutoffs, ends of windows, and churn falling on them."""
    days = (0, 7, 37, -20, -13, 17, -7, -30, -84, -90)
    stamps = [pd.Timestamp(c, tz="UTC") + day * DAY for c in CUTOFFS for day in days]
    # The log cannot hold what lies beyond its end (nor, with the ± 1 µs, at it).
    return [s for s in stamps if s < pd.Timestamp(COMPLETE_UNTIL, tz="UTC")]


BOUNDARIES = _boundaries()


def frames(*, late: bool = False, min_size: int = 1, max_size: int = 30) -> st.SearchStrategy:
    """Frames of events around CUTOFFS."""
    return event_frames(
        boundaries=BOUNDARIES,
        start="2024-06-01",
        end=COMPLETE_UNTIL,
        late=late,
        min_size=min_size,
        max_size=max_size,
    )


def to_log(frame: pd.DataFrame, **options) -> cl.EventLog:
    """Turn a drawn frame into a log that is complete until COMPLETE_UNTIL."""
    options = {"complete_until": COMPLETE_UNTIL, "timezone": "UTC"} | options
    return cl.EventLog.from_frame(
        frame,
        customer="customer_id",
        time="time",
        kind="kind",
        amount="amount",
        item="item",
        known_at="known_at" if "known_at" in frame else None,
        **options,
    )


# --- purchases -------------------------------------------------------------------------------

# New York skips an hour, then has one twice; St. John's set its clocks back at one minute past
# midnight until 2011, so that a day came again; Kolkata's hours begin at half past those of UTC.
CHANGES = {
    "UTC": ["2010-03-31", "2010-11-07"],
    "America/New_York": ["2010-03-14", "2010-11-07"],
    "America/St_Johns": ["2010-03-14", "2010-11-07"],
    "Asia/Kolkata": ["2010-01-31", "2010-11-08"],
}


@st.composite
def purchase_frames(draw, zone: str, *, min_size: int = 1, max_size: int = 25) -> pd.DataFrame:
    """Purchases of few customers that crowd midnights, days in which clocks change, and each other."""
    days = [pd.Timestamp(day) + shift * DAY for day in CHANGES[zone] for shift in (-1, 0, 1, 7)]
    midnights = [day.tz_localize(zone, ambiguous=True, nonexistent="shift_forward") for day in days]
    clock = st.sampled_from([0, 1, -1, 60, 30 * 60, 90 * 60, 2 * 3600, 4 * 3600, 5 * 3600, 12 * 3600]).map(
        lambda second: pd.Timedelta(seconds=second)
    )
    tick = st.sampled_from([-1, 0, 0, 0, 1]).map(lambda us: pd.Timedelta(microseconds=us))
    time = st.builds(lambda day, *rest: sum(rest, day.tz_convert("UTC")), st.sampled_from(midnights), clock, tick)
    size = draw(st.integers(min_size, max_size))
    frame = pd.DataFrame(
        {
            "who": [draw(st.sampled_from(["ann", "bob", "cy", "Zoë"])) for _ in range(size)],
            "ts": pd.Series([draw(time) for _ in range(size)], dtype="datetime64[us, UTC]"),
            "total": [draw(st.sampled_from([0.0, 9.99, -9.99, 0.1, 100.5])) for _ in range(size)],
        }
    )
    return frame.reset_index(drop=True)


def purchase_cutoffs(zone: str) -> st.SearchStrategy[pd.Timestamp]:
    """Instants at and about the times `purchase_frames` draws."""
    days = [pd.Timestamp(day) + shift * DAY for day in CHANGES[zone] for shift in (0, 1, 2, 8)]
    midnights = [day.tz_localize(zone, ambiguous=True, nonexistent="shift_forward") for day in days]
    shifts = [pd.Timedelta(microseconds=us) for us in (-1, 0, 1, 60_000_000, 5_400_000_000, 43_200_000_000)]
    return st.builds(
        lambda day, shift: day.tz_convert("UTC") + shift, st.sampled_from(midnights), st.sampled_from(shifts)
    )


# --- expressions -----------------------------------------------------------------------------

NUMBERS = ("n", "m", "order.n_30d", "days since")
TEXTS = ("plan", "客户")
FLAGS = ("active", "missing")
VALUES = (0.0, 1.0, 2.0, -1.0, 0.5, 30.0, 1e300)
WORDS = ("", "basic", "Pro", 'a "b"', "日本", "\n\t\\", "\u0440\u0430\u0443\u0440\u0430l", "p\u0430y\u200b", "'`")


def _joined(kind: type, inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, min_size=2, max_size=3).map(lambda parts: kind(tuple(parts)))


def number_nodes() -> st.SearchStrategy[Any]:
    """Trees that give a number, as the parser makes them: no minus before a number."""
    leaves = st.sampled_from(VALUES).map(nodes.Number) | st.sampled_from(NUMBERS).map(nodes.Name)

    def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return (
            st.builds(nodes.Arithmetic, st.sampled_from("+-*/"), inner, inner)
            | inner.filter(lambda node: not isinstance(node, nodes.Number)).map(nodes.Minus)
            | st.builds(nodes.Call, st.sampled_from(["min", "max", "coalesce"]), st.tuples(inner, inner))
            | st.builds(nodes.Call, st.just("abs"), st.tuples(inner))
        )

    return st.recursive(leaves, larger, max_leaves=4)


def condition_nodes(*, max_leaves: int = 6) -> st.SearchStrategy[Any]:
    """Trees of conditions over the columns of `expression_rows`."""
    number = number_nodes()
    text = st.sampled_from(WORDS).map(nodes.Text) | st.sampled_from(TEXTS).map(nodes.Name)
    texts = text | st.builds(nodes.Call, st.just("coalesce"), st.tuples(text, text))
    numbers = st.lists(st.sampled_from(VALUES).map(nodes.Number), min_size=1, max_size=3).map(tuple)
    words = st.lists(st.sampled_from(WORDS).map(nodes.Text), min_size=1, max_size=3).map(tuple)
    flag = st.sampled_from(FLAGS).map(nodes.Name) | st.booleans().map(nodes.Flag)
    leaves = (
        st.builds(nodes.Compare, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), number, number)
        | st.builds(nodes.Compare, st.sampled_from(["==", "!="]), texts, texts)
        | st.builds(nodes.In, number, numbers)
        | st.builds(nodes.In, texts, words)
        | st.builds(nodes.Between, number, number, number)
        | (number | texts | flag).map(nodes.Missing)
        | flag
    )

    def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return (
            inner.map(nodes.Not)
            | _joined(nodes.And, inner)
            | _joined(nodes.Or, inner)
            | inner.map(nodes.Missing)
            | st.builds(nodes.Compare, st.sampled_from(["==", "!="]), inner, flag)
            | st.builds(nodes.Call, st.just("coalesce"), st.tuples(inner, flag))
        )

    return st.recursive(leaves, larger, max_leaves=max_leaves)


def expression_rows(*, min_size: int = 1, max_size: int = 6) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows with missing values of every kind."""
    number = st.sampled_from([*VALUES, None, float("nan"), float("inf"), -0.0]) | st.floats() | st.integers(-3, 3)
    row = dict.fromkeys(NUMBERS, number)
    row |= {name: st.sampled_from([*WORDS, None]) for name in TEXTS}
    row |= {name: st.sampled_from([True, False, None]) for name in FLAGS}
    return st.lists(st.fixed_dictionaries(row), min_size=min_size, max_size=max_size)


# --- rows under observation ------------------------------------------------------------------


@dataclass(frozen=True)
class WatchedRows:
    """When observation began and ended, how it ended (0: still here; k: left by cause k), and how many rows it was."""

    time: np.ndarray
    event: np.ndarray
    entry: np.ndarray | None
    weight: np.ndarray | None

    def take(self, rows: np.ndarray) -> WatchedRows:
        parts = (self.time, self.event, self.entry, self.weight)
        return WatchedRows(*(None if part is None else part[rows] for part in parts))

    @property
    def options(self) -> dict[str, Any]:
        return {"entry": self.entry, "weight": self.weight}


@st.composite
def watched_rows(
    draw: st.DrawFn,
    *,
    n_causes: int = 1,
    entry: bool | None = None,
    weight: bool | None = None,
    whole: bool | None = None,
    max_size: int = 20,
) -> WatchedRows:
    """Few rows full of ties, of entries with ends too; None lets an entry, a weight or fractions be there or not."""
    entry, weight, whole = (draw(st.booleans()) if asked is None else asked for asked in (entry, weight, whole))
    size = draw(st.integers(1, max_size))
    unit = 1.0 if whole else 0.25

    def column(values: st.SearchStrategy[Any]) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=size, max_size=size)))

    begin = column(st.integers(0, 8)) if entry else np.zeros(size, dtype=int)
    time = (begin + column(st.integers(1, 6))) * unit
    weights = column(st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 3.7])) if weight else None
    if weights is not None and not weights.any():
        weights[0] = 1.0
    return WatchedRows(time, column(st.integers(0, n_causes)), begin * unit if entry else None, weights)
