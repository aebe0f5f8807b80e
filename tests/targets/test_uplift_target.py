"""Uplift targets: signs by name, arms, chances, and what slicing leaves of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import KFold

from churnlib.exceptions import DataError, ParameterError, SchemaError
from churnlib.targets import is_uplift_target, read_uplift_target, survival_target, uplift_target


def test_retained_value_and_churned_all_become_larger_is_better() -> None:
    for given_as in ({"retained": [1, 0]}, {"churned": [0, 1]}, {"churned": [False, True]}, {"value": [1.0, 0.0]}):
        target = uplift_target(**given_as, treatment=[1, 0])
        assert target.dtype == np.dtype([("outcome", "f8"), ("treatment", "i1")])
        assert target["outcome"].tolist() == [1.0, 0.0]


def test_survival_keeps_its_fields() -> None:
    survival = survival_target([1, 0, 2], [30, 40, 50], entry=[0, 10, 0], causes=["price", "moved"])
    target = uplift_target(survival=survival, treatment=[0, 1, 1], propensity=0.5)
    assert target.dtype.names == ("event", "time", "entry", "treatment", "propensity")
    rows = read_uplift_target(target)
    assert rows.outcome is None
    assert rows.survival is not None
    assert rows.survival.event.tolist() == [1, 0, 2]
    assert rows.survival.entry is not None


@pytest.mark.parametrize(
    ("treatment", "dtype", "values"),
    [
        ([True, False], "int8", [1, 0]),
        (pd.Series([1, 0], dtype="Int64"), "int8", [1, 0]),
        ([0.0, 2.0], "int16", [0, 2]),
        (["control", "call"], "<U7", ["control", "call"]),
        (pd.Series(["control", "call"], dtype="category"), "<U7", ["control", "call"]),
        (np.array(["control", "call"], dtype=object), "<U7", ["control", "call"]),
        (np.array([True, False], dtype=object), "int8", [1, 0]),
    ],
)
def test_arms_of_any_honest_type(treatment, dtype, values) -> None:
    found = uplift_target(retained=[1, 0], treatment=treatment)["treatment"]
    assert found.dtype == np.dtype(dtype)
    assert found.tolist() == values


@pytest.mark.parametrize(
    "propensity",
    [
        {"email": 0.3, "control": 0.5, "call": 0.2},
        pd.DataFrame({"email": [0.3, 0.3], "call": [0.2, 0.2], "control": [0.5, 0.5]}),
        np.array([[0.5, 0.2, 0.3], [0.5, 0.2, 0.3]]),
    ],
)
def test_chances_of_several_arms_stand_control_first_then_sorted(propensity) -> None:
    target = uplift_target(retained=[1, 0], treatment=["email", "call"], propensity=propensity)
    assert target.dtype["propensity"].shape == (3,)
    np.testing.assert_array_equal(target["propensity"], [[0.5, 0.2, 0.3]] * 2)


@pytest.mark.parametrize("propensity", [0.25, [0.25, 0.25], [[0.75, 0.25]] * 2, {0: 0.75, 1: 0.25}])
def test_of_one_treatment_the_chance_is_that_to_be_treated(propensity) -> None:
    target = uplift_target(retained=[1, 0], treatment=[1, 0], propensity=propensity)
    assert target["propensity"].tolist() == [0.25, 0.25]


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0.01, 0.99)), min_size=4, max_size=30))
def test_every_slice_is_a_target_and_reads_back_the_same(rows: list[tuple[bool, bool, float]]) -> None:
    outcome, treatment, propensity = (np.array(column) for column in zip(*rows, strict=True))
    target = uplift_target(retained=outcome, treatment=treatment, propensity=propensity)
    for train, _ in KFold(2).split(target):
        assert is_uplift_target(target[train])
        read = read_uplift_target(target[train])
        np.testing.assert_array_equal(read.outcome, outcome[train])
        np.testing.assert_array_equal(read.treatment, treatment[train])
        np.testing.assert_array_equal(read.propensity, propensity[train])
        whole = read_uplift_target(target).take(train)
        np.testing.assert_array_equal(whole.propensity, read.propensity)
        assert len(whole) == len(train)


def test_a_churn_column_is_refused_unless_it_is_said_to_be_one() -> None:
    churn = pd.Series([0, 1], name="churn")
    for name in ("retained", "value"):
        with pytest.raises(DataError, match=r"is a Series named 'churn'.*\n?.*data.retained"):
            uplift_target(**{name: churn}, treatment=[0, 1])
    assert uplift_target(churned=churn, treatment=[0, 1])["outcome"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({}, ParameterError, r"0 outcomes are given \(none\)"),
        ({"retained": [1], "value": [1]}, ParameterError, r"2 outcomes are given \(retained, value\)"),
        ({"retained": [1, 2]}, DataError, "1 of 2 values of retained are neither 0 nor 1"),
        ({"churned": [1, 0.5]}, DataError, "1 of 2 values of churned are neither 0 nor 1"),
        ({"retained": [1, np.nan]}, DataError, "1 of 2 values of retained are missing"),
        ({"value": [1, np.inf]}, DataError, "1 of 2 values of value are missing or infinite"),
        ({"value": ["a", "b"]}, DataError, "value cannot be read as numbers"),
        ({"value": [[1, 2], [3, 4]]}, DataError, r"value has shape \(2, 2\)"),
        ({"value": []}, DataError, "value has no rows"),
        ({"retained": [1, 0, 1]}, DataError, r"treatment has shape \(2,\) and the outcome 3 rows"),
        ({"retained": [1, 0], "treatment": [1, np.nan]}, DataError, "1 of 2 rows have no treatment"),
        ({"retained": [1, 0], "treatment": [0, 0.5]}, DataError, "1 of 2 treatments are no arms"),
        ({"retained": [1, 0], "treatment": [0, "a"]}, DataError, "1 of 2 treatments are neither a number nor a name"),
        ({"retained": [1, 0], "propensity": "estimate"}, ParameterError, "propensity is 'estimate'"),
        ({"retained": [1, 0], "propensity": "half"}, ParameterError, "propensity is 'half'"),
        ({"retained": [1, 0], "propensity": [0.5, "x"]}, DataError, "propensity cannot be read as numbers"),
        ({"retained": [1, 0], "propensity": [0.5, 1.0]}, DataError, "1 of 2 propensities are not between 0 and 1"),
        ({"retained": [1, 0], "propensity": 0}, DataError, "2 of 2 propensities are not between 0 and 1"),
        ({"retained": [1, 0], "propensity": [0.5, np.nan]}, DataError, "1 of 2 propensities are not between"),
        ({"retained": [1, 0], "propensity": [0.5] * 3}, DataError, r"propensity has shape \(3,\) and treatment 2"),
        ({"retained": [1, 0], "propensity": [[0.5, 0.4]] * 2}, DataError, "of 2 of 2 rows do not add up to 1"),
        ({"retained": [1, 0], "propensity": {"a": 0.5, "b": 0.5}}, SchemaError, "propensity names the arms a, b"),
        ({"retained": [1, 0], "propensity": {0: 1.0}}, SchemaError, "propensity names the arms 0, and"),
    ],
)
def test_refusals(given, error, match) -> None:
    with pytest.raises(error, match=match):
        uplift_target(**({"treatment": [0, 1]} | given))


def test_three_arms_need_three_chances() -> None:
    with pytest.raises(DataError, match="one chance for each row, and there are 3 arms"):
        uplift_target(retained=[1, 0, 1], treatment=[0, 1, 2], propensity=0.3)


def test_labels_in_another_order_are_refused() -> None:
    kept = pd.Series([1, 0], index=["ann", "bob"])
    with pytest.raises(DataError, match="hold the same 2 labels in different orders"):
        uplift_target(retained=kept, treatment=pd.Series([1, 0], index=["bob", "ann"]))


@pytest.mark.parametrize(
    ("y", "match"),
    [
        ([1, 0], "no uplift target"),
        (survival_target([1, 0], [3, 4]), "fields event, time, no uplift target"),
        (uplift_target(retained=[1], treatment=[0])[:0], "y has no rows"),
        (np.array([(np.nan, 1)], dtype=[("outcome", "f8"), ("treatment", "i1")]), "1 of 1 outcomes are missing"),
        (
            np.array([(1.0, 1, 1.0)], dtype=[("outcome", "f8"), ("treatment", "i1"), ("propensity", "f8")]),
            "1 of 1 propensities are not between",
        ),
    ],
)
def test_what_is_no_target_is_refused(y, match) -> None:
    with pytest.raises(DataError, match=match):
        read_uplift_target(y)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
def test_chances_of_any_frame_are_paired_by_name(frame) -> None:
    chances = frame({"email": [0.5, 0.4], "control": [0.2, 0.5], "call": [0.3, 0.1]})
    y = uplift_target(retained=[1, 0], treatment=["email", "control"], propensity=chances)
    assert y["propensity"].tolist() == [[0.2, 0.3, 0.5], [0.5, 0.1, 0.4]]


def test_a_mapping_may_hold_a_chance_for_each_row() -> None:
    chances = {"call": np.array([0.3, 0.1]), "control": np.array([0.7, 0.9])}
    y = uplift_target(retained=[1, 0], treatment=["call", "control"], propensity=chances)
    assert y["propensity"].tolist() == [0.3, 0.1]
    with pytest.raises(DataError, match="propensity has not a chance for each of 2 rows"):
        uplift_target(retained=[1, 0], treatment=["call", "control"], propensity={"call": [0.1] * 3, "control": 0.9})


def test_chances_in_another_order_are_refused() -> None:
    chances = pd.DataFrame({"control": [0.7, 0.9], "call": [0.3, 0.1]}, index=["b", "a"])
    with pytest.raises(DataError, match="retained and propensity hold the same 2 labels in different orders"):
        uplift_target(retained=pd.Series([1, 0], ["a", "b"]), treatment=["call", "control"], propensity=chances)


@pytest.mark.parametrize("name", ["is_churn", "churn_90d", "Churned?"])
def test_every_name_of_churn_is_refused(name) -> None:
    with pytest.raises(DataError, match="where 1 is bad"):
        uplift_target(retained=pd.Series([1, 0], name=name), treatment=[0, 1])


@pytest.mark.parametrize("name", ["not_churned", "no churn", "non-churner", "unchurned", "retained"])
def test_not_to_churn_is_good(name) -> None:
    assert uplift_target(retained=pd.Series([1, 0], name=name), treatment=[0, 1])["outcome"].tolist() == [1, 0]


def test_the_log_of_a_plan_calls_its_control_none() -> None:
    shares = {"none": 0.5, "call": 0.2, "mail": 0.3}
    y = uplift_target(value=[1.0, 2.0, 3.0], treatment=["none", "call", "mail"], propensity=shares)
    assert y["propensity"][0].tolist() == [0.5, 0.2, 0.3]
