"""The journal: what was appended is there after a kill at any byte, and nothing else is."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churnlib.alerts._watch import _journal
from churnlib.alerts._watch._journal import Journal
from churnlib.exceptions import DataError

RECORDS = [{"number": number, "text": "Zoë\n" * (number % 3)} for number in range(9)]


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def filled(folder: Path, roll_after: tuple[int, ...] = ()) -> None:
    with Journal(folder) as journal:
        for record in RECORDS:
            assert journal.append(record, sync=False) == record["number"] + 1
            if journal.end in roll_after:
                journal.roll()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_kill_at_any_byte_leaves_the_whole_records(tmp_path_factory: Any, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("journal")
    filled(folder, roll_after=(4,))
    last = files(folder)[-1]
    content = last.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    last.write_bytes(content[:cut] + data.draw(st.sampled_from([b"", b"\x00" * 5, b"\x00\n", b"00000000 {}\n"])))
    whole = 4 + content[:cut].count(b"\n")
    with Journal(folder) as journal:
        assert [record for _, record in journal.read()] == RECORDS[:whole]
        assert journal.append({"number": "new"}) == whole + 1
    with Journal(folder) as journal:
        assert [number for number, _ in journal.read(2)] == list(range(3, whole + 2))
        assert list(journal.read(whole)) == [(whole + 1, {"number": "new"})]


def test_old_files_are_dropped_whole(tmp_path: Path):
    filled(tmp_path, roll_after=(3, 6))
    with Journal(tmp_path) as journal:
        journal.drop(5)
        assert len(files(tmp_path)) == 2
        assert [number for number, _ in journal.read(5)] == [6, 7, 8, 9]
        with pytest.raises(DataError, match="records 3 to 3 are not in"):
            list(journal.read(2))
        journal.drop(9)
        assert files(tmp_path) == []
        assert journal.end == 9
        assert list(journal.read(9)) == []
        with pytest.raises(DataError, match="records 5 to 9 are not in"):
            list(journal.read(4))
        assert journal.append({"number": "new"}) == 10
    with Journal(tmp_path) as journal:
        assert list(journal.read(9)) == [(10, {"number": "new"})]


def test_a_record_that_was_changed_is_an_error(tmp_path: Path):
    filled(tmp_path)
    [path] = files(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"number":4', b'"number":5'))
    with Journal(tmp_path) as journal, pytest.raises(DataError, match=r"line 5 of journal-0+\.jsonl is not as it was"):
        list(journal.read())


def test_a_file_that_is_missing_is_an_error(tmp_path: Path):
    filled(tmp_path, roll_after=(3, 6))
    files(tmp_path)[1].unlink()
    with pytest.raises(DataError, match="begins behind record 6, and the file before it ends with 3"):
        Journal(tmp_path)


def test_what_json_has_not_is_refused(tmp_path: Path):
    with Journal(tmp_path) as journal:
        for value in (float("nan"), {1}, b"bytes"):
            with pytest.raises(DataError, match="a record is no JSON"):
                journal.append({"value": value})
        assert journal.append({}) == 1


def test_a_full_disk_leaves_no_half_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def half(file: Any, data: bytes) -> None:
        file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal(tmp_path) as journal:
        journal.append(RECORDS[0])
        with monkeypatch.context() as patch:
            patch.setattr(_journal, "write_all", half)
            with pytest.raises(OSError, match="No space left"):
                journal.append(RECORDS[1])
        assert journal.append(RECORDS[2]) == 2
        assert [record for _, record in journal.read()] == [RECORDS[0], RECORDS[2]]


def test_the_disk_has_a_record_when_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[int] = []
    with Journal(tmp_path) as journal:
        monkeypatch.setattr(_journal.os, "fsync", synced.append)
        journal.append({}, sync=False)
        synced.clear()
        journal.append({})
        assert len(synced) == 1
        journal.append({}, sync=False)
        assert len(synced) == 1


def test_what_could_not_be_taken_out_again_is_taken_out_before_the_next_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    class Broken:
        """A file on a disk that takes half and then nothing, not even less."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def write(self, data: bytes) -> int:
            self.file.write(data[: len(data) // 2])
            raise OSError(errno.EIO, "Input/output error")

        def truncate(self, _: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

    with Journal(tmp_path) as journal:
        journal.append(RECORDS[0])
        file, journal._file = journal._file, Broken(journal._file)
        with pytest.raises(OSError, match="Input/output"):
            journal.append(RECORDS[1])
        journal._file = file
        assert journal.append(RECORDS[2]) == 2
    with Journal(tmp_path) as journal:
        assert [record for _, record in journal.read()] == [RECORDS[0], RECORDS[2]]


def test_an_interruption_leaves_no_record_that_nobody_was_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    with Journal(tmp_path) as journal:
        journal.append(RECORDS[0])
        with monkeypatch.context() as patch:
            patch.setattr(_journal.os, "fsync", interrupted)
            with pytest.raises(KeyboardInterrupt):
                journal.append(RECORDS[1])
        assert journal.append(RECORDS[2]) == 2
        assert [record for _, record in journal.read()] == [RECORDS[0], RECORDS[2]]


def test_what_is_nested_too_deeply_to_be_written_is_refused(tmp_path: Path):
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]
    with Journal(tmp_path) as journal, pytest.raises(DataError, match="a record is no JSON"):
        journal.append({"deep": deep})


def test_where_no_file_is_there_is_none_to_drop(tmp_path: Path):
    with Journal(tmp_path) as journal:
        journal.drop(0)
        journal.append({})
        for _ in range(2):
            journal.roll()
            journal.drop(1)
        assert (files(tmp_path), journal.append({})) == ([], 2)
