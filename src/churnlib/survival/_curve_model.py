"""Base of the models that count instead of assuming: one curve for everybody, or one for each stratum."""

from __future__ import annotations

import numbers
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import pandas as pd

from churnlib._checks import as_names, check_number
from churnlib._sklearn import Interval, Tags, check_is_fitted, fit_context
from churnlib._typing import ArrayLike, BoolArray, FloatArray, IntArray
from churnlib.exceptions import HistoryError, message, some
from churnlib.metrics._grid import on_grid
from churnlib.numerics import RiskTable, StepFunction, risk_table
from churnlib.numerics._product_limit import censoring_limit
from churnlib.numerics._risk_table import counted_table
from churnlib.survival._ask import read_given, within_support
from churnlib.survival._hazard_model import HazardModel, len_of
from churnlib.survival._strata import Strata, n_rows_of
from churnlib.survival._stretch import Stretch, watched_stretch
from churnlib.targets import SurvivalRows
from churnlib.targets._survival_rows import _fields as fields_of

__all__ = ["Curve", "CurveModel"]

_SLACK = 1e-9
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """What is known of one stratum.

    Parameters
    ----------
    start, end : float
        The tenures between which the curve speaks.
    table : RiskTable
        Who is at risk and who leaves in ``(start, end]``.
    survival : StepFunction
        The share of those who have reached `start` that is still here.
    log_survival : StepFunction
        Its logarithm.
    """

    start: float
    end: float
    table: RiskTable
    survival: StepFunction
    log_survival: StepFunction

    @property
    def empties(self) -> bool:
        """Whether by the end of the curve everybody has left, so that it is 0 from there on."""
        return bool(self.survival.values[-1] == 0)

    def passed(self, tenure: ArrayLike) -> IntArray:
        """Return how many of the times of the table lie at each tenure or before."""
        return np.asarray(np.searchsorted(self.table.times, tenure, side="right"))

    def shares(self) -> FloatArray:
        """Return the share still here before the first time and from each time on: shape (1 + n_times,)."""
        return np.concatenate([[1.0], self.survival.values])

    def log_ahead(self, begin: FloatArray, end: FloatArray) -> FloatArray:
        """Return ``log S(end) - log S(begin)``; NaN where nobody is left at `begin`."""
        later, reached = self.log_survival(end), self.log_survival(begin)
        with np.errstate(invalid="ignore"):
            ahead: FloatArray = later - reached
        return ahead

    def area(self, begin: FloatArray, end: FloatArray) -> FloatArray:
        """Return the area under ``S / S(begin)`` from `begin` to `end`."""
        survival = self.shares()
        knots = np.concatenate([[self.start], self.table.times])
        filled = np.concatenate([[0.0], np.cumsum(survival[:-1] * np.diff(knots))])

        def until(tenure: FloatArray) -> FloatArray:
            here = self.passed(tenure)
            return np.asarray(filled[here] + survival[here] * (tenure - knots[here]))

        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((until(end) - until(begin)) / survival[self.passed(begin)])

    def quantile(self, begin: FloatArray, left: float) -> FloatArray:
        """Return how long after `begin` this share has left; infinite where the curve does not come down so far."""
        survival = self.shares()
        goal = survival[self.passed(begin)] * (1 - left) * (1 + _ROUNDING)
        reached = np.searchsorted(-survival[1:], -goal, side="left")
        times = np.append(self.table.times, np.inf)[reached]
        return np.maximum(times - begin, 0.0) if left > 0 else np.zeros(times.shape)

    def fewest(self, first: IntArray, last: IntArray) -> FloatArray:
        """Return the fewest at risk at the times from `first` up to `last`, or, where there are none, at the next."""
        at_risk = np.append(self.table.at_risk, 0.0)
        if (np.diff(at_risk) <= 0).all():  # nobody enters late
            return np.asarray(at_risk[np.where(last > first, last - 1, first)])
        pairs, which = np.unique(first * len(at_risk) + last, return_inverse=True)
        edges = np.stack(np.divmod(pairs, len(at_risk)), axis=1).ravel()
        fewest: FloatArray = np.minimum.reduceat(at_risk, edges)[::2][which.reshape(first.shape)]
        return fewest


