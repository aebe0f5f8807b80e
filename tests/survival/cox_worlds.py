"""Rows for the tests of Cox's model, and its likelihood as the definition has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnlib.survival._cox_kernel import PartialLikelihood
from churnlib.survival._cox_risk_sets import risk_sets


@dataclass(frozen=True)
class World:
    """Rows with everything that a Cox model can be asked to mind."""

    X: np.ndarray
    time: np.ndarray
    event: np.ndarray
    entry: np.ndarray | None
    stratum: np.ndarray | None
    weight: np.ndarray | None
    customer: np.ndarray

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: np.ndarray) -> World:
        return World(*(None if values is None else values[rows] for values in vars(self).values()))

    def likelihood(self, ties: str = "efron") -> PartialLikelihood:
        sets = risk_sets(self.time, self.event, entry=self.entry, stratum=self.stratum)
        return PartialLikelihood(np.ascontiguousarray(self.X), sets, weight=self.weight, ties=ties)

    def frame(self) -> pd.DataFrame:
        columns = {f"x{j + 1}": self.X[:, j] for j in range(self.X.shape[1])}
        return pd.DataFrame(
            columns
            | {
                "time": self.time,
                "event": self.event.astype(int),
                "entry": np.zeros(len(self)) if self.entry is None else self.entry,
                "stratum": 0 if self.stratum is None else self.stratum,
                "weight": 1.0 if self.weight is None else self.weight,
                "customer": self.customer,
            }
        )


def world(n: int, seed: int, *, p: int = 3, span: int | None = 12, everything: bool = True) -> World:
    """Draw rows; with `span`, times are whole numbers up to it or so, and so full of ties."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n, p)).round(2)
    X[:, -1] = generator.integers(0, 2, n)
    stratum = generator.integers(0, 3, n)
    rate = np.exp(X @ np.linspace(0.6, -0.4, p) + 0.5 * stratum)
    lived, watched = generator.exponential(6 / rate), generator.exponential(8, n)
    time, event = np.minimum(lived, watched), lived <= watched
    if span is not None:
        time = np.clip(np.ceil(time * 1.5), 1, span + generator.integers(0, 3, n))
    entry = np.where(generator.random(n) < 0.4, time * generator.random(n), 0.0)
    if span is not None:
        entry = np.floor(entry)
    weight = generator.uniform(0.3, 3.0, n).round(2)
    customer = generator.integers(0, max(n // 3, 1), n)
    if not everything:
        return World(X, time, event, None, None, None, customer)
    return World(X, time, event, entry, stratum, weight, customer)


def defined(w: World, beta: np.ndarray, ties: str) -> tuple[float, np.ndarray, np.ndarray]:
    """Return log-likelihood, gradient and information by the definition: a loop over events and risk sets."""
    p = w.X.shape[1]
    weight = np.ones(len(w)) if w.weight is None else w.weight
    entry = np.full(len(w), -np.inf) if w.entry is None else w.entry
    stratum = np.zeros(len(w), dtype=int) if w.stratum is None else w.stratum
    hazard = weight * np.exp(w.X @ beta)
    value, gradient, information = 0.0, np.zeros(p), np.zeros((p, p))
    for s in np.unique(stratum):
        for t in np.unique(w.time[w.event & (stratum == s)]):
            at_risk = (stratum == s) & (entry < t) & (t <= w.time)
            dead = (stratum == s) & w.event & (w.time == t)
            d = int(dead.sum())
            value += float(weight[dead] @ (w.X[dead] @ beta))
            gradient += weight[dead] @ w.X[dead]
            for turn in range(d):
                share = np.where(dead, turn / d if ties == "efron" else 0.0, 0.0)
                r = np.where(at_risk, hazard * (1 - share), 0.0)
                mean = r @ w.X / r.sum()
                value -= weight[dead].mean() * np.log(r.sum())
                gradient -= weight[dead].mean() * mean
                information += weight[dead].mean() * ((w.X * r[:, None]).T @ w.X / r.sum() - np.outer(mean, mean))
    return value, gradient, information
