"""Churn by tenure and group, on exposure; and the ratio to the closing base, to compare."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import ArrayLike, BoolArray, FloatArray
from churnlib.numerics import RiskTable, risk_table, wilson_interval
from churnlib.numerics._product_limit import greenwood_terms
from churnlib.survival._exposure import (
    Exposure,
    Watched,
    band_edges,
    band_index,
    by_group,
    exposure_between,
    rate_interval,
    read_watched,
)

__all__ = ["hazard_table"]


def hazard_table(
    y: Any,
    *,
    bands: ArrayLike,
    by: Any = None,
    data: pd.DataFrame | None = None,
    cause: int | None = None,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Tabulate churn by tenure band and group, on the time customers were at risk.

    Everybody counts for as long as they were watched in a band: those who came in the middle of
    it, those who were lost from sight, and, with delayed entry, those whom observation met there. It assumes
    that who was not watched leaves like who was. The ratio of losses to the closing base, which reports
    often call a churn rate, stands beside it under its own name: it may pass 100 %.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        The survival target, from `survival_target` or ``data.survival``.
    bands : array-like of shape (n_bands + 1,)
        Tenures at which bands begin and end, in the unit of y, ascending from 0 up; the last
        may be infinite. A band holds its upper end: [0, 3, 6] are months 1 to 3 and 4 to 6. What happened
        outside the bands is not counted.
    by : array-like of shape (n_rows,), DataFrame, str or sequence of str, default=None
        Groups: a value for each row, or names of columns of `data`. A categorical keeps its order, and its
        categories without rows, whose cells are empty; of several columns the combinations that occur are kept.
    data : DataFrame, default=None
        Where `by` names columns.
    cause : int, default=None
        The number of the cause whose departures count. Customers who leave by another one are at risk until then.
        None: all.
    sample_weight : array-like of shape (n_rows,), default=None
        How many customers each row stands for.
    confidence : float, default=0.95
        The share of samples whose interval shall hold the truth, for each cell by itself.

    Returns
    -------
    DataFrame
        A row for each group and band, indexed by the group and ``band`` (a pandas Interval): ``at_risk``
        (customers under observation when the band begins), ``events``, ``exposure`` (time at risk, summed over
        customers), ``rate`` (events per customer and unit of time), ``low``, ``high``, ``chance`` (to leave within
        the band for who enters it; NaN unless somebody was watched all through the band), ``chance_low``,
        ``chance_high``, ``closing_base`` (customers who were in the band, still here, when observation ended) and
        ``loss_ratio`` (events by closing base, from 0 up without limit). Without customers, rates, chances and ratios
        are NaN.

    Raises
    ------
    DataError
        If y is no survival target, or a group is missing.
    ParameterError
        If `bands` or `cause` cannot be.
    SchemaError
        If `by` names no column of `data`.

    Notes
    -----
    ``rate = events / exposure``, with Jeffreys' interval for a Poisson count. ``chance = 1 - Π (1 - d / n)`` over the
    times in the band (Kaplan–Meier), with Wilson's interval for as many customers as would have its Greenwood
    variance without censoring (Rothman 1978, J. Chronic Dis. 31, 557-560). For short bands and small rates the chance
    is nearly the rate times the width. Rows cut into pieces (entry, u] and (u, time] give the same rates and chances;
    ``closing_base`` counts every piece that ends without a departure.

    See Also
    --------
    find_hazard_peaks : where the rate exceeds its neighbourhood.

    Examples
    --------
    Of nine customers who were there when observation began, in their fifth month, eight left at the end of their
    sixth; one stayed on into the seventh. A new customer came and is in the fourth month:

    >>> import churnlib as cl
    >>> y = cl.survival_target([1] * 8 + [0, 0], [6] * 8 + [7, 4], entry=[4] * 9 + [3])
    >>> hazard_table(y, bands=[3, 6, 12])[["events", "exposure", "rate", "closing_base", "loss_ratio"]].round(2)
                 events  exposure  rate  closing_base  loss_ratio
    band
    (3.0, 6.0]        8      19.0  0.42             1         8.0
    (6.0, 12.0]       0       1.0  0.00             1         0.0

    Eight of nine left within two months, which is 42 % a month; by the closing base it is 800 %.
    """
    edges = band_edges(bands)
    parts, labels = read_watched(y, by=by, data=data, cause=cause, sample_weight=sample_weight)
    table = by_group((_cells(part, edges, confidence) for part in parts), labels)
    if all(part.whole for part in parts):
        counts = ["at_risk", "events", "closing_base"]
        table[counts] = table[counts].round().astype(np.int64)
    return table


