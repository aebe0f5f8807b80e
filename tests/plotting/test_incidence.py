"""Areas are the incidences, each on top of those before it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import pandas as pd

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError
from churnlib.plotting import plot_incidence
from churnlib.survival import AalenJohansen
from churnlib.targets import survival_target

CAUSES = ["price", "moved"]
Y = survival_target([1, 2, 0, 1, 2, 0], [1, 2, 2, 3, 4, 5], causes=CAUSES)


def test_the_areas_add_up_to_all_who_have_left():
    table = AalenJohansen(causes=CAUSES).fit(None, Y).table_
    ax = plot_incidence(table)
    first, second = (area.get_paths()[0].vertices for area in ax.collections)
    price, moved = (table.loc[table["cause"] == cause, "incidence"].to_numpy() for cause in CAUSES)
    assert first[:, 1].max() == pytest.approx(price[-1])
    assert second[:, 1].max() == pytest.approx(price[-1] + moved[-1])
    assert np.isin(np.round(price + moved, 12), np.round(second[:, 1], 12)).all()
    assert ax.get_ylim() == (0.0, 1.0)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == CAUSES


def test_strata_are_drawn_one_at_a_time():
    X = pd.DataFrame({"plan": list("aabbab")})
    table = AalenJohansen(causes=CAUSES, strata="plan").fit(X, Y).table_
    with pytest.raises(DataError, match=r"(?s)table holds 2 strata: a, b.*table\[table\[\"stratum\"\] == 'a'\]"):
        plot_incidence(table)
    assert plot_incidence(table[table["stratum"] == "a"]).get_xlim() == (0.0, 4.0)


@pytest.mark.parametrize(("start", "error"), [(-1, ParameterError), ("x", ParameterTypeError)])
def test_a_start_is_a_tenure(start, error):
    y = survival_target([1, 2, 0], [1, 2, 3], causes=["price", "moved"])
    with pytest.raises(error, match="start"):
        plot_incidence(AalenJohansen().fit(None, y).table_, start=start)
