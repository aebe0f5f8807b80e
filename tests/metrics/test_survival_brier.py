from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from churnlib.exceptions import HistoryError, ParameterError
from churnlib.metrics import integrated_brier_loss, survival_brier_loss
from churnlib.metrics._exact_sums import ExactSums
from churnlib.numerics import censoring_survival, product_limit, risk_table
from churnlib.targets import survival_target
from tests.metrics import watched_rows
from tests.metrics.watched_rows import BRESLOW, EFRON, TIMES, gbsg2


def by_definition(rows, survival, times) -> np.ndarray:
    n = len(rows.time)
    weight = np.ones(n) if rows.weight is None else rows.weight
    watched = rows.time - (0 if rows.entry is None else rows.entry)
    G = censoring_survival(watched, rows.event, weight=weight)
    out = []
    for k, t in enumerate(times):
        total = 0.0
        for i in range(n):
            if watched[i] > t:
                total += weight[i] * (1 - survival[i, k]) ** 2 / float(G(t))
            elif rows.event[i]:
                total += weight[i] * survival[i, k] ** 2 / float(G.left(watched[i]))
        out.append(total / weight.sum())
    return np.array(out)


@given(watched_rows.rows(), st.integers(0, 2**32 - 1))
def test_it_is_the_definition_and_no_row_order_changes_a_bit(rows, seed):
    rng = np.random.default_rng(seed)
    times = np.array([0.5, 1.0, 1.5, 2.0])
    survival = rng.random((len(rows.time), 4))
    try:
        found = survival_brier_loss(rows.y, survival, times, sample_weight=rows.weight)
    except HistoryError:
        assume(False)
    assert found == pytest.approx(by_definition(rows, survival, times), abs=1e-13)
    order = rng.permutation(len(rows.time))
    part = rows.at(order)
    assert np.array_equal(found, survival_brier_loss(part.y, survival[order], times, sample_weight=part.weight))


@given(watched_rows.rows(weights=False), st.data())
def test_weights_are_repeated_rows(rows, data):
    n = len(rows.time)
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    assume(times.sum() > 0)
    which = np.repeat(np.arange(n), times)
    survival = np.linspace(0.9, 0.1, n)[:, None]
    try:
        weighted = survival_brier_loss(rows.y, survival, [1.5], sample_weight=times)
    except HistoryError:
        assume(False)
    assert weighted == pytest.approx(survival_brier_loss(rows.at(which).y, survival[which], [1.5]), abs=1e-12)


def test_without_censoring_it_is_scikit_learns():
    rng = np.random.default_rng(0)
    time, weight = rng.exponential(10, 500), rng.random(500)
    left, p = time <= 7, rng.random(500)
    found = survival_brier_loss(survival_target(np.ones(500), time), 1 - p, 7, sample_weight=weight)
    assert found[0] == pytest.approx(brier_score_loss(left, p, sample_weight=weight), abs=1e-14)


def test_the_truth_is_expected_to_score_best_however_many_are_lost():
    rows, rate = watched_rows.simulated(20_000, entries=True)
    times = np.array([30.0, 60.0, 90.0])
    # Memoryless lives: survival from the entry on does not depend on it.
    truth = np.exp(-np.outer(rate, times))
    found = survival_brier_loss(rows.y, truth, times)
    assert found == pytest.approx((truth * (1 - truth)).mean(axis=0), abs=0.006)
    assert (survival_brier_loss(rows.y, np.clip(truth - 0.1, 0, 1), times) > found).all()
    assert (survival_brier_loss(rows.y, np.clip(truth + 0.1, 0, 1), times) > found).all()


# ------------------------------------------------------------------ published numbers and other implementations


def test_gbsg2_as_in_scikit_survival():
    rows, survival = gbsg2(BRESLOW)
    found = survival_brier_loss(rows.y, survival, TIMES, convention="sksurv")
    # scikit-survival 0.28 `brier_score` of its own CoxPHSurvivalAnalysis(ties="efron")
    published = [
        0.07438132816911511,
        0.16799122899892555,
        0.19540587767833414,
        0.20728236773869307,
        0.20881842877527357,
    ]
    assert found == pytest.approx(published, abs=1e-12)
    integrated = integrated_brier_loss(rows.y, survival, TIMES, convention="sksurv")
    assert integrated == pytest.approx(0.1780698382, abs=5e-11)


def test_gbsg2_as_in_r():
    rows, survival = gbsg2(EFRON)
    # R riskRegression `Score` of a coxph fit
    published = [0.07437593, 0.16797477, 0.19537080, 0.20723000, 0.20874388]
    for convention in ("riskRegression", "churnlib"):
        assert survival_brier_loss(rows.y, survival, TIMES, convention=convention) == pytest.approx(published, abs=1e-8)


def test_gbsg2_kaplan_meier_as_in_scikit_survival():
    rows, _ = gbsg2()
    curve = product_limit(risk_table(rows.time, rows.event))(TIMES)
    everybody = np.tile(curve, (len(rows.time), 1))
    integrated = integrated_brier_loss(rows.y, everybody, TIMES, convention="sksurv")
    assert integrated == pytest.approx(0.2073309876, abs=5e-11)


def test_scikit_survival_finds_the_same():
    metrics = pytest.importorskip("sksurv.metrics")
    train, scored = watched_rows.simulated(400, seed=1)[0], watched_rows.simulated(300, seed=2)[0]
    scored = scored.at(scored.time < train.time.max())  # it refuses others
    times = np.linspace(5, 60, 23)
    survival = np.exp(-np.outer(np.exp(scored.risk) / 90, times))
    options = {"train": train.y, "convention": "sksurv"}
    theirs = metrics.brier_score(train.y, scored.y, survival, times)[1]
    assert survival_brier_loss(scored.y, survival, times, **options) == pytest.approx(theirs, abs=1e-12)
    integrated = metrics.integrated_brier_score(train.y, scored.y, survival, times)
    assert integrated_brier_loss(scored.y, survival, times, **options) == pytest.approx(integrated, abs=1e-12)


# ------------------------------------------------------------------ sums, integrals, bad input


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_sums_are_near_the_true_one_and_the_same_in_any_order(values, random):
    totals = set()
    for _ in range(3):
        random.shuffle(values)
        sums = ExactSums(1, len(values), 3.0)
        for value in values:
            sums.add(np.array([[value]]))
        totals.add(sums.total()[0])
    assert len(totals) == 1
    assert totals.pop() == pytest.approx(sum(values), abs=1e-13)


def test_an_integral_is_a_mean_over_the_stretch():
    y = survival_target([1, 1, 1, 1], [1, 2, 3, 4])
    survival = np.tile([0.75, 0.5, 0.25], (4, 1))
    losses = survival_brier_loss(y, survival, [1, 2, 4])
    trapezoids = (losses[0] + losses[1]) / 2 * 1 + (losses[1] + losses[2]) / 2 * 2
    assert integrated_brier_loss(y, survival, [1, 2, 4]) == pytest.approx(trapezoids / 3)
    with pytest.raises(ParameterError, match="times holds 1 time; an integral has two ends"):
        integrated_brier_loss(y, survival[:, :1], [1])
