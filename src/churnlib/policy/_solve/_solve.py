"""Give each customer at most one arm, so that the whole is worth most under a budget and other limits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from churnlib._checks import as_floats
from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import ParameterError, ParameterTypeError, message, some
from churnlib.numerics._choice_hull import choice_inputs
from churnlib.policy._solve._budget import within_budget
from churnlib.policy._solve._limit import Limit
from churnlib.policy._solve._limits import within_limits
from churnlib.policy._solve._solution import Solution

__all__ = ["solve"]


def solve(
    value: ArrayLike,
    cost: ArrayLike,
    *,
    allowed: ArrayLike | None = None,
    budget: float | None = None,
    limits: Sequence[Limit] = (),
    order: ArrayLike | None = None,
) -> Solution:
    """Choose at most one arm for each row so that the sum of values is largest within all limits.

    The problem is the multiple-choice knapsack. Its linear relaxation gives the upper
    bound and the prices; the allocation keeps every limit, always, and is worth at least
    the bound less one step of one customer when the budget is the only limit. Up to 300
    customers it is the best there is.

    Parameters
    ----------
    value : array-like of shape (n_rows, n_arms)
        Net value of giving the arm to the row, its cost already taken off, in money.
        An arm worth nothing or less is given to nobody, unless an `at_least` needs it.
    cost : array-like of shape (n_rows, n_arms), or broadcast to it
        What it costs, in money, at least 0.
    allowed : array-like of bool of shape (n_rows, n_arms), default=None
        Which arms may be given; the others never are. None for all.
    budget : float, default=None
        The most that all arms together may cost; None or infinite for no such limit.
    limits : sequence of Limit, default=()
        Capacities and quotas.
    order : array-like of shape (n_rows,), default=None
        Distinct ids or hashes by which the rows are put in order first, so that the result does
        not depend on the order they come in; of equal customers the earlier is served. None keeps
        the order given.

    Returns
    -------
    Solution
        Arms, value, cost, the upper bound and the prices.

    Raises
    ------
    InfeasibleError
        If some `at_least` cannot be met; which, and by how much.
    DataError
        If a value or cost that is allowed is not finite, or a cost negative.
    ParameterError
        If the budget is negative or NaN, two limits share a name, a shape does not fit,
        or an entry of `order` is repeated.
    ParameterTypeError
        If the budget is no number, or `order` mixes kinds that cannot be put in order.

    References
    ----------
    Kellerer, Pferschy, Pisinger (2004), Knapsack Problems, chapter 11, Springer.

    Examples
    --------
    Three customers, a letter at 1 or a call at 4, and money for one call and one letter:

    >>> found = solve([[2.0, 9.0], [2.0, 5.0], [1.0, 0.5]], [1.0, 4.0], budget=5)
    >>> found.arm, found.value, found.cost
    (array([ 1,  0, -1], dtype=int16), 11.0, 5.0)
    >>> found.budget_price, found.upper_bound
    (1.0, 11.0)

    One call a day at most:

    >>> found = solve([[2.0, 9.0], [2.0, 5.0]], [1.0, 4.0], limits=[Limit("phone", arms=(1,), at_most=1)])
    >>> found.arm, round(found.prices["phone"], 6)
    (array([1, 0], dtype=int16), 3.0)
    """
    worth, price = choice_inputs(value, cost, allowed)
    spend = _budget(budget)
    listed = _limits(limits, price)
    back = _order(order, worth.shape[0])
    if back is not None:
        worth, price = worth[back], price[back]
        listed = [_reordered(limit, back) for limit in listed]
    found = within_limits(worth, price, spend, listed) if listed else within_budget(worth, price, spend)
    if back is None:
        return found
    arm = np.empty_like(found.arm)
    arm[back] = found.arm
    fields = {name: getattr(found, name) for name in Solution.__dataclass_fields__}
    return Solution(**(fields | {"arm": arm}))


def _budget(budget: float | None) -> float:
    if budget is None:
        return np.inf
    try:
        number = float(as_floats(budget))
    except (TypeError, ValueError):
        raise ParameterTypeError(
            message(f"budget is {budget!r}", "an amount of money, or None for no limit", "budget=5_000")
        ) from None
    if not number >= 0.0:
        raise ParameterError(
            message(f"budget={number:g}", "a budget is at least 0; None or inf for no limit", "budget=5_000")
        )
    return number


def _limits(limits: Sequence[Limit], price: FloatArray) -> list[Limit]:
    listed = list(limits)
    kinds: list[object] = list(limits)
    strange = [each for each in kinds if not isinstance(each, Limit)]
    if strange:
        raise ParameterTypeError(
            message(f"limits holds {some(map(repr, strange))}", "Limit objects", "limits=[Limit('phone', at_most=400)]")
        )
    names = [limit.name for limit in listed]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or "budget" in names:
        raise ParameterError(
            message(
                f"limit {some(twice)} is given twice" if twice else "a limit is called 'budget'",
                "each limit has a name of its own, and 'budget' is the one of budget=",
                f"Limit('{(twice or ['budget'])[0]} 2', ...)",
            )
        )
    for limit in listed:
        limit.mask(price.shape[0])
        limit.columns(price.shape[1])
    return listed


def _order(order: ArrayLike | None, n_rows: int) -> np.ndarray | None:
    if order is None:
        return None
    keys = np.asarray(order)
    try:
        unique, first = np.unique(keys, return_index=True)
    except TypeError:  # numbers beside texts
        raise ParameterTypeError(
            message("order holds entries that cannot be put in order", "ids of one kind", "order=customers.astype(str)")
        ) from None
    if keys.shape != (n_rows,) or unique.size < n_rows:
        raise ParameterError(
            message(
                f"order holds {unique.size} distinct entries in shape {keys.shape}, there are {n_rows} rows",
                "one distinct id for each row",
                "order=customers.index",
            )
        )
    return first


def _reordered(limit: Limit, back: np.ndarray) -> Limit:
    rows = None if limit.rows is None else limit.mask(back.size)[back]
    return Limit(limit.name, rows, limit.arms, limit.counts, limit.at_most, limit.at_least)
