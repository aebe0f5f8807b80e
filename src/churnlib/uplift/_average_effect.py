"""The mean effect on all customers and on groups of them, with intervals that count customers and not rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from churnlib._checks import as_floats, check_one_order, named_rows
from churnlib._typing import Array, ArrayLike, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, message, nearest, some
from churnlib.metrics import MetricInterval
from churnlib.numerics import normal_quantile

__all__ = ["EffectScores", "average_effect", "error_of_sums", "group_effects", "read_effect_scores"]


def average_effect(
    scores: Any,
    *,
    arm: Any = None,
    customer: Any = None,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
) -> MetricInterval:
    """Mean effect of a treatment on all customers, with its interval.

    With doubly robust scores it is the augmented inverse-probability-weighted (AIPW) estimate: consistent if either
    the propensity or the outcome model is right, and with cross-fitted models its interval needs no
    correction for their errors as long as these get small (Chernozhukov et al. 2018, Econom. J. 21).

    Parameters
    ----------
    scores : DRScores, or array-like of shape (n_rows,) or (n_rows, n_treatments)
        What `dr_scores` returns, or scores of your own whose mean is the mean effect.
    arm : object, default=None
        Which treatment, where there are several: its name, or its number counted from 0 where scores are an array.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, or whatever else was drawn into treatment as one (a household, a branch). None reads
        it from the index of the scores where that names ``customer_id``, and else takes each row for a customer of its
        own.
    sample_weight : array-like of shape (n_rows,), default=None
        How much each row counts.
    confidence : float, default=0.95
        The nominal coverage, between 0 and 1.

    Returns
    -------
    MetricInterval
        In units of the outcome; positive when the treatment is good. Bounds by Student's t with one
        degree of freedom less than there are customers.

    Raises
    ------
    DataError
        If a score is missing, lengths differ, or there are fewer than two customers.
    ParameterError
        If there are several treatments and `arm` is none of them, or the confidence is not between 0 and 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> scores = 0.04 + rng.normal(size=4000)
    >>> found = average_effect(scores)
    >>> f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
    '0.025 (-0.006 to 0.056)'

    Four rows of each customer are fewer customers:

    >>> average_effect(scores, customer=np.repeat(np.arange(1000), 4)).n_customers
    1000
    """
    read = read_effect_scores(scores, arm=arm, customer=customer, sample_weight=sample_weight)
    total = read.weight.sum()
    value = float((read.weight * read.values).sum() / total)
    error = float(
        error_of_sums((read.weight * (read.values - value))[:, None] / total, read.codes, read.n_customers)[0]
    )
    return _interval(value, error, read.n_customers, confidence)


def group_effects(
    scores: Any,
    groups: Any,
    *,
    arm: Any = None,
    customer: Any = None,
    sample_weight: ArrayLike | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Mean effect on each group of customers, with intervals.

    Groups must be given by what was known before the treatment: a segment, a tier, or a score of another sample. Groups
    made from predictions for the very rows the learner was fitted to look more different than they are.

    Parameters
    ----------
    scores : DRScores, or array-like of shape (n_rows,) or (n_rows, n_treatments)
        As in `average_effect`.
    groups : array-like of shape (n_rows,)
        The group of each row.
    arm : object, default=None
        Which treatment, where there are several.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, as in `average_effect`.
    sample_weight : array-like of shape (n_rows,), default=None
        How much each row counts.
    confidence : float, default=0.95
        The nominal coverage of each interval on its own, between 0 and 1. With many groups some
        will miss; divide ``1 - confidence`` by their number where all shall hold at once.

    Returns
    -------
    DataFrame
        One row per group, sorted, with ``effect`` (positive is good), ``low``, ``high``, ``standard_error``, and
        ``n_rows`` and ``n_customers`` in it.

    Raises
    ------
    DataError
        If a score or group is missing, lengths differ, or a group has fewer than two customers.
    ParameterError
        If there are several treatments and `arm` is none of them, or the confidence is not between 0 and 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> tier = np.repeat(["A", "B"], 2000)
    >>> scores = np.where(tier == "A", 0.1, -0.1) + rng.normal(size=4000)
    >>> group_effects(scores, tier).loc["A"].round(3).to_dict()
    {'effect': 0.072, 'low': 0.028, 'high': 0.116, 'standard_error': 0.022, 'n_rows': 2000.0, 'n_customers': 2000.0}
    """
    check_one_order({"scores": scores, "groups": groups})
    read = read_effect_scores(scores, arm=arm, customer=customer, sample_weight=sample_weight)
    codes, names = _groups(groups, read.values.size)
    weight = np.bincount(codes, weights=read.weight)
    _weighed(weight, names)
    value = np.bincount(codes, weights=read.weight * read.values) / weight
    parts = read.weight * (read.values - value[codes]) / weight[codes]
    # the influence of a row is on its own group only; rows of one customer in a group are added first
    member = np.arange(codes.size) if read.codes is None else read.codes
    n_codes = np.int64(member.max() + 1)
    found, place = np.unique(codes * n_codes + member, return_inverse=True)
    owner = found // n_codes
    counted = np.bincount(place.reshape(-1), weights=read.weight) > 0
    n_customers = np.bincount(owner[counted], minlength=len(names))
    _enough(n_customers, names)
    squares = np.bincount(owner, weights=np.bincount(place.reshape(-1), weights=parts) ** 2)
    error = np.sqrt(squares * n_customers / (n_customers - 1.0))
    half = _critical(n_customers, confidence) * error
    return pd.DataFrame(
        {
            "effect": value,
            "low": value - half,
            "high": value + half,
            "standard_error": error,
            "n_rows": np.bincount(codes),
            "n_customers": n_customers,
        },
        index=pd.Index(names, name="group"),
    )


