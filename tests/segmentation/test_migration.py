"""Who moved between two dates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, DuplicateError, ParameterError, ParameterTypeError, SchemaError
from churnlib.segmentation import RFMSegmenter, Tiers, migration_matrix

DATES = st.dictionaries(st.integers(1, 12), st.sampled_from(["top", "mid", "low"]), min_size=1)


def at(segments: dict) -> pd.Series:
    return pd.Series(list(segments.values()), index=pd.Index(list(segments), name="customer_id"))


@given(DATES, DATES)
def test_everybody_stands_in_exactly_one_cell(before, after):
    moved = migration_matrix(at(before), at(after))
    names = sorted({*before.values(), *after.values()})
    assert moved.counts.index.tolist() == [*names, "(entered)"]
    assert moved.counts.columns.tolist() == [*names, "(left)"]
    for row in moved.counts.index:
        for column in moved.counts.columns:
            there = {k for k, v in before.items() if v == row} if row != "(entered)" else set(after) - set(before)
            then = {k for k, v in after.items() if v == column} if column != "(left)" else set(before) - set(after)
            assert moved.counts.loc[row, column] == len(there & then)
    assert moved.counts.to_numpy().sum() == len({*before, *after})
    assert moved.stayed + moved.moved + moved.entered + moved.left == len({*before, *after})
    held = moved.counts.sum(axis=1) > 0
    np.testing.assert_allclose(moved.shares[held].sum(axis=1), 1)
    assert moved.shares[~held].isna().all(axis=None)


@given(DATES, DATES, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_leaves_no_trace(before, after, random):
    first, second = at(before), at(after)
    shuffled = [rows.iloc[random.sample(range(len(rows)), len(rows))] for rows in (first, second)]
    expected = migration_matrix(first, second)
    pd.testing.assert_frame_equal(migration_matrix(*shuffled).counts, expected.counts)


def test_tiers_keep_their_order_with_those_of_nobody():
    index = pd.Index([1, 2], name="customer_id")
    before = Tiers().assign(pd.Series([90.0, 60.0], index=index))
    moved = migration_matrix(before, Tiers().assign(pd.Series([60.0, 60.0], index=index)))
    assert moved.counts.index.tolist() == ["A", "B", "D", "(entered)"]
    assert moved.counts.loc["A"].tolist() == [0, 1, 0, 0]


def test_by_the_same_frozen_edges():
    rng = np.random.default_rng(0)
    index = pd.Index(range(200), name="customer_id")
    before = pd.DataFrame(
        {"recency_days": rng.integers(0, 99, 200), "n_orders": rng.geometric(0.4, 200), "spend_total": rng.random(200)},
        index=index,
    )
    segmenter = RFMSegmenter().fit(before)
    still = migration_matrix(before, before.sample(frac=1, random_state=0), segmenter=segmenter)
    assert (still.stayed, still.moved, still.entered, still.left) == (200, 0, 0, 0)
    # everybody is silent for longer: against frozen edges all of them sink, and nobody rises
    later = before.assign(recency_days=before["recency_days"] + 1000)
    sunk = migration_matrix(before, later, segmenter=segmenter)
    assert set(sunk.counts.columns[sunk.counts.sum() > 0]) <= {"Lost", "At Risk", "Can't Lose Them"}
    # a segmenter fitted again sees the same ranks and no change at all
    refitted = RFMSegmenter().fit(later).predict(later)
    again = migration_matrix(pd.Series(segmenter.predict(before), index=index), pd.Series(refitted, index=index))
    assert again.moved == 0


def test_a_customer_twice_is_named():
    twice = pd.Series(["a", "b"], index=pd.Index([7, 7], name="customer_id"))
    with pytest.raises(DuplicateError, match=r"before holds 1 customers more than once \(7\)"):
        migration_matrix(twice, at({7: "a"}))


def test_rows_without_customers_are_refused():
    with pytest.raises(SchemaError, match="their customers are unknown"):
        migration_matrix(pd.Series(["a"]), at({7: "a"}))
    with pytest.raises(ParameterTypeError, match="after is a list; a Series of segments by customer"):
        migration_matrix(at({7: "a"}), ["a"])
    with pytest.raises(ParameterTypeError, match="before is a Series"):
        migration_matrix(at({7: "a"}), at({7: "a"}), segmenter=RFMSegmenter())


def test_ids_of_two_types_are_named():
    with pytest.raises(DataError, match="no customer is at both dates: the ids are integer before and string after"):
        migration_matrix(at({7: "a"}), at({"7": "a"}))


def test_a_customer_without_a_segment_is_named():
    with pytest.raises(DataError, match=r"after has no segment for 1 of 1 rows"):
        migration_matrix(at({7: "a"}), at({7: None}))


@pytest.mark.parametrize("name", ["(entered)", "(left)"])
def test_a_segment_may_not_be_called_like_those_who_came_or_went(name):
    with pytest.raises(ParameterError, match="a segment is called"):
        migration_matrix(at({7: name}), at({7: "a"}))


def test_names_of_two_kinds_are_sorted_each_by_themselves():
    moved = migration_matrix(at({1: "b", 2: 10}), at({1: 2, 2: "a"}))
    assert moved.counts.columns.tolist() == [10, 2, "a", "b", "(left)"]
    assert moved.moved == 2


def test_a_row_without_a_customer_is_refused():
    nobody = pd.Series(["a", "b"], index=pd.Index([1.0, np.nan], name="customer_id"))
    with pytest.raises(DataError, match="before has no customer for 1 of 2 rows"):
        migration_matrix(nobody, at({7: "a"}))


def test_a_segmenter_without_a_list_of_its_segments_is_sorted():
    class Halves:
        def predict(self, rows):
            return np.where(rows["n"] > 1, "b", "a")

    rows = pd.DataFrame({"n": [1, 2]}, index=pd.Index([7, 8], name="customer_id"))
    assert migration_matrix(rows, rows, segmenter=Halves()).counts.columns.tolist() == ["a", "b", "(left)"]


def test_it_prints_as_one_line_and_as_a_table_of_counts():
    moved = migration_matrix(at({1: "top", 2: "top", 3: "<low>"}), at({1: "top", 2: "<low>", 4: "<low>"}))
    line = "2 segments: 2 customers at both dates, 50% of them in the same segment; 1 entered, 1 left"
    assert repr(moved) == f"SegmentMigration({line})"
    page = moved._repr_html_()
    assert line in page
    assert "<td>1</td>" in page
    assert "&lt;low&gt;" in page
    assert "<low>" not in page


def test_nobody_at_both_dates_prints_without_a_share():
    moved = migration_matrix(at({1: "a"}), at({2: "a"}))
    assert repr(moved) == "SegmentMigration(1 segment: 0 customers at both dates; 1 entered, 1 left)"


@pytest.mark.parametrize(
    ("changed", "share"), [(1, "over 99%"), (999, "under 1%"), (0, "100%"), (1000, "0%"), (250, "75%")]
)
def test_all_and_none_are_said_only_where_they_are_true(changed, share):
    before, after = (at({k: "b" if k < n else "a" for k in range(1000)}) for n in (0, changed))
    assert f", {share} of them in the same segment" in repr(migration_matrix(before, after))
