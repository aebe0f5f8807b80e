"""Calibration error against hand counts, exact expectations and its own invariances."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics import RankedOutcomes, calibration_error, reliability_table
from churnlib.numerics import wilson_interval

rows = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 1), min_size=n, max_size=n),
        st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any),
    )
)
norms = st.sampled_from(["l1", "l2"])


@given(st.integers(1, 12), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_distinct_probabilities_give_the_textbook_error(bins: int, rows_in_bin: int, seed: int) -> None:
    n = bins * rows_in_bin
    rng = np.random.default_rng(seed)
    y, p = rng.integers(0, 2, n), rng.permutation((np.arange(n) + rng.random()) / (n + 1))
    by_hand = [abs(y[chunk].mean() - p[chunk].mean()) for chunk in np.split(np.argsort(p), bins)]
    assert calibration_error(y, p, bins=bins) == pytest.approx(np.mean(by_hand), abs=1e-12)
    assert calibration_error(y, p, bins=bins, norm="l2") == pytest.approx(np.sqrt(np.mean(np.square(by_hand))))


@given(rows, norms, st.booleans(), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(columns: tuple[list, ...], norm: str, debiased: bool, random: object) -> None:
    y, p, weight = (np.array(column) for column in columns)
    order = np.array(random.sample(range(len(y)), len(y)))  # type: ignore[attr-defined]
    arguments = {"bins": 1 + len(y) // 4, "norm": norm, "debiased": debiased}
    seen = calibration_error(y, p, sample_weight=weight, **arguments)
    assert seen == pytest.approx(
        calibration_error(y[order], p[order], sample_weight=weight[order], **arguments), abs=1e-12
    )
    assert 0 <= seen <= 1


@given(rows, norms, st.booleans())
def test_whole_weights_are_repeated_rows(columns: tuple[list, ...], norm: str, debiased: bool) -> None:
    y, p, weight = (np.array(column) for column in columns)
    repeated = np.repeat(np.arange(len(y)), weight)
    arguments = {"bins": 1, "norm": norm, "debiased": debiased}
    weighted = calibration_error(y, p, sample_weight=weight, **arguments)
    assert weighted == pytest.approx(calibration_error(y[repeated], p[repeated], **arguments), abs=1e-9)


@given(rows, norms)
def test_ranked_outcomes_give_the_same_number(columns: tuple[list, ...], norm: str) -> None:
    y, p, weight = columns
    assert RankedOutcomes(y, p).calibration_error(bins=1, norm=norm, sample_weight=weight) == calibration_error(
        y, p, bins=1, norm=norm, sample_weight=weight
    )


def test_ties_stay_in_one_bin() -> None:
    # Three quarters share one probability: cutting them by row order would make bins of them that differ by chance.
    y = np.array([1, 0, 1, 0, 1, 0, 0, 1])
    p = np.array([0.5] * 6 + [0.1, 0.9])
    table = reliability_table(y, p, bins=4)
    assert table["predicted"].tolist() == [0.9, 0.5, 0.1]
    assert table["rows"].tolist() == [1, 6, 1]
    assert calibration_error(y, p, bins=4) == pytest.approx(0.1 / 8 + 0.1 / 8)


def test_a_constant_forecast_has_the_error_of_its_mean() -> None:
    y = [1, 0, 0, 0]
    assert calibration_error(y, [0.25] * 4, bins=4) == 0.0
    assert calibration_error(y, [0.75] * 4, bins=4) == 0.5
    assert calibration_error(y, [0.75] * 4, bins=4, norm="l2") == 0.5


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5])
def test_debiased_square_is_unbiased_by_enumeration(rate: float) -> None:
    # All 2^8 outcomes of two bins of four rows, with true rates that differ from the stated ones in one bin.
    stated = np.repeat([0.7, 0.3], 4)
    true = np.repeat([0.7, rate], 4)
    squares, plug_in = 0.0, 0.0
    for outcome in product([0, 1], repeat=8):
        y = np.array(outcome)
        chance = np.prod(np.where(y == 1, true, 1 - true))
        squares += chance * _debiased_square(y, stated)
        plug_in += chance * calibration_error(y, stated, bins=2, norm="l2") ** 2
    truth = 0.5 * (rate - 0.3) ** 2
    assert squares == pytest.approx(truth, abs=1e-12)
    assert plug_in > truth + 0.01


def _debiased_square(y: np.ndarray, p: np.ndarray) -> float:
    """The square before it is cut at 0, from the package's own bins."""
    from churnlib.metrics._bins import binned
    from churnlib.numerics import TiedOrder

    cut = binned(TiedOrder(p), y.astype(float), p, np.ones(len(y)), 2, whole=True)
    square = float((cut.weight / cut.weight.sum()) @ (cut.gap**2 - cut.variance))
    assert calibration_error(y, p, bins=2, norm="l2", debiased=True) == pytest.approx(np.sqrt(max(0.0, square)))
    return square


def test_debiased_error_lies_nearer_to_the_truth() -> None:
    rng = np.random.default_rng(0)
    plain_error, debiased = [], []
    for _ in range(200):
        p = rng.uniform(0, 0.4, 500)
        y = rng.random(500) < p
        plain_error.append(calibration_error(y, p))
        debiased.append(calibration_error(y, p, debiased=True))
    # Both estimate 0. The docstring says: about two fifths of what chance adds are taken off.
    assert 0.5 < np.mean(debiased) / np.mean(plain_error) < 0.68
    # Where the distance is large beside the noise, nothing is left to take off.
    y = rng.random(100_000) < 0.2
    assert calibration_error(y, np.full(100_000, 0.5), debiased=True) == pytest.approx(0.3, abs=0.005)


def test_the_table_agrees_with_the_error_and_with_wilson() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(300)
    y = rng.random(300) < p
    table = reliability_table(y, p, confidence=0.9)
    assert table["rows"].tolist() == [30] * 10
    assert calibration_error(y, p) == pytest.approx((table["gap"].abs() * table["rows"] / 300).sum())
    low, high = wilson_interval(table["observed"] * table["rows"], table["rows"], confidence=0.9)
    np.testing.assert_allclose(table["low"], low)
    np.testing.assert_allclose(table["high"], high)
    assert (table["p_low"] <= table["predicted"]).all()
    assert (table["predicted"] <= table["p_high"]).all()
    assert (table["p_low"].to_numpy()[:-1] > table["p_high"].to_numpy()[1:]).all()
    assert isinstance(table, pd.DataFrame)


def test_bad_input_is_refused() -> None:
    with pytest.raises(DataError, match=r"1 of 2 probabilities are outside 0 and 1 \(first: 1.2\)"):
        calibration_error([1, 0], [1.2, 0.5], bins=1)
    with pytest.raises(DataError, match="1 of 2 probabilities are outside 0 and 1"):
        reliability_table([1, 0], [-0.2, 0.5], bins=1)
    with pytest.raises(ParameterError, match="10 bins for 2 rows"):
        calibration_error([1, 0], [0.2, 0.5])
    with pytest.raises(ParameterError, match="norm 'l3' is unknown"):
        calibration_error([1, 0], [0.2, 0.5], bins=1, norm="l3")
    with pytest.raises(ParameterError, match="confidence is 95"):
        reliability_table([1, 0], [0.2, 0.5], bins=1, confidence=95)
