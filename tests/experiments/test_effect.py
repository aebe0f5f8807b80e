"""Effects: published intervals, other implementations, properties, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.stats import ttest_ind

from churnlib.exceptions import DataError, ParameterError
from churnlib.experiments import effect
from churnlib.experiments._ratio_interval import mean_ratio, share_difference, share_ratio
from churnlib.experiments._robust import fit


def arms(kept: tuple[int, int], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes of a control and a treated arm with these counts."""
    y = np.concatenate([np.arange(n) < k for k, n in zip(kept, size, strict=True)]).astype(int)
    return y, np.repeat([0, 1], size)


@pytest.mark.parametrize(
    ("kept", "size", "low", "high"),
    # Newcombe 1998, Stat. Med. 17, 873-890, Table II, method 10, contrasts (a) to (h)
    [
        ((48, 56), (80, 70), 0.0524, 0.3339),
        ((3, 9), (10, 10), 0.1705, 0.8090),
        ((2, 6), (7, 7), 0.0582, 0.8062),
        ((0, 5), (29, 56), -0.0381, 0.1926),
        ((0, 0), (20, 10), -0.1611, 0.2775),
        ((0, 0), (10, 10), -0.2775, 0.2775),
        ((0, 10), (20, 10), 0.6791, 1.0000),
        ((0, 10), (10, 10), 0.6075, 1.0000),
    ],
)
def test_published_intervals_of_a_difference(kept, size, low, high) -> None:
    found = effect(*arms(kept, size))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.00006)


def test_hillstrom() -> None:
    # published cell counts of the MineThatData e-mail challenge: visits 10.62 % and 15.14 %
    found = effect(*arms((2_262, 3_238), (21_306, 21_387)))
    assert found.value == pytest.approx(0.045233106587, abs=1e-12)
    # statsmodels 0.15.0, confint_proportions_2indep(3238, 21387, 2262, 21306, method="newcomb")
    assert (found.low, found.high) == pytest.approx((0.03889409535998813, 0.051574342962213596), abs=1e-9)
    assert found.verdict == "better"


def test_means_are_welch() -> None:
    rng = np.random.default_rng(0)
    y, treated = rng.gamma(2, 20, 60), rng.random(60) < 0.3
    found = effect(y, treated, confidence=0.9)
    known = ttest_ind(y[treated], y[~treated], equal_var=False)
    bounds = known.confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((bounds.low, bounds.high))
    assert found.df == pytest.approx(known.df)
    assert (found.variance_ratio, found.n_clusters, found.shares) == (1.0, None, False)


def brute_force(design: np.ndarray, y: np.ndarray, cluster: np.ndarray) -> tuple[np.ndarray, float]:
    """CR2 and its degrees of freedom by matrices as large as the data."""
    n = len(y)
    bread = np.linalg.inv(design.T @ design)
    left = np.eye(n) - design @ bread @ design.T
    residual = left @ y
    meat, pulled = np.zeros_like(bread), []
    for g in np.unique(cluster):
        own = cluster == g
        root = np.linalg.pinv(np.real(sqrtm(left[np.ix_(own, own)])), rcond=1e-7)
        score = design[own].T @ root @ residual[own]
        meat += np.outer(score, score)
        pulled.append(left[:, own] @ root @ design[own] @ (bread[:, 1] - bread[:, 0]))
    inner = np.array(pulled) @ np.array(pulled).T
    return (bread @ meat @ bread)[:2, :2], np.trace(inner) ** 2 / np.trace(inner @ inner)


@pytest.mark.parametrize("seed", range(4))
def test_clusters_by_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cluster = np.sort(rng.integers(0, 9, 60))
    treated = (rng.random(9) < 0.5)[cluster] if seed % 2 else rng.random(60) < 0.5
    treated[cluster == 0], treated[cluster == 1] = False, True
    side = np.stack([~treated, treated], axis=1).astype(float)
    x = rng.normal(size=(60, 1))
    design = np.hstack([side, x * side[:, :1], x * side[:, 1:]])
    y = rng.normal(size=60) + rng.normal(size=9)[cluster] + x[:, 0]
    shuffled = rng.permutation(60)
    found = fit(design[shuffled], y[shuffled], cluster[shuffled])
    covariance, df = brute_force(design, y, cluster)
    assert found.covariance == pytest.approx(covariance)
    assert found.df == pytest.approx(df)
    alone = fit(design, y, None)
    covariance, df = brute_force(design, y, np.arange(60))
    assert alone.covariance == pytest.approx(covariance)
    assert alone.df == pytest.approx(df)


