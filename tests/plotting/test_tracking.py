"""The lines hold the numbers of the frame; the holdout is shaded from its beginning."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")

from churnlib.exceptions import ParameterTypeError
from churnlib.plotting import plot_tracking

UNTIL = pd.date_range("2025-01-08", periods=4, freq="7D", name="until", tz="America/New_York")
TABLE = pd.DataFrame(
    {
        "actual": [4, 9, 12, 10],
        "expected": [4.4, 8.1, 10.3, 9.9],
        "actual_cumulative": [4, 13, 25, 35],
        "expected_cumulative": [4.4, 12.5, 22.8, 32.7],
        "holdout": [False, False, True, True],
    },
    index=UNTIL,
)


@pytest.mark.parametrize(("cumulative", "suffix"), [(False, ""), (True, "_cumulative")])
def test_the_lines_are_the_columns(cumulative: bool, suffix: str) -> None:
    ax = plot_tracking(TABLE, cumulative=cumulative)
    actual, expected = ax.get_lines()[:2]
    local = UNTIL.tz_localize(None).to_numpy()
    for line, name in ((actual, "actual"), (expected, "expected")):
        assert np.array_equal(np.asarray(line.get_xdata()), local)
        assert np.asarray(line.get_ydata()).tolist() == TABLE[f"{name}{suffix}"].tolist()
    assert ax.get_ylim()[0] == 0


def test_the_holdout_is_shaded_from_its_beginning_to_the_end() -> None:
    from matplotlib.dates import date2num

    ax = plot_tracking(TABLE)
    (span,) = ax.patches
    left, right = date2num(np.array(["2025-01-15", "2025-01-29"], dtype="M8[us]"))
    box = span.get_path().get_extents(span.get_patch_transform())
    assert (box.x0, box.x1) == (left, right)
    assert [text.get_text() for text in ax.texts] == ["not seen by the model"]


def test_a_short_row_is_drawn_at_the_pace_of_a_whole_one() -> None:
    table = TABLE.assign(periods=[7, 1, 7, 7])
    actual, expected = (np.asarray(line.get_ydata()) for line in plot_tracking(table).get_lines()[:2])
    assert actual.tolist() == [4, 63, 12, 10]
    assert expected[1] == pytest.approx(8.1 * 7)
    assert np.asarray(plot_tracking(table, cumulative=True).get_lines()[0].get_ydata()).tolist() == [4, 13, 25, 35]


def test_without_a_holdout_nothing_is_shaded() -> None:
    assert not plot_tracking(TABLE.drop(columns="holdout")).patches
    assert not plot_tracking(TABLE.assign(holdout=False)).patches


@pytest.mark.parametrize(("days", "name"), [(7, "week"), (1, "day"), (10, "period")])
def test_the_length_of_a_row_is_named(days: int, name: str) -> None:
    index = pd.date_range("2025-01-08", periods=4, freq=f"{days}D", name="until")
    ax = plot_tracking(TABLE.set_axis(index))
    assert ax.get_title(loc="left") == f"Repeat purchases per {name}"
    assert ax.get_xlabel() == f"End of the {name}"


def test_one_row_can_be_drawn() -> None:
    assert plot_tracking(TABLE.iloc[:1]).get_title(loc="left") == "Repeat purchases per period"


def test_cumulative_is_a_flag() -> None:
    with pytest.raises(ParameterTypeError, match="cumulative is 'yes'"):
        plot_tracking(TABLE, cumulative="yes")  # type: ignore[arg-type]
