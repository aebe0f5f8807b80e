"""Which way it goes: the slope over weeks, and the change from one window to the next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from churnlib._checks import check_choice, check_integer
from churnlib._typing import Span
from churnlib.calendar import DAY_US, Duration
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import ParameterError, message
from churnlib.features._counts import EventCount
from churnlib.features._feature import Facts, Feature, Values, doubled, event_text, part, ratio
from churnlib.features._money import MoneySum
from churnlib.features._raw import EventRaw, Raw
from churnlib.features._source import EVERY_EVENT, Kind, Per, Source
from churnlib.features._view import View

__all__ = ["Change", "MoneyTrend", "Slope", "WeekTrend"]

Array = npt.NDArray[Any]
Of: TypeAlias = Literal["count", "sum"]
OF: tuple[Of, ...] = ("count", "sum")


@lru_cache
def weekly(weeks: int) -> tuple[Duration, ...]:
    """Return 1, 2, … weeks."""
    return tuple(Duration(7 * DAY_US * k) for k in range(1, weeks + 1))


@dataclass(frozen=True, slots=True)
class WeekTrend(EventRaw):
    """Σₖ (w − 1 − 2k) cₖ over w weeks, where cₖ counts the events k to k + 1 weeks before the cutoff."""

    source: Source = EVERY_EVENT
    weeks: int = 12

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.source.text}.trend.{self.weeks}w"

    def edges(self) -> tuple[Duration, ...]:
        """Return the weekly edges."""
        return weekly(self.weeks)

    def read(self, view: View) -> Array:
        """Sum over edges instead of weeks: cₖ is a difference, so the weights telescope."""
        stream = view.stream(self.source)
        *inner, earliest = weekly(self.weeks)
        total = stream.before() + stream.before(earliest)
        total *= self.weeks - 1
        between = stream.all_before(inner)
        between *= 2
        return total - between


@dataclass(frozen=True, slots=True)
class MoneyTrend(EventRaw):
    """Σₖ (w − 1 − 2k) sₖ over w weeks, where sₖ sums the money k to k + 1 weeks before the cutoff."""

    source: Source = EVERY_EVENT
    weeks: int = 12

    @property
    def money_weight(self) -> int:  # type: ignore[override]
        """Largest factor by which the column multiplies an amount."""
        return self.weeks

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.source.text}.sum_trend.{self.weeks}w"

    def edges(self) -> tuple[Duration, ...]:
        """Return the weekly edges."""
        return weekly(self.weeks)

    def read(self, view: View) -> Array:
        """Sum over edges instead of weeks, as `WeekTrend` does."""
        stream = view.stream(self.source)
        amount = view.history.amount
        assert amount is not None, "compute() checks the roles of the log"
        *inner, earliest = weekly(self.weeks)
        total = stream.sum_before(amount) + stream.sum_before(amount, earliest)
        total *= self.weeks - 1
        for back in inner:
            total -= 2 * stream.sum_before(amount, back)
        return total


@dataclass(frozen=True, slots=True)
class Slope(Feature):
    """Least-squares slope of weekly activity: by how much a week grows over the one before.

    The weeks end at the cutoff and reach back from there; weeks before the customer's
    first event count as empty. With c_k the activity k weeks ago, the slope over w weeks is
    ``Σ (w − 1 − 2k) c_k / (w (w² − 1) / 6)``.

    Parameters
    ----------
    weeks : int, default=12
        Number of weeks, at least two.
    kind : str, sequence of str or None, default=None
        Kinds of events.
    of : {"count", "sum"}, default="count"
        Events, or money.
    per : {"event", "occasion", "day"}, default="event"
        What counts once; only for counts.

    Examples
    --------
    >>> Slope().name, Slope(4, "order", of="sum").name
    ('any.slope.12w', 'order.sum_slope.4w')

    One event last week, none the week before: over two weeks activity grew by one.

    >>> import pandas as pd
    >>> from churnlib.events import EventLog
    >>> from churnlib.features import FeatureSpec, compute
    >>> trail = pd.DataFrame({"who": [1], "at": pd.to_datetime(["2025-03-10"])})
    >>> log = EventLog.from_frame(trail, customer="who", time="at")
    >>> compute(log, ["2025-03-15", "2025-03-20"], FeatureSpec([Slope(2)])).frame["any.slope.2w"].tolist()
    [1.0, -1.0]
    """

    weeks: int = 12
    kind: Kind = None
    of: Of = "count"
    per: Per = "event"

    unit: ClassVar[str] = "per week and week"
    nulls: ClassVar[str] = "never missing: 0 without an event"

    def __post_init__(self) -> None:
        self._set(weeks=check_integer(self.weeks, name="weeks", low=2, high=520))
        _check_of(self)

    @property
    def name(self) -> str:
        """Name of the column."""
        return part(self.kind, "slope" if self.of == "count" else "sum_slope", f"{self.weeks}w", self.per)

    @property
    def meaning(self) -> str:
        """What the column says."""
        what = "count" if self.of == "count" else "money"
        return f"trend: change per week in the weekly {what} of {event_text(self.kind)}s, over {self.weeks} weeks"

    def lacks(self, log: EventLog, contracts: Contracts | None) -> str | None:  # noqa: ARG002
        """Return "amount" when money is asked for and the log has none."""
        return "amount" if self.of == "sum" and log.amount is None else None

    def raws(self) -> tuple[Raw, ...]:
        """Return the weighted sum over the weeks."""
        source = Source(self.kind, self.per)
        return (WeekTrend(source, self.weeks) if self.of == "count" else MoneyTrend(source, self.weeks),)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:
        """Divide by the sum of squares of the week numbers."""
        scale = facts.scale if self.of == "sum" else 0
        slope: Array = raws[0] / (self.weeks * (self.weeks**2 - 1) // 6 * 10**scale)
        return slope


@dataclass(frozen=True, slots=True)
class Change(Feature):
    """Change from the window before to the last one, from −1 (stopped) to +1 (new).

    With r in ``[c − w, c)`` and b in ``[c − 2w, c − w)`` it is ``(r − b) / (|r| + |b|)``: 0 means
    no change, −1/3 that activity halved, +1/3 that it doubled. Unlike r / b it is symmetric and
    needs no made-up value where b is zero.

    Parameters
    ----------
    window : str or timedelta
        Length w of each of the two windows.
    kind : str, sequence of str or None, default=None
        Kinds of events.
    of : {"count", "sum"}, default="count"
        Events, or money.
    per : {"event", "occasion", "day"}, default="event"
        What counts once; only for counts.

    Examples
    --------
    >>> Change("90d").name, Change("1mo", of="sum").name
    ('any.change.90d', 'any.sum_change.1mo')

    Two events now after four before; new; nothing at all:

    >>> recent, both = np.array([2, 3, 0]), np.array([6, 3, 0])
    >>> Change("90d").finish((recent, both), Facts(np.zeros(3))).round(3).tolist()
    [-0.333, 1.0, nan]
    """

    window: Span
    kind: Kind = None
    of: Of = "count"
    per: Per = "event"

    unit: ClassVar[str] = "from -1 to 1"
    nulls: ClassVar[str] = "NaN when both windows are empty"

    def __post_init__(self) -> None:
        _check_of(self)

    @property
    def name(self) -> str:
        """Name of the column."""
        return part(self.kind, "change" if self.of == "count" else "sum_change", self.window, self.per)

    @property
    def meaning(self) -> str:
        """What the column says."""
        what = "number" if self.of == "count" else "money"
        events = f"{event_text(self.kind)}s"
        return f"change of the {what} of {events} from the {self.window} before to the last {self.window}"

    def lacks(self, log: EventLog, contracts: Contracts | None) -> str | None:  # noqa: ARG002
        """Return "amount" when money is asked for and the log has none."""
        return "amount" if self.of == "sum" and log.amount is None else None

    def raws(self) -> tuple[Raw, ...]:
        """Return the last window, and both together."""
        source, both = Source(self.kind, self.per), doubled(self.window)
        if self.of == "sum":
            return MoneySum(source, self.window), MoneySum(source, both)
        return EventCount(source, self.window), EventCount(source, both)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:  # noqa: ARG002
        """Divide the difference of the two windows by their size."""
        recent, before = raws[0], raws[1] - raws[0]
        return ratio((recent - before).astype(float), np.abs(recent).astype(float) + np.abs(before))


def _check_of(feature: Slope | Change) -> None:
    feature._normal()
    check_choice(feature.of, OF, name="of")
    if feature.of == "sum" and feature.per != "event":
        raise ParameterError(
            message(
                f"{type(feature).__name__}(of='sum', per={feature.per!r}) sums money, and all events carry money",
                "per says what counts once, and applies to of='count'",
                f"{type(feature).__name__}(..., of='sum')",
            )
        )
