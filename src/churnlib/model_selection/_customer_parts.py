"""Customers dealt into parts of equal size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import IntArray
from churnlib.exceptions import HistoryError, message

__all__ = ["customer_parts"]


def customer_parts(customer: pd.Index[Any], n_parts: int) -> IntArray:
    """Deal customers into parts of equal size, by a hash of their id.

    A hash has no pattern (every tenth id may be a business), and does not change
    with the order of the rows.
    """
    codes, found = pd.factorize(customer, sort=True)
    if len(found) < n_parts:
        raise HistoryError(
            message(
                f"{len(found)} customers cannot be dealt into {n_parts} parts",
                "each fold tests on customers of its own",
                "unseen_customers=False, or fewer folds",
            )
        )
    hashed = pd.util.hash_pandas_object(found, index=False).to_numpy()
    rank = np.empty(len(found), dtype=np.int64)
    rank[np.argsort(hashed, kind="stable")] = np.arange(len(found))
    return rank[codes] % n_parts
