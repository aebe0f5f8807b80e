"""The published strategies draw what they promise."""

from __future__ import annotations

import pandas as pd
from hypothesis import Phase, find, given, settings

from churnlib.testing import event_frames, event_logs

EDGE = pd.Timestamp("2025-06-01", tz="UTC")


@given(event_frames(boundaries=[EDGE], late=True, max_size=20))
def test_frames_hold_the_columns_and_stay_before_the_end(frame):
    assert list(frame.columns) == ["customer_id", "time", "kind", "amount", "item", "known_at"]
    assert (frame[["time", "known_at"]].max() < pd.Timestamp("2026-01-01", tz="UTC")).all()


def test_boundaries_are_hit_exactly_and_on_both_sides():
    generate = settings(phases=[Phase.generate], max_examples=300, deadline=None)
    for shift in (-1, 0, 1):
        at = EDGE + pd.Timedelta(shift, unit="us")
        find(
            event_frames(boundaries=[EDGE], max_size=5),
            lambda frame, at=at: bool((frame["time"] == at).any()),
            settings=generate,
        )


@given(event_logs(late=True, max_size=20))
def test_logs_are_complete_until_the_end(log):
    assert log.complete_until == pd.Timestamp("2026-01-01", tz="UTC")
    assert log.known is not None
    assert (log.known >= log.time).all()


@given(event_frames(kinds="order", max_size=5))
def test_one_kind_may_be_named_by_itself(frame):
    assert set(frame["kind"]) == {"order"}
