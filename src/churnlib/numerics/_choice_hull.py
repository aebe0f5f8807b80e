"""The steps by which a row moves from doing nothing to its dearest useful option, best value for money first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from churnlib._checks import named_rows
from churnlib._typing import Array, ArrayLike, BoolArray, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, message

__all__ = ["ChoiceHull", "choice_hull", "choice_inputs"]

_CHUNK = 1 << 15
"""Rows worked on at once: their columns stay in the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class ChoiceHull:
    """Steps along the upper concave hulls of many rows, steepest first.

    Every row starts with doing nothing, at cost 0 and value 0. Taking its steps in the
    order given leads from vertex to vertex of its hull; a row's steps stand in order,
    because their slopes fall. Taking the first steps until a budget is used up solves the
    linear relaxation of the multiple-choice knapsack, for every budget at once.

    Parameters
    ----------
    row : ndarray of shape (n_steps,)
        Position of the row that steps.
    arm : ndarray of shape (n_steps,)
        Column it steps to.
    before : ndarray of shape (n_steps,)
        Column it leaves, -1 for none.
    cost : ndarray of shape (n_steps,)
        What the step adds to the cost, at least 0.
    value : ndarray of shape (n_steps,)
        What it adds to the value, above 0.
    slope : ndarray of shape (n_steps,)
        Value per unit of cost, never rising; infinite for a step that costs nothing.

    Examples
    --------
    >>> hull = choice_hull([[3.0, 4.0]], [[1.0, 2.0]])
    >>> hull.arm, hull.before, hull.slope
    (array([0, 1], dtype=int16), array([-1,  0], dtype=int16), array([3., 1.]))
    """

    row: IntArray
    arm: npt.NDArray[np.int16]
    before: npt.NDArray[np.int16]
    cost: FloatArray
    value: FloatArray
    slope: FloatArray

    def __len__(self) -> int:
        """Return the number of steps."""
        return self.row.size

    def __repr__(self) -> str:
        return f"ChoiceHull({len(self)} steps of {np.unique(self.row).size} rows)"


def choice_hull(value: ArrayLike, cost: ArrayLike, allowed: ArrayLike | None = None) -> ChoiceHull:
    """Return the steps along the upper concave hull of each row's options, sorted by slope.

    The options of a row are the points (cost, value) of its columns and (0, 0), doing
    nothing. An option off the hull is never the best at any price of money: either
    another gives at least as much for less, or a mixture of two others does.

    Parameters
    ----------
    value : array-like of shape (n_rows, n_arms)
        What each option is worth; larger is better, and options worth nothing are left out.
    cost : array-like of shape (n_rows, n_arms), or broadcast to it
        What each option costs, finite and not negative, in the unit of a budget.
    allowed : array-like of bool of shape (n_rows, n_arms), default=None
        Which options may be taken; None for all of them. Where it is False, value and cost are not looked at.

    Returns
    -------
    ChoiceHull
        One entry per step, slopes never rising. Steps of equal slope stand in the order
        of the level (a row's first step before any second), then of the row.

    Raises
    ------
    DataError
        If an allowed value or cost is not finite, or a cost is negative.
    ParameterError
        If the shapes do not fit.

    References
    ----------
    Sinha, Zoltners (1979), The multiple-choice knapsack problem, Operations Research 27(3).
    Sverdrup, Wu, Athey, Wager (2023), Qini curves for multi-armed treatment rules, arXiv 2306.11979.

    Examples
    --------
    >>> hull = choice_hull([[3.0, 4.0, 1.0], [2.0, 6.0, -1.0]], [[1.0, 2.0, 2.0], [2.0, 3.0, 1.0]])
    >>> hull.row, hull.arm, hull.slope
    (array([0, 1, 0]), array([0, 1, 1], dtype=int16), array([3., 2., 1.]))
    """
    worth, price = choice_inputs(value, cost, allowed)
    pieces = [
        _walk(worth[start : start + _CHUNK], price[start : start + _CHUNK], start)
        for start in range(0, max(worth.shape[0], 1), _CHUNK)
    ]
    row, arm, before, level, step_cost, step_value, slope = (
        np.concatenate([piece[field] for piece in pieces]) for field in range(7)
    )
    order = np.argsort(-slope, kind="stable")
    ordered = slope[order]
    tied = np.zeros(order.size, dtype=bool)
    same = ordered[1:] == ordered[:-1]
    tied[1:] |= same
    tied[:-1] |= same
    if tied.any():
        # Runs of equal slopes stay where they are; inside them level and row decide.
        places = order[tied]
        order[tied] = places[np.lexsort((row[places], level[places], -slope[places]))]
    return ChoiceHull(
        row=row[order],
        arm=arm[order],
        before=before[order],
        cost=step_cost[order],
        value=step_value[order],
        slope=slope[order],
    )


