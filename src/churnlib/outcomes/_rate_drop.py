"""Churn by decline: what a customer does or spends falls below a share of what it was."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from churnlib._checks import check_flag, check_integer
from churnlib._typing import Array, BoolArray, IntArray, Kinds
from churnlib.calendar import Duration, duration
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import ParameterError, SchemaError, message
from churnlib.outcomes._activity import Activity, activity, is_activity, read_kinds
from churnlib.outcomes._alternate import Losses, Returns, alternate
from churnlib.outcomes._causes import UNKNOWN, read_cause
from churnlib.outcomes._definition import ChurnDefinition, needed_log
from churnlib.outcomes._segments import first_beyond
from churnlib.outcomes._shares import exact_share, least_levels, read_share
from churnlib.outcomes._spells import NEVER, Spells

__all__ = ["FrequencyDrop", "RateDrop", "SpendDrop"]


@dataclass(frozen=True, slots=True, repr=False)
class RateDrop(ChurnDefinition):
    """What `FrequencyDrop` and `SpendDrop` share; they differ in what they add up.

    Judged at an instant x, the recent window is ``(x - window, x]`` and the baseline
    ``(x - window - baseline, x - window]``. Both hold the same number of events when a customer
    comes at equal intervals, whether or not these divide the windows: with a recent window open at
    both ends a monthly customer would seem to lose one visit in three. An event at x is seen by
    cutoffs after x, and these are the ones at which a churn stamped at x counts. The rate has
    dropped iff ``recent / window < (1 - by) * base / baseline``, decided in integers.
    """

    by: float | Fraction | str = field(default=0.3, kw_only=True)
    window: str | Duration = field(default="90d", kw_only=True)
    baseline: str | Duration = field(default="90d", kw_only=True)
    min_events: int = field(default=6, kw_only=True)
    kinds: Kinds = field(default=None, kw_only=True)
    cause: str = field(default=UNKNOWN, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", read_share(self.by))
        object.__setattr__(self, "window", _fixed(self.window, "window"))
        object.__setattr__(self, "baseline", _fixed(self.baseline, "baseline"))
        check_integer(self.min_events, name="min_events", low=1)
        object.__setattr__(self, "kinds", read_kinds(self.kinds))
        read_cause(self.cause)

    @abstractmethod
    def _measured(self, log: EventLog, alive: BoolArray) -> tuple[BoolArray, IntArray]:
        """Return which rows are added up, and the value of every row of the log."""

    def spells(self, log: EventLog | None, contracts: Contracts | None = None) -> Spells:  # noqa: ARG002
        """Compare the recent window with the baseline wherever the drop can begin.

        Parameters
        ----------
        log : EventLog
            What customers did.
        contracts : Contracts, optional
            Not read.

        Returns
        -------
        Spells
            One for each stay at the usual level.
        """
        log = needed_log(log, self)
        alive = is_activity(log, read_kinds(self.kinds), refunds=False)
        chosen, value = self._measured(log, alive)
        ledger = _Ledger.of(log, chosen, value, alive)
        born = activity(log, alive).first
        losses = self._losses(ledger, born)
        found = alternate(born, losses, self._returns(ledger, losses))
        return Spells(
            customers=log.customers,
            customer=found.customer,
            start=found.start,
            # What happens at the very end of the data is not in them, so a drop there is undecided.
            end=np.where(found.end >= log.complete_until_us, NEVER, found.end),
            complete_until_us=log.complete_until_us,
            causes=(self.cause,),
            timezone=log.timezone,
        )

    @property
    def _lengths(self) -> tuple[int, int, Fraction]:
        """Return both windows in microseconds, and the factor from the base to the level to reach."""
        window, baseline = _us(self.window), _us(self.baseline)
        return window, baseline, (1 - exact_share(self.by)) * window / baseline

    def _losses(self, ledger: _Ledger, born: IntArray) -> Losses:
        """Judge every instant at which the drop can begin.

        The recent total falls, and the baseline grows, only when an event passes from one into the
        other: at its time + window. Besides, the drop can begin when the history becomes long enough.
        """
        window, baseline, ratio = self._lengths
        rows = ledger.rows
        mature = np.flatnonzero(born < NEVER)
        customer = np.concatenate([rows.customer.astype(np.int64), mature])
        pivot = np.concatenate([rows.time, born[mature] + baseline])
        known = pivot - baseline >= born[customer]
        customer, pivot = customer[known], pivot[known]
        # At x = pivot + window: recent is (pivot, pivot + window], the baseline (pivot - baseline, pivot].
        low, high = rows.offsets[customer], rows.offsets[customer + 1]
        ends = first_beyond(rows.time, low, high, pivot)
        begins = first_beyond(rows.time, low, ends, pivot - baseline)
        based = np.flatnonzero((ledger.total(begins, ends) > 0) & (ledger.count(begins, ends) >= self.min_events))
        customer, pivot, begins, ends = customer[based], pivot[based], begins[based], ends[based]
        need = least_levels(ledger.total(begins, ends), ratio)
        stops = first_beyond(rows.time, ends, high[based], pivot + window)
        dropped = ledger.total(ends, stops) < need
        return Losses.ordered(customer[dropped], pivot[dropped] + window, need[dropped])

    def _returns(self, ledger: _Ledger, losses: Losses) -> Returns:
        """Give the level each activity of a customer ever lost restores: the total over ``(time - window, time]``."""
        window, _, _ = self._lengths
        rows = ledger.rows
        lost = np.zeros(len(rows.offsets) - 1, dtype=np.bool_)
        lost[losses.customer] = True
        chosen = np.flatnonzero(ledger.alive & lost[rows.customer])
        customer, time = rows.customer[chosen].astype(np.int64), rows.time[chosen]
        ends = first_beyond(rows.time, chosen, rows.offsets[customer + 1], time)
        begins = first_beyond(rows.time, rows.offsets[customer], ends, time - window)
        return Returns(customer, time, ledger.total(begins, ends))


@dataclass(frozen=True, slots=True, repr=False)
class FrequencyDrop(RateDrop):
    """Lost is who comes much more rarely than before: the frequency fell by a share, and stays so.

    At an instant x the *recent* events are those in ``(x - window, x]`` and the *baseline* those in
    ``(x - window - baseline, x - window]``. The frequency has dropped iff

        recent / window < (1 - by) * base / baseline,

    decided in integers with `by` read by its digits, so a drop of exactly 30 % is no drop. It is judged
    from the customer's first event + baseline + window on (before that there is no baseline), only
    where the baseline holds at least `min_events`, and churn is stamped at the first instant at which
    it holds. It can begin to hold only when an event passes from the recent window into the baseline,
    at its time + window, or when the history becomes long enough; these are the instants looked at.

    The drop is lasting by construction: `window` is how long the lower frequency must last. The
    customer is back at the event that restores the old level: recent events in ``(u - window, u]``
    reach ``(1 - by)`` of the baseline *as it was when the churn was stamped*, so neither silence nor
    getting used to less brings anyone back.

    Parameters
    ----------
    by : float, Fraction or str, default=0.3
        Share of the frequency that must be gone, above 0 and below 1.
    window : str, timedelta or Duration, default="90d"
        Length of the recent window; fixed, not in months, since rates are compared.
    baseline : str, timedelta or Duration, default="90d"
        Length of the window before it; fixed too.
    min_events : int, default=6
        Least number of events in the baseline: fewer are noise.
    kinds : str or sequence of str, default=None
        Kinds of events that count; None counts all of them.
    refunds : bool, default=False
        Whether an event with a negative amount counts.
    cause : str, default="unknown"
        The cause given to these churns; see `churnlib.outcomes.CAUSES`.

    Raises
    ------
    ParameterError
        If `by` is not between 0 and 1, a length is zero or in months, or `min_events` is below 1; in
        `outcomes`, if a kind is unknown.

    Examples
    --------
    A visit a day until 11 January, then one every fifth day. On the 13th three of the last five days
    had a visit, on the 14th two: less than half of the five before.

    >>> import churnlib as cl, pandas as pd
    >>> days = [*range(11), 15, 20, 25, 30]
    >>> visits = pd.DataFrame({"id": "a", "at": pd.Timestamp("2025-01-01") + pd.to_timedelta(days, "D")})
    >>> log = cl.EventLog.from_frame(visits, customer="id", time="at")
    >>> drop = cl.FrequencyDrop(by=0.5, window="5d", baseline="5d", min_events=5)
    >>> drop.outcomes(log).frame["churned_at"].dt.date.astype(str).tolist()
    ['2025-01-14']
    """

    refunds: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        RateDrop.__post_init__(self)
        check_flag(self.refunds, name="refunds")

    def _measured(self, log: EventLog, alive: BoolArray) -> tuple[BoolArray, IntArray]:
        chosen = is_activity(log, read_kinds(self.kinds), refunds=True) if self.refunds else alive
        return chosen, np.ones(len(log), dtype=np.int64)


@dataclass(frozen=True, slots=True, repr=False)
class SpendDrop(RateDrop):
    """Lost is who spends much less than before: the net spend fell by a share, and stays so.

    Like `FrequencyDrop`, with money in place of events: refunds are subtracted, and all sums are exact
    integers in minor units. The baseline must be above zero and hold at least `min_events` events
    that are no refunds. It is judged when an event (or refund) passes from the recent window into the
    baseline, and when the history becomes long enough; a refund by itself is judged at the next such
    instant. The customer is back at the event (no refund) at which the net spend in ``(u - window,
    u]`` reaches ``(1 - by)`` of the baseline as it was when the churn was stamped.

    Parameters
    ----------
    by : float, Fraction or str, default=0.3
        Share of the spend that must be gone, above 0 and below 1.
    window : str, timedelta or Duration, default="90d"
        Length of the recent window; fixed, not in months, since rates are compared.
    baseline : str, timedelta or Duration, default="90d"
        Length of the window before it; fixed too.
    min_events : int, default=6
        Least number of events in the baseline: fewer are noise.
    kinds : str or sequence of str, default=None
        Kinds of events whose amounts count; None counts all of them.
    cause : str, default="unknown"
        The cause given to these churns; see `churnlib.outcomes.CAUSES`.

    Raises
    ------
    ParameterError
        If `by` is not between 0 and 1, a length is zero or in months, or `min_events` is below 1; in
        `outcomes`, if a kind is unknown.
    SchemaError
        In `outcomes`, if the log has no amounts.

    Examples
    --------
    An order a day, of 100 for ten days and then of 20. On the 13th the last five days brought 260, on
    the 14th 180: less than half of the 500 before.

    >>> import churnlib as cl, pandas as pd
    >>> orders = pd.DataFrame(
    ...     {"id": "a", "at": pd.date_range("2025-01-01", periods=20), "total": [100] * 10 + [20] * 10}
    ... )
    >>> log = cl.EventLog.from_frame(orders, customer="id", time="at", amount="total")
    >>> drop = cl.SpendDrop(by=0.5, window="5d", baseline="5d", min_events=5)
    >>> drop.outcomes(log).frame["churned_at"].dt.date.astype(str).tolist()
    ['2025-01-14']
    """

    def _measured(self, log: EventLog, alive: BoolArray) -> tuple[BoolArray, IntArray]:  # noqa: ARG002
        if log.amount is None:
            raise SchemaError(
                message(
                    "SpendDrop was given a log without amounts",
                    "it adds up money",
                    'EventLog.from_frame(..., amount="total"), or FrequencyDrop(...)',
                )
            )
        return is_activity(log, read_kinds(self.kinds), refunds=True), log.amount


@dataclass(frozen=True, slots=True, eq=False)
class _Ledger:
    """Rows to add up, with running totals: a total over any range is one difference."""

    rows: Activity
    alive: BoolArray
    _totals: Array
    _counts: Array

    @classmethod
    def of(cls, log: EventLog, chosen: BoolArray, value: IntArray, alive: BoolArray) -> _Ledger:
        rows = activity(log, chosen)
        live = alive[rows.rows] if len(rows.rows) != len(log) else alive
        # Totals wrap around at 64 bits, so a difference is exact while the true total fits.
        totals = np.concatenate([[0], np.cumsum(value[rows.rows], dtype=np.int64)])
        return cls(rows, live, totals, np.concatenate([[0], np.cumsum(live, dtype=np.int64)]))

    def total(self, low: IntArray, high: IntArray) -> IntArray:
        """Return the sum of values over rows [low, high)."""
        result: IntArray = self._totals[high] - self._totals[low]
        return result

    def count(self, low: IntArray, high: IntArray) -> IntArray:
        """Return how many activities rows [low, high) hold."""
        result: IntArray = self._counts[high] - self._counts[low]
        return result


def _fixed(value: object, name: str) -> str:
    """Return a duration of fixed length as text: rates over months of unequal length do not compare."""
    length = duration(value, name=name)
    if length.fixed_us is None:
        raise ParameterError(
            message(
                f"{name}={str(length)!r} has no fixed length",
                "a rate needs a window of days, hours or minutes",
                f"{name}='{30 * length.months}d'",
            )
        )
    return str(length)


def _us(text: str | Duration) -> int:
    length = duration(text, name="window").fixed_us
    assert length is not None
    return length
