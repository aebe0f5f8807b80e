"""How many: events, occasions, active days, distinct items, and shares of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from churnlib._typing import Span
from churnlib.calendar import Duration
from churnlib.events import Contracts, EventLog
from churnlib.events._tiles import covered, repeats
from churnlib.features._feature import Facts, Feature, Values, Window, events_text, part, ratio
from churnlib.features._raw import NOW, EventRaw, Raw, ever, reach, span
from churnlib.features._source import EVERY_EVENT, Kind, Per, Source, kind_text
from churnlib.features._stream import Stream
from churnlib.features._view import View

__all__ = ["Count", "Distinct", "DistinctItems", "EventCount", "Share"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class EventCount(EventRaw):
    """Number of events of a source in a window."""

    source: Source = EVERY_EVENT
    window: Span | None = None

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.source.text}.count.{ever(self.window)}"

    def edges(self) -> tuple[Duration, ...]:
        """Return the window's beginning."""
        return reach(self.window)

    def read(self, view: View) -> Array:
        """Subtract the positions at the two ends of the window."""
        stream = view.stream(self.source)
        return stream.before() - stream.before(span(self.window))


@dataclass(frozen=True, slots=True)
class DistinctItems(EventRaw):
    """Number of different items of a source in a window."""

    source: Source = EVERY_EVENT
    window: Span | None = None

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.source.text}.distinct.{ever(self.window)}"

    def edges(self) -> tuple[Duration, ...]:
        """Return the window's beginning."""
        return reach(self.window)

    def read(self, view: View) -> Array:
        """Count the rows of the window, less those that repeat an item of the window."""
        return _distinct(_with_item(view.stream(self.source)), span(self.window))


def _items(stream: Stream) -> Array:
    item = stream.run.history.item
    assert item is not None, "compute() checks the roles of the log"
    return stream.pick(item)


def _with_item(stream: Stream) -> Stream:
    item = _items(stream)
    return stream.where(item >= 0) if item.min(initial=0) < 0 else stream


def _distinct(stream: Stream, window: Duration | None) -> Array:
    rows: Array = stream.before() - stream.before(window)
    return rows - _repeated(stream, window)


def _repeated(stream: Stream, window: Duration | None) -> Array:
    """Count the rows of the window whose item is in the window before them."""
    n, plan = stream.run.n_customers, stream.run.plan
    owner, earlier, later = stream.shared("repeats", lambda: repeats(stream.owner, _items(stream), stream.tile))
    if window is not None and not plan.ascends(window):
        # Calendar windows can open in another order than the cutoffs stand in, when the
        # clock went back between two of them. Then every cutoff is counted by itself.
        edges = zip(plan.rows_of[window], plan.rows_of[NOW], strict=True)
        inside = [(opens < earlier) & (later <= closes) for opens, closes in edges]
        return np.array([np.bincount(owner[rows], minlength=n) for rows in inside])
    # A repeat counts at cutoff k when a_k <= t_earlier and t_later < c_k. Both edges ascend
    # with k, so that is a range of cutoffs: from the first after the later row, to the last
    # that opens by the earlier one.
    first = plan.passed(NOW).take(later)
    stop = np.full_like(first, plan.n_cutoffs) if window is None else plan.passed(window).take(earlier)
    return covered(first, stop, owner, plan.n_cutoffs, n)


