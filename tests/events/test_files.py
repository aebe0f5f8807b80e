from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from churnlib.events import EventLog
from churnlib.exceptions import DataError, ParameterError, SchemaError, TimeError
from tests.events.frames import simple


@pytest.fixture
def orders(tmp_path):
    frame = simple(what=["a", "b", "a"], total=[1.5, 2, 3.25], sku=[10, 11, 10], note=["x", "y", "z"])
    frame["ts"] = pd.to_datetime(frame["ts"])
    return frame


OPTIONS = {"customer": "id", "time": "ts", "kind": "what", "amount": "total", "item": "sku"}


def test_parquet_csv_and_frames_give_the_same_log(tmp_path, orders):
    orders.to_parquet(tmp_path / "orders.parquet")
    orders.to_csv(tmp_path / "orders.csv", index=False)
    orders.to_csv(tmp_path / "orders.csv.gz", index=False)
    orders.to_csv(tmp_path / "semi.csv", index=False, sep=";")
    digest = EventLog.from_frame(orders, **OPTIONS).digest
    assert EventLog.from_parquet(tmp_path / "orders.parquet", **OPTIONS).digest == digest
    assert EventLog.from_csv(str(tmp_path / "orders.csv"), **OPTIONS).digest == digest
    assert EventLog.from_csv(tmp_path / "orders.csv.gz", **OPTIONS).digest == digest
    assert EventLog.from_csv(tmp_path / "semi.csv", delimiter=";", **OPTIONS).digest == digest


def test_a_folder_of_parquet_files_is_one_table(tmp_path, orders):
    (tmp_path / "year").mkdir()
    orders.iloc[:2].to_parquet(tmp_path / "year" / "one.parquet")
    orders.iloc[2:].to_parquet(tmp_path / "year" / "two.parquet")
    assert EventLog.from_parquet(tmp_path / "year", **OPTIONS).digest == EventLog.from_frame(orders, **OPTIONS).digest


def test_ids_in_a_csv_keep_their_leading_zeros(tmp_path):
    (tmp_path / "a.csv").write_text("id,ts\n00001,1997-01-01\n00002,1997-01-12\n")
    assert EventLog.from_csv(tmp_path / "a.csv", customer="id", time="ts").customers.tolist() == ["00001", "00002"]
    (tmp_path / "b.csv").write_text("id,ts\n17850,2010-12-01\n13047,2010-12-01\n")
    assert EventLog.from_csv(tmp_path / "b.csv", customer="id", time="ts").customers.tolist() == [13047, 17850]
    (tmp_path / "c.csv").write_text("id,ts\n17850.0,2010-12-01\n,2010-12-01\n")
    log = EventLog.from_csv(tmp_path / "c.csv", customer="id", time="ts", missing_customer="drop")
    assert log.customers.tolist() == [17850]
    assert log.report.null_customers == 1


def test_attributes_in_a_csv_are_numbers_where_all_are(tmp_path):
    (tmp_path / "a.csv").write_text("id,ts,seats,branch\n1,2025-01-01,2,007\n2,2025-01-01,,010\n")
    log = EventLog.from_csv(tmp_path / "a.csv", customer="id", time="ts", attributes=["seats", "branch"])
    assert log.attributes["seats"].is_numeric
    assert log.attributes["branch"].categories.tolist() == ["007", "010"]


def test_times_of_another_spelling_are_read_by_their_format(tmp_path):
    (tmp_path / "a.csv").write_text("id,ts\n1,20250102\n1,20250101\n")
    log = EventLog.from_csv(tmp_path / "a.csv", customer="id", time="ts", time_format="%Y%m%d")
    assert log.report.first == pd.Timestamp("2025-01-01", tz="UTC")


def test_bad_rows_of_a_csv_are_named_by_their_place_below_the_header(tmp_path):
    (tmp_path / "a.csv").write_text("id,ts,total\n1,2025-01-01,5\n1,soon,5\n")
    with pytest.raises(TimeError, match=r"1 times in column 'ts' cannot be read \(row 1: 'soon'\)"):
        EventLog.from_csv(tmp_path / "a.csv", customer="id", time="ts")
    (tmp_path / "b.csv").write_text("id,ts,total\n1,2025-01-01,5\n1,2025-01-01,free\n")
    with pytest.raises(SchemaError, match=r"1 of 2 are no numbers \(row 1: 'free'\)"):
        EventLog.from_csv(tmp_path / "b.csv", customer="id", time="ts", amount="total")


@pytest.mark.parametrize("name", ["orders.parquet", "orders.csv"])
def test_a_missing_column_of_a_file_is_named_with_the_nearest(tmp_path, orders, name):
    write = orders.to_parquet if name.endswith("parquet") else orders.to_csv
    write(tmp_path / name)
    read_file = EventLog.from_parquet if name.endswith("parquet") else EventLog.from_csv
    with pytest.raises(SchemaError, match=r"no column 'totl', named by amount= \(did you mean 'total'\?\)"):
        read_file(tmp_path / name, customer="id", time="ts", amount="totl")


