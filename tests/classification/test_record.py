import collections
import datetime as dt
import decimal

import numpy as np
import pandas as pd
import pytest

from churnlib.classification._record import Column, RecordReader
from churnlib.exceptions import DataError, ParameterTypeError, SchemaError

COLUMNS = (Column("orders", None, (2.0, 5.0)), Column("plan", ("2", "True", "gold")), Column(7, None, ()))


@pytest.fixture
def strict():
    return RecordReader(COLUMNS)


@pytest.fixture
def lenient():
    return RecordReader(COLUMNS, strict=False)


def record(orders=1, plan="gold", seven=0):
    return {"orders": orders, "plan": plan, 7: seven}


@pytest.mark.parametrize(
    ("value", "place"),
    [(1.9, 0), (2, 1), (2.0, 1), (True, 0), (np.float32(5), 2), (np.int16(4), 1), (decimal.Decimal("1.99"), 0),
     (2**53 + 2, 2), (-(10**20), 0), (None, -1), (float("nan"), -1), (pd.NA, -1), (pd.NaT, -1),
     (np.float64("nan"), -1), (decimal.Decimal("NaN"), -1), (decimal.Decimal("sNaN"), -1)],
)  # fmt: skip
def test_numbers_of_all_kinds_fall_into_bins(strict, value, place):
    assert strict.places(record(orders=value))[0] == place


@pytest.mark.parametrize(
    ("value", "code"),
    [("gold", 2), (2, 0), (2.0, 0), (np.int8(2), 0), (decimal.Decimal("2.0"), 0), (True, 1), (np.True_, 1),
     ("silver", -1), ("", -1), (None, -1), (float("nan"), -1), (pd.NA, -1), (2.5, -1)],
)  # fmt: skip
def test_categories_are_compared_by_their_text(strict, value, code):
    assert strict.places(record(plan=value))[1] == code
    assert strict.values(record(plan=value))[1] == code


def test_values_are_floats_and_codes(strict):
    found = strict.values(record(orders=True, plan="2", seven=decimal.Decimal("0.5")))
    assert found == [1.0, 0, 0.5]
    assert np.isnan(strict.values(record(orders=None))[0])


@pytest.mark.parametrize("read", ["places", "values"])
def test_absent_and_unknown_keys_are_named(strict, read):
    with pytest.raises(
        SchemaError, match=r"1 of 3 columns are absent \(orders\) and 1 keys are unknown \(order; did"
    ) as e:
        getattr(strict, read)({"order": 1, "plan": "gold", 7: 0})
    assert "did you mean 'orders'" in str(e.value)
    assert "with_keys('lenient')" in str(e.value)
    with pytest.raises(SchemaError, match=r"2 keys are unknown \(phone, zip"):
        getattr(strict, read)(record() | {"phone": 1, "zip": 2})
    with pytest.raises(SchemaError, match=r"3 of 3 columns are absent \(orders, plan, 7\)"):
        getattr(strict, read)({})


def test_lenient_leaves_unknown_keys_and_reads_absent_ones_as_missing(lenient):
    assert lenient.places({"plan": "gold", "phone": "0044"}) == [-1, 2, -1]
    assert lenient.places({}) == [-1, -1, -1]


@pytest.mark.parametrize("strictness", ["strict", "lenient"])
def test_the_record_is_not_changed(request, strictness):
    reader = request.getfixturevalue(strictness)
    grows = collections.defaultdict(int, record())
    reader.places(grows)
    assert grows == record()
    if strictness == "strict":
        with pytest.raises(SchemaError, match="1 of 3 columns are absent"):
            reader.places(collections.defaultdict(int, {"orders": 1, "plan": "gold"}))


def test_any_mapping_is_a_record(strict):
    assert strict.places(collections.ChainMap({"orders": 3}, record())) == [1, 2, 0]


@pytest.mark.parametrize("odd", [[1, 2], "orders", None, pd.Series(record())])
def test_what_is_no_mapping_is_refused(strict, odd):
    with pytest.raises(
        ParameterTypeError, match=rf"the record is a {type(odd).__name__}; column names with their values"
    ):
        strict.places(odd)


@pytest.mark.parametrize("value", [float("inf"), -np.inf, 10**400, np.float32("inf"), decimal.Decimal("Infinity")])
@pytest.mark.parametrize("read", ["places", "values"])
def test_infinite_numbers_are_refused(strict, read, value):
    with pytest.raises(DataError, match=r"the value of 'orders' is infinite, or too large"):
        getattr(strict, read)(record(orders=value))


@pytest.mark.parametrize(
    ("value", "kind"),
    [("12 months", "str"), (2j, "complex"), (np.complex64(1), "complex64"), ([1], "list"), ({"a": 1}, "dict"),
     (dt.date(2025, 1, 1), "date"), (np.array([1.0, 2.0]), "ndarray"),
     (np.datetime64("2025-01-01"), "datetime64")],
)  # fmt: skip
@pytest.mark.parametrize("read", ["places", "values"])
def test_what_is_no_number_is_refused(strict, read, value, kind):
    with pytest.raises(SchemaError, match=rf"the value of 'orders' is .* \({kind}\); 'orders' held numbers at fit"):
        getattr(strict, read)(record(orders=value))


def test_text_in_a_column_of_numbers_names_the_mending_line(strict):
    with pytest.raises(SchemaError, match=r"Fix: record\['orders'\] = float\(\.\.\.\), or None"):
        strict.places(record(orders="12"))


@pytest.mark.parametrize("value", [["gold"], {"gold": 1}, {"gold"}, np.array(["gold"])])
def test_nested_categories_are_refused(strict, value):
    with pytest.raises(
        SchemaError, match=rf"the value of 'plan' is .* \({type(value).__name__}\); a category is one value"
    ):
        strict.places(record(plan=value))


def test_unseen_names_what_was_not_missing_and_not_known(strict, lenient):
    assert strict.unseen(record(plan="silver")) == ("plan",)
    assert strict.unseen(record(plan=None)) == ()
    assert strict.unseen(record(plan=2.0)) == ()
    assert lenient.unseen({"plan": "silver"}) == ("plan",)
    assert lenient.unseen({}) == ()
