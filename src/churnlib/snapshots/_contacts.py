"""Past contacts: who was treated while the label window ran, and what to do with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.events import EventLog
from churnlib.exceptions import DataError, ParameterError, message, some
from churnlib.snapshots._rows import Rows

__all__ = ["Contacts", "Treated"]

Treated = Literal["error", "drop", "feature", "keep"]


@dataclass(frozen=True, eq=False)
class Contacts:
    """Contacts of the past, sorted by customer and time.

    A contact made in ``[c, c + lead + horizon)`` may have changed the label of the row at
    c: customers who were saved look as if they had never been at risk, and a model learns
    to ignore the best targets. `treated` says what becomes of such rows.
    """

    customer: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    treated: Treated

    @staticmethod
    def read(frame: Any, log: EventLog, treated: str) -> Contacts:
        """Read a frame of contacts with the columns `customer_id` and `time`."""
        if treated not in get_args(Treated):
            raise ParameterError(
                message(
                    f"treated={treated!r}", f"one of {some(get_args(Treated))}", 'build_dataset(..., treated="drop")'
                )
            )
        contacts = EventLog.from_frame(frame, customer="customer_id", time="time", timezone=log.timezone)
        codes = log.customers.get_indexer(contacts.customers)
        if (codes < 0).any():
            unknown = contacts.customers[codes < 0]
            raise DataError(
                message(
                    f"{len(unknown)} contacted customers are not in the log ({some(unknown)})",
                    "contacts and events must name customers alike",
                    "contacts[contacts['customer_id'].isin(log.customers)]",
                )
            )
        return Contacts(codes[contacts.customer_codes].astype(np.int32), contacts.time, treated)  # type: ignore[arg-type]

    def mark(self, rows: Rows, until: int) -> Rows:
        """Flag rows of one cutoff with a contact in ``[cutoff, until)``."""
        since = rows.cutoff[0] if len(rows) else until
        contacted = self.customer[(self.time >= since) & (self.time < until)]
        return replace(rows, treated=np.isin(rows.customer, contacted))

    def keep(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Tell which marked rows may stay."""
        assert rows.treated is not None
        return ~rows.treated if self.treated == "drop" else np.ones(len(rows), bool)

    def check(self, parts: list[Rows]) -> None:
        """Refuse contacted rows unless the caller said what to do with them."""
        n = sum(int(rows.treated.sum()) for rows in parts if rows.treated is not None)
        if n and self.treated == "error":
            raise DataError(
                message(
                    f"{n} of {sum(map(len, parts))} rows were contacted before their label was known",
                    "a saved customer would be learnt as one who was never at risk",
                    'build_dataset(..., treated="drop") to leave them out, "feature" to tell the '
                    'model, "keep" to flag them in data.treated',
                )
            )

    def as_feature(self, X: pd.DataFrame, rows: Rows) -> pd.DataFrame:
        """Add the column `treated` where asked for; customers to be scored count as untreated."""
        if self.treated != "feature":
            return X
        flag = np.zeros(len(rows)) if rows.treated is None else rows.treated.astype(np.float64)
        return X.assign(treated=flag)
