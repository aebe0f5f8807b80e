"""Go or no go."""

from __future__ import annotations

import numpy as np
import pytest

from churnlib.exceptions import ParameterError, ParameterTypeError
from churnlib.experiments import decide, effect

FOUND = effect(np.repeat([1, 0, 1, 0], [880, 120, 915, 85]), np.repeat([0, 1], 1000))


@pytest.mark.parametrize(("cost", "verdict"), [(1.0, "go"), (7.0, "not yet"), (13.0, "no go")])
def test_verdicts(cost: float, verdict: str) -> None:
    found = decide(FOUND, value=200, cost=cost)
    assert found.verdict == verdict
    assert repr(found).startswith(f"{verdict}: ")
    assert (found.gain, found.low, found.high) == pytest.approx(
        (200 * FOUND.value - cost, 200 * FOUND.low - cost, 200 * FOUND.high - cost)
    )
    assert found.break_even == cost / 200


def test_refusals() -> None:
    with pytest.raises(ParameterTypeError, match="effect is a float"):
        decide(0.03, value=200, cost=1)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"cost=-1.0 is out of range"):
        decide(FOUND, cost=-1)
    with pytest.raises(ParameterError, match=r"value=-2.0 is out of range"):
        decide(FOUND, cost=1, value=-2)
    with pytest.raises(ParameterError, match="value=0 makes every effect worthless"):
        decide(FOUND, cost=1, value=0)
