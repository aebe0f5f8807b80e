"""Real experiments, and one whose answer is known where only a biased sample is: Hillstrom, Lalonde, IHDP, Cookie Cats.

The numbers are those of docs/explanation/uplift-on-real-data.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks import bench_uplift_real as real
from threadpoolctl import threadpool_limits

from churnlib.experiments import effect
from churnlib.uplift import DRLearner, average_effect, dr_scores, sanity_checks


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with threadpool_limits(limits=1):
        yield


def test_hillstrom_counts(data_dir: Path) -> None:
    rows, treated = real.hillstrom(data_dir)
    assert pd.crosstab(treated, rows["visit"]).to_numpy().tolist() == [[19_044, 2_262], [18_149, 3_238]]
    assert effect(rows["visit"], treated).value == pytest.approx(0.045233106587, abs=5e-13)


def test_hillstrom_groups(data_dir: Path) -> None:
    rows, treated = real.hillstrom(data_dir)
    scores = real.hillstrom_scores(data_dir)
    plain, adjusted = effect(rows["visit"], treated), average_effect(scores)
    assert adjusted.value == pytest.approx(plain.value, abs=0.001)
    assert adjusted.standard_error < plain.standard_error
    groups = real.hillstrom_groups(data_dir)
    assert groups["n_rows"].to_dict() == {"both": 4267, "men's": 19_260, "women's": 19_166}
    assert groups.loc["women's", "low"] > 0.05
    assert 0 < groups.loc["men's", "low"] < groups.loc["men's", "high"] < 0.025


def test_hillstrom_rankings(data_dir: Path, record_property) -> None:
    ranks = real.hillstrom_rankings(data_dir)
    record_property("qini", ranks["qini"].round(5).tolist())
    visits = ranks.loc["visit"]
    assert (visits["qini_low"] > 0.002).all()
    assert visits["qini_low"].max() < visits["qini"].min()  # they cannot be told apart
    assert (visits["top"] > 1.5 * 0.0452).all()
    assert (ranks.loc["spend", "qini_low"] < 0).sum() >= 3


def test_lalonde_experiment(data_dir: Path) -> None:
    trial, _ = real.lalonde(data_dir)
    assert round(effect(trial["re78"], trial["treat"].astype(int)).value, 2) == 1794.34


def test_lalonde_without_its_control_group(data_dir: Path, record_property) -> None:
    """The mean effect on everybody is lost, and the overlap says so; that on people like the treated is not."""
    answers = real.lalonde_answers(data_dir)
    record_property("effects", answers["effect"].round().to_dict())
    assert answers.loc["the treated less the survey, as they are", "effect"] == pytest.approx(-8497.5, abs=0.1)
    assert (answers.filter(like="everybody", axis=0)["high"] < 0).all()
    alike = answers.filter(like="like the treated", axis=0)
    assert ((alike["low"] > 0) & (alike["effect"].between(1794 - 600, 1794 + 600)) & (alike["high"] > 1794)).all()
    overlap = real.lalonde_scores(data_dir, "ridge and logistic regression").overlap
    assert overlap.clipped > 0.85
    assert overlap.arms.loc[1, "ess"] < 60


def test_lalonde_earnings_before_are_no_effect_of_the_training(data_dir: Path) -> None:
    _, rows = real.lalonde(data_dir)
    report = sanity_checks(
        DRLearner(outcome_model=real.ridge(), effect_model=real.ridge(), propensity_model=real.logit()),
        rows[["age", "education", "black", "hispanic", "married", "nodegree"]],
        rows["re78"],
        treatment=rows["treat"].astype(int),
        propensity="estimate",
        outcome_model=real.ridge(),
        propensity_model=real.logit(),
        tests=["pre_period"],
        pre_period=rows["re75"],
    )
    assert not report.passed
    assert report.table.loc["pre_period", "high"] < -1000


def test_ihdp_replication_by_replication(data_dir: Path, record_property) -> None:
    worlds = real.ihdp(data_dir)
    for number, row in worlds.iterrows():
        record_property(f"replication {number}", row.round(2).to_dict())
    assert (worlds["n_rows"] == 747).all()
    assert (worlds["n_treated"] == 139).all()
    assert worlds.loc[1, "truth"] == pytest.approx(4.0161, abs=1e-4)
    assert ((worlds["low"] <= worlds["truth"]) & (worlds["truth"] <= worlds["high"])).sum() >= 8
    assert worlds["T, ridge"].median() < 0.6
    assert (worlds[["R", "DR"]].lt(worlds["X"], axis=0).mean() >= 0.5).all()
    # of effects that vary, every learner of single effects finds most: it is nearer than their mean is
    varied = worlds[worlds["spread"] > 0.5]
    assert (varied[["T, ridge", "R", "DR"]].lt(varied["spread"], axis=0)).all(axis=None)


def test_cookie_cats(data_dir: Path) -> None:
    game = real.cookie_cats(data_dir)
    assert game.loc["retention_1", ["gate 30", "gate 40"]].round(4).tolist() == [0.4482, 0.4423]
    assert game.loc["retention_7", ["gate 30", "gate 40"]].round(4).tolist() == [0.1902, 0.1820]
    assert game.loc["retention_7", "high"] < 0 < game.loc["retention_1", "high"]
    assert 0.001 < real.sample_ratio(data_dir) < 0.01


def test_cookie_cats_without_features_is_a_difference_of_means(data_dir: Path) -> None:
    rows = pd.read_csv(data_dir / "cookie_cats_ab.csv.gz")
    later, stays = (rows["version"] == "gate_40").astype(int), rows["retention_7"].astype(int)
    scores = dr_scores(np.ones((len(rows), 1)), stays, treatment=later, propensity=float(later.mean()))
    assert average_effect(scores).value == pytest.approx(effect(stays, later).value, abs=1e-5)
