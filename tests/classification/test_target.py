import numpy as np
import pandas as pd
import pytest

from churnlib.classification._target import (
    as_table,
    binary_target,
    refuse_other_order,
    refuse_retained,
    row_weights,
)
from churnlib.exceptions import DataError, ParameterError


def test_missing_labels_are_named():
    with pytest.raises(DataError, match=r"y is missing .Input y contains NaN. in 2 of 4 rows \(1, 3\)"):
        binary_target([0, np.nan, 1, np.nan])
    with pytest.raises(DataError, match="in 1 of 3 rows"):
        binary_target(pd.array([0, None, 1], dtype="Int8"))


def test_one_class_only():
    with pytest.raises(DataError, match="y holds one class only: all 3 rows are"):
        binary_target([0, 0, 0])


def test_three_classes():
    with pytest.raises(DataError, match=r"Only binary classification is supported.*y holds 3 classes \(0, 1, 2\)"):
        binary_target([0, 1, 2])


def test_no_labels():
    with pytest.raises(ParameterError, match="requires y to be passed, but the target y is None"):
        binary_target(None)


def test_infinite_labels():
    with pytest.raises(DataError, match="y is infinite in 2 of 3 rows"):
        binary_target([np.inf, -np.inf, 0.0])


def test_continuous_labels():
    with pytest.raises(ValueError, match="Unknown label type"):
        binary_target([0.1, 0.7, 0.3])


def test_labels_in_another_order():
    X = pd.DataFrame({"a": [1, 2, 3]}, index=["x", "y", "z"])
    with pytest.raises(DataError, match=r"(?s)same labels in different order \(2 of 3 rows\).*y = y.loc\[X.index\]"):
        refuse_other_order(X, pd.Series([0, 1, 0], index=["y", "x", "z"]))


def test_labels_of_their_own_index_are_matched_by_position():
    refuse_other_order(pd.DataFrame({"a": [1, 2]}, index=["x", "y"]), pd.Series([0, 1]))
    refuse_other_order(pd.DataFrame({"a": [1, 2]}, index=["x", "y"]), np.array([0, 1]))


@pytest.mark.parametrize("weight", [[1, 2], [[1], [2], [3]]])
def test_weights_of_another_shape(weight):
    with pytest.raises(DataError, match=r"sample_weight has shape \("):
        row_weights(weight, 3)


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_weights_that_cannot_be(weight):
    with pytest.raises(DataError, match=r"sample_weight is missing, infinite or negative in 1 rows \(1\)"):
        row_weights([1.0, weight], 2)


def test_what_is_no_frame():
    assert as_table(np.ones((2, 2))) is None
    assert as_table([[1]]) is None
    assert as_table(5) is None


def test_the_one_class_is_named_as_people_write_it():
    with pytest.raises(DataError, match=r"all 3 rows are 0;"):
        binary_target(np.zeros(3, dtype=np.int8))


def test_labels_of_who_stayed_are_refused():
    with pytest.raises(DataError, match=r"(?s)y is named 'retained', and its 2 rows say who stayed.*data.y"):
        refuse_retained(pd.Series([0, 1], name="retained"))
    refuse_retained(pd.Series([0, 1], name="churn"))
    refuse_retained(np.array([0, 1]))


def test_labels_of_other_customers_are_refused():
    X = pd.DataFrame({"a": [1, 2, 3]}, index=pd.Index([1, 2, 3], name="customer_id"))
    with pytest.raises(DataError, match=r"1 of 3 labels of y belong to rows that X does not have \(4\)"):
        refuse_other_order(X, pd.Series([0, 1, 0], index=pd.Index([2, 3, 4], name="customer_id")))
    # row numbers that look like customers say nothing
    refuse_other_order(X, pd.Series([0, 1, 0]))


def test_the_same_moments_in_another_time_zone_are_the_same_rows():
    cutoff = pd.date_range("2025-01-01", periods=3, tz="UTC", name="cutoff")
    X = pd.DataFrame({"a": [1, 2, 3]}, index=cutoff)
    refuse_other_order(X, pd.Series([0, 1, 0], index=cutoff.tz_convert("Asia/Shanghai")))
