"""Bars, whiskers and dots are the columns of the frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib.plotting import plot_holdout, plot_holdout_calibration

MEANS = pd.DataFrame(
    {
        "customers": [1411, 439, 64],
        "actual": [0.24, 0.70, 6.36],
        "low": [0.20, 0.59, 5.10],
        "high": [0.28, 0.83, 7.90],
        "predicted": [0.23, 0.52, 6.16],
        "baseline": [0.0, 1.2, 12.4],
    }
)
DRAWN = [
    (plot_holdout, MEANS.set_index(pd.Index(["0", "1", "2+"], name="frequency"))),
    (plot_holdout_calibration, MEANS.set_index(pd.RangeIndex(1, 4, name="bin"))),
]


@pytest.mark.parametrize(("plot", "table"), DRAWN)
def test_the_artists_are_the_columns(plot: Any, table: pd.DataFrame) -> None:
    ax = plot(table)
    assert [bar.get_height() for bar in ax.patches] == table["actual"].tolist()
    whiskers = np.array([segment[:, 1] for segment in ax.collections[0].get_segments()])
    assert whiskers == pytest.approx(table[["low", "high"]].to_numpy())
    dots = {str(line.get_label()): line.get_ydata().tolist() for line in ax.get_lines()}
    assert dots["predicted by the model"] == table["predicted"].tolist()
    assert dots["baseline: on at the rate so far"] == table["baseline"].tolist()
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels[0] == f"{table.index[0]}\n1,411\n0.24\n0.23"
    assert ax.get_legend().get_texts()[0].get_text() == "actual"


@pytest.mark.parametrize(("plot", "table"), DRAWN)
def test_without_a_baseline_there_is_none(plot: Any, table: pd.DataFrame) -> None:
    ax = plot(table.drop(columns="baseline"))
    assert not [line for line in ax.get_lines() if "baseline" in str(line.get_label())]


def test_a_group_of_nobody_leaves_a_gap() -> None:
    table = DRAWN[0][1].copy()
    table.loc["1", ["actual", "low", "high", "predicted", "baseline"]] = np.nan
    ax = plot_holdout(table.astype({"customers": int}))
    assert np.isnan(ax.patches[1].get_height())  # type: ignore[attr-defined]
    assert ax.get_xticklabels()[1].get_text() == "1\n439\n–\n–"
    assert not np.isnan(ax.get_ylim()).any()