def test_files_of_another_type_are_refused_with_the_way_out(tmp_path, orders):
    (tmp_path / "orders.xlsx").write_bytes(b"PK\x03\x04 not a table \xff\xfe")
    with pytest.raises(
        DataError, match=r"'orders.xlsx' cannot be read as Parquet.*\nFix: EventLog.from_csv.*read_excel"
    ):
        EventLog.from_parquet(tmp_path / "orders.xlsx", customer="id", time="ts")
    orders.to_parquet(tmp_path / "orders.parquet")
    with pytest.raises(DataError, match=r"'orders.parquet' cannot be read as CSV.*\nFix: EventLog.from_parquet"):
        EventLog.from_csv(tmp_path / "orders.parquet", customer="id", time="ts")
    with gzip.open(tmp_path / "orders.parquet.gz", "wb") as file:
        file.write((tmp_path / "orders.parquet").read_bytes())
    with pytest.raises(DataError, match=r"cannot be read as CSV"):
        EventLog.from_csv(tmp_path / "orders.parquet.gz", customer="id", time="ts")


def test_a_missing_file_is_named_with_its_neighbours(tmp_path, orders):
    orders.to_parquet(tmp_path / "orders.parquet")
    with pytest.raises(ParameterError, match=r"there is no file '.*order.parquet'; its folder holds orders.parquet"):
        EventLog.from_parquet(tmp_path / "order.parquet", customer="id", time="ts")
    with pytest.raises(ParameterError, match=r"its folder does not exist either"):
        EventLog.from_csv(tmp_path / "no" / "orders.csv", customer="id", time="ts")


def test_only_columns_with_a_role_are_read(tmp_path, orders, monkeypatch):
    import pyarrow.parquet as pq

    asked = []
    original = pq.read_table
    monkeypatch.setattr(
        pq, "read_table", lambda *args, **options: asked.append(options["columns"]) or original(*args, **options)
    )
    orders.to_parquet(tmp_path / "orders.parquet")
    EventLog.from_parquet(tmp_path / "orders.parquet", customer="id", time="ts")
    assert asked == [["id", "ts"]]


def test_a_million_rows_are_read_in_any_order_to_the_same_log(tmp_path):
    generator = np.random.default_rng(0)
    n = 1_000_000
    frame = pd.DataFrame(
        {
            "id": generator.integers(0, 50_000, n), "ts": generator.integers(0, 10**9, n).astype("M8[s]"),
            "what": generator.choice(["a", "b"], n), "total": generator.integers(0, 5, n),
            "sku": generator.integers(0, 9, n),
        }
    )  # fmt: skip
    frame.to_parquet(tmp_path / "any.parquet", row_group_size=100_000)
    frame.sort_values("ts").to_parquet(tmp_path / "sorted.parquet")
    one = EventLog.from_parquet(tmp_path / "any.parquet", **OPTIONS)
    assert one.digest == EventLog.from_parquet(tmp_path / "sorted.parquet", **OPTIONS).digest
    counts = np.bincount(frame["id"])
    assert np.diff(one.offsets).tolist() == counts[counts > 0].tolist()
    inside = np.ones(n - 1, dtype=bool)
    inside[one.offsets[1:-1] - 1] = False
    assert (np.diff(one.time)[inside] >= 0).all()


@pytest.mark.parametrize(
    ("ids", "read"),
    [
        (["12e4", "120000"], ["120000", "12e4"]),  # hexadecimal ids look like floats
        (["1.50", "1.5"], ["1.5", "1.50"]),
        (["99999999999999999999", "7"], ["7", "99999999999999999999"]),
        (["9007199254740993", "9007199254740992"], [9007199254740992, 9007199254740993]),
        (["-5", "3"], [-5, 3]),
        (["17.0", "3.00"], [3, 17]),
    ],
)
def test_ids_in_a_csv_are_integers_only_where_their_texts_say_so(tmp_path, ids, read):
    (tmp_path / "a.csv").write_text("id,ts,sku\n" + "".join(f"{one},2025-01-01,{one}\n" for one in ids))
    log = EventLog.from_csv(tmp_path / "a.csv", customer="id", time="ts", item="sku")
    assert log.customers.tolist() == read
    assert log.items.tolist() == read


def test_a_wrong_delimiter_is_named_with_the_right_one(tmp_path):
    (tmp_path / "a.csv").write_text("id;ts\n1;2025-01-01\n")
    with pytest.raises(SchemaError, match=r"the file has the one column 'id;ts'.*\nFix: delimiter=';'"):
        EventLog.from_csv(tmp_path / "a.csv", customer="id", time="ts")
    assert len(EventLog.from_csv(tmp_path / "a.csv", customer="id", time="ts", delimiter=";")) == 1


def test_another_encoding_and_a_ragged_row_are_told_apart(tmp_path):
    (tmp_path / "a.csv").write_text("id,ts\nmüller,2025-01-01\n", encoding="latin-1")
    with pytest.raises(DataError, match=r"'a.csv' is not in UTF-8.*\nFix: .*encoding='latin-1'"):
        EventLog.from_csv(tmp_path / "a.csv", customer="id", time="ts")
    (tmp_path / "b.csv").write_text("id,ts\n1,2025-01-01,3\n")
    with pytest.raises(DataError, match=r"cannot be read as CSV \(.*Expected 2 columns, got 3"):
        EventLog.from_csv(tmp_path / "b.csv", customer="id", time="ts")


def test_whole_numbers_in_a_csv_are_times_by_their_format(tmp_path):
    (tmp_path / "a.csv").write_text("id,ts\n1,20250301\n")
    log = EventLog.from_csv(tmp_path / "a.csv", customer="id", time="ts", time_format="%Y%m%d")
    assert log.to_frame()["time"].dt.strftime("%Y-%m-%d").tolist() == ["2025-03-01"]
