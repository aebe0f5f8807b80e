"""Where in life customers leave more than just before and just after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv, ndtr

from churnlib._checks import check_integer, check_number
from churnlib._typing import ArrayLike, BoolArray, FloatArray, IntArray
from churnlib.exceptions import HistoryError, ParameterError, message
from churnlib.numerics._intervals import checked_confidence
from churnlib.survival._exposure import (
    Exposure,
    Watched,
    band_index,
    by_group,
    exposure_between,
    rate_interval,
    read_watched,
)

__all__ = ["HazardPeaks", "find_hazard_peaks"]

_DRAWS = 4000
"""Draws of the largest error; the level it is used at is then known to ± .35 points."""
_MOST_PERIODS = 5000
_BLOCK = 1 << 22
"""Numbers drawn at a time."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class HazardPeaks:
    """The peaks of a hazard, and what they were found in.

    Parameters
    ----------
    table : DataFrame
        A row for each peak, indexed by the group, if there are any, and ``peak`` (1, 2, ... by tenure): ``first`` and
        ``last`` (its periods, counted from 1), ``start`` and ``end`` (the tenures between which it lies; the end
        belongs to it), ``hazard``, ``before`` and ``after`` (the hazards on both sides), ``neighbourhood`` (the
        higher of these two), ``ratio`` (of hazard to neighbourhood), ``low``, ``high`` (its simultaneous interval),
        ``at_risk`` (mean number of customers under observation in it) and ``events``.
    hazard : DataFrame
        The hazard of every period, like `hazard_table` indexed by group and ``band``: ``at_risk``,
        ``events``, ``exposure``, ``rate``, and ``low``, ``high``, which hold the hazards of *all* periods together
        with the confidence asked for.
    compared : DataFrame
        Every interval that was compared, indexed like the peaks: ``first``, ``last``, ``side`` ("before" or "after"),
        ``ratio``, ``low``, ``high`` and ``exposed``, ``exposed_side`` (times at risk).
    critical : float
        Standard errors by which intervals of ratios reach to both sides.
    confidence : float
        The share of samples in which all of them together shall be right.
    period : float
        Length of a period.

    Examples
    --------
    >>> from churnlib.datasets import make_telecom
    >>> world = make_telecom(200_000)
    >>> find_hazard_peaks(world.survival).table[["first", "last", "hazard", "ratio"]].round(2)
          first  last  hazard  ratio
    peak
    1         4     6    0.08   1.23
    2        19    20    0.05   1.48
    """

    table: pd.DataFrame
    hazard: pd.DataFrame
    compared: pd.DataFrame
    critical: float
    confidence: float
    period: float

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        found = "1 peak" if len(self) == 1 else f"{len(self) or 'no'} peaks"
        head = (
            f"HazardPeaks: {found} in {len(self.hazard)} periods of {self.period:g} "
            f"({self.confidence:.0%} for all {len(self.compared):,} comparisons together)"
        )
        lines = [_line(key, row) for key, row in self.table.iterrows()]
        return "\n".join([head, *lines])


def _line(key: Any, row: pd.Series[Any]) -> str:
    group = f"{', '.join(str(part) for part in key[:-1])}: " if isinstance(key, tuple) else ""
    first, last = int(row["first"]), int(row["last"])
    named = f"period {first}" if first == last else f"periods {first}-{last}"
    return (
        f"  {group}{named}: hazard {row['hazard']:.3g}, {row['ratio']:.2f} times its neighbourhood "
        f"({row['low']:.2f} to {row['high']:.2f}), {row['events']:,.0f} events"
    )


