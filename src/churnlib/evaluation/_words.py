"""How results are written for people: names of metrics, numbers with their intervals, dates, limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

__all__ = ["FEW_CHURNERS", "dates_of", "limits_of", "row_of", "span", "spans", "titled"]

FEW_CHURNERS = 20
"""With fewer churned rows than this, resamples can only repeat them."""

_TITLES = {
    "auc": "AUC",
    "log_loss": "log-loss",
    "ece": "calibration error (ECE)",
    "precision": "precision of the list",
    "lift": "lift of the list",
    "profit": "profit per row",
}


def titled(metrics: Iterable[object]) -> pd.Index[Any]:
    """Return what metrics are called in a table for people.

    Examples
    --------
    >>> titled(["auc", "another"]).tolist()
    ['AUC', 'another']
    """
    return pd.Index([_TITLES.get(str(name), str(name)) for name in metrics])


def row_of(table: pd.DataFrame, metric: str) -> dict[str, Any]:
    """Return the row of one metric.

    Examples
    --------
    >>> float(row_of(pd.DataFrame({"metric": ["auc"], "value": [0.7]}), "auc")["value"])
    0.7
    """
    return dict(table.set_index("metric").loc[metric])


def span(value: float, low: float, high: float, *, sign: str = "") -> str:
    """Write a number with its interval.

    Examples
    --------
    >>> span(0.7, 0.65, 0.75), span(0.01, -0.01, 0.03, sign="+")
    ('0.700 (0.650 to 0.750)', '+0.010 (-0.010 to +0.030)')
    """
    return f"{value:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


def spans(table: pd.DataFrame, *, sign: str = "") -> pd.Series[str]:
    """Write each row of a table of metrics.

    Examples
    --------
    >>> spans(pd.DataFrame({"metric": ["auc"], "value": 0.7, "low": 0.65, "high": 0.75})).tolist()
    ['0.700 (0.650 to 0.750)']
    """
    texts = [
        span(value, low, high, sign=sign)
        for value, low, high in zip(table["value"], table["low"], table["high"], strict=True)
    ]
    return pd.Series(texts, index=table["metric"])


def dates_of(cutoffs: Sequence[pd.Timestamp]) -> str:
    """Write the first and the last of the cutoffs judged on.

    Examples
    --------
    >>> dates_of([pd.Timestamp("2025-05-01"), pd.Timestamp("2025-07-01")]), dates_of([])
    (' as of 2025-05-01 to 2025-07-01', '')
    """
    if not cutoffs:
        return ""
    first, last = (f"{cutoffs[place]:%Y-%m-%d}" for place in (0, -1))
    return f" as of {first}" if first == last else f" as of {first} to {last}"


def limits_of(n_churners: int, *, priced: bool) -> str:
    """Say what a judgement on past rows cannot.

    Examples
    --------
    >>> limits_of(3, priced=False)[-52:]
    'Only 3 rows churned: too few to trust the intervals.'
    """
    profit = " Profit is what the offer is assumed to bring." if priced else ""
    few = f" Only {n_churners:,} rows churned: too few to trust the intervals." if n_churners < FEW_CHURNERS else ""
    return f"It ranks risk: whether a contact keeps anybody, only an experiment with a holdout can tell.{profit}{few}"
