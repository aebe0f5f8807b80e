"""A reason: its words, its axes, and its way to JSON and back."""

from __future__ import annotations

import pickle

import pytest

from churnlib.exceptions import ParameterError, ParameterTypeError
from churnlib.reasons import NO_DOMINANT_REASON, Reason

TEXT = {"en": "Price too high", "zh": "价格太高"}


def test_the_other_language_stands_in() -> None:
    assert Reason(code="A", theme="x", text=TEXT).text_in("zh") == "价格太高"
    assert Reason(code="A", theme="x", text={"zh": "价格太高"}).text_in("en") == "价格太高"


def test_a_lever_is_what_somebody_can_move() -> None:
    able = [Reason(code="A", theme="x", text=TEXT, controllable=word).is_lever for word in ("controllable", "mixed")]
    assert able == [True, True]
    assert not Reason(code="A", theme="x", text=TEXT, controllable="uncontrollable").is_lever


def test_there_and_back() -> None:
    reason = Reason(code="A", theme="x", text=TEXT, controllable="mixed", origin="external", nature="subjective")
    assert Reason.from_dict(reason.to_dict()) == reason
    assert pickle.loads(pickle.dumps(reason)) == reason
    assert hash(Reason.from_dict(reason.to_dict())) == hash(reason)
    with pytest.raises(TypeError):
        reason.text["en"] = "changed"  # type: ignore[index]


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"code": ""}, ParameterError, "code is empty"),
        ({"code": 7}, ParameterTypeError, "code is 7, a int"),
        ({"code": NO_DOMINANT_REASON}, ParameterError, "is taken"),
        ({"theme": " "}, ParameterError, "theme is empty"),
        ({"controllable": True}, ParameterError, "controllable=True is not a choice"),
        ({"origin": "inside"}, ParameterError, "origin='inside' is not a choice"),
        ({"nature": "objectiv"}, ParameterError, "did you mean 'objective'"),
        ({"text": {}}, ParameterError, "reason 'A' has no text"),
        ({"text": {"en": " "}}, ParameterError, "or an empty one"),
        ({"text": {"fr": "Trop cher"}}, ParameterError, "has a text in 'fr'"),
        ({"text": "Price"}, ParameterTypeError, "a text for each language"),
        ({"text": {"en": 3}}, ParameterTypeError, "a text for each language"),
    ],
)
def test_wrong_arguments_are_named(changes: dict[str, object], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        Reason(**{"code": "A", "theme": "x", "text": TEXT, **changes})  # type: ignore[arg-type]


def test_what_is_no_reason_is_not_read() -> None:
    with pytest.raises(ParameterError, match="a reason has no theme, text"):
        Reason.from_dict({"code": "A"})
    with pytest.raises(ParameterError, match="'colour'"):
        Reason.from_dict({"code": "A", "theme": "x", "text": TEXT, "colour": "red"})
    with pytest.raises(ParameterTypeError, match="names with values"):
        Reason.from_dict(["A"])  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="language='de' is not a choice"):
        Reason(code="A", theme="x", text=TEXT).text_in("de")
