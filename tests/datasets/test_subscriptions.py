"""make_subscriptions against its own equations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnlib.datasets import make_subscriptions
from churnlib.datasets._subscriptions import CAUSES
from churnlib.exceptions import ParameterError

MONTH = 30 * pd.Timedelta("1D")


def in_us(times: pd.Series) -> np.ndarray:
    return times.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)


@pytest.fixture(scope="module")
def world():
    return make_subscriptions(20_000, treated_share=0.5, random_state=2)


def person_months(world) -> pd.DataFrame:
    """One row per customer and completed month of tenure, with its hazards and what happened."""
    truth = world.truth
    end = truth["churned_at"].fillna(world.log.complete_until)
    months = ((end - truth["start"]) // MONTH).to_numpy()
    row = np.repeat(np.arange(len(truth)), months)
    month = np.arange(len(row)) - np.searchsorted(row, row) + 1
    frame = pd.DataFrame({"row": row, "month": month})
    last = month == months[row]
    cause = truth["cause"].astype(object).to_numpy()[row]
    for name in CAUSES:
        ratio = np.where(truth["treated"], truth["hazard_ratio"], 1.0) if name == "voluntary" else 1.0
        multiplier = truth[f"multiplier_{name}"].to_numpy() * ratio
        frame[f"expected_{name}"] = world.hazards[name].to_numpy()[month - 1] * multiplier[row]
        frame[f"observed_{name}"] = last & (cause == name)
    return frame


@pytest.mark.parametrize("cause", CAUSES)
def test_hazards_are_recovered_month_by_month(world, cause):
    by_month = person_months(world).groupby("month")
    expected = by_month[f"expected_{cause}"].sum()
    observed = by_month[f"observed_{cause}"].sum()
    enough = expected > 5
    assert enough.sum() >= 10
    assert ((observed - expected).abs() / np.sqrt(expected))[enough].max() < 4


def test_without_heterogeneity_the_hazards_are_the_ones_put_in():
    given = [0.05, 0.1, 0.2, 0.02]
    world = make_subscriptions(20_000, hazards={"payment": given}, heterogeneity=0.0, random_state=4)
    assert world.hazards["payment"].tolist()[:6] == [0.05, 0.1, 0.2, 0.02, 0.02, 0.02]
    by_month = person_months(world).groupby("month")["observed_payment"].agg(["mean", "size"]).head(6)
    spread = np.sqrt(world.hazards["payment"].head(6) * (1 - world.hazards["payment"].head(6)) / by_month["size"])
    assert ((by_month["mean"] - world.hazards["payment"].head(6)).abs() / spread).max() < 4


def test_the_programme_keeps_as_many_as_the_true_uplift_says(world):
    truth = world.truth
    old = truth[truth["start"] <= world.log.complete_until - 12 * MONTH]
    kept = ~(old["churned_at"] <= old["start"] + 12 * MONTH)
    arms = kept.groupby(old["treated"]).agg(["mean", "var", "size"])
    effect = arms.loc[True, "mean"] - arms.loc[False, "mean"]
    error = np.sqrt((arms["var"] / arms["size"]).sum())
    assert abs(effect - old["uplift"].mean()) < 4 * error
    assert old["uplift"].mean() > 5 * error
    assert (world.truth["uplift"] > 0).all()


def test_the_expected_payments_are_paid():
    # Value today of everybody active in one world = payments in the next 360 days of a longer one.
    short = make_subscriptions(20_000, months=12, random_state=9)
    # The same customers, followed longer: departures beyond month 12 are drawn from the same hazards.
    longer = make_subscriptions(20_000, months=24, random_state=10)
    # In the longer world, take everybody as of month 12 by their tenure then.
    at = longer.log.complete_until - 12 * MONTH
    truth = longer.truth
    active = truth[(truth["start"] < at) & ~(truth["churned_at"] <= at)]
    from churnlib.datasets import _subscriptions as module

    base = module._base_hazards(module.DEFAULT_HAZARDS, 48)
    us = in_us(active["start"])
    members = module._Members(
        start=us,
        plan=active["plan"].cat.codes.to_numpy().astype(np.int64),
        usage=np.zeros(len(active)),
        multiplier=active[[f"multiplier_{name}" for name in CAUSES]].to_numpy(),
        ratio=active["hazard_ratio"].to_numpy(),
        treated=active["treated"].to_numpy(),
    )
    end = int(at.value // 1000)
    expected = module._expected_payments(members, module._hazards(members, base, treated=members.treated), end)
    log = longer.log
    paid = (log.kind == log.kinds.index("payment")) & (log.time >= end) & (log.time < end + 360 * 86_400_000_000)
    money = np.bincount(log.customer_codes[paid], log.amount[paid], minlength=len(truth)) / 10**log.scale
    money = pd.Series(money, index=log.customers)[active.index]
    assert abs(money.mean() - expected.mean()) < 4 * np.sqrt((money - expected).var() / len(active))
    assert (short.truth.loc[~short.truth["alive"], "clv"] == 0).all()
    assert (short.truth.loc[short.truth["alive"], "clv"] > 0).all()


def test_contracts_and_log_tell_the_same_story(world):
    truth, contracts, log = world.truth, world.contracts, world.log
    assert len(contracts.start) == len(truth)
    open_ended = contracts.end == 2**63 - 1
    assert (open_ended == truth["alive"].to_numpy()).all()
    cancel = log.kind == log.kinds.index("cancel")
    assert cancel.sum() == (truth["cause"] == "voluntary").sum()
    when = truth.loc[log.customers[log.customer_codes[cancel]], "churned_at"]
    assert (in_us(when) == log.time[cancel]).all()


def test_same_seed_same_world():
    one, two = (make_subscriptions(200, random_state=1) for _ in range(2))
    pd.testing.assert_frame_equal(one.truth, two.truth)
    assert one.log.digest == two.log.digest


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"n_customers": 0}, "n_customers=0 is out of range"),
        ({"months": 3}, "months=3 is out of range"),
        ({"effect_months": 0}, "effect_months=0 is out of range"),
        ({"heterogeneity": -1}, "heterogeneity=-1.0 is out of range"),
        ({"effect": 9}, "effect=9.0 is out of range"),
        ({"hazards": {"volontary": [0.1]}}, "unknown cause 'volontary'; did you mean 'voluntary'"),
        ({"hazards": {"payment": [1.0]}}, r"hazards\['payment'\] is \[1.0\]; one or more probabilities"),
        ({"hazards": {"payment": []}}, r"hazards\['payment'\] is \[\]"),
    ],
)
def test_impossible_worlds_are_refused(arguments, match):
    with pytest.raises(ParameterError, match=match):
        make_subscriptions(**{"n_customers": 10, **arguments})
