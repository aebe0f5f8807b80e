"""The intervals of `campaign_result` hold the truth as often as they say."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnlib.policy import CampaignResult, campaign_result

Drawn = tuple[CampaignResult, dict[str, float]]


def frames(owner: Any, action: Any, propensity: Any, outcome: Any, **more: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    plan = pd.DataFrame({"customer_id": owner, "action": action, "propensity": propensity} | more)
    keys = ["customer_id"]
    if plan["customer_id"].duplicated().any():
        plan["on"] = pd.Timestamp("2026-03-02") + pd.to_timedelta(plan.groupby("customer_id").cumcount(), unit="D")
        keys.append("on")
    return plan[keys].assign(margin=outcome), plan


def holdout(rng: np.random.Generator) -> Drawn:
    """One in ten is left alone; margins are skewed."""
    held = rng.random(1500) < 0.1
    margin = rng.gamma(2, np.where(held, 20, 25))
    log, plan = frames(np.arange(1500), np.where(held, "none", "mail"), np.where(held, 0.1, 0.9), margin)
    found = campaign_result(log, plan, action="mail")
    return found, {"effect": 10.0, "incremental": 10.0 * found.n_treated}


def shares(rng: np.random.Generator) -> Drawn:
    held = rng.random(1000) < 0.2
    kept = (rng.random(1000) < np.where(held, 0.93, 0.96)).astype(float)
    log, plan = frames(np.arange(1000), np.where(held, "none", "mail"), np.where(held, 0.2, 0.8), kept)
    return campaign_result(log, plan, action="mail"), {"effect": 0.03}


def given_before(rng: np.random.Generator) -> Drawn:
    held, before = rng.random(800) < 0.15, rng.gamma(2, 20, 800)
    margin = 0.9 * before + 0.01 * before**2 + 4.0 * ~held + rng.normal(0, 8, 800)
    log, plan = frames(np.arange(800), np.where(held, "none", "mail"), np.where(held, 0.15, 0.85), margin)
    return campaign_result(log, plan, action="mail", covariate=before), {"effect": 4.0}


def confounded(rng: np.random.Generator) -> Drawn:
    """Who is worth more is contacted more often, and gains more; the effect asked for is that on the contacted."""
    worth = rng.normal(size=1500)
    chance = 1 / (1 + np.exp(-0.5 - 0.7 * worth))
    sent = rng.random(1500) < chance
    margin = 10 + 5 * worth + sent * (2 + worth) + rng.normal(0, 3, 1500)
    log, plan = frames(np.arange(1500), np.where(sent, "mail", "none"), np.where(sent, chance, 1 - chance), margin)
    grid = np.linspace(-8, 8, 4001)
    weight = np.exp(-(grid**2) / 2) / (1 + np.exp(-0.5 - 0.7 * grid))
    return campaign_result(log, plan, action="mail"), {"effect": float((2 + grid) @ weight / weight.sum())}


def repeated_and_confounded(rng: np.random.Generator) -> Drawn:
    """Customers with one to three decisions each, which resemble each other."""
    owner = np.repeat(np.arange(700), rng.integers(1, 4, 700))
    worth, base = (values[owner] for values in rng.normal(size=(2, 700)))
    chance = 1 / (1 + np.exp(-0.5 - 0.5 * worth))
    sent = rng.random(len(owner)) < chance
    margin = 10 + 3 * worth + 4 * base + 2.0 * sent + rng.normal(0, 2, len(owner))
    log, plan = frames(owner, np.where(sent, "mail", "none"), np.where(sent, chance, 1 - chance), margin)
    return campaign_result(log, plan, action="mail"), {"effect": 2.0}


def redeemers(rng: np.random.Generator) -> Drawn:
    """Half of those who buy anyway redeem, and all who buy because of the coupon."""
    held = rng.random(2000) < 0.2
    anyway, won = rng.random(2000) < 0.2, rng.random(2000) < 0.15
    bought = anyway | (won & ~held)
    used = ~held & ((anyway & (rng.random(2000) < 0.5)) | (won & ~anyway))
    log, plan = frames(
        np.arange(2000), np.where(held, "none", "mail"), np.where(held, 0.2, 0.8), np.where(bought, 10.0, 0.0)
    )
    found = campaign_result(log, plan, action="mail", redeemed=used)
    return found, {"effect": 10 * 0.15 * 0.8, "anyway": 0.1 / (0.1 + 0.15 * 0.8)}


WORLDS: list[Callable[[np.random.Generator], Drawn]] = [
    holdout,
    shares,
    given_before,
    confounded,
    repeated_and_confounded,
    redeemers,
]
parametrized = pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.__name__)
BOUNDS = {
    "effect": ("low", "high"),
    "incremental": ("incremental_low", "incremental_high"),
    "anyway": ("anyway_low", "anyway_high"),
}


def coverage(world: Callable[[np.random.Generator], Drawn], repetitions: int) -> tuple[dict[str, float], float]:
    held: dict[str, float] = {}
    width = 0.0
    for repetition in range(repetitions):
        found, truths = world(np.random.default_rng([zlib.crc32(world.__name__.encode()), repetition]))
        for name, truth in truths.items():
            low, high = (getattr(found, bound) for bound in BOUNDS[name])
            held[name] = held.get(name, 0.0) + float(low <= truth <= high) / repetitions
        width += (found.high - found.low) / repetitions
    return held, width


@parametrized
def test_coverage(world, record_property) -> None:
    held, width = coverage(world, 400)
    record_property("coverage", held)
    record_property("width", width)
    assert all(0.91 <= share <= 0.9825 for share in held.values()), held


@pytest.mark.slow
@parametrized
def test_coverage_in_full(world, record_property) -> None:
    held, width = coverage(world, 2000)
    record_property("coverage", held)
    record_property("width", width)
    assert all(0.9335 <= share <= 0.9655 for share in held.values()), held