def find_hazard_peaks(
    y: Any,
    *,
    period: float = 1.0,
    by: Any = None,
    data: pd.DataFrame | None = None,
    cause: int | None = None,
    sample_weight: ArrayLike | None = None,
    neighbourhood: int = 6,
    longest: int = 4,
    min_at_risk: float = 30,
    confidence: float = 0.95,
) -> HazardPeaks:
    """Find tenures at which customers leave more than both before and after.

    Every stretch of one to `longest` periods is compared with up to `neighbourhood` periods before it and as many
    after. It is a peak if its hazard exceeds that on *both* sides for certain, so that a hazard that only falls, only
    rises, or has a dip in the middle has no peak, however steep it is. That the highest of many hazards is picked is
    allowed for: a world without peaks shows one in at most ``1 - confidence`` of its logs.

    Departures are counted on the time at risk, with delayed entry; it is assumed that they come one
    by one, not in groups that leave together.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        The survival target, from `survival_target` or ``data.survival``.
    period : float, default=1.0
        Length of a period, in the unit of y. Of tenures in days, 7 looks at weeks and 30.4375 at months.
    by : array-like of shape (n_rows,), DataFrame, str or sequence of str, default=None
        Groups to look at one by one: a value for each row, or names of columns of `data`. The confidence is for all
        together.
    data : DataFrame, default=None
        Where `by` names columns.
    cause : int, default=None
        The number of the cause whose departures count. None: all.
    sample_weight : array-like of shape (n_rows,), default=None
        How many customers each row stands for.
    neighbourhood : int, default=6
        How many periods on each side a stretch is compared with; fewer where the log ends.
    longest : int, default=4
        The most periods a peak has. A rise that is longer than its neighbourhood is a level and no peak.
    min_at_risk : float, default=30
        How many customers must be under observation in a period, on average, for it to be looked at.
    confidence : float, default=0.95
        The share of logs in which all intervals together shall hold the true ratios.

    Returns
    -------
    HazardPeaks
        ``table`` holds the peaks, ``hazard`` the hazard of each period.

    Raises
    ------
    DataError
        If y is no survival target, or a group is missing.
    HistoryError
        If nowhere three periods in a row have enough customers at risk.
    ParameterError
        If an argument cannot be, or there would be more than 5,000 periods.
    SchemaError
        If `by` names no column of `data`.

    Notes
    -----
    Departures d in exposure E are taken as Poisson. Of two stretches d₁ given ``d₁ + d₂`` is binomial with odds
    ``ρ E₁ / E₂``, ρ the ratio of the hazards, which gives each interval (quantiles of a beta
    distribution, Jeffreys). How far they reach is the quantile of the largest of all standardised errors of log ρ,
    which are jointly normal with correlations that follow from the overlaps; it is found from 4,000 draws
    with a fixed seed. Of overlapping stretches that pass the one is reported whose edges fit best: with one
    hazard inside and one on each side, its likelihood is the highest. A stretch is passed over if, counted from its
    edge, some part of its neighbourhood shows a higher hazard: it is the shoulder of something else. And so is a
    stretch of `longest` periods that would fit better with one more: it is a level.

    For a hazard without peaks, with which every stretch is as low as one of its sides, a false peak needs at least one
    interval that misses: hence the error of the family is at most that of the intervals.

    Examples
    --------
    Ten in a thousand leave each month, and thirty in months 4 and 5:

    >>> import churnlib as cl
    >>> here, time, event = 40_000, [], []
    >>> for month, hazard in enumerate([0.01, 0.01, 0.01, 0.03, 0.03, 0.01, 0.01, 0.01], start=1):
    ...     left = round(here * hazard)
    ...     time += [month] * left
    ...     here -= left
    >>> y = cl.survival_target([1] * len(time) + [0] * here, time + [8] * here)
    >>> find_hazard_peaks(y)
    HazardPeaks: 1 peak in 8 periods of 1 (95% for all 36 comparisons together)
      periods 4-5: hazard 0.03, 3.00 times its neighbourhood (2.69 to 3.34), 2,293 events
    """
    width = check_number(period, name="period")
    if width <= 0:
        raise ParameterError(message(f"period is {period!r}", "a length above 0, in the unit of y", "period=1.0"))
    reach = check_integer(neighbourhood, name="neighbourhood", low=1)
    most = check_integer(longest, name="longest", low=1)
    least = check_number(min_at_risk, name="min_at_risk", low=0)
    checked_confidence(confidence)
    parts, labels = read_watched(y, by=by, data=data, cause=cause, sample_weight=sample_weight)
    edges = _periods(parts, width)
    spans = [_Span(exposure_between(part, edges), least, reach, most) for part in parts]
    usable = sum(int(span.usable.sum()) for span in spans)
    if not any(len(span.pairs.first) for span in spans):
        _nothing(spans, least, width)
    critical = _critical(spans, confidence)
    tail = confidence ** (1 / max(usable, 1))  # departures of different periods are independent, given who is at risk
    looked = [span.intervals(critical) for span in spans]
    return HazardPeaks(
        by_group((span.peaks(table) for span, table in zip(spans, looked, strict=True)), labels),
        by_group((span.hazards(tail) for span in spans), labels),
        by_group(iter(looked), labels),
        critical,
        float(confidence),
        width,
    )


