"""Shrunken rates: against fine integration and published data, invariances, and how often intervals hold the truth."""

from __future__ import annotations

import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betainc, expit
from scipy.stats import beta

from churnlib.exceptions import DataError, ParameterError
from churnlib.numerics import beta_binomial, shrunken_rates
from churnlib.numerics._beta_binomial import group_counts
from tests.numerics.test_beta_binomial import RATS, groups

# Efron and Morris 1977, Sci. Am. 236(5), 119-127: hits in the first 45 at bats of 1970, and the season's average.
HITS = np.array([18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7])
SEASON = np.array(
    [.346, .298, .276, .222, .273, .270, .263, .210, .269, .230, .264, .256, .303, .264, .226, .286, .316, .200]
)  # fmt: skip


def finely_integrated(y, n):
    """Pairs of α and β with their probability by brute force: a grid of 250 by 801."""
    logit, radius = np.meshgrid(np.linspace(-14, 14, 801), (np.arange(250) + 0.5) / 250)
    trials = 1 / radius**2 - 1
    a, b = expit(logit) * trials, expit(-logit) * trials
    density = group_counts(y, n).log_likelihood(a, b) + np.log(expit(logit)) + np.log(expit(-logit))
    mass = np.exp(density - density.max())
    kept = mass > 1e-8
    return a[kept], b[kept], mass[kept] / mass[kept].sum()


@pytest.mark.parametrize(
    ("y", "n", "within"),
    [
        (RATS[:, 0], RATS[:, 1], 1e-4),
        (HITS, [45] * 18, 1e-3),
        ([1, 0, 0, 2, 0], [30, 20, 10, 40, 25], 2e-3),
        ([3, 12, 41, 0], [3, 80, 400, 0], 1e-3),
        ([0, 0, 0], [10, 20, 5], 3e-3),
        ([5, 0], [5, 7], 3e-3),
        ([3], [10], 3e-3),
        ([1, 0, 1, 1], [1, 1, 1, 1], 6e-3),  # nothing tells how such groups differ: the prior alone is integrated
    ],
)
def test_a_hundred_nodes_are_as_good_as_a_million(y, n, within: float) -> None:
    """The mean is that of the grid, and each end has the probability of the grid below it that it should have."""
    y, n = np.asarray(y, dtype=float), np.asarray(n, dtype=float)
    a, b, mass = finely_integrated(y, n)
    found = shrunken_rates(y, n)
    for which in {0, len(y) - 1}:
        row, own_a, own_b = found.loc[which], a + y[which], b + n[which] - y[which]
        assert row["shrunken"] == pytest.approx(mass @ (own_a / (own_a + own_b)), abs=within)
        assert row["weight"] == pytest.approx(mass @ (n[which] / (own_a + own_b)), abs=within)
        for end, share in (("low", 0.025), ("high", 0.975)):
            if 1e-9 < row[end] < 1 - 1e-9:  # nearer to 0 or 1 the next float is too far away
                assert mass @ betainc(own_a, own_b, row[end]) == pytest.approx(share, abs=within)


def test_batting_averages() -> None:
    """Efron and Morris: squared errors sum to 0.077, and shrunken to 0.022; 0.212 of the distance is kept."""
    found = shrunken_rates(HITS, np.full(18, 45))
    assert ((found["rate"] - SEASON) ** 2).sum() == pytest.approx(0.077, abs=0.002)
    assert ((found["shrunken"] - SEASON) ** 2).sum() == pytest.approx(0.022, abs=0.002)
    assert found["weight"].unique() == pytest.approx([0.212], abs=0.02)
    assert ((found["low"] < SEASON) & (found["high"] > SEASON)).sum() >= 17


def test_the_last_rats() -> None:
    """Bayesian Data Analysis, 3rd ed., section 5.3: 4 of 14 is drawn to about 0.2."""
    last = shrunken_rates(*RATS.T).iloc[-1]
    assert last["rate"] == pytest.approx(0.286, abs=0.001)
    assert last[["shrunken", "low", "high"]].tolist() == pytest.approx([0.21, 0.087, 0.377], abs=0.005)


