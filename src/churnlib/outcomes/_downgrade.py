"""Churn by a step down: the customer moved to a lower plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from churnlib._checks import as_names
from churnlib._typing import IntArray
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import ParameterError, message, nearest, some
from churnlib.outcomes._alternate import Losses, Returns, alternate
from churnlib.outcomes._causes import read_cause
from churnlib.outcomes._definition import ChurnDefinition, needed_log
from churnlib.outcomes._facts import categories_of, effective_facts, first_time
from churnlib.outcomes._spells import Spells

__all__ = ["Downgrade"]


@dataclass(frozen=True, slots=True, repr=False)
class Downgrade(ChurnDefinition):
    """Lost is who moved to a lower plan. More often a warning than a loss: use it as one knowingly.

    The plan is a dated attribute of the log, its values in an order from lowest to highest. Churn is
    stamped when a plan below the one before it became **known**. The customer is back when a plan at
    least as high as the one they left becomes known; further steps down in between change nothing.
    Late facts are read as `StatusChange` reads them.

    Parameters
    ----------
    attribute : str
        Name of the dated attribute.
    order : sequence of str
        All plans, from lowest to highest.
    cause : str, default="voluntary"
        The cause given to these churns; see `churnlib.outcomes.CAUSES`.

    Raises
    ------
    ParameterError
        If `order` has fewer than two plans; in `outcomes`, if the log states a plan that `order` does
        not name.
    SchemaError
        In `outcomes`, if the log has no such attribute.

    Examples
    --------
    >>> import churnlib as cl, pandas as pd
    >>> rows = pd.DataFrame(
    ...     {
    ...         "id": "a",
    ...         "at": ["2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01"],
    ...         "plan": ["pro", "basic", "plus", "pro"],
    ...     }
    ... )
    >>> log = cl.EventLog.from_frame(rows, customer="id", time="at", attributes=["plan"])
    >>> down = cl.Downgrade(attribute="plan", order=["basic", "plus", "pro"])
    >>> down.outcomes(log).frame["start"].dt.date.astype(str).tolist()
    ['2025-01-01', '2025-04-01']
    """

    attribute: str = field(kw_only=True)
    order: Sequence[str] = field(kw_only=True)
    cause: str = field(default="voluntary", kw_only=True)

    def __post_init__(self) -> None:
        plans = as_names(self.order, name="order")
        object.__setattr__(self, "order", plans)
        if len(plans) < 2:
            raise ParameterError(
                message(
                    f"order names {len(plans)} plans ({some(plans)})",
                    "all plans from lowest to highest were expected, two at least",
                    'order=["basic", "plus", "pro"]',
                )
            )
        read_cause(self.cause)

    def spells(self, log: EventLog | None, contracts: Contracts | None = None) -> Spells:  # noqa: ARG002
        """Follow the plan of each customer as it became known.

        Parameters
        ----------
        log : EventLog
            Events that state the plan.
        contracts : Contracts, optional
            Not read.

        Returns
        -------
        Spells
            One for each stay without a step down.
        """
        log = needed_log(log, self)
        level = self._levels(log)
        facts = effective_facts(log, level >= 0)
        now = level[facts.row]
        before = np.concatenate([now[:1], now[:-1]])
        fell = ~facts.first & (now < before)
        losses = Losses(facts.customer[fell], facts.at[fell], before[fell])
        found = alternate(first_time(log), losses, Returns(facts.customer, facts.at, now))
        return Spells(
            customers=log.customers,
            customer=found.customer,
            start=found.start,
            end=found.end,
            complete_until_us=log.complete_until_us,
            causes=(self.cause,),
            timezone=log.timezone,
        )

    def _levels(self, log: EventLog) -> IntArray:
        """Return the level of the plan that each row states, -1 where it states none."""
        codes, words = categories_of(log, self.attribute)
        stated = np.flatnonzero(np.bincount(codes[codes >= 0], minlength=len(words)))
        strangers = [words[code] for code in stated if words[code] not in self.order]
        if strangers:
            raise ParameterError(
                message(
                    f"the attribute {self.attribute!r} states {len(strangers)} plans that order does not name: "
                    f"{some(strangers)} ({nearest(strangers[0], self.order)})",
                    "all plans from lowest to highest were expected",
                    f"order={[*self.order, *strangers]}, in the right order",
                )
            )
        rank = {plan: level for level, plan in enumerate(self.order)}
        of_word = np.array([rank.get(word, -1) for word in words] + [-1], dtype=np.int64)
        return of_word[codes]
