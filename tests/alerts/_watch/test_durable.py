"""A watch on disk: killed anywhere, a receiver that stores by key has the same notices as without a kill."""

from __future__ import annotations

import contextlib
import errno
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churnlib.alerts import CallableSink, DeliveryError, DurableWatch, Notice, Rule, RuleSet, Watch
from churnlib.alerts._watch import _durable as durable_module
from churnlib.alerts._watch import _files as files_module
from churnlib.alerts._watch import _journal as journal_module
from churnlib.exceptions import DataError, HistoryError, ParameterError, ParameterTypeError, TimeError, VersionError
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


def test_notices_are_not_lost_when_the_disk_is_full_at_that_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with DurableWatch(tmp_path, CallableSink(print), make, on_bad=refuse) as service:
        service.take([event("ann", 0), event("ann", 1)])
        with monkeypatch.context() as patch:
            patch.setattr(journal_module, "write_all", full)
            with pytest.raises(OSError, match="No space left"):
                service.advance(START + HOUR)
        assert [notice.customer for notice in service.waiting] == ["ann"]
        service.checkpoint()
    with DurableWatch(tmp_path, CallableSink(print), make, on_bad=refuse) as service:
        assert [notice.customer for notice in service.waiting] == ["ann"]


def full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_checkpoints_that_fail_do_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with DurableWatch(tmp_path, CallableSink(print), make, on_bad=refuse) as service:
        service.take([event("ann", 0)])
        with monkeypatch.context() as patch:
            patch.setattr(files_module, "_sync_file", full)
            for _ in range(4):
                with pytest.raises(OSError, match="No space left"):
                    service.checkpoint()
        assert len(list(tmp_path.glob("*.part"))) == 1
        service.checkpoint()
        assert not list(tmp_path.glob("*.part"))


def test_what_was_interrupted_is_not_written_down_half_done(tmp_path: Path):
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    events = [event("ann", 0), {"who": None, "at": START}, event("bob", 1)]
    with DurableWatch(tmp_path, CallableSink(print), make, on_bad=interrupt) as service:
        with pytest.raises(KeyboardInterrupt):
            service.take(events, offset=3)
        for again in (service.checkpoint, lambda: service.take(events), lambda: service.advance(START + HOUR)):
            with pytest.raises(HistoryError, match="events were taken in half-way when an error came"):
                again()
    with DurableWatch(tmp_path, CallableSink(print), make, on_bad=lambda *_: None) as service:
        assert (service.offset, service.watch.features.taken) == (3, 2)
        service.checkpoint()


@pytest.mark.parametrize("who", [2**63, -(2**63) - 1, 10**300, 1e300, float("inf")])
def test_an_id_that_no_file_holds_does_not_stop_it(tmp_path: Path, who: Any):
    bad: list[str] = []
    with DurableWatch(tmp_path, CallableSink(print), make, on_bad=lambda _, error: bad.append(str(error))) as service:
        given = [{"who": 7, "at": START}, {"who": who, "at": START}, {"who": 7, "at": START}]
        service.take(given if who != float("inf") else given[::2])
        service.advance(START + HOUR)
        service.checkpoint()
        assert len(bad) == (who != float("inf"))
        assert all("ids that are whole numbers have 64 bits" in text for text in bad)
        assert service.watch.features.taken == 2


def test_the_first_event_that_cannot_be_read_settles_nothing(tmp_path: Path):
    bad: list[str] = []
    with DurableWatch(tmp_path, CallableSink(print), make, on_bad=lambda _, error: bad.append(str(error))) as service:
        service.take([{"who": "ann", "at": "soon"}, {"who": 7, "at": START}])
        assert service.watch.features.taken == 1
        assert len(bad) == 1


def test_wrong_values_are_refused_by_name(tmp_path: Path):
    def begun(**options: Any) -> DurableWatch:
        return DurableWatch(
            **({"folder": tmp_path, "sink": CallableSink(print), "make": make, "on_bad": print} | options)
        )

    with pytest.raises(ParameterTypeError, match="make is a int; a function that makes a Watch"):
        begun(make=5)
    with pytest.raises(ParameterTypeError, match="make returned a int"):
        begun(make=lambda: 5)
    with pytest.raises(ParameterTypeError, match="folder is 5, a int; a path was expected"):
        begun(folder=5)
    with begun() as service:
        with pytest.raises(ParameterTypeError, match="events is one mapping"):
            service.take(event("ann", 0))  # type: ignore[arg-type]
        with pytest.raises(ParameterTypeError, match="offset is 'x', a str"):
            service.take([], offset="x")  # type: ignore[arg-type]
        with pytest.raises(TimeError, match="a number of more than 40 digits, which as microseconds"):
            service.advance(10**50)
        service.take([event("ann", 0)])


def test_what_was_closed_leaves_the_folder_to_others(tmp_path: Path):
    with DurableWatch(tmp_path, CallableSink(print), make, on_bad=refuse) as service:
        service.take([event("ann", 0), event("ann", 1)])
        service.advance(START + HOUR)
    calls = (lambda: service.take([event("ann", 2)]), service.send, service.checkpoint, lambda: service.advance(START))
    for call in calls:
        with pytest.raises(HistoryError, match="was closed; the folder may be another's by now"):
            call()
    assert len(service.waiting) == 1
