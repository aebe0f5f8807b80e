"""Keywords count where they stand, and turn around where they are negated."""

# ruff: noqa: RUF001 - full-width letters and signs are what people type

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import ParameterError, ParameterTypeError
from churnlib.reasons import Lexicon, ReasonCatalog

STANDARD = Lexicon.standard()
THEMES = STANDARD.relabel({code: ReasonCatalog()[code].theme for code in STANDARD.labels})


def labels(text: str) -> list[str]:
    return list(dict.fromkeys(found.label for found in STANDARD.find(text)))


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        # said plainly
        ("月租太贵了", ["PRC01"]),
        ("我要携号转网", ["CMP03"]),
        ("本月扣款失败", ["INV01"]),
        ("客服不耐烦，投诉也没用", ["SRV01", "SRV02"]),
        ("老是断网，信号差", ["SRV03"]),
        ("送货慢，还少发了一件", ["SRV05"]),
        ("It is way too expensive.", ["PRC01"]),
        ("I am porting my number to another carrier", ["CMP03"]),
        ("My payment failed, and then a late fee", ["INV01", "PRC03"]),
        ("The agent was RUDE!", ["SRV01"]),
        ("dropped calls and outages all week", ["SRV03"]),
        # not said
        ("不贵", []),
        ("一点也不贵，信号也不差", []),
        ("价格不算太贵", []),
        ("没有任何乱收费", []),
        ("It is not expensive", []),
        ("never rude, and no outages", []),
        ("They weren't rude", []),
        # a praise that is denied
        ("不便宜", ["PRC01"]),
        ("客服一直没有回复我", ["SRV02"]),
        ("服务人员不太礼貌", ["SRV01"]),
        ("not cheap at all", ["PRC01"]),
        ("Nobody ever called back.", ["SRV02"]),
        ("isn't worth the money", ["PRC01"]),
        # a praise
        ("很便宜，客服马上回复了", []),
        ("cheap, and they called back at once", []),
        # a negation of something else
        ("质量不行，价格贵", ["OTH00", "PRC01"]),
        ("不好吃又贵", ["SRV04", "PRC01"]),
        ("不错但是贵", ["PRC01"]),
        ("I did not like it, but expensive it is", ["PRC01"]),
        # what looks like a negation and is none
        ("不仅贵，而且送货慢", ["PRC01", "SRV05"]),
        ("没想到这么贵", ["PRC01"]),
        ("非常贵", ["PRC01"]),
        ("特别贵", ["PRC01"]),
        ("not only expensive, but also rude", ["PRC01", "SRV01"]),
        # twice is once
        ("不是不贵", ["PRC01"]),
        # what looks like a term and is none
        ("贵公司、贵州的贵宾", []),
        ("差不多，质量不错", []),
        ("宝贵的时间", []),
        ("affordable carrier pigeons", []),
        ("unexpensively crude", []),
    ],
)
def test_what_people_write(text: str, codes: list[str]) -> None:
    assert labels(text) == codes


def test_evidence_is_where_it_stands_in_the_original() -> None:
    text = "①  ＴＯＯ　ＥＸＰＥＮＳＩＶＥ，价格不便宜！ e\u0301 rude"
    found = STANDARD.find(text)
    assert [text[each.start : each.end] for each in found] == [each.text for each in found]
    assert [each.text for each in found] == ["ＥＸＰＥＮＳＩＶＥ", "便宜", "rude"]
    assert [each.negation for each in found] == ["", "不", ""]


@given(st.text(st.sampled_from("不没贵便宜差，。但 not expensive 贵公司回复①Ａ"), max_size=30))
def test_spans_are_inside_and_say_what_they_hold(text: str) -> None:
    before = 0
    for found in STANDARD.find(text):
        assert before <= found.start < found.end <= len(text)
        assert text[found.start : found.end] == found.text
        assert 0 < found.weight < 1
        before = found.start


@given(st.integers(0, 4))
def test_the_parity_of_negations_decides(n: int) -> None:
    assert bool(Lexicon({"price": ["贵"]}).find("不" * n + "贵")) == (n % 2 == 0)
    assert bool(Lexicon({"price": ["!便宜"]}).find("不" * n + "便宜")) == (n % 2 == 1)


def test_a_negation_reaches_so_far_and_no_further() -> None:
    lexicon = Lexicon({"price": ["贵", "expensive"]})
    assert not lexicon.find("不一二三四五贵")
    assert lexicon.find("不一二三四五六贵")
    assert not lexicon.find("not a b c d expensive")
    assert lexicon.find("not a b c d e expensive")
    assert lexicon.find("不好，贵")
    assert lexicon.find("贵，不好")


def test_one_term_may_speak_for_two_labels() -> None:
    lexicon = Lexicon({"a": ["slow bill"], "b": ["slow bill", "slow"]})
    assert [found.label for found in lexicon.find("a slow bill")] == ["a", "b"]


def test_more_evidence_is_more_sure() -> None:
    lexicon = Lexicon({"price": ["dear", "~fee*"]})
    assert lexicon.confidences("no word of it") == {}
    assert lexicon.confidences("a fee") == {"price": pytest.approx(0.4)}
    assert lexicon.confidences("dear, DEAR") == {"price": pytest.approx(0.7)}
    assert lexicon.confidences("dear fees") == {"price": pytest.approx(0.82)}


def test_one_language_alone() -> None:
    assert [found.label for found in Lexicon.standard(["zh"]).find("too expensive 太贵")] == ["PRC01"]
    assert len(Lexicon.standard(["zh"])) + len(Lexicon.standard(["en"])) == len(STANDARD)
    assert set(STANDARD.labels) <= set(ReasonCatalog().codes)


def test_labels_can_be_joined_and_pickled() -> None:
    assert "price" in THEMES.labels
    assert len(THEMES) == len(STANDARD)
    assert pickle.loads(pickle.dumps(THEMES)) == THEMES
    assert hash(THEMES) == hash(pickle.loads(pickle.dumps(THEMES)))
    assert repr(Lexicon({"price": ["dear"]})) == "Lexicon(1 terms of 1 labels: price)"


def test_wrong_input_is_named() -> None:
    with pytest.raises(ParameterTypeError, match=r"the terms are .'dear'."):
        Lexicon(["dear"])  # type: ignore[arg-type]
    with pytest.raises(ParameterTypeError, match=r"the terms are {}"):
        Lexicon({})
    with pytest.raises(ParameterError, match="'price' has the term '!', which is empty"):
        Lexicon({"price": ["!"]})
    with pytest.raises(ParameterTypeError, match=r"the terms of 'price' is .7."):
        Lexicon({"price": [7]})  # type: ignore[list-item]
    with pytest.raises(ParameterError, match="names 'cn'"):
        Lexicon.standard(["cn"])
    with pytest.raises(ParameterError, match="names none"):
        Lexicon.standard([])
    with pytest.raises(ParameterTypeError, match="the text is a float"):
        STANDARD.find(float("nan"))  # type: ignore[arg-type]
