"""Logs of decisions for the tests: any small one, and worlds in which the value of policies is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import strategies as st

ACTIONS = ("none", "call", "mail")


@st.composite
def small_logs(draw: st.DrawFn, most: int = 25) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A log with whole outcomes, the probabilities its actions were drawn with, and those of another policy."""
    n = draw(st.integers(6, most))

    def probabilities(least: int) -> np.ndarray:
        parts = np.array(draw(st.lists(st.tuples(*[st.integers(least, 6)] * 3), min_size=n, max_size=n)), dtype=float)
        parts[parts.sum(axis=1) == 0] = 1
        return parts / parts.sum(axis=1, keepdims=True)

    taken = np.array(draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    taken[:6] = [0, 1, 2, 0, 1, 2]
    drawn, policy = probabilities(1), probabilities(0)
    policy[0] = [1, 0, 0]  # so that the log does something the policy would do
    outcome = np.array(draw(st.lists(st.integers(-4, 9), min_size=n, max_size=n)), dtype=float)
    owner = np.array(draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)))
    owner[:5] = range(5)
    log = pd.DataFrame(
        {
            "customer_id": owner,
            "action": np.array(ACTIONS)[taken],
            "propensity": drawn[np.arange(n), taken],
            "outcome": outcome,
        }
    )
    return log, pd.DataFrame(drawn, columns=list(ACTIONS)), pd.DataFrame(policy, columns=list(ACTIONS))


@dataclass(frozen=True)
class World:
    """A log, a policy and a second one, their true values, and the expected outcome of each action in each row."""

    log: pd.DataFrame
    policy: pd.DataFrame
    other: pd.Series
    truth: float
    other_truth: float
    expected: pd.DataFrame


def world(rng: np.random.Generator, customers: int = 600, *, confounded: bool, repeated: bool) -> World:
    """Three actions; the effects of two of them depend on what the log chose by, where it is confounded.

    A customer in several rows has one trait and one base, so that his rows resemble each other.
    """
    owner = np.repeat(np.arange(customers), rng.integers(1, 4, customers) if repeated else 1)
    trait, base = (values[owner] for values in rng.normal(size=(2, customers)))
    n = len(owner)
    logits = np.stack([np.zeros(n), 0.7 * trait, -0.5 * trait], axis=1) if confounded else np.zeros((n, 3))
    drawn = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    taken = (rng.random(n)[:, None] > drawn.cumsum(axis=1)[:, :-1]).sum(axis=1)
    effects = np.stack([np.zeros(n), 0.5 + 0.5 * trait, 0.2 - 0.3 * trait], axis=1)
    expected = 1 + trait[:, None] + effects
    outcome = expected[np.arange(n), taken] + base + 0.5 * rng.normal(size=n)
    policy = np.stack([np.full(n, 0.2), 0.8 * (trait > 0), 0.8 * (trait <= 0)], axis=1)
    half = 1 / np.sqrt(2 * np.pi)  # mean of trait · [trait > 0]
    truth = 1 + 0.8 * (0.5 * 0.5 + 0.5 * half) + 0.8 * (0.2 * 0.5 + 0.3 * half)
    other_truth = 1 + 0.5 * 0.5 + 0.5 * half
    log = pd.DataFrame(
        {
            "customer_id": owner,
            "trait": trait,
            "action": np.array(ACTIONS)[taken],
            "propensity": drawn[np.arange(n), taken],
            "outcome": outcome,
        }
    )
    return World(
        log,
        pd.DataFrame(policy, columns=list(ACTIONS)),
        pd.Series(np.where(trait > 0, "call", "none")),
        truth,
        other_truth,
        pd.DataFrame(expected, columns=list(ACTIONS)),
    )
