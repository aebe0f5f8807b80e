"""Dots, intervals and names are the columns of the frame."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib.exceptions import DataError, SchemaError
from churnlib.plotting import plot_backtest

TABLE = pd.DataFrame(
    {
        "part": ["rule", "rule", "level", "combined", "silence"],
        "name": ["$low", "never", "level 1", "combined", "silent 30d"],
        "per_week": [1240.5, 0.0, 12.0, np.nan, 7.25],
        "precision": [0.3, np.nan, 0.3, 0.25, 0.2],
        "low": [0.25, np.nan, 0.2, 0.22, 0.1],
        "high": [0.35, np.nan, 0.4, 0.27, 0.3],
        "base_rate": 0.05,
    }
)


def test_the_artists_are_the_columns() -> None:
    ax = plot_backtest(TABLE)
    drawn = {str(line.get_label()): np.asarray(line.get_xdata()) for line in ax.get_lines()}
    assert drawn["of all: 5%"].tolist() == [0.05, 0.05]
    assert np.array_equal(drawn["a rule"], [0.3, np.nan], equal_nan=True)
    assert drawn["a level"].tolist() == [0.3]
    assert drawn["all rules"].tolist() == [0.25]
    assert drawn["silence"].tolist() == [0.2]
    drawn_lines = [line for lines in ax.collections for line in lines.get_segments()]  # type: ignore[attr-defined]
    ends = [line[:, 0].tolist() for line in drawn_lines if line.size and np.isfinite(line).all()]
    assert ends == [[0.25, 0.35], [0.2, 0.4], [0.22, 0.27], [0.1, 0.3]]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["$low (1,240.5)", "never (0.0)", "level 1 (12.0)", "combined (–)", "silent 30d (7.2)"]
    assert ax.yaxis_inverted()


def test_a_frame_of_no_use() -> None:
    with pytest.raises(SchemaError, match="column 'per_week' is missing from table"):
        plot_backtest(TABLE.drop(columns="per_week"))
    with pytest.raises(DataError, match="table has no rows"):
        plot_backtest(TABLE.iloc[:0])
