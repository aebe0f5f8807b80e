"""From the relaxation to whole customers: a program of the few options that a better allocation could use."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.policy._solve._priced import Problem
from churnlib.policy._solve._program import options_of, whole
from churnlib.policy._solve._relax import Relaxed, Rows, classes_of

__all__ = ["improved", "rounded"]

ArmArray = npt.NDArray[np.int16]

_CLOSED = 1e-12
"""A gap below this share of the value is rounding."""

_CORE = 4_000
"""Options that are still searched for the best allocation."""

_NODES = 20_000
_FEW_NODES = 50
_APART = 1e-3
_CLASSES = 60
"""Classes that a first program of whole customers may change; four times as many when it finds none."""


def improved(problem: Problem, prices: FloatArray, arm: ArmArray | None, gap: float) -> ArmArray | None:
    """Return the best allocation that keeps the bounds, given one that does and its distance to the upper bound.

    At prices whose upper bound is that far away, an allocation that uses an option is worth
    at most the bound less what the option falls short of the best of its row. So one that
    falls short by more than the gap is in no better allocation: only the others go into the
    program, and a row with a single one left is settled. Without an allocation to start
    from all options go in.
    """
    value = -np.inf if arm is None else problem.value(arm)
    if arm is not None and gap <= _CLOSED * max(abs(value), 1e-300):
        return arm
    every = np.arange(problem.worth.shape[0])
    net = problem.net(prices, every)
    best = np.maximum(net.max(axis=1), 0.0)
    slack = np.inf if arm is None else gap * (1.0 + 1e-9)
    near: BoolArray = (best[:, None] - net <= slack) & np.isfinite(net)
    counted = near.sum(axis=1)
    open_rows = (counted > 0) & ((best <= slack) | (counted > 1))
    if np.count_nonzero(near[open_rows]) > _CORE:
        return arm
    found = np.full(every.size, -1, dtype=np.int16)
    settled = (counted == 1) & ~open_rows
    found[settled] = near[settled].argmax(axis=1)
    better = _filled(problem, found, classes_of(problem, every[open_rows]), near, start=value, nodes=_NODES, apart=0.0)
    return arm if better is None else better


def rounded(problem: Problem, found: Relaxed) -> ArmArray | None:
    """Return an allocation of whole customers close to the relaxation; None where there is none.

    What the relaxation gives whole stays, but for the classes that it splits and those of
    the smallest margin, which a program chooses anew.
    """
    near, options = found.near, found.options
    net = problem.net(found.prices, near.first)
    net.sort(axis=1)
    second = np.maximum(net[:, -2], 0.0) if net.shape[1] > 1 else np.zeros(net.shape[0])
    margin = np.where(net[:, -1] > 0.0, net[:, -1] - second, -net[:, -1])
    split = np.abs(found.amount - np.rint(found.amount)) > 1e-5
    margin[options.place[split]] = -1.0
    rank = np.argsort(margin, kind="stable")
    count = _CLASSES
    while True:
        free = np.zeros(rank.size, dtype=bool)
        free[rank[: max(count, np.unique(options.place[split]).size)]] = True
        held = found.settled.copy()
        kept = ~free[options.place]
        _hand_out(held, near, options.place[kept], options.arm[kept], found.amount[kept])
        arm = _filled(
            problem,
            held,
            _classes(near, free),
            np.isfinite(problem.worth),
            start=-np.inf,
            nodes=_FEW_NODES,
            apart=_APART,
        )
        if arm is not None or free.all():
            return arm
        count *= 4


def _filled(
    problem: Problem,
    held: ArmArray,
    open_rows: Rows,
    allowed: BoolArray,
    *,
    start: float,
    nodes: int,
    apart: float,
) -> ArmArray | None:
    """Choose for the open rows among what is allowed, the others as they are; None if nothing beats `start`."""
    first = open_rows.first
    options = options_of(problem.worth[first], problem.weights(first), allowed[first], open_rows.count)
    bounds = problem.bounds.less(problem.used(held))
    amount = whole(options, bounds, nodes=nodes, apart=apart, start=start - problem.value(held))
    if amount is None:
        return None
    arm = held.copy()
    _hand_out(arm, open_rows, options.place, options.arm, amount)
    return arm if problem.bounds.kept(problem.used(arm)) else None


def _hand_out(arm: ArmArray, classes: Rows, place: IntArray, option: IntArray, amount: FloatArray) -> None:
    """Give the rows of each class their arms, the first rows the first arm."""
    times = np.rint(amount).astype(np.int64)
    before = np.cumsum(times) - times
    new = np.ones(place.size, dtype=bool)
    new[1:] = place[1:] != place[:-1]
    base = np.repeat(before[new], np.diff(np.append(np.flatnonzero(new), place.size)))
    start = np.repeat(classes.start[place] + before - base, times)
    within = np.arange(start.size) - np.repeat(before, times)
    arm[classes.rows[start + within]] = np.repeat(option, times)


def _classes(near: Rows, kept: BoolArray) -> Rows:
    sizes = np.diff(near.start)
    return Rows(near.rows[np.repeat(kept, sizes)], np.concatenate([[0], np.cumsum(sizes[kept])]))
