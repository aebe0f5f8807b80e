from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churnlib.events import EventLog
from churnlib.exceptions import ParameterError, ParameterTypeError, SchemaError
from churnlib.features import Count, Distinct, FeatureSpec, Share, compute
from tests.features.worlds import CUTOFFS, DAY, Event, make_log

HOUR = DAY // 24
CUT = CUTOFFS[0]


def frame_of(drawn, *features, cutoff=CUT, **options):
    return compute(make_log(drawn, **options), np.array([cutoff]), FeatureSpec(features)).frame


@pytest.mark.parametrize(("time", "inside"), [(CUT - DAY - 1, 0), (CUT - DAY, 1), (CUT - DAY + 1, 1), (CUT - 1, 1)])
def test_a_window_is_open_at_the_cutoff_and_closed_at_its_beginning(time, inside):
    assert frame_of([Event(0, time)], Count("1d"))["any.count.1d"].tolist() == [inside]


def test_an_occasion_is_one_instant_of_the_kinds_asked_for():
    drawn = [Event(0, CUT - DAY, kind=1), Event(0, CUT - DAY, kind=1), Event(0, CUT - DAY, kind=2), Event(1, CUT - DAY)]
    frame = frame_of(drawn, Count(), Count(per="occasion"), Count(kind="order", per="occasion"), Count(kind="order"))
    assert frame.to_numpy().tolist() == [[3, 1, 1, 2], [1, 1, 0, 0]]


def test_a_day_belongs_to_the_window_in_which_it_began():
    # The window of 24 hours begins at noon; the day of 8:00 and 13:00 began before it.
    cutoff = CUT + 12 * HOUR
    drawn = [Event(0, CUT - DAY + 8 * HOUR), Event(0, CUT - DAY + 13 * HOUR), Event(0, CUT + HOUR)]
    frame = frame_of(drawn, Count("1d", per="day"), Count("2d", per="day"), Count("1d"), cutoff=cutoff)
    assert frame.to_numpy().tolist() == [[1, 2, 2]]


def test_items_are_counted_once_and_no_item_is_none():
    items = [0, 1, 0, -1, -1, 2]
    drawn = [Event(0, CUT - (6 - k) * DAY, item=item) for k, item in enumerate(items)]
    frame = frame_of(drawn, Distinct(), Distinct("2d"), Distinct("4d"), Distinct("5d"))
    assert frame.to_numpy().tolist() == [[3, 1, 2, 3]]


def test_items_of_one_customer_say_nothing_about_another():
    drawn = [Event(c, CUT - (3 - c) * DAY, item=4) for c in range(3)]
    assert frame_of(drawn, Distinct("7d"))["any.distinct.7d"].tolist() == [1, 1, 1]


def test_distinct_items_when_the_clock_went_back_between_two_cutoffs():
    # On 26 October 2025 Berlin shows 2:30, then an hour later 2:10 again. A month before
    # them lie 2:30 and 2:10 of 26 September, so the windows open in reverse order.
    cutoffs = np.array(["2025-10-26T00:30", "2025-10-26T01:10"], "M8[us]").astype(np.int64)
    opening = np.array(["2025-09-26T00:30", "2025-09-26T00:10"], "M8[us]").astype(np.int64)
    minute = DAY // 1440
    drawn = [
        Event(0, int(opening[1]) + 5 * minute, item=0),
        Event(0, int(opening[0]) + 5 * minute, item=0),
        Event(0, int(opening[0]) + 6 * minute, item=1),
        Event(0, int(cutoffs[0]) + minute, item=2),
        Event(1, int(opening[1]) + 5 * minute, item=3),
    ]
    log = make_log(drawn, timezone="Europe/Berlin")
    spec = FeatureSpec([Distinct("1mo"), Count("1mo")])
    together = compute(log, cutoffs, spec)
    alone = [compute(log, cutoffs[k : k + 1], spec) for k in (0, 1)]
    assert together.frame["any.distinct.1mo"].tolist() == [2, 3, 0, 1]
    assert together.frame["any.count.1mo"].tolist() == [2, 4, 0, 1]
    assert together.raw["any.distinct.1mo"][[0, 2]].tolist() == alone[0].raw["any.distinct.1mo"].tolist()
    assert together.raw["any.distinct.1mo"][[1, 3]].tolist() == alone[1].raw["any.distinct.1mo"].tolist()


def test_a_share_without_events_is_missing():
    drawn = [Event(0, CUT - DAY, kind=1), Event(0, CUT - DAY, kind=2), Event(1, CUT - 9 * DAY, kind=1)]
    assert frame_of(drawn, Share("order", "7d"), Share("order")).fillna(-1).to_numpy().tolist() == [[0.5, 0.5], [-1, 1]]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Count("0d"), ParameterError, "Count.window='0d' has a length of zero"),
        (lambda: Count("-3d"), ParameterError, "Count.window='-3d' is negative"),
        (lambda: Count("soon"), ParameterError, "Count.window: 'soon' is not a length of time"),
        (lambda: Distinct(90), ParameterTypeError, "Distinct.window: 90 is a int and says no unit"),
        (lambda: Count(per="week"), ParameterError, "per='week' is not a choice"),
        (lambda: Count(kind=[]), ParameterError, "kind is an empty list"),
        (lambda: Count(kind=["a", "a"]), ParameterError, "kind names a more than once"),
        (lambda: Count(kind=7), ParameterTypeError, "kind is 7; a name, or a list of names"),
    ],
)
def test_a_feature_that_cannot_be_is_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_an_unknown_kind_is_named_with_the_nearest():
    spec = FeatureSpec([Count("7d"), Count("7d", kind="ordr")])
    with pytest.raises(ParameterError, match=r"feature 'ordr.count.7d' asks for the kind 'ordr'.*did you mean 'order'"):
        compute(make_log([Event(0, CUT - DAY)]), np.array([CUT]), spec)


@pytest.mark.parametrize("kind", ["ordr", "visit"])
def test_share_checks_its_kind(kind):
    log = EventLog.from_frame(pd.DataFrame({"c": [1], "t": ["2025-01-01"]}), customer="c", time="t")
    with pytest.raises(ParameterError, match=f"feature '{kind}.share' asks for the kind '{kind}'"):
        compute(log, "2025-03-01", FeatureSpec([Share(kind)]))


def test_items_are_asked_for_where_there_are_none():
    log = EventLog.from_frame(pd.DataFrame({"c": [1], "t": ["2025-01-01"]}), customer="c", time="t")
    with pytest.raises(SchemaError, match=r"(?s)feature 'any.distinct' needs item, and there is none.*item=<column>"):
        compute(log, "2025-03-01", FeatureSpec([Distinct()]))


def test_equal_features_are_equal_however_they_are_spelt():
    assert Count("2w", kind=["order"]) == Count(dt.timedelta(days=14), kind="order")
    assert hash(Count("2w", kind=["b", "a"])) == hash(Count("14d", kind=("a", "b")))
    assert Count("1mo") != Count("30d")
