"""What a growing budget brings when several treatments of different cost can be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, check_integer, check_one_order
from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import DataError, ParameterError, SchemaError, message, some
from churnlib.metrics import _arrays
from churnlib.metrics._metric_interval import Customers
from churnlib.metrics._uplift_arms import treatments_of
from churnlib.metrics._uplift_customers import customer_codes, error_of_rows
from churnlib.metrics._uplift_effects import read_effects
from churnlib.metrics._uplift_inputs import read_table
from churnlib.metrics._uplift_steps import BudgetPoint, BudgetSteps
from churnlib.numerics import normal_quantile

__all__ = ["cost_curve"]


def cost_curve(
    effect: ArrayLike,
    score: ArrayLike,
    *,
    cost: ArrayLike,
    budget: ArrayLike | None = None,
    points: int = 50,
    versus: ArrayLike | None = None,
    customer: Customers = None,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Gain by budget: who gets which treatment is chosen by predicted effects and costs, and judged by row effects.

    At each budget the plan is the best there is by the *predicted* effects: each customer gets one treatment or none,
    where a unit of money brings most. What the plan gains is the mean of the row effects of those it picks, which know
    nothing of the predictions. With one treatment that costs the same for all it is `uplift_curve`, cut where
    predicted effects fall below 0.

    It assumes that the scores were made from other rows than these, and that costs are known.

    Parameters
    ----------
    effect : array-like of shape (n_rows,) or (n_rows, n_treatments)
        Effect of each treatment against none in each row, in units of the outcome: `ipw_scores`, or what `dr_scores`
        gives. Or an uplift target with its propensity, of which `ipw_scores` are taken.
    score : array-like of shape (n_rows,) or (n_rows, n_treatments)
        Predicted effects, in units of the outcome. Treatments predicted to harm are never chosen. Columns of a frame
        that are named like the treatments are put in their order.
    cost : float, mapping, or array-like of shape (n_treatments,) or (n_rows, n_treatments)
        What each treatment costs, 0 or more, in the unit of the budget; a mapping, Series or frame by the names of the
        treatments in any order.
    budget : array-like of shape (n_points,), default=None
        Money per row of all, ascending. None takes equal steps from 0 to where nothing more pays.
    points : int, default=50
        How many of these steps.
    versus : array-like of shape (n_rows,) or (n_rows, n_treatments), default=None
        Predicted effects of another model; ``gain`` and its interval are then those of the difference at each budget.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, as in `qini_interval`.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row. However much a row weighs, it is one observation.
    confidence : float, default=0.95
        The nominal coverage of the interval at each budget by itself, between 0 and 1.

    Returns
    -------
    DataFrame
        Smallest budget first: ``budget`` (money per row of all), ``gain`` (in units of the outcome per row of all;
        larger is better) with ``standard_error``, ``low`` and ``high``, ``at_random`` (the gain if the plan without
        limits were given to as many drawn by lot as the money lasts for), ``predicted`` (what the scores promise),
        ``treated`` (share of the rows) and ``shadow_price`` (predicted gain of the next unit of money; 0
        where nothing more pays). With `versus` ``at_random`` and the columns after it are left out.

    Raises
    ------
    DataError
        If a number is missing, a cost is negative, lengths differ, labels are in different orders, or there are fewer
        than two customers.
    SchemaError
        If columns or costs are named after some of the treatments, and not after all.
    ParameterError
        If budgets are negative or do not ascend, or the confidence is not between 0 and 1.

    Notes
    -----
    The path of plans is that of the multiple-choice knapsack without whole numbers: the customer at the edge of the
    budget is treated in part. Its errors hold the budget, not the list, fixed: of a row that takes
    more money than the mean, others pay (Sverdrup, Wu, Athey and Wager 2025, Qini curves for multi-armed treatment
    rules, arXiv 2306.11979). Budgets that reach few customers have errors a little too small: with propensities that
    differ and 1,200 customers nominal 95 % bounds held the truth in 93 % of simulations.

    Examples
    --------
    A call for 5 and an e-mail for 1, predicted well:

    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal([3.0, 1.0], 2.0, (4000, 2))
    >>> noisy = truth + rng.normal(0, 5, (4000, 2))
    >>> curve = cost_curve(noisy, truth, cost=[5.0, 1.0], budget=[0.0, 0.5, 1.0, 9.0])
    >>> curve[["budget", "gain", "low", "high", "treated", "shadow_price"]].round(2)
       budget  gain   low  high  treated  shadow_price
    0     0.0  0.00  0.00  0.00     0.00          7.51
    1     0.5  1.31  1.20  1.41     0.43          1.42
    2     1.0  1.90  1.78  2.02     0.57          1.02
    3     9.0  3.55  3.39  3.71     0.98          0.00
    """
    rows = {"effect": effect, "score": score, "versus": versus, "cost": cost, "sample_weight": sample_weight}
    check_one_order(rows)
    effects = read_effects(effect)
    names = treatments_of(effect) or treatments_of(score)
    prices = _costs(_by_name(cost, names, "cost"), effects.shape)
    weight, _ = _arrays.weights(sample_weight, len(effects))
    codes, n_customers = customer_codes(customer, _arrays.labels_of(effect, score), len(effects))
    z = normal_quantile(confidence)
    steps = [
        BudgetSteps.of(effects, _scores(_by_name(values, names, name), effects.shape, name), prices, weight)
        for name, values in (("score", score), ("versus", versus))
        if values is not None
    ]
    budgets = _budgets(budget, points, max(path.whole for path in steps))
    curve_points = []
    for budget_, *found in zip(budgets, *(path.at(budgets) for path in steps), strict=True):
        curve_points.append(_row(float(budget_), found, steps[0]))
        curve_points[-1]["standard_error"] = error_of_rows(_difference(found), codes, n_customers)
    curve = pd.DataFrame(curve_points)
    curve.insert(3, "low", curve["gain"] - z * curve["standard_error"])
    curve.insert(4, "high", curve["gain"] + z * curve["standard_error"])
    return curve


