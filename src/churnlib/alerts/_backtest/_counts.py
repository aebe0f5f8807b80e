"""What warnings were worth: how many, how often right, how early, and how many of the lost they reached."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.alerts._backtest._lists import customer_sums, interval_of, quantiles, resampled
from churnlib.alerts._backtest._replay import Replay
from churnlib.calendar import DAY_US, timestamps

__all__ = ["Listing", "Trial", "table_of", "trial_of", "weekly_of"]

WEEK_US = 7 * DAY_US


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """Warnings to be counted together.

    Attributes
    ----------
    part : {"rule", "level", "combined", "silence"}
        What they have in common.
    name : str
        Which rule or level.
    share : ndarray of shape (n_rows,)
        1 where a customer is warned of, a part of 1 where ties share a place, else 0.
    """

    part: str
    name: str
    share: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """The rows that count, in the order of customers and cutoffs.

    Attributes
    ----------
    rows : ndarray of bool
        Which rows of the replay they are.
    customer, cutoff : ndarray of int64
        Who and when, each numbered from 0.
    cutoffs : ndarray of int64
        The cutoffs in microseconds.
    y, days : ndarray
        Label and days to the loss, NaN where there is none.
    weeks : float
        How long they stand for; NaN where nothing says how often they come.
    """

    rows: BoolArray
    customer: IntArray
    cutoff: IntArray
    cutoffs: IntArray
    y: FloatArray
    days: FloatArray
    weeks: float

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n_customers(self) -> int:
        """How many customers there are."""
        return int(self.customer[-1]) + 1 if len(self.customer) else 0

    @property
    def labelled(self) -> BoolArray:
        """Which rows have a label."""
        return np.isfinite(self.y)

    @property
    def base_rate(self) -> float:
        """Share of the labelled rows that are lost."""
        known = self.y[self.labelled]
        return float(known.mean()) if len(known) else float("nan")

    @property
    def n_lost(self) -> int:
        """How many customers are lost in a label window of a row."""
        return len(np.unique(self.customer[np.isfinite(self.days)]))


def trial_of(found: Replay) -> Trial:
    """Keep the rows that count.

    Parameters
    ----------
    found : Replay
        Rules replayed.

    Returns
    -------
    Trial
        Its rows at or after `since`.
    """
    rows = found.counts_since
    given = found.data.rows
    cutoffs, cutoff = np.unique(given.cutoff[rows], return_inverse=True)
    _, customer = np.unique(given.customer[rows], return_inverse=True)
    return Trial(
        rows,
        customer,
        cutoff,
        cutoffs,
        found.y[rows],
        found.days_to_loss[rows],
        _weeks(np.unique(given.cutoff), cutoffs, found.data.origin.window.timezone),
    )


def _weeks(every: IntArray, counted: IntArray, timezone: str) -> float:
    """Return the weeks that cutoffs stand for: each stands for the time since the one before it.

    The first stands for the step before it where there is one, else for the mean of the others: of ten
    weekly lists nine weeks lie between the first and the last, and ten weeks' alerts are on them.
    """
    days = timestamps(every).tz_convert(timezone).tz_localize(None).as_unit("us").asi8  # a day is one by the clock
    days = np.asarray(days)
    first = int(np.searchsorted(every, counted[0]))
    span = int(days[-1] - days[first])
    if first:
        return float((span + int(days[first] - days[first - 1])) / WEEK_US)
    if len(counted) < 2:
        return float("nan")
    return span * len(counted) / (len(counted) - 1) / WEEK_US


def table_of(
    trial: Trial, listings: list[Listing], *, confidence: float, n_boot: int, random_state: int | np.random.Generator
) -> pd.DataFrame:
    """Count every listing; see `Backtest` for the columns.

    Parameters
    ----------
    trial : Trial
        The rows that count.
    listings : list of Listing
        What to count.
    confidence : float
        Of the intervals.
    n_boot : int
        Draws of customers.
    random_state : int or Generator
        The seed.

    Returns
    -------
    DataFrame
        One row per listing.
    """
    known = trial.labelled
    y = np.where(known, trial.y, 0.0)
    columns = [part for one in listings for part in (one.share * known, one.share * y)]
    sums = customer_sums(trial.customer, trial.n_customers, columns)
    draws = resampled(sums, n_boot=n_boot, random_state=random_state)
    rows = []
    for place, one in enumerate(listings):
        judged, right = (float(tidy(part.sum())) for part in columns[2 * place : 2 * place + 2])
        low, high = interval_of(ratio(draws[:, 2 * place + 1], draws[:, 2 * place]), confidence)
        precision = float(ratio(right, judged))
        warnings = float(tidy(one.share.sum()))
        early = _lead(trial, one.share)
        rows.append(
            {
                "part": one.part, "name": one.name, "warnings": warnings, "per_week": warnings / trial.weeks,
                "judged": judged, "right": right, "precision": precision, "low": low, "high": high,
                "base_rate": trial.base_rate, "lift": float(ratio(precision, trial.base_rate)), **early,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def tidy(total: FloatArray | float) -> FloatArray:
    """Take the rounding out of sums of shares: three thirds are one."""
    return np.asarray(np.round(total, 9), dtype=np.float64)


def ratio(part: FloatArray | float, whole: FloatArray | float) -> FloatArray:
    """Divide, with NaN where there is nothing to divide by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(np.asarray(whole) > 0, np.divide(part, whole), np.nan))


