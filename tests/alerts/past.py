"""Small pasts for the tests of replayed rules: logs of a few customers, weekly cutoffs, rules over few features."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
from hypothesis import strategies as st

import churnlib as cl
from churnlib.alerts import Rule, RuleSet

START = pd.Timestamp("2025-03-03", tz="UTC")
DAY = pd.Timedelta("1D")
SPEC = cl.FeatureSpec([cl.features.Recency(), cl.features.Count("14d"), cl.features.Count()])
CONDITIONS = (
    "any.recency >= 7d", "any.recency >= 10", "any.count.14d < 1", "any.count.14d > 1", "any.count between 2 and 4",
    "any.recency is missing or any.recency > 12", "any.count >= 3 and any.recency >= 5",
)  # fmt: skip
CLEAR = (None, None, "any.recency < 3d", "any.count.14d > 0")


def log_of(events: list[tuple[Any, ...]], *, until: Any = "2025-05-05", timezone: str = "UTC") -> cl.EventLog:
    """A log of (customer, day after the start[, kind[, days until it was known]])."""
    rows = [(*event, *("visit", 0)[len(event) - 2 :]) for event in events]
    frame = pd.DataFrame(
        {
            "who": [row[0] for row in rows],
            "at": [START + row[1] * DAY for row in rows],
            "what": [row[2] for row in rows],
            "known": [START + (row[1] + row[3]) * DAY for row in rows],
        }
    )
    return cl.EventLog.from_frame(
        frame, customer="who", time="at", kind="what", known_at="known", complete_until=until, timezone=timezone
    )


def dataset_of(log: cl.EventLog, *, lead: str = "0d", horizon: str = "21d", step: int = 7, n: int = 6) -> cl.Dataset:
    """Rows every `step` days from the start: lost after 14 days of silence."""
    at = [START + k * step * DAY for k in range(1, n + 1)]
    return cl.build_dataset(
        log, cutoffs=[stamp.isoformat() for stamp in at], lead=lead, horizon=horizon, churn=cl.Inactivity("14d"),
        features=SPEC,
    )  # fmt: skip


def events_of(rng: random.Random, *, late: bool = False) -> list[tuple[Any, ...]]:
    """Visits in bursts, some customers coming back after they were lost."""
    found: list[tuple[Any, ...]] = []
    for who in range(rng.randint(2, 6)):
        day = rng.uniform(-20, 25)
        for _ in range(rng.randint(1, 10)):
            day += rng.choice([0.0, 1.0, 3.5, 7.0, 7.0, 14.0, 20.0])
            if day < 60:
                delay = rng.choice([0, 0, 0, 2, 9]) if late else 0
                found.append((who, min(day, 60.0 - delay), rng.choice(["visit", "visit", "mail"]), delay))
    return [*found, (0, 1.0, "visit", 0)]  # someone is at risk at the first cutoff


def rules_of(rng: random.Random, size: int) -> RuleSet:
    names = "abcd"[:size]
    listed = []
    for k, name in enumerate(names):
        n = rng.choice([1, 1, 2, 3])
        listed.append(
            Rule(
                name,
                rng.randint(1, 4),
                rng.choice(CONDITIONS),
                clear=rng.choice(CLEAR),
                for_=rng.choice(["0d", "0d", "7d"]),
                of=(rng.randint(1, n), n),
                keep_firing=rng.choice(["0d", "0d", "7d"]),
                cooldown=rng.choice(["0d", "14d"]),
                inhibited_by=[one for one in names[:k] if rng.random() < 0.3],
                escalate=rng.choice([(), (("7d", 5, "head"),)]),
                weight=rng.choice([1.0, 0.1, 0.7, 2.5]),
                is_loss=rng.random() < 0.2,
            )
        )
    rng.shuffle(listed)
    return RuleSet(listed)


def randoms() -> st.SearchStrategy[random.Random]:
    return st.integers(0, 2**32 - 1).map(random.Random)
