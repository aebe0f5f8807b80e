"""Sources of events: lines of JSON from a file that may grow, with nothing lost, repeated or passed over in silence."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churnlib.alerts import BadLine, JsonLinesSource, SocketSource, Source, Taken
from churnlib.alerts._watch._sources import MAX_LINE, event_of
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError

EVENTS = [{"customer_id": number, "name": "Zoë\n"} for number in range(7)]


def line(event: Any) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode() + b"\n"


def test_they_are_sources(tmp_path: Path):
    with SocketSource("127.0.0.1", 0) as listening:
        assert isinstance(listening, Source)
    assert isinstance(JsonLinesSource(tmp_path / "a", follow=True), Source)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "no JSON"),
        (b'{"a": NaN}', "no JSON (NaN is no number of JSON)"),
        (b'{"a": -Infinity}', "no JSON"),
        (b"7", "a int and no object"),
        (b"null", "a NoneType and no object"),
        (b"\xff\xfe", "no UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "nested too deeply"),
        (b'{"a": 1e999}', "no JSON (1e999 is larger than any number)"),
        (b'{"a": "\\ud800"}', "no UTF-8"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "no JSON"),
        (b'{"a": "' + b"x" * MAX_LINE + b'"}', "longer than 1,048,576 bytes"),
        (b"{} {}", "no JSON"),
    ],
)
def test_what_is_no_event_says_why(raw: bytes, reason: str):
    found = event_of(raw)
    assert isinstance(found, str)
    assert found.startswith(reason)


def test_an_event_is_an_object():
    assert event_of(b'{"a": [1, null, true]}') == {"a": [1, None, True]}
    assert event_of(b"{}") == {}
    assert event_of(b'{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}
    assert isinstance(event_of(b'{"a": [' + b"[]," * 200 + b"[]]}"), dict)
    assert event_of(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_is_read_once_however_it_grows_and_whoever_reads(tmp_path: Path, data: st.DataObject) -> None:
    rng = random.Random(data.draw(st.integers(0, 2**32 - 1)))
    path = tmp_path / "events.jsonl"
    path.unlink(missing_ok=True)
    whole = b"".join(rng.choice([b"", b"\n", b"  \r\n"]) + line(event) for event in EVENTS)
    cuts = sorted(rng.choices(range(len(whole) + 1), k=rng.randint(0, 6)))
    source, offset, found = JsonLinesSource(path, follow=True, limit=rng.choice([1, 2, 100])), 0, []
    for start, end in itertools.pairwise([0, *cuts, len(whole)]):
        with path.open("ab") as file:
            file.write(whole[start:end])
        if rng.random() < 0.3:  # the reader was killed, and another goes on
            source = JsonLinesSource(path, offset=offset, follow=True)
        while taken := source.poll():
            found += [event for event, _ in taken]
            offset = taken[-1].offset
    assert found == EVENTS
    assert source.offset == len(whole)
    assert [event for event, _ in JsonLinesSource(path)] == EVENTS


def test_stopping_half_way_goes_on_behind_what_was_given(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(map(line, EVENTS)))
    source = JsonLinesSource(path)
    first = list(itertools.islice(source, 3))
    assert [taken.event for taken in first] == EVENTS[:3]
    assert source.offset == first[-1].offset
    assert [event for event, _ in source] == EVENTS[3:]
    assert source.ended
    assert source.poll() == []
    assert repr(source) == f"JsonLinesSource({str(path)!r}, offset={path.stat().st_size})"


@pytest.mark.parametrize(("end", "taken"), [(b'{"customer_id": 9}', 1), (b'{"customer_id"', 0), (b"7", 0), (b"  ", 0)])
def test_a_last_line_without_an_end(tmp_path: Path, end: bytes, taken: int):
    path = tmp_path / "events.jsonl"
    path.write_bytes(line(EVENTS[0]) + end)
    source = JsonLinesSource(path)
    assert len(list(source)) == 1 + taken
    assert source.offset == len(line(EVENTS[0])) + taken * len(end)
    following = JsonLinesSource(path, follow=True)
    assert len(following.poll(0.01)) == 1
    with path.open("ab") as file:
        file.write(b"\n" if taken else b"\n" + line(EVENTS[1]))
    if taken:
        assert following.poll() == [Taken({"customer_id": 9}, path.stat().st_size)]
        assert list(JsonLinesSource(path, offset=source.offset)) == []


def test_bad_lines_are_kept_apart_with_their_numbers(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(line(EVENTS[0]) + b"\n{oops\n" + line(EVENTS[1]) + b"[]\n" + line(EVENTS[2]))
    bad: list[BadLine] = []
    source = JsonLinesSource(path, on_bad=bad.append)
    assert [event for event, _ in source.poll()] == EVENTS[:3]
    assert [(one.number, one.text) for one in bad] == [(3, "{oops"), (5, "[]")]
    assert bad[1].reason == "a list and no object"
    strict = JsonLinesSource(path)
    assert [event for event, _ in strict.poll()] == EVENTS[:1]
    for _ in range(2):
        with pytest.raises(DataError, match=r"line 3 of '.*events.jsonl' is no JSON .*\('{oops'\)"):
            strict.poll()
    with pytest.raises(DataError, match="line 5 of"):
        list(JsonLinesSource(path, offset=strict.offset + len(b"{oops\n")))


def test_it_waits_for_a_file_and_for_lines(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    source = JsonLinesSource(path, follow=True)
    assert source.poll(0.03) == []
    writer = threading.Timer(0.05, lambda: path.write_bytes(line(EVENTS[0])))
    writer.start()
    start = time.monotonic()
    assert [event for event, _ in source.poll(10)] == EVENTS[:1]
    assert time.monotonic() - start < 5
    writer.join()
    assert not source.ended
    assert next(iter(JsonLinesSource(path, follow=True))).event == EVENTS[0]


def test_what_cannot_be_read_is_refused(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    with pytest.raises(ParameterError, match="there is no file"):
        JsonLinesSource(path)
    path.write_bytes(line(EVENTS[0]))
    with pytest.raises(DataError, match=r"has 37 bytes, and 1,000 were read or stated as read"):
        JsonLinesSource(path, offset=1_000).poll()
    with pytest.raises(ParameterError, match="on_bad is 'skip'"):
        JsonLinesSource(path, on_bad="skip")
    with pytest.raises(ParameterError, match="offset"):
        JsonLinesSource(path, offset=-1)


def test_a_long_file_is_read_in_time_that_grows_with_it(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(line(EVENTS[0]) * 50_000)
    source, n = JsonLinesSource(path, limit=20_000), []
    while taken := source.poll():
        n.append(len(taken))
    assert n == [20_000, 20_000, 10_000]


def test_a_line_of_many_megabytes_is_passed_over_in_little_memory(tmp_path: Path):
    path, bad = tmp_path / "events.jsonl", list[BadLine]()
    path.write_bytes(line(EVENTS[0]) + b"x" * (9 * MAX_LINE) + b"\n" + line(EVENTS[1]) + b"{\n")
    source = JsonLinesSource(path, on_bad=bad.append)
    found = []
    while not source.ended:
        found += source.poll()
        assert len(source._rest) < 3 * MAX_LINE
    assert [event for event, _ in found] == EVENTS[:2]
    assert [(each.number, len(each.text)) for each in bad] == [(2, 1000), (4, 1)]
    assert source.offset == path.stat().st_size
    assert list(JsonLinesSource(path, offset=found[1].offset, on_bad=bad.append)) == []
    assert bad[-1].number == 4


def test_many_bad_lines_are_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, bad = tmp_path / "events.jsonl", list[BadLine]()
    path.write_bytes((b" " * 500 + b"{\n") * 4_000)
    begin = time.perf_counter()
    assert JsonLinesSource(path, on_bad=bad.append).poll() == []
    assert time.perf_counter() - begin < 2
    assert [each.number for each in bad] == list(range(1, 4_001))


@pytest.mark.parametrize("path", [7, None, ""])
def test_a_path_is_a_path(path: Any):
    with pytest.raises(ParameterTypeError, match=f"path is {path!r}, a .*; a path was expected"):
        JsonLinesSource(path)


def test_how_long_to_wait_is_a_number():
    with pytest.raises(ParameterTypeError, match="timeout is 'x', a str"):
        JsonLinesSource("to-come.jsonl", follow=True).poll("x")  # type: ignore[arg-type]
