"""Clocks that run from an event until something is done: contact within minutes, closed within a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pandas as pd

from churnlib._checks import as_names, check_number
from churnlib._fields import check_label, span_of
from churnlib._frames import check_columns, column_names, read_columns
from churnlib._ids import ids_of
from churnlib._typing import BoolArray, Instant, IntArray, Span
from churnlib.calendar import Duration, read_times, to_us, zone_name
from churnlib.exceptions import ChurnlibError, DataError, ParameterError, ParameterTypeError, message, some
from churnlib.expressions import Columns, Expression
from churnlib.numerics._intervals import wilson_interval
from churnlib.policy._contact._history import NEVER, events_frame

__all__ = ["Clock", "Happenings", "Runs", "clock_table", "read_happenings", "runs_of"]


@dataclass(frozen=True, slots=True)
class Clock:
    """A promise: after an event, something is done within a span of time.

    The clock opens `after` the event and is due `within` later. It is kept when one of the `done` events
    comes before it is due; what is done at the very instant is late. Without `done` nothing stops it.

    Parameters
    ----------
    name : str
        What is promised.
    start : str or sequence of str
        The kinds of events that start it.
    within : str or timedelta
        How long there is.
    done : str or sequence of str, default=()
        The kinds of events that stop it: the first at or after the start.
    where : str or Expression, default=None
        Which of the events, as a condition on their columns: ``"grade == 'grave'"``.
    after : str or timedelta, default="0d"
        How long after the event it opens.
    case : str, default=None
        The column that tells cases apart; None where any such event of the customer stops the clock.
    lapses : str or timedelta, default=None
        How long after it was due nobody asks for it any more; None for never.

    Raises
    ------
    ParameterError
        When a length is negative, or a condition cannot be read.

    Examples
    --------
    >>> Clock("first contact", "complaint", "5min", done="contacted").within
    Duration('5min')
    """

    name: str
    start: str | Sequence[str]
    within: Span | Duration
    done: str | Sequence[str] = field(default=(), kw_only=True)
    where: str | Expression | None = field(default=None, kw_only=True)
    after: Span | Duration = field(default="0d", kw_only=True)
    case: str | None = field(default=None, kw_only=True)
    lapses: Span | Duration | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_label(self.name, "name")
        if isinstance(self.where, str):
            object.__setattr__(self, "where", Expression(self.where))
        object.__setattr__(self, "start", as_names(self.start, name="start"))
        object.__setattr__(self, "done", as_names(self.done, name="done"))
        if not self.start:
            raise ParameterError(message("start names no event", "at least one kind", "start='complaint'"))
        for name in ("within", "after", "lapses"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, span_of(getattr(self, name), name, allow_zero=name == "after"))


@dataclass(frozen=True, slots=True)
class Happenings:
    """Events before an instant, as clocks read them.

    Attributes
    ----------
    frame : dataframe
        All their columns.
    ids : Index
        The customer of each.
    us : ndarray of int64
        When each was, in microseconds of UTC.
    kind : Categorical
        Their kinds.
    known : ndarray of bool
        Which happened before the instant.
    """

    frame: Any
    ids: pd.Index[Any]
    us: IntArray
    kind: pd.Categorical
    known: BoolArray

    def of(self, kinds: Sequence[str]) -> BoolArray:
        """Return which are of some kinds, and known."""
        codes = [code for code, name in enumerate(self.kind.categories) if name in kinds]
        return np.asarray(np.isin(self.kind.codes, codes) & self.known)


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a clock.

    Attributes
    ----------
    rows : ndarray of int64
        The rows of the events that started them.
    opens, due, stopped : ndarray of int64
        When each opened, was due, and was stopped; `NEVER` for not yet.
    unknown : int
        Events of which nobody knows whether they start it.
    """

    rows: IntArray
    opens: IntArray
    due: IntArray
    stopped: IntArray
    unknown: int


