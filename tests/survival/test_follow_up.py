"""How long the plateau is, and whether it may be believed."""

import numpy as np
import pytest

from churnlib.exceptions import DataError, ParameterError
from churnlib.survival import followup_check
from churnlib.targets import survival_target


def test_by_hand():
    # t* = 10, t_max = 16: those who left in (4, 10] are 2 of 8; (1 - 2/8)^8 = .1001.
    y = survival_target([1, 1, 1, 1, 0, 0, 0, 0], [1, 4, 6, 10, 12, 12, 14, 16])
    found = followup_check(y)
    assert (found.last_churn, found.last_seen, found.length) == (10, 16, 6)
    assert (found.n_late, found.q, found.beyond) == (2, 0.25, 4)
    assert found.alpha == pytest.approx(0.75**8)
    assert found.plateau == 0.5
    assert found.still_falling == 0  # nobody left after 12
    assert found.sufficient


def test_weights_are_repeated_rows():
    y = survival_target([1, 1, 0, 0], [2, 5, 7, 9])
    weight = np.array([3, 2, 0, 4])
    assert followup_check(y, sample_weight=weight) == followup_check(np.repeat(y, weight))


def curve(scale: float, follow: float, *, seed: int = 0, n: int = 2_000):
    rng = np.random.default_rng(seed)
    left = np.where(rng.random(n) < 0.35, np.inf, rng.exponential(scale, n))
    seen = rng.uniform(0.5 * follow, follow, n)
    return survival_target(left <= seen, np.minimum(left, seen))


@pytest.mark.parametrize("seed", range(20))
def test_long_follow_up_passes_and_short_does_not(seed):
    assert followup_check(curve(10.0, 70.0, seed=seed)).sufficient
    assert not followup_check(curve(10.0, 15.0, seed=seed)).sufficient


def test_a_last_row_that_left_is_no_plateau():
    found = followup_check(survival_target([1, 1, 0, 1], [1, 2, 2, 3]))
    assert (found.length, found.n_late, found.alpha) == (0, 0, 1)
    assert not found.sufficient


def test_the_level_decides_between_standing_still_and_falling():
    y = survival_target([1] * 30 + [0] * 6, [1.0] * 20 + [2.0] * 9 + [8.0] + [10.0] * 6)
    found = followup_check(y)
    assert 0.02 < found.still_falling < 0.05
    assert not found.sufficient  # one late churn: alpha = (35/36)^36
    assert followup_check(y, level=0.5).sufficient


def test_bad_input():
    with pytest.raises(DataError, match="all 2 rows are censored"):
        followup_check(survival_target([0, 0], [1, 2]))
    with pytest.raises(ParameterError, match="level"):
        followup_check(survival_target([1, 0], [1, 2]), level=5)
