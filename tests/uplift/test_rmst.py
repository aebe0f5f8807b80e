"""Time stayed within a horizon as an outcome: against Kaplan–Meier, by kind of customer, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import AssumptionWarning, DataError, HistoryError, ParameterError, ParameterTypeError
from churnlib.numerics import greenwood, product_limit, risk_table
from churnlib.targets import survival_target, uplift_target
from churnlib.uplift import DRLearner, TLearner, rmst_outcomes

few_are_fine = pytest.mark.filterwarnings("ignore::churnlib.exceptions.AssumptionWarning")


def area(time: np.ndarray, event: np.ndarray, end: float, weight: np.ndarray | None = None) -> float:
    """The area under the Kaplan–Meier curve up to an end, step by step."""
    curve = product_limit(risk_table(time, event, weight=weight))
    edges = np.unique(np.concatenate([[0.0], curve.times[curve.times < end], [end]]))
    return float((np.diff(edges) * curve(edges[:-1])).sum())


@st.composite
def watched(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = draw(st.integers(4, 25))
    time = draw(st.lists(st.integers(1, 9), min_size=n, max_size=n))
    event = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    arm = [0, 0, 1, 1] + draw(st.lists(st.integers(0, 1), min_size=n - 4, max_size=n - 4))
    # one customer of each arm is watched beyond every horizon
    return (
        np.array([9, *time[1:2], 9, *time[3:]], float),
        np.array([False, *event[1:2], False, *event[3:]]),
        np.array(arm),
    )


@few_are_fine
@given(watched(), st.sampled_from([2.5, 4.0, 8.0]))
def test_the_mean_of_an_arm_is_the_area_under_its_curve(rows, end: float) -> None:
    time, event, arm = rows
    found = rmst_outcomes(survival_target(event, time), horizon=end, treatment=arm)
    for one in (0, 1):
        of_arm = arm == one
        assert found[of_arm].mean() == pytest.approx(area(time[of_arm], event[of_arm], end), abs=1e-9)


@few_are_fine
@given(watched())
def test_without_censoring_it_is_the_time_stayed(rows) -> None:
    time, _, arm = rows
    found = rmst_outcomes(survival_target(np.ones(len(time), bool), time), horizon=6, treatment=arm)
    assert found == pytest.approx(np.minimum(time, 6))


@few_are_fine
@given(watched())
def test_whole_weights_repeat_rows(rows) -> None:
    time, event, arm = rows
    weight = 1 + np.arange(len(time)) % 3
    repeated = np.repeat(np.arange(len(time)), weight)
    found = rmst_outcomes(survival_target(event, time), horizon=7, treatment=arm, sample_weight=weight)
    again = rmst_outcomes(survival_target(event[repeated], time[repeated]), horizon=7, treatment=arm[repeated])
    assert found[repeated] == pytest.approx(again, abs=1e-9)


@few_are_fine
@given(watched(), st.integers(0, 5))
def test_what_comes_after_the_horizon_changes_nothing(rows, later: int) -> None:
    time, event, arm = rows
    moved = np.where(time >= 6, time + later, time)
    found = rmst_outcomes(survival_target(event, time), horizon=6, treatment=arm)
    assert found == pytest.approx(rmst_outcomes(survival_target(event, moved), horizon=6, treatment=arm), abs=1e-9)


def test_the_arms_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(0)
    time, event, arm = rng.integers(1, 40, 200).astype(float), rng.random(200) < 0.6, rng.integers(0, 3, 200)
    event[time > 30], time[time > 30] = False, 40.0
    together = rmst_outcomes(survival_target(event, time), horizon=20, treatment=arm)
    for one in range(3):
        rows = arm == one
        alone = rmst_outcomes(survival_target(event[rows], time[rows]), horizon=20, treatment=np.zeros(rows.sum(), int))
        assert together[rows] == pytest.approx(alone)


def test_it_says_the_truth_of_customers_of_every_kind() -> None:
    """Loyal and fickle customers, half of either lost from sight: their own means come out, not only the arm's."""
    rng = np.random.default_rng(1)
    n = 200_000
    fickle, treated = rng.random(n) < 0.5, rng.random(n) < 0.5
    rate = np.where(fickle, 1 / 20, 1 / 100) * np.where(treated & fickle, 0.5, 1.0)
    stays, watched_for = rng.exponential(1 / rate), rng.uniform(10, np.where(treated, 80, 120))
    y = survival_target(stays <= watched_for, np.minimum(stays, watched_for))
    found = rmst_outcomes(y, horizon="60d", treatment=treated)
    for kind in (False, True):
        for given_it in (False, True):
            rows = (fickle == kind) & (treated == given_it)
            true = (1 - np.exp(-rate[rows][0] * 60)) / rate[rows][0]
            error = found[rows].std() / np.sqrt(rows.sum())
            assert abs(found[rows].mean() - true) < 4 * error
    known = y["event"] | (y["time"] >= 60)
    seen_only = np.minimum(y["time"], 60)[known & fickle & ~treated].mean()
    assert abs(seen_only - 20 * (1 - np.exp(-3))) > 1  # leaving the lost out is off by more than a day


def test_their_spread_is_greenwoods() -> None:
    rng = np.random.default_rng(2)
    stays, lost = rng.exponential(40, 3000), rng.uniform(5, 120, 3000)
    time, event = np.minimum(stays, lost), stays <= lost
    found = rmst_outcomes(survival_target(event, time), horizon=60, treatment=np.zeros(3000, int))
    # variance of the area: sum over deaths of (area beyond)^2 d / n(n - d)
    table = risk_table(time, event)
    within = table.times < 60
    beyond = np.array([area(time, event, 60) - area(time, event, t) for t in table.times[within & (table.left > 0)]])
    terms = np.diff(np.concatenate([[0.0], greenwood(table).values]))[within & (table.left > 0)]
    assert found.std() / np.sqrt(3000) == pytest.approx(np.sqrt((beyond**2 * terms).sum()), rel=0.01)


