"""How much: money in a window, in exact integers until the last step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy.typing as npt

from churnlib._typing import Span
from churnlib.calendar import Duration
from churnlib.events import Contracts, EventLog
from churnlib.features._counts import EventCount
from churnlib.features._feature import Facts, Feature, Values, Window, events_text, part, ratio
from churnlib.features._raw import EventRaw, Raw, ever, reach, span
from churnlib.features._source import EVERY_EVENT, Kind, Per, Source
from churnlib.features._view import View

__all__ = ["Mean", "MoneySum", "Sum"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class MoneySum(EventRaw):
    """Minor units of money of a source in a window."""

    source: Source = EVERY_EVENT
    window: Span | None = None

    money_weight: ClassVar[int] = 1

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.source.text}.sum.{ever(self.window)}"

    def edges(self) -> tuple[Duration, ...]:
        """Return the window's beginning."""
        return reach(self.window)

    def read(self, view: View) -> Array:
        """Subtract the running sum at the two ends of the window."""
        stream = view.stream(self.source)
        amount = view.history.amount
        assert amount is not None, "compute() checks the roles of the log"
        return stream.sum_before(amount) - stream.sum_before(amount, span(self.window))


@dataclass(frozen=True, slots=True)
class Sum(Feature):
    """Money in the window before the cutoff; refunds count as negative.

    The sum is taken in integers of minor units; only the finished value is a float, the
    nearest one to the exact sum.

    Parameters
    ----------
    window : str, timedelta or None, default=None
        Length of the window ``[cutoff - window, cutoff)``; None sums since the first event.
    kind : str, sequence of str or None, default=None
        Kinds of events whose amounts are summed.

    Examples
    --------
    >>> import pandas as pd
    >>> from churnlib.events import EventLog
    >>> from churnlib.features import FeatureSpec, compute
    >>> orders = pd.DataFrame(
    ...     {"who": 1, "pay": [0.1, 0.2, -0.1], "at": pd.to_datetime(["2025-03-01", "2025-03-02", "2025-03-03"])}
    ... )
    >>> log = EventLog.from_frame(orders, customer="who", time="at", amount="pay")
    >>> compute(log, ["2025-03-03", "2025-03-04"], FeatureSpec([Sum(), Sum("1d")])).frame.to_numpy().tolist()
    [[0.3, 0.2], [0.2, -0.1]]
    """

    window: Window = None
    kind: Kind = None

    unit: ClassVar[str] = "money"
    nulls: ClassVar[str] = "never missing: 0 without an event"

    def __post_init__(self) -> None:
        self._normal()

    @property
    def name(self) -> str:
        """Name of the column."""
        return part(self.kind, "sum", self.window)

    @property
    def meaning(self) -> str:
        """What the column says."""
        return f"money of {events_text(self.kind, window=self.window)}, refunds subtracted"

    def lacks(self, log: EventLog, contracts: Contracts | None) -> str | None:  # noqa: ARG002
        """Return "amount" when the log has none."""
        return "amount" if log.amount is None else None

    def raws(self) -> tuple[Raw, ...]:
        """Return the sum in minor units."""
        return (MoneySum(Source(self.kind), self.window),)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:
        """Put the decimal point in."""
        money: Array = raws[0] / 10**facts.scale
        return money


@dataclass(frozen=True, slots=True)
class Mean(Feature):
    """Mean money of an event, or of an occasion or active day, in the window.

    With ``per="occasion"`` the lines of one order count as one order, so this is the
    mean order value of a log of order lines.

    Parameters
    ----------
    window : str, timedelta or None, default=None
        Length of the window; None looks at all of the past.
    kind : str, sequence of str or None, default=None
        Kinds of events.
    per : {"event", "occasion", "day"}, default="event"
        What the money is divided by.

    Examples
    --------
    >>> Mean("365d").name, Mean(kind="order", per="occasion").name
    ('any.mean.365d', 'order.occasion_mean')
    >>> import numpy as np
    >>> Mean().finish((np.array([750, 0]), np.array([2, 0])), Facts(np.array([0, 0]), scale=2)).tolist()
    [3.75, nan]
    """

    window: Window = None
    kind: Kind = None
    per: Per = "event"

    unit: ClassVar[str] = "money"
    nulls: ClassVar[str] = "NaN without an event in the window"

    def __post_init__(self) -> None:
        self._normal()

    @property
    def name(self) -> str:
        """Name of the column."""
        return part(self.kind, "mean", self.window, self.per)

    @property
    def meaning(self) -> str:
        """What the column says."""
        return f"money divided by the number of {events_text(self.kind, self.per, self.window)}"

    def lacks(self, log: EventLog, contracts: Contracts | None) -> str | None:  # noqa: ARG002
        """Return "amount" when the log has none."""
        return "amount" if log.amount is None else None

    def raws(self) -> tuple[Raw, ...]:
        """Return the sum, and what it is divided by."""
        return MoneySum(Source(self.kind), self.window), EventCount(Source(self.kind, self.per), self.window)

    def finish(self, raws: tuple[Array, ...], facts: Facts) -> Values:
        """Divide, and put the decimal point in."""
        return ratio(raws[0] / 10**facts.scale, raws[1])
