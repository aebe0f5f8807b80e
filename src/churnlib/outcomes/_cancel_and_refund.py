"""Churn by act: the customer cancelled, and took the money back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from churnlib._checks import as_names
from churnlib._typing import BoolArray, IntArray, Kinds
from churnlib.calendar import Duration, duration
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import ParameterError, message, some
from churnlib.outcomes._activity import Activity, activity, read_kinds
from churnlib.outcomes._alternate import Losses, Returns, alternate
from churnlib.outcomes._causes import read_cause
from churnlib.outcomes._definition import ChurnDefinition, needed_log
from churnlib.outcomes._facts import first_time
from churnlib.outcomes._segments import Ranges, first_at_least, first_beyond
from churnlib.outcomes._spells import NEVER, Spells

__all__ = ["CancelAndRefund"]


@dataclass(frozen=True, slots=True, repr=False)
class CancelAndRefund(ChurnDefinition):
    """Lost is who cancelled and was refunded soon after; with `confirm`, who also closed the account.

    For a cancellation at t the refund must happen in ``[t, t + within)``, and so must one event of the
    kinds in `confirm`, if any are named. Churn is stamped when the **last of these became known**: the
    cancellation, the earliest known refund, the earliest known confirmation. Activity of any other
    kind (or of `kinds`) at or after that instant is a return. If such activity happened after the acts
    but before they became known, the customer had come back already and there is no churn.

    Parameters
    ----------
    cancel, refund : str or sequence of str
        Kinds of events that cancel, and that pay back.
    within : str, timedelta or Duration, default="14d"
        How soon after the cancellation the rest must happen.
    confirm : str or sequence of str, default=()
        Kinds of events of which one must happen too, such as "account_closed".
    kinds : str or sequence of str, default=None
        Kinds of events that bring a customer back; None takes all kinds not named above.
    cause : str, default="voluntary"
        The cause given to these churns; see `churnlib.outcomes.CAUSES`.

    Raises
    ------
    ParameterError
        If `cancel` or `refund` names no kind, a kind has two roles, or `within` is zero; in
        `outcomes`, if the log has no such kind.

    Examples
    --------
    >>> import churnlib as cl, pandas as pd
    >>> rows = pd.DataFrame(
    ...     {
    ...         "id": "a",
    ...         "at": ["2025-01-01", "2025-01-10", "2025-01-15", "2025-03-01"],
    ...         "what": ["order", "cancel", "refund", "order"],
    ...     }
    ... )
    >>> log = cl.EventLog.from_frame(rows, customer="id", time="at", kind="what")
    >>> frame = cl.CancelAndRefund(cancel="cancel", refund="refund").outcomes(log).frame
    >>> frame[["start", "churned_at"]]
                          start                churned_at
    0 2025-01-01 00:00:00+00:00 2025-01-15 00:00:00+00:00
    1 2025-03-01 00:00:00+00:00                       NaT
    """

    cancel: str | Sequence[str] = field(kw_only=True)
    refund: str | Sequence[str] = field(kw_only=True)
    within: str | Duration = field(default="14d", kw_only=True)
    confirm: str | Sequence[str] = field(default=(), kw_only=True)
    kinds: Kinds = field(default=None, kw_only=True)
    cause: str = field(default="voluntary", kw_only=True)

    def __post_init__(self) -> None:
        roles = {name: as_names(getattr(self, name), name=name) for name in ("cancel", "refund", "confirm")}
        for name, named in roles.items():
            object.__setattr__(self, name, named)
            if not named and name != "confirm":
                raise ParameterError(
                    message(f"{name} names no kind of event", "at least one was expected", f'{name}="{name}"')
                )
        object.__setattr__(self, "within", str(duration(self.within, name="within")))
        object.__setattr__(self, "kinds", read_kinds(self.kinds))
        read_cause(self.cause)
        taken = [kind for named in roles.values() for kind in named] + list(self.kinds or ())
        twice = sorted({kind for kind in taken if taken.count(kind) > 1})
        if twice:
            raise ParameterError(
                message(
                    f"{len(twice)} kinds have two roles: {some(twice)}",
                    "each kind cancels, refunds, confirms or brings back, one of these",
                    'CancelAndRefund(cancel="cancel", refund="refund", confirm=("closed",))',
                )
            )

    def spells(self, log: EventLog | None, contracts: Contracts | None = None) -> Spells:  # noqa: ARG002
        """Find each cancellation that was followed through.

        Parameters
        ----------
        log : EventLog
            What customers did.
        contracts : Contracts, optional
            Not read.

        Returns
        -------
        Spells
            One for each stay until such a cancellation.
        """
        log = needed_log(log, self)
        cancels = activity(log, self._chosen(log, self.cancel))
        at, settled = self._complete(log, cancels)
        back = activity(log, self._others(log))
        done = np.flatnonzero(at < NEVER)
        customer, at, settled = cancels.customer[done].astype(np.int64), at[done], settled[done]
        low, high = back.offsets[customer], back.offsets[customer + 1]
        after_acts = first_beyond(back.time, low, high, settled)
        after_news = first_at_least(back.time, low, high, at)
        stands = after_acts >= after_news
        nothing = np.zeros(len(back.time), dtype=np.int64)
        losses = Losses.ordered(customer[stands], at[stands], np.zeros(int(stands.sum()), dtype=np.int64))
        found = alternate(first_time(log), losses, Returns(back.customer, back.time, nothing))
        return Spells(
            customers=log.customers,
            customer=found.customer,
            start=found.start,
            end=found.end,
            complete_until_us=log.complete_until_us,
            causes=(self.cause,),
            timezone=log.timezone,
        )

    def _complete(self, log: EventLog, cancels: Activity) -> tuple[IntArray, IntArray]:
        """Return when each cancellation became known to be complete (`NEVER` if not), and the time of its last act."""
        known = (log.time if log.known is None else log.known)[cancels.rows]
        settled = cancels.time.copy()
        for kinds in (self.refund, self.confirm):
            if not kinds:
                continue
            acts = activity(log, self._chosen(log, kinds))
            code = cancels.customer.astype(np.int64)
            low, high = acts.offsets[code], acts.offsets[code + 1]
            begin = first_at_least(acts.time, low, high, cancels.time)
            deadline = duration(self.within, name="within").after(cancels.time, log.timezone)
            end = first_at_least(acts.time, low, high, deadline)
            which = self._earliest_known(log, acts, begin, end)
            found = which >= 0
            known = np.where(found, np.maximum(known, _known(log, acts, which)), NEVER)
            settled = np.where(found, np.maximum(settled, _time(acts, which)), settled)
        return known, settled

    @staticmethod
    def _earliest_known(log: EventLog, acts: Activity, begin: IntArray, end: IntArray) -> IntArray:
        """Return the position of the act in each range that was known first, -1 for an empty range."""
        result = np.full(len(begin), -1, dtype=np.int64)
        some_ = np.flatnonzero(begin < end)
        if log.known is None:
            result[some_] = begin[some_]
            return result
        # Ranks of (known, position) are distinct, so the greatest negative rank names one act.
        order = np.argsort(log.known[acts.rows], kind="stable")
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        widest = int((end - begin).max(initial=0))
        best = -Ranges(-rank, widest).maximum(begin[some_], end[some_])
        result[some_] = order[best]
        return result

    def _chosen(self, log: EventLog, kinds: str | Sequence[str]) -> BoolArray:
        chosen: BoolArray = log.codes_of(kinds)[log.kind]
        return chosen

    def _others(self, log: EventLog) -> BoolArray:
        """Mark the rows that bring a customer back."""
        wanted = read_kinds(self.kinds)
        if wanted is not None:
            return self._chosen(log, wanted)
        named = [*self.cancel, *self.refund, *self.confirm]
        return ~self._chosen(log, named)


def _known(log: EventLog, acts: Activity, which: IntArray) -> IntArray:
    rows = acts.rows[which] if len(acts.rows) else np.zeros(len(which), dtype=np.int64)
    known = log.time if log.known is None else log.known
    return known[rows] if len(known) else np.zeros(len(which), dtype=np.int64)


def _time(acts: Activity, which: IntArray) -> IntArray:
    return acts.time[which] if len(acts.time) else np.zeros(len(which), dtype=np.int64)
