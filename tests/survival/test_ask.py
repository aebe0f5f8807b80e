"""What lies inside the data and what beyond, by each rule; how questions are refused is in test_hazard_model.py."""

from __future__ import annotations

import numpy as np
import pytest

from churnlib.exceptions import HistoryError
from churnlib.survival._ask import read_given, read_horizon, read_times, within_support

SUPPORT = (10.0, 50.0)


def test_both_ends_are_inside():
    inside, outside = within_support(np.array([[10.0, 50.0]]), SUPPORT, "raise", from_low=True)
    assert inside.tolist() == [[10, 50]]
    assert outside is None


@pytest.mark.parametrize(
    ("rule", "moved", "marked"),
    [("hold", [[10, 20, 50]], None), ("nan", [[10, 20, 50]], [[True, False, True]])],
)
def test_what_is_outside_is_moved_to_the_nearest_end(rule, moved, marked):
    inside, outside = within_support(np.array([[3.0, 20, 60]]), SUPPORT, rule, from_low=True)
    assert inside.tolist() == moved
    assert (None if outside is None else outside.tolist()) == marked


def test_early_tenures_lie_outside_only_for_who_conditions_on_them():
    inside, outside = within_support(np.array([[3.0]]), SUPPORT, "raise")
    assert (inside.tolist(), outside) == ([[10]], None)
    with pytest.raises(HistoryError, match=r"1 tenures of given are below 10, before which nobody was watched"):
        within_support(np.array([[3.0]]), SUPPORT, "raise", from_low=True)
    with pytest.raises(HistoryError, match=r"nobody was watched beyond 50(?s:.)*beyond=\"hold\""):
        within_support(np.array([[51.0]]), SUPPORT, "raise")


def test_a_formula_is_trusted_everywhere():
    inside, outside = within_support(np.array([[3.0, 999.0]]), SUPPORT, "extrapolate")
    assert (inside.tolist(), outside) == ([[3, 999]], None)


def test_words_and_numbers_are_read():
    assert read_times(7).tolist() == [7]
    assert read_horizon("2w", 3).tolist() == [[14]]
    assert read_horizon([1, 2, 3], 3).tolist() == [[1], [2], [3]]
    assert read_given(None, None, 3) is None
    assert read_given(4, None, 3).tolist() == [4, 4, 4]
