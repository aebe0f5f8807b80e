"""The label window of a cutoff: ``[c + lead, c + lead + horizon)`` in the zone of the log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._typing import TimeArray
from churnlib.calendar import Duration

__all__ = ["LabelWindow"]


@dataclass(frozen=True, slots=True)
class LabelWindow:
    """When the label window of each cutoff opens and closes.

    Parameters
    ----------
    lead : Duration
        Blind gap between the cutoff and the window.
    horizon : Duration
        Length of the window.
    timezone : str
        Zone whose calendar counts, for lengths in months.

    Examples
    --------
    >>> from churnlib.calendar import DAY_US, duration
    >>> window = LabelWindow(duration("7d", name="lead"), duration("30d", name="horizon"), "UTC")
    >>> window.opens(0) // DAY_US, window.closes(0) // DAY_US
    (7, 37)
    """

    lead: Duration
    horizon: Duration
    timezone: str

    def opens(self, cutoff: int) -> int:
        """Return ``c + lead``."""
        return int(self.lead.after(cutoff, self.timezone))

    def closes(self, cutoff: int) -> int:
        """Return ``c + lead + horizon``: the label is mature iff the data reach that far."""
        return int(self.horizon.after(self.opens(cutoff), self.timezone))

    def opens_at(self, cutoffs: TimeArray) -> TimeArray:
        """Return ``c + lead`` of many cutoffs, which may repeat."""
        distinct, which = np.unique(cutoffs, return_inverse=True)
        return np.array([self.opens(int(c)) for c in distinct], np.int64)[which]

    def closes_at(self, cutoffs: TimeArray) -> TimeArray:
        """Return ``c + lead + horizon`` of many cutoffs, which may repeat."""
        distinct, which = np.unique(cutoffs, return_inverse=True)
        return np.array([self.closes(int(c)) for c in distinct], np.int64)[which]
