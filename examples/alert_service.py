"""
A service that warns
====================

Events come in over a socket or from a file, alerts go out to a webhook or a file, and a ``kill -9`` at any moment
loses nothing. Started without arguments it shows itself in a folder that it removes again; see the page "Run an alert
service".
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import pandas as pd

from churnlib.alerts import (
    DeliveryError,
    DurableWatch,
    JsonLinesSink,
    JsonLinesSource,
    RuleSet,
    SocketSource,
    Watch,
    WebhookSink,
)  # fmt: skip
from churnlib.features import Count, FeatureSpec, OnlineFeatures

RULES = """
[[rule]]
id = "complains"
level = 2
when = "complaint.count.30d >= 2"
because = "{complaint.count.30d} complaints in 30 days"
"""
SPEC = FeatureSpec([Count("30d", "complaint")]).to_json()
STOP = threading.Event()


# %%
# What is asked for on the command line.
def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Warn of churn as events arrive.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--events", help="a file with one event of JSON in each line")
    where.add_argument("--listen", help="host:port to listen on for such lines")
    parser.add_argument("--follow", action="store_true", help="wait for lines that are appended to the file")
    parser.add_argument("--rules", required=True, type=Path, help="rules as TOML")
    parser.add_argument("--spec", required=True, type=Path, help="features as JSON: FeatureSpec.to_json")
    parser.add_argument("--state", required=True, type=Path, help="the folder that survives a crash")
    parser.add_argument("--sink", required=True, help="jsonl:PATH, or the URL of a webhook")
    parser.add_argument("--secret", metavar="VARIABLE", help="the environment variable with the webhook's secret")
    parser.add_argument("--keys", nargs="*", default=["customer=customer_id", "time=time", "kind=kind"],
                        help="role=key of events: customer, time, kind, amount, item, event_id, ...")  # fmt: skip
    parser.add_argument("--feeds", nargs="*", default=[], help="feed=kind,kind for the sources that rules name")
    parser.add_argument("--scale", type=int, default=2, help="decimals of money")
    parser.add_argument("--clock", choices=["wall", "events"], default="wall", help="who stamps the arrival of events")
    parser.add_argument("--language", help="of the texts, where rules have several")
    parser.add_argument("--beat", default="10ms", help="events that arrive together are looked at together")
    parser.add_argument("--tick", default="5min", help="how often silence is looked for")
    parser.add_argument(
        "--migrate", action="store_true", help="go on with changed rules: alerts keep their states by id"
    )
    parser.add_argument("--checkpoint", type=int, default=20_000, help="events between two checkpoints")
    return parser.parse_args(arguments)


def pairs(listed: list[str]) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in listed)


# %%
# The watch of an empty folder. An event that a sender repeats is taken once, by its id.
def new_watch(asked: argparse.Namespace, rules: RuleSet) -> Watch:
    roles = pairs(asked.keys)
    spec = FeatureSpec.from_json(asked.spec.read_text(encoding="utf-8"))
    features = OnlineFeatures(spec, **roles, known_at="known_at", scale=asked.scale if "amount" in roles else 0,
                              duplicates="drop" if "event_id" in roles else "keep")  # fmt: skip
    feeds = {feed: kinds.split(",") for feed, kinds in pairs(asked.feeds).items()}
    return Watch(features, rules, beat=asked.beat, tick=asked.tick, sources=feeds, language=asked.language)


def sink_of(asked: argparse.Namespace):
    if asked.sink.startswith("jsonl:"):
        return JsonLinesSink(asked.sink.removeprefix("jsonl:"))
    secret = os.environ[asked.secret] if asked.secret else None
    return WebhookSink(asked.sink, secret=secret, timeout=5, retries=0)  # repeated below, where events go on meanwhile


def source_of(asked: argparse.Namespace, offset: int | None):
    if asked.events:
        return JsonLinesSource(asked.events, offset=offset or 0, follow=asked.follow, on_bad=complain)
    host, port = asked.listen.rsplit(":", 1)
    return SocketSource(host, int(port), on_bad=complain)


def complain(*what: object) -> None:
    print(*what, file=sys.stderr, flush=True)


# %%
# The loop: write down, take in, confirm, send. A sink that is down is asked again later, and later each time.
def serve(service: DurableWatch, source, asked: argparse.Namespace) -> None:
    ask_again, wait, since, at_end = 0.0, 0.1, 0, False
    while not STOP.is_set() and not (at_end and not service.waiting):
        due = service.watch.next_due if asked.clock == "wall" else None
        taken = source.poll(0.05 if due is None else min(max(due.timestamp() - time.time(), 0.0), 0.05))
        now = time.time_ns() // 1000 if asked.clock == "wall" else None
        if taken:
            events = [event if now is None else event | {"known_at": now} for event, _ in taken]
            service.take(events, offset=taken[-1].offset, now=now)
            since += len(taken)
            if isinstance(source, SocketSource):
                source.confirm()
        elif source.ended and not at_end:
            at_end = True
            if service.watch.now is not None:  # the last beat ends as well
                service.advance(service.watch.now + pd.Timedelta(asked.beat))
        elif now is not None:
            service.advance(now)
        if service.waiting and time.monotonic() >= ask_again:
            try:
                service.send()
                wait = 0.1
            except DeliveryError as error:
                complain(error)
                ask_again, wait = time.monotonic() + wait, min(2 * wait, 60.0)
        if since >= asked.checkpoint:
            service.checkpoint()
            since = 0


def main(arguments: list[str]) -> None:
    asked = parsed(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # between two rounds of the loop, and not in the midst of one
        signal.signal(number, lambda *_: STOP.set())
    rules = RuleSet.from_toml(asked.rules.read_text(encoding="utf-8"))
    with (
        sink_of(asked) as sink,
        DurableWatch(
            asked.state, sink, lambda: new_watch(asked, rules), on_bad=complain, rules=rules, migrate=asked.migrate
        ) as service,
    ):
        source = source_of(asked, service.offset)
        print(f"{source!r}: {service.watch!r}", flush=True)
        serve(service, source, asked)
        service.checkpoint()


# %%
# Without arguments: three events in a file, and the notice they give.
def show() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rules.toml").write_text(RULES, encoding="utf-8")
        (folder / "spec.json").write_text(SPEC, encoding="utf-8")
        events = [{"customer_id": 7, "time": f"2026-03-0{day} 12:00", "kind": "complaint"} for day in (1, 2)]
        lines = [json.dumps(event | {"known_at": event["time"]}) + "\n" for event in events]
        (folder / "events.jsonl").write_text("".join(lines), encoding="utf-8")
        main(
            f"--events {folder}/events.jsonl --rules {folder}/rules.toml --spec {folder}/spec.json "
            f"--state {folder}/state --sink jsonl:{folder}/alerts.jsonl --clock events".split()
        )
        print((folder / "alerts.jsonl").read_text(encoding="utf-8"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1:])
    else:
        show()
