"""Every answer is counted once, an anonymous one in totals alone."""

from __future__ import annotations

import pandas as pd
import pytest

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError
from churnlib.numerics import wilson_interval
from churnlib.reasons import NO_DOMINANT_REASON, ReasonCatalog, fishbone_table, pareto_table, reason_codes

SURVEY = pd.DataFrame(
    [
        ("ann", "PRC01"), ("ann", "PRC01"), ("ann", "PRC03"), ("bob", "PRC01"), ("cid", "SRV01"),
        (None, "SRV01"), (None, "SRV01"), ("dan", "CMP01"), ("eve", "PRC01"), ("eve", "SRV02"),
    ],
    columns=["customer_id", "code"],
)  # fmt: skip
CODES = reason_codes(
    pd.DataFrame(
        {"any.recency": [0.5, 0.0, 0.3, 0.3], "monthly_charges": [0.4, 0.0, 0.5, 0.0]},
        index=pd.Index(["ann", "bob", "cid", "dan"], name="customer_id"),
    )
)


def test_a_customer_counts_once_and_an_anonymous_answer_each_time() -> None:
    table = pareto_table(SURVEY, by="code")
    assert table[["stated", "customers", "anonymous"]].to_dict("index") == {
        "PRC01": {"stated": 3, "customers": 3, "anonymous": 0},
        "SRV01": {"stated": 3, "customers": 1, "anonymous": 2},
        "PRC03": {"stated": 1, "customers": 1, "anonymous": 0},
        "SRV02": {"stated": 1, "customers": 1, "anonymous": 0},
        "CMP01": {"stated": 1, "customers": 1, "anonymous": 0},
    }
    # equal counts in the catalogue's order
    assert table.index.tolist() == ["PRC01", "SRV01", "PRC03", "SRV02", "CMP01"]
    assert table["share"].sum() == pytest.approx(1.0)
    assert table["cumulative_share"].tolist() == pytest.approx([3 / 9, 6 / 9, 7 / 9, 8 / 9, 1.0])
    assert table["vital"].tolist() == [True, True, True, True, False]
    low, high = wilson_interval(3, 9)
    assert (table["low"].iloc[0], table["high"].iloc[0]) == pytest.approx((low, high))


def test_two_codes_of_a_theme_are_one_answer_about_it() -> None:
    table = pareto_table(SURVEY, language="zh")
    assert table["stated"].to_dict() == {"service_quality": 4, "price": 3, "competition": 1}
    assert table["text"].tolist() == ["服务与产品质量", "价格", "竞争"]
    assert table["controllable"].tolist() == ["controllable", "controllable", "mixed"]


def test_anonymous_answers_are_in_no_group() -> None:
    plan = pd.Series({"ann": "pro", "bob": "pro", "cid": "basic", "dan": "basic", "eve": "basic"})
    table = pareto_table(SURVEY, group=plan)
    assert table.index.get_level_values("group").unique().tolist() == ["(all)", "basic", "pro"]
    assert table["anonymous"].groupby(level="group").sum().to_dict() == {"(all)": 2, "basic": 0, "pro": 0}
    assert table.loc["pro", "stated"].to_dict() == {"price": 2}
    assert table.loc["basic", "stated"].to_dict() == {"service_quality": 2, "price": 1, "competition": 1}
    with pytest.raises(DataError, match=r"1 of 5 customers have no group .eve."):
        pareto_table(SURVEY, group=plan.drop("eve"))
    with pytest.raises(ParameterTypeError, match="group is a dict"):
        pareto_table(SURVEY, group=plan.to_dict())


def test_codes_are_counted_by_rank_and_no_reason_comes_last() -> None:
    table = pareto_table(CODES)
    assert table["stated"].to_dict() == {"engagement": 2, "price": 1, NO_DOMINANT_REASON: 1}
    assert table.index.tolist() == ["engagement", "price", NO_DOMINANT_REASON]
    assert table.loc[NO_DOMINANT_REASON, "text"] == "No dominant reason"
    assert not table.loc[NO_DOMINANT_REASON, "vital"]
    assert pareto_table(CODES, top=3)["stated"].to_dict() == {"engagement": 3, "price": 2, NO_DOMINANT_REASON: 1}


def test_themes_may_be_stated_where_themes_are_counted() -> None:
    said = pd.DataFrame({"customer_id": ["a", "b"], "code": ["price", "PRC02"]})
    assert pareto_table(said)["stated"].to_dict() == {"price": 2}
    with pytest.raises(ParameterError, match=r"1 of the reasons stated are not in the catalogue .price"):
        pareto_table(said, by="code")


def test_the_fishbone_hangs_every_code_on_its_theme() -> None:
    table = fishbone_table(SURVEY, language="zh")
    assert table.index.tolist() == [
        ("price", "PRC01"), ("price", "PRC03"), ("service_quality", "SRV01"), ("service_quality", "SRV02"),
        ("competition", "CMP01"),
    ]  # fmt: skip
    assert table["share"].sum() == pytest.approx(1.0)
    assert table["share_in_theme"].groupby(level=0).sum().tolist() == pytest.approx([1.0, 1.0, 1.0])
    assert table.loc[("competition", "CMP01"), ["origin", "nature", "theme_text"]].tolist() == [
        "external", "objective", "竞争",
    ]  # fmt: skip
    assert fishbone_table(CODES)["stated"].tolist() == [2, 1]


def test_a_catalogue_of_ones_own() -> None:
    catalog = ReasonCatalog().revise("PRC01", theme="competition")
    assert pareto_table(SURVEY, catalog)["stated"].to_dict()["competition"] == 4


def test_wrong_input_is_named() -> None:
    with pytest.raises(ParameterTypeError, match="source is a list"):
        pareto_table(["PRC01"])  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match=r"the column 'code' .code. is missing; did you mean 'kode'"):
        pareto_table(SURVEY.rename(columns={"code": "kode"}))
    with pytest.raises(DataError, match="1 of 2 answers state no reason"):
        pareto_table(pd.DataFrame({"customer_id": ["a", "b"], "code": ["PRC01", None]}))
    with pytest.raises(DataError, match="0 of 0 answers"):
        pareto_table(SURVEY.iloc[:0])
    with pytest.raises(ParameterError, match="by='themes' is not a choice"):
        pareto_table(SURVEY, by="themes")
    with pytest.raises(ParameterError, match=r"not in the catalogue .PRC1; did you mean 'PRC0"):
        fishbone_table(SURVEY.replace("PRC01", "PRC1"))
    for maker in (pareto_table, fishbone_table):
        with pytest.raises(ParameterError, match="language='de' is not a choice"):
            maker(SURVEY, language="de")
    nobody = reason_codes(pd.DataFrame({"any.recency": [0.0]}))
    with pytest.raises(DataError, match="nobody has a dominant reason"):
        fishbone_table(nobody)
