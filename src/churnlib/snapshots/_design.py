"""A first design for a log: silence, lead, horizon and cutoffs that fit into its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from churnlib.calendar import DAY_US, Cutoffs, Duration, duration, monthly, timestamp, weekly
from churnlib.events import EventLog
from churnlib.exceptions import HistoryError, ParameterError, message

__all__ = ["SnapshotDesign", "suggest_design"]

HORIZONS = ("60d", "30d", "14d", "7d")
LEADS = {"60d": "7d", "30d": "7d", "14d": "2d", "7d": "1d"}
AT_MOST = 12
TRIED = (("month", 2, 4), ("week", 4, 1), ("week", 3, 1), ("week", 2, 1), ("week", 1, 1))
"""Step between cutoffs, how many test, and how many must at least be left to train."""


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
    the months when at least four of these can train, else Mondays, and at most the
    last 12 of them train; they begin one horizon after the first event and end
    with the last one whose label window is over. Two months or four weeks
    (fewer where the history is short) are for the test, and `Dataset.split` purges what lies between.

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
    >>> design = suggest_design(make_shop(50).log)
    >>> print(str(design).split("; ")[0])
    lost = 60d of silence, lead 7d, horizon 60d
    >>> design.cutoffs[-1].day, design.every, design.test_cutoffs
    (1, 'month', 2)
    """
    first, end = int(log.time.min()), log.complete_until_us
    window = duration(horizon or _fitting_horizon(end - first), name="horizon")
    wait = duration(LEADS.get(str(window), "7d") if lead is None else lead, name="lead", allow_zero=True)
    silence = duration(inactivity or window, name="inactivity")
    for every, tests, enough in TRIED:
        boundaries = _boundaries(every, first, end, log.timezone)
        kept = _labelled(boundaries, window.after(first, log.timezone), end, wait, window, log.timezone)
        training = sum(over <= kept[-tests][0] for _, over in kept) if len(kept) > tests else 0
        if training >= enough:
            at = [cutoff for cutoff, _ in kept[max(training - AT_MOST, 0) :]]
            return SnapshotDesign(silence, wait, window, Cutoffs(at, log.timezone), tests, every)
    span = (end - first) / DAY_US
    shorter = int(span // 6)
    fix = f"suggest_design(log, horizon='{shorter}d', lead='0d'), or more history" if shorter else "more history"
    raise HistoryError(
        message(
            f"the history of {span:.0f} days ({timestamp(first, log.timezone):%Y-%m-%d} to "
            f"{timestamp(end, log.timezone):%Y-%m-%d}) is too short for lead {wait} and horizon {window}",
            "one horizon of history, one label window to train and one to test",
            fix,
        )
    )


def _boundaries(every: str, first: int, end: int, zone: str) -> Sequence[int]:
    regular = monthly if every == "month" else weekly
    try:
        return list(regular(timestamp(first, zone), timestamp(end, zone), tz=zone).us.tolist())
    except ParameterError:  # no boundary lies in so short a history
        return []


def _labelled(
    boundaries: Sequence[int], earliest: int, end: int, lead: Duration, horizon: Duration, zone: str
) -> list[tuple[int, int]]:
    """Cutoffs with enough history before them, each with the end of its label window, if that is over."""
    ends = [(at, horizon.after(lead.after(at, zone), zone)) for at in boundaries if at >= earliest]
    return [(at, over) for at, over in ends if over <= end]


def _fitting_horizon(span: int) -> str:
    fits = [text for text in HORIZONS if 5 * duration(text, name="horizon").after(0) <= span]
    return fits[0] if fits else HORIZONS[-1]
