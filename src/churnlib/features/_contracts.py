"""How long the contract still runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.calendar import Duration
from churnlib.events import OPEN_END, Contracts, EventLog
from churnlib.features._feature import Facts, Feature, Values
from churnlib.features._raw import Raw

__all__ = ["NO_CONTRACT", "ContractEnd", "MonthsToContractEnd"]

Array = npt.NDArray[Any]

NO_CONTRACT = np.iinfo(np.int64).min
"""Stands where a customer has had no contract yet."""


@dataclass(frozen=True, slots=True)
class ContractEnd(Raw):
    """Microseconds since 1970 at which the latest contract that began before the cutoff is due.

    It is due at its renewal where one is stated, else at its end. Only contracts that had
    begun and were known before the cutoff are looked at.
    """

    @property
    def name(self) -> str:
        """Name of the column."""
        return "contract.end"

    def of(self, contracts: Contracts, customers: pd.Index, cutoff: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return when the contract of each row is due.

        Parameters
        ----------
        contracts : Contracts
            Contracts by customer, then start.
        customers : Index of shape (n_rows,)
            Customer of each row.
        cutoff : ndarray of shape (n_rows,)
            Cutoff of each row.
        """
        code = contracts.customers.get_indexer(customers)
        ends = np.full(len(code), NO_CONTRACT, np.int64)
        due = contracts.end
        if contracts.renewal is not None:
            due = np.where(contracts.renewal != OPEN_END, contracts.renewal, due)
        known = contracts.start if contracts.known is None else np.maximum(contracts.start, contracts.known)
        owner = np.repeat(np.arange(len(contracts.offsets) - 1), np.diff(contracts.offsets))
        for instant in np.unique(cutoff):
            latest = np.full(len(contracts.offsets), -1, np.intp)
            visible = np.flatnonzero(known < instant)
            latest[owner[visible]] = visible  # rows ascend by start, and the last one written stays
            row = latest[code]  # code -1, a customer without contracts, reads the spare last entry
            here = (cutoff == instant) & (row >= 0)
            ends[here] = due[row[here]]
        return ends


@dataclass(frozen=True, slots=True)
class MonthsToContractEnd(Feature):
    """Calendar months from the cutoff to the end of the customer's latest contract.

    The latest contract that began before the cutoff counts, up to its renewal date where
    one is stated, else up to its end. Whole months are counted along the calendar of the
    log's zone, and what is left as a share of the month it falls into. Negative when the
    contract ended before the cutoff.

    An end that was agreed at the start is known at the start. An end that was written only
    when the customer left gives the churn away: such contracts need `known_at` or a
    `renewal` date, or this feature must stay out.

    Examples
    --------
    >>> MonthsToContractEnd().name
    'contract.months_left'

    At 1 March: an end on 1 May is two months away, one on 16 February half of February ago:

    >>> at = np.array(["2025-03-01"] * 3, "M8[us]").astype(np.int64)
    >>> ends = np.array(["2025-05-01", "2025-02-15", "NaT"], "M8[us]").astype(np.int64)
    >>> MonthsToContractEnd().finish((ends,), Facts(at)).tolist()
    [2.0, -0.5, nan]
    """

    unit: ClassVar[str] = "months"
    nulls: ClassVar[str] = "NaN without a contract, or when it has no end"

    @property
    def name(self) -> str:
        """Name of the column."""
        return "contract.months_left"

    @property
    def meaning(self) -> str:
        """What the column says."""
        return "calendar months from the cutoff to the end of the latest contract"

    def lacks(self, log: EventLog, contracts: Contracts | None) -> str | None:  # noqa: ARG002
        """Return "contracts" when none were given."""
        return "contracts" if contracts is None else None

    def raws(self) -> tuple[Raw, ...]:
        """Return the end of the contract."""
        return (ContractEnd(),)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:
        """Count calendar months from the cutoff."""
        end, months = raws[0], np.full(len(raws[0]), np.nan)
        dated = (end != OPEN_END) & (end != NO_CONTRACT)
        for cutoff in np.unique(facts.cutoff[dated]):
            here = dated & (facts.cutoff == cutoff)
            months[here] = _months(int(cutoff), end[here], facts.timezone)
        return months


def _months(cutoff: int, end: npt.NDArray[np.int64], timezone: str) -> Array:
    # Anniversaries of the cutoff, a little beyond both extremes: no month is shorter than 28 days.
    shortest = 28 * 86_400_000_000
    ahead = max(0, int(end.max()) - cutoff) // shortest + 2
    behind = max(0, cutoff - int(end.min())) // shortest + 2
    marks = np.array(
        [Duration(None, k).before(cutoff, timezone) for k in range(behind, 0, -1)]
        + [cutoff]
        + [Duration(None, k).after(cutoff, timezone) for k in range(1, ahead + 1)],
        np.int64,
    )
    below = np.searchsorted(marks, end, side="right") - 1
    whole = below - behind
    months: Array = whole + (end - marks[below]) / (marks[below + 1] - marks[below])
    return months
