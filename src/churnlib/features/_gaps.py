"""The customer's own rhythm: gaps between events, and how the present silence compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from churnlib._typing import Span
from churnlib.calendar import DAY_US, Duration
from churnlib.events._tiles import gather, running
from churnlib.features._age import SinceFirst, SinceLast
from churnlib.features._counts import EventCount
from churnlib.features._feature import Facts, Feature, Values, Window, events_text, part, ratio
from churnlib.features._raw import EventRaw, Raw, ever, reach, span
from churnlib.features._source import EVERY_EVENT, Kind, Per, Source
from churnlib.features._stream import Stream
from churnlib.features._view import View

__all__ = ["GapMean", "GapRatio", "GapSeconds", "GapStd", "SquaredGaps"]

Array = npt.NDArray[Any]

_DAY_S = DAY_US // 1_000_000


def _seconds(stream: Stream) -> Array:
    return stream.shared("second", lambda: np.floor_divide(stream.time, 1_000_000))


def _squares(stream: Stream) -> Array:
    second = _seconds(stream)
    square = np.zeros(len(second), np.int64)
    gap = np.diff(second)
    square[1:] = np.where(stream.owner[1:] == stream.owner[:-1], gap * gap, 0)
    return running(square)


@dataclass(frozen=True, slots=True)
class GapSeconds(EventRaw):
    """Whole seconds from the first to the last event of a source in a window; 0 with fewer than two."""

    source: Source = EVERY_EVENT
    window: Span | None = None

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.source.text}.gap_seconds.{ever(self.window)}"

    def edges(self) -> tuple[Duration, ...]:
        """Return the window's beginning."""
        return reach(self.window)

    def read(self, view: View) -> Array:
        """Subtract the seconds of the first row from those of the last."""
        stream = view.stream(self.source)
        opening, closing, second = stream.before(span(self.window)), stream.before(), _seconds(stream)
        length: Array = gather(second, closing - 1) - gather(second, opening)
        length[closing == opening] = 0
        return length


@dataclass(frozen=True, slots=True)
class SquaredGaps(EventRaw):
    """Sum of the squared gaps between events of a source in a window, in whole seconds squared.

    A gap counts when both of its ends lie in the window; the one that straddles the
    beginning does not. Each time is floored to its second, so that a sum of squares is at
    most the square of the history's length and fits into 64 bits for ninety years.
    """

    source: Source = EVERY_EVENT
    window: Span | None = None

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.source.text}.squared_gaps.{ever(self.window)}"

    def edges(self) -> tuple[Duration, ...]:
        """Return the window's beginning."""
        return reach(self.window)

    def read(self, view: View) -> Array:
        """Subtract the running sum of squares, from the second row of the window on."""
        stream = view.stream(self.source)
        squares = stream.shared("squared gaps", lambda: _squares(stream))
        closing = stream.before()
        second_row = np.minimum(stream.before(span(self.window)) + 1, closing)
        total: Array = gather(squares, closing) - gather(squares, second_row)
        return total


@dataclass(frozen=True, slots=True)
class GapMean(Feature):
    """Mean number of days between one event and the next.

    It equals (last − first) / (n − 1), so only the first and the last event of the window
    matter, and it needs two.

    Parameters
    ----------
    window : str, timedelta or None, default=None
        Length of the window; a gap counts when both of its ends lie in it.
    kind : str, sequence of str or None, default=None
        Kinds of events.
    per : {"event", "occasion", "day"}, default="event"
        What a gap lies between: single events, instants with events, or active days
        (each standing at its first event).

    Examples
    --------
    >>> GapMean().name, GapMean("365d", per="day").name
    ('any.gap_mean', 'any.day_gap_mean.365d')

    Three events, 10 and 4 days ago and 1 day ago, have a mean gap of 4.5 days:

    >>> ago = np.array([10, 1]) * 86_400_000_000
    >>> GapMean().finish((np.array([3]), ago[:1], ago[1:]), Facts(np.array([0]))).tolist()
    [4.5]
    """

    window: Window = None
    kind: Kind = None
    per: Per = "event"

    unit: ClassVar[str] = "days"
    nulls: ClassVar[str] = "NaN with fewer than two events"

    def __post_init__(self) -> None:
        self._normal()

    @property
    def name(self) -> str:
        """Name of the column."""
        return part(self.kind, "gap_mean", self.window, self.per)

    @property
    def meaning(self) -> str:
        """What the column says."""
        return f"usual gap: mean days between {events_text(self.kind, self.per, self.window)}"

    def raws(self) -> tuple[Raw, ...]:
        """Return the count, and how long ago the first and the last were."""
        source = Source(self.kind, self.per)
        return EventCount(source, self.window), SinceFirst(source, self.window), SinceLast(source)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:  # noqa: ARG002
        """Divide the time between first and last by the number of gaps."""
        count, first, last = raws
        return ratio((first - last) / DAY_US, np.maximum(count - 1, 0))


