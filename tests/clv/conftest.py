"""CDNOW, as the papers counted it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def cdnow_table(data_dir: Path) -> pd.DataFrame:
    """The published summary of 2,357 customers; weeks rounded to two decimals."""
    return pd.read_csv(data_dir / "cdnow_summary_bgnbd.csv.gz", index_col="customer_id")


@pytest.fixture(scope="session")
def cdnow_log(data_dir: Path) -> pd.DataFrame:
    """The same customers counted from their purchases: exact days, divided by seven."""
    orders = pd.read_csv(data_dir / "cdnow_sample_transactions.csv.gz")
    day = pd.to_datetime(orders["date"].astype(str))
    seen = orders.assign(day=day)[day < "1997-10-01"]
    first, last = (seen.groupby("sample_id")["day"].agg(name) for name in ("min", "max"))
    week = pd.Timedelta("7D")
    return pd.DataFrame(
        {
            "frequency": seen.groupby("sample_id")["day"].nunique() - 1,
            "recency": (last - first) / week,
            "T": (pd.Timestamp("1997-09-30") - first) / week,
        }
    )
