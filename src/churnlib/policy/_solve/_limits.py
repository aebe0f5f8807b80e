"""Several limits at once: prices for all of them, and an allocation that keeps every one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from churnlib._typing import BoolArray, FloatArray
from churnlib.exceptions import InfeasibleError, message, some
from churnlib.policy._solve._core import improved, rounded
from churnlib.policy._solve._limit import Limit
from churnlib.policy._solve._priced import Problem, problem_of
from churnlib.policy._solve._program import Bounds
from churnlib.policy._solve._relax import Relaxed, relax
from churnlib.policy._solve._solution import Solution

__all__ = ["within_limits"]

_EXACT = 300
"""Rows up to which the best allocation of whole customers is looked for."""

_PENALTY = 1e3
_MISSED = 1e-6
"""A quota missed by less than this share of itself is rounding of the program."""


def within_limits(worth: FloatArray, price: FloatArray, budget: float, limits: list[Limit]) -> Solution:
    """Solve for a budget and other limits; `worth` is -inf where an arm is not allowed."""
    problem = problem_of(worth, price, budget, limits)
    names = ["budget", *(limit.name for limit in limits)]
    found = _feasible(problem, names)
    arm = rounded(problem, found)
    if worth.shape[0] <= _EXACT:
        gap = np.inf if arm is None else found.upper - problem.value(arm)
        arm = improved(problem, found.prices, arm, gap)
    if arm is None:
        raise InfeasibleError(_not_whole(problem.bounds, names))
    value, used = problem.value(arm), problem.used(arm)
    upper = max(found.upper, value)
    return Solution(
        arm,
        value,
        float(used[0]) if worth.size else 0.0,
        upper,
        upper - value,
        float(found.most[0]),
        dict(zip(names[1:], found.most[1:].tolist(), strict=True)),
        dict(zip(names[1:], found.least[1:].tolist(), strict=True)),
        dict(zip(names, used.tolist(), strict=True)),
    )


def _feasible(problem: Problem, names: list[str]) -> Relaxed:
    """Return the relaxation; raise if some `at_least` cannot be met even by splitting customers."""
    _refuse(_alone(problem), problem.bounds, names, "even with all that is allowed")
    found = relax(problem, penalty=_PENALTY)
    if not _missing(found.under, problem.bounds).any():
        return found
    # Worth nothing, every option serves the quotas only: what is missed now is missed by all.
    worthless = np.where(np.isfinite(problem.worth), 0.0, -np.inf)
    free = relax(replace(problem, worth=worthless), penalty=1.0)
    _refuse(free.under, problem.bounds, names, "within the other limits")
    return relax(problem, penalty=_PENALTY**2)


def _alone(problem: Problem) -> FloatArray:
    """Return by how much each `least` is missed when every row gives all it can to that limit alone."""
    missed = np.zeros(problem.bounds.least.size)
    allowed = np.isfinite(problem.worth)
    for limit in np.flatnonzero(problem.bounds.least > 0.0):
        concerned = problem.concerns[limit][problem.group] & allowed
        each = np.where(concerned, problem.price if problem.counts_cost[limit] else 1.0, 0.0)
        missed[limit] = max(problem.bounds.least[limit] - float(each.max(axis=1, initial=0.0).sum()), 0.0)
    return missed


def _missing(under: FloatArray, bounds: Bounds) -> BoolArray:
    return np.asarray(under > _MISSED * np.maximum(bounds.least, 1.0))


def _refuse(under: FloatArray, bounds: Bounds, names: list[str], when: str) -> None:
    wrong = np.flatnonzero(_missing(under, bounds))
    if not wrong.size:
        return
    stated = [f"{names[limit]!r} asks for {bounds.least[limit]:g} and misses {under[limit]:.5g}" for limit in wrong]
    reached = max(bounds.least[wrong[0]] - under[wrong[0]], 0.0)
    raise InfeasibleError(
        message(
            f"limit {some(stated)} {when}",
            "at_least can be met only by customers to whom the arms are allowed, within all other limits",
            f"Limit({names[wrong[0]]!r}, at_least={np.floor(reached * (1 + 1e-9)):g}, ...)",
        )
    )


def _not_whole(bounds: Bounds, names: list[str]) -> str:
    asked = [
        f"{name!r} ({low:g} to {high:g})" for name, low, high in zip(names, bounds.least, bounds.most, strict=True)
    ]
    tight = [text for text, low in zip(asked, bounds.least, strict=True) if low > 0.0]
    return message(
        f"the limits can be kept by splitting customers only; asked for: {some(tight or asked)}",
        "at_least and at_most leave room for one customer more or less",
        "at_least smaller by the cost of one customer",
    )
