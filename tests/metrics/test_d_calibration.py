from __future__ import annotations

import zlib

import numpy as np
import pytest
from scipy.stats import chisquare

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics import d_calibration
from churnlib.targets import survival_target


def lives(n: int, rng: np.random.Generator, *, entries: bool = False, mean: float = 100.0) -> np.ndarray:
    """Exponential lives, about half of them lost from sight."""
    entry = rng.uniform(0, 50, n) if entries else np.zeros(n)
    life, lost = entry + rng.exponential(mean, n), entry + rng.exponential(100, n)
    return survival_target(life <= lost, np.minimum(life, lost), entry=entry)


def given_entry(y: np.ndarray, mean: float = 100.0) -> np.ndarray:
    return np.exp(-(y["time"] - y["entry"]) / mean)


def test_without_censoring_shares_are_counts_and_pearson_is_scipys():
    rng = np.random.default_rng(0)
    survival = rng.random(400)
    y = survival_target(np.ones(400), np.arange(1.0, 401.0))
    found = d_calibration(y, survival, bins=8, method="pearson")
    counts = np.histogram(survival, bins=8, range=(0, 1))[0]
    assert found.shares == pytest.approx(counts / 400, abs=1e-12)
    expected = chisquare(counts)
    assert (found.statistic, found.p_value, found.degrees) == pytest.approx((expected.statistic, expected.pvalue, 7))
    assert found.table["survival_high"].tolist() == [0.125 * k for k in range(1, 9)]


def test_the_lost_are_spread_over_what_is_left_to_them():
    y = survival_target([1, 0, 0] * 4, [5, 6, 7] * 4)
    # One leaves at .95; one is lost at .25: two fifths of it in each of the first two bins, one in the third.
    found = d_calibration(y, [0.95, 0.25, 1.0] * 4)
    assert found.shares * 3 == pytest.approx([0.5, 0.5, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 1.1])
    assert found.shares.sum() == pytest.approx(1)


def test_survival_of_zero_and_one_falls_into_the_outer_bins():
    y = survival_target([1, 1, 0], [5, 6, 7])
    assert (d_calibration(y, [0.0, 1.0, 0.0], bins=2).shares * 3).tolist() == [2.0, 1.0]


def test_steps_are_spread_over_their_height():
    y = survival_target([1, 1], [1, 2])
    # Month 1 takes survival from 1 to .6, month 2 from .6 to .3.
    found = d_calibration(y, [0.6, 0.3], before=[1.0, 0.6], bins=2)
    assert found.shares * 2 == pytest.approx([2 / 3, 1 + 1 / 3])
    with pytest.raises(DataError, match=r"in 1 of 2 rows survival just before the time is below.*\(row 0\)"):
        d_calibration(y, [0.6, 0.3], before=[0.5, 0.6], bins=2)


def test_months_are_calibrated_with_their_steps_only():
    rng = np.random.default_rng(1)
    y = survival_target(np.ones(4000), np.ceil(rng.exponential(3, 4000)))
    at, before = np.exp(-y["time"] / 3), np.exp(-(y["time"] - 1) / 3)
    assert d_calibration(y, at, before=before).p_value > 0.01
    assert d_calibration(y, at).p_value < 1e-6


def test_no_row_order_changes_a_bit():
    rng = np.random.default_rng(2)
    y = lives(300, rng, entries=True)
    survival, weight, customer = given_entry(y).round(2), rng.random(300).round(1) + 0.1, rng.integers(0, 90, 300)
    order = rng.permutation(300)
    for options in ({}, {"customer": customer}):
        turned = {name: values[order] for name, values in options.items()}
        one = d_calibration(y, survival, sample_weight=weight, **options)
        other = d_calibration(y[order], survival[order], sample_weight=weight[order], **turned)
        assert (one.statistic, one.p_value, one.shares.tolist()) == (
            other.statistic,
            other.p_value,
            other.shares.tolist(),
        )


@pytest.mark.parametrize("method", ["wald", "pearson"])
def test_weights_are_repeated_rows(method):
    rng = np.random.default_rng(3)
    y = lives(150, rng, entries=True)
    survival, times = given_entry(y), rng.integers(0, 4, 150)
    which = np.repeat(np.arange(150), times)
    one = d_calibration(y, survival, sample_weight=times, method=method)
    other = d_calibration(y[which], survival[which], method=method)
    assert (one.statistic, one.p_value) == pytest.approx((other.statistic, other.p_value), abs=1e-9)


