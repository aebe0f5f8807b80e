"""Lines are the columns of the frame; the chosen number is marked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib.exceptions import ParameterError
from churnlib.plotting import plot_cluster_choice

SELECTION = pd.DataFrame(
    {
        "k": [2, 3, 4],
        "inertia": [9.0, 5.0, 4.0],
        "silhouette": [0.41, 0.48, -0.2],
        "stability": [0.99, 0.95, np.nan],
        "chosen": [False, True, False],
    }
)


def test_the_lines_are_the_columns() -> None:
    ax = plot_cluster_choice(SELECTION, min_stability=0.8)
    lines = {str(line.get_label()).partition(":")[0]: line for line in ax.get_lines()}
    for name in ("silhouette", "stability"):
        assert np.asarray(lines[name].get_xdata()).tolist() == [2, 3, 4]
        assert np.array_equal(np.asarray(lines[name].get_ydata()), SELECTION[name].to_numpy(), equal_nan=True)
    assert list(lines["least stability asked for (0.8)"].get_ydata()) == [0.8, 0.8]
    assert ax.get_title(loc="left") == "How many clusters? Chosen: 3"
    assert ax.get_ylim()[0] < -0.2


def test_nothing_chosen_marks_nothing() -> None:
    ax = plot_cluster_choice(SELECTION.assign(chosen=False))
    assert ax.get_title(loc="left") == "How many clusters?"
    assert len(ax.get_lines()) == 2


def test_a_stability_beyond_one_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"min_stability=1\.5 is out of range"):
        plot_cluster_choice(SELECTION, min_stability=1.5)
