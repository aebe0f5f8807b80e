import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from churnlib.calendar import to_us
from churnlib.events import EventLog
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, VersionError
from churnlib.features import AttributeValue, Count, Distinct, FeatureSpec, Recency, RunLength, Sum, Tenure, compute
from churnlib.features._online import OnlineFeatures

DAY = 86_400_000_000
MARCH = to_us("2025-03-01")
SPEC = FeatureSpec(
    [
        Count("30d"),
        Count(),
        Sum("30d"),
        Sum(),
        Distinct(),
        Distinct("30d"),
        Tenure(),
        RunLength("order"),
        AttributeValue("plan"),
    ]
)
ROLES = {
    "customer": "who", "time": "at", "kind": "kind", "amount": "total", "item": "what", "attributes": "plan",
    "event_id": "id", "duplicates": "drop",
}  # fmt: skip


def make(spec=SPEC, **options) -> OnlineFeatures:
    return OnlineFeatures(spec, **ROLES, scale=2, **options)


def make_events(n: int, *, days: int = 200) -> list[dict]:
    rng = np.random.default_rng(7)
    at = np.sort(MARCH + rng.integers(0, days * DAY, n)) - rng.integers(0, 20 * DAY, n) * (rng.random(n) < 0.3)
    return [
        {"who": f"c{rng.integers(12)}", "at": int(time), "kind": str(rng.choice(["order", "visit"])),
         "total": float(rng.integers(-500, 900)) / 100, "what": int(rng.integers(9)), "id": f"e{row}",
         "plan": [None, "basic", "gold"][rng.integers(3)]}
        for row, time in enumerate(at)
    ]  # fmt: skip


def batch(events: list[dict], at: int) -> pd.DataFrame:
    frame = pd.DataFrame(events).assign(at=lambda f: pd.to_datetime(f["at"], unit="us", utc=True))
    log = EventLog.from_frame(frame, **ROLES)
    return compute(log, np.array([at]), SPEC).frame.set_axis(pd.Index(log.customers, name="customer_id"))


@pytest.fixture
def saved(tmp_path):
    online = make()
    for event in make_events(60):
        online.update(event)
    online.compact()
    online.save(tmp_path / "online.arrow")
    return online, tmp_path / "online.arrow"


CHILD = """
import json, os, sys
sys.path.insert(0, os.getcwd())
from churnlib.features._online import OnlineFeatures
from tests.features.test_online_files import make
path, events, begin, die = sys.argv[1], json.load(open(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4])
online = OnlineFeatures.load(path) if begin else make()
for row in range(begin, len(events)):
    if row == die:
        os._exit(9)  # no goodbye: what was not saved is lost
    online.update(events[row])
    if row % 7 == 6:
        online.compact()
        online.save(path)
"""


def test_a_process_that_is_killed_goes_on_from_its_last_file(tmp_path):
    events, path = make_events(90), tmp_path / "online.arrow"
    (tmp_path / "events.json").write_text(json.dumps(events))
    begin = 0
    for die in (25, 60, 10**9):
        arguments = [str(path), str(tmp_path / "events.json"), str(begin), str(die)]
        done = subprocess.run([sys.executable, "-c", CHILD, *arguments], check=False)
        assert done.returncode == (0 if die > len(events) else 9)
        begin = min(die, len(events)) // 7 * 7
    online = OnlineFeatures.load(path, spec=SPEC)
    for event in events[begin:]:
        online.update(event)
    assert not online.refused
    at = to_us("2025-10-01")
    pd.testing.assert_frame_equal(online.features_frame(at=at), batch(events, at), check_exact=True)


def test_events_that_come_twice_after_a_kill_are_refused(saved):
    online, path = saved
    again = OnlineFeatures.load(path)
    for event in make_events(60):
        assert again.update(event) is not None
    assert set(again.refused) == {"repeated event id", "older than the lateness line"}
    pd.testing.assert_frame_equal(again.features_frame(), online.features_frame(), check_exact=True)


