from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pandas as pd
import pytest

import churnlib as cl
from churnlib import alerts
from churnlib.alerts import RulePack, RuleSet
from churnlib.alerts._packs_read import pack_text
from churnlib.calendar import timestamp
from churnlib.exceptions import ParameterError, ParameterTypeError, SchemaError
from churnlib.expressions import Expression
from churnlib.features import OnlineFeatures, compute
from churnlib.testing import assert_online_parity
from tests.alerts.pack_worlds import (
    ACTIVITY,
    AHEAD,
    DAY,
    HOLIDAYS,
    PAUSE,
    ROLES,
    START,
    World,
    alerts_of,
    clock_world,
    late_feed,
    make_world,
    readings,
)

NAMES = tuple(ACTIVITY)
CALENDAR = {"holidays": [HOLIDAYS]}


@cache
def world_of(name: str) -> World:
    return make_world(name)


@cache
def truth_of(name: str) -> dict[tuple[int, int], dict[str, bool]]:
    world = world_of(name)
    return {(who, now): found for who, now, found in alerts_of(world, world.instants)}


def pack_of(name: str, **options) -> RulePack:
    return alerts.pack(name, **({"calendar": CALENDAR} | options))


class Feed:
    """The last event of each feed, as it is known at an instant."""

    def __init__(self, world: World, pack: RulePack) -> None:
        self.seen = {
            feed: sorted(
                (e.seen, e.time) for e in world.events if e.kind in ([kinds] if isinstance(kinds, str) else kinds)
            )
            for feed, kinds in pack.feeds.items()
        }

    def at(self, now: int) -> dict[str, pd.Timestamp]:
        return {
            feed: timestamp(max(time for known, time in listed if known < now)) for feed, listed in self.seen.items()
        }


def steps_of(pack: RulePack, world: World, instants: list[int], *, fresh: bool = False):
    """Step through the instants with what `compute` says at each of them."""
    log = world.log()
    block = compute(log, np.array(instants), pack.features)
    frame = block.frame.set_axis(pd.Index(log.customers[block.customer_code], name="customer_id"))
    bound, feeds, state = pack.rules.bind(pack.features), Feed(world, pack), None
    for now in instants:
        sources = dict.fromkeys(pack.feeds, timestamp(now)) if fresh else feeds.at(now)
        step = bound.step(frame[block.cutoff == now], now=timestamp(now), state=state, sources=sources)
        state = step.state
        yield now, step


def found_in(step) -> dict[int, dict[str, bool]]:
    """For each customer the alerts that stand, and whether each is held back."""
    found: dict[int, dict[str, bool]] = {}
    listed = step.alerts[["customer_id", "rule", "suppressed_by"]].itertuples(index=False)
    for who, rule, held in listed:
        found.setdefault(who, {})[rule] = bool(held)
    return found


def differences(found: dict, expected: dict) -> list[str]:
    keys = [key for key in {*found, *expected} if found.get(key, {}) != expected.get(key, {})]
    return [f"{who} at day {(now - START) / DAY}: {found.get((who, now))}, and not {expected.get((who, now))}"
            for who, now in sorted(keys)[:5]]  # fmt: skip


# -- exactly the alerts that the events ask for ----------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_alerts_are_those_of_a_slow_reading_of_the_events(name):
    world, found = world_of(name), {}
    for now, step in steps_of(pack_of(name), world, world.instants):
        assert step.stale == ()
        found |= {(who, now): rules for who, rules in found_in(step).items()}
    expected = {key: rules for key, rules in truth_of(name).items() if rules}
    assert not differences(found, expected)
    assert {rule for rules in found.values() for rule in rules} >= {*world.planted.values()}


@pytest.mark.parametrize("name", NAMES)
def test_event_by_event_they_are_the_same(name):
    world, pack = world_of(name), pack_of(name)
    online = OnlineFeatures(pack.features, **ROLES)
    rules, feeds, frame = pack.rules.bind(pack.features).online(), Feed(world, pack), world.frame()
    seen = pd.DatetimeIndex(frame["known_at"])
    found, arrived = {}, 0
    for now in world.instants:
        upto = int(seen.searchsorted(timestamp(now)))
        assert online.update_batch(frame.iloc[arrived:upto]).empty
        online.tick(now)
        arrived = upto
        rules.set(sources=feeds.at(now))
        for who, row in _rows(online, now):
            step = rules.step(who, row, now)
            if step.alerts:
                found[who, now] = {alert.rule: bool(alert.suppressed_by) for alert in step.alerts}
    expected = {key: fired for key, fired in truth_of(name).items() if fired}
    assert not differences(found, expected)


