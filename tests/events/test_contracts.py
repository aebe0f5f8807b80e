from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.calendar import to_us
from churnlib.events import OPEN_END, Contracts
from churnlib.exceptions import DataError, ParameterError, SchemaError, TimeError
from tests.events.frames import engines

ROLES = {"customer": "id", "start": "from", "end": "to"}


def table(**columns):
    base = {
        "id": ["b", "a", "a"],
        "from": ["2025-03-01", "2025-02-01", "2025-01-01"],
        "to": [None, "2025-03-01", "2025-02-01"],
    }
    return pd.DataFrame({**base, **columns})


def read(frame, **options):
    return Contracts.from_frame(frame, **{**ROLES, **options})


@st.composite
def tables(draw):
    n = draw(st.integers(1, 12))
    start = [draw(st.integers(0, 5)) for _ in range(n)]
    end = [None if draw(st.booleans()) else at + draw(st.integers(1, 3)) for at in start]
    day = pd.Timestamp("2025-01-01").as_unit("us")
    return pd.DataFrame(
        {
            "id": [draw(st.sampled_from(["a", "b"])) for _ in range(n)],
            "from": [day + pd.Timedelta(days=at) for at in start],
            "to": pd.Series(
                [pd.NaT if at is None else day + pd.Timedelta(days=at) for at in end], dtype="datetime64[us]"
            ),
            "plan": [draw(st.sampled_from(["x", "y"])) for _ in range(n)],
        }
    )


def test_contracts_are_ordered_by_customer_and_start():
    contracts = read(table(plan=["gold", "gold", "basic"]), plan="plan")
    assert contracts.customers.tolist() == ["a", "b"]
    assert contracts.offsets.tolist() == [0, 2, 3]
    assert contracts.start.tolist() == [to_us("2025-01-01"), to_us("2025-02-01"), to_us("2025-03-01")]
    assert contracts.end.tolist() == [to_us("2025-02-01"), to_us("2025-03-01"), OPEN_END]
    assert contracts.plans[contracts.plan].tolist() == ["basic", "gold", "gold"]
    assert contracts.customer_codes.tolist() == [0, 0, 1]
    assert contracts.report.notes["without an end"] == 1
    assert (len(contracts), contracts.n_customers) == (3, 2)


@given(tables(), st.randoms())
def test_any_row_order_and_engine_gives_equal_bytes(frame, random):
    rows = list(range(len(frame)))
    random.shuffle(rows)
    digests = {read(native, plan="plan").digest for native in engines(frame.iloc[rows].reset_index(drop=True)).values()}
    assert digests == {read(frame, plan="plan").digest}


def test_causes_renewals_and_knowledge_may_be_missing_or_given():
    frame = table(
        why=[None, "price", None], due=["2025-06-01", None, None], seen=["2025-03-05", "2025-02-02", "2024-12-01"]
    )
    contracts = read(frame, cause="why", renewal="due", known_at="seen")
    assert contracts.cause.tolist() == [-1, 0, -1]
    assert contracts.causes.tolist() == ["price"]
    assert contracts.renewal.tolist() == [OPEN_END, OPEN_END, to_us("2025-06-01")]
    assert contracts.known.tolist() == [to_us("2025-01-01"), to_us("2025-02-02"), to_us("2025-03-05")]
    assert contracts.complete_until_us == to_us("2025-03-05") + 1
    shown = contracts.to_frame()
    assert shown["end"].isna().tolist() == [False, False, True]
    assert shown["cause"].tolist()[1] == "price"
    assert shown["renewal"].iloc[2] == pd.Timestamp("2025-06-01", tz="UTC")
    assert shown["known_at"].iloc[0] == pd.Timestamp("2025-01-01", tz="UTC")


def test_times_are_on_the_clock_of_the_zone():
    contracts = read(table(), timezone="Europe/Berlin", complete_until="2025-07-01")
    assert contracts.start[0] == to_us("2024-12-31 23:00")
    assert contracts.complete_until == pd.Timestamp("2025-07-01", tz="Europe/Berlin")
    assert "Europe/Berlin" in repr(contracts)


def test_arrays_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        read(table()).start[0] = 0


def test_a_contract_ends_after_it_starts():
    with pytest.raises(
        DataError, match=r"2 contracts do not end after they start \(rows 1, 2\); 'to' is later than 'from', or missing"
    ):
        read(table(to=[None, "2025-02-01", "2024-01-01"]))


def test_a_contract_has_a_start_and_a_customer():
    with pytest.raises(TimeError, match=r"1 contracts have no start in column 'from' \(row 1\)"):
        read(table(**{"from": ["2025-01-01", None, "2025-01-01"]}))
    with pytest.raises(TimeError, match=r"1 contracts have no known_at in column 'seen' \(row 0\)"):
        read(table(seen=[None, "2025-01-01", "2025-01-01"]), known_at="seen")
    with pytest.raises(
        DataError, match=r"1 contracts have no customer id in column 'id' \(row 2\).*\nFix: missing_customer='drop'"
    ):
        read(table(id=["a", "b", None]))
    report = read(table(id=["a", "b", None]), missing_customer="drop").report
    assert (report.input_rows, report.kept, report.refused, report.null_customers) == (3, 2, 1, 1)


def test_nothing_begins_after_the_end_of_the_table():
    with pytest.raises(
        DataError, match=r"1 contracts start or become known at or after complete_until, 2025-03-01 .*\(row 0\)"
    ):
        read(table(), complete_until="2025-03-01")


def test_an_empty_table_and_a_missing_column():
    with pytest.raises(DataError, match=r"the table has no rows; at least one contract"):
        read(table().iloc[:0])
    with pytest.raises(SchemaError, match=r"no column 'form', named by start= \(did you mean 'from'\?\)"):
        read(table(), start="form")
    with pytest.raises(ParameterError, match=r"missing_customer='keep' is not a choice"):
        read(table(), missing_customer="keep")


def test_identical_contracts_are_kept_and_counted():
    twice = pd.concat([table(), table()])
    contracts = read(twice)
    assert contracts.report.notes["identical rows"] == 3
    assert np.diff(contracts.offsets).tolist() == [4, 2]
