"""Holdout tables: numbers by hand, intervals that cover, and the errors of CDNOW."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson, spearmanr
from sklearn.exceptions import NotFittedError

from churnlib.clv._bgnbd import BGNBD
from churnlib.clv._holdout import _count_interval, holdout_calibration, holdout_errors, holdout_table
from churnlib.clv._summary import calibration_holdout
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError

MODEL = BGNBD.from_params({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
SUMMARY = pd.DataFrame(
    {
        "frequency": [0, 0, 0, 1, 1, 2, 9, 12],
        "recency": [0.0, 0.0, 0.0, 5.0, 30.0, 20.0, 38.0, 12.0],
        "T": [39.0, 38.0, 30.0, 39.0, 36.0, 39.0, 39.0, 39.0],
        "frequency_holdout": [0, 1, 0, 0, 2, 1, 8, 0],
        "T_holdout": 39.0,
    },
    index=pd.Index(list("abcdefgh"), name="customer_id"),
)


class Known:
    """A model whose predictions are known."""

    def predict(self, X: pd.DataFrame, t: Any = None) -> np.ndarray:
        return X["said"].to_numpy(dtype=float)


def told(actual: Any, said: Any, frequency: Any = 0) -> pd.DataFrame:
    frame = pd.DataFrame({"frequency_holdout": actual, "said": said})
    return frame.assign(frequency=frequency, recency=0.0, T=10.0, T_holdout=5.0)


@pytest.fixture(scope="module")
def cdnow(data_dir: Path) -> pd.DataFrame:
    orders = pd.read_csv(data_dir / "cdnow_sample_transactions.csv.gz")
    return calibration_holdout(
        orders, customer="sample_id", time="date", time_unit="W", cutoff="1997-10-01", holdout_end="1998-07-01"
    )


def test_groups_by_past_purchases_by_hand() -> None:
    table = holdout_table(MODEL, SUMMARY, largest=3)
    predicted = MODEL.predict(SUMMARY, t=39)
    assert table.index.tolist() == ["0", "1", "2", "3+"]
    assert table["customers"].tolist() == [3, 2, 1, 2]
    assert table["actual"].tolist() == [1 / 3, 1, 1, 4]
    assert table["actual_total"].tolist() == [1, 2, 1, 8]
    assert table["predicted_total"].to_numpy() == pytest.approx(
        [predicted[:3].sum(), predicted[3:5].sum(), predicted[5], predicted[6:].sum()]
    )
    assert table["baseline"].to_numpy() == pytest.approx([0, (1 + 39 / 36) / 2, 2, 10.5])
    assert (table["low"] <= table["actual"]).all()
    assert (table["actual"] <= table["high"]).all()


def test_a_group_of_nobody_is_there_and_empty() -> None:
    table = holdout_table(MODEL, SUMMARY, largest=4)
    assert table.loc["3", "customers"] == 0
    assert table.loc["3", ["actual", "low", "high", "predicted", "baseline"]].isna().all()
    assert table.loc["3", ["actual_total", "predicted_total"]].tolist() == [0, 0]


def test_deciles_of_equal_size_the_highest_first() -> None:
    said = np.arange(20) / 10
    table = holdout_calibration(Known(), told(np.arange(20), said), bins=5)
    assert table.index.tolist() == [1, 2, 3, 4, 5]
    assert table["customers"].tolist() == [4] * 5
    assert table["predicted"].to_numpy() == pytest.approx([1.75, 1.35, 0.95, 0.55, 0.15])
    assert table["actual"].tolist() == [17.5, 13.5, 9.5, 5.5, 1.5]


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0.1, 0.2, 0.5, 3.0])), min_size=1, max_size=60),
       st.integers(1, 12), st.randoms(use_true_random=False))  # fmt: skip
def test_equal_predictions_stay_together_and_nobody_is_lost(rows: list[Any], bins: int, random: Any) -> None:
    frame = told([row[0] for row in rows], [row[1] for row in rows])
    table = holdout_calibration(Known(), frame, bins=bins)
    assert table["customers"].sum() == len(rows)
    assert table["actual_total"].sum() == frame["frequency_holdout"].sum()
    assert table["predicted"].is_monotonic_decreasing
    assert table["predicted"].is_unique or len(table) == 1
    shuffled = frame.iloc[random.sample(range(len(rows)), len(rows))]
    pd.testing.assert_frame_equal(holdout_calibration(Known(), shuffled, bins=bins), table)


def test_the_interval_of_poisson_counts_by_hand() -> None:
    """With as much variance as a Poisson count or less, φ is 1: (m − μ)² = z² μ / n."""
    actual = np.array([0, 1, 1, 2] * 25)
    row = holdout_table(Known(), told(actual, 1.0), largest=1).loc["0"]
    for bound in (row["low"], row["high"]):
        assert (1 - bound) ** 2 == pytest.approx(1.959964**2 * bound / 100, rel=1e-6)
    nobody = holdout_table(Known(), told(np.zeros(100), 1.0), largest=1).loc["0"]
    assert (nobody["low"], nobody["high"]) == (0.0, pytest.approx(1.959964**2 / 100, rel=1e-6))
    assert poisson.cdf(0, 100 * nobody["high"]) == pytest.approx(0.025, abs=0.004)  # the exact bound is near


@pytest.mark.parametrize(("mean", "shape", "n"), [(0.2, 0.3, 200), (1.0, 0.5, 200), (4.0, 1.0, 200)])
def test_intervals_hold_the_true_mean(mean: float, shape: float, n: int) -> None:
    """Negative binomial counts, as purchases are: 4,000 samples, with Wald's interval beside."""
    counts = np.random.default_rng(7).negative_binomial(shape, shape / (shape + mean), size=(4000, n))
    seen, variance = counts.mean(axis=1), counts.var(axis=1, ddof=1)
    low, high = _count_interval(seen, variance, np.full(4000, n), 1.959964)
    held = float(((low <= mean) & (mean <= high)).mean())
    wald = float((np.abs(seen - mean) <= 1.959964 * np.sqrt(variance / n)).mean())
    assert 0.93 <= held <= 0.965
    assert held > wald
    row = holdout_table(Known(), told(counts[0], 1.0), largest=1).loc["0"]
    assert (row["low"], row["high"]) == (pytest.approx(low[0]), pytest.approx(high[0]))


