"""Which entry of values belongs to which decision: by row, by customer, or by customer and day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import IntArray

__all__ = ["CUSTOMER", "DAYS", "places"]

CUSTOMER = "customer_id"
DAYS = ("on", "cutoff")
"""Names of the levels and columns that say when something was decided or known."""


def places(
    labels: pd.Index[Any],
    rows: pd.Index[Any],
    customers: pd.Index[Any] | None,
    days: pd.Series[Any] | None,
) -> IntArray | None:
    """Return where the entry of each decision stands among labelled values, or None if it does not stand there.

    An index that names its customers is matched by customer, and by day too where it holds customers at several times.
    Any other is matched by the index of the decisions, and if that does not work by customer: row numbers look like
    customer numbers.
    """
    named = CUSTOMER in labels.names and customers is not None
    if labels.equals(rows) and (not named or labels.names == rows.names):
        return np.arange(len(rows))
    if named and customers is not None:
        return _by_customer(labels, customers, days)
    for wanted in (rows, customers):
        found = None if wanted is None else _at(labels, wanted)
        if found is not None:
            return found
    return None


def _by_customer(labels: pd.Index[Any], customers: pd.Index[Any], days: pd.Series[Any] | None) -> IntArray | None:
    known = labels.get_level_values(CUSTOMER)
    level = next((name for name in DAYS if name in labels.names), None)
    if level is not None and days is not None:
        dated = pd.MultiIndex.from_arrays([known, _day(labels.get_level_values(level))])
        found = _at(dated, pd.MultiIndex.from_arrays([customers, _day(pd.Index(days))]))
        # what was known at a cutoff may serve on a later day; what came of one day is not what came of another
        if found is not None or level == "on":
            return found
    return _at(known, customers)


def _day(times: pd.Index[Any]) -> pd.Index[Any]:
    """The day of each time, as its own zone counts days; what is no time is left as it is."""
    try:
        return pd.DatetimeIndex(times).tz_localize(None).normalize().as_unit("us")
    except (TypeError, ValueError):
        return times


def _at(labels: pd.Index[Any], wanted: pd.Index[Any]) -> IntArray | None:
    if not labels.is_unique or labels.nlevels != wanted.nlevels:
        return None
    found = np.asarray(labels.get_indexer(wanted), dtype=np.int64)
    return None if (found < 0).any() else found
