from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from churnlib.calendar import to_us
from churnlib.events._months import month_table

YEAR_US = 366 * 86_400_000_000


@given(st.lists(st.tuples(st.integers(0, YEAR_US), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=40))
def test_money_of_any_size_is_added_up_exactly(events):
    time = np.array([to_us("2024-01-01") + at for at, _ in events])
    amount = np.array([minor for _, minor in events], dtype=np.int64)
    table = month_table(time, amount, 2, "America/New_York")
    local = pd.to_datetime(time, unit="us", utc=True).tz_convert("America/New_York").strftime("%Y-%m")
    expected: dict[str, int] = {}
    for month, (_, minor) in zip(local, events, strict=True):
        expected[month] = expected.get(month, 0) + minor
    said = {row.month: row.amount for row in table.itertuples() if row.rows}
    assert said == {month: Decimal(total).scaleb(-2) for month, total in expected.items()}
    assert table["rows"].sum() == len(events)
