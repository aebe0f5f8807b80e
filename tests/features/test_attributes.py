from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.calendar import Duration
from churnlib.events import EventLog
from churnlib.exceptions import ParameterError, ParameterTypeError, SchemaError
from churnlib.features import AttributeValue, FeatureSpec, OnlineFeatures, compute
from tests.features.worlds import CUTOFFS, events, make_log, oracles

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


def test_a_value_of_some_time_ago_is_what_held_then():
    spec = FeatureSpec([AttributeValue(name, ago="1d") for name in ("plan", "balance")])
    frame = compute(LOG, ["2025-01-02", "2025-01-03", "2025-01-04", "2025-01-05"], spec).frame
    plan = frame["plan.value.ago.1d"].astype(object).where(frame["plan.value.ago.1d"].notna(), None)
    assert plan.tolist() == [None, "basic", "basic", "gold", None, None, None, None, None, "gold", "gold", "gold"]
    assert frame["balance.value.ago.1d"].fillna(99).tolist()[:4] == [99, 2.5, 0.1, 0.1]


def test_what_became_known_meanwhile_counts_for_the_past():
    told = TRAIL[TRAIL["who"] == "a"].assign(seen=pd.to_datetime(["2025-01-01", "2025-01-05", "2025-01-10"]))
    log = EventLog.from_frame(told, customer="who", time="at", known_at="seen", attributes=["balance"])
    spec = FeatureSpec([AttributeValue("balance", ago="1d")])
    frame = compute(log, ["2025-01-04", "2025-01-05", "2025-01-06"], spec).frame
    assert frame["balance.value.ago.1d"].tolist() == [2.5, 2.5, 0.1]


@given(events(late=True, max_size=20), st.sampled_from(["1d", "14d", "90d", "1mo"]))
def test_it_is_what_the_events_from_before_then_say(drawn, ago):
    frame = compute(make_log(drawn), np.array(CUTOFFS), FeatureSpec([AttributeValue("plan", ago=ago)])).frame
    codes = frame.iloc[:, 0].cat.codes.tolist()
    back = Duration.parse(ago)
    assert codes == [
        next((e.plan for e in reversed(seen.all) if e.time < back.before(seen.cutoff) and e.plan >= 0), -1)
        for seen in oracles(drawn)
    ]


def test_a_feature_of_today_is_written_as_it_always_was():
    assert AttributeValue("plan").to_dict() == {"feature": "AttributeValue", "attribute": "plan"}
    assert FeatureSpec([AttributeValue("plan")]).digest[:16] == "2396eadf349fc520"
    ago = AttributeValue("plan", ago="12w")
    assert ago.to_dict() == {"feature": "AttributeValue", "attribute": "plan", "ago": "84d"}
    assert FeatureSpec.from_json(FeatureSpec([ago]).to_json()) == FeatureSpec([ago])


def test_a_length_of_no_time_is_no_past():
    with pytest.raises(ParameterError, match=r"AttributeValue\.ago"):
        AttributeValue("plan", ago="0d")


@pytest.mark.parametrize("name", [3, None, ["plan"]])
def test_an_attribute_is_a_name(name):
    with pytest.raises(ParameterTypeError, match=r"(?s)attribute is .*AttributeValue"):
        AttributeValue(name)


def test_the_clock_alone_changes_a_value_of_the_past():
    online = OnlineFeatures.from_log(LOG, FeatureSpec([AttributeValue("balance", ago="10d")]), lateness="30d")
    values = []
    for now in ("2025-01-11 12:00", "2025-01-12", "2025-01-12 12:00"):
        online.tick(now)
        values.append(online.features("a")["balance.value.ago.10d"])
    assert values == [2.5, 2.5, 0.1]
    assert online.aged("2025-01-12").tolist() == ["a"]


def test_an_unknown_attribute_is_named_with_the_nearest():
    with pytest.raises(SchemaError, match=r"(?s)feature 'plann.value' needs attribute plann.*did you mean 'plan'"):
        compute(LOG, "2025-01-03", FeatureSpec([AttributeValue("plann")]))
