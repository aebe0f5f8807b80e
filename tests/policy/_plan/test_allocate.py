"""Plans: what is chosen pays, what is not has a reason that can be retraced, and bad input is named."""

from __future__ import annotations

import html
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import (
    ChurnlibError,
    DataError,
    DuplicateError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
)
from churnlib.policy import Action, ContactPolicy, Cooldown, OnTier, Plan, QuietAfter, Quota, allocate, candidates

DAY = "2026-03-02"
INDEX = pd.Index(["ann", "bob", "cem", "dan", "eve", "fay"], name="customer_id")
CALL = Action("call", cost=6, channel="phone", capacity=2)
MAIL = Action("mail", cost=1, channel="email")


def gains() -> pd.DataFrame:
    return pd.DataFrame({"call": [40.0, 30, 30, 9, 2, -5], "mail": [10.0, 9, 9, 4, 3, -1]}, index=INDEX)


def world(n: int, seed: int, **options) -> Plan:
    """Allocate three actions on two channels for customers of two tiers."""
    rng = np.random.default_rng(seed)
    index = pd.Index(rng.permutation(10 * n)[:n], name="customer_id")
    gain = pd.DataFrame(rng.normal(6, 8, (n, 3)), index=index, columns=["call", "mail", "visit"])
    customers = pd.DataFrame(
        {"tier": rng.choice(["A", "B"], n), "call_cost": rng.gamma(4, 1, n), "open": rng.random(n) < 0.7}, index=index
    )
    actions = [
        Action("call", cost="call_cost", channel="phone", capacity=n // 4, eligible="open"),
        Action("mail", cost=1, channel="email"),
        Action("visit", cost=9, channel="phone"),
    ]
    return allocate(
        gain, actions=actions, customers=customers, **({"budget": 1.2 * n, "on": DAY, "tier": "tier"} | options)
    )


# --- what is chosen --------------------------------------------------------------------------


def test_the_best_plan_of_a_small_world() -> None:
    plan = allocate(gains(), actions=[CALL, MAIL], on=DAY)
    assert plan.frame["action"].tolist() == ["call", "call", "mail", "mail", "mail", "none"]
    assert plan.frame["channel"].tolist()[:5] == ["phone", "phone", "email", "email", "email"]
    assert plan.frame["value"].tolist() == [34.0, 24.0, 8.0, 3.0, 2.0, 0.0]
    assert plan.frame["cost"].tolist() == [6.0, 6.0, 1.0, 1.0, 1.0, 0.0]
    assert (plan.value, plan.cost, plan.upper_bound, plan.gap) == (71.0, 15.0, 71.0, 0.0)
    assert plan.frame["on"].unique().tolist() == [pd.Timestamp(DAY)]
    assert plan.counts.to_dict() == {"none": 1, "call": 2, "mail": 3}
    # the last call and the next one bring 24 in place of a letter that brings 8
    assert plan.shadow_price.to_dict() == {"phone": 16.0}


@given(st.integers(0, 300), st.sampled_from([0.0, 0.1]), st.sampled_from([0.0, 0.05]))
def test_every_plan_keeps_its_limits_and_chooses_what_pays(seed: int, holdout: float, explore: float) -> None:
    plan = world(50, seed, holdout=holdout, explore=explore, quotas=[Quota("A", at_most=12, budget=50)])
    assert (plan.limits["used"] <= plan.limits["at_most"] + 1e-9).all()
    chosen = plan.frame[(plan.frame["action"] != "none") & ~plan.frame["explored"]]
    assert (chosen["value"] > 0).all()
    assert plan.value == pytest.approx(plan.frame["value"].sum())
    assert plan.frame.loc[plan.frame["action"] == "none", ["value", "cost"]].eq(0).all(axis=None)
    allocated = plan.parts.solution
    assert allocated.value <= plan.upper_bound + 1e-9


@given(st.integers(0, 200))
def test_a_ceiling_is_the_cost_at_which_an_action_stops_to_be_worth_it(seed: int) -> None:
    plan = world(50, seed, quotas=[Quota("A", at_most=12, budget=40)])
    parts, ceiling = plan.parts, plan.ceilings.to_numpy()
    cost = parts.options.cost
    price = sum((charge for _, charge in parts.charges()), start=np.zeros(cost.shape))
    left = parts.net() - price
    open_to = parts.may()
    assert (np.isnan(ceiling) == ~open_to).all()
    assert ((cost < ceiling - 1e-9) <= (left > 0))[open_to].all()
    assert ((cost > ceiling + 1e-9) <= (left < 0))[open_to].all()


def test_a_ceiling_by_hand() -> None:
    index = pd.Index([1, 2, 3], name="customer_id")
    plan = allocate(pd.Series([30.0, 16.0, 5.0], index=index), actions=Action("call", cost=10), budget=10)
    # the budget's price is that of the second customer, 6 / 10; the first may cost 30 / 1.6
    assert plan.shadow_price["budget"] == pytest.approx(0.6)
    assert plan.ceilings["call"].tolist() == pytest.approx([18.75, 10.0, 3.125])


def test_the_shadow_price_is_what_one_more_unit_brings() -> None:
    base = {"actions": [CALL, MAIL], "on": DAY}
    more = Action("call", cost=6, channel="phone", capacity=3)
    plan = allocate(gains(), **base)
    wider = allocate(gains(), actions=[more, MAIL], on=DAY)
    assert wider.value - plan.value == pytest.approx(plan.shadow_price["phone"])


def test_budgets_without_end_and_of_nothing() -> None:
    free = allocate(gains(), actions=[CALL, MAIL])
    endless = allocate(gains(), actions=[CALL, MAIL], budget=float("inf"))
    pd.testing.assert_frame_equal(free.frame, endless.frame)
    assert "budget" not in free.shadow_price
    broke = allocate(gains(), actions=[CALL, MAIL], budget=0)
    assert (broke.frame["action"] == "none").all()
    assert broke.skipped.groupby("reason").size().to_dict() == {"budget": 5, "does not pay": 1}
    gift = allocate(gains(), actions=[CALL, Action("mail", cost=0)], budget=0)
    assert gift.counts["mail"] == 5


def test_tiers_have_their_own_numbers_and_money() -> None:
    rng = np.random.default_rng(0)
    n = 2500
    index = pd.Index(range(n), name="customer_id")
    tier = pd.Series(np.repeat(["A", "B", "D"], [700, 1300, 500]), index=index)
    gain = pd.DataFrame({"adviser": rng.gamma(4, 40, n), "mail": rng.gamma(2, 5, n)}, index=index)
    quotas = [
        Quota("A", at_most=500, budget=20_000),
        Quota("A", actions="adviser", budget=15_000),
        Quota("B", at_most=1200, budget=10_000),
        Quota("D", at_most=800, budget=5_000),
    ]
    actions = [Action("adviser", cost=60, channel="adviser"), Action("mail", cost=2)]
    plan = allocate(gain, actions=actions, tier=tier, quotas=quotas, on=DAY)
    used = plan.limits["used"]
    assert (used <= plan.limits["at_most"]).all()
    assert list(used.index) == ["quota A", "budget A", "budget A adviser", "quota B", "budget B", "quota D", "budget D"]
    of_a = plan.frame[tier == "A"]
    assert used["quota A"] == (of_a["action"] != "none").sum() == 500
    assert used["budget A adviser"] == of_a.loc[of_a["action"] == "adviser", "cost"].sum()
    assert 14_940 <= used["budget A adviser"] <= 15_000
    assert {"quota A", "budget B", "budget D"} <= set(plan.skipped["reason"])


def test_numbers_by_tier_and_the_least_that_a_tier_must_get() -> None:
    tier = pd.Series(["A", "A", "B", "B", "B", "B"], index=INDEX)
    plan = allocate(gains(), actions=[CALL, MAIL], tier=tier, quotas={"A": 1, "B": Quota(at_most=2)})
    assert plan.limits["used"].to_dict() == {"phone": 2.0, "quota A": 1.0, "quota B": 2.0}
    more = allocate(gains()[["mail"]], actions=[MAIL], budget=2, tier=tier, quotas=Quota("B", at_least=2))
    assert more.frame.loc[tier == "B", "action"].tolist() == ["mail", "mail", "none", "none"]
    assert more.shadow_price["quota B"] < 0


def test_a_quota_that_cannot_be_met_says_which_and_by_how_much() -> None:
    tier = pd.Series(["A", "A", "B", "B", "B", "B"], index=INDEX)
    with pytest.raises(ChurnlibError, match="quota A"):
        allocate(gains()[["call"]], actions=[CALL], tier=tier, budget=6, quotas=Quota("A", at_least=2))


# --- why not ---------------------------------------------------------------------------------


def test_every_reason_is_named() -> None:
    index = pd.Index(range(9), name="customer_id")
    gain = pd.DataFrame({"call": [30.0, 30, 30, 20, 8, 3, 28, 28, 60]}, index=index)
    customers = pd.DataFrame({"open": [True, False, *[True] * 7], "tier": list("AAAAAAAAB")}, index=index)
    candidates = pd.DataFrame({"call": [True, True, False, *[True] * 6]}, index=index)
    history = pd.DataFrame({"customer_id": [6], "action": ["call"], "on": ["2026-02-25"], "channel": ["phone"]})
    plan = allocate(
        gain,
        actions=[Action("call", cost=6, channel="phone", capacity=2, eligible="open")],
        customers=customers,
        candidates=candidates,
        contact_policy=ContactPolicy([Cooldown("30d")]),
        history=history,
        on=DAY,
        tier="tier",
        quotas={"B": 0},
    )
    reasons = plan.skipped.set_index("customer_id")["reason"]
    assert plan.frame.index[plan.frame["action"] == "call"].tolist() == [0, 7]
    assert reasons[1] == "not eligible"
    assert reasons[2] == "not a candidate"
    assert "cool" in reasons[6].lower()
    assert reasons[3] == reasons[4] == "capacity phone"
    assert reasons[5] == "does not pay"
    assert reasons[8] == "quota B"
    for customer, reason in reasons.items():
        said = plan.explain(customer=customer)
        assert said.reason == reason
        assert f"({reason})" in repr(said)


@given(st.integers(0, 300))
def test_everybody_without_action_has_one_reason_that_holds(seed: int) -> None:
    plan = world(60, seed, holdout=0.1, explore=0.02)
    frame, skipped = plan.frame, plan.skipped.set_index("customer_id")
    assert sorted(skipped.index) == sorted(frame.index[frame["action"] == "none"])
    assert skipped["reason"].notna().all()
    assert (skipped["reason"] == "holdout").sum() == frame["holdout"].sum()
    net, may = pd.DataFrame(plan.parts.net(), index=frame.index), pd.DataFrame(plan.parts.may(), index=frame.index)
    pays = (net.where(may) > 0).any(axis=1)
    assert not pays[skipped.index[skipped["reason"] == "does not pay"]].any()
    assert not (net > 0).any(axis=1)[skipped.index[skipped["reason"] == "does not pay"]].any()
    rationed = skipped[skipped["reason"].isin(["budget", "capacity phone"])]
    assert pays[rationed.index].all()
    assert (rationed["value"] > 0).all()


def test_who_is_left_out_by_a_price_is_worth_less_than_it() -> None:
    plan = world(3000, 1)
    budget = plan.skipped[plan.skipped["reason"] == "budget"]
    assert len(budget) > 100
    # but for the few whom the limits, filled with whole customers, have no room left for
    assert (budget["value"] < budget["price"] + 1e-9).mean() > 0.97


def test_who_would_pay_and_finds_no_room_is_told_so() -> None:
    index = pd.Index(["ann", "bob"], name="customer_id")
    cost = pd.Series([6.0, 5.0], index=index)
    plan = allocate(pd.Series([30.0, 16.0], index=index), cost=cost, budget=10)
    assert plan.skipped[["customer_id", "reason"]].to_numpy().tolist() == [["bob", "budget"]]
    for customer, left in (("bob", plan.skipped["value"][0] - plan.skipped["price"][0]), ("ann", 0.0)):
        assert ("no room is left" in repr(plan.explain(customer=customer))) == (left > 1e-6)


def test_an_explanation_reads_well_and_holds_the_numbers() -> None:
    plan = allocate(gains(), actions=[CALL, MAIL], on=DAY)
    said = plan.explain(customer="cem")
    assert repr(said) == (
        "cem on 2026-03-02: mail (chosen).\nmail gains 9.00 and costs 1.00: it brings 8.00.\nIt may cost at most 9.00."
    )
    assert said.options.loc["call", "price"] == 16.0
    assert said.options.loc["call", "ceiling"] == 14.0
    assert said.options["propensity"].tolist() == [0.0, 1.0]
    numbers = allocate(pd.Series([5.0], index=pd.Index([7], name="customer_id")), on=DAY)
    assert repr(numbers.explain(customer="7")) == repr(numbers.explain(customer=7))


def test_an_explanation_of_chance() -> None:
    index = pd.Index(range(300), name="customer_id")
    plan = allocate(pd.Series(20.0, index=index), actions=CALL, holdout=0.1, explore=0.01, on=DAY)
    held = plan.frame.index[plan.frame["holdout"] & (plan.frame["allocated"] == "none")][0]
    assert repr(plan.explain(customer=held)) == f"{held} on 2026-03-02: no action (holdout)."
    explored = plan.frame.index[plan.frame["explored"] & (plan.frame["action"] == "call")]
    assert "Without chance it would have been nothing." in repr(plan.explain(customer=explored[0]))


def test_what_came_up_is_said() -> None:
    class Came:
        allowed = pd.DataFrame({"contact": [True, False]}, index=pd.Index([1, 2], name="customer_id"))
        reasons = pd.DataFrame({"customer_id": [1, 1], "action": "contact", "because": ["no visit", "complaint"]})

    plan = allocate(pd.Series([5.0, 5.0], index=Came.allowed.index), candidates=Came())
    assert plan.explain(customer=1).because == ("no visit", "complaint")
    assert "It came up because of no visit; complaint." in repr(plan.explain(customer=1))
    assert plan.explain(customer=2).because == ()
    assert "contact is not allowed: not a candidate." in repr(plan.explain(customer=2))


def test_candidates_know_their_actions_their_day_and_who_is_eligible() -> None:
    customers = pd.DataFrame(
        {"days": [3, 40, 3], "tier": ["A", "B", "B"]}, index=pd.Index([1, 2, 3], name="customer_id")
    )
    call = Action("call", cost=6, eligible="days < 30d")
    found = candidates(customers, [call], on=DAY, triggers=[OnTier("call", "A")], tiers="tier", units={"days": "days"})
    plan = allocate(pd.Series([20.0, 30, 40], index=customers.index), candidates=found)
    assert plan.on == pd.Timestamp(DAY)
    assert plan.frame["action"].tolist() == ["call", "none", "none"]
    assert plan.skipped["reason"].tolist() == ["not eligible", "not a candidate"]
    assert plan.explain(customer=1).because == ("tier A",)


def test_the_notebook_shows_a_plan_and_runs_no_code_of_customers() -> None:
    gain = pd.Series([5.0], index=pd.Index(["<script>"], name="customer_id"))
    plan = allocate(gain, actions=Action("<b>", cost=1, channel="<i>", capacity=1), on=DAY)
    for shown in (plan._repr_html_(), plan.explain(customer="<script>")._repr_html_(), plan.log()._repr_html_()):
        assert "<b>" not in shown
        assert "<script>" not in shown
        assert html.escape("<b>") in shown


def test_the_notebook_example_runs() -> None:
    log = cl.datasets.make_shop(n_customers=300, random_state=3).log
    data = cl.build_dataset(
        log,
        cutoffs=cl.monthly("2025-03", "2025-09"),
        lead="7d",
        horizon="60d",
        churn=cl.Inactivity("60d", kinds="order"),
        features=cl.FeatureSpec.standard(),
    )
    model = cl.ChurnClassifier(random_state=0).fit(data.X, data.y)
    now = data.latest()
    offer = cl.RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)
    call = Action("call", cost=6, channel="phone", capacity=20)
    plan = allocate(model.expected_gain(now.X, offer), actions=[call], budget=5_000, holdout=0.05)
    assert plan.on == now.cutoff[0].tz_localize(None).normalize()
    assert plan.explain(customer=now.customer[0]).customer == now.customer[0]
    assert plan.skipped.groupby("reason").size().sum() == (plan.frame["action"] == "none").sum()
    assert plan.shadow_price["phone"] > 0
    assert plan.limits.loc["phone", "allocated"] == 20