def test_many_clusters_are_corrected_in_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(900), 2)
    treated = (np.arange(900) % 2 == 1)[cluster]
    y = rng.normal(size=900)[cluster] + rng.normal(size=1800)
    careful = effect(y, treated, cluster=cluster)
    monkeypatch.setattr("churnlib.experiments._robust.MANY", 10)
    quick = effect(y, treated, cluster=cluster)
    assert quick.standard_error == pytest.approx(careful.standard_error, rel=2e-3)
    assert quick.df == pytest.approx(careful.df, rel=5e-3)


def test_strata_are_the_interacted_regression() -> None:
    rng = np.random.default_rng(1)
    strata = rng.integers(0, 3, 200)
    treated = rng.random(200) < 0.4
    y = rng.normal(size=200) + strata + treated * strata
    found = effect(y, treated, strata=strata)
    dummies = pd.get_dummies(strata).to_numpy(dtype=float)[:, 1:]
    same = effect(y, treated, covariate=dummies)
    assert found.value == pytest.approx(same.value)
    assert found.standard_error == pytest.approx(same.standard_error)
    assert found.control_mean == pytest.approx(same.control_mean)
    columns = pd.DataFrame({"half": strata > 0, "rest": strata > 1})
    assert effect(y, treated, strata=columns).value == pytest.approx(found.value)
    by_hand = pd.DataFrame({"y": y, "t": treated, "s": strata}).pivot_table(index="s", columns="t", values="y")
    weight = np.bincount(strata) / 200
    assert found.value == pytest.approx((by_hand[True] - by_hand[False]) @ weight)


def test_covariates_and_strata_pay() -> None:
    rng = np.random.default_rng(2)
    before = rng.normal(100, 20, 2000)
    treated = rng.random(2000) < 0.5
    y = before + 2 * treated + rng.normal(0, 10, 2000)
    # correlation² = 400 / 500: a fifth of the variance is left
    assert effect(y, treated, covariate=before).variance_ratio == pytest.approx(0.2, abs=0.02)
    tiers = pd.cut(before, [-np.inf, 80, 100, 120, np.inf], labels=False)
    assert effect(y, treated, strata=tiers).variance_ratio < 0.5
    assert effect(y, treated, covariate=np.c_[before, np.ones(2000)], strata=tiers).variance_ratio < 0.25


def test_clusters_that_are_alike_cost() -> None:
    rng = np.random.default_rng(3)
    branch = np.repeat(np.arange(20), 50)
    y = (rng.random(1000) < (0.8 + 0.1 * rng.normal(size=20).clip(-1, 1))[branch]).astype(int)
    found = effect(y, branch % 2, cluster=branch)
    assert found.variance_ratio > 1.25
    assert found.n_clusters == 20
    assert found.df < 20
    assert found.method == "robust to 20 clusters"


@given(
    st.integers(0, 40), st.integers(0, 40), st.integers(2, 60), st.integers(2, 60), st.sampled_from([0.8, 0.95, 0.99])
)
def test_difference_and_ratio_agree(first: int, second: int, n0: int, n1: int, confidence: float) -> None:
    kept, size = (min(first, n0), min(second, n1)), (n0, n1)
    low, high = share_difference(kept, size, confidence)
    down, up = share_ratio(kept, size, confidence)
    assert -1 <= low <= kept[1] / n1 - kept[0] / n0 <= high <= 1
    assert -1 <= down <= up
    if kept[0]:
        ratio = kept[1] * n0 / (kept[0] * n1) - 1
        assert down - 1e-9 <= ratio <= up + 1e-9
    else:
        assert up == np.inf
    # losses for gains: the difference changes its sign
    other = share_difference((n0 - kept[0], n1 - kept[1]), size, confidence)
    assert other == pytest.approx((-high, -low))


def test_fiellers_bounds_are_where_the_difference_is_just_clear() -> None:
    covariance = np.array([[0.04, 0.02], [0.02, 0.09]])
    for bound in mean_ratio(2.0, 3.0, covariance, 1.96):
        slope = np.array([-(1 + bound), 1.0])
        assert abs(3 - (1 + bound) * 2) == pytest.approx(1.96 * np.sqrt(slope @ covariance @ slope))


