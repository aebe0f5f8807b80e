"""What tests of lifecycle stages share: a purchase model of one line, and rows out of any numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._sklearn import validate_data
from churnlib.segmentation import LifecycleStage
from churnlib.segmentation._stage_columns import read_columns_of


class Alive:
    """A "fitted" purchase model: the chance to be alive falls with the silence, or is a column."""

    def __init__(self, column: str | None = None) -> None:
        self.column = column

    def predict_alive_probability(self, X: pd.DataFrame) -> np.ndarray:
        if self.column is not None:
            return X[self.column].to_numpy(dtype=float)
        return 1 / (1 + X["recency_days"].to_numpy(dtype=float))

    def __repr__(self) -> str:
        return "Alive()"


class AnyNumbersStage(LifecycleStage):
    """A stage whose rows are made of any numbers, and whose stages are positions, for scikit-learn's checks."""

    __doc__ = LifecycleStage.__doc__

    def _read(self, X: Any, *, reset: bool) -> Any:
        size = np.abs(validate_data(self, X, reset=reset, dtype=np.float64))
        table = pd.DataFrame(
            {
                "tenure_days": 60 * size.sum(axis=1),
                "recency_days": 60 * size[:, 0],
                "last_gap_days": 40 * size[:, 0] + 1,
                "median_gap_days": 10 + size[:, -1],
                "earlier_gap_days": 10 + size[:, -1],
                "n_orders": 3 + np.floor(size[:, 0]),
                "spend_recent": size[:, -1],
                "spend_before": 1.0,
                "cohort": np.floor(size[:, 0]),
            }
        )
        self.columns_ = self._found(table)
        return read_columns_of(table, self.columns_)

    def predict(self, X: Any) -> np.ndarray:
        names = super().predict(X)
        return np.searchsorted(np.sort(self.classes_), names)
