"""A firm whose customers leave for known reasons: a log, and who left when."""

from __future__ import annotations

import numpy as np
import pandas as pd

import churnlib as cl

DAY = 86_400_000_000
OPENING = pd.Timestamp("2024-01-01", tz="UTC")
SPAN = 500.0
NOISE = {"login": 0.15, "order": 0.05, "visit": 0.02, "mail": 0.03, "call": 0.008, "review": 0.004, "complaint": 0.0006}


def subscribers(
    n: int = 600, *, seed: int = 0, complaint: float = 0.0, lead: float = 25.0, feature: float = 1.0
) -> tuple[cl.EventLog, cl.outcomes.Outcomes]:
    """Customers who leave at a constant rate; what they do besides has nothing to do with it.

    A share `complaint` of leavers complained `lead` days (± 2) before. Who never used the new
    feature leaves `feature` times as fast as who did.
    """
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, 350, n)
    user = rng.random(n) < 0.5
    left = start + rng.exponential(400, n) / np.where(user, 1.0, feature)
    end = np.minimum(left, SPAN)
    rows = [pd.DataFrame({"id": np.arange(n), "day": start, "kind": "join", "state": "open"})]
    for kind, rate in NOISE.items():
        busy = rate * rng.gamma(2.0, 0.5, n)
        count = rng.poisson(busy * (end - start))
        who = np.repeat(np.arange(n), count)
        day = start[who] + rng.random(len(who)) * (end - start)[who]
        rows.append(pd.DataFrame({"id": who, "day": day, "kind": kind, "state": None}))
    early = np.flatnonzero(user & (end - start > 1))
    day = start[early] + rng.uniform(0, 1, len(early))
    rows.append(pd.DataFrame({"id": early, "day": day, "kind": "feature", "state": None}))
    gone = np.flatnonzero(left < SPAN)
    rows.append(pd.DataFrame({"id": gone, "day": left[gone], "kind": "close", "state": "closed"}))
    angry = gone[(rng.random(len(gone)) < complaint) & ((left - start)[gone] > lead + 5)]
    day = left[angry] - lead + rng.uniform(-2, 2, len(angry))
    rows.append(pd.DataFrame({"id": angry, "day": day, "kind": "complaint", "state": None}))
    frame = pd.concat(rows, ignore_index=True)
    frame["at"] = OPENING + pd.to_timedelta(frame["day"], unit="D").astype("timedelta64[us]")
    log = cl.EventLog.from_frame(
        frame, customer="id", time="at", kind="kind", attributes=["state"],
        complete_until=OPENING + pd.Timedelta(days=SPAN),
    )  # fmt: skip
    return log, cl.StatusChange(attribute="state", churned="closed").outcomes(log)
