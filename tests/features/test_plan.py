from __future__ import annotations

import numpy as np

from churnlib.calendar import Duration
from churnlib.features._counts import EventCount
from churnlib.features._plan import NOW, Plan
from churnlib.features._source import EVERY_EVENT
from churnlib.features._trend import WeekTrend

DAY = 86_400_000_000
CUTOFFS = np.array([1000, 1007]) * DAY


def test_equal_raw_columns_and_equal_edges_are_planned_once():
    raws = [EventCount(EVERY_EVENT, "7d"), EventCount(EVERY_EVENT, "7d"), WeekTrend(EVERY_EVENT, 2)]
    plan = Plan.of(raws, CUTOFFS, "UTC")
    assert [raw.name for raw in plan.raws] == ["any.count.7d", "any.trend.2w"]
    # Edges 0, 7 and 14 days back from two cutoffs a week apart overlap.
    assert (plan.tiling.edges // DAY).tolist() == [986, 993, 1000, 1007]
    assert plan.rows_of[NOW].tolist() == [2, 3]
    assert plan.rows_of[Duration.parse("14d")].tolist() == [0, 1]


def test_tiles_know_how_many_cutoffs_have_passed():
    plan = Plan.of([EventCount(EVERY_EVENT, "7d")], CUTOFFS, "UTC")
    # Edges are 993, 1000 (both a cutoff and an opening) and 1007.
    assert plan.passed(NOW).tolist() == [0, 0, 1, 2]
    assert plan.passed(Duration.parse("7d")).tolist() == [0, 1, 2, 2]


def test_one_cutoff_keeps_its_edges_only():
    plan = Plan.of([EventCount(EVERY_EVENT, "7d")], CUTOFFS, "UTC").only(1)
    assert plan.cutoffs.tolist() == [1007 * DAY]
    assert (plan.tiling.edges // DAY).tolist() == [1000, 1007]


def test_windows_that_open_out_of_order_are_noticed():
    twice = np.array(["2025-10-26T00:30", "2025-10-26T01:10"], "M8[us]").astype(np.int64)
    month = Duration.parse("1mo")
    assert not Plan.of([EventCount(EVERY_EVENT, "1mo")], twice, "Europe/Berlin").ascends(month)
    assert Plan.of([EventCount(EVERY_EVENT, "1mo")], twice, "UTC").ascends(month)
