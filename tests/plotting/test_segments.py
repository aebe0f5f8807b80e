"""Bars are the shares of the frame; areas of a treemap are too, and cover the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("matplotlib")

from churnlib.exceptions import DataError, ParameterError, SchemaError
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


@pytest.mark.parametrize("kind", ["bars", "treemap"])
@pytest.mark.parametrize(
    "names",
    [
        ["$0 - $50", "$50\\frac - $100", "more", "none"],
        ["a very long name " * 20, "b " * 300, "x" * 400, "short"],
        ["line\nbreak", "\u00dcberl\u00e4ufer \u5ba2\u6237", "`code`", "_hidden"],
    ],
)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_names_of_any_kind_are_written_as_they_are(kind: Any, names: list[str], tmp_path: Any) -> None:
    ax = plot_segments(PROFILES.set_axis(names), kind=kind)
    ax.figure.savefig(tmp_path / "picture.png")
    said = [text.get_text() for text in (*ax.texts, *ax.get_yticklabels())]
    assert any(names[0].split("\n")[0][:20] in text for text in said)


@pytest.mark.parametrize("kind", ["bars", "treemap"])
def test_two_hundred_segments_can_be_drawn(kind: Any, tmp_path: Any) -> None:
    customers = np.arange(1, 201)
    profiles = pd.DataFrame({"customers": customers, "share": customers / customers.sum()})
    ax = plot_segments(profiles, kind=kind)
    ax.figure.savefig(tmp_path / "picture.png", dpi=20)
    if kind == "treemap":
        below = ax.texts[-1].get_text()
        assert below.startswith("without a name: ")
        assert below.endswith(" more")
        assert len(below) < 150


def test_segments_may_stand_in_a_column() -> None:
    labels = plot_segments(PROFILES.reset_index()).get_yticklabels()
    assert [label.get_text() for label in labels] == PROFILES.index.tolist()


@pytest.mark.parametrize("kind", ["bars", "treemap"])
def test_customers_are_counts_and_columns_numbers(kind: Any) -> None:
    for wrong in (-1, np.nan):
        with pytest.raises(DataError, match=r"'customers' is negative or missing in 1 of 4 rows \(row 1\)"):
            plot_segments(PROFILES.assign(customers=[1, wrong, 2, 3]), kind=kind)
    with pytest.raises(SchemaError, match=r"column 'customers' of profiles holds .* values; numbers were expected"):
        plot_segments(PROFILES.assign(customers=list("abcd")), kind=kind)
    with pytest.raises(SchemaError, match="column 'plan' of profiles holds"):
        plot_segments(PROFILES.assign(plan=list("abcd")), kind=kind, colour="plan")
