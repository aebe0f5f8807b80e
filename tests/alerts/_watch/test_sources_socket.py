"""Events over TCP: several senders, what is safe is confirmed, and no sender can stop the others."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import Any

import pytest

from churnlib.alerts import BadLine, SocketSource
from churnlib.alerts._watch import _sources_socket
from churnlib.alerts._watch._sources import MAX_LINE
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError


def line(number: int) -> bytes:
    return json.dumps({"customer_id": number}).encode() + b"\n"


def connect(source: SocketSource) -> socket.socket:
    connection = socket.create_connection((source.host, source.port), timeout=5)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def polled(source: SocketSource, n: int) -> list[Any]:
    found: list[Any] = []
    until = time.monotonic() + 5
    while len(found) < n and time.monotonic() < until:
        found += source.poll(0.05)
    return found


def numbers(taken: list[Any]) -> list[int]:
    return [event["customer_id"] for event, _ in taken]


def test_lines_come_in_whole_however_they_are_cut():
    with SocketSource("127.0.0.1", 0) as source, connect(source) as sender:
        assert source.poll() == []
        sender.sendall(line(1) + b"\n" + line(2)[:5])
        assert numbers(polled(source, 1)) == [1]
        sender.sendall(line(2)[5:] + line(3))
        assert numbers(polled(source, 2)) == [2, 3]
        assert source.offset == 3
        source.confirm()
        source.confirm()
        assert sender.recv(100) == b"4\n"  # the empty line was one, too


def test_each_sender_is_told_of_its_own_lines():
    with SocketSource("127.0.0.1", 0) as source, connect(source) as one, connect(source) as other:
        one.sendall(line(1) + line(2))
        other.sendall(line(3))
        assert sorted(numbers(polled(source, 3))) == [1, 2, 3]
        source.confirm()
        assert (one.recv(10), other.recv(10)) == (b"2\n", b"1\n")


def test_nothing_is_confirmed_before_it_is_asked_for():
    with SocketSource("127.0.0.1", 0) as source, connect(source) as sender:
        sender.sendall(line(1))
        polled(source, 1)
        sender.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sender.recv(10)


def test_a_sender_that_hangs_up_loses_no_whole_line():
    with SocketSource("127.0.0.1", 0) as source:
        with connect(source) as sender:
            sender.sendall(line(1) + line(2) + b'{"half": ')
        assert numbers(polled(source, 2)) == [1, 2]
        source.confirm()
        assert source.poll() == []
        assert not source._peers


def test_a_sender_that_only_stops_sending_still_hears():
    with SocketSource("127.0.0.1", 0) as source, connect(source) as sender:
        sender.sendall(line(1))
        sender.shutdown(socket.SHUT_WR)
        assert numbers(polled(source, 1)) == [1]
        source.confirm()
        assert sender.recv(10) == b"1\n"
        source.poll()
        assert not source._peers


def test_bad_lines_are_kept_apart_and_others_go_on():
    bad: list[BadLine] = []
    with SocketSource("127.0.0.1", 0, on_bad=bad.append) as source, connect(source) as one, connect(source) as other:
        one.sendall(line(1) + b"oops\n" + line(2))
        other.sendall(line(3))
        assert sorted(numbers(polled(source, 3))) == [1, 2, 3]
        source.confirm()
        assert one.recv(10) == b"3\n"
    assert [(each.number, each.text) for each in bad] == [(2, "oops")]


def test_a_bad_line_is_an_error_and_loses_nothing_around_it():
    with SocketSource("127.0.0.1", 0) as source, connect(source) as sender:
        sender.sendall(line(1) + b"oops\n" + line(2))
        with pytest.raises(DataError, match=r"line 2 of a sender on port \d+ is no JSON"):
            polled(source, 2)
        assert numbers(polled(source, 2)) == [1, 2]


def test_a_line_without_end_is_hung_up_on():
    bad: list[BadLine] = []
    with SocketSource("127.0.0.1", 0, on_bad=bad.append) as source, connect(source) as sender, connect(source) as other:
        sender.settimeout(0.2)
        until = time.monotonic() + 10
        while not bad and time.monotonic() < until:
            with contextlib.suppress(OSError):
                sender.sendall(b"x" * (MAX_LINE // 2))
            source.poll()
        other.sendall(line(1))
        assert numbers(polled(source, 1)) == [1]
        assert len(source._peers) == 1
    assert bad[0].reason.startswith("longer than")


def test_a_port_that_is_taken():
    with SocketSource("127.0.0.1", 0) as source:
        with pytest.raises(ParameterError, match=rf"nothing can listen on 127.0.0.1:{source.port}"):
            SocketSource("127.0.0.1", source.port)
        assert repr(source) == f"SocketSource('127.0.0.1', {source.port})"
    with pytest.raises(ParameterError, match="port"):
        SocketSource("127.0.0.1", 70_000)


def test_it_ends_when_it_is_closed():
    source = SocketSource("127.0.0.1", 0)
    with connect(source) as sender:
        sender.sendall(line(1))
        found = []
        for taken in source:
            found.append(taken.event)
            source.close()
        assert found == [{"customer_id": 1}]
    source.close()
    assert source.poll() == []


@pytest.mark.parametrize("flood", [b"\n" * 60_000, b"{\n" * 30_000])
def test_lines_without_events_do_not_hold_a_poll_up(flood: bytes):
    stop = threading.Event()

    def pour(sender: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while not stop.is_set():
                sender.sendall(flood)

    with SocketSource("127.0.0.1", 0, on_bad=lambda _: None) as source, connect(source) as sender:
        thread = threading.Thread(target=pour, args=(sender,), daemon=True)
        thread.start()
        begin = time.monotonic()
        assert source.poll(0.1) == []
        assert time.monotonic() - begin < 1.5
        stop.set()
    thread.join(5)


def test_one_sender_too_many_takes_the_place_of_the_most_silent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_sources_socket, "_MOST_PEERS", 2)
    with SocketSource("127.0.0.1", 0) as source, connect(source) as silent, connect(source) as other:
        source.poll(0.05)
        other.sendall(line(1))
        assert numbers(polled(source, 1)) == [1]
        with connect(source) as last:
            last.sendall(line(2))
            assert numbers(polled(source, 1)) == [2]
            assert silent.recv(1) == b""
            other.sendall(line(3))
            assert numbers(polled(source, 1)) == [3]


def test_a_host_is_a_text_and_a_name():
    with pytest.raises(ParameterTypeError, match="host is 7, a int"):
        SocketSource(7, 0)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="nothing can listen on"):
        SocketSource("a" * 70 + ".example", 0)
