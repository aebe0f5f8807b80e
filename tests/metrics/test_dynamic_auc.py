from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from churnlib.exceptions import DataError
from churnlib.metrics import dynamic_auc, dynamic_auc_score
from churnlib.numerics import censoring_survival
from churnlib.targets import survival_target
from tests.metrics import watched_rows
from tests.metrics.watched_rows import TIMES, gbsg2


def by_definition(rows, t: float) -> float:
    n = len(rows.time)
    weight = np.ones(n) if rows.weight is None else rows.weight
    watched = rows.time - (0 if rows.entry is None else rows.entry)
    G = censoring_survival(watched, rows.event, weight=weight)
    if G(t) <= 0:
        return np.nan
    right = every = 0.0
    for i in np.flatnonzero(rows.event & (watched <= t)):
        pairs = (watched > t) * weight * weight[i] / float(G.left(watched[i]))
        every += pairs.sum()
        right += (pairs * ((rows.risk < rows.risk[i]) + (rows.risk == rows.risk[i]) / 2)).sum()
    return right / every if every else np.nan


@given(watched_rows.rows(), st.sampled_from([1.0, 1.5, 2.0, 3.0]), st.randoms(use_true_random=False))
def test_it_is_the_definition_and_no_row_order_changes_a_bit(rows, time, random):
    expected = by_definition(rows, time)
    assume(not np.isnan(expected))
    found = dynamic_auc(rows.y, rows.risk, time, sample_weight=rows.weight)
    assert found == pytest.approx([expected], abs=1e-13)
    part = rows.at(np.array(random.sample(range(len(rows.time)), len(rows.time))))
    assert dynamic_auc(part.y, part.risk, time, sample_weight=part.weight).tolist() == found.tolist()
    assert dynamic_auc(rows.y, -rows.risk, time, sample_weight=rows.weight) == pytest.approx([1 - expected], abs=1e-13)


@given(watched_rows.rows(weights=False), st.data())
def test_weights_are_repeated_rows(rows, data):
    n = len(rows.time)
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    repeated = rows.at(np.repeat(np.arange(n), times))
    assume(len(repeated.time) > 1 and not np.isnan(by_definition(repeated, 1.5)))
    weighted = dynamic_auc(rows.y, rows.risk, 1.5, sample_weight=times)
    assert weighted == pytest.approx(dynamic_auc(repeated.y, repeated.risk, 1.5), abs=1e-12)


def test_without_censoring_it_is_scikit_learns():
    rng = np.random.default_rng(0)
    time, weight, risk = rng.exponential(10, 500), rng.random(500), rng.integers(0, 60, 500)
    found = dynamic_auc(survival_target(np.ones(500), time), risk, [3, 7], sample_weight=weight)
    expected = [roc_auc_score(time <= t, risk, sample_weight=weight) for t in (3, 7)]
    assert found == pytest.approx(expected, abs=1e-14)


def test_a_risk_for_each_time():
    rows, _ = watched_rows.simulated(200)
    per_time = np.column_stack([rows.risk, -rows.risk])
    found = dynamic_auc(rows.y, per_time, [20, 50])
    assert found == pytest.approx([dynamic_auc(rows.y, rows.risk, 20)[0], 1 - dynamic_auc(rows.y, rows.risk, 50)[0]])


def test_who_enters_late_counts_from_the_entry():
    rows, _ = watched_rows.simulated(400, entries=True)
    since = survival_target(rows.event, rows.time - rows.entry)
    assert dynamic_auc(rows.y, rows.risk, [30, 60]).tolist() == dynamic_auc(since, rows.risk, [30, 60]).tolist()


# ------------------------------------------------------------------ published numbers and other implementations


def test_gbsg2_as_in_scikit_survival_and_r():
    rows, _ = gbsg2()
    # scikit-survival 0.28 `cumulative_dynamic_auc`
    published = [0.7599238431779951, 0.7349962204941125, 0.7383286807477694, 0.7364584910296058, 0.7439858799607805]
    assert dynamic_auc(rows.y, rows.risk, TIMES, convention="sksurv") == pytest.approx(published, abs=1e-12)
    assert dynamic_auc_score(rows.y, rows.risk, TIMES, convention="sksurv") == pytest.approx(0.7412454854, abs=5e-11)
    # R riskRegression `Score`
    published = [0.75993506, 0.73500832, 0.73833676, 0.73650787, 0.74404815]
    for convention in ("riskRegression", "churnlib"):
        assert dynamic_auc(rows.y, rows.risk, TIMES, convention=convention) == pytest.approx(published, abs=1e-8)


def test_scikit_survival_finds_the_same():
    metrics = pytest.importorskip("sksurv.metrics")
    train, scored = watched_rows.simulated(400, seed=1)[0], watched_rows.simulated(300, seed=2)[0]
    scored = scored.at(scored.time < train.time.max())
    times, risk = np.linspace(5, 60, 23), scored.risk.round(1)
    theirs, mean = metrics.cumulative_dynamic_auc(train.y, scored.y, risk, times)
    options = {"train": train.y, "convention": "sksurv"}
    assert dynamic_auc(scored.y, risk, times, **options) == pytest.approx(theirs, abs=1e-12)
    assert dynamic_auc_score(scored.y, risk, times, **options) == pytest.approx(mean, abs=1e-12)


def test_times_without_cases_or_controls_are_named():
    y = survival_target([1, 1, 1], [2, 3, 4])
    with pytest.raises(DataError, match="at time 1 nobody has left"):
        dynamic_auc(y, [1, 2, 3], [1, 3])
    with pytest.raises(DataError, match="at time 4 nobody is still here"):
        dynamic_auc(y, [1, 2, 3], [3, 4])
