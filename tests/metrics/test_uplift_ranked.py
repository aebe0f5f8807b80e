"""Uplift metrics against their definition, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics._uplift_effects import ipw_scores
from churnlib.metrics._uplift_ranked import RankedEffects
from churnlib.numerics import customer_bootstrap
from tests.metrics.uplift_worlds import by_definition, campaign, experiments, list_by_definition

AREAS = ("qini", "auuc", "autoc")
shares = st.sampled_from([0.05, 0.1, 0.25, 0.5, 0.75, 1.0])


def effects_of(rows) -> np.ndarray:
    return ipw_scores(rows["outcome"], treatment=rows["treatment"], propensity=rows["propensity"])


@given(experiments())
def test_areas_are_what_their_definition_says(rows) -> None:
    ranked = RankedEffects(effects_of(rows), rows["score"])
    expected = by_definition(rows["outcome"], rows["score"], rows["treatment"], rows["propensity"])
    for area in AREAS:
        assert getattr(ranked, area)() == pytest.approx(float(expected[area]), abs=1e-12)
    assert ranked.auuc() - ranked.qini() == pytest.approx(ranked.ate() / 2, abs=1e-12)


@pytest.mark.parametrize("levels", [0, 7])
def test_many_rows_are_what_the_definition_says(levels: int) -> None:
    rows = campaign(np.random.default_rng(5), 800, levels=levels)
    kept = np.round(rows["outcome"] * 64) / 64
    expected = by_definition(kept, rows["score"], rows["treatment"], 0.5)
    ranked = RankedEffects(ipw_scores(kept, treatment=rows["treatment"], propensity=0.5), rows["score"])
    for area in AREAS:
        assert getattr(ranked, area)() == pytest.approx(float(expected[area]), abs=1e-12)


@given(experiments(), shares)
def test_a_list_takes_tied_rows_by_their_share(rows, k: float) -> None:
    ranked = RankedEffects(effects_of(rows), rows["score"])
    expected = list_by_definition(rows["outcome"], rows["score"], rows["treatment"], rows["propensity"], k)
    assert ranked.uplift_at(k) == pytest.approx(float(expected), abs=1e-12)
    assert ranked.uplift_at(1.0) == pytest.approx(ranked.ate(), abs=1e-12)


@given(experiments(), st.randoms(use_true_random=False))
def test_row_order_changes_no_bit(rows, random) -> None:
    effect, score, weight = effects_of(rows) / 3, rows["score"], rows["weight"] / 7
    order = np.array(random.sample(range(score.size), score.size))
    one, other = RankedEffects(effect, score), RankedEffects(effect[order], score[order])
    for area in AREAS:
        assert getattr(one, area)() == getattr(other, area)()
        assert getattr(one, area)(weight) == getattr(other, area)(weight[order])
    assert one.uplift_at(0.3) == other.uplift_at(0.3)


@given(experiments())
def test_only_the_order_of_scores_matters(rows) -> None:
    effect, score = effects_of(rows), rows["score"]
    one, other = RankedEffects(effect, score), RankedEffects(effect, np.exp(score) * 3 + 1)
    assert [getattr(one, area)() for area in AREAS] == [getattr(other, area)() for area in AREAS]


@given(experiments(), shares)
def test_whole_weights_are_repeated_rows(rows, k: float) -> None:
    effect, score, weight = effects_of(rows), rows["score"], rows["weight"]
    weighted = RankedEffects(effect, score)
    again = np.repeat(np.arange(score.size), weight)
    repeated = RankedEffects(effect[again], score[again])
    for area in AREAS:
        assert getattr(weighted, area)(weight) == pytest.approx(getattr(repeated, area)(), abs=1e-12)
    assert weighted.uplift_at(k, weight) == pytest.approx(repeated.uplift_at(k), abs=1e-12)


@given(experiments())
def test_of_other_weights_the_proportions_count(rows) -> None:
    ranked = RankedEffects(effects_of(rows), rows["score"])
    uneven = rows["weight"] + 0.5 * (rows["weight"] > 0)
    for area in AREAS:
        value = getattr(ranked, area)
        assert value(uneven * 3.7) == pytest.approx(value(uneven), abs=1e-12)
        assert value(np.full(ranked.n_rows, 0.3)) == pytest.approx(value(), abs=1e-12)


@given(experiments())
def test_signs(rows) -> None:
    effect, score = effects_of(rows), rows["score"]
    ranked, turned = RankedEffects(effect, score), RankedEffects(effect, -score)
    assert turned.qini() == pytest.approx(-ranked.qini(), abs=1e-12)
    for area in AREAS:
        assert getattr(RankedEffects(-effect, score), area)() == pytest.approx(-getattr(ranked, area)(), abs=1e-12)


@given(experiments())
def test_twice_the_same_sample_has_the_same_qini(rows) -> None:
    effect, score = effects_of(rows), rows["score"]
    twice = RankedEffects(np.tile(effect, 2), np.tile(score, 2))
    assert twice.qini() == pytest.approx(RankedEffects(effect, score).qini(), abs=1e-12)


@given(experiments())
def test_a_constant_score_ranks_nothing(rows) -> None:
    ranked = RankedEffects(effects_of(rows), np.full(rows["score"].size, 0.1))
    assert ranked.qini() == pytest.approx(0.0, abs=1e-15)
    assert ranked.autoc() == pytest.approx(0.0, abs=1e-14)
    assert ranked.auuc() == pytest.approx(ranked.ate() / 2, abs=1e-12)
    for k in (0.1, 0.7):
        assert ranked.uplift_at(k) == pytest.approx(ranked.ate(), abs=1e-12)


def test_a_score_at_random_is_near_nothing() -> None:
    rng = np.random.default_rng(0)
    ranked = RankedEffects(rng.normal(1, 2, 4000), rng.random(4000))
    for area in ("qini", "autoc"):
        interval = ranked.interval(area)
        assert abs(interval.value) < 3 * interval.standard_error


def test_the_bootstrap_reads_the_same_sort() -> None:
    rows = campaign(np.random.default_rng(1), 600, repeated=True)
    ranked = RankedEffects(effects_of(rows), rows["score"])
    drawn = customer_bootstrap(
        lambda weight: [ranked.qini(weight), ranked.auuc(weight), ranked.autoc(weight), ranked.uplift_at(0.2, weight)],
        rows["owner"],
        n_boot=400,
    )
    analytic = [ranked.interval(area, customer=rows["owner"]) for area in AREAS]
    analytic.append(ranked.interval("uplift_at", k=0.2, customer=rows["owner"]))
    assert [found.standard_error for found in analytic] == pytest.approx(drawn.standard_error, rel=0.15)


def test_it_says_what_it_holds() -> None:
    assert repr(RankedEffects([1.0, 2.0], [1, 1])) == "RankedEffects(2 rows, 1 scores, mean effect 1.5)"


def test_bad_input_is_counted_and_named() -> None:
    with pytest.raises(DataError, match=r"1 of 2 effects are infinite \(row 1\)"):
        RankedEffects([1.0, np.inf], [1, 2])
    with pytest.raises(DataError, match=r"1 of 2 values of effect are NaN \(row 0\)"):
        RankedEffects([np.nan, 1.0], [1, 2])
    with pytest.raises(DataError, match="there are no rows"):
        RankedEffects([], [])
    with pytest.raises(DataError, match="score has 1 rows and the outcome 2"):
        RankedEffects([1.0, 2.0], [1])
    ranked = RankedEffects([1.0, 2.0], [1, 2])
    with pytest.raises(DataError, match="there are 3 weights for 2 rows"):
        ranked.qini([1, 1, 1])
    with pytest.raises(ParameterError, match=r"metric='gini' is not a choice \(did you mean 'qini'"):
        ranked.interval("gini")
    with pytest.raises(ParameterError, match="k is None for 'uplift_at'; a list has a length"):
        ranked.interval("uplift_at")
    with pytest.raises(ParameterError, match=r"k is 0\.1 for 'qini'"):
        ranked.interval("qini", k=0.1)
    with pytest.raises(DataError, match="the two rankings do not hold the same effects"):
        ranked.interval("qini", versus=RankedEffects([1.0, 3.0], [1, 2]))
