"""Outcomes, scores and weights as arrays that have been looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import Array, ArrayLike, BoolArray, FloatArray
from churnlib.exceptions import DataError, ParameterError, message, some

_LABELLED = "leave out rows whose label is not mature yet, and count them"
_SCORED = "predict_proba(X)[:, 1] of a model that takes missing values, such as ChurnClassifier()"


def outcomes_and_scores(y: ArrayLike, s: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return y as float64 zeros and ones and s as float64, of one length and without NaN."""
    churned, scores = outcomes_and_ranks(y, s)
    return churned.astype(np.float64), scores.astype(np.float64, copy=False)


def outcomes_and_ranks(y: ArrayLike, s: ArrayLike, name: str = "scores") -> tuple[BoolArray, Array]:
    """Return y as booleans, and s as it is if it holds floats of 32 or 64 bits, else as float64."""
    _same_order(y, s)
    outcomes = churned_or_not(y)
    scores = _numbers(s, name, keep_short=True)
    if outcomes.size != scores.size:
        raise DataError(
            message(
                f"y has {outcomes.size} rows and the {name} have {scores.size}",
                f"one of the {name} for each y",
                "take both from the same rows: y.loc[X.index] beside predict_proba(X)[:, 1]",
            )
        )
    if not outcomes.size:
        raise DataError(
            message("there are no rows", "a metric needs at least one", "check the filter that left no row")
        )
    return outcomes, scores


def churned_or_not(y: ArrayLike) -> BoolArray:
    """Return y as booleans if it holds zeros and ones."""
    given: Array = np.asarray(y)
    if given.ndim == 1 and given.dtype.kind in "biu" and (given.dtype == bool or not given.size or _binary(given)):
        return given.astype(bool, copy=False)
    outcomes = _numbers(y, "y")
    wrong = np.flatnonzero((outcomes != 0) & (outcomes != 1))
    if wrong.size:
        raise DataError(
            message(
                f"{wrong.size} of {outcomes.size} outcomes are neither 0 nor 1 "
                f"(first: {some(np.unique(outcomes[wrong]), 3)})",
                "1 is a churner and 0 a stayer",
                "y = (label == 'churned').astype('int8')",
            )
        )
    return outcomes.astype(bool)


def labels_of(*columns: Any) -> pd.Index[Any] | None:
    """Return the index of the first labelled column, if there is one."""
    indexes = (getattr(column, "index", None) for column in columns)
    return next((index for index in indexes if isinstance(index, pd.Index)), None)


def probabilities(p: FloatArray) -> FloatArray:
    """Return p if every number lies between 0 and 1."""
    wrong = np.flatnonzero((p < 0) | (p > 1))
    if wrong.size:
        raise DataError(
            message(
                f"{wrong.size} of {p.size} probabilities are outside 0 and 1 (first: {some(p[wrong], 3)})",
                "calibration is a property of probabilities",
                "pass predict_proba(X)[:, 1], not decision_function(X)",
            )
        )
    return p


def weights(sample_weight: ArrayLike | None, n_rows: int) -> tuple[FloatArray, bool]:
    """Return the weight of each row, and whether all are whole numbers (repeated rows)."""
    if sample_weight is None:
        return np.ones(n_rows), True
    given: Array = np.asarray(sample_weight)
    values = _numbers(given, "weights")
    if values.size != n_rows:
        raise DataError(
            message(
                f"there are {values.size} weights for {n_rows} rows",
                "one for each row",
                "sample_weight=weights.loc[X.index]",
            )
        )
    wrong = np.flatnonzero(~np.isfinite(values) | (values < 0))
    if wrong.size:
        raise DataError(
            message(
                f"{wrong.size} of {n_rows} weights are negative or infinite (rows {some(wrong)})",
                "a weight is a number of rows, 0 or more",
                "sample_weight=np.clip(weights, 0, None)",
            )
        )
    if not values.any():
        raise DataError(
            message(
                f"all {n_rows} weights are zero",
                "at least one row must count",
                "leave sample_weight out to count every row once",
            )
        )
    return values, given.dtype.kind in "iub" or bool((values == np.rint(values)).all())


def checked_bins(bins: int, n_rows: float) -> int:
    """Return the number of bins if there is at least one row for each."""
    if bins != int(bins) or bins < 1:
        raise ParameterError(message(f"bins is {bins!r}", "a whole number of bins, 1 or more", "bins=10"))
    if bins > n_rows:
        raise ParameterError(
            message(f"{bins} bins for {n_rows:g} rows", "each bin needs a row", f"bins={max(1, int(n_rows))} or less")
        )
    return int(bins)


def checked_fraction(fraction: float) -> float:
    """Return the fraction if it is above 0 and at most 1."""
    if not 0 < fraction <= 1:
        raise ParameterError(
            message(
                f"fraction is {fraction!r}",
                "a share of the rows above 0 and up to 1 is needed",
                "fraction=0.1 for the riskiest tenth",
            )
        )
    return float(fraction)


def _binary(integers: Array) -> bool:
    return bool(integers.min() >= 0 and integers.max() <= 1)


def _numbers(values: Any, name: str, *, keep_short: bool = False) -> Array:
    short = keep_short and getattr(values, "dtype", None) == np.float32
    try:
        numbers = np.asarray(values, dtype=np.float32 if short else np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            message(
                f"{name} cannot be read as numbers ({error})",
                "one number per row",
                "pd.to_numeric(values), or y = (label == 'churned').astype('int8')",
            )
        ) from error
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim != 1:
        raise DataError(
            message(
                f"{name} have shape {numbers.shape}",
                "one number for each row",
                "of predict_proba(X) take the churn column: predict_proba(X)[:, 1]",
            )
        )
    missing = np.flatnonzero(np.isnan(numbers))
    if missing.size:
        raise DataError(
            message(
                f"{missing.size} of {numbers.size} {name} are NaN (rows {some(missing)})",
                "every row needs a number",
                _LABELLED if name == "y" else _SCORED,
            )
        )
    return numbers


def _same_order(y: Any, s: Any) -> None:
    """Refuse two labelled columns that hold the same labels in different orders: pairing them by position is wrong."""
    if not (isinstance(y, pd.Series) and isinstance(s, pd.Series)) or y.index.equals(s.index):
        return
    if len(y) == len(s) and y.index.is_unique and not len(y.index.symmetric_difference(s.index)):
        raise DataError(
            message(
                f"y and the scores hold the same {len(y)} labels in different orders",
                "metrics pair them by position",
                "s = s.reindex(y.index)",
            )
        )
