"""Time at risk and departures between tenures, by group: what every rate is made of."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from churnlib._checks import as_names, check_integer, named_rows
from churnlib._frames import check_columns
from churnlib._typing import Array, ArrayLike, BoolArray, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, message, some
from churnlib.metrics._arrays import weights
from churnlib.numerics._intervals import checked_confidence
from churnlib.targets import read_survival_target

__all__ = ["Exposure", "Groups", "Watched", "exposure_between", "rate_interval", "read_watched"]


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """Rows of customers under observation, those of no weight left out.

    Parameters
    ----------
    time, start : ndarray of shape (n_rows,)
        The tenures at which observation ended and began.
    left, here : ndarray of bool of shape (n_rows,)
        Whether the row ended by a departure that counts, or with the customer still here. By
        another cause than the one that counts it ended by neither.
    weight : ndarray of shape (n_rows,)
        How many customers the row stands for, above 0.
    """

    time: FloatArray
    start: FloatArray
    left: BoolArray
    here: BoolArray
    weight: FloatArray

    def __len__(self) -> int:
        return len(self.time)

    @property
    def whole(self) -> bool:
        """Whether rows stand for whole numbers of customers."""
        return bool((self.weight == np.rint(self.weight)).all())

    def take(self, rows: Array) -> Watched:
        """Return some of the rows."""
        return Watched(self.time[rows], self.start[rows], self.left[rows], self.here[rows], self.weight[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The groups rows belong to.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,)
        Positions in `labels`.
    labels : Index
        The groups, with the names of what they are told apart by; a categorical keeps its
        order, and its categories without rows.
    """

    codes: IntArray
    labels: pd.Index[Any]

    @classmethod
    def of(cls, by: Any, data: pd.DataFrame | None, n_rows: int) -> Groups | None:
        """Read `by`: nothing, values for each row, or names of columns of `data`."""
        if by is None:
            return None
        if isinstance(by, str) or (isinstance(by, (list, tuple)) and data is not None):
            by = _columns(by, data)
        if isinstance(by, pd.DataFrame):
            _check_rows(len(by), n_rows)
            columns = [cls._of_one(by[name], name) for name in by.columns]
            return columns[0] if len(columns) == 1 else cls._of_several(columns)
        values = by if isinstance(by, (pd.Series, pd.Categorical, pd.Index)) else np.asarray(by)
        if values.ndim != 1:
            raise DataError(message(f"by has shape {values.shape}", "a group for each row of y", 'by=frame["plan"]'))
        _check_rows(len(values), n_rows)
        return cls._of_one(pd.Series(values), getattr(by, "name", None) or "group")

    @classmethod
    def _of_one(cls, column: pd.Series[Any], name: Any) -> Groups:
        missing = column.isna().to_numpy()
        if missing.any():
            raise DataError(
                message(
                    f"{int(missing.sum())} of {len(missing)} rows have no group in {name!r} ({named_rows(missing)})",
                    "every row belongs to one",
                    "fillna('unknown'), if these are a group of their own",
                )
            )
        if isinstance(column.dtype, pd.CategoricalDtype):
            categories = pd.Index(column.cat.categories, name=name)
            return cls(column.cat.codes.to_numpy().astype(np.int64), categories)
        codes, found = pd.factorize(column)
        try:
            order = np.argsort(np.asarray(found), kind="stable")
        except TypeError:  # numbers among texts have no order of their own
            order = np.array(sorted(range(len(found)), key=lambda k: repr(found[k])), dtype=np.int64)
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return cls(rank[codes], pd.Index(found, name=name).take(order))

    @classmethod
    def _of_several(cls, columns: Sequence[Groups]) -> Groups:
        """Put columns together: the combinations that occur, in the order of the columns."""
        key = np.zeros(len(columns[0].codes), dtype=np.int64)
        for column in columns:
            key = key * len(column.labels) + column.codes
        found, codes = np.unique(key, return_inverse=True)
        parts = []
        for column in reversed(columns):
            found, part = np.divmod(found, len(column.labels))
            parts.append(column.labels.take(part))
        return cls(codes.astype(np.int64), pd.MultiIndex.from_arrays(parts[::-1]))


