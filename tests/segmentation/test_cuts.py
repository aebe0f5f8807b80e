"""Edges: learned by mid-rank, frozen, and the same for every order of the rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.segmentation._cuts import Cuts, number_text, quantile_cuts, threshold_cuts

# Few distinct values, so that ties are the rule; and neighbours in floating point.
VALUES = st.lists(
    st.sampled_from([-3.0, -0.0, 0.0, 0.1, 1.0, np.nextafter(1.0, 2.0), 2.0, 5.5, 1e9]), min_size=1, max_size=40
)
BINS = st.integers(2, 12)


def mid_rank_scores(values, n_bins, *, lower_is_better=False):
    """1 + floor(n·p) with p = (worse + ½ equal) / rows, in whole numbers, row by row."""
    oriented = [-v for v in values] if lower_is_better else list(values)
    return [
        1 + n_bins * (2 * sum(w < v for w in oriented) + sum(w == v for w in oriented)) // (2 * len(oriented))
        for v in oriented
    ]


@given(VALUES, BINS, st.booleans())
def test_rows_of_the_fit_get_exactly_their_mid_rank_score(values, n_bins, lower):
    rows = np.array(values)
    cuts = quantile_cuts(rows, n_bins, lower_is_better=lower)
    assert cuts.score(rows).tolist() == mid_rank_scores(values, n_bins, lower_is_better=lower)
    assert cuts.n_scores == n_bins
    assert set(cuts.edges) <= set(values)


@given(VALUES, BINS, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_leaves_no_trace(values, n_bins, lower, random):
    shuffled = random.sample(values, len(values))
    cuts = quantile_cuts(np.array(values), n_bins, lower_is_better=lower)
    assert quantile_cuts(np.array(shuffled), n_bins, lower_is_better=lower) == cuts


@given(VALUES, BINS, st.booleans(), st.lists(st.floats(-1e10, 1e10), min_size=2, max_size=20))
def test_values_never_seen_are_scored_in_their_order(values, n_bins, lower, unseen):
    cuts = quantile_cuts(np.array(values), n_bins, lower_is_better=lower)
    ascending = np.sort(np.array(unseen + values))
    scores = cuts.score(ascending)
    steps = np.diff(scores)
    assert (steps <= 0).all() if lower else (steps >= 0).all()
    assert scores.min() >= 1
    assert scores.max() <= n_bins
    # beyond everything that was seen, the scale is used to its ends
    worst, best = (np.inf, -np.inf) if lower else (-np.inf, np.inf)
    assert cuts.score(np.array([worst, best])).tolist() == [1, n_bins]


@given(VALUES, BINS)
def test_the_worst_of_the_turned_column_is_the_best(values, n_bins):
    """Less is better of a column = more is better of its negative."""
    rows = np.array(values)
    down = quantile_cuts(rows, n_bins, lower_is_better=True)
    up = quantile_cuts(-rows, n_bins, lower_is_better=False)
    assert down.score(rows).tolist() == up.score(-rows).tolist()


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.0, 7.0]), st.integers(0, 4)), min_size=1, max_size=20), BINS)
def test_whole_weights_are_repeated_rows(rows, n_bins):
    values = np.array([value for value, _ in rows])
    weight = np.array([count for _, count in rows], dtype=float)
    if not weight.any():
        weight[0] = 1.0
    repeated = quantile_cuts(np.repeat(values, weight.astype(int)), n_bins, lower_is_better=False)
    assert quantile_cuts(values, n_bins, lower_is_better=False, weight=weight) == repeated


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.0]), st.floats(0.01, 3)), min_size=1, max_size=20),
    BINS,
    st.randoms(use_true_random=False),
)
def test_fractional_weights_do_not_depend_on_the_order_either(rows, n_bins, random):
    def learned(pairs):
        values, weight = (np.array(column) for column in zip(*pairs, strict=True))
        return quantile_cuts(values, n_bins, lower_is_better=False, weight=weight)

    assert learned(random.sample(rows, len(rows))) == learned(rows)


@given(VALUES, BINS, st.booleans())
def test_intervals_say_which_values_have_which_score(values, n_bins, lower):
    cuts = quantile_cuts(np.array(values), n_bins, lower_is_better=lower)
    scores = dict(zip(values, cuts.score(np.array(values)).tolist(), strict=True))
    for score in range(1, n_bins + 1):
        text = cuts.interval(score)
        held = {value for value, found in scores.items() if found == score}
        if text == "none":
            assert not held
            continue
        low, high = (float(end.replace("∞", "inf")) for end in text[1:-1].split(", "))
        for value in values:
            after = value > low if text[0] == "(" else value >= low
            until = value < high if text[-1] == ")" else value <= high
            assert (value in held) == (after and until)


@pytest.mark.parametrize("last", [0.6, 0.1 + 0.2 + 0.3])
def test_weights_whose_sum_rounds_differently_in_another_order(last):
    """0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1, and here half of all weight is where the edge lies."""
    values = np.array([0.0, 0.0, 0.0, 1.0])
    found = {
        quantile_cuts(values, 2, lower_is_better=False, weight=np.array([*order, last]))
        for order in itertools.permutations((0.1, 0.2, 0.3))
    }
    assert len(found) == 1


def test_seven_of_ten_who_bought_once_have_one_score():
    # by hand: p = 3.5 / 10, 1 + floor(5 · 0.35) = 2
    orders = np.array([1.0] * 7 + [2.0, 3.0, 9.0])
    assert quantile_cuts(orders, 5, lower_is_better=False).score(np.array([1.0])).tolist() == [2]


def test_a_constant_column_is_in_the_middle_and_still_tells_better_from_worse():
    cuts = quantile_cuts(np.array([4.0, 4.0]), 5, lower_is_better=False)
    assert cuts.score(np.array([3.9, 4.0, 4.1])).tolist() == [1, 3, 5]
    assert [cuts.interval(score) for score in range(1, 6)] == ["(-∞, 4)", "none", "[4, 4]", "none", "(4, ∞)"]


@pytest.mark.parametrize(
    ("right_closed", "lower", "expected"),
    [
        (True, False, [1, 1, 2, 2, 3]),
        (False, False, [1, 2, 2, 3, 3]),
        (True, True, [3, 3, 2, 2, 1]),
        (False, True, [3, 2, 2, 1, 1]),
    ],
)
def test_a_chosen_edge_belongs_to_the_side_that_was_asked_for(right_closed, lower, expected):
    cuts = threshold_cuts([30, 90], right_closed=right_closed, lower_is_better=lower)
    assert cuts.score(np.array([0.0, 30.0, 31.0, 90.0, 91.0])).tolist() == expected


def test_cuts_are_values():
    cuts = threshold_cuts([1], right_closed=True, lower_is_better=False)
    assert cuts == Cuts((1.0,), (True,), lower_is_better=False)
    assert len({cuts, Cuts((1.0,), (True,), lower_is_better=False)}) == 1


def test_bounds_are_written_without_losing_a_digit():
    assert [number_text(value) for value in (5.0, 0.1 + 0.2, -np.inf, np.inf)] == ["5", repr(0.1 + 0.2), "-∞", "∞"]
    assert number_text(np.float64(2.5)) == "2.5"