def test_a_file_says_what_it_is_and_holds_no_more_than_it_must(saved):
    online, path = saved
    with pa.OSFile(str(path)) as file:
        table = pa.ipc.open_file(file).read_all()
    head = json.loads(table.schema.metadata[b"churnlib"])
    assert table.column_names == ["customer_id", "events", "past", "more"]
    assert (head["schema_version"], head["spec_digest"]) == (1, online.spec.digest)
    assert FeatureSpec.from_json(head["spec"]) == online.spec
    assert [entry.name for entry in path.parent.iterdir()] == ["online.arrow"]


def test_equal_states_are_equal_files(saved, tmp_path):
    _, path = saved
    OnlineFeatures.load(path).save(tmp_path / "again.arrow")
    assert (tmp_path / "again.arrow").read_bytes() == path.read_bytes()


def test_an_empty_state_goes_through_a_file(tmp_path):
    make().save(tmp_path / "empty.feather")
    again = OnlineFeatures.load(tmp_path / "empty.feather")
    assert (len(again), again.now) == (0, None)
    again.update(make_events(1)[0])
    assert len(again) == 1


def test_numbers_that_are_attributes_keep_their_type(tmp_path):
    spec = FeatureSpec([AttributeValue("limit")])
    online = OnlineFeatures(spec, attributes="limit")
    online.update({"customer_id": 1, "time": MARCH, "limit": 5})
    online.save(tmp_path / "online.arrow")
    other = OnlineFeatures(spec, attributes="limit")
    other.from_bytes(online.to_bytes(1))
    for again in (OnlineFeatures.load(tmp_path / "online.arrow"), other):
        again.update({"customer_id": 2, "time": MARCH, "limit": None})
        assert again.features_frame()["limit.value"].tolist()[0] == 5.0
        assert again.features(2)["limit.value"] != again.features(2)["limit.value"]


