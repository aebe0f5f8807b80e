"""Loyalty tiers: earned in a window of time, kept for a while after they are no longer earned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_choice, check_number, named_rows
from churnlib._fields import check_label
from churnlib._ids import check_same_kind, ids_of
from churnlib._typing import FloatArray, Instant, IntArray, Kinds, Span
from churnlib.calendar import Duration, cutoffs, duration, timestamp, timestamps, to_us, zone_name
from churnlib.events import EventLog
from churnlib.exceptions import (
    DataError,
    DuplicateError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    TimeError,
    message,
    some,
)
from churnlib.policy._contact._history import NEVER

__all__ = ["LoyaltyTiers"]

_CHANGES = ("joined", "upgraded", "kept", "in grace", "downgraded")
_JOINED, _UPGRADED, _KEPT, _IN_GRACE, _DOWNGRADED = range(5)


@dataclass(frozen=True, slots=True, init=False)
class LoyaltyTiers:
    """Tiers that customers earn by what they spend, with a grace period before they lose one.

    At a review the amount of the window before it earns a tier. Whoever earned a higher one gets it at
    once. Whoever earned less keeps the tier until `grace` has passed since the first review that found
    so; whoever earns it again meanwhile is as before; and at the first review after the grace, or at its
    very end, the tier is lost. A review uses what was known before its instant, and the review before it.

    Parameters
    ----------
    lows : mapping of str to float
        The tiers, best first, with the least amount that earns each; the lowest is where everybody is.
    window : str or timedelta, default="365d"
        How far back amounts count: ``[review - window, review)``.
    grace : str or timedelta, default="90d"
        How long a tier is kept that is no longer earned; "0d" for not at all.
    down : {"earned", "step"}, default="earned"
        Whether a tier is lost to the one that is earned, or one step at a time, each with its own grace.

    Raises
    ------
    ParameterError
        When the bounds do not fall from tier to tier.
    ParameterTypeError
        When they are no mapping of numbers.

    Examples
    --------
    >>> tiers = LoyaltyTiers({"gold": 1000, "silver": 300, "basic": 0}, grace="90d")
    >>> first = tiers.review(pd.Series({"ann": 1200.0, "bob": 50.0}), on="2026-01-01")
    >>> second = tiers.review(pd.Series({"ann": 400.0, "bob": 350.0}), on="2026-02-01", before=first)
    >>> second[["tier", "earned", "change", "grace_until"]]
                   tier  earned    change               grace_until
    customer_id
    ann            gold  silver  in grace 2026-05-02 00:00:00+00:00
    bob          silver  silver  upgraded                       NaT
    """

    lows: tuple[tuple[str, float], ...]
    window: Duration
    grace: Duration
    down: str

    def __init__(
        self,
        lows: Mapping[str, float],
        *,
        window: Span | Duration = "365d",
        grace: Span | Duration = "90d",
        down: str = "earned",
    ) -> None:
        fields = {
            "lows": _lows(lows),
            "window": duration(window, name="window"),
            "grace": duration(grace, name="grace", allow_zero=True),
            "down": check_choice(down, ("earned", "step"), name="down"),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def names(self) -> tuple[str, ...]:
        """The tiers, best first.

        Examples
        --------
        >>> LoyaltyTiers({"gold": 10, "basic": 0}).names
        ('gold', 'basic')
        """
        return tuple(name for name, _ in self.lows)

    def review(
        self, amount: pd.Series[float], *, on: Instant, before: pd.DataFrame | None = None, timezone: str = "UTC"
    ) -> pd.DataFrame:
        """Decide the tier of each customer at one instant.

        Parameters
        ----------
        amount : Series of float
            What each customer (index) spent, or points earned, in the window before `on`.
        on : str, date or datetime
            The instant of the review.
        before : DataFrame, default=None
            What the review before returned; None for the first. Customers of it without an amount earned 0.
        timezone : str, default="UTC"
            The zone of `on`, and of lengths in months.

        Returns
        -------
        DataFrame
            Indexed by customer_id, in order: on; tier; earned (by the amount alone); amount; since (when the
            tier began); grace_until (the first instant at which it may be lost, NaT where it is earned);
            change ("joined", "upgraded", "kept", "in grace", "downgraded").

        Raises
        ------
        DataError
            When an amount is missing.
        SchemaError
            When amounts are no numbers.
        DuplicateError
            When a customer stands there twice.
        TimeError
            When the review before was at this instant or later.

        Examples
        --------
        >>> LoyaltyTiers({"gold": 10, "basic": 0}).review(pd.Series({7: 10.0}), on="2026-01-01")["tier"].to_dict()
        {7: 'gold'}
        """
        tz = zone_name(timezone)
        now = to_us(on, tz)
        ids, amounts = _amounts(amount)
        standing = _Standing.none(len(ids), now)
        if before is not None:
            ids, amounts, standing = self._joined(ids, amounts, before, now)
        return self._decided(ids, amounts, standing, now, tz)

    def run(self, log: EventLog, *, cutoffs: Any, kinds: Kinds = None) -> pd.DataFrame:
        """Review all customers of a log at several instants, one after the other.

        Parameters
        ----------
        log : EventLog
            Events with amounts. Refunds count with their sign; what became known at a review or later does
            not count there.
        cutoffs : Cutoffs or sequence of instants
            The reviews.
        kinds : str or sequence of str, default=None
            The kinds of events whose amounts count; None for all.

        Returns
        -------
        DataFrame
            What `review` returns at each instant, one under the other. A customer is in it from the first
            review after the first event on.

        Raises
        ------
        DataError
            When the log has no amounts.
        TimeError
            When a review lies beyond the instant until which the log is complete.

        Examples
        --------
        >>> import churnlib as cl
        >>> log = cl.EventLog.from_frame(
        ...     pd.DataFrame({"who": [7, 7], "at": ["2025-01-05", "2025-03-01"], "paid": [12.0, 1.0]}),
        ...     customer="who",
        ...     time="at",
        ...     amount="paid",
        ...     complete_until="2025-05-01",
        ... )
        >>> tiers = LoyaltyTiers({"gold": 10, "basic": 0}, window="31d", grace="40d")
        >>> tiers.run(log, cutoffs=["2025-02-01", "2025-03-01", "2025-04-01", "2025-05-01"])["change"].tolist()
        ['joined', 'in grace', 'in grace', 'downgraded']
        """
        if log.amount is None:
            raise DataError(
                message(
                    "the log has no amounts", "tiers are earned by them", "EventLog.from_frame(..., amount='total')"
                )
            )
        counted = np.asarray(log.codes_of(kinds))[log.kind]
        tables: list[pd.DataFrame] = []
        for now in _reviews(cutoffs, log):
            seen = ~log.hidden(now) & (log.time < now)
            rows = np.flatnonzero(seen & counted & (log.time >= self.window.before(now, log.timezone)))
            minor = np.zeros(len(log.customers), dtype=np.int64)
            # whole minor units, so that the sum depends on no order
            np.add.at(minor, np.asarray(log.customer_codes)[rows], log.amount[rows])
            there = np.zeros(len(log.customers), dtype=bool)
            there[np.asarray(log.customer_codes)[seen]] = True
            spent: pd.Series[float] = pd.Series(minor[there] / 10**log.scale, index=log.customers[there])
            if len(spent):
                before = tables[-1] if tables else None
                tables.append(self.review(spent, on=timestamp(now), before=before, timezone=log.timezone))
        return pd.concat(tables) if tables else self.review(pd.Series(np.zeros(0)), on="1970-01-01")

    def transitions(self, reviews: pd.DataFrame) -> pd.DataFrame:
        """Count the steps from tier to tier between reviews.

        Parameters
        ----------
        reviews : DataFrame
            What `run` returned, or several results of `review` one under the other.

        Returns
        -------
        DataFrame
            One row for each pair of tiers: from, to, n, share (of those who were in `from`). The share is NaN
            where nobody was.

        Examples
        --------
        >>> tiers = LoyaltyTiers({"gold": 10, "basic": 0}, grace="0d")
        >>> first = tiers.review(pd.Series({7: 12.0, 8: 3.0}), on="2026-01-01")
        >>> second = tiers.review(pd.Series({7: 2.0, 8: 3.0}), on="2026-02-01", before=first)
        >>> tiers.transitions(pd.concat([first, second])).query("n > 0").values.tolist()
        [['gold', 'basic', 1, 1.0], ['basic', 'basic', 1, 1.0]]
        """
        ids, on = reviews.index.to_numpy(), reviews["on"].to_numpy()
        order = np.lexsort((on, pd.factorize(ids)[0]))
        tier = pd.Index(self.names, dtype=object).get_indexer(pd.Index(reviews["tier"], dtype=object))[order]
        follows = ids[order][1:] == ids[order][:-1]
        k = len(self.names)
        n = np.bincount((tier[:-1] * k + tier[1:])[follows], minlength=k * k).reshape(k, k)
        total = n.sum(axis=1, keepdims=True)
        share = np.divide(n, total, out=np.full(n.shape, np.nan), where=total > 0)
        named = np.array(self.names, dtype=object)
        columns = {"from": np.repeat(named, k), "to": np.tile(named, k), "n": n.ravel(), "share": share.ravel()}
        return pd.DataFrame(columns)

    # -- one review --------------------------------------------------------------------------

    def _decided(self, ids: pd.Index[Any], amounts: FloatArray, standing: _Standing, now: int, tz: str) -> pd.DataFrame:
        earned = self._earned(amounts)
        joins = standing.rank < 0
        had = np.where(joins, earned, standing.rank)
        limit = standing.grace
        # ranks count from the best tier, so that a greater one is worse
        short = earned > had
        limit = np.where(short, np.where(limit == NEVER, self.grace.after(now, tz), limit), NEVER)
        falls = short & (limit <= now)
        lower = earned if self.down == "earned" else np.minimum(had + 1, earned)
        tier = np.where(falls, lower, np.where(short, had, earned))
        # a step down that is still not earned begins a grace of its own
        limit = np.where(falls, np.where(earned > tier, self.grace.after(now, tz), NEVER), limit)
        change = np.select(
            [joins, falls, short, tier < had], [_JOINED, _DOWNGRADED, _IN_GRACE, _UPGRADED], default=_KEPT
        )
        names = pd.Index(self.names, dtype=object)
        table = {
            "on": timestamps(np.full(len(ids), now), tz),
            "tier": pd.Categorical.from_codes(tier, names, ordered=False),
            "earned": pd.Categorical.from_codes(earned, names, ordered=False),
            "amount": amounts,
            "since": timestamps(np.where(tier == had, standing.since, now), tz),
            "grace_until": timestamps(np.where(limit == NEVER, 0, limit), tz).where(limit != NEVER),
            "change": pd.Categorical.from_codes(change, pd.Index(_CHANGES, dtype=object)),
        }
        return pd.DataFrame(table, index=ids)

    def _earned(self, amounts: FloatArray) -> IntArray:
        bounds = np.array([low for _, low in self.lows])[::-1]
        above = np.searchsorted(bounds, amounts, side="right")  # how many tiers the amount reaches
        return np.asarray(len(bounds) - np.maximum(above, 1), dtype=np.int64)

    def _joined(
        self, ids: pd.Index[Any], amounts: FloatArray, before: pd.DataFrame, now: int
    ) -> tuple[pd.Index[Any], FloatArray, _Standing]:
        """Put the customers of both reviews together, in order."""
        known = ids_of(before.index)
        check_same_kind(known, ids)
        stamps = {
            name: before[name].to_numpy(dtype="M8[us]").astype(np.int64) for name in ("on", "since", "grace_until")
        }
        if len(before) and int(stamps["on"].max()) >= now:
            raise TimeError(
                message(
                    f"the review before was at {timestamp(int(stamps['on'].max()))}, and this one is at "
                    f"{timestamp(now)}",
                    "reviews follow one another",
                    "tiers.review(amount, on=later, before=before)",
                )
            )
        if known.has_duplicates:
            raise DuplicateError(
                message("the review before has customers twice", "one review", "before.loc[before['on'] == last]")
            )
        both = known.union(ids)
        place, old = ids.get_indexer(both), known.get_indexer(both)
        rank = pd.Index(self.names, dtype=object).get_indexer(pd.Index(before["tier"], dtype=object))
        if (rank < 0).any():
            strange = before["tier"].to_numpy()[rank < 0]
            raise ParameterError(
                message(
                    f"the review before has the tier {strange[0]!r}",
                    f"the tiers are {some(self.names)}",
                    "the same LoyaltyTiers",
                )
            )
        never = before["grace_until"].isna().to_numpy()
        grace = np.where(never, NEVER, stamps["grace_until"])
        standing = _Standing(
            np.append(rank, -1)[old], np.append(stamps["since"], now)[old], np.append(grace, NEVER)[old]
        )
        return both, np.append(amounts, 0.0)[place], standing


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where customers stood: their tiers from the best on (-1 for none yet), since when, and in grace until when."""

    rank: IntArray
    since: IntArray
    grace: IntArray

    @classmethod
    def none(cls, n: int, now: int) -> _Standing:
        """Return the standing of customers that come for the first time."""
        return cls(np.full(n, -1), np.full(n, now), np.full(n, NEVER))


