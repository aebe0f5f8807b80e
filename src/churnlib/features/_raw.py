"""Raw columns: exact integers, from which features are finished."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy.typing as npt

from churnlib._typing import Span
from churnlib.calendar import Duration

if TYPE_CHECKING:
    from churnlib.features._view import View

__all__ = ["MISSING", "NOW", "EventRaw", "Raw", "ever", "reach", "span"]

NOW = Duration(0)
"""The cutoff itself."""

MISSING = -1
"""Stands in a raw column where there is nothing to measure; a true value is never negative there."""


class Raw(ABC):
    """A whole number about a customer at a cutoff: counts, minor units, microseconds.

    Features that need the same raw column share it. A raw column is exact, so two
    engines that compute it must agree to the bit; whatever divides or takes a root
    belongs to a feature's finishing step.

    Examples
    --------
    >>> from churnlib.features import Recency, GapRatio
    >>> Recency().raws()[0] == GapRatio().raws()[0], Recency().raws()[0].name
    (True, 'any.since_last')
    """

    __slots__ = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the column, unique for what it measures."""


class EventRaw(Raw):
    """A raw column that is read from the events before the cutoff.

    Examples
    --------
    >>> from churnlib.features import Change
    >>> [str(back) for raw in Change("90d").raws() for back in raw.edges()]
    ['90d', '180d']
    """

    __slots__ = ()

    money_weight: ClassVar[int] = 0
    """Largest factor by which the column multiplies an amount; 0 where it reads no money."""

    @abstractmethod
    def edges(self) -> tuple[Duration, ...]:
        """Return how far before the cutoff positions are needed; the cutoff itself is given."""

    @abstractmethod
    def read(self, view: View) -> npt.NDArray[Any]:
        """Return the value for each cutoff (rows) and customer (columns) of a run."""


def reach(window: Span | None) -> tuple[Duration, ...]:
    """Return the edges of a window: none when it is open."""
    return () if window is None else (Duration.parse(window),)


@lru_cache
def span(window: Span | None) -> Duration | None:
    """Return a window's length; None when it is open."""
    return None if window is None else Duration.parse(window)


def ever(window: Span | None) -> str:
    """Return the last part of a raw column's name."""
    return "ever" if window is None else str(window)
