"""Wilson's interval against the practice's figures, its defining equation, and exact coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from churnlib.exceptions import DataError, ParameterError
from churnlib.numerics import wilson_interval


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (458, 500, 0.888, 0.937),  # retention of those present at the start, a published worked example
        (168, 800, 0.183, 0.240),  # reactivation, the same source
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Stat. Med. 17, 857-872, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(successes: int, n: int, low: float, high: float) -> None:
    digits = 3 if n in (500, 800) else 4
    found = wilson_interval(successes, n)
    assert (round(float(found[0]), digits), round(float(found[1]), digits)) == (low, high)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_bounds_solve_the_score_equation(pair: tuple[int, int], confidence: float) -> None:
    successes, n = pair
    z = norm.ppf(0.5 + confidence / 2)
    low, high = wilson_interval(successes, n, confidence=confidence)
    rate = successes / n
    assert 0 <= low <= rate <= high <= 1
    for bound in (float(low), float(high)):
        assert (rate - bound) ** 2 == pytest.approx(z**2 * bound * (1 - bound) / n, rel=1e-9, abs=1e-12)


def test_mean_coverage_is_nominal() -> None:
    n = 60
    low, high = wilson_interval(np.arange(n + 1), np.full(n + 1, n))
    rates = np.linspace(0.02, 0.98, 97)
    covered = [binom.pmf(np.arange(n + 1), n, rate)[(low <= rate) & (rate <= high)].sum() for rate in rates]
    assert 0.945 < np.mean(covered) < 0.96
    assert min(covered) > 0.83


def test_without_trials_nothing_is_known() -> None:
    low, high = wilson_interval([0, 1], [0, 4])
    assert (low[0], high[0]) == (0.0, 1.0)
    assert 0 < low[1] < high[1] < 1


@pytest.mark.parametrize(("successes", "n"), [(3, 2), (-1, 5), (np.nan, 5), (1, np.inf)])
def test_impossible_counts_are_refused(successes: float, n: float) -> None:
    with pytest.raises(DataError, match="1 of 1 pairs of successes and trials are impossible"):
        wilson_interval(successes, n)


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.5])
def test_confidence_is_a_share(confidence: float) -> None:
    with pytest.raises(ParameterError, match=f"confidence is {confidence}"):
        wilson_interval(1, 2, confidence=confidence)
