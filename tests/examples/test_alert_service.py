"""The service of the examples: killed at random moments, its receiver has what it would have had without."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import churnlib
from churnlib.alerts import DurableWatch, JsonLinesSink, Rule, RuleSet, Watch
from churnlib.calendar import to_us
from churnlib.features import Count, FeatureSpec, OnlineFeatures, Recency
from tests.alerts.receiver import Receiver, receiving

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kill -9 is a signal of POSIX systems")

SCRIPT = Path(__file__).parents[2] / "examples" / "alert_service.py"
HERE = os.environ | {"PYTHONPATH": str(Path(churnlib.__file__).parents[1]), "HOOK_SECRET": "sesame"}
START = to_us("2026-03-02")
SPEC = FeatureSpec([Count("1d", "complaint"), Recency(), Count("1d")])
RULES = RuleSet(
    [
        Rule("complains", 2, "complaint.count.1d >= 2", cooldown="1d", escalate=[("12h", 3, "head")]),
        Rule("silent", 1, "any.recency >= 2d", sources="orders"),
        Rule("busy", 1, "any.count.1d >= 5", for_="2h", inhibited_by="complains"),
    ],
    sources={"orders": "1d"},
)


def stream(n: int, seed: int) -> list[dict[str, Any]]:
    rng, now, events = random.Random(seed), START, []
    for number in range(n):
        now += rng.choice([0, 1, 5_000_000, 600_000_000])
        late = rng.choice([0, 0, 3_600_000_000])
        kind = rng.choice(["order", "visit", "complaint"])
        events.append(
            {"customer_id": rng.randrange(40), "time": now - late, "known_at": now, "kind": kind, "event_id": number}
        )
    last = now + 4 * 86_400_000_000
    return [*events, {"customer_id": 99, "time": last, "known_at": last, "kind": "order", "event_id": n}]


def without_a_kill(events: list[dict[str, Any]]) -> dict[str, Any]:
    features = OnlineFeatures(
        SPEC, kind="kind", known_at="known_at", event_id="event_id", duplicates="drop", scale=0
    )  # fmt: skip
    watch = Watch(features, RULES, tick="1h", sources={"orders": "order"})
    return {notice.key: notice.to_dict() for notice in watch.take(events)}


class Service:
    """The process, which is started again after each kill."""

    def __init__(self, folder: Path, *options: str) -> None:
        (folder / "rules.toml").write_text(RULES.to_toml(), encoding="utf-8")
        (folder / "spec.json").write_text(SPEC.to_json(), encoding="utf-8")
        self.command = [
            sys.executable, "-W", "error", str(SCRIPT), *options, "--rules", str(folder / "rules.toml"),
            "--spec", str(folder / "spec.json"), "--state", str(folder / "state"), "--feeds", "orders=order",
            "--keys", "customer=customer_id", "time=time", "kind=kind", "event_id=event_id",
        ]  # fmt: skip
        self.log = folder / "service.log"

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        with self.log.open("a", encoding="utf-8") as log:
            process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=log, text=True, env=HERE)
            try:
                assert process.stdout is not None
                assert process.stdout.readline(), self.log.read_text(encoding="utf-8")[-2000:]
                yield process
            finally:
                process.kill()
                process.wait(10)
                process.stdout.close()


class Sender(threading.Thread):
    """Sends lines, and sends those again that were not confirmed when the connection breaks."""

    def __init__(self, port: int, events: list[dict[str, Any]]) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.lines = [json.dumps(event).encode() + b"\n" for event in events]
        self.confirmed, self.repeated, self.stop = 0, 0, threading.Event()

    def run(self) -> None:
        while self.confirmed < len(self.lines) and not self.stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    self.send(connection, self.confirmed)
            except OSError:
                time.sleep(0.02)

    def send(self, connection: socket.socket, begin: int) -> None:
        at, heard = begin, b""
        connection.settimeout(5)
        while self.confirmed < len(self.lines) and not self.stop.is_set():
            if at - self.confirmed < 60 and at < len(self.lines):
                connection.sendall(b"".join(self.lines[at : at + 20]))
                at = min(at + 20, len(self.lines))
                continue
            found = connection.recv(1000)
            if not found:
                self.repeated += at - self.confirmed
                return
            *whole, heard = (heard + found).split(b"\n")
            if whole:
                self.confirmed = begin + int(whole[-1])


def wait_until(done: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not done() and time.monotonic() < until:
        time.sleep(0.005)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_a_service_that_is_killed_loses_nothing_and_a_receiver_by_key_has_nothing_twice(tmp_path: Path) -> None:
    rng, events = random.Random(7), stream(1_000, seed=3)
    expected = without_a_kill(events)
    assert len(expected) > 80
    answers = [rng.choice([200, 200, 200, 503, "drop"]) for _ in range(15)]  # its receiver is no better
    with receiving(*answers) as receiver:
        port = free_port()
        service = Service(
            tmp_path, "--listen", f"127.0.0.1:{port}", "--sink", receiver.url, "--secret", "HOOK_SECRET",
            "--clock", "events", "--tick", "1h", "--checkpoint", "200",
        )  # fmt: skip
        sender = Sender(port, events)
        sender.start()
        for kill in range(3):
            with service.running() as process:
                goal = (kill + 1) * len(events) // 5 + rng.randrange(100)
                wait_until(lambda goal=goal: sender.confirmed >= goal)
                time.sleep(rng.random() * 0.02)
                process.kill()
        with service.running():
            wait_until(lambda: len(receiver.by_key) >= len(expected))
            wait_until(lambda: sender.confirmed == len(events))
        sender.stop.set()
        sender.join(5)
        assert receiver.by_key == expected, service.log.read_text(encoding="utf-8")[-2000:]
        assert sender.confirmed == len(events)
        assert all("X-Churnlib-Signature" in headers for headers, _ in receiver.requests)
    assert "sesame" not in service.log.read_text(encoding="utf-8")


@pytest.fixture
def example() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("alert_service", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield module
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_it_reads_a_file_to_its_end_and_goes_on_where_it_was(
    tmp_path: Path, example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    events = stream(300, seed=4)
    half = next(k for k in range(150, 300) if events[k]["known_at"] - events[k - 1]["known_at"] > 1_000_000)
    expected = without_a_kill(events)
    path, out = tmp_path / "events.jsonl", tmp_path / "alerts.jsonl"
    service = Service(tmp_path, "--events", str(path), "--sink", f"jsonl:{out}", "--clock", "events", "--tick", "1h")
    lines = [json.dumps(event) + "\n" for event in events]
    for content in ("".join(lines[:half]) + "{torn", "".join(lines)):
        path.write_text(content, encoding="utf-8")
        example.main(service.command[4:])
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    last = max(each["at"] for each in expected.values())
    assert {each["key"]: each for each in found if each["at"] <= last} == expected
    assert len({each["key"] for each in found}) == len(found)
    assert capsys.readouterr().err == ""


def test_an_alert_comes_in_milliseconds(
    tmp_path: Path, example: ModuleType, record_property: Callable[[str, object], None]
) -> None:
    with receiving() as receiver:
        asked = example.parsed(Service(tmp_path, "--listen", "127.0.0.1:0", "--sink", receiver.url).command[4:])
        make = functools.partial(example.new_watch, asked, RULES)
        with example.sink_of(asked) as sink, DurableWatch(asked.state, sink, make, on_bad=example.complain) as service:
            source = example.source_of(asked, None)
            thread = threading.Thread(target=example.serve, args=(service, source, asked))
            thread.start()
            try:
                with socket.create_connection(("127.0.0.1", source.port), timeout=5) as sender:
                    waits = [one_alert(sender, receiver, customer) for customer in range(20)]
            finally:
                source.ended = True
                thread.join(5)
                source.ended = False
                source.close()
    assert len(receiver.by_key) == 20
    record_property("milliseconds from an event to its notice, median", float(np.median(waits)))
    record_property("milliseconds from an event to its notice, longest", max(waits))


def one_alert(sender: socket.socket, receiver: Receiver, customer: int) -> float:
    """Send two complaints, and return how many milliseconds later the notice was there."""
    events = [
        {"customer_id": customer, "time": time.time_ns() // 1000, "kind": "complaint", "event_id": f"{customer}-{k}"}
        for k in range(2)
    ]
    begin = time.perf_counter()
    sender.sendall(b"".join(json.dumps(event).encode() + b"\n" for event in events))
    wait_until(lambda: len(receiver.by_key) > customer, 5)
    return (time.perf_counter() - begin) * 1000


def of_a_file(folder: Path, content: str, sink: str) -> list[str]:
    """The arguments of a service that reads a file to its end, by the clock of its events."""
    path = folder / "events.jsonl"
    path.write_text(content, encoding="utf-8")
    return Service(folder, "--events", str(path), "--sink", sink, "--clock", "events", "--tick", "1h").command[4:]


def complaints(n: int) -> str:
    events = ({"customer_id": 7, "time": START + k, "known_at": START + k, "kind": "complaint"} for k in range(n))
    return "\n".join(json.dumps(event | {"event_id": k}) for k, event in enumerate(events))


@pytest.mark.parametrize(("content", "rules"), [("", []), ("\n\n", []), (complaints(2), ["complains"])])
def test_a_file_without_events_or_without_an_end_is_read_to_its_end(
    tmp_path: Path, example: ModuleType, content: str, rules: list[str]
) -> None:
    out = tmp_path / "alerts.jsonl"
    example.main(of_a_file(tmp_path, content, f"jsonl:{out}"))
    lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    assert [json.loads(line)["rule"] for line in lines] == rules


def test_the_clock_does_not_run_on_while_the_receiver_is_down(tmp_path: Path, example: ModuleType) -> None:
    with receiving([503, 503, 503]) as receiver:
        arguments = of_a_file(tmp_path, complaints(2) + "\n", receiver.url)
        example.main(arguments)
    assert [each["rule"] for each in receiver.by_key.values()] == ["complains"]
    with DurableWatch(tmp_path / "state", JsonLinesSink(tmp_path / "no"), Watch, on_bad=print) as service:
        assert service.watch._clock is not None
        assert service.watch._clock < START + 1_000_000


def test_it_stops_between_two_rounds_and_not_in_the_midst_of_one(
    tmp_path: Path, example: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, told = DurableWatch._apply, []

    def interrupted(service: DurableWatch, entry: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        take(service, entry)
        told.append(service.watch.features.taken)

    monkeypatch.setattr(DurableWatch, "_apply", interrupted)
    example.main(of_a_file(tmp_path, complaints(2) + "\n", f"jsonl:{tmp_path / 'alerts.jsonl'}"))
    assert told == [2]
    monkeypatch.undo()
    with DurableWatch(tmp_path / "state", JsonLinesSink(tmp_path / "no"), Watch, on_bad=print) as service:
        assert (service.watch.features.taken, list((tmp_path / "state" / "journal").iterdir())) == (2, [])
