"""Types and units against columns: what does not fit is said with its place."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from churnlib.exceptions import SchemaError
from churnlib.expressions import ColumnType, Expression

TYPES = {
    "any.recency": ColumnType("number", "days"),
    "gap_hours": ColumnType("number", "h"),
    "silence": ColumnType("length"),
    "spend": ColumnType("number", "money"),
    "n": ColumnType("number", "count"),
    "x": ColumnType("number"),
    "plan": ColumnType("text"),
    "active": ColumnType("boolean"),
    "empty": ColumnType("unknown"),
    "at": ColumnType("timestamp[us]"),
}
ROW = {
    "any.recency": 30.0, "gap_hours": 24.0, "silence": dt.timedelta(days=2), "spend": 10.0, "n": 4, "x": 2.0,
    "plan": "basic", "active": True, "empty": None, "at": pd.Timestamp("2025-01-01"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("any.recency >= 30d", True),
        ("any.recency > 30d", False),
        ("any.recency >= 720h", True),
        ("any.recency >= 30", True),  # a bare number is in the unit of the column
        ("30d <= any.recency", True),
        ("any.recency between 4w and 5w", True),
        ("any.recency in (30d, 60d)", True),
        ("any.recency in (29d, 60)", False),
        ("any.recency - 1w == 23d", True),
        ("any.recency > 2 * 14d", True),
        ("gap_hours == 1d", True),
        ("gap_hours * 2 == silence", True),
        ("any.recency / 30d == 1", True),
        ("any.recency > gap_hours", True),
        ("any.recency / gap_hours == 30", True),
        ("silence >= 48h", True),
        ("silence / 2 == 1d", True),
        ("-silence < 0d", True),
        ("abs(-silence) == 2d", True),
        ("silence * n == 8d", True),
        ("n * silence == 8d", True),
        ("min(silence, 1d) == 24h", True),
        ("coalesce(silence, 0d) > 1d", True),
        ("any.recency >= x", True),  # x does not state its unit
        ("spend / n == 2.5", True),
        ("spend * 2 >= spend + 10", True),
        ("spend * n > 30", True),
        ("n / any.recency < 1", True),
        ("2 / x == 1", True),
        ("empty > 3", None),
        ("empty == 'x'", None),
        ("empty and active", None),
        ("empty", None),
        ("empty == empty", None),
        ("empty in ('x', 'y')", None),
        ("empty is missing", True),
        ("coalesce(empty, plan) == 'basic'", True),
        ("coalesce(empty, n) == 4", True),
        ("coalesce(empty, active)", True),
        ("-empty is missing", True),
        ("at is not missing", True),
        ("active == true", True),
        ("active != (n > 3)", False),
        ("(n / 0 > 1) is missing", True),
        ("plan + x is missing", "error"),
    ],
)
def test_units_and_kinds(text: str, expected: object) -> None:
    if expected == "error":
        with pytest.raises(SchemaError, match=r"plan is a text and stands where a number was expected"):
            Expression(text).bind(TYPES)
    else:
        assert Expression(text).bind(TYPES)(ROW) is expected


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("recncy > 3", r"at character 1: 'recncy' is no column \(did you mean 'any\.recency'"),
        ("any.recncy > 3 and x", r"did you mean 'any\.recency'\?.*\nFix: any\.recency > 3 and x\n    any\.recncy"),
        ("zzz > 3", r"'zzz' is no column \(available: any\.recency, gap_hours, .*\); 10 columns are at hand"),
        ("x > 1 and Plan == 'a'", r"at character 11: 'Plan' is no column \(did you mean 'plan'\?\)"),
        ("Plan is missing", r"'Plan' is no column"),
        ("plan > 3", r"at character 8: 3 is a number and stands where a text was expected.*\nFix: plan == \"3\"\n"),
        (
            "n == 'x'",
            r"at character 6: \"x\" is a text and stands where a number was expected.*\nFix: n == x, where x is a col",
        ),
        ("-plan > 2", r"plan is a text and stands where a number was expected.*\nFix: plan == 'basic'\n"),
        ("n in ('x')", r"\"x\" is a text and stands where a number was expected.*\nFix: n == x, where x is a column"),
        ("n in ('3')", r"\"3\" is a text and stands where a number was expected.*\nFix: n in \(3\)\n"),
        ("plan", r"plan is a text and stands where a condition was expected.*\nFix: plan == 'basic'"),
        ("n", r"n is a number and stands where a condition was expected.*\nFix: n > 0"),
        ("n and active", r"at character 1: n is a number and stands where a condition"),
        ("not n", r"at character 5: n is a number"),
        ("active > 1", r"1 is a number and stands where a condition was expected.*\nFix: active, not active\n"),
        ("active > active", r"boolean values are compared by >"),
        ("at > 3", r"at holds a timestamp\[us\] and stands where a number was expected.*\nFix: at is missing"),
        ("at", r"at holds a timestamp\[us\] and stands where a condition"),
        ("x > 30d", r"a length of time stands beside a number that says no unit of time.*\nFix: units="),
        ("silence > 30", r"a length of time stands beside a number that says no unit"),
        ("coalesce(silence, 0) > 1d", r"a length of time stands beside a number that says no unit"),
        ("spend > any.recency", r"a number in money stands beside a length of time; both sides are of one unit"),
        ("spend + n > 1", r"a number in money stands beside a number in count"),
        ("min(spend, n) > 1", r"a number in money stands beside a number in count"),
        ("spend in (30d)", r"a number in money stands beside a length of time"),
        ("any.recency * gap_hours > 1", r"two lengths of time are multiplied"),
        ("n / 30d > 1", r"a number is divided by a length of time"),
        ("active in (1)", r"1 is a number and stands where a condition was expected"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, match: str) -> None:
    with pytest.raises(SchemaError, match=match):
        Expression(text).bind(TYPES)
