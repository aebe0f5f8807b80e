from __future__ import annotations

import numpy as np
import pytest

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics import (
    dynamic_auc,
    horizon_calibration_table,
    integrated_brier_loss,
    survival_brier_loss,
    survival_log_loss,
)
from churnlib.targets import survival_target

Y = survival_target([1, 0, 1, 1], [1, 2, 3, 4])
S = np.full((4, 2), 0.5)


@pytest.mark.parametrize("metric", [survival_brier_loss, integrated_brier_loss, survival_log_loss])
@pytest.mark.parametrize(
    ("survival", "match"),
    [
        (S[:3], r"survival has shape \(3, 2\) for 4 rows of y and 2 times"),
        (S.T, r"survival has shape \(2, 4\) for 4 rows"),
        (S[:, 0], r"survival has shape \(4,\)"),
        (
            np.where(np.eye(4, 2) > 0, np.nan, S),
            r"2 values that are NaN or outside 0 and 1 \(rows 0, 1; first: nan, nan",
        ),
        (-S, r"8 values that are NaN or outside 0 and 1 \(rows 0, 1, 2, 3; first: -0.5, -0.5, -0.5, … 5 more"),
        ([["a", "b"]] * 4, "survival cannot be read as numbers"),
    ],
)
def test_survival_is_looked_at(metric, survival, match):
    with pytest.raises(DataError, match=match):
        metric(Y, survival, [1, 2])


@pytest.mark.parametrize("metric", [survival_brier_loss, integrated_brier_loss, survival_log_loss])
@pytest.mark.parametrize(
    ("times", "match"),
    [
        ([0, 2], "1 of 2 times are 0 or less, missing or infinite"),
        ([1, np.inf], "1 of 2 times are 0 or less, missing or infinite"),
        ([2, 2], "times do not ascend"),
        ([2, 1], "times do not ascend"),
        ([[1, 2]], r"times has shape \(1, 2\)"),
        ([], r"times has shape \(0,\)"),
    ],
)
def test_times_are_looked_at(metric, times, match):
    with pytest.raises(ParameterError, match=match):
        metric(Y, S, times)


def test_one_time_takes_one_column():
    assert survival_brier_loss(Y, S[:, 0], 2) == survival_brier_loss(Y, S[:, :1], [2])


def test_a_risk_has_one_column_or_one_for_each_time():
    with pytest.raises(DataError, match=r"risk has shape \(4, 3\) for 4 rows of y; shape \(4,\) or \(4, 2\)"):
        dynamic_auc(Y, np.ones((4, 3)), [1, 2])


@pytest.mark.parametrize(
    ("horizon", "match"),
    [
        ("1mo", "horizon='1mo' is a length of the calendar"),
        (0, "1 of 1 times are 0 or less"),
        ("soon", "horizon"),
        ([1, 2], "horizon holds 2 numbers"),
    ],
)
def test_a_horizon_is_a_fixed_length(horizon, match):
    with pytest.raises(ValueError, match=match):
        horizon_calibration_table(Y, [0.1, 0.2, 0.3, 0.4], horizon, bins=1)


def test_differences_of_time_are_no_numbers_of_microseconds():
    with pytest.raises(DataError, match=r"times cannot be read as numbers .they are timedelta64"):
        survival_brier_loss(Y, S, np.array([1, 2], "m8[D]"))
    with pytest.raises(DataError, match=r"risk cannot be read as numbers .they are timedelta64"):
        dynamic_auc(Y, np.array([1, 2, 3, 4], "m8[us]"), [1, 2])
