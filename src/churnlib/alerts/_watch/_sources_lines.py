"""The source that reads lines of JSON from a file, and may wait for more."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from churnlib._checks import check_flag, check_integer
from churnlib.alerts._watch._sinks_lines import as_path
from churnlib.alerts._watch._sources import MAX_LINE, OnBad, Taken, check_on_bad, check_timeout, event_of, report
from churnlib.exceptions import DataError, ParameterError, message

__all__ = ["JsonLinesSource"]

_BLOCK = 1 << 20
_PAUSE = 0.02


class JsonLinesSource:
    """Read events from a file with one object of JSON in each line.

    Parameters
    ----------
    path : str or path
        The file. With `follow` it may come later.
    offset : int, default=0
        Where to begin, in bytes: the offset given with the last event that was dealt with.
    follow : bool, default=False
        Whether to wait for lines that are appended. A last line without an end is half-written and
        is waited for; without `follow` it is read if it is whole, and else left for the next time.
    on_bad : "error" or callable, default="error"
        What to do with a line that is no event. "error" raises, and stands before that line if it is
        asked again; a function is given a `BadLine` with its number, and the source goes on.
    limit : int, default=10_000
        The most events one `poll` gives.

    Attributes
    ----------
    offset : int
        Behind the last event given.
    ended : bool
        Whether no more will come: all was read, and `follow` is False.

    Raises
    ------
    ParameterError
        When there is no such file, or it is shorter than the offset.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "events.jsonl"
    ...     size = path.write_bytes(b'{"customer_id": 7}' + bytes([10]) + b'{"customer_id": 8}' + bytes([10]))
    ...     source = JsonLinesSource(path)
    ...     first = next(iter(source))
    ...     rest = list(JsonLinesSource(path, offset=first.offset))
    >>> first, rest
    (Taken(event={'customer_id': 7}, offset=19), [Taken(event={'customer_id': 8}, offset=38)])
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        offset: int = 0,
        follow: bool = False,
        on_bad: OnBad = "error",
        limit: int = 10_000,
    ) -> None:
        self.path = as_path(path, "path")
        self.offset = check_integer(offset, name="offset", low=0)
        self.ended = False
        self._follow = check_flag(follow, name="follow")
        self._on_bad = check_on_bad(on_bad)
        self._limit = check_integer(limit, name="limit", low=1)
        self._read_to = self.offset
        self._rest, self._at = b"", 0
        self._left_out, self._counted = 0, (0, 1)
        if not self._follow and not self.path.is_file():
            raise ParameterError(
                message(f"there is no file {str(self.path)!r}", "events to read", "follow=True waits for it")
            )

    def __repr__(self) -> str:
        return f"JsonLinesSource({str(self.path)!r}, offset={self.offset})"

    def poll(self, timeout: float = 0.0) -> list[Taken]:
        """Return the events that are there, or that come within so many seconds.

        Parameters
        ----------
        timeout : float, default=0.0
            How long to wait for the first event, with `follow`.

        Returns
        -------
        list of Taken
            At most `limit`; empty when none came.

        Raises
        ------
        DataError
            When a line is no event, with ``on_bad="error"``; events before it were given before. Or
            when the file became shorter than what was read of it.

        Examples
        --------
        >>> JsonLinesSource("events-to-come.jsonl", follow=True).poll()
        []
        """
        until = time.monotonic() + check_timeout(timeout)
        while True:
            found = self._take(self._limit)
            if found or self.ended or time.monotonic() >= until:
                return found
            time.sleep(min(_PAUSE, max(0.0, until - time.monotonic())))

    def __iter__(self) -> Iterator[Taken]:
        """Yield events; with `follow`, for ever."""
        while not self.ended:
            found = self._take(1)
            if not found and not self.ended:
                time.sleep(_PAUSE)
            yield from found

    def _take(self, limit: int) -> list[Taken]:
        found: list[Taken] = []
        while len(found) < limit:
            end = self._rest.find(b"\n", self._at)
            if end >= 0:
                if not self._one(self._rest[self._at : end], end + 1 - self._at + self._left_out, found):
                    return found
            elif not self._fill():
                break
        if not found and not self._follow:
            self._finish(found)
        return found

    def _fill(self) -> bool:
        """Read more of the file, and say whether there was any."""
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < self._read_to:
                    raise DataError(
                        message(
                            f"{str(self.path)!r} has {size:,} bytes, and {self._read_to:,} were read or stated as read",
                            "a file of events is only appended to",
                            "JsonLinesSource(path) for another file",
                        )
                    )
                file.seek(self._read_to)
                block = file.read(_BLOCK)
        except FileNotFoundError:
            return False
        self._read_to += len(block)
        rest = self._rest[self._at :]
        kept = rest[: MAX_LINE + 1]  # of a line that is too long no more is looked at, however long it gets
        self._left_out += len(rest) - len(kept)
        self._rest, self._at = kept + block, 0
        return bool(block)

    def _one(self, line: bytes, length: int, found: list[Taken]) -> bool:
        """Deal with one line; False where the caller is to be given what was found before a bad one."""
        event = event_of(line) if line.strip() else None
        if isinstance(event, str):
            if found and self._on_bad == "error":
                return False  # what came before it first; it is the first line of the next time
            self._report(line, event)
        self._at += length - self._left_out
        self.offset += length
        self._left_out = 0
        if isinstance(event, dict):
            found.append(Taken(event, self.offset))
        return True

    def _finish(self, found: list[Taken]) -> None:
        """At the end of a file that is not followed, take a last line without an end if it is whole."""
        line = self._rest[self._at :]
        if line.strip() and isinstance(event_of(line), dict):
            self._one(line, len(line), found)
        self.ended = True

    def _report(self, line: bytes, reason: str) -> None:
        counted, number = self._counted
        with self.path.open("rb") as file:
            file.seek(counted)
            left = self.offset - counted
            while left and (block := file.read(min(_BLOCK, left))):
                number, left = number + block.count(b"\n"), left - len(block)
        self._counted = self.offset, number
        report(self._on_bad, line, number, reason, repr(str(self.path)))
