"""Past contacts: who was treated while the label window ran, and what to do with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib._checks import check_choice
from churnlib._frames import read_columns
from churnlib.events import EventLog
from churnlib.exceptions import DataError, SchemaError, message, some
from churnlib.snapshots._rows import Rows

__all__ = ["Contacts", "Treated", "check_treated"]

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
        choice = check_treated(treated)
        if not len(read_columns(frame, {"contacts": "customer_id", "time of contacts": "time"})["contacts"]):
            return Contacts(np.empty(0, np.int32), np.empty(0, np.int64), choice)
        contacts = EventLog.from_frame(frame, customer="customer_id", time="time", timezone=log.timezone)
        _check_same_ids(contacts.customers, log.customers)
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
        return Contacts(codes[contacts.customer_codes].astype(np.int32), contacts.time, choice)

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


def check_treated(value: str) -> Treated:
    """Return the choice of what to do with contacted rows."""
    return check_choice(value, get_args(Treated), name="treated")


def _check_same_ids(contacted: pd.Index[Any], customers: pd.Index[Any]) -> None:
    words = ["whole numbers" if ids.dtype.kind in "iu" else "texts" for ids in (contacted, customers)]
    if words[0] != words[1]:
        raise SchemaError(
            message(
                f"contacts name customers by {words[0]} ({some(contacted, 3)}), the log by {words[1]} "
                f"({some(customers, 3)})",
                "ids of one type were expected",
                f"contacts['customer_id'].astype({'int' if words[1] == 'whole numbers' else 'string'!r})",
            )
        )
