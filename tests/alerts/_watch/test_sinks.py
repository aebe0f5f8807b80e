"""The contract of a sink, and the sinks that call a function and write lines."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from churnlib.alerts import CallableSink, DeliveryError, JsonLinesSink, Notice, Sink, WebhookSink
from churnlib.alerts._watch import _sinks_lines as lines
from churnlib.exceptions import ChurnlibError, ParameterTypeError
from tests.alerts._watch.test_notice import notice

THREE = [notice(customer=number) for number in (7, 8, 9)]


def test_all_of_them_are_sinks(tmp_path: Path):
    for sink in (CallableSink(print), JsonLinesSink(tmp_path / "a.jsonl"), WebhookSink("http://localhost:9")):
        assert isinstance(sink, Sink)


def test_a_function_is_called_with_each_notice_in_order():
    taken: list[Notice] = []
    CallableSink(taken.append).send(THREE)
    assert taken == THREE
    assert repr(CallableSink(print)) == "CallableSink(print)"
    with pytest.raises(ParameterTypeError, match="the function is a str"):
        CallableSink("print")


def test_what_the_function_raises_ends_it():
    taken: list[Notice] = []

    def full(one: Notice) -> None:
        if len(taken) == 2:
            raise RuntimeError("full")
        taken.append(one)

    with pytest.raises(RuntimeError, match="full"):
        CallableSink(full).send(THREE)
    assert taken == THREE[:2]


def read(path: Path) -> list[Notice]:
    return [Notice.from_json(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("sync", [True, False])
def test_lines_are_appended(tmp_path: Path, *, sync: bool):
    path = tmp_path / "a.jsonl"
    with JsonLinesSink(path, sync=sync) as sink:
        sink.send(THREE[:2])
        assert read(path) == THREE[:2]
        sink.send([])
        sink.send(THREE[2:])
    sink.send(THREE[:1])  # it opens the file again
    sink.close()
    assert read(path) == [*THREE, THREE[0]]
    assert repr(sink) == f"JsonLinesSink({str(path)!r})"


@pytest.mark.parametrize("whole", [0, 1, 3])
@pytest.mark.parametrize("length", [1, 50, 70_000])
def test_half_a_line_that_a_kill_left_is_cut_off(tmp_path: Path, whole: int, length: int):
    path = tmp_path / "a.jsonl"
    before = "".join(f"{one.to_json()}\n" for one in THREE[:whole])
    path.write_text(before + "x" * length, encoding="utf-8")
    with JsonLinesSink(path) as sink:
        sink.send(THREE)
    assert read(path) == [*THREE[:whole], *THREE]


def test_a_file_that_ends_whole_is_left_as_it_is(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text("{}\n", encoding="utf-8")
    with JsonLinesSink(path) as sink:
        sink.send(THREE[:1])
    assert path.read_text(encoding="utf-8").startswith("{}\n{")


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.jsonl"
    sink = JsonLinesSink(path)
    sink.send(THREE[:1])

    def half(file: object, data: bytes) -> None:
        file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(lines, "write_all", half)
        with pytest.raises(DeliveryError, match=r"2 notices could not be written.*No space"):
            sink.send(THREE[1:])
    assert read(path) == THREE[:1]
    sink.send(THREE[1:])
    assert read(path) == THREE
    sink.close()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(DeliveryError, match="could not be written to"):
        JsonLinesSink(tmp_path / "nowhere" / "a.jsonl").send(THREE)
    assert issubclass(DeliveryError, ChurnlibError)


def test_a_file_takes_less_at_a_time_than_it_is_given():
    class Slow:
        def __init__(self) -> None:
            self.data = b""

        def write(self, data: memoryview) -> int:
            self.data += bytes(data[:3])
            return min(3, len(data))

    slow = Slow()
    lines.write_all(slow, b"0123456789")
    assert slow.data == b"0123456789"


def test_a_line_is_one_object(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    with JsonLinesSink(path) as sink:
        sink.send([notice(text="two\nlines")])
    assert json.loads(path.read_text(encoding="utf-8"))["text"] == "two\nlines"


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path):
    with JsonLinesSink(tmp_path / "a.jsonl") as sink:
        sink.send(THREE[:1])
        sink.path.rename(tmp_path / "a.jsonl.1")
        sink.send(THREE[1:2])
        sink.path.unlink()
        sink.send(THREE[2:])
        assert [Notice.from_json(each) for each in sink.path.read_text().splitlines()] == THREE[2:]
        assert [Notice.from_json(each) for each in (tmp_path / "a.jsonl.1").read_text().splitlines()] == THREE[:1]


def test_half_a_character_stops_no_sink(tmp_path: Path):
    half = notice(customer="a\ud800")
    with JsonLinesSink(tmp_path / "a.jsonl") as sink:
        sink.send([half])
        assert Notice.from_json(sink.path.read_text()) == half
    with pytest.raises(ParameterTypeError, match="path is 7, a int"):
        JsonLinesSink(7)  # type: ignore[arg-type]
