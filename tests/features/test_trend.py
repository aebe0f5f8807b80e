from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from churnlib.events import EventLog
from churnlib.exceptions import ParameterError, ParameterTypeError, SchemaError
from churnlib.features import Change, FeatureSpec, Slope, compute
from tests.features.worlds import CUTOFFS, DAY, Event, events, make_log, oracles

CUT = CUTOFFS[0]
WEEK = 7 * DAY


@given(events())
def test_the_slope_is_the_least_squares_slope_over_twelve_weeks(drawn):
    frame = compute(make_log(drawn), np.array(CUTOFFS), FeatureSpec([Slope(12)])).frame
    for value, oracle in zip(frame["any.slope.12w"], oracles(drawn), strict=True):
        weeks = np.zeros(12)
        for e in oracle.events():
            back = (oracle.cutoff - e.time - 1) // WEEK
            if back < 12:
                weeks[11 - back] += 1
        assert value == pytest.approx(np.polyfit(np.arange(12), weeks, 1)[0], abs=1e-12)


def test_the_divisor_over_twelve_weeks_is_286():
    frame = compute(make_log([Event(0, CUT - 1)]), np.array([CUT]), FeatureSpec([Slope(12)])).frame
    assert frame["any.slope.12w"].tolist() == [11 / 286]


@pytest.mark.parametrize(("back", "week"), [(1, 0), (WEEK, 0), (WEEK + 1, 1), (2 * WEEK, 1), (3 * WEEK, 2)])
def test_a_week_ends_just_before_it_is_over(back, week):
    block = compute(make_log([Event(0, CUT - back)]), np.array([CUT]), FeatureSpec([Slope(3)]))
    assert block.raw["any.trend.3w"].tolist() == [2 - 2 * week]


def test_money_has_a_slope_in_money():
    drawn = [Event(0, CUT - DAY, amount=500), Event(0, CUT - 8 * DAY, amount=200)]
    frame = compute(make_log(drawn), np.array([CUT]), FeatureSpec([Slope(2, of="sum")])).frame
    assert frame["any.sum_slope.2w"].tolist() == [3.0]


def test_change_goes_from_stopped_to_new():
    def at(customer, *days):
        return [Event(customer, CUT - d * DAY, amount=100) for d in days]

    drawn = [*at(0, 1, 2, 9), *at(1, 8), *at(2, 1), *at(3, 20)]
    frame = compute(make_log(drawn), np.array([CUT]), FeatureSpec([Change("7d"), Change("7d", of="sum")])).frame
    expected = [1 / 3, -1, 1, -9]
    assert frame.fillna(-9).to_numpy().tolist() == [[x, x] for x in expected]


def test_change_of_money_stays_between_its_ends_with_refunds():
    drawn = [Event(0, CUT - DAY, amount=-500), Event(0, CUT - 8 * DAY, amount=200)]
    frame = compute(make_log(drawn), np.array([CUT]), FeatureSpec([Change("7d", of="sum")])).frame
    assert frame["any.sum_change.7d"].tolist() == [-1.0]


def test_change_over_months_compares_two_calendar_months():
    drawn = [Event(0, CUT - days * DAY) for days in (1, 27, 29, 30, 58, 60)]  # February has 28 days, January 31
    frame = compute(make_log(drawn), np.array([CUT]), FeatureSpec([Change("1mo")])).frame
    assert frame["any.change.1mo"].tolist() == [(2 - 3) / 5]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Slope(1), ParameterError, "weeks=1 is out of range"),
        (lambda: Slope("12w"), ParameterTypeError, "weeks is '12w'"),
        (lambda: Slope(of="money"), ParameterError, "of='money' is not a choice"),
        (lambda: Change("0d"), ParameterError, "Change.window='0d' has a length of zero"),
        (lambda: Change("7d", of="sum", per="day"), ParameterError, r"Change\(of='sum', per='day'\) sums money"),
        (lambda: Slope(of="sum", per="day"), ParameterError, r"Slope\(of='sum', per='day'\) sums money"),
    ],
)
def test_a_feature_that_cannot_be_is_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize("feature", [Slope(of="sum"), Change("7d", of="sum")])
def test_money_is_asked_for_where_there_is_none(feature):
    log = EventLog.from_frame(pd.DataFrame({"c": [1], "t": ["2025-01-01"]}), customer="c", time="t")
    with pytest.raises(SchemaError, match=f"feature '{feature.name}' needs amount"):
        compute(log, "2025-03-01", FeatureSpec([feature]))
