"""Rows under observation for the tests of survival metrics: drawn by hypothesis, simulated, and published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from churnlib.targets import survival_target

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "gbsg2_cox.csv"
TIMES = np.array([365.0, 730.0, 1095.0, 1460.0, 1825.0])

# Cumulative baseline hazards at TIMES of the model in the golden file, by the formulas of Efron and of Breslow.
EFRON = (0.05094281993070744, 0.1768655188779916, 0.2775313343694205, 0.3785411350214962, 0.47621157845674517)
BRESLOW = (0.05092650742712668, 0.17680380311030988, 0.27744188685851917, 0.37843603512442564, 0.47606714602514005)


@dataclass(frozen=True)
class Rows:
    """A target with scores for its rows."""

    event: np.ndarray
    time: np.ndarray
    entry: np.ndarray | None
    risk: np.ndarray
    weight: np.ndarray | None

    @property
    def y(self) -> np.ndarray:
        return survival_target(self.event, self.time, entry=self.entry)

    def at(self, order: np.ndarray) -> Rows:
        parts = (self.event, self.time, self.entry, self.risk, self.weight)
        return Rows(*(None if part is None else part[order] for part in parts))


@st.composite
def rows(draw: st.DrawFn, *, entries: bool = True, weights: bool = True, max_size: int = 14) -> Rows:
    """Draw few rows full of ties: in time, in risk, of events with censorings, of entries with ends."""
    n = draw(st.integers(2, max_size))
    time = np.array(draw(st.lists(st.sampled_from([1.0, 2.0, 2.5, 3.0, 4.0, 7.0]), min_size=n, max_size=n)))
    event = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    risk = np.array(draw(st.lists(st.sampled_from([-1.5, -0.0, 0.0, 0.1, 2.0]), min_size=n, max_size=n)))
    entry = weight = None
    if entries and draw(st.booleans()):
        share = draw(st.lists(st.sampled_from([0, 0.5, 1.0, 2.0, 3.0]), min_size=n, max_size=n))
        entry = np.where(np.array(share) < time, share, 0.0)
    if weights and draw(st.booleans()):
        weight = np.array(draw(st.lists(st.sampled_from([0.25, 1.0, 2.0, 3.1]), min_size=n, max_size=n)))
    return Rows(event, time, entry, risk, weight)


def simulated(n: int, *, seed: int = 0, entries: bool = False) -> tuple[Rows, np.ndarray]:
    """Draw exponential lives with the log rate as risk, censored and perhaps entered late; return the rates too."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n)
    rate = np.exp(0.7 * risk) / 100
    entry = rng.uniform(0, 60, n) if entries else None
    life = rng.exponential(1 / rate) + (0.0 if entry is None else entry)
    lost = rng.exponential(150, n) + (0.0 if entry is None else entry)
    return Rows(life <= lost, np.minimum(life, lost), entry, risk, None), rate


def gbsg2(baseline: tuple[float, ...] = EFRON) -> tuple[Rows, np.ndarray]:
    """Return GBSG2 with the risk of a Cox model, and its survival at TIMES."""
    frame = pd.read_csv(GOLDEN, comment="#")
    event, time = frame["event"].to_numpy(dtype=bool), frame["time"].to_numpy(dtype=float)
    risk = frame["linear_predictor"].to_numpy()
    return Rows(event, time, None, risk, None), np.exp(-np.outer(np.exp(risk), baseline))