def test_errors_by_hand() -> None:
    frame = told([0, 2, 4, 2], [1.0, 1.0, 5.0, 3.0], frequency=[0, 2, 4, 6])
    table = holdout_errors(Known(), frame)
    assert table.index.tolist() == ["model", "baseline"]
    model = table.loc["model"]
    assert model[["customers", "actual_total", "predicted_total", "total_error"]].tolist() == [4, 8, 10, 0.25]
    assert model["mean_absolute_error"] == 1.0
    assert model["root_mean_squared_error"] == 1.0
    residual = np.array([1, 1 - 2.5, 5 - 5, 3 - 2.5])
    half = 1.959964 * np.sqrt(4 / 3 * (residual**2).sum()) / 10
    assert model[["low", "high"]].tolist() == pytest.approx(
        [1.25 * np.exp(-half) - 1, 1.25 * np.exp(half) - 1], rel=1e-5
    )
    baseline = table.loc["baseline"]
    assert baseline["predicted_total"] == 6.0  # half the time, half the purchases
    assert baseline["rank_correlation"] == pytest.approx(spearmanr(frame["frequency_holdout"], frame["frequency"])[0])


def test_a_baseline_of_ones_own() -> None:
    table = holdout_errors(MODEL, SUMMARY, baseline=np.full(8, 1.5))
    assert table.loc["baseline", "total_error"] == 0.0
    assert np.isnan(table.loc["baseline", "rank_correlation"])
    assert holdout_table(MODEL, SUMMARY, baseline=np.full(8, 1.5))["baseline"].dropna().unique().tolist() == [1.5]


def test_nobody_bought() -> None:
    row = holdout_errors(Known(), told([0, 0], [0.5, 0.1])).loc["model"]
    assert row[["total_error", "low", "high", "rank_correlation"]].isna().all()


