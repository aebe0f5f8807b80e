"""Where public files come from: offline folder, cache, download, and what is refused."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from churnlib.datasets import _store
from churnlib.datasets._store import PublicFile, cache_folder, check_rows, locate, read_member
from churnlib.exceptions import DataError

TABLE = b"a,b\n1,2\n3,4\n"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.delenv("CHURNLIB_DATA", raising=False)
    monkeypatch.setenv("CHURNLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_the_offline_folder_comes_first(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_bytes(TABLE)
    monkeypatch.setenv("CHURNLIB_DATA", str(tmp_path))
    file = PublicFile("t.csv", sha(TABLE), 2, "nowhere", url="https://nowhere.invalid/t.csv", url_sha256="0")
    assert locate(file) == (tmp_path / "t.csv", True)
    assert not cache_folder().exists()


def test_a_download_is_checked_kept_and_reused(server):
    folder, url = server
    (folder / "t.csv").write_bytes(TABLE)
    file = PublicFile("t.csv", "0", 2, "a server", url=f"{url}/t.csv", url_sha256=sha(TABLE))
    path, offline = locate(file, progress=False)
    assert not offline
    assert path.parent == cache_folder()
    assert path.read_bytes() == TABLE
    (folder / "t.csv").unlink()
    assert locate(file) == (path, False)
    assert [entry.name for entry in cache_folder().iterdir()] == [path.name]  # no partial file is left


def test_an_archive_is_unpacked(server):
    folder, url = server
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("inside/t.csv", TABLE)
    (folder / "t.whl").write_bytes(sink.getvalue())
    file = PublicFile(
        "t.csv", "0", 2, "a server", url=f"{url}/t.whl", url_sha256=sha(sink.getvalue()), member="inside/t.csv"
    )
    assert read_member(locate(file)[0], file) == TABLE


def test_wrong_bytes_are_refused_and_not_kept(server):
    folder, url = server
    (folder / "t.csv").write_bytes(TABLE + b"5,6\n")
    file = PublicFile("t.csv", "0", 2, "a server", url=f"{url}/t.csv", url_sha256=sha(TABLE))
    with pytest.raises(DataError, match=rf"not the published t.csv: its sha256 is .*sha256 {sha(TABLE)}, from {url}"):
        locate(file)
    assert list(cache_folder().iterdir()) == []


def test_a_wrong_offline_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_bytes(b"other")
    monkeypatch.setenv("CHURNLIB_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"t\.csv is not the published t\.csv.*expected|sha256"):
        locate(PublicFile("t.csv", sha(TABLE), 2, "nowhere"))


def test_a_spoilt_cache_is_refused(server):
    folder, url = server
    (folder / "t.csv").write_bytes(TABLE)
    file = PublicFile("t.csv", "0", 2, "a server", url=f"{url}/t.csv", url_sha256=sha(TABLE))
    path, _ = locate(file)
    path.write_bytes(b"spoilt")
    with pytest.raises(DataError, match=r"delete .* and fetch again"):
        locate(file)


def test_an_absent_server_is_explained(server, monkeypatch, tmp_path):
    _, url = server
    monkeypatch.setenv("CHURNLIB_DATA", str(tmp_path))
    file = PublicFile("t.csv", "feed", 2, "a server", url=f"{url}/absent.csv", url_sha256="beef")
    with pytest.raises(DataError) as caught:
        locate(file)
    text = str(caught.value)
    for part in ("t.csv", f"{url}/absent.csv", "404", "sha256 beef", "sha256 feed", f"CHURNLIB_DATA={tmp_path}"):
        assert part in text


def test_a_file_without_a_public_address_asks_for_the_folder():
    with pytest.raises(DataError, match=r"t\.csv is not in the offline folder \(CHURNLIB_DATA is not set\)") as caught:
        locate(PublicFile("t.csv", "feed", 2, "an R package"))
    for part in ("no public address", "an R package", "sha256 is feed", "CHURNLIB_DATA=/path/to/folder"):
        assert part in str(caught.value)


def test_only_https_or_this_machine():
    file = PublicFile("t.csv", "0", 2, "a server", url="http://example.org/t.csv", url_sha256="0")
    with pytest.raises(DataError, match=r"http://example\.org/t\.csv of t\.csv is not an https address"):
        locate(file)


def test_rows_are_counted():
    file = PublicFile("t.csv", "0", 1_000, "a server")
    check_rows(1_000, file)
    with pytest.raises(DataError, match=r"t\.csv has 999 rows; 1,000 rows, as published by a server"):
        check_rows(999, file)


@pytest.mark.parametrize(
    ("platform", "variable", "tail"),
    [
        ("win32", "LOCALAPPDATA", ("churnlib", "Cache")),
        ("linux", "XDG_CACHE_HOME", ("churnlib",)),
        ("darwin", None, ("Library", "Caches", "churnlib")),
    ],
)
def test_the_cache_folder_of_each_platform(monkeypatch, tmp_path, platform, variable, tail):
    monkeypatch.delenv("CHURNLIB_CACHE")
    monkeypatch.setattr(_store.sys, "platform", platform)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path))
        assert cache_folder() == tmp_path.joinpath(*tail)
        monkeypatch.delenv(variable)
    assert cache_folder().parts[-len(tail) :] == tail
    assert not cache_folder().is_relative_to(tmp_path)
