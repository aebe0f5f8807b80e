"""Dots, rings and intervals are the columns of the frame."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib.numerics import shrunken_rates
from churnlib.plotting import plot_rates

TABLE = pd.DataFrame(
    {
        "trials": [1240, 12, 0],
        "rate": [0.10, 0.50, np.nan],
        "shrunken": [0.10, 0.17, 0.12],
        "low": [0.08, 0.05, 0.02],
        "high": [0.13, 0.33, 0.30],
        "prior_mean": 0.11,
    },
    index=["North", "Islands", "New"],
)


def test_the_artists_are_the_columns() -> None:
    ax = plot_rates(TABLE)
    drawn = {str(line.get_label()): np.asarray(line.get_xdata()) for line in ax.get_lines()}
    assert np.array_equal(drawn["as counted"], TABLE["rate"].to_numpy(), equal_nan=True)
    assert drawn["shrunken estimate"].tolist() == TABLE["shrunken"].tolist()
    assert drawn["usual: 11%"].tolist() == [0.11, 0.11]
    intervals = next(lines for lines in ax.collections if lines.get_label() == "interval")
    ends = [segment[:, 0].tolist() for segment in intervals.get_segments()]  # type: ignore[attr-defined]
    assert ends == TABLE[["low", "high"]].to_numpy().tolist()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["North (1,240)", "Islands (12)", "New (0)"]
    assert ax.yaxis_inverted()


def test_without_the_usual_rate_there_is_no_line() -> None:
    assert len(plot_rates(TABLE.drop(columns="prior_mean")).get_lines()) == 2


def test_it_draws_what_the_shrinkage_makes() -> None:
    table = shrunken_rates([3, 12, 41, 0], [3, 80, 400, 0])
    assert len(plot_rates(table).get_yticklabels()) == 4
