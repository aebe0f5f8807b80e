"""Profit against the length of the list."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnlib._typing import ArrayLike
from churnlib.economics import RetentionOffer
from churnlib.exceptions import ParameterError, message
from churnlib.metrics import _arrays
from churnlib.metrics._counts import sums_within
from churnlib.metrics._grid import on_grid
from churnlib.metrics._profit_terms import row_gain, values_of
from churnlib.metrics._ranked import RankedOutcomes
from churnlib.numerics import TiedOrder

__all__ = ["profit_curve"]


def profit_curve(
    y: ArrayLike,
    s: ArrayLike,
    *,
    offer: RetentionOffer,
    clv: ArrayLike | None = None,
    points: int = 100,
    sample_weight: ArrayLike | None = None,
) -> pd.DataFrame:
    """Profit of contacting the riskiest, for lists from nobody to everybody.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        1 for a churner, 0 for a stayer.
    s : array-like of shape (n_rows,)
        The score; higher means riskier.
    offer : RetentionOffer
        What a contact earns and costs, as in `empb_score`.
    clv : array-like of shape (n_rows,) or float, default=None
        The value of each row's customer, instead of the offer's own.
    points : int, default=100
        How many steps of equal length from nobody to everybody.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.

    Returns
    -------
    DataFrame
        Shortest list first: ``contacted`` (share of the rows, from 0 to 1), ``score`` (the lowest on the list, NaN for
        nobody), ``churners`` (share of the churners on it; NaN without churners), ``profit`` (money per row of
        all), ``oracle`` (profit of the best list of that length), ``at_random`` (expected profit of
        drawing the list by lot), and ``best`` (True for the list that earns most, which is among the points).
        Where equal scores straddle the end of a list, each of them is on it with the same chance.

    Raises
    ------
    DataError
        If a number is missing, an outcome is neither 0 nor 1, or values do not match the rows.
    ParameterError
        If there is less than one step.

    Warns
    -----
    AssumptionWarning
        If the offer can never pay; the best list is then nobody.

    Examples
    --------
    >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
    >>> curve = profit_curve([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], offer=offer, points=4)
    >>> curve[["contacted", "profit", "oracle", "at_random", "best"]]
       contacted  profit  oracle  at_random   best
    0       0.00    0.00    0.00      0.000  False
    1       0.25   14.00   14.00      5.625  False
    2       0.50   11.25   28.00     11.250  False
    3       0.75   25.25   25.25     16.875   True
    4       1.00   22.50   22.50     22.500  False
    """
    if points != int(points) or points < 1:
        raise ParameterError(message(f"points is {points!r}", "a whole number of steps, 1 or more", "points=100"))
    ranked = RankedOutcomes(y, s)
    value = values_of(offer, ranked.n_rows, _arrays.labels_of(y, s), clv)
    gain = row_gain(offer, ranked._y, value)
    weight = on_grid(_arrays.weights(sample_weight, ranked.n_rows)[0])
    earned, order = on_grid(gain * weight), ranked._order
    rows = np.cumsum(order.block_sums(weight))
    total = float(rows[-1])
    best = ranked._best_list(gain, sample_weight)[1]
    shares = np.arange(points + 1.0) / points
    near = int(np.argmin(np.abs(shares - best)))
    # the best list takes the place of a point it falls on, and else a place of its own
    shares = np.sort(np.append(shares if abs(shares[near] - best) > 1e-12 else np.delete(shares, near), best))
    sizes = shares * total
    churners = np.cumsum(order.block_sums(weight * ranked._y))
    by_gain = TiedOrder(gain)
    block = np.minimum(np.searchsorted(rows, sizes * (1 - 1e-12), side="left"), rows.size - 1)
    score = np.where(sizes > 0, order.scores[block], np.nan)
    with np.errstate(invalid="ignore"):
        captured = sums_within(sizes, rows, churners) / churners[-1]
    return pd.DataFrame(
        {
            "contacted": shares,
            "score": score,
            "churners": captured,
            "profit": sums_within(sizes, rows, np.cumsum(order.block_sums(earned))) / total,
            "oracle": sums_within(sizes, np.cumsum(by_gain.block_sums(weight)), np.cumsum(by_gain.block_sums(earned)))
            / total,
            "at_random": shares * float(earned.sum()) / total,
            "best": shares == best,
        }
    )
