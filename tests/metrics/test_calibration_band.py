"""What chance alone adds to the calibration error, and bounds that hold the true error."""

from __future__ import annotations

import numpy as np
import pytest

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics import calibration_band, calibration_error


def shop(
    rng: np.random.Generator, customers: int, shift: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Customers with one to six rows each: owner, outcome, probability stated, true probability.

    A customer's rows share one uniform number, so that their outcomes come together.
    """
    owner = np.repeat(np.arange(customers), rng.integers(1, 7, customers))
    logit = -1.5 + rng.normal(size=customers)[owner] + 0.3 * rng.normal(size=owner.size)
    true = 1 / (1 + np.exp(-logit))
    own = np.where(rng.random(owner.size) < 0.5, rng.random(customers)[owner], rng.random(owner.size))
    return owner, (own < true).astype(int), 1 / (1 + np.exp(-logit - shift)), true


def coverage(repetitions: int, customers: int, shift: float, n_boot: int) -> tuple[float, float]:
    """Share of samples in which the bounds hold the true error, and in which chance explains what was seen."""
    _, _, stated, true = shop(np.random.default_rng(2**31), 200_000, shift)
    truth = np.abs(stated - true).mean()  # a shift has one sign, so that the mean distance is that of the bins
    held, by_chance = 0, 0
    for repetition in range(repetitions):
        owner, y, p, _ = shop(np.random.default_rng(repetition), customers, shift)
        band = calibration_band(y, p, customer=owner, n_boot=n_boot, random_state=repetition)
        held += band.low <= truth <= band.high
        by_chance += band.explained_by_chance
    return held / repetitions, by_chance / repetitions


def test_bounds_hold_the_true_error_near_nil_and_far_from_it() -> None:
    nil, chance = coverage(120, 600, 0.0, 100)
    assert nil >= 0.9  # the standard error of 120 repetitions is .02 at .95
    assert chance >= 0.9
    far, chance = coverage(40, 600, 0.8, 100)
    assert far >= 0.9
    assert chance == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.15, 0.3, 0.8])
def test_bounds_have_at_least_their_nominal_coverage(shift: float) -> None:
    held, chance = coverage(500, 600, shift, 200)
    assert held >= 0.93
    if shift == 0.0:
        assert 0.92 <= chance <= 0.98


def test_the_error_is_the_calibration_error_and_chance_matches_simulation() -> None:
    rng = np.random.default_rng(5)
    p = rng.uniform(0.05, 0.5, 1500)
    y = rng.random(1500) < p
    band = calibration_band(y, p, n_boot=1000)
    assert band.error == calibration_error(y, p)
    simulated = [calibration_error(rng.random(1500) < p, p) for _ in range(1000)]
    assert band.expected == pytest.approx(np.mean(simulated), rel=0.15)
    assert band.upper == pytest.approx(np.quantile(simulated, 0.95), rel=0.15)
    assert 0 <= band.low <= band.error
    assert band.low <= band.high <= 1


def test_repeated_rows_widen_the_band() -> None:
    rng = np.random.default_rng(6)
    owner, y, p, _ = shop(rng, 400, 0.0)
    assert calibration_band(y, p, customer=owner).upper > 1.05 * calibration_band(y, p).upper


def test_same_seed_same_band_and_bad_input() -> None:
    rng = np.random.default_rng(7)
    p = rng.random(50)
    y = rng.random(50) < p
    assert calibration_band(y, p, bins=5) == calibration_band(y, p, bins=5)
    with pytest.raises(DataError, match="probabilities are outside 0 and 1"):
        calibration_band(y, p + 1)
    with pytest.raises(ParameterError, match="confidence is 2"):
        calibration_band(y, p, confidence=2)
    with pytest.raises(ParameterError, match="100 bins for 50 rows"):
        calibration_band(y, p, bins=100)


def test_weights_move_the_error_and_its_bounds_alike() -> None:
    rng = np.random.default_rng(8)
    p = rng.uniform(0.05, 0.5, 800)
    y = rng.random(800) < p
    plain = calibration_band(y, p)
    alike = calibration_band(y, p, sample_weight=np.full(800, 3))
    assert [alike.error, alike.upper, alike.low, alike.high] == pytest.approx(
        [plain.error, plain.upper, plain.low, plain.high]
    )
    weight = rng.integers(0, 4, 800)
    band = calibration_band(y, p, sample_weight=weight)
    assert band.error == calibration_error(y, p, sample_weight=weight)
    assert band.upper > plain.upper  # fewer rows count, so that chance moves more
    with pytest.raises(DataError, match="there are 2 weights for 800 rows"):
        calibration_band(y, p, sample_weight=[1, 2])
