from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.calendar import timestamp, to_us
from churnlib.exceptions import DataError, HistoryError, ParameterTypeError
from tests.events.frames import DAY, START, full_frames, read, simple, to_log

# Cutoffs on the instants at which events happen or become known, and one microsecond beside.
CUTOFFS = st.builds(
    lambda hour, shift: START + pd.Timedelta(hours=hour) + pd.Timedelta(microseconds=shift),
    st.integers(0, 110), st.sampled_from([-1, 0, 1]),
)  # fmt: skip


@given(full_frames(), CUTOFFS, CUTOFFS)
def test_nothing_at_or_after_the_cutoff_is_seen_nor_what_was_known_later(frame, cutoff, knowledge):
    log = to_log(frame)
    at, known = to_us(cutoff), to_us(knowledge)
    seen = frame[(frame["ts"] < cutoff) & (frame[["ts", "seen"]].max(axis=1) < knowledge)]
    if seen.empty:
        with pytest.raises(HistoryError, match="no event had happened and was known before"):
            log.as_of(cutoff, knowledge=knowledge)
        return
    view = log.as_of(cutoff, knowledge=knowledge)
    assert (view.time < at).all()
    assert (view.known < known).all()
    assert view.complete_until_us == min(at, known, log.complete_until_us)
    expected = to_log(seen)
    pd.testing.assert_frame_equal(view.to_frame().astype({"kind": str}), expected.to_frame().astype({"kind": str}))
    assert view.customers.tolist() == expected.customers.tolist()
    assert view.items.tolist() == expected.items.tolist()
    assert view.attributes["plan"].categories.tolist() == expected.attributes["plan"].categories.tolist()


def test_events_are_known_as_they_happen_unless_said_otherwise():
    log = read(simple())
    assert log.as_of("2025-01-03").n_events == 2
    assert log.as_of("2025-01-03 00:00:00.000001").n_events == 3
    assert log.as_of("2025-01-03", knowledge="2025-01-02").n_events == 1
    assert log.as_of("2025-01-03", knowledge="2026-01-01").n_events == 2


def test_a_later_knowledge_adds_what_became_known_afterwards():
    log = read(simple(seen=["2025-01-09", "2025-01-02", "2025-01-05"]), known_at="seen")
    assert log.as_of("2025-01-04").n_events == 1
    assert log.as_of("2025-01-04", knowledge="2025-01-06").n_events == 2
    assert log.as_of("2025-01-04", knowledge="2025-02-01").n_events == 3


def test_a_view_reports_what_it_leaves_out():
    log = read(
        simple(total=[4, 5, 6], seen=["2025-01-03", "2025-01-02", "2025-01-05"]), amount="total", known_at="seen"
    )
    report = log.as_of("2025-01-03").report
    assert report.reasons == {"at or after the cutoff": 1, "not known by then": 1}
    assert (report.input_rows, report.kept) == (3, 1)
    assert (report.kept_amount, report.refused_amount) == (5, 10)
    assert report.months["rows"].tolist() == [1]


def test_kinds_stay_askable_before_they_occur():
    log = read(simple(what=["cancel", "visit", "visit"]), kind="what").as_of("2025-01-03")
    assert log.kinds == ("cancel", "visit")
    assert log.codes_of("cancel")[log.kind].sum() == 0


def test_a_cutoff_before_the_first_event_has_no_history():
    with pytest.raises(
        HistoryError,
        match=r"no event had happened and was known before 2025-01-01 .*; the first of 3 events happened at 2025-01-01",
    ):
        read(simple()).as_of("2025-01-01")


@given(full_frames(min_size=2), st.sampled_from(["ann", "bob", "cy"]))
def test_a_forgotten_customer_has_never_been_there(frame, who):
    log, rest = to_log(frame, complete_until="2025-06-01"), frame[frame["who"] != who]
    if rest.empty:
        with pytest.raises(DataError, match="all 1 customers of the log are to be forgotten"):
            log.forget(who)
        return
    left = log.forget([who], missing_ok=True)
    expected = to_log(rest, complete_until="2025-06-01")
    pd.testing.assert_frame_equal(left.to_frame().astype({"kind": str}), expected.to_frame().astype({"kind": str}))
    assert left.items.tolist() == expected.items.tolist()
    assert left.report.input_rows == left.report.kept == len(rest)
    assert left.report.kept_amount == expected.report.kept_amount
    assert left.report.customers == expected.n_customers


def test_forgetting_is_counted_but_not_told():
    log = read(simple(total=[4, 5, 6]), amount="total").forget(2)
    assert log.report.notes["forgotten"] == 2
    assert log.report.input_amount == Decimal(5)
    assert log.customers.tolist() == [1]
    assert read(simple()).forget(np.array([1])).forget([], missing_ok=True).report.notes["forgotten"] == 1


def test_an_unknown_customer_cannot_be_forgotten_unless_allowed():
    log = read(simple())
    with pytest.raises(
        DataError,
        match=r"2 of 3 customers are not in the log: 7, 8; its ids are int64, such as 1.*\nFix: missing_ok=True",
    ):
        log.forget([1, 7, 8])
    assert log.forget([1, 7], missing_ok=True).customers.tolist() == [2]
    assert log.forget([7], missing_ok=True) is log
    with pytest.raises(DataError, match=r"1 of 1 customers are not in the log: '1'"):
        log.forget("1")


def test_forget_takes_ids_and_a_flag():
    with pytest.raises(ParameterTypeError, match="ids is a dict"):
        read(simple()).forget({1: 2})
    with pytest.raises(ParameterTypeError, match="missing_ok is 'yes'"):
        read(simple()).forget([1], missing_ok="yes")


def test_views_and_the_original_do_not_share_a_future():
    log = read(simple())
    view = log.as_of("2025-01-02")
    assert view.complete_until == timestamp(to_us("2025-01-02"))
    assert log.complete_until > view.complete_until + DAY
