"""Bins along the ranking: what they hold, how they add up, and their intervals."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics._uplift_effects import ipw_scores
from churnlib.metrics._uplift_table import uplift_table
from churnlib.metrics._uplift_top import uplift_at_k, uplift_at_k_interval
from tests.metrics.uplift_worlds import RETAINED, SCORE, TREATED, campaign, experiments, list_by_definition


def test_a_table_by_hand() -> None:
    table = uplift_table(RETAINED, SCORE, treatment=TREATED, propensity=0.5, bins=3)
    assert table.index.tolist() == [1, 2, 3]
    assert table["rows"].tolist() == [4.0, 4.0, 4.0]
    assert table["treated"].tolist() == [2.0, 2.0, 2.0]
    assert table["control"].tolist() == [2.0, 2.0, 2.0]
    assert table["outcome_treated"].tolist() == [1.0, 0.0, 0.0]
    assert table["outcome_control"].tolist() == [0.5, 0.5, 1.0]
    assert table["uplift"].tolist() == pytest.approx([0.5, -0.5, -1.0])
    assert table["cumulative_uplift"].tolist() == pytest.approx([0.5, 0.0, -1 / 3])
    assert table["score_high"].tolist() == [0.9, 0.6, 0.3]
    assert table["score_low"].tolist() == [0.7, 0.4, 0.1]


@given(experiments(), st.integers(1, 5))
def test_a_bin_is_what_its_list_gains_more_than_the_list_before(rows, bins: int) -> None:
    n = rows["score"].size
    if bins > n:
        return
    arms = {"treatment": rows["treatment"], "propensity": rows["propensity"]}
    table = uplift_table(rows["outcome"], rows["score"], bins=bins, **arms)
    given = (rows["outcome"], rows["score"], rows["treatment"], rows["propensity"])
    means = [float(list_by_definition(*given, k / bins)) * k for k in range(1, bins + 1)]
    assert table["uplift"].tolist() == pytest.approx(np.diff(means, prepend=0.0).tolist(), abs=1e-9)
    effect = ipw_scores(rows["outcome"], **arms)
    assert table["uplift"].mean() == pytest.approx(effect.mean(), abs=1e-12)
    assert table["treated"].sum() == pytest.approx(rows["treatment"].sum())
    assert (table["treated"] + table["control"]).tolist() == pytest.approx(table["rows"].tolist())
    assert (table["score_high"] >= table["score_low"]).all()


@pytest.mark.parametrize("propensity", [0.5, "estimate"])
@pytest.mark.parametrize("levels", [0, 1, 3])
def test_short_cuts_change_no_error(levels: int, propensity: object) -> None:
    rows = campaign(np.random.default_rng(1), 300, levels=levels)
    weight = np.random.default_rng(2).uniform(0.5, 2.0, 300)
    arms = {"treatment": rows["treatment"], "propensity": propensity}
    for weights in (None, weight):
        plain = uplift_table(rows["outcome"], rows["score"], sample_weight=weights, **arms)
        by_customer = uplift_table(
            rows["outcome"], rows["score"], sample_weight=weights, customer=np.arange(300)[::-1], **arms
        )
        assert plain["standard_error"].tolist() == pytest.approx(by_customer["standard_error"].tolist(), rel=1e-9)
        top = uplift_at_k_interval(rows["outcome"], rows["score"], sample_weight=weights, k=0.1, **arms)
        assert plain["standard_error"][1] == pytest.approx(top.standard_error, rel=1e-9)
        assert (plain["low"][1], plain["high"][1]) == pytest.approx((top.low, top.high), rel=1e-9)


def test_rows_of_one_customer_are_one_observation() -> None:
    rows = campaign(np.random.default_rng(3), 200)
    again = np.repeat(np.arange(200), 3)
    once = uplift_table(rows["outcome"], rows["score"], treatment=rows["treatment"], propensity=0.5, bins=4)
    thrice = uplift_table(
        rows["outcome"][again],
        rows["score"][again],
        treatment=rows["treatment"][again],
        propensity=0.5,
        bins=4,
        customer=again,
    )
    assert thrice["uplift"].tolist() == pytest.approx(once["uplift"].tolist())
    assert thrice["standard_error"].tolist() == pytest.approx(once["standard_error"].tolist(), rel=0.05)


def test_customers_may_fill_many_pieces() -> None:
    rows = campaign(np.random.default_rng(4), 40_000)
    arms = {"treatment": rows["treatment"], "propensity": 0.5, "bins": 3}
    alone = uplift_table(rows["outcome"], rows["score"], **arms)
    named = uplift_table(rows["outcome"], rows["score"], customer=np.arange(40_000), **arms)
    assert named["standard_error"].tolist() == pytest.approx(alone["standard_error"].tolist(), rel=1e-9)


def test_rows_without_weight_are_not_there() -> None:
    weight = [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]
    table = uplift_table(RETAINED, SCORE, treatment=TREATED, propensity=0.5, bins=2, sample_weight=weight)
    assert (table["score_high"][1], table["score_low"][2]) == (0.8, 0.2)
    assert table["rows"].tolist() == [5.0, 5.0]
    inner = slice(1, -1)
    same = uplift_table(RETAINED[inner], SCORE[inner], treatment=TREATED[inner], propensity=0.5, bins=2)
    assert table["uplift"].tolist() == pytest.approx(same["uplift"].tolist())


def test_an_arm_that_is_not_there_has_no_mean() -> None:
    table = uplift_table([1, 0, 1, 0], [4, 3, 2, 1], treatment=[1, 1, 0, 0], propensity=0.5, bins=2)
    assert np.isnan(table["outcome_control"][1])
    assert np.isnan(table["outcome_treated"][2])
    assert table["uplift"].tolist() == [1.0, -1.0]


def coverage(repetitions: int) -> tuple[np.ndarray, float]:
    """Share of the intervals of four bins that hold the true effect there, and their mean width."""
    truth = np.mean(
        [
            uplift_table(big["outcome"], big["score"], treatment=big["treatment"], propensity=0.5, bins=4)["uplift"]
            for big in (campaign(np.random.default_rng([1, part]), 300_000) for part in range(3))
        ],
        axis=0,
    )
    held, width = np.zeros(4), 0.0
    for repetition in range(repetitions):
        rows = campaign(np.random.default_rng([zlib.crc32(b"bins of uplift"), repetition]), 600, repeated=True)
        table = uplift_table(
            rows["outcome"],
            rows["score"],
            treatment=rows["treatment"],
            propensity=0.5,
            bins=4,
            customer=rows["owner"],
        )
        held += (table["low"] <= truth) & (truth <= table["high"])
        width += float((table["high"] - table["low"]).mean())
    return held / repetitions, width / repetitions


def test_coverage(record_property) -> None:
    held, width = coverage(400)
    record_property("width", width)
    record_property("coverage", held.tolist())
    assert ((held >= 0.91) & (held <= 0.9825)).all(), held


@pytest.mark.slow
def test_coverage_in_full(record_property) -> None:
    held, width = coverage(2000)
    record_property("width", width)
    record_property("coverage", held.tolist())
    assert ((held >= 0.9335) & (held <= 0.9655)).all(), held


def test_bad_input_is_named() -> None:
    arms = {"treatment": TREATED, "propensity": 0.5}
    with pytest.raises(ParameterError, match="20 bins for 12 rows"):
        uplift_table(RETAINED, SCORE, bins=20, **arms)
    with pytest.raises(ParameterError, match="confidence is 1"):
        uplift_table(RETAINED, SCORE, confidence=1, **arms)
    with pytest.raises(DataError, match="there are 1 customers"):
        uplift_table(RETAINED, SCORE, customer=[7] * 12, **arms)
    assert uplift_table(RETAINED, SCORE, bins=1, **arms)["uplift"][1] == pytest.approx(
        uplift_at_k(RETAINED, SCORE, k=1, **arms)
    )
