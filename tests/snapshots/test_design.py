"""suggest_design: what it chooses fits into the history and can be split."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import HistoryError
from churnlib.snapshots import suggest_design


def log_of(days: float, start: str = "2024-01-10") -> cl.EventLog:
    first = pd.Timestamp(start, tz="UTC")
    frame = pd.DataFrame({"id": [1, 1], "at": [first, first + pd.Timedelta(days=days)]})
    return cl.EventLog.from_frame(frame, customer="id", time="at")


@given(days=st.integers(45, 1500), offset=st.integers(0, 40))
def test_every_cutoff_is_labelled_and_the_split_leaves_something_to_train_on(days, offset):
    first = pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days=offset)
    log = log_of(days, str(first.date()))
    design = suggest_design(log)
    horizon = pd.Timedelta(design.horizon.fixed_us, unit="us")
    window = pd.Timedelta(design.lead.fixed_us, unit="us") + horizon
    at = list(design.cutoffs)
    assert at[-1] + window <= log.complete_until
    assert at[0] - first >= horizon
    training = [c for c in at if c + window <= at[-design.test_cutoffs]]
    assert 1 <= len(training) <= 12
    assert all(c.day == 1 for c in at) if design.every == "month" else all(c.day_name() == "Monday" for c in at)


@pytest.mark.parametrize(
    ("days", "horizon", "lead", "every"),
    [
        (540, "60d", "7d", "month"),
        (300, "60d", "7d", "week"),
        (181, "30d", "7d", "week"),
        (80, "14d", "2d", "week"),
        (50, "7d", "1d", "week"),
    ],
)
def test_the_rules(days, horizon, lead, every):
    design = suggest_design(log_of(days))
    assert (str(design.horizon), str(design.lead), str(design.inactivity), design.every) == (
        horizon,
        lead,
        horizon,
        every,
    )


def test_what_is_given_stays():
    design = suggest_design(log_of(540), inactivity="45d", lead="3d", horizon="20d")
    assert (str(design.inactivity), str(design.lead), str(design.horizon)) == ("45d", "3d", "20d")
    assert str(design).startswith(
        "lost = 45d of silence, lead 3d, horizon 20d; 14 cutoffs, one a month, 2024-05-01 to "
    )


def test_boundaries_are_those_of_the_zone_of_the_log():
    frame = pd.DataFrame({"id": [1, 1], "at": ["2024-01-10", "2025-07-10"]})
    log = cl.EventLog.from_frame(frame, customer="id", time="at", timezone="Asia/Shanghai")
    assert {c.hour for c in suggest_design(log).cutoffs} == {0}
    assert suggest_design(log).cutoffs.tz == "Asia/Shanghai"


@pytest.mark.parametrize(("days", "options"), [(3, {}), (20, {}), (200, {"horizon": "90d"})])
def test_too_short_a_history_is_refused(days, options):
    with pytest.raises(HistoryError, match=rf"the history of {days} days .* is too short for lead"):
        suggest_design(log_of(days), **options)
