"""Churn by a stated fact: the status of the customer says they have left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from churnlib._checks import as_names
from churnlib._typing import Array, IntArray
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import ParameterError, message, nearest, some
from churnlib.outcomes._alternate import Losses, Returns, alternate
from churnlib.outcomes._causes import UNKNOWN, read_causes
from churnlib.outcomes._definition import ChurnDefinition, needed_log
from churnlib.outcomes._facts import categories_of, effective_facts, first_known, first_time
from churnlib.outcomes._segments import segment_starts
from churnlib.outcomes._spells import NEVER, Spells

__all__ = ["StatusChange"]


@dataclass(frozen=True, slots=True, repr=False)
class StatusChange(ChurnDefinition):
    """Lost is whose status says so: closed, cancelled, disconnected, ported out.

    The status is a dated attribute of the log. Churn is stamped when the fact became **known**
    (`known_at`, else the time of the row), not when it is dated: a closing of 1 May entered on 9
    May churns on 9 May. The customer returns when a status outside of `churned` becomes known;
    mere activity does not bring them back.

    A customer starts with their first event; until a status is known they are with us. One whose
    very first rows already say churned was never at risk. A fact about an earlier time that
    arrives after one about a later time corrects the past and leaves the present status as it is;
    of facts that became known at one instant the one about the latest time counts.

    Parameters
    ----------
    attribute : str
        Name of the dated attribute.
    churned : str or sequence of str
        The values that mean lost.
    causes : mapping of str to str, default=None
        Cause of each of these values, see `churnlib.outcomes.CAUSES`; values left out are
        "unknown". While a customer stays lost, the cause of the first value stands.

    Raises
    ------
    ParameterError
        If `churned` is empty, or `causes` names a value that is not in it; in `outcomes`, if the log
        never states one of the values.
    SchemaError
        In `outcomes`, if the log has no such attribute.

    Examples
    --------
    >>> import churnlib as cl, pandas as pd
    >>> rows = pd.DataFrame(
    ...     {"id": "a", "at": ["2025-01-01", "2025-02-01", "2025-03-01"], "state": ["open", "closed", "open"]}
    ... )
    >>> log = cl.EventLog.from_frame(rows, customer="id", time="at", attributes=["state"])
    >>> closed = cl.StatusChange(attribute="state", churned="closed", causes={"closed": "voluntary"})
    >>> frame = closed.outcomes(log).frame
    >>> frame["start"].dt.date.astype(str).tolist(), frame["cause"].tolist()
    (['2025-01-01', '2025-03-01'], ['voluntary', nan])
    """

    attribute: str = field(kw_only=True)
    churned: str | Sequence[str] = field(kw_only=True)
    causes: Mapping[str, str] | Sequence[tuple[str, str]] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        lost = as_names(self.churned, name="churned")
        if not lost:
            raise ParameterError(
                message("churned names no value", "the values that mean lost were expected", 'churned=["closed"]')
            )
        object.__setattr__(self, "churned", lost)
        pairs = read_causes(self.causes)
        object.__setattr__(self, "causes", pairs)
        strangers = [value for value, _ in pairs if value not in lost]
        if strangers:
            raise ParameterError(
                message(
                    f"causes names {len(strangers)} values that are not in churned: {some(strangers)}",
                    f"causes of {some(lost)} were expected",
                    f"churned={[*lost, *strangers]}",
                )
            )

    def spells(self, log: EventLog | None, contracts: Contracts | None = None) -> Spells:  # noqa: ARG002
        """Follow the status of each customer as it became known.

        Parameters
        ----------
        log : EventLog
            Events that state the status.
        contracts : Contracts, optional
            Not read.

        Returns
        -------
        Spells
            One for each stay outside of the churned statuses.
        """
        log = needed_log(log, self)
        codes, words = categories_of(log, self.attribute)
        cause_of, names = self._causes_of(words)
        facts = effective_facts(log, codes >= 0)
        cause = cause_of[codes[facts.row]]
        lost = cause > 0
        start = first_time(log)
        # Lost as of the first thing ever known: there was no instant at which we knew them as ours.
        stillborn = facts.customer[facts.first & lost & (facts.at <= first_known(log)[facts.customer])]
        start[stillborn] = _first_of_each(facts.customer[~lost], facts.at[~lost], len(start))[stillborn]
        nothing = np.zeros(len(facts.row), dtype=np.int64)
        losses = Losses(facts.customer[lost], facts.at[lost], nothing[lost])
        returns = Returns(facts.customer[~lost], facts.at[~lost], nothing[~lost])
        found = alternate(start, losses, returns)
        ended = found.loss >= 0
        why = np.zeros(len(found.loss), dtype=np.int16)
        why[ended] = cause[lost][found.loss[ended]]
        return Spells(
            customers=log.customers,
            customer=found.customer,
            start=found.start,
            end=found.end,
            complete_until_us=log.complete_until_us,
            cause=why,
            causes=names,
            timezone=log.timezone,
        )

    def _causes_of(self, words: list[str]) -> tuple[Array, tuple[str, ...]]:
        """Return the cause of each word, 0 for those that do not mean lost, and the names of the causes."""
        lost = as_names(self.churned, name="churned")
        missing = [value for value in lost if value not in words]
        if missing:
            raise ParameterError(
                message(
                    f"the attribute {self.attribute!r} never states {some(missing)} ({nearest(missing[0], words)})",
                    f"values among {some(words, 12)} were expected in churned",
                    f"churned={[value for value in lost if value in words]}",
                )
            )
        cause = dict(read_causes(self.causes))
        names = tuple(dict.fromkeys(cause.get(value, UNKNOWN) for value in lost))
        position = {name: number for number, name in enumerate(names, start=1)}
        of_word = [position[cause.get(word, UNKNOWN)] if word in lost else 0 for word in words]
        return np.array(of_word, dtype=np.int16), names


def _first_of_each(customer: Array, at: IntArray, n_customers: int) -> IntArray:
    """Return the first of the ascending instants of each customer, `NEVER` for one without."""
    first = np.full(n_customers, NEVER, dtype=np.int64)
    begins = np.flatnonzero(segment_starts(customer))
    first[customer[begins]] = at[begins]
    return first
