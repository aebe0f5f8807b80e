from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given

from churnlib.features import Facts, FeatureSpec, GapMean, GapRatio, GapStd, compute
from tests.features.worlds import CUTOFFS, DAY, Event, events, make_log, oracles

CUT = CUTOFFS[0]
DAY_S = 86_400


def frame_of(drawn, *features):
    return compute(make_log(drawn), np.array([CUT]), FeatureSpec(features)).frame


def test_gaps_of_a_hand_made_history():
    drawn = [Event(0, CUT - days * DAY) for days in (30, 20, 16, 10)]
    gaps = [10, 4, 6]
    frame = frame_of(drawn, GapMean(), GapStd(), GapRatio())
    assert frame.iloc[0].tolist() == pytest.approx([20 / 3, statistics.stdev(gaps), 10 / (20 / 3)], rel=1e-15)


def test_the_gap_that_straddles_the_beginning_of_the_window_is_left_out():
    drawn = [Event(0, CUT - days * DAY) for days in (30, 20, 16, 10)]
    frame = frame_of(drawn, GapMean("20d"), GapStd("20d"), GapMean("19d"), GapRatio("20d"))
    assert frame.iloc[0].tolist() == pytest.approx([5, statistics.stdev([4, 6]), 6, 2], rel=1e-15)


def test_a_rhythm_needs_two_events_and_its_spread_three():
    drawn = [Event(0, CUT - DAY), Event(1, CUT - DAY), Event(1, CUT - 3 * DAY)]
    frame = frame_of(drawn, GapMean(), GapRatio(), GapStd())
    assert frame.fillna(-1).to_numpy().tolist() == [[-1, -1, -1], [2, 0.5, -1]]


def test_lines_of_one_order_are_no_rhythm():
    drawn = [Event(0, CUT - days * DAY) for days in (9, 9, 9, 5, 5, 1)]
    frame = frame_of(drawn, GapMean(), GapMean(per="occasion"), GapStd(per="occasion"), GapRatio(per="day"))
    assert frame.to_numpy().tolist() == [[8 / 5, 4, 0, 0.25]]
    once = [Event(0, CUT - DAY), Event(0, CUT - DAY)]
    assert frame_of(once, GapRatio(), GapMean()).fillna(-1).to_numpy().tolist() == [[-1, 0]]


def test_silence_is_counted_from_the_last_event_of_the_last_day():
    hour = DAY // 24
    drawn = [Event(0, CUT - 5 * DAY), Event(0, CUT - DAY), Event(0, CUT - DAY + 12 * hour)]
    assert frame_of(drawn, GapRatio(per="day"))["any.day_gap_ratio"].tolist() == [0.5 / 4]


@given(events())
def test_the_standard_deviation_is_the_root_of_the_exact_variance(drawn):
    frame = compute(make_log(drawn), np.array(CUTOFFS), FeatureSpec([GapStd("365d")])).frame
    for value, oracle in zip(frame["any.gap_std.365d"], oracles(drawn), strict=True):
        variance = oracle.gap_variance(window="365d")
        if variance is None:
            assert math.isnan(value)
        else:
            assert value == pytest.approx(math.sqrt(variance) / DAY_S, rel=1e-14, abs=0)


def test_a_clockwork_a_second_off_is_told_from_a_clockwork():
    # In floats Σg² − (Σg)²/n of gaps of ten years would be lost in rounding.
    g = 3650 * DAY_S
    gaps = [g, g + 1, g, g + 1]
    raws = np.array([5]), np.array([sum(gaps)]), np.array([sum(x * x for x in gaps)])
    assert GapStd().finish(raws, Facts(np.array([0]))).tolist() == pytest.approx(
        [statistics.stdev([0, 1, 0, 1]) / DAY_S]
    )