def test_time_counts_from_the_entry() -> None:
    late = survival_target([1, 0, 1, 1], [130.0, 290.0, 60.0, 20.0], entry=[100.0, 200.0, 0.0, 10.0])
    fresh = survival_target([1, 0, 1, 1], [30.0, 90.0, 60.0, 10.0])
    found = rmst_outcomes(late, horizon=50, treatment=[1, 1, 0, 0])
    assert found == pytest.approx(rmst_outcomes(fresh, horizon=50, treatment=[1, 1, 0, 0]))
    assert found.tolist() == [30.0, 50.0, 50.0, 10.0]


def test_strata_have_censoring_of_their_own() -> None:
    rng = np.random.default_rng(3)
    cohort = rng.integers(0, 2, 2000)
    stays = rng.exponential(np.where(cohort == 1, 60.0, 30.0))
    lost = rng.uniform(np.where(cohort == 1, 5, 50), np.where(cohort == 1, 70, 90))
    y = survival_target(stays <= lost, np.minimum(stays, lost))
    arm = np.zeros(2000, int)
    within = rmst_outcomes(y, horizon=40, treatment=arm, strata=np.where(cohort == 1, "late", "early"))
    pooled = rmst_outcomes(y, horizon=40, treatment=arm)
    true = np.mean([30 * (1 - np.exp(-40 / 30)), 60 * (1 - np.exp(-40 / 60))])
    assert abs(within.mean() - true) < 3 * within.std() / np.sqrt(2000)
    assert within.mean() != pytest.approx(pooled.mean(), abs=0.1)
    for one in (0, 1):
        rows = cohort == one
        alone = rmst_outcomes(y[rows], horizon=40, treatment=arm[rows])
        assert within[rows] == pytest.approx(alone)


def test_a_row_of_weight_0_is_as_if_it_were_not_there() -> None:
    y = survival_target([1, 0, 0, 1, 0], [2.0, 3.0, 9.0, 5.0, 4.0])
    arm = np.zeros(5, int)
    found = rmst_outcomes(y, horizon=8, treatment=arm, sample_weight=[1, 1, 1, 1, 0])
    assert found[:4] == pytest.approx(rmst_outcomes(y[:4], horizon=8, treatment=arm[:4]))


def test_nobody_watched_to_the_horizon_is_refused() -> None:
    y = survival_target([1, 0, 1, 0], [5.0, 20.0, 5.0, 40.0])
    with pytest.raises(HistoryError, match=r"nobody of arm 'call' is watched beyond 20, and the horizon is 30"):
        rmst_outcomes(y, horizon=30, treatment=["call", "call", "control", "control"])


def test_few_watched_to_the_horizon_is_said() -> None:
    time = np.concatenate([np.arange(1, 100), [200]]).astype(float)
    with pytest.warns(AssumptionWarning, match=r"1.0% of arm 0 would still be watched at the horizon, 150"):
        rmst_outcomes(survival_target(np.zeros(100, bool), time), horizon=150, treatment=np.zeros(100, int))


@pytest.mark.parametrize(
    ("horizon", "error", "says"),
    [
        (0, ParameterError, r"horizon=0"),
        (np.inf, ParameterError, r"horizon=inf"),
        ("1mo", ParameterError, r"length of the calendar"),
        ("ten", ParameterError, r"horizon"),
        (True, ParameterTypeError, r"horizon"),
        (None, ParameterError, r"horizon is None and the outcome is survival"),
    ],
)
def test_no_horizon(horizon, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        rmst_outcomes(survival_target([1, 0], [5.0, 20.0]), horizon=horizon, treatment=[0, 0])


def test_arms_strata_and_weights_of_every_row() -> None:
    y = survival_target([1, 0], [5.0, 20.0])
    with pytest.raises(DataError, match=r"treatment has 3 rows and survival 2"):
        rmst_outcomes(y, horizon=5, treatment=[0, 1, 1])
    with pytest.raises(DataError, match=r"1 of 2 values of strata are missing \(row 1\)"):
        rmst_outcomes(y, horizon=5, treatment=[0, 0], strata=["a", None])
    with pytest.raises(DataError, match=r"sample_weight has shape \(2,\)"):
        rmst_outcomes(y, horizon=5, treatment=[0, 0], sample_weight=[1, -1])
    with pytest.raises(DataError, match=r"no survival target"):
        rmst_outcomes([1, 0], horizon=5, treatment=[0, 0])


@pytest.mark.parametrize("learner", [DRLearner, TLearner])
def test_learners_take_survival_and_keep_the_sign(learner) -> None:
    """Calls keep the first kind of customers and drive away the second; a third of all are lost from sight."""
    rng = np.random.default_rng(4)
    dog, treated = rng.integers(0, 2, 4000), rng.integers(0, 2, 4000)
    stays = rng.exponential(60.0 * np.where(treated == 1, np.where(dog == 1, 0.5, 2.0), 1.0))
    lost = rng.uniform(10, 300, 4000)
    y = uplift_target(
        survival=survival_target(stays <= lost, np.minimum(stays, lost)), treatment=treated, propensity=0.5
    )
    X = np.column_stack([dog, rng.normal(size=4000)])
    days = learner(horizon="90d").fit(X, y).predict(X)

    def kept(mean: float) -> float:
        return mean * (1 - np.exp(-90 / mean))

    assert days[dog == 1].mean() == pytest.approx(kept(30.0) - kept(60.0), abs=4)
    assert days[dog == 0].mean() == pytest.approx(kept(120.0) - kept(60.0), abs=4)
