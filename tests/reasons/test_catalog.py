"""Columns find their reasons, nothing is dropped, and what is written is what is read."""

from __future__ import annotations

import json
import pickle

import pandas as pd
import pytest

import churnlib as cl
from churnlib.exceptions import DuplicateError, ParameterError, ParameterTypeError, VersionError
from churnlib.reasons import Reason, ReasonCatalog

OWN = Reason(code="OWN1", theme="house", text={"en": "Ours"})


def test_a_name_comes_before_a_pattern_and_own_patterns_before_the_standard_ones() -> None:
    catalog = ReasonCatalog({"ticket.count.90d": "PRF01"}, patterns={"*COUNT*": OWN})
    found = [catalog.reason_of(name).code for name in ("ticket.count.90d", "order.count.30d", "ticket.days.30d")]
    assert found == ["PRF01", "OWN1", "SRV02"]
    assert catalog.themes[-2:] == ("house", "other")


@pytest.mark.parametrize(
    ("column", "code"),
    [
        ("any.recency", "ENG02"),
        ("order.day_gap_ratio", "ENG02"),
        ("any.tenure", "LIF02"),
        ("Tenure Months", "LIF02"),
        ("order.sum.365d", "ENG04"),
        ("any.day_mean.365d", "ENG04"),
        ("login.count.30d", "ENG01"),
        ("any.day_slope.26w", "ENG01"),
        ("any.distinct.90d", "ENG01"),
        ("ticket.count.90d", "SRV02"),
        ("Customer service calls", "SRV02"),
        ("payment_failed.count.30d", "INV01"),
        ("MonthlyCharges", "PRC01"),
        ("late_fee", "PRC01"),
        ("plan.value", "PRC04"),
        ("months_to_contract_end", "LIF01"),
        ("age", "PRF01"),
        ("feedback", "OTH00"),
        ("package", "OTH00"),
    ],
)
def test_the_shipped_patterns(column: str, code: str) -> None:
    assert ReasonCatalog().reason_of(column).code == code


def test_every_standard_feature_has_a_reason() -> None:
    shop = cl.datasets.make_shop(n_customers=60, random_state=0)
    data = cl.build_dataset(
        shop.log, cutoffs="2025-06-01", horizon="30d", churn=cl.Inactivity("45d"), features=cl.FeatureSpec.standard()
    )
    coverage = ReasonCatalog().coverage(data.X.columns)
    assert coverage["mapped_by"].notna().all(), coverage[coverage["mapped_by"].isna()].index.tolist()


def test_the_shipped_catalogue_speaks_both_languages() -> None:
    catalog = ReasonCatalog()
    assert {"price", "service_quality", "competition", "involuntary", "engagement", "lifecycle", "profile"} <= set(
        catalog.themes
    )
    assert all(set(reason.text) == {"en", "zh"} for reason in catalog.reasons)
    assert all(not catalog.theme_text(theme, "zh").isascii() for theme in catalog.themes)
    assert catalog.theme_text("unheard of") == "unheard of"
    assert len(set(catalog.codes)) == len(catalog)
    assert catalog.table("zh").loc["PRC03"].tolist() == [
        "price",
        "乱收费或账单有误",
        "controllable",
        "internal",
        "objective",
    ]


def test_coverage_weighs_columns_and_drops_none() -> None:
    catalog = ReasonCatalog({"a": "PRC01"})
    coverage = catalog.coverage(["a", "b"], weight=[3.0, 1.0])
    assert coverage["share"].tolist() == [0.75, 0.25]
    assert coverage["theme"].tolist() == ["price", "other"]
    assert coverage["mapped_by"].tolist() == ["name", None]
    assert catalog.coverage(["a"], weight=[0.0])["share"].tolist() == [0.0]
    for weight in ([1.0], [1.0, -1.0], [1.0, float("nan")]):
        with pytest.raises(ParameterError, match="for 2 columns"):
            catalog.coverage(["a", "b"], weight=weight)


def test_there_and_back() -> None:
    catalog = ReasonCatalog({"费用": OWN}, patterns={"*x*": "PRC02"}, themes={"house": {"zh": "自家"}}).revise(
        "CMP01", controllable="uncontrollable"
    )
    read = ReasonCatalog.from_dict(json.loads(json.dumps(catalog.to_dict(), ensure_ascii=False)))
    assert read == catalog
    assert hash(read) == hash(catalog)
    assert pickle.loads(pickle.dumps(catalog)) == catalog
    assert read.reason_of("费用") == OWN
    assert read.theme_text("house") == "自家"
    assert not read["CMP01"].is_lever
    assert catalog != ReasonCatalog()
    assert "OWN1" in read
    assert repr(ReasonCatalog()).startswith("ReasonCatalog(32 reasons in 9 themes, 0 columns by name")


def test_a_revision_reaches_the_columns() -> None:
    catalog = ReasonCatalog().revise("OTH00", theme="misc").revise("LIF01", controllable="controllable")
    assert catalog.reason_of("mystery").theme == "misc"
    assert catalog.reason_of("contract").controllable == "controllable"


def test_own_reasons_replace_the_standard_ones_and_other_remains() -> None:
    catalog = ReasonCatalog({"a": "OWN1"}, reasons=[OWN])
    assert catalog.codes == ("OWN1", "OTH00")
    assert catalog.reason_of("tenure").code == "OTH00"
    assert pd.Index(catalog.table().index).tolist() == ["OWN1", "OTH00"]


def test_a_changed_file_is_refused() -> None:
    written = ReasonCatalog({"a": "PRC01"}).to_dict()
    with pytest.raises(VersionError, match="changed after it was written"):
        ReasonCatalog.from_dict(written | {"columns": {"a": "PRC02"}})
    with pytest.raises(VersionError, match="schema version 99"):
        ReasonCatalog.from_dict(written | {"schema_version": 99})
    with pytest.raises(ParameterError, match="the catalogue has no reasons"):
        ReasonCatalog.from_dict({name: value for name, value in written.items() if name != "reasons"})
    with pytest.raises(ParameterTypeError, match="what to_dict returned"):
        ReasonCatalog.from_dict("{}")  # type: ignore[arg-type]


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ParameterError, match=r"column 'fee' is mapped to 'PRC1', which is no code .did you mean 'PRC0"):
        ReasonCatalog({"fee": "PRC1"})
    with pytest.raises(ParameterError, match="pattern '\\*fee\\*' is mapped to 7"):
        ReasonCatalog(patterns={"*fee*": 7})  # type: ignore[dict-item]
    with pytest.raises(ParameterTypeError, match="columns is a list"):
        ReasonCatalog(["fee"])  # type: ignore[arg-type]
    with pytest.raises(ParameterTypeError, match="1 of 1 reasons are none"):
        ReasonCatalog(reasons=["PRC01"])  # type: ignore[list-item]
    with pytest.raises(DuplicateError, match="two reasons have the code 'PRC01'"):
        ReasonCatalog({"a": Reason(code="PRC01", theme="x", text={"en": "Other"})})
    with pytest.raises(ParameterError, match="no code 'PRC99'"):
        ReasonCatalog()["PRC99"]
    with pytest.raises(ParameterError, match="'kode' cannot be revised"):
        ReasonCatalog().revise("PRC01", kode="x")
    with pytest.raises(ParameterError, match="theme 'x' has a text in 'de'"):
        ReasonCatalog(themes={"x": {"de": "Preis"}})