@dataclass(frozen=True, slots=True)
class Count(Feature):
    """Number of events in the window before the cutoff.

    Parameters
    ----------
    window : str, timedelta or None, default=None
        Length of the window ``[cutoff - window, cutoff)``; None counts since the first event.
    kind : str, sequence of str or None, default=None
        Kinds to count; None counts all.
    per : {"event", "occasion", "day"}, default="event"
        What counts once: each event, all events of one instant (the lines of an order), or
        all events of one local calendar day. A day counts in the window in which its first
        event falls, so that adjacent windows add up.

    Examples
    --------
    >>> Count("90d", kind="order").name, Count("1mo", per="day").name
    ('order.count.90d', 'any.days.1mo')

    Two events on the 1st and one on the 3rd; the cutoff itself is not in the window:

    >>> import pandas as pd
    >>> from churnlib.events import EventLog
    >>> from churnlib.features import FeatureSpec, compute
    >>> when = ["2025-03-01 09:00", "2025-03-01 18:00", "2025-03-03 00:00"]
    >>> log = EventLog.from_frame(pd.DataFrame({"who": 1, "at": pd.to_datetime(when)}), customer="who", time="at")
    >>> spec = FeatureSpec([Count(), Count("1d"), Count(per="day")])
    >>> compute(log, ["2025-03-03", "2025-03-04"], spec).frame.to_numpy().tolist()
    [[2, 0, 1], [3, 1, 2]]
    """

    window: Window = None
    kind: Kind = None
    per: Per = "event"

    unit: ClassVar[str] = "count"
    nulls: ClassVar[str] = "never missing"

    def __post_init__(self) -> None:
        self._normal()

    @property
    def name(self) -> str:
        """Name of the column."""
        what = {"event": "count", "occasion": "occasions", "day": "days"}[self.per]
        return part(self.kind, what, self.window)

    @property
    def meaning(self) -> str:
        """What the column says."""
        return f"number of {events_text(self.kind, self.per, self.window)}"

    def raws(self) -> tuple[Raw, ...]:
        """Return the count itself."""
        return (EventCount(Source(self.kind, self.per), self.window),)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:  # noqa: ARG002
        """Return the count as it is."""
        return raws[0]


@dataclass(frozen=True, slots=True)
class Distinct(Feature):
    """Number of different items in the window before the cutoff.

    Events that state no item are left out.

    Parameters
    ----------
    window : str, timedelta or None, default=None
        Length of the window; None looks at all of the past.
    kind : str, sequence of str or None, default=None
        Kinds of events to look at.

    Examples
    --------
    >>> import pandas as pd
    >>> from churnlib.events import EventLog
    >>> from churnlib.features import FeatureSpec, compute
    >>> orders = pd.DataFrame(
    ...     {"who": 1, "what": ["tea", "tea", "jam"], "at": pd.to_datetime(["2025-03-01", "2025-03-02", "2025-03-03"])}
    ... )
    >>> log = EventLog.from_frame(orders, customer="who", time="at", item="what")
    >>> compute(log, ["2025-03-03", "2025-03-04"], FeatureSpec([Distinct("7d")])).frame.to_numpy().tolist()
    [[1], [2]]
    """

    window: Window = None
    kind: Kind = None

    unit: ClassVar[str] = "items"
    nulls: ClassVar[str] = "never missing"

    def __post_init__(self) -> None:
        self._normal()

    @property
    def name(self) -> str:
        """Name of the column."""
        return part(self.kind, "distinct", self.window)

    @property
    def meaning(self) -> str:
        """What the column says."""
        return f"number of different items among {events_text(self.kind, window=self.window)}"

    def lacks(self, log: EventLog, contracts: Contracts | None) -> str | None:  # noqa: ARG002
        """Return "item" when the log has none."""
        return "item" if log.item is None else None

    def raws(self) -> tuple[Raw, ...]:
        """Return the count itself."""
        return (DistinctItems(Source(self.kind), self.window),)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:  # noqa: ARG002
        """Return the count as it is."""
        return raws[0]


@dataclass(frozen=True, slots=True)
class Share(Feature):
    """Share of some kinds among all events of the window, from 0 to 1.

    Parameters
    ----------
    kind : str or sequence of str
        Kinds whose share is taken.
    window : str, timedelta or None, default=None
        Length of the window; None looks at all of the past.

    Examples
    --------
    >>> Share("order", "90d").name
    'order.share.90d'
    >>> Share("order").finish((np.array([1, 0]), np.array([4, 0])), Facts(np.array([0, 0]))).tolist()
    [0.25, nan]
    """

    kind: Kind
    window: Window = None

    unit: ClassVar[str] = "share"
    nulls: ClassVar[str] = "NaN without an event in the window"

    def __post_init__(self) -> None:
        self._normal()

    @property
    def name(self) -> str:
        """Name of the column."""
        return part(self.kind, "share", self.window)

    @property
    def meaning(self) -> str:
        """What the column says."""
        return f"share of {kind_text(self.kind)} among {events_text(None, window=self.window)}"

    def raws(self) -> tuple[Raw, ...]:
        """Return the count of the kinds, and of all events."""
        return EventCount(Source(self.kind), self.window), EventCount(Source(), self.window)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:  # noqa: ARG002
        """Divide the one by the other."""
        return ratio(raws[0], raws[1])
