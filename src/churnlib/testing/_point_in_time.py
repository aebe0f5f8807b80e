"""Prove that a feature function never looks past its cutoff."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib._checks import check_integer
from churnlib.calendar import DAY_US, Cutoffs, timestamp
from churnlib.calendar import cutoffs as read_cutoffs
from churnlib.events import EventLog
from churnlib.exceptions import LeakageError, ParameterError, ParameterTypeError, message, some

__all__ = ["assert_point_in_time"]

_LATER = DAY_US + 1
"""By how much the end of the data moves: no whole number of any unit."""

FeatureFunction = Callable[[EventLog, pd.Timestamp], "pd.DataFrame | pd.Series"]


def assert_point_in_time(
    fn: FeatureFunction, log: EventLog, cutoffs: Any, *, n: int = 20, random_state: int = 0
) -> None:
    """Fail if a feature function uses an event that could not be known at the cutoff.

    The function is called on the whole log and on logs with a perturbed future: events
    that happened at or after the cutoff, or became known at or after it, are removed,
    all of them first and then `n` random subsets. Whatever it returns for the cutoff
    must not change. When it does, single events are put back until the smallest
    offending one is found and named. Nor may it change when ``log.complete_until``
    moves: silence and age end at the cutoff, not at the end of the data.

    Parameters
    ----------
    fn : callable
        ``fn(log, cutoff) -> DataFrame or Series`` indexed by customer: your features as
        of the cutoff, computed from an `EventLog`.
    log : EventLog
        Any log with events on both sides of the cutoffs.
    cutoffs : Cutoffs, str, datetime, or list of them
        Where to test; events exactly at a cutoff are the ones to try.
    n : int, default=20
        Random subsets of the future to try at each cutoff.
    random_state : int, default=0
        Seed of the subsets.

    Raises
    ------
    LeakageError
        With the cutoff, and the offending event.
    ParameterError
        If every cutoff lies at or after ``log.complete_until``: no event can follow it, and
        nothing is put to the test.
    ParameterTypeError
        If `fn` returns something that is not a DataFrame or Series.

    Examples
    --------
    >>> import churnlib as cl
    >>> log = cl.datasets.make_shop(n_customers=30, random_state=0).log
    >>> def orders(log, cutoff):
    ...     seen = log.as_of(cutoff).to_frame()
    ...     return seen.groupby("customer_id").size()
    >>> cl.testing.assert_point_in_time(orders, log, ["2025-05-01", "2025-06-01"])
    >>> def all_orders(log, cutoff):
    ...     return log.to_frame().groupby("customer_id").size()
    >>> cl.testing.assert_point_in_time(all_orders, log, "2025-06-01")
    Traceback (most recent call last):
    ...
    churnlib.exceptions.LeakageError: ...
    """
    n = check_integer(n, name="n", low=0)
    rng = np.random.default_rng(random_state)
    at = read_cutoffs(cutoffs, log.timezone)
    _check_future(log, at)
    for us, stamp in zip(at.us.tolist(), at, strict=True):
        _check_one(fn, log, us, stamp, n, rng)


def _check_future(log: EventLog, at: Cutoffs) -> None:
    """Refuse cutoffs after which nothing can happen: every function would pass."""
    if int(at.us[0]) >= log.complete_until_us:
        raise ParameterError(
            message(
                f"all of {len(at)} cutoffs, from {at[0]} on, lie after the end of the data ({log.complete_until})",
                f"events on both sides of a cutoff were expected, among {len(log):,}",
                f"assert_point_in_time(fn, log, '{timestamp(int(np.median(log.time)), log.timezone)}')",
            )
        )


def _check_one(
    fn: FeatureFunction,
    log: EventLog,
    us: int,
    stamp: pd.Timestamp,
    n: int,
    rng: np.random.Generator,
) -> None:
    future = np.flatnonzero((log.time >= us) | log.hidden(us))
    whole = _call(fn, log, stamp)
    for drop in _subsets(future, n, rng):
        if not _same(whole, _call(fn, _without(log, drop), stamp)):
            raise _leak(fn, log, stamp, drop, whole)
    later = replace(log, complete_until_us=log.complete_until_us + _LATER)
    if us <= log.complete_until_us and not _same(whole, _call(fn, later, stamp)):
        raise LeakageError(
            message(
                f"the features at {stamp} change with complete_until, the end of the data ({log.complete_until})",
                "what lies after the cutoff is not known at it; silence and age end at the cutoff",
                "start from log.as_of(cutoff), or count up to the cutoff",
            )
        )


def _subsets(future: npt.NDArray[np.intp], n: int, rng: np.random.Generator) -> list[npt.NDArray[np.intp]]:
    if not len(future):
        return []
    return [future, *(future[rng.random(len(future)) < 0.5] for _ in range(n))]


def _without(log: EventLog, drop: npt.NDArray[np.intp]) -> EventLog:
    keep = np.ones(len(log), bool)
    keep[drop] = False
    return log.subset(keep)


def _call(fn: FeatureFunction, log: EventLog, stamp: pd.Timestamp) -> pd.DataFrame:
    result = fn(log, stamp)
    if isinstance(result, pd.Series):
        return result.to_frame(result.name if result.name is not None else "value").sort_index()
    if isinstance(result, pd.DataFrame):
        return result.sort_index()
    raise ParameterTypeError(
        message(
            f"the feature function returned a {type(result).__name__}",
            "it must return a DataFrame or Series indexed by customer",
            "return log.as_of(cutoff).to_frame().groupby('customer_id').size()",
        )
    )


def _same(one: pd.DataFrame, two: pd.DataFrame) -> bool:
    return one.equals(two)


def _leak(
    fn: FeatureFunction,
    log: EventLog,
    stamp: pd.Timestamp,
    drop: npt.NDArray[np.intp],
    whole: pd.DataFrame,
) -> LeakageError:
    """Name one guilty event: the first k of the dropped events change nothing, k + 1 do."""
    harmless, harmful = 0, len(drop)
    while harmful - harmless > 1:
        middle = (harmless + harmful) // 2
        if _same(whole, _call(fn, _without(log, drop[:middle]), stamp)):
            harmless = middle
        else:
            harmful = middle
    event = log.subset(drop[harmless : harmless + 1]).to_frame().iloc[0]
    facts = some([f"{name}={value}" for name, value in event.items()], limit=6)
    return LeakageError(
        message(
            f"the features at {stamp} change with an event that was not known then ({facts})",
            "features at a cutoff may use events that happened before it and were known before it",
            "start from log.as_of(cutoff)",
        )
    )
