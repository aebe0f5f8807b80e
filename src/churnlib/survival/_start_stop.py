"""Features that change over time: rows as of a tenure, and survival along a path that is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from churnlib._checks import check_choice, check_number, named_rows
from churnlib._sklearn import check_is_fitted
from churnlib._typing import Array, ArrayLike, BoolArray, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, message, some
from churnlib.survival._ask import within_support
from churnlib.survival._hazard_model import HazardModel, part_of
from churnlib.survival._paths import Paths, customer_codes, find_paths
from churnlib.targets import SurvivalRows, read_survival_target

__all__ = ["LandmarkRows", "landmark_rows", "predict_along_path"]


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkRows:
    """Who was still here at a tenure, what was known of them then, and what became of them.

    Parameters
    ----------
    X : frame or array of shape (n_rows, n_features)
        The features in force at the landmark.
    y : structured array of shape (n_rows,)
        The survival target from the landmark on: its ``entry`` is the landmark.
    groups : ndarray of shape (n_rows,)
        The customer of each row.
    at : ndarray of shape (n_rows,)
        The landmark of each row.

    Examples
    --------
    >>> rows = LandmarkRows(np.ones((1, 1)), np.zeros(1), np.array([7]), np.array([30.0]))
    >>> len(rows)
    1
    """

    X: Any
    y: Array
    groups: Array
    at: FloatArray

    def __len__(self) -> int:
        return len(self.at)


def landmark_rows(
    X: Any, y: Any, *, at: float | Sequence[float], groups: ArrayLike, horizon: float | None = None
) -> LandmarkRows:
    """Take the customers who are still here at a tenure, with the features in force then.

    A model that is fitted to these rows predicts from what is known at the landmark, so its predictions
    need no word on how features go on. With several landmarks a customer has several rows: pass the
    `groups` that come back to ``fit`` for errors by customer.

    Parameters
    ----------
    X : array or frame of shape (n_rows, n_features)
        Features of each stretch of a customer's time.
    y : structured array of shape (n_rows,)
        The survival target of the stretches, with ``entry``.
    at : float or sequence of float
        The landmarks: tenures, at least 0.
    groups : array-like of shape (n_rows,)
        The customer of each row.
    horizon : float, default=None
        How far to look from the landmark; who is still here then is censored. None: to the end.

    Returns
    -------
    LandmarkRows
        ``X``, ``y``, ``groups`` and ``at``, by landmark, then in the order of the rows.

    Raises
    ------
    DataError
        If two rows of a customer overlap, or nobody is at risk at a landmark.
    ParameterError
        If a landmark is below 0, or the horizon is not above 0.

    Notes
    -----
    The row in force at s is the one with ``entry <= s < time``: its features were known when it began.
    Who is not watched at s has no row; who is lost from sight in a gap later is censored there.
    van Houwelingen 2007, Scand. J. Stat. 34, 70-85.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> X = pd.DataFrame({"calls": [0, 4, 1]})
    >>> y = survival_target([0, 1, 0], [30, 50, 90], entry=[0, 30, 0])
    >>> rows = landmark_rows(X, y, at=40, groups=["a", "a", "b"])
    >>> rows.X["calls"].tolist(), rows.y.tolist()
    ([4, 1], [(True, 50.0, 40.0), (False, 90.0, 40.0)])
    """
    rows = read_survival_target(y)
    customer, customers = _customers(X, rows, groups)
    landmarks = [check_number(s, name="at", low=0) for s in np.atleast_1d(np.asarray(at, dtype=object))]
    if not landmarks:
        raise ParameterError(message("at names no landmark", "at least one tenure", "at=[90, 180]"))
    ahead = np.inf if horizon is None else check_number(horizon, name="horizon", low=0)
    if ahead == 0:
        raise ParameterError(message("horizon=0 looks at no time", "a length above 0", "horizon=90"))
    paths = find_paths(customer, rows.start, rows.time)
    _refuse_overlaps(paths, customer, customers)
    last = _last_of_stay(paths, rows)
    taken, until, at_risk = [], [], []
    for s in landmarks:
        here = np.flatnonzero((rows.start <= s) & (s < rows.time))
        if not len(here):
            raise DataError(
                message(
                    f"nobody is watched at {s:g}",
                    f"landmarks within {rows.start.min():g} and {rows.time.max():g}",
                    "at=[…] within them",
                )
            )
        taken.append(here)
        at_risk.append(np.full(len(here), s))
        until.append(np.full(len(here), s + ahead))
    row, entry, limit = np.concatenate(taken), np.concatenate(at_risk), np.concatenate(until)
    end = last[row]
    time = np.minimum(rows.time[end], limit)
    event = np.where(rows.time[end] <= limit, rows.event[end], 0)
    kind = np.int16 if rows.several_causes else np.bool_
    target = np.empty(len(row), dtype=[("event", kind), ("time", np.float64), ("entry", np.float64)])
    target["event"], target["time"], target["entry"] = event, time, entry
    return LandmarkRows(_take(X, row), target, np.asarray(customers[customer[row]]), entry)


def predict_along_path(
    model: HazardModel, X: Any, y: Any, *, groups: ArrayLike, beyond: str | None = None
) -> pd.DataFrame:
    """Return the chance to be still here at the end of each stretch, along features that are given.

    Each stretch has the hazard of its own features. This answers "what if": the path is the caller's, and
    where features follow from what the customer does (who leaves stops calling) it is no forecast.

    Parameters
    ----------
    model : HazardModel
        A fitted model, such as `CoxModel`.
    X : array or frame of shape (n_rows, n_features)
        Features of each stretch.
    y : structured array of shape (n_rows,), or array-like of shape (n_rows, 2)
        When each stretch begins and ends: a survival target, whose events are not looked at, or
        columns of entry and time.
    groups : array-like of shape (n_rows,)
        The customer of each row.
    beyond : {"raise", "nan", "hold"} or None, default=None
        What to do past the model's ``support_``; None: what the model says.

    Returns
    -------
    DataFrame
        One row per row of X, in its order and with its index: ``group``, ``entry``, ``time``, ``hazard`` (the
        chance to leave in the stretch, of those who are here when it begins) and ``survival`` (the chance to
        be here at its end, of those who were here when the customer's first stretch began).

    Raises
    ------
    DataError
        If stretches of a customer overlap or leave a gap, or end before they begin.
    HistoryError
        If a stretch reaches beyond what was watched and `beyond` is "raise".

    Notes
    -----
    ``S = Π exp(−∫_stretch hazard(u | x_stretch) du)``: a cumulative hazard of each stretch, at its features.

    Examples
    --------
    >>> from churnlib.survival import CoxModel
    >>> from churnlib.targets import survival_target
    >>> X = pd.DataFrame({"calls": [3.0, 0, 1, 0, 2, 1]})
    >>> model = CoxModel().fit(X, survival_target([1, 0, 1, 1, 1, 0], [20, 90, 35, 60, 70, 80]))
    >>> path = pd.DataFrame({"calls": [0, 2]})
    >>> predict_along_path(model, path, [[0, 50], [50, 80]], groups=["a", "a"])["survival"].round(3)
    0    0.864
    1    0.287
    Name: survival, dtype: float64
    """
    check_is_fitted(model)
    rule = model.beyond if beyond is None else check_choice(beyond, ("raise", "nan", "hold"), name="beyond")
    if rule == "extrapolate" and not model._own_tail:
        raise ParameterError(
            message(
                f'beyond="extrapolate" of {type(model).__name__} is a tail of features that stay as they are',
                "along a path what to say of times behind the data",
                'predict_along_path(..., beyond="hold"), "nan" or "raise"',
            )
        )
    entry, time = _stretches(y)
    rows = SurvivalRows(np.zeros(len(time), dtype=np.int64), time, entry)
    customer, customers = _customers(X, rows, groups)
    paths = find_paths(customer, entry, time)
    _refuse_overlaps(paths, customer, customers)
    _refuse_gaps(paths, customer, customers)
    data = model._read(X, reset=False)
    ends = np.stack([entry, time], axis=1)
    inside, outside = within_support(ends, model.support_, rule, from_low=True)
    curve = getattr(model, "_log_survival_held", model._log_survival)
    logs = np.empty((len(time), 2))
    for block in model._blocks(len(time), model._cells_per_row(2)):
        logs[block] = curve(part_of(data, block), inside[block])
    with np.errstate(invalid="ignore"):
        steps = np.minimum(logs[:, 1] - logs[:, 0], 0.0)
    if outside is not None:
        steps[outside.any(axis=1)] = np.nan
    along = np.empty(len(time))
    along[paths.order] = _sums_within(steps[paths.order], paths.same)
    index = X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(len(time))
    columns = {
        "group": np.asarray(customers[customer]),
        "entry": entry,
        "time": time,
        "hazard": np.abs(np.expm1(steps)),
        "survival": np.exp(along),
    }
    return pd.DataFrame(columns, index=index)


def _customers(X: Any, rows: SurvivalRows, groups: ArrayLike) -> tuple[IntArray, pd.Index[Any]]:
    n = X.shape[0] if hasattr(X, "shape") else len(X)
    if n != len(rows):
        raise DataError(message(f"X has {n} rows and y {len(rows)}", "one stretch of time for each row of X"))
    return customer_codes(groups, len(rows))


def _stretches(y: Any) -> tuple[FloatArray, FloatArray]:
    """Return when each stretch begins and ends."""
    table = np.asarray(y)
    if table.dtype.names is not None:
        rows = read_survival_target(table)
        return rows.start, rows.time
    try:
        times = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(message(f"y cannot be read as numbers ({error})", "a beginning and an end per row")) from None
    if times.ndim != 2 or times.shape[1] != 2 or not len(times):
        raise DataError(
            message(
                f"y has shape {times.shape}", "a beginning and an end for each row of X", "y=frame[['entry', 'time']]"
            )
        )
    wrong = ~(times[:, 0] < times[:, 1]) | (times[:, 0] < 0) | ~np.isfinite(times).all(axis=1)
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum())} of {len(wrong)} stretches do not end after they begin, at 0 or later "
                f"({named_rows(wrong)})",
                "0 <= entry < time",
            )
        )
    return np.ascontiguousarray(times[:, 0]), np.ascontiguousarray(times[:, 1])


def _refuse_overlaps(paths: Paths, customer: IntArray, customers: pd.Index[Any]) -> None:
    expected = "rows that follow one another"
    _refuse(paths.overlapping, paths, customer, customers, "overlap with the row before", expected)


def _refuse_gaps(paths: Paths, customer: IntArray, customers: pd.Index[Any]) -> None:
    expected = "a path without gaps: features of every stretch"
    _refuse(paths.later & ~paths.touching, paths, customer, customers, "begin after a gap", expected)


def _refuse(
    wrong: BoolArray, paths: Paths, customer: IntArray, customers: pd.Index[Any], what: str, expected: str
) -> None:
    if not wrong.any():
        return
    rows = np.sort(paths.order[wrong])
    who = some(map(repr, pd.unique(customers[customer[rows]]).tolist()), 3)
    raise DataError(
        message(f"{len(rows)} of {len(wrong)} rows {what} of their customer ({named_rows(rows)}; {who})", expected)
    )


def _last_of_stay(paths: Paths, rows: SurvivalRows) -> IntArray:
    """Return, for each row, the row in which the customer's stay without a break ends."""
    order = paths.order
    goes_on = paths.touching & ~rows.observed[np.roll(order, 1)]
    stay = np.cumsum(~goes_on) - 1
    ends = order[~np.roll(goes_on, -1)]
    last = np.empty(len(order), dtype=np.int64)
    last[order] = ends[stay]
    return last


def _take(X: Any, rows: IntArray) -> Any:
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if isinstance(X, np.ndarray):
        return X[rows]
    native = nw.from_native(X, eager_only=True, pass_through=True)
    return native[rows].to_native() if isinstance(native, nw.DataFrame) else np.asarray(X)[rows]


def _sums_within(steps: FloatArray, same: BoolArray) -> FloatArray:
    """Return running sums that begin anew where a customer does; what follows the unknown is unknown."""
    person = np.cumsum(~same)
    finite = pd.Series(np.where(np.isnan(steps), 0.0, np.maximum(steps, -1e5)))  # e^-100000 is 0 already
    total = finite.groupby(person).cumsum().to_numpy()
    unknown = pd.Series(np.isnan(steps)).groupby(person).cummax().to_numpy(dtype=bool)
    return np.where(unknown, np.nan, total)
