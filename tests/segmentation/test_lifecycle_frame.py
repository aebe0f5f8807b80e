"""What a stage is decided on is what was known at the cutoff, counted in local days."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import HistoryError, MoneyError, ParameterError
from churnlib.segmentation import lifecycle_frame
from churnlib.segmentation._table import rfm_table
from churnlib.testing import event_frames
from tests.strategies import CHANGES, CUTOFFS, frames, purchase_cutoffs, purchase_frames, to_log

ZONES = ["UTC", "America/New_York", "Asia/Kolkata"]


def plainly(log: cl.EventLog, cutoff: str, window: str = "90D", kinds: str = "order") -> pd.DataFrame:
    """Say it in plain Python, event by event."""
    at = pd.Timestamp(cutoff).tz_localize(log.timezone)
    span = pd.Timedelta(window)
    today = (at - pd.Timedelta("1us")).date()
    events = log.to_frame()
    rows = {}
    for customer, mine in events.groupby("customer_id"):
        known = mine["known_at"] if "known_at" in mine else mine["time"]
        seen = mine[(mine["time"] < at) & (known < at) & (mine["kind"] == kinds)]
        bought = seen[seen["amount"] >= 0]
        if not len(bought):
            continue
        days = sorted({stamp.date() for stamp in bought["time"]})
        gaps = [(later - earlier).days for earlier, later in itertools.pairwise(days)]
        lived = bought["time"].min() <= at - 2 * span
        rows[customer] = {
            "tenure_days": (today - days[0]).days,
            "recency_days": (today - days[-1]).days,
            "n_orders": len(bought),
            "n_order_days": len(days),
            "median_gap_days": float(np.median(gaps)) if gaps else np.nan,
            "last_gap_days": float(gaps[-1]) if gaps else np.nan,
            "earlier_gap_days": float(np.median(gaps[:-1])) if len(gaps) > 1 else np.nan,
            "cohort": days[0].strftime("%Y-%m"),
            "spend_recent": _spent(seen, at - span, at) if lived else np.nan,
            "spend_before": _spent(seen, at - 2 * span, at - span) if lived else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("customer_id")


def _spent(seen: pd.DataFrame, low: pd.Timestamp, high: pd.Timestamp) -> float:
    return float(sum(seen.loc[(seen["time"] >= low) & (seen["time"] < high), "amount"]))


@pytest.mark.parametrize("zone", ZONES)
@given(frame=frames(late=True), cutoff=st.sampled_from(CUTOFFS))
def test_it_is_the_plain_definition(zone, frame, cutoff):
    log = to_log(frame, timezone=zone, complete_until="2025-09-02")
    expected = plainly(log, cutoff)
    if not len(expected):
        return
    found = lifecycle_frame(log, cutoff=cutoff, kinds="order", negative="refund")
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_index_type=False)


@given(frame=frames(late=True), cutoff=st.sampled_from(CUTOFFS), seed=st.integers(0, 9))
def test_what_comes_or_is_known_later_changes_nothing(frame, cutoff, seed):
    at = pd.Timestamp(cutoff, tz="UTC")
    early = frame[(frame["time"] < at) & (frame["known_at"] < at)]
    if not (early["kind"].eq("order") & early["amount"].ge(0)).any():
        return
    options = {"cutoff": cutoff, "kinds": ["order"], "negative": "refund"}
    kinds = pd.DataFrame({"customer_id": [99], "time": at, "known_at": at, "kind": "order", "amount": 1.0, "item": 0})
    alone = to_log(pd.concat([early, kinds]))  # one later order, so that both logs know the kind
    whole = to_log(pd.concat([frame, kinds]).sample(frac=1, random_state=seed))
    # money of other decimals may come later: the floats are of the same amounts all the same
    pd.testing.assert_frame_equal(lifecycle_frame(whole, **options), lifecycle_frame(alone, **options))


def log_of(*times, amounts=None, until=None, zone="UTC", **more) -> cl.EventLog:
    frame = pd.DataFrame({"id": "ann", "ts": times} | ({} if amounts is None else {"total": amounts}))
    amount = None if amounts is None else "total"
    return cl.EventLog.from_frame(
        frame, customer="id", time="ts", amount=amount, complete_until=until, timezone=zone, **more
    )


def test_days_are_those_of_the_clock_on_the_wall():
    # 23:30 and 00:30 in New York are the same day of UTC, and two days there
    log = log_of(
        "2025-03-08 23:30", "2025-03-09 00:30", "2025-03-10 00:10", until="2025-03-11", zone="America/New_York"
    )
    row = lifecycle_frame(log).iloc[0]
    assert (row["n_orders"], row["n_order_days"], row["tenure_days"], row["recency_days"]) == (3, 3, 2, 0)
    # 9 March has 23 hours
    assert (row["median_gap_days"], row["last_gap_days"]) == (1, 1)


@pytest.mark.parametrize("zone", list(CHANGES))
@given(data=st.data())
def test_it_agrees_with_the_table_of_rfm_on_days_in_which_clocks_change(zone, data):
    frame = data.draw(purchase_frames(zone))
    log = cl.EventLog.from_frame(
        frame, customer="who", time="ts", amount="total", timezone=zone, complete_until="2011-01-01"
    )
    options = {"cutoff": data.draw(purchase_cutoffs(zone)), "negative": "purchase"}
    if not (frame["ts"] < options["cutoff"]).any():
        return
    found = lifecycle_frame(log, **options)
    table = rfm_table(log, **options)
    pd.testing.assert_frame_equal(found[["recency_days", "n_orders"]], table[["recency_days", "n_orders"]])
    assert found["n_order_days"].tolist() == rfm_table(log, period="D", **options)["n_orders"].tolist()
    assert (found["recency_days"] >= 0).all()
    assert (found["tenure_days"] >= found["recency_days"]).all()
    assert not (found[["median_gap_days", "last_gap_days", "earlier_gap_days"]] <= 0).any(axis=None)


def test_windows_of_spend_are_half_open_and_lie_side_by_side():
    times = ["2024-01-01", "2025-01-01", "2025-01-30T23:59:59", "2025-01-31", "2025-03-01"]
    log = log_of(*times, amounts=[1000, 1, 10, 100, 0.25], until="2025-03-02")
    row = lifecycle_frame(log, cutoff="2025-03-02", window="30d").iloc[0]
    assert (row["spend_before"], row["spend_recent"]) == (11, 100.25)


def test_windows_may_be_months():
    log = log_of("2024-12-01", "2025-01-15", "2025-02-15", amounts=[1, 2, 4], until="2025-03-01")
    row = lifecycle_frame(log, window="1mo").iloc[0]
    assert (row["spend_before"], row["spend_recent"]) == (2, 4)


def test_who_started_inside_the_windows_has_nothing_to_compare():
    at_the_edge = lifecycle_frame(log_of("2025-01-01", amounts=[5], until="2025-03-02"), window="30d").iloc[0]
    assert (at_the_edge["spend_before"], at_the_edge["spend_recent"]) == (5, 0)
    later = lifecycle_frame(log_of("2025-01-01T00:00:01", amounts=[5], until="2025-03-02"), window="30d").iloc[0]
    assert later[["spend_before", "spend_recent"]].isna().all()


def test_money_is_added_as_integers():
    log = log_of("2024-01-01", *["2025-02-01"] * 10, amounts=[1] + [0.1] * 10, until="2025-03-01")
    assert lifecycle_frame(log).iloc[0]["spend_recent"] == 1.0


def test_without_money_there_are_no_columns_of_it():
    found = lifecycle_frame(log_of("2025-01-01", until="2025-03-01"))
    assert not found.columns.str.startswith("spend").any()


def test_refunds_are_for_the_caller_to_judge():
    log = log_of("2024-01-01", "2025-02-01", "2025-02-15", amounts=[1, 9, -4], until="2025-03-01")
    with pytest.raises(MoneyError, match="1 amounts in 'total' are negative"):
        lifecycle_frame(log)
    refund = lifecycle_frame(log, negative="refund").iloc[0]
    assert (refund["n_orders"], refund["recency_days"], refund["spend_recent"]) == (2, 27, 5)
    purchase = lifecycle_frame(log, negative="purchase").iloc[0]
    assert (purchase["n_orders"], purchase["recency_days"], purchase["spend_recent"]) == (3, 13, 5)


def test_a_refund_from_before_the_first_order_makes_no_customer():
    frame = pd.DataFrame({"id": ["a", "b"], "ts": "2025-01-01", "total": [5, -5]})
    log = cl.EventLog.from_frame(frame, customer="id", time="ts", amount="total", complete_until="2025-02-01")
    assert lifecycle_frame(log, negative="refund").index.tolist() == ["a"]
    with pytest.raises(HistoryError, match=r"none of the events before 2025-02-01.* is an order"):
        lifecycle_frame(log.forget("a"), negative="refund")


def test_only_orders_count_and_several_kinds_want_a_word():
    frame = pd.DataFrame({"id": "a", "ts": ["2025-01-01", "2025-01-20"], "what": ["order", "visit"]})
    log = cl.EventLog.from_frame(frame, customer="id", time="ts", kind="what", complete_until="2025-02-01")
    assert lifecycle_frame(log, kinds="order")["recency_days"].tolist() == [30]
    assert lifecycle_frame(log, kinds=["order", "visit"])["recency_days"].tolist() == [11]
    with pytest.raises(ParameterError, match="the events are of 2 kinds"):
        lifecycle_frame(log)
    with pytest.raises(HistoryError, match=r"is an order \(kinds='visit'\)"):
        lifecycle_frame(log, cutoff="2025-01-10", kinds="visit")


def test_the_log_says_how_far_one_can_look():
    log = log_of("2025-01-05", until="2025-02-01")
    with pytest.raises(HistoryError, match=r"the cutoff 2025-03-01.* lies after 2025-02-01"):
        lifecycle_frame(log, cutoff="2025-03-01")
    with pytest.raises(HistoryError, match="no event had happened"):
        lifecycle_frame(log, cutoff="2025-01-05")


def test_a_window_without_length_is_an_error():
    with pytest.raises(ParameterError, match="window='0d' has a length of zero"):
        lifecycle_frame(log_of("2025-01-05", until="2025-02-01"), window="0d")


@given(frame=event_frames(kinds="order", boundaries=["2025-06-01"]))
def test_counts_are_whole_and_agree_with_each_other(frame):
    log = to_log(frame, complete_until="2026-01-01")
    found = lifecycle_frame(log, negative="purchase")
    assert (found[["tenure_days", "recency_days", "n_orders", "n_order_days"]].dtypes == "int64").all()
    assert (found["recency_days"] <= found["tenure_days"]).all()
    assert (found["n_order_days"] <= found["n_orders"]).all()
    assert found.index.equals(log.customers.rename("customer_id"))


def test_a_year_of_a_real_shop_against_pandas(online_retail):
    cutoff = pd.Timestamp("2011-10-01", tz="UTC")
    found = lifecycle_frame(online_retail, cutoff=cutoff, negative="refund")
    events = online_retail.to_frame()
    events["amount"] = events["amount"].astype(float)
    seen = events[events["time"] < cutoff]
    bought = seen[seen["amount"] >= 0]
    day = bought["time"].dt.floor("D")
    mine = bought.assign(day=day).groupby("customer_id")
    assert found.index.tolist() == sorted(mine.groups)
    last_day = pd.Timestamp("2011-09-30", tz="UTC")
    assert found["tenure_days"].tolist() == (last_day - mine["day"].min()).dt.days.tolist()
    assert found["recency_days"].tolist() == (last_day - mine["day"].max()).dt.days.tolist()
    assert found["n_orders"].tolist() == mine.size().tolist()
    gaps = bought.assign(day=day).drop_duplicates(["customer_id", "day"])
    gaps["gap"] = gaps.groupby("customer_id")["day"].diff().dt.days
    median = gaps.groupby("customer_id")["gap"].median().reindex(found.index)
    np.testing.assert_array_equal(found["median_gap_days"], median)
    recent = seen[seen["time"] >= cutoff - pd.Timedelta("90D")].groupby("customer_id")["amount"].sum()
    known = found["spend_recent"].notna()
    np.testing.assert_allclose(
        found.loc[known, "spend_recent"], recent.reindex(found.index, fill_value=0)[known], atol=1e-6
    )


@pytest.mark.parametrize("period", ["s", "h", "D", "W", "M"])
@given(frame=event_frames(kinds="order", boundaries=["2025-06-01"]))
def test_orders_are_joined_by_period_as_in_the_table_of_rfm(period, frame):
    log = to_log(frame, complete_until="2026-01-01")
    found, alone = (lifecycle_frame(log, negative="purchase", period=one) for one in (period, None))
    table = rfm_table(log, negative="purchase", period=period)
    pd.testing.assert_series_equal(found["n_orders"], table["n_orders"])
    pd.testing.assert_frame_equal(found.drop(columns="n_orders"), alone.drop(columns="n_orders"))


def test_the_lines_of_an_invoice_are_one_order_where_the_period_says_so(online_retail):
    options = {"cutoff": "2011-10-01", "negative": "refund"}
    lines = lifecycle_frame(online_retail, **options)
    for period in ("s", "D"):
        joined = lifecycle_frame(online_retail, period=period, **options)["n_orders"]
        pd.testing.assert_series_equal(joined, rfm_table(online_retail, period=period, **options)["n_orders"])
        assert joined.sum() < lines["n_orders"].sum() / 10
    assert joined.tolist() == lines["n_order_days"].tolist()


def test_no_such_period():
    with pytest.raises(ParameterError, match="period='fortnight'"):
        lifecycle_frame(log_of("2025-01-05", until="2025-02-01"), period="fortnight")
