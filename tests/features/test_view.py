from __future__ import annotations

import gc
import weakref

import numpy as np

from churnlib.features import Count, FeatureSpec, RunLength
from churnlib.features._compute import _fill
from churnlib.features._history import History
from churnlib.features._plan import Plan
from churnlib.features._rows import Rows
from churnlib.features._run import Run
from churnlib.features._source import EVERY_EVENT, Source
from churnlib.features._stream import Stream
from churnlib.features._view import View
from tests.features.worlds import CUTOFFS, DAY, Event, make_log

CUT = CUTOFFS[0]
LOG = make_log([Event(0, CUT - DAY, kind=1), Event(0, CUT - 2 * DAY, kind=2), Event(1, CUT - DAY, kind=1)])


def test_memory_of_a_run_is_free_as_soon_as_the_run_is_done(monkeypatch):
    made: list[weakref.ref] = []
    init = Stream.__init__

    def remembered(self, *args, **options):
        made.append(weakref.ref(self))
        init(self, *args, **options)

    monkeypatch.setattr(Stream, "__init__", remembered)
    spec = FeatureSpec([Count("7d"), Count("7d", "order", "day"), RunLength("order")])
    raws = [raw for feature in spec for raw in feature.raws()]
    history, plan = History.of(LOG), Plan.of(raws, np.array([CUT]), "UTC")
    rows = Rows.of_all(history.first_known(), plan.cutoffs)
    gc.disable()  # with a circle of references the streams would wait for the collector
    try:
        _fill(np.empty((len(plan.raws), len(rows)), np.int64), history, plan, rows, slice(0, 2), slice(0, len(rows)))
    finally:
        gc.enable()
    assert len(made) >= 3
    assert [ref() for ref in made] == [None] * len(made)


def test_an_occasion_of_a_kind_is_thinned_after_the_kinds_are_chosen():
    same = make_log([Event(0, CUT - DAY, kind=2, amount=-5), Event(0, CUT - DAY, kind=1), Event(0, CUT - DAY, kind=1)])
    view = View(Run(History.of(same), Plan.of([], np.array([CUT]), "UTC"), 0, 1))
    counts = {
        source.text: (view.stream(source).before() - view.stream(source).start).item()
        for source in (EVERY_EVENT, Source(None, "occasion"), Source("order"), Source("order", "occasion"))
    }
    assert counts == {"any": 3, "any/occasion": 1, "order": 2, "order/occasion": 1}
