"""Decision trees and forests of scikit-learn without scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from churnlib._typing import FloatArray
from churnlib.classification._record import Column, RecordReader
from churnlib.classification._tree_engine import TreeEngine
from churnlib.classification._tree_nodes import Trees

__all__ = ["CompiledForest"]

# as the classifier's own reasons: half a row in ten thousand keeps the log-odds finite
_EDGE = 5e-5


class CompiledForest:
    """Mean probability of the trees' leaves, and the change of its log-odds by each column.

    Parameters
    ----------
    plain : mapping
        trees, and typical: bins and codes of a typical retained customer.
    columns : sequence of Column
        The columns of a record.
    reader : RecordReader
        Reads records of these columns.
    """

    __slots__ = ("_count", "_engine", "_typical", "read", "size")

    def __init__(self, plain: Mapping[str, Any], columns: Sequence[Column], reader: RecordReader) -> None:
        trees = Trees.from_plain(plain["trees"], columns)
        self._engine = TreeEngine(trees, columns, dtype=np.float64, base=0.0, shapley=False)
        self._typical = tuple(int(place) for place in plain["typical"])
        self._count = trees.n_trees
        self.read = reader.places
        self.size = f"{trees.n_trees:,} averaged trees" if trees.n_trees > 1 else "1 tree"

    def probability(self, places: list[int]) -> float:
        """Return the share that the trees state on average.

        Parameters
        ----------
        places : list of int
            What `read` returned.

        Returns
        -------
        float
            In [0, 1], before calibration.
        """
        return self._engine.total(places) / self._count

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
        shares: list[float] = (self._engine.totals(places) / self._count).tolist()
        return shares

    def contributions(self, places: list[int]) -> FloatArray:
        """Return the log-odds less those with one column set to that of a typical retained customer.

        Parameters
        ----------
        places : list of int
            What `read` returned.

        Returns
        -------
        ndarray of shape (n_columns,)
            Log-odds; positive raises the risk.
        """
        swapped = [
            [typical if position == place else own for position, own in enumerate(places)]
            for place, typical in enumerate(self._typical)
        ]
        stated = np.clip(self._engine.totals([places, *swapped]) / self._count, _EDGE, 1.0 - _EDGE)
        log_odds = np.log(stated / (1.0 - stated))
        moved: FloatArray = log_odds[0] - log_odds[1:]
        return moved
