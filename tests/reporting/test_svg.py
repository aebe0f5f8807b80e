"""The shapes of a chart."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.reporting._svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Chart, labelled, ticks


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 6))
def test_ticks_cover_the_range_evenly_and_are_few(low, span, most):
    marks = ticks(low, low + span, most)
    assert marks[0] <= low + 1e-6 * span
    assert marks[-1] >= low + span - 1e-6 * span
    assert len(marks) <= most + 3
    steps = {round((b - a) / (marks[1] - marks[0]), 3) for a, b in itertools.pairwise(marks)}
    assert steps == {1.0}


@pytest.mark.parametrize(
    ("low", "high", "marks"), [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 97, [0, 20, 40, 60, 80, 100])]
)
def test_ticks_are_round(low, high, marks):
    assert ticks(low, high) == marks


def test_a_chart_is_well_formed_and_maps_its_corners():
    chart = Chart("Title <1>", "Words & more", (0, 10), (0, 1))
    assert (chart.px(0), chart.px(10)) == (LEFT, WIDTH - RIGHT)
    assert (chart.py(0), chart.py(1)) == (HEIGHT - BOTTOM, TOP)
    chart.axes(x_ticks=labelled([0, 10], str), y_ticks=labelled([0, 1], str), x_label="<x>")
    chart.line([(0, 0), (10, 1)], "model")
    chart.whiskers([(5, 0.2, 0.8)], "model")
    chart.dots([(5, 0.5)], "model")
    chart.bars([(1, 2, 0.5, "train")])
    tree = ET.fromstring(str(chart.markup()).replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"'))
    names = [element.tag.split("}")[1] for element in tree]
    assert {"title", "desc", "line", "polyline", "circle", "rect", "text"} <= set(names)
    assert tree[0].text == "Title <1>"
    assert tree[1].text == "Words & more"
    assert tree.attrib["role"] == "img"