Answer: TypeAlias = Callable[[Any, FloatArray, FloatArray], FloatArray]


class CurveModel(HazardModel):
    """Base of Kaplan–Meier, Nelson–Aalen and Aalen–Johansen.

    A subclass gives `_curve`, which turns a table of risk into a curve.
    """

    strata: str | Sequence[str] | None
    min_at_risk: int

    strata_: Strata
    curves_: tuple[Any, ...]

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **HazardModel._parameter_constraints,
        "strata": [str, "array-like", None],
        "min_at_risk": [Interval(numbers.Integral, 1, None, closed="left")],
    }

    # ------------------------------------------------------------------ what a model gives

    @abstractmethod
    def _curve(self, stretch: Stretch) -> Any:
        """Turn a table of risk into a curve."""

    # ------------------------------------------------------------------ fit

    @fit_context(nested=False)
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Learn when customers leave.

        Parameters
        ----------
        X : frame, array or None
            A row for each customer; the columns of the strata, if there are any. None will do where there are none.
        y : structured array of shape (n_rows,)
            The survival target, from `survival_target` or ``data.survival``.
        sample_weight : array-like of shape (n_rows,), default=None
            How many customers each row stands for.

        Returns
        -------
        estimator
            Itself, fitted.

        Raises
        ------
        DataError
            If y is no survival target or does not fit X, nobody was seen to leave, or a stratum is missing.
        HistoryError
            If there are never `min_at_risk` customers at risk at once, or nobody leaves while so many are watched.
        """
        table = None
        if self.strata is None and sample_weight is None and (X is None or n_rows_of(X) == np.size(y)):
            table = _plain_table(y)
        if table is None:
            self._fit(*self._begin(np.empty((np.size(y), 0)) if X is None else X, y, sample_weight))
        else:
            self.strata_, self.causes_ = Strata.of(X, ()), (1,)
            self.censoring_ = censoring_limit(table)
            self._keep([self._curve(watched_stretch(table, None, None, at_least=self.min_at_risk))])
        return self

    def _read(self, X: Any, *, reset: bool) -> IntArray:
        """Return the stratum of each row; of X nothing but its length and these columns is looked at."""
        if reset:
            self.strata_ = Strata.of(X, as_names(self.strata, name="strata"))
        return self.strata_.codes(X)

    def _fit(self, X: Any, rows: SurvivalRows, weight: FloatArray) -> None:
        counted = None if (weight == 1).all() else on_grid(weight)
        keys, curves = [], []
        for code, members in _groups(X, len(self.strata_.keys)):
            if members is None or weight[members].any():
                keys.append(self.strata_.keys[code])
                curves.append(self._curve_of(code, rows, counted, members))
        self.strata_ = Strata(self.strata_.columns, tuple(keys))
        self._keep(curves)

    def _keep(self, curves: Sequence[Any]) -> None:
        if not any(curve.table.left.any() for curve in curves):
            raise HistoryError(
                message(
                    "every departure lies outside the curves, where too few are at risk or before the others enter",
                    "somebody must leave while others are watched",
                    "take a longer history, or a smaller min_at_risk=",
                )
            )
        self.curves_ = tuple(curves)
        self.support_ = (min(curve.start for curve in curves), max(curve.end for curve in curves))
        shared = min(curve.end for curve in curves)
        left = np.unique(np.concatenate([curve.table.times[curve.table.left > 0] for curve in curves]))
        self.times_ = left[left <= shared] if left[0] <= shared else np.array([shared])

    def _curve_of(self, code: int, rows: SurvivalRows, weight: FloatArray | None, members: IntArray | None) -> Any:
        if members is not None:
            rows, weight = rows.take(members), None if weight is None else weight[members]
        table = risk_table(
            rows.time,
            rows.event if self._causes == "each" else rows.observed,
            entry=rows.entry,
            weight=weight,
            n_causes=len(self.causes_),
        )
        who = f" of {self.strata_.name(code)}" if self.strata_.columns else ""
        return self._curve(watched_stretch(table, rows.entry, weight, at_least=self.min_at_risk, who=who))

    # ------------------------------------------------------------------ answers, stratum by stratum

    def _members(self, codes: IntArray) -> Iterator[tuple[Any, slice | IntArray]]:
        for code, members in _groups(codes, len(self.curves_)):
            yield self.curves_[code], slice(None) if members is None else members

    def _window(
        self, codes: IntArray, ahead: FloatArray, start: FloatArray | None
    ) -> tuple[FloatArray, FloatArray, BoolArray | None]:
        """Return from which tenure to which is asked, for each row and time, and which lie outside the curves."""
        low = self.support_[0]
        since = np.full((len(codes), 1), low) if start is None else start[:, None]
        until = np.maximum(ahead, low) if start is None else since + ahead
        until = np.broadcast_to(until, (len(codes), until.shape[1]))
        end, beyond = within_support(until, self.support_, self._rule)
        begin, before = within_support(since, self.support_, self._rule, from_low=True)
        outside = np.zeros(until.shape, dtype=bool)
        for found in (beyond, before):
            outside |= False if found is None else found
        if len(self.curves_) > 1:
            begin, end, other = self._within_strata(codes, begin, end)
            outside |= other
        return begin, end, outside if outside.any() else None

    def _within_strata(
        self, codes: IntArray, begin: FloatArray, end: FloatArray
    ) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Move tenures into the curve of each row's stratum, or refuse those outside, as `beyond` says."""
        starts = np.array([curve.start for curve in self.curves_])
        ends = np.array([np.inf if curve.empties else curve.end for curve in self.curves_])
        low, high = starts[codes][:, None], ends[codes][:, None]
        slack = _SLACK * max(self.support_[1], 1.0)
        outside = (begin < low - slack) | (end > high + slack)
        if self.beyond == "raise" and outside.any():
            wrong = np.unique(codes[outside.any(axis=1)])
            spans = [f"{self.strata_.name(code)} from {starts[code]:g} to {ends[code]:g}" for code in wrong]
            raise HistoryError(
                message(
                    f"{int(outside.any(axis=1).sum())} of {len(codes)} rows ask for tenures outside the curves of "
                    "their strata",
                    f"strata are known over a span each: {some(spans, 5)}",
                    'given= and times within it, or beyond="nan" or beyond="hold"',
                )
            )
        return np.clip(begin, low, high), np.clip(end, low, high), outside if self.beyond == "nan" else outside & False

    def _answered(
        self, codes: IntArray, ahead: FloatArray, start: FloatArray | None, answer: Answer, *parts: int
    ) -> FloatArray:
        """Ask each row's curve, rows with the same question once; NaN where `beyond` says so.

        `answer` makes of a curve, beginnings (m, 1) and ends (m, T) an array of shape (m, *parts, T).
        """
        if len(ahead) == 1 and len(codes) > 1:
            alike, codes_asked, start_asked = _questions(codes, start)
            if 2 * len(codes_asked) < len(codes):
                try:
                    return self._asked_apart(codes_asked, ahead, start_asked, answer, *parts)[alike]
                except HistoryError:  # is raised again below, with the number of rows
                    pass
        return self._asked_apart(codes, ahead, start, answer, *parts)

    def _asked_apart(
        self, codes: IntArray, ahead: FloatArray, start: FloatArray | None, answer: Answer, *parts: int
    ) -> FloatArray:
        begin, end, outside = self._window(codes, ahead, start)
        self._refuse_gone(codes, begin)
        out = np.empty((len(codes), *parts, end.shape[1]))
        for curve, rows in self._members(codes):
            out[rows] = answer(curve, begin[rows], end[rows])
        if outside is not None:
            out[np.broadcast_to(outside.reshape(len(codes), *[1] * len(parts), -1), out.shape)] = np.nan
        return out

    def _answered_in_blocks(
        self, codes: IntArray, ahead: FloatArray, start: FloatArray | None, answer: Answer, *parts: int
    ) -> FloatArray:
        """Ask for what goes with the curve and not with a tail put behind it, some rows at a time."""
        self._refuse_tail(codes, ahead, start)
        out = np.empty((len(codes), *parts, ahead.shape[1]))
        for block in self._blocks(len(codes), int(np.prod(parts)) * ahead.shape[1]):
            part = None if start is None else start[block]
            out[block] = self._answered(codes[block], ahead, part, answer, *parts)
        return out

    def _refuse_tail(self, codes: IntArray, ahead: FloatArray, start: FloatArray | None) -> None:
        if self.beyond != "extrapolate":
            return
        begin = np.zeros(1) if start is None else start
        behind = begin + ahead.max() > self._watched(codes)[1] + _SLACK * max(self.support_[1], 1.0)
        if behind.any():
            raise HistoryError(
                message(
                    f"{int(behind.sum())} of {len(behind)} rows ask for an interval behind the end of their curve",
                    "the error of a tail that is taken on trust cannot be estimated",
                    "times within support_ (given + times)",
                )
            )

    def _refuse_gone(self, codes: IntArray, begin: FloatArray) -> None:
        if self._rule != "raise":
            return
        gone = np.zeros(len(codes), dtype=bool)
        for curve, rows in self._members(codes):
            gone[rows] = np.isneginf(curve.log_survival(begin[rows][:, 0]))
        if gone.any():
            raise HistoryError(
                message(
                    f"{int(gone.sum())} of {len(gone)} customers have a tenure at which, by the curve, nobody is left",
                    "given= is the tenure of customers who are still here",
                    "look whether tenure and target have the same unit",
                )
            )

    def _log_survival(self, X: Any, times: FloatArray) -> FloatArray:
        out = np.empty((len_of(X), times.shape[1]))
        for curve, rows in self._members(X):
            out[rows] = curve.log_survival(times if len(times) == 1 else times[rows])
        return out

    def _cells_per_life(self) -> int:
        return 1  # rows share the area under the curve of their stratum

    def _log_ahead(self, X: Any, ahead: FloatArray, start: FloatArray | None) -> FloatArray:
        return self._answered(X, ahead, start, lambda curve, begin, end: curve.log_ahead(begin, end))

    def _watched(self, X: Any) -> tuple[FloatArray, FloatArray]:
        starts = np.array([curve.start for curve in self.curves_])
        ends = np.array([curve.end for curve in self.curves_])
        return starts[X], ends[X]

    def _lifetime(self, X: Any, begin: FloatArray, ahead: FloatArray) -> FloatArray:
        length = ahead[:1, None] if (ahead == ahead[0]).all() else ahead[:, None]
        area = self._answered(X, length, begin, lambda curve, since, until: curve.area(since, until))
        return area[:, 0]

    def _risk(self, X: Any) -> FloatArray:
        """Return minus the mean time stayed in the tenures over which all curves are known."""
        low, high = max(curve.start for curve in self.curves_), min(curve.end for curve in self.curves_)
        if low >= high:
            raise HistoryError(
                message(
                    "the curves of the strata have no tenure in common, so they cannot be ordered by risk",
                    "strata that were watched at the same tenures",
                    "larger strata, or predict_churn_probability of those known at the tenure",
                )
            )
        begin, end = np.array([low]), np.array([high])
        mean = np.array([float(curve.area(begin, end)[0]) for curve in self.curves_])
        risk: FloatArray = -mean[X]
        return risk

    def _tabulated(self, tabulate: Callable[[Any], Mapping[str, Any]]) -> pd.DataFrame:
        """Put what is said of each curve under each other, with the name of its stratum."""
        check_is_fitted(self)
        parts = [pd.DataFrame(tabulate(curve)) for curve in self.curves_]
        whole = pd.concat(parts, ignore_index=True)
        labels = pd.Series(self.strata_.labels, dtype=None if len(self.strata_.columns) == 1 else object)
        column = labels.repeat([len(part) for part in parts]).reset_index(drop=True)
        whole.insert(0, "stratum", column)
        return whole

    def _since(self, curve: Any, given: float | None, until: float | None = None) -> float:
        """Return the tenure to condition on, if this curve speaks of it and of what is asked after it."""
        since = curve.start if given is None else check_number(given, name="given", low=0)
        last = since if until is None else since + until
        slack = _SLACK * max(curve.end, 1.0)
        if since < curve.start - slack or (last > curve.end + slack and not curve.empties):
            raise HistoryError(
                message(
                    f"tenures from {since:g} to {last:g} are asked for, and a curve runs from {curve.start:g} "
                    f"to {curve.end:g}",
                    "tenures at which somebody of each stratum was watched",
                    "another given= or until=, or fewer strata",
                )
            )
        return since

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.no_validation = True  # X is not read, but for the columns of the strata
        tags.input_tags.sparse = True
        return tags

    # ------------------------------------------------------------------ what every curve can say

    def predict_lifetime_quantile(
        self, X: Any, share: float = 0.5, *, given: ArrayLike | str | None = None
    ) -> FloatArray:
        """Return the time after which this share of customers like each has left; half of them gives the median.

        Parameters
        ----------
        X : frame, array or None
            A row for each customer; the columns of the strata, if there are any.
        share : float, default=0.5
            Which share, between 0 and 1.
        given : float, array-like of shape (n_rows,), or str, default=None
            The tenure each customer has reached; text names a column of X.

        Returns
        -------
        ndarray of shape (n_rows,)
            The smallest t with ``P(T > given + t | T > given) ≤ 1 - share``, counted from `given`; infinite
            where that is not reached as far as the data go, however long they go on.

        Raises
        ------
        ParameterError
            If the share is not between 0 and 1.
        HistoryError
            If a tenure of `given` lies outside ``support_`` and ``beyond="raise"``.
        """
        check_is_fitted(self)
        left = check_number(share, name="share", low=0, high=1)
        codes = self._read(X, reset=False)
        start = read_given(given, X, len(codes))
        ahead = np.zeros((1, 1))
        return self._answered_in_blocks(codes, ahead, start, lambda curve, begin, _: curve.quantile(begin, left))[:, 0]


