"""Contact policies: the same as a plain reading of each rule, and no cap is ever broken."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import churnlib as cl
from churnlib.calendar import to_us
from churnlib.exceptions import DataError, DuplicateError, ParameterError, ParameterTypeError, SchemaError
from churnlib.policy import (
    Action,
    ContactPolicy,
    Cooldown,
    Exclusive,
    FrequencyCap,
    OptOut,
    QuietAfter,
    QuietHours,
    allocate,
    candidates,
)

NOW = pd.Timestamp("2026-03-02 12:00", tz="UTC")
ACTIONS = (
    Action("call", channel="phone"),
    Action("visit", channel="phone"),
    Action("mail", channel="email"),
    Action("gift"),
)
NAMES = [action.name for action in ACTIONS]
CHANNELS = {action.name: action.channel for action in ACTIONS}


def asking(*customers, names=NAMES) -> pd.DataFrame:
    return pd.DataFrame(True, index=pd.Index(customers, name="customer_id"), columns=names)


def contacts(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["customer_id", "action", "at"])


def span_of(length) -> pd.Timedelta:
    return pd.Timedelta(str(length).replace("d", "D"))


def refused(policy, history, **options) -> dict:
    options = {"on": NOW, "actions": ACTIONS} | options
    table = policy.apply(asking(1, 2), history, **options).refused
    return {(row.customer_id, row.action): (row.reason, row.until) for row in table.itertuples()}


# -- a plain reading ------------------------------------------------------------------------------


def plainly_allowed(rule, history: list, customer: int, action: str, now: pd.Timestamp) -> bool:
    """Read a rule as it is written, contact by contact."""
    past = [row for row in history if row[0] == customer and row[2] < now]
    if isinstance(rule, Exclusive):
        others = [row for row in past if row[1] in rule.actions and row[1] != action]
        if action not in rule.actions:
            return True
        return not [row for row in others if rule.length is None or now < row[2] + span_of(rule.length)]
    channel = CHANNELS[action]
    if rule.channel is not None:
        if channel != rule.channel:
            return True
        past = [row for row in past if CHANNELS.get(row[1]) == channel]
    elif rule.action is not None:
        if action != rule.action:
            return True
        past = [row for row in past if row[1] == action]
    elif rule.per == "channel":
        if channel is None:
            return True
        past = [row for row in past if CHANNELS.get(row[1]) == channel]
    elif rule.per == "action":
        past = [row for row in past if row[1] == action]
    at_most = rule.at_most if isinstance(rule, FrequencyCap) else 1
    return len([row for row in past if now < row[2] + span_of(rule.length)]) < at_most


LENGTHS = st.sampled_from(["1h", "1d", "2d", "7d"])
SCOPES = st.sampled_from(
    [{}, {"channel": "phone"}, {"channel": "email"}, {"action": "gift"}, {"per": "channel"}, {"per": "action"}]
)
RULES = st.one_of(
    st.builds(lambda length, scope: Cooldown(length, **scope), LENGTHS, SCOPES),
    st.builds(lambda n, length, scope: FrequencyCap(n, length, **scope), st.integers(1, 3), LENGTHS, SCOPES),
    st.builds(lambda length: Exclusive("call", "mail", "old", length=length), st.one_of(st.none(), LENGTHS)),
)
# instants that lie on the bounds of the lengths, the decision itself, and the future
HOURS = st.sampled_from([-169, -168, -167, -48, -47, -24, -23, -2, -1, 0, 1])
ROWS = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from([*NAMES, "old"]), HOURS.map(lambda h: NOW + pd.Timedelta(hours=h))),
    max_size=12,
)


def with_channels(history: pd.DataFrame) -> pd.DataFrame:
    """State the channel of an action that is offered no longer; of the others the catalogue knows it."""
    return history.assign(channel=np.where(history["action"] == "old", "post", None))


@given(st.lists(RULES, max_size=3, unique=True), ROWS, st.randoms(use_true_random=False))
def test_it_equals_a_plain_reading_of_its_rules(rules, rows, random) -> None:
    history = with_channels(contacts(*rows))
    check = ContactPolicy(rules).apply(asking(3, 1, 2), history, on=NOW, actions=ACTIONS)
    for customer in (1, 2, 3):
        for action in NAMES:
            expected = all(plainly_allowed(rule, rows, customer, action, NOW) for rule in rules)
            assert check.allowed.loc[customer, action] == expected, (customer, action)
    order = list(range(len(rows)))
    random.shuffle(order)
    again = ContactPolicy(rules).apply(asking(3, 1, 2), history.iloc[order], on=NOW, actions=ACTIONS)
    pd.testing.assert_frame_equal(again.refused, check.refused)


@given(st.lists(RULES, min_size=1, max_size=3, unique=True), ROWS)
def test_a_refusal_says_until_when_it_holds(rules, rows) -> None:
    history = with_channels(contacts(*(row for row in rows if row[2] < NOW)))
    policy = ContactPolicy(rules)
    table = policy.apply(asking(1, 2), history, on=NOW, actions=ACTIONS).refused
    for row in table.itertuples():
        if pd.isna(row.until):
            continue
        assert row.until > NOW
        later = policy.apply(asking(1, 2), history, on=row.until, actions=ACTIONS)
        assert later.allowed.loc[row.customer_id, row.action]
        before = policy.apply(asking(1, 2), history, on=row.until - pd.Timedelta("1us"), actions=ACTIONS)
        assert not before.allowed.loc[row.customer_id, row.action]


@settings(max_examples=8)
@given(
    st.integers(1, 3),
    st.sampled_from(["2d", "7d", "36h", "1mo"]),
    st.sampled_from([{}, {"channel": "phone"}, {"per": "action"}]),
    st.integers(0, 2**32),
)
def test_no_plan_made_through_it_ever_breaks_a_cap(at_most, length, scope, seed) -> None:
    """Day by day, whoever may be contacted often is, by any action that is allowed."""
    policy, random = ContactPolicy([FrequencyCap(at_most, length, **scope)]), np.random.default_rng(seed)
    asked, parts = asking(*range(30)), []
    for day in pd.date_range("2026-01-15 09:00", periods=35, freq="D", tz="UTC"):
        past = pd.concat(parts, ignore_index=True) if parts else None
        check = policy.apply(asked, past, on=day, actions=ACTIONS)
        luck = random.random(check.allowed.shape) * check.allowed.to_numpy()
        chosen = np.flatnonzero((luck.max(axis=1) > 0) & (random.random(30) < 0.8))
        if len(chosen):
            parts.append(contacts(*((who, NAMES[luck[who].argmax()], day) for who in chosen)))
    history = pd.concat(parts, ignore_index=True)
    if "channel" in scope:
        history = history[history["action"].isin(["call", "visit"])]
    after = pd.DateOffset(months=1) if length == "1mo" else span_of(length)
    for _, table in history.groupby(["customer_id", "action"] if "per" in scope else ["customer_id"]):
        times = list(table["at"])
        assert max(sum(first <= time < first + after for time in times) for first in times) <= at_most


def test_the_plans_of_seventy_days_keep_every_rule() -> None:
    random = np.random.default_rng(7)
    ids = pd.RangeIndex(80, name="customer_id")
    customers = pd.DataFrame({"no_mail": random.random(80) < 0.2}, index=ids)
    value = pd.DataFrame({"call": random.normal(8, 6, 80), "mail": random.normal(3, 2, 80)}, index=ids)
    actions = [Action("call", cost=6, channel="phone", capacity=5), Action("mail", cost=1, channel="email")]
    policy = ContactPolicy(
        [Cooldown("5d"), FrequencyCap(2, "30d", channel="email"), OptOut("no_mail", channel="email")]
    )
    parts: list[pd.DataFrame] = []
    for day in pd.date_range("2026-01-01", periods=70, freq="D", tz="UTC"):
        plan = allocate(
            value,
            actions=actions,
            customers=customers,
            candidates=candidates(customers, actions, on=day),
            contact_policy=policy,
            history=pd.concat(parts) if parts else None,
            on=day,
        )
        parts.append(
            plan.frame[plan.frame["action"] != "none"].reset_index()[["customer_id", "action", "channel", "on"]]
        )
    history = pd.concat(parts, ignore_index=True)
    mails = history[history["action"] == "mail"]
    assert history.groupby("on").size().max() > 10
    assert history.groupby("customer_id")["on"].diff().min() == pd.Timedelta("5D")
    assert mails.groupby("customer_id")["on"].diff(2).min() == pd.Timedelta("30D")
    assert (history[history["action"] == "call"].groupby("on").size() <= 5).all()
    assert not customers["no_mail"][mails["customer_id"]].any()


# -- time -----------------------------------------------------------------------------------------


def test_a_contact_exactly_as_long_ago_no_longer_counts() -> None:
    ago = NOW - pd.Timedelta("30D")
    policy = ContactPolicy([Cooldown("30d")])
    assert not refused(policy, contacts((1, "call", ago)))
    found = refused(policy, contacts((1, "call", ago + pd.Timedelta("1us"))))
    assert found[1, "mail"] == ("cool-down 30d", NOW + pd.Timedelta("1us"))


def test_contacts_at_the_decision_or_later_do_not_count_and_are_counted() -> None:
    history = contacts((1, "call", NOW), (1, "call", NOW + pd.Timedelta("1D")), (9, "call", NOW - pd.Timedelta("1D")))
    check = ContactPolicy([Cooldown("30d")]).apply(asking(1, 2), history, on=NOW, actions=ACTIONS)
    assert check.allowed.all(axis=None)
    assert check.ignored == {"without an action": 0, "at the decision or later": 2, "of other customers": 1}


def test_months_follow_the_calendar() -> None:
    policy = ContactPolicy([Cooldown("1mo")])
    history = contacts((1, "call", "2026-01-31"))
    assert refused(policy, history, on="2026-02-27 23:59")[1, "call"][1] == pd.Timestamp("2026-02-28", tz="UTC")
    assert not refused(policy, history, on="2026-02-28")


@pytest.mark.parametrize("length", ["1mo", "2mo", "1y", "3d"])
def test_looking_back_far_enough_is_not_looking_back_further(length) -> None:
    """What is left out because it is long ago would have refused nothing."""
    rule, zone = Cooldown(length), "Europe/Berlin"
    days = pd.date_range("2023-12-25", "2028-03-05", freq="D", tz=zone)
    for day in days[days.day.isin([1, 2, 25, 26, 28, 29, 30, 31])]:
        for hour in (0, 2, 3):
            now = to_us(day + pd.Timedelta(hours=hour))
            before = np.array([rule.reach(now, zone) - 1])
            assert rule.span.after(before, zone)[0] <= now


def test_times_without_a_zone_are_on_the_clock_of_the_policy() -> None:
    policy = ContactPolicy([Cooldown("1d")])
    history = contacts((1, "call", "2026-03-01 12:30"))
    found = refused(policy, history, on="2026-03-02 12:00", timezone="Asia/Shanghai")
    assert str(found[1, "call"][1]) == "2026-03-02 12:30:00+08:00"


def test_what_stands_there_twice_counts_twice() -> None:
    one = (1, "mail", NOW - pd.Timedelta("1D"))
    policy = ContactPolicy([FrequencyCap(2, "7d")])
    assert not refused(policy, contacts(one))
    assert refused(policy, contacts(one, one))


# -- rules ----------------------------------------------------------------------------------------


def test_a_gap_that_an_action_states_is_kept() -> None:
    actions = (Action("call", minimum_gap="30d"), Action("mail"))
    history = contacts((1, "call", NOW - pd.Timedelta("7D")))
    check = ContactPolicy().apply(asking(1, names=["call", "mail"]), history, on=NOW, actions=actions)
    assert check.allowed.loc[1].to_dict() == {"call": False, "mail": True}
    assert check.refused["reason"].tolist() == ["cool-down 30d of call"]


def test_exclusive_actions_leave_the_one_that_was_had() -> None:
    found = refused(ContactPolicy([Exclusive("call", "mail")]), contacts((1, "call", "2020-01-01")))
    assert list(found) == [(1, "mail")]
    assert pd.isna(found[1, "mail"][1])


@pytest.mark.parametrize("as_log", [False, True])
def test_it_is_quiet_after_a_complaint(as_log) -> None:
    events = pd.DataFrame({"customer_id": [1, 2], "kind": ["complaint", "order"], "time": ["2026-02-01", "2026-02-01"]})
    if as_log:
        events = cl.EventLog.from_frame(events, customer="customer_id", time="time", kind="kind")
    policy = ContactPolicy([QuietAfter("complaint", "90d", but="call")])
    found = refused(policy, None, events=events)
    assert list(found) == [(1, "visit"), (1, "mail"), (1, "gift")]
    assert found[1, "mail"] == ("quiet for 90d after complaint", pd.Timestamp("2026-05-02", tz="UTC"))
    assert not refused(policy, None, events=events, on="2026-02-01")
    assert not refused(policy, None, events=events, on="2026-05-02")


def test_a_complaint_that_is_known_later_does_not_count_yet() -> None:
    frame = pd.DataFrame({"who": [1], "kind": "complaint", "time": "2026-02-01", "known": "2026-02-10"})
    log = cl.EventLog.from_frame(frame, customer="who", time="time", kind="kind", known_at="known")
    policy = ContactPolicy([QuietAfter("complaint", "90d")])
    assert not refused(policy, None, events=log, on="2026-02-10")
    assert refused(policy, None, events=log, on="2026-02-10 00:00:01")


def test_events_may_stand_in_the_history() -> None:
    history = contacts((1, "call", "2026-02-20"), (2, None, "2026-02-20")).assign(kind=["contact", "complaint"])
    found = refused(ContactPolicy([QuietAfter("complaint", "90d"), Cooldown("30d")]), history)
    assert {who: reason for (who, _), (reason, _) in found.items()} == {
        1: "cool-down 30d",
        2: "quiet for 90d after complaint",
    }


def test_opting_out_lasts_and_consent_must_be_given() -> None:
    customers = pd.DataFrame({"no_mail": [False, True], "agreed": [True, None]}, index=pd.Index([2, 1]))
    found = refused(ContactPolicy([OptOut("no_mail", channel="email")]), None, customers=customers)
    assert list(found) == [(1, "mail")]
    assert pd.isna(found[1, "mail"][1])
    agreed = ContactPolicy([OptOut("agreed", channel="phone", consent=True)])
    assert list(refused(agreed, None, customers=customers)) == [(1, "call"), (1, "visit")]
    assert list(refused(ContactPolicy([OptOut([2], consent=True)]), None)) == [(1, name) for name in NAMES]
    assert list(refused(ContactPolicy([OptOut([2])]), None)) == [(2, name) for name in NAMES]


@pytest.mark.parametrize(
    ("on", "until"),
    [
        ("2026-03-02 20:59:59", None),
        ("2026-03-02 21:00", "2026-03-03 08:00"),
        ("2026-03-03 07:59:59", "2026-03-03 08:00"),
        ("2026-03-03 08:00", None),
        ("2026-03-06 21:00", "2026-03-09 08:00"),  # a Friday evening: the weekend follows, then Sunday's night
        ("2026-03-29 01:30", "2026-03-30 08:00"),
    ],
)
def test_quiet_hours_are_those_of_the_local_clock(on, until) -> None:
    night, weekend = QuietHours("21:00", "08:00"), QuietHours(weekdays=["sat", "sun"])
    zone = "Europe/Berlin"
    now = pd.Timestamp(on, tz=zone)
    reached = now
    policy = ContactPolicy([night, weekend])
    while found := refused(policy, None, on=reached, timezone=zone):
        reached = max(end for _, end in found.values())
    assert reached == (now if until is None else pd.Timestamp(until, tz=zone))


def test_the_rule_that_refuses_longest_is_named_and_all_are_explained() -> None:
    policy = ContactPolicy([Cooldown("7d"), Cooldown("30d", channel="phone")])
    check = policy.apply(asking(1), contacts((1, "call", "2026-03-01")), on=NOW, actions=ACTIONS)
    assert dict(zip(check.refused["action"], check.refused["reason"], strict=True)) == {
        "call": "cool-down 30d by phone",
        "visit": "cool-down 30d by phone",
        "mail": "cool-down 7d",
        "gift": "cool-down 7d",
    }
    assert len(check.explain(1)) == 6
    assert check.counts.to_dict() == {"cool-down 7d": 4, "cool-down 30d by phone": 2}


# -- what comes in --------------------------------------------------------------------------------


def test_what_was_not_asked_for_is_not_refused() -> None:
    asked = asking(1)
    asked["call"] = False
    check = ContactPolicy([OptOut([1])]).apply(asked, None, on=NOW)
    assert check.refused["action"].tolist() == ["visit", "mail", "gift"]
    assert asked["mail"].all()


def test_a_plan_is_a_history() -> None:
    plan = pd.DataFrame(
        {"on": ["2026-03-01", "2026-03-01"], "action": ["none", "mail"], "channel": [None, "email"]},
        index=pd.Index([1, 2], name="customer_id"),
    )
    assert {who for who, _ in refused(ContactPolicy([Cooldown("7d")]), plan)} == {2}


def test_contacts_may_be_known_by_channel_alone() -> None:
    history = pd.DataFrame({"customer_id": [1], "channel": ["email"], "time": ["2026-03-01"]})
    assert list(refused(ContactPolicy([Cooldown("7d", channel="email")]), history)) == [(1, "mail")]


def test_a_rule_by_channel_knows_the_channel_of_every_contact() -> None:
    history = contacts((1, "newsletter", "2026-03-01"), (2, "gift", "2026-03-01"))
    for rule in (Cooldown("7d", channel="email"), FrequencyCap(1, "7d", per="channel")):
        with pytest.raises(DataError, match=r"1 of 2 contacts have no channel, and their actions \(newsletter\)"):
            refused(ContactPolicy([rule]), history)
    assert set(refused(ContactPolicy([Cooldown("7d")]), history)) == {(who, name) for who in (1, 2) for name in NAMES}
    stated = history.assign(channel=["email", None])
    assert list(refused(ContactPolicy([Cooldown("7d", channel="email")]), stated)) == [(1, "mail")]


def test_frames_of_polars_serve_as_well() -> None:
    customers = pl.DataFrame({"customer_id": [2, 1], "out": [True, False]})
    history = pl.DataFrame({"customer_id": [1], "action": ["mail"], "at": ["2026-03-01"]})
    policy = ContactPolicy([OptOut("out", channel="phone"), Cooldown("7d", channel="email")])
    assert list(refused(policy, history, customers=customers)) == [(1, "mail"), (2, "call"), (2, "visit")]
    found = candidates(customers, ACTIONS, on=NOW)
    assert policy.apply(found, history).allowed.sum().to_dict() == {"call": 1, "visit": 1, "mail": 1, "gift": 2}


def test_ids_may_be_texts() -> None:
    history = contacts(("bob", "mail", "2026-03-01"), ("eve", "mail", "2026-03-01"))
    check = ContactPolicy([Cooldown("7d")]).apply(asking("ann", "bob"), history, on=NOW)
    assert check.allowed["mail"].to_dict() == {"ann": True, "bob": False}
    assert check.ignored["of other customers"] == 1
    with pytest.raises(ParameterError, match="customer 'eve' was not asked about"):
        check.explain("eve")


@pytest.mark.parametrize(
    ("rule", "options", "says"),
    [
        (
            FrequencyCap(1, "7d", channel="emial"),
            {},
            "names the channel 'emial', which no action has .did you mean 'email'",
        ),
        (Cooldown("7d", channel="email"), {"actions": None}, "no action has a channel"),
        (Cooldown("7d", action="cal"), {}, "names the action 'cal', which is none of them .did you mean 'call'"),
        (Exclusive("a", "b"), {}, "names the action 'a'"),
        (QuietAfter("complaint", "7d"), {}, "there are no events to look at"),
        (QuietAfter("complaint", "7d", but="cal"), {}, "names the action 'cal'"),
        (OptOut("no_mail"), {}, "the column 'no_mail' is read from the customers"),
        (Cooldown("7d"), {"on": None}, "on is not given"),
    ],
)
def test_what_a_rule_needs_and_does_not_find_is_named(rule, options, says) -> None:
    with pytest.raises(ParameterError, match=says):
        refused(ContactPolicy([rule]), None, **options)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: FrequencyCap(0, "7d"), "at_most=0 is out of range"),
        (lambda: Cooldown("0d"), "length"),
        (lambda: Cooldown("7d", channel="a", action="b"), "channel and action are given together"),
        (lambda: Cooldown("7d", channel="a", per="channel"), "channel and per are given together"),
        (lambda: Cooldown("7d", per="chanel"), "per='chanel' is not a choice .did you mean 'channel'"),
        (lambda: Exclusive("a"), "Exclusive names a; two or more"),
        (lambda: QuietAfter((), "7d"), "kinds names no event"),
        (QuietHours, "which is always"),
        (lambda: QuietHours("08:00", "08:00"), "which is never"),
        (lambda: QuietHours("8", "25:00"), "is no time of day"),
        (lambda: QuietHours(weekdays="sunday"), "did you mean 'sun'"),
        (lambda: ContactPolicy([Cooldown("7d"), Cooldown("7d")]), "a rule stands there twice"),
    ],
)
def test_rules_that_make_no_sense_are_refused(make, says) -> None:
    with pytest.raises(ParameterError, match=says):
        make()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ContactPolicy(["30d"]), "'30d' is no rule of contact"),
        (lambda: ContactPolicy("30d"), "rules is '30d'"),
        (lambda: OptOut(pd.Series([True])), "who is a Series"),
        (lambda: ContactPolicy().apply([1, 2], None, on=NOW), "the candidates are a list"),
    ],
)
def test_what_is_of_a_wrong_type_is_refused(make, says) -> None:
    with pytest.raises(ParameterTypeError, match=says):
        make()


@pytest.mark.parametrize(
    ("history", "kind", "says"),
    [
        (
            contacts((1, "call", None), (1, "call", "2026-03-01")),
            DataError,
            "1 of 2 rows of the history have no instant",
        ),
        (contacts((None, "call", "2026-03-01")), DataError, "1 of 1 rows of the history have no customer"),
        (contacts(("ann", "call", "2026-03-01")), SchemaError, "customers are known as int64"),
        (pd.DataFrame({"customer_id": [1], "at": ["2026-03-01"]}), SchemaError, "neither actions nor channels"),
        (pd.DataFrame({"customer_id": [1], "action": ["call"]}), SchemaError, "the history says not when"),
    ],
)
def test_a_history_that_cannot_serve_says_why(history, kind, says) -> None:
    with pytest.raises(kind, match=says):
        refused(ContactPolicy([Cooldown("7d")]), history)


def test_who_is_asked_about_is_checked() -> None:
    with pytest.raises(DuplicateError, match=r"1 customers are asked about twice .1"):
        ContactPolicy().apply(asking(1, 1), None, on=NOW)
    with pytest.raises(SchemaError, match=r"1 of 4 actions are not all True or False .mail"):
        ContactPolicy().apply(asking(1).assign(mail=None), None, on=NOW)
    with pytest.raises(SchemaError, match="the columns gift are no actions"):
        ContactPolicy().apply(asking(1), None, on=NOW, actions=ACTIONS[:3])
    with pytest.raises(SchemaError, match="there is no action"):
        ContactPolicy().apply(asking(1)[[]], None, on=NOW)
    with pytest.raises(SchemaError, match="columns 0, 1 are no names"):
        ContactPolicy().apply(asking(1, names=[0, 1]), None, on=NOW)
    index = pd.Index([1, 2], name="customer_id")
    one = pd.DataFrame({"out": [True]}, index=index[:1])
    with pytest.raises(DataError, match="1 of 2 customers have no row in customers="):
        refused(ContactPolicy([OptOut("out")]), None, customers=one)
    both = pd.DataFrame({"out": pd.array([True, None], dtype="boolean")}, index=index)
    with pytest.raises(DataError, match="'out' is missing for 1 of 2 customers"):
        refused(ContactPolicy([OptOut("out")]), None, customers=both)


def test_a_million_customers_take_seconds() -> None:
    random = np.random.default_rng(0)
    n, m = 200_000, 800_000
    actions = [Action(f"a{place}", channel=["phone", "email"][place % 2]) for place in range(5)]
    asked = pd.DataFrame(True, index=pd.RangeIndex(n, name="customer_id"), columns=[action.name for action in actions])
    history = pd.DataFrame(
        {
            "customer_id": random.integers(0, n, m),
            "action": pd.Categorical.from_codes(random.integers(0, 5, m), list(asked.columns)),
            "at": NOW - pd.to_timedelta(random.integers(1, 90 * 86_400, m), unit="s"),
        }
    )
    policy = ContactPolicy([Cooldown("7d"), FrequencyCap(3, "30d", per="channel"), FrequencyCap(6, "90d")])
    check = policy.apply(asked, history, on=NOW, actions=actions)
    recent = history[history["at"] > NOW - pd.Timedelta("90D")].groupby("customer_id").size()
    assert not check.allowed.loc[recent.index[recent >= 6]].any(axis=None)
