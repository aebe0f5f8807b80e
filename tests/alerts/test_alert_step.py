"""The tables of a step: what fires, what changed, what is told, and why; nothing held back is ever lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.alerts import AlertState, AlertStep, Rule, RuleSet, Silence
from churnlib.exceptions import (
    ChurnlibError,
    DataError,
    DuplicateError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    TimeError,
)
from tests.alerts.worlds import Moment, moments, rule_sets

NOW = "2026-03-02"
NAN = pytest.approx(np.nan, nan_ok=True)


def frame(index: Any = ("ann", "bob"), **columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns, index=list(index))


def tables(step: AlertStep) -> list[pd.DataFrame]:
    return [step.customers, step.alerts, step.transitions, step.notifications, step.explain(), step.top(9)]


def step_of(rules: RuleSet, moment: Moment, X: pd.DataFrame, state: AlertState | None) -> AlertStep:
    return rules.step(
        X, now=moment.at, state=state, opted_out=moment.opted_out, silences=moment.silences, sources=moment.sources
    )


@given(rules=rule_sets(), story=moments(max_size=4), data=st.data())
def test_the_order_of_rows_means_nothing(rules: RuleSet, story: list[Moment], data: st.DataObject) -> None:
    one = other = None
    for moment in story:
        shuffled = moment.frame(data.draw(st.permutations(list(moment.rows))))
        first, second = step_of(rules, moment, moment.frame(), one), step_of(rules, moment, shuffled, other)
        for table, again in zip(tables(first), tables(second), strict=True):
            pd.testing.assert_frame_equal(table, again)
        assert first.state == second.state
        one, other = first.state, second.state


@given(rules=rule_sets(), story=moments(max_size=4))
def test_every_alert_is_listed_with_what_holds_it_back(rules: RuleSet, story: list[Moment]) -> None:
    state = None
    for moment in story:
        step = step_of(rules, moment, moment.frame(), state)
        state = step.state
        firing = {(a.customer_id, a.rule): a.suppressed_by for a in step.alerts.itertuples()}
        for (who, rule), text in firing.items():
            for other in rules[rule].inhibited_by:
                assert (f"inhibited by {other}" in text) == ((who, other) in firing)
            assert ("opted out" in text) == (rules[rule].respect_opt_out and who in moment.opted_out)
            stale = [name for name in rules[rule].sources if name in step.stale]
            assert all(f"suspended: {name}" in text for name in stale)
        told = set(zip(step.notifications["customer_id"], step.notifications["rule"], strict=True))
        assert all(not firing[pair] for pair in told)
        counted = {
            who: sum(
                (
                    r.weight
                    for r in rules
                    if (who, r.id) in firing and not r.is_loss and "inhibited" not in firing[who, r.id]
                ),
                0.0,
            )
            for who in moment.rows
        }
        assert step.customers["score"].to_dict() == counted


@given(rules=rule_sets(), story=moments(max_size=3))
def test_what_is_explained_is_what_was_compared(rules: RuleSet, story: list[Moment]) -> None:
    state = None
    for moment in story:
        step = step_of(rules, moment, moment.frame(), state)
        state = step.state
        found = step.explain(list(moment.rows))
        shown = found.drop_duplicates(["customer_id", "rule"])
        assert len(shown) == len(step.alerts)
        known = found["margin"].notna() & found["holds"].notna()
        strict = found["condition"].str.contains(" [<>] ")
        margin, holds = found["margin"][known], found["holds"][known].astype(bool)
        assert (holds == np.where(strict[known], margin > 0, margin >= 0)).all()
        assert len(step.because(list(moment.rows), language="en")) == len(step.alerts)


def test_why_says_value_threshold_margin_and_what_would_clear_it() -> None:
    rules = RuleSet(
        [
            Rule(
                "low", 2, "balance <= 0.5 * usual and plan == 'basic'", clear="balance > 0.8 * usual", keep_firing="3d"
            ),
            Rule("gone", 1, "silent >= 4w or n between 1 and 3", season={"silent": "holiday_days"}),
        ],
        units={"silent": "days"},
        calendar={"holiday_days": [("2026-02-20", "2026-02-25")]},
    )
    X = frame(["ann"], balance=[40.0], usual=[100.0], plan=["basic"], silent=[40.0], n=[None])
    found = rules.step(X, now=NOW).explain(["ann"])
    assert found[["rule", "part", "condition", "value", "threshold", "margin", "left_out"]].to_numpy().tolist() == [
        ["gone", "when", "silent >= 28d", 35.0, 28.0, 7.0, 5.0],
        ["gone", "when", "n between 1 and 3", NAN, "1 and 3", NAN, 0.0],
        ["low", "when", "balance <= 0.5 * usual", 40.0, 50.0, 10.0, 0.0],
        ["low", "when", 'plan == "basic"', "basic", '"basic"', NAN, 0.0],
        ["low", "clear", "balance > 0.8 * usual", 40.0, 80.0, -40.0, 0.0],
    ]  # fmt: skip
    assert found["holds"].tolist() == [True, pd.NA, True, True, False]
    assert found["clears_when"].unique().tolist() == [
        "not (silent >= 28d or n between 1 and 3)", "balance > 0.8 * usual for 3d",
    ]  # fmt: skip


def test_holidays_inside_a_silence_do_not_count() -> None:
    rules = RuleSet(
        [Rule("plain", 1, "days >= 30"), Rule("tolerant", 1, "days >= 30", season={"days": "holiday_days"})],
        units={"days": "days"},
        calendar={"holiday_days": [("2025-12-24", "2026-01-02"), ("2025-12-30", "2026-01-04")]},
        timezone="Europe/Berlin",
    )
    # 11 days of holidays; they began 14 days before the second row's silence ended up at 30 + 11 days
    step = rules.step(frame(["a", "b", "c", "d"], days=[40.999, 41.0, None, 60.0]), now="2026-01-20")
    fired = step.alerts.groupby("rule", observed=True)["customer_id"].agg(list).to_dict()
    assert fired == {"plain": ["a", "b", "d"], "tolerant": ["b", "d"]}


def test_a_graver_alert_inhibits_and_is_named() -> None:
    rules = RuleSet([Rule("a", 1, "x > 1", inhibited_by="b"), Rule("b", 3, "y > 1", is_loss=True)])
    first = rules.step(frame(x=[2, 2], y=[2, 0]), now=NOW)
    assert first.alerts["suppressed_by"].tolist() == ["inhibited by b", "", ""]
    assert first.customers.to_numpy().tolist() == [[0.0, 0, 2, True], [1.0, 1, 1, False]]
    assert first.notifications[["customer_id", "rule"]].to_numpy().tolist() == [["ann", "b"], ["bob", "a"]]
    later = rules.step(frame(x=[2, 2], y=[0, 2]), now="2026-03-03", state=first.state)
    assert later.notifications[["customer_id", "rule", "reason"]].to_numpy().tolist() == [
        ["ann", "a", "released"], ["bob", "b", "fired"],
    ]  # fmt: skip


def test_several_holds_are_all_named() -> None:
    rules = RuleSet([Rule("a", 1, "x > 1", inhibited_by="b"), Rule("b", 1, "x > 1", respect_opt_out=False)])
    silences = [Silence("move", until="2026-03-03", rules="a"), Silence("fair", until=NOW)]
    step = rules.step(frame(x=[2, 2]), now=NOW, opted_out={"bob"}, silences=silences)
    assert step.alerts["suppressed_by"].tolist() == [
        "inhibited by b; silenced: move", "", "inhibited by b; opted out; silenced: move", "",
    ]  # fmt: skip


def test_a_stale_source_suspends_and_says_so() -> None:
    rules = RuleSet([Rule("no-visit", 1, "days >= 2", sources="visits")], sources={"visits": "1d"})
    fresh = rules.step(frame(days=[3, 0]), now=NOW, sources={"visits": "2026-03-01 00:00:01"})
    late = rules.step(
        frame(days=[0, 9]), now="2026-03-02 00:00:01", sources={"visits": "2026-03-01 00:00:01"}, state=fresh.state
    )
    assert late.stale == ("visits",)
    assert "stale: visits" in repr(late)
    assert late.transitions.empty
    assert late.alerts["suppressed_by"].tolist() == ["suspended: visits silent since 2026-03-01 00:00:01+00:00"]
    back = rules.step(frame(days=[0, 9]), now="2026-03-03", sources={"visits": "2026-03-03"}, state=late.state)
    assert back.transitions[["customer_id", "to"]].to_numpy().tolist() == [["ann", "inactive"], ["bob", "firing"]]
    never = rules.step(frame(days=[0, 9]), now="2026-03-03", sources={"visits": None})
    assert never.stale == ("visits",)


def test_an_alert_that_nobody_answers_goes_to_another_owner() -> None:
    rules = RuleSet([Rule("a", 1, "x > 1", escalate=[("7d", 2, "csm"), ("14d", 4)], route={"owner": "crm"})])
    state, found = None, []
    for day in ("2026-03-01", "2026-03-07", "2026-03-08", "2026-03-14", "2026-03-15"):
        step = rules.step(frame(["ann"], x=[2]), now=day, state=state)
        state = step.state
        alert = step.alerts.iloc[0]
        found.append(
            (alert["level"], alert["owner"], step.customers["level"].iloc[0], step.notifications["reason"].tolist())
        )
    assert found == [
        (1, "crm", 1, ["fired"]), (1, "crm", 1, []), (2, "csm", 2, ["escalated"]), (2, "csm", 2, []),
        (4, "csm", 4, ["escalated"]),
    ]  # fmt: skip


def test_outside_its_dates_a_rule_is_inactive() -> None:
    rules = RuleSet([Rule("a", 1, "x > 1", valid=("2026-03-02", "2026-03-04"))], timezone="Asia/Tokyo")
    state, found = None, []
    for now in ("2026-03-01 23:59:59.999999", "2026-03-02", "2026-03-03 23:59:59.999999", "2026-03-04"):
        step = rules.step(frame(["ann"], x=[2]), now=now, state=state)
        state = step.state
        found.append(len(step.alerts))
    assert found == [0, 1, 1, 0]
    assert step.transitions[["from", "to"]].to_numpy().tolist() == [["firing", "inactive"]]


def test_customers_without_a_row_stay_as_they_are() -> None:
    rules = RuleSet([Rule("a", 1, "x > 1")])
    first = rules.step(frame(["ann", "eve"], x=[2, 0]), now=NOW)
    second = rules.step(frame(["bob", "ann"], x=[2, 0]), now="2026-03-03", state=first.state)
    assert second.state.customers.tolist() == ["ann", "bob", "eve"]
    assert second.transitions[["customer_id", "to"]].to_numpy().tolist() == [["ann", "inactive"], ["bob", "firing"]]
    assert second.customers.index.tolist() == ["ann", "bob"]
    third = rules.step(frame(["eve"], x=[2]), now="2026-03-04", state=second.state)
    assert third.state.counts().loc["a", "firing"] == 2


@pytest.mark.parametrize("kind", ["pandas", "column", "polars", "arrow", "levels", "floats"])
def test_any_frame_will_do(kind: str) -> None:
    X = frame([8, 7], x=[2, 0])
    named = X.rename_axis("customer_id").reset_index()
    given = {
        "pandas": lambda: X,
        "column": lambda: named,
        "polars": lambda: pl.DataFrame(named),
        "arrow": lambda: pa.table(named),
        "levels": lambda: named.assign(cutoff=NOW).set_index(["customer_id", "cutoff"]),
        "floats": lambda: X.set_axis([8.0, 7.0]),
    }[kind]()
    step = RuleSet([Rule("a", 1, "x > 1")]).step(given, now=NOW)
    assert step.customers["level"].to_dict() == {7: 0, 8: 1}


def test_the_highest_scores_come_first() -> None:
    rules = RuleSet([Rule("a", 1, "x > 1"), Rule("b", 5, "x > 2", weight=0.0), Rule("c", 1, "x > 8", weight=3)])
    step = rules.step(frame(list("vwxyz"), x=[2, 3, 9, 0, 3]), now=NOW)
    assert step.top(9).index.tolist() == ["x", "w", "z", "v"]
    assert step.top(2).index.tolist() == ["x", "w"]
    assert step.explain(top=1)["customer_id"].unique().tolist() == ["x"]
    with pytest.raises(ParameterError, match="top=0 is out of range"):
        step.top(0)


def test_reasons_are_in_the_language_asked_for() -> None:
    rules = RuleSet(
        [
            Rule(
                "a",
                1,
                "days >= 30",
                because={"en": "{days:.0f} days, {{plan}} {plan}, closed: {closed}", "zh": "{days:d} 天"},
            ),
            Rule("b", 1, "days >= 31", because="{share:.0%} of {wait} days; {n}"),
            Rule("c", 1, "days >= 32"),
        ]
    )
    X = frame(days=[41.0, 30.4], plan=["basic", None], closed=[True, None], share=[0.125, 1.0], n=[None, 1])
    X["wait"] = pd.to_timedelta([36, 24], unit="h")
    step = rules.step(X, now=NOW)
    assert step.because(["bob", "ann"], language="en")["text"].tolist() == [
        "30 days, {plan} ?, closed: ?", "41 days, {plan} basic, closed: true", "12% of 1.5 days; ?", "days >= 32",
    ]  # fmt: skip
    assert step.because(["bob"], language="zh")["text"].tolist() == ["30 天"]
    with pytest.raises(ParameterError, match="rule 'a' has no text in 'de'; it has en, zh"):
        step.because(["bob"], language="de")
    with pytest.raises(ParameterError, match="has no text for all languages"):
        step.because()


def test_nobody_is_a_table_too() -> None:
    rules = RuleSet([Rule("a", 1, "x > 1")])
    step = rules.step(frame([], x=np.array([], dtype=float)), now=NOW)
    assert [len(table) for table in tables(step)] == [0] * 6
    assert len(step.because()) == 0
    assert rules.step(frame(x=[2, 0]), now="2026-03-03", state=step.state).customers["level"].tolist() == [1, 0]


WRONG: list[tuple[dict[str, Any], type[ChurnlibError], str]] = [
    ({"X": frame(["ann", "ann"], x=[1, 2])}, DuplicateError, r"1 of 1 customers have more than one row \(ann\)"),
    ({"X": pd.DataFrame({"x": [1]})}, SchemaError, "nothing names the customers"),
    ({"X": frame([None, "ann"], x=[1, 2])}, DataError, r"1 of 2 customers have no id \(row 0\)"),
    ({"X": frame([1.5, 2.0], x=[1, 2])}, SchemaError, "of the kind floating"),
    ({"X": frame(y=[1, 2])}, SchemaError, "rule 'a': when: .*'x' is no column"),
    ({"X": frame(x=[1, 2]), "customer": "id"}, SchemaError, "'id'"),
    ({"now": "2026-02-30"}, TimeError, "is not a point in time"),
    ({"now": 7}, ParameterTypeError, "not a point in time"),
    ({"sources": {"visits": NOW}}, ParameterError, "which is no source of the rules .none is stated"),
    ({"sources": [NOW]}, ParameterTypeError, "sources is"),
    ({"opted_out": [7]}, SchemaError, "customers are known as .* and the rows name them as int64"),
    ({"silences": ["move"]}, ParameterTypeError, "'move' is no silence"),
    ({"silences": [Silence("move", until=NOW, rules="b")]}, ParameterError, "the silence 'move' names 'b'"),
    ({"silences": [Silence("m", until=NOW), Silence("m", until=NOW)]}, ParameterError, "two silences are called m"),
]


@pytest.mark.parametrize(("options", "error", "said"), WRONG)
def test_what_cannot_be_stepped_is_refused(options: dict[str, Any], error: type[ChurnlibError], said: str) -> None:
    given: dict[str, Any] = {"X": frame(x=[2, 0]), "now": NOW} | options
    with pytest.raises(error, match=said):
        RuleSet([Rule("a", 1, "x > 1")]).step(given.pop("X"), **given)


def test_a_missing_value_ends_nothing_and_begins_nothing() -> None:
    rules = RuleSet([Rule("a", 1, "x > 1", clear="x < 1"), Rule("b", 1, "not x > 1")])
    first = rules.step(pd.DataFrame({"x": [2.0, 0.0]}, index=["ann", "bob"]), now="2026-03-02")
    missing = pd.DataFrame({"x": [np.nan, np.nan]}, index=["ann", "bob"])
    then = rules.step(missing, now="2026-03-03", state=first.state)
    assert then.transitions.empty
    assert list(zip(then.alerts["customer_id"], then.alerts["rule"], strict=True)) == [("ann", "a"), ("bob", "b")]


def test_missing_values_can_be_an_error() -> None:
    rules = RuleSet(
        [Rule("a", 1, "x > 1", on_missing="error"), Rule("b", 1, "x > 1", clear="y < 1", on_missing="error")]
    )
    X = frame(["ann", "bob", "eve"], x=[2.0, None, None], y=[1, 1, 1])
    with pytest.raises(DataError, match=r"rule 'a' is unknown for 2 of 3 customers \(rows 1, 2\)"):
        rules.step(X, now=NOW)
    with pytest.raises(DataError, match=r"rule 'b' is unknown for 1 of 3 customers \(row 1\)"):
        rules.step(X.assign(x=[2, 2, 2], y=[1, None, 1]), now=NOW)


def test_time_goes_forward() -> None:
    rules = RuleSet([Rule("a", 1, "x > 1")])
    state = rules.step(frame(x=[2, 0]), now=NOW).state
    with pytest.raises(TimeError, match="2 of 2 customers were evaluated after 2026-03-01"):
        rules.step(frame(x=[2, 0]), now="2026-03-01", state=state)
    again = rules.step(frame(x=[2, 0]), now=NOW, state=state)
    assert again.state == state
    assert again.transitions.empty
    assert again.notifications.empty


def test_explanations_are_of_customers_in_the_step() -> None:
    step = RuleSet([Rule("a", 1, "x > 1")]).step(frame(x=[2, 0]), now=NOW)
    with pytest.raises(ParameterError, match=r"1 of 2 customers are not in this step \(eve\)"):
        step.explain(["ann", "eve"])
    with pytest.raises(ParameterError, match="customers and top are both given"):
        step.explain(["ann"], top=3)


def test_a_silence_ends_after_it_begins() -> None:
    with pytest.raises(ParameterError, match="the silence 'move' is from 2026-03-02 until before 2026-03-02"):
        Silence("move", until=NOW, start=NOW)
    with pytest.raises(ParameterTypeError, match="a list of ids"):
        Silence("move", until=NOW, customers="ann")


def test_more_rows_than_a_block() -> None:
    n = 70_000
    x = np.random.default_rng(0).integers(0, 4, n)
    X = frame(np.arange(n)[::-1], x=x)
    rules = RuleSet([Rule("a", 1, "x > 1", for_="1d", cooldown="7d"), Rule("b", 2, "x > 2", inhibited_by="a")])
    first = rules.step(X, now=NOW)
    second = rules.step(X, now="2026-03-03", state=first.state)
    assert second.state.counts().to_numpy().tolist() == [
        [int((x <= 1).sum()), 0, int((x > 1).sum()), 0], [int((x <= 2).sum()), 0, int((x > 2).sum()), 0],
    ]  # fmt: skip
    assert second.customers["score"].to_numpy()[::-1].tolist() == (x > 1).astype(float).tolist()
    assert len(second.notifications) == int((x > 1).sum())
