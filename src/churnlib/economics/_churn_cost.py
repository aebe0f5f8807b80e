"""What churn costs: directly and indirectly, per customer and in all, with ranges."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.economics._customers import customers_of
from churnlib.exceptions import (
    DataError,
    DuplicateError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    message,
    some,
)

__all__ = ["ChurnCost", "ShareOfValue", "churn_cost"]

FloatArray = npt.NDArray[np.float64]
Range: TypeAlias = "float | tuple[float, float] | tuple[float, float, float]"
Part: TypeAlias = "Range | ShareOfValue | pd.Series[Any]"

LOST_VALUE = "lost_value"
_BOUNDS = ("low", "likely", "high")


@dataclass(frozen=True, slots=True, init=False)
class ShareOfValue:
    """A cost that grows with the customer's value: one share, or its lowest, likely and highest.

    Parameters
    ----------
    *share : float
        One number, (low, high) or (low, likely, high), ascending and not negative. With two, the
        likely one is the middle.

    Raises
    ------
    ParameterError
        If they are no ascending numbers that are not negative.

    Examples
    --------
    >>> ShareOfValue(0.05, 0.15)
    ShareOfValue(0.05, 0.1, 0.15)
    """

    low: float
    likely: float
    high: float

    def __init__(self, *share: float) -> None:
        for name, bound in zip(_BOUNDS, _range(share, "ShareOfValue"), strict=True):
            object.__setattr__(self, name, bound)

    def __repr__(self) -> str:
        return f"ShareOfValue({self.low:g}, {self.likely:g}, {self.high:g})"


@dataclass(frozen=True, slots=True, eq=False)
class ChurnCost:
    """The cost of churn, customer by customer and in all.

    Attributes
    ----------
    per_customer : DataFrame
        One row per customer: ``probability``, ``direct`` and ``indirect`` (likely cost), ``total`` (their sum),
        ``low`` and ``high`` (of the total). Money, times the probability.
    portfolio : DataFrame
        Indexed by part, then ``direct``, ``indirect`` and ``total``: ``kind``, ``low``, ``likely``, ``high``,
        ``per_loss`` (likely cost of one lost customer) and ``share`` (of the likely total; NaN where that is 0).
    expected_losses : float
        How many customers are lost: the sum of the probabilities.

    Examples
    --------
    >>> cost = churn_cost(200.0, probability=[0.5, 0.1], direct={"win_back": (20, 40)})
    >>> cost
    ChurnCost(2 customers, 0.6 expected to leave: 138, from 132 to 144)
    """

    per_customer: pd.DataFrame
    portfolio: pd.DataFrame
    expected_losses: float

    def __repr__(self) -> str:
        low, likely, high = self.portfolio.loc["total", list(_BOUNDS)].astype(float)
        return (
            f"ChurnCost({len(self.per_customer):,} customers, {self.expected_losses:,.4g} expected to leave: "
            f"{likely:,.6g}, from {low:,.6g} to {high:,.6g})"
        )


def churn_cost(
    value: float | pd.Series[Any],
    *,
    probability: npt.ArrayLike | pd.Series[Any] | None = None,
    direct: Mapping[str, Part] | None = None,
    indirect: Mapping[str, Part] | None = None,
) -> ChurnCost:
    """Add up what it costs when customers leave.

    Direct costs are those one gets a bill for or stops being paid: the value that is lost, winning the customer back
    or replacing them, training and setting up anew. Indirect ones are estimates: reputation,
    referrals that do not come, share of the market. Hence the ranges: the low end of the total takes the low end
    of every part, the high end every high one, so that they are bounds and no confidence interval.

    Parameters
    ----------
    value : float or Series
        What a customer would still have brought, in money: one number, or a Series indexed by customer. It is the first
        direct part, ``lost_value``. A negative value is a saving when that customer leaves.
    probability : array-like of shape (n_customers,) or Series, default=None
        The chance that each customer leaves, between 0 and 1. A Series is aligned with a Series of values by customer;
        without one, an array goes by position. None says that all of them have left.
    direct, indirect : mapping of str to amount, default=None
        What else a lost customer costs, by name: an amount of money, ``(low, high)``, ``(low, likely, high)``, a Series
        by customer, or a `ShareOfValue`. Not negative.

    Returns
    -------
    ChurnCost
        Frames per customer and for the portfolio; positive = cost.

    Raises
    ------
    DataError
        If values or probabilities are missing or out of range, or customers lack a value.
    DuplicateError
        If a Series names a customer twice.
    ParameterError
        If a range does not ascend, a cost is negative, or a name is used twice.
    ParameterTypeError
        If an amount is of another type.

    Examples
    --------
    >>> value = pd.Series([400.0, 100.0], index=pd.Index(["ann", "bob"], name="customer_id"))
    >>> cost = churn_cost(
    ...     value,
    ...     probability=pd.Series([0.9, 0.5], index=["bob", "ann"]),
    ...     direct={"win_back": 30, "training": (10, 20)},
    ...     indirect={"referrals": ShareOfValue(0.0, 0.1, 0.3)},
    ... )
    >>> cost.per_customer[["direct", "indirect", "total", "low", "high"]]
                 direct  indirect  total    low   high
    customer_id
    ann           222.5      20.0  242.5  220.0  285.0
    bob           130.5       9.0  139.5  126.0  162.0
    >>> cost.portfolio[["kind", "low", "likely", "high"]]
                    kind    low  likely   high
    part
    lost_value    direct  290.0   290.0  290.0
    win_back      direct   42.0    42.0   42.0
    training      direct   14.0    21.0   28.0
    referrals   indirect    0.0    29.0   87.0
    direct        direct  346.0   353.0  360.0
    indirect    indirect    0.0    29.0   87.0
    total            all  346.0   382.0  447.0
    """
    values, index = _values(value, probability)
    chance = _probabilities(probability, index, named=isinstance(value, pd.Series))
    parts = _parts(direct, indirect)
    kinds = {LOST_VALUE: "direct"} | {name: kind for name, (kind, _) in parts.items()}
    amounts = {LOST_VALUE: np.repeat((values * chance)[None, :], 3, axis=0)}
    for name, (_, part) in parts.items():
        amounts[name] = _amounts(part, values, index, name) * chance
    sums = {kind: np.zeros((3, len(index))) for kind in ("direct", "indirect")}
    for name, kind in kinds.items():
        sums[kind] += amounts[name]
    total = sums["direct"] + sums["indirect"]
    per_customer = pd.DataFrame(
        {
            "probability": chance,
            "direct": sums["direct"][1],
            "indirect": sums["indirect"][1],
            "total": total[1],
            "low": total[0],
            "high": total[2],
        },
        index=index,
    )
    losses = math.fsum(chance)
    lines = amounts | sums | {"total": total}
    kinds |= {"direct": "direct", "indirect": "indirect", "total": "all"}
    return ChurnCost(per_customer, _portfolio(lines, kinds, losses), losses)


def _portfolio(lines: Mapping[str, FloatArray], kinds: Mapping[str, str], losses: float) -> pd.DataFrame:
    # fsum: rounded once, so that the order of the customers does not matter
    sums = np.array([[math.fsum(bound) for bound in line] for line in lines.values()])
    table = pd.DataFrame(sums, columns=list(_BOUNDS), index=pd.Index(list(lines), name="part"))
    table.insert(0, "kind", [kinds[name] for name in lines])
    table["per_loss"] = table["likely"] / losses if losses else np.nan
    total = float(sums[-1, 1])
    table["share"] = table["likely"] / total if total else np.nan
    return table


def _values(value: Any, probability: Any) -> tuple[FloatArray, pd.Index[Any]]:
    if isinstance(value, pd.Series):
        return _numbers(value, "value"), _one_each(value, "value")
    if not _is_number(value) or not math.isfinite(value):
        raise ParameterTypeError(
            message(
                f"value is {value!r}" if _is_number(value) else f"value is a {type(value).__name__}",
                "a number, or a Series indexed by customer",
                "value=pd.Series(values, index=customer_ids)",
            )
        )
    if isinstance(probability, pd.Series):
        index = _one_each(probability, "probability")
    else:
        index = pd.RangeIndex(1 if probability is None else np.size(probability), name="customer")
    return np.full(len(index), float(value)), index


def _probabilities(probability: Any, index: pd.Index[Any], *, named: bool) -> FloatArray:
    if probability is None:
        return np.ones(len(index))
    if isinstance(probability, pd.Series):
        chance = _aligned(probability, index, "probability") if named else _numbers(probability, "probability")
    else:
        chance = np.atleast_1d(np.asarray(probability, dtype=np.float64))
        if chance.shape == (1,):
            chance = np.repeat(chance, len(index))
        if chance.shape != (len(index),):
            raise DataError(
                message(
                    f"there are {chance.size:,} probabilities for {len(index):,} customers",
                    "one for each, in the same order",
                    "probability=pd.Series(p, index=customer_ids)",
                )
            )
    wrong = ~((chance >= 0) & (chance <= 1))
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum()):,} of {chance.size:,} probabilities are missing or outside 0 and 1 "
                f"({some(index[wrong].tolist())})",
                "the chance that the customer leaves",
                "model.predict_proba(X)[:, 1]",
            )
        )
    return chance


def _parts(direct: Mapping[str, Part] | None, indirect: Mapping[str, Part] | None) -> dict[str, tuple[str, Any]]:
    parts: dict[str, tuple[str, Any]] = {}
    for kind, given in (("direct", direct), ("indirect", indirect)):
        for name, part in (given or {}).items():
            if name in parts or name in {LOST_VALUE, "direct", "indirect", "total"}:
                raise ParameterError(
                    message(
                        f"a part of the {kind} cost is named {name!r}, and so is another line of the table",
                        "each part has a name of its own",
                        f"{kind}={{'{name}_2': ...}}",
                    )
                )
            parts[name] = (kind, part)
    return parts


def _amounts(part: Any, values: FloatArray, index: pd.Index[Any], name: str) -> FloatArray:
    """Low, likely and high cost of losing each customer."""
    if isinstance(part, pd.Series):
        amount = _aligned(part, index, name)
        wrong = amount < 0
        if wrong.any():
            raise ParameterError(
                message(
                    f"{name} is negative for {int(wrong.sum()):,} customers ({some(index[wrong].tolist())})",
                    "a cost is not negative",
                    f"{name}={name}.clip(lower=0)",
                )
            )
        return np.repeat(amount[None, :], 3, axis=0)
    if isinstance(part, ShareOfValue):
        return np.array([part.low, part.likely, part.high])[:, None] * np.maximum(values, 0.0)
    given = part if isinstance(part, (tuple, list)) else (part,)
    return np.repeat(np.array(_range(given, name))[:, None], len(values), axis=1)


def _range(given: Any, name: str) -> tuple[float, float, float]:
    """Return low, likely and high."""
    if not given or len(given) > 3 or not all(_is_number(bound) for bound in given):
        raise ParameterTypeError(
            message(
                f"{name} is {given!r}",
                "a number, (low, high), (low, likely, high), a Series by customer, or ShareOfValue",
                f"{name}=(20, 40)",
            )
        )
    bounds = [float(bound) for bound in given]
    if not all(0 <= bound < math.inf for bound in bounds) or bounds != sorted(bounds):
        raise ParameterError(
            message(
                f"{name}={tuple(given)!r} does not go from low to high, or is negative",
                "costs from the lowest to the highest, none negative",
                f"{name}={tuple(sorted(abs(bound) for bound in bounds))}",
            )
        )
    low, high = bounds[0], bounds[-1]
    return low, bounds[1] if len(bounds) == 3 else (low + high) / 2, high


def _aligned(series: pd.Series[Any], index: pd.Index[Any], name: str) -> FloatArray:
    position = _one_each(series, name).get_indexer(index)
    missing = position < 0
    if missing.any():
        raise DataError(
            message(
                f"{name} has no entry for {int(missing.sum()):,} of {len(index):,} customers "
                f"({some(index[missing].tolist())})",
                "customers are matched by label",
                f"{name}={name}.reindex(value.index, fill_value=0)",
            )
        )
    return _numbers(series, name)[position]


def _one_each(series: pd.Series[Any], name: str) -> pd.Index[Any]:
    try:
        index = customers_of(series)
    except SchemaError:
        if series.index.nlevels > 1:
            raise
        index = series.index  # these labels only have to match each other
    repeated = index[index.duplicated()].unique()
    if len(repeated):
        raise DuplicateError(
            message(
                f"{name} names {len(repeated):,} customers more than once ({some(repeated.tolist())})",
                "each customer is lost once",
                f"{name}={name}.groupby(level=0).last()",
            )
        )
    return index


def _numbers(series: pd.Series[Any], name: str) -> FloatArray:
    if not pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
        raise DataError(
            message(f"{name} holds {series.dtype} values", "numbers were expected", f"{name}=pd.to_numeric({name})")
        )
    values: FloatArray = series.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise DataError(
            message(
                f"{name} is missing or infinite for {int(wrong.sum()):,} of {len(values):,} customers "
                f"({some(series.index[wrong].tolist())})",
                "every customer needs a number",
                f"{name}={name}.fillna(0) if a gap means nothing",
            )
        )
    return values


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
