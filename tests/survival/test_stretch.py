"""From where to where a curve is drawn."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given

from churnlib.exceptions import AssumptionWarning, HistoryError
from churnlib.numerics import product_limit, risk_table
from churnlib.survival._stretch import watched_stretch
from tests.strategies import WatchedRows, watched_rows


def stretch_of(time, event, entry, weight=None, **options):
    arrays = [np.asarray(column, dtype=float) for column in (time, entry)]
    weights = None if weight is None else np.asarray(weight, dtype=float)
    table = risk_table(arrays[0], event, entry=arrays[1], weight=weights)
    return watched_stretch(table, arrays[1], weights, **options)


def quietly(*rows, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AssumptionWarning)
        return stretch_of(*rows, **options)


def test_watched_from_the_start_everything_is_spoken_of():
    stretch = watched_stretch(risk_table([1, 2, 5], [1, 1, 1]), None, None)
    assert (stretch.start, stretch.end, stretch.table.times.tolist()) == (0, 5, [1, 2, 5])


def test_entries_alone_move_the_start_without_a_warning():
    stretch = stretch_of([5, 6, 9], [1, 0, 1], [2, 3, 4])
    assert (stretch.start, stretch.end) == (2, 9)


def test_all_leave_before_others_enter():
    said = r"(?s)from tenure 4 to 9, and 2 of 4 departures lie outside.*nobody is at risk.*reached 4"
    with pytest.warns(AssumptionWarning, match=said):
        stretch = stretch_of([2, 2, 8, 9, 9], [1, 1, 1, 1, 0], [0, 1, 4, 4, 5])
    assert stretch.start == 4
    assert product_limit(stretch.table).values.tolist() == pytest.approx([2 / 3, 1 / 3])


def test_nobody_is_watched_for_a_while():
    with pytest.warns(AssumptionWarning, match="from tenure 7 to 9"):
        stretch = stretch_of([5, 8, 9, 9], [0, 1, 1, 0], [0, 7, 7, 7])
    assert stretch.start == 7


def test_who_enters_when_the_last_is_lost_takes_over():
    stretch = stretch_of([5, 8, 9], [0, 1, 0], [0, 5, 5])
    assert (stretch.start, stretch.table.times.tolist()) == (0, [5, 8, 9])


def test_who_enters_when_the_last_leaves_does_not():
    with pytest.warns(AssumptionWarning, match="from tenure 5 to 9, and 1 of 2"):
        assert stretch_of([5, 8, 9], [1, 1, 0], [0, 5, 5]).start == 5


def test_a_few_late_ones_do_not_cost_the_curve():
    """The span with the most departures is taken, and it ends before the last of it leave."""
    with pytest.warns(AssumptionWarning, match="from tenure 0 to 3, and 2 of 5"):
        stretch = stretch_of([1, 2, 3, 4, 20], [1, 1, 1, 1, 1], [0, 0, 0, 0, 10])
    assert stretch.table.times.tolist() == [1, 2, 3]
    assert product_limit(stretch.table).values[-1] > 0


def test_that_all_leave_at_the_very_end_is_no_hole():
    stretch = stretch_of([5, 9], [0, 1], [0, 1])
    assert product_limit(stretch.table).values.tolist() == [1, 0]


@pytest.mark.parametrize(("at_least", "start"), [(1, 0), (2, 1), (3, 4)])
def test_enough_must_be_at_risk(at_least, start):
    rows = [3, 9, 9, 9, 9], [1, 0, 1, 1, 0], [0, 1, 4, 4, 4]
    assert quietly(*rows, at_least=at_least).start == start


def test_enough_are_counted_after_those_who_have_ended():
    # At 2 one has ended and one enters: two at risk after 2, three only after 5.
    rows = [2, 9, 9, 9], [0, 1, 0, 1], [0, 1, 2, 5]
    assert quietly(*rows, at_least=3).start == 5


def test_weights_are_customers():
    assert quietly([3, 9, 9], [1, 1, 0], [0, 1, 2], [1, 4, 1], at_least=5).start == 1
    assert quietly([3, 9, 9], [1, 1, 0], [0, 1, 2], [1, 0, 5], at_least=5).start == 2
    assert quietly([3, 9], [1, 0], [0, 1], [0.1, 0.2]).start == 0


def test_a_later_start_is_told():
    with pytest.warns(AssumptionWarning, match=r"from tenure 4 to 9.*fewer than 3 are at risk"):
        stretch_of([3, 9, 9, 9, 9], [0, 0, 1, 1, 0], [0, 1, 4, 4, 4], at_least=3)


@pytest.mark.parametrize("entry", [None, [0, 1, 4]])
def test_never_enough(entry):
    table = risk_table([3, 9, 9], [1, 0, 1], entry=entry)
    with pytest.raises(HistoryError, match=r"at most (2|3) customers of plan='a' are at risk at once.*\n.*or less"):
        watched_stretch(table, None if entry is None else np.array(entry, float), None, at_least=4, who=" of plan='a'")


@given(watched_rows(entry=True))
def test_inside_the_risk_set_never_empties(rows: WatchedRows):
    stretch = quietly(rows.time, rows.event, rows.entry, rows.weight)
    counted = np.ones(len(rows.time), bool) if rows.weight is None else rows.weight > 0
    entry, time = rows.entry[counted], rows.time[counted]
    assert entry.min() <= stretch.start < stretch.end <= time.max()
    moments = np.unique(np.concatenate([entry, time]))
    inside = moments[(moments >= stretch.start) & (moments < stretch.end)]
    assert all(((entry <= moment) & (moment < time)).any() for moment in inside)
    assert (product_limit(stretch.table).values[:-1] > 0).all()
    later = entry >= stretch.end
    if later.any():
        assert product_limit(stretch.table).values[-1] > 0
