"""Matched pairs of branches."""

import numpy as np
import pytest

from churnlib.exceptions import DataError
from churnlib.experiments import effect


def world(seed: int = 0, n_pairs: int = 12, alike: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    branch = np.repeat(np.arange(2 * n_pairs), 40)
    treated = (branch + (rng.random(n_pairs) < 0.5)[branch // 2]) % 2
    spend = alike * rng.normal(size=n_pairs)[branch // 2] + rng.normal(size=len(branch)) + 0.3 * treated
    return spend, treated, branch


def test_pairs_of_equal_size_are_the_paired_t_test() -> None:
    from scipy.stats import ttest_rel

    spend, treated, branch = world()
    found = effect(spend, treated, strata=branch // 2, cluster=branch)
    means = spend.reshape(24, 40).mean(axis=1)
    first = treated.reshape(24, 40)[::2, 0] == 1
    ours, theirs = np.where(first, means[::2], means[1::2]), np.where(first, means[1::2], means[::2])
    expected = ttest_rel(ours, theirs).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert found.df == 11
    assert found.method == "12 matched pairs"


def test_pairs_weigh_by_their_customers() -> None:
    kept = np.array([1, 0, 1, 1] + [1, 1, 1, 0, 1, 0, 0, 0])
    treated = np.array([0, 0, 1, 1] + [1, 1, 1, 1, 0, 0, 0, 0])
    pair = np.repeat([0, 1], [4, 8])
    found = effect(kept, treated, strata=pair, cluster=2 * pair + treated)
    parts = np.array([(1.0 - 0.5) * 4 / 12, (0.75 - 0.25) * 8 / 12])
    assert found.value == pytest.approx(parts.sum(), abs=1e-15)
    assert found.standard_error == pytest.approx(np.sqrt(2 * parts.var(ddof=1)), rel=1e-12)


def test_branches_that_are_alike_make_a_pair_worth_more_than_branches_alone() -> None:
    spend, treated, branch = world(alike=2.0)
    pairs = effect(spend, treated, strata=branch // 2, cluster=branch)
    alone = effect(spend, treated, cluster=branch)
    assert pairs.standard_error < 0.5 * alone.standard_error


def test_the_order_of_rows_does_not_matter() -> None:
    spend, treated, branch = world()
    order = np.random.default_rng(1).permutation(len(spend))
    assert repr(effect(spend, treated, strata=branch // 2, cluster=branch)) == repr(
        effect(spend[order], treated[order], strata=branch[order] // 2, cluster=branch[order])
    )


def test_one_pair_says_nothing() -> None:
    spend, treated, branch = world(n_pairs=1)
    with pytest.raises(DataError, match="there is one pair of clusters; how pairs differ shows what chance does"):
        effect(spend, treated, strata=branch // 2, cluster=branch)


def test_pairs_are_too_few_for_slopes() -> None:
    spend, treated, branch = world()
    with pytest.raises(DataError, match="covariates beside 12 matched pairs"):
        effect(spend, treated, strata=branch // 2, cluster=branch, covariate=spend)


def test_a_stratum_of_three_branches_is_no_pair() -> None:
    spend, treated, branch = world()
    with pytest.raises(DataError, match="have fewer than two clusters in an arm"):
        effect(spend, treated, strata=np.minimum(branch // 2, 10), cluster=np.where(branch == 22, 23, branch))
