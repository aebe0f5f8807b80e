"""The truth of the closed-loop world: who leaves, and what each action changes, as functions of the features."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from churnlib._typing import FloatArray
from churnlib.datasets._retention_world_parameters import ACTIONS, RetentionParameters

__all__ = ["EFFECTS", "NOISE", "SIGNALS", "chance", "changes", "expected_chance", "log_odds", "terms"]

SIGNALS = (
    "tenure", "margin", "price_gap", "usage", "usage_trend", "contract_left", "complaints", "app_days", "autopay",
    "age", "products", "support_wait",
)  # fmt: skip
NOISE = ("device_age", "branch_distance", "weekend_share", "household_size", "newsletter_opens", "area_income")
"""Columns a firm would have as well, and which nothing here depends on."""

EFFECTS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    #              before the drift       after it
    #             message call discount
    "always": ((0.75, 0.75, 0.65), (0.70, 0.65, 0.65)),
    "app": ((0.60, 0.00, 0.00), (0.40, 0.00, 0.00)),
    "dormant": ((-1.00, 0.00, -0.80), (-1.00, 0.00, -0.80)),
    "settled": ((0.70, 0.00, 0.00), (0.50, 0.00, 0.00)),
    "complaints": ((-0.40, 0.35, 0.00), (-0.40, 0.35, 0.00)),
    "waited": ((0.00, 0.90, 0.00), (0.00, 0.90, 0.00)),
    "elder": ((0.00, 0.50, 0.00), (0.00, -0.10, 0.00)),
    "forgotten": ((0.00, -1.10, 0.00), (0.00, -1.10, 0.00)),
    "dear": ((0.00, 0.00, 1.30), (0.00, 0.00, 0.80)),
    "single": ((0.00, 0.00, 0.60), (0.00, 0.00, 0.60)),
    "renewal": ((0.00, 0.00, 0.40), (0.00, 0.00, 0.40)),
    "trend": ((0.00, 0.00, 0.00), (-0.30, 0.00, 0.30)),
}
"""Log-odds by which each action lowers the risk, per unit of each term; see `terms`."""

_COMPLAINT = 0.45
_DECIDED = (0.0, 1.25, 1.1)
_COUNTS = np.arange(4)


def log_odds(x: Mapping[str, FloatArray], month: int, parameters: RetentionParameters) -> FloatArray:
    """Return the log-odds to leave in a month (counted from 1) of customers without complaints, if left alone."""
    contract = x["contract_left"]
    shape = (
        -0.35 * np.log1p(x["tenure"] / 6)
        + 1.6 * x["price_gap"]
        - 0.8 * (contract > 0)
        + 0.5 * (contract == 1)
        - 0.1 * np.tanh((x["app_days"] - 9) / 5)
        - 0.3 * x["usage_trend"]
        + 0.25 * np.tanh((x["support_wait"] - 6) / 4)
        - 0.12 * (x["products"] - 1)
        + 0.2 * np.sin(2 * np.pi * (month - 1) / 12)
        + 0.75
    )
    found: FloatArray = parameters.log_odds + 0.7 * shape
    return found


def chance(logit: FloatArray) -> FloatArray:
    """Return the probability of log-odds."""
    found: FloatArray = 1 / (1 + np.exp(-logit))
    return found


def with_complaints(logit: FloatArray, complaints: FloatArray) -> FloatArray:
    """Return the log-odds with those that complaints add."""
    return logit + _COMPLAINT * complaints


def expected_chance(logit: FloatArray, odds_of_complaints: FloatArray) -> FloatArray:
    """Return the probability to leave before the complaints of the month are known."""
    found: FloatArray = (odds_of_complaints * chance(logit[:, None] + _COMPLAINT * _COUNTS)).sum(axis=1)
    return found


def terms(x: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return what effects are made of, by customer."""
    return {
        "always": np.ones(len(x["tenure"])),
        "app": np.tanh((x["app_days"] - 9) / 4),
        "dormant": x["autopay"] * (x["usage"] < 0.8),
        "settled": np.exp(-(((x["tenure"] - 18) / 14) ** 2)),
        "complaints": x["complaints"],
        "waited": np.tanh((x["support_wait"] - 6) / 3),
        "elder": np.tanh((x["age"] - 52) / 8),
        "forgotten": x["autopay"] * (x["contract_left"] == 0) * (x["tenure"] > 24),
        "dear": np.tanh(4 * (x["price_gap"] - 0.08)),
        "single": (x["products"] == 1).astype(float),
        "renewal": np.cos(2 * np.pi * np.minimum(x["tenure"], 48) / 48),
        "trend": np.tanh(x["usage_trend"]),
    }


def changes(
    x: Mapping[str, FloatArray], month: int, parameters: RetentionParameters, fatigue: FloatArray | float = 0.0
) -> FloatArray:
    """Return by how much each action (column) lowers the log-odds to leave; below 0 it raises them."""
    after = parameters.drift * (month >= parameters.drift_month)
    parts = terms(x)
    weights = np.array([(1 - after) * np.array(old) + after * np.array(new) for old, new in EFFECTS.values()])
    risk = with_complaints(log_odds(x, month, parameters), x["complaints"])
    gone = np.tanh((risk + 2.9) / 0.8)[:, None] * np.array(_DECIDED) * parameters.decided
    found = parameters.effect_scale * (np.stack(list(parts.values()), axis=1) @ weights - gone)
    tired = parameters.fatigue * np.broadcast_to(np.asarray(fatigue, dtype=float), (len(found),))
    lowered: FloatArray = found - tired[:, None]
    return lowered


TIRING = np.array([{"message": 0.5, "call": 1.0, "discount": 0.7}[action.name] for action in ACTIONS])
"""How much fatigue a contact of each kind leaves."""
