"""Each broken rule is an error that says how many, which, and what to write instead."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

from churnlib.exceptions import (
    DataError,
    DuplicateError,
    MoneyError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    TimeError,
)
from tests.events.frames import read, simple


def test_a_missing_column():
    with pytest.raises(
        SchemaError, match=r"no column 'amout', named by amount= \(did you mean 'amount'\?\).*\nFix: amount='amount'"
    ):
        read(simple(amount=[1, 2, 3]), amount="amout")
    with pytest.raises(SchemaError, match=r"no column 'plann', named by attributes= .*\nFix: attributes=\['plan'\]"):
        read(simple(plan=["a"] * 3), attributes="plann")
    with pytest.raises(SchemaError, match=r"no column 'currncy', named by currency="):
        read(simple(currency=["EUR"] * 3, total=[1, 2, 3]), amount="total", currency="currncy")


def test_an_empty_log():
    with pytest.raises(DataError, match=r"the table has no rows: the log is empty; at least one event"):
        read(simple().iloc[:0])


def test_three_missing_customers_among_a_million_rows():
    ids = np.arange(1_000_000) % 1000
    frame = pd.DataFrame({"id": ids.astype(float), "ts": np.arange(1_000_000).astype("M8[s]")})
    frame.loc[[5, 77, 999_998], "id"] = np.nan
    with pytest.raises(
        DataError,
        match=r"3 rows have no customer id in column 'id' \(rows 5, 77, 999998\).*\nFix: missing_customer='drop'",
    ):
        read(frame)
    log = read(frame, missing_customer="drop")
    assert (log.report.input_rows, log.report.kept, log.report.refused) == (1_000_000, 999_997, 3)


def test_an_empty_text_is_no_customer():
    with pytest.raises(DataError, match=r"1 rows have no customer id in column 'id' \(row 1\)"):
        read(simple(id=["a", "", "b"]))


def test_fractions_are_no_ids():
    with pytest.raises(
        SchemaError,
        match=r"1 values of column 'id', double, are not whole numbers below 2⁵³ \(row 2\).*\nFix: frame",
    ):
        read(simple(id=[1.0, 2.0, 2.5]))


def test_mixed_ids_are_counted_by_type():
    with pytest.raises(SchemaError, match=r"column 'id' mixes types: 2 × int, 1 × str"):
        read(simple(id=pd.Series([1, "a", 2], dtype=object)))


@pytest.mark.parametrize(("values", "found"), [([True, False, True], "bool"), ([dt.date(2025, 1, 1)] * 3, "date32")])
def test_ids_of_a_type_that_identifies_nobody(values, found):
    with pytest.raises(SchemaError, match=rf"column 'id' holds {found}.*; texts or integers were expected"):
        read(simple(id=values))


def test_missing_times():
    with pytest.raises(
        TimeError, match=r"1 rows have no time in column 'ts' \(row 1\).*\nFix: frame.dropna\(subset=\['ts'\]\)"
    ):
        read(simple(ts=["2025-01-01", None, "2025-01-02"]))
    with pytest.raises(TimeError, match=r"2 rows have no known_at in column 'seen' \(rows 0, 2\)"):
        read(simple(seen=[None, "2025-01-05", None]), known_at="seen")


def test_times_that_cannot_be_read():
    with pytest.raises(TimeError, match=r"1 times in column 'ts' cannot be read \(row 1: 'yesterday'\)"):
        read(simple(ts=["2025-01-01", "yesterday", "2025-01-02"]))


def test_missing_kinds():
    with pytest.raises(
        DataError, match=r"1 rows have no kind in column 'what' \(row 2\).*\nFix: frame\['what'\].fillna\('other'\)"
    ):
        read(simple(what=["a", "b", None]), kind="what")


def test_repeated_event_ids():
    frame = simple(ref=["e1", "e2", "e1"])
    with pytest.raises(
        DuplicateError,
        match=r"1 event ids in column 'ref' are repeated, in 2 rows \(rows 0, 2\).*\nFix: duplicates='drop'",
    ):
        read(frame, event_id="ref")
    log = read(frame, event_id="ref", duplicates="drop")
    assert log.report.reasons == {"repeated event id": 1}
    assert log.event_id.tolist() == ["e2", "e1"]
    assert log.time.min() == pd.Timestamp("2025-01-01").as_unit("us").asm8.astype(np.int64)  # the earliest is kept
    assert len(read(frame, event_id="ref", duplicates="keep")) == 3


def test_which_of_two_events_with_one_id_is_kept_does_not_depend_on_the_order_of_rows():
    frame = simple(id=[1, 1, 2], ts=["2025-01-01"] * 3, ref=["e", "e", "e"], total=[5, 3, 3])
    logs = [
        read(frame.iloc[rows], event_id="ref", amount="total", duplicates="drop")
        for rows in ([0, 1, 2], [2, 0, 1], [1, 2, 0])
    ]
    assert {log.digest for log in logs} == {logs[0].digest}
    assert logs[0].amount.tolist() == [3]
    assert str(logs[0].report.refused_amount) == "8"


def test_missing_event_ids():
    with pytest.raises(DataError, match=r"1 rows have no event id in column 'ref' \(row 1\)"):
        read(simple(ref=["a", None, "b"]), event_id="ref")


def test_future_events():
    with pytest.raises(
        DataError,
        match=r"2 events happen or .* at or after complete_until, 2025-01-02 .* \(rows 0, 1\).*\nFix: future='drop'",
    ):
        read(simple(), complete_until="2025-01-02")
    log = read(simple(), complete_until="2025-01-02", future="drop")
    assert log.report.reasons == {"at or after complete_until": 2}
    assert len(log) == 1
    with pytest.raises(DataError, match=r"1 events happen or become known .* \(row 0\)"):
        read(simple(seen=["2025-02-01", "2025-01-02", "2025-01-02"]), known_at="seen", complete_until="2025-01-09")


def test_all_rows_refused():
    with pytest.raises(DataError, match=r"all 3 rows were refused: 3 × at or after complete_until"):
        read(simple(), complete_until="2024-01-01", future="drop")


def test_two_currencies():
    frame = simple(total=[1, 2, 3], unit=["EUR", "USD", "EUR"])
    with pytest.raises(
        MoneyError, match=r"holds 2 currencies: 2 × EUR, 1 × USD \(the rarest in row 1\).*\nFix: .*== 'EUR'"
    ):
        read(frame, amount="total", currency="unit")
    with pytest.raises(MoneyError, match=r"1 rows have no currency in column 'unit' \(row 0\)"):
        read(frame.assign(unit=[None, "EUR", "EUR"]), amount="total", currency="unit")


@pytest.mark.parametrize("build", [lambda f: f, pl.from_pandas], ids=["pandas", "polars"])
def test_nan_money(build):
    frame = simple(total=[1.5, float("nan"), 2.0])
    with pytest.raises(
        MoneyError, match=r"1 amounts are missing or NaN in 'total' \(row 1\).*\nFix: missing_amount='zero'"
    ):
        read(build(frame), amount="total")
    log = read(build(frame), amount="total", missing_amount="zero")
    assert log.report.notes["without amount, taken as zero"] == 1
    assert log.amount.sum() == 35


def test_nan_of_polars_is_not_its_null_and_still_missing():
    frame = pl.DataFrame({"id": [1, 2, 3], "ts": ["2025-01-01"] * 3, "total": [float("nan"), None, 1.0]})
    with pytest.raises(MoneyError, match=r"2 amounts are missing or NaN in 'total' \(rows 0, 1\)"):
        read(frame, amount="total")


def test_negative_money_when_none_was_expected():
    frame = simple(total=[1, -2, 3])
    with pytest.raises(MoneyError, match=r"1 amounts in 'total' are negative \(row 1\).*\nFix: negative='refund'"):
        read(frame, amount="total", negative="error")
    log = read(frame, amount="total")
    assert log.amount.tolist() == [-2, 3, 1]
    assert log.report.notes["negative amounts, kept as refunds"] == 1


def test_roles_that_contradict_each_other():
    with pytest.raises(ParameterError, match=r"quantity= was given without price=.*\nFix: price='column'"):
        read(simple(q=[1, 2, 3]), quantity="q")
    with pytest.raises(ParameterError, match=r"amount= and quantity= with price= were both given"):
        read(simple(q=[1, 2, 3]), quantity="q", price="q", amount="q")
    with pytest.raises(ParameterError, match=r"attributes names id, which already play a role"):
        read(simple(), attributes=["id"])


@pytest.mark.parametrize("rule", ["duplicates", "missing_customer", "missing_amount", "negative", "future"])
def test_rules_have_few_choices(rule):
    with pytest.raises(ParameterError, match=rf"{rule}='ignore' is not a choice"):
        read(simple(), **{rule: "ignore"})


def test_arguments_of_another_type():
    with pytest.raises(ParameterTypeError, match=r"kind=3 is a int; the name of a column"):
        read(simple(), kind=3)
    with pytest.raises(ParameterTypeError, match=r"attributes is \[3\]"):
        read(simple(), attributes=[3])
    with pytest.raises(ParameterError, match=r"there is no time zone 'Mars'"):
        read(simple(), timezone="Mars")
    with pytest.raises(ParameterTypeError, match=r"2025 is a int, not a point in time"):
        read(simple(), complete_until=2025)


def test_an_attribute_is_finite():
    frame = simple(score=[1.0, np.inf, -np.inf])
    with pytest.raises(DataError, match=r"2 values of attribute 'score' are infinite \(rows 1, 2\).*\nFix: ") as caught:
        read(frame, attributes="score")
    frame["score"] = eval(str(caught.value).partition("Fix: ")[2], {"frame": frame, "numpy": np})
    assert read(frame, attributes="score").attributes["score"].is_numeric


def test_an_attribute_of_integers_beyond_floats_is_refused():
    frame = simple(account=[1, 2**60 + 1, 3])
    with pytest.raises(DataError, match=r"1 values of attribute 'account' are integers beyond 2⁵³ \(row 1\)"):
        read(frame, attributes="account")


def test_a_name_like_no_column_suggests_none():
    with pytest.raises(SchemaError, match=r"named by kind= \(available: id, ts\).*\nFix: kind=<column>"):
        read(simple(), kind="order")


def test_texts_that_are_no_unicode_are_named():
    frame = simple()
    frame["id"] = pd.Series(["a", "\ud800", "\ud801"], dtype=object)
    with pytest.raises(
        SchemaError, match=r"2 texts of column 'id' are no valid Unicode \(rows 1, 2\).*\nFix: "
    ) as caught:
        read(frame)
    frame["id"] = eval(str(caught.value).partition("Fix: ")[2], {"frame": frame})
    assert read(frame).n_customers == 3
