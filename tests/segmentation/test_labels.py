"""Names of segments, however they come."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnlib.exceptions import DataError
from churnlib.segmentation._labels import in_order, read_labels


@pytest.mark.parametrize(
    "segments",
    [
        ["b", "a", "b"],
        np.array(["b", "a", "b"]),
        np.array(["b", "a", "b"], dtype=object),
        pd.Series(["b", "a", "b"]),
        pd.Series(["b", "a", "b"], dtype="string[pyarrow]"),
    ],
)
def test_names_are_sorted(segments):
    labels = read_labels(segments, name="segments")
    assert labels.names == ("a", "b")
    assert labels.codes.tolist() == [1, 0, 1]


def test_all_categories_are_kept_in_their_order():
    plain = pd.Categorical(["x", "z"], categories=["z", "y", "x"])
    assert read_labels(plain, name="segments").names == ("z", "y", "x")
    assert read_labels(pd.Series(plain), name="segments").codes.tolist() == [2, 0]


def test_ordered_categories_start_with_the_best():
    ordered = pd.Categorical(["D", "A"], categories=["D", "B", "A"], ordered=True)
    labels = read_labels(ordered, name="segments")
    assert labels.names == ("A", "B", "D")
    assert labels.codes.tolist() == [2, 0]


def test_a_customer_without_a_segment_is_named():
    with pytest.raises(DataError, match=r"after has no segment for 1 of 2 rows \(row 1\)"):
        read_labels(["a", None], name="after")
    with pytest.raises(DataError, match="no segment for 1 of 2 rows"):
        read_labels(pd.Categorical(["a", None]), name="after")


def test_no_rows_and_too_many_dimensions():
    with pytest.raises(DataError, match="segments has no rows"):
        read_labels([], name="segments")
    with pytest.raises(DataError, match=r"segments has shape \(1, 2\)"):
        read_labels([["a", "b"]], name="segments")


def test_names_without_an_order_are_sorted_by_type_then_text():
    assert in_order([3, "x", 1.5, "a"]) == [1.5, 3, "a", "x"]
    assert read_labels(["x", 2, "x", 10], name="segments").names == (10, 2, "x")
    assert read_labels(["x", 2, "x", 10], name="segments").codes.tolist() == [2, 1, 2, 0]
