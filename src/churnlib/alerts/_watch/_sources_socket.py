"""The source that listens on a socket for lines of JSON, and says which of them are safe."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from churnlib._checks import check_integer
from churnlib.alerts._watch._sources import MAX_LINE, OnBad, Taken, check_on_bad, check_timeout, event_of, report
from churnlib.exceptions import ParameterError, ParameterTypeError, message

__all__ = ["SocketSource"]

_BLOCK = 1 << 16
_PAUSE = 0.2
_GRACE = 0.05
"""Seconds beyond its time after which a poll ends whatever else comes in: lines that are no events never end."""

_MOST_PEERS = 256
"""Senders at a time; one more takes the place of the one that was silent for longest."""


@dataclass(slots=True)
class _Peer:
    """A sender: what is left of its lines, how many were read, and how many it was told are safe."""

    socket: socket.socket
    rest: bytes = b""
    lines: int = 0
    told: int = 0
    heard: float = field(default_factory=time.monotonic)
    gone: bool = False
    hang_up: bool = False


class SocketSource:
    r"""Listen for events: lines of JSON over TCP, from one sender or several.

    After what came in is safe, `confirm` tells every sender how many of the lines of its connection
    are: it gets the number as a line of its own. A sender whose connection breaks sends the lines
    again that were not confirmed; give events an id, so that one that comes twice is taken once.

    There is neither encryption nor a password: listen on the machine itself or in a network of your own.

    Parameters
    ----------
    host : str
        The address to listen on, such as "127.0.0.1".
    port : int
        The port; 0 lets the system choose, see `port`.
    on_bad : "error" or callable, default="error"
        What to do with a line that is no event: raise, or call a function with a `BadLine`, numbered
        within its connection. Either way the line counts as read.
    limit : int, default=10_000
        About the most events one `poll` gives.

    Attributes
    ----------
    host, port : str, int
        Where it listens.
    offset : int
        How many events were given.
    ended : bool
        Whether it was closed.

    Raises
    ------
    ParameterError
        When it cannot listen there.

    Notes
    -----
    There are 256 senders at most; one more takes the place of the one that was silent for longest.

    Examples
    --------
    >>> import socket
    >>> with SocketSource("127.0.0.1", 0) as source, socket.create_connection(("127.0.0.1", source.port)) as sender:
    ...     sender.sendall(b'{"customer_id": 7}' + bytes([10]))
    ...     [taken] = source.poll(timeout=5)
    ...     source.confirm()
    ...     taken.event, sender.recv(10)
    ({'customer_id': 7}, b'1\n')
    """

    def __init__(self, host: str, port: int, *, on_bad: OnBad = "error", limit: int = 10_000) -> None:
        if not isinstance(host, str):
            raise ParameterTypeError(
                message(f"host is {host!r}, a {type(host).__name__}", "an address was expected", "host='127.0.0.1'")
            )
        check_integer(port, name="port", low=0, high=65_535)
        self._on_bad = check_on_bad(on_bad)
        self._limit = check_integer(limit, name="limit", low=1)
        self.offset = 0
        self.ended = False
        self._peers: dict[int, _Peer] = {}
        self._found: list[Taken] = []
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._server = socket.create_server((host, port), family=family, backlog=64)
        except (OSError, UnicodeError) as error:
            raise ParameterError(
                message(
                    f"nothing can listen on {host}:{port} ({getattr(error, 'strerror', None) or error})",
                    "an address of this machine and a free port",
                    "SocketSource('127.0.0.1', 0)",
                )
            ) from None
        self._server.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self.host, self.port = self._server.getsockname()[:2]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ)

    def __repr__(self) -> str:
        return f"SocketSource({self.host!r}, {self.port})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, and listen no more.

        Examples
        --------
        >>> source = SocketSource("127.0.0.1", 0)
        >>> source.close()
        >>> source.ended
        True
        """
        if self.ended:
            return
        self.ended = True
        for peer in list(self._peers.values()):
            self._drop(peer)
        self._selector.close()
        self._server.close()

    def poll(self, timeout: float = 0.0) -> list[Taken]:
        """Return the events that are there, or that come within so many seconds.

        Parameters
        ----------
        timeout : float, default=0.0
            How long to wait for the first event.

        Returns
        -------
        list of Taken
            In the order in which each sender sent them; empty when none came.

        Raises
        ------
        DataError
            When a line is no event, with ``on_bad="error"``; events read before it come with the next `poll`.

        Examples
        --------
        >>> with SocketSource("127.0.0.1", 0) as source:
        ...     source.poll()
        []
        """
        until = time.monotonic() + check_timeout(timeout)
        while not self.ended:
            for peer in list(self._peers.values()):
                self._read_lines(peer)
            left = until - time.monotonic()
            full = len(self._found) >= self._limit
            ready = [] if full else self._selector.select(0.0 if self._found else max(0.0, left))
            for key, _ in ready:
                if key.fileobj is self._server:
                    self._accept()
                elif (there := self._peers.get(key.fd)) is not None and there.socket is key.fileobj:
                    self._receive(there)  # which did not make way for a new one meanwhile
            if (not ready and (self._found or left <= 0)) or left <= -_GRACE:
                break
        found, self._found = self._found, []
        return found

    def __iter__(self) -> Iterator[Taken]:
        """Yield events until the source is closed."""
        while not self.ended:
            yield from self.poll(_PAUSE)

    def confirm(self) -> None:
        """Tell each sender how many of its lines are safe: all that were read so far.

        Examples
        --------
        >>> with SocketSource("127.0.0.1", 0) as source:
        ...     source.confirm()
        """
        for peer in list(self._peers.values()):
            if peer.lines > peer.told:
                try:
                    peer.socket.sendall(b"%d\n" % peer.lines)
                except OSError:  # it is gone, or reads nothing: it will send again what it does not know to be safe
                    self._drop(peer)
                peer.told = peer.lines

    # -- connections -------------------------------------------------------------------------

    def _accept(self) -> None:
        try:
            connection, _ = self._server.accept()
        except OSError:  # it has hung up again
            return
        connection.setblocking(False)  # noqa: FBT003
        if len(self._peers) >= _MOST_PEERS:  # its lines that were not confirmed it sends again
            self._drop(min(self._peers.values(), key=lambda peer: peer.heard))
        self._peers[connection.fileno()] = _Peer(connection)
        self._selector.register(connection, selectors.EVENT_READ)

    def _receive(self, peer: _Peer) -> None:
        try:
            block = peer.socket.recv(_BLOCK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            block = b""
        if block:
            peer.heard = time.monotonic()
            peer.rest += block
            return
        peer.gone = True  # half a line at the end is no line
        self._selector.unregister(peer.socket)
        peer.rest = peer.rest[: peer.rest.rfind(b"\n") + 1]

    def _read_lines(self, peer: _Peer) -> None:
        *lines, rest = peer.rest.split(b"\n")
        endless = len(rest) > MAX_LINE
        if endless:  # its end may never come: it is reported, and the sender is hung up on
            lines.append(rest)
        for number, line in enumerate(lines):
            peer.lines += 1
            event = event_of(line) if line.strip() else None
            if isinstance(event, dict):
                self.offset += 1
                self._found.append(Taken(event, self.offset))
            elif event is not None:
                peer.hang_up = endless
                try:
                    report(self._on_bad, line, peer.lines, event, f"a sender on port {self.port}")
                except BaseException:
                    peer.rest = b"" if endless else b"\n".join([*lines[number + 1 :], rest])
                    raise
        peer.rest = b"" if endless else rest
        if peer.hang_up or (peer.gone and peer.lines == peer.told):
            self._drop(peer)

    def _drop(self, peer: _Peer) -> None:
        descriptor = peer.socket.fileno()
        if self._peers.pop(descriptor, None) is not None and not peer.gone:
            self._selector.unregister(peer.socket)
        peer.socket.close()
