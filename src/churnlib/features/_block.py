"""Computed features: exact integers, and the frame that is finished from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.features._feature import Facts
from churnlib.features._spec import FeatureSpec

__all__ = ["FeatureBlock"]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureBlock:
    """Features of customers at cutoffs: one row per pair, by customer, then cutoff.

    Attributes
    ----------
    customer_code : ndarray of shape (n_rows,)
        Position of each row's customer in the customers of the log.
    cutoff : ndarray of shape (n_rows,)
        Cutoff of each row, in microseconds since 1970, UTC.
    raw : mapping of str to ndarray of shape (n_rows,)
        Exact int64 columns: counts, minor units of money, microseconds. -1 stands where a
        time or a code is missing; a stated number is carried as its 64 bits.
    spec : FeatureSpec
        The features computed; `spec.left_out` names those the log could not serve.
    facts : Facts
        Scale of the money, zone, and categories of attributes.

    Examples
    --------
    >>> import pandas as pd
    >>> from churnlib.events import EventLog
    >>> from churnlib.features import Count, FeatureSpec, Recency, compute
    >>> trail = pd.DataFrame({"who": ["ann", "bob"], "at": pd.to_datetime(["2025-03-01", "2025-03-02"])})
    >>> log = EventLog.from_frame(trail, customer="who", time="at")
    >>> block = compute(log, "2025-03-05", FeatureSpec([Count(), Recency()]))
    >>> block
    FeatureBlock(2 rows × 2 features of 2 customers at 1 cutoff)
    >>> block.raw["any.since_last"].tolist()
    [345600000000, 259200000000]
    >>> block.frame["any.recency"].tolist()
    [4.0, 3.0]
    """

    customer_code: npt.NDArray[np.int32]
    cutoff: npt.NDArray[np.int64]
    raw: Mapping[str, npt.NDArray[np.int64]]
    spec: FeatureSpec
    facts: Facts

    @property
    def frame(self) -> pd.DataFrame:
        """The finished features, made anew from the raw columns on each access.

        Examples
        --------
        >>> import pandas as pd
        >>> from churnlib.events import EventLog
        >>> from churnlib.features import FeatureSpec, Tenure, compute
        >>> log = EventLog.from_frame(pd.DataFrame({"who": [7], "at": ["2025-03-01"]}), customer="who", time="at")
        >>> compute(log, "2025-03-11", FeatureSpec([Tenure()])).frame
           any.tenure
        0        10.0
        """
        columns = {
            feature.name: feature.finish(tuple(self.raw[raw.name] for raw in feature.raws()), self.facts)
            for feature in self.spec
        }
        return pd.DataFrame(columns, index=pd.RangeIndex(len(self)))

    def __len__(self) -> int:
        return len(self.customer_code)

    def __repr__(self) -> str:
        n_customers, n_cutoffs = len(np.unique(self.customer_code)), len(np.unique(self.cutoff))
        counts = {"row": len(self), "feature": len(self.spec), "customer": n_customers, "cutoff": n_cutoffs}
        rows, features, customers, cutoffs = (f"{n:,} {word}{'' if n == 1 else 's'}" for word, n in counts.items())
        return f"FeatureBlock({rows} × {features} of {customers} at {cutoffs})"
