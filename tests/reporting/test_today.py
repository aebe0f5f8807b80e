"""How a reason is worded."""

from __future__ import annotations

import math

import numpy as np
import pytest

from churnlib.reporting import _today

WORDS = {
    "any.recency": ("days from the last event to the cutoff", "days"),
    "any.sum": ("money of events in the 30d.", "money"),
}


@pytest.mark.parametrize(
    ("feature", "value", "text", "shown"),
    [
        ("any.recency", 51.26, "Days from the last event to the cutoff", "51.3"),
        ("any.recency", math.nan, "Days from the last event to the cutoff", "none yet"),
        ("any.sum", np.float64(12.0), "Money of events in the 30 days", "12"),
        ("plan", "gold", "Plan", "gold"),
    ],
)
def test_a_reason_in_words(feature, value, text, shown):
    reason = _today._reason(feature, value, WORDS)
    assert (reason["feature"], reason["text"], reason["shown"]) == (feature, text, shown)
    assert reason["value"] is None or reason["value"] == value


def test_a_unit_that_the_words_do_not_name_is_added():
    assert _today._reason("x", 3.0, {"x": ("silence", "days")})["shown"] == "3 days"


def test_the_profit_curve_holds_its_top_and_starts_at_nothing():
    gain = np.array([3.0, -1.0, 2.0, -5.0])
    curve = _today.profit_curve(gain)
    assert curve == {"contacted": [0, 1, 2, 3, 4], "gain": [0.0, 3.0, 5.0, 4.0, -1.0]}
    assert _today.profit_curve(np.array([-2.0, -1.0]))["gain"] == [0.0, -1.0, -3.0]
