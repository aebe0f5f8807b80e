from __future__ import annotations

import numpy as np

from churnlib.features._history import History
from tests.features.worlds import Event, make_log

LATE = [Event(3, 10), Event(3, 20, known=50), Event(5, 30, known=5), Event(9, 5, known=40), Event(9, 8, plan=1)]


def test_a_phantom_customer_without_events_comes_last():
    history = History.of(make_log(LATE))
    assert history.offsets.tolist() == [0, 2, 3, 5, 5]
    assert history.n_customers == 4
    assert history.largest() == 2
    assert history.first_known().tolist() == [10, 30, 8, np.iinfo(np.int64).max]


def test_first_known_is_the_first_event_when_nothing_is_late():
    history = History.of(make_log([Event(3, 10), Event(3, 20), Event(5, 30)]))
    assert history.known is None
    assert history.first_known().tolist() == [10, 30, np.iinfo(np.int64).max]


def test_a_customer_with_no_event_left_is_never_heard_of():
    log = make_log(LATE).subset(np.array([2]))
    assert History.of(log).first_known().tolist() == [
        np.iinfo(np.int64).max,
        30,
        np.iinfo(np.int64).max,
        np.iinfo(np.int64).max,
    ]


def test_some_customers_without_some_rows():
    history = History.of(make_log(LATE))
    rest = history.without(np.array([1, 3]), np.array([0, 2]))
    assert rest.time.tolist() == [10, 8]
    assert rest.offsets.tolist() == [0, 1, 2, 2]
    assert rest.attributes["plan"].tolist() == [-1, 1]
    assert history.without(np.array([2]), np.array([1])).offsets.tolist() == [0, 0, 0]
