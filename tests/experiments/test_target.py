"""A rate beside its target."""

from __future__ import annotations

import pytest

from churnlib.exceptions import DataError, ParameterError, ParameterTypeError
from churnlib.experiments import against_target


def test_a_miss_and_only_noise() -> None:
    missed = against_target(458, 500, target=0.95)
    assert missed.verdict == "missed"
    assert [round(100 * rate, 1) for rate in (missed.rate, missed.low, missed.high)] == [91.6, 88.8, 93.7]
    noise = against_target(168, 800, target=0.20)
    assert noise.verdict == "only noise"
    assert [round(100 * rate, 1) for rate in (noise.rate, noise.low, noise.high)] == [21.0, 18.3, 24.0]
    assert against_target(168, 800, target=0.18).verdict == "met"


def test_it_reads_well() -> None:
    assert repr(against_target(458, 500, target=0.95)) == (
        "458 of 500 are 91.6% (95% interval 88.8% to 93.7%), -3.4 points against 95%: the target is missed."
    )
    assert "only noise" in repr(against_target(168, 800, target=0.2))
    assert "the target is met" in repr(against_target(168, 800, target=0.15))


def test_nobody_and_everybody() -> None:
    assert against_target(0, 3, target=0.5).low == 0
    assert against_target(3, 3, target=0.5).high == 1


@pytest.mark.parametrize(
    ("kept", "n", "options", "error", "words"),
    [
        (501, 500, {}, DataError, "501 of 500 customers were kept"),
        (0, 0, {}, ParameterError, "n=0 is out of range"),
        (-1, 5, {}, ParameterError, "kept=-1 is out of range"),
        (0.9, 5, {}, ParameterTypeError, "kept is 0.9, a float"),
        (3, 5, {"target": 95}, ParameterError, "target=95.0 is out of range"),
        (3, 5, {"confidence": 95}, ParameterError, "confidence is 95"),
    ],
)
def test_refusals(kept, n, options, error, words) -> None:
    with pytest.raises(error, match=words):
        against_target(kept, n, **{"target": 0.5} | options)
