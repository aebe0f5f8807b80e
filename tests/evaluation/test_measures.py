"""A weight is a repeated row, in every measure; folds count by their rows."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from churnlib.evaluation._measures import (
    calibration,
    log_loss,
    over_folds,
    profit,
    profit_of_longest,
    ranking,
    together,
)

rows = st.lists(
    st.tuples(st.booleans(), st.integers(0, 8), st.booleans(), st.integers(-9, 50), st.integers(0, 3)),
    min_size=12,
    max_size=40,
)


def measured(y, p, contacted, gain, weight):
    """Every measure of these rows."""
    every = together(
        ranking(y, p, 0.3),
        log_loss(y, p),
        profit(contacted, gain),
        lambda weight: {"silent": profit_of_longest(p, contacted, gain)(weight)["profit"]},
    )
    return every(weight)


@given(rows)
def test_a_weight_is_a_repeated_row(drawn):
    y, p, contacted, gain, weight = (np.array(column) for column in zip(*drawn, strict=True))
    y, p, contacted, gain = y.astype(np.int64), p / 8, contacted.astype(float), gain.astype(float)
    again = np.repeat(np.arange(len(y)), weight)
    assume(0 < y[again].sum() < len(again))
    once = np.ones(len(again), dtype=np.int64)
    found = measured(y, p, contacted, gain, weight)
    assert found == pytest.approx(measured(y[again], p[again], contacted[again], gain[again], once))


@given(rows)
def test_the_longest_silent_get_as_many_contacts(drawn):
    _, silence, contacted, gain, weight = (np.array(column) for column in zip(*drawn, strict=True))
    assume((weight * contacted).sum() > 0)
    again = np.repeat(np.arange(len(gain)), weight)
    size = int(contacted[again].sum())
    last = np.sort(silence[again])[::-1][size - 1]
    above, at = silence[again] > last, silence[again] == last
    theirs = gain[again][above].sum() + gain[again][at].mean() * (size - above.sum())
    found = profit_of_longest(silence.astype(float), contacted.astype(float), gain.astype(float))(weight)
    assert found["profit"] == pytest.approx(theirs / len(again))


def test_folds_count_by_the_rows_drawn_and_empty_ones_not_at_all():
    places = [np.array([0, 1]), np.array([2, 3, 4]), np.array([5])]
    fold = [lambda weight, value=value: {"auc": value} for value in (1.0, 2.0, 9.0)]
    measure = over_folds(fold, places)
    assert measure(np.ones(6, dtype=np.int64)) == {"auc": pytest.approx((2 * 1 + 3 * 2 + 9) / 6)}
    assert measure(np.array([3, 1, 0, 1, 1, 0])) == {"auc": pytest.approx((4 * 1 + 2 * 2) / 6)}


def test_the_calibration_error_of_few_rows_has_as_many_bins():
    y, p = np.array([0, 1, 1]), np.array([0.2, 0.5, 0.9])
    assert calibration(y, p)(np.ones(3, dtype=np.int64)) == {"ece": pytest.approx((0.2 + 0.5 + 0.1) / 3)}


def test_a_certain_error_costs_much_and_not_everything():
    loss = log_loss(np.array([1, 0]), np.array([0.0, 0.0], dtype=np.float32))(np.ones(2, dtype=np.int64))
    assert loss["log_loss"] == pytest.approx(-np.log(1e-7) / 2, rel=1e-3)