def _rows(online: OnlineFeatures, now: int):
    return [(who, online.features(who, now)) for who in online.features_frame(at=now).index.tolist()]


def test_clocks_strike_at_the_minute():
    world, instants = clock_world()
    clocks = [rule for rule in readings("retail") if "complaint-" in rule]
    pack = alerts.pack("retail").for_log(world.log())
    assert {*clocks} <= {*pack.rules.ids}
    pack = pack.without([rule for rule in pack.rules.ids if rule not in clocks])
    found = {
        (who, now): rules for now, step in steps_of(pack, world, instants) for who, rules in found_in(step).items()
    }
    expected = {}
    for who, now, rules in alerts_of(world, instants):
        if standing := {rule: held for rule, held in rules.items() if rule in clocks}:
            expected[who, now] = standing
    assert not differences(found, expected)
    assert Counter(rule for rules in found.values() for rule in rules).keys() == {*clocks}


# -- warnings come before the loss, and not after it -----------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_planted_sign_warns_as_far_ahead_as_the_pack_says(name):
    world, pack = world_of(name), pack_of(name)
    ahead = pack.describe()["days_ahead"]
    first: dict[tuple[int, str], int] = {}
    for (who, now), rules in sorted(truth_of(name).items(), key=lambda item: item[0][1]):
        for rule in rules:
            first.setdefault((who, rule), now)
    leads = {who: (leaves - first[who, world.planted[who]]) / DAY for who, leaves in world.leaves.items()}
    assert len(leads) >= 8
    for who, lead in leads.items():
        rule = world.planted[who]
        assert ahead[rule] == AHEAD[rule]
        assert ahead[rule] <= lead <= ahead[rule] + 45, (who, rule, lead)


@pytest.mark.parametrize("name", NAMES)
def test_few_warnings_are_wrong_and_customers_without_a_sign_get_none(name):
    world, pack = world_of(name), pack_of(name)
    warns = {*pack.describe().query("days_ahead == days_ahead").index}  # no duty of the house, and no loss
    rows, leaving, warned, right = 0, 0, 0, 0
    for who in {e.customer for e in world.events}:
        leaves = world.leaves.get(who, START + 10**6 * DAY)
        for now in (now for now in world.instants if now < min(leaves, START + 160 * DAY)):
            standing = {rule for rule, held in truth_of(name).get((who, now), {}).items() if rule in warns and not held}
            soon = leaves < now + 60 * DAY
            rows, leaving, warned, right = (
                rows + 1, leaving + soon, warned + bool(standing), right + (soon and bool(standing))
            )  # fmt: skip
            assert not standing or who not in world.healthy
    assert right / warned > 2 * leaving / rows
    assert {*world.leaves} <= {who for who, _ in truth_of(name)}


# -- no alarm because of a holiday or a late feed ----------------------------------------------------


