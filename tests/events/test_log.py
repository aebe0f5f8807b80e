from __future__ import annotations

import copy
import inspect
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.calendar import timestamp, to_us
from churnlib.events import Attribute, EventLog
from churnlib.events._log import Roles
from churnlib.exceptions import ParameterError
from tests.events.frames import DAY, engines, full_frames, money, read, simple, to_log


def test_events_are_ordered_by_customer_and_time():
    log = read(simple())
    assert log.customers.tolist() == [1, 2]
    assert log.offsets.tolist() == [0, 1, 3]
    assert log.time.tolist() == [to_us("2025-01-02"), to_us("2025-01-01"), to_us("2025-01-03")]
    assert (log.n_customers, log.n_events, len(log)) == (2, 3, 3)
    assert log.kinds == ("event",)
    assert log.kind.tolist() == [0, 0, 0]
    assert log.known is log.amount is log.item is log.event_id is None


@given(full_frames(), st.randoms())
def test_any_row_order_gives_equal_bytes(frame, random):
    rows = list(range(len(frame)))
    random.shuffle(rows)
    one, other = to_log(frame), to_log(frame.iloc[rows])
    assert one.digest == other.digest
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())
    assert one.report == other.report


@given(full_frames())
def test_identical_rows_are_kept_and_counted(frame):
    log = to_log(frame)
    assert len(log) == len(frame)
    assert log.report.notes.get("identical rows", 0) == int(frame.duplicated().sum())


@given(full_frames())
def test_the_frame_read_back_is_the_frame_sorted(frame):
    back = to_log(frame).to_frame()
    expected = frame.sort_values(["who", "ts"], key=lambda c: c if c.name == "ts" else c.map(lambda v: v.encode()))
    assert back["customer_id"].tolist() == expected["who"].tolist()
    assert back["time"].dt.tz_localize(None).tolist() == expected["ts"].tolist()
    columns = {"total": "amount", "sku": "item", "what": "kind", "plan": "plan", "seats": "seats"}
    for left, right in columns.items():
        assert sorted(map(str, map(float, frame[left]) if left == "total" else frame[left])) == sorted(
            map(str, map(float, back[right]) if left == "total" else back[right])
        )


@given(full_frames(), st.integers(1, 1000))
def test_a_shift_in_time_shifts_the_log_and_nothing_else(frame, days):
    shifted = frame.assign(ts=frame["ts"] + days * DAY, seen=frame["seen"] + days * DAY)
    one, other = to_log(frame), to_log(shifted)
    step = days * 86_400_000_000
    assert (other.time - one.time == step).all()
    assert (other.known - one.known == step).all()
    for name in ("kind", "amount", "item", "offsets"):
        assert (getattr(one, name) == getattr(other, name)).all()


@given(frame=full_frames())
def test_every_engine_gives_the_same_log(frame):
    digests = {engine: to_log(native).digest for engine, native in engines(frame).items()}
    assert len(set(digests.values())) == 1, digests


@given(full_frames())
def test_a_log_read_from_its_own_frame_is_itself(frame):
    log = to_log(frame)
    back = log.to_frame()
    again = EventLog.from_frame(
        back, customer="customer_id", time="time", kind="kind", amount="amount", item="item", known_at="known_at",
        attributes=["plan", "seats"], complete_until=log.complete_until,
    )  # fmt: skip
    assert again.digest == log.digest


def test_integer_widths_and_float_ids_do_not_change_the_log():
    logs = [read(simple(id=np.array([2, 1, 2], dtype=kind))) for kind in ("int8", "int64", "uint16", "float64")]
    assert len({log.digest for log in logs}) == 1
    assert all(log.customers.dtype == np.int64 for log in logs)
    assert logs[3].report.notes["customer ids were whole floats, now integers"] == 3


def test_text_ids_stay_texts():
    log = read(simple(id=["007", "7", "007"]))
    assert log.customers.tolist() == ["007", "7"]


