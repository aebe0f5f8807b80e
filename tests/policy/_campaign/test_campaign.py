"""What a campaign earned, when that can be known, and what is said when it cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnlib import EventLog
from churnlib.exceptions import DataError, DuplicateError, HistoryError, ParameterError, SchemaError
from churnlib.experiments import effect
from churnlib.policy import Action, PlanLog, allocate, campaign_result


def plan_of(n: int = 400, *, seed: int = 0, **columns) -> pd.DataFrame:
    held = np.random.default_rng(seed).random(n) < 0.2
    base = {
        "customer_id": np.arange(n),
        "action": np.where(held, "none", "mail"),
        "propensity": np.where(held, 0.2, 0.8),
    }
    return pd.DataFrame(base | columns)


def margins(plan: pd.DataFrame, *, seed: int = 1, gain: float = 3.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    sent = (plan["action"] != "none").to_numpy()
    return pd.DataFrame({"customer_id": plan["customer_id"], "margin": rng.gamma(2, 5, len(plan)) + gain * sent})


def orders(**amounts: list[tuple[str, float]]) -> EventLog:
    rows = [(name, at, amount) for name, bought in amounts.items() for at, amount in bought]
    frame = pd.DataFrame(rows, columns=["customer_id", "at", "total"])
    return EventLog.from_frame(frame, customer="customer_id", time="at", amount="total", complete_until="2026-06-01")


def test_with_equal_odds_it_is_the_effect_of_a_test() -> None:
    plan = plan_of()
    log = margins(plan)
    found = campaign_result(log, plan, action="mail", cost=0.5)
    test = effect(log["margin"], plan["action"], control="none")
    for name in ("low", "high", "standard_error", "df"):
        assert getattr(found, name) == pytest.approx(getattr(test, name)), name
    assert found.effect == pytest.approx(test.value)
    assert found.control_mean == pytest.approx(test.control_mean)
    n = int((plan["action"] == "mail").sum())
    assert (found.n_treated, found.n_contacted, found.n_control) == (n, n, 400 - n)
    assert found.incremental == pytest.approx(n * test.value)
    assert found.net_low == pytest.approx(n * test.low - 0.5 * n)
    assert found.verdict == "paid"
    assert "'mail' paid: " in repr(found)
    assert "net of costs" in found._repr_html_()


def test_shares_have_the_interval_of_shares() -> None:
    plan = plan_of()
    log = margins(plan).assign(kept=lambda frame: (frame["margin"] > 6).astype(int))
    found = campaign_result(log, plan, action="mail", value="kept")
    test = effect(log["kept"], plan["action"], control="none")
    assert (found.low, found.high) == pytest.approx((test.low, test.high))
    assert found.net is None
    assert found.verdict in {"worked", "not shown"}
    assert "points" in repr(found)
    assert "No costs were given" in repr(found)
    worth = campaign_result(log, plan, action="mail", value="kept", margin=150)
    assert worth.effect == pytest.approx(150 * found.effect)
    assert worth.money


def test_one_line_of_the_world_is_enough_to_be_wrong_about_the_sign() -> None:
    plan = plan_of(4000)
    assert campaign_result(margins(plan, gain=-2), plan, action="mail").verdict == "lost"
    kept = margins(plan, gain=-5).assign(kept=lambda frame: (frame["margin"] > 6).astype(int))
    assert campaign_result(kept, plan, action="mail", value="kept").verdict == "harmed"


def test_covariates_make_it_narrower_and_leave_it_where_it_is() -> None:
    plan = plan_of(2000)
    before = pd.Series(np.random.default_rng(2).gamma(2, 20, 2000), index=plan["customer_id"], name="before")
    log = margins(plan).assign(margin=lambda frame: frame["margin"] + before.to_numpy())
    plain = campaign_result(log, plan, action="mail", cost=0)
    for covariate in (before, before.to_frame(), before.to_numpy()):
        found = campaign_result(log, plan, action="mail", cost=0, covariate=covariate)
        assert found.standard_error < 0.4 * plain.standard_error
        assert abs(found.effect - 3) < 3 * found.standard_error
        assert "of the variance" in found.notes[-1]
    named = campaign_result(log, plan.assign(spent=before.to_numpy()), action="mail", cost=0, covariate="spent")
    assert named.effect == pytest.approx(found.effect)
    constant = campaign_result(log, plan, action="mail", cost=0, covariate=np.ones(2000))
    assert constant.effect == pytest.approx(plain.effect)


def test_an_event_log_is_summed_in_the_window_from_the_day_on() -> None:
    log = orders(
        a=[("2026-03-01 23:59", 100.0), ("2026-03-02 00:00", 1.0), ("2026-03-31 23:59", 2.0), ("2026-04-01", 100.0)],
        b=[("2026-03-05", 8.0), ("2026-03-06", -3.0)],
        c=[("2026-02-20", 40.0)],
    )
    plan = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "nobody knows", "e", "f"],
            "action": ["mail"] * 4 + ["none"] * 2,
            "propensity": 0.5,
            "on": "2026-03-02",
        }
    )
    found = campaign_result(log, plan, action="mail", window="30d", cost=0)
    assert (found.treated_mean, found.control_mean) == ((3 + 5 + 0 + 0) / 4, 0)
    assert found.outcome == "margin within 30d, 'total' taken as margin"
    third = campaign_result(log, plan, action="mail", margin=0.3)
    assert third.treated_mean == pytest.approx(0.6)
    assert third.outcome == "margin within 30d, 0.3 of 'total'"
    assert campaign_result(log, plan, action="mail", value="total").treated_mean == 2
    active = campaign_result(log, plan, action="mail", value="active")
    assert active.treated_mean == 0.5
    assert active.outcome == "customers active within 30d"
    day = campaign_result(log, plan.drop(columns="on"), action="mail", on="2026-03-02")
    assert day.effect == found.effect
    month = campaign_result(log, plan, action="mail", window="1mo")
    assert month.treated_mean == pytest.approx((103 + 5) / 4)
    given = campaign_result(log, plan, action="mail", covariate="before")
    assert given.method.startswith("difference of means given what was known before")


def test_sums_by_an_event_log_equal_those_by_hand() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 30, 900),
            "at": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 90 * 24, 900), unit="h"),
            "total": rng.integers(-500, 5000, 900) / 100,
        }
    )
    log = EventLog.from_frame(
        frame, customer="customer_id", time="at", amount="total", complete_until="2026-04-01", duplicates="keep"
    )
    days = pd.to_datetime(["2026-01-10", "2026-02-01"])
    plan = pd.DataFrame({"customer_id": np.tile(np.arange(30), 2), "on": np.repeat(days, 30)})
    plan["action"] = rng.choice(["mail", "none"], 60)
    plan["propensity"] = 0.5
    by_hand = np.array(
        [
            frame.loc[
                (frame["customer_id"] == row.customer_id)
                & (frame["at"] >= row.on)
                & (frame["at"] < row.on + pd.Timedelta(days=30)),
                "total",
            ].sum()
            for row in plan.itertuples()
        ]
    )
    found = campaign_result(log, plan, action="mail")
    sent = (plan["action"] == "mail").to_numpy()
    assert found.treated_mean == pytest.approx(by_hand[sent].mean())
    assert found.control_mean == pytest.approx(by_hand[~sent].mean())


def test_windows_that_are_not_over_are_refused_with_their_count() -> None:
    log = orders(a=[("2026-03-03", 1.0)])
    plan = plan_of(40, on="2026-05-15")
    with pytest.raises(HistoryError, match=r"for 40 of 40 decisions the 30d are not over: the last ends 2026-06-14"):
        campaign_result(log, plan.assign(customer_id=["a", *range(39)]).astype({"customer_id": str}), action="mail")
    plan = plan.assign(customer_id=["a", *map(str, range(39))])
    assert campaign_result(log, plan, action="mail", window="17d").known


def test_without_a_holdout_it_cannot_be_known() -> None:
    log = margins(plan_of())
    everybody = plan_of().assign(action="mail")
    used = log["margin"] > 9
    for plan, why in [
        (everybody.drop(columns="propensity"), "neither a holdout nor the propensities"),
        (everybody.assign(propensity=np.nan), "neither a holdout nor the propensities"),
        (everybody.assign(propensity=1.0), "there is nobody to compare with"),
        (plan_of().assign(propensity=1.0), "were certain to be: nobody like them was left alone by lot"),
        (everybody.assign(holdout=False).drop(columns="propensity"), "nobody was held out"),
    ]:
        found = campaign_result(log, plan, action="mail", redeemed=used.to_numpy(), cost=2)
        assert not found.known
        assert found.verdict == "cannot be known"
        assert why in found.why
        assert found.effect is None
        assert found.net is None
        assert "Next time: allocate(..., holdout=0.05)" in repr(found)
        assert "how much of it would have come anyway redemptions do not say" in repr(found)
        assert found.n_redeemed == int((used & (plan["action"] == "mail")).sum())
        assert found.credited == pytest.approx(log.loc[used & (plan["action"] == "mail"), "margin"].sum())
        assert "Cannot be known" in found._repr_html_()
        assert found.to_dict()["verdict"] == "cannot be known"


def test_before_and_after_are_refused() -> None:
    log = margins(plan_of())
    times = plan_of().assign(action=np.where(np.arange(400) < 200, "before", "after"))
    with pytest.raises(DataError, match=r"treatment holds times .*before and after differ by the season"):
        campaign_result(log, times, action="after")
    other_days = plan_of().assign(on=lambda plan: np.where(plan["action"] == "none", "2026-01-01", "2026-02-01"))
    with pytest.raises(DataError, match=r"untreated are of other days than the .* treated: before and after differ"):
        campaign_result(log, other_days, action="mail")


def test_a_holdout_alone_serves_too() -> None:
    """Without propensities: everybody who was planned for, contacted or not, against the holdout."""
    rng = np.random.default_rng(3)
    held, wanted = rng.random(3000) < 0.2, rng.random(3000) < 0.5
    plan = pd.DataFrame(
        {"customer_id": range(3000), "action": np.where(wanted & ~held, "mail", "none"), "holdout": held}
    )
    log = pd.DataFrame({"customer_id": range(3000), "margin": rng.normal(0, 1, 3000) + 4 * (wanted & ~held)})
    found = campaign_result(log, plan, action="mail", cost=1)
    assert abs(found.effect - 2) < 4 * found.standard_error
    assert found.cost == (wanted & ~held).sum()
    assert "contacted or not" in found.method
    meant = campaign_result(log, plan.assign(allocated=np.where(wanted, "mail", "none")), action="mail")
    assert abs(meant.effect - 4) < 4 * meant.standard_error
    assert meant.incremental_high - meant.incremental_low < found.incremental_high - found.incremental_low
    other = plan.assign(action=plan["action"].where(plan["customer_id"] % 2 == 0, "call"))
    assert "the whole plan, other actions included" in campaign_result(log, other, action="mail").method


@pytest.mark.parametrize("explore", [0.0, 0.3])
def test_plans_and_their_logs_are_read_with_exact_odds(explore) -> None:
    """The effect differs by action and by who gets it; only the right odds find that on the contacted."""
    customers = pd.Index(range(6000), name="customer_id")
    rng = np.random.default_rng(8)
    x = pd.Series(rng.normal(size=6000), index=customers)
    gain = pd.DataFrame({"call": 2 + 2 * x, "mail": 1.0 - x})
    actions = [Action("call", cost=1), Action("mail", cost=0.2)]
    plan = allocate(gain, actions=actions, holdout=0.2, explore=explore, salt="w", on="2026-03-02")
    done = plan.frame["action"].astype(str)
    margin = 10 + 5 * x + rng.normal(0, 2, 6000) + np.where(done == "call", gain["call"], 0)
    margin += np.where(done == "mail", gain["mail"], 0)
    log = margin.rename("margin").to_frame()
    found = campaign_result(log, plan, action="call")
    truth = gain.loc[done == "call", "call"].mean()
    assert abs(found.effect - truth) < 4 * found.standard_error
    assert found.cost == (done == "call").sum()
    written = campaign_result(log, PlanLog().append(plan), action="call")
    assert abs(written.effect - gain.loc[(done == "call") & ~plan.frame["explored"], "call"].mean()) < 4 * (
        written.standard_error
    )
    if not explore:
        assert written.effect == pytest.approx(found.effect)


def test_the_chances_of_the_log_bring_explorers_in_and_let_the_holdout_change() -> None:
    """With P(none) and P(allocated) in the log each row has its own odds; a common share would be wrong here.

    On the first day half are held out and everybody is worth 40 more; without the odds the effect is off by 15.
    """
    rng = np.random.default_rng(5)
    n, day = 20_000, np.repeat([0, 1], 10_000)
    held = rng.random(n) < np.where(day == 0, 0.5, 0.1)
    explored = ~held & (rng.random(n) < 0.2)
    action = np.where(held, "none", np.where(explored & (rng.random(n) < 0.5), "none", "mail"))
    calm = rng.random(n) < 0.1  # nothing was allocated to these
    action = np.where(calm & ~(explored & (action == "mail")), "none", action)
    free = 1 - np.where(day == 0, 0.5, 0.1)
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(n),
            "on": pd.to_datetime(np.where(day == 0, "2026-03-02", "2026-03-03")),
            "action": action,
            "allocated": np.where(calm, "none", "mail"),
            "holdout": held,
            "explored": explored,
            "propensity": 0.5,
            "propensity_none": (1 - free) + free * np.where(calm, 0.9, 0.1),
            "propensity_allocated": np.where(calm, (1 - free) + free * 0.9, free * 0.9),
            "margin": rng.normal(0, 3, n) + 40 * (day == 0) + np.where(action == "mail", 5 + 2.0 * (day == 0), 0),
        }
    )
    found = campaign_result(frame, action="mail")
    mine = (frame["allocated"] == "mail") & (frame["action"] == "mail")
    assert (found.n_treated, found.n_contacted) == (mine.sum(), (action == "mail").sum())
    assert abs(found.effect - (5 + 2 * (day[mine] == 0).mean())) < 4 * found.standard_error < 1.5
    assert (mine & frame["explored"]).any()
    assert found.method.endswith("all who were allocated it, by logged propensities")
    before = campaign_result(frame.drop(columns="propensity_none"), action="mail")
    assert "in the holdout" in before.method
    assert abs(before.effect - found.effect) > 10
    some = frame.assign(propensity_none=frame["propensity_none"].where(frame["on"] > "2026-03-02"))
    assert campaign_result(some, action="mail").effect == before.effect
    with pytest.raises(DataError, match="propensities are missing or out of range"):
        campaign_result(frame.assign(propensity_none=1.5), action="mail")


def test_numbers_of_customers_are_not_taken_for_numbers_of_rows() -> None:
    plan = plan_of().iloc[::-1].reset_index(drop=True)
    customers = pd.Index(range(400), name="customer_id")
    margin = pd.Series(np.random.default_rng(2).gamma(2, 5, 400), index=customers, name="margin")
    found = campaign_result(margin, plan, action="mail")
    sent = plan.loc[plan["action"] == "mail", "customer_id"]
    assert found.treated_mean == pytest.approx(margin[sent].mean())
    assert campaign_result(margin.to_frame(), plan, action="mail").effect == found.effect
    assert campaign_result(margin.reset_index(), plan, action="mail").effect == found.effect
    dated = margin.set_axis(
        pd.MultiIndex.from_product([customers, [pd.Timestamp("2026-03-02", tz="UTC")]], names=["customer_id", "cutoff"])
    )
    for on in (None, "2026-03-02"):
        assert campaign_result(dated.iloc[::-1], plan, action="mail", on=on).effect == found.effect
    with pytest.raises(DataError, match="margin holds other days than the plan"):
        campaign_result(dated.rename_axis(["customer_id", "on"]), plan, action="mail", on="2026-03-05")
    full = pd.DataFrame({"none": 0.2 + customers / 1e4, "mail": 0.8}, index=customers)
    assert campaign_result(margin, plan, action="mail", propensities=full).effect == pytest.approx(
        campaign_result(margin, plan, action="mail", propensities=full.loc[plan["customer_id"]]).effect
    )
    with pytest.raises(DataError, match="propensities and the plan are about different rows"):
        campaign_result(margin, plan, action="mail", propensities=full.set_axis(range(7, 407)).sample(frac=1))


def test_an_outcome_of_a_customer_does_not_count_for_each_of_his_days() -> None:
    plan = pd.concat([plan_of(on="2026-03-02"), plan_of(on="2026-03-03", seed=3)], ignore_index=True)
    with pytest.raises(DataError, match="margin has 400 values for 800 decisions"):
        campaign_result(margins(plan_of()), plan, action="mail")


def test_flags_are_true_or_false_and_nothing_else() -> None:
    plan = plan_of().drop(columns="propensity")
    log, held = margins(plan), plan["action"] == "none"
    known = campaign_result(log, plan.assign(holdout=held), action="mail").effect
    for form in (held.astype(int), held.astype(float), held.astype("boolean"), held.astype(object)):
        assert campaign_result(log, plan.assign(holdout=form), action="mail").effect == known
    for form in (np.where(held, "True", "False"), held.astype(object).where(plan.index > 0), held * 2.0):
        with pytest.raises(DataError, match="values of holdout are neither True nor False"):
            campaign_result(log, plan.assign(holdout=form), action="mail")


def test_redemptions_in_zeros_and_ones_are_not_two_customers() -> None:
    plan = plan_of()
    log = margins(plan)
    used = (plan["action"] == "mail") & (plan["customer_id"] % 3 == 0)
    for form in (used, used.to_numpy(), used.astype(int), used.astype(int).to_numpy(), plan.loc[used, "customer_id"]):
        assert campaign_result(log, plan, action="mail", redeemed=form).n_redeemed == used.sum()
    assert campaign_result(log, plan, action="mail", redeemed=[0, 1]).n_redeemed == (
        (plan["action"] == "mail").iloc[:2].sum()
    )


def test_it_says_when_a_few_big_spenders_decide() -> None:
    rng = np.random.default_rng(6)
    plan = plan_of(2000)
    even = pd.DataFrame({"customer_id": plan["customer_id"], "margin": rng.gamma(4, 5, 2000)})
    assert not any("skewness" in note for note in campaign_result(even, plan, action="mail", cost=0).notes)
    few = even.assign(margin=np.where(rng.random(2000) < 0.1, rng.lognormal(3, 1.5, 2000), 0))
    found = campaign_result(few, plan, action="mail", cost=0)
    [said] = [note for note in found.notes if "skewness" in note]
    assert f"among the {found.n_control:,} of the smaller side" in said
    shares = few.assign(bought=(few["margin"] > 150).astype(int))
    assert not any("skewness" in note for note in campaign_result(shares, plan, action="mail", value="bought").notes)


def test_the_worth_of_a_kept_customer_is_said() -> None:
    plan = plan_of()
    log = margins(plan).assign(kept=lambda frame: (frame["margin"] > 6).astype(int))
    found = campaign_result(log, plan, action="mail", value="kept", margin=20)
    assert "per decision in kept, at 20 each" in repr(found)


def test_several_actions_need_all_probabilities() -> None:
    plan = plan_of().assign(action=lambda frame: frame["action"].where(frame.index % 3 > 0, "call"))
    log = margins(plan_of())
    with pytest.raises(ParameterError, match="the plan also gives 'call', and the propensity of what was done"):
        campaign_result(log, plan, action="mail")
    full = pd.DataFrame({"none": 0.2, "mail": 0.5, "call": 0.3}, index=plan.index)
    assert campaign_result(log, plan, action="mail", propensities=full).known
    with pytest.raises(SchemaError, match="propensities has no column for 'mail'"):
        campaign_result(log, plan, action="mail", propensities=full.drop(columns="mail"))
    with pytest.raises(DataError, match="propensities has 399 rows and the plan 400"):
        campaign_result(log, plan, action="mail", propensities=full.iloc[1:])
    with pytest.raises(DataError, match="400 of 400 propensities are missing or out of range"):
        campaign_result(log, plan, action="mail", propensities=full.assign(mail=1.5))


def test_redeemers_who_would_have_bought_anyway() -> None:
    held = np.arange(1000) % 5 == 0
    bought = np.where(held, np.arange(1000) % 50 == 0, np.arange(1000) % 10 < 3)
    plan = plan_of(1000).assign(action=np.where(held, "none", "mail"), propensity=np.where(held, 0.2, 0.8))
    log = pd.DataFrame({"customer_id": range(1000), "margin": 10.0 * bought})
    used = pd.Series(bought & ~held & (np.arange(1000) % 10 < 2), index=plan["customer_id"])
    found = campaign_result(log, plan, action="mail", redeemed=used)
    gain = bought[~held].mean() - bought[held].mean()
    rate = used[~held].mean()
    assert found.anyway == pytest.approx(max(0.0, 1 - gain / rate))
    assert 0 <= found.anyway_low <= found.anyway <= found.anyway_high <= 1
    assert found.credited == 10 * found.n_redeemed
    ids = campaign_result(log, plan, action="mail", redeemed=used[used].index)
    assert ids.anyway == found.anyway
    named = campaign_result(log, plan.assign(used=used.to_numpy()), action="mail", redeemed="used")
    assert named.anyway == found.anyway
    own = campaign_result(log.assign(came=bought), plan, action="mail", redeemed=used, bought="came")
    assert own.anyway == found.anyway
    everybody = campaign_result(log, plan, action="mail", redeemed=np.asarray(bought))
    assert any("the offer leaked" in note for note in everybody.notes)


def test_more_bought_than_redemptions_explain() -> None:
    held = np.arange(2000) % 2 == 0
    bought = np.where(held, np.arange(2000) % 20 == 0, np.arange(2000) % 4 == 1)
    plan = plan_of(2000).assign(action=np.where(held, "none", "mail"), propensity=0.5)
    log = pd.DataFrame({"customer_id": range(2000), "margin": 1.0 * bought})
    few = campaign_result(log, plan, action="mail", margin=10, redeemed=np.arange(2000) == 1)
    assert (few.anyway, few.anyway_low) == (0.0, 0.0)
    few = campaign_result(log, plan, action="mail", margin=10, redeemed=np.isin(np.arange(2000), range(1, 200, 4)))
    assert any("the campaign moved others too" in note for note in few.notes)
    worse = campaign_result(
        log.assign(margin=1.0 - log["margin"]), plan, action="mail", margin=10, redeemed=~bought & ~held
    )
    assert worse.anyway == 1
    assert any("kept customers from buying" in note for note in worse.notes)


def test_what_else_one_should_know() -> None:
    plan = plan_of(400)
    log = margins(plan)
    lost = plan[(plan["action"] == "mail") | (plan["customer_id"] % 3 == 0)]
    found = campaign_result(log, lost, action="mail")
    assert any("were left alone where the propensities say" in note for note in found.notes)
    assert any("Only" in note and "the interval rests on them" in note for note in found.notes)
    sure = plan.assign(propensity=plan["propensity"].where(plan["customer_id"] > 9, 1.0))
    found = campaign_result(log, sure, action="mail", cost=1.0)
    certain = int((plan["action"][:10] == "mail").sum())
    assert any(f"{certain:,} more were contacted who could not have been left alone" in note for note in found.notes)
    assert found.cost == found.n_contacted - certain


def test_a_log_may_be_the_plan_too() -> None:
    plan = plan_of()
    both = plan.assign(margin=margins(plan)["margin"], cost=0.25)
    found = campaign_result(both, action="mail")
    assert found.effect == campaign_result(margins(plan), plan, action="mail").effect
    assert found.cost == 0.25 * found.n_treated


@pytest.mark.parametrize(
    ("change", "options", "error", "match"),
    [
        ({}, {"action": "male"}, ParameterError, "action='male' was given to nobody .did you mean 'mail'"),
        ({}, {"value": "margins"}, SchemaError, "no column 'margins' .did you mean 'margin'"),
        ({}, {"margin": 0}, ParameterError, "margin=0 makes every outcome worthless"),
        ({}, {"cost": -1}, DataError, "costs are negative or missing"),
        ({}, {"cost": "price"}, ParameterError, "cost='price' is no column of the plan"),
        ({}, {"covariate": "before"}, ParameterError, "covariate='before' needs an EventLog"),
        ({}, {"covariate": [np.nan] * 400}, DataError, "400 covariates are missing or infinite"),
        ({}, {"redeemed": ["x", "y"]}, DataError, "none of the 2 who redeemed is in the plan"),
        ({"used": 2}, {"redeemed": "used"}, DataError, "400 of 400 values of redeemed are neither True nor False"),
        ({"used": "yes"}, {"redeemed": "used"}, DataError, "400 of 400 values of redeemed are neither True nor False"),
        ({}, {"cost": [1, 2]}, DataError, "cost has 2 rows and the plan 400"),
        ({"propensity": [0.0] + [0.5] * 399}, {}, DataError, "1 of 400 propensities are missing or out of range"),
        ({"action": [None] + ["mail"] * 399}, {}, DataError, "1 of 400 rows have no action"),
        ({"customer_id": [1, 1, *range(2, 400)]}, {}, DuplicateError, "1 rows plan a customer twice for one day"),
        ({"customer_id": [None, *range(399)]}, {}, DataError, "1 rows of the plan have no customer"),
    ],
)
def test_bad_input(change, options, error, match) -> None:
    plan = plan_of()
    with pytest.raises(error, match=match):
        campaign_result(margins(plan), plan.assign(**change), **({"action": "mail"} | options))


def test_bad_frames_of_outcomes() -> None:
    plan = plan_of()
    log = margins(plan)
    with pytest.raises(DataError, match="margin lacks 50 of 400 decisions of the plan"):
        campaign_result(log.iloc[50:], plan, action="mail")
    with pytest.raises(DataError, match="margin has 400 customers more than once"):
        campaign_result(pd.concat([log, log]), plan, action="mail")
    with pytest.raises(DataError, match="1 of 400 values of margin are missing or infinite"):
        campaign_result(log.assign(margin=log["margin"].where(log.index > 0)), plan, action="mail")
    with pytest.raises(DataError, match="margin cannot be read as numbers"):
        campaign_result(log.assign(margin="much"), plan, action="mail")
    with pytest.raises(DataError, match="the outcome is named 'churned', where 1 is bad"):
        campaign_result(log.assign(churned=0), plan, action="mail", value="churned")
    with pytest.raises(SchemaError, match="the plan does not say which customers it is about"):
        campaign_result(log, plan.drop(columns="customer_id"), action="mail")
    with pytest.raises(DataError, match="the plan has no rows"):
        campaign_result(log, plan.iloc[:0], action="mail")
    with pytest.raises(ParameterError, match="action='none' is what an action is compared with"):
        campaign_result(log, plan, action="none")
    with pytest.raises(DataError, match="cost cannot be read as numbers"):
        campaign_result(log, plan.assign(cost="dear"), action="mail")
    with pytest.raises(DataError, match="the outcome is named 'churned'"):
        campaign_result(log["margin"].rename("churned"), plan, action="mail")
    with pytest.raises(SchemaError, match="the plan has no column 'action'"):
        campaign_result(log, plan.drop(columns="action"), action="mail")
    with pytest.raises(DataError, match="the control is 1 customer"):
        campaign_result(
            log, pd.concat([plan[plan["action"] == "mail"], plan[plan["action"] == "none"][:1]]), action="mail"
        )


def test_bad_event_logs() -> None:
    plan = plan_of(40, on="2026-03-02")
    log = orders(a=[("2026-03-03", 1.0)])
    with pytest.raises(DataError, match="none of the 40 customers of the plan is in the log"):
        campaign_result(log, plan, action="mail")
    plan["customer_id"] = ["a", *map(str, range(39))]
    with pytest.raises(ParameterError, match="value='profit' is nothing the log holds"):
        campaign_result(log, plan, action="mail", value="profit")
    with pytest.raises(ParameterError, match="does not say on which day it was carried out"):
        campaign_result(log, plan.drop(columns="on"), action="mail")
    with pytest.raises(DataError, match="rows of the plan have no day"):
        campaign_result(log, plan.assign(on=[None] + ["2026-03-02"] * 39), action="mail")
    bare = EventLog.from_frame(
        pd.DataFrame({"id": ["a"], "at": ["2026-03-03"]}), customer="id", time="at", complete_until="2026-06-01"
    )
    with pytest.raises(DataError, match="the log holds no amounts"):
        campaign_result(bare, plan, action="mail")
    assert campaign_result(bare, plan, action="mail", value="active").known
