"""The customers of the closed-loop world, and all chance that will ever strike them, drawn beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import poisson

from churnlib._typing import FloatArray, IntArray
from churnlib.datasets._retention_world_effects import NOISE, chance, expected_chance, log_odds
from churnlib.datasets._retention_world_parameters import RetentionParameters

__all__ = ["People", "draw_people"]

_FAR = 72
"""Months after which the rest of a customer's future is taken to go on as it is."""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Customers in the order of their arrival, and their luck by month; nothing here depends on what is done."""

    arrives: IntArray
    fixed: dict[str, FloatArray]
    tenure: IntArray
    contract: IntArray
    complaints: IntArray
    complaint_odds: FloatArray
    luck: FloatArray
    spending: FloatArray
    value: FloatArray

    def features(self, rows: IntArray, month: int) -> dict[str, FloatArray]:
        """Return what is known of some customers when a month (from 1) begins."""
        found = _dated(self.fixed, self.tenure, self.contract, self.arrives, month)
        found["complaints"] = self.complaints[:, month - 1].astype(float)
        return {name: values[rows] for name, values in found.items()}


def draw_people(rng: np.random.Generator, parameters: RetentionParameters) -> People:
    """Draw customers, those who will arrive included, and everything that will befall them."""
    new = round(parameters.arrivals * parameters.n_customers)
    months = parameters.months
    arrives = np.concatenate([np.zeros(parameters.n_customers, np.int64), np.repeat(np.arange(1, months), new)])
    n = len(arrives)
    engaged, service, thrifty = rng.standard_normal((3, n))
    tenure = np.where(arrives == 0, np.minimum(rng.exponential(26, n) + 1, 140), 0).astype(np.int64)
    fixed = {
        "margin": np.exp(rng.normal(3.0, parameters.margin_spread, n)),
        "price_gap": 0.08 + 0.15 * thrifty + 0.05 * rng.standard_normal(n),
        "usage": np.exp(0.5 * engaged + 0.4 * rng.standard_normal(n)),
        "usage_trend": 0.4 * engaged + 0.9 * rng.standard_normal(n),
        "app_days": rng.binomial(28, chance(-0.8 + 0.8 * engaged + 0.6 * rng.standard_normal(n))).astype(float),
        "autopay": (rng.random(n) < 0.6).astype(float),
        "age": np.clip(rng.normal(46, 15, n), 18, 88).round(),
        "products": 1.0 + rng.binomial(3, 0.3, n),
        "support_wait": np.exp(1.6 + 0.6 * service),
    } | dict(zip(NOISE, rng.standard_normal((len(NOISE), n)), strict=True))
    contract = np.where(rng.random(n) < 0.5, 0, rng.integers(0, 25, n))
    rate = 0.25 * np.exp(0.3 * service - 0.05)
    below = poisson.pmf(np.arange(3), rate[:, None])
    odds = np.column_stack([below, 1 - below.sum(axis=1)])
    return People(
        arrives=arrives,
        fixed=fixed,
        tenure=tenure,
        contract=contract,
        complaints=np.minimum(rng.poisson(rate[:, None], (n, months)), 3),
        complaint_odds=odds,
        luck=rng.random((n, months)),
        spending=np.exp(0.2 * rng.standard_normal((n, months)) - 0.02),
        value=_values(fixed, tenure, contract, arrives, odds, parameters),
    )


def _dated(
    fixed: dict[str, FloatArray], tenure: IntArray, contract: IntArray, arrives: IntArray, month: int
) -> dict[str, FloatArray]:
    passed = np.maximum(month - 1 - arrives, 0)
    return {
        "tenure": (tenure + passed).astype(float),
        **fixed,
        "contract_left": np.maximum(contract - passed, 0).astype(float),
    }


def _values(
    fixed: dict[str, FloatArray],
    tenure: IntArray,
    contract: IntArray,
    arrives: IntArray,
    odds: FloatArray,
    parameters: RetentionParameters,
) -> FloatArray:
    """Return what a customer who stays in a month is worth from that month's margin on, if left alone from then on."""
    # W(t) = margin + d (1 - h(t + 1)) W(t + 1), h with the complaints averaged out, backwards from a far month.
    value = np.zeros((len(tenure), parameters.months))
    worth = np.zeros(len(tenure))
    for month in range(parameters.months + _FAR, 0, -1):
        logit = log_odds(_dated(fixed, tenure, contract, arrives, month + 1), month + 1, parameters)
        stays = parameters.discounting * (1 - expected_chance(logit, odds))
        worth = fixed["margin"] + stays * worth if worth.any() else fixed["margin"] / (1 - stays)
        if month <= parameters.months:
            value[:, month - 1] = worth
    return value
