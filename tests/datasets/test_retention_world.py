"""The closed-loop world: it is as hard as it says, luck is common to all runs, and the truth is the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnlib.datasets import RetentionParameters, RetentionWorld
from churnlib.datasets._retention_world_effects import NOISE, SIGNALS, chance, changes, log_odds, with_complaints
from churnlib.exceptions import (
    DataError,
    DuplicateError,
    HistoryError,
    InfeasibleError,
    ParameterError,
    ParameterTypeError,
)

SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def world() -> RetentionWorld:
    return RetentionWorld()


def idle(world: RetentionWorld, months: int) -> RetentionWorld:
    for _ in range(months):
        world.step("none")
    return world


def effects(x: dict[str, np.ndarray], month: int, parameters: RetentionParameters) -> np.ndarray:
    logit = with_complaints(log_odds(x, month, parameters), x["complaints"])
    return chance(logit)[:, None] - chance(logit[:, None] - changes(x, month, parameters))


def columns(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    return {name: frame[name].to_numpy() for name in frame}


# -- what makes it hard ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_it_has_the_size_the_dogs_and_the_risks_it_says(seed: int) -> None:
    world = RetentionWorld(random_state=seed)
    truth = world.truth
    assert len(truth.risk) == 20_000
    assert 0.03 < truth.risk.mean() < 0.07
    assert truth.risk.quantile(0.99) < 0.25
    assert (truth.effects < 0).mean().between(0.10, 0.35).all()
    assert (truth.effects.gt(0.02).mean() > 0.25).all()
    after = idle(world, 6).truth
    assert (after.effects < 0).mean().between(0.10, 0.35).all()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("months", [0, 6])
def test_effects_do_not_follow_risk(seed: int, months: int) -> None:
    truth = idle(RetentionWorld(random_state=seed), months).truth
    assert truth.effects.corrwith(truth.risk).abs().max() <= 0.2


def test_a_third_of_the_features_is_noise(world: RetentionWorld) -> None:
    x = world.observed().customers
    assert list(x.columns) == [*SIGNALS, *NOISE]
    assert len(NOISE) / x.shape[1] >= 0.3
    shuffled = x.assign(**{name: np.random.default_rng(0).permutation(x[name]) for name in NOISE})
    for month in (1, 12):
        before, after = (effects(columns(frame), month, world.parameters) for frame in (x, shuffled))
        np.testing.assert_array_equal(before, after)
    targets = pd.concat([world.truth.effects, world.truth.risk, world.truth.value], axis=1)
    for name in NOISE:
        assert targets.corrwith(x[name]).abs().max() < 0.03


def test_effects_are_bent_in_at_least_four_features(world: RetentionWorld) -> None:
    x = world.observed().customers
    bent = set()
    for name in SIGNALS:
        grid = np.linspace(*x[name].quantile([0.02, 0.98]), 30)
        rows = x.sample(200, random_state=0)
        curves = np.stack(
            [changes(columns(rows.assign(**{name: value})), 1, world.parameters).mean(axis=0) for value in grid]
        )
        for curve in curves.T:
            residual = curve - np.polyval(np.polyfit(grid, curve, 1), grid)
            if np.ptp(curve) > 0.1 and (residual**2).sum() > 0.05 * ((curve - curve.mean()) ** 2).sum():
                bent.add(name)
    assert len(bent) >= 4, bent


def test_margins_are_skewed(world: RetentionWorld) -> None:
    margin = world.observed().customers["margin"]
    assert margin.mean() > 1.2 * margin.median()
    assert margin.nlargest(len(margin) // 5).sum() > 0.4 * margin.sum()


def test_effects_drift_in_the_sixth_month_and_not_before(world: RetentionWorld) -> None:
    x = columns(world.observed().customers)
    found = [changes(x, month, world.parameters) for month in (1, 5, 6, 12)]
    # the season of risk, by which the decided are recognised, is all that moves effects otherwise
    still = RetentionParameters(decided=0.0)
    first, fifth, sixth, last = (changes(x, month, still) for month in (1, 5, 6, 12))
    np.testing.assert_array_equal(first, fifth)
    np.testing.assert_array_equal(sixth, last)
    for arm in range(3):
        assert np.corrcoef(found[0][:, arm], found[2][:, arm])[0, 1] < 0.97
        assert np.abs(sixth - fifth)[:, arm].mean() > 0.05
    np.testing.assert_array_equal(changes(x, 12, RetentionParameters(decided=0.0, drift=0.0)), first)


def test_contacts_tire_and_it_passes() -> None:
    world = RetentionWorld(n_customers=4000)
    fresh = idle(world.again(), 1).truth
    listed = world.observed().customers.index[:2000]
    world.step(pd.Series("message", index=listed))
    tired = world.truth
    both = listed.intersection(tired.risk.index).intersection(fresh.risk.index)
    assert (tired.fatigue[both] == 0.5).all()
    assert (tired.effects.loc[both] < fresh.effects.loc[both]).all(axis=None)
    others = tired.risk.index.difference(listed)
    pd.testing.assert_frame_equal(tired.effects.loc[others], fresh.effects.loc[others])
    pd.testing.assert_series_equal(tired.risk[both], fresh.risk[both])
    world.step("none")
    again = both.intersection(world.truth.fatigue.index)
    assert (world.truth.fatigue[again] == 0.25).all()


# -- luck and truth --------------------------------------------------------------------------


def test_who_is_treated_alike_meets_the_same_fate() -> None:
    world = RetentionWorld(n_customers=3000, random_state=3)
    other = world.again()
    treated = world.observed().customers.index[:300]
    for _ in range(4):
        world.step("none")
        here = treated.intersection(other.observed().customers.index)
        other.step(pd.Series("call", index=here))
    one, two = world.observed().log, other.observed().log
    untouched = ~one.index.get_level_values(0).isin(treated)
    pd.testing.assert_frame_equal(one[untouched], two.loc[one.index[untouched]])
    changed = (world.profit - other.profit).abs() > 1e-9
    assert set(changed[changed].index) <= set(treated)
    assert changed.sum() == 300  # a call costs something even where it changes nothing


def test_the_same_seed_gives_the_same_world() -> None:
    first, second = (idle(RetentionWorld(n_customers=500, random_state=7), 2).observed() for _ in range(2))
    pd.testing.assert_frame_equal(first.log, second.log)
    pd.testing.assert_frame_equal(first.customers, second.customers)
    third = RetentionWorld(n_customers=500, random_state=8).observed()
    assert not third.customers.equals(first.customers)


@pytest.mark.parametrize("action", ["none", "message", "call", "discount"])
def test_outcomes_agree_with_the_truth(action: str) -> None:
    """Shares that left, by fifth of the true probability, are within four standard errors of it."""
    world = RetentionWorld(n_customers=40_000, budget=100, random_state=5)
    truth = world.truth
    n = int(min(world.observed().actions["capacity"].get(action, np.inf), 40_000))
    rows = truth.risk.index[:n]
    expected = truth.risk[rows] - (truth.effects.loc[rows, action] if action != "none" else 0.0)
    world.step(pd.Series(action, index=rows))
    left = 1 - world.observed().log["retained"].droplevel("month")[rows]
    fifth = pd.qcut(expected, 5, labels=False)
    error = np.sqrt((expected * (1 - expected)).groupby(fifth).sum()) / fifth.value_counts()
    assert ((left - expected).groupby(fifth).mean().abs() < 4 * error).all()


def test_value_is_what_customers_bring_who_are_left_alone() -> None:
    """Over 40 months of many customers the margins come to the value that was stated, within the noise."""
    world = RetentionWorld(n_customers=20_000, months=48, arrivals=0.0, random_state=2)
    stated = world.truth
    expected = ((1 - stated.risk) * stated.value).sum()
    idle(world, 48)
    assert world.profit.sum() == pytest.approx(expected, rel=0.02)


def test_effect_times_value_is_the_expected_gain() -> None:
    """The profit of a month of messages, with luck in common, is effect × value less cost, within its error."""
    gains, costs = [], []
    for seed in range(4):
        world = RetentionWorld(random_state=seed)
        rows = world.truth.gain["message"].nlargest(8000).index
        gains.append(float(world.truth.gain.loc[rows, "message"].sum()))
        alone = world.again()
        world.step(pd.Series("message", index=rows))
        alone.step("none")
        costs.append(float((world.profit - alone.profit).sum()) + 0.5 * 8000)
    assert sum(costs) == pytest.approx(sum(gains), rel=0.15)


def test_nothing_of_the_future_is_observed(world: RetentionWorld) -> None:
    fresh = world.again()
    view = fresh.observed()
    assert len(view.log) == len(view.past) == len(view.propensities) == 0
    fresh.step("none")
    later = fresh.observed()
    assert later.log.index.equals(later.past.index)
    assert later.log.index.equals(later.propensities.index)
    assert set(later.log.index.get_level_values("month")) == {1}
    pd.testing.assert_frame_equal(later.past.droplevel("month"), view.customers)
    assert (later.log["margin"] > 0).equals(later.log["retained"] == 1)
    gone = later.log["retained"].droplevel("month") == 0
    assert not gone[gone].index.isin(later.customers.index).any()


def test_what_the_view_holds_cannot_change_the_world(world: RetentionWorld) -> None:
    fresh = world.again()
    view = fresh.observed()
    view.customers.loc[:, :] = 0.0
    view.actions["cost"] = 0.0
    assert fresh.observed().customers["margin"].min() > 0
    assert fresh.observed().actions["cost"].tolist() == [0.5, 6.0, 12.0]


def test_propensities_are_logged() -> None:
    world = RetentionWorld(n_customers=100)
    ids = world.observed().customers.index
    odds = pd.DataFrame(0.25, index=ids, columns=["none", "message", "call", "discount"])
    world.step(pd.Series("call", index=ids[:10]), odds.iloc[::-1])
    view = world.observed()
    assert (view.log["propensity"] == 0.25).all()
    assert (view.propensities == 0.25).all(axis=None)
    world.step("none")
    assert (world.observed().log.loc[pd.IndexSlice[:, 2], "propensity"] == 1.0).all()


# -- what it refuses -------------------------------------------------------------------------


def test_bad_input_is_named() -> None:
    world = RetentionWorld(n_customers=800)
    ids = world.observed().customers.index
    odds = pd.DataFrame(0.25, index=ids, columns=["none", "message", "call", "discount"])
    with pytest.raises(ParameterError, match="there is no action 'cal'"):
        world.step(pd.Series("cal", index=ids[:5]))
    with pytest.raises(DataError, match="1 of 2 customers are not there"):
        world.step(pd.Series("call", index=[ids[0], 7]))
    with pytest.raises(DuplicateError, match="1 customers have two actions"):
        world.step(pd.Series("call", index=[ids[0], ids[0]]))
    with pytest.raises(InfeasibleError, match="101 customers get a call, 1 above the capacity of 100"):
        world.step(pd.Series("call", index=ids[:101]))
    with pytest.raises(InfeasibleError, match=r"the actions cost 1,812\.00, 12\.00 above the budget"):
        world.step(pd.Series("discount", index=ids[:151]))
    with pytest.raises(DataError, match="propensities lack the column 'call'"):
        world.step("none", odds.drop(columns="call"))
    with pytest.raises(DataError, match="propensities lack 1 of 800 customers"):
        world.step("none", odds.iloc[1:])
    with pytest.raises(DataError, match="800 of 800 rows of propensities do not sum to 1"):
        world.step("none", odds * 0.9)
    with pytest.raises(DataError, match="10 of 800 rows of propensities do not sum to 1, or exclude what was done"):
        world.step(pd.Series("call", index=ids[:10]), odds.assign(call=0.0, none=0.5))
    assert world.month == 1
    idle(world, 12)
    with pytest.raises(HistoryError, match="the world has ended after 12 months"):
        world.step("none")
    with pytest.raises(HistoryError, match="the world has ended after 12 months"):
        _ = world.truth


def test_bad_parameters_are_named() -> None:
    with pytest.raises(ParameterError, match="'n_customer' is no parameter of the world"):
        RetentionWorld(n_customer=5)
    with pytest.raises(ParameterError, match="drift"):
        RetentionParameters(drift=2)
    with pytest.raises(ParameterError, match="discounting is 1"):
        RetentionParameters(discounting=1)
    with pytest.raises(ParameterTypeError, match="random_state"):
        RetentionWorld(random_state="a")
    with pytest.raises(ParameterTypeError, match="months"):
        RetentionWorld(months="12")