def test_arrays_are_read_only():
    log = read(simple(total=[1, 2, 3]), amount="total")
    for name in ("offsets", "time", "kind", "amount", "customer_codes"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(log, name)[0] = 0
    with pytest.raises(AttributeError, match="cannot assign"):
        log.scale = 3


def test_the_input_is_not_modified():
    frame = simple(total=[1.5, 2.5, 3.5])
    before = frame.copy(deep=True)
    read(frame, amount="total")
    pd.testing.assert_frame_equal(frame, before)
    frame["total"] = 0.0  # and stays writable


def test_what_was_known_is_never_before_it_happened():
    log = read(simple(seen=["2025-01-09", "2025-01-01", "2025-01-02"]), known_at="seen")
    assert log.known.tolist() == [to_us("2025-01-02"), to_us("2025-01-02"), to_us("2025-01-09")]
    assert log.report.notes["known before it happened, taken as known at its time"] == 1
    assert log.report.notes["known later than it happened"] == 2
    assert log.complete_until_us == to_us("2025-01-09") + 1


def test_hidden_events_have_happened_but_are_not_known():
    log = read(simple(seen=["2025-01-09", "2025-01-02", "2025-01-02"]), known_at="seen")
    at = to_us("2025-01-04")
    assert log.hidden(at).tolist() == [False, False, True]
    assert not log.hidden(to_us("2025-01-09") + 1).any()
    assert not read(simple()).hidden(at).any()


def test_without_a_given_end_the_log_is_complete_until_just_after_its_last_event():
    log = read(simple())
    assert log.complete_until_us == to_us("2025-01-03") + 1
    assert log.complete_until == timestamp(to_us("2025-01-03") + 1)


def test_a_naive_end_is_on_the_clock_of_the_log():
    log = read(simple(), timezone="Europe/Berlin", complete_until="2025-02-01")
    assert log.complete_until_us == to_us("2025-01-31 23:00")
    assert str(log.complete_until) == "2025-02-01 00:00:00+01:00"
    assert "Europe/Berlin" in repr(log)


def test_kinds_are_named_and_unknown_ones_are_refused():
    log = read(simple(what=["visit", "order", "visit"]), kind="what")
    assert log.kinds == ("order", "visit")
    assert log.codes_of("visit")[log.kind].tolist() == [False, True, True]
    assert log.codes_of(None).all()
    assert log.codes_of(["order", "visit"]).all()
    with pytest.raises(
        ParameterError,
        match=r"1 of 2 kinds are not in the log: 'vist' \(did you mean 'visit'\?\); its 2 kinds are order, visit\.\n"
        r"Fix: kinds=\['visit'\]",
    ):
        log.codes_of(["order", "vist"])


def test_kinds_that_are_numbers_are_ordered_as_texts():
    log = read(simple(what=[10, 9, 9]), kind="what")
    assert log.kinds == ("10", "9")
    assert log.kind.tolist() == [1, 1, 0]


def test_codes_of_kinds_are_as_narrow_as_they_can_be():
    many = pd.DataFrame({"id": range(200), "ts": "2025-01-01", "what": [f"k{i:03}" for i in range(200)]})
    assert read(many, kind="what").kind.dtype == np.int16
    assert read(simple(what=["a", "b", "a"]), kind="what").kind.dtype == np.int8


def test_items_and_attributes_may_be_missing_in_a_row():
    frame = simple(sku=["b", None, "a"], plan=["gold", None, None], seats=[1, None, 2], trial=[True, None, False])
    log = read(frame, item="sku", attributes=["plan", "seats", "trial"])
    assert log.items.tolist() == ["a", "b"]
    assert log.item.tolist() == [-1, 0, 1]
    assert log.attributes["plan"].values.tolist() == [-1, -1, 0]
    assert not log.attributes["plan"].is_numeric
    assert np.isnan(log.attributes["seats"].values[0])
    assert log.attributes["seats"].is_numeric
    assert log.attributes["trial"].categories.tolist() == [False, True]
    assert log.attributes["trial"].values.tolist() == [-1, 0, 1]


def test_a_subset_keeps_all_customers_and_their_codes():
    log = read(simple(total=[1, 2, 3]), amount="total")
    part = log.subset(log.time > to_us("2025-01-02"))
    assert part.customers is log.customers
    assert part.offsets.tolist() == [0, 0, 1]
    assert part.amount.tolist() == [1]
    assert log.subset(np.array([0, 2])).offsets.tolist() == [0, 1, 2]


def test_arrays_become_a_log_in_either_form():
    rows = {
        "time": np.array([5, 3, 4]),
        "kind": np.array([0, 1, 0]),
        "kinds": ("a", "b"),
        "amount": np.array([1, 2, 3]),
    }
    loose = EventLog._from_arrays(customers=["x", "y"], codes=np.array([1, 0, 1]), scale=2, **rows)
    assert loose.offsets.tolist() == [0, 1, 3]
    assert loose.amount.tolist() == [2, 3, 1]
    tight = EventLog._from_arrays(
        customers=["x", "y"], offsets=loose.offsets, time=loose.time, kind=loose.kind, kinds=("a", "b"),
        amount=loose.amount, scale=2,
    )  # fmt: skip
    assert tight.digest == loose.digest
    assert tight.report.kept == 3
    with pytest.raises(ParameterError, match="neither codes nor offsets"):
        EventLog._from_arrays(customers=["x"], time=np.array([1]))


def test_attributes_of_arrays_and_their_frame():
    log = EventLog._from_arrays(
        customers=[1], codes=np.array([0]), time=np.array([0]), item=np.array([0]), items=["s"],
        attributes={"plan": Attribute(np.array([0], dtype=np.int32), pd.Index(["gold"]))}, known=np.array([7]),
    )  # fmt: skip
    frame = log.to_frame()
    assert frame["plan"].tolist() == ["gold"]
    assert frame["item"].tolist() == ["s"]
    assert log.complete_until_us == 8


def test_event_ids_stay_with_their_events():
    log = read(simple(ref=["c", "a", "b"]), event_id="ref")
    assert log.event_id.tolist() == ["a", "b", "c"]
    assert read(simple(ref=[3, 1, 2]), event_id="ref").event_id.tolist() == [1, 2, 3]


def test_a_currency_is_a_column_or_a_code():
    assert read(simple(total=[1, 2, 3]), amount="total", currency="EUR").currency == "EUR"
    frame = simple(total=[1, 2, 3], unit=["GBP"] * 3)
    assert read(frame, amount="total", currency="unit").currency == "GBP"
    assert "amounts in GBP" in repr(read(frame, amount="total", currency="unit"))


def test_the_digest_tells_content_apart():
    base = read(simple(total=[1, 2, 3]), amount="total")
    assert base.digest != read(simple(total=[1, 2, 4]), amount="total").digest
    assert base.digest != read(simple(total=[1, 2, 3]), amount="total", timezone="Asia/Tokyo").digest
    assert base.digest != read(simple(total=[1, 2, 3]), amount="total", complete_until="2026-01-01").digest
    assert base.digest != read(simple()).digest
    assert base.digest == read(simple(total=[1.0, 2.0, 3.0]), amount="total").digest
    assert base.digest == read(simple(total=money("1", "2.0", "3")), amount="total").digest


def test_the_text_says_what_is_in_the_log_and_escapes_it_in_a_notebook():
    log = read(simple(what=["<b>", "x", "x"]), kind="what")
    assert repr(log).startswith("EventLog: 3 events of 2 customers, 2025-01-01 00:00:00 to 2025-01-03 00:00:00 UTC")
    assert "&lt;b&gt;" in log._repr_html_()
    assert "0 events" in repr(log.subset(np.array([], dtype=int)))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda log: pickle.loads(pickle.dumps(log))])
def test_a_log_can_be_copied_and_sent_to_another_process(copied):
    log = read(simple(total=[1, 2, 3]), amount="total")
    assert copied(log).digest == log.digest
    assert copied(log).report == log.report


def test_columns_of_arrow_in_pieces_and_dictionaries_are_read():
    table = pa.table(
        {
            "who": pa.chunked_array([pa.array(["b", "a"]).dictionary_encode(), pa.array(["c"]).dictionary_encode()]),
            "ts": pa.chunked_array([pa.array([3, 2], pa.timestamp("s")), pa.array([1], pa.timestamp("s"))]),
        }
    )
    log = EventLog.from_frame(table, customer="who", time="ts")
    assert log.customers.tolist() == ["a", "b", "c"]
    assert log.time.tolist() == [2_000_000, 3_000_000, 1_000_000]


def test_files_take_the_roles_frames_take():
    taken = set(inspect.signature(EventLog.from_frame).parameters) - {"frame"}
    assert set(Roles.__annotations__) == taken
