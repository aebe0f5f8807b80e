"""The page's four charts, drawn from the numbers that the page also holds as data."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from churnlib.reporting._numbers import count, day, decimal, money
from churnlib.reporting._svg import Chart, labelled, ticks

__all__ = ["churn_chart", "gain_chart", "profit_chart", "reliability_chart"]


def _share(value: float) -> str:
    return f"{100 * value:g} %"


def gain_chart(curve: dict[str, Any], rule: str | None) -> Markup:
    """Draw the share of leavers found against the share of customers contacted."""
    chart = Chart(
        "Leavers found by list length",
        "Share of the customers who left that a list of the given length would have found: "
        f"the model, {f'{rule}, ' if rule else ''}and chance.",
        (0, 1),
        (0, 1),
    )
    quarters = labelled([0, 0.25, 0.5, 0.75, 1], _share)
    chart.axes(x_ticks=quarters, y_ticks=quarters, x_label="customers contacted, ranked")
    chart.line([(0, 0), (1, 1)], "chance")
    if curve["rule"] is not None:
        chart.line(list(zip(curve["share"], curve["rule"], strict=True)), "rule")
    chart.line(list(zip(curve["share"], curve["model"], strict=True)), "model")
    return chart.markup()


def reliability_chart(bins: list[dict[str, Any]]) -> Markup:
    """Draw observed against predicted churn in groups of equal size."""
    top = max(max(entry["high"], entry["predicted"]) for entry in bins)
    scale = ticks(0, min(max(top, 0.05), 1))
    chart = Chart(
        "Predicted and observed churn",
        "Customers in groups of equal size by predicted risk; each dot is a group's observed churn rate with "
        "its 95 % interval. On the diagonal the prediction is right.",
        (0, scale[-1]),
        (0, scale[-1]),
    )
    marks = labelled(scale, _share)
    chart.axes(x_ticks=marks, y_ticks=marks, x_label="predicted churn")
    chart.line([(0, 0), (scale[-1], scale[-1])], "chance")
    chart.whiskers([(entry["predicted"], entry["low"], entry["high"]) for entry in bins], "model")
    chart.dots([(entry["predicted"], entry["observed"]) for entry in bins], "model")
    return chart.markup()


def churn_chart(cutoffs: list[dict[str, Any]]) -> Markup:
    """Draw the churn rate at every labelled cutoff, by its part in the test."""
    labelled_cutoffs = [entry for entry in cutoffs if entry["rate"] is not None]
    scale = ticks(0, max([entry["rate"] for entry in labelled_cutoffs] + [0.01]), 4)
    places = len(labelled_cutoffs)
    chart = Chart(
        "Churn rate by cutoff",
        "Share of the customers at risk at each cutoff who churned in its label window.",
        (-0.5, places - 0.5),
        (0, scale[-1]),
    )
    step = max(1, -(-places // 5))
    names = [(index, day(labelled_cutoffs[index]["cutoff"])[:-5]) for index in range(0, places, step)]
    # "1 September" is too long for a tick; three letters of the month do.
    chart.axes(
        x_ticks=[(index, " ".join([name.split()[0], name.split()[1][:3]])) for index, name in names],
        y_ticks=labelled(scale, _share),
        x_label="cutoff",
    )
    chart.bars(
        [(index - 0.36, index + 0.36, entry["rate"], entry["split"]) for index, entry in enumerate(labelled_cutoffs)]
    )
    return chart.markup()


def profit_chart(curve: dict[str, Any], best: int, gain: float, currency: str | None) -> Markup:
    """Draw the expected gain of contacting the first n customers."""
    points = list(zip(curve["contacted"], curve["gain"], strict=True))
    values = [value for _, value in points]
    low, high = min(*values, 0.0), max(*values, 0.0)
    if high > 0:
        low = max(low, -high)  # far below zero is just below zero: the interesting part is the hill
    scale = ticks(low, high if high > low else low + 1, 4)
    shown = [(x, y) for x, y in points if y >= scale[0]]
    wide = ticks(0, max(shown[-1][0], 1), 4)
    chart = Chart(
        "Expected gain by number of contacts",
        f"Expected gain of contacting the customers with the highest expected gain; it is largest at {count(best)} "
        f"contacts, {money(gain, currency)}.",
        (0, max(shown[-1][0], 1)),
        (scale[0], scale[-1]),
    )
    chart.axes(
        x_ticks=labelled([value for value in wide if value <= chart.x[1]], count),
        y_ticks=labelled(scale, _short),
        x_label="customers contacted, by expected gain",
    )
    chart.line([(0, 0), (chart.x[1], 0)], "chance")
    chart.line(shown, "model")
    if best > 0:
        chart.dots([(best, gain)], "model", 4.5)
    return chart.markup()


def _short(value: float) -> str:
    """A tick of an axis of money: 1200 is 1.2k."""
    for size, letter in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            return f"{decimal(value / size, 0 if (value / size).is_integer() else 1)}{letter}"
    return decimal(value, 0 if float(value).is_integer() else 1)
