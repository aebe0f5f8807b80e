from __future__ import annotations

import numpy as np
import pytest

import churnlib as cl
from churnlib.calendar import DAY_US
from churnlib.exceptions import HistoryError, ParameterError, ParameterTypeError
from tests.outcomes.worlds import make_log, stamp

DAY = DAY_US


def world():
    # a is silent for 40 days and comes back; b is silent for good from day 10 on.
    days = [("a", 0), ("a", 40), ("a", 50), ("b", 0), ("b", 10)]
    return make_log([{"id": who, "t": day * DAY} for who, day in days], until=100 * DAY)


def test_counts_by_hand():
    table = cl.compare_definitions(
        world(), {"30": cl.Inactivity("30d"), "45": cl.Inactivity("45d"), "99": cl.Inactivity("99d")}
    )
    assert table.index.tolist() == ["30", "45", "99"]
    assert table.index.name == "definition"
    # 30 days: a lost on day 30, back on 40, lost on 80; b lost on day 40.
    first = table.loc["30"]
    assert (first["customers"], first["lost"], first["lost_customers"], first["immature"]) == (2, 3, 2, 0)
    assert (first["came_back"], first["days_until_known"]) == (1 / 3, 30.0)
    assert (first["at_risk"], first["gone"]) == (0, 2)
    assert first["lost_per_year"] == pytest.approx(3 * 365 / (30 + 40 + 40))
    assert table["lost"].tolist() == [3, 2, 0]
    assert table["came_back"].tolist()[:2] == [1 / 3, 0.0]
    assert np.isnan(table.loc["99", "came_back"])
    assert np.isnan(table.loc["99", "days_until_known"])
    assert table.loc["99", "immature"] == 2


def test_at_is_the_instant_of_the_risk_set():
    table = cl.compare_definitions(world(), {"30": cl.Inactivity("30d")}, at=stamp(35 * DAY))
    assert table[["at_risk", "gone"]].values.tolist() == [[1, 1]]


def test_at_goes_by_what_was_known_then():
    rows = [{"id": "a", "t": 0, "known": 0}, {"id": "a", "t": 20 * DAY, "known": 60 * DAY}]
    table = cl.compare_definitions(make_log(rows, until=100 * DAY), {"30": cl.Inactivity("30d")}, at=stamp(40 * DAY))
    assert table[["at_risk", "gone"]].values.tolist() == [[0, 1]]


def test_columns_keep_their_types_when_nobody_is_lost():
    table = cl.compare_definitions(world(), {"x": cl.Inactivity("99d")})
    assert [str(dtype) for dtype in table.dtypes] == ["int64"] * 3 + ["float64"] * 2 + ["int64"] * 3 + ["float64"]


@pytest.mark.parametrize(
    ("definitions", "error", "text"),
    [
        ({}, ParameterError, "there are no definitions to compare"),
        ([cl.Inactivity("60d")], ParameterTypeError, "definitions is a list"),
        ({"60": "60d"}, ParameterTypeError, "the definition '60' is a str"),
    ],
)
def test_refuses_what_cannot_be_compared(definitions, error, text):
    with pytest.raises(error, match=text):
        cl.compare_definitions(world(), definitions)


def test_refuses_an_instant_beyond_the_data():
    with pytest.raises(HistoryError, match="beyond the end of the data"):
        cl.compare_definitions(world(), {"60": cl.Inactivity("60d")}, at=stamp(101 * DAY))
