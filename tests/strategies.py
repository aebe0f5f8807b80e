"""Hypothesis strategies shared by the tests: logs, cutoffs, and a time frame to label them in."""

from __future__ import annotations

import pandas as pd
from hypothesis import strategies as st

import churnlib as cl
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
