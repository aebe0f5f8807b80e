"""Lists of equal length: exact numbers, and intervals that hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from churnlib.alerts._backtest._against import AgainstSilence, against_silence
from churnlib.alerts._backtest._counts import Listing, Trial, table_of

N_CUTOFFS, SHARE = 8, 0.1


def world(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Customers whose risk, score and silence last from cutoff to cutoff; scores of few values, so that many tie."""
    risk = rng.normal(size=n)
    customer = np.repeat(np.arange(n), N_CUTOFFS)
    cutoff = np.tile(np.arange(N_CUTOFFS), n)
    lasting, passing = np.repeat(rng.normal(size=(2, n)), N_CUTOFFS, axis=1), rng.normal(size=(2, n * N_CUTOFFS))
    seen = risk[customer] + 0.8 * lasting[0] + 0.5 * passing[0]
    silent = risk[customer] + 1.2 * lasting[1] + 0.5 * passing[1]
    y = (rng.random(n * N_CUTOFFS) < 1 / (1 + np.exp(2.5 - 1.5 * risk[customer]))).astype(float)
    y[rng.random(n * N_CUTOFFS) < 0.05] = np.nan
    return {
        "score": np.clip(np.round(seen), 0, 3), "silent_for": np.floor(10 * np.exp(silent)), "y": y,
        "customer": customer, "cutoff": cutoff,
    }  # fmt: skip


def compared(given: dict[str, np.ndarray], *, n_boot: int, random_state: int = 0) -> AgainstSilence:
    n = len(given["y"]) // N_CUTOFFS
    places = np.full(N_CUTOFFS, SHARE * n)
    return against_silence(
        given["score"], given["silent_for"], given["y"], customer=given["customer"], cutoff=given["cutoff"],
        places=places, volume="a tenth", confidence=0.95, n_boot=n_boot, random_state=random_state,
    )  # fmt: skip


@pytest.mark.parametrize("runs", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_the_interval_of_the_difference_holds_the_truth(runs, record_property):
    truth = np.mean([compared(world(np.random.default_rng([1, k]), 40_000), n_boot=2).difference for k in range(5)])
    held = []
    for run in range(runs):
        found = compared(world(np.random.default_rng([2, run]), 300), n_boot=200, random_state=run)
        held.append(found.low <= truth <= found.high)
    record_property("coverage", np.mean(held))
    record_property("truth", truth)
    assert truth > 0.02
    # nominal 95 %, less three standard errors of the simulation and one point for percentiles of few customers
    assert np.mean(held) >= 0.94 - 3 * np.sqrt(0.95 * 0.05 / runs)


@pytest.mark.parametrize("runs", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_the_interval_of_a_precision_holds_the_truth(runs, record_property):
    def precision(seed: list[int], n: int, n_boot: int) -> dict:
        given = world(np.random.default_rng(seed), n)
        warned = (given["score"] >= 2).astype(float)
        days, cutoffs = np.full(len(warned), np.nan), np.arange(N_CUTOFFS)
        trial = Trial(warned == 1, given["customer"], given["cutoff"], cutoffs, given["y"], days, 1.0)
        listing = Listing("combined", "combined", warned)
        return table_of(trial, [listing], confidence=0.95, n_boot=n_boot, random_state=0).iloc[0].to_dict()

    truth = np.mean([precision([3, k], 40_000, 2)["precision"] for k in range(5)])
    drawn = [precision([4, k], 300, 200) for k in range(runs)]
    held = np.mean([one["low"] <= truth <= one["high"] for one in drawn])
    record_property("coverage", held)
    assert held >= 0.94 - 3 * np.sqrt(0.95 * 0.05 / runs)


def test_order_of_rows_does_not_matter():
    given = world(np.random.default_rng(0), 60)
    mixed = np.random.default_rng(1).permutation(len(given["y"]))
    one = compared(given, n_boot=50)
    other = compared({name: values[mixed] for name, values in given.items()}, n_boot=50)
    for name in ("precision", "precision_silent", "difference", "low", "high", "shared", "tied"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-12)


def test_the_same_ranking_makes_no_difference_and_its_interval_has_no_width():
    given = world(np.random.default_rng(0), 60)
    found = compared(given | {"score": given["silent_for"]}, n_boot=20)
    assert found.difference == found.low == found.high == 0
    assert found.shared <= 1


def test_verdicts():
    rng = np.random.default_rng(3)
    given = world(rng, 400)
    told = np.nan_to_num(given["y"])
    assert compared(given | {"score": told}, n_boot=50).verdict == "wins"
    assert compared(given | {"score": -told}, n_boot=50).verdict == "loses"
    mere = rng.random(len(told))
    assert compared(given | {"score": mere, "silent_for": mere}, n_boot=50).verdict == "no clear difference"


def test_ties_are_an_expectation_over_draws():
    given = world(np.random.default_rng(4), 50)
    found = compared(given, n_boot=2)
    rng = np.random.default_rng(5)
    drawn = [
        compared(given | {"score": given["score"] + 1e-6 * rng.random(len(given["y"]))}, n_boot=2) for _ in range(2000)
    ]
    known = np.mean([one.judged for one in drawn])
    right = np.mean([one.precision * one.judged for one in drawn])
    assert found.judged == pytest.approx(known, rel=0.01)
    assert found.precision == pytest.approx(right / known, rel=0.02)


def test_few_labelled_customers_give_no_verdict():
    given = world(np.random.default_rng(3), 400)
    given["score"] = np.where(given["y"] == 1, 9.0, 0.0)
    given["silent_for"] = np.where(given["y"] == 1, 0.0, 9.0)
    clear = compared(given, n_boot=50)
    assert clear.verdict == "wins"
    few = {name: values[: N_CUTOFFS * 20] for name, values in given.items()}  # two places at each of eight cutoffs
    found = compared(few, n_boot=50)
    assert found.low > 0
    assert found.judged < 20
    assert found.verdict == "too few to say"
