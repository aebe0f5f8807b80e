"""The effect on those with the lowest predictions: what it is, and its intervals."""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics import ipw_scores, tail_effect, uplift_at_k, uplift_at_k_interval
from churnlib.targets import survival_target, uplift_target
from churnlib.uplift import dr_scores
from tests.metrics.uplift_worlds import campaign, doubly_robust, experiments


@given(experiments(), st.sampled_from([0.1, 0.25, 0.5, 1.0]), st.randoms(use_true_random=False))
def test_it_is_the_other_end_of_the_ranking(rows, q: float, random) -> None:
    arms = {"treatment": rows["treatment"], "propensity": rows["propensity"]}
    effect = ipw_scores(rows["outcome"], **arms)
    found = tail_effect(effect, rows["score"], q=q)
    assert found.lowest.value == pytest.approx(uplift_at_k(rows["outcome"], -rows["score"], k=q, **arms), abs=1e-12)
    below = rows["score"] < 0
    assert found.share_negative == pytest.approx(below.mean())
    if below.sum() > 1:
        assert found.negative.value == pytest.approx(effect[below].mean(), abs=1e-12)
    else:
        assert found.negative is None
    order = np.array(random.sample(range(below.size), below.size))
    again = tail_effect(effect[order], rows["score"][order], q=q)
    assert again.lowest.value == found.lowest.value
    assert again.share_negative == found.share_negative


def test_errors_are_those_of_means() -> None:
    rows = campaign(np.random.default_rng(0), 600)
    effect = ipw_scores(rows["outcome"], treatment=rows["treatment"], propensity=0.5)
    found = tail_effect(effect, rows["score"], q=0.3)
    mirror = uplift_at_k_interval(rows["outcome"], -rows["score"], treatment=rows["treatment"], propensity=0.5, k=0.3)
    assert found.lowest == mirror
    below = effect[rows["score"] < 0]
    assert found.negative.standard_error == pytest.approx(below.std(ddof=1) / np.sqrt(below.size))
    assert found.negative.n_customers == below.size


def test_a_sleeping_dog_is_negative_by_every_outcome_of_a_target() -> None:
    rng = np.random.default_rng(1)
    n = 20_000
    dog, treated = rng.random(n) < 0.2, rng.random(n) < 0.5
    stayed = rng.random(n) < np.where(dog, 0.9 - 0.3 * treated, 0.6 + 0.2 * treated)
    score = np.where(dog, -0.3, 0.2) + 0.01 * rng.normal(size=n)
    arms = {"treatment": treated, "propensity": 0.5}
    for outcome in ({"retained": stayed}, {"churned": ~stayed}, {"value": 40.0 * stayed}):
        found = tail_effect(uplift_target(**outcome, **arms), score, q=0.2)
        assert found.harms
        assert found.negative.high < 0
        assert found.lowest.high < 0
        assert uplift_at_k(uplift_target(**outcome, **arms), score, k=0.8) > 0
    survival = uplift_target(survival=survival_target(~stayed, np.full(n, 30.0)), **arms)
    with pytest.raises(DataError, match="the outcome of the target is survival, of which some rows are censored"):
        tail_effect(survival, score)


def test_it_says_what_nobody_knows() -> None:
    found = tail_effect([1.0, 2.0, 3.0], [1, 2, 3], q=0.5)
    assert "The 50% with the lowest predicted effect: 1.33 (" in repr(found)
    assert "Predicted below 0 (0% of rows): nobody." in repr(found)
    assert "How many customers are harmed is not identified" in repr(found)
    assert not found.harms


def test_one_customer_below_nought_says_nothing() -> None:
    found = tail_effect([-3.0, 1.0, 2.0, 4.0], [-0.1, 0.2, 0.3, 0.4], q=0.5)
    assert found.negative is None
    assert found.share_negative == 0.25
    assert "Predicted below 0 (25% of rows): one customer." in repr(found)
    assert not found.harms
    of_one = tail_effect([-3.0, -2.0, 2.0, 4.0], [-0.1, -0.2, 0.3, 0.4], q=1.0, customer=[7, 7, 8, 9])
    assert of_one.negative is None


