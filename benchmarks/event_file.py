"""The log that the feature benchmarks read: a Parquet file of simulated shop events."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

KINDS = ("visit", "order", "email_open", "cancel", "refund", "login")
SHARES = (0.70, 0.15, 0.10, 0.02, 0.01, 0.02)
ITEMS = 2000
YEARS_S = 2 * 365 * 86_400


def event_table(n_events: int, n_customers: int, *, seed: int = 42) -> pa.Table:
    """Draw two years of events from 2024-01-01 on, in time order as a log is written.

    A few customers are busy and many are not (density ∝ rank^-0.375); amounts are whole
    minor units, positive for orders and negative for refunds.
    """
    rng = np.random.default_rng(seed)
    customer = np.floor(rng.random(n_events) ** 1.6 * n_customers).astype(np.int32)
    start = np.datetime64("2024-01-01", "us").astype(np.int64)
    time = start + np.sort(rng.integers(0, YEARS_S, n_events)) * 1_000_000
    kind = rng.choice(len(KINDS), n_events, p=SHARES).astype(np.int8)
    size = rng.integers(500, 20_500, n_events)
    amount = np.where(kind == KINDS.index("order"), size, np.where(kind == KINDS.index("refund"), -size, 0))
    item = rng.integers(0, ITEMS, n_events).astype(np.int32)
    return pa.table(
        {
            "customer_id": customer,
            "ts": pa.array(time, pa.timestamp("us")),
            "kind": pa.DictionaryArray.from_arrays(kind, list(KINDS)).cast(pa.string()),
            "amount": amount,
            "product_id": item,
        }
    )


def write_events(path: Path, n_events: int, n_customers: int) -> None:
    """Write the file that every candidate reads."""
    pq.write_table(event_table(n_events, n_customers), path, compression="zstd", row_group_size=1_000_000)