def _columns(by: str | Sequence[str], data: pd.DataFrame | None) -> pd.DataFrame:
    names = as_names(by, name="by")
    if data is None:
        raise ParameterError(message(f"by={by!r} names a column of no frame", "columns are taken from data=", "data=X"))
    check_columns([str(name) for name in data.columns], {f"by[{name!r}]": name for name in names})
    if not isinstance(data, pd.DataFrame):
        data = pd.DataFrame({name: np.asarray(data[name]) for name in names})
    return data[list(names)]


def _check_rows(given: int, n_rows: int) -> None:
    if given != n_rows:
        raise DataError(message(f"by has {given} rows and y {n_rows}", "a group for each row of y"))


def read_watched(
    y: Any, *, by: Any, data: pd.DataFrame | None, cause: int | None, sample_weight: ArrayLike | None
) -> tuple[list[Watched], pd.Index[Any] | None]:
    """Read a target and split it by group.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        A survival target.
    by : array-like, str, sequence of str or None
        What rows are told apart by.
    data : DataFrame or None
        Where `by` names columns.
    cause : int or None
        The number of the only cause that counts; None counts all.
    sample_weight : array-like of shape (n_rows,) or None
        How many customers each row stands for.

    Returns
    -------
    parts : list of Watched
        The rows of each group, in an order that does not depend on the order in which they came
        as far as sums could show it.
    labels : Index or None
        The groups.
    """
    rows = read_survival_target(y)
    weight, _ = weights(sample_weight, len(rows))
    if cause is not None and check_integer(cause, name="cause", low=1) > rows.n_causes:
        raise ParameterError(
            message(f"cause={cause} and y holds {rows.n_causes}", "the number of a cause of y", "cause=1, or None")
        )
    left = rows.observed if cause is None else rows.event == cause
    watched = Watched(rows.time, rows.start, left, ~rows.observed, weight)
    groups = Groups.of(by, data, len(rows))
    codes = np.zeros(len(rows), dtype=np.int64) if groups is None else groups.codes
    order, n_groups = _canonical(watched, codes), 1 if groups is None else len(groups.labels)
    ends = np.searchsorted(codes[order], np.arange(n_groups + 1))
    parts = [watched.take(order[first:last]) for first, last in itertools.pairwise(ends)]
    return parts, None if groups is None else groups.labels


def _canonical(watched: Watched, codes: IntArray) -> IntArray:
    """Order the rows that count by group; inside one by all that is summed, unless whole numbers make that exact."""
    numbers = (watched.weight, watched.start, watched.time)
    exact = all((values == np.rint(values)).all() for values in numbers)
    keys = (codes,) if exact else (watched.here, watched.left, *numbers, codes)
    order = np.lexsort(keys)
    kept: IntArray = order[watched.weight[order] > 0]
    return kept


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """What happened between one edge and the next.

    Parameters
    ----------
    edges : ndarray of shape (n_bands + 1,)
        Band k is ``(edges[k], edges[k + 1]]``.
    at_risk : ndarray of shape (n_bands,)
        Customers under observation when the band begins.
    events : ndarray of shape (n_bands,)
        Departures in the band.
    exposure : ndarray of shape (n_bands,)
        Time spent in the band under observation, summed over customers.
    closing : ndarray of shape (n_bands,)
        Customers who were in the band, still here, when their observation ended.

    Examples
    --------
    >>> watched = read_watched(
    ...     np.array([(True, 2.0), (False, 5.0)], dtype=[("event", "?"), ("time", "f8")]),
    ...     by=None,
    ...     data=None,
    ...     cause=None,
    ...     sample_weight=None,
    ... )[0][0]
    >>> found = exposure_between(watched, np.array([0.0, 3.0, 6.0]))
    >>> found.exposure, found.events
    (array([5., 2.]), array([1., 0.]))
    """

    edges: FloatArray
    at_risk: FloatArray
    events: FloatArray
    exposure: FloatArray
    closing: FloatArray

    @property
    def rate(self) -> FloatArray:
        """Departures per customer and unit of time; NaN where nobody was watched."""
        watched = self.exposure > 0
        rate: FloatArray = np.divide(self.events, self.exposure, out=np.full(len(watched), np.nan), where=watched)
        return rate


