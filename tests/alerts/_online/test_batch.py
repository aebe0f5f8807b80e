"""A few customers at once: the same steps and states as one of them after the other."""

from __future__ import annotations

import pickle
import random
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnlib.alerts import OnlineAlerts, OnlineStep, Rule, RuleSet, Silence
from churnlib.calendar import DAY_US, to_us
from churnlib.exceptions import ChurnlibError, DataError, DuplicateError, ParameterError, SchemaError, TimeError
from churnlib.features import AttributeValue, Count, FeatureSpec, OnlineFeatures, Recency
from tests.alerts.worlds import Moment, frame_of, moments, randoms, rule_sets

NAMES = ("days", "n", "flag", "plan")


def is_new(step: OnlineStep) -> bool:
    return bool(step.transitions or step.notifications)


def columns_of(rows: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    """Arrays as a stream has them: NaN and None where a value is missing."""
    listed = {name: [row[name] for row in rows.values()] for name in NAMES}
    found: dict[str, Any] = {
        name: np.array([np.nan if value is None else value for value in listed[name]], float) for name in ("days", "n")
    }
    found["plan"] = np.array(listed["plan"], dtype=object)
    whole = None not in listed["flag"]
    found["flag"] = np.array(listed["flag"], dtype=bool if whole else object)
    return found


def given_as(how: str, rows: dict[Any, dict[str, Any]]) -> tuple[Any, Any]:
    """The same rows as a frame of pandas or of polars, and the column that names the customers."""
    frame = frame_of(rows)
    return (frame, None) if how == "pandas" else (pl.from_pandas(frame.reset_index()), "customer_id")


def set_for(online: OnlineAlerts, moment: Moment) -> OnlineAlerts:
    online.set(sources=moment.sources, opted_out=moment.opted_out, silences=moment.silences)
    return online


@settings(max_examples=10 * settings().max_examples)
@given(rules=rule_sets(), story=moments(max_size=6), order=randoms())
def test_customers_at_once_and_one_by_one_agree(rules: RuleSet, story: list[Moment], order: random.Random) -> None:
    """Missing values, histories, inhibition, opt-outs, silences, stale sources, seasons, `valid`, instants twice."""
    one, many = rules.online(), rules.online()
    for moment in story:
        set_for(one, moment)
        set_for(many, moment)
        rows = dict(order.sample(list(moment.rows.items()), len(moment.rows)))
        expected = [one.step(who, row, moment.now) for who, row in sorted(rows.items())]
        found = many.step_batch(columns_of(rows), moment.now, customers=list(rows))
        assert found == [step for step in expected if is_new(step)]
    assert many.state() == one.state()


@given(rules=rule_sets(), story=moments(max_size=4), how=st.sampled_from(["pandas", "polars"]), data=st.data())
def test_frames_are_as_many_steps(rules: RuleSet, story: list[Moment], how: str, data: st.DataObject) -> None:
    one, many = rules.online(), rules.online()
    for moment in story:
        set_for(one, moment)
        set_for(many, moment)
        order = data.draw(st.permutations(list(moment.rows)))
        rows = {who: moment.rows[who] for who in order}
        expected = [one.step(who, row, moment.at) for who, row in sorted(rows.items())]
        X, customers = given_as(how, rows)
        assert many.step_batch(X, moment.at, customers=customers) == [step for step in expected if is_new(step)]
        assert many.state() == one.state()


@given(rules=rule_sets(), story=moments(max_size=6), data=st.data())
def test_steps_for_one_and_for_many_take_turns(rules: RuleSet, story: list[Moment], data: st.DataObject) -> None:
    one, mixed = rules.online(), rules.online()
    for moment in story:
        set_for(one, moment)
        set_for(mixed, moment)
        split = data.draw(st.integers(0, len(moment.rows)))
        alone = dict(list(moment.rows.items())[:split])
        together = dict(list(moment.rows.items())[split:])
        expected = [one.step(who, row, moment.at) for who, row in moment.rows.items()]
        found = [mixed.step(who, row, moment.at) for who, row in alone.items()]
        found += mixed.step_batch(columns_of(together), moment.at, customers=list(together)) if together else []
        assert sorted(filter(is_new, found), key=lambda step: step.customer) == sorted(
            filter(is_new, expected), key=lambda step: step.customer
        )
        assert mixed.state() == one.state()
        if data.draw(st.booleans()):
            one, mixed = rules.online(one.state()), rules.online(mixed.state())


@given(rules=rule_sets(), story=moments(max_size=4), size=st.integers(1, 100))
def test_many_customers_are_as_many_steps(rules: RuleSet, story: list[Moment], size: int) -> None:
    """Rows enough for every branch of a column at once, and for the room to grow."""
    one, many = rules.online(), rules.online()
    for moment in story:
        listed = list(moment.rows.values())
        rows = {who: listed[(who * 7 + moment.now) % len(listed)] for who in range(0, 7 * size, 7)}
        for online in (one, many):
            online.set(sources=moment.sources, opted_out=[0, 7], silences=[])
        expected = [one.step(who, row, moment.now) for who, row in rows.items()]
        steps = many.step_batch(columns_of(rows), moment.now, customers=list(rows))
        assert steps == [step for step in expected if is_new(step)]
    assert many.state() == one.state()


def abc(**options: Any) -> OnlineAlerts:
    return RuleSet([Rule("a", 1, "x > 1", **options)]).online()


def test_ids_come_in_order_whatever_the_order_of_rows() -> None:
    steps = abc().step_batch({"x": np.array([2, 0, 3])}, "2026-03-02", customers=np.array([9, 5, 1]))
    assert [step.customer for step in steps] == [1, 9]
    assert all(type(step.customer) is int for step in steps)


@pytest.mark.parametrize(
    "rows",
    [
        {"x": [2.0, 0.0], "customer_id": ["ann", "bob"]},
        pd.DataFrame({"x": [2, 0]}, index=["ann", "bob"]),
        pd.DataFrame({"x": pd.array([2, None], dtype="Int64"), "customer_id": ["ann", "bob"]}),
        pl.DataFrame({"x": [2, None], "customer_id": ["ann", "bob"]}),
        pd.DataFrame([[2, 0, "ann"], [0, 0, "bob"]], columns=["x", "y", "customer_id"]),
    ],
)
def test_rows_come_in_any_frame(rows: Any) -> None:
    assert [step.customer for step in abc().step_batch(rows, "2026-03-02")] == ["ann"]


def test_lengths_of_time_and_truths_are_read_from_arrays() -> None:
    online = RuleSet([Rule("a", 1, "silence >= 2d"), Rule("b", 1, "closed or closed is missing")]).online()
    rows = {
        "silence": np.array([2, 1, "NaT"], "m8[D]"),
        "closed": np.array([False, True, False]),
    }
    steps = online.step_batch(rows, "2026-03-02", customers=["ann", "bob", "eve"])
    assert [(step.customer, [alert.rule for alert in step.alerts]) for step in steps] == [
        ("ann", ["a"]),
        ("bob", ["b"]),
    ]
    mixed = rows | {"closed": np.array([None, False, None], dtype=object)}
    steps = online.step_batch(mixed, "2026-03-03", customers=["ann", "bob", "eve"])
    assert [step.customer for step in steps] == ["ann", "bob", "eve"]


@pytest.mark.parametrize("when", ["x > 1", "x == 'a'", "x", "x is missing", "coalesce(x, y) > 1", "x > 1 or y > 0"])
def test_a_column_without_a_value_is_read_as_whatever_is_wanted(when: str) -> None:
    rules = RuleSet([Rule("a", 1, when), Rule("b", 1, "y > 1")])
    for values in ([None, None], [np.nan, None]):
        one, many = rules.online(), rules.online()
        expected = [one.step(who, {"x": x, "y": 2}, 0) for who, x in enumerate(values)]
        rows = {"x": np.array(values, dtype=object), "y": np.array([2, 2])}
        assert many.step_batch(rows, 0, customers=[0, 1]) == [step for step in expected if is_new(step)]
        fires = when in {"x is missing", "coalesce(x, y) > 1", "x > 1 or y > 0"}
        assert expected[0].score == 1 + fires


def test_a_column_may_be_read_as_two_kinds_while_it_has_no_value() -> None:
    online = RuleSet([Rule("a", 1, "x > 1"), Rule("b", 1, "x == 'a'"), Rule("c", 1, "x is missing")]).online()
    assert [alert.rule for alert in online.step("ann", {"x": None}, 0).alerts] == ["c"]
    rows = {"x": np.array([None, None], dtype=object)}
    steps = online.step_batch(rows, 1, customers=["ann", "bob"])
    assert [(step.customer, step.score) for step in steps] == [("bob", 1.0)]


def test_features_are_stepped_as_they_are_read() -> None:
    """Micro-batches: what the events of a few customers say, in columns, against one row after the other."""
    spec = FeatureSpec([Count("7d"), Recency(), AttributeValue("plan"), AttributeValue("vip")])
    features = OnlineFeatures(spec, customer="who", time="at", attributes=["plan", "vip"])
    rules = RuleSet(
        [
            Rule("busy", 1, "any.count.7d >= 2", of=(1, 2)),
            Rule("silent", 2, "any.recency >= 2d and plan.value != 'gold'", for_="1d"),
            Rule("vip", 3, "vip.value", inhibited_by="busy"),
        ]
    ).bind(spec)
    one, many = rules.online(), rules.online()
    rng = np.random.default_rng(0)
    now = to_us("2026-03-02")
    for _ in range(60):
        now += int(rng.integers(1, DAY_US))
        touched = dict.fromkeys(rng.integers(0, 5, 3).tolist())
        for who in touched:
            plan, vip = [None, "gold", "basic"][who % 3], [None, True, False][(who + now) % 3]
            features.update({"who": who, "at": now - 1, "plan": plan, "vip": vip})
        expected = [one.step(who, features.features(who, now), now) for who in sorted(touched)]
        assert many.step_batch(features.columns(list(touched), now), now) == [s for s in expected if is_new(s)]
        assert many.state() == one.state()


def test_no_rows_are_no_steps() -> None:
    online = abc()
    assert online.step_batch({"x": []}, "2026-03-02", customers=[]) == []
    assert len(online) == 0


def test_a_customer_comes_once() -> None:
    online = abc()
    with pytest.raises(DuplicateError, match=r"1 of 2 customers have more than one row \(ann\)"):
        online.step_batch({"x": [2, 0, 1]}, "2026-03-02", customers=["ann", "bob", "ann"])
    with pytest.raises(DuplicateError, match="1 of 1 customers have more than one row"):
        online.step_batch(pd.DataFrame({"x": [2, 0]}, index=[7, 7]), "2026-03-02")
    assert len(online) == 0


def test_columns_and_customers_belong_together() -> None:
    online = abc()
    with pytest.raises(SchemaError, match=r"no column x \(did you mean 'xx'\?\)|the rows have no column x"):
        online.step_batch({"xx": [2]}, "2026-03-02", customers=["ann"])
    with pytest.raises(SchemaError, match="nothing names the customers of the rows: there is no column 'customer_id'"):
        online.step_batch({"x": [2]}, "2026-03-02")
    with pytest.raises(SchemaError, match="nothing names the customers of the rows"):
        online.step_batch(pd.DataFrame({"x": [2]}), "2026-03-02")
    with pytest.raises(DataError, match=r"1 of 1 columns are single values \(x\)"):
        online.step_batch({"x": 2}, "2026-03-02", customers=["ann"])
    with pytest.raises(DataError, match="another length than the 1 customers"):
        online.step_batch({"x": [2, 3]}, "2026-03-02", customers=["ann"])
    with pytest.raises(DataError, match="another length than the 2 customers"):
        online.step_batch(pl.DataFrame({"x": [2]}), "2026-03-02", customers=["ann", "bob"])
    with pytest.raises(DataError, match="whole numbers beyond 2\\*\\*53"):
        online.step_batch({"x": np.array([2**60])}, "2026-03-02", customers=["ann"])
    with pytest.raises(SchemaError, match=r"rule 'a': when: .* stands where a text was expected"):
        online.step_batch({"x": np.array(["long"], dtype=object)}, "2026-03-02", customers=["ann"])
    assert len(online) == 0


def test_ids_are_of_one_kind_and_not_missing() -> None:
    online = abc()
    online.step("ann", {"x": 2}, "2026-03-02")
    with pytest.raises(ParameterError, match="others are known by ids such as 'ann'"):
        online.step_batch({"x": [2]}, "2026-03-02", customers=[7])
    with pytest.raises(DataError, match="1 of 2 customers have no id"):
        online.step_batch({"x": [2, 2]}, "2026-03-02", customers=["bob", None])
    with pytest.raises(SchemaError, match="the ids of customers are of the kind"):
        online.step_batch({"x": [2, 2]}, "2026-03-02", customers=["bob", 7])
    assert len(online) == 1


def test_nothing_changes_where_a_batch_is_refused() -> None:
    online = abc(on_missing="error")
    with pytest.raises(DataError, match=r"rule 'a' is unknown for 1 of 2 customers"):
        online.step_batch({"x": [2.0, np.nan]}, "2026-03-02", customers=["ann", "bob"])
    assert len(online) == 0
    online.step("bob", {"x": 1}, "2026-03-03")
    before = online.state()
    with pytest.raises(TimeError, match=r"1 of 1 customers were evaluated after .* \(bob; the last at 2026-03-03"):
        online.step_batch({"x": [2.0, 2.0]}, "2026-03-02", customers=["ann", "bob"])
    assert online.state() == before


def test_rows_of_a_batch_are_not_kept_for_a_tick() -> None:
    online = RuleSet([Rule("a", 1, "x > 1", for_="1d")]).online()
    online.step("ann", {"x": 2}, "2026-03-02")
    online.step_batch({"x": [2.0]}, "2026-03-02", customers=["bob"])
    assert [step.customer for step in online.tick("2026-03-03")] == ["ann"]
    online.step_batch({"x": [0.0]}, "2026-03-03", customers=["ann"])
    assert online.tick("2026-03-05") == []
    assert [step.customer for step in online.tick("2026-03-05", lambda who, _: {"x": 2 * (who == "bob")})] == ["bob"]


def test_a_silence_for_some_holds_back_theirs_alone() -> None:
    online = abc()
    online.set(silences=[Silence("move", until="2026-03-03", customers=["ann"])])
    steps = online.step_batch({"x": [2, 2]}, "2026-03-02", customers=["ann", "bob"])
    assert [(step.customer, len(step.notifications)) for step in steps] == [("ann", 0), ("bob", 1)]
    assert [alert.suppressed_by for step in steps for alert in step.alerts] == ["silenced: move", ""]


def test_a_step_is_a_value() -> None:
    first, again = (abc().step_batch({"x": [2]}, "2026-03-02", customers=["ann"])[0] for _ in range(2))
    assert first == again
    assert first != "a step"
    assert hash(first) == hash(again)
    assert pickle.loads(pickle.dumps(first)) == first
    assert repr(first).startswith(
        "OnlineStep(customer='ann', score=1.0, level=1, alerts=(Alert(customer='ann', rule='a'"
    )
    assert first.alerts is first.alerts


def test_the_room_of_who_is_forgotten_is_given_to_others() -> None:
    online = RuleSet([Rule("a", 1, "x > 1", of=(2, 3), keep_firing="1d")]).online()
    ids = list(range(100))
    for day in (2, 3):
        online.step_batch({"x": np.full(100, 2.0)}, f"2026-03-0{day}", customers=ids)
    online.forget(range(50))
    online.step_batch({"x": np.full(50, 2.0)}, "2026-03-04", customers=list(range(200, 250)))
    counts = online.state().counts().loc["a"]
    assert counts.to_dict() == {"inactive": 50, "pending": 0, "firing": 50, "cooling": 0}
    assert 7 not in online
    assert 200 in online


@pytest.mark.parametrize(
    ("rows", "customers", "match"),
    [
        ({"x": np.zeros((2, 2))}, [1, 2], "column 'x' is an array of 2 dimensions"),
        ({"x": np.zeros(2)}, {1, 2}, "customers is a set; a list of ids was expected"),
        ({"x": np.zeros(2)}, 5, "customers is a int"),
        ({"x": np.zeros(2)}, [1, 2**63], "a whole number that leaves 64 bits"),
    ],
)
def test_rows_of_something_else_are_refused_and_change_nothing(rows: Any, customers: Any, match: str) -> None:
    online = RuleSet([Rule("a", 1, "x > 0")]).online()
    with pytest.raises(ChurnlibError, match=match):
        online.step_batch(rows, "2026-03-02", customers=customers)
    assert len(online) == 0
