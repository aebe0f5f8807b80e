"""What came in, on disk before it is used: records that are whole or not there."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from churnlib._checks import check_flag
from churnlib.alerts._watch._sinks_lines import as_path, drop_torn_line, sync_folder, write_all
from churnlib.exceptions import DataError, message

__all__ = ["Journal"]

_STEM, _SUFFIX = "journal-", ".jsonl"


class Journal:
    """Append records of JSON to files in a folder, and read them again.

    A record is a line with its checksum. When `append` returns, the disk has it. A process that
    is killed while it writes leaves at most half a line at the end, which nobody was told of and the
    next one cuts off; a line that was changed anywhere else is an error.

    Parameters
    ----------
    folder : str or path
        Made if it is not there.

    Attributes
    ----------
    end : int
        How many records were ever appended; the number the next one gets.

    Raises
    ------
    DataError
        When a record was changed, or files are missing.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Journal(folder) as journal:
    ...         first, second = journal.append({"a": 1}), journal.append({"a": 2})
    ...     with Journal(folder) as journal:
    ...         list(journal.read(first))
    [(2, {'a': 2})]
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = as_path(folder, "folder")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file: Any = None
        self._size, self._is_torn = 0, False
        self.end = self._find_end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the next record opens another."""
        self._cut()
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _cut(self) -> None:
        """Take out what a write that did not end may have left; where that fails too, the next one tries again."""
        if self._is_torn:
            with suppress(OSError):
                self._file.truncate(self._size)
                self._is_torn = False

    def append(self, record: Mapping[str, Any], *, sync: bool = True) -> int:
        """Write a record, and return its number, counted from 1: `read` wants it to go on behind it.

        Parameters
        ----------
        record : mapping
            Values of JSON.
        sync : bool, default=True
            Whether to return only when the disk has it. Otherwise it survives the end of the process,
            and not of the machine.

        Raises
        ------
        DataError
            When it holds what JSON has not. Nothing is written then.
        OSError
            When it cannot be written. Nothing of it stands in the file then, as far as that can be done.
        """
        try:
            body = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise DataError(
                message(f"a record is no JSON ({error})", "texts, finite numbers, lists and objects", "str(value)")
            ) from None
        check_flag(sync, name="sync")
        if self._file is None:
            self._file = (self.folder / f"{_STEM}{self.end:015d}{_SUFFIX}").open("ab", buffering=0)
            self._size = self._file.seek(0, os.SEEK_END)
            sync_folder(self.folder)
        if self._is_torn:
            self._file.truncate(self._size)
        line, self._is_torn = b"%08x %s\n" % (zlib.crc32(body), body), True
        try:
            write_all(self._file, line)
            if sync:
                os.fsync(self._file.fileno())
        except OSError:
            self._cut()
            raise
        self._size, self._is_torn = self._size + len(line), False
        self.end += 1
        return self.end

    def roll(self) -> None:
        """Begin a new file with the next record, so that older ones can be dropped as a whole."""
        self.close()

    def read(self, after: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield records with their numbers.

        Parameters
        ----------
        after : int, default=0
            The number of the last record that is not wanted any more.
        """
        files = self._files()
        if after < self.end and (not files or files[0][0] > after):
            raise DataError(
                message(
                    f"records {after + 1:,} to {files[0][0] if files else self.end:,} are not in {str(self.folder)!r}",
                    "every record after that number was expected",
                    "restore the files, or begin anew in an empty folder",
                )
            )
        for begin, path in files:
            number = begin
            with path.open("rb") as file:
                for line in file:
                    number += 1
                    if number > after:
                        yield number, _record(line, path, number - begin)

    def drop(self, before: int) -> None:
        """Delete the files whose records all have this number or a lower one."""
        files = self._files()
        ends = [begin for begin, _ in files[1:]] + [self.end]
        for (_, path), end in zip(files, ends, strict=False):  # there may be no file at all
            if end <= before and not (self._file is not None and path == files[-1][1]):
                path.unlink()

    def _files(self) -> list[tuple[int, Path]]:
        found = []
        for path in self.folder.glob(f"{_STEM}*{_SUFFIX}"):
            digits = path.name.removeprefix(_STEM).removesuffix(_SUFFIX)
            if digits.isdecimal():
                found.append((int(digits), path))
        return sorted(found)

    def _find_end(self) -> int:
        """Return how many records there are, once half a line at the end is cut off."""
        files = self._files()
        end = files[0][0] if files else 0
        for k, (begin, path) in enumerate(files):
            if begin != end:
                raise DataError(
                    message(
                        f"{path.name} begins behind record {begin:,}, and the file before it ends with {end:,}",
                        "files that follow each other",
                        "restore the files, or begin anew in an empty folder",
                    )
                )
            if k == len(files) - 1:
                _mend(path)
            with path.open("rb") as file:
                end += sum(1 for _ in file)
        return end


def _mend(path: Path) -> None:
    """Cut off a last line that has no end, or that the disk did not get whole."""
    with path.open("r+b", buffering=0) as file:
        drop_torn_line(file)
        size = file.seek(0, os.SEEK_END)
    last = b""
    with path.open("rb") as lines:
        for line in lines:
            last = line
    if last and not _is_whole(last):
        os.truncate(path, size - len(last))


def _is_whole(line: bytes) -> bool:
    checksum, _, body = line.rstrip(b"\n").partition(b" ")
    return checksum == b"%08x" % zlib.crc32(body)


def _record(line: bytes, path: Path, number: int) -> dict[str, Any]:
    if not _is_whole(line):
        raise DataError(
            message(
                f"line {number:,} of {path.name} is not as it was written",
                "records with their checksums were expected",
                "restore the file, or begin anew in an empty folder",
            )
        )
    found: dict[str, Any] = json.loads(line.partition(b" ")[2])
    return found
