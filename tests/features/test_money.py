from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from churnlib.events import EventLog
from churnlib.exceptions import SchemaError
from churnlib.features import FeatureSpec, Mean, Sum, compute
from tests.features.worlds import CUTOFFS, DAY, Event, events, make_log, oracles

CUT = CUTOFFS[0]


@given(events())
def test_a_sum_is_the_float_nearest_to_the_exact_sum(drawn):
    frame = compute(make_log(drawn, scale=3), np.array(CUTOFFS), FeatureSpec([Sum("90d")])).frame
    exact = [Fraction(o.total(window="90d"), 1000) for o in oracles(drawn)]
    assert frame["any.sum.90d"].tolist() == [float(x) for x in exact]


def test_refunds_are_subtracted():
    drawn = [Event(0, CUT - 2 * DAY, amount=1999), Event(0, CUT - DAY, amount=-999)]
    assert compute(make_log(drawn), np.array([CUT]), FeatureSpec([Sum(), Sum("1d")])).frame.to_numpy().tolist() == [
        [10, -9.99]
    ]


def test_the_mean_of_an_order_takes_its_lines_together():
    drawn = [Event(0, CUT - 2 * DAY, amount=100), Event(0, CUT - 2 * DAY, amount=300), Event(0, CUT - DAY, amount=200)]
    spec = FeatureSpec([Mean(), Mean(per="occasion"), Mean("1d", per="day"), Mean("1d", "order")])
    frame = compute(make_log(drawn), np.array([CUT]), spec).frame
    assert frame.fillna(-1).to_numpy().tolist() == [[2, 3, 2, -1]]


@pytest.mark.parametrize("feature", [Sum("90d"), Mean("90d")])
def test_money_is_asked_for_where_there_is_none(feature):
    log = EventLog.from_frame(pd.DataFrame({"c": [1], "t": ["2025-01-01"]}), customer="c", time="t")
    with pytest.raises(SchemaError, match=rf"(?s)feature '{feature.name}' needs amount.*amount=<column>"):
        compute(log, "2025-03-01", FeatureSpec([feature]))
