"""The map from a model's probability to the calibrated one, for single numbers."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

from churnlib.exceptions import DataError, message

__all__ = ["calibration_of"]

# as the calibration that was fitted: float32 models state probabilities down to about this
_TINY = 1e-7


def calibration_of(plain: Mapping[str, Any]) -> Callable[[float], float] | None:
    """Return the map that a compiled model carries.

    Parameters
    ----------
    plain : mapping
        ``{"kind": "none"}``, ``{"kind": "sigmoid", "slope", "intercept"}`` or
        ``{"kind": "isotonic", "stated", "observed"}``.

    Returns
    -------
    callable or None
        Takes and returns a probability; None leaves it as it is.

    Raises
    ------
    DataError
        If it is of another kind, or its numbers do not ascend.

    Examples
    --------
    >>> calibration_of({"kind": "isotonic", "stated": [0.0, 1.0], "observed": [0.25, 0.75]})(0.5)
    0.5
    """
    if plain["kind"] == "none":
        return None
    if plain["kind"] == "sigmoid":
        return partial(_sigmoid, float(plain["slope"]), float(plain["intercept"]))
    if plain["kind"] == "isotonic" and len(plain["stated"]) == len(plain["observed"]) > 0:
        stated, observed = tuple(map(float, plain["stated"])), tuple(map(float, plain["observed"]))
        if all(low <= high for low, high in pairwise(stated)):
            return partial(_isotonic, stated, observed)
    raise DataError(
        message(
            f"the calibration {plain['kind']!r} cannot be read",
            "none, sigmoid or isotonic, with their numbers",
            "compile and write it again",
        )
    )


def _sigmoid(slope: float, intercept: float, probability: float) -> float:
    kept = min(max(probability, _TINY), 1.0 - _TINY)
    margin = intercept + slope * math.log(kept / (1.0 - kept))
    part = math.exp(-abs(margin))
    return 1.0 / (1.0 + part) if margin >= 0 else part / (1.0 + part)


def _isotonic(stated: tuple[float, ...], observed: tuple[float, ...], probability: float) -> float:
    right = bisect_right(stated, probability)
    if right == 0:
        return observed[0]
    if right == len(stated):
        return observed[-1]
    slope = (observed[right] - observed[right - 1]) / (stated[right] - stated[right - 1])
    return slope * (probability - stated[right - 1]) + observed[right - 1]