def begun(pack: RulePack, world: World, until: int, *, fresh: bool = False) -> tuple[Counter[str], dict[int, tuple]]:
    """How many alerts began among customers without any sign from the holiday on, by rule, and what was stale when."""
    fired: Counter[str] = Counter()
    stale = {}
    for now, step in steps_of(pack, world, [now for now in world.instants if now < START + until * DAY], fresh=fresh):
        stale[(now - START) // DAY] = step.stale
        if now >= PAUSE[0]:
            told = step.transitions.query("to == 'firing'")
            fired.update(told[told["customer_id"].isin(world.healthy)]["rule"])
    return fired, stale


@pytest.mark.parametrize("name", NAMES)
def test_a_long_holiday_raises_no_alarm(name, monkeypatch):
    monkeypatch.setattr("tests.alerts.pack_worlds.PAUSE", (PAUSE[0], PAUSE[0] + 12 * DAY))
    world, days = make_world(name), {"holidays": [("2026-05-20", "2026-06-01")]}
    # Some come on holidays, too: the feed is alive, and nothing but the calendar explains the silence.
    quiet, _ = begun(pack_of(name, calendar=days), world, 160)
    loud, _ = begun(alerts.pack(name), world, 160)
    assert not quiet
    assert loud["slower-than-usual"] >= 6


@pytest.mark.parametrize("name", NAMES)
def test_a_late_feed_raises_no_alarm_and_says_so(name):
    world = late_feed(world_of(name), ACTIVITY[name], 150, 170)
    quiet, stale = begun(pack_of(name), world, 190)
    loud, _ = begun(pack_of(name), world, 170, fresh=True)
    assert not quiet  # nor when all of it arrives at once
    assert loud["slower-than-usual"] >= 6
    assert "activity" in stale[160]
    assert "activity" not in stale[172]


# -- a pack is a value ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_column_is_read_and_every_rule_is_owned_and_tolerant(name):
    pack = alerts.pack(name)
    pack.rules.bind(pack.features)
    assert {*pack.features.names} == {*pack.rules.read}
    for language in ("en", "zh"):
        table = pack.describe(language)
        assert (
            table[["level", "says", "when", "tolerance", "owner", "channel", "is_loss", "needs"]].notna().all(axis=None)
        )
        assert (table[["says", "owner", "channel", "needs"]] != "").all(axis=None)
        assert table["says"].is_unique
        quiet = table.index[table["tolerance"].isin(["at once", "立即"]) & ~table["is_loss"]]
        assert not len(quiet)
    for rule in pack.rules:
        assert [language for language, _ in rule.because] == ["en", "zh"]
        assert rule.is_loss or rule.inhibited_by or "complaint-" in rule.id
        assert not rule.season or rule.sources
    assert RuleSet.from_toml(pack.rules.to_toml()) == pack.rules
    assert alerts.pack(name) == pack
    assert {need.role for need in pack.needs} >= {*pack.feeds}
    assert all(text for need in pack.needs for _, text in need.means)


@pytest.mark.parametrize("name", NAMES)
def test_each_industry_tells_the_loss_from_a_warning(name):
    table = alerts.pack(name).describe()
    loss = {rule for rule, reading in readings(name).items() if reading.loss}
    assert {*table.index[table["is_loss"]]} == loss
    assert (table.loc[sorted(loss), "level"] == 3).all()
    assert {*table.index} == {*readings(name)}
    assert {*table.index[table["days_ahead"].notna()]} == {*AHEAD} & {*table.index} | (
        {"no-second-order", "tier-d-silent-3-days", "tier-d-silent-7-days"} & {*table.index}
    )


def test_the_levels_of_the_trade():
    shop, bank, network, software = (
        alerts.pack(n).describe()["level"] for n in ("retail", "banking", "telecom", "saas")
    )
    assert shop[["silent-30-days", "cancelled-twice", "refunded", "account-closed"]].tolist() == [1, 2, 3, 3]
    assert bank[["balance-halved", "salary-stopped", "product-closed"]].tolist() == [2, 3, 2]
    assert network[["plan-downgraded", "usage-falling", "port-code-asked", "bill-unpaid"]].tolist() == [2, 2, 3, 2]
    assert software[["mails-unopened", "seats-removed", "payment-failed"]].tolist() == [1, 2, 2]


# -- in the names of a log -----------------------------------------------------------------------------


def test_a_log_with_other_names_gives_the_same_alerts():
    world = world_of("retail")
    instants = world.instants[:20]
    plain = [step.alerts for _, step in steps_of(pack_of("retail"), world, instants)]
    names = {"visit": "web hit", "order": "purchase", "cancel": "void", "email_open": "mail+open"}
    events = [type(e)(e.customer, e.time, names.get(e.kind, e.kind), e.stated, e.known) for e in world.events]
    renamed = World("retail", events)
    roles = {"activity": "web hit", "order": "purchase", "start": "purchase", "cancel": "void", "open": "mail+open"}
    pack = pack_of("retail", events=roles)
    assert pack.rules["silent-30-days"].when.text == "`web hit.recency` >= 30d"
    assert pack.feeds == {"activity": "web hit", "open": "mail+open", "order": "purchase"}
    for (_, step), expected in zip(steps_of(pack, renamed, instants), plain, strict=True):
        columns = ["customer_id", "rule", "level", "since", "score", "owner"]
        assert step.alerts[columns].astype(object).equals(expected[columns].astype(object))
    assert "web hit" not in step.because(language="en")["text"].str.cat()


def test_one_role_may_be_several_kinds():
    pack = alerts.pack("retail", events={"activity": ["visit", "app"], "order": ["web_sale", "sale"], "start": "sale"})
    assert pack.rules["silent-30-days"].when.text == "`app+visit.recency` >= 30d"
    assert pack.feeds == {"activity": ("app", "visit"), "open": "email_open", "order": ("sale", "web_sale")}
    assert {need.role: need.names for need in pack.needs}["order"] == ("sale", "web_sale")
    assert pack.rules.bind(pack.features)


def test_a_log_leaves_out_what_it_cannot_serve_and_says_it():
    world = cl.datasets.make_shop(n_customers=80, random_state=1)
    shop = alerts.pack("retail").for_log(world.log)
    assert shop.rules.ids == (
        "complaints-repeated", "no-second-order", "refunded", "silent-30-days", "slower-than-usual",
    )  # fmt: skip
    left = dict(shop.left_out)
    assert {*left} == {*alerts.pack("retail").rules.ids} - {*shop.rules.ids}
    assert left["grave-complaint-uncalled"] == "event grave_complaint, event call_back"
    assert left["tier-d-silent-3-days"] == "attribute tier"
    assert shop.rules["silent-30-days"].inhibited_by == ("refunded",)
    assert [feed for feed, _ in shop.rules.sources] == ["activity", "order"]
    assert {*shop.features.names} == {*shop.rules.read}
    assert {need.role for need in shop.needs} == {"activity", "order", "start", "refund", "complaint"}
    compute(world.log, world.log.complete_until, shop.features)
    assert shop.for_log(world.log) == shop


def test_a_log_that_serves_nothing_is_refused():
    frame = pd.DataFrame({"who": [1], "at": ["2026-01-01"], "what": ["click"]})
    log = cl.EventLog.from_frame(frame, customer="who", time="at", kind="what")
    with pytest.raises(
        ParameterError, match=r"(?s)serves none of the 16 rules of the pack 'saas'.*kinds of events are click"
    ):
        alerts.pack("saas").for_log(log)
    found = alerts.pack("saas", events={"activity": "click"}).for_log(log)
    assert found.rules.ids == ("logins-falling", "silent-30-days", "slower-than-usual")


def told_by(pack: RulePack, world, cutoffs: pd.DatetimeIndex) -> pd.DataFrame:
    """What is told at each cutoff, when the customer left, and how many customers there were."""
    block = compute(world.log, cutoffs.as_unit("us").asi8, pack.features)
    frame = block.frame.set_axis(pd.Index(world.log.customers[block.customer_code], name="customer_id"))
    left = world.truth["churned_at"]
    bound, state, told = pack.rules.bind(pack.features), None, []
    for now in cutoffs.as_unit("us").asi8.tolist():
        rows = frame[block.cutoff == now]
        there = rows[~(left.reindex(rows.index) < timestamp(now)).to_numpy()]
        step = bound.step(there, now=timestamp(now), state=state, sources=dict.fromkeys(pack.feeds, timestamp(now)))
        state = step.state
        soon = (left.reindex(there.index) < timestamp(now + 30 * DAY)).mean()
        told.append(step.notifications.assign(base=soon))
    found = pd.concat(told)
    return found.assign(left_after=left.reindex(found["customer_id"]).to_numpy() - found["at"].to_numpy())


def test_failed_payments_come_before_the_departures_they_cause():
    world = cl.datasets.make_subscriptions(n_customers=300, random_state=2)
    pack = alerts.pack("saas").for_log(world.log)
    assert {"payment-failed", "logins-falling", "many-tickets"} <= {*pack.rules.ids}
    told = told_by(pack, world, pd.date_range("2023-06-01", "2024-09-01", freq="3D", tz="UTC"))
    failed = told[(told["rule"] == "payment-failed") & (told["reason"] == "fired")]
    soon = failed["left_after"] < pd.Timedelta(days=30)
    assert soon.mean() > 4 * failed["base"].mean()
    inside = world.truth["churned_at"].between(*pd.to_datetime(["2023-09-01", "2024-08-01"], utc=True))
    left = world.truth[inside & (world.truth["cause"] == "payment")]
    assert len(left) >= 10
    assert {*left.index} <= {*failed["customer_id"]}
    days = failed[soon & failed["customer_id"].isin(left.index)].groupby("customer_id")["left_after"].max()
    assert days.median() >= pd.Timedelta(days=float(pack.describe().loc["payment-failed", "days_ahead"]))


def test_on_the_simulated_shop_silence_says_twice_as_much_as_the_base_rate():
    world = cl.datasets.make_shop(n_customers=400, random_state=3)
    pack = alerts.pack("retail").for_log(world.log)
    told = told_by(pack, world, pd.date_range("2025-01-01", "2025-10-01", freq="7D", tz="UTC"))
    fired = told[told["reason"] == "fired"].assign(soon=lambda f: f["left_after"] < pd.Timedelta(days=30))
    rules = fired.groupby("rule", observed=True).agg(
        n=("soon", "size"), precision=("soon", "mean"), base=("base", "mean")
    )
    silent = rules.loc[["silent-30-days", "slower-than-usual", "no-second-order"]]
    assert (silent["n"] > 100).all()
    assert (silent["precision"] > 1.6 * silent["base"]).all()


# -- what can be changed -------------------------------------------------------------------------------


def test_a_changed_rule_says_its_condition_and_the_others_are_as_they_were():
    old = alerts.pack("retail")
    new = old.change("silent-30-days", when="visit.recency >= 45d", level=2, route={"owner": "me"})
    assert [rule for rule in new.rules if rule.id != "silent-30-days"] == [
        rule for rule in old.rules if rule.id != "silent-30-days"
    ]
    row = new.describe("zh").loc["silent-30-days"]
    assert (row["says"], row["level"], row["owner"]) == ("visit.recency >= 45d", 2, "me")
    assert new.change("no-guide", cooldown="1d").describe().loc["no-guide", "says"].startswith("a new customer")
    assert old.change("no-guide", id="guide").describe().loc["guide", "says"].startswith("a new customer")
    assert new.rules.calendar == old.rules.calendar


def test_calendar_sources_and_zone_are_those_of_the_caller():
    pack = alerts.pack("banking", calendar=CALENDAR, sources={"salary": "36h"}, timezone="Asia/Shanghai")
    assert dict(pack.rules.calendar) == {"holidays": (("2026-05-20", "2026-05-24"),)}
    assert {feed: str(age) for feed, age in pack.rules.sources} == {"activity": "2d", "open": "2d", "salary": "36h"}
    assert pack.rules.timezone == "Asia/Shanghai"
    assert pack.without("no-guide").rules.timezone == "Asia/Shanghai"


def test_the_zero_weight_of_a_duty_adds_nothing_to_the_score():
    weights = {rule.id: rule.weight for rule in alerts.pack("saas").rules}
    assert weights["no-guide"] == weights["no-adviser"] == 0
    assert min(weight for rule, weight in weights.items() if rule not in {"no-guide", "no-adviser"}) > 0


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: alerts.pack("retial"), ParameterError, "no pack 'retial' .*mean 'retail'"),
        (
            lambda: alerts.pack("retail", events={"visits": "x"}),
            ParameterError,
            "events names 'visits', which is no event",
        ),
        (
            lambda: alerts.pack("retail", attributes={"teir": "x"}),
            ParameterError,
            "names 'teir'.*mean 'tier'",
        ),
        (lambda: alerts.pack("retail", events={"order": []}), ParameterError, "names 0 events"),
        (lambda: alerts.pack("retail", attributes={"tier": ["a", "b"]}), ParameterError, "names 2 attributes"),
        (lambda: alerts.pack("retail", events={"order": 3}), ParameterTypeError, r"events\['order'\] is 3"),
        (
            lambda: alerts.pack("retail", events=["order"]),
            ParameterTypeError,
            "names of the log by role were.*'activity'",
        ),
        (
            lambda: alerts.pack("retail", events={"cancel": "order"}),
            ParameterError,
            "is both 'cancel' and 'order'.*Fix: events=",
        ),
        (lambda: alerts.pack("retail", attributes="tier"), ParameterTypeError, "Fix: attributes={'tier': "),
        (lambda: alerts.pack("retail", calendar=["2026-01-01"]), ParameterTypeError, "calendar is .*'holidays'"),
        (
            lambda: alerts.pack("retail", calendar={"holiday": ["2026-01-01"]}),
            ParameterError,
            "calendar names holiday, and no 'holidays'",
        ),
        (lambda: alerts.pack("retail", sources="6h"), ParameterTypeError, "sources is '6h'; ages by feed"),
        (lambda: alerts.pack("retail", language="de"), ParameterError, "language='de'"),
        (lambda: alerts.pack("retail").for_log("log"), ParameterTypeError, "log is a str"),
        (lambda: alerts.pack("retail", sources={"salary": "1d"}), ParameterError, "sources names 'salary'.*no feed"),
        (lambda: alerts.pack("retail").without("no-giude"), ParameterError, "there is no rule 'no-giude'"),
        (lambda: alerts.pack("retail").without(alerts.pack("retail").rules.ids), ParameterError, "no rule .* is left"),
        (lambda: alerts.pack("retail").change("no-guide", cool_down="1d"), ParameterError, "a rule has no 'cool_down'"),
        (lambda: alerts.pack("retail").change("no-guide", when="visits > 3"), SchemaError, "'visits' is no column"),
        (lambda: alerts.pack("retail").change("x", level=2), ParameterError, "there is no rule 'x'"),
        (lambda: alerts.pack("retail").describe("fr"), ParameterError, "language"),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, text):
    with pytest.raises(error, match=f"(?s){text}"):
        call()


