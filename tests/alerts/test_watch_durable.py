"""A watch on disk: killed anywhere, a receiver that stores by key has the same notices as without a kill."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churnlib.alerts import CallableSink, DeliveryError, DurableWatch, Notice, Rule, RuleSet, Watch
from churnlib.alerts import _journal as journal_module
from churnlib.alerts import _watch_durable as durable_module
from churnlib.alerts import _watch_files as files_module
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, TimeError, VersionError
from churnlib.features import Count, FeatureSpec, OnlineFeatures
from tests.alerts.streams import HOUR, START, Story, stories

RULES = RuleSet([Rule("twice", 1, "any.count.30d >= 2", cooldown="1d")])


class Killed(BaseException):
    """The process ends here."""


class Receiver:
    """Stores by key, and is down now and then."""

    def __init__(self, rng: random.Random, down: float = 0.2) -> None:
        self.by_key: dict[str, Notice] = {}
        self.rng, self.down = rng, down

    def send(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            if self.rng.random() < self.down:
                raise DeliveryError("down")
            assert self.by_key.get(notice.key, notice) == notice
            self.by_key[notice.key] = notice


def make() -> Watch:
    return Watch(OnlineFeatures(FeatureSpec([Count("30d")]), customer="who", time="at"), RULES)


def event(who: str, at: int) -> dict[str, Any]:
    return {"who": who, "at": START + at}


def kill_at_random(patch: pytest.MonkeyPatch, rng: random.Random) -> None:
    """Let the process end before or after any write to the disk."""

    def deadly(function: Any) -> Any:
        def call(*values: Any, **options: Any) -> Any:
            if rng.random() < 0.03:
                raise Killed
            found = function(*values, **options)
            if rng.random() < 0.03:
                raise Killed
            return found

        return call

    for where, name in [
        (journal_module, "write_all"), (durable_module, "save_watch"), (files_module, "sync_folder"),
        (files_module, "_sync_file"), (Path, "rename"), (Path, "replace"), (Path, "unlink"),
        (journal_module.os, "fsync"),
    ]:  # fmt: skip
        patch.setattr(where, name, deadly(getattr(where, name)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(story=stories(size=8), seed=st.integers(0, 2**32 - 1))
def test_a_kill_anywhere_loses_nothing_and_tells_nothing_else(
    story: Story, seed: int, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, folder = random.Random(seed), tmp_path_factory.mktemp("durable")
    plain = story.watch()
    expected = {one.key: one for one in plain.take(story.events) + plain.advance(story.until)}
    receiver, done = Receiver(rng), False
    while not done:
        service = None
        with monkeypatch.context() as patch:
            kill_at_random(patch, rng)
            try:
                service = DurableWatch(folder, receiver, story.watch, on_bad=refuse)
                done = run(service, story, rng)
            except Killed:
                pass
            finally:
                if service is not None:
                    service.close()
        for lock in folder.glob("lock"):
            lock.unlink()  # a process that was killed holds no lock, and one that did not open it holds none either
    assert receiver.by_key == expected


def run(service: DurableWatch, story: Story, rng: random.Random) -> bool:
    """Give a service the rest of the events, by the offset it has; it may be killed on the way."""
    while (offset := service.offset or 0) < len(story.events):
        size = rng.choice([1, 2, 5])
        group = story.events[offset : offset + size]
        service.take(group, offset=offset + len(group))
        if rng.random() < 0.4:
            service.checkpoint()
        with contextlib.suppress(DeliveryError):
            service.send(batch=rng.choice([1, 500]))
    service.advance(story.until)
    while service.waiting:
        with contextlib.suppress(DeliveryError):
            service.send()
    return True


def refuse(each: Any, error: Exception) -> None:
    raise AssertionError(error)


def test_what_the_sink_does_not_take_waits(tmp_path: Path):
    taken: list[Notice] = []
    is_down = [True]

    def sink(notice: Notice) -> None:
        if is_down[0] and len(taken) == 1:
            raise DeliveryError("down")
        taken.append(notice)

    with DurableWatch(tmp_path, CallableSink(sink), make, on_bad=refuse) as service:
        service.take([event(who, k) for k in (1, 2) for who in ("ann", "bob", "eve")])
        service.advance(START + HOUR)
        with pytest.raises(DeliveryError, match="down"):
            service.send(batch=1)
        assert [one.customer for one in service.waiting] == ["bob", "eve"]
        assert "2 notices waiting" in repr(service)
    is_down[0] = False
    with DurableWatch(tmp_path, CallableSink(sink), make, on_bad=refuse) as service:
        assert service.send() == 2
        assert service.send() == 0
        service.checkpoint()
    assert [one.customer for one in taken] == ["ann", "bob", "eve"]
    with DurableWatch(tmp_path, CallableSink(sink), make, on_bad=refuse) as service:
        assert service.waiting == []


def test_a_clock_that_told_something_stands_there_again(tmp_path: Path):
    """Else an event stamped before would change what was told already."""
    sink = CallableSink(lambda _: None)
    with DurableWatch(tmp_path, sink, make, on_bad=refuse) as service:
        service.take([event("ann", 1), event("ann", 2)], offset=5)
        service.advance(START + HOUR)
        service.take([event("bob", 3)])
        assert (service.offset, service.send()) == (5, 1)
    with DurableWatch(tmp_path, sink, make, on_bad=refuse) as service:
        assert service.watch._clock == START + HOUR
        assert (service.waiting, service.offset) == ([], 5)
        assert service.watch.next_due.value // 1000 == START + HOUR + 10_000


def test_the_journal_is_dropped_at_a_checkpoint(tmp_path: Path):
    sink = CallableSink(lambda _: None)
    with DurableWatch(tmp_path, sink, make, on_bad=refuse) as service:
        for k in range(5):
            service.take([event("ann", k)])
            service.checkpoint()
        assert list((tmp_path / "journal").iterdir()) == []
        service.take([event("ann", 9)])
    with DurableWatch(tmp_path, sink, make, on_bad=refuse) as service:
        assert service.watch.features.taken == 6


def test_bad_events_are_reported_and_do_not_stop_it(tmp_path: Path):
    bad: list[Any] = []
    with DurableWatch(tmp_path, CallableSink(print), make, on_bad=lambda each, _: bad.append(each)) as service:
        service.take([{"who": "ann"}, event("ann", 1)])
        with pytest.raises(DataError, match="a record is no JSON"):
            service.take([event("ann", 2) | {"extra": {1}}])
        with pytest.raises(TimeError, match="ticks after the clock"):
            service.take([event("ann", 2)], now="2099-01-01")
        with pytest.raises(TimeError, match="ticks after the clock"):
            service.advance("2099-01-01")
        assert service.watch.features.taken == 1
    with DurableWatch(tmp_path, CallableSink(print), make, on_bad=lambda each, _: bad.append(each)) as service:
        assert service.watch.features.taken == 1
    assert bad == [{"who": "ann"}] * 2


def test_one_process_at_a_time(tmp_path: Path):
    sink = CallableSink(print)
    with (
        DurableWatch(tmp_path, sink, make, on_bad=refuse),
        pytest.raises(ParameterError, match="another process runs in"),
    ):
        DurableWatch(tmp_path, sink, make, on_bad=refuse)


def test_wrong_arguments_are_refused(tmp_path: Path):
    with pytest.raises(ParameterTypeError, match="sink is a function"):
        DurableWatch(tmp_path, make, make, on_bad=refuse)
    with pytest.raises(ParameterTypeError, match="on_bad is a str"):
        DurableWatch(tmp_path, CallableSink(print), make, on_bad="error")
    DurableWatch(tmp_path, CallableSink(print), make, on_bad=refuse).close()
    with pytest.raises(VersionError, match="the state belongs to rules with the digest"):
        DurableWatch(
            tmp_path, CallableSink(print), make, on_bad=refuse, rules=RuleSet([Rule("a", 1, "any.count.30d > 5")])
        )


def test_new_rules_are_meant_when_it_is_said(tmp_path: Path):
    taken: list[Notice] = []
    sink, more = CallableSink(taken.append), RuleSet([*RULES, Rule("once", 1, "any.count.30d >= 1")])
    with DurableWatch(tmp_path, sink, make, on_bad=refuse, rules=RULES) as service:
        service.take([event("ann", 1), event("ann", 2), event("bob", 3)])
    for migrate in (True, False):
        with DurableWatch(tmp_path, sink, make, on_bad=refuse, rules=more, migrate=migrate) as service:
            service.advance(START + HOUR)
            service.send()
            assert service.watch.rules == more
    assert sorted((one.customer, one.rule) for one in taken) == [("ann", "once"), ("ann", "twice"), ("bob", "once")]
