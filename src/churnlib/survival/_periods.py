"""Which periods each row was watched in, and their expansion into person-periods, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from churnlib._typing import Array, FloatArray, IntArray
from churnlib.exceptions import ParameterError, message
from churnlib.targets import SurvivalRows

__all__ = ["Periods", "PersonPeriods", "periods_of", "whole_part"]

_ROUNDING = 1e-9
"""Tenures are sums and quotients of floats: 11.9999999999 periods are 12."""
_MOST_PERIODS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class PersonPeriods:
    """A block of person-periods: one for each period that a row was watched in.

    Parameters
    ----------
    row : ndarray of shape (n_cells,)
        Position of the row.
    period : ndarray of shape (n_cells,)
        Number of the period, from 1.
    outcome : ndarray of shape (n_cells,)
        0: still here at the end of the period; k: left in it by cause k.
    weight : ndarray of shape (n_cells,)
        Share of the period that was watched; 1 where the customer left.
    """

    row: IntArray
    period: IntArray
    outcome: IntArray
    weight: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Periods:
    """The periods in which each row was watched.

    Parameters
    ----------
    length : float
        Length of a period, in the unit of the target.
    n_periods : int
        Number of the last period in which anybody was watched.
    first, last : ndarray of shape (n_rows,)
        First and last period of each row, from 1.
    first_share, last_share : ndarray of shape (n_rows,)
        How much of these two the row was watched, in (0, 1]; equal where they are one period.
    event : ndarray of shape (n_rows,)
        What happened in the last period: 0 nothing, k the k-th cause.
    whole : bool
        Whether all times and entries are ends of periods.

    Examples
    --------
    >>> from churnlib.targets import read_survival_target, survival_target
    >>> rows = read_survival_target(survival_target([1, 0, 0], [3, 2, 2.5], entry=[1, 0, 0]))
    >>> periods = periods_of(rows, 1.0)
    >>> periods.first, periods.last, periods.last_share, periods.whole
    (array([2, 1, 1]), array([3, 2, 3]), array([1. , 1. , 0.5]), False)
    >>> periods.expand(slice(0, 3)).period
    array([2, 3, 1, 2, 1, 2, 3])
    """

    length: float
    n_periods: int
    first: IntArray
    last: IntArray
    first_share: FloatArray
    last_share: FloatArray
    event: IntArray
    whole: bool

    def __len__(self) -> int:
        return len(self.first)

    @property
    def n_cells(self) -> int:
        """How many person-periods there are."""
        return int((self.last - self.first + 1).sum())

    @property
    def exposure(self) -> FloatArray:
        """How many periods each row was watched."""
        between = np.maximum(self.last - self.first - 1, 0)
        return np.asarray(between + self.last_share + np.where(self.last > self.first, self.first_share, 0.0))

    def take(self, rows: IntArray) -> Periods:
        """Return some of the rows.

        Parameters
        ----------
        rows : ndarray
            Their positions.

        Returns
        -------
        Periods
            In the order asked for.
        """
        names = ("first", "last", "first_share", "last_share", "event")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def with_events(self, codes: IntArray) -> Periods:
        """Return the same periods with other numbers of causes.

        Parameters
        ----------
        codes : ndarray of shape (n_causes + 1,)
            What 0, 1, ... become.

        Returns
        -------
        Periods
            Everything else as it is.
        """
        return replace(self, event=codes[self.event])

    def counts(self, weight: FloatArray, n_causes: int) -> tuple[FloatArray, FloatArray]:
        """Count who stayed and who left, by period.

        Parameters
        ----------
        weight : ndarray of shape (n_rows,)
            How many customers a row stands for.
        n_causes : int
            How many causes there are.

        Returns
        -------
        stayed : ndarray of shape (n_periods,)
            Weight of the person-periods without an event.
        left : ndarray of shape (n_causes, n_periods)
            Weight of those with one.
        """

        def by(period: IntArray, values: FloatArray) -> FloatArray:
            return np.bincount(period - 1, weights=values, minlength=self.n_periods).astype(np.float64)

        # Summed from the end, so that the last few at risk are not the small difference of large sums.
        ended = np.cumsum(by(self.last, weight)[::-1])[::-1]
        entering = np.cumsum(by(self.first, weight)[::-1])[::-1]
        at_risk = ended - np.append(entering[1:], 0.0)
        left = np.stack([by(self.last, weight * (self.event == cause)) for cause in range(1, n_causes + 1)])
        stayed = at_risk - left.sum(axis=0)
        if not self.whole:
            one = self.first == self.last
            stayed -= by(self.last, weight * (1 - self.last_share))
            stayed -= by(self.first, weight * np.where(one, 0.0, 1 - self.first_share))
        stayed[stayed < _ROUNDING * at_risk] = 0.0
        return stayed, left

    def expand(self, rows: slice) -> PersonPeriods:
        """Return the person-periods of some rows, row by row.

        Parameters
        ----------
        rows : slice
            Which rows.

        Returns
        -------
        PersonPeriods
            One for each period of each of these rows.
        """
        first, last = self.first[rows], self.last[rows]
        lengths = last - first + 1
        ends = np.cumsum(lengths)
        begins = ends - lengths
        row = np.repeat(np.arange(len(first)), lengths)
        period = np.arange(len(row)) - np.repeat(begins - first, lengths)
        weight = np.ones(len(row))
        weight[begins] = self.first_share[rows]
        weight[ends - 1] = self.last_share[rows]
        outcome = np.zeros(len(row), dtype=np.int64)
        outcome[ends - 1] = self.event[rows]
        return PersonPeriods(row + range(len(self))[rows].start, period, outcome, weight)

    def blocks(self, n_cells: int) -> Iterator[slice]:
        """Cut the rows into blocks of at most so many person-periods (and at least one row).

        Parameters
        ----------
        n_cells : int
            Most person-periods of a block.

        Yields
        ------
        slice
            Consecutive rows.
        """
        ends = np.cumsum(self.last - self.first + 1)
        begin = 0
        while begin < len(self):
            done = int(ends[begin - 1]) if begin else 0
            end = max(int(np.searchsorted(ends, done + n_cells, side="right")), begin + 1)
            yield slice(begin, end)
            begin = end


def whole_part(tenure: Array, length: float | FloatArray) -> tuple[IntArray, FloatArray]:
    """Split tenures into whole periods and what is left over.

    Parameters
    ----------
    tenure : ndarray
        Tenures at least 0, in the unit of the target.
    length : float or ndarray
        Length of a period.

    Returns
    -------
    whole : ndarray of int
        Periods that have ended by then.
    rest : ndarray
        Share of the next period, in [0, 1); what differs from a whole number by rounding is one.

    Examples
    --------
    >>> whole_part(np.array([0.0, 45.0, 60.0]), 30.0)
    (array([0, 1, 2]), array([0. , 0.5, 0. ]))
    """
    quotient = np.asarray(tenure) / length
    slack = _ROUNDING * np.maximum(quotient, 1.0)
    whole = np.floor(quotient + slack)
    rest = quotient - whole
    return whole.astype(np.int64), np.where(rest <= slack, 0.0, rest)


def periods_of(rows: SurvivalRows, length: float) -> Periods:
    """Find the periods in which each row was watched.

    Period k is ``((k - 1) length, k length]``. A churn at t falls in the period that holds t; a
    row still here at T survived the periods that ended by T, and was watched for a part of the next
    one if T lies inside it; likewise for the period in which a row enters.

    Parameters
    ----------
    rows : SurvivalRows
        The target.
    length : float
        Length of a period, in the unit of the target.

    Returns
    -------
    Periods
        First and last period of each row.

    Raises
    ------
    ParameterError
        If a period is longer than anybody was watched, or so short that there would
        be more than 100,000 of them.

    Notes
    -----
    With a hazard that is constant within a period, surviving a share f of it has the chance
    ``(1 - h) ** f``, whose logarithm is that of a whole period times f: so a part of a
    period is a person-period of weight f. Where times are whole periods every weight is 1 and
    the count is the risk set of Kaplan and Meier. Otherwise an event has weight 1 though the row may
    have been watched for a part only, which makes hazards too low by about h/2 of
    their value in the periods where that happens.
    """
    longest = float(rows.time.max())
    if length > longest * (1 + _ROUNDING):
        raise ParameterError(
            message(
                f"period={length:g} is longer than anybody was watched ({longest:g})",
                "several periods within the data, in the unit of the target",
                f"period={longest / 12:g}, or look whether period and target have the same unit",
            )
        )
    if longest / length > _MOST_PERIODS:
        raise ParameterError(
            message(
                f"period={length:g} cuts {longest:g} into {longest / length:,.0f} periods",
                f"at most {_MOST_PERIODS:,} periods",
                f"period={longest / 100:g}",
            )
        )
    done, rest = whole_part(rows.time, length)
    entered, late = whole_part(rows.start, length)
    first = entered + 1
    last = np.maximum(done + (rest > 0), first)
    seen = rows.observed
    last_share = np.where(seen | (rest == 0), 1.0, rest)
    one = first == last
    last_share = np.where(one & ~seen, np.maximum(last_share - late, _ROUNDING), last_share)
    first_share = np.where(one, last_share, 1.0 - late)
    whole = not (rest.any() or late.any())
    return Periods(length, int(last.max()), first, last, first_share, last_share, rows.event, whole)
