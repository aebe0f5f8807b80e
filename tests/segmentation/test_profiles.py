"""What the customers of each segment are like."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, ParameterError, SchemaError
from churnlib.numerics import wilson_interval
from churnlib.segmentation import RFMSegmenter, Tiers, segment_profiles

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.floats(-100, 100, allow_subnormal=False),
        st.sampled_from([0.0, 1.0, math.nan]),
    ),
    min_size=1,
    max_size=30,
)


@given(ROWS)
def test_against_pandas_group_by(rows):
    frame = pd.DataFrame(rows, columns=["segment", "orders", "churn"])
    profile = segment_profiles(frame["segment"], frame[["orders"]], churn=frame["churn"])
    grouped = frame.groupby("segment")
    assert profile.index.tolist() == sorted(set(frame["segment"]))
    assert profile["customers"].tolist() == grouped.size().tolist()
    np.testing.assert_allclose(profile["share"], grouped.size() / len(frame))
    np.testing.assert_allclose(profile["orders_median"], grouped["orders"].median(), atol=1e-12)
    np.testing.assert_allclose(profile["orders_mean"], grouped["orders"].mean(), atol=1e-12)
    assert profile["known"].tolist() == grouped["churn"].count().tolist()
    assert profile["churners"].tolist() == grouped["churn"].sum().tolist()
    np.testing.assert_allclose(profile["churn_rate"], grouped["churn"].mean())
    low, high = wilson_interval(profile["churners"], profile["known"])
    np.testing.assert_array_equal(profile[["churn_low", "churn_high"]], np.column_stack([low, high]))


@given(ROWS, st.randoms(use_true_random=False))
def test_the_same_bytes_for_any_order_of_the_rows(rows, random):
    def profile(ordered):
        frame = pd.DataFrame(ordered, columns=["segment", "spend_total", "churn"])
        frame["spend_total"] += 1000
        return segment_profiles(frame["segment"], frame[["spend_total"]], churn=frame["churn"])

    pd.testing.assert_frame_equal(profile(random.sample(rows, len(rows))), profile(rows), check_exact=True)


def test_shares_of_spend_by_hand():
    data = pd.DataFrame({"spend_total": [60.0, 20.0, 20.0]})
    profile = segment_profiles(["top", "low", "low"], data)
    assert profile["spend_share"].to_dict() == {"low": 0.4, "top": 0.6}
    assert "spend_share" not in segment_profiles(["a"] * 3, data.rename(columns={"spend_total": "paid"}))
    paid = data.rename(columns={"spend_total": "paid"}).assign(spend_total=1.0)
    assert segment_profiles(["top", "low", "low"], paid, columns=[], spend="paid")["spend_share"].tolist() == [0.4, 0.6]


def test_tiers_are_shown_from_the_best_with_those_of_nobody():
    tiers = Tiers().assign(pd.Series([90.0, 10.0, 20.0]))
    profile = segment_profiles(tiers, pd.DataFrame({"orders": [9, 1, 3]}), churn=[0, 1, None])
    assert profile.index.tolist() == ["A", "B", "D"]
    assert profile["customers"].tolist() == [1, 0, 2]
    assert profile["share"].sum() == pytest.approx(1)
    assert profile.loc["B", ["orders_median", "orders_mean", "churn_rate"]].isna().all()
    # nothing is known of nobody: the interval is all there is
    assert profile.loc["B", ["churn_low", "churn_high"]].tolist() == [0, 1]
    assert profile.loc["D", ["known", "churners", "churn_rate"]].tolist() == [1, 1, 1]


def test_without_data_it_counts():
    assert segment_profiles(["a", "b", "a"]).columns.tolist() == ["customers", "share"]


def test_columns_that_hold_no_numbers_are_left_out_unless_named():
    data = pd.DataFrame({"orders": [1, 2], "plan": ["x", "y"]})
    assert "orders_mean" in segment_profiles(["a", "b"], data)
    assert "plan_mean" not in segment_profiles(["a", "b"], data)
    with pytest.raises(SchemaError, match="column 'plan' holds"):
        segment_profiles(["a", "b"], data, columns="plan")


def test_any_frame_beside_the_segments_of_a_segmenter():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"recency_days": rng.integers(0, 99, 50), "n_orders": 1, "spend_total": rng.random(50)})
    segments = RFMSegmenter().fit(table).predict(table)
    expected = segment_profiles(segments, table)
    pd.testing.assert_frame_equal(segment_profiles(segments, pl.from_pandas(table)), expected)


def test_other_rows_are_refused():
    segments = pd.Series(["a", "b"], index=[1, 2])
    data = pd.DataFrame({"orders": [1, 2]}, index=[2, 1])
    with pytest.raises(DataError, match="segments and data have different labels in 2 of 2 rows"):
        segment_profiles(segments, data)
    with pytest.raises(DataError, match="segments and churn have different labels in 1 of 2 rows"):
        segment_profiles(segments, churn=pd.Series([0, 1], index=[1, 3]))
    with pytest.raises(DataError, match="data has 2 rows for 3 segments"):
        segment_profiles(["a", "b", "c"], data)
    with pytest.raises(DataError, match="churn has 2 rows for 3 segments"):
        segment_profiles(["a", "b", "c"], churn=[0, 1])


@pytest.mark.parametrize(
    ("data", "options", "error", "text"),
    [
        ({"orders": [1.0, np.nan]}, {}, DataError, r"column 'orders' is missing \(NaN\) in 1 of 2 rows"),
        ({"spend_total": [0.0, 0.0]}, {}, DataError, "column 'spend_total' sums to 0 over 2 customers"),
        ({"orders": [1, 2]}, {"columns": "order"}, SchemaError, "did you mean 'orders'"),
        ({"orders": [1, 2]}, {"spend": "paid"}, SchemaError, "no column 'paid'"),
        (None, {"churn": [0, 2]}, DataError, r"churn is neither 0 nor 1 in 1 rows \(row 1\)"),
        (None, {"churn": ["x", "y"]}, DataError, "churn cannot be read as numbers"),
        (None, {"churn": [0, 1], "confidence": 95}, ParameterError, "confidence is 95"),
    ],
)
def test_what_cannot_be_described_says_why(data, options, error, text):
    with pytest.raises(error, match=text):
        segment_profiles(["a", "b"], None if data is None else pd.DataFrame(data), **options)


@pytest.mark.parametrize("options", [{"columns": "n_orders"}, {"spend": "spend_total"}])
def test_columns_without_data_are_refused(options):
    (name,) = options
    with pytest.raises(ParameterError, match=f"{name}='.*' without data"):
        segment_profiles(["a", "b"], **options)


def test_an_unknown_column_of_spend_is_named_by_its_argument():
    data = pd.DataFrame({"paid": [1.0, 2.0]})
    with pytest.raises(SchemaError, match="no column 'pad', named by spend="):
        segment_profiles(["a", "b"], data, spend="pad")
