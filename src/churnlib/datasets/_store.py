"""Where a public file is found: the offline folder, the cache, or its origin."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from churnlib.exceptions import DataError, message

__all__ = ["PublicFile", "cache_folder", "check_rows", "locate", "offline_folder", "read_member"]

logger = logging.getLogger("churnlib")

CHUNK = 1 << 20
TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class PublicFile:
    """One public file and how to recognise it.

    Attributes
    ----------
    name : str
        Its name in the offline folder.
    sha256 : str
        Hash of the offline file.
    rows : int
        Rows of the table in it.
    origin : str
        Where it comes from and under which licence, for people.
    url : str or None
        Where the same table can be downloaded, if anywhere.
    url_sha256 : str or None
        Hash of what the URL delivers.
    member : str or None
        The file inside the downloaded archive (zip or wheel) that holds the table.
    """

    name: str
    sha256: str
    rows: int
    origin: str
    url: str | None = None
    url_sha256: str | None = None
    member: str | None = None

    @property
    def download_name(self) -> str:
        """Name of the downloaded file in the cache; it begins with its hash, so versions never mix."""
        tail = (self.url or self.name).rsplit("/", 1)[-1]
        return f"{(self.url_sha256 or self.sha256)[:12]}-{tail}"


def offline_folder() -> Path | None:
    """Return the folder named by the environment variable ``CHURNLIB_DATA``, if set."""
    folder = os.environ.get("CHURNLIB_DATA")
    return Path(folder).expanduser() if folder else None


def cache_folder() -> Path:
    r"""Return the folder for downloads; nothing is created by asking.

    The environment variable ``CHURNLIB_CACHE`` names it; else it is the user's
    cache folder of the platform.

    Returns
    -------
    pathlib.Path
        ``CHURNLIB_CACHE``, ``%LOCALAPPDATA%\churnlib\Cache`` on Windows,
        ``~/Library/Caches/churnlib`` on macOS, else ``$XDG_CACHE_HOME/churnlib``
        or ``~/.cache/churnlib``.

    Examples
    --------
    >>> import os
    >>> from unittest import mock
    >>> with mock.patch.dict(os.environ, {"CHURNLIB_CACHE": "somewhere"}):
    ...     cache_folder().name
    'somewhere'
    """
    named = os.environ.get("CHURNLIB_CACHE")
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "churnlib" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "churnlib"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "churnlib"


def locate(file: PublicFile, *, progress: bool = False) -> tuple[Path, bool]:
    """Find a file, checked by its hash.

    Parameters
    ----------
    file : PublicFile
        What to find.
    progress : bool, default=False
        Show a progress bar while downloading.

    Returns
    -------
    tuple of (pathlib.Path, bool)
        The path, and whether it is the offline file (True) or the download.

    Raises
    ------
    DataError
        If the file is nowhere, cannot be downloaded, or has another hash.
    """
    folder = offline_folder()
    if folder is not None and (folder / file.name).is_file():
        _check_hash(folder / file.name, file.sha256, file)
        return folder / file.name, True
    if file.url is None or file.url_sha256 is None:
        raise DataError(
            message(
                f"{file.name} is not in the offline folder ({_folder_text(folder)}) and cannot be downloaded",
                "no public address serves these bytes, because the file was converted or generated from: "
                f"{file.origin}; its sha256 is {file.sha256}",
                f"put {file.name} into a folder and name it: CHURNLIB_DATA=/path/to/folder",
            )
        )
    cached = cache_folder() / file.download_name
    if not cached.is_file():
        _download(file, file.url, cached, folder, progress=progress)
    _check_hash(cached, file.url_sha256, file)
    return cached, False


def read_member(path: Path, file: PublicFile) -> bytes:
    """Return the table's bytes out of a download, unpacking the archive where there is one."""
    if file.member is None:
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return archive.read(file.member)


def check_rows(rows: int, file: PublicFile) -> None:
    """Refuse a table with another number of rows than published."""
    if rows != file.rows:
        raise DataError(
            message(
                f"{file.name} has {rows:,} rows",
                f"{file.rows:,} rows, as published by {file.origin}",
                f"delete it and fetch again, or put the original into CHURNLIB_DATA (sha256 {file.sha256})",
            )
        )


def _folder_text(folder: Path | None) -> str:
    return "CHURNLIB_DATA is not set" if folder is None else f"CHURNLIB_DATA={folder}"


def _check_hash(path: Path, expected: str, file: PublicFile) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(CHUNK):
            digest.update(block)
    if digest.hexdigest() != expected:
        raise DataError(
            message(
                f"{path} is not the published {file.name}: its sha256 is {digest.hexdigest()}",
                f"sha256 {expected}, from {file.url or file.origin}",
                f"delete {path} and fetch again, or put the original into the offline folder CHURNLIB_DATA",
            )
        )


def _download(file: PublicFile, url: str, target: Path, folder: Path | None, *, progress: bool) -> None:
    _check_scheme(url, file)
    target.parent.mkdir(parents=True, exist_ok=True)
    logger.info("downloading %s to %s", url, target)
    handle, partial = tempfile.mkstemp(dir=target.parent, prefix="partial-")
    try:
        with os.fdopen(handle, "wb") as sink:
            _copy(url, sink, progress=progress)
        _check_hash(Path(partial), str(file.url_sha256), file)
        Path(partial).replace(target)  # appears whole or not at all, also with two processes at once
    except (urllib.error.URLError, OSError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # an answer such as 404 still holds the connection
        raise DataError(
            message(
                f"{file.name} could not be downloaded from {url} ({error})",
                f"a file of sha256 {file.url_sha256}; the offline folder was looked at first ({_folder_text(folder)})",
                f"put {file.name} (sha256 {file.sha256}) into a folder and name it: CHURNLIB_DATA=/path/to/folder",
            )
        ) from error
    finally:
        Path(partial).unlink(missing_ok=True)


def _check_scheme(url: str, file: PublicFile) -> None:
    parts = urllib.parse.urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}
    if parts.scheme != "https" and not local:
        raise DataError(
            message(f"{url} of {file.name} is not an https address", "https", f"https://{parts.netloc}{parts.path}")
        )


def _copy(url: str, sink: object, *, progress: bool) -> None:
    from tqdm import tqdm

    request = urllib.request.Request(url, headers={"User-Agent": "churnlib"})  # noqa: S310  # `_check_scheme` ran
    with urllib.request.urlopen(request, timeout=TIMEOUT) as source:  # noqa: S310
        size = source.headers.get("Content-Length")
        with tqdm(
            total=int(size) if size else None, unit="B", unit_scale=True, desc="download", disable=not progress
        ) as bar:
            while block := source.read(CHUNK):
                sink.write(block)  # type: ignore[attr-defined]
                bar.update(len(block))