def fires(pack: RulePack, trail: list[tuple[float, str]], days: list[float]) -> dict[str, list[float]]:
    """On which days each rule fires for a customer with these events, and is held back by nothing."""
    everything = [(0.0, need.names[0]) for need in pack.needs if need.sort == "event"]
    rows = [(1, *event) for event in trail] + [(2, *event) for event in everything]
    frame = pd.DataFrame(rows, columns=["who", "day", "kind"])
    frame["at"] = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(frame["day"] * 86_400, unit="s")
    log = cl.EventLog.from_frame(frame, customer="who", time="at", kind="kind", complete_until="2027-06-01")
    pack = pack.for_log(log)
    bound, state, found = pack.rules.bind(pack.features), None, {}
    for day in days:
        now = pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(minutes=round(day * 1440))
        block = compute(log, now, pack.features)
        X = block.frame.set_axis(pd.Index(log.customers[block.customer_code], name="customer_id"))
        step = bound.step(X, now=now, state=state, sources=dict.fromkeys(pack.feeds, now))
        state = step.state
        mine = step.alerts[(step.alerts["customer_id"] == 1) & (step.alerts["suppressed_by"] == "")]
        for rule in mine["rule"]:
            found.setdefault(rule, []).append(day)
    return found


def test_a_complaint_that_was_closed_waits_for_no_contact():
    minute = 1 / 1440
    closed = [(50, "complaint"), (50 + 2 * minute, "complaint_solved"), (60, "grave_complaint"), (60.01, "call_back")]
    found = fires(alerts.pack("saas"), closed, [50 + 10 * minute, 51, 60 + 10 * minute, 61])
    assert "complaint-uncontacted" not in found
    assert found["grave-complaint-uncontacted"] == [60 + 10 * minute]