def test_relative_effects() -> None:
    # Fieller against the delta method, where the control's mean is sure
    rng = np.random.default_rng(4)
    y, treated = rng.normal(100, 10, 4000), rng.random(4000) < 0.5
    found = effect(y, treated)
    assert found.relative == pytest.approx(found.value / found.control_mean)
    assert found.relative_high - found.relative_low == pytest.approx((found.high - found.low) / 100, rel=0.01)
    unsure = effect(y - 100, treated)
    assert (unsure.relative_low, unsure.relative_high) == (-np.inf, np.inf)
    assert np.isnan(effect(*arms((0, 3), (50, 50))).relative)
    zero = effect([0, 0, 1.5, 2], [0, 0, 1, 1])
    assert np.isnan(zero.relative)


@given(st.permutations(range(24)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    rng = np.random.default_rng(5)
    y, x = rng.normal(size=(2, 24)).round(2)
    treated, branch, tier = np.arange(24) % 2, np.arange(24) // 2 % 6 * 2 + np.arange(24) % 2, np.arange(24) % 4 // 2
    for options in ({}, {"strata": tier}, {"covariate": x}, {"cluster": branch}, {"cluster": branch, "strata": tier}):
        one = effect(y, treated, **options)
        mixed = {name: column[order] for name, column in options.items()}
        other = effect(y[order], treated[order], **mixed)
        assert (other.value, other.low, other.high) == pytest.approx((one.value, one.low, one.high))


def test_shift_and_scale() -> None:
    rng = np.random.default_rng(6)
    y, x, treated = rng.normal(size=80), rng.normal(size=80), np.arange(80) % 2
    one, other = effect(y, treated, covariate=x), effect(1000 + 7 * y, treated, covariate=5 - 3e6 * x)
    assert (other.value, other.low, other.high) == pytest.approx((7 * one.value, 7 * one.low, 7 * one.high))


def test_margins() -> None:
    worse = arms((9010, 9000), (10_000, 10_000))
    assert effect(*worse, margin=0.01).verdict == "not inferior"
    assert effect(*worse, margin=0.005).verdict == "not shown"
    assert effect(*arms((950, 800), (1000, 1000)), margin=0.02).verdict == "inferior"
    assert "not inferior by a margin of 1.0 points" in repr(effect(*worse, margin=0.01))
    assert effect(*arms((950, 800), (1000, 1000))).verdict == "worse"


def test_names_of_arms_and_others_left_out() -> None:
    y = [1, 0, 1, 1, 0, 1, 1, 1, 0]
    names = ["control", "control", "offer", "offer", "call", "call", "holdout", "holdout", "holdout"]
    found = effect(y, names, arm="offer")
    assert (found.control, found.arm, found.n_left_out) == ("control", "offer", 5)
    assert effect(y[:4] + y[6:], names[:4] + names[6:]).n_left_out == 3
    assert effect(y, names, control="holdout", arm="call").n_control == 3
    assert effect(y[:2] + y[6:], names[:2] + names[6:]).arm == "holdout"
    assert effect(y[:4], ["b", "b", "a", "a"], control="b").arm == "a"


def test_it_reads_well() -> None:
    found = effect(*arms((880, 915), (1000, 1000)))
    assert repr(found) == (
        "treated 91.5% of 1,000 against control 88.0% of 1,000: +3.5 points (+0.8 to +6.2), better "
        "(95% interval; unadjusted)."
    )
    assert found.to_dict()["verdict"] == "better"
    named = effect([1, 0, 1, 1], ["a<", "a<", "b", "b"], control="a<")
    assert "a&lt;" in named._repr_html_()
    assert "a<" not in named._repr_html_()
    rng = np.random.default_rng(0)
    spend = rng.gamma(2, 1000, 40)
    both = effect(spend, np.arange(40) % 2, cluster=np.arange(40) % 20, covariate=spend + rng.normal(size=40))
    assert "given covariates, robust to 20 clusters" in repr(both)


Y, T = [1, 0, 1, 0], [0, 0, 1, 1]
S = pd.Series


@pytest.mark.parametrize(
    ("outcome", "treatment", "options", "words"),
    [
        (Y, [1, 1, 1, 1], {}, "all 4 rows are in arm 1: there is nobody to compare with"),
        (Y, ["before", "before", "after", "After"], {}, "treatment holds times \\(before, after, After\\), not arms"),
        (Y, pd.to_datetime(["2026-01-01", "2026-01-01", "2026-02-01", "2026-02-01"]), {}, "differ by the season"),
        ([], [], {}, "there are no rows"),
        (S(Y, name="churn"), T, {}, "the outcome is called 'churn', where 1 is bad"),
        ([1, None, 1, 0], T, {}, "1 of 4 rows of outcome are missing or infinite \\(row 1\\)"),
        ([1, np.inf, 1, 0], T, {}, "are missing or infinite"),
        (["yes", "no", "yes", "no"], T, {}, "outcome cannot be read as numbers"),
        (np.ones((4, 2)), T, {}, "outcome has shape \\(4, 2\\)"),
        (Y, [0, 1], {}, "treatment has shape \\(2,\\) and outcome has 4 rows"),
        (Y, [0, 0, 1, None], {}, "1 of 4 rows have no treatment \\(row 3\\)"),
        (Y, T, {"covariate": np.eye(4)}, "the smaller arm has 2 customers for 4 columns of strata and covariates"),
        (
            [*Y, *Y],
            [*T, *T],
            {"covariate": np.ones((8, 3)), "cluster": [1, 2, 3, 4, 1, 2, 3, 4]},
            "the smaller arm has 2 clusters for 3 columns",
        ),
        (S(Y), S(T, index=[1, 0, 2, 3]), {}, "outcome and treatment have different indexes"),
        (Y, [0, 0, 0, 1], {}, "arm 1 has 1 customers; an interval needs at least two"),
        (Y, T, {"strata": [1, 1, 1, 2]}, "2 of 2 strata have fewer than two customers in an arm \\(1, 2\\)"),
        (Y, T, {"strata": [1, 1]}, "strata has shape \\(2,\\)"),
        (Y, T, {"cluster": [1, 1, 2, 2]}, "arm 1 has 1 cluster; one cluster beside another"),
        (Y, T, {"cluster": [1, 1, 2, np.nan]}, "1 of 4 rows have no cluster"),
        (Y, T, {"covariate": [1, 2, 3]}, "covariate has shape \\(3,\\) and outcome has 4 rows"),
        (Y, T, {"covariate": [1, 2, np.nan, 3]}, "1 of 4 rows of covariate are missing"),
        (S(Y), T, {"covariate": S(Y, index=[1, 0, 2, 3])}, "outcome and covariate have different indexes"),
    ],
)
def test_data_refused(outcome, treatment, options, words) -> None:
    with pytest.raises(DataError, match=words):
        effect(outcome, treatment, **options)


@pytest.mark.parametrize(
    ("treatment", "options", "words"),
    [
        (["a", "a", "b", "b"], {}, "which of the arms 'a', 'b' is the control is not said"),
        (["a", "a", "holdout", "holdout"], {}, "control='holdout'"),
        (["a", "a", "b", "b"], {"control": "c"}, "control='c' is no arm; the arms are 'a', 'b'"),
        (["a", "a", "b", "c"], {"control": "a"}, "beside 'a' there are 2 arms \\('b', 'c'\\)"),
        (T, {"arm": 2}, "arm=2 is no arm"),
        (T, {"arm": 0}, "arm=0 is the control"),
        (T, {"margin": -1}, "margin=-1.0 is out of range"),
        (T, {"confidence": 95}, "confidence is 95"),
    ],
)
def test_arguments_refused(treatment, options, words) -> None:
    with pytest.raises(ParameterError, match=words):
        effect(Y, treatment, **options)


def test_the_refusal_says_what_would_be_needed() -> None:
    with pytest.raises(DataError) as refused:
        effect([0.90, 0.95], ["before", "after"])
    for needed in ("season", "a control of the same weeks", "churnlib.experiments.assign", "cluster="):
        assert needed in str(refused.value)


def test_the_none_of_a_plan_is_a_control() -> None:
    kept, action = [1, 0, 1, 1, 0, 1], ["none", "call"] * 3
    assert repr(effect(kept, action)) == repr(effect(kept, action, control="none"))
