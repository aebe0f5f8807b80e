"""Frames of events for the tests of this room: every role at once, with ties and repeats."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import strategies as st

from churnlib.events import EventLog

ROLES = {
    "customer": "who", "time": "ts", "kind": "what", "amount": "total", "item": "sku",
    "known_at": "seen", "attributes": ["plan", "seats"],
}  # fmt: skip
CONNECTION = duckdb.connect()  # a relation lives no longer than its connection
DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2025-01-01")


@st.composite
def full_frames(draw, *, min_size=1, max_size=25):
    """Few distinct values a column, so that ties and identical rows are common."""
    n = draw(st.integers(min_size, max_size))

    def column(values):
        return [draw(values) for _ in range(n)]

    hours = column(st.integers(0, 60))
    frame = pd.DataFrame(
        {
            "who": column(st.sampled_from(["ann", "bob", "cy", "Zoë"])),
            "ts": [START + pd.Timedelta(hours=hour) for hour in hours],
            "what": column(st.sampled_from(["order", "visit"])),
            "total": column(st.sampled_from([0.0, 9.99, -9.99, 100.5])),
            "sku": column(st.sampled_from([1, 2])),
            "seen": [
                START + pd.Timedelta(hours=hour + late)
                for hour, late in zip(hours, column(st.sampled_from([0, 0, 5, 48])), strict=True)
            ],
            "plan": column(st.sampled_from(["basic", "gold"])),
            "seats": column(st.sampled_from([1.0, 2.5])),
        }
    )
    return frame.astype({"ts": "datetime64[us]", "seen": "datetime64[us]"})


def to_log(frame, **options):
    return EventLog.from_frame(frame, **{**ROLES, **options})


def simple(**columns):
    """Three events of two customers, with columns replaced or added."""
    base = {"id": [2, 1, 2], "ts": ["2025-01-03", "2025-01-02", "2025-01-01"]}
    return pd.DataFrame({**base, **columns})


def read(frame, **options):
    return EventLog.from_frame(frame, **{"customer": "id", "time": "ts", **options})


def engines(frame):
    """The same table as each engine holds it."""
    return {
        "pandas": frame,
        "polars": pl.from_pandas(frame),
        "polars lazy": pl.from_pandas(frame).lazy(),
        "pyarrow": pa.Table.from_pandas(frame),
        "duckdb": CONNECTION.from_arrow(pa.Table.from_pandas(frame)),
    }


def money(*texts):
    return [Decimal(text) for text in texts]
