"""Normal forms, the way back to the original, and groups of texts that say the same."""

# ruff: noqa: RUF001 - full-width letters and signs are what people type

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, ParameterTypeError
from churnlib.reasons import text_groups
from churnlib.reasons._normal_text import normal_text

texts = st.text(st.sampled_from("aZ 0９①ﬁé\u0301ＡＢ，。太贵ｶﾞ\u3099İß…㎏"), max_size=12)


@pytest.mark.parametrize(
    ("text", "normal"),
    [("ＡＢＣ１２", "abc00"), ("It's 39.90！", "it's 00.00!"), ("①⑩", "000"), ("㎏", "kg"), ("e\u0301", "\u00e9")],
)
def test_the_normal_form(text: str, normal: str) -> None:
    assert normal_text(text).text == normal


@given(texts)
def test_the_normal_form_is_nfkc_in_lower_case_with_digits_alike(text: str) -> None:
    whole = "".join("0" if sign.isdigit() else sign for sign in unicodedata.normalize("NFKC", text).lower())
    # lower case after NFKC of the whole, or of its parts: the letters are the same
    assert unicodedata.normalize("NFKC", normal_text(text).text) == unicodedata.normalize("NFKC", whole)


@given(texts, st.data())
def test_every_stretch_leads_back(text: str, data: st.DataObject) -> None:
    normal = normal_text(text)
    assert len(normal.places) == len(normal.text) + 1
    if not normal.text:
        return
    start = data.draw(st.integers(0, len(normal.text) - 1))
    end = data.draw(st.integers(start + 1, len(normal.text)))
    first, last = normal.original(start, end)
    assert 0 <= first < last <= len(text)
    assert normal.text[start:end] in normal_text(text[first:last]).text


def test_copies_have_one_number() -> None:
    a, b, c, d = text_groups(["扣费 30 元！", "扣费４５元", "扣费四元", "扣 费 9 9元。"])
    assert a == b == d != c


def test_what_are_no_texts_is_named() -> None:
    with pytest.raises(ParameterTypeError, match="the texts are a str"):
        text_groups("too dear")
    with pytest.raises(ParameterTypeError, match="the texts are a int"):
        text_groups(7)
    with pytest.raises(DataError, match=r"2 of 3 texts are missing or no texts .rows 1, 2: NoneType, float"):
        text_groups(["a", None, 2.0])
    with pytest.raises(DataError, match="0 of 0 texts"):
        text_groups([])