def test_what_is_paid_back_for_cancelled_orders_hides_no_warning():
    trail = [(10, "order"), (20, "cancel"), (20.5, "refund"), (25, "cancel"), (25.5, "refund")]
    found = fires(alerts.pack("retail"), trail, [21, 24, 26, 40])
    assert found["cancelled-twice"] == [26, 40]
    assert found["refunded"] == [21, 24, 26, 40]


def test_a_key_feature_that_was_never_used_is_unused():
    found = fires(alerts.pack("saas"), [(day, "login") for day in range(0, 60, 2)], [20.9, 21, 24, 58])
    assert found["key-feature-unused"] == [24, 58]  # it has to last for two days


def test_one_refund_does_not_silence_the_rules_for_ever():
    trail = [*((day, "visit") for day in range(0, 40, 4)), (1, "order"), (30, "order"), (38, "refund")]
    found = fires(alerts.pack("retail"), trail, [40, 60, 67.9, 68, 70, 80])
    assert found["refunded"] == [40, 60, 67.9]
    assert found["silent-30-days"] == [68, 70, 80]


def test_a_rule_may_be_renamed_though_others_are_held_back_by_it():
    shop = alerts.pack("retail").change("refunded", id="money-back")
    assert "money-back" in shop.rules["silent-30-days"].inhibited_by
    assert shop.describe().index.tolist() == list(shop.rules.ids)


