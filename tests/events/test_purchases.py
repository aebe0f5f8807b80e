"""Sums by customer, exact beyond what floats hold, and the same for any order of the rows."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from churnlib.calendar import timestamp
from churnlib.events import EventLog, _purchases, read_purchases
from churnlib.exceptions import MoneyError
from tests.events.plain_purchases import plain_purchases
from tests.strategies import CHANGES, purchase_cutoffs, purchase_frames

COLUMNS = {"customer": "who", "time": "ts", "amount": "total"}
PERIODS = ["min", "h", "D", "W", "M", "Y"]


def as_dict(bought):
    """What `plain_purchases` returns, with periods counted from the first of each customer."""
    return {
        who: {
            "last": int(bought.last[i] - bought.first[i]), "end": int(bought.end - bought.first[i]),
            "n_orders": int(bought.n_orders[i]), "n_periods": int(bought.n_periods[i]),
            "last_time": timestamp(int(bought.last_us[i])),
            "spend": Decimal(int(bought.spend[i])).scaleb(-bought.scale),
            "spend_later": Decimal(int(bought.spend_later[i])).scaleb(-bought.scale),
        }
        for i, who in enumerate(bought.customers)
    }  # fmt: skip


def expected(frame, cutoff, **options):
    found = plain_purchases(frame, cutoff, **options)
    for of in found.values():
        first = of.pop("first")
        of.update(last=of["last"] - first, end=of["end"] - first)
    return found


@given(st.data(), st.sampled_from(list(CHANGES)), st.sampled_from(PERIODS), st.sampled_from(["refund", "purchase"]))
def test_a_table_and_a_log_say_what_the_definition_says(data, zone, period, negative):
    frame = data.draw(purchase_frames(zone))
    cutoff = data.draw(purchase_cutoffs(zone))
    plain = expected(frame, cutoff, zone=zone, period=period, negative=negative)
    assume(plain)
    table = read_purchases(frame, timezone=zone, negative=negative, **COLUMNS).before(cutoff, period=period)
    until = max(cutoff, frame["ts"].max() + pd.Timedelta(microseconds=1))
    log = EventLog.from_frame(frame, timezone=zone, complete_until=until, **COLUMNS)
    own = read_purchases(log, negative=negative).before(cutoff, period=period)
    assert as_dict(table) == as_dict(own) == plain
    assert list(plain) == table.customers.tolist()


@given(st.data(), st.sampled_from(PERIODS))
def test_the_order_of_rows_does_not_matter(data, period):
    frame = data.draw(purchase_frames("America/New_York", min_size=2))
    turned = frame.iloc[data.draw(st.permutations(range(len(frame))))]
    one, two = (read_purchases(f, negative="purchase", **COLUMNS).before(period=period) for f in (frame, turned))
    for name in ("first", "last", "last_us", "n_orders", "n_periods", "spend", "spend_later"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
    assert one.customers.equals(two.customers)
    assert (one.end, one.cutoff_us, one.scale) == (two.end, two.cutoff_us, two.scale)


def test_a_day_that_comes_again_is_one_day():
    # On 7 November 2010 clocks in St. John's went back from 00:01 to 23:01 of the day before.
    frame = pd.DataFrame(
        {
            "who": [1, 1, 1],
            "ts": pd.to_datetime(["2010-11-07T02:30:30Z", "2010-11-07T03:00:00Z", "2010-11-07T04:00:00Z"]),
            "total": [1, 2, 4],
        }
    )
    assert frame["ts"].dt.tz_convert("America/St_Johns").dt.day.tolist() == [7, 6, 7]
    for data, columns in (
        (EventLog.from_frame(frame, timezone="America/St_Johns", **COLUMNS), {}),
        (frame, COLUMNS | {"timezone": "America/St_Johns"}),
    ):
        rows = read_purchases(data, **columns)
        bought = rows.before()
        assert (bought.n_periods.tolist(), bought.spend_later.tolist()) == ([2], [5])
        assert (bought.last - bought.first).tolist() == [1]
        early = rows.before("2010-11-07T03:00:01Z")  # the wall shows the day before that of the first purchase
        assert (early.end - early.first).tolist() == [1]


def test_money_is_exact_where_floats_are_not():
    frame = pd.DataFrame({"who": [1] * 3, "ts": ["2025-01-01", "2025-01-02", "2025-01-03"]})
    amounts = [2**53 + 1, 2**61 + 1, -(2**60) + 3]
    bought = read_purchases(frame.assign(total=amounts), negative="purchase", **COLUMNS).before()
    assert bought.spend.tolist() == [sum(amounts)]
    assert bought.spend_later.tolist() == [sum(amounts[1:])]


def test_money_beyond_64_bits_is_refused():
    frame = pd.DataFrame({"who": [1, 1, 2, 2], "ts": ["2025-01-01"] * 4, "total": [2**62, 2**62, 2**62, -5]})
    with pytest.raises(MoneyError, match=r"the spend of 1 customers does not fit 64 bits"):
        read_purchases(frame, negative="purchase", **COLUMNS).before()


@given(st.data())
def test_keys_too_long_for_64_bits_give_the_same_pairs(data):
    size = data.draw(st.integers(1, 20))
    codes = np.array(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)))
    number = np.array(data.draw(st.lists(st.integers(-5, 10**12), min_size=size, max_size=size)))
    owner, period = _purchases._sorted_pairs(codes, number, 4)
    assert list(zip(owner.tolist(), period.tolist(), strict=True)) == sorted(
        set(zip(codes.tolist(), number.tolist(), strict=True))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_purchases, "_KEY_LIMIT", 4 * 64)
        again = _purchases._sorted_pairs(codes, number, 4)
    assert (owner.tolist(), period.tolist()) == (again[0].tolist(), again[1].tolist())


def test_free_purchases_and_refunds_are_counted():
    frame = pd.DataFrame(
        {"who": [1, 1, 2, 3], "ts": [f"2025-01-0{day}" for day in (1, 2, 3, 9)], "total": [5, 0, -5, -1]}
    )
    rows = read_purchases(frame, negative="purchase", **COLUMNS)
    assert (rows.before().n_free, rows.before().n_refunds) == (1, 2)
    early = rows.before("2025-01-05")
    assert (early.n_free, early.n_refunds, early.customers.tolist()) == (1, 1, [1, 2])
    assert len(early) == 2


def test_arrays_cannot_be_changed_by_mistake():
    frame = pd.DataFrame({"who": [1], "ts": ["2025-01-01"], "total": [5]})
    bought = read_purchases(frame, **COLUMNS).before()
    with pytest.raises(ValueError, match="read-only"):
        bought.spend[0] = 6


def test_a_mean_over_nothing_is_zero():
    frame = pd.DataFrame({"who": [1], "ts": ["2025-01-01"], "total": [0.3]})
    bought = read_purchases(frame, **COLUMNS).before()
    assert bought.money(bought.spend, np.array([0])).tolist() == [0.0]
    assert bought.money(bought.spend, np.array([3])).tolist() == [0.1]  # 0.3 / 3 in floats is 0.09999…
