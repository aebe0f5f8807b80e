"""Simulated campaigns in which the effect on every customer is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin


@dataclass(frozen=True)
class Campaign:
    """What is seen of each row, and what nobody sees: its effect."""

    X: pd.DataFrame
    outcome: np.ndarray
    treated: np.ndarray
    propensity: np.ndarray
    effect: np.ndarray

    def take(self, rows: np.ndarray) -> Campaign:
        return Campaign(
            self.X.iloc[rows], self.outcome[rows], self.treated[rows], self.propensity[rows], self.effect[rows]
        )


def twenty_features(n: int, *, seed: int = 0, by_lot: bool = False) -> Campaign:
    """Customers who stay or leave, treated by what they are like; effects are nonlinear in three of twenty features.

    The spread of effects is .0476: that is how far off a constant is.
    """
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 20)).astype(np.float32)
    chance = np.full(n, 0.5) if by_lot else np.clip(1 / (1 + np.exp(-0.5 * X[:, 0] - 0.3 * X[:, 1])), 0.1, 0.9)
    treated = rng.random(n) < chance
    base = 0.25 + 0.12 * np.tanh(X[:, 0] + 0.5 * X[:, 2] * X[:, 3])
    effect = 0.06 * np.tanh(X[:, 1] + X[:, 4]) + 0.04 * (X[:, 5] > 0) - 0.02
    stays = rng.random(n) < np.clip(base + treated * effect, 0, 1)
    named = pd.DataFrame(X, columns=[f"x{column}" for column in range(20)])
    return Campaign(named, stays.astype(float), treated.astype(int), chance, effect)


def nie_wager(setup: str, n: int, p: int, sigma: float, rng: np.random.Generator) -> Campaign:
    """The four setups of Nie and Wager (2021, Biometrika 108, 299-319).

    A: difficult nuisances and an easy effect; B: a randomised trial; C: an easy propensity, a difficult baseline
    and a constant effect; D: outcomes of the treated and of others that have nothing in common.
    """
    x = rng.random((n, p)) if setup == "A" else rng.standard_normal((n, p))
    if setup == "A":
        base = np.sin(np.pi * x[:, 0] * x[:, 1]) + 2 * (x[:, 2] - 0.5) ** 2 + x[:, 3] + 0.5 * x[:, 4]
        chance = np.clip(np.sin(np.pi * x[:, 0] * x[:, 1]), 0.1, 0.9)
        effect = (x[:, 0] + x[:, 1]) / 2
    elif setup == "B":
        base = np.maximum(np.maximum(0, x[:, 0] + x[:, 1]), x[:, 2]) + np.maximum(0, x[:, 3] + x[:, 4])
        chance = np.full(n, 0.5)
        effect = x[:, 0] + np.log1p(np.exp(x[:, 1]))
    elif setup == "C":
        base = 2 * np.log1p(np.exp(x[:, 0] + x[:, 1] + x[:, 2]))
        chance = 1 / (1 + np.exp(x[:, 1] + x[:, 2]))
        effect = np.ones(n)
    else:
        one, other = np.maximum(0, x[:, :3].sum(axis=1)), np.maximum(0, x[:, 3] + x[:, 4])
        base, effect = (one + other) / 2, one - other
        chance = 1 / (1 + np.exp(-x[:, 0]) + np.exp(-x[:, 1]))
    treated = (rng.random(n) < chance).astype(int)
    outcome = base + (treated - 0.5) * effect + sigma * rng.standard_normal(n)
    return Campaign(pd.DataFrame(x, columns=[f"x{c}" for c in range(p)]), outcome, treated, chance, effect)


def small_campaign(
    rng: np.random.Generator, customers: int, *, confounded: bool = False, repeated: bool = False
) -> Campaign:
    """A campaign small enough for thousands of them; customers in up to four rows each share a temper of their own.

    The mean effect is .5 and it rises by .4 per unit of ``need``; by ``tier`` it is .1, .5 and .9.
    """
    rows = rng.integers(1, 5, customers) if repeated else np.ones(customers, int)
    owner = np.repeat(np.arange(customers), rows)
    need = rng.normal(size=customers)[owner] * 0.8 + 0.6 * rng.normal(size=owner.size)
    spend = rng.normal(size=owner.size)
    chance = 1 / (1 + np.exp(-0.7 * need)) if confounded else np.full(owner.size, 0.5)
    if repeated:  # a customer is treated in all its rows or in none
        first = np.unique(owner, return_index=True)[1]
        chance = chance[first][owner]
        treated = (rng.random(customers) < chance[first])[owner]
    else:
        treated = rng.random(owner.size) < chance
    tier = np.digitize(spend, [-0.5, 0.5])
    effect = 0.5 + 0.4 * need + 0.4 * (tier - 1)
    temper = rng.normal(size=customers)[owner] * (0.8 if repeated else 0.0)
    outcome = need + 0.5 * spend + temper + treated * effect + rng.normal(size=owner.size)
    index = pd.MultiIndex.from_arrays([owner, np.arange(owner.size)], names=["customer_id", "cutoff"])
    X = pd.DataFrame({"need": need, "spend": spend}, index=index)
    return Campaign(X, outcome, treated.astype(int), chance, effect)


class Line(RegressorMixin, BaseEstimator):
    """Least squares, without the checks that cost more than the fit where a simulation makes thousands of them."""

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> Line:
        self.coef_ = np.linalg.lstsq(_with_ones(X), y, rcond=None)[0]
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return _with_ones(X) @ self.coef_


class Logit(ClassifierMixin, BaseEstimator):
    """Logistic regression by Newton's method, as quick."""

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> Logit:
        Z, self.classes_ = _with_ones(X), np.array([0, 1])
        self.coef_ = np.zeros(Z.shape[1])
        for _ in range(6):
            chance = 1 / (1 + np.exp(-Z @ self.coef_))
            curvature = (Z * (chance * (1 - chance))[:, None]).T @ Z + 1e-8 * np.eye(Z.shape[1])
            self.coef_ = self.coef_ + np.linalg.solve(curvature, Z.T @ (y - chance))
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        chance = 1 / (1 + np.exp(-_with_ones(X) @ self.coef_))
        return np.column_stack([1 - chance, chance])


def _with_ones(X: pd.DataFrame) -> np.ndarray:
    values = np.asarray(X, dtype=float)
    return np.column_stack([np.ones(len(values)), values])
