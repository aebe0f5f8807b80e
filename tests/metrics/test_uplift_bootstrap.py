"""Intervals from draws of customers: beside the formula, and their coverage."""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
import pytest

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics import (
    RankedEffects,
    autoc_interval,
    auuc_interval,
    auuc_score,
    qini_interval,
    qini_score,
    uplift_at_k_interval,
)
from churnlib.metrics._uplift_effects import ranked_effects
from tests.metrics.test_uplift_interval import METRICS, WORLDS, ranked, truth
from tests.metrics.uplift_worlds import campaign

INTERVALS = {"qini": qini_interval, "auuc": auuc_interval, "autoc": autoc_interval, "uplift": uplift_at_k_interval}


@pytest.mark.parametrize("name", list(INTERVALS))
@pytest.mark.parametrize("propensity", [0.5, "estimate"])
def test_draws_agree_with_the_formula(name: str, propensity: object) -> None:
    rows = campaign(np.random.default_rng(0), 800, repeated=True)
    given = (rows["outcome"] + 2, rows["score"])
    options = {"treatment": rows["treatment"], "propensity": propensity, "customer": rows["owner"]}
    for versus in (None, rows["other"]):
        formula = INTERVALS[name](*given, versus=versus, **options)
        drawn = INTERVALS[name](*given, versus=versus, n_boot=400, **options)
        assert drawn.value == pytest.approx(formula.value, abs=1e-12)
        assert drawn.standard_error == pytest.approx(formula.standard_error, rel=0.15)
        assert drawn.low < drawn.value < drawn.high
        assert drawn.n_customers == formula.n_customers == 800
        assert drawn == INTERVALS[name](*given, versus=versus, n_boot=400, **options)
        assert drawn != INTERVALS[name](*given, versus=versus, n_boot=400, random_state=1, **options)


def test_the_order_of_rows_changes_no_bound() -> None:
    rows = campaign(np.random.default_rng(1), 150, levels=2, repeated=True)
    order = np.random.default_rng(2).permutation(rows["owner"].size)
    found = [
        qini_interval(
            rows["outcome"][rows_],
            rows["score"][rows_],
            treatment=rows["treatment"][rows_],
            propensity=0.5,
            customer=rows["owner"][rows_],
            n_boot=50,
        )
        for rows_ in (slice(None), order)
    ]
    assert found[0] == found[1]


def test_a_share_that_was_estimated_is_estimated_in_each_draw() -> None:
    rows = campaign(np.random.default_rng(3), 200)
    y, s, t = rows["outcome"] + 5, rows["score"], rows["treatment"]
    weight = np.random.default_rng(4).integers(0, 3, 200)
    found, _ = ranked_effects(y, s, treatment=t, propensity="estimate", sample_weight=None)
    for metric, score in (("qini", qini_score), ("auuc", auuc_score)):
        expected = score(y, s, treatment=t, propensity="estimate", sample_weight=weight)
        assert found._on_draw(metric, None, weight) == pytest.approx(expected, abs=1e-12)
    with pytest.raises(DataError, match="all rows drawn are of one arm"):
        found._on_draw("qini", None, t.astype(float))


def test_weights_are_multiplied_with_the_draws() -> None:
    rows = campaign(np.random.default_rng(5), 300)
    effect, weight = rows["outcome"] * np.where(rows["treatment"], 2, -2), np.repeat([1.0, 2.5], 150)
    found = RankedEffects(effect, rows["score"])
    drawn = found.interval("qini", sample_weight=weight, n_boot=300)
    formula = found.interval("qini", sample_weight=weight)
    assert drawn.value == pytest.approx(formula.value, abs=1e-12)
    assert drawn.standard_error == pytest.approx(formula.standard_error, rel=0.15)


NAMES = ("confounded, rows repeated", "share estimated, few scores")
PLACES = [METRICS.index(metric) for metric in ("qini", "uplift_at", "difference")]


@cache
def coverage(name: str, repetitions: int, n_intervals: int, n_boot: int) -> tuple[np.ndarray, np.ndarray]:
    """Share of the intervals that hold the truth, and their mean width: Qini, a list, the difference of two."""
    seed = zlib.crc32(f"draws, {name}".encode())
    held, width, known = np.zeros(n_intervals), np.zeros(n_intervals), truth(name)[PLACES[:n_intervals]]
    for repetition in range(repetitions):
        found, other, owner = ranked(name, np.random.default_rng([seed, repetition]), 800)
        options = {"customer": owner if WORLDS[name].get("repeated") else None, "n_boot": n_boot}
        asked = [("qini", None, None), ("uplift_at", 0.3, None), ("qini", None, other)][:n_intervals]
        for place, (metric, k, versus) in enumerate(asked):
            interval = found.interval(metric, k=k, versus=versus, **options)
            held[place] += interval.low <= known[place] <= interval.high
            width[place] += interval.high - interval.low
    return held / repetitions, width / repetitions


def test_coverage(record_property) -> None:
    held, width = coverage(NAMES[0], 400, 1, 150)
    record_property("coverage", held.tolist())
    record_property("width", width.tolist())
    assert ((held >= 0.91) & (held <= 0.9825)).all(), held


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_coverage_in_full(name: str, record_property) -> None:
    held, width = coverage(name, 2000, 3, 300)
    record_property("coverage", held.tolist())
    record_property("width", width.tolist())
    assert ((held >= 0.9335) & (held <= 0.9655)).all(), held


def test_bad_input_is_named() -> None:
    ranked_ = RankedEffects([1.0, 2.0, 3.0], [1, 2, 3])
    with pytest.raises(ParameterError, match="n_boot is 1; at least 2 draws"):
        ranked_.interval("qini", n_boot=1)
    with pytest.raises(ParameterError, match=r"k is 0\.1 for 'qini'"):
        ranked_.interval("qini", k=0.1, n_boot=9)
    with pytest.raises(DataError, match="the two rankings do not hold the same effects"):
        ranked_.interval("qini", versus=RankedEffects([1.0], [1]), n_boot=9)
