"""Sample ratio mismatch: published alarms, the exact test, and words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError
from churnlib.experiments import srm_check
from churnlib.experiments._sample_ratio import _exact, _simulated


def test_a_published_alarm() -> None:
    # Kohavi, Tang and Xu 2020, Trustworthy Online Controlled Experiments, chapter 21: p = 1.8E-6
    check = srm_check({"control": 821_588, "treatment": 815_482})
    assert check.p_value == pytest.approx(1.8e-6, abs=0.05e-6)
    assert not check.ok


def test_hillstrom_is_balanced() -> None:
    assert srm_check({"control": 21_306, "women": 21_387}).p_value == pytest.approx(0.695, abs=0.001)


@given(st.lists(st.integers(200, 2000), min_size=2, max_size=5))
def test_chi_square_is_that_of_scipy(counts: list[int]) -> None:
    check = srm_check(counts)
    assert check.method == "chi-square"
    assert check.p_value == pytest.approx(chisquare(counts).pvalue, rel=1e-9, abs=1e-300)


@given(st.integers(0, 12), st.integers(1, 25), st.sampled_from([0.1, 0.3, 0.5]))
def test_two_small_arms_are_the_binomial_test(kept: int, other: int, share: float) -> None:
    check = srm_check([kept, other], [share, 1 - share])
    if check.method == "exact":
        assert check.p_value == pytest.approx(binomtest(kept, kept + other, share).pvalue, rel=1e-6)


def test_three_small_arms() -> None:
    # 3 customers, 3 arms: all in one arm is the least probable kind of outcome, 3 of 27 draws
    check = srm_check([3, 0, 0])
    assert check.method == "exact"
    assert check.p_value == pytest.approx(1 / 9)
    assert srm_check([1, 1, 1]).p_value == pytest.approx(1)


def test_simulated_where_there_are_too_many_outcomes() -> None:
    check = srm_check([5_000, 5_050, 2], [0.4997, 0.4997, 0.0006])
    assert check.method == "simulated"
    assert 0.05 < check.p_value < 0.6
    assert srm_check([5_000, 5_050, 2], [0.4997, 0.4997, 0.0006]).p_value == check.p_value
    counts, share = np.array([9, 4, 11]), np.array([0.4, 0.3, 0.3])
    assert _simulated(counts, share) == pytest.approx(_exact(counts, share), abs=0.05)


def test_false_alarms_are_as_rare_as_asked() -> None:
    rng = np.random.default_rng(0)
    draws = rng.multinomial(300, [0.5, 0.3, 0.2], size=2000)
    alarms = np.mean([not srm_check(draw.tolist(), [0.5, 0.3, 0.2], threshold=0.05).ok for draw in draws])
    assert 0.035 < alarms < 0.065


def test_it_reads_well() -> None:
    fine = srm_check(pd.Series({"control": 4985, "<offer>": 5015}))
    assert fine.ok
    assert repr(fine).startswith("The counts are as planned: control 4,985 (expected 5,000.0)")
    alarm = srm_check({"control": 4000, "offer": 5000})
    assert "Do not read the effect" in repr(alarm)
    assert "&lt;offer&gt;" in fine._repr_html_()
    assert alarm.frame.loc["offer"].to_dict() == {"customers": 5000, "expected": 4500, "difference": 500}


@pytest.mark.parametrize(
    ("counts", "options", "error", "words"),
    [
        ([1, -1], {}, DataError, "1 of 2 counts are no numbers of customers \\(1: -1\\)"),
        ({"a": 1.5, "b": float("nan")}, {}, DataError, "2 of 2 counts"),
        ({"a": "many", "b": None}, {}, DataError, "2 of 2 counts"),
        ([5], {}, DataError, "counts of 1 arms"),
        ([0, 0], {}, DataError, "all counts are 0"),
        ([5, 5], {"ratio": [0.5, 0.3, 0.2]}, ParameterError, "ratio has 3 shares for 2 arms"),
        ([5, 5], {"ratio": [1, 4]}, ParameterError, "out of range"),
        ([5, 5], {"ratio": [0.4, 0.5]}, ParameterError, "shares that sum to 0.9"),
        ({"a": 5, "b": 5}, {"ratio": {"a": 0.5, "c": 0.5}}, ParameterError, "arms 'a', 'c', and the counts 'a', 'b'"),
        ([5, 5], {"ratio": 0.5}, ParameterTypeError, "ratio is 0.5"),
        ([5, 5], {"threshold": 2}, ParameterError, "threshold=2.0 is out of range"),
    ],
)
def test_refusals(counts, options, error, words) -> None:
    with pytest.raises(error, match=words):
        srm_check(counts, **options)
