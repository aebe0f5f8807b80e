"""Predicted effects beside true ones: the line, the bins, their intervals."""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics import effect_calibration, ipw_scores
from churnlib.targets import uplift_target
from tests.metrics.uplift_worlds import campaign, doubly_robust, experiments


def effects_of(rows) -> np.ndarray:
    return ipw_scores(rows["outcome"], treatment=rows["treatment"], propensity=rows["propensity"])


def test_the_line_is_that_of_least_squares() -> None:
    rows = campaign(np.random.default_rng(0), 300)
    effect, score = effects_of(rows), rows["score"]
    weight = np.random.default_rng(1).uniform(0.5, 2, 300)
    for weights in (np.ones(300), weight):
        design = np.stack([np.ones(300), score], axis=1)
        bread = np.linalg.inv(design.T @ (design * weights[:, None]))
        line = bread @ design.T @ (weights * effect)
        meat = design * ((effect - design @ line) * weights)[:, None]
        error = np.sqrt(np.diag(bread @ meat.T @ meat @ bread) * 300 / 299)
        found = effect_calibration(effect, score, sample_weight=weights)
        assert (found.intercept.value, found.slope.value) == pytest.approx(tuple(line))
        assert (found.intercept.standard_error, found.slope.standard_error) == pytest.approx(tuple(error))
        assert found.bias.value == pytest.approx(np.average(effect - score, weights=weights))
        assert (found.table["rows"] * found.table["effect"]).sum() == pytest.approx((weights * effect).sum())


def test_bins_are_means_with_their_errors() -> None:
    rows = campaign(np.random.default_rng(2), 400)
    effect, score = effects_of(rows), rows["score"]
    table = effect_calibration(effect, score, bins=4).table
    top = np.argsort(-score)[:100]
    first = table.loc[1]
    assert (first["rows"], first["predicted"], first["effect"]) == pytest.approx(
        (100, score[top].mean(), effect[top].mean())
    )
    assert first["standard_error"] == pytest.approx(effect[top].std() / 10 * np.sqrt(400 / 399))
    assert first["high"] - first["low"] == pytest.approx(2 * 1.959964 * first["standard_error"], rel=1e-6)


@given(experiments(), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_the_line(rows, random) -> None:
    effect, score, weight = effects_of(rows), rows["score"], rows["weight"]
    again = np.repeat(np.arange(score.size), weight)
    if np.unique(score[again]).size < 2:
        return
    order = np.array(random.sample(range(score.size), score.size))
    one = effect_calibration(effect, score, sample_weight=weight, bins=2)
    other = effect_calibration(effect[order], score[order], sample_weight=weight[order], bins=2)
    repeated = effect_calibration(effect[again], score[again], bins=2, customer=again)
    for found in (other, repeated):
        for name in ("slope", "intercept", "bias"):
            assert getattr(found, name).value == pytest.approx(getattr(one, name).value, abs=1e-9)
        assert found.table["effect"].tolist() == pytest.approx(one.table["effect"].tolist(), abs=1e-9)
    pairs = ((one.slope.standard_error, repeated.slope.standard_error),) if again.max() + 1 == score.size else ()
    for mine, theirs in pairs:
        n, shown = score.size, np.unique(again).size
        assert mine / np.sqrt(n / (n - 1)) == pytest.approx(theirs / np.sqrt(shown / (shown - 1)), abs=1e-9)


@pytest.mark.parametrize(("factor", "shift", "expected"), [(1.0, 0.0, 1.0), (2.0, 0.0, 0.0), (0.0001, 0.0, 0.0)])
def test_r2_is_freed_of_noise(factor: float, shift: float, expected: float) -> None:
    rng = np.random.default_rng(5)
    found = []
    for _ in range(40):
        truth = rng.normal(size=4000)
        found.append(effect_calibration(truth + rng.normal(0, 2, 4000), factor * truth + shift).r2)
    assert np.median(found) == pytest.approx(expected, abs=0.04)


def test_without_differences_there_is_no_r2() -> None:
    rng = np.random.default_rng(6)
    shares = [np.isnan(effect_calibration(rng.normal(size=500), rng.normal(size=500)).r2) for _ in range(30)]
    assert 0.3 < np.mean(shares) < 0.9


WORLDS = {
    "calibration, drawn by lot": {},
    "calibration, confounded, rows repeated": {"confounded": True, "repeated": True},
}


@cache
def truth(name: str) -> np.ndarray:
    values = []
    for part in range(3):
        rows = campaign(np.random.default_rng([1, part]), 200_000, **WORLDS[name])
        values.append(numbers(effect_calibration(doubly_robust(rows), rows["score"], bins=4), "value"))
    return np.mean(values, axis=0)


def numbers(found, which: str) -> list[float]:
    column = {"value": "effect", "low": "low", "high": "high"}[which]
    return [getattr(one, which) for one in (found.slope, found.intercept, found.bias)] + found.table[column].tolist()


@cache
def coverage(name: str, repetitions: int) -> tuple[np.ndarray, np.ndarray]:
    """Share of the intervals of slope, intercept, bias and four bins that hold the truth, and their mean width."""
    seed, held, width = zlib.crc32(name.encode()), np.zeros(7), np.zeros(7)
    for repetition in range(repetitions):
        rows = campaign(np.random.default_rng([seed, repetition]), 1500, **WORLDS[name])
        found = effect_calibration(doubly_robust(rows), rows["score"], bins=4, customer=rows["owner"])
        low, high = np.array(numbers(found, "low")), np.array(numbers(found, "high"))
        held += (low <= truth(name)) & (truth(name) <= high)
        width += high - low
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


def test_customers_and_targets_are_read() -> None:
    rows = campaign(np.random.default_rng(7), 100, repeated=True)
    y = uplift_target(value=rows["outcome"], treatment=rows["treatment"], propensity=0.5)
    index = pd.Index(rows["owner"], name="customer_id")
    found = effect_calibration(y, pd.Series(rows["score"], index=index))
    assert found.slope.n_customers == 100
    same = effect_calibration(effects_of(rows), rows["score"], customer=rows["owner"])
    assert repr(found) == repr(same)
    assert effect_calibration(effects_of(rows), rows["score"]).slope.n_customers == rows["owner"].size


def test_bad_input_is_named() -> None:
    with pytest.raises(DataError, match="all 3 predictions are equal"):
        effect_calibration([1, 2, 3], [0.2, 0.2, 0.2], bins=1)
    with pytest.raises(DataError, match="effect has 2 columns; one treatment"):
        effect_calibration(np.ones((3, 2)), [1, 2, 3])
    with pytest.raises(DataError, match="score has 2 rows and the outcome 3"):
        effect_calibration([1, 2, 3], [1, 2])
    with pytest.raises(ParameterError, match="10 bins for 3 rows"):
        effect_calibration([1, 2, 3], [1, 2, 3])
    with pytest.raises(DataError, match="there are 1 customers"):
        effect_calibration([1, 2, 3], [1, 2, 3], bins=1, customer=[1, 1, 1])
    with pytest.raises(DataError, match="hold the same 2 labels in different orders"):
        effect_calibration(pd.Series([1, 2], ["a", "b"]), pd.Series([1, 2], ["b", "a"]), bins=1)
    with pytest.raises(ParameterError, match="confidence is 3"):
        effect_calibration([1, 2, 3], [1, 2, 3], bins=1, confidence=3)


def test_infinite_predictions_have_no_size() -> None:
    with pytest.raises(DataError, match=r"1 of 3 predictions are infinite \(row 1\)"):
        effect_calibration([1.0, 2.0, 3.0], [0.1, np.inf, 0.3])
