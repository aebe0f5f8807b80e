"""Candidates: what brings an action up, for whom, and by when it is due."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from churnlib.alerts import Rule, RuleSet
from churnlib.exceptions import DataError, DuplicateError, ParameterError, ParameterTypeError, SchemaError, TimeError
from churnlib.policy import (
    Action,
    Clock,
    ContactPolicy,
    Cooldown,
    OnAlert,
    OnCadence,
    OnClock,
    OnCondition,
    OnDate,
    OnReason,
    OnStage,
    OnTier,
    candidates,
    tier_cadence,
    welcome_triggers,
)

IDS = pd.Index(["ann", "bob", "cyd"], name="customer_id")
CUSTOMERS = pd.DataFrame(
    {
        "tier": ["A", "D", None],
        "recency": [41.0, 3.0, np.nan],
        "born": ["1990-03-04", "2000-02-29", None],
        "first_order": ["2026-03-02 09:00", "2024-01-01", "2025-03-03"],
    },
    index=IDS,
)
NOW = "2026-03-02 12:00"


def found(trigger, **options):
    options = {"on": NOW} | options
    return candidates(CUSTOMERS, [Action("call"), Action("mail")], triggers=trigger, **options)


def up(trigger, **options) -> dict:
    table = found(trigger, **options).reasons
    table = table[table["because"] != "always"]
    return {(row.customer_id, row.action): (row.because, row.due) for row in table.itertuples()}


def test_an_action_that_no_trigger_names_comes_up_for_everybody() -> None:
    result = found([OnTier("call", "A")], tiers="tier")
    assert result.allowed["mail"].all()
    assert result.allowed["call"].tolist() == [True, False, False]
    assert result.summary.loc["call"].tolist() == [1, 1, 0, 0]
    assert set(result.reasons.loc[result.reasons["action"] == "mail", "because"]) == {"always"}


def test_only_the_eligible_are_candidates_and_the_unknown_are_counted() -> None:
    result = candidates(CUSTOMERS, [Action("call", eligible="recency >= 30")], on=NOW)
    assert result.allowed["call"].tolist() == [True, False, False]
    assert result.summary.loc["call"].to_dict() == {"came_up": 3, "eligible": 1, "not_eligible": 1, "unknown": 1}


@pytest.mark.parametrize("as_frame", [False, True])
def test_alerts_bring_it_up_while_nothing_holds_them_back(as_frame) -> None:
    rules = RuleSet([Rule("no-visit", 1, "recency >= 30"), Rule("fresh", 2, "recency < 30")])
    step = rules.step(CUSTOMERS, now="2026-03-01", opted_out=["bob"])
    given = step.alerts if as_frame else step
    assert up(OnAlert("call"), alerts=given) == {("ann", "call"): ("alert no-visit", pd.NaT)}
    assert not up(OnAlert("call", level=2), alerts=given)
    assert not up(OnAlert("call", "fresh"), alerts=given)
    if not as_frame:
        with pytest.raises(ParameterError, match=r"names the rule 'no-vist' .did you mean 'no-visit'"):
            up(OnAlert("call", "no-vist"), alerts=given)


def test_alerts_of_later_are_refused() -> None:
    step = RuleSet([Rule("no-visit", 1, "recency >= 30")]).step(CUSTOMERS, now="2026-03-03")
    with pytest.raises(TimeError, match=r"the alerts are those of 2026-03-03 .*, after the instant of the decision"):
        found(OnAlert("call"), alerts=step)


def test_an_alert_is_due_from_the_instant_it_began() -> None:
    rules = RuleSet([Rule("no-visit", 1, "recency >= 30")])
    step = rules.step(CUSTOMERS, now="2026-03-01 08:00")
    result = candidates(CUSTOMERS, [Action("call", due="24h")], on=NOW, triggers=OnAlert("call"), alerts=step)
    assert result.reasons["due"].tolist() == [pd.Timestamp("2026-03-02 08:00", tz="UTC")]


@pytest.mark.parametrize(
    "reasons",
    [
        pd.Series(["price", "service", None], index=IDS),
        pd.DataFrame({"feature": ["price", "service"], "rank": [1, 1]}, index=IDS[:2]),
        pl.DataFrame({"customer_id": ["ann", "bob"], "theme": ["price", "service"]}),
        pd.DataFrame({"customer_id": ["ann", "ann", "eve"], "reason": ["price", "age", "price"], "rank": [1, 2, 1]}),
    ],
)
def test_reasons_bring_it_up(reasons) -> None:
    assert up(OnReason("mail", ["price", "delivery"]), reasons=reasons) == {("ann", "mail"): ("reason price", pd.NaT)}


def test_reasons_further_down_count_when_they_are_asked_for() -> None:
    reasons = pd.DataFrame({"customer_id": ["ann", "ann"], "reason": ["age", "price"], "rank": [1, 2]})
    assert not up(OnReason("mail", "price"), reasons=reasons)
    assert up(OnReason("mail", "price", top=2), reasons=reasons)


@pytest.mark.parametrize("given", ["tier", pd.Series(["D", "A"], index=["bob", "ann"]), ["A", "D", None]])
def test_tiers_and_stages_come_as_a_column_a_series_or_values(given) -> None:
    assert up(OnTier("call", ["A", "B"]), tiers=given) == {("ann", "call"): ("tier A", pd.NaT)}
    assert up(OnStage("call", "D"), stages=given) == {("bob", "call"): ("stage D", pd.NaT)}


def test_conditions_bring_it_up_where_they_are_true() -> None:
    assert list(up(OnCondition("call", "recency < 30"))) == [("bob", "call")]
    assert up(OnCondition("call", "recency < 30", because="they were here"))["bob", "call"][0] == "they were here"
    with pytest.raises(SchemaError, match="did you mean 'recency'"):
        up(OnCondition("call", "recncy < 30"))


@pytest.mark.parametrize(
    ("on", "who", "because"),
    [
        ("2026-02-28 23:59", None, ""),
        ("2026-03-01", "ann", "born in 3 days"),
        ("2026-03-03", "ann", "born in 1 day"),
        ("2026-03-04 23:59", "ann", "born today"),
        ("2026-03-05", None, ""),
    ],
)
def test_birthdays_come_up_three_days_ahead(on, who, because) -> None:
    hits = {key: value for key, value in up(OnDate("mail", "born"), on=on).items() if key[0] != "bob"}
    assert {key[0]: value[0] for key, value in hits.items()} == ({} if who is None else {who: because})
    if who:
        assert hits[who, "mail"][1] == pd.Timestamp("2026-03-05", tz="UTC")


@pytest.mark.parametrize(("leap_day", "due"), [("28 February", "2026-03-01"), ("1 March", "2026-03-02")])
def test_whoever_was_born_on_a_leap_day_has_a_birthday_each_year(leap_day, due) -> None:
    hits = up(OnDate("mail", "born", leap_day=leap_day), on="2026-02-27")
    assert hits["bob", "mail"][1] == pd.Timestamp(due, tz="UTC")


def test_anniversaries_cross_the_end_of_the_year_and_the_first_day_is_none() -> None:
    hits = up(OnDate("mail", "first_order"), on="2025-12-30")
    assert hits == {("bob", "mail"): ("first_order in 2 days", pd.Timestamp("2026-01-02", tz="UTC"))}
    assert ("ann", "mail") not in up(OnDate("mail", "first_order"))  # began today
    assert ("cyd", "mail") in up(OnDate("mail", "first_order"))
    assert ("bob", "mail") not in up(OnDate("mail", "first_order"), on="2023-12-30")  # not a customer yet


def test_days_are_those_of_the_local_calendar() -> None:
    evening = "2026-03-01 00:30"
    assert ("ann", "mail") in up(OnDate("mail", "born"), on=evening)
    assert ("ann", "mail") not in up(OnDate("mail", "born"), on=f"{evening}+00:00", timezone="America/New_York")


def test_a_date_may_come_once() -> None:
    ends = pd.DataFrame({"contract_ends": ["2026-03-04", "2025-03-04", None]})
    hits = up(OnDate("call", "contract_ends", yearly=False), dates=ends)
    assert list(hits) == [("ann", "call")]


def test_a_clock_keeps_it_up_until_it_is_done_or_lapses() -> None:
    events = pd.DataFrame(
        {
            "customer_id": ["ann", "bob", "bob", "eve"],
            "kind": ["complaint", "complaint", "called", "complaint"],
            "time": ["2026-03-02 11:58", "2026-03-02 11:00", "2026-03-02 11:02", "2026-03-02 11:59"],
        }
    )
    trigger = OnClock("call", Clock("contact", "complaint", "5min", done="called", lapses="1h"))
    due = pd.Timestamp("2026-03-02 12:03", tz="UTC")
    assert up(trigger, events=events) == {("ann", "call"): ("contact", due)}
    assert up(trigger, events=events, on="2026-03-02 12:03") == {("ann", "call"): ("contact, overdue", due)}
    assert up(trigger, events=events, on="2026-03-02 13:02:59")
    assert not up(trigger, events=events, on="2026-03-02 13:03")
    assert not up(trigger, events=events, on="2026-03-02 11:00")


def test_one_calls_back_a_day_after_it_was_solved() -> None:
    events = pd.DataFrame({"customer_id": ["ann"], "kind": ["solved"], "time": ["2026-03-01 12:00"]})
    trigger = OnClock("call", Clock("call back", "solved", "24h", after="24h", done="called_back"))
    assert not up(trigger, events=events, on="2026-03-02 11:59")
    assert up(trigger, events=events) == {("ann", "call"): ("call back", pd.Timestamp("2026-03-03 12:00", tz="UTC"))}


def test_a_cadence_comes_up_when_the_last_one_is_long_ago() -> None:
    history = pd.DataFrame(
        {"customer_id": ["ann", "bob"], "action": "call", "at": ["2026-02-02 12:00", "2026-02-02 12:00:01"]}
    )
    hits = up(OnCadence("call", "1mo"), history=history)
    assert {key[0]: because for key, (because, _) in hits.items()} == {
        "ann": "every 1mo",
        "cyd": "every 1mo: the first",
    }
    assert list(up(OnCadence("call", "1mo", tiers="A"), history=history, tiers="tier")) == [("ann", "call")]


def test_the_shipped_triggers_run_and_take_other_numbers() -> None:
    actions = [
        Action(name)
        for trigger in (*welcome_triggers(), *tier_cadence({"A": {"adviser": "1mo"}}))
        for name in trigger.names
    ]
    frame = CUSTOMERS.assign(silent_days=[9, 4, 1])
    events = pd.DataFrame({"customer_id": ["cyd"], "kind": ["joined"], "time": ["2026-03-01"]})
    result = candidates(
        frame,
        list({action.name: action for action in actions}.values()),
        on=NOW,
        triggers=[*welcome_triggers(guide="36h"), *tier_cadence({"A": {"adviser": "1mo"}})],
        tiers="tier",
        events=events,
        history=pd.DataFrame({"customer_id": [], "action": [], "at": []}).astype(str),
    )
    because = {(row.customer_id, row.action): row.due for row in result.reasons.itertuples()}
    assert because["cyd", "guide"] == pd.Timestamp("2026-03-02 12:00", tz="UTC")
    assert because["cyd", "repurchase coupon"] == pd.Timestamp("2026-03-08", tz="UTC")
    assert ("bob", "silent coupon") in because
    assert ("ann", "adviser") in because
    assert ("bob", "silent survey") not in because


def test_what_comes_up_goes_on_to_the_contact_policy() -> None:
    history = pd.DataFrame({"customer_id": ["ann"], "action": ["call"], "at": ["2026-03-01"]})
    check = ContactPolicy([Cooldown("7d")]).apply(found(OnTier("call", "A"), tiers="tier"), history)
    assert check.allowed.to_numpy().tolist() == [[False, False], [False, True], [False, True]]
    assert str(check.on) == "2026-03-02 12:00:00+00:00"


def test_the_order_of_rows_does_not_matter() -> None:
    one = found(OnTier("call", ["A", "D"]), tiers="tier").reasons
    turned = candidates(
        CUSTOMERS[::-1], [Action("call"), Action("mail")], on=NOW, triggers=OnTier("call", ["A", "D"]), tiers="tier"
    ).reasons
    pd.testing.assert_frame_equal(
        one, turned.sort_values(["customer_id", "action"], kind="stable", ignore_index=True), check_categorical=False
    )


@pytest.mark.parametrize(
    ("trigger", "options", "says"),
    [
        (lambda: OnTier("cal", "A"), {"tiers": "tier"}, "names the action 'cal', which is not in the catalogue"),
        (lambda: OnTier("call", "A"), {}, "looks at tiers, which are not given"),
        (lambda: OnAlert("call"), {}, "looks at alerts, which are not given"),
        (lambda: OnReason("call", "price"), {}, "looks at reasons, which are not given"),
        (lambda: OnCadence("call", "1mo"), {}, "looks at the history, which is not given"),
        (lambda: OnClock("call", Clock("c", "a", "1h")), {}, "looks at events, which are not given"),
        (lambda: OnTier((), "A"), {}, "OnTier names no action"),
        (lambda: OnTier("call", ()), {}, "names no group"),
        (lambda: OnReason("call", ()), {}, "reasons names none"),
        (lambda: OnCadence(["call", "mail"], "1mo"), {}, "names several actions"),
        (lambda: OnDate("call", "born", ahead=-1), {}, "ahead=-1 is out of range"),
        (lambda: OnDate("call", "born", leap_day="2 March"), {}, "leap_day='2 March' is not a choice"),
    ],
)
def test_what_a_trigger_needs_and_does_not_find_is_named(trigger, options, says) -> None:
    with pytest.raises(ParameterError, match=says):
        found(trigger(), **options)


def test_other_mistakes_are_named() -> None:
    with pytest.raises(ParameterTypeError, match="'A' is no trigger"):
        found(["A"])
    with pytest.raises(ParameterTypeError, match="triggers is 'A'"):
        found("A")
    with pytest.raises(ParameterTypeError, match=r"clock is None, a Clock was expected|clock is None"):
        OnClock("call")
    with pytest.raises(SchemaError, match="no column 'borm', named by column="):
        found(OnDate("mail", "borm"))
    with pytest.raises(SchemaError, match=r"tiers has shape \(2,\) for 3 customers"):
        found(OnTier("call", "A"), tiers=["A", "B"])
    with pytest.raises(SchemaError, match="tiers has customers twice"):
        found(OnTier("call", "A"), tiers=pd.Series(["A", "B"], index=["ann", "ann"]))
    with pytest.raises(SchemaError, match="the reasons have none of the columns"):
        found(OnReason("call", "price"), reasons=pd.DataFrame({"why": ["price"]}, index=IDS[:1]))
    with pytest.raises(DataError, match="dates has 1 rows for 3 customers"):
        found(OnDate("mail", "born"), dates=pd.DataFrame({"born": ["1990-01-01"]}))
    with pytest.raises(DuplicateError, match="more than one row"):
        candidates(pd.concat([CUSTOMERS, CUSTOMERS]), [Action("call")], on=NOW)
    with pytest.raises(SchemaError, match="did you mean 'tier'"):
        candidates(CUSTOMERS, [Action("call", eligible="tire == 'A'")], on=NOW)
