"""The public sets: the published totals, and the download of the one that has an address."""

from __future__ import annotations

import zipfile

import pandas as pd
import pytest

from churnlib.datasets import _public, fetch_cdnow, fetch_fightchurn, fetch_online_retail, fetch_telco
from churnlib.datasets._store import PublicFile
from churnlib.exceptions import DataError, ParameterError


def test_online_retail_has_the_published_totals(data_dir):
    frame = fetch_online_retail()
    assert len(frame) == 541_909
    assert frame["CustomerID"].isna().sum() == 135_080
    assert frame["CustomerID"].nunique() == 4_372
    assert frame.duplicated().sum() == 5_268
    assert round((frame["Quantity"] * frame["UnitPrice"]).sum(), 3) == 9_747_747.934


def test_cdnow_has_the_published_totals(data_dir):
    frame = fetch_cdnow()
    assert frame.shape == (69_659, 4)
    assert frame["customer_id"].nunique() == 23_570
    assert round(frame["spend"].sum(), 2) == 2_500_315.63


def test_telco_has_the_published_totals(data_dir):
    frame = fetch_telco()
    assert frame.shape == (7_043, 21)
    assert (frame["Churn"] == "Yes").sum() == 1_869


@pytest.mark.parametrize(("table", "rows"), [("events", 859_811), ("accounts", 737), ("subscriptions", 2_884)])
def test_fightchurn_has_the_published_totals(data_dir, table, rows):
    frame = fetch_fightchurn(table)
    assert len(frame) == rows
    assert frame["account_id"].nunique() == 737


def test_an_unknown_table_is_refused():
    with pytest.raises(ParameterError, match="table is 'event'; did you mean 'events'"):
        fetch_fightchurn("event")


@pytest.mark.parametrize("fetch", [fetch_online_retail, fetch_telco, fetch_fightchurn])
def test_without_the_folder_the_error_says_what_to_do(fetch, monkeypatch):
    monkeypatch.delenv("CHURNLIB_DATA", raising=False)
    with pytest.raises(
        DataError, match=r"no public address serves these bytes.*\nFix: put .* CHURNLIB_DATA="
    ) as caught:
        fetch()
    assert len(str(caught.value).split("sha256 is ")[1].split(".")[0]) == 64


def test_the_master_file_of_cdnow_is_read_as_the_offline_table(data_dir, tmp_path):
    # The wheel's file has leading blanks, its own names, CRLF ends and dates without dashes.
    offline = pd.read_csv(data_dir / "cdnow_full.csv.gz").head(500)
    lines = [" customer_id  date number_of_cds  dollar_value"]
    lines += [
        f" {row.customer_id:05d} {row.date.replace('-', '')} {row.quantity:2d} {row.spend:7.2f}"
        for row in offline.itertuples()
    ]
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as archive:
        archive.writestr("master.txt", "\r\n".join(lines) + "\r\n")
    file = PublicFile("cdnow", "0", 500, "", member="master.txt")
    pd.testing.assert_frame_equal(_public._read_cdnow_master(tmp_path / "x.whl", file), offline)
