"""Intervals of effects hold the truth as often as they say: by lot, confounded, with several rows per customer."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from churnlib.targets import survival_target
from churnlib.uplift import average_effect, group_effects, project_effects
from churnlib.uplift._dr_scores import dr_scores
from tests.uplift.effect_worlds import Line, Logit, small_campaign


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Products of matrices this small are done before threads have found each other."""
    with threadpool_limits(limits=1):
        yield


WORLDS: dict[str, dict[str, Any]] = {
    "drawn by lot": {},
    "confounded, propensity estimated": {"confounded": True},
    "drawn by lot, rows repeated": {"repeated": True},
    "confounded, rows repeated": {"confounded": True, "repeated": True},
}
PARTS = ("average", "tier 0", "tier 1", "tier 2", "slope of need", "at need 1, tier 2")
TRUTH = np.array([0.5, 0.1, 0.5, 0.9, 0.4, 1.3])
AT = pd.DataFrame({"need": [1.0], "tier": [2.0]})


def found_in(name: str, rng: np.random.Generator) -> np.ndarray:
    """The bounds of every part, of shape (parts, 2)."""
    options = WORLDS[name]
    rows = small_campaign(rng, 250 if options.get("repeated") else 500, **options)
    estimated = name.endswith("estimated")
    scores = dr_scores(
        rows.X,
        rows.outcome,
        treatment=rows.treated,
        propensity="estimate" if estimated else rows.propensity,
        propensity_model=Logit(),
        outcome_model=Line(),
        cv=2,
    )
    tier = np.digitize(rows.X["spend"], [-0.5, 0.5])
    average, groups = average_effect(scores), group_effects(scores, tier)
    line = project_effects(scores, rows.X[["need"]].assign(tier=tier))
    slope, (low, high) = line.table().loc["need"], line.interval(AT)
    return np.array(
        [
            [average.low, average.high],
            *groups[["low", "high"]].to_numpy(),
            [slope["low"], slope["high"]],
            [low[0], high[0]],
        ]
    )


@cache
def coverage(name: str, repetitions: int) -> tuple[np.ndarray, np.ndarray]:
    seed = zlib.crc32(name.encode())
    bounds = np.array([found_in(name, np.random.default_rng([seed, one])) for one in range(repetitions)])
    held = ((bounds[:, :, 0] <= TRUTH) & (bounds[:, :, 1] >= TRUTH)).mean(axis=0)
    return held, (bounds[:, :, 1] - bounds[:, :, 0]).mean(axis=0)


@pytest.mark.parametrize("name", list(WORLDS))
def test_coverage(name: str, record_property) -> None:
    held, width = coverage(name, 400)
    record_property("coverage", dict(zip(PARTS, held, strict=True)))
    record_property("width", dict(zip(PARTS, width, strict=True)))
    assert (held >= 0.91).all(), held
    assert (held <= 0.9825).all(), held


@pytest.mark.slow
@pytest.mark.parametrize("name", list(WORLDS))
def test_coverage_in_full(name: str, record_property) -> None:
    held, width = coverage(name, 2000)
    record_property("coverage", dict(zip(PARTS, held, strict=True)))
    record_property("width", dict(zip(PARTS, width, strict=True)))
    assert (held >= 0.9335).all(), held
    assert (held <= 0.9655).all(), held


def test_counting_rows_for_customers_is_too_sure() -> None:
    held = 0
    for one in range(100):
        rows = small_campaign(np.random.default_rng([7, one]), 250, repeated=True)
        scores = dr_scores(rows.X, rows.outcome, treatment=rows.treated, propensity=0.5, outcome_model=Line(), cv=2)
        found = average_effect(scores.values)
        held += found.low <= 0.5 <= found.high
    assert held < 88


def lifetimes(rng: np.random.Generator, n: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """Customers who stay for 50 days in the mean, or 80 where they are treated, half of them lost from sight."""
    need, treated = rng.normal(size=n), rng.random(n) < 0.5
    mean = np.where(treated, 80.0, 50.0)
    stays = rng.exponential(mean) * np.exp(0.3 * need)
    lost = rng.uniform(5, np.where(treated, 150, 110))
    return survival_target(stays <= lost, np.minimum(stays, lost)), treated.astype(int), need[:, None]


@cache
def survival_coverage(repetitions: int) -> tuple[float, float]:
    need = np.exp(0.3 * np.random.default_rng(0).normal(size=1_000_000))
    stayed = [(need * mean * (1 - np.exp(-60 / (need * mean)))).mean() for mean in (50.0, 80.0)]
    held, width, seed = 0, 0.0, zlib.crc32(b"lifetimes")
    for one in range(repetitions):
        y, treated, X = lifetimes(np.random.default_rng([seed, one]), 400)
        scores = dr_scores(X, y, treatment=treated, propensity=0.5, horizon=60, outcome_model=Line(), cv=2)
        found = average_effect(scores)
        held += found.low <= stayed[1] - stayed[0] <= found.high
        width += (found.high - found.low) / repetitions
    return held / repetitions, width


def test_days_stayed_are_covered(record_property) -> None:
    held, width = survival_coverage(400)
    record_property("coverage", held)
    record_property("width", width)
    assert 0.91 <= held <= 0.9825


@pytest.mark.slow
def test_days_stayed_are_covered_in_full(record_property) -> None:
    held, width = survival_coverage(2000)
    record_property("coverage", held)
    record_property("width", width)
    assert 0.9335 <= held <= 0.9655
