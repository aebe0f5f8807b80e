"""A logistic regression, with its imputation, scaling and one-hot columns, as one sum."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from churnlib._typing import FloatArray
from churnlib.classification._record import Column, RecordReader
from churnlib.exceptions import DataError, message

__all__ = ["CompiledLogistic"]

# as the classifier's own reasons: the log-odds of half a row in ten thousand
_LARGEST = math.log((1.0 - 5e-5) / 5e-5)


class CompiledLogistic:
    """Intercept, plus coefficient × standardised value of each number, plus a weight of each category.

    Parameters
    ----------
    plain : mapping
        intercept; terms, one for each column: ``{"coefficient", "mean", "scale", "fill"}``, or
        ``{"weights"}`` with that of the missing value last; and typical, the values of a
        typical retained customer.
    columns : sequence of Column
        The columns of a record.
    reader : RecordReader
        Reads records of these columns.
    """

    __slots__ = ("_intercept", "_numbers", "_typical", "_weights", "read", "size")

    def __init__(self, plain: Mapping[str, Any], columns: Sequence[Column], reader: RecordReader) -> None:
        self._intercept = float(plain["intercept"])
        self._numbers = tuple(
            None if "weights" in term else tuple(float(term[name]) for name in ("coefficient", "mean", "scale", "fill"))
            for term in plain["terms"]
        )
        self._weights = tuple(tuple(float(weight) for weight in term.get("weights", ())) for term in plain["terms"])
        for column, weights in zip(columns, self._weights, strict=True):
            if column.categories is not None and len(weights) != column.size + 1:
                raise DataError(
                    message(
                        f"{column.name!r} has {column.size} categories and {len(weights)} weights",
                        "a weight for each category and one for a missing value",
                        "compile and write it again",
                    )
                )
        self._typical = self._parts([float("nan") if value is None else value for value in plain["typical"]])
        self.read = reader.values
        self.size = "a logistic regression"

    def _parts(self, values: Sequence[float]) -> list[float]:
        parts = []
        for value, number, weights in zip(values, self._numbers, self._weights, strict=True):
            if number is None:
                parts.append(weights[int(value)])
            else:
                coefficient, mean, scale, fill = number
                # a NaN differs from itself
                parts.append(coefficient * (((value if value == value else fill) - mean) / scale))  # noqa: PLR0124
        return parts

    def probability(self, values: list[float]) -> float:
        """Return the probability of a row.

        Parameters
        ----------
        values : list of float
            What `read` returned.

        Returns
        -------
        float
            In [0, 1], before calibration.
        """
        margin = self._intercept + sum(self._parts(values))
        # exp of what is not positive: it never overflows
        part = math.exp(-abs(margin))
        return 1.0 / (1.0 + part) if margin >= 0 else part / (1.0 + part)

    def probabilities(self, values: Sequence[list[float]]) -> list[float]:
        """Return the probability of several rows.

        Parameters
        ----------
        values : sequence of list of float
            What `read` returned for each.

        Returns
        -------
        list of float
            In [0, 1], before calibration.
        """
        return [self.probability(row) for row in values]

    def contributions(self, values: list[float]) -> FloatArray:
        """Return coefficient × (value − typical) of each column.

        Parameters
        ----------
        values : list of float
            What `read` returned.

        Returns
        -------
        ndarray of shape (n_columns,)
            Log-odds; positive raises the risk. Beyond probabilities of 5e-5 and 1 − 5e-5 the
            log-odds are held, as in the classifier's own reasons.
        """
        parts = np.array([self._intercept, *self._parts(values)])
        margin = parts.sum()
        # all but one: summed from both ends, since a large part cannot be subtracted again
        before, after = np.cumsum(parts)[:-1], np.cumsum(parts[::-1])[::-1]
        typical = np.array(self._typical)
        swapped = before + np.append(after[2:], 0.0) + typical
        moved = np.clip(margin, -_LARGEST, _LARGEST) - np.clip(swapped, -_LARGEST, _LARGEST)
        # who is typical in a column is set apart by nothing in it, not even by a rounding
        return np.where(parts[1:] == typical, 0.0, moved)
