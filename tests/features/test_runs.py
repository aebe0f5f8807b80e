from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.calendar import Duration
from churnlib.exceptions import ParameterError, ParameterTypeError
from churnlib.features import FeatureSpec, RunLength, compute
from tests.features.worlds import CUTOFFS, DAY, KINDS, Event, events, make_log, oracles

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


@pytest.mark.parametrize(
    ("trail", "expected"),
    [
        ([], 0),
        ([(CANCEL, 2 * DAY)], 0),  # as old as the limit is not older
        ([(CANCEL, 2 * DAY + 1)], 1),
        ([(CANCEL, 4 * DAY), (CANCEL, 3 * DAY), (CANCEL, DAY)], 2),
        ([(CANCEL, 4 * DAY), (CANCEL, 3 * DAY), (ORDER, DAY)], 0),  # what breaks the run breaks it at once
        ([(CANCEL, 4 * DAY), (ORDER, DAY), (CANCEL, 1)], 0),
        ([(CANCEL, DAY + 1), (ORDER, DAY)], 0),  # young, and of no run: nothing is taken off for it
        ([(CANCEL, 5 * DAY), (ORDER, 4 * DAY), (CANCEL, 3 * DAY), (CANCEL, 1)], 1),
        ([(CANCEL, 3 * DAY), (VISIT, 1)], 1),
    ],
)
def test_a_mature_run_waits_before_it_counts(trail, expected):
    drawn = [Event(7, CUT - ago, kind=kind) for kind, ago in trail] + [Event(5, CUT - DAY), Event(9, CUT - DAY)]
    feature = RunLength("cancel", over=("cancel", "order"), mature="48h")
    assert feature.name == "cancel.run.cancel+order.mature.2d"
    log = make_log(drawn)
    block = compute(log, np.array([CUT]), FeatureSpec([feature]))
    found = dict(zip(log.customers[block.customer_code], block.frame[feature.name], strict=True))
    assert found.get(7, 0) == expected


@given(
    events(late=True, max_size=20),
    st.sampled_from(["1us", "7d", "90d", "1mo"]),
    st.sampled_from([None, ("cancel",), ("cancel", "order")]),
)
def test_it_is_the_run_without_what_is_young(drawn, mature, over):
    spec = FeatureSpec([RunLength("cancel", over=over, mature=mature)])
    frame = compute(make_log(drawn), np.array(CUTOFFS), spec).frame
    back, expected = Duration.parse(mature), []
    for seen in oracles(drawn):
        looked_at = [e for e in seen.all if over is None or KINDS[e.kind] in over]
        run = itertools.takewhile(lambda e: KINDS[e.kind] == "cancel", reversed(looked_at))
        expected.append(sum(e.time < back.before(seen.cutoff) for e in run))
    assert frame.iloc[:, 0].tolist() == expected


def test_a_run_that_counts_at_once_is_written_as_it_always_was():
    old = RunLength("cancel", over=("order", "cancel"))
    assert old.to_dict() == {"feature": "RunLength", "kind": "cancel", "over": ("cancel", "order")}
    assert FeatureSpec([old]).digest[:16] == "2ff7d80f1cd5c57e"
    new = RunLength("cancel", mature="1w")
    assert FeatureSpec.from_json(FeatureSpec([new]).to_json()) == FeatureSpec([new])


def test_the_kind_has_to_be_among_those_looked_at():
    with pytest.raises(ParameterError, match=r"(?s)RunLength looks for \['cancel'\].*over=\['cancel', 'order'\]"):
        RunLength("cancel", over="order")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: RunLength(None), ParameterError, r"RunLength has no kind.*Fix: RunLength\('cancel'"),
        (lambda: RunLength("cancel", over=3), ParameterTypeError, "over is 3"),
        (lambda: RunLength("cancel", over=[]), ParameterError, "over is an empty list.*over=None"),
        (lambda: RunLength("cancel", mature=2), ParameterTypeError, r"RunLength\.mature: 2 is a int"),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, text):
    with pytest.raises(error, match=f"(?s){text}"):
        call()


def test_an_unknown_kind_to_look_over_is_named():
    log = make_log([Event(0, CUT - DAY)])
    with pytest.raises(
        ParameterError, match=r"feature 'cancel.run.cancel\+ordr' asks for the kind 'ordr'.*mean 'order'"
    ):
        compute(log, np.array([CUT]), FeatureSpec([RunLength("cancel", over=("ordr", "cancel"))]))
