"""Hypothesis strategies for event logs, with times that crowd the boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from churnlib._checks import as_names
from churnlib._frames import optional_import
from churnlib.calendar import to_us
from churnlib.events import EventLog

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["event_frames", "event_logs"]

_DAY_US = 86_400_000_000
_START, _END = "2025-01-01", "2026-01-01"


def event_frames(
    *,
    boundaries: Sequence[Any] = (),
    start: Any = _START,
    end: Any = _END,
    n_customers: int = 4,
    kinds: str | Sequence[str] = ("order", "visit"),
    late: bool = False,
    min_size: int = 1,
    max_size: int = 40,
) -> SearchStrategy[pd.DataFrame]:
    """Draw frames of events whose times crowd the given boundaries.

    Off-by-one mistakes hide at boundaries, which uniform times never hit: half of the
    times drawn here lie on a boundary, one microsecond before, or one after.

    Parameters
    ----------
    boundaries : sequence of str, datetime or Timestamp, default=()
        Instants to crowd: cutoffs, window edges, ends of label windows. Naive = UTC.
    start, end : str or datetime
        Range of the other times, ``start <= time < end``.
    n_customers : int, default=4
        Customers are numbered from 0.
    kinds : str or sequence of str
        Kinds of events to draw from.
    late : bool, default=False
        Whether to add a column `known_at`: at the event, at a boundary, or up to 60 days
        later, but always before `end`.
    min_size, max_size : int
        Number of events.

    Returns
    -------
    hypothesis strategy of DataFrame
        Columns customer_id, time (UTC, microseconds), kind, amount (whole cents, positive
        and negative), item, and known_at where asked for; rows in arbitrary order.

    Raises
    ------
    MissingDependencyError
        If hypothesis is not installed.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5)
    ... @given(event_frames(boundaries=["2025-06-01"]))
    ... def test(frame):
    ...     assert len(frame) >= 1
    >>> test()
    """
    st = optional_import("hypothesis.strategies", extra="hypothesis", purpose="drawing event logs")
    first, last = to_us(start, "UTC"), to_us(end, "UTC")
    edges = [to_us(b, "UTC") + shift for b in boundaries for shift in (-1, 0, 1)]
    anywhere = st.integers(first, last - 1)
    times = st.one_of(st.sampled_from(edges), anywhere) if edges else anywhere
    delays = st.one_of(st.just(0), st.just(1), st.integers(0, 60 * _DAY_US))
    known = st.one_of(times, delays.map(lambda delay: -1 - delay)) if late else st.just(-1)
    row = st.tuples(
        st.integers(0, n_customers - 1),
        times,
        st.sampled_from(as_names(kinds, name="kinds")),
        st.integers(-(10**6), 10**6),
        st.integers(0, 3),
        known,
    )
    rows = st.lists(row, min_size=min_size, max_size=max_size)
    frames: SearchStrategy[pd.DataFrame] = rows.map(lambda drawn: _frame(drawn, last, late=late))
    return frames


def _frame(rows: list[tuple[int, int, str, int, int, int]], last: int, *, late: bool) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "time", "kind", "amount", "item", "known_at"])
    # A negative `known_at` stands for a delay after the event, so that it shrinks to none.
    delayed = frame["time"] - 1 - frame["known_at"]
    known = frame["known_at"].where(frame["known_at"] >= 0, delayed).clip(upper=last - 1)
    frame["known_at"] = pd.to_datetime(known, unit="us", utc=True)
    frame["time"] = pd.to_datetime(frame["time"], unit="us", utc=True)
    frame["amount"] = frame["amount"] / 100
    return frame if late else frame.drop(columns="known_at")


def event_logs(*, complete_until: Any = _END, **options: Any) -> SearchStrategy[EventLog]:
    """Draw event logs; see `event_frames` for the options.

    Parameters
    ----------
    complete_until : str or datetime
        End of the data of every log; must be at or after all times drawn.
    **options
        Passed to `event_frames`.

    Returns
    -------
    hypothesis strategy of EventLog
        Logs with kinds, amounts and items.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5)
    ... @given(event_logs(boundaries=["2025-06-01"], max_size=10))
    ... def test(log):
    ...     assert log.as_of("2025-06-01").time.max(initial=0) < 1_748_736_000_000_000
    >>> test()
    """
    late = options.get("late", False)
    return event_frames(**options).map(lambda frame: _log(frame, complete_until, late=late))


def _log(frame: pd.DataFrame, complete_until: Any, *, late: bool) -> EventLog:
    return EventLog.from_frame(
        frame,
        customer="customer_id",
        time="time",
        kind="kind",
        amount="amount",
        item="item",
        known_at="known_at" if late else None,
        complete_until=complete_until,
    )