def test_a_rule_that_became_the_loss_warns_of_nothing():
    assert np.isnan(
        alerts.pack("retail").change("no-second-order", is_loss=True).describe().loc["no-second-order", "days_ahead"]
    )


@pytest.mark.parametrize("name", NAMES)
def test_of_one_language_reasons_need_not_name_it(name):
    whole = alerts.pack(name)
    for language in ("en", "zh"):
        one = alerts.pack(name, language=language)
        assert {rule.id: dict(rule.because) for rule in one.rules} == {
            rule.id: {language: dict(rule.because)[language]} for rule in whole.rules
        }
        assert one.features == whole.features
        assert RuleSet.from_toml(one.rules.to_toml()) == one.rules
    world = world_of(name)
    one = alerts.pack(name, language="zh").for_log(world.log())
    *_, (_, step) = steps_of(one, world, world.instants[:12], fresh=True)
    assert step.because()["text"].str.contains("[\u4e00-\u9fff]").all()


def test_columns_that_no_text_can_name_are_left_out_of_it():
    pack = alerts.pack("telecom", events={"activity": "session:data"})
    assert dict(pack.rules["silent-30-days"].because)["en"] == "no activity for … days"


def test_the_files_hold_nothing_that_no_rule_reads():
    for name in NAMES:
        text = pack_text(name)
        read = {column for rule in text["rule"] for key in ("when", "clear") if key in rule
                for column in Expression(rule[key]).names}  # fmt: skip
        assert read == {*text["feature"]}
        made = [*text["feature"].values()]
        played = {role for entry in made for key in ("kind", "over", "attribute") if key in entry
                  for role in ([entry[key]] if isinstance(entry[key], str) else entry[key])}  # fmt: skip
        assert played == {*text["event"], *text["attribute"]}
        assert {*text["feed"]} <= {*text["event"]}
        assert len({rule["id"] for rule in text["rule"]}) == len(text["rule"])


