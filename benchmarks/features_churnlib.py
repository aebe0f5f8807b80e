"""The same features by churnlib, through its public path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.features_sql import CUTOFFS, WINDOWS
from churnlib.events import EventLog
from churnlib.features import Count, Distinct, FeatureBlock, FeatureSpec, Recency, Slope, Sum, Tenure, compute

RAW = {
    **{f"count_{days}": f"any.count.{days}d" for days in WINDOWS},
    **{f"sum_{days}": f"any.sum.{days}d" for days in WINDOWS},
    "orders_90": "order.count.90d",
    "recency_us": "any.since_last",
    "tenure_us": "any.since_first.ever",
    "count_all": "any.count.ever",
    "trend": "any.trend.12w",
    "products_365": "any.distinct.365d",
}


def spec(*, distinct: bool) -> FeatureSpec:
    """Return exactly the features of the benchmark."""
    windows = [feature(f"{days}d") for days in WINDOWS for feature in (Count, Sum)]
    features = [*windows, Count("90d", kind="order"), Recency(), Tenure(), Count(), Slope(weeks=12)]
    return FeatureSpec([*features, Distinct("365d")] if distinct else features)


def read(path: Path, *, distinct: bool) -> EventLog:
    """Read the log; products only where they are asked for, as SQL reads them."""
    item = "product_id" if distinct else None
    return EventLog.from_parquet(path, customer="customer_id", time="ts", kind="kind", amount="amount", item=item)


def features(log: EventLog, *, distinct: bool, cutoffs: Sequence[str] = CUTOFFS, n_jobs: int = 2) -> FeatureBlock:
    """Return the features; `block.raw` holds the integers that SQL returns."""
    return compute(log, list(cutoffs), spec(distinct=distinct), n_jobs=n_jobs)


def as_columns(log: EventLog, block: FeatureBlock) -> dict[str, np.ndarray]:
    """Name the integers as SQL does, for comparison."""
    named = {name: block.raw[raw] for name, raw in RAW.items() if raw in block.raw}
    return {"customer_id": log.customers.to_numpy()[block.customer_code], "cutoff": block.cutoff, **named}
