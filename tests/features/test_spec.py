from __future__ import annotations

import json
import pickle

import pandas as pd
import pytest

from churnlib.events import EventLog
from churnlib.exceptions import ParameterError, ParameterTypeError, VersionError
from churnlib.features import (
    AttributeValue,
    Change,
    Count,
    Distinct,
    FeatureSpec,
    GapMean,
    GapRatio,
    GapStd,
    Mean,
    MonthsToContractEnd,
    Recency,
    RunLength,
    Share,
    Slope,
    Sum,
    Tenure,
)  # fmt: skip

ALL = FeatureSpec(
    [
        AttributeValue("plan"), Change("1mo", of="sum"), Count("90d", ["order", "visit"], "day"), Distinct("1y"),
        GapMean("365d"), GapRatio(), GapStd(), Mean("30d"), MonthsToContractEnd(), Recency("order"),
        RunLength("cancel", over=("cancel", "order")), Share("order"), Slope(4), Sum("36h"), Tenure(),
    ]
)  # fmt: skip
NAMES = (
    "plan.value", "any.sum_change.1mo", "order+visit.days.90d", "any.distinct.1y", "any.gap_mean.365d", "any.gap_ratio",
    "any.gap_std", "any.mean.30d", "contract.months_left", "order.recency", "cancel.run.cancel+order", "order.share",
    "any.slope.4w", "any.sum.36h", "any.tenure",
)  # fmt: skip
BARE = EventLog.from_frame(pd.DataFrame({"c": [1], "t": ["2025-01-01"]}), customer="c", time="t")


def test_names_are_stable():
    assert ALL.names == NAMES


def test_json_holds_every_feature_and_gives_it_back():
    assert FeatureSpec.from_json(ALL.to_json()) == ALL
    assert hash(FeatureSpec.from_json(ALL.to_json())) == hash(ALL)
    assert pickle.loads(pickle.dumps(ALL)) == ALL
    assert len({json.dumps(entry) for entry in json.loads(ALL.to_json())["features"]}) == len(ALL)


def test_the_digest_is_pinned():
    # A change here means that stored models no longer recognise their features.
    assert FeatureSpec([Count("90d", "order"), Recency()]).digest[:16] == "0bb05ad832066656"


def test_the_digest_depends_on_features_and_their_order():
    a, b = Count("90d"), Recency()
    digests = {FeatureSpec(features).digest for features in ([a, b], [b, a], [a], [a, Recency("order")])}
    assert len(digests) == 4
    assert FeatureSpec([a, b], adaptive=True).digest != FeatureSpec([a, b]).digest


def test_a_spec_cannot_be_changed():
    with pytest.raises(AttributeError):
        ALL.features = ()
    with pytest.raises(AttributeError):
        ALL.features[0].attribute = "x"


def test_the_description_has_a_line_for_each_feature():
    table = ALL.describe()
    assert tuple(table.index) == NAMES
    assert list(table.columns) == ["unit", "window", "kind", "nulls", "meaning", "raw"]
    assert table.notna().all(axis=None)
    assert table["meaning"].is_unique
    assert (
        table.loc["order+visit.days.90d", "meaning"]
        == "number of days with order or visit events in the 90d before the cutoff"
    )
    assert table.loc["order.recency", ["unit", "window", "kind"]].tolist() == ["days", "all of the past", "order"]


def test_specs_are_joined():
    assert (FeatureSpec([Count()]) + [Recency()]).names == ("any.count", "any.recency")
    assert (FeatureSpec([Count()], adaptive=True) + FeatureSpec([Recency()])).adaptive
    assert list(FeatureSpec([Count()])) == [Count()]


def test_an_adaptive_spec_leaves_out_what_the_log_cannot_serve():
    spec = FeatureSpec([Count(), Sum("90d"), Distinct()], adaptive=True).for_log(BARE)
    assert spec.names == ("any.count",)
    assert spec.left_out == ("any.sum.90d", "any.distinct")
    assert not spec.adaptive
    assert repr(spec) == "FeatureSpec(1 feature: any.count; left out: any.sum.90d, any.distinct)"
    assert FeatureSpec.from_json(spec.to_json()).left_out == spec.left_out


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: FeatureSpec([]), ParameterError, "there is no feature"),
        (
            lambda: FeatureSpec([Count("2w"), Recency(), Count("14d")]),
            ParameterError,
            r"1 of 2 names .*\(any.count.14d\)",
        ),
        (
            lambda: FeatureSpec([Count(), "recency"]),
            ParameterTypeError,
            r"1 of 2 entries are no features \('recency'\)",
        ),
        (
            lambda: FeatureSpec([Sum()], adaptive=True).for_log(BARE),
            ParameterError,
            r"serves none of the features \(any.sum\)",
        ),
        (lambda: FeatureSpec.from_json("{}"), VersionError, "schema version None; a feature spec of schema version 1"),
        (lambda: FeatureSpec.from_json("[]"), VersionError, "schema version None"),
        (
            lambda: FeatureSpec.from_json(ALL.to_json().replace('"Tenure"', '"Tenur"')),
            VersionError,
            "this release has no feature 'Tenur' .*did you mean 'Tenure'",
        ),
        (
            lambda: FeatureSpec.from_json(ALL.to_json().replace("36h", "37h")),
            VersionError,
            "the text was changed after it was written",
        ),
        (
            lambda: FeatureSpec.from_json(ALL.to_json().replace('"attribute"', '"atribute"')),
            VersionError,
            r"AttributeValue cannot be made of \['atribute'\]",
        ),
    ],
)
def test_what_is_no_spec_is_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()
