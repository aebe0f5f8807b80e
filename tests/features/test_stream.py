from __future__ import annotations

import numpy as np

from churnlib.calendar import Duration
from churnlib.features._counts import EventCount
from churnlib.features._history import History
from churnlib.features._plan import Plan
from churnlib.features._run import Run
from churnlib.features._source import EVERY_EVENT, Source
from churnlib.features._stream import local_days
from churnlib.features._view import View
from tests.features.worlds import CUTOFFS, DAY, Event, make_log

CUT = CUTOFFS[0]
WEEK = Duration.parse("7d")
DRAWN = [
    Event(0, CUT - 9 * DAY, kind=1),
    Event(0, CUT - 2 * DAY, kind=2),
    Event(0, CUT - 2 * DAY, kind=1),
    Event(1, CUT - DAY, kind=1),
    Event(1, CUT + DAY, kind=1),
]


def a_view() -> View:
    plan = Plan.of([EventCount(EVERY_EVENT, "7d")], np.array([CUT]), "UTC")
    return View(Run(History.of(make_log(DRAWN)), plan, 0, 2))


def test_positions_are_rows_of_the_stream():
    view = a_view()
    every, orders, days = view.stream(EVERY_EVENT), view.stream(Source("order")), view.stream(Source(None, "day"))
    assert [s.before().tolist() for s in (every, orders, days)] == [[[3, 4]], [[2, 3]], [[2, 3]]]
    assert [s.before(WEEK).tolist() for s in (every, orders, days)] == [[[1, 3]], [[1, 2]], [[1, 2]]]
    assert [s.before(None).tolist() for s in (every, orders, days)] == [[[0, 3]], [[0, 2]], [[0, 2]]]


def test_a_stream_is_made_once():
    view = a_view()
    assert view.stream(Source("order")) is view.stream(Source("order"))
    assert view.stream(Source("order")).before(WEEK) is view.stream(Source("order")).before(WEEK)


def test_a_kind_without_events_is_an_empty_stream():
    stream = a_view().stream(Source("cancel"))
    assert stream.time.tolist() == []
    assert (stream.before() == stream.start).all()


def test_local_days_turn_at_local_midnight():
    midnight = np.array(["2025-03-30T22:00", "2025-03-30T21:59:59"], "M8[us]").astype(np.int64)
    assert np.diff(local_days(midnight, "Europe/Berlin")).tolist() == [-1]
    assert np.diff(local_days(midnight, "UTC")).tolist() == [0]
