"""`rfm_table`: days since the last order, orders and money, against the definition and real invoices."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from churnlib.events import EventLog
from churnlib.exceptions import DataError, HistoryError, MoneyError, ParameterError, SchemaError
from churnlib.segmentation import rfm_table
from tests.events.frames import engines
from tests.events.plain_purchases import plain_purchases
from tests.strategies import CHANGES, purchase_cutoffs, purchase_frames

COLUMNS = {"customer": "who", "time": "ts", "amount": "total"}


@given(st.data(), st.sampled_from(list(CHANGES)), st.sampled_from(["refund", "purchase"]))
def test_the_definition_in_plain_python(data, zone, negative):
    frame = data.draw(purchase_frames(zone))
    cutoff = data.draw(purchase_cutoffs(zone))
    plain = plain_purchases(frame, cutoff, zone=zone, negative=negative)
    assume(plain)
    options = COLUMNS | {"cutoff": cutoff, "timezone": zone, "negative": negative}
    table = rfm_table(frame, **options)
    assert table.index.tolist() == list(plain)
    assert table["recency_days"].tolist() == [of["end"] - of["last"] for of in plain.values()]
    assert table["n_orders"].tolist() == [of["n_orders"] for of in plain.values()]
    assert table["spend_total"].tolist() == [float(of["spend"]) for of in plain.values()]
    assert table.dtypes.astype(str).tolist() == ["int64", "int64", "float64"]
    hourly = plain_purchases(frame, cutoff, zone=zone, period="h", negative=negative)
    joined = rfm_table(frame, period="h", **options)
    assert joined["n_orders"].tolist() == [of["n_periods"] for of in hourly.values()]
    assert joined.drop(columns="n_orders").equals(table.drop(columns="n_orders"))


@given(st.data())
def test_the_order_of_rows_does_not_matter(data):
    frame = data.draw(purchase_frames("America/New_York", min_size=2))
    turned = frame.iloc[data.draw(st.permutations(range(len(frame))))]
    options = COLUMNS | {"negative": "purchase", "timezone": "America/New_York"}
    one, two = rfm_table(frame, **options), rfm_table(turned, **options)
    assert one.index.equals(two.index)
    assert one.to_numpy().tobytes() == two.to_numpy().tobytes()


def test_days_since_are_counted_on_the_local_calendar():
    frame = pd.DataFrame({"who": [1], "ts": pd.to_datetime(["2025-03-08T23:00"]).tz_localize("America/New_York")})
    columns = {"customer": "who", "time": "ts", "timezone": "America/New_York"}
    days = [rfm_table(frame, cutoff=cutoff, **columns).loc[1, "recency_days"] for cutoff in
            ("2025-03-08 23:30", "2025-03-09", "2025-03-09 00:00:00.000001", "2025-03-10", "2025-03-11")]  # fmt: skip
    assert days == [0, 0, 1, 1, 2]  # the 9th has 23 hours


def test_every_engine_and_the_log_give_the_same():
    frame = pd.DataFrame(
        {
            "who": ["b", "a", "b"],
            "ts": pd.to_datetime(["2025-01-03", "2025-01-02", "2025-01-01"]),
            "total": [5.0, 0.5, 2.0],
        }
    ).astype({"ts": "datetime64[us]"})
    copy = frame.copy(deep=True)
    log = EventLog.from_frame(frame, complete_until="2025-02-01", **COLUMNS)
    reference = rfm_table(log)
    assert reference.to_dict("list") == {"recency_days": [29, 28], "n_orders": [1, 2], "spend_total": [0.5, 7.0]}
    assert reference.index.name == "customer_id"
    for table in engines(frame).values():
        pd.testing.assert_frame_equal(rfm_table(table, cutoff="2025-02-01", **COLUMNS), reference, check_exact=True)
    pd.testing.assert_frame_equal(frame, copy)


def test_without_a_cutoff_or_an_amount():
    frame = pd.DataFrame({"who": [1, 2], "ts": ["2025-01-01", "2025-01-03 15:00"]})
    table = rfm_table(frame, customer="who", time="ts")
    assert table.to_dict("list") == {"recency_days": [2, 0], "n_orders": [1, 1]}


def test_online_retail(data_dir):
    lines = pd.read_parquet(data_dir / "online_retail_uci.parquet")
    lines = lines[lines["CustomerID"].notna() & (lines["Quantity"] > 0) & (lines["UnitPrice"] > 0)]
    log = EventLog.from_frame(
        lines, customer="CustomerID", time="InvoiceDate", quantity="Quantity", price="UnitPrice",
        complete_until="2011-12-10",
    )  # fmt: skip
    by_line, by_invoice = rfm_table(log), rfm_table(log, period="s")
    # Widely published for these rows: 397,884 lines of 4,338 customers.
    assert (len(by_line), by_line["n_orders"].sum()) == (4338, 397_884)
    own = lines.assign(CustomerID=lines["CustomerID"].astype("int64")).groupby("CustomerID")
    assert (by_line["n_orders"] == own.size()).all()
    assert (
        by_line["recency_days"] == (pd.Timestamp("2011-12-09") - own["InvoiceDate"].max().dt.normalize()).dt.days
    ).all()
    assert (by_invoice["n_orders"] == own["InvoiceDate"].nunique()).all()
    # One invoice is one instant, but for the few that were written over two minutes, or two at once.
    assert by_invoice["n_orders"].sum() == pytest.approx(own["InvoiceNo"].nunique().sum(), rel=0.01)
    money = lines["Quantity"] * (lines["UnitPrice"] * 1000).round().astype("int64")
    assert (by_line["spend_total"] == money.groupby(lines["CustomerID"].astype("int64")).sum() / 1000).all()


def test_bad_input_names_column_count_and_row():
    frame = pd.DataFrame({"who": [1, 2], "ts": ["2025-01-01", "2025-01-02"], "total": [1.0, 2.0]})
    with pytest.raises(SchemaError, match=r"no column 'sum', named by amount="):
        rfm_table(frame, **COLUMNS | {"amount": "sum"})
    with pytest.raises(DataError, match=r"1 rows have no customer id in column 'who' \(row 1\)"):
        rfm_table(frame.assign(who=["a", None]), **COLUMNS)
    with pytest.raises(MoneyError, match=r"1 amounts in 'total' are negative \(row 0\)"):
        rfm_table(frame.assign(total=[-1, 1]), **COLUMNS)
    with pytest.raises(HistoryError, match="nothing was bought before the cutoff 2024-01-01"):
        rfm_table(frame, cutoff="2024-01-01", **COLUMNS)
    with pytest.raises(ParameterError, match=r"period='day' is not a choice"):
        rfm_table(frame, period="day", **COLUMNS)
