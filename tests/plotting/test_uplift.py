"""Lines and bars are the columns of the frames."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib.exceptions import DataError
from churnlib.metrics import uplift_curve, uplift_table
from churnlib.plotting import plot_uplift_curve, plot_uplift_table
from tests.metrics.uplift_worlds import campaign

ROWS = campaign(np.random.default_rng(0), 400)
ARMS = {"treatment": ROWS["treatment"], "propensity": 0.5}


def test_each_model_has_a_line_and_a_band() -> None:
    curves = {name: uplift_curve(ROWS["outcome"], ROWS[name], points=5, **ARMS) for name in ("score", "other")}
    ax = plot_uplift_curve(pd.concat(curves, names=["model"]))
    drawn = {str(line.get_label()): line for line in ax.get_lines()}
    for name, curve in curves.items():
        assert list(drawn[name].get_xdata()) == curve["treated"].tolist()
        assert list(drawn[name].get_ydata()) == curve["gain"].tolist()
    assert list(drawn["by lot"].get_ydata()) == curves["score"]["at_random"].tolist()
    corners = ax.collections[1].get_paths()[0].vertices
    assert corners[:, 1].min() == pytest.approx(curves["other"]["band_low"].min())
    assert corners[:, 1].max() == pytest.approx(curves["other"]["band_high"].max())
    assert drawn["score"].get_color() != drawn["other"].get_color()


def test_one_curve_needs_no_name_and_too_many_are_refused() -> None:
    curve = uplift_curve(ROWS["outcome"], ROWS["score"], points=2, **ARMS)
    assert [line.get_label() for line in plot_uplift_curve(curve).get_lines()[1:]] == ["by lot", "this ranking"]
    many = pd.concat({f"m{i}": curve for i in range(40)}, names=["model"])
    with pytest.raises(DataError, match="curve holds 40 models; at most 28 lines"):
        plot_uplift_curve(many)


def test_bins_below_zero_stand_out() -> None:
    table = uplift_table(ROWS["outcome"], ROWS["score"], bins=5, **ARMS)
    ax = plot_uplift_table(table)
    assert [float(bar.get_height()) for bar in ax.patches] == table["uplift"].tolist()
    colours = [bar.get_facecolor() for bar in ax.patches]
    assert [colour == colours[0] for colour in colours] == (table["uplift"] >= 0).tolist()
    ends = [segment[:, 1].tolist() for segment in ax.collections[0].get_segments()]
    assert ends == table[["low", "high"]].to_numpy().tolist()
    assert ax.get_lines()[1].get_ydata()[0] == pytest.approx(table["uplift"].mean())


def test_bars_are_of_one_model() -> None:
    tables = {name: uplift_table(ROWS["outcome"], ROWS[name], bins=2, **ARMS) for name in ("score", "other")}
    both = pd.concat(tables, names=["model"])
    with pytest.raises(DataError, match=r"(?s)the table holds 2 models \(score, other\).*table\.loc\['score'\]"):
        plot_uplift_table(both)
    assert len(plot_uplift_table(both.loc["score"]).patches) == 2
