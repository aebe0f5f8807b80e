"""Bars are the shares of the frame; areas of a treemap are too, and cover the whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("matplotlib")

from churnlib.exceptions import DataError, ParameterError
from churnlib.plotting import plot_segments
from churnlib.plotting._segments import _squares

PROFILES = pd.DataFrame(
    {
        "customers": [200, 40, 760, 0],
        "share": [0.2, 0.04, 0.76, 0.0],
        "spend_total_mean": [180.0, 130.0, 30.0, np.nan],
        "spend_share": [0.55, 0.08, 0.37, 0.0],
    },
    index=pd.Index(["Champions", "Can't Lose Them", "Lost", "Nobody"], name="segment"),
)


def test_bars_are_shares_of_customers_and_of_spend() -> None:
    ax = plot_segments(PROFILES)
    widths = [bar.get_width() for bar in ax.patches]  # type: ignore[attr-defined]
    assert widths == [*PROFILES["share"], *PROFILES["spend_share"]]
    assert [label.get_text() for label in ax.get_yticklabels()] == PROFILES.index.tolist()
    assert ax.yaxis_inverted()
    said = [text.get_text() for text in ax.texts]
    assert said[:2] == ["20%  (200)", "4%  (40)"]
    assert said[4:] == ["55%", "8%", "37%", "0%"]


def test_without_spend_there_is_one_bar_for_each() -> None:
    ax = plot_segments(PROFILES.drop(columns="spend_share"))
    assert [bar.get_width() for bar in ax.patches] == PROFILES["share"].tolist()  # type: ignore[attr-defined]
    assert ax.get_legend() is None


def test_areas_are_shares_of_customers_the_largest_first() -> None:
    ax = plot_segments(PROFILES, kind="treemap")
    areas = [box.get_width() * box.get_height() for box in ax.patches]  # type: ignore[attr-defined]
    assert areas == pytest.approx([0.76, 0.2, 0.04])
    said = [text.get_text() for text in ax.texts]
    assert said[0] == "Lost\n760 (76%)"
    assert len(said) == 3


def test_a_box_too_small_for_its_name_is_named_below() -> None:
    profiles = PROFILES.assign(customers=[2000, 3, 7600, 0], share=[0.208, 0.0003, 0.79, 0])
    ax = plot_segments(profiles, kind="treemap")
    assert ax.texts[-1].get_text() == "without a name: Can't Lose Them 3 (0%)"


def test_colours_rise_with_the_column() -> None:
    ax = plot_segments(PROFILES, kind="treemap", colour="spend_total_mean")
    brightness = [sum(box.get_facecolor()[:3]) for box in ax.patches]
    assert brightness[0] > brightness[2] > brightness[1]  # 30, 130, 180
    assert ax.figure.axes[1].get_ylabel() == "spend total, mean per customer"


@pytest.mark.parametrize("drop", [[], ["spend_share"]])
def test_a_treemap_needs_no_colour(drop: list[str]) -> None:
    ax = plot_segments(PROFILES.drop(columns=drop), kind="treemap")
    assert len(ax.figure.axes) == (1 if drop else 2)


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ParameterError, match="kind='pie' is not a choice"):
        plot_segments(PROFILES, kind="pie")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no segment has a customer"):
        plot_segments(PROFILES.assign(customers=0))


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=25), st.sampled_from([0.5, 1.0, 1.7]))
def test_boxes_have_their_areas_and_never_overlap(counts: list[int], wide: float) -> None:
    sizes = np.sort(np.array(counts, dtype=float))[::-1]
    boxes = np.array(_squares(sizes, width=wide))
    x, y, width, height = boxes.T
    assert width * height == pytest.approx(sizes / sizes.sum(), rel=1e-9)
    assert boxes[:, :2].min() >= -1e-9
    assert max((x + width).max(), (y + height).max()) <= 1 + 1e-9
    for one in range(len(boxes)):
        for other in range(one):
            over_x = min(x[one] + width[one], x[other] + width[other]) - max(x[one], x[other])
            over_y = min(y[one] + height[one], y[other] + height[other]) - max(y[one], y[other])
            assert min(over_x, over_y) <= 1e-9


def test_boxes_by_hand() -> None:
    """Areas 6, 6, 4, 3, 2, 2, 1 in 6 × 4: two of 3 × 2 at the left, then a row of depth 7/3, then columns."""
    boxes = np.array(_squares(np.array([6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0]), width=1.5)) * [6, 4, 6, 4]
    low = 5 / 3
    assert boxes == pytest.approx(
        np.array(
            [
                [0, 2, 3, 2],
                [0, 0, 3, 2],
                [3, low, 12 / 7, 7 / 3],
                [3 + 12 / 7, low, 9 / 7, 7 / 3],
                [3, 0, 1.2, low],
                [4.2, 0, 1.2, low],
                [5.4, 0, 0.6, low],
            ]
        )
    )