def read_happenings(events: Any, on: int, tz: str) -> Happenings:
    """Read events with all their columns.

    Parameters
    ----------
    events : EventLog or dataframe
        customer_id, kind, time (or at), and what conditions read.
    on : int
        The instant; what happened at it or later does not count.
    tz : str
        The zone of times without one.

    Returns
    -------
    Happenings
        The events in the order given.

    Raises
    ------
    SchemaError
        When a column is missing.
    DataError
        When an instant or a kind is missing.
    """
    frame = events_frame(events, on)
    when = "at" if "at" in column_names(frame) else "time"
    columns = read_columns(frame, {"customer": "customer_id", "time": when, "kind": "kind"})
    times = read_times(columns["time"], tz, name=when)
    kinds = columns["kind"].to_pandas() if hasattr(columns["kind"], "to_pandas") else pd.Series(columns["kind"])
    kind = pd.Categorical(kinds.astype(str).where(kinds.notna(), None))
    missing = np.asarray(kind.codes < 0) | (False if times.missing is None else times.missing)
    if missing.any():
        raise DataError(
            message(
                f"{int(missing.sum()):,} of {len(missing):,} events have no instant or no kind",
                "a clock needs both",
                "events.dropna(subset=['time', 'kind']), and count them",
            )
        )
    return Happenings(frame, ids_of(columns["customer"]), times.us, kind, times.us < on)


def runs_of(clock: Clock, found: Happenings) -> Runs:
    """Return every run of a clock.

    Parameters
    ----------
    clock : Clock
        The clock.
    found : Happenings
        The events.

    Returns
    -------
    Runs
        In the order of the events.

    Raises
    ------
    SchemaError
        When the condition or the case names no column.
    """
    begins = found.of(clock.start)
    unknown = 0
    if clock.where is not None:
        columns = Columns(found.frame)
        try:
            true, false = cast("Expression", clock.where).bind(columns).truth(columns)
        except ChurnlibError as error:
            raise type(error)(f"clock {clock.name!r}: where: {error}") from None
        unknown = int((begins & ~(true | false)).sum())
        begins = begins & true
    rows = np.flatnonzero(begins)
    opens = found.us[rows] + (cast("Duration", clock.after).fixed_us or 0)
    due = opens + (cast("Duration", clock.within).fixed_us or 0)
    return Runs(rows, opens, due, _stops(clock, found, rows), unknown)


def _stops(clock: Clock, found: Happenings, rows: IntArray) -> IntArray:
    """Return the first event at or after each start that stops the clock."""
    stopped = np.full(len(rows), NEVER, dtype=np.int64)
    ends = np.flatnonzero(found.of(clock.done))
    if not len(ends) or not len(rows):
        return stopped
    both = np.concatenate([rows, ends])
    whose = pd.factorize(found.ids[both])[0].astype(np.int64)
    if clock.case is not None:
        check_columns(column_names(found.frame), {"case": clock.case})
        column = read_columns(found.frame, {"case": clock.case})["case"]
        cases = column.to_pandas() if hasattr(column, "to_pandas") else pd.Series(column)
        case = pd.factorize(cases.to_numpy()[both])[0].astype(np.int64)
        whose = whose * (case.max() + 2) + case + 1
    # ranks instead of microseconds, so that customer and time fit into one number
    instants, rank = np.unique(found.us[both], return_inverse=True)
    key = whose * len(instants) + rank
    starts, stops = key[: len(rows)], key[len(rows) :]
    order = np.argsort(stops, kind="stable")
    place = np.searchsorted(stops[order], starts, side="left")
    there = place < len(order)
    following = order[np.minimum(place, len(order) - 1)]
    same = there & (whose[len(rows) :][following] == whose[: len(rows)])
    stopped[same] = found.us[ends[following[same]]]
    return stopped


