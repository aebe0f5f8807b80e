"""Segments of customers: total, reachable, frozen."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError
from churnlib.segmentation import STANDARD_GRID, RFMScorer, RFMSegmenter, migration_matrix, rfm_table, segment_profiles

RFM = ["recency_days", "n_orders", "spend_total"]
THRESHOLDS = {"recency_days": [14, 30, 90, 180], "n_orders": [1, 2, 4, 8], "spend_total": [50, 100, 200, 400]}
BY_THRESHOLD = RFMScorer(strategy="threshold", edges=THRESHOLDS)
# a value inside each score, for scores 1 to 5
INSIDE = {"recency_days": [200, 100, 60, 20, 1], "n_orders": [1, 2, 3, 6, 20], "spend_total": [5, 60, 150, 300, 999]}


def customers(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "recency_days": rng.integers(0, 400, n),
            "n_orders": rng.geometric(0.4, n),
            "spend_total": rng.gamma(2, 40, n).round(2),
        },
        index=pd.Index(np.arange(n) + 1000, name="customer_id"),
    )


def every_combination() -> pd.DataFrame:
    """One customer for each of the 125 codes."""
    scores = list(itertools.product(range(5), repeat=3))
    rows = [[INSIDE[name][k] for name, k in zip(RFM, code, strict=True)] for code in scores]
    index = ["".join(str(k + 1) for k in code) for code in scores]
    return pd.DataFrame(rows, columns=RFM, index=pd.Index(index, name="customer_id"))


def test_every_code_has_the_name_of_the_grid():
    table = every_combination()
    segmented = RFMSegmenter(BY_THRESHOLD).fit(customers()).table(table)
    assert segmented["rfm_code"].tolist() == table.index.tolist()
    expected = [STANDARD_GRID[int(code[0]), int(code[1])] for code in table.index]
    assert segmented["segment"].tolist() == expected
    # every cell of the 5 × 5 grid exactly once for each of the five scores of money
    assert segmented.groupby([segmented["recency_days_score"], segmented["n_orders_score"]]).size().eq(5).all()


def test_frequency_and_money_in_one_axis():
    table = every_combination()
    axes = ["recency_days", ("n_orders", "spend_total")]
    segments = RFMSegmenter(BY_THRESHOLD, axes=axes).fit(customers()).predict(table)
    expected = [STANDARD_GRID[int(c[0]), (int(c[1]) + int(c[2]) + 1) // 2] for c in table.index]
    assert segments.tolist() == expected


@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_the_order_of_the_rows_leaves_no_trace(random, n):
    table = customers(n)
    order = random.sample(range(n), n)
    segmenter, shuffled = RFMSegmenter().fit(table), RFMSegmenter().fit(table.iloc[order])
    np.testing.assert_array_equal(shuffled.predict(table), segmenter.predict(table))
    np.testing.assert_array_equal(segmenter.predict(table.iloc[order]), segmenter.predict(table)[order])
    assert set(segmenter.predict(table)) <= set(segmenter.classes_)


def test_segments_do_not_move_when_others_do():
    segmenter = RFMSegmenter().fit(customers())
    some = customers(50, seed=1)
    alone = segmenter.predict(some)
    together = segmenter.predict(pd.concat([customers(500, seed=2), some]))
    np.testing.assert_array_equal(together[-50:], alone)


def test_a_map_of_ones_own_on_three_axes():
    cells = {key: "heavy" if key[2] == 2 else "light" for key in itertools.product((1, 2), repeat=3)}
    segmenter = RFMSegmenter(RFMScorer(n_bins=2), axes=RFM, segments=cells).fit(customers())
    table = segmenter.table(customers())
    assert (table["segment"] == np.where(table["spend_total_score"] == 2, "heavy", "light")).all()
    assert segmenter.classes_.tolist() == ["heavy", "light"]
    assert segmenter.segment_map().shape == (8, 4)


def test_rules_of_ones_own():
    rules = [
        ("Champions", {"recency_days": (4, 5), "n_orders": (4, 5), "spend_total": (4, 5)}),
        ("Good", {"spend_total": (3, 5)}),
        ("Others", {}),
    ]
    segmenter = RFMSegmenter(BY_THRESHOLD, segments=rules).fit(customers())
    table = every_combination()
    for code, segment in zip(table.index, segmenter.predict(table), strict=True):
        r, f, m = (int(digit) for digit in code)
        expected = "Champions" if min(r, f, m) >= 4 else "Good" if m >= 3 else "Others"
        assert segment == expected
    assert segmenter.rule_reach()["reached"].tolist() == [8, 67, 50]


def test_the_map_is_shown():
    segmenter = RFMSegmenter().fit(customers())
    shown = segmenter.segment_map()
    assert (shown.index.name, shown.columns.name) == ("recency_days", "n_orders")
    assert {(r, f): shown.loc[r, f] for r in range(1, 6) for f in range(1, 6)} == dict(STANDARD_GRID)
    assert len(segmenter.rule_reach()) == 0


def test_any_frame_and_arrays():
    table = customers()
    expected = RFMSegmenter().fit(table).predict(table)
    polars = pl.from_pandas(table)
    np.testing.assert_array_equal(RFMSegmenter().fit(polars).predict(polars), expected)
    named = RFMSegmenter(RFMScorer(columns=RFM)).fit(table.to_numpy())
    np.testing.assert_array_equal(named.predict(table.to_numpy()), expected)
    assert RFMSegmenter().fit(polars).table(polars).index.equals(pd.RangeIndex(len(table)))


def test_the_index_of_the_customers_is_kept():
    table = customers()
    segmented = RFMSegmenter().fit(table).table(table)
    assert segmented.index.equals(table.index)
    assert segmented.columns.tolist() == [*(f"{name}_score" for name in RFM), "rfm_score", "rfm_code", "segment"]


def test_the_scorer_is_a_collaborator_and_is_cloned():
    scorer = RFMScorer(weights={"spend_total": 3})
    segmenter = RFMSegmenter(scorer).fit(customers())
    assert segmenter.scorer_ is not scorer
    assert not hasattr(scorer, "edges_")
    assert segmenter.scorer_.weights_["spend_total"] == 0.6
    assert clone(segmenter).set_params(scorer__n_bins=5).get_params()["scorer__weights"] == {"spend_total": 3}
    assert segmenter.feature_names_in_.tolist() == RFM


def test_weights_reach_the_scorer():
    table = customers(50)
    weight = np.arange(50) % 3
    weighted = RFMSegmenter().fit(table, sample_weight=weight)
    repeated = RFMSegmenter().fit(table.loc[table.index.repeat(weight)])
    np.testing.assert_array_equal(weighted.predict(table), repeated.predict(table))


def test_fitting_again_on_an_array_forgets_the_names():
    segmenter = RFMSegmenter().fit(customers())
    assert not hasattr(segmenter.fit(np.ones((2, 2))), "feature_names_in_")


def test_a_fitted_segmenter_holds_no_data():
    segmenter = RFMSegmenter().fit(customers(1_000_000))
    assert len(pickle.dumps(segmenter)) < 4096
    some = customers(100)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(segmenter)).predict(some), segmenter.predict(some))


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"scorer": "rfm"}, ValueError, "The 'scorer' parameter of RFMSegmenter"),
        ({"scorer": RFMScorer(n_bins={"n_orders": 4})}, ParameterError, "the scores make 5 × 4 cells"),
        ({"segments": {(1, 1): "Lost"}}, ParameterError, r"leaves 24 of 25 .* \(55, 54, 53"),
        ({"segments": [("A", {"n_orders": (1, 5)}), ("B", {})]}, ParameterError, "1 of 2 rules never apply"),
        ({"segments": [("A", {})], "axes": RFM}, ParameterError, r"axes=.* is given along with rules"),
        ({"axes": ["recency_days", "orders"]}, ParameterError, "axes names 'orders', which is not scored"),
        ({"axes": ["recency_days", "recency_days"]}, ParameterError, "axes names 'recency_days' twice"),
        ({"axes": ["recency_days", ()]}, ParameterError, "has an axis without a column"),
        ({"axes": []}, ParameterError, "has an axis without a column"),
        ({"axes": ["recency_days", 1]}, ParameterTypeError, "is not made of names"),
        (
            {"axes": ["recency_days", ("n_orders", "spend_total")], "scorer": RFMScorer(n_bins={"n_orders": 4})},
            ParameterError,
            r"an axis averages columns of different numbers of scores \(n_orders: 4, spend_total: 5\)",
        ),
        ({"scorer": RFMScorer(columns=["n_orders"])}, ParameterError, r"1 feature\(s\): only 'n_orders' is scored"),
    ],
)
def test_what_cannot_work_is_said_at_fit(options, error, text):
    with pytest.raises(error, match=text):
        RFMSegmenter(**options).fit(customers())


def test_missing_values_are_named():
    table = customers(3).astype(float)
    segmenter = RFMSegmenter().fit(table)
    table.iloc[0, 1] = np.nan
    with pytest.raises(DataError, match=r"column 'n_orders' is missing \(NaN\) in 1 of 3 rows \(row 0\)"):
        segmenter.predict(table)


@pytest.mark.parametrize("method", ["predict", "table"])
def test_before_fit(method):
    with pytest.raises(NotFittedError):
        getattr(RFMSegmenter(), method)(customers())


def test_a_year_of_real_invoices(online_retail):
    """The edges of June still stand in December: whoever is unchanged but for time does not rise."""
    june, december = (rfm_table(online_retail, cutoff=day, negative="refund") for day in ("2011-06-01", "2011-12-01"))
    segmenter = RFMSegmenter(BY_THRESHOLD).fit(june)
    table = segmenter.table(june)
    assert set(table.loc[june["n_orders"] == 1, "n_orders_score"]) == {1}
    profile = segment_profiles(pd.Series(table["segment"]), june)
    assert profile["customers"].sum() == len(june)
    assert profile["share"].sum() == pytest.approx(1)
    assert profile["spend_share"].sum() == pytest.approx(1)
    assert profile.loc["Champions", "spend_total_median"] > profile["spend_total_median"].drop("Champions").max()
    moved = migration_matrix(june, december, segmenter=segmenter)
    assert moved.left == len(june.index.difference(december.index))
    assert moved.counts.to_numpy().sum() == len(june.index.union(december.index))
    idle = june.index[december["n_orders"].reindex(june.index) == june["n_orders"]]
    before, after = segmenter.table(june.loc[idle]), segmenter.table(december.loc[idle])
    assert (after["recency_days_score"] <= before["recency_days_score"]).all()
    assert (after["n_orders_score"] == before["n_orders_score"]).all()


def test_profiles_and_moves_come_in_the_order_of_the_grid():
    table = customers()
    segmenter = RFMSegmenter().fit(table)
    assert segmenter.segments_[0] == "Champions"
    assert segmenter.segments_[-1] == "Lost"
    assert segmenter.classes_.tolist() == sorted(segmenter.segments_)
    few = table[segmenter.predict(table) != "Loyal"]
    segments = segmenter.table(few)["segment"]
    assert isinstance(segments.dtype, pd.CategoricalDtype)
    assert not segments.dtype.ordered  # nobody says that to be at risk is better than to be asleep
    assert segments.tolist() == segmenter.predict(few).tolist()
    profile = segment_profiles(segments, few)
    assert tuple(profile.index) == segmenter.segments_
    assert profile.loc["Loyal", "customers"] == 0
    by_segment = migration_matrix(segments, segments).counts
    by_rows = migration_matrix(few, few, segmenter=segmenter).counts
    pd.testing.assert_frame_equal(by_rows, by_segment)
    assert tuple(by_rows.columns) == (*segmenter.segments_, "(left)")


def test_predict_stays_a_plain_array():
    found = RFMSegmenter().fit(customers()).predict(customers())
    assert type(found) is np.ndarray
    assert found.dtype == object
    assert {type(name) for name in found} == {str}
