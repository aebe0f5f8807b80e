"""Draws shared by the simulators, all in whole microseconds."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from churnlib._checks import check_number
from churnlib._typing import FloatArray, IntArray
from churnlib.calendar import DAY_US
from churnlib.exceptions import ParameterError, ParameterTypeError, message

__all__ = ["check_share", "fading", "generator", "poisson_times"]


def generator(random_state: int | np.random.Generator | None) -> np.random.Generator:
    """Turn a seed or a generator into a generator."""
    if random_state is None or isinstance(random_state, (Integral, np.random.Generator)):
        return np.random.default_rng(random_state)
    raise ParameterTypeError(
        message(
            f"random_state is a {type(random_state).__name__}",
            "an int, a numpy.random.Generator or None",
            "random_state=0",
        )
    )


def check_share(value: object, *, name: str, below_one: bool = False) -> float:
    """Return a share in [0, 1], or in [0, 1), or say why not."""
    share = check_number(value, name=name, low=0, high=1)
    if below_one and share == 1:
        raise ParameterError(message(f"{name} is 1", "a share below 1", f"{name}=0.5"))
    return share


def poisson_times(
    rng: np.random.Generator, per_day: FloatArray, start: IntArray, end: IntArray
) -> tuple[IntArray, IntArray]:
    """Draw a homogeneous Poisson process on ``[start, end)`` for every customer.

    Given their number, the points of such a process are independent and uniform,
    so one draw of counts and one of positions serve all customers.
    """
    length = np.maximum(end - start, 0)
    owner = np.repeat(np.arange(len(start)), rng.poisson(per_day * length / DAY_US))
    time = start[owner] + (rng.random(len(owner)) * length[owner]).astype(np.int64)
    return owner, time


def fading(
    rng: np.random.Generator, owner: IntArray, time: IntArray, leaves: FloatArray, *, depth: float, days: float
) -> tuple[IntArray, IntArray]:
    """Thin a process as its customer's departure comes near.

    A point `s` days before the departure stays with probability
    ``1 - depth * max(0, 1 - s / days)``.
    """
    ahead = (leaves[owner] - time) / DAY_US
    stays = rng.random(len(owner)) >= depth * np.clip(1 - ahead / days, 0, 1)
    return owner[stays], time[stays]