@given(groups)
def test_estimates_are_possible_and_keep_the_order_of_groups_of_one_size(pairs) -> None:
    y, n = np.array(pairs).T
    found = shrunken_rates(y, n)
    bounded = found[["shrunken", "low", "high", "weight"]].to_numpy()
    assert ((bounded >= 0) & (bounded <= 1)).all()
    assert (found["low"] < found["high"]).all()
    assert found.loc[n == 0, "weight"].eq(0).all()
    for _, alike in found.groupby("trials"):
        ordered = alike.sort_values(["successes", "rank"])
        for column in ("shrunken", "low", "high"):
            assert (ordered[column].diff().dropna() >= -1e-9).all()
            assert ordered.groupby("successes")[column].nunique().eq(1).all()
        assert (ordered["rank"].diff().dropna() <= 0).all()


@given(groups, st.randoms(use_true_random=False))
def test_the_order_of_groups_leaves_no_trace(pairs, random) -> None:
    table = pd.DataFrame(pairs, columns=["y", "n"])
    order = random.sample(range(len(table)), len(table))
    shuffled = table.iloc[order]
    found = shrunken_rates(shuffled["y"], shuffled["n"])
    pd.testing.assert_frame_equal(found, shrunken_rates(table["y"], table["n"]).iloc[order], check_exact=True)


@given(groups)
def test_success_and_failure_are_symmetric(pairs) -> None:
    y, n = np.array(pairs).T
    found, mirrored = shrunken_rates(y, n), shrunken_rates(n - y, n)
    np.testing.assert_allclose(found["shrunken"], 1 - mirrored["shrunken"], atol=1e-5)
    np.testing.assert_allclose(found["low"], 1 - mirrored["high"], atol=1e-4)
    np.testing.assert_allclose(found["weight"], mirrored["weight"], atol=1e-4)


def test_a_tiny_group_does_not_head_the_ranking_and_one_without_trials_has_an_estimate() -> None:
    lost, customers = pd.Series([3, 90, 40, 30, 20, 0], index=list("abcdef")), [3, 100, 400, 300, 200, 0]
    found = shrunken_rates(lost, customers)
    assert found["rate"].idxmax() == "a"
    assert found["shrunken"].idxmax() == "b"
    assert found["rank"]["b"] == 1
    assert np.isnan(found.loc["f", "rate"])
    assert (found.loc["f", "weight"], found.loc["f", "low"] < 0.05, found.loc["f", "high"] > 0.8) == (0, True, True)


def test_groups_that_are_all_alike_are_pooled_and_say_so() -> None:
    found = shrunken_rates([20] * 10, [200] * 10)
    assert np.isinf(found["prior_trials"]).all()
    assert found["prior_mean"].unique() == pytest.approx([0.1])
    assert found["shrunken"].unique() == pytest.approx([0.1], abs=0.002)
    assert (found["weight"] < 0.5).all()
    assert found["rank"].dtype == "Int64"
    assert found["rank"].isna().all()
    alone = shrunken_rates([20], [200])
    assert (found["high"] - found["low"]).max() < float((alone["high"] - alone["low"]).iloc[0])


def test_no_success_is_no_proof_of_a_rate_of_zero() -> None:
    found = shrunken_rates([0, 0, 0], [10, 50, 0])
    assert (found["shrunken"] > 0).all()
    assert (found["low"] < 1e-3).all()
    assert found.loc[0, "high"] > found.loc[1, "high"]


def test_more_confidence_is_a_longer_interval() -> None:
    narrow, wide = (shrunken_rates(*RATS.T, confidence=level) for level in (0.8, 0.99))
    assert ((wide["low"] < narrow["low"]) & (narrow["high"] < wide["high"])).all()
    pd.testing.assert_series_equal(narrow["shrunken"], wide["shrunken"])


