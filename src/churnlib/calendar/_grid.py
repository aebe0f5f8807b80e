"""Grids of periods: the day, week or hour into which an instant falls, by number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from churnlib._checks import check_choice
from churnlib.calendar._duration import DAY_US
from churnlib.calendar._instants import wall_clock, zone_name
from churnlib.exceptions import ParameterError, message, some

__all__ = ["PeriodGrid"]

_FIXED_US = {"s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "D": DAY_US, "W": 7 * DAY_US}
_MONTHS = {"M": 1, "Y": 12}


@dataclass(frozen=True, slots=True)
class PeriodGrid:
    """A grid that cuts time into numbered periods.

    Days, weeks, months and years follow the local calendar, so that a day in which
    the clocks change is one day; weeks begin on Monday. Hours and shorter periods are
    cut on the clock of UTC, in which no hour occurs twice.

    Parameters
    ----------
    period : {"s", "min", "h", "D", "W", "M", "Y"}, default="D"
        The length of one period.
    timezone : str, default="UTC"
        The zone of the calendar.

    Raises
    ------
    ParameterError
        When there is no such period or zone.

    Examples
    --------
    >>> from churnlib.calendar import to_us
    >>> noon = np.array([to_us("1970-01-03 12:00"), to_us("1970-01-05 12:00")])
    >>> PeriodGrid("D").number(noon), PeriodGrid("W").number(noon)
    (array([2, 4]), array([0, 1]))
    """

    period: str = "D"
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        check_choice(self.period, (*_FIXED_US, *_MONTHS), name="period")
        object.__setattr__(self, "timezone", zone_name(self.timezone))

    def number(self, us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of the period into which each instant falls.

        Parameters
        ----------
        us : ndarray of int64
            Instants in microseconds of UTC.

        Returns
        -------
        ndarray of int64
            Numbers that grow by one from a period to the next. 0 is the period that
            holds 1 January 1970.

        Examples
        --------
        >>> from churnlib.calendar import to_us
        >>> change = np.array([to_us(f"2025-03-{day}", "America/New_York") for day in ("09", "10")])
        >>> np.diff(change) // 3_600_000_000, np.diff(PeriodGrid("D", "America/New_York").number(change))
        (array([23]), array([1]))
        """
        if self.period in {"s", "min", "h"}:
            return us // _FIXED_US[self.period]
        wall = wall_clock(us, self.timezone)
        if self.period in _MONTHS:
            return wall.view("M8[us]").astype(f"M8[{self.period}]").astype(np.int64)
        days = wall // DAY_US
        return days if self.period == "D" else (days + 3) // 7  # 1970-01-01 was a Thursday

    def in_unit(self, periods: NDArray[np.int64], unit: str | None) -> NDArray[np.float64]:
        """Express numbers of periods in another unit of time.

        Parameters
        ----------
        periods : ndarray of int64
            Differences of numbers.
        unit : str or None
            One of the periods; None leaves them as they are. A day counts as 24 hours
            here, and a week as 7 days, whatever the clocks did meanwhile.

        Returns
        -------
        ndarray of float64
            The same lengths, each the float nearest to the exact quotient.

        Raises
        ------
        ParameterError
            When the unit is no fixed number of periods, such as days for months.

        Examples
        --------
        >>> PeriodGrid("D").in_unit(np.array([272]), "W").round(3)
        array([38.857])
        """
        wanted = self.period if unit is None else check_choice(unit, (*_FIXED_US, *_MONTHS), name="time_unit")
        lengths = _FIXED_US if self.period in _FIXED_US else _MONTHS
        if wanted not in lengths:
            raise ParameterError(
                message(
                    f"period={self.period!r} cannot be expressed in time_unit={wanted!r}",
                    f"months and years have no fixed number of days; {some([repr(name) for name in lengths])} fit",
                    f"time_unit={self.period!r}",
                )
            )
        divisor = int(np.gcd(lengths[self.period], lengths[wanted]))
        return periods * (lengths[self.period] // divisor) / (lengths[wanted] // divisor)