def exposure_between(rows: Watched, edges: FloatArray) -> Exposure:
    """Sum departures and time at risk between edges.

    A row is under observation over ``(start, time]``, so that a row cut in two counts as the uncut one.

    Parameters
    ----------
    rows : Watched
        The rows.
    edges : ndarray of shape (n_bands + 1,)
        Ascending; the last may be infinite.

    Returns
    -------
    Exposure
        The sums.
    """
    n_bands = len(edges) - 1
    ended, began = _bands(rows.time, edges), _bands(rows.start, edges)
    in_band = (ended >= 0) & (ended < n_bands)

    def counted(which: BoolArray) -> FloatArray:
        chosen = which & in_band
        return np.bincount(ended[chosen], rows.weight[chosen], n_bands).astype(np.float64)

    spent = _spent(rows.time, ended, rows.weight, edges) - _spent(rows.start, began, rows.weight, edges)
    # Differences of sums leave dust where nobody was; whom they are made of can be counted.
    passed = np.searchsorted(edges, rows.start, side="right") - 1
    nobody = _above(ended, None, n_bands) == _above(passed, None, n_bands, inclusive=False)
    at_risk = _above(ended, rows.weight, n_bands) - _above(began, rows.weight, n_bands)
    none_at_risk = _above(ended, None, n_bands) == _above(began, None, n_bands)
    return Exposure(
        edges,
        np.where(none_at_risk, 0.0, np.maximum(at_risk, 0.0)),
        counted(rows.left),
        np.where(nobody, 0.0, np.maximum(spent, 0.0)),
        counted(rows.here),
    )


def _bands(values: FloatArray, edges: FloatArray) -> IntArray:
    """Return the band ``(low, high]`` of each value: -1 up to the first edge, n_bands past the last."""
    found: IntArray = np.searchsorted(edges, values, side="left").astype(np.int64) - 1
    return found


def _above(bands: IntArray, weight: FloatArray | None, n_bands: int, *, inclusive: bool = True) -> FloatArray:
    """Sum the weight of values in each band or a later one, or only in later ones."""
    total = np.bincount(bands + 1, weight, n_bands + 2).astype(np.float64)
    after = np.cumsum(total[::-1])[::-1]
    return after[1 : n_bands + 1] if inclusive else after[2:]


def _spent(values: FloatArray, bands: IntArray, weight: FloatArray, edges: FloatArray) -> FloatArray:
    """Sum, for each band, how far into it the values reach."""
    n_bands = len(edges) - 1
    inside = (bands >= 0) & (bands < n_bands)
    k = bands[inside]
    part = np.bincount(k, weight[inside] * (values[inside] - edges[k]), n_bands).astype(np.float64)
    through = _above(bands, weight, n_bands, inclusive=False)
    spent: FloatArray = part + np.where(through > 0, through * np.where(np.isinf(edges[1:]), 0.0, np.diff(edges)), 0.0)
    return spent


