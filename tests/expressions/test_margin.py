"""The margin of a condition: positive where it holds, in the unit of the value, and nothing where distance is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from churnlib.exceptions import SchemaError
from churnlib.expressions import Columns, Expression
from churnlib.expressions._margin import margin_of

FRAME = pd.DataFrame(
    {
        "days": [5.0, None],
        "usual": [10.0, 4.0],
        "plan": ["basic", None],
        "flag": pd.array([True, None], dtype="boolean"),
        "wait": pd.to_timedelta([36, None], unit="h"),
        "at": pd.to_datetime(["2026-01-01", None]),
    }
)
CASES: list[tuple[str, Any, Any, Any]] = [
    ("days >= 3", [5.0, None], [3.0] * 2, [2.0, None]),
    ("3 > days", [5.0, None], [3.0] * 2, [-2.0, None]),
    ("days < 2 * usual", [5.0, None], [20.0, 8.0], [15.0, None]),
    ("days >= 2d", [5.0, None], [2.0] * 2, [3.0, None]),
    ("days between 1 and 7", [5.0, None], "1 and 7", [2.0, None]),
    ("days == 5", [5.0, None], [5.0] * 2, [None, None]),
    ("wait > 1d", [36 * 3.6e9, None], [24 * 3.6e9] * 2, [12 * 3.6e9, None]),
    ("plan == 'basic'", ["basic", None], '"basic"', [None, None]),
    ("plan in ('free', 'basic')", ["basic", None], '"free", "basic"', [None, None]),
    ("days in (1, 5)", [5.0, None], "1, 5", [None, None]),
    ("days is missing", [5.0, None], "missing", [None, None]),
]


@pytest.mark.parametrize(("text", "value", "threshold", "margin"), CASES)
def test_value_threshold_and_margin(text: str, value: Any, threshold: Any, margin: Any) -> None:
    columns = Columns(FRAME, units={"days": "days", "usual": "days"})
    found = margin_of(Expression(text), columns)

    def listed(values: Any) -> list[Any]:
        return [None if pd.isna(one) else one for one in np.broadcast_to(np.asarray(values, dtype=object), 2)]

    assert listed(found.value(columns)) == value
    read = found.threshold if isinstance(found.threshold, str) else found.threshold(columns)
    shown = float(read) if isinstance(read, str) and read.isdigit() else read
    assert listed(shown) == listed(threshold)
    assert listed(np.nan if found.margin is None else found.margin(columns)) == margin
    true, false = found.holds(columns)
    assert (bool(true[0]), bool(false[0])) == (
        Expression(text).evaluate(FRAME, units={"days": "days", "usual": "days"})[0],
    ) * 1 + (not true[0],)


@pytest.mark.parametrize("text", ["flag", "at is missing"])
def test_a_truth_has_no_threshold(text: str) -> None:
    columns = Columns(FRAME)
    found = margin_of(Expression(text), columns)
    assert (found.threshold, found.margin, found.kind) == ("", None, "boolean")


def test_a_name_that_is_no_column_is_refused() -> None:
    with pytest.raises(SchemaError, match="did you mean 'days'"):
        margin_of(Expression("day > 1"), Columns(FRAME))


def test_a_column_without_any_value_is_in_every_unit() -> None:
    assert Expression("days >= 4w").evaluate({"days": None}) is None
    assert Expression("abs(days - usual) >= 4w").evaluate({"days": None, "usual": None}) is None
    with pytest.raises(SchemaError, match="says no unit of time"):
        Expression("days >= 4w").evaluate({"days": 3.0})