def test_fractions_of_a_success_are_allowed() -> None:
    whole, near = shrunken_rates([1, 4, 9], [10, 20, 30]), shrunken_rates([1.001, 4, 9], [10, 20, 30.001])
    np.testing.assert_allclose(near["shrunken"], whole["shrunken"], atol=1e-3)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"confidence is 95; a share between 0 and 1 is needed"):
        shrunken_rates([1], [2], confidence=95)
    with pytest.raises(DataError, match=r"1 of 2 groups have impossible counts \(rows 1; first: 3 of 2\)"):
        shrunken_rates([1, 3], [2, 2])
    with pytest.raises(DataError, match=r"successes and trials have different labels, or the same in another order"):
        shrunken_rates(pd.Series([1, 2], index=["a", "b"]), pd.Series([3, 4], index=["b", "a"]))
    with pytest.raises(DataError, match=r"none of 1 groups has a trial"):
        shrunken_rates([0], [0])


# -- how often the intervals hold the truth -----------------------------------------------------


def simulated(name: str, mean: float, prior_trials: float, n_groups: int, n_simulations: int):
    """Return the coverage averaged over groups, the mean width, and the coverage of plug-in intervals."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    held, width, plugged = 0.0, 0.0, 0.0
    for _ in range(n_simulations):
        n = rng.integers(5, 60, n_groups)
        rate = rng.beta(mean * prior_trials, (1 - mean) * prior_trials, n_groups)
        y = rng.binomial(n, rate)
        found = shrunken_rates(y, n)
        held += ((found["low"] <= rate) & (rate <= found["high"])).mean()
        width += (found["high"] - found["low"]).mean()
        fit = beta_binomial(y, n)
        if not fit.pooled:  # pooled, the plug-in interval is a point and holds nothing
            low, high = (beta.ppf(share, fit.alpha + y, fit.beta + n - y) for share in (0.025, 0.975))
            plugged += ((low <= rate) & (rate <= high)).mean()
    return held / n_simulations, width / n_simulations, plugged / n_simulations


def record(record_property, coverage: float, width: float, plugged: float) -> None:
    for what, value in [("coverage", coverage), ("mean_width", width), ("plug_in_coverage", plugged)]:
        record_property(what, round(value, 4))


@pytest.mark.parametrize(("mean", "prior_trials", "n_groups"), [(0.1, 20, 5), (0.2, 10, 12)])
def test_coverage(mean, prior_trials, n_groups, request, record_property) -> None:
    coverage, width, plugged = simulated(request.node.name, mean, prior_trials, n_groups, 400)
    record(record_property, coverage, width, plugged)
    assert 0.91 <= coverage <= 0.9825
    assert plugged < coverage


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mean", "prior_trials", "n_groups"),
    [(0.1, 20, 3), (0.05, 20, 5), (0.5, 5, 5), (0.2, 50, 10), (0.1, 20, 20)],
)
def test_coverage_at_length(mean, prior_trials, n_groups, request, record_property) -> None:
    coverage, width, plugged = simulated(request.node.name, mean, prior_trials, n_groups, 2000)
    record(record_property, coverage, width, plugged)
    assert 0.9335 <= coverage <= 0.9655


@pytest.mark.slow
def test_where_the_data_cannot_show_the_scatter_intervals_are_rather_too_long(request, record_property) -> None:
    coverage, width, plugged = simulated(request.node.name, 0.1, 200, 5, 2000)
    record(record_property, coverage, width, plugged)
    assert 0.9335 <= coverage <= 0.99


def test_equal_groups_share_a_rank_where_groups_differ() -> None:
    found = shrunken_rates([3, 90, 90, 3], [100, 100, 100, 100])
    assert np.isfinite(found["prior_trials"]).all()
    assert found["rank"].dtype == "Int64"
    assert found["rank"].tolist() == [3, 1, 1, 3]


def test_rates_in_the_place_of_counts_are_refused() -> None:
    lost, customers = np.array([12, 41, 0]), np.array([80, 400, 20])
    with pytest.raises(
        DataError, match=r"none of 3 successes is above 1, and 2 are fractional \(row 0: 0.15 of 80"
    ) as told:
        shrunken_rates(lost / customers, customers)
    assert "Fix: shrunken_rates(rates * trials, trials)" in str(told.value)


@pytest.mark.parametrize(("y", "n"), [([0.5, 1.5], [10, 10]), ([1, 0], [10, 10]), ([0.4, 0.6], [1, 10])])
def test_few_and_weighted_counts_are_no_rates(y, n) -> None:
    assert shrunken_rates(y, n)["successes"].tolist() == y
