from __future__ import annotations

import pytest

from churnlib.exceptions import ParameterError, ParameterTypeError
from churnlib.features._source import Source, kind_names, kind_text, normal_kind


@pytest.mark.parametrize(
    ("kind", "normal", "text"),
    [
        (None, None, "any"),
        ("order", "order", "order"),
        (["order"], "order", "order"),
        (("visit", "order"), ("order", "visit"), "order+visit"),
        ({"visit", "order"}, ("order", "visit"), "order+visit"),
    ],
)
def test_each_choice_of_kinds_has_one_spelling(kind, normal, text):
    assert normal_kind(kind) == normal
    assert kind_text(normal_kind(kind)) == text
    assert kind_names(normal_kind(kind)) == (() if kind is None else tuple(text.split("+")))


@pytest.mark.parametrize(
    ("kind", "error", "text"),
    [
        ([], ParameterError, "kind is an empty list"),
        (["a", "a"], ParameterError, "kind names a more than once"),
        (3, ParameterTypeError, "kind is 3"),
        ([3], ParameterTypeError, r"kind is \[3\]"),
    ],
)
def test_a_choice_that_is_none_is_refused(kind, error, text):
    with pytest.raises(error, match=text):
        normal_kind(kind)


def test_a_source_says_what_counts_once():
    assert [Source("order", per).text for per in ("event", "occasion", "day")] == [
        "order",
        "order/occasion",
        "order/day",
    ]
