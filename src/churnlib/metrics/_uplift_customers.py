"""Whose rows they are: rows of one customer are one observation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_one_order, named_rows
from churnlib._typing import FloatArray, IntArray
from churnlib.exceptions import DataError, message
from churnlib.metrics._metric_interval import Customers, MetricInterval, _codes
from churnlib.numerics import normal_quantile

__all__ = ["customer_codes", "error_of_rows", "labelled", "normal_interval"]


def customer_codes(customer: Customers, labels: pd.Index[Any] | None, n_rows: int) -> tuple[IntArray | None, int]:
    """Return the number of each row's customer, or None if each row is its own, and how many there are."""
    if customer is None and labels is not None and "customer_id" in labels.names:
        customer = labels.get_level_values("customer_id")
    if customer is None:
        customer = np.arange(n_rows) if n_rows < 2 else None
    if customer is None:
        return None, n_rows
    if np.shape(customer) != (n_rows,):
        raise DataError(
            message(
                f"customer has shape {np.shape(customer)} for {n_rows} rows",
                "the customer of each row",
                "customer=X.index.get_level_values('customer_id')",
            )
        )
    check_one_order({"rows": labelled(labels), "customer": customer})
    codes, n_customers = _codes(customer)
    if (codes < 0).any():
        raise DataError(
            message(
                f"{int((codes < 0).sum())} of {n_rows} rows have no customer ({named_rows(codes < 0)})",
                "rows of one customer are one observation, so each row's customer must be known",
                "drop the rows without a customer, and count them",
            )
        )
    return codes, n_customers


def labelled(labels: pd.Index[Any] | None) -> pd.Series[Any] | None:
    """Return rows that hold nothing but their labels."""
    return None if labels is None else pd.Series(np.zeros(len(labels), np.int8), index=labels)


def error_of_rows(influence: FloatArray, codes: IntArray | None, n_customers: int) -> float:
    """Return the standard error of a sum of influences; rows of one customer are added first."""
    parts = influence if codes is None else np.bincount(codes, weights=influence, minlength=n_customers)
    return float(np.sqrt((parts * parts).sum() * n_customers / (n_customers - 1.0)))


def normal_interval(
    value: float, influence: FloatArray, codes: IntArray | None, n_customers: int, confidence: float
) -> MetricInterval:
    """Return normal bounds of a value whose error is a sum of influences."""
    error, z = error_of_rows(influence, codes, n_customers), normal_quantile(confidence)
    return MetricInterval(
        value=float(value),
        low=float(value - z * error),
        high=float(value + z * error),
        standard_error=error,
        confidence=confidence,
        n_customers=n_customers,
    )
