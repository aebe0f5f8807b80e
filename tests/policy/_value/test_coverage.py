"""The intervals of `evaluate_policy` and `compare_policies` hold the truth as often as they say."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from scipy.stats import norm

from churnlib.policy import compare_policies, evaluate_policy
from tests.policy.decision_logs import world

LOGS = {
    "randomised": {"confounded": False, "repeated": False},
    "randomised, customers repeated": {"confounded": False, "repeated": True},
    "confounded": {"confounded": True, "repeated": False},
    "confounded, customers repeated": {"confounded": True, "repeated": True},
}
ASKED = [
    *["dr", "ips", "snips", "dm", "sndr", "switch"],
    *["dr of the difference", "snips of the difference", "dr by the mean of each action"],
]
IN_CI = {  # each interval once, and the doubly robust one twice
    "randomised": ["dr", "ips", "dm", "switch", "dr of the difference"],
    "confounded, customers repeated": [
        "dr",
        "snips",
        "sndr",
        "snips of the difference",
        "dr by the mean of each action",
    ],
}
# where those of the lists had a chance of one in fifteen to be called, 600 customers are too few for a normal interval
CUSTOMERS = {name: 3000 if LOGS[name]["confounded"] else 600 for name in LOGS}
SHARE = 0.3


def seeded(name: str, repetition: int) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(name.encode()), repetition])


def values_covered(name: str, repetitions: int, asked: list[str]) -> dict[str, dict[str, float]]:
    """How often each estimator's interval holds the value, and that of the difference of two policies."""
    held, width = dict.fromkeys(asked, 0.0), dict.fromkeys(asked, 0.0)
    for repetition in range(repetitions):
        drawn = world(seeded(name, repetition), **LOGS[name])
        # a model that is wrong by a constant and a slope; the model alone can only be right if it is
        wrong = 0.5 + 0.7 * drawn.expected
        for key in asked:
            estimator, paired = key.split()[0], "difference" in key
            given = {} if estimator in {"ips", "snips"} or "mean" in key else {"q": wrong}
            if estimator in {"dm", "switch"}:
                given = {"q": drawn.expected}
            truth = drawn.truth - drawn.other_truth if paired else drawn.truth
            found = evaluate_policy(
                drawn.log,
                drawn.policy,
                outcome="outcome",
                estimator=estimator,
                switch=2.0,
                versus=drawn.other if paired else None,
                **given,
            )
            held[key] += float(found.low <= truth <= found.high) / repetitions
            width[key] += (found.high - found.low) / repetitions
    return {"coverage": held, "width": width}


def lists_covered(name: str, repetitions: int, customers: int) -> dict[str, float]:
    """How often the intervals of lists of the best 30 %, and of their differences, hold the truth."""
    z = norm.ppf(1 - SHARE)
    gain = SHARE * 0.5 + 0.5 * norm.pdf(z)  # of calling those with the largest trait
    anybody, worst = SHARE * 0.5, SHARE * 0.5 - 0.5 * norm.pdf(z)
    truths = {"best": 1 + gain, "worst": 1 + worst, "random": 1 + anybody, "nobody": 1.0}
    held = dict.fromkeys([*truths, *(f"{key} less random" for key in truths if key != "random")], 0.0)
    for repetition in range(repetitions):
        drawn = world(seeded(name + " lists", repetition), customers, **LOGS[name])
        trait = drawn.log["trait"]
        found = compare_policies(
            drawn.log, {"best": trait, "worst": -trait}, outcome="outcome", share=SHARE, treat="call"
        ).frame.set_index("policy")
        for key, truth in truths.items():
            row = found.loc[key]
            held[key] += float(row["low"] <= truth <= row["high"]) / repetitions
            if key != "random":
                gap = truth - truths["random"]
                held[f"{key} less random"] += (
                    float(row["difference_low"] <= gap <= row["difference_high"]) / repetitions
                )
    return held


@pytest.mark.parametrize("name", IN_CI)
def test_values_are_covered(name, record_property) -> None:
    found = values_covered(name, 400, IN_CI[name])
    record_property("coverage", found["coverage"])
    record_property("width", found["width"])
    assert all(0.91 <= share <= 0.9825 for share in found["coverage"].values()), found["coverage"]


@pytest.mark.slow
@pytest.mark.parametrize("name", LOGS)
def test_values_are_covered_in_full(name, record_property) -> None:
    found = values_covered(name, 2000, ASKED)
    record_property("coverage", found["coverage"])
    record_property("width", found["width"])
    assert all(0.9335 <= share <= 0.9655 for share in found["coverage"].values()), found["coverage"]


@pytest.mark.parametrize("name", IN_CI)
def test_lists_are_covered(name, record_property) -> None:
    held = lists_covered(name, 400, 600)
    record_property("coverage", held)
    assert all(0.91 <= share <= 0.9825 for share in held.values()), held


@pytest.mark.slow
@pytest.mark.parametrize("name", LOGS)
def test_lists_are_covered_in_full(name, record_property) -> None:
    held = lists_covered(name, 2000, CUSTOMERS[name])
    record_property("coverage", held)
    assert all(0.9335 <= share <= 0.9655 for share in held.values()), held
