"""One customer at a time: the same alerts, transitions, scores and states as a table gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from churnlib.alerts import AlertState, AlertStep, OnlineStep, Rule, RuleSet, Silence
from churnlib.calendar import DAY_US, to_us
from churnlib.exceptions import (
    ChurnlibError,
    DataError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    TimeError,
    VersionError,
)
from tests.alerts.worlds import Moment, moments, rule_sets


def in_batch(rules: RuleSet, moment: Moment, state: AlertState | None, order: list[str] | None = None) -> AlertStep:
    return rules.step(
        moment.frame(order), now=moment.at, state=state, opted_out=moment.opted_out, silences=moment.silences,
        sources=moment.sources,
    )  # fmt: skip


def told(step: AlertStep) -> dict[str, dict[str, Any]]:
    """What a step over a table says of each customer."""
    totals = step.customers
    found: dict[str, dict[str, Any]] = {
        who: {"score": score, "level": level, "alerts": [], "transitions": [], "notifications": []}
        for who, score, level in zip(totals.index, totals["score"], totals["level"], strict=True)
    }
    for a in step.alerts.itertuples():
        since = a.since.to_pydatetime()
        found[a.customer_id]["alerts"].append((a.rule, a.level, since, a.owner, a.channel, a.suppressed_by))
    for who, rule, before, after, at in step.transitions.itertuples(index=False, name=None):
        assert at == step.now
        found[who]["transitions"].append((rule, before, after))
    for n in step.notifications.itertuples():
        found[n.customer_id]["notifications"].append((n.rule, n.level, n.owner, n.channel, n.reason))
    return found


def said(step: OnlineStep) -> dict[str, Any]:
    """The same of a step for one customer."""
    return {
        "score": step.score,
        "level": step.level,
        "alerts": [(a.rule, a.level, a.since, a.owner, a.channel, a.suppressed_by) for a in step.alerts],
        "transitions": list(step.transitions),
        "notifications": [(a.rule, a.level, a.owner, a.channel, reason) for a, reason in step.notifications],
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rules=rule_sets(), story=moments(), data=st.data())
def test_a_table_and_one_customer_at_a_time_agree(
    rules: RuleSet, story: list[Moment], data: st.DataObject, tmp_path: Path
) -> None:
    online, state = rules.online(), None
    for k, moment in enumerate(story):
        batch = in_batch(rules, moment, state)
        state = batch.state
        online.set(sources=moment.sources, opted_out=moment.opted_out, silences=moment.silences)
        expected = told(batch)
        for customer in data.draw(st.permutations(list(moment.rows))):
            assert said(online.step(customer, moment.rows[customer], moment.at)) == expected[customer]
        assert online.state() == state
        if k % 4 == 3:  # save, stop, load, go on
            online.state().save(tmp_path / "state.arrow")
            state = AlertState.load(tmp_path / "state.arrow", rules)
            online = rules.online(state)


@given(rules=rule_sets(), story=moments(max_size=4))
def test_a_tick_is_a_step_with_the_last_row(rules: RuleSet, story: list[Moment]) -> None:
    online = rules.online()
    last: dict[str, Any] = {}
    state = None
    for moment in story:
        online.set(sources=moment.sources)
        moment.opted_out, moment.silences = [], []
        state = in_batch(rules, moment, state).state
        last |= moment.rows
        for customer, row in moment.rows.items():
            online.step(customer, row, moment.at)
    later = Moment(story[-1].now + 86_400_000_000, dict(sorted(last.items())), sources=story[-1].sources)
    batch = in_batch(rules, later, state)
    found = {step.customer: said(step) for step in online.tick(later.at)}
    for customer, expected in told(batch).items():
        if expected["transitions"] or expected["notifications"]:
            assert found.pop(customer) == expected
    assert not found
    assert online.state() == batch.state


def test_a_tick_reads_rows_as_of_now() -> None:
    online = RuleSet([Rule("no-visit", 1, "days >= 30")]).online()
    online.step("ann", {"days": 29.5}, "2026-03-02")
    online.step("bob", {"days": 1}, "2026-03-02")
    asked = []

    def rows(customer: str, now: int) -> dict[str, float]:
        asked.append((customer, now))
        return {"days": {"ann": 30.0, "bob": 1.5}[customer]}

    assert [step.customer for step in online.tick("2026-03-02 12:00", rows)] == ["ann"]
    assert asked == [("ann", 1772452800000000), ("bob", 1772452800000000)]


@pytest.mark.parametrize("kind", ["text", "number", "datetime", "zone", "stamp"])
def test_an_instant_is_the_same_however_it_is_written(kind: str) -> None:
    stamp = pd.Timestamp("2026-03-02 10:00:00.000001+00:00")
    now = {
        "text": "2026-03-02 11:00:00.000001",
        "number": 1772445600000001,
        "datetime": stamp.to_pydatetime(),
        "zone": stamp.tz_convert("Asia/Tokyo").to_pydatetime(),
        "stamp": stamp,
    }[kind]
    online = RuleSet([Rule("a", 1, "x > 1")], timezone="Europe/Berlin").online()
    assert online.step("ann", {"x": 2}, now).alerts[0].since == stamp


def test_customers_read_from_a_file_wait_for_their_first_row() -> None:
    rules = RuleSet([Rule("no-visit", 1, "days >= 30", for_="1d")])
    first = rules.online()
    first.step("ann", {"days": 31}, "2026-03-02")
    second = rules.online(first.state())
    assert second.tick("2026-03-05") == []
    assert second.step("ann", {"days": 34}, "2026-03-05").transitions == (("no-visit", "pending", "firing"),)


def test_values_come_in_any_kind_of_number() -> None:
    online = RuleSet([Rule("a", 1, "x > 1")]).online()
    for day, (x, level) in enumerate([(2, 1), (0.5, 0), (pd.NA, 0), (float("nan"), 0), (3.0, 1), (None, 1)], 1):
        assert online.step("ann", {"x": x}, f"2026-03-{day:02}").level == level


def test_a_row_without_a_value_is_refused() -> None:
    online = RuleSet([Rule("a", 1, "recency > 1")]).online()
    with pytest.raises(SchemaError, match=r"the row has no value 'recency' \(did you mean 'recenc'\?\)"):
        online.step("ann", {"recenc": 2}, "2026-03-02")
    with pytest.raises(SchemaError, match=r"rule 'a': when: .* stands where a text was expected"):
        online.step("ann", {"recency": "long"}, "2026-03-02")
    assert len(online) == 0


def test_time_goes_forward_for_each_customer() -> None:
    online = RuleSet([Rule("a", 1, "x > 1")]).online()
    online.step("ann", {"x": 2}, "2026-03-02")
    with pytest.raises(TimeError, match="customer 'ann' was evaluated at 2026-03-02"):
        online.step("ann", {"x": 2}, "2026-03-01")
    assert online.step("bob", {"x": 2}, "2026-03-01").level == 1


def test_an_error_is_raised_for_a_missing_value_that_must_not_be() -> None:
    online = RuleSet([Rule("a", 1, "x > 1", on_missing="error")]).online()
    with pytest.raises(DataError, match=r"rule 'a' is unknown for 1 of 1 customers \('ann'\)"):
        online.step("ann", {"x": None}, "2026-03-02")


def test_ids_are_of_one_kind() -> None:
    online = RuleSet([Rule("a", 1, "x > 1")]).online()
    online.step("ann", {"x": 2}, "2026-03-02")
    with pytest.raises(ParameterError, match="others are known by ids such as 'ann'"):
        online.step(7, {"x": 2}, "2026-03-02")
    with pytest.raises(ParameterError, match="a tuple"):
        online.step(("ann", 1), {"x": 2}, "2026-03-02")


def test_the_state_of_other_rules_is_refused() -> None:
    state = RuleSet([Rule("a", 1, "x > 1")]).online().state()
    with pytest.raises(VersionError, match="new: b; gone: a"):
        RuleSet([Rule("b", 1, "x > 1")]).online(state)


def test_who_is_forgotten_leaves_nothing() -> None:
    online = RuleSet([Rule("a", 1, "x > 1")]).online()
    online.step("ann", {"x": 2}, "2026-03-02")
    online.step("bob", {"x": 2}, "2026-03-02")
    online.forget(["ann", "nobody"])
    assert online.state().customers.tolist() == ["bob"]


def test_silences_and_sources_are_set_for_everyone() -> None:
    rules = RuleSet([Rule("a", 1, "x > 1", sources="visits")], sources={"visits": "1d"})
    online = rules.online()
    with pytest.raises(ParameterError, match="nothing says when the last event of visits came"):
        online.step("ann", {"x": 2}, "2026-03-02")
    online.set(sources={"visits": "2026-03-02"}, silences=[Silence("move", until="2026-03-03")])
    assert online.step("ann", {"x": 2}, "2026-03-02").alerts[0].suppressed_by == "silenced: move"
    late = online.step("ann", {"x": 0}, "2026-03-03")
    assert late.alerts[0].suppressed_by == "suspended: visits silent since 2026-03-02 00:00:00+00:00"
    assert repr(online) == "OnlineAlerts(1 rule, 1 customer)"


@pytest.mark.parametrize(
    ("customer", "row", "now", "match"),
    [
        ([1], {"x": 1}, "2026-03-02", r"the customer is \[1\], a list"),
        (True, {"x": 1}, "2026-03-02", "the customer is True, a bool"),
        (2**63, {"x": 1}, "2026-03-02", "a whole number that leaves 64 bits"),
        (7, None, "2026-03-02", "the row is a NoneType; values by column were expected"),
        (7, [1], "2026-03-02", "the row is a list"),
        (7, {"x": 1}, 10**18, "now is 1000000000000000000, which as microseconds since 1970 lies in no year"),
        (7, {"x": 1}, -(10**60), "now is a number of more than 40 digits"),
    ],
)
def test_a_step_of_something_else_is_refused_and_changes_nothing(customer: Any, row: Any, now: Any, match: str):
    online = RuleSet([Rule("a", 1, "x > 0")]).online()
    online.step(1, {"x": 0}, "2026-03-01")
    before = online.state()
    with pytest.raises(ChurnlibError, match=match):
        online.step(customer, row, now)
    assert online.state() == before


def test_what_is_set_is_checked():
    online = RuleSet([Rule("a", 1, "x > 0")]).online()
    with pytest.raises(ParameterTypeError, match="sources is 5"):
        online.set(sources=5)  # type: ignore[arg-type]
    with pytest.raises(ParameterTypeError, match="opted_out is 'ann'"):
        online.set(opted_out="ann")
    with pytest.raises(ParameterTypeError, match="rows is a int"):
        online.tick("2026-03-02", 5)  # type: ignore[arg-type]


def test_when_a_rule_is_valid_is_read_once(monkeypatch: pytest.MonkeyPatch):
    from churnlib.alerts import _instants

    online = RuleSet([Rule("a", 1, "x > 0", valid=("2025-07-03", "2025-07-05"))]).online()
    levels = [online.step("ann", {"x": 1}, f"2025-07-0{day}").level for day in (2, 3)]
    monkeypatch.setattr(_instants, "to_us", None)
    assert [*levels, online.step("ann", {"x": 1}, START + 4 * DAY_US).level] == [0, 1, 0]


START = to_us("2025-07-01")
