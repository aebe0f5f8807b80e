"""The kernel, SQL in DuckDB, polars and pandas give the same integers on 100,000 events."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from benchmarks import event_file, features_churnlib, features_pandas, features_sql

from churnlib.events import EventLog

TABLE = event_file.event_table(100_000, 10_000, seed=7)


@pytest.fixture(scope="module")
def kernel() -> pd.DataFrame:
    log = EventLog.from_frame(TABLE, customer="customer_id", time="ts", kind="kind", amount="amount", item="product_id")
    return canonical(features_churnlib.as_columns(log, features_churnlib.features(log, distinct=True)))


def canonical(columns) -> pd.DataFrame:
    """Sort rows and columns; everything as int64."""
    frame = pd.DataFrame(columns)
    if frame["cutoff"].dtype.kind == "M":
        frame["cutoff"] = frame["cutoff"].to_numpy().astype("M8[us]").astype(np.int64)
    frame = frame.astype(np.int64).sort_values(["customer_id", "cutoff"], ignore_index=True)
    return frame[sorted(frame.columns)]


@pytest.mark.parametrize("query", [features_sql.one_scan_per_cutoff, features_sql.one_scan])
def test_sql_in_duckdb_gives_the_same_integers(kernel, query):
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.register("events", TABLE)
    by_sql = connection.sql(query("events", distinct=True)).fetchnumpy()
    pd.testing.assert_frame_equal(canonical(by_sql), kernel)


def test_pandas_gives_the_same_integers(kernel):
    pd.testing.assert_frame_equal(canonical(features_pandas.features(TABLE.to_pandas(), distinct=True)), kernel)


def test_polars_gives_the_same_integers(kernel):
    pl = pytest.importorskip("polars")
    events = pl.from_arrow(TABLE)
    parts = []
    for cutoff in features_sql.CUTOFFS:
        at, ts, amount = dt.datetime.fromisoformat(cutoff), pl.col("ts"), pl.col("amount")
        week = ((pl.lit(at) - ts).dt.total_microseconds() - 1) // features_sql.WEEK_US
        recent = {days: ts >= at - dt.timedelta(days=days) for days in (*features_sql.WINDOWS, 84)}
        parts.append(
            events.filter(ts < at)
            .group_by("customer_id")
            .agg(
                *(recent[days].sum().alias(f"count_{days}") for days in features_sql.WINDOWS),
                *(amount.filter(recent[days]).sum().alias(f"sum_{days}") for days in features_sql.WINDOWS),
                ((pl.col("kind") == "order") & recent[90]).sum().alias("orders_90"),
                (pl.lit(at) - ts.max()).dt.total_microseconds().alias("recency_us"),
                (pl.lit(at) - ts.min()).dt.total_microseconds().alias("tenure_us"),
                pl.len().alias("count_all"),
                (11 - 2 * week).filter(recent[84]).sum().alias("trend"),
                pl.col("product_id").filter(recent[365]).n_unique().alias("products_365"),
            )
            .with_columns(cutoff=pl.lit(at))
        )
    by_polars = pl.concat(parts)
    pd.testing.assert_frame_equal(canonical({name: by_polars[name].to_numpy() for name in by_polars.columns}), kernel)
