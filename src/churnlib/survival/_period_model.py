"""Base of the models that look at one period after the other: placing rows, and from hazards to answers."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import pandas as pd

from churnlib._typing import Array, BoolArray, FloatArray, IntArray
from churnlib.calendar import DAY_US, duration
from churnlib.exceptions import AssumptionWarning, HistoryError, ParameterError, SchemaError, message, nearest, some
from churnlib.survival._ask import within_support
from churnlib.survival._clocks import ContractKind
from churnlib.survival._hazard_model import HazardModel, len_of, part_of
from churnlib.survival._periods import Periods, periods_of, whole_part
from churnlib.survival._windows import Windows
from churnlib.targets import SurvivalRows

__all__ = ["Hazards", "PeriodModel", "warn"]

_MOST_PERIODS_BY_ITSELF = 60


class Hazards(Protocol):
    """What was learned: the chance to leave in a period, of those still here."""

    @property
    def all_gone_after(self) -> float:
        """The first period in which everybody leaves; infinite where there is none."""
        ...

    def hazards(self, X: Any, contract: FloatArray | None, begin: IntArray, width: int) -> FloatArray:
        """Return the hazard by cause of the periods ``begin + 1, ..., begin + width`` of each row.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            Features, without the column of the contract.
        contract : ndarray of shape (n_rows,) or None
            The column of the contract.
        begin : ndarray of shape (n_rows,)
            Periods that lie behind each row; periods after the last are as the last.
        width : int
            How many periods.

        Returns
        -------
        ndarray of shape (n_rows, n_causes, width)
            In [0, 1]; over the causes at most 1.
        """
        ...


class PeriodModel(HazardModel):
    """Base of the models of the hazard in each period.

    A subclass gives `_learn`, which turns rows and their periods into `Hazards`. Predictions look at no more
    periods than they are asked about: from the tenure of each customer to the end of the horizon.
    """

    period: float | str | None
    contract_term: str | int | None
    contract_end: str | int | None

    period_: float
    whole_periods_: bool
    n_person_periods_: int

    _causes: ClassVar[Literal["one", "pooled", "each"]] = "each"
    _model: Hazards
    _n_periods: int
    _contract_at: int | None

    def _learn(self, X: Any, contract: FloatArray | None, periods: Periods, weight: FloatArray) -> Hazards:
        """Learn the hazards from features, contracts, and where each row was watched."""
        raise NotImplementedError

    # ------------------------------------------------------------------ fit

    def _fit(self, X: Any, rows: SurvivalRows, weight: FloatArray) -> None:
        kind = self._contract_kind()
        if not weight.all():
            counted = np.flatnonzero(weight > 0)
            X, rows, weight = part_of(X, counted), rows.take(counted), weight[counted]
        self.period_ = self._length(rows)
        periods = periods_of(rows, self.period_)
        self.whole_periods_ = periods.whole
        self.n_person_periods_ = periods.n_cells
        self._n_periods = periods.n_periods
        # Who is watched in a part of a period is watched in it.
        begun, high = int(periods.first.min()) - 1, self.support_[1]
        self.support_ = (begun * self.period_, high)
        self.times_ = np.minimum(np.arange(begun + 1, periods.n_periods + 1) * self.period_, high)
        self._contract_at = None if kind is None else self._contract_position(X)
        features, contract = self._split(X)
        self._warn_of_gaps(periods, weight)
        self._model = self._learn(features, contract, periods, weight)

    def _length(self, rows: SurvivalRows) -> float:
        if self.period is None:
            longest = float(rows.time.max())
            return float(max(1, int(np.ceil(longest / _MOST_PERIODS_BY_ITSELF)))) if longest > 120 else 1.0
        if isinstance(self.period, str):
            length = duration(self.period, name="period")
            if length.fixed_us is None:
                raise ParameterError(
                    message(f"period={self.period!r} is a length of the calendar", "a fixed length", 'period="30d"')
                )
            return length.fixed_us / DAY_US
        if not np.isfinite(self.period) or self.period <= 0:
            raise ParameterError(
                message(f"period={self.period} is no length", "above 0, in the unit of the target", "period=1")
            )
        return float(self.period)

    def _contract_kind(self) -> ContractKind | None:
        if self.contract_term is not None and self.contract_end is not None:
            raise ParameterError(
                message(
                    "contract_term= and contract_end= are both given",
                    "the contract's length if it renews itself, or the tenure at which it ends",
                    "contract_end=None",
                )
            )
        if self.contract_term is not None:
            return "term"
        return None if self.contract_end is None else "end"

    def _contract_position(self, X: Any) -> int:
        name = "contract_term" if self.contract_term is not None else "contract_end"
        column = self.contract_term if self.contract_term is not None else self.contract_end
        names = list(getattr(self, "feature_names_in_", []))
        if column in names:
            return names.index(column)
        if isinstance(column, int) and -X.shape[1] <= column < X.shape[1]:
            return column % int(X.shape[1])
        hint = nearest(column, names) if names else f"X has {X.shape[1]} columns without names"
        raise SchemaError(message(f"{name}={column!r} is no column of X", hint))

    def _split(self, X: Any) -> tuple[Any, FloatArray | None]:
        """Take the column of the contract out of the features."""
        if self._contract_at is None:
            return X, None
        kept = np.arange(X.shape[1]) != self._contract_at
        if isinstance(X, pd.DataFrame):
            column = pd.to_numeric(X.iloc[:, self._contract_at]).to_numpy(dtype=np.float64, na_value=np.nan)
            return X.loc[:, kept], column
        return X[:, kept], np.asarray(X[:, self._contract_at], dtype=np.float64)

    def _always_bound(self, contract: FloatArray | None) -> bool:
        """Whether everybody has a contract that renews itself."""
        return contract is not None and self._contract_kind() == "term" and bool((contract > 0).all())

    def _warn_of_gaps(self, periods: Periods, weight: FloatArray) -> None:
        stayed, left = periods.counts(weight, len(self.causes_))
        watched = stayed + left.sum(axis=0) > 0
        empty = np.flatnonzero(~watched[int(periods.first.min()) - 1 :]) + int(periods.first.min())
        if len(empty):
            warn(
                f"nobody was watched in {len(empty)} of {periods.n_periods} periods "
                f"(ending at {some((f'{period * self.period_:g}' for period in empty), 5)})",
                "the hazard there is what the clock makes of its neighbours",
                "a longer period, or rows that cover these tenures",
            )

    # ------------------------------------------------------------------ answers

    def _log_survival(self, X: Any, times: FloatArray) -> FloatArray:
        return self._windows(X, None, times).log_survival()

    def _incidence(self, X: Any, times: FloatArray) -> FloatArray:
        return self._windows(X, None, times).incidence()

    def _log_ahead(self, X: Any, ahead: FloatArray, start: FloatArray | None) -> FloatArray:
        since, times = self._tenures(ahead, start)
        inside, outside = self._outside(since, times)
        log_survival = self._windows(X, self._begin_of(since), inside).log_survival()
        return np.where(outside, np.nan, log_survival) if outside is not None else log_survival

    def _incidence_ahead(self, X: Any, ahead: FloatArray, start: FloatArray | None) -> FloatArray:
        since, times = self._tenures(ahead, start)
        inside, outside = self._outside(since, times)
        incidence = self._windows(X, self._begin_of(since), inside).incidence()
        return np.where(outside[:, None, :], np.nan, incidence) if outside is not None else incidence

    def _outside(self, since: FloatArray | None, times: FloatArray) -> tuple[FloatArray, Array | None]:
        inside, outside = within_support(times, self.support_, self._rule)
        if since is None:
            return inside, outside
        _, early = within_support(since, self.support_, self._rule, from_low=True)
        if early is not None:
            outside = early if outside is None else outside | early
        return inside, outside

    def _begin_of(self, since: FloatArray | None) -> FloatArray | None:
        return None if since is None else np.clip(since, *self.support_)

    def _lifetime(self, X: Any, begin: FloatArray, ahead: FloatArray) -> FloatArray:
        low, high = self.support_
        end = begin + ahead
        within_support(end[:, None], self.support_, self._rule)
        within_support(begin[:, None], self.support_, self._rule, from_low=True)
        since, until = np.clip(begin, low, high), np.clip(end, low, high)
        area = self._windows(X, since[:, None], until[:, None]).area()
        if self.beyond == "nan":
            slack = 1e-9 * max(high, 1.0)
            return np.where((end > high + slack) | (begin < low - slack), np.nan, area)
        return area

    def _windows(self, X: Any, since: FloatArray | None, times: FloatArray) -> Windows:
        """Return the hazards from `since` (None: the start) to the last of the times, row by row."""
        n = len_of(X)
        begin, late = whole_part(np.zeros(n) if since is None else np.broadcast_to(since[:, 0], n), self.period_)
        done, rest = whole_part(np.broadcast_to(times, (n, times.shape[1])), self.period_)
        steps = np.maximum(done - begin[:, None], 0)
        width = max(int((steps + (rest > 0)).max(initial=0)), 1)
        features, contract = self._split(X)
        hazards = self._model.hazards(features, contract, begin, width)
        gone = begin >= self._model.all_gone_after
        if gone.any():
            self._refuse_the_gone(gone)
            hazards[gone] = np.nan
        return Windows(hazards, late, steps, rest, self.period_, self.whole_periods_)

    def _refuse_the_gone(self, gone: BoolArray) -> None:
        if self.beyond == "raise":
            raise HistoryError(
                message(
                    f"{int(gone.sum())} of {len(gone)} customers have a tenure at which, by the model, nobody is left",
                    "given= is the tenure of customers who are still here",
                    "look whether tenure and target have the same unit",
                )
            )


def warn(wrong: str, expected: str, fix: str = "") -> None:
    """Warn that the data are not as the model assumes, at the line that called `fit`.

    Parameters
    ----------
    wrong, expected, fix : str
        As in an error's message.
    """
    warnings.warn(message(wrong, expected, fix), AssumptionWarning, stacklevel=6)
