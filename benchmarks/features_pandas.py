"""The same features by pandas, as most teams write them: a group-by per cutoff and window."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.features_sql import CUTOFFS, WINDOWS


def features(events: pd.DataFrame, *, distinct: bool, cutoffs: Sequence[str] = CUTOFFS) -> pd.DataFrame:
    """Return one row for each customer and cutoff."""
    parts = [_at(events, pd.Timestamp(cutoff), distinct=distinct) for cutoff in cutoffs]
    return pd.concat(parts, ignore_index=True)


def _at(events: pd.DataFrame, cutoff: pd.Timestamp, *, distinct: bool) -> pd.DataFrame:
    past = events[events["ts"] < cutoff]
    X = past.groupby("customer_id").agg(count_all=("ts", "size"), last=("ts", "max"), first=("ts", "min"))
    X["recency_us"] = (cutoff - X.pop("last")).dt.as_unit("us").astype(np.int64)
    X["tenure_us"] = (cutoff - X.pop("first")).dt.as_unit("us").astype(np.int64)
    for days in WINDOWS:
        recent = past[past["ts"] >= cutoff - pd.Timedelta(days=days)]
        grouped = recent.groupby("customer_id")
        X = X.join(grouped.agg(**{f"count_{days}": ("ts", "size"), f"sum_{days}": ("amount", "sum")}))
        if days == 90:
            X["orders_90"] = recent[recent["kind"] == "order"].groupby("customer_id").size()
        if days == 365 and distinct:
            X["products_365"] = grouped["product_id"].nunique()
    X["trend"] = 0
    for week in range(12):
        begin, end = cutoff - pd.Timedelta(weeks=week + 1), cutoff - pd.Timedelta(weeks=week)
        size = past[(past["ts"] >= begin) & (past["ts"] < end)].groupby("customer_id").size()
        X["trend"] = X["trend"].add((11 - 2 * week) * size, fill_value=0)
    return X.fillna(0).astype(np.int64).reset_index().assign(cutoff=cutoff)
