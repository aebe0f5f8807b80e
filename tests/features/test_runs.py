from __future__ import annotations

import numpy as np
import pytest

from churnlib.exceptions import ParameterError
from churnlib.features import FeatureSpec, RunLength, compute
from tests.features.worlds import CUTOFFS, DAY, Event, make_log

CUT = CUTOFFS[0]
CANCEL, ORDER, VISIT = 0, 1, 2


@pytest.mark.parametrize(
    ("kinds", "run", "run_over_orders"),
    [
        ([], 0, 0),
        ([CANCEL], 1, 1),
        ([CANCEL, CANCEL], 2, 2),
        ([CANCEL, ORDER], 0, 0),
        ([ORDER, CANCEL, VISIT, CANCEL], 1, 2),
        ([CANCEL, ORDER, CANCEL, CANCEL, VISIT], 0, 2),
    ],
)
def test_a_run_ends_with_the_last_event_and_at_the_first_other(kinds, run, run_over_orders):
    drawn = [Event(7, CUT - (9 - k) * DAY, kind=kind) for k, kind in enumerate(kinds)]
    others = [Event(5, CUT - DAY, kind=CANCEL), Event(9, CUT - DAY, kind=CANCEL), Event(7, CUT - 40 * DAY, kind=VISIT)]
    spec = FeatureSpec([RunLength("cancel"), RunLength("cancel", over=("order", "cancel"))])
    frame = compute(make_log(drawn + others), np.array([CUT]), spec).frame
    assert frame.to_numpy().tolist() == [[1, 1], [run, run_over_orders], [1, 1]]


def test_the_kind_has_to_be_among_those_looked_at():
    with pytest.raises(ParameterError, match=r"(?s)RunLength looks for \['cancel'\].*over=\['cancel', 'order'\]"):
        RunLength("cancel", over="order")


def test_an_unknown_kind_to_look_over_is_named():
    log = make_log([Event(0, CUT - DAY)])
    with pytest.raises(
        ParameterError, match=r"feature 'cancel.run.cancel\+ordr' asks for the kind 'ordr'.*mean 'order'"
    ):
        compute(log, np.array([CUT]), FeatureSpec([RunLength("cancel", over=("ordr", "cancel"))]))