def test_equal_effects_are_no_proof_of_harm() -> None:
    found = tail_effect([-2.0, -2.0, 2.0, 2.0], [-0.2, -0.1, 0.3, 0.4], q=1.0)
    assert found.negative.high == -2.0
    assert found.negative.standard_error == 0.0
    assert not found.harms


def test_customers_are_read_from_doubly_robust_scores() -> None:
    scores = dr_scores_of_pairs()
    score = np.linspace(-1, 1, len(scores))
    assert tail_effect(scores, score).lowest.n_customers == 50
    with pytest.raises(DataError, match="effect and score hold the same 100 labels in different orders"):
        tail_effect(pd.Series(scores.values), pd.Series(score, index=np.arange(100)[::-1]))


def dr_scores_of_pairs():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=100)}, index=pd.Index(np.repeat(np.arange(50), 2), name="customer_id"))
    treated = np.repeat(np.arange(50) % 2, 2)
    return dr_scores(X, rng.normal(size=100), treatment=treated, propensity=0.5, outcome_model=LinearRegression())


WORLDS = {
    "tails, drawn by lot": {},
    "tails, confounded, rows repeated": {"confounded": True, "repeated": True},
}


@cache
def truth(name: str) -> np.ndarray:
    values = []
    for part in range(3):
        rows = campaign(np.random.default_rng([1, part]), 200_000, **WORLDS[name])
        found = tail_effect(doubly_robust(rows), rows["score"], q=0.2)
        values.append([found.lowest.value, found.negative.value])
    return np.mean(values, axis=0)


@cache
def coverage(name: str, repetitions: int) -> tuple[np.ndarray, np.ndarray]:
    seed, held, width = zlib.crc32(name.encode()), np.zeros(2), np.zeros(2)
    for repetition in range(repetitions):
        rows = campaign(np.random.default_rng([seed, repetition]), 1500, **WORLDS[name])
        found = tail_effect(doubly_robust(rows), rows["score"], q=0.2, customer=rows["owner"])
        pair = (found.lowest, found.negative)
        held += [one.low <= true <= one.high for one, true in zip(pair, truth(name), strict=True)]
        width += [one.high - one.low for one in pair]
    return held / repetitions, width / repetitions


@pytest.mark.parametrize("name", list(WORLDS))
def test_coverage(name: str, record_property) -> None:
    held, width = coverage(name, 400)
    record_property("coverage", held.tolist())
    record_property("width", width.tolist())
    assert ((held >= 0.91) & (held <= 0.9825)).all(), held


@pytest.mark.slow
@pytest.mark.parametrize("name", list(WORLDS))
def test_coverage_in_full(name: str, record_property) -> None:
    held, width = coverage(name, 2000)
    record_property("coverage", held.tolist())
    record_property("width", width.tolist())
    assert ((held >= 0.9335) & (held <= 0.9655)).all(), held


def test_customers_are_read_from_the_index() -> None:
    rows = campaign(np.random.default_rng(2), 100, repeated=True)
    score = pd.Series(rows["score"], index=pd.Index(rows["owner"], name="customer_id"))
    found = tail_effect(doubly_robust(rows), score, q=0.5)
    below = np.unique(rows["owner"][rows["score"] < 0])
    assert (found.lowest.n_customers, found.negative.n_customers) == (100, below.size)
    assert found == tail_effect(doubly_robust(rows), rows["score"], q=0.5, customer=rows["owner"])


def test_bad_input_is_named() -> None:
    with pytest.raises(ParameterError, match="q is 0; a share of the rows"):
        tail_effect([1, 2], [1, 2], q=0)
    with pytest.raises(DataError, match="effect has 2 columns"):
        tail_effect(np.ones((2, 2)), [1, 2])
    with pytest.raises(DataError, match="1 of 2 values of score are NaN"):
        tail_effect([1, 2], [1, np.nan])
    with pytest.raises(DataError, match="there are 1 customers"):
        tail_effect([1, 2], [1, 2], customer=[1, 1])
