"""Experiments for the tests of uplift: a golden table, worlds with known effects, and definitions by brute force."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

# Twelve rows with ties, and the numbers that other packages give for them.
RETAINED = [int(digit) for digit in "101100100101"]
TREATED = [int(digit) for digit in "101010011010"]
SCORE = [0.9, 0.8, 0.8, 0.7, 0.6, 0.6, 0.5, 0.4, 0.3, 0.3, 0.2, 0.1]
GOLDEN = {
    "qini": 0.2222222222,
    "autoc": 0.7700336700,
    "auuc": 0.0555555556,
    "sklift qini": 0.6115384615,
    "sklift auuc": 0.6851562500,
    "radcliffe qini": 0.2208333333,
    "causalml qini": 0.5538461538,
    "causalml qini reversed": 0.6089743590,
    "causalml auuc": 0.0320512821,
    "causalml auuc reversed": 0.0641025641,
}


@st.composite
def experiments(draw: st.DrawFn, most: int = 30) -> dict[str, np.ndarray]:
    """Rows with whole outcomes, few different scores, both arms, and propensities that are exact in binary."""
    n = draw(st.integers(2, most))

    def column(values: st.SearchStrategy[float]) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=n, max_size=n)))

    treated = column(st.integers(0, 1))
    treated[:2] = [0, 1]
    return {
        "outcome": column(st.integers(-3, 5).map(float)),
        "score": column(st.integers(-4, 4).map(float)),
        "treatment": treated,
        "propensity": column(st.sampled_from([0.25, 0.5, 0.625])),
        "weight": np.maximum(column(st.integers(0, 3)), [1, 1] + [0] * (n - 2)),
    }


def row_effects(outcome, treatment, propensity) -> list[Fraction]:
    return [
        Fraction(y) / Fraction(e) if t else -Fraction(y) / (1 - Fraction(e))
        for y, t, e in zip(outcome, treatment, np.broadcast_to(propensity, np.shape(outcome)), strict=True)
    ]


def by_definition(outcome, score, treatment, propensity) -> dict[str, Fraction]:
    """Qini, AUUC and AUTOC in exact fractions: effects averaged over ties, one place for each row, no algebra."""
    effect = row_effects(outcome, treatment, propensity)
    n = len(effect)
    tied = [[g for g, other in zip(effect, score, strict=True) if other == own] for own in score]
    ranked = [sum(group) / len(group) for _, group in sorted(zip(score, tied, strict=True), key=lambda pair: -pair[0])]
    gains = [Fraction(0)]
    for g in ranked:
        gains.append(gains[-1] + g / n)
    mean = gains[-1]
    area = sum((gains[j] + gains[j + 1]) / 2 for j in range(n)) / n  # trapezoids
    tocs = [gains[j] * n / j - mean for j in range(1, n + 1)]
    return {"qini": area - mean / 2, "auuc": area, "autoc": sum(tocs) / n}


def list_by_definition(outcome, score, treatment, propensity, k: float) -> Fraction:
    """Mean effect on the best share k, tied rows by their share."""
    effect = row_effects(outcome, treatment, propensity)
    n = len(effect)
    left, gained = Fraction(k) * n, Fraction(0)
    for level in sorted(set(score), reverse=True):
        group = [g for g, own in zip(effect, score, strict=True) if own == level]
        taken = min(left, Fraction(len(group)))
        gained += sum(group) * taken / len(group)
        left -= taken
    return gained / (Fraction(k) * n)


def campaign(
    rng: np.random.Generator, customers: int, *, levels: int = 0, repeated: bool = False, confounded: bool = False
) -> dict[str, np.ndarray]:
    """Customers with one to three rows each, all treated or none; their effects and outcomes resemble each other."""
    owner = np.repeat(np.arange(customers), rng.integers(1, 4, customers) if repeated else 1)
    trait, base = rng.normal(size=(2, customers))
    propensity = 1 / (1 + np.exp(-0.4 * trait)) if confounded else np.full(customers, 0.5)
    treated = rng.random(customers) < propensity
    trait, base, treated, propensity = (values[owner] for values in (trait, base, treated, propensity))
    kept = trait + base + (0.2 + 0.5 * trait) * treated + 0.5 * rng.normal(size=owner.size)
    score = trait + 0.5 * rng.normal(size=owner.size)
    other = trait + rng.normal(size=owner.size)
    if levels:
        score = np.round(np.clip(score, -levels, levels))
    return {
        "owner": owner,
        "outcome": kept,
        "score": score,
        "other": other,
        "treatment": treated,
        "propensity": propensity,
    }


def doubly_robust(rows: dict[str, np.ndarray]) -> np.ndarray:
    """Row effects of a campaign by its propensities and an outcome model that is only roughly right."""
    y, t, e, s = (rows[name] for name in ("outcome", "treatment", "propensity", "score"))
    treated, untreated = 0.1 + 1.1 * s, 0.7 * s
    return treated - untreated + t / e * (y - treated) - (1 - t) / (1 - e) * (y - untreated)


def offers(
    rng: np.random.Generator, customers: int, *, repeated: bool = False, confounded: bool = False
) -> dict[str, np.ndarray]:
    """A control and two treatments of different cost; true effects, two predictions of them, and row effects."""
    owner = np.repeat(np.arange(customers), rng.integers(1, 4, customers) if repeated else 1)
    trait, other, base = rng.normal(size=(3, customers))
    pull = 0.5 * trait if confounded else np.zeros(customers)
    chances = np.stack([np.ones(customers), np.exp(-pull), np.exp(pull)], axis=1)
    chances /= chances.sum(axis=1, keepdims=True)
    arm = (rng.random(customers)[:, None] > np.cumsum(chances, axis=1)).sum(axis=1)
    effect = np.stack([0.4 + 0.6 * trait, 0.8 + 0.3 * trait + 0.6 * other], axis=1)
    trait, base, other, chances, arm, effect = (x[owner] for x in (trait, base, other, chances, arm, effect))
    n = owner.size
    outcome = trait + base + np.where(arm > 0, effect[np.arange(n), arm - 1], 0.0) + 0.5 * rng.normal(size=n)
    of_arm = np.arange(3) == arm[:, None]
    model = np.stack([trait, 0.3 + trait, 0.6 + 1.2 * trait], axis=1)  # roughly right
    corrected = model + of_arm / chances * (outcome[:, None] - model)
    return {
        "owner": owner,
        "outcome": outcome,
        "arm": arm,
        "propensity": chances,
        "true": effect,
        "score": effect + 0.5 * rng.normal(size=(n, 2)),
        "other": effect + 1.5 * rng.normal(size=(n, 2)),
        "effect": corrected[:, 1:] - corrected[:, :1],
    }