def _lead(trial: Trial, share: FloatArray) -> dict[str, float]:
    """Return how many of the lost were warned of, and how long before.

    A customer is warned of unless every place of theirs falls to others: 1 - Π (1 - p) over their rows with
    the loss ahead; row i is the first of them with probability p_i Π_{j < i} (1 - p_j).
    """
    ahead = np.flatnonzero(np.isfinite(trial.days))
    who, p, days = trial.customer[ahead], share[ahead], trial.days[ahead]
    place = np.arange(len(who)) - np.searchsorted(who, who)
    still = np.ones(trial.n_customers)
    first = np.zeros(len(who))
    for turn in range(int(place.max()) + 1 if len(place) else 0):
        now = place == turn
        first[now] = p[now] * still[who[now]]
        still[who[now]] *= 1.0 - p[now]
    low, middle, high = quantiles(days, first, (0.25, 0.5, 0.75))
    caught = float(tidy(first.sum()))
    return {
        "lead_low": low, "lead_days": middle, "lead_high": high,
        "caught": caught, "share_caught": float(ratio(caught, float(trial.n_lost))),
    }  # fmt: skip


def weekly_of(trial: Trial, combined: FloatArray, silent: FloatArray | None) -> pd.DataFrame:
    """Count each cutoff; see `Backtest`.

    Parameters
    ----------
    trial : Trial
        The rows that count.
    combined, silent : ndarray of shape (n_rows,)
        The warnings of the rules, and those of silence; None without.

    Returns
    -------
    DataFrame
        One row per cutoff.
    """
    n = len(trial.cutoffs)

    def total(values: FloatArray) -> FloatArray:
        return tidy(np.asarray(np.bincount(trial.cutoff, weights=values, minlength=n), dtype=np.float64))

    known = trial.labelled
    y = np.where(known, trial.y, 0.0)
    labelled = total(known.astype(np.float64))
    frame = pd.DataFrame(
        {"at_risk": total(np.ones(len(trial))), "labelled": labelled, "lost": total(y)},
        index=pd.DatetimeIndex(timestamps(trial.cutoffs), name="cutoff"),
    ).astype("int64")
    lists = {"": combined} if silent is None else {"": combined, "silent_": silent}
    for prefix, share in lists.items():
        frame[f"{prefix}warnings"] = total(share)
        frame[f"{prefix}right"] = np.where(labelled > 0, total(share * y), np.nan)
    return frame
