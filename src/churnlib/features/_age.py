"""How long ago: the last event and the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy.typing as npt

from churnlib._typing import Span
from churnlib.calendar import Duration
from churnlib.events._tiles import gather
from churnlib.features._feature import Facts, Feature, Values, days, event_text, part
from churnlib.features._raw import MISSING, EventRaw, Raw, ever, reach, span
from churnlib.features._source import EVERY_EVENT, Kind, Source
from churnlib.features._view import View

__all__ = ["Recency", "SinceFirst", "SinceLast", "Tenure"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class SinceLast(EventRaw):
    """Microseconds from the last event of a source to the cutoff; -1 without one."""

    source: Source = EVERY_EVENT

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.source.text}.since_last"

    def edges(self) -> tuple[Duration, ...]:
        """Return nothing: the cutoff is enough."""
        return ()

    def read(self, view: View) -> Array:
        """Look at the row before the cutoff."""
        stream = view.stream(self.source)
        now = stream.before()
        since: Array = view.cutoffs - gather(stream.time, now - 1)
        since[now == stream.start] = MISSING
        return since


@dataclass(frozen=True, slots=True)
class SinceFirst(EventRaw):
    """Microseconds from the first event of a source in a window to the cutoff; -1 without one."""

    source: Source = EVERY_EVENT
    window: Span | None = None

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.source.text}.since_first.{ever(self.window)}"

    def edges(self) -> tuple[Duration, ...]:
        """Return the window's beginning."""
        return reach(self.window)

    def read(self, view: View) -> Array:
        """Look at the first row of the window."""
        stream = view.stream(self.source)
        opening = stream.before(span(self.window))
        since: Array = view.cutoffs - gather(stream.time, opening)
        since[stream.before() == opening] = MISSING
        return since


@dataclass(frozen=True, slots=True)
class Recency(Feature):
    """Days from the last event to the cutoff: how long the customer has been silent.

    Parameters
    ----------
    kind : str, sequence of str or None, default=None
        Kinds of events that break the silence.

    Examples
    --------
    >>> Recency("order").name
    'order.recency'

    Silent for a day and a half at the cutoff, and an order was never seen:

    >>> import pandas as pd
    >>> from churnlib.events import EventLog
    >>> from churnlib.features import FeatureSpec, compute
    >>> trail = pd.DataFrame(
    ...     {"who": [1, 2], "what": ["visit", "order"], "at": pd.to_datetime(["2025-03-01 12:00", "2025-03-02 00:00"])}
    ... )
    >>> log = EventLog.from_frame(trail, customer="who", time="at", kind="what")
    >>> compute(log, "2025-03-03", FeatureSpec([Recency(), Recency("order")])).frame.to_numpy().tolist()
    [[1.5, nan], [1.0, 1.0]]
    """

    kind: Kind = None

    unit: ClassVar[str] = "days"
    nulls: ClassVar[str] = "NaN when there was none; never 0 in its place"

    def __post_init__(self) -> None:
        self._normal()

    @property
    def name(self) -> str:
        """Name of the column."""
        return part(self.kind, "recency")

    @property
    def meaning(self) -> str:
        """What the column says."""
        return f"days from the last {event_text(self.kind)} to the cutoff"

    def raws(self) -> tuple[Raw, ...]:
        """Return the time since the last event."""
        return (SinceLast(Source(self.kind)),)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:  # noqa: ARG002
        """Turn microseconds into days."""
        return days(raws[0])


@dataclass(frozen=True, slots=True)
class Tenure(Feature):
    """Days from the first event to the cutoff: how long the customer has been with us.

    Parameters
    ----------
    kind : str, sequence of str or None, default=None
        Kinds of events that can begin it; None takes the first event of any kind.

    Examples
    --------
    >>> Tenure().name
    'any.tenure'
    >>> import numpy as np
    >>> Tenure().finish((np.array([86_400_000_000 * 3, -1]),), Facts(np.array([0, 0]))).tolist()
    [3.0, nan]
    """

    kind: Kind = None

    unit: ClassVar[str] = "days"
    nulls: ClassVar[str] = "NaN when there was no event"

    def __post_init__(self) -> None:
        self._normal()

    @property
    def name(self) -> str:
        """Name of the column."""
        return part(self.kind, "tenure")

    @property
    def meaning(self) -> str:
        """What the column says."""
        return f"days from the first {event_text(self.kind)} to the cutoff"

    def raws(self) -> tuple[Raw, ...]:
        """Return the time since the first event."""
        return (SinceFirst(Source(self.kind)),)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:  # noqa: ARG002
        """Turn microseconds into days."""
        return days(raws[0])
