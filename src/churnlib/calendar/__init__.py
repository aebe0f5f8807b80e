"""Time algebra: durations, cutoffs, calendar boundaries and the reading of time columns.

Every instant is a whole number of microseconds since 1970 in UTC. Every window
is half-open: what happened exactly at its end is not in it.
"""

from churnlib.calendar._boundaries import monthly, weekly
from churnlib.calendar._columns import TimeColumn, read_times
from churnlib.calendar._cutoffs import Cutoffs, cutoffs
from churnlib.calendar._duration import DAY_US, Duration, duration
from churnlib.calendar._grid import PeriodGrid
from churnlib.calendar._instants import timestamp, timestamps, to_us, zone_name

__all__ = [
    "DAY_US",
    "Cutoffs",
    "Duration",
    "PeriodGrid",
    "TimeColumn",
    "cutoffs",
    "duration",
    "monthly",
    "read_times",
    "timestamp",
    "timestamps",
    "to_us",
    "weekly",
    "zone_name",
]