def test_rows_of_one_customer_count_together():
    y = lives(200, np.random.default_rng(4), entries=True)
    four_times = np.tile(np.arange(200), 4)
    alone = d_calibration(y, given_entry(y), customer=np.arange(200))
    together = d_calibration(y[four_times], given_entry(y)[four_times], customer=four_times)
    assert together.statistic == pytest.approx(alone.statistic)
    assert d_calibration(y[four_times], given_entry(y)[four_times]).statistic > 2 * alone.statistic


# ------------------------------------------------------------------ level and power


def _rejected(runs: int, seed: int, *, method: str, mean: float = 100.0, n: int = 600) -> float:
    p_values = []
    for run in range(runs):
        y = lives(n, np.random.default_rng((seed + run) % 2**32), entries=True)
        p_values.append(d_calibration(y, given_entry(y, mean), method=method).p_value)
    return float(np.mean(np.array(p_values) < 0.05))


def test_a_true_model_is_rejected_as_often_as_said(record_property):
    rejected = _rejected(400, zlib.crc32(b"test_a_true_model_is_rejected_as_often_as_said"), method="wald")
    record_property("rejected", rejected)
    assert 0.0175 <= rejected <= 0.09


@pytest.mark.slow
def test_a_true_model_is_rejected_as_often_as_said_in_full(record_property):
    rejected = _rejected(2000, zlib.crc32(b"test_a_true_model_is_rejected_as_often_as_said_in_full"), method="wald")
    record_property("rejected", rejected)
    assert 0.0345 <= rejected <= 0.0665


def test_pearsons_test_is_cautious_and_a_wrong_model_is_found():
    seed = zlib.crc32(b"test_pearsons_test_is_cautious_and_a_wrong_model_is_found")
    assert _rejected(100, seed, method="pearson") < 0.02
    assert _rejected(40, seed, method="wald", mean=140.0) == 1.0


# ------------------------------------------------------------------ bad input


def test_bad_input_is_counted_and_named():
    y = survival_target([1, 0], [1, 2])
    with pytest.raises(DataError, match="all 2 rows are censored"):
        d_calibration(survival_target([0, 0], [1, 2]), [0.5, 0.5], bins=2)
    with pytest.raises(DataError, match=r"1 values that are NaN or outside 0 and 1 \(row 1; first: 1.5\)"):
        d_calibration(y, [0.5, 1.5], bins=2)
    with pytest.raises(DataError, match="there are 1 customers for 2 rows"):
        d_calibration(y, [0.5, 0.5], bins=2, customer=["ann"])
    with pytest.raises(DataError, match=r"1 of 2 rows have no customer \(row 1\)"):
        d_calibration(y, [0.5, 0.5], bins=2, customer=["ann", None])
    with pytest.raises(ParameterError, match="customer= with method='pearson'"):
        d_calibration(y, [0.5, 0.5], bins=2, customer=["ann", "bob"], method="pearson")
    with pytest.raises(ParameterError, match="method='walt' is not a choice"):
        d_calibration(y, [0.5, 0.5], bins=2, method="walt")
    with pytest.raises(ParameterError, match="10 bins for 2 rows"):
        d_calibration(y, [0.5, 0.5])


def test_one_bin_says_nothing():
    with pytest.raises(ParameterError, match="bins is 1; at least two"):
        d_calibration(survival_target([1, 0], [1, 2]), [0.5, 0.5], bins=1)


def test_who_left_without_weight_was_not_seen_to_leave():
    with pytest.raises(DataError, match="all 3 rows are censored"):
        d_calibration(survival_target([1, 0, 0], [1, 2, 3]), [0.5] * 3, bins=2, sample_weight=[0, 1, 1])


def test_an_empty_bin_has_a_share_of_nothing_and_not_less():
    shares = d_calibration(survival_target([1, 1, 1], [1, 2, 3]), [0.05] * 3, bins=3).shares
    assert (shares >= 0).all()
    assert shares.sum() == pytest.approx(1)
