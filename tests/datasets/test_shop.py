"""make_shop against its own equations: hazards, causes, effects and values are recovered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnlib.datasets import make_shop
from churnlib.exceptions import ParameterError, ParameterTypeError

DAY = pd.Timedelta("1D")


def in_us(times: pd.Series) -> np.ndarray:
    return times.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)


@pytest.fixture(scope="module")
def world():
    return make_shop(20_000, random_state=3)


@pytest.fixture(scope="module")
def campaign():
    return make_shop(30_000, treated_share=0.5, random_state=5)


def exposure_months(world) -> pd.Series:
    """Months of 30 days under observation per customer."""
    end = world.truth["churned_at"].fillna(world.log.complete_until)
    return (end - world.truth["start"]) / (30 * DAY)


def deviations(observed, expected, variance) -> float:
    return float(abs(observed - expected) / np.sqrt(variance))


def test_mean_hazard_is_the_monthly_churn_asked_for(world):
    hazard = world.truth["hazard"]
    assert deviations(hazard.mean(), 0.06, hazard.var() / len(hazard)) < 4


def test_departures_match_hazard_times_exposure(world):
    # Over any observation scheme, departures minus integrated hazard is a martingale of variance E[departures].
    expected = (world.truth["hazard"] * exposure_months(world)).sum()
    observed = (~world.truth["alive"]).sum()
    assert deviations(observed, expected, expected) < 4


@pytest.mark.parametrize("cause", ["price", "service", "moved"])
def test_each_cause_takes_its_share(world, cause):
    expected = (world.truth[f"hazard_{cause}"] * exposure_months(world)).sum()
    observed = (world.truth["cause"] == cause).sum()
    assert deviations(observed, expected, expected) < 4


def test_departures_match_in_every_decile_of_the_hazard(world):
    truth = world.truth.assign(expected=world.truth["hazard"] * exposure_months(world))
    decile = pd.qcut(truth["hazard"], 10, labels=False)
    expected = truth["expected"].groupby(decile).sum()
    observed = (~truth["alive"]).groupby(decile).sum()
    assert ((observed - expected).abs() / np.sqrt(expected)).max() < 4


def test_the_campaign_changes_retention_by_the_true_uplift(campaign):
    truth, contacts = campaign.truth, campaign.contacts
    at = contacts["contacted_at"].iloc[0]
    active = truth[(truth["start"] < at) & ~(truth["churned_at"] <= at)]
    kept = ~(active["churned_at"] < at + 60 * DAY)
    arms = kept.groupby(active["treated"]).agg(["mean", "var", "size"])
    effect = arms.loc[True, "mean"] - arms.loc[False, "mean"]
    assert deviations(effect, active["uplift"].mean(), (arms["var"] / arms["size"]).sum()) < 4
    assert active["uplift"].mean() > 5 * np.sqrt((arms["var"] / arms["size"]).sum())  # the test has power


def test_effects_differ_between_customers_and_some_are_harmful(campaign):
    assert (campaign.truth["uplift"] < 0).mean() > 0.03
    ratio = campaign.truth["hazard_ratio"]
    assert ((campaign.truth["uplift"] > 0) == (ratio < 1)).all()


def test_treatment_is_by_lot_among_the_active(campaign):
    truth, at = campaign.truth, campaign.contacts["contacted_at"].iloc[0]
    active = (truth["start"] < at) & ~(truth["churned_at"] <= at)
    assert not truth.loc[~active, "treated"].any()
    lot = truth.loc[active]
    assert deviations(lot["treated"].mean(), 0.5, 0.25 / len(lot)) < 4
    gap = lot.groupby("treated")["hazard"].agg(["mean", "var", "size"])
    assert deviations(gap["mean"].iloc[1], gap["mean"].iloc[0], (gap["var"] / gap["size"]).sum()) < 4


def test_value_is_the_margin_of_the_next_year():
    # The constant hazards make every start as good as today: the orders of the first 365 days
    # (without the opening one) are what a customer active today is expected to order.
    world = make_shop(6_000, days=2_000, random_state=11, late_share=0.0)
    log, truth = world.log, world.truth
    early = truth[truth["start"] < log.complete_until - 365 * DAY]
    start = in_us(truth["start"])[log.customer_codes]
    is_order = log.kind == log.kinds.index("order")
    inside = (log.time > start) & (log.time < start + 365 * 86_400_000_000)
    cents = np.bincount(log.customer_codes[is_order & inside], log.amount[is_order & inside], minlength=len(truth))
    spent = pd.Series(0.3 * cents / 10**log.scale, index=log.customers)[early.index]
    # clv is stated for those active at the end; its formula does not depend on when.
    alive = truth["alive"]
    assert (truth.loc[~alive, "clv"] == 0).all()
    from churnlib.datasets import _shop

    orders = _shop._expected_orders(early["order_rate"] / 30, early["hazard"], 365.0)
    expected = 0.3 * early["mean_order"] * orders
    pd.testing.assert_series_equal(
        expected[alive], truth.loc[early.index[alive[early.index]], "clv"], check_names=False
    )
    assert deviations(spent.mean(), expected.mean(), (spent - expected).var() / len(early)) < 4


def test_nobody_acts_after_leaving_or_before_starting(world):
    log, truth = world.log, world.truth
    assert (log.customers == truth.index).all()
    first = log.time[log.offsets[:-1]]
    last = log.time[log.offsets[1:] - 1]
    start = in_us(truth["start"])
    left = in_us(truth["churned_at"].fillna(log.complete_until))
    assert (first == start).all()
    assert (last < left).all()


def test_activity_fades_before_the_departure(world):
    log, truth = world.log, world.truth
    left = in_us(truth["churned_at"])[log.customer_codes]
    visits = (log.kind == log.kinds.index("visit")) & ~truth["alive"].to_numpy()[log.customer_codes]
    ahead = (left[visits] - log.time[visits]) / 86_400_000_000
    # Rates 1 - .9 (1 - u/45) over the last 15 days and over days 15 to 30: means .25 and .55.
    near, far = (ahead < 15).sum(), ((ahead >= 15) & (ahead < 30)).sum()
    assert 0.4 < near / far < 0.55


def test_refunds_mirror_an_order_and_late_feeds_are_late(world):
    log = world.log
    refund, order = (log.kind == log.kinds.index(name) for name in ("refund", "order"))
    assert (log.amount[refund] < 0).all()
    assert (log.amount[order] > 0).all()
    assert np.isin(-log.amount[refund], log.amount[order]).all()
    late = log.known > log.time
    assert not late[order].any()
    assert 0.01 < late[~order].mean() * (~order).sum() / (~order & (log.kind != log.kinds.index("visit"))).sum() < 0.03


def test_same_seed_same_world_and_another_seed_another():
    one, two, other = (make_shop(200, random_state=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one.truth, two.truth)
    assert one.log.digest == two.log.digest
    assert one.log.digest != other.log.digest
    assert make_shop(200, random_state=np.random.default_rng(1)).log.digest == one.log.digest


def test_repr_counts(world):
    assert repr(make_shop(50, days=120)).startswith("SimulatedWorld(50 customers, ")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"n_customers": 0}, "n_customers=0 is out of range"),
        ({"days": 59}, "days=59 is out of range"),
        ({"monthly_churn": 1.0}, "monthly_churn is 1"),
        ({"monthly_churn": -0.1}, "monthly_churn=-0.1 is out of range"),
        ({"treated_share": 1.5}, "treated_share=1.5 is out of range"),
        ({"late_share": 2}, "late_share=2.0 is out of range"),
        ({"campaign_day": 540}, "campaign_day=540 is out of range"),
        ({"effect_days": 0}, "effect_days=0.0 is out of range"),
    ],
)
def test_impossible_worlds_are_refused(arguments, match):
    with pytest.raises(ParameterError, match=match):
        make_shop(**{"n_customers": 10, **arguments})


def test_a_seed_must_be_a_seed():
    with pytest.raises(ParameterTypeError, match="random_state is a str"):
        make_shop(10, random_state="seven")
