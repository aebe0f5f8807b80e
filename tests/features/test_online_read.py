"""Features of some customers as arrays: the numbers of `features` and of `features_frame`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import HistoryError, ParameterError
from churnlib.features import (
    AttributeValue,
    Change,
    Count,
    Distinct,
    FeatureColumns,
    FeatureSpec,
    GapMean,
    GapRatio,
    GapStd,
    Mean,
    OnlineFeatures,
    Recency,
    RunLength,
    Share,
    Slope,
    Sum,
    Tenure,
)
from churnlib.features import _online_bulk as bulk

DAY = 86_400_000_000
MARCH = 1_740_787_200_000_000
SPEC = FeatureSpec(
    [
        Recency(), Tenure(), Count("7d"), Count(kind="order"), Count(per="day"), Sum("7d"), Sum(), Mean(), GapMean(),
        GapStd(), GapRatio(), Share("order", "7d"), Slope(4), Change("7d"), Distinct("7d"), Distinct(),
        RunLength("order"), AttributeValue("plan"), AttributeValue("limit"),
    ]
)  # fmt: skip
ROLES = {"customer": "who", "time": "at", "kind": "kind", "amount": "total", "item": "what"}


def make(spec: FeatureSpec = SPEC, **options) -> OnlineFeatures:
    attributes = [name for name in ("plan", "limit") if f"{name}.value" in spec.names]
    return OnlineFeatures(spec, **ROLES, scale=2, attributes=attributes, **options)


@st.composite
def events(draw: st.DrawFn) -> list[dict]:
    seed, n = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 40))
    rng = np.random.default_rng(seed)
    return [
        {
            "who": int(rng.integers(0, 8)),
            "at": MARCH + int(rng.choice([0, 1, DAY - 1, DAY])) + DAY * int(rng.integers(0, 20)),
            "kind": str(rng.choice(["order", "visit", "cancel"])),
            "total": int(rng.integers(-500, 2_000)) / 100,
            "what": int(rng.integers(0, 4)),
            "plan": [None, "basic", "gold"][int(rng.integers(0, 3))],
            "limit": [None, 1.5, 2.0][int(rng.integers(0, 3))],
        }
        for _ in range(n)
    ]


def alike(one: object, other: object) -> bool:
    return type(one) is type(other) and (one == other or bool(pd.isna(one) and pd.isna(other)))


@given(story=events(), few=st.sampled_from([0, 100]), fold=st.booleans())
def test_one_at_a_time_and_as_columns_are_the_same(story: list[dict], few: int, fold: bool) -> None:
    """To the last bit and in their types: through the reading of one, and through the kernel; with folded events."""
    online = make()
    for event in story:
        online.update(event)
    now = MARCH + 25 * DAY
    if fold:
        online.compact(now)
        now += 20 * DAY
    who = [3, 9, 0, 1, 2, 4, 5, 6, 7]  # 9 never has an event
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "_FEW", few)
        columns, frame = online.columns(who, now), online.features_frame(who, now)
    assert (columns.customers, columns.at, tuple(columns)) == (who, now, SPEC.names)
    assert list(frame.columns) == list(SPEC.names)
    for place, one in enumerate(who):
        expected, found = online.features(one, now), columns.row(place)
        assert not [name for name in SPEC.names if not alike(found[name], expected[name])]
    numbers = [name for name in SPEC.names if not name.endswith(".value")]
    pd.testing.assert_frame_equal(columns.frame()[numbers], frame[numbers])
    for name in ("plan.value", "limit.value"):
        assert all(one == other or pd.isna(one) for one, other in zip(columns[name], frame[name], strict=True))


PACKED = FeatureSpec([Recency(), Count("7d"), Sum("7d"), Distinct("7d")])


@given(story=events(), cut=st.integers(0, 40), late=st.sampled_from([None, "7d", "30d"]))
def test_a_table_at_once_and_its_rows_agree(story: list[dict], cut: int, late: str | None) -> None:
    """With events that are refused for their age, and without any, which are taken in all at once."""
    one, many = make(PACKED, lateness=late), make(PACKED, lateness=late)
    refused = [one.update(event) for event in story]
    found = []
    for part in (story[:cut], story[cut:]):
        frame = pd.DataFrame(part, columns=["who", "at", "kind", "total", "what"])
        frame["at"] = pd.to_datetime(frame["at"].astype("int64"), unit="us", utc=True)
        found += many.update_batch(frame.astype({"kind": "str"}))["reason"].tolist()
    assert found == [refusal.reason for refusal in refused if refusal is not None]
    assert (many.now, many.taken, many.refused) == (one.now, one.taken, one.refused)
    assert many._store.states == one._store.states
    assert many._store.items == one._store.items


def test_a_table_with_an_event_ahead_of_the_clock_goes_row_by_row() -> None:
    online = make(PACKED, ahead="1d")
    online.tick(MARCH)
    frame = pd.DataFrame(
        {"who": [1, 2], "at": pd.to_datetime([MARCH, MARCH + 9 * DAY], unit="us", utc=True), "kind": "order",
         "total": 1.0, "what": 1}
    )  # fmt: skip
    assert online.update_batch(frame)["reason"].tolist() == ["ahead of the clock"]
    assert online.taken == 1


@pytest.mark.parametrize("kind", ["category", "object", "str"])
def test_kinds_of_a_table_come_in_any_type(kind: str) -> None:
    online = OnlineFeatures(FeatureSpec([Count(kind="order")]), customer="who", time="at", kind="kind")
    frame = pd.DataFrame({"who": [1, 1, 2], "at": pd.to_datetime(["2025-03-01"] * 3), "kind": ["order", "x", "order"]})
    online.update_batch(frame.astype({"kind": kind}))
    assert online.columns([1, 2])["order.count"].tolist() == [1, 1]


def test_everybody_and_other_collections_of_ids() -> None:
    online = make(FeatureSpec([Count()]))
    for who in (5, 2):
        online.update({"who": who, "at": MARCH, "kind": "order", "total": 1, "what": 1})
    assert online.columns().customers == [2, 5]
    assert online.columns(np.array([5, 7])).customers == [5, 7]
    assert online.columns([]).customers == []
    with pytest.raises(ParameterError, match="lies before now"):
        online.columns([5], "2020-01-01")
    with pytest.raises(HistoryError, match="no event has come in"):
        make().columns([5])


def test_what_it_says_of_itself() -> None:
    columns = FeatureColumns(["ann"], 0, {"a": np.array([1]), "b": [2.5]})
    assert repr(columns) == "FeatureColumns: 2 features of 1 customer at 1970-01-01 00:00:00+00:00"
    assert len(columns) == 2
    assert dict(columns) == {"a": 1, "b": 2.5}
    with pytest.raises(KeyError):
        columns["c"]