def choice_inputs(value: ArrayLike, cost: ArrayLike, allowed: ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    """Return values and costs as matrices, -inf for the value and 0 for the cost of what is not allowed.

    Examples
    --------
    >>> choice_inputs([[2.0, 3.0]], [1.0, 1.0], [[True, False]])
    (array([[  2., -inf]]), array([[1., 0.]]))
    """
    worth = np.asarray(value, dtype=np.float64)
    if worth.ndim != 2 or worth.shape[1] == 0:
        raise ParameterError(
            message(f"value has shape {worth.shape}", "one row per customer and one column per arm", "value=[[2.0]]")
        )
    price = _spread(np.asarray(cost, dtype=np.float64), worth.shape, name="cost")
    if allowed is not None:
        mask = np.asarray(allowed)
        if mask.dtype != bool:
            raise ParameterError(
                message(f"allowed holds {mask.dtype}", "True or False", "allowed=allowed.astype(bool)")
            )
        mask = _spread(mask, worth.shape, name="allowed")
        worth, price = np.where(mask, worth, -np.inf), np.where(mask, price, 0.0)
        open_values = np.isfinite(worth) | ~mask
    else:
        open_values = np.isfinite(worth)
    shut: BoolArray = ~open_values.all(axis=1)
    if shut.any():
        raise DataError(
            message(
                f"value is not finite in {named_rows(shut)}",
                "a finite number for every arm that is allowed",
                "allowed=np.isfinite(value)",
            )
        )
    _check_costs(price)
    return worth, price


def _spread(values: Array, shape: tuple[int, ...], *, name: str) -> Array:
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise ParameterError(
            message(
                f"{name} has shape {values.shape}, value has {shape}",
                f"{name} has one entry per row and arm, or one per arm",
                f"{name}={name}[:, arms]",
            )
        ) from None


def _check_costs(price: FloatArray) -> None:
    # A minimum that is NaN or negative, or an infinite maximum: two passes instead of a matrix of flags.
    if price.size == 0 or (price.min() >= 0.0 and price.max() < np.inf):
        return
    wrong = ~(np.isfinite(price) & (price >= 0.0))
    rows: BoolArray = np.asarray(wrong.any(axis=1))
    raise DataError(
        message(
            f"cost is negative or not finite in {named_rows(rows)} ({np.count_nonzero(wrong)} entries,"
            f" the first {price[wrong][0]})",
            "an action costs at least 0; what it earns belongs in its value",
            "cost=cost.clip(min=0)",
        )
    )


def _walk(worth: FloatArray, price: FloatArray, offset: int) -> tuple[Array, ...]:
    """Wrap the hulls of a chunk of rows: from each vertex on to the option of the steepest slope."""
    v, c = np.ascontiguousarray(worth.T), np.ascontiguousarray(price.T)
    n = v.shape[1]
    row = np.arange(n)
    here_v, here_c, last = np.zeros(n), np.zeros(n), np.full(n, np.inf)
    here = np.full(n, -1, dtype=np.int16)
    steps: list[tuple[Array, ...]] = []
    level = 0
    while row.size or not steps:
        best, arm = _steepest(v, c, here_v, here_c)
        go = np.flatnonzero(arm >= 0)
        row, arm, v, c = row[go], arm[go], v[:, go], c[:, go]
        columns = np.arange(go.size)
        next_v, next_c = v[arm, columns], c[arm, columns]
        # Rounding must not let a later step of a row come before an earlier one.
        last = np.minimum(best[go], last[go])
        levels = np.full(go.size, level, dtype=np.int16)
        steps.append((row + offset, arm, here[go], levels, next_c - here_c[go], next_v - here_v[go], last))
        here_v, here_c, here = next_v, next_c, arm
        level += 1
    return tuple(np.concatenate([step[field] for step in steps]) for field in range(7))


def _steepest(v: FloatArray, c: FloatArray, here_v: FloatArray, here_c: FloatArray) -> tuple[FloatArray, Array]:
    """Return for each row the steepest rise from where it stands, and the arm (-1: nothing rises)."""
    n = here_v.size
    best, gain = np.zeros(n), np.zeros(n)
    arm = np.full(n, -1, dtype=np.int16)
    for column in range(v.shape[0]):
        rise, run = v[column] - here_v, c[column] - here_c
        # An option that gives more for no more money is infinitely steep (only a first step can be).
        free: BoolArray = (rise > 0.0) & (run <= 0.0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slope = np.where(free, np.inf, np.where(run > 0.0, rise / run, -1.0))
        # Of equally steep options the one that gives less is nearer: the hull keeps the points on its edges.
        better = (slope > best) | ((slope == best) & (slope > 0.0) & np.where(free, rise > gain, rise < gain))
        np.copyto(best, slope, where=better)
        np.copyto(gain, rise, where=better)
        arm[better] = column
    return best, arm