@dataclass(frozen=True, slots=True, eq=False)
class EffectScores:
    """Scores of one treatment whose mean is its effect, with customers as numbers and weights."""

    values: FloatArray
    weight: FloatArray
    codes: IntArray | None
    n_customers: int


def read_effect_scores(scores: Any, *, arm: Any, customer: Any, sample_weight: Any) -> EffectScores:
    """Return one finite score for each row, its customer and its weight."""
    check_one_order({"scores": scores, "customer": customer, "sample_weight": sample_weight})
    held = getattr(scores, "values", scores) if hasattr(scores, "propensity") else scores
    values = _column(np.asarray(as_floats(held)), scores, arm)
    lacking = ~np.isfinite(values)
    if lacking.any() or not values.size:
        raise DataError(
            message(
                f"{int(lacking.sum())} of {values.size} scores are missing or infinite ({named_rows(lacking)})",
                "every row has a score",
                "dr_scores(X, y, treatment=treated, propensity=0.5)",
            )
        )
    owner = _owner(scores, held, customer)
    if owner is None:
        codes, n_customers = None, values.size
    else:
        codes, names = pd.factorize(_flat(owner))
        codes, n_customers = codes.astype(np.int64), len(names)
        if codes.size != values.size or (codes < 0).any():
            raise DataError(
                message(
                    f"customer has {codes.size} rows, {int((codes < 0).sum())} of them missing, "
                    f"and scores {values.size}",
                    "the customer of each row",
                    "customer=X.index.get_level_values('customer_id')",
                )
            )
    weight = _weights(sample_weight, values.size)
    if (weight == 0).any():  # who weighs nothing is no customer more
        n_customers = int(np.count_nonzero(weight)) if codes is None else int(np.unique(codes[weight > 0]).size)
    if n_customers < 2:
        raise DataError(message(f"there are {n_customers} customers", "an interval needs at least two"))
    return EffectScores(values, weight, codes, n_customers)


def error_of_sums(influence: FloatArray, codes: IntArray | None, n_customers: int) -> FloatArray:
    """Return the standard error of the sum of each column; rows of one customer are added first."""
    parts = influence if codes is None else summed_by_customer(influence, codes, n_customers)
    error: FloatArray = np.sqrt((parts**2).sum(axis=0) * n_customers / (n_customers - 1.0))
    return error


def summed_by_customer(influence: FloatArray, codes: IntArray, n_customers: int) -> FloatArray:
    """Add up the rows of each customer, of shape (n_customers, n_columns)."""
    return np.stack([np.bincount(codes, column, n_customers) for column in influence.T], axis=1)


def _interval(value: float, error: float, n_customers: int, confidence: float) -> MetricInterval:
    half = float(_critical(np.array([n_customers]), confidence)[0]) * error
    return MetricInterval(
        value=value,
        low=value - half,
        high=value + half,
        standard_error=error,
        confidence=confidence,
        n_customers=n_customers,
    )