def _cells(rows: Watched, edges: FloatArray, confidence: float) -> pd.DataFrame:
    """Fill the cells of one group."""
    found = exposure_between(rows, edges)
    low, high = rate_interval(found.events, found.exposure, confidence=confidence)
    chance, chance_low, chance_high = _chances(rows, found, confidence)
    ratio = np.divide(found.events, found.closing, out=np.full(len(found.events), np.nan), where=found.closing > 0)
    columns = {
        "at_risk": found.at_risk, "events": found.events, "exposure": found.exposure,
        "rate": found.rate, "low": low, "high": high,
        "chance": chance, "chance_low": chance_low, "chance_high": chance_high,
        "closing_base": found.closing, "loss_ratio": ratio,
    }  # fmt: skip
    return pd.DataFrame(columns, index=band_index(edges))


def _chances(rows: Watched, found: Exposure, confidence: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the chance to leave within each band, with its interval."""
    edges, n_bands = found.edges, len(found.events)
    if not len(rows):
        nothing = np.full(n_bands, np.nan)
        return nothing, nothing, nothing
    table = risk_table(
        rows.time,
        rows.left,
        entry=rows.start if rows.start.any() else None,
        weight=None if (rows.weight == 1).all() else rows.weight,
    )
    band = np.searchsorted(edges, table.times, side="left") - 1
    inside = (band >= 0) & (band < n_bands)
    with np.errstate(divide="ignore"):
        logs = np.log1p(-np.minimum(table.left / table.at_risk, 1.0))
    stays = np.exp(np.bincount(band[inside], logs[inside], n_bands))
    terms = np.bincount(band[inside], greenwood_terms(table)[inside], n_bands).astype(np.float64)
    worth = _worth(stays, terms, found, _at_the_end(table, rows, edges))
    known = (stays == 0) | ~_holes(rows, table, edges)
    chance = np.where(known, 1 - stays, np.nan)
    counted = np.where(known, worth, 0.0)
    low, high = wilson_interval(np.where(known, 1 - stays, 0.0) * counted, counted, confidence=confidence)
    return chance, np.where(known, low, np.nan), np.where(known, high, np.nan)


def _worth(stays: FloatArray, terms: FloatArray, found: Exposure, still: FloatArray) -> FloatArray:
    """Return how many customers without censoring would tell as much: ``S (1 - S)`` by Greenwood's ``S² Σ``."""
    some = (stays > 0) & (stays < 1)
    worth: FloatArray = np.where(stays == 0, found.events, still)
    worth[some] = (1 - stays[some]) / (stays[some] * terms[some])
    return worth


def _at_the_end(table: RiskTable, rows: Watched, edges: FloatArray) -> FloatArray:
    """Return how many are under observation at the end of each band."""
    began = np.sort(rows.start)
    order = np.argsort(rows.start, kind="stable")
    entered = np.concatenate([[0.0], np.cumsum(rows.weight[order])])[np.searchsorted(began, edges[1:], side="left")]
    ended = np.concatenate([[0.0], np.cumsum(table.left + table.censored)])
    gone = ended[np.searchsorted(table.times, edges[1:], side="left")]
    still: FloatArray = np.maximum(entered - gone, 0.0)
    return still


def _holes(rows: Watched, table: RiskTable, edges: FloatArray) -> BoolArray:
    """Say of each band whether at some tenure in it nobody was watched."""
    moments = np.concatenate([edges[:-1], table.times])  # where a risk set may be empty, from this moment on
    began, ended = np.sort(rows.start), np.sort(rows.time)
    watched = np.searchsorted(began, moments, side="right") - np.searchsorted(ended, moments, side="right")
    empty = moments[watched <= 0]
    band = np.searchsorted(edges, empty, side="right") - 1
    holes = np.zeros(len(edges) - 1, dtype=bool)
    holes[band[(band >= 0) & (band < len(holes))]] = True
    return holes