def _row(budget: float, found: list[BudgetPoint], steps: BudgetSteps) -> dict[str, float]:
    first = found[0]
    if len(found) > 1:
        return {"budget": budget, "gain": first.gain - found[1].gain, "standard_error": 0.0}
    spread = min(1.0, budget / steps.whole) if steps.whole > 0 else 1.0
    return {
        "budget": budget,
        "gain": first.gain,
        "standard_error": 0.0,
        "at_random": spread * float(steps.gain[-1]),
        "predicted": first.predicted,
        "treated": first.treated,
        "shadow_price": first.price,
    }


def _difference(found: list[BudgetPoint]) -> FloatArray:
    return found[0].influence if len(found) == 1 else found[0].influence - found[1].influence


def _by_name(values: Any, names: list[Any] | None, name: str) -> Any:
    """Return columns or costs in the order of the treatments, where they are named after them."""
    arms, mapped = names or [], isinstance(values, Mapping)
    held = _names_in(values, len(arms))
    if not mapped and not set(held) & set(arms):
        return values
    if set(held) != set(arms) or len(held) != len(arms):
        raise SchemaError(
            message(
                f"{name} names {some(held, 8)}, and the treatments are {some(arms, 8) or 'not named'}",
                "one of each for every treatment",
                f"{name}={name}[{arms!r}]" if arms else f"{name}=[...], in the order of the columns of effect",
            )
        )
    return [values[arm] for arm in arms] if mapped or isinstance(values, pd.Series) else values[arms]


def _names_in(values: Any, n_arms: int) -> list[Any]:
    """Return what the entries are named; of a Series with the numbers of rows nothing."""
    if isinstance(values, pd.Series):
        of_rows = len(values) != n_arms or isinstance(values.index, pd.RangeIndex)
        return [] if of_rows else values.index.tolist()
    return list(values if isinstance(values, Mapping) else getattr(values, "columns", ()))


def _scores(score: ArrayLike, shape: tuple[int, ...], name: str) -> FloatArray:
    scores = read_table(score, name)
    if scores.shape != shape:
        raise DataError(
            message(
                f"{name} has shape {scores.shape} and the effects {shape}",
                "a predicted effect for each row and treatment",
                f"{name}=learner.predict(X), of the rows whose effects these are",
            )
        )
    return scores


def _costs(cost: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    try:
        prices = read_table(cost, "cost") if np.ndim(cost) > 1 else np.asarray(as_floats(cost))
    except (TypeError, ValueError) as error:
        raise DataError(message(f"cost cannot be read as numbers ({error})", "amounts", "cost=[6.0, 0.2]")) from None
    try:
        return np.broadcast_to(prices, shape)
    except ValueError:
        raise DataError(
            message(
                f"cost has shape {prices.shape} and the effects {shape}",
                "one cost, one for each treatment, or one for each row and treatment",
                "cost=[6.0, 0.2]; costs that differ by row of one treatment: cost=cost.to_numpy()[:, None]",
            )
        ) from None


def _budgets(budget: ArrayLike | None, points: int, whole: float) -> FloatArray:
    if budget is None:
        return np.linspace(0.0, whole, check_integer(points, name="points", low=1) + 1)
    try:
        budgets = np.atleast_1d(as_floats(budget))
    except (TypeError, ValueError):
        budgets = np.empty((0, 0))
    if budgets.ndim != 1 or not budgets.size or np.isnan(budgets).any() or (np.diff(budgets, prepend=0.0) < 0).any():
        raise ParameterError(
            message(
                f"budget is {budget!r}",
                "money per row of all, 0 or more, each at least as much as the one before",
                "budget=[0.5, 1.0, 2.0]; a total of 5,000 for 10,000 customers is budget=[0.5]",
            )
        )
    return budgets
