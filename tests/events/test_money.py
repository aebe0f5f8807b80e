from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from churnlib._frames import read_columns
from churnlib.events._money import coarsest, exact_sum, multiply, read_amounts, rescale
from churnlib.exceptions import MoneyError, SchemaError

CENTS = st.integers(-(10**12), 10**12)


def read(values, kind=None):
    return read_amounts(pa.chunked_array([pa.array(values, kind)]), name="total")


def of(values):
    """As a pandas column of objects."""
    return read_amounts(
        read_columns(pd.DataFrame({"total": pd.Series(values, dtype=object)}), {"a": "total"})["a"], name="total"
    )


def exact(amounts):
    return [Decimal(int(minor)).scaleb(-amounts.scale) for minor in amounts.minor]


@given(st.lists(st.tuples(CENTS, st.integers(0, 3)), min_size=1, max_size=20))
def test_floats_stand_for_the_decimals_they_were_written_as(pairs):
    decimals = [Decimal(minor).scaleb(-scale) for minor, scale in pairs]
    amounts = read([float(value) for value in decimals])
    assert exact(amounts) == decimals
    needed = [max(0, -int(value.normalize().as_tuple().exponent)) if value else 0 for value in decimals]
    assert amounts.scale == max(needed)


@given(st.lists(st.tuples(st.integers(-(10**17), 10**17), st.integers(0, 6)), min_size=1, max_size=20))
def test_decimals_are_exact_whether_arrow_or_python_holds_them(pairs):
    decimals = [Decimal(minor).scaleb(-scale) for minor, scale in pairs]
    assume(max(abs(value) for value in decimals) < 10**12)
    wide, objects = read(decimals, pa.decimal128(38, 6)), of(decimals)
    narrow = read(decimals, pa.decimal128(18, 6))
    assert exact(wide) == exact(objects) == exact(narrow) == decimals
    assert wide.scale == objects.scale == narrow.scale


@pytest.mark.parametrize("value", [2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63) + 1])
def test_integers_never_pass_through_floats(value):
    assert read([value, 1]).minor.tolist() == [value, 1]
    assert read([value, None]).minor.tolist() == [value, 0]
    assert of([value, Decimal(1)]).minor.tolist() == [value, 1]
    assert exact_sum(np.array([value, value]), 0) == 2 * value


def test_floats_are_exact_up_to_two_to_the_53():
    assert read([float(2**53 - 1)]).minor.tolist() == [2**53 - 1]
    assert read([35184372088831.99]).minor.tolist() == [3518437208883199]
    with pytest.raises(MoneyError, match=r"floats too large to be exact at 0 decimals \(row 0\)"):
        read([float(2**53)])  # it may have been 2**53 + 1, which no float can hold
    with pytest.raises(
        MoneyError,
        match=r"1 amounts in 'total' are floats too large to be exact at 2 decimals \(row 0\).*\nFix: pass decimal",
    ):
        read([90071992547409.94, 0.25])


def test_32_bit_floats_stand_for_short_decimals():
    amounts = read_amounts(pa.chunked_array([pa.array(np.array([11.77, 0.1], dtype=np.float32))]), name="total")
    assert exact(amounts) == [Decimal("11.77"), Decimal("0.10")]
    with pytest.raises(MoneyError, match="too large to be exact"):
        read_amounts(pa.chunked_array([pa.array(np.array([200_000.5, 0.01], dtype=np.float32))]), name="total")


def test_money_finer_than_the_scale_is_counted_and_named():
    with pytest.raises(
        MoneyError,
        match=r"2 amounts in 'total' have more than 6 decimals \(rows 1, 3: 0.30000000000000004, 1e-07\).*\nFix: frame",
    ):
        read([1.5, 0.1 + 0.2, 2.0, 1e-7])
    with pytest.raises(MoneyError, match=r"1 amounts in 'total' have more than 6 decimals \(row 1\)"):
        read([Decimal("1.0000000"), Decimal("0.0000001")], pa.decimal128(18, 7))
    with pytest.raises(MoneyError, match=r"1 amounts in 'total' have more than 6 decimals \(row 0\)"):
        read([Decimal("0.0000001"), None], pa.decimal128(38, 7))


def test_trailing_zeros_are_no_decimals():
    assert read([Decimal("1.5000000000")], pa.decimal128(38, 10)).scale == 1
    assert read([Decimal("1.50")], pa.decimal128(10, 2)).scale == 1


def test_loose_python_numbers_are_exact_together():
    amounts = of([1, 0.1, Decimal("2.25"), None, np.float64(3.5), np.int64(7)])
    assert amounts.minor.tolist() == [100, 10, 225, 0, 350, 700]
    assert amounts.missing.tolist() == [False, False, False, True, False, False]


