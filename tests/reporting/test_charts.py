"""The charts hold the record's numbers, at their places."""

from __future__ import annotations

import re

import pytest

from churnlib.reporting import _charts
from churnlib.reporting._svg import HEIGHT, LEFT, RIGHT, TOP, WIDTH


def circles(svg: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r'<circle[^>]* cx="([\d.]+)" cy="([\d.]+)"', svg)]


def test_every_point_lies_inside(record):
    charts = [
        _charts.gain_chart(record["gain_curve"], record["test"]["rule"]),
        _charts.reliability_chart(record["reliability"]),
        _charts.churn_chart(record["cutoffs"]),
        _charts.profit_chart(record["profit_curve"], record["today"]["contacts"], record["today"]["gain"], "EUR"),
    ]
    for svg in charts:
        for points in re.findall(r'points="([^"]*)"', svg):
            for pair in points.split():
                x, y = map(float, pair.split(","))
                assert LEFT - 0.1 <= x <= WIDTH - RIGHT + 0.1
                assert TOP - 0.1 <= y <= HEIGHT


def test_the_gain_curve_has_a_line_for_model_rule_and_chance(record):
    assert _charts.gain_chart(record["gain_curve"], "silent 9 days").count("<polyline") == 3
    without = {**record["gain_curve"], "rule": None}
    assert _charts.gain_chart(without, None).count("<polyline") == 2


def test_reliability_draws_one_dot_and_one_whisker_a_group(record):
    svg = _charts.reliability_chart(record["reliability"])
    assert len(circles(svg)) == svg.count("whisker") == len(record["reliability"])


def test_every_labelled_cutoff_is_a_bar_in_the_colour_of_its_part(record):
    svg = _charts.churn_chart(record["cutoffs"])
    drawn = re.findall(r'class="bar (\w+)"', svg)
    assert drawn == [row["split"] for row in record["cutoffs"] if row["rate"] is not None]


def test_the_dot_stands_on_the_top_of_the_hill(record):
    today, curve = record["today"], record["profit_curve"]
    svg = _charts.profit_chart(curve, today["contacts"], today["gain"], None)
    line = re.search(r'class="line model" points="([^"]*)"', svg)[1].split()
    highest = min(float(pair.split(",")[1]) for pair in line)
    assert circles(svg) == [(pytest.approx(circles(svg)[0][0]), pytest.approx(highest, abs=0.11))]


@pytest.mark.parametrize(
    ("value", "text"), [(1200, "1.2k"), (2_000_000, "2m"), (-500, "−500"), (2.5, "2.5"), (3e9, "3bn")]
)
def test_ticks_of_money_are_short(value, text):
    assert _charts._short(value) == text
