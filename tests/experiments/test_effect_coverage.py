"""The intervals of `effect` hold the truth as often as they say."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from churnlib.experiments import effect

Draw = tuple[np.ndarray, np.ndarray, dict[str, Any], float]


def shares(rng: np.random.Generator) -> Draw:
    treated = rng.random(400) < 0.3
    return (rng.random(400) < np.where(treated, 0.97, 0.93)).astype(int), treated, {}, 0.04


def skewed_means(rng: np.random.Generator) -> Draw:
    treated = rng.random(200) < 0.4
    return rng.gamma(2, np.where(treated, 30, 20)), treated, {}, 20.0


def strata(rng: np.random.Generator) -> Draw:
    tier = rng.integers(0, 4, 400)
    treated = rng.random(400) < 0.5
    kept = (rng.random(400) < 0.6 + 0.1 * tier + 0.02 * tier * treated).astype(int)
    return kept, treated, {"strata": tier}, 0.03


def covariate(rng: np.random.Generator) -> Draw:
    """Unequal arms, an effect that depends on the covariate, and an outcome that is not linear in it."""
    x = rng.normal(size=200)
    treated = rng.random(200) < 0.3
    return x + 0.5 * x**2 + treated * (1 + 0.8 * x) + rng.normal(size=200), treated, {"covariate": x}, 1.0


def branches(rng: np.random.Generator) -> Draw:
    """Sixteen branches of 10 to 59 customers, eight of them treated."""
    branch = np.repeat(np.arange(16), rng.integers(10, 60, 16))
    treated = rng.permutation(16) < 8
    rate = 0.75 + 0.1 * rng.uniform(-1, 1, 16) + 0.05 * treated
    return (rng.random(len(branch)) < rate[branch]).astype(int), treated[branch], {"cluster": branch}, 0.05


def branches_and_covariate(rng: np.random.Generator) -> Draw:
    branch = np.repeat(np.arange(20), rng.integers(10, 30, 20))
    treated = rng.permutation(20) < 10
    x = rng.normal(size=len(branch)) + rng.normal(size=20)[branch]
    noise = rng.normal(size=20)[branch] + rng.normal(size=len(branch))
    return 2 * x + noise + treated[branch], treated[branch], {"cluster": branch, "covariate": x}, 1.0


def pairs_of_branches(rng: np.random.Generator) -> Draw:
    """Twelve pairs of branches that are alike, 10 to 59 customers each."""
    branch = np.repeat(np.arange(24), rng.integers(10, 60, 24))
    pair = branch // 2
    treated = (rng.random(12) < 0.5)[pair] ^ (branch % 2 == 1)
    alike = rng.uniform(-0.15, 0.15, 12)[pair] + rng.uniform(-0.03, 0.03, 24)[branch]
    kept = (rng.random(len(branch)) < 0.75 + alike + 0.05 * treated).astype(int)
    return kept, treated, {"strata": pair, "cluster": branch}, 0.05


def several_rows_per_customer(rng: np.random.Generator) -> Draw:
    customer = np.repeat(np.arange(40), rng.integers(1, 5, 40))
    treated = (rng.random(40) < 0.5)[customer]
    y = rng.normal(size=40)[customer] + rng.normal(size=len(customer)) + treated
    return y, treated, {"cluster": customer}, 1.0


WORLDS: list[Callable[[np.random.Generator], Draw]] = [
    shares,
    skewed_means,
    strata,
    covariate,
    branches,
    branches_and_covariate,
    pairs_of_branches,
    several_rows_per_customer,
]
parametrized = pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.__name__)


def coverage(world: Callable[[np.random.Generator], Draw], repetitions: int) -> tuple[float, float]:
    held, width = 0, 0.0
    for repetition in range(repetitions):
        y, treated, options, truth = world(np.random.default_rng([zlib.crc32(world.__name__.encode()), repetition]))
        found = effect(y, treated, **options)
        held += found.low <= truth <= found.high
        width += (found.high - found.low) / repetitions
    return held / repetitions, width


@parametrized
def test_coverage(world, record_property) -> None:
    held, width = coverage(world, 400)
    record_property("coverage", held)
    record_property("width", width)
    assert 0.91 <= held <= 0.9825


@pytest.mark.slow
@parametrized
def test_coverage_in_full(world, record_property) -> None:
    held, width = coverage(world, 2000)
    record_property("coverage", held)
    record_property("width", width)
    assert 0.9335 <= held <= 0.9655


def test_ratios_cover_too(record_property) -> None:
    held = np.zeros(2)
    for repetition in range(400):
        rng = np.random.default_rng([zlib.crc32(b"ratios"), repetition])
        y, treated, _, _ = shares(rng)
        kept = effect(y, treated)
        spend, offered, _, _ = skewed_means(rng)
        paid = effect(spend, offered)
        held += [kept.relative_low <= 4 / 93 <= kept.relative_high, paid.relative_low <= 0.5 <= paid.relative_high]
    record_property("coverage", held / 400)
    assert (held / 400 >= 0.91).all()
    assert (held / 400 <= 0.9825).all()
