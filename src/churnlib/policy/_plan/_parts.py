"""What a plan was made from and what came out, and the prices by which every decision can be retraced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import BoolArray, FloatArray
from churnlib.policy._plan._explore import Draw
from churnlib.policy._plan._inputs import Options
from churnlib.policy._solve._limit import Limit
from churnlib.policy._solve._solution import Solution

__all__ = ["Chance", "Parts"]


@dataclass(frozen=True, slots=True)
class Chance:
    """The shares that chance decides, and the salts it decides with."""

    holdout: float
    explore: float
    holdout_salt: str
    salt: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a plan, row by row in the order of the values.

    Attributes
    ----------
    options : Options
        Customers, actions, gains and costs.
    day : Timestamp
        The day of the plan, or NaT.
    allowed : ndarray of bool or None
        What may be done for whom; None for everything.
    blocks : dict of str to ndarray of bool
        What came up and what eligibility left, by the reason with which the others are out.
    check : ContactCheck or None
        What the contact policy said; its `refused` is read only when somebody asks why.
    came : Candidates or None
        What came up; its `reasons` are read only when somebody asks why.
    limits : tuple of Limit
        As asked for, the budget first where there is one.
    aside : dict of str to float
        What is set aside of each for those explored.
    words : dict of str to str
        The name of each limit to the reason it is.
    solution : Solution
        The allocation, before chance.
    draw : Draw
        What chance decided.
    chance : Chance
        The shares and salts.
    """

    options: Options
    day: Any
    allowed: BoolArray | None
    blocks: Mapping[str, BoolArray]
    check: Any
    came: Any
    limits: tuple[Limit, ...]
    aside: Mapping[str, float]
    words: Mapping[str, str]
    solution: Solution
    draw: Draw
    chance: Chance

    @property
    def refused(self) -> pd.DataFrame | None:
        """customer_id, action and reason of what the contact policy refused."""
        return getattr(self.check, "refused", None)

    @property
    def because(self) -> pd.DataFrame | None:
        """customer_id, action and because of what came up."""
        return getattr(self.came, "reasons", None)

    @property
    def arm(self) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
        """The action of each customer after chance, -1 for none."""
        drawn = self.draw.held | self.draw.explored
        return np.where(drawn, self.draw.arm, self.solution.arm).astype(np.int16)

    def net(self, rows: Any = slice(None)) -> FloatArray:
        """Return the gain less the cost, by customer and action."""
        found: FloatArray = self.options.gain[rows] - self.options.cost[rows]
        return found

    def may(self, rows: Any = slice(None)) -> BoolArray:
        """Return what is allowed, by customer and action."""
        shape = self.options.gain[rows].shape
        return np.ones(shape, dtype=bool) if self.allowed is None else self.allowed[rows]

    def price(self, name: str) -> float:
        """Return the price of a limit: what one more unit of it would bring, negative where it demands."""
        if name == "budget":
            return self.solution.budget_price
        return self.solution.prices[name] - self.solution.quota_prices.get(name, 0.0)

    def charges(self, rows: Any = slice(None)) -> Iterator[tuple[Limit, FloatArray]]:
        """Yield each limit with what its price takes off each option."""
        cost = self.options.cost[rows]
        for limit in self.limits:
            charge = np.zeros(cost.shape)
            price = self.price(limit.name)
            if price:
                for arm in limit.columns(cost.shape[1]):
                    charge[:, arm] = price * (cost[:, arm] if limit.counts == "cost" else 1.0)
                if limit.rows is not None:
                    charge[~np.asarray(limit.rows)[rows]] = 0.0
            yield limit, charge

    def ceilings(self, rows: Any = slice(None)) -> FloatArray:
        """Return the cost at which each option would just be worth nothing, at the prices of the limits.

        The option is worth gain − c − λ c − Σ prices, where λ adds up the prices of the limits that
        count money; it is 0 at c = (gain − Σ prices) / (1 + λ).
        """
        gain = self.options.gain[rows]
        per_money, per_customer = np.ones(gain.shape), np.zeros(gain.shape)
        for limit in self.limits:
            target = per_money if limit.counts == "cost" else per_customer
            inside = np.ones(len(gain), dtype=bool) if limit.rows is None else np.asarray(limit.rows)[rows]
            for arm in limit.columns(gain.shape[1]):
                target[inside, arm] += self.price(limit.name)
        ceiling = np.maximum((gain - per_customer) / per_money, 0.0)
        return np.asarray(np.where(self.may(rows), ceiling, np.nan))

    def use(self, limit: Limit, arm: Any) -> float:
        """Return what customers with these actions use of a limit."""
        rows = np.flatnonzero(arm >= 0)
        if limit.rows is not None:
            rows = rows[np.asarray(limit.rows)[rows]]
        rows = rows[np.isin(arm[rows], limit.columns(self.options.gain.shape[1]))]
        return float(self.options.cost[rows, arm[rows]].sum()) if limit.counts == "cost" else float(len(rows))
