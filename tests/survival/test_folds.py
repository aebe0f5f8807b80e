"""Folds: a number means SurvivalKFold, and every error names it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, StratifiedShuffleSplit

from churnlib.exceptions import ParameterError, ParameterTypeError
from churnlib.model_selection import SurvivalKFold
from churnlib.survival._folds import survival_folds
from churnlib.targets import survival_target

Y = survival_target([1, 0] * 6, range(1, 13))
X = np.zeros((12, 1))


def test_a_number_is_survival_k_fold():
    expected = list(SurvivalKFold(3).split(X, Y))
    for found, fold in zip(survival_folds(3, X, Y), expected, strict=True):
        np.testing.assert_array_equal(found[0], fold[0])
        np.testing.assert_array_equal(found[1], fold[1])


def test_customers_stay_together():
    frame = pd.DataFrame({"a": range(12)}, index=pd.Index(np.arange(12) // 2, name="customer_id"))
    for train, test in survival_folds(3, frame, Y):
        assert not set(frame.index[train]) & set(frame.index[test])


@pytest.mark.parametrize("cv", [KFold(3), SurvivalKFold(2), [(range(6), range(6, 12)), (range(6, 12), range(6))]])
def test_splitters_and_lists_that_predict_each_row_once(cv):
    tested = np.concatenate([test for _, test in survival_folds(cv, X, Y)])
    assert sorted(tested) == list(range(12))


@pytest.mark.parametrize("cv", [StratifiedKFold(3), StratifiedShuffleSplit(3)])
def test_stratified_by_label(cv):
    with pytest.raises(ParameterError, match=r"(?s)stratifies by label.*cv=SurvivalKFold\(5\)"):
        survival_folds(cv, X, Y)


def test_folds_that_leave_rows_out():
    with pytest.raises(ParameterError, match=r"(?s)not at all and .* more than once.*SurvivalKFold"):
        survival_folds(ShuffleSplit(3, random_state=0), X, Y)
    with pytest.raises(ParameterError, match="predict 12 of 12 rows not at all"):
        survival_folds([], X, Y)


def test_nothing_that_splits():
    for cv in (2.5, "five", True):
        with pytest.raises(ParameterTypeError, match="SurvivalKFold"):
            survival_folds(cv, X, Y)
