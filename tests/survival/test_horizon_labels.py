"""Labels at a horizon: known, weighted, and from the entry on."""

import numpy as np
import pytest
from hypothesis import given

from churnlib.exceptions import DataError, ParameterError
from churnlib.survival import KaplanMeier, binary_labels
from churnlib.targets import survival_target
from tests.strategies import watched_rows


def test_by_hand():
    y = survival_target([1, 1, 0, 0, 0], [10, 30, 20, 30, 50])
    found = binary_labels(y, 30)
    assert found.label.tolist() == [1, 1, 0, 0, 0]  # who leaves exactly at the end has left within it
    assert found.known.tolist() == [True, True, False, True, True]
    # One of four was lost at 20: those seen beyond stand for 4/3 each.
    np.testing.assert_allclose(found.weight, [1, 4 / 3, 0, 4 / 3, 4 / 3])


def test_horizons_as_text_and_by_row():
    y = survival_target([1, 1, 0], [10, 30, 40])
    assert binary_labels(y, "20d").label.tolist() == [1, 0, 0]
    assert binary_labels(y, [5, 30, 50]).label.tolist() == [0, 1, 0]
    assert binary_labels(y, [5, 30, 50]).known.tolist() == [True, True, False]


def test_the_horizon_counts_from_the_entry_or_from_given():
    y = survival_target([1, 1, 0], [110, 150, 160], entry=[100, 100, 20])
    assert binary_labels(y, 30).label.tolist() == [1, 0, 0]
    later = binary_labels(y, 30, given=[100, 125, 160])
    assert later.label.tolist() == [1, 1, 0]
    assert later.known.tolist() == [True, True, False]  # the last ended at its given


def test_another_cause_is_a_known_zero():
    y = survival_target([1, 2, 0], [10, 20, 40], causes=["price", "moved"])
    assert binary_labels(y, 30, cause=1).label.tolist() == [1, 0, 0]
    assert binary_labels(y, 30, cause=1).known.all()
    assert binary_labels(y, 30).label.tolist() == [1, 1, 0]


@given(watched_rows(entry=False, weight=False))
def test_weighted_share_is_that_of_kaplan_and_meier(rows):
    y = survival_target(rows.event, rows.time)
    horizon = float(np.median(rows.time))
    found = binary_labels(y, horizon)
    if not found.known.any() or not (rows.event > 0).any() or not ((rows.time >= horizon) & found.known).any():
        return
    share = (found.weight * found.label).sum() / len(y)
    curve = KaplanMeier().fit(None, y).predict_churn_probability(np.zeros((1, 1)), horizon)[0]
    assert share == pytest.approx(curve, abs=1e-12)
    assert found.weight.sum() == pytest.approx(len(y))
    assert (found.weight[found.known] >= 1 - 1e-12).all()
    assert not found.weight[~found.known].any()


def test_bad_input():
    y = survival_target([1, 0], [10, 50], entry=[5, 20])
    with pytest.raises(ParameterError, match=r"1 of 2 rows were watched only from a tenure later than given \(row 1\)"):
        binary_labels(y, 30, given=10.0)
    with pytest.raises(DataError, match="all 2 rows ended at given or before"):
        binary_labels(y, 30, given=60.0)
    with pytest.raises(ParameterError, match="cause"):
        binary_labels(y, 30, cause=0)
    with pytest.raises(DataError, match="no survival target"):
        binary_labels([1, 0], 30)