class TestRefusesToMix:
    def test_another_spec(self, saved):
        with pytest.raises(VersionError, match=r"(?s)saved with another spec.*'any.count.30d' the first of them"):
            OnlineFeatures.load(saved[1], spec=FeatureSpec([Recency()]))

    def test_an_adaptive_spec_is_the_one_it_became(self, tmp_path):
        spec = FeatureSpec([Count("30d"), Sum()], adaptive=True)
        OnlineFeatures(spec).save(tmp_path / "online.arrow")
        assert OnlineFeatures.load(tmp_path / "online.arrow", spec=spec).spec.left_out == ("any.sum",)

    @pytest.mark.parametrize("name", ["events", "past", "more", "customer_id"])
    def test_altered_content(self, saved, name):
        path = saved[1]
        with pa.OSFile(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
        values = table[name].to_pylist()
        values[0] = values[0][:-8] if isinstance(values[0], bytes) else f"{values[0]} "
        place = table.column_names.index(name)
        _write(path, table.set_column(place, name, pa.array(values, table[name].type)))
        with pytest.raises(VersionError, match="a state is read as it was written"):
            OnlineFeatures.load(path)

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"now": 0}, "a state is read as it was written"),
            ({"schema_version": 2}, "schema version 2"),
            ({"format": "churnlib.EventLog"}, "no header of saved online features"),
        ],
    )
    def test_altered_header(self, saved, change, text):
        path = saved[1]
        with pa.OSFile(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
        head = json.loads(table.schema.metadata[b"churnlib"]) | change
        _write(path, table.replace_schema_metadata({"churnlib": json.dumps(head)}))
        with pytest.raises(VersionError, match=text):
            OnlineFeatures.load(path)

    def test_another_byte_order(self, saved, monkeypatch):
        monkeypatch.setattr(sys, "byteorder", "big")
        with pytest.raises(VersionError, match="little-endian machine and this one is big-endian"):
            OnlineFeatures.load(saved[1])

    def test_half_a_file_and_none(self, saved):
        path = saved[1]
        path.write_bytes(path.read_bytes()[:200])
        with pytest.raises(VersionError, match="is no whole Arrow file"):
            OnlineFeatures.load(path)
        with pytest.raises(ParameterError, match="there is no file"):
            OnlineFeatures.load(path.with_name("other.arrow"))
        with pytest.raises(ParameterError, match=r"ends with '\.pkl'"):
            saved[0].save(path.with_suffix(".pkl"))


class TestBytes:
    def test_a_customer_moves_between_processes(self, saved):
        online, _ = saved
        other = make()
        other.update(make_events(1)[0] | {"who": "z", "what": 3, "at": MARCH})
        for who in list(online._store.states):
            assert other.from_bytes(online.to_bytes(who)) == who
        other.forget("z")
        assert other.now == online.now
        pd.testing.assert_frame_equal(other.features_frame(), online.features_frame(), check_exact=True)
        event = make_events(60)[-1]
        assert other.update(event).reason == online.update(event).reason

    def test_one_who_is_there_is_replaced(self, saved):
        online, path = saved
        data = online.to_bytes("c1")
        again = OnlineFeatures.load(path)
        again.update(make_events(60)[-1] | {"who": "c1", "id": "new"})
        again.from_bytes(data)
        assert again.to_bytes("c1") != online.to_bytes("c2")
        assert again.features("c1", MARCH + 400 * DAY) == online.features("c1", MARCH + 400 * DAY)
        assert "new" not in again._store.seen

    def test_an_id_out_of_a_table_is_the_same_id(self):
        # stream processors hand over ids as scalars of numpy
        online = OnlineFeatures(FeatureSpec([Recency()]))
        online.update({"customer_id": 7, "time": MARCH})
        assert online.to_bytes(np.int64(7)) == online.to_bytes(7)

    def test_what_is_refused(self, saved):
        online, _ = saved
        data = online.to_bytes("c1")
        with pytest.raises(VersionError, match="3 bytes are no state of a customer"):
            online.from_bytes(b"abc")
        with pytest.raises(VersionError, match="is not as it was written"):
            online.from_bytes(data[:-1] + b" ")
        with pytest.raises(VersionError, match="schema version 2"):
            online.from_bytes(data.replace(b"churnlib-online\x01", b"churnlib-online\x02"))
        for other in (make(lateness="60d"), make(FeatureSpec([Recency()]))):
            with pytest.raises(VersionError, match="written with other features or roles"):
                other.from_bytes(data)
        with pytest.raises(DataError, match="customer 'nobody' is not known"):
            online.to_bytes("nobody")


def _write(path, table):
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


@pytest.mark.parametrize("data", [None, 10**12, "text", [1]])
def test_what_is_no_bytes_is_refused_without_room_for_it(data):
    with pytest.raises(ParameterTypeError, match="data is a "):
        make().from_bytes(data)
    with pytest.raises(DataError, match="is not known"):
        make().to_bytes(data)


@pytest.mark.parametrize(
    "change",
    [
        b"", b"[]", b"{}", b"7", b"[" * 100_000, b'{"customer":"a"}',
        b'{"customer":"a","now":1,"events":"AAA","items":[],"past":null}',
        b'{"customer":"a","now":1,"events":"AAAA","items":[],"past":null}',
        b'{"customer":"a","now":1,"events":"","items":[],"past":[[1],[1],[1]]}',
        b'{"customer":"a","now":"1","events":"","items":[],"past":null}',
    ],
)  # fmt: skip
def test_bytes_with_a_right_checksum_and_a_wrong_content_change_nothing(change):
    from churnlib.features._online_files import _HASH, _MAGIC, _checksum

    online = make()
    online.update({"who": "ann", "at": MARCH, "kind": "order", "total": 1.0, "what": "tea", "plan": None, "id": 1})
    data = online.to_bytes("ann")
    begin = len(_MAGIC) + 1 + _HASH
    with pytest.raises(VersionError, match="bytes of a customer's state cannot be read"):
        make().from_bytes(data[:begin] + _checksum(change) + change)
    assert make().from_bytes(bytearray(data)) == "ann"