def _amounts(amount: Any) -> tuple[pd.Index[Any], FloatArray]:
    if not isinstance(amount, pd.Series):
        raise ParameterTypeError(
            message(
                f"amount is a {type(amount).__name__}", "a Series by customer was expected", "pd.Series({'ann': 120.0})"
            )
        )
    ids = ids_of(amount.index)
    if ids.has_duplicates:
        twice = ids[ids.duplicated()].unique()
        raise DuplicateError(
            message(
                f"{len(twice):,} customers have two amounts ({some(twice)})",
                "one each",
                "amount.groupby(level=0).sum()",
            )
        )
    try:
        values = amount.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise SchemaError(
            message(f"amount holds {amount.dtype} ({error})", "numbers were expected", "amount.astype(float)")
        ) from None
    missing = ~np.isfinite(values)
    if missing.any():
        raise DataError(
            message(
                f"{int(missing.sum()):,} of {len(values):,} amounts are missing or infinite ({named_rows(missing)})",
                "who spent nothing has 0",
                "amount.fillna(0)",
            )
        )
    order = np.asarray(ids.argsort())
    return ids[order], values[order]


def _lows(lows: Any) -> tuple[tuple[str, float], ...]:
    example = "{'gold': 1000, 'silver': 300, 'basic': 0}"
    if not isinstance(lows, Mapping) or not lows:
        raise ParameterTypeError(message(f"lows is {lows!r}", "tiers with their least amounts, best first", example))
    found = tuple(
        (check_label(name, "tier"), -math.inf if low == -math.inf else check_number(low, name=f"lows[{name!r}]"))
        for name, low in lows.items()
    )
    bounds = [low for _, low in found]
    if any(here <= below for here, below in pairwise(bounds)):
        raise ParameterError(
            message(f"the bounds {some(bounds, 12)} do not fall", "best first, each lower than the one before", example)
        )
    return found


def _reviews(given: Any, log: EventLog) -> list[int]:
    found = [int(us) for us in cutoffs(given, log.timezone).us]
    until = to_us(log.complete_until)
    if found[-1] > until:
        raise TimeError(
            message(
                f"the log is complete until {log.complete_until}, and a review is at "
                f"{timestamp(found[-1], log.timezone)}",
                "what is not in the log yet would count as not spent",
                "EventLog.from_frame(..., complete_until='2026-05-01') where nothing is missing",
            )
        )
    return found
