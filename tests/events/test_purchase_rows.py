"""Purchases from a log or from any table: the same rows, the same rules, errors that say which."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from churnlib.calendar import to_us
from churnlib.events import EventLog, read_purchases
from churnlib.exceptions import (
    DataError,
    HistoryError,
    MoneyError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    TimeError,
)
from tests.events.frames import engines
from tests.events.plain_purchases import plain_purchases
from tests.strategies import CHANGES, purchase_cutoffs, purchase_frames

COLUMNS = {"customer": "who", "time": "ts", "amount": "total"}
FIELDS = ("first", "last", "last_us", "n_orders", "n_periods", "spend", "spend_later")


def orders(**columns):
    base = {"who": [2, 1, 2], "ts": ["2025-01-03", "2025-01-02", "2025-01-01"], "total": [5.0, 0.5, 2.0]}
    return pd.DataFrame({**base, **columns})


def read(frame, **options):
    return read_purchases(frame, **{**COLUMNS, **options})


def assert_same(one, two):
    assert one.customers.equals(two.customers)
    assert (one.end, one.cutoff_us, one.grid) == (two.end, two.cutoff_us, two.grid)
    for name in FIELDS:
        assert np.array_equal(getattr(one, name), getattr(two, name)), name


@pytest.mark.parametrize("ids", [[2, 1, 2], ["b", "a", "b"], [2.0, 1.0, 2.0]])
def test_every_engine_and_the_log_give_the_same(ids):
    frame = orders(who=ids, ts=pd.to_datetime(["2025-01-03", "2025-01-02", "2025-01-01"]).astype("datetime64[us]"))
    log = EventLog.from_frame(frame, **COLUMNS)
    reference = read_purchases(log).before("2025-01-03")
    for name, table in engines(frame).items():
        assert_same(read(table).before("2025-01-03"), reference)
        assert_same(read(table).before(), read_purchases(log).before()), name


def test_the_frame_is_not_modified():
    frame = orders()
    copy = frame.copy(deep=True)
    rows = read(frame)
    rows.holdout(rows.before("2025-01-02"))
    pd.testing.assert_frame_equal(frame, copy)


def test_time_is_half_open():
    rows = read(orders())
    assert rows.before("2025-01-03").n_orders.tolist() == [1, 1]
    assert rows.before("2025-01-03T00:00:00.000001").n_orders.tolist() == [1, 2]


def test_a_holdout_is_half_open():
    frame = orders(who=[1, 1, 1], ts=["2025-01-01", "2025-01-03", "2025-01-05"], total=[1, 2, 4])
    rows = read(frame)
    held = rows.holdout(rows.before("2025-01-03"), "2025-01-05")  # what falls on an edge belongs to what follows it
    assert (held.n_periods.tolist(), held.spend.tolist()) == ([1], [2])
    held = rows.holdout(rows.before("2025-01-03"), "2025-01-05T00:00:00.000001")
    assert (held.n_periods.tolist(), held.spend.tolist()) == ([2], [6])


def test_without_a_cutoff_everything_counts_up_to_the_last_event():
    frame = orders(what=["visit", "order", "order"])
    rows = read(frame, kind="what", kinds="order")
    assert rows.before().cutoff_us == to_us("2025-01-03") + 1  # the visit ends the observation
    log = EventLog.from_frame(frame, kind="what", complete_until="2025-02-01", **COLUMNS)
    assert read_purchases(log, kinds="order").before().cutoff_us == to_us("2025-02-01")


def test_a_log_counts_what_was_known():
    frame = orders(seen=["2025-01-03", "2025-01-09", "2025-01-01"])
    rows = read_purchases(EventLog.from_frame(frame, known_at="seen", **COLUMNS))
    assert rows.before("2025-01-04").customers.tolist() == [2]
    assert rows.before("2025-01-09").customers.tolist() == [2]
    assert rows.before().customers.tolist() == [1, 2]
    # What happened before the cutoff and was not known by then is in neither part.
    held = rows.holdout(rows.before("2025-01-03"))
    assert (held.n_periods.tolist(), held.spend.tolist()) == ([1], [50])


def test_a_log_before_the_first_thing_known():
    frame = orders(seen=["2025-01-09"] * 3)
    rows = read_purchases(EventLog.from_frame(frame, known_at="seen", **COLUMNS))
    with pytest.raises(HistoryError, match=r"no purchase is known before the cutoff 2025-01-05.*became known later"):
        rows.before("2025-01-05")


def test_refunds_are_no_purchases_or_are_as_asked():
    frame = orders(total=[-5.0, 0.5, 2.0])
    refund, purchase = (read(frame, negative=rule).before() for rule in ("refund", "purchase"))
    assert (refund.n_orders.tolist(), refund.spend.tolist(), refund.spend_later.tolist()) == (
        [1, 1],
        [5, -30],
        [0, -50],
    )
    assert (purchase.n_orders.tolist(), purchase.spend.tolist()) == ([1, 2], [5, -30])
    only = orders(total=[5.0, -0.5, 2.0])
    assert read(only, negative="refund").before().customers.tolist() == [2]
    with pytest.raises(HistoryError, match="or gave money back"):
        read(orders(total=[-1.0, -1.0, -1.0]), negative="refund").before()


def test_kinds_choose_the_purchases():
    frame = orders(what=["visit", "order", "order"], total=[-1.0, 0.5, 2.0])
    assert read(frame, kind="what", kinds="order").before().n_orders.tolist() == [1, 1]  # the -1 is no order's
    log = EventLog.from_frame(frame, kind="what", **COLUMNS)
    assert_same(read_purchases(log, kinds=["order"]).before(), read(frame, kind="what", kinds=["order"]).before())


def test_facts_are_nothing_anybody_bought():
    frame = orders(what=["moved", "order", "order"])
    log = EventLog.from_frame(frame, kind="what", facts="moved", **COLUMNS)
    assert read_purchases(log).before().n_orders.tolist() == [1, 1]


def test_customers_of_a_log_without_events_are_left_out():
    log = EventLog.from_frame(orders(), **COLUMNS)
    assert read_purchases(log.subset(log.customer_codes == 1)).before().customers.tolist() == [2]


@given(
    st.data(), st.sampled_from(list(CHANGES)), st.sampled_from(["h", "D", "W"]), st.sampled_from(["refund", "purchase"])
)
def test_calibration_and_holdout_add_up_to_the_whole(data, zone, period, negative):
    frame = data.draw(purchase_frames(zone, min_size=2))
    cutoff, end = sorted([data.draw(purchase_cutoffs(zone)), data.draw(purchase_cutoffs(zone))])
    options = {"zone": zone, "period": period, "negative": negative}
    past, whole = plain_purchases(frame, cutoff, **options), plain_purchases(frame, end, **options)
    assume(past)
    rows = read(frame, timezone=zone, negative=negative)
    bought = rows.before(cutoff, period=period)
    try:
        held = rows.holdout(bought, end)
    except HistoryError:
        ends = {of["end"] for of in (*past.values(), *whole.values())}
        assert len(ends) == 1
        return
    assert held.n_periods.tolist() == [whole[who]["n_periods"] - past[who]["n_periods"] for who in bought.customers]
    scale = 10**bought.scale
    assert held.spend.tolist() == [int((whole[who]["spend"] - past[who]["spend"]) * scale) for who in bought.customers]
    assert held.end - bought.end == next(iter(whole.values()))["end"] - next(iter(past.values()))["end"]


def test_a_period_cut_in_two_is_counted_once():
    frame = orders(who=[1, 1, 1], ts=["2025-01-01 09:00", "2025-01-01 15:00", "2025-01-02 10:00"])
    rows = read(frame)
    bought = rows.before("2025-01-01 12:00")
    assert rows.holdout(bought).n_periods.tolist() == [1]


def test_a_holdout_without_a_period_of_its_own():
    rows = read(orders())
    with pytest.raises(HistoryError, match=r"holdout from 2025-01-03.* to 2025-01-02.* has no period of its own"):
        rows.holdout(rows.before("2025-01-03"), "2025-01-02")
    with pytest.raises(HistoryError, match=r"no period of its own \(period='W'\)"):
        rows.holdout(rows.before("2025-01-02", period="W"), "2025-01-03")


@pytest.mark.parametrize("name", ["cutoff", "holdout_end"])
def test_nothing_is_known_beyond_the_end_of_a_log(name):
    rows = read_purchases(EventLog.from_frame(orders(), complete_until="2025-02-01", **COLUMNS))
    with pytest.raises(HistoryError, match=rf"{name}=2025-02-02 .* lies beyond the end of the log, 2025-02-01"):
        rows.before("2025-02-02") if name == "cutoff" else rows.holdout(rows.before("2025-01-03"), "2025-02-02")
    # A frame says nothing of its end: the caller does.
    assert read(orders()).before("2025-02-02").end - read(orders()).before().end == 29


def test_a_cutoff_before_all_events():
    with pytest.raises(HistoryError, match=r"nothing was bought before the cutoff 2025-01-01.*the first of 3 events"):
        read(orders()).before("2025-01-01")


def test_no_event_of_the_kinds_asked_for():
    frame = orders(what=["visit", "visit", "order"])
    log = EventLog.from_frame(frame, kind="what", **COLUMNS)
    visits = log.subset(log.codes_of("visit")[log.kind])
    with pytest.raises(HistoryError, match=r"no event before 2025-01-03 .* is of the kinds asked for"):
        read_purchases(visits, kinds="order").before()


def test_bad_rows_are_named_with_count_and_column():
    with pytest.raises(DataError, match=r"2 rows have no customer id in column 'who' \(rows 0, 2\)"):
        read(orders(who=[np.nan, 1, np.nan]))
    with pytest.raises(TimeError, match=r"1 times in column 'ts' cannot be read \(row 1: 'soon'\)"):
        read(orders(ts=["2025-01-01", "soon", "2025-01-02"]))
    with pytest.raises(TimeError, match=r"1 rows have no time in column 'ts' \(row 2\)"):
        read(orders(ts=["2025-01-01", "2025-01-02", None]))
    with pytest.raises(MoneyError, match=r"1 amounts are missing or NaN in 'total' \(row 1\)"):
        read(orders(total=[1.0, np.nan, 2.0]))
    with pytest.raises(MoneyError, match=r"1 amounts in 'total' are negative \(row 2\).*is for you to say"):
        read(orders(total=[1.0, 0.0, -2.0]))
    with pytest.raises(MoneyError, match=r"1 amounts in 'total' have more than 6 decimals \(row 0"):
        read(orders(total=[1 / 3, 0.0, 2.0]))
    with pytest.raises(SchemaError, match=r"no column 'customer', named by customer="):
        read(orders(), customer="customer")
    with pytest.raises(DataError, match=r"1 rows have no kind in column 'what' \(row 0\)"):
        read(orders(what=[None, "order", "order"]), kind="what")
    with pytest.raises(DataError, match="the table has no rows"):
        read(orders().iloc[:0])


def test_the_first_refund_of_a_log_is_named():
    log = EventLog.from_frame(orders(total=[5.0, -0.5, -2.0]), **COLUMNS)
    with pytest.raises(MoneyError, match=r"2 amounts in 'total' are negative \(the first of customer 1 at 2025-01-02"):
        read_purchases(log)
    lines = orders(n=[1, -1, 2]).drop(columns="total").assign(price=2.5)
    log = EventLog.from_frame(lines, customer="who", time="ts", quantity="n", price="price")
    with pytest.raises(MoneyError, match=r"1 amounts in 'quantity × price' are negative"):
        read_purchases(log)


def test_arguments_that_cannot_work():
    log = EventLog.from_frame(orders(what=["visit", "order", "order"]), kind="what", **COLUMNS)
    frame = orders(what=["visit", "order", "order"])
    with pytest.raises(ParameterError, match=r"amount='total' beside an EventLog; a log knows its columns"):
        read_purchases(log, amount="total")
    with pytest.raises(ParameterError, match=r"timezone='UTC' beside an EventLog"):
        read_purchases(log, timezone="UTC")
    for data, columns in ((log, {}), (frame, COLUMNS | {"kind": "what"})):
        with pytest.raises(
            ParameterError, match=r"events are of 2 kinds \(order, visit\); which of them are purchases"
        ):
            read_purchases(data, **columns)
        with pytest.raises(
            ParameterError, match=r"1 of 1 kinds are not among the events: 'ordr' \(did you mean 'order'"
        ):
            read_purchases(data, kinds="ordr", **columns)
        with pytest.raises(ParameterError, match=r"kinds is empty"):
            read_purchases(data, kinds=[], **columns)
    with pytest.raises(ParameterTypeError, match=r"customer= and time= not given, and the data are a DataFrame"):
        read_purchases(frame)
    with pytest.raises(ParameterTypeError, match=r"^time= not given"):
        read_purchases(frame, customer="who")
    with pytest.raises(ParameterError, match=r"kinds='order' without a column of kinds"):
        read(frame, kinds="order")
    with pytest.raises(ParameterError, match=r"negative='keep' is not a choice"):
        read(frame, negative="keep")
    with pytest.raises(ParameterError, match=r"period='day' is not a choice"):
        read(frame).before(period="day")
    with pytest.raises(ParameterTypeError, match=r"are a list, which is no dataframe"):
        read([1, 2, 3])


def test_times_in_another_spelling():
    frame = orders(ts=["03/01/2025", "02/01/2025", "01/01/2025"])
    assert_same(read(frame, time_format="%d/%m/%Y").before(), read(orders()).before())


@pytest.mark.parametrize(
    ("happened", "paid", "proposed"),
    [
        (["complaint", "order", "visit"], [5, 1, 0], "order"),
        (["complaint", "Orders", "visit"], [5, 1, 0], "Orders"),
        (["Transaction", "complaint", "purchase"], [1, 1, 1], "purchase"),
        (["complaint", "sale", "visit"], [0, 1, 2], "sale"),
        (["complaint", "sale", "visit"], [0, 0, 0], "complaint"),
    ],
)
def test_the_likeliest_kind_is_proposed(happened, paid, proposed):
    frame = pd.DataFrame({"who": [1, 2, 3], "ts": ["2025-01-05"] * 3, "total": paid, "what": happened})
    log = EventLog.from_frame(frame, kind="what", **COLUMNS)
    for data, columns in ((log, {}), (frame, COLUMNS | {"kind": "what"})):
        for kinds in (None, []):
            with pytest.raises(ParameterError, match=f"(?s)Fix: kinds='{proposed}'"):
                read_purchases(data, kinds=kinds, **columns)


def test_of_kinds_that_are_not_there_the_nearest_is_proposed():
    frame = pd.DataFrame({"who": [1, 2], "ts": ["2025-01-05"] * 2, "what": ["order", "visit"]})
    with pytest.raises(ParameterError, match=r"(?s)'visits' .*Fix: kinds='visit'"):
        read_purchases(frame, customer="who", time="ts", kind="what", kinds="visits")
    with pytest.raises(ParameterError, match=r"(?s)'sale' .*Fix: kinds='order'"):
        read_purchases(frame, customer="who", time="ts", kind="what", kinds="sale")


def test_a_holdout_counts_what_happened_whenever_it_became_known():
    frame = pd.DataFrame(
        {
            "who": [1, 1, 2],
            "ts": ["2025-01-01", "2025-01-15", "2025-01-10"],
            "known": ["2025-01-01", "2025-02-15", "2025-02-10"],
        }
    )
    log = EventLog.from_frame(frame, customer="who", time="ts", known_at="known", complete_until="2025-03-01")
    rows = read_purchases(log)
    past = rows.before("2025-01-12")
    assert past.customers.tolist() == [1]  # what customer 2 did before the cutoff was not known by then
    assert rows.holdout(past, "2025-02-01").n_periods.tolist() == [1]
    assert rows.before("2025-02-01").n_periods.tolist() == [1]
    assert rows.before("2025-02-10").customers.tolist() == [1]  # known at the cutoff itself is too late
    assert rows.before("2025-02-10 00:00:00.000001").customers.tolist() == [1, 2]
