"""Models with a curve for each stratum, each of which was watched for a time of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from churnlib._checks import as_names
from churnlib._sklearn import validate_data
from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.exceptions import DataError, HistoryError, message
from churnlib.survival._hazard_model import HazardModel
from churnlib.survival._strata import Strata
from churnlib.targets import SurvivalRows

__all__ = ["StratifiedModel", "StratifiedRows", "parts"]

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class StratifiedRows:
    """Features and strata of rows, which are sliced together.

    Parameters
    ----------
    matrix : ndarray of shape (n_rows, n_features)
        The features.
    codes : ndarray of shape (n_rows,)
        Positions of the strata.
    """

    matrix: FloatArray
    codes: IntArray

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of rows and features."""
        return self.matrix.shape

    def __getitem__(self, rows: Any) -> StratifiedRows:
        return StratifiedRows(self.matrix[rows], self.codes[rows])


def parts(X: Any) -> tuple[FloatArray, IntArray | None]:
    """Return features and strata of what `_read` returned.

    Parameters
    ----------
    X : ndarray or StratifiedRows
        The rows.

    Returns
    -------
    matrix : ndarray of shape (n_rows, n_features)
        The features.
    codes : ndarray of shape (n_rows,), or None
        Positions of the strata; None where there is one.
    """
    return (X.matrix, X.codes) if isinstance(X, StratifiedRows) else (X, None)


class StratifiedModel(HazardModel):
    """Base of models that read the strata out of X, and know where the watch of each ended."""

    strata: str | Sequence[str] | None

    strata_: tuple[Any, ...]
    coef_names_: tuple[str, ...]

    _strata: Strata
    _ends: FloatArray

    def _read(self, X: Any, *, reset: bool) -> Any:
        columns = as_names(self.strata, name="strata")
        if reset:
            self._strata = Strata.of(X, columns)
            self.strata_ = self._strata.labels
        if not columns:
            matrix = validate_data(self, X, reset=reset, dtype=np.float64)
            if reset:
                numbered = [f"x{j}" for j in range(matrix.shape[1])]
                self.coef_names_ = tuple(getattr(self, "feature_names_in_", numbered))
            return matrix
        codes = self._strata.codes(X)
        validate_data(self, X, reset=reset, skip_check_array=True)
        frame = X if isinstance(X, pd.DataFrame) else nw.from_native(X, eager_only=True).to_pandas()
        rest = frame.drop(columns=list(columns))
        if not rest.shape[1]:
            raise DataError(
                message("X has no columns but the strata", "one with a coefficient", "cl.KaplanMeier(strata=...)")
            )
        if reset:
            self.coef_names_ = tuple(map(str, rest.columns))
        from sklearn.utils import check_array

        return StratifiedRows(check_array(rest, dtype=np.float64, estimator=self), codes)

    def _set_ends(self, codes: IntArray | None, rows: SurvivalRows, weight: FloatArray) -> None:
        """Remember the last tenure at which anybody of each stratum was watched."""
        self._ends = np.full(len(self.strata_), -np.inf if codes is not None else self.support_[1])
        if codes is not None:
            seen = weight > 0
            np.maximum.at(self._ends, codes[seen], rows.time[seen])

    def _watched(self, X: Any) -> tuple[FloatArray, FloatArray]:
        _, codes = parts(X)
        low, high = super()._watched(X)
        return low, high if codes is None else self._ends[codes]

    def _at(self, X: Any, times: FloatArray) -> FloatArray:
        return _marked(super()._at(X, times), self._past(X, times))

    def _still_here(self, X: Any, since: FloatArray) -> FloatArray:
        return _marked(super()._still_here(X, since), self._past(X, since))

    def _incidence(self, X: Any, times: FloatArray) -> FloatArray:
        past = self._past(X, times)
        return _marked(super()._incidence(X, times), None if past is None else past[:, None, :])

    def _lifetime(self, X: Any, begin: FloatArray, ahead: FloatArray) -> FloatArray:
        past = self._past(X, (begin + ahead)[:, None])
        return _marked(super()._lifetime(X, begin, ahead), None if past is None else past[:, 0])

    def _past(self, X: Any, times: FloatArray) -> BoolArray | None:
        """Return which times to mark because nobody of the row's stratum was watched then; refuse them if so asked."""
        _, codes = parts(X)
        if codes is None or self._rule == "hold":
            return None
        end = self._ends[codes][:, None]
        past: BoolArray = times > end * (1 + _ROUNDING)
        if not past.any():
            return None
        if self.beyond == "raise":
            first = int(np.argmax(past.any(axis=1)))
            latest = float(np.broadcast_to(times, past.shape)[past].max())
            raise HistoryError(
                message(
                    f"tenures up to {latest:g} are asked for, and nobody of {self._strata.name(int(codes[first]))} "
                    f"was watched beyond {float(end[first, 0]):g}",
                    "times within the support of each stratum",
                    'shorter times, or beyond="nan" or beyond="hold"',
                )
            )
        return past


def _marked(values: FloatArray, past: BoolArray | None) -> FloatArray:
    return values if past is None else np.where(past, np.nan, values)
