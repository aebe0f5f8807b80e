"""Dots and intervals are the columns of the table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib.exceptions import ParameterTypeError, SchemaError
from churnlib.metrics import calibration_band, reliability_table
from churnlib.plotting import plot_reliability
from tests.metrics.profit_worlds import g3


def test_dots_are_the_bins() -> None:
    y, s, _ = g3()
    table = reliability_table(y, 0.02 + 0.5 * s)
    ax = plot_reliability(table)
    dots = next(found for found in ax.collections if found.get_label() == "observed")
    assert np.asarray(dots.get_offsets()).tolist() == table[["predicted", "observed"]].to_numpy().tolist()
    bars = next(found for found in ax.collections if found.get_label() == "interval")
    ends = [segment[:, 1].tolist() for segment in bars.get_segments()]
    assert ends == table[["low", "high"]].to_numpy().tolist()
    diagonal = ax.get_lines()[0]
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())


def test_the_band_is_told() -> None:
    y, s, _ = g3()
    p = 0.02 + 0.5 * s
    band = calibration_band(y, p, n_boot=50)
    text = plot_reliability(reliability_table(y, p), band=band).texts[0].get_text()
    assert text.startswith("error ")
    assert "by chance alone up to " in text


def test_bad_input_is_named() -> None:
    y, s, _ = g3()
    table = reliability_table(y, s)
    with pytest.raises(ParameterTypeError, match="band is a float; a CalibrationBand was expected"):
        plot_reliability(table, band=0.1)
    with pytest.raises(SchemaError, match="column 'observed' is missing from table"):
        plot_reliability(table.drop(columns="observed"))


def test_a_tick_at_half_a_percent_says_so() -> None:
    table = pd.DataFrame({"rows": [10.0], "predicted": [0.15], "observed": [0.16], "low": [0.14], "high": [0.185]})
    ax = plot_reliability(table)
    ax.set_xticks([0.1, 0.125, 0.15])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["10%", "12.5%", "15%"]
