import decimal
import enum
import fractions

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.classification._category_text import category_text, is_missing
from churnlib.classification._encoder import TableEncoder


class Plan(enum.StrEnum):
    GOLD = "gold"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("gold", "gold"),
        (Plan.GOLD, "gold"),
        (decimal.Decimal("12345678901234567891.0"), "12345678901234567891"),
        (decimal.Decimal("1e400"), "1E+400"),
        (np.str_("gold"), "gold"),
        (True, "True"),
        (np.bool_(False), "False"),
        (2, "2"),
        (2.0, "2"),
        (np.int8(2), "2"),
        (np.float32(2.0), "2"),
        (decimal.Decimal("2.00"), "2"),
        (fractions.Fraction(4, 2), "2"),
        (2.5, "2.5"),
        (decimal.Decimal("2.50"), "2.50"),
        (float("inf"), "inf"),
    ],
)
def test_equal_values_have_equal_texts(value, text):
    assert category_text(value) == text


@pytest.mark.parametrize(
    "value",
    [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT"), decimal.Decimal("NaN"),
     decimal.Decimal("sNaN")],
)  # fmt: skip
def test_what_a_table_holds_as_missing_is_missing(value):
    assert is_missing(value)


@pytest.mark.parametrize("value", ["", "nan", 0, False, 0.0, [1, 2], np.array([1, 2])])
def test_everything_else_is_not(value):
    assert not is_missing(value)


@given(st.one_of(st.text(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.decimals(allow_nan=False)))
def test_the_encoder_names_its_categories_by_it(value):
    learned = TableEncoder.learn(pd.DataFrame({"a": pd.Series(["x", value], dtype=object)}))
    assert set(learned.categories["a"]) == {"x", category_text(value)}


def test_a_member_of_a_text_enumeration_is_found_by_its_text():
    assert {"gold": 1}[category_text(Plan.GOLD)] == 1
