"""Levels are the rates of the table, over their bands; peaks stand where their frame says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib.exceptions import DataError, SchemaError
from churnlib.plotting import plot_hazard
from churnlib.survival import find_hazard_peaks, hazard_table
from churnlib.targets import survival_target

BANDS = pd.IntervalIndex.from_breaks([0.0, 2.0, 6.0, np.inf], name="band")
TABLE = pd.DataFrame({"rate": [0.1, np.nan, 0.2], "low": [0.05, np.nan, 0.1], "high": [0.2, np.nan, 0.3]}, index=BANDS)


def test_levels_lie_over_their_bands_and_empty_bands_are_left_out():
    ax = plot_hazard(TABLE)
    (line,) = ax.get_lines()
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert x.tolist() == [0, 2, 2, 6, 10, 10]  # the band without end is as wide as the one before it
    np.testing.assert_array_equal(y, [0.1, 0.1, np.nan, 0.2, 0.2, np.nan])
    assert ax.get_xlim() == (0.0, 10.0)


def spiked() -> np.ndarray:
    time, here = [], 20_000
    for month, hazard in enumerate([0.01] * 4 + [0.05, 0.05] + [0.01] * 6, start=1):
        left = round(here * hazard)
        time += [month] * left
        here -= left
    return survival_target([1] * len(time) + [0] * here, time + [12] * here)


def test_a_peak_is_marked_from_its_start_to_its_end():
    peaks = find_hazard_peaks(spiked())
    ax = plot_hazard(peaks.hazard, peaks=peaks.table)
    (span,) = ax.patches
    box = span.get_path().get_extents(span.get_patch_transform())
    assert (box.x0, box.x1) == (4.0, 6.0)
    assert [text.get_text() for text in ax.texts] == [f"5–6\n{peaks.table['ratio'].iloc[0]:.2f} ×"]


def test_no_peaks_mark_nothing():
    peaks = find_hazard_peaks(survival_target([1] * 100 + [0] * 900, [*range(1, 11)] * 100))
    assert not plot_hazard(peaks.hazard, peaks=peaks.table).patches


@pytest.mark.parametrize("reset", [False, True])
def test_groups_have_lines_of_their_own(reset):
    y = np.concatenate([spiked(), spiked()])
    by = pd.Series(np.repeat(["card", "line"], len(y) // 2), name="plan")
    peaks = find_hazard_peaks(y, by=by)
    table, marked = hazard_table(y, bands=range(0, 13, 3), by=by), peaks.table
    ax = plot_hazard(*((table.reset_index(),) if reset else (table,)), peaks=marked.reset_index() if reset else marked)
    assert [line.get_label() for line in ax.get_lines()] == ["card", "line"]
    assert [text.get_text().split("\n")[0] for text in ax.texts] == ["card", "line"]


def test_one_wide_interval_does_not_press_the_rest_to_the_floor():
    assert plot_hazard(TABLE.assign(high=[0.2, np.nan, 9.0])).get_ylim()[1] == pytest.approx(0.44)


def test_bands_are_intervals():
    with pytest.raises(SchemaError, match="'band' of table holds int64 values; intervals were expected"):
        plot_hazard(TABLE.set_axis(pd.RangeIndex(3, name="band")))


def test_peaks_are_a_frame_of_peaks():
    with pytest.raises(SchemaError, match=r"(?s)column 'start' is missing from peaks.*find_hazard_peaks"):
        plot_hazard(TABLE, peaks=TABLE)


def test_more_groups_than_lines_are_refused_and_not_left_out():
    y = survival_target(np.ones(60), np.arange(1, 61))
    table = hazard_table(y, bands=[0, 60], by=np.arange(60) % 30)
    with pytest.raises(DataError, match="table holds 30 groups; at most 28 lines can be told apart"):
        plot_hazard(table)