def rate_interval(events: FloatArray, exposure: FloatArray, *, confidence: float) -> tuple[FloatArray, FloatArray]:
    """Return bounds of rates, given how many departures came in how much time at risk.

    Parameters
    ----------
    events, exposure : ndarray
        Departures, and time at risk summed over customers.
    confidence : float
        The share of samples whose interval shall hold the true rate.

    Returns
    -------
    low, high : ndarray
        ``low <= events / exposure <= high``; NaN where there is no exposure.

    Notes
    -----
    Departures are taken as Poisson, given the time at risk. Bounds are the quantiles of a gamma distribution with
    shape ``events + 1/2`` (Jeffreys), whose mean coverage is nearer to what is asked for than that of the
    exact interval, which holds the truth too often (Brown, Cai and DasGupta 2003, Statistica Sinica 13, 19-49).
    Without any departure the lower bound is 0 and the upper one that of the exact interval.

    Examples
    --------
    >>> low, high = rate_interval(np.array([12.0, 0.0]), np.array([400.0, 400.0]), confidence=0.95)
    >>> low.round(4), high.round(4)
    (array([0.0164, 0.    ]), array([0.0508, 0.0092]))
    """
    tail = (1 - checked_confidence(confidence)) / 2
    watched = np.where(exposure > 0, exposure, np.nan)
    low = np.where(events > 0, gammaincinv(events + 0.5, tail), 0.0)
    high = np.where(events > 0, gammaincinv(events + 0.5, 1 - tail), -np.log(tail))
    return low / watched, high / watched


def band_edges(bands: Any) -> FloatArray:
    """Return the edges of bands, checked.

    Parameters
    ----------
    bands : array-like of shape (n_bands + 1,)
        Ascending tenures from 0 up; the last may be infinite.

    Returns
    -------
    ndarray
        The edges.

    Raises
    ------
    ParameterError
        If they are no such tenures.
    """
    try:
        edges = np.asarray(bands, dtype=np.float64)
    except (TypeError, ValueError):
        edges = np.empty(0)
    if edges.ndim != 1 or len(edges) < 2:
        raise ParameterError(message(f"bands is {bands!r}", "at least two tenures", "bands=[0, 3, 6, 12, np.inf]"))
    wrong = np.isnan(edges).any() or edges[0] < 0 or not (edges[1:] > edges[:-1]).all() or np.isinf(edges[:-1]).any()
    if wrong:
        raise ParameterError(
            message(
                f"bands is {some(edges.tolist(), 12)}",
                "tenures from 0 up, each above the one before; only the last may be infinite",
                "bands=[0, 3, 6, 12, np.inf]",
            )
        )
    return edges


def band_index(edges: FloatArray) -> pd.IntervalIndex[Any]:
    """Name bands ``(low, high]`` by pandas intervals.

    Parameters
    ----------
    edges : ndarray of shape (n_bands + 1,)
        Ascending tenures.

    Returns
    -------
    IntervalIndex
        Named "band".

    Examples
    --------
    >>> band_index(np.array([0.0, 3.0, 6.0])).tolist()
    [Interval(0.0, 3.0, closed='right'), Interval(3.0, 6.0, closed='right')]
    """
    return pd.IntervalIndex.from_breaks(edges, closed="right", name="band")


def by_group(frames: Iterator[pd.DataFrame], labels: pd.Index[Any] | None) -> pd.DataFrame:
    """Put the frames of groups below each other, the group in the index before what they are indexed by.

    Parameters
    ----------
    frames : iterator of DataFrame
        One for each group.
    labels : Index or None
        The groups; None where there is only one frame.

    Returns
    -------
    DataFrame
        The rows of all.
    """
    parts = list(frames)
    if labels is None:
        return parts[0]
    levels = list(labels.names)
    return pd.concat(dict(enumerate(parts)), names=["_group"]).pipe(_labelled, labels, levels)


def _labelled(frame: pd.DataFrame, labels: pd.Index[Any], levels: list[Any]) -> pd.DataFrame:
    index: Any = frame.index
    place = index.get_level_values("_group").to_numpy()
    inner = index.droplevel("_group")
    repeated = labels.take(place)
    outer = [repeated.get_level_values(k) for k in range(repeated.nlevels)]
    arrays = [*outer, *(inner.get_level_values(k) for k in range(inner.nlevels))]
    return frame.set_axis(pd.MultiIndex.from_arrays(arrays, names=[*levels, *inner.names]))