def clock_table(
    clocks: Clock | Iterable[Clock],
    events: Any,
    *,
    on: Instant,
    target: float = 0.9,
    timezone: str = "UTC",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Count for each clock how often the promise was kept in time, against a target.

    Parameters
    ----------
    clocks : Clock or sequence of Clock
        The promises.
    events : EventLog or dataframe
        customer_id, kind, time (or at), and what conditions read.
    on : str, date or datetime
        The instant from which one looks back; what happened at it or later does not count.
    target : float, default=0.9
        The share that is to be kept in time.
    timezone : str, default="UTC"
        The zone of times without one.
    confidence : float, default=0.95
        Of the interval of the share.

    Returns
    -------
    DataFrame
        Indexed by clock: started; on_time, late (done, but late), overdue (not done, and due), open (not due
        yet); unknown (events of which nobody knows whether they start it); share (of on_time among on_time,
        late and overdue) with its interval low to high; target; verdict: "met" or "missed" where the whole
        interval lies on that side of the target, else "undecided".

    Raises
    ------
    ParameterError
        When two clocks have one name.

    Notes
    -----
    Wilson's interval for the number of independent events that would be as sure: customers are the unit that is
    drawn, and several complaints of one customer say less than those of several. With x of the n decided events in
    time, x_c of n_c of customer c and p = x/n, the n events count as n/d, where d, at least 1, is the ratio of the
    variances with and without customers::

        d = (n - 1)/n · G/(G - 1) · Σ (x_c - p n_c)² / (n p (1 - p))

    over G customers; at most Σ n_c²/n, as if all events of a customer ended alike, and that much where p is 0 or 1
    or there is one customer.

    References
    ----------
    Korn, Graubard (1998), Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data, Survey Methodology 24.

    Examples
    --------
    >>> events = pd.DataFrame(
    ...     {
    ...         "customer_id": [7, 7, 8],
    ...         "kind": ["complaint", "contacted", "complaint"],
    ...         "time": ["2026-03-02 09:00", "2026-03-02 09:04", "2026-03-02 09:30"],
    ...     }
    ... )
    >>> clock = Clock("first contact", "complaint", "5min", done="contacted")
    >>> clock_table(clock, events, on="2026-03-02 12:00")[["started", "on_time", "overdue", "share"]]
                   started  on_time  overdue  share
    clock
    first contact        2        1        1    0.5
    """
    check_number(target, name="target", low=0, high=1)
    listed = clocks_of(clocks)
    tz = zone_name(timezone)
    now = to_us(on, tz)
    found = read_happenings(events, now, tz)
    runs = [runs_of(clock, found) for clock in listed]
    rows = [_counted(each, now) for each in runs]
    table = pd.DataFrame(rows, index=pd.Index([clock.name for clock in listed], name="clock"))
    decided = (table["on_time"] + table["late"] + table["overdue"]).to_numpy()
    low, high = np.full(len(table), np.nan), np.full(len(table), np.nan)
    some_decided = decided > 0
    share = np.divide(table["on_time"].to_numpy(), decided, out=np.full(len(table), np.nan), where=some_decided)
    for place in np.flatnonzero(some_decided):
        n = _independent(runs[place], found.ids, now)
        low[place], high[place] = wilson_interval(share[place] * n, n, confidence=confidence)
    table["share"] = share
    table["low"], table["high"], table["target"] = low, high, target
    table["verdict"] = np.select([low >= target, high < target], ["met", "missed"], "undecided")
    return table


def _independent(runs: Runs, ids: pd.Index[Any], now: int) -> float:
    """Return how many independent events would say as much as the decided ones of these customers."""
    decided = (runs.stopped != NEVER) | (runs.due <= now)
    in_time = ((runs.stopped != NEVER) & (runs.stopped < runs.due))[decided]
    customer = pd.factorize(ids[runs.rows[decided]])[0]
    n, each = len(customer), np.bincount(customer)
    alike = float(np.square(each).sum() / n)
    share = float(in_time.mean())
    if len(each) == 1 or share in (0.0, 1.0):
        return n / alike
    apart = np.square(np.bincount(customer, weights=in_time) - share * each).sum()
    clusters = len(each) / (len(each) - 1)
    ratio = (n - 1) / n * clusters * apart / (n * share * (1 - share))
    return n / float(np.clip(ratio, 1.0, alike))


def _counted(runs: Runs, now: int) -> dict[str, int]:
    done = runs.stopped != NEVER
    return {
        "started": len(runs.rows),
        "on_time": int((done & (runs.stopped < runs.due)).sum()),
        "late": int((done & (runs.stopped >= runs.due)).sum()),
        "overdue": int((~done & (runs.due <= now)).sum()),
        "open": int((~done & (runs.due > now)).sum()),
        "unknown": runs.unknown,
    }


def clocks_of(clocks: Any) -> tuple[Clock, ...]:
    """Return clocks as a tuple, once their names are known to differ."""
    listed = (clocks,) if isinstance(clocks, Clock) else tuple(clocks)
    strange = [clock for clock in listed if not isinstance(clock, Clock)]
    if strange:
        raise ParameterTypeError(
            message(f"{strange[0]!r} is no clock", "clocks were expected", "Clock('contact', 'complaint', '5min')")
        )
    names = [clock.name for clock in listed]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not listed:
        raise ParameterError(
            message(
                f"two clocks are called {some(twice)}" if twice else "there is no clock",
                "names are distinct",
                "rename one",
            )
        )
    return listed
