from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnlib.events import EventLog
from churnlib.exceptions import SchemaError
from churnlib.features import AttributeValue, FeatureSpec, compute

TRAIL = pd.DataFrame(
    {
        "who": ["a", "a", "a", "b", "c"],
        "at": pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-01", "2025-01-01"]),
        "plan": ["basic", None, "gold", None, "gold"],
        "balance": [2.5, 0.1, np.nan, np.nan, -7.0],
    }
)
LOG = EventLog.from_frame(TRAIL, customer="who", time="at", attributes=["plan", "balance"])
SPEC = FeatureSpec([AttributeValue("plan"), AttributeValue("balance")])


def test_the_last_value_stated_before_the_cutoff_holds():
    frame = compute(LOG, ["2025-01-02", "2025-01-03", "2025-01-04"], SPEC).frame
    plan = frame["plan.value"].astype(object).where(frame["plan.value"].notna(), None)
    assert plan.tolist() == ["basic", "basic", "gold", None, None, None, "gold", "gold", "gold"]
    assert frame["balance.value"].fillna(99).tolist() == [2.5, 0.1, 0.1, 99, 99, 99, -7, -7, -7]


def test_a_number_is_carried_bit_by_bit():
    block = compute(LOG, "2025-01-03", SPEC)
    assert block.raw["balance.stated"].view(np.float64)[0] == 0.1
    assert block.raw["plan.stated"].tolist() == [0, -1, 1]


def test_an_unknown_attribute_is_named_with_the_nearest():
    with pytest.raises(SchemaError, match=r"(?s)feature 'plann.value' needs attribute plann.*did you mean 'plan'"):
        compute(LOG, "2025-01-03", FeatureSpec([AttributeValue("plann")]))
