from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnlib.events import Contracts, EventLog
from churnlib.exceptions import SchemaError
from churnlib.features import FeatureSpec, MonthsToContractEnd, compute

SPEC = FeatureSpec([MonthsToContractEnd()])


def months(table, cutoffs, *, timezone="UTC", **roles):
    who = sorted(set(table["who"]))
    trail = pd.DataFrame({"who": who, "at": pd.Timestamp("2020-01-01")})
    log = EventLog.from_frame(trail, customer="who", time="at", timezone=timezone)
    contracts = Contracts.from_frame(table, customer="who", start="from", end="to", timezone=timezone, **roles)
    return compute(log, cutoffs, SPEC, contracts=contracts).frame["contract.months_left"]


def table_of(*rows):
    return pd.DataFrame(rows, columns=["who", "from", "to"])


def test_whole_months_follow_the_calendar():
    table = table_of(("a", "2024-01-31", "2026-01-31"))
    assert months(table, ["2024-02-29", "2025-10-31", "2025-12-31"]).tolist() == pytest.approx(
        [23 + 2 / 30, 3, 1], rel=1e-15
    )


def test_part_of_a_month_is_a_share_of_that_month():
    table = table_of(("a", "2024-01-01", "2025-02-15"))
    assert months(table, ["2025-01-01", "2025-02-01"]).tolist() == pytest.approx([1 + 14 / 28, 14 / 28], rel=1e-15)


def test_the_latest_contract_that_has_begun_counts():
    table = table_of(("a", "2024-01-01", "2025-01-01"), ("a", "2025-01-01", "2026-01-01"), ("b", "2025-06-01", None))
    cutoffs = ["2024-01-01", "2024-12-01", "2025-01-01", "2025-02-01", "2025-07-01"]
    values = months(table, cutoffs)
    # A contract that begins at the cutoff has not begun before it; a past end is negative.
    assert values.fillna(-99).tolist() == [-99, 1, 0, 11, 6, *[-99] * 5]


def test_an_ended_contract_counts_backwards():
    assert months(table_of(("a", "2024-01-01", "2025-01-01")), ["2025-03-01"]).tolist() == [-2]
    assert months(table_of(("a", "2024-01-01", "2025-01-01")), ["2025-01-16"]).tolist() == pytest.approx([-15 / 31])


def test_a_contract_known_later_is_not_looked_at():
    table = table_of(("a", "2024-01-01", "2025-01-01")).assign(told=pd.Timestamp("2024-06-01"))
    values = months(table, ["2024-06-01", "2024-07-01"], known_at="told")
    assert values.fillna(-99).tolist() == [-99, 6]


def test_a_renewal_date_stands_before_the_end():
    table = table_of(("a", "2024-01-01", None)).assign(due=pd.Timestamp("2025-01-01"))
    assert months(table, ["2024-11-01"], renewal="due").tolist() == [2]


def test_months_are_those_of_the_zone():
    # From 1 March to 1 May in Berlin: the second month has an hour less than in UTC.
    table = table_of(("a", "2024-01-01", "2025-05-01"))
    assert months(table, ["2025-03-01"], timezone="Europe/Berlin").tolist() == [2]


def test_contracts_are_asked_for_where_there_are_none():
    log = EventLog.from_frame(pd.DataFrame({"c": [1], "t": ["2025-01-01"]}), customer="c", time="t")
    with pytest.raises(SchemaError, match=r"(?s)feature 'contract.months_left' needs contracts.*Contracts.from_frame"):
        compute(log, "2025-03-01", SPEC)


def test_many_cutoffs_agree_with_a_loop():
    rng = np.random.default_rng(0)
    start = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 60), unit="D")
    table = pd.DataFrame({"who": rng.integers(0, 20, 60), "from": start})
    table["to"] = table["from"] + pd.to_timedelta(rng.integers(20, 400, 60), unit="D")
    cutoffs = pd.date_range("2024-02-01", "2025-02-01", freq="MS")
    values = months(table, list(cutoffs)).to_numpy().reshape(-1, len(cutoffs))
    for code, who in enumerate(sorted(set(table["who"]))):
        for k, cutoff in enumerate(cutoffs):
            own = table[(table["who"] == who) & (table["from"] < cutoff)].sort_values(["from", "to"])
            if own.empty:
                assert np.isnan(values[code, k])
                continue
            end, whole = own["to"].iloc[-1], -40
            while cutoff + pd.DateOffset(months=whole + 1) <= end:
                whole += 1
            low, high = cutoff + pd.DateOffset(months=whole), cutoff + pd.DateOffset(months=whole + 1)
            assert values[code, k] == pytest.approx(whole + (end - low) / (high - low), abs=1e-12)
