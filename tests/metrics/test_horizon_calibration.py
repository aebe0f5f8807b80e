from __future__ import annotations

import zlib

import numpy as np
import pandas as pd
import pytest

from churnlib.exceptions import DataError, HistoryError, ParameterError
from churnlib.metrics import horizon_calibration_table, reliability_table
from churnlib.numerics import product_limit, risk_table
from churnlib.targets import survival_target

HORIZON = 60.0


def world(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return memoryless lives watched from late entries, and the true chance to leave within HORIZON."""
    rate = np.exp(0.5 * rng.normal(size=n)) / 120
    entry = rng.uniform(0, 300, n)
    life, lost = rng.exponential(1 / rate), rng.uniform(20, 200, n)
    y = survival_target(life <= lost, entry + np.minimum(life, lost), entry=entry)
    return y, -np.expm1(-rate * HORIZON)


def test_without_censoring_it_is_the_reliability_table():
    rng = np.random.default_rng(0)
    time, p = rng.exponential(60, 400), rng.random(400).round(2)
    found = horizon_calibration_table(survival_target(np.ones(400), time), p, HORIZON)
    expected = reliability_table(time <= HORIZON, p)
    pd.testing.assert_frame_equal(
        found.drop("all").reset_index(drop=True), expected.reset_index(drop=True), check_column_type=False
    )
    assert found.loc["all", "observed"] == pytest.approx((time <= HORIZON).mean())
    assert found.loc["all", "gap"] == pytest.approx((time <= HORIZON).mean() - p.mean())


def test_each_bin_is_kaplan_meier_since_the_entry():
    y, p = world(1000, np.random.default_rng(1))
    table = horizon_calibration_table(y, p, HORIZON, bins=4)
    since = y["time"] - y["entry"]
    for (_, line), rows in zip(
        table.iterrows(), [*np.array_split(np.argsort(-p, kind="stable"), 4), np.arange(1000)], strict=True
    ):
        curve = product_limit(risk_table(since[rows], y["event"][rows]))
        assert line["observed"] == pytest.approx(1 - float(curve(HORIZON)), abs=1e-12)
        assert line["predicted"] == pytest.approx(p[rows].mean())
        assert (line["p_low"], line["p_high"]) == (p[rows].min(), p[rows].max())
        assert line["low"] < line["observed"] < line["high"]
    assert table.index.tolist() == [1, 2, 3, 4, "all"]
    assert table["rows"].tolist() == [250] * 4 + [1000]


def test_weights_are_repeated_rows_and_no_row_order_changes_a_bit():
    rng = np.random.default_rng(2)
    y, p = world(300, rng)
    p, times = p.round(2), rng.integers(0, 4, 300)
    which = np.repeat(np.arange(300), times)
    weighted = horizon_calibration_table(y, p, HORIZON, bins=3, sample_weight=times)
    pd.testing.assert_frame_equal(weighted, horizon_calibration_table(y[which], p[which], HORIZON, bins=3))
    order, weight, customer = rng.permutation(300), rng.random(300), rng.integers(0, 99, 300)
    for options in ({"sample_weight": weight}, {"customer": customer}, {}):
        turned = {name: values[order] for name, values in options.items()}
        pd.testing.assert_frame_equal(
            horizon_calibration_table(y, p, HORIZON, bins=3, **options),
            horizon_calibration_table(y[order], p[order], HORIZON, bins=3, **turned),
            check_exact=True,
        )


def test_rows_of_one_customer_count_together():
    y, p = world(300, np.random.default_rng(3))
    four_times = np.tile(np.arange(300), 4)
    alone = horizon_calibration_table(y, p, HORIZON, bins=2)
    together = horizon_calibration_table(y[four_times], p[four_times], HORIZON, bins=2, customer=four_times)
    # The influence of customers and Greenwood's formula agree where each customer is one row.
    for side in ("low", "high"):
        assert together[side].to_numpy() == pytest.approx(alone[side].to_numpy(), abs=0.003)


def test_nobody_or_everybody_left_in_a_bin():
    y = survival_target([1] * 4 + [0] * 4, [10, 20, 30, 40, 70, 80, 90, 100])
    table = horizon_calibration_table(y, [0.9] * 4 + [0.1] * 4, HORIZON, bins=2)
    assert table["observed"].tolist() == [1.0, 0.0, 0.5]
    assert (table.loc[1, "high"], table.loc[2, "low"]) == (1.0, 0.0)
    assert table.loc[1, "low"] == pytest.approx(1 - table.loc[2, "high"]) == pytest.approx(0.51, abs=0.005)


def test_bins_left_empty_by_ties_are_left_out():
    y, p = world(200, np.random.default_rng(4))
    table = horizon_calibration_table(y, np.where(p > 0.4, 0.6, 0.3), HORIZON)
    assert table.index.tolist() == [1, 2, "all"]


def _coverage(runs: int, seed: int, *, clustered: bool = False) -> tuple[pd.Series, pd.Series]:
    """Return the share of intervals that hold the mean true chance of their bin, and their mean width."""
    held, width = [], []
    for run in range(runs):
        rng = np.random.default_rng((seed + run) % 2**32)
        y, p = world(200, rng)
        rows = np.repeat(np.arange(200), rng.integers(1, 5, 200)) if clustered else np.arange(200)
        options = {"customer": rows} if clustered else {}
        table = horizon_calibration_table(y[rows], p[rows], HORIZON, bins=2, **options)
        held.append((table["low"] <= table["predicted"]) & (table["predicted"] <= table["high"]))
        width.append(table["high"] - table["low"])
    return pd.DataFrame(held).mean(), pd.DataFrame(width).mean()


@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_cover(clustered, record_property):
    held, width = _coverage(400, zlib.crc32(b"test_intervals_cover"), clustered=clustered)
    record_property("mean_width", {str(name): value for name, value in width.items()})
    assert held.between(0.91, 0.9825).all(), held


@pytest.mark.slow
@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_cover_in_full(clustered, record_property):
    held, width = _coverage(2000, zlib.crc32(b"test_intervals_cover_in_full"), clustered=clustered)
    record_property("mean_width", {str(name): value for name, value in width.items()})
    assert held.between(0.9335, 0.9655).all(), held


def test_bad_input_is_counted_and_named():
    y = survival_target([1, 0, 0, 1], [1, 2, 3, 9])
    with pytest.raises(HistoryError, match=r"in bin 1 of 2 rows nobody was watched up to the horizon of 5 \(last: 2"):
        horizon_calibration_table(y, [0.9, 0.8, 0.2, 0.1], 5, bins=2)
    with pytest.raises(DataError, match="1 of 4 probabilities are outside 0 and 1"):
        horizon_calibration_table(y, [1.2, 0.8, 0.2, 0.1], 5, bins=2)
    with pytest.raises(DataError, match="1 of 4 risks are NaN"):
        horizon_calibration_table(y, [np.nan, 0.8, 0.2, 0.1], 5, bins=2)
    with pytest.raises(ParameterError, match="10 bins for 4 rows"):
        horizon_calibration_table(y, [0.9, 0.8, 0.2, 0.1], 5)
    with pytest.raises(ParameterError, match="confidence is 95"):
        horizon_calibration_table(y, [0.9, 0.8, 0.2, 0.1], 1, bins=1, confidence=95)