def test_the_interval_of_the_total_error_covers() -> None:
    generator = np.random.default_rng(11)
    rates = generator.gamma(0.5, 2.0, size=(1000, 300))
    counts = generator.poisson(rates)
    held = 0
    for rate, count in zip(rates, counts, strict=True):
        row = holdout_errors(Known(), told(count, 1.2 * rate)).loc["model"]
        held += row["low"] <= 0.2 <= row["high"]
    assert 0.93 <= held / 1000 <= 0.97


def test_cdnow(cdnow: pd.DataFrame) -> None:
    """The first group is that of the paper's figure: .22 predicted of 1,411 customers who had not come back."""
    model = BGNBD().fit(cdnow)
    table = holdout_table(model, cdnow)
    assert table["customers"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    assert table["actual_total"].sum() == 1882
    assert table.loc["0", "predicted"] == pytest.approx(0.225, abs=5e-4)
    errors = holdout_errors(model, cdnow)
    assert errors.loc["model", "total_error"] == pytest.approx(-0.1215, abs=2e-4)
    assert errors.loc["baseline", "total_error"] == pytest.approx(0.557, abs=1e-3)
    for column in ("mean_absolute_error", "root_mean_squared_error"):
        assert errors.loc["model", column] < errors.loc["baseline", column]
    deciles = holdout_calibration(model, cdnow)
    assert deciles["customers"].between(225, 250).all()
    assert deciles.loc[1, "low"] < deciles.loc[1, "predicted"] < deciles.loc[1, "high"]


def test_any_frame_is_read(cdnow: pd.DataFrame) -> None:
    polars = pytest.importorskip("polars")
    pd.testing.assert_frame_equal(
        holdout_table(MODEL, polars.from_pandas(cdnow.reset_index())), holdout_table(MODEL, cdnow)
    )


@pytest.mark.parametrize("table", [holdout_table, holdout_calibration, holdout_errors])
def test_what_cannot_be_is_refused(table: Any) -> None:
    with pytest.raises(ParameterTypeError, match="summary is a ndarray"):
        table(MODEL, SUMMARY.to_numpy())
    with pytest.raises(SchemaError, match=r"(?s)column 'T_holdout' is missing.*Fix: summary = calibration_holdout"):
        table(MODEL, SUMMARY.drop(columns="T_holdout"))
    with pytest.raises(DataError, match=r"'frequency_holdout' is missing or infinite.*in 1 of 8 rows \(first: row 2"):
        table(MODEL, SUMMARY.assign(frequency_holdout=[0, 1, np.nan, 0, 0, 0, 0, 0]))
    with pytest.raises(DataError, match=r"'frequency_holdout' is negative in 1 of 8 rows \(first: row 1"):
        table(MODEL, SUMMARY.assign(frequency_holdout=[0, -1, 0, 0, 0, 0, 0, 0]))
    with pytest.raises(DataError, match="the summary has no rows"):
        table(MODEL, SUMMARY.iloc[:0])
    with pytest.raises(DataError, match=r"baseline has the shape \(3,\); one number for each of the 8 rows"):
        table(MODEL, SUMMARY, baseline=[1, 2, 3])
    with pytest.raises(DataError, match="column 'baseline' is missing or infinite"):
        table(MODEL, SUMMARY, baseline=[np.nan] * 8)
    with pytest.raises(ParameterError, match=r"confidence is 1.5; a share between 0 and 1 is needed"):
        table(MODEL, SUMMARY, confidence=1.5)


def test_groups_are_counted_from_one() -> None:
    with pytest.raises(ParameterError, match="largest=0 is out of range"):
        holdout_table(MODEL, SUMMARY, largest=0)
    with pytest.raises(ParameterError, match="bins=0 is out of range"):
        holdout_calibration(MODEL, SUMMARY, bins=0)


def test_a_model_that_is_not_fitted_says_so() -> None:
    with pytest.raises(NotFittedError):
        holdout_table(BGNBD(), SUMMARY)