def _plain_table(y: Any) -> RiskTable | None:
    """Count a target of one cause and whole times, watched from the start, in one pass; else None.

    A target that is not plain, and whatever is wrong with one, is for the base to read.
    """
    target = np.asarray(y)
    if target.ndim != 1 or target.dtype.names is None or len(target.dtype.names) != 2:
        return None
    event, time, entry = fields_of(target, target.dtype.names)
    if event.dtype != np.bool_ or entry is not None:
        return None
    table = counted_table(time, event, None, None, 1)
    return table if table is not None and len(table.times) and table.times[0] > 0 and table.left.any() else None


def _questions(codes: IntArray, start: FloatArray | None) -> tuple[IntArray, IntArray, FloatArray | None]:
    """Return which of the distinct pairs of stratum and tenure each row has, and these pairs."""
    if start is None:
        alike, distinct = pd.factorize(codes)
        return alike, distinct, None
    which, tenures = pd.factorize(start)
    width = int(codes.max()) + 1
    alike, keys = pd.factorize(which * width + codes)
    return alike, keys % width, tenures[keys // width]


def _groups(codes: IntArray, n_groups: int) -> Iterator[tuple[int, IntArray | None]]:
    """Yield each group with the positions of its rows; None where all rows are of one."""
    if n_groups == 1:
        yield 0, None
        return
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(n_groups + 1))
    for code in range(n_groups):
        if edges[code] < edges[code + 1]:
            yield code, order[edges[code] : edges[code + 1]]
