"""The steps are the numbers of the table, and below them stands whom they rest on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib.exceptions import DataError, ParameterError
from churnlib.plotting import plot_survival
from churnlib.survival import KaplanMeier
from churnlib.targets import survival_target

Y = survival_target([1, 0, 1, 1, 0, 0, 1, 1], [2, 3, 4, 4, 6, 8, 1, 5])
PLAN = pd.DataFrame({"plan": list("aabbabab")})


def test_the_steps_are_the_survival_of_the_table():
    table = KaplanMeier().fit(None, Y).table_
    ax = plot_survival(table)
    (line,) = ax.get_lines()
    assert line.get_drawstyle() == "steps-post"
    assert np.asarray(line.get_xdata()).tolist() == [0.0, *table["time"]]
    assert np.asarray(line.get_ydata()).tolist() == [1.0, *table["survival"]]
    assert ax.get_legend() is None


def test_each_stratum_has_its_line_and_its_row_of_numbers_at_risk():
    table = KaplanMeier(strata="plan").fit(PLAN, Y).table_
    ax = plot_survival(table)
    assert [line.get_label() for line in ax.get_lines()] == ["a", "b"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    for label, tick in zip(ax.get_xticklabels(), ax.get_xticks(), strict=True):
        counts = [int(((Y["time"] >= tick) & (PLAN["plan"] == plan)).sum()) for plan in "ab"]
        assert label.get_text().split("\n")[1:] == [str(count) for count in counts]
    assert [text.get_text() for text in ax.texts] == ["\nat risk: a\nat risk: b"]


def test_a_curve_of_those_who_reached_a_tenure_begins_there():
    y = survival_target([1, 1, 0], [5, 7, 9], entry=[3, 3, 3])
    model = KaplanMeier().fit(None, y)
    ax = plot_survival(model.table_, start=model.support_[0])
    assert np.asarray(ax.get_lines()[0].get_xdata())[0] == 3.0
    assert ax.get_xlim()[0] == 3.0
    with pytest.raises(ParameterError, match=r"start=-1\.0 is out of range"):
        plot_survival(model.table_, start=-1)


def test_many_strata_are_told_apart_by_their_strokes():
    X = pd.DataFrame({"plan": [f"plan {k}" for k in range(9)]})
    table = KaplanMeier(strata="plan").fit(X, survival_target([1] * 9, range(1, 10))).table_
    lines = plot_survival(table).get_lines()
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == len(lines) == 9


def test_more_strata_than_lines_are_refused_and_not_left_out():
    frame = pd.DataFrame({"branch": np.arange(60) % 30})
    y = survival_target(np.ones(60), np.arange(1, 61))
    table = KaplanMeier(strata="branch").fit(frame, y).table_
    with pytest.raises(DataError, match="table holds 30 strata; at most 28 lines can be told apart"):
        plot_survival(table)