def test_missing_and_infinite_amounts():
    assert read([1.5, float("nan"), None]).missing.tolist() == [False, True, True]
    assert read([None, None]).missing.all()
    with pytest.raises(MoneyError, match=r"1 amounts in column 'total' are infinite \(row 1\)"):
        read([1.0, float("inf")])
    with pytest.raises(MoneyError, match=r"1 amounts in column 'total' are not finite \(row 0\)"):
        of([Decimal("Infinity"), 1])


def test_amounts_beyond_64_bits_are_named():
    with pytest.raises(MoneyError, match=r"1 amounts in 'total' do not fit 64 bits .*\(row 1\)"):
        read([1, 2**63], pa.uint64())
    with pytest.raises(MoneyError, match=r"do not fit 64 bits"):
        read([Decimal(10) ** 20], pa.decimal128(38, 0))
    with pytest.raises(MoneyError, match=r"too large to be exact"):
        read([2.0**63])
    with pytest.raises(MoneyError, match=r"'amount' do not fit 64 bits"):
        rescale(np.array([2**60]), 0, 2)


@pytest.mark.parametrize(("values", "found"), [([True, False], "bool"), (["1", "2"], "texts"), ([b"1"], "binary")])
def test_a_column_of_another_type(values, found):
    with pytest.raises(SchemaError, match=rf"column 'total' holds {found}, not numbers.*\nFix: pandas.to_numeric"):
        read(values)


def test_three_bad_texts_among_many_numbers_are_named():
    values = [str(i) for i in range(1000)]
    values[3], values[500], values[999] = "free", "n/a", "12,50"
    with pytest.raises(
        SchemaError, match=r"holds texts, and 3 of 1,000 are no numbers \(rows 3, 500, 999: 'free', 'n/a', '12,50'\)"
    ):
        read(values)


def test_mixed_objects_are_counted_by_type():
    with pytest.raises(SchemaError, match=r"mixed objects: 1 × Decimal, 1 × str"):
        of([Decimal("1.5"), "free"])


@given(st.lists(st.tuples(st.integers(-1000, 1000), st.integers(0, 10**9), st.integers(0, 4)), min_size=1, max_size=20))
def test_quantity_times_price_is_the_product_of_decimals(lines):
    quantities = [quantity for quantity, _, _ in lines]
    prices = [Decimal(minor).scaleb(-scale) for _, minor, scale in lines]
    amounts = multiply(read(quantities), of(prices), name="amount")
    assert exact(amounts) == [quantity * price for quantity, price in zip(quantities, prices, strict=True)]


def test_a_product_is_missing_where_a_factor_is():
    amounts = multiply(read([1, None, 3]), read([0.5, 1.5, None]), name="amount")
    assert amounts.missing.tolist() == [False, True, True]
    assert amounts.minor.tolist() == [5, 0, 0]
    assert multiply(read([1, 2]), read([0.5, None]), name="amount").missing.tolist() == [False, True]


def test_products_that_are_too_fine_or_too_large_are_named():
    with pytest.raises(MoneyError, match=r"1 amounts in 'q × p' have more than 6 decimals \(row 0\)"):
        multiply(read([0.0001, 1.0]), read([0.0001, 1.0]), name="q × p")
    with pytest.raises(MoneyError, match=r"1 amounts in 'q × p' do not fit 64 bits .*\(row 1\)"):
        multiply(read([1, 2**40]), read([1, 2**40]), name="q × p")


def test_large_factors_whose_products_fit_are_fine():
    amounts = multiply(read([1, 2**40]), read([2**40, 1]), name="amount")
    assert amounts.minor.tolist() == [2**40, 2**40]


def test_the_coarsest_scale_holds_every_amount():
    assert coarsest(np.array([100, 2500]), 3)[1] == 1
    minor, scale = coarsest(np.zeros(3, dtype=np.int64), 4)
    assert (minor.tolist(), scale) == ([0, 0, 0], 0)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=50), st.integers(0, 6))
def test_sums_are_exact(minor, scale):
    assert exact_sum(np.array(minor, dtype=np.int64), scale) == Decimal(sum(minor)).scaleb(-scale)


def test_decimal_commas_are_named_with_a_fix_that_works():
    frame = pd.DataFrame({"total": ["1,50", "2,00"]})
    with pytest.raises(
        SchemaError, match=r"column 'total' holds texts with commas, not numbers \('1,50', '2,00'\)"
    ) as caught:
        read_amounts(pa.chunked_array([frame["total"].tolist()]), name="total")
    fix = str(caught.value).partition("Fix: ")[2].partition(" where")[0]
    assert eval(fix, {"pandas": pd, "frame": frame}).tolist() == [1.5, 2.0]


@pytest.mark.parametrize("stray", [1j, Decimal("Infinity")])
def test_numbers_arrow_cannot_hold_are_refused_by_name(stray):
    frame = pd.DataFrame({"total": pd.Series([1, stray], dtype=None if isinstance(stray, complex) else object)})
    with pytest.raises((MoneyError, SchemaError), match=r"column 'total'"):
        read_amounts(read_columns(frame, {"amount": "total"})["amount"], name="total")
