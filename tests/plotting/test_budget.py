"""Lines and dots are the columns of the frames."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib.exceptions import ParameterError
from churnlib.metrics import cost_curve
from churnlib.plotting import plot_cost_curve, plot_policies, plot_shadow_price
from tests.metrics.uplift_worlds import offers

ROWS = offers(np.random.default_rng(0), 300)
CURVES = {name: cost_curve(ROWS["effect"], ROWS[name], cost=[1.0, 2.0], points=5) for name in ("score", "other")}


def test_each_model_has_a_line_and_its_interval() -> None:
    ax = plot_cost_curve(pd.concat(CURVES, names=["model"]))
    drawn = {str(line.get_label()): line for line in ax.get_lines()}
    for name, curve in CURVES.items():
        assert list(drawn[name].get_xdata()) == curve["budget"].tolist()
        assert list(drawn[name].get_ydata()) == curve["gain"].tolist()
    assert list(drawn["by lot"].get_ydata()) == CURVES["score"]["at_random"].tolist()
    assert ax.collections[0].get_paths()[0].vertices[:, 1].max() == pytest.approx(CURVES["score"]["high"].max())


def test_prices_and_the_least_of_them() -> None:
    ax = plot_shadow_price(CURVES["score"], least=0.4)
    least, line = ax.get_lines()
    assert (least.get_ydata()[0], least.get_label()) == (0.4, "pays above 0.4")
    assert list(line.get_ydata()) == CURVES["score"]["shadow_price"].tolist()
    with pytest.raises(ParameterError, match=r"least=-1\.0 is out of range"):
        plot_shadow_price(CURVES["score"], least=-1)


def test_policies_stand_in_their_order_and_zero_is_marked_where_it_is_near() -> None:
    table = pd.DataFrame({"policy": ["b", "a"], "value": [2.0, 1.0], "low": [1.5, 0.5], "high": [2.5, 1.5]})
    ax = plot_policies(table)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["b", "a"]
    assert len(ax.get_lines()) == 1
    assert list(ax.get_lines()[0].get_xdata()) == [2.0, 1.0]
    assert len(plot_policies(table.assign(low=[1.5, -0.5])).get_lines()) == 2
