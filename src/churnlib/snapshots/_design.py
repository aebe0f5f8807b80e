"""A first design for a log: silence, lead, horizon and cutoffs that fit into its history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib.calendar import DAY_US, Cutoffs, Duration, cutoffs, duration, monthly, timestamp, weekly
from churnlib.events import EventLog
from churnlib.exceptions import HistoryError, message

__all__ = ["SnapshotDesign", "suggest_design"]

HORIZONS = ("60d", "30d", "14d", "7d")
LEADS = {"60d": "7d", "30d": "7d", "14d": "2d", "7d": "1d"}
ENOUGH_MONTHS = 4
AT_MOST = 12


@dataclass(frozen=True, slots=True)
class SnapshotDesign:
    """When to take snapshots of a log, and what to ask at each.

    Attributes
    ----------
    inactivity : Duration
        Silence after which a customer counts as lost.
    lead, horizon : Duration
        Time needed to act, and length of the label window.
    cutoffs : Cutoffs
        Monthly or weekly; every one of them has a label, and the first leaves some history.
    test_cutoffs : int
        How many of the last cutoffs to test on, as in `Dataset.split`.
    every : {"month", "week"}
        The step between cutoffs.

    Examples
    --------
    >>> from churnlib.datasets import make_shop
    >>> suggest_design(make_shop(50).log).every
    'month'
    """

    inactivity: Duration
    lead: Duration
    horizon: Duration
    cutoffs: Cutoffs
    test_cutoffs: int
    every: str

    def __str__(self) -> str:
        at = list(self.cutoffs)
        return (
            f"lost = {self.inactivity} of silence, lead {self.lead}, horizon {self.horizon}; "
            f"{len(at)} cutoffs, one a {self.every}, {at[0]:%Y-%m-%d} to {at[-1]:%Y-%m-%d}, "
            f"the last {self.test_cutoffs} to test on"
        )


def suggest_design(
    log: EventLog,
    *,
    inactivity: str | Duration | None = None,
    lead: str | Duration | None = None,
    horizon: str | Duration | None = None,
) -> SnapshotDesign:
    """Suggest silence, lead, horizon and cutoffs for a first look at a log.

    What is given stays; the rest is chosen by simple rules, meant to be overruled
    by whoever knows the business. The horizon is the longest of 60, 30, 14 and 7
    days that fits five times into the history; the inactivity equals it, and the
    lead is 7 days (2 and 1 for the two shortest). Cutoffs are the first days of
    the months when at least four of these can train, else Mondays, at most 12 of
    each; they begin one horizon (of months: one and a half) after the first event
    and end with the last one whose label window is over. Two months or four weeks
    are for the test, and `Dataset.split` purges what lies between.

    Parameters
    ----------
    log : EventLog
        The log to look at.
    inactivity, lead, horizon : str, Duration or None, default=None
        What is known already.

    Returns
    -------
    SnapshotDesign
        To be passed on to `build_dataset`.

    Raises
    ------
    HistoryError
        If the history is too short for one training cutoff, the purge and one test cutoff.

    Examples
    --------
    >>> from churnlib.datasets import make_shop
    >>> print(suggest_design(make_shop(50).log))
    lost = 60d of silence, lead 7d, horizon 60d; 12 cutoffs, one a month, 2024-11-01 to 2025-10-01, the last 2 to test on
    """
    first, end = int(log.time.min()), log.complete_until_us
    window = duration(horizon or _fitting_horizon(end - first), name="horizon")
    wait = duration(LEADS.get(str(window), "7d") if lead is None else lead, name="lead", allow_zero=True)
    silence = duration(inactivity or window, name="inactivity")
    zone = log.timezone

    def over(at: int) -> int:
        return window.after(wait.after(at, zone), zone)

    warm = window.after(first, zone) - first
    candidates = {
        "month": (monthly(timestamp(first), timestamp(end), tz=zone), warm * 3 // 2, 2),
        "week": (weekly(timestamp(first), timestamp(end), tz=zone), warm, 4),
    }
    for every, (regular, history, tests) in candidates.items():
        usable = [int(c) for c in regular.us if c >= first + history and over(int(c)) <= end]
        tests = min(tests, max(len(usable) - 1, 1))
        training = [c for c in usable if usable and over(c) <= usable[-tests]]
        if len(training) >= (ENOUGH_MONTHS if every == "month" else 1):
            kept = [timestamp(c, zone) for c in usable[-max(AT_MOST, tests + 1) :]]
            return SnapshotDesign(silence, wait, window, cutoffs(kept, zone), tests, every)
    raise HistoryError(
        message(
            f"the history of {(end - first) / DAY_US:.0f} days ({timestamp(first, zone):%Y-%m-%d} to "
            f"{timestamp(end, zone):%Y-%m-%d}) is too short for lead {wait} and horizon {window}",
            "one horizon of history, one label window to train and one to test",
            "suggest_design(log, horizon='7d', lead='1d'), or more history",
        )
    )


def _fitting_horizon(span: int) -> str:
    fits = [text for text in HORIZONS if 5 * duration(text, name="horizon").after(0) <= span]
    return fits[0] if fits else HORIZONS[-1]
