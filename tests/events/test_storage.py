from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given

from churnlib.events import EventLog
from churnlib.events._storage import SCHEMA_VERSION
from churnlib.exceptions import ParameterError, VersionError
from tests.events.frames import full_frames, read, simple, to_log


def full_log():
    frame = simple(
        ref=["a", "b", "c"], total=[1.5, -2, 2.25], sku=["x", None, "y"], what=["o", "v", "o"], plan=["p", None, "q"],
        seats=[1, None, 2.5], trial=[True, None, False], seen=["2025-01-09"] * 3,
    )  # fmt: skip
    return read(
        frame, event_id="ref", amount="total", item="sku", kind="what", attributes=["plan", "seats", "trial"],
        known_at="seen", currency="EUR", timezone="Europe/Berlin", complete_until="2025-03-01",
    )  # fmt: skip


@given(full_frames())
def test_a_snapshot_gives_the_log_back(frame):
    log = to_log(frame)
    again = EventLog.from_snapshot(log.snapshot())
    assert again.digest == log.digest
    assert again.report == log.report
    assert again.schema == log.schema


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "feather"])
@pytest.mark.parametrize("make", [full_log, lambda: read(simple())], ids=["full", "bare"])
def test_a_file_gives_the_log_back(tmp_path, suffix, make):
    log = make()
    log.save(tmp_path / f"log.{suffix}")
    again = EventLog.load(str(tmp_path / f"log.{suffix}"))
    assert again.digest == log.digest
    assert again.report == log.report
    assert again.report.months.equals(log.report.months)
    assert again.to_frame().equals(log.to_frame())


def test_a_loaded_log_can_be_appended_to(tmp_path):
    frame = simple(total=[1.5, 2, 3])
    read(frame.iloc[:1], amount="total").save(tmp_path / "log.parquet")
    assert EventLog.load(tmp_path / "log.parquet").append(frame.iloc[1:]).digest == read(frame, amount="total").digest


def test_any_reader_sees_plain_columns_and_nothing_else(tmp_path):
    full_log().save(tmp_path / "log.parquet")
    frame = pq.read_table(tmp_path / "log.parquet").to_pandas()
    assert list(frame) == [
        "customer_id",
        "time",
        "kind",
        "known_at",
        "amount",
        "item",
        "attribute:plan",
        "attribute:seats",
        "attribute:trial",
        "event_id",
    ]
    assert sorted(map(str, frame["amount"])) == ["-2.00", "1.50", "2.25"]
    assert str(frame["time"].dt.tz) == "UTC"


def test_kinds_that_no_event_has_are_kept():
    view = read(simple(what=["cancel", "visit", "visit"]), kind="what").as_of("2025-01-03")
    assert EventLog.from_snapshot(view.snapshot()).kinds == ("cancel", "visit")
    assert EventLog.from_snapshot(view.snapshot()).digest == view.digest


def test_customers_left_without_events_are_left_out():
    log = read(simple())
    part = log.subset(log.customer_codes == 1)
    assert EventLog.from_snapshot(part.snapshot()).customers.tolist() == [2]


def changed(table, **header):
    old = json.loads(table.schema.metadata[b"churnlib"])
    return table.replace_schema_metadata({b"churnlib": json.dumps(old | header).encode()})


def test_a_changed_snapshot_is_refused():
    table = read(simple(total=[1, 2, 3]), amount="total").snapshot()
    with pytest.raises(
        VersionError, match=r"the snapshot's content has the digest \w{12}… and its header says \w{12}…"
    ):
        EventLog.from_snapshot(table.slice(1))
    with pytest.raises(VersionError, match=r"the snapshot's content has the digest"):
        EventLog.from_snapshot(changed(table, scale=2))


def test_a_later_version_is_refused_by_name():
    table = changed(read(simple()).snapshot(), schema_version=SCHEMA_VERSION + 1, churnlib="9.9")
    with pytest.raises(
        VersionError,
        match=rf"by churnlib 9.9 with schema version {SCHEMA_VERSION + 1}; .* up to {SCHEMA_VERSION}.*\nFix: pip",
    ):
        EventLog.from_snapshot(table)


@pytest.mark.parametrize(
    "metadata", [None, {b"churnlib": b"{"}, {b"churnlib": b"[]"}, {b"churnlib": b'{"format": "other"}'}]
)
def test_what_is_no_log_is_refused(metadata):
    with pytest.raises(VersionError, match=r"the table has no header of a saved EventLog"):
        EventLog.from_snapshot(pa.table({"customer_id": [1]}).replace_schema_metadata(metadata))


def test_files_of_another_kind_are_refused(tmp_path):
    with pytest.raises(
        ParameterError, match=r"'log.csv' ends with '.csv'; a log is saved as .parquet, .arrow or .feather"
    ):
        read(simple()).save(tmp_path / "log.csv")
    with pytest.raises(ParameterError, match=r"'log.pkl' ends with '.pkl'"):
        EventLog.load(tmp_path / "log.pkl")
    with pytest.raises(ParameterError, match=r"there is no file '.*nowhere.parquet'"):
        EventLog.load(tmp_path / "nowhere.parquet")
    for suffix in ("parquet", "arrow"):
        (tmp_path / f"text.{suffix}").write_text("not a table at all")
        with pytest.raises(VersionError, match=rf"text.{suffix}' is no {suffix} file"):
            EventLog.load(tmp_path / f"text.{suffix}")


def test_a_saved_log_is_the_same_file_each_time(tmp_path):
    for name in ("one.parquet", "two.parquet"):
        full_log().save(tmp_path / name)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