def _critical(n_customers: IntArray, confidence: float) -> FloatArray:
    normal_quantile(confidence)  # refuses what is no confidence
    critical: FloatArray = np.asarray(-stdtrit(n_customers - 1.0, (1 - confidence) / 2))
    return critical


def _column(values: FloatArray, scores: Any, arm: Any) -> FloatArray:
    """Return the scores of one treatment."""
    if values.ndim == 1:
        if arm is None or arm in _treatments(scores, 1):
            return values
        values = values[:, None]
    if values.ndim != 2 or not values.shape[1]:
        raise DataError(
            message(f"scores have shape {values.shape}", "one score for each row, or one for each row and treatment")
        )
    treatments = _treatments(scores, values.shape[1])
    if arm is None and len(treatments) == 1:
        return values[:, 0]
    if arm not in treatments:
        raise ParameterError(
            message(
                f"arm={arm!r} and there are {len(treatments)} treatments ({some(treatments, 8)})",
                "one of them: each has an effect of its own",
                f"arm={treatments[0]!r}" if arm is None else nearest(str(arm), [str(name) for name in treatments]),
            )
        )
    return values[:, treatments.index(arm)]


def _treatments(scores: Any, n_columns: int) -> list[Any]:
    arms = getattr(scores, "arms", None)
    if isinstance(scores, pd.DataFrame):
        return list(scores.columns)
    return list(range(n_columns)) if arms is None else list(np.asarray(arms).tolist())[-n_columns:]


def _flat(owner: Any) -> Any:
    """Return one object for each row: numpy would make a table of ids that are tuples."""
    if isinstance(owner, list | tuple):
        flat = np.empty(len(owner), dtype=object)
        flat[:] = owner
        return flat
    return pd.Index(owner)


def _owner(scores: Any, held: Any, customer: Any) -> Any:
    if customer is not None:
        if isinstance(customer, list | tuple):
            return customer
        return np.asarray(customer) if not isinstance(customer, pd.Index | pd.Series) else customer.array
    for labelled in (scores, held):
        index = getattr(labelled, "index", None)
        if isinstance(index, pd.Index) and "customer_id" in index.names:
            return index.get_level_values("customer_id")
    return None


def _weights(sample_weight: Any, n_rows: int) -> FloatArray:
    if sample_weight is None:
        return np.ones(n_rows)
    weight = np.asarray(as_floats(sample_weight))
    if weight.shape != (n_rows,) or not (np.isfinite(weight) & (weight >= 0)).all() or not weight.sum() > 0:
        raise DataError(
            message(
                f"sample_weight has shape {weight.shape} for {n_rows} rows, is 0 everywhere, below 0 or missing",
                "a weight of 0 or more for each row",
                "sample_weight=None counts each row once",
            )
        )
    return weight


def _groups(groups: Any, n_rows: int) -> tuple[IntArray, Any]:
    column = pd.Series(groups).reset_index(drop=True)
    missing = column.isna().to_numpy(dtype=bool)
    if len(column) != n_rows or missing.any():
        raise DataError(
            message(
                f"groups has {len(column)} rows, {int(missing.sum())} of them missing, and scores {n_rows}",
                "the group of each row",
                "groups=groups.fillna('unknown')",
            )
        )
    codes, names = pd.factorize(column, sort=True)
    return codes.astype(np.int64), names


def _weighed(weight: Array, names: Any) -> None:
    nothing = weight == 0
    if nothing.any():
        raise DataError(
            message(
                f"all rows of {int(nothing.sum())} of {nothing.size} groups "
                f"({some(map(repr, np.asarray(names)[nothing]))}) weigh 0",
                "a row that counts in each group",
                "leave these groups out: rows = groups.isin(others)",
            )
        )


def _enough(n_customers: IntArray, names: Any) -> None:
    few = n_customers < 2
    if few.any():
        raise DataError(
            message(
                f"{int(few.sum())} of {few.size} groups have one customer ({some(map(repr, np.asarray(names)[few]))})",
                "an interval needs at least two",
                "groups.where(groups.map(groups.value_counts()) >= 100, 'other')",
            )
        )
