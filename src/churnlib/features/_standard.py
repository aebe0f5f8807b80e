"""The default set of features, and why each is in it."""

from __future__ import annotations

from churnlib.features._age import Recency, Tenure
from churnlib.features._counts import Count, Distinct
from churnlib.features._feature import Feature
from churnlib.features._gaps import GapMean, GapRatio, GapStd
from churnlib.features._money import Mean, Sum
from churnlib.features._source import Kind, kind_names
from churnlib.features._trend import Change, Slope

__all__ = ["standard_features"]

_WINDOWS = ("30d", "90d", "180d", "365d")


def standard_features(kinds: Kind = ()) -> list[Feature]:
    """Return the default features.

    Rhythm is measured in active days, because a log of order lines or clicks has many
    events at one sitting, and the time from one to the next says nothing about loyalty.
    """
    return [
        # Who is silent, and whether this is long for this customer.
        Recency(),
        Tenure(),
        GapMean(per="day"),
        GapStd(per="day"),
        GapRatio(per="day"),
        # How active, lately and over a year; days beside events, as one long visit is no habit.
        *(Count(window) for window in _WINDOWS),
        *(Count(window, per="day") for window in ("30d", "90d", "365d")),
        Count(per="day"),
        # Which way it goes.
        Slope(weeks=12),
        Slope(weeks=26, per="day"),
        Change("90d", per="day"),
        # How much is at stake.
        *(Sum(window) for window in _WINDOWS),
        Sum(),
        Mean("365d", per="day"),
        Change("90d", of="sum"),
        Slope(weeks=12, of="sum"),
        # How broad the interest is.
        Distinct("90d"),
        Distinct("365d"),
        *(feature for kind in kind_names(kinds) for feature in _of_kind(kind)),
    ]


def _of_kind(kind: str) -> tuple[Feature, ...]:
    return Recency(kind), Count("30d", kind), Count("90d", kind)
