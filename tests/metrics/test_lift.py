"""Lift, precision and recall at the top, and the table of bins."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics import RankedOutcomes, lift_score, lift_table, precision_at, recall_at


def g3() -> tuple[np.ndarray, np.ndarray]:
    """A thousand customers without a random generator, 189 of them churners (irrational rotations)."""
    i = np.arange(1000)
    s = ((i * 0.6180339887498949) % 1) ** 2
    return (((i * 0.7548776662466927) % 1) < 0.02 + 0.5 * s).astype(int), s


tied = st.integers(1, 6).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(any),
        st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=n, max_size=n),
    )
)
larger = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(any),
        st.lists(st.integers(-3, 3).map(float), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n),
    )
)
fractions = st.sampled_from([0.01, 0.05, 0.1, 0.2, 0.25, 0.5, 0.9, 1.0])


def by_enumeration(y: list[int], s: list[float], size: int) -> Fraction:
    """Average churners among the top over *all* orders of the rows, each then sorted stably by score."""
    orders = list(permutations(range(len(y))))
    caught = sum(sum(y[row] for row in sorted(order, key=lambda row: -s[row])[:size]) for order in orders)
    return Fraction(caught, len(orders))


@given(tied, fractions)
def test_ties_count_by_their_expected_share(rows: tuple[list[int], list[float]], fraction: float) -> None:
    y, s = rows
    size = max(1, round(fraction * len(y)))
    churners = by_enumeration(y, s, size)
    assert precision_at(y, s, fraction=fraction) == pytest.approx(float(churners / size), abs=1e-12)
    assert recall_at(y, s, fraction=fraction) == pytest.approx(float(churners / sum(y)), abs=1e-12)
    assert lift_score(y, s, fraction=fraction) == pytest.approx(
        float(churners / size / Fraction(sum(y), len(y))), abs=1e-12
    )


@given(tied, st.integers(1, 6))
def test_every_bin_holds_its_expected_churners(rows: tuple[list[int], list[float]], bins: int) -> None:
    y, s = rows
    if bins > len(y):
        return
    table = lift_table(y, s, bins=bins)
    ends = [round(k * len(y) / bins) for k in range(bins + 1)]
    assert table["rows"].tolist() == np.diff(ends).tolist()
    upto = [Fraction(0)] + [by_enumeration(y, s, end) for end in ends[1:]]
    expected = [float(high - low) for low, high in pairwise(upto)]
    assert table["churners"].tolist() == pytest.approx(expected, abs=1e-12)


@given(larger, fractions, st.randoms(use_true_random=False))
def test_row_order_changes_no_bit(rows: tuple[list[int], ...], fraction: float, random: object) -> None:
    y, s, weight = (np.array(column) for column in rows)
    order = np.array(random.sample(range(len(y)), len(y)))  # type: ignore[attr-defined]
    assert lift_score(y, s, fraction=fraction) == lift_score(y[order], s[order], fraction=fraction)
    pd.testing.assert_frame_equal(
        lift_table(y, s, bins=1, value=weight),
        lift_table(y[order], s[order], bins=1, value=weight[order]),
        check_exact=True,
    )


@given(larger, fractions)
def test_whole_weights_are_repeated_rows(rows: tuple[list[int], ...], fraction: float) -> None:
    y, s, weight = (np.array(column) for column in rows)
    repeated = np.repeat(np.arange(len(y)), weight)
    if not y[repeated].any():
        return
    weighted = lift_score(y, s, fraction=fraction, sample_weight=weight)
    assert weighted == pytest.approx(lift_score(y[repeated], s[repeated], fraction=fraction), rel=1e-12)
    table = lift_table(y, s, bins=1, sample_weight=weight)
    assert table["rows"].tolist() == [len(repeated)]


@given(larger, fractions)
def test_one_list_agrees_with_the_full_ranking(rows: tuple[list[int], ...], fraction: float) -> None:
    y, s, _ = rows
    ranked = RankedOutcomes(y, s).top(fraction)
    assert (ranked.lift, ranked.precision, ranked.recall) == (
        lift_score(y, s, fraction=fraction),
        precision_at(y, s, fraction=fraction),
        recall_at(y, s, fraction=fraction),
    )


@given(larger, fractions)
def test_only_the_order_of_scores_matters(rows: tuple[list[int], ...], fraction: float) -> None:
    y, s, _ = (np.array(column) for column in rows)
    assert lift_score(y, s, fraction=fraction) == lift_score(y, np.exp(s) * 3 + 1, fraction=fraction)


def test_weights_that_are_no_counts_take_the_exact_share() -> None:
    # A quarter of the weight of 3 is .75, all of it from the first row, a churner.
    assert precision_at([1, 0], [0.9, 0.1], fraction=0.25, sample_weight=[0.75, 2.25]) == 1.0
    # Half of it is 1.5: .75 of the first row, .75 of the second.
    assert precision_at([1, 0], [0.9, 0.1], fraction=0.5, sample_weight=[0.75, 2.25]) == 0.5
    table = lift_table([1, 0, 1], [3, 2, 1], bins=2, sample_weight=[0.5, 0.5, 1.0 - 0.25])
    assert table["rows"].tolist() == [0.875, 0.875]
    assert table["churners"].sum() == pytest.approx(1.25)


def test_g3_reproduces_the_published_base_and_does_not_depend_on_row_order() -> None:
    y, s = g3()
    assert int(y.sum()) == 189
    coarse = s.round(1)
    # Another package gives 2.222, 2.593, 2.275 for these rows and 2.328, 2.434, 2.302 for the same rows reversed.
    for fraction in (0.05, 0.1, 0.2):
        size = max(1, round(fraction * 1000))
        last = np.sort(coarse)[::-1][size - 1]
        above, tie = coarse > last, coarse == last
        churners = Fraction(int(y[above].sum())) + Fraction(
            int(y[tie].sum()) * (size - int(above.sum())), int(tie.sum())
        )
        expected = float(churners / size / Fraction(189, 1000))
        assert lift_score(y, coarse, fraction=fraction) == pytest.approx(expected, rel=1e-14)
        assert lift_score(y, coarse, fraction=fraction) == lift_score(y[::-1], coarse[::-1], fraction=fraction)


def test_halves_are_rounded_to_the_even_number() -> None:
    y, s = np.array([1] + [0] * 24), np.arange(25, 0, -1)
    assert lift_score(y, s, fraction=0.1) == 25 / 2  # 2.5 rows -> 2
    assert lift_score(np.tile(y, 1), s, fraction=0.3) == 25 / 8  # 7.5 rows -> 8
    assert lift_score(y, s, fraction=0.001) == 25.0  # never less than one row


def test_the_table_adds_up() -> None:
    y, s = g3()
    value = 50 + 1000 * ((np.arange(1000) * 0.5698402909980532) % 1)
    table = lift_table(y, s.round(1), value=value)
    assert table.index.tolist() == list(range(1, 11))
    assert table["rows"].sum() == 1000
    assert table["churners"].sum() == pytest.approx(189)
    assert table["value"].sum() == pytest.approx(value.sum())
    assert table["value_at_risk"].sum() == pytest.approx((value * y).sum())
    assert table["captured"].iloc[-1] == pytest.approx(1.0)
    assert table["cumulative_lift"].iloc[-1] == pytest.approx(1.0)
    assert table["lift"].iloc[0] == pytest.approx(lift_score(y, s.round(1)))
    assert table["score_high"].tolist() == sorted(table["score_high"], reverse=True)
    assert (table["score_low"] <= table["score_high"]).all()
    assert (table["score_high"].iloc[0], table["score_low"].iloc[-1]) == (s.round(1).max(), 0.0)
    untied = lift_table(y, s)
    assert (untied["churners"] == untied["churners"].round()).all()


def test_a_column_of_shape_n_by_1_and_labelled_series_are_read() -> None:
    y = pd.Series([1, 0, 1, 0], index=list("abcd"))
    s = pd.Series([0.9, 0.8, 0.3, 0.1], index=list("abcd"))
    assert lift_score(y.to_frame(), s, fraction=0.25) == 2.0


def test_labels_in_another_order_are_refused() -> None:
    y = pd.Series([1, 0], index=["a", "b"])
    with pytest.raises(DataError, match="same 2 labels in different orders"):
        lift_score(y, pd.Series([0.1, 0.9], index=["b", "a"]))


@pytest.mark.parametrize(
    ("y", "s", "match"),
    [
        ([1, 0], [0.1], "y has 2 rows and the scores have 1"),
        ([], [], "there are no rows"),
        ([1, 2], [0.1, 0.2], r"1 of 2 outcomes are neither 0 nor 1 \(first: 2"),
        ([1, -1], [0.1, 0.2], "1 of 2 outcomes are neither 0 nor 1"),
        (["yes", "no"], [0.1, 0.2], "y cannot be read as numbers"),
        ([1, np.nan], [0.1, 0.2], r"1 of 2 y are NaN \(rows 1\)"),
        ([1, 0], [np.nan, 0.2], r"1 of 2 scores are NaN \(rows 0\)"),
        ([1, 0], [[0.1, 0.9], [0.2, 0.8]], r"scores have shape \(2, 2\)"),
        ([0, 0], [0.1, 0.2], "none of 2 rows churned"),
    ],
)
def test_bad_input_is_counted_and_named(y: list[object], s: list[object], match: str) -> None:
    for metric in (lift_score, recall_at):
        with pytest.raises(DataError, match=match):
            metric(y, s)
    with pytest.raises(DataError, match=match):
        lift_table(y, s, bins=1)


@pytest.mark.parametrize("fraction", [0, -0.1, 1.5, 10])
def test_a_fraction_is_a_share(fraction: float) -> None:
    with pytest.raises(ParameterError, match=f"fraction is {fraction}"):
        lift_score([1, 0], [0.1, 0.2], fraction=fraction)


@pytest.mark.parametrize(
    ("weight", "match"),
    [
        ([1, -1], r"1 of 2 weights are negative or infinite \(rows 1\)"),
        ([1, np.inf], "1 of 2 weights are negative or infinite"),
        ([1, np.nan], "1 of 2 weights are NaN"),
        ([0, 0], "all 2 weights are zero"),
        ([1], "there are 1 weights for 2 rows"),
    ],
)
def test_bad_weights_are_counted_and_named(weight: list[float], match: str) -> None:
    with pytest.raises(DataError, match=match):
        lift_score([1, 0], [0.1, 0.2], sample_weight=weight)


def test_bins_and_values_are_checked() -> None:
    with pytest.raises(ParameterError, match="10 bins for 2 rows"):
        lift_table([1, 0], [0.1, 0.2])
    with pytest.raises(ParameterError, match="bins is 0"):
        lift_table([1, 0], [0.1, 0.2], bins=0)
    with pytest.raises(DataError, match="1 of 2 values are not finite"):
        lift_table([1, 0], [0.1, 0.2], bins=2, value=[1, np.nan])
    with pytest.raises(DataError, match=r"value has shape \(1,\) for 2 rows"):
        lift_table([1, 0], [0.1, 0.2], bins=2, value=[1])
