"""The sink that writes lines of JSON to a file, whole ones only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from churnlib._checks import check_flag
from churnlib.alerts._watch._notice import Notice
from churnlib.alerts._watch._sinks import DeliveryError
from churnlib.exceptions import ParameterTypeError, message

__all__ = ["JsonLinesSink", "as_path", "drop_torn_line", "sync_folder", "write_all"]

_BLOCK = 1 << 16

ESCAPED = "backslashreplace"
r"""How half of a surrogate pair is encoded, which is no character: as \udXXX, just as JSON writes it."""


class JsonLinesSink:
    """Append one line of JSON per notice to a file.

    A process that is killed while it writes leaves at most half a line, which the next one to open
    the file cuts off: its notice was not confirmed, and comes again.

    Parameters
    ----------
    path : str or path
        The file; it is made when the first notice comes.
    sync : bool, default=True
        Whether `send` returns only after the disk has the lines. Without it a process may be
        killed and nothing is lost, but not the machine.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from churnlib.alerts import Rule, RuleSet, notices
    >>> step = RuleSet([Rule("a", 1, "x > 1")]).step(pd.DataFrame({"x": [2]}, index=[7]), now="2026-03-02")
    >>> with tempfile.TemporaryDirectory() as folder, JsonLinesSink(f"{folder}/alerts.jsonl") as sink:
    ...     sink.send(notices(step))
    ...     len(sink.path.read_text(encoding="utf-8").splitlines())
    1
    """

    def __init__(self, path: str | os.PathLike[str], *, sync: bool = True) -> None:
        self.path = as_path(path, "path")
        self._sync = check_flag(sync, name="sync")
        self._file: Any = None

    def __repr__(self) -> str:
        return f"JsonLinesSink({str(self.path)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, notices: Sequence[Notice]) -> None:
        """Append a line for each notice.

        Parameters
        ----------
        notices : sequence of Notice
            What is to be told.

        Raises
        ------
        DeliveryError
            When the file cannot be written; then none of the lines stands in it.

        Examples
        --------
        >>> JsonLinesSink("nothing-to-say.jsonl").send([])
        """
        if not notices:
            return
        lines = "".join(f"{notice.to_json()}\n" for notice in notices).encode("utf-8", ESCAPED)
        start = None
        try:
            if self._file is not None and not _is_at(self._file, self.path):
                self.close()  # it was moved away or removed, as logs are: what is written there nobody reads
            if self._file is None:
                self._file = _opened(self.path)
            start = self._file.seek(0, os.SEEK_END)
            write_all(self._file, lines)
            if self._sync:
                os.fsync(self._file.fileno())
        except OSError as error:
            self._undo(start)
            raise DeliveryError(
                message(
                    f"{len(notices)} notices could not be written to {str(self.path)!r} ({error.strerror or error})",
                    "a file that can be appended to was expected",
                    "send them again",
                )
            ) from error

    def _undo(self, start: int | None) -> None:
        """Take out what a failed write may have left, as far as that can be done."""
        file, self._file = self._file, None
        try:
            if file is not None and start is not None:
                os.ftruncate(file.fileno(), start)
        except OSError:
            pass  # half a line is cut off by whoever opens the file next
        finally:
            _close_quietly(file)

    def close(self) -> None:
        """Close the file; the next `send` opens it again.

        Examples
        --------
        >>> JsonLinesSink("alerts.jsonl").close()
        """
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _close_quietly(file: Any) -> None:
    try:
        if file is not None:
            file.close()
    except OSError:
        pass


def _is_at(file: Any, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _opened(path: Path) -> Any:
    is_new = not path.exists()
    file = path.open("r+b" if not is_new else "w+b", buffering=0)
    drop_torn_line(file)
    if is_new:
        sync_folder(path.parent)
    return file


def as_path(value: Any, name: str) -> Path:
    """Return a path; refuse what is none."""
    if isinstance(value, str | os.PathLike) and value != "":
        return Path(value)
    raise ParameterTypeError(
        message(f"{name} is {value!r}, a {type(value).__name__}", "a path was expected", f"{name}='alerts'")
    )


def write_all(file: Any, data: bytes) -> None:
    """Write all of it to an unbuffered file, which may take less at a time."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def drop_torn_line(file: Any) -> int:
    """Cut a last line without an end off a file that is open for reading and writing.

    Parameters
    ----------
    file : binary file
        The file.

    Returns
    -------
    int
        How many bytes were cut off.
    """
    size = end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - _BLOCK)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        file.truncate(end)
    file.seek(0, os.SEEK_END)
    return int(size - end)


def sync_folder(folder: Path) -> None:
    """Make the disk remember which files a folder has, where the system can say so."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
