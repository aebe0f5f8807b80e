from __future__ import annotations

import pytest

from churnlib.exceptions import ParameterTypeError
from churnlib.outcomes import CAUSES, churn_mode
from churnlib.outcomes._causes import read_causes


def test_every_cause_has_a_mode():
    assert {cause: churn_mode(cause) for cause in CAUSES} == {
        "voluntary": "active",
        "operator-disconnected": "passive",
        "payment": "passive",
        "moved or died": "passive",
        "not genuine": "none",
        "unknown": "unknown",
    }
    assert churn_mode("a word of one's own") == "unknown"


def test_the_causes_cannot_be_changed():
    with pytest.raises(TypeError):
        CAUSES["bored"] = "active"


def test_refuses_a_cause_that_is_no_word():
    with pytest.raises(ParameterTypeError, match=r"causes\['closed'\]=3 is a int"):
        read_causes({"closed": 3})
