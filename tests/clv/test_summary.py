"""`rfm_summary` and `calibration_holdout`: the published tables of CDNOW, a peer, the definition in plain Python."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from churnlib.clv import calibration_holdout, rfm_summary
from churnlib.events import EventLog
from churnlib.exceptions import DataError, HistoryError, MoneyError, ParameterError, SchemaError, TimeError
from tests.events.frames import engines
from tests.events.plain_purchases import plain_purchases
from tests.strategies import CHANGES, purchase_cutoffs, purchase_frames

CDNOW = {"customer": "sample_id", "time": "date", "amount": "spend"}
COLUMNS = {"customer": "who", "time": "ts", "amount": "total"}
WEEKS = {"D": Fraction(1, 7), "W": Fraction(1), "h": Fraction(1, 168)}


def mean(total, count):
    return float(Fraction(total) / count) if count else 0.0


@pytest.fixture(scope="module")
def cdnow(data_dir):
    return pd.read_csv(data_dir / "cdnow_sample_transactions.csv.gz")


@pytest.fixture(scope="module")
def calibrated(cdnow):
    return rfm_summary(cdnow, cutoff="1997-10-01", time_unit="W", **CDNOW)


def test_cdnow_gives_the_published_table(calibrated, data_dir):
    published = pd.read_csv(data_dir / "cdnow_summary_bgnbd.csv.gz").set_index("customer_id")
    assert len(calibrated) == 2357
    assert calibrated["frequency"].sum() == 2457
    assert (calibrated["frequency"] > 0).sum() == 946
    assert calibrated.index.equals(published.index)
    assert (calibrated["frequency"] == published["frequency"]).all()
    assert (calibrated["recency"].round(2) == published["recency"]).all()
    assert (calibrated["T"].round(2) == published["T"]).all()
    assert calibrated["T"].max() == 272 / 7  # of those who came on 1 January 1997


def test_cdnow_gives_the_published_mean_spend(calibrated, data_dir):
    published = pd.read_csv(data_dir / "cdnow_summary_gammagamma.csv.gz").set_index("ID")
    assert (calibrated["frequency"] == published["x"]).all()
    # The table has two decimals, and several means lie half-way between two of them.
    assert (calibrated["monetary_value"] - published["zbar"]).abs().max() < 0.005 + 1e-9
    assert (calibrated.loc[calibrated["frequency"] == 0, "monetary_value"] == 0).all()


def test_cdnow_keeps_customers_who_bought_nothing_afterwards(cdnow, calibrated):
    table = calibration_holdout(cdnow, cutoff="1997-10-01", time_unit="W", **CDNOW)
    pd.testing.assert_frame_equal(table[calibrated.columns], calibrated, check_exact=True)
    later = cdnow[cdnow["date"] >= "1997-10-01"]
    days = later.groupby("sample_id")["date"].nunique().reindex(table.index, fill_value=0)
    spend = later.groupby("sample_id")["spend"].sum().round(2).reindex(table.index, fill_value=0.0)
    assert (table["frequency_holdout"] == days).all()
    assert (table["spend_holdout"] == spend).all()
    assert (table["frequency_holdout"] == 0).sum() == 2357 - later["sample_id"].nunique() > 1000
    assert (table["T_holdout"] == 273 / 7).all()  # 1997-10-01 … 1998-06-30
    assert (table.loc[table["frequency_holdout"] == 0, ["monetary_value_holdout", "spend_holdout"]] == 0).all(axis=None)


def test_cdnow_is_one_table_from_a_log_and_from_every_engine(cdnow):
    whole = rfm_summary(cdnow, cutoff="1997-10-01", **CDNOW)
    log = EventLog.from_frame(cdnow.sample(frac=1, random_state=0), **CDNOW)
    for table in (log, *engines(cdnow).values()):
        columns = {} if table is log else CDNOW
        pd.testing.assert_frame_equal(rfm_summary(table, cutoff="1997-10-01", **columns), whole, check_exact=True)


def test_all_of_cdnow(data_dir):
    frame = pd.read_csv(data_dir / "cdnow_full.csv.gz")
    table = rfm_summary(frame, customer="customer_id", time="date", amount="spend")
    days = frame.groupby("customer_id")["date"].nunique()
    assert len(table) == 23_570
    assert table["frequency"].sum() == days.sum() - 23_570
    assert table["T"].max() == 545  # 1997-01-01 … 1998-06-30


def test_online_retail(data_dir):
    lines = pd.read_parquet(data_dir / "online_retail_uci.parquet")
    log = EventLog.from_frame(
        lines, customer="CustomerID", time="InvoiceDate", quantity="Quantity", price="UnitPrice",
        missing_customer="drop", complete_until="2011-12-10",
    )  # fmt: skip
    with pytest.raises(MoneyError, match=r"8905 amounts in 'quantity × price' are negative"):
        rfm_summary(log)
    table = rfm_summary(log, negative="refund")
    buys = lines[lines["CustomerID"].notna() & (lines["Quantity"] * lines["UnitPrice"] >= 0)]
    days = buys["InvoiceDate"].dt.normalize().groupby(buys["CustomerID"].astype("int64"))
    assert table.index.tolist() == sorted(days.groups)
    assert (table["frequency"] == days.nunique() - 1).all()
    assert (table["recency"] == (days.max() - days.min()).dt.days).all()
    assert (table["T"] == (pd.Timestamp("2011-12-09") - days.min()).dt.days).all()
    # With refunds as purchases every customer of the log is there: MANIFEST counts 4,372.
    assert (len(table), len(rfm_summary(log, negative="purchase"))) == (4339, 4372)


@pytest.mark.parametrize(("period", "freq"), [("D", "D"), ("W", "W"), ("h", "h")])
def test_a_peer_agrees(period, freq):
    peer = pytest.importorskip("lifetimes.utils")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "who": rng.integers(0, 200, 2000),
            "ts": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 90 * 86_400, 2000), unit="s"),
            "total": rng.integers(0, 10_000, 2000) / 100,
        }
    )
    ours = rfm_summary(frame, period=period, **COLUMNS)
    theirs = peer.summary_data_from_transaction_data(frame, "who", "ts", "total", freq=freq)
    assert (ours[["frequency", "recency", "T"]] == theirs[["frequency", "recency", "T"]]).all(axis=None)
    np.testing.assert_allclose(ours["monetary_value"], theirs["monetary_value"], rtol=1e-12)


@given(
    st.data(), st.sampled_from(list(CHANGES)), st.sampled_from(list(WEEKS)), st.sampled_from(["refund", "purchase"]),
)  # fmt: skip
def test_the_definition_in_plain_python(data, zone, period, negative):
    frame = data.draw(purchase_frames(zone))
    cutoff = data.draw(purchase_cutoffs(zone))
    plain = plain_purchases(frame, cutoff, zone=zone, period=period, negative=negative)
    assume(plain)
    table = rfm_summary(frame, cutoff=cutoff, timezone=zone, period=period, time_unit="W", negative=negative, **COLUMNS)
    expected = pd.DataFrame(
        {
            who: {
                "frequency": of["n_periods"] - 1,
                "recency": float((of["last"] - of["first"]) * WEEKS[period]),
                "T": float((of["end"] - of["first"]) * WEEKS[period]),
                "monetary_value": mean(of["spend_later"], of["n_periods"] - 1),
            }
            for who, of in plain.items()
        }
    ).T  # fmt: skip
    assert table.index.tolist() == expected.index.tolist()
    assert (table == expected).all(axis=None)
    assert ((table["recency"] >= 0) & (table["recency"] <= table["T"])).all()
    assert (table["recency"][table["frequency"] == 0] == 0).all()
    assert table.dtypes.astype(str).tolist() == ["int64", "float64", "float64", "float64"]


@given(st.data())
def test_the_order_of_rows_does_not_matter(data):
    frame = data.draw(purchase_frames("America/New_York", min_size=2))
    turned = frame.iloc[data.draw(st.permutations(range(len(frame))))]
    options = COLUMNS | {"negative": "purchase", "timezone": "America/New_York"}
    one, two = rfm_summary(frame, **options), rfm_summary(turned, **options)
    assert one.index.equals(two.index)
    assert one.to_numpy().tobytes() == two.to_numpy().tobytes()


def test_several_orders_of_one_local_day_are_one_purchase():
    # 03:30 UTC of the 2nd is the evening of the 1st in New York.
    frame = pd.DataFrame(
        {
            "who": [1, 1, 1],
            "ts": pd.to_datetime(["2025-01-01T15:00Z", "2025-01-02T03:30Z", "2025-01-02T15:00Z"]),
            "total": [1.0, 2.0, 4.0],
        }
    )
    there = rfm_summary(frame, timezone="America/New_York", **COLUMNS)
    assert there.loc[1].tolist() == [1, 1.0, 1.0, 4.0]
    assert rfm_summary(frame, **COLUMNS).loc[1].tolist() == [1, 1.0, 1.0, 6.0]


def test_a_month_with_a_change_of_clocks_has_whole_days():
    ts = pd.to_datetime(["2025-03-01", "2025-03-31"]).tz_localize("America/New_York")
    frame = pd.DataFrame({"who": [1, 1], "ts": ts})
    table = rfm_summary(frame, customer="who", time="ts", timezone="America/New_York", cutoff="2025-04-01")
    assert table.loc[1, ["recency", "T"]].tolist() == [30.0, 30.0]


def test_the_cutoff_itself_is_not_before_it():
    frame = pd.DataFrame({"who": [1, 1], "ts": ["2025-01-01 09:00", "2025-01-03 00:00"], "total": [1.0, 2.0]})
    assert rfm_summary(frame, cutoff="2025-01-03", **COLUMNS).loc[1].tolist() == [0, 0.0, 1.0, 0.0]
    assert rfm_summary(frame, cutoff="2025-01-03 00:00:00.000001", **COLUMNS).loc[1].tolist() == [1, 2.0, 2.0, 2.0]


def test_a_cutoff_inside_a_day():
    frame = pd.DataFrame({"who": [1, 1], "ts": ["2025-01-01 09:00", "2025-01-03 15:00"], "total": [1.0, 2.0]})
    assert rfm_summary(frame, cutoff="2025-01-03 12:00", **COLUMNS).loc[1].tolist() == [0, 0.0, 2.0, 0.0]
    assert rfm_summary(frame, cutoff="2025-01-03", **COLUMNS).loc[1].tolist() == [0, 0.0, 1.0, 0.0]


def test_without_a_cutoff():
    frame = pd.DataFrame({"who": [1, 2], "ts": ["2025-01-01", "2025-01-03 15:00"]})
    columns = {"customer": "who", "time": "ts"}
    assert rfm_summary(frame, **columns)["T"].tolist() == [2.0, 0.0]
    log = EventLog.from_frame(frame, complete_until="2025-01-11", **columns)
    assert rfm_summary(log)["T"].tolist() == [9.0, 7.0]
    assert rfm_summary(log).columns.tolist() == ["frequency", "recency", "T"]


def test_refunds_lower_the_spend_of_repeats():
    frame = pd.DataFrame(
        {
            "who": [1, 1, 1, 1, 2, 2],
            "ts": [f"2025-01-0{day}" for day in (1, 3, 4, 5, 1, 2)],
            "total": [10.0, 20.0, -6.0, 0.0, 5.0, -5.0],
        }
    )
    refund = rfm_summary(frame, negative="refund", **COLUMNS)
    assert refund.loc[1].tolist() == [2, 4.0, 4.0, 7.0]  # 20 − 6 over two purchases, one of them free
    assert refund.loc[2].tolist() == [0, 0.0, 4.0, 0.0]
    purchase = rfm_summary(frame, negative="purchase", **COLUMNS)
    assert purchase.loc[1].tolist() == [3, 4.0, 4.0, 14 / 3]
    assert purchase.loc[2].tolist() == [1, 1.0, 4.0, -5.0]


def test_exact_where_float_sums_are_not():
    frame = pd.DataFrame(
        {"who": [1] * 4, "ts": [f"2025-01-0{day}" for day in (1, 2, 3, 4)], "total": [1.0, 0.1, 0.2, 0.3]}
    )
    assert (0.1 + 0.2 + 0.3) / 3 != 0.2
    assert rfm_summary(frame, **COLUMNS).loc[1, "monetary_value"] == 0.2


def test_calibration_and_holdout_add_up():
    frame = pd.DataFrame(
        {
            "who": ["ann", "ann", "ann", "bob", "new"],
            "ts": ["2025-01-01", "2025-01-06", "2025-01-08", "2025-01-02", "2025-01-07"],
            "total": [1.0, 2.0, 4.0, 8.0, 16.0],
        }
    )
    table = calibration_holdout(frame, cutoff="2025-01-06", holdout_end="2025-01-11", **COLUMNS)
    assert table.index.tolist() == ["ann", "bob"]
    assert table.loc["ann"].tolist() == [0, 0.0, 4.0, 0.0, 2, 5.0, 3.0, 6.0]
    assert table.loc["bob"].tolist() == [0, 0.0, 3.0, 0.0, 0, 5.0, 0.0, 0.0]
    whole = rfm_summary(frame, cutoff="2025-01-11", **COLUMNS).loc[["ann", "bob"]]
    assert (table["frequency"] + table["frequency_holdout"] == whole["frequency"]).all()
    assert (table["T"] + table["T_holdout"] == whole["T"]).all()
    log = EventLog.from_frame(frame, complete_until="2025-01-11", **COLUMNS)
    pd.testing.assert_frame_equal(calibration_holdout(log, cutoff="2025-01-06"), table)
    assert "spend_holdout" not in calibration_holdout(frame, cutoff="2025-01-06", customer="who", time="ts")


def test_the_frame_is_not_modified():
    frame = pd.DataFrame({"who": ["b", "a"], "ts": ["2025-01-03", "2025-01-02"], "total": [1.5, 2.0]}, index=[7, 3])
    copy = frame.copy(deep=True)
    rfm_summary(frame, **COLUMNS)
    calibration_holdout(frame, cutoff="2025-01-03", **COLUMNS)
    pd.testing.assert_frame_equal(frame, copy)


def test_texts_and_categories_serve_as_ids():
    frame = pd.DataFrame({"who": ["b", "a", "b"], "ts": ["2025-01-01", "2025-01-02", "2025-01-03"], "total": [1, 2, 3]})
    plain = rfm_summary(frame, **COLUMNS)
    pd.testing.assert_frame_equal(rfm_summary(frame.astype({"who": "category"}), **COLUMNS), plain)
    pd.testing.assert_frame_equal(rfm_summary(pl.from_pandas(frame), **COLUMNS), plain)
    assert plain.index.name == "customer_id"


def test_bad_input_names_column_count_and_row():
    frame = pd.DataFrame({"who": [1.0, 2.0], "ts": ["2025-01-01", "2025-01-02"], "total": [1.0, 2.0]})
    with pytest.raises(SchemaError, match=r"no column 'cust', named by customer="):
        rfm_summary(frame, **COLUMNS | {"customer": "cust"})
    with pytest.raises(DataError, match=r"1 rows have no customer id in column 'who' \(row 1\)"):
        rfm_summary(frame.assign(who=[1, np.nan]), **COLUMNS)
    with pytest.raises(TimeError, match=r"1 times in column 'ts' cannot be read \(row 1: 'x'\)"):
        rfm_summary(frame.assign(ts=["2025-01-01", "x"]), **COLUMNS)
    with pytest.raises(MoneyError, match=r"1 amounts are missing or NaN in 'total' \(row 0\)"):
        rfm_summary(frame.assign(total=[np.nan, 1]), **COLUMNS)
    with pytest.raises(MoneyError, match=r"1 amounts in 'total' are negative \(row 0\)"):
        rfm_summary(frame.assign(total=[-1, 1]), **COLUMNS)
    with pytest.raises(HistoryError, match="nothing was bought before the cutoff 2024-01-01"):
        rfm_summary(frame, cutoff="2024-01-01", **COLUMNS)
    with pytest.raises(HistoryError, match="nothing was bought before the cutoff 2025-01-01"):
        calibration_holdout(frame, cutoff="2025-01-01", **COLUMNS)
    with pytest.raises(HistoryError, match="has no period of its own"):
        calibration_holdout(frame, cutoff="2025-01-03", **COLUMNS)
    with pytest.raises(ParameterError, match=r"period='D' cannot be expressed in time_unit='Y'"):
        rfm_summary(frame, time_unit="Y", **COLUMNS)
