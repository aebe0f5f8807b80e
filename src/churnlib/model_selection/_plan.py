"""Which cutoffs a fold trains and tests on, as arithmetic on microseconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._checks import check_integer
from churnlib._typing import Span, TimeArray
from churnlib.calendar import Duration, duration, timestamp
from churnlib.exceptions import HistoryError, message

__all__ = ["Newest", "Plan", "checked_size"]


@dataclass(frozen=True, slots=True)
class Newest:
    """Pick the newest training cutoffs: all, so many, or those within a span."""

    size: int | Duration | None
    timezone: str

    def __call__(self, allowed: TimeArray) -> TimeArray:
        if self.size is None or not allowed.size:
            return allowed
        if isinstance(self.size, int):
            return allowed[max(0, allowed.size - self.size) :]
        return allowed[allowed > self.size.before(int(allowed[-1]), self.timezone)]


@dataclass(frozen=True, slots=True)
class Plan:
    """The constructor's arguments, read."""

    lead: Duration
    horizon: Duration
    embargo: Duration
    test_size: int | Duration
    train_size: int | Duration | None
    timezone: str

    def label_end(self, cutoffs: TimeArray) -> TimeArray:
        """When the label window of each cutoff is over."""
        return self.horizon.after(self.lead.after(cutoffs, self.timezone), self.timezone)

    def known(self, cutoffs: TimeArray) -> TimeArray:
        """From when on each cutoff may train: its label is over, and the embargo too."""
        return self.embargo.after(self.label_end(cutoffs), self.timezone)

    def test_blocks(self, cutoffs: TimeArray, n_splits: int) -> list[TimeArray]:
        """Cut the newest cutoffs into test parts, oldest first."""
        if isinstance(self.test_size, int):
            return self._blocks_of_cutoffs(cutoffs, n_splits, self.test_size)
        return self._blocks_of_time(cutoffs, n_splits, self.test_size)

    def _blocks_of_cutoffs(self, cutoffs: TimeArray, n_splits: int, size: int) -> list[TimeArray]:
        needed = n_splits * size
        if needed >= len(cutoffs):
            raise HistoryError(
                message(
                    f"{n_splits} folds of {size} test cutoffs need more than {needed} cutoffs, "
                    f"and there are {len(cutoffs)}",
                    "at least one earlier cutoff must train",
                    f"n_splits={max(1, (len(cutoffs) - 1) // size)} or less, or add earlier cutoffs",
                )
            )
        return np.split(cutoffs[-needed:], n_splits)

    def _blocks_of_time(self, cutoffs: TimeArray, n_splits: int, size: Duration) -> list[TimeArray]:
        blocks: list[TimeArray] = []
        last = int(cutoffs[-1])
        for number in range(n_splits, 0, -1):
            first = size.before(last, self.timezone)
            block = cutoffs[(cutoffs > first) & (cutoffs <= last)]
            if not block.size:
                raise HistoryError(
                    message(
                        f"fold {number} of {n_splits} has no cutoff between {timestamp(first)} and {timestamp(last)}",
                        f"a test part of {size} holds at least one cutoff",
                        "use a longer test_size, fewer folds, or test_size=1 to count cutoffs",
                    )
                )
            blocks.append(block)
            last = first
        return blocks[::-1]


def checked_size(value: int | Span, name: str) -> int | Duration:
    """Read a number of cutoffs, or a span of time."""
    if isinstance(value, (int, np.integer)):
        return check_integer(value, name=name, low=1)
    return duration(value, name=name)
