from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from churnlib.exceptions import DataError
from churnlib.metrics import survival_log_loss
from churnlib.targets import survival_target
from tests.metrics import watched_rows


@given(watched_rows.rows(), st.integers(0, 2**32 - 1))
def test_it_is_the_likelihood_of_intervals_and_no_row_order_changes_a_bit(rows, seed):
    rng = np.random.default_rng(seed)
    times = np.array([1.0, 2.0, 3.5])
    survival = np.cumprod(rng.uniform(0.2, 0.9, (len(rows.time), 3)), axis=1)
    weight = np.ones(len(rows.time)) if rows.weight is None else rows.weight
    total = 0.0
    for i, end in enumerate(rows.time - (0 if rows.entry is None else rows.entry)):
        curve = {0.0: 1.0} | dict(zip(times, survival[i], strict=True))
        passed = max(t for t in curve if t <= end)
        if rows.event[i] and end <= times[-1]:
            before = max(t for t in curve if t < end)
            after = min(t for t in curve if t >= end)
            total -= weight[i] * np.log(curve[before] - curve[after])
        else:
            total -= weight[i] * np.log(curve[passed])
    found = survival_log_loss(rows.y, survival, times, sample_weight=rows.weight)
    assert found == pytest.approx(total / weight.sum(), abs=1e-12)
    order = rng.permutation(len(rows.time))
    part = rows.at(order)
    assert survival_log_loss(part.y, survival[order], times, sample_weight=part.weight) == found


def test_without_censoring_one_time_is_scikit_learns_log_loss():
    rng = np.random.default_rng(0)
    time, p = rng.exponential(10, 300), rng.random(300)
    found = survival_log_loss(survival_target(np.ones(300), time), 1 - p, 7)
    assert found == pytest.approx(log_loss(time <= 7, p), abs=1e-13)


def test_the_truth_scores_best_with_censoring_and_late_entry():
    rows, rate = watched_rows.simulated(5000, entries=True)
    times = np.arange(10.0, 130.0, 20.0)

    def loss(factor: float) -> float:
        return survival_log_loss(rows.y, np.exp(-factor * np.outer(rate, times)), times)

    assert loss(1.0) < min(loss(0.9), loss(1.1)) < min(loss(0.7), loss(1.4))


def test_the_impossible_costs_36_nats_and_what_rises_is_refused():
    y = survival_target([1, 1], [1, 2])
    assert survival_log_loss(y, [[1.0], [0.0]], [1.5]) == pytest.approx(-np.log(np.finfo(float).eps))
    with pytest.raises(DataError, match=r"survival rises along the times in 1 rows \(row 1\)"):
        survival_log_loss(y, [[0.9, 0.8], [0.5, 0.6]], [1, 2])