# --- where values and costs come from --------------------------------------------------------


def test_costs_and_values_from_wherever_they_stand() -> None:
    gain = gains()
    customers = pd.DataFrame({"c": [1.0, 2, 3, 4, 5, 6], "g": gain["call"]}, index=INDEX)
    by_number = allocate(gain["call"], cost=6, on=DAY)
    by_action = allocate(gain["call"], actions=Action("contact", cost=6), on=DAY)
    pd.testing.assert_frame_equal(by_number.frame, by_action.frame)
    own = allocate(None, actions=Action("contact", value="g", cost="c"), customers=customers)
    given_apart = allocate(gain["call"], cost=customers["c"])
    assert own.frame["value"].tolist() == given_apart.frame["value"].tolist()
    frame = allocate(gain, cost={"mail": 1.0, "call": 6.0})
    matrix = allocate(gain, cost=pd.DataFrame({"mail": 1.0, "call": 6.0}, index=INDEX[::-1]))
    pd.testing.assert_frame_equal(frame.frame, matrix.frame)
    mixed = allocate(gain[["mail"]], actions=[Action("gift", value=100, cost=1), Action("mail", cost=1)])
    assert (mixed.frame["action"] == "gift").all()
    same = allocate(gain["call"], actions=[Action("dear", cost=6), Action("cheap", cost=1)])
    assert same.counts.to_dict() == {"none": 1, "dear": 0, "cheap": 5}


