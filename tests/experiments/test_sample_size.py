"""Sample size and power: published examples, another package's numbers, and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError
from churnlib.experiments import detectable_effect, effect, power, sample_size


def test_the_examples_of_r() -> None:
    # The examples on the help pages of power.prop.test and power.t.test of R
    assert power(100, 0.25, retention=0.5) == pytest.approx(0.740, abs=0.0005)
    assert sample_size(0.25, retention=0.5, power=0.9).exact / 2 == pytest.approx(76.7, abs=0.05)
    assert power(40, 1, sd=1) == pytest.approx(0.8689528, abs=1e-7)
    assert sample_size(1, sd=1, power=0.9).exact / 2 == pytest.approx(22.02110, abs=1e-5)


def test_means_are_those_of_statsmodels() -> None:
    # statsmodels 0.15.0, TTestIndPower().solve_power: customers of the first arm, ratio = second / first
    assert sample_size(5, sd=40, power=0.9).exact / 2 == pytest.approx(1345.910773254367, rel=1e-6)
    assert sample_size(0.3, sd=1, treated_share=0.8).exact / 5 == pytest.approx(109.39742692772745, rel=1e-5)
    one_sided = sample_size(0.3, sd=1, treated_share=0.2, alternative="larger")
    assert one_sided.exact * 0.8 == pytest.approx(344.56274107618594, rel=1e-5)
    # TTestIndPower().power(.25, 80, .05, ratio=2), which adds the clear losses that are no gain
    assert power(240, 0.25, sd=1, treated_share=2 / 3) == pytest.approx(0.4437806, abs=1e-4)


def test_shares_are_those_of_statsmodels() -> None:
    # statsmodels 0.15.0: samplesize_proportions_2indep_onetail(.02, .9, .8, ratio=r, alpha=.05), customers of one arm
    assert sample_size(0.02, retention=0.9).exact / 2 == pytest.approx(3212.9370624961102, rel=1e-9)
    assert sample_size(0.02, retention=0.9, treated_share=0.2).exact / 5 == pytest.approx(2054.093847880706, rel=1e-9)
    # power_proportions_2indep(diff, prop2, nobs1, ratio), which adds the other tail
    assert power(3000, 0.02, retention=0.9) == pytest.approx(0.48167045782266, abs=1e-4)
    assert power(1500, 0.05, retention=0.6, treated_share=0.2) == pytest.approx(0.352797105832461, abs=2e-4)


@given(
    st.floats(0.05, 0.94),
    st.floats(0.005, 0.05),
    st.floats(0.1, 0.9),
    st.floats(0.5, 0.95),
    st.floats(0, 0.05),
    st.sampled_from([0.0, 0.5, -0.7]),
)
def test_size_power_and_effect_are_inverse(retention, gain, share, sure, margin, correlation) -> None:
    options = {"retention": retention, "treated_share": share, "margin": margin, "correlation": correlation}
    needed = sample_size(gain, power=sure, **options)
    assert power(needed.exact, gain, **options) == pytest.approx(sure, abs=1e-6)
    assert detectable_effect(needed.exact, power=sure, **options) == pytest.approx(gain, rel=1e-3)
    assert needed.total >= needed.exact - 1e-5
    assert power(needed.total + 1, gain, **options) >= sure - 1e-6


def test_a_covariate_and_clusters_multiply() -> None:
    plain = sample_size(0.02, retention=0.9).exact
    assert sample_size(0.02, retention=0.9, correlation=0.6).exact == pytest.approx(plain * 0.64)
    assert sample_size(0.02, retention=0.9, correlation=-0.6).exact == pytest.approx(plain * 0.64)
    clustered = sample_size(0.02, retention=0.9, cluster_size=50, icc=0.02)
    # the design effect 1 + 49 · .02, and a little for the t distribution of so many clusters
    assert plain * 1.98 < clustered.exact < plain * 1.98 * 1.03
    pairs = sample_size(0.02, retention=0.9, cluster_size=2, icc=0.5)
    assert pairs.exact == pytest.approx(plain * 1.5, rel=0.002)
    assert clustered.control == 50 * clustered.control_clusters
    assert clustered.treated == 50 * clustered.treated_clusters


def test_too_few_clusters_show_nothing() -> None:
    assert power(1000, 0.1, retention=0.8, cluster_size=500, icc=0.01) == 0
    with pytest.raises(DataError, match="1,000 customers cannot show any effect"):
        detectable_effect(1000, retention=0.8, cluster_size=500, icc=0.01)
    with pytest.raises(DataError, match="cannot show any effect with a probability of 80%"):
        detectable_effect(10, retention=0.99)


def test_a_margin() -> None:
    # Wald against -margin, by hand: (z.975 + z.8)² (2 · .9 · .1) / .02²
    expected = (1.959963984540054 + 0.8416212335729143) ** 2 * 0.18 / 0.02**2
    assert sample_size(0, retention=0.9, margin=0.02).exact / 2 == pytest.approx(expected)
    assert power(5000, -0.02, retention=0.9, margin=0.02) == pytest.approx(0.025)


def test_losses_and_wrong_yes() -> None:
    assert power(4000, -0.03, retention=0.9) > 0.8
    assert power(4000, 0, retention=0.9) == pytest.approx(0.025)
    assert power(4000, -0.03, retention=0.9, alternative="larger") < 0.001
    assert power(40, 0, sd=1) == pytest.approx(0.025)
    assert power(10, 0.5, retention=0.5) < power(1000, 0.5, retention=0.5)
    assert detectable_effect(2_000, sd=40.0, power=0.9) == pytest.approx(
        detectable_effect(2_000, sd=1.0, power=0.9) * 40
    )


def test_power_by_simulation(record_property) -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(1000):
        y = np.r_[rng.random(400) < 0.8, rng.random(800) < 0.87].astype(int)
        found.append(effect(y, np.repeat([0, 1], [400, 800])).verdict == "better")
    planned = power(1200, 0.07, retention=0.8, treated_share=2 / 3)
    record_property("power", np.mean(found))
    assert np.mean(found) == pytest.approx(planned, abs=0.04)


def test_power_of_clusters_by_simulation(record_property) -> None:
    rng = np.random.default_rng(1)
    found = []
    owner, treated = np.repeat(np.arange(24), 20), np.repeat([0, 1], 240)
    for _ in range(500):
        # variance .05 between clusters and .95 within: icc = .05
        y = np.sqrt(0.05) * rng.normal(size=24)[owner] + np.sqrt(0.95) * rng.normal(size=480) + 0.4 * treated
        found.append(effect(y, treated, cluster=owner).verdict == "better")
    planned = power(480, 0.4, sd=1, cluster_size=20, icc=0.05)
    record_property("power", np.mean(found))
    assert np.mean(found) == pytest.approx(planned, abs=0.06)


def test_it_reads_well() -> None:
    assert repr(sample_size(0.02, retention=0.9)) == (
        "SampleSize(3,213 control + 3,213 treated = 6,426 customers show an effect of +0.02 with a probability of 80%)"
    )
    assert "in 50 + 50 clusters" in repr(sample_size(0.02, retention=0.9, cluster_size=200, icc=0.01))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "neither retention nor sd is given"),
        ({"retention": 0.9, "sd": 1}, "both retention and sd are given"),
        ({"retention": 1.0}, "retention=1 cannot be; a value between 0 and 1"),
        ({"sd": 0}, "sd=0 cannot be; a value above 0"),
        ({"retention": 0.99}, "retention=0.99 and an effect of \\+0.02 make 1.01"),
        ({"retention": 0.9, "effect": 0.0}, "no number of customers shows an effect of \\+0"),
        ({"retention": 0.9, "effect": -0.01, "alternative": "larger"}, "no number of customers"),
        ({"retention": 0.9, "effect": -0.03, "margin": 0.02}, "against a margin of 0.02"),
        ({"retention": 0.9, "power": 1.0}, "power=1 cannot be"),
        ({"retention": 0.9, "power": 0.02}, "power=0.02 cannot be; a value above 0.025"),
        ({"retention": 0.5, "effect": 1e-9}, "no number of customers shows an effect"),
        ({"retention": 0.9, "confidence": 95}, "confidence is 95"),
        ({"retention": 0.9, "alternative": "both"}, "alternative='both' is not a choice"),
        ({"retention": 0.9, "treated_share": 0}, "treated_share=0 cannot be"),
        ({"retention": 0.9, "margin": -0.1}, "margin=-0.1 is out of range"),
        ({"retention": 0.9, "cluster_size": 0.5}, "cluster_size=0.5 is out of range"),
        ({"retention": 0.9, "icc": 0.1}, "icc=0.1 says that customers of a cluster are alike"),
        ({"retention": 0.9, "icc": 2, "cluster_size": 9}, "icc=2.0 is out of range"),
        ({"retention": 0.9, "correlation": 1}, "correlation=1 leaves no variance"),
        ({"retention": 0.9, "correlation": 1.5}, "correlation=1.5 is out of range"),
    ],
)
def test_refusals(options, words) -> None:
    with pytest.raises(ParameterError, match=words):
        sample_size(**{"effect": 0.02} | options)


def test_two_customers_can_be_enough() -> None:
    assert sample_size(0, retention=0.01, margin=0.9).total == 2
    assert sample_size(100, sd=1).total == 4


def test_refusals_of_power() -> None:
    with pytest.raises(ParameterError, match=r"n=1.0 is out of range"):
        power(1, 0.02, retention=0.9)
    with pytest.raises(ParameterTypeError, match="effect is 'big', a str"):
        power(100, "big", retention=0.9)  # type: ignore[arg-type]
