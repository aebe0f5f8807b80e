"""The cells hold the numbers of the frame, where the frame puts them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from churnlib.clv._bgnbd import BGNBD
from churnlib.clv._frequency_recency import frequency_recency_matrix
from churnlib.exceptions import ParameterError
from churnlib.plotting import plot_frequency_recency

MODEL = BGNBD.from_params({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})


@pytest.mark.parametrize("value", ["expected_purchases", "p_alive", "p_no_purchase"])
def test_the_colours_are_the_numbers_of_the_frame(value: str) -> None:
    table = frequency_recency_matrix(MODEL, T=39, t=13)
    ax = plot_frequency_recency(table, value=value, unit="weeks")  # type: ignore[arg-type]
    (mesh,) = ax.collections
    drawn = np.ma.filled(mesh.get_array(), np.nan)  # type: ignore[arg-type]
    assert np.array_equal(drawn, table[value].unstack().to_numpy(), equal_nan=True)
    assert mesh.get_clim() == (0.0, 1.0 if value != "expected_purchases" else float(table[value].max()))
    assert not ax.texts
    assert ("next 13 weeks" in ax.get_title(loc="left")) == (value != "p_alive")
    assert "39 weeks ago" in ax.get_title(loc="left")


def test_few_cells_are_written_and_placed_by_their_recency() -> None:
    table = frequency_recency_matrix(MODEL, T=52, t=13, max_frequency=2, recency=[0, 26, 48])
    ax = plot_frequency_recency(table, value="p_alive", unit="weeks")
    written = {(text.get_position(), text.get_text()) for text in ax.texts}
    assert ((0.0, 0.0), "100%") in written
    assert ((48.0, 2.0), f"{100 * table.loc[(2, 48.0), 'p_alive']:.0f}%") in written
    assert len(written) == 1 + 2 * 2
    assert ax.get_xticks().tolist() == [0, 26, 48]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["52", "26", "4"]
    assert ax.collections[0].get_coordinates()[0, :, 0].tolist() == [-13, 13, 37, 59]  # type: ignore[attr-defined]


def test_the_ticks_tell_the_time_since_the_last_purchase() -> None:
    ax = plot_frequency_recency(frequency_recency_matrix(MODEL, T=39, t=13), unit="weeks")
    for tick, label in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True):
        assert tick == pytest.approx(39 - float(label.get_text()))


def test_one_recency_alone_can_be_drawn() -> None:
    table = frequency_recency_matrix(MODEL, T=39, t=13, max_frequency=3, recency=[39])
    assert len(plot_frequency_recency(table).texts) == 3


def test_an_unknown_value_is_refused() -> None:
    table = frequency_recency_matrix(MODEL, T=39, t=13)
    with pytest.raises(ParameterError, match="value='alive' is not a choice"):
        plot_frequency_recency(table, value="alive")  # type: ignore[arg-type]
