"""The boosted trees of xgboost without xgboost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from churnlib._typing import FloatArray
from churnlib.classification._record import Column, RecordReader
from churnlib.classification._tree_engine import TreeEngine
from churnlib.classification._tree_nodes import Trees, frozen

__all__ = ["CompiledBoosted"]

_single = np.float32
_ONE = np.float32(1.0)
# where xgboost stops, so that exp stays finite in single precision
_LARGEST_EXPONENT = float(np.float32(88.7))


class CompiledBoosted:
    """Margin, probability and contributions of a gbtree with logistic loss.

    Everything that xgboost does in single precision is done so, in its order: the sum
    over the trees is its sum to the bit, and the probability to its last digit or so,
    which a calibration with steps could otherwise tell apart.

    Parameters
    ----------
    plain : mapping
        base (log-odds), trees, and reference (mean contributions of retained customers).
    columns : sequence of Column
        The columns of a record.
    reader : RecordReader
        Reads records of these columns.
    """

    __slots__ = ("_engine", "_reference", "read", "size")

    def __init__(self, plain: Mapping[str, Any], columns: Sequence[Column], reader: RecordReader) -> None:
        trees = Trees.from_plain(plain["trees"], columns)
        self._engine = TreeEngine(trees, columns, dtype=np.float32, base=float(plain["base"]), shapley=True)
        self._reference = frozen(np.array(plain["reference"], dtype=np.float64))
        if self._reference.shape != (len(columns),) or not np.isfinite(self._reference).all():
            raise ValueError(f"reference is not {len(columns)} numbers")
        self.read = reader.places
        self.size = f"{trees.n_trees:,} trees"

    def probability(self, places: list[int]) -> float:
        """Return the probability that xgboost states.

        Parameters
        ----------
        places : list of int
            What `read` returned.

        Returns
        -------
        float
            In [0, 1], before calibration.
        """
        return _sigmoid(self._engine.total(places))

    def probabilities(self, places: Sequence[list[int]]) -> list[float]:
        """Return the probability of several rows.

        Parameters
        ----------
        places : sequence of list of int
            What `read` returned for each.

        Returns
        -------
        list of float
            In [0, 1], before calibration.
        """
        return [_sigmoid(total) for total in self._engine.totals(places).tolist()]

    def contributions(self, places: list[int]) -> FloatArray:
        """Return what each column adds to the log-odds, compared with customers who stay.

        Parameters
        ----------
        places : list of int
            What `read` returned.

        Returns
        -------
        ndarray of shape (n_columns,)
            Log-odds; positive raises the risk.
        """
        moved: FloatArray = self._engine.contributions(places) - self._reference
        return moved


def _sigmoid(margin: float) -> float:
    return float(_ONE / (_single(math.exp(min(-margin, _LARGEST_EXPONENT))) + _ONE))
