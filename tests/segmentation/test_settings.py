"""Settings that differ by column."""

from __future__ import annotations

import numpy as np
import pytest

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError
from churnlib.segmentation._settings import (
    by_column,
    checked_edges,
    checked_row_weights,
    checked_weights,
    known_columns,
)


def as_it_is(value, name):
    return value


def test_one_value_is_for_every_column_and_a_mapping_for_those_it_names():
    assert by_column(3, ["a", "b"], name="n_bins", default=5, check=as_it_is) == {"a": 3, "b": 3}
    assert by_column({"b": 3}, ["a", "b"], name="n_bins", default=5, check=as_it_is) == {"a": 5, "b": 3}


def test_a_check_hears_which_column_it_looks_at():
    said = []
    by_column({"b": 3}, ["a", "b"], name="n_bins", default=5, check=lambda value, name: said.append(name))
    assert said == ["n_bins['b']"]


def test_an_unknown_column_is_named_with_the_nearest():
    with pytest.raises(ParameterError, match=r"weights names 'spend', which is not scored.*\nFix: columns=\['spend_t"):
        known_columns(["spend"], ["spend_total"], name="weights")


def test_weights_that_are_not_named_are_one():
    assert checked_weights({"b": 2.5}, ["a", "b"]) == (1.0, 2.5)
    assert checked_weights(None, ["a", "b"]) == (1.0, 1.0)


def test_a_negative_weight_is_refused():
    with pytest.raises(ParameterError, match=r"weights\['a'\]=-1.0 is out of range"):
        checked_weights({"a": -1}, ["a"])


def test_something_must_count():
    with pytest.raises(ParameterError, match="the weights of all 2 columns are 0"):
        checked_weights({"a": 0, "b": 0}, ["a", "b"])


@pytest.mark.parametrize(
    ("edges", "error", "text"),
    [
        (30, ParameterTypeError, r"edges\['a'\] is 30; a list of numbers"),
        ([], ParameterError, r"edges\['a'\] is empty"),
        ([30, 30], ParameterError, r"edges\['a'\] has 30 after 30; edges ascend"),
        ([90, 30], ParameterError, r"has 30 after 90.*\nFix: edges=\{'a': \[30.0, 90.0\]\}"),
        ([30, np.nan], ParameterError, r"edges\['a'\]=nan is out of range"),
        (["x"], ParameterTypeError, r"edges\['a'\] is 'x'"),
    ],
)
def test_edges_ascend(edges, error, text):
    with pytest.raises(error, match=text):
        checked_edges(edges, "a")


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        ([1], r"sample_weight has shape \(1,\).*each of the 2 rows"),
        ([1, -1], r"negative in 1 of 2 rows \(first: row 1\)"),
        ([np.nan, 1], r"missing, infinite or negative in 1 of 2 rows \(first: row 0\)"),
        ([0, 0], "all 2 weights are zero"),
    ],
)
def test_row_weights_are_looked_at(weight, text):
    with pytest.raises(DataError, match=text):
        checked_row_weights(weight, 2)
    assert checked_row_weights(None, 2) is None