def test_customers_are_matched_by_id_in_any_frame() -> None:
    gain = gains()
    action = Action("call", cost="c", eligible="c < 5")
    table = pd.DataFrame({"customer_id": [*INDEX[::-1], "zoe"], "c": [6.0, 5, 4, 3, 2, 1, 9]})
    plans = [
        allocate(gain[["call"]], actions=[action], customers=each)
        for each in (table, table.set_index("customer_id"), pl.DataFrame(table))
    ]
    for plan in plans:
        assert plan.parts.options.cost[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        assert plan.parts.may()[:, 0].tolist() == [True, True, True, True, False, False]


def test_the_day_comes_from_the_cutoff_or_from_on() -> None:
    index = pd.MultiIndex.from_product(
        [[1, 2], [pd.Timestamp("2026-03-02 09:00", tz="Europe/Berlin")]], names=["customer_id", "cutoff"]
    )
    value = pd.Series([5.0, 6.0], index=index)
    assert allocate(value).on == pd.Timestamp("2026-03-02")
    assert allocate(value, on="2026-04-01").on == pd.Timestamp("2026-04-01")
    assert pd.isna(allocate(gains()["call"]).on)
    assert repr(allocate(gains()["call"])).startswith("Plan(6 customers")


# --- bad input -------------------------------------------------------------------------------

TIER = pd.Series(list("AABBBB"), index=INDEX)
TWICE = pd.concat([gains(), gains().iloc[:1]])
CUTOFFS = gains().set_axis(
    pd.MultiIndex.from_arrays(
        [INDEX, pd.to_datetime(["2026-03-02"] * 3 + ["2026-04-02"] * 3)], names=["customer_id", "cutoff"]
    )
)
BAD = [
    ({"value": [1.0, 2.0]}, ParameterTypeError, "value is a list"),
    ({"value": None}, ParameterError, "neither values nor customers"),
    ({"value": gains().reset_index(drop=True)}, SchemaError, "customers are unknown"),
    ({"value": gains().iloc[:0]}, DataError, "there are no customers"),
    ({"value": TWICE}, DuplicateError, r"1 of 6 customers have more than one row in value \(ann\)"),
    ({"value": CUTOFFS}, ParameterError, "2 cutoffs"),
    ({"value": gains().replace(40.0, np.nan)}, DataError, r"1 of 6 customers have a value that is missing .* \(ann\)"),
    ({"value": gains().replace(40.0, np.inf)}, DataError, "missing or infinite"),
    ({"value": gains().astype(str)}, SchemaError, "amounts of money"),
    (
        {"value": gains().rename(columns={"call": "cal"})},
        SchemaError,
        "columns cal that are no action .*did you mean 'call'",
    ),
    ({"value": gains()[["call"]]}, SchemaError, "no column of its own for mail"),
    ({"value": None, "customers": gains()}, ParameterError, "call, mail states no value"),
    ({"actions": [Action("call", value=3), MAIL]}, ParameterError, "call states its value, and has a column"),
    ({"actions": [CALL, CALL]}, ParameterError, "two actions"),
    ({"cost": 6}, ParameterError, "cost= is given, and call, mail states a cost"),
    ({"actions": None, "cost": -1}, DataError, r"6 of 6 customers have a cost .* the first is -1"),
    ({"actions": None, "cost": "six"}, ParameterTypeError, "cost is a str"),
    ({"actions": None, "cost": {"call": 1}}, SchemaError, "cost has no column of its own for mail"),
    ({"actions": None, "cost": gains().iloc[1:].abs()}, SchemaError, r"1 of 6 customers are not in cost \(ann\)"),
    ({"actions": None, "cost": TWICE.abs()}, DuplicateError, "more than one row in cost"),
    ({"actions": [Action("call", cost="c"), MAIL]}, ParameterError, "cost of action 'call' is read from the customers"),
    ({"actions": [Action("call", eligible="c > 1"), MAIL]}, ParameterError, "condition of action 'call'"),
    (
        {"actions": [Action("call", value="v"), MAIL], "value": gains()[["mail"]]},
        ParameterError,
        "value of action 'call'",
    ),
    ({"customers": gains().iloc[:4]}, SchemaError, r"2 of 6 customers are not in customers \(eve, fay\)"),
    ({"candidates": gains() > 0, "value": gains()}, None, ""),
    ({"candidates": (gains() > 0).iloc[:3]}, SchemaError, "3 of 6 customers are not in candidates"),
    ({"candidates": gains()}, DataError, "other values than True and False"),
    ({"candidates": 7}, ParameterTypeError, "candidates is a int"),
    ({"candidates": gains()[["call"]] > 0}, SchemaError, "candidates has no column of its own for mail"),
    ({"budget": -1}, ParameterError, "budget=-1 is out of range"),
    ({"budget": float("nan")}, ParameterError, "budget=nan is out of range"),
    ({"budget": "much"}, ParameterTypeError, "budget is 'much'"),
    ({"contact_policy": [Cooldown("30d")]}, ParameterTypeError, "contact_policy is a list"),
    ({"holdout": 1}, ParameterError, "holdout=1 holds everybody out"),
    ({"holdout": -0.1}, ParameterError, "holdout=-0.1 is out of range"),
    ({"explore": 1.0}, ParameterError, "explore=1 leaves nothing"),
    (
        {"explore": 0.9, "budget": 5},
        ParameterError,
        "exploring 0.9 of the customers may take 14 of the 5 money of 'budget'",
    ),
    ({"salt": 5}, ParameterTypeError, "salt is 5"),
    ({"salt": ""}, ParameterError, "salt is empty"),
    ({"salt": "holdout"}, ParameterError, "both 'holdout'"),
    ({"on": 20260302}, ParameterTypeError, "on=20260302 is no day"),
    ({"on": "next week"}, ParameterError, "on='next week' is no day"),
    ({"quotas": {"A": 5}}, ParameterError, "about a tier, and no tiers are given"),
    ({"tier": TIER, "quotas": {"a": 5}}, ParameterError, "no customer is in tier 'a'"),
    ({"tier": TIER, "quotas": {"A": "five"}}, ParameterTypeError, "the quota of 'A' is a str"),
    ({"tier": TIER, "quotas": {"A": Quota("B", at_most=1)}}, ParameterError, "is about tier 'B'"),
    ({"tier": TIER, "quotas": "A"}, ParameterTypeError, "quotas is a str"),
    ({"tier": TIER, "quotas": [5]}, ParameterTypeError, "5 is no quota"),
    ({"tier": TIER, "quotas": [Quota("A", at_most=1)] * 2}, ParameterError, "two limits are called 'quota A'"),
    (
        {"quotas": Quota(actions="cal", at_most=1)},
        ParameterError,
        "names cal, which is no action .*did you mean 'call'",
    ),
    ({"tier": "tier"}, ParameterError, "names a column, and no customers"),
    ({"tier": list("AABBBB")}, ParameterTypeError, "tier is a list"),
    ({"tier": TIER.replace("A", np.nan)}, DataError, r"2 of 6 customers have no tier \(ann, bob\)"),
    ({"tier": TIER.iloc[1:]}, SchemaError, "1 of 6 customers are not in tier"),
]


@pytest.mark.parametrize(("changed", "error", "said"), BAD)
def test_bad_input_is_named(changed: dict, error: type[Exception] | None, said: str) -> None:
    options = {"value": gains(), "actions": [CALL, MAIL]} | changed
    value = options.pop("value")
    if error is None:
        allocate(value, **options)
        return
    with pytest.raises(error, match=said):
        allocate(value, **options)


def test_a_channel_may_not_be_called_as_the_budget() -> None:
    with pytest.raises(ParameterError, match="two limits are called 'budget'"):
        allocate(gains()["call"], actions=Action("call", channel="budget", capacity=3), budget=5)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"at_most": -1}, ParameterError, "at_most=-1 is out of range"),
        ({"at_most": "five"}, ParameterTypeError, "at_most is 'five'"),
        ({"at_most": 1, "at_least": 2}, ParameterError, "at least 2 and at most 1"),
        ({}, ParameterError, "quota 'A' limits nothing"),
        ({"budget": float("nan")}, ParameterError, "budget=nan is out of range"),
    ],
)
def test_quotas_that_make_no_sense(options: dict, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        Quota("A", **options)


def test_a_category_without_customers_is_a_tier() -> None:
    tier = TIER.astype(pd.CategoricalDtype(["A", "B", "D"]))
    plan = allocate(gains(), actions=[CALL, MAIL], tier=tier, quotas={"D": 3})
    assert plan.limits.loc["quota D", "used"] == 0


def test_two_plans_for_one_customer_and_day() -> None:
    plan, other = (allocate(gains()["call"], on=DAY) for _ in range(2))
    with pytest.raises(
        DuplicateError, match=r"6 customers have two plans on 2026-03-02 \(ann, bob, cem, dan, eve, … 1 more\)"
    ):
        plan.check_against(other)
    plan.check_against(allocate(gains()["call"], on="2026-03-03"), allocate(gains()["call"]))
    one = allocate(gains()["call"].iloc[:1], on=DAY)
    with pytest.raises(DuplicateError, match=r"1 customer has two plans on 2026-03-02 \(ann\)"):
        one.check_against(plan)
    with pytest.raises(ParameterTypeError, match="is no plan"):
        plan.check_against(plan.frame)


def test_nobody_by_that_name() -> None:
    with pytest.raises(DataError, match="customer 'bop' is not in the plan of 6 customers"):
        allocate(gains()["call"]).explain(customer="bop")
    with pytest.raises(DataError, match="is not in the plan"):
        allocate(gains()["call"]).explain(customer=["ann"])


def test_an_explanation_is_about_the_action_that_the_list_names() -> None:
    for seed in range(4):
        plan = world(40, seed, holdout=0.1)
        for row in plan.skipped.itertuples():
            said = plan.explain(customer=row.customer_id)
            assert said.reason == row.reason
            if row.reason != "holdout":
                assert said.about == row.action
                assert said.options.loc[said.about, "value"] == row.value
                assert said.options.loc[said.about, "price"] == row.price == pytest.approx(sum(said.limits.values()))


def test_events_and_the_zone_reach_the_contact_rules() -> None:
    value = pd.Series([9.0, 9.0], index=pd.Index(["ann", "bob"], name="customer_id"))
    events = pd.DataFrame({"customer_id": ["ann"], "kind": ["complaint"], "time": ["2026-03-01T20:00Z"]})
    asked = {"contact_policy": ContactPolicy([QuietAfter("complaint", "30d")]), "events": events, "on": "2026-03-02"}
    plan = allocate(value, cost=1, **asked)
    assert plan.skipped[["customer_id", "reason"]].to_numpy().tolist() == [["ann", "quiet for 30d after complaint"]]
    in_tokyo = allocate(value, cost=1, timezone="Asia/Tokyo", **asked)  # 2 March begins there before the complaint
    assert in_tokyo.skipped.empty


def test_with_many_strata_the_error_names_a_share_that_fits_or_says_that_none_does() -> None:
    rng = np.random.default_rng(0)
    index = pd.Index(range(600), name="customer_id")
    names = list("abcde")
    gain = pd.DataFrame(rng.normal(3, 9, (600, 5)), index=index, columns=names)
    came_up = pd.DataFrame(rng.random((600, 5)) < 0.6, index=index, columns=names)
    actions = [Action(name, cost=3) for name in names]

    def plan(budget: float, explore: float) -> Plan:
        return allocate(gain, actions=actions, candidates=came_up, on="2026-03-02", budget=budget, explore=explore)

    with pytest.raises(ParameterError, match=r"in 32 strata of equal eligibility and tier even the fewest") as said:
        plan(150, 0.3)
    share = float(re.findall(r"explore=([\d.]+), or 0", str(said.value))[0])
    assert plan(150, share).parts.draw.explored.any()
    with pytest.raises(ParameterError, match=r"explore=0, more of 'budget', or fewer strata"):
        plan(60, 0.05)


def test_texts_of_a_plan_are_plain_and_group_without_a_warning() -> None:
    """A warning is an error: pandas 2 gives one where a group is a category."""
    plan = allocate(gains(), actions=[CALL, MAIL], on="2026-03-02")
    by_action = plan.frame.groupby("action").size()
    assert by_action.to_dict() == {name: n for name, n in plan.counts.items() if n}
    assert plan.counts.index.tolist() == ["none", *(action.name for action in [CALL, MAIL])]
    assert plan.skipped.groupby("action").size().sum() == plan.counts["none"]
    assert not any(isinstance(kind, pd.CategoricalDtype) for kind in plan.frame.dtypes)
