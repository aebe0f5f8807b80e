"""Streams hold what happened when it became known; changes are derived from dated facts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import ParameterError, SchemaError
from churnlib.reasons._happenings import NEVER_BEFORE, Stream, streams

DAY = 86_400_000_000
ROWS = pd.DataFrame(
    [
        ("a", 1, "join", "pro", None, None), ("a", 5, "use", None, "chat", 10.0), ("a", 9, "bill", "basic", None, 12.0),
        ("a", 12, "bill", "basic", None, 11.0), ("a", 20, "bill", "pro", None, 11.0),
        ("b", 2, "join", "basic", None, None),
        ("b", 6, "use", None, "maps", None), ("b", 7, "use", None, "chat", None), ("b", 8, "use", None, "chat", None),
    ],
    columns=["id", "day", "kind", "plan", "feature", "fee"],
)  # fmt: skip
ROWS["at"] = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(ROWS["day"], unit="D")
LOG = cl.EventLog.from_frame(ROWS, customer="id", time="at", kind="kind", item="feature", attributes=["plan", "fee"])


def days(stream: Stream) -> list[tuple[int, int]]:
    start = cl.calendar.to_us("2025-01-01")
    who = np.repeat(np.arange(len(stream.offsets) - 1), np.diff(stream.offsets))
    return [(int(a), int((b - start) // DAY)) for a, b in zip(who, stream.at, strict=True)]


def test_kinds_items_and_changes() -> None:
    found = {stream.name: days(stream) for stream in streams(LOG, items="use", changes=None)}
    assert list(found) == [
        "bill", "join", "use", "use: chat", "use: maps", "plan changed", "plan: basic → pro", "plan: pro → basic",
        "fee changed", "fee rose", "fee fell",
    ]  # fmt: skip
    assert found["use: chat"] == [(0, 5), (1, 7), (1, 8)]
    assert found["plan changed"] == [(0, 9), (0, 20)]
    assert found["plan: pro → basic"] == [(0, 9)]
    assert found["fee rose"] == [(0, 9)]
    assert found["fee fell"] == [(0, 12)]


def test_only_what_is_asked_for() -> None:
    assert [stream.name for stream in streams(LOG, items=None, changes=[])] == ["bill", "join", "use"]
    names = [stream.name for stream in streams(LOG, items=None, changes=["fee"])]
    assert names[3:] == ["fee changed", "fee rose", "fee fell"]


def test_nothing_counts_before_it_was_known() -> None:
    late = ROWS.assign(known=ROWS["at"] + pd.Timedelta(days=3))
    log = cl.EventLog.from_frame(late, customer="id", time="at", kind="kind", attributes=["plan"], known_at="known")
    found = {stream.name: days(stream) for stream in streams(log, items=None, changes=None)}
    assert found["bill"] == [(0, 12), (0, 15), (0, 23)]
    assert found["plan changed"] == [(0, 12), (0, 23)]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20)), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 22)), min_size=1, max_size=10),
)
def test_the_last_occurrence_is_the_largest_before(events: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    who, at = (np.array(part, dtype=np.int64) for part in zip(*events, strict=True))
    stream = Stream.of("x", who, at, 4)
    customer, instant = (np.array(part, dtype=np.int64) for part in zip(*asked, strict=True))
    expected = [max((t for w, t in events if w == c and t < i), default=NEVER_BEFORE) for c, i in asked]
    assert stream.last_before(customer, instant).tolist() == expected


def test_wrong_names_are_named() -> None:
    with pytest.raises(ParameterError, match="kinds are not in the log: 'uses'"):
        streams(LOG, items="uses", changes=None)
    with pytest.raises(ParameterError, match="no attribute 'plans'"):
        streams(LOG, items=None, changes=["plans"])
    plain = cl.EventLog.from_frame(ROWS, customer="id", time="at", kind="kind")
    with pytest.raises(SchemaError, match="the log has no items"):
        streams(plain, items="use", changes=None)
    with pytest.raises(ParameterError, match="it has none"):
        streams(plain, items=None, changes=["plan"])
