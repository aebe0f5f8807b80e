"""The Beta-Binomial by maximum likelihood: published numbers, recovery, and where the maximum lies at infinity."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln
from scipy.stats import betabinom

from churnlib.exceptions import DataError
from churnlib.numerics import BetaBinomial, beta_binomial
from churnlib.numerics._beta_binomial import _evaluate, group_counts

# Boys among the first twelve children of 6,115 families of Saxony (Sokal and Rohlf 1969, Biometry, from Geissler 1889).
FAMILIES = np.array([3, 24, 104, 286, 670, 1033, 1343, 1112, 829, 478, 181, 45, 7])
BOYS = np.repeat(np.arange(13), FAMILIES)

# Rats with a tumour, of how many: Tarone 1982, as in Gelman et al., Bayesian Data Analysis, 3rd ed., table 5.1.
RATS = np.array(
    [(0, 20)] * 7 + [(0, 19)] * 4 + [(0, 18)] * 2 + [(0, 17)] + [(1, 20)] * 4 + [(1, 19)] * 2 + [(1, 18)] * 2
    + [(3, 27), (2, 25), (2, 24), (2, 23)] + [(2, 20)] * 6
    + [(1, 10), (5, 49), (2, 19), (5, 46), (2, 17), (7, 49), (7, 47), (3, 20), (3, 20), (2, 13), (9, 48), (10, 50)]
    + [(4, 20)] * 7
    + [(10, 48), (4, 19), (4, 19), (4, 19), (5, 22), (11, 46), (12, 49), (5, 20), (5, 20), (6, 23), (5, 19), (6, 22)]
    + [(6, 20)] * 3
    + [(16, 52), (15, 46), (15, 47), (9, 24), (4, 14)]
)  # fmt: skip


def rng_of(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))


def test_boys_in_families() -> None:
    """Wikipedia, "Beta-binomial distribution": 34.09558 and 31.5715, log-likelihood -12492.9.

    Its two figures are 2e-4 off the maximum: the log-likelihood there is lower, by less than its last digit.
    """
    fit = beta_binomial(BOYS, np.full(len(BOYS), 12))
    assert fit.alpha == pytest.approx(34.09558, rel=3e-4)
    assert fit.beta == pytest.approx(31.5715, rel=3e-4)
    k = np.arange(13)
    coefficients = FAMILIES @ (gammaln(13) - gammaln(k + 1) - gammaln(13 - k))
    assert fit.log_likelihood + coefficients == pytest.approx(-12492.9, abs=0.05)
    published = FAMILIES @ betabinom.logpmf(k, 12, 34.09558, 31.5715)
    assert 0 < fit.log_likelihood + coefficients - published < 1e-5


def test_rat_tumours() -> None:
    """Bayesian Data Analysis, 3rd ed., section 5.3: posterior means 2.4 and 14.3, mode near (-1.75, 2.8)."""
    assert (len(RATS), RATS[:, 0].sum(), RATS[:, 1].sum()) == (71, 267, 1739)
    counts = group_counts(*RATS.T.astype(float))
    u, v = np.meshgrid(np.linspace(-2.5, -1, 151), np.linspace(1, 6, 201), indexing="ij")  # ln(α/β), ln(α+β)
    total = np.exp(v)
    a, b = total / (1 + np.exp(-u)), total / (1 + np.exp(u))
    density = counts.log_likelihood(a, b) + np.log(a) + np.log(b) - 2.5 * v  # the book's prior, (α+β)^(-5/2)
    mass = np.exp(density - density.max())
    assert round(float((mass * a).sum() / mass.sum()), 1) == 2.4
    assert round(float((mass * b).sum() / mass.sum()), 1) == 14.3
    at = np.unravel_index(density.argmax(), density.shape)
    assert (u[at], v[at]) == pytest.approx((-1.75, 2.8), abs=0.1)
    fit = beta_binomial(*RATS.T)
    assert (np.log(fit.alpha / fit.beta), np.log(fit.prior_trials)) == pytest.approx((-1.75, 2.8), abs=0.1)
    assert (fit.n_groups, fit.pooled) == (71, False)


@pytest.mark.parametrize(("alpha", "beta"), [(2, 18), (0.4, 0.6), (30, 10)])
def test_parameters_are_recovered(alpha: float, beta: float, request) -> None:
    rng = rng_of(request.node.name)
    trials = rng.integers(1, 60, 3000)
    successes = rng.binomial(trials, rng.beta(alpha, beta, 3000))
    fit = beta_binomial(successes, trials)
    hessian = _evaluate(group_counts(successes.astype(float), trials.astype(float)), np.log([alpha, beta]))[2]
    error = np.sqrt(np.diag(np.linalg.inv(hessian)))
    assert (np.abs(np.log([fit.alpha / alpha, fit.beta / beta])) <= 4 * error).all()
    assert (error < 0.1).all()


def test_derivatives_are_those_of_the_value() -> None:
    counts = group_counts(*RATS.T.astype(float))
    at, step = np.log([2.0, 11.0]), 1e-5
    _, gradient, hessian = _evaluate(counts, at)
    for k, unit in enumerate(np.eye(2) * step):
        up, down = _evaluate(counts, at + unit), _evaluate(counts, at - unit)
        assert gradient[k] == pytest.approx((up[0] - down[0]) / (2 * step), rel=1e-5)
        assert hessian[k] == pytest.approx((up[1] - down[1]) / (2 * step), rel=1e-5)


def test_the_log_likelihood_is_that_of_scipy() -> None:
    counts = group_counts(*RATS.T.astype(float))
    y, n = RATS.T
    coefficients = (gammaln(n + 1) - gammaln(y + 1) - gammaln(n - y + 1)).sum()
    found = counts.log_likelihood(np.array([2.0, 0.1]), np.array([14.0, 3.0])) + coefficients
    assert found == pytest.approx([betabinom.logpmf(y, n, 2, 14).sum(), betabinom.logpmf(y, n, 0.1, 3).sum()])


@pytest.mark.parametrize(
    ("y", "n", "mean", "reason"),
    [
        ([2, 2, 2], [10, 10, 10], 0.2, "the groups scatter no more than chance"),
        ([3], [10], 0.3, "the groups scatter no more than chance"),
        ([3, 0], [10, 0], 0.3, "the groups scatter no more than chance"),
        ([1, 0, 1, 0], [1, 1, 1, 1], 0.5, "no group has more than one trial, which cannot show how groups differ"),
        ([0, 0], [10, 20], 0.0, "there is no success"),
        ([10, 20], [10, 20], 1.0, "there is no failure"),
    ],
)
def test_where_the_maximum_lies_at_infinity_the_groups_are_pooled(y, n, mean, reason) -> None:
    fit = beta_binomial(y, n)
    assert (fit.pooled, fit.prior_trials, fit.reason) == (True, np.inf, reason)
    assert fit.mean == pytest.approx(mean)
    assert fit.n_groups == np.count_nonzero(n)


def test_groups_that_are_all_success_or_all_failure_have_no_prior() -> None:
    fit = beta_binomial([0, 20, 0, 1, 0], [20, 20, 5, 1, 1])
    assert (fit.prior_trials, fit.alpha, fit.beta) == (0, 0, 0)
    assert fit.mean == 0.4
    assert fit.reason == "each group is all success or all failure"
    near = group_counts(np.array([0.0, 20, 0, 1, 0]), np.array([20.0, 20, 5, 1, 1]))
    assert fit.log_likelihood == pytest.approx(float(near.log_likelihood(np.array(4e-9), np.array(6e-9))), abs=1e-5)
    assert BetaBinomial(0.0, np.inf, 0.0, 2, "").alpha == 0.0
    assert BetaBinomial(1.0, np.inf, 0.0, 2, "").beta == 0.0


groups = st.lists(
    st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=12
).filter(lambda pairs: any(n for _, n in pairs))


@given(groups)
def test_no_nearby_beta_is_more_likely(pairs) -> None:
    y, n = np.array(pairs, dtype=float).T
    fit, counts = beta_binomial(y, n), group_counts(y, n)
    means = np.clip(fit.mean + np.array([0.0, -0.02, 0.02]), 1e-4, 1 - 1e-4)[:, None]
    wide = fit.pooled or not fit.prior_trials
    totals = np.geomspace(0.05, 1e5, 30) if wide else fit.prior_trials * np.array([0.7, 0.97, 1.03, 1.4])
    assert counts.log_likelihood(means * totals, (1 - means) * totals).max() <= fit.log_likelihood + 1e-6


@given(groups, st.randoms(use_true_random=False))
def test_the_order_of_groups_leaves_no_trace(pairs, random) -> None:
    shuffled = random.sample(pairs, len(pairs))
    assert beta_binomial(*np.array(shuffled).T) == beta_binomial(*np.array(pairs).T)


@given(groups)
def test_success_and_failure_are_symmetric(pairs) -> None:
    y, n = np.array(pairs).T
    fit, mirrored = beta_binomial(y, n), beta_binomial(n - y, n)
    assert fit.pooled == mirrored.pooled
    assert (fit.mean, fit.log_likelihood) == pytest.approx((1 - mirrored.mean, mirrored.log_likelihood), abs=1e-4)


@pytest.mark.parametrize(
    ("y", "n", "match"),
    [
        ([1, 3, 5], [2, 2, 2], r"2 of 3 groups have impossible counts \(rows 1, 2; first: 3 of 2\)"),
        ([-1], [2], r"1 of 1 groups have impossible counts \(rows 0; first: -1 of 2\)"),
        ([np.nan], [2], r"first: nan of 2"),
        ([1], [np.inf], r"first: 1 of inf"),
        ([1, 2], [3], r"successes have shape \(2,\) and trials \(1,\); one of each for every group"),
        (1, 2, r"successes have shape \(\) and trials \(\)"),
        ([0, 0], [0, 0], r"none of 2 groups has a trial"),
        ([], [], r"none of 0 groups has a trial"),
    ],
)
def test_impossible_counts_are_refused(y, n, match: str) -> None:
    with pytest.raises(DataError, match=match):
        beta_binomial(y, n)
