"""What the page says of the data, and when it calls a feed late."""

from __future__ import annotations

import numpy as np
import pandas as pd

import churnlib as cl
from churnlib.reporting import _history


def daily(days: int, per_day: int = 3, **options) -> pd.DataFrame:
    start = pd.Timestamp("2025-01-01", tz="UTC")
    times = [start + pd.Timedelta(days=day, hours=h) for day in range(days) for h in range(per_day)]
    return pd.DataFrame({"id": np.arange(len(times)) % 7, "at": times, "total": 1.25} | options)


def read(frame: pd.DataFrame, **options) -> cl.EventLog:
    return cl.EventLog.from_frame(frame, customer="id", time="at", amount="total", **options)


def test_rows_and_money_reconcile():
    frame = daily(10)
    frame["id"] = frame["id"].astype("Int64")
    frame.loc[:3, "id"] = pd.NA
    data = _history.data_of(read(frame, missing_customer="drop"))
    assert (data["input_rows"], data["kept"], data["refused_rows"]) == (30, 26, 4)
    assert data["refused"] == [{"reason": "no customer id", "rows": 4}]
    assert (data["input_amount"], data["kept_amount"], data["refused_amount"]) == ("37.50", "32.50", "5.00")
    assert ["Rows without a customer id", "4"] in data["notes"]


def test_a_log_without_money_says_nothing_of_it():
    log = cl.EventLog.from_frame(daily(10), customer="id", time="at")
    data = _history.data_of(log)
    assert data["amounts"] is False
    assert data["input_amount"] is None


def test_a_steady_feed_is_not_late():
    assert _history._stale(read(daily(100))) is None
    assert _history._stale(read(daily(20))) is None  # too short to know what is usual


def test_a_feed_that_dries_up_is_called_late():
    late = read(daily(100), complete_until="2025-04-18")
    assert _history._stale(late).startswith("The last seven days hold 0 events, the eight weeks before about 21 each.")
    frame = daily(100)
    thin = frame[(frame["at"] < "2025-04-04") | (frame.index % 3 == 0)]
    assert "hold 9 events" in _history._stale(read(thin))


def test_a_quiet_week_in_a_log_that_has_them_is_not_late():
    frame = daily(100)
    quiet = frame["at"].between("2025-03-03", "2025-03-12") | (frame["at"] >= "2025-04-04")
    assert _history._stale(read(frame[~quiet | (frame.index % 3 == 0)])) is None
