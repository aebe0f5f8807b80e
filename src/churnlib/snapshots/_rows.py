"""The rows of a dataset before any feature: who, when, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.calendar import timestamps

__all__ = ["Rows", "row_index"]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """One row per customer and cutoff, ordered by customer, then cutoff.

    Attributes
    ----------
    customer : ndarray of shape (n_rows,)
        Code of the customer in the log.
    cutoff : ndarray of shape (n_rows,)
        Microseconds since 1970, UTC.
    spell : ndarray of shape (n_rows,)
        1 for the first time the customer is with us, 2 after the first return, …
    start : ndarray of shape (n_rows,)
        The customer's first start, in microseconds: tenure counts from here.
    churn : ndarray of shape (n_rows,)
        First churn at or after the cutoff, in microseconds; the greatest int64 when none is known.
    cause : ndarray of shape (n_rows,)
        1, 2, … for the cause of that churn; 0 when there is none.
    label : ndarray of shape (n_rows,)
        1 = churned in the label window, 0 = retained, -1 = not known yet.
    treated : ndarray of shape (n_rows,), or None
        Whether the customer was contacted between the cutoff and the end of the label window.
    """

    customer: npt.NDArray[np.int32]
    cutoff: npt.NDArray[np.int64]
    spell: npt.NDArray[np.int32]
    start: npt.NDArray[np.int64]
    churn: npt.NDArray[np.int64]
    cause: npt.NDArray[np.int16]
    label: npt.NDArray[np.int8]
    treated: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.customer)

    def take(self, which: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Rows:
        """Return the chosen rows, in the order given."""
        columns = {name: getattr(self, name)[which] for name in _DTYPES}
        treated = None if self.treated is None else self.treated[which]
        return Rows(**columns, treated=treated)

    @staticmethod
    def concat(parts: list[Rows]) -> Rows:
        """Join the rows of several cutoffs into canonical order: customer, then cutoff."""

        def joined(name: str, dtype: type) -> npt.NDArray[Any]:
            return np.concatenate([np.empty(0, dtype), *(getattr(part, name) for part in parts)])

        columns = {name: joined(name, dtype).astype(dtype) for name, dtype in _DTYPES.items()}
        order = np.lexsort((columns["cutoff"], columns["customer"]))
        marked = bool(parts) and all(part.treated is not None for part in parts)
        treated = joined("treated", np.bool_).astype(bool)[order] if marked else None
        return Rows(**{name: values[order] for name, values in columns.items()}, treated=treated)


_DTYPES = {
    "customer": np.int32,
    "cutoff": np.int64,
    "spell": np.int32,
    "start": np.int64,
    "churn": np.int64,
    "cause": np.int16,
    "label": np.int8,
}


def row_index(customers: pd.Index, rows: Rows) -> pd.MultiIndex:
    """Label rows by (customer_id, cutoff), the index every part of churnlib aligns by."""
    cutoffs, which = np.unique(rows.cutoff, return_inverse=True)
    levels: list[Any] = [customers, timestamps(cutoffs)]
    codes: list[Any] = [rows.customer, which]
    return pd.MultiIndex(
        levels=levels,
        codes=codes,
        names=["customer_id", "cutoff"],
        verify_integrity=False,
    ).remove_unused_levels()
