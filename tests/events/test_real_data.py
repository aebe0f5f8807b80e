"""The quality report of real files gives their published totals exactly."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from churnlib.events import EventLog

RETAIL = {"customer": "CustomerID", "time": "InvoiceDate", "quantity": "Quantity", "price": "UnitPrice"}


def rows(query):
    with duckdb.connect() as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def retail(data_dir):
    return data_dir / "online_retail_uci.parquet"


def test_online_retail_reconciles(retail):
    log = EventLog.from_parquet(retail, item="StockCode", missing_customer="drop", **RETAIL)
    report = log.report
    # MANIFEST: 541,909 rows, 135,080 without customer, 4,372 customers, revenue 9,747,747.934.
    assert (report.input_rows, report.kept, report.refused) == (541_909, 406_829, 135_080)
    assert report.null_customers == 135_080
    assert report.reasons == {"no customer id": 135_080}
    assert log.n_customers == 4_372
    assert report.input_amount == Decimal("9747747.934")
    kept, refused = rows(
        "select sum(Quantity * cast(UnitPrice as decimal(12, 3))) filter (CustomerID > 0),"
        " sum(Quantity * cast(UnitPrice as decimal(12, 3))) filter (CustomerID > 0 is not true)"
        f" from '{retail}'"
    )[0]
    assert (report.kept_amount, report.refused_amount) == (kept, refused)
    assert report.months["amount"].sum() == kept
    returns = rows(f"select count(*) from '{retail}' where Quantity * UnitPrice < 0")[0]
    assert report.notes["negative amounts, kept as refunds"] == returns[0]


def test_identical_lines_of_online_retail_are_legal_and_kept(retail):
    frame = pd.read_parquet(retail)
    assert frame.duplicated().sum() == 5_268
    guests = frame.assign(CustomerID=frame["CustomerID"].fillna(0))
    log = EventLog.from_frame(
        guests, customer="CustomerID", time="InvoiceDate", item="StockCode",
        attributes=["InvoiceNo", "Description", "Country", "Quantity", "UnitPrice"],
    )  # fmt: skip
    assert log.report.notes["identical rows"] == 5_268
    assert len(log) == 541_909


def test_online_retail_is_one_log_in_any_order_and_engine(retail):
    table = pq.read_table(retail)
    digest = EventLog.from_parquet(retail, missing_customer="drop", **RETAIL).digest
    turned = EventLog.from_frame(table.to_pandas().sample(frac=1, random_state=0), missing_customer="drop", **RETAIL)
    assert turned.digest == digest
    with duckdb.connect() as connection:
        relation = connection.sql(f"select * from '{retail}'")
        assert EventLog.from_frame(relation, missing_customer="drop", **RETAIL).digest == digest


def test_cdnow_keeps_its_ids_and_its_total(data_dir):
    path = data_dir / "cdnow_full.csv.gz"
    log = EventLog.from_csv(path, customer="customer_id", time="date", amount="spend")
    events, customers, spend = rows(
        f"select count(*), count(distinct customer_id), sum(cast(spend as decimal(18, 2)))"
        f" from read_csv('{path}', types={{'customer_id': 'varchar', 'spend': 'varchar'}})"
    )[0]
    assert (len(log), log.n_customers, log.report.kept_amount) == (events, customers, spend)
    assert log.customers[0] == "00001"


def test_social_network_events_are_read_by_kind(data_dir):
    path = data_dir / "fightchurn_socialnet7_events.parquet"
    log = EventLog.from_parquet(path, customer="account_id", time="event_time", kind="event_type")
    counts = dict(rows(f"select cast(event_type as varchar), count(*) from '{path}' group by 1"))
    assert {kind: int((log.kind == code).sum()) for code, kind in enumerate(log.kinds)} == counts
