"""The lines are the columns of the curve."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from churnlib.exceptions import AssumptionWarning, SchemaError
from churnlib.metrics import profit_curve
from churnlib.plotting import plot_profit_curve
from tests.metrics.profit_worlds import PAPER, g3, paper


def test_the_lines_are_the_columns() -> None:
    y, s, _ = g3()
    curve = profit_curve(y, s, offer=PAPER)
    ax = plot_profit_curve(curve)
    drawn = {str(line.get_label()): line for line in ax.get_lines()}
    for label, column in (("this ranking", "profit"), ("perfect ranking", "oracle"), ("by lot", "at_random")):
        assert list(drawn[label].get_xdata()) == curve["contacted"].tolist()
        assert list(drawn[label].get_ydata()) == curve[column].tolist()
    best = drawn["best list"]
    assert (best.get_xdata()[0], best.get_ydata()[0]) == (pytest.approx(0.428), pytest.approx(5.208))
    assert [text.get_text() for text in ax.texts] == ["best: contact 43%, 5.21 per customer"]


def test_an_offer_that_never_pays_says_nobody() -> None:
    with pytest.warns(AssumptionWarning, match="nobody is contacted"):
        curve = profit_curve([1, 0], [2, 1], offer=paper(clv=5))
    assert [text.get_text() for text in plot_profit_curve(curve).texts] == ["best: contact nobody"]


def test_another_frame_is_refused() -> None:
    y, s, _ = g3()
    curve = profit_curve(y, s, offer=PAPER)
    with pytest.raises(SchemaError, match="column 'oracle' is missing from curve"):
        plot_profit_curve(curve.drop(columns="oracle"))
