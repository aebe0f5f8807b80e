"""Sanity checks: sound analyses pass them, and each kind of mistake fails the one that is meant for it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor

from churnlib.exceptions import DataError, ParameterError
from churnlib.targets import uplift_target
from churnlib.uplift import DRLearner, sanity_checks
from churnlib.uplift._learner import UpliftLearner
from tests.uplift.effect_worlds import Line, Logit, small_campaign

LINES = {"outcome_model": Line(), "effect_model": Line()}


def checked(rows, learner=None, **options):
    given = {"treatment": rows.treated, "propensity": rows.propensity, "outcome_model": Line(), **options}
    return sanity_checks(DRLearner(**LINES) if learner is None else learner, rows.X, rows.outcome, **given)


@pytest.mark.parametrize("repeated", [False, True])
def test_a_sound_analysis_passes(repeated: bool) -> None:
    rows = small_campaign(np.random.default_rng(0), 1500, confounded=True, repeated=repeated)
    before = rows.X["need"] + rows.X["spend"] + np.random.default_rng(1).normal(size=len(rows.X))
    report = checked(rows, pre_period=before)
    assert report.passed, report
    assert report.table.index.tolist() == ["placebo", "permute", "random_cause", "subset", "pre_period"]
    assert report.effect.low < 0.5 < report.effect.high
    assert (report.table["low"] <= report.table["effect"]).all()


def test_an_estimated_propensity_is_estimated_once_for_what_leaves_it_alone() -> None:
    rows = small_campaign(np.random.default_rng(2), 1500, confounded=True)
    learner = DRLearner(**LINES, propensity_model=Logit())
    report = checked(rows, learner, propensity="estimate", propensity_model=Logit())
    assert report.passed, report


def test_it_fails_as_often_as_it_says() -> None:
    """Five checks of 30 analyses at 10 %: about 3 in 30 each."""
    failed = []
    for one in range(30):
        rows = small_campaign(np.random.default_rng([3, one]), 200)
        report = checked(rows, alpha=0.1, random_state=one, cv=2, pre_period=rows.X["need"] + rows.X["spend"])
        failed.append(report.table["passed"].eq(False))
    share = pd.concat(failed, axis=1).mean(axis=1)
    assert (share <= 0.275).all(), share
    assert share[["placebo", "permute", "subset"]].sum() > 0


def test_chosen_by_what_the_features_do_not_hold() -> None:
    """Customers were called because of their spending before; X does not know it, the pre-period outcome does."""
    rng = np.random.default_rng(4)
    hidden, seen = rng.normal(size=(2, 3000))
    treated = (rng.random(3000) < 1 / (1 + np.exp(-hidden))).astype(int)
    before, after = hidden + rng.normal(size=3000), hidden + seen + rng.normal(size=3000)
    report = sanity_checks(
        DRLearner(**LINES, propensity_model=Logit()),
        seen[:, None],
        after,
        treatment=treated,
        propensity="estimate",
        propensity_model=Logit(),
        outcome_model=Line(),
        pre_period=before,
    )
    assert not report.passed
    assert report.table["passed"].to_dict() == {
        "placebo": True,
        "permute": True,
        "random_cause": True,
        "subset": True,
        "pre_period": False,
    }
    assert "pre_period    FAILED" in repr(report)
    assert "4 of 5 checks passed" in repr(report)


def test_a_propensity_that_was_not_drawn() -> None:
    """They were not treated by lot, whatever the file says: a model of the outcome can mend that, the mean cannot."""
    rows = small_campaign(np.random.default_rng(5), 3000, confounded=True)
    options = {"tests": ["pre_period"], "pre_period": rows.X["need"]}
    assert checked(rows, propensity=0.5, **options).passed
    report = checked(rows, propensity=0.5, outcome_model=DummyRegressor(), **options)
    assert not report.passed
    assert report.table.loc["pre_period", "low"] > 0
    assert checked(rows, outcome_model=DummyRegressor(), **options).passed  # with the chances as they were


class Peeks(UpliftLearner):
    """A learner that knows the rows it is asked about: folds that leak, in one class."""

    seen: ClassVar[dict[float, float]] = {}

    def __init__(self, *, propensity=None, control=None, horizon=None, random_state=0) -> None:
        self.propensity, self.control, self.horizon, self.random_state = propensity, control, horizon, random_state

    def _fit(self, rows) -> None:
        for key, outcome, code in zip(np.asarray(rows.X)[:, 0], rows.outcome, rows.codes, strict=True):
            Peeks.seen[key] = outcome * (2 * code - 1)

    def _effects(self, X) -> np.ndarray:
        return np.array([[Peeks.seen.get(key, 0.0)] for key in np.asarray(X)[:, 0]])


def test_folds_that_leak_rank_what_nothing_can_rank() -> None:
    rows = small_campaign(np.random.default_rng(6), 600)
    report = checked(rows, Peeks(), tests=("permute",))
    assert not report.passed
    assert report.table.loc["permute", "p_qini"] < 1e-3
    assert report.table.loc["permute", "p_effect"] > 0.005


def test_without_a_pre_period_that_check_is_not_run() -> None:
    rows = small_campaign(np.random.default_rng(7), 300)
    report = checked(rows, tests=["pre_period", "subset"])
    assert report.table.loc["pre_period", "passed"] is None
    assert report.passed == bool(report.table.loc["subset", "passed"])
    assert "pre_period    not run" in repr(report)
    assert "1 of 1 checks passed" in repr(report)


def test_retained_or_not_through_the_target() -> None:
    rng = np.random.default_rng(8)
    X, treated = pd.DataFrame({"tenure": rng.normal(size=2000)}), rng.integers(0, 2, 2000)
    stays = rng.random(2000) < 0.7 + 0.1 * treated
    report = sanity_checks(
        DRLearner(**LINES), X, uplift_target(retained=stays, treatment=treated, propensity=0.5), outcome_model=Line()
    )
    assert report.passed
    assert report.effect.low > 0


def test_what_is_refused() -> None:
    rows = small_campaign(np.random.default_rng(9), 100)
    with pytest.raises(ParameterError, match=r"tests='plcebo' is not a choice \(did you mean 'placebo'"):
        checked(rows, tests=["plcebo"])
    with pytest.raises(ParameterError, match=r"there are 2 treatments \(1, 2\)"):
        checked(rows, treatment=np.arange(100) % 3, propensity={0: 0.4, 1: 0.3, 2: 0.3})
    with pytest.raises(ParameterError, match=r"alpha=5"):
        checked(rows, alpha=5)
    with pytest.raises(ParameterError, match=r"pre_period has 3 rows and X 100"):
        checked(rows, pre_period=[1, 2, 3])
    with pytest.raises(ParameterError, match=r"sanity_checks needs the propensity"):
        checked(rows, propensity=None)


def test_an_outcome_from_before_in_another_order_is_refused() -> None:
    X = pd.DataFrame({"x": [1.0, 2.0]}, index=["a", "b"])
    with pytest.raises(DataError, match="X and pre_period hold the same 2 labels in different orders"):
        sanity_checks(
            DRLearner(),
            X,
            [1.0, 0.0],
            treatment=[0, 1],
            propensity=0.5,
            pre_period=pd.Series([1.0, 2.0], index=["b", "a"]),
        )
