"""Churn by contract: it ended, and was not renewed in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from churnlib._checks import check_flag
from churnlib._typing import Array, IntArray
from churnlib.calendar import Duration, duration
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import ParameterError, message, nearest, some
from churnlib.outcomes._causes import UNKNOWN, read_causes
from churnlib.outcomes._customers import codes_in, joined_customers
from churnlib.outcomes._definition import ChurnDefinition, needed_contracts
from churnlib.outcomes._segments import segment_starts
from churnlib.outcomes._spells import NEVER, Spells

__all__ = ["ContractEnd"]


@dataclass(frozen=True, slots=True, repr=False)
class ContractEnd(ChurnDefinition):
    """Lost is whose contract ended and was not renewed within the grace period.

    A contract covers ``[start, end)``. Contracts of a customer that overlap, touch, or follow each
    other with a gap shorter than `grace` are one spell: plan changes and late renewals are no churn.
    Churn is stamped at **end + grace**, the first instant at which it is known that no renewal came;
    a contract that starts exactly there comes too late and begins a new spell. With several
    contracts the latest end counts. Customers need no events.

    With ``early_termination=True`` a contract whose row states a cause was ended by an act
    (cancellation, disconnection) that is known when it takes effect: its churn is stamped at its end,
    without grace. Use it only if the cause is written down at the end and not filled in later.
    Where there is no grace to wait for, a contract that ends exactly at `complete_until` is still
    open, since a renewal from that same instant would not be in the data yet.

    Parameters
    ----------
    grace : str, timedelta or Duration, default="7d"
        How long after its end a contract may still be renewed. "0d" allows no gap at all.
    early_termination : bool, default=False
        Whether a stated cause makes the churn known at the end itself.
    causes : mapping of str to str, default=None
        Cause of each value in the contracts' cause column, see `churnlib.outcomes.CAUSES`. Values
        left out stay as they are; a contract without a value has cause "unknown".

    Raises
    ------
    ParameterError
        If the grace is negative or unreadable; in `outcomes`, if there are no contracts or `causes`
        names a value they do not have.
    SchemaError
        In `outcomes`, if log and contracts name customers by ids of two types.

    Examples
    --------
    Renewed after 2 days, then not at all.

    >>> import churnlib as cl, pandas as pd
    >>> periods = pd.DataFrame({"id": "a", "from": ["2025-01-01", "2025-02-03"], "to": ["2025-02-01", "2025-03-03"]})
    >>> contracts = cl.Contracts.from_frame(periods, customer="id", start="from", end="to", complete_until="2025-06-01")
    >>> frame = cl.ContractEnd(grace="7d").outcomes(None, contracts).frame
    >>> frame["start"].dt.date.tolist(), frame["churned_at"].dt.date.tolist()
    ([datetime.date(2025, 1, 1)], [datetime.date(2025, 3, 10)])
    """

    grace: str | Duration = field(default="7d", kw_only=True)
    early_termination: bool = field(default=False, kw_only=True)
    causes: Mapping[str, str] | Sequence[tuple[str, str]] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "grace", str(duration(self.grace, name="grace", allow_zero=True)))
        check_flag(self.early_termination, name="early_termination")
        object.__setattr__(self, "causes", read_causes(self.causes))

    def spells(self, log: EventLog | None, contracts: Contracts | None = None) -> Spells:
        """Chain the contracts of each customer.

        Parameters
        ----------
        log : EventLog, optional
            Read only for its customers and its end.
        contracts : Contracts
            Contract periods.

        Returns
        -------
        Spells
            One for each chain of contracts.
        """
        terms = needed_contracts(contracts, self)
        cause, names = self._causes_of(terms)
        complete_until = _end_of_data(log, terms)
        deciding = _latest_end(terms.customer_codes, terms.end)
        end = terms.end[deciding]
        due = self._due(end, cause[deciding], len(names), terms.timezone)
        first = segment_starts(terms.customer_codes)
        last = np.ones(len(end), dtype=np.bool_)
        lapsed = (terms.start[1:] > end[:-1]) & (terms.start[1:] >= due[:-1])
        last[:-1] = first[1:] | lapsed
        opening = first.copy()
        opening[1:] |= last[:-1]
        # Without grace, a renewal from the very instant of the end is not in the data yet.
        undecided = (due == end) & (end >= complete_until)
        customers = terms.customers if log is None else joined_customers(log.customers, terms.customers)
        return Spells(
            customers=customers,
            customer=codes_in(customers, terms.customers, terms.customer_codes[opening]),
            start=terms.start[opening],
            end=np.where(undecided, NEVER, due)[last],
            complete_until_us=complete_until,
            cause=cause[deciding][last],
            causes=names,
            last_activity=np.minimum(end[last], complete_until),
            timezone=terms.timezone if log is None else log.timezone,
        )

    def _due(self, end: IntArray, cause: Array, unstated: int, timezone: str) -> IntArray:
        """Return the instant at which the end of each contract is known to be final."""
        due = np.full(len(end), NEVER, dtype=np.int64)
        closed = end < NEVER
        due[closed] = duration(self.grace, name="grace", allow_zero=True).after(end[closed], timezone)
        if self.early_termination:
            stated = closed & (cause != unstated)
            due[stated] = end[stated]
        return due

    def _causes_of(self, terms: Contracts) -> tuple[Array, tuple[str, ...]]:
        """Return the cause of each contract, 1, 2, …, and their names; the last is for those without."""
        words = [] if terms.causes is None else [str(word) for word in terms.causes]
        renamed = dict(read_causes(self.causes))
        strangers = [value for value in renamed if value not in words]
        if strangers:
            raise ParameterError(
                message(
                    f"causes names {len(strangers)} values that no contract states: {some(strangers)} "
                    f"({nearest(strangers[0], words) if words else 'the contracts have no cause column'})",
                    "values of the contracts' cause column were expected",
                    'Contracts.from_frame(..., cause="cause"), and ContractEnd(causes={value: cause})',
                )
            )
        stated = list(dict.fromkeys(renamed.get(word, word) for word in words))
        names = (*(name for name in stated if name != UNKNOWN), UNKNOWN)
        if terms.cause is None:
            return np.ones(len(terms.start), dtype=np.int16), names
        of_word = [names.index(renamed.get(word, word)) + 1 for word in words]
        return np.array([*of_word, len(names)], dtype=np.int16)[terms.cause], names


def _end_of_data(log: EventLog | None, terms: Contracts) -> int:
    """Return until when both log and contracts are complete."""
    return terms.complete_until_us if log is None else min(log.complete_until_us, terms.complete_until_us)


def _latest_end(customer: Array, end: IntArray) -> IntArray:
    """Return, for each contract, the one with the latest end among the customer's so far."""
    n = len(end)
    if not n:
        return np.empty(0, dtype=np.int64)
    # Ranks are distinct, ties going to the later row, so the running maximum of (customer, rank)
    # names one contract; customers ascend, so each begins anew.
    order = np.argsort(end, kind="stable")
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(n)
    best = np.maximum.accumulate(customer.astype(np.int64) * n + rank)
    latest: IntArray = order[best % n]
    return latest
