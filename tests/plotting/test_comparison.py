"""Dots and intervals are the differences of one metric; colours are the verdicts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib.exceptions import DataError
from churnlib.plotting import plot_comparison

TABLE = pd.DataFrame(
    {
        "model": ["forest", "tree", "forest"],
        "reference": "logistic",
        "metric": ["log_loss", "log_loss", "auc"],
        "value": [-0.02, 0.09, 0.01],
        "low": [-0.03, 0.06, -0.01],
        "high": [-0.01, 0.12, 0.03],
        "verdict": ["wins", "loses", "no clear difference"],
    }
)


def test_the_artists_are_the_rows_of_the_metric() -> None:
    ax = plot_comparison(TABLE)
    drawn = {str(line.get_label()): (np.asarray(line.get_xdata()), line.get_color()) for line in ax.get_lines()}
    assert (drawn["wins"][0].tolist(), drawn["wins"][1]) == ([-0.02], "#0072B2")
    assert (drawn["loses"][0].tolist(), drawn["loses"][1]) == ([0.09], "#D55E00")
    ends = [segment[:, 0].tolist() for lines in ax.collections for segment in lines.get_segments()]  # type: ignore[attr-defined]
    assert ends == [[-0.03, -0.01], [0.06, 0.12]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["forest", "tree"]
    assert ax.yaxis_inverted()
    assert ax.get_xlabel() == "log-loss less that of logistic  (lower is better)"


def test_another_metric() -> None:
    ax = plot_comparison(TABLE, metric="auc")
    assert ax.get_xlabel() == "AUC less that of logistic  (higher is better)"
    assert len(ax.get_yticklabels()) == 1


def test_a_metric_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"metric='logloss' .did you mean 'log_loss'(?s:.*)metric='log_loss'"):
        plot_comparison(TABLE, metric="logloss")


def test_several_comparisons_are_no_picture() -> None:
    two = pd.concat([TABLE, TABLE.assign(reference="stump")])
    with pytest.raises(DataError, match=r"'reference' of difference holds stump beside logistic; one reference"):
        plot_comparison(two)
    with pytest.raises(DataError, match=r"'verdict' of difference holds better beside wins, no clear difference"):
        plot_comparison(TABLE.assign(verdict="better"))