def _periods(parts: list[Watched], width: float) -> FloatArray:
    """Return the edges of the periods up to the last tenure anybody was watched at."""
    longest = max((float(part.time.max()) for part in parts if len(part)), default=width)
    count = max(int(np.ceil(longest / width - 1e-9)), 1)
    if count > _MOST_PERIODS:
        raise ParameterError(
            message(
                f"period={width:g} makes {count:,} periods up to the tenure {longest:g}",
                f"at most {_MOST_PERIODS:,}",
                f"period={float(f'{longest / 100:.2g}'):g} or another length that hazards are read in",
            )
        )
    edges: FloatArray = width * np.arange(count + 1.0)
    edges[-1] = max(edges[-1], longest)
    return edges


def _nothing(spans: list[_Span], least: float, width: float) -> None:
    enough = max(int(span.usable.sum()) for span in spans)
    raise HistoryError(
        message(
            f"{enough} periods of {width:g} have at least {least:g} customers at risk",
            "three in a row at the least: a peak has a before and an after",
            "a longer history, another period, or a lower min_at_risk",
        )
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Stretches:
    """Stretches of periods with both neighbourhoods, one entry each; ends are exclusive."""

    first: IntArray
    stop: IntArray
    low: IntArray  # where the neighbourhood before begins
    high: IntArray  # where the neighbourhood after ends

    def take(self, rows: IntArray | BoolArray) -> _Stretches:
        return _Stretches(self.first[rows], self.stop[rows], self.low[rows], self.high[rows])

    def sums(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sum values inside, shape (n, 1), and before and after, shape (n, 2)."""
        running = np.concatenate([[0.0], np.cumsum(values)])
        first, stop = running[self.first], running[self.stop]
        beside = np.stack([first - running[self.low], running[self.high] - stop], axis=1)
        return (stop - first)[:, None], beside


class _Span:
    """The periods of one group."""

    def __init__(self, found: Exposure, least: float, reach: int, longest: int) -> None:
        self.found = found
        self.usable: BoolArray = (found.exposure > 0) & (found.exposure >= least * np.diff(found.edges))
        self.reach, self.longest = reach, longest
        self.pairs = self._stretches()

    def _stretches(self) -> _Stretches:
        """List the stretches whose periods, and at least one on each side, have enough customers at risk."""
        n = len(self.usable)
        gaps = np.concatenate([[0], np.cumsum(~self.usable)])
        place = np.arange(n)
        # The first and last period of the unbroken run that each usable period lies in.
        begins = np.maximum.accumulate(np.where(self.usable, 0, place + 1))
        ends = np.minimum.accumulate(np.where(self.usable, n, place)[::-1])[::-1]
        parts = []
        for size in range(1, min(self.longest, n) + 1):
            first = np.arange(n - size + 1)
            stop = first + size
            whole = gaps[stop] == gaps[first]
            first, stop = first[whole], stop[whole]
            low = np.maximum(first - self.reach, begins[first])
            high = np.minimum(stop + self.reach, ends[first])
            both = (low < first) & (high > stop)
            parts.append([column[both] for column in (first, stop, low, high)])
        return _Stretches(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def intervals(self, critical: float) -> pd.DataFrame:
        """Return the ratios of all stretches to their sides, with intervals that reach so many standard errors."""
        inside, beside = self.pairs.sums(self.found.events)
        exposed, exposed_side = self.pairs.sums(self.found.exposure)
        low, high = _share_bounds(inside, beside, float(ndtr(-critical)))
        scale = exposed_side / exposed
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio, low, high = inside / beside * scale, low / (1 - low) * scale, high / (1 - high) * scale
        columns = {
            "first": np.repeat(self.pairs.first + 1, 2),
            "last": np.repeat(self.pairs.stop, 2),
            "side": np.tile(np.array(["before", "after"], dtype=object), len(inside)),
            "ratio": ratio.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
            "exposed": np.repeat(exposed, 2),
            "exposed_side": exposed_side.ravel(),
        }
        return pd.DataFrame(columns).rename_axis("comparison")

    def hazards(self, confidence: float) -> pd.DataFrame:
        """Return the hazard of every period."""
        found = self.found
        low, high = rate_interval(found.events, found.exposure, confidence=confidence)
        columns = {
            "at_risk": found.at_risk, "events": found.events, "exposure": found.exposure,
            "rate": found.rate, "low": low, "high": high,
        }  # fmt: skip
        return pd.DataFrame(columns, index=band_index(found.edges))

    def peaks(self, compared: pd.DataFrame) -> pd.DataFrame:
        """Return the stretches whose hazard exceeds that on both sides, the best of those that overlap."""
        low = compared["low"].to_numpy().reshape(-1, 2)
        rows = np.flatnonzero((low.min(axis=1) > 1) & ~self._shoulders())
        chosen = self._best(rows, low.min(axis=1))
        return self._described(chosen[np.argsort(self.pairs.first[chosen])], compared)

    def _shoulders(self) -> BoolArray:
        """Say of which stretch some part of its neighbourhood, counted from its edge, shows a higher hazard."""
        inside, _ = self.pairs.sums(self.found.events)
        exposed, _ = self.pairs.sums(self.found.exposure)
        rate = inside / exposed
        higher = np.zeros(len(rate), dtype=bool)
        for reach in range(1, self.reach + 1):
            near = _Stretches(
                self.pairs.first,
                self.pairs.stop,
                np.maximum(self.pairs.low, self.pairs.first - reach),
                np.minimum(self.pairs.high, self.pairs.stop + reach),
            )
            _, events = near.sums(self.found.events)
            _, exposure = near.sums(self.found.exposure)
            higher |= (events > rate * exposure).any(axis=1)
        return higher

    def _best(self, rows: IntArray, low: FloatArray) -> IntArray:
        """Keep the one with the best edges of stretches that overlap or touch; begin with the strongest evidence."""
        chosen = []
        first, stop = self.pairs.first, self.pairs.stop
        while len(rows):
            seed = rows[np.argmax(low[rows])]
            rivals = rows[(first[rows] < stop[seed]) & (stop[rows] > first[seed])]
            best = rivals[np.argmax(self._fit(self.pairs.take(rivals)))]
            if not self._goes_on(best):
                chosen.append(best)
            begin, end = min(first[best], first[seed]), max(stop[best], stop[seed])
            rows = rows[(first[rows] > end) | (stop[rows] < begin)]
        return np.array(chosen, dtype=np.int64)

    def _goes_on(self, row: np.int64) -> bool:
        """Say whether a stretch of the greatest length would fit better if it were longer: a level, no peak."""
        first, stop = int(self.pairs.first[row]), int(self.pairs.stop[row])
        low, high = int(self.pairs.low[row]), int(self.pairs.high[row])
        if stop - first < self.longest:
            return False
        longer = [(first, stop), *([(first - 1, stop)] * (first - 1 > low)), *([(first, stop + 1)] * (stop + 1 < high))]
        begin, end = np.array(longer).T
        fit = self._fit(_Stretches(begin, end, np.full(len(begin), low), np.full(len(begin), high)))
        return bool(fit.argmax() > 0)

    def _fit(self, mine: _Stretches) -> FloatArray:
        """Return the log-likelihood of one hazard inside and one on each side, all over the same periods."""
        n = len(mine.first)
        alike = _Stretches(mine.first, mine.stop, np.full(n, mine.low.min()), np.full(n, mine.high.max()))
        inside, beside = alike.sums(self.found.events)
        exposed, exposed_side = alike.sums(self.found.exposure)
        events = np.concatenate([inside, beside], axis=1)
        rate = events / np.concatenate([exposed, exposed_side], axis=1)
        fit: FloatArray = (events * np.log(np.where(events > 0, rate, 1.0))).sum(axis=1)
        return fit

    def _described(self, rows: IntArray, compared: pd.DataFrame) -> pd.DataFrame:
        found, edges = self.pairs.take(rows), self.found.edges
        inside, beside = found.sums(self.found.events)
        exposed, exposed_side = found.sums(self.found.exposure)
        hazard, sides = (inside / exposed)[:, 0], beside / exposed_side
        higher = sides.max(axis=1)
        low, high = (compared[name].to_numpy().reshape(-1, 2)[rows].min(axis=1) for name in ("low", "high"))
        start, end = edges[found.first], edges[found.stop]
        with np.errstate(divide="ignore"):
            ratio = hazard / higher
        columns = {
            "first": found.first + 1, "last": found.stop, "start": start, "end": end, "hazard": hazard,
            "before": sides[:, 0], "after": sides[:, 1], "neighbourhood": higher,
            "ratio": ratio, "low": low, "high": high,
            "at_risk": exposed[:, 0] / (end - start), "events": inside[:, 0],
        }  # fmt: skip
        return pd.DataFrame(columns, index=pd.RangeIndex(1, len(rows) + 1, name="peak"))

    def errors(self, rng: np.random.Generator) -> FloatArray:
        """Draw the largest standardised error of the log ratios, many times."""
        events, exposure, usable = self.found.events, self.found.exposure, self.usable
        # Only their proportions matter: a hazard smoothed over the neighbourhood is known well enough.
        box = np.ones(2 * self.reach + 1)
        smooth = (np.convolve(np.where(usable, events, 0.0), box, "full") + 0.5) / np.maximum(
            np.convolve(np.where(usable, exposure, 0.0), box, "full"), 1e-300
        )
        expected = np.where(usable, exposure * smooth[self.reach : self.reach + len(events)], 0.0)
        noise = rng.standard_normal((len(events), _DRAWS)) * np.sqrt(expected)[:, None]
        running = np.concatenate([np.zeros((1, _DRAWS)), np.cumsum(noise, axis=0)])
        largest = np.zeros(_DRAWS)
        for start in range(0, len(self.pairs.first), max(_BLOCK // _DRAWS, 1)):
            part = self.pairs.take(np.arange(start, min(start + _BLOCK // _DRAWS, len(self.pairs.first))))
            inside, beside = part.sums(expected)
            own = (running[part.stop] - running[part.first]) / inside
            for side, (begin, end) in enumerate(((part.low, part.first), (part.stop, part.high))):
                other = beside[:, side, None]
                error = own - (running[end] - running[begin]) / other
                np.abs(error, out=error)
                error /= np.sqrt(1 / inside + 1 / other)
                np.maximum(largest, error.max(axis=0), out=largest)
        return largest


def _share_bounds(inside: FloatArray, beside: FloatArray, tail: float) -> tuple[FloatArray, FloatArray]:
    """Return bounds of the share of departures that come inside, of those inside or beside."""
    low = np.where(inside > 0, betaincinv(inside + 0.5, beside + 0.5, tail), 0.0)
    high = np.where(beside > 0, betaincinv(inside + 0.5, beside + 0.5, 1 - tail), 1.0)
    return low, high


def _critical(spans: list[_Span], confidence: float) -> float:
    """Return the standard errors that the largest error of all comparisons stays below with this confidence."""
    rng = np.random.default_rng(0)  # the same data give the same answer
    largest = np.zeros(_DRAWS)
    for span in spans:
        if len(span.pairs.first):
            largest = np.maximum(largest, span.errors(rng))
    return float(np.quantile(largest, confidence, method="higher"))