@dataclass(frozen=True, slots=True)
class GapStd(Feature):
    """Standard deviation of the days between one event and the next.

    The sample standard deviation (divisor: gaps − 1), in whole seconds turned into days.
    A customer who comes like clockwork has 0.

    Parameters
    ----------
    window : str, timedelta or None, default=None
        Length of the window; a gap counts when both of its ends lie in it.
    kind : str, sequence of str or None, default=None
        Kinds of events.
    per : {"event", "occasion", "day"}, default="event"
        What a gap lies between.

    Examples
    --------
    >>> GapStd(kind="order").name
    'order.gap_std'

    Gaps of 1 and 3 days have a mean of 2 and a standard deviation of √2:

    >>> day = 86_400
    >>> raws = np.array([3]), np.array([4 * day]), np.array([(1 + 9) * day**2])
    >>> GapStd().finish(raws, Facts(np.array([0]))).round(4).tolist()
    [1.4142]
    """

    window: Window = None
    kind: Kind = None
    per: Per = "event"

    unit: ClassVar[str] = "days"
    nulls: ClassVar[str] = "NaN with fewer than three events"

    def __post_init__(self) -> None:
        self._normal()

    @property
    def name(self) -> str:
        """Name of the column."""
        return part(self.kind, "gap_std", self.window, self.per)

    @property
    def meaning(self) -> str:
        """What the column says."""
        events = events_text(self.kind, self.per, self.window)
        return f"how uneven the gaps are: standard deviation of the days between {events}"

    def raws(self) -> tuple[Raw, ...]:
        """Return the count, the sum of the gaps, and the sum of their squares."""
        source = Source(self.kind, self.per)
        return EventCount(source, self.window), GapSeconds(source, self.window), SquaredGaps(source, self.window)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:  # noqa: ARG002
        """Take the root of the mean squared deviation."""
        count, total, squares = raws
        gaps = np.maximum(count - 1, 1)
        # Deviations from the whole-second mean m: Σ(g−m)² = Σg² − 2mΣg + gaps·m² is exact
        # modulo 2**64 and fits, where Σg² − (Σg)²/gaps in floats would lose its digits.
        mean = total // gaps
        deviations = squares - 2 * mean * total + gaps * mean * mean
        rest = total - gaps * mean
        variance = ratio(deviations - rest * (rest / gaps), np.maximum(count - 2, 0))
        return np.sqrt(variance) / _DAY_S


@dataclass(frozen=True, slots=True)
class GapRatio(Feature):
    """The present silence divided by the customer's own mean gap.

    Thirty silent days mean little for a customer who comes every quarter, and much for
    one who came weekly. 1 is the usual gap; above 2 the silence is twice as long.

    Parameters
    ----------
    window : str, timedelta or None, default=None
        Length of the window in which the mean gap is taken.
    kind : str, sequence of str or None, default=None
        Kinds of events.
    per : {"event", "occasion", "day"}, default="event"
        What a gap lies between.

    Examples
    --------
    >>> GapRatio(per="day").name
    'any.day_gap_ratio'

    Three events with a mean gap of 4 days, and 6 days of silence:

    >>> day = 86_400_000_000
    >>> raws = np.array([6 * day]), np.array([3]), np.array([14 * day]), np.array([6 * day])
    >>> GapRatio().finish(raws, Facts(np.array([0]))).tolist()
    [1.5]
    """

    window: Window = None
    kind: Kind = None
    per: Per = "event"

    unit: ClassVar[str] = "ratio"
    nulls: ClassVar[str] = "NaN with fewer than two events, or when all fell on one instant"

    def __post_init__(self) -> None:
        self._normal()

    @property
    def name(self) -> str:
        """Name of the column."""
        return part(self.kind, "gap_ratio", self.window, self.per)

    @property
    def meaning(self) -> str:
        """What the column says."""
        return f"silence, in multiples of the usual gap between {events_text(self.kind, self.per, self.window)}"

    def raws(self) -> tuple[Raw, ...]:
        """Return the silence, and what the mean gap is made of."""
        return SinceLast(Source(self.kind)), *GapMean(self.window, self.kind, self.per).raws()

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:
        """Divide the silence by the mean gap."""
        mean = GapMean().finish(raws[1:], facts)
        return ratio(raws[0] / DAY_US, np.nan_to_num(np.asarray(mean)))
