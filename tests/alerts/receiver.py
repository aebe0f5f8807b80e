"""A receiver of webhooks on this machine that answers as it is told, and keeps what it took."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What came in, and what is to be answered: one entry of `script` for each request, then 200.

    An entry is a status, (status, headers), "hang" (no answer), "drop" (taken, and no answer),
    "garbage" (no HTTP), or "endless" (an answer that never ends).
    """

    script: list[Any] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0
    by_key: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeated: int = 0
    url: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    def keep(self, body: bytes) -> None:
        for notice in json.loads(body)["notices"]:
            if notice["key"] in self.by_key:
                self.repeated += 1
            self.by_key.setdefault(notice["key"], notice)

    def misbehave(self, handler: BaseHTTPRequestHandler, how: str, body: bytes) -> None:
        if how == "hang":
            self.stop.wait(10)
        elif how == "garbage":
            handler.wfile.write(b"what is this\r\n\r\n")
        else:
            self.keep(body)
        if how == "endless":
            handler.send_response(200)
            handler.send_header("Content-Length", str(1 << 40))
            handler.end_headers()
            handler.wfile.write(b"x" * (1 << 17))


def handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            receiver.connections += 1

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.append((dict(self.headers), body))
            answer = receiver.script.pop(0) if receiver.script else 200
            if isinstance(answer, str):
                receiver.misbehave(self, answer, body)
                self.close_connection = True
                return
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            if 200 <= status < 300:
                receiver.keep(body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

    return Handler


@contextmanager
def receiving(*script: Any) -> Iterator[Receiver]:
    receiver = Receiver(list(script))

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Say nothing: senders are killed on purpose."""

    server = Server(("127.0.0.1", 0), handler_of(receiver))
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook?token=in-the-query"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.stop.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
