"""Bars and lines are the columns of the table."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from churnlib.exceptions import SchemaError
from churnlib.metrics import lift_table
from churnlib.plotting import plot_gains, plot_lift
from tests.metrics.profit_worlds import g3


def test_bars_are_the_lift_of_the_bins() -> None:
    y, s, _ = g3()
    table = lift_table(y, s)
    ax = plot_lift(table)
    assert [bar.get_height() for bar in ax.patches] == table["lift"].tolist()
    drawn = {str(line.get_label()): line for line in ax.get_lines()}
    assert list(drawn["up to this bin"].get_ydata()) == table["cumulative_lift"].tolist()
    assert list(drawn["chance"].get_ydata()) == [1.0, 1.0]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == [str(bin_) for bin_ in range(1, 11)]
    assert plot_lift(table.reset_index()).get_ylim()[0] == 0


def test_gains_run_from_nobody_to_everybody() -> None:
    y, s, _ = g3()
    table = lift_table(y, s)
    drawn = {str(line.get_label()): line for line in plot_gains(table).get_lines()}
    assert list(drawn["this ranking"].get_ydata()) == [0.0, *table["captured"]]
    assert list(drawn["this ranking"].get_xdata()) == pytest.approx([k / 10 for k in range(11)])
    assert list(drawn["perfect ranking"].get_xdata()) == pytest.approx([0, 0.189, 1])


def test_another_frame_is_refused() -> None:
    y, s, _ = g3()
    with pytest.raises(SchemaError, match="column 'lift' is missing from table"):
        plot_lift(lift_table(y, s).drop(columns="lift"))
    with pytest.raises(SchemaError, match="column 'captured' is missing from table"):
        plot_gains(lift_table(y, s).drop(columns="captured"))
