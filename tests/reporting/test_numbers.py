"""Numbers as people read them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.reporting import _numbers as shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (shown.decimal(-1234.5, 1), "−1,234.5"),
        (shown.decimal(-0.001, 2), "0.00"),
        (shown.count(1_000_000), "1,000,000"),
        (shown.number(3.0), "3"),
        (shown.number(3.14159), "3.14"),
        (shown.number(0.0123), "0.012"),
        (shown.number(31.4159), "31.4"),
        (shown.number(314.159), "314"),
        (shown.percent(0.0321), "3.2\u202f%"),
        (shown.percent(0.321), "32\u202f%"),
        (shown.percent(0.197, 1), "19.7\u202f%"),
        (shown.money(12.5), "12.50"),
        (shown.money(1234.5, "EUR"), "1,234\u00a0EUR"),
        (shown.between(1, 2), "1 to 2"),
        (shown.day("2011-12-09T12:50:00+00:00"), "9 December 2011"),
        (shown.instant("2011-12-09T12:50:00+00:00"), "9 December 2011, 12:50"),
        (shown.instant("2011-12-09T00:00:00+01:00"), "9 December 2011"),
    ],
)
def test_forms(text, expected):
    assert text == expected


@pytest.mark.parametrize("missing", [None, math.nan, np.float64("nan"), pd.NA, pd.NaT, math.inf])
def test_what_is_missing_is_a_dash(missing):
    for show in (shown.decimal, shown.count, shown.number, shown.percent, shown.money):
        assert show(missing) == "–"
    assert shown.between(missing, 1.0) == "–"
    assert shown.plain(missing) is None


def test_plain_values_are_what_json_knows():
    stamp = pd.Timestamp("2025-01-01", tz="UTC")
    given_ = {"a": np.int64(3), "b": [np.float64(0.5), np.bool_(True)], "c": (stamp, math.nan)}
    assert shown.plain(given_) == {"a": 3, "b": [0.5, True], "c": ["2025-01-01T00:00:00+00:00", None]}


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9))
def test_a_shown_number_is_the_number_rounded(value):
    text = shown.number(value).replace("−", "-").replace(",", "")
    half = next(step for least, step in ((100, 0.5), (10, 0.05), (0.1, 0.005), (0, 0.0005)) if abs(value) >= least)
    assert abs(float(text) - value) <= half * 1.000001
