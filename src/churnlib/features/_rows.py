"""Which customers are looked at, and at which cutoffs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from churnlib._checks import named_rows
from churnlib.exceptions import ParameterError, message

__all__ = ["Rows"]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Pairs of customer and cutoff, by customer, then cutoff.

    Attributes
    ----------
    customer : ndarray of shape (n_rows,)
        Codes, ascending.
    which : ndarray of shape (n_rows,)
        Position of the cutoff among the cutoffs.
    """

    customer: npt.NDArray[np.int32]
    which: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.customer)

    @classmethod
    def of_all(cls, first_known: npt.NDArray[np.int64], cutoffs: npt.NDArray[np.int64]) -> Rows:
        """Pair each customer with every cutoff after it was first heard of."""
        # Once known, a customer stays known: the cutoffs of a customer are the last ones.
        skipped = np.searchsorted(cutoffs, first_known, side="right")
        length = len(cutoffs) - skipped
        customer = np.repeat(np.arange(len(length), dtype=np.int32), length)
        shift = skipped - (np.cumsum(length) - length)
        return cls(customer, np.arange(len(customer)) + np.repeat(shift, length))

    @classmethod
    def of_pairs(cls, customer: Any, cutoff: Any, cutoffs: npt.NDArray[np.int64], *, n_customers: int) -> Rows:
        """Check pairs given by the caller.

        Raises
        ------
        ParameterError
            When a code or a cutoff does not exist, or the pairs are not in order.
        """
        codes, instants = np.asarray(customer), np.asarray(cutoff, np.int64)
        if len(codes) != len(instants):
            raise ParameterError(
                message(
                    f"rows has {len(codes)} customers and {len(instants)} cutoffs",
                    "one cutoff for each customer was expected",
                    "rows=(customer_code, cutoff)",
                )
            )
        at = np.searchsorted(cutoffs, instants)
        strange = at == len(cutoffs)
        strange |= cutoffs[np.minimum(at, len(cutoffs) - 1)] != instants if len(cutoffs) else True
        strange |= (codes < 0) | (codes >= n_customers)
        if strange.any():
            raise ParameterError(
                message(
                    f"{int(strange.sum())} of {len(codes)} rows name a cutoff or a customer that is not there "
                    f"({named_rows(strange)})",
                    f"codes from 0 to {n_customers - 1}, and the cutoffs that are computed, were expected",
                    "cutoffs=np.unique(rows[1])",
                )
            )
        step = np.diff(codes.astype(np.int64) * max(len(cutoffs), 1) + at)
        if (step <= 0).any():
            raise ParameterError(
                message(
                    f"{int((step <= 0).sum())} of {len(codes)} rows repeat or precede the row before "
                    f"({named_rows(np.flatnonzero(step <= 0) + 1)})",
                    "rows are sorted by customer, then cutoff, each pair once",
                    "order = np.lexsort((cutoff, customer_code))",
                )
            )
        return cls(codes.astype(np.int32), at.astype(np.intp))

    def take(self, rows: npt.NDArray[np.intp]) -> Rows:
        """Return some of the rows."""
        return Rows(self.customer[rows], self.which[rows])
