"""The tail behind the data: the mean hazard of the last tenth goes on, cause by cause."""

from __future__ import annotations

import numpy as np
import pytest

from churnlib.survival._tail import Tail

ROWS = np.zeros((2, 1))
LOW, END = np.array([0.0, 10.0]), np.array([100.0, 30.0])
HAZARD = np.array([0.01, 0.2])


def log_ahead(X, ahead, since):
    """Constant hazards, one for each row."""
    return -HAZARD[:, None] * ahead


def test_a_constant_hazard_goes_on_as_it_was():
    tail = Tail.of(ROWS, LOW, END, np.array([[0.0, 5.0], [1.0, 2.0]]), log_ahead)
    np.testing.assert_allclose(tail.hazard, HAZARD)
    np.testing.assert_allclose(tail.length, [10, 2])
    np.testing.assert_allclose(tail.since, [90, 28])
    np.testing.assert_allclose(tail.cumulative_hazard, [[0, 0.05], [0.2, 0.4]])
    np.testing.assert_allclose(tail.time_stayed(np.array([50.0, 0.0])), [-np.expm1(-0.5) / 0.01, 0])


def test_only_the_last_tenth_counts():
    def late(X, ahead, since):
        """Nobody leaves before 95, then all at a hazard of .4."""
        return -0.4 * (np.maximum(since[:, None] + ahead - 95, 0) - np.maximum(since[:, None] - 95, 0))

    tail = Tail.of(ROWS[:1], LOW[:1], END[:1], np.ones((1, 1)), late)
    np.testing.assert_allclose(tail.hazard, 0.2)  # half of the tenth


@pytest.mark.parametrize("fell", [np.inf, np.nan])
def test_where_nobody_is_left_nobody_comes_back(fell):
    tail = Tail.of(ROWS[:1], LOW[:1], END[:1], np.array([[0.0, 3.0]]), lambda X, ahead, since: np.array([[-fell]]))
    assert tail.cumulative_hazard.tolist() == [[0.0, np.inf]]
    np.testing.assert_allclose(tail.time_stayed(np.array([7.0])), 0)


def test_causes_share_as_they_did_and_equally_where_nobody_left():
    tail = Tail.of(ROWS, LOW, END, np.ones((2, 1)), log_ahead)
    left = np.array([[[0.03], [0.01]], [[0.0], [0.0]]])
    np.testing.assert_allclose(tail.shares(lambda X, ahead, since: left), [[0.75, 0.25], [0.5, 0.5]])
