"""Dots stand at what was said and what was seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib.plotting import plot_horizon_calibration

TABLE = pd.DataFrame(
    {
        "rows": [30, 10, 40],
        "predicted": [0.6, 0.2, 0.5],
        "observed": [0.5, 0.3, 0.45],
        "low": [0.4, 0.1, 0.35],
        "high": [0.7, 0.5, 0.55],
    },
    index=pd.Index([1, 2, "all"], name="bin", dtype=object),
)


def test_bins_are_dots_by_size_and_all_rows_a_diamond():
    bins, whole = plot_horizon_calibration(TABLE).collections[1::2]
    assert np.asarray(bins.get_offsets()).tolist() == [[0.6, 0.5], [0.2, 0.3]]
    assert np.asarray(whole.get_offsets()).tolist() == [[0.5, 0.45]]
    large, small = bins.get_sizes()
    assert large > small


def test_both_axes_are_alike_and_begin_at_nothing():
    ax = plot_horizon_calibration(TABLE)
    assert ax.get_xlim() == ax.get_ylim() == (0.0, pytest.approx(1.08 * 0.7))
    (diagonal,) = (line for line in ax.get_lines() if line.get_label() == "as stated")
    assert np.array_equal(diagonal.get_xdata(), diagonal.get_ydata())


def test_without_the_row_of_all_only_bins_are_drawn():
    assert len(plot_horizon_calibration(TABLE.iloc[:2]).collections) == 2
