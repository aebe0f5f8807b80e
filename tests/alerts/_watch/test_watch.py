"""The watch: the same notices however events are grouped, and at ticks those of asking everybody."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churnlib.alerts import Notice, Rule, RuleSet, Silence, Watch
from churnlib.calendar import DAY_US
from churnlib.exceptions import ParameterError, ParameterTypeError, SchemaError, TimeError, VersionError
from churnlib.features import Count, FeatureSpec, GapRatio, OnlineFeatures, Recency, Sum
from tests.alerts.streams import HOUR, START, Story, plainly, standing, stories, told


def in_pieces(
    story: Story, rng: random.Random, folder: Path | None = None, *, compact: bool = False
) -> tuple[Watch, list[Notice]]:
    """Give a watch the events in pieces of any size, let its clock go on between, and now and then kill it."""
    watch, notices, rest = story.watch(), [], list(story.events)
    while rest:
        size = rng.choice([1, 1, 2, 5, len(rest)])
        notices += watch.take(rest[:size])
        rest = rest[size:]
        following = min(
            [max(event.get("known_at", event["at"]), watch._clock) for event in rest[:1]], default=story.until
        )
        if rng.random() < 0.4:
            notices += watch.advance(
                min(watch._clock + rng.choice([0, HOUR, 7 * HOUR, DAY_US]), following, story.until)
            )
        if compact and rng.random() < 0.2:
            watch.features.compact()
        if folder is not None and rng.random() < 0.3:
            watch.save(folder)
            watch = Watch.load(folder, rules=rng.choice([None, story.rules]))
    return watch, notices + watch.advance(story.until)


@given(story=stories())
def test_a_watch_tells_what_asking_everybody_at_every_tick_tells(story: Story) -> None:
    watch, notices = in_pieces(story, random.Random(len(story.events)), compact=True)
    expected, states = plainly(story)
    assert [told(notice) for notice in notices] == expected
    assert standing(watch.alerts) == states


@given(story=stories(size=8), seed=st.integers(0, 2**32 - 1))
def test_how_events_are_grouped_makes_no_difference(story: Story, seed: int) -> None:
    whole = story.watch()
    at_once = whole.take(story.events) + whole.advance(story.until)
    watch, notices = in_pieces(story, random.Random(seed))
    assert notices == at_once
    assert watch.alerts.state() == whole.alerts.state()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories(size=8), seed=st.integers(0, 2**32 - 1))
def test_it_goes_on_after_a_kill_as_if_nothing_had_happened(story: Story, seed: int, tmp_path: Path) -> None:
    whole = story.watch()
    at_once = whole.take(story.events) + whole.advance(story.until)
    watch, notices = in_pieces(story, random.Random(seed), tmp_path)
    assert notices == at_once
    assert watch.alerts.state() == whole.alerts.state()
    assert watch.refused == whole.refused


# -- one thing at a time --------------------------------------------------------------------------

SPEC = FeatureSpec([Recency(), Count("30d", "complaint"), GapRatio(), Sum("30d")])
COMPLAINS = Rule("complains", 2, "complaint.count.30d >= 2", because={"en": "{complaint.count.30d} complaints"})
SILENT = Rule("silent", 1, "any.recency >= 30d", sources="orders")


def features(**options: Any) -> OnlineFeatures:
    return OnlineFeatures(SPEC, customer="who", time="at", kind="what", amount="paid", **options)


def event(who: str, at: int, what: str = "order", paid: float = 1) -> dict[str, Any]:
    return {"who": who, "at": START + at, "what": what, "paid": paid}


def test_customers_of_one_beat_are_evaluated_once_at_its_end():
    rules = RuleSet([Rule("odd", 1, "complaint.count.30d == 1"), COMPLAINS])
    watch = Watch(features(), rules, beat="10ms")
    assert watch.next_due is None
    assert watch.take([event("ann", 1, "complaint"), event("ann", 9_999, "complaint")]) == []
    assert watch.next_due == pd.Timestamp("2026-03-02 00:00:00.010", tz="UTC")
    assert watch.take([event("bob", 10_000, "complaint")])[0].at == watch.next_due - pd.Timedelta("10ms")
    [notice] = watch.advance(START + 20_000)
    assert (notice.customer, notice.rule, notice.text) == ("bob", "odd", "complaint.count.30d == 1")


def test_many_customers_are_evaluated_as_few_are():
    rules = RuleSet([COMPLAINS, Rule("refund", 3, "any.sum.30d < 0", because="{any.sum.30d:.1f} {any.recency:.1f}")])
    events = [event(f"c{k:03d}", k % 7, "complaint", -0.5 * (k % 3)) for k in range(100) for _ in range(1 + k % 2)]
    many = Watch(features(scale=1), rules)
    one_by_one = [Watch(features(scale=1), rules) for _ in range(100)]
    found = many.take(events) + many.advance(START + 20_000)
    expected = []
    for k, watch in enumerate(one_by_one):
        watch.take([each for each in events if each["who"] == f"c{k:03d}"])
        expected += watch.advance(START + 20_000)
    assert found == expected
    assert len(found) > 50


def test_a_feed_that_is_late_suspends_the_rules_that_depend_on_it(tmp_path: Path):
    rules = RuleSet([SILENT], sources={"orders": "2d"})
    options = {"sources": {"orders": ["order"]}, "tick": "1d"}
    watch = Watch(features(), rules, **options)
    watch.take([event("ann", 0)])
    assert watch.advance(START + 31 * DAY_US) == []
    assert watch.stale == ("orders",)
    watch.save(tmp_path)
    watch = Watch.load(tmp_path)
    assert watch.take([event("bob", 31 * DAY_US + 1, "visit")]) == []
    assert watch.advance(START + 32 * DAY_US) == []
    watch.take([event("bob", 32 * DAY_US + 1)])
    assert [(told.customer, told.rule) for told in watch.advance(START + 33 * DAY_US)] == [("ann", "silent")]
    assert watch.stale == ()
    known = Watch(features(), rules, last={"orders": "2026-03-31"}, **options)
    known.take([event("ann", 0, "visit")])
    assert [told.customer for told in known.advance(START + 30 * DAY_US)] == ["ann"]


def test_it_goes_on_where_a_history_ends(tmp_path: Path):
    online = features()
    online.update(event("ann", 0))
    online.tick(pd.Timestamp("2026-04-30", tz="UTC"))
    watch = Watch(
        online, RuleSet([SILENT], sources={"orders": "2d"}), sources={"orders": None}, last={"orders": "2026-04-29"}
    )
    assert watch.now == pd.Timestamp("2026-04-30", tz="UTC")
    watch.save(tmp_path)
    watch = Watch.load(tmp_path)
    assert [(told.customer, str(told.at)) for told in watch.advance("2026-04-30")] == [
        ("ann", "2026-04-30 00:00:00+00:00")
    ]


def test_what_is_known_before_it_happens_takes_effect_when_it_does(tmp_path: Path):
    spec, rules = FeatureSpec([Count()]), RuleSet([Rule("came", 1, "any.count >= 1")])
    online = OnlineFeatures(spec, customer="who", time="at", known_at="known")
    for who in ("ann", "bob"):
        online.update({"who": who, "at": START + 5 * DAY_US, "known": START})
    watch = Watch(online, rules, tick="1d")
    assert watch.advance(START + 5 * DAY_US) == []
    watch.forget(["bob"])
    watch.save(tmp_path)
    for each in (Watch.load(tmp_path), watch.migrate(rules), watch):
        assert [(told.customer, told.at.day) for told in each.advance(START + 6 * DAY_US)] == [("ann", 8)]


def test_refused_events_are_counted_and_returned():
    watch = Watch(features(ahead="1d"), RuleSet([COMPLAINS]))
    watch.take([event("ann", 40 * DAY_US)])
    assert watch.refusals == ()
    watch.take([event("ann", 0), event("ann", 42 * DAY_US), event("bob", 40 * DAY_US)])
    assert [refusal.reason for refusal in watch.refusals] == ["older than the lateness line", "ahead of the clock"]
    assert watch.refused == {"older than the lateness line": 1, "ahead of the clock": 1}
    watch.advance(START + 41 * DAY_US + 1)
    watch.take([event("ann", 42 * DAY_US)])  # the clock went on meanwhile
    assert watch.refusals == ()


def test_bad_events_are_given_to_who_wants_to_know_them():
    bad: list[Any] = []
    watch = Watch(features(), RuleSet([COMPLAINS]), on_bad=lambda each, error: bad.append((each, str(error))))
    wrong = [{"who": "ann"}, event("ann", 5) | {"at": "yesterday"}, event("ann", 10**9 * DAY_US)]
    watch.take([event("ann", 0, "complaint"), *wrong, event("ann", 6, "complaint")])
    assert [told.rule for told in watch.advance(START + DAY_US)] == ["complains"]
    assert watch.refused == {"cannot be read": 3}
    assert "the event has no key" in bad[0][1]


def test_a_bad_event_is_an_error_and_no_notice_is_lost():
    watch = Watch(features(), RuleSet([COMPLAINS]))
    early = [event("ann", 0, "complaint"), event("ann", 1, "complaint"), event("bob", DAY_US)]
    with pytest.raises(SchemaError, match="the event has no key"):
        watch.take([*early, {"who": "ann"}, event("ann", 2 * DAY_US)])
    assert [told.customer for told in watch.take([])] == ["ann"]
    assert watch.now == pd.Timestamp(START + DAY_US, unit="us", tz="UTC")


def test_an_event_of_a_wrong_year_does_not_run_the_clock_there():
    watch = Watch(features(), RuleSet([COMPLAINS]))
    watch.take([event("ann", 0)])
    with pytest.raises(TimeError, match=r"2099-.* lies 7,.* ticks after the clock.*is the year right"):
        watch.take([event("ann", 73 * 365 * DAY_US)])
    with pytest.raises(TimeError, match="ticks after the clock"):
        watch.advance("2099-01-01")
    assert watch.now == pd.Timestamp("2026-03-02", tz="UTC")


def test_an_evaluation_that_fails_is_done_again():
    rules = RuleSet([Rule("a", 1, "any.gap_ratio >= 2", on_missing="error"), COMPLAINS])
    watch = Watch(features(), rules)
    for _ in range(2):
        with pytest.raises(ValueError, match="rule 'a' is unknown"):
            watch.take([event("ann", 0, "complaint"), event("bob", 20_000)])
        assert watch._touched == {"ann"}
        watch.forget(["ann"])


def test_opting_out_and_silences_hold_from_now_on():
    watch = Watch(features(), RuleSet([COMPLAINS]), tick="1d")
    watch.set(opted_out=["ann"], silences=[Silence("move", until="2026-03-05", customers=["bob"])])
    watch.take([event(who, k, "complaint") for k in (1, 2) for who in ("ann", "bob")])
    assert watch.advance("2026-03-04") == []
    assert [(told.customer, told.reason) for told in watch.advance("2026-03-05")] == [("bob", "released")]
    watch.set(opted_out=[])
    assert [(told.customer, told.reason) for told in watch.advance("2026-03-06")] == [("ann", "released")]


def test_who_is_forgotten_leaves_nothing():
    watch = Watch(features(), RuleSet([COMPLAINS]))
    watch.take([event("ann", 1, "complaint"), event("ann", 2, "complaint"), event("bob", 3, "complaint")])
    watch.forget(["ann", "eve"])
    assert watch.advance("2026-03-03") == []
    assert len(watch.alerts) == len(watch.features) == 1


def test_an_alert_that_cools_down_begins_again_when_it_has():
    spec = FeatureSpec([Count("1d", "complaint")])
    rules = RuleSet([Rule("complains", 1, "complaint.count.1d >= 1", cooldown="3d")])
    watch = Watch(OnlineFeatures(spec, customer="who", time="at", kind="what"), rules, tick="6h")
    watch.take([event("ann", 1, "complaint"), event("ann", 60 * HOUR, "complaint")])
    found = watch.advance(START + 100 * HOUR)
    assert [told.since for told in found] == [told.at for told in found] == [watch.now - pd.Timedelta("22h")]
    assert [code for code, _ in standing(watch.alerts).values()] == [3]
    watch.advance(START + 160 * HOUR)
    assert [code for code, _ in standing(watch.alerts).values()] == [0]


def test_a_silence_longer_than_events_are_kept_apart_is_found():
    online = OnlineFeatures(FeatureSpec([Recency()]), customer="who", time="at", lateness="3d")
    watch = Watch(online, RuleSet([Rule("silent", 1, "any.recency >= 30d")]), tick="1d")
    watch.take([event("ann", 0)])
    watch.advance(START + 20 * DAY_US)
    online.tick(watch.now)
    assert online.compact() == 1
    assert watch.advance(START + 30 * DAY_US - 1) == []
    assert [told.customer for told in watch.advance(START + 30 * DAY_US)] == ["ann"]


def test_rules_that_ask_everybody_are_named():
    rules = RuleSet([COMPLAINS, Rule("slower", 1, "any.gap_ratio >= 2"), Rule("silent", 1, "any.recency >= 30d")])
    watch = Watch(features(), rules)
    assert watch.asks_everybody == ("slower",)
    assert repr(watch) == "Watch(3 rules, 1 asked of everybody, 0 customers, the clock has not started)"
    watch.advance("2026-03-02")
    assert repr(watch).endswith("0 customers, now 2026-03-02 00:00:00.000000 UTC)")


def test_wrong_arguments_are_refused():
    rules = RuleSet([SILENT], sources={"orders": "2d", "mails": "1d"})
    for options, match in [
        ({"sources": {"orders": None}, "tick": "25ms"}, "tick='25ms' is no multiple of beat='10ms'"),
        ({"sources": {"orders": None}, "beat": "0d"}, "beat"),
        ({"sources": {"orders": None}, "tick": "1mo"}, "tick='1mo' has no fixed length"),
        ({}, "nothing says which events come from orders"),
        ({"sources": {"order": None, "orders": None}}, r"sources names 'order', .*did you mean 'orders'"),
        ({"sources": {"orders": None}, "last": {"mails": "2026-03-01"}}, "last names 'mails', which is not among"),
        ({"sources": {"orders": None}, "on_bad": "skip"}, "on_bad is 'skip'"),
    ]:
        with pytest.raises(ParameterError, match=match):
            Watch(features(), rules, **options)
    for options, match in [
        ({"sources": ["orders"]}, "sources is"),
        ({"sources": {"orders": None}, "last": 5}, "last is 5"),
    ]:
        with pytest.raises(ParameterTypeError, match=match):
            Watch(features(), rules, **options)
    with pytest.raises(ParameterTypeError, match="features is a FeatureSpec"):
        Watch(SPEC, rules)
    with pytest.raises(ParameterTypeError, match="rules is a list"):
        Watch(features(), [SILENT])
    with pytest.raises(SchemaError, match=r"'any\.recncy' is no column"):
        Watch(features(), RuleSet([Rule("a", 1, "any.recncy > 1")]))
    with pytest.raises(ParameterTypeError, match="events is one mapping"):
        Watch(features(), RuleSet([COMPLAINS])).take(event("ann", 0))


def test_new_rules_go_on_where_the_old_ones_stood():
    watch = Watch(
        features(), RuleSet([COMPLAINS, SILENT], sources={"orders": "90d"}), sources={"orders": None}, tick="1d"
    )
    watch.take([event("ann", 1, "complaint"), event("ann", 2, "complaint"), event("bob", 3)])
    [told] = watch.advance(START + DAY_US)
    assert told.rule == "complains"
    sooner = RuleSet([COMPLAINS, Rule("silent", 1, "any.recency >= 10d", sources="orders")], sources={"orders": "90d"})
    other = watch.migrate(sooner.bind(SPEC))
    assert other.now == watch.now
    assert [(told.customer, told.rule) for told in other.advance(START + 15 * DAY_US)] == [
        ("ann", "silent"), ("bob", "silent"),
    ]  # fmt: skip
    fewer = other.migrate(RuleSet([COMPLAINS]))
    assert fewer.advance(START + 16 * DAY_US) == []
    with pytest.raises(ParameterError, match="nothing says which events come from orders"):
        fewer.migrate(sooner)
    assert fewer.migrate(sooner, sources={"orders": "order"}).advance(START + 16 * DAY_US) == []
    with pytest.raises(ParameterTypeError, match="rules is a list"):
        fewer.migrate([SILENT])


# -- in a folder ----------------------------------------------------------------------------------


def saved(folder: Path) -> Watch:
    watch = Watch(features(), RuleSet([COMPLAINS]), language="en")
    watch.take([event("ann", 1, "complaint"), event("ann", 2, "complaint")])
    watch.save(folder)
    return watch


def test_a_writer_that_is_killed_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "watch"
    watch = saved(folder)
    expected = Watch.load(folder).advance("2026-03-03")
    watch.take([event("bob", 3)])
    steps = [(Path, "mkdir"), (OnlineFeatures, "save"), (Path, "write_bytes"), (Path, "rename"), (Path, "write_text"),
             (Path, "replace")]  # fmt: skip
    for where, name in steps:
        with monkeypatch.context() as patch:
            patch.setattr(where, name, killed)
            with pytest.raises(KeyboardInterrupt):
                watch.save(folder)
        assert Watch.load(folder).advance("2026-03-03") == expected
    watch.save(folder)
    assert len(Watch.load(folder).features) == 2
    watch.save(folder)
    assert len(list(folder.iterdir())) <= 3  # the pointer, what it points to, and the one before


def killed(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["features.arrow", "alerts.arrow", "watch.json", "CURRENT"])
def test_what_was_changed_since_is_refused(tmp_path: Path, name: str):
    saved(tmp_path)
    [path] = tmp_path.rglob(name)
    content = path.read_bytes()
    path.write_bytes(b"watch-0" if name == "CURRENT" else content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(VersionError, match=f"{name}' is not as it was written"):
        Watch.load(tmp_path)
    path.unlink()
    with pytest.raises((VersionError, ParameterError), match=r"is not as it was written|nothing is saved"):
        Watch.load(tmp_path)


def test_it_is_loaded_for_the_rules_and_features_that_made_it(tmp_path: Path):
    watch = saved(tmp_path)
    assert Watch.load(tmp_path, rules=watch.rules.bind(SPEC), spec=SPEC).rules == watch.rules
    with pytest.raises(VersionError, match="the state belongs to rules with the digest"):
        Watch.load(tmp_path, rules=RuleSet([Rule("complains", 3, "complaint.count.30d >= 2")]))
    with pytest.raises(VersionError, match="the state was saved with another spec"):
        Watch.load(tmp_path, spec=FeatureSpec([Recency()]))
    with pytest.raises(ParameterError, match="nothing is saved in"):
        Watch.load(tmp_path / "nowhere")


def test_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr("churnlib.alerts._watch._files.SCHEMA_VERSION", 2)
        saved(tmp_path)
    with pytest.raises(VersionError, match="with schema version 2"):
        Watch.load(tmp_path)


def test_sums_beyond_64_bits_stop_nobody():
    spec, rules = FeatureSpec([Sum("30d")]), RuleSet([Rule("much", 1, "any.sum.30d > 1e17")])
    watch = Watch(OnlineFeatures(spec, customer="who", time="at", amount="paid", scale=2), rules)
    assert watch.take([{"who": who, "at": START, "paid": 9 * 10**16} for who in range(80) for _ in range(2)]) == []
    assert len(watch.advance(START + HOUR)) == 80


def test_ids_out_of_arrays_are_saved(tmp_path: Path):
    spec, rules = FeatureSpec([Count("30d")]), RuleSet([Rule("often", 1, "any.count.30d >= 1")])
    silences = [Silence("move", until="2026-04-01", customers=np.array([8]))]
    watch = Watch(OnlineFeatures(spec, customer="who", time="at"), rules, opted_out=np.array([7]), silences=silences)
    watch.take([{"who": who, "at": START} for who in (7, 8, 9)])
    watch.save(tmp_path)
    assert [told.customer for told in Watch.load(tmp_path).advance(START + HOUR)] == [9]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"opted_out": "ann"}, "opted_out is 'ann'; several ids of customers were expected"),
        ({"opted_out": 5}, "opted_out is '5'; several ids"),
        ({"opted_out": [[1]]}, r"opted_out has '\[1\]', a list"),
        ({"silences": 5}, "silences is a int; a list of silences was expected"),
        ({"silences": [1]}, "1 is no silence"),
    ],
)
def test_what_holds_for_all_is_checked_at_once(options: dict[str, Any], match: str):
    features = OnlineFeatures(FeatureSpec([Count("30d")]), customer="who", time="at")
    rules = RuleSet([Rule("often", 1, "any.count.30d >= 1")])
    with pytest.raises(ParameterTypeError, match=match):
        Watch(features, rules, **options)
    with pytest.raises(ParameterTypeError, match=match):
        Watch(features, rules).set(**options)


def test_one_customer_is_forgotten_by_name():
    features = OnlineFeatures(FeatureSpec([Count("30d")]), customer="who", time="at")
    watch = Watch(features, RuleSet([Rule("often", 1, "any.count.30d >= 1")]))
    watch.take([{"who": "ann", "at": START}, {"who": "bob", "at": START}])
    watch.advance(START + HOUR)
    watch.forget("ann")
    assert ("ann" in watch.features, "ann" in watch.alerts, "bob" in watch.alerts) == (False, False, True)
    for wrong in (None, 1.5, [[1]]):
        with pytest.raises(ParameterTypeError, match="customers "):
            watch.forget(wrong)  # type: ignore[arg-type]


def test_events_are_a_list_of_mappings():
    watch = Watch(
        OnlineFeatures(FeatureSpec([Count("30d")]), customer="who", time="at"),
        RuleSet([Rule("often", 1, "any.count.30d >= 1", because={"en": "often", "de": "oft"})]), language="de",
    )  # fmt: skip
    for wrong in (None, 5, "ann", b"ann"):
        with pytest.raises(ParameterTypeError, match="events is a "):
            watch.take(wrong)  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match="the event is '5', a int; a mapping"):
        watch.take([5])  # type: ignore[list-item]
    watch.take([{"who": 7, "at": START}])
    assert [told.text for told in watch.advance(START + HOUR)] == ["oft"]
    with pytest.raises(ParameterError, match="language"):
        Watch(watch.features, watch.rules)
