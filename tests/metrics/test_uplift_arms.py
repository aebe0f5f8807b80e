"""Uplift targets in every metric: the same numbers as outcome, treatment and propensity apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics import (
    RankedEffects,
    autoc_interval,
    autoc_score,
    auuc_interval,
    auuc_score,
    ipw_scores,
    qini_interval,
    qini_score,
    uplift_at_k,
    uplift_at_k_interval,
    uplift_curve,
    uplift_table,
)
from churnlib.targets import survival_target, uplift_target
from tests.metrics.uplift_worlds import RETAINED, SCORE, TREATED, experiments, offers

NUMBERS = (qini_score, auuc_score, autoc_score, uplift_at_k)
INTERVALS = (qini_interval, auuc_interval, autoc_interval, uplift_at_k_interval)


@pytest.mark.filterwarnings("ignore:all .* scores are equal")
@given(experiments())
def test_a_target_is_outcome_treatment_and_propensity(rows) -> None:
    names = np.where(rows["treatment"] == 1, "call", "control")
    arms = {"treatment": rows["treatment"], "propensity": rows["propensity"]}
    for treatment in (rows["treatment"], names):
        y = uplift_target(value=rows["outcome"], treatment=treatment, propensity=rows["propensity"])
        for metric in NUMBERS:
            assert metric(y, rows["score"]) == metric(rows["outcome"], rows["score"], **arms)
        for metric in INTERVALS:
            assert metric(y, rows["score"]) == metric(rows["outcome"], rows["score"], **arms)
        assert ipw_scores(y).tolist() == ipw_scores(rows["outcome"], **arms).tolist()


@given(experiments())
def test_the_curve_ends_with_everybody_where_toc_is_0(rows) -> None:
    curve = uplift_curve(
        uplift_target(value=rows["outcome"], treatment=rows["treatment"], propensity=rows["propensity"]),
        rows["score"],
        points=3,
    )
    assert curve["toc"].iloc[-1] == 0
    assert curve["gain"].iloc[-1] == curve["at_random"].iloc[-1]


@given(experiments(), st.randoms(use_true_random=False))
def test_a_target_may_be_sliced_and_shuffled(rows, random) -> None:
    y = uplift_target(value=rows["outcome"], treatment=rows["treatment"], propensity=rows["propensity"])
    order = np.array(random.sample(range(y.size), y.size))
    weight = rows["weight"]
    one = [RankedEffects(ipw_scores(y), rows["score"]), RankedEffects(ipw_scores(y[order]), rows["score"][order])]
    assert one[0].qini(weight) == one[1].qini(weight[order])
    twice = np.repeat(np.arange(y.size), weight)
    repeated = RankedEffects(ipw_scores(y[twice]), rows["score"][twice])
    assert repeated.auuc() == pytest.approx(one[0].auuc(weight), abs=1e-12)


def test_tables_curves_and_other_packages_take_targets() -> None:
    y = uplift_target(retained=RETAINED, treatment=TREATED, propensity=0.5)
    arms = {"treatment": TREATED, "propensity": 0.5}
    pd.testing.assert_frame_equal(uplift_table(y, SCORE, bins=3), uplift_table(RETAINED, SCORE, bins=3, **arms))
    pd.testing.assert_frame_equal(uplift_curve(y, SCORE, points=3), uplift_curve(RETAINED, SCORE, points=3, **arms))
    for method in ("sklift", "causalml", "radcliffe"):
        assert qini_score(y, SCORE, method=method) == qini_score(RETAINED, SCORE, treatment=TREATED, method=method)
    assert uplift_at_k(y, SCORE, k=0.5, method="sklift") == pytest.approx(1 / 3)


def test_a_target_without_propensity_is_told_it() -> None:
    y = uplift_target(retained=RETAINED, treatment=TREATED)
    with pytest.raises(ParameterError, match=r"propensity is None; .* never guessed"):
        qini_score(y, SCORE)
    assert qini_score(y, SCORE, propensity="estimate") == qini_score(
        RETAINED, SCORE, treatment=TREATED, propensity="estimate"
    )


def test_several_arms_have_a_column_each() -> None:
    rows = offers(np.random.default_rng(0), 5)
    arm, outcome = np.array([0, 2, 1, 1, 0]), rows["outcome"][:5]
    chances = rows["propensity"][:5]
    y = uplift_target(value=outcome, treatment=arm, propensity=chances)
    weighed = outcome / chances[np.arange(5), arm]
    expected = np.stack([weighed * (arm == k) - weighed * (arm == 0) for k in (1, 2)], axis=1)
    np.testing.assert_allclose(ipw_scores(y), expected)
    with pytest.raises(DataError, match=r"the target has 3 arms \(0, 1, 2\); a ranking compares one"):
        qini_score(y, [1, 2, 3, 4, 5])
    with pytest.raises(DataError, match=r"the target has the arms 0, 2 and propensities of shape \(3, 3\)"):
        ipw_scores(y[[0, 1, 4]])
    with pytest.raises(DataError, match="the target has the arms 0, 1, 2 and no propensity"):
        ipw_scores(uplift_target(value=outcome, treatment=arm))


def test_the_mean_of_the_columns_is_the_effect_of_each_arm() -> None:
    rows = offers(np.random.default_rng(1), 40_000, confounded=True)
    y = uplift_target(value=rows["outcome"], treatment=rows["arm"], propensity=rows["propensity"])
    assert ipw_scores(y).mean(axis=0) == pytest.approx([0.4, 0.8], abs=0.06)


def test_what_is_given_twice_or_lacks_is_named() -> None:
    y = uplift_target(retained=RETAINED, treatment=TREATED, propensity=0.5)
    for metric in (*NUMBERS, *INTERVALS, uplift_table, uplift_curve):
        with pytest.raises(ParameterError, match="treatment is given beside an uplift target"):
            metric(y, SCORE, treatment=TREATED)
        with pytest.raises(ParameterError, match="propensity is given twice"):
            metric(y, SCORE, propensity=0.5)
        with pytest.raises(ParameterError, match="treatment is None"):
            metric(RETAINED, SCORE)
    for name, wrong in {"call": "treated", "control": "untreated"}.items():
        alone = uplift_target(retained=RETAINED, treatment=[name] * 12, propensity=0.5)
        with pytest.raises(DataError, match=f"all 12 rows are {wrong}"):
            qini_score(alone, SCORE)
    unnamed = uplift_target(retained=[1, 0], treatment=["a", "b"], propensity=0.5)
    with pytest.raises(DataError, match="none of the arms a, b is the control"):
        qini_score(unnamed, [1, 2])
    left = uplift_target(survival=survival_target([1, 0], [3.0, 4.0]), treatment=[0, 1], propensity=0.5)
    with pytest.raises(DataError, match="the outcome of the target is survival"):
        qini_score(left, [1, 2])


def test_survival_is_told_how_it_becomes_a_number() -> None:
    stayed = survival_target([1, 0, 1, 0], [30.0, 90.0, 60.0, 90.0])
    packed = uplift_target(survival=stayed, treatment=[0, 1, 0, 1], propensity=0.5)
    for outcome, arms in ((packed, {}), (stayed, {"treatment": [0, 1, 0, 1], "propensity": 0.5})):
        with pytest.raises(DataError, match=r"(?s)survival.*rmst_outcomes\(survival, horizon="):
            qini_score(outcome, [4, 3, 2, 1], **arms)
