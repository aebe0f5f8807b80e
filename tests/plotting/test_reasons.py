"""Bars, bones and texts are the columns of the frame."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib.exceptions import DataError, ParameterError, SchemaError
from churnlib.plotting import plot_fishbone, plot_pareto
from churnlib.reasons import fishbone_table, pareto_table

COUNTS = {"PRC01": 12, "SRV01": 9, "SRV02": 6, "SRV03": 3, "SRV04": 2, "SRV05": 1, "CMP01": 4, "INV01": 1}
SURVEY = pd.DataFrame(
    [(None if n % 3 == 0 else f"{code}-{n}", code) for code, count in COUNTS.items() for n in range(count)],
    columns=["customer_id", "code"],
)


def test_the_bars_are_the_shares_and_the_line_their_sum() -> None:
    table = pareto_table(SURVEY, by="code")
    ax = plot_pareto(table)
    bars = sorted((patch.get_y(), patch.get_width()) for patch in ax.patches)  # type: ignore[attr-defined]
    assert [width for _, width in bars] == table["share"].tolist()
    (line,) = ax.get_lines()
    assert np.asarray(line.get_xdata()).tolist() == table["cumulative_share"].tolist()
    assert [label.get_text() for label in ax.get_yticklabels()][:2] == [
        "Price too high (12)",
        "Attitude or skill of staff (9)",
    ]
    assert ax.yaxis_inverted()


def test_the_few_stand_out() -> None:
    table = pareto_table(SURVEY, by="code")
    colours = {patch.get_facecolor() for patch in plot_pareto(table).patches}
    assert len(colours) == 2
    assert len({patch.get_facecolor() for patch in plot_pareto(table[table["vital"]]).patches}) == 1


def test_every_theme_is_a_bone_and_every_reason_a_twig() -> None:
    ax = plot_fishbone(fishbone_table(SURVEY), most=3)
    texts = [text.get_text() for text in ax.texts]
    assert texts[:5] == [
        "Service and product quality  55%",
        "Attitude or skill of staff  24%",
        "Complaint unsolved, or slow answer  16%",
        "Outage, or poor network  7.9%",
        "… 2 more  7.9%",
    ]
    assert "Payment failed  2.6%" in texts
    assert [text for text in texts if "more" in text] == ["… 2 more  7.9%"]
    widths = [line.get_linewidth() for line in ax.get_lines() if line.get_color() == "#0072B2"]
    assert len(widths) == 4
    assert widths == sorted(widths, reverse=True)


def test_a_single_theme_can_be_drawn() -> None:
    table = fishbone_table(SURVEY[SURVEY["code"] == "INV01"]).reset_index()
    assert [text.get_text() for text in plot_fishbone(table).texts] == [
        "Payment and disconnection  100%",
        "Payment failed  100%",
    ]


def test_wrong_input_is_named() -> None:
    with pytest.raises(SchemaError, match="column 'cumulative_share' is missing from table"):
        plot_pareto(pareto_table(SURVEY).drop(columns="cumulative_share"))
    with pytest.raises(SchemaError, match="column 'theme' is missing from table"):
        plot_fishbone(fishbone_table(SURVEY).reset_index(drop=True))
    with pytest.raises(DataError, match="table has no rows"):
        plot_fishbone(fishbone_table(SURVEY).iloc[:0])
    with pytest.raises(ParameterError, match="most=0"):
        plot_fishbone(fishbone_table(SURVEY), most=0)
