from __future__ import annotations

import numpy as np

from churnlib.features import FeatureSpec, Recency, Tenure, compute
from tests.features.worlds import CUTOFFS, DAY, Event, make_log

CUT = CUTOFFS[0]


def test_ages_are_days_and_fractions_of_days():
    drawn = [Event(0, CUT - 10 * DAY, kind=2), Event(0, CUT - 1, kind=1)]
    spec = FeatureSpec([Recency(), Recency("visit"), Tenure(), Tenure("order")])
    block = compute(make_log(drawn), np.array([CUT]), spec)
    assert block.frame.to_numpy().tolist() == [[1 / DAY, 10, 10, 1 / DAY]]
    assert block.raw["any.since_last"].tolist() == [1]


def test_what_never_happened_is_missing_and_not_zero():
    frame = compute(
        make_log([Event(0, CUT - DAY)]), np.array([CUT]), FeatureSpec([Recency("visit"), Tenure("visit")])
    ).frame
    assert frame.isna().to_numpy().tolist() == [[True, True]]


def test_an_event_at_the_cutoff_breaks_no_silence():
    drawn = [Event(0, CUT - 3 * DAY), Event(0, CUT), Event(0, CUT + DAY)]
    assert compute(make_log(drawn), np.array([CUT]), FeatureSpec([Recency()])).frame["any.recency"].tolist() == [3]