# -- with the rest of the room -------------------------------------------------------------------------


def test_a_watch_tells_in_chinese_that_a_complaint_waits():
    pack = alerts.pack("telecom").without(
        [rule for rule in alerts.pack("telecom").rules.ids if "complaint-" not in rule]
    )
    features = OnlineFeatures(pack.features, customer="who", time="at", kind="what")
    watch = alerts.Watch(features, pack.rules, tick="1min", language="zh")
    watch.take([{"who": "ann", "at": "2026-03-02 10:00:30", "what": "complaint"}])
    told = watch.advance("2026-03-02 10:40:00")
    assert [(str(notice.at)[11:16], notice.rule, notice.reason, notice.level) for notice in told] == [
        ("10:06", "complaint-uncontacted", "fired", 2),
        ("10:31", "complaint-uncontacted", "escalated", 3),
        ("10:31", "complaint-unsolved", "fired", 2),
    ]
    assert told[0].text == "1 件投诉超过 5 分钟无人联系"


def test_a_backtest_leaves_the_loss_out():
    log = cl.datasets.make_shop(n_customers=150, random_state=5).log
    pack = alerts.pack("retail").for_log(log)
    cutoffs = cl.weekly("2025-03-01", "2025-07-01")
    data = cl.build_dataset(
        log, cutoffs=cutoffs, lead="0d", horizon="30d", churn=cl.Inactivity("60d"), features=pack.features
    )
    table = pack.rules.backtest(data, sources=pack.feeds, recency="visit.recency", n_boot=20).table
    assert {*table[table["part"] == "rule"]["name"]} == {*pack.rules.ids} - {"refunded"}
    assert (table.set_index("name").loc[["silent-30-days", "slower-than-usual"], "warnings"] > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_features_are_those_of_the_batch_event_by_event(name):
    log = late_feed(world_of(name), ACTIVITY[name], 150, 160).log()
    some = log.subset(log.customer_codes % 4 == 0)
    refused = assert_online_parity(alerts.pack(name).features, some, ["2026-05-10", "2026-06-03", "2026-06-20"])
    assert not refused
