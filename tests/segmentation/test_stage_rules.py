"""Bounds between stages: in order, half-open, and covering everything."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import ParameterError
from churnlib.segmentation._stage_rules import (
    STAGES,
    check_age_bounds,
    cut,
    return_bounds,
    silence_bounds,
    stage_codes,
    stage_series,
)

bounds = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=4, unique=True).map(sorted)


@given(bounds=bounds, more=st.lists(st.floats(0, 1e6), max_size=9))
def test_each_value_lies_in_one_cell_closed_below(bounds, more):
    value = np.array([0.0, *bounds, *np.nextafter(bounds, 0), *np.nextafter(bounds, np.inf), *more])
    rule = cut("x", value, bounds, np.arange(len(bounds) + 1))
    assert rule.stage.tolist() == [sum(one >= bound for bound in bounds) for one in value]
    assert ((rule.low <= value) & (value < rule.high)).all()


def test_an_unknown_value_says_nothing():
    assert cut("x", np.array([np.nan, 5.0]), [1.0], np.array([3, 4])).stage.tolist() == [-1, 4]


def test_the_last_cell_ends_where_it_is_said_to():
    rule = cut("p", np.array([1.0]), [0.1], np.array([0, 1]), top=1.0)
    assert (rule.low.item(), rule.high.item()) == (0.1, 1.0)


@pytest.mark.parametrize(
    ("basis", "expected"), [("days", (30, 90, 180)), ("gap", (2, 4, 8)), ("p_alive", (0.5, 0.25, 0.1))]
)
def test_each_basis_has_bounds_of_its_own(basis, expected):
    assert silence_bounds(basis, None, None, None) == expected


def test_one_bound_can_be_moved_alone():
    assert silence_bounds("days", None, 60, None) == (30, 60, 180)
    assert silence_bounds("p_alive", None, 0.4, 0) == (0.5, 0.4, 0)


@pytest.mark.parametrize(
    ("basis", "given_bounds"),
    [
        ("days", (0, 90, 180)),
        ("days", (30, 30, 180)),
        ("days", (30, np.inf, 180)),
        ("gap", (2, 9, 8)),
        ("p_alive", (0.5, 0.5, 0.1)),
        ("p_alive", (1.1, 0.5, 0.1)),
        ("p_alive", (0.5, 0, 0.1)),
    ],
)
def test_bounds_that_are_not_in_order(basis, given_bounds):
    with pytest.raises(ParameterError, match=r"do not (a|de)scend"):
        silence_bounds(basis, *given_bounds)


def test_returns_follow_silence_but_for_probabilities():
    assert return_bounds("days", None, (1.0, 2.0, 3.0)) == (2, 3)
    assert return_bounds("gap", None, (1.0, 2.0, 3.0)) == (2, 3)
    assert return_bounds("p_alive", None, (0.3, 0.2, 0.1)) == (90, 180)
    assert return_bounds("days", [5, np.inf], (1.0, 2.0, 3.0)) == (5, np.inf)
    assert return_bounds("days", (np.inf, np.inf), (1.0, 2.0, 3.0)) == (np.inf, np.inf)


@pytest.mark.parametrize("returned", [(), (5,), (5, 5), (9, 5), (0, 5), (True, 5), ("5", 9), (1, 2, 3)])
def test_returns_that_are_no_pair(returned):
    with pytest.raises(ParameterError, match="is no pair of ascending lengths above 0"):
        return_bounds("days", returned, (30.0, 90.0, 180.0))


def test_ages_ascend():
    check_age_bounds(0, 1)
    with pytest.raises(ParameterError, match="growing_from=91 is not below mature_from=91"):
        check_age_bounds(91, 91)


def test_names_and_positions():
    assert stage_codes(*STAGES).tolist() == list(range(8))
    named = stage_series(stage_codes("lost", "new"), pd.Index(["a", "b"], name="customer_id"))
    assert named.tolist() == ["lost", "new"]
    assert named.cat.categories.tolist() == list(STAGES)
    assert (named.name, named.index.name) == ("stage", "customer_id")
