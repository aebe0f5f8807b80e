"""The last step of a feature for one customer: what `Feature.finish` does, without an array for each number.

A finishing step is exact integers in, one float out. Dividing arrays of one element takes a
hundred times as long as dividing two numbers, and a read asks for dozens. Each function here
follows the `finish` of its feature operation by operation: numpy turns a 64-bit integer into a
float before it divides, so integers are made floats here first as well (Python would divide the
integers exactly, which beyond 2**53 is another number). A feature that has no function here is
finished by its own `finish`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np

from churnlib.calendar import DAY_US
from churnlib.features._age import Recency, Tenure
from churnlib.features._attributes import AttributeValue
from churnlib.features._counts import Count, Distinct, Share
from churnlib.features._feature import Facts, Feature
from churnlib.features._gaps import GapMean, GapRatio, GapStd
from churnlib.features._money import Mean, Sum
from churnlib.features._runs import RunLength
from churnlib.features._trend import Change, Slope

__all__ = ["Finish", "finish_of"]

Finish: TypeAlias = Callable[[Sequence[Any]], Any]
"""From the raw values of all columns of the spec to the value of one feature."""

_NAN = math.nan
_DAY = float(DAY_US)
_DAY_S = DAY_US // 1_000_000


def finish_of(feature: Feature, places: Sequence[int], scale: int, timezone: str) -> Finish:
    """Return the last step of a feature.

    Parameters
    ----------
    feature : Feature
        The feature.
    places : sequence of int
        Where its raw columns stand among those of the spec; behind the last of them stands the
        instant.
    scale : int
        Decimals of money.
    timezone : str
        Zone of calendar months.

    Examples
    --------
    >>> from churnlib.features import Mean
    >>> finish_of(Mean(), [0, 1], 2, "UTC")([750, 2, 0])
    3.75
    """
    make = _MAKERS.get(type(feature))
    return _by_arrays(feature, places, scale, timezone) if make is None else make(feature, places, scale)


def _by_arrays(feature: Feature, places: Sequence[int], scale: int, timezone: str) -> Finish:
    def finish(raws: Sequence[Any]) -> Any:
        columns = tuple(np.array([raws[place]], np.int64) for place in places)
        values = np.asarray(feature.finish(columns, Facts(np.array([raws[-1]], np.int64), scale, timezone)))
        return values[0].item()

    return finish


def _as_it_is(feature: Feature, places: Sequence[int], scale: int) -> Finish:  # noqa: ARG001
    return itemgetter(places[0])


def _in_days(feature: Feature, places: Sequence[int], scale: int) -> Finish:  # noqa: ARG001
    place = places[0]

    def finish(raws: Sequence[Any]) -> float:
        us = raws[place]
        return _NAN if us < 0 else us / _DAY

    return finish


def _run_length(feature: RunLength, places: Sequence[int], scale: int) -> Finish:
    if feature.mature is None:
        return _as_it_is(feature, places, scale)
    run, young = places
    return lambda raws: max(raws[run] - raws[young], 0)


def _sum(feature: Feature, places: Sequence[int], scale: int) -> Finish:  # noqa: ARG001
    place, unit = places[0], float(10**scale)
    return lambda raws: raws[place] / unit


def _mean(feature: Feature, places: Sequence[int], scale: int) -> Finish:  # noqa: ARG001
    (money, count), unit = places, float(10**scale)

    def finish(raws: Sequence[Any]) -> float:
        return raws[money] / unit / raws[count] if raws[count] else _NAN

    return finish


def _share(feature: Feature, places: Sequence[int], scale: int) -> Finish:  # noqa: ARG001
    part, whole = places

    def finish(raws: Sequence[Any]) -> float:
        # as floats first, as numpy divides: beyond 2^53 the last bit would differ
        return float(raws[part]) / float(raws[whole]) if raws[whole] else _NAN

    return finish


def _slope(feature: Slope, places: Sequence[int], scale: int) -> Finish:
    place, weeks = places[0], feature.weeks
    unit = float(weeks * (weeks**2 - 1) // 6 * 10 ** (scale if feature.of == "sum" else 0))
    return lambda raws: raws[place] / unit


def _change(feature: Feature, places: Sequence[int], scale: int) -> Finish:  # noqa: ARG001
    last, both = places

    def finish(raws: Sequence[Any]) -> float:
        recent = raws[last]
        before = raws[both] - recent
        size = float(abs(recent)) + abs(before)
        return float(recent - before) / size if size else _NAN

    return finish


def _gap_mean(feature: Feature, places: Sequence[int], scale: int) -> Finish:  # noqa: ARG001
    count, first, last = places

    def finish(raws: Sequence[Any]) -> float:
        gaps = raws[count] - 1
        return (raws[first] - raws[last]) / _DAY / gaps if gaps > 0 else _NAN

    return finish


def _gap_ratio(feature: Feature, places: Sequence[int], scale: int) -> Finish:
    since, mean_of = places[0], _gap_mean(feature, places[1:], scale)

    def finish(raws: Sequence[Any]) -> float:
        mean = mean_of(raws)
        return raws[since] / _DAY / mean if mean > 0 or mean < 0 else _NAN  # neither 0 nor NaN

    return finish


def _gap_std(feature: Feature, places: Sequence[int], scale: int) -> Finish:  # noqa: ARG001
    count, seconds, squared = places

    def finish(raws: Sequence[Any]) -> float:
        n, total = raws[count], raws[seconds]
        if n < 3:
            return _NAN
        gaps = n - 1
        mean, rest = divmod(total, gaps)
        deviations = raws[squared] - 2 * mean * total + gaps * mean * mean
        return math.sqrt((deviations - rest * (rest / gaps)) / (n - 2)) / _DAY_S

    return finish


_MAKERS: dict[type[Feature], Callable[[Any, Sequence[int], int], Finish]] = {
    AttributeValue: _as_it_is,
    Change: _change,
    Count: _as_it_is,
    Distinct: _as_it_is,
    GapMean: _gap_mean,
    GapRatio: _gap_ratio,
    GapStd: _gap_std,
    Mean: _mean,
    Recency: _in_days,
    RunLength: _run_length,
    Share: _share,
    Slope: _slope,
    Sum: _sum,
    Tenure: _in_days,
}
