from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnlib._checks import (
    as_names,
    check_choice,
    check_flag,
    check_integer,
    check_number,
    check_one_order,
    named_churn,
    named_rows,
)
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError


def test_rows_are_named_from_a_mask_and_from_positions():
    assert named_rows(np.array([False, True])) == "row 1"
    assert named_rows(np.arange(9), limit=2) == "rows 0, 1, … 7 more"


def test_a_choice_is_returned_or_the_nearest_is_suggested():
    assert check_choice("keep", ("error", "keep"), name="duplicates") == "keep"
    with pytest.raises(ParameterError, match=r"duplicates='kep' is not a choice \(did you mean 'keep'\?\)"):
        check_choice("kep", ("error", "keep"), name="duplicates")


def test_a_choice_is_a_text():
    with pytest.raises(ParameterError, match=r"negative=None is not a choice"):
        check_choice(None, ("refund", "error"), name="negative")


def test_a_flag_is_a_boolean():
    assert check_flag(np.True_, name="missing_ok") is True
    with pytest.raises(ParameterTypeError, match=r"missing_ok is 1, a int; it is True or False"):
        check_flag(1, name="missing_ok")


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_an_integer_is_nothing_else(value):
    with pytest.raises(ParameterTypeError, match=r"day is .*a whole number was expected"):
        check_integer(value, name="day")


def test_an_integer_lies_in_its_range():
    assert check_integer(np.int8(28), name="day", low=1, high=28) == 28
    with pytest.raises(ParameterError, match=r"day=29 is out of range; a value from 1 to 28 was expected"):
        check_integer(29, name="day", low=1, high=28)
    with pytest.raises(ParameterError, match=r"a value of at least 1 was expected"):
        check_integer(0, name="day", low=1)
    with pytest.raises(ParameterError, match=r"a value of at most 3 was expected"):
        check_integer(4, name="day", high=3)


def test_a_number_is_finite_and_lies_in_its_range():
    assert check_number(np.float32(0.5), name="by", low=0, high=1) == 0.5
    with pytest.raises(ParameterError, match=r"by=nan is out of range; a finite value was expected"):
        check_number(float("nan"), name="by")
    with pytest.raises(ParameterError, match=r"by=1.5 is out of range; a value from 0 to 1 was expected"):
        check_number(1.5, name="by", low=0, high=1)
    with pytest.raises(ParameterTypeError, match=r"by is '0.5', a str; a number was expected"):
        check_number("0.5", name="by")


def test_names_are_texts_each_given_once():
    assert as_names({"b", "a"}, name="kinds") == ("a", "b")
    assert as_names(np.array(["b", "a"]), name="kinds") == ("b", "a")
    with pytest.raises(ParameterTypeError, match=r"kinds is \['a', 3\]; a name, or a list of names"):
        as_names(["a", 3], name="kinds")
    with pytest.raises(ParameterTypeError, match=r"kinds is 7; a name, or a list"):
        as_names(7, name="kinds")
    with pytest.raises(ParameterError, match=r"kinds names a more than once"):
        as_names(["a", "b", "a"], name="kinds")


def test_labels_in_different_orders_are_refused():
    given = pd.Series([1, 2], index=["a", "b"])
    check_one_order({"y": given, "score": [1, 2], "X": pd.DataFrame({"x": [1, 2]}, index=["a", "b"])})
    check_one_order({"y": given, "other": pd.Series([1, 2], index=["c", "d"]), "short": pd.Series([1], index=["b"])})
    check_one_order({"y": pd.Series([1, 2, 3], index=list("aab")), "other": pd.Series([1, 2, 3], index=list("aba"))})
    with pytest.raises(DataError, match=r"(?s)y and X hold the same 2 labels in different.*Fix: X=X\.reindex\(y"):
        check_one_order({"none": None, "y": given, "X": pd.DataFrame({"x": [1, 2]}, index=["b", "a"])})


def test_rows_of_customers_at_a_cutoff_are_compared_by_customer() -> None:
    at = pd.MultiIndex.from_product([["a", "b"], [pd.Timestamp("2026-03-02")]], names=["customer_id", "cutoff"])
    X = pd.DataFrame({"x": [1, 2]}, index=at)
    by_customer = pd.Series([1, 2], index=pd.Index(["a", "b"], name="customer_id"))
    check_one_order({"X": X, "treatment": by_customer, "score": pd.Series([1, 2])})
    with pytest.raises(DataError, match="X and treatment hold the same 2 labels in different orders"):
        check_one_order({"X": X, "treatment": by_customer.iloc[::-1]})


@pytest.mark.parametrize("name", ["churn", "Churned", "is_churn", "churn_90d", "not_active_or_churned"])
def test_a_name_says_that_one_is_bad(name):
    assert named_churn(pd.Series([1], name=name)) == name


@pytest.mark.parametrize(
    "name", ["retained", "not_churned", "no churn", "nonchurn", "unchurned", None, 3, ("churn", 1)]
)
def test_a_name_says_nothing_bad(name):
    assert named_churn(pd.Series([1], name=name)) is None
    assert named_churn([1]) is None
