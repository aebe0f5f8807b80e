from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.calendar import to_us
from churnlib.events import EventLog
from churnlib.exceptions import DuplicateError, MoneyError, ParameterError, SchemaError
from tests.events.frames import engines, full_frames, read, simple, to_log


@given(full_frames(min_size=2), st.data())
def test_two_parts_give_the_log_of_the_whole(frame, data):
    frame = frame.assign(ref=range(len(frame)))
    cut = data.draw(st.integers(1, len(frame) - 1))
    options = {"event_id": "ref", "currency": "EUR"}
    whole = to_log(frame, **options)
    parts = to_log(frame.iloc[cut:], **options).append(frame.iloc[:cut])
    assert parts.digest == whole.digest
    assert parts.report.kept_amount == whole.report.kept_amount
    assert parts.report.input_rows == parts.report.kept == len(frame)
    assert parts.report.notes.get("identical rows") == whole.report.notes.get("identical rows")
    assert parts.event_id.tolist() == whole.event_id.tolist()


@pytest.mark.parametrize("engine", ["pandas", "polars", "pyarrow", "duckdb"])
def test_any_engine_may_follow_any_other(engine):
    frame = simple(total=[1.5, 2, 3.25])
    log = read(frame.iloc[:1], amount="total").append(engines(frame.iloc[1:])[engine])
    assert log.digest == read(frame, amount="total").digest


def test_the_scale_is_widened_exactly():
    log = read(simple(total=[2**53 + 1, 1, 2]), amount="total").append(simple(total=[0.001, 0.5, 1]))
    assert log.scale == 3
    assert (2**53 + 1) * 1000 in log.amount.tolist()
    with pytest.raises(MoneyError, match=r"1 amounts in 'amount' do not fit 64 bits"):
        read(simple(total=[2**62, 1, 2]), amount="total").append(simple(total=[0.001, 0.5, 1]))


def test_ids_known_already_are_refused_or_counted():
    frame = simple(ref=["a", "b", "c"], total=[1, 2, 3])
    more = simple(ref=["c", "d", "e"], total=[30, 4, 5])
    with pytest.raises(
        DuplicateError,
        match=r"1 of the 3 events to append are in the log already: 'c'.*\nFix: read the log with duplicates='drop'",
    ):
        read(frame, event_id="ref", amount="total").append(more)
    log = read(frame, event_id="ref", amount="total", duplicates="drop").append(more)
    assert log.report.reasons == {"repeated event id": 1}
    assert (log.report.input_rows, log.report.kept, len(log)) == (6, 5, 5)
    assert (log.report.input_amount, log.report.kept_amount, log.report.refused_amount) == (45, 15, 30)
    again = log.append(more)
    assert again.report.kept == 5
    assert again.report.reasons == {"repeated event id": 4}
    assert again.digest == log.digest
    assert len(read(frame, event_id="ref", duplicates="keep").append(more)) == 6


def test_the_end_moves_forward_only():
    log = read(simple(), complete_until="2025-02-01")
    assert log.append(simple()).complete_until_us == to_us("2025-02-01")
    assert log.append(simple(), complete_until="2025-03-01").complete_until_us == to_us("2025-03-01")
    later = simple(ts=["2025-05-01"] * 3)
    assert log.append(later).complete_until_us == to_us("2025-05-01") + 1
    with pytest.raises(ParameterError, match=r"complete_until=2025-01-15 .* is earlier than 2025-02-01"):
        log.append(simple(), complete_until="2025-01-15")


def test_events_that_should_have_been_there_are_noted():
    log = read(simple(), complete_until="2025-02-01").append(simple())
    assert log.report.notes["appended although the log was complete past them"] == 3
    assert log.report.notes["identical rows"] == 3
    late = read(simple(seen=["2025-01-03"] * 3), known_at="seen", complete_until="2025-02-01")
    more = simple(seen=["2025-02-02"] * 3)
    assert "appended although the log was complete past them" not in late.append(more).report.notes


def test_parts_of_other_types_or_currencies_are_refused():
    with pytest.raises(SchemaError, match=r"customer ids are integers in the log and texts in the events to append"):
        read(simple()).append(simple(id=["a", "b", "c"]))
    with pytest.raises(SchemaError, match=r"attribute 'plan' holds categories in the log and numbers in the events"):
        read(simple(plan=["a"] * 3), attributes="plan").append(simple(plan=[1, 2, 3]))
    money = simple(total=[1, 2, 3], unit=["EUR"] * 3)
    with pytest.raises(MoneyError, match=r"the log is in EUR and the 3 events to append are in USD"):
        read(money, amount="total", currency="unit").append(money.assign(unit="USD"))


def test_a_log_of_arrays_takes_the_columns_of_its_own_frame():
    frame = simple(what=["a", "b", "a"], total=[1, 2, 3])
    log = read(frame, kind="what", amount="total")
    arrays = EventLog._from_arrays(
        customers=log.customers, offsets=log.offsets, time=log.time, kind=log.kind, kinds=log.kinds, amount=log.amount
    )
    more = pd.DataFrame({"customer_id": [9], "time": ["2025-03-01"], "kind": ["c"], "amount": [4.5]})
    longer = arrays.append(more)
    assert longer.kinds == ("a", "b", "c")
    assert longer.customers.tolist() == [1, 2, 9]
    assert (longer.scale, longer.amount.tolist()) == (1, [20, 30, 10, 45])
