"""What is learned from characters and words."""

# ruff: noqa: RUF001 - full-width letters and signs are what people type

from __future__ import annotations

import numpy as np

from churnlib.reasons._text_model import TextModel, Words

CHINESE = ["太贵了", "价格贵", "贵得很", "态度差", "态度恶劣", "服务态度"]
DEAR = np.array([[True]] * 3 + [[False]] * 3)


def test_chinese_is_read_by_characters_unless_something_cuts_it() -> None:
    assert Words(None)("app 太贵了 don't") == ["app", "don't"]
    assert Words(list)("太贵 了") == ["太", "贵", "了"]
    assert len(TextModel(None, strength=10.0).fit(CHINESE, DEAR).makers_) == 1
    assert len(TextModel(list, strength=10.0).fit(CHINESE, DEAR).makers_) == 2


def test_words_are_read_where_there_are_blanks() -> None:
    english = ["far too dear", "much too dear", "such rude people", "very rude agent"]
    model = TextModel(None, strength=10.0).fit(english, np.array([[True], [True], [False], [False]]))
    assert len(model.makers_) == 2
    assert (model.confidences(["so dear", "so rude"])[:, 0] > 0.5).tolist() == [True, False]


def test_digits_widths_and_cases_are_alike() -> None:
    model = TextModel(None, strength=10.0).fit(CHINESE, DEAR)
    one, other = model.confidences(["太贵了 39 APP", "太贵了 45 ａｐｐ"])
    assert one.tolist() == other.tolist()
